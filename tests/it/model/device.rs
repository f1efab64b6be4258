//! Devices that are neither profiles nor phones: names that nobody else gets.

use proptest::prelude::*;
use serde_json::json;

use super::{
    server::{Ask, Request},
    step::{REGISTERED, name},
    world::{Broken, Device, Kind, World},
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    Register { name: &'static str },
    Release { name: &'static str },
}

/// The steps, by lot. The gateway that was there from the start stays.
pub fn steps() -> impl Strategy<Value = Step> {
    let other = name().prop_filter("the gateway", |name| *name != REGISTERED);
    prop_oneof![
        1 => name().prop_map(|name| Step::Register { name }),
        3 => other.prop_map(|name| Step::Release { name }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::Register { name } => (
            "registerDevice",
            json!({"organizationId": ask.estate.berlin, "clusterId": ask.estate.emea, "name": name}),
        ),
        Step::Release { name } => ("releaseDevice", json!({"id": ask.id("OtherDevice", name)})),
    }
}

impl World {
    /// What becomes of such names.
    pub fn other_device(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::Register { name } => {
                broken.extend(self.clash(name));
                let device = Device::new(name, Kind::Other);
                self.devices.entry(name.to_lowercase()).or_insert(device);
            }
            Step::Release { name } => {
                if self.device(name, Kind::Other).is_none() {
                    return vec!["NOT_FOUND"];
                }
                self.devices.remove(&name.to_lowercase());
            }
        }
        broken
    }
}
