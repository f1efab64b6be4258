//! Roles that are composed, and what a caller may do, in the graph.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{
    change_subject::Noun,
    role::{NOUNS, Rights},
};
use serde::Serialize;

use super::{
    Ask, Result,
    change::{ChangeEvent, history},
    connection::{Asked, Connection, Direction, TimeRange, one, root},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Thing, rendered, to_one},
    mutation::{CallInput, Sent, make, payload, perform, run},
    organization::Organization,
    value::{
        enums::Noun as NounName,
        id::{self, NodeId, or_none},
        scalar::date_time,
    },
};
use crate::{
    rule::{
        Change as RuleChange,
        role::{Create, Delete, Update},
    },
    store::{
        page::{Filter, Order},
        role,
    },
};

/// What may be done to things of a kind.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[graphql(remote = "entity::role::Action")]
pub enum Action {
    /// See them, wherever they are asked for. A role that names this of no kind of thing sees all of them; one that does sees
    /// those that it names, and those to which it may do something else.
    Read,
    /// Make them.
    Create,
    /// Change them.
    Update,
    /// Delete them.
    Delete,
    /// Take them out as a file.
    Export,
    /// Do many at once: the mutations of many items, imports, and jobs.
    Bulk,
    /// Log people in and out.
    Session,
    /// Make, change and delete what an estate is laid out with.
    Configure,
}

/// What may be done to things of one kind.
#[derive(SimpleObject)]
pub struct Right {
    /// The kind of thing.
    noun: NounName,
    /// What may be done to such things.
    actions: Vec<Action>,
}

/// What may be done to things of one kind.
#[derive(InputObject)]
pub struct RightInput {
    /// The kind of thing.
    pub noun: NounName,
    /// What may be done to such things.
    pub actions: Vec<Action>,
}

/// Rights kind by kind; kinds of which nothing is allowed are left out.
pub fn rights(of: &Rights) -> Vec<Right> {
    let right = |noun| {
        let allowed = of.each().filter(|(of, _)| *of == noun).map(|(_, action)| action.into());
        Right { noun: noun.into(), actions: allowed.collect() }
    };
    NOUNS.into_iter().map(right).filter(|right| !right.actions.is_empty()).collect()
}

/// The pairs in which rights are kept.
fn pairs(rights: Vec<RightInput>) -> impl Serialize {
    let mut pairs: Vec<(Noun, entity::role::Action)> = Vec::new();
    for right in rights {
        pairs.extend(right.actions.into_iter().map(|action| (right.noun.into(), action.into())));
    }
    pairs
}

/// A role that was composed.
pub type Role = Thing<ComposedRoleObject>;

/// The fields of [`Role`].
#[derive(Clone)]
pub struct ComposedRoleObject(pub Arc<role::Row>);

rendered!(ComposedRoleObject over role::Row, in role {
    "organization" => to_one::<role::Row, Organization>(|row| Ok(Some(row.organization_id.get()?.0))),
});

/// A role that an organization's administrators composed of rights, beside the roles VIEWER, OPERATOR and ADMIN that are
/// built in. Tokens have it at its organization and below. Whoever has it reads, in the token's subtree, the kinds of things
/// that it names, or everything where it names none.
#[Object(name = "ComposedRole")]
impl ComposedRoleObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Role(*self.0.id.get()?).encode())
    }

    /// Its name, by which tokens are given it; none other in the organization has it.
    async fn name(&self) -> Result<&str> {
        Ok(self.0.name.get()?)
    }

    /// A text about it, up to 255 characters.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// What it allows, kind by kind; what is not named is not even read.
    async fn rights(&self) -> Result<Vec<Right>> {
        Ok(rights(self.0.rights.get()?))
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

    /// The organization at which, and below which, it is given.
    pub async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one(ctx, Some(*self.0.organization_id.get()?)).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Role, self.0.id.get()?.0, first, after).await
    }
}

/// Which roles a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct RoleFilter {
    /// All of these must hold.
    pub and: Option<Vec<RoleFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<RoleFilter>>,
    /// This must not hold.
    pub not: Option<Box<RoleFilter>>,
    /// Any of these roles.
    pub ids: Option<Vec<ID>>,
    /// The name.
    pub name: Option<StringFilter>,
    /// Composed at these organizations.
    pub organization: Option<OrganizationScope>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<RoleFilter> for Filter {
    fn from(filter: RoleFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::role)))
            .add(filter.name, |text| text.keyed("t.name_key"))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// What roles are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum RoleOrderField {
    /// The name.
    #[default]
    Name,
    /// When it was last changed.
    UpdatedAt,
}

/// The order of roles.
#[derive(Default, InputObject)]
pub struct RoleOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: RoleOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<RoleOrder> for Order {
    fn from(order: RoleOrder) -> Self {
        let (column, number) = match order.field {
            RoleOrderField::Name => ("t.name_key", false),
            RoleOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct RoleQuery;

#[Object]
impl RoleQuery {
    /// Roles that were composed, by name unless told otherwise.
    async fn roles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<RoleFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<RoleOrder>,
    ) -> Result<Connection<Role>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "roles", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// What a role is made of.
#[derive(InputObject)]
pub struct CreateRoleInput {
    /// The organization at which, and below which, it is given.
    pub organization_id: ID,
    /// Its name, up to 64 characters, none other's in the organization.
    pub name: String,
    /// A text about it, up to 255 characters.
    #[graphql(default)]
    pub description: String,
    /// What it allows; no more than you may do yourself, which `me.rights` tells. Without any READ it reads everything.
    pub rights: Vec<RightInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a role: what is left out stays.
#[derive(InputObject)]
pub struct UpdateRoleInput {
    /// The role.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// A text about it; null empties it.
    pub description: MaybeUndefined<String>,
    /// Everything that it allows from now on; no more than you may do yourself. Without any READ it reads everything.
    pub rights: Option<Vec<RightInput>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A role to delete.
#[derive(InputObject)]
pub struct DeleteRoleInput {
    /// The role.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `createRole`.
    CreateRolePayload {
        /// The new role; nothing on a dry run.
        role: Option<Role> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateRole`.
    UpdateRolePayload {
        /// The role as it is now.
        role: Option<Role> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteRole`.
    DeleteRolePayload {}
}

#[derive(Default)]
pub struct RoleMutation;

#[Object]
impl RoleMutation {
    /// Composes a role of rights, for tokens of an organization and below it.
    async fn create_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateRoleInput,
    ) -> Result<CreateRolePayload> {
        let mut fields = Sent::default();
        fields
            .given("name", Some(input.name))
            .given("description", Some(input.description))
            .given("rights", Some(pairs(input.rights)));
        let cmd = Create {
            organization: or_none(id::organization(&input.organization_id)),
            fields: fields.patch(),
            own: ctx.caller()?.rights,
        };
        let made = |change: &RuleChange| match change {
            RuleChange::RoleCreated { role } => Some(role.id.0),
            _ => None,
        };
        Ok(CreateRolePayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Changes a role; within a second, whoever has it may do what it then allows.
    async fn update_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateRoleInput,
    ) -> Result<UpdateRolePayload> {
        let id = or_none(id::role(&input.id));
        let mut fields = Sent::default();
        fields
            .given("name", input.name)
            .maybe("description", input.description)
            .given("rights", input.rights.map(pairs));
        let own = ctx.caller()?.rights;
        let cmd = Update { id, expected_version: input.expected_version, fields: fields.patch(), own };
        Ok(UpdateRolePayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Deletes a role that no token in force has.
    async fn delete_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteRoleInput,
    ) -> Result<DeleteRolePayload> {
        let own = ctx.caller()?.rights;
        let cmd = Delete { id: or_none(id::role(&input.id)), expected_version: input.expected_version, own };
        Ok(DeleteRolePayload(perform(ctx, input.call, cmd).await?))
    }
}
