//! Those of whom nothing is known yet: connections on which no request has come, sockets that have not said who they are. Each
//! has a time in which to say more; until then there are so many of them at most, in all and from one address, so that
//! whoever only comes and says nothing leaves room for those who have something to say.
//!
//! One more is turned away at once: waiting would take the very room that is short.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    guess::Source,
    seat::{Seat, Seats},
};

/// How many there may be; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Strangers {
    all: Arc<Semaphore>,
    seats: Seats<Source>,
}

/// A place among them, given back when dropped.
#[derive(Debug)]
pub(super) struct Stranger {
    _place: OwnedSemaphorePermit,
    _seat: Seat<Source>,
}

/// There are as many as there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Crowd {
    /// In all.
    Everywhere,
    /// Of the address.
    There,
}

impl Strangers {
    /// So many in all, and of each address; of any where none is given.
    pub(super) fn new(all: usize, each: Option<usize>) -> Self {
        Self { all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))), seats: Seats::new(each) }
    }

    /// Takes a place for somebody from there.
    pub(super) fn enter(&self, source: Source) -> Result<Stranger, Crowd> {
        let seat = self.seats.take(source).map_err(|_| Crowd::There)?;
        let place = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Crowd::Everywhere)?;
        Ok(Stranger { _place: place, _seat: seat })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn so_many_are_let_in_of_one_address_and_in_all() {
        let [ann, ben, kim] = [1, 2, 3].map(|last| Source::V4(Ipv4Addr::new(192, 0, 2, last)));
        let strangers = Strangers::new(3, Some(2));
        let first = strangers.enter(ann).expect("room");
        let second = strangers.enter(ann).expect("room");
        assert_eq!(strangers.enter(ann).err(), Some(Crowd::There));
        let third = strangers.enter(ben).expect("room");
        assert_eq!(strangers.enter(kim).err(), Some(Crowd::Everywhere));
        assert_eq!(strangers.enter(ben).err(), Some(Crowd::Everywhere), "and no seat is lost by it");
        drop(first);
        let fourth = strangers.enter(ben).expect("room");
        assert_eq!(strangers.enter(ben).err(), Some(Crowd::There));
        drop((second, third, fourth));
        let anyone = Strangers::new(3, None);
        assert!((0..3).map(|_| anyone.enter(ann)).collect::<Vec<_>>().iter().all(Result::is_ok));
    }
}
