//! What the database itself holds up: one order of changes, unique names against any race, and rules behind indexes.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use entity::{Moment, OrganizationId, organization};
use roamline::{
    caller::Scope,
    rule::{Change, change::ChangeKind},
    store::{self, Options, Source, Store, outbox},
};
use sea_orm::{ConnectionTrait, Database, DatabaseBackend, Statement, TransactionTrait};
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
    ("job_lease_pkey", "made with its job"),
    ("job_key_pkey", "kept once with the row's verdict"),
    ("job_row_pkey", "counted by the server that takes the data"),
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
            let id = ["organization", "cluster", "device", "profile", "phone", "session", "default_device_profile", "line", "user", "quick_add", "token", "change", "line_appearance", "button", "template", "service", "service_subscription", "number", "job", "role", "audit_entry"];
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

story! {
    /// LIN-7: of two writers who want one place on a device, one gets it, with the rule to the other.
    async fn of_two_writers_who_race_for_a_place_one_wins(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for round in 0..5 {
            let id = admin.profile(&estate, &estate.berlin, &format!("EM-{round}"), &[]).await;
            let put = async |pattern: String| {
                let input = json!({"deviceId": id, "pattern": pattern, "index": 3});
                admin.mutate("addLineToDevice", input, "").await
            };
            let (one, two) = tokio::join!(put(format!("4{round}1")), put(format!("4{round}2")));
            let codes: BTreeSet<_> =
                [&one, &two].map(|payload| payload["errors"][0]["code"].as_str().unwrap_or("DONE")).into();
            assert_eq!(codes, BTreeSet::from(["DONE", "LINE_INDEX_TAKEN"]));
            assert_eq!(admin.appearances(&id).await.len(), 1);
        }
    }
}

story! {
    /// What no rule could see in time is caught by the index, and told as the rule that the index guards.
    async fn every_index_that_refuses_is_told_as_its_rule(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let (user, second) =
            (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [user, second]}), "").await;
        admin.profile(&estate, &estate.berlin, "EM-2", &["4001", "4002"]).await;
        let dial = json!({"deviceId": profile, "button": {"speedDial": {"number": "1", "label": "one"}}});
        admin.done("addButton", dial, "").await;
        admin.done("createSoftkeyTemplate", json!({"clusterId": estate.emea, "name": "soft"}), "").await;
        let group = json!({"organizationId": estate.berlin, "name": "group", "product": "Cisco 8841"});
        admin.done("createQuickAddGroup", group, "").await;
        let service = json!({"clusterId": estate.emea, "name": "Weather", "url": "http://w/"});
        let service = admin.done("createService", service, "service { id }").await["service"]["id"].clone();
        admin.done("subscribeService", json!({"deviceId": profile, "serviceId": service}), "").await;
        let number = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "first": "4001"});
        admin.done("createNumbers", number, "").await;
        let fallback = json!({"clusterId": estate.emea, "product": "Cisco 8841", "protocol": "SIP"});
        admin.done("createDefaultDeviceProfile", fallback, "").await;
        admin.done("createRole", json!({"organizationId": estate.north, "name": "help", "rights": []}), "").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("login", json!({"userId": user, "phoneId": phone}), "").await;
        let db = Database::connect(&server.database).await.expect("connected");
        let copies = [
            ("hie_6_organization_path", "organization", ""),
            ("rml_1_cluster_name", "cluster", ""),
            ("nam_2_device_name", "device", ""),
            ("ses_3_one_session", "session", ""),
            ("rml_40_default_device_profile", "default_device_profile", ""),
            ("inv_13_number", "number", ""),
            ("acc_2_role_name", "role", ""),
            ("rml_2_user_id", "\"user\"", ""),
            ("rml_60_quick_add_name", "quick_add", ""),
            ("lin_1_line", "line", ""),
            ("lin_7_position", "line_appearance", "line_id = 1, role = 'CLONE'"),
            ("lin_6_line_once", "line_appearance", "position = 90, role = 'CLONE'"),
            ("cln_1_one_original", "line_appearance", "position = 90, device_id = 1"),
            ("flt_2_user_position", "profile_user", "user_id = 1"),
            ("profile_user_pkey", "profile_user", "position = 90"),
            ("btn_2_position", "button", ""),
            ("rml_20_template_name", "template", ""),
            ("rml_30_service_name", "service", ""),
            ("svc_15_subscription", "service_subscription", ""),
        ];
        let known: BTreeSet<_> = store::UNIQUE.iter().map(|(index, ..)| *index).collect();
        assert_eq!(copies.iter().map(|(index, ..)| *index).collect::<BTreeSet<_>>(), known, "each has its sample");
        for (index, table, with) in copies {
            // A row like one that is there, but for its id and what the index does not hold.
            let columns = if db.get_database_backend() == DatabaseBackend::Postgres {
                format!("SELECT column_name FROM information_schema.columns WHERE table_name = '{}'", table.trim_matches('"'))
            } else {
                format!("SELECT name FROM pragma_table_info('{}')", table.trim_matches('"'))
            };
            let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), columns)).await.expect("columns");
            let columns: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).expect("a name")).collect();
            let with: Vec<_> = with.split(", ").filter_map(|part| part.split_once(" = ")).collect();
            let values: Vec<_> = columns
                .iter()
                .map(|column| match with.iter().find(|(name, _)| name == column) {
                    Some((_, value)) => (*value).to_owned(),
                    None if column == "id" => "999999".to_owned(),
                    None => column.clone(),
                })
                .collect();
            let only = if index == "cln_1_one_original" { " WHERE role = 'ORIGINAL'" } else { "" };
            let sql = format!(
                "INSERT INTO {table} ({}) SELECT {} FROM {table}{only} ORDER BY 1 LIMIT 1",
                columns.join(", "),
                values.join(", ")
            );
            let error = db.execute_unprepared(&sql).await.expect_err(&sql);
            let (rule, place) = store::clash(&error).unwrap_or_else(|| panic!("{index} is told as {error}"));
            let (_, _, wanted, path) = store::UNIQUE.iter().find(|(name, ..)| *name == index).expect("its row");
            assert_eq!((format!("{rule:?}"), place), (format!("{:?}", wanted()), *path), "{index}");
        }
        db.close().await.expect("closed");
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
            cooling_days: None,
            max_profiles_per_user: None,
            number_management: None,
            unique_numbers: None,
            line_delete_preferences: None,
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
        statement: Duration::from_secs(30),
        write_statement: Duration::from_secs(30),
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
    // The database itself says that one waits for the other.
    let db = Database::connect(&server.database).await.expect("connected");
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    loop {
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), waiting)).await;
        let count: i64 = row.expect("counted").expect("a row").try_get_by_index(0).expect("a count");
        if count == 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    db.close().await.expect("closed");
    assert!(!behind.is_finished(), "the later one must wait for the earlier one's end");
    assert_eq!(outbox::last_seq(&store).await.expect("read"), 0, "nothing is committed yet");
    store.commit(first).await.expect("committed");
    assert_eq!(behind.await.expect("joined"), 2);
    let events = feed.take(2).await;
    assert_eq!((&events[0]["by"], &events[1]["by"]), (&json!("first"), &json!("second")));
    server.close().await;
}

/// How long PostgreSQL lets a statement of this source take.
async fn most(source: &impl Source) -> String {
    let asked = Statement::from_string(source.backend(), "SHOW statement_timeout");
    let rows = source.rows(asked).await.expect("told");
    rows.first().expect("a row").try_get_by_index(0).expect("a time")
}

/// A read may take as long as a query, as its connection says, which costs no statement; what writes says more for itself, for
/// its own transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_may_take_as_long_as_a_query_and_a_write_as_a_mutation() {
    let Some(server) = Roamline::postgres().await else { return };
    let options = Options {
        url: server.database.clone(),
        connections: 1,
        wait: Duration::from_secs(10),
        synchronous: "full",
        statement: Duration::from_secs(7),
        write_statement: Duration::from_secs(19),
    };
    let store = Store::open(&options).await.expect("opened");
    let reader = store.read(Scope::All);
    for _ in 0..2 {
        // On the one connection that there is.
        assert_eq!(most(&reader).await, "7s");
        let tx = store.begin(Scope::All, Moment(0), 1).await.expect("begun");
        assert_eq!(most(&tx).await, "19s");
        store.roll_back(tx).await.expect("rolled back");
        assert_eq!(most(&store.snapshot(Moment(0)).await.expect("begun")).await, "19s");
    }
    server.close().await;
}

/// A query that is stopped at its deadline does not go on in the database for as long as a mutation might.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_stopped_ends_in_the_database() {
    let limits = |config: &mut roamline::config::Config| {
        config.http.query_ms = 1_000;
        config.http.mutation_ms = 3_600_000;
    };
    let Some(server) = Roamline::postgres_with(limits).await else { return };
    let admin = server.admin();
    admin.data("{ me { name } }").await;
    let db = Database::connect(&server.database).await.expect("connected");
    let tx = db.begin().await.expect("begun");
    tx.execute_unprepared("LOCK TABLE profile IN ACCESS EXCLUSIVE MODE").await.expect("locked");
    assert_eq!(admin.code("{ profiles { nodes { id } } }").await, "TIMEOUT");
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let until = Instant::now() + Duration::from_mins(2);
    loop {
        let row = tx.query_one_raw(Statement::from_string(db.get_database_backend(), waiting)).await;
        if row.expect("counted").expect("a row").try_get_by_index::<i64>(0).expect("a count") == 0 {
            break;
        }
        assert!(Instant::now() < until, "its statement goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tx.rollback().await.expect("let go");
    db.close().await.expect("closed");
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
