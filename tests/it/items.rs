//! Stories of many things in one call: all of them or each by itself.

use entity::token::Role;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, text},
    story,
};

/// Profiles to make, by their names.
fn profiles(estate: &Estate, names: &[&str]) -> Vec<Value> {
    let profile = |name: &&str| {
        json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": name,
            "product": "Cisco 8841", "protocol": "SIP",
        })
    };
    names.iter().map(profile).collect()
}

/// The outcome of each item as `done` or its codes with their paths.
fn outcomes(payload: &Value) -> Vec<String> {
    let told = |item: &Value| {
        let errors = item["payload"]["errors"].as_array().expect("errors");
        if item["done"] == true {
            return "done".to_owned();
        }
        let told = errors.iter().map(|error| {
            let path: Vec<_> = error["path"].as_array().expect("a path").iter().map(text).collect();
            format!("{} at {}", text(&error["code"]), path.join("."))
        });
        told.collect::<Vec<_>>().join(", ")
    };
    payload["items"].as_array().expect("items").iter().map(told).collect()
}

const ITEMS: &str =
    "items { index done payload { profile { name version } cursor errors { code path } } } done refused";

async fn names(client: &Client) -> Vec<String> {
    let data = client.data("{ profiles(first: 200) { nodes { name } } }").await;
    let nodes = data["profiles"]["nodes"].as_array().expect("profiles").clone();
    nodes.iter().map(|node| text(&node["name"])).collect()
}

story! {
    /// BLK-6: all items in one transaction, each with what the mutation of one tells; later ones see what earlier ones did.
    async fn all_items_are_done_or_none(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let mut items = profiles(&estate, &["EM-1", "EM-2"]);
        items[0]["lines"] = json!([{"pattern": "4001"}]);
        items[1]["lines"] = json!([{"pattern": "4001"}]);
        let select = "items { index done payload { profile { name lines { nodes { role } } } cursor } } done refused";
        let done = admin.done("createProfiles", json!({"items": items}), select).await;
        let role = |at: usize| text(&done["items"][at]["payload"]["profile"]["lines"]["nodes"][0]["role"]);
        assert_eq!((role(0), role(1)), ("ORIGINAL".to_owned(), "CLONE".to_owned()));
        assert_eq!(done["items"][1]["payload"]["cursor"], done["cursor"]);
        assert_ne!(done["items"][0]["payload"]["cursor"], done["cursor"]);
        assert_eq!((&done["done"], &done["refused"]), (&json!(2), &json!(0)));

        // Everything that is wrong is told, of every item, and nothing is done.
        let mut items = profiles(&estate, &["EM-3", "EM-3", "", "EM-4"]);
        items[2]["lines"] = json!([{"pattern": "call me"}]);
        let refused = admin.mutate("createProfiles", json!({"items": items}), ITEMS).await;
        assert_eq!(
            outcomes(&refused),
            ["", "NAME_TAKEN_BY_PROFILE at items.1.name", "NAME_REQUIRED at items.2.name, PATTERN_INVALID at items.2.lines.0.pattern", ""]
        );
        assert_eq!((&refused["done"], &refused["refused"], &refused["cursor"]), (&json!(0), &json!(2), &Value::Null));
        assert_eq!(names(&admin).await, ["EM-1", "EM-2"]);
    }
}

story! {
    /// BLK-2, DEL-11: each item by itself; what is refused leaves the others alone.
    async fn each_item_stands_for_itself(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let items = profiles(&estate, &["EM-1", "em-1", "EM-2"]);
        let done = admin.mutate("createProfiles", json!({"items": items, "policy": "EACH"}), ITEMS).await;
        assert_eq!(outcomes(&done), ["done", "NAME_TAKEN_BY_PROFILE at items.1.name", "done"]);
        assert_eq!(done["items"][2]["payload"]["profile"]["name"], "EM-2");
        assert_eq!((&done["done"], &done["refused"]), (&json!(2), &json!(1)));

        let data = admin.data("{ profiles { nodes { id version } } }").await;
        let id = |at: usize| data["profiles"]["nodes"][at]["id"].clone();
        let items = json!([{"id": id(0), "description": "one"}, {"id": id(1), "expectedVersion": 9, "description": "two"}]);
        let done = admin.mutate("updateProfiles", json!({"items": items, "policy": "EACH"}), ITEMS).await;
        assert_eq!(outcomes(&done), ["done", "VERSION_CONFLICT at items.1.expectedVersion"]);
        let items = json!([{"id": id(0)}, {"id": id(1)}, {"id": id(0)}]);
        let select = "items { done payload { deleted { name } errors { code path } } } done refused";
        let done = admin.mutate("deleteProfiles", json!({"items": items, "policy": "EACH"}), select).await;
        assert_eq!(outcomes(&done), ["done", "done", "NOT_FOUND at items.2.id"]);
        assert_eq!(names(&admin).await, [""; 0]);
    }
}

story! {
    /// A dry run of either policy tells what would be, each item after those before it, and keeps nothing.
    async fn a_dry_run_keeps_nothing(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let before = admin.data("{ service { newestCursor } }").await;
        for (policy, want) in [("ALL_OR_NOTHING", ["", "NAME_TAKEN_BY_PROFILE at items.1.name"]), ("EACH", ["done", "NAME_TAKEN_BY_PROFILE at items.1.name"])] {
            let items = profiles(&estate, &["EM-1", "EM-1"]);
            let input = json!({"items": items, "policy": policy, "dryRun": true});
            let tried = admin.mutate("createProfiles", input, ITEMS).await;
            assert_eq!(outcomes(&tried), want);
            assert_eq!(tried["items"][0]["payload"]["profile"], Value::Null);
        }
        let input = json!({"items": profiles(&estate, &["EM-1"]), "dryRun": true});
        let tried = admin.done("createProfiles", input, "changes { kind } done").await;
        assert_eq!((&tried["changes"], &tried["done"]), (&json!([{"kind": "PROFILE_CREATED"}]), &json!(1)));
        assert_eq!(admin.data("{ service { newestCursor } }").await, before);
    }
}

story! {
    /// BLK-6: the same key is answered item by item; with other items it is refused.
    async fn a_repeated_call_is_answered(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for policy in ["ALL_OR_NOTHING", "EACH"] {
            let items = profiles(&estate, &[&format!("EM-1-{policy}"), &format!("EM-2-{policy}")]);
            let input = json!({"items": items, "policy": policy, "idempotencyKey": policy});
            let first = admin.done("createProfiles", input.clone(), ITEMS).await;
            let again = admin.done("createProfiles", input, ITEMS).await;
            assert_eq!(first, again);
            let input = json!({"items": profiles(&estate, &["EM-3"]), "policy": policy, "idempotencyKey": policy});
            let query = "mutation($input: CreateProfilesInput!) { createProfiles(input: $input) { done } }";
            let other = admin.ask(query, json!({"input": input})).await;
            assert_eq!(other["errors"][0]["extensions"]["code"], "CONFLICT");
        }
        assert_eq!(names(&admin).await.len(), 4);
    }
}

/// A call that was cut off goes on behind what it did, when it is sent again: here, after its second item was refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_behind_what_it_did() {
    let server = Roamline::sqlite_with(|config| config.bulk.part_ms = 1).await;
    let (estate, admin) = (server.estate().await, server.admin());
    let taken = admin.profile(&estate, &estate.berlin, "EM-2", &[]).await;
    let input = json!({
        "items": profiles(&estate, &["EM-1", "EM-2", "EM-3"]), "policy": "EACH", "idempotencyKey": "k",
    });
    let first = admin.mutate("createProfiles", input.clone(), ITEMS).await;
    assert_eq!(outcomes(&first), ["done", "NAME_TAKEN_BY_PROFILE at items.1.name", "done"]);
    admin.done("deleteProfile", json!({"id": taken}), "").await;
    let again = admin.mutate("createProfiles", input, ITEMS).await;
    assert_eq!(outcomes(&again), ["done"; 3]);
    assert_eq!(again["items"][0], first["items"][0], "it is not done twice");
    server.close().await;
}

story! {
    /// What is said of the whole call is not said in items (RML-80), and a thousand items go at once (BLK-6).
    async fn a_call_is_one_call(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let mut items = profiles(&estate, &["EM-1", "EM-2"]);
        items[1]["dryRun"] = json!(true);
        items[1]["reason"] = json!("so");
        assert_eq!(
            admin.refused("createProfiles", json!({"items": items})).await,
            ["SAID_IN_ITEM at items.1.dryRun", "SAID_IN_ITEM at items.1.reason"]
        );
        let many = vec![json!({"id": "x"}); 1_001];
        assert_eq!(admin.refused("deleteUsers", json!({"items": many})).await, ["TOO_MANY_ITEMS at items"]);
        let line = json!([{"organizationId": estate.berlin, "clusterId": estate.emea, "name": "x", "product": "Cisco 8841",
            "protocol": "SIP", "lines": [{}]}]);
        let query = "mutation($input: CreateProfilesInput!) { createProfiles(input: $input) { done } }";
        let unread = admin.ask(query, json!({"input": {"items": line}})).await;
        assert!(text(&unread["errors"][0]["message"]).starts_with("items.0: a line to add"), "{unread}");
    }
}

story! {
    /// Lines, users and numbers have bulk forms as well, over the same inputs.
    async fn other_nouns_join(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let user = |id: &str| json!({"organizationId": estate.berlin, "clusterId": estate.emea, "userId": id, "lastName": id});
        let done = admin.done("createUsers", json!({"items": [user("anna"), user("ben")]}), "items { payload { user { id } } }").await;
        let id = |at: usize| done["items"][at]["payload"]["user"]["id"].clone();
        let items = json!([{"id": id(0), "firstName": "Anna"}, {"id": id(1), "firstName": "Ben"}]);
        admin.done("updateUsers", json!({"items": items}), "").await;
        admin.done("deleteUsers", json!({"items": [{"id": id(0)}, {"id": id(1)}]}), "").await;

        let line = |pattern: &str| json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": pattern});
        let done = admin.done("createLines", json!({"items": [line("1"), line("2")]}), "items { payload { line { id } } }").await;
        let id = |at: usize| done["items"][at]["payload"]["line"]["id"].clone();
        let items = json!([{"line": {"lineId": id(0)}, "description": "one"}, {"line": {"lineId": id(1)}, "description": "two"}]);
        let select = "items { payload { line { description } } }";
        let updated = admin.done("updateLines", json!({"items": items}), select).await;
        assert_eq!(updated["items"][1]["payload"]["line"]["description"], "two");
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["1", "2"]).await;
        let appearances = admin.appearances(&profile).await;
        let items: Vec<_> = appearances.iter().map(|id| json!({"appearanceId": id, "settings": {"maxCalls": 8}})).collect();
        admin.done("changeSettingsOfLines", json!({"items": items}), "").await;
        let items = json!([{"id": id(0)}, {"id": id(1), "removeAppearances": true}]);
        assert_eq!(admin.refused("deleteLines", json!({"items": items})).await, ["LINE_HAS_APPEARANCES at items.0.id"]);

        let numbers = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "first": "7001", "last": "7002"});
        let done = admin.done("createNumbers", numbers, "outcomes { number { id } }").await;
        let items: Vec<_> = [0, 1].map(|at| json!({"id": done["outcomes"][at]["number"]["id"], "description": "x"})).into();
        admin.done("updateNumbersById", json!({"items": items}), "").await;
        let ids: Vec<_> = [0, 1].map(|at| json!({"id": done["outcomes"][at]["number"]["id"]})).into();
        let delete = json!({"items": ids, "policy": "EACH", "reason": "moved", "idempotencyKey": "gone"});
        let select = "done refused changes { kind }";
        let gone = admin.done("deleteNumbersById", delete.clone(), select).await;
        assert_eq!((&gone["done"], &gone["changes"][1]), (&json!(2), &json!({"kind": "NUMBER_DELETED"})));
        assert_eq!(admin.done("deleteNumbersById", delete, select).await, gone);
        assert_eq!(admin.refused("deleteNumber", json!({"id": ids[0]["id"]})).await, ["NOT_FOUND at id"]);
    }
}

story! {
    /// INV-4, INV-6, INV-8: numbers are added, and moved to other statuses, one by one, each with its own refusal or together
    /// or not at all; of a range, every number that is kept elsewhere is told.
    async fn numbers_are_added_and_moved_each_for_itself(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let number = |at: &str, partition: &str, pattern: &str| {
            json!({"organizationId": at, "clusterId": estate.emea, "partition": partition, "pattern": pattern})
        };
        let select = "items { done payload { number { id status } errors { code path } } } done refused changes { kind }";
        admin.done("createNumber", number(&estate.north, "a", "7001"), "number { id }").await;
        let left = admin.done("createNumber", number(&estate.north, "a", "7001"), "number { id } changes { kind }").await;
        assert_eq!((&left["number"], &left["changes"]), (&Value::Null, &json!([])), "it is there");
        admin.done("createNumber", number(&estate.north, "a", "7003"), "").await;
        let range = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "partition": "b", "first": "7001", "last": "7004",
        });
        let twice = ["NUMBER_NOT_UNIQUE at first", "NUMBER_NOT_UNIQUE at first"];
        assert_eq!(admin.refused("createNumbers", range).await, twice);
        let items = ["7001", "7002", "7003", "7004"].map(|pattern| number(&estate.berlin, "b", pattern));
        let whole = admin.mutate("createNumbersByPattern", json!({"items": items}), select).await;
        assert_eq!((&whole["done"], &whole["refused"]), (&json!(0), &json!(2)));
        let each = admin.mutate("createNumbersByPattern", json!({"items": items, "policy": "EACH"}), select).await;
        assert_eq!((&each["done"], &each["refused"]), (&json!(2), &json!(2)), "{each}");
        assert_eq!(each["items"][2]["payload"]["errors"], json!([{"code": "NUMBER_NOT_UNIQUE", "path": ["items", "2", "pattern"]}]));
        let id = |at: usize| each["items"][at]["payload"]["number"]["id"].clone();
        let items = json!([{"numberId": id(1), "to": "RESERVED"}, {"numberId": id(3), "to": "USED"}]);
        let moved = admin.mutate("changeStatusesOfNumbers", json!({"items": items, "policy": "EACH"}), select).await;
        assert_eq!(moved["items"][0]["payload"]["number"]["status"], "RESERVED");
        assert_eq!(moved["items"][1]["payload"]["errors"], json!([{"code": "NUMBER_STATUS_ILLEGAL", "path": ["items", "1", "to"]}]));
    }
}

story! {
    /// INV-7: a number that its line's devices use, or that is kept for somebody, stays, by itself and among others.
    async fn a_number_in_use_is_not_deleted(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let numbers = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "first": "7001", "last": "7003"});
        let done = admin.done("createNumbers", numbers, "outcomes { number { id } }").await;
        let id = |at: usize| done["outcomes"][at]["number"]["id"].clone();
        admin.profile(&estate, &estate.berlin, "EM-1", &["7001"]).await;
        admin.done("reserveNumbersFor", json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "patterns": ["7002"], "userId": "anna",
        }), "").await;
        for at in [0, 1] {
            assert_eq!(admin.refused("deleteNumber", json!({"id": id(at)})).await, ["NUMBER_NOT_FREE at id"]);
        }
        let tried = admin.done("deleteNumber", json!({"id": id(2), "dryRun": true}), "changes { kind }").await;
        assert_eq!(tried["changes"], json!([{"kind": "NUMBER_DELETED"}]));
        assert_eq!(admin.refused("deleteNumber", json!({"id": id(2), "expectedVersion": 7})).await, ["VERSION_CONFLICT at expectedVersion"]);
        let items = json!([{"id": id(0)}, {"id": id(2)}]);
        let query = "mutation($input: DeleteNumbersByIdInput!) { deleteNumbersById(input: $input) { done errors { code path } } }";
        let each = admin.ask(query, json!({"input": {"items": items, "policy": "EACH"}})).await;
        assert_eq!(each["data"]["deleteNumbersById"], json!({
            "done": 1, "errors": [{"code": "NUMBER_NOT_FREE", "path": ["items", "0", "id"]}],
        }));
    }
}

story! {
    /// Phone services and subscriptions to them have bulk forms as well.
    async fn services_join(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let service = |name: &str| json!({"clusterId": estate.emea, "name": name, "url": "http://example.com/x"});
        let done = admin.done("createServices", json!({"items": [service("A"), service("B")]}), "items { payload { service { id } } }").await;
        let id = |at: usize| done["items"][at]["payload"]["service"]["id"].clone();
        let twice = json!({"items": [service("C"), service("a")]});
        assert_eq!(admin.refused("createServices", twice).await, ["SERVICE_NAME_TAKEN at items.1.name"]);
        let mut profiles = Vec::new();
        for name in ["EM-1", "EM-2"] {
            profiles.push(admin.profile(&estate, &estate.berlin, name, &[]).await);
        }
        let items: Vec<_> = profiles.iter().map(|profile| json!({"deviceId": profile, "serviceId": id(0)})).collect();
        let select = "items { payload { subscription { id url } } }";
        let subscribed = admin.done("subscribeServices", json!({"items": items}), select).await;
        let update = json!({"items": [{"id": id(0), "url": "http://example.com/y"}, {"id": id(1), "enabled": false}]});
        let updated = admin.done("updateServices", update, "items { payload { stale } }").await;
        assert_eq!(updated["items"], json!([{"payload": {"stale": 2}}, {"payload": {"stale": 0}}]));
        let items: Vec<_> = [0, 1].map(|at| json!({"subscriptionId": subscribed["items"][at]["payload"]["subscription"]["id"]})).into();
        admin.done("unsubscribeServices", json!({"items": items}), "").await;
        let delete = json!({"items": [{"id": id(0), "unsubscribe": true}, {"id": id(1)}]});
        assert_eq!(admin.done("deleteServices", delete, "done").await["done"], 2);
    }
}

story! {
    /// ACC-7: a neighbour's things are as absent here as anywhere.
    async fn a_neighbour_sees_nothing(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let south = server.somebody(Role::Operator, &estate.south).await;
        let refused = south.refused("updateProfiles", json!({"items": [{"id": profile, "description": "mine"}]})).await;
        assert_eq!(refused, ["NOT_FOUND at items.0.id"]);
        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        let denied = viewer.code(&format!(r#"mutation {{ deleteProfiles(input: {{items: [{{id: "{profile}"}}]}}) {{ done }} }}"#)).await;
        assert_eq!(denied, "FORBIDDEN");
    }
}

/// A transaction of many items does not hold up others for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_takes_too_long_is_given_up() {
    let server = Roamline::sqlite_with(|config| config.bulk.whole_ms = 1).await;
    let (estate, admin) = (server.estate().await, server.admin());
    let names: Vec<_> = (0..20).map(|n| format!("EM-{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let input = json!({"items": profiles(&estate, &names)});
    let query = "mutation($input: CreateProfilesInput!) { createProfiles(input: $input) { done } }";
    let late = admin.ask(query, json!({"input": input})).await;
    assert_eq!(late["errors"][0]["extensions"]["code"], "TIMEOUT");
    assert_eq!(self::names(&admin).await, [""; 0]);
    server.close().await;
}

story! {
    /// P1: the template change that everybody scripts, by a filter; a repeated call is about what it found at first.
    async fn what_a_filter_finds_is_changed_alike(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for name in ["EM-1", "EM-2", "EM-3"] {
            admin.profile(&estate, &estate.berlin, name, &[]).await;
        }
        admin.profile(&estate, &estate.rome, "EM-other", &[]).await;
        let template = json!({"clusterId": estate.emea, "name": "Sales", "product": "Cisco 8841", "protocol": "SIP", "features": ["LINE", "LINE"]});
        admin.done("createButtonTemplate", template, "").await;
        let input = json!({
            "filter": {"buttonTemplate": {"equals": "Standard 8841 SIP"}, "organization": {"ids": [estate.north]}},
            "set": {"buttonTemplate": "Sales"}, "idempotencyKey": "k",
        });
        let mut tried = input.clone();
        tried["dryRun"] = json!(true);
        let select = "items { done payload { profile { name buttonTemplate } } } done refused job { id }";
        assert_eq!(admin.done("bulkUpdateProfiles", tried, select).await["done"], 3);
        let done = admin.done("bulkUpdateProfiles", input.clone(), select).await;
        assert_eq!((&done["done"], &done["job"]), (&json!(3), &Value::Null));
        assert_eq!(done["items"][2]["payload"]["profile"], json!({"name": "EM-3", "buttonTemplate": "Sales"}));
        assert_eq!(admin.done("bulkUpdateProfiles", input, select).await, done, "though the filter finds none any more");
        let rest = admin.data(r#"{ profiles(filter: {buttonTemplate: {equals: "Sales"}}) { totalCount } }"#).await;
        assert_eq!(rest["profiles"]["totalCount"], 3);

        let all = json!({"organization": {"ids": [estate.acme]}});
        let wrong = json!({"settings": {"mlppIndication": "OFF", "preemption": "FORCEFUL"}});
        let refused = admin.mutate("bulkUpdateProfiles", json!({"filter": all, "set": wrong}), "done refused").await;
        assert_eq!((&refused["done"], &refused["refused"]), (&json!(0), &json!(4)));
        // A filter that lets everything pass may have been forgotten, however it says so.
        for open in [json!({}), json!({"and": []}), json!({"name": {}})] {
            for as_job in [false, true] {
                let input = json!({"filter": open, "set": {"description": "x"}, "asJob": as_job});
                assert_eq!(admin.refused("bulkUpdateProfiles", input).await, ["PROFILE_FILTER_EMPTY at filter"]);
            }
        }
        let waits = json!({"filter": all, "set": wrong, "autoRun": false});
        assert_eq!(admin.refused("bulkUpdateProfiles", waits).await, ["VALUE_INVALID at autoRun"]);

        // A job that is tried first, which keeps nothing, and waits.
        let input = json!({"filter": all, "set": wrong, "asJob": true, "autoRun": false});
        let started = admin.done("bulkUpdateProfiles", input, "job { id mode state }").await;
        assert_eq!((&started["job"]["mode"], &started["job"]["state"]), (&json!("UPDATE"), &json!("VALIDATING")));
        roamline::bulk::job::work_off(&server.app).await.expect("worked");
        let found = admin.data("{ jobs { nodes { state done failed } } }").await;
        assert_eq!(found["jobs"]["nodes"], json!([{"state": "VALIDATED", "done": 0, "failed": 4}]));
        let input = json!({"filter": all, "set": {"description": "tried"}, "asJob": true, "autoRun": false});
        let id = admin.done("bulkUpdateProfiles", input, "job { id }").await["job"]["id"].clone();
        roamline::bulk::job::work_off(&server.app).await.expect("worked");
        let tried = r#"{ profiles(filter: {description: {equals: "tried"}}) { totalCount } }"#;
        assert_eq!(admin.data(tried).await["profiles"]["totalCount"], 0);
        admin.done("runJob", json!({"id": id}), "").await;
        roamline::bulk::job::work_off(&server.app).await.expect("worked");
        assert_eq!(admin.data(tried).await["profiles"]["totalCount"], 4);

        // As a job, of any number.
        let input = json!({"filter": {"name": {"startsWith": "EM-"}}, "set": {"description": "moved"}, "asJob": true, "reason": "spring"});
        let started = admin.done("bulkUpdateProfiles", input, "job { id rows state kind }").await;
        assert_eq!(started["job"]["rows"], 4);
        roamline::bulk::job::work_off(&server.app).await.expect("worked");
        let found = admin.data(r#"{ profiles(filter: {description: {equals: "moved"}}) { totalCount } jobs { nodes { state done failed } } }"#).await;
        assert_eq!(found["profiles"]["totalCount"], 4);
        assert_eq!(found["jobs"]["nodes"][0], json!({"state": "DONE", "done": 4, "failed": 0}));
    }
}
