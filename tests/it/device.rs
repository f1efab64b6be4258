//! Stories of the device namespace: one per cluster, for profiles, phones and everything else (NAM-*).

use entity::token::Role;
use serde_json::{Value, json};

use crate::{
    roamline::{Estate, text},
    story,
};

fn profile(estate: &Estate, site: &str, name: &str) -> Value {
    json!({
        "organizationId": site, "clusterId": estate.emea, "name": name,
        "product": "Cisco 8841", "protocol": "SIP",
    })
}

fn device(estate: &Estate, site: &str, name: &str) -> Value {
    json!({"organizationId": site, "clusterId": estate.emea, "name": name})
}

story! {
    /// NAM-2, NAM-7: whichever comes first, the second one is refused, whatever kind and case.
    async fn whatever_comes_second_is_refused(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.phone(&estate, &estate.berlin, "SEP001122334455").await;
        admin.profile(&estate, &estate.berlin, "EM-Anna", &[]).await;
        admin.done("registerDevice", device(&estate, &estate.berlin, "gw"), "").await;
        for (name, rule) in [
            ("sep001122334455", "NAME_TAKEN_BY_DEVICE at name"),
            ("em-ANNA", "NAME_TAKEN_BY_PROFILE at name"),
            ("GW", "NAME_TAKEN_BY_DEVICE at name"),
        ] {
            assert_eq!(admin.refused("createPhone", profile(&estate, &estate.paris, name)).await, [rule]);
            assert_eq!(admin.refused("registerDevice", device(&estate, &estate.paris, name)).await, [rule]);
        }
        let clash = profile(&estate, &estate.paris, "sep001122334455");
        assert_eq!(
            admin.refused("createProfile", clash).await,
            ["NAME_RESERVED at name", "NAME_TAKEN_BY_DEVICE at name"]
        );
    }
}

story! {
    /// NAM-5, NAM-8: which names a profile may have.
    async fn a_name_is_one_that_every_cluster_can_carry(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for (name, rule) in [
            ("", "NAME_REQUIRED"),
            ("  ", "NAME_REQUIRED"),
            (" EM", "NAME_INVALID_CHARACTER"),
            ("EM ", "NAME_INVALID_CHARACTER"),
            ("EM  1", "NAME_INVALID_CHARACTER"),
            ("EM/1", "NAME_INVALID_CHARACTER"),
            ("Ämter", "NAME_INVALID_CHARACTER"),
            ("csf00112233445F", "NAME_RESERVED"),
            (&"x".repeat(51), "NAME_TOO_LONG"),
        ] {
            let input = profile(&estate, &estate.berlin, name);
            assert_eq!(admin.refused("createProfile", input).await, [format!("{rule} at name")], "{name:?}");
        }
        for name in ["Anna Berg - 4001", "a.b_c-d", "SEP00112233445", &"x".repeat(50)] {
            admin.profile(&estate, &estate.berlin, name, &[]).await;
        }
    }
}

story! {
    /// NAM-4: the name, and what was derived from the product, are no arguments of any update.
    async fn no_update_takes_a_name(server) {
        let admin = server.admin();
        for kind in ["UpdateProfileInput", "UpdatePhoneInput", "UpdateUserInput"] {
            let query = format!(r#"{{ __type(name: "{kind}") {{ inputFields {{ name }} }} }}"#);
            let fields = admin.data(&query).await["__type"]["inputFields"].take();
            for field in fields.as_array().expect("fields") {
                let name = text(&field["name"]);
                let fixed = ["name", "newName", "product", "protocol", "clusterId", "organizationId", "userId"];
                assert!(!fixed.contains(&name.as_str()), "{kind}.{name}");
            }
        }
    }
}

story! {
    /// NAM-3, ACC-7: a name of somebody unseen is taken, and nothing else is said.
    async fn a_hidden_owner_is_not_named(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.berlin, "EM-ours", &[]).await;
        admin.phone(&estate, &estate.berlin, "SEP-ours").await;
        let south = server.somebody(Role::Operator, &estate.south).await;
        for name in ["em-OURS", "sep-ours"] {
            for mutation in ["createProfile", "createPhone"] {
                let payload = south.mutate(mutation, profile(&estate, &estate.rome, name), "").await;
                assert_eq!(payload["errors"][0]["code"], "NAME_TAKEN");
                assert_eq!(
                    payload["errors"][0]["message"],
                    format!("The name '{name}' is taken on this cluster. Choose another name.")
                );
            }
            let input = device(&estate, &estate.rome, name);
            assert_eq!(south.refused("registerDevice", input).await, ["NAME_TAKEN at name"]);
            let query = format!(
                r#"{{ nameAvailability(name: "{name}", clusterId: "{}") {{ available takenBy reason suggestions }} }}"#,
                estate.emea
            );
            assert_eq!(
                south.data(&query).await["nameAvailability"],
                json!({
                    "available": false, "takenBy": null,
                    "reason": format!("The name '{name}' is taken on this cluster. Choose another name."),
                    "suggestions": [format!("{name}-2"), format!("{name}-3"), format!("{name}-4")],
                })
            );
        }
    }
}

story! {
    /// NAM-9: what is said of a name before it is used.
    async fn whether_a_name_is_free_is_told_before(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.berlin, "EM", &[]).await;
        admin.profile(&estate, &estate.berlin, "EM-2", &[]).await;
        let south = json!({"organizationId": estate.south, "name": "own"});
        let own = text(&admin.done("createCluster", south, "cluster { id }").await["cluster"]["id"]);
        let say = async |client: &crate::roamline::Client, name: &str, cluster: &str| {
            let query = format!(
                r#"{{ nameAvailability(name: "{name}", clusterId: "{cluster}") {{ available reason suggestions }} }}"#
            );
            client.data(&query).await["nameAvailability"].take()
        };
        let free = json!({"available": true, "reason": null, "suggestions": []});
        assert_eq!(say(&admin, "EM-9", &estate.emea).await, free);
        assert_eq!(say(&admin, "EM", &own).await, free);
        assert_eq!(say(&admin, "em", &estate.emea).await["suggestions"], json!(["em-3", "em-4", "em-5"]));
        assert_eq!(
            say(&admin, "SEP001122334455", &estate.emea).await["reason"],
            "The name 'SEP001122334455' is kept for a phone. Choose one that is not a phone prefix with 12 hexadecimal digits."
        );
        let north = server.somebody(Role::Viewer, &estate.north).await;
        assert_eq!(say(&north, "EM", &own).await["reason"], "There is no such cluster.");
    }
}

story! {
    async fn a_released_name_is_free_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let input = device(&estate, &estate.berlin, "gw");
        let id = admin.done("registerDevice", input, "device { id }").await["device"]["id"].clone();
        admin.done("releaseDevice", json!({"id": id}), "").await;
        let anna = admin.profile(&estate, &estate.berlin, "GW", &[]).await;
        assert_eq!(admin.refused("releaseDevice", json!({"id": anna})).await, ["NOT_FOUND at id"]);
        // Nor by an id that claims another type.
        let other = data_encoding::BASE64URL_NOPAD
            .encode(format!("OtherDevice:{}", crate::roamline::number(&anna)).as_bytes());
        assert_eq!(admin.refused("releaseDevice", json!({"id": other})).await, ["NOT_FOUND at id"]);
        assert_eq!(admin.data(&format!(r#"{{ node(id: "{other}") {{ id }} }}"#)).await["node"], json!(null));
    }
}

story! {
    /// NAM-9: names of every kind come with up to three free ones near them, which fit and are free.
    async fn a_taken_name_of_any_kind_comes_with_free_ones(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let long = "Long ".repeat(25) + "ago";
        let template = json!({"clusterId": estate.emea, "product": "Cisco 8841", "protocol": "SIP", "features": ["LINE"]});
        let cases = [
            ("createOrganization", "Berlin", json!({"parentId": estate.north, "kind": "SITE"}), "ORGANIZATION_NAME_TAKEN"),
            ("createCluster", "Far", json!({"organizationId": estate.north}), "CLUSTER_NAME_TAKEN"),
            ("createButtonTemplate", "Keys", template, "TEMPLATE_NAME_TAKEN"),
            ("createSoftkeyTemplate", "Keys", json!({"clusterId": estate.emea}), "TEMPLATE_NAME_TAKEN"),
            ("createService", &long, json!({"clusterId": estate.emea, "url": "http://x/"}), "SERVICE_NAME_TAKEN"),
            ("createQuickAddGroup", "Desk", json!({"organizationId": estate.north, "product": "Cisco 8841"}), "QUICK_ADD_NAME_TAKEN"),
            ("createRole", "Keeper", json!({"organizationId": estate.north, "rights": []}), "ROLE_NAME_TAKEN"),
        ];
        for (mutation, name, more, code) in cases {
            let kind = mutation[..1].to_uppercase() + &mutation[1..];
            let query = format!(
                "mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ errors {{ code path suggestions }} }} }}"
            );
            let ask = async |name: &str| {
                let mut input = more.clone();
                input["name"] = json!(name);
                admin.ask(&query, json!({"input": input})).await["data"][mutation]["errors"].clone()
            };
            let stem: String = name.chars().take(124).collect();
            // The site is there; the others come first.
            if code != "ORGANIZATION_NAME_TAKEN" {
                assert_eq!(ask(name).await, json!([]), "{mutation}");
            }
            assert_eq!(ask(&format!("{stem}-3")).await, json!([]), "{mutation}");
            let free = [format!("{stem}-2"), format!("{stem}-4"), format!("{stem}-5")];
            let taken = json!([{"code": code, "path": ["name"], "suggestions": free}]);
            assert_eq!(ask(name).await, taken, "{mutation}");
            for name in &free {
                assert_eq!(ask(name).await, json!([]), "{mutation} {name}");
            }
        }
        let refused = "mutation($input: RenameOrganizationInput!) { renameOrganization(input: $input) { errors { code suggestions } } }";
        let told = admin.ask(refused, json!({"input": {"id": estate.paris, "name": "berlin"}})).await;
        assert_eq!(
            told["data"]["renameOrganization"]["errors"],
            json!([{"code": "ORGANIZATION_NAME_TAKEN", "suggestions": ["berlin-6", "berlin-7", "berlin-8"]}])
        );
    }
}
