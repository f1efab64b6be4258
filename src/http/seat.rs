//! How many connections that stay open a token may have at once, or an address, so that one client that forgets to close
//! them does not take the room of all others.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entity::TokenId;

use crate::caller::Caller;

/// Whose connections are counted together.
pub(super) type Who = (Option<TokenId>, String);

/// Whose a caller's connections are.
pub(super) fn who(caller: &Caller) -> Who {
    (caller.token, caller.name.clone())
}

/// The open connections by whose they are; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Seats<W = Who> {
    taken: Arc<Mutex<HashMap<W, usize>>>,
    /// None where they are not counted, as there are no tokens.
    most: Option<usize>,
}

/// Room for one connection, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat<W: Eq + Hash = Who> {
    seats: Seats<W>,
    who: W,
}

impl<W: Clone + Eq + Hash> Seats<W> {
    /// So many for each.
    pub(super) fn new(most: Option<usize>) -> Self {
        Self { taken: Arc::default(), most }
    }

    /// Takes a seat; fails with the most that there may be.
    pub(super) fn take(&self, who: W) -> Result<Seat<W>, usize> {
        let mut taken = self.taken();
        let count = taken.entry(who.clone()).or_default();
        if let Some(most) = self.most.filter(|most| *count >= *most) {
            return Err(most);
        }
        *count += 1;
        Ok(Seat { seats: self.clone(), who })
    }
}

impl<W> Seats<W> {
    fn taken(&self) -> MutexGuard<'_, HashMap<W, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whether it is this caller's.
    pub(super) fn is_of(&self, caller: &Caller) -> bool {
        self.who == who(caller)
    }
}

impl<W: Eq + Hash> Drop for Seat<W> {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        if let Some(count) = taken.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_so_many_seats_and_gets_them_back() {
        let seats = Seats::new(Some(2));
        let [ann, ben] = ["ann", "ben"].map(|name| who(&Caller::administrator(name)));
        let first = seats.take(ann.clone()).expect("a seat");
        let second = seats.take(ann.clone()).expect("a seat");
        assert_eq!(seats.take(ann.clone()).err(), Some(2));
        let other = seats.take(ben).expect("of another token");
        drop(first);
        let third = seats.take(ann.clone()).expect("a seat");
        drop((second, third, other));
        assert!(seats.taken().is_empty());
    }
}
