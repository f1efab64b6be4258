//! Stories of phone services, of subscriptions to them, and of what keeps a profile from being ready.

use entity::token::Role;
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, text},
    story,
};

const EM: &str = "http://cm.example:8080/emapp/EMAppServlet?device=#DEVICENAME#";

/// A password that must not be met again.
const SECRET: &str = "hunter2-hunter2";

/// A service on the estate's cluster; answers its id.
async fn service(client: &Client, estate: &Estate, name: &str, url: &str, parameters: Value) -> String {
    let input = json!({"clusterId": estate.emea, "name": name, "url": url, "parameters": parameters});
    text(&client.done("createService", input, "service { id }").await["service"]["id"])
}

/// Subscribes a device; answers the id.
async fn subscribe(client: &Client, device: &str, service: &str, more: Value) -> String {
    let mut input = json!({"deviceId": device, "serviceId": service});
    input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    text(&client.done("subscribeService", input, "subscription { id }").await["subscription"]["id"])
}

/// What is asked of a subscription.
async fn read(client: &Client, id: &str, select: &str) -> Value {
    let query = format!(r#"{{ node(id: "{id}") {{ ... on ServiceSubscription {{ {select} }} }} }}"#);
    client.data(&query).await["node"].clone()
}

fn intercom() -> Value {
    json!([{"name": "Ext1"}, {"name": "Ext2", "required": false, "default": "none"}])
}

story! {
    /// SVC-1, SVC-2, SVC-3, SVC-9, SVC-11: choosing a service takes its URL and parameters, and a button opens it; an
    /// unsubscribed one keeps its values and is taken up again as it was.
    async fn a_profile_is_subscribed_unsubscribed_and_subscribed_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let calls = service(&admin, &estate, "Intercom Calls", "http://calls/x?d=#DEVICENAME#", intercom()).await;
        let input = json!({
            "deviceId": profile, "expectedVersion": 2, "serviceId": calls,
            "values": [{"name": "Ext1", "value": "40 01&ü"}], "button": {"index": 2, "label": "Call"},
        });
        let select = "subscription { id name url urlState subscribed values { name value isPassword } service { name } \
                      device { name } button { index label service url } } changes { kind }";
        let done = admin.done("subscribeService", input.clone(), select).await;
        let id = text(&done["subscription"]["id"]);
        let url = "http://calls/x?d=#DEVICENAME#&Ext1=40%2001%26%C3%BC&Ext2=none";
        assert_eq!(done["subscription"], json!({
            "id": id, "name": "Intercom Calls", "url": url, "urlState": "CURRENT", "subscribed": true,
            "values": [{"name": "Ext1", "value": "40 01&ü", "isPassword": false}], "service": {"name": "Intercom Calls"},
            "device": {"name": "EM-1"}, "button": {"index": 2, "label": "Call", "service": "Intercom Calls", "url": url},
        }));
        assert_eq!(done["changes"], json!([{"kind": "SERVICE_SUBSCRIBED"}, {"kind": "BUTTON_ADDED"}]));
        assert_eq!(admin.refused("subscribeService", input).await, [
            "VERSION_CONFLICT at expectedVersion", "SERVICE_ALREADY_SUBSCRIBED at serviceId",
        ]);

        let lists = format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ serviceSubscriptions {{ totalCount nodes {{ name }} }}
            formerServiceSubscriptions {{ nodes {{ name }} }} serviceUrls {{ totalCount }} }}
            phoneService(id: "{calls}") {{ subscriptions {{ totalCount }} parameters {{ name required default }} }} }}"#);
        let done = admin.done("unsubscribeService", json!({"subscriptionId": id}), "buttonRemoved { index } subscription { subscribed url }").await;
        assert_eq!(done["buttonRemoved"], json!({"index": 2}));
        let data = admin.data(&lists).await;
        assert_eq!(data["profile"], json!({
            "serviceSubscriptions": {"totalCount": 0, "nodes": []}, "formerServiceSubscriptions": {"nodes": [{"name": "Intercom Calls"}]},
            "serviceUrls": {"totalCount": 0},
        }));
        assert_eq!(data["phoneService"]["subscriptions"]["totalCount"], 0);
        let again = admin.done("unsubscribeService", json!({"subscriptionId": id}), "changes { kind }").await;
        assert_eq!(again["changes"], json!([]), "it is so already");
        assert_eq!(
            admin.refused("updateServiceSubscription", json!({"subscriptionId": id, "name": "x"})).await,
            ["SERVICE_NOT_SUBSCRIBED at "]
        );

        let done = admin.done("resubscribeService", json!({"subscriptionId": id}), "subscription { url button { index label } }").await;
        assert_eq!(done["subscription"], json!({"url": url, "button": {"index": 2, "label": "Call"}}));
        let update = json!({
            "subscriptionId": id, "values": [{"name": "Ext1", "value": "4002"}, {"name": "Ext2", "value": "4003"}], "button": {"index": 1},
        });
        let done = admin.done("updateServiceSubscription", update, "subscription { url button { index label url } }").await;
        let url = "http://calls/x?d=#DEVICENAME#&Ext1=4002&Ext2=4003";
        assert_eq!(done["subscription"], json!({"url": url, "button": {"index": 1, "label": null, "url": url}}));
        // A URL that was set by hand follows nothing until it is taken back.
        let by_hand = json!({"subscriptionId": id, "url": "http://own/"});
        let done = admin.done("updateServiceSubscription", by_hand, "subscription { url urlState }").await;
        assert_eq!(done["subscription"], json!({"url": "http://own/", "urlState": "CUSTOM"}));
        let back = json!({"subscriptionId": id, "url": null, "button": null});
        let done = admin.done("updateServiceSubscription", back, "subscription { url urlState button { index } }").await;
        assert_eq!(done["subscription"], json!({"url": url, "urlState": "CURRENT", "button": null}));
    }
}

story! {
    /// SVC-6, SVC-7, SVC-15, SVC-3: what no subscription and no service may be.
    async fn a_subscription_keeps_the_rules_of_its_service(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let gateway = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "name": "gw"});
        let gateway = text(&admin.done("registerDevice", gateway, "device { id }").await["device"]["id"]);
        let calls = service(&admin, &estate, "Calls", "http://calls/", intercom()).await;
        let everywhere = json!({"clusterId": estate.emea, "name": "Everywhere", "url": "Application:Cisco/X", "enterprise": true, "enabled": false});
        let everywhere = text(&admin.done("createService", everywhere, "service { id }").await["service"]["id"]);
        let other = json!({"organizationId": estate.north, "name": "other"});
        let other = text(&admin.done("createCluster", other, "cluster { id }").await["cluster"]["id"]);
        let abroad = Estate { emea: other, ..estate.clone() };
        let abroad = service(&admin, &abroad, "Calls", "http://calls/", json!([])).await;
        for (device, service, more, want) in [
            (&profile, &calls, json!({"values": [{"name": "Ext3", "value": "1"}]}),
                vec!["SERVICE_PARAMETER_UNKNOWN at values.0.name", "SERVICE_PARAMETER_REQUIRED at values"]),
            (&profile, &everywhere, json!({}), vec!["SERVICE_DISABLED at serviceId", "SERVICE_IS_ENTERPRISE at serviceId"]),
            (&profile, &abroad, json!({}), vec!["SERVICE_ON_OTHER_CLUSTER at serviceId"]),
            (&gateway, &calls, json!({"values": [{"name": "Ext1", "value": "1"}]}), vec!["DEVICE_HAS_NO_SERVICES at deviceId"]),
            (&profile, &profile, json!({}), vec!["NOT_FOUND at serviceId"]),
            (&profile, &calls, json!({"values": [{"name": "Ext1", "value": "1"}], "button": {"index": 200, "label": "x".repeat(51)}}),
                vec!["VALUE_TOO_LONG at button.label", "BUTTON_INDEX_INVALID at button.index"]),
        ] {
            let mut input = json!({"deviceId": device, "serviceId": service});
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            assert_eq!(admin.refused("subscribeService", input).await, want);
        }
        let double = json!({"clusterId": estate.emea, "name": "CALLS", "url": "a b", "parameters": [{"name": "a"}, {"name": "a", "password": true, "default": "x"}]});
        assert_eq!(admin.refused("createService", double).await, [
            "VALUE_INVALID at url", "SERVICE_NAME_TAKEN at name", "SERVICE_PARAMETER_TAKEN at parameters.1.name", "VALUE_INVALID at parameters.1.default",
        ]);
        subscribe(&admin, &profile, &calls, json!({"values": [{"name": "Ext1", "value": "1"}]})).await;
        assert_eq!(admin.refused("deleteService", json!({"id": calls})).await, ["SERVICE_IN_USE at id"]);
        assert_eq!(admin.refused("deleteService", json!({"id": everywhere})).await, ["SERVICE_IS_DEFAULT at id"]);
        // SVC-7: nor is there a way around by another URL.
        let other = json!({"id": everywhere, "url": "http://x.example/"});
        assert_eq!(admin.refused("updateService", other).await, ["SERVICE_IS_DEFAULT at url"]);
        assert_eq!(admin.refused("deleteCluster", json!({"id": estate.emea})).await, ["CLUSTER_NOT_EMPTY at id"]);
        let done = admin.done("deleteService", json!({"id": calls, "unsubscribe": true}), "unsubscribed changes { kind }").await;
        assert_eq!(done["unsubscribed"], 1);
        assert_eq!(done["changes"], json!([{"kind": "SERVICE_SUBSCRIPTION_REMOVED"}, {"kind": "SERVICE_DELETED"}]));
    }
}

story! {
    /// SVC-14, SVC-4, SVC-5, SVC-15, P5: a renamed parameter makes subscriptions stale; a pass brings them up to date and tells
    /// of each, what lacks a value is reported and left, and a second pass is a no-op.
    async fn stale_subscriptions_are_brought_up_to_date_once(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let calls = service(&admin, &estate, "Calls", "http://calls/", intercom()).await;
        let mut ids = Vec::new();
        for n in 0..3 {
            let profile = admin.profile(&estate, &estate.berlin, &format!("EM-{n}"), &[]).await;
            let more = json!({"values": [{"name": "Ext1", "value": format!("400{n}")}], "button": {"label": "Call"}});
            ids.push(subscribe(&admin, &profile, &calls, more).await);
        }
        let by_hand = json!({"subscriptionId": ids[2], "url": "http://own/"});
        admin.done("updateServiceSubscription", by_hand, "").await;
        let rename = json!({"serviceId": calls, "expectedVersion": 1, "name": "Ext1", "newName": "First"});
        let before = admin.data("{ service { newestCursor } }").await["service"]["newestCursor"].clone();
        let done = admin.done("changeServiceParameter", rename, "stale changes { kind } service { version }").await;
        assert_eq!((&done["stale"], &done["changes"]), (&json!(2), &json!([{"kind": "SERVICE_UPDATED"}])));
        let state = "url urlState missing button { url }";
        assert_eq!(read(&admin, &ids[0], "url urlState").await, json!({"url": "http://calls/?Ext1=4000&Ext2=none", "urlState": "STALE"}));
        let stale = admin.data("{ serviceSubscriptions(filter: {urlStates: [STALE]}) { totalCount } profiles(filter: {notReady: [SERVICE_URL_STALE]}) { totalCount } services(filter: {hasStale: true}) { totalCount } }").await;
        assert_eq!(stale, json!({"serviceSubscriptions": {"totalCount": 2}, "profiles": {"totalCount": 2}, "services": {"totalCount": 1}}));

        let select = "derived waiting more outcomes { result subscription { id } } changes { kind }";
        let trial = admin.done("resyncServiceSubscriptions", json!({"serviceId": calls, "dryRun": true}), select).await;
        assert_eq!((&trial["derived"], trial["changes"].as_array().map(Vec::len)), (&json!(2), Some(5)));
        assert_eq!(read(&admin, &ids[0], "urlState").await, json!({"urlState": "STALE"}), "nothing was kept");
        // Interrupted after one, and repeated.
        let first = admin.done("resyncServiceSubscriptions", json!({"serviceId": calls, "most": 1}), select).await;
        assert_eq!((&first["derived"], &first["more"]), (&json!(1), &json!(true)));
        let rest = admin.done("resyncServiceSubscriptions", json!({"serviceId": calls}), select).await;
        assert_eq!((&rest["derived"], &rest["more"], &rest["outcomes"][0]["subscription"]["id"]), (&json!(1), &json!(false), &json!(ids[1])));
        let url = "http://calls/?First=4000&Ext2=none";
        assert_eq!(read(&admin, &ids[0], state).await, json!({"url": url, "urlState": "CURRENT", "missing": [], "button": {"url": url}}));
        assert_eq!(read(&admin, &ids[2], "url urlState").await, json!({"url": "http://own/", "urlState": "CUSTOM"}));
        let none = admin.done("resyncServiceSubscriptions", json!({"serviceId": calls}), select).await;
        assert_eq!(none["changes"], json!([]));

        // A new parameter that is required and has no default: reported, and left.
        admin.done("addServiceParameter", json!({"serviceId": calls, "index": 1, "parameter": {"name": "room"}}), "").await;
        let left = admin.done("resyncServiceSubscriptions", json!({"serviceId": calls}), "derived waiting outcomes { result subscription { missing } } changes { kind }").await;
        assert_eq!(left["waiting"], 2);
        assert_eq!(left["outcomes"][0], json!({"result": "WAITING", "subscription": {"missing": ["room"]}}));
        let values = json!({"subscriptionId": ids[0], "values": [{"name": "room", "value": "7"}]});
        let done = admin.done("updateServiceSubscription", values, "subscription { url urlState }").await;
        assert_eq!(done["subscription"], json!({"url": "http://calls/?room=7&First=4000&Ext2=none", "urlState": "CURRENT"}));
        admin.done("removeServiceParameter", json!({"serviceId": calls, "name": "room"}), "").await;
        let done = admin.done("resyncServiceSubscriptions", json!({"serviceId": calls}), "derived waiting").await;
        // The one that waited is as it was derived, but of an older revision.
        assert_eq!((&done["derived"], &done["waiting"]), (&json!(2), &json!(0)));

        let mut feed = admin.follow(&format!("(after: {before}, filter: {{kinds: [SERVICE_RESYNCED]}})"), "change { kind ... on ServiceResynced { derived service { name } } }").await;
        for derived in [1, 1, 2] {
            assert_eq!(feed.next().await["change"], json!({"kind": "SERVICE_RESYNCED", "derived": derived, "service": {"name": "Calls"}}));
        }
    }
}

story! {
    /// SVC-15: whoever waits for one resync follows one service, or one subscription, and hears of no other.
    async fn a_resync_is_followed_alone(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let (mut services, mut own) = (Vec::new(), Vec::new());
        for name in ["Calls", "News"] {
            services.push(service(&admin, &estate, name, "http://old/", json!([])).await);
            own.push(subscribe(&admin, &profile, &services[services.len() - 1], json!({})).await);
        }
        let start = text(&admin.data("{ service { newestCursor } }").await["service"]["newestCursor"]);
        for service in services.iter().rev() {
            admin.done("updateService", json!({"id": service, "url": "http://new/"}), "").await;
            admin.done("resyncServiceSubscriptions", json!({"serviceId": service}), "").await;
        }
        admin.done("deleteService", json!({"id": services[0], "unsubscribe": true}), "").await;
        let all = ["SERVICE_UPDATED", "SERVICE_SUBSCRIPTION_UPDATED", "SERVICE_RESYNCED", "SERVICE_SUBSCRIPTION_REMOVED", "SERVICE_DELETED"];
        for (filter, kinds) in [
            (format!("services: [\"{}\"]", services[0]), &all[..]),
            (format!("serviceSubscriptions: [\"{}\"]", own[0]), &[all[1], all[3]]),
            // With the other lists, about any of all these.
            (format!("services: [\"{}\"], profiles: []", services[0]), &all[..]),
        ] {
            let mut feed = admin.follow(&format!("(after: \"{start}\", filter: {{{filter}}})"), "change { kind }").await;
            let told: Vec<_> = feed.take(kinds.len()).await.iter().map(|event| text(&event["change"]["kind"])).collect();
            assert_eq!(told, kinds, "{filter}");
            let page = format!("{{ changes(since: \"{start}\", filter: {{{filter}}}) {{ totalCount }} }}");
            assert_eq!(admin.data(&page).await["changes"]["totalCount"], kinds.len(), "{filter}");
        }
        let present = format!("(snapshot: true, filter: {{services: [\"{}\"]}})", services[1]);
        let mut feed = admin.follow(&present, "change { kind node { ... on PhoneService { name } } }").await;
        assert_eq!(feed.next().await["change"], json!({"kind": "PRESENT", "node": {"name": "News"}}));
        assert_eq!(feed.next().await["change"]["kind"], "SNAPSHOT_COMPLETE");
    }
}

story! {
    /// A password is used and never shown: not in answers, changes, histories, stored changes or stored answers.
    async fn a_password_is_never_shown_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let parameters = json!([{"name": "pin", "password": true}, {"name": "site", "required": false}]);
        let alert = service(&admin, &estate, "Alert", "http://alert/", parameters).await;
        let input = json!({
            "deviceId": profile, "serviceId": alert, "values": [{"name": "pin", "value": SECRET}], "button": {}, "idempotencyKey": "k",
        });
        let select = "subscription { id url values { name value isPassword } button { url } history { nodes { change { \
                      ... on ServiceSubscribed { after { url values { value } } } } } } } changes { ... on ServiceSubscribed { after { url } } }";
        let done = admin.done("subscribeService", input.clone(), select).await;
        assert!(!done.to_string().contains(SECRET), "{done:#}");
        assert_eq!(done["subscription"]["url"], "http://alert/?pin=****");
        assert_eq!(done["subscription"]["values"], json!([{"name": "pin", "value": null, "isPassword": true}]));
        let id = text(&done["subscription"]["id"]);
        assert!(!admin.done("subscribeService", input.clone(), select).await.to_string().contains(SECRET));
        // Another password is another input.
        let mut other = input.clone();
        other["values"][0]["value"] = json!("another");
        let document = "mutation($input: SubscribeServiceInput!) { subscribeService(input: $input) { cursor } }";
        assert_eq!(admin.ask(document, json!({"input": other})).await["errors"][0]["extensions"]["code"], "CONFLICT");
        // It is kept: what is taken up again, copied or derived anew needs it no second time.
        admin.done("unsubscribeService", json!({"subscriptionId": id}), "").await;
        admin.done("resubscribeService", json!({"subscriptionId": id}), "").await;
        admin.done("changeServiceParameter", json!({"serviceId": alert, "name": "pin", "newName": "code"}), "").await;
        let done = admin.done("resyncServiceSubscriptions", json!({"serviceId": alert}), "derived").await;
        assert_eq!(done["derived"], 1);
        let copy = admin.done("copyProfile", json!({"id": profile, "name": "EM-2", "services": true}), "profile { serviceSubscriptions { nodes { url } } serviceUrls { nodes { url } } }").await;
        assert_eq!(copy["profile"]["serviceSubscriptions"]["nodes"], json!([{"url": "http://alert/?code=****"}]));
        assert_eq!(copy["profile"]["serviceUrls"]["nodes"], json!([{"url": "http://alert/?code=****"}]));
        // A new password is told as such and no more.
        admin.done("updateServiceSubscription", json!({"subscriptionId": id, "values": [{"name": "code", "value": SECRET.repeat(2)}]}), "").await;
        admin.done("changeServiceParameter", json!({"serviceId": alert, "name": "code", "required": false}), "").await;
        let fixed = json!({"subscriptionId": id, "values": [{"name": "code", "value": SECRET.repeat(20)}]});
        let refused = admin.mutate("updateServiceSubscription", fixed, "").await;
        assert_eq!(refused["errors"][0]["code"], "VALUE_TOO_LONG");
        assert!(!refused.to_string().contains(SECRET));

        let db = Database::connect(&server.database).await.expect("connected");
        let backend = db.get_database_backend();
        for (sql, want) in [
            ("SELECT count(*) FROM change WHERE body LIKE '%hunter2%'", 0),
            ("SELECT count(*) FROM idempotency WHERE answer LIKE '%hunter2%'", 0),
            ("SELECT count(*) FROM button WHERE url LIKE '%hunter2%'", 0),
            ("SELECT count(*) FROM service_subscription WHERE url LIKE '%hunter2%' OR given LIKE '%hunter2%'", 0),
            ("SELECT count(*) FROM service_subscription WHERE secrets LIKE '%hunter2%'", 2),
        ] {
            let row = db.query_one_raw(Statement::from_string(backend, sql)).await.expect("counted").expect("a row");
            assert_eq!(row.try_get_by_index::<i64>(0).expect("a count"), want, "{sql}");
        }
        db.close().await.expect("closed");
        let history = admin.data("{ changes(last: 200) { nodes { change { ... on ServiceSubscriptionUpdated { fields after { url values { value } } } } } } }").await;
        assert!(history.to_string().contains("values") && !history.to_string().contains("hunter2"));
    }
}

story! {
    /// DEL-1: a deleted profile or phone takes its subscriptions along, and a new one gets them in one call or none.
    async fn subscriptions_come_and_go_with_their_device(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let em = service(&admin, &estate, "Extension Mobility", EM, json!([])).await;
        let calls = service(&admin, &estate, "Calls", "http://calls/", intercom()).await;
        let new = |services: Value| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-1", "product": "Cisco 8841", "protocol": "SIP",
            "buttons": [{"serviceUrl": {"index": 1, "service": "extension mobility", "url": "http://old/", "label": "Log out"}}], "services": services,
        });
        let services = json!([{"serviceId": em, "button": {"index": 1, "label": "Log out"}}, {"serviceId": calls, "button": {}}]);
        assert_eq!(admin.refused("createProfile", new(services)).await, ["SERVICE_PARAMETER_REQUIRED at services.1.values"]);
        let services = json!([{"serviceId": em, "button": {"index": 1, "label": "Log out"}}, {"serviceId": em}]);
        assert_eq!(admin.refused("createProfile", new(services)).await, ["SERVICE_ALREADY_SUBSCRIBED at services.1.serviceId"]);
        let services = json!([{"serviceId": em, "button": {"index": 1, "label": "Log out"}}]);
        let select = "profile { id version serviceUrls { nodes { index url } } serviceSubscriptions { nodes { button { index } } } }";
        let made = admin.done("createProfile", new(services), select).await["profile"].clone();
        // The button that was there is the subscription's now.
        assert_eq!(made["serviceUrls"]["nodes"], json!([{"index": 1, "url": EM}]));
        assert_eq!(made["serviceSubscriptions"]["nodes"], json!([{"button": {"index": 1}}]));
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        subscribe(&admin, &phone, &em, json!({})).await;
        let former = subscribe(&admin, &phone, &calls, json!({"values": [{"name": "Ext1", "value": "1"}]})).await;
        admin.done("unsubscribeService", json!({"subscriptionId": former}), "").await;
        let done = admin.done("deleteProfile", json!({"id": made["id"]}), "servicesDeleted { name } changes { kind }").await;
        assert_eq!(done["servicesDeleted"], json!([{"name": "Extension Mobility"}]));
        assert_eq!(done["changes"], json!([{"kind": "BUTTON_REMOVED"}, {"kind": "SERVICE_SUBSCRIPTION_REMOVED"}, {"kind": "PROFILE_DELETED"}]));
        let done = admin.done("deletePhone", json!({"id": phone}), "servicesDeleted { name }").await;
        assert_eq!(done["servicesDeleted"].as_array().map(Vec::len), Some(2));
        assert_eq!(admin.data("{ serviceSubscriptions { totalCount } }").await["serviceSubscriptions"]["totalCount"], 0);
    }
}

story! {
    /// SVC-15: of two writers who subscribe one device to one service, one does and the other is told.
    async fn of_two_who_subscribe_one_wins(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let em = service(&admin, &estate, "Extension Mobility", EM, json!([])).await;
        for round in 0..4 {
            let profile = admin.profile(&estate, &estate.berlin, &format!("EM-{round}"), &[]).await;
            let input = json!({"deviceId": profile, "serviceId": em});
            let (one, two) = tokio::join!(
                admin.mutate("subscribeService", input.clone(), ""),
                admin.mutate("subscribeService", input.clone(), ""),
            );
            let mut codes = [&one, &two].map(|payload| payload["errors"][0]["code"].as_str().unwrap_or("DONE"));
            codes.sort_unstable();
            assert_eq!(codes, ["DONE", "SERVICE_ALREADY_SUBSCRIBED"]);
        }
        assert_eq!(admin.data("{ serviceSubscriptions { totalCount } }").await["serviceSubscriptions"]["totalCount"], 4);
    }
}

story! {
    /// SVC-10, P6, P7: each finding with its severity and the mutation that mends it, in the answer and in the filter.
    async fn what_keeps_a_profile_from_being_ready_is_told(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let user = admin.user(&estate, &estate.berlin, "anna").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
        admin.done("updateUser", json!({"id": user, "phoneIds": [phone]}), "").await;
        let found = async || {
            let query = format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ readiness {{ isReady findings {{ code severity message fix }} }} }} }}"#);
            let readiness = admin.data(&query).await["profile"]["readiness"].clone();
            let mut codes = Vec::new();
            for finding in readiness["findings"].as_array().expect("findings") {
                let code = text(&finding["code"]);
                let filtered = admin.data(&format!("{{ profiles(filter: {{notReady: [{code}]}}) {{ totalCount }} }}")).await;
                assert_eq!(filtered["profiles"]["totalCount"], 1, "{code}");
                assert!(text(&finding["message"]).ends_with('.'));
                codes.push(format!("{code} {} {}", text(&finding["severity"]), text(&finding["fix"])));
            }
            assert_eq!(readiness["isReady"], codes.is_empty());
            codes
        };
        assert_eq!(found().await, [
            "EM_SERVICE_MISSING ERROR subscribeService", "PHONE_EM_SERVICE_MISSING ERROR subscribeService",
            "LINE_MISSING ERROR addLineToDevice", "DEFAULT_PROFILE_MISSING WARNING setDefaultProfile",
        ]);
        // Its case counts: a URL in another one opens nothing.
        let wrong = service(&admin, &estate, "Wrong", "http://cm/EMAPP/emappservlet", json!([])).await;
        subscribe(&admin, &profile, &wrong, json!({})).await;
        let em = service(&admin, &estate, "Extension Mobility", EM, json!([])).await;
        for device in [&profile, &phone] {
            subscribe(&admin, device, &em, json!({})).await;
        }
        admin.done("updateService", json!({"id": wrong, "enabled": false, "url": "http://x/"}), "").await;
        admin.done("setDefaultProfile", json!({"userId": user, "profileId": profile}), "").await;
        let template = json!({"clusterId": estate.emea, "name": "Standard 8841 SIP", "product": "Cisco 8841", "protocol": "SIP", "features": ["LINE", "SPEED_DIAL"]});
        admin.done("createButtonTemplate", template, "").await;
        for pattern in ["4001", "4002"] {
            admin.done("addLineToDevice", json!({"deviceId": profile, "pattern": pattern}), "").await;
        }
        assert_eq!(found().await, [
            "LINES_DO_NOT_FIT WARNING updateProfile", "SERVICE_URL_STALE WARNING resyncServiceSubscriptions",
            "SERVICE_DISABLED WARNING unsubscribeService",
        ]);
        let layout = format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ layout {{ fits }} }} }}"#);
        assert_eq!(admin.data(&layout).await["profile"]["layout"]["fits"], false, "the layout agrees");
        admin.done("deleteService", json!({"id": wrong, "unsubscribe": true}), "").await;
        let appearance = admin.appearances(&profile).await.remove(1);
        admin.done("removeLineFromDevice", json!({"appearanceId": appearance}), "").await;
        assert_eq!(found().await, [""; 0]);
        let small = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "SEP2", "product": "Cisco 7841",
            "protocol": "SIP", "extensionMobility": true,
        });
        let small = text(&admin.done("createPhone", small, "phone { id }").await["phone"]["id"]);
        subscribe(&admin, &small, &em, json!({})).await;
        admin.done("updateUser", json!({"id": user, "phoneIds": [phone, small]}), "").await;
        assert_eq!(found().await, ["DEFAULT_DEVICE_PROFILE_MISSING ERROR createDefaultDeviceProfile"]);
        let fallback = json!({"clusterId": estate.emea, "product": "Cisco 7841", "protocol": "SIP"});
        admin.done("createDefaultDeviceProfile", fallback, "").await;
        assert_eq!(found().await, [""; 0]);
        // An enterprise service needs no subscription.
        admin.done("deleteService", json!({"id": em, "unsubscribe": true}), "").await;
        let everywhere = json!({"clusterId": estate.emea, "name": "EM", "url": EM, "enterprise": true});
        admin.done("createService", everywhere, "").await;
        assert_eq!(found().await, [""; 0]);
    }
}

story! {
    /// ACC-7, SVC-4: services are seen by those whom the cluster serves and changed by those who have it; of subscriptions
    /// everybody sees and brings up to date the own ones only.
    async fn neighbours_see_the_service_and_not_each_others_subscriptions(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let em = service(&admin, &estate, "Extension Mobility", EM, json!([])).await;
        let mut ids = Vec::new();
        for (site, name) in [(&estate.berlin, "EM-north"), (&estate.rome, "EM-south")] {
            let profile = admin.profile(&estate, site, name, &[]).await;
            ids.push(subscribe(&admin, &profile, &em, json!({})).await);
        }
        admin.done("updateService", json!({"id": em, "url": format!("{EM}&EMCC=#EMCC#")}), "").await;
        let south = server.somebody(Role::Admin, &estate.south).await;
        let seen = format!(r#"{{ services {{ nodes {{ name subscriptions {{ totalCount nodes {{ device {{ name }} }} }} }} }} clusters {{ nodes {{ services {{ totalCount }} }} }}
            serviceSubscriptions(filter: {{services: ["{em}"]}}) {{ totalCount }} node(id: "{}") {{ id }} }}"#, ids[0]);
        let data = south.data(&seen).await;
        assert_eq!(data["services"]["nodes"], json!([{"name": "Extension Mobility", "subscriptions": {"totalCount": 1, "nodes": [{"device": {"name": "EM-south"}}]}}]));
        assert_eq!((&data["serviceSubscriptions"]["totalCount"], &data["node"]), (&json!(1), &Value::Null));
        assert_eq!(data["clusters"]["nodes"][0]["services"]["totalCount"], 1);
        assert_eq!(south.refused("updateService", json!({"id": em, "enabled": false})).await, ["NOT_FOUND at id"]);
        assert_eq!(south.refused("unsubscribeService", json!({"subscriptionId": ids[0]})).await, ["NOT_FOUND at subscriptionId"]);
        let done = south.done("resyncServiceSubscriptions", json!({"serviceId": em}), "derived more").await;
        assert_eq!((&done["derived"], &done["more"]), (&json!(1), &json!(false)));
        assert_eq!(read(&admin, &ids[0], "urlState").await, json!({"urlState": "STALE"}), "the neighbour's is left");
        let found = south.data(r#"{ search(text: "extension mob", nouns: [SERVICE]) { ... on PhoneService { name } } }"#).await;
        assert_eq!(found["search"], json!([{"name": "Extension Mobility"}]));
        let mut feed = south.follow("(snapshot: true, filter: {nouns: [SERVICE]})", "change { kind node { ... on PhoneService { name } } }").await;
        assert_eq!(feed.next().await["change"], json!({"kind": "PRESENT", "node": {"name": "Extension Mobility"}}));
    }
}

story! {
    /// QAS-1, SVC-15: a group's services are subscribed with their values, tokens filled in and URLs derived, all or
    /// nothing; a password is given to the quick add and is told by nothing.
    async fn a_quick_add_subscribes_what_the_group_says(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let parameters = json!([{"name": "ext"}, {"name": "pin", "password": true}]);
        let news = service(&admin, &estate, "News", "http://news/", parameters).await;
        let wall = service(&admin, &estate, "Wall", "http://wall/", json!([])).await;
        let says = |values: Value| json!([{"serviceId": news, "values": values, "button": {"index": 3, "label": "News"}}]);
        let group = |services: Value| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "Desk", "product": "Cisco 8841",
            "protocol": "SIP", "services": services,
        });
        let secret = json!([{"name": "ext", "value": "1"}, {"name": "pin", "value": SECRET}]);
        assert_eq!(
            admin.refused("createQuickAddGroup", group(says(secret))).await,
            ["QUICK_ADD_PASSWORD at services.0.values.1.value"]
        );
        let select = "group { id services { service { name } values { name value } hasButton buttonIndex buttonLabel url } }";
        let done = admin.done("createQuickAddGroup", group(says(json!([{"name": "ext", "value": "{number}"}]))), select).await;
        assert_eq!(done["group"]["services"], json!([{
            "service": {"name": "News"}, "values": [{"name": "ext", "value": "{number}"}], "hasButton": true,
            "buttonIndex": 3, "buttonLabel": "News", "url": null,
        }]));
        let id = text(&done["group"]["id"]);
        let add = |services: Value| json!({
            "groupId": id, "newUser": {"userId": "anna", "lastName": "Berg"}, "number": "4001", "services": services,
        });
        assert_eq!(admin.refused("quickAddUser", add(json!([]))).await, ["SERVICE_PARAMETER_REQUIRED at services"]);
        assert_eq!(admin.data("{ users { totalCount } }").await["users"]["totalCount"], 0);
        let services = json!([{"serviceId": news, "values": [{"name": "pin", "value": SECRET}]}, {"serviceId": wall}]);
        let select = "profile { serviceSubscriptions { nodes { name url values { name value } button { index label } } } }";
        let done = admin.done("quickAddUser", add(services), select).await;
        assert_eq!(done["profile"]["serviceSubscriptions"]["nodes"], json!([
            {
                "name": "News", "url": "http://news/?ext=4001&pin=****", "button": {"index": 3, "label": "News"},
                "values": [{"name": "ext", "value": "4001"}, {"name": "pin", "value": null}],
            },
            {"name": "Wall", "url": "http://wall/", "button": null, "values": []},
        ]));
        let told = admin.text("{ changes(first: 100) { nodes { change { fieldChanges { before after } } } } }", json!({})).await;
        assert!(!told.contains(SECRET));

        // A copy on the same cluster has them, and an empty list takes them away; both can be taken back.
        let copy = json!({"organizationId": estate.paris, "copyFromId": id, "name": "Desk", "clusterId": estate.emea});
        let done = admin.done("createQuickAddGroup", copy, "group { services { service { name } } }").await;
        assert_eq!(done["group"]["services"], json!([{"service": {"name": "News"}}]));
        let gone = admin.done("updateQuickAddGroup", json!({"id": id, "services": null}), "group { services { url } }").await;
        assert_eq!(gone["group"]["services"], json!([]));
        admin.done("revertChange", json!({"change": gone["cursor"]}), "").await;
        let group = admin.data(&format!(r#"{{ node(id: "{id}") {{ ... on QuickAddGroup {{ services {{ buttonLabel }} }} }} }}"#)).await;
        assert_eq!(group["node"]["services"], json!([{"buttonLabel": "News"}]));
    }
}
