//! Default device profiles: what a phone model shows when somebody logs in whose profile is for another model,
//! `domain.md` 2.9. No lines and no speed dials.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    ClusterId, DefaultDeviceProfileId, Moment, OrganizationId,
    profile::{Protocol, Settings},
};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "default_device_profile")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DefaultDeviceProfileId,
    /// Unique with the product and the protocol.
    pub cluster_id: ClusterId,
    /// The cluster's organization, for the scope.
    pub organization_id: OrganizationId,
    pub product: String,
    pub protocol: Protocol,
    pub description: String,
    pub button_template: String,
    pub softkey_template: Option<String>,
    pub settings: Settings,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}
