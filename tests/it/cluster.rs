//! Stories of clusters: what they are made of, their names, and when they go.

use entity::token::Role;
use serde_json::json;

use crate::{roamline::text, story};

const ALL: &str =
    "cluster { version name description release multipleLogin maxLoginMinutes organization { path } }";

story! {
    async fn a_cluster_is_changed_field_by_field(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let input = json!({
            "organizationId": estate.north, "name": "own", "description": "theirs", "release": "14.0",
            "multipleLogin": "ALLOWED", "maxLoginMinutes": 600,
        });
        let made = admin.done("createCluster", input, "cluster { id version release }").await;
        assert_eq!((&made["cluster"]["version"], &made["cluster"]["release"]), (&json!(1), &json!("14.0")));
        let id = &made["cluster"]["id"];
        let patch = json!({"id": id, "release": null, "multipleLogin": null, "description": "ours", "expectedVersion": 1});
        let done = admin.done("updateCluster", patch.clone(), ALL).await;
        assert_eq!(
            done["cluster"],
            json!({
                "version": 2, "name": "own", "description": "ours", "release": null,
                "multipleLogin": "NOT_ALLOWED", "maxLoginMinutes": 600, "organization": {"path": "acme.north"},
            })
        );
        assert_eq!(admin.refused("updateCluster", patch).await, ["VERSION_CONFLICT at expectedVersion"]);
        let far = json!({"id": id, "maxLoginMinutes": 10_081, "name": "a.b", "release": "x".repeat(33)});
        assert_eq!(
            admin.refused("updateCluster", far).await,
            ["ORGANIZATION_NAME_INVALID at name", "VALUE_TOO_LONG at release", "VALUE_OUT_OF_RANGE at maxLoginMinutes"]
        );
    }
}

story! {
    /// RML-1: names of clusters differ within an organization only, whatever the case.
    async fn clusters_of_one_organization_have_different_names(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let with = |organization: &str, name: &str| json!({"organizationId": organization, "name": name});
        assert_eq!(admin.refused("createCluster", with(&estate.acme, "EMEA")).await, ["CLUSTER_NAME_TAKEN at name"]);
        admin.done("createCluster", with(&estate.north, "emea"), "").await;
        let apac = admin.done("createCluster", with(&estate.acme, "apac"), "cluster { id }").await;
        let id = &apac["cluster"]["id"];
        let clash = json!({"id": id, "name": "Emea"});
        assert_eq!(admin.refused("updateCluster", clash).await, ["CLUSTER_NAME_TAKEN at name"]);
        // Its own name in another case is no clash.
        let done = admin.done("updateCluster", json!({"id": id, "name": "APAC"}), "cluster { name }").await;
        assert_eq!(done["cluster"]["name"], "APAC");
    }
}

story! {
    /// HIE-3: who is served sees the cluster by list, id and search, without what stands above or beside it.
    async fn a_site_sees_the_cluster_above_it_and_only_its_own_things_on_it(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.rome, "EM-theirs", &["5001"]).await;
        admin.profile(&estate, &estate.berlin, "EM-ours", &["4001"]).await;
        let own = json!({"organizationId": estate.south, "name": "emea-south"});
        admin.done("createCluster", own, "").await;
        let site = server.somebody(Role::Admin, &estate.berlin).await;
        let fields = "name organization { path } profiles { totalCount nodes { name } } lines { totalCount } users { totalCount } history { totalCount }";
        let query = format!(
            r#"{{ clusters {{ totalCount nodes {{ {fields} }} }} search(text: "emea") {{ ... on Cluster {{ name }} }}
                 cluster(id: "{0}") {{ name }} node(id: "{0}") {{ id }} }}"#,
            estate.emea
        );
        let data = site.data(&query).await;
        assert_eq!(
            data["clusters"],
            json!({"totalCount": 1, "nodes": [{
                "name": "emea", "organization": null, "profiles": {"totalCount": 1, "nodes": [{"name": "EM-ours"}]},
                "lines": {"totalCount": 1}, "users": {"totalCount": 0}, "history": {"totalCount": 0},
            }]})
        );
        assert_eq!(data["search"], json!([{"name": "emea"}]));
        assert_eq!((&data["cluster"]["name"], text(&data["node"]["id"])), (&json!("emea"), estate.emea.clone()));
        for (name, input) in [
            ("updateCluster", json!({"id": estate.emea, "name": "x"})),
            ("deleteCluster", json!({"id": estate.emea})),
        ] {
            assert_eq!(site.refused(name, input).await, ["NOT_FOUND at id"]);
        }
    }
}

story! {
    async fn an_empty_cluster_is_deleted(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let gateway = json!({"organizationId": estate.rome, "clusterId": estate.emea, "name": "gw"});
        let gateway = admin.done("registerDevice", gateway, "device { id }").await["device"]["id"].clone();
        let stale = json!({"id": estate.emea, "expectedVersion": 7});
        let payload = admin.mutate("deleteCluster", stale, "").await;
        assert_eq!(payload["errors"][0]["currentVersion"], 1);
        assert_eq!(
            payload["errors"][1]["message"],
            "It still holds 1 devices. Delete what it holds first."
        );
        admin.done("releaseDevice", json!({"id": gateway}), "").await;
        admin.done("deleteCluster", json!({"id": estate.emea}), "").await;
        assert_eq!(admin.data("{ clusters { totalCount } }").await["clusters"]["totalCount"], 0);
        assert_eq!(admin.refused("deleteCluster", json!({"id": estate.emea})).await, ["NOT_FOUND at id"]);
    }
}
