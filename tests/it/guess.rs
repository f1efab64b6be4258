//! Whoever guesses tokens.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    connection::{Both, PATIENCE, hear, say, upgraded},
    outside,
    roamline::Roamline,
};

/// Whoever guesses is told later and later, and then turned away unseen; a right token in use is answered throughout, from
/// the same address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_guesses_tokens_waits_and_is_turned_away_and_the_right_token_is_not() {
    let server = Roamline::sqlite_with(|config| {
        // The third waits for four minutes, and all until the server stops.
        config.http.guess_ms = 60_000;
        config.http.guess_most_ms = 600_000;
        config.http.guess_waiting = 3;
    })
    .await;
    let (admin, http) = (server.admin(), reqwest::Client::new());
    let me = "{ me { name } }";
    assert_eq!(admin.data(me).await["me"]["name"], "administrator");
    let counted = async |outcome: &str| {
        let series = format!("roamline_unknown_tokens_total{{outcome=\"{outcome}\"}}");
        outside::count(&outside::metrics(&admin).await, &series)
    };
    let told = async |count: u64| {
        let until = Instant::now() + PATIENCE;
        while counted("told").await < count {
            assert!(Instant::now() < until, "it is never told");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // One over each transport.
    let (guesser, url) = (server.client(Some("guess".to_owned())), admin.url("/graphql"));
    let mut waiting = Vec::new();
    let post = guesser.clone();
    waiting.push(tokio::spawn(async move { post.code("{ me { name } }").await }));
    told(1).await;
    let events = http.get(format!("{url}?query=subscription%7Bchanges%7Bcursor%7D%7D"));
    let events = events.header("accept", "text/event-stream").bearer_auth("guess");
    waiting.push(tokio::spawn(async move {
        let answer = events.send().await.expect("an answer");
        assert_eq!(answer.status(), 401);
        "UNAUTHENTICATED".to_owned()
    }));
    told(2).await;
    let line: Box<dyn Both> = Box::new(TcpStream::connect(&server.address).await.expect("connected"));
    let mut socket = upgraded(line).await;
    say(&mut socket, json!({"type": "connection_init", "payload": {"token": "guess"}})).await;
    waiting.push(tokio::spawn(async move {
        assert_eq!(hear(&mut socket).await, Err(4403));
        "UNAUTHENTICATED".to_owned()
    }));
    told(3).await;
    assert!(!waiting[2].is_finished(), "it waits");

    // The next are turned away at once, whatever they want and whatever they say of their address.
    let with = |request: reqwest::RequestBuilder| {
        request.bearer_auth("guess").header("x-forwarded-for", "192.0.2.7")
    };
    for (name, request) in [
        (
            "POST",
            http.post(&url).header("content-type", "application/json").body(r#"{"query":"{ me { name } }"}"#),
        ),
        ("GET", http.get(format!("{url}?query=%7Bme%7Bname%7D%7D"))),
        (
            "an event stream",
            http.get(format!("{url}?query=%7Bme%7Bname%7D%7D")).header("accept", "text/event-stream"),
        ),
        ("a reservation", http.put(&url)),
        ("an upload", http.post(admin.url("/jobs/import?noun=users")).header("content-type", "text/csv")),
        ("an export", http.get(admin.url("/export/users"))),
        ("metrics", http.get(admin.url("/metrics"))),
        ("an upgrade", http.get(&url).header("connection", "upgrade").header("upgrade", "websocket")),
    ] {
        let answer = with(request).send().await.expect("an answer");
        assert_eq!(answer.status(), 429, "{name}");
        let after: u64 = answer.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
        assert!((1..=60).contains(&after), "{name}: {after}");
        let body: Value = serde_json::from_str(&answer.text().await.expect("text")).expect("JSON");
        assert_eq!(body["errors"][0]["extensions"]["code"], "THROTTLED", "{name}");
    }
    let line: Box<dyn Both> = Box::new(TcpStream::connect(&server.address).await.expect("connected"));
    let mut socket = upgraded(line).await;
    say(&mut socket, json!({"type": "connection_init", "payload": {"token": "guess"}})).await;
    assert_eq!(hear(&mut socket).await, Err(1013));
    assert_eq!(counted("turned_away").await, 9);
    assert_eq!(counted("told").await, 3);

    // A right one that was never shown here is not judged either: an answer would tell the right from the wrong.
    let (_, fresh) =
        server.app.create_token("fresh", entity::token::Role::Viewer, None, None).await.expect("a token");
    assert_eq!(server.client(Some(fresh)).code(me).await, "THROTTLED");

    // Whoever has the right one, over each transport, and whoever has none.
    assert_eq!(admin.data(me).await["me"]["name"], "administrator");
    drop(admin.socket().await);
    assert_eq!(server.stranger().code(me).await, "UNAUTHENTICATED");

    server.close().await;
    for refused in waiting {
        assert_eq!(refused.await.expect("an answer"), "UNAUTHENTICATED");
    }
}
