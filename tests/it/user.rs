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
