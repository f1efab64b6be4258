//! The number inventory: what is known of a number on a cluster besides its line, `domain.md` section 5.

use std::collections::BTreeMap;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClusterId, Moment, NumberId, OrganizationId, json::json_column};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "number")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: NumberId,
    pub cluster_id: ClusterId,
    pub organization_id: OrganizationId,
    pub pattern: String,
    /// The route partition; empty is `<None>`, as a line's.
    pub partition: String,
    pub status: Status,
    /// What uses it besides devices; it is on a device exactly while its status is `Used`.
    pub utility: Option<Utility>,
    /// The same number as the outside world dials it.
    pub e164_number: Option<String>,
    pub description: String,
    pub extra: Extra,
    /// User id of whom it is kept for, who need not exist (RSV-1, RSV-3).
    pub reserved_for: Option<String>,
    /// When that ends by itself; none is never.
    pub reserved_until: Option<Moment>,
    /// When it is free again, while it cools.
    pub cooling_until: Option<Moment>,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// Whether a number can be given out.
#[derive(
    Clone, Copy, Debug, Default, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    #[default]
    Available,
    Used,
    UsedUtility,
    Reserved,
    Cooling,
}

/// What uses a number that is no device.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Utility {
    HuntPilot,
    PickupGroupPilot,
    CallHandlerPilot,
    VoicemailPilot,
    MeetMe,
    CtiRoutePoint,
    CallPark,
    DirectedCallPark,
}

/// Free fields, by name.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Extra(pub BTreeMap<String, String>);

json_column!(Extra);
