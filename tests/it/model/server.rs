//! The server's side: how a step is asked for, and what a client reads.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::DateTime;
use data_encoding::BASE64URL_NOPAD;
use roamline::{
    bulk::job::work_off,
    command::{number::release_due, session::expire_due},
};
use serde_json::{Value, json};

use super::{
    bulk,
    button::{self, Press},
    cluster, device, line, number, organization, orphan, phone, profile, quick_add, role, service, session,
    step::Step,
    template, user,
};
use crate::roamline::{Client, Estate, Roamline, text};

/// Everything that a step may name or change, in one request.
const ALL: &str = "{
    profiles(first: 40) { nodes { id name description version users(first: 10) { nodes { userId } } HELD } }
    phones(first: 40) { nodes {
        id name description version owner { userId } extensionMobility logoutProfile { name } HELD
    } }
    otherDevices(first: 20) { nodes { id name } }
    users(first: 20) { nodes {
        id userId lastName maxLoginMinutes primaryExtension { pattern } defaultProfile { name }
        phones(first: 9) { nodes { name } } ctiProfiles(first: 9) { nodes { name } }
    } }
    lines(first: 20) { nodes { id pattern description appearances { totalCount } } }
    numbers(first: 20) { nodes { id pattern status usage reservedFor description extra { name value } } }
    sessions(first: 20) { nodes {
        id phone { name } user { userId } profile { name } expiresAt pendingRelogin { field }
    } }
    clusters(first: 20) { nodes { id name organization { path } multipleLogin maxLoginMinutes } }
    roles(first: 20) { nodes { id name organization { path } rights { noun actions } } }
    services(first: 200) { nodes {
        id name url enabled enterprise parameters { name default required password }
    } }
    buttonTemplates(first: 200) { nodes { id name product features } }
    softkeyTemplates(first: 200) { nodes { id name } }
    defaultDeviceProfiles(first: 200) { nodes { id product description } }
    quickAddGroups(first: 200) { nodes {
        id name organization { path } namePattern buttonTemplate line { settings { maxCalls } } services { url }
    } }
    organizations(first: 200) { nodes {
        id path kind maxProfilesPerUser lineDeletePreferences { deleteUnused template { description } }
    } }
}";
/// What both kinds of devices hold.
const HELD: &str = "buttonTemplate softkeyTemplate
    lines(first: 50) { nodes { id index label role line { pattern } settings { maxCalls } } }
    speedDials(first: 50) { nodes { id index number label } } callParks(first: 50) { nodes { id index pattern label } }
    busyLampFields(first: 50) { nodes { id index destination pattern label } }
    serviceUrls(first: 50) { nodes { id index url service label } }
    serviceSubscriptions(first: 5) { nodes { SUBSCRIPTION } } formerServiceSubscriptions(first: 5) { nodes { SUBSCRIPTION } }";
/// What a device is subscribed to.
const SUBSCRIPTION: &str =
    "id name url urlState subscribed values { name value } missing service { name } button { index }";

/// The server, and what stands there from the start.
pub struct Server {
    pub admin: Client,
    pub estate: Estate,
    pub node: Arc<Roamline>,
}

/// What the server said to a step.
#[derive(Debug, Default)]
pub struct Said {
    /// The codes of the rules that it breaks, sorted, or what was left out of what was done.
    pub told: Vec<String>,
    /// How many changes it made.
    pub changes: usize,
    /// The newest of them.
    pub newest: Option<String>,
}

/// Ids of what was read last, by kind and name; `Gone` are profiles that were there.
pub type Ids = BTreeMap<(&'static str, String), String>;

/// A mutation with its input.
pub type Request = (&'static str, Value);

/// What an input is made of.
pub struct Ask<'a> {
    pub estate: &'a Estate,
    pub ids: &'a Ids,
    /// The change that may be taken back.
    pub newest: Option<&'a str>,
}

impl Ask<'_> {
    /// How a step is asked for.
    pub fn request(&self, step: &Step) -> Request {
        match step {
            Step::Profile(step) => profile::ask(step, self),
            Step::Phone(step) => phone::ask(step, self),
            Step::User(step) => user::ask(step, self),
            Step::Line(step) => line::ask(step, self),
            Step::Button(step) => button::ask(step, self),
            Step::Number(step) => number::ask(step, self),
            Step::Session(step) => session::ask(step, self),
            Step::Service(step) => service::ask(step, self),
            Step::Template(step) => template::ask(step, self),
            Step::QuickAdd(step) => quick_add::ask(step, self),
            Step::Organization(step) => organization::ask(step, self),
            Step::Cluster(step) => cluster::ask(step, self),
            Step::Role(step) => role::ask(step, self),
            Step::Device(step) => device::ask(step, self),
            Step::Orphan(step) => orphan::ask(step, self),
            Step::Bulk(step) => bulk::ask(step, self),
            Step::Revert => ("revertChange", json!({"change": self.newest.unwrap_or("s0")})),
            Step::Pass(_) => unreachable!("the clock is not asked"),
        }
    }

    /// The id of something; what is not there has an id of its own as well.
    pub fn id(&self, kind: &'static str, name: &str) -> String {
        let lower = name.to_lowercase();
        let known = self.ids.get(&(kind, lower.clone())).or_else(|| self.ids.get(&(kind, name.to_owned())));
        known.cloned().unwrap_or_else(|| {
            let number = lower.bytes().fold(900_000_000, |sum, byte| sum + u32::from(byte));
            let kind = if kind == "Gone" { "Profile" } else { kind };
            BASE64URL_NOPAD.encode(format!("{kind}:{number}").as_bytes())
        })
    }

    pub fn profile(&self, name: &str) -> String {
        self.id("Profile", name)
    }

    /// The id of a profile, a phone or another device.
    pub fn device(&self, name: &str) -> String {
        let known = |kind| self.ids.get(&(kind, name.to_lowercase()));
        known("Phone").or_else(|| known("OtherDevice")).cloned().unwrap_or_else(|| self.profile(name))
    }

    /// The version of a device.
    pub fn version(&self, name: &str) -> i64 {
        let version = self.ids.get(&("version", name.to_lowercase()));
        version.map_or(0, |version| version.parse().expect("a number"))
    }

    pub fn appearance(&self, on: &str, number: &str) -> String {
        self.id("LineAppearance", &format!("{on} {number}"))
    }

    pub fn button(&self, on: &str, kind: Press, index: i32) -> String {
        let noun = match kind {
            Press::Dial => "SpeedDial",
            Press::Lamp => "BusyLampField",
            Press::Park => "CallParkButton",
            Press::Url => "ServiceUrlButton",
        };
        self.id(noun, &format!("{on} {index}"))
    }

    pub fn users(&self, list: &[&str]) -> Vec<String> {
        list.iter().map(|user| self.id("User", user)).collect()
    }

    #[expect(clippy::unused_self, reason = "said like what asks the server")]
    pub fn lines(&self, list: &[&str]) -> Vec<Value> {
        list.iter().map(|number| json!({"pattern": number})).collect()
    }

    /// What is said of every new profile and phone.
    pub fn made(&self, name: &str) -> Value {
        json!({
            "organizationId": self.estate.berlin, "clusterId": self.estate.emea, "name": name,
            "product": "Cisco 8841", "protocol": "SIP",
        })
    }

    /// An input with more of it.
    #[expect(clippy::unused_self, reason = "said like what asks the server")]
    pub fn with(&self, mut input: Value, more: Value) -> Value {
        let all = input.as_object_mut().expect("an object");
        all.extend(more.as_object().expect("an object").clone());
        input
    }
}

impl Server {
    /// Asks for a step.
    pub async fn step(&self, step: &Step, ids: &Ids, newest: Option<&str>) -> Said {
        if let Step::Pass(minutes) = step {
            self.node.pass(Duration::from_mins(minutes.unsigned_abs()));
            release_due(&self.node.app).await.expect("released");
            expire_due(&self.node.app).await.expect("ended");
            return Said::default();
        }
        if let Step::Bulk(bulk::Step::Import { users }) = step {
            return Said { told: self.import(users).await, ..Said::default() };
        }
        let ask = Ask { estate: &self.estate, ids, newest };
        let (mutation, input) = ask.request(step);
        let kind = mutation[..1].to_uppercase() + &mutation[1..];
        let more = match step {
            Step::Bulk(step) => step.select(),
            Step::Profile(profile::Step::Restore { .. }) => "leftOut { what name code }",
            _ => "",
        };
        let query = format!(
            "mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ \
             errors {{ code }} changes {{ kind }} cursor {more} }} }}"
        );
        let answer = self.admin.ask(&query, json!({"input": input})).await;
        assert!(answer["errors"].is_null(), "{step:?}: {answer:#}");
        let payload = &answer["data"][mutation];
        let list = |name: &str| payload[name].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut told: Vec<_> = match step {
            Step::Bulk(_) => bulk::told(payload),
            _ => list("errors").iter().map(|error| text(&error["code"])).collect(),
        };
        let left = list("leftOut").iter();
        told.extend(left.map(|left| {
            format!("~ {} {} {}", text(&left["what"]), text(&left["name"]), text(&left["code"]))
        }));
        told.sort_unstable();
        Said { told, changes: list("changes").len(), newest: payload["cursor"].as_str().map(str::to_owned) }
    }

    /// Runs a job to its end and tells the codes of each row.
    async fn import(&self, users: &[&str]) -> Vec<String> {
        let request = reqwest::Client::new()
            .post(self.admin.url("/jobs/import?noun=users&autoRun=true"))
            .header("content-type", "text/csv")
            .bearer_auth(self.admin.token().unwrap_or_default())
            .body(bulk::Step::rows(users));
        let taken: Value =
            serde_json::from_str(&request.send().await.expect("an answer").text().await.expect("a body"))
                .expect("JSON");
        work_off(&self.node.app).await.expect("worked");
        let result = self.admin.url(&format!("/jobs/{}/result", text(&taken["id"])));
        let request = reqwest::Client::new().get(result).bearer_auth(self.admin.token().unwrap_or_default());
        let rows = request.send().await.expect("an answer").text().await.expect("a body");
        let mut told = Vec::new();
        for row in rows.lines() {
            let row: Value = serde_json::from_str(row).expect("JSON");
            // The first row stands behind the header.
            let at = row["line"].as_i64().expect("a line") - 2;
            let errors = row["errors"].as_array().expect("errors");
            told.extend(errors.iter().map(|error| format!("{at} {}", text(&error["code"]))));
        }
        told.sort_unstable();
        told
    }

    /// What is there, as the model shows it, and the ids by which it is named; `before` has those of what went.
    pub async fn read(&self, before: &Ids) -> (Value, Ids) {
        let data = self.admin.data(&ALL.replace("HELD", HELD).replace("SUBSCRIPTION", SUBSCRIPTION)).await;
        let mut ids = Ids::new();
        let mut devices = |list: &str, kind: &'static str| {
            let mut shown: Vec<_> =
                nodes(&data[list]).iter().map(|device| device_of(&mut ids, kind, device)).collect();
            shown.sort_by_key(|device| text(&device["name"]).to_lowercase());
            shown
        };
        let (profiles, phones) = (devices("profiles", "Profile"), devices("phones", "Phone"));
        let mut rows = |list: &str, kind: &'static str, row: &dyn Fn(&Value) -> (String, Value)| {
            let mut shown = BTreeMap::new();
            for node in nodes(&data[list]) {
                let (key, row) = row(node);
                ids.insert((kind, key.clone()), text(&node["id"]));
                shown.insert(key, row);
            }
            shown.into_values().collect::<Vec<_>>()
        };
        let users = rows("users", "User", &|user| {
            let row = json!([
                user["userId"],
                user["defaultProfile"]["name"],
                user["lastName"],
                user["maxLoginMinutes"],
                user["primaryExtension"]["pattern"],
                names(&user["phones"]),
                names(&user["ctiProfiles"])
            ]);
            (text(&user["userId"]), row)
        });
        let others = rows("otherDevices", "OtherDevice", &|other| {
            (text(&other["name"]).to_lowercase(), other["name"].clone())
        });
        let lines = rows("lines", "Line", &|line| {
            let count = &line["appearances"]["totalCount"];
            (text(&line["pattern"]), json!([line["pattern"], count, line["description"]]))
        });
        let numbers = rows("numbers", "Number", &|number| {
            let parks = number["usage"].as_array().is_some_and(|usage| usage.contains(&json!("CALL_PARK")));
            let extra = number["extra"].as_array().expect("fields").iter();
            let extra: Vec<_> = extra.map(|field| json!([field["name"], field["value"]])).collect();
            let row = json!([
                number["pattern"],
                number["status"],
                parks,
                number["reservedFor"],
                number["description"],
                extra
            ]);
            (text(&number["pattern"]), row)
        });
        let services = rows("services", "PhoneService", &|service| {
            let parameters = service["parameters"].as_array().expect("parameters").iter();
            let parameters: Vec<_> = parameters
                .map(|it| json!([it["name"], it["default"], it["required"], it["password"]]))
                .collect();
            let row = json!([
                service["name"],
                service["url"],
                service["enabled"],
                service["enterprise"],
                parameters
            ]);
            (text(&service["name"]), row)
        });
        let named =
            |node: &Value| (text(&node["name"]), json!([node["name"], node["product"], node["features"]]));
        let button_templates = rows("buttonTemplates", "ButtonTemplate", &named);
        let softkey_templates = rows("softkeyTemplates", "SoftkeyTemplate", &|node| {
            (text(&node["name"]), json!([node["name"], null, []]))
        });
        let defaults = rows("defaultDeviceProfiles", "DefaultDeviceProfile", &|node| {
            (text(&node["product"]), json!([node["product"], node["description"]]))
        });
        let groups = rows("quickAddGroups", "QuickAddGroup", &|node| {
            let (at, calls) = (text(&node["organization"]["path"]), &node["line"]["settings"]["maxCalls"]);
            let row = json!([
                at,
                node["name"],
                node["namePattern"],
                node["buttonTemplate"],
                calls,
                node["services"].as_array().map_or(0, Vec::len)
            ]);
            (format!("{at} {}", text(&node["name"])), row)
        });
        let organizations = rows("organizations", "Organization", &|node| {
            let keep = &node["lineDeletePreferences"];
            let keep =
                (!keep.is_null()).then(|| json!([keep["deleteUnused"], keep["template"]["description"]]));
            (text(&node["path"]), json!([node["path"], node["kind"], node["maxProfilesPerUser"], keep]))
        });
        let sessions = rows("sessions", "Session", &|session| {
            let pending = session["pendingRelogin"].as_array().into_iter().flatten();
            let pending: Vec<_> = pending.map(|it| &it["field"]).collect();
            let row = json!([
                session["phone"]["name"],
                session["user"]["userId"],
                session["profile"]["name"],
                session["expiresAt"].as_str().map(minute),
                pending
            ]);
            (text(&session["phone"]["name"]).to_lowercase(), row)
        });
        let clusters = rows("clusters", "Cluster", &|cluster| {
            let at = text(&cluster["organization"]["path"]);
            let row = json!([at, cluster["name"], cluster["multipleLogin"], cluster["maxLoginMinutes"]]);
            (format!("{at} {}", text(&cluster["name"])), row)
        });
        let roles = rows("roles", "ComposedRole", &|role| {
            let at = text(&role["organization"]["path"]);
            let rights = role["rights"].as_array().expect("rights").iter();
            let rights: Vec<_> = rights.map(|right| json!([right["noun"], right["actions"]])).collect();
            (format!("{at} {}", text(&role["name"])), json!([at, role["name"], rights]))
        });
        // What went last of those that had a name is the one that comes back; `Gone` stands before `Profile`.
        let were = before.iter().filter(|((kind, _), _)| matches!(*kind, "Gone" | "Profile"));
        for ((_, name), id) in were {
            if !ids.values().any(|other| other == id) {
                ids.insert(("Gone", name.clone()), id.clone());
            }
        }
        let shown = json!({
            "profiles": profiles, "phones": phones, "users": users, "lines": lines, "numbers": numbers,
            "others": others, "sessions": sessions, "services": services, "buttonTemplates": button_templates,
            "softkeyTemplates": softkey_templates, "defaults": defaults, "groups": groups,
            "organizations": organizations, "clusters": clusters, "roles": roles,
        });
        (shown, ids)
    }
}

/// A profile or phone as the model shows it; notes the ids of what it holds.
fn device_of(ids: &mut Ids, kind: &'static str, device: &Value) -> Value {
    let name = text(&device["name"]).to_lowercase();
    ids.insert((kind, name.clone()), text(&device["id"]));
    ids.insert(("version", name.clone()), device["version"].to_string());
    let mut lines = Vec::new();
    for line in nodes(&device["lines"]) {
        let number = &line["line"]["pattern"];
        ids.insert(("LineAppearance", format!("{name} {}", text(number))), text(&line["id"]));
        lines.push(json!([line["index"], number, line["role"], line["settings"]["maxCalls"], line["label"]]));
    }
    let mut list = |list: &str, noun: &'static str, fields: &[&str]| -> Value {
        let one = |button: &Value| {
            ids.insert((noun, format!("{name} {}", button["index"])), text(&button["id"]));
            let mut row = vec![button["index"].clone()];
            row.extend(fields.iter().map(|field| button[*field].clone()));
            Value::Array(row)
        };
        nodes(&device[list]).iter().map(one).collect()
    };
    let buttons = json!([
        list("speedDials", "SpeedDial", &["number", "label"]),
        list("busyLampFields", "BusyLampField", &["destination", "pattern", "label"]),
        list("callParks", "CallParkButton", &["pattern", "label"]),
        list("serviceUrls", "ServiceUrlButton", &["url", "service", "label"]),
    ]);
    let mut services = BTreeMap::new();
    for field in ["serviceSubscriptions", "formerServiceSubscriptions"] {
        for own in nodes(&device[field]) {
            let service = text(&own["service"]["name"]);
            ids.insert(
                ("ServiceSubscription", format!("{name} {}", service.to_lowercase())),
                text(&own["id"]),
            );
            let values = own["values"].as_array().expect("values").iter();
            let values: Vec<_> = values.map(|it| json!([it["name"], it["value"]])).collect();
            let row = json!([
                service,
                own["subscribed"],
                own["url"],
                own["urlState"],
                values,
                own["missing"],
                own["button"]["index"]
            ]);
            services.insert(service, row);
        }
    }
    let users = nodes(&device["users"]).iter().chain(device.get("owner").filter(|owner| !owner.is_null()));
    let users: Vec<_> = users.map(|user| user["userId"].clone()).collect();
    json!({
        "name": device["name"], "description": device["description"], "users": users, "lines": lines,
        "buttons": buttons, "services": services.into_values().collect::<Vec<_>>(),
        "logout": device["logoutProfile"]["name"],
        "templates": [device["buttonTemplate"], device["softkeyTemplate"]], "mobile": device["extensionMobility"],
    })
}

/// The names in a list, sorted as the model sorts them.
fn names(connection: &Value) -> Vec<String> {
    let mut names: Vec<_> = nodes(connection).iter().map(|node| text(&node["name"])).collect();
    names.sort_by_key(|name| name.to_lowercase());
    names
}

/// A point in time, in minutes since all began.
fn minute(at: &str) -> i64 {
    let since = |text| DateTime::parse_from_rfc3339(text).expect("a point in time").timestamp();
    (since(at) - since("2026-01-01T00:00:00Z")) / 60
}

fn nodes(connection: &Value) -> &[Value] {
    connection["nodes"].as_array().map(Vec::as_slice).unwrap_or_default()
}
