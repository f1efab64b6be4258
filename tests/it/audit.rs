//! Stories of what is told of callers (issue 4, section 4): who was refused, who came in, who made and revoked tokens, who
//! logged whom in, and who may read it.

use std::{process::Command, time::Duration};

use entity::{OrganizationId, TokenId, token::Role};
use roamline::command;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, number, text},
    story, told,
};

const FIELDS: &str = "kind code ciscoCode message by role organization { path } address operation count";

/// The entries that a filter finds, oldest first, with all that was told so far.
async fn entries(server: &Roamline, client: &Client, filter: &str, select: &str) -> Vec<Value> {
    server.app.flush_audit().await;
    let query = format!(
        "{{ auditEntries(first: 200, filter: {{{filter}}}, orderBy: {{direction: ASCENDING}}) {{ nodes {{ {select} }} }} }}"
    );
    client.data(&query).await["auditEntries"]["nodes"].as_array().expect("entries").clone()
}

/// How often the kinds and codes are there, as `KIND CODE count`.
async fn told(server: &Roamline, client: &Client, filter: &str) -> Vec<String> {
    let entries = entries(server, client, filter, "kind code count").await;
    let told = |entry: &Value| {
        format!("{} {} {}", text(&entry["kind"]), entry["code"].as_str().unwrap_or("-"), entry["count"])
    };
    entries.iter().map(told).collect()
}

/// What makes a line: a mutation that a viewer may not do.
fn line(estate: &Estate, pattern: &str) -> String {
    format!(
        r#"mutation Mine {{ alias: createLine(input: {{organizationId: "{}", clusterId: "{}", pattern: "{pattern}"}}) {{ errors {{ code }} }} }}"#,
        estate.berlin, estate.emea
    )
}

/// Somebody at a site who can be logged in, and two phones; answers the user and the phones.
async fn desk(admin: &Client, estate: &Estate) -> (String, String, String) {
    let user = admin.user(estate, &estate.berlin, "anna").await;
    let profile = admin.profile(estate, &estate.berlin, "EM-anna", &["4001"]).await;
    admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
    let here = admin.phone(estate, &estate.berlin, "SEP-here").await;
    (user, here, admin.phone(estate, &estate.berlin, "SEP-there").await)
}

/// The program on the server's database.
fn program(server: &Roamline, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_roamline"))
        .args(["--log", "error", "--database", &server.database])
        .args(arguments)
        .output()
        .expect("it runs");
    told::search(&String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

story! {
    /// A token that is nobody's, one that was revoked, one that has expired, and a right that is lacking: each with its reason,
    /// whose it was where that is known, and where it came from. Who is refused is told no more than before.
    async fn whoever_is_refused_is_told_of_with_the_reason(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let place = Some(OrganizationId(number(&estate.north)));
        let make = async |name: &str, days| server.app.create_token(name, Role::Viewer, place, days).await.expect("a token");
        let (gone, gone_secret) = make("gone", None).await;
        let (_, late_secret) = make("late", Some(1)).await;
        let (_, viewer_secret) = make("viewer", None).await;
        assert!(server.app.revoke_token(gone.id).await.expect("revoked"));
        server.pass(Duration::from_hours(25));
        let me = "{ me { name } }";
        for secret in ["rml_wrong", gone_secret.as_str(), late_secret.as_str()] {
            assert_eq!(server.client(Some(secret.to_owned())).code(me).await, "UNAUTHENTICATED");
        }
        // Nobody has tried to be anybody.
        assert_eq!(server.stranger().code(me).await, "UNAUTHENTICATED");
        let viewer = server.client(Some(viewer_secret));
        assert_eq!(viewer.code(&line(&estate, "4001")).await, "FORBIDDEN");
        // What is not there for somebody is no attempt.
        assert_eq!(viewer.data(&format!(r#"{{ node(id: "{}") {{ id }} }}"#, estate.south)).await["node"], json!(null));
        let upload = reqwest::Client::new().post(viewer.url("/jobs/import?noun=users")).body("userId\n");
        let upload = upload.header("content-type", "text/csv").header("user-agent", "probe/1.0");
        let upload = upload.bearer_auth(viewer.token().expect("a token")).send().await.expect("an answer");
        assert_eq!(upload.status(), 403);
        let metrics = reqwest::Client::new().get(viewer.url("/metrics")).bearer_auth(viewer.token().expect("a token"));
        assert_eq!(metrics.send().await.expect("an answer").status(), 403);

        let found = entries(&server, &admin, "kinds: [ATTEMPT_REFUSED]", &format!("{FIELDS} tokenId userAgent requestId")).await;
        let brief: Vec<_> = found
            .iter()
            .map(|entry| {
                let word = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
                format!("{} {} {}", word("code"), word("by"), word("operation"))
            })
            .collect();
        assert_eq!(brief, [
            "TOKEN_UNKNOWN - -", "TOKEN_REVOKED gone -", "TOKEN_EXPIRED late -", "FORBIDDEN viewer createLine",
            "FORBIDDEN viewer POST /jobs/import", "FORBIDDEN viewer GET /metrics",
        ]);
        for entry in &found {
            assert_eq!((&entry["address"], &entry["count"]), (&json!("127.0.0.1"), &json!(1)), "{entry}");
            assert!(!text(&entry["requestId"]).is_empty() && !text(&entry["message"]).is_empty(), "{entry}");
        }
        assert_eq!((&found[0]["role"], &found[0]["tokenId"], &found[0]["organization"]), (&json!(null), &json!(null), &json!(null)));
        assert_eq!((&found[1]["role"], &found[1]["organization"]), (&json!("VIEWER"), &json!({"path": "acme.north"})));
        assert_eq!(number(&text(&found[1]["tokenId"])), gone.id.0);
        assert_eq!(found[4]["userAgent"], "probe/1.0");
        assert_eq!(found[3]["message"], "your role needs CREATE of Line for this; `me.rights` tells what it allows");
        let all = json!(entries(&server, &admin, "", FIELDS).await).to_string();
        for secret in ["rml_wrong", &gone_secret, &late_secret, viewer.token().expect("a token")] {
            assert!(!all.contains(secret) && !all.contains(secret.trim_start_matches("rml_")), "{all}");
        }
    }
}

story! {
    /// A token that is refused on a socket is told of as any other, and so is what a socket's caller may not.
    async fn sockets_are_told_of_too(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        let mut socket = viewer.socket().await;
        socket.send(json!({"id": "1", "type": "subscribe", "payload": {"query": line(&estate, "4001")}})).await;
        assert_eq!(socket.message().await["payload"]["errors"][0]["extensions"]["code"], "FORBIDDEN");
        assert_eq!(socket.message().await["type"], "complete");
        socket.send(json!({"type": "ping", "payload": {"authorization": "Bearer rml_wrong"}})).await;
        // What comes behind is answered behind.
        socket.send(json!({"id": "2", "type": "subscribe", "payload": {"query": "{ me { name } }"}})).await;
        assert_eq!(socket.message().await["payload"]["errors"], json!(null));
        let found = entries(&server, &admin, "kinds: [ATTEMPT_REFUSED]", "code by operation address").await;
        assert_eq!(found, [
            json!({"code": "FORBIDDEN", "by": "somebody", "operation": "createLine", "address": "127.0.0.1"}),
            json!({"code": "TOKEN_UNKNOWN", "by": null, "operation": null, "address": "127.0.0.1"}),
        ]);
    }
}

story! {
    /// A token that comes is told of once a day and address, not with each request.
    async fn a_token_is_told_of_when_it_comes(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        for _ in 0..3 {
            viewer.data("{ me { name } }").await;
        }
        let first = "kinds: [TOKEN_USED_FIRST]";
        let found = entries(&server, &admin, first, FIELDS).await;
        assert_eq!(found.len(), 2, "the administrator's and the viewer's: {found:?}");
        assert_eq!(found[1], json!({
            "kind": "TOKEN_USED_FIRST", "code": null, "ciscoCode": null, "by": "somebody", "role": "VIEWER",
            "message": "The token somebody came from here for the first time in a day.",
            "organization": {"path": "acme.north"}, "address": "127.0.0.1", "operation": null, "count": 1,
        }));
        server.pass(Duration::from_hours(23));
        viewer.data("{ me { name } }").await;
        assert_eq!(entries(&server, &admin, first, "id").await.len(), 2);
        server.pass(Duration::from_hours(1));
        viewer.data("{ me { name } }").await;
        let again = entries(&server, &admin, r#"kinds: [TOKEN_USED_FIRST], by: ["somebody"]"#, "at").await;
        assert_eq!(again, [json!({"at": "2026-01-01T00:00:00+00:00"}), json!({"at": "2026-01-02T00:00:00+00:00"})]);
    }
}

story! {
    /// Who logged whom in on which phone and from where, who was refused with the code of Unified CM, and what ended a session.
    /// What the clock ends is nobody's doing.
    async fn logins_are_told_of(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, here, there) = desk(&admin, &estate).await;
        let desk = server.somebody(Role::Operator, &estate.north).await;
        let login = |phone: &str| json!({"userId": anna, "phoneId": phone});
        let mut dry = login(&here);
        dry["dryRun"] = json!(true);
        desk.done("login", dry, "").await;
        // What is told in its transaction is there at once, the rest a moment later: each has a time of its own here.
        let session = desk.done("login", login(&here), "session { id }").await["session"]["id"].clone();
        server.pass(Duration::from_secs(1));
        assert_eq!(desk.refused("login", login(&here)).await, ["PHONE_OCCUPIED at phoneId"]);
        server.pass(Duration::from_secs(1));
        desk.done("relogin", json!({"sessionId": session}), "").await;
        desk.done("logout", json!({"phoneId": here}), "").await;
        server.pass(Duration::from_secs(1));
        assert_eq!(desk.refused("logout", json!({"phoneId": here})).await, ["NO_USER_LOGGED_IN at phoneId"]);
        // What is not there for somebody is no attempt, and neither is what was only tried.
        assert_eq!(desk.refused("login", login(&estate.south)).await, ["NOT_FOUND at phoneId"]);
        let mut dry = json!({"phoneId": here});
        dry["dryRun"] = json!(true);
        assert_eq!(desk.refused("logout", dry).await, ["NO_USER_LOGGED_IN at phoneId"]);

        let kinds = "kinds: [LOGIN, LOGOUT, LOGIN_REFUSED, LOGOUT_REFUSED]";
        assert_eq!(told(&server, &admin, kinds).await, [
            "LOGIN - 1", "LOGIN_REFUSED PHONE_OCCUPIED 1", "LOGOUT RELOGIN 1", "LOGIN - 1", "LOGOUT ADMINISTRATOR 1",
            "LOGOUT_REFUSED NO_USER_LOGGED_IN 1",
        ]);
        let select = format!("{FIELDS} user {{ userId }} subject {{ __typename id ... on Phone {{ name }} }} subjectId");
        let found = entries(&server, &admin, kinds, &select).await;
        let phone = json!({"__typename": "Phone", "id": here, "name": "SEP-here"});
        assert_eq!(found[0], json!({
            "kind": "LOGIN", "code": null, "ciscoCode": null, "message": "A user was logged in on SEP-here.", "by": "somebody",
            "role": "OPERATOR", "organization": {"path": "acme.north"}, "address": "127.0.0.1", "operation": null, "count": 1,
            "user": {"userId": "anna"}, "subject": phone, "subjectId": here,
        }));
        assert_eq!((&found[1]["ciscoCode"], &found[1]["operation"]), (&json!(18), &json!("login")));
        assert_eq!((&found[1]["user"], &found[1]["subject"]), (&json!({"userId": "anna"}), &phone));
        assert_eq!((&found[5]["ciscoCode"], &found[5]["subject"]), (&json!(19), &phone));

        admin.done("updateCluster", json!({"id": estate.emea, "maxLoginMinutes": 1}), "").await;
        desk.done("login", login(&there), "").await;
        server.pass(Duration::from_mins(2));
        assert_eq!(command::session::expire_due(&server.app).await.expect("expired"), 1);
        let after = entries(&server, &admin, &format!(r#"{kinds}, subjects: ["{there}"]"#), "kind").await;
        assert_eq!(after, [json!({"kind": "LOGIN"})]);
        let of_anna = entries(&server, &admin, &format!(r#"subjects: ["{anna}"]"#), "kind").await;
        assert_eq!(of_anna.len(), 6, "all but the logout that named the phone alone");
    }
}

story! {
    /// Tokens that are made and revoked on the command line, told in the transaction that does it. The real program.
    async fn tokens_that_are_made_and_revoked_are_told_of(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let north = server.somebody(Role::Admin, &estate.north).await;
        let south = server.somebody(Role::Admin, &estate.south).await;
        let secret = program(&server, &["token", "create", "--role", "viewer", "--organization", "acme.north", "--name", "night"]);
        let made = server.app.tokens().await.expect("tokens").into_iter().find(|token| token.name == "night").expect("made");
        program(&server, &["token", "revoke", &made.id.to_string()]);
        let id = data_encoding::BASE64URL_NOPAD.encode(format!("Token:{}", made.id).as_bytes());
        let filter = format!(r#"subjects: ["{id}"]"#);
        let select = "kind by role message address subjectId organization { path }";
        let found = entries(&server, &north, &filter, select).await;
        let entry = |kind: &str, done: &str| json!({
            "kind": kind, "by": "command line", "role": "ADMIN", "message": format!("The token night was {done}."), "address": null,
            "subjectId": found[0]["subjectId"], "organization": null,
        });
        assert_eq!(found, [entry("TOKEN_CREATED", "made"), entry("TOKEN_REVOKED", "revoked")]);
        assert_eq!(number(&text(&found[0]["subjectId"])), made.id.0);
        assert_eq!(entries(&server, &south, &filter, "kind").await, Vec::<Value>::new());
        let first = entries(&server, &admin, r#"by: ["first start"]"#, "kind message").await;
        assert_eq!(first, [json!({"kind": "TOKEN_CREATED", "message": "The token administrator was made."})]);
        // Whoever is there already is not revoked twice, and nothing is told of it.
        assert!(!server.app.revoke_token(TokenId(made.id.0)).await.expect("looked up"));
        assert_eq!(told(&server, &admin, "kinds: [TOKEN_REVOKED]").await, ["TOKEN_REVOKED - 1"]);
        let all = json!(entries(&server, &admin, "", FIELDS).await).to_string();
        assert!(!all.contains(secret.trim_start_matches("rml_")), "{all}");
    }
}

story! {
    /// The same from the same within a minute is one entry that counts, also when it was written in between.
    async fn a_flood_is_one_entry_that_counts(server) {
        let admin = server.admin();
        let guess = async |at: u32| {
            let guess = server.client(Some(format!("rml_guess{at}")));
            assert_eq!(guess.code("{ me { name } }").await, "UNAUTHENTICATED");
        };
        for at in 0..20 {
            guess(at).await;
        }
        assert_eq!(told(&server, &admin, "kinds: [ATTEMPT_REFUSED]").await, ["ATTEMPT_REFUSED TOKEN_UNKNOWN 20"]);
        server.pass(Duration::from_secs(59));
        for at in 20..25 {
            guess(at).await;
        }
        let found = entries(&server, &admin, "kinds: [ATTEMPT_REFUSED]", "count at lastAt").await;
        assert_eq!(found, [json!({"count": 25, "at": "2026-01-01T00:00:00+00:00", "lastAt": "2026-01-01T00:00:59+00:00"})]);
        server.pass(Duration::from_secs(1));
        guess(25).await;
        // Both sides of the minute's end, with nothing written in between.
        server.pass(Duration::from_mins(1));
        guess(26).await;
        guess(27).await;
        let counts: Vec<_> = entries(&server, &admin, "kinds: [ATTEMPT_REFUSED]", "count").await;
        assert_eq!(counts, [json!({"count": 25}), json!({"count": 1}), json!({"count": 2})]);
    }
}

/// What is more than so many entries a minute is counted and no more; strangers take no room of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_is_written_in_a_minute_is_counted() {
    let server = Roamline::sqlite_with(|config| config.audit.per_minute = 3).await;
    let (estate, admin) = (server.estate().await, server.admin());
    let viewer = server.somebody(Role::Viewer, &estate.north).await;
    assert_eq!(viewer.code(&line(&estate, "1")).await, "FORBIDDEN");
    server.app.flush_audit().await;
    assert_eq!(server.app.left_out_of_audit(), 0);
    // The two tokens that came and the first attempt are all that is written of them; more of the same still counts.
    assert_eq!(viewer.code(&line(&estate, "2")).await, "FORBIDDEN");
    for mutation in ["deleteLine", "deleteUser", "deletePhone"] {
        let query =
            format!(r#"mutation {{ {mutation}(input: {{id: "{}"}}) {{ errors {{ code }} }} }}"#, estate.emea);
        assert_eq!(viewer.code(&query).await, "FORBIDDEN");
        assert_eq!(viewer.code(&query).await, "FORBIDDEN");
    }
    assert_eq!(server.client(Some("rml_wrong".to_owned())).code("{ me { name } }").await, "UNAUTHENTICATED");
    let refused = "kinds: [ATTEMPT_REFUSED, ENTRIES_LEFT_OUT]";
    assert_eq!(
        told(&server, &admin, refused).await,
        ["ATTEMPT_REFUSED FORBIDDEN 2", "ATTEMPT_REFUSED TOKEN_UNKNOWN 1", "ENTRIES_LEFT_OUT - 6",]
    );
    assert_eq!(server.app.left_out_of_audit(), 6);
    server.pass(Duration::from_mins(1));
    assert_eq!(viewer.code(&line(&estate, "3")).await, "FORBIDDEN");
    assert_eq!(told(&server, &admin, "codes: [\"FORBIDDEN\"]").await.len(), 2);
    server.close().await;
}

story! {
    /// ACC-7: administrators see the entries of tokens of their organizations, and those about what is there; nobody else sees
    /// any, by list, filter, count or id.
    async fn an_administrator_sees_what_is_of_the_own_organizations(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, here, _) = desk(&admin, &estate).await;
        let viewer = server.somebody(Role::Viewer, &estate.berlin).await;
        assert_eq!(viewer.code(&line(&estate, "4001")).await, "FORBIDDEN");
        server.pass(Duration::from_secs(1));
        admin.done("login", json!({"userId": anna, "phoneId": here}), "").await;
        server.pass(Duration::from_secs(1));
        assert_eq!(server.client(Some("rml_wrong".to_owned())).code("{ me { name } }").await, "UNAUTHENTICATED");
        let north = server.somebody(Role::Admin, &estate.north).await;
        let south = server.somebody(Role::Admin, &estate.south).await;
        let told_of = async |client: &Client| {
            let select = "kind by organization { path } user { userId }";
            let found = entries(&server, client, "kinds: [ATTEMPT_REFUSED, LOGIN]", select).await;
            found.iter().map(|entry| format!("{} {}", text(&entry["kind"]), entry["by"].as_str().unwrap_or("-"))).collect::<Vec<_>>()
        };
        assert_eq!(told_of(&admin).await, ["ATTEMPT_REFUSED somebody", "LOGIN administrator", "ATTEMPT_REFUSED -"]);
        assert_eq!(told_of(&north).await, ["ATTEMPT_REFUSED somebody", "LOGIN administrator"]);
        assert_eq!(told_of(&south).await, Vec::<String>::new());
        // Who has no administrator's rights has none of it, and that is told in turn.
        for role in [Role::Viewer, Role::Operator] {
            let somebody = server.somebody(role, &estate.north).await;
            assert_eq!(somebody.code("{ auditEntries { totalCount } }").await, "FORBIDDEN");
        }
        assert_eq!(told(&server, &north, r#"operations: ["auditEntries"]"#).await.len(), 2);

        let ours = entries(&server, &north, "kinds: [LOGIN]", "id").await[0]["id"].clone();
        let node = |id: &Value| format!("{{ node(id: {id}) {{ __typename ... on AuditEntry {{ by }} }} }}");
        assert_eq!(north.data(&node(&ours)).await["node"], json!({"__typename": "AuditEntry", "by": "administrator"}));
        assert_eq!(south.data(&node(&ours)).await["node"], json!(null));
        let operator = server.somebody(Role::Operator, &estate.north).await;
        assert_eq!(operator.data(&node(&ours)).await["node"], json!(null));
        for filter in [
            format!("ids: [{ours}]"),
            format!(r#"subjects: ["{here}", "{anna}"]"#),
            format!(r#"organization: {{ids: ["{}", "{}"]}}"#, estate.acme, estate.north),
            r#"by: ["administrator"]"#.to_owned(),
        ] {
            let query = format!("{{ auditEntries(filter: {{{filter}}}) {{ totalCount nodes {{ id }} }} }}");
            assert_eq!(south.data(&query).await["auditEntries"], json!({"totalCount": 0, "nodes": []}), "{filter}");
        }

        // Of a login on a phone that somebody sees, the user may be another organization's.
        let abroad = admin.phone(&estate, &estate.rome, "SEP-rome").await;
        admin.done("updateCluster", json!({"id": estate.emea, "multipleLogin": "ALLOWED"}), "").await;
        admin.done("login", json!({"userId": anna, "phoneId": abroad}), "").await;
        let seen = entries(&server, &south, "kinds: [LOGIN]", "user { userId } subject { id }").await;
        assert_eq!(seen, [json!({"user": null, "subject": {"id": abroad}})]);
        let by_user = entries(&server, &south, &format!(r#"subjects: ["{anna}"]"#), "id").await;
        assert_eq!(by_user, Vec::<Value>::new());
    }
}

story! {
    /// What somebody names and does not see is not in the entry of their attempt.
    async fn an_attempt_names_only_what_its_caller_sees(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, _, _) = desk(&admin, &estate).await;
        let phone = admin.phone(&estate, &estate.rome, "SEP-rome").await;
        admin.done("updatePhone", json!({"id": phone, "extensionMobility": false}), "").await;
        let south = server.somebody(Role::Admin, &estate.south).await;
        let refused = south.refused("login", json!({"userId": anna, "phoneId": phone})).await;
        assert!(refused.contains(&"EM_NOT_ENABLED_ON_PHONE at phoneId".to_owned()), "{refused:?}");
        let select = "code ciscoCode subjectId user { userId }";
        let found = entries(&server, &admin, "kinds: [LOGIN_REFUSED]", select).await;
        assert_eq!(found, [json!({"code": "EM_NOT_ENABLED_ON_PHONE", "ciscoCode": 22, "subjectId": phone, "user": null})]);
    }
}

story! {
    /// Entries are filtered and paged as every list is, each page by as many statements whatever its size.
    async fn entries_are_filtered_and_paged(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let viewer = server.somebody(Role::Viewer, &estate.berlin).await;
        for at in 0..12 {
            assert_eq!(viewer.code(&line(&estate, "4001")).await, "FORBIDDEN");
            if at % 4 == 0 {
                assert_eq!(server.client(Some(format!("rml_{at}"))).code("{ me { name } }").await, "UNAUTHENTICATED");
            }
            server.pass(Duration::from_mins(1));
        }
        server.app.flush_audit().await;
        let refused = "kinds: [ATTEMPT_REFUSED]";
        let count = async |filter: &str| {
            let data = admin.data(&format!("{{ auditEntries(filter: {{{filter}}}) {{ totalCount }} }}")).await;
            data["auditEntries"]["totalCount"].as_i64().expect("a count")
        };
        let viewers = entries(&server, &admin, r#"by: ["somebody"], codes: ["FORBIDDEN"]"#, "id tokenId").await;
        for (filter, want) in [
            (refused.to_owned(), 15),
            (r#"codes: ["FORBIDDEN"]"#.to_owned(), 12),
            (r#"codes: ["FORBIDDEN", "TOKEN_UNKNOWN"]"#.to_owned(), 15),
            (format!("{refused}, not: {{by: [\"somebody\"]}}"), 3),
            (format!("{refused}, tokens: [{}]", viewers[0]["tokenId"]), 12),
            (format!(r#"{refused}, organization: {{ids: ["{}"]}}"#, estate.north), 12),
            (format!(r#"{refused}, organization: {{ids: ["{}"], includeBelow: false}}"#, estate.north), 0),
            (format!(r#"{refused}, addresses: ["127.0.0.1"]"#), 15),
            (format!(r#"{refused}, addresses: ["127.0.0.2"]"#), 0),
            (r#"operations: ["createLine"]"#.to_owned(), 12),
            (format!("ids: [{}, {}]", viewers[0]["id"], viewers[5]["id"]), 2),
            (format!(r#"{refused}, at: {{from: "2026-01-01T00:02:00Z", to: "2026-01-01T00:04:00Z"}}"#), 4),
            (format!(r#"{refused}, or: [{{codes: ["TOKEN_UNKNOWN"]}}, {{ids: [{}]}}]"#, viewers[0]["id"]), 4),
        ] {
            assert_eq!(count(&filter).await, want, "{filter}");
        }

        let page = async |arguments: &str| {
            let query = format!(
                "{{ auditEntries(filter: {{{refused}}}, {arguments}) {{ nodes {{ id }} pageInfo {{ hasNextPage startCursor endCursor }} }} }}"
            );
            admin.data(&query).await["auditEntries"].clone()
        };
        let ids = |page: &Value| page["nodes"].as_array().expect("entries").iter().map(|node| text(&node["id"])).collect::<Vec<_>>();
        let whole = ids(&page("first: 200").await);
        let mut walked = Vec::new();
        let mut part = page("first: 4").await;
        loop {
            walked.extend(ids(&part));
            if part["pageInfo"]["hasNextPage"] == false {
                break;
            }
            part = page(&format!("first: 4, after: {}", part["pageInfo"]["endCursor"])).await;
        }
        assert_eq!((walked.len(), &walked), (15, &whole));
        let back = page(&format!("last: 3, before: {}", part["pageInfo"]["startCursor"])).await;
        assert_eq!(ids(&back), whole[9..12]);
        let oldest = ids(&page("first: 200, orderBy: {field: LAST_AT, direction: ASCENDING}").await);
        assert_eq!(oldest.into_iter().rev().collect::<Vec<_>>(), whole);
        let numbers: Vec<_> = whole.iter().map(|id| number(id)).collect();
        assert!(numbers.windows(2).all(|two| two[0] > two[1]), "{numbers:?}");

        // Organization, role, user and phone of each, whatever the number.
        let cost = async |first: u32| {
            let before = server.app.statements();
            let select = "by organization { path } composedRole { name } user { userId } subject { id }";
            admin.data(&format!("{{ auditEntries(first: {first}) {{ totalCount nodes {{ {select} }} }} }}")).await;
            server.app.statements() - before
        };
        assert_eq!(cost(12).await, cost(200).await);
    }
}

story! {
    /// What is told costs the request that it is told of no statement, and is not counted with any.
    async fn a_refusal_waits_for_nothing(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let viewer = server.somebody(Role::Viewer, &estate.berlin).await;
        viewer.data("{ me { name } }").await;
        server.app.flush_audit().await;
        // Known for half a second, or looked up once more.
        let before = server.app.statements();
        assert_eq!(viewer.code(&line(&estate, "4001")).await, "FORBIDDEN");
        server.app.flush_audit().await;
        assert!(server.app.statements() - before <= 1);
        assert_eq!(told(&server, &admin, r#"codes: ["FORBIDDEN"]"#).await, ["ATTEMPT_REFUSED FORBIDDEN 1"]);
    }
}

story! {
    /// Entries are forgotten after the days of the setting, by the application's clock; what was joined counts from its last.
    async fn old_entries_are_forgotten(server) {
        let (admin, guess) = (server.admin(), server.client(Some("rml_wrong".to_owned())));
        let refused = "kinds: [ATTEMPT_REFUSED]";
        assert_eq!(guess.code("{ me { name } }").await, "UNAUTHENTICATED");
        assert_eq!(told(&server, &admin, refused).await.len(), 1);
        server.pass(Duration::from_hours(24 * 89));
        assert_eq!(guess.code("{ me { name } }").await, "UNAUTHENTICATED");
        assert_eq!(server.app.trim_audit().await.expect("looked"), 0);
        assert_eq!(told(&server, &admin, refused).await.len(), 2);
        server.pass(Duration::from_hours(25));
        // The first token, the two that came, the attempt.
        let gone = server.app.trim_audit().await.expect("forgotten");
        assert!(gone >= 3, "{gone}");
        assert_eq!(told(&server, &admin, refused).await.len(), 1);
        assert_eq!(server.app.trim_audit().await.expect("forgotten"), 0);
    }
}

story! {
    /// A server that stops writes what it was told last.
    async fn what_was_told_last_is_written_at_a_stop(server) {
        let beside = server.beside().await;
        assert_eq!(beside.client(Some("rml_wrong".to_owned())).code("{ me { name } }").await, "UNAUTHENTICATED");
        beside.close().await;
        let data = server.admin().data("{ auditEntries(filter: {kinds: [ATTEMPT_REFUSED]}) { nodes { code count } } }").await;
        assert_eq!(data["auditEntries"]["nodes"], json!([{"code": "TOKEN_UNKNOWN", "count": 1}]));
    }
}
