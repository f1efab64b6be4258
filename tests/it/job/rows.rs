//! Stories of the rows of jobs and exports: which ones a filter lets pass, what is kept of their passwords, and what they
//! change and delete.

use std::path::Path;

use roamline::bulk::{self, File};
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use super::{exported, work};
use crate::{
    roamline::{Client, Roamline, percent, text},
    story,
};

/// Loads the sample.
async fn sample(server: &Roamline) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acme");
    let caller = Roamline::caller();
    let report = bulk::import(&server.app, &caller, &folder, bulk::Mode::default(), |_, _| {}).await;
    assert_eq!(report.expect("read").refusals.len(), 0);
}

/// Whether a filter is to let a row pass.
type Keeps = Box<dyn Fn(&Value) -> bool + Send + Sync>;

fn rows(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

story! {
    /// Every noun that is exported takes the filter of its own list, and tells of the whole export just the rows that it lets
    /// pass, as they stand there.
    async fn every_noun_is_exported_by_its_own_filter(server) {
        sample(&server).await;
        let admin = server.admin();
        let found = admin.data(r#"{ clusters(filter: {name: {equals: "pacific"}}) { nodes { id } }
            profiles(filter: {name: {equals: "EM_anna.berg"}}) { nodes { id } }
            sessions { nodes { id phone { name } } } services(filter: {name: {equals: "Extension Mobility"}}) { nodes { id } } }"#).await;
        let pacific = text(&found["clusters"]["nodes"][0]["id"]);
        let anna = text(&found["profiles"]["nodes"][0]["id"]);
        let session = &found["sessions"]["nodes"][0];
        let services: Vec<_> = found["services"]["nodes"].as_array().expect("services").iter().map(|node| &node["id"]).collect();
        let is = |column: &'static str, text: &'static str| Box::new(move |row: &Value| row[column] == text) as Keeps;
        let begins = |column: &'static str, with: &'static str| {
            Box::new(move |row: &Value| text(&row[column]).starts_with(with)) as Keeps
        };
        let phone = text(&session["phone"]["name"]);
        let kept: Vec<(File, Value, Keeps)> = vec![
            (File::Organizations, json!({"path": {"startsWith": "acme.solara"}}), begins("path", "acme.Solara")),
            (File::Clusters, json!({"name": {"equals": "pacific"}}), is("name", "pacific")),
            (File::Devices, json!({"name": {"startsWith": "gw-"}}), begins("name", "GW-")),
            (File::Users, json!({"userId": {"startsWith": "an"}}), begins("userId", "an")),
            (File::Profiles, json!({"name": {"startsWith": "em_an"}}), begins("name", "EM_an")),
            (File::ProfileUsers, json!({"name": {"startsWith": "em_an"}}), begins("profile", "EM_an")),
            (File::Phones, json!({"clusters": [pacific]}), is("cluster", "pacific")),
            (File::Lines, json!({"partition": {"equals": "PT_BERLIN"}}), is("partition", "PT_BERLIN")),
            (File::Appearances, json!({"role": "CLONE"}), is("role", "CLONE")),
            (File::Appearances, json!({"devices": [anna]}), is("device", "EM_anna.berg")),
            (File::UserPhones, json!({"clusters": [pacific]}), is("cluster", "pacific")),
            (File::UserCtiProfiles, json!({"clusters": [pacific]}), is("cluster", "pacific")),
            (File::Buttons, json!({"kinds": ["SPEED_DIAL"]}), is("kind", "SPEED_DIAL")),
            (File::Buttons, json!({"devices": [anna], "not": {"kinds": ["SPEED_DIAL"]}}), Box::new(|row| {
                row["device"] == "EM_anna.berg" && row["kind"] != "SPEED_DIAL"
            })),
            (File::Templates, json!({"name": {"startsWith": "Nordwind"}}), begins("name", "Nordwind")),
            (File::Numbers, json!({"statuses": ["AVAILABLE"]}), is("status", "AVAILABLE")),
            (File::DefaultDeviceProfiles, json!({"clusters": [pacific]}), is("cluster", "pacific")),
            (File::Sessions, json!({"ids": [session["id"]]}), Box::new(move |row| row["phone"] == phone)),
            (File::Services, json!({"types": ["DIRECTORIES"]}), is("type", "DIRECTORIES")),
            (File::ServiceSubscriptions, json!({"not": {"services": services}}), Box::new(|row| row["service"] != "Extension Mobility")),
            (File::QuickAddGroups, json!({"hasCluster": false}), Box::new(|row| row["cluster"].is_null())),
        ];
        let covered: Vec<_> = kept.iter().map(|(file, ..)| *file).collect();
        assert!(File::ALL.iter().all(|file| covered.contains(file)), "every noun");
        for (file, filter, keeps) in kept {
            let noun = file.noun();
            let (_, whole) = admin.get(&format!("/export/{noun}?format=jsonl")).await;
            let (status, some) = admin.get(&format!("/export/{noun}?format=jsonl&filter={}", percent(&filter.to_string()))).await;
            assert_eq!(status, 200, "{noun} {filter}: {some}");
            let whole = rows(&whole);
            let mut want = whole.clone();
            want.retain(|row| keeps(row));
            assert!(!want.is_empty() && want.len() < whole.len(), "{noun}: {} of {}", want.len(), whole.len());
            assert_eq!(rows(&some), want, "{noun} {filter}");
        }
        let (status, told) = admin.get(&format!("/export/sessions?filter={}", percent(r#"{"product": {"equals": "x"}}"#))).await;
        assert_eq!(status, 422, "{told}");
    }
}

story! {
    /// ACC-7: the own filter of what stands on devices finds nothing that the caller does not see.
    async fn a_filter_of_buttons_finds_only_what_is_seen(server) {
        let estate = exported(&server).await;
        let admin = server.admin();
        let data = admin.data("{ profiles { nodes { id } } }").await;
        for node in data["profiles"]["nodes"].as_array().expect("profiles") {
            let dial = json!({"deviceId": node["id"], "button": {"speedDial": {"label": "x", "number": "1"}}});
            admin.done("addButton", dial, "").await;
        }
        let south = server.somebody(entity::token::Role::Viewer, &estate.south).await;
        let dials = format!("/export/buttons?filter={}", percent(r#"{"kinds": ["SPEED_DIAL"]}"#));
        assert_eq!((admin.get(&dials).await.1.lines().count(), south.get(&dials).await.1.lines().count()), (4, 2));
    }
}

/// A password that must not be met again.
const SECRET: &str = "pl4nted-9137";

/// Columns that hold the secret, as `table.column`, wherever there is one.
async fn planted(server: &Roamline) -> Vec<String> {
    let db = Database::connect(&server.database).await.expect("connected");
    let backend = db.get_database_backend();
    let all =
        async |sql: String| db.query_all_raw(Statement::from_string(backend, sql)).await.expect("asked");
    let columns = if backend == sea_orm::DatabaseBackend::Postgres {
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    } else {
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
    };
    let mut found = Vec::new();
    for row in all(columns.to_owned()).await {
        let (table, column): (String, String) =
            (row.try_get_by_index(0).expect("a table"), row.try_get_by_index(1).expect("a column"));
        let sql =
            format!(r#"SELECT 1 FROM "{table}" WHERE CAST("{column}" AS TEXT) LIKE '%{SECRET}%' LIMIT 1"#);
        if !all(sql).await.is_empty() {
            found.push(format!("{table}.{column}"));
        }
    }
    db.close().await.expect("closed");
    found.sort();
    found
}

impl Client {
    async fn upload(&self, query: &str, rows: &[Value]) -> String {
        let data = rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
        let (status, body) = self.send(&format!("/jobs/import?{query}"), "application/jsonl", data).await;
        assert_eq!(status, 202, "{body}");
        text(&serde_json::from_str::<Value>(&body).expect("JSON")["id"])
    }
}

story! {
    /// SVC-15: a password in a row is kept apart, until the row is done or the job has ended, and is then nowhere but where it
    /// is used; a row without one is tried again as it was.
    async fn passwords_are_kept_no_longer_than_a_job_needs_them(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let service = json!({"clusterId": estate.emea, "name": "Mail", "url": "http://m/",
            "parameters": [{"name": "pin", "password": true, "required": false}, {"name": "box", "required": false}]});
        admin.done("createService", service, "").await;
        admin.profile(&estate, &estate.berlin, "EM-1", &[]).await;
        let row = |device: &str, name: &str, value: &str| {
            json!({"cluster": "emea", "device": device, "service": "Mail", "values": [{"name": name, "value": value}]})
        };
        let sent = [
            row("EM-1", "pin", SECRET),
            row("EM-2", "pin", SECRET),
            row("EM-2", "box", "7"),
            row("EM-2", "pni", SECRET),
            // A number where a text should be, and a cell that is cut off: neither is told.
            json!({"cluster": "emea", "device": "EM-1", "service": "Mail", "values": [{"name": "pin", "value": 9137}]}),
            json!({"cluster": "emea", "device": "EM-1", "service": "Mail", "values": format!("[{{\"name\": \"pin\", \"value\": \"{SECRET}\"")}),
        ];
        let id = admin.upload("noun=service_subscriptions", &sent).await;
        assert_eq!(planted(&server).await, ["job_row.secret"], "while the job needs it");
        work(&server).await;
        assert_eq!(admin.results(&id).await, [
            "1 PASSED", "2 REFUSED NOT_FOUND at device", "3 REFUSED NOT_FOUND at device", "4 REFUSED NOT_FOUND at device",
            "5 REFUSED VALUE_INVALID at values", "6 REFUSED VALUE_INVALID at values",
        ]);
        assert_eq!(planted(&server).await, ["job_row.secret"]);
        admin.done("runJob", json!({"id": id}), "").await;
        work(&server).await;
        let (_, told) = admin.get(&format!("/jobs/{id}/result")).await;
        assert!(!told.contains("9137"), "{told}");
        assert_eq!(planted(&server).await, ["service_subscription.secrets"]);

        // What was refused is tried again, but for what was a password or might have been one.
        admin.profile(&estate, &estate.berlin, "EM-2", &[]).await;
        let again = text(&admin.done("retryJob", json!({"id": id}), "job { id }").await["job"]["id"]);
        work(&server).await;
        let ended = admin.results(&again).await;
        assert_eq!(ended, [
            "2 REFUSED VALUE_INVALID at values", "3 DONE", "4 REFUSED VALUE_INVALID at values",
            "5 REFUSED VALUE_INVALID at values", "6 REFUSED VALUE_INVALID at values",
        ]);
        assert!(admin.get(&format!("/jobs/{again}/result")).await.1.contains("send the row again"));

        // However a job ends.
        let given_up = admin.upload("noun=service_subscriptions", &sent).await;
        admin.done("cancelJob", json!({"id": given_up}), "").await;
        // Where a password is refused, it is no more kept.
        let add = json!({"group": "Desk", "userId": "x", "services": [{"service": "Mail", "values": {"pin": SECRET}}]});
        admin.upload("noun=quick_adds&autoRun=true", &[add]).await;
        let fixed = json!({"cluster": "emea", "name": "Vault", "url": "http://v/", "parameters": [{"name": "pin", "password": true, "default": SECRET}]});
        admin.upload("noun=services&autoRun=true", &[fixed]).await;
        work(&server).await;
        assert_eq!(planted(&server).await, ["service_subscription.secrets"]);
    }
}

story! {
    /// BLK-6: an export that is sent back as an update changes nothing, whatever it holds.
    async fn an_export_that_is_sent_back_changes_nothing(server) {
        sample(&server).await;
        let admin = server.admin();
        for noun in ["profiles", "lines", "users", "numbers", "services"] {
            for (format, kind) in [("csv", "text/csv"), ("jsonl", "application/jsonl")] {
                let (_, data) = admin.get(&format!("/export/{noun}?format={format}")).await;
                let before = admin.data("{ changes(last: 1, filter: {kinds: [PROFILE_UPDATED, LINE_UPDATED, USER_UPDATED, NUMBER_UPDATED, SERVICE_UPDATED]}) { totalCount } }").await;
                let (status, body) = admin.send(&format!("/jobs/import?noun={noun}&mode=update&autoRun=true"), kind, data.clone()).await;
                assert_eq!(status, 202, "{body}");
                let id = text(&serde_json::from_str::<Value>(&body).expect("JSON")["id"]);
                work(&server).await;
                let refused: Vec<_> = admin.results(&id).await.into_iter().filter(|row| !row.ends_with(" DONE")).collect();
                assert_eq!(refused, [""; 0], "{noun} {format}");
                let after = admin.data("{ changes(last: 1, filter: {kinds: [PROFILE_UPDATED, LINE_UPDATED, USER_UPDATED, NUMBER_UPDATED, SERVICE_UPDATED]}) { totalCount } }").await;
                assert_eq!(after, before, "{noun} {format}");
                assert_eq!(admin.get(&format!("/export/{noun}?format={format}")).await.1, data);
            }
        }
    }
}

story! {
    /// BLK-6, TXN-5: rows change what they name: the columns that are there and no others. What cannot be changed must be as
    /// it is; an empty cell puts the default back. Validation foresees it, and what is refused is tried again.
    async fn rows_change_what_they_name(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for name in ["EM-1", "EM-2", "EM-3"] {
            let input = json!({
                "organizationId": estate.berlin, "clusterId": estate.emea, "name": name, "product": "Cisco 8841", "protocol": "SIP",
                "description": "old", "settings": {"privacy": "ON"},
            });
            admin.done("createProfile", input, "").await;
        }
        let data = "cluster,name,organization,description,privacy\n\
                    emea,em-1,acme.north.berlin,new,\nemea,EM-2,acme.south,,OFF\nemea,EM-3,acme.north.berlin,,OFF\nemea,EM-9,acme.north.berlin,,OFF\n";
        let id = admin.import("noun=profiles&mode=update", data).await;
        work(&server).await;
        let want = ["2 PASSED", "3 REFUSED VALUE_INVALID at organization", "4 PASSED", "5 REFUSED NOT_FOUND at name"];
        assert_eq!(admin.results(&id).await, want);
        let job = admin.data(&format!(r#"{{ job(id: "{id}") {{ mode kind state }} }}"#)).await;
        assert_eq!(job["job"], json!({"mode": "UPDATE", "kind": "IMPORT", "state": "VALIDATED"}));
        admin.done("runJob", json!({"id": id}), "").await;
        work(&server).await;
        let profiles = "{ profiles { nodes { name description settings { privacy } } } }";
        let told = admin.data(profiles).await["profiles"]["nodes"].take();
        let row = |name: &str, description: &str, privacy: &str| json!({"name": name, "description": description, "settings": {"privacy": privacy}});
        assert_eq!(told, json!([row("EM-1", "new", "DEFAULT"), row("EM-2", "old", "ON"), row("EM-3", "", "OFF")]));

        // What was not there is made, and the row is tried again as what it was.
        admin.profile(&estate, &estate.berlin, "EM-9", &[]).await;
        let again = admin.done("retryJob", json!({"id": id}), "job { id mode }").await;
        assert_eq!(again["job"]["mode"], "UPDATE");
        work(&server).await;
        assert_eq!(admin.results(&text(&again["job"]["id"])).await, ["3 REFUSED VALUE_INVALID at organization", "5 DONE"]);

        // Only what must name it has to be there; a required value is not emptied.
        admin.user(&estate, &estate.berlin, "anna").await;
        let data = "cluster,userId,department,lastName\nemea,anna,Sales,\n";
        let id = admin.import("noun=users&mode=update&autoRun=true", data).await;
        work(&server).await;
        assert_eq!(admin.results(&id).await, ["2 REFUSED VALUE_REQUIRED at lastName"]);
        let rows = [json!({"cluster": "emea", "userId": "anna", "department": "Sales"}), json!({"cluster": "emea", "userId": "anna", "email": null})];
        let id = admin.upload("noun=users&mode=update&autoRun=true", &rows).await;
        work(&server).await;
        assert_eq!(admin.results(&id).await, ["1 DONE", "2 DONE"]);
        assert_eq!(admin.data("{ users { nodes { department } } }").await["users"]["nodes"][0]["department"], "Sales");
        let started = admin.done("startImport", json!({"noun": "lines", "mode": "DELETE"}), "job { mode }").await;
        assert_eq!(started["job"]["mode"], "DELETE");
    }
}

story! {
    /// BLK-6, DEL-9: rows delete what they name, unless it is in use; a second row finds nothing, as validation says. Other
    /// nouns are only made, and who may not delete is refused.
    async fn rows_delete_what_they_name(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for name in ["EM-1", "EM-2"] {
            admin.profile(&estate, &estate.berlin, name, &["4001"]).await;
        }
        let other = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": "4002"});
        admin.done("createLine", other, "").await;
        let data = "cluster,pattern,partition,organization\nemea,4001,,acme.north.berlin\nemea,4002,,nobody reads this\nemea,4002,,\n";
        let agree = async |noun: &str, data: &str, want: &[&str]| {
            let id = admin.import(&format!("noun={noun}&mode=delete"), data).await;
            work(&server).await;
            let foreseen = admin.results(&id).await;
            admin.done("runJob", json!({"id": id}), "").await;
            work(&server).await;
            let ended = admin.results(&id).await;
            assert_eq!(ended, want);
            let passed: Vec<_> = foreseen.iter().map(|row| row.replace(" PASSED", " DONE")).collect();
            assert_eq!(passed, ended, "{noun}");
        };
        agree("lines", data, &["2 REFUSED LINE_HAS_APPEARANCES at pattern", "3 DONE", "4 REFUSED NOT_FOUND at pattern"]).await;
        agree("profiles", "cluster,name\nemea,EM-1\nemea,EM-2\nemea,em-1\n", &["2 DONE", "3 DONE", "4 REFUSED NOT_FOUND at name"]).await;
        let left = admin.data("{ profiles { totalCount } lines { totalCount } }").await;
        assert_eq!(left, json!({"profiles": {"totalCount": 0}, "lines": {"totalCount": 1}}));
        admin.done("createNumbers", json!({"organizationId": estate.north, "clusterId": estate.emea, "first": "4005", "last": "4006"}), "").await;
        agree("numbers", "cluster,pattern\nemea,4005\n", &["2 DONE"]).await;
        admin.done("createService", json!({"clusterId": estate.emea, "name": "News", "url": "http://n/"}), "").await;
        agree("services", "cluster,name\nemea,news\n", &["2 DONE"]).await;
        admin.user(&estate, &estate.berlin, "anna").await;
        agree("users", "cluster,userId\nemea,anna\n", &["2 DONE"]).await;

        for (query, status) in [("noun=sessions&mode=delete", 422), ("noun=lines&mode=drop", 422)] {
            let (got, body) = admin.send(&format!("/jobs/import?{query}"), "text/csv", data).await;
            assert_eq!(got, status, "{body}");
        }
        let viewer = server.somebody(entity::token::Role::Viewer, &estate.north).await;
        assert_eq!(viewer.send("/jobs/import?noun=lines&mode=delete", "text/csv", data).await.0, 403);
    }
}
