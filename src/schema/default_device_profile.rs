//! Default device profiles in the graph.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object};
use chrono::{DateTime, Utc};
use entity::change_subject::Noun;

use super::{
    Result,
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{Asked, Connection, Direction, TimeRange, one, one_joined, root},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Thing, rendered, to_joined},
    mutation::{CallInput, Sent, make, payload, perform, run},
    profile::protocols_are,
    value::{
        enums::Protocol,
        id::{self, NodeId, or_none},
        product::Product,
        scalar::date_time,
        settings::{ProfileSettings, ProfileSettingsInput},
    },
};
use crate::{
    error::Error,
    rule::{
        Change as RuleChange,
        default_device_profile::{Create, Delete, Update},
    },
    store::{
        default_device_profile,
        page::{Filter, Order},
    },
};

/// A default device profile.
pub type DefaultDeviceProfile = Thing<DefaultDeviceProfileObject>;

/// The fields of [`DefaultDeviceProfile`].
#[derive(Clone)]
pub struct DefaultDeviceProfileObject(pub Arc<default_device_profile::Row>);

rendered!(DefaultDeviceProfileObject over default_device_profile::Row, in default_device_profile {
    "cluster" => to_joined::<default_device_profile::Row, Cluster>(|row| Ok(Some(row.cluster_id.get()?.0)), |row| row.joined.cluster.clone()),
});

/// What phones of one product and protocol show when somebody logs in whose profile is for another model (Cisco: default
/// device profile): templates, expansion modules and device-wide settings. It has no lines and no speed dials.
#[Object(name = "DefaultDeviceProfile")]
impl DefaultDeviceProfileObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::DefaultDeviceProfile(*self.0.id.get()?).encode())
    }

    /// The phone product that it is for; fixed when it is made.
    async fn product(&self) -> Result<&str> {
        Ok(self.0.product.get()?)
    }

    /// What the catalogue knows of the product; nothing for one that it does not list.
    async fn product_info(&self) -> Result<Option<Product>> {
        Ok(Product::find(self.0.product.get()?))
    }

    /// The protocol that it is for; fixed when it is made.
    async fn protocol(&self) -> Result<Protocol> {
        Ok((*self.0.protocol.get()?).into())
    }

    /// A text about it, up to 255 characters.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// The phone button template.
    async fn button_template(&self) -> Result<&str> {
        Ok(self.0.button_template.get()?)
    }

    /// The softkey template; nothing takes the system's.
    async fn softkey_template(&self) -> Result<Option<&str>> {
        Ok(self.0.softkey_template.get()?.as_deref())
    }

    /// Everything else that can be set. Language and music on hold count only where a user without any profile logs in.
    async fn settings(&self) -> Result<ProfileSettings> {
        ProfileSettings::try_from(self.0.settings.get()?).map_err(Error::internal)
    }

    /// Raised with every change; pass it as `expectedVersion` to change this version only.
    async fn version(&self) -> Result<i64> {
        Ok(*self.0.version.get()?)
    }

    /// When it was made.
    async fn created_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.created_at.get()?))
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.updated_at.get()?))
    }

    /// The cluster that it is on.
    pub async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
        one_joined(ctx, self.0.joined.cluster.as_ref(), *self.0.cluster_id.get()?).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::DefaultDeviceProfile, self.0.id.get()?.0, first, after).await
    }
}

/// Which default device profiles a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct DefaultDeviceProfileFilter {
    /// All of these must hold.
    pub and: Option<Vec<DefaultDeviceProfileFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<DefaultDeviceProfileFilter>>,
    /// This must not hold.
    pub not: Option<Box<DefaultDeviceProfileFilter>>,
    /// Any of these default device profiles.
    pub ids: Option<Vec<ID>>,
    /// The product.
    pub product: Option<StringFilter>,
    /// Any of these protocols.
    pub protocols: Option<Vec<Protocol>>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// On clusters of these organizations.
    pub organization: Option<OrganizationScope>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<DefaultDeviceProfileFilter> for Filter {
    fn from(filter: DefaultDeviceProfileFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::default_device_profile)))
            .add(filter.product, |text| text.exact("t.product"))
            .add(filter.protocols, protocols_are)
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// What default device profiles are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum DefaultDeviceProfileOrderField {
    /// The product.
    #[default]
    Product,
    /// When it was last changed.
    UpdatedAt,
}

/// The order of default device profiles.
#[derive(Default, InputObject)]
pub struct DefaultDeviceProfileOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: DefaultDeviceProfileOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<DefaultDeviceProfileOrder> for Order {
    fn from(order: DefaultDeviceProfileOrder) -> Self {
        let (column, number) = match order.field {
            DefaultDeviceProfileOrderField::Product => ("t.product", false),
            DefaultDeviceProfileOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct DefaultDeviceProfileQuery;

#[Object]
impl DefaultDeviceProfileQuery {
    /// Default device profiles of clusters, by product unless told otherwise.
    async fn default_device_profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<DefaultDeviceProfileFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<DefaultDeviceProfileOrder>,
    ) -> Result<Connection<DefaultDeviceProfile>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "default device profiles", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// What a default device profile is made of.
#[derive(InputObject)]
pub struct CreateDefaultDeviceProfileInput {
    /// The cluster to make it on.
    pub cluster_id: ID,
    /// The phone product that it is for, as query `products` names it.
    pub product: String,
    /// The protocol that it is for, one of the product's.
    pub protocol: Protocol,
    /// A text about it, up to 255 characters.
    #[graphql(default)]
    pub description: String,
    /// The phone button template; the product's own unless given.
    pub button_template: Option<String>,
    /// The softkey template; the product's own unless given, null for the system's.
    pub softkey_template: MaybeUndefined<String>,
    /// Everything else that can be set.
    pub settings: Option<ProfileSettingsInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a default device profile: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct UpdateDefaultDeviceProfileInput {
    /// The default device profile.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// A text about it.
    pub description: MaybeUndefined<String>,
    /// The phone button template.
    pub button_template: MaybeUndefined<String>,
    /// The softkey template.
    pub softkey_template: MaybeUndefined<String>,
    /// Everything else that can be set.
    pub settings: Option<ProfileSettingsInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A default device profile to delete.
#[derive(InputObject)]
pub struct DeleteDefaultDeviceProfileInput {
    /// The default device profile.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `createDefaultDeviceProfile`.
    CreateDefaultDeviceProfilePayload {
        /// The new default device profile; nothing on a dry run.
        default_device_profile: Option<DefaultDeviceProfile> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateDefaultDeviceProfile`.
    UpdateDefaultDeviceProfilePayload {
        /// The default device profile as it is now.
        default_device_profile: Option<DefaultDeviceProfile> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteDefaultDeviceProfile`.
    DeleteDefaultDeviceProfilePayload {}
}

#[derive(Default)]
pub struct DefaultDeviceProfileMutation;

#[Object]
impl DefaultDeviceProfileMutation {
    /// Makes a default device profile on a cluster, for one product and protocol.
    async fn create_default_device_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateDefaultDeviceProfileInput,
    ) -> Result<CreateDefaultDeviceProfilePayload> {
        let mut fields = Sent::default();
        fields
            .given("description", Some(input.description))
            .given("button_template", input.button_template)
            .maybe("softkey_template", input.softkey_template);
        let cmd = Create {
            cluster: or_none(id::cluster(&input.cluster_id)),
            product: input.product,
            protocol: input.protocol.into(),
            fields: fields.patch(),
            settings: input.settings.unwrap_or_default().patch(),
        };
        let made = |change: &RuleChange| match change {
            RuleChange::DefaultDeviceProfileCreated { profile } => Some(profile.id.0),
            _ => None,
        };
        Ok(CreateDefaultDeviceProfilePayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Changes a default device profile; its product and protocol are fixed. Sessions keep what they took at login.
    async fn update_default_device_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateDefaultDeviceProfileInput,
    ) -> Result<UpdateDefaultDeviceProfilePayload> {
        let id = or_none(id::default_device_profile(&input.id));
        let mut fields = Sent::default();
        fields
            .maybe("description", input.description)
            .maybe("button_template", input.button_template)
            .maybe("softkey_template", input.softkey_template);
        let cmd = Update {
            id,
            expected_version: input.expected_version,
            fields: fields.patch(),
            settings: input.settings.unwrap_or_default().patch(),
        };
        Ok(UpdateDefaultDeviceProfilePayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Deletes a default device profile. Sessions keep what they took at login; new logins of users whose profile is for another
    /// model are refused on its phones.
    async fn delete_default_device_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteDefaultDeviceProfileInput,
    ) -> Result<DeleteDefaultDeviceProfilePayload> {
        let id = or_none(id::default_device_profile(&input.id));
        let cmd = Delete { id, expected_version: input.expected_version };
        Ok(DeleteDefaultDeviceProfilePayload(perform(ctx, input.call, cmd).await?))
    }
}
