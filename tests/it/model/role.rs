//! Roles that administrators compose.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    server::{Ask, Request},
    world::{Broken, World},
};

/// What a role may be allowed: a noun and the actions on it.
const RIGHTS: [(&str, &[&str]); 2] = [("LINE", &["READ"]), ("USER", &["READ", "UPDATE"])];

/// What may be asked. A role is told by its name and where it is kept.
#[derive(Clone, Debug)]
pub enum Step {
    Create { at: &'static str, name: &'static str, rights: usize },
    Update { at: &'static str, name: &'static str, to: Option<&'static str>, rights: Option<usize> },
    Delete { at: &'static str, name: &'static str },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let at = || proptest::sample::select(&["acme.north", "acme.north.hub"][..]);
    let name = || proptest::sample::select(&["desk", "night", "desk", "night", "viewer"][..]);
    let rights = || 0..RIGHTS.len();
    prop_oneof![
        2 => (at(), name(), rights()).prop_map(|(at, name, rights)| Step::Create { at, name, rights }),
        2 => (at(), name(), proptest::option::weighted(0.3, name()), proptest::option::of(rights()))
            .prop_map(|(at, name, to, rights)| Step::Update { at, name, to, rights }),
        1 => (at(), name()).prop_map(|(at, name)| Step::Delete { at, name }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    let id = |at: &str, name: &str| ask.id("ComposedRole", &format!("{at} {name}"));
    let told = |rights: &usize| json!([{"noun": RIGHTS[*rights].0, "actions": RIGHTS[*rights].1}]);
    match step {
        Step::Create { at, name, rights } => {
            let at = ask.id("Organization", at);
            ("createRole", json!({"organizationId": at, "name": name, "rights": told(rights)}))
        }
        Step::Update { at, name, to, rights } => {
            let mut input = json!({"id": id(at, name)});
            if let Some(to) = to {
                input["name"] = json!(to);
            }
            if let Some(rights) = rights {
                input["rights"] = told(rights);
            }
            ("updateRole", input)
        }
        Step::Delete { at, name } => ("deleteRole", json!({"id": id(at, name)})),
    }
}

impl World {
    /// What becomes of roles.
    pub fn role(&mut self, step: &Step) -> Broken {
        let key = |at: &str, name: &str| (at.to_owned(), name.to_owned());
        let mut broken = Broken::new();
        match step {
            Step::Create { at, name, rights } => {
                if !self.organizations.contains_key(*at) {
                    broken.push("NOT_FOUND");
                }
                let taken = self.roles.insert(key(at, name), *rights).is_some();
                broken.extend((taken || *name == "viewer").then_some("ROLE_NAME_TAKEN"));
            }
            Step::Update { at, name, to, rights } => {
                let Some(before) = self.roles.remove(&key(at, name)) else { return vec!["NOT_FOUND"] };
                let to = to.unwrap_or(name);
                let taken = self.roles.insert(key(at, to), rights.unwrap_or(before)).is_some();
                broken.extend((taken || to == "viewer").then_some("ROLE_NAME_TAKEN"));
            }
            Step::Delete { at, name } => {
                if self.roles.remove(&key(at, name)).is_none() {
                    broken.push("NOT_FOUND");
                }
            }
        }
        broken
    }
}

/// A role as it is shown.
pub fn shown(at: &str, name: &str, rights: usize) -> Value {
    let (noun, actions) = RIGHTS[rights];
    json!([at, name, [[noun, actions]]])
}
