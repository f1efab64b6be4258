//! Who is logged in where.

use proptest::prelude::*;
use serde_json::json;

use super::{
    server::{Ask, Request},
    step::{name, user},
    world::{Broken, Device, Kind, World},
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    Login { user: &'static str, phone: &'static str, profile: Option<&'static str>, force: bool },
    Logout { phone: &'static str },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (user(), name(), proptest::option::weighted(0.2, name()), any::<bool>())
            .prop_map(|(user, phone, profile, force)| Step::Login { user, phone, profile, force }),
        1 => name().prop_map(|phone| Step::Logout { phone }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::Login { user, phone, profile: name, force } => {
            let occupied = if *force { "FORCE" } else { "FAIL" };
            let (user, phone, profile) =
                (ask.id("User", user), ask.id("Phone", phone), name.map(|name| ask.profile(name)));
            let input = json!({
                "userId": user, "phoneId": phone, "profileId": profile, "ifOccupied": occupied,
            });
            ("login", input)
        }
        Step::Logout { phone } => ("logout", json!({"phoneId": ask.id("Phone", phone)})),
    }
}

impl World {
    /// What becomes of logins.
    pub fn session(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::Login { user, phone, profile, force } => {
                return self.login(user, phone, *profile, *force);
            }
            Step::Logout { phone } => {
                if self.device(phone, Kind::Phone).is_none() {
                    broken.push("NOT_FOUND");
                } else if self.sessions.remove(&phone.to_lowercase()).is_none() {
                    broken.push("NO_USER_LOGGED_IN");
                }
            }
        }
        broken
    }

    /// The cluster allows no second login; every phone is of every profile's product.
    fn login(&mut self, user: &str, phone: &str, named: Option<&str>, force: bool) -> Broken {
        let mut broken = Broken::new();
        let (known, key) = (self.users.contains_key(user), phone.to_lowercase());
        let there = self.device(phone, Kind::Phone).is_some();
        for absent in [!there, !known, named.is_some_and(|name| self.device(name, Kind::Profile).is_none())] {
            broken.extend(absent.then_some("NOT_FOUND"));
        }
        let serves = |profile: &Device| {
            profile.kind == Kind::Profile && profile.users.iter().any(|other| other == user)
        };
        let own: Vec<_> =
            self.devices.iter().filter(|(_, device)| serves(device)).map(|(key, _)| key.clone()).collect();
        let default = self.users.get(user).cloned().flatten();
        let profile = named.map(str::to_lowercase).or(default).or_else(|| own.first().cloned());
        if there && known {
            match &profile {
                // A default device profile is enough to log in with.
                None if self.defaults.contains_key("Cisco 8841") => {}
                None => broken.push("USER_HAS_NO_PROFILE"),
                Some(key)
                    if self.devices.get(key).is_some_and(|it| it.kind == Kind::Profile)
                        && !own.contains(key) =>
                {
                    broken.push("PROFILE_NOT_ASSOCIATED_WITH_USER");
                }
                Some(_) => {}
            }
            if self.sessions.iter().any(|(on, (other, _))| other == user && *on != key) {
                broken.push("MULTI_LOGIN_NOT_ALLOWED");
            }
        }
        if self.sessions.contains_key(&key) && !force {
            broken.push("PHONE_OCCUPIED");
        }
        if broken.is_empty() {
            self.sessions.insert(key, (user.to_owned(), profile.unwrap_or_default()));
        }
        broken
    }
}
