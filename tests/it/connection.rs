//! Connections: in both versions of HTTP, with TLS and without, and clients that hold on to them or send too much.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Request, StatusCode, Version,
    body::Bytes,
    client::conn::{http1, http2},
    ext::Protocol,
    header::HeaderValue,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, protocol::Role},
};

use crate::{
    event_stream::EventStream,
    roamline::Roamline,
    tls::{Files, Made, greeted},
};

/// How long anything may take that must come.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// One connection over which requests are sent.
pub enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

pub struct Answer {
    pub status: StatusCode,
    pub version: Version,
    pub headers: HeaderMap,
    pub body: String,
}

impl Sender {
    pub async fn one(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await.expect("a connection");
        tokio::spawn(connection.with_upgrades());
        Self::One(sender)
    }

    pub async fn two(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.expect("a connection");
        tokio::spawn(connection);
        Self::Two(sender)
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Answer {
        let sending = async {
            // The answer before it may be read before the connection takes the next request.
            let answer = match self {
                Self::One(sender) => {
                    sender.ready().await.expect("an open connection");
                    sender.send_request(request).await
                }
                Self::Two(sender) => {
                    sender.ready().await.expect("an open connection");
                    sender.send_request(request).await
                }
            };
            let (parts, body) = answer.expect("an answer").into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            let body = String::from_utf8(body.to_vec()).expect("text");
            Answer { status: parts.status, version: parts.version, headers: parts.headers, body }
        };
        timeout(PATIENCE, sending).await.expect("an answer in time")
    }

    /// Asks who one is.
    pub async fn ask(&mut self, token: &str) -> Answer {
        self.send(asking(matches!(self, Self::Two(_)), token)).await
    }
}

fn asking(absolute: bool, token: &str) -> Request<Full<Bytes>> {
    // HTTP/2 names the host in the target only.
    let request = if absolute {
        Request::post("https://localhost/graphql")
    } else {
        Request::post("/graphql").header("host", "localhost")
    };
    request
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(Full::from(r#"{"query":"{ me { name } }"}"#))
        .expect("a request")
}

pub const ME: &str = r#"{"data":{"me":{"name":"administrator"}}}"#;

/// An administrator's token.
pub fn token(server: &Roamline) -> String {
    server.admin().token().expect("a token").to_owned()
}

/// HTTP/2 needs no TLS where the client knows of it before (RFC 9113, 3.3).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_both_versions_are_served_in_the_clear() {
    let server = Roamline::sqlite_with(|_| {}).await;
    let token = token(&server);
    for two in [false, true] {
        let stream = TcpStream::connect(&server.address).await.expect("connected");
        let mut sender = if two { Sender::two(stream).await } else { Sender::one(stream).await };
        let answer = sender.ask(&token).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ME));
        assert_eq!(answer.version, if two { Version::HTTP_2 } else { Version::HTTP_11 });
        assert!(!answer.headers.contains_key("strict-transport-security"));
    }
    server.close().await;
}

/// A WebSocket over whatever carries it.
pub type Socket = WebSocketStream<Box<dyn Both>>;

/// What bytes go over, both ways.
pub trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Both for S {}

/// A connection, encrypted where a certificate is trusted.
async fn line(
    server: &Roamline,
    trusted: Option<&Made>,
    protocols: &[&str],
) -> std::io::Result<Box<dyn Both>> {
    Ok(match trusted {
        Some(made) => Box::new(greeted(server, made, protocols).await?),
        None => Box::new(TcpStream::connect(&server.address).await?),
    })
}

/// A socket as HTTP/1.1 opens it, by an upgrade.
pub async fn upgraded(io: Box<dyn Both>) -> Socket {
    let mut request = "ws://localhost/graphql".into_client_request().expect("a request");
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    client_async(request, io).await.expect("a socket").0
}

/// A socket as HTTP/2 opens it, on a stream beside others (RFC 8441).
async fn connected(io: Box<dyn Both>) -> (Socket, http2::SendRequest<Full<Bytes>>) {
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.expect("a connection");
    tokio::spawn(connection);
    let mut request = Request::connect("https://localhost/graphql")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "graphql-transport-ws")
        .body(Full::default())
        .expect("a request");
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    // The server says that it takes them before it answers anything.
    sender.ready().await.expect("ready");
    let answer = timeout(PATIENCE, sender.send_request(request)).await.expect("in time").expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["sec-websocket-protocol"], "graphql-transport-ws");
    let stream = hyper::upgrade::on(answer).await.expect("a stream");
    let io: Box<dyn Both> = Box::new(TokioIo::new(stream));
    (WebSocketStream::from_raw_socket(io, Role::Client, None).await, sender)
}

pub async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.expect("sent");
}

/// The next message that is no ping; the close code at the end.
pub async fn hear(socket: &mut Socket) -> Result<Value, u16> {
    loop {
        let frame = timeout(PATIENCE, socket.next()).await.expect("a message in time");
        match frame.expect("an open socket").expect("a frame") {
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                if message["type"] != "ping" {
                    return Ok(message);
                }
            }
            Message::Close(Some(frame)) => return Err(frame.code.into()),
            Message::Close(None) => panic!("a close without a code"),
            _ => {}
        }
    }
}

/// Follows the changes from where they are.
async fn follow(socket: &mut Socket, token: &str, cursor: &str) {
    say(socket, json!({"type": "connection_init", "payload": {"token": token}})).await;
    assert_eq!(hear(socket).await.expect("an answer")["type"], "connection_ack");
    let query = format!(r#"subscription {{ changes(after: "{cursor}") {{ change {{ kind }} }} }}"#);
    say(socket, json!({"id": "1", "type": "subscribe", "payload": {"query": query}})).await;
}

/// A stop is told on sockets of both versions, encrypted or not, and waits for none of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_are_opened_in_both_versions_and_told_of_a_stop() {
    let made = Made::new();
    let files = Files::of(&made);
    for encrypted in [true, false] {
        let server = Roamline::sqlite_with(|config| {
            if encrypted {
                files.set(config);
            }
            config.http.drain_ms = 60_000;
        })
        .await;
        let token = token(&server);
        let line = async |protocol: &str| {
            let trusted = encrypted.then_some(&made);
            line(&server, trusted, &[protocol]).await.expect("a connection")
        };
        let one = upgraded(line("http/1.1").await).await;
        let (two, mut beside) = connected(line("h2").await).await;
        let mut sockets = [one, two];
        for socket in &mut sockets {
            follow(socket, &token, "s0").await;
        }
        let mut sender = Sender::two(line("h2").await).await;
        let query = r#"{"query":"mutation { createOrganization(input: {kind: PROVIDER, name: \"acme\"}) { errors { code } } }"}"#;
        let mut request = asking(true, &token);
        *request.body_mut() = Full::from(query);
        assert_eq!(sender.send(request).await.body, r#"{"data":{"createOrganization":{"errors":[]}}}"#);
        for socket in &mut sockets {
            let event = hear(socket).await.expect("an event");
            assert_eq!(event["payload"]["data"]["changes"]["change"]["kind"], "ORGANIZATION_CREATED");
        }
        // The stream of a socket leaves room for others on its connection.
        let answer = beside.send_request(asking(true, &token)).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        drop(answer);
        let closing = tokio::spawn(server.close());
        for socket in &mut sockets {
            assert_eq!(
                hear(socket).await.expect("an error")["payload"][0]["extensions"]["code"],
                "RESTARTING"
            );
            assert_eq!(hear(socket).await, Err(1012));
        }
        drop((sockets, beside, sender));
        closing.await.expect("closed");
    }
}

/// Reads until the server has ended the connection; what it said.
async fn until_ended(mut stream: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    // A reset ends it too.
    let _broken = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("it ends");
    said
}

/// The status of an answer, unless this client was too slow itself.
async fn tried(server: &Roamline, trusted: Option<&Made>) -> Option<StatusCode> {
    let io = line(server, trusted, &[]).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await.ok()?;
    tokio::spawn(connection);
    let answer =
        timeout(PATIENCE, sender.send_request(asking(false, &token(server)))).await.expect("in time");
    Some(answer.ok()?.status())
}

/// Clients that begin and go no further, on as many connections as there may be: they are sent away, and the next is
/// served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_says_nothing_holds_nothing() {
    let made = Made::new();
    let files = Files::of(&made);
    let preface: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
    // Of a header without an end, its continuation to come: length 1, HEADERS, no flags, stream 1.
    let headers: &[u8] = b"\0\0\x01\x01\0\0\0\0\x01\x82";
    let begun = [preface, settings].concat();
    let header = [preface, settings, headers].concat();
    let clear: &[&[u8]] =
        &[b"", b"P", b"POST /graphql HTTP/1.1\r\nhost: localhost\r\nx:", &preface[..10], &begun, &header];
    let encrypted: &[&[u8]] = &[b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"];
    for (with_tls, beginnings) in [(false, clear), (true, encrypted)] {
        let server = Roamline::sqlite_with(|config| {
            if with_tls {
                files.set(config);
            }
            config.http.header_ms = 300;
            config.http.connections = beginnings.len();
        })
        .await;
        let mut held = Vec::new();
        for beginning in beginnings {
            let mut stream = TcpStream::connect(&server.address).await.expect("connected");
            stream.write_all(beginning).await.expect("sent");
            held.push(stream);
        }
        // Every place is taken: this one is let in when the others are gone.
        let until = Instant::now() + PATIENCE;
        while tried(&server, with_tls.then_some(&made)).await.is_none() {
            assert!(Instant::now() < until, "nobody else is served");
        }
        for stream in held {
            until_ended(stream).await;
        }
        server.close().await;
    }
}

/// A connection on which nothing more is asked is ended, whether nothing more is said on it or half of a header.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_waits_is_ended() {
    let server = Roamline::sqlite_with(|config| {
        config.http.header_ms = 5_000;
        config.http.idle_ms = 300;
    })
    .await;
    for more in [&b""[..], b"POST /graphql HTTP/1.1\r\nhost:"] {
        let mut stream = TcpStream::connect(&server.address).await.expect("connected");
        stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
        let mut piece = [0; 1_000];
        let count = timeout(PATIENCE, stream.read(&mut piece)).await.expect("in time").expect("an answer");
        assert!(piece[..count].starts_with(b"HTTP/1.1 204 "));
        // It may have ended already.
        let _sent = stream.write_all(more).await;
        assert_eq!(until_ended(stream).await, b"");
    }
    let stream = TcpStream::connect(&server.address).await.expect("connected");
    let (mut sender, connection) =
        http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a connection");
    let ended = tokio::spawn(connection);
    let answer = sender.send_request(asking(true, &token(&server))).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    drop(answer);
    timeout(PATIENCE, ended).await.expect("it ends").expect("no panic").expect("it ends well");
    server.close().await;
}

/// Whoever listens asks for nothing more, and is let listen: an event stream, and a socket of either version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_listens_may_stay() {
    let server = Roamline::sqlite_with(|config| {
        config.http.header_ms = 5_000;
        config.http.idle_ms = 300;
    })
    .await;
    let (admin, token) = (server.admin(), token(&server));
    let one = upgraded(line(&server, None, &[]).await.expect("a connection")).await;
    let (two, _beside) = connected(line(&server, None, &[]).await.expect("a connection")).await;
    let mut sockets = [one, two];
    for socket in &mut sockets {
        follow(socket, &token, "s0").await;
    }
    let query = r#"subscription { changes(after: "s0") { change { kind } } }"#;
    let mut events = EventStream::open(&admin.url("/graphql"), Some(&token), query, None).await;
    // Longer than a connection may wait for a request.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let input = json!({"kind": "PROVIDER", "name": "acme"});
    admin.done("createOrganization", input, "organization { id }").await;
    for socket in &mut sockets {
        let event = hear(socket).await.expect("an event");
        assert_eq!(event["payload"]["data"]["changes"]["change"]["kind"], "ORGANIZATION_CREATED");
    }
    let event = events.next().await.expect("an event");
    assert_eq!(event.data["data"]["changes"]["change"]["kind"], "ORGANIZATION_CREATED");
    drop((sockets, events));
    server.close().await;
}

/// A client that asks and asks and never reads the answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_nothing_holds_nothing() {
    let server = Roamline::sqlite_with(|config| {
        config.http.stall_ms = 300;
        config.http.connections = 1;
    })
    .await;
    let stream = TcpStream::connect(&server.address).await.expect("connected");
    let (_unread, mut writing) = stream.into_split();
    // Hundreds of megabytes, which no buffer on the way takes in.
    let asking = tokio::spawn(async move {
        let request = b"GET /schema.graphql HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
        while writing.write_all(&request).await.is_ok() {}
    });
    let until = Instant::now() + PATIENCE;
    while tried(&server, None).await.is_none() {
        assert!(Instant::now() < until, "nobody else is served");
    }
    timeout(PATIENCE, asking).await.expect("it is told that nobody listens").expect("no panic");
    server.close().await;
}

/// RFC 6585, 5, and RFC 9110, 15.5.15: what is too long is told, in both versions; what is not is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_is_too_large_is_refused() {
    let server = Roamline::sqlite_with(|config| config.http.header_bytes = 8_192).await;
    let token = token(&server);
    let refused = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    for two in [false, true] {
        for (headers, address, status) in [
            (7_000, 0, StatusCode::OK),
            (0, 7_000, StatusCode::OK),
            (9_000, 0, refused),
            (5_000, 5_000, refused),
            // HTTP/2 counts the address among the headers.
            (0, 9_000, if two { refused } else { StatusCode::URI_TOO_LONG }),
        ] {
            let stream = TcpStream::connect(&server.address).await.expect("connected");
            let mut sender = if two { Sender::two(stream).await } else { Sender::one(stream).await };
            let mut request = asking(two, &token);
            let value = HeaderValue::from_str(&"y".repeat(headers)).expect("a header");
            request.headers_mut().insert("x-much", value);
            let longer = format!("{}?{}", request.uri(), "z".repeat(address));
            *request.uri_mut() = longer.parse().expect("an address");
            let answer = sender.send(request).await;
            assert_eq!(answer.status, status, "{headers} {address} {two}: {}", answer.body);
        }
    }
    server.close().await;
}

/// RFC 9113, 8.3.1: the host of HTTP/2 is in the target. Without tokens a page whose name was made to point here is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_is_known_in_both_versions() {
    let server = Roamline::sqlite_with(|config| config.no_auth = true).await;
    for (host, status) in [("localhost", StatusCode::OK), ("evil.example", StatusCode::FORBIDDEN)] {
        for two in [false, true] {
            let stream = TcpStream::connect(&server.address).await.expect("connected");
            let mut sender = if two { Sender::two(stream).await } else { Sender::one(stream).await };
            let request = if two {
                Request::get(format!("http://{host}/graphql?query=%7B__typename%7D"))
            } else {
                Request::get("/graphql?query=%7B__typename%7D").header("host", host)
            };
            let answer = sender.send(request.body(Full::default()).expect("a request")).await;
            assert_eq!(answer.status, status, "{host} {two}: {}", answer.body);
        }
    }
    server.close().await;
}
