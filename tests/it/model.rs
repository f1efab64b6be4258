//! Random histories, told to the server and to a model that shares nothing with it: after each step both refuse for
//! the same reasons, and a client reads from the server exactly what the model says.

mod step;
mod world;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;
use proptest::{prelude::*, test_runner::TestRunner};
use roamline::command::number::release_due;
use serde_json::{Value, json};

use crate::roamline::{Client, Estate, Roamline, text};
use step::{NUMBERS, REGISTERED, Step, steps};
use world::World;

/// Everything that a step may name or change, in one request.
const ALL: &str = "{
    profiles(first: 200) { nodes { id name description version users { nodes { userId } } HELD } }
    phones(first: 200) { nodes { id name description version logoutProfile { name } HELD } }
    users(first: 200) { nodes { id userId defaultProfile { name } } }
    lines(first: 200) { nodes { id pattern appearances { totalCount } } }
    numbers(first: 200) { nodes { id pattern status usage reservedFor } }
    sessions(first: 200) { nodes { phone { name } user { userId } profile { name } } }
}";
/// What both kinds of devices hold.
const HELD: &str = "lines { nodes { id index role line { pattern } settings { maxCalls } } }
    speedDials { nodes { id index number } }";

/// The server's side: how a step is asked for, and what is read.
struct Server {
    admin: Client,
    estate: Estate,
    node: Arc<Roamline>,
    gateway: String,
}

/// Ids of what was read last, by kind and name.
type Ids = BTreeMap<(&'static str, String), String>;

impl Server {
    /// Asks for a step and tells the codes of the rules that it breaks, sorted.
    async fn step(&self, step: &Step, ids: &Ids) -> Vec<String> {
        if let Step::DaysPass { days } = step {
            self.node.pass(Duration::from_hours(24 * u64::try_from(*days).expect("forwards")));
            release_due(&self.node.app).await.expect("released");
            return Vec::new();
        }
        let (mutation, input) = self.request(step, ids);
        let kind = mutation[..1].to_uppercase() + &mutation[1..];
        let query =
            format!("mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ errors {{ code }} }} }}");
        let answer = self.admin.ask(&query, json!({"input": input})).await;
        assert!(answer["errors"].is_null(), "{step:?}: {answer:#}");
        let errors = answer["data"][mutation]["errors"].as_array().expect("a list");
        let mut codes: Vec<_> = errors.iter().map(|error| text(&error["code"])).collect();
        codes.sort_unstable();
        codes
    }

    fn request(&self, step: &Step, ids: &Ids) -> (&'static str, Value) {
        let estate = &self.estate;
        // What is not there has an id of its own as well.
        let absent = |kind: &str, name: &str| {
            let number = name.bytes().fold(900_000_000, |sum, byte| sum + u32::from(byte));
            BASE64URL_NOPAD.encode(format!("{kind}:{number}").as_bytes())
        };
        let id = |kind: &'static str, name: &str| {
            let name = name.to_lowercase();
            ids.get(&(kind, name.clone())).cloned().unwrap_or_else(|| absent(kind, &name))
        };
        let profile = |name: &str| id("Profile", name);
        let device = |name: &str| match ids.get(&("Phone", name.to_lowercase())) {
            Some(id) => id.clone(),
            None if name == REGISTERED => self.gateway.clone(),
            None => profile(name),
        };
        let appearance = |on: &str, number: &str| id("LineAppearance", &format!("{on} {number}"));
        let button = |on: &str, index: i32| id("SpeedDial", &format!("{on} {index}"));
        let users = |list: &[&str]| list.iter().map(|user| id("User", user)).collect::<Vec<_>>();
        let lines = |list: &[&str]| list.iter().map(|number| json!({"pattern": number})).collect::<Vec<_>>();
        let dial =
            |index: Option<i32>, number: &str| json!({"index": index, "number": number, "label": "Dial"});
        let made = |name: &str| {
            json!({
                "organizationId": estate.berlin, "clusterId": estate.emea, "name": name, "product": "Cisco 8841",
                "protocol": "SIP",
            })
        };
        let with = |mut input: Value, more: Value| {
            let all = input.as_object_mut().expect("an object");
            all.extend(more.as_object().expect("an object").clone());
            input
        };
        match step {
            Step::CreateProfile { name, lines: numbers, users: list } => {
                ("createProfile", with(made(name), json!({"lines": lines(numbers), "userIds": users(list)})))
            }
            Step::CopyProfile { from, name } => {
                ("copyProfile", json!({"id": profile(from), "name": name, "users": true}))
            }
            Step::Describe { profile: name, text } => {
                ("updateProfile", json!({"id": profile(name), "description": text}))
            }
            Step::DeleteProfile { name, release } => {
                ("deleteProfile", json!({"id": profile(name), "releaseLogoutPhones": release}))
            }
            Step::CreatePhone { name, logout } => {
                let phone = json!({"logoutProfileId": logout.map(profile), "extensionMobility": true});
                ("createPhone", with(made(name), phone))
            }
            Step::ShowLoggedOut { phone, profile: name } => {
                ("updatePhone", json!({"id": id("Phone", phone), "logoutProfileId": name.map(profile)}))
            }
            Step::DeletePhone { name } => ("deletePhone", json!({"id": id("Phone", name)})),
            Step::CreateUser { user, profiles, default } => (
                "createUser",
                json!({
                    "organizationId": estate.berlin, "clusterId": estate.emea, "userId": user, "lastName": "Berg",
                    "profileIds": profiles.iter().map(|name| profile(name)).collect::<Vec<_>>(),
                    "defaultProfile": default,
                }),
            ),
            Step::DeleteUser { user, delete } => {
                let sole = delete.map(|delete| if delete { "DELETE" } else { "KEEP_UNASSIGNED" });
                ("deleteUser", json!({"id": id("User", user), "soleProfiles": sole}))
            }
            Step::Associate { profile: name, users: list } => {
                ("associateUsers", json!({"profileId": profile(name), "userIds": users(list)}))
            }
            Step::Disassociate { profile: name, user } => {
                ("disassociateUser", json!({"profileId": profile(name), "userId": id("User", user)}))
            }
            Step::Reorder { profile: name, users: list } => {
                ("reorderUsers", json!({"profileId": profile(name), "userIds": users(list)}))
            }
            Step::SetDefault { user, profile: name } => {
                ("setDefaultProfile", json!({"userId": id("User", user), "profileId": name.map(profile)}))
            }
            Step::CreateLine { number } => (
                "createLine",
                json!({"organizationId": estate.berlin, "clusterId": estate.emea, "pattern": number}),
            ),
            Step::DeleteLine { number, told } => {
                ("deleteLine", json!({"id": id("Line", number), "removeAppearances": told}))
            }
            Step::AddLine { device: on, number, index } => {
                ("addLineToDevice", json!({"deviceId": device(on), "pattern": number, "index": index}))
            }
            Step::RemoveLine { device: on, number } => {
                ("removeLineFromDevice", json!({"appearanceId": appearance(on, number)}))
            }
            Step::MoveLine { device: on, number, index } => {
                ("updateAppearance", json!({"appearanceId": appearance(on, number), "index": index}))
            }
            Step::ChangeLine { device: on, number, calls } => (
                "changeLineSettings",
                json!({"appearanceId": appearance(on, number), "settings": {"maxCalls": calls}}),
            ),
            Step::ReplaceLines { device: on, lines } => {
                let lines: Vec<_> =
                    lines.iter().map(|(number, index)| json!({"pattern": number, "index": index})).collect();
                let version = ids.get(&("version", on.to_lowercase()));
                let version: i64 = version.map_or(0, |version| version.parse().expect("a number"));
                let input = json!({"deviceId": device(on), "lines": lines, "expectedVersion": version});
                ("replaceLines", input)
            }
            Step::AddButton { device: on, index, dials } => {
                ("addButton", json!({"deviceId": device(on), "button": {"speedDial": dial(*index, dials)}}))
            }
            Step::MoveButton { device: on, from, to } => {
                ("moveButton", json!({"buttonId": button(on, *from), "index": to}))
            }
            Step::RemoveButton { device: on, index } => {
                ("removeButton", json!({"buttonId": button(on, *index)}))
            }
            Step::ReplaceButtons { device: on, dials } => {
                let dials: Vec<_> = dials.iter().map(|number| dial(None, number)).collect();
                let version = ids.get(&("version", on.to_lowercase()));
                let version: i64 = version.map_or(0, |version| version.parse().expect("a number"));
                let input = json!({"deviceId": device(on), "speedDials": dials, "expectedVersion": version});
                ("replaceButtons", input)
            }
            Step::CreateNumbers { first, last } => (
                "createNumbers",
                json!({
                    "organizationId": estate.berlin, "clusterId": estate.emea, "first": NUMBERS[*first],
                    "last": NUMBERS[*last],
                }),
            ),
            Step::DeleteNumbers => {
                let (first, last) = (NUMBERS[0], NUMBERS[NUMBERS.len() - 1]);
                ("deleteNumbers", json!({"clusterId": estate.emea, "first": first, "last": last}))
            }
            Step::ChangeStatus { number, to } => {
                let utility = (*to == "USED_UTILITY").then_some("CALL_PARK");
                let days = (*to == "COOLING").then_some(3);
                let input =
                    json!({"numberId": id("Number", number), "to": to, "utility": utility, "days": days});
                ("changeNumberStatus", input)
            }
            Step::ReserveFor { number, user } => (
                "reserveNumbersFor",
                json!({
                    "organizationId": estate.berlin, "clusterId": estate.emea, "patterns": [number], "userId": user,
                }),
            ),
            Step::Login { user, phone, profile: name, force } => {
                let occupied = if *force { "FORCE" } else { "FAIL" };
                let (user, phone, profile) = (id("User", user), id("Phone", phone), name.map(profile));
                let input = json!({
                    "userId": user, "phoneId": phone, "profileId": profile, "ifOccupied": occupied,
                });
                ("login", input)
            }
            Step::Logout { phone } => ("logout", json!({"phoneId": id("Phone", phone)})),
            Step::Cooling { days } => {
                ("updateOrganization", json!({"id": estate.berlin, "coolingDays": days}))
            }
            Step::DaysPass { .. } => unreachable!("the clock is not asked"),
        }
    }

    /// What is there, as the model shows it, and the ids by which it is named.
    async fn read(&self) -> (Value, Ids) {
        let data = self.admin.data(&ALL.replace("HELD", HELD)).await;
        let mut ids = Ids::new();
        let mut devices = |list: &str, kind: &'static str| {
            let mut shown = Vec::new();
            for device in nodes(&data[list]) {
                let name = text(&device["name"]).to_lowercase();
                ids.insert((kind, name.clone()), text(&device["id"]));
                ids.insert(("version", name.clone()), device["version"].to_string());
                let mut lines = Vec::new();
                for line in nodes(&device["lines"]) {
                    let number = &line["line"]["pattern"];
                    ids.insert(("LineAppearance", format!("{name} {}", text(number))), text(&line["id"]));
                    lines.push(json!([line["index"], number, line["role"], line["settings"]["maxCalls"]]));
                }
                let mut dials = Vec::new();
                for dial in nodes(&device["speedDials"]) {
                    ids.insert(("SpeedDial", format!("{name} {}", dial["index"])), text(&dial["id"]));
                    dials.push(json!([dial["index"], dial["number"]]));
                }
                let users: Vec<_> =
                    nodes(&device["users"]).iter().map(|user| user["userId"].clone()).collect();
                shown.push(json!({
                    "name": device["name"], "description": device["description"], "users": users, "lines": lines,
                    "dials": dials, "logout": device["logoutProfile"]["name"],
                }));
            }
            shown.sort_by_key(|device| text(&device["name"]).to_lowercase());
            shown
        };
        let (profiles, phones) = (devices("profiles", "Profile"), devices("phones", "Phone"));
        let mut rows = |list: &str, kind: &'static str, key: &str, row: &dyn Fn(&Value) -> Value| {
            let mut shown = BTreeMap::new();
            for node in nodes(&data[list]) {
                ids.insert((kind, text(&node[key])), text(&node["id"]));
                shown.insert(text(&node[key]), row(node));
            }
            shown.into_values().collect::<Vec<_>>()
        };
        let users =
            rows("users", "User", "userId", &|user| json!([user["userId"], user["defaultProfile"]["name"]]));
        let lines = rows("lines", "Line", "pattern", &|line| {
            json!([line["pattern"], line["appearances"]["totalCount"]])
        });
        let numbers = rows("numbers", "Number", "pattern", &|number| {
            let parks = number["usage"].as_array().is_some_and(|usage| usage.contains(&json!("CALL_PARK")));
            json!([number["pattern"], number["status"], parks, number["reservedFor"]])
        });
        let session = |session: &Value| {
            json!([session["phone"]["name"], session["user"]["userId"], session["profile"]["name"]])
        };
        let mut sessions: Vec<_> = nodes(&data["sessions"]).iter().map(session).collect();
        sessions.sort_by_key(|session| text(&session[0]).to_lowercase());
        let shown = json!({
            "profiles": profiles, "phones": phones, "users": users, "lines": lines, "numbers": numbers,
            "sessions": sessions,
        });
        (shown, ids)
    }
}

fn nodes(connection: &Value) -> &[Value] {
    connection["nodes"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What both have been told.
struct Told {
    world: World,
    steps: Vec<Step>,
    refused: usize,
}

impl Told {
    /// Tells one history to both.
    async fn live(&mut self, server: &Server, history: Vec<Step>) {
        let (_, mut ids) = server.read().await;
        for step in history {
            let step = self.world.aimed(step);
            let said = server.step(&step, &ids).await;
            let before = self.world.clone();
            let should = self.world.step(&step);
            self.steps.push(step);
            assert_eq!(said, should, "{self}\nbefore: {:#}", before.shown());
            let (shown, now) = server.read().await;
            let should_show = self.world.shown();
            assert!(shown == should_show, "{self}\nis {shown:#}\nand should be {should_show:#}");
            ids = now;
            self.refused += usize::from(!should.is_empty());
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().zip(1..).try_for_each(|(step, at)| writeln!(f, "{at} {step:?}"))
    }
}

async fn agree(node: Roamline, cases: u32) {
    let node = Arc::new(node);
    let (estate, admin) = (node.estate().await, node.admin());
    let input = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "name": REGISTERED});
    let gateway = admin.done("registerDevice", input, "device { id }").await["device"]["id"].clone();
    let server = Arc::new(Server { admin, estate, node: node.clone(), gateway: text(&gateway) });
    let (runtime, shared) = (tokio::runtime::Handle::current(), server.clone());
    let told = tokio::task::spawn_blocking(move || {
        // One world for all histories, as it cannot be emptied: what came before entangles what comes.
        let told = Mutex::new(Told { world: World::new(), steps: Vec::new(), refused: 0 });
        let config = ProptestConfig {
            cases,
            max_shrink_iters: 0,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let ran = TestRunner::new(config).run(&steps(40), |history| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            runtime.block_on(told.live(&shared, history));
            Ok(())
        });
        ran.expect("both agree");
        told.into_inner().unwrap_or_else(PoisonError::into_inner)
    });
    let told = told.await.expect("ran");
    // A model that refused everything would agree with a server that refuses everything.
    let done = told.steps.len() - told.refused;
    assert!(done.min(told.refused) > 50, "{done} done and {} refused", told.refused);
    drop(server);
    Arc::into_inner(node).expect("nobody else").close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_agrees_with_the_model_on_sqlite() {
    agree(Roamline::sqlite().await, 25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_agrees_with_the_model_on_postgresql() {
    if let Some(server) = Roamline::postgres().await {
        agree(server, 15).await;
    }
}
