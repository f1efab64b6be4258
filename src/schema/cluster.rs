//! Clusters in the graph.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object};
use chrono::{DateTime, Utc};
use entity::change_subject::Noun;

use super::{
    Ask, Result,
    change::{ChangeEvent, history},
    connection::{Asked, Connection, Direction, below, one, one_joined, root},
    default_device_profile::DefaultDeviceProfile,
    device::OtherDevice,
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Thing, rendered, to_joined, to_many},
    line::Line,
    mutation::{CallInput, Sent, make, payload, perform, run},
    organization::Organization,
    phone::Phone,
    profile::Profile,
    service::PhoneService,
    template::{ButtonTemplate, SoftkeyTemplate},
    user::User,
    value::{
        enums::MultipleLogin,
        id::{self, NodeId, or_none},
        scalar::date_time,
    },
};
use crate::{
    rule::{
        Change as RuleChange, Patch,
        cluster::{Create, Delete, Fields, Update},
    },
    store::{
        cluster, default_device_profile, device, line,
        page::{Filter, Order},
        phone, profile, service, template, user,
    },
};

/// A Unified CM cluster.
pub type Cluster = Thing<ClusterObject>;

/// The fields of [`Cluster`].
#[derive(Clone)]
pub struct ClusterObject(pub Arc<cluster::Row>);

rendered!(ClusterObject over cluster::Row, in cluster {
    "organization" => to_joined::<cluster::Row, Organization>(|row| Ok(Some(row.organization_id.get()?.0)), |row| row.joined.organization.clone()),
    "profiles" => to_many::<cluster::Row, Profile>(profile::OF_CLUSTER),
    "phones" => to_many::<cluster::Row, Phone>(phone::OF_CLUSTER),
    "otherDevices" => to_many::<cluster::Row, OtherDevice>(device::OTHERS_OF_CLUSTER),
    "lines" => to_many::<cluster::Row, Line>(line::OF_CLUSTER),
    "buttonTemplates" => to_many::<cluster::Row, ButtonTemplate>(template::BUTTONS_OF_CLUSTER),
    "softkeyTemplates" => to_many::<cluster::Row, SoftkeyTemplate>(template::SOFTKEYS_OF_CLUSTER),
    "defaultDeviceProfiles" => to_many::<cluster::Row, DefaultDeviceProfile>(default_device_profile::OF_CLUSTER),
    "services" => to_many::<cluster::Row, PhoneService>(service::OF_CLUSTER),
    "users" => to_many::<cluster::Row, User>(user::OF_CLUSTER),
});

/// A Unified CM cluster. It serves its organization and everything below, and is the namespace of device names and
/// lines. Those whom it serves see it even where its organization is above theirs.
#[Object(name = "Cluster")]
impl ClusterObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Cluster(*self.0.id.get()?).encode())
    }

    /// Its name, unlike that of the organization's other clusters.
    async fn name(&self) -> Result<&str> {
        Ok(self.0.name.get()?)
    }

    /// A text about it, up to 128 characters.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// The Unified CM release, such as 14.0.
    async fn release(&self) -> Result<Option<&str>> {
        Ok(self.0.release.get()?.as_deref())
    }

    /// What happens when a user logs in on a second phone.
    async fn multiple_login(&self) -> Result<MultipleLogin> {
        Ok((*self.0.multiple_login.get()?).into())
    }

    /// Minutes after which a login ends, up to 10080; nothing is for ever.
    async fn max_login_minutes(&self) -> Result<Option<i32>> {
        Ok(*self.0.max_login_minutes.get()?)
    }

    /// Logins and logouts that it takes at once; nothing takes any number. More than that are refused with `EM_BUSY` (Cisco
    /// code 26) until some are over: each counts for `session.under_way_ms` of the server's settings. Unified CM takes 5 on
    /// each of its nodes.
    async fn max_concurrent_logins(&self) -> Result<Option<i32>> {
        Ok(*self.0.max_concurrent_logins.get()?)
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

    /// The organization that it belongs to; nothing where that is above yours.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one_joined(ctx, self.0.joined.organization.as_ref(), *self.0.organization_id.get()?).await
    }

    /// The profiles on it, by name.
    async fn profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Profile>> {
        let asked = Asked { first, after, last, before };
        below(ctx, profile::OF_CLUSTER, self.0.id.get()?.0, asked).await
    }

    /// The phones on it, by name.
    async fn phones(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Phone>> {
        let asked = Asked { first, after, last, before };
        below(ctx, phone::OF_CLUSTER, self.0.id.get()?.0, asked).await
    }

    /// The names on it that are neither profiles' nor phones'.
    async fn other_devices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<OtherDevice>> {
        let asked = Asked { first, after, last, before };
        below(ctx, device::OTHERS_OF_CLUSTER, self.0.id.get()?.0, asked).await
    }

    /// The lines on it, by number.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Line>> {
        let asked = Asked { first, after, last, before };
        below(ctx, line::OF_CLUSTER, self.0.id.get()?.0, asked).await
    }

    /// The users on it, by last and first name.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<User>> {
        let asked = Asked { first, after, last, before };
        below(ctx, user::OF_CLUSTER, self.0.id.get()?.0, asked).await
    }

    /// Its phone button templates, by name.
    async fn button_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<ButtonTemplate>> {
        let asked = Asked { first, after, last, before };
        below(ctx, template::BUTTONS_OF_CLUSTER, self.0.id.get()?.0, asked).await
    }

    /// Its phone services, by name.
    async fn services(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<PhoneService>> {
        let asked = Asked { first, after, last, before };
        below(ctx, service::OF_CLUSTER, self.0.id.get()?.0, asked).await
    }

    /// Its softkey templates, by name.
    async fn softkey_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<SoftkeyTemplate>> {
        let asked = Asked { first, after, last, before };
        below(ctx, template::SOFTKEYS_OF_CLUSTER, self.0.id.get()?.0, asked).await
    }

    /// Its default device profiles, by product.
    async fn default_device_profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<DefaultDeviceProfile>> {
        let asked = Asked { first, after, last, before };
        below(ctx, default_device_profile::OF_CLUSTER, self.0.id.get()?.0, asked).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Cluster, self.0.id.get()?.0, first, after).await
    }
}

/// Which clusters a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct ClusterFilter {
    /// All of these must hold.
    pub and: Option<Vec<ClusterFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<ClusterFilter>>,
    /// This must not hold.
    pub not: Option<Box<ClusterFilter>>,
    /// Any of these clusters.
    pub ids: Option<Vec<ID>>,
    /// The name.
    pub name: Option<StringFilter>,
    /// In these organizations.
    pub organization: Option<OrganizationScope>,
}

impl From<ClusterFilter> for Filter {
    fn from(filter: ClusterFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::cluster)))
            .add(filter.name, |text| text.keyed("t.name_key"))
            .add(filter.organization, |scope| scope.on("t.organization_id"));
        parts.all()
    }
}

/// What clusters are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum ClusterOrderField {
    /// The name.
    #[default]
    Name,
    /// When it was created.
    CreatedAt,
}

/// The order of clusters.
#[derive(Default, InputObject)]
pub struct ClusterOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: ClusterOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<ClusterOrder> for Order {
    fn from(order: ClusterOrder) -> Self {
        let (column, number) = match order.field {
            ClusterOrderField::Name => ("t.name_key", false),
            ClusterOrderField::CreatedAt => ("t.created_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct ClusterQuery;

#[Object]
impl ClusterQuery {
    /// One cluster; nothing when it is not there, or not for you to see.
    async fn cluster(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id.")] id: ID,
    ) -> Result<Option<Cluster>> {
        ctx.caller()?;
        one(ctx, id::cluster(&id)).await
    }

    /// Clusters, by name unless told otherwise.
    async fn clusters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<ClusterFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<ClusterOrder>,
    ) -> Result<Connection<Cluster>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "clusters", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// What a cluster is made of.
#[derive(InputObject)]
pub struct CreateClusterInput {
    /// The organization that it belongs to; it serves everything below.
    pub organization_id: ID,
    /// Its name, 1 to 64 characters without dots.
    pub name: String,
    /// A text about it, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    /// The Unified CM release, such as 14.0.
    pub release: Option<String>,
    /// What happens when a user logs in on a second phone; `NOT_ALLOWED` unless told otherwise.
    pub multiple_login: Option<MultipleLogin>,
    /// Minutes after which a login ends, 0 to 10080; for ever unless given.
    pub max_login_minutes: Option<i32>,
    /// Logins and logouts that it takes at once, 1 to 10000; any number unless given.
    pub max_concurrent_logins: Option<i32>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a cluster: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct UpdateClusterInput {
    /// The cluster.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// A text about it.
    pub description: MaybeUndefined<String>,
    /// The Unified CM release.
    pub release: MaybeUndefined<String>,
    /// What happens when a user logs in on a second phone.
    pub multiple_login: MaybeUndefined<MultipleLogin>,
    /// Minutes after which a login ends.
    pub max_login_minutes: MaybeUndefined<i32>,
    /// Logins and logouts that it takes at once.
    pub max_concurrent_logins: MaybeUndefined<i32>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A cluster to delete.
#[derive(InputObject)]
pub struct DeleteClusterInput {
    /// The cluster; it must hold nothing.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `createCluster`.
    CreateClusterPayload {
        /// The new cluster; nothing on a dry run.
        cluster: Option<Cluster> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateCluster`.
    UpdateClusterPayload {
        /// The cluster as it is now.
        cluster: Option<Cluster> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteCluster`.
    DeleteClusterPayload {}
}

#[derive(Default)]
pub struct ClusterMutation;

#[Object]
impl ClusterMutation {
    /// Makes a cluster.
    async fn create_cluster(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateClusterInput,
    ) -> Result<CreateClusterPayload> {
        let fields = Fields {
            name: input.name,
            description: input.description,
            release: input.release,
            multiple_login: input.multiple_login.map(Into::into).unwrap_or_default(),
            max_login_minutes: input.max_login_minutes,
            max_concurrent_logins: input.max_concurrent_logins,
        };
        let organization = or_none(id::organization(&input.organization_id));
        let cmd = Create { organization, fields: Patch::whole(&fields) };
        let made = |change: &RuleChange| match change {
            RuleChange::ClusterCreated { cluster } => Some(cluster.id.0),
            _ => None,
        };
        Ok(CreateClusterPayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Changes a cluster.
    async fn update_cluster(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateClusterInput,
    ) -> Result<UpdateClusterPayload> {
        let id = or_none(id::cluster(&input.id));
        let mut fields = Sent::default();
        fields
            .given("name", input.name)
            .maybe("description", input.description)
            .maybe("release", input.release)
            .maybe("multiple_login", input.multiple_login)
            .maybe("max_login_minutes", input.max_login_minutes)
            .maybe("max_concurrent_logins", input.max_concurrent_logins);
        let cmd = Update { id, expected_version: input.expected_version, fields: fields.patch() };
        Ok(UpdateClusterPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Deletes a cluster that holds nothing.
    async fn delete_cluster(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteClusterInput,
    ) -> Result<DeleteClusterPayload> {
        let id = or_none(id::cluster(&input.id));
        let cmd = Delete { id, expected_version: input.expected_version };
        Ok(DeleteClusterPayload(perform(ctx, input.call, cmd).await?))
    }
}
