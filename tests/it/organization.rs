//! Stories of the organization tree and the clusters that serve it.

use entity::token::Role;
use serde_json::json;

use crate::story;

story! {
    async fn paths_follow_a_rename_and_a_move(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let rename = json!({"id": estate.north, "name": "Nordwind"});
        admin.done("renameOrganization", rename, "organization { path }").await;
        let paths = "{ organizations { nodes { path } } }";
        let told = admin.data(paths).await;
        assert_eq!(told["organizations"]["nodes"][1]["path"], "acme.Nordwind");
        assert_eq!(told["organizations"]["nodes"][2]["path"], "acme.Nordwind.berlin");

        let south = server.somebody(Role::Viewer, &estate.south).await;
        assert_eq!(south.data("{ organizations { totalCount } }").await["organizations"]["totalCount"], 2);
        admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let moved = json!({"id": estate.berlin, "parentId": estate.south});
        admin.done("moveOrganization", moved, "organization { path }").await;
        let data = south.data("{ organizations { totalCount } profiles { nodes { name organization { path } } } }").await;
        assert_eq!(data["organizations"]["totalCount"], 3);
        assert_eq!(
            data["profiles"]["nodes"],
            json!([{"name": "EM-1", "organization": {"path": "acme.south.berlin"}}])
        );
    }
}

story! {
    async fn a_move_keeps_to_the_tree_and_to_its_clusters(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let inside = json!({"id": estate.north, "parentId": estate.north});
        assert_eq!(admin.refused("moveOrganization", inside).await, ["ORGANIZATION_INSIDE_ITSELF at parentId"]);
        let site = json!({"id": estate.berlin, "parentId": estate.paris});
        assert_eq!(admin.refused("moveOrganization", site).await, ["ORGANIZATION_KIND_MISPLACED at parentId"]);
        let own = json!({"organizationId": estate.north, "name": "own"});
        let own = admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"].clone();
        let line = json!({"organizationId": estate.berlin, "clusterId": own, "pattern": "1"});
        admin.done("createLine", line, "").await;
        let away = json!({"id": estate.berlin, "parentId": estate.south});
        assert_eq!(admin.refused("moveOrganization", away).await, ["ORGANIZATION_LEAVES_CLUSTER at parentId"]);
        let strange = json!({"organizationId": estate.rome, "clusterId": own, "pattern": "2"});
        assert_eq!(admin.refused("createLine", strange).await, ["CLUSTER_DOES_NOT_SERVE at clusterId"]);
    }
}

story! {
    async fn what_holds_anything_is_not_deleted(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.user(&estate, &estate.rome, "rosa").await;
        assert_eq!(admin.refused("deleteOrganization", json!({"id": estate.rome})).await, ["ORGANIZATION_NOT_EMPTY at id"]);
        assert_eq!(admin.refused("deleteOrganization", json!({"id": estate.north})).await, ["ORGANIZATION_NOT_EMPTY at id"]);
        assert_eq!(admin.refused("deleteCluster", json!({"id": estate.emea})).await, ["CLUSTER_NOT_EMPTY at id"]);
        admin.done("deleteOrganization", json!({"id": estate.paris}), "").await;
        let root = json!({"organizationId": estate.acme, "clusterId": estate.emea, "pattern": "1"});
        assert_eq!(admin.refused("createLine", root).await, ["ORGANIZATION_IS_ROOT at organizationId"]);
    }
}

story! {
    /// HIE-3: a cluster above is seen by those whom it serves, and changed only by those above.
    async fn a_cluster_is_looked_at_from_below_and_changed_from_above(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let north = server.somebody(Role::Admin, &estate.north).await;
        assert_eq!(north.data("{ clusters { nodes { name } } }").await["clusters"]["nodes"], json!([{"name": "emea"}]));
        let update = json!({"id": estate.emea, "maxLoginMinutes": 600, "multipleLogin": "AUTO_LOGOUT"});
        assert_eq!(north.refused("updateCluster", update.clone()).await, ["NOT_FOUND at id"]);
        let done = admin.done("updateCluster", update, "cluster { version maxLoginMinutes multipleLogin }").await;
        assert_eq!(
            done["cluster"],
            json!({"version": 2, "maxLoginMinutes": 600, "multipleLogin": "AUTO_LOGOUT"})
        );
        let twice = json!({"organizationId": estate.acme, "name": "EMEA"});
        assert_eq!(admin.refused("createCluster", twice).await, ["CLUSTER_NAME_TAKEN at name"]);
    }
}

story! {
    /// HIE-1: each kind stands below the kinds that may hold it.
    async fn each_kind_has_its_place(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let with = |parent: Option<&str>, kind: &str| json!({"parentId": parent, "kind": kind, "name": "new"});
        for (parent, kind) in [
            (None, "CUSTOMER"),
            (None, "SITE"),
            (Some(&estate.acme), "PROVIDER"),
            (Some(&estate.acme), "SITE"),
            (Some(&estate.acme), "INTERMEDIATE"),
            (Some(&estate.north), "CUSTOMER"),
            (Some(&estate.north), "RESELLER"),
            (Some(&estate.berlin), "SITE"),
            (Some(&estate.berlin), "INTERMEDIATE"),
        ] {
            let input = with(parent.map(String::as_str), kind);
            assert_eq!(admin.refused("createOrganization", input).await, ["ORGANIZATION_KIND_MISPLACED at kind"], "{kind}");
        }
        let made = admin.done("createOrganization", with(Some(&estate.north), "INTERMEDIATE"), "organization { id }").await;
        let region = made["organization"]["id"].as_str().expect("an id");
        let done = admin.done("createOrganization", with(Some(region), "SITE"), "organization { path kind parent { path } }").await;
        assert_eq!(
            done["organization"],
            json!({"path": "acme.north.new.new", "kind": "SITE", "parent": {"path": "acme.north.new"}})
        );
    }
}

story! {
    /// HIE-6: a name is one among its neighbours, whatever the case, and holds no dot.
    async fn an_organization_is_named_by_its_path(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let with = |name: &str| json!({"parentId": estate.north, "kind": "SITE", "name": name});
        assert_eq!(admin.refused("createOrganization", with("BERLIN")).await, ["ORGANIZATION_NAME_TAKEN at name"]);
        for bad in ["", "a.b", " x", "x ", "\u{7}", &"x".repeat(65)] {
            assert_eq!(admin.refused("createOrganization", with(bad)).await, ["ORGANIZATION_NAME_INVALID at name"], "{bad:?}");
        }
        let rename = |name: &str| json!({"id": estate.berlin, "name": name, "expectedVersion": 1});
        assert_eq!(admin.refused("renameOrganization", rename("Paris")).await, ["ORGANIZATION_NAME_TAKEN at name"]);
        let done = admin.done("renameOrganization", rename("Berlin"), "organization { path version }").await;
        assert_eq!(done["organization"], json!({"path": "acme.north.Berlin", "version": 2}));
        assert_eq!(admin.refused("renameOrganization", rename("x")).await, ["VERSION_CONFLICT at expectedVersion"]);
        let data = admin.data(r#"{ organization(by: {path: "ACME.North.berlin"}) { name } }"#).await;
        assert_eq!(data["organization"]["name"], "Berlin");
    }
}

story! {
    /// A name with a wildcard's letters renames what is below it, and nothing that merely looks alike.
    async fn a_rename_leaves_neighbours_alone(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let organization = async |parent: &str, kind: &str, name: &str| {
            let input = json!({"parentId": parent, "kind": kind, "name": name});
            admin.done("createOrganization", input, "organization { id }").await["organization"]["id"].clone()
        };
        let with_wildcard = organization(&estate.acme, "CUSTOMER", "a_b").await;
        let alike = organization(&estate.acme, "CUSTOMER", "axb").await;
        for parent in [&with_wildcard, &alike] {
            organization(parent.as_str().expect("an id"), "SITE", "site").await;
        }
        admin.done("renameOrganization", json!({"id": with_wildcard, "name": "new"}), "").await;
        let data = admin
            .data(r#"{ organizations(filter: {kinds: [SITE], path: {contains: ".site"}}) { nodes { path } } }"#)
            .await;
        assert_eq!(data["organizations"]["nodes"], json!([{"path": "acme.axb.site"}, {"path": "acme.new.site"}]));
    }
}

story! {
    /// What is moved takes its clusters along; who saw it at the old place sees it no more.
    async fn a_move_takes_along_what_is_below(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let region = json!({"parentId": estate.north, "kind": "INTERMEDIATE", "name": "region"});
        let region = admin.done("createOrganization", region, "organization { id }").await["organization"]["id"].clone();
        admin.done("moveOrganization", json!({"id": estate.berlin, "parentId": region}), "").await;
        let own = json!({"organizationId": region, "name": "own"});
        let own = admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"].clone();
        let line = json!({"organizationId": estate.berlin, "clusterId": own, "pattern": "1"});
        admin.done("createLine", line, "").await;
        let below = json!({"id": region, "parentId": estate.berlin});
        assert_eq!(admin.refused("moveOrganization", below).await, ["ORGANIZATION_INSIDE_ITSELF at parentId"]);
        let (north, south) =
            (server.somebody(Role::Viewer, &estate.north).await, server.somebody(Role::Viewer, &estate.south).await);
        let seen = "{ organizations { nodes { path } } lines { totalCount } clusters { nodes { name } } }";
        assert_eq!(north.data(seen).await["lines"]["totalCount"], 1);

        let done = admin.done("moveOrganization", json!({"id": region, "parentId": estate.south}), "organization { path version }").await;
        assert_eq!(done["organization"], json!({"path": "acme.south.region", "version": 2}));
        let data = north.data(seen).await;
        assert_eq!(data["organizations"]["nodes"], json!([{"path": "acme.north"}, {"path": "acme.north.paris"}]));
        assert_eq!((&data["lines"]["totalCount"], &data["clusters"]["nodes"]), (&json!(0), &json!([{"name": "emea"}])));
        let data = south.data(seen).await;
        let paths = ["acme.south", "acme.south.region", "acme.south.region.berlin", "acme.south.rome"];
        assert_eq!(data["organizations"]["nodes"], json!(paths.map(|path| json!({"path": path}))));
        assert_eq!((&data["lines"]["totalCount"], &data["clusters"]["nodes"]), (&json!(1), &json!([{"name": "emea"}, {"name": "own"}])));
        // Where it is already, nothing happens.
        let again = admin.done("moveOrganization", json!({"id": region, "parentId": estate.south}), "changes { kind }").await;
        assert_eq!(again["changes"], json!([]));
    }
}
