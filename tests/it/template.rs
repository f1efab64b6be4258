//! Stories of button and softkey templates.

use entity::token::Role;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, text},
    story,
};

/// A button template for the 8841 with these features; answers its id.
async fn template(admin: &Client, estate: &Estate, name: &str, features: Value) -> String {
    let input = json!({
        "clusterId": estate.emea, "name": name, "product": "Cisco 8841", "protocol": "SIP", "features": features,
    });
    text(&admin.done("createButtonTemplate", input, "template { id }").await["template"]["id"])
}

story! {
    /// BTN-1: a template begins with a line and gives its product's buttons what they can have.
    async fn a_button_template_fits_its_product(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let with = |more: Value| {
            let mut input = json!({
                "clusterId": estate.emea, "name": "Sales", "product": "cisco 8841", "protocol": "SIP", "features": ["LINE", "BLF"],
            });
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            input
        };
        for (more, rules) in [
            (json!({"features": []}), vec!["TEMPLATE_BUTTON_ONE_IS_LINE at features.0"]),
            (json!({"features": ["BLF", "LINE"]}), vec!["TEMPLATE_BUTTON_ONE_IS_LINE at features.0"]),
            (json!({"product": "Cisco 6901", "features": ["LINE", "BLF"]}), vec![
                "TEMPLATE_TOO_LONG at features", "BUTTON_NOT_SUPPORTED at features.1",
            ]),
            (json!({"name": " ", "product": "Cisco 1", "description": "x".repeat(129)}), vec![
                "VALUE_REQUIRED at name", "PRODUCT_UNKNOWN at product", "VALUE_TOO_LONG at description",
            ]),
            (json!({"protocol": "SCCP"}), vec!["PROTOCOL_NOT_SUPPORTED at protocol"]),
            (json!({"clusterId": "x"}), vec!["NOT_FOUND at clusterId"]),
        ] {
            assert_eq!(admin.refused("createButtonTemplate", with(more)).await, rules);
        }
        let select = "template { id __typename name product protocol features version cluster { name } history { totalCount } }";
        let done = admin.done("createButtonTemplate", with(json!({"description": "Sales"})), select).await;
        let id = text(&done["template"]["id"]);
        assert_eq!(
            done["template"],
            json!({
                "id": id, "__typename": "ButtonTemplate", "name": "Sales", "product": "Cisco 8841", "protocol": "SIP",
                "features": ["LINE", "BLF"], "version": 1, "cluster": {"name": "emea"}, "history": {"totalCount": 1},
            })
        );
        assert_eq!(admin.refused("createButtonTemplate", with(json!({"name": "SALES"}))).await, ["TEMPLATE_NAME_TAKEN at name"]);
        // A softkey template is another kind and may have the name.
        let softkeys = json!({"clusterId": estate.emea, "name": "sales", "description": "keys"});
        let soft = admin.done("createSoftkeyTemplate", softkeys, "template { id __typename name description }").await;
        assert_eq!(soft["template"]["__typename"], "SoftkeyTemplate");

        let mut feed = admin.follow_on("change { kind ... on TemplateUpdated { fields before { version } after { ... on ButtonTemplate { features } } } }").await;
        let change = json!({"id": id, "expectedVersion": 1, "features": ["LINE", "SPEED_DIAL"], "description": null});
        let done = admin.done("updateTemplate", change.clone(), "template { version ... on ButtonTemplate { features description } }").await;
        assert_eq!(done["template"], json!({"version": 2, "features": ["LINE", "SPEED_DIAL"], "description": ""}));
        assert_eq!(
            feed.next().await["change"],
            json!({
                "kind": "TEMPLATE_UPDATED", "fields": ["description", "features"], "before": {"version": 1},
                "after": {"features": ["LINE", "SPEED_DIAL"]},
            })
        );
        assert_eq!(admin.refused("updateTemplate", change).await, ["VERSION_CONFLICT at expectedVersion"]);
        let keys = json!({"id": soft["template"]["id"], "features": ["LINE"]});
        assert_eq!(admin.refused("updateTemplate", keys).await, ["VALUE_INVALID at features"]);
        assert_eq!(admin.refused("updateTemplate", json!({"id": "x"})).await, ["NOT_FOUND at id"]);
    }
}

story! {
    /// RML-22, RML-21, RML-5: what devices name and the cluster has is for them; what it does not have is their product's own.
    async fn a_devices_template_is_for_it_where_the_cluster_has_it(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let id = template(&admin, &estate, "Sales", json!(["LINE", "BLF"])).await;
        let with = |name: &str, product: &str, template: &str| json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": name, "product": product, "protocol": "SIP",
            "buttonTemplate": template,
        });
        for mutation in ["createProfile", "createPhone"] {
            assert_eq!(admin.refused(mutation, with("D-1", "Cisco 7841", "Sales")).await, ["TEMPLATE_MISMATCH at buttonTemplate"]);
        }
        let select = "id buttonTemplate buttonTemplateInfo { name features }";
        let profile = admin.done("createProfile", with("EM-1", "Cisco 8841", "Sales"), &format!("profile {{ {select} }}")).await["profile"].clone();
        assert_eq!(profile["buttonTemplateInfo"], json!({"name": "Sales", "features": ["LINE", "BLF"]}));
        let phone = admin.done("createPhone", with("SEP1", "Cisco 8841", "unknown"), &format!("phone {{ {select} }}")).await["phone"].clone();
        assert_eq!((&phone["buttonTemplate"], &phone["buttonTemplateInfo"]), (&json!("unknown"), &json!(null)));
        let other = admin.done("createProfile", with("EM-2", "Cisco 7841", "ours"), "profile { id }").await["profile"]["id"].clone();
        assert_eq!(
            admin.refused("updateProfile", json!({"id": other, "buttonTemplate": "Sales"})).await,
            ["TEMPLATE_MISMATCH at buttonTemplate"]
        );
        let done = admin.done("updatePhone", json!({"id": phone["id"], "buttonTemplate": "Sales"}), &format!("phone {{ {select} }}")).await;
        assert_eq!(done["phone"]["buttonTemplateInfo"]["name"], "Sales");

        // A name that devices of another product use already is no template of this product's.
        let taken = json!({"clusterId": estate.emea, "name": "ours", "product": "Cisco 8841", "protocol": "SIP", "features": ["LINE"]});
        assert_eq!(admin.refused("createButtonTemplate", taken).await, ["TEMPLATE_NAMED_BY_OTHERS at name"]);
        let payload = admin.mutate("deleteTemplate", json!({"id": id}), "").await;
        assert_eq!(payload["errors"][0]["message"], "2 devices name 'Sales'. Give them another template first.");
        for (mutation, device) in [("updateProfile", &profile["id"]), ("updatePhone", &phone["id"])] {
            admin.done(mutation, json!({"id": device, "buttonTemplate": null}), "").await;
        }
        assert_eq!(admin.refused("deleteTemplate", json!({"id": id, "expectedVersion": 2})).await, ["VERSION_CONFLICT at expectedVersion"]);
        admin.done("deleteTemplate", json!({"id": id}), "").await;
        assert_eq!(admin.refused("deleteTemplate", json!({"id": id})).await, ["NOT_FOUND at id"]);
    }
}

story! {
    /// LIN-22: a layout is drawn by the template that the cluster has, or by another one for the product.
    async fn a_layout_follows_the_clusters_template(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let own = template(&admin, &estate, "Standard 8841 SIP", json!(["LINE", "BLF", "SERVICE_URL", "LINE"])).await;
        let other = template(&admin, &estate, "Dial", json!(["LINE", "SPEED_DIAL"])).await;
        let input = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-1", "product": "Cisco 8841", "protocol": "SIP",
            "lines": [{"pattern": "4001"}, {"pattern": "4002"}],
            "buttons": [{"speedDial": {"number": "1", "label": "one"}}, {"busyLampField": {"destination": "2", "label": "two"}}],
        });
        let id = text(&admin.done("createProfile", input, "profile { id }").await["profile"]["id"]);
        let layout = async |arguments: &str| {
            let query = format!(
                r#"{{ profile(by: {{id: "{id}"}}) {{ layout{arguments} {{ template isTemplateKnown fits
                    keys {{ line {{ line {{ pattern }} }} button {{ label }} }} hidden {{ feature }} }} }} }}"#
            );
            admin.data(&query).await["profile"]["layout"].clone()
        };
        let drawn = |layout: &Value| -> Vec<Value> {
            let keys = layout["keys"].as_array().expect("keys").iter();
            keys.take(4)
                .map(|key| if key["line"].is_null() { key["button"]["label"].clone() } else { key["line"]["line"]["pattern"].clone() })
                .collect()
        };
        let first = layout("").await;
        assert_eq!((&first["template"], &first["isTemplateKnown"], &first["fits"]), (&json!("Standard 8841 SIP"), &json!(true), &json!(true)));
        assert_eq!(drawn(&first), [json!("4001"), json!("two"), json!(null), json!("4002")]);
        assert_eq!(first["hidden"], json!([{"feature": "SPEED_DIAL"}]));
        let second = layout(&format!(r#"(template: "{other}")"#)).await;
        assert_eq!(drawn(&second), [json!("4001"), json!("one"), json!(null), json!(null)]);
        assert_eq!(second["hidden"], json!([{"feature": "LINE"}, {"feature": "BLF"}]));
        // On another product, its own template is not known, and this one is not for it.
        let third = layout(r#"(product: "Cisco 7841")"#).await;
        assert_eq!((&third["template"], &third["isTemplateKnown"]), (&json!("Standard 7841 SIP"), &json!(false)));
        let query = format!(r#"{{ profile(by: {{id: "{id}"}}) {{ layout(product: "Cisco 7841", template: "{own}") {{ fits }} }} }}"#);
        assert_eq!(admin.code(&query).await, "BAD_USER_INPUT");
    }
}

story! {
    /// HIE-3, ACC-7: templates are seen by those whom the cluster serves, and changed by those who have the cluster.
    async fn templates_are_seen_from_below_and_no_neighbours_are(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let shared = template(&admin, &estate, "Shared", json!(["LINE"])).await;
        let own = json!({"organizationId": estate.north, "name": "own"});
        let own = text(&admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"]);
        let north = Estate { emea: own.clone(), ..estate.clone() };
        let theirs = template(&admin, &north, "Theirs", json!(["LINE"])).await;
        let soft = json!({"clusterId": own, "name": "Keys"});
        admin.done("createSoftkeyTemplate", soft, "").await;
        let south = server.somebody(Role::Admin, &estate.south).await;
        let seen = "buttonTemplates { totalCount nodes { name } } softkeyTemplates { totalCount } \
                    clusters { nodes { name buttonTemplates { nodes { name } } softkeyTemplates { nodes { name } } } }";
        assert_eq!(
            south.data(&format!("{{ {seen} }}")).await,
            json!({
                "buttonTemplates": {"totalCount": 1, "nodes": [{"name": "Shared"}]}, "softkeyTemplates": {"totalCount": 0},
                "clusters": {"nodes": [{"name": "emea", "buttonTemplates": {"nodes": [{"name": "Shared"}]}, "softkeyTemplates": {"nodes": []}}]},
            })
        );
        for id in [&shared, &theirs] {
            assert_eq!(south.refused("deleteTemplate", json!({"id": id})).await, ["NOT_FOUND at id"]);
        }
        let data = south.data(&format!(r#"{{ nodes(ids: ["{shared}", "{theirs}"]) {{ id }} search(text: "heirs") {{ id }} }}"#)).await;
        assert_eq!(data, json!({"nodes": [{"id": shared}, null], "search": []}));
        let mut feed = south.follow("(snapshot: true, filter: {nouns: [TEMPLATE]})", "change { kind node { ... on ButtonTemplate { name features } } }").await;
        assert_eq!(feed.next().await["change"], json!({"kind": "PRESENT", "node": {"name": "Shared", "features": ["LINE"]}}));
        assert_eq!(feed.next().await["change"]["kind"], "SNAPSHOT_COMPLETE");
        assert_eq!(admin.refused("deleteCluster", json!({"id": own})).await, ["CLUSTER_NOT_EMPTY at id"]);
    }
}

story! {
    async fn templates_are_found(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = template(&admin, &estate, "Sales", json!(["LINE"])).await;
        template(&admin, &estate, "Service", json!(["LINE"])).await;
        let input = json!({"clusterId": estate.emea, "name": "Old", "product": "Cisco 7945", "protocol": "SCCP", "features": ["LINE"]});
        admin.done("createButtonTemplate", input, "").await;
        admin.done("createSoftkeyTemplate", json!({"clusterId": estate.emea, "name": "Soft"}), "").await;
        for (list, filter, want) in [
            ("buttonTemplates", "{}".to_owned(), json!(["Old", "Sales", "Service"])),
            ("buttonTemplates", r#"{name: {startsWith: "S"}, product: {equals: "Cisco 8841"}}"#.to_owned(), json!(["Sales", "Service"])),
            ("buttonTemplates", "{protocols: [SCCP]}".to_owned(), json!(["Old"])),
            ("buttonTemplates", format!(r#"{{ids: ["{first}"], clusters: ["{}"]}}"#, estate.emea), json!(["Sales"])),
            ("buttonTemplates", format!(r#"{{organization: {{ids: ["{}"]}}}}"#, estate.north), json!([])),
            ("softkeyTemplates", "{or: [{name: {equals: \"SOFT\"}}, {protocols: [SIP]}]}".to_owned(), json!(["Soft"])),
        ] {
            let data = admin.data(&format!("{{ {list}(filter: {filter}) {{ totalCount nodes {{ name }} }} }}")).await;
            let names: Vec<_> = data[list]["nodes"].as_array().expect("nodes").iter().map(|node| node["name"].clone()).collect();
            assert_eq!(json!(names), want, "{filter}");
            assert_eq!(data[list]["totalCount"], names.len(), "{filter}");
        }
        let data = admin.data(r#"{ search(text: "serv", nouns: [TEMPLATE]) { __typename ... on ButtonTemplate { name } } }"#).await;
        assert_eq!(data["search"], json!([{"__typename": "ButtonTemplate", "name": "Service"}]));
    }
}
