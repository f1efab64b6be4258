//! Quick Add groups: rows, relations, facts, and the next available number. A group is also seen from below, by those
//! who may use or copy it (HIE-3, HIE-5).

use entity::{
    ClusterId, Moment, OrganizationId, QuickAddId,
    organization::Model as OrganizationModel,
    profile::Protocol,
    quick_add::{Defaults, Entity, Model},
    service as service_entity, template as template_entity,
};
use sea_orm::{DatabaseBackend, DbErr, EntityTrait, QuerySelect};

use super::{
    Source, Tx, cluster,
    name::Names,
    organization,
    page::{Order, Relation},
    row::row,
    service,
    sql::Sql,
    template, user,
};
use crate::{
    caller::Scope,
    rule::{
        cluster::Place,
        quick_add::{
            Add, Create, CreateFacts, Delete, Fields, Kept, Known, Sent, Update, UpdateFacts, Who,
            cluster_of, fields_of, place_of,
        },
        service_subscription::MOST,
        template::named,
    },
};

row! {
    /// A Quick Add group.
    Row of "quick_add", Model, always ["id"] {
        id: QuickAddId,
        organization_id: OrganizationId,
        cluster_id: Option<ClusterId>,
        name: String,
        name_key: String,
        description: String,
        product: String,
        protocol: Protocol,
        button_template: Option<String>,
        softkey_template: Option<String>,
        name_pattern: String,
        description_pattern: String,
        place_id: Option<OrganizationId>,
        defaults: Defaults,
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

/// The groups kept at an organization.
pub const OF_ORGANIZATION: Relation = Relation {
    name: "Quick Add groups of organization",
    join: "",
    parent: "t.organization_id",
    order: BY_NAME,
    only: "",
    seen: false,
};

/// What creating one must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let from = copied(tx, cmd).await?;
    let place = match cluster_of(cmd, from.as_ref()) {
        Some(cluster) => Some(cluster::place(tx, cmd.organization, cluster).await?),
        None => None,
    };
    let organization = match &place {
        Some(place) => place.organization.clone(),
        None => organization::seen(tx, cmd.organization).await?,
    };
    let fields = sent_over(&cmd.sent, from.as_ref());
    let (mut taken, mut kept) = (None, Kept::default());
    if organization.is_some() {
        taken = names(cmd.organization).taken(tx, &fields.name, None).await?;
        kept = kept_at(tx, cmd.organization, fields.place_id).await?;
    }
    let facts = Box::pin(facts_at(tx, cmd, from, organization, place)).await?;
    Ok(CreateFacts { taken, kept, ..facts })
}

/// What copying one to an organization that the same command makes must know.
pub async fn copy_facts(tx: &Tx, cmd: &Create, made: &OrganizationModel) -> Result<CreateFacts, DbErr> {
    let from = copied(tx, cmd).await?;
    let place = match (cluster_of(cmd, from.as_ref()), made.parent_id) {
        (Some(cluster), Some(parent)) => {
            let place = cluster::place(tx, parent, cluster).await?;
            Some(Place { organization: Some(made.clone()), ..place })
        }
        // Nothing serves a root from above.
        (Some(cluster), None) => {
            let cluster = cluster::seen(tx, cluster).await?;
            Some(Place { organization: Some(made.clone()), cluster, serves: false })
        }
        (None, _) => None,
    };
    Box::pin(facts_at(tx, cmd, from, Some(made.clone()), place)).await
}

/// What creating one at a place must know, as far as nothing else is kept there.
async fn facts_at(
    tx: &Tx,
    cmd: &Create,
    from: Option<Model>,
    organization: Option<OrganizationModel>,
    place: Option<Place>,
) -> Result<CreateFacts, DbErr> {
    let fields = sent_over(&cmd.sent, from.as_ref());
    let cluster = place.as_ref().and_then(Place::seen);
    Ok(CreateFacts {
        id: QuickAddId(tx.id()?),
        now: tx.now(),
        organization,
        place,
        from,
        taken: None,
        kept: Kept::default(),
        template: template_of(tx, cluster, fields).await?,
        services: services_of(tx, &cmd.sent).await?,
    })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let mut facts = UpdateFacts {
        now: tx.now(),
        current,
        taken: None,
        kept: Kept::default(),
        template: None,
        services: Vec::new(),
    };
    if let Some(current) = &facts.current {
        let fields = sent_over(&cmd.sent, Some(current));
        facts.taken = names(current.organization_id).taken(tx, &fields.name, Some(current.id.0)).await?;
        facts.kept = kept_at(tx, current.organization_id, fields.place_id).await?;
        facts.template = template_of(tx, current.cluster_id, fields).await?;
        facts.services = services_of(tx, &cmd.sent).await?;
    }
    Ok(facts)
}

/// What deleting one must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<Option<Model>, DbErr> {
    locked(tx, cmd.id).await
}

/// What planning a quick add must know; the next available number is this transaction's until its end.
pub async fn known(tx: &Tx, cmd: &Add) -> Result<Known, DbErr> {
    let group = seen(tx, cmd.group).await?;
    let user = match cmd.user {
        Who::There(id) => user::seen(tx, id).await?,
        Who::New { .. } => None,
    };
    let user_id = match (&cmd.user, &user) {
        (Who::New { user_id, .. }, _) => Some(user_id.as_str()),
        (Who::There(_), user) => user.as_ref().map(|user| user.user_id.as_str()),
    };
    let mut next = None;
    if let (None, Some(group), Some(user_id)) = (&cmd.number, &group, user_id)
        && let Some(cluster) = group.cluster_id
    {
        let wanted =
            Wanted { at: place_of(cmd, group), cluster, partition: &group.defaults.partition, user_id };
        next = wanted.next(tx).await?;
    }
    Ok(Known { group, user, next })
}

/// How many numbers a quick add that names none may choose from, those that are kept for its user left out.
pub async fn available(tx: &Tx, cmd: &Add) -> Result<i64, DbErr> {
    let Some(group) = seen(tx, cmd.group).await? else { return Ok(0) };
    let Some(cluster) = group.cluster_id else { return Ok(0) };
    let wanted =
        Wanted { at: place_of(cmd, &group), cluster, partition: &group.defaults.partition, user_id: "" };
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT count(*)");
    wanted.write(&mut sql, tx, false);
    tx.rows(sql.statement()).await?.first().map_or(Ok(0), |row| row.try_get_by_index(0))
}

/// The line of a number (`t`), up to where it stands; the bracket is closed behind what keeps it from being given.
const LINE: &str = " AND NOT EXISTS (SELECT 1 FROM line l WHERE l.cluster_id = t.cluster_id AND l.pattern = t.pattern \
                    AND l.partition = t.partition AND (EXISTS (SELECT 1 FROM line_appearance a WHERE a.line_id = l.id)";

/// What number is looked for.
struct Wanted<'a> {
    at: OrganizationId,
    cluster: ClusterId,
    partition: &'a str,
    user_id: &'a str,
}

impl Wanted<'_> {
    /// The next available number: one that is kept for the user before any other (RSV-4), and never one that another
    /// transaction has in hand, as long as there are others. Where there are none, it waits for what becomes of those.
    async fn next(&self, tx: &Tx) -> Result<Option<String>, DbErr> {
        for (held, wait) in [(true, true), (false, false), (false, true)] {
            let mut sql = Sql::new(tx.backend());
            sql.push("SELECT t.pattern");
            self.write(&mut sql, tx, held);
            sql.push(" ORDER BY t.pattern, t.id LIMIT 1");
            if tx.backend() == DatabaseBackend::Postgres {
                sql.push(" FOR UPDATE OF t").push(if wait { "" } else { " SKIP LOCKED" });
            }
            let rows = tx.rows(sql.statement()).await?;
            if let Some(row) = rows.first() {
                return row.try_get_by_index(0).map(Some);
            }
        }
        Ok(None)
    }

    fn write(&self, sql: &mut Sql, tx: &Tx, held: bool) {
        sql.push(" FROM number t WHERE t.cluster_id = ").bind(self.cluster);
        sql.push(" AND t.partition = ").bind(self.partition).push(" AND t.status = 'AVAILABLE'");
        sql.push(
            " AND t.organization_id IN (SELECT ancestor_id FROM organization_closure WHERE descendant_id = ",
        );
        sql.bind(self.at).push(")");
        if held {
            sql.push(" AND t.reserved_for = ").bind(self.user_id);
            sql.push(" AND (t.reserved_until IS NULL OR t.reserved_until > ").bind(tx.now()).push(")");
        } else {
            sql.push(" AND (t.reserved_for IS NULL OR t.reserved_until <= ").bind(tx.now()).push(")");
        }
        // Its line stands nowhere, and is not kept where the caller does not see it.
        sql.push(LINE);
        if let Scope::Below(top) = tx.scope() {
            sql.push(" OR l.organization_id NOT IN (SELECT descendant_id FROM organization_closure WHERE ");
            sql.push("ancestor_id = ").bind(top).push(")");
        }
        sql.push("))");
    }
}

/// The partition of a group that the caller sees, also from below.
pub async fn partition_seen(tx: &Tx, id: QuickAddId) -> Result<String, DbErr> {
    Ok(seen(tx, id).await?.map(|group| group.defaults.partition).unwrap_or_default())
}

/// The cluster of a group that the caller sees, also from below.
pub async fn cluster_seen(tx: &Tx, id: QuickAddId) -> Result<Option<ClusterId>, DbErr> {
    Ok(seen(tx, id).await?.and_then(|group| group.cluster_id))
}

/// The group that a new one is a copy of.
async fn copied(tx: &Tx, cmd: &Create) -> Result<Option<Model>, DbErr> {
    match cmd.copy_from {
        Some(id) => seen(tx, id).await,
        None => Ok(None),
    }
}

/// The group, when the caller sees it: in the subtree, or above.
async fn seen(tx: &Tx, id: QuickAddId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).one(&tx.db).await? else { return Ok(None) };
    let seen = match tx.scope() {
        Scope::All => true,
        Scope::Below(top) => {
            organization::is_below(tx, top, found.organization_id).await?
                || organization::is_below(tx, found.organization_id, top).await?
        }
    };
    Ok(seen.then_some(found))
}

/// The group, when it is the caller's to change, locked until the end: those above are only used and copied.
async fn locked(tx: &Tx, id: QuickAddId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

/// The services that were sent, for no more than a device can have.
async fn services_of(tx: &Tx, sent: &Sent) -> Result<Vec<Option<service_entity::Model>>, DbErr> {
    let mut services = Vec::new();
    for new in sent.services.iter().flatten().take(MOST) {
        services.push(service::seen(tx, new.service).await?);
    }
    Ok(services)
}

/// What a group's fields would be; a patch that fits nothing is told by the rule.
fn sent_over(sent: &Sent, group: Option<&Model>) -> Fields {
    let before = fields_of(group);
    sent.fields.apply(&before).unwrap_or(before)
}

/// Where a group's name is its own.
fn names(organization: OrganizationId) -> Names<'static> {
    let within = vec![("organization_id", organization.into())];
    Names { table: "quick_add", key: "name_key", before: "", within, most: 64 }
}

async fn kept_at(tx: &Tx, group: OrganizationId, place: Option<OrganizationId>) -> Result<Kept, DbErr> {
    let Some(place) = place else { return Ok(Kept::default()) };
    let there = organization::seen(tx, place).await?.is_some();
    Ok(Kept { there, below: there && organization::is_below(tx, group, place).await? })
}

async fn template_of(
    tx: &Tx,
    cluster: Option<ClusterId>,
    fields: Fields,
) -> Result<Option<template_entity::Model>, DbErr> {
    let Some(cluster) = cluster else { return Ok(None) };
    let named = named(fields.button_template, &fields.product, fields.protocol);
    template::button_template(tx, cluster, named.as_deref()).await
}
