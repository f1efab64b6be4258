//! The spine: everything that can happen. A rule returns changes, the store applies them, the outbox keeps them,
//! the feed shows them; each matches them without `_`.
//!
//! Changes are public and permanent: add kinds, add optional fields. A test reads one stored sample of every kind.

use entity::{
    AppearanceId, DeviceId, LineId, OrganizationId, UserId, button, change_subject::Noun, cluster,
    default_device_profile, device, job, line, line_appearance, number, organization, phone, profile,
    profile_user, quick_add, role, service, service_subscription, session, template, user,
};
use serde::{Deserialize, Serialize};

/// The device that an appearance stands on, as far as a change needs it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct On {
    pub organization_id: OrganizationId,
    pub kind: device::Kind,
    pub name: String,
}

/// Something of a deleted profile that was not made again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LeftOut {
    pub what: Part,
    /// What people call it, such as a number or a user id.
    pub name: String,
    /// The rule that kept it out.
    pub code: String,
    pub why: String,
}

/// A part of a profile, or something that pointed at it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Part {
    Line,
    User,
    Button,
    ButtonTemplate,
    LoginUser,
    DefaultProfile,
    ControlledProfile,
    LogoutPhone,
    ServiceSubscription,
    ServicePassword,
}

macro_rules! changes {
    ($( #[doc = $sentence:literal] $name:ident { $($field:ident : $ty:ty),* $(,)? } )*) => {
        /// Something that happened, with the values before and after.
        #[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
        #[serde(tag = "kind")]
        #[expect(clippy::large_enum_variant, reason = "few are alive at once, and every stage matches them")]
        pub enum Change {
            $( #[doc = $sentence] $name { $($field: $ty),* } ),*
        }

        /// What kind of thing happened.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum ChangeKind {
            $( #[doc = $sentence] $name ),*
        }

        impl Change {
            /// What kind of change it is.
            pub fn kind(&self) -> ChangeKind {
                match self { $( Self::$name { .. } => ChangeKind::$name ),* }
            }
        }

        impl ChangeKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[ $( Self::$name ),* ];

            /// The kind's name, as stored.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$name => stringify!($name) ),* }
            }
        }
    };
}

changes! {
    /// An organization was created.
    OrganizationCreated { organization: organization::Model }
    /// An organization got another name; the paths of everything below it follow.
    OrganizationRenamed { before: organization::Model, after: organization::Model }
    /// An organization was moved below another one, with everything below it.
    OrganizationMoved { before: organization::Model, after: organization::Model }
    /// An organization was deleted.
    OrganizationDeleted { organization: organization::Model }
    /// A cluster was created.
    ClusterCreated { cluster: cluster::Model }
    /// A cluster was updated.
    ClusterUpdated { before: cluster::Model, after: cluster::Model }
    /// A cluster was deleted.
    ClusterDeleted { cluster: cluster::Model }
    /// A name that is neither a profile's nor a phone's was registered on a cluster.
    DeviceRegistered { device: device::Model }
    /// Such a name was released.
    DeviceReleased { device: device::Model }
    /// A profile was created.
    ProfileCreated { profile: profile::Model }
    /// A profile was updated.
    ProfileUpdated { before: profile::Model, after: profile::Model }
    /// A profile was deleted.
    ProfileDeleted { profile: profile::Model }
    /// A deleted profile was made again; what could not be is named. `deleted` is the number of the deletion.
    ProfileRestored {
        organization_id: OrganizationId,
        profile_id: DeviceId,
        name: String,
        deleted: i64,
        left_out: Vec<LeftOut>,
    }
    /// A phone was created.
    PhoneCreated { phone: phone::Model }
    /// A phone was updated.
    PhoneUpdated { before: phone::Model, after: phone::Model }
    /// A phone was deleted.
    PhoneDeleted { phone: phone::Model }
    /// A user logged in on a phone.
    SessionStarted { on: On, session: session::Model }
    /// A user was logged out of a phone.
    SessionEnded { on: On, session: session::Model, why: session::End }
    /// A default device profile was made.
    DefaultDeviceProfileCreated { profile: default_device_profile::Model }
    /// A default device profile was updated.
    DefaultDeviceProfileUpdated {
        before: default_device_profile::Model,
        after: default_device_profile::Model,
    }
    /// A default device profile was deleted.
    DefaultDeviceProfileDeleted { profile: default_device_profile::Model }
    /// A line was created.
    LineCreated { line: line::Model }
    /// A line's own settings, which all its appearances share, were updated.
    LineUpdated { before: line::Model, after: line::Model }
    /// A line was deleted.
    LineDeleted { line: line::Model }
    /// A line was put on a device.
    AppearanceAdded { on: On, appearance: line_appearance::Model }
    /// An appearance got another place or label on its device.
    AppearanceUpdated { on: On, before: line_appearance::Model, after: line_appearance::Model }
    /// An appearance's settings were changed through its line's original.
    AppearanceSettingsChanged {
        on: On,
        appearance_id: AppearanceId,
        line_id: LineId,
        device_id: DeviceId,
        through: AppearanceId,
        before: line_appearance::Settings,
        after: line_appearance::Settings,
    }
    /// A line was taken off a device.
    AppearanceRemoved { on: On, appearance: line_appearance::Model }
    /// The oldest clone became the original, as the original went.
    ClonePromoted { on: On, before: line_appearance::Model, after: line_appearance::Model }
    /// A user was created.
    UserCreated { user: user::Model }
    /// A user was updated; the default profile is part of it.
    UserUpdated { before: user::Model, after: user::Model }
    /// A user was deleted.
    UserDeleted { user: user::Model }
    /// A user was associated with a profile.
    UserAssociated { organization_id: OrganizationId, association: profile_user::Model }
    /// A user was disassociated from a profile; the users behind moved up.
    UserDisassociated { organization_id: OrganizationId, association: profile_user::Model }
    /// The users of a profile were put in another order.
    UsersReordered { organization_id: OrganizationId, profile_id: DeviceId, before: Vec<UserId>, after: Vec<UserId> }
    /// The phones that a user controls were changed.
    UserPhonesChanged { organization_id: OrganizationId, user_id: UserId, before: Vec<DeviceId>, after: Vec<DeviceId> }
    /// The profiles that applications may control for a user were changed.
    UserCtiProfilesChanged {
        organization_id: OrganizationId,
        user_id: UserId,
        before: Vec<DeviceId>,
        after: Vec<DeviceId>,
    }
    /// A Quick Add group was made.
    QuickAddGroupCreated { group: quick_add::Model }
    /// A Quick Add group was updated; what was made by it stays.
    QuickAddGroupUpdated { before: quick_add::Model, after: quick_add::Model }
    /// A Quick Add group was deleted; what was made by it stays.
    QuickAddGroupDeleted { group: quick_add::Model }
    /// What is set at an organization was updated.
    OrganizationUpdated { before: organization::Model, after: organization::Model }
    /// A number came into the inventory.
    NumberCreated { number: number::Model }
    /// A number of the inventory was updated; its status is part of it.
    NumberUpdated { before: number::Model, after: number::Model }
    /// A number went out of the inventory.
    NumberDeleted { number: number::Model }
    /// A job was started.
    JobStarted { job: job::Model }
    /// A job moved on; its state and its counts are part of it.
    JobProgressed { before: job::Model, after: job::Model }
    /// A sample estate was generated into an empty database; take a snapshot to know what it holds.
    EstateGenerated { profiles: i64, phones: i64, lines: i64, users: i64, seed: i64 }
    /// A speed dial, busy lamp field, call park or service URL button was put on a device.
    ButtonAdded { on: On, button: button::Model }
    /// A button got another position, or does or says something else.
    ButtonUpdated { on: On, before: button::Model, after: button::Model }
    /// A button was taken off a device.
    ButtonRemoved { on: On, button: button::Model }
    /// A button or softkey template was made.
    TemplateCreated { template: template::Model }
    /// A button or softkey template was updated.
    TemplateUpdated { before: template::Model, after: template::Model }
    /// A button or softkey template was deleted.
    TemplateDeleted { template: template::Model }
    /// A phone service was made.
    ServiceCreated { service: service::Model }
    /// A phone service or its parameters were updated; so many subscriptions became stale by it.
    ServiceUpdated { before: service::Model, after: service::Model, stale: i64 }
    /// A phone service was deleted.
    ServiceDeleted { service: service::Model }
    /// A device was subscribed to a phone service; one that comes back with its profile may wait, unsubscribed, as it did.
    ServiceSubscribed { on: On, subscription: service_subscription::Model }
    /// A subscription was updated, unsubscribed, taken up again or brought up to date.
    ServiceSubscriptionUpdated {
        on: On,
        before: service_subscription::Model,
        after: service_subscription::Model,
    }
    /// A subscription went, with its device or its service.
    ServiceSubscriptionRemoved { on: On, subscription: service_subscription::Model }
    /// A role was composed.
    RoleCreated { role: role::Model }
    /// A role was updated.
    RoleUpdated { before: role::Model, after: role::Model }
    /// A role was deleted.
    RoleDeleted { role: role::Model }
    /// A part of the subscriptions to a phone service was brought up to date.
    ServiceResynced { service: service::Model, derived: i64 }
}

impl Change {
    /// The organization whose subtree it belongs to; none is everybody's.
    pub fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::OrganizationCreated { organization } => Some(organization.id),
            Self::OrganizationRenamed { after, .. }
            | Self::OrganizationMoved { after, .. }
            | Self::OrganizationUpdated { after, .. } => Some(after.id),
            // The deleted one is in nobody's subtree any more.
            Self::OrganizationDeleted { organization } => organization.parent_id,
            Self::ClusterCreated { cluster } | Self::ClusterDeleted { cluster } => {
                Some(cluster.organization_id)
            }
            Self::ClusterUpdated { after, .. } => Some(after.organization_id),
            Self::DeviceRegistered { device } | Self::DeviceReleased { device } => {
                Some(device.organization_id)
            }
            Self::ProfileCreated { profile } | Self::ProfileDeleted { profile } => {
                Some(profile.organization_id)
            }
            Self::ProfileUpdated { after, .. } => Some(after.organization_id),
            Self::PhoneCreated { phone } | Self::PhoneDeleted { phone } => Some(phone.organization_id),
            Self::PhoneUpdated { after, .. } => Some(after.organization_id),
            Self::DefaultDeviceProfileCreated { profile } | Self::DefaultDeviceProfileDeleted { profile } => {
                Some(profile.organization_id)
            }
            Self::DefaultDeviceProfileUpdated { after, .. } => Some(after.organization_id),
            Self::LineCreated { line } | Self::LineDeleted { line } => Some(line.organization_id),
            Self::LineUpdated { after, .. } => Some(after.organization_id),
            Self::SessionStarted { on, .. }
            | Self::SessionEnded { on, .. }
            | Self::AppearanceAdded { on, .. }
            | Self::AppearanceUpdated { on, .. }
            | Self::AppearanceSettingsChanged { on, .. }
            | Self::AppearanceRemoved { on, .. }
            | Self::ClonePromoted { on, .. }
            | Self::ButtonAdded { on, .. }
            | Self::ButtonUpdated { on, .. }
            | Self::ButtonRemoved { on, .. }
            | Self::ServiceSubscribed { on, .. }
            | Self::ServiceSubscriptionUpdated { on, .. }
            | Self::ServiceSubscriptionRemoved { on, .. } => Some(on.organization_id),
            Self::UserCreated { user } | Self::UserDeleted { user } => Some(user.organization_id),
            Self::UserUpdated { after, .. } => Some(after.organization_id),
            Self::UserAssociated { organization_id, .. }
            | Self::UserDisassociated { organization_id, .. }
            | Self::UsersReordered { organization_id, .. }
            | Self::UserPhonesChanged { organization_id, .. }
            | Self::UserCtiProfilesChanged { organization_id, .. }
            | Self::ProfileRestored { organization_id, .. } => Some(*organization_id),
            Self::QuickAddGroupCreated { group } | Self::QuickAddGroupDeleted { group } => {
                Some(group.organization_id)
            }
            Self::QuickAddGroupUpdated { after, .. } => Some(after.organization_id),
            Self::NumberCreated { number } | Self::NumberDeleted { number } => Some(number.organization_id),
            Self::NumberUpdated { after, .. } => Some(after.organization_id),
            Self::RoleCreated { role } | Self::RoleDeleted { role } => Some(role.organization_id),
            Self::RoleUpdated { after, .. } => Some(after.organization_id),
            // What nobody below may see is kept at an organization that there is not.
            Self::JobStarted { job } => Some(job.organization_id.unwrap_or(NOWHERE)),
            Self::JobProgressed { after, .. } => Some(after.organization_id.unwrap_or(NOWHERE)),
            Self::EstateGenerated { .. } => None,
            Self::TemplateCreated { template } | Self::TemplateDeleted { template } => {
                Some(template.organization_id)
            }
            Self::TemplateUpdated { after, .. } => Some(after.organization_id),
            Self::ServiceCreated { service }
            | Self::ServiceDeleted { service }
            | Self::ServiceResynced { service, .. } => Some(service.organization_id),
            Self::ServiceUpdated { after, .. } => Some(after.organization_id),
        }
    }

    /// The organization whose subtree the thing left, when it moved away.
    pub fn left_organization(&self) -> Option<OrganizationId> {
        match self {
            Self::OrganizationMoved { before, .. } => before.parent_id,
            _ => None,
        }
    }

    /// What it is about: the thing itself first, then what it stands on or belongs to.
    pub fn subjects(&self) -> Vec<(Noun, i64)> {
        match self {
            Self::OrganizationCreated { organization } | Self::OrganizationDeleted { organization } => {
                vec![(Noun::Organization, organization.id.0)]
            }
            Self::OrganizationRenamed { after, .. }
            | Self::OrganizationMoved { after, .. }
            | Self::OrganizationUpdated { after, .. } => {
                vec![(Noun::Organization, after.id.0)]
            }
            Self::ClusterCreated { cluster } | Self::ClusterDeleted { cluster } => {
                vec![(Noun::Cluster, cluster.id.0)]
            }
            Self::ClusterUpdated { after, .. } => vec![(Noun::Cluster, after.id.0)],
            Self::DeviceRegistered { device } | Self::DeviceReleased { device } => {
                vec![(Noun::Device, device.id.0)]
            }
            Self::ProfileCreated { profile } | Self::ProfileDeleted { profile } => {
                vec![(Noun::Profile, profile.id.0)]
            }
            Self::ProfileUpdated { after, .. } => vec![(Noun::Profile, after.id.0)],
            Self::ProfileRestored { profile_id, .. } => vec![(Noun::Profile, profile_id.0)],
            Self::PhoneCreated { phone } | Self::PhoneDeleted { phone } => vec![(Noun::Phone, phone.id.0)],
            Self::PhoneUpdated { after, .. } => vec![(Noun::Phone, after.id.0)],
            Self::SessionStarted { session, .. } | Self::SessionEnded { session, .. } => logged_in(session),
            Self::DefaultDeviceProfileCreated { profile } | Self::DefaultDeviceProfileDeleted { profile } => {
                fallen_back(profile)
            }
            Self::DefaultDeviceProfileUpdated { after, .. } => fallen_back(after),
            Self::RoleCreated { role }
            | Self::RoleDeleted { role }
            | Self::RoleUpdated { after: role, .. } => {
                vec![(Noun::Role, role.id.0), (Noun::Organization, role.organization_id.0)]
            }
            Self::LineCreated { line } | Self::LineDeleted { line } => vec![(Noun::Line, line.id.0)],
            Self::LineUpdated { after, .. } => vec![(Noun::Line, after.id.0)],
            Self::AppearanceAdded { on, appearance } | Self::AppearanceRemoved { on, appearance } => {
                placed(on, appearance.id, appearance.line_id, appearance.device_id)
            }
            Self::AppearanceUpdated { on, after, .. } | Self::ClonePromoted { on, after, .. } => {
                placed(on, after.id, after.line_id, after.device_id)
            }
            Self::AppearanceSettingsChanged { on, appearance_id, line_id, device_id, .. } => {
                placed(on, *appearance_id, *line_id, *device_id)
            }
            Self::UserCreated { user } | Self::UserDeleted { user } => vec![(Noun::User, user.id.0)],
            Self::UserUpdated { after, .. } => vec![(Noun::User, after.id.0)],
            Self::UserAssociated { association, .. } | Self::UserDisassociated { association, .. } => {
                vec![(Noun::Profile, association.profile_id.0), (Noun::User, association.user_id.0)]
            }
            Self::UsersReordered { profile_id, after, .. } => std::iter::once((Noun::Profile, profile_id.0))
                .chain(after.iter().map(|user| (Noun::User, user.0)))
                .collect(),
            Self::UserPhonesChanged { user_id, before, after, .. } => {
                with_devices(*user_id, Noun::Phone, before, after)
            }
            Self::UserCtiProfilesChanged { user_id, before, after, .. } => {
                with_devices(*user_id, Noun::Profile, before, after)
            }
            Self::QuickAddGroupCreated { group } | Self::QuickAddGroupDeleted { group } => {
                vec![(Noun::QuickAddGroup, group.id.0)]
            }
            Self::QuickAddGroupUpdated { after, .. } => vec![(Noun::QuickAddGroup, after.id.0)],
            Self::NumberCreated { number } | Self::NumberDeleted { number } => {
                vec![(Noun::Number, number.id.0)]
            }
            Self::NumberUpdated { after, .. } => vec![(Noun::Number, after.id.0)],
            Self::JobStarted { job } => vec![(Noun::Job, job.id.0)],
            Self::JobProgressed { after, .. } => vec![(Noun::Job, after.id.0)],
            Self::EstateGenerated { .. } => Vec::new(),
            Self::ButtonAdded { on, button } | Self::ButtonRemoved { on, button } => pressed(on, button),
            Self::ButtonUpdated { on, after, .. } => pressed(on, after),
            Self::TemplateCreated { template } | Self::TemplateDeleted { template } => laid_out(template),
            Self::TemplateUpdated { after, .. } => laid_out(after),
            Self::ServiceCreated { service }
            | Self::ServiceDeleted { service }
            | Self::ServiceResynced { service, .. } => offered(service),
            Self::ServiceUpdated { after, .. } => offered(after),
            Self::ServiceSubscribed { on, subscription }
            | Self::ServiceSubscriptionRemoved { on, subscription } => served(on, subscription),
            Self::ServiceSubscriptionUpdated { on, after, .. } => served(on, after),
        }
    }
}

/// An organization that nothing has; the database counts from 1.
const NOWHERE: OrganizationId = OrganizationId(0);

/// The noun under which a device of this kind is found.
pub fn noun_of(kind: device::Kind) -> Noun {
    match kind {
        device::Kind::Profile => Noun::Profile,
        device::Kind::Phone => Noun::Phone,
        device::Kind::Other => Noun::Device,
    }
}

fn placed(on: &On, appearance: AppearanceId, line: LineId, device: DeviceId) -> Vec<(Noun, i64)> {
    vec![(Noun::Appearance, appearance.0), (Noun::Line, line.0), (noun_of(on.kind), device.0)]
}

fn pressed(on: &On, button: &button::Model) -> Vec<(Noun, i64)> {
    vec![(Noun::Button, button.id.0), (noun_of(on.kind), button.device_id.0)]
}

fn logged_in(session: &session::Model) -> Vec<(Noun, i64)> {
    let who =
        [(Noun::Session, session.id.0), (Noun::Phone, session.phone_id.0), (Noun::User, session.user_id.0)];
    who.into_iter().chain(session.profile_id.map(|id| (Noun::Profile, id.0))).collect()
}

fn fallen_back(profile: &default_device_profile::Model) -> Vec<(Noun, i64)> {
    vec![(Noun::DefaultDeviceProfile, profile.id.0), (Noun::Cluster, profile.cluster_id.0)]
}

fn laid_out(template: &template::Model) -> Vec<(Noun, i64)> {
    vec![(Noun::Template, template.id.0), (Noun::Cluster, template.cluster_id.0)]
}

fn offered(service: &service::Model) -> Vec<(Noun, i64)> {
    vec![(Noun::Service, service.id.0), (Noun::Cluster, service.cluster_id.0)]
}

fn served(on: &On, subscription: &service_subscription::Model) -> Vec<(Noun, i64)> {
    vec![
        (Noun::ServiceSubscription, subscription.id.0),
        (noun_of(on.kind), subscription.device_id.0),
        (Noun::Service, subscription.service_id.0),
    ]
}

/// The user, and the devices that came or went.
fn with_devices(user: UserId, noun: Noun, before: &[DeviceId], after: &[DeviceId]) -> Vec<(Noun, i64)> {
    let moved =
        before.iter().filter(|d| !after.contains(d)).chain(after.iter().filter(|d| !before.contains(d)));
    std::iter::once((Noun::User, user.0)).chain(moved.map(|d| (noun, d.0))).collect()
}
