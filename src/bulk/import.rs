//! Import: every row becomes the command that a caller of the API would give, in the order in which rows name each
//! other. Names are looked up among the rows that passed, then in the database.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    path::Path,
    time::Duration,
};

use entity::{ClusterId, DeviceId, LineId, OrganizationId, UserId, device::Kind, line_appearance::Role};
use serde_json::{Map, Value};

use super::{
    Mode, Refusal, Report,
    column::{Empty, File},
    read::{self, Faults, Row, Table, Values},
    unreadable,
};
use crate::{
    app::{App, Call},
    caller::{Caller, Right},
    command::Command,
    error::Error,
    rule::{
        Broken, Change, Patch, Rule, RuleCode, cluster, device, line, organization, phone, profile, user,
        value,
    },
    store::{
        self, Source, Tx,
        page::{Filter, Order, Slice, by_ids, page},
        row::{Columns, all},
    },
};

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

/// What a row is named by, where other rows name it; and what several rows make together, to tell why it is not whole.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Key {
    Organization(String),
    /// The path of its organization, and its name.
    Cluster(String, String),
    Device(ClusterId, String),
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
        let configures = |table: &Table| right(table.file) == Right::Configure && !table.rows.is_empty();
        let right = if tables.iter().any(configures) { Right::Configure } else { Right::Edit };
        let mut tx = self.app.begin(self.caller, right, ids).await?;
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
                let mut tx = self.app.begin(self.caller, right(file), IDS).await?;
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
            File::Organizations | File::Clusters => {}
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

    async fn attempt(&mut self, tx: &mut Tx, file: File, row: &Values<'_>, part: Part) -> Result<Made, Stop> {
        if part == Part::Own {
            return self.own(tx, row).await;
        }
        match file {
            File::Organizations => self.make_organization(tx, row).await,
            File::Clusters => self.make_cluster(tx, row).await,
            File::Devices => self.make_device(tx, row).await,
            File::Users => self.make_user(tx, row).await,
            File::Profiles => self.make_profile(tx, row).await,
            File::ProfileUsers => self.associate(tx, row).await,
            File::Phones => self.make_phone(tx, row).await,
            File::Lines => self.make_line(tx, row).await,
            File::Appearances => self.place_line(tx, row).await,
            File::UserPhones | File::UserCtiProfiles => self.control(tx, file, row).await,
        }
    }

    async fn make_organization(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let path = row.must("path");
        let (parent, name) = match path.rsplit_once('.') {
            Some((parent, name)) => (Some(parent), name),
            None => (None, path),
        };
        let mut missing = Missing::default();
        let parent = match parent {
            Some(parent) => missing.take("path", self.organization(tx, parent).await?).map(Some),
            None => Some(None),
        };
        let parent = missing.settle(parent)?;
        let kind = row.word("kind").ok_or_else(unread)?;
        let cmd = organization::Create { parent, kind, name: name.to_owned() };
        let id = self.stage(tx, File::Organizations, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::Organization(value::key(path)), id, None))
    }

    async fn make_cluster(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let organization =
            missing.take("organization", self.organization(tx, row.must("organization")).await?);
        let organization = missing.settle(organization)?;
        let names = ["name", "description", "release", "multipleLogin", "maxLoginMinutes"];
        let cmd = cluster::Create { organization, fields: Patch::new(row.fields(&names)) };
        let id = self.stage(tx, File::Clusters, row, &cmd, |_| Faults::new()).await?;
        let key = Key::Cluster(value::key(row.must("organization")), value::key(row.must("name")));
        Ok(there(key, id, None))
    }

    async fn make_device(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let (cluster, organization) = missing.settle(place)?;
        let name = row.must("name").to_owned();
        let description = row.text("description").unwrap_or_default().to_owned();
        let key = Key::Device(cluster, value::key(&name));
        let cmd = device::Register { organization, cluster, name, description };
        let id = self.stage(tx, File::Devices, row, &cmd, |_| Faults::new()).await?;
        Ok(there(key, id, Some(Kind::Other)))
    }

    async fn make_user(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let (cluster, organization) = missing.settle(place)?;
        let names = [
            "firstName",
            "lastName",
            "displayName",
            "email",
            "department",
            "userLocale",
            "maxLoginMinutes",
            "crossCluster",
            "homeCluster",
        ];
        let cmd = user::Create {
            organization,
            cluster,
            user_id: row.must("userId").to_owned(),
            fields: Patch::new(row.fields(&names)),
            phones: Vec::new(),
            cti_profiles: Vec::new(),
            profiles: Vec::new(),
            new_profiles: Vec::new(),
            default_profile: None,
        };
        let id = self.stage(tx, File::Users, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::User(cluster, cmd.user_id), id, None))
    }

    /// The part of a user that names lines and profiles.
    async fn own(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let id = missing.take("userId", self.user(tx, cluster, row.must("userId")).await?);
        let profile = match row.text("defaultProfile") {
            Some(name) => {
                missing.take("defaultProfile", self.device(tx, cluster, name, Some(Kind::Profile)).await?)
            }
            None => None,
        };
        let partition = row.text("primaryPartition");
        let pattern = row.text("primaryPattern");
        let line = match pattern {
            Some(pattern) => {
                let line = self.line(tx, cluster, pattern, partition.unwrap_or_default()).await?;
                missing.take("primaryPattern", line)
            }
            None => None,
        };
        if partition.is_some() && pattern.is_none() {
            let rule = Rule::ValueRequired { what: "The primary pattern".to_owned() };
            missing.absent.push((Some("primaryPattern"), rule));
        }
        let id = missing.settle(id)?;

        // What is not the user's because a row that would have made it so was refused is told there.
        let failed = [Key::DevicesOf(id)].into_iter().chain(line.map(Key::AppearancesOf));
        let cause = failed.into_iter().find_map(|key| match self.known.get(&key) {
            Some(Known::Failed(cause)) => Some(*cause),
            _ => None,
        });
        let mut outcomes = Vec::new();
        if pattern.is_some() {
            let mut fields = row.fields(&["primaryPattern"]);
            fields.insert("primary_partition".to_owned(), partition.map_or(Value::Null, Value::from));
            let fields = Patch::new(fields);
            let cmd = user::Update { id, expected_version: None, fields, phones: None, cti_profiles: None };
            outcomes.push(self.stage(tx, File::Users, row, &cmd, |_| Faults::new()).await);
        }
        if profile.is_some() {
            let cmd = user::SetDefault { user: id, expected_version: None, profile };
            outcomes.push(self.stage(tx, File::Users, row, &cmd, |_| Faults::new()).await);
        }
        let mut faults = Faults::new();
        for outcome in outcomes {
            match outcome {
                Ok(_) => {}
                Err(Stop::Rules(rules)) => faults.extend(rules),
                Err(stop) => return Err(stop),
            }
        }
        let follows = |rule: &Rule| {
            matches!(rule.code(), RuleCode::PrimaryExtensionNotOwn | RuleCode::DefaultProfileNotAssociated)
        };
        match cause {
            _ if faults.is_empty() => Ok(None),
            Some(cause) if faults.iter().all(|(_, rule)| follows(rule)) => Err(Stop::Because(cause)),
            _ => Err(Stop::Rules(faults)),
        }
    }

    async fn make_profile(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let mut fields = device_fields(row, &[]);
        self.name_user(tx, &mut missing, place, row, "loginUser", &mut fields).await?;
        let (cluster, organization) = missing.settle(place)?;
        let cmd = profile::Create {
            organization,
            cluster,
            name: row.must("name").to_owned(),
            product: row.must("product").to_owned(),
            protocol: row.word("protocol").ok_or_else(unread)?,
            fields: Patch::new(fields),
            settings: row.settings(),
            lines: Vec::new(),
            users: Vec::new(),
        };
        let id = self.stage(tx, File::Profiles, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::Device(cluster, value::key(&cmd.name)), id, Some(Kind::Profile)))
    }

    async fn make_phone(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let mut fields = device_fields(row, &["extensionMobility"]);
        self.name_user(tx, &mut missing, place, row, "owner", &mut fields).await?;
        if let (Some((cluster, _)), Some(name)) = (place, row.text("logoutProfile")) {
            let found = self.device(tx, cluster, name, Some(Kind::Profile)).await?;
            if let Some(profile) = missing.take("logoutProfile", found) {
                fields.insert("logout_profile_id".to_owned(), profile.0.into());
            }
        }
        let (cluster, organization) = missing.settle(place)?;
        let cmd = phone::Create {
            organization,
            cluster,
            name: row.must("name").to_owned(),
            product: row.must("product").to_owned(),
            protocol: row.word("protocol").ok_or_else(unread)?,
            fields: Patch::new(fields),
        };
        let id = self.stage(tx, File::Phones, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::Device(cluster, value::key(&cmd.name)), id, Some(Kind::Phone)))
    }

    async fn make_line(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let place = self.place(tx, &mut missing, row).await?;
        let (cluster, organization) = missing.settle(place)?;
        let cmd = line::Create {
            organization,
            cluster,
            pattern: row.must("pattern").to_owned(),
            partition: row.text("partition").unwrap_or_default().to_owned(),
            description: row.text("description").unwrap_or_default().to_owned(),
            settings: row.settings(),
        };
        let id = self.stage(tx, File::Lines, row, &cmd, |_| Faults::new()).await?;
        Ok(there(Key::Line(cluster, cmd.pattern, cmd.partition), id, None))
    }

    async fn place_line(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let device = missing.take("device", self.device(tx, cluster, row.must("device"), None).await?);
        let partition = row.text("partition").unwrap_or_default();
        let line = missing.take("pattern", self.line(tx, cluster, row.must("pattern"), partition).await?);
        let role = row.word::<Role>("role");
        if let (Some(line), Some(Role::Clone)) = (line, role)
            && let Some(Known::Failed(cause)) = self.known.get(&Key::Original(line))
        {
            missing.because = Some(*cause);
        }
        let (device, line) = missing.settle(device.zip(line))?;
        let new = line::NewLine {
            line: line::Reference::Line(line),
            index: row.number("index"),
            label: row.text("label").map(str::to_owned),
            description: None,
            settings: row.settings(),
            line_settings: Patch::default(),
        };
        let cmd = line::Add { device, expected_version: None, line: new };
        let as_said = |changes: &[Change]| {
            let became = changes.iter().find_map(|change| match change {
                Change::AppearanceAdded { appearance, .. } => Some(appearance.role),
                _ => None,
            });
            let want = match (role, became) {
                (Some(Role::Original), Some(Role::Clone)) => "the line has its original already",
                (Some(Role::Clone), Some(Role::Original)) => {
                    "the line stands on no device yet; one of its appearances is the ORIGINAL"
                }
                _ => return Faults::new(),
            };
            vec![(Some("role"), unreadable("The role", want))]
        };
        self.stage(tx, File::Appearances, row, &cmd, as_said).await?;
        Ok((role == Some(Role::Original)).then_some((Key::Original(line), Known::There(line.0, None))))
    }

    async fn associate(&mut self, tx: &mut Tx, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let found = self.device(tx, cluster, row.must("profile"), Some(Kind::Profile)).await?;
        let profile = missing.take("profile", found);
        let user = missing.take("user", self.user(tx, cluster, row.must("user")).await?);
        let (profile, user) = missing.settle(profile.zip(user))?;
        // Behind a user who was refused, everybody stands one place further up.
        let whole = !matches!(self.known.get(&Key::UsersOf(profile)), Some(Known::Failed(_)));
        let asked = row.number("position").filter(|_| whole);
        let as_said = |changes: &[Change]| {
            let got = changes.iter().find_map(|change| match change {
                Change::UserAssociated { association, .. } => Some(association.position),
                _ => None,
            });
            match (asked, got) {
                (Some(asked), Some(got)) if asked != got => {
                    let want = format!("the profile's next place is {got}, and places have no gaps");
                    vec![(Some("position"), unreadable(format!("Position {asked}"), want))]
                }
                _ => Faults::new(),
            }
        };
        let cmd = user::Associate { profile, expected_version: None, users: vec![user] };
        self.stage(tx, File::ProfileUsers, row, &cmd, as_said).await?;
        Ok(None)
    }

    /// Adds a phone, or a profile for applications, to those that a user controls.
    async fn control(&mut self, tx: &mut Tx, file: File, row: &Values<'_>) -> Result<Made, Stop> {
        let mut missing = Missing::default();
        let Some(cluster) = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?) else {
            return missing.settle(None);
        };
        let (column, kind) =
            if file == File::UserPhones { ("phone", Kind::Phone) } else { ("profile", Kind::Profile) };
        let user = missing.take("user", self.user(tx, cluster, row.must("user")).await?);
        let device = missing.take(column, self.device(tx, cluster, row.must(column), Some(kind)).await?);
        let (id, device) = missing.settle(user.zip(device))?;
        let (mut phones, mut cti_profiles) = (None, None);
        let list = if file == File::UserPhones {
            phones.insert(store::user::phones(tx, id).await.map_err(Error::from)?)
        } else {
            cti_profiles.insert(store::user::cti_profiles(tx, id).await.map_err(Error::from)?)
        };
        list.push(device);
        let cmd = user::Update { id, expected_version: None, fields: Patch::default(), phones, cti_profiles };
        self.stage(tx, file, row, &cmd, |_| Faults::new()).await?;
        Ok(None)
    }

    /// Decides a command and applies it; `check` sees what it would change before. Answers the id of what it made.
    async fn stage<C: Command>(
        &self,
        tx: &mut Tx,
        file: File,
        row: &Values<'_>,
        cmd: &C,
        check: impl FnOnce(&[Change]) -> Faults,
    ) -> Result<Option<i64>, Stop> {
        let at_columns = |Broken(breaches): Broken| {
            // A clone's settings are refused as a whole: point at the first one that the row gives.
            let settings = || {
                let given = |name: &&str| !row.fields(&[*name]).is_empty();
                let columns = file.columns().iter().filter(|column| column.empty == Empty::Default);
                columns.map(|column| column.name).find(given)
            };
            let column = |path: &str| if path == "settings" { settings() } else { file.column_of(path) };
            breaches.into_iter().map(|breach| (column(&breach.path), breach.rule)).collect::<Faults>()
        };
        let changes = match cmd.decide(tx).await? {
            Ok(changes) => changes,
            Err(broken) => return Err(Stop::Rules(at_columns(broken))),
        };
        let faults = check(&changes);
        if !faults.is_empty() {
            return Err(Stop::Rules(faults));
        }
        let made = changes.first().and_then(made);
        if !changes.is_empty()
            && let Err(broken) = self.app.stage(tx, changes).await?
        {
            return Err(Stop::Clash(at_columns(broken)));
        }
        Ok(made)
    }

    /// The cluster and the organization of a row, where both are there.
    async fn place(
        &mut self,
        tx: &Tx,
        missing: &mut Missing,
        row: &Values<'_>,
    ) -> Result<Option<(ClusterId, OrganizationId)>, Error> {
        let cluster = missing.take("cluster", self.cluster(tx, row.must("cluster")).await?);
        let organization = self.organization(tx, row.must("organization")).await?;
        Ok(cluster.zip(missing.take("organization", organization)))
    }

    /// Notes the user that a column names, under the field's name in the model.
    async fn name_user(
        &mut self,
        tx: &Tx,
        missing: &mut Missing,
        place: Option<(ClusterId, OrganizationId)>,
        row: &Values<'_>,
        column: &'static str,
        fields: &mut Map<String, Value>,
    ) -> Result<(), Error> {
        if let (Some((cluster, _)), Some(name)) = (place, row.text(column))
            && let Some(user) = missing.take(column, self.user(tx, cluster, name).await?)
        {
            fields.insert(format!("{}_id", super::names::snake(column)), user.0.into());
        }
        Ok(())
    }

    async fn organization(
        &mut self,
        source: &impl Source,
        path: &str,
    ) -> Result<Result<OrganizationId, Miss>, Error> {
        let found = self.look_up(source, Key::Organization(value::key(path))).await?;
        Ok(found.ok_or_else(|| absent("organization", path)).and_then(at).map(|(id, _)| OrganizationId(id)))
    }

    async fn device(
        &mut self,
        source: &impl Source,
        cluster: ClusterId,
        name: &str,
        kind: Option<Kind>,
    ) -> Result<Result<DeviceId, Miss>, Error> {
        let noun = match kind {
            Some(Kind::Profile) => "profile",
            Some(Kind::Phone) => "phone",
            Some(Kind::Other) | None => "device",
        };
        let found = self.look_up(source, Key::Device(cluster, value::key(name))).await?;
        Ok(found.ok_or_else(|| absent(noun, name)).and_then(at).and_then(|(id, is)| {
            if kind.is_none() || is == kind { Ok(DeviceId(id)) } else { Err(absent(noun, name)) }
        }))
    }

    async fn user(
        &mut self,
        source: &impl Source,
        cluster: ClusterId,
        user_id: &str,
    ) -> Result<Result<UserId, Miss>, Error> {
        let found = self.look_up(source, Key::User(cluster, user_id.to_owned())).await?;
        Ok(found.ok_or_else(|| absent("user", user_id)).and_then(at).map(|(id, _)| UserId(id)))
    }

    async fn line(
        &mut self,
        source: &impl Source,
        cluster: ClusterId,
        pattern: &str,
        partition: &str,
    ) -> Result<Result<LineId, Miss>, Error> {
        let key = Key::Line(cluster, pattern.to_owned(), partition.to_owned());
        let found = self.look_up(source, key).await?;
        let missing = || {
            let rule = if partition.is_empty() {
                format!("'{pattern}' without a partition")
            } else {
                format!("'{pattern}' in partition '{partition}'")
            };
            Miss::Absent(Rule::NotFound { noun: "line", id: rule })
        };
        Ok(found.ok_or_else(missing).and_then(at).map(|(id, _)| LineId(id)))
    }

    async fn cluster(&mut self, source: &impl Source, text: &str) -> Result<Result<ClusterId, Miss>, Error> {
        let (path, name) = match text.rsplit_once('.') {
            Some((path, name)) => (Some(value::key(path)), value::key(name)),
            None => (None, value::key(text)),
        };
        if !self.clusters.contains_key(&name) {
            let named = self.clusters_named(source, &name).await?;
            self.clusters.insert(name.clone(), named);
        }
        let named = self.clusters[&name].iter();
        let mut fitting = named.filter(|(of, _)| path.as_ref().is_none_or(|path| path == of));
        Ok(match (fitting.next(), fitting.next()) {
            (None, _) => Err(absent("cluster", text)),
            (Some((_, found)), None) => found.map_err(Miss::Failed),
            (Some((of, _)), Some(_)) => Err(Miss::Absent(unreadable(
                format!("'{text}'"),
                format!("several clusters have the name; write organization.path.name, such as {of}.{name}"),
            ))),
        })
    }

    /// Every cluster of that name, with those that were refused. Cluster rows come before all that name them.
    async fn clusters_named(&self, source: &impl Source, name: &str) -> Result<Vec<Cluster>, Error> {
        let stored = self.stored_clusters(source, name).await?;
        let failed = self.known.iter().filter_map(|(key, known)| match (key, known) {
            (Key::Cluster(path, is), Known::Failed(cause)) if is == name => Some((path.clone(), Err(*cause))),
            _ => None,
        });
        Ok(stored.into_iter().map(|(path, id)| (path, Ok(id))).chain(failed).collect())
    }

    async fn stored_clusters(
        &self,
        source: &impl Source,
        name: &str,
    ) -> Result<Vec<(String, ClusterId)>, Error> {
        let filter = Filter::Is("t.name_key", name.to_owned());
        let order = store::cluster::BY_NAME;
        let rows: Vec<store::cluster::Row> = self.first(source, &filter, order, 1_000).await?;
        let ids =
            rows.iter().map(|row| Ok(row.organization_id.get()?.0)).collect::<Result<Vec<_>, Error>>()?;
        let columns = Columns { own: all::<store::organization::Row>(), line: 0 };
        let paths = by_ids::<store::organization::Row>(source, self.caller.scope, &ids, columns).await?;
        let mut stored = Vec::new();
        for (row, organization) in rows.iter().zip(ids) {
            // A cluster above the caller's subtree is known by its name alone.
            let path = match paths.get(&organization) {
                Some(organization) => organization.path_key.get()?.clone(),
                None => String::new(),
            };
            stored.push((path, *row.id.get()?));
        }
        Ok(stored)
    }

    async fn look_up(&mut self, source: &impl Source, key: Key) -> Result<Option<Known>, Error> {
        if let Some(known) = self.known.get(&key) {
            return Ok(Some(*known));
        }
        let found = self.find(source, &key).await?;
        if let (Some(found), Entry::Vacant(place)) = (found, self.known.entry(key)) {
            place.insert(found);
        }
        Ok(found)
    }

    /// What the database holds under a key, as far as the caller sees it.
    async fn find(&self, source: &impl Source, key: &Key) -> Result<Option<Known>, Error> {
        let on = |cluster: &ClusterId| Filter::Numbers("t.cluster_id", vec![cluster.0]);
        Ok(match key {
            Key::Organization(path) => {
                let found = store::organization::by_path(source, self.caller.scope, path).await?;
                found.map(|id| Known::There(id.0, None))
            }
            Key::Device(cluster, name) => {
                let filter = Filter::All(vec![on(cluster), Filter::Is("t.name_key", name.clone())]);
                let found: Vec<store::device::Row> =
                    self.first(source, &filter, store::device::BY_NAME, 1).await?;
                match found.first() {
                    Some(row) => Some(Known::There(row.id.get()?.0, Some(*row.kind.get()?))),
                    None => None,
                }
            }
            Key::User(cluster, user_id) => {
                let filter = Filter::All(vec![on(cluster), Filter::Is("t.user_id", user_id.clone())]);
                let found: Vec<store::user::Row> =
                    self.first(source, &filter, store::user::BY_USER_ID, 1).await?;
                match found.first() {
                    Some(row) => Some(Known::There(row.id.get()?.0, None)),
                    None => None,
                }
            }
            Key::Line(cluster, pattern, partition) => {
                let filter = Filter::All(vec![
                    on(cluster),
                    Filter::Is("t.pattern", pattern.clone()),
                    Filter::Is("t.partition", partition.clone()),
                ]);
                let found: Vec<store::line::Row> =
                    self.first(source, &filter, store::line::BY_PATTERN, 1).await?;
                match found.first() {
                    Some(row) => Some(Known::There(row.id.get()?.0, None)),
                    None => None,
                }
            }
            Key::Cluster(path, name) => {
                let mut stored = self.stored_clusters(source, name).await?.into_iter();
                stored.find(|(of, _)| of == path).map(|(_, id)| Known::There(id.0, None))
            }
            Key::Original(line) => {
                let filter = Filter::All(vec![
                    Filter::Numbers("t.line_id", vec![line.0]),
                    Filter::Is("t.role", "ORIGINAL".to_owned()),
                ]);
                let order = store::line::OF_LINE.order;
                let found: Vec<store::line::AppearanceRow> = self.first(source, &filter, order, 1).await?;
                found.first().map(|_| Known::There(line.0, None))
            }
            Key::AppearancesOf(_) | Key::UsersOf(_) | Key::DevicesOf(_) => None,
        })
    }

    async fn first<R: store::row::Row>(
        &self,
        source: &impl Source,
        filter: &Filter,
        order: Order,
        limit: u32,
    ) -> Result<Vec<R>, Error> {
        let slice = Slice { limit, after: None, before: None, backwards: false };
        let columns = Columns { own: all::<R>(), line: 0 };
        let page = page::<R>(source, self.caller.scope, filter, order, &slice, columns).await?;
        Ok(page.rows.into_iter().map(|(row, _)| row).collect())
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
            _ => {}
        }
        steps.extend(rows.into_iter().map(|row| (table, row, Part::Row)));
    }
    for table in tables.iter().filter(|table| table.file == File::Users) {
        let own = ["primaryPattern", "primaryPartition", "defaultProfile"];
        let rows =
            table.rows.iter().filter(|row| own.iter().any(|column| !table.raw(row, column).is_empty()));
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

fn right(file: File) -> Right {
    match file {
        File::Organizations | File::Clusters => Right::Configure,
        _ => Right::Edit,
    }
}

fn refusal(file: File, row: &Row, column: Option<&str>, rule: &Rule) -> Refusal {
    Refusal::new(file.name(), Some(row.line), column, rule)
}

/// What a profile and a phone have in common. An empty softkey template is none, a missing column the stock one.
fn device_fields(row: &Values<'_>, more: &[&str]) -> Map<String, Value> {
    let mut fields = row.fields(&["description", "buttonTemplate", "softkeyTemplate"]);
    fields.extend(row.fields(more));
    if row.has("softkeyTemplate") && row.text("softkeyTemplate").is_none() {
        fields.insert("softkey_template".to_owned(), Value::Null);
    }
    fields
}

fn there(key: Key, id: Option<i64>, kind: Option<Kind>) -> Made {
    id.map(|id| (key, Known::There(id, kind)))
}

fn at(known: Known) -> Result<(i64, Option<Kind>), Miss> {
    match known {
        Known::There(id, kind) => Ok((id, kind)),
        Known::Failed(cause) => Err(Miss::Failed(cause)),
    }
}

fn absent(noun: &'static str, name: &str) -> Miss {
    Miss::Absent(Rule::NotFound { noun, id: format!("'{name}'") })
}

/// A word that was read and is not one of the enum's: the table and the type differ.
fn unread() -> Stop {
    Stop::Error(Error::internal(anyhow::anyhow!("a word of the columns is not one of its type")))
}

/// The id of what a change made.
fn made(change: &Change) -> Option<i64> {
    match change {
        Change::OrganizationCreated { organization } => Some(organization.id.0),
        Change::ClusterCreated { cluster } => Some(cluster.id.0),
        Change::DeviceRegistered { device } => Some(device.id.0),
        Change::ProfileCreated { profile } => Some(profile.id.0),
        Change::PhoneCreated { phone } => Some(phone.id.0),
        Change::LineCreated { line } => Some(line.id.0),
        Change::UserCreated { user } => Some(user.id.0),
        _ => None,
    }
}
