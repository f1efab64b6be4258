//! The phones that a user controls (Cisco: associated devices).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, UserId};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "user_phone")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub phone_id: DeviceId,
}

impl ActiveModelBehavior for ActiveModel {}
