//! Phone services of clusters in the graph. The server itself is told of in `server`, which the graph calls `service`.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object};
use chrono::{DateTime, Utc};
use entity::{change_subject::Noun, service::Parameter};

use super::{
    Ask, Result,
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{Asked, Connection, Direction, TimeRange, below, one, root},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Thing, rendered, to_joined, to_many},
    mutation::{About, CallInput, Said, Says, Sent, payload, run, say},
    organization::sea_name,
    service_subscription::ServiceSubscription,
    value::{
        enums::{ServiceCategory, ServiceType},
        id::{self, NodeId, or_none},
        scalar::date_time,
    },
};
use crate::{
    rule::{
        Change as RuleChange, Patch,
        service::{AddParameter, ChangeParameter, Create, Delete, ParameterFields, RemoveParameter, Update},
    },
    store::{
        page::{Filter, Order},
        service, service_subscription,
    },
};

/// A phone service.
pub type PhoneService = Thing<PhoneServiceObject>;

/// The fields of [`PhoneService`].
#[derive(Clone)]
pub struct PhoneServiceObject(pub Arc<service::Row>);

rendered!(PhoneServiceObject over service::Row, in service {
    "cluster" => to_joined::<service::Row, Cluster>(|row| Ok(Some(row.cluster_id.get()?.0)), |row| row.joined.cluster.clone()),
    "subscriptions" => to_many::<service::Row, ServiceSubscription>(service_subscription::OF_SERVICE),
});

/// An IP phone service of a cluster: a page that phones open, such as the one on which people log in. Profiles and
/// phones subscribe to it, each with values for its parameters.
#[Object(name = "PhoneService")]
impl PhoneServiceObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Service(*self.0.id.get()?).encode())
    }

    /// Its name, unlike that of the cluster's other services, whatever the case.
    pub async fn name(&self) -> Result<&str> {
        Ok(self.0.name.get()?)
    }

    /// The name for phones without Unicode.
    async fn ascii_name(&self) -> Result<&str> {
        Ok(self.0.ascii_name.get()?)
    }

    /// A text about it, up to 128 characters.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// What the URLs of subscriptions begin with. Tokens such as `#DEVICENAME#` are filled in by Unified CM.
    async fn url(&self) -> Result<&str> {
        Ok(self.0.url.get()?)
    }

    /// The same over TLS, for phones that can.
    async fn secure_url(&self) -> Result<Option<&str>> {
        Ok(self.0.secure_url.get()?.as_deref())
    }

    /// What it is made of.
    async fn category(&self) -> Result<ServiceCategory> {
        Ok((*self.0.category.get()?).into())
    }

    /// Under which button of the phone it is found.
    async fn r#type(&self) -> Result<ServiceType> {
        Ok((*self.0.kind.get()?).into())
    }

    /// Who delivers it.
    async fn vendor(&self) -> Result<&str> {
        Ok(self.0.vendor.get()?)
    }

    /// The version of what the vendor delivers.
    async fn vendor_version(&self) -> Result<&str> {
        Ok(self.0.release.get()?)
    }

    /// Whether devices can be subscribed to it.
    async fn enabled(&self) -> Result<bool> {
        Ok(*self.0.enabled.get()?)
    }

    /// Whether every device of the cluster has it without a subscription; fixed when it is made.
    async fn enterprise(&self) -> Result<bool> {
        Ok(*self.0.enterprise.get()?)
    }

    /// Its parameters, in the order of the URL.
    async fn parameters(&self) -> Result<Vec<ServiceParameter>> {
        Ok(self.0.parameters.get()?.0.iter().cloned().map(ServiceParameter).collect())
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
        one(ctx, Some(*self.0.cluster_id.get()?)).await
    }

    /// The subscriptions to it, the oldest first.
    async fn subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<ServiceSubscription>> {
        let asked = Asked { first, after, last, before };
        below(ctx, service_subscription::OF_SERVICE, self.0.id.get()?.0, asked).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Service, self.0.id.get()?.0, first, after).await
    }
}

/// A parameter of a phone service.
pub struct ServiceParameter(Parameter);

/// A parameter of a phone service. Its value goes into the URL as `name=value`.
#[Object]
impl ServiceParameter {
    /// The key in the URL, unlike that of the service's other parameters.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What users see instead of the name.
    async fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// The value where none is given; passwords have none.
    async fn default(&self) -> Option<&str> {
        self.0.default.as_deref()
    }

    /// What it is for.
    async fn description(&self) -> &str {
        &self.0.description
    }

    /// Whether every subscription needs a value, its own or the default.
    async fn required(&self) -> bool {
        self.0.required
    }

    /// Whether its values are never shown again; fixed when it is made.
    async fn password(&self) -> bool {
        self.0.password
    }
}

/// Which phone services a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct PhoneServiceFilter {
    /// All of these must hold.
    pub and: Option<Vec<PhoneServiceFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<PhoneServiceFilter>>,
    /// This must not hold.
    pub not: Option<Box<PhoneServiceFilter>>,
    /// Any of these services.
    pub ids: Option<Vec<ID>>,
    /// The name.
    pub name: Option<StringFilter>,
    /// The URL.
    pub url: Option<StringFilter>,
    /// Any of these categories.
    pub categories: Option<Vec<ServiceCategory>>,
    /// Any of these types.
    pub types: Option<Vec<ServiceType>>,
    /// Whether it is enabled.
    pub enabled: Option<bool>,
    /// Whether every device has it.
    pub enterprise: Option<bool>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// On clusters of these organizations.
    pub organization: Option<OrganizationScope>,
    /// Whether one of the subscriptions that you see is older than it.
    pub has_stale: Option<bool>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<PhoneServiceFilter> for Filter {
    fn from(filter: PhoneServiceFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::service)))
            .add(filter.name, |text| text.keyed("t.name_key"))
            .add(filter.url, |text| text.exact("t.url"))
            .add(filter.categories, |names| {
                Filter::Texts("t.category", names.iter().map(sea_name).collect())
            })
            .add(filter.types, |names| Filter::Texts("t.kind", names.iter().map(sea_name).collect()))
            .add(filter.enabled, |truth| Filter::Truth("t.enabled", truth))
            .add(filter.enterprise, |truth| Filter::Truth("t.enterprise", truth))
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .related(
                filter.has_stale,
                "SELECT 1 FROM service_subscription x WHERE x.service_id = t.id AND x.subscribed AND NOT x.custom \
                 AND x.revision <> t.revision",
                "x.device_id",
                "device",
            )
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// What phone services are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum PhoneServiceOrderField {
    /// The name.
    #[default]
    Name,
    /// When it was last changed.
    UpdatedAt,
}

/// The order of phone services.
#[derive(Default, InputObject)]
pub struct PhoneServiceOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: PhoneServiceOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<PhoneServiceOrder> for Order {
    fn from(order: PhoneServiceOrder) -> Self {
        let (column, number) = match order.field {
            PhoneServiceOrderField::Name => ("t.name_key", false),
            PhoneServiceOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct PhoneServiceQuery;

#[Object]
impl PhoneServiceQuery {
    /// One phone service; nothing when it is not there, or not for you to see.
    async fn phone_service(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Global id.")] id: ID,
    ) -> Result<Option<PhoneService>> {
        ctx.caller()?;
        one(ctx, id::service(&id)).await
    }

    /// Phone services of clusters, by name unless told otherwise.
    async fn services(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<PhoneServiceFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<PhoneServiceOrder>,
    ) -> Result<Connection<PhoneService>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "phone services", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// A parameter to add to a phone service.
#[derive(InputObject)]
pub struct ServiceParameterInput {
    /// The key in the URL, 1 to 50 characters.
    pub name: String,
    /// What users see instead of it, up to 128 characters; the name unless given.
    pub display_name: Option<String>,
    /// The value where none is given, up to 255 characters; passwords have none.
    pub default: Option<String>,
    /// What it is for, up to 255 characters.
    #[graphql(default)]
    pub description: String,
    /// Whether every subscription needs a value.
    #[graphql(default = true)]
    pub required: bool,
    /// Whether its values are never shown again.
    #[graphql(default)]
    pub password: bool,
}

impl From<ServiceParameterInput> for ParameterFields {
    fn from(input: ServiceParameterInput) -> Self {
        let ServiceParameterInput { name, display_name, default, description, required, password } = input;
        Self { name, display_name, default, description, required, password }
    }
}

/// What a phone service is made of.
#[derive(InputObject)]
pub struct CreateServiceInput {
    /// The cluster to make it on.
    pub cluster_id: ID,
    /// Its name, 1 to 128 characters, unlike that of the cluster's other services.
    pub name: String,
    /// The name for phones without Unicode; the name unless given.
    pub ascii_name: Option<String>,
    /// A text about it, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    /// What the URLs of subscriptions begin with, up to 2048 characters.
    pub url: String,
    /// The same over TLS.
    pub secure_url: Option<String>,
    /// What it is made of; `XML_SERVICE` unless told otherwise.
    pub category: Option<ServiceCategory>,
    /// Under which button of the phone it is found; `STANDARD` unless told otherwise.
    pub r#type: Option<ServiceType>,
    /// Who delivers it, up to 128 characters.
    #[graphql(default)]
    pub vendor: String,
    /// The version of what the vendor delivers, up to 32 characters.
    #[graphql(default)]
    pub vendor_version: String,
    /// Whether devices can be subscribed to it.
    #[graphql(default = true)]
    pub enabled: bool,
    /// Whether every device has it without a subscription. It cannot be changed later.
    #[graphql(default)]
    pub enterprise: bool,
    /// Its parameters, in the order of the URL.
    #[graphql(default)]
    pub parameters: Vec<ServiceParameterInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a phone service: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct UpdateServiceInput {
    /// The phone service.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// The name.
    pub name: Option<String>,
    /// The name for phones without Unicode; null takes the name.
    pub ascii_name: MaybeUndefined<String>,
    /// A text about it.
    pub description: MaybeUndefined<String>,
    /// What the URLs of subscriptions begin with. Those that there are become stale.
    pub url: Option<String>,
    /// The same over TLS.
    pub secure_url: MaybeUndefined<String>,
    /// What it is made of.
    pub category: MaybeUndefined<ServiceCategory>,
    /// Under which button of the phone it is found.
    pub r#type: MaybeUndefined<ServiceType>,
    /// Who delivers it.
    pub vendor: MaybeUndefined<String>,
    /// The version of what the vendor delivers.
    pub vendor_version: MaybeUndefined<String>,
    /// Whether devices can be subscribed to it; those that are stay so.
    pub enabled: Option<bool>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A phone service to delete.
#[derive(InputObject)]
pub struct DeleteServiceInput {
    /// The phone service.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    /// Whether devices that are subscribed to it are unsubscribed; otherwise such a service is not deleted.
    #[graphql(default)]
    pub unsubscribe: bool,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A parameter to add.
#[derive(InputObject)]
pub struct AddServiceParameterInput {
    /// The phone service.
    pub service_id: ID,
    /// Version of the service, to change that one only.
    pub expected_version: Option<i64>,
    /// The place among its parameters, from 1; behind the others unless given.
    pub index: Option<i32>,
    /// The parameter.
    pub parameter: ServiceParameterInput,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a parameter: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct ChangeServiceParameterInput {
    /// The phone service.
    pub service_id: ID,
    /// Version of the service, to change that one only.
    pub expected_version: Option<i64>,
    /// The parameter, by its name.
    pub name: String,
    /// Another name; subscriptions keep their values under it.
    pub new_name: Option<String>,
    /// Another place among the parameters, from 1.
    pub index: Option<i32>,
    /// What users see instead of the name; null takes the name.
    pub display_name: MaybeUndefined<String>,
    /// The value where none is given; null takes it away.
    pub default: MaybeUndefined<String>,
    /// What it is for.
    pub description: MaybeUndefined<String>,
    /// Whether every subscription needs a value.
    pub required: Option<bool>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A parameter to remove.
#[derive(InputObject)]
pub struct RemoveServiceParameterInput {
    /// The phone service.
    pub service_id: ID,
    /// Version of the service, to change that one only.
    pub expected_version: Option<i64>,
    /// The parameter, by its name; its values go when subscriptions are brought up to date.
    pub name: String,
    #[graphql(flatten)]
    pub call: CallInput,
}

macro_rules! changing {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            payload! {
                $(#[$doc])*
                $name {
                    /// The phone service as it is now.
                    service: Option<PhoneService> = |ctx, done| one(ctx, done.subject).await;
                    /// How many subscriptions became stale; `resyncServiceSubscriptions` brings them up to date.
                    stale: i64 = |_ctx, done| Ok(done.collect(|change| match change {
                        RuleChange::ServiceUpdated { stale, .. } => Some(*stale),
                        _ => None,
                    }).into_iter().sum());
                }
            }
        )*
    };
}

changing! {
    /// What came of `updateService`.
    UpdateServicePayload
    /// What came of `addServiceParameter`.
    AddServiceParameterPayload
    /// What came of `changeServiceParameter`.
    ChangeServiceParameterPayload
    /// What came of `removeServiceParameter`.
    RemoveServiceParameterPayload
}

payload! {
    /// What came of `createService`.
    CreateServicePayload {
        /// The new phone service; nothing on a dry run.
        service: Option<PhoneService> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteService`.
    DeleteServicePayload {
        /// How many devices were unsubscribed.
        unsubscribed: usize = |_ctx, done| Ok(done.collect(|change| match change {
            RuleChange::ServiceSubscriptionRemoved { subscription, .. } if subscription.subscribed => Some(()),
            _ => None,
        }).len());
    }
}

#[derive(Default)]
pub struct PhoneServiceMutation;

fn made(change: &RuleChange) -> Option<i64> {
    match change {
        RuleChange::ServiceCreated { service } => Some(service.id.0),
        _ => None,
    }
}

impl Says for CreateServiceInput {
    type Command = Create;

    fn said(self) -> Result<Said<Create>> {
        let mut fields = Sent::default();
        fields
            .given("name", Some(self.name))
            .given("ascii_name", self.ascii_name)
            .given("description", Some(self.description))
            .given("url", Some(self.url))
            .given("secure_url", self.secure_url)
            .given("category", self.category)
            .given("kind", self.r#type)
            .given("vendor", Some(self.vendor))
            .given("release", Some(self.vendor_version))
            .given("enabled", Some(self.enabled));
        let cmd = Create {
            cluster: or_none(id::cluster(&self.cluster_id)),
            enterprise: self.enterprise,
            fields: fields.patch(),
            parameters: self.parameters.into_iter().map(Into::into).collect(),
        };
        Ok(Said { call: self.call, about: About::Made(made), cmd })
    }
}

impl Says for UpdateServiceInput {
    type Command = Update;

    fn said(self) -> Result<Said<Update>> {
        let id = or_none(id::service(&self.id));
        let mut fields = Sent::default();
        fields
            .given("name", self.name)
            .maybe("ascii_name", self.ascii_name)
            .maybe("description", self.description)
            .given("url", self.url)
            .maybe("secure_url", self.secure_url)
            .maybe("category", self.category)
            .maybe("kind", self.r#type)
            .maybe("vendor", self.vendor)
            .maybe("release", self.vendor_version)
            .given("enabled", self.enabled);
        let cmd = Update { id, expected_version: self.expected_version, fields: fields.patch() };
        Ok(Said { call: self.call, about: About::There(id.0), cmd })
    }
}

impl Says for DeleteServiceInput {
    type Command = Delete;

    fn said(self) -> Result<Said<Delete>> {
        let cmd = Delete {
            id: or_none(id::service(&self.id)),
            expected_version: self.expected_version,
            unsubscribe: self.unsubscribe,
        };
        Ok(Said { call: self.call, about: About::Gone, cmd })
    }
}

#[Object]
impl PhoneServiceMutation {
    /// Makes a phone service on a cluster.
    async fn create_service(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateServiceInput,
    ) -> Result<CreateServicePayload> {
        Ok(CreateServicePayload(say(ctx, input).await?))
    }

    /// Changes a phone service. Where its URL changes, the subscriptions to it become stale.
    async fn update_service(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateServiceInput,
    ) -> Result<UpdateServicePayload> {
        Ok(UpdateServicePayload(say(ctx, input).await?))
    }

    /// Deletes a phone service. One that devices are subscribed to, and one of Unified CM's own, stays unless told otherwise.
    async fn delete_service(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteServiceInput,
    ) -> Result<DeleteServicePayload> {
        Ok(DeleteServicePayload(say(ctx, input).await?))
    }

    /// Adds a parameter to a phone service; the subscriptions to it become stale.
    async fn add_service_parameter(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which service, and what to add.")] input: AddServiceParameterInput,
    ) -> Result<AddServiceParameterPayload> {
        let service = or_none(id::service(&input.service_id));
        let cmd = AddParameter {
            service,
            expected_version: input.expected_version,
            index: input.index,
            parameter: input.parameter.into(),
        };
        Ok(AddServiceParameterPayload(run(ctx, input.call, service.0, cmd).await?))
    }

    /// Changes a parameter of a phone service, its name as well; where the URL changes by it, the subscriptions become
    /// stale and keep their values.
    async fn change_service_parameter(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: ChangeServiceParameterInput,
    ) -> Result<ChangeServiceParameterPayload> {
        let service = or_none(id::service(&input.service_id));
        let mut fields = Sent::default();
        fields
            .given("name", input.new_name)
            .maybe("display_name", input.display_name)
            .maybe("default", input.default)
            .maybe("description", input.description)
            .given("required", input.required);
        let fields: Patch<ParameterFields> = fields.patch();
        let (expected_version, index) = (input.expected_version, input.index);
        let cmd = ChangeParameter { service, expected_version, name: input.name, index, fields };
        Ok(ChangeServiceParameterPayload(run(ctx, input.call, service.0, cmd).await?))
    }

    /// Removes a parameter of a phone service; the subscriptions to it become stale.
    async fn remove_service_parameter(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RemoveServiceParameterInput,
    ) -> Result<RemoveServiceParameterPayload> {
        let service = or_none(id::service(&input.service_id));
        let cmd = RemoveParameter { service, expected_version: input.expected_version, name: input.name };
        Ok(RemoveServiceParameterPayload(run(ctx, input.call, service.0, cmd).await?))
    }
}
