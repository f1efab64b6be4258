//! What those see who run the server: metrics, health, logs and traces, and who may see them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, routing::post};
use entity::token::Role;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as Attribute,
    trace::v1::Span,
};
use prost::Message;
use roamline::{http, schema};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use crate::{
    roamline::{Client, Roamline},
    story, told,
};

/// Every metric, with its type. Dashboards are built on the names: a changed one breaks them.
const METRICS: &[(&str, &str)] = &[
    ("roamline_audit_left_out_total", "counter"),
    ("roamline_build_info", "gauge"),
    ("roamline_connections", "gauge"),
    ("roamline_connections_turned_away_total", "counter"),
    ("roamline_database_connections", "gauge"),
    ("roamline_database_up", "gauge"),
    ("roamline_feed_lag_changes", "gauge"),
    ("roamline_feed_lag_seconds", "gauge"),
    ("roamline_feed_position", "gauge"),
    ("roamline_guard_refusals_total", "counter"),
    ("roamline_jobs", "gauge"),
    ("roamline_loader_batch_keys", "histogram"),
    ("roamline_request_duration_seconds", "histogram"),
    ("roamline_request_statements", "histogram"),
    ("roamline_requests_total", "counter"),
    ("roamline_sockets", "gauge"),
    ("roamline_statements_total", "counter"),
    ("roamline_subscribers", "gauge"),
    ("roamline_subscriptions_ended_total", "counter"),
    ("roamline_unknown_tokens_total", "counter"),
];

/// Tries until it holds; what never does ends the story.
macro_rules! until {
    ($holds:expr) => {
        let mut tries = 2_000;
        while !$holds {
            tries -= 1;
            assert!(tries > 0, "it never came to hold");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
}

async fn get(client: &Client, path: &str) -> reqwest::Response {
    let mut request = reqwest::Client::new().get(client.url(path));
    if let Some(token) = client.token() {
        request = request.bearer_auth(token);
    }
    request.send().await.expect("an answer")
}

/// What is measured, by series; numbers as they are written.
pub type Measured = BTreeMap<String, String>;

/// What is measured now.
pub async fn metrics(client: &Client) -> Measured {
    let answer = get(client, "/metrics").await;
    assert_eq!(answer.status(), 200);
    read(&answer.text().await.expect("a body"))
}

fn read(text: &str) -> Measured {
    let series = text.lines().filter(|line| !line.starts_with('#'));
    let of_line = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        (name.to_owned(), value.to_owned())
    };
    series.map(of_line).collect()
}

/// A count among what is measured.
#[track_caller]
pub fn count(measured: &Measured, series: &str) -> u64 {
    let value = measured.get(series).unwrap_or_else(|| panic!("no {series} in {measured:#?}"));
    value.parse().unwrap_or_else(|_| panic!("{series} is {value}"))
}

story! {
    /// Issue 4, section 6: what happened is in the metrics, and nothing that a client chose is a label.
    async fn what_happened_is_measured(server) {
        let admin = server.admin();
        let estate = server.estate().await;
        let mut feed = admin.follow_on("change { kind }").await;
        admin.profile(&estate, &estate.berlin, "EM_ann", &["5101"]).await;
        feed.next().await;
        admin.data("query ChosenByClient { profiles { nodes { name lines { nodes { label } } } } }").await;
        assert_eq!(admin.code("{ profiles ").await, "GRAPHQL_PARSE_FAILED");
        assert_eq!(admin.code("{ nobodyKnows }").await, "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(server.stranger().code("{ me { name } }").await, "UNAUTHENTICATED");

        // The feed of this process is told of its own changes a moment later.
        until!(metrics(&admin).await["roamline_feed_lag_changes"] == "0");
        let answer = get(&admin, "/metrics").await;
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let text = answer.text().await.expect("a body");
        let types: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let known: Vec<_> = METRICS.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        assert_eq!(types, known);
        for (name, _) in METRICS {
            let help = text.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} ")));
            assert!(help.is_some_and(|help| help.ends_with('.')), "{name}: {help:?}");
        }
        assert!(!text.contains("ChosenByClient") && !text.contains("nobodyKnows"), "{text}");

        let now = read(&text);
        let count = |series: &str| count(&now, series);
        // Six organizations, a cluster, a profile.
        assert_eq!(count(r#"roamline_requests_total{code="OK",kind="mutation"}"#), 8);
        assert_eq!(count(r#"roamline_request_duration_seconds_count{kind="mutation"}"#), 8);
        assert!(count(r#"roamline_request_statements_sum{kind="mutation"}"#) > 8, "{text}");
        // The place to follow from, and the page, which takes two statements.
        assert_eq!(count(r#"roamline_requests_total{code="OK",kind="query"}"#), 2);
        assert!(count(r#"roamline_request_statements_sum{kind="query"}"#) >= 3, "{text}");
        assert!(count("roamline_loader_batch_keys_count") >= 1, "{text}");
        for code in ["GRAPHQL_PARSE_FAILED", "UNAUTHENTICATED"] {
            let series = format!(r#"roamline_requests_total{{code="{code}",kind="none"}}"#);
            assert_eq!(count(&series), 1, "{code}");
        }
        assert_eq!(count(r#"roamline_guard_refusals_total{reason="syntax"}"#), 1);
        assert_eq!((count("roamline_subscribers"), count("roamline_sockets")), (1, 1));
        assert_eq!(count("roamline_database_up"), 1);
        assert_eq!(count(r#"roamline_jobs{state="DONE"}"#), 0);
        assert!(count(r#"roamline_database_connections{state="idle"}"#) >= 1, "{text}");
        let newest = admin.data("{ service { newestCursor } }").await["service"]["newestCursor"].clone();
        assert_eq!(json!(format!("s{}", count("roamline_feed_position"))), newest);

        drop(feed);
        until!({
            let now = metrics(&admin).await;
            now["roamline_sockets"] == "0" && now["roamline_subscribers"] == "0"
        });
        assert_eq!(metrics(&admin).await[r#"roamline_subscriptions_ended_total{reason="gone"}"#], "1");
    }
}

story! {
    /// Metrics tell of everything, so they are for who may see everything: not for strangers, other roles, or
    /// administrators of a part.
    async fn metrics_are_for_administrators_of_everything(server) {
        let estate = server.estate().await;
        assert_eq!(get(&server.stranger(), "/metrics").await.status(), 401);
        for (role, organization) in [(Role::Viewer, &estate.acme), (Role::Operator, &estate.acme), (Role::Admin, &estate.north)] {
            let client = server.somebody(role, organization).await;
            assert_eq!(get(&client, "/metrics").await.status(), 403, "{role:?}");
        }
        assert_eq!(get(&server.admin(), "/metrics").await.status(), 200);
    }
}

story! {
    /// A node is ready while every step that it knows is there, be there further ones of a newer node, and not without one.
    async fn a_node_is_ready_once_its_tables_are(server) {
        let db = Database::connect(&server.database).await.expect("connected");
        let ready = async || get(&server.stranger(), "/health/ready").await;
        db.execute_unprepared("INSERT INTO seaql_migrations (version, applied_at) VALUES ('m99999999_newer', 1)")
            .await
            .expect("a further step");
        assert_eq!(ready().await.status(), 204);
        let gone = db.execute_unprepared("DELETE FROM seaql_migrations WHERE version LIKE '%_job'").await;
        assert!(gone.expect("gone").rows_affected() > 0);
        let answer = ready().await;
        assert_eq!(answer.status(), 503);
        let body: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
        assert_eq!(body, json!({"ready": false, "failing": ["migrated"]}));
        db.close().await.expect("closed");
    }
}

/// The change stream of a node that nobody wakes is behind, and the node says so until it has caught up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_stream_is_behind_is_not_ready() {
    let server = Roamline::sqlite_with(|config| config.feed.poll_ms = 600_000).await;
    let other = server.beside().await;
    let (here, there) = (server.admin(), other.client(server.admin().token().map(str::to_owned)));
    assert_eq!(get(&server.stranger(), "/health/ready").await.status(), 204);

    // Where the node has just looked by itself, the next change finds it asleep.
    let mut count = 0;
    until!({
        count += 1;
        let input = json!({"kind": "PROVIDER", "name": format!("p{count}")});
        there.done("createOrganization", input, "organization { id }").await;
        metrics(&here).await["roamline_feed_lag_changes"] != "0"
    });
    assert_eq!(get(&server.stranger(), "/health/ready").await.status(), 204, "it may be behind for a while");
    server.pass(Duration::from_secs(31));
    let answer = get(&server.stranger(), "/health/ready").await;
    assert_eq!(answer.status(), 503);
    let body = answer.text().await.expect("a body");
    assert_eq!(
        serde_json::from_str::<Value>(&body).expect("JSON"),
        json!({"ready": false, "failing": ["feed"]})
    );
    assert_eq!(metrics(&here).await["roamline_feed_lag_seconds"], "31");

    server.app.feed().nudge();
    until!(get(&server.stranger(), "/health/ready").await.status() == 204);
    assert_eq!(metrics(&here).await["roamline_feed_lag_changes"], "0");
    other.close().await;
    server.close().await;
}

/// With a listener of their own, metrics and health need no token there, metrics are nowhere else, and a server that
/// stops says so to the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_listener_has_the_metrics_and_answers_to_the_end() {
    let server = Roamline::sqlite_with(|config| {
        config.http.drain_ms = 600_000;
        config.http.query_ms = 600_000;
    })
    .await;
    let listener = async || TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (public, apart) = (listener().await, listener().await);
    let address = |listener: &TcpListener| listener.local_addr().expect("an address").to_string();
    let (at, admin) = (address(&public), address(&apart));
    let (stop, stopped) = oneshot::channel::<()>();
    let (app, graph) = (server.app.clone(), schema::build(server.app.clone()));
    let listeners = http::Listeners { public, admin: Some(apart) };
    let served = tokio::spawn(http::serve(app, graph, listeners, async move { drop(stopped.await) }));
    let status = async |address: &str, path: &str| {
        let answer = reqwest::get(format!("http://{address}{path}")).await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    };

    assert!(status(&admin, "/metrics").await.1.contains("roamline_requests_total"));
    for path in ["/health/live", "/health/ready"] {
        assert_eq!((status(&admin, path).await.0, status(&at, path).await.0), (204, 204), "{path}");
    }
    assert_eq!(status(&at, "/metrics").await.0, 404);
    for path in ["/graphql", "/", "/export/profiles"] {
        assert_eq!(status(&admin, path).await.0, 404, "{path}");
    }

    // A request whose body is on its way holds the stop.
    let mut held = TcpStream::connect(&at).await.expect("connected");
    let token = server.admin().token().expect("a token").to_owned();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 26\r\n\r\n"
    );
    held.write_all(head.as_bytes()).await.expect("sent");
    // Asked for once the body is read, so that the request is under way.
    let mut go_on = [0; 25];
    held.read_exact(&mut go_on).await.expect("told to go on");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    drop(stop);
    until!(status(&admin, "/health/ready").await.0 == 503);
    let (_, body) = status(&admin, "/health/ready").await;
    assert_eq!(
        serde_json::from_str::<Value>(&body).expect("JSON"),
        json!({"ready": false, "failing": ["draining"]})
    );
    assert_eq!(status(&admin, "/health/live").await.0, 204);

    held.write_all(br#"{"query":"{ __typename }"}"#).await.expect("sent");
    let mut answer = String::new();
    held.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.contains(r#"{"data":{"__typename":"Query"}}"#), "{answer}");
    served.await.expect("ended").expect("served");
    server.close().await;
}

/// How long a request took is nobody's business by default.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_timing_is_told_where_it_is_set() {
    for set in [false, true] {
        let server = Roamline::sqlite_with(|config| config.http.server_timing = set).await;
        let admin = server.admin();
        let request =
            reqwest::Client::new().post(admin.url("/graphql")).bearer_auth(admin.token().expect("one"));
        let body = r#"{"query":"{ profiles { nodes { id } } }"}"#;
        let answer = request.header("content-type", "application/json").body(body).send().await.expect("one");
        let timing =
            answer.headers().get("server-timing").map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(timing.is_some(), set);
        assert!(timing.is_none_or(
            |timing| timing.starts_with("total;dur=") && timing.contains("desc=\"1 statements\"")
        ));
        server.close().await;
    }
}

/// A collector of spans.
async fn collector() -> (String, Arc<Mutex<Vec<Span>>>) {
    let spans = Arc::new(Mutex::new(Vec::new()));
    let kept = spans.clone();
    let collect = post(async move |body: Bytes| {
        let request = ExportTraceServiceRequest::decode(body).expect("spans");
        for resource in request.resource_spans {
            let about = resource.resource.expect("a resource");
            assert!(about.attributes.iter().any(|attribute| attribute.key == "service.name"));
            let of_scopes = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            kept.lock().expect("nobody panicked").extend(of_scopes);
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let routes = Router::new().route("/v1/traces", collect);
    tokio::spawn(axum::serve(listener, routes).into_future());
    (format!("http://{address}/v1/traces"), spans)
}

/// The program itself, ended with its handle.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn text(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Attribute::StringValue(text) => Some(text.clone()),
        Attribute::IntValue(number) => Some(number.to_string()),
        other => panic!("{other:?}"),
    }
}

/// The program sends a span for a request, its command, its batches and its statements to a collector, as parts of the
/// trace that the client names; its log has a line for the request, and neither has what was in the request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_traced_and_logged_without_what_it_holds() {
    let (otlp, spans) = collector().await;
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let program = Command::new(env!("CARGO_BIN_EXE_roamline"))
        .args(["serve", "--no-auth", "--listen", "127.0.0.1:0", "--database"])
        .arg(format!("sqlite://{}", folder.path().join("test.db").display()))
        .env("ROAMLINE__TRACE__OTLP", &otlp)
        .env("ROAMLINE__LOG__FORMAT", "json")
        .stdout(Stdio::piped())
        .stderr(File::create(&log).expect("a log"))
        .spawn()
        .expect("the program starts");
    let mut program = Program(program);
    let mut said = BufReader::new(program.0.stdout.take().expect("its output")).lines();
    let line = said.next().expect("a line").expect("text");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");

    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let ask = async |query: &str, variables: Value| {
        let body = json!({"query": query, "variables": variables, "operationName": "Planted"});
        let request = reqwest::Client::new()
            .post(format!("http://{address}/graphql?a=secret-in-address"))
            .header("content-type", "application/json")
            .header("x-request-id", "known-id")
            .header("traceparent", format!("00-{trace}-{parent}-01"))
            .body(body.to_string());
        let answer = request.send().await.expect("an answer").text().await.expect("a body");
        assert!(!answer.contains("\"errors\":[{"), "{answer}");
    };
    let mutation = "mutation Planted($input: CreateOrganizationInput!) { createOrganization(input: $input) { organization { id parent { name } } errors { code } } }";
    ask(mutation, json!({"input": {"kind": "PROVIDER", "name": "secret-in-variable"}})).await;
    let query = "query Planted { organizations { nodes { name clusters { nodes { name } } } } }";
    ask(query, json!({})).await;

    let ended = Command::new("kill").args(["-TERM", &program.0.id().to_string()]).status();
    assert!(ended.expect("told").success());
    assert!(program.0.wait().expect("ended").success());

    let spans = std::mem::take(&mut *spans.lock().expect("nobody panicked"));
    let ours: Vec<_> =
        spans.iter().filter(|span| data_encoding::HEXLOWER.encode(&span.trace_id) == trace).collect();
    let named =
        |name: &str| -> Vec<&Span> { ours.iter().copied().filter(|span| span.name == name).collect() };
    let below =
        |child: &Span, name: &str| named(name).iter().any(|parent| parent.span_id == child.parent_span_id);
    for kind in ["mutation", "query"] {
        let span =
            named(kind).into_iter().next().unwrap_or_else(|| panic!("no span for the {kind}: {spans:#?}"));
        assert_eq!(data_encoding::HEXLOWER.encode(&span.parent_span_id), parent);
        assert_eq!(text(span, "graphql.operation.name").as_deref(), Some("Planted"));
        assert_eq!(text(span, "http.response.status_code").as_deref(), Some("200"));
        assert_eq!(text(span, "url.path").as_deref(), Some("/graphql"));
    }
    let command = named("command").into_iter().next().expect("a span for the command");
    assert!(below(command, "mutation"), "{command:#?}");
    assert!(named("statement").iter().any(|span| below(span, "command")), "{ours:#?}");
    let batch = named("batch").into_iter().find(|span| below(span, "query")).expect("a span for the batch");
    assert!(named("statement").iter().any(|span| span.parent_span_id == batch.span_id), "{ours:#?}");
    assert!(named("statement").iter().all(|span| text(span, "db.system.name").as_deref() == Some("sqlite")));

    let log = std::fs::read_to_string(&log).expect("a log");
    told::search(&log);
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let access: Vec<_> = lines
        .iter()
        .map(|line| &line["fields"])
        .filter(|fields| fields["message"] == "request" && fields["kind"] == "mutation")
        .collect();
    assert_eq!(access.len(), 1, "{log}");
    let fields = access[0];
    assert_eq!(
        (&fields["request"], &fields["name"], &fields["status"]),
        (&json!("known-id"), &json!("Planted"), &json!(200))
    );
    assert_eq!(fields["hash"].as_str().map(str::len), Some(16));
    assert!(
        fields["ms"].is_f64()
            && fields["statements"].as_u64() > Some(1)
            && fields["bytes"].as_u64() > Some(20)
    );
    let sent = format!("{spans:?}");
    for told in [&log, &sent] {
        assert!(!told.contains("secret-in"), "{told}");
    }
}
