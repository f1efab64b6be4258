//! Clusters beside the one that everything is kept on, and what that one says about logins.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    server::{Ask, Request},
    world::{Broken, World},
};

/// The cluster that everything is kept on: where it is, and its name.
const EMEA: (&str, &str) = ("acme", "emea");

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// What it says to a second login.
    pub policy: &'static str,
    /// The longest login, in minutes.
    pub minutes: Option<i32>,
}

/// What may be asked. A cluster is told by its name and where it is kept.
#[derive(Clone, Debug)]
pub enum Step {
    Create {
        at: &'static str,
        name: &'static str,
        minutes: Option<i32>,
    },
    /// At the one that everything is kept on.
    Rule {
        policy: &'static str,
        minutes: Option<i32>,
    },
    Rename {
        at: &'static str,
        name: &'static str,
        to: &'static str,
    },
    Delete {
        at: &'static str,
        name: &'static str,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let at = || proptest::sample::select(&["acme", "acme.north.hub", "acme.south.hub"][..]);
    // None has the name of the one that is used: rows of a job that name it would not say which.
    let name = || proptest::sample::select(&["apac", "lab"][..]);
    let policy = proptest::sample::select(&["ALLOWED", "NOT_ALLOWED", "AUTO_LOGOUT"][..]);
    let minutes =
        || proptest::sample::select(&[None, None, Some(0), Some(60), Some(1_000), Some(10_081)][..]);
    prop_oneof![
        2 => (at(), name(), minutes()).prop_map(|(at, name, minutes)| Step::Create { at, name, minutes }),
        3 => (policy, minutes()).prop_map(|(policy, minutes)| Step::Rule { policy, minutes }),
        1 => (at(), name(), name()).prop_map(|(at, name, to)| Step::Rename { at, name, to }),
        1 => prop_oneof![4 => (at(), name()), 1 => Just(EMEA)].prop_map(|(at, name)| Step::Delete { at, name }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    let id = |at: &str, name: &str| ask.id("Cluster", &format!("{at} {name}"));
    match step {
        Step::Create { at, name, minutes } => {
            let at = ask.id("Organization", at);
            ("createCluster", json!({"organizationId": at, "name": name, "maxLoginMinutes": minutes}))
        }
        Step::Rule { policy, minutes } => {
            let input = json!({"id": ask.estate.emea, "multipleLogin": policy, "maxLoginMinutes": minutes});
            ("updateCluster", input)
        }
        Step::Rename { at, name, to } => ("updateCluster", json!({"id": id(at, name), "name": to})),
        Step::Delete { at, name } => ("deleteCluster", json!({"id": id(at, name)})),
    }
}

impl World {
    /// What becomes of clusters.
    pub fn cluster(&mut self, step: &Step) -> Broken {
        let key = |at: &str, name: &str| (at.to_owned(), name.to_owned());
        let mut broken = Broken::new();
        let faults = |minutes: Option<i32>| minutes.filter(|it| *it > 10_080).map(|_| "VALUE_OUT_OF_RANGE");
        match step {
            Step::Create { at, name, minutes } => {
                if !self.organizations.contains_key(*at) {
                    broken.push("NOT_FOUND");
                }
                broken.extend(faults(*minutes));
                let new = Cluster { policy: "NOT_ALLOWED", minutes: *minutes };
                if self.clusters.insert(key(at, name), new).is_some() {
                    broken.push("CLUSTER_NAME_TAKEN");
                }
            }
            Step::Rule { policy, minutes } => {
                broken.extend(faults(*minutes));
                self.clusters.insert(key(EMEA.0, EMEA.1), Cluster { policy, minutes: *minutes });
            }
            Step::Rename { at, name, to } => {
                let Some(cluster) = self.clusters.remove(&key(at, name)) else { return vec!["NOT_FOUND"] };
                if self.clusters.insert(key(at, to), cluster).is_some() {
                    broken.push("CLUSTER_NAME_TAKEN");
                }
            }
            Step::Delete { at, name } => {
                if self.clusters.remove(&key(at, name)).is_none() {
                    return vec!["NOT_FOUND"];
                }
                // The gateway is there.
                if (*at, *name) == EMEA {
                    broken.push("CLUSTER_NOT_EMPTY");
                }
            }
        }
        broken
    }

    /// The one that everything is kept on.
    pub fn emea(&self) -> &Cluster {
        &self.clusters[&(EMEA.0.to_owned(), EMEA.1.to_owned())]
    }
}

impl Cluster {
    /// The first one, as it is made.
    pub fn first() -> ((String, String), Self) {
        ((EMEA.0.to_owned(), EMEA.1.to_owned()), Self { policy: "NOT_ALLOWED", minutes: None })
    }

    pub fn shown(&self, at: &str, name: &str) -> Value {
        json!([at, name, self.policy, self.minutes])
    }
}
