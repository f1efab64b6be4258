//! Points that each token may spend: a bucket that fills by itself. A request takes out what it asks for before it runs
//! and gets back what it turned out not to need; one that never runs gets back all of it, whatever it was that kept it
//! from running.
//!
//! Every server has buckets of its own, so many servers give as many times the points; and it has them in memory, of a
//! bounded number of tokens: one that was silent longest begins with a full bucket again.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use lru::LruCache;

use crate::caller::Caller;

/// Tokens whose buckets are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

/// Microseconds on some clock.
pub type Micros = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Whose bucket it is: a token's, or that of somebody who comes without one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Owner(String);

impl Owner {
    pub fn of(caller: &Caller) -> Self {
        Self(caller.token.map_or_else(|| caller.name.clone(), |id| format!("token {id}")))
    }
}

/// How a bucket stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Throttle {
    /// Points that it holds when it is full.
    pub maximum: u64,
    /// Points in it.
    pub available: u64,
    /// Points that come back each second.
    pub restore_rate: u64,
}

impl Throttle {
    /// Seconds until so many points are there.
    pub fn wait(&self, points: u64) -> u64 {
        points.saturating_sub(self.available).div_ceil(self.restore_rate.max(1)).max(1)
    }
}

/// The buckets of a server.
pub struct Buckets {
    maximum: u64,
    restore_rate: u64,
    clock: Micros,
    kept: Mutex<LruCache<Owner, Bucket>>,
}

/// Points are counted in millionths, which is what comes back in a microsecond for each point a second.
#[derive(Clone, Copy)]
struct Bucket {
    /// Below zero when an answer was dearer than what it was asked for.
    millionths: i128,
    at: i64,
}

const MILLION: i128 = 1_000_000;

impl Buckets {
    pub fn new(maximum: u64, restore_rate: u64, clock: Micros) -> Self {
        Self { maximum, restore_rate, clock, kept: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// Takes points out; where there are too few it takes none and tells how the bucket stands.
    pub fn take(&self, owner: &Owner, points: u64) -> Result<(), Throttle> {
        self.with(owner, |bucket| {
            let wanted = i128::from(points) * MILLION;
            let enough = bucket.millionths >= wanted;
            if enough {
                bucket.millionths -= wanted;
            }
            enough
        })
        .map(drop)
    }

    /// Puts back what was taken and takes what was needed, which may be more; tells how the bucket stands.
    pub fn settle(&self, owner: &Owner, taken: u64, needed: u64) -> Throttle {
        let settled = self.with(owner, |bucket| {
            bucket.millionths += (i128::from(taken) - i128::from(needed)) * MILLION;
            true
        });
        settled.unwrap_or_else(|throttle| throttle)
    }

    /// Whether there is not a point left.
    pub fn is_empty(&self, owner: &Owner) -> bool {
        self.settle(owner, 0, 0).available == 0
    }

    /// Brings the bucket up to date and changes it; what the change says decides how its state is told.
    fn with(&self, owner: &Owner, change: impl FnOnce(&mut Bucket) -> bool) -> Result<Throttle, Throttle> {
        let now = (self.clock)();
        let full = i128::from(self.maximum) * MILLION;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = kept.get_or_insert_mut_ref(owner, || Bucket { millionths: full, at: now });
        // A clock that was set back gives nothing and takes nothing.
        let passed = i128::from(now.saturating_sub(bucket.at).max(0));
        bucket.at = now;
        bucket.millionths = (bucket.millionths + passed * i128::from(self.restore_rate)).min(full);
        let done = change(bucket);
        bucket.millionths = bucket.millionths.clamp(-full, full);
        let throttle = Throttle {
            maximum: self.maximum,
            available: u64::try_from(bucket.millionths / MILLION).unwrap_or(0),
            restore_rate: self.restore_rate,
        };
        if done { Ok(throttle) } else { Err(throttle) }
    }
}

/// Points that were taken for something that has not run yet: put back when this is dropped before it begins.
#[derive(Debug)]
pub struct Taken {
    buckets: Arc<Buckets>,
    owner: Owner,
    points: u64,
    /// Whether what they were taken for has begun.
    spent: bool,
}

impl Taken {
    /// Takes points out of the owner's bucket; where there are too few, tells how it stands.
    pub fn of(buckets: &Arc<Buckets>, owner: Owner, points: u64) -> Result<Self, Throttle> {
        buckets.take(&owner, points)?;
        Ok(Self { buckets: Arc::clone(buckets), owner, points, spent: false })
    }

    /// Says that it begins: whoever breaks it off has spent the points.
    pub const fn spend(&mut self) {
        self.spent = true;
    }

    /// Puts back what was not needed, or takes what was needed beyond; tells how the bucket stands.
    pub fn settle(mut self, needed: u64) -> Throttle {
        self.spent = true;
        self.buckets.settle(&self.owner, self.points, needed)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.spent {
            self.buckets.settle(&self.owner, self.points, 0);
        }
    }
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets")
            .field("maximum", &self.maximum)
            .field("restore_rate", &self.restore_rate)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

    use super::*;

    fn buckets() -> (Buckets, Arc<AtomicI64>) {
        let clock = Arc::new(AtomicI64::new(0));
        let time = clock.clone();
        (Buckets::new(100, 10, Arc::new(move || time.load(SeqCst))), clock)
    }

    fn owner(name: &str) -> Owner {
        Owner::of(&Caller::administrator(name))
    }

    fn stands(available: u64) -> Throttle {
        Throttle { maximum: 100, available, restore_rate: 10 }
    }

    #[test]
    fn points_are_spent_and_come_back() {
        let (buckets, clock) = buckets();
        let ann = owner("ann");
        assert_eq!(buckets.take(&ann, 70), Ok(()));
        assert_eq!(buckets.take(&ann, 40), Err(stands(30)));
        assert_eq!(stands(30).wait(40), 1);
        clock.store(999_999, SeqCst);
        assert_eq!(buckets.take(&ann, 40), Err(stands(39)));
        clock.store(1_000_000, SeqCst);
        assert_eq!(buckets.take(&ann, 40), Ok(()));
        clock.store(i64::MAX, SeqCst);
        assert_eq!(buckets.settle(&ann, 0, 0), stands(100));
        clock.store(0, SeqCst);
        assert_eq!(buckets.settle(&ann, 0, 0), stands(100));
    }

    #[test]
    fn what_was_not_needed_is_given_back_and_what_was_needed_beyond_is_owed() {
        let (buckets, _) = buckets();
        let ann = owner("ann");
        assert_eq!(buckets.take(&ann, 80), Ok(()));
        assert_eq!(buckets.settle(&ann, 80, 5), stands(95));
        assert_eq!(buckets.settle(&ann, 0, 500), stands(0));
        // Never more than one bucket is owed.
        assert_eq!(buckets.settle(&ann, 150, 0), stands(50));
        assert_eq!(buckets.settle(&ann, u64::MAX, 0), stands(100));
    }

    /// What never begins costs nothing; what begins and is broken off costs what it asked for.
    #[test]
    fn what_never_runs_is_given_back() {
        let (buckets, _) = buckets();
        let (buckets, ann) = (Arc::new(buckets), owner("ann"));
        let take = || Taken::of(&buckets, ann.clone(), 80).expect("they are there");
        drop(take());
        assert_eq!(buckets.settle(&ann, 0, 0), stands(100));
        let mut begun = take();
        assert_eq!(Taken::of(&buckets, ann.clone(), 80).map(drop), Err(stands(20)));
        begun.spend();
        drop(begun);
        assert_eq!(buckets.settle(&ann, 80, 0), stands(100));
        let mut begun = take();
        begun.spend();
        assert_eq!(begun.settle(5), stands(95));
        assert_eq!(buckets.settle(&ann, 0, 0), stands(95), "once");
        assert!(!buckets.is_empty(&ann));
        assert_eq!(buckets.settle(&ann, 0, 95), stands(0));
        assert!(buckets.is_empty(&ann));
    }

    #[test]
    fn everybody_has_a_bucket_and_the_memory_has_an_end() {
        let (buckets, _) = buckets();
        assert_eq!(buckets.take(&owner("ann"), 100), Ok(()));
        assert_eq!(buckets.take(&owner("bob"), 100), Ok(()));
        assert_eq!(buckets.take(&owner("ann"), 1), Err(stands(0)));
        for n in 0..REMEMBERED.get() {
            assert_eq!(buckets.take(&owner(&n.to_string()), 1), Ok(()));
        }
        assert_eq!(buckets.kept.lock().expect("nobody panicked").len(), REMEMBERED.get());
        assert_eq!(buckets.take(&owner("ann"), 100), Ok(()));
    }
}
