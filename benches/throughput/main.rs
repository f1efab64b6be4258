//! How much Roamline does in a second beside what one hand-written SQL statement would do, on the same database, in
//! the same process and in turns, so that the ratio can be read whatever the machine. README.md tells how to run it.

mod estate;
mod hand;
mod load;
mod place;
mod processor;
mod report;
mod server;
mod shape;
mod subscribe;
mod write;

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail, ensure};
use clap::Parser;
use tracing_subscriber::EnvFilter;

use self::{
    estate::Estate,
    load::{Measured, Next, Random},
    place::Place,
    processor::Meter,
    report::{Row, Table},
    server::Servers,
    shape::Shape,
};

/// As in the server's own program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Turns that each side of a pair gets.
const TURNS: usize = 3;
/// Answers of each shape that are compared before it is measured.
const COMPARED: usize = 20;

/// Measures Roamline beside hand-written SQL.
#[derive(Parser)]
#[command(name = "cargo bench --bench throughput --")]
pub struct Args {
    /// Profiles of the generated estate.
    #[arg(long, default_value_t = 100_000)]
    profiles: u32,
    /// Seconds of each turn; each side of a pair has three.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Connections of the load generator.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// A PostgreSQL server to measure on as well, by the URL of a database where databases can be created.
    #[arg(long)]
    database: Option<String>,
    /// Measure these shapes only: Q1, Q1-tree, Q2, Q3, W1, S1.
    #[arg(long)]
    only: Vec<String>,
    /// A small estate and short turns, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Leave SQLite out.
    #[arg(long)]
    no_sqlite: bool,
    /// Leave the hand-written side out, so that a profiler sees Roamline alone.
    #[arg(long)]
    alone: bool,
    /// Seed of the estate and of the requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Given by `cargo bench`; without it nothing is measured, as under `cargo test`.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.eq_ignore_ascii_case(name))
    }

    fn turn(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if !args.bench {
        println!("Nothing is measured; use `cargo bench --bench throughput`.");
        return Ok(());
    }
    if args.quick {
        args.profiles = args.profiles.min(2_000);
        args.seconds = args.seconds.min(0.5);
    }
    ensure!(args.profiles >= 1_000, "the shapes need 1,000 profiles or more");
    ensure!(args.connections > 0 && args.seconds > 0.0, "nothing would be measured");
    let names = shape::SHAPES.iter().map(|shape| shape.name).chain(["W1", "S1"]);
    let known: Vec<_> = names.collect();
    for only in &args.only {
        if !known.iter().any(|name| name.eq_ignore_ascii_case(only)) {
            bail!("there is no shape {only}; there are {}", known.join(", "));
        }
    }

    log()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut table = Table::default();
    if !args.no_sqlite {
        runtime.block_on(at(&args, Place::sqlite()?, &mut table))?;
    }
    if let Some(url) = &args.database {
        let place = runtime.block_on(Place::postgres(url))?;
        runtime.block_on(at(&args, place, &mut table))?;
    }
    println!("\n{table}");
    Ok(())
}

/// Logs as the server's own program does, to a file that nobody reads: a line for each request is part of its work.
fn log() -> Result<()> {
    let filter = EnvFilter::new("sea_orm_migration=warn,sqlx=warn,info");
    let lines = Arc::new(tempfile::tempfile()?);
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(lines).init();
    Ok(())
}

/// Measures on one database, and clears up behind it however that ends.
async fn at(args: &Args, place: Place, table: &mut Table) -> Result<()> {
    let done = measure(args, &place, table).await;
    place.close().await?;
    done
}

async fn measure(args: &Args, place: &Place, table: &mut Table) -> Result<()> {
    report::say(&format!("{}: {} profiles", place.name, args.profiles));
    estate::generate(place, args.profiles, args.seed).await?;
    let servers = Servers::start(place).await?;
    let estate = Estate::read(&servers.pool).await?;
    for shape in shape::SHAPES.iter().filter(|shape| args.wants(shape.name)) {
        table.add(read(args, place, &servers, &estate, shape).await?);
    }
    if args.wants("W1") {
        table.add(write::measure(args, place, &servers, &estate).await?);
    }
    if args.wants("S1") {
        table.add(subscribe::measure(args, place, &servers).await?);
    }
    servers.stop().await
}

/// Measures a query beside its statement.
async fn read(
    args: &Args,
    place: &Place,
    servers: &Servers,
    estate: &Estate,
    shape: &'static Shape,
) -> Result<Row> {
    let statements = shape::compare(servers, estate, shape, COMPARED, args.seed, args.alone).await?;
    let (ours, hand) = (estate.clone(), estate.clone());
    let pair = in_turns(
        args,
        servers,
        args.connections,
        move |_| {
            let estate = ours.clone();
            move |random: &mut Random, out: &mut Vec<u8>| shape.request(&estate, random, out)
        },
        move |_| {
            let estate = hand.clone();
            move |random: &mut Random, out: &mut Vec<u8>| shape.path(&estate, random, out)
        },
    )
    .await?;
    Ok(Row::of_requests(place.name, shape.name, shape.what, Some(statements), &pair))
}

/// What both sides of a pair did in their turns.
pub struct Pair {
    pub ours: Vec<Measured>,
    pub hand: Vec<Measured>,
}

/// Lets both sides of a pair answer in turns, after each has been warmed up.
async fn in_turns<A: Next, B: Next>(
    args: &Args,
    servers: &Servers,
    connections: usize,
    make_ours: impl Fn(usize) -> A + Clone + Send + 'static,
    make_hand: impl Fn(usize) -> B + Clone + Send + 'static,
) -> Result<Pair> {
    let mut pair = Pair { ours: Vec::new(), hand: Vec::new() };
    let (ours, hand) = (&servers.ours, &servers.hand);
    let plan = |time| load::Plan { connections, time, seed: args.seed };
    let warm_up = plan(args.turn().min(Duration::from_secs(1)));
    let meter = Meter::new(&servers.pool).await?;
    load::run(ours, warm_up, &meter, make_ours.clone()).await?;
    if !args.alone {
        load::run(hand, warm_up, &meter, make_hand.clone()).await?;
    }
    // By now every connection to the database is open.
    let meter = Meter::new(&servers.pool).await?;
    for _ in 0..TURNS {
        pair.ours.push(load::run(ours, plan(args.turn()), &meter, make_ours.clone()).await?);
        if !args.alone {
            pair.hand.push(load::run(hand, plan(args.turn()), &meter, make_hand.clone()).await?);
        }
    }
    Ok(pair)
}
