//! Phone services: rows, relations, facts. They are seen as their cluster is, also from below.

use entity::{
    ClusterId, Moment, OrganizationId, ServiceId,
    service::{Category, Entity, Kind, Model, Parameters},
    service_subscription,
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    Tx, cluster,
    name::Names,
    organization,
    page::{Order, Relation},
    row::row,
    service_subscription::with_devices,
    sql::Sql,
};
use crate::{
    caller::Scope,
    rule::{
        Patch,
        service::{
            AddParameter, ChangeParameter, Create, CreateFacts, Delete, DeleteFacts, Fields, RemoveParameter,
            Update, UpdateFacts,
        },
    },
};

row! {
    /// A phone service.
    Row of "service", Model, always ["id"] {
        id: ServiceId,
        cluster_id: ClusterId,
        organization_id: OrganizationId,
        name: String,
        name_key: String,
        ascii_name: String,
        description: String,
        url: String,
        secure_url: Option<String>,
        category: Category,
        kind: Kind,
        vendor: String,
        release: String,
        enabled: bool,
        enterprise: bool,
        parameters: Parameters,
        revision: i64,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
    }
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        cluster::Row::scope(sql, alias, scope);
    }
}

/// By name.
pub const BY_NAME: Order = Order { column: "t.name_key", number: false, descending: false };

/// The phone services of a cluster.
pub const OF_CLUSTER: Relation = Relation {
    name: "phone services of cluster",
    join: "",
    parent: "t.cluster_id",
    order: BY_NAME,
    only: "",
    seen: false,
};

/// What making one must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let cluster = cluster::owned(tx, cmd.cluster).await?;
    let taken = match &cluster {
        Some(cluster) => taken(tx, cluster.id, &cmd.fields, None).await?,
        None => None,
    };
    let parameters = cmd.parameters.iter().map(|_| tx.id()).collect::<Result<_, _>>()?;
    Ok(CreateFacts { id: ServiceId(tx.id()?), now: tx.now(), cluster, taken, parameters })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    let mut facts = changing(tx, cmd.id).await?;
    if let Some(current) = &facts.current {
        facts.taken = taken(tx, current.cluster_id, &cmd.fields, Some(cmd.id)).await?;
    }
    Ok(facts)
}

/// What adding a parameter must know.
pub async fn add_parameter_facts(tx: &Tx, cmd: &AddParameter) -> Result<UpdateFacts, DbErr> {
    changing(tx, cmd.service).await
}

/// What changing a parameter must know.
pub async fn change_parameter_facts(tx: &Tx, cmd: &ChangeParameter) -> Result<UpdateFacts, DbErr> {
    changing(tx, cmd.service).await
}

/// What removing a parameter must know.
pub async fn remove_parameter_facts(tx: &Tx, cmd: &RemoveParameter) -> Result<UpdateFacts, DbErr> {
    changing(tx, cmd.service).await
}

/// What deleting one must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<DeleteFacts, DbErr> {
    let current = owned(tx, cmd.id).await?;
    let mut subscriptions = Vec::new();
    if current.is_some() {
        let found = service_subscription::Entity::find()
            .filter(service_subscription::Column::ServiceId.eq(cmd.id))
            .order_by_asc(service_subscription::Column::Id)
            .lock_exclusive()
            .all(&tx.db)
            .await?;
        subscriptions = with_devices(tx, found, Scope::All).await?;
    }
    Ok(DeleteFacts { current, subscriptions })
}

/// The service, when the caller sees it: also where its cluster is above.
pub async fn seen(tx: &Tx, id: ServiceId) -> Result<Option<Model>, DbErr> {
    // Shared, so that what is derived from it is not stale when it is committed.
    let Some(found) = Entity::find_by_id(id).lock_shared().one(&tx.db).await? else { return Ok(None) };
    Ok(cluster::seen(tx, found.cluster_id).await?.map(|_| found))
}

async fn changing(tx: &Tx, id: ServiceId) -> Result<UpdateFacts, DbErr> {
    let current = owned(tx, id).await?;
    let derived = if current.is_some() {
        service_subscription::Entity::find()
            .filter(service_subscription::Column::ServiceId.eq(id))
            .filter(service_subscription::Column::Subscribed.eq(true))
            .filter(service_subscription::Column::Custom.eq(false))
            .count(&tx.db)
            .await?
    } else {
        0
    };
    let derived = i64::try_from(derived).unwrap_or(i64::MAX);
    Ok(UpdateFacts { now: tx.now(), current, taken: None, parameter: tx.id()?, derived })
}

/// The service, when it is the caller's to change, locked until the end: those above are only looked at.
async fn owned(tx: &Tx, id: ServiceId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

/// Free names near the one that is sent, where another service of the cluster has it.
async fn taken(
    tx: &Tx,
    cluster: ClusterId,
    fields: &Patch<Fields>,
    except: Option<ServiceId>,
) -> Result<Option<Vec<String>>, DbErr> {
    // A patch that fits nothing is told by the rule.
    let Ok(fields) = fields.apply(&Fields::default()) else { return Ok(None) };
    let within = vec![("cluster_id", cluster.into())];
    let names = Names { table: "service", key: "name_key", before: "", within, most: 128 };
    names.taken(tx, &fields.name, except.map(|id| id.0)).await
}
