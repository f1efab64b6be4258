//! Bearer tokens: who may do what, where. The secret itself is not kept, only its hash.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Moment, OrganizationId, RoleId, TokenId, UserId, role, user};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "token")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TokenId,
    pub name: String,
    /// SHA-256 of the secret, in hexadecimal.
    pub hash: String,
    pub role: Role,
    /// A role that was composed, which counts instead.
    pub role_id: Option<RoleId>,
    /// Whose subtree it sees; none is everything.
    pub organization_id: Option<OrganizationId>,
    /// The user whose own page it shows, which counts instead: it is for self-service.
    pub user_id: Option<UserId>,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    pub revoked_at: Option<Moment>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Related<role::Entity> for Entity {
    fn to() -> RelationDef {
        Self::belongs_to(role::Entity).from(Column::RoleId).to(role::Column::Id).into()
    }
}

impl Related<user::Entity> for Entity {
    fn to() -> RelationDef {
        Self::belongs_to(user::Entity).from(Column::UserId).to(user::Column::Id).into()
    }
}

/// What the holder of a token may do.
#[derive(
    Clone,
    Copy,
    Debug,
    DeriveActiveEnum,
    Deserialize,
    EnumIter,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    /// Sees the own page and changes the own speed dials. It is kept as the user and never as a role.
    SelfService,
    Viewer,
    Operator,
    Admin,
}
