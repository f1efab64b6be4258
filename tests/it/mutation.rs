//! Stories of what every mutation has: dry runs, keys, versions, reasons, and a life of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entity::token::Role;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::{
    roamline::{Client, Estate, text},
    story,
};

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
        let mut feed = admin.follow_on("change { kind }").await;
        let lines = (0..40).map(|n| format!(r#"{{pattern: "40{n:02}"}}"#)).collect::<Vec<_>>().join(" ");
        // Whoever goes before the request is read has asked for nothing: try with more patience, until it was.
        let done = async |n: u32| {
            let query = format!(
                r#"mutation {{ createProfile(input: {{organizationId: "{}", clusterId: "{}", name: "EM-{n}",
                    product: "Cisco 8841", protocol: SIP, lines: [{lines}]}}) {{ cursor }} }}"#,
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
            tokio::time::sleep(Duration::from_millis(20 << n)).await;
        };
        for n in 0..6 {
            done(n).await;
            if let Ok(event) = tokio::time::timeout(Duration::from_secs(2), feed.next()).await {
                assert_eq!(text(&event["change"]["kind"]), "PROFILE_CREATED");
                let lines = admin.data("{ lines { totalCount } }").await;
                assert_eq!(lines, json!({"lines": {"totalCount": 40}}));
                return;
            }
        }
        panic!("the mutation was cut off");
    }
}

/// Everything that can be asked for at the root, as one text: what a dry run leaves as it was.
async fn all(client: &Client) -> Value {
    client
        .data(
            "{ organizations { nodes { id path version } } clusters { nodes { id name version release } } \
             otherDevices { nodes { id name } } phones { nodes { id version users { nodes { id } } } } \
             profiles { nodes { id version description lines { nodes { id index role label settings { ring } } } users { nodes { id } } } } \
             lines { nodes { id version description } } \
             users { nodes { id version lastName defaultProfile { id } phones { nodes { id } } } } \
             numbers { nodes { id version } } service { newestCursor } changes { totalCount } }",
        )
        .await
}

/// A sound input for every mutation, each on what the ones before it left, with the changes that it makes.
fn every(estate: &Estate, ids: &BTreeMap<String, String>) -> Vec<(&'static str, Value, Vec<&'static str>)> {
    let id = |name: &str| ids.get(name).cloned().unwrap_or_default();
    let place = |more: Value| {
        let mut input = json!({"organizationId": estate.berlin, "clusterId": estate.emea});
        input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        input
    };
    let lined = json!({
        "name": "EM-1", "product": "Cisco 8841", "protocol": "SIP", "lines": [{"pattern": "4001"}, {"pattern": "4002"}],
    });
    vec![
        (
            "createOrganization",
            json!({"parentId": estate.south, "kind": "SITE", "name": "naples"}),
            vec!["ORGANIZATION_CREATED"],
        ),
        (
            "renameOrganization",
            json!({"id": id("createOrganization"), "name": "turin"}),
            vec!["ORGANIZATION_RENAMED"],
        ),
        (
            "updateOrganization",
            json!({"id": id("createOrganization"), "coolingDays": 0}),
            vec!["ORGANIZATION_UPDATED"],
        ),
        (
            "moveOrganization",
            json!({"id": id("createOrganization"), "parentId": estate.north}),
            vec!["ORGANIZATION_MOVED"],
        ),
        ("createCluster", json!({"organizationId": estate.north, "name": "own"}), vec!["CLUSTER_CREATED"]),
        ("updateCluster", json!({"id": id("createCluster"), "release": "14"}), vec!["CLUSTER_UPDATED"]),
        ("registerDevice", place(json!({"name": "gw"})), vec!["DEVICE_REGISTERED"]),
        (
            "createProfile",
            place(lined),
            vec!["PROFILE_CREATED", "LINE_CREATED", "APPEARANCE_ADDED", "LINE_CREATED", "APPEARANCE_ADDED"],
        ),
        ("updateProfile", json!({"id": id("createProfile"), "description": "x"}), vec!["PROFILE_UPDATED"]),
        (
            "copyProfile",
            json!({"id": id("createProfile"), "name": "EM-2"}),
            vec!["PROFILE_CREATED", "APPEARANCE_ADDED", "APPEARANCE_ADDED"],
        ),
        ("createLine", place(json!({"pattern": "4003"})), vec!["LINE_CREATED"]),
        (
            "createNumbers",
            place(json!({"first": "5003", "last": "5005"})),
            vec!["NUMBER_CREATED", "NUMBER_CREATED", "NUMBER_CREATED"],
        ),
        ("updateNumber", json!({"id": id("createNumbers"), "description": "x"}), vec!["NUMBER_UPDATED"]),
        (
            "updateNumbers",
            json!({"clusterId": estate.emea, "first": "5003", "last": "5004", "description": "y"}),
            vec!["NUMBER_UPDATED", "NUMBER_UPDATED"],
        ),
        (
            "changeNumberStatus",
            json!({"numberId": id("createNumbers"), "to": "COOLING", "days": 5}),
            vec!["NUMBER_UPDATED"],
        ),
        (
            "reserveNumbersFor",
            place(json!({"patterns": ["5004", "5006"], "userId": "ben"})),
            vec!["NUMBER_UPDATED", "NUMBER_CREATED"],
        ),
        (
            "deleteNumbers",
            json!({"clusterId": estate.emea, "first": "5004", "last": "5006"}),
            vec!["NUMBER_DELETED"],
        ),
        ("auditNumbers", json!({"addMissing": true}), vec!["NUMBER_CREATED", "NUMBER_CREATED"]),
        (
            "updateLine",
            json!({"line": {"lineId": id("createLine")}, "description": "x"}),
            vec!["LINE_UPDATED"],
        ),
        (
            "addLineToDevice",
            json!({"deviceId": id("createProfile"), "lineId": id("createLine")}),
            vec!["APPEARANCE_ADDED"],
        ),
        (
            "updateAppearance",
            json!({"appearanceId": id("addLineToDevice"), "label": "x"}),
            vec!["APPEARANCE_UPDATED"],
        ),
        (
            "changeLineSettings",
            json!({"appearanceId": id("addLineToDevice"), "settings": {"ring": "FLASH_ONLY"}}),
            vec!["APPEARANCE_SETTINGS_CHANGED"],
        ),
        ("removeLineFromDevice", json!({"appearanceId": id("addLineToDevice")}), vec!["APPEARANCE_REMOVED"]),
        (
            "replaceLines",
            json!({"deviceId": id("copyProfile"), "expectedVersion": 2, "lines": [{"pattern": "4002"}]}),
            vec!["APPEARANCE_REMOVED", "APPEARANCE_UPDATED"],
        ),
        (
            "addButton",
            json!({"deviceId": id("createProfile"), "button": {"speedDial": {"number": "1", "label": "one"}}}),
            vec!["BUTTON_ADDED"],
        ),
        ("updateButton", json!({"buttonId": id("addButton"), "label": "x"}), vec!["BUTTON_UPDATED"]),
        ("moveButton", json!({"buttonId": id("addButton"), "index": 3}), vec!["BUTTON_UPDATED"]),
        ("removeButton", json!({"buttonId": id("addButton")}), vec!["BUTTON_REMOVED"]),
        (
            "replaceButtons",
            json!({"deviceId": id("copyProfile"), "expectedVersion": 3, "callParks": [{"pattern": "4900"}]}),
            vec!["BUTTON_ADDED"],
        ),
        (
            "createPhone",
            place(json!({"name": "SEP1", "product": "Cisco 8841", "protocol": "SIP"})),
            vec!["PHONE_CREATED"],
        ),
        ("updatePhone", json!({"id": id("createPhone"), "description": "x"}), vec!["PHONE_UPDATED"]),
        (
            "createUser",
            place(json!({"userId": "anna", "lastName": "Berg", "profileIds": [id("createProfile")]})),
            vec!["USER_CREATED", "USER_ASSOCIATED"],
        ),
        (
            "updateUser",
            json!({"id": id("createUser"), "lastName": "Tal", "phoneIds": [id("createPhone")]}),
            vec!["USER_UPDATED", "USER_PHONES_CHANGED"],
        ),
        (
            "associateUsers",
            json!({"profileId": id("createProfile"), "userIds": [id("ben")]}),
            vec!["USER_ASSOCIATED"],
        ),
        (
            "reorderUsers",
            json!({"profileId": id("createProfile"), "userIds": [id("ben"), id("createUser")]}),
            vec!["USERS_REORDERED"],
        ),
        (
            "setDefaultProfile",
            json!({"userId": id("ben"), "profileId": id("createProfile")}),
            vec!["USER_UPDATED"],
        ),
        (
            "disassociateUser",
            json!({"profileId": id("createProfile"), "userId": id("ben")}),
            vec!["USER_UPDATED", "USER_DISASSOCIATED"],
        ),
        (
            "createQuickAddGroup",
            place(json!({"name": "g", "product": "Cisco 8841"})),
            vec!["QUICK_ADD_GROUP_CREATED"],
        ),
        (
            "updateQuickAddGroup",
            json!({"id": id("createQuickAddGroup"), "namePattern": "QA_{username}"}),
            vec!["QUICK_ADD_GROUP_UPDATED"],
        ),
        (
            "quickAddUser",
            json!({
                "groupId": id("createQuickAddGroup"), "number": "4800", "newUser": {"userId": "clara", "lastName": "Tal"},
            }),
            vec![
                "USER_CREATED",
                "PROFILE_CREATED",
                "LINE_CREATED",
                "APPEARANCE_ADDED",
                "USER_ASSOCIATED",
                "USER_UPDATED",
            ],
        ),
        ("deleteQuickAddGroup", json!({"id": id("createQuickAddGroup")}), vec!["QUICK_ADD_GROUP_DELETED"]),
        (
            "deleteUser",
            json!({"id": id("createUser"), "soleProfiles": "KEEP_UNASSIGNED"}),
            vec!["USER_PHONES_CHANGED", "USER_DISASSOCIATED", "USER_DELETED"],
        ),
        (
            "deleteProfile",
            json!({"id": id("createProfile")}),
            vec![
                "APPEARANCE_REMOVED",
                "APPEARANCE_REMOVED",
                "CLONE_PROMOTED",
                "PROFILE_DELETED",
                "NUMBER_UPDATED",
            ],
        ),
        (
            "createButtonTemplate",
            json!({"clusterId": estate.emea, "name": "t", "product": "Cisco 8841", "protocol": "SIP", "features": ["LINE"]}),
            vec!["TEMPLATE_CREATED"],
        ),
        ("createSoftkeyTemplate", json!({"clusterId": estate.emea, "name": "t"}), vec!["TEMPLATE_CREATED"]),
        (
            "updateTemplate",
            json!({"id": id("createButtonTemplate"), "description": "x"}),
            vec!["TEMPLATE_UPDATED"],
        ),
        ("deleteTemplate", json!({"id": id("createButtonTemplate")}), vec!["TEMPLATE_DELETED"]),
        (
            "createService",
            json!({"clusterId": estate.emea, "name": "Calls", "url": "http://calls/"}),
            vec!["SERVICE_CREATED"],
        ),
        (
            "addServiceParameter",
            json!({"serviceId": id("createService"), "parameter": {"name": "Ext1", "default": "1"}}),
            vec!["SERVICE_UPDATED"],
        ),
        (
            "subscribeService",
            json!({"deviceId": id("copyProfile"), "serviceId": id("createService"), "values": [{"name": "Ext1", "value": "2"}]}),
            vec!["SERVICE_SUBSCRIBED"],
        ),
        (
            "updateServiceSubscription",
            json!({"subscriptionId": id("subscribeService"), "name": "x"}),
            vec!["SERVICE_SUBSCRIPTION_UPDATED"],
        ),
        (
            "unsubscribeService",
            json!({"subscriptionId": id("subscribeService")}),
            vec!["SERVICE_SUBSCRIPTION_UPDATED"],
        ),
        (
            "resubscribeService",
            json!({"subscriptionId": id("subscribeService")}),
            vec!["SERVICE_SUBSCRIPTION_UPDATED"],
        ),
        (
            "changeServiceParameter",
            json!({"serviceId": id("createService"), "name": "Ext1", "newName": "Ext2"}),
            vec!["SERVICE_UPDATED"],
        ),
        (
            "resyncServiceSubscriptions",
            json!({"serviceId": id("createService")}),
            vec!["SERVICE_SUBSCRIPTION_UPDATED", "SERVICE_RESYNCED"],
        ),
        (
            "removeServiceParameter",
            json!({"serviceId": id("createService"), "name": "Ext2"}),
            vec!["SERVICE_UPDATED"],
        ),
        ("updateService", json!({"id": id("createService"), "description": "x"}), vec!["SERVICE_UPDATED"]),
        (
            "deleteService",
            json!({"id": id("createService"), "unsubscribe": true}),
            vec!["SERVICE_SUBSCRIPTION_REMOVED", "SERVICE_DELETED"],
        ),
        ("deletePhone", json!({"id": id("createPhone")}), vec!["PHONE_DELETED"]),
        ("deleteLine", json!({"id": id("createLine")}), vec!["LINE_DELETED"]),
        ("releaseDevice", json!({"id": id("registerDevice")}), vec!["DEVICE_RELEASED"]),
        ("deleteCluster", json!({"id": id("createCluster")}), vec!["CLUSTER_DELETED"]),
        ("deleteOrganization", json!({"id": id("createOrganization")}), vec!["ORGANIZATION_DELETED"]),
    ]
}

/// The field of a payload that holds what was made, for mutations that make something.
fn maker(mutation: &str) -> Option<String> {
    match mutation {
        "addLineToDevice" => Some("appearance".to_owned()),
        "addButton" => Some("button".to_owned()),
        "copyProfile" => Some("profile".to_owned()),
        "registerDevice" => Some("device".to_owned()),
        "createQuickAddGroup" => Some("group".to_owned()),
        "subscribeService" => Some("subscription".to_owned()),
        "createButtonTemplate" | "createSoftkeyTemplate" => Some("template".to_owned()),
        // What it makes is told number by number.
        "createNumbers" => None,
        _ => mutation.strip_prefix("create").map(str::to_lowercase),
    }
}

/// Mutations that take or answer something else than one thing, each with the file whose stories try it with all of
/// this.
const APART: &[(&str, &str)] = &[
    ("bulkUpdateProfiles", "job"),
    ("cancelJob", "job"),
    ("changeSettingsOfLines", "items"),
    ("changeStatusesOfNumbers", "items"),
    ("cleanUpOrphans", "orphan"),
    ("createDefaultDeviceProfile", "session"),
    ("createLines", "items"),
    ("createNumber", "items"),
    ("createNumbersByPattern", "items"),
    ("createProfiles", "items"),
    ("createServices", "items"),
    ("createRole", "role"),
    ("createUsers", "items"),
    ("deleteDefaultDeviceProfile", "session"),
    ("deleteLines", "items"),
    ("deleteNumber", "items"),
    ("deleteNumbersById", "items"),
    ("deleteProfiles", "items"),
    ("deleteServices", "items"),
    ("deleteRole", "role"),
    ("deleteUsers", "items"),
    ("login", "session"),
    ("logout", "session"),
    ("logoutMany", "session"),
    ("logoutUser", "session"),
    ("relogin", "session"),
    ("restoreProfile", "history"),
    ("restoreSessions", "session"),
    ("retryJob", "job"),
    ("revertChange", "history"),
    ("runJob", "job"),
    ("startImport", "job"),
    ("subscribeServices", "items"),
    ("unsubscribeServices", "items"),
    ("updateDefaultDeviceProfile", "session"),
    ("updateLines", "items"),
    ("updateNumbersById", "items"),
    ("updateProfiles", "items"),
    ("updateServices", "items"),
    ("updateRole", "role"),
    ("updateUsers", "items"),
];

story! {
    /// Each mutation: a dry run tells the same and leaves nothing; a key is answered and not done again; the reason
    /// is kept; a reader and, where the tree is changed, an operator may not.
    async fn every_mutation_has_what_all_have(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let viewer = server.somebody(Role::Viewer, &estate.acme).await;
        let operator = server.somebody(Role::Operator, &estate.acme).await;
        let mut ids = BTreeMap::from([("ben".to_owned(), admin.user(&estate, &estate.berlin, "ben").await)]);
        let schema = admin.data("{ __schema { mutationType { fields { name } } } }").await;
        let known = schema["__schema"]["mutationType"]["fields"].as_array().expect("mutations");
        let known: BTreeSet<_> = known.iter().map(|field| text(&field["name"])).collect();
        let walked: BTreeSet<_> = every(&estate, &ids).iter().map(|(name, ..)| (*name).to_owned()).collect();
        let apart = APART.iter().map(|(name, _)| (*name).to_owned());
        assert_eq!(walked.iter().cloned().chain(apart).collect::<BTreeSet<_>>(), known);

        for at in 0..walked.len() {
            let (name, input, kinds) = every(&estate, &ids).remove(at);
            let kinds = json!(kinds.iter().map(|kind| json!({"kind": kind})).collect::<Vec<_>>());
            let with = |more: Value| {
                let mut input = input.clone();
                input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
                input
            };
            let before = all(&admin).await;
            let kind = name[..1].to_uppercase() + &name[1..];
            let document = format!("mutation($input: {kind}Input!) {{ {name}(input: $input) {{ changes {{ kind }} }} }}");
            let configures = ["Organization", "Cluster", "Template", "QuickAddGroup"].iter().any(|noun| name.ends_with(noun))
                || name.ends_with("ServiceParameter")
                || matches!(name, "createService" | "updateService" | "deleteService");
            let answer = viewer.ask(&document, json!({"input": input})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{name}");
            let answer = operator.ask(&document, json!({"input": with(json!({"dryRun": true}))})).await;
            let code = &answer["errors"][0]["extensions"]["code"];
            assert_eq!(*code, if configures { json!("FORBIDDEN") } else { json!(null) }, "{name}");
            let trial = admin.done(name, with(json!({"dryRun": true, "idempotencyKey": name})), "changes { kind }").await;
            assert_eq!(trial["changes"], kinds, "{name}");
            assert_eq!(all(&admin).await, before, "{name}");

            let made = maker(name).map(|field| format!("{field} {{ id }}")).unwrap_or_default();
            let select = format!("changes {{ kind }} {made}");
            let call = with(json!({"idempotencyKey": name, "reason": format!("why {name}")}));
            let done = admin.done(name, call.clone(), &select).await;
            assert_eq!(done["changes"], kinds, "{name}");
            let after = all(&admin).await;
            assert_ne!(after, before, "{name}");
            assert_eq!(admin.done(name, call, &select).await, done, "{name}");
            assert_eq!(all(&admin).await, after, "{name}");
            let last = admin.data("{ changes(last: 1) { nodes { cursor reason by } } }").await;
            let last = &last["changes"]["nodes"][0];
            assert_eq!((&last["cursor"], &last["by"]), (&done["cursor"], &json!("administrator")), "{name}");
            assert_eq!(last["reason"], format!("why {name}"));
            let other = with(json!({"idempotencyKey": "createOrganization"}));
            let other = admin.ask(&document, json!({"input": other})).await;
            if name != "createOrganization" {
                assert_eq!(other["errors"][0]["extensions"]["code"], "CONFLICT", "{name}");
            }
            if let Some(field) = maker(name) {
                ids.insert(name.to_owned(), text(&done[&field]["id"]));
            }
            if name == "createNumbers" {
                let second = admin.data("{ numbers(first: 2) { nodes { id } } }").await;
                ids.insert(name.to_owned(), text(&second["numbers"]["nodes"][1]["id"]));
            }
        }
    }
}

story! {
    /// A key is of its caller, lives as long as the database, and keeps no refusal.
    async fn a_key_is_kept_with_the_database(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let other = server.somebody(Role::Operator, &estate.north).await;
        let with = |pattern: &str| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "pattern": pattern, "idempotencyKey": "7",
        });
        assert_eq!(admin.refused("createLine", with("call me")).await, ["PATTERN_INVALID at pattern"]);
        let first = admin.done("createLine", with("4001"), "line { id }").await;
        // Somebody else's key is another one.
        assert_eq!(other.refused("createLine", with("4001")).await, ["LINE_TAKEN at pattern"]);
        other.done("createLine", with("4002"), "").await;

        let beside = server.beside().await;
        let again = beside.client(admin.token().map(str::to_owned)).done("createLine", with("4001"), "line { id }").await;
        assert_eq!(again, first);
        assert_eq!(admin.data("{ lines { totalCount } }").await["lines"]["totalCount"], 2);
        beside.close().await;
    }
}

story! {
    async fn what_is_said_with_a_mutation_has_its_limits(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for (more, sound) in [
            (json!({"reason": "ä".repeat(500)}), true),
            (json!({"reason": "ä".repeat(501)}), false),
            (json!({"idempotencyKey": "k".repeat(200)}), true),
            (json!({"idempotencyKey": "k".repeat(201)}), false),
            (json!({"idempotencyKey": ""}), false),
        ] {
            let mut input = json!({"id": estate.berlin, "name": "berlin"});
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            let document = "mutation($input: RenameOrganizationInput!) { renameOrganization(input: $input) { errors { code } } }";
            let answer = admin.ask(document, json!({"input": input})).await;
            let code = if sound { json!(null) } else { json!("BAD_USER_INPUT") };
            assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{more}");
        }
    }
}

story! {
    /// Mutations of one request are done one after another, and each sees what the ones before it did.
    async fn a_later_mutation_of_a_request_sees_the_earlier_ones(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let step = |n: i32| format!(
            r#"m{n}: updateProfile(input: {{id: "{id}", expectedVersion: {n}, description: "{n}"}}) {{
                profile {{ version description history {{ totalCount }} }} errors {{ code }} }}"#
        );
        let data = admin.data(&format!("mutation {{ {} {} }}", step(1), step(2))).await;
        let told = |n: i32| json!({
            "profile": {"version": n + 1, "description": n.to_string(), "history": {"totalCount": n + 1}}, "errors": [],
        });
        assert_eq!(data, json!({"m1": told(1), "m2": told(2)}));
    }
}
