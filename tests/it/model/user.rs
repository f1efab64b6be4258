//! Users and the profiles that serve them: the first is significant, one is the default.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::{
    server::{Ask, Request},
    step::{name, user, users},
    world::{Broken, Device, Kind, World, repeated},
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreateUser { user: &'static str, profiles: Vec<&'static str>, default: Option<usize> },
    DeleteUser { user: &'static str, delete: Option<bool> },
    Associate { profile: &'static str, users: Vec<&'static str> },
    Disassociate { profile: &'static str, user: &'static str },
    Reorder { profile: &'static str, users: Vec<&'static str> },
    SetDefault { user: &'static str, profile: Option<&'static str> },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (user(), proptest::collection::vec(name(), 0..2), proptest::option::weighted(0.4, 0_usize..2))
            .prop_map(|(user, profiles, default)| Step::CreateUser { user, profiles, default }),
        1 => (user(), proptest::option::of(any::<bool>()))
            .prop_map(|(user, delete)| Step::DeleteUser { user, delete }),
        2 => (name(), users()).prop_map(|(profile, users)| Step::Associate { profile, users }),
        1 => (name(), user()).prop_map(|(profile, user)| Step::Disassociate { profile, user }),
        1 => (name(), users()).prop_map(|(profile, users)| Step::Reorder { profile, users }),
        1 => (user(), proptest::option::weighted(0.8, name()))
            .prop_map(|(user, profile)| Step::SetDefault { user, profile }),
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
        Step::DeleteUser { user, delete } => {
            let sole = delete.map(|delete| if delete { "DELETE" } else { "KEEP_UNASSIGNED" });
            ("deleteUser", json!({"id": ask.id("User", user), "soleProfiles": sole}))
        }
        Step::Associate { profile: name, users: list } => {
            ("associateUsers", json!({"profileId": ask.profile(name), "userIds": ask.users(list)}))
        }
        Step::Disassociate { profile: name, user } => {
            ("disassociateUser", json!({"profileId": ask.profile(name), "userId": ask.id("User", user)}))
        }
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
                self.users.insert((*user).to_owned(), own.flatten());
            }
            Step::DeleteUser { user, delete } => {
                if self.users.remove(*user).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let alone = |device: &Device| device.users == [*user];
                let sole: Vec<_> = self
                    .devices
                    .iter()
                    .filter(|(_, device)| alone(device))
                    .map(|(key, _)| key.clone())
                    .collect();
                if delete.is_none() && !sole.is_empty() {
                    broken.push("USER_PROFILES_UNDECIDED");
                }
                if self.sessions.values().any(|(other, _)| other == user) {
                    broken.push("USER_LOGGED_IN");
                }
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
            Step::Disassociate { profile, user } => {
                let known = self.users.contains_key(*user);
                let key = profile.to_lowercase();
                let shown = self.sessions.values().any(|(other, profile)| other == user && *profile == key);
                let Some(profile) = self.device(profile, Kind::Profile) else { return vec!["NOT_FOUND"] };
                match profile.users.iter().position(|other| other == user) {
                    _ if !known => broken.push("NOT_FOUND"),
                    None => broken.push("USER_NOT_ASSOCIATED"),
                    Some(_) if shown => broken.push("PROFILE_IN_USE"),
                    Some(at) => {
                        profile.users.remove(at);
                    }
                }
                if let Some(default) = self.users.get_mut(*user).filter(|default| **default == Some(key)) {
                    *default = None;
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
                if !self.users.contains_key(*user) {
                    return vec!["NOT_FOUND"];
                }
                if let Some(name) = profile {
                    match self.device(name, Kind::Profile) {
                        None => broken.push("NOT_FOUND"),
                        Some(device) if !device.users.iter().any(|other| other == user) => {
                            broken.push("DEFAULT_PROFILE_NOT_ASSOCIATED");
                        }
                        Some(_) => {}
                    }
                }
                self.users.insert((*user).to_owned(), profile.map(str::to_lowercase));
            }
        }
        broken
    }

    /// Most profiles of a user: what the site says, or else the customer above it (USR-11).
    pub fn most(&self) -> Option<usize> {
        self.says(|organization| organization.most)
    }

    /// A code for each of the users who has as many profiles as a user may have.
    pub fn entitled(&self, users: &[&str]) -> Broken {
        let Some(most) = self.most() else { return Broken::new() };
        let used = |user: &str| self.devices.values().filter(|it| it.users.iter().any(|u| u == user)).count();
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
