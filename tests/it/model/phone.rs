//! Phones, and what they show while nobody is logged in.

use proptest::prelude::*;
use serde_json::json;

use super::{
    server::{Ask, Request},
    session::active,
    step::{name, user},
    world::{Broken, Device, Kind, STOCK, World},
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreatePhone {
        name: &'static str,
        logout: Option<&'static str>,
        owner: Option<&'static str>,
    },
    ShowLoggedOut {
        phone: &'static str,
        profile: Option<&'static str>,
    },
    /// Extension mobility on or off.
    Mobile {
        phone: &'static str,
        on: bool,
        out: bool,
    },
    Own {
        phone: &'static str,
        owner: Option<&'static str>,
    },
    DeletePhone {
        name: &'static str,
        out: bool,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (name(), proptest::option::weighted(0.3, name()), proptest::option::weighted(0.2, user()))
            .prop_map(|(name, logout, owner)| Step::CreatePhone { name, logout, owner }),
        1 => (name(), proptest::option::weighted(0.7, name()))
            .prop_map(|(phone, profile)| Step::ShowLoggedOut { phone, profile }),
        2 => (name(), proptest::bool::weighted(0.7), any::<bool>())
            .prop_map(|(phone, on, out)| Step::Mobile { phone, on, out }),
        1 => (name(), proptest::option::weighted(0.7, user()))
            .prop_map(|(phone, owner)| Step::Own { phone, owner }),
        1 => (name(), any::<bool>()).prop_map(|(name, out)| Step::DeletePhone { name, out }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::CreatePhone { name, logout, owner } => {
            let phone = json!({
                "logoutProfileId": logout.map(|name| ask.profile(name)), "extensionMobility": true,
                "ownerId": owner.map(|user| ask.id("User", user)),
            });
            ("createPhone", ask.with(ask.made(name), phone))
        }
        Step::ShowLoggedOut { phone, profile: name } => (
            "updatePhone",
            json!({"id": ask.id("Phone", phone), "logoutProfileId": name.map(|name| ask.profile(name))}),
        ),
        Step::Mobile { phone, on, out } => {
            let input = json!({
                "id": ask.id("Phone", phone), "extensionMobility": on, "onActiveSession": active(*out),
            });
            ("updatePhone", input)
        }
        Step::Own { phone, owner } => {
            let owner = owner.map(|user| ask.id("User", user));
            ("updatePhone", json!({"id": ask.id("Phone", phone), "ownerId": owner}))
        }
        Step::DeletePhone { name, out } => {
            ("deletePhone", json!({"id": ask.id("Phone", name), "onActiveSession": active(*out)}))
        }
    }
}

impl World {
    /// What becomes of phones.
    pub fn phone(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::CreatePhone { name, logout, owner } => {
                broken.extend(self.clash(name));
                broken.extend(self.misfit(STOCK, "Cisco 8841"));
                broken.extend(self.unknown(owner.as_slice()));
                let mut device = Device::new(name, Kind::Phone);
                device.users = self.present(owner.as_slice());
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
            Step::Mobile { phone, on, out } => {
                let key = phone.to_lowercase();
                let Some(phone) = self.device(phone, Kind::Phone) else { return vec!["NOT_FOUND"] };
                phone.mobile = *on;
                self.clear(&mut broken, *out, "PHONE_IN_USE", |phone, _| !on && phone == key);
            }
            Step::Own { phone, owner } => {
                let (unknown, owner) = (self.unknown(owner.as_slice()), self.present(owner.as_slice()));
                let Some(phone) = self.device(phone, Kind::Phone) else { return vec!["NOT_FOUND"] };
                broken.extend(unknown);
                phone.users = owner;
            }
            Step::DeletePhone { name, out } => {
                if self.device(name, Kind::Phone).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let key = name.to_lowercase();
                self.clear(&mut broken, *out, "PHONE_IN_USE", |phone, _| phone == key);
                self.delete_device(&key);
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
