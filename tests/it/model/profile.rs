//! Profiles: made, copied, changed, deleted and restored.

#![expect(clippy::option_option, reason = "what is not sent, what is sent as null, and what has a value")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{
    server::{Ask, Request},
    session::{Apply, active},
    step::{name, number, users},
    world::{Broken, Device, Kind, STOCK, World, repeated},
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreateProfile {
        name: &'static str,
        lines: Vec<&'static str>,
        users: Vec<&'static str>,
    },
    CopyProfile {
        from: &'static str,
        name: &'static str,
        buttons: bool,
        services: bool,
    },
    Describe {
        profile: &'static str,
        text: &'static str,
    },
    UseTemplates {
        profile: &'static str,
        button: Option<&'static str>,
        softkeys: Option<Option<&'static str>>,
        apply: Apply,
    },
    DeleteProfile {
        name: &'static str,
        release: bool,
        out: bool,
    },
    Restore {
        name: &'static str,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let templates = (
        name(),
        proptest::option::of(super::template::name()),
        proptest::option::of(proptest::option::of(super::template::name())),
        proptest::sample::select(&[Apply::Leave, Apply::Leave, Apply::Relogin, Apply::Logout][..]),
    );
    prop_oneof![
        5 => (name(), proptest::collection::vec(number(), 0..3), users())
            .prop_map(|(name, lines, users)| Step::CreateProfile { name, lines, users }),
        2 => (name(), name(), proptest::bool::weighted(0.7), any::<bool>())
            .prop_map(|(from, name, buttons, services)| Step::CopyProfile { from, name, buttons, services }),
        1 => (name(), proptest::sample::select(&["", "Hot desk"][..]))
            .prop_map(|(profile, text)| Step::Describe { profile, text }),
        2 => templates.prop_map(|(profile, button, softkeys, apply)| {
            Step::UseTemplates { profile, button, softkeys, apply }
        }),
        2 => (name(), any::<bool>(), any::<bool>())
            .prop_map(|(name, release, out)| Step::DeleteProfile { name, release, out }),
        2 => name().prop_map(|name| Step::Restore { name }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::CreateProfile { name, lines: numbers, users: list } => (
            "createProfile",
            ask.with(ask.made(name), json!({"lines": ask.lines(numbers), "userIds": ask.users(list)})),
        ),
        Step::CopyProfile { from, name, buttons, services } => {
            let input = json!({
                "id": ask.profile(from), "name": name, "users": true, "buttons": buttons, "services": services,
            });
            ("copyProfile", input)
        }
        Step::Describe { profile: name, text } => {
            ("updateProfile", json!({"id": ask.profile(name), "description": text}))
        }
        Step::UseTemplates { profile: name, button, softkeys, apply } => {
            let mut input = json!({"id": ask.profile(name), "applyPolicy": apply.said()});
            if let Some(button) = button {
                input["buttonTemplate"] = json!(button);
            }
            if let Some(softkeys) = softkeys {
                input["softkeyTemplate"] = json!(softkeys);
            }
            ("updateProfile", input)
        }
        Step::DeleteProfile { name, release, out } => (
            "deleteProfile",
            json!({
                "id": ask.profile(name), "releaseLogoutPhones": release, "onActiveSession": active(*out),
            }),
        ),
        Step::Restore { name } => ("restoreProfile", json!({"profileId": ask.id("Gone", name)})),
    }
}

impl World {
    /// What becomes of profiles.
    pub fn profile(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::CreateProfile { name, lines, users } => {
                broken.extend(self.clash(name));
                broken.extend(self.misfit(STOCK, "Cisco 8841"));
                broken.extend(self.entitled(users));
                let mut device = Device::new(name, Kind::Profile);
                device.users = self.present(users);
                let (key, old) = (name.to_lowercase(), self.devices.get(&name.to_lowercase()).cloned());
                self.devices.insert(key.clone(), device);
                for number in lines {
                    broken.extend(self.put(&key, number, None));
                }
                broken.extend(self.unknown(users));
                broken.extend(repeated(users));
                if let Some(old) = old {
                    self.devices.insert(key, old);
                }
            }
            Step::CopyProfile { from, name, buttons, services } => {
                let Some(from) = self.device(from, Kind::Profile).cloned() else { return vec!["NOT_FOUND"] };
                broken.extend(self.clash(name));
                let users: Vec<_> = from.users.iter().map(String::as_str).collect();
                broken.extend(self.entitled(&users));
                let key = name.to_lowercase();
                let mut device = Device {
                    name: (*name).to_owned(),
                    lines: BTreeMap::new(),
                    buttons: if *buttons { self.anew(&from.buttons) } else { BTreeMap::new() },
                    services: BTreeMap::new(),
                    ..from.clone()
                };
                if *services {
                    broken.extend(self.copy_services(&from, &mut device, *buttons));
                }
                let old = self.devices.insert(key.clone(), device);
                for (place, number) in &from.lines {
                    broken.extend(self.put(&key, number, Some(*place)));
                }
                if let Some(old) = old {
                    self.devices.insert(key, old);
                }
            }
            Step::Describe { profile, text } => match self.device(profile, Kind::Profile) {
                Some(device) => (*text).clone_into(&mut device.description),
                None => broken.push("NOT_FOUND"),
            },
            Step::DeleteProfile { name, release, out } => {
                if self.device(name, Kind::Profile).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let key = name.to_lowercase();
                if !release && self.shown_by_phones(&key) {
                    broken.push("PROFILE_IS_LOGOUT_PROFILE");
                }
                let own = Some(key.clone());
                self.clear(&mut broken, *out, "PROFILE_IN_USE", |_, session| session.profile == own);
                self.delete_device(&key);
            }
            Step::UseTemplates { profile, button, softkeys, apply } => {
                if self.device(profile, Kind::Profile).is_none() {
                    return vec!["NOT_FOUND"];
                }
                broken.extend(button.and_then(|button| self.misfit(button, "Cisco 8841")));
                let mut changed = false;
                if let Some(device) = self.device(profile, Kind::Profile) {
                    let before = (device.template.clone(), device.softkeys.clone());
                    if let Some(button) = button {
                        (*button).clone_into(&mut device.template);
                    }
                    if let Some(softkeys) = softkeys {
                        device.softkeys = softkeys.map(str::to_owned);
                    }
                    changed = before != (device.template.clone(), device.softkeys.clone());
                }
                if changed {
                    self.apply(*apply, &profile.to_lowercase());
                }
            }
            Step::Restore { name } => return self.restore(name),
        }
        broken
    }
}
