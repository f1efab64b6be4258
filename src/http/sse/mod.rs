//! GraphQL over server-sent events, as the protocol `graphql-sse` says.
//!
//! Distinct connections: a request that accepts `text/event-stream` is answered by a stream of its own. Whatever is
//! wrong with the operation is told on the stream; what is wrong with the request, or with who sends it, by a status.
//!
//! Single connection: PUT reserves a stream, GET opens it, POST begins an operation on it and DELETE ends one. A POST
//! is answered once it is known whether the operation is a valid one: 202, or what is wrong with it.
//!
//! `id:` of an event is the place in the change stream after which to go on, whether the query asks for a cursor or
//! not; a request with `Last-Event-ID` goes on from there, whatever its query says. Where several operations share a
//! stream, it is the place of the one that the event names. Answers wait in a bounded queue as on a socket: a peer that
//! reads slowly slows its streams, and one that does not read at all is given up.

mod event;
mod reservation;

use std::{any::TypeId, convert::Infallible, sync::Arc, time::Duration};

use async_graphql::{Executor, Response as Executed, parser::types::OperationType};
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use serde_json::Value as Json;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    task::AbortHandle,
    time::{self, Interval, MissedTickBehavior},
};

pub(super) use self::reservation::Reservations;
use self::reservation::{Full, Reservation};
use super::{
    Edge,
    answer::{self, Fault, Manner, Media},
    graphql::{self, Method},
    operation::{self, Asked, End, Gone, Operation},
    restart, same_machine,
    seat::{Seat, who},
    trace::Carried,
    wire,
};
use crate::{
    caller::Caller,
    error::RequestId,
    guard::{Prepared, Refusal},
    schema::{Holder, Listener, value::scalar::Cursor},
};

/// Names the reserved stream of a request, in its header or as `token` in its address.
const TICKET: HeaderName = HeaderName::from_static("x-graphql-event-stream-token");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Longest id of an operation.
const LONGEST_ID: usize = 256;

/// Which operations a client wants to be told by events.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    /// It accepts no events.
    Never,
    /// It accepts both, and JSON as well: events are for what has many answers.
    Subscriptions,
    /// It likes events best.
    Always,
}

/// What a client accepts. A wildcard is no wish for events.
pub(super) fn wish(headers: &HeaderMap) -> Wish {
    let (mut events, mut json) = (0.0_f32, 0.0_f32);
    for (name, weight) in answer::ranges(headers) {
        if name.eq_ignore_ascii_case("text/event-stream") {
            events = events.max(weight);
        } else if name.starts_with("application/") || name == "*/*" {
            json = json.max(weight);
        }
    }
    match events {
        events if events <= 0.0 => Wish::Never,
        events if events > json => Wish::Always,
        _ => Wish::Subscriptions,
    }
}

/// What names the reserved stream that a request is about.
fn ticket(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    match headers.get(&TICKET) {
        Some(ticket) => ticket.to_str().ok().map(str::to_owned),
        None => parameter(uri, "token"),
    }
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let Query(parameters) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    parameters.into_iter().find(|(given, _)| given == name).map(|(_, value)| value)
}

/// Whether a POST is answered here: its answer is a stream, or belongs on one that was reserved.
pub(super) fn takes_post(headers: &HeaderMap, uri: &Uri) -> bool {
    wish(headers) == Wish::Always || ticket(headers, uri).is_some()
}

/// Whether a GET is answered here.
pub(super) fn takes_get(headers: &HeaderMap, uri: &Uri) -> bool {
    match wish(headers) {
        Wish::Never => false,
        Wish::Subscriptions => ticket(headers, uri).is_some(),
        Wish::Always => true,
    }
}

/// `GET /graphql`: opens a reserved stream, or one of its own.
pub(super) async fn get<E: Executor>(edge: Edge<E>, id: RequestId, headers: HeaderMap, uri: Uri) -> Response {
    let answer = async {
        same_machine(&edge, &headers)?;
        if let Some(ticket) = ticket(&headers, &uri) {
            return open(&edge, &id, &headers, ticket).await;
        }
        let caller = edge.caller(&headers, &id).await?;
        let request = graphql::asking(graphql::asked(&uri)?, &headers);
        let judged = edge.prepare(request.data(caller.clone()));
        distinct(edge, id, &headers, caller, judged, Method::Get)
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

/// `POST /graphql`: an operation on a reserved stream, or on one of its own.
pub(super) async fn post<E: Executor>(
    edge: Edge<E>,
    id: RequestId,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Response {
    let manner = refusing(&edge);
    let answer = async {
        if !graphql::is_json(&headers) {
            return Err(Fault::media_type());
        }
        same_machine(&edge, &headers)?;
        let caller = edge.caller(&headers, &id).await?;
        let shared = match ticket(&headers, &uri) {
            Some(ticket) => Some((found(&edge, &ticket, &caller)?, ticket)),
            None => None,
        };
        let body = graphql::read(&edge, &headers, body).await?;
        let json: Json =
            serde_json::from_slice(&body).map_err(|_| Fault::bad("the body is not JSON that can be read"))?;
        let operation_id = json["extensions"]["operationId"].as_str().map(str::to_owned);
        let request = wire::request(json).map_err(Fault::ill_formed)?;
        let judged = edge.prepare(graphql::asking(request.data(caller.clone()), &headers));
        match shared {
            None => distinct(edge, id, &headers, caller, judged, Method::Post),
            Some((reservation, ticket)) => {
                // The newest token that was shown is the one under which all of the stream goes on.
                reservation.holder.replace(caller);
                let resume = last_event_id(&headers);
                begin(&edge, id, ticket, &reservation, operation_id, judged, resume).await
            }
        }
    };
    answer.await.unwrap_or_else(|fault| fault.with(manner).into_response())
}

/// Refused by status, also where a classic server would answer plain JSON with 200: 202 is what says yes here.
fn refusing<E>(edge: &Edge<E>) -> Manner {
    Manner { media: Media::Response, statuses: edge.app.config().http.statuses }
}

/// `PUT /graphql`: reserves a stream; the body is what opens it.
pub(super) async fn reserve<E: Executor>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
) -> Response {
    let answer = async {
        same_machine(&edge, &headers)?;
        let caller = edge.caller(&headers, &id).await?;
        let room = room(&edge, &caller)?;
        let settings = &edge.app.config().subscription;
        let (ticket, reservation) = edge
            .reservations
            .reserve(caller, room, settings.queue)
            .ok_or_else(|| Fault::unavailable("the server has no randomness; try again later"))?;
        let most = Duration::from_millis(settings.reservation_ms);
        let keeping = edge.reservations.clone().keep(ticket.clone(), reservation, most, edge.stop.clone());
        edge.tasks.spawn(keeping);
        let headers = [(header::CONTENT_TYPE, "text/plain"), (header::CACHE_CONTROL, "no-store")];
        Ok::<_, Fault>((StatusCode::CREATED, headers, ticket).into_response())
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

/// `DELETE /graphql?operationId=…`: ends an operation on a reserved stream. That there is none is no fault: it may
/// have ended by itself.
pub(super) async fn stop<E: Executor>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let answer = async {
        same_machine(&edge, &headers)?;
        let caller = edge.caller(&headers, &id).await?;
        let ticket = ticket(&headers, &uri).ok_or_else(no_ticket)?;
        let reservation = found(&edge, &ticket, &caller)?;
        let operation =
            parameter(&uri, "operationId").ok_or_else(|| Fault::bad("`operationId` is missing"))?;
        reservation.stop(&operation);
        Ok::<_, Fault>(StatusCode::OK.into_response())
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

/// Answers a subscription whose client accepts events beside JSON.
pub(super) fn carry<E: Executor>(
    edge: Edge<E>,
    id: RequestId,
    headers: &HeaderMap,
    prepared: Prepared,
) -> Result<Response, Fault> {
    let caller = prepared.request.data.get(&TypeId::of::<Caller>());
    let caller = caller.and_then(|caller| caller.downcast_ref::<Caller>()).cloned();
    let caller = caller.ok_or_else(|| Fault::unauthenticated("a valid token is required"))?;
    distinct(edge, id, headers, caller, Ok(prepared), Method::Post)
}

/// A stream for one operation.
fn distinct<E: Executor>(
    edge: Edge<E>,
    id: RequestId,
    headers: &HeaderMap,
    caller: Caller,
    judged: Result<Prepared, Refusal>,
    method: Method,
) -> Result<Response, Fault> {
    let mutates = judged.as_ref().is_ok_and(|prepared| prepared.kind == OperationType::Mutation);
    if mutates && method == Method::Get {
        return Err(Fault::post_only());
    }
    let room = room(&edge, &caller)?;
    let settings = &edge.app.config().subscription;
    let (events, told) = mpsc::channel(settings.queue);
    let (retry, beat) = (restart::retry(settings.retry_ms), settings.ping_ms);
    let outlet = Outlet { events, id: None, patience: Duration::from_millis(beat.saturating_mul(2)) };
    let listener = Listener::new(Holder::new(caller), last_event_id(headers));
    let tasks = edge.tasks.clone();
    let task = tasks.spawn(async move {
        let end =
            Operation { edge, id, listener, over: Arc::default() }.run(Asked::Judged(judged), &outlet).await;
        outlet.end(end, retry).await;
        // Not before: the room is free when nothing runs in it any more.
        drop(room);
    });
    Ok(Carried::mark(streamed(told, beat, retry, Running(task.abort_handle()))))
}

/// Opens a stream that was reserved. Its ticket is enough, as browsers can send no token here; a token that is sent
/// must be of who reserved it.
async fn open<E: Executor>(
    edge: &Edge<E>,
    id: &RequestId,
    headers: &HeaderMap,
    ticket: String,
) -> Result<Response, Fault> {
    let reservation = if headers.contains_key(header::AUTHORIZATION) {
        let caller = edge.caller(headers, id).await?;
        found(edge, &ticket, &caller)?
    } else {
        edge.reservations.find(&ticket).ok_or_else(no_ticket)?
    };
    let told = reservation
        .open()
        .ok_or_else(|| Fault::conflict("this event stream is open already; reserve another"))?;
    let settings = &edge.app.config().subscription;
    let retry = restart::retry(settings.retry_ms);
    let held = Held { reservations: edge.reservations.clone(), ticket };
    Ok(streamed(told, settings.ping_ms, retry, held))
}

/// Begins an operation on a reserved stream.
async fn begin<E: Executor>(
    edge: &Edge<E>,
    request_id: RequestId,
    ticket: String,
    reservation: &Arc<Reservation>,
    id: Option<String>,
    judged: Result<Prepared, Refusal>,
    resume: Option<String>,
) -> Result<Response, Fault> {
    let id = id.filter(|id| (1..=LONGEST_ID).contains(&id.len())).ok_or_else(|| {
        Fault::ill_formed(format!("`extensions.operationId` is a text of 1 to {LONGEST_ID} bytes"))
    })?;
    if edge.stop.is_cancelled() {
        return Err(Fault::unavailable("the server is stopping"));
    }
    let prepared = judged.map_err(|refusal| Fault::of(vec![refusal.into()]))?;
    let settings = &edge.app.config().subscription;
    let outlet = Outlet {
        events: reservation.events.clone(),
        id: Some(id.clone()),
        patience: Duration::from_millis(settings.ping_ms.saturating_mul(2)),
    };
    let listener = Listener::new(reservation.holder.clone(), resume);
    let least = settings.retry_ms;
    let (verdict, judged) = oneshot::channel();
    let (owner, reservations, leaves) = (Arc::clone(reservation), edge.reservations.clone(), id.clone());
    let operation = Operation {
        edge: edge.clone(),
        id: request_id.clone(),
        listener: listener.clone(),
        over: Arc::default(),
    };
    let work = move |number| async move {
        let mut running = std::pin::pin!(operation.run(Asked::Judged(Ok(prepared)), &outlet));
        let early = tokio::select! {
            biased;
            end = &mut running => Some(end),
            () = listener.begun() => None,
        };
        let end = match early {
            Some(End::Failed(errors)) => {
                owner.leave(&leaves, number);
                // Fails only when nobody waits for the answer to the request any more.
                let _ = verdict.send(Err(errors));
                return;
            }
            Some(end) => {
                let _ = verdict.send(Ok(()));
                end
            }
            None => {
                let _ = verdict.send(Ok(()));
                running.await
            }
        };
        owner.leave(&leaves, number);
        if matches!(end, End::Gone) {
            reservations.end(&ticket);
        } else {
            outlet.end(end, restart::retry(least)).await;
        }
    };
    reservation.begin(&id, settings.operations, work).map_err(|full| match full {
        Full::Duplicate => Fault::conflict(format!("the operation {id} runs already on this stream")),
        Full::TooMany => {
            let most = settings.operations;
            Fault::too_many("TOO_MANY_OPERATIONS", format!("a stream runs at most {most} operations at once"))
        }
    })?;
    let response = match judged.await {
        // Without a verdict it was ended from elsewhere before it came to anything.
        Ok(Ok(())) | Err(_) => StatusCode::ACCEPTED.into_response(),
        Ok(Err(errors)) => Fault::of(errors).with(refusing(edge)).into_response(),
    };
    Ok(Carried::mark(response))
}

/// Where the answers of an operation are written to.
struct Outlet {
    events: mpsc::Sender<Bytes>,
    /// Given where operations share the stream.
    id: Option<String>,
    /// How long the peer may leave a full queue as it is.
    patience: Duration,
}

impl Outlet {
    async fn send(&self, event: Bytes) -> Result<(), Gone> {
        match time::timeout(self.patience, self.events.send(event)).await {
            Ok(Ok(())) => {
                // Lets the others of this stream have their turn.
                tokio::task::yield_now().await;
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    /// Tells the end of the operation. Where nobody is there to hear it, nobody needs to.
    async fn end(&self, end: End, retry: u64) {
        let id = self.id.as_deref();
        let told = match end {
            End::Gone => return,
            End::Complete => Ok(()),
            End::Failed(errors) => self.send(event::failed(id, &errors)).await,
            End::Restart(at) => {
                let told = self.send(event::restart(id, restart::told(at, retry), at, retry)).await;
                if id.is_none() {
                    // Without `complete` a browser comes back by itself and goes on where it was.
                    return;
                }
                told
            }
        };
        if told.is_ok() {
            let _ = self.send(event::complete(id)).await;
        }
    }
}

impl operation::Outlet for Outlet {
    async fn next(&self, response: &Executed, at: Option<Cursor>) -> Result<(), Gone> {
        self.send(event::next(self.id.as_deref(), response, at)).await
    }
}

/// Ends its operation with the stream.
struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends the reservation with the stream.
struct Held {
    reservations: Reservations,
    ticket: String,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.reservations.end(&self.ticket);
    }
}

/// What the body of an answer is made of.
struct Lines<G> {
    told: mpsc::Receiver<Bytes>,
    beat: Interval,
    _guard: G,
}

/// The answer that is an event stream, until nobody can write to it any more.
fn streamed<G: Send + 'static>(told: mpsc::Receiver<Bytes>, beat: u64, retry: u64, guard: G) -> Response {
    let pause = Duration::from_millis(beat);
    let mut beat = time::interval_at(time::Instant::now() + pause, pause);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let lines = stream::unfold(Lines { told, beat, _guard: guard }, async |mut lines: Lines<G>| {
        let bytes = tokio::select! {
            biased;
            told = lines.told.recv() => told?,
            _ = lines.beat.tick() => event::BEAT,
        };
        Some((bytes, lines))
    });
    let body = stream::once(std::future::ready(event::opening(retry))).chain(lines).map(Ok::<_, Infallible>);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // What stands between must not wait for more.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(body)).into_response()
}

/// Room for a stream, as sockets need it.
fn room<E: Executor>(edge: &Edge<E>, caller: &Caller) -> Result<(OwnedSemaphorePermit, Seat), Fault> {
    if edge.stop.is_cancelled() {
        return Err(Fault::unavailable("the server is stopping"));
    }
    let permit = Arc::clone(&edge.sockets).try_acquire_owned().map_err(|_| {
        Fault::unavailable("the server has as many event streams as it may have; try again later")
    })?;
    let seat = edge.seats.take(who(caller)).map_err(|most| {
        let message = format!("a token has at most {most} sockets and event streams at once; close one");
        Fault::too_many("TOO_MANY_CONNECTIONS", message)
    })?;
    Ok((permit, seat))
}

/// A reservation of this caller; somebody else's looks absent.
fn found<E>(edge: &Edge<E>, ticket: &str, caller: &Caller) -> Result<Arc<Reservation>, Fault> {
    edge.reservations.find(ticket).filter(|reservation| reservation.is_of(caller)).ok_or_else(no_ticket)
}

fn no_ticket() -> Fault {
    Fault::missing("there is no such event stream: reserve one with PUT, and open it soon")
}

/// The place that a client comes back from.
fn last_event_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(&LAST_EVENT_ID)?;
    // What is no text is no cursor, and is refused as such.
    Some(String::from_utf8_lossy(id.as_bytes()).into_owned()).filter(|id| !id.is_empty())
}
