//! Jobs: rows of the list of jobs, facts, the rows that jobs work on, and the lease by which one server at a time works
//! on a job.

use entity::{
    JobId, Moment, OrganizationId, TokenId,
    job::{Column, Entity, Format, Kind, Mode, Model, State},
};
use sea_orm::{
    ActiveEnum, ColumnTrait, DatabaseBackend, DbErr, EntityTrait, Iterable, QueryFilter, QueryResult,
    QuerySelect,
};

use super::{
    Source, Store, Tx, organization,
    page::Order,
    row::row,
    sql::{Rows, Sql},
};
use crate::{
    caller::Scope,
    rule::job::{Advance, Facts, New, Retry, RetryFacts, Start, is_ended},
};

row! {
    /// A job.
    Row of "job", Model, always ["id"] {
        id: JobId,
        organization_id: Option<OrganizationId>,
        kind: Kind,
        noun: String,
        mode: Mode,
        format: Option<Format>,
        state: State,
        auto_run: bool,
        caller: String,
        token_id: Option<TokenId>,
        reason: Option<String>,
        task: Option<String>,
        retry_of: Option<JobId>,
        rows: i64,
        position: i64,
        done: i64,
        failed: i64,
        message: Option<String>,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
        ended_at: Option<Moment>,
    }
}

/// Newest first.
pub const NEWEST: Order = Order { column: "t.created_at", number: true, descending: true };

/// Microseconds for which a job whose data begins to come is left to the server that takes it.
const BEGINNING: i64 = 60_000_000;

/// A row of a job.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its place, from 1.
    pub place: i64,
    /// The line of the upload on which it began, from 1; its place where there was no upload.
    pub line: i64,
    pub body: String,
    /// What may be a password in it, apart from the rest: kept until the row is done or the job has ended.
    pub secret: Option<String>,
}

/// How a row ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It passed validation.
    Passed,
    Done,
    Refused,
}

impl Outcome {
    /// The outcome's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Done => "DONE",
            Self::Refused => "REFUSED",
        }
    }
}

/// What is kept about a row that was tried or done.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub place: i64,
    /// None where only the run will tell.
    pub outcome: Option<Outcome>,
    /// JSON; none where nothing is wrong.
    pub errors: Option<String>,
    /// JSON: earlier rows on which it builds; none where it stands for itself.
    pub builds_on: Option<String>,
}

/// A row's outcome, as kept.
#[derive(Clone, Debug)]
pub struct Ended {
    pub place: i64,
    pub line: i64,
    pub outcome: Option<String>,
    /// JSON; none where nothing is wrong.
    pub errors: Option<String>,
    /// JSON: earlier rows on which it builds; none where it stands for itself.
    pub builds_on: Option<String>,
}

/// What starting a job must know.
pub async fn start_facts(tx: &Tx, _cmd: &Start) -> Result<New, DbErr> {
    Ok(New { id: JobId(tx.id()?), now: tx.now() })
}

/// What moving a job on must know.
pub async fn advance_facts(tx: &Tx, cmd: &Advance) -> Result<Facts, DbErr> {
    Ok(Facts { now: tx.now(), current: locked(tx, cmd.id).await? })
}

/// What trying a job's rows again must know.
pub async fn retry_facts(tx: &Tx, cmd: &Retry) -> Result<RetryFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let new = New { id: JobId(tx.id()?), now: tx.now() };
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT count(*) FROM job_row WHERE job_id = ").bind(cmd.id).push(NOT_DONE);
    let rows = tx.rows(sql.statement()).await?;
    let rows = rows.first().map_or(Ok(0), |row| row.try_get_by_index(0))?;
    Ok(RetryFacts { new, current, rows })
}

const NOT_DONE: &str = " AND (outcome IS NULL OR outcome <> 'DONE')";

/// The job, when the caller sees it, locked until the end.
pub async fn locked(tx: &Tx, id: JobId) -> Result<Option<Model>, DbErr> {
    let Some(job) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    let seen = match (tx.scope, job.organization_id) {
        (Scope::All, _) => true,
        (Scope::Below(_), None) => false,
        (Scope::Below(_), Some(id)) => organization::is_within(tx, id).await?,
    };
    Ok(seen.then_some(job))
}

/// The job, whoever's it is.
pub async fn by_id(store: &Store, id: JobId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(&store.db).await
}

/// What a job that was started brings along: its lease, and the rows of the one that it tries again, of which no secret is
/// left.
pub async fn begin(tx: &Tx, job: &Model) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("INSERT INTO job_lease (job_id, holder, held_until) VALUES (").bind(job.id).push(", NULL, ");
    sql.bind(free_from(job)).push(")");
    tx.run(sql.statement()).await?;
    let Some(from) = job.retry_of else { return Ok(()) };
    let mut sql = Sql::new(tx.backend());
    sql.push("INSERT INTO job_row (job_id, place, line, body) SELECT ").cast(job.id.0, "BIGINT");
    sql.push(", row_number() OVER (ORDER BY place), line, body FROM job_row WHERE job_id = ").bind(from);
    sql.push(NOT_DONE);
    tx.run(sql.statement()).await.map(drop)
}

/// Leaves a job that is in another state to whichever server is first.
pub async fn moved(tx: &Tx, before: &Model, after: &Model) -> Result<(), DbErr> {
    if before.state == after.state {
        return Ok(());
    }
    let mut sql = Sql::new(tx.backend());
    sql.push("UPDATE job_lease SET holder = NULL, held_until = ").bind(free_from(after));
    sql.push(" WHERE job_id = ").bind(after.id);
    tx.run(sql.statement()).await?;
    if is_ended(after.state) {
        let mut sql = Sql::new(tx.backend());
        sql.push("UPDATE job_row SET secret = NULL WHERE job_id = ").bind(after.id);
        sql.push(" AND secret IS NOT NULL");
        tx.run(sql.statement()).await?;
    }
    // What was received of data that was refused is of no use.
    if before.state == State::Receiving && after.state == State::Failed {
        drop_rows(tx, after.id).await?;
    }
    Ok(())
}

fn free_from(job: &Model) -> i64 {
    if job.state == State::Receiving { job.updated_at.0 + BEGINNING } else { 0 }
}

async fn drop_rows(tx: &Tx, id: JobId) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("DELETE FROM job_row WHERE job_id = ").bind(id);
    tx.run(sql.statement()).await.map(drop)
}

/// Takes the oldest job that has work and that no server holds.
pub async fn claim(store: &Store, holder: &str, now: Moment, until: Moment) -> Result<Option<JobId>, DbErr> {
    let free = |sql: &mut Sql| {
        sql.push("SELECT l.job_id FROM job_lease l JOIN job j ON j.id = l.job_id WHERE l.held_until < ");
        sql.bind(now)
            .push(" AND j.state IN ('RECEIVING', 'VALIDATING', 'RUNNING') ORDER BY l.job_id LIMIT 1");
    };
    // Most looks find nothing, and do not wait for the one writer.
    let mut sql = Sql::new(store.backend());
    free(&mut sql);
    if store.rows(sql.statement()).await?.is_empty() {
        return Ok(None);
    }
    let _turn = match &store.writer {
        Some(writer) => Some(writer.lock().await),
        None => None,
    };
    let mut sql = Sql::new(store.backend());
    sql.push("UPDATE job_lease SET holder = ").bind(holder).push(", held_until = ").bind(until);
    sql.push(" WHERE job_id = (");
    free(&mut sql);
    if store.backend() == DatabaseBackend::Postgres {
        sql.push(" FOR UPDATE OF l SKIP LOCKED");
    }
    sql.push(") RETURNING job_id");
    let rows = store.rows(sql.statement()).await?;
    rows.first().map(|row| row.try_get_by_index(0)).transpose()
}

/// Holds a job for longer; false where another server has taken it over.
pub async fn hold(tx: &Tx, id: JobId, holder: &str, until: Moment) -> Result<bool, DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("UPDATE job_lease SET held_until = ").bind(until).push(" WHERE job_id = ").bind(id);
    sql.push(" AND holder = ").bind(holder);
    Ok(tx.run(sql.statement()).await? == 1)
}

/// Takes a job whose data begins to come.
pub async fn take(tx: &Tx, id: JobId, holder: &str, until: Moment) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("UPDATE job_lease SET holder = ").bind(holder).push(", held_until = ").bind(until);
    sql.push(" WHERE job_id = ").bind(id);
    tx.run(sql.statement()).await.map(drop)
}

/// Keeps rows of a job.
pub async fn add_rows(tx: &Tx, id: JobId, rows: &[Kept]) -> Result<(), DbErr> {
    let mut values = Rows::new(["bigint", "bigint", "text", "text"]);
    for row in rows {
        values.add([row.place.into(), row.line.into(), row.body.as_str().into(), row.secret.clone().into()]);
    }
    let mut sql = Sql::new(tx.backend());
    sql.push("INSERT INTO job_row (job_id, place, line, body, secret) SELECT ").cast(id.0, "BIGINT");
    sql.push(", r.a, r.b, r.c, r.d FROM ").rows(values, "r");
    tx.run(sql.statement()).await.map(drop)
}

/// The next rows of a job.
pub async fn rows_after(source: &impl Source, id: JobId, place: i64, limit: i64) -> Result<Vec<Kept>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT place, line, body, secret FROM job_row WHERE job_id = ").bind(id);
    sql.push(" AND place > ").bind(place).push(" ORDER BY place LIMIT ").bind(limit);
    source.rows(sql.statement()).await?.iter().map(kept).collect()
}

/// The rows at these places.
pub async fn rows_at(source: &impl Source, id: JobId, places: &[i64]) -> Result<Vec<Kept>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT place, line, body, secret FROM job_row WHERE job_id = ").bind(id).push(" AND ");
    sql.among("place", places.iter().copied()).push(" ORDER BY place");
    source.rows(sql.statement()).await?.iter().map(kept).collect()
}

fn kept(row: &QueryResult) -> Result<Kept, DbErr> {
    Ok(Kept {
        place: row.try_get_by_index(0)?,
        line: row.try_get_by_index(1)?,
        body: row.try_get_by_index(2)?,
        secret: row.try_get_by_index(3)?,
    })
}

/// Which of these keys rows made that were validated before.
pub async fn made(source: &impl Source, id: JobId, keys: &[i64]) -> Result<Vec<i64>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT DISTINCT key FROM job_key WHERE job_id = ").bind(id).push(" AND ");
    sql.among("key", keys.iter().copied());
    source.rows(sql.statement()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// How many rows that were validated before made each of these keys.
pub async fn count_made(source: &impl Source, id: JobId, keys: &[i64]) -> Result<Vec<(i64, i64)>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT key, count(*) FROM job_key WHERE job_id = ").bind(id).push(" AND ");
    sql.among("key", keys.iter().copied()).push(" GROUP BY key");
    let read = |row: &QueryResult| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?));
    source.rows(sql.statement()).await?.iter().map(read).collect()
}

/// Which rows made any of these keys, oldest first and no more than a limit.
pub async fn makers(source: &impl Source, id: JobId, keys: &[i64], limit: usize) -> Result<Vec<i64>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT DISTINCT place FROM job_key WHERE job_id = ").bind(id).push(" AND ");
    sql.among("key", keys.iter().copied()).push(" ORDER BY place LIMIT ");
    sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    source.rows(sql.statement()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Keeps what rows made: keys, each with the row's place.
pub async fn keep_keys(tx: &Tx, id: JobId, made: &[(i64, i64)]) -> Result<(), DbErr> {
    let mut values = Rows::new(["bigint", "bigint"]);
    for (key, place) in made {
        values.add([(*key).into(), (*place).into()]);
    }
    let mut sql = Sql::new(tx.backend());
    sql.push("INSERT INTO job_key (job_id, key, place) SELECT DISTINCT ").cast(id.0, "BIGINT");
    sql.push(", r.a, r.b FROM ").rows(values, "r");
    tx.run(sql.statement()).await.map(drop)
}

/// Leaves a job for a while to nobody, and then to whichever server is first.
pub async fn rest(tx: &Tx, id: JobId, until: Moment) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("UPDATE job_lease SET holder = NULL, held_until = ")
        .bind(until)
        .push(" WHERE job_id = ")
        .bind(id);
    tx.run(sql.statement()).await.map(drop)
}

/// Keeps how rows ended, with what is wrong with them; the secrets of those that were done go.
pub async fn keep_outcomes(tx: &Tx, id: JobId, verdicts: &[Verdict]) -> Result<(), DbErr> {
    tx.run(outcomes(tx.backend(), id, verdicts).statement()).await.map(drop)
}

fn outcomes(backend: DatabaseBackend, id: JobId, verdicts: &[Verdict]) -> Sql {
    // Each row says of which job it is: told once beside them, SQLite would look at all rows of the job for each of these.
    let mut values = Rows::new(["bigint", "bigint", "text", "text", "text"]);
    for row in verdicts {
        let outcome = row.outcome.map(Outcome::as_str);
        values.add([
            id.0.into(),
            row.place.into(),
            outcome.into(),
            row.errors.clone().into(),
            row.builds_on.clone().into(),
        ]);
    }
    let mut sql = Sql::new(backend);
    sql.push("UPDATE job_row SET outcome = r.c, errors = r.d, builds_on = r.e, secret = CASE WHEN r.c = 'DONE' THEN NULL ");
    sql.push("ELSE job_row.secret END FROM ").rows(values, "r");
    sql.push(" WHERE job_row.job_id = r.a AND job_row.place = r.b");
    sql
}

/// Notes how far a job is without telling anybody; what is told comes with a change.
pub async fn advance(tx: &Tx, after: &Model) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("UPDATE job SET position = ").bind(after.position).push(", done = ").bind(after.done);
    sql.push(", failed = ").bind(after.failed).push(" WHERE id = ").bind(after.id);
    tx.run(sql.statement()).await.map(drop)
}

/// How the rows behind a place ended.
pub async fn ended_after(
    source: &impl Source,
    id: JobId,
    place: i64,
    limit: i64,
) -> Result<Vec<Ended>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT place, line, outcome, errors, builds_on FROM job_row WHERE job_id = ").bind(id);
    sql.push(" AND place > ").bind(place).push(" ORDER BY place LIMIT ").bind(limit);
    let read = |row: &QueryResult| {
        Ok(Ended {
            place: row.try_get_by_index(0)?,
            line: row.try_get_by_index(1)?,
            outcome: row.try_get_by_index(2)?,
            errors: row.try_get_by_index(3)?,
            builds_on: row.try_get_by_index(4)?,
        })
    };
    source.rows(sql.statement()).await?.iter().map(read).collect()
}

/// Forgets jobs that ended before a moment, with their rows; tells how many.
pub async fn forget(store: &Store, before: Moment) -> Result<u64, DbErr> {
    let _turn = match &store.writer {
        Some(writer) => Some(writer.lock().await),
        None => None,
    };
    let tx = store.unhurried().await?;
    let gone = Entity::delete_many().filter(Column::EndedAt.lt(before)).exec(&tx).await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}

/// How many jobs stand in each state, by the state's name; also those in which none does.
pub async fn count_by_state(source: &impl Source) -> Result<Vec<(String, i64)>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT state, COUNT(*) FROM job GROUP BY state");
    let mut counts: Vec<_> = State::iter().map(|state| (state.to_value(), 0)).collect();
    for row in source.rows(sql.statement()).await? {
        let state: State = row.try_get_by_index(0)?;
        if let Some((_, count)) = counts.iter_mut().find(|(name, _)| *name == state.to_value()) {
            *count = row.try_get_by_index(1)?;
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use migration::{Migrator, MigratorTrait};
    use sea_orm::{ConnectionTrait, Database};

    use super::*;

    /// However many rows a job has, a verdict looks at its own alone.
    #[tokio::test]
    async fn a_verdict_finds_its_row_by_its_key() {
        let db = Database::connect("sqlite::memory:").await.expect("a database");
        Migrator::up(&db, None).await.expect("its tables");
        let verdict = Verdict { place: 1, outcome: None, errors: None, builds_on: None };
        let mut told = outcomes(DatabaseBackend::Sqlite, JobId(1), &[verdict]).statement();
        told.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
        let steps = db.query_all_raw(told).await.expect("a plan");
        let steps: Vec<String> =
            steps.iter().map(|step| step.try_get("", "detail").expect("a step")).collect();
        assert!(steps.iter().any(|step| step.ends_with("(job_id=? AND place=?)")), "{steps:#?}");
    }
}
