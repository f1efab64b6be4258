//! Stories of speed dials, busy lamp fields, call park and service URL buttons.

use entity::token::Role;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, text},
    story,
};

/// An input for a device or button, with more.
fn with(name: &str, id: &str, more: &Value) -> Value {
    let mut input = json!({name: id});
    input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    input
}

/// A speed dial on a device; answers its id.
async fn dial(admin: &Client, device: &str, number: &str) -> String {
    let input = json!({"deviceId": device, "button": {"speedDial": {"number": number, "label": format!("to {number}")}}});
    text(&admin.done("addButton", input, "button { id }").await["button"]["id"])
}

/// The speed dials of a profile, each as `index:number`.
async fn dials(client: &Client, profile: &str) -> Vec<String> {
    let query = format!(
        r#"{{ profile(by: {{id: "{profile}"}}) {{ speedDials(first: 200) {{ nodes {{ index number }} }} }} }}"#
    );
    let data = client.data(&query).await;
    let nodes = data["profile"]["speedDials"]["nodes"].as_array().expect("speed dials").clone();
    nodes.iter().map(|node| format!("{}:{}", node["index"], text(&node["number"]))).collect()
}

story! {
    /// BLF-7, BTN-1, BTN-2: each kind is a list of positions of its own, on profiles and phones.
    async fn a_device_has_four_lists_of_buttons(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let select = "button { __typename index label kind device { name } \
                      ... on SpeedDial { number } ... on BusyLampField { destination pattern partition pickup line { pattern } } \
                      ... on CallParkButton { parked: pattern partition } ... on ServiceUrlButton { service url } }";
        for (device, name) in [(&profile, "EM-1"), (&phone, "SEP1")] {
            for (button, want) in [
                (
                    json!({"speedDial": {"number": "+4930,1234", "label": "Anna", "index": 3}}),
                    json!({"__typename": "SpeedDial", "index": 3, "label": "Anna", "kind": "SPEED_DIAL", "number": "+4930,1234"}),
                ),
                (
                    json!({"busyLampField": {"pattern": "4001", "pickup": true}}),
                    json!({
                        "__typename": "BusyLampField", "index": 1, "label": null, "kind": "BUSY_LAMP_FIELD", "destination": null,
                        "pattern": "4001", "partition": null, "pickup": true, "line": {"pattern": "4001"},
                    }),
                ),
                (
                    json!({"busyLampField": {"destination": "ben@acme.example", "label": "Ben"}}),
                    json!({
                        "__typename": "BusyLampField", "index": 2, "label": "Ben", "kind": "BUSY_LAMP_FIELD",
                        "destination": "ben@acme.example", "pattern": null, "partition": null, "pickup": false, "line": null,
                    }),
                ),
                (
                    json!({"callPark": {"pattern": "4900", "partition": "pt", "label": "Park"}}),
                    json!({"__typename": "CallParkButton", "index": 1, "label": "Park", "kind": "CALL_PARK", "parked": "4900", "partition": "pt"}),
                ),
                (
                    json!({"serviceUrl": {"service": "Weather", "url": "http://weather/?ext=1"}}),
                    json!({
                        "__typename": "ServiceUrlButton", "index": 1, "label": null, "kind": "SERVICE_URL",
                        "service": "Weather", "url": "http://weather/?ext=1",
                    }),
                ),
            ] {
                let done = admin.done("addButton", json!({"deviceId": device, "button": button}), select).await;
                let mut want = want;
                want["device"] = json!({"name": name});
                assert_eq!(done["button"], want);
            }
        }
        let lists = "version speedDials { totalCount nodes { index } } busyLampFields { nodes { index label } } \
                     callParks { nodes { label } } serviceUrls { nodes { service } }";
        let query = format!(
            r#"{{ profile(by: {{id: "{profile}"}}) {{ {lists} }} phone(by: {{id: "{phone}"}}) {{ {lists} }} }}"#
        );
        let data = admin.data(&query).await;
        let want = |version: i32| json!({
            "version": version,
            "speedDials": {"totalCount": 1, "nodes": [{"index": 3}]},
            "busyLampFields": {"nodes": [{"index": 1, "label": null}, {"index": 2, "label": "Ben"}]},
            "callParks": {"nodes": [{"label": "Park"}]}, "serviceUrls": {"nodes": [{"service": "Weather"}]},
        });
        // The profile's line came first.
        assert_eq!(data, json!({"profile": want(7), "phone": want(6)}));
    }
}

story! {
    /// SPD-1, SPD-3, SPD-4, SPD-5, BLF-1, BLF-2, BLF-3, BTN-1, BTN-2: what no button may be, all of it at once.
    async fn a_button_keeps_the_rules_of_its_kind(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-2", "product": "Cisco 7945", "protocol": "SCCP",
        });
        let sccp = text(&admin.done("createProfile", input, "profile { id }").await["profile"]["id"]);
        let gateway = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "name": "gw"});
        let gateway = text(&admin.done("registerDevice", gateway, "device { id }").await["device"]["id"]);
        dial(&admin, &id, "1").await;
        let speed = |number: &str, label: &str, index: i32| json!({"speedDial": {"number": number, "label": label, "index": index}});
        for (device, button, rules) in [
            (&id, speed("call me", " ", 0), vec![
                "BUTTON_INDEX_INVALID at button.speedDial.index",
                "SPEED_DIAL_LABEL_REQUIRED at button.speedDial.label",
                "SPEED_DIAL_NUMBER_INVALID at button.speedDial.number",
            ]),
            (&id, speed("4001,98765", "Room 98765", 1), vec![
                "BUTTON_INDEX_TAKEN at button.speedDial.index", "SPEED_DIAL_SHOWS_CODES at button.speedDial.label",
            ]),
            (&id, json!({"busyLampField": {"destination": "1", "pattern": "1"}}), vec!["BLF_DESTINATION_AMBIGUOUS at button.busyLampField.destination"]),
            (&id, json!({"busyLampField": {}}), vec!["BLF_DESTINATION_AMBIGUOUS at button.busyLampField.destination"]),
            (&id, json!({"busyLampField": {"pattern": "40XX"}}), vec!["BLF_TARGET_NOT_ALLOWED at button.busyLampField.pattern"]),
            (&sccp, json!({"busyLampField": {"destination": "a@b"}}), vec!["BLF_URI_NEEDS_SIP at button.busyLampField.destination"]),
            (&id, json!({"callPark": {"pattern": "park"}}), vec!["PATTERN_INVALID at button.callPark.pattern"]),
            (&id, json!({"serviceUrl": {"service": "", "url": "a b"}}), vec![
                "VALUE_REQUIRED at button.serviceUrl.service", "VALUE_INVALID at button.serviceUrl.url",
            ]),
            (&gateway, speed("1", "x", 1), vec!["DEVICE_HAS_NO_BUTTONS at button.speedDial"]),
            (&"x".to_owned(), speed("1", "x", 1), vec!["NOT_FOUND at deviceId"]),
        ] {
            assert_eq!(admin.refused("addButton", json!({"deviceId": device, "button": button})).await, rules, "{button}");
        }
        let payload = admin.mutate("addButton", json!({"deviceId": id, "button": speed("2", "two", 1)}), "").await;
        assert_eq!(
            payload["errors"][0]["message"],
            "Position 1 is taken. Position 2 is free; or use moveButton, which makes room."
        );
        assert_eq!(payload["errors"][0]["rule"], "BTN-2");
        // Two kinds at once are no input at all.
        let both = json!({"speedDial": {"number": "1", "label": "x"}, "callPark": {"pattern": "1"}});
        let query = "mutation($input: AddButtonInput!) { addButton(input: $input) { cursor } }";
        let answer = admin.ask(query, json!({"input": {"deviceId": id, "button": both}})).await;
        assert!(answer["errors"][0]["message"].is_string(), "{answer}");
    }
}

story! {
    async fn a_button_is_changed_moved_and_removed(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let mut ids = Vec::new();
        for number in ["1", "2", "3", "4"] {
            ids.push(dial(&admin, &id, number).await);
        }
        let mut feed = admin.follow_on("reason change { kind ... on ButtonUpdated { fields deviceName before { index } after { index label } } ... on ButtonRemoved { before { index } device { name } } }").await;
        let change = |at: usize, more: Value| with("buttonId", &ids[at], &more);
        let select = "button { index label ... on SpeedDial { number } device { ... on Profile { version } } } changes { kind }";
        let done = admin.done("updateButton", change(1, json!({"label": "Ben", "expectedVersion": 5, "reason": "married"})), select).await;
        assert_eq!(done["button"], json!({"index": 2, "label": "Ben", "number": "2", "device": {"version": 6}}));
        let event = feed.next().await;
        assert_eq!(event["reason"], "married");
        assert_eq!(
            event["change"],
            json!({"kind": "BUTTON_UPDATED", "fields": ["label"], "deviceName": "EM-1", "before": {"index": 2}, "after": {"index": 2, "label": "Ben"}})
        );
        let same = admin.done("updateButton", change(1, json!({"number": "2"})), select).await;
        assert_eq!(same["changes"], json!([]));

        // To a taken position: what stands between moves by one, each told.
        let done = admin.done("moveButton", change(3, json!({"index": 1, "expectedVersion": 6})), select).await;
        assert_eq!((&done["button"]["index"], &done["button"]["device"]["version"]), (&json!(1), &json!(7)));
        assert_eq!(done["changes"].as_array().map(Vec::len), Some(4));
        assert_eq!(dials(&admin, &id).await, ["1:4", "2:1", "3:2", "4:3"]);
        feed.take(4).await;
        // To a free one: alone, leaving a gap.
        admin.done("moveButton", change(0, json!({"index": 9})), select).await;
        assert_eq!(dials(&admin, &id).await, ["1:4", "3:2", "4:3", "9:1"]);
        assert_eq!(feed.next().await["change"]["fields"], json!(["index"]));

        let done = admin.done("removeButton", change(1, json!({})), "removed { index ... on SpeedDial { number } }").await;
        assert_eq!(done["removed"], json!({"index": 3, "number": "2"}));
        assert_eq!(feed.next().await["change"], json!({"kind": "BUTTON_REMOVED", "before": {"index": 3}, "device": {"name": "EM-1"}}));
        assert_eq!(dials(&admin, &id).await, ["1:4", "4:3", "9:1"]);

        for (name, input, rules) in [
            ("updateButton", change(0, json!({"url": "http://w", "expectedVersion": 1, "number": ""})), vec![
                "VERSION_CONFLICT at expectedVersion", "SPEED_DIAL_NUMBER_INVALID at number", "VALUE_INVALID at url",
            ]),
            ("updateButton", change(0, json!({"label": null})), vec!["SPEED_DIAL_LABEL_REQUIRED at label"]),
            ("moveButton", change(0, json!({"index": 200, "expectedVersion": 1})), vec![
                "VERSION_CONFLICT at expectedVersion", "BUTTON_INDEX_INVALID at index",
            ]),
            ("removeButton", change(0, json!({"expectedVersion": 1})), vec!["VERSION_CONFLICT at expectedVersion"]),
            ("removeButton", change(1, json!({})), vec!["NOT_FOUND at buttonId"]),
            ("updateButton", json!({"buttonId": id}), vec!["NOT_FOUND at buttonId"]),
            ("moveButton", json!({"buttonId": "x", "index": 1}), vec!["NOT_FOUND at buttonId"]),
        ] {
            assert_eq!(admin.refused(name, input).await, rules, "{name}");
        }
    }
}

story! {
    /// BLF-1: from a number in a partition to a destination and back.
    async fn a_busy_lamp_field_comes_to_watch_something_else(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let lamp = json!({"deviceId": id, "button": {"busyLampField": {"pattern": "4001"}}});
        let lamp = text(&admin.done("addButton", lamp, "button { id }").await["button"]["id"]);
        let select = "button { ... on BusyLampField { destination pattern pickup line { pattern } } }";
        let change = |more: Value| with("buttonId", &lamp, &more);
        assert_eq!(
            admin.refused("updateButton", change(json!({"destination": "4002"}))).await,
            ["BLF_DESTINATION_AMBIGUOUS at destination"]
        );
        let done = admin.done("updateButton", change(json!({"destination": "4002", "pattern": null, "pickup": true})), select).await;
        assert_eq!(done["button"], json!({"destination": "4002", "pattern": null, "pickup": true, "line": null}));
        let done = admin.done("updateButton", change(json!({"destination": null, "pattern": "4001"})), select).await;
        assert_eq!(done["button"], json!({"destination": null, "pattern": "4001", "pickup": true, "line": {"pattern": "4001"}}));
    }
}

story! {
    /// LIN-21: whole lists replace only what was seen; a list that is left out stays.
    async fn lists_are_replaced_whole_at_the_version_that_was_seen(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let park = json!({"deviceId": id, "button": {"callPark": {"pattern": "4900"}}});
        admin.done("addButton", park, "").await;
        let first = dial(&admin, &id, "1").await;
        dial(&admin, &id, "2").await;
        let input = |version: i32| json!({
            "deviceId": id, "expectedVersion": version,
            "speedDials": [{"number": "1", "label": "to 1"}, {"number": "5", "label": "five"}, {"number": "9", "label": "nine", "index": 199}],
            "busyLampFields": [{"destination": "4001"}],
        });
        assert_eq!(admin.refused("replaceButtons", input(1)).await, ["VERSION_CONFLICT at expectedVersion"]);
        let select = "device { name ... on Profile { version speedDials { nodes { id index label } } callParks { totalCount } busyLampFields { totalCount } } } \
                      removed { index } changes { kind }";
        let mut dry = input(4);
        dry["dryRun"] = json!(true);
        let told = admin.done("replaceButtons", dry, "changes { kind }").await;
        let kinds = ["BUTTON_UPDATED", "BUTTON_ADDED", "BUTTON_ADDED"];
        assert_eq!(told["changes"], json!(kinds.map(|kind| json!({"kind": kind}))));
        assert_eq!(dials(&admin, &id).await, ["1:1", "2:2"]);

        let done = admin.done("replaceButtons", input(4), select).await;
        assert_eq!(done["changes"], told["changes"]);
        let nodes = done["device"]["speedDials"]["nodes"].as_array().expect("speed dials");
        assert_eq!(text(&nodes[0]["id"]), first, "what is alike stays");
        assert_eq!(nodes.iter().map(|node| node["index"].as_i64()).collect::<Vec<_>>(), [Some(1), Some(2), Some(199)]);
        assert_eq!(
            (&done["device"]["version"], &done["device"]["callParks"], &done["device"]["busyLampFields"]),
            (&json!(5), &json!({"totalCount": 1}), &json!({"totalCount": 1}))
        );
        let empty = json!({"deviceId": id, "expectedVersion": 5, "speedDials": []});
        let done = admin.done("replaceButtons", empty, select).await;
        assert_eq!(done["removed"], json!([{"index": 1}, {"index": 2}, {"index": 199}]));
        assert_eq!(done["device"]["callParks"]["totalCount"], 1);

        // SPD-1: 199 and no more; every fault has its place.
        let list = |count: i32| -> Vec<_> {
            (1..=count).map(|n| json!({"number": n.to_string(), "label": n.to_string()})).collect()
        };
        let full = json!({"deviceId": id, "expectedVersion": 6, "speedDials": list(199)});
        admin.done("replaceButtons", full, "").await;
        let more = json!({"deviceId": id, "expectedVersion": 7, "speedDials": list(200)});
        assert_eq!(admin.refused("replaceButtons", more).await, ["BUTTON_LIMIT at speedDials"]);
        let one = json!({"deviceId": id, "button": {"speedDial": {"number": "1", "label": "one"}}});
        assert_eq!(admin.refused("addButton", one).await, ["BUTTON_LIMIT at button.speedDial"]);
        let faults = json!({
            "deviceId": id, "expectedVersion": 7,
            "speedDials": [{"number": "1", "label": "one", "index": 2}, {"number": "x", "label": "two", "index": 2}],
            "serviceUrls": [{"service": "Weather", "url": ""}],
        });
        assert_eq!(
            admin.refused("replaceButtons", faults).await,
            [
                "BUTTON_INDEX_TAKEN at speedDials.1.index", "SPEED_DIAL_NUMBER_INVALID at speedDials.1.number",
                "VALUE_REQUIRED at serviceUrls.0.url",
            ]
        );
        // Said again with the same key, it is answered and not done again.
        let keyed = json!({"deviceId": id, "expectedVersion": 7, "speedDials": list(2), "idempotencyKey": "k"});
        let once = admin.done("replaceButtons", keyed.clone(), "device { ... on Profile { version } }").await;
        assert_eq!(admin.done("replaceButtons", keyed, "device { ... on Profile { version } }").await, once);
    }
}

story! {
    /// DEL-1: buttons go with their device, and the answer tells them; a copy has them too.
    async fn buttons_are_copied_and_go_with_their_device(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-1", "product": "Cisco 8841", "protocol": "SIP",
            "buttons": [{"speedDial": {"number": "1", "label": "one", "index": 4}}, {"serviceUrl": {"service": "Weather", "url": "http://w"}}],
        });
        let mut bad = input.clone();
        bad["buttons"] = json!([{"speedDial": {"number": "1", "label": "one"}}, {"speedDial": {"number": "1", "label": "", "index": 1}}]);
        assert_eq!(
            admin.refused("createProfile", bad).await,
            ["BUTTON_INDEX_TAKEN at buttons.1.speedDial.index", "SPEED_DIAL_LABEL_REQUIRED at buttons.1.speedDial.label"]
        );
        let select = "profile { id speedDials { nodes { index number label } } serviceUrls { nodes { service } } }";
        let done = admin.done("createProfile", input, select).await;
        let id = text(&done["profile"]["id"]);
        let lists = json!({
            "speedDials": {"nodes": [{"index": 4, "number": "1", "label": "one"}]}, "serviceUrls": {"nodes": [{"service": "Weather"}]},
        });
        assert_eq!(done["profile"]["speedDials"], lists["speedDials"]);
        let copy = admin.done("copyProfile", json!({"id": id, "name": "EM-2"}), select).await;
        assert_eq!((&copy["profile"]["speedDials"], &copy["profile"]["serviceUrls"]), (&lists["speedDials"], &lists["serviceUrls"]));
        let bare = admin.done("copyProfile", json!({"id": id, "name": "EM-3", "buttons": false}), select).await;
        assert_eq!(bare["profile"]["speedDials"], json!({"nodes": []}));

        let done = admin.done("deleteProfile", json!({"id": id}), "buttonsDeleted { __typename index } changes { kind }").await;
        assert_eq!(done["buttonsDeleted"], json!([{"__typename": "ServiceUrlButton", "index": 1}, {"__typename": "SpeedDial", "index": 4}]));
        assert_eq!(done["changes"], json!([{"kind": "BUTTON_REMOVED"}, {"kind": "BUTTON_REMOVED"}, {"kind": "PROFILE_DELETED"}]));
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        dial(&admin, &phone, "7").await;
        let done = admin.done("deletePhone", json!({"id": phone}), "buttonsDeleted { label }").await;
        assert_eq!(done["buttonsDeleted"], json!([{"label": "to 7"}]));
        // With the user who alone used the profile, it goes with its buttons.
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": copy["profile"]["id"], "userIds": [anna]}), "").await;
        admin.done("deleteUser", json!({"id": anna, "soleProfiles": "DELETE"}), "").await;
        assert_eq!(admin.data("{ buttons { totalCount } }").await["buttons"]["totalCount"], 0);
    }
}

story! {
    async fn buttons_are_found_wherever_they_stand(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let second = admin.phone(&estate, &estate.rome, "SEP1").await;
        let one = dial(&admin, &first, "4001").await;
        dial(&admin, &second, "4002").await;
        for device in [&first, &second] {
            let lamp = json!({"deviceId": device, "button": {"busyLampField": {"pattern": "4001", "label": "Anna"}}});
            admin.done("addButton", lamp, "").await;
        }
        for (filter, want) in [
            ("{}".to_owned(), 4),
            (r#"{destination: {startsWith: "400"}}"#.to_owned(), 2),
            (r#"{destination: {equals: "4001"}}"#.to_owned(), 1),
            (r#"{pattern: {equals: "4001"}, kinds: [BUSY_LAMP_FIELD]}"#.to_owned(), 2),
            (r#"{label: {contains: "nna"}}"#.to_owned(), 2),
            (format!(r#"{{devices: ["{first}"]}}"#), 2),
            (format!(r#"{{organization: {{ids: ["{}"]}}}}"#, estate.south), 2),
            (format!(r#"{{clusters: ["{}"], not: {{kinds: [SPEED_DIAL]}}}}"#, estate.emea), 2),
            (format!(r#"{{ids: ["{one}"]}}"#), 1),
            (r#"{or: [{kinds: [CALL_PARK]}, {service: {equals: "x"}}, {partition: {equals: "pt"}}]}"#.to_owned(), 0),
        ] {
            let data = admin.data(&format!("{{ buttons(filter: {filter}) {{ totalCount nodes {{ id }} }} }}")).await;
            assert_eq!(data["buttons"]["totalCount"], want, "{filter}");
            assert_eq!(data["buttons"]["nodes"].as_array().map(Vec::len), usize::try_from(want).ok(), "{filter}");
        }
        let mut found = Vec::new();
        let mut after = String::new();
        loop {
            let query = format!("{{ buttons(first: 1, orderBy: {{field: INDEX, direction: DESCENDING}}{after}) {{ nodes {{ id }} pageInfo {{ endCursor hasNextPage }} }} }}");
            let page = admin.data(&query).await["buttons"].clone();
            found.push(text(&page["nodes"][0]["id"]));
            if page["pageInfo"]["hasNextPage"] != true {
                break;
            }
            after = format!(", after: {}", page["pageInfo"]["endCursor"]);
        }
        found.sort();
        found.dedup();
        assert_eq!(found.len(), 4);
        // By its global id; and in its device's history.
        let query = format!(
            r#"{{ node(id: "{one}") {{ __typename ... on SpeedDial {{ number device {{ name }} }} }} profile(by: {{id: "{first}"}}) {{ history(first: 1) {{ nodes {{ change {{ kind }} }} }} }}
                changes(filter: {{nouns: [BUTTON], profiles: ["{first}"]}}) {{ totalCount }} }}"#
        );
        let data = admin.data(&query).await;
        assert_eq!(data["node"], json!({"__typename": "SpeedDial", "number": "4001", "device": {"name": "EM-1"}}));
        assert_eq!(data["profile"]["history"]["nodes"][0]["change"]["kind"], "BUTTON_ADDED");
        assert_eq!(data["changes"]["totalCount"], 2);
    }
}

story! {
    /// ACC-7: what stands on a neighbour's device is neither seen nor heard of; a neighbour's line is not told by a lamp.
    async fn a_neighbours_buttons_are_not_there(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let ours = admin.profile(&estate, &estate.berlin, "EM-ours", &["4001"]).await;
        let theirs = admin.profile(&estate, &estate.rome, "EM-theirs", &[]).await;
        let south = server.somebody(Role::Operator, &estate.south).await;
        let mut feed = south.follow_on("change { kind ... on ButtonAdded { deviceName } }").await;
        let dial = dial(&admin, &ours, "1").await;
        let lamp = json!({"deviceId": theirs, "button": {"busyLampField": {"pattern": "4001"}}});
        let done = south.done("addButton", lamp, "button { ... on BusyLampField { pattern line { id } } }").await;
        assert_eq!(done["button"], json!({"pattern": "4001", "line": null}));
        assert_eq!(feed.next().await["change"], json!({"kind": "BUTTON_ADDED", "deviceName": "EM-theirs"}));
        let data = south.data(&format!(r#"{{ node(id: "{dial}") {{ id }} buttons {{ totalCount nodes {{ device {{ name }} }} }} }}"#)).await;
        assert_eq!(data, json!({"node": null, "buttons": {"totalCount": 1, "nodes": [{"device": {"name": "EM-theirs"}}]}}));
        assert_eq!(south.refused("removeButton", json!({"buttonId": dial})).await, ["NOT_FOUND at buttonId"]);
        assert_eq!(south.refused("replaceButtons", json!({"deviceId": ours, "expectedVersion": 2, "speedDials": []})).await, ["NOT_FOUND at deviceId"]);
    }
}

story! {
    /// BTN-2, LIN-21: of two writers who want one position, or have one version, one wins.
    async fn of_two_writers_who_race_for_a_position_one_wins(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for round in 0..3 {
            let id = admin.profile(&estate, &estate.berlin, &format!("EM-{round}"), &[]).await;
            let put = async |number: &str, version: Option<i32>| {
                let button = json!({"speedDial": {"number": number, "label": "x", "index": 3}});
                admin.mutate("addButton", json!({"deviceId": id, "button": button, "expectedVersion": version}), "").await
            };
            let (one, two) = tokio::join!(put("1", None), put("2", None));
            let mut codes = [&one, &two].map(|payload| payload["errors"][0]["code"].as_str().unwrap_or("DONE").to_owned());
            codes.sort();
            assert_eq!(codes, ["BUTTON_INDEX_TAKEN", "DONE"]);
            assert_eq!(dials(&admin, &id).await.len(), 1);
        }
    }
}

story! {
    /// LIN-22, LIN-23, SPD-2: what stands on which key of which phone, and what does not fit.
    async fn a_profile_is_drawn_on_any_phone(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-1", "product": "Cisco 7841", "protocol": "SIP",
            "lines": [{"pattern": "4001"}, {"pattern": "4002", "index": 3}],
            "buttons": [
                {"speedDial": {"number": "1", "label": "one"}}, {"speedDial": {"number": "2", "label": "two", "index": 2}},
                {"speedDial": {"number": "9", "label": "nine", "index": 9}}, {"busyLampField": {"destination": "4003"}},
            ],
        });
        let id = text(&admin.done("createProfile", input, "profile { id }").await["profile"]["id"]);
        let layout = async |client: &Client, arguments: &str| {
            let query = format!(
                r#"{{ profile(by: {{id: "{id}"}}) {{ layout{arguments} {{ product template fits
                    keys {{ number feature onModule line {{ line {{ pattern }} }} button {{ label }} }}
                    hidden {{ reason message feature index line {{ line {{ pattern }} }} button {{ label }} }} }} }} }}"#
            );
            client.data(&query).await["profile"]["layout"].clone()
        };
        let key = |number: i32, feature: &str, line: Value, button: Value| json!({
            "number": number, "feature": feature, "onModule": false, "line": line, "button": button,
        });
        assert_eq!(
            layout(&admin, "").await,
            json!({
                "product": "Cisco 7841", "template": "Standard 7841 SIP", "fits": false,
                "keys": [
                    key(1, "LINE", json!({"line": {"pattern": "4001"}}), json!(null)),
                    key(2, "LINE", json!(null), json!(null)),
                    key(3, "SPEED_DIAL", json!(null), json!({"label": "one"})),
                    key(4, "SPEED_DIAL", json!(null), json!({"label": "two"})),
                ],
                "hidden": [
                    {
                        "reason": "NO_KEY_LEFT", "message": "The template has 2 keys for it; it is stored and not shown.",
                        "feature": "LINE", "index": 3, "line": {"line": {"pattern": "4002"}}, "button": null,
                    },
                    {
                        "reason": "ABBREVIATED_DIAL", "message": "The template has 2 keys for speed dials; dial it by its position, 9.",
                        "feature": "SPEED_DIAL", "index": 9, "line": null, "button": {"label": "nine"},
                    },
                    {
                        "reason": "NO_KEY_LEFT", "message": "The template has 0 keys for it; it is stored and not shown.",
                        "feature": "BLF", "index": 1, "line": null, "button": {"label": null},
                    },
                ],
            })
        );
        let small = layout(&admin, r#"(product: "cisco 6901")"#).await;
        assert_eq!((&small["product"], &small["template"]), (&json!("Cisco 6901"), &json!("Standard 6901 SIP")));
        assert_eq!(small["keys"].as_array().map(Vec::len), Some(1));
        let reasons: Vec<_> = small["hidden"].as_array().expect("hidden").iter().map(|hidden| text(&hidden["reason"])).collect();
        assert_eq!(reasons, ["NO_KEY_LEFT", "ABBREVIATED_DIAL", "ABBREVIATED_DIAL", "ABBREVIATED_DIAL", "NOT_SUPPORTED"]);
        let query = format!(r#"{{ profile(by: {{id: "{id}"}}) {{ layout(product: "Cisco 1") {{ fits }} }} }}"#);
        assert_eq!(admin.code(&query).await, "BAD_USER_INPUT");

        // Modules add keys; a phone is drawn as well.
        let modules = json!([{"index": 1, "model": "BEKEM 36-Button Line Expansion Module"}]);
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-2", "product": "Cisco 8851", "protocol": "SIP",
            "settings": {"addOnModules": modules},
        });
        let select = "profile { productInfo { lineButtons } layout { fits keys { onModule } } }";
        let done = admin.done("createProfile", input, select).await;
        let keys = done["profile"]["layout"]["keys"].as_array().expect("keys").len();
        assert_eq!(Some(keys as u64), done["profile"]["productInfo"]["lineButtons"].as_u64().map(|own| own + 36));
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        dial(&admin, &phone, "7").await;
        let query = format!(r#"{{ phone(by: {{id: "{phone}"}}) {{ layout {{ fits keys {{ button {{ label }} }} }} }} }}"#);
        let data = admin.data(&query).await["phone"]["layout"].clone();
        assert_eq!((&data["fits"], &data["keys"][2]["button"]["label"]), (&json!(true), &json!("to 7")));
    }
}
