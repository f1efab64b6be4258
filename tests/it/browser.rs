//! What answers tell browsers.

use crate::{connection::token, roamline::Roamline};

/// Every kind of answer tells browsers the same, once, and what is a caller's own is not kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_tells_browsers_what_not_to_do() {
    let server =
        Roamline::sqlite_with(|config| config.http.origins = "https://desk.example".to_owned()).await;
    let (admin, http) = (server.admin(), reqwest::Client::new());
    let graphql = |path: &str| admin.url(&format!("/graphql{path}"));
    let bearer = format!("Bearer {}", token(&server));
    let json = |body: &'static str| {
        http.post(graphql(""))
            .header("content-type", "application/json")
            .header("authorization", &bearer)
            .body(body)
    };
    let get = |path: &str| http.get(admin.url(path)).header("authorization", &bearer);
    let me = "/graphql?query=%7Bme%7Bname%7D%7D";
    let events = "/graphql?query=subscription%7Bchanges%7Bcursor%7D%7D";
    for (name, request, status, cache) in [
        ("a query", json(r#"{"query":"{ me { name } }"}"#), 200, "no-store"),
        ("a link", get(me), 200, "private, no-cache"),
        ("a refusal", json("{"), 400, "no-store"),
        ("a stranger", http.get(admin.url(me)), 401, "no-store"),
        (
            "a preflight",
            http.request(reqwest::Method::OPTIONS, graphql(""))
                .header("origin", "https://desk.example")
                .header("access-control-request-method", "POST"),
            200,
            "no-store",
        ),
        ("an event stream", get(events).header("accept", "text/event-stream"), 200, "no-store"),
        ("a reservation", http.put(graphql("")).header("authorization", &bearer), 201, "no-store"),
        (
            "an upload",
            http.post(admin.url("/jobs/import?noun=users")).header("authorization", &bearer).body("{}"),
            415,
            "no-store",
        ),
        ("an export", get("/export/users"), 200, "no-store"),
        ("the schema", get("/schema.graphql"), 200, "no-store"),
        ("metrics", get("/metrics"), 200, "no-store"),
        ("health", get("/health/live"), 204, "no-store"),
        ("nothing", get("/nowhere"), 404, "no-store"),
        ("another method", http.patch(graphql("")), 405, "no-store"),
        ("the front page", get("/"), 200, ""),
    ] {
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{name}");
        let said = |header: &str| {
            let all: Vec<_> = answer.headers().get_all(header).iter().collect();
            assert_eq!(all.len(), 1, "{name}: {header}: {all:?}");
            all[0].to_str().expect("text").to_owned()
        };
        assert_eq!(said("x-content-type-options"), "nosniff", "{name}");
        assert_eq!(said("referrer-policy"), "no-referrer", "{name}");
        assert_eq!(said("x-frame-options"), "DENY", "{name}");
        assert_eq!(said("cross-origin-resource-policy"), "same-origin", "{name}");
        let policy = said("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{name}: {policy}"
        );
        // The page says for itself how long it lasts.
        if !cache.is_empty() {
            assert_eq!(said("cache-control"), cache, "{name}");
        }
        assert!(!answer.headers().contains_key("strict-transport-security"), "{name}");
    }
    server.close().await;
}
