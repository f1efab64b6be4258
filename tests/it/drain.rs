//! A server that is told to stop: what it has begun it ends, and each stream learns where it goes on. The real program
//! and a real signal.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{
    event_stream::{Event, EventStream},
    told,
};

/// How long anything may take, on the slowest machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server in a process of its own, ended with it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
        told::check();
    }
}

impl Process {
    fn start(database: &str, port: u16) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_roamline"))
            .args(["--database", database, "--log", "info", "serve", "--no-auth", "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .env("ROAMLINE__HTTP__DRAIN_MS", "60000")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        told::listen(&mut child);
        Self(child)
    }

    fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(sent.expect("a signal").success());
    }

    /// Waits until it has ended; whether all was well.
    async fn ended(&mut self) -> bool {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.0.try_wait().expect("a child") {
                return status.success();
            }
            assert!(tokio::time::Instant::now() < until, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn done(http: &reqwest::Client, url: &str, mutation: &str) -> Option<Value> {
    let body = json!({"query": format!("mutation {{ done: {mutation} }}")}).to_string();
    let request = http.post(url).header("content-type", "application/json").body(body);
    let answer = request.send().await.ok()?.text().await.ok()?;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["data"]["done"]["errors"], json!([]), "{mutation}: {answer}");
    Some(answer["data"]["done"].clone())
}

async fn up(http: &reqwest::Client, url: &str) {
    let until = tokio::time::Instant::now() + PATIENCE;
    while http.get(format!("{url}?query=%7B__typename%7D")).send().await.is_err() {
        assert!(tokio::time::Instant::now() < until, "the server does not come up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn socket(port: u16) -> Socket {
    let mut request = format!("ws://127.0.0.1:{port}/graphql").into_client_request().expect("a request");
    let protocol = "graphql-transport-ws".parse().expect("a header");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let (mut socket, _) = connect_async(request).await.expect("a socket");
    say(&mut socket, json!({"type": "connection_init"})).await;
    assert_eq!(hear(&mut socket).await.expect("a message")["type"], "connection_ack");
    socket
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.expect("sent");
}

async fn subscribe(socket: &mut Socket, id: &str, query: &str) {
    say(socket, json!({"id": id, "type": "subscribe", "payload": {"query": query}})).await;
}

/// The next message that is no ping; the code and reason of the close frame at the end.
async fn hear(socket: &mut Socket) -> Result<Value, (u16, String)> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a message in time");
        match frame.expect("an open socket").expect("a frame") {
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                if message["type"] != "ping" {
                    return Ok(message);
                }
            }
            Message::Close(Some(frame)) => return Err((frame.code.into(), frame.reason.to_string())),
            Message::Close(None) => panic!("a close without a code"),
            _ => {}
        }
    }
}

/// The name in an event of the stream.
fn name(changes: &Value) -> String {
    changes["change"]["after"]["userId"].as_str().unwrap_or_else(|| panic!("no user: {changes}")).to_owned()
}

const USERS: &str = "filter: {nouns: [USER]}) { change { kind ... on UserCreated { after { userId } } } } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_stop_ends_what_it_began_and_tells_each_stream_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = format!("sqlite://{}", folder.path().join("drain.db").display());
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port")
        .port();
    let (http, url) = (reqwest::Client::new(), format!("http://127.0.0.1:{port}/graphql"));
    let mut server = Process::start(&database, port);
    up(&http, &url).await;
    let organization = async |parent: &str, kind: &str| {
        let made = format!(
            r#"createOrganization(input: {{{parent} kind: {kind}, name: "{kind}"}}) {{ organization {{ id }} errors {{ code }} }}"#
        );
        done(&http, &url, &made).await.expect("done")["organization"]["id"].clone()
    };
    let root = organization("", "PROVIDER").await;
    let acme = organization(&format!("parentId: {root},"), "CUSTOMER").await;
    let emea = format!(
        r#"createCluster(input: {{organizationId: {acme}, name: "emea"}}) {{ cluster {{ id }} errors {{ code }} }}"#
    );
    let emea = done(&http, &url, &emea).await.expect("done")["cluster"]["id"].clone();
    let user = |id: &str| {
        format!(
            r#"createUser(input: {{organizationId: {acme}, clusterId: {emea}, userId: "{id}", lastName: "{id}"}}) {{ errors {{ code }} }}"#
        )
    };

    let mut socket = socket(port).await;
    subscribe(&mut socket, "users", &format!(r#"subscription {{ changes(after: "s0", {USERS}"#)).await;
    let users = format!(r#"subscription {{ changes(after: "s0", {USERS}"#);
    let mut events = EventStream::open(&url, None, &users, None).await;
    done(&http, &url, &user("anna")).await.expect("done");
    let first = hear(&mut socket).await.expect("an event");
    let mut heard = vec![name(&first["payload"]["data"]["changes"])];
    let mut told = vec![name(&events.next().await.expect("an event").data["data"]["changes"])];

    // The answered ping says that the server has the mutation.
    subscribe(&mut socket, "ben", &format!("mutation {{ done: {} }}", user("ben"))).await;
    say(&mut socket, json!({"type": "ping"})).await;
    let mut messages = Vec::new();
    loop {
        let message = hear(&mut socket).await.expect("a message");
        if message["type"] == "pong" {
            break;
        }
        messages.push(message);
    }
    server.terminate();
    let (code, reason) = loop {
        match hear(&mut socket).await {
            Ok(message) => messages.push(message),
            Err(close) => break close,
        }
    };
    assert_eq!(code, 1012);
    assert!(reason.starts_with("Service restart; retry in ") && reason.ends_with(" ms"), "{reason}");
    let of = |id: &str| messages.iter().filter(|message| message["id"] == id).cloned().collect::<Vec<_>>();
    let [answer, complete] = &of("ben")[..] else { panic!("{messages:#?}") };
    assert_eq!(answer["payload"], json!({"data": {"done": {"errors": []}}}));
    assert_eq!(complete["type"], "complete");
    let users_told = of("users");
    let [between @ .., last] = &users_told[..] else { panic!("{messages:#?}") };
    heard.extend(between.iter().map(|message| name(&message["payload"]["data"]["changes"])));
    assert_eq!(last["type"], "error");
    let place = &last["payload"][0]["extensions"];
    assert_eq!(place["code"], "RESTARTING");
    let place = place["cursor"].as_str().expect("a cursor").to_owned();

    let mut last: Option<Event> = None;
    while let Some(event) = events.next().await {
        if let Some(event) = last.replace(event) {
            told.push(name(&event.data["data"]["changes"]));
        }
    }
    let last = last.expect("an error");
    assert_eq!(
        last.data["errors"][0]["extensions"]["code"], "RESTARTING",
        "no `complete`: browsers come back"
    );
    assert_eq!(last.data["errors"][0]["extensions"]["cursor"].as_str(), last.id.as_deref());

    assert!(server.ended().await, "it ends well");
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "nobody listens any more");

    // On the next one both go on where they were: nothing is lost and nothing told twice.
    let _server = Process::start(&database, port);
    up(&http, &url).await;
    done(&http, &url, &user("carla")).await.expect("done");
    let mut socket = self::socket(port).await;
    subscribe(&mut socket, "users", &format!(r#"subscription {{ changes(after: "{place}", {USERS}"#)).await;
    while heard.last().is_none_or(|name| name != "carla") {
        let message = hear(&mut socket).await.expect("an event");
        heard.push(name(&message["payload"]["data"]["changes"]));
    }
    assert_eq!(heard, ["anna", "ben", "carla"]);
    let mut events = EventStream::open(&url, None, &users, last.id.as_deref()).await;
    while told.last().is_none_or(|name| name != "carla") {
        told.push(name(&events.next().await.expect("an event").data["data"]["changes"]));
    }
    assert_eq!(told, ["anna", "ben", "carla"]);
}
