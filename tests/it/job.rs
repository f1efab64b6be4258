//! Stories of jobs: data that comes as an upload, is validated and run part by part, and goes on wherever it stopped; and
//! of exports, which an import reads.

use entity::token::Role;
use roamline::bulk::job::{step, work_off};
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, percent, text},
    story,
};

mod rows;

/// An answer that is no GraphQL: its status and its text.
type Answer = (u16, String);

impl Client {
    /// Sends data of a type to a path.
    async fn send(&self, path: &str, kind: &str, data: impl Into<reqwest::Body>) -> Answer {
        let request = reqwest::Client::new().post(self.url(path)).header("content-type", kind).body(data);
        self.asked(request).await
    }

    /// Reads a path.
    async fn get(&self, path: &str) -> Answer {
        self.asked(reqwest::Client::new().get(self.url(path))).await
    }

    async fn asked(&self, mut request: reqwest::RequestBuilder) -> Answer {
        if let Some(token) = self.token() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a body"))
    }

    /// Sends CSV for a job that is made for it; answers the job's id.
    async fn import(&self, query: &str, data: &str) -> String {
        let (status, body) = self.send(&format!("/jobs/import?{query}"), "text/csv", data.to_owned()).await;
        assert_eq!(status, 202, "{body}");
        let taken: Value = serde_json::from_str(&body).expect("JSON");
        text(&taken["id"])
    }

    async fn job(&self, id: &str) -> Value {
        let query =
            format!(r#"{{ job(id: "{id}") {{ state rows position done failed progress message }} }}"#);
        self.data(&query).await["job"].take()
    }

    /// How the rows of a job ended, as `line outcome codes with columns`.
    async fn results(&self, id: &str) -> Vec<String> {
        let (status, body) = self.get(&format!("/jobs/{id}/result")).await;
        assert_eq!(status, 200, "{body}");
        let told = |line: &str| {
            let row: Value = serde_json::from_str(line).expect("JSON");
            let errors = row["errors"].as_array().expect("errors").iter();
            let errors = errors.map(|error| {
                format!(" {} at {}", text(&error["code"]), error["column"].as_str().unwrap_or("the row"))
            });
            format!("{} {}{}", row["line"], text(&row["outcome"]), errors.collect::<String>())
        };
        body.lines().map(told).collect()
    }
}

const HEADER: &str = "cluster,userId,organization,lastName\n";

fn users(names: &[&str]) -> String {
    let row = |name: &&str| format!("emea,{name},acme.north.berlin,{name}\n");
    HEADER.to_owned() + &names.iter().map(row).collect::<String>()
}

async fn user_ids(client: &Client) -> Vec<String> {
    let data = client.data("{ users(first: 200, orderBy: {field: USER_ID}) { nodes { userId } } }").await;
    let nodes = data["users"]["nodes"].as_array().expect("users").clone();
    nodes.iter().map(|node| text(&node["userId"])).collect()
}

async fn work(server: &Roamline) {
    work_off(&server.app).await.expect("worked");
}

story! {
    /// BLK-5, BLK-6: the data is uploaded, every row is tried and every refusal told with its column, then what can be is done.
    async fn data_is_validated_and_then_run(server) {
        let (_, admin) = (server.estate().await, server.admin());
        let started = admin.done("startImport", json!({"noun": "users", "reason": "spring"}), "job { id state uploadPath }").await;
        let id = text(&started["job"]["id"]);
        assert_eq!(started["job"]["state"], "WAITING");
        let mut feed = admin.follow(&format!("(after: {})", started["cursor"]), "reason by change { kind ... on JobProgressed { before { state } after { state rows position done failed } } }").await;

        let data = users(&["anna", "Ben!", "carl"]) + "emea,dora,acme.nowhere,\n";
        let (status, body) = admin.send(&text(&started["job"]["uploadPath"]), "text/csv", data).await;
        assert_eq!((status, serde_json::from_str::<Value>(&body).expect("JSON")), (202, json!({"id": id, "state": "VALIDATING", "rows": 4})));
        work(&server).await;
        assert_eq!(
            admin.job(&id).await,
            json!({"state": "VALIDATED", "rows": 4, "position": 4, "done": 2, "failed": 2, "progress": 1.0, "message": null})
        );
        assert_eq!(
            admin.results(&id).await,
            ["2 PASSED", "3 REFUSED USER_ID_INVALID at userId", "4 PASSED", "5 REFUSED VALUE_REQUIRED at lastName"]
        );
        assert_eq!(user_ids(&admin).await, [""; 0]);

        admin.done("runJob", json!({"id": id}), "job { state }").await;
        work(&server).await;
        assert_eq!(admin.job(&id).await["state"], "DONE");
        assert_eq!(user_ids(&admin).await, ["anna", "carl"]);
        assert_eq!(
            admin.results(&id).await,
            ["2 DONE", "3 REFUSED USER_ID_INVALID at userId", "4 DONE", "5 REFUSED VALUE_REQUIRED at lastName"]
        );
        let mut told = Vec::new();
        for event in feed.take(7).await {
            told.push(text(&event["change"]["kind"]) + " " + event["change"]["after"]["state"].as_str().unwrap_or_default());
            if event["change"]["kind"] == "USER_CREATED" {
                assert_eq!(event["reason"], "spring");
            }
        }
        assert_eq!(
            told,
            [
                "JOB_PROGRESSED RECEIVING", "JOB_PROGRESSED VALIDATING", "JOB_PROGRESSED VALIDATED",
                "JOB_PROGRESSED RUNNING", "USER_CREATED ", "USER_CREATED ", "JOB_PROGRESSED DONE",
            ]
        );
        assert_eq!(admin.refused("runJob", json!({"id": id})).await, ["JOB_NOT_READY at id"]);
    }
}

story! {
    /// BLK-5: whoever waits for one job follows one job, and neither another one nor what its rows do.
    async fn a_job_is_followed_alone(server) {
        let (_, admin) = (server.estate().await, server.admin());
        let start = text(&admin.data("{ service { newestCursor } }").await["service"]["newestCursor"]);
        let mut ids = Vec::new();
        for name in ["anna", "ben"] {
            let started = admin.done("startImport", json!({"noun": "users", "autoRun": true}), "job { id uploadPath }").await;
            admin.send(&text(&started["job"]["uploadPath"]), "text/csv", users(&[name])).await;
            ids.push(text(&started["job"]["id"]));
        }
        work(&server).await;
        let filter = format!("filter: {{jobs: [\"{}\"]}}", ids[1]);
        let page = format!("{{ changes(since: \"{start}\", first: 200, {filter}) {{ nodes {{ cursor change {{ kind node {{ id }} }} }} }} }}");
        let kept = admin.data(&page).await["changes"]["nodes"].as_array().expect("changes").clone();
        assert!(kept.len() > 2 && kept[0]["change"]["kind"] == "JOB_STARTED", "{kept:#?}");
        let mut feed = admin.follow(&format!("(after: \"{start}\", {filter})"), "change { kind node { id } }").await;
        assert_eq!(feed.take(kept.len()).await, kept);
        for event in &kept {
            assert_eq!(event["change"]["node"]["id"], json!(ids[1]));
        }
        assert_eq!(user_ids(&admin).await, ["anna", "ben"]);
    }
}

story! {
    /// JSON Lines have the same names, with values of their own types.
    async fn json_lines_are_read_as_well(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let rows = [
            json!({"cluster": "emea", "pattern": "4001", "organization": "acme.north.berlin", "holdReversionSeconds": 30,
                "forwardAll": {"destination": "4999"}, "directoryUris": [{"uri": "anna@acme.example", "primary": true}]}),
            json!({"cluster": "emea", "pattern": 4002, "organization": "acme.north.berlin"}),
            json!({"cluster": "emea", "pattern": "4003", "organisation": "acme.north.berlin"}),
        ];
        let data = rows.map(|row| row.to_string()).join("\n") + "\n{\"cluster\": \n";
        let (status, body) = admin.send("/jobs/import?noun=lines&autoRun=true", "application/jsonl", data).await;
        assert_eq!(status, 202, "{body}");
        let id = text(&serde_json::from_str::<Value>(&body).expect("JSON")["id"]);
        work(&server).await;
        assert_eq!(
            admin.results(&id).await,
            [
                "1 DONE",
                "2 REFUSED VALUE_INVALID at pattern",
                "3 REFUSED VALUE_INVALID at the row VALUE_REQUIRED at organization",
                "4 REFUSED VALUE_INVALID at the row",
            ]
        );
        let line = admin.data("{ lines { nodes { pattern settings { holdReversionSeconds forwardAll { destination } } } } }").await;
        assert_eq!(
            line["lines"]["nodes"],
            json!([{"pattern": "4001", "settings": {"holdReversionSeconds": 30, "forwardAll": {"destination": "4999"}}}])
        );
    }
}

story! {
    /// A user's row is whole or not at all, also where its second half is refused.
    async fn a_row_is_whole_or_not_at_all(server) {
        let (_, admin) = (server.estate().await, server.admin());
        let data = "cluster,userId,organization,lastName,primaryPattern\nemea,anna,acme.north.berlin,Berg,4001\nemea,ben,acme.north.berlin,Costa,\n";
        let id = admin.import("noun=users&autoRun=true", data).await;
        work(&server).await;
        assert_eq!(admin.results(&id).await, ["2 REFUSED NOT_FOUND at primaryPattern", "3 DONE"]);
        assert_eq!(user_ids(&admin).await, ["ben"]);
    }
}

story! {
    /// TXN-5, BLK-6: what was refused is tried again, and only that.
    async fn what_failed_is_tried_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let taken = admin.user(&estate, &estate.berlin, "ben").await;
        let id = admin.import("noun=users&autoRun=true", &users(&["anna", "ben", "carl"])).await;
        assert_eq!(admin.refused("retryJob", json!({"id": id})).await, ["JOB_NOT_READY at id"]);
        work(&server).await;
        assert_eq!(admin.results(&id).await, ["2 DONE", "3 REFUSED USER_ID_TAKEN at userId", "4 DONE"]);
        admin.done("deleteUser", json!({"id": taken}), "").await;
        let input = json!({"id": id, "idempotencyKey": "again"});
        let again = admin.done("retryJob", input.clone(), "job { id rows retryOf { id } }").await;
        assert_eq!((&again["job"]["rows"], &again["job"]["retryOf"]["id"]), (&json!(1), &json!(id)));
        assert_eq!(admin.done("retryJob", input, "job { id rows retryOf { id } }").await, again);
        work(&server).await;
        assert_eq!(admin.results(&text(&again["job"]["id"])).await, ["3 DONE"]);
        assert_eq!(user_ids(&admin).await, ["anna", "ben", "carl"]);
        assert_eq!(admin.refused("retryJob", json!({"id": again["job"]["id"]})).await, ["JOB_NOTHING_TO_RETRY at id"]);
    }
}

story! {
    /// TXN-4: a job is given up between two parts; what was done stays, and the rest can be tried again.
    async fn a_job_is_given_up(server) {
        let (_, admin) = (server.estate().await, server.admin());
        let names: Vec<_> = (0..450).map(|n| format!("user{n:03}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let id = admin.import("noun=users&autoRun=true", &users(&names)).await;
        let claimed = server.app.claim_job().await.expect("a look").expect("a job");
        assert!(step(&server.app, claimed).await.expect("a part"));
        let before = admin.job(&id).await;
        admin.refused("cancelJob", json!({"id": id, "expectedVersion": 99})).await;
        assert_eq!(admin.done("cancelJob", json!({"id": id}), "job { state }").await["job"]["state"], "CANCELLED");
        assert!(!step(&server.app, claimed).await.expect("nothing more"));
        work(&server).await;
        let after = admin.job(&id).await;
        assert_eq!((&after["state"], &after["done"]), (&json!("CANCELLED"), &before["done"]));
        assert!(before["done"].as_i64().is_some_and(|done| done > 0 && done < 450), "{before}");
        assert_eq!(admin.refused("cancelJob", json!({"id": id})).await, ["JOB_NOT_READY at id"]);
        admin.done("retryJob", json!({"id": id}), "").await;
        work(&server).await;
        let count = admin.data("{ users { totalCount } }").await;
        assert_eq!(count["users"]["totalCount"], 450);
    }
}

story! {
    /// Another node goes on exactly behind the last finished row of one that died, once its lease has run out: by the
    /// application's clock.
    async fn another_node_takes_over(server) {
        let (_, admin) = (server.estate().await, server.admin());
        let names: Vec<_> = (0..450).map(|n| format!("user{n:03}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let id = admin.import("noun=users&autoRun=true", &users(&names)).await;
        let claimed = server.app.claim_job().await.expect("a look").expect("a job");
        assert!(step(&server.app, claimed).await.expect("a part"));
        // The first node dies here. Until its lease has run out, nobody else touches its job.
        let other = server.beside().await;
        assert_eq!(work_off(&other.app).await.expect("a look"), 0);
        let before = admin.job(&id).await["position"].as_i64().expect("a position");
        assert!(before > 0 && before < 450, "{before}");
        other.pass(std::time::Duration::from_secs(31));
        assert_eq!(work_off(&other.app).await.expect("worked"), 1);
        let after = admin.job(&id).await;
        assert_eq!((&after["state"], &after["done"], &after["failed"]), (&json!("DONE"), &json!(450), &json!(0)));
        // Had it only been slow, it would find its job in other hands.
        assert!(!step(&server.app, claimed).await.expect("nothing more"));
        let query = "{ changes(first: 1, filter: {kinds: [USER_CREATED]}) { totalCount } }";
        assert_eq!(admin.data(query).await["changes"]["totalCount"], 450, "no row twice");
        other.close().await;
    }
}

story! {
    /// Two nodes that work at once do no row twice.
    async fn nodes_share_the_work(server) {
        let (_, admin) = (server.estate().await, server.admin());
        for part in 0..4 {
            let names: Vec<_> = (0..40).map(|n| format!("user{part}{n:02}")).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            admin.import("noun=users&autoRun=true", &users(&names)).await;
        }
        let other = server.beside().await;
        let (one, two) = tokio::join!(work_off(&server.app), work_off(&other.app));
        assert_eq!(one.expect("worked") + two.expect("worked"), 4);
        let jobs = admin.data("{ jobs(filter: {states: [DONE]}) { totalCount nodes { done failed } } users { totalCount } }").await;
        assert_eq!((&jobs["jobs"]["totalCount"], &jobs["users"]["totalCount"]), (&json!(4), &json!(160)));
        assert_eq!(jobs["jobs"]["nodes"][0], json!({"done": 40, "failed": 0}));
        other.close().await;
    }
}

story! {
    /// A job belongs to the organization of whoever started it, acts with their rights of each moment, and is absent to others.
    async fn a_job_is_its_callers(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let north = server.somebody(Role::Operator, &estate.north).await;
        let south = server.somebody(Role::Admin, &estate.south).await;
        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        let data = users(&["anna"]) + "emea,rosa,acme.south.rome,Rossi\n";
        let mut theirs = south.follow_on("change { kind }").await;
        let id = north.import("noun=users&autoRun=true", &data).await;
        work(&server).await;
        assert_eq!(north.results(&id).await, ["2 DONE", "3 REFUSED NOT_FOUND at organization"]);
        for (client, sees) in [(&north, 1), (&viewer, 1), (&admin, 1), (&south, 0)] {
            let seen = client.data(&format!(r#"{{ jobs {{ totalCount }} job(id: "{id}") {{ id }} node(id: "{id}") {{ id }} }}"#)).await;
            assert_eq!(seen["jobs"]["totalCount"], sees);
            assert_eq!((seen["job"].is_null(), seen["node"].is_null()), (sees == 0, sees == 0));
        }
        assert_eq!(south.refused("retryJob", json!({"id": id})).await, ["NOT_FOUND at id"]);
        assert_eq!(south.get(&format!("/jobs/{id}/result")).await.0, 404);
        assert_eq!(server.stranger().get(&format!("/jobs/{id}/result")).await.0, 401);
        // What an administrator of everything starts is nobody's below.
        let hidden = admin.import("noun=users&autoRun=true", &users(&["ben"])).await;
        work(&server).await;
        assert_eq!(north.data("{ jobs { totalCount } }").await["jobs"]["totalCount"], 1);
        assert_eq!(north.get(&format!("/jobs/{hidden}/result")).await.0, 404);
        south.user(&estate, &estate.rome, "rosa").await;
        assert_eq!(theirs.next().await["change"]["kind"], "USER_CREATED", "nothing of the jobs before");

        assert_eq!(viewer.send("/jobs/import?noun=users", "text/csv", users(&["x"])).await.0, 403);
        assert_eq!(north.send("/jobs/import?noun=clusters", "text/csv", "organization,name\n").await.0, 403);
        assert_eq!(server.stranger().send("/jobs/import?noun=users", "text/csv", users(&["x"])).await.0, 401);
    }
}

story! {
    /// The rights of the moment: a token that has ended ends its jobs.
    async fn a_job_ends_with_its_token(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let organization = Some(entity::OrganizationId(crate::roamline::number(&estate.north)));
        let (token, secret) = server.app.create_token("gone", Role::Operator, organization, None).await.expect("a token");
        let id = server.client(Some(secret)).import("noun=users&autoRun=true", &users(&["anna"])).await;
        server.app.revoke_token(token.id).await.expect("revoked");
        work(&server).await;
        let job = admin.job(&id).await;
        assert_eq!((&job["state"], &job["done"]), (&json!("FAILED"), &json!(0)));
        assert!(text(&job["message"]).contains("token"), "{job}");
        assert_eq!(admin.results(&id).await, ["2 OPEN"]);
    }
}

story! {
    /// What cannot be read is refused as a whole, told with its place, and leaves a failed job without rows.
    async fn data_that_cannot_be_read_is_refused(server) {
        let (_, admin) = (server.estate().await, server.admin());
        for (query, kind, data, status, code, line) in [
            ("noun=users", "text/csv", b"cluster,userId,organization,lastNam\n".to_vec(), 422, "VALUE_INVALID", json!(1)),
            ("noun=users", "text/csv", b"cluster,userId,organization,lastName\ne,\xfc,o,l\n".to_vec(), 422, "VALUE_INVALID", json!(2)),
            ("noun=users", "text/csv", b"cluster,userId,organization,lastName\ne,u,o,\"l\n".to_vec(), 422, "VALUE_INVALID", json!(2)),
            ("noun=users", "text/csv", Vec::new(), 422, "VALUE_REQUIRED", json!(1)),
            ("noun=users", "text/csv", HEADER.as_bytes().to_vec(), 422, "VALUE_INVALID", Value::Null),
            ("noun=things", "text/csv", Vec::new(), 422, "BAD_USER_INPUT", Value::Null),
            ("noun=users", "text/plain", Vec::new(), 415, "UNSUPPORTED_MEDIA_TYPE", Value::Null),
            ("noun=users&format=jsonl", "text/csv", Vec::new(), 415, "UNSUPPORTED_MEDIA_TYPE", Value::Null),
            ("noun=users&colour=red", "text/csv", Vec::new(), 400, "BAD_REQUEST", Value::Null),
            ("", "text/csv", Vec::new(), 422, "BAD_USER_INPUT", Value::Null),
            ("job=nothing", "text/csv", Vec::new(), 422, "NOT_FOUND", Value::Null),
        ] {
            let (got, body) = admin.send(&format!("/jobs/import?{query}"), kind, data).await;
            let body: Value = serde_json::from_str(&body).expect("JSON");
            let error = &body["errors"][0]["extensions"];
            assert!(got == status || code == "NOT_FOUND", "{query} {got} {body}");
            assert_eq!((&error["code"], &error["line"]), (&json!(code), &line), "{query} {body}");
        }
        let jobs = admin.data("{ jobs { totalCount nodes { id state message rows } } }").await;
        assert_eq!(jobs["jobs"]["totalCount"], 5);
        for job in jobs["jobs"]["nodes"].as_array().expect("jobs") {
            assert_eq!(job["state"], "FAILED");
            assert!(text(&job["message"]).starts_with("The data was refused: users.csv"), "{job}");
            assert_eq!(admin.results(&text(&job["id"])).await, [""; 0]);
        }
        assert_eq!(user_ids(&admin).await, [""; 0]);
    }
}

/// An upload is no longer than the setting says, whether it says its length or not.
#[tokio::test(flavor = "multi_thread")]
async fn data_that_is_too_long_is_refused() {
    let server = Roamline::sqlite_with(|config| config.bulk.upload_bytes = 2_000).await;
    let (_, admin) = (server.estate().await, server.admin());
    let names: Vec<_> = (0..100).map(|n| format!("user{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let data = users(&names);
    assert_eq!(admin.send("/jobs/import?noun=users", "text/csv", data.clone()).await.0, 413);
    assert_eq!(
        admin.data("{ jobs { totalCount } }").await["jobs"]["totalCount"],
        0,
        "told before it is read"
    );
    // In pieces, without a length.
    let (address, token) = (server.address.clone(), admin.token().expect("a token").to_owned());
    let answer = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&address).expect("connected");
        let head = format!(
            "POST /jobs/import?noun=users HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-type: text/csv\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        for piece in data.as_bytes().chunks(100) {
            // The server may have hung up already.
            let _gone = write!(stream, "{:x}\r\n", piece.len())
                .and_then(|()| stream.write_all(piece))
                .and_then(|()| stream.write_all(b"\r\n"));
        }
        let _gone = stream.write_all(b"0\r\n\r\n");
        let mut answer = String::new();
        let _reset = stream.read_to_string(&mut answer);
        answer
    });
    let answer = answer.await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let jobs = admin.data("{ jobs { nodes { state rows } } }").await;
    assert_eq!(jobs["jobs"]["nodes"], json!([{"state": "FAILED", "rows": 0}]));
    server.close().await;
}

story! {
    /// An upload that stops half-way, with its node, is told as failed and leaves nothing.
    async fn data_that_breaks_off_leaves_nothing(server) {
        let (_, admin) = (server.estate().await, server.admin());
        let started = admin.done("startImport", json!({"noun": "users", "autoRun": true}), "job { id }").await;
        let id = text(&started["job"]["id"]);
        let caller = Roamline::caller();
        let cmd = roamline::rule::job::Advance {
            id: entity::JobId(crate::roamline::number(&id)), expected_version: None, to: roamline::rule::job::Step::Receive,
        };
        let call = roamline::app::Call::default();
        roamline::command::run(&server.app, &caller, &call, &cmd).await.expect("run").expect("done");
        work(&server).await;
        assert_eq!(admin.job(&id).await["state"], "RECEIVING", "whoever takes it may still be there");
        server.pass(std::time::Duration::from_secs(61));
        work(&server).await;
        let job = admin.job(&id).await;
        assert_eq!((&job["state"], &job["message"]), (&json!("FAILED"), &json!("the data broke off")));
        assert_eq!(admin.send(&format!("/jobs/import?job={id}"), "text/csv", users(&["anna"])).await.0, 422);
    }
}

/// Rows of an estate to export.
async fn exported(server: &Roamline) -> Estate {
    let (estate, admin) = (server.estate().await, server.admin());
    let one = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
    admin.profile(&estate, &estate.berlin, "EM-2", &["4001", "4002"]).await;
    admin.profile(&estate, &estate.rome, "EM-3", &[]).await;
    let anna = admin.user(&estate, &estate.berlin, "anna").await;
    admin.done("associateUsers", json!({"profileId": one, "userIds": [anna]}), "").await;
    estate
}

story! {
    /// Every noun is exported as an import reads it, by any filter, within the caller's sight.
    async fn what_is_exported_is_read_again(server) {
        let estate = exported(&server).await;
        let admin = server.admin();
        let (status, csv) = admin.get("/export/profiles").await;
        assert_eq!((status, csv.lines().count()), (200, 4), "{csv}");
        assert!(csv.starts_with("cluster,name,organization,"), "{csv}");
        let filter = r#"{"name":{"in":["EM-2","EM-3"]},"organization":{"ids":["@"]}}"#.replace('@', &estate.north);
        let filtered = format!("/export/profiles?format=jsonl&filter={}", percent(&filter));
        let (_, lines) = admin.get(&filtered).await;
        let row: Value = serde_json::from_str(&lines).expect("one row");
        assert_eq!((&row["name"], &row["organization"]), (&json!("EM-2"), &json!("acme.north.berlin")));
        let lines_of = format!("/export/appearances?filter={}", percent(r#"{"pattern":{"equals":"4001"}}"#));
        assert_eq!(admin.get(&lines_of).await.1.lines().count(), 3);
        let south = server.somebody(Role::Viewer, &estate.south).await;
        assert_eq!(south.get("/export/profiles").await.1.lines().count(), 2);
        for (path, status) in [
            ("/export/things", 422),
            ("/export/profiles?format=xml", 400),
            ("/export/profiles?filter=%7B%22nam%22%3A1%7D", 422),
        ] {
            let (got, body) = admin.get(path).await;
            assert_eq!(got, status, "{path} {body}");
        }
        assert_eq!(server.stranger().get("/export/profiles").await.0, 401);

        // Both ways of writing make the same again.
        let whole = admin.get("/export/profiles").await.1;
        for format in ["csv", "jsonl"] {
            let (_, data) = admin.get(&format!("/export/profiles?format={format}")).await;
            let ids = admin.data("{ profiles { nodes { id } } }").await;
            let items: Vec<_> = ids["profiles"]["nodes"].as_array().expect("profiles").iter().map(|node| json!({"id": node["id"]})).collect();
            admin.done("deleteProfiles", json!({"items": items}), "").await;
            let kind = if format == "csv" { "text/csv" } else { "application/jsonl" };
            let (status, body) = admin.send("/jobs/import?noun=profiles&autoRun=true", kind, data).await;
            assert_eq!(status, 202, "{body}");
            work(&server).await;
            assert_eq!(admin.get("/export/profiles").await.1, whole, "{format}");
        }
    }
}

/// Rows, results and exports are read part by part, whatever their number.
#[tokio::test(flavor = "multi_thread")]
async fn rows_and_results_are_read_in_parts() {
    let server = Roamline::sqlite_with(|config| config.bulk.part_ms = 60_000).await;
    let (_, admin) = (server.estate().await, server.admin());
    let names: Vec<_> = (0..2_100).map(|n| format!("user{n:04}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let id = admin.import("noun=users&autoRun=true", &users(&names)).await;
    let claimed = server.app.claim_job().await.expect("a look").expect("a job");
    let mut parts = 1;
    while step(&server.app, claimed).await.expect("a part") {
        parts += 1;
    }
    assert_eq!(parts, 11, "200 rows at most are held at once");
    let before = server.app.statements();
    assert_eq!(admin.results(&id).await.len(), 2_100);
    assert!(server.app.statements() - before >= 4, "pages of 1,000");
    let before = server.app.statements();
    assert_eq!(admin.get("/export/users").await.1.lines().count(), 2_101);
    assert!(server.app.statements() - before >= 5, "pages of 1,000");
    server.close().await;
}

/// Jobs that have ended are forgotten with their rows, as the setting says.
#[tokio::test(flavor = "multi_thread")]
async fn old_jobs_are_forgotten() {
    let server = Roamline::sqlite_with(|config| config.bulk.keep_days = 1).await;
    let (_, admin) = (server.estate().await, server.admin());
    admin.import("noun=users&autoRun=true", &users(&["anna"])).await;
    work(&server).await;
    admin.import("noun=users&autoRun=true", &users(&["ben"])).await;
    assert_eq!(server.app.forget_jobs().await.expect("a look"), 0);
    server.pass(std::time::Duration::from_hours(25));
    assert_eq!(server.app.forget_jobs().await.expect("forgotten"), 1);
    assert_eq!(admin.data("{ jobs { totalCount } }").await["jobs"]["totalCount"], 1);
    server.close().await;
}

story! {
    /// QAS-1 to QAS-3 in bulk: each row is what `quickAddUser` does, with its refusals at the columns, and what was refused is
    /// mended and tried again.
    async fn users_are_added_by_a_group(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let group = |name: &str, at: &str| json!({
            "organizationId": at, "clusterId": estate.emea, "name": name, "product": "Cisco 8841", "line": {"partition": "PT"},
        });
        admin.done("createQuickAddGroup", group("Desk", &estate.north), "group { id }").await;
        admin.done("createQuickAddGroup", group("Twice", &estate.north), "group { id }").await;
        admin.done("createQuickAddGroup", group("twice", &estate.berlin), "group { id }").await;
        admin.user(&estate, &estate.berlin, "there").await;
        admin.done("createNumbers", json!({
            "organizationId": estate.acme, "clusterId": estate.emea, "first": "7000", "last": "7002", "partition": "PT",
        }), "").await;
        let header = "group,groupOrganization,organization,userId,lastName,number\n";
        let rows = "Desk,,acme.north.berlin,mona,Lang,\nDesk,acme.north,,there,,7001\ndesk,,,nobody,,\nDesk,,,late,Hour,7001\n\
                    Twice,,,two,Fold,\nTwice,acme.north.berlin,,two,Fold,\nDesk,,,three,Fold,\n";
        let id = admin.import("noun=quick_adds&autoRun=true", &format!("{header}{rows}")).await;
        work(&server).await;
        assert_eq!(admin.results(&id).await, [
            "2 DONE", "3 DONE", "4 REFUSED NOT_FOUND at userId", "5 DONE", "6 REFUSED VALUE_INVALID at group",
            "7 DONE", "8 REFUSED NO_NUMBER_AVAILABLE at number",
        ]);
        let query = "{ users(first: 9, orderBy: {field: USER_ID}) { nodes { userId organization { path }
            profiles { nodes { name lines { nodes { role line { pattern } } } } } } } }";
        let told: Vec<_> = admin.data(query).await["users"]["nodes"].as_array().expect("users").iter().map(|user| {
            let profile = &user["profiles"]["nodes"][0];
            let line = &profile["lines"]["nodes"][0];
            format!(
                "{} {} {} {} {}", text(&user["userId"]), text(&user["organization"]["path"]), text(&profile["name"]),
                text(&line["role"]), text(&line["line"]["pattern"])
            )
        }).collect();
        assert_eq!(told, [
            "late acme.north EM_late CLONE 7001", "mona acme.north.berlin EM_mona ORIGINAL 7000",
            "there acme.north.berlin EM_there ORIGINAL 7001", "two acme.north.berlin EM_two ORIGINAL 7002",
        ]);

        admin.done("createNumbers", json!({
            "organizationId": estate.acme, "clusterId": estate.emea, "first": "7003", "last": "7003", "partition": "PT",
        }), "").await;
        let again = admin.done("retryJob", json!({"id": id}), "job { id }").await;
        work(&server).await;
        assert_eq!(admin.results(&text(&again["job"]["id"])).await, [
            "4 REFUSED NOT_FOUND at userId", "6 REFUSED VALUE_INVALID at group", "8 DONE",
        ]);
        let (status, told) = admin.get("/export/quick_adds").await;
        assert_eq!(status, 422, "{told}");
        assert!(told.contains("no part of an estate"), "{told}");
    }
}

/// Validates data, runs it, and looks that each row ended as validation said; answers how those ended that were refused.
async fn agrees(server: &Roamline, noun: &str, data: &str) -> Vec<String> {
    let admin = server.admin();
    let id = admin.import(&format!("noun={noun}"), data).await;
    work(server).await;
    let foreseen = admin.results(&id).await;
    assert_eq!(admin.job(&id).await["state"], "VALIDATED");
    admin.done("runJob", json!({"id": id}), "").await;
    work(server).await;
    let ended = admin.results(&id).await;
    let passed: Vec<_> = foreseen.iter().map(|row| row.replace(" PASSED", " DONE")).collect();
    assert_eq!(passed, ended, "{noun}");
    ended.into_iter().filter(|row| !row.ends_with(" DONE")).collect()
}

story! {
    /// BLK-5, BLK-6: rows are validated behind those above them, also where these lie in another part: what they make is there,
    /// and what they took is taken. A part has 200 rows at most.
    async fn validation_foresees_what_earlier_rows_make(server) {
        let (_, admin) = (server.estate().await, server.admin());
        let between = |row: &dyn Fn(usize) -> String| (0..205).map(row).collect::<String>();
        let parents = "path,kind\nacme.far,CUSTOMER\nacme.far.east,INTERMEDIATE\n".to_owned()
            + &between(&|n| format!("acme.north.site{n:03},SITE\n"))
            + "acme.far.east.tokyo,SITE\nacme.North.SITE007,SITE\nacme.nowhere.oslo,SITE\n";
        assert_eq!(agrees(&server, "organizations", &parents).await, [
            "210 REFUSED ORGANIZATION_NAME_TAKEN at path", "211 REFUSED NOT_FOUND at path",
        ]);
        let names: Vec<_> = (0..205).map(|n| format!("user{n:03}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).chain(["user003", "new", "new"]).collect();
        assert_eq!(agrees(&server, "users", &users(&names)).await, [
            "207 REFUSED USER_ID_TAKEN at userId", "209 REFUSED USER_ID_TAKEN at userId",
        ]);
        let profiles = "cluster,name,organization,product,protocol\n".to_owned()
            + &between(&|n| format!("emea,EM-{n:03},acme.north.berlin,Cisco 8841,SIP\n"))
            + "emea,em-004,acme.north.berlin,Cisco 8841,SIP\n";
        assert_eq!(agrees(&server, "profiles", &profiles).await, ["207 REFUSED NAME_TAKEN_BY_PROFILE at name"]);
        // A clone of an original far above, a place that is taken there, a clone without an original.
        let lines = "cluster,pattern,organization\n".to_owned()
            + &between(&|n| format!("emea,4{n:03},acme.north.berlin\n")) + "emea,4009,acme.north.paris\n";
        assert_eq!(agrees(&server, "lines", &lines).await, ["207 REFUSED LINE_TAKEN at pattern"]);
        let appearances = "cluster,pattern,device,index,role\n".to_owned()
            + &between(&|n| format!("emea,4{n:03},EM-{n:03},1,ORIGINAL\n"))
            + "emea,4000,EM-001,2,CLONE\nemea,4002,EM-001,2,CLONE\nemea,4003,EM-004,1,CLONE\nemea,4001,EM-001,3,CLONE\n";
        let refused = agrees(&server, "appearances", &appearances).await;
        assert_eq!(refused.len(), 3, "{refused:?}");
        // Users of a profile stand one behind the other.
        let order = "cluster,profile,user,position\n".to_owned()
            + &between(&|n| format!("emea,EM-{n:03},user{n:03},1\n"))
            + "emea,EM-000,user001,2\nemea,EM-000,user002,4\nemea,EM-000,user000,\n";
        let refused = agrees(&server, "profile_users", &order).await;
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert_eq!(admin.data("{ profiles(filter: {name: {equals: \"EM-001\"}}) { nodes { lines { totalCount } } } }").await
            ["profiles"]["nodes"][0]["lines"]["totalCount"], 2);
    }
}

story! {
    /// BLK-6, QAS-1: a late row adds a profile for a user whom the first row makes; another one repeats the user. What they
    /// build on is told.
    async fn validation_foresees_whom_quick_adds_make(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.done("createQuickAddGroup", json!({
            "organizationId": estate.north, "clusterId": estate.emea, "name": "Desk", "product": "Cisco 8841",
        }), "").await;
        let header = "group,userId,lastName,number,profileName\n";
        let row = |n: usize| format!("Desk,user{n:03},Lang,5{n:03},\n");
        let rows: String = (0..205).map(row).collect();
        let late = "Desk,user001,,6001,EM_second\nDesk,user002,Lang,6002,\nDesk,nobody,,6003,\nDesk,other,Lang,5000,em_user003\n";
        let data = format!("{header}{rows}{late}");
        let id = admin.import("noun=quick_adds", &data).await;
        work(&server).await;
        let (_, body) = admin.get(&format!("/jobs/{id}/result")).await;
        let told: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let builds: Vec<_> = told[205..].iter().map(|row| row["buildsOn"].clone()).collect();
        assert_eq!(builds, [json!([2]), json!([3]), Value::Null, json!([1, 4])]);
        assert_eq!(told[0].get("buildsOn"), None);
        admin.done("cancelJob", json!({"id": id}), "").await;
        let refused = agrees(&server, "quick_adds", &data).await;
        let lines: Vec<_> = refused.iter().map(|row| row.split(' ').next()).collect();
        assert_eq!(lines, [Some("208"), Some("209"), Some("210")], "{refused:?}");
    }
}

story! {
    /// QAS-1, INV-5: rows that take the next free number are told from which one on there is none left.
    async fn validation_foresees_where_numbers_run_out(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for (name, partition, first, last) in [("Desk", "A", "5000", "5206"), ("Hall", "B", "6000", "6206")] {
            admin.done("createQuickAddGroup", json!({
                "organizationId": estate.north, "clusterId": estate.emea, "name": name, "product": "Cisco 8841",
                "line": {"partition": partition},
            }), "").await;
            admin.done("createNumbers", json!({
                "organizationId": estate.acme, "clusterId": estate.emea, "first": first, "last": last, "partition": partition,
            }), "").await;
        }
        let row = |n: usize| format!("Desk,user{n:03},Lang\n");
        let rows: String = (0..210).map(row).collect();
        let data = format!("group,userId,lastName\n{rows}Hall,late,Lang\n");
        let refused = agrees(&server, "quick_adds", &data).await;
        let none = |line: usize| format!("{line} REFUSED NO_NUMBER_AVAILABLE at number");
        assert_eq!(refused, [none(209), none(210), none(211)]);
    }
}

/// BLK-6: a row that builds on more rows than are tried once more for it is told as such, and not refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_builds_on_too_many_is_not_judged() {
    let server = Roamline::sqlite_with(|config| config.bulk.part_ms = 60_000).await;
    let (estate, admin) = (server.estate().await, server.admin());
    admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
    let dial = |n: usize| format!("emea,EM-1,SPEED_DIAL,{n},{n},dial,\n");
    let lamp = |n: usize| format!("emea,EM-1,BUSY_LAMP_FIELD,{n},,lamp,{n}\n");
    let data = "cluster,device,kind,index,number,label,destination\n".to_owned()
        + &(1..=199).map(dial).collect::<String>()
        + &(1..=199).map(lamp).collect::<String>()
        + &dial(7)
        + &dial(8)
        + &dial(9);
    let id = admin.import("noun=buttons", &data).await;
    work(&server).await;
    let foreseen = admin.results(&id).await;
    assert_eq!(foreseen.iter().filter(|row| row.ends_with(" PASSED")).count(), 398, "{foreseen:?}");
    // The last of the second part and those of the third.
    assert_eq!(
        foreseen[398..],
        [
            "400 REFUSED BUTTON_LIMIT at kind",
            "401 REFUSED BUTTON_LIMIT at kind",
            "402 DEPENDS_ON_EARLIER_ROWS"
        ]
    );
    let job = admin.job(&id).await;
    assert_eq!((&job["done"], &job["failed"]), (&json!(399), &json!(2)));
    admin.done("runJob", json!({"id": id}), "").await;
    work(&server).await;
    assert_eq!(admin.job(&id).await["failed"], 3);
    server.close().await;
}

story! {
    /// SES-6: a job that logs people in goes no faster than the cluster takes it: it rests, and goes on by the application's clock.
    async fn a_job_of_logins_keeps_to_what_goes_at_once(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.done("updateCluster", json!({"id": estate.emea, "maxConcurrentLogins": 2}), "").await;
        let mut rows = vec!["cluster,phone,user\n".to_owned()];
        for number in 1..=5 {
            let user = admin.user(&estate, &estate.berlin, &format!("user{number}")).await;
            let profile = admin.profile(&estate, &estate.berlin, &format!("EM-{number}"), &[]).await;
            admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
            admin.phone(&estate, &estate.berlin, &format!("SEP{number}")).await;
            rows.push(format!("emea,SEP{number},user{number}\n"));
        }
        let id = admin.import("noun=sessions", &rows.concat()).await;
        work(&server).await;
        let job = admin.job(&id).await;
        assert_eq!((&job["state"], &job["done"], &job["failed"]), (&json!("VALIDATED"), &json!(5), &json!(0)));
        admin.done("runJob", json!({"id": id}), "").await;
        for done in [2, 4, 5] {
            work(&server).await;
            work(&server).await;
            let job = admin.job(&id).await;
            assert_eq!((&job["done"], &job["failed"]), (&json!(done), &json!(0)));
            server.pass(std::time::Duration::from_millis(2_001));
        }
        assert_eq!(admin.job(&id).await["state"], "DONE");
    }
}

story! {
    /// SVC-15, QAS-1: a row says values for the group's services and names further ones, in both formats; what is no parameter,
    /// not there or a password is refused at the column.
    async fn quick_adds_say_services(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let service = async |name: &str, parameters: Value| {
            let input = json!({
                "clusterId": estate.emea, "name": name, "url": format!("http://{name}.example/"), "parameters": parameters,
            });
            text(&admin.done("createService", input, "service { id }").await["service"]["id"])
        };
        let news = service("News", json!([{"name": "ext", "required": true}])).await;
        service("Weather", json!([{"name": "city", "required": false}])).await;
        service("Vault", json!([{"name": "pin", "password": true, "required": false}, {"name": "room", "required": false}])).await;
        admin.done("createQuickAddGroup", json!({
            "organizationId": estate.north, "clusterId": estate.emea, "name": "Desk", "product": "Cisco 8841",
            "services": [{"serviceId": news, "values": [{"name": "ext", "value": "{number}"}]}],
        }), "").await;
        let said = [
            json!([]),
            json!([{"service": "news", "values": {"ext": "77"}}, {"service": "Weather", "values": {"city": "Oslo"}}]),
            json!([{"service": "Weather"}, {"service": "Vault", "values": {"room": "1"}}]),
            json!([{"service": "Vault", "values": {"pin": "1234"}}]),
            json!([{"service": "Sports"}]),
            json!([{"service": "Weather", "values": {"town": "Oslo"}}]),
            json!([{"name": "Weather"}]),
        ];
        let quoted = |services: &Value| format!("\"{}\"", services.to_string().replace('"', "\"\""));
        let mut csv = vec!["group,userId,lastName,number,services\n".to_owned()];
        let mut lines = Vec::new();
        for (at, services) in said.iter().enumerate() {
            csv.push(format!("Desk,a{at},Lang,4{at},{}\n", quoted(services)));
            let row = json!({"group": "Desk", "userId": format!("b{at}"), "lastName": "Lang", "number": format!("5{at}"), "services": services});
            lines.push(format!("{row}\n"));
        }
        let first = admin.import("noun=quick_adds&autoRun=true", &csv.concat()).await;
        let (status, body) = admin.send("/jobs/import?noun=quick_adds&autoRun=true", "application/jsonl", lines.concat()).await;
        assert_eq!(status, 202, "{body}");
        let second = text(&serde_json::from_str::<Value>(&body).expect("JSON")["id"]);
        work(&server).await;
        for (id, line) in [(&first, 2), (&second, 1)] {
            let ended = admin.results(id).await;
            let want = [
                "DONE", "DONE", "DONE", "REFUSED QUICK_ADD_PASSWORD at services", "REFUSED NOT_FOUND at services",
                "REFUSED SERVICE_PARAMETER_UNKNOWN at services", "REFUSED VALUE_INVALID at services",
            ];
            let want: Vec<_> = want.iter().enumerate().map(|(at, ended)| format!("{} {ended}", at + line)).collect();
            assert_eq!(ended, want);
        }
        let (_, subscriptions) = admin.get("/export/service_subscriptions?format=jsonl").await;
        let mut told: Vec<_> = subscriptions.lines().map(|line| {
            let row: Value = serde_json::from_str(line).expect("JSON");
            format!("{} {} {}", text(&row["device"]), text(&row["service"]), row["values"])
        }).collect();
        told.sort();
        let of = |who: &str, number: &str| vec![
            format!("EM_{who}0 News [{{\"name\":\"ext\",\"value\":\"{number}0\"}}]"),
            format!("EM_{who}1 News [{{\"name\":\"ext\",\"value\":\"77\"}}]"),
            format!("EM_{who}1 Weather [{{\"name\":\"city\",\"value\":\"Oslo\"}}]"),
            format!("EM_{who}2 News [{{\"name\":\"ext\",\"value\":\"{number}2\"}}]"),
            format!("EM_{who}2 Vault [{{\"name\":\"room\",\"value\":\"1\"}}]"),
            format!("EM_{who}2 Weather []"),
        ];
        assert_eq!(told, [of("a", "4"), of("b", "5")].concat());
    }
}
