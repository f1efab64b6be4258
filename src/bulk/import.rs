//! Import: every row becomes the command that a caller of the API would give, in the order in which rows name each
//! other. Names are looked up among the rows that passed, then in the database.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    time::Duration,
};

use entity::{
    ClusterId, DeviceId, LineId, OrganizationId, QuickAddId, UserId, device::Kind, job::Mode as Way,
};

use super::{
    Mode, Refusal, Report,
    column::File,
    read::{self, Faults, Row, Table, Values},
};
use crate::{
    app::{App, Call},
    caller::{Action, Caller, Noun, Right},
    error::Error,
    rule::{Rule, value},
    store::{Source, Tx},
};

mod change;
mod known;
mod make;

/// Ids that a row may take.
const IDS: i64 = 8;
/// How often a row that another transaction stands in the way of is tried, where every row stands for itself.
const TRIES: u32 = 5;

/// Loads a folder. `progress` is told how many rows more are done, of how many in all.
pub async fn import(
    app: &App,
    caller: &Caller,
    folder: &Path,
    mode: Mode,
    mut progress: impl FnMut(u64, u64) + Send,
) -> Result<Report, Error> {
    let (tables, mut refusals) = read::folder(folder)?;
    if !refusals.is_empty() {
        for table in &tables {
            for row in &table.rows {
                let faults = table.values(row).err().unwrap_or_default();
                refusals.extend(faults.iter().map(|(column, rule)| refusal(table.file, row, *column, rule)));
            }
        }
        return Ok(Report { refusals, ..Report::default() });
    }
    let mut import = Import {
        app,
        caller,
        call: Call { reason: Some("import".to_owned()), ..Call::default() },
        known: HashMap::new(),
        clusters: HashMap::new(),
        foreseen: None,
        room: HashMap::new(),
        refused: Vec::new(),
    };
    // A dry run leaves out what would be refused and drops the rest, so one transaction shows what `each` would do.
    let (passed, kept) = if mode.each && !mode.dry_run {
        (import.each(&tables, &mut progress).await?, true)
    } else {
        import.whole(&tables, mode, &mut progress).await?
    };
    let count = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
    let files = tables
        .iter()
        .map(|table| (table.file, count(table.rows.len()), passed.get(&table.file).copied().unwrap_or(0)));
    let files = files.collect();
    // Told in the order of the files; the second look at a file comes after the others.
    import.refused.sort_by_key(|(file, refusal)| (*file as usize, refusal.line));
    Ok(Report { files, refusals: import.refused.into_iter().map(|(_, refusal)| refusal).collect(), kept })
}

/// A row of a job, imported beside others in a transaction; nothing of it is left when it is refused.
pub struct Alone<'a>(Import<'a>);

impl<'a> Alone<'a> {
    /// For rows of one transaction.
    pub fn new(app: &'a App, caller: &'a Caller) -> Self {
        Self(Import {
            app,
            caller,
            call: Call::default(),
            known: HashMap::new(),
            clusters: HashMap::new(),
            foreseen: None,
            room: HashMap::new(),
            refused: Vec::new(),
        })
    }

    /// Tells how many numbers earlier rows take before the next row, as far as they are not in this transaction; none where
    /// all that is before it was done.
    pub fn foresee(&mut self, taken: Option<i64>) {
        self.0.foreseen = taken;
    }

    /// Imports the row, or does what it says to what it names; answers what is wrong with it.
    pub async fn row(
        &mut self,
        tx: &mut Tx,
        file: File,
        way: Way,
        row: &Values<'_>,
    ) -> Result<Faults, Error> {
        let mut tried = 0;
        loop {
            tried += 1;
            let mark = tx.mark().await?;
            let mut done = match way {
                Way::Create => self.0.attempt(tx, file, row, Part::Row).await,
                Way::Update => self.0.change(tx, file, row).await.map(|()| None),
                Way::Delete => self.0.delete(tx, file, row).await.map(|()| None),
            };
            if let Ok(made) = done {
                self.0.keep(made);
                let own = way == Way::Create
                    && file == File::Users
                    && OWN.iter().any(|column| row.text(column).is_some());
                done = if own { self.0.attempt(tx, file, row, Part::Own).await } else { Ok(None) };
            }
            let Err(stop) = done else {
                tx.keep(mark).await?;
                return Ok(Faults::new());
            };
            if let Stop::Error(error) = stop {
                return Err(error);
            }
            tx.back(mark).await?;
            // What was found may have been the row's own.
            self.0.known.clear();
            self.0.clusters.clear();
            match stop {
                Stop::Rules(faults) => return Ok(faults),
                Stop::Clash(faults) if tried == TRIES => return Ok(faults),
                Stop::Clash(_) => {}
                Stop::Error(error) => return Err(error),
                // Only rows of one import wait for each other.
                Stop::Because(_) => {
                    return Err(Error::internal(anyhow::anyhow!("a row waits for another one")));
                }
            }
        }
    }
}

/// Columns of a user that name lines and profiles.
const OWN: [&str; 3] = ["primaryPattern", "primaryPartition", "defaultProfile"];

/// What a row is named by, where other rows name it; and what several rows make together, to tell why it is not whole.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Key {
    Organization(String),
    /// The path of its organization, and its name.
    Cluster(String, String),
    /// At this organization, or the only one that has the name.
    QuickAddGroup(Option<OrganizationId>, String),
    Device(ClusterId, String),
    Service(ClusterId, String),
    User(ClusterId, String),
    Line(ClusterId, String, String),
    Original(LineId),
    AppearancesOf(LineId),
    UsersOf(DeviceId),
    DevicesOf(UserId),
}

/// What is known of a key.
#[derive(Clone, Copy, Debug)]
enum Known {
    There(i64, Option<Kind>),
    /// The refusal that it failed for.
    Failed(usize),
}

/// Why something that a row names cannot be had.
enum Miss {
    Absent(Rule),
    Failed(usize),
}

/// Why a row is not taken.
enum Stop {
    Rules(Faults),
    /// Because another one was refused.
    Because(usize),
    /// Somebody else wrote at the same time, and the transaction cannot go on.
    Clash(Faults),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// What several commands of one row come to: the rules that any of them breaks.
fn together<T>(outcomes: impl IntoIterator<Item = Result<T, Stop>>) -> Result<(), Stop> {
    let mut faults = Faults::new();
    for outcome in outcomes {
        match outcome {
            Ok(_) => {}
            Err(Stop::Rules(rules)) => faults.extend(rules),
            Err(stop) => return Err(stop),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Stop::Rules(faults)) }
}

/// What a row names, as far as it is not there.
#[derive(Default)]
struct Missing {
    absent: Faults,
    because: Option<usize>,
}

impl Missing {
    fn take<T>(&mut self, column: &'static str, found: Result<T, Miss>) -> Option<T> {
        match found {
            Ok(found) => return Some(found),
            Err(Miss::Absent(rule)) => self.absent.push((Some(column), rule)),
            Err(Miss::Failed(cause)) => self.because = Some(cause),
        }
        None
    }

    fn settle<T>(self, found: Option<T>) -> Result<T, Stop> {
        match (self.because, found) {
            (None, Some(found)) if self.absent.is_empty() => Ok(found),
            (Some(cause), _) if self.absent.is_empty() => Err(Stop::Because(cause)),
            _ => Err(Stop::Rules(self.absent)),
        }
    }
}

/// Which part of a row is done: what waits for others is done after them.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    Row,
    /// A user's primary extension and default profile.
    Own,
}

/// The path of a cluster's organization, and the cluster or the refusal that it failed for.
type Cluster = (String, Result<ClusterId, usize>);
type Made = Option<(Key, Known)>;
type Passed = HashMap<File, u64>;

struct Import<'a> {
    app: &'a App,
    caller: &'a Caller,
    call: Call,
    known: HashMap<Key, Known>,
    /// Clusters by name.
    clusters: HashMap<String, Vec<Cluster>>,
    /// How many numbers rows of other transactions will have taken where this one takes the next; none where they have.
    foreseen: Option<i64>,
    /// How many numbers are left then to rows of a Quick Add group.
    room: HashMap<(QuickAddId, Option<OrganizationId>), i64>,
    refused: Vec<(File, Refusal)>,
}

impl Import<'_> {
    /// All rows or none.
    async fn whole(
        &mut self,
        tables: &[Table],
        mode: Mode,
        progress: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<(Passed, bool), Error> {
        let steps = steps(tables);
        let total = rows(tables);
        let ids = i64::try_from(total).unwrap_or(i64::MAX).saturating_mul(IDS).saturating_add(1_000);
        let asked = tables.iter().filter(|table| !table.rows.is_empty());
        let asked = asked.map(|table| right(table.file, Way::Create));
        if let Some(right) = { asked }.find(|right| !self.caller.may(*right)) {
            return Err(Error::Denied(right));
        }
        let mut tx = self.app.begin(self.caller, Right::Bulk, ids).await?;
        tx.unpace();
        let (mut passed, mut failed) = (Passed::new(), HashSet::new());
        for (table, row, part) in steps {
            if part == Part::Own && failed.contains(&(table.file, row.line)) {
                continue;
            }
            let outcome = match table.values(row) {
                Ok(values) => self.attempt(&mut tx, table.file, &values, part).await,
                Err(faults) => Err(Stop::Rules(faults)),
            };
            match outcome {
                Ok(made) => self.keep(made),
                Err(stop) => {
                    failed.insert((table.file, row.line));
                    let clash = matches!(stop, Stop::Clash(_));
                    let cause = self.refuse(table.file, row, stop)?;
                    if clash {
                        break;
                    }
                    self.fail(&tx, table, row, cause).await?;
                }
            }
            advance(&mut passed, &failed, table, row, part, || progress(1, total));
        }
        if mode.dry_run || !self.refused.is_empty() {
            self.app.abandon(tx).await?;
            return Ok((passed, false));
        }
        self.app.commit(tx, self.caller, &self.call, "").await?;
        Ok((passed, true))
    }

    /// Every row in a transaction of its own.
    async fn each(
        &mut self,
        tables: &[Table],
        progress: &mut (impl FnMut(u64, u64) + Send),
    ) -> Result<Passed, Error> {
        let total = rows(tables);
        let (mut passed, mut failed) = (Passed::new(), HashSet::new());
        for (table, row, part) in steps(tables) {
            if part == Part::Own && failed.contains(&(table.file, row.line)) {
                continue;
            }
            let outcome = match table.values(row) {
                Ok(values) => self.alone(table.file, &values, part).await,
                Err(faults) => Err(Stop::Rules(faults)),
            };
            match outcome {
                Ok(made) => self.keep(made),
                Err(stop) => {
                    failed.insert((table.file, row.line));
                    let cause = self.refuse(table.file, row, stop)?;
                    self.fail(&self.app.read(self.caller), table, row, cause).await?;
                }
            }
            advance(&mut passed, &failed, table, row, part, || progress(1, total));
        }
        Ok(passed)
    }

    async fn alone(&mut self, file: File, row: &Values<'_>, part: Part) -> Result<Made, Stop> {
        let mut tried = 0;
        loop {
            tried += 1;
            let done = async {
                let mut tx = self.app.begin(self.caller, right(file, Way::Create), IDS).await?;
                tx.unpace();
                match self.attempt(&mut tx, file, row, part).await {
                    Ok(made) => {
                        self.app.commit(tx, self.caller, &self.call, "").await?;
                        Ok(made)
                    }
                    Err(stop) => {
                        self.app.abandon(tx).await?;
                        Err(stop)
                    }
                }
            };
            match done.await {
                Err(Stop::Error(Error::Busy)) if tried < TRIES => {
                    tokio::time::sleep(Duration::from_millis(5 << tried)).await;
                }
                outcome => return outcome,
            }
        }
    }

    fn keep(&mut self, made: Made) {
        if let Some((key, known)) = made {
            self.known.insert(key, known);
        }
    }

    /// Notes why a row was refused; answers which refusal it is.
    fn refuse(&mut self, file: File, row: &Row, stop: Stop) -> Result<usize, Error> {
        match stop {
            Stop::Error(error) => Err(error),
            Stop::Because(cause) => {
                self.refused[cause].1.dependents += 1;
                Ok(cause)
            }
            Stop::Rules(faults) | Stop::Clash(faults) => {
                let cause = self.refused.len();
                let faults = faults.iter().map(|(column, rule)| (file, refusal(file, row, *column, rule)));
                self.refused.extend(faults);
                Ok(cause)
            }
        }
    }

    /// Notes that what the row would have made is not there, unless it is.
    async fn fail(
        &mut self,
        source: &impl Source,
        table: &Table,
        row: &Row,
        cause: usize,
    ) -> Result<(), Error> {
        for key in self.keys(source, table, row).await? {
            if self.known.contains_key(&key) {
                continue;
            }
            let known = self.find(source, &key).await?.unwrap_or(Known::Failed(cause));
            self.known.insert(key, known);
        }
        Ok(())
    }

    /// What the row would have made, by its bare cells.
    async fn keys(&mut self, source: &impl Source, table: &Table, row: &Row) -> Result<Vec<Key>, Error> {
        let cell = |column| table.raw(row, column);
        let lower = |column| value::key(cell(column));
        if table.file == File::Organizations {
            return Ok(vec![Key::Organization(lower("path"))]);
        }
        if table.file == File::Clusters {
            return Ok(vec![Key::Cluster(lower("organization"), lower("name"))]);
        }
        let Ok(cluster) = self.cluster(source, cell("cluster")).await? else { return Ok(Vec::new()) };
        let mut keys = Vec::new();
        match table.file {
            // No row needs these to be there.
            File::Organizations
            | File::Clusters
            | File::Buttons
            | File::Templates
            | File::Numbers
            | File::DefaultDeviceProfiles
            | File::ServiceSubscriptions
            | File::Sessions
            | File::QuickAddGroups
            | File::QuickAdds => {}
            File::Services => keys.push(Key::Service(cluster, lower("name"))),
            File::Devices | File::Profiles | File::Phones => keys.push(Key::Device(cluster, lower("name"))),
            File::Users => keys.push(Key::User(cluster, cell("userId").to_owned())),
            File::Lines => {
                keys.push(Key::Line(cluster, cell("pattern").to_owned(), cell("partition").to_owned()));
            }
            File::ProfileUsers | File::UserPhones | File::UserCtiProfiles => {
                if let Ok(user) = self.user(source, cluster, cell("user")).await? {
                    keys.push(Key::DevicesOf(user));
                }
                if let Ok(profile) =
                    self.device(source, cluster, cell("profile"), Some(Kind::Profile)).await?
                {
                    keys.push(Key::UsersOf(profile));
                }
            }
            File::Appearances => {
                if let Ok(line) = self.line(source, cluster, cell("pattern"), cell("partition")).await? {
                    keys.push(Key::AppearancesOf(line));
                    if cell("role").trim().eq_ignore_ascii_case("ORIGINAL") {
                        keys.push(Key::Original(line));
                    }
                }
            }
        }
        Ok(keys)
    }
}

/// Every row in the order in which it is done.
fn steps(tables: &[Table]) -> Vec<(&Table, &Row, Part)> {
    let mut steps = Vec::new();
    for table in tables {
        let mut rows: Vec<_> = table.rows.iter().collect();
        let number = |row: &Row, column| table.raw(row, column).trim().parse().unwrap_or(i64::MAX);
        match table.file {
            // Parents before children.
            File::Organizations => rows.sort_by_key(|row| table.raw(row, "path").matches('.').count()),
            File::ProfileUsers => rows.sort_by_key(|row| number(row, "position")),
            // Originals before clones, and the oldest clone first.
            File::Appearances => rows.sort_by_key(|row| {
                let original = table.raw(row, "role").trim().eq_ignore_ascii_case("ORIGINAL");
                (!original, number(row, "created"))
            }),
            // What asks for a position before what takes a free one.
            File::Buttons => rows.sort_by_key(|row| number(row, "index")),
            _ => {}
        }
        steps.extend(rows.into_iter().map(|row| (table, row, Part::Row)));
    }
    for table in tables.iter().filter(|table| table.file == File::Users) {
        let rows =
            table.rows.iter().filter(|row| OWN.iter().any(|column| !table.raw(row, column).is_empty()));
        steps.extend(rows.map(|row| (table, row, Part::Own)));
    }
    steps
}

fn rows(tables: &[Table]) -> u64 {
    tables.iter().map(|table| u64::try_from(table.rows.len()).unwrap_or(0)).sum()
}

/// Counts a row that is done; a second look that fails takes back what the first one counted.
fn advance(
    passed: &mut Passed,
    failed: &HashSet<(File, u64)>,
    table: &Table,
    row: &Row,
    part: Part,
    progress: impl FnOnce(),
) {
    let count = passed.entry(table.file).or_default();
    match (part, failed.contains(&(table.file, row.line))) {
        (Part::Row, false) => *count += 1,
        (Part::Own, true) => *count -= 1,
        (Part::Row, true) | (Part::Own, false) => {}
    }
    if part == Part::Row {
        progress();
    }
}

/// What rows of the file ask to be allowed: an import's own right, or that of the command which each of them gives.
pub fn right(file: File, way: Way) -> Right {
    match (way, file) {
        (Way::Create, _) => Right::Import(noun(file)),
        (_, File::Services) => Right::To(Action::Configure, noun(file)),
        (Way::Update, _) => Right::To(Action::Update, noun(file)),
        (Way::Delete, _) => Right::To(Action::Delete, noun(file)),
    }
}

/// Whose right it is what the rows of a file do.
pub fn noun(file: File) -> Noun {
    match file {
        File::Organizations => Noun::Organization,
        File::Clusters => Noun::Cluster,
        File::Devices => Noun::Device,
        File::Users | File::QuickAdds | File::UserPhones | File::UserCtiProfiles => Noun::User,
        File::Profiles | File::ProfileUsers => Noun::Profile,
        File::Phones => Noun::Phone,
        File::Lines | File::Appearances => Noun::Line,
        File::Buttons => Noun::Button,
        File::Templates => Noun::Template,
        File::Numbers => Noun::Number,
        File::DefaultDeviceProfiles => Noun::DefaultDeviceProfile,
        File::Sessions => Noun::Session,
        File::Services => Noun::Service,
        File::ServiceSubscriptions => Noun::ServiceSubscription,
        File::QuickAddGroups => Noun::QuickAddGroup,
    }
}

fn refusal(file: File, row: &Row, column: Option<&str>, rule: &Rule) -> Refusal {
    Refusal::new(file.name(), Some(row.line), column, rule)
}
