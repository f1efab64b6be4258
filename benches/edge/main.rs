//! What the whole edge costs beside plain async-graphql-axum: the same schema, the same application and the same
//! queries, served by both in one process and asked in turns, request by request, so that whatever else the machine
//! does hits both alike. README.md tells how to run it and how to read it.

mod ask;
mod report;
mod server;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use serde_json::{Value, json};
use tracing_subscriber::EnvFilter;

use self::{
    ask::Client,
    report::{Round, Table},
    server::Servers,
};

/// As in the server's own program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Queries that are measured, each with its name.
const QUERIES: &[(&str, &str)] = &[
    ("tiny", "{ __typename }"),
    ("me", "{ me { name role } service { version } }"),
    (
        "page",
        "query Page($first: Int) { profiles(first: $first) { nodes { name lines { nodes { index role label line \
         { pattern partition } } } users { nodes { userId firstName lastName } } } } }",
    ),
];

/// Measures the edge beside plain async-graphql-axum.
#[derive(Parser)]
#[command(name = "cargo bench --bench edge --")]
struct Args {
    /// Rounds of each query; the ratio of each is told apart.
    #[arg(long, default_value_t = 30)]
    rounds: usize,
    /// Pairs of requests in a round.
    #[arg(long, default_value_t = 500)]
    pairs: usize,
    /// Seconds after which no further round of a query is begun.
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    /// Measure these queries only: tiny, me, page.
    #[arg(long)]
    only: Vec<String>,
    /// The log's level, written to a file that nobody reads; a line for each request is part of the edge.
    #[arg(long, default_value = "info")]
    log: String,
    /// A few rounds, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Leave the plain side out, so that a profiler sees the edge alone.
    #[arg(long)]
    alone: bool,
    /// Given by `cargo bench`; without it nothing is measured, as under `cargo test`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    if !args.bench {
        println!("Nothing is measured; use `cargo bench --bench edge`.");
        return Ok(());
    }
    if args.quick {
        args.rounds = args.rounds.min(3);
        args.pairs = args.pairs.min(50);
    }
    ensure!(args.rounds > 0 && args.pairs > 0, "nothing would be measured");
    for only in &args.only {
        ensure!(QUERIES.iter().any(|(name, _)| name == only), "there is no query {only}");
    }
    let lines = Arc::new(tempfile::tempfile()?);
    let filter = EnvFilter::new(format!("sea_orm_migration=warn,sqlx=warn,{}", args.log));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(lines).init();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let servers = runtime.block_on(Servers::start())?;
    // On this thread, which is none of the servers'.
    let table = measured(&args, &servers)?;
    runtime.block_on(servers.stop())?;
    println!("{table}");
    Ok(())
}

fn measured(args: &Args, servers: &Servers) -> Result<Table> {
    let mut table = Table::default();
    for (name, query) in QUERIES {
        if !args.only.is_empty() && !args.only.iter().any(|only| only == name) {
            continue;
        }
        let body = json!({"query": query, "variables": {"first": 50}}).to_string();
        let request = ask::request(&body, &servers.token);
        let (mut plain, mut edge) = (Client::connect(&servers.plain)?, Client::connect(&servers.edge)?);
        let size = same(&mut plain, &mut edge, &request).with_context(|| format!("the query {name}"))?;
        // Warms up caches, connections and the branch predictor.
        round(args, &mut plain, &mut edge, &request)?;
        let began = Instant::now();
        let mut rounds = Vec::with_capacity(args.rounds);
        while rounds.len() < args.rounds && began.elapsed() < Duration::from_secs_f64(args.seconds) {
            rounds.push(round(args, &mut plain, &mut edge, &request)?);
        }
        table.add(name, size, &rounds);
    }
    Ok(table)
}

/// Both must answer alike; tells how long the answer's body is.
fn same(plain: &mut Client, edge: &mut Client, request: &[u8]) -> Result<usize> {
    let (plain, edge) = (plain.ask(request)?.to_vec(), edge.ask(request)?.to_vec());
    let read = |body: &[u8]| -> Result<Value> { Ok(serde_json::from_slice(body)?) };
    let (got, wanted) = (read(&edge)?, read(&plain)?);
    ensure!(got["errors"].is_null() && got["data"].is_object(), "an answer with errors: {got}");
    ensure!(got["data"] == wanted["data"], "different answers:\n{got}\n{wanted}");
    Ok(edge.len())
}

/// Asks one side, then the other, as often as a round has pairs; whoever is first takes turns.
fn round(args: &Args, plain: &mut Client, edge: &mut Client, request: &[u8]) -> Result<Round> {
    let mut round = Round::default();
    for pair in 0..args.pairs {
        for turn in 0..2 {
            let (client, times) = if (pair + turn) % 2 == 0 {
                (&mut *edge, &mut round.edge)
            } else if args.alone {
                continue;
            } else {
                (&mut *plain, &mut round.plain)
            };
            let sent = Instant::now();
            client.ask(request)?;
            times.push(sent.elapsed());
        }
    }
    Ok(round)
}
