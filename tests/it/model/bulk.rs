//! Many things at once: what of a mixed list is done, together or each by itself, and rows of a job.

use proptest::{prelude::*, strategy::Union};
use serde_json::{Value, json};

use super::{
    line, number, orphan, profile,
    server::{Ask, Request},
    service, session,
    step::{self, name, number, user},
    user,
    world::{Kind, World},
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    /// By the mutation for many of a kind.
    Many {
        mutation: &'static str,
        each: bool,
        items: Vec<step::Step>,
    },
    /// Every profile that serves somebody, or nobody.
    DescribeThose {
        served: bool,
        text: &'static str,
    },
    CleanUp {
        orphans: Vec<orphan::Step>,
    },
    RestoreSessions {
        force: bool,
        logins: Vec<session::Step>,
    },
    /// A job that makes users.
    Import {
        users: Vec<&'static str>,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let text = proptest::sample::select(&["", "Many"][..]);
    prop_oneof![
        19 => many(),
        2 => (any::<bool>(), text).prop_map(|(served, text)| Step::DescribeThose { served, text }),
        4 => orphan::steps().prop_map(|orphans| Step::CleanUp { orphans }),
        3 => session::restored().prop_map(|(force, logins)| Step::RestoreSessions { force, logins }),
        2 => proptest::collection::vec(user(), 1..4).prop_map(|users| Step::Import { users }),
    ]
}

/// The mutations for many, by lot.
fn many() -> impl Strategy<Value = Step> {
    use step::Step::{Line, Number, Profile, Service, User};
    let text = || proptest::sample::select(&["", "Many"][..]);
    let url = || proptest::option::of(Just("http://news/"));
    let button = || proptest::option::weighted(0.6, step::place());
    let told = || proptest::option::of(any::<bool>());
    Union::new([
        of("createProfiles", (name(), proptest::collection::vec(number(), 0..2)), |(name, lines)| {
            Profile(profile::Step::CreateProfile { name, lines, users: Vec::new() })
        }),
        of("updateProfiles", (name(), text()), |(profile, text)| {
            Profile(profile::Step::Describe { profile, text })
        }),
        of("deleteProfiles", (name(), any::<bool>()), |(name, out)| {
            Profile(profile::Step::DeleteProfile { name, release: true, out })
        }),
        of("createUsers", user(), |user| {
            User(user::Step::CreateUser { user, profiles: Vec::new(), default: None })
        }),
        of("updateUsers", (user(), user::said()), |(user, said)| User(user::Step::UpdateUser { user, said })),
        of("deleteUsers", (user(), told(), any::<bool>()), |(user, delete, out)| {
            User(user::Step::DeleteUser { user, delete, out })
        }),
        of("createLines", number(), |number| Line(line::Step::CreateLine { number })),
        of("updateLines", (number(), text()), |(number, text)| {
            Line(line::Step::Describe { number, through: None, text })
        }),
        of("deleteLines", (number(), any::<bool>()), |(number, told)| {
            Line(line::Step::DeleteLine { number, told })
        }),
        of("changeSettingsOfLines", (name(), number(), 1_i32..90), |(device, number, calls)| {
            Line(line::Step::ChangeLine { device, number, calls })
        }),
        of("createServices", service::service(), |service| {
            Service(service::Step::Create {
                service,
                url: "http://news/",
                parameters: Vec::new(),
                enabled: true,
                enterprise: false,
            })
        }),
        of("updateServices", (service::service(), url(), told()), |(service, url, enabled)| {
            Service(service::Step::Offer { service, url, enabled })
        }),
        of("deleteServices", (service::service(), any::<bool>()), |(service, told)| {
            Service(service::Step::Delete { service, told })
        }),
        of(
            "subscribeServices",
            (name(), service::service(), service::values(), button()),
            |(device, service, values, button)| {
                Service(service::Step::Subscribe { device, service, values, url: None, button })
            },
        ),
        of("unsubscribeServices", (name(), service::service()), |(device, service)| {
            Service(service::Step::Unsubscribe { device, service })
        }),
        of("createNumbersByPattern", (number(), proptest::option::of(user())), |(number, user)| {
            Number(number::Step::CreateNumber { number, user })
        }),
        of("updateNumbersById", (number(), text()), |(number, text)| {
            Number(number::Step::Describe { number, text })
        }),
        of("deleteNumbersById", number(), |number| Number(number::Step::DeleteNumber { number })),
        of("changeStatusesOfNumbers", (number(), number::status()), |(number, to)| {
            Number(number::Step::ChangeStatus { number, to })
        }),
    ])
}

/// A mutation for many, of few items that are made of something drawn.
fn of<T: std::fmt::Debug + 'static>(
    mutation: &'static str,
    drawn: impl Strategy<Value = T> + 'static,
    item: fn(T) -> step::Step,
) -> BoxedStrategy<Step> {
    let items = proptest::collection::vec(drawn.prop_map(item), 1..4);
    (any::<bool>(), items).prop_map(move |(each, items)| Step::Many { mutation, each, items }).boxed()
}

impl Step {
    /// What is asked for, one by one.
    fn items(&self) -> Vec<step::Step> {
        match self {
            Self::Many { items, .. } => items.clone(),
            // Not one by one, as nothing is said of each.
            Self::DescribeThose { .. } => Vec::new(),
            Self::CleanUp { orphans } => orphans.iter().cloned().map(step::Step::Orphan).collect(),
            Self::RestoreSessions { logins, .. } => logins.iter().cloned().map(step::Step::Session).collect(),
            Self::Import { users } => {
                let none = Vec::new;
                let one =
                    |user: &&'static str| user::Step::CreateUser { user, profiles: none(), default: None };
                users.iter().map(one).map(step::Step::User).collect()
            }
        }
    }

    /// Whether each item stands for itself.
    fn each(&self) -> bool {
        match self {
            Self::Many { each, .. } => *each,
            Self::DescribeThose { .. }
            | Self::CleanUp { .. }
            | Self::RestoreSessions { .. }
            | Self::Import { .. } => true,
        }
    }

    /// The rows of a job.
    pub fn rows(users: &[&str]) -> String {
        let row = |user: &&str| format!("emea,{user},acme.north.berlin,Berg\n");
        "cluster,userId,organization,lastName\n".to_owned() + &users.iter().map(row).collect::<String>()
    }

    /// What of the answer tells of the items.
    pub fn select(&self) -> &'static str {
        match self {
            Self::CleanUp { .. } | Self::RestoreSessions { .. } => "outcomes { errors { code } }",
            Self::Many { .. } | Self::DescribeThose { .. } | Self::Import { .. } => {
                "items { payload { errors { code } } }"
            }
        }
    }
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::Many { mutation, each, items } => {
            let items: Vec<_> = items.iter().map(|item| ask.request(item).1).collect();
            let policy = if *each { "EACH" } else { "ALL_OR_NOTHING" };
            (mutation, json!({"policy": policy, "items": items}))
        }
        Step::DescribeThose { served, text } => {
            let input =
                json!({"filter": {"hasUsers": served}, "set": {"description": text}, "policy": "EACH"});
            ("bulkUpdateProfiles", input)
        }
        Step::CleanUp { orphans } => {
            let mut input = json!({"profileIds": [], "lineIds": [], "numberIds": []});
            for orphan in orphans {
                let (_, one) = orphan::ask(orphan, ask);
                for (list, ids) in one.as_object().into_iter().flatten() {
                    let ids = ids.as_array().into_iter().flatten().cloned();
                    input[list].as_array_mut().expect("a list").extend(ids);
                }
            }
            ("cleanUpOrphans", input)
        }
        Step::RestoreSessions { force, logins } => {
            let items: Vec<_> = logins.iter().map(|login| session::ask(login, ask).1).collect();
            ("restoreSessions", json!({"items": items, "ifOccupied": session::occupied(*force)}))
        }
        Step::Import { .. } => unreachable!("a job is not asked for as a mutation"),
    }
}

/// What the answer tells of each item.
pub fn told(payload: &Value) -> Vec<String> {
    let items = payload["items"].as_array().or(payload["outcomes"].as_array()).expect("items");
    let mut told = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let errors = item["payload"]["errors"].as_array().or(item["errors"].as_array()).expect("errors");
        told.extend(
            errors.iter().map(|error| format!("{at} {}", error["code"].as_str().unwrap_or_default())),
        );
    }
    told
}

impl World {
    /// What becomes of many steps at once; tells the codes of each item.
    pub fn bulk(&mut self, step: &Step) -> Vec<String> {
        let (before, mut told) = (self.clone(), Vec::new());
        if let Step::DescribeThose { served, text } = step {
            let profiles = self.devices.values_mut().filter(|device| device.kind == Kind::Profile);
            for profile in profiles.filter(|profile| profile.users.is_empty() != *served) {
                (*text).clone_into(&mut profile.description);
            }
        }
        for (at, item) in step.items().iter().enumerate() {
            let was = self.clone();
            let broken = self.tried(item);
            if broken.is_empty() {
                let together = matches!(step, Step::Many { .. });
                self.remember(&was, if together { &before } else { &was });
            }
            told.extend(broken.into_iter().map(|code| format!("{at} {code}")));
        }
        if !told.is_empty() && !step.each() {
            *self = before;
        }
        told.sort_unstable();
        told
    }
}
