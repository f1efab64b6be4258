//! Stories of what every mutation has: dry runs, keys, versions, reasons, and a life of its own.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::{roamline::text, story};

story! {
    async fn a_dry_run_tells_everything_and_does_nothing(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let before = admin.data("{ service { newestCursor } }").await;
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-1",
            "product": "Cisco 8841", "protocol": "SIP", "lines": [{"pattern": "4001"}], "dryRun": true,
        });
        let done = admin.done("createProfile", input, "profile { id } changes { kind }").await;
        assert_eq!(done["profile"], json!(null));
        assert_eq!(
            done["changes"],
            json!([{"kind": "PROFILE_CREATED"}, {"kind": "LINE_CREATED"}, {"kind": "APPEARANCE_ADDED"}])
        );
        assert_eq!(admin.data("{ service { newestCursor } }").await, before);
        assert_eq!(admin.data("{ profiles { totalCount } }").await["profiles"]["totalCount"], 0);
    }
}

story! {
    async fn the_same_key_is_answered_and_not_done_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let with = |pattern: &str| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "pattern": pattern,
            "idempotencyKey": "night job 7",
        });
        let first = admin.done("createLine", with("4001"), "line { id }").await;
        let second = admin.done("createLine", with("4001"), "line { id }").await;
        assert_eq!(first, second);
        let other = format!(
            r#"mutation {{ createLine(input: {{organizationId: "{}", clusterId: "{}", pattern: "4002", idempotencyKey: "night job 7"}}) {{ cursor }} }}"#,
            estate.berlin, estate.emea
        );
        assert_eq!(admin.code(&other).await, "CONFLICT");
        assert_eq!(admin.data("{ lines { totalCount } }").await["lines"]["totalCount"], 1);
    }
}

story! {
    async fn what_is_already_so_is_not_announced(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let cursor = admin.data("{ service { newestCursor } }").await["service"]["newestCursor"].clone();
        let done = admin
            .done("updateProfile", json!({"id": id, "description": ""}), "changes { kind } profile { version }")
            .await;
        assert_eq!(done["changes"], json!([]));
        assert_eq!(done["cursor"], cursor);
        assert_eq!(done["profile"]["version"], 1);
    }
}

story! {
    async fn the_history_says_who_when_why_and_what(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        server.pass(Duration::from_mins(1));
        let input = json!({"id": id, "description": "Anna", "reason": "moved in"});
        admin.done("updateProfile", input, "").await;
        let query = format!(
            r#"{{ profile(by: {{id: "{id}"}}) {{ history(first: 1) {{ totalCount nodes {{
                at by reason change {{ kind ... on ProfileUpdated {{
                    before {{ description }} after {{ description }} fields
                }} }} }} }} }} }}"#
        );
        assert_eq!(
            admin.data(&query).await["profile"]["history"],
            json!({"totalCount": 2, "nodes": [{
                "at": "2026-01-01T00:01:00+00:00", "by": "administrator", "reason": "moved in",
                "change": {
                    "kind": "PROFILE_UPDATED", "before": {"description": ""},
                    "after": {"description": "Anna"}, "fields": ["description"],
                },
            }]})
        );
    }
}

story! {
    /// A client that goes away does not cut a mutation in half, nor stop it.
    async fn a_mutation_outlives_its_client(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let mut feed = admin.follow("", "change { kind }").await;
        let query = format!(
            r#"mutation {{ createLine(input: {{organizationId: "{}", clusterId: "{}", pattern: "4001"}}) {{ cursor }} }}"#,
            estate.berlin, estate.emea
        );
        let body = json!({"query": query}).to_string();
        let mut socket = tokio::net::TcpStream::connect(&server.address).await.expect("connected");
        let request = format!(
            "POST /graphql HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            server.address,
            admin.token().expect("a token"),
            body.len(),
        );
        socket.write_all(request.as_bytes()).await.expect("sent");
        drop(socket);
        assert_eq!(text(&feed.next().await["change"]["kind"]), "LINE_CREATED");
    }
}
