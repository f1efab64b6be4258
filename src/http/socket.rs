//! GraphQL over WebSocket, protocol `graphql-transport-ws`.
//!
//! A socket has three kinds of task. One reads: it keeps the protocol's state and never waits for the peer
//! to read. One writes, from two bounded queues: control messages, which go first, and what operations
//! yield. Each operation runs in a task of its own and waits for room in the second queue, which lets its
//! waiters in by turns: a busy operation cannot starve a quiet one, and a peer that reads slowly slows the
//! streams it follows and nothing else. Nothing is dropped on the way, so memory is bounded by the queues.
//!
//! When the socket ends its operations end with it, except mutations, which run on by themselves. When the server
//! stops it is the other way round: operations end first, each stream with its place, and the socket closes last.
//!
//! The token is not the socket's for ever: a ping may bring a new one, for all that runs there.

mod close;
mod message;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_graphql::{Executor, Request, Response as Executed};
use axum::{
    extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    http::HeaderMap,
    response::Response,
};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use serde_json::{Value as Json, json};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::{AbortHandle, JoinSet},
    time::{self, MissedTickBehavior},
};

use self::message::{Incoming, Outgoing};
pub(super) use self::{close::Close, message::shown};
use super::{
    Edge,
    answer::{self, Fault},
    bearer,
    guess::Source,
    operation::{self, Asked, End, Gone, Operation},
    panics, restart, same_machine,
    seat::{Seat, who},
    stranger::{Crowd, Stranger},
    wire,
};
use crate::{
    caller::Caller,
    error::{Error, RequestId},
    origin::{self, Origin},
    schema::{Holder, Listener, value::scalar::Cursor},
};

const PROTOCOL: &str = "graphql-transport-ws";

/// Control messages that may wait. Each answers a message of the peer or the clock, so a peer that lets
/// more pile up sends without reading.
const CONTROL: usize = 32;

/// What a socket reads and writes at once, in bytes; the library's own are 32 times as large, for every socket, though
/// most say little. Longer messages are read and written all the same.
const BUFFER: usize = 4 * 1024;

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
    source: Source,
) -> Result<Response, Fault> {
    same_machine(&edge, headers)?;
    if edge.stop.is_cancelled() {
        return Err(Fault::unavailable("the server is stopping"));
    }
    let token = bearer(headers)?.map(str::to_owned);
    let stranger = edge.strangers.enter(source).map_err(crowded)?;
    let permit = Arc::clone(&edge.sockets)
        .try_acquire_owned()
        .map_err(|_| Fault::unavailable("the server has as many sockets as it may have; try again later"))?;

    // Twice the limit reaches us, so that most messages beyond it are answered with a proper close.
    let most = edge.app.config().subscription.message_bytes;
    let upgrade = upgrade
        .max_message_size(most.saturating_mul(2))
        .max_frame_size(most.saturating_mul(2))
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .protocols([PROTOCOL]);
    let (id, tasks) = (id.clone(), edge.tasks.clone());
    let whence = Whence { token, source, origin: origin::current(), stranger };
    Ok(upgrade.on_upgrade(move |socket| tasks.track_future(serve(edge, socket, whence, id, permit))))
}

/// Sockets are many that have not said who they are.
fn crowded(crowd: Crowd) -> Fault {
    match crowd {
        Crowd::There => Fault::too_many(
            "TOO_MANY_CONNECTIONS",
            "too many sockets of this address have not sent `connection_init`; send it, or try again later",
        ),
        Crowd::Everywhere => {
            Fault::unavailable("too many sockets have not sent `connection_init`; try again later")
        }
    }
}

/// Whence a socket comes, and what is known of who opened it.
struct Whence {
    /// The token of the request's header.
    token: Option<String>,
    source: Source,
    /// Where the request came from that opened the socket.
    origin: Option<Arc<Origin>>,
    stranger: Stranger,
}

/// Lives as long as the socket.
async fn serve<E: Executor>(
    edge: Edge<E>,
    socket: WebSocket,
    Whence { token, source, origin, stranger }: Whence,
    id: RequestId,
    permit: OwnedSemaphorePermit,
) {
    let began = Instant::now();
    let agreed = socket.protocol().is_some();
    let (sink, mut frames) = socket.split();
    let (control, control_queue) = mpsc::channel(CONTROL);
    let (items, item_queue) = mpsc::channel(edge.app.config().subscription.queue);
    let mut writer = tokio::spawn(write(sink, control_queue, item_queue));

    let mut peer = Peer {
        edge,
        id: id.clone(),
        header_token: token,
        source,
        origin,
        stranger: Some(stranger),
        holder: None,
        seat: None,
        control,
        items,
        live: Live::default(),
        running: JoinSet::new(),
        begun: 0,
    };
    let end = if agreed {
        panics::caught(&id, peer.read(&mut frames)).await.unwrap_or(Err(Close::Internal))
    } else {
        Err(Close::Protocol)
    };
    let Peer { control, items, running, seat, .. } = peer;
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
            let message = close.message();
            // The last words of operations come before the end of all of them.
            let sent = if matches!(close, Close::Restart(_)) {
                items.send(Item { message, over: Arc::default() }).await.is_ok()
            } else {
                control.send(message).await.is_ok()
            };
            let sent = sent && (&mut writer).await.is_ok();
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
    drop((permit, seat));
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
struct Running {
    over: Arc<AtomicBool>,
    task: AbortHandle,
}

/// The operations under way by id, shared with their tasks: an operation leaves before its last message
/// goes out, so that its id is free when the peer learns of the end.
#[derive(Clone, Default)]
struct Live(Arc<Mutex<HashMap<String, Running>>>);

impl Live {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Running>> {
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
    /// Whence it came.
    source: Source,
    /// Where the request came from that opened the socket.
    origin: Option<Arc<Origin>>,
    /// Its place among those who have not said who they are, until it has.
    stranger: Option<Stranger>,
    /// Whose token was shown, in `connection_init` or later; nobody's before the acknowledgement.
    holder: Option<Holder>,
    seat: Option<Seat>,
    control: mpsc::Sender<Message>,
    items: mpsc::Sender<Item>,
    live: Live,
    running: JoinSet<()>,
    /// Operations so far, for their request ids.
    begun: u64,
}

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
        // Operations may end by themselves while the server stops, but not take all of the time that it has.
        let drain = Duration::from_millis(self.edge.app.config().http.drain_ms);
        let last = time::sleep(Duration::ZERO);
        tokio::pin!(last);
        let mut stopping = false;
        let mut heard = Instant::now();

        loop {
            if stopping && self.running.is_empty() {
                return Err(self.restart());
            }
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
                () = &mut init, if self.holder.is_none() => return Err(Close::InitTimeout),
                _ = ping.tick() => {
                    if heard.elapsed() >= pause * 2 {
                        return Err(Close::Silent);
                    }
                    self.still_welcome(pause).await?;
                    // Frames that every library answers, and messages for peers that watch the protocol only.
                    // Where the queue is full something is being written, and a ping would tell no more.
                    let _ = self.control.try_send(Message::Ping(Vec::new().into()));
                    if self.holder.is_some() {
                        let _ = self.control.try_send(Outgoing::Ping.into());
                    }
                }
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    let most = drain.saturating_sub(FAREWELL).max(drain / 2);
                    last.as_mut().reset(time::Instant::now() + most);
                }
                () = &mut last, if stopping => return Err(self.restart()),
                Some(_) = self.running.join_next(), if !self.running.is_empty() => {}
            }
        }
    }

    fn restart(&self) -> Close {
        Close::Restart(restart::retry(self.edge.app.config().subscription.retry_ms))
    }

    /// Whether the token is good still. Its streams were told at once when it was not; until the next ping the peer
    /// had time to show another.
    async fn still_welcome(&self, most: Duration) -> Result<(), Close> {
        let Some(holder) = &self.holder else { return Ok(()) };
        match time::timeout(most, self.edge.app.renew(&holder.caller())).await {
            Ok(Err(error)) if is_refusal(&error) => Err(Close::Forbidden),
            // What cannot be told now is told at the next ping.
            _ => Ok(()),
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
            ("ping", _) => self.ping(incoming.payload.as_ref()).await,
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
        if self.holder.is_some() {
            return Err(Close::InitTwice);
        }
        let token = shown(payload.as_ref())?.or_else(|| self.header_token.take());
        let caller = match self.authenticate(token.as_deref()).await {
            Ok(caller) => caller,
            Err(Some(error)) if is_refusal(&error) => return Err(Close::Forbidden),
            Err(Some(Error::Internal(chain))) => {
                tracing::error!(request = self.id.0, error = format!("{chain:#}"), "internal error");
                return Err(Close::Internal);
            }
            Err(_) => return Err(Close::Unavailable),
        };
        self.seat = Some(self.edge.seats.take(who(&caller)).map_err(Close::Crowded)?);
        self.stranger = None;
        self.holder = Some(Holder::new(caller));
        self.say(Outgoing::ConnectionAck)
    }

    /// Who comes with a token; no error when it takes too long to tell, or when too many unknown ones came from there. The
    /// refusal of an unknown one is late.
    async fn authenticate(&self, token: Option<&str>) -> Result<Caller, Option<Error>> {
        let guesses = &self.edge.guesses;
        if let Some(token) = token {
            guesses.admits(self.source, token).map_err(|_| None)?;
        }
        let most = Duration::from_millis(self.edge.app.config().http.query_ms);
        // Boxed, as it is over soon and the socket's own future lasts.
        let asked = Box::pin(self.edge.app.authenticate(token));
        let asked = origin::kept(self.origin.clone(), asked);
        match time::timeout(most, asked).await {
            Ok(Err(Error::Anonymous)) if token.is_some() => {
                if let Some(late) = guesses.unknown(self.source).map_err(|_| None)? {
                    late.over().await;
                }
                Err(Some(Error::Anonymous))
            }
            Ok(outcome) => outcome.map_err(Some),
            Err(_) => Err(None),
        }
    }

    /// A ping may bring a new token in its payload, named as in `connection_init`; the pong says whether it was
    /// accepted. If it was, everything on this socket goes on under it; if not, under the old one for as long as that
    /// is good.
    async fn ping(&mut self, payload: Option<&Json>) -> Result<(), Close> {
        let token = match shown(payload) {
            // Other payloads are the peer's own affair.
            Ok(None) | Err(Close::Invalid(_)) => return self.say(Outgoing::Pong { payload: None }),
            Ok(Some(token)) => Some(token),
            Err(_) => None,
        };
        let told = match self.renew(token).await {
            Ok(()) => json!({ "authorization": "accepted" }),
            Err((code, message)) => {
                json!({ "authorization": "refused", "code": code, "message": message })
            }
        };
        self.say(Outgoing::Pong { payload: Some(&told) })
    }

    async fn renew(&mut self, token: Option<String>) -> Result<(), (&'static str, String)> {
        let Some(holder) = &self.holder else {
            return Err(("UNAUTHENTICATED", "the first token comes with connection_init".to_owned()));
        };
        let Some(token) = token else {
            return Err((
                "UNAUTHENTICATED",
                "the authorization is not of the form `Bearer TOKEN`".to_owned(),
            ));
        };
        let caller = match self.authenticate(Some(&token)).await {
            Ok(caller) => caller,
            Err(Some(Error::Internal(chain))) => {
                tracing::error!(request = self.id.0, error = format!("{chain:#}"), "internal error");
                return Err(("INTERNAL", "internal error".to_owned()));
            }
            Err(Some(error)) => return Err((error.code().as_str(), error.to_string())),
            Err(None) => {
                return Err(("TIMEOUT", "the token was not looked up; show it again later".to_owned()));
            }
        };
        if !self.seat.as_ref().is_some_and(|seat| seat.is_of(&caller)) {
            let crowded = |most| ("TOO_MANY_CONNECTIONS", Close::Crowded(most).reason());
            self.seat = Some(self.edge.seats.take(who(&caller)).map_err(crowded)?);
        }
        holder.replace(caller);
        Ok(())
    }

    fn subscribe(&mut self, id: String, payload: Option<Json>) -> Result<(), Close> {
        let Some(holder) = self.holder.clone() else { return Err(Close::Unauthorized) };
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(Close::Invalid(format!("An `id` has 1 to {LONGEST_ID} bytes")));
        }
        let request =
            wire::request(payload.unwrap_or_default()).map_err(|what| Close::Invalid(what.to_owned()))?;

        if self.edge.stop.is_cancelled() {
            let errors = [answer::error("UNAVAILABLE", "the server is stopping")];
            return self.say(Outgoing::Error { id: &id, payload: &errors });
        }
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
        let operation = Operation {
            edge: self.edge.clone(),
            id: RequestId(format!("{}-{}", self.id.0, self.begun)),
            listener: Listener::new(holder, None),
            over: Arc::clone(&over),
        };
        let task = Task {
            id: id.clone(),
            items: self.items.clone(),
            live: self.live.clone(),
            over: Arc::clone(&over),
        };
        let task = self.running.spawn(task.run(operation, request));
        live.insert(id, Running { over, task });
        Ok(())
    }
}

/// Whether a token was refused, and not only not looked up.
fn is_refusal(error: &Error) -> bool {
    matches!(error.code().as_str(), "UNAUTHENTICATED" | "FORBIDDEN")
}

/// One operation of a socket.
struct Task {
    id: String,
    items: mpsc::Sender<Item>,
    live: Live,
    over: Arc<AtomicBool>,
}

impl Task {
    async fn run<E: Executor>(self, operation: Operation<E>, request: Request) {
        let least = operation.edge.app.config().subscription.retry_ms;
        let end = operation.run(Asked::Now(request), &self).await;
        self.live.leave(&self.id, &self.over);
        let restart;
        let last = match &end {
            End::Complete => Outgoing::Complete { id: &self.id },
            End::Failed(errors) => Outgoing::Error { id: &self.id, payload: errors },
            // Not `next`: libraries open a stream again as it was opened first, and what happened since would be
            // told again, or never.
            End::Restart(cursor) => {
                restart = [restart::told(*cursor, restart::retry(least))];
                Outgoing::Error { id: &self.id, payload: &restart }
            }
            End::Gone => return,
        };
        // Fails only when the socket is gone, and then there is nobody to tell.
        let _ = self.send(last).await;
    }

    /// Waits for room. Then lets the others have their turn: without it the first to wake would take all the room that
    /// is left.
    async fn send(&self, outgoing: Outgoing<'_>) -> Result<(), Gone> {
        let item = Item { message: outgoing.into(), over: Arc::clone(&self.over) };
        self.items.send(item).await.map_err(|_| Gone)?;
        tokio::task::yield_now().await;
        Ok(())
    }
}

impl operation::Outlet for Task {
    async fn next(&self, response: &Executed, _at: Option<Cursor>) -> Result<(), Gone> {
        self.send(Outgoing::Next { id: &self.id, payload: response }).await
    }
}
