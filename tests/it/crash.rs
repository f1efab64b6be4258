//! A server that is killed at any moment keeps what it acknowledged and leaves nothing half done.

use std::{
    collections::BTreeSet,
    process::{Child, Command, Stdio},
    time::Duration,
};

use entity::Moment;
use roamline::{app::App, config::Config, rule::Change, store::outbox};
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use crate::roamline::Roamline;

/// How often the server is killed.
const ROUNDS: u64 = 5;

/// A server in a process of its own, ended with it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn start(database: &str, port: u16) -> Process {
    let child = Command::new(env!("CARGO_BIN_EXE_roamline"))
        .args(["--database", database, "--log", "error", "serve", "--no-auth", "--listen"])
        .arg(format!("127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .spawn()
        .expect("the server starts");
    Process(child)
}

async fn ask(http: &reqwest::Client, port: u16, query: &str) -> Option<Value> {
    let request = http
        .post(format!("http://127.0.0.1:{port}/graphql"))
        .header("content-type", "application/json")
        .body(json!({"query": query}).to_string());
    let answer = request.send().await.ok()?.text().await.ok()?;
    serde_json::from_str(&answer).ok()
}

async fn up(http: &reqwest::Client, port: u16) {
    for _ in 0..600 {
        if ask(http, port, "{ __typename }").await.is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server does not come up");
}

/// Writes profiles with a line each until the server is gone; answers the names that were acknowledged.
async fn write(
    http: reqwest::Client,
    port: u16,
    organization: String,
    cluster: String,
    name: String,
) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        let name = format!("{name}-{n}");
        let query = format!(
            r#"mutation {{ createProfile(input: {{organizationId: "{organization}", clusterId: "{cluster}", name: "{name}",
                product: "Cisco 8841", protocol: SIP, lines: [{{pattern: "1{n}", partition: "{name}"}}]}}) {{ errors {{ code }} }} }}"#
        );
        match ask(&http, port, &query).await {
            Some(answer) if answer["data"]["createProfile"]["errors"] == json!([]) => acknowledged.push(name),
            Some(answer) => panic!("{answer}"),
            None => break,
        }
    }
    acknowledged
}

async fn killed_again_and_again(database: &str) {
    let http = reqwest::Client::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port")
        .port();
    let mut acknowledged = BTreeSet::new();
    let mut place = None;
    for round in 0..ROUNDS {
        let server = start(database, port);
        up(&http, port).await;
        let (site, cluster) = if let Some(place) = place.clone() {
            place
        } else {
            let organization = async |parent: &str, kind: &str| {
                let query = format!(
                    r#"mutation {{ createOrganization(input: {{{parent} kind: {kind}, name: "{kind}"}}) {{ organization {{ id }} }} }}"#
                );
                let answer = ask(&http, port, &query).await.expect("an answer");
                answer["data"]["createOrganization"]["organization"]["id"].as_str().expect("an id").to_owned()
            };
            let acme = organization("", "PROVIDER").await;
            let customer = organization(&format!(r#"parentId: "{acme}","#), "CUSTOMER").await;
            let query = format!(
                r#"mutation {{ createCluster(input: {{organizationId: "{acme}", name: "emea"}}) {{ cluster {{ id }} }} }}"#
            );
            let answer = ask(&http, port, &query).await.expect("an answer");
            let cluster =
                answer["data"]["createCluster"]["cluster"]["id"].as_str().expect("an id").to_owned();
            place.insert((customer, cluster)).clone()
        };
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let name = format!("EM-{round}-{writer}");
                tokio::spawn(write(http.clone(), port, site.clone(), cluster.clone(), name))
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(150 + round * 97)).await;
        drop(server);
        for writer in writers {
            acknowledged.extend(writer.await.expect("written"));
        }
    }
    assert!(!acknowledged.is_empty(), "nothing was written at all");
    whole(database, &acknowledged).await;
}

/// What was acknowledged is there, and the outbox and the tables tell the same.
async fn whole(database: &str, acknowledged: &BTreeSet<String>) {
    let mut config = Config::default();
    config.database.url = database.to_owned();
    let app = App::open(config, std::sync::Arc::new(|| Moment(0))).await.expect("opened");
    let snapshot = app.snapshot().await.expect("a snapshot");
    let (mut profiles, mut lines, mut appearances) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut seq = 0;
    loop {
        let entries = outbox::after(&snapshot, seq, 1_000).await.expect("changes");
        let Some(last) = entries.last().map(|entry| entry.seq) else { break };
        for entry in entries {
            assert_eq!(entry.seq, seq + 1, "a gap");
            seq = entry.seq;
            match entry.change {
                Change::ProfileCreated { profile } => drop(profiles.insert(profile.name)),
                Change::LineCreated { line } => drop(lines.insert(line.partition)),
                Change::AppearanceAdded { .. } => appearances += 1,
                _ => {}
            }
        }
        assert_eq!(seq, last);
    }
    let lost: Vec<_> = acknowledged.difference(&profiles).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert_eq!(profiles, lines, "a profile without its line");

    let db = Database::connect(database).await.expect("connected");
    for (table, count) in [
        ("profile", profiles.len()),
        ("device", profiles.len()),
        ("line", lines.len()),
        ("line_appearance", appearances),
    ] {
        let sql = format!("SELECT count(*) FROM {table}");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
        let stored: i64 = row.expect("counted").expect("a row").try_get_by_index(0).expect("a count");
        assert_eq!(usize::try_from(stored).ok(), Some(count), "{table} and the outbox differ");
    }
    db.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_keeps_what_it_acknowledged_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    killed_again_and_again(&format!("sqlite://{}", folder.path().join("test.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_keeps_what_it_acknowledged_on_postgresql() {
    // The story's own server only lends its database.
    let Some(server) = Roamline::postgres().await else { return };
    let db = Database::connect(&server.database).await.expect("connected");
    killed_again_and_again(&server.database).await;
    db.close().await.expect("closed");
    server.close().await;
}
