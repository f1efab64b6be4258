//! Default device profiles: rows, relations, facts. They are seen as their cluster is, also from below.

use entity::{
    ClusterId, DefaultDeviceProfileId, Moment, OrganizationId,
    default_device_profile::{Column, Entity, Model},
    profile::{Protocol, Settings},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::{
    Tx, cluster, organization,
    page::{Order, Relation},
    row::row,
    sql::Sql,
    template,
};
use crate::{
    caller::Scope,
    rule::{
        default_device_profile::{Create, CreateFacts, Delete, Fields, Update, UpdateFacts},
        product,
        template::named,
    },
};

row! {
    /// A default device profile.
    Row of "default_device_profile", Model, always ["id"] {
        id: DefaultDeviceProfileId,
        cluster_id: ClusterId,
        organization_id: OrganizationId,
        product: String,
        protocol: Protocol,
        description: String,
        button_template: String,
        softkey_template: Option<String>,
        settings: Settings,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
    }
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        cluster::Row::scope(sql, alias, scope);
    }
}

/// By product.
pub const BY_PRODUCT: Order = Order { column: "t.product", number: false, descending: false };

/// The default device profiles of a cluster.
pub const OF_CLUSTER: Relation = Relation {
    name: "default device profiles of cluster",
    join: "",
    parent: "t.cluster_id",
    order: BY_PRODUCT,
    only: "",
    seen: false,
};

/// The default device profile for a phone's product and protocol.
pub const FOR_PHONE: Relation = Relation {
    name: "default device profile for phone",
    join: " JOIN phone p ON p.cluster_id = t.cluster_id AND p.product = t.product AND p.protocol = t.protocol",
    parent: "p.id",
    ..OF_CLUSTER
};

/// The cluster's default device profile for a product and protocol.
pub async fn fitting(
    tx: &Tx,
    cluster: ClusterId,
    product: &str,
    protocol: Protocol,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::ClusterId.eq(cluster))
        .filter(Column::Product.eq(product))
        .filter(Column::Protocol.eq(protocol))
        .one(&tx.db)
        .await
}

/// What making one must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let cluster = cluster::owned(tx, cmd.cluster).await?;
    let product = product::find(&cmd.product).map_or(cmd.product.as_str(), |product| product.name.as_str());
    let (mut taken, mut template) = (false, None);
    if cluster.is_some() {
        taken = fitting(tx, cmd.cluster, product, cmd.protocol).await?.is_some();
        let sent = cmd.fields.apply(&Fields::default()).ok().and_then(|fields| fields.button_template);
        let name = named(sent, product, cmd.protocol);
        template = template::button_template(tx, cmd.cluster, name.as_deref()).await?;
    }
    let id = DefaultDeviceProfileId(tx.id()?);
    Ok(CreateFacts { id, now: tx.now(), cluster, taken, template })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let template = match (&current, cmd.fields.has("button_template")) {
        (Some(current), true) => {
            let sent = cmd.fields.apply(&Fields::default()).ok().and_then(|fields| fields.button_template);
            let name = named(sent, &current.product, current.protocol);
            template::button_template(tx, current.cluster_id, name.as_deref()).await?
        }
        _ => None,
    };
    Ok(UpdateFacts { now: tx.now(), current, template })
}

/// What deleting one must know: itself.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<Option<Model>, DbErr> {
    locked(tx, cmd.id).await
}

/// It, when it is the caller's to change, locked until the end: those above are only looked at.
async fn locked(tx: &Tx, id: DefaultDeviceProfileId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}
