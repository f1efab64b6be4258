//! The device namespace: every name that a cluster knows, whatever it belongs to (NAM-2, NAM-3). A profile and a
//! phone have a row here with the same id; anything else has only this row.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClusterId, DeviceId, OrganizationId};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "device")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DeviceId,
    pub cluster_id: ClusterId,
    pub organization_id: OrganizationId,
    pub kind: Kind,
    pub name: String,
    /// `name` in lower case (NAM-7); unique on the cluster.
    pub name_key: String,
    pub description: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a device is.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    Profile,
    Phone,
    Other,
}
