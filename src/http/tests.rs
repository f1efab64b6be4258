//! The routes one by one, on a schema that can be slow, panic and stream; what the specifications say of requests is in
//! `request`, and sockets and event streams have files of their own.

mod cost;
mod request;
mod socket;
mod sse;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::{Context, Object, Response as Executed, Schema, Subscription};
use axum::{
    Router,
    body::{self, Body},
    http::{HeaderMap, Request, StatusCode, header},
    routing,
};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value as Json, json};
use tokio::time;
use tower::ServiceExt;

use super::{Edge, is_loopback, routes};
use crate::{
    app::App,
    caller::Caller,
    config::{Config, Statuses},
    error::RequestId,
    schema::{Listener, value::scalar::Cursor},
};

/// The one place where these tests make an application.
async fn app(config: Config) -> App {
    app_at(config, Arc::default()).await
}

/// The same on a clock that is set by hand.
async fn app_at(mut config: Config, clock: Arc<AtomicI64>) -> App {
    // The folder stays until the process ends; the test's server may outlive the test's last line.
    let folder = tempfile::tempdir().expect("a folder for the database").keep();
    config.database.url = format!("sqlite://{}", folder.join("test.db").display());
    let time = move || entity::Moment(clock.load(Ordering::SeqCst));
    App::open(config, Arc::new(time)).await.expect("an empty database")
}

/// A configuration without tokens and with short deadlines.
fn config() -> Config {
    let mut config = Config { no_auth: true, ..Config::default() };
    config.http.query_ms = 500;
    config.http.mutation_ms = 500;
    config.http.drain_ms = 1_000;
    config.http.statuses = Statuses::Draft2026;
    config
}

/// What the test schema did: mutations done and streams alive, and numbers that streams made.
#[derive(Clone, Default)]
struct Done(Arc<AtomicUsize>, Arc<AtomicUsize>);

impl Done {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn made(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

/// Panics, which the resolvers' macro must not see.
fn broken(why: &str) -> i32 {
    assert!(why.is_empty(), "{why}");
    0
}

struct Query;

#[Object]
impl Query {
    async fn hello(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        ctx.data::<Caller>()?;
        Ok(format!("hello {}", ctx.data::<RequestId>()?.0))
    }

    async fn fails(&self) -> async_graphql::Result<Option<i32>> {
        Err("no".into())
    }

    /// Fails where null may not be.
    async fn must(&self) -> async_graphql::Result<i32> {
        Err("no".into())
    }

    async fn echo(&self, n: i32) -> i32 {
        n
    }

    async fn panics(&self) -> i32 {
        broken("a resolver that panics")
    }

    async fn sleeps(&self, ms: u64) -> u64 {
        time::sleep(Duration::from_millis(ms)).await;
        ms
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn act(&self, ctx: &Context<'_>, ms: u64) -> async_graphql::Result<usize> {
        time::sleep(Duration::from_millis(ms)).await;
        Ok(ctx.data::<Done>()?.0.fetch_add(1, Ordering::SeqCst))
    }

    async fn panics(&self) -> i32 {
        broken("a mutation that panics")
    }
}

struct Subscriptions;

/// Counts the streams that are alive.
struct Alive(Done);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[Subscription]
impl Subscriptions {
    /// Numbers as fast as they are taken.
    async fn numbers(
        &self,
        ctx: &Context<'_>,
        to: Option<i32>,
    ) -> async_graphql::Result<impl Stream<Item = i32> + use<>> {
        let done = ctx.data::<Done>()?.clone();
        done.0.fetch_add(1, Ordering::SeqCst);
        let (alive, listener) = (Alive(done), ctx.data::<Listener>()?.clone());
        Ok(stream::iter(0..to.unwrap_or(i32::MAX)).inspect(move |n| {
            listener.tell(Cursor::Change(i64::from(*n)));
            alive.0.1.fetch_add(1, Ordering::SeqCst);
        }))
    }

    /// A number every few milliseconds.
    async fn ticks(
        &self,
        ctx: &Context<'_>,
        ms: u64,
    ) -> async_graphql::Result<impl Stream<Item = i32> + use<>> {
        ctx.data::<Listener>()?.begin();
        Ok(stream::unfold(0, move |n| async move {
            time::sleep(Duration::from_millis(ms)).await;
            Some((n, n + 1))
        }))
    }

    /// The cursor that the client brought.
    async fn resumed(&self, ctx: &Context<'_>) -> async_graphql::Result<impl Stream<Item = String> + use<>> {
        let from = ctx.data::<Listener>()?.resume().unwrap_or("nowhere").to_owned();
        Ok(stream::iter([from]))
    }

    /// Who listens.
    async fn who(&self, ctx: &Context<'_>) -> async_graphql::Result<impl Stream<Item = String> + use<>> {
        Ok(stream::iter([ctx.data::<Listener>()?.caller().name]))
    }

    async fn refuses(&self) -> async_graphql::Result<stream::Empty<i32>> {
        Err("no stream".into())
    }

    /// One number, then the caller's token is revoked, then more.
    async fn revoked(&self) -> impl Stream<Item = async_graphql::Result<i32>> + use<> {
        stream::iter(0..5).map(|n| {
            if n == 1 {
                let mut error = async_graphql::Error::new("the token was revoked");
                error.extensions.get_or_insert_default().set("code", "UNAUTHENTICATED");
                Err(error)
            } else {
                Ok(n)
            }
        })
    }

    async fn panics(&self) -> impl Stream<Item = i32> + use<> {
        stream::iter(0..3).inspect(|n| assert!(*n < 1, "a stream that panics"))
    }
}

type TestSchema = Schema<Query, Mutation, Subscriptions>;

fn schema(done: &Done) -> TestSchema {
    Schema::build(Query, Mutation, Subscriptions).data(done.clone()).finish()
}

async fn server(change: impl FnOnce(&mut Config)) -> Router {
    let mut config = config();
    change(&mut config);
    routes(Edge::new(app(config).await, schema(&Done::default())))
}

/// An answer, its body read.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Json {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    fn code(&self) -> String {
        let json = self.json();
        assert!(json.get("data").is_none(), "{json}");
        json["errors"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.expect("the router cannot fail");
    let (parts, body) = response.into_parts();
    let bytes = body::to_bytes(body, usize::MAX).await.expect("the body can be read");
    let body = String::from_utf8(bytes.to_vec()).expect("the body is text");
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

fn post(body: impl Into<Body>) -> Request<Body> {
    Request::post("/graphql")
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .expect("it is valid")
}

fn query(query: &str) -> Request<Body> {
    post(json!({ "query": query }).to_string())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("it is valid")
}

fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().expect("it is a header value"));
    request
}

const RESPONSE: &str = "application/graphql-response+json; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

#[tokio::test]
async fn a_query_is_answered() {
    let server = server(|_| {}).await;
    let answer = send(&server, with(query("{hello}"), "x-request-id", "abc-1")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"data":{"hello":"hello abc-1"}}"#));
    assert_eq!(answer.header("x-request-id"), "abc-1");
    assert_eq!(answer.header("content-type"), RESPONSE);

    let answer = send(&server, with(query("{hello}"), "x-request-id", "not sane")).await;
    assert_eq!(answer.header("x-request-id").len(), 20);

    let body = json!({ "query": "query A($n:Int!){echo(n:$n)} query B{hello}", "operationName": "A",
        "variables": { "n": 7 }, "extensions": null, "other": 1 });
    assert_eq!(send(&server, post(body.to_string())).await.body, r#"{"data":{"echo":7}}"#);
}

#[tokio::test]
async fn each_refusal_has_its_status_and_code() {
    let server = server(|config| {
        config.http.body_bytes = 2_000;
        config.guard.depth = 5;
    })
    .await;
    let plain = |body: &'static str| {
        Request::post("/graphql")
            .header(header::CONTENT_TYPE, "text/plain")
            .body(Body::from(body))
            .expect("it is valid")
    };
    let method = |method: &str, path: &str| {
        Request::builder().method(method).uri(path).body(Body::empty()).expect("it is valid")
    };
    let unsized_body =
        Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(500))).take(10));
    let table = [
        (plain(r#"{"query":"{hello}"}"#), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (method("POST", "/graphql"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            with(query("{hello}"), "content-type", "multipart/form-data; boundary=x"),
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        (with(query("{hello}"), "accept", "text/xml"), 406, "NOT_ACCEPTABLE"),
        (with(query("{hello}"), "accept", "application/json;q=0"), 406, "NOT_ACCEPTABLE"),
        (with(query("{hello}"), "authorization", "Basic eDp5"), 401, "UNAUTHENTICATED"),
        (post("{"), 400, "BAD_REQUEST"),
        (post("[".repeat(1_000)), 400, "BAD_REQUEST"),
        (post(r#"[{"query":"{hello}"}]"#), 422, "BAD_REQUEST"),
        (post("{}"), 422, "BAD_REQUEST"),
        (post(r#"{"query":1}"#), 422, "BAD_REQUEST"),
        (post(r#"{"query":"{hello}","variables":[]}"#), 422, "BAD_REQUEST"),
        (post(r#"{"query":"{hello}","operationName":1}"#), 422, "BAD_REQUEST"),
        (post("x".repeat(2_001)), 413, "PAYLOAD_TOO_LARGE"),
        (post(unsized_body), 413, "PAYLOAD_TOO_LARGE"),
        (query("{"), 400, "GRAPHQL_PARSE_FAILED"),
        (query("{nothing}"), 422, "GRAPHQL_VALIDATION_FAILED"),
        (query("query A{hello} query B{hello}"), 422, "GRAPHQL_VALIDATION_FAILED"),
        (query("{a{a{a{a{a{a}}}}}}"), 422, "QUERY_TOO_LARGE"),
        (query("subscription{ticks(ms:1)}"), 422, "BAD_REQUEST"),
        (query("{sleeps(ms:5000)}"), 503, "TIMEOUT"),
        (query("mutation{act(ms:5000)}"), 503, "TIMEOUT"),
        (query("{panics}"), 500, "INTERNAL"),
        (query("mutation{panics}"), 500, "INTERNAL"),
        (get("/graphql"), 422, "BAD_REQUEST"),
        (get("/graphql?query=%7Bhello%7D&variables=%7B"), 400, "BAD_REQUEST"),
        (get("/graphql?query=%7Bhello%7D&query=%7Bhello%7D"), 400, "BAD_REQUEST"),
        (get("/graphql?query=mutation%7Bact(ms:0)%7D"), 405, "METHOD_NOT_ALLOWED"),
        (method("PATCH", "/graphql"), 405, "METHOD_NOT_ALLOWED"),
        (method("DELETE", "/health/live"), 405, "METHOD_NOT_ALLOWED"),
        (with(get("/graphql"), "upgrade", "websocket"), 400, "BAD_REQUEST"),
        (get("/nowhere"), 404, "NOT_FOUND"),
        (query(&format!("{{{}}}", "a".repeat(1_000))), 422, "QUERY_TOO_LARGE"),
        (with(query("{hello}"), "host", "evil.example"), 403, "FORBIDDEN"),
        (with(query("{hello}"), "origin", "https://evil.example"), 403, "FORBIDDEN"),
    ];
    for (request, status, code) in table {
        let shown = format!("{request:?}");
        let answer = send(&server, request).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{shown}: {}", answer.body);
        assert!(!answer.header("x-request-id").is_empty());
        match status {
            401 => assert_eq!(answer.header("www-authenticate"), "Bearer"),
            405 => assert!(!answer.header("allow").is_empty(), "{shown}"),
            503 => assert_eq!(answer.header("retry-after"), "1"),
            _ => {}
        }
    }
}

/// What clients of before the draft of 2026 expect, by the type that they ask for.
#[tokio::test]
async fn classic_statuses_are_those_of_todays_clients() {
    let server = server(|config| {
        config.http.statuses = Statuses::Classic;
        config.guard.depth = 5;
    })
    .await;
    let table = [
        (query("{hello}"), 200, 200),
        (query("{fails hello}"), 200, 200),
        (query("{"), 400, 200),
        (query("{nothing}"), 400, 200),
        (query("query A{hello} query B{hello}"), 400, 200),
        (query("{a{a{a{a{a{a}}}}}}"), 400, 200),
        (post("{}"), 400, 400),
        (post(r#"{"query":"{hello}","variables":[]}"#), 400, 400),
        (post("{"), 400, 400),
        (get("/graphql"), 400, 400),
        (get("/graphql?query=mutation%7Bact(ms:0)%7D"), 405, 405),
        (query("{sleeps(ms:5000)}"), 503, 503),
        (query("{panics}"), 500, 500),
    ];
    for (request, of_response, of_json) in table {
        let shown = format!("{request:?}");
        let (parts, body) = request.into_parts();
        let body = body::to_bytes(body, 10_000).await.expect("a short body");
        for (accept, status, media) in [
            ("application/graphql-response+json", of_response, RESPONSE),
            ("application/json", of_json, JSON),
            ("*/*", of_json, JSON),
        ] {
            let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
            let answer = send(&server, with(request, "accept", accept)).await;
            assert_eq!(answer.status, status, "{accept} {shown}: {}", answer.body);
            if status < 400 {
                assert_eq!(answer.header("content-type"), media, "{accept} {shown}");
            }
        }
    }
}

#[tokio::test]
async fn strangers_are_sent_back() {
    let server = server(|config| config.no_auth = false).await;
    for request in [
        query("{hello}"),
        with(query("{hello}"), "authorization", "Bearer unheard-of"),
        get("/graphql?query={hello}".replace('{', "%7B").replace('}', "%7D").as_str()),
    ] {
        let answer = send(&server, request).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHENTICATED"), "{}", answer.body);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    assert_eq!(send(&server, get("/health/live")).await.status, 204);
    assert_eq!(send(&server, get("/schema.graphql")).await.status, 200);
}

#[tokio::test]
async fn the_answer_is_in_the_type_that_the_client_prefers() {
    let server = server(|_| {}).await;
    for (accept, expected) in [
        ("*/*", RESPONSE),
        ("application/json", JSON),
        ("application/graphql-response+json, application/json", RESPONSE),
        ("application/graphql-response+json;q=0.5, application/json", JSON),
        ("text/html, application/*;q=0.9", RESPONSE),
    ] {
        let answer = send(&server, with(query("{hello}"), "accept", accept)).await;
        assert_eq!(answer.header("content-type"), expected, "{accept}");
        let answer = send(&server, with(query("{nothing}"), "accept", accept)).await;
        assert_eq!((answer.status, answer.header("content-type")), (422, expected), "{accept}");
    }
}

#[tokio::test]
async fn a_failed_field_leaves_the_rest() {
    let server = server(|_| {}).await;
    let answer = send(&server, query("{fails hello}")).await;
    assert_eq!(answer.status, 294);
    assert!(answer.json()["data"]["hello"].is_string());
    assert_eq!(answer.json()["errors"][0]["path"], json!(["fails"]));
    assert_eq!(send(&server, with(query("{fails hello}"), "accept", "application/json")).await.status, 200);
}

#[tokio::test]
async fn a_panic_tells_its_id_and_nothing_else() {
    let server = server(|_| {}).await;
    for document in ["{panics}", "mutation{panics}"] {
        let answer = send(&server, with(query(document), "x-request-id", "seven")).await;
        let expected =
            r#"{"errors":[{"message":"internal error","extensions":{"code":"INTERNAL","request":"seven"}}]}"#;
        assert_eq!((answer.status, answer.body.as_str()), (500, expected));
    }
}

#[tokio::test]
async fn a_query_can_be_a_link() {
    let server = server(|_| {}).await;
    let path = "/graphql?query=query%20A(%24n:Int!)%7Becho(n:%24n)%7D%20query%20B%7Bhello%7D&operationName=A&variables=%7B%22n%22:3%7D";
    let answer = send(&server, get(path)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"data":{"echo":3}}"#));
    assert_eq!(send(&server, get("/graphql?query=mutation%7Bact(ms:0)%7D")).await.header("allow"), "POST");
}

#[tokio::test]
async fn a_mutation_ends_though_its_client_left() {
    let done = Done::default();
    let router = routes(Edge::new(app(config()).await, schema(&done)));
    let request = router.oneshot(query("mutation{act(ms:100)}"));
    assert!(time::timeout(Duration::from_millis(20), request).await.is_err());
    assert_eq!(done.count(), 0);
    time::sleep(Duration::from_millis(200)).await;
    assert_eq!(done.count(), 1);
}

#[tokio::test]
async fn a_flood_of_mistakes_is_cut() {
    let server = server(|config| {
        config.guard.aliases = 10_000;
        config.guard.root_fields = 10_000;
    })
    .await;
    let document = (0..500).fold("{".to_owned(), |all, n| all + &format!("a{n}:nothing ")) + "}";
    let answer = send(&server, query(&document)).await;
    let errors = answer.json()["errors"].as_array().map_or(0, Vec::len);
    assert_eq!((answer.status, errors), (422, 21));
    assert_eq!(answer.json()["errors"][20]["message"], "480 more errors are not shown");
    let answer = send(&server, query(&format!("query($v:Int={}){{echo(n:$v)}}", "a".repeat(100)))).await;
    assert!(answer.body.len() < 1_000, "{}", answer.body);
}

/// The cap is a setting, and the same whatever failed: a document's validation or its fields.
#[tokio::test]
async fn errors_are_capped_by_the_setting() {
    let server = server(|config| config.guard.errors = 3).await;
    for document in [
        format!("{{{}}}", "nothing ".repeat(10)),
        (0..10).fold("{hello ".to_owned(), |all, n| all + &format!("a{n}:fails ")) + "}",
    ] {
        let answer = send(&server, query(&document)).await;
        let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
        assert_eq!(errors.len(), 4, "{}", answer.body);
        assert_eq!(errors[3]["message"], "7 more errors are not shown");
        assert_eq!(errors[3]["extensions"]["code"], "MORE_ERRORS");
    }
}

/// Beyond so many requests the next is turned away; health answers, and places come back.
#[tokio::test]
async fn a_full_server_sheds_what_comes_and_stays_healthy() {
    let done = Done::default();
    let mut config = config();
    config.http.requests = 2;
    config.http.query_ms = 60_000;
    config.http.mutation_ms = 60_000;
    let edge = Edge::new(app(config).await, schema(&done));
    let (places, server) = (edge.places.clone(), routes(edge));
    let slow = |document: &'static str| {
        let server = server.clone();
        tokio::spawn(async move { send(&server, query(document)).await })
    };
    let (a, b) = (slow("{sleeps(ms:3600000)}"), slow("{sleeps(ms:3600000)}"));
    while places.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    for request in
        [query("{hello}"), get("/graphql?query=%7Bhello%7D"), get("/export/profiles"), get("/schema.graphql")]
    {
        let answer = send(&server, request).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "UNAVAILABLE"), "{}", answer.body);
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(send(&server, get("/health/live")).await.status, 204);
    assert_eq!(send(&server, get("/health/ready")).await.status, 204);
    assert_eq!(send(&server, get("/")).await.status, 200);
    a.abort();
    b.abort();
    assert!(a.await.is_err() && b.await.is_err());
    assert_eq!(send(&server, query("{hello}")).await.status, 200);
    assert_eq!(places.available_permits(), 2);
}

/// A mutation whose client left is still one of the requests at once.
#[tokio::test]
async fn a_mutation_keeps_its_place_when_its_client_leaves() {
    let done = Done::default();
    let mut config = config();
    config.http.requests = 1;
    let edge = Edge::new(app(config).await, schema(&done));
    let (places, tasks, router) = (edge.places.clone(), edge.tasks.clone(), routes(edge));
    let request = tokio::spawn(router.oneshot(query("mutation{act(ms:300)}")));
    while tasks.is_empty() {
        tokio::task::yield_now().await;
    }
    request.abort();
    assert!(request.await.is_err());
    while places.available_permits() == 0 {
        tokio::task::yield_now().await;
    }
    // Had the place been the client's, it would have been free before.
    assert_eq!(done.count(), 1);
}

#[tokio::test]
async fn an_answer_tells_its_cost_when_asked() {
    let server = server(|config| {
        config.guard.bucket = 500_000;
        config.guard.restore = 7;
    })
    .await;
    let cost = |available: u64| {
        json!({ "requested": 2, "actual": 2, "maximum": 500_000,
            "throttle": { "maximum": 500_000, "available": available, "restoreRate": 7 } })
    };
    let answer = send(&server, query("{a:hello hello}")).await;
    assert!(answer.json().get("extensions").is_none(), "{}", answer.body);
    let answer = send(&server, with(query("{a:hello hello}"), "graphql-cost", "report")).await;
    assert_eq!(answer.json()["extensions"]["cost"], cost(499_996));
    let body = json!({ "query": "{a:hello hello}", "extensions": { "cost": true } });
    let answer = send(&server, post(body.to_string())).await;
    assert_eq!(answer.json()["extensions"]["cost"], cost(499_994));
}

#[tokio::test]
async fn too_dear_and_too_often_tell_the_figures() {
    let server = server(|config| {
        config.guard.cost = 60;
        config.guard.bucket = 60;
        config.guard.restore = 10;
    })
    .await;
    let answer = send(&server, query("{hello a(first:50){nodes{b}}}")).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "QUERY_TOO_LARGE"));
    let cost = &answer.json()["errors"][0]["extensions"]["cost"];
    assert_eq!(
        (&cost["requested"], &cost["maximum"], &cost["dearest"]),
        (&json!(102), &json!(60), &json!("a.nodes"))
    );

    let fields = (0..58).fold(String::new(), |all, n| all + &format!("a{n}:hello "));
    assert_eq!(send(&server, query(&format!("{{{fields}}}"))).await.status, 200);
    let answer = send(&server, query("{a:hello b:hello hello}")).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "THROTTLED"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["errors"][0]["extensions"]["cost"]["throttle"]["available"], 2);
    // What costs no more than is there passes.
    assert_eq!(send(&server, query("{a:hello hello}")).await.status, 200);
}

#[tokio::test]
async fn the_pages_are_there() {
    let server = server(|_| {}).await;
    // The explorer stands in its place where it is built in.
    let edge = Edge::new(app(config()).await, schema(&Done::default()));
    let plain = Router::new().route("/", routing::get(super::page::front)).with_state(edge);
    let answer = send(&plain, with(get("/"), "host", "localhost:8080")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'; style-src 'sha256-"));
    assert!(answer.body.contains("http://localhost:8080/graphql"), "{}", answer.body);
    assert!(!answer.body.contains("{host}") && !answer.body.contains("{token}"));
    let answer = send(&plain, with(get("/"), "host", "<script>")).await;
    assert!(!answer.body.contains("<script>"));

    let front = send(&server, get("/")).await;
    assert_eq!((front.status, front.header("content-type")), (200, "text/html; charset=utf-8"));
    let absent = send(&server, get("/explorer/..%2Findex.html")).await;
    assert_eq!(absent.status, 404);

    assert_eq!(send(&server, get("/schema.graphql")).await.body, crate::schema::sdl());
    assert_eq!(send(&server, get("/health/live")).await.status, 204);
    assert_eq!(send(&server, get("/health/ready")).await.status, 204);
}

#[tokio::test]
async fn a_stopping_server_is_not_ready() {
    let edge = Edge::new(app(config()).await, schema(&Done::default()));
    edge.stop.cancel();
    assert_eq!(send(&routes(edge), get("/health/ready")).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[test]
fn loopback_is_told_from_elsewhere() {
    for here in [
        "localhost",
        "LOCALHOST:80",
        "127.0.0.1:8080",
        "http://127.1.2.3",
        "[::1]:8080",
        "http://[::1]",
        "https://localhost:3000",
    ] {
        assert!(is_loopback(here), "{here}");
    }
    for elsewhere in [
        "",
        "null",
        "example.com",
        "localhost.example.com",
        "http://10.0.0.1",
        "127.0.0.1.example.com",
        "[::2]:80",
    ] {
        assert!(!is_loopback(elsewhere), "{elsewhere}");
    }
}

#[test]
fn nothing_executed_is_told_from_nothing_found() {
    let refused = Executed::from_errors(vec![super::answer::error("X", "x")]);
    assert!(super::answer::is_refusal(&refused));
    assert!(!super::answer::is_refusal(&Executed::default()));
}
