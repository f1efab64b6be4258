//! How much memory sockets take, and how soon they hear: the real server as a process of its own, so that nothing of
//! the clients is counted as its. 127.0.0.1 only. README.md tells how to run it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, task::JoinSet, time};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};

/// How long any one thing may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// Sockets that are opened at once.
const AT_ONCE: usize = 64;
/// How long memory is left to settle before it is read.
const SETTLE: Duration = Duration::from_secs(3);

/// Measures the memory of sockets.
#[derive(Parser)]
#[command(name = "cargo bench --bench sockets --")]
struct Args {
    /// Sockets that say nothing after their acknowledgement.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Sockets on each of which a subscription hears every change.
    #[arg(long, default_value_t = 1_000)]
    busy: usize,
    /// Changes that they hear.
    #[arg(long, default_value_t = 50)]
    changes: usize,
    /// Given by `cargo bench`; without it nothing is measured, as under `cargo test`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    if !args.bench {
        return Ok(());
    }
    let need = u64::try_from(args.idle + args.busy)? + 500;
    let files = rlimit::increase_nofile_limit(u64::MAX)?;
    ensure!(
        files >= need,
        "{need} open files are needed and the hard limit is {files}: raise it with `ulimit -Hn`"
    );
    let server = Server::start(args.idle + args.busy).await?;

    // Whatever the first socket brings into memory is not counted as the others'.
    drop(opened(&server.address, 100, None).await?);
    time::sleep(SETTLE).await;
    let empty = server.memory()?;
    println!("server without sockets: {empty} KB");

    let began = Instant::now();
    let idle = opened(&server.address, args.idle, None).await?;
    let took = began.elapsed();
    time::sleep(SETTLE).await;
    let with_idle = server.memory()?;
    report("idle sockets", idle.len(), took, with_idle.saturating_sub(empty));

    let began = Instant::now();
    let busy = opened(&server.address, args.busy, Some(SUBSCRIPTION)).await?;
    let took = began.elapsed();
    time::sleep(SETTLE).await;
    let with_busy = server.memory()?;
    report("sockets with a subscription", busy.len(), took, with_busy.saturating_sub(with_idle));

    let mut listening = JoinSet::new();
    let (changes, sockets) = (args.changes, busy.len());
    for socket in busy {
        listening.spawn(heard(socket, changes));
    }
    let began = Instant::now();
    for n in 0..changes {
        server.change(n).await?;
    }
    let written = began.elapsed();
    let mut peak = 0;
    while let Some(heard) = listening.join_next().await {
        heard??;
        peak = peak.max(server.memory()?);
    }
    println!(
        "{changes} changes, written in {:.2} s, heard by all {sockets} after {:.2} s; {peak} KB in all then",
        written.as_secs_f64(),
        began.elapsed().as_secs_f64(),
    );
    drop(idle);
    Ok(())
}

fn report(what: &str, count: usize, took: Duration, more: u64) {
    let each = more / u64::try_from(count.max(1)).unwrap_or(u64::MAX);
    println!("{count} {what}, opened in {:.1} s: {more} KB more, {each} KB each", took.as_secs_f64());
}

const SUBSCRIPTION: &str = "subscription { changes(after: \"s1\", filter: {nouns: [ORGANIZATION]}) \
                            { cursor at by change { kind } } }";

type Socket = WebSocketStream<TcpStream>;

/// Opens sockets that are acknowledged, with a subscription each or none.
async fn opened(address: &str, count: usize, query: Option<&'static str>) -> Result<Vec<Socket>> {
    let mut sockets = Vec::with_capacity(count);
    let mut opening = JoinSet::new();
    let mut begun = 0;
    while sockets.len() < count {
        while begun < count && opening.len() < AT_ONCE {
            begun += 1;
            opening.spawn(open(address.to_owned(), query));
        }
        let socket = time::timeout(PATIENCE, opening.join_next()).await.context("a socket does not open")?;
        sockets.push(socket.context("none is being opened")???);
    }
    Ok(sockets)
}

async fn open(address: String, query: Option<&'static str>) -> Result<Socket> {
    let mut request = format!("ws://{address}/graphql").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
    let stream = TcpStream::connect(&address).await?;
    let config = WebSocketConfig::default().read_buffer_size(4_096).write_buffer_size(1_024);
    let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    say(&mut socket, json!({"type": "connection_init"})).await?;
    ensure!(hear(&mut socket).await?["type"] == "connection_ack", "not acknowledged");
    if let Some(query) = query {
        say(&mut socket, json!({"id": "1", "type": "subscribe", "payload": {"query": query}})).await?;
    }
    Ok(socket)
}

/// Hears so many events, in order and without a gap.
async fn heard(mut socket: Socket, count: usize) -> Result<()> {
    let mut last = None;
    for _ in 0..count {
        let message = hear(&mut socket).await?;
        let cursor = message["payload"]["data"]["changes"]["cursor"].as_str().context("no cursor")?;
        let place: u64 = cursor.trim_start_matches('s').parse()?;
        ensure!(last.is_none_or(|last| place == last + 1), "a change was left out before {cursor}");
        last = Some(place);
    }
    Ok(())
}

async fn say(socket: &mut Socket, message: Value) -> Result<()> {
    Ok(socket.send(Message::text(message.to_string())).await?)
}

async fn hear(socket: &mut Socket) -> Result<Value> {
    loop {
        let frame = time::timeout(PATIENCE, socket.next()).await.context("nothing is heard")?;
        let Message::Text(text) = frame.context("the socket ended")?? else { continue };
        let message: Value = serde_json::from_str(&text)?;
        if message["type"] != "ping" {
            return Ok(message);
        }
    }
}

/// The real server on a database of its own.
struct Server {
    process: Child,
    address: String,
    organization: String,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start(sockets: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = format!("sqlite://{}", folder.path().join("sockets.db").display());
        let mut process = Command::new(env!("CARGO_BIN_EXE_roamline"))
            .args(["--database", &database, "--log", "error", "serve", "--no-auth"])
            .args(["--listen", "127.0.0.1:0"])
            .env("ROAMLINE__SUBSCRIPTION__SOCKETS", (sockets + 200).to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("no output")?;
        let http = reqwest::Client::new();
        let (address, organization) = (String::new(), String::new());
        let mut server = Self { process, address, organization, http, _folder: folder };
        let mut lines = BufReader::new(output).lines();
        server.address = loop {
            let line = lines.next().context("the server ended")??;
            if let Some((_, rest)) = line.split_once("http://") {
                break rest.split('/').next().unwrap_or_default().to_owned();
            }
        };
        // What the server says later is read as well, so that it never waits for room to say it.
        thread::spawn(move || lines.for_each(drop));
        let made = "mutation { done: createOrganization(input: {kind: PROVIDER, name: \"acme\"}) \
                    { organization { id } errors { code } } }";
        let made = server.ask(made).await?;
        made["organization"]["id"].as_str().context("no organization")?.clone_into(&mut server.organization);
        Ok(server)
    }

    /// Changes something that everybody may hear of.
    async fn change(&self, n: usize) -> Result<()> {
        let id = &self.organization;
        let renamed = format!(
            "mutation {{ done: renameOrganization(input: {{id: \"{id}\", name: \"acme {n}\"}}) {{ errors {{ code }} }} }}"
        );
        self.ask(&renamed).await.map(drop)
    }

    async fn ask(&self, query: &str) -> Result<Value> {
        let request = self.http.post(format!("http://{}/graphql", self.address));
        let request = request.header("content-type", "application/json");
        let answer = request.body(json!({"query": query}).to_string()).send().await?.text().await?;
        let answer: Value = serde_json::from_str(&answer)?;
        let done = answer["data"]["done"].clone();
        if done["errors"] != json!([]) {
            bail!("{query} was refused: {answer}");
        }
        Ok(done)
    }

    /// Kilobytes of its memory that are in use.
    fn memory(&self) -> Result<u64> {
        let id = self.process.id();
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no memory is told")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}
