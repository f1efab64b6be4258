//! SQLite's connections for reads, which end when nobody waits for them any more.
//!
//! A statement on SQLite runs in a thread of its connection and goes on when its caller leaves: a request that was
//! stopped at its deadline would hold the connection, and a core, for as long as its statement likes. So each
//! connection here has a flag that SQLite looks at every few thousand steps, and a read that is dropped raises it. That
//! only works where it is known whose statement a connection runs, which a pool does not tell: here a read takes a
//! connection for itself. On PostgreSQL the server's `statement_timeout` does the same, for what writes too.
//!
//! What writes on SQLite is not interrupted. A command whose deadline has passed ends between two of its statements and
//! is rolled back, and these find their rows by an index; `auditNumbers` alone looks at every number, once. To stop a
//! statement within a transaction would take one connection for all writers, known to be theirs, for which each of them
//! would have to wait until the pool has looked after it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{
    ConnAcquireErr, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, QueryResult,
    Statement,
};
use tokio::sync::Semaphore;

/// Steps of SQLite's machine between looks at the flag: a fraction of a millisecond.
const STEPS: i32 = 10_000;

/// The connections.
pub struct Reads {
    connections: Vec<Connection>,
    /// Places of those that nobody reads from; the one used last is used again, as it knows the statements.
    free: Mutex<Vec<usize>>,
    turns: Semaphore,
    wait: Duration,
}

struct Connection {
    /// A pool of one.
    db: DatabaseConnection,
    /// Raised when nobody waits for the statement that runs.
    over: Arc<AtomicBool>,
}

impl Reads {
    /// So many connections, each opened when it is first used.
    pub async fn open(connect: &ConnectOptions, count: u32, wait: Duration) -> Result<Self, DbErr> {
        let mut connections = Vec::new();
        for _ in 0..count {
            connections.push(Connection::open(connect.clone()).await?);
        }
        let free = Mutex::new((0..connections.len()).rev().collect());
        let turns = Semaphore::new(connections.len());
        Ok(Self { connections, free, turns, wait })
    }

    /// How many are open, and how many of these wait for use.
    pub fn connections(&self) -> (u32, usize) {
        let pools = self.connections.iter().map(|connection| connection.db.get_sqlite_connection_pool());
        pools.fold((0, 0), |(open, idle), pool| (open.saturating_add(pool.size()), idle + pool.num_idle()))
    }

    /// Runs a statement and answers its rows; one that is dropped before it ends is stopped.
    pub async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let turn = tokio::time::timeout(self.wait, self.turns.acquire()).await;
        let turn = turn.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        let _turn = turn.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        let taken = Taken::of(self).ok_or(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        let connection = &self.connections[taken.place];
        let reading = connection.db.query_all_raw(statement);
        tokio::pin!(reading);
        // Dropped before the statement is: the connection goes to the next read only after that.
        let mut waiting = Waiting(Some(&connection.over));
        let rows = reading.await;
        waiting.0 = None;
        rows
    }
}

impl Connection {
    async fn open(mut connect: ConnectOptions) -> Result<Self, DbErr> {
        let over = Arc::new(AtomicBool::new(false));
        let (opened, taken) = (over.clone(), over.clone());
        connect.max_connections(1).connect_lazy(true);
        connect.map_sqlx_sqlite_pool_opts(move |pool| {
            let over = opened.clone();
            pool.after_connect(move |connection, _| {
                let over = over.clone();
                Box::pin(async move {
                    over.store(false, Ordering::SeqCst);
                    let mut handle = connection.lock_handle().await?;
                    handle.set_progress_handler(STEPS, move || !over.load(Ordering::Relaxed));
                    Ok(())
                })
            })
        });
        // The pool hands a connection out when its last statement has ended, and so nobody's is stopped but that one.
        connect.map_sqlx_sqlite_before_acquire(move |_, _| {
            taken.store(false, Ordering::SeqCst);
            Box::pin(async { Ok(true) })
        });
        Ok(Self { db: Database::connect(connect).await?, over })
    }
}

/// A connection that one read has for itself.
struct Taken<'a> {
    reads: &'a Reads,
    place: usize,
}

impl<'a> Taken<'a> {
    fn of(reads: &'a Reads) -> Option<Self> {
        let place = reads.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Self { reads, place })
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.reads.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.place);
    }
}

/// Raises the flag when it is dropped, unless the statement has ended.
struct Waiting<'a>(Option<&'a AtomicBool>);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(over) = self.0 {
            over.store(true, Ordering::SeqCst);
        }
    }
}
