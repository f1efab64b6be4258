//! Stories of the change stream: nothing lost, nothing twice, in order, for everybody who may see it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::roamline::{app::App, config::Config, schema, store::Estate as Generated};
use async_graphql::{Executor, Request};
use entity::{Moment, OrganizationId, TokenId, token::Role};
use futures_util::{SinkExt, StreamExt};
use sea_orm::{ConnectionTrait, Database, Statement, TransactionTrait};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{
    roamline::{Client, Estate, Following, Roamline, number, tell, text},
    story,
};

/// Tells a story on both databases with other settings.
macro_rules! story_with {
    ($set:expr, $(#[$about:meta])* async fn $name:ident($server:ident) $body:block) => {
        mod $name {
            use super::*;

            $(#[$about])*
            async fn story($server: Arc<Roamline>) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                tell(Roamline::sqlite_with($set).await, story).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(server) = Roamline::postgres_with($set).await {
                    tell(server, story).await;
                }
            }
        }
    };
}

/// Changes of every noun, some with several parts; answers a few ids.
async fn busy(client: &Client, estate: &Estate) -> [String; 4] {
    let profile = client.profile(estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
    let second = client.profile(estate, &estate.paris, "EM-2", &["4001"]).await;
    let (user, other) =
        (client.user(estate, &estate.berlin, "anna").await, client.user(estate, &estate.paris, "ben").await);
    let phone = client.phone(estate, &estate.berlin, "SEP001122334455").await;
    let done = async |name: &str, input: Value| client.done(name, input, "").await;
    done("associateUsers", json!({"profileId": profile, "userIds": [user, other]})).await;
    done("reorderUsers", json!({"profileId": profile, "userIds": [other, user]})).await;
    done("setDefaultProfile", json!({"userId": user, "profileId": profile})).await;
    done("updateProfile", json!({"id": profile, "description": "first", "reason": "why not"})).await;
    done("updateUser", json!({"id": user, "department": "sales", "phoneIds": [phone]})).await;
    let [original, _] = client.appearances(&profile).await.try_into().expect("two lines");
    done("changeLineSettings", json!({"appearanceId": original, "settings": {"maxCalls": 5}})).await;
    done("updateAppearance", json!({"appearanceId": original, "label": "Anna"})).await;
    done("removeLineFromDevice", json!({"appearanceId": original})).await;
    done("copyProfile", json!({"id": second, "name": "EM-3"})).await;
    done("updatePhone", json!({"id": phone, "description": "desk"})).await;
    done("updateCluster", json!({"id": estate.emea, "description": "Europe"})).await;
    done("renameOrganization", json!({"id": estate.north, "name": "nord"})).await;
    let input = json!({"clusterId": estate.emea, "organizationId": estate.rome, "name": "gateway"});
    let device = client.done("registerDevice", input, "device { id }").await;
    done("releaseDevice", json!({"id": device["device"]["id"]})).await;
    done("disassociateUser", json!({"profileId": profile, "userId": other})).await;
    done("deleteUser", json!({"id": other})).await;
    let line = client.data(r#"{ lines(filter: {pattern: {equals: "4002"}}) { nodes { id } } }"#).await;
    let line = text(&line["lines"]["nodes"][0]["id"]);
    done("updateLine", json!({"line": {"lineId": line}, "description": "hotline"})).await;
    [profile, user, phone, line]
}

/// Cursor and kind of an event.
fn mark(event: &Value) -> (String, String) {
    let kind = event["change"]["kind"].as_str().unwrap_or_else(|| panic!("no kind in {event}"));
    // Stored kinds are written in capitals and lower case, GraphQL's in capitals and underscores.
    (text(&event["cursor"]), kind.replace('_', "").to_lowercase())
}

fn seq(cursor: &str) -> usize {
    cursor
        .strip_prefix('s')
        .and_then(|seq| seq.parse().ok())
        .unwrap_or_else(|| panic!("no change's: {cursor}"))
}

/// What the table of changes holds.
async fn table(server: &Roamline) -> Vec<(String, String)> {
    let db = Database::connect(&server.database).await.expect("the database");
    let sql = "SELECT seq, kind FROM change ORDER BY seq";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.expect("rows");
    let read = |row: &sea_orm::QueryResult| {
        let (seq, kind): (i64, String) =
            (row.try_get_by_index(0).expect("a number"), row.try_get_by_index(1).expect("a kind"));
        (format!("s{seq}"), kind.to_lowercase())
    };
    let rows = rows.iter().map(read).collect();
    db.close().await.expect("closed");
    rows
}

async fn newest(client: &Client) -> String {
    text(&client.data("{ service { newestCursor } }").await["service"]["newestCursor"])
}

/// Follows from the newest change on, whatever happens before the stream is open.
async fn from_now(client: &Client, select: &str) -> Following {
    client.follow(&format!(r#"(after: "{}")"#, newest(client).await), select).await
}

async fn marks(following: &mut Following, count: usize) -> Vec<(String, String)> {
    following.take(count).await.iter().map(mark).collect()
}

story! {
    /// The stream, the query and the table tell the same.
    async fn the_stream_from_the_start_is_the_query_is_the_table(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        busy(&admin, &estate).await;
        let kept = table(&server).await;
        assert!(kept.len() > 30, "only {}", kept.len());
        assert!(kept.iter().zip(1..).all(|((cursor, _), n)| *cursor == format!("s{n}")), "not dense: {kept:?}");

        let mut following = admin.follow(r#"(after: "s0")"#, "change { kind }").await;
        assert_eq!(marks(&mut following, kept.len()).await, kept);

        let (mut asked, mut after) = (Vec::new(), String::new());
        loop {
            let page = admin
                .data(&format!("{{ changes(first: 7{after}) {{ nodes {{ cursor change {{ kind }} }} pageInfo {{ hasNextPage endCursor }} }} }}"))
                .await;
            asked.extend(page["changes"]["nodes"].as_array().expect("nodes").iter().map(mark));
            if page["changes"]["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = format!(", after: {}", page["changes"]["pageInfo"]["endCursor"]);
        }
        assert_eq!(asked, kept);
    }
}

story! {
    /// A connection cut after any event goes on with exactly the rest.
    async fn whoever_comes_back_after_any_event_gets_exactly_the_rest(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        busy(&admin, &estate).await;
        let kept = table(&server).await;
        for cut in 0..kept.len() {
            let mut following = admin.follow(&format!(r#"(after: "s{cut}")"#), "change { kind }").await;
            assert_eq!(marks(&mut following, kept.len() - cut).await, kept[cut..]);
        }
        // Whoever has everything gets what comes then.
        let mut following = admin.follow(&format!(r#"(after: "s{}")"#, kept.len()), "change { kind }").await;
        admin.user(&estate, &estate.rome, "carla").await;
        assert_eq!(mark(&following.next().await), (format!("s{}", kept.len() + 1), "usercreated".to_owned()));
    }
}

story! {
    /// Followers are not told each other's changes, nor different ones.
    async fn two_followers_see_the_same_live(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let before = seq(&newest(&admin).await);
        let mut first = from_now(&admin, "at by reason change { kind }").await;
        let mut second = from_now(&admin, "at by reason change { kind }").await;
        busy(&admin, &estate).await;
        let count = table(&server).await.len() - before;
        let (first, second) = (first.take(count).await, second.take(count).await);
        assert_eq!(first, second);
        assert_eq!(seq(&text(&first[0]["cursor"])), before + 1);
        assert!(first.iter().any(|event| event["reason"] == "why not" && event["by"] == "administrator"));
    }
}

story! {
    /// The stream's filter is the query's, and each part of it tells what it says.
    async fn a_filter_lets_through_what_it_names_and_nothing_else(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let [profile, user, phone, line] = busy(&admin, &estate).await;
        // Each filter with the kinds that it may let through; none are all.
        let cases: Vec<(String, &[&str])> = vec![
            (format!("organizations: [\"{}\"]", estate.south), &[]),
            ("nouns: [CLUSTER]".to_owned(), &["CLUSTER_CREATED", "CLUSTER_UPDATED"]),
            ("nouns: [USER, ORGANIZATION], kinds: [USER_CREATED, PROFILE_CREATED]".to_owned(), &["USER_CREATED"]),
            ("kinds: [CLONE_PROMOTED]".to_owned(), &["CLONE_PROMOTED"]),
            (format!("profiles: [\"{profile}\"]"), &[]),
            (format!("users: [\"{user}\"]"), &[]),
            (format!("phones: [\"{phone}\"]"), &["PHONE_CREATED", "PHONE_UPDATED", "USER_PHONES_CHANGED"]),
            (format!("lines: [\"{line}\"]"), &["LINE_CREATED", "LINE_UPDATED", "APPEARANCE_ADDED"]),
            (
                format!("lines: [\"{line}\"], phones: [\"{phone}\"], kinds: [LINE_CREATED, PHONE_CREATED]"),
                &["LINE_CREATED", "PHONE_CREATED"],
            ),
        ];
        let all = "kinds: null";
        for (filter, kinds) in &cases {
            let told = async |filter: &str| {
                let page = format!("{{ changes(first: 200, filter: {{{filter}}}) {{ nodes {{ cursor change {{ kind }} }} }} }}");
                admin.data(&page).await["changes"]["nodes"].as_array().expect("nodes").clone()
            };
            let wanted = told(filter).await;
            assert!(!wanted.is_empty() && wanted.len() < told(all).await.len(), "{filter}: {}", wanted.len());
            for event in &wanted {
                let kind = text(&event["change"]["kind"]);
                assert!(kinds.is_empty() || kinds.contains(&kind.as_str()), "{filter} lets {event} through");
            }
            // A change behind the last one, so that a stream that tells too much is found out.
            let mut following =
                admin.follow(&format!(r#"(after: "s0", filter: {{{filter}}})"#), "change { kind }").await;
            assert_eq!(following.take(wanted.len()).await, wanted, "{filter}");
        }
        // What is named nowhere is not told: an empty list lets nothing through, nor do ids that nothing has.
        for filter in ["profiles: []", "kinds: []", "kinds: [PRESENT]", "nouns: []", "organizations: []", "lines: [\"nonsense\"]"] {
            let count = format!("{{ changes(filter: {{{filter}}}) {{ totalCount }} }}");
            assert_eq!(admin.data(&count).await["changes"]["totalCount"], 0, "{filter}");
        }
    }
}

story! {
    /// What leads on from an event is read for that event, not kept from an earlier one.
    async fn what_an_event_leads_to_is_fresh(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let select = "change { node { ... on Profile { description users { nodes { userId } } } } }";
        let filter = format!(r#"(after: "{}", filter: {{profiles: ["{profile}"]}})"#, newest(&admin).await);
        let mut following = admin.follow(&filter, select).await;
        for text in ["first", "second", "third"] {
            admin.done("updateProfile", json!({"id": profile, "description": text}), "").await;
            assert_eq!(following.next().await["change"]["node"], json!({"description": text, "users": {"nodes": []}}));
        }
        let user = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
        let seen = following.next().await;
        assert_eq!(seen["change"]["node"], json!({"description": "third", "users": {"nodes": [{"userId": "anna"}]}}));
    }
}

/// The own fields of everything that a snapshot tells, as far as changes tell them too.
const OWN: &str = "
    ... on Organization { id name kind }
    ... on Cluster { id name description release multipleLogin }
    ... on OtherDevice { id name description }
    ... on Profile { id name description product protocol buttonTemplate softkeyTemplate createdAt }
    ... on Phone { id name description product protocol buttonTemplate extensionMobility createdAt }
    ... on Line { id pattern partition description createdAt }
    ... on User { id userId firstName lastName displayName email department createdAt }
    ... on Number { id pattern partition status usage e164Number description reservedFor coolingUntil createdAt }
";

/// The own fields of a noun.
fn own(noun: &str) -> &'static str {
    let of = |line: &'static str| line.trim().strip_prefix("... on ")?.strip_prefix(noun);
    OWN.lines().find_map(of).unwrap_or_else(|| panic!("no fields of {noun}"))
}

/// The change with the states of what it made, changed or took away.
fn stated() -> String {
    let mut select =
        format!("kind ... on Present {{ node {{ {OWN} }} }} ... on SnapshotComplete {{ count }}");
    for (noun, kinds) in [
        ("Organization", ["OrganizationCreated", "OrganizationRenamed"].as_slice()),
        ("Cluster", &["ClusterCreated", "ClusterUpdated"]),
        ("OtherDevice", &["DeviceRegistered"]),
        ("Profile", &["ProfileCreated", "ProfileUpdated"]),
        ("Phone", &["PhoneCreated", "PhoneUpdated"]),
        ("Line", &["LineCreated", "LineUpdated"]),
        ("User", &["UserCreated", "UserUpdated"]),
        ("Number", &["NumberCreated", "NumberUpdated"]),
    ] {
        for kind in kinds {
            select.extend([" ... on ", kind, " { after ", own(noun), " }"]);
        }
    }
    for kind in [
        "OrganizationDeleted",
        "ClusterDeleted",
        "DeviceReleased",
        "ProfileDeleted",
        "PhoneDeleted",
        "LineDeleted",
        "UserDeleted",
        "NumberDeleted",
    ] {
        select.extend([" ... on ", kind, " { gone: before { id } }"]);
    }
    format!("change {{ {select} }}")
}

/// What somebody knows who keeps a snapshot up to date by the changes.
#[derive(Default)]
struct Known(BTreeMap<String, Value>);

impl Known {
    fn take(&mut self, change: &Value) {
        let state = if change["after"]["id"].is_string() { &change["after"] } else { &change["node"] };
        if change["gone"]["id"].is_string() {
            assert!(
                self.0.remove(&text(&change["gone"]["id"])).is_some(),
                "{change} takes away what was not there"
            );
        } else if state["id"].is_string() {
            let old = self.0.insert(text(&state["id"]), state.clone());
            let kind = text(&change["kind"]);
            let made = kind == "PRESENT" || kind.ends_with("_CREATED") || kind.ends_with("_REGISTERED");
            assert_eq!(old.is_none(), made, "{change} over {old:?}");
        }
    }

    /// The same by queries.
    async fn asked(client: &Client) -> Self {
        let mut known = Self::default();
        for (list, noun) in [
            ("organizations", "Organization"),
            ("clusters", "Cluster"),
            ("otherDevices", "OtherDevice"),
            ("profiles", "Profile"),
            ("phones", "Phone"),
            ("lines", "Line"),
            ("users", "User"),
            ("numbers", "Number"),
        ] {
            let fields = own(noun);
            let mut after = String::new();
            loop {
                let query = format!(
                    "{{ {list}(first: 200{after}) {{ nodes {fields} pageInfo {{ hasNextPage endCursor }} }} }}"
                );
                let page = &client.data(&query).await[list];
                for node in page["nodes"].as_array().expect("nodes") {
                    known.0.insert(text(&node["id"]), node.clone());
                }
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
                after = format!(", after: {}", page["pageInfo"]["endCursor"]);
            }
        }
        known
    }
}

/// Makes, changes and removes things until told to stop; answers how often.
async fn write_on(client: Client, estate: Estate, stop: Arc<AtomicBool>) -> usize {
    let mut round = 0;
    while !stop.load(Ordering::SeqCst) {
        round += 1;
        let profile = client.profile(&estate, &estate.berlin, &format!("W-{round}"), &["7001"]).await;
        let user = client.user(&estate, &estate.berlin, &format!("writer{round}")).await;
        let name = format!("round {round}");
        client.done("updateProfile", json!({"id": profile, "description": name}), "").await;
        let number = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "first": format!("8{round:04}")});
        client.done("createNumbers", number, "").await;
        if round % 2 == 0 {
            let range = json!({"clusterId": estate.emea, "first": format!("8{round:04}")});
            client.done("deleteNumbers", range, "").await;
        }
        client.done("updateUser", json!({"id": user, "department": name}), "").await;
        if round % 3 == 0 {
            client.done("deleteProfile", json!({"id": profile}), "").await;
            client.done("deleteUser", json!({"id": user}), "").await;
        }
    }
    round
}

story! {
    /// With a snapshot, what is there comes first and then exactly what has changed since, while somebody writes.
    async fn a_snapshot_and_what_follows_it_are_the_present_state(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let made = admin.data("{ organizations { totalCount } }").await;
        assert_eq!(made["organizations"]["totalCount"], 6);
        for n in 0..30 {
            admin.profile(&estate, &estate.paris, &format!("EM-{n}"), &[&format!("5{n:03}"), "5999"]).await;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn(write_on(server.admin(), estate.clone(), stop.clone()));

        for _ in 0..5 {
            let mut known = Known::default();
            let mut following = admin.follow("(snapshot: true)", &stated()).await;
            let (start, mut count) = loop {
                let event = following.next().await;
                let change = &event["change"];
                if change["kind"] == "SNAPSHOT_COMPLETE" {
                    break (seq(&text(&event["cursor"])), change["count"].as_u64().expect("a count"));
                }
                assert_eq!(change["kind"], "PRESENT");
                assert!(change["node"]["id"].is_string(), "{event}");
                known.take(change);
            };
            count -= u64::try_from(known.0.len()).expect("few");
            assert_eq!(count, 0, "a thing was told twice, or not");
            // Some of the tail while things go on.
            for n in 1..=40 {
                let event = following.next().await;
                assert_eq!(seq(&text(&event["cursor"])), start + n);
                known.take(&event["change"]);
            }
        }

        let mut known = Known::default();
        let mut following = admin.follow("(snapshot: true)", &stated()).await;
        known.take(&following.next().await["change"]);
        stop.store(true, Ordering::SeqCst);
        assert!(writer.await.expect("a writer") > 0);
        let newest = newest(&admin).await;
        loop {
            let event = following.next().await;
            known.take(&event["change"]);
            if event["cursor"] == newest.as_str() && event["change"]["kind"] != "PRESENT" {
                break;
            }
        }
        assert_eq!(known.0, Known::asked(&admin).await.0);
    }
}

story! {
    /// A snapshot tells what its filter covers.
    async fn a_snapshot_is_of_what_the_filter_covers(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let [profile, user, ..] = busy(&admin, &estate).await;
        for (filter, want) in [
            (format!("profiles: [\"{profile}\"], users: [\"{user}\"]"), vec!["Profile", "User"]),
            (format!("nouns: [PROFILE], organizations: [\"{}\"]", estate.paris), vec!["Profile", "Profile"]),
            (format!("organizations: [\"{}\"]", estate.south), vec!["Organization", "Organization"]),
            ("nouns: []".to_owned(), vec![]),
        ] {
            let arguments = format!("(snapshot: true, filter: {{{filter}}})");
            let mut following = admin.follow(&arguments, "change { kind node { __typename } }").await;
            for noun in want {
                assert_eq!(following.next().await["change"], json!({"kind": "PRESENT", "node": {"__typename": noun}}), "{filter}");
            }
            assert_eq!(following.next().await["change"]["kind"], "SNAPSHOT_COMPLETE", "{filter}");
        }
    }
}

story_with! {
    |config| config.database.connections = 4,
    /// Whoever stops to read in the middle of a snapshot keeps nobody from writing.
    async fn snapshots_that_nobody_reads_keep_no_writer_waiting(server) {
        let estate = Generated { profiles: 3_000, seed: 1 };
        server.app.generate(&Roamline::caller(), estate, |_| {}).await.expect("generated");
        let admin = server.admin();
        let select = format!("change {{ ... on Present {{ node {{ {OWN} }} }} }}");
        let mut sockets = Vec::new();
        for _ in 0..8 {
            sockets.push(admin.follow("(snapshot: true)", &select).await);
            if sockets.len() == 1 {
                sockets[0].next().await;
            }
        }
        let cluster = admin.data("{ clusters(first: 1) { nodes { id } } }").await;
        let input = json!({"id": cluster["clusters"]["nodes"][0]["id"], "description": "changed"});
        admin.done("updateCluster", input, "").await;
    }
}

story! {
    /// Whoever reads slowly gets everything in order, and keeps neither a writer nor another reader waiting.
    async fn a_slow_follower_loses_nothing_and_holds_nobody_up(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let start = seq(&newest(&admin).await);
        let select = format!("at by reason {}", stated());
        let mut slow = from_now(&admin, &select).await;
        let mut quick = from_now(&admin, "change { kind }").await;
        let numbers: Vec<_> = (1..=10).map(|n| format!("60{n:02}")).collect();
        for n in 0..100 {
            // A profile with ten lines: at the first all new, later all clones.
            let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
            admin.profile(&estate, &estate.berlin, &format!("EM-{n}"), &numbers).await;
        }
        let all = table(&server).await.split_off(start);
        assert!(all.len() >= 1_100, "only {}", all.len());
        let input = json!({"appearanceId": admin.appearances(&text(&first_profile(&admin).await)).await[0], "settings": {"maxCalls": 6}});
        for calls in [6, 5, 6, 5, 6, 5, 6, 5, 6] {
            let mut input = input.clone();
            input["settings"]["maxCalls"] = json!(calls);
            admin.done("changeLineSettings", input, "").await;
        }
        let all = table(&server).await.split_off(start);
        assert!(all.len() >= 2_000, "only {}", all.len());
        assert_eq!(marks(&mut quick, all.len()).await, all);
        assert_eq!(marks(&mut slow, all.len()).await, all);
    }
}

async fn first_profile(client: &Client) -> Value {
    client.data("{ profiles(first: 1) { nodes { id } } }").await["profiles"]["nodes"][0]["id"].take()
}

story_with! {
    |config| config.feed.ring = 16,
    /// Whoever is further behind than memory reaches reads the table, and comes back to the others.
    async fn a_backlog_longer_than_the_ring_is_told_whole(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        busy(&admin, &estate).await;
        let mut behind = admin.follow(r#"(after: "s0")"#, "change { kind }").await;
        behind.next().await;
        for n in 0..20 {
            admin.profile(&estate, &estate.berlin, &format!("MORE-{n}"), &["6001", "6002"]).await;
        }
        let all = table(&server).await;
        assert_eq!(marks(&mut behind, all.len() - 1).await, all[1..]);
    }
}

story! {
    /// A place before the oldest change kept is told, never passed over.
    async fn a_trimmed_place_has_expired_and_the_newest_one_has_not(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let newest = newest(&admin).await;
        server.pass(Duration::from_hours(24 * 31));
        assert_eq!(server.app.trim().await.expect("trimmed"), u64::try_from(seq(&newest)).expect("few"));
        // All is gone, and who has all is still up to date.
        let mut current = admin.follow(&format!(r#"(after: "{newest}")"#), "change { kind }").await;
        for old in 0..seq(&newest) {
            let mut following = admin.follow(&format!(r#"(after: "s{old}")"#), "change { kind }").await;
            assert_eq!(following.ends_with().await, "CURSOR_EXPIRED");
            assert_eq!(admin.code(&format!(r#"{{ changes(since: "s{old}") {{ nodes {{ cursor }} }} }}"#)).await, "CURSOR_EXPIRED");
        }
        admin.user(&estate, &estate.berlin, "anna").await;
        assert_eq!(mark(&current.next().await).1, "usercreated");
        let mut following = admin.follow(r#"(after: "s1")"#, "change { kind }").await;
        assert_eq!(following.ends_with().await, "CURSOR_EXPIRED");
        let oldest = admin.data("{ service { oldestChange { cursor } } }").await;
        assert_eq!(seq(&text(&oldest["service"]["oldestChange"]["cursor"])), seq(&newest) + 1);
    }
}

story! {
    /// A place that never was is told.
    async fn a_place_of_another_estate_is_refused(server) {
        let (_, admin) = (server.estate().await, server.admin());
        assert!(seq(&newest(&admin).await) < 4000);
        for (arguments, code) in [
            (r#"(after: "s4000")"#, "BAD_USER_INPUT"),
            (r#"(after: "nonsense")"#, "BAD_USER_INPUT"),
            (r#"(after: "p3")"#, "BAD_USER_INPUT"),
        ] {
            let mut following = admin.follow(arguments, "change { kind }").await;
            assert_eq!(following.ends_with().await, code, "{arguments}");
        }
        assert_eq!(admin.code(r#"{ changes(since: "s4000") { nodes { cursor } } }"#).await, "BAD_USER_INPUT");
    }
}

story! {
    /// A stream outlives its token by no more than the server believes it.
    async fn a_revoked_token_ends_its_stream(server) {
        let (_, admin) = (server.estate().await, server.admin());
        let (token, secret) =
            server.app.create_token("leaver", Role::Viewer, None, None).await.expect("a token");
        let leaver = server.client(Some(secret));
        let mut idle = from_now(&leaver, "change { kind }").await;
        let mut following = leaver.follow(r#"(after: "s0")"#, "change { kind }").await;
        following.next().await;
        assert!(server.app.revoke_token(TokenId(token.id.0)).await.expect("revoked"));
        assert_eq!(following.ends_with().await, "UNAUTHENTICATED");
        assert_eq!(idle.ends_with().await, "UNAUTHENTICATED");
        admin.data("{ me { name } }").await;
    }
}

/// An event that cannot be made ready in time ends its stream; whoever comes back after the last one loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_takes_too_long_ends_its_stream_on_postgresql() {
    let Some(server) = Roamline::postgres_with(|config| config.http.query_ms = 1_000).await else { return };
    let (estate, admin) = (server.estate().await, server.admin());
    let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
    let select = "change { ... on ProfileUpdated { after { serviceSubscriptions { totalCount } } } }";
    let after = newest(&admin).await;
    let mut following = admin.follow(&format!(r#"(after: "{after}")"#), select).await;
    let db = Database::connect(&server.database).await.expect("connected");
    let tx = db.begin().await.expect("begun");
    tx.execute_unprepared("LOCK TABLE service_subscription IN ACCESS EXCLUSIVE MODE").await.expect("locked");
    admin.done("updateProfile", json!({"id": profile, "description": "x"}), "").await;
    assert_eq!(following.ends_with().await, "TIMEOUT");
    tx.rollback().await.expect("let go");
    db.close().await.expect("closed");
    let mut again = admin.follow(&format!(r#"(after: "{after}")"#), select).await;
    assert_eq!(again.next().await["change"], json!({"after": {"serviceSubscriptions": {"totalCount": 0}}}));
    server.close().await;
}

story! {
    /// An expired token is out like a revoked one.
    async fn an_expired_token_ends_its_stream(server) {
        server.estate().await;
        let (_, secret) = server.app.create_token("guest", Role::Viewer, None, Some(1)).await.expect("a token");
        let guest = server.client(Some(secret));
        let mut following = guest.follow(r#"(after: "s0")"#, "change { kind }").await;
        following.next().await;
        let mut idle = from_now(&guest, "change { kind }").await;
        server.pass(Duration::from_hours(23));
        guest.data("{ me { name } }").await;
        server.pass(Duration::from_hours(2));
        assert_eq!(following.ends_with().await, "UNAUTHENTICATED");
        assert_eq!(idle.ends_with().await, "UNAUTHENTICATED");
    }
}

story! {
    /// What one node revokes is out on all of them.
    async fn a_token_that_one_node_revokes_ends_its_streams_on_another(server) {
        let (_, other) = (server.estate().await, server.beside().await);
        let (token, secret) =
            server.app.create_token("leaver", Role::Viewer, None, None).await.expect("a token");
        let mut idle = from_now(&other.client(Some(secret)), "change { kind }").await;
        assert!(server.app.revoke_token(token.id).await.expect("revoked"));
        assert_eq!(idle.ends_with().await, "UNAUTHENTICATED");
        other.close().await;
    }
}

story! {
    /// A token that is shown anew on a living socket carries its streams on; one that is refused changes nothing.
    async fn a_new_token_carries_a_stream_on(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let token = async |name: &str| server.app.create_token(name, Role::Viewer, None, None).await.expect("a token");
        let ((old, old_secret), (_, new_secret)) = (token("old").await, token("new").await);
        let mut following = from_now(&server.client(Some(old_secret)), "change { kind }").await;
        assert_eq!(following.show("unheard-of").await["authorization"], "refused");
        assert_eq!(following.show(&new_secret).await, json!({"authorization": "accepted"}));
        assert!(server.app.revoke_token(old.id).await.expect("revoked"));
        // Long enough for a stream of the old token to have ended.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        admin.user(&estate, &estate.berlin, "anna").await;
        assert_eq!(mark(&following.next().await).1, "usercreated");
    }
}

story! {
    /// What a token sees may change while it listens: the next event is told as whoever it is now.
    async fn a_token_that_sees_something_else_is_told_something_else(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (token, secret) = server
            .app
            .create_token("mover", Role::Viewer, Some(OrganizationId(number(&estate.north))), None)
            .await
            .expect("a token");
        let select = "change { kind node { ... on User { userId organization { name } } } }";
        let mut following = from_now(&server.client(Some(secret)), select).await;
        admin.user(&estate, &estate.rome, "too-early").await;
        admin.user(&estate, &estate.berlin, "anna").await;
        let anna = json!({"kind": "USER_CREATED", "node": {"userId": "anna", "organization": {"name": "berlin"}}});
        assert_eq!(following.next().await["change"], anna);

        let db = Database::connect(&server.database).await.expect("the database");
        let moved = format!("UPDATE token SET organization_id = {} WHERE id = {}", number(&estate.south), token.id);
        db.execute_unprepared(&moved).await.expect("moved");
        db.close().await.expect("closed");
        // Longer than what is known of a token is believed.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        admin.user(&estate, &estate.berlin, "too-late").await;
        admin.user(&estate, &estate.rome, "carla").await;
        let carla = json!({"kind": "USER_CREATED", "node": {"userId": "carla", "organization": {"name": "rome"}}});
        assert_eq!(following.next().await["change"], carla);
    }
}

story! {
    /// graphql-transport-ws: our own fault has the close code 4500, so that no client thinks its token wrong.
    async fn an_internal_fault_has_its_close_code(server) {
        let db = Database::connect(&server.database).await.expect("the database");
        db.execute_unprepared("DROP TABLE token").await.expect("it is gone");
        db.close().await.expect("closed");
        let address = server.stranger().url("/graphql").replacen("http", "ws", 1);
        let mut request = address.into_client_request().expect("a request");
        let protocol = "graphql-transport-ws".parse().expect("a header");
        request.headers_mut().insert("sec-websocket-protocol", protocol);
        let (mut socket, _) = connect_async(request).await.expect("a socket");
        let init = json!({"type": "connection_init", "payload": {"token": "any"}});
        socket.send(Message::text(init.to_string())).await.expect("sent");
        let end = socket.next().await.expect("an open socket").expect("a frame");
        let Message::Close(Some(frame)) = end else { panic!("{end:?}") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4500, "Internal server error"));
    }
}

story! {
    /// ACC-7: outside the subtree nothing happens, and what is moved out of it is gone.
    async fn a_neighbour_hears_nothing_and_what_moves_away_has_left(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let neighbour = server.somebody(Role::Viewer, &estate.south).await;
        let owner = server.somebody(Role::Viewer, &estate.north).await;
        let start = newest(&admin).await;
        let select = "change { kind node { id } ... on Left { id } ... on UserCreated { after { userId } } }";
        let mut theirs = from_now(&neighbour, select).await;
        let mut ours = from_now(&owner, select).await;

        admin.user(&estate, &estate.berlin, "anna").await;
        admin.user(&estate, &estate.rome, "carla").await;
        // The first that the neighbour hears is what happened there.
        assert_eq!(theirs.next().await["change"]["after"]["userId"], "carla");
        assert_eq!(ours.next().await["change"]["after"]["userId"], "anna");

        admin.done("moveOrganization", json!({"id": estate.berlin, "parentId": estate.south}), "").await;
        assert_eq!(
            ours.next().await["change"],
            json!({"kind": "LEFT", "node": null, "id": estate.berlin})
        );
        let moved = theirs.next().await;
        assert_eq!(moved["change"], json!({"kind": "ORGANIZATION_MOVED", "node": {"id": estate.berlin}}));

        admin.user(&estate, &estate.berlin, "ben").await;
        admin.user(&estate, &estate.paris, "paula").await;
        assert_eq!(theirs.next().await["change"]["after"]["userId"], "ben");
        assert_eq!(ours.next().await["change"]["after"]["userId"], "paula");

        // From the start again, each hears its own. The query tells the same, but not what has left.
        let query = format!(r#"{{ changes(since: "{start}") {{ nodes {{ change {{ kind }} }} }} }}"#);
        let told = owner.data(&query).await;
        assert_eq!(told["changes"]["nodes"], json!([{"change": {"kind": "USER_CREATED"}}]));
    }
}

story! {
    /// What happened in an organization stays to be told after it was deleted.
    async fn a_deleted_organization_takes_no_change_with_it(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let owner = server.somebody(Role::Viewer, &estate.north).await;
        let neighbour = server.somebody(Role::Viewer, &estate.south).await;
        let start = newest(&admin).await;
        let user = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("deleteUser", json!({"id": user}), "").await;
        admin.done("deleteOrganization", json!({"id": estate.berlin}), "").await;
        admin.user(&estate, &estate.rome, "carla").await;

        let arguments = format!(r#"(after: "{start}")"#);
        let mut following = owner.follow(&arguments, "change { kind }").await;
        for kind in ["USER_CREATED", "USER_DELETED", "ORGANIZATION_DELETED"] {
            assert_eq!(following.next().await["change"]["kind"], kind);
        }
        let query = format!(r#"{{ changes(since: "{start}") {{ totalCount }} }}"#);
        assert_eq!(owner.data(&query).await["changes"]["totalCount"], 3);
        assert_eq!(neighbour.data(&query).await["changes"]["totalCount"], 1);
        // The name may be taken again, and the new one is another.
        let input = json!({"parentId": estate.north, "kind": "SITE", "name": "berlin"});
        admin.done("createOrganization", input, "").await;
        assert_eq!(owner.data("{ organizations { totalCount } }").await["organizations"]["totalCount"], 3);
    }
}

story_with! {
    |config| config.feed.poll_ms = 600_000,
    /// The table is read once for everybody who listens.
    async fn one_reader_serves_all_followers(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let phone = admin.phone(&estate, &estate.berlin, "SEP001122334455").await;
        // Asked without a token, as looking it up would count.
        let schema = schema::build(server.app.clone());
        let follow = async || {
            let query = format!(r#"subscription {{ changes(after: "{}") {{ change {{ kind }} }} }}"#, newest(&admin).await);
            let mut stream = schema.execute_stream(Request::new(query).data(Roamline::caller()), None);
            let (events, heard) = mpsc::unbounded_channel();
            tokio::spawn(async move {
                while let Some(event) = stream.next().await {
                    if events.send(event).is_err() {
                        return;
                    }
                }
            });
            heard
        };
        let mut followers = vec![follow().await];
        let mut costs = Vec::new();
        for count in [1, 20] {
            while followers.len() < count {
                followers.push(follow().await);
            }
            let before = rest(&server).await;
            for n in 0..10 {
                let query = format!(
                    "mutation {{ updatePhone(input: {{id: \"{phone}\", description: \"{count} {n}\"}}) {{ errors {{ code }} }} }}"
                );
                let done = schema.execute(Request::new(query).data(Roamline::caller())).await;
                assert!(done.errors.is_empty(), "{done:?}");
                for follower in &mut followers {
                    let event = follower.recv().await.expect("an event").data.into_json().expect("JSON");
                    assert_eq!(event["changes"]["change"]["kind"], "PHONE_UPDATED");
                }
            }
            costs.push(rest(&server).await - before);
        }
        // Changes that come together are read together, so how many reads there are is a matter of timing; a read of
        // their own would be one more of each change for each of the nineteen.
        assert!(costs[1] < costs[0] + 10, "twenty followers cost more than one: {costs:?}");
    }
}

/// Waits until nothing is sent to the database any more; answers how many statements were.
async fn rest(server: &Roamline) -> u64 {
    let (mut before, mut calm) = (0, 0);
    while calm < 5 {
        let now = server.app.statements();
        calm = if now == before { calm + 1 } else { 0 };
        before = now;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    before
}

story! {
    /// A dry run is rolled back, and its numbers with it.
    async fn a_change_that_is_rolled_back_leaves_no_gap(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let before = seq(&newest(&admin).await);
        let mut following = from_now(&admin, "change { kind }").await;
        admin.done("createUser", json!({
            "organizationId": estate.rome, "clusterId": estate.emea, "userId": "try", "lastName": "x", "dryRun": true,
        }), "").await;
        admin.user(&estate, &estate.rome, "carla").await;
        assert_eq!(seq(&text(&following.next().await["cursor"])), before + 1);
    }
}

/// A change made on one node reaches those who listen to another one, by notification and not by looking.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_on_one_node_is_heard_on_another() {
    let Some(server) = Roamline::postgres_with(|config| config.feed.poll_ms = 600_000).await else { return };
    tell(server, async |server: Arc<Roamline>| {
        let mut config = Config::default();
        config.database.url.clone_from(&server.database);
        config.feed.poll_ms = 600_000;
        let other = App::open(config, Arc::new(|| Moment(0))).await.expect("a second node");
        let schema = schema::build(other.clone());
        let query = Request::new(r#"subscription { changes(after: "s0") { cursor change { kind } } }"#);
        let mut events = schema.execute_stream(query.data(Roamline::caller()), None);

        let (estate, admin) = (server.estate().await, server.admin());
        admin.user(&estate, &estate.rome, "carla").await;
        let mut heard = BTreeSet::new();
        for seq in 1..=8 {
            let event = events.next().await.expect("an event");
            assert!(event.errors.is_empty(), "{event:?}");
            let data = event.data.into_json().expect("JSON");
            assert_eq!(data["changes"]["cursor"], format!("s{seq}"));
            heard.insert(text(&data["changes"]["change"]["kind"]));
        }
        assert!(heard.contains("USER_CREATED"));
        // A place that the second node has not read yet is no unknown one.
        let newest = newest(&admin).await;
        let mut following = admin.follow(&format!(r#"(after: "{newest}")"#), "change { kind }").await;
        admin.user(&estate, &estate.rome, "dora").await;
        assert_eq!(mark(&following.next().await).1, "usercreated");
    })
    .await;
}
