//! Clusters: rows, relations, facts. A cluster is also seen from below, by those whom it serves.

use entity::{
    ClusterId, Moment, OrganizationId,
    cluster::{Entity, Model, MultipleLogin},
    default_device_profile, device, line, number, quick_add, service, template, user,
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use super::{
    Source, Tx,
    name::Names,
    organization::{self, is_below},
    page::{Order, Relation},
    row::row,
    sql::Sql,
};
use crate::{
    caller::Scope,
    rule::{
        Patch,
        cluster::{Create, CreateFacts, Delete, DeleteFacts, Fields, Place, Update, UpdateFacts},
    },
};

row! {
    /// A cluster.
    Row of "cluster", Model, always ["id"] {
        id: ClusterId,
        organization_id: OrganizationId,
        name: String,
        name_key: String,
        description: String,
        release: Option<String>,
        multiple_login: MultipleLogin,
        max_login_minutes: Option<i32>,
        max_concurrent_logins: Option<i32>,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
    }
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        if let Scope::Below(organization) = scope {
            sql.push(" AND ").push(alias).push(".organization_id IN (");
            sql.push("SELECT descendant_id FROM organization_closure WHERE ancestor_id = ");
            sql.bind(organization);
            sql.push(" UNION SELECT ancestor_id FROM organization_closure WHERE descendant_id = ");
            sql.bind(organization).push(")");
        }
    }
}

/// By name.
pub const BY_NAME: Order = Order { column: "t.name_key", number: false, descending: false };

/// The clusters of an organization.
pub const OF_ORGANIZATION: Relation = Relation {
    name: "clusters of organization",
    join: "",
    parent: "t.organization_id",
    order: BY_NAME,
    only: "",
    seen: false,
};

/// The cluster, when the caller sees it: in the subtree, or above and serving it.
pub async fn seen(tx: &Tx, id: ClusterId) -> Result<Option<Model>, DbErr> {
    let Some(cluster) = Entity::find_by_id(id).one(&tx.db).await? else { return Ok(None) };
    let seen = match tx.scope {
        Scope::All => true,
        Scope::Below(top) => {
            is_below(tx, top, cluster.organization_id).await?
                || is_below(tx, cluster.organization_id, top).await?
        }
    };
    Ok(seen.then_some(cluster))
}

/// Whether any of these takes only so many logins and logouts at once.
pub async fn any_throttled(source: &impl Source, clusters: &[ClusterId]) -> Result<bool, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT id FROM cluster WHERE max_concurrent_logins IS NOT NULL AND ");
    sql.among("id", clusters.iter().map(|id| id.0)).push(" LIMIT 1");
    Ok(!source.rows(sql.statement()).await?.is_empty())
}

/// Where a thing is to be kept.
pub async fn place(tx: &Tx, organization: OrganizationId, cluster: ClusterId) -> Result<Place, DbErr> {
    Ok(Place {
        organization: organization::seen(tx, organization).await?,
        cluster: seen(tx, cluster).await?,
        serves: organization::is_served(tx, organization, cluster).await?,
    })
}

/// What creating one must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let organization = organization::seen(tx, cmd.organization).await?;
    let taken = match &organization {
        Some(organization) => taken(tx, organization.id, &cmd.fields, None).await?,
        None => None,
    };
    Ok(CreateFacts { id: ClusterId(tx.id()?), now: tx.now(), organization, taken })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    let current = owned(tx, cmd.id).await?;
    let taken = match &current {
        Some(current) => taken(tx, current.organization_id, &cmd.fields, Some(current.id)).await?,
        None => None,
    };
    Ok(UpdateFacts { now: tx.now(), current, taken })
}

/// What deleting one must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<DeleteFacts, DbErr> {
    let current = owned(tx, cmd.id).await?;
    let mut holds = Vec::new();
    if current.is_some() {
        let counts = [
            (
                "devices",
                device::Entity::find().filter(device::Column::ClusterId.eq(cmd.id)).count(&tx.db).await?,
            ),
            ("lines", line::Entity::find().filter(line::Column::ClusterId.eq(cmd.id)).count(&tx.db).await?),
            (
                "numbers",
                number::Entity::find().filter(number::Column::ClusterId.eq(cmd.id)).count(&tx.db).await?,
            ),
            ("users", user::Entity::find().filter(user::Column::ClusterId.eq(cmd.id)).count(&tx.db).await?),
            (
                "Quick Add groups",
                quick_add::Entity::find()
                    .filter(quick_add::Column::ClusterId.eq(cmd.id))
                    .count(&tx.db)
                    .await?,
            ),
            (
                "templates",
                template::Entity::find().filter(template::Column::ClusterId.eq(cmd.id)).count(&tx.db).await?,
            ),
            (
                "default device profiles",
                default_device_profile::Entity::find()
                    .filter(default_device_profile::Column::ClusterId.eq(cmd.id))
                    .count(&tx.db)
                    .await?,
            ),
            (
                "phone services",
                service::Entity::find().filter(service::Column::ClusterId.eq(cmd.id)).count(&tx.db).await?,
            ),
        ];
        holds.extend(
            counts.iter().filter(|(_, count)| *count > 0).map(|(noun, count)| format!("{count} {noun}")),
        );
    }
    Ok(DeleteFacts { current, holds })
}

/// The cluster to change: one within the subtree, as those above are only looked at.
pub async fn owned(tx: &Tx, id: ClusterId) -> Result<Option<Model>, DbErr> {
    let Some(cluster) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    let within = organization::is_within(tx, cluster.organization_id).await?;
    Ok(within.then_some(cluster))
}

/// Free names near the one that is sent, where another cluster of the organization has it.
async fn taken(
    tx: &Tx,
    organization: OrganizationId,
    fields: &Patch<Fields>,
    except: Option<ClusterId>,
) -> Result<Option<Vec<String>>, DbErr> {
    // A patch that fits nothing is told by the rule.
    let Ok(fields) = fields.apply(&Fields::default()) else { return Ok(None) };
    let within = vec![("organization_id", organization.into())];
    let names = Names { table: "cluster", key: "name_key", before: "", within, most: 64 };
    names.taken(tx, &fields.name, except.map(|id| id.0)).await
}
