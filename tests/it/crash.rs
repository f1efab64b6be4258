//! A server that is killed at any moment keeps what it acknowledged and leaves nothing half done.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    time::Duration,
};

use entity::{Moment, device, line, line_appearance, profile};
use roamline::{app::App, config::Config, rule::Change, store::outbox};
use sea_orm::{Database, DatabaseConnection, EntityTrait};
use serde_json::{Value, json};

use crate::{roamline::Roamline, told};

/// How often the server is killed.
const ROUNDS: u64 = 6;

/// A server in a process of its own, ended with it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
        told::check();
    }
}

fn start(database: &str, port: u16) -> Process {
    let mut child = Command::new(env!("CARGO_BIN_EXE_roamline"))
        .args(["--database", database, "--log", "info", "serve", "--no-auth", "--listen"])
        .arg(format!("127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    told::listen(&mut child);
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

/// What was asked last and not answered.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
enum Asked {
    #[default]
    Nothing,
    Gone,
    Described(String),
}

/// Where a profile may stand after a crash: as the last answer said, or one step further.
#[derive(Clone, Debug, Default)]
struct Owed {
    /// Its description, or none when it was not there (any more).
    answered: Option<String>,
    /// What was asked last and not answered, if something was.
    asked: Asked,
}

/// Makes, changes and removes profiles, each with a line of its own and one that all share, until the server is gone;
/// answers what the server owes.
async fn write(
    http: reqwest::Client,
    port: u16,
    organization: String,
    cluster: String,
    writer: String,
) -> BTreeMap<String, Owed> {
    let mut owed: BTreeMap<String, Owed> = BTreeMap::new();
    for n in 0.. {
        let name = format!("{writer}-{n}");
        let create = format!(
            r#"createProfile(input: {{organizationId: "{organization}", clusterId: "{cluster}", name: "{name}", description: "new",
                product: "Cisco 8841", protocol: SIP, lines: [{{pattern: "1{n}", partition: "{name}"}}, {{pattern: "9000"}}]}})
                {{ profile {{ id }} errors {{ code }} }}"#
        );
        owed.insert(name.clone(), Owed { answered: None, asked: Asked::Described("new".to_owned()) });
        let Some(made) = done(&http, port, &create).await else { break };
        let id = made["profile"]["id"].as_str().expect("an id").to_owned();
        let Some(state) = owed.get_mut(&name) else { break };
        *state = Owed { answered: Some("new".to_owned()), asked: Asked::Described("changed".to_owned()) };
        let update = format!(
            r#"updateProfile(input: {{id: "{id}", description: "changed"}}) {{ errors {{ code }} }}"#
        );
        if done(&http, port, &update).await.is_none() {
            break;
        }
        *state = Owed { answered: Some("changed".to_owned()), asked: Asked::Nothing };
        if n % 2 == 1 {
            state.asked = Asked::Gone;
            let delete = format!(r#"deleteProfile(input: {{id: "{id}"}}) {{ errors {{ code }} }}"#);
            if done(&http, port, &delete).await.is_none() {
                break;
            }
            *state = Owed::default();
        }
    }
    owed
}

/// The payload of a mutation; none when the server is gone.
async fn done(http: &reqwest::Client, port: u16, mutation: &str) -> Option<Value> {
    let answer = ask(http, port, &format!("mutation {{ done: {mutation} }}")).await?;
    assert_eq!(answer["data"]["done"]["errors"], json!([]), "{mutation}: {answer}");
    Some(answer["data"]["done"].clone())
}

async fn killed_again_and_again(database: &str) {
    let http = reqwest::Client::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("a free port")
        .port();
    let mut owed = BTreeMap::new();
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
        // Sooner or later after the writers have begun, in the middle of whatever it is.
        tokio::time::sleep(Duration::from_millis(150 + round * 311 % 457)).await;
        drop(server);
        for writer in writers {
            owed.extend(writer.await.expect("written"));
        }
    }
    assert!(owed.values().any(|state| state.answered.is_some()), "nothing was written at all");
    whole(database, &owed).await;
}

/// The tables as the outbox tells them.
#[derive(Debug, Default, Eq, PartialEq)]
struct Tables {
    profiles: BTreeMap<i64, profile::Model>,
    /// Devices by the name that they hold.
    devices: BTreeMap<String, i64>,
    lines: BTreeMap<i64, line::Model>,
    appearances: BTreeMap<i64, line_appearance::Model>,
}

impl Tables {
    /// A change, done again.
    fn replay(&mut self, change: Change) {
        match change {
            Change::ProfileCreated { profile } => {
                assert!(
                    self.devices.insert(profile.name_key.clone(), profile.id.0).is_none(),
                    "a name twice"
                );
                self.profiles.insert(profile.id.0, plain(profile));
            }
            Change::ProfileUpdated { before, after } => {
                let old = self.profiles.insert(after.id.0, plain(after));
                assert_eq!(old, Some(plain(before)), "changed from what it was not");
            }
            Change::ProfileDeleted { profile } => {
                self.devices.remove(&profile.name_key);
                assert_eq!(self.profiles.remove(&profile.id.0), Some(plain(profile)));
            }
            Change::LineCreated { line } => drop(self.lines.insert(line.id.0, plain_line(line))),
            Change::LineDeleted { line } => drop(self.lines.remove(&line.id.0)),
            Change::AppearanceAdded { appearance, .. } => {
                assert!(self.appearances.insert(appearance.id.0, appearance).is_none());
            }
            Change::AppearanceRemoved { appearance, .. } => {
                assert_eq!(self.appearances.remove(&appearance.id.0), Some(appearance));
            }
            Change::ClonePromoted { before, after, .. } => {
                assert_eq!(self.appearances.insert(after.id.0, after), Some(before));
            }
            Change::OrganizationCreated { .. } | Change::ClusterCreated { .. } => {}
            other => panic!("nobody asked for {other:?}"),
        }
    }

    async fn stored(db: &DatabaseConnection) -> Self {
        let profiles = profile::Entity::find().all(db).await.expect("profiles");
        let devices = device::Entity::find().all(db).await.expect("devices");
        let lines = line::Entity::find().all(db).await.expect("lines");
        let appearances = line_appearance::Entity::find().all(db).await.expect("appearances");
        Self {
            profiles: profiles.into_iter().map(|row| (row.id.0, plain(row))).collect(),
            devices: devices.into_iter().map(|row| (row.name_key, row.id.0)).collect(),
            lines: lines.into_iter().map(|row| (row.id.0, plain_line(row))).collect(),
            appearances: appearances.into_iter().map(|row| (row.id.0, row)).collect(),
        }
    }
}

/// Without what counts and dates changes: lines that come and go raise it too.
fn plain(profile: profile::Model) -> profile::Model {
    profile::Model { version: 0, updated_at: Moment(0), ..profile }
}

fn plain_line(line: line::Model) -> line::Model {
    line::Model { version: 0, updated_at: Moment(0), ..line }
}

/// What was acknowledged is there, and the outbox and the tables tell the same.
async fn whole(database: &str, owed: &BTreeMap<String, Owed>) {
    let mut config = Config::default();
    config.database.url = database.to_owned();
    let app = App::open(config, std::sync::Arc::new(|| Moment(0))).await.expect("opened");
    let snapshot = app.snapshot().await.expect("a snapshot");
    let (mut told, mut seq) = (Tables::default(), 0);
    loop {
        let entries = outbox::after(&snapshot, seq, 1_000).await.expect("changes");
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            assert_eq!(entry.seq, seq + 1, "a gap");
            seq = entry.seq;
            told.replay(entry.change);
        }
    }
    assert_eq!(outbox::last_seq(&snapshot).await.expect("a number"), seq, "numbers without changes");
    let db = Database::connect(database).await.expect("connected");
    assert_eq!(Tables::stored(&db).await, told, "the tables and the outbox differ");
    db.close().await.expect("closed");

    for (name, state) in owed {
        let stored = told.profiles.values().find(|profile| profile.name == *name);
        let stored = stored.map(|profile| profile.description.clone());
        let kept =
            stored == state.answered || state.asked == stored.clone().map_or(Asked::Gone, Asked::Described);
        assert!(kept, "{name} is {stored:?}, owed is {state:?}");
    }
    // Nothing half: each profile has its two lines, and the shared line one original where it stands at all.
    for id in told.profiles.keys() {
        let lines = told.appearances.values().filter(|appearance| appearance.device_id.0 == *id);
        assert_eq!(lines.count(), 2, "a profile without its lines");
    }
    let originals = |line: i64| {
        let of = |appearance: &&line_appearance::Model| appearance.line_id.0 == line;
        told.appearances.values().filter(of).map(|appearance| appearance.role).collect::<Vec<_>>()
    };
    for line in told.lines.keys() {
        let roles = originals(*line);
        let count = roles.iter().filter(|role| **role == line_appearance::Role::Original).count();
        assert_eq!(count, usize::from(!roles.is_empty()), "a line with {roles:?}");
    }
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
