//! Stories of users: who is first, defaults, and what becomes of profiles that nobody else uses.

use serde_json::json;

use crate::{roamline::text, story};

story! {
    /// The standard way: a user with a profile that is there and one that is made along, in one call.
    async fn a_user_comes_with_profiles_and_a_default(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let team = admin.profile(&estate, &estate.berlin, "EM-team", &["4000"]).await;
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "userId": "anna", "lastName": "Berg",
            "profileIds": [team],
            "newProfiles": [{
                "name": "EM-anna", "product": "Cisco 8841", "protocol": "SIP",
                "lines": [{"pattern": "4001"}, {"pattern": "4000"}],
            }],
            "defaultProfile": 1,
            "primaryExtension": {"pattern": "4001"},
        });
        let done = admin
            .done(
                "createUser",
                input,
                "user { primaryExtension { pattern } defaultProfile { name lines { nodes { role } } } \
                 profiles { nodes { name } } }",
            )
            .await;
        assert_eq!(
            done["user"],
            json!({
                "primaryExtension": {"pattern": "4001"},
                "defaultProfile": {
                    "name": "EM-anna", "lines": {"nodes": [{"role": "ORIGINAL"}, {"role": "CLONE"}]},
                },
                "profiles": {"nodes": [{"name": "EM-anna"}, {"name": "EM-team"}]},
            })
        );
    }
}

story! {
    /// FLT-2: the order of users is data, dense from 1; USR-3 and USR-8: who goes loses the default.
    async fn users_stand_in_an_order_that_closes_up(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let mut users = Vec::new();
        for user_id in ["anna", "ben", "carla"] {
            users.push(admin.user(&estate, &estate.berlin, user_id).await);
        }
        let order = "profile { users { nodes { userId defaultProfile { name } } } }";
        admin.done("associateUsers", json!({"profileId": id, "userIds": users}), "").await;
        admin.done("setDefaultProfile", json!({"userId": users[1], "profileId": id}), "").await;
        let turned = json!({"profileId": id, "userIds": [users[2], users[0], users[1]]});
        let done = admin.done("reorderUsers", turned, order).await;
        let names: Vec<_> = done["profile"]["users"]["nodes"]
            .as_array()
            .expect("users")
            .iter()
            .map(|user| text(&user["userId"]))
            .collect();
        assert_eq!(names, ["carla", "anna", "ben"]);

        let done = admin.done("disassociateUser", json!({"profileId": id, "userId": users[0]}), order).await;
        assert_eq!(
            done["profile"]["users"]["nodes"],
            json!([
                {"userId": "carla", "defaultProfile": null},
                {"userId": "ben", "defaultProfile": {"name": "EM-1"}},
            ])
        );
        admin.done("disassociateUser", json!({"profileId": id, "userId": users[1]}), "").await;
        let data = admin.data("{ users(filter: {hasDefaultProfile: true}) { totalCount } }").await;
        assert_eq!(data["users"]["totalCount"], 0);
        let twice = json!({"profileId": id, "userIds": [users[2]]});
        assert_eq!(admin.refused("associateUsers", twice).await, ["USER_ALREADY_ASSOCIATED at userIds.0"]);
        let short = json!({"profileId": id, "userIds": []});
        assert_eq!(admin.refused("reorderUsers", short).await, ["USER_ORDER_INCOMPLETE at userIds"]);
        let other = json!({"userId": users[0], "profileId": id});
        assert_eq!(
            admin.refused("setDefaultProfile", other).await,
            ["DEFAULT_PROFILE_NOT_ASSOCIATED at profileId"]
        );
    }
}

story! {
    /// USR-14: a shared profile only loses the user; for one that nobody else uses the caller decides.
    async fn whoever_deletes_a_user_decides_about_profiles_that_nobody_else_uses(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let own = admin.profile(&estate, &estate.berlin, "EM-own", &["4001"]).await;
        let shared = admin.profile(&estate, &estate.berlin, "EM-shared", &[]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let ben = admin.user(&estate, &estate.berlin, "ben").await;
        admin.done("associateUsers", json!({"profileId": own, "userIds": [anna]}), "").await;
        admin.done("associateUsers", json!({"profileId": shared, "userIds": [anna, ben]}), "").await;

        assert_eq!(
            admin.refused("deleteUser", json!({"id": anna})).await,
            ["USER_PROFILES_UNDECIDED at soleProfiles"]
        );
        let done = admin
            .done(
                "deleteUser",
                json!({"id": anna, "soleProfiles": "DELETE"}),
                "profilesLeft { name users { nodes { userId } } } deletedProfiles { name }",
            )
            .await;
        assert_eq!(
            done["profilesLeft"],
            json!([{"name": "EM-shared", "users": {"nodes": [{"userId": "ben"}]}}])
        );
        assert_eq!(done["deletedProfiles"], json!([{"name": "EM-own"}]));
        let kept = json!({"id": ben, "soleProfiles": "KEEP_UNASSIGNED"});
        admin.done("deleteUser", kept, "").await;
        let orphans = admin.data("{ profiles(filter: {hasUsers: false}) { nodes { name } } }").await;
        assert_eq!(orphans["profiles"]["nodes"], json!([{"name": "EM-shared"}]));
    }
}

/// A user with what is common to all.
fn user(estate: &crate::roamline::Estate, user_id: &str, more: &serde_json::Value) -> serde_json::Value {
    let mut input = json!({
        "organizationId": estate.berlin, "clusterId": estate.emea, "userId": user_id, "lastName": "Berg",
    });
    input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    input
}

/// A profile to make along.
fn new(name: &str, patterns: &[&str]) -> serde_json::Value {
    let lines: Vec<_> = patterns.iter().map(|pattern| json!({"pattern": pattern})).collect();
    json!({"name": name, "product": "Cisco 8841", "protocol": "SIP", "lines": lines})
}

story! {
    async fn every_fault_of_a_user_with_profiles_is_told_at_once(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.user(&estate, &estate.berlin, "anna").await;
        admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let input = user(&estate, "anna", &json!({
            "lastName": " ", "email": "nowhere", "maxLoginMinutes": -1, "profileIds": ["x"], "phoneIds": ["y"],
            "ctiProfileIds": ["z"], "newProfiles": [new("em-1", &[]), new("EM-2", &["4001", "no no"])],
            "defaultProfile": 3, "primaryExtension": {"pattern": "9"},
        }));
        assert_eq!(
            admin.refused("createUser", input).await,
            [
                "USER_ID_TAKEN at userId",
                "VALUE_REQUIRED at lastName",
                "VALUE_INVALID at email",
                "VALUE_OUT_OF_RANGE at maxLoginMinutes",
                "NOT_FOUND at phoneIds.0",
                "NOT_FOUND at ctiProfileIds.0",
                "NOT_FOUND at profileIds.0",
                "NAME_TAKEN_BY_PROFILE at newProfiles.0.name",
                "PATTERN_INVALID at newProfiles.1.lines.1.pattern",
                "PRIMARY_EXTENSION_NOT_OWN at primaryExtension",
                "DEFAULT_PROFILE_NOT_ASSOCIATED at defaultProfile",
            ]
        );
        assert_eq!(admin.refused("createUser", user(&estate, "Anna", &json!({}))).await, ["USER_ID_INVALID at userId"]);
        let data = admin.data("{ profiles { totalCount } users { totalCount } lines { totalCount } }").await;
        assert_eq!(data, json!({"profiles": {"totalCount": 1}, "users": {"totalCount": 1}, "lines": {"totalCount": 0}}));
    }
}

story! {
    /// LIN-3, CLN-1: profiles made along share a new line like any others, and one name is one profile's.
    async fn profiles_made_along_share_a_new_line(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let twice = user(&estate, "anna", &json!({"newProfiles": [new("EM-1", &[]), new("em-1", &[])]}));
        assert_eq!(admin.refused("createUser", twice).await, ["NAME_TAKEN_BY_PROFILE at newProfiles.1.name"]);
        let line = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": "4000"});
        admin.done("createLine", line, "").await;
        let input = user(&estate, "anna", &json!({
            "newProfiles": [new("EM-1", &["4000", "4001"]), new("EM-2", &["4001", "4000"])],
        }));
        let done = admin
            .done("createUser", input, "profiles { name lines { nodes { role line { pattern version } } } }")
            .await;
        let line = |role: &str, pattern: &str| json!({"role": role, "line": {"pattern": pattern, "version": 1}});
        assert_eq!(
            done["profiles"],
            json!([
                {"name": "EM-1", "lines": {"nodes": [line("ORIGINAL", "4000"), line("ORIGINAL", "4001")]}},
                {"name": "EM-2", "lines": {"nodes": [line("CLONE", "4001"), line("CLONE", "4000")]}},
            ])
        );
    }
}

story! {
    /// USR-14, CLN-1: where several profiles go at once, the original passes to one that stays.
    async fn profiles_that_go_with_their_user_leave_each_line_one_original(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let second = admin.profile(&estate, &estate.berlin, "EM-2", &["4001"]).await;
        admin.profile(&estate, &estate.berlin, "EM-3", &["4001"]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        for profile in [&first, &second] {
            admin.done("associateUsers", json!({"profileId": profile, "userIds": [anna]}), "").await;
        }
        let input = json!({"id": anna, "soleProfiles": "DELETE"});
        let done = admin.done("deleteUser", input, "deletedProfiles { name } profilesLeft { name }").await;
        assert_eq!(done["deletedProfiles"], json!([{"name": "EM-1"}, {"name": "EM-2"}]));
        assert_eq!(done["profilesLeft"], json!([]));
        let data = admin.data("{ lines { nodes { original { role device { name } } clones { totalCount } } } }").await;
        assert_eq!(
            data["lines"]["nodes"],
            json!([{"original": {"role": "ORIGINAL", "device": {"name": "EM-3"}}, "clones": {"totalCount": 0}}])
        );
    }
}

story! {
    async fn a_user_goes_with_everything_that_points_there(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let own = admin.profile(&estate, &estate.berlin, "EM-own", &[]).await;
        let other = admin.profile(&estate, &estate.berlin, "EM-other", &[]).await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let input = user(&estate, "anna", &json!({
            "profileIds": [own], "defaultProfile": 0, "phoneIds": [phone], "ctiProfileIds": [own, other],
        }));
        let anna = admin.done("createUser", input, "user { id }").await["user"]["id"].clone();
        admin.done("updateProfile", json!({"id": other, "loginUserId": anna}), "").await;
        admin.done("updatePhone", json!({"id": phone, "ownerId": anna, "logoutProfileId": own}), "").await;
        let with = |sole: &str| json!({"id": anna, "soleProfiles": sole});
        // Its profile is a phone's logout profile, so it cannot go with the user.
        assert_eq!(admin.refused("deleteUser", with("DELETE")).await, ["PROFILE_IS_LOGOUT_PROFILE at soleProfiles"]);
        admin.done("updatePhone", json!({"id": phone, "logoutProfileId": null}), "").await;
        let done = admin.done("deleteUser", with("DELETE"), "deletedProfiles { name } profilesLeft { name }").await;
        assert_eq!(done["deletedProfiles"], json!([{"name": "EM-own"}]));
        let data = admin
            .data("{ profiles { nodes { name loginUser { id } } } phones { nodes { owner { id } users { totalCount } } } }")
            .await;
        assert_eq!(
            data,
            json!({
                "profiles": {"nodes": [{"name": "EM-other", "loginUser": null}]},
                "phones": {"nodes": [{"owner": null, "users": {"totalCount": 0}}]},
            })
        );
    }
}

story! {
    /// USR-7, USR-9: lists are replaced whole, and the primary extension is one of the user's own numbers.
    async fn a_users_lists_and_primary_extension(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let team = admin.profile(&estate, &estate.berlin, "EM-team", &["4001"]).await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("addLineToDevice", json!({"deviceId": phone, "pattern": "5001"}), "").await;
        let extension = |pattern: &str| json!({"id": anna, "primaryExtension": {"pattern": pattern}});
        for pattern in ["4001", "5001"] {
            assert_eq!(
                admin.refused("updateUser", extension(pattern)).await,
                ["PRIMARY_EXTENSION_NOT_OWN at primaryExtension"]
            );
        }
        let select = "user { version phones { nodes { name } } ctiProfiles { nodes { name } } primaryExtension { pattern partition } }";
        let lists = json!({
            "id": anna, "expectedVersion": 1, "phoneIds": [phone], "ctiProfileIds": [team],
            "primaryExtension": {"pattern": "5001"},
        });
        let done = admin.done("updateUser", lists.clone(), select).await;
        assert_eq!(
            done["user"],
            json!({
                "version": 2, "phones": {"nodes": [{"name": "SEP1"}]}, "ctiProfiles": {"nodes": [{"name": "EM-team"}]},
                "primaryExtension": {"pattern": "5001", "partition": null},
            })
        );
        admin.done("associateUsers", json!({"profileId": team, "userIds": [anna]}), "").await;
        admin.done("updateUser", extension("4001"), "").await;
        // A list that changes raises the version, so that nobody overwrites it unseen.
        let done = admin.done("updateUser", json!({"id": anna, "phoneIds": []}), select).await;
        assert_eq!((&done["user"]["version"], &done["user"]["phones"]["nodes"]), (&json!(4), &json!([])));
        assert_eq!(admin.refused("updateUser", lists).await, ["VERSION_CONFLICT at expectedVersion"]);
        let done = admin.done("updateUser", json!({"id": anna, "primaryExtension": null, "ctiProfileIds": []}), select).await;
        assert_eq!(
            done["user"],
            json!({"version": 5, "phones": {"nodes": []}, "ctiProfiles": {"nodes": []}, "primaryExtension": null})
        );
        let twice = json!({"id": anna, "phoneIds": [phone, phone], "ctiProfileIds": [team, phone]});
        assert_eq!(
            admin.refused("updateUser", twice).await,
            ["VALUE_REPEATED at phoneIds.1", "NOT_FOUND at ctiProfileIds.1"]
        );
    }
}

story! {
    async fn a_user_is_patched(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let input = user(&estate, "anna", &json!({
            "firstName": "Anna", "displayName": "Anna Berg", "email": "anna@acme.example", "department": "IT",
            "userLocale": "German", "maxLoginMinutes": 480, "crossCluster": true, "homeCluster": false,
        }));
        let anna = admin.done("createUser", input, "user { id }").await["user"]["id"].clone();
        let select = "user { version firstName lastName displayName email department userLocale maxLoginMinutes crossCluster homeCluster }";
        let patch = json!({"id": anna, "lastName": "Tal", "email": null, "maxLoginMinutes": null, "firstName": null});
        let done = admin.done("updateUser", patch, select).await;
        assert_eq!(
            done["user"],
            json!({
                "version": 2, "firstName": "", "lastName": "Tal", "displayName": "Anna Berg", "email": null,
                "department": "IT", "userLocale": "German", "maxLoginMinutes": null, "crossCluster": true,
                "homeCluster": false,
            })
        );
        // Sorted and searched by the new name.
        let data = admin.data(r#"{ users(filter: {name: {startsWith: "tal"}}) { totalCount } search(text: "TAL") { id } }"#).await;
        assert_eq!(data, json!({"users": {"totalCount": 1}, "search": [{"id": anna}]}));
    }
}

story! {
    /// USR-2: a profile and its users are on one cluster, and a user is associated once.
    async fn users_and_profiles_meet_on_one_cluster_and_once(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let own = json!({"organizationId": estate.north, "name": "own"});
        let own = admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"].clone();
        let far = user(&estate, "anna", &json!({"clusterId": own}));
        let far = admin.done("createUser", far, "user { id }").await["user"]["id"].clone();
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let ben = admin.user(&estate, &estate.berlin, "ben").await;
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let with = |users: serde_json::Value| json!({"profileId": id, "userIds": users});
        assert_eq!(
            admin.refused("associateUsers", with(json!([far, anna, anna, "x"]))).await,
            ["VALUE_REPEATED at userIds.2", "USER_ON_OTHER_CLUSTER at userIds.0", "NOT_FOUND at userIds.3"]
        );
        let done = admin.done("associateUsers", with(json!([anna])), "profile { version } changes { ... on UserAssociated { position } }").await;
        assert_eq!((&done["profile"]["version"], &done["changes"]), (&json!(2), &json!([{"position": 1}])));
        assert_eq!(
            admin.refused("reorderUsers", with(json!([ben, anna]))).await,
            ["USER_NOT_ASSOCIATED at userIds.0"]
        );
        assert_eq!(admin.done("reorderUsers", with(json!([anna])), "changes { kind }").await["changes"], json!([]));
        let gone = json!({"profileId": id, "userId": ben});
        assert_eq!(admin.refused("disassociateUser", gone).await, ["USER_NOT_ASSOCIATED at userId"]);
        let stale = json!({"profileId": id, "userId": anna, "expectedVersion": 1});
        assert_eq!(admin.refused("disassociateUser", stale).await, ["VERSION_CONFLICT at expectedVersion"]);
        let none = json!({"userId": anna, "profileId": id});
        admin.done("setDefaultProfile", none, "user { version }").await;
        let cleared = admin.done("setDefaultProfile", json!({"userId": anna}), "user { version defaultProfile { id } }").await;
        assert_eq!(cleared["user"], json!({"version": 3, "defaultProfile": null}));
    }
}
