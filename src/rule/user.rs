//! Users and their profiles: who is first, which profile is the default, what becomes of profiles that nobody
//! else uses (USR-*, FLT-2).

use std::collections::BTreeSet;

use entity::{
    ClusterId, DeviceId, Moment, OrganizationId, UserId, device, line_appearance::Role, phone, profile,
    profile_user, user::Model,
};
use serde::{Deserialize, Serialize};

use super::{
    Broken, Change, Decision, Patch, Rule, check_repeats, check_version,
    cluster::Place,
    device::Owner,
    line::Placed,
    patched,
    profile::{self as profile_rule, check_users, without_default},
    value,
};

/// What is given at creation and may be updated.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub first_name: String,
    pub last_name: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub department: Option<String>,
    pub user_locale: Option<String>,
    pub max_login_minutes: Option<i32>,
    pub cross_cluster: bool,
    pub home_cluster: bool,
    pub primary_pattern: Option<String>,
    pub primary_partition: Option<String>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            first_name: String::new(),
            last_name: String::new(),
            display_name: None,
            email: None,
            department: None,
            user_locale: None,
            max_login_minutes: None,
            cross_cluster: false,
            home_cluster: true,
            primary_pattern: None,
            primary_partition: None,
        }
    }
}

/// Makes a user, with new profiles and ones that are there.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub organization: OrganizationId,
    pub cluster: ClusterId,
    pub user_id: String,
    pub fields: Patch<Fields>,
    pub phones: Vec<DeviceId>,
    pub cti_profiles: Vec<DeviceId>,
    /// Profiles that are there, in this order.
    pub profiles: Vec<DeviceId>,
    /// Profiles to make; their user is the new one.
    pub new_profiles: Vec<profile_rule::Create>,
    /// Which of the user's profiles, by its place in `profiles` and then `new_profiles`, is the default.
    pub default_profile: Option<usize>,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: UserId,
    pub now: Moment,
    pub place: Place,
    pub taken: bool,
    pub devices: Devices,
    /// In the order of the command, with the number of users that each has.
    pub profiles: Vec<Option<(profile::Model, i32)>>,
    pub new_profiles: Vec<profile_rule::CreateFacts>,
}

/// The phones and CTI profiles that a command names, in its order.
#[derive(Default)]
pub struct Devices {
    pub phones: Vec<Option<phone::Model>>,
    pub cti_profiles: Vec<Option<profile::Model>>,
    /// The numbers on the user's phones and profiles.
    pub numbers: BTreeSet<(String, String)>,
}

/// Updates what was sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: UserId,
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
    /// The whole new list, when sent.
    pub phones: Option<Vec<DeviceId>>,
    pub cti_profiles: Option<Vec<DeviceId>>,
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
    pub old_phones: Vec<DeviceId>,
    pub old_cti_profiles: Vec<DeviceId>,
    pub devices: Devices,
}

/// What becomes of profiles that nobody else uses (USR-14).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum SoleProfiles {
    Delete,
    KeepUnassigned,
}

/// Deletes a user.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: UserId,
    pub expected_version: Option<i64>,
    pub sole_profiles: Option<SoleProfiles>,
}

/// What [`delete`] must know.
pub struct DeleteFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// Each association, its profile, and what deleting the profile must know where nobody else uses it.
    pub profiles: Vec<(profile_user::Model, profile::Model, Option<profile_rule::DeleteFacts>)>,
    pub phones: Vec<DeviceId>,
    pub cti_profiles: Vec<DeviceId>,
    /// Phones that the user owns.
    pub owned: Vec<phone::Model>,
    /// Profiles whose login user it is.
    pub login_of: Vec<profile::Model>,
}

/// Adds users behind those that a profile has.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Associate {
    pub profile: DeviceId,
    /// Version of the profile.
    pub expected_version: Option<i64>,
    pub users: Vec<UserId>,
}

/// What [`associate`], [`disassociate`] and [`reorder`] must know.
pub struct AssociationFacts {
    pub now: Moment,
    pub profile: Option<profile::Model>,
    /// The profile's users in order.
    pub current: Vec<(profile_user::Model, Model)>,
    /// The users that the command names, in its order.
    pub named: Vec<Option<Model>>,
}

/// Takes a user off a profile.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Disassociate {
    pub profile: DeviceId,
    pub expected_version: Option<i64>,
    pub user: UserId,
}

/// Puts the users of a profile in another order.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Reorder {
    pub profile: DeviceId,
    pub expected_version: Option<i64>,
    pub users: Vec<UserId>,
}

/// Chooses a user's default profile, or none.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SetDefault {
    pub user: UserId,
    pub expected_version: Option<i64>,
    pub profile: Option<DeviceId>,
}

/// What [`set_default`] must know.
pub struct DefaultFacts {
    pub now: Moment,
    pub current: Option<Model>,
    pub profile: Option<profile::Model>,
    pub associated: bool,
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    facts.place.check(&mut broken, cmd.organization, cmd.cluster);
    broken.take(value::user_id(&cmd.user_id), "userId");
    broken.when(facts.taken, || Rule::UserIdTaken { user_id: cmd.user_id.clone() }, "userId");
    let fields = patched(&mut broken, &cmd.fields, &Fields::default(), "");
    check_fields(&mut broken, &fields);
    check_devices(&mut broken, &facts.devices, Some(&cmd.phones), Some(&cmd.cti_profiles), cmd.cluster);
    check_repeats(&mut broken, &cmd.profiles, "profileIds");
    for (at, (id, known)) in cmd.profiles.iter().zip(&facts.profiles).enumerate() {
        check_profile(&mut broken, *id, known.as_ref().map(|(p, _)| p), cmd, &format!("profileIds.{at}"));
    }
    let mut made = Vec::new();
    let mut numbers = facts.devices.numbers.clone();
    for (at, (new, known)) in cmd.new_profiles.iter().zip(&facts.new_profiles).enumerate() {
        let mut known = known_after(&made, new, known);
        known.newcomer = Some(cmd.user_id.clone());
        match profile_rule::create(new, &known) {
            Ok(changes) => {
                numbers.extend(numbers_of(new, &known));
                made.extend(changes);
                made.push(Change::UserAssociated {
                    organization_id: new.organization,
                    association: profile_user::Model {
                        profile_id: known.id,
                        user_id: facts.id,
                        position: i32::try_from(new.users.len()).unwrap_or(i32::MAX) + 1,
                    },
                });
            }
            Err(part) => broken.nest(part, &format!("newProfiles.{at}")),
        }
    }
    check_primary(&mut broken, &fields, &numbers);
    let own: Vec<_> =
        cmd.profiles.iter().copied().chain(facts.new_profiles.iter().map(|profile| profile.id)).collect();
    let default = cmd.default_profile.map(|at| own.get(at).copied());
    broken.when(
        default == Some(None),
        || Rule::DefaultProfileNotAssociated { profile: "the default profile".to_owned() },
        "defaultProfile",
    );
    broken.or(|| {
        let user = Model {
            id: facts.id,
            cluster_id: cmd.cluster,
            organization_id: cmd.organization,
            user_id: cmd.user_id.clone(),
            name_key: name_key(&fields),
            first_name: fields.first_name,
            last_name: fields.last_name,
            display_name: fields.display_name,
            email: fields.email,
            department: fields.department,
            user_locale: fields.user_locale,
            max_login_minutes: fields.max_login_minutes,
            cross_cluster: fields.cross_cluster,
            home_cluster: fields.home_cluster,
            primary_pattern: fields.primary_pattern,
            primary_partition: fields.primary_partition,
            default_profile_id: None,
            version: 1,
            created_at: facts.now,
            updated_at: facts.now,
        };
        let mut changes = vec![Change::UserCreated { user: user.clone() }];
        let known = facts.profiles.iter().flatten();
        changes.extend(known.map(|(profile, users)| Change::UserAssociated {
            organization_id: profile.organization_id,
            association: profile_user::Model {
                profile_id: profile.id,
                user_id: facts.id,
                position: users + 1,
            },
        }));
        changes.extend(made);
        changes.extend(lists(&user, (&[], &cmd.phones), (&[], &cmd.cti_profiles)));
        // Last, as the default must be a profile that is there and the user's by then.
        if let Some(profile) = default.flatten() {
            changes.push(with_default(&user, Some(profile), facts.now));
        }
        changes
    })
}

/// Decides [`Update`].
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let before = Fields {
        first_name: current.first_name.clone(),
        last_name: current.last_name.clone(),
        display_name: current.display_name.clone(),
        email: current.email.clone(),
        department: current.department.clone(),
        user_locale: current.user_locale.clone(),
        max_login_minutes: current.max_login_minutes,
        cross_cluster: current.cross_cluster,
        home_cluster: current.home_cluster,
        primary_pattern: current.primary_pattern.clone(),
        primary_partition: current.primary_partition.clone(),
    };
    let fields = patched(&mut broken, &cmd.fields, &before, "");
    check_fields(&mut broken, &fields);
    if cmd.fields.has("primary_pattern") {
        check_primary(&mut broken, &fields, &facts.devices.numbers);
    }
    check_devices(
        &mut broken,
        &facts.devices,
        cmd.phones.as_deref(),
        cmd.cti_profiles.as_deref(),
        current.cluster_id,
    );
    broken.or(|| {
        let mut changes = Vec::new();
        if fields != before {
            let after = Model {
                name_key: name_key(&fields),
                first_name: fields.first_name,
                last_name: fields.last_name,
                display_name: fields.display_name,
                email: fields.email,
                department: fields.department,
                user_locale: fields.user_locale,
                max_login_minutes: fields.max_login_minutes,
                cross_cluster: fields.cross_cluster,
                home_cluster: fields.home_cluster,
                primary_pattern: fields.primary_pattern,
                primary_partition: fields.primary_partition,
                version: current.version + 1,
                updated_at: facts.now,
                ..current.clone()
            };
            changes.push(Change::UserUpdated { before: current.clone(), after });
        }
        changes.extend(lists(
            current,
            (&facts.old_phones, cmd.phones.as_ref().unwrap_or(&facts.old_phones)),
            (&facts.old_cti_profiles, cmd.cti_profiles.as_ref().unwrap_or(&facts.old_cti_profiles)),
        ));
        changes
    })
}

/// Decides [`Delete`]: a profile with other users only loses this one; for one without, the caller decides.
pub fn delete(cmd: &Delete, facts: &DeleteFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let sole: Vec<_> = facts.profiles.iter().filter(|(_, _, sole)| sole.is_some()).collect();
    if cmd.sole_profiles.is_none() && !sole.is_empty() {
        let names: Vec<_> = sole.iter().map(|(_, profile, _)| profile.name.as_str()).collect();
        broken.add(Rule::UserProfilesUndecided { profiles: names.join(", ") }, "soleProfiles");
    }
    let mut changes = Vec::new();
    if current.default_profile_id.is_some() {
        changes.push(without_default(current, facts.now));
    }
    changes.extend(lists(current, (&facts.phones, &[]), (&facts.cti_profiles, &[])));
    for phone in &facts.owned {
        let after = phone::Model {
            owner_id: None,
            version: phone.version + 1,
            updated_at: facts.now,
            ..phone.clone()
        };
        changes.push(Change::PhoneUpdated { before: phone.clone(), after });
    }
    for profile in &facts.login_of {
        let after = profile::Model {
            login_user_id: None,
            version: profile.version + 1,
            updated_at: facts.now,
            ..profile.clone()
        };
        changes.push(Change::ProfileUpdated { before: profile.clone(), after });
    }
    let going: BTreeSet<_> = match cmd.sole_profiles {
        Some(SoleProfiles::Delete) => sole.iter().map(|(_, profile, _)| profile.id).collect(),
        Some(SoleProfiles::KeepUnassigned) | None => BTreeSet::new(),
    };
    for (association, profile, alone) in &facts.profiles {
        changes.push(Change::UserDisassociated {
            organization_id: profile.organization_id,
            association: association.clone(),
        });
        if let (Some(SoleProfiles::Delete), Some(alone)) = (cmd.sole_profiles, alone) {
            let command =
                profile_rule::Delete { id: profile.id, expected_version: None, release_logout_phones: false };
            match profile_rule::delete(&command, &staying(alone, &going)) {
                Ok(more) => changes.extend(more),
                Err(part) => part.0.into_iter().for_each(|breach| broken.add(breach.rule, "soleProfiles")),
            }
        }
    }
    broken.or(|| {
        changes.push(Change::UserDeleted { user: current.clone() });
        changes
    })
}

/// The facts without the appearances on other profiles that go as well: none of them is promoted (CLN-6).
fn staying(alone: &profile_rule::DeleteFacts, going: &BTreeSet<DeviceId>) -> profile_rule::DeleteFacts {
    let mut alone = alone.clone();
    for (placed, all) in &mut alone.lines {
        let own = placed.appearance.id;
        all.retain(|other| other.appearance.id == own || !going.contains(&other.appearance.device_id));
    }
    alone
}

/// Decides [`Associate`].
pub fn associate(cmd: &Associate, facts: &AssociationFacts) -> Decision {
    let Some(profile) = &facts.profile else { return Err(Broken::one(no_profile(cmd.profile), "profileId")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, profile.version);
    check_users(&mut broken, &cmd.users, &facts.named, profile.cluster_id, "userIds");
    for (at, user) in facts.named.iter().enumerate() {
        let Some(user) = user else { continue };
        broken.when(
            facts.current.iter().any(|(association, _)| association.user_id == user.id),
            || Rule::UserAlreadyAssociated { user_id: user.user_id.clone() },
            &format!("userIds.{at}"),
        );
    }
    broken.or(|| {
        let next = i32::try_from(facts.current.len()).unwrap_or(i32::MAX) + 1;
        let associated = |(&user_id, position)| Change::UserAssociated {
            organization_id: profile.organization_id,
            association: profile_user::Model { profile_id: profile.id, user_id, position },
        };
        cmd.users.iter().zip(next..).map(associated).collect()
    })
}

/// Decides [`Disassociate`]: the users behind move up, and a default that is no longer the user's is cleared.
pub fn disassociate(cmd: &Disassociate, facts: &AssociationFacts) -> Decision {
    let Some(profile) = &facts.profile else { return Err(Broken::one(no_profile(cmd.profile), "profileId")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, profile.version);
    let named = facts.named.first().and_then(Option::as_ref);
    let found = facts.current.iter().find(|(association, _)| association.user_id == cmd.user);
    match (named, found) {
        (None, _) => broken.add(not_found(cmd.user), "userId"),
        (Some(user), None) => {
            broken.add(Rule::UserNotAssociated { user_id: user.user_id.clone() }, "userId");
        }
        (Some(_), Some(_)) => {}
    }
    broken.or(|| {
        let Some((association, user)) = found else { return Vec::new() };
        let cleared = (user.default_profile_id == Some(profile.id)).then(|| without_default(user, facts.now));
        let gone = Change::UserDisassociated {
            organization_id: profile.organization_id,
            association: association.clone(),
        };
        cleared.into_iter().chain([gone]).collect()
    })
}

/// Decides [`Reorder`].
pub fn reorder(cmd: &Reorder, facts: &AssociationFacts) -> Decision {
    let Some(profile) = &facts.profile else { return Err(Broken::one(no_profile(cmd.profile), "profileId")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, profile.version);
    check_repeats(&mut broken, &cmd.users, "userIds");
    let before: Vec<_> = facts.current.iter().map(|(association, _)| association.user_id).collect();
    for (at, (id, user)) in cmd.users.iter().zip(&facts.named).enumerate() {
        let path = format!("userIds.{at}");
        match user {
            None => broken.add(not_found(*id), path),
            Some(user) => broken.when(
                !before.contains(id),
                || Rule::UserNotAssociated { user_id: user.user_id.clone() },
                &path,
            ),
        }
    }
    let missing = before.iter().filter(|id| !cmd.users.contains(id)).count();
    broken.when(missing > 0, || Rule::UserOrderIncomplete { missing }, "userIds");
    broken.or(|| {
        if before == cmd.users {
            return Vec::new();
        }
        vec![Change::UsersReordered {
            organization_id: profile.organization_id,
            profile_id: profile.id,
            before,
            after: cmd.users.clone(),
        }]
    })
}

/// Decides [`SetDefault`] (USR-8).
pub fn set_default(cmd: &SetDefault, facts: &DefaultFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.user), "userId")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    if let Some(id) = cmd.profile {
        match &facts.profile {
            None => broken.add(no_profile(id), "profileId"),
            Some(profile) => broken.when(
                !facts.associated,
                || Rule::DefaultProfileNotAssociated { profile: profile.name.clone() },
                "profileId",
            ),
        }
    }
    broken.or(|| {
        if current.default_profile_id == cmd.profile {
            return Vec::new();
        }
        vec![with_default(current, cmd.profile, facts.now)]
    })
}

fn with_default(user: &Model, profile: Option<DeviceId>, now: Moment) -> Change {
    let after =
        Model { default_profile_id: profile, version: user.version + 1, updated_at: now, ..user.clone() };
    Change::UserUpdated { before: user.clone(), after }
}

/// Last, first and display name in lower case, for sorting and search.
fn name_key(fields: &Fields) -> String {
    let display = fields.display_name.as_deref().unwrap_or_default();
    value::key(format!("{} {} {display}", fields.last_name, fields.first_name).trim_end())
}

fn lists(user: &Model, phones: (&[DeviceId], &[DeviceId]), cti: (&[DeviceId], &[DeviceId])) -> Vec<Change> {
    let sorted = |list: &[DeviceId]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list
    };
    let mut changes = Vec::new();
    let (before, after) = (sorted(phones.0), sorted(phones.1));
    if before != after {
        changes.push(Change::UserPhonesChanged {
            organization_id: user.organization_id,
            user_id: user.id,
            before,
            after,
        });
    }
    let (before, after) = (sorted(cti.0), sorted(cti.1));
    if before != after {
        changes.push(Change::UserCtiProfilesChanged {
            organization_id: user.organization_id,
            user_id: user.id,
            before,
            after,
        });
    }
    changes
}

fn check_fields(broken: &mut Broken, fields: &Fields) {
    value::required(broken, "The last name", &fields.last_name, 64, "lastName");
    value::text(broken, "The first name", &fields.first_name, 64, "firstName");
    for (what, text, most, path) in [
        ("The display name", &fields.display_name, 64, "displayName"),
        ("The email address", &fields.email, 255, "email"),
        ("The department", &fields.department, 64, "department"),
        ("The user locale", &fields.user_locale, 64, "userLocale"),
    ] {
        value::text_or_none(broken, what, text.as_deref(), most, path);
    }
    if let Some(email) = fields.email.as_deref() {
        let sound = email
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !email.contains(' '));
        broken.when(
            !sound,
            || Rule::ValueInvalid {
                what: "The email address".to_owned(),
                want: "it is name@host".to_owned(),
            },
            "email",
        );
    }
    value::range(broken, "maxLoginMinutes", fields.max_login_minutes, 0, 10_080, "maxLoginMinutes");
}

fn check_primary(broken: &mut Broken, fields: &Fields, numbers: &BTreeSet<(String, String)>) {
    let Some(pattern) = &fields.primary_pattern else { return };
    let number = (pattern.clone(), fields.primary_partition.clone().unwrap_or_default());
    broken.when(
        !numbers.contains(&number),
        || Rule::PrimaryExtensionNotOwn { pattern: pattern.clone() },
        "primaryExtension",
    );
}

fn check_devices(
    broken: &mut Broken,
    devices: &Devices,
    phones: Option<&[DeviceId]>,
    cti: Option<&[DeviceId]>,
    cluster: ClusterId,
) {
    let phones = phones.unwrap_or_default();
    check_repeats(broken, phones, "phoneIds");
    for (at, (id, known)) in phones.iter().zip(&devices.phones).enumerate() {
        let there = known.as_ref().is_some_and(|phone| phone.cluster_id == cluster);
        broken.when(
            !there,
            || Rule::NotFound { noun: "phone", id: id.to_string() },
            &format!("phoneIds.{at}"),
        );
    }
    let cti = cti.unwrap_or_default();
    check_repeats(broken, cti, "ctiProfileIds");
    for (at, (id, known)) in cti.iter().zip(&devices.cti_profiles).enumerate() {
        let there = known.as_ref().is_some_and(|profile| profile.cluster_id == cluster);
        broken.when(!there, || no_profile(*id), &format!("ctiProfileIds.{at}"));
    }
}

fn check_profile(
    broken: &mut Broken,
    id: DeviceId,
    known: Option<&profile::Model>,
    cmd: &Create,
    path: &str,
) {
    match known {
        None => broken.add(no_profile(id), path),
        Some(profile) => broken.when(
            profile.cluster_id != cmd.cluster,
            || Rule::UserOnOtherCluster { user_id: cmd.user_id.clone() },
            path,
        ),
    }
}

/// What is known of a profile to make once those before it are made: their names are taken, and their lines are
/// there to be shared.
fn known_after(
    made: &[Change],
    new: &profile_rule::Create,
    known: &profile_rule::CreateFacts,
) -> profile_rule::CreateFacts {
    use super::line::Reference;
    let mut known = known.clone();
    for change in made {
        match change {
            Change::ProfileCreated { profile } if profile.name_key == value::key(&new.name) => {
                known.owner = Some(Owner { kind: device::Kind::Profile, visible: true });
            }
            Change::LineCreated { line } => {
                let number =
                    Reference::Number { pattern: line.pattern.clone(), partition: line.partition.clone() };
                let same = new.lines.iter().zip(&mut known.lines).filter(|(new, _)| new.line == number);
                same.for_each(|(_, facts)| facts.line = Some(line.clone()));
            }
            Change::LineUpdated { after, .. } => {
                let lines = known.lines.iter_mut().filter_map(|facts| facts.line.as_mut());
                lines.filter(|line| line.id == after.id).for_each(|line| line.clone_from(after));
            }
            Change::AppearanceAdded { on, appearance } if appearance.role == Role::Original => {
                let here = known
                    .lines
                    .iter_mut()
                    .filter(|facts| facts.line.as_ref().is_some_and(|line| line.id == appearance.line_id));
                here.for_each(|facts| {
                    let appearance = appearance.clone();
                    facts.original = Some(Placed { appearance, on: on.clone(), visible: true });
                });
            }
            _ => {}
        }
    }
    known
}

fn numbers_of(new: &profile_rule::Create, known: &profile_rule::CreateFacts) -> Vec<(String, String)> {
    use super::line::Reference;
    let number =
        |(new, known): (&super::line::NewLine, &super::line::NewLineFacts)| match (&known.line, &new.line) {
            (Some(line), _) => Some((line.pattern.clone(), line.partition.clone())),
            (None, Reference::Number { pattern, partition }) => Some((pattern.clone(), partition.clone())),
            (None, Reference::Line(_)) => None,
        };
    new.lines.iter().zip(&known.lines).filter_map(number).collect()
}

fn not_found(id: UserId) -> Rule {
    Rule::NotFound { noun: "user", id: id.to_string() }
}

fn no_profile(id: DeviceId) -> Rule {
    Rule::NotFound { noun: "profile", id: id.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{
        profile::tests::{place, profile, user},
        tests_support::{no, ok, patch},
    };

    fn make(user_id: &str, fields: &str, taken: bool) -> Decision {
        create(
            &Create {
                organization: OrganizationId(4),
                cluster: ClusterId(2),
                user_id: user_id.into(),
                fields: patch(fields),
                phones: Vec::new(),
                cti_profiles: Vec::new(),
                profiles: vec![DeviceId(10)],
                new_profiles: Vec::new(),
                default_profile: Some(0),
            },
            &CreateFacts {
                id: UserId(30),
                now: Moment(1),
                place: place(),
                taken,
                devices: Devices::default(),
                profiles: vec![Some((profile("{}"), 2))],
                new_profiles: Vec::new(),
            },
        )
    }

    #[test]
    fn a_new_user_stands_behind_the_profiles_users_and_may_have_it_as_default() {
        let changes = ok(make("anna", r#"{"last_name":"Berg"}"#, false));
        assert!(
            matches!(&changes[1], Change::UserAssociated { association, .. } if association.position == 3)
        );
        assert!(
            matches!(&changes[2], Change::UserUpdated { after, .. } if after.default_profile_id == Some(DeviceId(10)))
        );
    }

    #[test]
    fn every_fault_of_a_new_user_is_told_at_once() {
        no(
            make("Anna", r#"{"email":"x","max_login_minutes":-1,"primary_pattern":"77"}"#, true),
            &[
                ("USER_ID_INVALID", "userId"),
                ("USER_ID_TAKEN", "userId"),
                ("VALUE_REQUIRED", "lastName"),
                ("VALUE_INVALID", "email"),
                ("VALUE_OUT_OF_RANGE", "maxLoginMinutes"),
                ("PRIMARY_EXTENSION_NOT_OWN", "primaryExtension"),
            ],
        );
    }

    fn facts(users: &[i64], named: Vec<Option<Model>>) -> AssociationFacts {
        let association = |(&id, position): (&i64, i32)| {
            let association = profile_user::Model { profile_id: DeviceId(10), user_id: UserId(id), position };
            (association, Model { default_profile_id: Some(DeviceId(10)), ..user(id) })
        };
        AssociationFacts {
            now: Moment(1),
            profile: Some(profile("{}")),
            current: users.iter().zip(1..).map(association).collect(),
            named,
        }
    }

    fn ids(ids: &[i64]) -> Vec<UserId> {
        ids.iter().copied().map(UserId).collect()
    }

    #[test]
    fn a_user_is_associated_once_and_behind_the_others() {
        let associate = |users: &[i64]| {
            let named = users.iter().map(|&id| Some(user(id))).collect();
            let cmd = Associate { profile: DeviceId(10), expected_version: None, users: ids(users) };
            associate(&cmd, &facts(&[1, 2], named))
        };
        assert!(
            matches!(&ok(associate(&[3]))[..], [Change::UserAssociated { association, .. }] if association.position == 3)
        );
        no(associate(&[3, 2]), &[("USER_ALREADY_ASSOCIATED", "userIds.1")]);
        no(associate(&[3, 3]), &[("VALUE_REPEATED", "userIds.1")]);
    }

    #[test]
    fn who_is_taken_off_loses_the_default() {
        let disassociate = |id| {
            let cmd = Disassociate { profile: DeviceId(10), expected_version: None, user: UserId(id) };
            disassociate(&cmd, &facts(&[1, 2], vec![Some(user(id))]))
        };
        let kinds: Vec<_> = ok(disassociate(1)).iter().map(|c| c.kind().as_str()).collect();
        assert_eq!(kinds, ["UserUpdated", "UserDisassociated"]);
        no(disassociate(5), &[("USER_NOT_ASSOCIATED", "userId")]);
    }

    #[test]
    fn an_order_names_every_user_once() {
        let reorder = |users: &[i64]| {
            let named = users.iter().map(|&id| Some(user(id))).collect();
            let cmd = Reorder { profile: DeviceId(10), expected_version: None, users: ids(users) };
            reorder(&cmd, &facts(&[1, 2, 3], named))
        };
        assert_eq!(ok(reorder(&[3, 1, 2])).len(), 1);
        assert!(ok(reorder(&[1, 2, 3])).is_empty());
        no(reorder(&[3, 1]), &[("USER_ORDER_INCOMPLETE", "userIds")]);
        no(reorder(&[3, 1, 2, 9]), &[("USER_NOT_ASSOCIATED", "userIds.3")]);
        no(reorder(&[3, 1, 1]), &[("VALUE_REPEATED", "userIds.2"), ("USER_ORDER_INCOMPLETE", "userIds")]);
    }

    #[test]
    fn a_default_is_one_of_the_users_profiles() {
        let set = |associated| {
            set_default(
                &SetDefault { user: UserId(1), expected_version: None, profile: Some(DeviceId(10)) },
                &DefaultFacts {
                    now: Moment(1),
                    current: Some(user(1)),
                    profile: Some(profile("{}")),
                    associated,
                },
            )
        };
        ok(set(true));
        no(set(false), &[("DEFAULT_PROFILE_NOT_ASSOCIATED", "profileId")]);
    }

    #[test]
    fn deleting_the_only_user_of_a_profile_wants_a_decision() {
        let association = profile_user::Model { profile_id: DeviceId(10), user_id: UserId(1), position: 1 };
        let delete = |alone: bool, sole_profiles| {
            let sole = alone.then(|| profile_rule::DeleteFacts {
                now: Moment(1),
                current: Some(profile("{}")),
                lines: Vec::new(),
                users: Vec::new(),
                defaults: Vec::new(),
                cti: Vec::new(),
                logout_phones: Vec::new(),
                buttons: Vec::new(),
                subscriptions: Vec::new(),
            });
            let kinds = |changes: Vec<Change>| -> Vec<_> {
                changes.iter().map(|change| change.kind().as_str()).collect()
            };
            delete(
                &Delete { id: UserId(1), expected_version: None, sole_profiles },
                &DeleteFacts {
                    now: Moment(1),
                    current: Some(user(1)),
                    profiles: vec![(association.clone(), profile("{}"), sole)],
                    phones: Vec::new(),
                    cti_profiles: Vec::new(),
                    owned: Vec::new(),
                    login_of: Vec::new(),
                },
            )
            .map(kinds)
        };
        assert!(delete(true, None).is_err());
        assert_eq!(
            delete(true, Some(SoleProfiles::Delete)).expect("decided"),
            ["UserDisassociated", "ProfileDeleted", "UserDeleted"]
        );
        for (alone, choice) in [(true, Some(SoleProfiles::KeepUnassigned)), (false, None)] {
            assert_eq!(delete(alone, choice).expect("decided"), ["UserDisassociated", "UserDeleted"]);
        }
    }
}
