//! Requests as the specifications have them: the language of September 2025, documents by name, batches, other origins,
//! answers to keep, and compressed bodies. On a schema with inputs of every kind.

use async_graphql::{
    EmptyMutation, InputObject, MaybeUndefined, Object, OneofObject, Schema, Subscription as Subscribe,
};
use data_encoding::HEXLOWER;
use futures_util::Stream;
use sha2::{Digest, Sha256};

use super::*;
use crate::guard::Types;

struct Query;

#[derive(OneofObject)]
enum By {
    Name(String),
    Number(i32),
}

#[derive(InputObject)]
struct Patch {
    name: MaybeUndefined<String>,
    #[graphql(default)]
    loud: bool,
}

#[Object]
impl Query {
    async fn by(&self, by: By) -> String {
        match by {
            By::Name(name) => name,
            By::Number(number) => number.to_string(),
        }
    }

    async fn patch(&self, patch: Patch) -> String {
        let name = match patch.name {
            MaybeUndefined::Undefined => "untouched".to_owned(),
            MaybeUndefined::Null => "emptied".to_owned(),
            MaybeUndefined::Value(name) => name,
        };
        if patch.loud { name.to_uppercase() } else { name }
    }

    async fn page(&self, #[graphql(default = 5)] first: i32) -> i32 {
        first
    }

    async fn long(&self, letters: usize) -> String {
        "x".repeat(letters)
    }

    async fn fails(&self) -> async_graphql::Result<Option<i32>> {
        Err("no".into())
    }
}

struct Subscription;

#[Subscribe]
impl Subscription {
    async fn count(&self, to: i32) -> impl Stream<Item = i32> + use<> {
        stream::iter(0..to)
    }
}

async fn asked(change: impl FnOnce(&mut Config)) -> Router {
    let mut config = config();
    change(&mut config);
    let schema = Schema::new(Query, EmptyMutation, Subscription);
    let types = Types::read(&schema.sdl()).expect("a schema");
    routes(Edge::new(app(config).await, schema).knowing(Arc::new(types)).expect("nothing to trust"))
}

fn body(query: &str, variables: Json) -> Request<Body> {
    post(json!({ "query": query, "variables": variables }).to_string())
}

/// What async-graphql alone would take for something else, or not at all.
#[tokio::test]
async fn the_language_is_that_of_september_2025() {
    let server = asked(|_| {}).await;
    let table = [
        (
            "\"\"\"All of it\"\"\" query A(\"who\" $n: String!) { by(by: {name: $n}) }",
            json!({"n": "a"}),
            json!({"by": "a"}),
        ),
        (r#"{by(by: {name: "\u{1F600}\uD83D\uDE00"})}"#, json!({}), json!({"by": "😀😀"})),
        ("query($n: String = \"d\") {by(by: {name: $n})}", json!({}), json!({"by": "d"})),
        ("query($n: String) {patch(patch: {name: $n})}", json!({}), json!({"patch": "untouched"})),
        ("query($n: String) {patch(patch: {name: $n})}", json!({"n": null}), json!({"patch": "emptied"})),
        (
            "query($n: String, $l: Boolean) {patch(patch: {name: $n, loud: $l})}",
            json!({"n": "a", "l": true}),
            json!({"patch": "A"}),
        ),
        (
            "query($n: String, $l: Boolean) {patch(patch: {name: $n, loud: $l})}",
            json!({"n": "a"}),
            json!({"patch": "a"}),
        ),
        ("query($f: Int) {page(first: $f)}", json!({}), json!({"page": 5})),
        ("query($f: Int) {page(first: $f)}", json!({"f": 2}), json!({"page": 2})),
        (
            "query A($f: Int) {...p} query B($f: Int) {...p ...q} fragment p on Query {page(first: $f)} fragment q on Query {long(letters: 0)}",
            json!({}),
            json!({"page": 5}),
        ),
    ];
    for (text, variables, data) in table {
        let name = text.contains("query B").then_some("A");
        let request = post(json!({"query": text, "variables": variables, "operationName": name}).to_string());
        let answer = send(&server, request).await;
        assert_eq!((answer.status, &answer.json()["data"]), (200, &data), "{text}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_mistake_of_the_request_has_no_data() {
    let server = asked(|_| {}).await;
    let table = [
        ("{by(by: {name: \"a\", name: \"b\"})}", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: String) {by(by: {name: $n})}", json!({"n": "a"}), "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: String!) {by(by: {name: $n})}", json!({}), "BAD_USER_INPUT"),
        ("query($n: String!) {by(by: {name: $n})}", json!({"n": null}), "BAD_USER_INPUT"),
        ("query($f: Int!) {page(first: $f)}", json!({"f": "x"}), "GRAPHQL_VALIDATION_FAILED"),
        (
            "query($f: Int = 3) {page(first: $f) by(by: {number: $f})}",
            json!({"f": null}),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("{page ... on Query {page: long(letters: 3)}}", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        ("{page ... {page(first: 2)}}", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {count(to: 1) b: count(to: 2)}", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        ("subscription {__typename}", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        (r#"{by(by: {name: "\uD83D"})}"#, json!({}), "GRAPHQL_PARSE_FAILED"),
        ("\"a short form\" {page}", json!({}), "GRAPHQL_PARSE_FAILED"),
        (r#"{by(by: {name: "\u{0}"})}"#, json!({}), "BAD_USER_INPUT"),
    ];
    for (text, variables, code) in table {
        let answer = send(&server, body(text, variables)).await;
        assert_eq!(answer.code(), code, "{text}: {}", answer.body);
        assert!(matches!(answer.status, 400 | 422), "{text}: {}", answer.status);
    }
}

fn hash(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text))
}

fn persisted(text: Option<&str>, of: &str) -> Request<Body> {
    let extensions = json!({"persistedQuery": {"version": 1, "sha256Hash": hash(of)}});
    post(json!({"query": text, "extensions": extensions}).to_string())
}

/// Automatic persisted queries, as their clients go about it, in both profiles.
#[tokio::test]
async fn a_hash_stands_for_a_valid_document() {
    for (statuses, accept, unknown) in [
        (Statuses::Classic, "application/json", 200),
        (Statuses::Classic, "application/graphql-response+json", 400),
        (Statuses::Draft2026, "application/json", 422),
    ] {
        let server = asked(|config| config.http.statuses = statuses).await;
        let ask = async |request| send(&server, with(request, "accept", accept)).await;
        let answer = ask(persisted(None, "{page}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (unknown, "PERSISTED_QUERY_NOT_FOUND"));
        assert_eq!(answer.json()["errors"][0]["message"], "PersistedQueryNotFound");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(ask(persisted(Some("{page}"), "{page}")).await.json()["data"]["page"], 5);
        assert_eq!(ask(persisted(None, "{page}")).await.json()["data"]["page"], 5);
        let path = format!(
            "/graphql?extensions=%7B%22persistedQuery%22:%7B%22version%22:1,%22sha256Hash%22:%22{}%22%7D%7D",
            hash("{page}")
        );
        assert_eq!(ask(get(&path)).await.json()["data"]["page"], 5);

        // What is not valid is not kept; what has another hash is not taken.
        ask(persisted(Some("{nothing}"), "{nothing}")).await;
        assert_eq!(ask(persisted(None, "{nothing}")).await.code(), "PERSISTED_QUERY_NOT_FOUND");
        let answer = ask(persisted(Some("{page}"), "{by}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "BAD_REQUEST"), "{}", answer.body);
    }
    let server = asked(|config| config.guard.persisted = 0).await;
    let answer = send(&server, persisted(None, "{page}")).await;
    assert_eq!(answer.json()["errors"][0]["message"], "PersistedQueryNotSupported");
    assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_SUPPORTED");
}

/// A folder of documents, and nothing else when the setting says so: on every way in.
#[tokio::test]
async fn nothing_runs_but_what_is_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "query Page($f: Int) {page(first: $f)} query Long {long(letters: 2)}";
    std::fs::write(folder.path().join("Pages.graphql"), text).expect("is written");
    let server = asked(|config| {
        config.guard.trusted = folder.path().display().to_string();
        config.guard.trusted_only = true;
        config.http.batch = 3;
    })
    .await;
    let named = |id: &str| {
        post(json!({"documentId": id, "operationName": "Page", "variables": {"f": 3}}).to_string())
    };
    for id in ["Pages".to_owned(), format!("sha256:{}", hash(text))] {
        assert_eq!(send(&server, named(&id)).await.json()["data"]["page"], 3, "{id}");
        let path = format!("/graphql?documentId={id}&operationName=Long");
        assert_eq!(send(&server, get(&path)).await.json()["data"]["long"], "xx", "{id}");
    }
    let whole = post(json!({"query": text, "operationName": "Long"}).to_string());
    assert_eq!(send(&server, whole).await.json()["data"]["long"], "xx");

    let answer = send(&server, named("Other")).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "PERSISTED_QUERY_NOT_FOUND"));
    for request in [
        query("{page}"),
        query("{__schema{queryType{name}}}"),
        get("/graphql?query=%7Bpage%7D"),
        persisted(Some("{page}"), "{page}"),
    ] {
        let answer = send(&server, request).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "UNTRUSTED_DOCUMENT"), "{}", answer.body);
    }
    let batch = json!([{"query": "{page}"}, {"documentId": "Pages", "operationName": "Long"}]);
    let answer = send(&server, post(batch.to_string())).await;
    assert_eq!(answer.json()[0]["errors"][0]["extensions"]["code"], "UNTRUSTED_DOCUMENT");
    assert_eq!(answer.json()[1], json!({"data": {"long": "xx"}}));
    for (wrong, said) in [
        (json!({"documentId": 1}), "`documentId` is not a string"),
        (json!({"documentId": "Pages", "query": text}), "send `documentId` or `query`, not both"),
        (
            json!({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "a"}}}),
            "`persistedQuery.version` is not 1",
        ),
        (
            json!({"extensions": {"persistedQuery": {"version": 1}}}),
            "`persistedQuery.sha256Hash` is not a string",
        ),
        (json!({"extensions": []}), "`extensions` is not an object"),
    ] {
        let answer = send(&server, post(wrong.to_string())).await;
        assert!(answer.body.contains(said) && matches!(answer.status, 400 | 422), "{wrong}: {}", answer.body);
    }
}

/// A folder whose documents cannot run stops the server before it serves.
#[tokio::test]
async fn a_folder_that_cannot_be_trusted_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("Broken.graphql"), "query {").expect("is written");
    let mut config = config();
    config.guard.trusted = folder.path().display().to_string();
    let edge = Edge::new(app(config).await, Schema::new(Query, EmptyMutation, Subscription));
    let error = edge.knowing(Arc::default()).err().expect("it is broken").to_string();
    assert!(error.contains("Broken.graphql is no document that can run: syntax error"), "{error}");
}

#[tokio::test]
async fn a_batch_is_taken_where_it_is_allowed() {
    let batch = |requests: Json| post(requests.to_string());
    let answer = send(&asked(|_| {}).await, batch(json!([{"query": "{page}"}]))).await;
    assert_eq!((answer.status, answer.code().as_str()), (422, "BAD_REQUEST"));
    assert!(answer.body.contains("batches are not accepted"), "{}", answer.body);

    let server = asked(|config| config.http.batch = 3).await;
    let requests = json!([
        {"query": "query($f: Int) {page(first: $f)}", "variables": {"f": 1}},
        {"query": "{nothing}"},
        {"query": "{fails page}"},
    ]);
    let answer = send(&server, batch(requests.clone())).await;
    assert_eq!((answer.status, answer.header("content-type")), (294, RESPONSE), "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let items = answer.json();
    assert_eq!(items[0], json!({"data": {"page": 1}}));
    assert_eq!(items[1]["errors"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    assert!(items[1].get("data").is_none());
    assert_eq!((&items[2]["data"]["page"], &items[2]["errors"][0]["path"]), (&json!(5), &json!(["fails"])));
    let plain = send(&server, with(batch(requests), "accept", "application/json")).await;
    assert_eq!((plain.status, plain.header("content-type")), (200, JSON));

    for (requests, status) in [
        (json!([{"query": "{page}"}, {"query": "{page}"}]), 200),
        (json!([{"query": "{nothing}"}, {"query": "{"}]), 422),
        (json!([{"query": "{"}, {"query": "{nothing}"}]), 400),
        (json!([{"query": "subscription{count(to: 1)}"}, 7]), 422),
    ] {
        let answer = send(&server, batch(requests.clone())).await;
        assert_eq!((answer.status, answer.json().as_array().map(Vec::len)), (status, Some(2)), "{requests}");
    }
    for (requests, said) in [
        (json!([]), "a batch holds at least one request"),
        (
            json!([{"query": "{page}"}, {"query": "{page}"}, {"query": "{page}"}, {"query": "{page}"}]),
            "a batch holds at most 3 requests and this one 4",
        ),
        (json!([[{"query": "{page}"}]]), "batches are not accepted"),
    ] {
        let answer = send(&server, batch(requests.clone())).await;
        assert!(answer.body.contains(said) && answer.status == 422, "{requests}: {}", answer.body);
    }
}

#[tokio::test]
async fn an_answer_to_a_get_can_be_kept() {
    let server = asked(|_| {}).await;
    let path = "/graphql?query=%7Bpage%7D";
    let first = send(&server, get(path)).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && first.header("cache-control") == "private, no-cache", "{tag}");
    assert_eq!(first.header("vary").to_ascii_lowercase().matches("authorization").count(), 1);
    for known in [tag.clone(), format!("\"other\", {tag}"), tag[2..].to_owned(), "*".to_owned()] {
        let again = send(&server, with(get(path), "if-none-match", &known)).await;
        assert_eq!(
            (again.status, again.body.as_str(), again.header("etag")),
            (304, "", tag.as_str()),
            "{known}"
        );
        assert_eq!((again.header("content-type"), again.header("cache-control")), ("", "private, no-cache"));
    }
    let other = send(&server, with(get("/graphql?query=%7Bpage(first:2)%7D"), "if-none-match", &tag)).await;
    assert_eq!((other.status, other.json()["data"]["page"].as_i64()), (200, Some(2)));
    assert_ne!(other.header("etag"), tag);
    // Nothing with errors is kept, and nothing that was posted.
    for path in
        ["/graphql?query=%7Bfails%7D", "/graphql?query=%7Bnothing%7D", "/graphql?query=%7B", "/graphql"]
    {
        let answer = send(&server, with(get(path), "if-none-match", "*")).await;
        assert_eq!((answer.header("etag"), answer.header("cache-control")), ("", "no-store"), "{path}");
        assert_ne!(answer.status, 304, "{path}");
    }
    let posted = send(&server, with(query("{page}"), "if-none-match", "*")).await;
    assert_eq!((posted.status, posted.header("etag"), posted.header("cache-control")), (200, "", "no-store"));
    let longer = asked(|config| config.http.cache_secs = 60).await;
    assert_eq!(send(&longer, get(path)).await.header("cache-control"), "private, max-age=60");
}

/// HEAD is GET without the body; no method that is not listed runs anything.
#[tokio::test]
async fn other_methods_are_told_what_they_may() {
    let server = asked(|_| {}).await;
    let method = |method: &str, path: &str| {
        Request::builder().method(method).uri(path).body(Body::empty()).expect("it is valid")
    };
    let head = send(&server, method("HEAD", "/graphql?query=%7Bpage%7D")).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(!head.header("etag").is_empty() && head.header("content-type").starts_with("application/"));
    for (name, path) in [
        ("PUT", "/schema.graphql"),
        ("PATCH", "/graphql"),
        ("OPTIONS", "/graphql"),
        ("POST", "/schema.graphql"),
        ("POST", "/health/live"),
        ("GET", "/jobs/import"),
        ("DELETE", "/"),
    ] {
        let answer = send(&server, method(name, path)).await;
        assert_eq!((answer.status, answer.code().as_str()), (405, "METHOD_NOT_ALLOWED"), "{name} {path}");
        assert!(!answer.header("allow").is_empty(), "{name} {path}");
    }
}

#[tokio::test]
async fn other_origins_are_let_in_by_name() {
    let preflight = |origin: &str| {
        let request = Request::options("/graphql")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        request.body(Body::empty()).expect("it is valid")
    };
    // A server without tokens listens to its own machine only, whatever the settings say.
    let here = "http://localhost:3000";
    let closed = asked(|_| {}).await;
    let answer = send(&closed, preflight(here)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (405, ""));
    let answer = send(&closed, with(query("{page}"), "origin", here)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, ""));

    let open = asked(|config| config.http.origins = format!("https://desk.example, {here}")).await;
    let answer = send(&open, preflight(here)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, here), "{}", answer.body);
    for sent in [
        "authorization",
        "content-type",
        "content-encoding",
        "if-none-match",
        "graphql-cost",
        "traceparent",
        "tracestate",
        "last-event-id",
        "x-request-id",
        "x-graphql-event-stream-token",
    ] {
        let allowed = answer.header("access-control-allow-headers");
        assert!(allowed.split(',').any(|name| name.trim() == sent), "{sent} is not in {allowed}");
    }
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    assert_eq!(answer.header("access-control-max-age"), "3600");
    let answer = send(&open, with(query("{page}"), "origin", here)).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, here));
    for read in [
        "etag",
        "retry-after",
        "server-timing",
        "x-request-id",
        "www-authenticate",
        "allow",
        "accept-encoding",
    ] {
        let exposed = answer.header("access-control-expose-headers");
        assert!(exposed.split(',').any(|name| name.trim() == read), "{read} is not in {exposed}");
    }
    let answer = send(&open, with(query("{nothing}"), "origin", here)).await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (422, here),
        "errors can be read too"
    );
    assert_eq!(
        send(&open, preflight("https://evil.example")).await.header("access-control-allow-origin"),
        ""
    );
    let any = asked(|config| config.http.origins = "*".to_owned()).await;
    assert_eq!(
        send(&any, preflight("https://evil.example")).await.header("access-control-allow-origin"),
        "*"
    );
    assert_eq!(send(&any, with(query("{page}"), "origin", "https://evil.example")).await.status, 403);
}

/// What a page elsewhere can send without asking first runs nothing that changes anything.
#[tokio::test]
async fn a_simple_request_changes_nothing() {
    let done = Done::default();
    let router = routes(Edge::new(app(config()).await, schema(&done)));
    let text = json!({"query": "mutation{act(ms:0)}"}).to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; application/json",
    ] {
        let answer = send(&router, with(post(text.clone()), "content-type", kind)).await;
        assert_eq!(answer.status, 415, "{kind}");
    }
    let mut bare = post(text.clone());
    bare.headers_mut().remove("content-type");
    assert_eq!(send(&router, bare).await.status, 415);
    assert_eq!(
        send(&router, with(post(text.clone()), "content-type", "application/json; charset=utf-16"))
            .await
            .status,
        415
    );
    for method in ["GET", "HEAD"] {
        let request = Request::builder().method(method).uri("/graphql?query=mutation%7Bact(ms:0)%7D");
        let answer = send(&router, request.body(Body::empty()).expect("it is valid")).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
    assert_eq!(done.count(), 0);
    let declared = with(post(text), "content-type", "application/json; charset=UTF-8");
    assert_eq!((send(&router, declared).await.status, done.count()), (200, 1));
}

/// A body through the same codecs that the server uses, the other way round.
async fn squeezed(encoding: &'static str, bytes: Vec<u8>) -> Vec<u8> {
    use tower::Layer;
    let service = tower::service_fn(move |_: Request<Body>| {
        let bytes = bytes.clone();
        async move { Ok::<_, std::convert::Infallible>(axum::response::Response::new(Body::from(bytes))) }
    });
    let request =
        Request::get("/").header("accept-encoding", encoding).body(Body::empty()).expect("it is valid");
    let response =
        crate::http::encoding::compression(1).layer(service).oneshot(request).await.expect("it answers");
    assert_eq!(response.headers()["content-encoding"], encoding);
    body::to_bytes(Body::new(response.into_body()), usize::MAX).await.expect("a body").to_vec()
}

#[tokio::test]
async fn bodies_are_compressed_both_ways() {
    let server = asked(|config| config.http.body_bytes = 4_096).await;
    let text =
        json!({"query": "query($n: String!) {by(by: {name: $n})}", "variables": {"n": "y".repeat(3_000)}})
            .to_string();
    for encoding in ["gzip", "br", "zstd"] {
        let bytes = squeezed(encoding, text.clone().into_bytes()).await;
        assert!(bytes.len() < 500, "{encoding}: {}", bytes.len());
        let request =
            with(with(post(bytes.clone()), "content-encoding", encoding), "accept-encoding", encoding);
        let response = server.clone().oneshot(request).await.expect("it answers");
        assert_eq!(response.status(), StatusCode::OK, "{encoding}");
        assert_eq!(response.headers()["content-encoding"], encoding);
        let squeezed_answer = body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        assert!(squeezed_answer.len() < 500, "{encoding}: {}", squeezed_answer.len());

        // What inflates beyond the limit stops there, however small it came: here to a thousand times its size.
        let bomb = squeezed(encoding, vec![b' '; 8 * 1024 * 1024]).await;
        assert!(bomb.len() < 16_000, "{encoding}: {}", bomb.len());
        if bomb.len() <= 4_096 {
            let answer = send(&server, with(post(bomb), "content-encoding", encoding)).await;
            assert_eq!((answer.status, answer.code().as_str()), (413, "PAYLOAD_TOO_LARGE"), "{encoding}");
        } else {
            let roomy = asked(|config| config.http.body_bytes = 1024 * 1024).await;
            let answer = send(&roomy, with(post(bomb), "content-encoding", encoding)).await;
            assert_eq!((answer.status, answer.code().as_str()), (413, "PAYLOAD_TOO_LARGE"), "{encoding}");
        }
        let answer = send(&server, with(post(text.clone()), "content-encoding", encoding)).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "BAD_REQUEST"),
            "{encoding}: {}",
            answer.body
        );
    }
    let answer = send(&server, with(post(text.clone()), "content-encoding", "identity")).await;
    assert_eq!(answer.status, 200);
    for encoding in ["deflate", "compress", "gzip, gzip", "aws-chunked", ""] {
        let answer = send(&server, with(post(text.clone()), "content-encoding", encoding)).await;
        assert_eq!((answer.status, answer.code().as_str()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{encoding}");
        assert_eq!(answer.header("accept-encoding"), "gzip, br, zstd");
    }
}

/// The data of a job can be compressed like any other body.
#[tokio::test]
async fn an_upload_can_be_compressed() {
    let server = asked(|_| {}).await;
    let data = "name,surprise\na,b\n";
    let upload = |bytes: Vec<u8>| {
        let request = Request::post("/jobs/import?noun=clusters").header("content-type", "text/csv");
        with(request.body(Body::from(bytes)).expect("it is valid"), "x-request-id", "upload")
    };
    let plain = send(&server, upload(data.as_bytes().to_vec())).await;
    assert!(plain.body.contains("surprise"), "{}", plain.body);
    for encoding in ["gzip", "br", "zstd"] {
        let request = with(upload(squeezed(encoding, data.into()).await), "content-encoding", encoding);
        let answer = send(&server, request).await;
        assert_eq!((answer.status, answer.body), (plain.status, plain.body.clone()), "{encoding}");
    }
}

/// Small answers, and those that nobody wants compressed, go as they are.
#[tokio::test]
async fn what_would_not_gain_is_not_compressed() {
    let server = asked(|_| {}).await;
    let ask = async |server: &Router, letters: usize, accept: &str| {
        let request = with(query(&format!("{{long(letters: {letters})}}")), "accept-encoding", accept);
        let response = server.clone().oneshot(request).await.expect("it answers");
        response.headers().get("content-encoding").map(|value| value.to_str().expect("text").to_owned())
    };
    assert_eq!(ask(&server, 10, "gzip").await, None);
    assert_eq!(ask(&server, 2_000, "identity").await, None);
    assert_eq!(ask(&server, 2_000, "gzip").await.as_deref(), Some("gzip"));
    assert_eq!(ask(&server, 2_000, "gzip;q=0.5, br").await.as_deref(), Some("br"));
    let never = asked(|config| config.http.compress_bytes = 0).await;
    assert_eq!(ask(&never, 2_000, "gzip").await, None);
}
