//! The device namespace: rows, who has a name, facts.

use std::collections::HashSet;

use entity::{
    ClusterId, DeviceId, OrganizationId,
    device::{Column, Entity, Kind, Model},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::{
    Source, Tx, cluster, organization,
    page::{Order, Relation},
    row::row,
    sql::Sql,
};
use crate::{
    caller::Scope,
    rule::{
        device::{Owner, Register, RegisterFacts, Release, near, suggestions},
        value,
    },
};

row! {
    /// A device's name.
    Row of "device", Model, always ["id", "kind"] {
        id: DeviceId,
        cluster_id: ClusterId,
        organization_id: OrganizationId,
        kind: Kind,
        name: String,
        name_key: String,
        description: String,
    }
}

/// By name.
pub const BY_NAME: Order = Order { column: "t.name_key", number: false, descending: false };

/// The names of a cluster that are neither profiles' nor phones'.
pub const OTHERS_OF_CLUSTER: Relation = Relation {
    name: "other devices of cluster",
    join: "",
    parent: "t.cluster_id",
    order: BY_NAME,
    only: " AND t.kind = 'OTHER'",
    seen: false,
};

/// Who has the name on the cluster; nobody on one that is not seen.
pub async fn owner(tx: &Tx, cluster: Option<ClusterId>, name: &str) -> Result<Option<Owner>, DbErr> {
    let Some(cluster) = cluster else { return Ok(None) };
    let found = Entity::find()
        .filter(Column::ClusterId.eq(cluster))
        .filter(Column::NameKey.eq(value::key(name)))
        .one(&tx.db)
        .await?;
    let Some(found) = found else { return Ok(None) };
    let visible = organization::is_within(tx, found.organization_id).await?;
    Ok(Some(Owner { kind: found.kind, visible, suggestions: Vec::new() }))
}

/// The same with free names near it.
pub async fn owner_and_near(tx: &Tx, cluster: Option<ClusterId>, name: &str) -> Result<Option<Owner>, DbErr> {
    let Some(cluster) = cluster else { return Ok(None) };
    let Some(owner) = owner(tx, Some(cluster), name).await? else { return Ok(None) };
    Ok(Some(Owner { suggestions: free_near(tx, cluster, name).await?, ..owner }))
}

/// Who has the name on the cluster, as a reader may know it.
pub async fn name_owner(
    source: &impl Source,
    scope: Scope,
    cluster: ClusterId,
    name: &str,
) -> Result<Option<Owner>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT t.kind, CASE WHEN 1 = 1").within("t.organization_id", scope);
    sql.push(" THEN TRUE ELSE FALSE END FROM device t WHERE t.cluster_id = ").bind(cluster);
    sql.push(" AND t.name_key = ").bind(value::key(name));
    let rows = source.rows(sql.statement()).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (kind, visible) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    Ok(Some(Owner { kind, visible, suggestions: free_near(source, cluster, name).await? }))
}

/// Up to three names near this one that nothing on the cluster has, whoever sees it (NAM-9).
pub async fn free_near(source: &impl Source, cluster: ClusterId, name: &str) -> Result<Vec<String>, DbErr> {
    let near = near(name);
    let keys: Vec<_> = near.iter().map(|name| value::key(name)).collect();
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT name_key FROM device WHERE cluster_id = ").bind(cluster).push(" AND ");
    sql.among_texts("name_key", &keys);
    let rows = source.rows(sql.statement()).await?;
    let taken = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<HashSet<String>, _>>()?;
    Ok(suggestions(near, |key| taken.contains(key)))
}

/// What registering a name must know.
pub async fn register_facts(tx: &Tx, cmd: &Register) -> Result<RegisterFacts, DbErr> {
    let place = cluster::place(tx, cmd.organization, cmd.cluster).await?;
    let owner = owner(tx, place.seen(), &cmd.name).await?;
    Ok(RegisterFacts { id: DeviceId(tx.id()?), place, owner })
}

/// What releasing a name must know.
pub async fn release_facts(tx: &Tx, cmd: &Release) -> Result<Option<Model>, DbErr> {
    locked(tx, cmd.id).await
}

/// The device, when the caller sees it, locked against others until the end of the transaction.
pub async fn locked(tx: &Tx, id: DeviceId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}
