//! Whoever has not said who they are, or has not asked for anything yet: so many at once, of one address and in all.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Error, client::IntoClientRequest};

use crate::{
    connection::{Both, Socket, hear, say},
    outside::{count, metrics},
    roamline::Roamline,
};

/// How long anything may take that must come.
const PATIENCE: Duration = Duration::from_mins(2);

/// A socket from an address, as a proxy of ours tells it; the status and `Retry-After` where it is turned away.
async fn socket(server: &Roamline, address: &str) -> Result<Socket, (u16, String)> {
    let mut request = format!("ws://{}/graphql", server.address).into_client_request().expect("a request");
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse().expect("a header"));
    headers.insert("x-forwarded-for", address.parse().expect("a header"));
    let stream = TcpStream::connect(&server.address).await.expect("connected");
    let stream: Box<dyn Both> = Box::new(stream);
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => {
            let again =
                answer.headers().get("retry-after").map(|value| value.to_str().expect("text").to_owned());
            Err((answer.status().as_u16(), again.unwrap_or_default()))
        }
        Err(error) => panic!("{error}"),
    }
}

/// Turned away until one of them has said who it is, or is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_do_not_say_who_they_are_leave_room() {
    let server = Roamline::sqlite_with(|config| {
        config.http.proxies = 1;
        config.subscription.strangers = 3;
        config.subscription.strangers_per_address = 2;
        config.subscription.init_ms = 600_000;
    })
    .await;
    let token = server.admin().token().expect("a token").to_owned();
    let (here, there) = ("192.0.2.1", "192.0.2.2");
    let mut first = socket(&server, here).await.expect("room");
    let second = socket(&server, here).await.expect("room");
    assert_eq!(socket(&server, here).await.err(), Some((429, "1".to_owned())));
    let third = socket(&server, there).await.expect("room for others");
    assert_eq!(socket(&server, there).await.err(), Some((503, "1".to_owned())), "not for as many as like");

    say(&mut first, json!({"type": "connection_init", "payload": {"token": token}})).await;
    assert_eq!(hear(&mut first).await.expect("an answer")["type"], "connection_ack");
    let mut fourth = socket(&server, here).await.expect("room again");
    assert_eq!(socket(&server, here).await.err(), Some((429, "1".to_owned())));
    // One that is not who it says is gone, and its place is free.
    say(&mut fourth, json!({"type": "connection_init", "payload": {"token": "nobody's"}})).await;
    assert_eq!(hear(&mut fourth).await, Err(4403));
    drop(fourth);
    let until = Instant::now() + PATIENCE;
    while let Err((status, _)) = socket(&server, here).await {
        assert_eq!(status, 429);
        assert!(Instant::now() < until, "the place is not given back");
    }
    // Who is known is not in the way.
    say(&mut first, json!({"id": "1", "type": "subscribe", "payload": {"query": "{ me { name } }"}})).await;
    assert_eq!(hear(&mut first).await.expect("an answer")["payload"]["data"]["me"]["name"], "administrator");
    drop((first, second, third));
    server.close().await;
}

/// Whether the server ends a connection that says nothing.
async fn is_ended(stream: &mut TcpStream, patience: Duration) -> bool {
    let mut piece = [0; 100];
    matches!(timeout(patience, stream.read(&mut piece)).await, Ok(Ok(0) | Err(_)))
}

/// Asks on a connection; whether it is answered.
async fn is_answered(stream: &mut TcpStream) -> bool {
    let asked = stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let mut piece = [0; 100];
    let read = timeout(PATIENCE, stream.read(&mut piece)).await.expect("in time");
    asked.is_ok() && read.is_ok_and(|count| piece[..count].starts_with(b"HTTP/1.1 204 "))
}

/// A connection on which nothing was asked is one of so many of its address; the next is closed, until one of them asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_on_which_nothing_is_asked_leave_room() {
    for (all, each) in [(2, 100), (100, 2)] {
        let server = Roamline::sqlite_with(|config| {
            config.http.header_ms = 600_000;
            config.http.strangers = all;
            config.http.strangers_per_address = each;
        })
        .await;
        let connect = async || TcpStream::connect(&server.address).await.expect("connected");
        let (mut first, mut second) = (connect().await, connect().await);
        assert!(is_ended(&mut connect().await, PATIENCE).await, "there is no room for a third");
        assert!(!is_ended(&mut second, Duration::from_millis(50)).await, "the others stay");
        assert!(is_answered(&mut first).await);
        let mut third = connect().await;
        assert!(is_answered(&mut third).await, "there is room again");
        let measured = metrics(&server.admin()).await;
        let of = if all < each { "everywhere" } else { "address" };
        let turned_away = format!("roamline_connections_turned_away_total{{of=\"{of}\"}}");
        // This one's is the fourth.
        assert_eq!((count(&measured, &turned_away), count(&measured, "roamline_connections")), (1, 4));
        drop((first, second, third));
        server.close().await;
    }
}

/// Proxies of ours stand for all who come through them, and are not counted as one address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_proxies_are_not_counted_by_address() {
    let server = Roamline::sqlite_with(|config| {
        config.http.proxies = 1;
        config.http.strangers_per_address = 1;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(TcpStream::connect(&server.address).await.expect("connected"));
    }
    for stream in &mut held {
        assert!(is_answered(stream).await);
    }
    drop(held);
    server.close().await;
}
