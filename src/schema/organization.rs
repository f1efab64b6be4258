//! Organizations in the graph.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, OneofObject};
use chrono::{DateTime, Utc};
use entity::{change_subject::Noun, organization::LinePreferences};

use super::{
    Ask, Result,
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{Asked, Connection, Direction, TimeRange, below, one, root},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Thing, rendered, to_many, to_one},
    line::Line,
    mutation::{CallInput, make, payload, perform, run},
    number::Number,
    phone::Phone,
    profile::Profile,
    quick_add::QuickAddGroup,
    role::Role,
    session::Session,
    user::User,
    value::{
        enums::OrganizationKind,
        id::{self, NodeId, or_none},
        scalar::date_time,
        settings::{LineSettings, LineSettingsInput},
    },
};
use crate::{
    error::Error,
    rule::{
        Change as RuleChange, Patch,
        history::camel,
        organization::{CopiedGroup, Create, Delete, Move, Rename, Update},
    },
    store::{
        cluster, line, number, organization,
        page::{Filter, Order},
        phone, profile, quick_add, role, session, user,
    },
};

/// A node of the organization tree.
pub type Organization = Thing<OrganizationObject>;

/// The fields of [`Organization`].
#[derive(Clone)]
pub struct OrganizationObject(pub Arc<organization::Row>);

rendered!(OrganizationObject over organization::Row, in organization {
    "parent" => to_one::<organization::Row, Organization>(|row| Ok(row.parent_id.get()?.map(|id| id.0))),
    "children" => to_many::<organization::Row, Organization>(organization::CHILDREN),
    "clusters" => to_many::<organization::Row, Cluster>(cluster::OF_ORGANIZATION),
    "profiles" => to_many::<organization::Row, Profile>(profile::OF_ORGANIZATION),
    "phones" => to_many::<organization::Row, Phone>(phone::OF_ORGANIZATION),
    "sessions" => to_many::<organization::Row, Session>(session::OF_ORGANIZATION),
    "lines" => to_many::<organization::Row, Line>(line::OF_ORGANIZATION),
    "numbers" => to_many::<organization::Row, Number>(number::OF_ORGANIZATION),
    "users" => to_many::<organization::Row, User>(user::OF_ORGANIZATION),
    "roles" => to_many::<organization::Row, Role>(role::OF_ORGANIZATION),
    "quickAddGroups" => to_many::<organization::Row, QuickAddGroup>(quick_add::OF_ORGANIZATION),
});

/// A node of the organization tree: provider, reseller, customer, intermediate node or site. Whoever may see it
/// sees everything below it.
#[Object(name = "Organization")]
impl OrganizationObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Organization(*self.0.id.get()?).encode())
    }

    /// What it is in the tree.
    async fn kind(&self) -> Result<OrganizationKind> {
        Ok((*self.0.kind.get()?).into())
    }

    /// Its own name, 1 to 64 characters without dots.
    async fn name(&self) -> Result<&str> {
        Ok(self.0.name.get()?)
    }

    /// Names from the root down to it, joined by dots.
    async fn path(&self) -> Result<&str> {
        Ok(self.0.path.get()?)
    }

    /// Days for which a freed number of the inventory cools before it is available again: 0 is not at all, nothing is as
    /// the organization above says.
    async fn cooling_days(&self) -> Result<Option<i32>> {
        Ok(*self.0.cooling_days.get()?)
    }

    /// Most profiles that one of its users may have; nothing is as the organization above says, and where none says there
    /// is no limit. Users who have more already keep them.
    async fn max_profiles_per_user(&self) -> Result<Option<i32>> {
        Ok(*self.0.max_profiles_per_user.get()?)
    }

    /// Whether numbers may be added to the inventory here and below; nothing is as the organization above says, and where
    /// none says they may.
    async fn number_management(&self) -> Result<Option<bool>> {
        Ok(*self.0.number_management.get()?)
    }

    /// Whether a number that a customer keeps is kept by none of its sites, in no other partition and on no other cluster;
    /// nothing is as the organization above says, and where none says it is so.
    async fn unique_numbers(&self) -> Result<Option<bool>> {
        Ok(*self.0.unique_numbers.get()?)
    }

    /// What becomes of lines that are taken off devices kept here, or whose devices are deleted: nothing is as the
    /// organization above says, and where none says anything, lines stay.
    async fn line_delete_preferences(&self) -> Result<Option<LineDeletePreferences>> {
        Ok(self.0.line_delete_preferences.get()?.clone().map(LineDeletePreferences))
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

    /// The organization right above; nothing at the root, or where that one is not for you to see.
    async fn parent(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one(ctx, *self.0.parent_id.get()?).await
    }

    /// The organizations right below, by path.
    async fn children(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Organization>> {
        let asked = Asked { first, after, last, before };
        below(ctx, organization::CHILDREN, self.0.id.get()?.0, asked).await
    }

    /// The clusters of this organization, by name.
    async fn clusters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Cluster>> {
        let asked = Asked { first, after, last, before };
        below(ctx, cluster::OF_ORGANIZATION, self.0.id.get()?.0, asked).await
    }

    /// The profiles kept here (not below), by name.
    async fn profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Profile>> {
        let asked = Asked { first, after, last, before };
        below(ctx, profile::OF_ORGANIZATION, self.0.id.get()?.0, asked).await
    }

    /// The phones kept here (not below), by name.
    async fn phones(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Phone>> {
        let asked = Asked { first, after, last, before };
        below(ctx, phone::OF_ORGANIZATION, self.0.id.get()?.0, asked).await
    }

    /// The lines kept here (not below), by number.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Line>> {
        let asked = Asked { first, after, last, before };
        below(ctx, line::OF_ORGANIZATION, self.0.id.get()?.0, asked).await
    }

    /// The users kept here (not below), by last and first name.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<User>> {
        let asked = Asked { first, after, last, before };
        below(ctx, user::OF_ORGANIZATION, self.0.id.get()?.0, asked).await
    }

    /// The roles composed here (not below), by name.
    async fn roles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Role>> {
        let asked = Asked { first, after, last, before };
        below(ctx, role::OF_ORGANIZATION, self.0.id.get()?.0, asked).await
    }

    /// Its Quick Add groups, by name.
    async fn quick_add_groups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<QuickAddGroup>> {
        let asked = Asked { first, after, last, before };
        below(ctx, quick_add::OF_ORGANIZATION, self.0.id.get()?.0, asked).await
    }

    /// The numbers of the inventory kept here (not below), by number.
    async fn numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Number>> {
        let asked = Asked { first, after, last, before };
        below(ctx, number::OF_ORGANIZATION, self.0.id.get()?.0, asked).await
    }

    /// Who is logged in on the phones that are kept here, oldest login first; `sessions` with a filter also tells of those below.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<Session>> {
        let asked = Asked { first, after, last, before };
        below(ctx, session::OF_ORGANIZATION, self.0.id.get()?.0, asked).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Organization, self.0.id.get()?.0, first, after).await
    }
}

/// One organization, by id or by path.
#[derive(OneofObject)]
pub enum OrganizationBy {
    /// Global id.
    Id(ID),
    /// Names from the root down, joined by dots, in any case.
    Path(String),
}

/// Which organizations a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct OrganizationFilter {
    /// All of these must hold.
    pub and: Option<Vec<OrganizationFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<OrganizationFilter>>,
    /// This must not hold.
    pub not: Option<Box<OrganizationFilter>>,
    /// Any of these organizations.
    pub ids: Option<Vec<ID>>,
    /// Any of these kinds.
    pub kinds: Option<Vec<OrganizationKind>>,
    /// The dotted path.
    pub path: Option<StringFilter>,
    /// Right below any of these.
    pub parents: Option<Vec<ID>>,
    /// In these organizations.
    pub organization: Option<OrganizationScope>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<OrganizationFilter> for Filter {
    fn from(filter: OrganizationFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::organization)))
            .add(filter.kinds, |kinds| {
                let name = |kind: OrganizationKind| sea_name(&entity::organization::Kind::from(kind));
                Filter::Texts("t.kind", kinds.into_iter().map(name).collect())
            })
            .add(filter.path, |text| text.keyed("t.path_key"))
            .add(filter.parents, |ids| {
                Filter::Refers("t.parent_id", numbers(&ids, id::organization), "organization")
            })
            .add(filter.organization, |scope| scope.on("t.id"))
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// The stored name of an enum's value.
pub fn sea_name<E: serde::Serialize>(value: &E) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

/// What organizations are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum OrganizationOrderField {
    /// The dotted path.
    #[default]
    Path,
    /// When it was created.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
}

/// The order of organizations.
#[derive(Default, InputObject)]
pub struct OrganizationOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: OrganizationOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<OrganizationOrder> for Order {
    fn from(order: OrganizationOrder) -> Self {
        let (column, number) = match order.field {
            OrganizationOrderField::Path => ("t.path_key", false),
            OrganizationOrderField::CreatedAt => ("t.created_at", true),
            OrganizationOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// One organization; nothing when it is not there, or not for you to see.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How it is named.")] by: OrganizationBy,
    ) -> Result<Option<Organization>> {
        let id = match by {
            OrganizationBy::Id(id) => id::organization(&id),
            OrganizationBy::Path(path) => {
                let reader = ctx.reader()?;
                organization::by_path(&reader, reader.scope(), &path).await?
            }
        };
        ctx.caller()?;
        one(ctx, id).await
    }

    /// Organizations, by path unless told otherwise.
    async fn organizations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<OrganizationFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<OrganizationOrder>,
    ) -> Result<Connection<Organization>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "organizations", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// What an organization is made of.
#[derive(InputObject)]
pub struct CreateOrganizationInput {
    /// The organization above it; none makes a provider at the root, which only an administrator of everything may.
    pub parent_id: Option<ID>,
    /// What it is in the tree.
    pub kind: OrganizationKind,
    /// Its name, 1 to 64 characters without dots, unlike its neighbours'.
    pub name: String,
    /// Days for which a freed number cools, 0 to 999; as the organization above says unless given.
    pub cooling_days: Option<i32>,
    /// Most profiles that one of its users may have, 0 to 10000; as the organization above says unless given.
    pub max_profiles_per_user: Option<i32>,
    /// Whether numbers may be added here and below; as the organization above says unless given.
    pub number_management: Option<bool>,
    /// Whether a number that a customer keeps is kept by none of its sites; as the organization above says unless given.
    pub unique_numbers: Option<bool>,
    /// What becomes of lines that devices kept here leave behind; as the organization above says unless given.
    pub line_delete_preferences: Option<LineDeletePreferencesInput>,
    /// Quick Add groups that it has from the beginning, up to 50; the site defaults of a new site, say.
    #[graphql(default)]
    pub quick_add_groups: Vec<CopiedQuickAddGroupInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A Quick Add group that a new organization gets as a copy, which inherits nothing later.
#[derive(InputObject)]
pub struct CopiedQuickAddGroupInput {
    /// The group to copy, one that you see; those of the organizations above are there to be copied.
    pub copy_from_id: ID,
    /// The cluster to make profiles on, which must serve the new organization; the copied group's unless given.
    pub cluster_id: Option<ID>,
    /// The copy's name, 1 to 64 characters; the same unless given.
    pub name: Option<String>,
}

impl From<CopiedQuickAddGroupInput> for CopiedGroup {
    fn from(input: CopiedQuickAddGroupInput) -> Self {
        Self {
            from: or_none(id::quick_add_group(&input.copy_from_id)),
            cluster: input.cluster_id.map(|id| or_none(id::cluster(&id))),
            name: input.name,
        }
    }
}

/// What becomes of lines that a device leaves behind.
pub struct LineDeletePreferences(LinePreferences);

/// What becomes of lines that a device leaves behind (VOSS: line delete preferences).
#[Object]
impl LineDeletePreferences {
    /// Whether a line that then stands nowhere is deleted.
    async fn delete_unused(&self) -> bool {
        self.0.delete_unused
    }

    /// What a line gets that then stands nowhere and is not deleted, or that somebody else's device has too. One that only
    /// devices of the same user have stays as it is.
    async fn template(&self) -> Option<LineTemplate> {
        self.0.template.clone().map(LineTemplate)
    }
}

/// Values that a line gets.
pub struct LineTemplate(entity::organization::LineTemplate);

/// Values that a line gets.
#[Object]
impl LineTemplate {
    /// The text about the line; nothing leaves it as it is.
    async fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The names of the settings that it sets; the others stay as they are.
    async fn fields(&self) -> Vec<String> {
        self.0.settings.keys().map(|name| camel(name)).collect()
    }

    /// The settings; what it does not set stands at its default here.
    async fn settings(&self) -> Result<LineSettings> {
        let settings = Patch::<entity::line::Settings>::new(self.0.settings.clone());
        let settings = settings.apply(&entity::line::Settings::default());
        let settings = settings.map_err(|why| Error::internal(anyhow::anyhow!(why)))?;
        LineSettings::try_from(&settings).map_err(Error::internal)
    }
}

/// What becomes of lines that a device leaves behind.
#[derive(InputObject)]
pub struct LineDeletePreferencesInput {
    /// Whether a line that then stands nowhere is deleted.
    #[graphql(default)]
    pub delete_unused: bool,
    /// What the others get that do not stand on devices of the same user alone; none leaves them as they are.
    pub template: Option<LineTemplateInput>,
}

/// Values that a line gets.
#[derive(InputObject)]
pub struct LineTemplateInput {
    /// The text about the line; what is left out stays.
    pub description: Option<String>,
    /// The settings of the line; what is left out stays, null puts the default back.
    pub settings: Option<LineSettingsInput>,
}

impl LineDeletePreferencesInput {
    fn preferences(self) -> LinePreferences {
        let template = |template: LineTemplateInput| {
            let settings = template.settings.unwrap_or_default().patch().into_fields();
            entity::organization::LineTemplate { description: template.description, settings }
        };
        LinePreferences { delete_unused: self.delete_unused, template: self.template.map(template) }
    }
}

/// What to change of what is set at an organization: what is left out stays.
#[derive(InputObject)]
pub struct UpdateOrganizationInput {
    /// The organization.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// Days for which a freed number cools, 0 to 999; null is as the organization above says.
    pub cooling_days: MaybeUndefined<i32>,
    /// Most profiles that one of its users may have, 0 to 10000; null is as the organization above says. Users who have
    /// more keep them.
    pub max_profiles_per_user: MaybeUndefined<i32>,
    /// Whether numbers may be added here and below; null is as the organization above says. What is there stays.
    pub number_management: MaybeUndefined<bool>,
    /// Whether a number that a customer keeps is kept by none of its sites; null is as the organization above says. What is
    /// there stays.
    pub unique_numbers: MaybeUndefined<bool>,
    /// What becomes of lines that devices kept here leave behind; null is as the organization above says.
    pub line_delete_preferences: MaybeUndefined<LineDeletePreferencesInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Another name for an organization.
#[derive(InputObject)]
pub struct RenameOrganizationInput {
    /// The organization.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// The new name.
    pub name: String,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Another place for an organization.
#[derive(InputObject)]
pub struct MoveOrganizationInput {
    /// The organization.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// The organization to stand below.
    pub parent_id: ID,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// An organization to delete.
#[derive(InputObject)]
pub struct DeleteOrganizationInput {
    /// The organization; it must hold nothing.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `createOrganization`.
    CreateOrganizationPayload {
        /// The new organization; nothing on a dry run.
        organization: Option<Organization> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateOrganization`.
    UpdateOrganizationPayload {
        /// The organization as it is now.
        organization: Option<Organization> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `renameOrganization`.
    RenameOrganizationPayload {
        /// The organization as it is now.
        organization: Option<Organization> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `moveOrganization`.
    MoveOrganizationPayload {
        /// The organization as it is now.
        organization: Option<Organization> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteOrganization`.
    DeleteOrganizationPayload {}
}

#[derive(Default)]
pub struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Makes an organization.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateOrganizationInput,
    ) -> Result<CreateOrganizationPayload> {
        let cmd = Create {
            parent: input.parent_id.map(|id| or_none(id::organization(&id))),
            kind: input.kind.into(),
            name: input.name,
            cooling_days: input.cooling_days,
            max_profiles_per_user: input.max_profiles_per_user,
            number_management: input.number_management,
            unique_numbers: input.unique_numbers,
            line_delete_preferences: input
                .line_delete_preferences
                .map(LineDeletePreferencesInput::preferences),
            groups: input.quick_add_groups.into_iter().map(Into::into).collect(),
        };
        let made = |change: &RuleChange| match change {
            RuleChange::OrganizationCreated { organization } => Some(organization.id.0),
            _ => None,
        };
        Ok(CreateOrganizationPayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Changes what is set at an organization.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateOrganizationInput,
    ) -> Result<UpdateOrganizationPayload> {
        let id = or_none(id::organization(&input.id));
        let cmd = Update {
            id,
            expected_version: input.expected_version,
            cooling_days: input.cooling_days.into(),
            max_profiles_per_user: input.max_profiles_per_user.into(),
            number_management: input.number_management.into(),
            unique_numbers: input.unique_numbers.into(),
            line_delete_preferences: Option::from(
                input.line_delete_preferences.map_value(LineDeletePreferencesInput::preferences),
            ),
        };
        Ok(UpdateOrganizationPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Gives an organization another name; paths below it follow.
    async fn rename_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and its new name.")] input: RenameOrganizationInput,
    ) -> Result<RenameOrganizationPayload> {
        let id = or_none(id::organization(&input.id));
        let cmd = Rename { id, expected_version: input.expected_version, name: input.name };
        Ok(RenameOrganizationPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Moves an organization below another one, with everything below it.
    async fn move_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and where to.")] input: MoveOrganizationInput,
    ) -> Result<MoveOrganizationPayload> {
        let id = or_none(id::organization(&input.id));
        let parent = or_none(id::organization(&input.parent_id));
        let cmd = Move { id, expected_version: input.expected_version, parent };
        Ok(MoveOrganizationPayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Deletes an organization that holds nothing.
    async fn delete_organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteOrganizationInput,
    ) -> Result<DeleteOrganizationPayload> {
        let id = or_none(id::organization(&input.id));
        let cmd = Delete { id, expected_version: input.expected_version };
        Ok(DeleteOrganizationPayload(perform(ctx, input.call, cmd).await?))
    }
}
