//! Phones, and what they show while nobody is logged in.

use proptest::prelude::*;
use serde_json::json;

use super::{
    server::{Ask, Request},
    step::name,
    world::{Broken, Device, Kind, STOCK, World},
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreatePhone { name: &'static str, logout: Option<&'static str> },
    ShowLoggedOut { phone: &'static str, profile: Option<&'static str> },
    DeletePhone { name: &'static str },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (name(), proptest::option::weighted(0.3, name()))
            .prop_map(|(name, logout)| Step::CreatePhone { name, logout }),
        1 => (name(), proptest::option::weighted(0.7, name()))
            .prop_map(|(phone, profile)| Step::ShowLoggedOut { phone, profile }),
        1 => name().prop_map(|name| Step::DeletePhone { name }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::CreatePhone { name, logout } => {
            let phone =
                json!({"logoutProfileId": logout.map(|name| ask.profile(name)), "extensionMobility": true});
            ("createPhone", ask.with(ask.made(name), phone))
        }
        Step::ShowLoggedOut { phone, profile: name } => (
            "updatePhone",
            json!({"id": ask.id("Phone", phone), "logoutProfileId": name.map(|name| ask.profile(name))}),
        ),
        Step::DeletePhone { name } => ("deletePhone", json!({"id": ask.id("Phone", name)})),
    }
}

impl World {
    /// What becomes of phones.
    pub fn phone(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::CreatePhone { name, logout } => {
                broken.extend(self.clash(name));
                broken.extend(self.misfit(STOCK, "Cisco 8841"));
                let mut device = Device::new(name, Kind::Phone);
                device.logout = self.logout(&mut broken, *logout);
                self.devices.entry(name.to_lowercase()).or_insert(device);
            }
            Step::ShowLoggedOut { phone, profile } => {
                if self.device(phone, Kind::Phone).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let logout = self.logout(&mut broken, *profile);
                if let Some(phone) = self.device(phone, Kind::Phone) {
                    phone.logout = logout;
                }
            }
            Step::DeletePhone { name } => {
                let key = name.to_lowercase();
                match self.device(name, Kind::Phone).is_some() {
                    true if self.sessions.contains_key(&key) => broken.push("PHONE_IN_USE"),
                    true => self.delete_device(&key),
                    false => broken.push("NOT_FOUND"),
                }
            }
        }
        broken
    }

    fn logout(&mut self, broken: &mut Broken, profile: Option<&str>) -> Option<String> {
        let profile = profile?;
        if self.device(profile, Kind::Profile).is_none() {
            broken.push("NOT_FOUND");
        }
        Some(profile.to_lowercase())
    }
}
