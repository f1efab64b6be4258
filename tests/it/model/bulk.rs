//! Many things at once: what of a mixed list is done, together or each by itself, and rows of a job.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    profile,
    server::{Ask, Request},
    step::{self, name, number, user},
    user,
    world::World,
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreateProfiles {
        each: bool,
        items: Vec<(&'static str, Vec<&'static str>)>,
    },
    DescribeProfiles {
        each: bool,
        names: Vec<&'static str>,
        text: &'static str,
    },
    DeleteProfiles {
        names: Vec<&'static str>,
    },
    CreateUsers {
        each: bool,
        users: Vec<&'static str>,
    },
    /// A job that makes users.
    Import {
        users: Vec<&'static str>,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let item = (name(), proptest::collection::vec(number(), 0..2));
    prop_oneof![
        2 => (any::<bool>(), proptest::collection::vec(item, 1..4))
            .prop_map(|(each, items)| Step::CreateProfiles { each, items }),
        1 => (any::<bool>(), proptest::collection::vec(name(), 1..4), proptest::sample::select(&["", "Many"][..]))
            .prop_map(|(each, names, text)| Step::DescribeProfiles { each, names, text }),
        1 => proptest::collection::vec(name(), 1..3).prop_map(|names| Step::DeleteProfiles { names }),
        2 => (any::<bool>(), proptest::collection::vec(user(), 1..4))
            .prop_map(|(each, users)| Step::CreateUsers { each, users }),
        1 => proptest::collection::vec(user(), 1..4).prop_map(|users| Step::Import { users }),
    ]
}

impl Step {
    /// What is asked for, one by one.
    fn items(&self) -> Vec<step::Step> {
        let none = Vec::new;
        match self {
            Self::CreateProfiles { items, .. } => {
                let one = |(name, lines): &(&'static str, Vec<&'static str>)| profile::Step::CreateProfile {
                    name,
                    lines: lines.clone(),
                    users: none(),
                };
                items.iter().map(one).map(step::Step::Profile).collect()
            }
            Self::DescribeProfiles { names, text, .. } => {
                let one = |profile: &&'static str| profile::Step::Describe { profile, text };
                names.iter().map(one).map(step::Step::Profile).collect()
            }
            Self::DeleteProfiles { names } => {
                let one = |name: &&'static str| profile::Step::DeleteProfile { name, release: true };
                names.iter().map(one).map(step::Step::Profile).collect()
            }
            Self::CreateUsers { users, .. } | Self::Import { users } => {
                let one =
                    |user: &&'static str| user::Step::CreateUser { user, profiles: none(), default: None };
                users.iter().map(one).map(step::Step::User).collect()
            }
        }
    }

    /// Whether each item stands for itself.
    fn each(&self) -> bool {
        match self {
            Self::CreateProfiles { each, .. }
            | Self::DescribeProfiles { each, .. }
            | Self::CreateUsers { each, .. } => *each,
            Self::DeleteProfiles { .. } => false,
            Self::Import { .. } => true,
        }
    }

    /// The rows of a job.
    pub fn rows(users: &[&str]) -> String {
        let row = |user: &&str| format!("emea,{user},acme.north.berlin,Berg\n");
        "cluster,userId,organization,lastName\n".to_owned() + &users.iter().map(row).collect::<String>()
    }
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    let items: Vec<_> = step.items().iter().map(|item| ask.request(item).1).collect();
    let policy = if step.each() { "EACH" } else { "ALL_OR_NOTHING" };
    let kind = match step {
        Step::CreateProfiles { .. } => "createProfiles",
        Step::DescribeProfiles { .. } => "updateProfiles",
        Step::DeleteProfiles { .. } => "deleteProfiles",
        Step::CreateUsers { .. } => "createUsers",
        Step::Import { .. } => unreachable!("a job is not asked for as a mutation"),
    };
    (kind, json!({"policy": policy, "items": items}))
}

/// What the answer tells of each item.
pub fn told(payload: &Value) -> Vec<String> {
    let items = payload["items"].as_array().expect("items");
    let mut told = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let errors = item["payload"]["errors"].as_array().expect("errors");
        told.extend(
            errors.iter().map(|error| format!("{at} {}", error["code"].as_str().unwrap_or_default())),
        );
    }
    told
}

impl World {
    /// What becomes of many steps at once; tells the codes of each item.
    pub fn bulk(&mut self, step: &Step) -> Vec<String> {
        let before = self.clone();
        let mut told = Vec::new();
        for (at, item) in step.items().iter().enumerate() {
            told.extend(self.tried(item).into_iter().map(|code| format!("{at} {code}")));
        }
        if told.is_empty() || step.each() {
            self.remember(&before);
        } else {
            *self = before;
        }
        told.sort_unstable();
        told
    }
}
