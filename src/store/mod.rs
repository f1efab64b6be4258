//! The database and nothing else: SeaORM is used here and nowhere above. Reads take a [`Reader`], which carries
//! the scope; writes take a [`Tx`], which cannot end itself: only [`Store::commit`] can, and only `App` has the
//! store. Statements are counted, so that tests see every query that a page costs.

use std::{
    collections::HashSet,
    ops::Range,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use entity::{
    Moment, UserId,
    change_subject::Noun,
    role::{Action, Rights},
};
use sea_orm::{
    ConnAcquireErr, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    QueryResult, RuntimeErr, SqliteTransactionMode, TransactionOptions, TransactionTrait, sqlx,
};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument, Span};

use crate::{caller::Scope, rule::Change, tally};

mod apply;
pub mod audit_entry;
pub mod button;
pub mod cluster;
pub mod default_device_profile;
pub mod device;
mod generate;
pub mod history;
pub mod idempotency;
pub mod job;
mod join;
pub mod line;
pub mod line_preference;
mod name;
pub mod number;
pub mod organization;
pub mod orphan;
pub mod outbox;
pub mod page;
pub mod phone;
pub mod profile;
pub mod quick_add;
pub mod readiness;
mod reads;
pub mod role;
pub mod row;
pub mod search;
pub mod service;
pub mod service_subscription;
pub mod session;
pub mod sql;
pub mod template;
pub mod token;
pub mod user;

pub use apply::{UNIQUE, clash};
pub use generate::{Estate, generate, ids as generate_ids};
pub use outbox::Entry;
/// What the database says when it fails, and what is asked of it; named here so that nothing above names SeaORM.
pub use sea_orm::{DatabaseBackend, DbErr, QueryResult as Answer, Statement};

/// How the database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    pub url: String,
    pub connections: u32,
    pub wait: Duration,
    /// SQLite's `synchronous` pragma.
    pub synchronous: &'static str,
    /// How long a statement may take on PostgreSQL, so that one whose request is over ends too.
    pub statement: Duration,
    /// The same within a transaction that writes.
    pub write_statement: Duration,
}

/// Ids taken from the database at once.
const ID_BLOCK: i64 = 65_536;

/// The database.
#[derive(Clone)]
pub struct Store {
    db: DatabaseConnection,
    /// SQLite's connections for reads, which can be stopped.
    reads: Option<Arc<reads::Reads>>,
    /// SQLite's one writer at a time. A queue, as SQLite's own waiting is polling without order.
    writer: Option<Arc<tokio::sync::Mutex<()>>>,
    ids: Arc<Mutex<Range<i64>>>,
    statements: Arc<AtomicU64>,
    /// Half of the connections: snapshots hold theirs for long, and others must get one all the same.
    snapshots: Arc<Semaphore>,
    /// Gives the statements of a transaction their own time, on PostgreSQL where it is another than a read's.
    own_time: Option<Arc<str>>,
    wait: Duration,
}

/// Reads of what one caller sees.
#[derive(Clone)]
pub struct Reader {
    db: DatabaseConnection,
    reads: Option<Arc<reads::Reads>>,
    scope: Scope,
    /// Kinds of things that the caller does not read.
    unread: Arc<[Noun]>,
    /// When it is read, by the application's clock.
    now: Option<Moment>,
    statements: Arc<AtomicU64>,
}

/// A transaction that writes for one caller.
pub struct Tx {
    db: DatabaseTransaction,
    scope: Scope,
    own: Option<UserId>,
    rights: Rights,
    now: Moment,
    ids: Arc<Mutex<Range<i64>>>,
    statements: Arc<AtomicU64>,
    staged: Vec<Change>,
    unpaced: bool,
    _turn: Option<OwnedMutexGuard<()>>,
}

/// A place in a transaction.
#[must_use = "a mark that is neither kept nor gone back to stays open"]
pub struct Mark(usize);

/// Reads that all see one moment of the database.
pub struct Snapshot {
    db: DatabaseTransaction,
    now: Moment,
    _permit: OwnedSemaphorePermit,
    statements: Arc<AtomicU64>,
}

/// Anything that a row can be read from.
pub trait Source: Sync {
    /// Which SQL it speaks.
    fn backend(&self) -> DatabaseBackend;
    /// The moment at which it is read, by the application's clock, where it is read for somebody.
    fn now(&self) -> Option<Moment> {
        None
    }
    /// Runs a statement and answers its rows.
    fn rows(&self, statement: Statement) -> impl Future<Output = Result<Vec<QueryResult>, DbErr>> + Send;
}

impl Store {
    /// Opens the database, without looking whether its tables are there.
    pub async fn open(options: &Options) -> Result<Self, DbErr> {
        let sqlite = options.url.starts_with("sqlite:");
        let mut connect = ConnectOptions::new(options.url.clone());
        connect
            .max_connections(options.connections)
            .connect_timeout(options.wait)
            .acquire_timeout(options.wait)
            // A connection in use is not asked whether it lives before each statement: that is a way there and back.
            .test_before_acquire_if_idle_for(Duration::from_secs(5))
            .sqlx_logging(false);
        if sqlite {
            let synchronous = sqlx::sqlite::SqliteSynchronous::from_str(options.synchronous)
                .map_err(|error| DbErr::Custom(error.to_string()))?;
            let wait = options.wait;
            connect.map_sqlx_sqlite_opts(move |sqlite| {
                sqlite
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                    .synchronous(synchronous)
                    .busy_timeout(wait)
                    // As on PostgreSQL; what is compared whatever its case is kept in lower case.
                    .pragma("case_sensitive_like", "on")
                    .statement_cache_capacity(500)
            });
        } else {
            connect.statement_timeout(options.statement);
            connect.map_sqlx_postgres_opts(|postgres| postgres.statement_cache_capacity(500));
        }
        let reads = if sqlite {
            Some(Arc::new(reads::Reads::open(&connect, options.connections, options.wait).await?))
        } else {
            None
        };
        let db = Database::connect(connect).await?;
        // Reads have the connection's own: a read is one statement, and saying it would be another.
        let own_time = (!sqlite && options.statement != options.write_statement)
            .then(|| format!("SET LOCAL statement_timeout = {}", options.write_statement.as_millis()).into());
        Ok(Self {
            db,
            reads,
            own_time,
            writer: sqlite.then(Arc::default),
            ids: Arc::new(Mutex::new(0..0)),
            statements: Arc::default(),
            snapshots: Arc::new(Semaphore::new((options.connections as usize / 2).max(1))),
            wait: options.wait,
        })
    }

    /// Brings the tables up to date; of many nodes that start at once, one does and the others wait.
    pub async fn migrate(&self) -> Result<(), DbErr> {
        use migration::MigratorTrait;
        let tx = self.unhurried().await?;
        if self.backend() == DatabaseBackend::Postgres {
            tx.execute_unprepared("SELECT pg_advisory_xact_lock(7626549)").await?;
        }
        migration::Migrator::up(&tx, None).await?;
        tx.commit().await
    }

    /// Whether every step is there that this program knows. There may be more, where a newer one serves beside it.
    pub async fn is_migrated(&self) -> Result<bool, DbErr> {
        use migration::MigratorTrait;
        let statement = Statement::from_string(self.backend(), "SELECT version FROM seaql_migrations");
        let rows = self.db.query_all_raw(statement).await?;
        let there = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<HashSet<String>, _>>()?;
        Ok(migration::Migrator::migrations().iter().all(|step| there.contains(step.name())))
    }

    /// Whether another server may write to the same database.
    pub fn is_shared(&self) -> bool {
        self.backend() == DatabaseBackend::Postgres
    }

    /// Statements sent so far.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Connections to the database that are in use, and that are open and wait for use.
    pub fn connections(&self) -> (usize, usize) {
        let (open, idle) = if self.is_shared() {
            let pool = self.db.get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        } else {
            let pool = self.db.get_sqlite_connection_pool();
            let (open, idle) = self.reads.as_ref().map_or((0, 0), |reads| reads.connections());
            (pool.size().saturating_add(open), pool.num_idle() + idle)
        };
        (usize::try_from(open).unwrap_or(usize::MAX).saturating_sub(idle), idle)
    }

    /// The same for work beside all requests, whose statements are not counted with theirs.
    #[must_use]
    pub fn aside(&self) -> Self {
        Self { statements: Arc::default(), ..self.clone() }
    }

    /// Reads within a scope.
    pub fn read(&self, scope: Scope) -> Reader {
        let (db, reads, statements) = (self.db.clone(), self.reads.clone(), self.statements.clone());
        Reader { db, reads, scope, unread: Arc::default(), now: None, statements }
    }

    /// Reads of everything at one moment, which is now.
    pub async fn snapshot(&self, now: Moment) -> Result<Snapshot, DbErr> {
        let permit = tokio::time::timeout(self.wait, self.snapshots.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        let permit = permit.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        let options = TransactionOptions {
            isolation_level: self.is_shared().then_some(sea_orm::IsolationLevel::RepeatableRead),
            access_mode: self.is_shared().then_some(sea_orm::AccessMode::ReadOnly),
            sqlite_transaction_mode: None,
        };
        let db = self.db.begin_with_options(options).await?;
        self.take_time(&db).await?;
        Ok(Snapshot { db, now, _permit: permit, statements: self.statements.clone() })
    }

    /// Begins to write. `ids` is how many new things the transaction may make.
    pub async fn begin(&self, scope: Scope, now: Moment, ids: i64) -> Result<Tx, DbErr> {
        self.reserve(ids).await?;
        let turn = match &self.writer {
            Some(writer) => Some(writer.clone().lock_owned().await),
            None => None,
        };
        let options = TransactionOptions {
            sqlite_transaction_mode: self.writer.is_some().then_some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let db = self.db.begin_with_options(options).await?;
        self.take_time(&db).await?;
        Ok(Tx {
            db,
            scope,
            own: None,
            rights: Rights::default(),
            now,
            ids: self.ids.clone(),
            statements: self.statements.clone(),
            staged: Vec::new(),
            unpaced: false,
            _turn: turn,
        })
    }

    /// Gives a transaction the time that its statements may take.
    async fn take_time(&self, tx: &DatabaseTransaction) -> Result<(), DbErr> {
        match &self.own_time {
            Some(own_time) => tx.execute_unprepared(own_time).await.map(drop),
            None => Ok(()),
        }
    }

    /// A transaction of what no request waits for, whose statements may take as long as they need.
    async fn unhurried(&self) -> Result<DatabaseTransaction, DbErr> {
        let tx = self.db.begin().await?;
        if self.is_shared() {
            tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        }
        Ok(tx)
    }

    /// Ends a transaction for good: what was applied is kept.
    pub async fn commit(&self, tx: Tx) -> Result<(), DbErr> {
        tx.db.commit().await
    }

    /// Ends a transaction as if it had never been.
    pub async fn roll_back(&self, tx: Tx) -> Result<(), DbErr> {
        tx.db.rollback().await
    }

    /// Sees to it that so many ids are at hand. Blocks are taken outside of any transaction, so that one that
    /// rolls back gives no id out twice.
    async fn reserve(&self, count: i64) -> Result<(), DbErr> {
        let left = {
            let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
            ids.end - ids.start
        };
        if left >= count {
            return Ok(());
        }
        let _turn = match &self.writer {
            Some(writer) => Some(writer.lock().await),
            None => None,
        };
        let size = ID_BLOCK.max(count);
        let mut sql = sql::Sql::new(self.backend());
        sql.push("UPDATE counter SET last = last + ").bind(size);
        sql.push(" WHERE name = 'id' RETURNING last");
        let row = self.db.query_one_raw(sql.statement()).await?;
        let row = row.ok_or_else(|| DbErr::Custom("the id counter is missing".to_owned()))?;
        let last: i64 = row.try_get_by_index(0)?;
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        // A block that follows the old one continues it; otherwise the old rest is left unused.
        let start =
            if ids.end == last - size + 1 && ids.start < ids.end { ids.start } else { last - size + 1 };
        *ids = start..last + 1;
        Ok(())
    }

    /// PostgreSQL's connection for `LISTEN`; none on SQLite.
    pub async fn listen(&self) -> Result<Option<sqlx::postgres::PgListener>, sqlx::Error> {
        if !self.is_shared() {
            return Ok(None);
        }
        let mut listener =
            sqlx::postgres::PgListener::connect_with(self.db.get_postgres_connection_pool()).await?;
        listener.listen("roamline_change").await?;
        Ok(Some(listener))
    }

    /// The number that the outbox gave out last.
    pub async fn last_seq(&self) -> Result<i64, DbErr> {
        outbox::last_seq(self).await
    }
}

impl Source for Store {
    fn backend(&self) -> DatabaseBackend {
        self.db.get_database_backend()
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let span = span(self.backend(), &statement);
        sent(&self.statements, span, self.db.query_all_raw(statement)).await
    }
}

impl Reader {
    /// The part of the tree that is seen.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Kinds of things that the caller does not read.
    pub fn unread(&self) -> &[Noun] {
        &self.unread
    }

    /// The same for a caller who does not read these kinds of things.
    #[must_use]
    pub fn hiding(self, unread: impl Iterator<Item = Noun>) -> Self {
        Self { unread: unread.collect(), ..self }
    }

    /// The same at a moment: what is over by then is.
    #[must_use]
    pub fn at(self, now: Moment) -> Self {
        Self { now: Some(now), ..self }
    }
}

impl Source for Reader {
    fn backend(&self) -> DatabaseBackend {
        self.db.get_database_backend()
    }

    fn now(&self) -> Option<Moment> {
        self.now
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let span = span(self.backend(), &statement);
        let asked = async {
            match &self.reads {
                Some(reads) => reads.rows(statement).await,
                None => self.db.query_all_raw(statement).await,
            }
        };
        sent(&self.statements, span, asked).await
    }
}

impl Source for Snapshot {
    fn backend(&self) -> DatabaseBackend {
        self.db.get_database_backend()
    }

    fn now(&self) -> Option<Moment> {
        Some(self.now)
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let span = span(self.backend(), &statement);
        sent(&self.statements, span, self.db.query_all_raw(statement)).await
    }
}

impl Tx {
    /// The moment of the transaction.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// The part of the tree that the caller sees.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The user who changes what is their own and nothing else, where it is one.
    pub fn own(&self) -> Option<UserId> {
        self.own
    }

    /// Whether whoever writes may do this to things of a kind.
    pub fn allows(&self, action: Action, noun: Noun) -> bool {
        self.rights.allows(action, noun)
    }

    /// The same for somebody with these rights, who may be a user that changes no more than what is their own.
    #[must_use]
    pub fn of(self, own: Option<UserId>, rights: Rights) -> Self {
        Self { own, rights, ..self }
    }

    /// A number that nothing else has.
    pub fn id(&self) -> Result<i64, DbErr> {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.next().ok_or_else(|| DbErr::Custom("the reserved ids are used up".to_owned()))
    }

    /// Leaves logins and logouts unthrottled: those of an estate that is loaded, or of rows that are only tried.
    pub fn unpace(&mut self) {
        self.unpaced = true;
    }

    /// Whether logins and logouts are held back where a cluster takes only so many at once.
    pub fn is_paced(&self) -> bool {
        !self.unpaced
    }

    /// Applies changes; they are announced when the transaction is committed.
    pub async fn stage(&mut self, changes: Vec<Change>) -> Result<(), DbErr> {
        apply::apply(self, &changes).await?;
        self.staged.extend(changes);
        Ok(())
    }

    /// Marks a place to go back to. One at a time: a mark ends with [`Tx::keep`] or [`Tx::back`].
    pub async fn mark(&self) -> Result<Mark, DbErr> {
        self.run(self.plain("SAVEPOINT item")).await?;
        Ok(Mark(self.staged.len()))
    }

    /// Keeps what was done since the mark.
    pub async fn keep(&self, _mark: Mark) -> Result<(), DbErr> {
        self.run(self.plain("RELEASE SAVEPOINT item")).await.map(drop)
    }

    /// Undoes what was done since the mark, also what an index has just refused.
    pub async fn back(&mut self, mark: Mark) -> Result<(), DbErr> {
        self.run(self.plain("ROLLBACK TO SAVEPOINT item")).await?;
        self.run(self.plain("RELEASE SAVEPOINT item")).await?;
        self.staged.truncate(mark.0);
        Ok(())
    }

    fn plain(&self, text: &str) -> Statement {
        Statement::from_string(self.backend(), text)
    }

    /// What was applied so far.
    pub fn staged(&self) -> &[Change] {
        &self.staged
    }

    /// Takes what was applied, to append it to the outbox.
    pub fn take_staged(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.staged)
    }

    async fn run(&self, statement: Statement) -> Result<u64, DbErr> {
        let span = span(self.backend(), &statement);
        Ok(sent(&self.statements, span, self.db.execute_raw(statement)).await?.rows_affected())
    }
}

impl Source for Tx {
    fn backend(&self) -> DatabaseBackend {
        self.db.get_database_backend()
    }

    fn now(&self) -> Option<Moment> {
        Some(self.now)
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let span = span(self.backend(), &statement);
        sent(&self.statements, span, self.db.query_all_raw(statement)).await
    }
}

/// A statement's span, for traces: its text, in which values are but placeholders. Nothing where no trace is taken.
fn span(backend: DatabaseBackend, statement: &Statement) -> Span {
    // What the server looks up by itself is no part of anything, and each look would be a trace of its own.
    if Span::current().is_none() {
        return Span::none();
    }
    let system = if backend == DatabaseBackend::Postgres { "postgresql" } else { "sqlite" };
    tracing::trace_span!(
        "statement",
        otel.kind = "client",
        db.system.name = system,
        db.query.text = statement.sql
    )
}

/// Waits for a statement, and counts it for the process and for the request that asked.
async fn sent<T>(statements: &AtomicU64, span: Span, statement: impl Future<Output = T>) -> T {
    statements.fetch_add(1, Ordering::Relaxed);
    tally::statement(statement).instrument(span).await
}

/// Whether the error means that the same transaction may succeed when tried again: a lock that was not to be had
/// in time, a deadlock, a serialization failure, or no free connection.
pub fn is_busy(error: &DbErr) -> bool {
    match error {
        DbErr::ConnectionAcquire(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error))
        | DbErr::Conn(RuntimeErr::SqlxError(error)) => match &**error {
            sqlx::Error::PoolTimedOut => true,
            sqlx::Error::Database(error) => {
                matches!(
                    error.code().as_deref(),
                    Some("5" | "6" | "261" | "517" | "40001" | "40P01" | "55P03" | "57014")
                )
            }
            _ => false,
        },
        _ => false,
    }
}
