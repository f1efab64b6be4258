//! Speed dials and other buttons: rows, relations, facts.

use entity::{
    ButtonId, ClusterId, DeviceId, Moment,
    button::{Column, Entity, Kind, Model},
    device as device_entity, profile_user,
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

use super::{
    Tx, device,
    line::BY_PATTERN,
    page::{Order, Relation},
    phone, profile,
    row::row,
    sql::Sql,
};
use crate::{
    caller::Scope,
    rule::{
        button::{Add, AddFacts, Device, MOST, Replace},
        change::On,
    },
};

row! {
    /// A speed dial, busy lamp field, call park or service URL button.
    Row of "button", Model, always ["id", "kind"] {
        id: ButtonId,
        device_id: DeviceId,
        kind: Kind,
        position: i32,
        label: Option<String>,
        destination: Option<String>,
        pattern: Option<String>,
        partition: String,
        pickup: bool,
        service: Option<String>,
        url: Option<String>,
        created_at: Moment,
    }
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        if let Scope::Below(_) = scope {
            sql.push(" AND ").push(alias).push(".device_id IN (SELECT id FROM device WHERE 1 = 1");
            sql.within("organization_id", scope).push(")");
        }
    }
}

/// By position.
const BY_POSITION: Order = Order { column: "t.position", number: true, descending: false };

/// Every button of a device, position by position.
pub const OF_DEVICE: Relation = Relation {
    name: "buttons of device",
    join: "",
    parent: "t.device_id",
    order: BY_POSITION,
    only: "",
    seen: true,
};

/// The speed dials of a device, in the order of their positions.
pub const SPEED_DIALS: Relation =
    Relation { name: "speed dials of device", only: " AND t.kind = 'SPEED_DIAL'", ..OF_DEVICE };

/// The busy lamp fields of a device, in the order of their positions.
pub const BUSY_LAMP_FIELDS: Relation =
    Relation { name: "busy lamp fields of device", only: " AND t.kind = 'BUSY_LAMP_FIELD'", ..OF_DEVICE };

/// The call park buttons of a device, in the order of their positions.
pub const CALL_PARKS: Relation =
    Relation { name: "call parks of device", only: " AND t.kind = 'CALL_PARK'", ..OF_DEVICE };

/// The service URL buttons of a device, in the order of their positions.
pub const SERVICE_URLS: Relation =
    Relation { name: "service URLs of device", only: " AND t.kind = 'SERVICE_URL'", ..OF_DEVICE };

/// The line that has a button's number on the cluster of the button's device.
pub const LINE_OF_BUTTON: Relation = Relation {
    name: "line of button",
    join: " JOIN button b ON b.pattern = t.pattern AND b.partition = t.partition \
           JOIN device d ON d.id = b.device_id AND d.cluster_id = t.cluster_id",
    parent: "b.id",
    order: BY_PATTERN,
    only: "",
    seen: false,
};

/// New ids for buttons, for no more than a device can have.
pub fn ids(tx: &Tx, count: usize) -> Result<Vec<ButtonId>, DbErr> {
    (0..count.min(MOST)).map(|_| Ok(ButtonId(tx.id()?))).collect()
}

/// What putting a button on a device must know.
pub async fn add_facts(tx: &Tx, cmd: &Add) -> Result<AddFacts, DbErr> {
    let device = device_of_id(tx, cmd.device).await?;
    Ok(AddFacts { now: tx.now(), device, ids: ids(tx, 1)? })
}

/// What replacing a device's lists must know.
pub async fn replace_facts(tx: &Tx, cmd: &Replace) -> Result<AddFacts, DbErr> {
    let count = cmd.lists.values().map(Vec::len).sum();
    let device = device_of_id(tx, cmd.device).await?;
    Ok(AddFacts { now: tx.now(), device, ids: ids(tx, count)? })
}

/// The device that a button stands on, when the caller sees it, with all its buttons.
pub async fn device_of(tx: &Tx, button: ButtonId) -> Result<Option<Device>, DbErr> {
    match Entity::find_by_id(button).one(&tx.db).await? {
        Some(found) => device_of_id(tx, found.device_id).await,
        None => Ok(None),
    }
}

/// The buttons on a device, list by list, in the order of their positions.
pub async fn on_device(tx: &Tx, id: DeviceId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::DeviceId.eq(id))
        .order_by_asc(Column::Kind)
        .order_by_asc(Column::Position)
        .all(&tx.db)
        .await
}

/// The device; to users, their own profiles alone.
async fn device_of_id(tx: &Tx, id: DeviceId) -> Result<Option<Device>, DbErr> {
    if let Some(user) = tx.own()
        && profile_user::Entity::find_by_id((id, user)).one(&tx.db).await?.is_none()
    {
        return Ok(None);
    }
    Ok(device_facts(tx, id).await?.map(|(_, device)| device))
}

/// The device that buttons are put on or taken off, with its cluster, when the caller sees it, locked until the end.
pub(super) async fn device_facts(tx: &Tx, id: DeviceId) -> Result<Option<(ClusterId, Device)>, DbErr> {
    let Some(found) = device::locked(tx, id).await? else { return Ok(None) };
    let known = match found.kind {
        device_entity::Kind::Profile => profile::locked(tx, id).await?.map(|p| (p.protocol, p.version)),
        device_entity::Kind::Phone => phone::locked(tx, id).await?.map(|p| (p.protocol, p.version)),
        device_entity::Kind::Other => None,
    };
    let device = Device {
        id,
        protocol: known.map(|(protocol, _)| protocol),
        version: known.map_or(0, |(_, version)| version),
        on: On { organization_id: found.organization_id, kind: found.kind, name: found.name.clone() },
        buttons: on_device(tx, id).await?,
    };
    Ok(Some((found.cluster_id, device)))
}
