//! Quick Add in the graph: groups, and adding users by them.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{change_subject::Noun, line_appearance::Role, quick_add as kept};

use super::{
    Result,
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{Asked, Connection, Direction, TimeRange, one, one_joined, root},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Thing, rendered, to_joined, to_one},
    line::LineAppearance,
    mutation::{CallInput, Sent, make, payload, perform, run},
    organization::{Organization, sea_name},
    profile::Profile,
    service::PhoneService,
    service_subscription::{NewServiceSubscriptionInput, ServiceValueInput},
    user::User,
    value::{
        enums::Protocol,
        id::{self, NodeId, or_none},
        scalar::date_time,
        settings::{
            AppearanceSettings, AppearanceSettingsInput, LineSettings, LineSettingsInput, ProfileSettings,
            ProfileSettingsInput,
        },
    },
};
use crate::{
    error::Error,
    rule::{
        Change as RuleChange,
        quick_add::{self as rule_quick_add, Add, AddService, Create, Delete, Update, Who},
    },
    store::{
        page::{Filter, Order},
        quick_add,
    },
};

/// A Quick Add group.
pub type QuickAddGroup = Thing<QuickAddGroupObject>;

/// The fields of [`QuickAddGroup`].
#[derive(Clone)]
pub struct QuickAddGroupObject(pub Arc<quick_add::Row>);

rendered!(QuickAddGroupObject over quick_add::Row, in quick_add {
    "organization" => to_joined::<quick_add::Row, Organization>(
        |row| Ok(Some(row.organization_id.get()?.0)),
        |row| row.joined.organization.clone(),
    ),
    "cluster" => to_joined::<quick_add::Row, Cluster>(
        |row| Ok(row.cluster_id.get()?.map(|id| id.0)),
        |row| row.joined.cluster.clone(),
    ),
    "place" => to_one::<quick_add::Row, Organization>(|row| Ok(row.place_id.get()?.map(|id| id.0))),
});

/// What the line of a profile that a Quick Add group makes is set to.
#[derive(SimpleObject)]
pub struct QuickAddLine {
    /// The route partition; null is Unified CM's none.
    partition: Option<String>,
    /// The text beside the line's button, with tokens; null is none.
    label: Option<String>,
    /// A text about the line, with tokens.
    description: String,
    /// Settings of the appearance; `display` and `asciiDisplay` may hold tokens.
    settings: AppearanceSettings,
    /// The line's own settings; the alerting names and the directory URIs may hold tokens.
    line_settings: LineSettings,
}

/// A phone service of a Quick Add group.
pub struct QuickAddService(kept::Service);

/// A value that a Quick Add group gives to a parameter.
#[derive(SimpleObject)]
pub struct QuickAddServiceValue {
    /// The parameter's name.
    name: String,
    /// The value, with tokens.
    value: String,
}

/// A phone service that profiles of a Quick Add group are subscribed to.
#[Object]
impl QuickAddService {
    /// The phone service; nothing where it is there no more.
    async fn service(&self, ctx: &Context<'_>) -> Result<Option<PhoneService>> {
        one(ctx, Some(self.0.service)).await
    }

    /// What subscribers call it; nothing takes the service's name.
    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// Values for its parameters; passwords are given to each quick add.
    async fn values(&self) -> Vec<QuickAddServiceValue> {
        let values = self.0.values.iter();
        values
            .map(|(name, value)| QuickAddServiceValue { name: name.clone(), value: value.clone() })
            .collect()
    }

    /// A URL instead of the one that follows from the service and the values.
    async fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// Whether profiles get a service URL button that opens it.
    async fn has_button(&self) -> bool {
        self.0.button.is_some()
    }

    /// The position of that button; nothing takes the first free one.
    async fn button_index(&self) -> Option<i32> {
        self.0.button.as_ref()?.index
    }

    /// The text beside that button.
    async fn button_label(&self) -> Option<&str> {
        self.0.button.as_ref()?.label.as_deref()
    }
}

impl From<QuickAddServiceInput> for AddService {
    fn from(input: QuickAddServiceInput) -> Self {
        Self {
            service: or_none(id::service(&input.service_id)),
            values: input.values.into_iter().map(Into::into).collect(),
        }
    }
}

/// A template from which `quickAddUser` gives a user a profile with one line. Tokens in its patterns are {username},
/// {firstName}, {lastName} and {number}. Whoever stands below it may use and copy it; a copy inherits nothing later.
#[Object(name = "QuickAddGroup")]
impl QuickAddGroupObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::QuickAddGroup(*self.0.id.get()?).encode())
    }

    /// Its name, 1 to 64 characters, unlike that of its organization's other groups, whatever the case.
    async fn name(&self) -> Result<&str> {
        Ok(self.0.name.get()?)
    }

    /// A text about it, up to 128 characters.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// The phone product that profiles are for.
    async fn product(&self) -> Result<&str> {
        Ok(self.0.product.get()?)
    }

    /// The protocol that profiles are for.
    async fn protocol(&self) -> Result<Protocol> {
        Ok((*self.0.protocol.get()?).into())
    }

    /// The phone button template; nothing takes the product's own.
    async fn button_template(&self) -> Result<Option<&str>> {
        Ok(self.0.button_template.get()?.as_deref())
    }

    /// The softkey template; nothing takes the product's own.
    async fn softkey_template(&self) -> Result<Option<&str>> {
        Ok(self.0.softkey_template.get()?.as_deref())
    }

    /// What profiles are called, such as `EM_{username}`. Letters lose their accents, what a name cannot hold becomes a
    /// dash, and a name is cut to 50 characters.
    async fn name_pattern(&self) -> Result<&str> {
        Ok(self.0.name_pattern.get()?)
    }

    /// The text about a profile, with tokens; cut to 128 characters.
    async fn description_pattern(&self) -> Result<&str> {
        Ok(self.0.description_pattern.get()?)
    }

    /// Everything else that is set at a profile.
    async fn settings(&self) -> Result<ProfileSettings> {
        ProfileSettings::try_from(&self.0.defaults.get()?.profile).map_err(Error::internal)
    }

    /// What the line is set to, where its number stands on no other device; a clone takes its original's settings.
    async fn line(&self) -> Result<QuickAddLine> {
        let defaults = self.0.defaults.get()?;
        Ok(QuickAddLine {
            partition: Some(defaults.partition.clone()).filter(|partition| !partition.is_empty()),
            label: defaults.label.clone(),
            description: defaults.line_description.clone(),
            settings: AppearanceSettings::try_from(&defaults.appearance).map_err(Error::internal)?,
            line_settings: LineSettings::try_from(&defaults.line).map_err(Error::internal)?,
        })
    }

    /// The phone services that profiles are subscribed to, besides those that a quick add names.
    async fn services(&self) -> Result<Vec<QuickAddService>> {
        Ok(self.0.defaults.get()?.services.iter().cloned().map(QuickAddService).collect())
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

    /// The organization that it is kept at; nothing where that stands above yours.
    pub async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one_joined(ctx, self.0.joined.organization.as_ref(), *self.0.organization_id.get()?).await
    }

    /// The cluster that profiles are made on; a group without one is there to be copied.
    pub async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
        match *self.0.cluster_id.get()? {
            Some(id) => one_joined(ctx, self.0.joined.cluster.as_ref(), id).await,
            None => Ok(None),
        }
    }

    /// Where new users, profiles and lines are kept unless the caller says; nothing is the group's organization.
    async fn place(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one(ctx, *self.0.place_id.get()?).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::QuickAddGroup, self.0.id.get()?.0, first, after).await
    }
}

/// Which Quick Add groups a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct QuickAddGroupFilter {
    /// All of these must hold.
    pub and: Option<Vec<QuickAddGroupFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<QuickAddGroupFilter>>,
    /// This must not hold.
    pub not: Option<Box<QuickAddGroupFilter>>,
    /// Any of these groups.
    pub ids: Option<Vec<ID>>,
    /// The name.
    pub name: Option<StringFilter>,
    /// The product.
    pub product: Option<StringFilter>,
    /// Any of these protocols.
    pub protocols: Option<Vec<Protocol>>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// In these organizations.
    pub organization: Option<OrganizationScope>,
    /// Whether it has a cluster; without one it is there to be copied.
    pub has_cluster: Option<bool>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<QuickAddGroupFilter> for Filter {
    fn from(filter: QuickAddGroupFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::quick_add_group)))
            .add(filter.name, |text| text.keyed("t.name_key"))
            .add(filter.product, |text| text.exact("t.product"))
            .add(filter.protocols, |protocols| {
                Filter::Texts("t.protocol", protocols.iter().map(sea_name).collect())
            })
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .whether(filter.has_cluster, "t.cluster_id IS NOT NULL")
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// What Quick Add groups are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum QuickAddGroupOrderField {
    /// The name.
    #[default]
    Name,
    /// When it was last changed.
    UpdatedAt,
}

/// The order of Quick Add groups.
#[derive(Default, InputObject)]
pub struct QuickAddGroupOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: QuickAddGroupOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<QuickAddGroupOrder> for Order {
    fn from(order: QuickAddGroupOrder) -> Self {
        let (column, number) = match order.field {
            QuickAddGroupOrderField::Name => ("t.name_key", false),
            QuickAddGroupOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct QuickAddQuery;

#[Object]
impl QuickAddQuery {
    /// Quick Add groups, by name unless told otherwise: those of your organization and below, and those above that you may
    /// use and copy.
    async fn quick_add_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<QuickAddGroupFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<QuickAddGroupOrder>,
    ) -> Result<Connection<QuickAddGroup>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "Quick Add groups", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// What the line of a profile that a Quick Add group makes is set to: what is left out stays, null puts the default back.
#[derive(Default, InputObject)]
pub struct QuickAddLineInput {
    /// The route partition; null is Unified CM's none.
    pub partition: MaybeUndefined<String>,
    /// The text beside the line's button, up to 50 characters, with tokens; null is none.
    pub label: MaybeUndefined<String>,
    /// A text about the line, up to 128 characters, with tokens; the user's name unless given.
    pub description: MaybeUndefined<String>,
    /// Settings of the appearance; `display` and `asciiDisplay` may hold tokens.
    pub settings: Option<AppearanceSettingsInput>,
    /// The line's own settings; the alerting names and the directory URIs may hold tokens.
    pub line_settings: Option<LineSettingsInput>,
}

/// What a Quick Add group says: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct QuickAddGroupFields {
    /// A text about it, up to 128 characters.
    pub description: MaybeUndefined<String>,
    /// The phone product that profiles are for, as query `products` names it; needed where no group is copied.
    pub product: Option<String>,
    /// The protocol that profiles are for, one of the product's; SIP unless given.
    pub protocol: Option<Protocol>,
    /// The phone button template; null takes the product's own.
    pub button_template: MaybeUndefined<String>,
    /// The softkey template; null takes the product's own.
    pub softkey_template: MaybeUndefined<String>,
    /// What profiles are called, with at least one of {username}, {firstName}, {lastName} and {number}; `EM_{username}`
    /// unless given.
    pub name_pattern: MaybeUndefined<String>,
    /// The text about a profile, with tokens, up to 128 characters; `{firstName} {lastName} - {number}` unless given.
    pub description_pattern: MaybeUndefined<String>,
    /// Where new users, profiles and lines are kept: the group's organization, unless one below it is given.
    pub place_id: MaybeUndefined<ID>,
    /// Everything else that is set at a profile.
    pub settings: Option<ProfileSettingsInput>,
    /// What the line is set to.
    pub line: Option<QuickAddLineInput>,
    /// The phone services that profiles are subscribed to: the whole list; null empties it. Values may hold tokens, and
    /// none may be a password's: give those to `quickAddUser`. A copy has the copied group's where both have one cluster.
    pub services: MaybeUndefined<Vec<NewServiceSubscriptionInput>>,
}

impl QuickAddGroupFields {
    fn sent(self, name: Option<String>) -> rule_quick_add::Sent {
        let line = self.line.unwrap_or_default();
        let mut fields = Sent::default();
        fields
            .given("name", name)
            .maybe("description", self.description)
            .given("product", self.product)
            .given("protocol", self.protocol)
            .maybe("button_template", self.button_template)
            .maybe("softkey_template", self.softkey_template)
            .maybe("name_pattern", self.name_pattern)
            .maybe("description_pattern", self.description_pattern)
            .maybe("place_id", self.place_id.map_value(|id| or_none(id::organization(&id))))
            .maybe("partition", line.partition)
            .maybe("label", line.label)
            .maybe("line_description", line.description);
        rule_quick_add::Sent {
            fields: fields.patch(),
            profile: self.settings.unwrap_or_default().patch(),
            appearance: line.settings.unwrap_or_default().patch(),
            line: line.line_settings.unwrap_or_default().patch(),
            services: match self.services {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(Vec::new()),
                MaybeUndefined::Value(services) => Some(services.into_iter().map(Into::into).collect()),
            },
        }
    }
}

/// What a Quick Add group is made of.
#[derive(InputObject)]
pub struct CreateQuickAddGroupInput {
    /// The organization to keep it at.
    pub organization_id: ID,
    /// The cluster to make profiles on; it must serve the organization. Without one, and none of a copied group, the
    /// group is there to be copied.
    pub cluster_id: Option<ID>,
    /// The group to copy, one that you see: the new one says the same, but for what is given here, and inherits nothing
    /// later.
    pub copy_from_id: Option<ID>,
    /// Its name, 1 to 64 characters, unlike that of the organization's other groups.
    pub name: String,
    #[graphql(flatten)]
    pub fields: QuickAddGroupFields,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a Quick Add group; what was made by it stays as it is.
#[derive(InputObject)]
pub struct UpdateQuickAddGroupInput {
    /// The group.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    #[graphql(flatten)]
    pub fields: QuickAddGroupFields,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A Quick Add group to delete.
#[derive(InputObject)]
pub struct DeleteQuickAddGroupInput {
    /// The group; what was made by it stays.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A user to make by a quick add.
#[derive(InputObject)]
pub struct QuickAddNewUserInput {
    /// What the user types to log in: 1 to 128 of a-z, 0-9, '.', '_', '-' and '@', unique on the cluster.
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
}

/// A user to give a profile with one line.
#[derive(InputObject)]
pub struct QuickAddUserInput {
    /// The Quick Add group that says what is made.
    pub group_id: ID,
    /// The organization to keep what is made at; as the group says unless given.
    pub organization_id: Option<ID>,
    /// A user who is there; give this or `newUser`.
    pub user_id: Option<ID>,
    /// A user to make; give this or `userId`.
    pub new_user: Option<QuickAddNewUserInput>,
    /// The directory number, in the group's partition. Left out, it is the next available one of the inventory that is
    /// kept there or above: one that is reserved for the user before any other.
    pub number: Option<String>,
    /// The profile's name; what the group's pattern gives unless given.
    pub profile_name: Option<String>,
    /// Values for the group's phone services, passwords among them, and further services.
    #[graphql(default)]
    pub services: Vec<QuickAddServiceInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A phone service of a quick add.
#[derive(InputObject)]
pub struct QuickAddServiceInput {
    /// One of the group's phone services, or another one of the cluster to subscribe the profile to as well.
    pub service_id: ID,
    /// Values for its parameters; they stand over the group's.
    #[graphql(default)]
    pub values: Vec<ServiceValueInput>,
}

impl QuickAddUserInput {
    fn who(user_id: Option<ID>, new_user: Option<QuickAddNewUserInput>) -> Result<Who> {
        match (user_id, new_user) {
            (Some(id), None) => Ok(Who::There(or_none(id::user(&id)))),
            (None, Some(new)) => {
                let mut fields = Sent::default();
                fields
                    .given("first_name", Some(new.first_name))
                    .given("last_name", Some(new.last_name))
                    .given("display_name", new.display_name)
                    .given("email", new.email)
                    .given("department", new.department)
                    .given("user_locale", new.user_locale);
                Ok(Who::New { user_id: new.user_id, fields: fields.patch() })
            }
            _ => Err(Error::Input("a quick add is for either userId or newUser".to_owned())),
        }
    }
}

payload! {
    /// What came of `createQuickAddGroup`.
    CreateQuickAddGroupPayload {
        /// The new group; nothing on a dry run.
        group: Option<QuickAddGroup> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateQuickAddGroup`.
    UpdateQuickAddGroupPayload {
        /// The group as it is now.
        group: Option<QuickAddGroup> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteQuickAddGroup`.
    DeleteQuickAddGroupPayload {}
}

payload! {
    /// What came of `quickAddUser`.
    QuickAddUserPayload {
        /// The user; nothing on a dry run.
        user: Option<User> = |ctx, done| {
            let user = |change: &RuleChange| match change {
                RuleChange::UserAssociated { association, .. } => Some(association.user_id.0),
                _ => None,
            };
            one(ctx, done.subject.and(done.collect(user).pop())).await
        };
        /// The profile; nothing on a dry run.
        profile: Option<Profile> = |ctx, done| one(ctx, done.subject).await;
        /// The line on the profile; nothing on a dry run.
        appearance: Option<LineAppearance> = |ctx, done| {
            let id = added(done).map(|(id, _)| id);
            one(ctx, done.subject.and(id)).await
        };
        /// Whether the line got what the group says of lines. A number whose line stands on another device becomes a clone
        /// and takes its original's settings instead. Nothing when a rule was broken.
        line_defaults_applied: Option<bool> = |_ctx, done| Ok(added(done).map(|(_, role)| role == Role::Original));
    }
}

/// The appearance that was added, and its role.
fn added(done: &super::mutation::Done) -> Option<(i64, Role)> {
    let added = |change: &RuleChange| match change {
        RuleChange::AppearanceAdded { appearance, .. } => Some((appearance.id.0, appearance.role)),
        _ => None,
    };
    done.collect(added).pop()
}

#[derive(Default)]
pub struct QuickAddMutation;

#[Object]
impl QuickAddMutation {
    /// Makes a Quick Add group, by itself or as a copy of another one: a provider's for a customer, a customer's for a
    /// site.
    async fn create_quick_add_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateQuickAddGroupInput,
    ) -> Result<CreateQuickAddGroupPayload> {
        let cmd = Create {
            organization: or_none(id::organization(&input.organization_id)),
            cluster: input.cluster_id.map(|id| or_none(id::cluster(&id))),
            copy_from: input.copy_from_id.map(|id| or_none(id::quick_add_group(&id))),
            sent: input.fields.sent(Some(input.name)),
        };
        let made = |change: &RuleChange| match change {
            RuleChange::QuickAddGroupCreated { group } => Some(group.id.0),
            _ => None,
        };
        Ok(CreateQuickAddGroupPayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Changes a Quick Add group; its organization and its cluster are fixed.
    async fn update_quick_add_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateQuickAddGroupInput,
    ) -> Result<UpdateQuickAddGroupPayload> {
        let id = or_none(id::quick_add_group(&input.id));
        let sent = input.fields.sent(input.name);
        let cmd = Update { id, expected_version: input.expected_version, sent };
        Ok(UpdateQuickAddGroupPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Deletes a Quick Add group; what was made by it stays.
    async fn delete_quick_add_group(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteQuickAddGroupInput,
    ) -> Result<DeleteQuickAddGroupPayload> {
        let id = or_none(id::quick_add_group(&input.id));
        let cmd = Delete { id, expected_version: input.expected_version };
        Ok(DeleteQuickAddGroupPayload(perform(ctx, input.call, cmd).await?))
    }

    /// Gives a user, who is there or made along, a profile with one line: all of it or nothing. The profile is the user's
    /// default unless there is another one. No two quick adds get the same next available number.
    async fn quick_add_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "By which group, for whom, and with which number.")] input: QuickAddUserInput,
    ) -> Result<QuickAddUserPayload> {
        let cmd = Add {
            group: or_none(id::quick_add_group(&input.group_id)),
            organization: input.organization_id.map(|id| or_none(id::organization(&id))),
            user: QuickAddUserInput::who(input.user_id, input.new_user)?,
            number: input.number,
            profile_name: input.profile_name,
            services: input.services.into_iter().map(Into::into).collect(),
        };
        let made = |change: &RuleChange| match change {
            RuleChange::ProfileCreated { profile } => Some(profile.id.0),
            _ => None,
        };
        Ok(QuickAddUserPayload(make(ctx, input.call, cmd, made).await?))
    }
}

/// The GraphQL names of the fields in which two states of a group differ.
pub fn differing(before: &entity::quick_add::Model, after: &entity::quick_add::Model) -> Vec<String> {
    let (old, new) = (&before.defaults, &after.defaults);
    let line = old.partition != new.partition
        || old.label != new.label
        || old.line_description != new.line_description
        || old.appearance != new.appearance
        || old.line != new.line;
    let differing = [
        ("name", before.name != after.name),
        ("description", before.description != after.description),
        ("product", before.product != after.product),
        ("protocol", before.protocol != after.protocol),
        ("buttonTemplate", before.button_template != after.button_template),
        ("softkeyTemplate", before.softkey_template != after.softkey_template),
        ("namePattern", before.name_pattern != after.name_pattern),
        ("descriptionPattern", before.description_pattern != after.description_pattern),
        ("place", before.place_id != after.place_id),
        ("settings", old.profile != new.profile),
        ("line", line),
        ("services", old.services != new.services),
    ];
    differing.iter().filter(|(_, differs)| *differs).map(|(name, _)| (*name).to_owned()).collect()
}
