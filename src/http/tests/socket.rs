//! The socket's protocol through a real connection.

use std::{collections::HashMap, net::SocketAddr, time::Instant};

use futures_util::SinkExt;
use serde_json::{Value as Json, json};
use tokio::{net::TcpStream, sync::oneshot, task::JoinHandle, time};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::*;
use crate::http::serving;

/// A server that listens, until told to stop.
struct Listening {
    app: App,
    address: SocketAddr,
    done: Done,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<std::io::Result<()>>,
}

async fn listening(change: impl FnOnce(&mut Config)) -> Listening {
    let mut config = config();
    change(&mut config);
    let done = Done::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (stop, stopped) = oneshot::channel();
    let (app, schema) = (app(config).await, schema(&done));
    let ended = tokio::spawn(serving(
        app.clone(),
        schema,
        listener.into(),
        Box::pin(async {
            let _ = stopped.await;
        }),
    ));
    Listening { app, address, done, stop, ended }
}

/// A client of the protocol.
struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Listening {
    async fn open(&self, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
        let mut request = format!("ws://{}/graphql", self.address).into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("it is a header value"));
        }
        connect_async(request).await.map(|(socket, _)| Client(socket))
    }

    async fn client(&self) -> Client {
        self.open(&[("sec-websocket-protocol", "graphql-transport-ws")]).await.expect("it opens")
    }

    /// A client that was acknowledged.
    async fn ready(&self) -> Client {
        let mut client = self.client().await;
        client.say(json!({ "type": "connection_init" })).await;
        assert_eq!(client.hear().await, json!({ "type": "connection_ack" }));
        client
    }
}

impl Listening {
    /// The secret of a new token.
    async fn token(&self, name: &str) -> String {
        self.app.create_token(name, entity::token::Role::Viewer, None, None).await.expect("a token").1
    }

    /// A client that shows a token; the code of the close frame when it is not acknowledged.
    async fn shown(&self, token: &str) -> Result<Client, u16> {
        let mut client = self.client().await;
        client.say(json!({ "type": "connection_init", "payload": { "token": token } })).await;
        match client.frame().await {
            Message::Text(_) => Ok(client),
            Message::Close(Some(frame)) => Err(frame.code.into()),
            other => panic!("{other:?}"),
        }
    }
}

impl Client {
    async fn say(&mut self, message: Json) {
        self.0.send(Message::text(message.to_string())).await.expect("the socket is open");
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }

    /// The next frame that is not a ping.
    async fn frame(&mut self) -> Message {
        loop {
            let frame = time::timeout(Duration::from_secs(5), self.0.next()).await;
            match frame
                .expect("a frame comes in time")
                .expect("the socket is open")
                .expect("the frame is well-formed")
            {
                Message::Ping(_) => {}
                frame => return frame,
            }
        }
    }

    async fn hear(&mut self) -> Json {
        match self.frame().await {
            Message::Text(text) => serde_json::from_str(&text).expect("messages are JSON"),
            other => panic!("{other:?}"),
        }
    }

    /// The code of the close frame that comes next, whatever operations still send before it.
    async fn closed(&mut self) -> u16 {
        loop {
            match self.frame().await {
                Message::Close(Some(frame)) => {
                    assert!(frame.reason.len() <= 123);
                    return frame.code.into();
                }
                Message::Close(None) => panic!("a close without a code"),
                _ => {}
            }
        }
    }
}

/// Who closes is answered with a close frame; a connection that only ends looks like a fault to clients.
#[tokio::test]
async fn a_peers_close_is_answered() {
    let server = listening(|_| {}).await;
    for busy in [false, true] {
        let mut client = server.ready().await;
        if busy {
            client.subscribe("1", "subscription{ticks(ms:1)}").await;
            client.hear().await;
        }
        let frame = CloseFrame { code: CloseCode::Normal, reason: "enough".into() };
        client.0.send(Message::Close(Some(frame.clone()))).await.expect("the socket is open");
        let answer = loop {
            match time::timeout(Duration::from_secs(5), client.0.next()).await.expect("not for ever") {
                Some(Ok(Message::Text(_) | Message::Ping(_))) => {}
                other => break other,
            }
        };
        assert!(
            matches!(&answer, Some(Ok(Message::Close(Some(got)))) if got.code == frame.code),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn each_breach_has_its_close_code() {
    let server = listening(|config| config.subscription.message_bytes = 1_000).await;
    let init = json!({ "type": "connection_init" });
    let long = "x".repeat(400);
    let table: Vec<(bool, Vec<Json>, u16)> = vec![
        (false, vec![json!({ "type": "subscribe", "id": "1", "payload": { "query": "{hello}" } })], 4401),
        (false, vec![init.clone(), init.clone()], 4429),
        (false, vec![json!({ "type": "connection_init", "payload": 1 })], 4400),
        (true, vec![json!({ "type": "nothing" })], 4400),
        (true, vec![json!({ "type": long })], 4400),
        (true, vec![json!("text")], 4400),
        (true, vec![json!({ "type": "subscribe", "payload": { "query": "{hello}" } })], 4400),
        (true, vec![json!({ "type": "subscribe", "id": "1" })], 4400),
        (true, vec![json!({ "type": "subscribe", "id": "1", "payload": { "query": 1 } })], 4400),
        (true, vec![json!({ "type": "subscribe", "id": "", "payload": { "query": "{hello}" } })], 4400),
        (true, vec![json!({ "type": "ping", "payload": { "x": "x".repeat(1_500) } })], 1009),
        (true, vec![json!({ "type": "ping", "payload": { "x": "x".repeat(5_000) } })], 1009),
        (
            true,
            vec![
                json!({ "type": "subscribe", "id": "1", "payload": { "query": "subscription{ticks(ms:5000)}" } }),
                json!({ "type": "subscribe", "id": "1", "payload": { "query": "{hello}" } }),
            ],
            4409,
        ),
    ];
    for (ready, messages, code) in table {
        let mut client = if ready { server.ready().await } else { server.client().await };
        for message in &messages {
            client.say(message.clone()).await;
        }
        assert_eq!(client.closed().await, code, "{messages:?}");
    }
    for raw in [Message::text("not JSON"), Message::binary(vec![1, 2, 3])] {
        let mut client = server.ready().await;
        client.0.send(raw).await.expect("the socket is open");
        assert_eq!(client.closed().await, 4400);
    }
}

#[tokio::test]
async fn the_protocol_must_be_offered() {
    let server = listening(|_| {}).await;
    let mut client = server.open(&[]).await.expect("it opens, to say why it closes");
    assert_eq!(client.closed().await, 4406);
    // A client library refuses an upgrade that agrees on nothing before it sees the close.
    assert!(server.open(&[("sec-websocket-protocol", "graphql-ws")]).await.is_err());
}

#[tokio::test]
async fn a_silent_start_is_ended() {
    let server = listening(|config| config.subscription.init_ms = 50).await;
    assert_eq!(server.client().await.closed().await, 4408);
}

#[tokio::test]
async fn tokens_come_by_header_or_payload() {
    let server = listening(|config| config.no_auth = false).await;
    for payload in [
        Json::Null,
        json!({ "token": "wrong" }),
        json!({ "Authorization": "Bearer wrong" }),
        json!({ "authorization": "good" }),
    ] {
        let mut client = server.client().await;
        client.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(client.closed().await, 4403, "{payload}");
    }
    let shown = |payload: Json| crate::http::socket::shown(Some(&payload));
    assert_eq!(shown(json!({ "token": "x" })), Ok(Some("x".to_owned())));
    assert_eq!(shown(json!({ "authorization": "Bearer x" })), Ok(Some("x".to_owned())));
    assert_eq!(shown(json!({ "Authorization": "bearer  x" })), Ok(Some("x".to_owned())));
    assert_eq!(shown(json!({ "other": "x" })), Ok(None));
}

#[tokio::test]
async fn a_page_from_elsewhere_cannot_use_a_server_without_tokens() {
    let server = listening(|_| {}).await;
    let refused = server
        .open(&[("origin", "https://evil.example"), ("sec-websocket-protocol", "graphql-transport-ws")])
        .await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 403));
}

#[tokio::test]
async fn pings_go_both_ways_and_the_dead_are_buried() {
    let server = listening(|config| config.subscription.ping_ms = 100).await;
    let mut client = server.ready().await;
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong" }));
    assert_eq!(client.hear().await, json!({ "type": "ping" }));
    client.say(json!({ "type": "pong" })).await;
    // This client lives: its library answers the pings while it reads.
    for _ in 0..4 {
        assert_eq!(client.hear().await, json!({ "type": "ping" }));
    }
    // One that does not read answers nothing; the close is the last thing in its buffer.
    time::sleep(Duration::from_millis(500)).await;
    assert_eq!(client.closed().await, 4499);
}

#[tokio::test]
async fn queries_mutations_and_streams_end_with_complete() {
    let server = listening(|_| {}).await;
    let mut client = server.ready().await;
    for (query, items) in [
        ("{echo(n:1)}", vec![json!({ "data": { "echo": 1 } })]),
        ("mutation{act(ms:0)}", vec![json!({ "data": { "act": 0 } })]),
        (
            "subscription{ticks:numbers(to:2)}",
            vec![json!({ "data": { "ticks": 0 } }), json!({ "data": { "ticks": 1 } })],
        ),
    ] {
        // The same id again: it is free once its operation is complete.
        client.subscribe("1", query).await;
        for item in items {
            assert_eq!(client.hear().await, json!({ "id": "1", "type": "next", "payload": item }), "{query}");
        }
        assert_eq!(client.hear().await, json!({ "id": "1", "type": "complete" }), "{query}");
    }
}

#[tokio::test]
async fn refused_operations_end_with_error_alone() {
    let server = listening(|_| {}).await;
    let mut client = server.ready().await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{nothing}", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription{nothing}", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription{ticks(ms:1) numbers}", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription{refuses}", "BAD_USER_INPUT"),
        ("{sleeps(ms:5000)}", "TIMEOUT"),
        ("{panics}", "INTERNAL"),
        ("mutation{panics}", "INTERNAL"),
    ] {
        client.subscribe("1", query).await;
        let message = client.hear().await;
        assert_eq!(message["type"], "error", "{query}: {message}");
        assert_eq!(message["payload"][0]["extensions"]["code"], code, "{query}");
    }
    client.subscribe("1", "subscription{panics}").await;
    assert_eq!(client.hear().await["type"], "next");
    assert_eq!(client.hear().await["payload"][0]["message"], "internal error");
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_revoked_token_ends_the_stream() {
    let server = listening(|_| {}).await;
    let mut client = server.ready().await;
    client.subscribe("1", "subscription{revoked}").await;
    assert_eq!(client.hear().await["payload"]["data"]["revoked"], 0);
    assert_eq!(client.hear().await["payload"]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(client.hear().await, json!({ "id": "1", "type": "complete" }));
}

#[tokio::test]
async fn a_socket_has_room_for_so_many_operations() {
    let server = listening(|config| {
        config.subscription.operations = 2;
        config.subscription.sockets = 1;
    })
    .await;
    let mut client = server.ready().await;
    for id in ["1", "2", "3"] {
        client.subscribe(id, "subscription{ticks(ms:5000)}").await;
    }
    let message = client.hear().await;
    assert_eq!((&message["id"], &message["type"]), (&json!("3"), &json!("error")));
    assert_eq!(message["payload"][0]["extensions"]["code"], "TOO_MANY_OPERATIONS");
    client.say(json!({ "type": "complete", "id": "1" })).await;
    client.subscribe("4", "{echo(n:4)}").await;
    assert_eq!(client.hear().await["id"], "4");

    let refused = server.open(&[("sec-websocket-protocol", "graphql-transport-ws")]).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 503));
}

#[tokio::test]
async fn a_busy_stream_does_not_starve_the_others() {
    busy_streams_share().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_stream_does_not_starve_the_others_on_two_threads() {
    busy_streams_share().await;
}

/// Counted in messages and not in time: a stream that starves never ends, however fast the machine.
async fn busy_streams_share() {
    const QUIET: i32 = 100;
    let server = listening(|_| {}).await;
    let mut client = server.ready().await;
    for id in ["a", "b", "c", "d"] {
        client.subscribe(id, "subscription{numbers}").await;
    }
    client.subscribe("quiet", &format!("subscription{{numbers(to:{QUIET})}}")).await;
    let mut expected: HashMap<String, i64> = HashMap::new();
    for count in 0.. {
        let message = client.hear().await;
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        if message["type"] == "complete" {
            assert_eq!(id, "quiet");
            break;
        }
        let next = expected.entry(id).or_default();
        assert_eq!(message["payload"]["data"]["numbers"], *next, "in order, none lost");
        *next += 1;
        assert!(count < 200_000, "the quiet one starves: {expected:?}");
    }
    assert_eq!(expected["quiet"], i64::from(QUIET));
    assert_eq!(expected.len(), 5, "all of them were heard: {expected:?}");
    // The stream that is told to end ends though the others are in full flow.
    client.say(json!({ "type": "complete", "id": "a" })).await;
    client.subscribe("e", "{echo(n:5)}").await;
    while client.hear().await["id"] != "e" {}
    for _ in 0..200 {
        assert_ne!(client.hear().await["id"], "a");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_its_stream_back_and_loses_nothing() {
    let server = listening(|_| {}).await;
    let mut client = server.ready().await;
    client.subscribe("1", "subscription{numbers(to:400000)}").await;
    // As much as the connection's buffers hold, and then no more.
    let mut before = usize::MAX;
    for _ in 0..50 {
        time::sleep(Duration::from_millis(100)).await;
        if server.done.made() == before {
            break;
        }
        before = server.done.made();
    }
    assert!(before < 400_000, "{before}");
    // Another socket goes on meanwhile.
    let mut other = server.ready().await;
    other.subscribe("1", "{echo(n:1)}").await;
    assert_eq!(other.hear().await["payload"]["data"]["echo"], 1);

    for n in 0..before + 1_000 {
        assert_eq!(client.hear().await["payload"]["data"]["numbers"], n);
    }
}

#[tokio::test]
async fn streams_end_with_their_socket_and_mutations_do_not() {
    let server = listening(|_| {}).await;
    let mut client = server.ready().await;
    client.subscribe("1", "subscription{numbers}").await;
    client.hear().await;
    assert_eq!(server.done.count(), 1);
    drop(client);
    time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.done.count(), 0);

    let mut client = server.ready().await;
    client.subscribe("1", "mutation{act(ms:150)}").await;
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong" }));
    drop(client);
    time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.done.count(), 0);
    time::sleep(Duration::from_millis(250)).await;
    assert_eq!(server.done.count(), 1);
}

#[tokio::test]
async fn a_stop_closes_sockets_and_waits_for_mutations() {
    let server = listening(|_| {}).await;
    let mut client = server.ready().await;
    client.subscribe("1", "mutation{act(ms:200)}").await;
    client.say(json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await, json!({ "type": "pong" }));

    server.stop.send(()).expect("it runs");
    // What was begun is answered before the socket ends.
    assert_eq!(client.hear().await["payload"]["data"]["act"], 0);
    assert_eq!(client.hear().await, json!({ "id": "1", "type": "complete" }));
    assert_eq!(client.closed().await, 1012);
    server.ended.await.expect("it does not panic").expect("it ends well");
    assert_eq!(server.done.count(), 1);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let server = listening(|config| {
        config.http.drain_ms = 100;
        config.http.mutation_ms = 10_000;
    })
    .await;
    let mut client = server.ready().await;
    client.subscribe("1", "mutation{act(ms:5000)}").await;
    client.say(json!({ "type": "ping" })).await;
    client.hear().await;
    server.stop.send(()).expect("it runs");
    assert_eq!(client.closed().await, 1012);
    server.ended.await.expect("it does not panic").expect("it ends well");
    assert_eq!(server.done.count(), 0, "it waited for a mutation of five seconds");
}

/// Each stream is told the place after which it goes on elsewhere, in an error and not in silence: libraries open a
/// stream again as it was opened first.
#[tokio::test]
async fn a_stop_tells_each_stream_its_place() {
    let server = listening(|config| config.subscription.retry_ms = 700).await;
    let mut client = server.ready().await;
    client.subscribe("flood", "subscription{numbers}").await;
    client.subscribe("quiet", "subscription{ticks(ms:60000)}").await;
    client.hear().await;
    server.stop.send(()).expect("it runs");
    let (mut last, mut told) = (0, HashMap::new());
    let close = loop {
        let message = match client.frame().await {
            Message::Text(text) => serde_json::from_str::<Json>(&text).expect("messages are JSON"),
            other => break other,
        };
        match message["type"].as_str() {
            Some("next") => last = message["payload"]["data"]["numbers"].as_i64().expect("a number"),
            _ => drop(told.insert(message["id"].to_string(), message)),
        }
    };
    let error = |id: &str| {
        let message = &told[id];
        assert_eq!(message["type"], "error", "{message}");
        message["payload"][0]["extensions"].clone()
    };
    let (flood, quiet) = (error("\"flood\""), error("\"quiet\""));
    assert_eq!((&flood["code"], &flood["cursor"]), (&json!("RESTARTING"), &json!(format!("s{last}"))));
    assert_eq!((&quiet["code"], &quiet["cursor"]), (&json!("RESTARTING"), &Json::Null));
    assert!((700..=1400).contains(&flood["retryMs"].as_u64().expect("a number")));
    let Message::Close(Some(frame)) = close else { panic!("{close:?}") };
    assert_eq!(u16::from(frame.code), 1012);
    let ms =
        frame.reason.strip_prefix("Service restart; retry in ").and_then(|rest| rest.strip_suffix(" ms"));
    let ms: u64 = ms.and_then(|ms| ms.parse().ok()).expect("the reason says when to come back");
    assert!((700..=1400).contains(&ms));
}

#[tokio::test]
async fn a_token_has_so_many_sockets() {
    let server = listening(|config| {
        config.no_auth = false;
        config.subscription.sockets_per_token = 1;
    })
    .await;
    let [ann, ben] = [server.token("ann").await, server.token("ben").await];
    let first = server.shown(&ann).await.expect("the first socket");
    assert_eq!(server.shown(&ann).await.err(), Some(1013));
    server.shown(&ben).await.expect("a socket of another token");
    drop(first);
    // The server learns of the end in its own time.
    let until = Instant::now() + Duration::from_secs(30);
    while server.shown(&ann).await.is_err() {
        assert!(Instant::now() < until, "the room is not given back");
    }
}

/// A new token in the payload of a ping takes the old one's place; the pong says so, or why not.
#[tokio::test]
async fn a_token_is_shown_anew() {
    let server = listening(|config| {
        config.no_auth = false;
        config.subscription.sockets_per_token = 1;
    })
    .await;
    let [old, new, taken] =
        [server.token("old").await, server.token("new").await, server.token("taken").await];
    let _taken = server.shown(&taken).await.expect("a socket");
    let mut client = server.shown(&old).await.expect("a socket");
    let refused = [
        (json!({ "token": "unheard-of" }), "UNAUTHENTICATED"),
        (json!({ "authorization": "Basic eDp5" }), "UNAUTHENTICATED"),
        (json!({ "token": taken }), "TOO_MANY_CONNECTIONS"),
    ];
    for (payload, code) in refused {
        client.say(json!({ "type": "ping", "payload": payload })).await;
        let pong = client.hear().await;
        assert_eq!((&pong["type"], &pong["payload"]["authorization"]), (&json!("pong"), &json!("refused")));
        assert_eq!(pong["payload"]["code"], code, "{pong}");
        assert!(pong["payload"]["message"].is_string());
    }
    // Other payloads are the client's own.
    for payload in [json!({ "at": 7 }), json!(7), Json::Null] {
        client.say(json!({ "type": "ping", "payload": payload })).await;
        assert_eq!(client.hear().await, json!({ "type": "pong" }));
    }
    client.say(json!({ "type": "ping", "payload": { "Authorization": format!("Bearer {new}") } })).await;
    let accepted = json!({ "type": "pong", "payload": { "authorization": "accepted" } });
    assert_eq!(client.hear().await, accepted);
    client.subscribe("1", "subscription{who}").await;
    assert_eq!(client.hear().await["payload"]["data"]["who"], "new");
    // Its seat is the new token's now.
    server.shown(&old).await.expect("the old token has room again");
    assert_eq!(server.shown(&new).await.err(), Some(1013));
}
