//! Lines and their appearances: identity, places, originals and clones (LIN-*, CLN-*).
//!
//! Both kinds of settings, the line's own and an appearance's, are changed through the original only; what is
//! changed there reaches every clone (CLN-3, CLN-4). Place and label belong to each device's own layout.

use std::collections::BTreeMap;

use entity::{
    AppearanceId, ClusterId, DeviceId, LineId, Moment, OrganizationId, device,
    line::{Model, Settings},
    line_appearance::{self, Role},
};
use serde::{Deserialize, Serialize};

use super::{
    Broken, Change, Decision, Patch, Rule,
    change::On,
    check_version,
    cluster::Place,
    number::{self, InventoryFilter, Known},
    patched,
    product::{self, Feature, Product},
    value,
};

/// An appearance's settings.
pub type AppearanceSettings = line_appearance::Settings;

/// The last place on a device.
const LAST_PLACE: i32 = 100;

/// Makes a line that stands on no device yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub organization: OrganizationId,
    pub cluster: ClusterId,
    pub pattern: String,
    pub partition: String,
    pub description: String,
    pub settings: Patch<Settings>,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: LineId,
    pub now: Moment,
    pub place: Place,
    /// Whether the cluster has the line.
    pub taken: bool,
}

/// Updates a line's own settings, named by itself or by its original.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub target: Target,
    pub expected_version: Option<i64>,
    pub description: Option<String>,
    pub settings: Patch<Settings>,
}

/// How a line is named.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub enum Target {
    Line(LineId),
    Appearance(AppearanceId),
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// The appearance that names the line, where one does, and the original.
    pub through: Option<Placed>,
    pub original: Option<Placed>,
}

/// Deletes a line.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: LineId,
    pub expected_version: Option<i64>,
    pub remove_appearances: bool,
}

/// What [`delete`] must know.
pub struct DeleteFacts {
    pub current: Option<Model>,
    pub appearances: Vec<Placed>,
}

/// An appearance with the device that it stands on.
#[derive(Clone, Debug)]
pub struct Placed {
    pub appearance: line_appearance::Model,
    pub on: On,
    /// Whether the caller sees the device (ACC-7).
    pub visible: bool,
}

/// A device that lines are put on or taken off.
#[derive(Clone, Debug)]
pub struct Device {
    pub id: DeviceId,
    pub cluster_id: ClusterId,
    pub product: Option<String>,
    pub version: i64,
    pub on: On,
    /// In the order of their places.
    pub appearances: Vec<line_appearance::Model>,
    /// User ids of those whom it serves, in order.
    pub users: Vec<String>,
}

/// A line to put on a device.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NewLine {
    pub line: Reference,
    /// The place; the first free one when left out.
    pub index: Option<i32>,
    pub label: Option<String>,
    /// For a new line, its description.
    pub description: Option<String>,
    /// Settings of the appearance, where it becomes the original.
    pub settings: Patch<AppearanceSettings>,
    /// The line's own settings, where it becomes the original.
    pub line_settings: Patch<Settings>,
    /// The choice of numbers that it must be of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<InventoryFilter>,
}

/// A line that is there, or a number that may be.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Reference {
    Line(LineId),
    Number { pattern: String, partition: String },
}

/// What is known of one [`NewLine`].
#[derive(Clone)]
pub struct NewLineFacts {
    /// The line, when it is there and the caller sees it.
    pub line: Option<Model>,
    /// Whether the number is taken by a line that the caller does not see.
    pub hidden: bool,
    /// The line's original, when it stands anywhere.
    pub original: Option<Placed>,
    /// What the inventory knows of its number.
    pub number: Known,
    /// An id in case the line must be made.
    pub line_id: LineId,
    pub appearance_id: AppearanceId,
}

/// Puts lines on a device.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Add {
    pub device: DeviceId,
    pub expected_version: Option<i64>,
    pub line: NewLine,
}

/// What [`add`] and [`replace`] must know.
pub struct AddFacts {
    pub now: Moment,
    pub device: Option<Device>,
    pub lines: Vec<NewLineFacts>,
    /// For [`replace`]: each line that stands on the device now, with all its appearances, oldest first.
    pub standing: BTreeMap<LineId, Vec<Placed>>,
}

/// Gives an appearance another place or label.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Lay {
    pub appearance: AppearanceId,
    /// Version of the device.
    pub expected_version: Option<i64>,
    pub index: Option<i32>,
    /// `Some(None)` takes the label away.
    pub label: Option<Option<String>>,
}

/// Changes a line through its original.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ChangeSettings {
    pub appearance: AppearanceId,
    /// Version of the line.
    pub expected_version: Option<i64>,
    pub description: Option<String>,
    pub settings: Patch<AppearanceSettings>,
    pub line_settings: Patch<Settings>,
}

/// What [`change_settings`] must know.
pub struct ChangeFacts {
    pub now: Moment,
    /// The line and every appearance of it, oldest first; none when the appearance is not there.
    pub line: Option<(Model, Vec<Placed>)>,
    /// For each device that it stands on: its product, and the calls that its other lines hold together.
    pub devices: BTreeMap<DeviceId, (Option<String>, i64)>,
}

/// Takes a line off a device.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Remove {
    pub appearance: AppearanceId,
    /// Version of the device.
    pub expected_version: Option<i64>,
}

/// What [`remove`] must know.
pub struct RemoveFacts {
    pub device_version: i64,
    /// Every appearance of the line, oldest first; none when the appearance is not there.
    pub appearances: Option<Vec<Placed>>,
}

/// Gives a device exactly these lines.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Replace {
    pub device: DeviceId,
    pub expected_version: Option<i64>,
    pub lines: Vec<NewLine>,
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    facts.place.check(&mut broken, cmd.organization, cmd.cluster);
    check_number(&mut broken, &cmd.pattern, &cmd.partition, "");
    value::text(&mut broken, "The description", &cmd.description, 128, "description");
    let settings = patched(&mut broken, &cmd.settings, &Settings::default(), "settings");
    check_settings(&mut broken, &settings, "settings");
    broken.when(facts.taken, || taken(&cmd.pattern, &cmd.partition), "pattern");
    broken.or(|| {
        let line = Model {
            id: facts.id,
            cluster_id: cmd.cluster,
            organization_id: cmd.organization,
            pattern: cmd.pattern.clone(),
            partition: cmd.partition.clone(),
            description: cmd.description.clone(),
            settings,
            version: 1,
            created_at: facts.now,
            updated_at: facts.now,
        };
        vec![Change::LineCreated { line }]
    })
}

/// Decides [`Update`].
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else {
        return Err(match cmd.target {
            Target::Line(id) => Broken::one(not_found(id), "line.lineId"),
            Target::Appearance(id) => Broken::one(no_appearance(id), "line.appearanceId"),
        });
    };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    if let Some(through) = &facts.through {
        check_original(&mut broken, through, facts.original.as_ref(), "line.appearanceId");
    }
    let after =
        updated(&mut broken, current, cmd.description.as_deref(), &cmd.settings, "settings", facts.now);
    broken.or(|| line_updated(current, after).into_iter().collect())
}

/// Decides [`Delete`].
pub fn delete(cmd: &Delete, facts: &DeleteFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    broken.when(
        !cmd.remove_appearances && !facts.appearances.is_empty(),
        || Rule::LineHasAppearances { count: facts.appearances.len() },
        "id",
    );
    broken.or(|| {
        let removed = facts.appearances.iter().map(removed);
        removed.chain([Change::LineDeleted { line: current.clone() }]).collect()
    })
}

/// Decides [`Add`].
pub fn add(cmd: &Add, facts: &AddFacts) -> Decision {
    let Some(device) = &facts.device else { return Err(Broken::one(no_device(cmd.device), "deviceId")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.version);
    let mut changes = Vec::new();
    let mut adding = Adding::new(device, facts.now);
    for facts in &facts.lines {
        match adding.put(&cmd.line, facts) {
            Ok(more) => changes.extend(more),
            Err(part) => broken.nest(part, ""),
        }
    }
    broken.or(|| changes)
}

/// Puts lines on a device one after another, each seeing the ones before it.
pub struct Adding<'a> {
    device: &'a Device,
    now: Moment,
    appearances: Vec<line_appearance::Model>,
    made: BTreeMap<Reference, Model>,
}

impl<'a> Adding<'a> {
    /// Begins with what stands on the device.
    pub fn new(device: &'a Device, now: Moment) -> Self {
        Self { device, now, appearances: device.appearances.clone(), made: BTreeMap::new() }
    }

    /// The changes that put one line on the device: the original when the line has none, else a clone.
    pub fn put(&mut self, new: &NewLine, facts: &NewLineFacts) -> Decision {
        let mut broken = Broken::none();
        let device = self.device;
        let lineless = device.on.kind == device::Kind::Other;
        broken.when(lineless, || Rule::DeviceHasNoLines { device: device.on.name.clone() }, "");
        let made = self.made.get(&new.line);
        let (line, is_new) = match (facts.line.as_ref().or(made), &new.line) {
            (Some(line), _) => (Some(line.clone()), false),
            (None, Reference::Line(id)) => {
                broken.add(not_found(*id), "lineId");
                (None, false)
            }
            (None, Reference::Number { pattern, partition }) => {
                check_number(&mut broken, pattern, partition, "");
                broken.when(facts.hidden, || taken(pattern, partition), "pattern");
                (Some(self.new_line(new, facts, pattern, partition)), true)
            }
        };
        if let Some(line) = &line {
            let (known, users) = (&facts.number, device.users.as_slice());
            let path = line_path(new);
            number::check(&mut broken, &line.pattern, known, new.inventory, users, self.now, path);
        }
        let index = self.check_index(&mut broken, new.index);
        value::text_or_none(&mut broken, "The label", new.label.as_deref(), 50, "label");
        let Some(mut line) = line else { return Err(broken) };

        let here = self.appearances.iter().any(|a| a.line_id == line.id);
        broken.when(here, || Rule::LineAlreadyOnDevice { device: device.on.name.clone() }, line_path(new));
        broken.when(line.cluster_id != device.cluster_id, || Rule::LineOnOtherCluster, line_path(new));
        let settings = if let Some(original) = &facts.original {
            self.check_clone(&mut broken, new, &line, original)
        } else {
            let settings = patched(&mut broken, &new.settings, &AppearanceSettings::default(), "settings");
            check_appearance(&mut broken, &settings, "settings");
            settings
        };
        let before = line.clone();
        if facts.original.is_none() && !here {
            let after = updated(
                &mut broken,
                &line,
                new.description.as_deref(),
                &new.line_settings,
                "lineSettings",
                self.now,
            );
            line = if is_new { Model { version: 1, ..after } } else { after };
        }
        let total = self.appearances.iter().map(|a| i64::from(a.settings.max_calls)).sum::<i64>()
            + i64::from(settings.max_calls);
        check_device_calls(
            &mut broken,
            &device.on.name,
            device.product.as_deref(),
            total,
            "settings.maxCalls",
        );
        if !broken.is_none() {
            return Err(broken);
        }

        let appearance = line_appearance::Model {
            id: facts.appearance_id,
            line_id: line.id,
            device_id: device.id,
            position: index,
            role: if facts.original.is_some() { Role::Clone } else { Role::Original },
            label: new.label.clone(),
            settings,
            created_at: self.now,
        };
        let mut changes = Vec::new();
        if is_new {
            changes.push(Change::LineCreated { line: line.clone() });
            self.made.insert(new.line.clone(), line);
        } else {
            changes.extend(line_updated(&before, line));
        }
        self.appearances.push(appearance.clone());
        changes.push(Change::AppearanceAdded { on: device.on.clone(), appearance });
        Ok(changes)
    }

    fn new_line(&self, new: &NewLine, facts: &NewLineFacts, pattern: &str, partition: &str) -> Model {
        Model {
            id: facts.line_id,
            cluster_id: self.device.cluster_id,
            organization_id: self.device.on.organization_id,
            pattern: pattern.to_owned(),
            partition: partition.to_owned(),
            description: new.description.clone().unwrap_or_default(),
            settings: Settings::default(),
            version: 1,
            created_at: self.now,
            updated_at: self.now,
        }
    }

    /// The place asked for, or the first free one.
    fn check_index(&self, broken: &mut Broken, asked: Option<i32>) -> i32 {
        let taken = |index| self.appearances.iter().any(|a| a.position == index);
        let free = (1..=LAST_PLACE).find(|&index| !taken(index)).unwrap_or(LAST_PLACE + 1);
        let index = asked.unwrap_or(free);
        if (1..=LAST_PLACE).contains(&index) {
            broken.when(taken(index), || Rule::LineIndexTaken { index, free }, "index");
        } else {
            broken.add(Rule::LineIndexInvalid { index }, "index");
        }
        index
    }

    /// A clone takes its original's settings; to send others is to change the line through a clone.
    fn check_clone(
        &self,
        broken: &mut Broken,
        new: &NewLine,
        line: &Model,
        original: &Placed,
    ) -> AppearanceSettings {
        if let Some(product) = self.device.product.as_deref().and_then(product::find) {
            check_shares(broken, product, line_path(new));
        }
        let refused = || is_clone(Some(original));
        let theirs = &original.appearance.settings;
        let asked = patched(broken, &new.settings, theirs, "settings");
        broken.when(asked != *theirs, refused, "settings");
        let own = patched(broken, &new.line_settings, &line.settings, "lineSettings");
        broken.when(own != line.settings, refused, "lineSettings");
        let described = new.description.as_ref().is_some_and(|text| *text != line.description);
        broken.when(described, refused, "description");
        theirs.clone()
    }
}

/// Notes a product whose lines stand on no other device (LIN-9).
fn check_shares(broken: &mut Broken, product: &Product, path: &str) {
    broken.when(
        !product.supports(Feature::SharedLines),
        || Rule::SharedLineNotSupported { product: product.name.clone() },
        path,
    );
}

/// Decides [`Lay`]; the facts are the device with all its appearances.
pub fn lay(cmd: &Lay, device: Option<&Device>) -> Decision {
    let found = device.and_then(|d| Some((d, d.appearances.iter().find(|a| a.id == cmd.appearance)?)));
    let Some((device, before)) = found else {
        return Err(Broken::one(no_appearance(cmd.appearance), "appearanceId"));
    };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.version);
    let mut after = before.clone();
    if let Some(index) = cmd.index.filter(|&index| index != before.position) {
        after.position = Adding::new(device, before.created_at).check_index(&mut broken, Some(index));
    }
    if let Some(label) = &cmd.label {
        value::text_or_none(&mut broken, "The label", label.as_deref(), 50, "label");
        after.label.clone_from(label);
    }
    broken.or(|| {
        if after == *before {
            return Vec::new();
        }
        vec![Change::AppearanceUpdated { on: device.on.clone(), before: before.clone(), after }]
    })
}

/// Decides [`ChangeSettings`]: refused through a clone, applied to every appearance through the original.
pub fn change_settings(cmd: &ChangeSettings, facts: &ChangeFacts) -> Decision {
    let Some((line, appearances)) = &facts.line else {
        return Err(Broken::one(no_appearance(cmd.appearance), "appearanceId"));
    };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, line.version);
    let original = appearances.iter().find(|a| a.appearance.role == Role::Original);
    if let Some(through) = appearances.iter().find(|a| a.appearance.id == cmd.appearance) {
        check_original(&mut broken, through, original, "appearanceId");
    }
    let after =
        updated(&mut broken, line, cmd.description.as_deref(), &cmd.line_settings, "lineSettings", facts.now);
    let mut changes = Vec::new();
    for placed in appearances {
        let before = &placed.appearance.settings;
        let after = patched(&mut broken, &cmd.settings, before, "settings");
        if placed.appearance.role == Role::Original {
            check_appearance(&mut broken, &after, "settings");
        }
        if after.max_calls != before.max_calls
            && let Some((product, others)) = facts.devices.get(&placed.appearance.device_id)
        {
            let name = if placed.visible { placed.on.name.as_str() } else { "another device" };
            let total = others + i64::from(after.max_calls);
            check_device_calls(&mut broken, name, product.as_deref(), total, "settings.maxCalls");
        }
        if after != *before {
            changes.push(Change::AppearanceSettingsChanged {
                on: placed.on.clone(),
                appearance_id: placed.appearance.id,
                line_id: line.id,
                device_id: placed.appearance.device_id,
                through: cmd.appearance,
                before: before.clone(),
                after,
            });
        }
    }
    broken.or(|| line_updated(line, after).into_iter().chain(changes).collect())
}

/// Decides [`Remove`]: the line stays (LIN-4), and the oldest clone becomes the original (CLN-6).
pub fn remove(cmd: &Remove, facts: &RemoveFacts) -> Decision {
    let found = facts
        .appearances
        .as_deref()
        .and_then(|all| Some((all, all.iter().find(|placed| placed.appearance.id == cmd.appearance)?)));
    let Some((all, placed)) = found else {
        return Err(Broken::one(no_appearance(cmd.appearance), "appearanceId"));
    };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, facts.device_version);
    broken.or(|| take_off(placed, all))
}

/// Decides [`Replace`]: what is not named goes, what stands there moves, what is new comes.
pub fn replace(cmd: &Replace, facts: &AddFacts) -> Decision {
    let Some(device) = &facts.device else { return Err(Broken::one(no_device(cmd.device), "deviceId")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.version);
    let line_of = |at: usize| facts.lines.get(at).and_then(|line| line.line.as_ref()).map(|line| line.id);
    let named: Vec<_> = (0..cmd.lines.len()).filter_map(line_of).collect();
    let (kept, gone): (Vec<_>, Vec<_>) =
        device.appearances.iter().cloned().partition(|appearance| named.contains(&appearance.line_id));

    let mut changes = Vec::new();
    for appearance in &gone {
        let all = facts.standing.get(&appearance.line_id).map(Vec::as_slice).unwrap_or_default();
        if let Some(placed) = all.iter().find(|placed| placed.appearance.id == appearance.id) {
            changes.extend(take_off(placed, all));
        }
    }
    // Places are given in the order of the list, so that none is asked for twice by accident.
    let mut adding = Adding { device, now: facts.now, appearances: Vec::new(), made: BTreeMap::new() };
    for (at, (new, known)) in cmd.lines.iter().zip(&facts.lines).enumerate() {
        let standing = known.line.as_ref().and_then(|line| kept.iter().find(|a| a.line_id == line.id));
        let path = format!("lines.{at}");
        let Some(before) = standing else {
            match adding.put(new, known) {
                Ok(more) => changes.extend(more),
                Err(part) => broken.nest(part, &path),
            }
            continue;
        };
        let mut part = Broken::none();
        let again = adding.appearances.iter().any(|a| a.line_id == before.line_id);
        part.when(again, || Rule::LineAlreadyOnDevice { device: device.on.name.clone() }, line_path(new));
        let position = adding.check_index(&mut part, new.index);
        value::text_or_none(&mut part, "The label", new.label.as_deref(), 50, "label");
        let changed = patched(&mut part, &new.settings, &before.settings, "settings") != before.settings
            || known.line.as_ref().is_some_and(|line| {
                patched(&mut part, &new.line_settings, &line.settings, "lineSettings") != line.settings
            });
        part.when(
            changed,
            || Rule::ValueInvalid {
                what: "The settings".to_owned(),
                want: "the line stands here already; use changeLineSettings".to_owned(),
            },
            "settings",
        );
        let after = line_appearance::Model { position, label: new.label.clone(), ..before.clone() };
        adding.appearances.push(after.clone());
        if after != *before {
            changes.push(Change::AppearanceUpdated { on: device.on.clone(), before: before.clone(), after });
        }
        broken.nest(part, &path);
    }
    broken.or(|| changes)
}

/// The changes that take one appearance off its device. `all` holds every appearance of the line, oldest first.
pub fn take_off(placed: &Placed, all: &[Placed]) -> Vec<Change> {
    let mut changes = vec![removed(placed)];
    if placed.appearance.role == Role::Original
        && let Some(oldest) = all.iter().find(|other| other.appearance.id != placed.appearance.id)
    {
        let after = line_appearance::Model { role: Role::Original, ..oldest.appearance.clone() };
        changes.push(Change::ClonePromoted {
            on: oldest.on.clone(),
            before: oldest.appearance.clone(),
            after,
        });
    }
    changes
}

fn removed(placed: &Placed) -> Change {
    Change::AppearanceRemoved { on: placed.on.clone(), appearance: placed.appearance.clone() }
}

fn check_original(broken: &mut Broken, through: &Placed, original: Option<&Placed>, path: &str) {
    if through.appearance.role == Role::Original {
        return;
    }
    broken.add(is_clone(original), path);
}

/// The refusal that names the original as far as the caller may know it.
fn is_clone(original: Option<&Placed>) -> Rule {
    match original.filter(|original| original.visible) {
        Some(original) => Rule::LineIsClone {
            original: original.appearance.id.0,
            device: format!("line {} of '{}'", original.appearance.position, original.on.name),
            index: original.appearance.position,
        },
        None => Rule::LineIsClone {
            original: 0,
            device: "which is kept outside your organization".to_owned(),
            index: 0,
        },
    }
}

fn updated(
    broken: &mut Broken,
    line: &Model,
    description: Option<&str>,
    patch: &Patch<Settings>,
    path: &str,
    now: Moment,
) -> Model {
    let settings = patched(broken, patch, &line.settings, path);
    check_settings(broken, &settings, path);
    value::text_or_none(broken, "The description", description, 128, "description");
    Model {
        settings,
        description: description.unwrap_or(&line.description).to_owned(),
        version: line.version + 1,
        updated_at: now,
        ..line.clone()
    }
}

fn line_updated(before: &Model, after: Model) -> Option<Change> {
    let same = before.settings == after.settings && before.description == after.description;
    (!same).then(|| Change::LineUpdated { before: before.clone(), after })
}

fn check_number(broken: &mut Broken, pattern: &str, partition: &str, prefix: &str) {
    let mut part = Broken::none();
    part.take(value::pattern(pattern), "pattern");
    value::text(&mut part, "The partition", partition, 50, "partition");
    broken.nest(part, prefix);
}

/// What a line's own settings may be.
pub fn check_settings(broken: &mut Broken, settings: &Settings, path: &str) {
    let mut part = Broken::none();
    let b = &mut part;
    value::text_or_none(b, "The alerting name", settings.alerting_name.as_deref(), 50, "alertingName");
    let ascii = settings.ascii_alerting_name.as_deref();
    value::text_or_none(b, "The ASCII alerting name", ascii, 32, "asciiAlertingName");
    b.when(
        ascii.is_some_and(|text| !text.is_ascii()),
        || Rule::ValueInvalid {
            what: "The ASCII alerting name".to_owned(),
            want: "it holds a letter outside ASCII".to_owned(),
        },
        "asciiAlertingName",
    );
    for (what, name, path) in [
        ("The calling search space", &settings.calling_search_space, "callingSearchSpace"),
        ("The presence group", &settings.presence_group, "presenceGroup"),
        ("The voicemail profile", &settings.voice_mail_profile, "voiceMailProfile"),
        ("The call pickup group", &settings.call_pickup_group, "callPickupGroup"),
        ("The AAR group", &settings.aar_group, "aarGroup"),
        ("The AAR destination mask", &settings.aar_destination_mask, "aarDestinationMask"),
    ] {
        value::text_or_none(b, what, name.as_deref(), 128, path);
    }
    for (forward, path) in [
        (&settings.forward_all, "forwardAll"),
        (&settings.forward_busy, "forwardBusy"),
        (&settings.forward_busy_internal, "forwardBusyInternal"),
        (&settings.forward_no_answer, "forwardNoAnswer"),
        (&settings.forward_no_answer_internal, "forwardNoAnswerInternal"),
        (&settings.forward_no_coverage, "forwardNoCoverage"),
        (&settings.forward_no_coverage_internal, "forwardNoCoverageInternal"),
        (&settings.forward_on_failure, "forwardOnFailure"),
        (&settings.forward_not_registered, "forwardNotRegistered"),
        (&settings.forward_not_registered_internal, "forwardNotRegisteredInternal"),
        (&settings.alternate_party, "alternateParty"),
        (&settings.park_monitor_forward, "parkMonitorForward"),
    ] {
        let Some(forward) = forward else { continue };
        value::text_or_none(
            b,
            "The destination",
            forward.destination.as_deref(),
            50,
            &format!("{path}.destination"),
        );
        value::range(
            b,
            "durationSeconds",
            forward.duration_seconds,
            1,
            300,
            &format!("{path}.durationSeconds"),
        );
    }
    value::range(
        b,
        "networkHoldMohAudioSource",
        settings.network_hold_moh_audio_source,
        0,
        51,
        "networkHoldMohAudioSource",
    );
    value::range(
        b,
        "userHoldMohAudioSource",
        settings.user_hold_moh_audio_source,
        0,
        51,
        "userHoldMohAudioSource",
    );
    for (seconds, path) in [
        (settings.park_monitor_reversion_seconds, "parkMonitorReversionSeconds"),
        (settings.hold_reversion_seconds, "holdReversionSeconds"),
        (settings.hold_reversion_interval_seconds, "holdReversionIntervalSeconds"),
    ] {
        value::range(b, path, seconds, 0, 1200, path);
    }
    for (at, uri) in settings.directory_uris.iter().enumerate() {
        let sound = uri.uri.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        b.when(
            !sound || uri.uri.chars().count() > 254,
            || Rule::ValueInvalid {
                what: format!("'{}'", uri.uri),
                want: "a directory URI is user@host".to_owned(),
            },
            &format!("directoryUris.{at}.uri"),
        );
    }
    let primaries = settings.directory_uris.iter().filter(|uri| uri.primary).count();
    b.when(
        primaries > 1,
        || Rule::ValueInvalid {
            what: "The directory URIs".to_owned(),
            want: "one of them is the primary one".to_owned(),
        },
        "directoryUris",
    );
    broken.nest(part, path);
}

/// What an appearance's settings may be.
pub fn check_appearance(broken: &mut Broken, settings: &AppearanceSettings, path: &str) {
    let mut part = Broken::none();
    let b = &mut part;
    value::text_or_none(b, "The display", settings.display.as_deref(), 50, "display");
    value::text_or_none(b, "The ASCII display", settings.ascii_display.as_deref(), 50, "asciiDisplay");
    if let Some(mask) = &settings.external_mask {
        b.take(value::mask(mask), "externalMask");
    }
    value::range(b, "maxCalls", Some(settings.max_calls), 1, 200, "maxCalls");
    value::range(b, "busyTrigger", Some(settings.busy_trigger), 1, 200, "busyTrigger");
    b.when(
        settings.busy_trigger > settings.max_calls,
        || Rule::BusyTriggerExceedsMaxCalls { trigger: settings.busy_trigger, max: settings.max_calls },
        "busyTrigger",
    );
    value::text_or_none(
        b,
        "The recording profile",
        settings.recording_profile.as_deref(),
        128,
        "recordingProfile",
    );
    value::text_or_none(
        b,
        "The monitoring calling search space",
        settings.monitoring_calling_search_space.as_deref(),
        128,
        "monitoringCallingSearchSpace",
    );
    super::check_repeats(b, &settings.associated_users, "associatedUsers");
    broken.nest(part, path);
}

fn check_device_calls(broken: &mut Broken, device: &str, product: Option<&str>, total: i64, path: &str) {
    if let Some(product) = product.and_then(product::find) {
        let most = i64::from(product.max_calls);
        broken.when(
            total > most,
            || Rule::MaxCallsExceedsDevice { device: device.to_owned(), total, most },
            path,
        );
    }
}

fn line_path(new: &NewLine) -> &'static str {
    match new.line {
        Reference::Line(_) => "lineId",
        Reference::Number { .. } => "pattern",
    }
}

fn taken(pattern: &str, partition: &str) -> Rule {
    Rule::LineTaken { pattern: pattern.to_owned(), partition: partition.to_owned() }
}

fn not_found(id: LineId) -> Rule {
    Rule::NotFound { noun: "line", id: id.to_string() }
}

fn no_appearance(id: AppearanceId) -> Rule {
    Rule::NotFound { noun: "line appearance", id: id.to_string() }
}

fn no_device(id: DeviceId) -> Rule {
    Rule::NotFound { noun: "device", id: id.to_string() }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rule::tests_support::{no, ok, patch};

    pub fn line(id: i64, pattern: &str) -> Model {
        Model {
            id: LineId(id),
            cluster_id: ClusterId(1),
            organization_id: OrganizationId(1),
            pattern: pattern.into(),
            partition: String::new(),
            description: String::new(),
            settings: Settings::default(),
            version: 1,
            created_at: Moment(0),
            updated_at: Moment(0),
        }
    }

    pub fn appearance(id: i64, line: i64, device: i64, position: i32, role: Role) -> line_appearance::Model {
        line_appearance::Model {
            id: AppearanceId(id),
            line_id: LineId(line),
            device_id: DeviceId(device),
            position,
            role,
            label: None,
            settings: AppearanceSettings::default(),
            created_at: Moment(id),
        }
    }

    fn on(name: &str) -> On {
        On { organization_id: OrganizationId(1), kind: device::Kind::Profile, name: name.into() }
    }

    fn placed(appearance: line_appearance::Model) -> Placed {
        let name = format!("EM-{}", appearance.device_id);
        Placed { appearance, on: on(&name), visible: true }
    }

    fn device(appearances: Vec<line_appearance::Model>) -> Device {
        Device {
            id: DeviceId(7),
            cluster_id: ClusterId(1),
            product: Some("Cisco 8841".into()),
            version: 3,
            on: on("EM-7"),
            appearances,
            users: Vec::new(),
        }
    }

    fn new_line(reference: Reference, index: Option<i32>) -> NewLine {
        NewLine {
            line: reference,
            index,
            label: None,
            description: None,
            settings: Patch::default(),
            line_settings: Patch::default(),
            inventory: None,
        }
    }

    fn number(pattern: &str) -> Reference {
        Reference::Number { pattern: pattern.into(), partition: String::new() }
    }

    pub fn known(line: Option<Model>, original: Option<line_appearance::Model>) -> NewLineFacts {
        let original = original.map(|appearance| Placed { appearance, on: device(vec![]).on, visible: true });
        let number = Known { number: None, owners: BTreeSet::new(), user: None, near: true };
        let (line_id, appearance_id) = (LineId(50), AppearanceId(60));
        NewLineFacts { line, hidden: false, original, number, line_id, appearance_id }
    }

    fn add_to(device: Device, new: NewLine, facts: NewLineFacts) -> Decision {
        add(
            &Add { device: device.id, expected_version: None, line: new },
            &AddFacts { now: Moment(9), device: Some(device), lines: vec![facts], standing: BTreeMap::new() },
        )
    }

    #[test]
    fn the_first_appearance_is_the_original_and_a_further_one_a_clone() {
        let changes = ok(add_to(device(vec![]), new_line(number("4001"), None), known(None, None)));
        assert!(matches!(&changes[0], Change::LineCreated { line } if line.pattern == "4001"));
        assert!(
            matches!(&changes[1], Change::AppearanceAdded { appearance, .. } if appearance.role == Role::Original && appearance.position == 1)
        );

        let mut original = appearance(1, 2, 5, 1, Role::Original);
        original.settings.max_calls = 9;
        let reference = Reference::Line(LineId(2));
        let changes =
            ok(add_to(device(vec![]), new_line(reference, None), known(Some(line(2, "1")), Some(original))));
        assert!(
            matches!(&changes[..], [Change::AppearanceAdded { appearance, .. }] if appearance.role == Role::Clone && appearance.settings.max_calls == 9)
        );
    }

    #[test]
    fn a_clone_brings_no_settings_of_its_own() {
        let original = appearance(1, 2, 5, 1, Role::Original);
        let mut new = new_line(Reference::Line(LineId(2)), None);
        new.settings = patch(r#"{"max_calls":3}"#);
        new.line_settings = patch(r#"{"alerting_name":"Anna"}"#);
        no(
            add_to(device(vec![]), new, known(Some(line(2, "1")), Some(original))),
            &[("LINE_IS_CLONE", "settings"), ("LINE_IS_CLONE", "lineSettings")],
        );
    }

    /// LIN-9: today's catalogue has no such product; one that is added is told by what it lacks.
    #[test]
    fn a_product_that_shares_no_lines_takes_no_clone() {
        let known = product::find("Cisco 8841").expect("in the catalogue");
        let mut alone = known.clone();
        alone.features.retain(|feature| *feature != Feature::SharedLines);
        for (product, refused) in [(known, 0), (&alone, 1)] {
            let mut broken = Broken::none();
            check_shares(&mut broken, product, "pattern");
            let codes: Vec<_> = broken.0.iter().map(|breach| breach.rule.code().as_str()).collect();
            assert_eq!(codes, ["SHARED_LINE_NOT_SUPPORTED"; 1][..refused]);
        }
    }

    #[test]
    fn places_are_free_and_in_range_and_a_line_stands_once() {
        let here = || device(vec![appearance(1, 2, 7, 1, Role::Original)]);
        for (index, want) in [(1, "LINE_INDEX_TAKEN"), (0, "LINE_INDEX_INVALID"), (101, "LINE_INDEX_INVALID")]
        {
            no(add_to(here(), new_line(number("5"), Some(index)), known(None, None)), &[(want, "index")]);
        }
        ok(add_to(here(), new_line(number("5"), Some(100)), known(None, None)));
        no(
            add_to(
                here(),
                new_line(Reference::Line(LineId(2)), None),
                known(Some(line(2, "1")), Some(appearance(1, 2, 7, 1, Role::Original))),
            ),
            &[("LINE_ALREADY_ON_DEVICE", "lineId")],
        );
    }

    #[test]
    fn settings_keep_their_limits() {
        for (settings, want) in [
            (r#"{"max_calls":201}"#, vec![("VALUE_OUT_OF_RANGE", "settings.maxCalls")]),
            (r#"{"max_calls":2,"busy_trigger":2}"#, vec![]),
            (
                r#"{"max_calls":2,"busy_trigger":3}"#,
                vec![("BUSY_TRIGGER_EXCEEDS_MAX_CALLS", "settings.busyTrigger")],
            ),
            (r#"{"external_mask":"X1"}"#, vec![("MASK_INVALID", "settings.externalMask")]),
        ] {
            let mut new = new_line(number("5"), None);
            new.settings = patch(settings);
            let decision = add_to(device(vec![]), new, known(None, None));
            // 201 calls also exceed the device; the first finding is the one under test.
            match decision {
                Ok(_) => assert!(want.is_empty(), "{settings}"),
                Err(Broken(b)) => {
                    assert_eq!((b[0].rule.code().as_str(), b[0].path.as_str()), want[0], "{settings}");
                }
            }
        }
    }

    fn change(appearance: i64, settings: &str, appearances: Vec<line_appearance::Model>) -> Decision {
        change_settings(
            &ChangeSettings {
                appearance: AppearanceId(appearance),
                expected_version: None,
                description: None,
                settings: patch(settings),
                line_settings: Patch::default(),
            },
            &ChangeFacts {
                now: Moment(9),
                line: Some((line(2, "1"), appearances.into_iter().map(placed).collect())),
                devices: BTreeMap::new(),
            },
        )
    }

    #[test]
    fn a_change_through_a_clone_names_the_original_and_through_the_original_reaches_all() {
        let all = || vec![appearance(1, 2, 5, 3, Role::Original), appearance(4, 2, 6, 1, Role::Clone)];
        let Err(Broken(breaches)) = change(4, r#"{"max_calls":6}"#, all()) else { panic!("refused") };
        assert_eq!(
            breaches[0].rule,
            Rule::LineIsClone { original: 1, device: "line 3 of 'EM-5'".into(), index: 3 }
        );
        let changes = ok(change(1, r#"{"max_calls":6}"#, all()));
        assert_eq!(changes.len(), 2);
        for change in changes {
            assert!(
                matches!(change, Change::AppearanceSettingsChanged { after, through, .. } if after.max_calls == 6 && through == AppearanceId(1))
            );
        }
        assert!(ok(change(1, r#"{"max_calls":4}"#, all())).is_empty(), "already so");
    }

    #[test]
    fn a_clone_that_differs_keeps_what_was_not_sent() {
        let mut clone = appearance(4, 2, 6, 1, Role::Clone);
        clone.settings.display = Some("own".into());
        let changes =
            ok(change(1, r#"{"max_calls":6}"#, vec![appearance(1, 2, 5, 3, Role::Original), clone]));
        assert!(
            matches!(&changes[1], Change::AppearanceSettingsChanged { after, .. } if after.display.as_deref() == Some("own"))
        );
    }

    #[test]
    fn the_oldest_clone_is_promoted() {
        let all: Vec<_> = [
            appearance(1, 2, 5, 1, Role::Original),
            appearance(4, 2, 6, 1, Role::Clone),
            appearance(5, 2, 8, 1, Role::Clone),
        ]
        .map(placed)
        .into();
        let remove = |id| {
            remove(
                &Remove { appearance: AppearanceId(id), expected_version: None },
                &RemoveFacts { device_version: 1, appearances: Some(all.clone()) },
            )
        };
        assert!(
            matches!(&ok(remove(1))[..], [Change::AppearanceRemoved { .. }, Change::ClonePromoted { after, .. }] if after.id == AppearanceId(4) && after.role == Role::Original)
        );
        assert_eq!(ok(remove(5)).len(), 1);
        no(remove(99), &[("NOT_FOUND", "appearanceId")]);
    }

    #[test]
    fn a_line_with_appearances_goes_only_when_told() {
        let delete = |remove_appearances| {
            delete(
                &Delete { id: LineId(2), expected_version: Some(1), remove_appearances },
                &DeleteFacts {
                    current: Some(line(2, "1")),
                    appearances: vec![placed(appearance(1, 2, 5, 1, Role::Original))],
                },
            )
        };
        no(delete(false), &[("LINE_HAS_APPEARANCES", "id")]);
        assert_eq!(ok(delete(true)).len(), 2);
    }

    #[test]
    fn a_replaced_list_keeps_moves_adds_and_takes_off() {
        let kept = appearance(1, 2, 7, 1, Role::Original);
        let gone = appearance(3, 4, 7, 2, Role::Original);
        let device = device(vec![kept.clone(), gone.clone()]);
        let standing = BTreeMap::from([(LineId(4), vec![placed(gone)])]);
        let decision = replace(
            &Replace {
                device: device.id,
                expected_version: Some(3),
                lines: vec![new_line(number("9"), Some(1)), new_line(Reference::Line(LineId(2)), Some(2))],
            },
            &AddFacts {
                now: Moment(9),
                device: Some(device),
                lines: vec![known(None, None), known(Some(line(2, "1")), Some(kept))],
                standing,
            },
        );
        let kinds: Vec<_> = ok(decision).iter().map(|change| change.kind().as_str()).collect();
        assert_eq!(kinds, ["AppearanceRemoved", "LineCreated", "AppearanceAdded", "AppearanceUpdated"]);
    }
}
