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
