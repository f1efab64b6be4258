//! Stories of GraphQL over HTTP as a client meets it: variables that are not given, answers that can be kept, and
//! documents that are trusted on every way in.

use std::process::Command;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    roamline::{Client, Roamline, ended, percent, text},
    story,
};

/// Status, entity tag and body of a GET.
async fn get(client: &Client, path: &str, known: Option<&str>) -> (u16, String, String) {
    let mut request = reqwest::Client::new().get(client.url(path));
    if let Some(token) = client.token() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    let answer = request.send().await.expect("an answer");
    let tag = answer.headers().get("etag").map(|tag| tag.to_str().expect("text").to_owned());
    (answer.status().as_u16(), tag.unwrap_or_default(), answer.text().await.expect("a body"))
}

story! {
    /// Coercing Field Arguments: a field of an input on a variable that is not given is not given; one on null is emptied.
    async fn a_variable_that_is_not_given_changes_nothing(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-anna", &[]).await;
        admin.done("updateProfile", json!({"id": id, "description": "Anna's"}), "").await;
        let update = "mutation($id: ID!, $description: String, $dry: Boolean) {
            updateProfile(input: {id: $id, description: $description, dryRun: $dry}) { errors { code } profile { description } }
        }";
        for (variables, left) in [
            (json!({"id": id}), json!("Anna's")),
            (json!({"id": id, "description": "Desk", "dry": false}), json!("Desk")),
            (json!({"id": id, "dry": false}), json!("Desk")),
            (json!({"id": id, "description": null}), json!("")),
        ] {
            let answer = admin.ask(update, variables.clone()).await;
            let payload = &answer["data"]["updateProfile"];
            assert_eq!((&payload["errors"], &payload["profile"]["description"]), (&json!([]), &left), "{variables}: {answer}");
        }
        let missing = admin.ask(update, json!({"description": "lost"})).await;
        assert!(missing.get("data").is_none(), "{missing}");
        assert_eq!(missing["errors"][0]["message"], "the variable \"$id\" is required; give it a value other than null");
    }
}

story! {
    /// RFC 9110, If-None-Match: the tag is the answer's, so it lasts as long as the answer and is everybody's own.
    async fn an_answer_is_kept_until_it_changes(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.berlin, "EM-anna", &[]).await;
        let path = format!("/graphql?query={}", percent("{ profiles { nodes { name } } }"));
        let (status, tag, body) = get(&admin, &path, None).await;
        assert_eq!((status, body.contains("EM-anna")), (200, true), "{body}");
        assert_eq!(get(&admin, &path, Some(&tag)).await, (304, tag.clone(), String::new()));

        let south = server.somebody(entity::token::Role::Viewer, &estate.south).await;
        let (status, other, body) = get(&south, &path, Some(&tag)).await;
        assert_eq!((status, body.contains("EM-anna")), (200, false), "{body}");
        assert_ne!(other, tag);

        admin.profile(&estate, &estate.berlin, "EM-ben", &[]).await;
        let (status, newer, body) = get(&admin, &path, Some(&tag)).await;
        assert_eq!((status, body.contains("EM-ben")), (200, true), "{body}");
        assert_ne!(newer, tag);
        assert_eq!(get(&server.stranger(), &path, Some("*")).await.0, 401);
    }
}

story! {
    /// Handling Execution Errors (6.4.4): null stands where a field failed, under its name and in its place; where it may not
    /// be, what the field stands in is null, and at the root all of it.
    async fn null_stands_where_a_field_failed(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-anna", &[]).await;
        let profile = |inside: &str| format!(r#"profile(by: {{id: "{id}"}}) {{ {inside} }}"#);
        let (fails, me) = (r#"node(id: "nothing") { id }"#, "me { name }");
        let refused = r#"createOrganization(input: {kind: PROVIDER, name: "x", idempotencyKey: ""}) { cursor }"#;
        let dry = "createOrganization(input: {kind: PROVIDER, name: \"x\", dryRun: true}) { errors { code } }";
        let mut socket = admin.socket().await;
        for (document, data) in [
            (format!("{{ {fails} }}"), r#"{"node":null}"#),
            (format!("query A {{ x: {fails} }}"), r#"{"x":null}"#),
            (
                format!("{{ a: {fails} {me} b: {fails} {} }}", profile("name")),
                r#"{"a":null,"me":{"name":"administrator"},"b":null,"profile":{"name":"EM-anna"}}"#,
            ),
            (
                format!("{{ ...f {me} }} fragment f on Query {{ {} {fails} }}", profile("name")),
                r#"{"profile":{"name":"EM-anna"},"node":null,"me":{"name":"administrator"}}"#,
            ),
            (
                format!("{{ ...f {me} }} fragment f on Query {{ {} }}", profile("name")),
                r#"{"profile":{"name":"EM-anna"},"me":{"name":"administrator"}}"#,
            ),
            (format!("{{ {} {me} }}", profile("name history(first: -1) { totalCount }")), r#"{"profile":null,"me":{"name":"administrator"}}"#),
            (format!("{{ {} }}", profile("history(first: -1) { totalCount }")), r#"{"profile":null}"#),
            (format!("{{ {me} profiles(first: -1) {{ totalCount }} }}"), "null"),
            (format!("mutation {{ {refused} }}"), "null"),
            (format!("mutation {{ a: {dry} b: {refused} }}"), "null"),
            (format!("mutation {{ a: {dry} }}"), r#"{"a":{"errors":[]}}"#),
        ] {
            let answer = admin.text(&document, json!({})).await;
            let start = format!(r#"{{"data":{data}"#);
            assert!(answer.starts_with(&start), "{document}\n{answer}");
            socket.send(json!({"id": "1", "type": "subscribe", "payload": {"query": document}})).await;
            let mut told = socket.message().await;
            let data: Value = serde_json::from_str(data).expect("JSON");
            assert_eq!((told["type"].take(), told["payload"].get("data")), (json!("next"), Some(&data)), "{document}\n{told}");
            assert_eq!(socket.message().await["type"], "complete");
        }
    }
}

/// `trusted_only` holds for requests, links and sockets alike; a subscription can be trusted too.
#[tokio::test]
async fn only_trusted_documents_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let follow = "subscription Follow($after: Cursor) { changes(after: $after) { cursor } }";
    std::fs::write(folder.path().join("Newest.graphql"), "query { service { newestCursor } }")
        .expect("is written");
    std::fs::write(folder.path().join("Follow.graphql"), follow).expect("is written");
    let make = "mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) { cursor } }";
    std::fs::write(folder.path().join("Make.graphql"), make).expect("is written");
    let server = Roamline::sqlite_with(|config| {
        config.guard.trusted = folder.path().display().to_string();
        config.guard.trusted_only = true;
    })
    .await;
    let admin = server.admin();
    assert_eq!(admin.code("{ service { version } }").await, "UNTRUSTED_DOCUMENT");
    admin.data("query { service { newestCursor } }").await;
    let (status, _, body) = get(&admin, "/graphql?documentId=Newest", None).await;
    assert_eq!((status, body.contains("newestCursor")), (200, true), "{body}");
    let (status, _, body) = get(&admin, "/graphql?documentId=Oldest", None).await;
    assert_eq!((status, body.contains("PERSISTED_QUERY_NOT_FOUND")), (200, true), "{body}");

    let mut socket = admin.socket().await;
    let subscribe = |id: &str, payload: Value| json!({"id": id, "type": "subscribe", "payload": payload});
    socket.send(subscribe("1", json!({"query": "{ service { version } }"}))).await;
    let refused = socket.message().await;
    assert_eq!((text(&refused["type"]), text(&refused["id"])), ("error".to_owned(), "1".to_owned()));
    assert_eq!(refused["payload"][0]["extensions"]["code"], "UNTRUSTED_DOCUMENT");
    socket.send(subscribe("2", json!({"documentId": "Newest"}))).await;
    assert!(socket.message().await["payload"]["data"]["service"]["newestCursor"].is_string());
    assert_eq!(socket.message().await["type"], "complete");
    socket.send(subscribe("3", json!({"documentId": "Follow", "variables": {"after": "s0"}}))).await;
    let input = json!({"kind": "PROVIDER", "name": "acme"});
    socket.send(subscribe("4", json!({"documentId": "Make", "variables": {"input": input}}))).await;
    let mut told = std::collections::BTreeMap::new();
    while told.len() < 2 {
        let message = socket.message().await;
        if message["type"] == "next" {
            let data = &message["payload"]["data"];
            let cursor = data["changes"]["cursor"].as_str().or(data["createOrganization"]["cursor"].as_str());
            told.insert(text(&message["id"]), cursor.expect("a cursor").to_owned());
        }
    }
    assert_eq!(told["3"], told["4"], "the stream tells the change that the mutation made");
    drop(socket);
    server.close().await;
}

/// The real program: nothing is served while a trusted document does not fit the schema; each such file is named, and what is
/// wrong with it where.
#[test]
fn the_program_does_not_start_with_documents_that_do_not_fit() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("is written");
    write(
        "Fine.graphql",
        "query Fine($id: ID!) { profile(by: {id: $id}) { name } }\nmutation Make($input: CreateOrganizationInput!) { createOrganization(input: $input) { cursor } }",
    );
    write("Follow.graphql", "\"As it happens.\" subscription Follow { changes { cursor } }");
    write("Old.graphql", "query Old {\n  profiles { nodes { nam } }\n}");
    write("Wrong.graphql", "query Wrong { a b c d e }");
    let database = folder.path().join("test.db");
    let mut program = Command::new(env!("CARGO_BIN_EXE_roamline"));
    program
        .args(["--database", &format!("sqlite://{}", database.display()), "--log", "error"])
        .args(["serve", "--no-auth", "--listen", "127.0.0.1:0", "--trusted-only", "--trusted"])
        .arg(folder.path());
    let ended = ended(&mut program);
    let told = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{told}");
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].starts_with("error: `guard.trusted`: "), "{told}");
    assert!(lines[0].contains("Old.graphql does not fit the schema: 2:22: Unknown field \"nam\""), "{told}");
    assert!(lines[1].contains("Wrong.graphql does not fit the schema: 1:15: Unknown field \"a\""), "{told}");
    assert!(lines[1].ends_with("; 2 more"), "{told}");
    assert!(!told.contains("Fine") && !told.contains("Follow"), "{told}");
}

/// RFC 9110, 414: an address longer than the server reads is told so and runs nothing.
#[tokio::test]
async fn an_endless_address_is_refused() {
    let server = Roamline::sqlite().await;
    let mut stream = tokio::net::TcpStream::connect(&server.address).await.expect("a connection");
    let request = format!("GET /graphql?query={} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(70_000));
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    assert!(answer.starts_with(b"HTTP/1.1 414 "), "{}", String::from_utf8_lossy(&answer));
    server.close().await;
}
