//! Stories of the change stream: nothing lost, nothing twice, from any cursor on.

use std::time::Duration;

use entity::token::Role;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, text},
    story,
};

/// Makes lines, one change each.
async fn lines(admin: &Client, estate: &Estate, from: usize, count: usize) {
    for n in from..from + count {
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "pattern": n.to_string(),
        });
        admin.done("createLine", input, "").await;
    }
}

fn cursors(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(&event["cursor"])).collect()
}

story! {
    /// Live, replayed, and resumed after every single event: the same, to the letter.
    async fn the_stream_from_the_start_is_the_history_and_resumes_after_every_event(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna]}), "").await;
        admin.done("deleteProfile", json!({"id": id}), "").await;
        let select = "at by change { kind node { id } }";

        let history = admin.data(&format!("{{ changes {{ nodes {{ cursor {select} }} }} }}")).await;
        let history = history["changes"]["nodes"].as_array().expect("changes").clone();
        assert!(history.len() > 12);
        let whole = admin.follow(r#"(after: "s0")"#, select).await.take(history.len()).await;
        assert_eq!(whole, history);
        for (at, event) in whole.iter().enumerate().step_by(3) {
            let after = format!("(after: {})", event["cursor"]);
            let rest = admin.follow(&after, select).await.take(whole.len() - at - 1).await;
            assert_eq!(rest, whole[at + 1..]);
        }
    }
}

story! {
    async fn a_filter_tells_only_what_was_asked_for(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let select = "change { kind }";
        let mut of_profile =
            admin.follow(&format!(r#"(filter: {{profiles: ["{first}"]}})"#), select).await;
        let mut of_rome =
            admin.follow(&format!(r#"(filter: {{organizations: ["{}"]}})"#, estate.south), select).await;
        let mut of_kind = admin.follow("(filter: {kinds: [USER_CREATED]})", select).await;
        let mut of_noun = admin.follow("(filter: {nouns: [LINE]})", select).await;
        // Each stream is open before anything happens.
        tokio::time::sleep(Duration::from_millis(300)).await;

        admin.profile(&estate, &estate.rome, "EM-2", &["4002"]).await;
        admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("updateProfile", json!({"id": first, "description": "x"}), "").await;

        assert_eq!(of_profile.next().await["change"]["kind"], "PROFILE_UPDATED");
        let rome: Vec<_> = of_rome.take(3).await.iter().map(|event| text(&event["change"]["kind"])).collect();
        assert_eq!(rome, ["PROFILE_CREATED", "LINE_CREATED", "APPEARANCE_ADDED"]);
        assert_eq!(of_kind.next().await["change"]["kind"], "USER_CREATED");
        assert_eq!(of_noun.next().await["change"]["kind"], "LINE_CREATED");
        assert_eq!(of_noun.next().await["change"]["kind"], "APPEARANCE_ADDED");
    }
}

story! {
    /// What an event leads to is read for that event, not kept from an earlier one.
    async fn every_event_sees_the_present(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let select = "change { ... on ProfileUpdated { node { ... on Profile { description } } after { description } } }";
        let mut feed = admin.follow("", select).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        for description in ["a", "b", "c"] {
            admin.done("updateProfile", json!({"id": id, "description": description}), "").await;
            let event = feed.next().await;
            assert_eq!(event["change"]["node"]["description"], description);
            assert_eq!(event["change"]["after"]["description"], description);
        }
    }
}

story! {
    /// The state, then the changes since, with no gap and no repeat while somebody keeps writing.
    async fn a_snapshot_is_followed_by_exactly_what_comes_after_it(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        lines(&admin, &estate, 1000, 40).await;
        let writer = tokio::spawn({
            let (admin, estate) = (admin.clone(), estate.clone());
            async move { lines(&admin, &estate, 2000, 40).await }
        });
        let select = "change { kind ... on Present { node { ... on Line { pattern } } } \
                      ... on LineCreated { after { pattern } } ... on SnapshotComplete { count } }";
        let mut feed = admin.follow("(snapshot: true, filter: {nouns: [LINE]})", select).await;
        let mut seen = Vec::new();
        let complete = loop {
            let event = feed.next().await;
            if event["change"]["kind"] == "SNAPSHOT_COMPLETE" {
                break event;
            }
            assert_eq!(event["change"]["kind"], "PRESENT");
            assert!(text(&event["cursor"]).starts_with('p'));
            seen.push(text(&event["change"]["node"]["pattern"]));
        };
        assert_eq!(complete["change"]["count"], seen.len());
        writer.await.expect("written");
        while seen.len() < 80 {
            seen.push(text(&feed.next().await["change"]["after"]["pattern"]));
        }
        let mut each = seen.clone();
        each.sort();
        each.dedup();
        assert_eq!(each.len(), 80, "one of them twice, or one missing");
    }
}

story! {
    /// Who does not read holds up neither the writer nor another subscriber, and loses nothing.
    async fn a_slow_subscriber_gets_everything_later(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let mut slow = admin.follow("", "change { kind node { id } }").await;
        let mut quick = admin.follow("", "change { kind }").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        lines(&admin, &estate, 1000, 300).await;
        let quick = cursors(&quick.take(300).await);
        let slow = cursors(&slow.take(300).await);
        assert_eq!(slow, quick);
    }
}

/// A ring that holds less than a follower is behind: the table fills in.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_behind_the_ring_reads_the_table() {
    let server = Roamline::sqlite_with(|config| config.feed.ring = 16).await;
    let (estate, admin) = (server.estate().await, server.admin());
    lines(&admin, &estate, 1000, 100).await;
    let events = admin.follow(r#"(after: "s3")"#, "change { kind }").await.take(100).await;
    let wanted: Vec<_> = (4..104).map(|seq| format!("s{seq}")).collect();
    assert_eq!(cursors(&events), wanted);
    server.close().await;
}

story! {
    async fn a_cursor_that_is_no_longer_kept_is_told_so(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        server.pass(Duration::from_hours(24 * 31));
        lines(&admin, &estate, 1000, 2).await;
        server.app.trim().await.expect("trimmed");
        // A node that has just started remembers nothing of its own.
        let other = server.beside().await;
        let late = other.client(admin.token().map(str::to_owned));
        assert_eq!(late.follow(r#"(after: "s2")"#, "at").await.ends_with().await, "CURSOR_EXPIRED");
        assert_eq!(admin.code(r#"{ changes(since: "s2") { nodes { cursor } } }"#).await, "CURSOR_EXPIRED");
        assert_eq!(admin.follow(r#"(after: "s99999")"#, "at").await.ends_with().await, "BAD_USER_INPUT");
        let kept = admin.data("{ service { oldestChange { cursor } } }").await;
        assert_eq!(kept["service"]["oldestChange"]["cursor"], "s8");
        let rest = late.follow(r#"(after: "s7")"#, "at").await.take(2).await;
        assert_eq!(cursors(&rest), ["s8", "s9"]);
        other.close().await;
    }
}

story! {
    async fn a_revoked_token_hears_no_more(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        let mut feed = viewer.follow("", "change { kind }").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        lines(&admin, &estate, 1000, 1).await;
        assert_eq!(feed.next().await["change"]["kind"], "LINE_CREATED");
        let token = server.app.tokens().await.expect("tokens").pop().expect("the viewer's");
        assert!(server.app.revoke_token(token.id).await.expect("revoked"));
        assert_eq!(feed.ends_with().await, "UNAUTHENTICATED");
    }
}

story! {
    /// What moves out of sight is told to be gone, and no more of it.
    async fn what_leaves_the_subtree_is_told_as_left(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let north = server.somebody(Role::Viewer, &estate.north).await;
        let mut feed = north.follow("", "change { kind node { id } ... on Left { id } }").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        admin.done("moveOrganization", json!({"id": estate.berlin, "parentId": estate.south}), "").await;
        lines(&admin, &estate, 1000, 1).await;
        let paris = json!({"organizationId": estate.paris, "clusterId": estate.emea, "pattern": "7"});
        admin.done("createLine", paris, "").await;
        let events = feed.take(2).await;
        assert_eq!(events[0]["change"], json!({"kind": "LEFT", "node": null, "id": estate.berlin}));
        assert_eq!(events[1]["change"]["kind"], "LINE_CREATED");
    }
}

/// Two nodes on one database: what one does, the other's followers hear.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_made_on_one_node_reaches_followers_on_another() {
    let Some(server) = Roamline::postgres().await else { return };
    let (estate, admin) = (server.estate().await, server.admin());
    let other = server.beside().await;
    let mut feed = other.client(admin.token().map(str::to_owned)).follow("", "change { kind }").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    lines(&admin, &estate, 1000, 3).await;
    assert_eq!(feed.take(3).await.len(), 3);
    other.close().await;
    server.close().await;
}
