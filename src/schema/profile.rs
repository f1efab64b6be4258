//! Profiles in the graph.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, OneofObject};
use chrono::{DateTime, Utc};
use entity::change_subject::Noun;

use super::{
    Ask, Result,
    button::{self, BusyLampField, Button, ButtonInput, CallParkButton, ServiceUrlButton, SpeedDial},
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{Asked, Connection, Direction, Rendered, TimeRange, below, one, one_joined, root, several},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    layout::{Laid, Layout, layout},
    level::{Thing, rendered, to_joined, to_many, to_one},
    line::{AddLineInput, Line, LineAppearance},
    loader::wanted,
    mutation::{About, CallInput, Said, Says, Sent, make, payload, say},
    number::{InventoryFilter, SelectableNumber, selectable},
    organization::{Organization, sea_name},
    phone::Phone,
    preview::DeletePreview,
    readiness::Readiness,
    service_subscription::{self, NewServiceSubscriptionInput, ServiceSubscription},
    session::{Session, ended},
    template::{self, ButtonTemplate},
    user::User,
    value::{
        enums::{ApplyPolicy, OnActiveSession, Protocol, ReadinessCode},
        id::{self, NodeId, or_none},
        product::Product,
        scalar::date_time,
        settings::{ProfileSettings, ProfileSettingsInput},
    },
};
use crate::{
    rule::{
        Change as RuleChange, Patch,
        profile::{Copy, Create, Delete, Fields, Update},
        value::key,
    },
    store::{
        button as button_store, line,
        page::{self, Filter, Order, Slice},
        phone, profile, service_subscription as subscription_store, session, template as template_store,
        user,
    },
};

/// An extension mobility profile.
pub type Profile = Thing<ProfileObject>;

/// The fields of [`Profile`].
#[derive(Clone)]
pub struct ProfileObject(pub Arc<profile::Row>);

rendered!(ProfileObject over profile::Row, in profile {
    "organization" => to_joined::<profile::Row, Organization>(|row| Ok(Some(row.organization_id.get()?.0)), |row| row.joined.organization.clone()),
    "cluster" => to_joined::<profile::Row, Cluster>(|row| Ok(Some(row.cluster_id.get()?.0)), |row| row.joined.cluster.clone()),
    "loginUser" => to_one::<profile::Row, User>(|row| Ok(row.login_user_id.get()?.map(|id| id.0))),
    "lines" => to_many::<profile::Row, LineAppearance>(line::OF_DEVICE),
    "speedDials" => to_many::<profile::Row, SpeedDial>(button_store::SPEED_DIALS),
    "busyLampFields" => to_many::<profile::Row, BusyLampField>(button_store::BUSY_LAMP_FIELDS),
    "callParks" => to_many::<profile::Row, CallParkButton>(button_store::CALL_PARKS),
    "serviceUrls" => to_many::<profile::Row, ServiceUrlButton>(button_store::SERVICE_URLS),
    "serviceSubscriptions" => to_many::<profile::Row, ServiceSubscription>(subscription_store::OF_DEVICE),
    "formerServiceSubscriptions" => to_many::<profile::Row, ServiceSubscription>(subscription_store::FORMER_OF_DEVICE),
    "users" => to_many::<profile::Row, User>(user::OF_PROFILE),
    "sessions" => to_many::<profile::Row, Session>(session::OF_PROFILE),
    "logoutPhones" => to_many::<profile::Row, Phone>(phone::OF_LOGOUT_PROFILE),
});

/// An extension mobility profile (Cisco: user device profile): what a phone becomes while one of its users is logged
/// in there.
#[Object(name = "Profile")]
impl ProfileObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Profile(*self.0.id.get()?).encode())
    }

    /// Its name, unique on its cluster whatever the case; fixed when it is made.
    pub async fn name(&self) -> Result<&str> {
        Ok(self.0.name.get()?)
    }

    /// A text about it, up to 128 characters.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// The phone product that it is for, as Unified CM names it; fixed when it is made.
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

    /// The phone button template.
    async fn button_template(&self) -> Result<&str> {
        Ok(self.0.button_template.get()?)
    }

    /// What the cluster knows of the button template; nothing for one that is not kept here, which is taken for the
    /// product's own.
    async fn button_template_info(&self, ctx: &Context<'_>) -> Result<Option<ButtonTemplate>> {
        let found = template::of_device(ctx, template_store::OF_PROFILE, self.0.id.get()?.0).await?;
        Ok(found.map(ButtonTemplate::of))
    }

    /// The softkey template; nothing takes the system's.
    async fn softkey_template(&self) -> Result<Option<&str>> {
        Ok(self.0.softkey_template.get()?.as_deref())
    }

    /// Everything else that can be set.
    async fn settings(&self) -> Result<ProfileSettings> {
        ProfileSettings::try_from(self.0.settings.get()?).map_err(crate::error::Error::internal)
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

    /// The user that it logs in by itself, for profiles that phones show while nobody is logged in.
    async fn login_user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        one(ctx, *self.0.login_user_id.get()?).await
    }

    /// Its lines, in the order of their places.
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

    /// Its users, in order: the first one decides which numbers are offered.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<User>> {
        let asked = Asked { first, after, last, before };
        below(ctx, user::OF_PROFILE, self.0.id.get()?.0, asked).await
    }

    /// The phones that show it while nobody is logged in.
    async fn logout_phones(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Phone>> {
        let asked = Asked { first, after, last, before };
        below(ctx, phone::OF_LOGOUT_PROFILE, self.0.id.get()?.0, asked).await
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

    /// How it looks on a phone of its product or of another one: which line or button stands on which key, and what does not
    /// fit. On another product the cluster's default device profile for that gives template and expansion modules, as at a
    /// login there. Nothing where the catalogue does not list its product.
    async fn layout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The product, as query `products` names it; its own unless given.")] product: Option<
            String,
        >,
        #[graphql(
            desc = "A button template for the product. Unless given, its own on its own product; on another one that of the \
                    default device profile, or else the product's own."
        )]
        template: Option<ID>,
    ) -> Result<Option<Layout>> {
        let laid = Laid {
            device: *self.0.id.get()?,
            of: self.0.id.get()?.0,
            relation: template_store::OF_PROFILE,
            cluster: *self.0.cluster_id.get()?,
            product: self.0.product.get()?,
            protocol: *self.0.protocol.get()?,
            template: self.0.button_template.get()?,
            modules: &self.0.settings.get()?.add_on_modules,
        };
        layout(ctx, laid, product, template).await
    }

    /// Whether it works as its users expect, and what to do where it does not.
    async fn readiness(&self, ctx: &Context<'_>) -> Result<Readiness> {
        let profile = self.0.id.get()?.0;
        let found = ctx.loaders()?.findings(profile).await?;
        Ok(Readiness::of(found.iter().map(|found| (Some(profile), found.clone())).collect()))
    }

    /// The numbers of the inventory that are offered for its lines, by number: those of its cluster that are kept at its
    /// organization or above.
    async fn selectable_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones are offered.")] filter: InventoryFilter,
        #[graphql(desc = "What the number or its note holds.")] search: Option<String>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<SelectableNumber>> {
        let asked = Asked { first, after, last: None, before: None };
        selectable(ctx, self.0.id.get()?.0, &filter, search, asked).await
    }

    /// The sessions that show it, on phones that you see, oldest login first.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Session>> {
        let asked = Asked { first, after, last, before };
        below(ctx, session::OF_PROFILE, self.0.id.get()?.0, asked).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Profile, self.0.id.get()?.0, first, after).await
    }
}

/// One profile, by id or by name.
#[derive(OneofObject)]
pub enum ProfileBy {
    /// Global id.
    Id(ID),
    /// Name on a cluster.
    Name(NameOnCluster),
}

/// A device's name on a cluster.
#[derive(InputObject)]
pub struct NameOnCluster {
    /// The name, in any case.
    pub name: String,
    /// The cluster.
    pub cluster_id: ID,
}

impl NameOnCluster {
    /// The filter that only the device of this name passes.
    pub fn filter(self) -> Filter {
        Filter::All(vec![
            Filter::Is("t.name_key", key(&self.name)),
            Filter::Numbers("t.cluster_id", numbers(&[self.cluster_id], id::cluster)),
        ])
    }
}

/// The one thing of a noun that a filter lets pass.
pub async fn only<T: Rendered>(ctx: &Context<'_>, filter: Filter, order: Order) -> Result<Option<T>> {
    let reader = ctx.reader()?;
    let slice = Slice::front(1);
    let columns = wanted::<T::Row>(ctx.field());
    let found = page::page::<T::Row>(&reader, reader.scope(), &filter, order, &slice, columns).await?;
    Ok(found.rows.into_iter().next().map(|(row, _)| T::of(Arc::new(row))))
}

/// Which profiles a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct ProfileFilter {
    /// All of these must hold.
    pub and: Option<Vec<ProfileFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<ProfileFilter>>,
    /// This must not hold.
    pub not: Option<Box<ProfileFilter>>,
    /// Any of these profiles.
    pub ids: Option<Vec<ID>>,
    /// The name.
    pub name: Option<StringFilter>,
    /// The description, whatever the case.
    pub description: Option<StringFilter>,
    /// The product.
    pub product: Option<StringFilter>,
    /// Any of these protocols.
    pub protocols: Option<Vec<Protocol>>,
    /// The phone button template.
    pub button_template: Option<StringFilter>,
    /// The softkey template.
    pub softkey_template: Option<StringFilter>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// In these organizations.
    pub organization: Option<OrganizationScope>,
    /// Serving any of these users.
    pub users: Option<Vec<ID>>,
    /// With any of these lines.
    pub lines: Option<Vec<ID>>,
    /// Whether it has users; false finds orphans.
    pub has_users: Option<bool>,
    /// Whether it has lines.
    pub has_lines: Option<bool>,
    /// Whether one of its lines is a clone.
    pub has_clones: Option<bool>,
    /// Whether phones show it while nobody is logged in.
    pub is_logout_profile: Option<bool>,
    /// Whether somebody is logged in with it, on a phone that you see.
    pub in_use: Option<bool>,
    /// With any of these findings of `readiness`; an empty list finds none, nor does what is found of users only.
    pub not_ready: Option<Vec<ReadinessCode>>,
    /// Subscribed to any of these phone services.
    pub services: Option<Vec<ID>>,
    /// When it was created.
    pub created: Option<TimeRange>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<ProfileFilter> for Filter {
    fn from(filter: ProfileFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::profile)))
            .add(filter.name, |text| text.keyed("t.name_key"))
            .add(filter.description, |text| text.keyed("lower(t.description)"))
            .add(filter.product, |text| text.exact("t.product"))
            .add(filter.protocols, protocols_are)
            .add(filter.button_template, |text| text.exact("t.button_template"))
            .add(filter.softkey_template, |text| text.exact("t.softkey_template"))
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .add(filter.users, |ids| {
                let ids = numbers(&ids, id::user);
                Filter::Linked("SELECT profile_id FROM profile_user WHERE user_id", ids, "\"user\"")
            })
            .add(filter.lines, |ids| {
                let ids = numbers(&ids, id::line);
                Filter::Linked("SELECT device_id FROM line_appearance WHERE line_id", ids, "line")
            })
            .related(
                filter.has_users,
                "SELECT 1 FROM profile_user l WHERE l.profile_id = t.id",
                "l.user_id",
                "\"user\"",
            )
            .whether(filter.has_lines, "EXISTS (SELECT 1 FROM line_appearance l WHERE l.device_id = t.id)")
            .whether(
                filter.has_clones,
                "EXISTS (SELECT 1 FROM line_appearance l WHERE l.device_id = t.id AND l.role = 'CLONE')",
            )
            .related(
                filter.is_logout_profile,
                "SELECT 1 FROM phone l WHERE l.logout_profile_id = t.id",
                "l.id",
                "phone",
            )
            .related(
                filter.in_use,
                "SELECT 1 FROM session l WHERE l.profile_id = t.id",
                "l.phone_id",
                "phone",
            )
            .add(filter.not_ready, |codes| {
                Filter::Any(codes.into_iter().map(|code| Filter::Found(code.into())).collect())
            })
            .add(filter.services, |ids| {
                const SUBSCRIBED: &str =
                    "SELECT device_id FROM service_subscription WHERE subscribed AND service_id";
                Filter::Linked(SUBSCRIBED, numbers(&ids, id::service), "service")
            })
            .time(filter.created, "t.created_at")
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// Any of these protocols.
pub fn protocols_are(protocols: Vec<Protocol>) -> Filter {
    let names = protocols.iter().map(sea_name).collect();
    Filter::Texts("t.protocol", names)
}

/// What profiles are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum ProfileOrderField {
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

/// The order of profiles.
#[derive(Default, InputObject)]
pub struct ProfileOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: ProfileOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<ProfileOrder> for Order {
    fn from(order: ProfileOrder) -> Self {
        let (column, number) = match order.field {
            ProfileOrderField::Name => ("t.name_key", false),
            ProfileOrderField::Product => ("t.product", false),
            ProfileOrderField::CreatedAt => ("t.created_at", true),
            ProfileOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct ProfileQuery;

#[Object]
impl ProfileQuery {
    /// One profile; nothing when it is not there, or not for you to see.
    async fn profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How it is named.")] by: ProfileBy,
    ) -> Result<Option<Profile>> {
        ctx.caller()?;
        match by {
            ProfileBy::Id(id) => one(ctx, id::profile(&id)).await,
            ProfileBy::Name(name) => only(ctx, name.filter(), profile::BY_NAME).await,
        }
    }

    /// Profiles, by name unless told otherwise.
    async fn profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<ProfileFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<ProfileOrder>,
    ) -> Result<Connection<Profile>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "profiles", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// What a profile is made of.
#[derive(InputObject)]
pub struct CreateProfileInput {
    /// The organization to keep it at: any but the root of the tree.
    pub organization_id: ID,
    /// The cluster to make it on; it must serve the organization.
    pub cluster_id: ID,
    /// Its name, 1 to 50 letters, digits, '.', '-', '_' and single inner spaces, unlike every device's on the
    /// cluster. It cannot be changed later.
    pub name: String,
    /// A text about it, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    /// The phone product that it is for, as query `products` names it.
    pub product: String,
    /// The protocol that it is for, one of the product's.
    pub protocol: Protocol,
    /// The phone button template; the product's own unless given.
    pub button_template: Option<String>,
    /// The softkey template; the product's own unless given, null for the system's.
    pub softkey_template: MaybeUndefined<String>,
    /// The user that it logs in by itself.
    pub login_user_id: Option<ID>,
    /// Everything else that can be set.
    pub settings: Option<ProfileSettingsInput>,
    /// Its lines, in order: numbers become originals where they stand nowhere yet, else clones.
    #[graphql(default)]
    pub lines: Vec<AddLineInput>,
    /// Its users, in order.
    #[graphql(default)]
    pub user_ids: Vec<ID>,
    /// Its speed dials and other buttons.
    #[graphql(default)]
    pub buttons: Vec<ButtonInput>,
    /// The phone services that it is subscribed to.
    #[graphql(default)]
    pub services: Vec<NewServiceSubscriptionInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A profile to make together with its user.
#[derive(InputObject)]
pub struct NewProfileInput {
    /// The organization to keep it at; the user's unless given.
    pub organization_id: Option<ID>,
    /// Its name, unlike every device's on the cluster.
    pub name: String,
    /// A text about it, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    /// The phone product that it is for, as query `products` names it.
    pub product: String,
    /// The protocol that it is for, one of the product's.
    pub protocol: Protocol,
    /// The phone button template; the product's own unless given.
    pub button_template: Option<String>,
    /// The softkey template; the product's own unless given, null for the system's.
    pub softkey_template: MaybeUndefined<String>,
    /// Everything else that can be set.
    pub settings: Option<ProfileSettingsInput>,
    /// Its lines, in order.
    #[graphql(default)]
    pub lines: Vec<AddLineInput>,
    /// Its speed dials and other buttons.
    #[graphql(default)]
    pub buttons: Vec<ButtonInput>,
    /// The phone services that it is subscribed to.
    #[graphql(default)]
    pub services: Vec<NewServiceSubscriptionInput>,
}

impl NewProfileInput {
    /// The command, for a user kept at this organization and cluster.
    pub fn command(self, organization: entity::OrganizationId, cluster: entity::ClusterId) -> Result<Create> {
        let mut fields = Sent::default();
        fields
            .given("description", Some(self.description))
            .given("button_template", self.button_template)
            .maybe("softkey_template", self.softkey_template);
        Ok(Create {
            organization: self.organization_id.map_or(organization, |id| or_none(id::organization(&id))),
            cluster,
            name: self.name,
            product: self.product,
            protocol: self.protocol.into(),
            fields: fields.patch(),
            settings: self.settings.unwrap_or_default().patch(),
            lines: self.lines.into_iter().map(AddLineInput::line).collect::<Result<_>>()?,
            users: Vec::new(),
            buttons: self.buttons.into_iter().map(Into::into).collect(),
            services: self.services.into_iter().map(Into::into).collect(),
        })
    }
}

/// What to change of a profile: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// The profile.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub set: SetProfileInput,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What can be changed of a profile: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct SetProfileInput {
    /// A text about it.
    pub description: MaybeUndefined<String>,
    /// The phone button template.
    pub button_template: MaybeUndefined<String>,
    /// The softkey template.
    pub softkey_template: MaybeUndefined<String>,
    /// The user that it logs in by itself.
    pub login_user_id: MaybeUndefined<ID>,
    /// Everything else that can be set.
    pub settings: Option<ProfileSettingsInput>,
    /// What to do with the phones that show it.
    #[graphql(default)]
    pub apply_policy: ApplyPolicy,
}

impl SetProfileInput {
    /// The patches of what stands on the profile and of its settings.
    pub fn patches(self) -> (Patch<Fields>, Patch<entity::profile::Settings>) {
        let mut fields = Sent::default();
        fields
            .maybe("description", self.description)
            .maybe("button_template", self.button_template)
            .maybe("softkey_template", self.softkey_template)
            .maybe("login_user_id", self.login_user_id.map_value(|id| or_none(id::user(&id))));
        (fields.patch(), self.settings.unwrap_or_default().patch())
    }
}

/// A profile to make like another one.
#[derive(InputObject)]
pub struct CopyProfileInput {
    /// The profile to copy.
    pub id: ID,
    /// The name of the copy.
    pub name: String,
    /// Where to keep the copy; beside the other one unless given.
    pub organization_id: Option<ID>,
    /// A text about the copy; the other one's unless given.
    pub description: Option<String>,
    /// Whether the copy gets the lines, as clones.
    #[graphql(default = true)]
    pub lines: bool,
    /// Whether the copy serves the same users.
    #[graphql(default)]
    pub users: bool,
    /// Whether the copy gets the speed dials and other buttons.
    #[graphql(default = true)]
    pub buttons: bool,
    /// Whether the copy is subscribed to the same phone services with the same values. Those that are disabled are left
    /// out.
    #[graphql(default)]
    pub services: bool,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A profile to delete.
#[derive(InputObject)]
pub struct DeleteProfileInput {
    /// The profile.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    /// Whether phones that show it while nobody is logged in show their own settings from now on; otherwise such a
    /// profile is not deleted.
    #[graphql(default)]
    pub release_logout_phones: bool,
    /// What to do about people who are logged in with it.
    #[graphql(default)]
    pub on_active_session: OnActiveSession,
    #[graphql(flatten)]
    pub call: CallInput,
}

impl Says for CreateProfileInput {
    type Command = Create;

    fn said(self) -> Result<Said<Create>> {
        let mut fields = Sent::default();
        fields
            .given("description", Some(self.description))
            .given("button_template", self.button_template)
            .maybe("softkey_template", self.softkey_template)
            .given("login_user_id", self.login_user_id.map(|id| or_none(id::user(&id))));
        let cmd = Create {
            organization: or_none(id::organization(&self.organization_id)),
            cluster: or_none(id::cluster(&self.cluster_id)),
            name: self.name,
            product: self.product,
            protocol: self.protocol.into(),
            fields: fields.patch(),
            settings: self.settings.unwrap_or_default().patch(),
            lines: self.lines.into_iter().map(AddLineInput::line).collect::<Result<_>>()?,
            users: self.user_ids.iter().map(|id| or_none(id::user(id))).collect(),
            buttons: self.buttons.into_iter().map(Into::into).collect(),
            services: self.services.into_iter().map(Into::into).collect(),
        };
        Ok(Said { call: self.call, about: About::Made(made), cmd })
    }
}

impl Says for UpdateProfileInput {
    type Command = Update;

    fn said(self) -> Result<Said<Update>> {
        let id = or_none(id::profile(&self.id));
        let apply_policy = self.set.apply_policy.into();
        let (fields, settings) = self.set.patches();
        let cmd = Update { id, expected_version: self.expected_version, fields, settings, apply_policy };
        Ok(Said { call: self.call, about: About::There(id.0), cmd })
    }
}

impl Says for DeleteProfileInput {
    type Command = Delete;

    fn said(self) -> Result<Said<Delete>> {
        let cmd = Delete {
            id: or_none(id::profile(&self.id)),
            expected_version: self.expected_version,
            release_logout_phones: self.release_logout_phones,
            on_active_session: self.on_active_session.into(),
        };
        Ok(Said { call: self.call, about: About::Gone, cmd })
    }
}

payload! {
    /// What came of `createProfile`.
    CreateProfilePayload {
        /// The new profile; nothing on a dry run.
        profile: Option<Profile> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateProfile`.
    UpdateProfilePayload {
        /// The profile as it is now.
        profile: Option<Profile> = |ctx, done| one(ctx, done.subject).await;
        /// The sessions that ended by `applyPolicy`, as they were; with `RELOGIN_IDLE` others took their places.
        logged_out: Vec<Session> = |_ctx, done| Ok(ended(done));
    }
}

payload! {
    /// What came of `copyProfile`.
    CopyProfilePayload {
        /// The copy; nothing on a dry run.
        profile: Option<Profile> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteProfile`.
    DeleteProfilePayload {
        /// What it does, or on a dry run would do: what goes along, what stays, and what is freed.
        preview: DeletePreview = |_ctx, done| Ok(DeletePreview::of(done));
        /// The profile as it was.
        deleted: Option<Profile> = |_ctx, done| Ok(done.collect(|change| match change {
            RuleChange::ProfileDeleted { profile } => Some(Profile::of(Arc::new(profile.clone().into()))),
            _ => None,
        }).pop());
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
        /// The users that it no longer serves.
        users_left: Vec<User> = |ctx, done| several(ctx, done.collect(|change| match change {
            RuleChange::UserDisassociated { association, .. } => Some(association.user_id.0),
            _ => None,
        })).await;
        /// Who was logged in with it and was logged out.
        logged_out: Vec<Session> = |_ctx, done| Ok(ended(done));
        /// Its speed dials and other buttons as they were; they went along.
        buttons_deleted: Vec<Button> = |_ctx, done| Ok(button::removed(done));
        /// Its subscriptions to phone services as they were; they went along.
        services_deleted: Vec<ServiceSubscription> = |_ctx, done| Ok(service_subscription::removed(done));
    }
}

#[derive(Default)]
pub struct ProfileMutation;

fn made(change: &RuleChange) -> Option<i64> {
    match change {
        RuleChange::ProfileCreated { profile } => Some(profile.id.0),
        _ => None,
    }
}

#[Object]
impl ProfileMutation {
    /// Makes a profile at an organization, with lines, users, buttons and services where they are given: all of it or nothing.
    async fn create_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateProfileInput,
    ) -> Result<CreateProfilePayload> {
        Ok(CreateProfilePayload(say(ctx, input).await?))
    }

    /// Changes a profile; its name, product and protocol are fixed.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateProfileInput,
    ) -> Result<UpdateProfilePayload> {
        Ok(UpdateProfilePayload(say(ctx, input).await?))
    }

    /// Makes a profile like another one; its lines become clones.
    async fn copy_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and how the copy is called.")] input: CopyProfileInput,
    ) -> Result<CopyProfilePayload> {
        let cmd = Copy {
            from: or_none(id::profile(&input.id)),
            name: input.name,
            organization: input.organization_id.map(|id| or_none(id::organization(&id))),
            description: input.description,
            lines: input.lines,
            users: input.users,
            buttons: input.buttons,
            services: input.services,
        };
        Ok(CopyProfilePayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Deletes a profile with everything that is its own. Its lines stay, and where it had the original, the oldest clone becomes it.
    async fn delete_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteProfileInput,
    ) -> Result<DeleteProfilePayload> {
        Ok(DeleteProfilePayload(say(ctx, input).await?))
    }
}
