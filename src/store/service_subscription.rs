//! Subscriptions to phone services: rows, relations, facts.

use std::collections::HashMap;

use entity::{
    ButtonId, DeviceId, Moment, ServiceId, ServiceSubscriptionId, button as button_entity,
    device as device_entity,
    service_subscription::{Column, Entity, Model, Values},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    Source, Tx, button,
    organization::all_within,
    page::{Order, Relation},
    row::row,
    service,
    sql::Sql,
};
use crate::{
    caller::Scope,
    rule::{
        change::On,
        service_subscription::{
            Device, Facts, MOST, NewFacts, NewSubscription, Resubscribe, Resync, ResyncFacts, Subscribe,
            SubscribeFacts, Unsubscribe, Update, again,
        },
    },
};

// Secrets are no column here: no query, export or snapshot reads them.
row! {
    /// A subscription of a device to a phone service.
    Row of "service_subscription", Shown, always ["id"] {
        id: ServiceSubscriptionId,
        device_id: DeviceId,
        service_id: ServiceId,
        name: String,
        url: String,
        custom: bool,
        revision: i64,
        subscribed: bool,
        button_id: Option<ButtonId>,
        given: Values,
        created_at: Moment,
        updated_at: Moment,
    }
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        if let Scope::Below(_) = scope {
            sql.push(" AND ").push(alias).push(".device_id IN (SELECT id FROM device WHERE 1 = 1");
            sql.within("organization_id", scope).push(")");
        }
    }
}

/// A subscription as far as it is ever shown.
pub struct Shown {
    id: ServiceSubscriptionId,
    device_id: DeviceId,
    service_id: ServiceId,
    name: String,
    url: String,
    custom: bool,
    revision: i64,
    subscribed: bool,
    button_id: Option<ButtonId>,
    given: Values,
    created_at: Moment,
    updated_at: Moment,
}

impl From<Model> for Row {
    fn from(model: Model) -> Self {
        Shown {
            id: model.id,
            device_id: model.device_id,
            service_id: model.service_id,
            name: model.name,
            url: model.url,
            custom: model.custom,
            revision: model.revision,
            subscribed: model.subscribed,
            button_id: model.button_id,
            given: model.given,
            created_at: model.created_at,
            updated_at: model.updated_at,
        }
        .into()
    }
}

/// In the order in which they came.
pub const BY_AGE: Order = Order { column: "t.created_at", number: true, descending: false };

/// The services that a device is subscribed to.
pub const OF_DEVICE: Relation = Relation {
    name: "service subscriptions of device",
    join: "",
    parent: "t.device_id",
    order: BY_AGE,
    only: " AND t.subscribed",
    seen: true,
};

/// The services that a device was subscribed to, whose values are kept.
pub const FORMER_OF_DEVICE: Relation =
    Relation { name: "former service subscriptions of device", only: " AND NOT t.subscribed", ..OF_DEVICE };

/// All of a device's, those that wait included.
pub const ALL_OF_DEVICE: Relation =
    Relation { name: "all service subscriptions of device", only: "", ..OF_DEVICE };

/// The subscriptions to a service.
pub const OF_SERVICE: Relation =
    Relation { name: "subscriptions of service", parent: "t.service_id", seen: false, ..OF_DEVICE };

/// What a device's new subscriptions must know, for no more than it can have.
pub async fn new_facts(tx: &Tx, new: &[NewSubscription]) -> Result<Vec<NewFacts>, DbErr> {
    let mut facts = Vec::with_capacity(new.len());
    for new in new.iter().take(MOST) {
        facts.push(NewFacts {
            id: ServiceSubscriptionId(tx.id()?),
            button: ButtonId(tx.id()?),
            service: service::seen(tx, new.service).await?,
        });
    }
    Ok(facts)
}

/// What subscribing must know.
pub async fn subscribe_facts(tx: &Tx, cmd: &Subscribe) -> Result<SubscribeFacts, DbErr> {
    let device = device_facts(tx, cmd.device).await?;
    let mut new = new_facts(tx, std::slice::from_ref(&cmd.subscription)).await?;
    let new = new.pop().ok_or_else(|| DbErr::Custom("a subscription has facts".to_owned()))?;
    Ok(SubscribeFacts { now: tx.now(), device, new })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<Facts, DbErr> {
    facts(tx, cmd.subscription).await
}

/// What unsubscribing must know.
pub async fn unsubscribe_facts(tx: &Tx, cmd: &Unsubscribe) -> Result<Facts, DbErr> {
    facts(tx, cmd.subscription).await
}

/// What taking one up again must know.
pub async fn resubscribe_facts(tx: &Tx, cmd: &Resubscribe) -> Result<Facts, DbErr> {
    facts(tx, cmd.subscription).await
}

/// What bringing subscriptions up to date must know; they are locked until the end of the transaction.
pub async fn resync_facts(tx: &Tx, cmd: &Resync) -> Result<ResyncFacts, DbErr> {
    let service = service::seen(tx, cmd.service).await?;
    let mut subscriptions = Vec::new();
    if service.is_some() {
        let found = Entity::find()
            .filter(Column::ServiceId.eq(cmd.service))
            .filter(Column::Id.is_in(cmd.subscriptions.iter().copied()))
            .order_by_asc(Column::Id)
            .lock_exclusive()
            .all(&tx.db)
            .await?;
        subscriptions = with_devices(tx, found, tx.scope()).await?;
    }
    Ok(ResyncFacts { now: tx.now(), service, subscriptions })
}

/// Every subscription of a device, the oldest first.
pub async fn on_device(tx: &Tx, id: DeviceId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::DeviceId.eq(id)).order_by_asc(Column::Id).all(&tx.db).await
}

/// What another device needs to be subscribed as this one is, with the buttons where it gets them as well. What nobody
/// can be newly subscribed to is left out.
pub async fn to_copy(tx: &Tx, id: DeviceId, buttons: bool) -> Result<Vec<NewSubscription>, DbErr> {
    let standing = if buttons { button::on_device(tx, id).await? } else { Vec::new() };
    let mut copies = Vec::new();
    for subscription in on_device(tx, id).await?.iter().filter(|known| known.subscribed) {
        let Some(service) = service::seen(tx, subscription.service_id).await? else { continue };
        if service.enabled && !service.enterprise {
            let button = standing.iter().find(|button| Some(button.id) == subscription.button_id);
            copies.push(again(subscription, &service, button));
        }
    }
    Ok(copies)
}

/// Subscriptions on devices within the scope, each with its device and the button that it took: two statements more,
/// whatever their number.
pub async fn with_devices(
    tx: &Tx,
    found: Vec<Model>,
    scope: Scope,
) -> Result<Vec<(Model, On, Option<button_entity::Model>)>, DbErr> {
    let within = match scope {
        Scope::All => None,
        Scope::Below(top) => Some(all_within(tx, top).await?),
    };
    let devices = device_entity::Entity::find()
        .filter(device_entity::Column::Id.is_in(found.iter().map(|subscription| subscription.device_id)))
        .all(&tx.db)
        .await?;
    let devices: HashMap<_, _> = devices.into_iter().map(|device| (device.id, device)).collect();
    let buttons = button_entity::Entity::find()
        .filter(
            button_entity::Column::Id.is_in(found.iter().filter_map(|subscription| subscription.button_id)),
        )
        .all(&tx.db)
        .await?;
    let mut buttons: HashMap<_, _> = buttons.into_iter().map(|button| (button.id, button)).collect();
    let with = found.into_iter().filter_map(|subscription| {
        let device = devices.get(&subscription.device_id)?;
        let seen = within.as_ref().is_none_or(|within| within.contains(&device.organization_id));
        let on = On { organization_id: device.organization_id, kind: device.kind, name: device.name.clone() };
        let button = subscription.button_id.and_then(|id| buttons.remove(&id));
        seen.then_some((subscription, on, button))
    });
    Ok(with.collect())
}

/// The subscriptions to a service whose URLs are older than it, behind an id: as many as go at once.
pub async fn stale(
    source: &impl Source,
    scope: Scope,
    service: ServiceId,
    after: Option<ServiceSubscriptionId>,
    limit: usize,
) -> Result<Vec<ServiceSubscriptionId>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT t.id FROM service_subscription t JOIN service s ON s.id = t.service_id WHERE s.id = ");
    sql.bind(service).push(" AND ").push(STALE).push(" AND t.id > ");
    sql.bind(after.map_or(0, |after| after.0));
    <Row as super::row::Row>::scope(&mut sql, "t", scope);
    sql.push(" ORDER BY t.id LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = source.rows(sql.statement()).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Whether a subscription (`t`) is older than its service (`s`).
pub const STALE: &str = "t.subscribed AND NOT t.custom AND t.revision <> s.revision";

/// What changing one that is there must know.
pub async fn facts(tx: &Tx, id: ServiceSubscriptionId) -> Result<Facts, DbErr> {
    let button = ButtonId(tx.id()?);
    let mut facts = Facts { now: tx.now(), device: None, service: None, button };
    if let Some(found) = Entity::find_by_id(id).one(&tx.db).await? {
        facts.device = device_facts(tx, found.device_id).await?;
        // The device is seen, and its cluster with it.
        facts.service =
            entity::service::Entity::find_by_id(found.service_id).lock_shared().one(&tx.db).await?;
    }
    Ok(facts)
}

/// The device, when the caller sees it, with its buttons and services, locked until the end.
async fn device_facts(tx: &Tx, id: DeviceId) -> Result<Option<Device>, DbErr> {
    let Some((cluster_id, with)) = button::device_facts(tx, id).await? else { return Ok(None) };
    Ok(Some(Device { cluster_id, with, subscriptions: on_device(tx, id).await? }))
}
