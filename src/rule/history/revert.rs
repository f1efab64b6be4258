//! Taking a change back: the command whose input is derived from it. That command keeps the same rules as when somebody
//! else gives it, so nothing comes back that may not be.

use entity::{
    ClusterId, DefaultDeviceProfileId, DeviceId, LineId, Moment, OrganizationId, QuickAddId, TemplateId,
    UserId, change_subject::Noun, cluster as cluster_entity, default_device_profile as default_entity,
    line_appearance, number, organization as organization_entity, profile_user,
    quick_add as quick_add_entity, role::Rights, service as service_entity, template as template_entity,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{
    fields, object, service as service_back,
    service_subscription::{self as subscription_back, Again, Back},
    sides,
};
use crate::rule::{
    Change, Patch, Rule,
    button::{self, again},
    cluster, default_device_profile, device,
    line::{self as line_rule, AppearanceSettings},
    number as number_rule, organization, phone as phone_rule, profile,
    quick_add::{self, fields_of},
    service, service_subscription,
    session::{ApplyPolicy, OnActiveSession},
    template, user as user_rule,
};

/// Takes a change back.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Revert {
    /// The number of the change.
    pub change: i64,
    /// What the caller may do.
    #[serde(skip)]
    pub own: Rights,
}

/// What takes a change back.
#[derive(Debug)]
pub enum Opposite {
    UpdateProfile(profile::Update),
    DeleteProfile(profile::Delete),
    RestoreProfile(DeviceId),
    UpdatePhone(phone_rule::Update),
    DeletePhone(phone_rule::Delete),
    /// With the id that it had, and the version that it ended at; so the next two.
    MakePhone(phone_rule::Create, DeviceId, i64),
    UpdateLine(line_rule::Update),
    DeleteLine(line_rule::Delete),
    MakeLine(line_rule::Create, LineId, i64),
    /// Settings of a line's appearances, through whichever is the original now.
    ChangeLine(LineId, Patch<AppearanceSettings>),
    PutLine(Box<line_appearance::Model>),
    TakeLine(line_rule::Remove),
    LayLine(line_rule::Lay),
    UpdateUser(user_rule::Update),
    SetDefault(user_rule::SetDefault),
    DeleteUser(user_rule::Delete),
    MakeUser(user_rule::Create, UserId, i64),
    Associate(profile_user::Model),
    Disassociate(user_rule::Disassociate),
    Reorder(user_rule::Reorder),
    AddButton(button::Add),
    UpdateButton(button::Update),
    MoveButton(button::Move),
    RemoveButton(button::Remove),
    UpdateNumber(number_rule::Update),
    ChangeNumberStatus(number_rule::ChangeStatus),
    ReserveNumber(number_rule::ReserveFor),
    DeleteNumber(number_rule::DeleteOne),
    MakeNumber(number_rule::Create),
    RegisterDevice(device::Register, DeviceId),
    ReleaseDevice(device::Release),
    Unsubscribe(service_subscription::Unsubscribe),
    TakeBackSubscription(Back),
    SubscribeAgain(Box<Again>),
    Configure(Configure),
}

/// What takes back a change of organizations, clusters, templates, phone services, Quick Add groups and default device
/// profiles, which needs a right of its own.
#[derive(Debug)]
pub enum Configure {
    UpdateOrganization(organization::Update),
    RenameOrganization(organization::Rename),
    MoveOrganization(organization::Move),
    DeleteOrganization(organization::Delete),
    /// With the id that it had, and the version that it ended at; so the next ones.
    MakeOrganization(organization::Create, OrganizationId, i64),
    UpdateCluster(cluster::Update),
    DeleteCluster(cluster::Delete),
    MakeCluster(cluster::Create, ClusterId, i64),
    UpdateTemplate(template::Update),
    DeleteTemplate(template::Delete),
    MakeTemplate(template::Create, TemplateId, i64),
    UpdateService(service::Update),
    DeleteService(service::Delete),
    /// As it was, with the ids of its parameters.
    MakeService(service::Create, Box<service_entity::Model>),
    /// With the id that it had.
    AddParameter(service::AddParameter, i64),
    ChangeParameter(service::ChangeParameter),
    RemoveParameter(service::RemoveParameter),
    UpdateQuickAdd(quick_add::Update),
    DeleteQuickAdd(quick_add::Delete),
    MakeQuickAdd(quick_add::Create, QuickAddId, i64),
    UpdateDefault(default_device_profile::Update),
    DeleteDefault(default_device_profile::Delete),
    MakeDefault(default_device_profile::Create, DefaultDeviceProfileId, i64),
}

/// What later changes touched of what this one did; each with whether it was made together with this one.
pub fn superseded(change: &Change, later: &[(bool, Change)]) -> Vec<String> {
    let Some(subject) = change.subjects().into_iter().next() else { return Vec::new() };
    let made = sides(change).before.is_none();
    let own: Vec<_> = fields(change).into_iter().map(|field| field.field).collect();
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    for (together, later) in later {
        // What a thing was made with goes along with it.
        if made && *together {
            continue;
        }
        match (change, later) {
            // An association is of two, and another user's is no matter of this one's.
            (
                Change::UserAssociated { association: own, .. }
                | Change::UserDisassociated { association: own, .. },
                Change::UserAssociated { association, .. } | Change::UserDisassociated { association, .. },
            ) if own.user_id == association.user_id => add("users".to_owned()),
            (Change::UserAssociated { .. } | Change::UserDisassociated { .. }, _) => {}
            (
                Change::UsersReordered { .. },
                Change::UsersReordered { .. }
                | Change::UserAssociated { .. }
                | Change::UserDisassociated { .. },
            ) => add("users".to_owned()),
            _ if later.subjects().first() == Some(&subject) => {
                let touched = fields(later).into_iter().map(|field| field.field);
                let touched = touched.filter(|name| made || own.contains(name));
                touched.for_each(&mut add);
            }
            // What was put on a thing since it was made would go along with it.
            _ if made && later.subjects().contains(&subject) => {
                add(part(later.subjects().first()).to_owned());
            }
            _ => {}
        }
    }
    names
}

/// What a thing has of this noun.
fn part(subject: Option<&(Noun, i64)>) -> &'static str {
    match subject.map(|(noun, _)| noun) {
        Some(Noun::Appearance | Noun::Line) => "lines",
        Some(Noun::Button) => "buttons",
        Some(Noun::User | Noun::Profile) => "users",
        Some(Noun::ServiceSubscription) => "subscriptions",
        Some(
            Noun::Organization
            | Noun::Cluster
            | Noun::Device
            | Noun::Phone
            | Noun::Template
            | Noun::Session
            | Noun::DefaultDeviceProfile
            | Noun::Service
            | Noun::Number
            | Noun::QuickAddGroup
            | Noun::Role
            | Noun::Job,
        )
        | None => "what belongs to it",
    }
}

/// What takes a change back. `beside` is what was done together with it; only what [`needs_beside`] asks for it.
pub fn opposite(change: &Change, beside: &[Change], now: Moment) -> Result<Opposite, Rule> {
    let expected_version = None;
    Ok(match change {
        Change::ProfileCreated { profile } => Opposite::DeleteProfile(profile::Delete {
            id: profile.id,
            expected_version,
            release_logout_phones: false,
            on_active_session: OnActiveSession::default(),
        }),
        Change::ProfileUpdated { before, after } => Opposite::UpdateProfile(profile::Update {
            id: after.id,
            expected_version,
            fields: back(before, after),
            settings: back(&before.settings, &after.settings),
            apply_policy: ApplyPolicy::default(),
        }),
        Change::ProfileDeleted { profile } => Opposite::RestoreProfile(profile.id),
        Change::PhoneCreated { phone } => Opposite::DeletePhone(phone_rule::Delete {
            id: phone.id,
            expected_version,
            on_active_session: OnActiveSession::default(),
        }),
        Change::PhoneUpdated { before, after } => Opposite::UpdatePhone(phone_rule::Update {
            id: after.id,
            expected_version,
            fields: back(before, after),
            on_active_session: OnActiveSession::default(),
        }),
        Change::PhoneDeleted { phone } => Opposite::MakePhone(
            phone_rule::Create {
                organization: phone.organization_id,
                cluster: phone.cluster_id,
                name: phone.name.clone(),
                product: phone.product.clone(),
                protocol: phone.protocol,
                fields: whole(phone),
            },
            phone.id,
            phone.version,
        ),
        Change::LineCreated { line } => Opposite::DeleteLine(line_rule::Delete {
            id: line.id,
            expected_version,
            remove_appearances: false,
        }),
        Change::LineUpdated { before, after } => Opposite::UpdateLine(line_rule::Update {
            target: line_rule::Target::Line(after.id),
            expected_version,
            description: (before.description != after.description).then(|| before.description.clone()),
            settings: back(&before.settings, &after.settings),
        }),
        Change::LineDeleted { line } => Opposite::MakeLine(
            line_rule::Create {
                organization: line.organization_id,
                cluster: line.cluster_id,
                pattern: line.pattern.clone(),
                partition: line.partition.clone(),
                description: line.description.clone(),
                settings: Patch::whole(&line.settings),
            },
            line.id,
            line.version,
        ),
        Change::AppearanceAdded { appearance, .. } => {
            Opposite::TakeLine(line_rule::Remove { appearance: appearance.id, expected_version })
        }
        Change::AppearanceUpdated { before, after, .. } => Opposite::LayLine(line_rule::Lay {
            appearance: after.id,
            expected_version,
            index: Some(before.position).filter(|index| *index != after.position),
            label: Some(before.label.clone()).filter(|label| *label != after.label),
        }),
        Change::AppearanceSettingsChanged { line_id, before, after, .. } => {
            Opposite::ChangeLine(*line_id, back(before, after))
        }
        Change::AppearanceRemoved { appearance, .. } => Opposite::PutLine(Box::new(appearance.clone())),
        Change::ClonePromoted { .. } => {
            return Err(impossible(
                "a clone became the original as that went; put the line back where it was",
            ));
        }
        Change::UserCreated { user } => Opposite::DeleteUser(user_rule::Delete {
            id: user.id,
            expected_version,
            sole_profiles: Some(user_rule::SoleProfiles::KeepUnassigned),
            on_active_session: OnActiveSession::default(),
        }),
        Change::UserUpdated { before, after } => {
            let fields: Patch<user_rule::Fields> = back(before, after);
            match (before.default_profile_id == after.default_profile_id, fields.is_empty()) {
                (false, true) => Opposite::SetDefault(user_rule::SetDefault {
                    user: after.id,
                    expected_version,
                    profile: before.default_profile_id,
                }),
                (true, _) => Opposite::UpdateUser(user_rule::Update {
                    id: after.id,
                    expected_version,
                    fields,
                    phones: None,
                    cti_profiles: None,
                }),
                (false, false) => return Err(several("updateUser and setDefaultProfile")),
            }
        }
        Change::UserDeleted { user } => Opposite::MakeUser(
            user_rule::Create {
                organization: user.organization_id,
                cluster: user.cluster_id,
                user_id: user.user_id.clone(),
                fields: whole(user),
                phones: Vec::new(),
                cti_profiles: Vec::new(),
                profiles: Vec::new(),
                new_profiles: Vec::new(),
                default_profile: None,
            },
            user.id,
            user.version,
        ),
        Change::UserAssociated { association, .. } => Opposite::Disassociate(user_rule::Disassociate {
            profile: association.profile_id,
            expected_version,
            user: association.user_id,
            on_active_session: OnActiveSession::default(),
        }),
        Change::UserDisassociated { association, .. } => Opposite::Associate(association.clone()),
        Change::UsersReordered { profile_id, before, .. } => Opposite::Reorder(user_rule::Reorder {
            profile: *profile_id,
            expected_version,
            users: before.clone(),
        }),
        Change::UserPhonesChanged { user_id, before, .. } => {
            Opposite::UpdateUser(listed(*user_id, Some(before.clone()), None))
        }
        Change::UserCtiProfilesChanged { user_id, before, .. } => {
            Opposite::UpdateUser(listed(*user_id, None, Some(before.clone())))
        }
        Change::ButtonAdded { button, .. } => {
            Opposite::RemoveButton(button::Remove { button: button.id, expected_version })
        }
        Change::ButtonRemoved { button, .. } => Opposite::AddButton(button::Add {
            device: button.device_id,
            expected_version,
            button: again(button),
        }),
        Change::ButtonUpdated { before, after, .. } => {
            let (old, new) = (again(before).fields, again(after).fields);
            match (before.position == after.position, old == new) {
                (true, _) => Opposite::UpdateButton(button::Update {
                    button: after.id,
                    expected_version,
                    fields: back(&old, &new),
                }),
                (false, true) => Opposite::MoveButton(button::Move {
                    button: after.id,
                    expected_version,
                    index: before.position,
                }),
                (false, false) => return Err(several("updateButton and moveButton")),
            }
        }
        Change::NumberCreated { number } => {
            Opposite::DeleteNumber(number_rule::DeleteOne { id: number.id, expected_version })
        }
        Change::NumberUpdated { before, after } => number_back(before, after, now)?,
        Change::NumberDeleted { number } => Opposite::MakeNumber(number_again(number)),
        Change::DeviceRegistered { device } => Opposite::ReleaseDevice(device::Release { id: device.id }),
        Change::DeviceReleased { device } => Opposite::RegisterDevice(
            device::Register {
                organization: device.organization_id,
                cluster: device.cluster_id,
                name: device.name.clone(),
                description: device.description.clone(),
            },
            device.id,
        ),
        Change::OrganizationCreated { organization } => {
            Opposite::Configure(Configure::DeleteOrganization(organization::Delete {
                id: organization.id,
                expected_version,
            }))
        }
        Change::OrganizationRenamed { before, after } => {
            Opposite::Configure(Configure::RenameOrganization(organization::Rename {
                id: after.id,
                expected_version,
                name: before.name.clone(),
            }))
        }
        Change::OrganizationMoved { before, after } => match before.parent_id {
            Some(parent) => Opposite::Configure(Configure::MoveOrganization(organization::Move {
                id: after.id,
                expected_version,
                parent,
            })),
            None => return Err(impossible("it was the root of the tree")),
        },
        Change::OrganizationUpdated { before, after } => {
            Opposite::Configure(Configure::UpdateOrganization(organization::Update {
                id: after.id,
                expected_version,
                cooling_days: Some(before.cooling_days).filter(|days| *days != after.cooling_days),
                max_profiles_per_user: Some(before.max_profiles_per_user)
                    .filter(|most| *most != after.max_profiles_per_user),
                number_management: Some(before.number_management).filter(|on| *on != after.number_management),
                unique_numbers: Some(before.unique_numbers).filter(|on| *on != after.unique_numbers),
                line_delete_preferences: Some(before.line_delete_preferences.clone())
                    .filter(|preferences| *preferences != after.line_delete_preferences),
            }))
        }
        Change::ClusterCreated { cluster } => {
            Opposite::Configure(Configure::DeleteCluster(cluster::Delete {
                id: cluster.id,
                expected_version,
            }))
        }
        Change::ClusterUpdated { before, after } => {
            Opposite::Configure(Configure::UpdateCluster(cluster::Update {
                id: after.id,
                expected_version,
                fields: back(before, after),
            }))
        }
        Change::TemplateCreated { template } => {
            Opposite::Configure(Configure::DeleteTemplate(template::Delete {
                id: template.id,
                expected_version,
            }))
        }
        Change::TemplateUpdated { before, after } => {
            Opposite::Configure(Configure::UpdateTemplate(template::Update {
                id: after.id,
                expected_version,
                fields: back(before, after),
            }))
        }
        Change::QuickAddGroupCreated { group } => {
            Opposite::Configure(Configure::DeleteQuickAdd(quick_add::Delete {
                id: group.id,
                expected_version,
            }))
        }
        Change::QuickAddGroupUpdated { before, after } => {
            let sent = group_back(before, after);
            Opposite::Configure(Configure::UpdateQuickAdd(quick_add::Update {
                id: after.id,
                expected_version,
                sent,
            }))
        }
        Change::QuickAddGroupDeleted { group } => {
            Opposite::Configure(Configure::MakeQuickAdd(group_again(group), group.id, group.version))
        }
        Change::JobStarted { .. } | Change::JobProgressed { .. } => {
            return Err(impossible("a job is not a setting; take back what its rows did"));
        }
        Change::SessionStarted { .. } | Change::SessionEnded { .. } => {
            return Err(impossible("a session is not a setting; log in or out instead"));
        }
        Change::ServiceSubscribed { subscription, .. } => {
            Opposite::Unsubscribe(service_subscription::Unsubscribe {
                subscription: subscription.id,
                expected_version,
            })
        }
        Change::ServiceSubscriptionUpdated { before, after, .. } => {
            Opposite::TakeBackSubscription(subscription_back::back(before, after, beside)?)
        }
        Change::ServiceSubscriptionRemoved { subscription, .. } => {
            Opposite::SubscribeAgain(Box::new(subscription_back::again(subscription, beside)?))
        }
        Change::RoleCreated { .. } | Change::RoleUpdated { .. } | Change::RoleDeleted { .. } => {
            return Err(impossible(
                "a role allows only what whoever changes it may do; use the mutations of roles",
            ));
        }
        Change::DefaultDeviceProfileCreated { profile } => {
            Opposite::Configure(Configure::DeleteDefault(default_device_profile::Delete {
                id: profile.id,
                expected_version,
            }))
        }
        Change::DefaultDeviceProfileUpdated { before, after } => {
            Opposite::Configure(Configure::UpdateDefault(default_device_profile::Update {
                id: after.id,
                expected_version,
                fields: back(before, after),
                settings: back(&before.settings, &after.settings),
            }))
        }
        Change::DefaultDeviceProfileDeleted { profile } => {
            Opposite::Configure(Configure::MakeDefault(default_again(profile), profile.id, profile.version))
        }
        Change::ServiceCreated { service } => {
            Opposite::Configure(Configure::DeleteService(service::Delete {
                id: service.id,
                expected_version,
                unsubscribe: false,
            }))
        }
        Change::ServiceUpdated { before, after, .. } => {
            Opposite::Configure(service_back::update_back(before, after)?)
        }
        Change::ServiceDeleted { service } => {
            let was = Box::new(service.clone());
            Opposite::Configure(Configure::MakeService(service_back::again(service), was))
        }
        Change::ServiceResynced { .. } => {
            return Err(impossible(
                "it followed its service; change that, then use resyncServiceSubscriptions",
            ));
        }
        Change::OrganizationDeleted { organization } => {
            let (id, version) = (organization.id, organization.version);
            Opposite::Configure(Configure::MakeOrganization(organization_again(organization), id, version))
        }
        Change::ClusterDeleted { cluster } => {
            Opposite::Configure(Configure::MakeCluster(cluster_again(cluster), cluster.id, cluster.version))
        }
        Change::TemplateDeleted { template } => {
            let (id, version) = (template.id, template.version);
            Opposite::Configure(Configure::MakeTemplate(template_again(template), id, version))
        }
        Change::ProfileRestored { .. } => {
            return Err(impossible("the profile is there again; delete it with deleteProfile"));
        }
        Change::EstateGenerated { .. } => {
            return Err(impossible("a generated estate is not kept change by change"));
        }
    })
}

/// Whether what takes the change back depends on what was done together with it.
pub fn needs_beside(change: &Change) -> bool {
    matches!(change, Change::ServiceSubscriptionUpdated { .. } | Change::ServiceSubscriptionRemoved { .. })
}

/// The refusal of what cannot be taken back.
pub(super) fn impossible(why: &str) -> Rule {
    Rule::RevertNotPossible { why: why.to_owned() }
}

/// The refusal where one change did what only two mutations undo.
pub(super) fn several(mutations: &str) -> Rule {
    Rule::RevertNotPossible { why: format!("it did several things at once; use {mutations}") }
}

/// The fields of `T` that differ, as they were.
pub(super) fn back<T, M>(before: &M, after: &M) -> Patch<T>
where
    T: Default + DeserializeOwned + Serialize,
    M: Serialize,
{
    let known = object(&T::default()).unwrap_or_default();
    let (before, after) = (object(before).unwrap_or_default(), object(after).unwrap_or_default());
    let differs =
        |(name, value): &(String, Value)| known.contains_key(name) && after.get(name) != Some(value);
    Patch::new(before.into_iter().filter(differs).collect())
}

/// The fields of `T`, as they were.
pub(super) fn whole<T, M>(before: &M) -> Patch<T>
where
    T: Default + DeserializeOwned + Serialize,
    M: Serialize,
{
    let known = object(&T::default()).unwrap_or_default();
    let fields: Map<_, _> = object(before).unwrap_or_default();
    Patch::new(fields.into_iter().filter(|(name, _)| known.contains_key(name)).collect())
}

/// What differs of a group, as it was.
fn group_back(before: &quick_add_entity::Model, after: &quick_add_entity::Model) -> quick_add::Sent {
    let (was, is) = (&before.defaults, &after.defaults);
    quick_add::Sent {
        fields: back(&fields_of(Some(before)), &fields_of(Some(after))),
        profile: back(&was.profile, &is.profile),
        appearance: back(&was.appearance, &is.appearance),
        line: back(&was.line, &is.line),
        services: (was.services != is.services)
            .then(|| was.services.iter().map(quick_add::service::again).collect()),
    }
}

fn group_again(group: &quick_add_entity::Model) -> quick_add::Create {
    let defaults = &group.defaults;
    quick_add::Create {
        organization: group.organization_id,
        cluster: group.cluster_id,
        copy_from: None,
        sent: quick_add::Sent {
            fields: Patch::whole(&fields_of(Some(group))),
            profile: Patch::whole(&defaults.profile),
            appearance: Patch::whole(&defaults.appearance),
            line: Patch::whole(&defaults.line),
            services: Some(defaults.services.iter().map(quick_add::service::again).collect()),
        },
    }
}

fn organization_again(organization: &organization_entity::Model) -> organization::Create {
    organization::Create {
        parent: organization.parent_id,
        kind: organization.kind,
        name: organization.name.clone(),
        cooling_days: organization.cooling_days,
        max_profiles_per_user: organization.max_profiles_per_user,
        number_management: organization.number_management,
        unique_numbers: organization.unique_numbers,
        line_delete_preferences: organization.line_delete_preferences.clone(),
        groups: Vec::new(),
    }
}

fn cluster_again(cluster: &cluster_entity::Model) -> cluster::Create {
    cluster::Create { organization: cluster.organization_id, fields: whole(cluster) }
}

fn template_again(template: &template_entity::Model) -> template::Create {
    template::Create {
        cluster: template.cluster_id,
        kind: template.kind,
        name: template.name.clone(),
        product: template.product.clone(),
        protocol: template.protocol,
        fields: whole(template),
    }
}

fn default_again(profile: &default_entity::Model) -> default_device_profile::Create {
    default_device_profile::Create {
        cluster: profile.cluster_id,
        product: profile.product.clone(),
        protocol: profile.protocol,
        fields: whole(profile),
        settings: Patch::whole(&profile.settings),
    }
}

fn listed(
    id: UserId,
    phones: Option<Vec<DeviceId>>,
    cti_profiles: Option<Vec<DeviceId>>,
) -> user_rule::Update {
    user_rule::Update { id, expected_version: None, fields: Patch::default(), phones, cti_profiles }
}

fn alone(number: &number::Model) -> number_rule::Range {
    number_rule::Range {
        cluster: number.cluster_id,
        partition: number.partition.clone(),
        first: number.pattern.clone(),
        last: number.pattern.clone(),
    }
}

fn number_again(number: &number::Model) -> number_rule::Create {
    number_rule::Create {
        organization: number.organization_id,
        range: alone(number),
        fields: number_rule::Fields {
            description: number.description.clone(),
            e164_number: number.e164_number.clone(),
            extra: number.extra.clone(),
        },
        e164_prefix: None,
        beginning: number_rule::Beginning {
            reserved_for: number.reserved_for.clone(),
            reserved_until: number.reserved_until,
            ..number_rule::Beginning::default()
        },
        one: false,
    }
}

/// What takes back a change of a number: its fields, its status, or whom it is kept for.
fn number_back(before: &number::Model, after: &number::Model, now: Moment) -> Result<Opposite, Rule> {
    let fields: Patch<number_rule::Fields> = back(before, after);
    let status = (before.status, before.utility, before.cooling_until)
        != (after.status, after.utility, after.cooling_until);
    let holder = (&before.reserved_for, before.reserved_until) != (&after.reserved_for, after.reserved_until);
    // A number that becomes available loses its description (`domain.md` 5.1), so status goes before fields.
    if status && holder {
        return Err(several("changeNumberStatus and reserveNumbersFor"));
    }
    if status {
        use number::Status::{Cooling, Used};
        if (before.status == Used) != (after.status == Used) {
            return Err(impossible("the number follows its line; put that on a device or take it off"));
        }
        let left = before.cooling_until.map_or(0, |until| until.0 - now.0);
        let days = i32::try_from(left.max(1).unsigned_abs().div_ceil(DAY)).ok();
        return Ok(Opposite::ChangeNumberStatus(number_rule::ChangeStatus {
            id: after.id,
            expected_version: None,
            to: before.status,
            days: days.filter(|_| before.status == Cooling),
            utility: before.utility,
        }));
    }
    if holder {
        if !fields.is_empty() {
            return Err(several("updateNumber and reserveNumbersFor"));
        }
        return Ok(Opposite::ReserveNumber(number_rule::ReserveFor {
            organization: after.organization_id,
            cluster: after.cluster_id,
            partition: after.partition.clone(),
            patterns: vec![after.pattern.clone()],
            user_id: before.reserved_for.clone(),
            until: before.reserved_until,
        }));
    }
    Ok(Opposite::UpdateNumber(number_rule::Update { id: after.id, expected_version: None, fields }))
}

/// Microseconds of a day.
const DAY: u64 = 86_400_000_000;

/// The changes that put a user back at a place among a profile's users.
pub fn put_back(changes: Vec<Change>, current: &[UserId], association: &profile_user::Model) -> Vec<Change> {
    let place = usize::try_from(association.position - 1).unwrap_or(0);
    if place >= current.len() {
        return changes;
    }
    let mut changes = changes;
    if let Some(Change::UserAssociated { organization_id, .. }) = changes.last() {
        let before: Vec<_> = current.iter().copied().chain([association.user_id]).collect();
        let mut after = current.to_vec();
        after.insert(place, association.user_id);
        changes.push(Change::UsersReordered {
            organization_id: *organization_id,
            profile_id: association.profile_id,
            before,
            after,
        });
    }
    changes
}

#[cfg(test)]
mod tests {
    use entity::{OrganizationId, profile::Model as Profile};

    use super::*;
    use crate::rule::profile::tests::profile;

    fn updated(from: &Profile, description: &str, dnd: bool) -> Change {
        let mut after = Profile { description: description.into(), version: 2, ..from.clone() };
        after.settings.dnd_status = dnd;
        Change::ProfileUpdated { before: from.clone(), after }
    }

    #[test]
    fn an_update_is_taken_back_field_by_field() {
        let from = profile("{}");
        let Ok(Opposite::UpdateProfile(update)) = opposite(&updated(&from, "new", true), &[], Moment(0))
        else {
            panic!("an update")
        };
        assert_eq!(update.fields.fields().collect::<Vec<_>>(), ["description"]);
        assert_eq!(update.settings.fields().collect::<Vec<_>>(), ["dnd_status"]);
        assert_eq!(
            update.fields.apply(&profile::Fields::default()).map(|f| f.description),
            Ok(String::new())
        );
    }

    #[test]
    fn only_what_touched_the_same_supersedes() {
        let from = profile("{}");
        let change = updated(&from, "new", false);
        for (later, together, want) in [
            (updated(&from, "other", false), false, vec!["description"]),
            (updated(&from, "", true), false, vec![]),
            (updated(&Profile { id: DeviceId(99), ..from.clone() }, "x", true), false, vec![]),
        ] {
            assert_eq!(superseded(&change, &[(together, later)]), want);
        }
        let created = Change::ProfileCreated { profile: from.clone() };
        assert_eq!(superseded(&created, &[(false, updated(&from, "", true))]), ["settings.dndStatus"]);
        assert_eq!(superseded(&created, &[(true, updated(&from, "", true))]), Vec::<String>::new());
    }

    #[test]
    fn another_users_association_is_no_matter() {
        let association =
            |user| profile_user::Model { profile_id: DeviceId(10), user_id: UserId(user), position: 1 };
        let associated = |user| Change::UserAssociated {
            organization_id: OrganizationId(4),
            association: association(user),
        };
        let gone = |user| Change::UserDisassociated {
            organization_id: OrganizationId(4),
            association: association(user),
        };
        assert_eq!(superseded(&associated(1), &[(false, associated(2))]), Vec::<String>::new());
        assert_eq!(superseded(&associated(1), &[(false, gone(1))]), ["users"]);
        // The user comes back to the place, not behind the others.
        let changes = put_back(vec![associated(1)], &[UserId(2), UserId(3)], &association(1));
        let Some(Change::UsersReordered { before, after, .. }) = changes.last() else {
            panic!("{changes:?}")
        };
        assert_eq!(
            (before.as_slice(), after.as_slice()),
            (&[UserId(2), UserId(3), UserId(1)][..], &[UserId(1), UserId(2), UserId(3)][..])
        );
    }

    #[test]
    fn every_kind_has_an_opposite_or_says_why_not() {
        let samples = include_str!("../../../tests/it/changes.jsonl");
        for sample in samples.lines().filter(|line| !line.is_empty()) {
            let change: Change = serde_json::from_str(sample).expect("a stored change");
            match opposite(&change, &[], Moment(0)) {
                Ok(_) => {}
                Err(Rule::RevertNotPossible { why }) => assert!(!why.is_empty()),
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}
