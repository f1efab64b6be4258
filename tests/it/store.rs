//! What the database itself holds up: one order of changes, unique names against any race, and rules behind indexes.

use std::{collections::BTreeSet, time::Duration};

use entity::{Moment, OrganizationId, organization};
use roamline::{
    caller::Scope,
    rule::{Change, change::ChangeKind},
    store::{self, Options, Store, outbox},
};
use sea_orm::{ConnectionTrait, Database, DatabaseBackend, Statement};
use serde_json::json;

use crate::{roamline::Roamline, story};

/// Unique indexes that guard no rule of the field: each says why.
const OTHERS: &[(&str, &str)] = &[
    ("rml_3_token_hash", "a token's secret has 256 random bits"),
    ("user_phone_pkey", "the rule compares whole lists"),
    ("user_cti_profile_pkey", "the rule compares whole lists"),
    ("idempotency_pkey", "the same key is looked up first, under a lock"),
    ("organization_closure_pkey", "derived from the tree"),
    ("change_subject_pkey", "derived from the change"),
    ("counter_pkey", "made by a migration"),
    ("seaql_migrations_pkey", "the migrations' own"),
];

story! {
    async fn every_unique_index_has_its_rule(server) {
        let db = Database::connect(&server.database).await.expect("connected");
        let sql = if db.get_database_backend() == DatabaseBackend::Postgres {
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'"
        } else {
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE UNIQUE%'"
        };
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await;
        let mut found = 0;
        for row in rows.expect("indexes") {
            let name: String = row.try_get_by_index(0).expect("a name");
            let known = store::UNIQUE.iter().any(|(index, ..)| *index == name)
                || OTHERS.iter().any(|(index, _)| *index == name);
            // A key of one id, which nothing else has.
            let id = ["organization", "cluster", "device", "profile", "phone", "line", "user", "token", "change", "line_appearance"];
            assert!(known || id.iter().any(|table| name == format!("{table}_pkey")), "{name} has no rule");
            found += 1;
        }
        assert!(found >= 9, "{found}");
        db.close().await.expect("closed");
    }
}

story! {
    /// NAM-1: of two writers who want one name, one gets it and the other is told.
    async fn of_two_writers_who_race_for_a_name_one_wins(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for round in 0..5 {
            let create = async |name: String| {
                let input = json!({
                    "organizationId": estate.berlin, "clusterId": estate.emea, "name": name,
                    "product": "Cisco 8841", "protocol": "SIP", "lines": [{"pattern": format!("{round}")}],
                });
                admin.mutate("createProfile", input, "profile { id }").await
            };
            let (one, two) = tokio::join!(create(format!("EM-{round}")), create(format!("em-{round}")));
            let codes: BTreeSet<_> =
                [&one, &two].map(|payload| payload["errors"][0]["code"].as_str().unwrap_or("DONE")).into();
            assert!(codes.contains("DONE"), "{one} {two}");
            assert!(codes.iter().any(|code| code.starts_with("NAME_TAKEN")), "{codes:?}");
        }
        assert_eq!(admin.data("{ profiles { totalCount } }").await["profiles"]["totalCount"], 5);
    }
}

story! {
    /// LIN-21: of two writers with one version, one wins and no line is lost.
    async fn of_two_writers_with_one_version_one_wins(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let put = async |pattern: &str| {
            let input = json!({"deviceId": id, "expectedVersion": 1, "pattern": pattern});
            admin.mutate("addLineToDevice", input, "").await
        };
        let (one, two) = tokio::join!(put("4001"), put("4002"));
        let codes: BTreeSet<_> =
            [&one, &two].map(|payload| payload["errors"][0]["code"].as_str().unwrap_or("DONE")).into();
        assert_eq!(codes, BTreeSet::from(["DONE", "VERSION_CONFLICT"]));
        assert_eq!(admin.appearances(&id).await.len(), 1);
    }
}

fn planted(id: i64) -> Change {
    let name = format!("tree{id}");
    Change::OrganizationCreated {
        organization: organization::Model {
            id: OrganizationId(id),
            parent_id: None,
            kind: organization::Kind::Provider,
            path: name.clone(),
            path_key: name.clone(),
            name,
            version: 1,
            created_at: Moment(0),
            updated_at: Moment(0),
        },
    }
}

/// A transaction that took its number first and commits last: the one behind waits for it, and a follower loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_given_out_in_the_order_of_commits() {
    let Some(server) = Roamline::postgres().await else { return };
    let admin = server.admin();
    let mut feed = admin.follow(r#"(after: "s0")"#, "by").await;
    let options = Options {
        url: server.database.clone(),
        connections: 4,
        wait: Duration::from_secs(10),
        synchronous: "full",
    };
    let store = Store::open(&options).await.expect("opened");

    let mut first = store.begin(Scope::All, Moment(0), 1).await.expect("begun");
    first.stage(vec![planted(900_001)]).await.expect("applied");
    let held = first.take_staged();
    assert_eq!(outbox::append(&first, &held, "first", None).await.expect("kept"), 1);

    let behind = tokio::spawn({
        let store = store.clone();
        async move {
            let mut second = store.begin(Scope::All, Moment(0), 1).await.expect("begun");
            second.stage(vec![planted(900_002)]).await.expect("applied");
            let staged = second.take_staged();
            let seq = outbox::append(&second, &staged, "second", None).await.expect("kept");
            store.commit(second).await.expect("committed");
            seq
        }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!behind.is_finished(), "the later one must wait for the earlier one's end");
    assert_eq!(outbox::last_seq(&store).await.expect("read"), 0, "nothing is committed yet");
    store.commit(first).await.expect("committed");
    assert_eq!(behind.await.expect("joined"), 2);
    let events = feed.take(2).await;
    assert_eq!((&events[0]["by"], &events[1]["by"]), (&json!("first"), &json!("second")));
    server.close().await;
}

/// One stored sample of every kind of change ever shipped; a sample is kept for ever.
#[test]
fn every_change_ever_stored_is_read() {
    let samples = include_str!("changes.jsonl");
    let mut kinds = BTreeSet::new();
    for sample in samples.lines().filter(|line| !line.is_empty()) {
        let change: Change = serde_json::from_str(sample).unwrap_or_else(|error| panic!("{error}: {sample}"));
        kinds.insert(change.kind().as_str());
    }
    let missing: Vec<_> =
        ChangeKind::ALL.iter().map(|kind| kind.as_str()).filter(|kind| !kinds.contains(kind)).collect();
    assert!(missing.is_empty(), "no sample of {missing:?}");
}

/// Two nodes that start on an empty database at once.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_together_migrate_once() {
    let Some(server) = Roamline::postgres().await else { return };
    let mut config = roamline::config::Config::default();
    config.database.url.clone_from(&server.database);
    let db = Database::connect(&server.database).await.expect("connected");
    db.execute_unprepared("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.expect("emptied");
    let (one, two) = tokio::join!(roamline::app::App::migrate(&config), roamline::app::App::migrate(&config));
    one.expect("migrated");
    two.expect("migrated");
    db.close().await.expect("closed");
    server.close().await;
}
