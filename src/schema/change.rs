//! Changes in the graph: one type per kind, with the values before and after, and histories of them.
//!
//! What a change tells of a thing are its values of that moment; what the thing is related to is read now.

use std::{collections::HashSet, sync::Arc};

use async_graphql::{Context, Enum, ID, InputObject, Interface, Object};
use chrono::{DateTime, Utc};
use entity::{OrganizationId, change_subject};

use super::{
    Ask, Result,
    button::{self, Button},
    cluster::Cluster,
    connection::{Asked, Connection, Listed, Rendered, one, several, slice},
    default_device_profile::DefaultDeviceProfile,
    device::{self, Device, OtherDevice},
    filter::numbers,
    history::{self, FieldChange, NotRestored},
    job::Job,
    line::{Line, LineAppearance},
    node::{self, Node},
    number::Number,
    organization::Organization,
    phone::Phone,
    profile::Profile,
    quick_add::{self, QuickAddGroup},
    role::Role,
    service::PhoneService,
    service_subscription::ServiceSubscription,
    session::Session,
    template::Template,
    user::User,
    value::{
        enums::{Noun, SessionEnd},
        id::{self, NodeId},
        scalar::{Cursor, date_time},
        settings::AppearanceSettings,
    },
};
use crate::{
    error::Error,
    rule::{self, history::camel, patch::differing},
    store::{
        Entry,
        outbox::{self, Query, Span},
        page::{Key, KeyValue, Page},
    },
};

macro_rules! change_types {
    ($(
        #[doc = $doc:literal]
        $name:ident {
            $( #[doc = $about:literal] $field:ident: $type:ty = |$ctx:ident, $state:tt| $value:expr; )*
        }
    )*) => {
        $(
            #[derive(Clone)]
            pub struct $name(Arc<rule::Change>);

            #[doc = $doc]
            #[Object]
            impl $name {
                /// What kind of change it is.
                pub async fn kind(&self) -> ChangeKind {
                    ChangeKind::$name
                }

                /// What it happened to, as that is now; nothing where it is no longer there, or not for you to see.
                pub async fn node(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
                    subject(ctx, &self.0).await
                }

                /// The fields that it changed, each before and after.
                pub async fn field_changes(&self, ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
                    history::field_changes(ctx, &self.0).await
                }

                $(
                    #[doc = $about]
                    async fn $field(&self, $ctx: &Context<'_>) -> Result<$type> {
                        match &*self.0 {
                            rule::Change::$name $state => {
                                let _ = $ctx;
                                $value
                            }
                            _ => Err(Error::internal(anyhow::anyhow!("a change of another kind"))),
                        }
                    }
                )*
            }
        )*

        /// What kind of thing happened.
        #[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
        pub enum ChangeKind {
            $( #[doc = $doc] $name, )*
            /// Something was there when the snapshot was taken.
            Present,
            /// The snapshot is complete; what follows are changes.
            SnapshotComplete,
            /// Something went out of your sight.
            Left,
        }

        impl ChangeKind {
            /// The name under which such changes are stored; nothing for what is not stored.
            fn stored(self) -> Option<&'static str> {
                match self {
                    $( Self::$name => Some(rule::change::ChangeKind::$name.as_str()), )*
                    Self::Present | Self::SnapshotComplete | Self::Left => None,
                }
            }
        }

        /// Something that happened.
        #[derive(Clone, Interface)]
        #[graphql(
            field(name = "kind", ty = "ChangeKind", desc = "What kind of change it is."),
            field(
                name = "node",
                ty = "Option<Node>",
                desc = "What it happened to, as that is now; nothing where it is no longer there, or not for you to see."
            ),
            field(
                name = "field_changes",
                ty = "Vec<FieldChange>",
                desc = "The fields that it changed, each before and after."
            )
        )]
        pub enum Change {
            $( $name($name), )*
            Present(Present),
            SnapshotComplete(SnapshotComplete),
            Left(Left),
        }

        impl Change {
            /// What kind of change it is.
            pub fn kind_of(&self) -> ChangeKind {
                match self {
                    $( Self::$name(_) => ChangeKind::$name, )*
                    Self::Present(_) => ChangeKind::Present,
                    Self::SnapshotComplete(_) => ChangeKind::SnapshotComplete,
                    Self::Left(_) => ChangeKind::Left,
                }
            }

            /// The type of a stored change.
            pub fn of(change: rule::Change) -> Self {
                let change = Arc::new(change);
                match &*change {
                    $( rule::Change::$name { .. } => Self::$name($name(change.clone())), )*
                }
            }
        }
    };
}

/// The type over a state of its noun.
macro_rules! state {
    ($type:ident, $model:expr) => {
        Ok(<$type as Rendered>::of(Arc::new($model.clone().into())))
    };
}

change_types! {
    /// An organization was created.
    OrganizationCreated {
        /// The organization as created.
        after: Organization = |ctx, { organization, .. }| state!(Organization, organization);
    }
    /// An organization got another name; the paths of everything below it follow.
    OrganizationRenamed {
        /// The organization before.
        before: Organization = |ctx, { before, .. }| state!(Organization, before);
        /// The organization after.
        after: Organization = |ctx, { after, .. }| state!(Organization, after);
    }
    /// An organization was moved below another one, with everything below it.
    OrganizationMoved {
        /// The organization before.
        before: Organization = |ctx, { before, .. }| state!(Organization, before);
        /// The organization after.
        after: Organization = |ctx, { after, .. }| state!(Organization, after);
    }
    /// An organization was deleted.
    OrganizationDeleted {
        /// The organization as it was.
        before: Organization = |ctx, { organization, .. }| state!(Organization, organization);
    }
    /// A cluster was created.
    ClusterCreated {
        /// The cluster as created.
        after: Cluster = |ctx, { cluster, .. }| state!(Cluster, cluster);
    }
    /// A cluster was updated.
    ClusterUpdated {
        /// The cluster before.
        before: Cluster = |ctx, { before, .. }| state!(Cluster, before);
        /// The cluster after.
        after: Cluster = |ctx, { after, .. }| state!(Cluster, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A cluster was deleted.
    ClusterDeleted {
        /// The cluster as it was.
        before: Cluster = |ctx, { cluster, .. }| state!(Cluster, cluster);
    }
    /// A name that is neither a profile's nor a phone's was registered on a cluster.
    DeviceRegistered {
        /// The device as registered.
        after: OtherDevice = |ctx, { device, .. }| state!(OtherDevice, device);
    }
    /// The name of such a device was released.
    DeviceReleased {
        /// The device as it was.
        before: OtherDevice = |ctx, { device, .. }| state!(OtherDevice, device);
    }
    /// A profile was created.
    ProfileCreated {
        /// The profile as created.
        after: Profile = |ctx, { profile, .. }| state!(Profile, profile);
    }
    /// A profile was updated.
    ProfileUpdated {
        /// The profile before.
        before: Profile = |ctx, { before, .. }| state!(Profile, before);
        /// The profile after.
        after: Profile = |ctx, { after, .. }| state!(Profile, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A profile was deleted.
    ProfileDeleted {
        /// The profile as it was.
        before: Profile = |ctx, { profile, .. }| state!(Profile, profile);
    }
    /// A deleted profile was made again; what could not be is named.
    ProfileRestored {
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, { profile_id, .. }| one(ctx, Some(*profile_id)).await;
        /// Its name at that moment.
        name: String = |ctx, { name, .. }| Ok(name.clone());
        /// Place in the change stream of the deletion.
        deleted: Cursor = |ctx, { deleted, .. }| Ok(Cursor::Change(*deleted));
        /// What could not be restored, each with why.
        left_out: Vec<NotRestored> = |ctx, { left_out, .. }| Ok(left_out.iter().cloned().map(NotRestored).collect());
    }
    /// A phone was created.
    PhoneCreated {
        /// The phone as created.
        after: Phone = |ctx, { phone, .. }| state!(Phone, phone);
    }
    /// A phone was updated.
    PhoneUpdated {
        /// The phone before.
        before: Phone = |ctx, { before, .. }| state!(Phone, before);
        /// The phone after.
        after: Phone = |ctx, { after, .. }| state!(Phone, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A phone was deleted.
    PhoneDeleted {
        /// The phone as it was.
        before: Phone = |ctx, { phone, .. }| state!(Phone, phone);
    }
    /// A user logged in on a phone.
    SessionStarted {
        /// The session as it began.
        after: Session = |ctx, { session, .. }| state!(Session, session);
        /// The phone's name at that moment.
        phone_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The phone as it is now.
        phone: Option<Phone> = |ctx, { session, .. }| one(ctx, Some(session.phone_id)).await;
        /// The user as of now.
        user: Option<User> = |ctx, { session, .. }| one(ctx, Some(session.user_id)).await;
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, { session, .. }| one(ctx, session.profile_id).await;
    }
    /// A user was logged out of a phone.
    SessionEnded {
        /// The session as it was.
        before: Session = |ctx, { session, .. }| state!(Session, session);
        /// Why it ended.
        why: SessionEnd = |ctx, { why, .. }| Ok((*why).into());
        /// The phone's name at that moment.
        phone_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The phone as it is now.
        phone: Option<Phone> = |ctx, { session, .. }| one(ctx, Some(session.phone_id)).await;
        /// The user as of now.
        user: Option<User> = |ctx, { session, .. }| one(ctx, Some(session.user_id)).await;
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, { session, .. }| one(ctx, session.profile_id).await;
    }
    /// A default device profile was made.
    DefaultDeviceProfileCreated {
        /// The default device profile as made.
        after: DefaultDeviceProfile = |ctx, { profile, .. }| state!(DefaultDeviceProfile, profile);
    }
    /// A default device profile was updated.
    DefaultDeviceProfileUpdated {
        /// The default device profile before.
        before: DefaultDeviceProfile = |ctx, { before, .. }| state!(DefaultDeviceProfile, before);
        /// The default device profile after.
        after: DefaultDeviceProfile = |ctx, { after, .. }| state!(DefaultDeviceProfile, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A default device profile was deleted.
    DefaultDeviceProfileDeleted {
        /// The default device profile as it was.
        before: DefaultDeviceProfile = |ctx, { profile, .. }| state!(DefaultDeviceProfile, profile);
    }
    /// A role was composed.
    RoleCreated {
        /// The role as made.
        after: Role = |ctx, { role, .. }| state!(Role, role);
    }
    /// A role was updated.
    RoleUpdated {
        /// The role before.
        before: Role = |ctx, { before, .. }| state!(Role, before);
        /// The role after.
        after: Role = |ctx, { after, .. }| state!(Role, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A role was deleted.
    RoleDeleted {
        /// The role as it was.
        before: Role = |ctx, { role, .. }| state!(Role, role);
    }
    /// A line was created.
    LineCreated {
        /// The line as created.
        after: Line = |ctx, { line, .. }| state!(Line, line);
    }
    /// A line's own settings, which all its appearances share, were updated.
    LineUpdated {
        /// The line before.
        before: Line = |ctx, { before, .. }| state!(Line, before);
        /// The line after.
        after: Line = |ctx, { after, .. }| state!(Line, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A line was deleted.
    LineDeleted {
        /// The line as it was.
        before: Line = |ctx, { line, .. }| state!(Line, line);
    }
    /// A line was put on a device.
    AppearanceAdded {
        /// The appearance as added.
        after: LineAppearance = |ctx, { appearance, .. }| state!(LineAppearance, appearance);
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The line as it is now.
        line: Option<Line> = |ctx, { appearance, .. }| one(ctx, Some(appearance.line_id)).await;
        /// The device as it is now.
        device: Option<Device> = |ctx, { appearance, .. }| device::load(ctx, ctx.field(), appearance.device_id).await;
    }
    /// An appearance got another place or label on its device.
    AppearanceUpdated {
        /// The appearance before.
        before: LineAppearance = |ctx, { before, .. }| state!(LineAppearance, before);
        /// The appearance after.
        after: LineAppearance = |ctx, { after, .. }| state!(LineAppearance, after);
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The line as it is now.
        line: Option<Line> = |ctx, { after, .. }| one(ctx, Some(after.line_id)).await;
        /// The device as it is now.
        device: Option<Device> = |ctx, { after, .. }| device::load(ctx, ctx.field(), after.device_id).await;
    }
    /// An appearance's settings were changed through its line's original.
    AppearanceSettingsChanged {
        /// The settings before.
        before: AppearanceSettings = |ctx, { before, .. }| AppearanceSettings::try_from(before).map_err(Error::internal);
        /// The settings after.
        after: AppearanceSettings = |ctx, { after, .. }| AppearanceSettings::try_from(after).map_err(Error::internal);
        /// The names of the settings that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The original that it was changed through, as it is now.
        through: Option<LineAppearance> = |ctx, { through, .. }| one(ctx, Some(*through)).await;
        /// The line as it is now.
        line: Option<Line> = |ctx, { line_id, .. }| one(ctx, Some(*line_id)).await;
        /// The device as it is now.
        device: Option<Device> = |ctx, { device_id, .. }| device::load(ctx, ctx.field(), *device_id).await;
    }
    /// A line was taken off a device.
    AppearanceRemoved {
        /// The appearance as it was.
        before: LineAppearance = |ctx, { appearance, .. }| state!(LineAppearance, appearance);
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The line as it is now.
        line: Option<Line> = |ctx, { appearance, .. }| one(ctx, Some(appearance.line_id)).await;
        /// The device as it is now.
        device: Option<Device> = |ctx, { appearance, .. }| device::load(ctx, ctx.field(), appearance.device_id).await;
    }
    /// The oldest clone became the original, as the original went.
    ClonePromoted {
        /// The appearance before.
        before: LineAppearance = |ctx, { before, .. }| state!(LineAppearance, before);
        /// The appearance after.
        after: LineAppearance = |ctx, { after, .. }| state!(LineAppearance, after);
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The line as it is now.
        line: Option<Line> = |ctx, { after, .. }| one(ctx, Some(after.line_id)).await;
        /// The device as it is now.
        device: Option<Device> = |ctx, { after, .. }| device::load(ctx, ctx.field(), after.device_id).await;
    }
    /// A user was created.
    UserCreated {
        /// The user as created.
        after: User = |ctx, { user, .. }| state!(User, user);
    }
    /// A user was updated; the default profile is part of it.
    UserUpdated {
        /// The user before.
        before: User = |ctx, { before, .. }| state!(User, before);
        /// The user after.
        after: User = |ctx, { after, .. }| state!(User, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A user was deleted.
    UserDeleted {
        /// The user as it was.
        before: User = |ctx, { user, .. }| state!(User, user);
    }
    /// A user was associated with a profile.
    UserAssociated {
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, { association, .. }| one(ctx, Some(association.profile_id)).await;
        /// The user as of now.
        user: Option<User> = |ctx, { association, .. }| one(ctx, Some(association.user_id)).await;
        /// The user's place among the profile's users, from 1.
        position: i32 = |ctx, { association, .. }| Ok(association.position);
    }
    /// A user was disassociated from a profile; the users behind moved up.
    UserDisassociated {
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, { association, .. }| one(ctx, Some(association.profile_id)).await;
        /// The user as of now.
        user: Option<User> = |ctx, { association, .. }| one(ctx, Some(association.user_id)).await;
        /// The place that the user had among the profile's users, from 1.
        position: i32 = |ctx, { association, .. }| Ok(association.position);
    }
    /// The users of a profile were put in another order.
    UsersReordered {
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, { profile_id, .. }| one(ctx, Some(*profile_id)).await;
        /// The users in the order before, as far as you may see them.
        before: Vec<User> = |ctx, { before, .. }| several(ctx, before.iter().map(|id| id.0)).await;
        /// The users in the order after, as far as you may see them.
        after: Vec<User> = |ctx, { after, .. }| several(ctx, after.iter().map(|id| id.0)).await;
    }
    /// The phones that a user controls were changed.
    UserPhonesChanged {
        /// The user as of now.
        user: Option<User> = |ctx, { user_id, .. }| one(ctx, Some(*user_id)).await;
        /// The phones before, as far as you may see them.
        before: Vec<Phone> = |ctx, { before, .. }| several(ctx, before.iter().map(|id| id.0)).await;
        /// The phones after, as far as you may see them.
        after: Vec<Phone> = |ctx, { after, .. }| several(ctx, after.iter().map(|id| id.0)).await;
    }
    /// The profiles that applications may control for a user were changed.
    UserCtiProfilesChanged {
        /// The user as of now.
        user: Option<User> = |ctx, { user_id, .. }| one(ctx, Some(*user_id)).await;
        /// The profiles before, as far as you may see them.
        before: Vec<Profile> = |ctx, { before, .. }| several(ctx, before.iter().map(|id| id.0)).await;
        /// The profiles after, as far as you may see them.
        after: Vec<Profile> = |ctx, { after, .. }| several(ctx, after.iter().map(|id| id.0)).await;
    }
    /// A Quick Add group was made.
    QuickAddGroupCreated {
        /// The group as made.
        after: QuickAddGroup = |ctx, { group, .. }| state!(QuickAddGroup, group);
    }
    /// A Quick Add group was updated; what was made by it stays.
    QuickAddGroupUpdated {
        /// The group before.
        before: QuickAddGroup = |ctx, { before, .. }| state!(QuickAddGroup, before);
        /// The group after.
        after: QuickAddGroup = |ctx, { after, .. }| state!(QuickAddGroup, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(quick_add::differing(before, after));
    }
    /// A Quick Add group was deleted; what was made by it stays.
    QuickAddGroupDeleted {
        /// The group as it was.
        before: QuickAddGroup = |ctx, { group, .. }| state!(QuickAddGroup, group);
    }
    /// What is set at an organization was updated.
    OrganizationUpdated {
        /// The organization before.
        before: Organization = |ctx, { before, .. }| state!(Organization, before);
        /// The organization after.
        after: Organization = |ctx, { after, .. }| state!(Organization, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A number came into the inventory.
    NumberCreated {
        /// The number as it came.
        after: Number = |ctx, { number, .. }| state!(Number, number);
    }
    /// A number of the inventory was updated; its status is part of it.
    NumberUpdated {
        /// The number before.
        before: Number = |ctx, { before, .. }| state!(Number, before);
        /// The number after.
        after: Number = |ctx, { after, .. }| state!(Number, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A number went out of the inventory.
    NumberDeleted {
        /// The number as it was.
        before: Number = |ctx, { number, .. }| state!(Number, number);
    }
    /// A sample estate was generated into an empty database; take a snapshot to know what it holds.
    EstateGenerated {
        /// How many profiles.
        profiles: i64 = |ctx, { profiles, .. }| Ok(*profiles);
        /// How many phones.
        phones: i64 = |ctx, { phones, .. }| Ok(*phones);
        /// How many lines.
        lines: i64 = |ctx, { lines, .. }| Ok(*lines);
        /// How many users.
        users: i64 = |ctx, { users, .. }| Ok(*users);
    }
    /// A speed dial, busy lamp field, call park or service URL button was put on a device.
    ButtonAdded {
        /// The button as added.
        after: Button = |ctx, { button, .. }| state!(Button, button);
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The device as it is now.
        device: Option<Device> = |ctx, { button, .. }| device::load(ctx, ctx.field(), button.device_id).await;
    }
    /// A button got another position, or does or says something else.
    ButtonUpdated {
        /// The button before.
        before: Button = |ctx, { before, .. }| state!(Button, before);
        /// The button after.
        after: Button = |ctx, { after, .. }| state!(Button, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(button::differing(before, after));
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The device as it is now.
        device: Option<Device> = |ctx, { after, .. }| device::load(ctx, ctx.field(), after.device_id).await;
    }
    /// A button was taken off a device.
    ButtonRemoved {
        /// The button as it was.
        before: Button = |ctx, { button, .. }| state!(Button, button);
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The device as it is now.
        device: Option<Device> = |ctx, { button, .. }| device::load(ctx, ctx.field(), button.device_id).await;
    }
    /// A job was started.
    JobStarted {
        /// The job as started.
        after: Job = |ctx, { job, .. }| state!(Job, job);
    }
    /// A job moved on. While it works, this is told once a second at most.
    JobProgressed {
        /// The job before.
        before: Job = |ctx, { before, .. }| state!(Job, before);
        /// The job after.
        after: Job = |ctx, { after, .. }| state!(Job, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A button or softkey template was made.
    TemplateCreated {
        /// The template as made.
        after: Template = |ctx, { template, .. }| state!(Template, template);
    }
    /// A button or softkey template was updated.
    TemplateUpdated {
        /// The template before.
        before: Template = |ctx, { before, .. }| state!(Template, before);
        /// The template after.
        after: Template = |ctx, { after, .. }| state!(Template, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(fields(before, after));
    }
    /// A button or softkey template was deleted.
    TemplateDeleted {
        /// The template as it was.
        before: Template = |ctx, { template, .. }| state!(Template, template);
    }
    /// A phone service was made.
    ServiceCreated {
        /// The service as made.
        after: PhoneService = |ctx, { service, .. }| state!(PhoneService, service);
    }
    /// A phone service or its parameters were updated.
    ServiceUpdated {
        /// The service before.
        before: PhoneService = |ctx, { before, .. }| state!(PhoneService, before);
        /// The service after.
        after: PhoneService = |ctx, { after, .. }| state!(PhoneService, after);
        /// The names of the fields that differ.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(service_fields(before, after));
        /// How many subscriptions became stale by it.
        stale: i64 = |ctx, { stale, .. }| Ok(*stale);
    }
    /// A phone service was deleted.
    ServiceDeleted {
        /// The service as it was.
        before: PhoneService = |ctx, { service, .. }| state!(PhoneService, service);
    }
    /// A device was subscribed to a phone service; one that comes back with its profile may wait, unsubscribed, as it did.
    ServiceSubscribed {
        /// The subscription as made.
        after: ServiceSubscription = |ctx, { subscription, .. }| state!(ServiceSubscription, subscription);
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The device as it is now.
        device: Option<Device> = |ctx, { subscription, .. }| device::load(ctx, ctx.field(), subscription.device_id).await;
    }
    /// A subscription was updated, unsubscribed, taken up again or brought up to date.
    ServiceSubscriptionUpdated {
        /// The subscription before.
        before: ServiceSubscription = |ctx, { before, .. }| state!(ServiceSubscription, before);
        /// The subscription after.
        after: ServiceSubscription = |ctx, { after, .. }| state!(ServiceSubscription, after);
        /// The names of the fields that differ; of a password only that `values` do.
        fields: Vec<String> = |ctx, { before, after, .. }| Ok(service_fields(before, after));
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The device as it is now.
        device: Option<Device> = |ctx, { after, .. }| device::load(ctx, ctx.field(), after.device_id).await;
    }
    /// A subscription went, with its device or its service.
    ServiceSubscriptionRemoved {
        /// The subscription as it was.
        before: ServiceSubscription = |ctx, { subscription, .. }| state!(ServiceSubscription, subscription);
        /// The device's name at that moment.
        device_name: String = |ctx, { on, .. }| Ok(on.name.clone());
        /// The device as it is now.
        device: Option<Device> = |ctx, { subscription, .. }| device::load(ctx, ctx.field(), subscription.device_id).await;
    }
    /// A part of the subscriptions to a phone service was brought up to date.
    ServiceResynced {
        /// The service at that moment.
        service: PhoneService = |ctx, { service, .. }| state!(PhoneService, service);
        /// How many subscriptions the part had.
        derived: i64 = |ctx, { derived, .. }| Ok(*derived);
    }
}

/// Something that was there when the snapshot was taken.
#[derive(Clone)]
pub struct Present(pub Node);

/// Something that was there when the snapshot was taken.
#[Object]
impl Present {
    /// What kind of change it is.
    pub async fn kind(&self) -> ChangeKind {
        ChangeKind::Present
    }

    /// The thing; its own fields are those of the snapshot.
    pub async fn node(&self, _ctx: &Context<'_>) -> Result<Option<Node>> {
        Ok(Some(self.0.clone()))
    }

    /// None: it changed no field.
    pub async fn field_changes(&self, _ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
        Ok(Vec::new())
    }
}

/// The end of a snapshot.
#[derive(Clone)]
pub struct SnapshotComplete(pub i64);

/// The snapshot is complete; what follows are changes.
#[Object]
impl SnapshotComplete {
    /// What kind of change it is.
    pub async fn kind(&self) -> ChangeKind {
        ChangeKind::SnapshotComplete
    }

    /// Nothing: it happened to no single thing.
    pub async fn node(&self, _ctx: &Context<'_>) -> Result<Option<Node>> {
        Ok(None)
    }

    /// None: it changed no field.
    pub async fn field_changes(&self, _ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
        Ok(Vec::new())
    }

    /// How many things the snapshot held.
    async fn count(&self) -> i64 {
        self.0
    }
}

/// Something went out of the caller's sight.
#[derive(Clone)]
pub struct Left(pub NodeId);

/// Something, with everything below it, was moved out of your sight; to you it is gone.
#[Object]
impl Left {
    /// What kind of change it is.
    pub async fn kind(&self) -> ChangeKind {
        ChangeKind::Left
    }

    /// Nothing: it is not for you to see any more.
    pub async fn node(&self, _ctx: &Context<'_>) -> Result<Option<Node>> {
        Ok(None)
    }

    /// None: it changed no field.
    pub async fn field_changes(&self, _ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
        Ok(Vec::new())
    }

    /// Global id of what went.
    async fn id(&self) -> ID {
        self.0.encode()
    }
}

/// A change with its place in the stream.
#[derive(Clone)]
pub struct ChangeEvent {
    pub cursor: Cursor,
    pub at: entity::Moment,
    pub by: String,
    pub reason: Option<String>,
    pub change: Change,
}

/// A change with its place in the stream: who made it, when and why.
#[Object]
impl ChangeEvent {
    /// Its place: follow with `after` this to get exactly what comes next.
    async fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// When it was committed.
    async fn at(&self) -> DateTime<Utc> {
        date_time(self.at)
    }

    /// Name of the token that made it.
    async fn by(&self) -> &str {
        &self.by
    }

    /// Why, as the caller said.
    async fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// What happened.
    async fn change(&self) -> &Change {
        &self.change
    }
}

impl From<&Entry> for ChangeEvent {
    fn from(entry: &Entry) -> Self {
        Self {
            cursor: Cursor::Change(entry.seq),
            at: entry.at,
            by: entry.by.clone(),
            reason: entry.reason.clone(),
            change: Change::of(entry.change.clone()),
        }
    }
}

/// Which changes are asked for. All that is given must hold; an empty list lets nothing through.
#[derive(Default, InputObject)]
pub struct ChangeFilter {
    /// In any of these organizations or below.
    pub organizations: Option<Vec<ID>>,
    /// About any of these kinds of thing.
    pub nouns: Option<Vec<Noun>>,
    /// Of any of these kinds.
    pub kinds: Option<Vec<ChangeKind>>,
    /// About any of these profiles; with the other lists of things, about any of all these.
    pub profiles: Option<Vec<ID>>,
    /// About any of these phones.
    pub phones: Option<Vec<ID>>,
    /// About any of these lines.
    pub lines: Option<Vec<ID>>,
    /// About any of these users.
    pub users: Option<Vec<ID>>,
    /// About any of these numbers of the inventory.
    pub numbers: Option<Vec<ID>>,
    /// About any of these phone services, with subscriptions to them; a resync tells of each subscription and each part.
    pub services: Option<Vec<ID>>,
    /// About any of these subscriptions to phone services.
    pub service_subscriptions: Option<Vec<ID>>,
    /// About any of these sessions.
    pub sessions: Option<Vec<ID>>,
    /// About any of these jobs, as they move on.
    pub jobs: Option<Vec<ID>>,
    /// About any of these clusters, with their templates, phone services and default device profiles; not with what is
    /// kept on them.
    pub clusters: Option<Vec<ID>>,
    /// About any of these appearances of lines.
    pub appearances: Option<Vec<ID>>,
    /// About any of these speed dials and other buttons.
    pub buttons: Option<Vec<ID>>,
    /// About any of these button and softkey templates.
    pub templates: Option<Vec<ID>>,
    /// About any of these Quick Add groups.
    pub quick_add_groups: Option<Vec<ID>>,
    /// About any of these default device profiles.
    pub default_device_profiles: Option<Vec<ID>>,
    /// About any of these roles.
    pub roles: Option<Vec<ID>>,
}

impl From<ChangeFilter> for Query {
    fn from(filter: ChangeFilter) -> Self {
        use change_subject::Noun;
        let mut subjects = None;
        for (noun, ids) in [
            (Noun::Profile, filter.profiles.map(|ids| numbers(&ids, id::profile))),
            (Noun::Phone, filter.phones.map(|ids| numbers(&ids, id::phone))),
            (Noun::Line, filter.lines.map(|ids| numbers(&ids, id::line))),
            (Noun::User, filter.users.map(|ids| numbers(&ids, id::user))),
            (Noun::Number, filter.numbers.map(|ids| numbers(&ids, id::number))),
            (Noun::Service, filter.services.map(|ids| numbers(&ids, id::service))),
            (
                Noun::ServiceSubscription,
                filter.service_subscriptions.map(|ids| numbers(&ids, id::service_subscription)),
            ),
            (Noun::Session, filter.sessions.map(|ids| numbers(&ids, id::session))),
            (Noun::Job, filter.jobs.map(|ids| numbers(&ids, id::job))),
            (Noun::Cluster, filter.clusters.map(|ids| numbers(&ids, id::cluster))),
            (Noun::Appearance, filter.appearances.map(|ids| numbers(&ids, id::appearance))),
            (Noun::Button, filter.buttons.map(|ids| numbers(&ids, id::button))),
            (Noun::Template, filter.templates.map(|ids| numbers(&ids, id::template))),
            (Noun::QuickAddGroup, filter.quick_add_groups.map(|ids| numbers(&ids, id::quick_add_group))),
            (
                Noun::DefaultDeviceProfile,
                filter.default_device_profiles.map(|ids| numbers(&ids, id::default_device_profile)),
            ),
            (Noun::Role, filter.roles.map(|ids| numbers(&ids, id::role))),
        ] {
            if let Some(ids) = ids {
                subjects.get_or_insert_with(Vec::new).extend(ids.into_iter().map(|id| (noun, id)));
            }
        }
        let organizations = filter.organizations.map(|ids| numbers(&ids, id::organization));
        Self {
            subjects,
            kinds: filter.kinds.map(|kinds| kinds.into_iter().filter_map(ChangeKind::stored).collect()),
            nouns: filter.nouns.map(|nouns| nouns.into_iter().map(Into::into).collect()),
            organizations: organizations.map(|ids| ids.into_iter().map(OrganizationId).collect()),
            unread: Vec::new(),
        }
    }
}

/// Whether a change is one that was asked for; `within` holds the organizations that the query names and those below.
pub fn is_asked(query: &Query, within: Option<&HashSet<OrganizationId>>, entry: &Entry) -> bool {
    let kind = entry.change.kind().as_str();
    let about = |nouns: &Vec<_>| entry.subjects.iter().any(|(noun, _)| nouns.contains(noun));
    let hidden = |unread: &[_]| entry.subjects.iter().any(|(noun, _)| unread.contains(noun));
    let of = |subjects: &Vec<_>| entry.subjects.iter().any(|subject| subjects.contains(subject));
    query.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind))
        && query.nouns.as_ref().is_none_or(about)
        && query.subjects.as_ref().is_none_or(of)
        && !hidden(&query.unread)
        && within.is_none_or(|within| entry.organization.is_some_and(|id| within.contains(&id)))
}

/// What a change happened to, as it is now.
async fn subject(ctx: &Context<'_>, change: &rule::Change) -> Result<Option<Node>> {
    let Some((noun, number)) = change.subjects().into_iter().next() else { return Ok(None) };
    node::load(ctx, ctx.field(), node_id(noun, number)).await
}

/// The global id of a subject.
pub fn node_id(noun: change_subject::Noun, id: i64) -> NodeId {
    use change_subject::Noun;
    use entity::{
        AppearanceId, ButtonId, ClusterId, DefaultDeviceProfileId, DeviceId, JobId, LineId, NumberId,
        QuickAddId, RoleId, ServiceId, ServiceSubscriptionId, SessionId, TemplateId, UserId,
    };
    match noun {
        Noun::Organization => NodeId::Organization(OrganizationId(id)),
        Noun::Cluster => NodeId::Cluster(ClusterId(id)),
        Noun::Device => NodeId::Device(DeviceId(id)),
        Noun::Profile => NodeId::Profile(DeviceId(id)),
        Noun::Phone => NodeId::Phone(DeviceId(id)),
        Noun::Session => NodeId::Session(SessionId(id)),
        Noun::DefaultDeviceProfile => NodeId::DefaultDeviceProfile(DefaultDeviceProfileId(id)),
        Noun::Line => NodeId::Line(LineId(id)),
        Noun::Appearance => NodeId::Appearance(AppearanceId(id)),
        Noun::User => NodeId::User(UserId(id)),
        Noun::QuickAddGroup => NodeId::QuickAddGroup(QuickAddId(id)),
        Noun::Button => NodeId::Button(ButtonId(id)),
        Noun::Template => NodeId::Template(TemplateId(id)),
        Noun::Service => NodeId::Service(ServiceId(id)),
        Noun::ServiceSubscription => NodeId::ServiceSubscription(ServiceSubscriptionId(id)),
        Noun::Number => NodeId::Number(NumberId(id)),
        Noun::Job => NodeId::Job(JobId(id)),
        Noun::Role => NodeId::Role(RoleId(id)),
    }
}

/// The GraphQL names of the fields that differ; what only counts or notes the change is left out.
fn fields<T: serde::Serialize>(before: &T, after: &T) -> Vec<String> {
    differing(before, after)
        .into_iter()
        .filter(|name| !matches!(name.as_str(), "version" | "updated_at" | "name_key" | "path_key"))
        .map(|name| camel(&name))
        .collect()
}

/// The same of a phone service or a subscription to one, whose columns have other names; what only serves to tell what is
/// stale is left out.
fn service_fields<T: serde::Serialize>(before: &T, after: &T) -> Vec<String> {
    let named = |name: String| match name.as_str() {
        "kind" => Some("type".to_owned()),
        "release" => Some("vendorVersion".to_owned()),
        "given" => Some("values".to_owned()),
        "buttonId" => Some("button".to_owned()),
        "custom" => Some("urlState".to_owned()),
        "revision" | "position" | "label" => None,
        _ => Some(name),
    };
    fields(before, after).into_iter().filter_map(named).collect()
}

/// A page of the history of a thing, newest first; those of many things are read at once.
pub async fn history(
    ctx: &Context<'_>,
    noun: change_subject::Noun,
    id: i64,
    first: Option<i32>,
    after: Option<String>,
) -> Result<Connection<ChangeEvent>> {
    const LIST: &str = "history";
    let asked = Asked { first, after, last: None, before: None };
    let slice = slice(&ctx.app()?.config().page, LIST, true, asked)?;
    let before = slice.after.as_ref().and_then(|key| seq(Some(key)));
    let limit = slice.limit as usize;
    let entries = ctx.loaders()?.history(noun, id, before, i64::from(slice.limit) + 1).await?;
    let page = Page {
        rows: entries.iter().take(limit).map(|entry| (ChangeEvent::from(entry), place(entry))).collect(),
        has_previous: slice.after.is_some(),
        has_next: entries.len() > limit,
    };
    Ok(Listed::of_history(LIST, page, noun, id))
}

/// The number of a place among the changes that are kept.
pub async fn place_of(ctx: &Context<'_>, cursor: Cursor, argument: &str) -> Result<i64> {
    let Cursor::Change(seq) = cursor else {
        return Err(Error::Input(format!("`{argument}` is a place within a snapshot, not among changes")));
    };
    let newest = ctx.app()?.newest_change().await?;
    let expired = match ctx.app()?.oldest_change().await? {
        Some((oldest, _)) => seq < oldest - 1,
        None => seq < newest,
    };
    if expired {
        return Err(Error::CursorExpired);
    }
    if seq > newest {
        return Err(Error::Input(format!("`{argument}` is not one of this estate's changes")));
    }
    Ok(seq)
}

fn place(entry: &Entry) -> Key {
    Key { value: KeyValue::Int(entry.seq), id: 0 }
}

fn seq(key: Option<&Key>) -> Option<i64> {
    match key?.value {
        KeyValue::Int(seq) => Some(seq),
        KeyValue::Text(_) => None,
    }
}

#[derive(Default)]
pub struct ChangeQuery;

#[Object]
impl ChangeQuery {
    /// Every change that is kept, oldest first, as the subscription of this name tells them.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "After this place in the change stream.")] since: Option<Cursor>,
        #[graphql(desc = "Which ones.")] filter: Option<ChangeFilter>,
    ) -> Result<Connection<ChangeEvent>> {
        const LIST: &str = "changes";
        let asked = Asked { first, after, last, before };
        let slice = slice(&ctx.app()?.config().page, LIST, true, asked)?;
        let reader = ctx.reader()?;
        let query = Query { unread: reader.unread().to_vec(), ..Query::from(filter.unwrap_or_default()) };
        let since = match since {
            Some(since) => Some(place_of(ctx, since, "since").await?),
            None => None,
        };
        let low = seq(slice.after.as_ref()).max(since);
        let high = seq(slice.before.as_ref());
        let (after, before) = if slice.backwards { (high, low) } else { (low, high) };
        let span = Span { after, before, limit: i64::from(slice.limit) + 1, descending: slice.backwards };
        let mut entries = outbox::history(&reader, reader.scope(), &query, span).await?;
        let more = entries.len() > slice.limit as usize;
        entries.truncate(slice.limit as usize);
        if slice.backwards {
            entries.reverse();
        }
        let page = Page {
            rows: entries.iter().map(|entry| (ChangeEvent::from(entry), place(entry))).collect(),
            has_previous: if slice.backwards { more } else { low.is_some() },
            has_next: if slice.backwards { high.is_some() } else { more },
        };
        let query = Arc::new(query);
        let count = move || -> futures_util::future::BoxFuture<'static, Result<i64>> {
            let (reader, query) = (reader.clone(), query.clone());
            Box::pin(async move { Ok(outbox::count(&reader, reader.scope(), &query, since).await?) })
        };
        Ok(Listed::page(LIST, page, Box::new(count)))
    }
}
