//! A load generator: connections that each send a request, read its answer and send the next, from a thread of their
//! own. It allocates nothing per request once its buffers have grown.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinSet,
    time,
};

use crate::processor::{self, Meter};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a server is loaded.
#[derive(Clone, Copy)]
pub struct Plan {
    pub connections: usize,
    pub time: Duration,
    pub seed: u64,
}

/// What a server did under load.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub per_second: f64,
    /// Half of the answers came within this time.
    pub median: Duration,
    /// 99 of 100 answers came within this time.
    pub p99: Duration,
    /// Bytes of an average answer, its head included.
    pub bytes: usize,
    /// Processor time of an average answer, without the load generator's; where it can be told.
    pub processor: Option<Duration>,
}

/// Numbers that are the same for the same seed: xorshift.
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.below(2);
        }
        random
    }

    /// A number below `most`.
    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % most.max(1)
    }

    /// One of the items.
    pub fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// Loads a server from a thread of its own.
pub async fn run<N: Next>(
    address: &str,
    plan: Plan,
    meter: &Meter,
    make: impl Fn(usize) -> N + Send + 'static,
) -> Result<Measured> {
    let address = address.to_owned();
    let before = meter.read();
    let (mut measured, answers, own) =
        apart(move || async move { loaded(&address, plan, make).await }).await?;
    let took = || meter.read()?.checked_sub(before?)?.checked_sub(own?);
    measured.processor = took().map(|took| took.div_f64(count(answers)));
    Ok(measured)
}

/// Writes the next request of a connection.
pub trait Next: FnMut(&mut Random, &mut Vec<u8>) + Send + 'static {}

impl<N: FnMut(&mut Random, &mut Vec<u8>) + Send + 'static> Next for N {}

/// Runs something on a thread of its own, so that it takes no turn of the servers' runtime.
pub async fn apart<F, T>(work: impl FnOnce() -> F + Send + 'static) -> Result<T>
where
    F: Future<Output = Result<T>>,
    T: Send + 'static,
{
    let (done, result) = oneshot::channel();
    let thread = thread::Builder::new().name("load".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(work()));
        // Nobody waits any more when the run was broken off.
        let _ = done.send(result);
    })?;
    let result = result.await.map_err(|_| anyhow!("the load generator died"))?;
    thread.join().map_err(|_| anyhow!("the load generator died"))?;
    result
}

/// What was measured, how many answers there were, and the generator's own processor time.
async fn loaded<N: Next>(
    address: &str,
    plan: Plan,
    make: impl Fn(usize) -> N,
) -> Result<(Measured, usize, Option<Duration>)> {
    let mut clients = JoinSet::new();
    let began = Instant::now();
    let until = began + plan.time;
    for number in 0..plan.connections {
        let (mut client, mut next) = (Client::connect(address).await?, make(number));
        let mut random = Random::new(plan.seed * 1_000 + number as u64 + 1);
        clients.spawn(async move {
            let (mut times, mut bytes, mut request) = (Vec::with_capacity(100_000), 0, Vec::new());
            loop {
                request.clear();
                next(&mut random, &mut request);
                let sent = Instant::now();
                let answer = client.ask(&request).await?;
                ensure!(answer.status == 200, "an answer was {}", answer.told());
                bytes += answer.size;
                if Instant::now() >= until {
                    return Ok((times, bytes));
                }
                times.push(sent.elapsed());
            }
        });
    }
    let (mut times, mut bytes) = (Vec::new(), 0);
    while let Some(done) = clients.join_next().await {
        let (more, size) = done??;
        times.extend(more);
        bytes += size;
    }
    ensure!(!times.is_empty(), "no answer came in time");
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    // The last answer of each connection came too late to be timed.
    let answers = times.len() + plan.connections;
    let measured = Measured {
        per_second: count(times.len()) / plan.time.as_secs_f64(),
        median: at(50),
        p99: at(99),
        bytes: bytes / answers,
        processor: None,
    };
    Ok((measured, answers, processor::of_thread()))
}

/// A count as a number to divide.
pub fn count(items: usize) -> f64 {
    u32::try_from(items).map_or(f64::MAX, f64::from)
}

/// A connection that is kept.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer, in the connection's buffer.
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
    size: usize,
}

impl Answer<'_> {
    /// The answer for people.
    pub fn told(&self) -> String {
        format!("{}: {}", self.status, String::from_utf8_lossy(&self.body[..self.body.len().min(500)]))
    }
}

impl Client {
    /// Connects.
    pub async fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        time::timeout(PATIENCE, self.answer(request)).await.context("an answer did not come")?
    }

    async fn answer(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut head = None;
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed");
            }
            if head.is_none() {
                head = read_head(&self.buffer)?;
            }
            if let Some((status, start, length)) = head
                && self.buffer.len() >= start + length
            {
                ensure!(self.buffer.len() == start + length, "more came than was asked for");
                return Ok(Answer { status, body: &self.buffer[start..], size: self.buffer.len() });
            }
        }
    }
}

/// Status, start of the body and its length, once the head is whole.
fn read_head(buffer: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&buffer[..end])?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let named = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse())
    };
    let length: usize = head.lines().find_map(named).context("no length")??;
    Ok(Some((status, end + 4, length)))
}

/// Writes a GraphQL request.
pub fn post(body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(
        b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ",
    );
    out.extend_from_slice(body.len().to_string().as_bytes());
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

/// Writes a request to the hand-written side.
pub fn get(path: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"GET ");
    out.extend_from_slice(path.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
}
