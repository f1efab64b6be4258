//! Stories of who reads what: roles that read some kinds of things, and users who see the own page (ACC-3).

use entity::{OrganizationId, UserId};
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, number, text},
    story,
};

/// Somebody at an organization whose role is composed of these rights.
async fn having(server: &Roamline, organization: &str, name: &str, rights: Value) -> (String, Client) {
    let input = json!({"organizationId": organization, "name": name, "rights": rights});
    let role = text(&server.admin().done("createRole", input, "role { id }").await["role"]["id"]);
    let place = Some(OrganizationId(number(organization)));
    let made = server.app.create_token_with(name, name, place, None).await;
    (role, server.client(Some(made.expect("a token").1)))
}

/// A user with a profile that has a line, and somebody else whose profile has a clone of it.
struct Shared {
    anna: String,
    profile: String,
    other: String,
}

async fn shared(client: &Client, estate: &Estate) -> Shared {
    let anna = client.user(estate, &estate.berlin, "anna").await;
    let bert = client.user(estate, &estate.berlin, "bert").await;
    let profile = client.profile(estate, &estate.berlin, "EM-1", &["4001"]).await;
    let other = client.profile(estate, &estate.berlin, "EM-2", &["4001"]).await;
    client.done("associateUsers", json!({"profileId": profile, "userIds": [anna]}), "").await;
    client.done("associateUsers", json!({"profileId": other, "userIds": [bert]}), "").await;
    Shared { anna, profile, other }
}

/// The message and code with which a request is refused.
async fn refusal(client: &Client, query: &str) -> (String, String) {
    let answer = client.ask(query, json!({})).await;
    assert!(answer.get("data").is_none(), "{query}: {answer}");
    let error = &answer["errors"][0];
    (text(&error["message"]), text(&error["extensions"]["code"]))
}

const DIAL: &str = "errors { code message } button { id ... on SpeedDial { number } }";

story! {
    /// ACC-3: a role that names READ of some kinds reads those, in lists, nested, in filters, in search, in history and in
    /// the stream; of others it hears nothing.
    async fn a_role_reads_the_kinds_that_it_names(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let rights = json!([{"noun": "LINE", "actions": ["READ"]}, {"noun": "NUMBER", "actions": ["UPDATE"]}]);
        let (role, reader) = having(&server, &estate.north, "Lines", rights).await;
        let mut stream = reader.follow_on("change { kind }").await;
        let Shared { anna, profile, .. } = shared(&admin, &estate).await;
        let line = admin.done("createLine", json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": "4002"}), "line { id }").await;
        let line = text(&line["line"]["id"]);

        let me = reader.data("{ me { rights { noun actions } } }").await;
        let told = json!([{"noun": "LINE", "actions": ["READ"]}, {"noun": "NUMBER", "actions": ["READ", "UPDATE"]}]);
        assert_eq!(me["me"]["rights"], told);
        let lines = reader.data("{ lines { totalCount nodes { pattern appearances { totalCount } } } }").await;
        assert_eq!(lines["lines"]["totalCount"], 2);
        assert_eq!(lines["lines"]["nodes"][0], json!({"pattern": "4001", "appearances": {"totalCount": 2}}));
        for query in [
            "{ profiles { totalCount } }".to_owned(),
            "{ lines { nodes { organization { path } } } }".to_owned(),
            "{ lines { nodes { appearances { nodes { device { name } } } } } }".to_owned(),
            format!(r#"{{ node(id: "{anna}") {{ ... on User {{ userId }} }} }}"#),
            format!(r#"{{ lines(filter: {{users: ["{anna}"]}}) {{ totalCount }} }}"#),
            format!(r#"{{ deletePreview(id: "{profile}") {{ counts {{ count }} }} }}"#),
            r"{ me { organization { path } } }".to_owned(),
        ] {
            let (message, code) = refusal(&reader, &query).await;
            assert_eq!(code, "FORBIDDEN", "{query}");
            assert!(message.contains("your role does not read"), "{query}: {message}");
        }
        // What is found, what happened to a line and what is told as it happens are of lines alone.
        let found = reader.data(r#"{ search(text: "400") { __typename } users: search(text: "anna") { __typename } }"#).await;
        let found_lines = json!([{"__typename": "Line"}, {"__typename": "Line"}]);
        assert_eq!(found, json!({"search": found_lines, "users": []}));
        let all = admin.data("{ changes { nodes { change { kind } } } }").await;
        assert!(all["changes"]["nodes"].as_array().is_some_and(|all| all.len() > 4));
        let lines = json!([{"change": {"kind": "LINE_CREATED"}}, {"change": {"kind": "LINE_CREATED"}}]);
        let history = reader.data("{ changes { totalCount nodes { change { kind } } } }").await;
        assert_eq!(history["changes"], json!({"totalCount": 2, "nodes": lines}));
        let of_line = reader.data(&format!(r#"{{ node(id: "{line}") {{ ... on Line {{ history {{ totalCount }} }} }} }}"#)).await;
        assert_eq!(of_line["node"]["history"]["totalCount"], 1);
        assert_eq!([stream.next().await["change"].take(), stream.next().await["change"].take()], [lines[0]["change"].clone(), lines[1]["change"].clone()]);
        let input = json!({"line": {"lineId": line}, "description": "x"});
        admin.done("updateLine", input, "").await;
        assert_eq!(stream.next().await["change"]["kind"], "LINE_UPDATED");

        // Whoever loses the right to read is told so, and listens again for what is left.
        let less = json!([{"noun": "NUMBER", "actions": ["READ"]}]);
        admin.done("updateRole", json!({"id": role, "rights": less}), "").await;
        assert_eq!(stream.ends_with().await, "FORBIDDEN");

        // Who tried is told to whoever looks after them.
        server.app.flush_audit().await;
        let told = admin.data("{ auditEntries(filter: {kinds: [ATTEMPT_REFUSED]}) { nodes { code by message } } }").await;
        let entries = told["auditEntries"]["nodes"].as_array().expect("entries");
        let reads = |entry: &&Value| text(&entry["message"]).contains("your role does not read");
        assert!(entries.iter().filter(reads).count() > 3, "{entries:?}");
    }
}

story! {
    /// ACC-2: nobody hands on to read what they do not read, by naming it or by naming nothing.
    async fn reading_is_delegated_downwards_too(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let rights = json!([{"noun": "ROLE", "actions": ["CONFIGURE"]}, {"noun": "LINE", "actions": ["READ"]}]);
        let (_, keeper) = having(&server, &estate.north, "Keeper", rights).await;
        let create = |rights: Value| json!({"organizationId": estate.berlin, "name": "New", "rights": rights});
        let exceeds = ["ROLE_EXCEEDS_YOUR_RIGHTS at rights"];
        assert_eq!(keeper.refused("createRole", create(json!([]))).await, exceeds);
        assert_eq!(keeper.refused("createRole", create(json!([{"noun": "USER", "actions": ["READ"]}]))).await, exceeds);
        keeper.done("createRole", create(json!([{"noun": "LINE", "actions": ["READ"]}])), "role { rights { noun actions } }").await;
        // A role of before, or one that says nothing of it, reads everything.
        let (_, reader) = having(&server, &estate.north, "All", json!([])).await;
        assert_eq!(reader.data("{ profiles { totalCount } users { totalCount } }").await["users"]["totalCount"], 0);
        assert_eq!(admin.data("{ me { user { id } } }").await["me"]["user"], json!(null));
    }
}

story! {
    /// A user sees the own page and nothing of others, and changes the own speed dials and nothing else.
    async fn a_user_sees_the_own_page_and_changes_the_own_speed_dials(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let Shared { anna, profile, other } = shared(&admin, &estate).await;
        let field = json!({"deviceId": profile, "button": {"busyLampField": {"destination": "4001", "label": "x"}}});
        let field = admin.done("addButton", field, "button { id }").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let made = server.app.create_token_of("anna", UserId(number(&anna)), None).await.expect("a token");
        let user = server.client(Some(made.1));

        let page = user.data("{ me { name role rights { noun } canEdit user { userId extensionMobility { entitlement { used } profiles { totalCount nodes { name speedDials { nodes { number } } layout { keys { number line { line { pattern } } } } } } lines { nodes { role line { pattern } } } sessions { totalCount } } } } }").await;
        let me = &page["me"];
        assert_eq!((&me["role"], &me["rights"], &me["canEdit"]), (&json!("SELF_SERVICE"), &json!([]), &json!(false)));
        assert_eq!(me["user"]["userId"], "anna");
        let profiles = &me["user"]["extensionMobility"]["profiles"];
        assert_eq!((&profiles["totalCount"], &profiles["nodes"][0]["name"]), (&json!(1), &json!("EM-1")));
        assert_eq!(me["user"]["extensionMobility"]["lines"]["nodes"][0]["line"]["pattern"], "4001");
        for query in [
            "{ users { totalCount } }",
            "{ me { user { extensionMobility { lines { nodes { line { clones { totalCount } } } } } } } }",
            "{ me { user { extensionMobility { profiles { nodes { users { nodes { userId } } } } } } } }",
            "{ me { user { organization { path } } } }",
            "{ service { oldestChange { cursor } } }",
            "{ changes { totalCount } }",
            "{ search(text: \"bert\") { id } }",
        ] {
            let (message, code) = refusal(&user, query).await;
            assert_eq!(code, "FORBIDDEN", "{query}");
            assert!(message.contains("not on your own page"), "{query}: {message}");
        }
        let mut socket = user.socket().await;
        socket.send(json!({"type": "subscribe", "id": "1", "payload": {"query": "subscription { changes { cursor } }"}})).await;
        let refused = socket.message().await;
        assert_eq!(refused["payload"][0]["extensions"]["code"], "FORBIDDEN", "{refused}");
        let job = admin.done("startImport", json!({"noun": "users"}), "job { id }").await;
        let result = format!("/jobs/{}/result", text(&job["job"]["id"]));
        for path in ["/export/users", &result, "/metrics"] {
            let asked = reqwest::Client::new().get(user.url(path)).bearer_auth(user.token().expect("a token"));
            assert_eq!(asked.send().await.expect("an answer").status(), 403, "{path}");
            let asked = reqwest::Client::new().get(admin.url(path)).bearer_auth(admin.token().expect("a token"));
            assert_eq!(asked.send().await.expect("an answer").status(), 200, "{path}");
        }

        let dial = |device: &str| json!({"deviceId": device, "button": {"speedDial": {"number": "5000", "label": "Desk"}}});
        let added = user.done("addButton", dial(&profile), DIAL).await;
        let button = text(&added["button"]["id"]);
        user.done("updateButton", json!({"buttonId": button, "number": "5001"}), DIAL).await;
        user.done("moveButton", json!({"buttonId": button, "index": 3}), DIAL).await;
        let page = user.data("{ me { user { extensionMobility { profiles { nodes { speedDials { nodes { index number } } } } } } } }").await;
        let dials = json!([{"index": 3, "number": "5001"}]);
        assert_eq!(page["me"]["user"]["extensionMobility"]["profiles"]["nodes"][0]["speedDials"]["nodes"], dials);
        // Somebody else's profile and phones look absent, as do their buttons.
        assert_eq!(user.refused("addButton", dial(&other)).await, ["NOT_FOUND at deviceId"]);
        assert_eq!(user.refused("addButton", dial(&phone)).await, ["NOT_FOUND at deviceId"]);
        let theirs = admin.done("addButton", dial(&other), "button { id }").await;
        assert_eq!(user.refused("removeButton", json!({"buttonId": theirs["button"]["id"]})).await, ["NOT_FOUND at buttonId"]);
        // Other buttons, even their own, and everything else are not theirs to change.
        for (name, input) in [
            ("removeButton", json!({"buttonId": field["button"]["id"]})),
            ("addButton", json!({"deviceId": profile, "button": {"busyLampField": {"destination": "4009", "label": "y"}}})),
            ("updateProfile", json!({"id": profile, "description": "x"})),
            ("updateUser", json!({"id": anna, "lastName": "x"})),
            ("login", json!({"userId": anna, "phoneId": phone})),
        ] {
            let kind = name[..1].to_uppercase() + &name[1..];
            let query = format!("mutation($input: {kind}Input!) {{ {name}(input: $input) {{ errors {{ code }} }} }}");
            let answer = user.ask(&query, json!({"input": input})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{name}: {answer}");
        }
        user.done("removeButton", json!({"buttonId": button}), "errors { code }").await;

        // Whom a profile no longer serves has no say in it; whoever is gone does not come in.
        admin.done("disassociateUser", json!({"profileId": profile, "userId": anna}), "").await;
        assert_eq!(user.refused("addButton", dial(&profile)).await, ["NOT_FOUND at deviceId"]);
        admin.done("deleteUser", json!({"id": anna}), "").await;
        let beside = server.beside().await;
        assert_eq!(beside.client(user.token().map(str::to_owned)).code("{ me { name } }").await, "UNAUTHENTICATED");
        beside.close().await;
    }
}

story! {
    /// Every root field but those of the own page is refused to a user.
    async fn no_other_root_field_answers_a_user(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        let made = server.app.create_token_of("anna", UserId(number(&anna)), None).await.expect("a token");
        let user = server.client(Some(made.1));
        let schema = admin.data("{ __schema { queryType { fields { name args { name type { kind } } type { kind ofType { kind name } name } } } mutationType { fields { name } } } }").await;
        let fields = schema["__schema"]["queryType"]["fields"].as_array().expect("fields");
        assert!(fields.len() > 30);
        for field in fields {
            let name = text(&field["name"]);
            let answer = user.ask(&format!("{{ {name} {{ __typename }} }}"), json!({})).await;
            let code = answer["errors"][0]["extensions"]["code"].as_str();
            let open = ["me", "service", "rules"].contains(&name.as_str());
            assert_eq!(code == Some("FORBIDDEN"), !open, "{name}: {answer}");
        }
        let own = ["addButton", "updateButton", "moveButton", "removeButton", "replaceButtons"];
        for field in schema["__schema"]["mutationType"]["fields"].as_array().expect("fields") {
            let name = text(&field["name"]);
            let answer = user.ask(&format!("mutation {{ {name} {{ __typename }} }}"), json!({})).await;
            let code = answer["errors"][0]["extensions"]["code"].as_str();
            assert_eq!(code == Some("FORBIDDEN"), !own.contains(&name.as_str()), "{name}: {answer}");
        }
    }
}

story! {
    /// ACC-3: what a profile was subscribed to is for whoever reads subscriptions, now and then, and so is following them.
    async fn the_past_tells_the_kinds_that_a_role_reads(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let Shared { profile, .. } = shared(&admin, &estate).await;
        let now = text(&admin.data("{ service { newestCursor } }").await["service"]["newestCursor"]);
        let rights = json!([{"noun": "PROFILE", "actions": ["READ"]}]);
        let (_, reader) = having(&server, &estate.north, "Profiles", rights).await;
        let then = |select: &str| format!(r#"{{ profileAt(id: "{profile}", at: "{now}") {{ name {select} }} }}"#);
        assert_eq!(reader.data(&then("")).await["profileAt"]["name"], "EM-1");
        for query in [
            then("services { name }"),
            format!(r#"{{ profileDiff(id: "{profile}", from: "{now}") {{ services {{ difference }} }} }}"#),
            r#"{ changes(filter: {services: ["x"]}) { totalCount } }"#.to_owned(),
            r#"{ changes(filter: {jobs: ["x"]}) { totalCount } }"#.to_owned(),
            r#"{ changes(filter: {sessions: ["x"]}) { totalCount } }"#.to_owned(),
        ] {
            let (message, code) = refusal(&reader, &query).await;
            assert!(code == "FORBIDDEN" && message.contains("your role does not read"), "{query}: {message}");
        }
    }
}
