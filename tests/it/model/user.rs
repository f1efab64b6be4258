//! Users and the profiles that serve them: the first is significant, one is the default.

#![expect(clippy::option_option, reason = "what is not sent, what is sent as null, and what has a value")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    server::{Ask, Request},
    session::active,
    step::{name, number, user, users},
    world::{Broken, Device, Kind, World, repeated},
};

/// A user of the cluster.
#[derive(Clone, Debug)]
pub struct User {
    /// Key of the profile that is taken at login.
    pub default: Option<String>,
    pub last_name: &'static str,
    /// The longest login, in minutes.
    pub minutes: Option<i32>,
    pub primary: Option<&'static str>,
    /// Keys of the phones that the user controls.
    pub phones: BTreeSet<String>,
    /// Keys of the profiles that applications may control.
    pub cti: BTreeSet<String>,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreateUser { user: &'static str, profiles: Vec<&'static str>, default: Option<usize> },
    UpdateUser { user: &'static str, said: Said },
    DeleteUser { user: &'static str, delete: Option<bool>, out: bool },
    Associate { profile: &'static str, users: Vec<&'static str> },
    Disassociate { profile: &'static str, user: &'static str, out: bool },
    Reorder { profile: &'static str, users: Vec<&'static str> },
    SetDefault { user: &'static str, profile: Option<&'static str> },
}

/// What is changed of a user.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub last_name: Option<&'static str>,
    pub minutes: Option<Option<i32>>,
    pub primary: Option<Option<&'static str>>,
    phones: Option<Vec<&'static str>>,
    cti: Option<Vec<&'static str>>,
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (user(), proptest::collection::vec(name(), 0..2), proptest::option::weighted(0.4, 0_usize..2))
            .prop_map(|(user, profiles, default)| Step::CreateUser { user, profiles, default }),
        3 => (user(), said()).prop_map(|(user, said)| Step::UpdateUser { user, said }),
        1 => (user(), proptest::option::of(any::<bool>()), any::<bool>())
            .prop_map(|(user, delete, out)| Step::DeleteUser { user, delete, out }),
        2 => (name(), users()).prop_map(|(profile, users)| Step::Associate { profile, users }),
        1 => (name(), user(), any::<bool>())
            .prop_map(|(profile, user, out)| Step::Disassociate { profile, user, out }),
        1 => (name(), users()).prop_map(|(profile, users)| Step::Reorder { profile, users }),
        1 => (user(), proptest::option::weighted(0.8, name()))
            .prop_map(|(user, profile)| Step::SetDefault { user, profile }),
    ]
}

/// What may be changed of a user, by lot.
pub fn said() -> impl Strategy<Value = Said> {
    let minutes = proptest::sample::select(&[None, Some(0), Some(90), Some(500), Some(-1)][..]);
    let primary = proptest::option::weighted(0.8, number());
    let list = || proptest::collection::vec(name(), 0..3);
    prop_oneof![
        1 => proptest::sample::select(&["Berg", "Stein", ""][..])
            .prop_map(|name| Said { last_name: Some(name), ..Said::default() }),
        1 => minutes.prop_map(|minutes| Said { minutes: Some(minutes), ..Said::default() }),
        2 => primary.prop_map(|primary| Said { primary: Some(primary), ..Said::default() }),
        2 => list().prop_map(|phones| Said { phones: Some(phones), ..Said::default() }),
        1 => list().prop_map(|cti| Said { cti: Some(cti), ..Said::default() }),
        1 => (list(), list(), number()).prop_map(|(phones, cti, primary)| Said {
            last_name: Some("Tal"), minutes: Some(None), primary: Some(Some(primary)), phones: Some(phones),
            cti: Some(cti),
        }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::CreateUser { user, profiles, default } => (
            "createUser",
            json!({
                "organizationId": ask.estate.berlin, "clusterId": ask.estate.emea, "userId": user, "lastName": "Berg",
                "profileIds": profiles.iter().map(|name| ask.profile(name)).collect::<Vec<_>>(),
                "defaultProfile": default,
            }),
        ),
        Step::UpdateUser { user, said } => {
            let mut input = json!({"id": ask.id("User", user)});
            if let Some(name) = said.last_name {
                input["lastName"] = json!(name);
            }
            if let Some(minutes) = said.minutes {
                input["maxLoginMinutes"] = json!(minutes);
            }
            if let Some(primary) = said.primary {
                input["primaryExtension"] = json!(primary.map(|number| json!({"pattern": number})));
            }
            if let Some(phones) = &said.phones {
                input["phoneIds"] = phones.iter().map(|name| ask.id("Phone", name)).collect();
            }
            if let Some(profiles) = &said.cti {
                input["ctiProfileIds"] = profiles.iter().map(|name| ask.profile(name)).collect();
            }
            ("updateUser", input)
        }
        Step::DeleteUser { user, delete, out } => {
            let sole = delete.map(|delete| if delete { "DELETE" } else { "KEEP_UNASSIGNED" });
            let input =
                json!({"id": ask.id("User", user), "soleProfiles": sole, "onActiveSession": active(*out)});
            ("deleteUser", input)
        }
        Step::Associate { profile: name, users: list } => {
            ("associateUsers", json!({"profileId": ask.profile(name), "userIds": ask.users(list)}))
        }
        Step::Disassociate { profile: name, user, out } => (
            "disassociateUser",
            json!({
                "profileId": ask.profile(name), "userId": ask.id("User", user), "onActiveSession": active(*out),
            }),
        ),
        Step::Reorder { profile: name, users: list } => {
            ("reorderUsers", json!({"profileId": ask.profile(name), "userIds": ask.users(list)}))
        }
        Step::SetDefault { user, profile: name } => (
            "setDefaultProfile",
            json!({"userId": ask.id("User", user), "profileId": name.map(|name| ask.profile(name))}),
        ),
    }
}

impl World {
    /// What becomes of users.
    pub fn user(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::CreateUser { user, profiles, default } => {
                if self.users.contains_key(*user) {
                    broken.push("USER_ID_TAKEN");
                }
                broken.extend(repeated(profiles));
                for profile in profiles {
                    match self.device(profile, Kind::Profile) {
                        Some(profile) => profile.users.push((*user).to_owned()),
                        None => broken.push("NOT_FOUND"),
                    }
                }
                if self.most().is_some_and(|most| profiles.len() > most) {
                    broken.push("ENTITLEMENT_EXCEEDED");
                }
                let own = default.map(|at| profiles.get(at).map(|name| name.to_lowercase()));
                if own == Some(None) {
                    broken.push("DEFAULT_PROFILE_NOT_ASSOCIATED");
                }
                self.users.insert((*user).to_owned(), User { default: own.flatten(), ..User::new() });
            }
            Step::UpdateUser { user, said } => return self.update_user(user, said),
            Step::DeleteUser { user, delete, out } => {
                if self.users.remove(*user).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let alone = |device: &Device| device.kind == Kind::Profile && device.users == [*user];
                let sole: Vec<_> = self
                    .devices
                    .iter()
                    .filter(|(_, device)| alone(device))
                    .map(|(key, _)| key.clone())
                    .collect();
                if delete.is_none() && !sole.is_empty() {
                    broken.push("USER_PROFILES_UNDECIDED");
                }
                self.clear(&mut broken, *out, "USER_LOGGED_IN", |_, session| session.user == *user);
                for device in self.devices.values_mut() {
                    device.users.retain(|other| other != user);
                }
                for key in sole.iter().filter(|_| *delete == Some(true)) {
                    if self.shown_by_phones(key) {
                        broken.push("PROFILE_IS_LOGOUT_PROFILE");
                    }
                }
                for key in sole.iter().filter(|_| *delete == Some(true)) {
                    self.delete_device(key);
                }
            }
            Step::Associate { profile, users } => {
                let unknown = self.unknown(users);
                let there: Vec<_> =
                    users.iter().copied().filter(|user| !self.serves(profile, user)).collect();
                let entitled = self.entitled(&there);
                let Some(profile) = self.device(profile, Kind::Profile) else { return vec!["NOT_FOUND"] };
                broken.extend(unknown);
                broken.extend(repeated(users));
                broken.extend(entitled);
                let before = profile.users.clone();
                for user in users {
                    if before.iter().any(|other| other == user) {
                        broken.push("USER_ALREADY_ASSOCIATED");
                    }
                    profile.users.push((*user).to_owned());
                }
            }
            Step::Disassociate { profile, user, out } => {
                let known = self.users.contains_key(*user);
                let key = profile.to_lowercase();
                let Some(profile) = self.device(profile, Kind::Profile) else { return vec!["NOT_FOUND"] };
                match profile.users.iter().position(|other| other == user) {
                    _ if !known => broken.push("NOT_FOUND"),
                    None => broken.push("USER_NOT_ASSOCIATED"),
                    Some(at) => drop(profile.users.remove(at)),
                }
                let own = Some(key);
                self.clear(&mut broken, *out, "PROFILE_IN_USE", |_, session| {
                    session.user == *user && session.profile == own
                });
                if let Some(user) = self.users.get_mut(*user).filter(|user| user.default == own) {
                    user.default = None;
                }
            }
            Step::Reorder { profile, users } => {
                let unknown = self.unknown(users);
                let known: BTreeSet<_> = self.users.keys().cloned().collect();
                let Some(profile) = self.device(profile, Kind::Profile) else { return vec!["NOT_FOUND"] };
                broken.extend(unknown);
                broken.extend(repeated(users));
                for user in users {
                    if known.contains(*user) && !profile.users.iter().any(|other| other == user) {
                        broken.push("USER_NOT_ASSOCIATED");
                    }
                }
                if profile.users.iter().any(|other| !users.contains(&other.as_str())) {
                    broken.push("USER_ORDER_INCOMPLETE");
                }
                profile.users = users.iter().map(|user| (*user).to_owned()).collect();
            }
            Step::SetDefault { user, profile } => {
                let served = profile.map(|name| self.device(name, Kind::Profile).map(|it| it.users.clone()));
                let Some(own) = self.users.get_mut(*user) else { return vec!["NOT_FOUND"] };
                match served {
                    Some(None) => broken.push("NOT_FOUND"),
                    Some(Some(users)) if !users.iter().any(|other| other == user) => {
                        broken.push("DEFAULT_PROFILE_NOT_ASSOCIATED");
                    }
                    Some(Some(_)) | None => {}
                }
                own.default = profile.map(str::to_lowercase);
            }
        }
        broken
    }

    fn update_user(&mut self, user: &str, said: &Said) -> Broken {
        let Some(mut own) = self.users.get(user).cloned() else { return vec!["NOT_FOUND"] };
        let mut broken = Broken::new();
        if said.last_name == Some("") {
            broken.push("VALUE_REQUIRED");
        }
        if said.minutes.flatten().is_some_and(|minutes| !(0..=10_080).contains(&minutes)) {
            broken.push("VALUE_OUT_OF_RANGE");
        }
        for (named, kind) in [(&said.phones, Kind::Phone), (&said.cti, Kind::Profile)] {
            let Some(named) = named else { continue };
            broken.extend(repeated(named));
            let there = |key: &String| self.devices.get(key).is_some_and(|device| device.kind == kind);
            let (known, absent): (Vec<_>, Vec<_>) =
                named.iter().map(|name| name.to_lowercase()).partition(there);
            broken.extend(absent.iter().map(|_| "NOT_FOUND"));
            let list = if kind == Kind::Phone { &mut own.phones } else { &mut own.cti };
            *list = known.into_iter().collect();
        }
        if let Some(Some(number)) = said.primary {
            let of = |(key, device): &(&String, &Device)| {
                own.phones.contains(*key)
                    || device.kind == Kind::Profile && device.users.iter().any(|other| other == user)
            };
            let mut devices = self.devices.iter().filter(of);
            if !devices.any(|(_, device)| device.lines.values().any(|other| other == number)) {
                broken.push("PRIMARY_EXTENSION_NOT_OWN");
            }
        }
        own.last_name = said.last_name.unwrap_or(own.last_name);
        own.minutes = said.minutes.unwrap_or(own.minutes);
        own.primary = said.primary.unwrap_or(own.primary);
        self.users.insert(user.to_owned(), own);
        broken
    }

    /// A user as it is shown.
    pub fn shown_user(&self, user: &str) -> Value {
        let own = &self.users[user];
        let name = |key: &String| self.devices[key].name.clone();
        let names = |keys: &BTreeSet<String>| keys.iter().map(name).collect::<Vec<_>>();
        json!([
            user,
            own.default.as_ref().map(name),
            own.last_name,
            own.minutes,
            own.primary,
            names(&own.phones),
            names(&own.cti)
        ])
    }

    /// Most profiles of a user: what the site says, or else the customer above it (USR-11).
    pub fn most(&self) -> Option<usize> {
        self.says(|organization| organization.most)
    }

    /// A code for each of the users who has as many profiles as a user may have.
    pub fn entitled(&self, users: &[&str]) -> Broken {
        let Some(most) = self.most() else { return Broken::new() };
        let profiles = || self.devices.values().filter(|device| device.kind == Kind::Profile);
        let used = |user: &str| profiles().filter(|it| it.users.iter().any(|u| u == user)).count();
        let over = users.iter().filter(|user| self.users.contains_key(**user) && used(user) >= most);
        over.map(|_| "ENTITLEMENT_EXCEEDED").collect()
    }

    fn serves(&self, profile: &str, user: &str) -> bool {
        let profile = self.devices.get(&profile.to_lowercase());
        profile.is_some_and(|profile| profile.users.iter().any(|other| other == user))
    }

    /// Those of the users who are there.
    pub fn present(&self, users: &[&str]) -> Vec<String> {
        users.iter().filter(|user| self.users.contains_key(**user)).map(|user| (*user).to_owned()).collect()
    }

    /// A code for each of the users who is not there.
    pub fn unknown(&self, users: &[&str]) -> Broken {
        users.iter().filter(|user| !self.users.contains_key(**user)).map(|_| "NOT_FOUND").collect()
    }
}

impl User {
    /// One of whom nothing is said.
    pub fn new() -> Self {
        Self {
            default: None,
            last_name: "Berg",
            minutes: None,
            primary: None,
            phones: BTreeSet::new(),
            cti: BTreeSet::new(),
        }
    }
}
