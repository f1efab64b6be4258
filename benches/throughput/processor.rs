//! Processor time that requests cost, in this process and in PostgreSQL's where it runs on the same machine. Unlike
//! requests per second it says the same while other programs take their share of the machine. From Linux's /proc;
//! nothing is told elsewhere.

use std::{fs, time::Duration};

use anyhow::Result;

use crate::hand::Pool;

/// The unit of the times in /proc, the same on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// What runs for the requests.
pub struct Meter {
    /// `stat` of this process and of PostgreSQL's that serve the database.
    files: Vec<String>,
}

impl Meter {
    /// Looks which processes serve the database now.
    pub async fn new(pool: &Pool) -> Result<Self> {
        let mut files = vec!["/proc/self/stat".to_owned()];
        if let Pool::Postgres(_) = pool {
            let sql = "SELECT pid::bigint FROM pg_stat_activity WHERE datname = current_database()";
            files.extend(pool.numbers(sql).await?.into_iter().map(|pid| format!("/proc/{pid}/stat")));
        }
        Ok(Self { files })
    }

    /// The time so far.
    pub fn read(&self) -> Option<Duration> {
        self.files.iter().map(|file| used(file)).sum()
    }
}

/// The time of the present thread so far.
pub fn of_thread() -> Option<Duration> {
    used("/proc/thread-self/stat")
}

/// User and system time.
fn used(file: &str) -> Option<Duration> {
    let text = fs::read_to_string(file).ok()?;
    // The name in brackets may hold blanks; the times are the 12th and 13th word behind it.
    let mut words = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u32 = words.next()?.parse().ok()?;
    let system: u32 = words.next()?.parse().ok()?;
    Some(TICK * user.saturating_add(system))
}
