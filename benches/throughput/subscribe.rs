//! One change to 1,000 subscribers, until the last one has it, beside a broadcast of a text of the same size over
//! as many sockets.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    extract::{
        Path, State,
        ws::{Message as Sent, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::get as route,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, broadcast, mpsc},
    task::JoinSet,
    time,
};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{
    Args, TURNS,
    load::{Client, apart, get, post},
    place::Place,
    report::{Row, millis, say},
    server::Servers,
    shape::id,
};

const SOCKETS: usize = 10;
/// Subscriptions on each socket, as many as it may have.
const EACH: usize = 100;
const ALL: usize = SOCKETS * EACH;
/// How long a change may take to reach everybody.
const PATIENCE: Duration = Duration::from_secs(10);

const SUBSCRIPTION: &str = "subscription S1 { changes(filter: {nouns: [PROFILE]}) { cursor at by change { kind \
                            ... on ProfileUpdated { after { name description version } } } } }";
const CHANGE: &str = "mutation S1($input: UpdateProfileInput!) { updateProfile(input: $input) \
                      { cursor errors { code } } }";

/// Measures the pair.
pub async fn measure(args: &Args, place: &Place, servers: &Servers) -> Result<Row> {
    let profile = servers.pool.numbers("SELECT min(id) FROM profile").await?;
    let profile = id("Profile", *profile.first().context("no profile")?);
    let (ours, hand) = (servers.ours.clone(), servers.hand.clone());
    let (changes, alone) = (if args.quick { 5 } else { 20 }, args.alone);
    let told = apart(move || told(ours, hand, profile, changes, alone)).await?;
    let mut answered = told.answered;
    answered.sort_unstable();
    let answered = answered.get(answered.len() / 2).copied().unwrap_or_default();
    let more =
        format!("its mutation answered after {:.2} ms; message of {} bytes", millis(answered), told.size);
    let what = "one change to 1,000 subscribers";
    Ok(Row::of_times(place.name, "S1", what, (&told.ours, &told.hand), more))
}

/// How long changes took to reach everybody.
#[derive(Default)]
struct Told {
    ours: Vec<Duration>,
    hand: Vec<Duration>,
    /// How long the mutations took to be answered.
    answered: Vec<Duration>,
    size: usize,
}

async fn told(ours: String, hand: String, profile: String, changes: usize, alone: bool) -> Result<Told> {
    let began = Instant::now();
    let mut ours = Side::open(ours, Trigger::Mutation(profile)).await?;
    say(&format!("{ALL} subscriptions opened in {:.2} s", began.elapsed().as_secs_f64()));
    ours.until_all_listen().await?;
    let size = ours.heard.size.load(Ordering::Relaxed);
    let mut hand = if alone { None } else { Some(Side::open(hand, Trigger::Broadcast(size)).await?) };
    if let Some(hand) = &mut hand {
        hand.until_all_listen().await?;
    }
    let mut told = Told { size, ..Told::default() };
    for _ in 0..TURNS {
        for _ in 0..changes {
            let (reached, answered) = ours.change().await?;
            told.ours.push(reached);
            told.answered.push(answered);
        }
        if let Some(hand) = &mut hand {
            for _ in 0..changes {
                told.hand.push(hand.change().await?.0);
            }
        }
    }
    Ok(told)
}

/// What makes something happen.
enum Trigger {
    /// A mutation of the profile.
    Mutation(String),
    /// A broadcast of a text of this size.
    Broadcast(usize),
}

/// A server with its listeners.
struct Side {
    client: Client,
    trigger: Trigger,
    heard: Arc<Heard>,
    listening: JoinSet<Result<()>>,
}

/// What listeners heard of the present change.
#[derive(Default)]
struct Heard {
    change: AtomicUsize,
    count: AtomicUsize,
    size: AtomicUsize,
    last: Mutex<Option<Instant>>,
    all: Notify,
}

impl Heard {
    fn hear(&self, text: &str) {
        let Some((_, rest)) = text.split_once("mark-") else { return };
        if rest.get(..6).and_then(|mark| mark.parse().ok()) != Some(self.change.load(Ordering::Relaxed)) {
            return;
        }
        if self.count.fetch_add(1, Ordering::Relaxed) + 1 == ALL {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            self.size.store(text.len(), Ordering::Relaxed);
            self.all.notify_one();
        }
    }
}

impl Side {
    async fn open(address: String, trigger: Trigger) -> Result<Self> {
        let heard = Arc::new(Heard::default());
        let mut listening = JoinSet::new();
        for _ in 0..SOCKETS {
            let path = if matches!(trigger, Trigger::Mutation(_)) { "graphql" } else { "S1/socket" };
            let mut request = format!("ws://{address}/{path}").into_client_request()?;
            if matches!(trigger, Trigger::Mutation(_)) {
                request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
            }
            let (mut socket, _) = connect_async(request).await?;
            if matches!(trigger, Trigger::Mutation(_)) {
                socket.send(json!({"type": "connection_init"}).to_string().into()).await?;
                for number in 0..EACH {
                    let subscribe = json!({
                        "type": "subscribe", "id": number.to_string(), "payload": {"query": SUBSCRIPTION},
                    });
                    // Only an acknowledged socket may subscribe.
                    if number == 0 {
                        let answer = socket.next().await.context("no acknowledgement")??;
                        let answer: Value = serde_json::from_str(answer.to_text()?)?;
                        ensure!(answer["type"] == "connection_ack", "not acknowledged: {answer}");
                    }
                    socket.feed(subscribe.to_string().into()).await?;
                }
                socket.flush().await?;
            }
            let heard = heard.clone();
            listening.spawn(async move {
                while let Some(message) = socket.next().await {
                    if let Message::Text(text) = message? {
                        heard.hear(&text);
                    }
                }
                Ok(())
            });
        }
        let client = Client::connect(&address).await?;
        Ok(Self { client, trigger, heard, listening })
    }

    /// Makes changes until one reaches everybody, as nothing tells that a subscription has begun.
    async fn until_all_listen(&mut self) -> Result<()> {
        for _ in 0..20 {
            time::sleep(Duration::from_millis(250)).await;
            if let Ok(Ok(_)) = time::timeout(Duration::from_secs(1), self.change()).await {
                return Ok(());
            }
        }
        self.change().await.map(drop)
    }

    /// Makes a change; tells how long it took to reach the last listener, and to be answered.
    async fn change(&mut self) -> Result<(Duration, Duration)> {
        let change = self.heard.change.load(Ordering::Relaxed) + 1;
        self.heard.count.store(0, Ordering::Relaxed);
        self.heard.change.store(change, Ordering::Relaxed);
        let mark = format!("mark-{change:06}");
        let mut request = Vec::new();
        match &self.trigger {
            Trigger::Mutation(profile) => {
                let input = json!({"id": profile, "description": mark});
                let body = json!({"query": CHANGE, "variables": {"input": input}});
                post(body.to_string().as_bytes(), &mut request);
            }
            Trigger::Broadcast(size) => get(&format!("/S1/{size}/{mark}"), &mut request),
        }
        let sent = Instant::now();
        let answer = self.client.ask(&request).await?;
        let answered = sent.elapsed();
        ensure!(answer.status == 200, "a change was answered {}", answer.told());
        let all = time::timeout(PATIENCE, self.heard.all.notified()).await;
        let count = self.heard.count.load(Ordering::Relaxed);
        all.with_context(|| format!("a change reached {count} of {ALL} only"))?;
        if let Some(ended) = self.listening.try_join_next() {
            ended??;
        }
        let last = *self.heard.last.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((last.context("nobody heard it")?.duration_since(sent), answered))
    }
}

type Broadcast = broadcast::Sender<Utf8Bytes>;

/// The hand-written side: sockets that each pass a broadcast on as often as Roamline's have subscriptions.
pub fn routes() -> Router {
    Router::new()
        .route("/S1/socket", route(socket))
        .route("/S1/{size}/{mark}", route(spread))
        .with_state(Broadcast::new(16))
}

async fn spread(State(broadcast): State<Broadcast>, Path((size, mark)): Path<(usize, String)>) {
    // Fails only when nobody listens yet.
    let _ = broadcast.send(format!("{mark:-<size$}").into());
}

async fn socket(State(broadcast): State<Broadcast>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| pass_on(socket, broadcast))
}

async fn pass_on(socket: WebSocket, broadcast: Broadcast) {
    let (mut sink, mut stream) = socket.split();
    let (items, mut queue) = mpsc::channel::<Utf8Bytes>(8);
    let mut tasks = JoinSet::new();
    for _ in 0..EACH {
        let (mut heard, items) = (broadcast.subscribe(), items.clone());
        tasks.spawn(async move {
            while let Ok(text) = heard.recv().await {
                if items.send(text).await.is_err() {
                    return;
                }
            }
        });
    }
    loop {
        tokio::select! {
            Some(text) = queue.recv() => if sink.send(Sent::Text(text)).await.is_err() { return },
            heard = stream.next() => if !matches!(heard, Some(Ok(_))) { return },
        }
    }
}
