//! Stories of the number inventory: what can be given out, to whom, and from when on.

use std::{process::Command, time::Duration};

use entity::token::Role;
use roamline::command;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, text},
    story,
};

const DAY: Duration = Duration::from_hours(24);

/// Numbers of the estate's cluster in the inventory, kept at an organization.
async fn add(client: &Client, estate: &Estate, organization: &str, first: &str, last: &str) -> Value {
    let input =
        json!({"organizationId": organization, "clusterId": estate.emea, "first": first, "last": last});
    client.done("createNumbers", input, "outcomes { pattern result number { id } } changes { kind }").await
}

/// What the inventory says of a number.
async fn seen(client: &Client, estate: &Estate, pattern: &str) -> Value {
    let query = format!(
        r#"{{ number(by: {{number: {{pattern: "{pattern}", clusterId: "{}"}}}}) {{
            id status usage reservedFor coolingUntil description version
            appearances {{ nodes {{ device {{ name }} }} }} line {{ pattern }} }} }}"#,
        estate.emea
    );
    client.data(&query).await["number"].take()
}

/// The change stream behind what has happened so far, whenever the server takes up the subscription.
async fn move_to(client: &Client, estate: &Estate, pattern: &str, more: Value) -> Value {
    let mut input = json!({"numberId": seen(client, estate, pattern).await["id"]});
    input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    client.mutate("changeNumberStatus", input, "number { status usage coolingUntil }").await
}

async fn reserve(client: &Client, estate: &Estate, patterns: &[&str], user_id: Option<&str>) -> Value {
    let input = json!({
        "organizationId": estate.berlin, "clusterId": estate.emea, "patterns": patterns, "userId": user_id,
    });
    client.mutate("reserveNumbersFor", input, "outcomes { pattern result number { reservedFor } }").await
}

fn code(payload: &Value) -> &Value {
    &payload["errors"][0]["code"]
}

story! {
    /// INV-9, DEL-7: the number follows its line in the same transaction, and every way off a device frees it.
    async fn a_number_is_used_while_its_line_stands_on_a_device(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let done = add(&admin, &estate, &estate.berlin, "4001", "4003").await;
        let results: Vec<_> = done["outcomes"].as_array().expect("outcomes").iter().map(|o| &o["result"]).collect();
        assert_eq!(results, ["CREATED", "CREATED", "CREATED"]);
        let mut feed = admin.follow_on("change { kind ... on NumberUpdated { fields before { status } after { status } } }").await;
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "9999"]).await;
        let events = feed.take(6).await;
        assert_eq!(
            events[5]["change"],
            json!({"kind": "NUMBER_UPDATED", "fields": ["status"], "before": {"status": "AVAILABLE"}, "after": {"status": "USED"}})
        );
        let number = seen(&admin, &estate, "4001").await;
        assert_eq!((&number["status"], &number["usage"]), (&json!("USED"), &json!(["DEVICE"])));
        assert_eq!(number["appearances"]["nodes"], json!([{"device": {"name": "EM-1"}}]));
        assert_eq!(number["line"], json!({"pattern": "4001"}));
        // A line without an entry is used freely.
        assert_eq!(seen(&admin, &estate, "9999").await, json!(null));

        // On a second device it is shared, and stays used until the last one.
        let other = admin.profile(&estate, &estate.paris, "EM-2", &["4001"]).await;
        let first = admin.appearances(&profile).await.remove(0);
        let done = admin.done("removeLineFromDevice", json!({"appearanceId": first}), "changes { kind }").await;
        assert_eq!(done["changes"], json!([{"kind": "APPEARANCE_REMOVED"}, {"kind": "CLONE_PROMOTED"}]));
        assert_eq!(seen(&admin, &estate, "4001").await["status"], "USED");
        admin.done("deleteProfile", json!({"id": other}), "").await;
        assert_eq!(seen(&admin, &estate, "4001").await["status"], "AVAILABLE");

        // Whole lists, lines and phones do the same.
        let version = admin.data(&format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ version }} }}"#)).await;
        let lines = |patterns: &[&str]| patterns.iter().map(|pattern| json!({"pattern": pattern})).collect::<Vec<_>>();
        let with = json!({
            "deviceId": profile, "expectedVersion": version["profile"]["version"], "lines": lines(&["4001", "4002"]),
        });
        admin.done("replaceLines", with, "").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("addLineToDevice", json!({"deviceId": phone, "pattern": "4003"}), "").await;
        for pattern in ["4001", "4002", "4003"] {
            assert_eq!(seen(&admin, &estate, pattern).await["status"], "USED", "{pattern}");
        }
        admin.done("deletePhone", json!({"id": phone}), "").await;
        assert_eq!(seen(&admin, &estate, "4003").await["status"], "AVAILABLE");
        let line = admin.data(r#"{ lines(filter: {pattern: {equals: "4002"}}) { nodes { id number { status } } } }"#).await;
        assert_eq!(line["lines"]["nodes"][0]["number"], json!({"status": "USED"}));
        let gone = json!({"id": line["lines"]["nodes"][0]["id"], "removeAppearances": true});
        admin.done("deleteLine", gone, "").await;
        assert_eq!(seen(&admin, &estate, "4002").await["status"], "AVAILABLE");
    }
}

story! {
    /// A refused command and a dry run leave the inventory as it was.
    async fn what_is_not_done_moves_no_number(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        add(&admin, &estate, &estate.berlin, "4001", "4001").await;
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let input = json!({"deviceId": profile, "pattern": "4001", "dryRun": true});
        let done = admin.done("addLineToDevice", input, "changes { kind }").await;
        assert_eq!(
            done["changes"],
            json!([{"kind": "LINE_CREATED"}, {"kind": "APPEARANCE_ADDED"}, {"kind": "NUMBER_UPDATED"}])
        );
        assert_eq!(seen(&admin, &estate, "4001").await["status"], "AVAILABLE");
        admin.refused("addLineToDevice", json!({"deviceId": profile, "pattern": "4001", "index": 0})).await;
        assert_eq!(seen(&admin, &estate, "4001").await["version"], 1);
    }
}

story! {
    /// INV-8, domain.md 5.3: the moves by hand, and those that are refused with their rule.
    async fn a_status_moves_as_the_machine_says(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        add(&admin, &estate, &estate.berlin, "4001", "4004").await;
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4004"]).await;
        let put = |pattern: &str| json!({"deviceId": profile, "pattern": pattern});

        move_to(&admin, &estate, "4001", json!({"to": "RESERVED"})).await;
        let payload = admin.mutate("addLineToDevice", put("4001"), "").await;
        assert_eq!(code(&payload), "NUMBER_NOT_AVAILABLE");
        assert_eq!(payload["errors"][0]["rule"], "INV-8");
        assert_eq!(payload["errors"][0]["path"], json!(["pattern"]));
        let cooled = move_to(&admin, &estate, "4002", json!({"to": "COOLING", "days": 10})).await;
        assert_eq!(cooled["number"]["coolingUntil"], "2026-01-11T00:00:00+00:00");
        let payload = admin.mutate("addLineToDevice", put("4002"), "").await;
        assert_eq!(code(&payload), "NUMBER_COOLING");
        assert!(text(&payload["errors"][0]["message"]).contains("until 2026-01-11"), "{payload}");
        let hunt = move_to(&admin, &estate, "4003", json!({"to": "USED_UTILITY", "utility": "HUNT_PILOT"})).await;
        assert_eq!(hunt["number"]["usage"], json!(["HUNT_PILOT"]));
        // A device and a pilot at once: both usages are kept.
        admin.done("addLineToDevice", put("4003"), "").await;
        let both = seen(&admin, &estate, "4003").await;
        assert_eq!((&both["status"], &both["usage"]), (&json!("USED"), &json!(["DEVICE", "HUNT_PILOT"])));

        for (pattern, to) in [("4004", "RESERVED"), ("4004", "AVAILABLE"), ("4001", "USED"), ("4002", "USED"), ("4002", "RESERVED")] {
            let refused = move_to(&admin, &estate, pattern, json!({"to": to})).await;
            assert_eq!(code(&refused), "NUMBER_STATUS_ILLEGAL", "{pattern} {to}");
        }
        for pattern in ["4001", "4002"] {
            move_to(&admin, &estate, pattern, json!({"to": "AVAILABLE"})).await;
            admin.done("addLineToDevice", put(pattern), "").await;
        }
        let stale = move_to(&admin, &estate, "4001", json!({"to": "RESERVED", "expectedVersion": 1})).await;
        assert_eq!(code(&stale), "VERSION_CONFLICT");
    }
}

story! {
    /// INV-6, INV-7: ranges, what is left alone, and where numbers may be kept (INV-2). INV-13: another partition, another entry.
    async fn ranges_tell_what_became_of_each_number(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        add(&admin, &estate, &estate.berlin, "0098", "0099").await;
        let done = add(&admin, &estate, &estate.berlin, "0098", "0101").await;
        let told = |done: &Value| -> Vec<String> {
            let outcomes = done["outcomes"].as_array().expect("outcomes").iter();
            outcomes.map(|o| format!("{} {}", text(&o["pattern"]), text(&o["result"]))).collect()
        };
        assert_eq!(told(&done), ["0098 LEFT_ALONE", "0099 LEFT_ALONE", "0100 CREATED", "0101 CREATED"]);
        admin.profile(&estate, &estate.berlin, "EM-1", &["0099"]).await;
        let other = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "first": "0099", "partition": "other",
        });
        let done = admin.done("createNumbers", other, "outcomes { result number { status } }").await;
        assert_eq!(done["outcomes"], json!([{"result": "CREATED", "number": {"status": "AVAILABLE"}}]));
        reserve(&admin, &estate, &["0100"], Some("anna")).await;
        let range = |first: &str, last: &str| json!({"clusterId": estate.emea, "first": first, "last": last});
        let mut written = range("0098", "0102");
        written["description"] = json!("Block A");
        written["extra"] = json!([{"name": "vendor", "value": "Telco"}]);
        let done = admin.done("updateNumbers", written, "outcomes { pattern result }").await;
        assert_eq!(told(&done), ["0098 UPDATED", "0099 UPDATED", "0100 UPDATED", "0101 UPDATED", "0102 ABSENT"]);
        let done = admin.done("deleteNumbers", range("0098", "0102"), "outcomes { pattern result number { status } }").await;
        assert_eq!(told(&done), ["0098 DELETED", "0099 LEFT_ALONE", "0100 LEFT_ALONE", "0101 DELETED", "0102 ABSENT"]);
        assert_eq!(done["outcomes"][1]["number"], json!({"status": "USED"}));

        let with = |organization: &str, first: &str, last: &str| json!({
            "organizationId": organization, "clusterId": estate.emea, "first": first, "last": last,
        });
        assert_eq!(admin.refused("createNumbers", with(&estate.berlin, "4000", "5000")).await, ["NUMBER_RANGE_TOO_LONG at last"]);
        assert_eq!(admin.refused("createNumbers", with(&estate.berlin, "4001", "4000")).await, ["NUMBER_RANGE_INVALID at last"]);
        assert_eq!(admin.refused("createNumbers", with(&estate.berlin, "call", "call")).await, ["PATTERN_INVALID at first"]);
        let thousand = admin.done("createNumbers", with(&estate.acme, "4000", "4999"), "outcomes { result }").await;
        assert_eq!(thousand["outcomes"].as_array().expect("outcomes").len(), 1_000);
        assert_eq!(admin.data("{ numbers { totalCount } }").await["numbers"]["totalCount"], 1_003);
        let middle = json!({"parentId": estate.north, "kind": "INTERMEDIATE", "name": "region"});
        let middle = admin.done("createOrganization", middle, "organization { id }").await;
        let middle = text(&middle["organization"]["id"]);
        assert_eq!(admin.refused("createNumbers", with(&middle, "6000", "6000")).await, ["NUMBER_LEVEL_INVALID at organizationId"]);
        // Every broken rule at once.
        let mut bad = with(&middle, "6000", "9999");
        bad["reservedFor"] = json!("Anna B");
        bad["e164Prefix"] = json!("49");
        bad["description"] = json!("x".repeat(129));
        assert_eq!(
            admin.refused("createNumbers", bad).await,
            ["NUMBER_LEVEL_INVALID at organizationId", "NUMBER_RANGE_TOO_LONG at last", "VALUE_TOO_LONG at description", "USER_ID_INVALID at reservedFor"]
        );
        let mut one = with(&estate.berlin, "6000", "6000");
        one["e164Prefix"] = json!("+4930");
        let one = admin.done("createNumbers", one, "outcomes { number { id e164Number } }").await;
        assert_eq!(one["outcomes"][0]["number"]["e164Number"], "+49306000");
        let input = json!({"id": one["outcomes"][0]["number"]["id"], "expectedVersion": 1, "e164Number": "+1"});
        let done = admin.done("updateNumber", input.clone(), "number { e164Number version history { totalCount } }").await;
        assert_eq!(done["number"], json!({"e164Number": "+1", "version": 2, "history": {"totalCount": 2}}));
        assert_eq!(admin.refused("updateNumber", input).await, ["VERSION_CONFLICT at expectedVersion"]);
    }
}

story! {
    /// RSV-1 to RSV-7: a flag beside the status that outlives its user, and lets nobody else have the number.
    async fn a_number_reserved_for_somebody_goes_to_nobody_else(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        // Existing or newly typed, for somebody who is yet to come.
        add(&admin, &estate, &estate.berlin, "4001", "4001").await;
        let done = reserve(&admin, &estate, &["4001", "4002"], Some("anna")).await;
        assert_eq!(
            done["outcomes"],
            json!([
                {"pattern": "4001", "result": "UPDATED", "number": {"reservedFor": "anna"}},
                {"pattern": "4002", "result": "CREATED", "number": {"reservedFor": "anna"}},
            ])
        );
        let ben = admin.user(&estate, &estate.berlin, "ben").await;
        let profile = admin.profile(&estate, &estate.berlin, "EM-ben", &[]).await;
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [ben]}), "").await;
        let put = json!({"deviceId": profile, "pattern": "4001"});
        let payload = admin.mutate("addLineToDevice", put.clone(), "errors { details { reservedFor numberStatus until } }").await;
        assert_eq!(code(&payload), "NUMBER_RESERVED_FOR_OTHER_USER");
        assert_eq!(payload["errors"][0]["details"], json!({"reservedFor": "anna", "numberStatus": null, "until": null}));
        assert_eq!(
            payload["errors"][0]["message"],
            "Number 4001 is reserved for 'anna'. Clear that with reserveNumbersFor, or choose another number."
        );
        // The user who comes takes it along, in the same step.
        let user = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "userId": "anna", "lastName": "Berg",
            "newProfiles": [{"name": "EM-anna", "product": "Cisco 8841", "protocol": "SIP", "lines": [{"pattern": "4001"}]}],
        });
        let anna = text(&admin.done("createUser", user, "user { id }").await["user"]["id"]);
        assert_eq!(seen(&admin, &estate, "4001").await["status"], "USED");
        // With her among several users, RSV-7.
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [anna]}), "").await;
        admin.done("addLineToDevice", json!({"deviceId": profile, "pattern": "4002"}), "").await;

        // She goes, the number is free, and still it is hers.
        admin.done("disassociateUser", json!({"profileId": profile, "userId": anna}), "").await;
        admin.done("deleteUser", json!({"id": anna, "soleProfiles": "DELETE"}), "").await;
        let number = seen(&admin, &estate, "4001").await;
        assert_eq!((&number["status"], &number["reservedFor"]), (&json!("AVAILABLE"), &json!("anna")));
        assert_eq!(admin.refused("addLineToDevice", put.clone()).await, ["NUMBER_RESERVED_FOR_OTHER_USER at pattern"]);
        let gone = admin.data("{ numbers(filter: {hasHolder: false}) { nodes { pattern } } }").await;
        assert_eq!(gone["numbers"]["nodes"], json!([{"pattern": "4001"}, {"pattern": "4002"}]));
        // Not for somebody else before it is cleared.
        assert_eq!(code(&reserve(&admin, &estate, &["4001"], Some("ben")).await), "NUMBER_RESERVED_FOR_OTHER_USER");
        reserve(&admin, &estate, &["4001"], None).await;
        admin.done("addLineToDevice", put, "").await;
    }
}

story! {
    /// RSV-7: a reservation ends at its date, at once for who asks and for good by the application.
    async fn a_reservation_may_end_by_itself(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "patterns": ["4001"], "userId": "anna",
            "until": "2026-01-08T00:00:00Z",
        });
        admin.done("reserveNumbersFor", input, "").await;
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let put = json!({"deviceId": profile, "pattern": "4001", "dryRun": true});
        assert_eq!(admin.refused("addLineToDevice", put.clone()).await, ["NUMBER_RESERVED_FOR_OTHER_USER at pattern"]);
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let told = async || {
            let query = format!(
                r#"{{ numbers {{ nodes {{ isReserved reservedFor reservedUntil }} }} held: numbers(filter: {{isReserved: true}}) {{ totalCount }}
                    free: numbers(filter: {{isReserved: false}}) {{ totalCount }}
                    named: numbers(filter: {{reservedFor: {{equals: "anna"}}}}) {{ totalCount }}
                    there: numbers(filter: {{hasHolder: true}}) {{ totalCount }}
                    user(by: {{id: "{anna}"}}) {{ extensionMobility {{ reservedNumbers {{ totalCount nodes {{ pattern }} }} }} }} }}"#
            );
            admin.data(&query).await
        };
        let counts = |held: bool| {
            let (yes, no) = if held { (1, 0) } else { (0, 1) };
            let nodes = if held { json!([{"pattern": "4001"}]) } else { json!([]) };
            [
                json!({"totalCount": yes}), json!({"totalCount": no}), json!({"totalCount": yes}), json!({"totalCount": yes}),
                json!({"extensionMobility": {"reservedNumbers": {"totalCount": yes, "nodes": nodes}}}),
            ]
        };
        let lists = ["held", "free", "named", "there", "user"];
        let before = told().await;
        let until = json!("2026-01-08T00:00:00+00:00");
        assert_eq!(before["numbers"]["nodes"], json!([{"isReserved": true, "reservedFor": "anna", "reservedUntil": until}]));
        assert_eq!(lists.map(|list| before[list].clone()), counts(true));
        let id = text(&seen(&admin, &estate, "4001").await["id"]);
        assert_eq!(admin.refused("deleteNumber", json!({"id": id})).await, ["NUMBER_NOT_FREE at id"]);
        server.pass(DAY * 7);
        // Before anything has cleared it, every read says so.
        let after = told().await;
        assert_eq!(after["numbers"]["nodes"], json!([{"isReserved": false, "reservedFor": null, "reservedUntil": null}]));
        assert_eq!(lists.map(|list| after[list].clone()), counts(false));
        admin.done("deleteNumber", json!({"id": id, "dryRun": true}), "").await;
        admin.done("addLineToDevice", put, "").await;
        assert_eq!(command::number::release_due(&server.app).await.expect("released"), 1);
        assert_eq!(seen(&admin, &estate, "4001").await["reservedFor"], json!(null));
    }
}

story! {
    /// INV-10: the nearest organization's setting decides; the clock passes and the number is free again.
    async fn a_freed_number_cools_as_its_organization_says(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let set = |id: &str, days: Value| json!({"id": id, "coolingDays": days});
        admin.done("updateOrganization", set(&estate.north, json!(30)), "organization { coolingDays version }").await;
        assert_eq!(admin.refused("updateOrganization", set(&estate.north, json!(1_000))).await, ["VALUE_OUT_OF_RANGE at coolingDays"]);
        admin.done("updateOrganization", set(&estate.paris, json!(0)), "").await;
        add(&admin, &estate, &estate.berlin, "4001", "4001").await;
        add(&admin, &estate, &estate.paris, "4002", "4002").await;
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        admin.done("deleteProfile", json!({"id": profile}), "").await;
        let cooling = seen(&admin, &estate, "4001").await;
        assert_eq!(
            (&cooling["status"], &cooling["coolingUntil"]),
            (&json!("COOLING"), &json!("2026-01-31T00:00:00+00:00"))
        );
        assert_eq!(seen(&admin, &estate, "4002").await["status"], "AVAILABLE");

        server.pass(DAY * 29);
        assert_eq!(command::number::release_due(&server.app).await.expect("released"), 0);
        server.pass(DAY);
        let mut feed = admin.follow_on("by change { kind }").await;
        assert_eq!(command::number::release_due(&server.app).await.expect("released"), 1);
        let event = feed.next().await;
        assert_eq!(event["by"], "inventory");
        assert_eq!(event["change"], json!({"kind": "NUMBER_UPDATED"}));
        assert_eq!(seen(&admin, &estate, "4001").await["status"], "AVAILABLE");
    }
}

/// Many nodes release at once, and each number is released once.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_release_together_release_each_number_once() {
    let Some(server) = Roamline::postgres().await else { return };
    let (estate, admin) = (server.estate().await, server.admin());
    let input = json!({
        "organizationId": estate.berlin, "clusterId": estate.emea, "first": "4000", "last": "4799",
        "reservedFor": "anna", "reservedUntil": "2026-01-02T00:00:00Z",
    });
    admin.done("createNumbers", input, "").await;
    let beside = server.beside().await;
    for node in [&server, &beside] {
        node.pass(DAY * 2);
    }
    let (one, two) =
        tokio::join!(command::number::release_due(&server.app), command::number::release_due(&beside.app));
    assert_eq!(one.expect("released") + two.expect("released"), 800);
    let changes = admin.data("{ changes(filter: {kinds: [NUMBER_UPDATED]}) { totalCount } }").await;
    assert_eq!(changes["changes"]["totalCount"], 800);
    beside.close().await;
    server.close().await;
}

/// What the picker offers on a profile: pattern, whether it may be chosen, and the rule that keeps it.
async fn offered(client: &Client, profile: &str, filter: &str) -> Vec<String> {
    let query = format!(
        r#"{{ profile(by: {{id: "{profile}"}}) {{ selectableNumbers(filter: {{{filter}}}) {{
            totalCount nodes {{ selectable refusal {{ code }} number {{ pattern }} }} }} }} }}"#
    );
    let data = client.data(&query).await;
    let list = &data["profile"]["selectableNumbers"];
    let nodes = list["nodes"].as_array().expect("numbers");
    assert_eq!(list["totalCount"], nodes.len());
    let told = |node: &Value| {
        let code = node["refusal"]["code"].as_str().unwrap_or("ok");
        assert_eq!(node["selectable"], code == "ok");
        format!("{} {code}", text(&node["number"]["pattern"]))
    };
    nodes.iter().map(told).collect()
}

story! {
    /// INV-5, FLT-1, FLT-2, FLT-5: what the picker offers, by the first user only, and what it says of what may not be chosen.
    async fn the_picker_offers_what_its_filter_says(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        add(&admin, &estate, &estate.berlin, "4001", "4006").await;
        add(&admin, &estate, &estate.north, "4007", "4007").await;
        add(&admin, &estate, &estate.paris, "4008", "4008").await;
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        let home = admin.profile(&estate, &estate.berlin, "EM-home", &["4001"]).await;
        admin.done("associateUsers", json!({"profileId": home, "userIds": [anna]}), "").await;
        reserve(&admin, &estate, &["4002"], Some("anna")).await;
        reserve(&admin, &estate, &["4003"], Some("ben")).await;
        move_to(&admin, &estate, "4004", json!({"to": "RESERVED"})).await;
        move_to(&admin, &estate, "4005", json!({"to": "COOLING", "days": 5})).await;
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;

        // Without users, nobody's numbers.
        assert_eq!(offered(&admin, &profile, "choice: BELONGING_TO_FIRST_USER").await, [""; 0]);
        assert_eq!(offered(&admin, &profile, "choice: AVAILABLE").await, ["4006 ok", "4007 ok"]);
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [anna, ben]}), "").await;
        assert_eq!(offered(&admin, &profile, "choice: BELONGING_TO_FIRST_USER").await, ["4001 ok", "4002 ok"]);
        assert_eq!(offered(&admin, &profile, "choice: AVAILABLE").await, ["4002 ok", "4003 ok", "4006 ok", "4007 ok"]);
        assert_eq!(offered(&admin, &profile, "choice: RESERVED_FOR_USER").await, ["4002 ok", "4003 ok"]);
        let of = |choice: &str, user: &str| format!(r#"choice: {choice}, userId: "{user}""#);
        assert_eq!(offered(&admin, &profile, &of("RESERVED_FOR_USER", &ben)).await, ["4003 ok"]);
        assert_eq!(offered(&admin, &profile, &of("BELONGING_TO_USER", &anna)).await, ["4001 ok", "4002 ok"]);
        assert_eq!(offered(&admin, &profile, "choice: USED").await, ["4001 ok"]);
        let all = ["4001 ok", "4002 ok", "4003 ok", "4004 NUMBER_NOT_AVAILABLE", "4005 NUMBER_COOLING", "4006 ok", "4007 ok"];
        assert_eq!(offered(&admin, &profile, "choice: ALL").await, all, "4008 is another site's");
        admin.done("reorderUsers", json!({"profileId": profile, "userIds": [ben, anna]}), "").await;
        assert_eq!(offered(&admin, &profile, "choice: BELONGING_TO_FIRST_USER").await, ["4003 ok"]);

        // The same choice binds the mutation.
        let put = |pattern: &str, filter: Value| json!({"deviceId": profile, "pattern": pattern, "inventoryFilter": filter});
        let first = json!({"choice": "BELONGING_TO_FIRST_USER"});
        assert_eq!(
            admin.refused("addLineToDevice", put("4002", first.clone())).await,
            ["NUMBER_OUTSIDE_INVENTORY_FILTER at pattern"]
        );
        assert_eq!(
            admin.refused("addLineToDevice", put("9999", json!({"choice": "ALL"}))).await,
            ["NUMBER_OUTSIDE_INVENTORY_FILTER at pattern"]
        );
        assert_eq!(
            admin.refused("addLineToDevice", put("4008", json!({"choice": "ALL"}))).await,
            ["NUMBER_OUTSIDE_INVENTORY_FILTER at pattern"],
            "another site's"
        );
        admin.done("addLineToDevice", put("4003", first), "").await;
        admin.done("addLineToDevice", put("4001", json!({"choice": "BELONGING_TO_USER", "userId": anna})), "").await;
        assert_eq!(
            admin.refused("addLineToDevice", put("4005", json!({"choice": "AVAILABLE"}))).await,
            ["NUMBER_COOLING at pattern", "NUMBER_OUTSIDE_INVENTORY_FILTER at pattern"]
        );
        assert_eq!(
            offered(&admin, &profile, "choice: USED").await,
            ["4001 LINE_ALREADY_ON_DEVICE", "4003 LINE_ALREADY_ON_DEVICE"]
        );
        let mut input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-2", "product": "Cisco 8841", "protocol": "SIP",
            "userIds": [ben], "lines": [{"pattern": "4001", "inventoryFilter": {"choice": "AVAILABLE"}}],
        });
        assert_eq!(admin.refused("createProfile", input.clone()).await, ["NUMBER_OUTSIDE_INVENTORY_FILTER at lines.0.pattern"]);
        input["lines"][0]["inventoryFilter"] = json!({"choice": "BELONGING_TO_FIRST_USER"});
        input["lines"][0]["pattern"] = json!("4003");
        admin.done("createProfile", input, "").await;
        let unsaid = format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ selectableNumbers(filter: {{choice: BELONGING_TO_USER}}) {{ totalCount }} }} }}"#);
        assert_eq!(admin.code(&unsaid).await, "BAD_USER_INPUT");

        // Search and pages.
        let query = format!(
            r#"{{ profile(by: {{id: "{profile}"}}) {{
                some: selectableNumbers(filter: {{choice: ALL}}, search: "06") {{ nodes {{ number {{ pattern }} }} }}
                page: selectableNumbers(filter: {{choice: ALL}}, first: 2) {{ totalCount nodes {{ number {{ pattern }} }} pageInfo {{ endCursor hasNextPage }} }} }} }}"#
        );
        let data = admin.data(&query).await;
        assert_eq!(data["profile"]["some"]["nodes"], json!([{"number": {"pattern": "4006"}}]));
        let page = &data["profile"]["page"];
        assert_eq!((&page["totalCount"], &page["pageInfo"]["hasNextPage"]), (&json!(7), &json!(true)));
        let query = format!(
            r#"{{ profile(by: {{id: "{profile}"}}) {{ selectableNumbers(filter: {{choice: ALL}}, first: 1, after: {}) {{ nodes {{ number {{ pattern }} }} }} }} }}"#,
            page["pageInfo"]["endCursor"]
        );
        assert_eq!(
            admin.data(&query).await["profile"]["selectableNumbers"]["nodes"],
            json!([{"number": {"pattern": "4003"}}])
        );
    }
}

story! {
    /// INV-11: what does not agree with the lines is told and mended; nothing is deleted.
    async fn an_audit_finds_and_mends_what_differs(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        // An estate from before the inventory: its lines stand without entries.
        admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002", "4003"]).await;
        let done = add(&admin, &estate, &estate.berlin, "4001", "4005").await;
        assert_eq!(done["outcomes"].as_array().expect("outcomes").len(), 5);
        assert_eq!(seen(&admin, &estate, "4001").await["status"], "USED");
        admin.profile(&estate, &estate.rome, "EM-2", &["5001"]).await;
        let db = Database::connect(&server.database).await.expect("connected");
        for (status, pattern) in [("RESERVED", "4002"), ("USED", "4005")] {
            let sql = format!("UPDATE number SET status = '{status}' WHERE pattern = '{pattern}'");
            db.execute_unprepared(&sql).await.expect("spoilt");
        }
        db.close().await.expect("closed");
        let audit = "numberAudit { hasMore differences { pattern status expected number { id } } }";
        let found = admin.data(&format!("{{ {audit} }}")).await;
        let told: Vec<_> = found["numberAudit"]["differences"]
            .as_array()
            .expect("differences")
            .iter()
            .map(|d| format!("{} {} {}", text(&d["pattern"]), d["status"].as_str().unwrap_or("-"), text(&d["expected"])))
            .collect();
        assert_eq!(told, ["4002 RESERVED USED", "4005 USED AVAILABLE", "5001 - USED"]);
        let only = json!({"organizationId": estate.south});
        assert_eq!(admin.done("auditNumbers", only, "changes { kind }").await["changes"], json!([]));
        let done = admin.done("auditNumbers", json!({}), "changes { kind }").await;
        assert_eq!(done["changes"], json!([{"kind": "NUMBER_UPDATED"}, {"kind": "NUMBER_UPDATED"}]));
        assert_eq!(seen(&admin, &estate, "5001").await, json!(null), "a line without an entry stays allowed");
        let done = admin.done("auditNumbers", json!({"addMissing": true}), "changes { kind }").await;
        assert_eq!(done["changes"], json!([{"kind": "NUMBER_CREATED"}]));
        assert_eq!(seen(&admin, &estate, "5001").await["status"], "USED");
        assert_eq!(admin.data(&format!("{{ {audit} }}")).await["numberAudit"]["differences"], json!([]));
        assert_eq!(admin.data("{ numbers { totalCount } }").await["numbers"]["totalCount"], 6);
    }
}

/// What `roamline fsck` says of a database, and with which code it ends.
fn fsck(database: &str, more: &[&str]) -> (Vec<String>, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_roamline"))
        .args(["--log", "error", "--database", database, "fsck"])
        .args(more)
        .output()
        .expect("it runs");
    let said = String::from_utf8(output.stdout).expect("text");
    (said.lines().map(str::to_owned).collect(), output.status.code())
}

story! {
    /// INV-11, on the command line: what differs is said, and put right where that is asked for.
    async fn fsck_says_and_mends_what_differs(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        add(&admin, &estate, &estate.berlin, "4001", "4001").await;
        let absent = "4002 in partition '' stands on a device and has no entry".to_owned();
        let allowed = "That is allowed; `roamline fsck --mend --add-missing` makes entries of them.".to_owned();
        let check = async |more: &'static [&'static str]| {
            let database = server.database.clone();
            tokio::task::spawn_blocking(move || fsck(&database, more)).await.expect("it ran")
        };
        assert_eq!(check(&[]).await, (vec![absent.clone(), allowed], Some(0)));
        let db = Database::connect(&server.database).await.expect("connected");
        db.execute_unprepared("UPDATE number SET status = 'AVAILABLE'").await.expect("spoilt");
        db.close().await.expect("closed");
        let spoilt = "4001 in partition '' is AVAILABLE and should be USED".to_owned();
        let mend = "Mend it with `roamline fsck --mend`.".to_owned();
        let (said, code) = check(&[]).await;
        assert_eq!(said, [spoilt.clone(), absent.clone(), mend]);
        assert!(code.is_some_and(|code| code != 0), "{code:?}");
        assert_eq!(seen(&admin, &estate, "4001").await["status"], "AVAILABLE", "nothing was done");
        assert_eq!(check(&["--mend"]).await, (vec![spoilt, "1 number was put right.".to_owned()], Some(0)));
        assert_eq!(seen(&admin, &estate, "4001").await["status"], "USED");
        assert_eq!(seen(&admin, &estate, "4002").await, json!(null));
        let added = vec![absent, "1 number was put right.".to_owned()];
        assert_eq!(check(&["--mend", "--add-missing"]).await, (added, Some(0)));
        assert_eq!(seen(&admin, &estate, "4002").await["status"], "USED");
        assert_eq!(check(&[]).await, (vec!["The inventory agrees with the lines.".to_owned()], Some(0)));
    }
}

story! {
    /// ACC-7, INV-2: below, an entry is seen that may be used; beside, nothing, not even by a refusal.
    async fn a_neighbour_learns_nothing_of_our_numbers(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        add(&admin, &estate, &estate.north, "4001", "4001").await;
        add(&admin, &estate, &estate.berlin, "4002", "4002").await;
        reserve(&admin, &estate, &["4001", "4002"], Some("anna")).await;
        let berlin = server.somebody(Role::Operator, &estate.berlin).await;
        let south = server.somebody(Role::Operator, &estate.south).await;
        let list = "{ numbers { totalCount nodes { pattern isReserved reservedFor organization { path } } } }";
        assert_eq!(
            berlin.data(list).await["numbers"]["nodes"],
            json!([
                {"pattern": "4001", "isReserved": true, "reservedFor": null, "organization": null},
                {"pattern": "4002", "isReserved": true, "reservedFor": "anna", "organization": {"path": "acme.north.berlin"}},
            ])
        );
        let filtered = r#"{ numbers(filter: {reservedFor: {equals: "anna"}}) { nodes { pattern } } }"#;
        assert_eq!(berlin.data(filtered).await["numbers"]["nodes"], json!([{"pattern": "4002"}]));
        assert_eq!(south.data(list).await["numbers"], json!({"totalCount": 0, "nodes": []}));
        // What is listed is found by search as well, and nothing else.
        let search = r#"{ search(text: "400", nouns: [NUMBER]) { ... on Number { pattern } } }"#;
        assert_eq!(berlin.data(search).await["search"], json!([{"pattern": "4001"}, {"pattern": "4002"}]));
        assert_eq!(south.data(search).await["search"], json!([]));

        let profile = berlin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let put = json!({"deviceId": profile, "pattern": "4001"});
        let payload = berlin.mutate("addLineToDevice", put, "errors { details { reservedFor } }").await;
        assert!(text(&payload["errors"][0]["message"]).contains("reserved for somebody else"), "{payload}");
        assert_eq!(payload["errors"][0]["details"], json!({"reservedFor": null}));
        let above = berlin.data(r#"{ numbers(filter: {pattern: {equals: "4001"}}) { nodes { id } } }"#).await;
        let above = json!({"numberId": above["numbers"]["nodes"][0]["id"], "to": "RESERVED"});
        assert_eq!(berlin.refused("changeNumberStatus", above).await, ["NOT_FOUND at numberId"]);
        let rome = south.profile(&estate, &estate.rome, "EM-2", &[]).await;
        let payload = south.mutate("addLineToDevice", json!({"deviceId": rome, "pattern": "4002"}), "").await;
        assert_eq!(code(&payload), "NUMBER_NOT_AVAILABLE");
        let message = text(&payload["errors"][0]["message"]);
        assert!(message.contains("outside your organization") && !message.contains("anna"), "{message}");
        // Adding what a neighbour has is left alone and told as nothing more.
        let done = add(&south, &estate, &estate.rome, "4002", "4003").await;
        assert_eq!(
            done["outcomes"][0],
            json!({"pattern": "4002", "result": "LEFT_ALONE", "number": null})
        );
        assert_eq!(done["outcomes"][1]["result"], "CREATED");
    }
}

story! {
    /// Of two profiles that want one number at once, both get it as a shared line, and it is used once.
    async fn two_who_want_one_number_share_it(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for round in 0..4 {
            let pattern = format!("40{round:02}");
            add(&admin, &estate, &estate.berlin, &pattern, &pattern).await;
            let one = admin.profile(&estate, &estate.berlin, &format!("A-{round}"), &[]).await;
            let two = admin.profile(&estate, &estate.berlin, &format!("B-{round}"), &[]).await;
            let put = async |id: &str| admin.mutate("addLineToDevice", json!({"deviceId": id, "pattern": pattern}), "").await;
            let (first, second) = tokio::join!(put(&one), put(&two));
            assert_eq!((&first["errors"], &second["errors"]), (&json!([]), &json!([])));
            let number = seen(&admin, &estate, &pattern).await;
            assert_eq!((&number["status"], &number["version"]), (&json!("USED"), &json!(2)));
            let off = async |profile: &str| {
                let appearance = admin.appearances(profile).await.remove(0);
                admin.done("removeLineFromDevice", json!({"appearanceId": appearance}), "").await
            };
            tokio::join!(off(&one), off(&two));
            assert_eq!(seen(&admin, &estate, &pattern).await["status"], "AVAILABLE");
        }
    }
}

story! {
    /// INV-9: an entry that comes while its line is put on a device, or taken off, is as the line stands in the end.
    async fn an_entry_that_comes_meanwhile_is_as_its_line_stands(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-anna", &[]).await;
        for round in 0..8 {
            let (comes, goes) = (format!("41{round:02}"), format!("42{round:02}"));
            let put = async |pattern: &str| {
                admin.done("addLineToDevice", json!({"deviceId": profile, "pattern": pattern}), "appearance { id }").await
            };
            let standing = put(&goes).await["appearance"]["id"].clone();
            let off = async || admin.done("removeLineFromDevice", json!({"appearanceId": standing}), "").await;
            let entry = async |pattern: &str| add(&admin, &estate, &estate.berlin, pattern, pattern).await;
            tokio::join!(put(&comes), entry(&comes), off(), entry(&goes));
            assert_eq!(seen(&admin, &estate, &comes).await["status"], "USED", "round {round}");
            assert_eq!(seen(&admin, &estate, &goes).await["status"], "AVAILABLE", "round {round}");
        }
    }
}
