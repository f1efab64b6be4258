//! What the preferences of organizations must know of lines that are taken off devices (DEL-5, DEL-6).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    AppearanceId, DeviceId, LineId, OrganizationId, UserId,
    line::{Column, Entity},
    organization::LinePreferences,
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{Source, Tx, organization, sql::Sql};
use crate::rule::{Change, line_preference::Leaving};

/// What the changes take off devices.
#[derive(Default)]
struct Taken {
    appearances: BTreeSet<AppearanceId>,
    /// The devices that it leaves, with where the first one is kept.
    devices: BTreeSet<DeviceId>,
    organization: Option<OrganizationId>,
}

/// The lines that the changes take off devices where an organization says what becomes of them; those that the caller
/// does not see stay as they are.
pub async fn leaving(tx: &Tx, changes: &[Change]) -> Result<Vec<Leaving>, DbErr> {
    let mut taken: BTreeMap<LineId, Taken> = BTreeMap::new();
    let (mut deleted, mut put, mut updated) = (BTreeSet::new(), Vec::new(), HashMap::new());
    for change in changes {
        match change {
            Change::AppearanceRemoved { on, appearance } => {
                let line = taken.entry(appearance.line_id).or_default();
                line.appearances.insert(appearance.id);
                line.devices.insert(appearance.device_id);
                line.organization.get_or_insert(on.organization_id);
            }
            Change::AppearanceAdded { appearance, .. } => {
                put.push((appearance.line_id, appearance.device_id));
            }
            Change::LineUpdated { after, .. } => {
                updated.insert(after.id, after.clone());
            }
            Change::LineDeleted { line } => {
                deleted.insert(line.id);
            }
            _ => {}
        }
    }
    taken.retain(|line, _| !deleted.contains(line));
    let mut said = HashMap::new();
    for organization in taken.values().filter_map(|taken| taken.organization) {
        if let std::collections::hash_map::Entry::Vacant(place) = said.entry(organization) {
            place.insert(preferences(tx, organization).await?);
        }
    }
    let wanted = |taken: &Taken| {
        let said = taken.organization.and_then(|organization| said.get(&organization)?.clone());
        said.filter(|said| said.delete_unused || said.template.is_some())
    };
    let lines: Vec<_> =
        taken.iter().filter(|(_, taken)| wanted(taken).is_some()).map(|(id, _)| *id).collect();
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let found = Entity::find()
        .filter(Column::Id.is_in(lines))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(&tx.db)
        .await?;
    let standing = standing(tx, found.iter().map(|line| line.id.0)).await?;
    let devices = standing.values().flatten().map(|(_, device)| *device);
    let devices: BTreeSet<_> = devices.chain(put.iter().map(|(_, device)| *device)).collect();
    let users = users(tx, &devices).await?;
    let of = |device: &DeviceId| users.get(device).cloned().unwrap_or_default();
    let mut leaving = Vec::new();
    for line in found {
        let Some(taken) = taken.get(&line.id) else { continue };
        let Some(preferences) = wanted(taken) else { continue };
        if !organization::is_within(tx, line.organization_id).await? {
            continue;
        }
        let stays = standing.get(&line.id).into_iter().flatten();
        let stays = stays.filter(|(appearance, _)| !taken.appearances.contains(appearance));
        let others = stays.map(|(_, device)| of(device));
        let put = put.iter().filter(|(on, _)| *on == line.id).map(|(_, device)| of(device));
        leaving.push(Leaving {
            users: taken.devices.iter().flat_map(of).collect(),
            others: others.chain(put).collect(),
            preferences,
            line: updated.get(&line.id).cloned().unwrap_or(line),
        });
    }
    Ok(leaving)
}

/// What the organization says, or the nearest one above it that says anything.
async fn preferences(tx: &Tx, organization: OrganizationId) -> Result<Option<LinePreferences>, DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT o.line_delete_preferences FROM organization_closure c JOIN organization o ON o.id = c.ancestor_id ");
    sql.push("WHERE o.line_delete_preferences IS NOT NULL AND c.descendant_id = ").bind(organization);
    sql.push(" ORDER BY length(o.path) DESC LIMIT 1");
    tx.rows(sql.statement()).await?.first().map(|row| row.try_get_by_index(0)).transpose()
}

/// Where each line stands.
async fn standing(
    tx: &Tx,
    lines: impl Iterator<Item = i64>,
) -> Result<HashMap<LineId, Vec<(AppearanceId, DeviceId)>>, DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT line_id, id, device_id FROM line_appearance WHERE ").among("line_id", lines);
    let mut standing: HashMap<_, Vec<_>> = HashMap::new();
    for row in tx.rows(sql.statement()).await? {
        let place = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        standing.entry(row.try_get_by_index(0)?).or_default().push(place);
    }
    Ok(standing)
}

/// The users of devices: a profile's, by association (DEL-6), and a phone's owner.
async fn users(tx: &Tx, devices: &BTreeSet<DeviceId>) -> Result<HashMap<DeviceId, BTreeSet<UserId>>, DbErr> {
    let ids = || devices.iter().map(|device| device.0);
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT profile_id, user_id FROM profile_user WHERE ").among("profile_id", ids());
    sql.push(" UNION ALL SELECT id, owner_id FROM phone WHERE owner_id IS NOT NULL AND ").among("id", ids());
    let mut users: HashMap<_, BTreeSet<_>> = HashMap::new();
    for row in tx.rows(sql.statement()).await? {
        users.entry(row.try_get_by_index(0)?).or_default().insert(row.try_get_by_index(1)?);
    }
    Ok(users)
}
