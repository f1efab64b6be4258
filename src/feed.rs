//! The change stream: a cursor and a wake-up. Data comes from the outbox, signals only wake, so nothing can lag,
//! be lost or be repeated; a slow follower reads at its own pace and holds nobody up.
//!
//! One reader per process fetches each change once into a ring of recent ones, which all followers share; only
//! who is further behind than the ring reads the table itself. Numbers have no gaps, so a follower that does not
//! find the next one knows that it was trimmed.

use std::{
    collections::VecDeque,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use entity::Moment;
use futures_util::Stream;
use tokio::sync::{Notify, watch};

use crate::store::{DbErr, Entry, Store, outbox};

/// Changes read from the table at once, for all followers.
const BATCH: i64 = 1_000;
/// Changes that a follower holds at once. It keeps them while its peer reads nothing, and there are many followers.
const HELD: usize = 32;

/// How the feed reads.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Recent changes held for all followers.
    pub ring: usize,
    /// Time between looks at the table in case a wake-up was lost.
    pub poll: Duration,
}

/// Why a stream of changes ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The changes after the cursor are no longer kept.
    #[error("the changes after the cursor are no longer kept")]
    Expired,
    /// The cursor is ahead of everything that ever happened here.
    #[error("the cursor is not one of this estate's")]
    Unknown,
    /// The table could not be read.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// The change stream of a process.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
    _reader: Arc<Reader>,
}

struct Shared {
    store: Store,
    options: Options,
    ring: RwLock<VecDeque<Arc<Entry>>>,
    latest: watch::Sender<i64>,
    nudge: Notify,
}

/// Ends the reading task with the last handle to the feed.
struct Reader(tokio::task::JoinHandle<()>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Feed {
    /// Starts to read from the newest change on.
    pub async fn start(store: Store, options: Options) -> Result<Self, DbErr> {
        let (latest, _) = watch::channel(store.last_seq().await?);
        let shared =
            Arc::new(Shared { store, options, ring: RwLock::default(), latest, nudge: Notify::new() });
        let reader = tokio::spawn(read_on(shared.clone()));
        Ok(Self { shared, _reader: Arc::new(Reader(reader)) })
    }

    /// The newest change that followers may have.
    pub fn latest(&self) -> i64 {
        *self.shared.latest.borrow()
    }

    /// Says that there is something to read.
    pub fn nudge(&self) {
        self.shared.nudge.notify_one();
    }

    /// Lets go of changes from before a moment: what the table no longer keeps is told by nobody.
    pub fn forget(&self, before: Moment) {
        let mut ring = self.shared.ring.write().unwrap_or_else(PoisonError::into_inner);
        while ring.front().is_some_and(|entry| entry.at < before) {
            ring.pop_front();
        }
    }

    /// Every change after the number, in order, none left out and none twice, for as long as it is polled.
    pub fn follow(&self, after: i64) -> impl Stream<Item = Result<Arc<Entry>, Ended>> + Send + use<> {
        let shared = self.shared.clone();
        let feed = self.clone();
        let mut latest = self.shared.latest.subscribe();
        async_stream::try_stream! {
            // The feed must live as long as its followers.
            let _feed = feed;
            let mut cursor = after;
            if cursor > *latest.borrow_and_update() {
                // Another process may have been faster than this one's reader.
                let newest = shared.store.last_seq().await?;
                if cursor > newest {
                    Err(Ended::Unknown)?;
                }
            }
            loop {
                let newest = *latest.borrow_and_update();
                if newest <= cursor {
                    if latest.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                // All up to `newest` was committed before the table is read, so what is missing now was trimmed.
                let entries = shared.read_after(cursor).await?;
                if entries.first().is_none_or(|entry| entry.seq != cursor + 1) {
                    Err(Ended::Expired)?;
                }
                for entry in entries {
                    cursor = entry.seq;
                    yield entry;
                }
            }
        }
    }
}

impl Shared {
    /// The next changes: from the ring when it reaches back far enough, else from the table.
    async fn read_after(&self, cursor: i64) -> Result<Vec<Arc<Entry>>, DbErr> {
        if let Some(entries) = self.recent_after(cursor) {
            return Ok(entries);
        }
        let held = i64::try_from(HELD).unwrap_or(i64::MAX);
        let entries = outbox::after(&self.store, cursor, held).await?;
        // What the ring's reader has not seen yet is left for later: all followers move with it.
        let newest = *self.latest.borrow();
        Ok(entries.into_iter().take_while(|entry| entry.seq <= newest).map(Arc::new).collect())
    }

    fn recent_after(&self, cursor: i64) -> Option<Vec<Arc<Entry>>> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let first = ring.front()?.seq;
        let skip = usize::try_from(cursor + 1 - first).ok()?;
        Some(ring.iter().skip(skip).take(HELD).cloned().collect())
    }

    fn keep(&self, entries: Vec<Entry>) {
        let Some(newest) = entries.last().map(|entry| entry.seq) else { return };
        {
            let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
            ring.extend(entries.into_iter().map(Arc::new));
            while ring.len() > self.options.ring {
                ring.pop_front();
            }
        }
        self.latest.send_replace(newest);
    }
}

/// Reads what is new whenever woken: by this process, by PostgreSQL's notification, or by the slow clock.
async fn read_on(shared: Arc<Shared>) {
    let mut listener = None;
    loop {
        if listener.is_none() && shared.store.is_shared() {
            listener = match shared.store.listen().await {
                Ok(listener) => listener,
                Err(error) => {
                    tracing::warn!(%error, "cannot listen for changes; looking every so often instead");
                    None
                }
            };
        }
        let newest = *shared.latest.borrow();
        match outbox::after(&shared.store, newest, BATCH).await {
            Ok(entries) if !entries.is_empty() => {
                shared.keep(entries);
                continue;
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "cannot read changes"),
        }
        let pause = tokio::time::sleep(shared.options.poll);
        if let Some(open) = &mut listener {
            tokio::select! {
                () = shared.nudge.notified() => {}
                heard = open.recv() => if let Err(error) = heard {
                    tracing::warn!(%error, "lost the connection that listens for changes");
                    listener = None;
                },
                () = pause => {}
            }
        } else {
            tokio::select! {
                () = shared.nudge.notified() => {}
                () = pause => {}
            }
        }
    }
}
