//! How an execution is driven, so that a page costs the same few statements whatever its size.
//!
//! A loader must not send its keys before every resolver that can ask has asked. Yielding to Tokio for a while does
//! not see to that: a list of many items is polled in rounds, Tokio's budget stops it in between, and whoever has
//! yielded goes on as soon as anything beside it is polled; some items ask late, and one statement becomes several,
//! by chance (a page of 200 lines with their devices took 5 to 80). Here an execution is polled until nobody in it
//! can go on, and only then those go on who wait for exactly that.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// Where the resolvers of one execution wait until nobody else can go on.
#[derive(Clone, Default)]
pub struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// How often it was opened.
    opened: AtomicU64,
    waiting: Mutex<Vec<Waker>>,
    bell: Arc<Bell>,
}

/// Notes who can go on while the execution is polled, and wakes its task otherwise.
#[derive(Default)]
struct Bell {
    state: AtomicU8,
    task: AtomicWaker,
}

const RESTING: u8 = 0;
const POLLED: u8 = 1;
const RUNG: u8 = 2;

impl Gate {
    /// Which opening of the gate is the next.
    pub fn next(&self) -> u64 {
        self.0.opened.load(SeqCst)
    }

    /// Waits until nobody else in the execution can go on: for the opening that was the next when the caller came.
    pub async fn quiet(&self, came: u64) {
        std::future::poll_fn(|cx| {
            if self.0.opened.load(SeqCst) != came {
                return Poll::Ready(());
            }
            let mut waiting = self.waiting();
            if waiting.last().is_none_or(|last| !last.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Drives an execution through. Its cost and its deadline bound it, not Tokio's budget.
    pub async fn through<F: Future>(&self, execution: F) -> F::Output {
        let bell = &self.0.bell;
        let waker = Waker::from(bell.clone());
        let mut execution = pin!(tokio::task::unconstrained(execution));
        std::future::poll_fn(|cx| {
            bell.task.register(cx.waker());
            loop {
                bell.state.store(POLLED, SeqCst);
                if let Poll::Ready(output) = execution.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Poll::Ready(output);
                }
                if bell.is_rung() || self.open() {
                    continue;
                }
                if bell.rests() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Lets everybody on who waits; tells whether anybody did.
    fn open(&self) -> bool {
        let waiting = std::mem::take(&mut *self.waiting());
        self.0.opened.fetch_add(1, SeqCst);
        let any = !waiting.is_empty();
        waiting.into_iter().for_each(Waker::wake);
        any
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    fn is_rung(&self) -> bool {
        self.state.load(SeqCst) == RUNG
    }

    /// Whether nobody has rung since the poll began; from here on a ring wakes the task.
    fn rests(&self) -> bool {
        self.state.compare_exchange(POLLED, RESTING, SeqCst, SeqCst).is_ok()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(RUNG, SeqCst) == RESTING {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::future::join_all;

    use super::*;

    /// Items that wait unevenly long for each other all come to the gate before anybody passes it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn nobody_passes_before_everybody_has_come() {
        for count in [1, 30, 31, 1_000] {
            let gate = Gate::default();
            let (turn, come) = (tokio::sync::Mutex::new(()), AtomicUsize::new(0));
            let item = async || {
                drop(turn.lock().await);
                come.fetch_add(1, SeqCst);
                gate.quiet(gate.next()).await;
                come.load(SeqCst)
            };
            let execution = join_all((0..count).map(|_| join_all((0..3).map(|_| item()))));
            let seen = gate.through(execution).await;
            assert!(seen.into_iter().flatten().all(|seen| seen == count * 3), "{count}");
        }
    }
}
