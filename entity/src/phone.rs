//! Phones, as far as extension mobility needs them (`domain.md` 2.7).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClusterId, DeviceId, Moment, OrganizationId, UserId, profile::Protocol};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "phone")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeviceId,
    pub cluster_id: ClusterId,
    pub organization_id: OrganizationId,
    pub name: String,
    /// `name` in lower case, for sorting and look-up.
    pub name_key: String,
    pub description: String,
    pub product: String,
    pub protocol: Protocol,
    pub button_template: String,
    pub softkey_template: Option<String>,
    /// Whether people may log in on it.
    pub extension_mobility: bool,
    /// What it shows while nobody is logged in; none is its own settings (SES-14).
    pub logout_profile_id: Option<DeviceId>,
    pub owner_id: Option<UserId>,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}
