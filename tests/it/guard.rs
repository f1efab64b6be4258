//! The guard as its callers meet it: limits that can be read, costs that are told, the schema for whom it is, and
//! statements that end with their requests.

use std::time::Duration;

use ::roamline::{
    caller::Scope,
    config::Audience,
    store::{Options, Source, Statement, Store},
};
use entity::token::Role;
use serde_json::json;

use crate::{
    roamline::{Roamline, text},
    story,
};

story! {
    /// Issue 4, section 3: all limits in force can be asked for.
    async fn every_limit_can_be_asked_for(server) {
        let data = server
            .admin()
            .data(
                "{ service { limits { bodyBytes headerBytes batch directives rootFields introspections introspectionLists socketsPerToken newSocketsPerAddress newConnectionsPerAddress queue queryMilliseconds mutationMilliseconds pageDefault pageMost tokens nesting depth fields \
                 aliases nameBytes conditions cost bucket restoreRate errors requestsAtOnce socketsAtOnce messageBytes initMilliseconds \
                 snapshotSeconds uploadKilobytes uploadIdleMilliseconds exportSeconds operationsPerSocket } } }",
            )
            .await;
        let limits = &data["service"]["limits"];
        assert_eq!(limits["cost"], 500_000);
        assert_eq!(limits["conditions"], 200);
        assert_eq!(limits["bucket"], json!(null));
        assert_eq!(limits["requestsAtOnce"], 1_000);
        assert_eq!((&limits["batch"], &limits["headerBytes"], &limits["queue"]), (&json!(null), &json!(32_768), &json!(8)));
        assert_eq!((&limits["newSocketsPerAddress"], &limits["newConnectionsPerAddress"]), (&json!(1_000), &json!(2_000)));
        assert_eq!((&limits["directives"], &limits["rootFields"], &limits["socketsPerToken"]), (&json!(200), &json!(100), &json!(1_000)));
        assert_eq!((&limits["introspections"], &limits["introspectionLists"]), (&json!(10), &json!(2)));
        let known = limits.as_object().expect("an object");
        assert!(known.iter().all(|(name, value)| value.is_u64() || matches!(name.as_str(), "batch" | "bucket" | "restoreRate")), "{limits}");
    }
}

/// Issue 4, section 3: a budget for each token. It fills by the application's clock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_asks_too_much_waits_and_others_do_not() {
    let server = Roamline::sqlite_with(|config| {
        config.guard.cost = 1_000;
        config.guard.bucket = 1_000;
        config.guard.restore = 100;
    })
    .await;
    let estate = server.estate().await;
    let ann = server.somebody(Role::Viewer, &estate.north).await;
    let bob = server.somebody(Role::Viewer, &estate.north).await;
    // A page that asks for many and finds none pays for what it found.
    let dear = "{ profiles(first: 200) { nodes { id name } } }";
    for _ in 0..5 {
        assert_eq!(ann.data(dear).await["profiles"]["nodes"], json!([]));
    }
    let counted = |times: usize| {
        let field = |n: usize| format!("a{n}: profiles(first: 0) {{ totalCount }}");
        format!("{{ {} }}", (0..times).map(field).collect::<Vec<_>>().join(" "))
    };
    let counts = counted(99);
    assert_eq!(ann.code(&counts).await, "QUERY_TOO_LARGE");
    let counts = counted(80);
    ann.data(&counts).await;
    assert_eq!(ann.code(&counts).await, "THROTTLED");
    bob.data(&counts).await;
    server.pass(Duration::from_secs(20));
    ann.data(&counts).await;
    server.close().await;
}

/// What is told to operators is told to whoever may change something, administrators among them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_told_to_operators() {
    let server = Roamline::sqlite_with(|config| {
        config.guard.introspection = Audience::Operators;
        config.guard.suggestions = Audience::Operators;
    })
    .await;
    let estate = server.estate().await;
    for (role, told) in [(Role::Viewer, false), (Role::Operator, true), (Role::Admin, true)] {
        let client = server.somebody(role, &estate.north).await;
        let answer = client.text("{ __schema { queryType { name } } }", json!({})).await;
        assert_eq!(answer.contains("INTROSPECTION_DISABLED"), !told, "{role:?}: {answer}");
        let answer = client.text("{ me { nam } }", json!({})).await;
        assert_eq!(answer.contains("Did you mean"), told, "{role:?}: {answer}");
    }
    server.close().await;
}

/// What the schema tells is for whom the settings say, in its text, in introspection and in suggestions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_told_to_administrators_alone() {
    let server = Roamline::sqlite_with(|config| {
        config.guard.introspection = Audience::Administrators;
        config.guard.suggestions = Audience::Administrators;
    })
    .await;
    let estate = server.estate().await;
    let (admin, viewer) = (server.admin(), server.somebody(Role::Viewer, &estate.north).await);
    let asked = "{ __schema { queryType { name } } }";
    assert_eq!(admin.data(asked).await["__schema"]["queryType"]["name"], "Query");
    assert_eq!(viewer.code(asked).await, "INTROSPECTION_DISABLED");
    assert_eq!(viewer.data("{ __typename }").await["__typename"], "Query");

    for misspelt in ["{ profilez { nodes { id } } }", "{ me { nam } }"] {
        let told = async |client: &crate::roamline::Client| {
            text(&client.ask(misspelt, json!({})).await["errors"][0]["message"])
        };
        assert!(told(&admin).await.contains("Did you mean"), "{}", told(&admin).await);
        assert!(!told(&viewer).await.contains("Did you mean"), "{}", told(&viewer).await);
    }

    let http = reqwest::Client::new();
    let sdl = async |client: &crate::roamline::Client| {
        let request = http.get(client.url("/schema.graphql"));
        let request = match client.token() {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(sdl(&admin).await, 200);
    assert_eq!(sdl(&viewer).await, 403);
    assert_eq!(sdl(&server.stranger()).await, 401);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_schema_is_told_to_nobody() {
    let server = Roamline::sqlite_with(|config| {
        config.guard.introspection = Audience::Nobody;
        config.guard.suggestions = Audience::Nobody;
    })
    .await;
    let admin = server.admin();
    assert_eq!(admin.code("{ __type(name: \"Query\") { name } }").await, "INTROSPECTION_DISABLED");
    let answer = admin.text("{ profilez { nodes { id } } }", json!({})).await;
    assert!(answer.contains("Unknown field") && !answer.contains("Did you mean"), "{answer}");
    server.close().await;
}

/// A read that is given up ends in the database too: on the one connection that there is, the next read is answered.
async fn a_dropped_read_frees_its_connection(database: String, endless: &str) {
    let options = Options {
        url: database,
        connections: 1,
        wait: Duration::from_mins(1),
        synchronous: "off",
        // PostgreSQL ends it by this; SQLite as soon as nobody waits.
        statement: Duration::from_millis(500),
        write_statement: Duration::from_secs(30),
    };
    let store = Store::open(&options).await.expect("opened");
    let reader = store.read(Scope::All);
    for _ in 0..3 {
        let endless = Statement::from_string(reader.backend(), endless);
        let given_up = tokio::time::timeout(Duration::from_millis(100), reader.rows(endless)).await;
        assert!(given_up.is_err(), "it is endless");
        let one = Statement::from_string(reader.backend(), "SELECT 1");
        assert_eq!(reader.rows(one).await.expect("the connection is free").len(), 1);
    }
    // On SQLite it is another than the one for everything else, and is shown beside it.
    let (used, idle) = store.connections();
    assert_eq!(used + idle, if store.is_shared() { 1 } else { 2 }, "{used} used, {idle} idle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_read_frees_its_connection_on_sqlite() {
    let server = Roamline::sqlite().await;
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0";
    a_dropped_read_frees_its_connection(server.database.clone(), endless).await;
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_read_frees_its_connection_on_postgres() {
    let Some(server) = Roamline::postgres().await else { return };
    a_dropped_read_frees_its_connection(server.database.clone(), "SELECT pg_sleep(3600)").await;
    server.close().await;
}
