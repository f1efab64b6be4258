//! GraphQL over WebSocket, protocol `graphql-transport-ws`.
//!
//! A socket has three kinds of task. One reads: it keeps the protocol's state and never waits for the peer
//! to read. One writes, from two bounded queues: control messages, which go first, and what operations
//! yield. Each operation runs in a task of its own and waits for room in the second queue, which lets its
//! waiters in by turns: a busy operation cannot starve a quiet one, and a peer that reads slowly slows the
//! streams it follows and nothing else. Nothing is dropped on the way, so memory is bounded by the queues.
//!
//! When the socket ends its operations end with it, except mutations, which run on by themselves.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_graphql::{Executor, Request, Response as Executed, ServerError, parser::types::OperationType};
use axum::{
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    http::HeaderMap,
    response::Response,
};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::{AbortHandle, JoinSet},
    time::{self, MissedTickBehavior},
};

use super::{
    Edge,
    answer::{self, Codes, Fault},
    bearer, bearer_token,
    metric::Subscriber,
    panics, run, same_machine,
    trace::{self, Running},
    wire,
};
use crate::error::RequestId;

const PROTOCOL: &str = "graphql-transport-ws";

/// Control messages that may wait. Each answers a message of the peer or the clock, so a peer that lets
/// more pile up sends without reading.
const CONTROL: usize = 32;

/// Messages of operations that may wait. Small, so that a message of a quiet operation waits for few others.
const ITEMS: usize = 8;

/// How long a closing socket waits for its last frame to go out and for the peer's answer.
const FAREWELL: Duration = Duration::from_secs(1);

/// Longest id of an operation.
const LONGEST_ID: usize = 256;

/// Answers an upgrade request.
pub(super) fn open<E: Executor>(
    edge: Edge<E>,
    upgrade: WebSocketUpgrade,
    headers: &HeaderMap,
    id: &RequestId,
) -> Result<Response, Fault> {
    same_machine(&edge, headers)?;
    if edge.stop.is_cancelled() {
        return Err(Fault::unavailable("the server is stopping"));
    }
    let token = bearer(headers)?.map(str::to_owned);
    let permit = Arc::clone(&edge.sockets)
        .try_acquire_owned()
        .map_err(|_| Fault::unavailable("the server has as many sockets as it may have; try again later"))?;

    // Twice the limit reaches us, so that most messages beyond it are answered with a proper close.
    let most = edge.app.config().subscription.message_bytes;
    let upgrade = upgrade
        .max_message_size(most.saturating_mul(2))
        .max_frame_size(most.saturating_mul(2))
        .protocols([PROTOCOL]);
    let (id, tasks) = (id.clone(), edge.tasks.clone());
    Ok(upgrade.on_upgrade(move |socket| tasks.track_future(serve(edge, socket, token, id, permit))))
}

/// Lives as long as the socket.
async fn serve<E: Executor>(
    edge: Edge<E>,
    socket: WebSocket,
    token: Option<String>,
    id: RequestId,
    permit: OwnedSemaphorePermit,
) {
    let began = Instant::now();
    let agreed = socket.protocol().is_some();
    let (sink, mut frames) = socket.split();
    let (control, control_queue) = mpsc::channel(CONTROL);
    let (items, item_queue) = mpsc::channel(ITEMS);
    let mut writer = tokio::spawn(write(sink, control_queue, item_queue));

    let mut peer = Peer {
        edge,
        id: id.clone(),
        header_token: token,
        token: None,
        control,
        items,
        live: Live::default(),
        running: JoinSet::new(),
        begun: 0,
    };
    let end = if agreed { peer.read(&mut frames).await } else { Err(Close::Protocol) };
    let Peer { control, running, .. } = peer;
    // Ends the operations; mutations are tasks of their own.
    drop(running);

    let close = end.err();
    tracing::debug!(
        request = id.0,
        code = close.as_ref().map(Close::code),
        ms = began.elapsed().as_millis(),
        "socket ended"
    );
    if let Some(close) = close {
        let farewell = async {
            let sent = control.send(close.message()).await.is_ok() && (&mut writer).await.is_ok();
            // Hearing the peer out lets the close frame arrive before the connection is torn down.
            while sent && matches!(frames.next().await, Some(Ok(_))) {}
        };
        // A peer that does not read is not waited for.
        let _ = time::timeout(FAREWELL, farewell).await;
    } else {
        // The peer's own close frame is answered by the library, when it is asked for what comes next.
        let answered = async { while matches!(frames.next().await, Some(Ok(_))) {} };
        let _ = time::timeout(FAREWELL, answered).await;
    }
    writer.abort();
    drop(permit);
}

/// Why the server ends a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Close {
    /// The server is stopping; come back soon.
    Restart,
    /// The message is longer than allowed.
    TooLong(usize),
    /// The message is not of the protocol.
    Invalid(String),
    /// An operation before the acknowledgement.
    Unauthorized,
    /// The token is missing, unknown or revoked.
    Forbidden,
    /// The server cannot tell whether the token is good.
    Unavailable,
    /// No agreement on the protocol.
    Protocol,
    /// No `connection_init` in time.
    InitTimeout,
    /// The id is in use.
    Duplicate(String),
    /// A second `connection_init`.
    InitTwice,
    /// No sign of life for two pings.
    Silent,
    /// The peer sends and does not read.
    Unread,
}

impl Close {
    const fn code(&self) -> u16 {
        match self {
            Self::Unread => 1008,
            Self::TooLong(_) => 1009,
            Self::Restart => 1012,
            Self::Unavailable => 1013,
            Self::Invalid(_) => 4400,
            Self::Unauthorized => 4401,
            Self::Forbidden => 4403,
            Self::Protocol => 4406,
            Self::InitTimeout => 4408,
            Self::Duplicate(_) => 4409,
            Self::InitTwice => 4429,
            Self::Silent => 4499,
        }
    }

    fn message(&self) -> Message {
        let reason = match self {
            Self::Unread => "Messages are not read".to_owned(),
            Self::TooLong(most) => format!("A message is longer than {most} bytes"),
            Self::Restart => "Service restart".to_owned(),
            Self::Unavailable => "Try again later".to_owned(),
            Self::Invalid(what) => what.clone(),
            Self::Unauthorized => "Unauthorized".to_owned(),
            Self::Forbidden => "Forbidden".to_owned(),
            Self::Protocol => "Subprotocol not acceptable".to_owned(),
            Self::InitTimeout => "Connection initialisation timeout".to_owned(),
            Self::Duplicate(id) => format!("Subscriber for {id} already exists"),
            Self::InitTwice => "Too many initialisation requests".to_owned(),
            Self::Silent => "Terminated".to_owned(),
        };
        let frame = CloseFrame { code: self.code(), reason: fitting(&reason).into() };
        Message::Close(Some(frame))
    }
}

/// A close frame holds at most 123 bytes of reason; with more it is illegal and the peer sees 1006.
fn fitting(reason: &str) -> &str {
    let end = (0..=reason.len().min(123)).rev().find(|&end| reason.is_char_boundary(end)).unwrap_or(0);
    &reason[..end]
}

/// A message of the peer.
#[derive(Debug, Deserialize)]
struct Incoming {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    payload: Option<Json>,
}

/// A message to the peer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
enum Outgoing<'a> {
    ConnectionAck,
    Ping,
    Pong,
    Next { id: &'a str, payload: &'a Executed },
    Error { id: &'a str, payload: &'a [ServerError] },
    Complete { id: &'a str },
}

impl From<Outgoing<'_>> for Message {
    fn from(outgoing: Outgoing<'_>) -> Self {
        // Responses hold only what JSON can express.
        Self::Text(serde_json::to_string(&outgoing).unwrap_or_default().into())
    }
}

/// A message of an operation, on its way to the writer.
struct Item {
    message: Message,
    /// Set when the peer has ended the operation: what still waits is not sent.
    over: Arc<AtomicBool>,
}

async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut control: mpsc::Receiver<Message>,
    mut items: mpsc::Receiver<Item>,
) {
    loop {
        let message = tokio::select! {
            biased;
            message = control.recv() => match message {
                Some(message) => Some(message),
                None => return,
            },
            Some(item) = items.recv() => (!item.over.load(Ordering::Acquire)).then_some(item.message),
        };
        let last = matches!(message, Some(Message::Close(_)));
        if let Some(message) = message
            && sink.feed(message).await.is_err()
        {
            return;
        }
        // Messages that wait together go out together.
        let idle = control.is_empty() && items.is_empty();
        let written = if last || idle { sink.flush().await } else { Ok(()) };
        if last || written.is_err() {
            return;
        }
    }
}

/// An operation under way.
struct Operation {
    over: Arc<AtomicBool>,
    task: AbortHandle,
}

/// The operations under way by id, shared with their tasks: an operation leaves before its last message
/// goes out, so that its id is free when the peer learns of the end.
#[derive(Clone, Default)]
struct Live(Arc<Mutex<HashMap<String, Operation>>>);

impl Live {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Operation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets an operation that ended by itself, unless its id already belongs to another.
    fn leave(&self, id: &str, over: &Arc<AtomicBool>) {
        let mut live = self.lock();
        if live.get(id).is_some_and(|operation| Arc::ptr_eq(&operation.over, over)) {
            live.remove(id);
        }
    }
}

/// The reading side and the state of the protocol.
struct Peer<E> {
    edge: Edge<E>,
    id: RequestId,
    header_token: Option<String>,
    /// What the peer showed in `connection_init`; nothing before the acknowledgement.
    token: Option<Token>,
    control: mpsc::Sender<Message>,
    items: mpsc::Sender<Item>,
    live: Live,
    running: JoinSet<()>,
    /// Operations so far, for their request ids.
    begun: u64,
}

/// The token of an acknowledged peer; a server without tokens asks for none.
#[derive(Clone)]
struct Token(Option<String>);

impl<E: Executor> Peer<E> {
    /// Reads until the peer goes (`Ok`) or the server ends the socket.
    async fn read(&mut self, frames: &mut SplitStream<WebSocket>) -> Result<(), Close> {
        let settings = &self.edge.app.config().subscription;
        let init = time::sleep(Duration::from_millis(settings.init_ms));
        tokio::pin!(init);
        let pause = Duration::from_millis(settings.ping_ms.max(1));
        let mut ping = time::interval_at(time::Instant::now() + pause, pause);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.edge.stop.clone();
        let mut heard = Instant::now();

        loop {
            tokio::select! {
                frame = frames.next() => {
                    heard = Instant::now();
                    match frame {
                        None | Some(Ok(Message::Close(_))) => return Ok(()),
                        Some(Ok(Message::Text(text))) => self.hear(&text).await?,
                        Some(Ok(Message::Binary(_))) => {
                            return Err(Close::Invalid("Messages are text".to_owned()));
                        }
                        // The library answers pings; both are signs of life.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Err(error)) => return self.broken(&error),
                    }
                }
                () = &mut init, if self.token.is_none() => return Err(Close::InitTimeout),
                _ = ping.tick() => {
                    if heard.elapsed() >= pause * 2 {
                        return Err(Close::Silent);
                    }
                    // Frames that every library answers, and messages for peers that watch the protocol only.
                    // Where the queue is full something is being written, and a ping would tell no more.
                    let _ = self.control.try_send(Message::Ping(Vec::new().into()));
                    if self.token.is_some() {
                        let _ = self.control.try_send(Outgoing::Ping.into());
                    }
                }
                () = stop.cancelled() => return Err(Close::Restart),
                Some(_) = self.running.join_next(), if !self.running.is_empty() => {}
            }
        }
    }

    /// A frame that cannot be read: too long, not text, or the connection broke.
    fn broken(&self, error: &axum::Error) -> Result<(), Close> {
        let text = error.to_string();
        if text.contains("too long") || text.contains("too big") {
            Err(Close::TooLong(self.edge.app.config().subscription.message_bytes))
        } else {
            Ok(())
        }
    }

    async fn hear(&mut self, text: &Utf8Bytes) -> Result<(), Close> {
        let most = self.edge.app.config().subscription.message_bytes;
        if text.len() > most {
            return Err(Close::TooLong(most));
        }
        let incoming: Incoming = serde_json::from_str(text)
            .map_err(|_| Close::Invalid("A message is a JSON object with the member `type`".to_owned()))?;
        match (incoming.kind.as_str(), incoming.id) {
            ("connection_init", _) => self.init(incoming.payload).await,
            ("ping", _) => self.say(Outgoing::Pong),
            ("pong", _) => Ok(()),
            ("subscribe", Some(id)) => self.subscribe(id, incoming.payload),
            ("complete", Some(id)) => {
                if let Some(operation) = self.live.lock().remove(&id) {
                    operation.over.store(true, Ordering::Release);
                    operation.task.abort();
                }
                Ok(())
            }
            ("subscribe" | "complete", None) => Err(Close::Invalid("The member `id` is missing".to_owned())),
            _ => Err(Close::Invalid("Unknown message type".to_owned())),
        }
    }

    /// Sends a control message.
    fn say(&self, outgoing: Outgoing<'_>) -> Result<(), Close> {
        self.control.try_send(outgoing.into()).map_err(|_| Close::Unread)
    }

    async fn init(&mut self, payload: Option<Json>) -> Result<(), Close> {
        if self.token.is_some() {
            return Err(Close::InitTwice);
        }
        let token = shown(payload.as_ref())?.or_else(|| self.header_token.clone());
        let most = Duration::from_millis(self.edge.app.config().http.query_ms);
        match time::timeout(most, self.edge.app.authenticate(token.as_deref())).await {
            Ok(Ok(_)) => {
                self.token = Some(Token(token));
                self.say(Outgoing::ConnectionAck)
            }
            Ok(Err(error)) if matches!(error.code().as_str(), "UNAUTHENTICATED" | "FORBIDDEN") => {
                Err(Close::Forbidden)
            }
            Ok(Err(_)) | Err(_) => Err(Close::Unavailable),
        }
    }

    fn subscribe(&mut self, id: String, payload: Option<Json>) -> Result<(), Close> {
        let Some(token) = self.token.clone() else { return Err(Close::Unauthorized) };
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(Close::Invalid(format!("An `id` has 1 to {LONGEST_ID} bytes")));
        }
        let request =
            wire::request(payload.unwrap_or_default()).map_err(|what| Close::Invalid(what.to_owned()))?;

        // Held over the start, so that the task cannot leave before it has entered.
        let mut live = self.live.lock();
        if live.contains_key(&id) {
            return Err(Close::Duplicate(id));
        }
        let most = self.edge.app.config().subscription.operations;
        if live.len() >= most {
            drop(live);
            let message =
                format!("a socket runs at most {most} operations at once; end one or open another socket");
            let errors = [answer::error("TOO_MANY_OPERATIONS", message)];
            return self.say(Outgoing::Error { id: &id, payload: &errors });
        }
        self.begun += 1;
        let over = Arc::new(AtomicBool::new(false));
        let task = Task {
            edge: self.edge.clone(),
            request_id: RequestId(format!("{}-{}", self.id.0, self.begun)),
            id: id.clone(),
            token,
            items: self.items.clone(),
            live: self.live.clone(),
            over: Arc::clone(&over),
        };
        let task = self.running.spawn(task.run(request));
        live.insert(id, Operation { over, task });
        Ok(())
    }
}

/// The token in the payload of `connection_init`: `{"authorization": "Bearer x"}`, as headers are called, or
/// `{"token": "x"}`.
pub(super) fn shown(payload: Option<&Json>) -> Result<Option<String>, Close> {
    let members = match payload {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Object(members)) => members,
        Some(_) => {
            return Err(Close::Invalid("The payload of `connection_init` is not an object".to_owned()));
        }
    };
    for (name, value) in members {
        let token = match value.as_str() {
            Some(value) if name.eq_ignore_ascii_case("authorization") => bearer_token(value),
            Some(value) if name.eq_ignore_ascii_case("token") => Some(value),
            None if name.eq_ignore_ascii_case("authorization") && !value.is_null() => None,
            _ => continue,
        };
        return token.map(|token| Some(token.to_owned())).ok_or(Close::Forbidden);
    }
    Ok(None)
}

/// One operation of a socket.
struct Task<E> {
    edge: Edge<E>,
    request_id: RequestId,
    id: String,
    token: Token,
    items: mpsc::Sender<Item>,
    live: Live,
    over: Arc<AtomicBool>,
}

/// What an operation was and how it went, for the log.
#[derive(Default)]
struct Story {
    operation: Option<trace::Operation>,
    codes: Codes,
}

impl<E: Executor> Task<E> {
    async fn run(self, request: Request) {
        let watch = self.edge.watch.clone();
        let running = Running::begin(&watch, &self.request_id);
        let mut story = Story::default();
        let operating = panics::caught(&self.request_id, self.operate(request, &mut story));
        let outcome = match running.run(operating).await {
            Ok(outcome) => outcome,
            Err(panics::Panicked) => Err(vec![answer::internal(&self.request_id)]),
        };
        if let Err(errors) = &outcome {
            story.codes = answer::codes(errors);
        }
        running.end(&watch, &self.request_id, story.operation.as_ref(), &story.codes);

        self.live.leave(&self.id, &self.over);
        let last = match &outcome {
            Ok(()) => Outgoing::Complete { id: &self.id },
            Err(errors) => Outgoing::Error { id: &self.id, payload: errors },
        };
        // Fails only when the socket is gone, and then there is nobody to tell.
        let _ = self.send(last).await;
    }

    /// Runs to the end. Errors mean that the operation was refused or broke, and are its last message.
    async fn operate(&self, request: Request, story: &mut Story) -> Result<(), Vec<ServerError>> {
        // Asked again for each operation: a socket may outlive the right to use it.
        let caller = self
            .edge
            .app
            .authenticate(self.token.0.as_deref())
            .await
            .map_err(|error| vec![answer::refused(&error, &self.request_id)])?;
        let request = request.data(caller).data(self.request_id.clone());
        let prepared =
            self.edge.guard.prepare(request).map_err(|refusal| vec![ServerError::from(refusal)])?;
        story.operation = Some(trace::Operation::of(&prepared));

        if prepared.kind != OperationType::Subscription {
            let response = answer::coded(run::once(&self.edge, prepared, &self.request_id).await);
            if answer::is_refusal(&response) {
                return Err(Fault::of(response.errors).into_errors());
            }
            story.codes = answer::codes(&response.errors);
            return self.next(&response).await;
        }

        let (over, stop) = (Arc::clone(&self.over), self.edge.stop.clone());
        let mut subscriber = Subscriber::new(Arc::clone(&self.edge.watch.metric), over, stop);
        let mut stream = self.edge.schema.execute_stream(prepared.request, None);
        let mut first = true;
        while let Some(response) = stream.next().await {
            let response = answer::coded(response);
            let codes = answer::codes(&response.errors);
            subscriber.troubled(&codes);
            if answer::is_refusal(&response) || (first && answer::is_stillborn(&response)) {
                return Err(Fault::of(response.errors).into_errors());
            }
            first = false;
            self.next(&response).await?;
            if codes.0.iter().any(|code| code == "UNAUTHENTICATED") {
                story.codes = codes;
                return Ok(());
            }
        }
        subscriber.completes();
        Ok(())
    }

    async fn next(&self, response: &Executed) -> Result<(), Vec<ServerError>> {
        self.send(Outgoing::Next { id: &self.id, payload: response }).await.map_err(|_| Vec::new())
    }

    /// Waits for room, which is what slows a stream down to its reader. Then lets the others have their turn:
    /// without it the first to wake would take all the room that is left.
    async fn send(&self, outgoing: Outgoing<'_>) -> Result<(), mpsc::error::SendError<Item>> {
        self.items.send(Item { message: outgoing.into(), over: Arc::clone(&self.over) }).await?;
        tokio::task::yield_now().await;
        Ok(())
    }
}
