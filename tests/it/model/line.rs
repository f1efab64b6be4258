//! Lines and where they stand: one original, the others clones of it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::{
    server::{Ask, Request},
    step::{name, number, place},
    world::{Broken, CALLS, Kind, Line, World},
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreateLine {
        number: &'static str,
    },
    DeleteLine {
        number: &'static str,
        told: bool,
    },
    AddLine {
        device: &'static str,
        number: &'static str,
        index: Option<i32>,
    },
    RemoveLine {
        device: &'static str,
        number: &'static str,
    },
    MoveLine {
        device: &'static str,
        number: &'static str,
        index: i32,
    },
    Label {
        device: &'static str,
        number: &'static str,
        label: Option<&'static str>,
    },
    ChangeLine {
        device: &'static str,
        number: &'static str,
        calls: i32,
    },
    /// By itself, or through where it stands on a device.
    Describe {
        number: &'static str,
        through: Option<&'static str>,
        text: &'static str,
    },
    ReplaceLines {
        device: &'static str,
        lines: Vec<(&'static str, i32)>,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => number().prop_map(|number| Step::CreateLine { number }),
        1 => (number(), any::<bool>()).prop_map(|(number, told)| Step::DeleteLine { number, told }),
        4 => (name(), number(), place())
            .prop_map(|(device, number, index)| Step::AddLine { device, number, index }),
        2 => (name(), number()).prop_map(|(device, number)| Step::RemoveLine { device, number }),
        1 => (name(), number(), 0_i32..5)
            .prop_map(|(device, number, index)| Step::MoveLine { device, number, index }),
        1 => (name(), number(), proptest::option::weighted(0.8, proptest::sample::select(&["Desk", "Hall"][..])))
            .prop_map(|(device, number, label)| Step::Label { device, number, label }),
        2 => (number(), proptest::option::weighted(0.7, name()), proptest::sample::select(&["", "Door"][..]))
            .prop_map(|(number, through, text)| Step::Describe { number, through, text }),
        2 => (name(), number(), prop_oneof![3 => 2_i32..90, 1 => 90_i32..203, 1 => 0_i32..2])
            .prop_map(|(device, number, calls)| Step::ChangeLine { device, number, calls }),
        2 => (name(), proptest::collection::vec((number(), 1_i32..5), 0..3))
            .prop_map(|(device, lines)| Step::ReplaceLines { device, lines }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::CreateLine { number } => (
            "createLine",
            json!({"organizationId": ask.estate.berlin, "clusterId": ask.estate.emea, "pattern": number}),
        ),
        Step::DeleteLine { number, told } => {
            ("deleteLine", json!({"id": ask.id("Line", number), "removeAppearances": told}))
        }
        Step::AddLine { device: on, number, index } => {
            ("addLineToDevice", json!({"deviceId": ask.device(on), "pattern": number, "index": index}))
        }
        Step::RemoveLine { device: on, number } => {
            ("removeLineFromDevice", json!({"appearanceId": ask.appearance(on, number)}))
        }
        Step::MoveLine { device: on, number, index } => {
            ("updateAppearance", json!({"appearanceId": ask.appearance(on, number), "index": index}))
        }
        Step::Label { device: on, number, label } => {
            ("updateAppearance", json!({"appearanceId": ask.appearance(on, number), "label": label}))
        }
        Step::Describe { number, through, text } => {
            let line = match through {
                Some(on) => json!({"appearanceId": ask.appearance(on, number)}),
                None => json!({"lineId": ask.id("Line", number)}),
            };
            ("updateLine", json!({"line": line, "description": text}))
        }
        Step::ChangeLine { device: on, number, calls } => (
            "changeLineSettings",
            json!({"appearanceId": ask.appearance(on, number), "settings": {"maxCalls": calls}}),
        ),
        Step::ReplaceLines { device: on, lines } => {
            let lines: Vec<_> =
                lines.iter().map(|(number, index)| json!({"pattern": number, "index": index})).collect();
            let input =
                json!({"deviceId": ask.device(on), "lines": lines, "expectedVersion": ask.version(on)});
            ("replaceLines", input)
        }
    }
}

impl World {
    /// What becomes of lines.
    pub fn of_line(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::CreateLine { number } => {
                if self.lines.contains_key(*number) {
                    broken.push("LINE_TAKEN");
                }
                self.line(number);
            }
            Step::DeleteLine { number, told } => {
                let Some(line) = self.lines.get(*number).cloned() else { return vec!["NOT_FOUND"] };
                if !told && !line.on.is_empty() {
                    broken.push("LINE_HAS_APPEARANCES");
                }
                for key in &line.on {
                    self.take_off(key, number);
                }
                self.lines.remove(*number);
            }
            Step::AddLine { device, number, index } => {
                let key = device.to_lowercase();
                if !self.devices.contains_key(&key) {
                    return vec!["NOT_FOUND"];
                }
                broken.extend(self.put(&key, number, *index));
            }
            Step::RemoveLine { device, number } => {
                let key = device.to_lowercase();
                if self.place(&key, number).is_none() {
                    return vec!["NOT_FOUND"];
                }
                self.take_off(&key, number);
            }
            Step::MoveLine { device, number, index } => {
                let key = device.to_lowercase();
                let Some(place) = self.place(&key, number) else { return vec!["NOT_FOUND"] };
                if place == *index {
                    return broken;
                }
                broken.extend(self.taken(&key, *index));
                if let Some(device) = self.devices.get_mut(&key) {
                    device.lines.remove(&place);
                    device.lines.insert(*index, (*number).to_owned());
                }
            }
            Step::Label { device, number, label } => {
                let key = device.to_lowercase();
                if self.place(&key, number).is_none() {
                    return vec!["NOT_FOUND"];
                }
                if let Some(device) = self.devices.get_mut(&key) {
                    device.labels.remove(*number);
                    device.labels.extend(label.map(|label| ((*number).to_owned(), label)));
                }
            }
            Step::Describe { number, through, text } => {
                let key = through.map(str::to_lowercase);
                if key.as_ref().is_some_and(|key| self.place(key, number).is_none()) {
                    return vec!["NOT_FOUND"];
                }
                let Some(line) = self.lines.get_mut(*number) else { return vec!["NOT_FOUND"] };
                if key.is_some() && line.on.first() != key.as_ref() {
                    broken.push("LINE_IS_CLONE");
                }
                (*text).clone_into(&mut line.description);
            }
            Step::ChangeLine { device, number, calls } => {
                let key = device.to_lowercase();
                if self.place(&key, number).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let line = self.line(number).clone();
                if line.on.first() != Some(&key) {
                    broken.push("LINE_IS_CLONE");
                }
                if !(1..=CALLS).contains(calls) {
                    broken.push("VALUE_OUT_OF_RANGE");
                }
                if *calls < 2 {
                    broken.push("BUSY_TRIGGER_EXCEEDS_MAX_CALLS");
                }
                for on in &line.on {
                    if line.calls != *calls && self.calls(on) - line.calls + calls > CALLS {
                        broken.push("MAX_CALLS_EXCEEDS_DEVICE");
                    }
                }
                self.line(number).calls = *calls;
            }
            Step::ReplaceLines { device, lines } => broken.extend(self.replace_lines(device, lines)),
        }
        broken
    }

    fn replace_lines(&mut self, device: &str, lines: &[(&'static str, i32)]) -> Broken {
        let key = device.to_lowercase();
        let Some(device) = self.devices.get_mut(&key) else { return vec!["NOT_FOUND"] };
        let before = std::mem::take(&mut device.lines);
        // What stays is laid anew, without a label.
        device.labels.clear();
        for number in before.values() {
            if !lines.iter().any(|(named, _)| named == number) {
                // Back for a moment, to be taken off as any other.
                if let Some(device) = self.devices.get_mut(&key) {
                    device.lines.insert(0, number.clone());
                }
                self.take_off(&key, number);
            }
        }
        let mut broken = Broken::new();
        let mut seen = BTreeSet::new();
        for (number, place) in lines {
            if before.values().any(|other| other == number) {
                if !seen.insert(*number) {
                    broken.push("LINE_ALREADY_ON_DEVICE");
                }
                broken.extend(self.taken(&key, *place));
                if let Some(device) = self.devices.get_mut(&key) {
                    device.lines.insert(*place, (*number).to_owned());
                }
            } else {
                broken.extend(self.put(&key, number, Some(*place)));
            }
        }
        broken
    }

    /// Puts a line on a device, making it where it is not there.
    pub fn put(&mut self, key: &str, number: &str, index: Option<i32>) -> Broken {
        self.put_as(key, number, index, 4, None)
    }

    /// The same; where the line stands nowhere else, it takes these calls, and the description that is given.
    pub fn put_as(
        &mut self,
        key: &str,
        number: &str,
        index: Option<i32>,
        own: i32,
        description: Option<&str>,
    ) -> Broken {
        let mut broken = Broken::new();
        let device = self.devices[key].clone();
        if device.kind == Kind::Other {
            broken.push("DEVICE_HAS_NO_LINES");
        }
        if let Some(known) = self.numbers.get(number) {
            match known.status {
                "RESERVED" => broken.push("NUMBER_NOT_AVAILABLE"),
                "COOLING" => broken.push("NUMBER_COOLING"),
                _ => {}
            }
            let controls = |holder| self.users.get(holder).is_some_and(|user| user.phones.contains(key));
            let is_phone = device.kind == Kind::Phone;
            let is_for = |holder| device.users.contains(holder) || (is_phone && controls(holder));
            if known.reserved_for.as_ref().is_some_and(|holder| !is_for(holder)) {
                broken.push("NUMBER_RESERVED_FOR_OTHER_USER");
            }
        }
        let free = (1..=100).find(|place| !device.lines.contains_key(place)).unwrap_or(1);
        let place = index.unwrap_or(free);
        broken.extend(self.taken(key, place));
        if device.lines.values().any(|other| other == number) {
            broken.push("LINE_ALREADY_ON_DEVICE");
        }
        let known = self.lines.get(number).filter(|line| !line.on.is_empty());
        let calls = known.map_or(own, |line| line.calls);
        // Whatever becomes of the rest, the calls are those that would be there.
        if device.kind != Kind::Other && self.calls(key) + calls > CALLS {
            broken.push("MAX_CALLS_EXCEEDS_DEVICE");
        }
        if !broken.is_empty() {
            return broken;
        }
        let line = self.line(number);
        line.calls = calls;
        if let (Some(description), true) = (description, line.on.is_empty()) {
            description.clone_into(&mut line.description);
        }
        line.on.push(key.to_owned());
        if let Some(device) = self.devices.get_mut(key) {
            device.lines.insert(place, number.to_owned());
        }
        if let Some(number) = self.numbers.get_mut(number) {
            number.status = "USED";
        }
        broken
    }

    /// Takes a line off a device; the oldest clone is the first then. A number that nothing uses is free.
    pub fn take_off(&mut self, key: &str, number: &str) {
        if let Some(device) = self.devices.get_mut(key) {
            device.lines.retain(|_, other| other != number);
            device.labels.remove(number);
        }
        if let Some(line) = self.lines.get_mut(number) {
            line.on.retain(|other| other != key);
        }
        let (cooling, now) = (self.cooling, self.now);
        if !self.stands(number)
            && let Some(number) = self.numbers.get_mut(number)
        {
            number.free(cooling, now);
        }
    }

    fn line(&mut self, number: &str) -> &mut Line {
        self.lines.entry(number.to_owned()).or_insert(Line::new())
    }

    /// Whether a line of the number stands on a device.
    pub fn stands(&self, number: &str) -> bool {
        self.lines.get(number).is_some_and(|line| !line.on.is_empty())
    }

    fn place(&self, key: &str, number: &str) -> Option<i32> {
        self.devices.get(key)?.lines.iter().find(|(_, other)| *other == number).map(|(place, _)| *place)
    }

    fn taken(&self, key: &str, place: i32) -> Option<&'static str> {
        match place {
            1..=100 => self.devices[key].lines.contains_key(&place).then_some("LINE_INDEX_TAKEN"),
            _ => Some("LINE_INDEX_INVALID"),
        }
    }

    fn calls(&self, key: &str) -> i32 {
        self.devices[key].lines.values().map(|number| self.lines[number].calls).sum()
    }

    /// What becomes of the lines that a step took off devices, as an organization says (DEL-5, DEL-6): it was told where
    /// they stood before.
    pub fn leave(&mut self, before: &Self) {
        let Some(keep) = before.says(|organization| organization.keep) else { return };
        let users =
            |key: &String| before.devices.get(key).map(|device| device.users.as_slice()).unwrap_or_default();
        for (number, was) in &before.lines {
            let Some(line) = self.lines.get(number) else { continue };
            let left: Vec<_> = was.on.iter().filter(|key| !line.on.contains(key)).collect();
            if left.is_empty() {
                continue;
            }
            let theirs: Vec<_> = left.iter().flat_map(|key| users(key)).collect();
            let elses = |key: &String| {
                let users = users(key);
                !users.is_empty() && users.iter().all(|user| !theirs.contains(&user))
            };
            let unused = line.on.is_empty();
            let applies = keep.template && (unused || line.on.iter().any(elses));
            if unused && keep.delete {
                self.lines.remove(number);
            } else if applies {
                "spare".clone_into(&mut self.line(number).description);
            }
        }
    }
}
