//! What stands on a device's buttons besides its lines: four lists of positions (`domain.md` 2.4, BTN-*).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ButtonId, DeviceId, Moment};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "button")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ButtonId,
    pub device_id: DeviceId,
    pub kind: Kind,
    /// Position among the device's buttons of this kind, from 1 (BTN-2).
    pub position: i32,
    pub label: Option<String>,
    /// What a speed dial dials, or the number or SIP URI that a busy lamp field watches.
    pub destination: Option<String>,
    /// The number that a busy lamp field watches, or that a call park button parks at.
    pub pattern: Option<String>,
    /// The partition of `pattern`.
    pub partition: String,
    /// Whether a busy lamp field picks up the call that it shows (BLF-7).
    pub pickup: bool,
    /// The phone service of a service URL button.
    pub service: Option<String>,
    pub url: Option<String>,
    pub created_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// Which of a device's lists it is in.
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
pub enum Kind {
    SpeedDial,
    BusyLampField,
    CallPark,
    ServiceUrl,
}
