//! Roles that are composed: rows, relations, facts.

use entity::{
    Moment, OrganizationId, RoleId, organization_closure,
    role::{Column, Entity, Model, Rights},
    token,
};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use super::{
    Store, Tx,
    name::Names,
    organization,
    page::{Order, Relation},
    row::row,
};
use crate::rule::{
    role::{Create, CreateFacts, Delete, DeleteFacts, Fields, Update, UpdateFacts},
    value,
};

row! {
    /// A role that was composed.
    Row of "role", Model, always ["id"] {
        id: RoleId,
        organization_id: OrganizationId,
        name: String,
        name_key: String,
        description: String,
        rights: Rights,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
    }
}

/// By name.
pub const BY_NAME: Order = Order { column: "t.name_key", number: false, descending: false };

/// The roles composed at an organization.
pub const OF_ORGANIZATION: Relation = Relation {
    name: "roles of organization",
    join: "",
    parent: "t.organization_id",
    order: BY_NAME,
    only: "",
    seen: true,
};

/// What making a role must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let organization = organization::seen(tx, cmd.organization).await?;
    let name = cmd.fields.apply(&Fields::default()).map(|fields| fields.name).unwrap_or_default();
    let taken = match &organization {
        Some(organization) => names(organization.id).taken(tx, &name, None).await?,
        None => None,
    };
    Ok(CreateFacts { id: RoleId(tx.id()?), now: tx.now(), organization, taken })
}

/// What updating a role must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let sent = cmd.fields.has("name").then(|| cmd.fields.apply(&Fields::default()).ok()).flatten();
    let taken = match (&current, sent) {
        (Some(role), Some(sent)) => {
            names(role.organization_id).taken(tx, &sent.name, Some(role.id.0)).await?
        }
        _ => None,
    };
    Ok(UpdateFacts { now: tx.now(), current, taken })
}

/// What deleting a role must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<DeleteFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let tokens = match &current {
        Some(role) => {
            let in_force = Condition::any()
                .add(token::Column::ExpiresAt.is_null())
                .add(token::Column::ExpiresAt.gt(tx.now().0));
            let having = token::Entity::find()
                .filter(token::Column::RoleId.eq(role.id))
                .filter(token::Column::RevokedAt.is_null())
                .filter(in_force);
            i64::try_from(having.count(&tx.db).await?).unwrap_or(i64::MAX)
        }
        None => 0,
    };
    Ok(DeleteFacts { current, tokens })
}

/// The role with this id.
pub async fn by_id(store: &Store, id: RoleId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(&store.db).await
}

/// The role of this name that is given at an organization: its own, else the one of the nearest organization above.
pub async fn given_at(
    store: &Store,
    organization: OrganizationId,
    name: &str,
) -> Result<Option<Model>, DbErr> {
    let above = above(store, organization).await?;
    let named = Entity::find()
        .filter(Column::NameKey.eq(value::key(name)))
        .filter(Column::OrganizationId.is_in(above.iter().copied()))
        .all(&store.db)
        .await?;
    let distance = |role: &Model| above.iter().position(|id| *id == role.organization_id);
    Ok(named.into_iter().min_by_key(distance))
}

/// An organization and all above it, itself first.
pub async fn above(store: &Store, organization: OrganizationId) -> Result<Vec<OrganizationId>, DbErr> {
    let ancestors = organization_closure::Entity::find()
        .filter(organization_closure::Column::DescendantId.eq(organization))
        .all(&store.db)
        .await?;
    let ids = ancestors.into_iter().map(|row| row.ancestor_id);
    let mut above = entity::organization::Entity::find()
        .filter(entity::organization::Column::Id.is_in(ids))
        .all(&store.db)
        .await?;
    // A path begins with the path of what is above.
    above.sort_by_key(|organization| std::cmp::Reverse(organization.path.len()));
    Ok(above.into_iter().map(|organization| organization.id).collect())
}

/// The role, when it is the caller's to change, locked until the end.
async fn locked(tx: &Tx, id: RoleId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

/// Where a role's name is its own.
fn names(organization: OrganizationId) -> Names<'static> {
    let within = vec![("organization_id", organization.into())];
    Names { table: "role", key: "name_key", before: "", within, most: 64 }
}
