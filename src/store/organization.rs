//! Organizations: rows, relations, facts.

use std::collections::HashSet;

use entity::{
    ClusterId, Moment, OrganizationId, cluster, device, line, number,
    organization::{Column, Entity, Kind, LinePreferences, Model},
    organization_closure, phone, profile, quick_add as quick_add_entity, role, token, user,
};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, TryGetable,
};

use super::{
    Source, Tx,
    name::Names,
    page::{Order, Relation},
    quick_add,
    row::{Row as _, row},
    sql::Sql,
};
use crate::{
    caller::Scope,
    rule::{
        organization::{
            Create, CreateFacts, Delete, DeleteFacts, MOST_GROUPS, Move, MoveFacts, Rename, RenameFacts,
            Update, UpdateFacts, copied, made, path,
        },
        value,
    },
};

row! {
    /// An organization.
    Row of "organization", Model, always ["id"] {
        id: OrganizationId,
        parent_id: Option<OrganizationId>,
        kind: Kind,
        name: String,
        path: String,
        path_key: String,
        cooling_days: Option<i32>,
        max_profiles_per_user: Option<i32>,
        number_management: Option<bool>,
        unique_numbers: Option<bool>,
        line_delete_preferences: Option<LinePreferences>,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
    }
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        sql.within(&format!("{alias}.id"), scope);
    }
}

/// By dotted path.
pub const BY_PATH: Order = Order { column: "t.path_key", number: false, descending: false };

/// The organizations right below one.
pub const CHILDREN: Relation =
    Relation { name: "children", join: "", parent: "t.parent_id", order: BY_PATH, only: "", seen: true };

/// The organization, when the caller sees it.
pub async fn seen(tx: &Tx, id: OrganizationId) -> Result<Option<Model>, DbErr> {
    let Some(model) = Entity::find_by_id(id).one(&tx.db).await? else { return Ok(None) };
    Ok(if is_within(tx, id).await? { Some(model) } else { None })
}

/// The organization by its dotted path, whatever the case.
pub async fn by_path(
    source: &impl Source,
    scope: Scope,
    path: &str,
) -> Result<Option<OrganizationId>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT t.id FROM organization t WHERE t.path_key = ").bind(value::key(path));
    Row::scope(&mut sql, "t", scope);
    let rows = source.rows(sql.statement()).await?;
    rows.first().map(|row| row.try_get_by_index(0)).transpose()
}

/// Whether the caller sees the organization.
pub async fn is_within(tx: &Tx, id: OrganizationId) -> Result<bool, DbErr> {
    match tx.scope {
        Scope::All => Ok(true),
        Scope::Below(top) => is_below(tx, top, id).await,
    }
}

/// Whether one organization is another one or stands below it.
pub async fn is_below(tx: &Tx, ancestor: OrganizationId, descendant: OrganizationId) -> Result<bool, DbErr> {
    Ok(organization_closure::Entity::find_by_id((ancestor, descendant)).one(&tx.db).await?.is_some())
}

/// An organization and every one below it, those included that were deleted: their changes are still told.
pub async fn all_within(source: &impl Source, top: OrganizationId) -> Result<HashSet<OrganizationId>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT descendant_id FROM organization_closure WHERE ancestor_id = ").bind(top);
    let rows = source.rows(sql.statement()).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// What is set at the organization, or at the nearest one above that says; the column is one of the organization's.
pub async fn setting<T: TryGetable>(
    source: &impl Source,
    organization: OrganizationId,
    column: &str,
) -> Result<Option<T>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT o.").push(column);
    sql.push(" FROM organization_closure c JOIN organization o ON o.id = c.ancestor_id WHERE o.")
        .push(column);
    sql.push(" IS NOT NULL AND c.descendant_id = ").bind(organization);
    sql.push(" ORDER BY length(o.path) DESC LIMIT 1");
    let rows = source.rows(sql.statement()).await?;
    rows.first().map(|row| row.try_get_by_index(0)).transpose()
}

/// What creating one must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let parent = match cmd.parent {
        Some(id) => locked(tx, id).await?,
        None => None,
    };
    let taken = taken(tx, &path(parent.as_ref(), ""), &cmd.name, None).await?;
    let (id, now) = (OrganizationId(tx.id()?), tx.now());
    let mut groups = Vec::new();
    if cmd.parent.is_none() || parent.is_some() {
        let organization = made(cmd, id, parent.as_ref(), now);
        for group in cmd.groups.iter().take(MOST_GROUPS) {
            groups.push(quick_add::copy_facts(tx, &copied(group, id), &organization).await?);
        }
    }
    Ok(CreateFacts { id, now, parent, taken, groups })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    Ok(UpdateFacts { now: tx.now(), current: locked(tx, cmd.id).await? })
}

/// What renaming one must know.
pub async fn rename_facts(tx: &Tx, cmd: &Rename) -> Result<RenameFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let taken = match &current {
        Some(current) => {
            let above = current.path.strip_suffix(&current.name).unwrap_or_default();
            taken(tx, above, &cmd.name, Some(current.id)).await?
        }
        None => None,
    };
    Ok(RenameFacts { now: tx.now(), current, taken })
}

/// What moving one must know.
pub async fn move_facts(tx: &Tx, cmd: &Move) -> Result<MoveFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let parent = locked(tx, cmd.parent).await?;
    let (mut near, mut inside, mut left) = (None, false, Vec::new());
    if let (Some(current), Some(parent)) = (&current, &parent) {
        near = taken(tx, &path(Some(parent), ""), &current.name, Some(current.id)).await?;
        inside = is_below(tx, current.id, parent.id).await?;
        left = clusters_left(tx, current.id, parent.id).await?;
    }
    Ok(MoveFacts { now: tx.now(), current, parent, taken: near, inside, left })
}

/// What deleting one must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<DeleteFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let mut holds = Vec::new();
    if current.is_some() {
        let id = cmd.id;
        let counts = [
            ("organizations", Entity::find().filter(Column::ParentId.eq(id)).count(&tx.db).await?),
            (
                "clusters",
                cluster::Entity::find().filter(cluster::Column::OrganizationId.eq(id)).count(&tx.db).await?,
            ),
            (
                "profiles",
                profile::Entity::find().filter(profile::Column::OrganizationId.eq(id)).count(&tx.db).await?,
            ),
            (
                "phones",
                phone::Entity::find().filter(phone::Column::OrganizationId.eq(id)).count(&tx.db).await?,
            ),
            (
                "other devices",
                device::Entity::find()
                    .filter(device::Column::OrganizationId.eq(id))
                    .filter(device::Column::Kind.eq(device::Kind::Other))
                    .count(&tx.db)
                    .await?,
            ),
            ("lines", line::Entity::find().filter(line::Column::OrganizationId.eq(id)).count(&tx.db).await?),
            ("users", user::Entity::find().filter(user::Column::OrganizationId.eq(id)).count(&tx.db).await?),
            (
                "numbers",
                number::Entity::find().filter(number::Column::OrganizationId.eq(id)).count(&tx.db).await?,
            ),
            (
                "Quick Add groups",
                quick_add_entity::Entity::find()
                    .filter(
                        Condition::any()
                            .add(quick_add_entity::Column::OrganizationId.eq(id))
                            .add(quick_add_entity::Column::PlaceId.eq(id)),
                    )
                    .count(&tx.db)
                    .await?,
            ),
            (
                "tokens",
                token::Entity::find()
                    .filter(token::Column::OrganizationId.eq(id))
                    .filter(super::token::is_over(tx.now()).not())
                    .count(&tx.db)
                    .await?,
            ),
            ("roles", role::Entity::find().filter(role::Column::OrganizationId.eq(id)).count(&tx.db).await?),
        ];
        holds.extend(
            counts.iter().filter(|(_, count)| *count > 0).map(|(noun, count)| format!("{count} {noun}")),
        );
    }
    Ok(DeleteFacts { current, holds })
}

/// The organization, when the caller sees it, locked against others until the end of the transaction.
async fn locked(tx: &Tx, id: OrganizationId) -> Result<Option<Model>, DbErr> {
    let found = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await?;
    Ok(if found.is_some() && is_within(tx, id).await? { found } else { None })
}

/// Free names near this one, where another organization has the path that it makes behind what is above.
async fn taken(
    tx: &Tx,
    above: &str,
    name: &str,
    except: Option<OrganizationId>,
) -> Result<Option<Vec<String>>, DbErr> {
    let names = Names { table: "organization", key: "path_key", before: above, within: Vec::new(), most: 64 };
    names.taken(tx, name, except.map(|id| id.0)).await
}

/// Names of the clusters that something below `id` is kept on and that would not serve it below `parent`.
async fn clusters_left(tx: &Tx, id: OrganizationId, parent: OrganizationId) -> Result<Vec<String>, DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT c.name FROM cluster c WHERE c.id IN (");
    for (at, table) in ["device", "line", "\"user\"", "number", "quick_add"].into_iter().enumerate() {
        sql.push(if at == 0 { "" } else { " UNION " })
            .push("SELECT t.cluster_id FROM ")
            .push(table)
            .push(" t");
        sql.push(" WHERE t.organization_id IN (SELECT descendant_id FROM organization_closure WHERE ancestor_id = ");
        sql.bind(id).push(")");
    }
    for (side, from, of) in [("ancestor_id", "descendant_id", parent), ("descendant_id", "ancestor_id", id)] {
        sql.push(") AND c.organization_id NOT IN (SELECT ")
            .push(side)
            .push(" FROM organization_closure WHERE ")
            .push(from)
            .push(" = ")
            .bind(of);
    }
    sql.push(") ORDER BY c.name");
    let rows = tx.rows(sql.statement()).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Whether the cluster's organization is this one or stands above it.
pub async fn is_served(tx: &Tx, organization: OrganizationId, cluster: ClusterId) -> Result<bool, DbErr> {
    match cluster::Entity::find_by_id(cluster).one(&tx.db).await? {
        Some(cluster) => is_below(tx, cluster.organization_id, organization).await,
        None => Ok(false),
    }
}
