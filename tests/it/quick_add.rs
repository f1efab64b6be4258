//! Stories of the three ways to make a profile: with a new user, by a Quick Add group, and how many a user may have.

use std::collections::BTreeSet;

use entity::token::Role;
use proptest::prelude::*;
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

use crate::{
    chance,
    roamline::{Client, Estate, Roamline, text},
    story,
};

fn with(mut input: Value, more: Value) -> Value {
    let more = more.as_object().cloned().unwrap_or_default();
    input.as_object_mut().expect("an object").extend(more);
    input
}

/// A group at an organization for the 8841; answers its id.
async fn group(client: &Client, estate: &Estate, organization: &str, more: Value) -> String {
    let input = with(
        json!({"organizationId": organization, "clusterId": estate.emea, "name": "EM", "product": "Cisco 8841"}),
        more,
    );
    text(&client.done("createQuickAddGroup", input, "group { id }").await["group"]["id"])
}

/// Numbers of the inventory, kept at an organization.
async fn numbers(client: &Client, estate: &Estate, organization: &str, first: &str, last: &str) {
    let input =
        json!({"organizationId": organization, "clusterId": estate.emea, "first": first, "last": last});
    client.done("createNumbers", input, "").await;
}

async fn reserve(client: &Client, estate: &Estate, pattern: &str, user_id: &str) {
    let input = json!({
        "organizationId": estate.berlin, "clusterId": estate.emea, "patterns": [pattern], "userId": user_id,
    });
    client.done("reserveNumbersFor", input, "").await;
}

/// A new user by a group.
fn newcomer(group: &str, user_id: &str) -> Value {
    json!({"groupId": group, "newUser": {"userId": user_id, "firstName": "Änna", "lastName": "Berg"}})
}

const ADDED: &str = "lineDefaultsApplied user { id userId defaultProfile { name } } \
                     profile { id name description product buttonTemplate organization { name } users { nodes { userId } } } \
                     appearance { role label settings { display externalMask } line { pattern partition description \
                     organization { name } settings { alertingName callingSearchSpace } number { status reservedFor } } } \
                     changes { kind }";

/// The number that a quick add gave.
fn given(payload: &Value) -> &Value {
    &payload["appearance"]["line"]["pattern"]
}

story! {
    /// QAS-1, QAS-2: user, profile, one line, association and default profile in one go, as the group says; a dry run tells
    /// the same and leaves nothing; a key is answered and not done again.
    async fn a_new_user_is_added_whole(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        numbers(&admin, &estate, &estate.berlin, "4001", "4003").await;
        let more = json!({
            "namePattern": "EM_{username}", "settings": {"userLocale": "German Germany"}, "placeId": estate.berlin,
            "line": {
                "label": "{lastName} {number}", "settings": {"display": "{firstName} {lastName}", "externalMask": "+4930XXXX"},
                "lineSettings": {"alertingName": "{lastName}", "callingSearchSpace": "CSS_Berlin"},
            },
        });
        let id = group(&admin, &estate, &estate.north, more).await;
        let before = admin.data("{ service { newestCursor } users { totalCount } profiles { totalCount } lines { totalCount } }").await;
        let dry = admin.done("quickAddUser", with(newcomer(&id, "anna"), json!({"dryRun": true})), ADDED).await;
        assert_eq!((&dry["user"], &dry["profile"], &dry["lineDefaultsApplied"]), (&json!(null), &json!(null), &json!(true)));
        assert_eq!(
            admin.data("{ service { newestCursor } users { totalCount } profiles { totalCount } lines { totalCount } }").await,
            before
        );
        let call = with(newcomer(&id, "anna"), json!({"idempotencyKey": "1", "reason": "new here"}));
        let done = admin.done("quickAddUser", call.clone(), ADDED).await;
        assert_eq!(done["changes"], dry["changes"]);
        let kinds: Vec<_> = done["changes"].as_array().expect("changes").iter().map(|change| text(&change["kind"])).collect();
        assert_eq!(
            kinds,
            ["USER_CREATED", "PROFILE_CREATED", "LINE_CREATED", "APPEARANCE_ADDED", "USER_ASSOCIATED", "USER_UPDATED", "NUMBER_UPDATED"]
        );
        let (user, profile) = (text(&done["user"]["id"]), text(&done["profile"]["id"]));
        assert_eq!(
            json!({"user": done["user"], "profile": done["profile"], "appearance": done["appearance"]}),
            json!({
                "user": {"id": user, "userId": "anna", "defaultProfile": {"name": "EM_anna"}},
                "profile": {
                    "id": profile, "name": "EM_anna", "description": "Änna Berg - 4001", "product": "Cisco 8841",
                    "buttonTemplate": "Standard 8841 SIP", "organization": {"name": "berlin"}, "users": {"nodes": [{"userId": "anna"}]},
                },
                "appearance": {
                    "role": "ORIGINAL", "label": "Berg 4001", "settings": {"display": "Änna Berg", "externalMask": "+4930XXXX"},
                    "line": {
                        "pattern": "4001", "partition": null, "description": "Änna Berg", "organization": {"name": "berlin"},
                        "settings": {"alertingName": "Berg", "callingSearchSpace": "CSS_Berlin"},
                        "number": {"status": "USED", "reservedFor": null},
                    },
                },
            })
        );
        let again = admin.done("quickAddUser", call.clone(), ADDED).await;
        assert_eq!((&again["profile"], &again["cursor"]), (&done["profile"], &done["cursor"]));
        let other = admin.ask(
            "mutation($input: QuickAddUserInput!) { quickAddUser(input: $input) { cursor } }",
            json!({"input": with(call, json!({"profileName": "EM_other"}))}),
        ).await;
        assert_eq!(other["errors"][0]["extensions"]["code"], "CONFLICT");
        let history = format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ history(first: 9) {{ nodes {{ reason by }} }} }} }}"#);
        let history = admin.data(&history).await;
        assert_eq!(history["profile"]["history"]["nodes"][0], json!({"reason": "new here", "by": "administrator"}));

        // A user who is there keeps the default profile, and gets a second one of another name.
        let second = json!({"groupId": id, "userId": user, "profileName": "EM_anna_home"});
        let done = admin.done("quickAddUser", second, ADDED).await;
        assert_eq!((given(&done), &done["user"]["defaultProfile"]["name"]), (&json!("4002"), &json!("EM_anna")));
        let ben = admin.user(&estate, &estate.berlin, "ben").await;
        let done = admin.done("quickAddUser", json!({"groupId": id, "userId": ben, "number": "4003"}), ADDED).await;
        assert_eq!((given(&done), &done["user"]["defaultProfile"]["name"]), (&json!("4003"), &json!("EM_ben")));
    }
}

story! {
    /// QAS-3: a number whose line stands on another device becomes a clone, and what the group says of lines is left out.
    async fn a_line_that_is_there_is_shared(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let boss = admin.profile(&estate, &estate.berlin, "EM-boss", &["4001"]).await;
        let appearance = admin.appearances(&boss).await.remove(0);
        admin.done("changeLineSettings", json!({"appearanceId": appearance, "settings": {"display": "Boss"}}), "").await;
        let more = json!({"line": {"label": "{lastName}", "settings": {"display": "{lastName}"}, "lineSettings": {"alertingName": "x"}}});
        let id = group(&admin, &estate, &estate.berlin, more).await;
        let done = admin.done("quickAddUser", with(newcomer(&id, "anna"), json!({"number": "4001"})), ADDED).await;
        assert_eq!(done["lineDefaultsApplied"], false);
        let shared = &done["appearance"];
        assert_eq!((&shared["role"], &shared["label"], &shared["settings"]["display"]), (&json!("CLONE"), &json!("Berg"), &json!("Boss")));
        assert_eq!(shared["line"]["settings"]["alertingName"], json!(null));
        // One that stands nowhere is nobody's, and gets them.
        let line = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": "4002", "description": "old"});
        admin.done("createLine", line, "").await;
        let done = admin.done("quickAddUser", with(newcomer(&id, "ben"), json!({"number": "4002"})), ADDED).await;
        assert_eq!((&done["lineDefaultsApplied"], &done["appearance"]["line"]["description"]), (&json!(true), &json!("Änna Berg")));
    }
}

story! {
    /// RSV-4, RSV-5, RSV-7: the next available number is one that is kept for the user, else one that is kept for nobody; a
    /// reserved or cooling one is nobody's, and so is one whose line stands although the inventory does not know.
    async fn the_next_available_number_is_the_users_own_first(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = group(&admin, &estate, &estate.berlin, json!({})).await;
        let next = async |user_id: &str| {
            admin.mutate("quickAddUser", newcomer(&id, user_id), ADDED).await
        };
        assert_eq!(admin.refused("quickAddUser", newcomer(&id, "anna")).await, ["NO_NUMBER_AVAILABLE at number"]);
        numbers(&admin, &estate, &estate.berlin, "4001", "4006").await;
        numbers(&admin, &estate, &estate.paris, "3001", "3009").await;
        numbers(&admin, &estate, &estate.acme, "9001", "9001").await;
        reserve(&admin, &estate, "4005", "anna").await;
        reserve(&admin, &estate, "4001", "clara").await;
        for (pattern, to) in [("4002", "RESERVED"), ("4003", "COOLING")] {
            let found = admin.data(&format!(r#"{{ numbers(filter: {{pattern: {{equals: "{pattern}"}}}}) {{ nodes {{ id }} }} }}"#)).await;
            admin.done("changeNumberStatus", json!({"numberId": found["numbers"]["nodes"][0]["id"], "to": to, "days": 3}), "").await;
        }
        let anna = next("anna").await;
        assert_eq!((given(&anna), &anna["appearance"]["line"]["number"]), (&json!("4005"), &json!({"status": "USED", "reservedFor": "anna"})));
        assert_eq!(given(&next("ben").await), "4004");
        assert_eq!(given(&next("dora").await), "4006");
        // What is kept above is there for the site as well; what another site keeps is not.
        assert_eq!(given(&next("emil").await), "9001");
        assert_eq!(next("fritz").await["errors"][0]["code"], "NO_NUMBER_AVAILABLE");
        assert_eq!(given(&next("clara").await), "4001");
        let refused = admin.refused("quickAddUser", with(newcomer(&id, "gerd"), json!({"number": "4002"}))).await;
        assert_eq!(refused, ["NUMBER_NOT_AVAILABLE at number"]);
        assert_eq!(admin.refused("quickAddUser", with(newcomer(&id, "gerd"), json!({"number": "4005"}))).await, ["NUMBER_RESERVED_FOR_OTHER_USER at number"]);
    }
}

story! {
    /// RSV-7: a profile of several users may have a number that is kept for any of them, and the number and its change tell
    /// for which; numbers of somebody who is gone are found and given free together.
    async fn a_number_kept_for_any_of_a_profiles_users_may_stand_there(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        numbers(&admin, &estate, &estate.berlin, "4001", "4003").await;
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        for (pattern, user) in [("4001", "ben"), ("4002", "gone"), ("4003", "gone")] {
            reserve(&admin, &estate, pattern, user).await;
        }
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let put = |pattern: &str| json!({"deviceId": profile, "pattern": pattern});
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [anna]}), "").await;
        assert_eq!(admin.refused("addLineToDevice", put("4001")).await, ["NUMBER_RESERVED_FOR_OTHER_USER at pattern"]);
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [ben]}), "").await;
        let select = "changes { kind ... on NumberUpdated { after { status reservedFor } } }";
        let done = admin.done("addLineToDevice", put("4001"), select).await;
        assert_eq!(done["changes"][2], json!({"kind": "NUMBER_UPDATED", "after": {"status": "USED", "reservedFor": "ben"}}));

        let orphans = admin.data("{ numbers(filter: {hasHolder: false}) { nodes { pattern reservedFor } } }").await;
        assert_eq!(
            orphans["numbers"]["nodes"],
            json!([{"pattern": "4002", "reservedFor": "gone"}, {"pattern": "4003", "reservedFor": "gone"}])
        );
        let free = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "patterns": ["4002", "4003"]});
        let done = admin.done("reserveNumbersFor", free, "outcomes { result number { reservedFor } }").await;
        assert_eq!(done["outcomes"][1], json!({"result": "UPDATED", "number": {"reservedFor": null}}));
        assert_eq!(admin.data("{ numbers(filter: {hasHolder: false}) { totalCount } }").await["numbers"]["totalCount"], 0);
    }
}

story! {
    /// Quick adds at the same moment get different numbers; when there are no more, the others are told so. A taken name
    /// comes with three free ones.
    async fn quick_adds_at_once_share_no_number(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        numbers(&admin, &estate, &estate.berlin, "4000", "4009").await;
        reserve(&admin, &estate, "4003", "user3").await;
        reserve(&admin, &estate, "4007", "nobody").await;
        let id = group(&admin, &estate, &estate.berlin, json!({})).await;
        let mut adding = tokio::task::JoinSet::new();
        for n in 0..12 {
            let (admin, input) = (admin.clone(), newcomer(&id, &format!("user{n}")));
            adding.spawn(async move { (n, admin.mutate("quickAddUser", input, ADDED).await) });
        }
        let (mut got, mut refused) = (BTreeSet::new(), 0);
        while let Some(done) = adding.join_next().await {
            let (n, payload) = done.expect("added");
            if payload["errors"] == json!([]) {
                assert!(got.insert(text(given(&payload))), "one number twice: {payload:#}");
                assert_eq!(given(&payload) == "4003", n == 3, "{payload:#}");
            } else {
                assert_eq!(payload["errors"][0]["code"], "NO_NUMBER_AVAILABLE", "{payload:#}");
                refused += 1;
            }
        }
        assert_eq!((got.len(), refused, got.contains("4007")), (9, 3, false));

        // Of two who race for one user id, one is told of free ones. PostgreSQL's transactions see what is committed
        // while they read, so the race's loser may hear of one of the two names; whoever asks again hears of both.
        numbers(&admin, &estate, &estate.berlin, "5000", "5009").await;
        let twin = || admin.mutate("quickAddUser", newcomer(&id, "twin"), "errors { suggestions }");
        let (one, two) = tokio::join!(twin(), twin());
        let codes = |payload: &Value| -> Vec<String> {
            payload["errors"].as_array().expect("errors").iter().map(|error| text(&error["code"])).collect()
        };
        let lost: Vec<_> = [one, two].into_iter().filter(|payload| payload["errors"] != json!([])).collect();
        assert_eq!(lost.len(), 1, "{lost:#?}");
        let both = ["USER_ID_TAKEN", "NAME_TAKEN_BY_PROFILE"];
        assert!(codes(&lost[0]).iter().all(|code| both.contains(&code.as_str())), "{lost:#?}");
        let loser = twin().await;
        assert_eq!(codes(&loser), both);
        assert_eq!(loser["errors"][0]["path"], json!(["newUser", "userId"]));
        assert_eq!(loser["errors"][0]["suggestions"], json!(["twin-2", "twin-3", "twin-4"]));
        assert_eq!(loser["errors"][1]["path"], json!(["profileName"]));
        assert_eq!(loser["errors"][1]["suggestions"], json!(["EM_twin-2", "EM_twin-3", "EM_twin-4"]));
    }
}

story! {
    /// HIE-5, HIE-3: a provider's group is copied for a customer and the customer's for a site, and inherits nothing later;
    /// a site's operator uses the groups above for the own site, and changes none of them (ACC-7).
    async fn groups_are_copied_downwards_and_used_from_below(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let top = json!({"organizationId": estate.acme, "name": "Standard", "product": "Cisco 8851", "line": {"label": "{number}"}});
        let top = text(&admin.done("createQuickAddGroup", top, "group { id }").await["group"]["id"]);
        assert_eq!(
            admin.refused("quickAddUser", with(newcomer(&top, "anna"), json!({"organizationId": estate.berlin, "number": "1"}))).await,
            ["QUICK_ADD_GROUP_HAS_NO_CLUSTER at groupId"]
        );
        let select = "group { id name product cluster { name } organization { name } place { name } line { label partition } version }";
        let copy = json!({
            "organizationId": estate.north, "clusterId": estate.emea, "copyFromId": top, "name": "North", "placeId": estate.paris,
            "line": {"partition": "internal"},
        });
        let north = admin.done("createQuickAddGroup", copy, select).await["group"].clone();
        assert_eq!(
            north,
            json!({
                "id": north["id"], "name": "North", "product": "Cisco 8851", "cluster": {"name": "emea"}, "organization": {"name": "north"},
                "place": {"name": "paris"}, "line": {"label": "{number}", "partition": "internal"}, "version": 1,
            })
        );
        let boss = server.somebody(Role::Admin, &estate.berlin).await;
        let copy = json!({"organizationId": estate.berlin, "copyFromId": north["id"], "name": "Berlin"});
        let berlin = boss.done("createQuickAddGroup", copy, select).await["group"].clone();
        assert_eq!(
            (&berlin["cluster"]["name"], &berlin["place"], &berlin["line"]),
            (&json!("emea"), &json!(null), &json!({"label": "{number}", "partition": "internal"}))
        );
        admin.done("updateQuickAddGroup", json!({"id": north["id"], "expectedVersion": 1, "product": "Cisco 7841"}), "").await;
        let seen = boss.data("{ quickAddGroups { totalCount nodes { name product organization { name } } } }").await;
        assert_eq!(
            seen["quickAddGroups"],
            json!({"totalCount": 3, "nodes": [
                {"name": "Berlin", "product": "Cisco 8851", "organization": {"name": "berlin"}},
                {"name": "North", "product": "Cisco 7841", "organization": null},
                {"name": "Standard", "product": "Cisco 8851", "organization": null},
            ]})
        );
        for input in [json!({"id": north["id"], "description": "x"}), json!({"id": top, "description": "x"})] {
            assert_eq!(boss.refused("updateQuickAddGroup", input).await, ["NOT_FOUND at id"]);
        }

        // With the customer's group, an operator of Berlin adds a user in Berlin, and nowhere else.
        let operator = server.somebody(Role::Operator, &estate.berlin).await;
        let input = with(newcomer(&text(&north["id"]), "anna"), json!({"number": "4001"}));
        assert_eq!(operator.refused("quickAddUser", input.clone()).await, ["NOT_FOUND at organizationId"]);
        let done = operator.done("quickAddUser", with(input, json!({"organizationId": estate.berlin})), ADDED).await;
        assert_eq!(done["profile"]["organization"], json!({"name": "berlin"}));
        let rome = server.somebody(Role::Operator, &estate.rome).await;
        let theirs = json!({"groupId": berlin["id"], "organizationId": estate.rome, "number": "1", "newUser": {"userId": "x", "lastName": "X"}});
        assert_eq!(rome.refused("quickAddUser", theirs).await, ["NOT_FOUND at groupId"]);
        assert_eq!(rome.data("{ quickAddGroups { nodes { name } } }").await["quickAddGroups"]["nodes"], json!([{"name": "Standard"}]));

        admin.done("deleteQuickAddGroup", json!({"id": berlin["id"], "expectedVersion": 1}), "").await;
        assert_eq!(admin.refused("deleteQuickAddGroup", json!({"id": berlin["id"]})).await, ["NOT_FOUND at id"]);
    }
}

story! {
    /// HIE-5: a site has its defaults from the moment it is made, copied from its customer and provider, and inherits
    /// nothing later; all of it or nothing.
    async fn a_new_site_gets_its_defaults(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let group = async |at: &str, name: &str, more: Value| {
            let input = with(json!({"organizationId": at, "name": name, "product": "Cisco 8851"}), more);
            text(&admin.done("createQuickAddGroup", input, "group { id }").await["group"]["id"])
        };
        let standard = group(&estate.acme, "Standard", json!({"line": {"label": "{number}"}})).await;
        let desk = group(&estate.north, "Desk", json!({"clusterId": estate.emea, "placeId": estate.berlin})).await;
        let elsewhere = group(&estate.rome, "Rome", json!({})).await;
        let apac = json!({"organizationId": estate.south, "name": "apac"});
        let apac = admin.done("createCluster", apac, "cluster { id }").await["cluster"]["id"].clone();
        let site = |name: &str, groups: Value| {
            json!({"parentId": estate.north, "kind": "SITE", "name": name, "quickAddGroups": groups})
        };
        let groups = json!([
            {"copyFromId": standard, "clusterId": estate.emea, "name": "Bonn"}, {"copyFromId": desk}, {"copyFromId": standard},
        ]);
        let select = "organization { id quickAddGroups { nodes { \
            id name product cluster { name } place { name } line { label } version \
        } } } changes { kind }";
        let made = admin.done("createOrganization", site("bonn", groups.clone()), select).await;
        let kinds: Vec<_> = made["changes"].as_array().expect("a list").iter().map(|change| text(&change["kind"])).collect();
        assert_eq!(
            kinds,
            ["ORGANIZATION_CREATED", "QUICK_ADD_GROUP_CREATED", "QUICK_ADD_GROUP_CREATED", "QUICK_ADD_GROUP_CREATED"]
        );
        let mut found = made["organization"]["quickAddGroups"]["nodes"].clone();
        let ids: Vec<_> = found.as_array_mut().expect("a list").iter_mut().map(|group| text(&group["id"].take())).collect();
        let copy = |name: &str, cluster: Value, label: Value| json!({
            "id": null, "name": name, "product": "Cisco 8851", "cluster": cluster, "place": null, "line": {"label": label}, "version": 1,
        });
        let emea = json!({"name": "emea"});
        assert_eq!(
            found,
            json!([
                copy("Bonn", emea.clone(), json!("{number}")), copy("Desk", emea, json!(null)),
                copy("Standard", json!(null), json!("{number}")),
            ])
        );
        admin.done("updateQuickAddGroup", json!({"id": standard, "expectedVersion": 1, "product": "Cisco 7841"}), "").await;
        let query = format!("{{ node(id: \"{}\") {{ ... on QuickAddGroup {{ product }} }} }}", ids[0]);
        assert_eq!(admin.data(&query).await["node"]["product"], "Cisco 8851");

        // A user is added by the site's own group at once.
        let input = json!({"groupId": ids[0], "number": "4100", "newUser": {"userId": "bea", "lastName": "B"}});
        let done = admin.done("quickAddUser", input, "profile { organization { name } }").await;
        assert_eq!(done["profile"]["organization"]["name"], "bonn");

        // What one copy breaks is told with its place, and no site stands without its defaults.
        let broken = json!([
            {"copyFromId": desk, "name": ""}, {"copyFromId": estate.north}, {"copyFromId": desk, "clusterId": apac},
            {"copyFromId": desk},
        ]);
        assert_eq!(
            admin.refused("createOrganization", site("ulm", broken)).await,
            [
                "VALUE_REQUIRED at quickAddGroups.0.name", "NOT_FOUND at quickAddGroups.1.copyFromId",
                "CLUSTER_DOES_NOT_SERVE at quickAddGroups.2.clusterId", "VALUE_REPEATED at quickAddGroups.3",
            ]
        );
        let boss = server.somebody(Role::Admin, &estate.north).await;
        let theirs = json!([{"copyFromId": elsewhere}]);
        assert_eq!(
            boss.refused("createOrganization", site("ulm", theirs)).await,
            ["NOT_FOUND at quickAddGroups.0.copyFromId"]
        );
        let many = Value::from(vec![json!({"copyFromId": desk}); 51]);
        let told = admin.refused("createOrganization", site("ulm", many)).await;
        assert_eq!(told[0], "TOO_MANY_ITEMS at quickAddGroups");
        let root = json!({"kind": "PROVIDER", "name": "other", "quickAddGroups": [{"copyFromId": desk}]});
        assert_eq!(
            admin.refused("createOrganization", root).await,
            ["CLUSTER_DOES_NOT_SERVE at quickAddGroups.0.clusterId"]
        );
        let there = admin.data("{ organizations(first: 50) { nodes { name } } }").await;
        assert!(!there.to_string().contains("ulm") && !there.to_string().contains("other"), "{there:#}");
        assert_eq!(boss.done("createOrganization", site("jena", groups), "").await["errors"], json!([]));
    }
}

story! {
    /// RML-60, NAM-9, RML-61, RML-22: what is refused of a group, all at once, and what holds its organization and cluster.
    async fn a_group_is_refused_where_its_profiles_would_be(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = group(&admin, &estate, &estate.berlin, json!({})).await;
        let template = json!({"clusterId": estate.emea, "name": "Sales", "product": "Cisco 7841", "protocol": "SIP", "features": ["LINE"]});
        admin.done("createButtonTemplate", template, "").await;
        let sound = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "name": "Other", "product": "Cisco 8841"});
        for (more, rules) in [
            (json!({"name": "em"}), vec!["QUICK_ADD_NAME_TAKEN at name"]),
            (json!({"namePattern": "EM"}), vec!["NAME_PATTERN_INVALID at namePattern"]),
            (json!({"descriptionPattern": "{dn}"}), vec!["TEXT_PATTERN_INVALID at descriptionPattern"]),
            (json!({"buttonTemplate": "Sales"}), vec!["TEMPLATE_MISMATCH at buttonTemplate"]),
            (json!({"placeId": estate.paris}), vec!["VALUE_INVALID at placeId"]),
            (json!({"placeId": "x", "copyFromId": "x"}), vec!["NOT_FOUND at copyFromId", "NOT_FOUND at placeId"]),
            (json!({"line": {"settings": {"busyTrigger": 9}, "lineSettings": {"alertingName": "{dn}"}}}), vec![
                "BUSY_TRIGGER_EXCEEDS_MAX_CALLS at line.settings.busyTrigger", "TEXT_PATTERN_INVALID at line.lineSettings.alertingName",
            ]),
            (json!({"product": null, "organizationId": "x"}), vec!["NOT_FOUND at organizationId", "VALUE_REQUIRED at product"]),
        ] {
            assert_eq!(admin.refused("createQuickAddGroup", with(sound.clone(), more)).await, rules);
        }
        let change = json!({"id": id, "expectedVersion": 1, "name": "EM two", "line": {"label": null, "description": "{number}"}});
        let done = admin.done("updateQuickAddGroup", change.clone(), "group { name version line { description } } changes { ... on QuickAddGroupUpdated { fields } }").await;
        assert_eq!(done["group"], json!({"name": "EM two", "version": 2, "line": {"description": "{number}"}}));
        assert_eq!(done["changes"], json!([{"fields": ["name", "line"]}]));
        assert_eq!(admin.refused("updateQuickAddGroup", change).await, ["VERSION_CONFLICT at expectedVersion"]);
        assert_eq!(admin.refused("deleteOrganization", json!({"id": estate.berlin})).await, ["ORGANIZATION_NOT_EMPTY at id"]);
        let found = admin.data(r#"{ search(text: "em tw") { ... on QuickAddGroup { name } } quickAddGroups(filter: {hasCluster: true, name: {startsWith: "em"}}) { totalCount } }"#).await;
        assert_eq!(found, json!({"search": [{"name": "EM two"}], "quickAddGroups": {"totalCount": 1}}));
        // Every fault of a quick add is told at once, in its own words.
        let input = json!({"groupId": id, "number": "call", "profileName": "a/b", "newUser": {"userId": "Anna", "lastName": " ", "email": "x"}});
        assert_eq!(
            admin.refused("quickAddUser", input).await,
            [
                "USER_ID_INVALID at newUser.userId", "VALUE_REQUIRED at newUser.lastName", "VALUE_INVALID at newUser.email",
                "NAME_INVALID_CHARACTER at profileName", "PATTERN_INVALID at number",
            ]
        );
        let neither = format!(r#"mutation {{ quickAddUser(input: {{groupId: "{id}"}}) {{ cursor }} }}"#);
        assert_eq!(admin.code(&neither).await, "BAD_USER_INPUT");
    }
}

story! {
    /// USR-11: however a user comes to a profile, there are no more than the nearest organization that says allows; who has
    /// more already keeps them.
    async fn a_user_has_no_more_profiles_than_allowed(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let limit = |organization: &str, most: Value| json!({"id": organization, "maxProfilesPerUser": most});
        admin.done("updateOrganization", limit(&estate.north, json!(2)), "organization { maxProfilesPerUser }").await;
        assert_eq!(admin.refused("updateOrganization", limit(&estate.north, json!(-1))).await, ["VALUE_OUT_OF_RANGE at maxProfilesPerUser"]);
        let id = group(&admin, &estate, &estate.berlin, json!({})).await;
        let one = |name: &str| json!({"name": name, "product": "Cisco 8841", "protocol": "SIP"});
        let make = |user: &str, profiles: Vec<Value>| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "userId": user, "lastName": user, "newProfiles": profiles,
        });
        assert_eq!(
            admin.refused("createUser", make("anna", vec![one("A-1"), one("A-2"), one("A-3")])).await,
            ["ENTITLEMENT_EXCEEDED at newProfiles.2"]
        );
        let anna = text(&admin.done("createUser", make("anna", vec![one("A-1"), one("A-2")]), "user { id }").await["user"]["id"]);
        let other = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let create = with(one("EM-2"), json!({"organizationId": estate.berlin, "clusterId": estate.emea, "userIds": [anna]}));
        let copied = admin.data(r#"{ profiles(filter: {name: {equals: "A-1"}}) { nodes { id } } }"#).await;
        let copied = &copied["profiles"]["nodes"][0]["id"];
        for (mutation, input, place) in [
            ("associateUsers", json!({"profileId": other, "userIds": [anna]}), "userIds.0"),
            ("createProfile", create.clone(), "userIds.0"),
            ("copyProfile", json!({"id": copied, "name": "EM-3", "users": true}), "userIds.0"),
            ("quickAddUser", json!({"groupId": id, "userId": anna, "number": "1"}), "userId"),
        ] {
            assert_eq!(admin.refused(mutation, input).await, [format!("ENTITLEMENT_EXCEEDED at {place}")], "{mutation}");
        }
        let page = format!(r#"{{ user(by: {{id: "{anna}"}}) {{ extensionMobility {{ entitlement {{ used most left }} }} }} }}"#);
        let entitlement = async || admin.data(&page).await["user"]["extensionMobility"]["entitlement"].clone();
        assert_eq!(entitlement().await, json!({"used": 2, "most": 2, "left": 0}));
        // The site says otherwise, then less than there is.
        admin.done("updateOrganization", limit(&estate.berlin, json!(3)), "").await;
        admin.done("createProfile", create, "").await;
        admin.done("updateOrganization", limit(&estate.berlin, json!(0)), "").await;
        assert_eq!(entitlement().await, json!({"used": 3, "most": 0, "left": 0}));
        assert_eq!(
            admin.refused("quickAddUser", with(newcomer(&id, "ben"), json!({"number": "1"}))).await,
            ["ENTITLEMENT_EXCEEDED at newUser"]
        );
        admin.done("updateOrganization", limit(&estate.berlin, json!(null)), "").await;
        admin.done("updateOrganization", limit(&estate.north, json!(null)), "").await;
        assert_eq!(entitlement().await, json!({"used": 3, "most": null, "left": null}));

        // Two who give the same user one more at the same moment: one is refused.
        admin.done("updateOrganization", limit(&estate.berlin, json!(4)), "").await;
        let third = admin.profile(&estate, &estate.berlin, "EM-9", &[]).await;
        let associate = |profile: &str| json!({"profileId": profile, "userIds": [anna]});
        let (one, two) = tokio::join!(
            admin.mutate("associateUsers", associate(&other), ""),
            admin.mutate("associateUsers", associate(&third), ""),
        );
        let refused = [one, two].iter().filter(|payload| payload["errors"][0]["code"] == "ENTITLEMENT_EXCEEDED").count();
        assert_eq!(refused, 1);
    }
}

story! {
    /// USR-1: `createUser` with several profiles, each with its lines and buttons, is all or nothing, and says where.
    async fn a_user_comes_with_profiles_lines_and_buttons(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let dial = |label: &str| json!({"speedDial": {"number": "1", "label": label}});
        let input = |second: &str, label: &str| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "userId": "anna", "lastName": "Berg", "defaultProfile": 1,
            "newProfiles": [
                {"name": "EM-1", "product": "Cisco 8841", "protocol": "SIP", "lines": [{"pattern": "4001"}, {"pattern": second}], "buttons": [dial("one")]},
                {"name": "EM-2", "product": "Cisco 8851", "protocol": "SIP", "lines": [{"pattern": "4001"}], "buttons": [dial(label)]},
            ],
        });
        assert_eq!(
            admin.refused("createUser", input("call", "")).await,
            ["PATTERN_INVALID at newProfiles.0.lines.1.pattern", "SPEED_DIAL_LABEL_REQUIRED at newProfiles.1.buttons.0.speedDial.label"]
        );
        assert_eq!(admin.data("{ users { totalCount } profiles { totalCount } lines { totalCount } }").await["users"]["totalCount"], 0);
        let select = "user { defaultProfile { name } } profiles { name lines { nodes { role line { pattern } } } speedDials { nodes { label } } }";
        let done = admin.done("createUser", input("4002", "two"), select).await;
        assert_eq!(done["user"]["defaultProfile"]["name"], "EM-2");
        assert_eq!(
            done["profiles"],
            json!([
                {
                    "name": "EM-1", "speedDials": {"nodes": [{"label": "one"}]},
                    "lines": {"nodes": [{"role": "ORIGINAL", "line": {"pattern": "4001"}}, {"role": "ORIGINAL", "line": {"pattern": "4002"}}]},
                },
                {"name": "EM-2", "speedDials": {"nodes": [{"label": "two"}]}, "lines": {"nodes": [{"role": "CLONE", "line": {"pattern": "4001"}}]}},
            ])
        );
    }
}

story! {
    /// FLT-3, P9: a user's page: profiles in order, the default, numbers that belong to the user or are kept, from either side.
    async fn a_user_has_a_page(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        numbers(&admin, &estate, &estate.berlin, "4001", "4004").await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        for (name, number) in [("EM-2", "4002"), ("EM-1", "4001")] {
            let input = json!({
                "organizationId": estate.berlin, "clusterId": estate.emea, "name": name, "product": "Cisco 8841", "protocol": "SIP",
                "lines": [{"pattern": number}], "userIds": [anna],
            });
            admin.done("createProfile", input, "").await;
        }
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("addLineToDevice", json!({"deviceId": phone, "pattern": "4001"}), "").await;
        admin.done("updatePhone", json!({"id": phone, "ownerId": anna}), "").await;
        admin.done("updateUser", json!({"id": anna, "phoneIds": [phone]}), "").await;
        reserve(&admin, &estate, "4004", "anna").await;
        // What is a neighbour's is not on the page of those who do not see it.
        let abroad = admin.profile(&estate, &estate.rome, "EM-rome", &["7001"]).await;
        admin.done("associateUsers", json!({"profileId": abroad, "userIds": [anna]}), "").await;
        let page = "extensionMobility { profiles { totalCount nodes { name } } defaultProfile { name } \
                    lines { totalCount nodes { device { name } line { pattern number { status } } } } \
                    reservedNumbers { totalCount nodes { pattern status } } entitlement { used most left } }";
        let query = format!(r#"{{ profile(by: {{name: {{name: "EM-1", clusterId: "{}"}}}}) {{ users {{ nodes {{ userId {page} }} }} }} }}"#, estate.emea);
        let line = |device: &str, pattern: &str| json!({"device": {"name": device}, "line": {"pattern": pattern, "number": {"status": "USED"}}});
        let seen = |profiles: Value, lines: Value, used: i64| {
            let count = |list: &Value| list.as_array().map_or(0, Vec::len);
            json!({
                "profiles": {"totalCount": count(&profiles), "nodes": profiles}, "defaultProfile": null,
                "lines": {"totalCount": count(&lines), "nodes": lines},
                "reservedNumbers": {"totalCount": 1, "nodes": [{"pattern": "4004", "status": "AVAILABLE"}]},
                "entitlement": {"used": used, "most": null, "left": null},
            })
        };
        let own = json!([line("EM-2", "4002"), line("EM-1", "4001"), line("SEP1", "4001")]);
        let north = server.somebody(Role::Viewer, &estate.north).await;
        let user = north.data(&query).await["profile"]["users"]["nodes"][0].clone();
        assert_eq!(user["extensionMobility"], seen(json!([{"name": "EM-1"}, {"name": "EM-2"}]), own.clone(), 2));
        let user = admin.data(&query).await["profile"]["users"]["nodes"][0].clone();
        let mut all = own.as_array().expect("lines").clone();
        all.push(json!({"device": {"name": "EM-rome"}, "line": {"pattern": "7001", "number": null}}));
        assert_eq!(user["extensionMobility"], seen(json!([{"name": "EM-1"}, {"name": "EM-2"}, {"name": "EM-rome"}]), json!(all), 3));
    }
}

story! {
    /// NAM-9, ACC-7: a name that is taken comes with free ones, whoever has it, and a pattern's name can be looked at before.
    async fn a_taken_name_comes_with_free_ones(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for name in ["EM", "EM-2", "em-4"] {
            admin.profile(&estate, &estate.berlin, name, &[]).await;
        }
        let input = |name: &str| json!({
            "organizationId": estate.rome, "clusterId": estate.emea, "name": name, "product": "Cisco 8841", "protocol": "SIP",
        });
        let south = server.somebody(Role::Operator, &estate.south).await;
        for (client, code) in [(&admin, "NAME_TAKEN_BY_PROFILE"), (&south, "NAME_TAKEN")] {
            let payload = client.mutate("createProfile", input("em"), "errors { suggestions }").await;
            assert_eq!(payload["errors"][0]["code"], code);
            assert_eq!(payload["errors"][0]["suggestions"], json!(["em-3", "em-5", "em-6"]));
        }
        let sound = admin.mutate("createProfile", input("a/b"), "errors { suggestions }").await;
        assert_eq!(sound["errors"][0]["suggestions"], json!([]));
        let user = json!({"organizationId": estate.rome, "clusterId": estate.emea, "userId": "anna", "lastName": "Berg"});
        admin.user(&estate, &estate.berlin, "anna").await;
        let payload = south.mutate("createUser", user, "errors { suggestions }").await;
        assert_eq!(payload["errors"][0]["suggestions"], json!(["anna-2", "anna-3", "anna-4"]));

        let look = async |client: &Client, arguments: &str| {
            let query = format!(
                r#"{{ nameAvailability(clusterId: "{}", {arguments}) {{ name available takenBy suggestions }} }}"#, estate.emea
            );
            client.data(&query).await["nameAvailability"].clone()
        };
        let pattern = |pattern: &str| format!(r#"namePattern: {{pattern: "{pattern}", username: "em", lastName: "Øre"}}"#);
        assert_eq!(
            look(&south, &pattern("{username}")).await,
            json!({"name": "em", "available": false, "takenBy": null, "suggestions": ["em-3", "em-5", "em-6"]})
        );
        assert_eq!(
            look(&admin, &pattern("{lastName}.{username}")).await,
            json!({"name": "Oere.em", "available": true, "takenBy": null, "suggestions": []})
        );
        assert_eq!(look(&admin, &pattern("{dn}")).await, json!({"name": null, "available": false, "takenBy": null, "suggestions": []}));
        let both = format!(r#"{{ nameAvailability(clusterId: "{}", name: "a", {}) {{ available }} }}"#, estate.emea, pattern("{username}"));
        assert_eq!(admin.code(&both).await, "BAD_USER_INPUT");
    }
}

story! {
    /// INV-12, INV-4: where number management is off nothing is added, and what a customer keeps its sites do not, unless it
    /// says so.
    async fn numbers_are_added_as_their_organization_says(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let add = |organization: &str, partition: &str, number: &str| json!({
            "organizationId": organization, "clusterId": estate.emea, "partition": partition, "first": number,
        });
        let set = |organization: &str, more: Value| with(json!({"id": organization}), more);
        admin.done("createNumbers", add(&estate.berlin, "a", "4001"), "").await;
        admin.done("createNumbers", add(&estate.paris, "b", "4001"), "").await;
        assert_eq!(admin.refused("createNumbers", add(&estate.north, "c", "4001")).await, ["NUMBER_NOT_UNIQUE at first"]);
        admin.done("createNumbers", add(&estate.north, "c", "4002"), "").await;
        assert_eq!(admin.refused("createNumbers", add(&estate.berlin, "a", "4002")).await, ["NUMBER_NOT_UNIQUE at first"]);
        let reserve = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "partition": "a", "patterns": ["4001", "4002"], "userId": "anna",
        });
        assert_eq!(admin.refused("reserveNumbersFor", reserve).await, ["NUMBER_NOT_UNIQUE at patterns.1"]);
        // Another customer's are no matter.
        admin.done("createNumbers", add(&estate.rome, "d", "4002"), "").await;
        admin.done("updateOrganization", set(&estate.north, json!({"uniqueNumbers": false})), "").await;
        admin.done("createNumbers", add(&estate.berlin, "a", "4002"), "").await;
        admin.done("updateOrganization", set(&estate.north, json!({"uniqueNumbers": null})), "").await;
        // Of two who add at once, one is refused.
        let (one, two) = tokio::join!(
            admin.mutate("createNumbers", add(&estate.north, "c", "4009"), ""),
            admin.mutate("createNumbers", add(&estate.berlin, "a", "4009"), ""),
        );
        let refused = [one, two].iter().filter(|payload| payload["errors"][0]["code"] == "NUMBER_NOT_UNIQUE").count();
        assert_eq!(refused, 1);

        let done = admin.done("updateOrganization", set(&estate.north, json!({"numberManagement": false})), "organization { numberManagement uniqueNumbers }").await;
        assert_eq!(done["organization"], json!({"numberManagement": false, "uniqueNumbers": null}));
        assert_eq!(admin.refused("createNumbers", add(&estate.berlin, "a", "4010")).await, ["NUMBER_MANAGEMENT_OFF at organizationId"]);
        // What is there stays and may be kept for somebody; an audit adds nothing either.
        let there = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "partition": "a", "patterns": ["4001"], "userId": "anna"});
        admin.done("reserveNumbersFor", there, "").await;
        admin.profile(&estate, &estate.berlin, "EM-1", &["4020"]).await;
        // More of them than an audit looks at at once hide nobody behind them.
        let line = |n: u32| json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": n.to_string()});
        let lines: Vec<_> = (7000..7500).map(line).collect();
        admin.done("createLines", json!({"items": lines}), "").await;
        let db = Database::connect(&server.database).await.expect("connected");
        let put = "INSERT INTO line_appearance (id, line_id, device_id, position, role, settings, created_at) \
                   SELECT -l.id, l.id, a.device_id, CAST(l.pattern AS INTEGER), 'ORIGINAL', a.settings, a.created_at \
                   FROM line l, line_appearance a WHERE l.pattern LIKE '7%'";
        assert_eq!(db.execute_unprepared(put).await.expect("put").rows_affected(), 500);
        db.close().await.expect("closed");
        admin.profile(&estate, &estate.rome, "EM-2", &["4021"]).await;
        let audit = admin.data("{ numberAudit { differences { pattern } } }").await;
        assert_eq!(audit["numberAudit"]["differences"], json!([{"pattern": "4021"}]));
        let done = admin.done("auditNumbers", json!({"addMissing": true}), "changes { ... on NumberCreated { after { pattern } } }").await;
        assert_eq!(done["changes"], json!([{"after": {"pattern": "4021"}}]));
        admin.done("updateOrganization", set(&estate.berlin, json!({"numberManagement": true})), "").await;
        admin.done("createNumbers", add(&estate.berlin, "a", "4010"), "").await;
    }
}

/// Something that happens between quick adds.
#[derive(Clone, Debug)]
enum Step {
    Add { user: u8 },
    Reserve { number: u8, user: u8 },
    Free { number: u8 },
    Delete { user: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0u8..8).prop_map(|user| Step::Add { user }),
        2 => (0u8..6, 0u8..8).prop_map(|(number, user)| Step::Reserve { number, user }),
        1 => (0u8..6).prop_map(|number| Step::Free { number }),
        2 => (0u8..8).prop_map(|user| Step::Delete { user }),
    ];
    proptest::collection::vec(step, 1..14)
}

/// Does the steps on a site of six numbers and looks after each that every number is one user's.
async fn hold(server: Roamline, cases: u32) {
    let (estate, admin) = (server.estate().await, server.admin());
    numbers(&admin, &estate, &estate.berlin, "4000", "4005").await;
    let id = group(&admin, &estate, &estate.berlin, json!({})).await;
    let (runtime, inner) = (tokio::runtime::Handle::current(), admin.clone());
    let done = tokio::task::spawn_blocking(move || {
        chance::runner(cases).run(&steps(), |steps| {
            runtime.block_on(async {
                for step in &steps {
                    take(&inner, &estate, &id, step).await;
                    check(&inner).await;
                }
            });
            Ok(())
        })
    });
    done.await.expect("ran").expect("no number is two users'");
    server.close().await;
}

async fn take(admin: &Client, estate: &Estate, id: &str, step: &Step) {
    let keep = |number: u8, user: Option<String>| {
        json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "patterns": [format!("400{number}")], "userId": user,
        })
    };
    let user_id = |user: u8| format!("user{user}");
    match step {
        Step::Add { user } => {
            let held = format!(
                r#"{{ numbers(filter: {{reservedFor: {{equals: "{}"}}, statuses: [AVAILABLE]}}) {{ nodes {{ pattern }} }} }}"#,
                user_id(*user)
            );
            let held = admin.data(&held).await["numbers"]["nodes"].clone();
            let payload = admin.mutate("quickAddUser", newcomer(id, &user_id(*user)), ADDED).await;
            if payload["errors"] == json!([]) && held != json!([]) {
                assert_eq!(given(&payload), &held[0]["pattern"], "RSV-4: the user's own number first");
            }
        }
        Step::Reserve { number, user } => {
            drop(admin.mutate("reserveNumbersFor", keep(*number, Some(user_id(*user))), "").await);
        }
        Step::Free { number } => drop(admin.mutate("reserveNumbersFor", keep(*number, None), "").await),
        Step::Delete { user } => {
            let named = format!(
                r#"{{ user(by: {{userId: {{userId: "{}", clusterId: "{}"}}}}) {{ id }} }}"#,
                user_id(*user),
                estate.emea
            );
            let found = admin.data(&named).await;
            if !found["user"].is_null() {
                admin
                    .done("deleteUser", json!({"id": found["user"]["id"], "soleProfiles": "DELETE"}), "")
                    .await;
            }
        }
    }
}

async fn check(admin: &Client) {
    let seen = admin
        .data("{ profiles { nodes { users { nodes { userId } } lines { nodes { role line { pattern number { status } } } } } } }")
        .await;
    let (mut patterns, mut users) = (BTreeSet::new(), BTreeSet::new());
    for profile in seen["profiles"]["nodes"].as_array().expect("profiles") {
        let (lines, served) = (&profile["lines"]["nodes"], &profile["users"]["nodes"]);
        assert_eq!(lines.as_array().map(Vec::len), Some(1), "QAS-1: one line");
        assert_eq!(
            (&lines[0]["role"], &lines[0]["line"]["number"]["status"]),
            (&json!("ORIGINAL"), &json!("USED"))
        );
        assert!(patterns.insert(text(&lines[0]["line"]["pattern"])), "one number twice: {seen:#}");
        assert!(users.insert(text(&served[0]["userId"])), "one user twice: {seen:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_quick_adds_give_no_number_twice_on_sqlite() {
    hold(Roamline::sqlite().await, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_quick_adds_give_no_number_twice_on_postgresql() {
    if let Some(server) = Roamline::postgres().await {
        hold(server, 6).await;
    }
}
