//! The number inventory: which numbers can be given out, to whom, and from when on (INV-*, RSV-*, FLT-*).
//!
//! The inventory is managed only where an entry exists: a line without one is nobody's business here. With an entry,
//! the status follows the line (INV-9): it is `USED` exactly while the line stands on a device. That is decided once
//! for all commands, in [`follow`], from the changes that a command makes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use entity::{
    ClusterId, LineId, Moment, NumberId, OrganizationId, UserId,
    number::{Extra, Model, Status, Utility},
    organization,
};
use serde::{Deserialize, Serialize};

use super::{Broken, Change, Decision, Patch, Rule, check_version, cluster::Place, patched, value};

/// Numbers of one range (INV-6).
const MOST: u64 = 1_000;
/// The longest that a number cools (INV-10).
pub const LONGEST: i32 = 999;

/// What an administrator may write at a number.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub description: String,
    pub e164_number: Option<String>,
    pub extra: Extra,
}

/// How a number begins: as the appearances of its line say, unless told otherwise.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Beginning {
    pub status: Option<Status>,
    pub utility: Option<Utility>,
    pub cooling_until: Option<Moment>,
    pub reserved_for: Option<String>,
    pub reserved_until: Option<Moment>,
}

/// A range of numbers in a partition of a cluster; one number where both ends are the same.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Range {
    pub cluster: ClusterId,
    pub partition: String,
    pub first: String,
    pub last: String,
}

/// Adds the numbers of a range that are not there yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub organization: OrganizationId,
    pub range: Range,
    pub fields: Fields,
    /// What stands before each number in its E.164 form.
    pub e164_prefix: Option<String>,
    pub beginning: Beginning,
    /// Whether it was said as one number and not as a range. Left out where it was not, so that an answer kept under a key
    /// from before is found again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub one: bool,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub now: Moment,
    pub place: Place,
    pub policy: Policy,
    /// For each number of the range that has no entry.
    pub absent: Vec<Absent>,
}

/// What is set for new entries at the organization that is to keep them.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Whether it takes none (INV-12).
    pub off: bool,
    /// Path of the customer within which they are kept once, where there is one that says so (INV-4).
    pub customer: Option<String>,
    /// Patterns among the new ones that are kept there already.
    pub elsewhere: BTreeSet<String>,
}

impl Policy {
    /// Notes that no entry may be added.
    fn check_managed(&self, broken: &mut Broken, place: &Place) {
        let organization = place.organization.as_ref().map(|organization| organization.path.clone());
        broken.when(
            self.off,
            || Rule::NumberManagementOff { organization: organization.unwrap_or_default() },
            "organizationId",
        );
    }

    /// The rule that a second entry of the pattern breaks.
    fn check_unique(&self, pattern: &str) -> Result<(), Rule> {
        match &self.customer {
            Some(customer) if self.elsewhere.contains(pattern) => {
                Err(Rule::NumberNotUnique { pattern: pattern.to_owned(), customer: customer.clone() })
            }
            _ => Ok(()),
        }
    }
}

/// A number without an entry.
#[derive(Clone, Debug)]
pub struct Absent {
    pub id: NumberId,
    pub pattern: String,
    /// Whether its line stands on a device.
    pub standing: bool,
}

/// Updates what was sent of one number.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: NumberId,
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
}

/// Updates what was sent of every number of a range that is there.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct UpdateRange {
    pub range: Range,
    pub fields: Patch<Fields>,
}

/// Deletes the numbers of a range that nothing uses and nobody holds back.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub range: Range,
}

/// Deletes a number that nothing uses and nobody holds back (INV-7).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DeleteOne {
    pub id: NumberId,
    pub expected_version: Option<i64>,
}

/// What [`delete_one`] must know.
pub struct DeleteOneFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// Whether its line stands on a device.
    pub standing: bool,
}

/// What [`update_range`] and [`delete`] must know.
pub struct RangeFacts {
    pub now: Moment,
    /// Whether the caller sees the cluster.
    pub cluster: bool,
    /// The numbers of the range that are the caller's to change.
    pub numbers: Vec<Model>,
    /// The patterns among them whose line stands on a device.
    pub standing: BTreeSet<String>,
}

/// Moves a number to another status by hand (INV-8, INV-10).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ChangeStatus {
    pub id: NumberId,
    pub expected_version: Option<i64>,
    pub to: Status,
    /// For cooling: for how long; the organization's setting when left out.
    pub days: Option<i32>,
    pub utility: Option<Utility>,
}

/// What is known of one number that is to change.
pub struct OneFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// Days for which its organization lets it cool.
    pub cooling_days: i32,
}

/// Keeps numbers for a user, or for nobody any more (RSV-1).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ReserveFor {
    /// Where numbers are kept that are not there yet.
    pub organization: OrganizationId,
    pub cluster: ClusterId,
    pub partition: String,
    pub patterns: Vec<String>,
    pub user_id: Option<String>,
    pub until: Option<Moment>,
}

/// What [`reserve_for`] must know.
pub struct ReserveFacts {
    pub now: Moment,
    pub place: Place,
    pub policy: Policy,
    /// In the order of the command.
    pub numbers: Vec<Asked>,
}

/// What is known of a number that a command names.
#[derive(Clone, Debug)]
pub enum Asked {
    There(Model),
    /// Kept where the caller may not change it.
    Elsewhere,
    Absent(Absent),
}

/// Frees what has cooled, and ends reservations whose time is up. The application gives it, no caller.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Release;

/// Puts right what does not agree with the lines that stand on devices (INV-11).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Audit {
    /// Where, with everything below; everything that the caller sees when left out.
    pub organization: Option<OrganizationId>,
    /// Whether lines that stand on devices and have no entry get one.
    pub add_missing: bool,
}

/// What an audit finds.
#[derive(Debug, Default)]
pub struct AuditFacts {
    pub now: Moment,
    /// Whether the caller sees the organization.
    pub seen: bool,
    /// Entries that do not agree, each with whether its line stands and for how many days it would cool.
    pub differing: Vec<(Model, bool, i32)>,
    /// Numbers without an entry, each with where it would be kept.
    pub missing: Vec<(ClusterId, OrganizationId, String, Absent)>,
    /// Whether there is more than one audit takes.
    pub more: bool,
}

/// Which numbers are offered (FLT-5).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Choice {
    Available,
    BelongingToFirstUser,
    BelongingToUser,
    ReservedForUser,
    Used,
    All,
}

/// A choice of numbers, with the user that some of them are about.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct InventoryFilter {
    pub choice: Choice,
    pub user: Option<UserId>,
}

/// How much of an entry a caller sees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sight {
    /// It is in the caller's subtree.
    Whole,
    /// It is kept above, for the caller's organization to use too (INV-2).
    Above,
    /// It is a neighbour's (ACC-7).
    Nothing,
}

/// What is known of the number of a line that is to stand on a device.
#[derive(Clone, Debug)]
pub struct Known {
    /// None where the inventory has no entry.
    pub number: Option<(Model, Sight)>,
    /// User ids of those to whom it belongs: it stands on a device of theirs, or is their primary extension.
    pub owners: BTreeSet<String>,
    /// User id of the filter's user, where there is such a user.
    pub user: Option<String>,
    /// Whether the entry is kept at the device's organization or above; told where there is a filter.
    pub near: bool,
}

/// Why a number cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    Status(Status),
    /// It is a neighbour's (ACC-7).
    Elsewhere,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "its status is {}", name_of(*status)),
            Self::Elsewhere => f.write_str("it is kept outside your organization"),
        }
    }
}

/// Until when a number cools.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Until(pub Option<Moment>);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.map(day).unwrap_or_default())
    }
}

/// User id of whom a number is kept for, where the caller may know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holder(pub Option<String>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(holder) => write!(f, "'{holder}'"),
            None => f.write_str("somebody else"),
        }
    }
}

/// A line whose appearances come or go, with the entry of its number.
pub struct Standing {
    pub line: LineId,
    /// How many appearances it has before.
    pub appearances: usize,
    pub number: Model,
    pub cooling_days: i32,
}

/// Decides [`Create`]: what is there already is left alone (INV-6).
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let decided = create_range(cmd, facts);
    if !cmd.one {
        return decided;
    }
    decided.map_err(|mut broken| {
        for breach in broken.0.iter_mut().filter(|breach| breach.path == "first" || breach.path == "last") {
            "pattern".clone_into(&mut breach.path);
        }
        broken
    })
}

fn create_range(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    check_place(&mut broken, &facts.place, cmd.organization, cmd.range.cluster);
    check_range(&mut broken, &cmd.range);
    check_fields(&mut broken, &cmd.fields);
    if !facts.absent.is_empty() {
        facts.policy.check_managed(&mut broken, &facts.place);
        // Of a range, every one that is kept elsewhere is told.
        for absent in &facts.absent {
            broken.take(facts.policy.check_unique(&absent.pattern), "first");
        }
    }
    if let Some(prefix) = &cmd.e164_prefix {
        for absent in &facts.absent {
            let whole = format!("{prefix}{}", absent.pattern);
            if !is_e164(&whole) {
                broken.add(e164_invalid(&whole), "e164Prefix");
                break;
            }
        }
    }
    let from = &cmd.beginning;
    check_holder(&mut broken, from.reserved_for.as_deref(), from.reserved_until, facts.now, "reservedFor");
    let mut changes = Vec::new();
    for absent in &facts.absent {
        let Some(status) = begins(&mut broken, from, absent.standing) else { break };
        let e164 = cmd.e164_prefix.as_ref().map(|prefix| format!("{prefix}{}", absent.pattern));
        let mut number = entry(absent, cmd.organization, cmd.range.cluster, &cmd.range.partition, facts.now);
        number.status = status;
        number.utility = from.utility;
        number.e164_number = e164.or_else(|| cmd.fields.e164_number.clone());
        number.description.clone_from(&cmd.fields.description);
        number.extra = cmd.fields.extra.clone();
        number.reserved_for.clone_from(&from.reserved_for);
        number.reserved_until = from.reserved_until;
        number.cooling_until = from.cooling_until.filter(|_| status == Status::Cooling);
        changes.push(Change::NumberCreated { number });
    }
    broken.or(|| changes)
}

/// The status with which a number begins.
fn begins(broken: &mut Broken, from: &Beginning, standing: bool) -> Option<Status> {
    let natural = match (standing, from.utility) {
        (true, _) => Status::Used,
        (false, Some(_)) => Status::UsedUtility,
        (false, None) => Status::Available,
    };
    let asked = from.status.unwrap_or(natural);
    if asked == Status::Cooling && from.cooling_until.is_none() {
        broken.add(Rule::ValueRequired { what: "The release date".to_owned() }, "coolingUntil");
        return None;
    }
    let held = matches!(asked, Status::Reserved | Status::Cooling) && natural == Status::Available;
    if asked != natural && !held {
        broken.add(illegal(natural, asked), "status");
        return None;
    }
    Some(asked)
}

/// Decides [`Update`].
pub fn update(cmd: &Update, facts: &OneFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let after = with_fields(&mut broken, current, &cmd.fields);
    broken.or(|| updated(current, after, facts.now).into_iter().collect())
}

/// Decides [`UpdateRange`].
pub fn update_range(cmd: &UpdateRange, facts: &RangeFacts) -> Decision {
    let mut broken = Broken::none();
    check_cluster(&mut broken, facts, cmd.range.cluster);
    check_range(&mut broken, &cmd.range);
    with_fields(&mut broken, &blank(), &cmd.fields);
    let mut quiet = Broken::none();
    broken.or(|| {
        let numbers = facts.numbers.iter();
        numbers
            .filter_map(|number| updated(number, with_fields(&mut quiet, number, &cmd.fields), facts.now))
            .collect()
    })
}

/// Decides [`Delete`]: what is used, reserved, cooling or kept for somebody is left alone (INV-7).
pub fn delete(cmd: &Delete, facts: &RangeFacts) -> Decision {
    let mut broken = Broken::none();
    check_cluster(&mut broken, facts, cmd.range.cluster);
    check_range(&mut broken, &cmd.range);
    broken.or(|| {
        let free = |number: &&Model| {
            held_back(number, facts.standing.contains(&number.pattern), facts.now).is_none()
        };
        let gone = facts.numbers.iter().filter(free);
        gone.map(|number| Change::NumberDeleted { number: number.clone() }).collect()
    })
}

/// Decides [`DeleteOne`].
pub fn delete_one(cmd: &DeleteOne, facts: &DeleteOneFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    if let Some(why) = held_back(current, facts.standing, facts.now) {
        broken.add(Rule::NumberNotFree { pattern: current.pattern.clone(), why }, "id");
    }
    broken.or(|| vec![Change::NumberDeleted { number: current.clone() }])
}

/// Why a number is not deleted; nothing where it is free.
fn held_back(number: &Model, standing: bool, now: Moment) -> Option<String> {
    match held_for(number, now) {
        _ if standing => Some("its line stands on a device".to_owned()),
        _ if number.status != Status::Available => Some(format!("it is {}", name_of(number.status))),
        Some(holder) => Some(format!("it is kept for {holder}")),
        None => None,
    }
}

/// Decides [`ChangeStatus`]: the moves of `domain.md` 5.3 and no others.
pub fn change_status(cmd: &ChangeStatus, facts: &OneFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "numberId")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    value::range(&mut broken, "days", cmd.days, 1, LONGEST, "days");
    let mut after = current.clone();
    match (current.status, cmd.to) {
        (Status::Available, Status::Available) => {}
        (Status::Reserved | Status::Cooling, Status::Available) => make_available(&mut after),
        (Status::UsedUtility, Status::Available) => {
            after.utility = None;
            free(&mut after, facts.cooling_days, facts.now);
        }
        (Status::Available | Status::Reserved, Status::Reserved) => after.status = Status::Reserved,
        (Status::Available, Status::Cooling) => {
            let days = cmd.days.unwrap_or(facts.cooling_days);
            broken.when(days == 0, || Rule::ValueRequired { what: "The number of days".to_owned() }, "days");
            cool(&mut after, days, facts.now);
        }
        (Status::Cooling, Status::Cooling) => {
            if let Some(days) = cmd.days {
                cool(&mut after, days, facts.now);
            }
        }
        (Status::Available | Status::UsedUtility | Status::Used, Status::UsedUtility) => {
            let what = || Rule::ValueRequired { what: "What uses it".to_owned() };
            broken.when(cmd.utility.is_none(), what, "utility");
            after.utility = cmd.utility;
            // On a device as well it stays what it is, with both usages.
            if current.status != Status::Used {
                after.status = Status::UsedUtility;
            }
        }
        // On a device, and nothing else uses it any more.
        (Status::Used, Status::Used) => after.utility = cmd.utility,
        (from, to) => broken.add(illegal(from, to), "to"),
    }
    broken.or(|| updated(current, after, facts.now).into_iter().collect())
}

/// Decides [`ReserveFor`]: a flag beside the status, which it does not touch (RSV-2).
pub fn reserve_for(cmd: &ReserveFor, facts: &ReserveFacts) -> Decision {
    let mut broken = Broken::none();
    check_place(&mut broken, &facts.place, cmd.organization, cmd.cluster);
    value::text(&mut broken, "The partition", &cmd.partition, 50, "partition");
    check_holder(&mut broken, cmd.user_id.as_deref(), cmd.until, facts.now, "userId");
    super::check_repeats(&mut broken, &cmd.patterns, "patterns");
    let got = u64::try_from(cmd.patterns.len()).unwrap_or(u64::MAX);
    broken.when(got > MOST, || Rule::NumberRangeTooLong { got, most: MOST }, "patterns");
    let (mut changes, mut adding) = (Vec::new(), false);
    for (at, (pattern, asked)) in cmd.patterns.iter().zip(&facts.numbers).enumerate() {
        let path = format!("patterns.{at}");
        broken.take(value::pattern(pattern), &path);
        match asked {
            Asked::Elsewhere => broken.add(kept_elsewhere(pattern), path),
            Asked::There(current) => {
                let other = held_for(current, facts.now)
                    .filter(|holder| cmd.user_id.as_deref().is_some_and(|user_id| user_id != *holder));
                if let Some(holder) = other {
                    broken.add(reserved_for_other(pattern, Some(holder)), path);
                }
                let after = Model {
                    reserved_for: cmd.user_id.clone(),
                    reserved_until: cmd.until.filter(|_| cmd.user_id.is_some()),
                    ..current.clone()
                };
                changes.extend(updated(current, after, facts.now));
            }
            Asked::Absent(absent) if cmd.user_id.is_some() => {
                adding = true;
                broken.take(facts.policy.check_unique(pattern), &path);
                let mut number = entry(absent, cmd.organization, cmd.cluster, &cmd.partition, facts.now);
                number.status = if absent.standing { Status::Used } else { Status::Available };
                number.reserved_for.clone_from(&cmd.user_id);
                number.reserved_until = cmd.until;
                changes.push(Change::NumberCreated { number });
            }
            Asked::Absent(_) => broken.add(Rule::NotFound { noun: "number", id: pattern.clone() }, path),
        }
    }
    if adding {
        facts.policy.check_managed(&mut broken, &facts.place);
    }
    broken.or(|| changes)
}

/// Decides [`Release`] on numbers of which something is due (INV-10, RSV-7).
pub fn release(numbers: &[Model], now: Moment) -> Vec<Change> {
    let mut changes = Vec::new();
    for number in numbers {
        let mut after = number.clone();
        if number.status == Status::Cooling && number.cooling_until.is_some_and(|until| until <= now) {
            make_available(&mut after);
        }
        if number.reserved_for.is_some() && held_for(number, now).is_none() {
            after.reserved_for = None;
            after.reserved_until = None;
        }
        changes.extend(updated(number, after, now));
    }
    changes
}

/// Decides [`Audit`].
pub fn audit(cmd: &Audit, facts: &AuditFacts) -> Decision {
    let mut broken = Broken::none();
    let id = || cmd.organization.map(|id| id.to_string()).unwrap_or_default();
    let organization = || Rule::NotFound { noun: "organization", id: id() };
    broken.when(!facts.seen, organization, "organizationId");
    broken.or(|| {
        let mut changes = Vec::new();
        for (number, standing, days) in &facts.differing {
            changes.extend(updated(number, mended(number, *standing, *days, facts.now), facts.now));
        }
        if cmd.add_missing {
            for (cluster, organization, partition, absent) in &facts.missing {
                let number = entry(absent, *organization, *cluster, partition, facts.now);
                changes.push(Change::NumberCreated { number: Model { status: Status::Used, ..number } });
            }
        }
        changes
    })
}

/// The entry as the lines that stand on devices say.
pub fn mended(number: &Model, standing: bool, cooling_days: i32, now: Moment) -> Model {
    let mut after = number.clone();
    match (standing, number.status) {
        (true, _) => take(&mut after),
        (false, Status::Used) => free(&mut after, cooling_days, now),
        (false, _) if number.utility.is_some() => {
            after.status = Status::UsedUtility;
            after.cooling_until = None;
        }
        (false, Status::UsedUtility) => free(&mut after, cooling_days, now),
        (false, Status::Available | Status::Reserved | Status::Cooling) => {}
    }
    after
}

/// What becomes of the numbers of lines that changes put on devices or take off them (INV-9, DEL-7).
pub fn follow(changes: &[Change], lines: &[Standing], now: Moment) -> Vec<Change> {
    let mut moved: BTreeMap<LineId, (usize, usize)> = BTreeMap::new();
    for change in changes {
        match change {
            Change::AppearanceAdded { appearance, .. } => moved.entry(appearance.line_id).or_default().0 += 1,
            Change::AppearanceRemoved { appearance, .. } => {
                moved.entry(appearance.line_id).or_default().1 += 1;
            }
            _ => {}
        }
    }
    let mut followed = Vec::new();
    for line in lines {
        let Some((added, removed)) = moved.get(&line.line) else { continue };
        let standing = line.appearances + added > *removed;
        let mut after = line.number.clone();
        if standing && *added > 0 {
            take(&mut after);
        } else if !standing && after.status == Status::Used {
            free(&mut after, line.cooling_days, now);
        }
        followed.extend(updated(&line.number, after, now));
    }
    followed
}

/// Notes what keeps a number from standing on a device of these users, and from being chosen at all.
pub fn check(
    broken: &mut Broken,
    pattern: &str,
    known: &Known,
    filter: Option<InventoryFilter>,
    users: &[String],
    now: Moment,
    path: &str,
) {
    if let Some((number, sight)) = &known.number {
        for rule in refusals(number, *sight, users, now) {
            broken.add(rule, path);
        }
    }
    if let Some(filter) = filter {
        let seen = known.number.as_ref().filter(|(_, sight)| *sight != Sight::Nothing);
        let inside = seen.is_some_and(|(number, _)| is_chosen(number, known, filter, users, now));
        let outside = || Rule::NumberOutsideInventoryFilter { pattern: pattern.to_owned() };
        broken.when(!inside, outside, path);
    }
}

/// Why a number may not stand on a device of these users; nothing when it may.
pub fn refusals(number: &Model, sight: Sight, users: &[String], now: Moment) -> Vec<Rule> {
    let pattern = number.pattern.clone();
    let mut rules = Vec::new();
    match (number.status, number.cooling_until) {
        (Status::Reserved, _) => {
            rules.push(Rule::NumberNotAvailable { pattern, why: Why::Status(Status::Reserved) });
        }
        (Status::Cooling, until) => {
            rules.push(Rule::NumberCooling { pattern, until: Until(until) });
        }
        (Status::Available | Status::Used | Status::UsedUtility, _) => {}
    }
    if let Some(holder) = held_for(number, now).filter(|holder| !users.iter().any(|user| user == holder)) {
        rules.push(reserved_for_other(&number.pattern, (sight == Sight::Whole).then_some(holder)));
    }
    if sight == Sight::Nothing && !rules.is_empty() {
        return vec![kept_elsewhere(&number.pattern)];
    }
    rules
}

/// Whether the filter lets the number through, as the picker's statement does.
fn is_chosen(number: &Model, known: &Known, filter: InventoryFilter, users: &[String], now: Moment) -> bool {
    if !known.near {
        return false;
    }
    let holder = held_for(number, now);
    let belongs = |user: Option<&String>| {
        user.is_some_and(|user| known.owners.contains(user) || holder == Some(user.as_str()))
    };
    let held = |users: &[String]| holder.is_some_and(|holder| users.iter().any(|user| user == holder));
    match filter.choice {
        Choice::Available => number.status == Status::Available && (holder.is_none() || held(users)),
        Choice::BelongingToFirstUser => belongs(users.first()),
        Choice::BelongingToUser => belongs(known.user.as_ref()),
        Choice::ReservedForUser if filter.user.is_some() => held(known.user.as_slice()),
        Choice::ReservedForUser => held(users),
        Choice::Used => number.status == Status::Used,
        Choice::All => true,
    }
}

/// For whom the number is kept now (RSV-1, RSV-7).
pub fn held_for(number: &Model, now: Moment) -> Option<&str> {
    number.reserved_for.as_deref().filter(|_| number.reserved_until.is_none_or(|until| until > now))
}

/// The numbers of a range, in order: as many digits at both ends, and the same before them.
pub fn numbers_of(first: &str, last: &str) -> Result<Vec<String>, Rule> {
    if first == last {
        return value::pattern(first).map(|()| vec![first.to_owned()]);
    }
    value::pattern(first)?;
    value::pattern(last)?;
    let split = |text: &str| -> (String, String) {
        let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (before, digits) = text.split_at(text.len() - digits);
        (before.to_owned(), digits.to_owned())
    };
    let ((before, low), (same, high)) = (split(first), split(last));
    let invalid = |why: &str| Rule::NumberRangeInvalid {
        first: first.to_owned(),
        last: last.to_owned(),
        why: why.to_owned(),
    };
    if before != same || low.len() != high.len() {
        return Err(invalid("both ends have the same length and differ in their last digits only"));
    }
    let read = |digits: &str| digits.parse::<u128>().map_err(|_| invalid("it has no digits to count"));
    let (from, to) = (read(&low)?, read(&high)?);
    if to < from {
        return Err(invalid("its end stands before its beginning"));
    }
    let got = u64::try_from(to - from + 1).unwrap_or(u64::MAX);
    if got > MOST {
        return Err(Rule::NumberRangeTooLong { got, most: MOST });
    }
    let width = low.len();
    Ok((from..=to).map(|number| format!("{before}{number:0width$}")).collect())
}

/// Where entries may be kept, and on which cluster (INV-2).
fn check_place(broken: &mut Broken, place: &Place, organization: OrganizationId, cluster: ClusterId) {
    place.check_served(broken, organization, cluster);
    if let Some(organization) = &place.organization {
        use organization::Kind::{Customer, Provider, Site};
        broken.when(
            !matches!(organization.kind, Provider | Customer | Site),
            || Rule::NumberLevelInvalid { organization: organization.path.clone() },
            "organizationId",
        );
    }
}

fn check_cluster(broken: &mut Broken, facts: &RangeFacts, cluster: ClusterId) {
    broken.when(!facts.cluster, || Rule::NotFound { noun: "cluster", id: cluster.to_string() }, "clusterId");
}

fn check_range(broken: &mut Broken, range: &Range) {
    let path = if range.first == range.last { "first" } else { "last" };
    broken.take(numbers_of(&range.first, &range.last), path);
    value::text(broken, "The partition", &range.partition, 50, "partition");
}

fn check_fields(broken: &mut Broken, fields: &Fields) {
    value::text(broken, "The description", &fields.description, 128, "description");
    if let Some(number) = &fields.e164_number {
        broken.when(!is_e164(number), || e164_invalid(number), "e164Number");
    }
    let extra = &fields.extra.0;
    let got = i64::try_from(extra.len()).unwrap_or(i64::MAX);
    let many = || Rule::ValueOutOfRange { what: "The number of fields".to_owned(), least: 0, most: 20, got };
    broken.when(extra.len() > 20, many, "extra");
    for (name, text) in extra {
        value::required(broken, "The name of a field", name, 64, "extra");
        value::text(broken, name, text, 256, "extra");
    }
}

fn check_holder(broken: &mut Broken, user_id: Option<&str>, until: Option<Moment>, now: Moment, path: &str) {
    if let Some(user_id) = user_id {
        broken.take(value::user_id(user_id), path);
    }
    broken.when(
        until.is_some_and(|until| until <= now),
        || Rule::ValueInvalid {
            what: "The end of the reservation".to_owned(),
            want: "it is over already".to_owned(),
        },
        "until",
    );
}

fn with_fields(broken: &mut Broken, current: &Model, patch: &Patch<Fields>) -> Model {
    let before = Fields {
        description: current.description.clone(),
        e164_number: current.e164_number.clone(),
        extra: current.extra.clone(),
    };
    let fields = patched(broken, patch, &before, "");
    check_fields(broken, &fields);
    Model {
        description: fields.description,
        e164_number: fields.e164_number,
        extra: fields.extra,
        ..current.clone()
    }
}

fn updated(before: &Model, after: Model, now: Moment) -> Option<Change> {
    (after != *before).then(|| Change::NumberUpdated {
        before: before.clone(),
        after: Model { version: before.version + 1, updated_at: now, ..after },
    })
}

fn entry(
    absent: &Absent,
    organization: OrganizationId,
    cluster: ClusterId,
    partition: &str,
    now: Moment,
) -> Model {
    Model {
        id: absent.id,
        cluster_id: cluster,
        organization_id: organization,
        pattern: absent.pattern.clone(),
        partition: partition.to_owned(),
        created_at: now,
        updated_at: now,
        ..blank()
    }
}

fn blank() -> Model {
    Model {
        id: NumberId(0),
        cluster_id: ClusterId(0),
        organization_id: OrganizationId(0),
        pattern: String::new(),
        partition: String::new(),
        status: Status::Available,
        utility: None,
        e164_number: None,
        description: String::new(),
        extra: Extra::default(),
        reserved_for: None,
        reserved_until: None,
        cooling_until: None,
        version: 1,
        created_at: Moment(0),
        updated_at: Moment(0),
    }
}

fn take(number: &mut Model) {
    number.status = Status::Used;
    number.cooling_until = None;
}

/// The last use is gone: what else uses it stays, otherwise it cools or is available at once.
fn free(number: &mut Model, cooling_days: i32, now: Moment) {
    if number.utility.is_some() {
        number.status = Status::UsedUtility;
    } else if cooling_days > 0 {
        cool(number, cooling_days, now);
    } else {
        make_available(number);
    }
}

fn cool(number: &mut Model, days: i32, now: Moment) {
    number.status = Status::Cooling;
    number.cooling_until = Some(now.plus_days(days.into()));
}

/// Free for the next one: the description was the last one's, extra fields and whom it is kept for stay (RSV-3).
fn make_available(number: &mut Model) {
    number.status = Status::Available;
    number.cooling_until = None;
    number.description = String::new();
}

fn is_e164(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (1..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

fn e164_invalid(number: &str) -> Rule {
    Rule::ValueInvalid {
        what: format!("'{number}'"),
        want: "an E.164 number is '+' and 1 to 15 digits".to_owned(),
    }
}

fn illegal(from: Status, to: Status) -> Rule {
    Rule::NumberStatusIllegal { from: name_of(from).to_owned(), to: name_of(to).to_owned() }
}

fn kept_elsewhere(pattern: &str) -> Rule {
    Rule::NumberNotAvailable { pattern: pattern.to_owned(), why: Why::Elsewhere }
}

fn reserved_for_other(pattern: &str, holder: Option<&str>) -> Rule {
    let holder = Holder(holder.map(str::to_owned));
    Rule::NumberReservedForOtherUser { pattern: pattern.to_owned(), holder }
}

fn not_found(id: NumberId) -> Rule {
    Rule::NotFound { noun: "number", id: id.to_string() }
}

/// The status as the API names it.
pub fn name_of(status: Status) -> &'static str {
    match status {
        Status::Available => "AVAILABLE",
        Status::Used => "USED",
        Status::UsedUtility => "USED_UTILITY",
        Status::Reserved => "RESERVED",
        Status::Cooling => "COOLING",
    }
}

/// The day of a moment, as `2026-01-31` (Howard Hinnant's days to civil).
fn day(moment: Moment) -> String {
    let days = moment.0.div_euclid(86_400_000_000) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{
        organization::tests::organization,
        tests_support::{no, ok, patch},
    };

    const NOW: Moment = Moment(1_767_225_600_000_000);

    fn number(status: Status) -> Model {
        let mut number = Model { id: NumberId(1), pattern: "4001".into(), status, ..blank() };
        if status == Status::Cooling {
            cool(&mut number, 10, NOW);
        }
        if status == Status::UsedUtility {
            number.utility = Some(Utility::HuntPilot);
        }
        number.description = "Anna's".into();
        number
    }

    fn change(from: Status, to: Status, days: Option<i32>, utility: Option<Utility>) -> Decision {
        let cmd = ChangeStatus { id: NumberId(1), expected_version: None, to, days, utility };
        change_status(&cmd, &OneFacts { now: NOW, current: Some(number(from)), cooling_days: 0 })
    }

    fn after(changes: &[Change]) -> &Model {
        match changes {
            [Change::NumberUpdated { after, .. }] => after,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn statuses_move_as_the_machine_says() {
        use Status::{Available, Cooling, Reserved, Used, UsedUtility};
        let hunt = Some(Utility::HuntPilot);
        for (from, to, days, utility) in [
            (Available, Reserved, None, None),
            (Reserved, Available, None, None),
            (Available, Cooling, Some(30), None),
            (Cooling, Available, None, None),
            (Available, UsedUtility, None, hunt),
            (UsedUtility, Available, None, None),
        ] {
            assert_eq!(after(&ok(change(from, to, days, utility))).status, to, "{from:?} {to:?}");
        }
        let both = ok(change(Used, UsedUtility, None, hunt));
        assert_eq!((after(&both).status, after(&both).utility), (Used, hunt));
        for (from, to) in [
            (Reserved, Used),
            (Cooling, Used),
            (Used, Reserved),
            (Used, Available),
            (Used, Cooling),
            (Reserved, Cooling),
            (Cooling, Reserved),
            (Available, Used),
            (UsedUtility, Reserved),
        ] {
            no(change(from, to, None, None), &[("NUMBER_STATUS_ILLEGAL", "to")]);
        }
        no(change(Available, Cooling, None, None), &[("VALUE_REQUIRED", "days")]);
        no(change(Available, Cooling, Some(1_000), None), &[("VALUE_OUT_OF_RANGE", "days")]);
        ok(change(Available, Cooling, Some(999), None));
        no(change(Available, UsedUtility, None, None), &[("VALUE_REQUIRED", "utility")]);
        assert!(ok(change(Reserved, Reserved, None, None)).is_empty());
        assert_eq!(after(&ok(change(Reserved, Available, None, None))).description, "", "the last one's");
    }

    #[test]
    fn a_number_that_is_held_back_stands_on_no_device() {
        let codes = |number: &Model, sight, users: &[&str]| {
            let users: Vec<_> = users.iter().map(|&user| user.to_owned()).collect();
            let rules = refusals(number, sight, &users, NOW);
            rules.iter().map(|rule| rule.code().as_str()).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(codes(&number(Status::Available), Sight::Whole, &[]), none);
        assert_eq!(codes(&number(Status::Used), Sight::Whole, &[]), none);
        assert_eq!(codes(&number(Status::Reserved), Sight::Whole, &[]), ["NUMBER_NOT_AVAILABLE"]);
        assert_eq!(codes(&number(Status::Cooling), Sight::Whole, &[]), ["NUMBER_COOLING"]);
        let mut held = number(Status::Available);
        held.reserved_for = Some("anna".into());
        assert_eq!(codes(&held, Sight::Whole, &["ben"]), ["NUMBER_RESERVED_FOR_OTHER_USER"]);
        assert_eq!(codes(&held, Sight::Whole, &["ben", "anna"]), none, "RSV-7");
        assert_eq!(codes(&held, Sight::Nothing, &["ben"]), ["NUMBER_NOT_AVAILABLE"], "ACC-7");
        held.status = Status::Cooling;
        assert_eq!(codes(&held, Sight::Whole, &["anna"]), ["NUMBER_COOLING"], "RSV-5");
        held.status = Status::Available;
        held.reserved_until = Some(NOW);
        assert_eq!(codes(&held, Sight::Whole, &["ben"]), none, "it is over");
        held.reserved_until = Some(NOW.plus_days(1));
        let said = refusals(&held, Sight::Above, &[], NOW)[0].to_string();
        assert!(!said.contains("anna"), "{said}");
        let said = refusals(&number(Status::Cooling), Sight::Whole, &[], NOW)[0].to_string();
        assert!(said.contains("2026-01-11"), "{said}");
    }

    #[test]
    fn ranges_keep_their_width_and_their_size() {
        assert_eq!(numbers_of("0098", "0101").expect("fits"), ["0098", "0099", "0100", "0101"]);
        assert_eq!(numbers_of("\\+4930", "\\+4931").expect("fits"), ["\\+4930", "\\+4931"]);
        assert_eq!(numbers_of("40XX", "40XX").expect("one"), ["40XX"]);
        assert_eq!(numbers_of("1000", "1999").expect("fits").len(), 1_000);
        for (first, last, code) in [
            ("1000", "2000", "NUMBER_RANGE_TOO_LONG"),
            ("10", "9", "NUMBER_RANGE_INVALID"),
            ("20", "10", "NUMBER_RANGE_INVALID"),
            ("40XX", "41XX", "NUMBER_RANGE_INVALID"),
            ("call", "me", "PATTERN_INVALID"),
        ] {
            assert_eq!(numbers_of(first, last).expect_err(first).code().as_str(), code, "{first} {last}");
        }
    }

    fn place(kind: organization::Kind) -> Place {
        Place { organization: Some(organization(1, kind, "acme")), cluster: None, serves: true }
    }

    fn create_with(kind: organization::Kind, standing: bool, beginning: Beginning) -> Decision {
        let range = Range {
            cluster: ClusterId(1),
            partition: String::new(),
            first: "4001".into(),
            last: "4001".into(),
        };
        let cmd = Create {
            organization: OrganizationId(1),
            range,
            fields: Fields::default(),
            e164_prefix: Some("+4930".into()),
            beginning,
            one: false,
        };
        let mut place = place(kind);
        place.cluster = Some(crate::rule::cluster::tests::cluster(1));
        let absent = vec![Absent { id: NumberId(9), pattern: "4001".into(), standing }];
        create(&cmd, &CreateFacts { now: NOW, place, policy: Policy::default(), absent })
    }

    #[test]
    fn a_number_begins_as_its_line_says() {
        use organization::Kind::{Customer, Intermediate, Provider, Reseller, Site};
        let status = |standing, beginning| {
            let changes = ok(create_with(Site, standing, beginning));
            let [Change::NumberCreated { number }] = &changes[..] else { panic!("{changes:?}") };
            assert_eq!(number.e164_number.as_deref(), Some("+49304001"));
            number.status
        };
        let asked = |status| Beginning { status: Some(status), ..Beginning::default() };
        assert_eq!(status(false, Beginning::default()), Status::Available);
        assert_eq!(status(true, Beginning::default()), Status::Used);
        assert_eq!(status(false, asked(Status::Reserved)), Status::Reserved);
        no(create_with(Site, true, asked(Status::Reserved)), &[("NUMBER_STATUS_ILLEGAL", "status")]);
        no(create_with(Site, false, asked(Status::Used)), &[("NUMBER_STATUS_ILLEGAL", "status")]);
        no(create_with(Site, false, asked(Status::Cooling)), &[("VALUE_REQUIRED", "coolingUntil")]);
        for (kind, sound) in
            [(Provider, true), (Reseller, false), (Customer, true), (Intermediate, false), (Site, true)]
        {
            assert_eq!(create_with(kind, false, Beginning::default()).is_ok(), sound, "{kind:?}");
        }
    }

    #[test]
    fn only_what_is_free_is_deleted() {
        let mut kept = number(Status::Available);
        kept.reserved_for = Some("anna".into());
        let numbers: Vec<_> =
            [Status::Available, Status::Used, Status::UsedUtility, Status::Reserved, Status::Cooling]
                .map(number)
                .into_iter()
                .chain([kept])
                .collect();
        let range =
            Range { cluster: ClusterId(1), partition: String::new(), first: "1".into(), last: "9".into() };
        let facts = |standing: &[&str]| RangeFacts {
            now: NOW,
            cluster: true,
            numbers: numbers.clone(),
            standing: standing.iter().map(|&pattern| pattern.to_owned()).collect(),
        };
        let cmd = Delete { range };
        assert_eq!(ok(delete(&cmd, &facts(&[]))).len(), 1);
        assert!(ok(delete(&cmd, &facts(&["4001"]))).is_empty());
    }

    fn appearance() -> entity::line_appearance::Model {
        entity::line_appearance::Model {
            id: entity::AppearanceId(1),
            line_id: LineId(5),
            device_id: entity::DeviceId(1),
            position: 1,
            role: entity::line_appearance::Role::Original,
            label: None,
            settings: entity::line_appearance::Settings::default(),
            created_at: NOW,
        }
    }

    #[test]
    fn a_number_follows_its_line() {
        let on = || crate::rule::change::On {
            organization_id: OrganizationId(1),
            kind: entity::device::Kind::Profile,
            name: "EM".into(),
        };
        let added = || Change::AppearanceAdded { on: on(), appearance: appearance() };
        let removed = || Change::AppearanceRemoved { on: on(), appearance: appearance() };
        let run = |changes: &[Change], appearances, status, cooling_days| {
            let mut number = number(status);
            number.reserved_for = Some("anna".into());
            follow(changes, &[Standing { line: LineId(5), appearances, number, cooling_days }], NOW)
        };
        assert_eq!(after(&run(&[added()], 0, Status::Available, 0)).status, Status::Used);
        assert!(run(&[added()], 1, Status::Used, 0).is_empty(), "already so");
        assert!(run(&[removed()], 2, Status::Used, 0).is_empty(), "it stands elsewhere");
        let free = run(&[removed()], 1, Status::Used, 0);
        assert_eq!(
            (after(&free).status, after(&free).reserved_for.as_deref()),
            (Status::Available, Some("anna"))
        );
        let cooling = run(&[removed()], 1, Status::Used, 30);
        assert_eq!(after(&cooling).cooling_until, Some(NOW.plus_days(30)));
        assert!(run(&[removed(), added()], 1, Status::Used, 30).is_empty(), "moved within one command");
    }

    #[test]
    fn what_is_due_is_released_and_nothing_else() {
        let mut held = number(Status::Used);
        held.reserved_for = Some("anna".into());
        held.reserved_until = Some(NOW.plus_days(5));
        let all = [number(Status::Cooling), held, number(Status::Reserved)];
        assert!(release(&all, NOW).is_empty());
        assert_eq!(release(&all, NOW.plus_days(5)).len(), 1);
        let changes = release(&all, NOW.plus_days(10));
        assert_eq!(changes.len(), 2);
        assert!(
            matches!(&changes[0], Change::NumberUpdated { after, .. } if after.status == Status::Available)
        );
    }

    #[test]
    fn fields_keep_their_limits() {
        let update = |fields: &str| {
            let cmd = Update { id: NumberId(1), expected_version: Some(1), fields: patch(fields) };
            let facts = OneFacts { now: NOW, current: Some(number(Status::Available)), cooling_days: 0 };
            update(&cmd, &facts)
        };
        ok(update(r#"{"e164_number":"+4930123","extra":{"vendor":"telco"}}"#));
        no(update(r#"{"e164_number":"4930"}"#), &[("VALUE_INVALID", "e164Number")]);
        no(update(r#"{"extra":{" ":""}}"#), &[("VALUE_REQUIRED", "extra")]);
        assert!(ok(update(r#"{"description":"Anna's"}"#)).is_empty());
    }

    #[test]
    fn a_number_that_is_free_is_deleted() {
        let delete = |expected_version: Option<i64>, number: Model, standing: bool| {
            let cmd = DeleteOne { id: NumberId(1), expected_version };
            delete_one(&cmd, &DeleteOneFacts { now: NOW, current: Some(number), standing })
        };
        let kept = Model { reserved_for: Some("anna".to_owned()), ..number(Status::Available) };
        assert_eq!(ok(delete(Some(1), number(Status::Available), false)).len(), 1);
        no(delete(Some(2), number(Status::Available), false), &[("VERSION_CONFLICT", "expectedVersion")]);
        no(delete(None, number(Status::Available), true), &[("NUMBER_NOT_FREE", "id")]);
        no(delete(None, number(Status::Cooling), false), &[("NUMBER_NOT_FREE", "id")]);
        no(delete(None, kept.clone(), false), &[("NUMBER_NOT_FREE", "id")]);
        // From its end on it is kept for nobody, also where nothing has cleared it yet (RSV-7).
        for (until, held) in [(NOW, false), (Moment(NOW.0 + 1), true)] {
            let kept = Model { reserved_until: Some(until), ..kept.clone() };
            assert_eq!(delete(None, kept, false).is_err(), held);
        }
        let cmd = DeleteOne { id: NumberId(1), expected_version: None };
        no(
            delete_one(&cmd, &DeleteOneFacts { now: NOW, current: None, standing: false }),
            &[("NOT_FOUND", "id")],
        );
    }

    #[test]
    fn an_audit_puts_right_what_differs() {
        for (status, standing, days, want) in [
            (Status::Available, true, 0, Status::Used),
            (Status::Reserved, true, 0, Status::Used),
            (Status::Used, false, 0, Status::Available),
            (Status::Used, false, 7, Status::Cooling),
            (Status::Reserved, false, 0, Status::Reserved),
            (Status::UsedUtility, false, 0, Status::UsedUtility),
        ] {
            assert_eq!(mended(&number(status), standing, days, NOW).status, want, "{status:?} {standing}");
        }
    }

    #[test]
    fn new_numbers_keep_to_what_is_set_where_they_are_kept() {
        let place = |kind| {
            let cluster = Some(crate::rule::cluster::tests::cluster(1));
            Place { organization: Some(organization(1, kind, "acme.Berlin")), cluster, serves: true }
        };
        let add = |last: &str, policy: Policy| {
            let range = Range {
                cluster: ClusterId(1),
                partition: String::new(),
                first: "4001".into(),
                last: last.into(),
            };
            let patterns = numbers_of("4001", last).expect("a range");
            let absent = |pattern| Absent { id: NumberId(9), pattern, standing: false };
            let facts = CreateFacts {
                now: NOW,
                place: place(organization::Kind::Site),
                policy,
                absent: patterns.into_iter().map(absent).collect(),
            };
            let (fields, beginning) = (Fields::default(), Beginning::default());
            create(
                &Create {
                    organization: OrganizationId(1),
                    range,
                    fields,
                    e164_prefix: None,
                    beginning,
                    one: false,
                },
                &facts,
            )
        };
        let unique = || Policy {
            off: false,
            customer: Some("acme".into()),
            elsewhere: BTreeSet::from(["4002".to_owned(), "4003".to_owned()]),
        };
        assert_eq!(ok(add("4002", Policy::default())).len(), 2);
        assert_eq!(ok(add("4001", unique())).len(), 1);
        // Each of them is named.
        no(add("4003", unique()), &[("NUMBER_NOT_UNIQUE", "first"), ("NUMBER_NOT_UNIQUE", "first")]);
        no(
            add("4001", Policy { off: true, ..Policy::default() }),
            &[("NUMBER_MANAGEMENT_OFF", "organizationId")],
        );
        let cmd = ReserveFor {
            organization: OrganizationId(1),
            cluster: ClusterId(1),
            partition: String::new(),
            patterns: vec!["4001".into(), "4002".into()],
            user_id: Some("anna".into()),
            until: None,
        };
        let asked = |policy: Policy| {
            let absent = Absent { id: NumberId(9), pattern: "4002".into(), standing: false };
            let numbers = vec![Asked::There(number(Status::Available)), Asked::Absent(absent)];
            reserve_for(
                &cmd,
                &ReserveFacts { now: NOW, place: place(organization::Kind::Site), policy, numbers },
            )
        };
        assert_eq!(ok(asked(Policy::default())).len(), 2);
        no(
            asked(Policy { off: true, ..unique() }),
            &[("NUMBER_NOT_UNIQUE", "patterns.1"), ("NUMBER_MANAGEMENT_OFF", "organizationId")],
        );
    }

    #[test]
    fn a_flag_is_for_one_user_until_it_is_cleared() {
        let reserve = |holder: Option<&str>, user_id: Option<&str>| {
            let mut current = number(Status::Used);
            current.reserved_for = holder.map(str::to_owned);
            let mut place = place(organization::Kind::Site);
            place.cluster = Some(crate::rule::cluster::tests::cluster(1));
            let cmd = ReserveFor {
                organization: OrganizationId(1),
                cluster: ClusterId(1),
                partition: String::new(),
                patterns: vec!["4001".into()],
                user_id: user_id.map(str::to_owned),
                until: None,
            };
            let numbers = vec![Asked::There(current)];
            reserve_for(&cmd, &ReserveFacts { now: NOW, place, policy: Policy::default(), numbers })
        };
        assert_eq!(after(&ok(reserve(None, Some("anna")))).status, Status::Used, "RSV-2");
        no(reserve(Some("anna"), Some("ben")), &[("NUMBER_RESERVED_FOR_OTHER_USER", "patterns.0")]);
        assert_eq!(after(&ok(reserve(Some("anna"), None))).reserved_for, None);
        no(reserve(None, Some("Anna B")), &[("USER_ID_INVALID", "userId")]);
    }
}
