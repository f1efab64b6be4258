//! Phones in the graph.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, OneofObject};
use chrono::{DateTime, Utc};
use entity::change_subject::Noun;

use super::{
    Ask, Result,
    button::{self, BusyLampField, Button, CallParkButton, ServiceUrlButton, SpeedDial},
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{
        Asked, Connection, Direction, Rendered, TimeRange, below, first_below, one, one_joined, root, several,
    },
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    layout::{Laid, Layout, layout},
    level::{Thing, rendered, to_first, to_joined, to_many, to_one},
    line::{Line, LineAppearance},
    mutation::{CallInput, Sent, make, payload, perform, run},
    organization::Organization,
    preview::DeletePreview,
    profile::{NameOnCluster, Profile, only, protocols_are},
    service_subscription::{self, ServiceSubscription},
    session::{EffectiveProfile, Session, effective, ended},
    template::{self, ButtonTemplate},
    user::User,
    value::{
        enums::{OnActiveSession, Protocol},
        id::{self, NodeId, or_none},
        product::Product,
        scalar::date_time,
    },
};
use crate::{
    rule::{
        Change as RuleChange,
        phone::{Create, Delete, Update},
    },
    store::{
        button as button_store, line,
        page::{Filter, Order},
        phone, service_subscription as subscription_store, session, template as template_store, user,
    },
};

/// A phone.
pub type Phone = Thing<PhoneObject>;

/// The fields of [`Phone`].
#[derive(Clone)]
pub struct PhoneObject(pub Arc<phone::Row>);

rendered!(PhoneObject over phone::Row, in phone {
    "organization" => to_joined::<phone::Row, Organization>(|row| Ok(Some(row.organization_id.get()?.0)), |row| row.joined.organization.clone()),
    "cluster" => to_joined::<phone::Row, Cluster>(|row| Ok(Some(row.cluster_id.get()?.0)), |row| row.joined.cluster.clone()),
    "logoutProfile" => to_one::<phone::Row, Profile>(|row| Ok(row.logout_profile_id.get()?.map(|id| id.0))),
    "owner" => to_one::<phone::Row, User>(|row| Ok(row.owner_id.get()?.map(|id| id.0))),
    "lines" => to_many::<phone::Row, LineAppearance>(line::OF_DEVICE),
    "speedDials" => to_many::<phone::Row, SpeedDial>(button_store::SPEED_DIALS),
    "busyLampFields" => to_many::<phone::Row, BusyLampField>(button_store::BUSY_LAMP_FIELDS),
    "callParks" => to_many::<phone::Row, CallParkButton>(button_store::CALL_PARKS),
    "serviceUrls" => to_many::<phone::Row, ServiceUrlButton>(button_store::SERVICE_URLS),
    "serviceSubscriptions" => to_many::<phone::Row, ServiceSubscription>(subscription_store::OF_DEVICE),
    "formerServiceSubscriptions" => to_many::<phone::Row, ServiceSubscription>(subscription_store::FORMER_OF_DEVICE),
    "users" => to_many::<phone::Row, User>(user::OF_PHONE),
    "session" => to_first::<phone::Row, Session>(session::OF_PHONE, |row| Ok(row.id.get()?.0)),
});

/// A phone, as far as extension mobility needs it.
#[Object(name = "Phone")]
impl PhoneObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Phone(*self.0.id.get()?).encode())
    }

    /// Its name, such as SEP001122334455, unique on its cluster whatever the case.
    pub async fn name(&self) -> Result<&str> {
        Ok(self.0.name.get()?)
    }

    /// A text about it, up to 128 characters.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// The phone product, as Unified CM names it.
    async fn product(&self) -> Result<&str> {
        Ok(self.0.product.get()?)
    }

    /// What the catalogue knows of the product; nothing for one that it does not list.
    async fn product_info(&self) -> Result<Option<Product>> {
        Ok(Product::find(self.0.product.get()?))
    }

    /// The protocol that it speaks.
    async fn protocol(&self) -> Result<Protocol> {
        Ok((*self.0.protocol.get()?).into())
    }

    /// The phone button template.
    async fn button_template(&self) -> Result<&str> {
        Ok(self.0.button_template.get()?)
    }

    /// What the cluster knows of the button template; nothing for one that is not kept here, which is taken for the
    /// product's own.
    async fn button_template_info(&self, ctx: &Context<'_>) -> Result<Option<ButtonTemplate>> {
        let found = template::of_device(ctx, template_store::OF_PHONE, self.0.id.get()?.0).await?;
        Ok(found.map(ButtonTemplate::of))
    }

    /// The softkey template; nothing takes the system's.
    async fn softkey_template(&self) -> Result<Option<&str>> {
        Ok(self.0.softkey_template.get()?.as_deref())
    }

    /// Whether people may log in on it.
    async fn extension_mobility(&self) -> Result<bool> {
        Ok(*self.0.extension_mobility.get()?)
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

    /// The organization that it is kept at.
    pub async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one_joined(ctx, self.0.joined.organization.as_ref(), *self.0.organization_id.get()?).await
    }

    /// The cluster that it is on.
    pub async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
        one_joined(ctx, self.0.joined.cluster.as_ref(), *self.0.cluster_id.get()?).await
    }

    /// What it shows while nobody is logged in; nothing shows its own settings.
    async fn logout_profile(&self, ctx: &Context<'_>) -> Result<Option<Profile>> {
        one(ctx, *self.0.logout_profile_id.get()?).await
    }

    /// Who owns it.
    async fn owner(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        one(ctx, *self.0.owner_id.get()?).await
    }

    /// Its own lines, in the order of their places.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<LineAppearance>> {
        let asked = Asked { first, after, last, before };
        below(ctx, line::OF_DEVICE, self.0.id.get()?.0, asked).await
    }

    /// The users that control it, by last and first name.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<User>> {
        let asked = Asked { first, after, last, before };
        below(ctx, user::OF_PHONE, self.0.id.get()?.0, asked).await
    }

    /// Its speed dials, in the order of their positions: the first ones stand on buttons, the others are dialled by
    /// their position.
    async fn speed_dials(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<SpeedDial>> {
        let asked = Asked { first, after, last, before };
        below(ctx, button_store::SPEED_DIALS, self.0.id.get()?.0, asked).await
    }

    /// Its busy lamp fields, in the order of their positions.
    async fn busy_lamp_fields(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<BusyLampField>> {
        let asked = Asked { first, after, last, before };
        below(ctx, button_store::BUSY_LAMP_FIELDS, self.0.id.get()?.0, asked).await
    }

    /// Its call park buttons, in the order of their positions.
    async fn call_parks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<CallParkButton>> {
        let asked = Asked { first, after, last, before };
        below(ctx, button_store::CALL_PARKS, self.0.id.get()?.0, asked).await
    }

    /// Its service URL buttons, in the order of their positions.
    async fn service_urls(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<ServiceUrlButton>> {
        let asked = Asked { first, after, last, before };
        below(ctx, button_store::SERVICE_URLS, self.0.id.get()?.0, asked).await
    }

    /// The phone services that it is subscribed to, the oldest first.
    async fn service_subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<ServiceSubscription>> {
        let asked = Asked { first, after, last, before };
        below(ctx, subscription_store::OF_DEVICE, self.0.id.get()?.0, asked).await
    }

    /// The phone services that it was subscribed to: their values are kept for `resubscribeService`.
    async fn former_service_subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<ServiceSubscription>> {
        let asked = Asked { first, after, last, before };
        below(ctx, subscription_store::FORMER_OF_DEVICE, self.0.id.get()?.0, asked).await
    }

    /// How it looks on itself or on a phone of another product: which line or button stands on which key, and what does not
    /// fit. Nothing where the catalogue does not list its product.
    async fn layout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product, as query `products` names it; its own unless given.")] product: Option<
            String,
        >,
        #[graphql(
            desc = "A button template for the product; its own on its own product, else the product's own."
        )]
        template: Option<ID>,
    ) -> Result<Option<Layout>> {
        let laid = Laid {
            device: *self.0.id.get()?,
            of: self.0.id.get()?.0,
            relation: template_store::OF_PHONE,
            cluster: *self.0.cluster_id.get()?,
            product: self.0.product.get()?,
            protocol: *self.0.protocol.get()?,
            template: self.0.button_template.get()?,
            modules: &[],
        };
        layout(ctx, laid, product, template).await
    }

    /// Who is logged in on it; nothing while nobody is.
    async fn session(&self, ctx: &Context<'_>) -> Result<Option<Session>> {
        first_below(ctx, session::OF_PHONE, self.0.id.get()?.0).await
    }

    /// What it shows as of now: the profile of the user who is logged in, its logout profile, or itself.
    async fn effective_profile(&self, ctx: &Context<'_>) -> Result<EffectiveProfile> {
        effective(ctx, &self.0).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Phone, self.0.id.get()?.0, first, after).await
    }
}

/// One phone, by id or by name.
#[derive(OneofObject)]
pub enum PhoneBy {
    /// Global id.
    Id(ID),
    /// Name on a cluster.
    Name(NameOnCluster),
}

/// Which phones a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct PhoneFilter {
    /// All of these must hold.
    pub and: Option<Vec<PhoneFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<PhoneFilter>>,
    /// This must not hold.
    pub not: Option<Box<PhoneFilter>>,
    /// Any of these phones.
    pub ids: Option<Vec<ID>>,
    /// The name.
    pub name: Option<StringFilter>,
    /// The description, whatever the case.
    pub description: Option<StringFilter>,
    /// The product.
    pub product: Option<StringFilter>,
    /// Any of these protocols.
    pub protocols: Option<Vec<Protocol>>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// In these organizations.
    pub organization: Option<OrganizationScope>,
    /// Controlled by any of these users.
    pub users: Option<Vec<ID>>,
    /// With any of these lines.
    pub lines: Option<Vec<ID>>,
    /// Whether people may log in on it.
    pub extension_mobility: Option<bool>,
    /// Whether somebody is logged in on it.
    pub in_use: Option<bool>,
    /// Showing any of these profiles while nobody is logged in.
    pub logout_profiles: Option<Vec<ID>>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<PhoneFilter> for Filter {
    fn from(filter: PhoneFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::phone)))
            .add(filter.name, |text| text.keyed("t.name_key"))
            .add(filter.description, |text| text.keyed("lower(t.description)"))
            .add(filter.product, |text| text.exact("t.product"))
            .add(filter.protocols, protocols_are)
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .add(filter.users, |ids| {
                let ids = numbers(&ids, id::user);
                Filter::Linked("SELECT phone_id FROM user_phone WHERE user_id", ids, "\"user\"")
            })
            .add(filter.lines, |ids| {
                let ids = numbers(&ids, id::line);
                Filter::Linked("SELECT device_id FROM line_appearance WHERE line_id", ids, "line")
            })
            .add(filter.extension_mobility, |on| Filter::Truth("t.extension_mobility", on))
            .whether(filter.in_use, "EXISTS (SELECT 1 FROM session l WHERE l.phone_id = t.id)")
            .add(filter.logout_profiles, |ids| {
                Filter::Refers("t.logout_profile_id", numbers(&ids, id::profile), "profile")
            })
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// What phones are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum PhoneOrderField {
    /// The name.
    #[default]
    Name,
    /// The product.
    Product,
    /// When it was created.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
}

/// The order of phones.
#[derive(Default, InputObject)]
pub struct PhoneOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: PhoneOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<PhoneOrder> for Order {
    fn from(order: PhoneOrder) -> Self {
        let (column, number) = match order.field {
            PhoneOrderField::Name => ("t.name_key", false),
            PhoneOrderField::Product => ("t.product", false),
            PhoneOrderField::CreatedAt => ("t.created_at", true),
            PhoneOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct PhoneQuery;

#[Object]
impl PhoneQuery {
    /// One phone; nothing when it is not there, or not for you to see.
    async fn phone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How it is named.")] by: PhoneBy,
    ) -> Result<Option<Phone>> {
        ctx.caller()?;
        match by {
            PhoneBy::Id(id) => one(ctx, id::phone(&id)).await,
            PhoneBy::Name(name) => only(ctx, name.filter(), phone::BY_NAME).await,
        }
    }

    /// Phones, by name unless told otherwise.
    async fn phones(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<PhoneFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<PhoneOrder>,
    ) -> Result<Connection<Phone>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "phones", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// What a phone is made of.
#[derive(InputObject)]
pub struct CreatePhoneInput {
    /// The organization to keep it at: any but the root of the tree.
    pub organization_id: ID,
    /// The cluster to make it on; it must serve the organization.
    pub cluster_id: ID,
    /// Its name, 1 to 50 letters, digits, '.', '-' and '_', such as SEP001122334455. It cannot be changed later.
    pub name: String,
    /// A text about it, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    /// The phone product, as query `products` names it.
    pub product: String,
    /// The protocol, one of the product's.
    pub protocol: Protocol,
    /// The phone button template; the product's own unless given.
    pub button_template: Option<String>,
    /// The softkey template; the product's own unless given, null for the system's.
    pub softkey_template: MaybeUndefined<String>,
    /// Whether people may log in on it.
    #[graphql(default)]
    pub extension_mobility: bool,
    /// What it shows while nobody is logged in: a profile of its product and protocol.
    pub logout_profile_id: Option<ID>,
    /// Who owns it.
    pub owner_id: Option<ID>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a phone: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct UpdatePhoneInput {
    /// The phone.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// A text about it.
    pub description: MaybeUndefined<String>,
    /// The phone button template.
    pub button_template: MaybeUndefined<String>,
    /// The softkey template.
    pub softkey_template: MaybeUndefined<String>,
    /// Whether people may log in on it.
    pub extension_mobility: Option<bool>,
    /// What it shows while nobody is logged in: a profile of its product and protocol.
    pub logout_profile_id: MaybeUndefined<ID>,
    /// Who owns it.
    pub owner_id: MaybeUndefined<ID>,
    /// What to do about somebody who is logged in on it where extension mobility is switched off.
    #[graphql(default)]
    pub on_active_session: OnActiveSession,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A phone to delete.
#[derive(InputObject)]
pub struct DeletePhoneInput {
    /// The phone.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    /// What to do about somebody who is logged in on it.
    #[graphql(default)]
    pub on_active_session: OnActiveSession,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `createPhone`.
    CreatePhonePayload {
        /// The new phone; nothing on a dry run.
        phone: Option<Phone> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updatePhone`.
    UpdatePhonePayload {
        /// The phone as it is now.
        phone: Option<Phone> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deletePhone`.
    DeletePhonePayload {
        /// What it does, or on a dry run would do: what goes along, what stays, and what is freed.
        preview: DeletePreview = |_ctx, done| Ok(DeletePreview::of(done));
        /// The lines that stood on it; they stay.
        lines_left: Vec<Line> = |ctx, done| several(ctx, done.collect(|change| match change {
            RuleChange::AppearanceRemoved { appearance, .. } => Some(appearance.line_id.0),
            _ => None,
        })).await;
        /// The clones that became originals, as theirs went.
        promoted: Vec<LineAppearance> = |ctx, done| several(ctx, done.collect(|change| match change {
            RuleChange::ClonePromoted { after, .. } => Some(after.id.0),
            _ => None,
        })).await;
        /// Who was logged in on it and was logged out.
        logged_out: Vec<Session> = |_ctx, done| Ok(ended(done));
        /// Its speed dials and other buttons as they were; they went along.
        buttons_deleted: Vec<Button> = |_ctx, done| Ok(button::removed(done));
        /// Its subscriptions to phone services as they were; they went along.
        services_deleted: Vec<ServiceSubscription> = |_ctx, done| Ok(service_subscription::removed(done));
    }
}

#[derive(Default)]
pub struct PhoneMutation;

#[Object]
impl PhoneMutation {
    /// Makes a phone.
    async fn create_phone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreatePhoneInput,
    ) -> Result<CreatePhonePayload> {
        let mut fields = Sent::default();
        fields
            .given("description", Some(input.description))
            .given("button_template", input.button_template)
            .maybe("softkey_template", input.softkey_template)
            .given("extension_mobility", Some(input.extension_mobility))
            .given("logout_profile_id", input.logout_profile_id.map(|id| or_none(id::profile(&id))))
            .given("owner_id", input.owner_id.map(|id| or_none(id::user(&id))));
        let cmd = Create {
            organization: or_none(id::organization(&input.organization_id)),
            cluster: or_none(id::cluster(&input.cluster_id)),
            name: input.name,
            product: input.product,
            protocol: input.protocol.into(),
            fields: fields.patch(),
        };
        let made = |change: &RuleChange| match change {
            RuleChange::PhoneCreated { phone } => Some(phone.id.0),
            _ => None,
        };
        Ok(CreatePhonePayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Changes a phone: extension mobility on or off, what it shows while nobody is logged in, and so on.
    async fn update_phone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdatePhoneInput,
    ) -> Result<UpdatePhonePayload> {
        let id = or_none(id::phone(&input.id));
        let mut fields = Sent::default();
        fields
            .maybe("description", input.description)
            .maybe("button_template", input.button_template)
            .maybe("softkey_template", input.softkey_template)
            .given("extension_mobility", input.extension_mobility)
            .maybe("logout_profile_id", input.logout_profile_id.map_value(|id| or_none(id::profile(&id))))
            .maybe("owner_id", input.owner_id.map_value(|id| or_none(id::user(&id))));
        let cmd = Update {
            id,
            expected_version: input.expected_version,
            fields: fields.patch(),
            on_active_session: input.on_active_session.into(),
        };
        Ok(UpdatePhonePayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Deletes a phone with its buttons; its lines stay.
    async fn delete_phone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeletePhoneInput,
    ) -> Result<DeletePhonePayload> {
        let cmd = Delete {
            id: or_none(id::phone(&input.id)),
            expected_version: input.expected_version,
            on_active_session: input.on_active_session.into(),
        };
        Ok(DeletePhonePayload(perform(ctx, input.call, cmd).await?))
    }
}
