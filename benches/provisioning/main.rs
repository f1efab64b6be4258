//! What provisioning in bulk costs beside the same rows written by plain SQL: Quick Add by a job, deletion of profiles,
//! resync of a phone service's subscriptions. Each is done by Roamline on a database and, as a script would, on a copy of
//! what was there before. README.md tells how to run it.

mod memory;
mod place;
mod plain;
mod work;

use std::{fmt, time::Duration};

use anyhow::{Result, ensure};
use clap::Parser;
use tracing_subscriber::EnvFilter;

use self::{memory::Peaks, place::Place};

/// As in the server's own program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures provisioning beside plain SQL.
#[derive(Parser)]
#[command(name = "cargo bench --bench provisioning --")]
pub struct Args {
    /// Users that a job adds by a Quick Add group.
    #[arg(long, default_value_t = 10_000)]
    users: u32,
    /// Profiles that are deleted, of those users.
    #[arg(long, default_value_t = 1_000)]
    deletions: u32,
    /// Subscriptions of one phone service, each of another profile of the generated estate.
    #[arg(long, default_value_t = 50_000)]
    subscriptions: u32,
    /// A PostgreSQL server to measure on as well, by the URL of a database where databases can be created by a superuser.
    #[arg(long)]
    database: Option<String>,
    /// Leave SQLite out.
    #[arg(long)]
    no_sqlite: bool,
    /// A fiftieth of everything, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Seed of the estate.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Given by `cargo bench`; without it nothing is measured, as under `cargo test`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one side of a pair did.
pub struct Row {
    pub database: &'static str,
    pub what: &'static str,
    /// Users, profiles or subscriptions.
    pub units: u32,
    /// Statements that Roamline sent.
    pub statements: u64,
    pub ours: Duration,
    pub peaks: Peaks,
    /// Rows that were written, changes among them, and how long plain SQL took for them.
    pub rows: usize,
    pub plain: Duration,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if !args.bench {
        println!("Nothing is measured; use `cargo bench --bench provisioning`.");
        return Ok(());
    }
    if args.quick {
        args.users /= 50;
        args.deletions /= 50;
        args.subscriptions /= 50;
    }
    ensure!(args.users >= args.deletions, "only users that were added are deleted again");
    ensure!(args.users <= 100_000, "the pool of numbers has 100,000");
    let filter = EnvFilter::new("sea_orm_migration=warn,sqlx=warn,info");
    let lines = std::sync::Arc::new(tempfile::tempfile()?);
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(lines).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rows = Vec::new();
    if !args.no_sqlite {
        rows.extend(runtime.block_on(at(&args, Place::sqlite()?))?);
    }
    if let Some(url) = &args.database {
        rows.extend(runtime.block_on(at(&args, Place::postgres(url)))?);
    }
    println!("\n{HEAD}");
    for row in rows {
        println!("{row}");
    }
    Ok(())
}

/// Measures on one database, and clears up behind it however that ends.
async fn at(args: &Args, mut place: Place) -> Result<Vec<Row>> {
    let done = work::measure(args, &mut place).await;
    place.close().await?;
    done
}

/// Tells what goes on.
pub fn say(line: &str) {
    eprintln!("{line}");
}

const HEAD: &str = "\
| database | what | a second | the same rows by plain SQL | ratio | statements | rows written | MiB above the start: first half, second half |
|---|---|---:|---:|---:|---:|---:|---:|";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |time: Duration| f64::from(self.units) / time.as_secs_f64().max(f64::EPSILON);
        let ratio = self.plain.as_secs_f64() / self.ours.as_secs_f64().max(f64::EPSILON);
        write!(
            f,
            "| {} | {} | {:.0} | {:.0} | {ratio:.2} | {} | {} | {} |",
            self.database,
            self.what,
            rate(self.ours),
            rate(self.plain),
            self.statements,
            self.rows,
            self.peaks
        )
    }
}
