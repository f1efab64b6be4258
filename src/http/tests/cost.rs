//! What requests cost by whatever way they end, on a clock that stands still: points come back when a test sets it.

use super::{
    sse::{STREAM, events, streaming},
    *,
};
use crate::http::{answer, run};

/// A server with buckets of so many points, of which so many come back each second.
fn metered(points: u64, restore: u64) -> Config {
    let mut config = config();
    config.guard.cost = points;
    config.guard.bucket = points;
    config.guard.restore = restore;
    config
}

/// The points that are left after it asked for them.
async fn left(server: &Router) -> u64 {
    let answer = send(server, with(query("{hello}"), "graphql-cost", "report")).await;
    let available = &answer.json()["extensions"]["cost"]["throttle"]["available"];
    available.as_u64().unwrap_or_else(|| panic!("{}", answer.body))
}

/// What a request took, beside asking for it.
async fn taken(server: &Router, request: Request<Body>) -> (u16, u64) {
    let before = left(server).await;
    let answer = send(server, request).await;
    (answer.status, before - 1 - left(server).await)
}

/// Points are for what is done: nothing is done of a request that came by the wrong way.
#[tokio::test]
async fn what_is_refused_after_it_was_priced_costs_nothing() {
    let mut config = metered(1_000, 1);
    config.http.batch = 3;
    let server = routes(Edge::new(app(config).await, schema(&Done::default())));
    let batch = json!([{ "query": "subscription{numbers}" }]).to_string();
    for (request, status) in [
        (get("/graphql?query=mutation%7Bact(ms:0)%20a:act(ms:0)%7D"), 405),
        (with(get("/graphql?query=mutation%7Bact(ms:0)%7D"), "accept", STREAM), 405),
        (query("subscription{numbers}"), 422),
        (post(batch), 422),
        (with(query("subscription{numbers}"), "x-graphql-event-stream-token", "none"), 404),
    ] {
        let shown = format!("{request:?}");
        assert_eq!(taken(&server, request).await, (status, 0), "{shown}");
    }
}

/// Nor of one for which there was no place.
#[tokio::test]
async fn what_finds_no_place_costs_nothing() {
    let mut config = metered(5, 1);
    config.http.requests = 1;
    let edge = Edge::new(app(config).await, schema(&Done::default()));
    let id = RequestId("one".to_owned());
    let prepare = || {
        let request = async_graphql::Request::new("{a:hello b:hello c:hello d:hello hello}");
        edge.prepare(request.data(Caller::administrator("ann")).data(id.clone()))
    };
    let place = edge.places.clone().try_acquire_owned().expect("it is free");
    let shed = run::once(&edge, prepare().expect("the bucket is full"), &id).await;
    assert_eq!(answer::code(&shed.errors[0]), Some("UNAVAILABLE"));
    drop(place);
    let done = run::once(&edge, prepare().expect("the bucket is full again"), &id).await;
    assert!(done.errors.is_empty(), "{done:?}");
    assert_eq!(prepare().map(drop).expect_err("the bucket is empty").code(), "THROTTLED");
}

/// The dearest requests are those that come to nothing: what was stopped or broke is paid for as it was asked for.
#[tokio::test]
async fn what_comes_to_nothing_is_paid_for() {
    let mut config = metered(1_000, 1);
    (config.http.query_ms, config.http.mutation_ms) = (20, 20);
    let server = routes(Edge::new(app(config).await, schema(&Done::default())));
    for (document, status, points) in [
        ("{sleeps(ms:3600000) a:hello b:hello}", 503, 3),
        ("mutation{act(ms:3600000) a:act(ms:0)}", 503, 2),
        ("{panics a:hello b:hello}", 500, 3),
        ("mutation{panics a:act(ms:0)}", 500, 2),
        ("{a:hello b:hello must}", 294, 3),
        ("{fails a:hello}", 294, 2),
        // Nothing ran of these.
        ("{nothing a:hello b:hello}", 422, 1),
        ("{a:hello b:hello c:echo(n:\"x\")}", 422, 1),
        ("{", 400, 0),
    ] {
        assert_eq!(taken(&server, query(document)).await, (status, points), "{document}");
    }
}

/// Whoever leaves has spent what was under way.
#[tokio::test]
async fn what_its_client_left_is_paid_for() {
    let mut config = metered(100_000, 1);
    config.http.query_ms = 3_600_000;
    let server = routes(Edge::new(app(config).await, schema(&Done::default())));
    let mut before = left(&server).await;
    let request = tokio::spawn(server.clone().oneshot(query("{sleeps(ms:3600000) a:hello b:hello}")));
    // Until it has begun.
    loop {
        tokio::task::yield_now().await;
        let now = left(&server).await;
        if before - now != 1 {
            assert_eq!(before - now, 1 + 3);
            before = now;
            break;
        }
        before = now;
    }
    request.abort();
    assert!(request.await.is_err());
    assert_eq!(before - left(&server).await, 1);
}

/// `Retry-After` of a batch of which nothing ran is the longest that one of its requests would have to wait.
#[tokio::test]
async fn a_batch_of_refusals_says_when_to_come_again() {
    let mut config = metered(10, 1);
    config.http.batch = 3;
    config.http.query_ms = 20;
    let clock = Arc::new(AtomicI64::new(0));
    let server = routes(Edge::new(app_at(config, clock.clone()).await, schema(&Done::default())));
    let fields = |count: usize| {
        let fields = (0..count).fold(String::new(), |all, n| all + &format!("a{n}:hello "));
        json!({ "query": format!("{{{fields}}}") })
    };
    let batch = async |requests: Json| send(&server, post(requests.to_string())).await;
    let answer = batch(json!([fields(10), fields(5)])).await;
    assert_eq!((answer.status, answer.header("retry-after")), (294, ""), "one of them ran: {}", answer.body);
    let answer = batch(json!([fields(5), fields(9), fields(7)])).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "9"), "{}", answer.body);
    clock.store(20_000_000, Ordering::SeqCst);
    let late = json!({ "query": "{sleeps(ms:3600000)}" });
    let answer = batch(json!([late, late])).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{}", answer.body);
    let answer = batch(json!([{ "query": "{nothing}" }])).await;
    assert_eq!((answer.status, answer.header("retry-after")), (422, ""));
}

/// Each event costs what it holds and tells it; a stream whose token has spent its points waits and loses nothing.
#[tokio::test]
async fn a_stream_pays_for_each_event() {
    let clock = Arc::new(AtomicI64::new(0));
    let done = Done::default();
    let edge = Edge::new(app_at(metered(10, 10), clock.clone()).await, schema(&done));
    let server = routes(edge);
    let asked = with(streaming("subscription{numbers(to:30)}"), "graphql-cost", "report");
    let mut stream = events(&server, asked).await;
    // One of ten for the opening.
    for n in 0..9 {
        let cost = json!({ "requested": 1, "actual": 1, "maximum": 10,
            "throttle": { "maximum": 10, "available": 8 - n, "restoreRate": 10 } });
        assert_eq!(
            stream.answer().await,
            json!({ "data": { "numbers": n }, "extensions": { "cost": cost } })
        );
    }
    assert_eq!(send(&server, query("{hello}")).await.status, 429);
    assert_eq!(done.made(), 9);
    for n in 9..30 {
        clock.fetch_add(1_000_000, Ordering::SeqCst);
        assert_eq!(stream.answer().await["data"]["numbers"], n);
    }
    stream.completes().await;

    // Unasked, and over and over.
    clock.fetch_add(1_000_000, Ordering::SeqCst);
    let mut stream = events(&server, streaming("subscription{numbers(to:1)}")).await;
    assert_eq!(stream.answer().await, json!({ "data": { "numbers": 0 } }));
    stream.completes().await;
    assert_eq!(left(&server).await, 7);
}
