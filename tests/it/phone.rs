//! Stories of phones: extension mobility, logout profiles, owners.

use serde_json::json;

use crate::story;

story! {
    /// SES-14: a logout profile is of the phone's product and protocol, and on its cluster.
    async fn a_logout_profile_fits_its_phone(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let fits = admin.profile(&estate, &estate.berlin, "EM-fits", &[]).await;
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-other",
            "product": "Cisco 7945", "protocol": "SCCP",
        });
        let other = admin.done("createProfile", input, "profile { id }").await["profile"]["id"].clone();
        let with = |profile: &str| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "SEP001122334455",
            "product": "cisco 8841", "protocol": "SIP", "extensionMobility": true, "logoutProfileId": profile,
        });
        let misfit = with(other.as_str().expect("an id"));
        assert_eq!(admin.refused("createPhone", misfit).await, ["LOGOUT_PROFILE_MISMATCH at logoutProfileId"]);
        assert_eq!(admin.refused("createPhone", with("nothing")).await, ["NOT_FOUND at logoutProfileId"]);
        let done = admin
            .done("createPhone", with(&fits), "phone { id product buttonTemplate extensionMobility logoutProfile { name } }")
            .await;
        assert_eq!(done["phone"]["product"], "Cisco 8841");
        assert_eq!(done["phone"]["logoutProfile"]["name"], "EM-fits");
        let id = &done["phone"]["id"];
        let change = json!({"id": id, "logoutProfileId": other});
        assert_eq!(admin.refused("updatePhone", change).await, ["LOGOUT_PROFILE_MISMATCH at logoutProfileId"]);
        let clear = json!({"id": id, "logoutProfileId": null, "extensionMobility": false});
        let done = admin.done("updatePhone", clear, "phone { version extensionMobility logoutProfile { name } }").await;
        assert_eq!(done["phone"], json!({"version": 2, "extensionMobility": false, "logoutProfile": null}));
    }
}

story! {
    /// NAM-6: a phone has a name that phones may have; and every other fault is told with it.
    async fn a_phone_is_checked_whole(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let own = json!({"organizationId": estate.north, "name": "own"});
        let own = admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"].clone();
        let far = json!({"organizationId": estate.berlin, "clusterId": own, "userId": "far", "lastName": "Far"});
        let far = admin.done("createUser", far, "user { id }").await["user"]["id"].clone();
        let input = json!({
            "organizationId": estate.acme, "clusterId": estate.emea, "name": "SEP 1", "product": "Cisco 8842",
            "protocol": "SIP", "description": "x".repeat(129), "ownerId": far,
        });
        assert_eq!(
            admin.refused("createPhone", input).await,
            [
                "ORGANIZATION_IS_ROOT at organizationId",
                "PHONE_NAME_INVALID at name",
                "PRODUCT_UNKNOWN at product",
                "VALUE_TOO_LONG at description",
                "USER_ON_OTHER_CLUSTER at ownerId",
            ]
        );
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let stale = json!({"id": phone, "expectedVersion": 3, "description": "x"});
        assert_eq!(admin.refused("updatePhone", stale).await, ["VERSION_CONFLICT at expectedVersion"]);
        let same = admin.done("updatePhone", json!({"id": phone, "extensionMobility": true}), "changes { kind }").await;
        assert_eq!(same["changes"], json!([]));
    }
}

story! {
    async fn an_owner_goes_and_the_phone_stays(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let done = admin.done("updatePhone", json!({"id": phone, "ownerId": anna}), "phone { owner { userId } }").await;
        assert_eq!(done["phone"]["owner"]["userId"], "anna");
        let done = admin.done("deleteUser", json!({"id": anna}), "changes { kind }").await;
        assert_eq!(done["changes"], json!([{"kind": "PHONE_UPDATED"}, {"kind": "USER_DELETED"}]));
        let data = admin.data("{ phones { nodes { name version owner { userId } } } }").await;
        assert_eq!(data["phones"]["nodes"], json!([{"name": "SEP1", "version": 3, "owner": null}]));
    }
}

story! {
    /// LIN-4, CLN-6: a phone's lines stay, and the oldest clone takes over.
    async fn a_phone_goes_and_its_lines_stay(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        for pattern in ["4001", "4002"] {
            admin.done("addLineToDevice", json!({"deviceId": phone, "pattern": pattern}), "").await;
        }
        admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("updateUser", json!({"id": anna, "phoneIds": [phone]}), "").await;
        let done = admin
            .done("deletePhone", json!({"id": phone}), "linesLeft { pattern } promoted { role device { name } } changes { kind }")
            .await;
        assert_eq!(done["linesLeft"], json!([{"pattern": "4001"}, {"pattern": "4002"}]));
        assert_eq!(done["promoted"], json!([{"role": "ORIGINAL", "device": {"name": "EM-1"}}]));
        let kinds = ["USER_PHONES_CHANGED", "APPEARANCE_REMOVED", "CLONE_PROMOTED", "APPEARANCE_REMOVED", "PHONE_DELETED"];
        assert_eq!(done["changes"], json!(kinds.map(|kind| json!({"kind": kind}))));
        let data = admin.data("{ users { nodes { phones { totalCount } } } phones { totalCount } }").await;
        assert_eq!(data, json!({"users": {"nodes": [{"phones": {"totalCount": 0}}]}, "phones": {"totalCount": 0}}));
    }
}
