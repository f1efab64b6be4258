//! Organizations: a tree, and what is said at one for those below.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    server::{Ask, Request},
    world::{Broken, World},
};

/// Where things are kept here.
pub const SITE: &str = "acme.north.berlin";
/// Where something may be made.
const PARENTS: [&str; 7] = [
    "acme.north",
    "acme.south",
    "acme.north.hub",
    "acme.south.hub",
    "acme.north.paris",
    "acme.north.hub.paris",
    "acme",
];
/// What may be moved, renamed and deleted.
const BELOW: [&str; 7] = [
    "acme.north.hub",
    "acme.south.hub",
    "acme.north.paris",
    "acme.south.paris",
    "acme.north.hub.paris",
    "acme.south.hub.paris",
    "acme.north.hub.hub",
];

/// An organization at a path.
#[derive(Clone, Debug)]
pub struct Organization {
    kind: &'static str,
    /// Most profiles of a user.
    pub most: Option<usize>,
    pub keep: Option<Keep>,
}

/// What becomes of lines that a device leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    pub delete: bool,
    pub template: bool,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    Create {
        parent: &'static str,
        kind: &'static str,
        name: &'static str,
    },
    Rename {
        path: &'static str,
        name: &'static str,
    },
    Move {
        path: &'static str,
        parent: &'static str,
    },
    Delete {
        path: &'static str,
    },
    /// At the site, or at the customer above it.
    Limit {
        site: bool,
        most: Option<usize>,
    },
    Keep {
        site: bool,
        keep: Option<(bool, bool)>,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let parent = || proptest::sample::select(&PARENTS[..]);
    let below = || proptest::sample::select(&BELOW[..]);
    let name = || proptest::sample::select(&["hub", "paris"][..]);
    let kind = proptest::sample::select(&["SITE", "INTERMEDIATE", "INTERMEDIATE", "CUSTOMER"][..]);
    let most = proptest::sample::select(&[None, None, Some(1), Some(2)][..]);
    prop_oneof![
        3 => (parent(), kind, name()).prop_map(|(parent, kind, name)| Step::Create { parent, kind, name }),
        1 => (below(), name()).prop_map(|(path, name)| Step::Rename { path, name }),
        2 => (below(), parent()).prop_map(|(path, parent)| Step::Move { path, parent }),
        2 => prop_oneof![4 => below(), 1 => Just(SITE)].prop_map(|path| Step::Delete { path }),
        1 => (any::<bool>(), most).prop_map(|(site, most)| Step::Limit { site, most }),
        2 => (any::<bool>(), proptest::option::of((any::<bool>(), any::<bool>())))
            .prop_map(|(site, keep)| Step::Keep { site, keep }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    let id = |path: &str| ask.id("Organization", path);
    let at = |site: bool| if site { &ask.estate.berlin } else { &ask.estate.north };
    match step {
        Step::Create { parent, kind, name } => {
            ("createOrganization", json!({"parentId": id(parent), "kind": kind, "name": name}))
        }
        Step::Rename { path, name } => ("renameOrganization", json!({"id": id(path), "name": name})),
        Step::Move { path, parent } => ("moveOrganization", json!({"id": id(path), "parentId": id(parent)})),
        Step::Delete { path } => ("deleteOrganization", json!({"id": id(path)})),
        Step::Limit { site, most } => {
            ("updateOrganization", json!({"id": at(*site), "maxProfilesPerUser": most}))
        }
        Step::Keep { site, keep } => {
            let preferences = keep.map(|(delete, template)| {
                let template = template.then(|| json!({"description": "spare"}));
                json!({"deleteUnused": delete, "template": template})
            });
            ("updateOrganization", json!({"id": at(*site), "lineDeletePreferences": preferences}))
        }
    }
}

impl World {
    /// What becomes of organizations.
    pub fn organization(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::Create { parent, kind, name } => {
                match self.organizations.get(*parent) {
                    None => broken.push("NOT_FOUND"),
                    Some(above) if !stands(kind, above.kind) => broken.push("ORGANIZATION_KIND_MISPLACED"),
                    Some(_) => {}
                }
                let new = Organization { kind, most: None, keep: None };
                if self.organizations.insert(format!("{parent}.{name}"), new).is_some() {
                    broken.push("ORGANIZATION_NAME_TAKEN");
                }
            }
            Step::Rename { path, name } => {
                if !self.organizations.contains_key(*path) {
                    return vec!["NOT_FOUND"];
                }
                let above = path.rsplit_once('.').map_or("", |(above, _)| above);
                broken.extend(self.go(path, &format!("{above}.{name}")));
            }
            Step::Move { path, parent } => {
                for named in [path, parent] {
                    broken.extend((!self.organizations.contains_key(*named)).then_some("NOT_FOUND"));
                }
                if !broken.is_empty() {
                    return broken;
                }
                let own = path.rsplit('.').next().unwrap_or_default();
                if parent == path || parent.starts_with(&format!("{path}.")) {
                    broken.push("ORGANIZATION_INSIDE_ITSELF");
                } else if !stands(self.organizations[*path].kind, self.organizations[*parent].kind) {
                    broken.push("ORGANIZATION_KIND_MISPLACED");
                }
                broken.extend(self.go(path, &format!("{parent}.{own}")));
            }
            Step::Delete { path } => {
                if self.organizations.remove(*path).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let below = self.organizations.keys().any(|other| other.starts_with(&format!("{path}.")));
                let mut kept = self.groups.keys().chain(self.clusters.keys()).chain(self.roles.keys());
                // The gateway is kept at the site.
                if below || kept.any(|(at, _)| at == path) || *path == SITE {
                    broken.push("ORGANIZATION_NOT_EMPTY");
                }
            }
            Step::Limit { site, most } => self.at(*site).most = *most,
            Step::Keep { site, keep } => {
                self.at(*site).keep = keep.map(|(delete, template)| Keep { delete, template });
            }
        }
        broken
    }

    /// What is said at the site, or else at the nearest organization above it that says something.
    pub fn says<T>(&self, get: impl Fn(&Organization) -> Option<T>) -> Option<T> {
        ["acme.north.berlin", "acme.north", "acme"]
            .iter()
            .find_map(|path| get(self.organizations.get(*path)?))
    }

    fn at(&mut self, site: bool) -> &mut Organization {
        let path = if site { SITE } else { "acme.north" };
        self.organizations.get_mut(path).expect("it is never taken away")
    }

    /// Gives an organization and all below it another path; a code where somebody else has it.
    fn go(&mut self, from: &str, to: &str) -> Option<&'static str> {
        if from == to {
            return None;
        }
        let taken = self.organizations.contains_key(to);
        let moved = |path: &str| match path.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('.') => format!("{to}{rest}"),
            _ => path.to_owned(),
        };
        let organizations = std::mem::take(&mut self.organizations);
        self.organizations = organizations.into_iter().map(|(path, it)| (moved(&path), it)).collect();
        moved_along(&mut self.groups, moved);
        moved_along(&mut self.clusters, moved);
        moved_along(&mut self.roles, moved);
        taken.then_some("ORGANIZATION_NAME_TAKEN")
    }
}

/// Gives what is kept at organizations their new paths.
fn moved_along<T>(kept: &mut BTreeMap<(String, String), T>, moved: impl Fn(&str) -> String) {
    let before = std::mem::take(kept);
    kept.extend(before.into_iter().map(|((at, name), it)| ((moved(&at), name), it)));
}

/// Whether a kind may stand below another one.
fn stands(kind: &str, above: &str) -> bool {
    match kind {
        "CUSTOMER" => matches!(above, "PROVIDER" | "RESELLER"),
        _ => matches!(above, "CUSTOMER" | "INTERMEDIATE"),
    }
}

impl Organization {
    /// What every story starts from.
    pub fn estate() -> BTreeMap<String, Self> {
        let of =
            |(path, kind): (&str, &'static str)| (path.to_owned(), Self { kind, most: None, keep: None });
        let all = [
            ("acme", "PROVIDER"),
            ("acme.north", "CUSTOMER"),
            ("acme.south", "CUSTOMER"),
            (SITE, "SITE"),
            ("acme.north.paris", "SITE"),
            ("acme.south.rome", "SITE"),
        ];
        all.map(of).into_iter().collect()
    }

    pub fn shown(&self, path: &str) -> Value {
        let keep = self.keep.map(|keep| json!([keep.delete, keep.template.then_some("spare")]));
        json!([path, self.kind, self.most, keep])
    }
}
