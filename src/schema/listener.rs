//! A stream as both of its sides know it: who listens, from where on, and how far it has come. The schema and the
//! transport share it through the request's data, so that the schema knows nothing of sockets, and a transport need
//! not look for a cursor in an answer whose query may not have asked for one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;

use super::value::scalar::Cursor;
use crate::caller::Caller;

/// Who holds a connection. A token shown anew changes it for everything that runs there.
#[derive(Clone, Debug)]
pub struct Holder(Arc<RwLock<Caller>>);

impl Holder {
    /// A connection of this caller.
    pub fn new(caller: Caller) -> Self {
        Self(Arc::new(RwLock::new(caller)))
    }

    /// Who holds it now.
    pub fn caller(&self) -> Caller {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Hands it over to a newly shown token.
    pub fn replace(&self, caller: Caller) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = caller;
    }
}

/// A stream being listened to; clones share it.
#[derive(Clone, Debug)]
pub struct Listener(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    holder: Holder,
    resume: Option<String>,
    place: Mutex<Place>,
    begun: Notify,
}

/// How far a stream has come.
#[derive(Debug, Default)]
struct Place {
    /// Of the answer that is on its way to the transport.
    told: Option<Cursor>,
    /// Everything up to here was handed over, or was not asked for.
    kept: Option<Cursor>,
}

impl Listener {
    /// A stream of a connection. `resume` is the cursor that the client brings outside of its query; it stands above
    /// the query's own.
    pub fn new(holder: Holder, resume: Option<String>) -> Self {
        let (place, begun) = (Mutex::default(), Notify::new());
        Self(Arc::new(Inner { holder, resume, place, begun }))
    }

    /// Who listens now.
    pub fn caller(&self) -> Caller {
        self.0.holder.caller()
    }

    /// The cursor to go on from, as the client brought it.
    pub fn resume(&self) -> Option<&str> {
        self.0.resume.as_deref()
    }

    /// Says that the operation is a valid one and runs.
    pub fn begin(&self) {
        self.0.begun.notify_one();
    }

    /// Waits until it runs; for one who waits.
    pub async fn begun(&self) {
        self.0.begun.notified().await;
    }

    /// Says that there was nothing to tell up to a place.
    pub fn pass(&self, cursor: Cursor) {
        *self.place() = Place { told: None, kept: Some(cursor) };
    }

    /// Says of which place the next answer is.
    pub fn tell(&self, cursor: Cursor) {
        self.place().told = Some(cursor);
    }

    /// The place of the answer that was told last.
    pub fn told(&self) -> Option<Cursor> {
        self.place().told
    }

    /// Says that this answer was handed over.
    pub fn keep(&self) {
        let mut place = self.place();
        place.kept = place.told.take().or(place.kept);
    }

    /// The place to go on from: exactly what was not handed over comes after it.
    pub fn kept(&self) -> Option<Cursor> {
        self.place().kept
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_kept_when_it_was_handed_over_and_not_before() {
        let listener = Listener::new(Holder::new(Caller::administrator("x")), None);
        assert_eq!((listener.told(), listener.kept()), (None, None));
        listener.pass(Cursor::Change(3));
        listener.tell(Cursor::Change(4));
        assert_eq!((listener.told(), listener.kept()), (Some(Cursor::Change(4)), Some(Cursor::Change(3))));
        listener.keep();
        assert_eq!((listener.told(), listener.kept()), (None, Some(Cursor::Change(4))));
        // Once more changes nothing.
        listener.keep();
        listener.pass(Cursor::Change(7));
        assert_eq!(listener.kept(), Some(Cursor::Change(7)));
    }
}
