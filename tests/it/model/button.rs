//! Buttons of devices: four lists of positions, each with what its buttons may be.

#![expect(clippy::option_option, reason = "what is not sent, what is sent as null, and what has a value")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    server::{Ask, Request},
    step::{name, place},
    world::{Broken, Device, Kind, World},
};

/// The last position of a list.
const LAST: i32 = 199;

/// What a button is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Press {
    Dial,
    Lamp,
    Park,
    Url,
}

/// A button at a position.
#[derive(Clone, Debug)]
pub struct Button {
    /// What tells it from another one at the position.
    pub id: u32,
    /// A number, what is watched as `destination=pattern`, or a URL.
    pub what: String,
    /// Of a service URL button.
    pub service: Option<String>,
    pub label: Option<String>,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    Update {
        device: &'static str,
        kind: Press,
        index: i32,
        what: Option<&'static str>,
        label: Option<Option<&'static str>>,
    },
    Add {
        device: &'static str,
        kind: Press,
        index: Option<i32>,
        what: &'static str,
    },
    Move {
        device: &'static str,
        kind: Press,
        from: i32,
        to: i32,
    },
    Remove {
        device: &'static str,
        kind: Press,
        index: i32,
    },
    Replace {
        device: &'static str,
        kind: Press,
        whats: Vec<&'static str>,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let kind = || prop_oneof![2 => Just(Press::Dial), 1 => Just(Press::Lamp), 1 => Just(Press::Park), 2 => Just(Press::Url)];
    let one = |kind: Press| {
        proptest::sample::select(match kind {
            Press::Dial => &["4001", "+49301234,,88#", "call me"][..],
            Press::Lamp => &["4001", "anna@acme.example", "=4002", "4001=4002", "=40XX", "call me", "="][..],
            Press::Park => &["4700", "4700", "\\+4701", "47 00"][..],
            Press::Url => &["http://wall/", "http://wall/", "http://door/?a=1", "http://a b", ""][..],
        })
    };
    prop_oneof![
        3 => kind().prop_flat_map(move |kind| (name(), Just(kind), place(), one(kind)))
            .prop_map(|(device, kind, index, what)| Step::Add { device, kind, index, what }),
        2 => kind().prop_flat_map(move |kind| {
            let label = proptest::option::weighted(0.7, proptest::sample::select(&["Desk", "Hall"][..]));
            let what = proptest::option::weighted(0.6, one(kind));
            (name(), Just(kind), 1_i32..4, what, proptest::option::weighted(0.6, label))
        })
            .prop_map(|(device, kind, index, what, label)| Step::Update { device, kind, index, what, label }),
        1 => (name(), kind(), 1_i32..5, 0_i32..5)
            .prop_map(|(device, kind, from, to)| Step::Move { device, kind, from, to }),
        1 => (name(), kind(), 1_i32..5)
            .prop_map(|(device, kind, index)| Step::Remove { device, kind, index }),
        1 => kind().prop_flat_map(move |kind| (name(), Just(kind), proptest::collection::vec(one(kind), 0..3)))
            .prop_map(|(device, kind, whats)| Step::Replace { device, kind, whats }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::Add { device, kind, index, what } => {
            let button = json!({kind.field(): kind.input(*index, what)});
            ("addButton", json!({"deviceId": ask.device(device), "button": button}))
        }
        Step::Update { device, kind, index, what, label } => {
            let mut input = json!({"buttonId": ask.button(device, *kind, *index)});
            if let Some(what) = what {
                input = ask.with(input, kind.said(what));
            }
            if let Some(label) = label {
                input["label"] = json!(label);
            }
            ("updateButton", input)
        }
        Step::Move { device, kind, from, to } => {
            ("moveButton", json!({"buttonId": ask.button(device, *kind, *from), "index": to}))
        }
        Step::Remove { device, kind, index } => {
            ("removeButton", json!({"buttonId": ask.button(device, *kind, *index)}))
        }
        Step::Replace { device, kind, whats } => {
            let list: Vec<_> = whats.iter().map(|what| kind.input(None, what)).collect();
            let mut input = json!({"deviceId": ask.device(device), "expectedVersion": ask.version(device)});
            input[format!("{}s", kind.field())] = json!(list);
            ("replaceButtons", input)
        }
    }
}

impl Press {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Dial, Self::Lamp, Self::Park, Self::Url];

    /// The input's field for one; the list has an `s` behind it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Dial => "speedDial",
            Self::Lamp => "busyLampField",
            Self::Park => "callPark",
            Self::Url => "serviceUrl",
        }
    }

    fn input(self, index: Option<i32>, what: &str) -> Value {
        let mut input = self.said(what);
        input["index"] = json!(index);
        match self {
            Self::Dial => input["label"] = json!("Dial"),
            Self::Url => input["service"] = json!("Login"),
            Self::Lamp | Self::Park => {}
        }
        input
    }

    /// What a button does, as the input says it.
    fn said(self, what: &str) -> Value {
        match self {
            Self::Dial => json!({"number": what}),
            Self::Lamp => {
                let (destination, pattern) = watched(what);
                json!({"destination": destination, "pattern": pattern})
            }
            Self::Park => json!({"pattern": what}),
            Self::Url => json!({"url": what}),
        }
    }

    /// What is wrong with a button.
    fn faults(self, what: &str) -> Broken {
        let mut broken = Broken::new();
        match self {
            Self::Dial if what.contains(' ') => broken.push("SPEED_DIAL_NUMBER_INVALID"),
            Self::Park if what.contains(' ') => broken.push("PATTERN_INVALID"),
            Self::Url if what.is_empty() => broken.push("VALUE_REQUIRED"),
            Self::Url if what.contains(' ') => broken.push("VALUE_INVALID"),
            Self::Dial | Self::Park | Self::Url => {}
            Self::Lamp => {
                let (destination, pattern) = watched(what);
                if destination.is_some() == pattern.is_some() {
                    broken.push("BLF_DESTINATION_AMBIGUOUS");
                }
                if destination.is_some_and(|it| it.contains(' ')) {
                    broken.push("VALUE_INVALID");
                }
                if pattern.is_some_and(|it| it.contains('X')) {
                    broken.push("BLF_TARGET_NOT_ALLOWED");
                }
            }
        }
        broken
    }
}

/// Destination and pattern of what is watched.
fn watched(what: &str) -> (Option<&str>, Option<&str>) {
    let (destination, pattern) = what.split_once('=').map_or((what, ""), |both| both);
    (Some(destination).filter(|it| !it.is_empty()), Some(pattern).filter(|it| !it.is_empty()))
}

impl World {
    /// What becomes of buttons.
    pub fn button(&mut self, step: &Step) -> Broken {
        let (Step::Update { device, .. }
        | Step::Add { device, .. }
        | Step::Move { device, .. }
        | Step::Remove { device, .. }
        | Step::Replace { device, .. }) = step;
        let mut ids: Vec<_> = (0..3).map(|_| self.next()).collect();
        let Some(device) = self.devices.get_mut(&device.to_lowercase()) else { return vec!["NOT_FOUND"] };
        let mut broken = Broken::new();
        match step {
            Step::Update { kind, index, what, label, .. } => {
                let Some(button) = device.buttons.get_mut(&(*kind, *index)) else { return vec!["NOT_FOUND"] };
                if let Some(what) = what {
                    broken.extend(kind.faults(what));
                    (*what).clone_into(&mut button.what);
                }
                if let Some(label) = label {
                    button.label = label.map(str::to_owned);
                }
                if *kind == Press::Dial && button.label.is_none() {
                    broken.push("SPEED_DIAL_LABEL_REQUIRED");
                }
            }
            Step::Add { kind, index, what, .. } => broken.extend(device.press(ids[0], *kind, *index, what)),
            Step::Move { kind, from, to, .. } => {
                if !device.buttons.contains_key(&(*kind, *from)) {
                    return vec!["NOT_FOUND"];
                }
                if !(1..=LAST).contains(to) {
                    return vec!["BUTTON_INDEX_INVALID"];
                }
                let Some(moving) = device.buttons.remove(&(*kind, *from)) else { return vec!["NOT_FOUND"] };
                if device.buttons.contains_key(&(*kind, *to)) {
                    let span = (*kind, *from.min(to))..=(*kind, *from.max(to));
                    let between: Vec<_> = device.buttons.range(span).map(|(at, _)| *at).collect();
                    let towards = if from < to { -1 } else { 1 };
                    let taken: Vec<_> =
                        between.iter().filter_map(|at| Some((at.1, device.buttons.remove(at)?))).collect();
                    for (index, button) in taken {
                        device.buttons.insert((*kind, index + towards), button);
                    }
                }
                device.buttons.insert((*kind, *to), moving);
            }
            Step::Remove { kind, index, .. } => {
                if device.buttons.remove(&(*kind, *index)).is_none() {
                    return vec!["NOT_FOUND"];
                }
            }
            Step::Replace { kind, whats, .. } => {
                let before = device.buttons.clone();
                device.buttons.retain(|(press, _), _| press != kind);
                for what in whats {
                    broken.extend(device.press(ids.pop().unwrap_or_default(), *kind, None, what));
                }
                // One that stands where another one stood is that one.
                for (at, button) in &mut device.buttons {
                    if let (Some(was), true) = (before.get(at), at.0 == *kind) {
                        button.id = was.id;
                    }
                }
            }
        }
        broken
    }

    /// The same buttons for another device.
    pub fn anew(&mut self, buttons: &BTreeMap<(Press, i32), Button>) -> BTreeMap<(Press, i32), Button> {
        buttons.iter().map(|(at, button)| (*at, Button { id: self.next(), ..button.clone() })).collect()
    }
}

impl Device {
    /// Puts a button on it.
    fn press(&mut self, id: u32, kind: Press, index: Option<i32>, what: &str) -> Broken {
        let mut broken = Broken::new();
        if self.kind == Kind::Other {
            broken.push("DEVICE_HAS_NO_BUTTONS");
        }
        broken.extend(kind.faults(what));
        let index = self.position(&mut broken, kind, index);
        let service = (kind == Press::Url).then(|| "Login".to_owned());
        let label = (kind == Press::Dial).then(|| "Dial".to_owned());
        self.buttons.insert((kind, index), Button { id, what: what.to_owned(), service, label });
        broken
    }

    /// The position that is asked for, or the first free one.
    pub fn position(&self, broken: &mut Broken, kind: Press, asked: Option<i32>) -> i32 {
        let taken = |index: i32| self.buttons.contains_key(&(kind, index));
        let index = asked.or_else(|| (1..=LAST).find(|index| !taken(*index))).unwrap_or(1);
        if !(1..=LAST).contains(&index) {
            broken.push("BUTTON_INDEX_INVALID");
        } else if taken(index) {
            broken.push("BUTTON_INDEX_TAKEN");
        }
        index
    }

    /// List by list.
    pub fn shown_buttons(&self) -> Value {
        let list = |kind: Press| {
            let own = self.buttons.iter().filter(move |((press, _), _)| *press == kind);
            own.map(|((_, index), button)| match kind {
                Press::Dial | Press::Park => json!([index, button.what, button.label]),
                Press::Lamp => {
                    let (destination, pattern) = watched(&button.what);
                    json!([index, destination, pattern, button.label])
                }
                Press::Url => json!([index, button.what, button.service, button.label]),
            })
            .collect::<Vec<_>>()
        };
        json!(Press::ALL.map(list))
    }
}
