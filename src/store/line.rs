//! Lines and their appearances: rows, relations, facts.

use std::collections::{BTreeMap, HashMap};

use entity::{
    AppearanceId, ClusterId, DeviceId, LineId, Moment, OrganizationId, device as device_entity,
    line::{Column, Entity, Model, Settings},
    line_appearance::{self, Role},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    Source, Tx, cluster, device, number, organization,
    page::{Order, Relation},
    phone, profile,
    row::row,
    sql::Sql,
};
use crate::{
    caller::Scope,
    rule::{
        change::On,
        line::{
            Add, AddFacts, ChangeFacts, ChangeSettings, Create, CreateFacts, Delete, DeleteFacts, Device,
            Lay, NewLine, NewLineFacts, Placed, Reference, Remove, RemoveFacts, Replace, Target, Update,
            UpdateFacts,
        },
    },
};

row! {
    /// A line.
    Row of "line", Model, always ["id"] {
        id: LineId,
        cluster_id: ClusterId,
        organization_id: OrganizationId,
        pattern: String,
        partition: String,
        description: String,
        settings: Settings,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
    }

    const ORDERED_AT_ORGANIZATION: &'static [&'static str] = &["t.pattern"];
}

row! {
    /// An appearance of a line.
    AppearanceRow of "line_appearance", line_appearance::Model, always ["id", "line_id"] {
        id: AppearanceId,
        line_id: LineId,
        device_id: DeviceId,
        position: i32,
        role: Role,
        label: Option<String>,
        settings: line_appearance::Settings,
        created_at: Moment,
    }
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        if let Scope::Below(_) = scope {
            sql.push(" AND ").push(alias).push(".device_id IN (SELECT id FROM device WHERE 1 = 1");
            sql.within("organization_id", scope).push(")");
        }
    }
}

/// By number.
pub const BY_PATTERN: Order = Order { column: "t.pattern", number: false, descending: false };

const BELOW: Relation =
    Relation { name: "", join: "", parent: "t.organization_id", order: BY_PATTERN, only: "", seen: false };

/// The lines kept at an organization.
pub const OF_ORGANIZATION: Relation = Relation { name: "lines of organization", ..BELOW };

/// The lines on a cluster.
pub const OF_CLUSTER: Relation = Relation { name: "lines of cluster", parent: "t.cluster_id", ..BELOW };

/// The lines on a device, in the order of their places.
pub const OF_DEVICE: Relation = Relation {
    name: "appearances of device",
    join: "",
    parent: "t.device_id",
    order: Order { column: "t.position", number: true, descending: false },
    only: "",
    seen: true,
};

/// The line of a number of the inventory.
pub const OF_NUMBER: Relation = Relation {
    name: "line of number",
    join: " JOIN number n ON n.cluster_id = t.cluster_id AND n.pattern = t.pattern AND n.partition = t.partition",
    parent: "n.id",
    ..BELOW
};

/// Where a number of the inventory stands, oldest first.
pub const APPEARANCES_OF_NUMBER: Relation = Relation {
    name: "appearances of number",
    join: " JOIN line l ON l.id = t.line_id JOIN number n ON n.cluster_id = l.cluster_id AND n.pattern = l.pattern \
           AND n.partition = l.partition",
    parent: "n.id",
    ..OF_LINE
};

/// The lines on the profiles and phones of a user.
pub const OF_USER: Relation = Relation {
    name: "appearances of user",
    join: " JOIN (SELECT profile_id AS device_id, user_id AS holder FROM profile_user UNION SELECT phone_id, user_id \
           FROM user_phone UNION SELECT id, owner_id FROM phone WHERE owner_id IS NOT NULL) h ON h.device_id = t.device_id",
    parent: "h.holder",
    ..OF_LINE
};

const BY_AGE: Order = Order { column: "t.created_at", number: true, descending: false };

/// Every appearance of a line, oldest first.
pub const OF_LINE: Relation = Relation {
    name: "appearances of line",
    join: "",
    parent: "t.line_id",
    order: BY_AGE,
    only: "",
    seen: false,
};

/// The clones of a line, oldest first.
pub const CLONES_OF_LINE: Relation =
    Relation { name: "clones of line", only: " AND t.role = 'CLONE'", ..OF_LINE };

/// The original of a line.
pub const ORIGINAL_OF_LINE: Relation =
    Relation { name: "original of line", only: " AND t.role = 'ORIGINAL'", ..OF_LINE };

/// Where a line stands, as far as it is seen: appearance, device and the device's kind, oldest first.
pub async fn seen_on(
    source: &impl Source,
    scope: Scope,
    line: i64,
) -> Result<Vec<(i64, i64, device_entity::Kind)>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT t.id, t.device_id, d.kind FROM line_appearance t JOIN device d ON d.id = t.device_id");
    sql.push(" WHERE t.line_id = ").bind(line).within("d.organization_id", scope);
    sql.push(" ORDER BY t.created_at, t.id");
    let rows = source.rows(sql.statement()).await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?)))
        .collect()
}

/// How many appearances each of the lines has, seen or not; one without any is left out.
pub async fn standing(source: &impl Source, lines: &[i64]) -> Result<HashMap<i64, i64>, DbErr> {
    if lines.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT line_id, count(*) FROM line_appearance WHERE ").among("line_id", lines.iter().copied());
    sql.push(" GROUP BY line_id");
    let rows = source.rows(sql.statement()).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// What creating a line must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let place = cluster::place(tx, cmd.organization, cmd.cluster).await?;
    let taken = match place.seen() {
        Some(cluster) => by_number(tx, cluster, &cmd.pattern, &cmd.partition).await?.is_some(),
        None => false,
    };
    Ok(CreateFacts { id: LineId(tx.id()?), now: tx.now(), place, taken })
}

/// What updating a line must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    let none = UpdateFacts { now: tx.now(), current: None, through: None, original: None };
    let (line, through) = match cmd.target {
        Target::Line(id) => (id, None),
        Target::Appearance(id) => match appearance(tx, id).await? {
            Some(placed) if placed.visible => (placed.appearance.line_id, Some(placed)),
            _ => return Ok(none),
        },
    };
    let current = locked(tx, line).await?;
    let original =
        all_of(tx, line).await?.into_iter().find(|placed| placed.appearance.role == Role::Original);
    Ok(UpdateFacts { current, through, original, ..none })
}

/// What deleting a line must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<DeleteFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let appearances = if current.is_some() { all_of(tx, cmd.id).await? } else { Vec::new() };
    Ok(DeleteFacts { current, appearances })
}

/// What putting a line on a device must know.
pub async fn add_facts(tx: &Tx, cmd: &Add) -> Result<AddFacts, DbErr> {
    let device = device_facts(tx, cmd.device).await?;
    let lines = match &device {
        Some(device) => {
            let place = (device.on.organization_id, Some(device.cluster_id));
            new_line_facts(tx, place, std::slice::from_ref(&cmd.line)).await?
        }
        None => Vec::new(),
    };
    Ok(AddFacts { now: tx.now(), device, lines, standing: BTreeMap::new() })
}

/// What replacing a device's lines must know.
pub async fn replace_facts(tx: &Tx, cmd: &Replace) -> Result<AddFacts, DbErr> {
    let device = device_facts(tx, cmd.device).await?;
    let mut facts = AddFacts { now: tx.now(), device: None, lines: Vec::new(), standing: BTreeMap::new() };
    if let Some(device) = device {
        facts.lines =
            new_line_facts(tx, (device.on.organization_id, Some(device.cluster_id)), &cmd.lines).await?;
        for appearance in &device.appearances {
            locked_any(tx, appearance.line_id).await?;
            facts.standing.insert(appearance.line_id, all_of(tx, appearance.line_id).await?);
        }
        facts.device = Some(device);
    }
    Ok(facts)
}

/// What laying out an appearance must know.
pub async fn lay_facts(tx: &Tx, cmd: &Lay) -> Result<Option<Device>, DbErr> {
    match appearance(tx, cmd.appearance).await? {
        Some(placed) if placed.visible => device_facts(tx, placed.appearance.device_id).await,
        _ => Ok(None),
    }
}

/// What changing a line through its original must know.
pub async fn change_facts(tx: &Tx, cmd: &ChangeSettings) -> Result<ChangeFacts, DbErr> {
    let mut facts = ChangeFacts { now: tx.now(), line: None, devices: BTreeMap::new() };
    let Some(through) = appearance(tx, cmd.appearance).await?.filter(|placed| placed.visible) else {
        return Ok(facts);
    };
    let Some(line) = locked(tx, through.appearance.line_id).await? else { return Ok(facts) };
    let all = all_of(tx, line.id).await?;
    if cmd.settings.has("max_calls") {
        facts.devices = calls_beside(tx, line.id, &all).await?;
    }
    facts.line = Some((line, all));
    Ok(facts)
}

/// What taking a line off a device must know.
pub async fn remove_facts(tx: &Tx, cmd: &Remove) -> Result<RemoveFacts, DbErr> {
    let none = RemoveFacts { device_version: 0, appearances: None };
    let Some(placed) = appearance(tx, cmd.appearance).await?.filter(|placed| placed.visible) else {
        return Ok(none);
    };
    let Some(device) = device_facts(tx, placed.appearance.device_id).await? else { return Ok(none) };
    locked_any(tx, placed.appearance.line_id).await?;
    let all = all_of(tx, placed.appearance.line_id).await?;
    Ok(RemoveFacts { device_version: device.version, appearances: Some(all) })
}

/// What is known of lines that are to be put on a device of the organization and cluster, none where that is not seen.
pub async fn new_line_facts(
    tx: &Tx,
    (organization, cluster): (OrganizationId, Option<ClusterId>),
    lines: &[NewLine],
) -> Result<Vec<NewLineFacts>, DbErr> {
    if let Some(cluster) = cluster.filter(|_| !lines.is_empty()) {
        number::await_turn(tx, cluster, number::Turn::Lines).await?;
    }
    let mut facts = Vec::with_capacity(lines.len());
    for new in lines {
        let found = match &new.line {
            Reference::Line(id) => Entity::find_by_id(*id).one(&tx.db).await?,
            Reference::Number { pattern, partition } => match cluster {
                Some(cluster) => by_number(tx, cluster, pattern, partition).await?,
                None => None,
            },
        };
        let (mut line, mut hidden, mut original) = (None, false, None);
        if let Some(found) = found {
            if organization::is_within(tx, found.organization_id).await? {
                // Read again under the lock: somebody may have changed it since.
                line = locked_any(tx, found.id).await?;
                original = original_of(tx, found.id).await?;
            } else {
                hidden = true;
            }
        }
        // Behind the line, as whoever takes a line off a device locks them in this order.
        let number = match (&line, &new.line, cluster) {
            (Some(line), ..) => {
                let place = (line.cluster_id, line.pattern.as_str(), line.partition.as_str());
                number::known(tx, organization, place, new.inventory).await?
            }
            (None, Reference::Number { pattern, partition }, Some(cluster)) => {
                number::known(tx, organization, (cluster, pattern, partition), new.inventory).await?
            }
            (None, ..) => number::unknown(),
        };
        facts.push(NewLineFacts {
            line,
            hidden,
            original,
            number,
            line_id: LineId(tx.id()?),
            appearance_id: AppearanceId(tx.id()?),
        });
    }
    Ok(facts)
}

/// Each line on the device, with all its appearances.
pub async fn on_device_with_all(tx: &Tx, id: DeviceId) -> Result<Vec<(Placed, Vec<Placed>)>, DbErr> {
    let Some(device) = device_facts(tx, id).await? else { return Ok(Vec::new()) };
    let mut lines = Vec::with_capacity(device.appearances.len());
    for appearance in device.appearances {
        locked_any(tx, appearance.line_id).await?;
        let all = all_of(tx, appearance.line_id).await?;
        lines.push((Placed { appearance, on: device.on.clone(), visible: true }, all));
    }
    Ok(lines)
}

/// The lines on a device, in the order of their places, each with its line.
pub async fn on_device(tx: &Tx, id: DeviceId) -> Result<Vec<(line_appearance::Model, Option<Model>)>, DbErr> {
    let appearances = line_appearance::Entity::find()
        .filter(line_appearance::Column::DeviceId.eq(id))
        .order_by_asc(line_appearance::Column::Position)
        .all(&tx.db)
        .await?;
    let ids = appearances.iter().map(|appearance| appearance.line_id);
    let lines = Entity::find().filter(Column::Id.is_in(ids)).all(&tx.db).await?;
    let lines: HashMap<_, _> = lines.into_iter().map(|line| (line.id, line)).collect();
    Ok(appearances
        .into_iter()
        .map(|appearance| {
            let line = lines.get(&appearance.line_id).cloned();
            (appearance, line)
        })
        .collect())
}

/// The device that lines are put on or taken off, when the caller sees it, locked until the end.
async fn device_facts(tx: &Tx, id: DeviceId) -> Result<Option<Device>, DbErr> {
    let Some(found) = device::locked(tx, id).await? else { return Ok(None) };
    let (product, version) = match found.kind {
        device_entity::Kind::Profile => {
            profile::locked(tx, id).await?.map_or((None, 0), |p| (Some(p.product), p.version))
        }
        device_entity::Kind::Phone => {
            phone::locked(tx, id).await?.map_or((None, 0), |p| (Some(p.product), p.version))
        }
        device_entity::Kind::Other => (None, 0),
    };
    let appearances = line_appearance::Entity::find()
        .filter(line_appearance::Column::DeviceId.eq(id))
        .order_by_asc(line_appearance::Column::Position)
        .all(&tx.db)
        .await?;
    Ok(Some(Device {
        id,
        cluster_id: found.cluster_id,
        product,
        version,
        on: On { organization_id: found.organization_id, kind: found.kind, name: found.name },
        appearances,
        users: number::users_of_device(tx, id).await?,
    }))
}

/// The line, when the caller sees it, locked against others until the end of the transaction.
async fn locked(tx: &Tx, id: LineId) -> Result<Option<Model>, DbErr> {
    let Some(found) = locked_any(tx, id).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

async fn locked_any(tx: &Tx, id: LineId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).lock_exclusive().one(&tx.db).await
}

async fn by_number(
    tx: &Tx,
    cluster: ClusterId,
    pattern: &str,
    partition: &str,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::ClusterId.eq(cluster))
        .filter(Column::Pattern.eq(pattern))
        .filter(Column::Partition.eq(partition))
        .one(&tx.db)
        .await
}

async fn original_of(tx: &Tx, line: LineId) -> Result<Option<Placed>, DbErr> {
    let found = line_appearance::Entity::find()
        .filter(line_appearance::Column::LineId.eq(line))
        .filter(line_appearance::Column::Role.eq(Role::Original))
        .all(&tx.db)
        .await?;
    Ok(if found.is_empty() { None } else { placed(tx, found).await?.pop() })
}

async fn appearance(tx: &Tx, id: AppearanceId) -> Result<Option<Placed>, DbErr> {
    let found = line_appearance::Entity::find_by_id(id).all(&tx.db).await?;
    Ok(placed(tx, found).await?.pop())
}

/// Every appearance of the line, oldest first.
async fn all_of(tx: &Tx, line: LineId) -> Result<Vec<Placed>, DbErr> {
    let found = line_appearance::Entity::find()
        .filter(line_appearance::Column::LineId.eq(line))
        .order_by_asc(line_appearance::Column::CreatedAt)
        .order_by_asc(line_appearance::Column::Id)
        .all(&tx.db)
        .await?;
    placed(tx, found).await
}

/// The appearances with their devices, in two statements whatever their number.
async fn placed(tx: &Tx, appearances: Vec<line_appearance::Model>) -> Result<Vec<Placed>, DbErr> {
    let ids = appearances.iter().map(|appearance| appearance.device_id);
    let devices =
        device_entity::Entity::find().filter(device_entity::Column::Id.is_in(ids)).all(&tx.db).await?;
    let seen = match tx.scope() {
        Scope::All => None,
        Scope::Below(top) => Some(organization::all_within(tx, top).await?),
    };
    let devices: HashMap<_, _> = devices.into_iter().map(|device| (device.id, device)).collect();
    Ok(appearances
        .into_iter()
        .filter_map(|appearance| {
            let device = devices.get(&appearance.device_id)?;
            let visible = seen.as_ref().is_none_or(|seen| seen.contains(&device.organization_id));
            let on =
                On { organization_id: device.organization_id, kind: device.kind, name: device.name.clone() };
            Some(Placed { appearance, on, visible })
        })
        .collect())
}

/// For each device that the line stands on: its product, and the calls that its other lines hold together.
async fn calls_beside(
    tx: &Tx,
    line: LineId,
    all: &[Placed],
) -> Result<BTreeMap<DeviceId, (Option<String>, i64)>, DbErr> {
    let ids: Vec<_> = all.iter().map(|placed| placed.appearance.device_id.0).collect();
    let mut devices = BTreeMap::new();
    for table in ["profile", "phone"] {
        let mut sql = Sql::new(tx.backend());
        sql.push("SELECT id, product FROM ").push(table).push(" WHERE ").among("id", ids.iter().copied());
        for row in tx.rows(sql.statement()).await? {
            devices.insert(row.try_get_by_index(0)?, (Some(row.try_get_by_index(1)?), 0));
        }
    }
    let beside = line_appearance::Entity::find()
        .filter(line_appearance::Column::DeviceId.is_in(ids))
        .filter(line_appearance::Column::LineId.ne(line))
        .all(&tx.db)
        .await?;
    for appearance in beside {
        if let Some((_, calls)) = devices.get_mut(&appearance.device_id) {
            *calls += i64::from(appearance.settings.max_calls);
        }
    }
    Ok(devices)
}
