//! Users, as far as extension mobility needs them (`domain.md` 2.6).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClusterId, DeviceId, Moment, OrganizationId, UserId};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub cluster_id: ClusterId,
    pub organization_id: OrganizationId,
    /// What the user types to log in; unique on the cluster.
    pub user_id: String,
    pub first_name: String,
    pub last_name: String,
    /// Last, first and display name in lower case, for sorting and search.
    pub name_key: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub department: Option<String>,
    pub user_locale: Option<String>,
    /// Own limit of a login in minutes; none takes the cluster's (SES-4).
    pub max_login_minutes: Option<i32>,
    pub cross_cluster: bool,
    pub home_cluster: bool,
    pub primary_pattern: Option<String>,
    pub primary_partition: Option<String>,
    /// One of the user's profiles (USR-8).
    pub default_profile_id: Option<DeviceId>,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}
