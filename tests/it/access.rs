//! Stories of who may see and do what (HIE-2, ACC-7): what is outside the subtree looks absent.

use entity::token::Role;
use serde_json::json;

use crate::story;

story! {
    async fn a_neighbour_sees_counts_and_names_nothing_of_ours(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let ours = admin.profile(&estate, &estate.berlin, "EM-ours", &["4001"]).await;
        let theirs = admin.profile(&estate, &estate.rome, "EM-theirs", &["4001", "5001"]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": theirs, "userIds": [anna]}), "").await;
        let south = server.somebody(Role::Operator, &estate.south).await;

        let data = south
            .data(&format!(
                r#"{{
                    node(id: "{ours}") {{ id }}
                    profile(by: {{id: "{ours}"}}) {{ id }}
                    profiles {{ totalCount nodes {{
                        name users {{ totalCount nodes {{ userId }} }}
                        lines {{ nodes {{ role line {{ pattern }} original {{ id }} }} }}
                    }} }}
                    lines {{ totalCount }} users {{ totalCount }} organizations {{ totalCount nodes {{ path parent {{ id }} }} }}
                    search(text: "ours") {{ id }}
                    changes {{ nodes {{ change {{ kind }} }} }}
                    clusters {{ nodes {{ name organization {{ path }} }} }}
                }}"#
            ))
            .await;
        assert_eq!(data["node"], json!(null));
        assert_eq!(data["profile"], json!(null));
        assert_eq!(
            data["profiles"],
            json!({"totalCount": 1, "nodes": [{
                "name": "EM-theirs",
                "users": {"totalCount": 0, "nodes": []},
                "lines": {"nodes": [
                    {"role": "CLONE", "line": null, "original": null},
                    {"role": "ORIGINAL", "line": {"pattern": "5001"}, "original": data["profiles"]["nodes"][0]["lines"]["nodes"][1]["original"]},
                ]},
            }]})
        );
        assert_eq!(data["lines"]["totalCount"], 1);
        assert_eq!(data["users"]["totalCount"], 0);
        assert_eq!(
            data["organizations"]["nodes"],
            json!([{"path": "acme.south", "parent": null}, {"path": "acme.south.rome", "parent": data["organizations"]["nodes"][1]["parent"]}])
        );
        assert_eq!(data["search"], json!([]));
        let kinds: Vec<_> =
            data["changes"]["nodes"].as_array().expect("changes").iter().map(|c| &c["change"]["kind"]).collect();
        assert_eq!(
            kinds,
            ["ORGANIZATION_CREATED", "ORGANIZATION_CREATED", "PROFILE_CREATED", "APPEARANCE_ADDED", "LINE_CREATED", "APPEARANCE_ADDED", "USER_ASSOCIATED"]
        );
        // The cluster above serves them: seen, without what stands above.
        assert_eq!(data["clusters"]["nodes"], json!([{"name": "emea", "organization": null}]));

        // A name that is taken out of sight is taken, and no more is said; our things are not there to change.
        let clash = json!({
            "organizationId": estate.rome, "clusterId": estate.emea, "name": "em-OURS",
            "product": "Cisco 8841", "protocol": "SIP",
        });
        assert_eq!(south.refused("createProfile", clash).await, ["NAME_TAKEN at name"]);
        assert_eq!(south.refused("deleteProfile", json!({"id": ours})).await, ["NOT_FOUND at id"]);
        let abroad = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-x",
            "product": "Cisco 8841", "protocol": "SIP",
        });
        assert_eq!(south.refused("createProfile", abroad).await, ["NOT_FOUND at organizationId"]);
    }
}

story! {
    async fn each_role_may_what_it_may(server) {
        let estate = server.estate().await;
        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        let operator = server.somebody(Role::Operator, &estate.north).await;
        let admin = server.somebody(Role::Admin, &estate.north).await;
        let line = format!(
            r#"mutation {{ createLine(input: {{organizationId: "{}", clusterId: "{}", pattern: "4001"}}) {{ errors {{ code }} }} }}"#,
            estate.berlin, estate.emea
        );
        let site = format!(
            r#"mutation {{ createOrganization(input: {{parentId: "{}", kind: SITE, name: "x"}}) {{ errors {{ code }} }} }}"#,
            estate.north
        );
        let root = r#"mutation { createOrganization(input: {kind: PROVIDER, name: "own"}) { errors { code } } }"#;
        assert_eq!(viewer.code(&line).await, "FORBIDDEN");
        assert_eq!(operator.data(&line).await["createLine"]["errors"], json!([]));
        assert_eq!(operator.code(&site).await, "FORBIDDEN");
        assert_eq!(admin.data(&site).await["createOrganization"]["errors"], json!([]));
        assert_eq!(admin.code(root).await, "FORBIDDEN");
        assert_eq!(server.stranger().code("{ me { name } }").await, "UNAUTHENTICATED");
        assert_eq!(server.client(Some("rml_wrong".into())).code("{ me { name } }").await, "UNAUTHENTICATED");
    }
}

story! {
    /// Every root field, called by a stranger with the least that it needs, asks for a token.
    async fn no_root_field_answers_a_stranger(server) {
        let admin = server.admin();
        let types = "{ __schema { queryType { fields { name args { name type { kind ofType { name } } } } } \
                     mutationType { fields { name } } } }";
        let schema = admin.data(types).await;
        let mut asked = 0;
        for field in schema["__schema"]["mutationType"]["fields"].as_array().expect("mutations") {
            let name = field["name"].as_str().expect("a name");
            let kind = name[..1].to_uppercase() + &name[1..];
            let query = format!("mutation($input: {kind}Input!) {{ {name}(input: $input) {{ __typename }} }}");
            let answer = server.stranger().ask(&query, json!({})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{name}");
            asked += 1;
        }
        for field in schema["__schema"]["queryType"]["fields"].as_array().expect("queries") {
            let name = field["name"].as_str().expect("a name");
            let answer = server.stranger().ask(&format!("{{ {name} }}"), json!({})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{name}");
            asked += 1;
        }
        assert!(asked > 45, "{asked}");
    }
}
