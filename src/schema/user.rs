//! Users in the graph.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, OneofObject, SimpleObject};
use chrono::{DateTime, Utc};
use entity::change_subject::Noun;

use super::{
    Ask, Result,
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{Asked, Connection, Direction, Rendered, TimeRange, below, one, one_joined, root, several},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Thing, rendered, to_joined, to_many, to_one},
    mutation::{About, CallInput, Said, Says, Sent, payload, run, say},
    organization::Organization,
    phone::Phone,
    preview::DeletePreview,
    profile::{NewProfileInput, Profile, only},
    session::{Session, ended},
    value::{
        enums::{OnActiveSession, SoleProfiles},
        id::{self, NodeId, or_none},
        scalar::date_time,
    },
};
use crate::{
    rule::{
        Change as RuleChange,
        user::{Associate, Create, Delete, Disassociate, Reorder, SetDefault, Update},
    },
    store::{
        page::{Filter, Order},
        phone, profile, session, user,
    },
};

mod extension_mobility;

use extension_mobility::UserExtensionMobility;

/// A user.
pub type User = Thing<UserObject>;

/// The fields of [`User`].
#[derive(Clone)]
pub struct UserObject(pub Arc<user::Row>);

rendered!(UserObject over user::Row, in user {
    "organization" => to_joined::<user::Row, Organization>(|row| Ok(Some(row.organization_id.get()?.0)), |row| row.joined.organization.clone()),
    "cluster" => to_joined::<user::Row, Cluster>(|row| Ok(Some(row.cluster_id.get()?.0)), |row| row.joined.cluster.clone()),
    "profiles" => to_many::<user::Row, Profile>(profile::OF_USER),
    "defaultProfile" => to_one::<user::Row, Profile>(|row| Ok(row.default_profile_id.get()?.map(|id| id.0))),
    "phones" => to_many::<user::Row, Phone>(phone::OF_USER),
    "sessions" => to_many::<user::Row, Session>(session::OF_USER),
    "ctiProfiles" => to_many::<user::Row, Profile>(profile::CTI_OF_USER),
});

/// The number that stands for a user.
#[derive(SimpleObject)]
pub struct PrimaryExtension {
    /// The directory number.
    pattern: String,
    /// The route partition; nothing is Unified CM's none.
    partition: Option<String>,
}

/// A person who logs in on phones, as far as extension mobility needs to know.
#[Object(name = "User")]
impl UserObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::User(*self.0.id.get()?).encode())
    }

    /// What the user types to log in, unique on the cluster.
    async fn user_id(&self) -> Result<&str> {
        Ok(self.0.user_id.get()?)
    }

    /// First name; may be empty.
    async fn first_name(&self) -> Result<&str> {
        Ok(self.0.first_name.get()?)
    }

    /// Last name.
    async fn last_name(&self) -> Result<&str> {
        Ok(self.0.last_name.get()?)
    }

    /// How the user is shown.
    async fn display_name(&self) -> Result<Option<&str>> {
        Ok(self.0.display_name.get()?.as_deref())
    }

    /// Email address.
    async fn email(&self) -> Result<Option<&str>> {
        Ok(self.0.email.get()?.as_deref())
    }

    /// Department.
    async fn department(&self) -> Result<Option<&str>> {
        Ok(self.0.department.get()?.as_deref())
    }

    /// Language; nothing takes the system's.
    async fn user_locale(&self) -> Result<Option<&str>> {
        Ok(self.0.user_locale.get()?.as_deref())
    }

    /// Minutes after which a login of this user ends, up to 10080; nothing takes the cluster's.
    async fn max_login_minutes(&self) -> Result<Option<i32>> {
        Ok(*self.0.max_login_minutes.get()?)
    }

    /// Whether the user may log in on phones of other clusters.
    async fn cross_cluster(&self) -> Result<bool> {
        Ok(*self.0.cross_cluster.get()?)
    }

    /// Whether this is the user's home cluster.
    async fn home_cluster(&self) -> Result<bool> {
        Ok(*self.0.home_cluster.get()?)
    }

    /// The number that stands for the user, one on the user's devices.
    async fn primary_extension(&self) -> Result<Option<PrimaryExtension>> {
        let partition = self.0.primary_partition.get()?.clone().filter(|partition| !partition.is_empty());
        Ok(self.0.primary_pattern.get()?.clone().map(|pattern| PrimaryExtension { pattern, partition }))
    }

    /// Raised with every change; pass it as `expectedVersion` to change this version only.
    async fn version(&self) -> Result<i64> {
        Ok(*self.0.version.get()?)
    }

    /// When it was created.
    async fn created_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.created_at.get()?))
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.updated_at.get()?))
    }

    /// The organization that the user is kept at.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one_joined(ctx, self.0.joined.organization.as_ref(), *self.0.organization_id.get()?).await
    }

    /// The cluster that the user is on.
    async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
        one_joined(ctx, self.0.joined.cluster.as_ref(), *self.0.cluster_id.get()?).await
    }

    /// The profiles that serve the user, by name.
    async fn profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Profile>> {
        let asked = Asked { first, after, last, before };
        below(ctx, profile::OF_USER, self.0.id.get()?.0, asked).await
    }

    /// The profile that is chosen at login unless the user picks another.
    async fn default_profile(&self, ctx: &Context<'_>) -> Result<Option<Profile>> {
        one(ctx, *self.0.default_profile_id.get()?).await
    }

    /// Everything of extension mobility that belongs to the user, on one page.
    async fn extension_mobility(&self) -> Result<UserExtensionMobility> {
        Ok(UserExtensionMobility(self.0.clone()))
    }

    /// The phones that the user controls, by name.
    async fn phones(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Phone>> {
        let asked = Asked { first, after, last, before };
        below(ctx, phone::OF_USER, self.0.id.get()?.0, asked).await
    }

    /// The profiles that applications may control for the user, by name.
    async fn cti_profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Profile>> {
        let asked = Asked { first, after, last, before };
        below(ctx, profile::CTI_OF_USER, self.0.id.get()?.0, asked).await
    }

    /// Where the user is logged in, on phones that you see, oldest login first.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Session>> {
        let asked = Asked { first, after, last, before };
        below(ctx, session::OF_USER, self.0.id.get()?.0, asked).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::User, self.0.id.get()?.0, first, after).await
    }
}

/// One user, by id or by user id.
#[derive(OneofObject)]
pub enum UserBy {
    /// Global id.
    Id(ID),
    /// User id on a cluster.
    UserId(UserIdOnCluster),
}

/// A user id on a cluster.
#[derive(InputObject)]
pub struct UserIdOnCluster {
    /// What the user types to log in.
    pub user_id: String,
    /// The cluster.
    pub cluster_id: ID,
}

/// Which users a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct UserFilter {
    /// All of these must hold.
    pub and: Option<Vec<UserFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<UserFilter>>,
    /// This must not hold.
    pub not: Option<Box<UserFilter>>,
    /// Any of these users.
    pub ids: Option<Vec<ID>>,
    /// What the user types to log in.
    pub user_id: Option<StringFilter>,
    /// Last, first and display name, in this order and with blanks between; whatever the case.
    pub name: Option<StringFilter>,
    /// Email address, whatever the case.
    pub email: Option<StringFilter>,
    /// Department.
    pub department: Option<StringFilter>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// In these organizations.
    pub organization: Option<OrganizationScope>,
    /// Served by any of these profiles.
    pub profiles: Option<Vec<ID>>,
    /// Controlling any of these phones.
    pub phones: Option<Vec<ID>>,
    /// With any of these lines on a profile.
    pub lines: Option<Vec<ID>>,
    /// Whether any profile serves the user.
    pub has_profiles: Option<bool>,
    /// Whether the user has a default profile.
    pub has_default_profile: Option<bool>,
    /// Whether the user is logged in, on a phone that you see.
    pub logged_in: Option<bool>,
    /// When the user was last changed.
    pub updated: Option<TimeRange>,
}

impl From<UserFilter> for Filter {
    fn from(filter: UserFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::user)))
            .add(filter.user_id, |text| text.keyed("t.user_id"))
            .add(filter.name, |text| text.keyed("t.name_key"))
            .add(filter.email, |text| text.keyed("lower(t.email)"))
            .add(filter.department, |text| text.exact("t.department"))
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .add(filter.profiles, |ids| {
                let ids = numbers(&ids, id::profile);
                Filter::Linked("SELECT user_id FROM profile_user WHERE profile_id", ids, "profile")
            })
            .add(filter.phones, |ids| {
                let ids = numbers(&ids, id::phone);
                Filter::Linked("SELECT user_id FROM user_phone WHERE phone_id", ids, "phone")
            })
            .add(filter.lines, |ids| {
                let select = "SELECT u.user_id FROM profile_user u JOIN line_appearance a ON a.device_id = \
                              u.profile_id WHERE a.line_id";
                Filter::Linked(select, numbers(&ids, id::line), "line")
            })
            .related(
                filter.has_profiles,
                "SELECT 1 FROM profile_user l WHERE l.user_id = t.id",
                "l.profile_id",
                "profile",
            )
            .related(
                filter.has_default_profile,
                "SELECT 1 FROM profile l WHERE l.id = t.default_profile_id",
                "l.id",
                "profile",
            )
            .related(
                filter.logged_in,
                "SELECT 1 FROM session l WHERE l.user_id = t.id",
                "l.phone_id",
                "phone",
            )
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// What users are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum UserOrderField {
    /// Last, then first name.
    #[default]
    Name,
    /// What the user types to log in.
    UserId,
    /// When the user was created.
    CreatedAt,
    /// When the user was last changed.
    UpdatedAt,
}

/// The order of users.
#[derive(Default, InputObject)]
pub struct UserOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: UserOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<UserOrder> for Order {
    fn from(order: UserOrder) -> Self {
        let (column, number) = match order.field {
            UserOrderField::Name => ("t.name_key", false),
            UserOrderField::UserId => ("t.user_id", false),
            UserOrderField::CreatedAt => ("t.created_at", true),
            UserOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// One user; nothing when there is none, or none for you to see.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How the user is named.")] by: UserBy,
    ) -> Result<Option<User>> {
        ctx.caller()?;
        match by {
            UserBy::Id(id) => one(ctx, id::user(&id)).await,
            UserBy::UserId(named) => {
                let filter = Filter::All(vec![
                    Filter::Is("t.user_id", named.user_id),
                    Filter::Numbers("t.cluster_id", numbers(&[named.cluster_id], id::cluster)),
                ]);
                only(ctx, filter, user::BY_USER_ID).await
            }
        }
    }

    /// Users, by last and first name unless told otherwise.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<UserFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<UserOrder>,
    ) -> Result<Connection<User>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "users", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// A number that is to stand for a user.
#[derive(InputObject)]
pub struct PrimaryExtensionInput {
    /// The directory number; it must stand on one of the user's phones or profiles.
    pub pattern: String,
    /// The route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
}

/// What a user is made of.
#[derive(InputObject)]
pub struct CreateUserInput {
    /// The organization to keep the user at: any but the root of the tree.
    pub organization_id: ID,
    /// The cluster that the user is on; it must serve the organization.
    pub cluster_id: ID,
    /// What the user types to log in: 1 to 128 of a-z, 0-9, '.', '_', '-' and '@', unique on the cluster. It cannot be
    /// changed later.
    pub user_id: String,
    /// First name, up to 64 characters.
    #[graphql(default)]
    pub first_name: String,
    /// Last name, 1 to 64 characters.
    pub last_name: String,
    /// How the user is shown, up to 64 characters.
    pub display_name: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// Department, up to 64 characters.
    pub department: Option<String>,
    /// Language; the system's unless given.
    pub user_locale: Option<String>,
    /// Minutes after which a login of this user ends, 0 to 10080; the cluster's unless given.
    pub max_login_minutes: Option<i32>,
    /// Whether the user may log in on phones of other clusters.
    #[graphql(default)]
    pub cross_cluster: bool,
    /// Whether this is the user's home cluster.
    #[graphql(default = true)]
    pub home_cluster: bool,
    /// The number that stands for the user.
    pub primary_extension: Option<PrimaryExtensionInput>,
    /// The phones that the user controls.
    #[graphql(default)]
    pub phone_ids: Vec<ID>,
    /// The profiles that applications may control for the user.
    #[graphql(default)]
    pub cti_profile_ids: Vec<ID>,
    /// Profiles that are there, to serve this user as well, behind the users that they have.
    #[graphql(default)]
    pub profile_ids: Vec<ID>,
    /// Profiles to make for this user, with their lines.
    #[graphql(default)]
    pub new_profiles: Vec<NewProfileInput>,
    /// Which of these profiles is the default: its place, from 0, in `profileIds` followed by `newProfiles`.
    pub default_profile: Option<u32>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a user: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct UpdateUserInput {
    /// The user.
    pub id: ID,
    /// The user's version, to change that one only.
    pub expected_version: Option<i64>,
    /// First name.
    pub first_name: MaybeUndefined<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// How the user is shown.
    pub display_name: MaybeUndefined<String>,
    /// Email address.
    pub email: MaybeUndefined<String>,
    /// Department.
    pub department: MaybeUndefined<String>,
    /// Language.
    pub user_locale: MaybeUndefined<String>,
    /// Minutes after which a login of this user ends.
    pub max_login_minutes: MaybeUndefined<i32>,
    /// Whether the user may log in on phones of other clusters.
    pub cross_cluster: Option<bool>,
    /// Whether this is the user's home cluster.
    pub home_cluster: Option<bool>,
    /// The number that stands for the user.
    pub primary_extension: MaybeUndefined<PrimaryExtensionInput>,
    /// The phones that the user controls: the whole list.
    pub phone_ids: Option<Vec<ID>>,
    /// The profiles that applications may control for the user: the whole list.
    pub cti_profile_ids: Option<Vec<ID>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A user to delete.
#[derive(InputObject)]
pub struct DeleteUserInput {
    /// The user.
    pub id: ID,
    /// The user's version, to delete that one only.
    pub expected_version: Option<i64>,
    /// What becomes of profiles that serve nobody else; needed where there are any. A profile with other users is
    /// never deleted.
    pub sole_profiles: Option<SoleProfiles>,
    /// What to do where the user is logged in.
    #[graphql(default)]
    pub on_active_session: OnActiveSession,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Users for a profile.
#[derive(InputObject)]
pub struct AssociateUsersInput {
    /// The profile.
    pub profile_id: ID,
    /// The profile's version, to change that one only.
    pub expected_version: Option<i64>,
    /// The users, to stand behind those that it has, in this order.
    pub user_ids: Vec<ID>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A user to take off a profile.
#[derive(InputObject)]
pub struct DisassociateUserInput {
    /// The profile.
    pub profile_id: ID,
    /// The profile's version, to change that one only.
    pub expected_version: Option<i64>,
    /// The user.
    pub user_id: ID,
    /// What to do where the user is logged in with the profile.
    #[graphql(default)]
    pub on_active_session: OnActiveSession,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Another order for a profile's users.
#[derive(InputObject)]
pub struct ReorderUsersInput {
    /// The profile.
    pub profile_id: ID,
    /// The profile's version, to change that one only.
    pub expected_version: Option<i64>,
    /// All its users, in the new order.
    pub user_ids: Vec<ID>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A user's default profile.
#[derive(InputObject)]
pub struct SetDefaultProfileInput {
    /// The user.
    pub user_id: ID,
    /// The user's version, to change that one only.
    pub expected_version: Option<i64>,
    /// One of the user's profiles; null for no default.
    pub profile_id: Option<ID>,
    #[graphql(flatten)]
    pub call: CallInput,
}

fn made(change: &RuleChange) -> Option<i64> {
    match change {
        RuleChange::UserCreated { user } => Some(user.id.0),
        _ => None,
    }
}

impl Says for CreateUserInput {
    type Command = Create;

    fn said(self) -> Result<Said<Create>> {
        let mut fields = Sent::default();
        fields
            .given("first_name", Some(self.first_name))
            .given("last_name", Some(self.last_name))
            .given("display_name", self.display_name)
            .given("email", self.email)
            .given("department", self.department)
            .given("user_locale", self.user_locale)
            .given("max_login_minutes", self.max_login_minutes)
            .given("cross_cluster", Some(self.cross_cluster))
            .given("home_cluster", Some(self.home_cluster));
        if let Some(extension) = self.primary_extension {
            fields
                .given("primary_pattern", Some(extension.pattern))
                .given("primary_partition", Some(extension.partition));
        }
        let organization = or_none(id::organization(&self.organization_id));
        let cluster = or_none(id::cluster(&self.cluster_id));
        let new_profiles = self.new_profiles.into_iter();
        let cmd = Create {
            organization,
            cluster,
            user_id: self.user_id,
            fields: fields.patch(),
            phones: phones(&self.phone_ids),
            cti_profiles: profiles(&self.cti_profile_ids),
            profiles: profiles(&self.profile_ids),
            new_profiles: new_profiles
                .map(|new| new.command(organization, cluster))
                .collect::<Result<_>>()?,
            default_profile: self.default_profile.map(|at| at as usize),
        };
        Ok(Said { call: self.call, about: About::Made(made), cmd })
    }
}

impl Says for UpdateUserInput {
    type Command = Update;

    fn said(self) -> Result<Said<Update>> {
        let id = or_none(id::user(&self.id));
        let mut fields = Sent::default();
        fields
            .maybe("first_name", self.first_name)
            .given("last_name", self.last_name)
            .maybe("display_name", self.display_name)
            .maybe("email", self.email)
            .maybe("department", self.department)
            .maybe("user_locale", self.user_locale)
            .maybe("max_login_minutes", self.max_login_minutes)
            .given("cross_cluster", self.cross_cluster)
            .given("home_cluster", self.home_cluster);
        let (pattern, partition) = match self.primary_extension {
            MaybeUndefined::Undefined => (MaybeUndefined::Undefined, MaybeUndefined::Undefined),
            MaybeUndefined::Null => (MaybeUndefined::Null, MaybeUndefined::Null),
            MaybeUndefined::Value(extension) => {
                (MaybeUndefined::Value(extension.pattern), MaybeUndefined::Value(extension.partition))
            }
        };
        fields.maybe("primary_pattern", pattern).maybe("primary_partition", partition);
        let cmd = Update {
            id,
            expected_version: self.expected_version,
            fields: fields.patch(),
            phones: self.phone_ids.as_deref().map(phones),
            cti_profiles: self.cti_profile_ids.as_deref().map(profiles),
        };
        Ok(Said { call: self.call, about: About::There(id.0), cmd })
    }
}

impl Says for DeleteUserInput {
    type Command = Delete;

    fn said(self) -> Result<Said<Delete>> {
        let cmd = Delete {
            id: or_none(id::user(&self.id)),
            expected_version: self.expected_version,
            sole_profiles: self.sole_profiles.map(Into::into),
            on_active_session: self.on_active_session.into(),
        };
        Ok(Said { call: self.call, about: About::Gone, cmd })
    }
}

payload! {
    /// What came of `createUser`.
    CreateUserPayload {
        /// The new user; nothing on a dry run.
        user: Option<User> = |ctx, done| one(ctx, done.subject).await;
        /// The profiles that were made.
        profiles: Vec<Profile> = |ctx, done| several(ctx, done.collect(|change| match change {
            RuleChange::ProfileCreated { profile } => Some(profile.id.0),
            _ => None,
        })).await;
    }
}

payload! {
    /// What came of `updateUser`.
    UpdateUserPayload {
        /// The user as of now.
        user: Option<User> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteUser`.
    DeleteUserPayload {
        /// What it does, or on a dry run would do: what goes along, what stays, and what is freed.
        preview: DeletePreview = |_ctx, done| Ok(DeletePreview::of(done));
        /// The profiles that stay, without this user.
        profiles_left: Vec<Profile> = |ctx, done| several(ctx, done.collect(|change| match change {
            RuleChange::UserDisassociated { association, .. } => Some(association.profile_id.0),
            _ => None,
        })).await;
        /// The profiles that went with the user, as they were.
        deleted_profiles: Vec<Profile> = |_ctx, done| Ok(done.collect(|change| match change {
            RuleChange::ProfileDeleted { profile } => Some(Profile::of(Arc::new(profile.clone().into()))),
            _ => None,
        }));
        /// The sessions that ended, as they were.
        logged_out: Vec<Session> = |_ctx, done| Ok(ended(done));
    }
}

payload! {
    /// What came of `associateUsers`.
    AssociateUsersPayload {
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `disassociateUser`.
    DisassociateUserPayload {
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `reorderUsers`.
    ReorderUsersPayload {
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `setDefaultProfile`.
    SetDefaultProfilePayload {
        /// The user as of now.
        user: Option<User> = |ctx, done| one(ctx, done.subject).await;
    }
}

#[derive(Default)]
pub struct UserMutation;

fn phones(ids: &[ID]) -> Vec<entity::DeviceId> {
    ids.iter().map(|id| or_none(id::phone(id))).collect()
}

fn profiles(ids: &[ID]) -> Vec<entity::DeviceId> {
    ids.iter().map(|id| or_none(id::profile(id))).collect()
}

fn users(ids: &[ID]) -> Vec<entity::UserId> {
    ids.iter().map(|id| or_none(id::user(id))).collect()
}

#[Object]
impl UserMutation {
    /// Makes a user, with profiles that are there and profiles that are made along: all of it or nothing.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the user is made of.")] input: CreateUserInput,
    ) -> Result<CreateUserPayload> {
        Ok(CreateUserPayload(say(ctx, input).await?))
    }

    /// Changes a user.
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateUserInput,
    ) -> Result<UpdateUserPayload> {
        Ok(UpdateUserPayload(say(ctx, input).await?))
    }

    /// Deletes a user. Profiles with other users stay with them and close up their order.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what becomes of profiles that serve nobody else.")]
        input: DeleteUserInput,
    ) -> Result<DeleteUserPayload> {
        Ok(DeleteUserPayload(say(ctx, input).await?))
    }

    /// Lets a profile serve further users.
    async fn associate_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which profile, and which users.")] input: AssociateUsersInput,
    ) -> Result<AssociateUsersPayload> {
        let id = or_none(id::profile(&input.profile_id));
        let cmd = Associate {
            profile: id,
            expected_version: input.expected_version,
            users: users(&input.user_ids),
        };
        Ok(AssociateUsersPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Takes a user off a profile; the users behind move up.
    async fn disassociate_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which profile, and which user.")] input: DisassociateUserInput,
    ) -> Result<DisassociateUserPayload> {
        let id = or_none(id::profile(&input.profile_id));
        let cmd = Disassociate {
            profile: id,
            expected_version: input.expected_version,
            user: or_none(id::user(&input.user_id)),
            on_active_session: input.on_active_session.into(),
        };
        Ok(DisassociateUserPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Puts the users of a profile in another order; the first one decides which numbers are offered.
    async fn reorder_users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which profile, and the order.")] input: ReorderUsersInput,
    ) -> Result<ReorderUsersPayload> {
        let id = or_none(id::profile(&input.profile_id));
        let cmd =
            Reorder { profile: id, expected_version: input.expected_version, users: users(&input.user_ids) };
        Ok(ReorderUsersPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Chooses the profile that is taken at login unless the user picks another, or none.
    async fn set_default_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, and which one.")] input: SetDefaultProfileInput,
    ) -> Result<SetDefaultProfilePayload> {
        let id = or_none(id::user(&input.user_id));
        let cmd = SetDefault {
            user: id,
            expected_version: input.expected_version,
            profile: input.profile_id.map(|id| or_none(id::profile(&id))),
        };
        Ok(SetDefaultProfilePayload(run(ctx, input.call, id.0, cmd).await?))
    }
}
