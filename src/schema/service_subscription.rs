//! Subscriptions of profiles and phones to phone services in the graph. GraphQL's own subscription is another thing.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{change_subject::Noun, service_subscription::Value};
use serde::Serialize;

use super::{
    Ask, Result,
    button::{self, Button, ServiceUrlButton},
    change::{Change, ChangeEvent, history},
    connection::{Asked, Connection, Direction, Rendered, one, root},
    device::{self, Device},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Thing, rendered, to_one},
    mutation::{About, CallInput, Done, Said, Says, Sent, payload, run, say},
    service::PhoneService,
    value::{
        id::{self, NodeId, or_none},
        rule::UserError,
        scalar::{Cursor, date_time},
    },
};
use crate::{
    app::Call,
    command::service_subscription::{Pass, bring_up_to_date},
    error::Error,
    rule::{
        Change as RuleChange,
        service_subscription::{
            Given, NewSubscription, Place, Resubscribe, Resync, Subscribe, Unsubscribe, Update, lacking,
        },
    },
    store::{
        page::{Filter, Order},
        row::{Columns, bit},
        service, service_subscription,
    },
};

/// A subscription of a device to a phone service.
pub type ServiceSubscription = Thing<ServiceSubscriptionObject>;

/// The fields of [`ServiceSubscription`].
#[derive(Clone)]
pub struct ServiceSubscriptionObject(pub Arc<service_subscription::Row>);

rendered!(ServiceSubscriptionObject over service_subscription::Row, in service_subscription {
    "service" => to_one::<service_subscription::Row, PhoneService>(|row| Ok(Some(row.service_id.get()?.0))),
    "button" => to_one::<service_subscription::Row, ServiceUrlButton>(|row| Ok(row.button_id.get()?.map(|id| id.0))),
});

/// Whether a subscription's URL is what its service says.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum UrlState {
    /// It is derived from the service as that is now.
    Current,
    /// The service has changed since; `resyncServiceSubscriptions` or `resubscribeService` derives it again.
    Stale,
    /// It was set by hand and does not follow the service.
    Custom,
}

/// A phone service on a profile or phone, with the values of its parameters (Cisco: subscribed service).
#[Object(name = "ServiceSubscription")]
impl ServiceSubscriptionObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::ServiceSubscription(*self.0.id.get()?).encode())
    }

    /// What the subscriber calls it, up to 100 characters.
    pub async fn name(&self) -> Result<&str> {
        Ok(self.0.name.get()?)
    }

    /// What the phone opens: the service's URL with the values. Of a password stands `****`.
    async fn url(&self) -> Result<&str> {
        Ok(self.0.url.get()?)
    }

    /// Whether the URL is what the service says.
    async fn url_state(&self, ctx: &Context<'_>) -> Result<UrlState> {
        if *self.0.custom.get()? {
            return Ok(UrlState::Custom);
        }
        let columns = Columns::own(bit::<service::Row>("id") | bit::<service::Row>("revision"));
        let service = ctx.loaders()?.service.get(self.0.service_id.get()?.0, columns).await?;
        let current = match service {
            Some(service) => service.revision.get()? == self.0.revision.get()?,
            None => true,
        };
        Ok(if current || !*self.0.subscribed.get()? { UrlState::Current } else { UrlState::Stale })
    }

    /// Whether it is subscribed now; an unsubscribed one keeps its values for `resubscribeService`.
    async fn subscribed(&self) -> Result<bool> {
        Ok(*self.0.subscribed.get()?)
    }

    /// The values that were given, in the order of the service's parameters; what is not here has its default.
    async fn values(&self) -> Result<Vec<ServiceValue>> {
        Ok(self.0.given.get()?.0.iter().map(Into::into).collect())
    }

    /// The required parameters of the service as it is now for which there is no value.
    async fn missing(&self, ctx: &Context<'_>) -> Result<Vec<String>> {
        let columns = Columns::own(bit::<service::Row>("id") | bit::<service::Row>("parameters"));
        let service = ctx.loaders()?.service.get(self.0.service_id.get()?.0, columns).await?;
        match service {
            Some(service) => Ok(lacking(service.parameters.get()?, self.0.given.get()?)),
            None => Ok(Vec::new()),
        }
    }

    /// The service URL button that opens it; nothing where it has none.
    async fn button(&self, ctx: &Context<'_>) -> Result<Option<ServiceUrlButton>> {
        one(ctx, *self.0.button_id.get()?).await
    }

    /// The phone service.
    async fn service(&self, ctx: &Context<'_>) -> Result<Option<PhoneService>> {
        one(ctx, Some(*self.0.service_id.get()?)).await
    }

    /// The profile or phone.
    pub async fn device(&self, ctx: &Context<'_>) -> Result<Option<Device>> {
        device::load(ctx, ctx.field(), *self.0.device_id.get()?).await
    }

    /// When it came.
    async fn created_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.created_at.get()?))
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.updated_at.get()?))
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::ServiceSubscription, self.0.id.get()?.0, first, after).await
    }
}

/// A value of a parameter.
#[derive(Serialize, SimpleObject)]
#[serde(rename_all = "camelCase")]
pub struct ServiceValue {
    /// The parameter's name when the value was last used.
    name: String,
    /// The value; nothing for a password, which is never shown.
    value: Option<String>,
    /// Whether it is a password.
    is_password: bool,
    /// When it was given.
    set_at: DateTime<Utc>,
}

impl From<&Value> for ServiceValue {
    fn from(value: &Value) -> Self {
        Self {
            name: value.name.clone(),
            value: value.value.clone(),
            is_password: value.value.is_none(),
            set_at: date_time(value.set_at),
        }
    }
}

/// Which subscriptions a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct ServiceSubscriptionFilter {
    /// All of these must hold.
    pub and: Option<Vec<ServiceSubscriptionFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<ServiceSubscriptionFilter>>,
    /// This must not hold.
    pub not: Option<Box<ServiceSubscriptionFilter>>,
    /// Any of these subscriptions.
    pub ids: Option<Vec<ID>>,
    /// To any of these phone services.
    pub services: Option<Vec<ID>>,
    /// Of any of these profiles or phones.
    pub devices: Option<Vec<ID>>,
    /// Of devices in these organizations.
    pub organization: Option<OrganizationScope>,
    /// The name.
    pub name: Option<StringFilter>,
    /// Any of these states of the URL.
    pub url_states: Option<Vec<UrlState>>,
    /// Whether it is subscribed now.
    pub subscribed: Option<bool>,
}

impl From<ServiceSubscriptionFilter> for Filter {
    fn from(filter: ServiceSubscriptionFilter) -> Self {
        const STALE: &str = "(t.subscribed AND NOT t.custom AND t.revision <> (SELECT s.revision FROM service s WHERE \
                             s.id = t.service_id))";
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::service_subscription)))
            .add(filter.services, |ids| Filter::Refers("t.service_id", numbers(&ids, id::service), "service"))
            .add(filter.devices, |ids| Filter::Numbers("t.device_id", numbers(&ids, id::device)))
            .add(filter.organization, |scope| {
                scope.on("(SELECT d.organization_id FROM device d WHERE d.id = t.device_id)")
            })
            .add(filter.name, |text| text.exact("t.name"))
            .add(filter.url_states, |states| {
                let state = |state: &UrlState| match state {
                    UrlState::Custom => Filter::Fixed("t.custom"),
                    UrlState::Stale => Filter::Fixed(STALE),
                    UrlState::Current => Filter::All(vec![
                        Filter::Fixed("NOT t.custom"),
                        Filter::Not(Box::new(Filter::Fixed(STALE))),
                    ]),
                };
                Filter::Any(states.iter().map(state).collect())
            })
            .add(filter.subscribed, |truth| Filter::Truth("t.subscribed", truth));
        parts.all()
    }
}

/// What subscriptions are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum ServiceSubscriptionOrderField {
    /// When they came.
    #[default]
    CreatedAt,
    /// When they were last changed.
    UpdatedAt,
}

/// The order of subscriptions.
#[derive(Default, InputObject)]
pub struct ServiceSubscriptionOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: ServiceSubscriptionOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<ServiceSubscriptionOrder> for Order {
    fn from(order: ServiceSubscriptionOrder) -> Self {
        let column = match order.field {
            ServiceSubscriptionOrderField::CreatedAt => "t.created_at",
            ServiceSubscriptionOrderField::UpdatedAt => "t.updated_at",
        };
        Self { column, number: true, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct ServiceSubscriptionQuery;

#[Object]
impl ServiceSubscriptionQuery {
    /// Subscriptions of profiles and phones to phone services, oldest first unless told otherwise; those that are
    /// unsubscribed and keep their values are among them.
    async fn service_subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<ServiceSubscriptionFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<ServiceSubscriptionOrder>,
    ) -> Result<Connection<ServiceSubscription>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "service subscriptions", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// A value for a parameter.
#[derive(InputObject)]
pub struct ServiceValueInput {
    /// The parameter's name.
    pub name: String,
    /// The value, up to 255 characters; null takes it away, so that the default holds.
    pub value: Option<String>,
}

/// The service URL button for a subscription.
#[derive(InputObject)]
pub struct ServiceButtonInput {
    /// The position among the device's service URL buttons, 1 to 199; the first free one unless given. A button of the
    /// same service that stands there already is taken over.
    pub index: Option<i32>,
    /// The text beside the button, up to 50 characters.
    pub label: Option<String>,
}

/// A service to subscribe a device to.
#[derive(InputObject)]
pub struct NewServiceSubscriptionInput {
    /// The phone service, of the device's cluster.
    pub service_id: ID,
    /// What the subscriber calls it, up to 100 characters; the service's name unless given.
    pub name: Option<String>,
    /// Values for its parameters.
    #[graphql(default)]
    pub values: Vec<ServiceValueInput>,
    /// A URL instead of the one that follows from the service and the values.
    pub url: Option<String>,
    /// A service URL button that opens it; none unless given.
    pub button: Option<ServiceButtonInput>,
}

impl From<ServiceValueInput> for Given {
    fn from(input: ServiceValueInput) -> Self {
        Self { name: input.name, value: input.value }
    }
}

impl From<ServiceButtonInput> for Place {
    fn from(input: ServiceButtonInput) -> Self {
        Self { index: input.index, label: input.label }
    }
}

impl From<NewServiceSubscriptionInput> for NewSubscription {
    fn from(input: NewServiceSubscriptionInput) -> Self {
        Self {
            service: or_none(id::service(&input.service_id)),
            name: input.name,
            values: given(input.values),
            url: input.url,
            button: input.button.map(Into::into),
        }
    }
}

/// A service to subscribe a device to.
#[derive(InputObject)]
pub struct SubscribeServiceInput {
    /// The profile or phone.
    pub device_id: ID,
    /// Version of the profile or phone, to change that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub subscription: NewServiceSubscriptionInput,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a subscription: what is left out stays.
#[derive(InputObject)]
pub struct UpdateServiceSubscriptionInput {
    /// The subscription.
    pub subscription_id: ID,
    /// Version of the profile or phone, to change that one only.
    pub expected_version: Option<i64>,
    /// What the subscriber calls it; null takes the service's name.
    pub name: MaybeUndefined<String>,
    /// Values in the place of those that are there; the others stay.
    #[graphql(default)]
    pub values: Vec<ServiceValueInput>,
    /// A URL that is set by hand; null derives it from the service and the values again.
    pub url: MaybeUndefined<String>,
    /// Its service URL button; null takes it off.
    pub button: MaybeUndefined<ServiceButtonInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A subscription to end.
#[derive(InputObject)]
pub struct UnsubscribeServiceInput {
    /// The subscription.
    pub subscription_id: ID,
    /// Version of the profile or phone, to change that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A subscription to take up again.
#[derive(InputObject)]
pub struct ResubscribeServiceInput {
    /// The subscription.
    pub subscription_id: ID,
    /// Version of the profile or phone, to change that one only.
    pub expected_version: Option<i64>,
    /// Values in the place of those that it had.
    #[graphql(default)]
    pub values: Vec<ServiceValueInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// The service whose stale subscriptions are brought up to date.
#[derive(InputObject)]
pub struct ResyncServiceSubscriptionsInput {
    /// The phone service.
    pub service_id: ID,
    /// Most subscriptions of this call, 1 to 100,000. `more` tells whether others wait.
    #[graphql(default = 10_000)]
    pub most: i32,
    #[graphql(flatten)]
    pub call: CallInput,
}

macro_rules! subscribed {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            payload! {
                $(#[$doc])*
                $name {
                    /// The subscription as it is now; nothing on a dry run that would make it.
                    subscription: Option<ServiceSubscription> = |ctx, done| one(ctx, done.subject).await;
                }
            }
        )*
    };
}

subscribed! {
    /// What came of `subscribeService`.
    SubscribeServicePayload
    /// What came of `updateServiceSubscription`.
    UpdateServiceSubscriptionPayload
    /// What came of `resubscribeService`.
    ResubscribeServicePayload
}

payload! {
    /// What came of `unsubscribeService`.
    UnsubscribeServicePayload {
        /// The subscription with the values that it keeps.
        subscription: Option<ServiceSubscription> = |ctx, done| one(ctx, done.subject).await;
        /// The service URL button that went, as it was.
        button_removed: Option<Button> = |_ctx, done| Ok(button::removed(done).pop());
    }
}

/// What became of a stale subscription.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum ResyncResult {
    /// Its URL was derived again.
    Derived,
    /// It is left as it was, as a required parameter has no value; see `ServiceSubscription.missing`.
    Waiting,
}

/// A subscription that a pass looked at.
#[derive(SimpleObject)]
pub struct ResyncOutcome {
    /// What became of it.
    result: ResyncResult,
    /// The subscription as it is now.
    subscription: ServiceSubscription,
}

/// What came of `resyncServiceSubscriptions`.
pub struct ResyncServiceSubscriptionsPayload(Pass);

/// What came of `resyncServiceSubscriptions`.
#[Object]
impl ResyncServiceSubscriptionsPayload {
    /// How many URLs were derived again.
    async fn derived(&self) -> usize {
        self.0.derived.len()
    }

    /// How many are left stale, as a required parameter has no value.
    async fn waiting(&self) -> usize {
        self.0.waiting.len()
    }

    /// Whether there are stale ones that this call did not come to.
    async fn more(&self) -> bool {
        self.0.more
    }

    /// What became of each, those that wait first; up to 1,000, as the change stream tells of all that were derived.
    async fn outcomes(&self, ctx: &Context<'_>) -> Result<Vec<ResyncOutcome>> {
        const MOST: usize = 1_000;
        let all = self.0.waiting.iter().map(|id| (ResyncResult::Waiting, *id));
        let all: Vec<_> =
            all.chain(self.0.derived.iter().map(|id| (ResyncResult::Derived, *id))).take(MOST).collect();
        let columns = Columns::own(crate::store::row::all::<service_subscription::Row>());
        let loaders = ctx.loaders()?;
        let found = loaders.service_subscription.get_many(all.iter().map(|(_, id)| *id), columns).await?;
        let outcome = |(result, id): (ResyncResult, i64)| {
            Some(ResyncOutcome { result, subscription: ServiceSubscription::of(found.get(&id)?.clone()) })
        };
        Ok(all.into_iter().filter_map(outcome).collect())
    }

    /// Every rule that the input breaks; empty when it was done.
    async fn errors(&self) -> Vec<UserError> {
        let broken = self.0.refused.as_ref();
        broken.map(|broken| broken.0.iter().map(UserError::from).collect()).unwrap_or_default()
    }

    /// What was done, in order, up to 1,000 changes; on a dry run, what would be. Empty when all was up to date.
    async fn changes(&self) -> Vec<Change> {
        self.0.changes.iter().cloned().map(Change::of).collect()
    }

    /// Place in the change stream right after what was done. Nothing when a rule was broken.
    async fn cursor(&self) -> Option<Cursor> {
        self.0.cursor.map(Cursor::Change)
    }
}

#[derive(Default)]
pub struct ServiceSubscriptionMutation;

fn given(values: Vec<ServiceValueInput>) -> Vec<Given> {
    values.into_iter().map(Into::into).collect()
}

impl Says for SubscribeServiceInput {
    type Command = Subscribe;

    fn said(self) -> Result<Said<Subscribe>> {
        let cmd = Subscribe {
            device: or_none(id::device(&self.device_id)),
            expected_version: self.expected_version,
            subscription: self.subscription.into(),
        };
        let made = |change: &RuleChange| match change {
            RuleChange::ServiceSubscribed { subscription, .. } => Some(subscription.id.0),
            RuleChange::ServiceSubscriptionUpdated { after, .. } => Some(after.id.0),
            _ => None,
        };
        Ok(Said { call: self.call, about: About::Made(made), cmd })
    }
}

impl Says for UnsubscribeServiceInput {
    type Command = Unsubscribe;

    fn said(self) -> Result<Said<Unsubscribe>> {
        let id = or_none(id::service_subscription(&self.subscription_id));
        let cmd = Unsubscribe { subscription: id, expected_version: self.expected_version };
        Ok(Said { call: self.call, about: About::There(id.0), cmd })
    }
}

#[Object]
impl ServiceSubscriptionMutation {
    /// Subscribes a profile or phone to a phone service. Its URL follows from the service's and the values.
    async fn subscribe_service(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which device, and which service.")] input: SubscribeServiceInput,
    ) -> Result<SubscribeServicePayload> {
        Ok(SubscribeServicePayload(say(ctx, input).await?))
    }

    /// Changes the name, values, URL or button of a subscription. The URL is derived again where values are given.
    async fn update_service_subscription(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateServiceSubscriptionInput,
    ) -> Result<UpdateServiceSubscriptionPayload> {
        let id = or_none(id::service_subscription(&input.subscription_id));
        let mut fields = Sent::default();
        fields.maybe("name", input.name).maybe("url", input.url);
        let cmd = Update {
            subscription: id,
            expected_version: input.expected_version,
            fields: fields.patch(),
            values: given(input.values),
            button: match input.button {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(place) => Some(Some(place.into())),
            },
        };
        Ok(UpdateServiceSubscriptionPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Ends a subscription. Its button goes, its values are kept for `resubscribeService`.
    async fn unsubscribe_service(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: UnsubscribeServiceInput,
    ) -> Result<UnsubscribeServicePayload> {
        Ok(UnsubscribeServicePayload(say(ctx, input).await?))
    }

    /// Takes a subscription up again with the values and the button that it had. The URL follows from the service as it is
    /// now.
    async fn resubscribe_service(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: ResubscribeServiceInput,
    ) -> Result<ResubscribeServicePayload> {
        let id = or_none(id::service_subscription(&input.subscription_id));
        let expected_version = input.expected_version;
        let cmd = Resubscribe { subscription: id, expected_version, values: given(input.values) };
        Ok(ResubscribeServicePayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Derives the URLs of the stale subscriptions to a phone service again, as far as you see them: part by part, each
    /// part kept when it is done, so that it may be interrupted and repeated. The change stream tells of each, and of
    /// each part. Those that lack a required value are reported and left. To a key is answered what became of the first
    /// part; `more` tells whether others wait.
    async fn resync_service_subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which service.")] input: ResyncServiceSubscriptionsInput,
    ) -> Result<ResyncServiceSubscriptionsPayload> {
        let most = usize::try_from(input.most).ok().filter(|most| (1..=100_000).contains(most));
        let most = most.ok_or_else(|| Error::Input("`most` is 1 to 100000".to_owned()))?;
        let call = Call {
            dry_run: input.call.dry_run,
            reason: input.call.reason,
            idempotency_key: input.call.idempotency_key,
        };
        let cmd = Resync { service: or_none(id::service(&input.service_id)), subscriptions: Vec::new() };
        let pass = bring_up_to_date(ctx.app()?, ctx.caller()?, &call, &cmd, most).await;
        ctx.loaders()?.forget().await;
        Ok(ResyncServiceSubscriptionsPayload(pass?))
    }
}

/// The subscriptions that went, as they were.
pub fn removed(done: &Done) -> Vec<ServiceSubscription> {
    done.collect(|change| match change {
        RuleChange::ServiceSubscriptionRemoved { subscription, .. } => {
            Some(ServiceSubscription::of(Arc::new(subscription.clone().into())))
        }
        _ => None,
    })
}
