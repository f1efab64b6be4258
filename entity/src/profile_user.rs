//! Which users a profile serves, in order; the first is significant (FLT-1, USR-1, USR-2).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{DeviceId, UserId};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "profile_user")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub profile_id: DeviceId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// From 1, without gaps.
    pub position: i32,
}

impl ActiveModelBehavior for ActiveModel {}
