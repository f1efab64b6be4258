//! Button and softkey templates: rows, relations, facts. They are seen as their cluster is, also from below.

use std::collections::HashMap;

use entity::{
    ClusterId, Moment, OrganizationId, TemplateId,
    profile::Protocol,
    template::{Column, Entity, Features, Kind, Model},
};
use sea_orm::{ActiveEnum, ColumnTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::{
    Source, Tx, cluster,
    name::Names,
    organization,
    page::{Order, Relation},
    row::{self, Columns, Row as _, row},
    sql::Sql,
};
use crate::{
    caller::Scope,
    rule::template::{Create, CreateFacts, Delete, DeleteFacts, Update, UpdateFacts},
};

row! {
    /// A button or softkey template.
    Row of "template", Model, always ["id", "kind"] {
        id: TemplateId,
        cluster_id: ClusterId,
        organization_id: OrganizationId,
        kind: Kind,
        name: String,
        name_key: String,
        description: String,
        product: Option<String>,
        protocol: Option<Protocol>,
        features: Features,
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

/// The button templates of a cluster.
pub const BUTTONS_OF_CLUSTER: Relation = Relation {
    name: "button templates of cluster",
    join: "",
    parent: "t.cluster_id",
    order: BY_NAME,
    only: " AND t.kind = 'BUTTON'",
    seen: false,
};

/// The softkey templates of a cluster.
pub const SOFTKEYS_OF_CLUSTER: Relation =
    Relation { name: "softkey templates of cluster", only: " AND t.kind = 'SOFTKEY'", ..BUTTONS_OF_CLUSTER };

/// The button template that a profile names.
pub const OF_PROFILE: Relation = Relation {
    name: "button template of profile",
    join: " JOIN profile p ON p.cluster_id = t.cluster_id AND p.button_template = t.name",
    parent: "p.id",
    ..BUTTONS_OF_CLUSTER
};

/// The button template that a phone names.
pub const OF_PHONE: Relation = Relation {
    name: "button template of phone",
    join: " JOIN phone p ON p.cluster_id = t.cluster_id AND p.button_template = t.name",
    ..OF_PROFILE
};

/// The button template that a phone took when somebody logged in.
pub const OF_SESSION: Relation = Relation {
    name: "button template of session",
    join: " JOIN session p ON p.cluster_id = t.cluster_id AND p.button_template = t.name",
    ..OF_PROFILE
};

/// The button templates of these names on their clusters, with all their columns, as far as they are seen.
pub async fn by_names(
    source: &impl Source,
    scope: Scope,
    keys: &[(i64, String)],
) -> Result<HashMap<(i64, String), Row>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT t.cluster_id, t.name");
    row::select::<Row>(&mut sql, "t", row::all::<Row>());
    let names: Vec<_> = keys.iter().map(|(_, name)| name.clone()).collect();
    sql.push(" FROM template t WHERE t.kind = 'BUTTON' AND ").among_texts("t.name", &names);
    sql.push(" AND ").among("t.cluster_id", keys.iter().map(|(cluster, _)| *cluster));
    Row::scope(&mut sql, "t", scope);
    let mut found = HashMap::new();
    for row in source.rows(sql.statement()).await? {
        let key = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        found.insert(key, Row::read(&row, Columns::own(row::all::<Row>()), &mut 2)?);
    }
    Ok(found)
}

/// What making one must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let cluster = cluster::owned(tx, cmd.cluster).await?;
    let (mut taken, mut misfits) = (None, 0);
    if cluster.is_some() {
        let within = vec![("cluster_id", cmd.cluster.into()), ("kind", cmd.kind.to_value().into())];
        let names = Names { table: "template", key: "name_key", before: "", within, most: 128 };
        taken = names.taken(tx, &cmd.name, None).await?;
        if cmd.kind == Kind::Button {
            let product = crate::rule::product::find(cmd.product.as_deref().unwrap_or_default());
            let fits = product.map(|product| (product.name.as_str(), cmd.protocol.unwrap_or(Protocol::Sip)));
            misfits = named_by(tx, cmd.cluster, Kind::Button, &cmd.name, fits).await?;
        }
    }
    Ok(CreateFacts { id: TemplateId(tx.id()?), now: tx.now(), cluster, taken, misfits })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    Ok(UpdateFacts { now: tx.now(), current: locked(tx, cmd.id).await? })
}

/// What deleting one must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<DeleteFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let devices = match &current {
        Some(template) => named_by(tx, template.cluster_id, template.kind, &template.name, None).await?,
        None => 0,
    };
    Ok(DeleteFacts { current, devices })
}

/// The cluster's button template of that name.
pub async fn button_template(
    tx: &Tx,
    cluster: ClusterId,
    name: Option<&str>,
) -> Result<Option<Model>, DbErr> {
    let Some(name) = name else { return Ok(None) };
    Entity::find()
        .filter(Column::ClusterId.eq(cluster))
        .filter(Column::Kind.eq(Kind::Button))
        .filter(Column::Name.eq(name))
        .one(&tx.db)
        .await
}

/// The template, when it is the caller's to change, locked until the end: those above are only looked at.
async fn locked(tx: &Tx, id: TemplateId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

/// How many profiles and phones of the cluster name the template, those left out that are of the product and protocol.
async fn named_by(
    tx: &Tx,
    cluster: ClusterId,
    kind: Kind,
    name: &str,
    fits: Option<(&str, Protocol)>,
) -> Result<i64, DbErr> {
    let column = match kind {
        Kind::Button => "button_template",
        Kind::Softkey => "softkey_template",
    };
    let mut count = 0;
    for table in ["profile", "phone"] {
        let mut sql = Sql::new(tx.backend());
        sql.push("SELECT count(*) FROM ").push(table).push(" WHERE cluster_id = ").bind(cluster);
        sql.push(" AND ").push(column).push(" = ").bind(name);
        if let Some((product, protocol)) = fits {
            sql.push(" AND NOT (product = ").bind(product).push(" AND protocol = ").bind(protocol).push(")");
        }
        let rows = tx.rows(sql.statement()).await?;
        count += rows.first().map_or(Ok(0), |row| row.try_get_by_index::<i64>(0))?;
    }
    Ok(count)
}
