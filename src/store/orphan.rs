//! Whether something is an orphan, which is asked of everybody's things and not of the caller's alone.

use entity::{line, line_appearance, number, profile_user, user};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};

use super::{Tx, organization, profile};
use crate::rule::{
    number::held_for,
    orphan::{CleanUp, Facts, Orphan},
};

/// What taking an orphan away must know.
pub async fn facts(tx: &Tx, cmd: &CleanUp) -> Result<Facts, DbErr> {
    let absent = Facts { name: None, is_used: false };
    match cmd.orphan {
        Orphan::Profile(id) => {
            let Some(found) = profile::locked(tx, id).await? else { return Ok(absent) };
            let users = profile_user::Entity::find().filter(profile_user::Column::ProfileId.eq(id));
            Ok(Facts { name: Some(found.name), is_used: users.count(&tx.db).await? > 0 })
        }
        Orphan::Line(id) => {
            let Some(found) = line::Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else {
                return Ok(absent);
            };
            if !organization::is_within(tx, found.organization_id).await? {
                return Ok(absent);
            }
            let standing =
                line_appearance::Entity::find().filter(line_appearance::Column::LineId.eq(id)).count(&tx.db);
            Ok(Facts { name: Some(found.pattern), is_used: standing.await? > 0 })
        }
        Orphan::Number(_) => {
            let Some(found) = number(tx, cmd).await? else { return Ok(absent) };
            let holder = match held_for(&found, tx.now()) {
                Some(user_id) => user::Entity::find()
                    .filter(user::Column::ClusterId.eq(found.cluster_id))
                    .filter(user::Column::UserId.eq(user_id))
                    .one(&tx.db)
                    .await?
                    .is_some(),
                // Kept for nobody, it is nobody's orphan.
                None => true,
            };
            Ok(Facts { name: Some(found.pattern), is_used: holder })
        }
    }
}

/// The number that a clean-up names, when the caller may change it.
pub async fn number(tx: &Tx, cmd: &CleanUp) -> Result<Option<number::Model>, DbErr> {
    let Orphan::Number(id) = cmd.orphan else { return Ok(None) };
    let Some(found) = number::Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else {
        return Ok(None);
    };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}
