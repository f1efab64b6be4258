//! Event streams that many operations share. A stream is reserved first, by a request that shows a token; the secret
//! that answers it opens the stream, where a browser can send no header. It opens one stream, once; only who reserved
//! it can start operations on it; and unless it is opened soon it is gone.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use data_encoding::BASE64URL_NOPAD;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::AbortHandle,
    time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    caller::Caller,
    http::seat::{Seat, Who, who},
    schema::Holder,
};

/// The reservations of a server; clones share them.
#[derive(Clone, Default)]
pub(in crate::http) struct Reservations(Arc<Mutex<HashMap<String, Arc<Reservation>>>>);

/// A stream that was reserved, and perhaps opened.
pub(super) struct Reservation {
    who: Who,
    /// Who reserved it, with the token that was shown last.
    pub(super) holder: Holder,
    /// Where its operations tell what they have.
    pub(super) events: mpsc::Sender<Bytes>,
    /// Taken by the stream.
    told: Mutex<Option<mpsc::Receiver<Bytes>>>,
    operations: Mutex<Operations>,
    tasks: TaskTracker,
    opened: CancellationToken,
    ended: CancellationToken,
    _room: (OwnedSemaphorePermit, Seat),
}

/// The operations under way by id. Each has a number, so that one that ends does not end its successor.
#[derive(Default)]
struct Operations {
    begun: u64,
    live: HashMap<String, (u64, AbortHandle)>,
}

/// Why an operation cannot begin.
pub(super) enum Full {
    /// The id is in use.
    Duplicate,
    /// There are as many as there may be.
    TooMany,
}

impl Reservations {
    /// Reserves a stream; answers what opens it. Nothing where there is no randomness to make that of.
    pub(super) fn reserve(
        &self,
        caller: Caller,
        room: (OwnedSemaphorePermit, Seat),
        queue: usize,
    ) -> Option<(String, Arc<Reservation>)> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        let ticket = BASE64URL_NOPAD.encode(&bytes);
        let (events, told) = mpsc::channel(queue);
        let reservation = Arc::new(Reservation {
            who: who(&caller),
            holder: Holder::new(caller),
            events,
            told: Mutex::new(Some(told)),
            operations: Mutex::default(),
            tasks: TaskTracker::new(),
            opened: CancellationToken::new(),
            ended: CancellationToken::new(),
            _room: room,
        });
        self.all().insert(ticket.clone(), Arc::clone(&reservation));
        Some((ticket, reservation))
    }

    /// The reservation that a ticket is of.
    pub(super) fn find(&self, ticket: &str) -> Option<Arc<Reservation>> {
        self.all().get(ticket).cloned()
    }

    /// Ends a reservation with everything that runs on it.
    pub(super) fn end(&self, ticket: &str) {
        let Some(reservation) = self.all().remove(ticket) else { return };
        reservation.ended.cancel();
        for (_, (_, task)) in reservation.operations().live.drain() {
            task.abort();
        }
    }

    /// Lives as long as the reservation: ends it when nobody opens it in time, and when the server stops, once its
    /// operations have told where they stand.
    pub(super) async fn keep(
        self,
        ticket: String,
        reservation: Arc<Reservation>,
        most: Duration,
        stop: CancellationToken,
    ) {
        let unopened = async {
            tokio::select! {
                () = reservation.opened.cancelled() => std::future::pending().await,
                () = time::sleep(most) => {}
            }
        };
        tokio::select! {
            () = unopened => {}
            () = reservation.ended.cancelled() => {}
            () = stop.cancelled() => {
                reservation.tasks.close();
                reservation.tasks.wait().await;
            }
        }
        self.end(&ticket);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Reservation>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Whether it is this caller's.
    pub(super) fn is_of(&self, caller: &Caller) -> bool {
        self.who == who(caller)
    }

    /// What its operations tell; nothing when it was opened before.
    pub(super) fn open(&self) -> Option<mpsc::Receiver<Bytes>> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.opened.cancel();
        Some(told)
    }

    /// Begins an operation; it leaves when it has ended. The future is made of the operation's number.
    pub(super) fn begin<F: Future<Output = ()> + Send + 'static>(
        &self,
        id: &str,
        most: usize,
        work: impl FnOnce(u64) -> F,
    ) -> Result<(), Full> {
        // Held over the start, so that the task cannot leave before it has entered.
        let mut operations = self.operations();
        let full = operations.live.len() >= most;
        operations.begun += 1;
        let number = operations.begun;
        match operations.live.entry(id.to_owned()) {
            Entry::Occupied(_) => Err(Full::Duplicate),
            Entry::Vacant(_) if full => Err(Full::TooMany),
            Entry::Vacant(place) => {
                place.insert((number, self.tasks.spawn(work(number)).abort_handle()));
                Ok(())
            }
        }
    }

    /// Forgets an operation that has ended.
    pub(super) fn leave(&self, id: &str, number: u64) {
        let mut operations = self.operations();
        if operations.live.get(id).is_some_and(|(live, _)| *live == number) {
            operations.live.remove(id);
        }
    }

    /// Ends an operation, if it runs.
    pub(super) fn stop(&self, id: &str) {
        if let Some((_, task)) = self.operations().live.remove(id) {
            task.abort();
        }
    }

    fn operations(&self) -> MutexGuard<'_, Operations> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
