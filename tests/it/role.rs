//! Stories of roles that administrators compose (ACC-2, ACC-3).

use entity::{OrganizationId, token::Role};
use roamline::error::Error;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Roamline, number, text},
    story,
};

/// A composed role; answers its id.
async fn compose(client: &Client, organization: &str, name: &str, rights: Value) -> String {
    let input = json!({"organizationId": organization, "name": name, "rights": rights});
    text(&client.done("createRole", input, "role { id }").await["role"]["id"])
}

/// Somebody with a composed role at an organization.
async fn having(server: &Roamline, role: &str, organization: &str) -> Client {
    let place = Some(OrganizationId(number(organization)));
    let made = server.app.create_token_with("helper", role, place, None).await;
    server.client(Some(made.expect("a token").1))
}

/// What a mutation is refused with at the door; nothing where it comes in.
async fn at_the_door(client: &Client, name: &str, input: Value) -> Option<String> {
    let kind = name[..1].to_uppercase() + &name[1..];
    let query = format!("mutation($input: {kind}Input!) {{ {name}(input: $input) {{ errors {{ code }} }} }}");
    let answer = client.ask(&query, json!({"input": input})).await;
    answer["errors"][0]["extensions"]["code"].as_str().map(str::to_owned)
}

/// The same without the rights to read, which a role has that names none.
fn beyond_reading(mut me: Value) -> Value {
    let rights = me["rights"].as_array_mut().expect("rights");
    for right in rights.iter_mut() {
        right["actions"].as_array_mut().expect("actions").retain(|action| action != "READ");
    }
    rights.retain(|right| right["actions"] != json!([]));
    me
}

const ME: &str = "{ me { role composedRole { name organization { path } } canEdit canConfigure rights { noun actions } } }";

story! {
    /// ACC-3: what a role names is allowed, and nothing beside it.
    async fn whoever_has_a_role_may_what_it_allows(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let rights = json!([
            {"noun": "SESSION", "actions": ["SESSION"]},
            {"noun": "LINE", "actions": ["UPDATE", "CREATE"]},
        ]);
        let role = compose(&admin, &estate.north, "Help desk", rights).await;
        let help = having(&server, "help DESK", &estate.berlin).await;
        assert_eq!(
            beyond_reading(help.data(ME).await["me"].take()),
            json!({
                "role": "VIEWER", "composedRole": null, "canEdit": true, "canConfigure": false,
                "rights": [{"noun": "LINE", "actions": ["CREATE", "UPDATE"]}, {"noun": "SESSION", "actions": ["SESSION"]}],
            }),
            "the role itself is kept above what the token sees"
        );
        let north = having(&server, "Help desk", &estate.north).await;
        let named = json!({"name": "Help desk", "organization": {"path": "acme.north"}});
        assert_eq!(north.data(ME).await["me"]["composedRole"], named);

        let user = admin.user(&estate, &estate.berlin, "anna").await;
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        help.done("login", json!({"userId": user, "phoneId": phone}), "").await;
        let line = |pattern: &str| json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": pattern});
        help.done("createLine", line("4002"), "").await;
        let forbidden = Some("FORBIDDEN".to_owned());
        for (name, input) in [
            ("deleteProfile", json!({"id": profile})),
            ("updateProfile", json!({"id": profile, "description": "x"})),
            ("deleteUser", json!({"id": user})),
            ("createLines", json!({"items": [line("4003")]})),
            ("startImport", json!({"noun": "lines"})),
            ("bulkUpdateProfiles", json!({"filter": {}, "set": {}})),
            ("bulkUpdateProfiles", json!({"filter": {}, "set": {}, "asJob": true})),
            ("createRole", json!({"organizationId": estate.berlin, "name": "x", "rights": []})),
            ("updateCluster", json!({"id": estate.emea, "release": "14"})),
        ] {
            assert_eq!(at_the_door(&help, name, input).await, forbidden, "{name}");
        }
        // What was done by others is taken back only by who may do the opposite.
        let newest = admin.data("{ changes(last: 1) { nodes { cursor change { kind } } } }").await;
        let change = &newest["changes"]["nodes"][0];
        assert_eq!(change["change"]["kind"], "LINE_CREATED");
        let revert = json!({"change": change["cursor"]});
        assert_eq!(at_the_door(&help, "revertChange", revert).await, forbidden);
        let export = reqwest::Client::new().get(help.url("/export/lines"));
        let export = export.bearer_auth(help.token().expect("a token")).send().await.expect("an answer");
        assert_eq!(export.status(), 403);

        // A node that never saw the token before sees what the role allows now.
        let more = json!([{"noun": "PROFILE", "actions": ["UPDATE"]}]);
        admin.done("updateRole", json!({"id": role, "rights": more}), "role { version }").await;
        let beside = server.beside().await;
        let again = beside.client(help.token().map(str::to_owned));
        again.done("updateProfile", json!({"id": profile, "description": "x"}), "").await;
        assert_eq!(at_the_door(&again, "createLine", line("4004")).await, forbidden);
        beside.close().await;
    }
}

story! {
    /// ACC-3: what a command does to things of another kind asks for the right to do that, before anything is done.
    async fn a_right_to_one_kind_of_thing_is_none_to_another(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let rights = json!([
            {"noun": "LINE", "actions": ["DELETE"]},
            {"noun": "USER", "actions": ["CREATE", "DELETE"]},
        ]);
        compose(&admin, &estate.north, "Half", rights).await;
        compose(&admin, &estate.north, "Bare", json!([{"noun": "PROFILE", "actions": ["CREATE", "DELETE"]}])).await;
        let (half, bare) = (having(&server, "Half", &estate.north).await, having(&server, "Bare", &estate.north).await);
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let line = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": "4002"});
        let line = text(&admin.done("createLine", line, "line { id }").await["line"]["id"]);
        let group = json!({"organizationId": estate.berlin, "name": "Standard", "clusterId": estate.emea, "product": "Cisco 8851"});
        let group = text(&admin.done("createQuickAddGroup", group, "group { id }").await["group"]["id"]);
        let user = admin.user(&estate, &estate.berlin, "anna").await;
        let new = |user: &str, more: Value| {
            with(&json!({"organizationId": estate.berlin, "clusterId": estate.emea, "userId": user, "lastName": "x"}), &more)
        };
        let own = |more: Value| with(&json!({"name": "EM-9", "product": "Cisco 8851", "protocol": "SIP"}), &more);
        let lines = json!({"lines": [{"pattern": "4009"}]});
        let forbidden = Some("FORBIDDEN".to_owned());
        let before = admin.data("{ service { newestCursor } }").await;
        for (client, name, input) in [
            (&half, "cleanUpOrphans", json!({"lineIds": [line], "profileIds": [profile]})),
            (&half, "createUser", new("ben", json!({"newProfiles": [own(json!({}))]}))),
            (&half, "createUser", new("ben", json!({"profileIds": [profile]}))),
            (&half, "createUsers", json!({"items": [new("ben", json!({"newProfiles": [own(json!({}))]}))]})),
            (&half, "quickAddUser", json!({"groupId": group, "newUser": {"userId": "ben", "lastName": "x"}})),
            (&half, "deleteUser", json!({"id": user, "soleProfiles": "DELETE"})),
            (&bare, "cleanUpOrphans", json!({"lineIds": [line]})),
            (&bare, "createProfile", with(&own(lines), &json!({"organizationId": estate.berlin, "clusterId": estate.emea}))),
            (&bare, "copyProfile", json!({"id": profile, "name": "EM-2"})),
        ] {
            assert_eq!(at_the_door(client, name, input).await, forbidden, "{name}");
        }
        assert_eq!(admin.data("{ service { newestCursor } }").await, before, "nothing was done");
        let cleaned = half.done("cleanUpOrphans", json!({"lineIds": [line]}), "outcomes { result }").await;
        assert_eq!(cleaned["outcomes"], json!([{"result": "CLEANED_UP"}]));
        half.done("createUser", new("ben", json!({})), "").await;
        half.done("deleteUser", json!({"id": user, "soleProfiles": "KEEP_UNASSIGNED"}), "").await;
        let cleaned = bare.done("cleanUpOrphans", json!({"profileIds": [profile]}), "outcomes { result }").await;
        assert_eq!(cleaned["outcomes"], json!([{"result": "CLEANED_UP"}]));
    }
}

/// Both together.
fn with(one: &Value, other: &Value) -> Value {
    let mut both = one.clone();
    both.as_object_mut().expect("an object").extend(other.as_object().cloned().unwrap_or_default());
    both
}

story! {
    /// ACC-2: nobody hands on more than their own, nor to where they do not stand.
    async fn a_role_is_delegated_downwards_and_never_more_than_ones_own(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let keeper = json!([{"noun": "ROLE", "actions": ["CONFIGURE"]}, {"noun": "LINE", "actions": ["UPDATE"]}]);
        let own = compose(&admin, &estate.north, "Keeper", keeper).await;
        let strong = compose(&admin, &estate.berlin, "Strong", json!([{"noun": "USER", "actions": ["DELETE"]}])).await;
        let keeper = having(&server, "Keeper", &estate.north).await;
        let line = json!([{"noun": "LINE", "actions": ["UPDATE"]}]);
        let user = json!([{"noun": "USER", "actions": ["UPDATE"]}]);
        let small = compose(&keeper, &estate.berlin, "Small", line.clone()).await;
        let create = |at: &str, rights: &Value| json!({"organizationId": at, "name": "New", "rights": rights});
        let exceeds = ["ROLE_EXCEEDS_YOUR_RIGHTS at rights"];
        assert_eq!(keeper.refused("createRole", create(&estate.berlin, &user)).await, exceeds);
        assert_eq!(keeper.refused("updateRole", json!({"id": small, "rights": user})).await, exceeds);
        assert_eq!(keeper.refused("updateRole", json!({"id": own, "rights": user})).await, exceeds);
        // What is more than theirs is not theirs to change, be it to less.
        let not_theirs = ["ROLE_EXCEEDS_YOUR_RIGHTS at id"];
        assert_eq!(keeper.refused("updateRole", json!({"id": strong, "rights": []})).await, not_theirs);
        assert_eq!(keeper.refused("deleteRole", json!({"id": strong})).await, not_theirs);
        let elsewhere = ["NOT_FOUND at organizationId"];
        assert_eq!(keeper.refused("createRole", create(&estate.south, &line)).await, elsewhere);
        assert_eq!(keeper.refused("createRole", create(&estate.acme, &line)).await, elsewhere);
        assert_eq!(admin.refused("createRole", json!({"organizationId": estate.north, "name": "KEEPER", "rights": []})).await, ["ROLE_NAME_TAKEN at name"]);
        let operator = server.somebody(Role::Operator, &estate.north).await;
        let forbidden = Some("FORBIDDEN".to_owned());
        assert_eq!(at_the_door(&operator, "createRole", create(&estate.north, &line)).await, forbidden);
        // What there is not to be allowed is told, and nothing is kept of it.
        let nonsense = json!([{"noun": "CLUSTER", "actions": ["DELETE"]}]);
        assert_eq!(admin.refused("createRole", create(&estate.north, &nonsense)).await, ["VALUE_INVALID at rights"]);

        // Tokens have it at its organization and below.
        let give = async |role: &str, at: &str| {
            let place = Some(OrganizationId(number(at)));
            server.app.create_token_with("x", role, place, None).await.map(drop)
        };
        assert!(give("Keeper", &estate.paris).await.is_ok());
        assert!(matches!(give("Keeper", &estate.south).await, Err(Error::NotFound(_))));
        let by_number = number(&strong).to_string();
        assert!(matches!(give(&by_number, &estate.paris).await, Err(Error::Rules(_))));
        assert!(give(&by_number, &estate.berlin).await.is_ok());
        let everywhere = server.app.create_token_with("x", &by_number, None, None).await;
        assert!(matches!(everywhere, Err(Error::Rules(_))));
    }
}

story! {
    /// Each mutation of roles: a dry run tells the same and leaves nothing, a key is answered and not done again, the reason
    /// is kept; and roles are listed, found, followed and told in the history.
    async fn a_role_is_kept_as_everything_is(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let rights = json!([{"noun": "PHONE", "actions": ["READ", "UPDATE"]}]);
        let mut feed = admin.follow_on("reason change { kind ... on RoleUpdated { fields before { rights { noun } } } }").await;
        let input = json!({"organizationId": estate.north, "name": "Phones", "rights": rights, "reason": "asked for", "idempotencyKey": "k1"});
        let mut dry = input.clone();
        dry["dryRun"] = json!(true);
        let tried = admin.done("createRole", dry, "role { id } changes { kind }").await;
        assert_eq!(tried["changes"], json!([{"kind": "ROLE_CREATED"}]));
        assert_eq!(admin.data("{ roles { totalCount } }").await["roles"]["totalCount"], 0);
        let role = admin.done("createRole", input.clone(), "role { id }").await["role"]["id"].clone();
        assert_eq!(admin.done("createRole", input, "role { id }").await["role"]["id"], role);
        let told = feed.next().await;
        assert_eq!((&told["reason"], &told["change"]["kind"]), (&json!("asked for"), &json!("ROLE_CREATED")));
        let update = json!({"id": role, "expectedVersion": 1, "name": "Handsets", "rights": []});
        let done = admin.done("updateRole", update.clone(), "role { name version rights { noun } }").await;
        assert_eq!((&done["role"]["name"], &done["role"]["version"]), (&json!("Handsets"), &json!(2)));
        assert_eq!(done["role"]["rights"].as_array().map(Vec::len), Some(entity::role::NOUNS.len()));
        assert_eq!(admin.refused("updateRole", update).await, ["VERSION_CONFLICT at expectedVersion"]);
        let told = feed.next().await;
        assert_eq!(told["change"]["fields"], json!(["name", "rights"]));
        assert_eq!(told["change"]["before"]["rights"], json!([{"noun": "PHONE"}]));
        let id = text(&role);
        let data = admin
            .data(&format!(
                r#"{{
                    node(id: "{id}") {{ __typename ... on ComposedRole {{ organization {{ path }} history {{ totalCount }} }} }}
                    roles(filter: {{name: {{startsWith: "HAND"}}, organization: {{ids: ["{}"], includeBelow: true}}}}, orderBy: {{field: UPDATED_AT}}) {{ totalCount nodes {{ id }} }}
                    organization(by: {{id: "{}"}}) {{ roles {{ nodes {{ name }} }} }}
                }}"#,
                estate.acme, estate.north
            ))
            .await;
        assert_eq!(data["node"], json!({"__typename": "ComposedRole", "organization": {"path": "acme.north"}, "history": {"totalCount": 2}}));
        assert_eq!(data["roles"], json!({"totalCount": 1, "nodes": [{"id": id}]}));
        assert_eq!(data["organization"]["roles"]["nodes"], json!([{"name": "Handsets"}]));

        let newest = admin.data("{ service { newestCursor } }").await;
        let revert = json!({"change": newest["service"]["newestCursor"]});
        assert_eq!(admin.refused("revertChange", revert).await, ["REVERT_NOT_POSSIBLE at change"]);
        let place = Some(OrganizationId(number(&estate.berlin)));
        let (token, secret) = server.app.create_token_with("x", "Handsets", place, None).await.expect("a token");
        assert_eq!(admin.refused("deleteRole", json!({"id": id})).await, ["ROLE_IN_USE at id"]);
        assert!(server.app.revoke_token(token.id).await.expect("revoked"));
        admin.done("deleteRole", json!({"id": id}), "").await;
        assert_eq!(feed.next().await["change"]["kind"], "ROLE_DELETED");
        assert_eq!(server.client(Some(secret)).code("{ me { name } }").await, "UNAUTHENTICATED");
        assert_eq!(admin.data("{ roles { totalCount } }").await["roles"]["totalCount"], 0);
    }
}
