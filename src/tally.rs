//! What one request did, counted where it is done. A request carries its tally as a value of its task, so that the
//! store and the loaders can add to it without being handed anything; work without a tally is not counted by request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use prometheus::Histogram;

tokio::task_local! {
    /// The tally of the request that the current task works for.
    static TALLY: Arc<Tally>;
}

/// What a request did so far.
#[derive(Debug)]
pub struct Tally {
    statements: AtomicU64,
    micros: AtomicU64,
    /// Keys of each batch that loaders sent, of all requests.
    batches: Histogram,
}

impl Tally {
    /// An empty tally; the sizes of batches are told to the histogram at once.
    pub fn new(batches: Histogram) -> Arc<Self> {
        Arc::new(Self { statements: AtomicU64::new(0), micros: AtomicU64::new(0), batches })
    }

    /// Statements sent to the database.
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How long the statements took, one by one: those that ran at the same time count each for itself.
    pub fn in_database(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }
}

/// Runs a future for the request of this tally.
pub async fn kept<F: Future>(tally: Arc<Tally>, work: F) -> F::Output {
    TALLY.scope(tally, work).await
}

/// The same work for a task of its own, which would lose the tally otherwise.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let tally = TALLY.try_with(Arc::clone).ok();
    async move {
        match tally {
            Some(tally) => TALLY.scope(tally, work).await,
            None => work.await,
        }
    }
}

/// Waits for a statement, and counts it.
pub async fn statement<F: Future>(work: F) -> F::Output {
    let began = Instant::now();
    let output = work.await;
    // Outside of a request there is nothing to add it to.
    let _alone = TALLY.try_with(|tally| {
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        tally.statements.fetch_add(1, Ordering::Relaxed);
        tally.micros.fetch_add(micros, Ordering::Relaxed);
    });
    output
}

/// Notes that a loader sent a batch of so many keys.
pub fn batch(keys: usize) {
    let keys = u32::try_from(keys).map_or(f64::MAX, f64::from);
    let _alone = TALLY.try_with(|tally| tally.batches.observe(keys));
}

#[cfg(test)]
mod tests {
    use prometheus::HistogramOpts;

    use super::*;

    fn histogram() -> Histogram {
        Histogram::with_opts(HistogramOpts::new("keys", "Keys.")).expect("a histogram")
    }

    /// A mutation runs in a task of its own and is still the request's.
    #[tokio::test]
    async fn a_request_counts_its_own_statements_and_those_of_its_tasks() {
        let (one, other) = (Tally::new(histogram()), Tally::new(histogram()));
        kept(one.clone(), async {
            statement(async {}).await;
            tokio::spawn(carried(statement(async {}))).await.expect("done");
            tokio::spawn(statement(async {})).await.expect("done");
            kept(other.clone(), statement(async {})).await;
            batch(3);
        })
        .await;
        assert_eq!((one.statements(), other.statements()), (2, 1));
        assert_eq!((one.batches.get_sample_count(), other.batches.get_sample_count()), (1, 0));
    }
}
