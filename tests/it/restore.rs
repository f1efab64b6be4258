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
    /// DEL-10, SVC-15: what was unsubscribed and kept its values waits again, ready to be taken up; what cannot is named.
    async fn what_was_unsubscribed_waits_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let news = service(&admin, &estate, "news", json!([{"name": "ext"}])).await;
        let safe = service(&admin, &estate, "safe", json!([{"name": "pin", "password": true}])).await;
        let gone = service(&admin, &estate, "gone", json!([])).await;
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let mut own = Vec::new();
        for (service, values) in [
            (&news, json!([{"name": "ext", "value": "4001"}])), (&safe, json!([{"name": "pin", "value": "hunter2"}])), (&gone, json!([])),
        ] {
            let input = json!({"deviceId": id, "serviceId": service, "name": "Mine", "values": values, "button": {"label": "N"}});
            own.push(text(&admin.done("subscribeService", input, "subscription { id }").await["subscription"]["id"]));
            admin.done("unsubscribeService", json!({"subscriptionId": own.last()}), "").await;
        }
        admin.done("deleteProfile", json!({"id": id}), "").await;
        admin.done("deleteService", json!({"id": gone}), "").await;
        let select = "leftOut { what name code } profile { serviceSubscriptions { totalCount } }";
        let done = admin.done("restoreProfile", json!({"profileId": id}), select).await;
        assert_eq!(done["profile"]["serviceSubscriptions"]["totalCount"], 0);
        assert_eq!(done["leftOut"], json!([
            {"what": "SERVICE_PASSWORD", "name": "Mine: pin", "code": "REVERT_NOT_POSSIBLE"},
            {"what": "SERVICE_SUBSCRIPTION", "name": "Mine", "code": "NOT_FOUND"},
        ]));
        let waiting = admin.data("{ serviceSubscriptions { nodes { id name subscribed values { name value } } } }").await;
        assert_eq!(waiting["serviceSubscriptions"]["nodes"], json!([
            {"id": own[0], "name": "Mine", "subscribed": false, "values": [{"name": "ext", "value": "4001"}]},
            {"id": own[1], "name": "Mine", "subscribed": false, "values": []},
        ]));
        let select = "subscription { url button { index label } }";
        let done = admin.done("resubscribeService", json!({"subscriptionId": own[0]}), select).await;
        assert_eq!(done["subscription"], json!({"url": "http://news/app?ext=4001", "button": {"index": 1, "label": "N"}}));
        let again = json!({"subscriptionId": own[1]});
        assert_eq!(admin.refused("resubscribeService", again).await, ["SERVICE_PARAMETER_REQUIRED at values"]);
    }
}

/// What people see of services and subscriptions to them; whether a URL is stale goes on with the service.
async fn offered(client: &Client) -> Value {
    client
        .data(
            "{ services { nodes { id name url enabled vendor parameters { name displayName default required password } } }
              serviceSubscriptions { nodes { id name url subscribed values { name value isPassword } button { index label url } } }
              profiles { nodes { serviceUrls { nodes { index label service url } } } } }",
        )
        .await
}

/// The cursor of the newest change of a kind.
async fn last(client: &Client, kind: &str) -> String {
    let query = format!("{{ changes(last: 1, filter: {{kinds: [{kind}]}}) {{ nodes {{ cursor }} }} }}");
    text(&client.data(&query).await["changes"]["nodes"][0]["cursor"])
}

story! {
    /// RML-71, SVC-15: changes of phone services and of subscriptions to them are taken back by the mutation that undoes
    /// them, passwords left as they are.
    async fn services_and_subscriptions_are_taken_back(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let parameters = json!([{"name": "ext"}, {"name": "room", "default": "1"}, {"name": "pin", "password": true, "required": false}]);
        let news = service(&admin, &estate, "news", parameters).await;
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let values = json!([{"name": "ext", "value": "4001"}, {"name": "pin", "value": "hunter2"}]);
        let input = json!({"deviceId": id, "serviceId": news, "values": values, "button": {"index": 3, "label": "News"}});
        let own = text(&admin.done("subscribeService", input, "subscription { id }").await["subscription"]["id"]);
        for (name, input, kind) in [
            ("updateService", json!({"id": news, "url": "http://other/", "enabled": false, "vendor": "x"}), "SERVICE_UPDATED"),
            ("updateService", json!({"id": news, "name": "latest"}), "SERVICE_UPDATED"),
            ("addServiceParameter", json!({"serviceId": news, "index": 1, "parameter": {"name": "new"}}), "SERVICE_UPDATED"),
            ("removeServiceParameter", json!({"serviceId": news, "name": "ext"}), "SERVICE_UPDATED"),
            ("changeServiceParameter", json!({"serviceId": news, "name": "ext", "newName": "e", "index": 3, "default": "7"}), "SERVICE_UPDATED"),
            ("updateServiceSubscription", json!({"subscriptionId": own, "name": "Mine"}), "SERVICE_SUBSCRIPTION_UPDATED"),
            ("updateServiceSubscription", json!({"subscriptionId": own, "url": "http://own/"}), "SERVICE_SUBSCRIPTION_UPDATED"),
            (
                "updateServiceSubscription",
                json!({"subscriptionId": own, "values": [{"name": "ext", "value": "4 2"}, {"name": "room", "value": "9"}]}),
                "SERVICE_SUBSCRIPTION_UPDATED",
            ),
            ("updateServiceSubscription", json!({"subscriptionId": own, "name": "x", "button": {"index": 7}}), "SERVICE_SUBSCRIPTION_UPDATED"),
            ("updateServiceSubscription", json!({"subscriptionId": own, "button": null}), "SERVICE_SUBSCRIPTION_UPDATED"),
            ("unsubscribeService", json!({"subscriptionId": own}), "SERVICE_SUBSCRIPTION_UPDATED"),
        ] {
            let before = offered(&admin).await;
            admin.done(name, input.clone(), "").await;
            assert_ne!(offered(&admin).await, before, "{input}");
            let change = last(&admin, kind).await;
            admin.done("revertChange", json!({"change": change}), "").await;
            assert_eq!(offered(&admin).await, before, "{input}");
            let again = admin.mutate("revertChange", json!({"change": change}), "changes { kind }").await;
            assert!(again["errors"] != json!([]) || again["changes"] == json!([]), "{input} twice: {again}");
        }
        // Taken up again with another value, and that taken back: it waits with the old one.
        admin.done("unsubscribeService", json!({"subscriptionId": own}), "").await;
        let before = offered(&admin).await["serviceSubscriptions"].clone();
        admin.done("resubscribeService", json!({"subscriptionId": own, "values": [{"name": "ext", "value": "5"}]}), "").await;
        admin.done("revertChange", json!({"change": last(&admin, "SERVICE_SUBSCRIPTION_UPDATED").await}), "").await;
        let after = offered(&admin).await["serviceSubscriptions"].clone();
        assert_eq!(
            (&after["nodes"][0]["subscribed"], &after["nodes"][0]["values"]),
            (&json!(false), &before["nodes"][0]["values"])
        );
    }
}

story! {
    /// RML-71: a service that was made goes, one that was deleted comes back with its id and its parameters', and after it
    /// each subscription that went with it.
    async fn a_deleted_service_comes_back_with_what_was_subscribed_to_it(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let news = service(&admin, &estate, "news", json!([{"name": "ext"}])).await;
        let made = last(&admin, "SERVICE_CREATED").await;
        let mut own = Vec::new();
        for name in ["EM-1", "EM-2"] {
            let id = admin.profile(&estate, &estate.berlin, name, &[]).await;
            let values = json!([{"name": "ext", "value": "4001"}]);
            let input = json!({"deviceId": id, "serviceId": news, "values": values, "button": {"index": 3, "label": "News"}});
            own.push(text(&admin.done("subscribeService", input, "subscription { id }").await["subscription"]["id"]));
        }
        admin.done("unsubscribeService", json!({"subscriptionId": own[1]}), "").await;
        assert_eq!(admin.refused("revertChange", json!({"change": made})).await, ["REVERT_SUPERSEDED at change"]);
        let was = offered(&admin).await;
        let deleted = cursor(&admin, "deleteService", json!({"id": news, "unsubscribe": true})).await;
        let removed = "{ changes(filter: {kinds: [SERVICE_SUBSCRIPTION_REMOVED]}) { nodes { cursor } } }";
        let removed = admin.data(removed).await["changes"]["nodes"].clone();
        let change = |at: usize| json!({"change": removed[at]["cursor"]});
        for at in [0, 1] {
            assert_eq!(admin.refused("revertChange", change(at)).await, ["NOT_FOUND at change"]);
        }
        let operator = server.somebody(Role::Operator, &estate.acme).await;
        let asked = "mutation($input: RevertChangeInput!) { revertChange(input: $input) { errors { code } } }";
        let denied = operator.ask(asked, json!({"input": {"change": deleted}})).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
        // Its name is taken meanwhile.
        let other = service(&admin, &estate, "NEWS", json!([])).await;
        assert_eq!(admin.refused("revertChange", json!({"change": deleted})).await, ["SERVICE_NAME_TAKEN at change"]);
        admin.done("revertChange", json!({"change": last(&admin, "SERVICE_CREATED").await}), "").await;
        assert_eq!(admin.data(&format!(r#"{{ node(id: "{other}") {{ id }} }}"#)).await["node"], json!(null));

        admin.done("revertChange", json!({"change": deleted}), "").await;
        for at in [0, 1] {
            operator.done("revertChange", change(at), "").await;
        }
        assert_eq!(offered(&admin).await, was);
        let version = admin.data("{ services { nodes { version } } }").await;
        assert_eq!(version["services"]["nodes"][0]["version"], 2);
        assert_eq!(admin.refused("revertChange", json!({"change": deleted})).await, ["REVERT_SUPERSEDED at change"]);
        assert_eq!(admin.refused("revertChange", change(0)).await, ["REVERT_SUPERSEDED at change"]);
    }
}

story! {
    /// RML-71: where a password's value was changed or is needed, and where a subscription only followed its service, it says so.
    async fn no_password_is_made_up_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let safe = service(&admin, &estate, "safe", json!([{"name": "pin", "password": true}])).await;
        let id = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let pin = |pin: &str| json!([{"name": "pin", "value": pin}]);
        let input = json!({"deviceId": id, "serviceId": safe, "values": pin("1111")});
        let own = text(&admin.done("subscribeService", input, "subscription { id }").await["subscription"]["id"]);
        let revert = async |kind: &str| {
            let payload = admin.mutate("revertChange", json!({"change": last(&admin, kind).await}), "").await;
            (text(&payload["errors"][0]["code"]), text(&payload["errors"][0]["message"]))
        };
        server.pass(std::time::Duration::from_secs(1));
        admin.done("updateServiceSubscription", json!({"subscriptionId": own, "name": "Mine", "values": pin("2222")}), "").await;
        let (code, why) = revert("SERVICE_SUBSCRIPTION_UPDATED").await;
        assert!(code == "REVERT_NOT_POSSIBLE" && why.contains("password"), "{code} {why}");
        admin.done("updateService", json!({"id": safe, "url": "http://safer/"}), "").await;
        admin.done("resyncServiceSubscriptions", json!({"serviceId": safe}), "").await;
        for kind in ["SERVICE_SUBSCRIPTION_UPDATED", "SERVICE_RESYNCED"] {
            let (code, why) = revert(kind).await;
            assert!(code == "REVERT_NOT_POSSIBLE" && why.contains("resync"), "{code} {why}");
        }
        admin.done("deleteService", json!({"id": safe, "unsubscribe": true}), "").await;
        let removed = last(&admin, "SERVICE_SUBSCRIPTION_REMOVED").await;
        admin.done("revertChange", json!({"change": last(&admin, "SERVICE_DELETED").await}), "").await;
        let payload = admin.mutate("revertChange", json!({"change": removed}), "").await;
        assert!(text(&payload["errors"][0]["message"]).contains("subscribeService"), "{payload:#}");
    }
}

story! {
    /// RML-71: templates, clusters and organizations are deleted when nothing holds or names them, and come back with their
    /// ids, below the same parent and as visible as before.
    async fn what_was_deleted_empty_comes_back(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let button = json!({"clusterId": estate.emea, "name": "Ours", "product": "Cisco 8841", "protocol": "SIP", "features": ["LINE", "BLF"]});
        let button = text(&admin.done("createButtonTemplate", button, "template { id }").await["template"]["id"]);
        let softkey = json!({"clusterId": estate.emea, "name": "Ours", "description": "keys"});
        let softkey = text(&admin.done("createSoftkeyTemplate", softkey, "template { id }").await["template"]["id"]);
        let cluster = json!({"organizationId": estate.north, "name": "apac", "description": "far", "maxLoginMinutes": 90});
        let cluster = text(&admin.done("createCluster", cluster, "cluster { id }").await["cluster"]["id"]);
        admin.done("updateOrganization", json!({"id": estate.paris, "coolingDays": 3}), "").await;
        let all = "{ buttonTemplates { nodes { id name product features cluster { name } } } softkeyTemplates { nodes { id name description } }
                     clusters { nodes { id name description maxLoginMinutes } } organizations { nodes { id path kind coolingDays parent { path } } } }";
        let north = server.somebody(Role::Admin, &estate.north).await;
        let (was, seen) = (admin.data(all).await, north.data(all).await);
        let mut deleted = Vec::new();
        for (name, id) in [
            ("deleteTemplate", &button), ("deleteTemplate", &softkey), ("deleteCluster", &cluster), ("deleteOrganization", &estate.paris),
        ] {
            deleted.push(cursor(&admin, name, json!({"id": id})).await);
        }
        assert_ne!(admin.data(all).await, was);
        // A neighbour took the name, and gives it back.
        let paris = json!({"parentId": estate.north, "kind": "SITE", "name": "PARIS"});
        let taken = text(&admin.done("createOrganization", paris, "organization { id }").await["organization"]["id"]);
        assert_eq!(north.refused("revertChange", json!({"change": deleted[3]})).await, ["ORGANIZATION_NAME_TAKEN at change"]);
        admin.done("deleteOrganization", json!({"id": taken}), "").await;
        for (change, who) in deleted.iter().zip([&admin, &admin, &north, &north]) {
            who.done("revertChange", json!({"change": change}), "").await;
        }
        assert_eq!((admin.data(all).await, north.data(all).await), (was, seen));
        for change in &deleted {
            assert_eq!(admin.refused("revertChange", json!({"change": change})).await, ["REVERT_SUPERSEDED at change"]);
        }
        // It is where it was in the tree, and goes and comes once more.
        let paris = admin.profile(&estate, &estate.paris, "EM-1", &[]).await;
        assert_eq!(north.data(&format!(r#"{{ node(id: "{paris}") {{ id }} }}"#)).await["node"]["id"], json!(paris));
        let south = server.somebody(Role::Admin, &estate.south).await;
        assert_eq!(south.data(&format!(r#"{{ node(id: "{paris}") {{ id }} }}"#)).await["node"], json!(null));
        let mut below = estate.acme.clone();
        let mut gone = Vec::new();
        for (kind, name) in [("CUSTOMER", "west"), ("SITE", "lima")] {
            let input = json!({"parentId": below, "kind": kind, "name": name});
            below = text(&admin.done("createOrganization", input, "organization { id }").await["organization"]["id"]);
            gone.insert(0, below.clone());
        }
        let was = admin.data(all).await;
        let mut changes = Vec::new();
        for id in gone {
            changes.push(cursor(&admin, "deleteOrganization", json!({"id": id})).await);
        }
        assert_eq!(admin.refused("revertChange", json!({"change": changes[0]})).await, ["NOT_FOUND at change"]);
        for change in changes.iter().rev() {
            admin.done("revertChange", json!({"change": change}), "").await;
        }
        assert_eq!(admin.data(all).await, was);
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
