//! Stories of the past: fields before and after (P19), profiles as they were, taking changes back, restoring (DEL-10).

use entity::token::Role;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, text},
    story,
};

/// The newest changes of a profile, each with its fields.
async fn fields(client: &Client, profile: &str, count: i32) -> Value {
    let query = format!(
        r#"{{ profile(by: {{id: "{profile}"}}) {{ history(first: {count}) {{ nodes {{
            cursor by reason change {{ kind fieldChanges {{ field before after }} }} }} }} }} }}"#
    );
    client.data(&query).await["profile"]["history"]["nodes"].take()
}

/// The place after the newest change.
async fn now(client: &Client) -> String {
    text(&client.data("{ service { newestCursor } }").await["service"]["newestCursor"])
}

/// The cursor of the newest change of a kind.
async fn last(client: &Client, kind: &str) -> String {
    let query = format!("{{ changes(last: 1, filter: {{kinds: [{kind}]}}) {{ nodes {{ cursor }} }} }}");
    text(&client.data(&query).await["changes"]["nodes"][0]["cursor"])
}

const AT: &str = "name description product protocol buttonTemplate softkeyTemplate settings { dndStatus userLocale } \
    loginUser { userId } lines { index role label settings { maxCalls } pattern description lineSettings { alertingName } } \
    users { userId lastName } buttons { kind index label ... on SpeedDial { number } ... on ServiceUrlButton { url } } \
    services { id name url urlState subscribed values { name value isPassword } button { index label } serviceName }";

async fn at(client: &Client, profile: &str, cursor: &str) -> Value {
    let query = format!(r#"{{ profileAt(id: "{profile}", at: "{cursor}") {{ {AT} }} }}"#);
    client.data(&query).await["profileAt"].take()
}

/// The same of today, read from the tables.
async fn today(client: &Client, profile: &str) -> Value {
    let query = format!(
        r#"{{ profile(by: {{id: "{profile}"}}) {{ name description product protocol buttonTemplate softkeyTemplate
            settings {{ dndStatus userLocale }} loginUser {{ userId }}
            lines {{ nodes {{ index role label settings {{ maxCalls }} line {{ pattern description settings {{ alertingName }} }} }} }}
            users {{ nodes {{ userId lastName }} }}
            speedDials {{ nodes {{ kind index label number }} }} serviceUrls {{ nodes {{ kind index label url }} }} }}
            serviceSubscriptions(filter: {{devices: ["{profile}"]}}) {{ nodes {{
                id name url urlState subscribed values {{ name value isPassword }} button {{ index label }} service {{ name }} }} }} }}"#
    );
    let mut data = client.data(&query).await;
    let (mut profile, mut services) = (data["profile"].take(), data["serviceSubscriptions"]["nodes"].take());
    if profile.is_null() {
        return profile;
    }
    for service in services.as_array_mut().expect("subscriptions") {
        let own = service.as_object_mut().expect("a subscription").remove("service").expect("its service");
        service["serviceName"] = own["name"].clone();
    }
    profile["services"] = services;
    let mut lines = profile["lines"]["nodes"].take();
    for line in lines.as_array_mut().expect("lines") {
        let own = line.as_object_mut().expect("a line").remove("line").expect("its line");
        line["pattern"] = own["pattern"].clone();
        line["description"] = own["description"].clone();
        line["lineSettings"] = own["settings"].clone();
    }
    profile["lines"] = lines;
    profile["users"] = profile["users"]["nodes"].take();
    let mut buttons = profile["speedDials"]["nodes"].take();
    let urls = profile["serviceUrls"]["nodes"].take();
    buttons.as_array_mut().expect("buttons").extend(urls.as_array().expect("buttons").clone());
    profile["buttons"] = buttons;
    for list in ["speedDials", "serviceUrls"] {
        profile.as_object_mut().expect("a profile").remove(list);
    }
    profile
}

story! {
    /// P19: who, when, why, and every field before and after.
    async fn history_tells_each_field_before_and_after(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let set = json!({
            "id": id, "description": "Anna", "loginUserId": anna, "settings": {"dndStatus": true}, "reason": "asked by phone",
        });
        admin.done("updateProfile", set, "").await;
        let told = fields(&admin, &id, 1).await;
        assert_eq!((&told[0]["by"], &told[0]["reason"]), (&json!("administrator"), &json!("asked by phone")));
        assert_eq!(
            told[0]["change"],
            json!({"kind": "PROFILE_UPDATED", "fieldChanges": [
                {"field": "description", "before": "", "after": "Anna"},
                {"field": "loginUser", "before": null, "after": anna},
                {"field": "settings.dndStatus", "before": false, "after": true},
            ]})
        );
        let line = admin.appearances(&id).await.remove(0);
        let set = json!({"appearanceId": line, "settings": {"maxCalls": 6}, "lineSettings": {"alertingName": "Anna"}});
        admin.done("changeLineSettings", set, "").await;
        let told = fields(&admin, &id, 1).await;
        assert_eq!(told[0]["change"]["fieldChanges"], json!([{"field": "settings.maxCalls", "before": 4, "after": 6}]));
        // A dry run tells the same of what it would do.
        let dry = json!({"userId": anna, "profileId": id, "dryRun": true});
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna]}), "").await;
        let dry = admin.done("setDefaultProfile", dry, "changes { fieldChanges { field before after } }").await;
        assert_eq!(dry["changes"][0]["fieldChanges"], json!([{"field": "defaultProfile", "before": null, "after": id}]));
        let told = fields(&admin, &id, 1).await;
        let associated = json!([
            {"field": "index", "before": null, "after": 1},
            {"field": "profile", "before": null, "after": id},
            {"field": "user", "before": null, "after": anna},
        ]);
        assert_eq!(told[0]["change"]["fieldChanges"], associated);
    }
}

story! {
    /// ACC-7: what a field points at is told to whom may see it.
    async fn fields_name_nothing_that_is_out_of_sight(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let rosa = admin.user(&estate, &estate.rome, "rosa").await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let north = server.somebody(Role::Operator, &estate.north).await;
        for (user, seen) in [(rosa, json!(null)), (anna.clone(), json!(anna))] {
            admin.done("updateProfile", json!({"id": id, "loginUserId": user}), "").await;
            let told = fields(&north, &id, 1).await;
            assert_eq!(told[0]["change"]["fieldChanges"][0]["after"], seen);
        }
    }
}

story! {
    /// The profile with its lines, users and buttons as of a cursor, from before it was there until after it went.
    async fn a_profile_is_told_as_it_was(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let before = now(&admin).await;
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna, ben]}), "").await;
        let dial = json!({"deviceId": id, "button": {"speedDial": {"number": "4002", "label": "Ben"}}});
        admin.done("addButton", dial, "").await;
        let first = (now(&admin).await, today(&admin, &id).await);

        let lines = admin.appearances(&id).await;
        let set = json!({"appearanceId": lines[0], "settings": {"maxCalls": 6}, "lineSettings": {"alertingName": "A"}, "description": "desk"});
        admin.done("changeLineSettings", set, "").await;
        admin.done("removeLineFromDevice", json!({"appearanceId": lines[1]}), "").await;
        admin.done("reorderUsers", json!({"profileId": id, "userIds": [ben, anna]}), "").await;
        admin.done("updateUser", json!({"id": ben, "lastName": "Berg"}), "").await;
        admin.done("updateProfile", json!({"id": id, "description": "late"}), "").await;
        let second = (now(&admin).await, today(&admin, &id).await);
        admin.done("deleteProfile", json!({"id": id}), "").await;
        admin.done("deleteUser", json!({"id": anna}), "").await;
        let gone = now(&admin).await;

        assert_eq!(at(&admin, &id, &before).await, json!(null));
        assert_eq!(at(&admin, &id, &gone).await, json!(null));
        for (cursor, want) in [&first, &second] {
            assert_eq!(&at(&admin, &id, cursor).await, want, "{cursor}");
        }
        let diff = |from: &str, to: &str| format!(
            r#"{{ profileDiff(id: "{id}", from: "{from}", to: "{to}") {{
                from {{ description }} to {{ description }} fields {{ field before after }}
                lines {{ difference before {{ pattern }} after {{ pattern }} fields {{ field before after }} }}
                users {{ difference user {{ userId }} before after }} buttons {{ difference before {{ label }} }} }} }}"#
        );
        let told = admin.data(&diff(&first.0, &second.0)).await["profileDiff"].take();
        assert_eq!(told["fields"], json!([{"field": "description", "before": "", "after": "late"}]));
        assert_eq!(
            told["lines"],
            json!([
                {"difference": "CHANGED", "before": {"pattern": "4001"}, "after": {"pattern": "4001"}, "fields": [
                    {"field": "settings.maxCalls", "before": 4, "after": 6},
                    {"field": "line.description", "before": "", "after": "desk"},
                    {"field": "line.settings.alertingName", "before": null, "after": "A"},
                ]},
                {"difference": "REMOVED", "before": {"pattern": "4002"}, "after": null, "fields": []},
            ])
        );
        assert_eq!(
            told["users"],
            json!([
                {"difference": "CHANGED", "user": {"userId": "anna"}, "before": 1, "after": 2},
                {"difference": "CHANGED", "user": {"userId": "ben"}, "before": 2, "after": 1},
            ])
        );
        assert_eq!(told["buttons"], json!([]));
        let went = admin.data(&diff(&second.0, &gone)).await["profileDiff"].take();
        assert_eq!((&went["from"]["description"], &went["to"]), (&json!("late"), &json!(null)));
        assert_eq!(went["buttons"], json!([{"difference": "REMOVED", "before": {"label": "Ben"}}]));

        // Not for a neighbour to see, and no place that never was.
        let south = server.somebody(Role::Admin, &estate.south).await;
        assert_eq!(at(&south, &id, &first.0).await, json!(null));
        let query = |cursor: &str| format!(r#"{{ profileAt(id: "{id}", at: "{cursor}") {{ name }} }}"#);
        assert_eq!(admin.code(&query("s99999")).await, "BAD_USER_INPUT");
        assert_eq!(admin.code(&query("p1")).await, "BAD_USER_INPUT");
        server.pass(std::time::Duration::from_hours(31 * 24));
        admin.user(&estate, &estate.berlin, "carl").await;
        server.app.trim().await.expect("trimmed");
        assert_eq!(admin.code(&query(&first.0)).await, "CURSOR_EXPIRED");
        assert_eq!(admin.data(&query(&now(&admin).await)).await["profileAt"], json!(null));
    }
}

story! {
    /// SVC-15: a profile's phone services are told as they were, with values, state, button and the service's name of then;
    /// of a password, that there was one.
    async fn services_are_told_as_they_were(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let input = json!({
            "clusterId": estate.emea, "name": "News", "url": "http://news/",
            "parameters": [{"name": "ext"}, {"name": "pin", "password": true}],
        });
        let news = text(&admin.done("createService", input, "service { id }").await["service"]["id"]);
        let empty = now(&admin).await;
        let values = |ext: &str| json!([{"name": "ext", "value": ext}, {"name": "pin", "value": "hunter2"}]);
        let input = json!({"deviceId": id, "serviceId": news, "values": values("4001"), "button": {"index": 3, "label": "News"}});
        let own = text(&admin.done("subscribeService", input, "subscription { id }").await["subscription"]["id"]);
        let mut kept = vec![(now(&admin).await, today(&admin, &id).await)];
        for (name, input) in [
            ("updateService", json!({"id": news, "name": "Latest", "url": "http://latest/"})),
            ("updateServiceSubscription", json!({"subscriptionId": own, "values": values("4002"), "button": {"index": 5}})),
            ("updateServiceSubscription", json!({"subscriptionId": own, "url": "http://own/", "name": "Mine"})),
            ("unsubscribeService", json!({"subscriptionId": own})),
            ("resubscribeService", json!({"subscriptionId": own})),
            ("deleteService", json!({"id": news, "unsubscribe": true})),
        ] {
            admin.done(name, input, "").await;
            kept.push((now(&admin).await, today(&admin, &id).await));
        }
        admin.done("deleteProfile", json!({"id": id}), "").await;
        for (cursor, want) in &kept {
            assert_eq!(&at(&admin, &id, cursor).await, want, "{cursor}");
        }
        assert_eq!(at(&admin, &id, &empty).await["services"], json!([]));
        let states: Vec<_> = kept[..4].iter().map(|(_, then)| text(&then["services"][0]["urlState"])).collect();
        assert_eq!(states, ["CURRENT", "STALE", "CURRENT", "CUSTOM"]);

        let diff = async |from: usize, to: usize| {
            let query = format!(
                r#"{{ profileDiff(id: "{id}", from: "{}", to: "{}") {{ services {{
                    difference before {{ name serviceName }} after {{ name serviceName }} fields {{ field before after }} }} }} }}"#,
                kept[from].0, kept[to].0
            );
            admin.data(&query).await["profileDiff"]["services"].take()
        };
        let told = diff(0, 3).await;
        let fields = told[0]["fields"].as_array().expect("fields");
        let names: Vec<_> = fields.iter().map(|field| text(&field["field"])).collect();
        assert_eq!((names.join(" "), told.as_array().map(Vec::len)), ("urlState values name url".into(), Some(1)), "{told:#}");
        assert_eq!((&told[0]["before"], &told[0]["after"]), (
            &json!({"name": "News", "serviceName": "News"}), &json!({"name": "Mine", "serviceName": "Latest"}),
        ));
        assert_eq!((&fields[0]["before"], &fields[0]["after"]), (&json!(null), &json!("CUSTOM")));
        assert_eq!((&fields[1]["before"][0]["value"], &fields[1]["after"][0]["value"]), (&json!("4001"), &json!("4002")));
        assert_eq!(fields[1]["after"][1]["isPassword"], true);
        assert_eq!(diff(3, 4).await[0]["fields"][1], json!({"field": "subscribed", "before": true, "after": false}));
        assert_eq!(diff(5, 6).await[0]["difference"], "REMOVED");
        assert_eq!(diff(1, 1).await, json!([]));
        // Never: in no state, field or history of then.
        let histories = "{ changes(first: 200) { nodes { change { fieldChanges { field before after } } } } }";
        let all = admin.data(histories).await.to_string() + &told.to_string() + &json!(kept).to_string();
        assert!(!all.contains("hunter2") && all.contains("isPassword"));
    }
}

/// Random commands on a profile; what was read after each is what is told of it at the end.
async fn replay(server: &Roamline, estate: &Estate, steps: &[(u8, u8, u8)], round: usize) {
    let admin = server.admin();
    let id = admin.profile(estate, &estate.berlin, &format!("EM-{round}"), &[]).await;
    let mut users = Vec::new();
    for at in 0..3 {
        users.push(admin.user(estate, &estate.berlin, &format!("u{round}-{at}")).await);
    }
    let mut services = Vec::new();
    for at in 0..2 {
        let input = json!({
            "clusterId": estate.emea, "name": format!("s{round}-{at}"), "url": format!("http://s{at}/"),
            "parameters": [{"name": "ext", "default": "0"}, {"name": "pin", "password": true, "required": false}],
        });
        services.push(text(&admin.done("createService", input, "service { id }").await["service"]["id"]));
    }
    let mut seen = vec![(now(&admin).await, today(&admin, &id).await)];
    for (kind, a, b) in steps {
        let service = &services[usize::from(*a) % services.len()];
        let subscriptions = &seen.last().expect("a first one").1["services"];
        let subscription = &subscriptions
            [usize::from(*a) % subscriptions.as_array().map_or(1, |all| all.len().max(1))]["id"];
        let values = json!([{"name": if b % 3 == 0 { "pin" } else { "ext" }, "value": format!("v{b}")}]);
        let button = if b % 2 == 0 {
            json!({"index": i32::from(b % 5) + 1, "label": format!("k{b}")})
        } else {
            json!(null)
        };
        let lines = admin.appearances(&id).await;
        let user = &users[usize::from(*a) % users.len()];
        let line = lines.get(usize::from(*a) % lines.len().max(1));
        let pattern = format!("{round}{}", 100 + a % 4);
        let input = match kind % 16 {
            0 => (
                "updateProfile",
                json!({"id": id, "description": format!("d{b}"), "settings": {"dndStatus": b % 2 == 0}}),
            ),
            1 => ("addLineToDevice", json!({"deviceId": id, "pattern": pattern, "label": format!("l{b}")})),
            2 => ("removeLineFromDevice", json!({"appearanceId": line})),
            3 => (
                "updateAppearance",
                json!({"appearanceId": line, "index": i32::from(b % 6) + 1, "label": format!("m{b}")}),
            ),
            4 => (
                "changeLineSettings",
                json!({"appearanceId": line, "settings": {"maxCalls": i32::from(b % 4) + 2}, "description": format!("x{b}")}),
            ),
            5 => ("associateUsers", json!({"profileId": id, "userIds": [user]})),
            6 => ("disassociateUser", json!({"profileId": id, "userId": user})),
            7 => (
                "addButton",
                json!({"deviceId": id, "button": {"speedDial": {"number": "4001", "label": format!("s{b}"), "index": i32::from(a % 5) + 1}}}),
            ),
            8 => ("updateUser", json!({"id": user, "lastName": format!("n{b}")})),
            9 | 10 => (
                "subscribeService",
                json!({"deviceId": id, "serviceId": service, "values": values, "button": button}),
            ),
            11 => (
                "updateServiceSubscription",
                json!({"subscriptionId": subscription, "name": format!("n{b}"), "values": values, "button": button}),
            ),
            12 => ("unsubscribeService", json!({"subscriptionId": subscription})),
            13 => ("resubscribeService", json!({"subscriptionId": subscription, "values": values})),
            14 => (
                "updateService",
                json!({"id": service, "url": format!("http://s{b}/"), "name": format!("s{round}-{a}")}),
            ),
            _ if b % 4 == 0 => ("deleteService", json!({"id": service, "unsubscribe": true})),
            _ => ("resyncServiceSubscriptions", json!({"serviceId": service})),
        };
        let lacks = |name: &str| input.1.get(name).is_some_and(Value::is_null);
        if lacks("appearanceId") || lacks("subscriptionId") {
            continue;
        }
        admin.mutate(input.0, input.1, "").await;
        seen.push((now(&admin).await, today(&admin, &id).await));
    }
    for (cursor, want) in &seen {
        assert_eq!(&at(&admin, &id, cursor).await, want, "{steps:?} at {cursor}");
    }
}

/// Exact: whatever was done, each moment is told as it was read then.
#[test]
fn every_moment_is_told_as_it_was_read() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cases = runtime.block_on(async {
        let mut runner = TestRunner::new(Config { cases: 12, ..Config::default() });
        let steps = proptest::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..25);
        (0..12).map(|_| steps.new_tree(&mut runner).expect("steps").current()).collect::<Vec<_>>()
    });
    for postgres in [false, true] {
        runtime.block_on(async {
            let server = if postgres { Roamline::postgres().await } else { Some(Roamline::sqlite().await) };
            let Some(server) = server else { return };
            let estate = server.estate().await;
            for (round, steps) in cases.iter().enumerate() {
                replay(&server, &estate, steps, round).await;
            }
            server.close().await;
        });
    }
}

story! {
    /// Each kind of change with the change that takes it back.
    async fn a_change_is_taken_back_by_its_opposite(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna, ben]}), "").await;
        let dial = json!({"deviceId": id, "button": {"speedDial": {"number": "4002", "label": "Ben"}}});
        let dial = text(&admin.done("addButton", dial, "button { id }").await["button"]["id"]);
        let numbers = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "first": "4005"});
        let number = admin.done("createNumbers", numbers, "outcomes { number { id } }").await["outcomes"][0]["number"]["id"].clone();
        let lines = admin.appearances(&id).await;
        for (name, input, kind) in [
            ("updateProfile", json!({"id": id, "description": "x", "settings": {"dndStatus": true}, "loginUserId": anna}), "PROFILE_UPDATED"),
            ("updatePhone", json!({"id": phone, "description": "x", "ownerId": anna}), "PHONE_UPDATED"),
            ("changeLineSettings", json!({"appearanceId": lines[0], "description": "x"}), "LINE_UPDATED"),
            ("changeLineSettings", json!({"appearanceId": lines[0], "settings": {"maxCalls": 7}}), "APPEARANCE_SETTINGS_CHANGED"),
            ("updateAppearance", json!({"appearanceId": lines[0], "index": 9, "label": "x"}), "APPEARANCE_UPDATED"),
            ("addLineToDevice", json!({"deviceId": id, "pattern": "4003"}), "APPEARANCE_ADDED"),
            ("removeLineFromDevice", json!({"appearanceId": lines[1]}), "APPEARANCE_REMOVED"),
            ("updateUser", json!({"id": anna, "department": "x"}), "USER_UPDATED"),
            ("setDefaultProfile", json!({"userId": anna, "profileId": id}), "USER_UPDATED"),
            ("disassociateUser", json!({"profileId": id, "userId": anna}), "USER_DISASSOCIATED"),
            ("reorderUsers", json!({"profileId": id, "userIds": [ben, anna]}), "USERS_REORDERED"),
            ("updateUser", json!({"id": anna, "phoneIds": [phone]}), "USER_PHONES_CHANGED"),
            ("updateUser", json!({"id": anna, "ctiProfileIds": [id]}), "USER_CTI_PROFILES_CHANGED"),
            ("updateButton", json!({"buttonId": dial, "label": "x"}), "BUTTON_UPDATED"),
            ("moveButton", json!({"buttonId": dial, "index": 4}), "BUTTON_UPDATED"),
            ("removeButton", json!({"buttonId": dial}), "BUTTON_REMOVED"),
            ("updateNumber", json!({"id": number, "description": "x"}), "NUMBER_UPDATED"),
            ("changeNumberStatus", json!({"numberId": number, "to": "RESERVED"}), "NUMBER_UPDATED"),
            ("updateOrganization", json!({"id": estate.berlin, "coolingDays": 5}), "ORGANIZATION_UPDATED"),
            ("renameOrganization", json!({"id": estate.berlin, "name": "x"}), "ORGANIZATION_RENAMED"),
            ("moveOrganization", json!({"id": estate.berlin, "parentId": estate.south}), "ORGANIZATION_MOVED"),
            ("updateCluster", json!({"id": estate.emea, "description": "x"}), "CLUSTER_UPDATED"),
        ] {
            let before = everything(&admin).await;
            let payload = admin.mutate(name, input, "").await;
            assert_eq!(payload["errors"], json!([]), "{name}");
            assert_ne!(everything(&admin).await, before, "{name}");
            let change = last(&admin, kind).await;
            let dry = admin.done("revertChange", json!({"change": change, "dryRun": true}), "changes { kind }").await;
            assert_ne!(everything(&admin).await, before, "{name} {dry}");
            let done = admin.done("revertChange", json!({"change": change}), "changes { kind }").await;
            assert_eq!(done["changes"], dry["changes"], "{name}");
            assert_eq!(everything(&admin).await, before, "{name} {kind}");
            let again = admin.mutate("revertChange", json!({"change": change}), "changes { kind }").await;
            assert!(again["errors"] != json!([]) || again["changes"] == json!([]), "{name} twice: {again}");
        }
    }
}

/// What people see of the estate, without ids, versions and times, which go on.
async fn everything(client: &Client) -> Value {
    client
        .data(
            "{ profiles { nodes { name description settings { dndStatus } loginUser { userId } users { nodes { userId } }
                lines { nodes { index role label settings { maxCalls } line { pattern description } } }
                speedDials { nodes { index label number } } } }
              phones { nodes { name description owner { userId } } }
              users { nodes { userId department defaultProfile { name } phones { nodes { name } } ctiProfiles { nodes { name } } } }
              numbers { nodes { pattern description status } }
              lines(filter: {isAssigned: true}) { nodes { pattern } }
              organizations { nodes { path coolingDays } } clusters { nodes { description } } }",
        )
        .await
}

story! {
    /// What was made goes, and what went is made again with the same id.
    async fn what_was_made_goes_and_what_went_comes_back(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let user = admin.user(&estate, &estate.berlin, "anna").await;
        let line = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": "4001"});
        let line = text(&admin.done("createLine", line, "line { id }").await["line"]["id"]);
        let gateway = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "name": "gw"});
        let gateway = text(&admin.done("registerDevice", gateway, "device { id }").await["device"]["id"]);
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        for (id, name, made, gone) in [
            (phone, "deletePhone", "PHONE_CREATED", "PHONE_DELETED"),
            (user, "deleteUser", "USER_CREATED", "USER_DELETED"),
            (line, "deleteLine", "LINE_CREATED", "LINE_DELETED"),
            (gateway, "releaseDevice", "DEVICE_REGISTERED", "DEVICE_RELEASED"),
            (profile, "deleteProfile", "PROFILE_CREATED", "PROFILE_DELETED"),
        ] {
            let there = async || admin.data(&format!(r#"{{ node(id: "{id}") {{ id }} }}"#)).await["node"].clone();
            admin.done(name, json!({"id": id}), "").await;
            assert_eq!(there().await, json!(null), "{name}");
            admin.done("revertChange", json!({"change": last(&admin, gone).await}), "").await;
            assert_eq!(there().await["id"], json!(id), "{name} taken back");
            admin.done("revertChange", json!({"change": last(&admin, made).await}), "").await;
            assert_eq!(there().await, json!(null), "{made} taken back");
        }
    }
}

story! {
    /// `REVERT_SUPERSEDED`, `REVERT_NOT_POSSIBLE` (RML-70, RML-71), rights and scope.
    async fn what_cannot_be_taken_back_says_why(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let created = last(&admin, "PROFILE_CREATED").await;
        let set = async |description: &str| {
            text(&admin.done("updateProfile", json!({"id": id, "description": description}), "").await["cursor"])
        };
        let (first, second) = (set("first").await, set("second").await);
        let revert = |change: &str| json!({"change": change});
        let payload = admin.mutate("revertChange", revert(&first), "changes { kind }").await;
        assert_eq!(payload["errors"][0]["code"], "REVERT_SUPERSEDED");
        assert!(text(&payload["errors"][0]["message"]).contains("description"), "{payload}");
        // The later one first, then the earlier one: by then something later has touched the same again.
        admin.done("revertChange", revert(&second), "").await;
        assert_eq!(today(&admin, &id).await["description"], "first");
        assert_eq!(admin.refused("revertChange", revert(&created)).await, ["REVERT_SUPERSEDED at change"]);
        assert_eq!(admin.refused("revertChange", revert("s999999")).await, ["NOT_FOUND at change"]);

        admin.done("copyProfile", json!({"id": id, "name": "EM-2"}), "").await;
        admin.done("removeLineFromDevice", json!({"appearanceId": admin.appearances(&id).await[0]}), "").await;
        let promoted = last(&admin, "CLONE_PROMOTED").await;
        assert_eq!(admin.refused("revertChange", revert(&promoted)).await, ["REVERT_NOT_POSSIBLE at change"]);

        // The rules are those of every command: the clone's place is taken by now.
        let removed = last(&admin, "APPEARANCE_REMOVED").await;
        admin.done("addLineToDevice", json!({"deviceId": id, "pattern": "4002"}), "").await;
        assert_eq!(admin.refused("revertChange", revert(&removed)).await, ["LINE_INDEX_TAKEN at change"]);

        let north = server.somebody(Role::Operator, &estate.north).await;
        let south = server.somebody(Role::Admin, &estate.south).await;
        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        admin.done("updateOrganization", json!({"id": estate.berlin, "coolingDays": 3}), "").await;
        let set = last(&admin, "ORGANIZATION_UPDATED").await;
        let mutation = |change: &str| format!(r#"mutation {{ revertChange(input: {{change: "{change}"}}) {{ errors {{ code }} }} }}"#);
        assert_eq!(north.code(&mutation(&set)).await, "FORBIDDEN");
        assert_eq!(viewer.code(&mutation(&first)).await, "FORBIDDEN");
        assert_eq!(south.refused("revertChange", revert(&set)).await, ["NOT_FOUND at change"]);
        // Under a key it is done once.
        let keyed = json!({"change": removed, "idempotencyKey": "k"});
        admin.done("removeLineFromDevice", json!({"appearanceId": admin.appearances(&id).await[0]}), "").await;
        let done = admin.done("revertChange", keyed.clone(), "changes { kind }").await;
        assert_eq!(admin.done("revertChange", keyed, "changes { kind }").await, done);
        assert_eq!(admin.appearances(&id).await.len(), 1);
    }
}

story! {
    /// DEL-10: a deleted profile comes back with its id, lines, buttons, users in order and what pointed at it.
    async fn a_deleted_profile_comes_back_whole(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        admin.profile(&estate, &estate.paris, "EM-2", &["4002"]).await;
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        admin.done("associateUsers", json!({"profileId": id, "userIds": [ben, anna]}), "").await;
        admin.done("setDefaultProfile", json!({"userId": anna, "profileId": id}), "").await;
        admin.done("updateUser", json!({"id": ben, "ctiProfileIds": [id]}), "").await;
        let lines = admin.appearances(&id).await;
        admin.done("changeLineSettings", json!({"appearanceId": lines[0], "settings": {"maxCalls": 6}}), "").await;
        let dial = json!({"deviceId": id, "button": {"speedDial": {"number": "4002", "label": "Ben"}}});
        admin.done("addButton", dial, "").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("updatePhone", json!({"id": phone, "logoutProfileId": id}), "").await;
        let was = today(&admin, &id).await;
        admin.done("updateProfile", json!({"id": id, "description": "v"}), "").await;
        admin.done("updateProfile", json!({"id": id, "description": ""}), "").await;

        let restore = json!({"profileId": id});
        assert_eq!(admin.refused("restoreProfile", restore.clone()).await, ["PROFILE_NOT_DELETED at profileId"]);
        let version = admin.data(&format!(r#"{{ profile(by: {{id: "{id}"}}) {{ version }} }}"#)).await["profile"]["version"].clone();
        admin.done("deleteProfile", json!({"id": id, "releaseLogoutPhones": true}), "").await;
        let south = server.somebody(Role::Admin, &estate.south).await;
        assert_eq!(south.refused("restoreProfile", restore.clone()).await, ["NOT_FOUND at profileId"]);

        let select = "profile { id name version } leftOut { what name code } changes { kind }";
        let dry = admin.done("restoreProfile", json!({"profileId": id, "dryRun": true}), select).await;
        assert_eq!(dry["profile"], json!(null));
        let keyed = json!({"profileId": id, "idempotencyKey": "k"});
        let done = admin.done("restoreProfile", keyed.clone(), select).await;
        assert_eq!((&done["leftOut"], &done["profile"]["id"]), (&json!([]), &json!(id)));
        assert_eq!(done["changes"], dry["changes"]);
        assert!(done["profile"]["version"].as_i64() > version.as_i64());
        assert_eq!(admin.done("restoreProfile", keyed, select).await, done);
        // The line that another profile had as well has its original there now.
        let mut want = was;
        want["lines"][1]["role"] = json!("CLONE");
        assert_eq!(today(&admin, &id).await, want);
        let pointing = admin
            .data("{ users { nodes { userId defaultProfile { name } ctiProfiles { nodes { name } } } } phones { nodes { logoutProfile { name } } } }")
            .await;
        assert_eq!(
            pointing,
            json!({
                "users": {"nodes": [
                    {"userId": "anna", "defaultProfile": {"name": "EM-1"}, "ctiProfiles": {"nodes": []}},
                    {"userId": "ben", "defaultProfile": null, "ctiProfiles": {"nodes": [{"name": "EM-1"}]}},
                ]},
                "phones": {"nodes": [{"logoutProfile": {"name": "EM-1"}}]},
            })
        );
        let kind = fields(&admin, &id, 1).await[0]["change"]["kind"].clone();
        assert_eq!(kind, "PROFILE_RESTORED");
    }
}

story! {
    /// DEL-10: what cannot come back is named: a number given away, a user gone, a name taken, another default chosen.
    async fn what_cannot_be_restored_is_named(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let numbers = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "first": "4001", "last": "4003"});
        admin.done("createNumbers", numbers, "").await;
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002", "4003"]).await;
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna, ben]}), "").await;
        admin.done("setDefaultProfile", json!({"userId": ben, "profileId": id}), "").await;
        admin.done("deleteProfile", json!({"id": id}), "").await;

        admin.profile(&estate, &estate.berlin, "em-1", &["4001"]).await;
        let two = text(&admin.data(r#"{ numbers(filter: {pattern: {equals: "4002"}}) { nodes { id } } }"#).await["numbers"]["nodes"][0]["id"]);
        admin.done("changeNumberStatus", json!({"numberId": two, "to": "RESERVED"}), "").await;
        admin.done("deleteUser", json!({"id": anna}), "").await;
        let other = admin.profile(&estate, &estate.berlin, "EM-3", &[]).await;
        admin.done("associateUsers", json!({"profileId": other, "userIds": [ben]}), "").await;
        admin.done("setDefaultProfile", json!({"userId": ben, "profileId": other}), "").await;

        assert_eq!(admin.refused("restoreProfile", json!({"profileId": id})).await, ["NAME_TAKEN_BY_PROFILE at name"]);
        let select = "leftOut { what name code why } profile { name lines { nodes { index role line { pattern } } } users { nodes { userId } } }";
        let done = admin.done("restoreProfile", json!({"profileId": id, "name": "EM-1 again"}), select).await;
        let left: Vec<_> = done["leftOut"].as_array().expect("a list").iter()
            .map(|left| format!("{} {} {}", text(&left["what"]), text(&left["name"]), text(&left["code"])))
            .collect();
        assert_eq!(left, [
            "USER anna NOT_FOUND", "LINE 4001 LINE_GIVEN_AWAY", "LINE 4002 NUMBER_NOT_AVAILABLE", "DEFAULT_PROFILE ben VALUE_INVALID",
        ]);
        assert_eq!(
            done["profile"],
            json!({
                "name": "EM-1 again", "users": {"nodes": [{"userId": "ben"}]},
                "lines": {"nodes": [{"index": 3, "role": "ORIGINAL", "line": {"pattern": "4003"}}]},
            })
        );
        let data = admin.data("{ numbers(orderBy: {field: PATTERN}) { nodes { pattern status } } }").await;
        assert_eq!(data["numbers"]["nodes"][2], json!({"pattern": "4003", "status": "USED"}));
        // Forgotten with the log.
        admin.done("deleteProfile", json!({"id": id}), "").await;
        server.pass(std::time::Duration::from_hours(31 * 24));
        admin.user(&estate, &estate.berlin, "carl").await;
        server.app.trim().await.expect("trimmed");
        assert_eq!(admin.refused("restoreProfile", json!({"profileId": id})).await, ["NOT_FOUND at profileId"]);
    }
}

story! {
    /// Two restore at once: one does it.
    async fn a_profile_is_restored_once(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        admin.done("deleteProfile", json!({"id": id}), "").await;
        let restore = || admin.mutate("restoreProfile", json!({"profileId": id}), "");
        let (one, two) = tokio::join!(restore(), restore());
        let codes: Vec<_> = [one, two].iter().map(|payload| payload["errors"][0]["code"].clone()).collect();
        assert!(codes.contains(&json!(null)), "{codes:?}");
        assert!(codes.iter().any(|code| !code.is_null()), "{codes:?}");
        assert_eq!(admin.appearances(&id).await.len(), 1);
    }
}
