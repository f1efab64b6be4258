//! Event streams, as the protocol `graphql-sse` says, on the routes themselves.

use axum::body::BodyDataStream;
use futures_util::future;

use super::*;

/// An event stream being read.
pub(super) struct Events {
    body: BodyDataStream,
    text: String,
}

/// One event: its id, its name, its data.
#[derive(Debug, PartialEq)]
struct Event {
    id: Option<String>,
    name: String,
    data: String,
}

impl Events {
    /// The next event; comments and orders to come back are none. Nothing at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                        .map(str::to_owned)
                };
                let event = field("event").map(|name| Event {
                    id: field("id"),
                    name,
                    data: field("data").expect("an event has data, though it be empty"),
                });
                self.text = rest.to_owned();
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk =
                time::timeout(Duration::from_secs(30), self.body.next()).await.expect("not for ever")?;
            self.text += std::str::from_utf8(&chunk.expect("a chunk")).expect("text");
        }
    }

    /// The next answer.
    pub(super) async fn answer(&mut self) -> Json {
        let event = self.next().await.expect("the stream goes on");
        assert_eq!(event.name, "next");
        serde_json::from_str(&event.data).expect("JSON")
    }

    /// Nothing but the end of the operation, and of the stream.
    pub(super) async fn completes(&mut self) {
        let complete = Event { id: None, name: "complete".to_owned(), data: String::new() };
        assert_eq!(self.next().await, Some(complete));
        assert_eq!(self.next().await, None);
    }
}

pub(super) async fn events(router: &Router, request: Request<Body>) -> Events {
    let response = router.clone().oneshot(request).await.expect("the router cannot fail");
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "text/event-stream; charset=utf-8");
    assert_eq!(
        (header("cache-control"), header("x-accel-buffering")),
        ("no-store".to_owned(), "no".to_owned())
    );
    Events { body: response.into_body().into_data_stream(), text: String::new() }
}

pub(super) const STREAM: &str = "text/event-stream";
/// What a client sends that takes either.
const BOTH: &str = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed";

pub(super) fn streaming(document: &str) -> Request<Body> {
    with(query(document), "accept", STREAM)
}

fn link(document: &str) -> Request<Body> {
    let query = document.bytes().fold(String::new(), |query, byte| query + &format!("%{byte:02X}"));
    with(get(&format!("/graphql?query={query}")), "accept", STREAM)
}

/// Distinct connections: everything about an operation comes on its stream, then the stream ends.
#[tokio::test]
async fn an_operation_has_a_stream_of_its_own() {
    let server = server(|config| config.subscription.retry_ms = 700).await;
    for request in [streaming("{echo(n:1)}"), link("{echo(n:1)}")] {
        let mut stream = events(&server, request).await;
        assert_eq!(stream.answer().await, json!({ "data": { "echo": 1 } }));
        stream.completes().await;
    }
    let mut stream = events(&server, streaming("mutation{act(ms:0)}")).await;
    assert_eq!(stream.answer().await, json!({ "data": { "act": 0 } }));
    stream.completes().await;

    let mut stream = events(&server, streaming("subscription{numbers(to:2)}")).await;
    for n in 0..2 {
        let event = stream.next().await.expect("an event");
        // The place to go on from, though the query does not ask for it.
        assert_eq!(event.id, Some(format!("s{n}")));
        assert_eq!(event.data, format!("{{\"data\":{{\"numbers\":{n}}}}}"));
    }
    stream.completes().await;

    let answer = send(&server, streaming("{echo(n:1)}")).await.body;
    let (retry, rest) =
        answer.strip_prefix("retry: ").and_then(|rest| rest.split_once('\n')).expect("a first line");
    assert!((700..=1400).contains(&retry.parse::<u64>().expect("a number")));
    assert!(rest.starts_with(":\n\n"), "{rest}");
}

/// Request errors come on the stream: a status would leave a browser's client without a word about them.
#[tokio::test]
async fn what_is_wrong_with_an_operation_comes_on_its_stream() {
    let server = server(|_| {}).await;
    for (document, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{nothing}", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription{nothing}", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription{refuses}", "BAD_USER_INPUT"),
        ("{panics}", "INTERNAL"),
        ("{sleeps(ms:5000)}", "TIMEOUT"),
    ] {
        for request in [streaming(document), link(document)] {
            let mut stream = events(&server, request).await;
            let answer = stream.answer().await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{document}: {answer}");
            assert!(answer.get("data").is_none(), "{answer}");
            stream.completes().await;
        }
    }
    let mut stream = events(&server, streaming("subscription{revoked}")).await;
    assert_eq!(stream.answer().await["data"]["revoked"], 0);
    assert_eq!(stream.answer().await["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    stream.completes().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_request_has_its_status() {
    let server = server(|config| config.http.body_bytes = 2_000).await;
    let text = with(streaming("{hello}"), "content-type", "text/plain");
    for (request, status) in [
        (text, 415),
        (with(post("{"), "accept", STREAM), 400),
        (with(post("{}"), "accept", STREAM), 422),
        (with(post("x".repeat(2_001)), "accept", STREAM), 413),
        (with(get("/graphql"), "accept", STREAM), 422),
        (link("mutation{act(ms:0)}"), 405),
        (with(streaming("{hello}"), "authorization", "Basic eDp5"), 401),
        (with(streaming("{hello}"), "origin", "https://evil.example"), 403),
        (with(link("{hello}"), "host", "evil.example"), 403),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(send(&server, request).await.status, status, "{shown}");
    }
}

/// A client that takes either gets events for what has many answers.
#[tokio::test]
async fn events_are_for_who_wants_them() {
    let server = server(|_| {}).await;
    for accept in [BOTH, "*/*", "application/json, text/event-stream;q=0.5", "text/event-stream;q=0, */*"] {
        let answer = send(&server, with(query("{echo(n:1)}"), "accept", accept)).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"data":{"echo":1}}"#), "{accept}");
    }
    let mut stream = events(&server, with(query("subscription{numbers(to:1)}"), "accept", BOTH)).await;
    assert_eq!(stream.answer().await["data"]["numbers"], 0);
    stream.completes().await;
    let refused = send(&server, with(query("subscription{numbers}"), "accept", "*/*")).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "BAD_REQUEST"));
}

#[tokio::test]
async fn last_event_id_reaches_the_stream() {
    let server = server(|_| {}).await;
    for request in [streaming("subscription{resumed}"), link("subscription{resumed}")] {
        let mut stream = events(&server, with(request, "last-event-id", "s7")).await;
        assert_eq!(stream.answer().await["data"]["resumed"], "s7");
    }
    let mut stream = events(&server, with(streaming("subscription{resumed}"), "last-event-id", "")).await;
    assert_eq!(stream.answer().await["data"]["resumed"], "nowhere");
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_lives() {
    let server = server(|config| config.subscription.ping_ms = 20).await;
    let mut stream = events(&server, streaming("subscription{ticks(ms:60000)}")).await;
    let mut comments = 0;
    while comments < 3 {
        let chunk = stream.body.next().await.expect("it goes on").expect("a chunk");
        comments += usize::from(chunk.as_ref() == b":\n\n");
    }
}

/// A stream ends with its client, and gives its room back.
#[tokio::test]
async fn a_stream_takes_room_and_gives_it_back() {
    let mut config = config();
    config.subscription.sockets = 1;
    let done = Done::default();
    let server = routes(Edge::new(app(config).await, schema(&done)));
    let mut stream = events(&server, streaming("subscription{numbers}")).await;
    stream.answer().await;
    assert_eq!(done.count(), 1);
    assert_eq!(send(&server, streaming("{hello}")).await.status, 503);
    assert_eq!(send(&server, reserving()).await.status, 503);
    drop(stream);
    until(async || done.count() == 0).await;
    until(async || send(&server, streaming("{hello}")).await.status == 200).await;
}

/// Waits until something is so.
async fn until(mut so: impl AsyncFnMut() -> bool) {
    let last = std::time::Instant::now() + Duration::from_secs(30);
    while !so().await {
        assert!(std::time::Instant::now() < last, "it never comes");
        time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whoever takes nothing for as long as two pings is given up, and with it what it holds.
#[tokio::test]
async fn a_stream_that_nobody_reads_is_given_up() {
    let mut config = config();
    config.subscription.ping_ms = 50;
    let done = Done::default();
    let server = routes(Edge::new(app(config).await, schema(&done)));
    let mut stream = events(&server, streaming("subscription{numbers}")).await;
    until(async || done.made() > 0).await;
    until(async || done.count() == 0).await;
    // What was told before that waits for the reader, in order; it comes back for the rest.
    for n in 0..8 {
        assert_eq!(stream.next().await.expect("an event").id, Some(format!("s{n}")));
    }
    while stream.next().await.is_some() {}
}

/// `numbers` far beyond the queue: none is made that nobody can take, and none is lost.
#[tokio::test]
async fn a_full_queue_pauses_a_stream_and_drops_nothing() {
    let mut config = config();
    config.subscription.queue = 3;
    let done = Done::default();
    let server = routes(Edge::new(app(config).await, schema(&done)));
    let mut stream = events(&server, streaming("subscription{numbers(to:500)}")).await;
    for n in 0..500 {
        assert_eq!(stream.next().await.expect("an event").id, Some(format!("s{n}")));
        // Those in the queue, the one in hand, and the one that waits for room.
        assert!(done.made() <= n + 1 + 3 + 2, "{} were made when {n} was read", done.made());
    }
    stream.completes().await;
}

fn reserving() -> Request<Body> {
    Request::put("/graphql").body(Body::empty()).expect("it is valid")
}

const TICKET: &str = "x-graphql-event-stream-token";

async fn reserved(server: &Router) -> String {
    let answer = send(server, reserving()).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, "no-store"), "{}", answer.body);
    assert_eq!(answer.body.len(), 43);
    answer.body
}

async fn opened(server: &Router, ticket: &str) -> Events {
    events(server, with(get(&format!("/graphql?token={ticket}")), "accept", STREAM)).await
}

fn operation(ticket: &str, id: &str, document: &str) -> Request<Body> {
    let body = json!({ "query": document, "extensions": { "operationId": id } });
    with(post(body.to_string()), TICKET, ticket)
}

fn ending(ticket: &str, id: &str) -> Request<Body> {
    let request = Request::delete(format!("/graphql?operationId={id}")).header(TICKET, ticket);
    request.body(Body::empty()).expect("it is valid")
}

/// Single connection: many operations tell by one stream, each under its id.
#[tokio::test]
async fn operations_share_a_reserved_stream() {
    let done = Done::default();
    let server = routes(Edge::new(app(config()).await, schema(&done)));
    let ticket = reserved(&server).await;
    // An operation may begin before its stream is open.
    assert_eq!(send(&server, operation(&ticket, "early", "{echo(n:1)}")).await.status, 202);
    let mut stream = opened(&server, &ticket).await;
    assert_eq!(stream.answer().await, json!({ "id": "early", "payload": { "data": { "echo": 1 } } }));
    let complete =
        |id: &str| Event { id: None, name: "complete".to_owned(), data: json!({ "id": id }).to_string() };
    assert_eq!(stream.next().await, Some(complete("early")));

    let accepted = send(&server, operation(&ticket, "a", "subscription{numbers}")).await;
    assert_eq!((accepted.status, accepted.body.as_str()), (202, ""));
    let first = stream.next().await.expect("an event");
    assert_eq!((first.id.as_deref(), first.name.as_str()), (Some("s0"), "next"));
    assert_eq!(first.data, json!({ "id": "a", "payload": { "data": { "numbers": 0 } } }).to_string());
    // A second one is heard beside the flood of the first.
    let (accepted, ()) = future::join(send(&server, operation(&ticket, "b", "{echo(n:2)}")), async {
        while stream.next().await != Some(complete("b")) {}
    })
    .await;
    assert_eq!(accepted.status, 202);

    assert_eq!(send(&server, ending(&ticket, "a")).await.status, 200);
    until(async || done.count() == 0).await;
    // That it has ended already is no fault, and its id is free.
    assert_eq!(send(&server, ending(&ticket, "a")).await.status, 200);
    let (accepted, ()) = future::join(send(&server, operation(&ticket, "a", "{echo(n:3)}")), async {
        while stream.next().await != Some(complete("a")) {}
    })
    .await;
    assert_eq!(accepted.status, 202);

    // The stream's end is the end of everything on it.
    assert_eq!(send(&server, operation(&ticket, "c", "subscription{ticks(ms:60000)}")).await.status, 202);
    drop(stream);
    until(async || send(&server, operation(&ticket, "d", "{hello}")).await.status == 404).await;
}

/// Validation and the like are answered to the request itself, by status; nothing of it comes on the stream.
#[tokio::test]
async fn an_operation_that_cannot_be_is_refused_at_once() {
    let server = server(|config| {
        config.subscription.operations = 1;
        config.http.statuses = Statuses::Classic;
    })
    .await;
    let ticket = reserved(&server).await;
    let mut stream = opened(&server, &ticket).await;
    let unnamed = with(query("{hello}"), TICKET, &ticket);
    for (request, status, code) in [
        (operation(&ticket, "1", "{"), 400, "GRAPHQL_PARSE_FAILED"),
        (operation(&ticket, "1", "{nothing}"), 400, "GRAPHQL_VALIDATION_FAILED"),
        (operation(&ticket, "1", "subscription{nothing}"), 400, "GRAPHQL_VALIDATION_FAILED"),
        (operation(&ticket, "1", "subscription{refuses}"), 400, "BAD_USER_INPUT"),
        (operation(&ticket, "1", "{panics}"), 500, "INTERNAL"),
        (operation(&ticket, "", "{hello}"), 400, "BAD_REQUEST"),
        (unnamed, 400, "BAD_REQUEST"),
        (operation("unheard-of", "1", "{hello}"), 404, "NOT_FOUND"),
        (
            with(operation(&ticket, "1", "{hello}"), "content-type", "text/plain"),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (with(get(&format!("/graphql?token={ticket}")), "accept", STREAM), 409, "CONFLICT"),
        (with(get("/graphql?token=unheard-of"), "accept", STREAM), 404, "NOT_FOUND"),
        (ending("unheard-of", "1"), 404, "NOT_FOUND"),
    ] {
        let shown = format!("{request:?}");
        let answer = send(&server, request).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}: {}", answer.body);
    }
    assert_eq!(send(&server, operation(&ticket, "1", "subscription{ticks(ms:60000)}")).await.status, 202);
    for (id, status) in [("1", 409), ("2", 429)] {
        assert_eq!(send(&server, operation(&ticket, id, "{hello}")).await.status, status);
    }
    assert_eq!(send(&server, ending(&ticket, "1")).await.status, 200);
    assert_eq!(send(&server, operation(&ticket, "1", "{echo(n:1)}")).await.status, 202);
    assert_eq!(stream.answer().await["payload"]["data"]["echo"], 1);
}

#[tokio::test]
async fn a_reservation_that_nobody_opens_is_gone() {
    let server = server(|config| {
        config.subscription.reservation_ms = 10;
        config.subscription.sockets = 1;
    })
    .await;
    let ticket = reserved(&server).await;
    until(async || send(&server, ending(&ticket, "1")).await.status == 404).await;
    assert_eq!(
        send(&server, with(get(&format!("/graphql?token={ticket}")), "accept", STREAM)).await.status,
        404
    );
    // And its room is free.
    until(async || send(&server, reserving()).await.status == 201).await;
}

/// A reservation is its caller's: to anybody else it looks absent. Its ticket alone opens the stream, as a browser can
/// send no token with it.
#[tokio::test]
async fn a_reservation_is_bound_to_its_caller() {
    let mut config = config();
    config.no_auth = false;
    config.subscription.sockets_per_token = 1;
    let app = app(config).await;
    let mut tokens = Vec::new();
    for name in ["ann", "ben"] {
        let token = app.create_token(name, entity::token::Role::Viewer, None, None).await.expect("a token").1;
        tokens.push(format!("Bearer {token}"));
    }
    let server = routes(Edge::new(app, schema(&Done::default())));
    let of = |n: usize, request: Request<Body>| with(request, "authorization", &tokens[n]);

    assert_eq!(send(&server, reserving()).await.status, 401);
    let ticket = send(&server, of(0, reserving())).await.body;
    assert_eq!(send(&server, of(0, reserving())).await.status, 429, "one token, one stream");
    let opening = || with(get(&format!("/graphql?token={ticket}")), "accept", STREAM);
    for (request, status) in [
        (operation(&ticket, "1", "{hello}"), 401),
        (of(1, operation(&ticket, "1", "{hello}")), 404),
        (ending(&ticket, "1"), 401),
        (of(1, ending(&ticket, "1")), 404),
        (of(1, opening()), 404),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(send(&server, request).await.status, status, "{shown}");
    }
    let mut stream = events(&server, opening()).await;
    assert_eq!(send(&server, of(0, operation(&ticket, "1", "subscription{who}"))).await.status, 202);
    assert_eq!(stream.answer().await["payload"]["data"]["who"], "ann");
}

/// At a stop each stream is told its place. One of its own ends without `complete`, so that a browser comes back by
/// itself and goes on; operations that share one are completed, as nothing can go on from one id for all of them.
#[tokio::test]
async fn a_stop_tells_each_event_stream_its_place() {
    let edge = Edge::new(app(config()).await, schema(&Done::default()));
    let server = routes(edge.clone());
    let mut own = events(&server, streaming("subscription{numbers}")).await;
    let ticket = reserved(&server).await;
    let mut shared = opened(&server, &ticket).await;
    assert_eq!(send(&server, operation(&ticket, "a", "subscription{numbers}")).await.status, 202);
    edge.stop.cancel();

    let (mut seen, mut last) = (None, None);
    while let Some(event) = own.next().await {
        (seen, last) = (last, Some(event));
    }
    let (seen, last) = (seen.expect("an event"), last.expect("an error"));
    assert_eq!((seen.name.as_str(), last.name.as_str()), ("next", "next"));
    assert!(seen.id.is_some() && seen.id == last.id, "{seen:?} {last:?}");
    let error: Json = serde_json::from_str(&last.data).expect("JSON");
    let told = &error["errors"][0]["extensions"];
    assert_eq!((&told["code"], told["cursor"].as_str()), (&json!("RESTARTING"), last.id.as_deref()));

    let mut told = Vec::new();
    while let Some(event) = shared.next().await {
        told.push(event);
    }
    let [.., error, complete] = told.as_slice() else { panic!("{told:?}") };
    assert!(error.data.starts_with(r#"{"id":"a","payload":{"errors":[{"message":"the server is stopping"#));
    assert_eq!((complete.name.as_str(), complete.data.as_str()), ("complete", r#"{"id":"a"}"#));
    assert_eq!(send(&server, operation(&ticket, "b", "{hello}")).await.status, 404);
    assert_eq!(send(&server, reserving()).await.status, 503);
    assert_eq!(send(&server, streaming("{hello}")).await.status, 503);
}

/// In the metrics an operation on an event stream is one request, whichever way it came and however it ended.
#[tokio::test]
async fn an_operation_is_counted_once() {
    let done = Done::default();
    let edge = Edge::new(app(config()).await, schema(&done));
    let server = routes(edge.clone());
    let counted = async || {
        let told = edge.watch.metric.told(&edge.app, &edge.guard, 0).await.expect("told");
        let series = |line: &&str| line.starts_with("roamline_requests_total") && !line.ends_with(" 0");
        let short = |line: &str| line.replace("roamline_requests_total", "");
        told.lines().filter(series).map(short).collect::<Vec<_>>()
    };
    let document = "subscription{numbers(to:1)}";
    for request in [streaming(document), link(document), with(query(document), "accept", BOTH)] {
        let mut stream = events(&server, request).await;
        assert_eq!(stream.answer().await["data"]["numbers"], 0);
        stream.completes().await;
    }
    assert_eq!(counted().await, [r#"{code="OK",kind="subscription"} 3"#]);

    let mut stream = events(&server, streaming("{echo(n:1)}")).await;
    stream.answer().await;
    stream.completes().await;
    assert_eq!(counted().await, [r#"{code="OK",kind="query"} 1"#, r#"{code="OK",kind="subscription"} 3"#]);

    // One that its client leaves is one like the others.
    let mut stream = events(&server, streaming("subscription{numbers}")).await;
    stream.answer().await;
    drop(stream);
    while done.count() > 0 {
        tokio::task::yield_now().await;
    }
    let mut tries = 1_000;
    while counted().await[1] != r#"{code="OK",kind="subscription"} 4"# {
        tries -= 1;
        assert!(tries > 0, "{:?}", counted().await);
        tokio::task::yield_now().await;
    }
}

/// On a reserved stream too; what reserves and opens it are requests of their own, without an operation.
#[tokio::test]
async fn an_operation_on_a_reserved_stream_is_counted_once() {
    let edge = Edge::new(app(config()).await, schema(&Done::default()));
    let server = routes(edge.clone());
    let ticket = send(&server, Request::put("/graphql").body(Body::empty()).expect("it is valid")).await.body;
    let mut stream = events(
        &server,
        with(with(get("/graphql"), "accept", STREAM), "x-graphql-event-stream-token", &ticket),
    )
    .await;
    let begin = |document: &str, id: &str| {
        let body = json!({ "query": document, "extensions": { "operationId": id } });
        with(post(body.to_string()), "x-graphql-event-stream-token", &ticket)
    };
    assert_eq!(send(&server, begin("subscription{numbers(to:1)}", "1")).await.status, 202);
    assert_eq!(stream.next().await.expect("an event").name, "next");
    assert_eq!(stream.next().await.expect("an event").name, "complete");
    assert_eq!(send(&server, begin("{nothing}", "2")).await.status, 422);
    assert_eq!(send(&server, begin("{", "3")).await.status, 400);
    let told = edge.watch.metric.told(&edge.app, &edge.guard, 0).await.expect("told");
    for series in [
        r#"{code="OK",kind="subscription"} 1"#,
        r#"{code="GRAPHQL_VALIDATION_FAILED",kind="query"} 1"#,
        r#"{code="GRAPHQL_PARSE_FAILED",kind="none"} 1"#,
        r#"{code="OK",kind="none"} 2"#,
        r#"{code="GRAPHQL_VALIDATION_FAILED",kind="none"} 0"#,
    ] {
        assert!(told.contains(&format!("roamline_requests_total{series}")), "{series}: {told}");
    }
}
