//! Stories of event streams: server-sent events as browsers and `graphql-sse` read them, resumed by `Last-Event-ID`.

use std::time::Duration;

use entity::token::Role;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, percent, sound, text},
    story,
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// An event stream being read.
pub struct EventStream {
    response: reqwest::Response,
    read: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: Option<String>,
    pub name: String,
    pub data: Value,
}

impl EventStream {
    /// Opens the stream of a subscription, by a link as a browser does; `last` is the id of the last event it had.
    pub async fn open(url: &str, token: Option<&str>, query: &str, last: Option<&str>) -> Self {
        Self::of(reqwest::Client::new().get(format!("{url}?query={}", percent(query))), token, last).await
    }

    async fn of(mut request: reqwest::RequestBuilder, token: Option<&str>, last: Option<&str>) -> Self {
        request = request.header("accept", "text/event-stream");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { response, read: String::new() }
    }

    /// The next event; nothing when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let field = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                        .map(str::to_owned)
                };
                let event = field("event").map(|name| Event {
                    id: field("id"),
                    name,
                    data: serde_json::from_str(&field("data").expect("an event has data"))
                        .unwrap_or_default(),
                });
                let rest = rest.to_owned();
                self.read = rest;
                match event {
                    Some(event) => {
                        sound(&event.data["errors"]);
                        return Some(event);
                    }
                    None => continue,
                }
            }
            let chunk =
                tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("an event in time");
            let chunk = chunk.ok().flatten()?;
            self.read += std::str::from_utf8(&chunk).expect("text");
        }
    }

    /// The ids and data of the next answers.
    pub async fn take(&mut self, count: usize) -> Vec<(String, Value)> {
        let mut taken = Vec::with_capacity(count);
        for _ in 0..count {
            let event = self.next().await.expect("the stream goes on");
            assert_eq!(event.name, "next");
            taken.push((event.id.expect("a place"), event.data));
        }
        taken
    }
}

async fn listen(client: &Client, query: &str, last: Option<&str>) -> EventStream {
    EventStream::open(&client.url("/graphql"), client.token(), query, last).await
}

fn code(event: &Event) -> &str {
    event.data["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

story! {
    /// An event's id is its place, asked for or not: whoever comes back with it gets exactly the rest, though the query
    /// still says where it began.
    async fn whoever_comes_back_with_the_last_id_gets_exactly_the_rest(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.user(&estate, &estate.berlin, "anna").await;
        let query = r#"subscription { changes(after: "s0") { change { kind } } }"#;
        let newest = text(&admin.data("{ service { newestCursor } }").await["service"]["newestCursor"]);
        let count: usize = newest[1..].parse().expect("a number");
        let all = listen(&admin, query, None).await.take(count).await;
        let ids: Vec<_> = all.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(ids, (1..=count).map(|n| format!("s{n}")).collect::<Vec<_>>());
        for (cut, (id, _)) in all.iter().enumerate() {
            let mut rest = listen(&admin, query, Some(id)).await;
            assert_eq!(rest.take(count - cut - 1).await, all[cut + 1..], "after {id}");
        }
        // Whoever has everything gets what comes then.
        let mut rest = listen(&admin, query, Some(&newest)).await;
        admin.user(&estate, &estate.rome, "carla").await;
        let (id, data) = rest.take(1).await.remove(0);
        assert_eq!(id, format!("s{}", count + 1));
        assert_eq!(data, json!({"data": {"changes": {"change": {"kind": "USER_CREATED"}}}}));
    }
}

story! {
    /// A place that is none, and one that is kept no more, are told as on a socket.
    async fn an_id_that_is_no_place_is_refused(server) {
        let (_, admin) = (server.estate().await, server.admin());
        let query = r#"subscription { changes(after: "s0") { change { kind } } }"#;
        server.pass(Duration::from_hours(24 * 31));
        server.app.trim().await.expect("trimmed");
        for (last, wanted) in [("nonsense", "BAD_USER_INPUT"), ("s4000", "BAD_USER_INPUT"), ("s1", "CURSOR_EXPIRED")] {
            let mut stream = listen(&admin, query, Some(last)).await;
            let error = stream.next().await.expect("an error");
            assert_eq!((error.name.as_str(), code(&error)), ("next", wanted), "{last}: {error:?}");
            assert_eq!(stream.next().await.expect("the end").name, "complete");
            assert_eq!(stream.next().await, None);
        }
    }
}

story! {
    /// A revoked token ends its event streams, on whatever node they are.
    async fn a_revoked_token_ends_its_event_streams(server) {
        let (_, other) = (server.estate().await, server.beside().await);
        let (token, secret) =
            server.app.create_token("leaver", Role::Viewer, None, None).await.expect("a token");
        let mut streams = Vec::new();
        for node in [&*server, &other] {
            let client = node.client(Some(secret.clone()));
            streams.push(listen(&client, "subscription { changes { cursor } }", None).await);
        }
        assert!(server.app.revoke_token(token.id).await.expect("revoked"));
        for mut stream in streams {
            let error = stream.next().await.expect("an error");
            assert_eq!(code(&error), "UNAUTHENTICATED", "{error:?}");
            assert_eq!(stream.next().await.expect("the end").name, "complete");
            assert_eq!(stream.next().await, None);
        }
        other.close().await;
    }
}

story! {
    /// Two operations share a stream that was reserved; each tells its own places.
    async fn operations_on_a_reserved_stream_have_their_own_places(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (http, url) = (reqwest::Client::new(), admin.url("/graphql"));
        let bearer = format!("Bearer {}", admin.token().expect("a token"));
        let reserved = http.put(&url).header("authorization", &bearer).send().await.expect("an answer");
        assert_eq!(reserved.status(), 201);
        let ticket = reserved.text().await.expect("a ticket");
        // Without a token, as a browser opens it.
        let mut stream = EventStream::of(http.get(format!("{url}?token={ticket}")), None, None).await;
        let newest = text(&admin.data("{ service { newestCursor } }").await["service"]["newestCursor"]);
        for (id, filter) in [("users", "nouns: [USER]"), ("phones", "nouns: [PHONE]")] {
            // What the query says of the place is passed over, as its client comes back with one.
            let query = format!(r#"subscription {{ changes(after: "s0", filter: {{{filter}}}) {{ change {{ kind }} }} }}"#);
            let body = json!({"query": query, "extensions": {"operationId": id}});
            let request = http.post(&url).header("authorization", &bearer).header("last-event-id", &newest);
            let request = request.header("content-type", "application/json");
            let request = request.header("x-graphql-event-stream-token", &ticket).body(body.to_string());
            assert_eq!(request.send().await.expect("an answer").status(), 202);
        }
        let first: i64 = newest[1..].parse().expect("a number");
        admin.user(&estate, &estate.berlin, "anna").await;
        admin.phone(&estate, &estate.berlin, "SEP001122334455").await;
        let told = stream.take(2).await;
        for (n, id, kind) in [(1, "users", "USER_CREATED"), (2, "phones", "PHONE_CREATED")] {
            let data = json!({"id": id, "payload": {"data": {"changes": {"change": {"kind": kind}}}}});
            assert!(told.contains(&(format!("s{}", first + n), data)), "{told:#?}");
        }
        let ended = http.delete(format!("{url}?operationId=users&token={ticket}"));
        assert_eq!(ended.header("authorization", &bearer).send().await.expect("an answer").status(), 200);
        admin.user(&estate, &estate.berlin, "ben").await;
        admin.phone(&estate, &estate.berlin, "SEP001122334466").await;
        let (_, data) = stream.take(1).await.remove(0);
        assert_eq!(data["id"], "phones");
    }
}
