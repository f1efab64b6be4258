//! What is remembered of those who came in, so that not every request and every event asks the database who its caller is.
//!
//! It is bounded: what was not asked for longest is forgotten first. Guesses have a memory of their own, so that they
//! push nobody out. Streams are remembered by their token, and looked up together: ten thousand that listen and hear
//! nothing are asked for in a few statements, and many of one token in one.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use entity::TokenId;
use lru::LruCache;
use tokio::sync;

use super::Known;
use crate::store::token::Found;

/// How long what is known of a token is believed; a revoked one is out after it.
const BELIEVED: Duration = Duration::from_millis(500);
/// Tokens remembered at once.
const REMEMBERED: usize = 50_000;
/// Guesses remembered at once.
const GUESSES: usize = 1_000;
/// Tokens of streams looked up at once; a power of two.
const TOGETHER: usize = 512;
/// As many tokens may be looked up at once by what was shown of them.
const TURNS: usize = 64;

pub(in crate::app) struct Memory {
    /// By the hash of what was shown.
    shown: Mutex<LruCache<String, Known>>,
    guesses: Mutex<LruCache<String, Known>>,
    streams: Mutex<LruCache<TokenId, Held>>,
    /// Of many who show the same, one looks it up.
    turns: [sync::Mutex<()>; TURNS],
    /// Whoever looks streams up does it for others too.
    turn: sync::Mutex<()>,
}

/// What is known of a token of streams.
struct Held {
    at: Instant,
    found: Option<Found>,
    /// Whether a stream has asked since.
    asked: bool,
}

impl Default for Memory {
    fn default() -> Self {
        // Without room ahead, of which most servers need little.
        Self {
            shown: Mutex::new(LruCache::unbounded()),
            guesses: Mutex::new(LruCache::new(NonZeroUsize::new(GUESSES).unwrap_or(NonZeroUsize::MIN))),
            streams: Mutex::new(LruCache::unbounded()),
            turns: std::array::from_fn(|_| sync::Mutex::default()),
            turn: sync::Mutex::default(),
        }
    }
}

impl Memory {
    /// What is believed of what was shown, by its hash.
    pub(super) fn shown(&self, hash: &str) -> Option<Known> {
        let fresh = |known: &&Known| known.at.elapsed() < BELIEVED;
        let known = lock(&self.shown).get(hash).filter(fresh).cloned();
        known.or_else(|| lock(&self.guesses).get(hash).filter(fresh).cloned())
    }

    /// Whether it was good when it was looked up last.
    pub(super) fn was_good(&self, hash: &str) -> bool {
        lock(&self.shown).contains(hash)
    }

    /// Held while what was shown is looked up.
    pub(super) async fn turn(&self, hash: &str) -> sync::MutexGuard<'_, ()> {
        let place =
            hash.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        self.turns[place % TURNS].lock().await
    }

    /// Remembers what was found of what was shown.
    pub(super) fn remember(&self, hash: String, known: Known) {
        if known.token.is_none() {
            lock(&self.shown).pop(&hash);
            lock(&self.guesses).put(hash, known);
            return;
        }
        let mut shown = lock(&self.shown);
        shown.put(hash, known);
        if shown.len() > REMEMBERED {
            shown.pop_lru();
        }
    }

    /// What is believed of a stream's token; nothing where it has to be looked up.
    #[expect(clippy::option_option, reason = "that a token is not there is known too")]
    pub(super) fn held(&self, id: TokenId) -> Option<Option<Found>> {
        let mut streams = lock(&self.streams);
        let held = streams.get_mut(&id)?;
        held.asked = true;
        (held.at.elapsed() < BELIEVED).then(|| held.found.clone())
    }

    /// Held while streams' tokens are looked up.
    pub(super) async fn streams_turn(&self) -> sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The tokens to look up along with one of them: those that are asked for and will soon be believed no more.
    pub(super) fn due(&self, id: TokenId) -> Vec<TokenId> {
        let streams = lock(&self.streams);
        let soon = streams
            .iter()
            .filter(|(other, held)| **other != id && held.asked && held.at.elapsed() >= BELIEVED / 2);
        std::iter::once(id).chain(soon.map(|(other, _)| *other)).take(TOGETHER).collect()
    }

    /// Remembers what was found of tokens that were looked up.
    pub(super) fn hold(&self, due: &[TokenId], found: Vec<Found>) {
        let mut found: HashMap<_, _> = found.into_iter().map(|found| (found.0.id, found)).collect();
        let (at, mut streams) = (Instant::now(), lock(&self.streams));
        for id in due {
            streams.put(*id, Held { at, found: found.remove(id), asked: false });
        }
        while streams.len() > REMEMBERED {
            streams.pop_lru();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use entity::{Moment, token};

    use super::*;

    fn found(id: i64) -> Found {
        let token = token::Model {
            id: TokenId(id),
            name: "x".to_owned(),
            hash: id.to_string(),
            role: token::Role::Viewer,
            role_id: None,
            organization_id: None,
            user_id: None,
            created_at: Moment(0),
            expires_at: None,
            revoked_at: None,
        };
        (token, None, None)
    }

    fn known(token: Option<Found>) -> Known {
        Known { at: Instant::now(), token, until: None, refused: None }
    }

    /// However many are guessed, whoever came in with a token is remembered.
    #[test]
    fn guesses_push_nobody_out() {
        let memory = Memory::default();
        memory.remember("good".to_owned(), known(Some(found(1))));
        for guess in 0..2 * GUESSES {
            memory.remember(format!("guess {guess}"), known(None));
        }
        assert!(memory.was_good("good") && memory.shown("good").is_some_and(|known| known.token.is_some()));
        let last = format!("guess {}", 2 * GUESSES - 1);
        assert!(!memory.was_good(&last) && memory.shown(&last).is_some_and(|known| known.token.is_none()));
        assert!(memory.shown("guess 0").is_none(), "the first are forgotten");
        memory.remember("good".to_owned(), known(None));
        assert!(!memory.was_good("good"), "it is good no more");
    }

    /// What a stream has asked for is looked up along with another's; what nobody asks for is let go.
    #[test]
    fn streams_are_looked_up_together() {
        let memory = Memory::default();
        let [one, two, three] = [1, 2, 3].map(TokenId);
        memory.hold(&[one, two, three], vec![found(1), found(2)]);
        assert!(memory.held(two).is_some_and(|found| found.is_some()));
        assert!(memory.held(three).is_some_and(|found| found.is_none()), "it is known not to be there");
        assert_eq!(memory.due(one), [one], "the others are believed for a while");
        for (_, held) in lock(&memory.streams).iter_mut() {
            held.at = held.at.checked_sub(BELIEVED).expect("the machine runs that long");
        }
        let mut due = memory.due(TokenId(4));
        assert_eq!(due.remove(0), TokenId(4));
        due.sort_unstable();
        assert_eq!(due, [two, three]);
        assert!(memory.held(two).is_none());
    }
}
