//! Stories of what becomes of lines that a device leaves behind (DEL-5, DEL-6).

use entity::token::Role;
use serde_json::{Value, json};

use crate::{roamline::Client, story};

async fn lines(client: &Client) -> Value {
    let query = "{ lines { nodes { pattern description settings { alertingName } } } }";
    client.data(query).await["lines"]["nodes"].take()
}

story! {
    /// DEL-3 without preferences, DEL-5 with them: nearest above says, and the number follows in the same transaction.
    async fn unused_lines_go_where_the_organization_says_so(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let numbers = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "first": "4001", "last": "4003"});
        admin.done("createNumbers", numbers, "").await;
        let keep = admin.profile(&estate, &estate.berlin, "EM-0", &["4003"]).await;
        admin.done("deleteProfile", json!({"id": keep}), "").await;
        assert_eq!(lines(&admin).await.as_array().map(Vec::len), Some(1), "lines stay by themselves");

        let set = json!({"id": estate.north, "lineDeletePreferences": {"deleteUnused": true}});
        let select = "organization { lineDeletePreferences { deleteUnused template { description } } }";
        let done = admin.done("updateOrganization", set, select).await;
        assert_eq!(done["organization"]["lineDeletePreferences"], json!({"deleteUnused": true, "template": null}));
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        let other = admin.profile(&estate, &estate.paris, "EM-2", &["4002"]).await;
        let preview = format!(r#"{{ deletePreview(id: "{id}") {{ lines {{ line {{ pattern }} result }} numbers {{ number {{ pattern }} to }} }} }}"#);
        assert_eq!(
            admin.data(&preview).await["deletePreview"],
            json!({
                "lines": [{"line": {"pattern": "4001"}, "result": "DELETED"}, {"line": {"pattern": "4002"}, "result": "STAYS_ELSEWHERE"}],
                "numbers": [{"number": {"pattern": "4001"}, "to": "AVAILABLE"}],
            })
        );
        let done = admin.done("deleteProfile", json!({"id": id}), "preview { lines { line { pattern } result } }").await;
        assert_eq!(done["preview"]["lines"][0], json!({"line": {"pattern": "4001"}, "result": "DELETED"}));
        let left: Vec<_> = lines(&admin).await.as_array().expect("lines").iter().map(|line| line["pattern"].clone()).collect();
        assert_eq!(left, ["4002", "4003"]);
        // It comes back with the profile, settings and all.
        let back = admin.done("restoreProfile", json!({"profileId": id}), "leftOut { name } profile { lines { nodes { role line { pattern } } } }").await;
        assert_eq!(back["leftOut"], json!([]));
        assert_eq!(back["profile"]["lines"]["nodes"][0], json!({"role": "ORIGINAL", "line": {"pattern": "4001"}}));
        // Taken off is the same as deleted along; a nearer organization says otherwise, null leaves it to the one above.
        let nearer = json!({"id": estate.paris, "lineDeletePreferences": {"deleteUnused": false}});
        admin.done("updateOrganization", nearer, "").await;
        for (profile, gone) in [(&id, true), (&other, false)] {
            let line = json!({"deviceId": profile, "pattern": "4009"});
            let line = admin.done("addLineToDevice", line, "appearance { id }").await["appearance"]["id"].clone();
            admin.done("removeLineFromDevice", json!({"appearanceId": line}), "").await;
            let there = lines(&admin).await.as_array().expect("lines").iter().any(|line| line["pattern"] == "4009");
            assert_eq!(there, !gone);
        }
        admin.done("updateOrganization", json!({"id": estate.paris, "lineDeletePreferences": null}), "").await;
        admin.done("deleteProfile", json!({"id": other}), "").await;
        admin.done("deleteLine", json!({"id": first(&admin, "4009").await}), "").await;
    }
}

async fn first(client: &Client, pattern: &str) -> String {
    let query = format!(r#"{{ lines(filter: {{pattern: {{equals: "{pattern}"}}}}) {{ nodes {{ id }} }} }}"#);
    crate::roamline::text(&client.data(&query).await["lines"]["nodes"][0]["id"])
}

story! {
    /// DEL-5, DEL-6: a template reaches what somebody else's device has, not what the same user's has.
    async fn a_template_is_applied_unless_the_same_user_has_the_line(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let template = json!({"description": "free", "settings": {"alertingName": "Free"}});
        let set = json!({"id": estate.north, "lineDeletePreferences": {"template": template}});
        let select = "organization { lineDeletePreferences { template { description fields settings { alertingName } } } }";
        let done = admin.done("updateOrganization", set, select).await;
        assert_eq!(
            done["organization"]["lineDeletePreferences"]["template"],
            json!({"description": "free", "fields": ["alertingName"], "settings": {"alertingName": "Free"}})
        );
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002", "4003"]).await;
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna]}), "").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("updatePhone", json!({"id": phone, "ownerId": anna}), "").await;
        admin.done("addLineToDevice", json!({"deviceId": phone, "pattern": "4001"}), "").await;
        let other = admin.profile(&estate, &estate.berlin, "EM-2", &["4002"]).await;
        admin.done("associateUsers", json!({"profileId": other, "userIds": [ben]}), "").await;
        admin.done("deleteProfile", json!({"id": id}), "").await;
        let (kept, applied) = (json!({"alertingName": null}), json!({"alertingName": "Free"}));
        assert_eq!(
            lines(&admin).await,
            json!([
                {"pattern": "4001", "description": "", "settings": kept},
                {"pattern": "4002", "description": "free", "settings": applied},
                {"pattern": "4003", "description": "free", "settings": applied},
            ])
        );
        // An administrator's, and one that a line may have.
        let bad = json!({"id": estate.north, "lineDeletePreferences": {"template": {"settings": {"asciiAlertingName": "Zoë"}}}});
        assert_eq!(
            admin.refused("updateOrganization", bad).await,
            ["VALUE_INVALID at lineDeletePreferences.template.settings.asciiAlertingName"]
        );
        let operator = server.somebody(Role::Operator, &estate.north).await;
        let set = format!(r#"mutation {{ updateOrganization(input: {{id: "{}", lineDeletePreferences: null}}) {{ errors {{ code }} }} }}"#, estate.north);
        assert_eq!(operator.code(&set).await, "FORBIDDEN");
    }
}

story! {
    /// DEL-5: the preferences of an organization are in its row, as it is written and as it is read.
    async fn preferences_are_columns_of_an_organization(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let template = json!({"description": "spare", "settings": {"alertingName": "Free"}});
        let preferences = json!({"deleteUnused": false, "template": template});
        let oslo = json!({"parentId": estate.north, "kind": "SITE", "name": "oslo", "lineDeletePreferences": preferences});
        admin.done("createOrganization", oslo, "").await;
        let token = admin.token().unwrap_or_default();
        let http = reqwest::Client::new();
        let export = http.get(admin.url("/export/organizations?format=jsonl")).bearer_auth(token);
        let rows = export.send().await.expect("an answer").text().await.expect("rows");
        let mut row: Value = rows
            .lines()
            .map(|row| serde_json::from_str(row).expect("JSON"))
            .find(|row: &Value| row["path"] == "acme.north.oslo")
            .expect("oslo's row");
        assert_eq!(row["deleteUnusedLines"], false);
        assert_eq!(row["leftLineDescription"], "spare");
        row["path"] = json!("acme.north.lima");
        let upload = http
            .post(admin.url("/jobs/import?noun=organizations&autoRun=true"))
            .header("content-type", "application/jsonl")
            .bearer_auth(token)
            .body(row.to_string() + "\n");
        assert_eq!(upload.send().await.expect("an answer").status(), 202);
        roamline::bulk::job::work_off(&server.app).await.expect("worked");
        let query = r#"{ organization(by: {path: "acme.north.lima"}) {
            lineDeletePreferences { deleteUnused template { description settings { alertingName } } } } }"#;
        assert_eq!(
            admin.data(query).await["organization"]["lineDeletePreferences"],
            json!({"deleteUnused": false, "template": {"description": "spare", "settings": {"alertingName": "Free"}}})
        );
    }
}
