//! Bearer tokens: who may do what, where. The secret itself is not kept, only its hash.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Moment, OrganizationId, RoleId, TokenId};

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
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    pub revoked_at: Option<Moment>,
}

impl ActiveModelBehavior for ActiveModel {}

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
    Viewer,
    Operator,
    Admin,
}
