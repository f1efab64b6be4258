//! Stories of lines, originals and clones.

use serde_json::json;

use crate::{roamline::text, story};

story! {
    /// CLN-1, CLN-3, CLN-4: through the original every clone follows; through a clone it is refused.
    async fn a_line_is_changed_through_its_original_and_every_clone_follows(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let second = admin.profile(&estate, &estate.paris, "EM-2", &["4001"]).await;
        let (original, clone) =
            (admin.appearances(&first).await.remove(0), admin.appearances(&second).await.remove(0));

        let payload = admin
            .mutate("changeLineSettings", json!({"appearanceId": clone, "settings": {"maxCalls": 6}}), "")
            .await;
        assert_eq!(payload["errors"][0]["code"], "LINE_IS_CLONE");
        assert_eq!(text(&payload["errors"][0]["originalId"]), original);
        assert_eq!(payload["errors"][0]["rule"], "CLN-3");

        let done = admin
            .done(
                "changeLineSettings",
                json!({"appearanceId": original, "settings": {"maxCalls": 6}, "reason": "more calls"}),
                "appearances { role settings { maxCalls } device { name } } profiles { name }",
            )
            .await;
        assert_eq!(
            done["appearances"],
            json!([
                {"role": "ORIGINAL", "settings": {"maxCalls": 6}, "device": {"name": "EM-1"}},
                {"role": "CLONE", "settings": {"maxCalls": 6}, "device": {"name": "EM-2"}},
            ])
        );
        assert_eq!(done["profiles"], json!([{"name": "EM-1"}, {"name": "EM-2"}]));
    }
}

story! {
    /// CLN-2, CLN-6: the oldest clone becomes the original when the original goes.
    async fn the_oldest_clone_is_promoted_and_the_stream_says_so(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let second = admin.profile(&estate, &estate.berlin, "EM-2", &["4001"]).await;
        let mut feed = admin.follow_on("reason change { kind ... on ClonePromoted { deviceName } }").await;
        let original = admin.appearances(&first).await.remove(0);

        let input = json!({"appearanceId": original, "reason": "moved"});
        let done =
            admin.done("removeLineFromDevice", input, "promoted { id role } line { pattern }").await;
        assert_eq!(text(&done["promoted"]["id"]), admin.appearances(&second).await[0]);
        assert_eq!(done["line"]["pattern"], "4001");

        let events = feed.take(2).await;
        assert_eq!(events[0]["change"]["kind"], "APPEARANCE_REMOVED");
        assert_eq!(events[1]["change"], json!({"kind": "CLONE_PROMOTED", "deviceName": "EM-2"}));
        assert_eq!(events[1]["reason"], "moved");
        assert_eq!(events[1]["cursor"], done["cursor"]);
    }
}

story! {
    /// CLN-3: a line's own settings by the line or its original; by a clone they are refused.
    async fn a_line_is_updated_by_itself_or_its_original(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let second = admin.profile(&estate, &estate.paris, "EM-2", &["4001"]).await;
        let (original, clone) =
            (admin.appearances(&first).await.remove(0), admin.appearances(&second).await.remove(0));
        let select = "line { id version description settings { alertingName forwardAll { destination } } }";
        let through = |id: &str, text: &str| json!({"line": {"appearanceId": id}, "description": text});
        let done = admin.done("updateLine", through(&original, "Anna"), select).await;
        let line = done["line"]["id"].clone();
        assert_eq!(done["line"]["version"], 2);
        let payload = admin.mutate("updateLine", through(&clone, "Ben"), "").await;
        assert_eq!(payload["errors"][0]["code"], "LINE_IS_CLONE");
        assert_eq!(payload["errors"][0]["message"], "This is a clone. Change the line through its original, line 1 of 'EM-1'.");
        assert_eq!(text(&payload["errors"][0]["originalId"]), original);

        let own = json!({
            "line": {"lineId": line}, "expectedVersion": 2,
            "settings": {"alertingName": "Änna", "forwardAll": {"destination": "9"}},
        });
        let done = admin.done("updateLine", own.clone(), select).await;
        assert_eq!(
            done["line"],
            json!({
                "id": line, "version": 3, "description": "Anna",
                "settings": {"alertingName": "Änna", "forwardAll": {"destination": "9"}},
            })
        );
        assert_eq!(admin.refused("updateLine", own).await, ["VERSION_CONFLICT at expectedVersion"]);
        // What is so already is not done again, and the line is told all the same.
        let same = admin.done("updateLine", through(&original, "Anna"), select).await;
        assert_eq!(same["line"]["version"], 3);
        let bad = json!({"line": {"lineId": line}, "settings": {"forwardAll": {"durationSeconds": 301}}});
        assert_eq!(admin.refused("updateLine", bad).await, ["VALUE_OUT_OF_RANGE at settings.forwardAll.durationSeconds"]);
        assert_eq!(admin.refused("updateLine", json!({"line": {"lineId": "x"}})).await, ["NOT_FOUND at line.lineId"]);
        assert_eq!(admin.refused("updateLine", through("x", "")).await, ["NOT_FOUND at line.appearanceId"]);
        assert_eq!(admin.refused("updateLine", through(&clone, "")).await, ["LINE_IS_CLONE at line.appearanceId"]);
    }
}

story! {
    /// LIN-1: a pattern in another partition is another line.
    async fn a_line_is_its_pattern_and_partition(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let with = |pattern: &str, partition: &str| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "pattern": pattern, "partition": partition,
        });
        admin.done("createLine", with("4001", ""), "").await;
        let done = admin.done("createLine", with("4001", "pt"), "line { id partition }").await;
        assert_eq!(done["line"]["partition"], "pt");
        assert_eq!(admin.refused("createLine", with("4001", "pt")).await, ["LINE_TAKEN at pattern"]);
        assert_eq!(admin.refused("createLine", with("call me", "x\u{7}")).await, ["PATTERN_INVALID at pattern", "VALUE_INVALID at partition"]);
        for pattern in ["", "\\", "4 1", &"1".repeat(25)] {
            assert_eq!(admin.refused("createLine", with(pattern, "")).await, ["PATTERN_INVALID at pattern"], "{pattern}");
        }
        for pattern in ["\\+4930X", "*21#", "[2-8]XXX", &"1".repeat(24)] {
            admin.done("createLine", with(pattern, ""), "").await;
        }
        let query = format!(
            r#"{{ line(by: {{number: {{pattern: "4001", partition: "pt", clusterId: "{}"}}}}) {{ id }} }}"#,
            estate.emea
        );
        assert_eq!(admin.data(&query).await["line"]["id"], done["line"]["id"]);
    }
}

story! {
    async fn a_line_that_stands_somewhere_goes_only_when_told(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        admin.profile(&estate, &estate.berlin, "EM-2", &["4001"]).await;
        let id = admin.data("{ lines { nodes { id } } }").await["lines"]["nodes"][0]["id"].clone();
        let payload = admin.mutate("deleteLine", json!({"id": id}), "").await;
        assert_eq!(payload["errors"][0]["code"], "LINE_HAS_APPEARANCES");
        assert_eq!(
            payload["errors"][0]["message"],
            "The line still stands on 2 devices. Take it off them first, or pass removeAppearances: true."
        );
        let done = admin
            .done(
                "deleteLine",
                json!({"id": id, "removeAppearances": true, "expectedVersion": 1}),
                "devices { name ... on Profile { version lines { nodes { index line { pattern } } } } } changes { kind }",
            )
            .await;
        assert_eq!(
            done["devices"],
            json!([
                {"name": "EM-1", "version": 3, "lines": {"nodes": [{"index": 2, "line": {"pattern": "4002"}}]}},
                {"name": "EM-2", "version": 3, "lines": {"nodes": []}},
            ])
        );
        let kinds = ["APPEARANCE_REMOVED", "APPEARANCE_REMOVED", "LINE_DELETED"];
        assert_eq!(done["changes"], json!(kinds.map(|kind| json!({"kind": kind}))));
        assert_eq!(admin.data("{ lines { totalCount } clones { totalCount } }").await, json!({"lines": {"totalCount": 1}, "clones": {"totalCount": 0}}));
    }
}

story! {
    /// LIN-2, LIN-3, LIN-6, LIN-7: a line is put on a device once, at a free place.
    async fn a_line_is_put_on_a_device_at_a_free_place(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let on = |device: &str, more: serde_json::Value| {
            let mut input = json!({"deviceId": device});
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            input
        };
        let select = "appearance { index role label line { pattern } device { name } }";
        let done = admin.done("addLineToDevice", on(&phone, json!({"pattern": "4001", "label": "Team"})), select).await;
        assert_eq!(
            done["appearance"],
            json!({"index": 1, "role": "CLONE", "label": "Team", "line": {"pattern": "4001"}, "device": {"name": "SEP1"}})
        );
        let done = admin.done("addLineToDevice", on(&id, json!({"pattern": "4002", "index": 3})), select).await;
        assert_eq!((&done["appearance"]["index"], &done["appearance"]["role"]), (&json!(3), &json!("ORIGINAL")));
        let done = admin.done("addLineToDevice", on(&id, json!({"pattern": "4003"})), select).await;
        assert_eq!(done["appearance"]["index"], 2);

        for (input, rules) in [
            (json!({"pattern": "4001"}), vec!["LINE_ALREADY_ON_DEVICE at pattern"]),
            (json!({"pattern": "4009", "index": 3}), vec!["LINE_INDEX_TAKEN at index"]),
            (json!({"pattern": "4009", "index": 0}), vec!["LINE_INDEX_INVALID at index"]),
            (json!({"pattern": "4009", "index": 101}), vec!["LINE_INDEX_INVALID at index"]),
            (json!({"lineId": "nothing", "label": "x".repeat(51)}), vec!["VALUE_TOO_LONG at label", "NOT_FOUND at lineId"]),
            (json!({"pattern": "4009", "expectedVersion": 1}), vec!["VERSION_CONFLICT at expectedVersion"]),
        ] {
            let mut refused = admin.refused("addLineToDevice", on(&id, input)).await;
            refused.sort_by_key(|rule| std::cmp::Reverse(rule.clone()));
            assert_eq!(refused, rules);
        }
        let payload = admin.mutate("addLineToDevice", on(&id, json!({"pattern": "4009", "index": 3})), "").await;
        assert_eq!(payload["errors"][0]["message"], "Place 3 is taken. Place 4 is free; or move the other line first.");
        let gateway = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "name": "gw"});
        let gateway = text(&admin.done("registerDevice", gateway, "device { id }").await["device"]["id"]);
        let refused = admin.refused("addLineToDevice", on(&gateway, json!({"pattern": "4001"}))).await;
        assert_eq!(refused, ["DEVICE_HAS_NO_LINES at "]);
        assert_eq!(admin.refused("addLineToDevice", on("x", json!({"pattern": "1"}))).await, ["NOT_FOUND at deviceId"]);
    }
}

story! {
    async fn a_line_of_another_cluster_is_not_put_on_a_device(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let own = json!({"organizationId": estate.north, "name": "own"});
        let own = admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"].clone();
        let line = json!({"organizationId": estate.berlin, "clusterId": own, "pattern": "4001"});
        let line = admin.done("createLine", line, "line { id }").await["line"]["id"].clone();
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let refused = admin.refused("addLineToDevice", json!({"deviceId": id, "lineId": line})).await;
        assert_eq!(refused, ["LINE_ON_OTHER_CLUSTER at lineId"]);
        // The same number on the device's own cluster is another line.
        let done = admin.done("addLineToDevice", json!({"deviceId": id, "pattern": "4001"}), "appearance { role line { cluster { name } } }").await;
        assert_eq!(done["appearance"], json!({"role": "ORIGINAL", "line": {"cluster": {"name": "emea"}}}));
    }
}

story! {
    /// CLN-5: place and label are the device's own, on a clone as well.
    async fn a_clone_has_a_place_and_label_of_its_own(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let id = admin.profile(&estate, &estate.paris, "EM-2", &["4001", "4002"]).await;
        let clone = admin.appearances(&id).await.remove(0);
        let select = "appearance { index label role device { ... on Profile { version } } }";
        let lay = |more: serde_json::Value| {
            let mut input = json!({"appearanceId": clone});
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            input
        };
        let done = admin.done("updateAppearance", lay(json!({"index": 5, "label": "Team", "expectedVersion": 2})), select).await;
        assert_eq!(
            done["appearance"],
            json!({"index": 5, "label": "Team", "role": "CLONE", "device": {"version": 3}})
        );
        let done = admin.done("updateAppearance", lay(json!({"label": null})), select).await;
        assert_eq!((&done["appearance"]["index"], &done["appearance"]["label"]), (&json!(5), &json!(null)));
        assert_eq!(admin.refused("updateAppearance", lay(json!({"index": 2}))).await, ["LINE_INDEX_TAKEN at index"]);
        assert_eq!(admin.refused("updateAppearance", lay(json!({"index": 101}))).await, ["LINE_INDEX_INVALID at index"]);
        assert_eq!(admin.refused("updateAppearance", lay(json!({"expectedVersion": 1}))).await, ["VERSION_CONFLICT at expectedVersion"]);
        let same = admin.done("updateAppearance", lay(json!({"index": 5})), "changes { kind }").await;
        assert_eq!(same["changes"], json!([]));
    }
}

story! {
    /// LIN-21: the whole list at once: kept, moved, swapped, added, removed; guarded by the version.
    async fn a_devices_lines_are_replaced_in_one_step(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002", "4003"]).await;
        admin.profile(&estate, &estate.berlin, "EM-2", &["4003"]).await;
        let before = admin.appearances(&id).await;
        let select = "device { ... on Profile { version lines { nodes { id index role label line { pattern } } } } } promoted { device { name } } changes { kind }";
        let swap = json!({
            "deviceId": id, "expectedVersion": 2,
            "lines": [{"pattern": "4002", "label": "two"}, {"pattern": "4001"}, {"pattern": "4004"}],
        });
        let done = admin.done("replaceLines", swap.clone(), select).await;
        let nodes = &done["device"]["lines"]["nodes"];
        assert_eq!(
            *nodes,
            json!([
                {"id": before[1], "index": 1, "role": "ORIGINAL", "label": "two", "line": {"pattern": "4002"}},
                {"id": before[0], "index": 2, "role": "ORIGINAL", "label": null, "line": {"pattern": "4001"}},
                {"id": nodes[2]["id"], "index": 3, "role": "ORIGINAL", "label": null, "line": {"pattern": "4004"}},
            ])
        );
        assert_eq!(done["device"]["version"], 3);
        assert_eq!(done["promoted"], json!([{"device": {"name": "EM-2"}}]));
        let payload = admin.mutate("replaceLines", swap, "").await;
        assert_eq!((&payload["errors"][0]["code"], &payload["errors"][0]["currentVersion"]), (&json!("VERSION_CONFLICT"), &json!(3)));
        let same = json!({
            "deviceId": id, "expectedVersion": 3,
            "lines": [{"pattern": "4002", "label": "two"}, {"pattern": "4001"}, {"pattern": "4004"}],
        });
        assert_eq!(admin.done("replaceLines", same, "changes { kind }").await["changes"], json!([]));
        let bad = json!({
            "deviceId": id, "expectedVersion": 3,
            "lines": [{"pattern": "4001"}, {"pattern": "4001"}, {"pattern": "4002", "index": 1}, {"pattern": "x y"}],
        });
        assert_eq!(
            admin.refused("replaceLines", bad).await,
            ["LINE_ALREADY_ON_DEVICE at lines.1.pattern", "LINE_INDEX_TAKEN at lines.2.index", "PATTERN_INVALID at lines.3.pattern"]
        );
        let none = admin.done("replaceLines", json!({"deviceId": id, "expectedVersion": 3, "lines": []}), select).await;
        assert_eq!(none["device"], json!({"version": 4, "lines": {"nodes": []}}));
        assert_eq!(admin.data("{ lines(filter: {isAssigned: false}) { totalCount } }").await["lines"]["totalCount"], 3);
    }
}

story! {
    /// LIN-21: one line makes room for a new one in its place; told with the place taken and with the place left over.
    async fn a_new_line_comes_where_another_one_was(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let select = "device { ... on Profile { lines { nodes { index line { pattern } } } } }";
        let line = |index: i32, pattern: &str| json!({"index": index, "line": {"pattern": pattern}});
        let behind = json!({"deviceId": id, "expectedVersion": 2, "lines": [{"pattern": "4002"}, {"pattern": "4001"}]});
        let done = admin.done("replaceLines", behind, select).await;
        assert_eq!(done["device"]["lines"]["nodes"], json!([line(1, "4002"), line(2, "4001")]));
        let apart = json!({
            "deviceId": id, "expectedVersion": 3,
            "lines": [{"pattern": "4003", "index": 2}, {"pattern": "4001", "index": 5}, {"pattern": "4002", "index": 1}],
        });
        let done = admin.done("replaceLines", apart, select).await;
        assert_eq!(done["device"]["lines"]["nodes"], json!([line(1, "4002"), line(2, "4003"), line(5, "4001")]));
    }
}

story! {
    /// CLN-8: whom a change reaches is told before it is made.
    async fn the_reach_of_a_change_is_told_before(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        admin.profile(&estate, &estate.rome, "EM-2", &["4001"]).await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let added = admin.done("addLineToDevice", json!({"deviceId": phone, "pattern": "4001"}), "appearance { id }").await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": first, "userIds": [anna]}), "").await;
        let query = format!(
            r"{{ previewLineChange(line: {{appearanceId: {}}}) {{
                line {{ pattern }} original {{ device {{ name }} }} appearances {{ role device {{ name }} }}
                profiles {{ name }} phones {{ name }} users {{ userId }}
            }} }}",
            added["appearance"]["id"]
        );
        let whole = admin.data(&query).await["previewLineChange"].take();
        assert_eq!(
            whole,
            json!({
                "line": {"pattern": "4001"}, "original": {"device": {"name": "EM-1"}},
                "appearances": [
                    {"role": "ORIGINAL", "device": {"name": "EM-1"}},
                    {"role": "CLONE", "device": {"name": "EM-2"}},
                    {"role": "CLONE", "device": {"name": "SEP1"}},
                ],
                "profiles": [{"name": "EM-1"}, {"name": "EM-2"}], "phones": [{"name": "SEP1"}],
                "users": [{"userId": "anna"}],
            })
        );
        // As far as one may see.
        let north = server.somebody(entity::token::Role::Viewer, &estate.north).await;
        let seen = north.data(&query).await["previewLineChange"].take();
        assert_eq!(seen["profiles"], json!([{"name": "EM-1"}]));
        let south = server.somebody(entity::token::Role::Viewer, &estate.south).await;
        assert_eq!(south.data(&query).await["previewLineChange"], json!(null));
    }
}

story! {
    /// LIN-12: a busy trigger within the calls, and the calls of all lines within the product's 200.
    async fn calls_fit_the_line_and_the_device(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        let original = admin.appearances(&id).await.remove(0);
        let set = |calls: i32, trigger: i32| json!({
            "appearanceId": original, "settings": {"maxCalls": calls, "busyTrigger": trigger},
        });
        admin.done("changeLineSettings", set(6, 6), "").await;
        let refused = admin.refused("changeLineSettings", set(6, 7)).await;
        assert_eq!(refused, ["BUSY_TRIGGER_EXCEEDS_MAX_CALLS at settings.busyTrigger"]);
        admin.done("changeLineSettings", set(196, 2), "").await;
        let payload = admin.mutate("changeLineSettings", set(197, 2), "").await;
        assert_eq!(payload["errors"][0]["code"], "MAX_CALLS_EXCEEDS_DEVICE");
        assert_eq!(
            payload["errors"][0]["message"],
            "The lines of EM-1 would hold 201 calls together and the product can hold 200. Lower maxCalls of some."
        );
        let refused = admin.refused("changeLineSettings", set(201, 0)).await;
        assert_eq!(
            refused,
            ["VALUE_OUT_OF_RANGE at settings.maxCalls", "VALUE_OUT_OF_RANGE at settings.busyTrigger", "MAX_CALLS_EXCEEDS_DEVICE at settings.maxCalls"]
        );
        let more = json!({"deviceId": id, "pattern": "4003"});
        assert_eq!(admin.refused("addLineToDevice", more).await, ["MAX_CALLS_EXCEEDS_DEVICE at settings.maxCalls"]);
        // A clone's device has to hold them as well.
        admin.profile(&estate, &estate.berlin, "EM-2", &["4002", "4001"]).await;
        admin.done("changeLineSettings", set(100, 2), "").await;
        let other = admin.profile(&estate, &estate.berlin, "EM-3", &[]).await;
        let heavy = json!({"deviceId": other, "pattern": "4009", "settings": {"maxCalls": 100}});
        admin.done("addLineToDevice", heavy, "").await;
        admin.done("addLineToDevice", json!({"deviceId": other, "pattern": "4001"}), "").await;
        let refused = admin.refused("changeLineSettings", set(101, 2)).await;
        assert_eq!(refused, ["MAX_CALLS_EXCEEDS_DEVICE at settings.maxCalls"]);
    }
}

story! {
    /// CLN-3, CLN-4: a clone brings no settings of its own and takes its original's.
    async fn a_clone_takes_the_settings_of_its_original(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let original = admin.appearances(&first).await.remove(0);
        let set = json!({
            "appearanceId": original, "description": "team",
            "settings": {"ring": "FLASH_ONLY", "display": "Team"}, "lineSettings": {"autoAnswer": "HEADSET"},
        });
        let done = admin.done("changeLineSettings", set, "original { line { version } } profiles { name } users { userId }").await;
        assert_eq!(done["original"]["line"]["version"], 2);
        let id = admin.profile(&estate, &estate.paris, "EM-2", &[]).await;
        let with = |more: serde_json::Value| {
            let mut input = json!({"deviceId": id, "pattern": "4001"});
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            input
        };
        let own = json!({"settings": {"ring": "RING"}, "lineSettings": {"autoAnswer": "OFF"}, "description": "mine"});
        let payload = admin.mutate("addLineToDevice", with(own.clone()), "").await;
        let told: Vec<_> = payload["errors"]
            .as_array()
            .expect("errors")
            .iter()
            .map(|error| (text(&error["code"]), text(&error["path"][0]), text(&error["originalId"])))
            .collect();
        let refused = |path: &str| ("LINE_IS_CLONE".to_owned(), path.to_owned(), original.clone());
        assert_eq!(told, ["settings", "lineSettings", "description"].map(refused));
        // Somebody who does not see the original is not told which one it is.
        let paris = server.somebody(entity::token::Role::Operator, &estate.paris).await;
        let line = json!({"organizationId": estate.paris, "clusterId": estate.emea, "pattern": "4002"});
        admin.done("createLine", line, "").await;
        admin.done("addLineToDevice", json!({"deviceId": first, "pattern": "4002"}), "").await;
        let mine = json!({"deviceId": id, "pattern": "4002", "settings": {"ring": "RING_ONCE"}});
        let payload = paris.mutate("addLineToDevice", mine, "").await;
        assert_eq!((&payload["errors"][0]["code"], &payload["errors"][0]["originalId"]), (&json!("LINE_IS_CLONE"), &json!(null)));
        assert!(!text(&payload["errors"][0]["message"]).contains("EM-1"));

        let same = with(json!({"settings": {"ring": "FLASH_ONLY"}, "description": "team"}));
        let done = admin.done("addLineToDevice", same, "appearance { role settings { ring display } }").await;
        assert_eq!(
            done["appearance"],
            json!({"role": "CLONE", "settings": {"ring": "FLASH_ONLY", "display": "Team"}})
        );
    }
}

story! {
    /// LIN-5, CLN-6, CLN-7: the promoted one is the original in every way; without any, the line is unassigned.
    async fn a_promoted_clone_is_changed_like_any_original(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let second = admin.profile(&estate, &estate.berlin, "EM-2", &["4001"]).await;
        let third = admin.profile(&estate, &estate.berlin, "EM-3", &["4001"]).await;
        let of = async |id: &String| admin.appearances(id).await.remove(0);
        let (original, oldest, youngest) = (of(&first).await, of(&second).await, of(&third).await);
        let done = admin.done("removeLineFromDevice", json!({"appearanceId": youngest}), "promoted { id }").await;
        assert_eq!(done["promoted"], json!(null));
        admin.done("removeLineFromDevice", json!({"appearanceId": original, "expectedVersion": 2}), "").await;
        let set = json!({"appearanceId": oldest, "settings": {"ring": "RING_ONCE"}});
        let done = admin.done("changeLineSettings", set, "appearances { id role }").await;
        assert_eq!(done["appearances"], json!([{"id": oldest, "role": "ORIGINAL"}]));
        assert_eq!(admin.refused("removeLineFromDevice", json!({"appearanceId": original})).await, ["NOT_FOUND at appearanceId"]);
        admin.done("removeLineFromDevice", json!({"appearanceId": oldest}), "").await;
        let data = admin.data("{ lines { nodes { pattern original { id } appearances { totalCount } } } }").await;
        assert_eq!(
            data["lines"]["nodes"],
            json!([{"pattern": "4001", "original": null, "appearances": {"totalCount": 0}}])
        );
    }
}
