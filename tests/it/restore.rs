//! Stories of what comes back: services of a restored profile, groups and default device profiles by a revert.

use entity::token::Role;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, text},
    story,
};

/// A service on the estate's cluster; answers its id.
async fn service(client: &Client, estate: &Estate, name: &str, parameters: Value) -> String {
    let url = format!("http://{name}/app");
    let input = json!({"clusterId": estate.emea, "name": name, "url": url, "parameters": parameters});
    text(&client.done("createService", input, "service { id }").await["service"]["id"])
}

/// Services, buttons and their links as a client reads them.
async fn holds(client: &Client, profile: &str) -> Value {
    let select = "serviceSubscriptions { nodes { id name url urlState values { name value } button { id index label } } } \
                  serviceUrls { nodes { id index url service label } }";
    let query = format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ {select} }} }}"#);
    client.data(&query).await["profile"].take()
}

/// The cursor of the change that a mutation made.
async fn cursor(client: &Client, mutation: &str, input: Value) -> String {
    text(&client.done(mutation, input, "").await["cursor"])
}

story! {
    /// DEL-10, SVC-15: a restored profile is subscribed as it was, with ids, values and buttons; what a service lacks by
    /// now is named, and passwords, which no change tells, are not made up.
    async fn a_restored_profile_has_its_services_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let optional = json!([{"name": "ext"}, {"name": "pin", "password": true, "required": false}]);
        let news = service(&admin, &estate, "news", optional).await;
        let wall = service(&admin, &estate, "wall", json!([])).await;
        let safe = service(&admin, &estate, "safe", json!([{"name": "pin", "password": true}])).await;
        let old = service(&admin, &estate, "old", json!([])).await;
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let subscribe = async |service: &str, more: Value| {
            let mut input = json!({"deviceId": id, "serviceId": service});
            input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            admin.done("subscribeService", input, "").await;
        };
        let values = json!([{"name": "ext", "value": "40 01"}]);
        subscribe(&news, json!({"values": values, "button": {"index": 2, "label": "News"}})).await;
        subscribe(&wall, json!({"url": "http://elsewhere/", "button": {}})).await;
        let plain = json!({"serviceUrl": {"index": 5, "service": "door", "url": "http://door/"}});
        admin.done("addButton", json!({"deviceId": id, "button": plain}), "").await;
        let was = holds(&admin, &id).await;
        // What follows does not come back whole, and is put on last so that `was` is what does.
        subscribe(&safe, json!({"values": [{"name": "pin", "value": "hunter2"}], "button": {"index": 9}})).await;
        subscribe(&old, json!({})).await;

        admin.done("deleteProfile", json!({"id": id}), "").await;
        admin.done("updateService", json!({"id": old, "enabled": false}), "").await;
        let done = admin.done("restoreProfile", json!({"profileId": id}), "leftOut { what name code }").await;
        let left: Vec<_> = done["leftOut"].as_array().expect("a list").iter()
            .map(|left| format!("{} {} {}", text(&left["what"]), text(&left["name"]), text(&left["code"])))
            .collect();
        assert_eq!(
            left,
            ["SERVICE_SUBSCRIPTION safe SERVICE_PARAMETER_REQUIRED", "SERVICE_SUBSCRIPTION old SERVICE_DISABLED"]
        );
        let now = holds(&admin, &id).await;
        assert_eq!(now["serviceSubscriptions"], was["serviceSubscriptions"]);
        let urls = now["serviceUrls"]["nodes"].as_array().expect("buttons");
        assert_eq!(urls[..3], was["serviceUrls"]["nodes"].as_array().expect("buttons")[..]);
        // The key of the service that did not come back is a key like any other.
        assert_eq!((urls.len(), &urls[3]["index"]), (4, &json!(9)));

        // With an optional password it comes back without, and that is named.
        let ask = json!({"subscriptionId": now["serviceSubscriptions"]["nodes"][0]["id"], "values": [{"name": "pin", "value": "hunter2"}]});
        admin.done("updateServiceSubscription", ask, "").await;
        admin.done("deleteProfile", json!({"id": id}), "").await;
        let done = admin.done("restoreProfile", json!({"profileId": id}), "leftOut { what name code }").await;
        assert_eq!(done["leftOut"], json!([{"what": "SERVICE_PASSWORD", "name": "news: pin", "code": "REVERT_NOT_POSSIBLE"}]));
        assert_eq!(holds(&admin, &id).await["serviceSubscriptions"], was["serviceSubscriptions"]);
    }
}

story! {
    /// DEL-10, USR-11: a user who may have no further profile by now is left out and named, and the rest comes back.
    async fn a_user_with_enough_profiles_is_left_out(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let other = admin.profile(&estate, &estate.berlin, "EM-2", &[]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": id, "userIds": [anna]}), "").await;
        admin.done("deleteProfile", json!({"id": id}), "").await;
        admin.done("associateUsers", json!({"profileId": other, "userIds": [anna]}), "").await;
        admin.done("updateOrganization", json!({"id": estate.north, "maxProfilesPerUser": 1}), "").await;
        let done = admin.done("restoreProfile", json!({"profileId": id}), "leftOut { what name code } profile { name }").await;
        assert_eq!(done["leftOut"], json!([{"what": "USER", "name": "anna", "code": "ENTITLEMENT_EXCEEDED"}]));
        assert_eq!(done["profile"]["name"], "EM-1");
    }
}

story! {
    /// DEL-10, CLN-1: two profiles that shared a line and went together share it again.
    async fn profiles_that_went_together_share_their_line_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let one = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let two = admin.profile(&estate, &estate.berlin, "EM-2", &["4001"]).await;
        for profile in [&one, &two] {
            admin.done("associateUsers", json!({"profileId": profile, "userIds": [anna]}), "").await;
        }
        admin.done("deleteUser", json!({"id": anna, "soleProfiles": "DELETE"}), "").await;
        for (profile, role) in [(&two, "ORIGINAL"), (&one, "CLONE")] {
            let select = "leftOut { what } profile { lines { nodes { role } } }";
            let done = admin.done("restoreProfile", json!({"profileId": profile}), select).await;
            assert_eq!(done["leftOut"], json!([{"what": "USER"}]));
            assert_eq!(done["profile"]["lines"]["nodes"], json!([{"role": role}]));
        }
    }
}

story! {
    /// RML-71: changes of Quick Add groups and default device profiles are taken back like any others, by whoever may
    /// configure; what was deleted has its id again.
    async fn groups_and_default_device_profiles_are_taken_back(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "Desk", "product": "Cisco 8841",
            "protocol": "SIP", "line": {"label": "{number}", "settings": {"maxCalls": 6}},
        });
        let group = text(&admin.done("createQuickAddGroup", input, "group { id }").await["group"]["id"]);
        let input = json!({"clusterId": estate.emea, "product": "Cisco 8841", "protocol": "SIP", "description": "Guests"});
        let made = admin.done("createDefaultDeviceProfile", input, "defaultDeviceProfile { id }").await;
        let default = text(&made["defaultDeviceProfile"]["id"]);
        let all = "{ quickAddGroups { nodes { id name namePattern line { label settings { maxCalls } } settings { dndStatus } } } \
                   defaultDeviceProfiles { nodes { id product description settings { privacy } } } }";
        let was = admin.data(all).await;

        let change = json!({
            "id": group, "namePattern": "X_{username}", "settings": {"dndStatus": true},
            "line": {"label": null, "settings": {"maxCalls": 9}},
        });
        let one = cursor(&admin, "updateQuickAddGroup", change).await;
        let change = json!({"id": default, "description": "Nobody", "settings": {"privacy": "ON"}});
        let two = cursor(&admin, "updateDefaultDeviceProfile", change).await;
        let operator = server.somebody(Role::Operator, &estate.acme).await;
        let asked = "mutation($input: RevertChangeInput!) { revertChange(input: $input) { errors { code } } }";
        let denied = operator.ask(asked, json!({"input": {"change": one}})).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
        for change in [&one, &two] {
            admin.done("revertChange", json!({"change": change}), "").await;
        }
        assert_eq!(admin.data(all).await, was);

        let three = cursor(&admin, "deleteQuickAddGroup", json!({"id": group})).await;
        let four = cursor(&admin, "deleteDefaultDeviceProfile", json!({"id": default})).await;
        for change in [&three, &four] {
            admin.done("revertChange", json!({"change": change}), "").await;
        }
        assert_eq!(admin.data(all).await, was);
        assert_eq!(admin.refused("revertChange", json!({"change": three})).await, ["REVERT_SUPERSEDED at change"]);
    }
}

story! {
    /// SVC-15: the standard add subscribes each profile to services with their values and derives their URLs, all or
    /// nothing.
    async fn a_user_is_made_with_profiles_and_their_services(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let news = service(&admin, &estate, "news", json!([{"name": "ext"}])).await;
        let input = |values: Value| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "userId": "anna", "lastName": "Berg",
            "newProfiles": [{
                "name": "EM-1", "product": "Cisco 8841", "protocol": "SIP", "lines": [{"pattern": "4001"}],
                "services": [{"serviceId": news, "values": values, "button": {"label": "News"}}],
            }],
        });
        assert_eq!(
            admin.refused("createUser", input(json!([]))).await,
            ["SERVICE_PARAMETER_REQUIRED at newProfiles.0.services.0.values"]
        );
        assert_eq!(admin.data("{ users { totalCount } }").await["users"]["totalCount"], 0);
        let select = "user { profiles { nodes { id } } }";
        let done = admin.done("createUser", input(json!([{"name": "ext", "value": "4 1"}])), select).await;
        let profile = text(&done["user"]["profiles"]["nodes"][0]["id"]);
        let own = &holds(&admin, &profile).await["serviceSubscriptions"]["nodes"][0];
        assert_eq!((&own["url"], &own["button"]["index"]), (&json!("http://news/app?ext=4%201"), &json!(1)));
    }
}
