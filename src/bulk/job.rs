//! Jobs: rows that come as an upload, are validated, and are run, part by part. A part is one transaction that does rows,
//! keeps their outcomes and moves the job on, so no row is done twice whatever dies in between; it is short, so that
//! others who write get their turn. Whoever works on a job holds its lease; a lease that is not renewed is another
//! server's to take.

use std::time::{Duration, Instant};

use entity::{
    DeviceId, JobId, Moment,
    job::{Format, Kind, Mode, Model, State},
};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    Refusal,
    column::File,
    earlier::Earlier,
    import::{Alone, right},
    read::{Faults, kept},
    secret::{Apart, whole},
    unreadable,
    upload::Upload,
};
use crate::{
    app::{App, Call},
    caller::{Action, Caller, Noun, Right},
    command::{self, job::starter},
    error::Error,
    rule::{
        Broken, Change, Patch, Rule, RuleCode,
        job::{Advance, Start, Step, progressed, worked},
        profile,
        session::ApplyPolicy,
    },
    store::{
        Tx,
        job::{self as rows, Ended, Kept, Outcome, Verdict},
        page::{Filter, Key, KeyValue, Order, Slice, page},
        profile as found,
        row::{Columns, Row as _, bit},
    },
};

/// Rows that are read at once.
const ROWS: i64 = 200;
/// Ids that a row may take.
const IDS: i64 = 1_000;
/// Rows of an upload that are kept at once.
const PART: usize = 500;
/// Rows of a result that are read at once.
const PAGE: i64 = 1_000;
/// How often a part that another transaction stands in the way of is tried.
const TRIES: u32 = 5;
/// How often a server looks for work.
const LOOK: Duration = Duration::from_secs(1);
/// Microseconds between two changes that tell how far a job is.
const TELL: i64 = 1_000_000;

/// What is done to each profile of a job.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Set {
    /// Which profiles, as the caller said it.
    pub filter: String,
    pub fields: Patch<profile::Fields>,
    pub settings: Patch<entity::profile::Settings>,
    /// What becomes of the phones that show them.
    pub apply_policy: ApplyPolicy,
}

/// What came of an upload.
#[derive(Debug)]
pub enum Received {
    Taken(Box<Model>),
    /// It cannot be read; the job has failed and keeps none of it.
    Refused(Vec<Refusal>),
    /// The job does not wait for data.
    Broken(Broken),
}

/// The command that starts an import.
pub fn import(
    caller: &Caller,
    (file, mode): (File, Mode),
    format: Format,
    auto_run: bool,
    reason: Option<String>,
) -> Start {
    Start {
        by: starter(caller),
        kind: Kind::Import,
        noun: file.noun().to_owned(),
        mode,
        format: Some(format),
        auto_run,
        reason,
        task: None,
        receiving: false,
    }
}

/// What a job asks for that does one thing to many profiles, beside doing many at once.
const UPDATE: Right = Right::To(Action::Update, Noun::Profile);

/// Refuses who may not change many profiles at once.
pub fn may_update(caller: &Caller) -> Result<(), Error> {
    let lacking = [UPDATE, UPDATE.many()].into_iter().find(|right| !caller.may(*right));
    lacking.map_or(Ok(()), |right| Err(Error::Denied(right)))
}

/// Refuses what rows of the file cannot do, and who may not have them do it.
pub fn may_import(caller: &Caller, file: File, mode: Mode) -> Result<(), Error> {
    if !file.takes(mode) {
        let nouns: Vec<_> = File::imported().filter(|file| file.takes(mode)).map(File::noun).collect();
        let (noun, nouns) = (file.noun(), nouns.join(", "));
        return Err(Error::Input(format!(
            "rows of {noun} are only created; those of {nouns} are changed and deleted, too"
        )));
    }
    let right = right(file, mode);
    let lacking = [right, right.many()].into_iter().find(|right| !caller.may(*right));
    lacking.map_or(Ok(()), |right| Err(Error::Denied(right)))
}

/// Starts an import and takes its data.
pub async fn start<B: AsRef<[u8]>>(
    app: &App,
    caller: &Caller,
    cmd: Start,
    data: impl Stream<Item = Result<B, String>>,
) -> Result<(JobId, Received), Error> {
    let cmd = Start { receiving: true, ..cmd };
    let call = Call { reason: cmd.reason.clone(), ..Call::default() };
    let started = command::run(app, caller, &call, &cmd).await?.map_err(Error::Rules)?;
    let Some(Change::JobStarted { job }) = started.changes.into_iter().next() else {
        return Err(Error::internal(anyhow::anyhow!("a started job is not told")));
    };
    Ok((job.id, take(app, caller, job, data).await?))
}

/// Takes the data of a job that waits for it.
pub async fn receive<B: AsRef<[u8]>>(
    app: &App,
    caller: &Caller,
    id: JobId,
    data: impl Stream<Item = Result<B, String>>,
) -> Result<Received, Error> {
    match advance(app, caller, id, Step::Receive).await? {
        Ok(Some(job)) => take(app, caller, job, data).await,
        Ok(None) => Err(Error::internal(anyhow::anyhow!("a job that moved on is not told"))),
        Err(broken) => Ok(Received::Broken(broken)),
    }
}

async fn take<B: AsRef<[u8]>>(
    app: &App,
    caller: &Caller,
    job: Model,
    data: impl Stream<Item = Result<B, String>>,
) -> Result<Received, Error> {
    let Some(file) = File::of_noun(&job.noun) else {
        return Err(Error::internal(anyhow::anyhow!("a job of a noun that there is not")));
    };
    let mut upload = Upload::new(file, job.format.unwrap_or(Format::Csv), job.mode);
    let refusals = match spool(app, caller, (&job, file), &mut upload, data).await {
        Ok(Ok(())) if upload.rows() > 0 => Vec::new(),
        Ok(Ok(())) => {
            let rule = unreadable("The data", "it has no rows");
            vec![Refusal::new(file.name(), None, None, &rule)]
        }
        Ok(Err(refusals)) => refusals,
        Err(error) => {
            let _ended = advance(app, caller, job.id, Step::Fail { message: error.to_string() }).await?;
            return Err(error);
        }
    };
    if let Some(first) = refusals.first() {
        let step = Step::Fail { message: format!("The data was refused: {first}") };
        let _ended = advance(app, caller, job.id, step).await?;
        return Ok(Received::Refused(refusals));
    }
    match advance(app, caller, job.id, Step::Received { rows: upload.rows() }).await? {
        Ok(moved) => Ok(Received::Taken(Box::new(moved.unwrap_or(job)))),
        Err(broken) => Ok(Received::Broken(broken)),
    }
}

/// Keeps the rows as they come.
async fn spool<B: AsRef<[u8]>>(
    app: &App,
    caller: &Caller,
    (job, file): (&Model, File),
    upload: &mut Upload,
    data: impl Stream<Item = Result<B, String>>,
) -> Result<Result<(), Vec<Refusal>>, Error> {
    let config = &app.config().bulk;
    let (most, idle) = (config.upload_bytes, Duration::from_millis(config.upload_idle_ms));
    let mut data = std::pin::pin!(data);
    let (mut bytes, mut waiting, mut kept) = (0_u64, Vec::new(), Instant::now());
    let (mut apart, reader) = (Apart::new(file), app.read(caller));
    keep(app, caller, job, &[]).await?;
    loop {
        let piece = tokio::time::timeout(idle, data.next())
            .await
            .map_err(|_| Error::Input("the data did not come on in time".to_owned()))?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(Error::Input)?;
        bytes += u64::try_from(piece.as_ref().len()).unwrap_or(u64::MAX);
        if bytes > most {
            return Err(Error::TooLarge(most));
        }
        match upload.push(piece.as_ref()) {
            Ok(mut rows) => {
                apart.part(&reader, caller, &mut rows).await?;
                waiting.extend(rows);
            }
            Err(refusals) => {
                // A client that is still sending does not read what was refused.
                while bytes <= most
                    && let Ok(Some(Ok(piece))) = tokio::time::timeout(idle, data.next()).await
                {
                    bytes += u64::try_from(piece.as_ref().len()).unwrap_or(u64::MAX);
                }
                return Ok(Err(refusals));
            }
        }
        if waiting.len() >= PART || kept.elapsed() > idle / 2 {
            keep(app, caller, job, &waiting).await?;
            waiting.clear();
            kept = Instant::now();
        }
    }
    match upload.end() {
        Ok(mut rows) => {
            apart.part(&reader, caller, &mut rows).await?;
            waiting.extend(rows);
        }
        Err(refusals) => return Ok(Err(refusals)),
    }
    keep(app, caller, job, &waiting).await?;
    Ok(Ok(()))
}

/// Keeps rows of an upload, a transaction for every part of them.
async fn keep(app: &App, caller: &Caller, job: &Model, waiting: &[Kept]) -> Result<(), Error> {
    let mut parts = waiting.chunks(PART);
    let mut part = parts.next().unwrap_or_default();
    let idle = i64::try_from(app.config().bulk.upload_idle_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
    loop {
        let tx = app.begin(caller, Right::Bulk, 0).await?;
        let current = rows::locked(&tx, job.id).await?;
        if current.is_none_or(|job| job.state != State::Receiving) {
            app.abandon(tx).await?;
            return Err(Error::Input("the job was given up while its data came".to_owned()));
        }
        let until = entity::Moment(app.lease().0.saturating_add(idle));
        rows::take(&tx, job.id, app.node(), until).await?;
        if !part.is_empty() {
            rows::add_rows(&tx, job.id, part).await?;
        }
        app.commit(tx, caller, &Call::default(), "").await?;
        match parts.next() {
            Some(next) => part = next,
            None => return Ok(()),
        }
    }
}

/// Starts a job that does the same to every profile that a filter finds.
pub async fn update_profiles(
    app: &App,
    caller: &Caller,
    call: &Call,
    filter: &Filter,
    set: &Set,
    auto_run: bool,
) -> Result<JobId, Error> {
    may_update(caller)?;
    let task = serde_json::to_string(set).map_err(Error::internal)?;
    let cmd = Start {
        by: starter(caller),
        kind: Kind::UpdateProfiles,
        noun: File::Profiles.noun().to_owned(),
        mode: Mode::Update,
        format: None,
        auto_run,
        reason: call.reason.clone(),
        task: Some(task),
        receiving: true,
    };
    let started = command::run(app, caller, call, &cmd).await?.map_err(Error::Rules)?;
    let Some(Change::JobStarted { job }) = started.changes.into_iter().next() else {
        return Err(Error::internal(anyhow::anyhow!("a started job is not told")));
    };
    // A call that is repeated with its key is answered with the job that it started at first.
    let begun = !rows::rows_after(&app.read(caller), job.id, 0, 1).await?.is_empty();
    if begun || app.job(job.id).await?.is_none_or(|job| job.state != State::Receiving) {
        return Ok(job.id);
    }
    let order = Order { column: "t.id", number: true, descending: false };
    let columns = Columns::own(bit::<found::Row>("id"));
    let reader = app.read(caller);
    let (mut after, mut place) = (None, 0);
    loop {
        let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
        let slice = Slice { limit, after: after.take(), before: None, backwards: false };
        let found = page::<found::Row>(&reader, caller.scope, filter, order, &slice, columns).await?;
        let mut waiting = Vec::with_capacity(found.rows.len());
        for (row, _) in &found.rows {
            place += 1;
            let id = row.id()?;
            waiting.push(Kept { place, line: place, body: json!({ "id": id }).to_string(), secret: None });
            after = Some(Key { value: KeyValue::Int(id), id });
        }
        keep(app, caller, &job, &waiting).await?;
        if !found.has_next {
            break;
        }
    }
    let _taken = advance(app, caller, job.id, Step::Received { rows: place }).await?;
    Ok(job.id)
}

async fn advance(
    app: &App,
    caller: &Caller,
    id: JobId,
    to: Step,
) -> Result<Result<Option<Model>, Broken>, Error> {
    let cmd = Advance { id, expected_version: None, to };
    let done = command::run(app, caller, &Call::default(), &cmd).await?;
    Ok(done.map(|committed| {
        committed.changes.into_iter().find_map(|change| match change {
            Change::JobProgressed { after, .. } => Some(after),
            _ => None,
        })
    }))
}

/// Works on jobs, as many at once as the setting says, for as long as it is polled.
pub async fn work(app: App) {
    let mut working = tokio::task::JoinSet::new();
    for _ in 0..app.config().bulk.jobs {
        let app = app.clone();
        working.spawn(async move {
            loop {
                match work_off(&app).await {
                    Ok(0) => {}
                    Ok(jobs) => tracing::info!(jobs, "worked on jobs"),
                    Err(error) => tracing::error!(%error, "cannot work on jobs"),
                }
                tokio::time::sleep(LOOK).await;
            }
        });
    }
    while working.join_next().await.is_some() {}
    // Where no job is to be worked on here, there is nothing to wait for.
    std::future::pending::<()>().await;
}

/// Works on one job after the other until none is left; tells on how many.
pub async fn work_off(app: &App) -> Result<usize, Error> {
    let mut jobs = 0;
    while let Some(id) = app.claim_job().await? {
        while step(app, id).await? {}
        jobs += 1;
    }
    Ok(jobs)
}

/// Does the next part of a job that this process has claimed; false when it has no more, or another process has it.
pub async fn step(app: &App, id: JobId) -> Result<bool, Error> {
    let mut tried = 0;
    loop {
        tried += 1;
        match part(app, id).await {
            Err(Error::Busy) if tried < TRIES => tokio::time::sleep(Duration::from_millis(5 << tried)).await,
            Err(Error::Busy) => return Err(Error::Busy),
            // It would come to the same end each time.
            Err(error) => {
                tracing::error!(job = id.0, %error, "a job failed");
                let message = match &error {
                    Error::Internal(_) => "An internal error; the server's log tells it.".to_owned(),
                    told => told.to_string(),
                };
                let _ended = advance(app, &Caller::administrator("jobs"), id, Step::Fail { message }).await?;
                return Ok(false);
            }
            done => return done,
        }
    }
}

async fn part(app: &App, id: JobId) -> Result<bool, Error> {
    let Some(job) = app.job(id).await? else { return Ok(false) };
    match job.state {
        // Whoever took its data is gone, or its lease would not have run out.
        State::Receiving => Err(Error::Input("the data broke off".to_owned())),
        State::Validating | State::Running => do_rows(app, &job).await,
        _ => Ok(false),
    }
}

/// Does as many rows of the job as there is time for. What validation finds is kept in a transaction of its own.
#[tracing::instrument(name = "job", skip_all, fields(job = job.id.0, position = job.position))]
async fn do_rows(app: &App, job: &Model) -> Result<bool, Error> {
    let caller = acting(app, job).await?;
    let work = Work::of(job)?;
    let mut tx = app.begin(&caller, work.right(), ROWS * IDS).await?;
    let Some(mut current) = held(app, &tx, job).await? else {
        app.abandon(tx).await?;
        return Ok(false);
    };
    let dry = job.state == State::Validating;
    let Part { verdicts, made, waits } = part_of(app, &mut tx, &caller, &work, &current).await?;
    if dry {
        app.abandon(tx).await?;
        tx = app.begin(&caller, Right::Bulk, 0).await?;
        match held(app, &tx, job).await? {
            Some(held) if held.position == current.position => current = held,
            _ => {
                app.abandon(tx).await?;
                return Ok(false);
            }
        }
    }
    let refused = |row: &&Verdict| row.outcome == Some(Outcome::Refused);
    let failed = verdicts.iter().filter(refused).count();
    let (done, failed) = (as_i64(verdicts.len() - failed), as_i64(failed));
    if !made.is_empty() {
        rows::keep_keys(&tx, job.id, &made).await?;
    }
    let position = match verdicts.last() {
        Some(last) => last.place,
        None if waits => current.position,
        // Rows that are not there any more count as worked through.
        None => current.rows,
    };
    let after = worked(&current, position, done, failed);
    if !verdicts.is_empty() {
        rows::keep_outcomes(&tx, job.id, &verdicts).await?;
    }
    let goes_on = after.state == current.state;
    if waits {
        // Whoever is first goes on when some of what the cluster has under way is over (SES-6).
        let lasting =
            i64::try_from(app.config().session.under_way_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
        rows::rest(&tx, job.id, Moment(tx.now().0.saturating_add(lasting))).await?;
    }
    if goes_on && tx.now().0 - current.updated_at.0 < TELL {
        rows::advance(&tx, &after).await?;
    } else {
        let told = progressed(&current, after, tx.now());
        app.stage(&mut tx, vec![told]).await?.map_err(Error::Rules)?;
    }
    let call = Call { reason: job.reason.clone(), ..Call::default() };
    app.commit(tx, &caller, &call, "").await?;
    Ok(goes_on && !waits)
}

/// What came of the rows of a part.
struct Part {
    verdicts: Vec<Verdict>,
    /// What they made, as keys with their places.
    made: Vec<(i64, i64)>,
    /// Whether the next row waits until a cluster takes more.
    waits: bool,
}

/// Does the next rows of a job, or tries them behind those on which they build, for as long as there is time.
async fn part_of(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    work: &Work,
    current: &Model,
) -> Result<Part, Error> {
    let began = Instant::now();
    let mut most = Duration::from_millis(app.config().bulk.part_ms);
    let dry = current.state == State::Validating;
    let (mut verdicts, mut doing, mut waits) = (Vec::new(), work.begin(app, caller), false);
    let rows = rows::rows_after(tx, current.id, current.position, ROWS).await?;
    let mut earlier = None;
    if let (true, Work::Import(file, mode)) = (dry, work) {
        tx.unpace();
        earlier = Some(Earlier::of(tx, current.id, (*file, *mode), &rows).await?);
    }
    for row in rows {
        let mut builds_on = Vec::new();
        if let Some(earlier) = &mut earlier {
            let before = earlier.before(tx, &row).await?;
            builds_on = before.told;
            let Some(again) = before.rows else {
                earlier.passed(row.place, &[]);
                let builds_on = Some(json!(builds_on).to_string());
                verdicts.push(Verdict { place: row.place, outcome: None, errors: None, builds_on });
                continue;
            };
            let began = Instant::now();
            doing.foresee(None);
            for row in again {
                doing.row(app, tx, &row).await?;
            }
            doing.foresee(Some(earlier.taken(row.place)));
            // Or a part in which much is done once more would get no further.
            most += began.elapsed();
        }
        let before = tx.staged().len();
        let faults = doing.row(app, tx, &row).await?;
        if faults.iter().any(|fault| fault["code"] == RuleCode::EmBusy.as_str()) {
            waits = true;
            break;
        }
        let outcome = match (faults.is_empty(), dry) {
            (true, true) => Outcome::Passed,
            (true, false) => Outcome::Done,
            (false, _) => Outcome::Refused,
        };
        if let (Some(earlier), true) = (&mut earlier, faults.is_empty()) {
            earlier.passed(row.place, &tx.staged()[before..]);
        }
        let errors = (!faults.is_empty()).then(|| Value::from(faults).to_string());
        let builds_on = (!builds_on.is_empty()).then(|| json!(builds_on).to_string());
        verdicts.push(Verdict { place: row.place, outcome: Some(outcome), errors, builds_on });
        if began.elapsed() >= most {
            break;
        }
    }
    let made = earlier.map(Earlier::into_kept).unwrap_or_default();
    Ok(Part { verdicts, made, waits })
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Whoever started the job, with the rights of this moment.
async fn acting(app: &App, job: &Model) -> Result<Caller, Error> {
    let caller = Caller { token: job.token_id, ..Caller::administrator(&job.caller) };
    app.renew(&caller).await.map_err(|error| match error {
        Error::Anonymous => Error::Input("the token of whoever started it has ended".to_owned()),
        other => other,
    })
}

/// The job as it is, locked and held for longer; none where it is no longer this process's to work on.
async fn held(app: &App, tx: &Tx, job: &Model) -> Result<Option<Model>, Error> {
    let Some(current) = rows::locked(tx, job.id).await? else { return Ok(None) };
    let held = current.state == job.state && rows::hold(tx, job.id, app.node(), app.lease()).await?;
    Ok(held.then_some(current))
}

/// What a job does to each row. One more kind of row is one more variant: a file of an estate brings its columns and its
/// command along, anything else one command for each row.
enum Work {
    Import(File, Mode),
    Update(Set),
}

/// Work on the rows of one transaction.
enum Doing<'a> {
    Import(File, Mode, Box<Alone<'a>>),
    Update(&'a Set),
}

impl Work {
    fn of(job: &Model) -> Result<Self, Error> {
        Ok(match job.kind {
            Kind::Import => Self::Import(File::of_noun(&job.noun).ok_or_else(unknown)?, job.mode),
            Kind::UpdateProfiles => {
                let task = job.task.as_deref().ok_or_else(unknown)?;
                Self::Update(serde_json::from_str(task).map_err(Error::internal)?)
            }
        })
    }

    fn right(&self) -> Right {
        match self {
            Self::Import(file, mode) => right(*file, *mode),
            Self::Update(_) => UPDATE,
        }
    }

    fn begin<'a>(&'a self, app: &'a App, caller: &'a Caller) -> Doing<'a> {
        match self {
            Self::Import(file, mode) => Doing::Import(*file, *mode, Box::new(Alone::new(app, caller))),
            Self::Update(set) => Doing::Update(set),
        }
    }
}

impl Doing<'_> {
    /// Tells how many earlier rows, that are not in the transaction, take what the next one takes one of.
    fn foresee(&mut self, taken: Option<i64>) {
        if let Self::Import(.., import) = self {
            import.foresee(taken);
        }
    }

    /// Does a row; answers what is wrong with it.
    async fn row(&mut self, app: &App, tx: &mut Tx, row: &Kept) -> Result<Vec<Value>, Error> {
        match self {
            Self::Import(file, mode, import) => {
                let faults = match kept(*file, &whole(*file, row)?, *mode) {
                    Ok(values) => import.row(tx, *file, *mode, &values).await?,
                    Err(faults) => faults,
                };
                Ok(told(&faults))
            }
            Self::Update(set) => {
                let body: Map<String, Value> = serde_json::from_str(&row.body).map_err(Error::internal)?;
                let cmd = profile::Update {
                    id: DeviceId(body.get("id").and_then(Value::as_i64).unwrap_or(-1)),
                    expected_version: None,
                    fields: set.fields.clone(),
                    settings: set.settings.clone(),
                    apply_policy: set.apply_policy,
                };
                let broken = command::bulk::stage(app, tx, &cmd).await?.err().unwrap_or_default();
                Ok(broken.0.iter().map(|breach| fault(Some(&breach.path), &breach.rule)).collect())
            }
        }
    }
}

fn unknown() -> Error {
    Error::internal(anyhow::anyhow!("a job of a kind that cannot be done"))
}

fn told(faults: &Faults) -> Vec<Value> {
    faults.iter().map(|(column, rule)| fault(*column, rule)).collect()
}

fn fault(column: Option<&str>, rule: &Rule) -> Value {
    json!({
        "column": column,
        "code": rule.code().as_str(),
        "rule": rule.code().id(),
        "message": rule.to_string(),
    })
}

/// How the rows of a job behind a place ended, as JSON Lines, with the place of the last one; none behind the last.
pub async fn results(
    app: &App,
    caller: &Caller,
    job: &Model,
    after: i64,
) -> Result<Option<(String, i64)>, Error> {
    let ended = rows::ended_after(&app.read(caller), job.id, after, PAGE).await?;
    let Some(last) = ended.last().map(|row| row.place) else { return Ok(None) };
    let mut text = String::new();
    for row in ended {
        text.push_str(&result(job, row)?.to_string());
        text.push('\n');
    }
    Ok(Some((text, last)))
}

/// A row's outcome. What was found when rows were validated does not count for rows that are still to be run.
fn result(job: &Model, row: Ended) -> Result<Value, Error> {
    let validated = matches!(job.state, State::Validating | State::Validated);
    let untried = validated && row.outcome.is_none() && row.builds_on.is_some();
    let open = row.outcome.is_none() || (!validated && row.place > job.position);
    let read = |text: String| serde_json::from_str::<Value>(&text).map_err(Error::internal);
    let errors = match row.errors.filter(|_| !open) {
        Some(errors) => read(errors)?,
        None => json!([]),
    };
    let outcome = match row.outcome.filter(|_| !open) {
        Some(outcome) => outcome,
        None if untried => "DEPENDS_ON_EARLIER_ROWS".to_owned(),
        None => "OPEN".to_owned(),
    };
    let mut told = json!({ "row": row.place, "line": row.line, "outcome": outcome, "errors": errors });
    if let Some(builds_on) = row.builds_on.filter(|_| validated) {
        told["buildsOn"] = read(builds_on)?;
    }
    Ok(told)
}

/// The job, as far as the caller sees it.
pub async fn seen(app: &App, caller: &Caller, id: JobId) -> Result<Option<Model>, Error> {
    if !caller.rights.reads(Noun::Job) {
        return Err(Error::Denied(Right::To(Action::Read, Noun::Job)));
    }
    let reader = app.read(caller);
    let filter = Filter::Numbers("t.id", vec![id.0]);
    let columns = Columns::own(bit::<rows::Row>("id"));
    let found =
        page::<rows::Row>(&reader, caller.scope, &filter, rows::NEWEST, &Slice::front(1), columns).await?;
    if found.rows.is_empty() { Ok(None) } else { app.job(id).await }
}
