//! Stories of what a deletion would do (DEL-10).

use entity::token::Role;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, text},
    story,
};

const PREVIEW: &str = "blockedBy { code path } serviceSubscriptions loggedOut { id phone { name } user { userId } } speedDials busyLampFields callParks serviceUrls counts { kind count } \
    profiles { name } lines { line { pattern } result } numbers { number { pattern } from to availableAt } \
    users { user { userId } wasDefault } promoted { device { name } } logoutPhones { name }";

async fn preview(client: &Client, id: &str) -> Value {
    client.data(&format!(r#"{{ deletePreview(id: "{id}") {{ {PREVIEW} }} }}"#)).await["deletePreview"].take()
}

story! {
    /// DEL-1, DEL-3, DEL-7, DEL-8, DEL-10: the query, the dry run and the deletion tell the same.
    async fn a_profiles_deletion_is_told_before_it_is_done(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.done("updateOrganization", json!({"id": estate.north, "coolingDays": 10}), "").await;
        let numbers = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "first": "4001", "last": "4002"});
        admin.done("createNumbers", numbers, "").await;
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
        admin.profile(&estate, &estate.paris, "EM-2", &["4001"]).await;
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna, ben]}), "").await;
        admin.done("setDefaultProfile", json!({"userId": ben, "profileId": id}), "").await;
        for button in [
            json!({"speedDial": {"number": "4001", "label": "a"}}), json!({"speedDial": {"number": "4002", "label": "b"}}),
            json!({"busyLampField": {"pattern": "4001"}}), json!({"serviceUrl": {"service": "Weather", "url": "http://w.example"}}),
        ] {
            admin.done("addButton", json!({"deviceId": id, "button": button}), "").await;
        }
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("updatePhone", json!({"id": phone, "logoutProfileId": id}), "").await;

        let told = preview(&admin, &id).await;
        assert_eq!(told["blockedBy"], json!([{"code": "PROFILE_IS_LOGOUT_PROFILE", "path": ["id"]}]));
        let buttons = ["speedDials", "busyLampFields", "callParks", "serviceUrls"].map(|list| told[list].clone());
        assert_eq!(buttons, [2, 1, 0, 1].map(Value::from));
        assert_eq!(
            told["lines"],
            json!([
                {"line": {"pattern": "4001"}, "result": "STAYS_ELSEWHERE"},
                {"line": {"pattern": "4002"}, "result": "UNASSIGNED"},
            ])
        );
        assert_eq!(
            told["numbers"],
            json!([{"number": {"pattern": "4002"}, "from": "USED", "to": "COOLING", "availableAt": "2026-01-11T00:00:00+00:00"}])
        );
        assert_eq!(
            told["users"],
            json!([{"user": {"userId": "ben"}, "wasDefault": true}, {"user": {"userId": "anna"}, "wasDefault": false}])
        );
        assert_eq!(told["promoted"], json!([{"device": {"name": "EM-2"}}]));
        assert_eq!(told["logoutPhones"], json!([{"name": "SEP1"}]));
        assert!(told["counts"].as_array().expect("counts").contains(&json!({"kind": "BUTTON_REMOVED", "count": 4})));

        // A refused dry run tells the rule; one that is told to go on, and the deletion itself, the same as the query.
        let select = format!("preview {{ {PREVIEW} }}");
        let refused = admin.mutate("deleteProfile", json!({"id": id, "dryRun": true}), &select).await;
        assert_eq!(refused["preview"]["blockedBy"], told["blockedBy"]);
        let mut open = told.clone();
        open["blockedBy"] = json!([]);
        let dry = admin.done("deleteProfile", json!({"id": id, "dryRun": true, "releaseLogoutPhones": true}), &select).await;
        assert_eq!(dry["preview"], open);
        let done = admin.done("deleteProfile", json!({"id": id, "releaseLogoutPhones": true}), &select).await;
        assert_eq!(done["preview"], open);
        assert_eq!(preview(&admin, &id).await, json!(null));
    }
}

story! {
    /// USR-12 to USR-14, LIN-4: users, phones and lines as well; who may not delete gets no preview.
    async fn other_deletions_are_told_as_well(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let shared = admin.profile(&estate, &estate.berlin, "EM-2", &[]).await;
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna]}), "").await;
        admin.done("associateUsers", json!({"profileId": shared, "userIds": [anna, ben]}), "").await;
        let told = preview(&admin, &anna).await;
        assert_eq!(told["blockedBy"], json!([{"code": "USER_PROFILES_UNDECIDED", "path": ["soleProfiles"]}]));
        assert_eq!(told["profiles"], json!([{"name": "EM-1"}]));
        assert_eq!(told["lines"], json!([{"line": {"pattern": "4001"}, "result": "UNASSIGNED"}]));
        let kept = admin.data(&format!(r#"{{ deletePreview(id: "{anna}", soleProfiles: KEEP_UNASSIGNED) {{ {PREVIEW} }} }}"#)).await;
        assert_eq!((&kept["deletePreview"]["blockedBy"], &kept["deletePreview"]["profiles"]), (&json!([]), &json!([])));

        let line = text(&admin.data("{ lines { nodes { id } } }").await["lines"]["nodes"][0]["id"]);
        let told = preview(&admin, &line).await;
        assert_eq!(told["blockedBy"], json!([{"code": "LINE_HAS_APPEARANCES", "path": ["id"]}]));
        assert_eq!(told["lines"], json!([{"line": {"pattern": "4001"}, "result": "DELETED"}]));

        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("addLineToDevice", json!({"deviceId": phone, "pattern": "4001"}), "").await;
        let told = preview(&admin, &phone).await;
        assert_eq!((&told["blockedBy"], &told["lines"][0]["result"]), (&json!([]), &json!("STAYS_ELSEWHERE")));

        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        assert_eq!(viewer.code(&format!(r#"{{ deletePreview(id: "{id}") {{ speedDials }} }}"#)).await, "FORBIDDEN");
        assert_eq!(admin.code(&format!(r#"{{ deletePreview(id: "{}") {{ speedDials }} }}"#, estate.emea)).await, "BAD_USER_INPUT");
        // Nothing was done by looking.
        assert_eq!(admin.data("{ profiles { totalCount } users { totalCount } }").await, json!({"profiles": {"totalCount": 2}, "users": {"totalCount": 2}}));
    }
}

story! {
    /// DEL-1, DEL-10: who is logged out, and how many subscriptions go along, is told before, on the dry run and after; a
    /// phone elsewhere is not told of.
    async fn who_is_logged_out_is_told_before(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let (anna, ben) = (admin.user(&estate, &estate.berlin, "anna").await, admin.user(&estate, &estate.berlin, "ben").await);
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna, ben]}), "").await;
        let subscribed = async |name: &str| {
            let service = json!({"clusterId": estate.emea, "name": name, "url": format!("http://{name}.example")});
            let service = admin.done("createService", service, "service { id }").await["service"]["id"].take();
            let subscribe = json!({"deviceId": id, "serviceId": service});
            admin.done("subscribeService", subscribe, "subscription { id }").await["subscription"]["id"].take()
        };
        subscribed("weather").await;
        let former = subscribed("news").await;
        admin.done("unsubscribeService", json!({"subscriptionId": former}), "").await;
        let mut sessions = Vec::new();
        for (user, site, name) in [(&anna, &estate.berlin, "SEP1"), (&ben, &estate.paris, "SEP2")] {
            let phone = admin.phone(&estate, site, name).await;
            let login = json!({"userId": user, "profileId": id, "phoneId": phone});
            let session = admin.done("login", login, "session { id }").await["session"]["id"].take();
            let user = if name == "SEP1" { "anna" } else { "ben" };
            sessions.push(json!({"id": session, "phone": {"name": name}, "user": {"userId": user}}));
        }
        let told = preview(&admin, &id).await;
        assert_eq!(told["blockedBy"], json!([{"code": "PROFILE_IN_USE", "path": ["id"]}]));
        assert_eq!((&told["loggedOut"], &told["serviceSubscriptions"]), (&json!(sessions), &json!(2)));

        // The refusal names the same phones, with what `logout` takes.
        let refused = admin.mutate("deleteProfile", json!({"id": id}), "errors { details { phones { name } numberStatus } }").await;
        let details = json!({"phones": [{"name": "SEP1"}, {"name": "SEP2"}], "numberStatus": null});
        assert_eq!(refused["errors"][0]["details"], details);

        let berlin = server.somebody(Role::Admin, &estate.berlin).await;
        let refused = berlin.mutate("deleteProfile", json!({"id": id}), "errors { details { phones { name } numberStatus } }").await;
        assert_eq!(refused["errors"][0]["details"]["phones"], json!([{"name": "SEP1"}]));
        let near = preview(&berlin, &id).await;
        assert_eq!((&near["loggedOut"], &near["serviceSubscriptions"]), (&json!([sessions[0]]), &json!(2)));

        let select = format!("preview {{ {PREVIEW} }}");
        let mut open = told;
        open["blockedBy"] = json!([]);
        for dry in [true, false] {
            let delete = json!({"id": id, "onActiveSession": "LOGOUT", "dryRun": dry});
            assert_eq!(admin.done("deleteProfile", delete, &select).await["preview"], open, "dry run: {dry}");
        }
        let idle = admin.profile(&estate, &estate.berlin, "EM-2", &[]).await;
        let told = preview(&admin, &idle).await;
        assert_eq!((&told["loggedOut"], &told["serviceSubscriptions"]), (&json!([]), &json!(0)));
    }
}
