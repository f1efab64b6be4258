//! Unified CM clusters: the namespace of device names and of lines.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClusterId, Moment, OrganizationId};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "cluster")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ClusterId,
    pub organization_id: OrganizationId,
    pub name: String,
    /// `name` in lower case; unique in the organization.
    pub name_key: String,
    pub description: String,
    /// The Unified CM release, such as `14.0`.
    pub release: Option<String>,
    pub multiple_login: MultipleLogin,
    /// Minutes after which a login ends; none is for ever (SES-4).
    pub max_login_minutes: Option<i32>,
    /// Logins and logouts that it takes at once; none takes any number (SES-6).
    pub max_concurrent_logins: Option<i32>,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// What happens at a second login of one user (SES-2).
#[derive(
    Clone, Copy, Debug, Default, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MultipleLogin {
    Allowed,
    #[default]
    NotAllowed,
    AutoLogout,
}
