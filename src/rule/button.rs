//! Speed dials, busy lamp fields, call park and service URL buttons: four lists of positions on each device (SPD-*,
//! BLF-*, BTN-*).
//!
//! A list may have gaps, as a position is that of a button. That a phone has fewer buttons than a list has positions
//! breaks no rule (LIN-23): what does not fit is told by [`super::layout`].

use std::collections::BTreeMap;

use entity::{
    ButtonId, DeviceId, Moment,
    button::{Kind, Model},
    device,
    profile::Protocol,
};
use serde::{Deserialize, Serialize};

use super::{Broken, Change, Decision, Patch, Rule, change::On, check_version, patched, value};

/// The last position of each list: 199 speed dials with the abbreviated ones (SPD-1).
const LAST: i32 = 199;
/// Most buttons of a device: so many of each kind.
pub const MOST: usize = 4 * 199;
/// Characters of a destination (SPD-3, BLF-1).
const DESTINATION: usize = 255;
/// Characters of a URL.
const URL: usize = 2_048;
/// The shortest code behind a number that a label must not show (SPD-4).
const CODE: usize = 4;

/// What a button has besides its place; which of it depends on its kind.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub label: Option<String>,
    /// What a speed dial dials.
    pub number: Option<String>,
    /// What a busy lamp field watches, where that is no number in a partition.
    pub destination: Option<String>,
    pub pattern: Option<String>,
    pub partition: String,
    pub pickup: bool,
    pub service: Option<String>,
    pub url: Option<String>,
}

/// A button to put on a device.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct NewButton {
    pub kind: Kind,
    /// The position in its list; the first free one when left out.
    pub index: Option<i32>,
    pub fields: Fields,
}

/// A device that buttons are put on or taken off.
#[derive(Clone, Debug)]
pub struct Device {
    pub id: DeviceId,
    /// None where the device is neither a profile nor a phone.
    pub protocol: Option<Protocol>,
    pub version: i64,
    pub on: On,
    /// List by list, in the order of their positions.
    pub buttons: Vec<Model>,
}

/// Puts a button on a device.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Add {
    pub device: DeviceId,
    pub expected_version: Option<i64>,
    pub button: NewButton,
}

/// What [`add`] and [`replace`] must know.
pub struct AddFacts {
    pub now: Moment,
    pub device: Option<Device>,
    /// An id for each new button.
    pub ids: Vec<ButtonId>,
}

/// Changes what a button does or says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub button: ButtonId,
    /// Version of the device.
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
}

/// Gives a button another position; what stands between moves by one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Move {
    pub button: ButtonId,
    /// Version of the device.
    pub expected_version: Option<i64>,
    pub index: i32,
}

/// Takes a button off its device; the others keep their positions.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Remove {
    pub button: ButtonId,
    /// Version of the device.
    pub expected_version: Option<i64>,
}

/// Gives a device exactly these buttons of each kind that is named.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Replace {
    pub device: DeviceId,
    pub expected_version: Option<i64>,
    pub lists: BTreeMap<Kind, Vec<NewButton>>,
}

/// Decides [`Add`].
pub fn add(cmd: &Add, facts: &AddFacts) -> Decision {
    let Some(device) = &facts.device else { return Err(Broken::one(no_device(cmd.device), "deviceId")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.version);
    let mut laying = Laying::new(device, facts.now);
    let mut changes = Vec::new();
    for id in &facts.ids {
        match laying.put(&cmd.button, *id) {
            Ok(change) => changes.push(change),
            Err(part) => broken.nest(part, &format!("button.{}", field_of(cmd.button.kind))),
        }
    }
    broken.or(|| changes)
}

/// Whether users change buttons of this kind on their own profiles themselves: speed dials.
pub fn is_of_users(kind: Kind) -> bool {
    kind == Kind::SpeedDial
}

/// Decides [`Update`]; the fact is the device with all its buttons.
pub fn update(cmd: &Update, device: Option<&Device>) -> Decision {
    let (device, before) = found(device, cmd.button)?;
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.version);
    let fields = patched(&mut broken, &cmd.fields, &fields_of(before), "");
    check(&mut broken, before.kind, &fields, device.protocol);
    broken.or(|| {
        let after = model(before.id, before.kind, before.position, device.id, fields, before.created_at);
        if after == *before {
            return Vec::new();
        }
        vec![Change::ButtonUpdated { on: device.on.clone(), before: before.clone(), after }]
    })
}

/// Decides [`Move`]: to a free position alone, to a taken one with everything up to the position that it leaves.
pub fn relocate(cmd: &Move, device: Option<&Device>) -> Decision {
    let (device, moving) = found(device, cmd.button)?;
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.version);
    check_range(&mut broken, cmd.index);
    broken.or(|| {
        let (from, to) = (moving.position, cmd.index);
        let list = || device.buttons.iter().filter(|button| button.kind == moving.kind);
        let taken = list().any(|button| button.position == to);
        let shift = |button: &Model| match button.position {
            _ if button.id == moving.id => to,
            position if taken && from < position && position <= to => position - 1,
            position if taken && to <= position && position < from => position + 1,
            position => position,
        };
        let moved = list().filter(|button| shift(button) != button.position);
        moved
            .map(|before| Change::ButtonUpdated {
                on: device.on.clone(),
                before: before.clone(),
                after: Model { position: shift(before), ..before.clone() },
            })
            .collect()
    })
}

/// Decides [`Remove`].
pub fn remove(cmd: &Remove, device: Option<&Device>) -> Decision {
    let (device, button) = found(device, cmd.button)?;
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.version);
    broken.or(|| vec![take_off(&device.on, button)])
}

/// Decides [`Replace`]: a button stays at its position where it is alike, is changed where it is not, and goes where
/// nothing is named there.
pub fn replace(cmd: &Replace, facts: &AddFacts) -> Decision {
    let Some(device) = &facts.device else { return Err(Broken::one(no_device(cmd.device), "deviceId")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.version);
    let mut ids = facts.ids.iter();
    let (mut gone, mut changed, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, list) in &cmd.lists {
        if !fits(list.len(), LAST) {
            let what = plural(*kind).to_owned();
            broken.add(Rule::ButtonLimit { what, most: LAST }, format!("{}s", field_of(*kind)));
            continue;
        }
        // Positions are given in the order of the list, so that none is asked for twice by accident.
        let mut laying = Laying { device, now: facts.now, taken: Vec::new() };
        for (at, (new, id)) in list.iter().zip(&mut ids).enumerate() {
            match laying.put(new, *id) {
                Ok(Change::ButtonAdded { on, button }) => {
                    let there =
                        device.buttons.iter().find(|b| b.kind == *kind && b.position == button.position);
                    match there {
                        None => added.push(Change::ButtonAdded { on, button }),
                        Some(before) => {
                            let after = Model { id: before.id, created_at: before.created_at, ..button };
                            if after != *before {
                                changed.push(Change::ButtonUpdated { on, before: before.clone(), after });
                            }
                        }
                    }
                }
                Ok(_) => {}
                Err(part) => broken.nest(part, &format!("{}s.{at}", field_of(*kind))),
            }
        }
        let standing = device.buttons.iter().filter(|button| button.kind == *kind);
        let left = standing.filter(|button| !laying.taken.contains(&(*kind, button.position)));
        gone.extend(left.map(|button| take_off(&device.on, button)));
    }
    broken.or(|| gone.into_iter().chain(changed).chain(added).collect())
}

/// Whether so many can be on a device at all.
fn fits(count: usize, most: i32) -> bool {
    i32::try_from(count).is_ok_and(|count| count <= most)
}

/// The changes that put a new device's buttons on it.
pub fn equip(
    broken: &mut Broken,
    device: &Device,
    new: &[NewButton],
    ids: &[ButtonId],
    now: Moment,
) -> Vec<Change> {
    let (mut laying, mut changes) = (Laying::new(device, now), Vec::new());
    if new.len() > ids.len() {
        broken.add(Rule::ButtonLimit { what: "buttons of all kinds".to_owned(), most: 4 * LAST }, "buttons");
        return changes;
    }
    for (at, (new, id)) in new.iter().zip(ids).enumerate() {
        match laying.put(new, *id) {
            Ok(change) => changes.push(change),
            Err(part) => broken.nest(part, &format!("buttons.{at}.{}", field_of(new.kind))),
        }
    }
    changes
}

/// The position asked for among the device's buttons of a kind, or the first free one; what is wrong with it is noted
/// below `button`.
pub fn free_place(broken: &mut Broken, device: &Device, now: Moment, kind: Kind, asked: Option<i32>) -> i32 {
    let mut part = Broken::none();
    let index = Laying::new(device, now).check_index(&mut part, kind, asked);
    broken.nest(part, "button");
    index
}

/// The changes that take every button off a device that goes.
pub fn take_all(on: &On, buttons: &[Model]) -> Vec<Change> {
    buttons.iter().map(|button| take_off(on, button)).collect()
}

/// The input's field for a button of the kind; a list's name has an `s` behind it.
pub fn field_of(kind: Kind) -> &'static str {
    match kind {
        Kind::SpeedDial => "speedDial",
        Kind::BusyLampField => "busyLampField",
        Kind::CallPark => "callPark",
        Kind::ServiceUrl => "serviceUrl",
    }
}

/// The same button at the same position, to put on another device.
pub fn again(button: &Model) -> NewButton {
    NewButton { kind: button.kind, index: Some(button.position), fields: fields_of(button) }
}

/// What a button has besides its place.
fn fields_of(button: &Model) -> Fields {
    let Model { label, destination, pattern, partition, pickup, service, url, .. } = button.clone();
    let (number, destination) =
        if button.kind == Kind::SpeedDial { (destination, None) } else { (None, destination) };
    Fields { label, number, destination, pattern, partition, pickup, service, url }
}

/// Puts buttons on a device one after another, each seeing the ones before it.
struct Laying<'a> {
    device: &'a Device,
    now: Moment,
    taken: Vec<(Kind, i32)>,
}

impl<'a> Laying<'a> {
    /// Begins with what stands on the device.
    fn new(device: &'a Device, now: Moment) -> Self {
        let taken = device.buttons.iter().map(|button| (button.kind, button.position)).collect();
        Self { device, now, taken }
    }

    /// The change that puts a button on the device.
    fn put(&mut self, new: &NewButton, id: ButtonId) -> Result<Change, Broken> {
        let mut broken = Broken::none();
        let device = self.device;
        let other = device.on.kind == device::Kind::Other;
        broken.when(other, || Rule::DeviceHasNoButtons { device: device.on.name.clone() }, "");
        let index = self.check_index(&mut broken, new.kind, new.index);
        check(&mut broken, new.kind, &new.fields, device.protocol);
        self.taken.push((new.kind, index));
        if !broken.is_none() {
            return Err(broken);
        }
        let button = model(id, new.kind, index, device.id, new.fields.clone(), self.now);
        Ok(Change::ButtonAdded { on: device.on.clone(), button })
    }

    /// The position asked for, or the first free one.
    fn check_index(&self, broken: &mut Broken, kind: Kind, asked: Option<i32>) -> i32 {
        let taken = |index| self.taken.contains(&(kind, index));
        let free = (1..=LAST).find(|&index| !taken(index));
        match (asked, free) {
            (Some(index), _) if !(1..=LAST).contains(&index) => check_range(broken, index),
            (_, None) => broken.add(Rule::ButtonLimit { what: plural(kind).to_owned(), most: LAST }, ""),
            (Some(index), Some(free)) => {
                broken.when(taken(index), || Rule::ButtonIndexTaken { index, free }, "index");
            }
            (None, Some(_)) => {}
        }
        asked.or(free).unwrap_or(LAST + 1)
    }
}

fn check_range(broken: &mut Broken, index: i32) {
    broken.when(!(1..=LAST).contains(&index), || Rule::ButtonIndexInvalid { index }, "index");
}

/// What a button of the kind may have.
fn check(broken: &mut Broken, kind: Kind, fields: &Fields, protocol: Option<Protocol>) {
    if kind == Kind::SpeedDial {
        check_label(broken, fields);
    } else {
        value::text_or_none(broken, "The label", fields.label.as_deref(), 50, "label");
    }
    match kind {
        Kind::SpeedDial => check_number(broken, fields.number.as_deref().unwrap_or_default()),
        Kind::BusyLampField => check_watched(broken, fields, protocol),
        Kind::CallPark => {
            broken.take(value::pattern(fields.pattern.as_deref().unwrap_or_default()), "pattern");
            value::text(broken, "The partition", &fields.partition, 50, "partition");
        }
        Kind::ServiceUrl => {
            let (service, url) = (fields.service.as_deref(), fields.url.as_deref().unwrap_or_default());
            value::required(broken, "The service", service.unwrap_or_default(), 128, "service");
            value::required(broken, "The URL", url, URL, "url");
            broken.when(
                url.trim() != url || url.contains(char::is_whitespace),
                || Rule::ValueInvalid { what: "The URL".to_owned(), want: "it holds a blank".to_owned() },
                "url",
            );
        }
    }
    let none = Fields::default();
    let number = matches!(kind, Kind::BusyLampField | Kind::CallPark);
    for (has, name, given) in [
        (kind == Kind::SpeedDial, "number", fields.number.is_some()),
        (kind == Kind::BusyLampField, "destination", fields.destination.is_some()),
        (number, "pattern", fields.pattern.is_some()),
        (number, "partition", fields.partition != none.partition),
        (kind == Kind::BusyLampField, "pickup", fields.pickup),
        (kind == Kind::ServiceUrl, "service", fields.service.is_some()),
        (kind == Kind::ServiceUrl, "url", fields.url.is_some()),
    ] {
        broken.when(
            given && !has,
            || Rule::ValueInvalid {
                what: format!("The {name}"),
                want: format!("{} have none", plural(kind)),
            },
            name,
        );
    }
}

/// A speed dial's number (SPD-3): what is dialled, then codes and tones behind commas.
fn check_number(broken: &mut Broken, number: &str) {
    let (plus, rest) = match number.strip_prefix('+') {
        Some(rest) => ("+", rest),
        None => ("", number),
    };
    let sound = |byte: u8| byte.is_ascii_digit() || b"*#,".contains(&byte);
    let begins = rest.bytes().next().is_some_and(|byte| byte != b',');
    let fits = begins && rest.bytes().all(sound) && plus.len() + rest.len() <= DESTINATION;
    let shown = || number.chars().take(60).collect();
    broken.when(!fits, || Rule::SpeedDialNumberInvalid { number: shown() }, "number");
}

/// A speed dial's label (SPD-5), which does not show the codes behind the number (SPD-4).
fn check_label(broken: &mut Broken, fields: &Fields) {
    let label = fields.label.as_deref().unwrap_or_default();
    broken.when(label.trim().is_empty(), || Rule::SpeedDialLabelRequired, "label");
    value::text(broken, "The label", label, 50, "label");
    let mut codes = fields.number.as_deref().unwrap_or_default().split(',').skip(1);
    let shown = codes.any(|code| code.len() >= CODE && label.contains(code));
    broken.when(shown, || Rule::SpeedDialShowsCodes, "label");
}

/// What a busy lamp field watches: a number or SIP URI, or else a number in a partition (BLF-1, BLF-2, BLF-3).
fn check_watched(broken: &mut Broken, fields: &Fields, protocol: Option<Protocol>) {
    let ambiguous = fields.destination.is_some() == fields.pattern.is_some();
    broken.when(ambiguous, || Rule::BlfDestinationAmbiguous, "destination");
    if let Some(destination) = &fields.destination {
        let uri = destination.split_once('@').is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !destination.contains(char::is_whitespace)
        });
        let dialled = destination.strip_prefix('+').unwrap_or(destination);
        let number = !dialled.is_empty() && dialled.bytes().all(|b| b.is_ascii_digit() || b"*#".contains(&b));
        let got = destination.chars().count();
        broken.when(
            got > DESTINATION,
            || Rule::ValueTooLong { what: "The destination".to_owned(), most: DESTINATION, got },
            "destination",
        );
        broken.when(
            !uri && !number || destination.contains(char::is_control),
            || Rule::ValueInvalid {
                what: "The destination".to_owned(),
                want: "it is a number of digits, '+', '*' and '#', or a SIP URI user@host".to_owned(),
            },
            "destination",
        );
        broken.when(uri && protocol == Some(Protocol::Sccp), || Rule::BlfUriNeedsSip, "destination");
    }
    if let Some(pattern) = &fields.pattern {
        let sound = broken.take(value::pattern(pattern), "pattern").is_some();
        let wild = pattern.contains(|letter: char| !letter.is_ascii_digit() && !"\\+*#ABCD".contains(letter));
        broken.when(sound && wild, || Rule::BlfTargetNotAllowed { pattern: pattern.clone() }, "pattern");
    }
    value::text(broken, "The partition", &fields.partition, 50, "partition");
    broken.when(
        fields.pattern.is_none() && !fields.partition.is_empty(),
        || Rule::ValueInvalid { what: "The partition".to_owned(), want: "it goes with a pattern".to_owned() },
        "partition",
    );
}

fn model(
    id: ButtonId,
    kind: Kind,
    position: i32,
    device_id: DeviceId,
    fields: Fields,
    created_at: Moment,
) -> Model {
    let Fields { label, number, destination, pattern, partition, pickup, service, url } = fields;
    Model {
        id,
        device_id,
        kind,
        position,
        label,
        destination: number.or(destination),
        pattern,
        partition,
        pickup,
        service,
        url,
        created_at,
    }
}

fn take_off(on: &On, button: &Model) -> Change {
    Change::ButtonRemoved { on: on.clone(), button: button.clone() }
}

fn found(device: Option<&Device>, id: ButtonId) -> Result<(&Device, &Model), Broken> {
    let button = device.and_then(|d| Some((d, d.buttons.iter().find(|button| button.id == id)?)));
    let rule = || Rule::NotFound { noun: "button", id: id.to_string() };
    button.ok_or_else(|| Broken::one(rule(), "buttonId"))
}

fn no_device(id: DeviceId) -> Rule {
    Rule::NotFound { noun: "device", id: id.to_string() }
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::SpeedDial => "speed dials",
        Kind::BusyLampField => "busy lamp fields",
        Kind::CallPark => "call park buttons",
        Kind::ServiceUrl => "service URL buttons",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use entity::OrganizationId;

    use super::*;
    use crate::rule::tests_support::{no, ok, patch};

    pub fn dial(index: i32, number: &str) -> NewButton {
        let fields = Fields { label: Some("Anna".into()), number: Some(number.into()), ..Fields::default() };
        NewButton { kind: Kind::SpeedDial, index: Some(index), fields }
    }

    fn lamp(fields: Fields) -> NewButton {
        NewButton { kind: Kind::BusyLampField, index: None, fields }
    }

    pub fn button(id: i64, kind: Kind, position: i32) -> Model {
        let fields = match kind {
            Kind::SpeedDial => dial(position, "4001").fields,
            Kind::BusyLampField | Kind::CallPark => {
                Fields { pattern: Some("4001".into()), ..Fields::default() }
            }
            Kind::ServiceUrl => {
                Fields { service: Some("Weather".into()), url: Some("http://w".into()), ..Fields::default() }
            }
        };
        model(ButtonId(id), kind, position, DeviceId(7), fields, Moment(0))
    }

    fn device(buttons: Vec<Model>) -> Device {
        let on = On { organization_id: OrganizationId(1), kind: device::Kind::Profile, name: "EM-7".into() };
        Device { id: DeviceId(7), protocol: Some(Protocol::Sip), version: 3, on, buttons }
    }

    fn facts(device: Device, count: i64) -> AddFacts {
        AddFacts { now: Moment(9), device: Some(device), ids: (100..100 + count).map(ButtonId).collect() }
    }

    fn put(device: Device, button: NewButton) -> Decision {
        add(&Add { device: DeviceId(7), expected_version: None, button }, &facts(device, 1))
    }

    fn dials(positions: &[i32]) -> Vec<Model> {
        positions.iter().map(|&at| button(at.into(), Kind::SpeedDial, at)).collect()
    }

    fn positions(changes: &[Change]) -> Vec<(i32, i32)> {
        let moved = |change: &Change| match change {
            Change::ButtonUpdated { before, after, .. } => (before.position, after.position),
            other => panic!("{other:?}"),
        };
        changes.iter().map(moved).collect()
    }

    #[test]
    fn a_speed_dials_number_has_digits_signs_and_commas() {
        for good in ["1", "+49301234", "*21#", "0123,4567,89,,1", &"1".repeat(255)] {
            ok(put(device(vec![]), dial(1, good)));
        }
        for bad in ["", ",1", "+", "4+1", "call", "40 01", "4001@x", &"1".repeat(256)] {
            no(
                put(device(vec![]), dial(1, bad)),
                &[("SPEED_DIAL_NUMBER_INVALID", "button.speedDial.number")],
            );
        }
    }

    #[test]
    fn a_speed_dial_has_a_label_that_shows_no_code() {
        for (label, number, want) in [
            (Some("Conference 1"), "4001,1", None),
            (Some("Conference"), "4001,98765", None),
            (Some("Room 98765"), "4001,98765", Some("SPEED_DIAL_SHOWS_CODES")),
            (Some("4001"), "4001", None),
            (Some(" "), "4001", Some("SPEED_DIAL_LABEL_REQUIRED")),
            (None, "4001", Some("SPEED_DIAL_LABEL_REQUIRED")),
            (Some("x\u{7}"), "4001", Some("VALUE_INVALID")),
        ] {
            let mut new = dial(1, number);
            new.fields.label = label.map(str::to_owned);
            let decision = put(device(vec![]), new);
            match want {
                None => drop(ok(decision)),
                Some(code) => no(decision, &[(code, "button.speedDial.label")]),
            }
        }
        let mut long = dial(1, "1");
        long.fields.label = Some("x".repeat(51));
        no(put(device(vec![]), long), &[("VALUE_TOO_LONG", "button.speedDial.label")]);
    }

    #[test]
    fn a_list_has_199_positions_and_each_is_taken_once() {
        let all: Vec<_> = (1..=199).collect();
        for (taken, index, want) in [
            (&all[..198], 199, None),
            (&all[..198], 0, Some(("BUTTON_INDEX_INVALID", "button.speedDial.index"))),
            (&all[..198], 200, Some(("BUTTON_INDEX_INVALID", "button.speedDial.index"))),
            (&all[..198], 198, Some(("BUTTON_INDEX_TAKEN", "button.speedDial.index"))),
            (&all[..], 5, Some(("BUTTON_LIMIT", "button.speedDial"))),
        ] {
            let decision = put(device(dials(taken)), dial(index, "1"));
            match want {
                None => drop(ok(decision)),
                Some(want) => no(decision, &[want]),
            }
        }
        let mut next = dial(1, "1");
        next.index = None;
        let changes = ok(put(device(dials(&[1, 3])), next.clone()));
        assert!(matches!(&changes[..], [Change::ButtonAdded { button, .. }] if button.position == 2));
        no(put(device(dials(&all)), next), &[("BUTTON_LIMIT", "button.speedDial")]);
        // Lists of other kinds have positions of their own (BTN-2).
        ok(put(device(vec![button(1, Kind::BusyLampField, 1)]), dial(1, "1")));
    }

    #[test]
    fn a_busy_lamp_field_watches_one_thing() {
        let text = |text: &str| Some(text.to_owned());
        let none = Fields::default;
        for (fields, protocol, want) in [
            (Fields { destination: text("+4930"), pickup: true, ..none() }, Protocol::Sccp, None),
            (Fields { destination: text("anna@acme.example"), ..none() }, Protocol::Sip, None),
            (Fields { pattern: text("\\+4930"), partition: "pt".into(), ..none() }, Protocol::Sccp, None),
            (none(), Protocol::Sip, Some(("BLF_DESTINATION_AMBIGUOUS", "destination"))),
            (
                Fields { destination: text("1"), pattern: text("1"), ..none() },
                Protocol::Sip,
                Some(("BLF_DESTINATION_AMBIGUOUS", "destination")),
            ),
            (
                Fields { destination: text("anna@acme"), ..none() },
                Protocol::Sccp,
                Some(("BLF_URI_NEEDS_SIP", "destination")),
            ),
            (
                Fields { destination: text("@acme"), ..none() },
                Protocol::Sip,
                Some(("VALUE_INVALID", "destination")),
            ),
            (
                Fields { destination: text("1,2"), ..none() },
                Protocol::Sip,
                Some(("VALUE_INVALID", "destination")),
            ),
            (
                Fields { destination: text(&"1".repeat(256)), ..none() },
                Protocol::Sip,
                Some(("VALUE_TOO_LONG", "destination")),
            ),
            (
                Fields { pattern: text("40XX"), ..none() },
                Protocol::Sip,
                Some(("BLF_TARGET_NOT_ALLOWED", "pattern")),
            ),
            (Fields { pattern: text("call"), ..none() }, Protocol::Sip, Some(("PATTERN_INVALID", "pattern"))),
            (
                Fields { destination: text("1"), partition: "pt".into(), ..none() },
                Protocol::Sip,
                Some(("VALUE_INVALID", "partition")),
            ),
        ] {
            let told = format!("{fields:?}");
            let on = Device { protocol: Some(protocol), ..device(vec![]) };
            match (put(on, lamp(fields)), want) {
                (Ok(_), None) => {}
                (decision, Some((code, path))) => {
                    no(decision, &[(code, &format!("button.busyLampField.{path}"))]);
                }
                (Err(broken), None) => panic!("{told}: {broken:?}"),
            }
        }
    }

    #[test]
    fn a_button_has_the_fields_of_its_kind_only() {
        let mut new = dial(1, "1");
        new.fields.url = Some("http://w".into());
        no(put(device(vec![]), new), &[("VALUE_INVALID", "button.speedDial.url")]);
        let fields =
            Fields { service: Some("Weather".into()), url: Some("http: //w".into()), ..Fields::default() };
        let service = NewButton { kind: Kind::ServiceUrl, index: None, fields };
        no(put(device(vec![]), service), &[("VALUE_INVALID", "button.serviceUrl.url")]);
        let park = NewButton { kind: Kind::CallPark, index: None, fields: Fields::default() };
        no(put(device(vec![]), park), &[("PATTERN_INVALID", "button.callPark.pattern")]);
    }

    #[test]
    fn a_gateway_has_no_buttons() {
        let mut other = device(vec![]);
        other.on.kind = device::Kind::Other;
        no(put(other, dial(1, "1")), &[("DEVICE_HAS_NO_BUTTONS", "button.speedDial")]);
    }

    #[test]
    fn an_update_changes_what_was_sent() {
        let change = |fields: &str, version| {
            let cmd = Update { button: ButtonId(1), expected_version: version, fields: patch(fields) };
            update(&cmd, Some(&device(dials(&[1]))))
        };
        assert!(ok(change(r#"{"label":"Anna"}"#, None)).is_empty(), "already so");
        assert!(
            matches!(&ok(change(r#"{"label":"Ben"}"#, Some(3)))[..], [Change::ButtonUpdated { after, .. }] if after.label.as_deref() == Some("Ben") && after.destination.as_deref() == Some("4001"))
        );
        no(
            change(r#"{"label":null}"#, Some(2)),
            &[("VERSION_CONFLICT", "expectedVersion"), ("SPEED_DIAL_LABEL_REQUIRED", "label")],
        );
        no(change(r#"{"pickup":true}"#, None), &[("VALUE_INVALID", "pickup")]);
        let nobody = Update { button: ButtonId(9), expected_version: None, fields: Patch::default() };
        no(update(&nobody, None), &[("NOT_FOUND", "buttonId")]);
    }

    #[test]
    fn what_stands_between_moves_by_one() {
        for (there, button, index, want) in [
            (vec![1, 2, 3], 1, 3, vec![(1, 3), (2, 1), (3, 2)]),
            (vec![1, 2, 3], 3, 1, vec![(1, 2), (2, 3), (3, 1)]),
            (vec![1, 2], 1, 9, vec![(1, 9)]),
            (vec![1, 2], 2, 2, vec![]),
            (vec![1, 5], 5, 1, vec![(1, 2), (5, 1)]),
        ] {
            let cmd = Move { button: ButtonId(button), expected_version: None, index };
            assert_eq!(positions(&ok(relocate(&cmd, Some(&device(dials(&there)))))), want, "{there:?}");
        }
        let far = Move { button: ButtonId(1), expected_version: None, index: 200 };
        no(relocate(&far, Some(&device(dials(&[1])))), &[("BUTTON_INDEX_INVALID", "index")]);
    }

    #[test]
    fn a_replaced_list_leaves_the_others_alone() {
        let mut there = dials(&[1, 2, 3]);
        there.push(button(50, Kind::CallPark, 1));
        let mut next = dial(1, "5000");
        next.index = None;
        let lists = BTreeMap::from([(Kind::SpeedDial, vec![dial(1, "4001"), next, dial(7, "1")])]);
        let cmd = Replace { device: DeviceId(7), expected_version: Some(3), lists };
        let changes = ok(replace(&cmd, &facts(device(there), 3)));
        let kinds: Vec<_> = changes.iter().map(|change| change.kind().as_str()).collect();
        assert_eq!(kinds, ["ButtonRemoved", "ButtonUpdated", "ButtonAdded"]);
        let lists = BTreeMap::from([(Kind::SpeedDial, vec![dial(1, "1"), dial(1, "x")])]);
        let cmd = Replace { device: DeviceId(7), expected_version: Some(2), lists };
        no(
            replace(&cmd, &facts(device(vec![]), 2)),
            &[
                ("VERSION_CONFLICT", "expectedVersion"),
                ("BUTTON_INDEX_TAKEN", "speedDials.1.index"),
                ("SPEED_DIAL_NUMBER_INVALID", "speedDials.1.number"),
            ],
        );
    }
}
