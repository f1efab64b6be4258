//! Stories of what is left behind, and of cleaning it up (P3, P12, RSV-3).

use entity::token::Role;
use serde_json::json;

use crate::{roamline::text, story};

story! {
    /// P3, P12, USR-13, RSV-3, DEL-11: found by filters, tried first, then each by itself.
    async fn orphans_are_found_and_cleaned_up_one_by_one(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let lonely = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let used = admin.profile(&estate, &estate.berlin, "EM-2", &["4002"]).await;
        let shown = admin.profile(&estate, &estate.berlin, "EM-3", &[]).await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("updatePhone", json!({"id": phone, "logoutProfileId": shown}), "").await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": used, "userIds": [anna]}), "").await;
        let line = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": "4009"});
        let line = text(&admin.done("createLine", line, "line { id }").await["line"]["id"]);
        let taken = text(&admin.data(r#"{ lines(filter: {pattern: {equals: "4002"}}) { nodes { id } } }"#).await["lines"]["nodes"][0]["id"]);
        for (user, pattern) in [("ben", "4010"), ("anna", "4011")] {
            let reserve = json!({
                "organizationId": estate.berlin, "clusterId": estate.emea, "patterns": [pattern], "userId": user,
            });
            admin.done("reserveNumbersFor", reserve, "").await;
        }
        let found = admin
            .data(
                "{ profiles(filter: {hasUsers: false}) { nodes { name } } lines(filter: {isAssigned: false}) { nodes { pattern } } \
                 numbers(filter: {hasHolder: false}) { nodes { pattern id } } all: numbers { nodes { pattern id } } }",
            )
            .await;
        assert_eq!(found["profiles"]["nodes"], json!([{"name": "EM-1"}, {"name": "EM-3"}]));
        assert_eq!(found["lines"]["nodes"], json!([{"pattern": "4009"}]));
        assert_eq!(found["numbers"]["nodes"][0]["pattern"], "4010");
        assert_eq!(found["numbers"]["nodes"].as_array().map(Vec::len), Some(1));
        let (gone, held) = (&found["all"]["nodes"][0]["id"], &found["all"]["nodes"][1]["id"]);

        let input = json!({
            "profileIds": [lonely, used, shown], "lineIds": [line, taken], "numberIds": [gone, held],
        });
        let select = "outcomes { id result errors { code path } changes { kind } }";
        let with = |more: serde_json::Value| {
            let mut input = input.clone();
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            input
        };
        let told = |payload: &serde_json::Value| -> Vec<String> {
            let outcomes = payload["outcomes"].as_array().expect("outcomes").iter();
            outcomes.map(|outcome| format!("{} {}", text(&outcome["result"]), outcome["errors"][0]["code"].as_str().unwrap_or("-"))).collect()
        };
        let want = [
            "CLEANED_UP -", "REFUSED NOT_ORPHANED", "REFUSED PROFILE_IS_LOGOUT_PROFILE",
            "CLEANED_UP -", "REFUSED NOT_ORPHANED", "CLEANED_UP -", "REFUSED NOT_ORPHANED",
        ];
        let before = admin.data("{ service { newestCursor } }").await;
        let dry = admin.mutate("cleanUpOrphans", with(json!({"dryRun": true})), select).await;
        assert_eq!(told(&dry), want);
        assert_eq!(admin.data("{ service { newestCursor } }").await, before);
        let keyed = with(json!({"idempotencyKey": "k", "reason": "spring"}));
        let done = admin.mutate("cleanUpOrphans", keyed.clone(), select).await;
        assert_eq!(told(&done), want);
        assert_eq!(done["errors"][1]["path"], json!(["profileIds", "2", "id"]));
        let again = admin.mutate("cleanUpOrphans", keyed, select).await;
        assert_eq!((told(&again), &again["outcomes"]), (told(&done), &done["outcomes"]));
        let left = admin
            .data("{ profiles { nodes { name } } numbers { nodes { pattern reservedFor } } lines(filter: {isAssigned: false}) { nodes { pattern } } }")
            .await;
        assert_eq!(left["profiles"]["nodes"], json!([{"name": "EM-2"}, {"name": "EM-3"}]));
        assert_eq!(
            left["numbers"]["nodes"],
            json!([{"pattern": "4010", "reservedFor": null}, {"pattern": "4011", "reservedFor": "anna"}])
        );
        assert_eq!(left["lines"]["nodes"], json!([{"pattern": "4001"}]), "the deleted profile's line is left behind now");
    }
}

story! {
    /// ACC-7: what only somebody out of sight uses is no orphan, and what is out of sight is not there.
    async fn nobody_cleans_up_what_is_anothers(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let ours = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let rosa = admin.user(&estate, &estate.rome, "rosa").await;
        admin.done("associateUsers", json!({"profileId": ours, "userIds": [rosa]}), "").await;
        let north = server.somebody(Role::Operator, &estate.north).await;
        let south = server.somebody(Role::Operator, &estate.south).await;
        let input = json!({"profileIds": [ours]});
        assert_eq!(north.refused("cleanUpOrphans", input.clone()).await, ["NOT_ORPHANED at profileIds.0"]);
        assert_eq!(south.refused("cleanUpOrphans", input).await, ["NOT_FOUND at profileIds.0"]);
        let many: Vec<_> = (0..1_001).map(|_| ours.clone()).collect();
        let answer = north.ask("mutation($input: CleanUpOrphansInput!) { cleanUpOrphans(input: $input) { cursor } }", json!({"input": {"profileIds": many}})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
}
