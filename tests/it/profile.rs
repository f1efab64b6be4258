//! Stories of profiles: names, all or nothing, patches, copies, deletion.

use serde_json::json;

use crate::{roamline::text, story};

story! {
    /// NAM-1, NAM-2, NAM-7: one namespace for all devices of a cluster, whatever the case.
    async fn a_name_is_unlike_every_devices_on_the_cluster(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.berlin, "EM-Anna", &[]).await;
        admin.phone(&estate, &estate.berlin, "SEP0011-desk").await;
        admin.done(
            "registerDevice",
            json!({"organizationId": estate.rome, "clusterId": estate.emea, "name": "gateway-1"}),
            "device { name }",
        )
        .await;
        let with = |name: &str| json!({
            "organizationId": estate.paris, "clusterId": estate.emea, "name": name,
            "product": "Cisco 8841", "protocol": "SIP",
        });
        assert_eq!(admin.refused("createProfile", with("em-anna")).await, ["NAME_TAKEN_BY_PROFILE at name"]);
        assert_eq!(admin.refused("createProfile", with("sep0011-DESK")).await, ["NAME_TAKEN_BY_DEVICE at name"]);
        assert_eq!(admin.refused("createProfile", with("Gateway-1")).await, ["NAME_TAKEN_BY_DEVICE at name"]);
        assert_eq!(admin.refused("createProfile", with("SEP001122334455")).await, ["NAME_RESERVED at name"]);
        let query = format!(
            r#"{{ nameAvailability(name: "em-ANNA", clusterId: "{}") {{ available takenBy suggestions }} }}"#,
            estate.emea
        );
        assert_eq!(
            admin.data(&query).await["nameAvailability"],
            json!({
                "available": false, "takenBy": "PROFILE",
                "suggestions": ["em-ANNA-2", "em-ANNA-3", "em-ANNA-4"],
            })
        );
    }
}

story! {
    /// All of it or nothing, and every fault at once with its place.
    async fn a_profile_with_one_bad_line_is_not_made_at_all(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM/1",
            "product": "Cisco 8841", "protocol": "SCCP",
            "settings": {"mlppIndication": "OFF", "preemption": "FORCEFUL"},
            "lines": [
                {"pattern": "4001"},
                {"pattern": "4002", "index": 1},
                {"pattern": "call me", "settings": {"maxCalls": 2, "busyTrigger": 3}},
                {"pattern": "4001", "partition": ""},
            ],
            "userIds": [anna, anna, "nonsense"],
        });
        assert_eq!(
            admin.refused("createProfile", input).await,
            [
                "NAME_INVALID_CHARACTER at name",
                "PROTOCOL_NOT_SUPPORTED at protocol",
                "MLPP_COMBINATION_INVALID at settings.preemption",
                "LINE_INDEX_TAKEN at lines.1.index",
                "PATTERN_INVALID at lines.2.pattern",
                "BUSY_TRIGGER_EXCEEDS_MAX_CALLS at lines.2.settings.busyTrigger",
                "LINE_ALREADY_ON_DEVICE at lines.3.pattern",
                "VALUE_REPEATED at userIds.1",
                "NOT_FOUND at userIds.2",
            ]
        );
        let data = admin.data("{ profiles { totalCount } lines { totalCount } }").await;
        assert_eq!(data, json!({"profiles": {"totalCount": 0}, "lines": {"totalCount": 0}}));
    }
}

story! {
    /// What is left out stays, null puts the default back, and a stale version is refused.
    async fn an_update_changes_what_was_sent_only(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let select = "profile { version description settings { privacy dndStatus userLocale } }";
        let first = json!({"id": id, "description": "Anna", "settings": {"privacy": "ON", "dndStatus": true}});
        admin.done("updateProfile", first, select).await;
        let second = json!({
            "id": id, "expectedVersion": 2, "settings": {"privacy": null, "userLocale": "German Germany"},
        });
        let done = admin.done("updateProfile", second.clone(), select).await;
        assert_eq!(
            done["profile"],
            json!({
                "version": 3, "description": "Anna",
                "settings": {"privacy": "DEFAULT", "dndStatus": true, "userLocale": "German Germany"},
            })
        );
        let payload = admin.mutate("updateProfile", second, "").await;
        assert_eq!(payload["errors"][0]["code"], "VERSION_CONFLICT");
        assert_eq!(payload["errors"][0]["currentVersion"], 3);
    }
}

story! {
    /// A copy's lines are clones at the same places.
    async fn a_copy_shares_the_lines(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        let done = admin
            .done(
                "copyProfile",
                json!({"id": id, "name": "EM-2", "organizationId": estate.paris}),
                "profile { name organization { path } lines { nodes { index role line { pattern } } } }",
            )
            .await;
        assert_eq!(
            done["profile"],
            json!({
                "name": "EM-2", "organization": {"path": "acme.north.paris"},
                "lines": {"nodes": [
                    {"index": 1, "role": "CLONE", "line": {"pattern": "4001"}},
                    {"index": 2, "role": "CLONE", "line": {"pattern": "4002"}},
                ]},
            })
        );
    }
}

story! {
    /// DEL-1, DEL-3, DEL-4, DEL-8, CLN-6: lines stay, a clone is promoted, users and defaults close up.
    async fn a_deleted_profile_leaves_its_lines_and_clears_what_points_at_it(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        admin.profile(&estate, &estate.paris, "EM-2", &["4001"]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna]}), "").await;
        admin.done("setDefaultProfile", json!({"userId": anna, "profileId": id}), "").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("updatePhone", json!({"id": phone, "logoutProfileId": id}), "").await;

        assert_eq!(admin.refused("deleteProfile", json!({"id": id})).await, ["PROFILE_IS_LOGOUT_PROFILE at id"]);
        let done = admin
            .done(
                "deleteProfile",
                json!({"id": id, "releaseLogoutPhones": true}),
                "deleted { name } linesLeft { pattern } promoted { device { name } } usersLeft { userId }",
            )
            .await;
        assert_eq!(done["deleted"]["name"], "EM-1");
        assert_eq!(done["linesLeft"], json!([{"pattern": "4001"}, {"pattern": "4002"}]));
        assert_eq!(done["promoted"], json!([{"device": {"name": "EM-2"}}]));
        assert_eq!(done["usersLeft"], json!([{"userId": "anna"}]));
        let data = admin
            .data(
                "{ lines { nodes { pattern original { device { name } } } } \
                 users { nodes { defaultProfile { name } profiles { totalCount } } } \
                 phones { nodes { logoutProfile { name } } } }",
            )
            .await;
        assert_eq!(
            data,
            json!({
                "lines": {"nodes": [
                    {"pattern": "4001", "original": {"device": {"name": "EM-2"}}},
                    {"pattern": "4002", "original": null},
                ]},
                "users": {"nodes": [{"defaultProfile": null, "profiles": {"totalCount": 0}}]},
                "phones": {"nodes": [{"logoutProfile": null}]},
            })
        );
        // The name is free again.
        let again = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        assert_ne!(again, id);
    }
}

story! {
    async fn a_profile_is_found_by_its_name_in_any_case(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-Anna", &[]).await;
        let query = format!(
            r#"{{ profile(by: {{name: {{name: "em-anna", clusterId: "{}"}}}}) {{ id }} }}"#,
            estate.emea
        );
        assert_eq!(text(&admin.data(&query).await["profile"]["id"]), id);
    }
}

story! {
    /// A copy is a creation: same rules, the settings and, where told, the users along.
    async fn a_copy_takes_what_it_is_told_to(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna]}), "").await;
        let set = json!({"id": id, "description": "Anna", "softkeyTemplate": null, "settings": {"dndStatus": true}});
        admin.done("updateProfile", set, "").await;
        let copy = |more: serde_json::Value| {
            let mut input = json!({"id": id, "name": "EM-2"});
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            input
        };
        let select = "profile { description softkeyTemplate settings { dndStatus } lines { totalCount } users { nodes { userId } } }";
        let done = admin.done("copyProfile", copy(json!({"lines": false, "users": true})), select).await;
        assert_eq!(
            done["profile"],
            json!({
                "description": "Anna", "softkeyTemplate": null, "settings": {"dndStatus": true},
                "lines": {"totalCount": 0}, "users": {"nodes": [{"userId": "anna"}]},
            })
        );
        assert_eq!(admin.refused("copyProfile", copy(json!({}))).await, ["NAME_TAKEN_BY_PROFILE at name"]);
        assert_eq!(admin.refused("copyProfile", json!({"id": "x", "name": "EM-3"})).await, ["NOT_FOUND at id"]);
        let root = copy(json!({"name": "EM-3", "organizationId": estate.acme}));
        assert_eq!(admin.refused("copyProfile", root).await, ["ORGANIZATION_IS_ROOT at organizationId"]);
    }
}

story! {
    /// RI-61 to RI-77: settings need a product that has them.
    async fn settings_fit_the_product(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let with = |product: &str, settings: serde_json::Value| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-1", "product": product,
            "protocol": "SIP", "settings": settings,
        });
        let module = |index: i32, model: &str| json!({"index": index, "model": model});
        let (bekem, other) = ("BEKEM 36-Button Line Expansion Module", "CP-8800-Audio 28-Button Key Expansion Module");
        for (product, settings, rules) in [
            ("Cisco 8842", json!({}), vec!["PRODUCT_UNKNOWN at product"]),
            ("Cisco 8841", json!({"addOnModules": [module(1, bekem)]}), vec!["ADD_ON_MODULES_INVALID at settings.addOnModules"]),
            ("Cisco 8851", json!({"addOnModules": [module(1, bekem), module(1, bekem)]}), vec!["ADD_ON_MODULES_INVALID at settings.addOnModules"]),
            ("Cisco 8851", json!({"addOnModules": [module(1, bekem), module(2, other)]}), vec!["ADD_ON_MODULES_INVALID at settings.addOnModules"]),
            ("Cisco 8851", json!({"userHoldMohAudioSource": 52, "mlppDomain": "xyz"}), vec![
                "VALUE_OUT_OF_RANGE at settings.userHoldMohAudioSource", "VALUE_INVALID at settings.mlppDomain",
            ]),
            ("Cisco 8851", json!({"mlppIndication": "DEFAULT", "preemption": "FORCEFUL"}), vec!["MLPP_COMBINATION_INVALID at settings.preemption"]),
        ] {
            assert_eq!(admin.refused("createProfile", with(product, settings)).await, rules, "{product}");
        }
        let payload = admin.mutate("createProfile", with("Cisco 884l", json!({})), "").await;
        assert!(text(&payload["errors"][0]["message"]).contains("Cisco 8841"), "{payload}");
        let fine = with("cisco 8851", json!({"addOnModules": [module(1, bekem), module(2, bekem)]}));
        let done = admin.done("createProfile", fine, "profile { id product productInfo { maxCalls } settings { addOnModules { index } } }").await;
        assert_eq!(done["profile"]["product"], "Cisco 8851");
        assert_eq!(done["profile"]["settings"]["addOnModules"], json!([{"index": 1}, {"index": 2}]));
        let side = json!({"id": done["profile"]["id"], "settings": {"protocolSide": "NETWORK"}});
        assert_eq!(admin.refused("updateProfile", side).await, ["VALUE_INVALID at settings.protocolSide"]);
    }
}

story! {
    async fn a_profile_is_served_where_it_is_made(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let own = json!({"organizationId": estate.south, "name": "own"});
        let own = admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"].clone();
        let with = |organization: &str, cluster: &serde_json::Value| json!({
            "organizationId": organization, "clusterId": cluster, "name": "EM-1", "product": "Cisco 8841", "protocol": "SIP",
        });
        let emea = json!(estate.emea);
        assert_eq!(admin.refused("createProfile", with(&estate.berlin, &own)).await, ["CLUSTER_DOES_NOT_SERVE at clusterId"]);
        assert_eq!(admin.refused("createProfile", with(&estate.acme, &emea)).await, ["ORGANIZATION_IS_ROOT at organizationId"]);
        assert_eq!(
            admin.refused("createProfile", with("x", &json!("y"))).await,
            ["NOT_FOUND at organizationId", "NOT_FOUND at clusterId"]
        );
        // One name on two clusters is no clash (NAM-3); a customer holds profiles as well as a site does.
        admin.done("createProfile", with(&estate.rome, &own), "").await;
        let done = admin.done("createProfile", with(&estate.south, &emea), "profile { version organization { path } buttonTemplate softkeyTemplate }").await;
        assert_eq!(done["profile"]["organization"]["path"], "acme.south");
        assert_eq!(done["profile"]["version"], 1);
    }
}

story! {
    async fn templates_and_login_users_are_patched(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let select = "profile { version buttonTemplate softkeyTemplate loginUser { userId } }";
        let stock = admin.data(&format!(r#"{{ profile(by: {{id: "{id}"}}) {{ buttonTemplate }} }}"#)).await["profile"]["buttonTemplate"].clone();
        let set = json!({"id": id, "buttonTemplate": "ours", "softkeyTemplate": "soft", "loginUserId": anna});
        let done = admin.done("updateProfile", set, select).await;
        assert_eq!(
            done["profile"],
            json!({"version": 2, "buttonTemplate": "ours", "softkeyTemplate": "soft", "loginUser": {"userId": "anna"}})
        );
        let reset = json!({"id": id, "buttonTemplate": null, "softkeyTemplate": null, "loginUserId": null});
        let done = admin.done("updateProfile", reset, select).await;
        assert_eq!(
            done["profile"],
            json!({"version": 3, "buttonTemplate": stock, "softkeyTemplate": null, "loginUser": null})
        );
        let bad = json!({"id": id, "buttonTemplate": " ", "softkeyTemplate": "x".repeat(129), "loginUserId": "x"});
        assert_eq!(
            admin.refused("updateProfile", bad).await,
            ["VALUE_REQUIRED at buttonTemplate", "VALUE_TOO_LONG at softkeyTemplate", "NOT_FOUND at loginUserId"]
        );
        assert_eq!(admin.refused("deleteProfile", json!({"id": id, "expectedVersion": 1})).await, ["VERSION_CONFLICT at expectedVersion"]);
    }
}
