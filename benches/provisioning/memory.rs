//! What the process holds while something runs, from Linux's /proc; nothing is told elsewhere.

use std::{
    fmt, fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Bytes of a page in `/proc/self/statm`.
const PAGE: u64 = 4_096;

/// The most that was held above the start in either half of a run: alike, whatever there is to do, where memory is flat.
#[derive(Clone, Copy, Debug)]
pub struct Peaks {
    first: u64,
    second: u64,
}

/// Looks at the memory until it is asked.
pub struct Watch {
    ended: Arc<AtomicBool>,
    looking: JoinHandle<Vec<u64>>,
    start: u64,
}

impl Watch {
    pub fn start() -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let end = ended.clone();
        let looking = thread::spawn(move || {
            let mut held = Vec::new();
            while !end.load(Ordering::Relaxed) {
                held.push(resident());
                thread::sleep(Duration::from_millis(20));
            }
            held.push(resident());
            held
        });
        Self { ended, looking, start: resident() }
    }

    pub fn end(self) -> Peaks {
        self.ended.store(true, Ordering::Relaxed);
        let held = self.looking.join().unwrap_or_default();
        let (first, second) = held.split_at(held.len() / 2);
        let above = |half: &[u64]| half.iter().max().map_or(0, |most| most.saturating_sub(self.start));
        Peaks { first: above(first), second: above(second) }
    }
}

fn resident() -> u64 {
    let pages =
        || fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse::<u64>().ok();
    pages().unwrap_or(0) * PAGE
}

impl fmt::Display for Peaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.first >> 20, self.second >> 20)
    }
}
