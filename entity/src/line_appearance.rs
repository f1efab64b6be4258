//! Lines on devices: the original and its clones (CLN-1), with the settings of `domain.md` 2.3.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    AppearanceId, DeviceId, LineId, Moment,
    json::json_column,
    profile::{Ring, Toggle},
};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "line_appearance")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AppearanceId,
    pub line_id: LineId,
    pub device_id: DeviceId,
    /// Position among the device's lines, from 1 (LIN-7).
    pub position: i32,
    pub role: Role,
    pub label: Option<String>,
    pub settings: Settings,
    /// Decides which clone is the oldest (CLN-2, CLN-6).
    pub created_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// Whether an appearance is the one that its line is changed through.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    Original,
    Clone,
}

/// How a waiting message is shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MessageLampPolicy {
    #[default]
    UseSystemPolicy,
    LightAndPrompt,
    PromptOnly,
    LightOnly,
    None,
}

/// Whether calls are recorded.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Recording {
    #[default]
    Disabled,
    Automatic,
    Selective,
}

/// Which end supplies the recording's media.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RecordingSource {
    #[default]
    GatewayPreferred,
    PhonePreferred,
}

/// What the partition of the number is used for.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PartitionUsage {
    #[default]
    General,
    Intercom,
}

/// Settings of one appearance; a change through the original reaches its clones (CLN-4).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Settings {
    pub display: Option<String>,
    pub ascii_display: Option<String>,
    pub external_mask: Option<String>,
    pub ring: Ring,
    pub consecutive_ring: Ring,
    pub ring_idle_pickup_alert: Ring,
    pub ring_active_pickup_alert: Ring,
    /// 1..=200.
    pub max_calls: i32,
    /// 1..=`max_calls` (LIN-12).
    pub busy_trigger: i32,
    pub message_lamp_policy: MessageLampPolicy,
    pub audible_message_waiting: Toggle,
    pub show_caller_name: bool,
    pub show_caller_number: bool,
    pub show_redirected_number: bool,
    pub show_dialed_number: bool,
    pub recording: Recording,
    pub recording_profile: Option<String>,
    pub recording_source: RecordingSource,
    pub monitoring_calling_search_space: Option<String>,
    pub log_missed_calls: bool,
    pub partition_usage: PartitionUsage,
    /// User ids shown as present on this appearance.
    pub associated_users: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            display: None,
            ascii_display: None,
            external_mask: None,
            ring: Ring::Ring,
            consecutive_ring: Ring::UseSystemDefault,
            ring_idle_pickup_alert: Ring::UseSystemDefault,
            ring_active_pickup_alert: Ring::UseSystemDefault,
            max_calls: 4,
            busy_trigger: 2,
            message_lamp_policy: MessageLampPolicy::UseSystemPolicy,
            audible_message_waiting: Toggle::Default,
            show_caller_name: true,
            show_caller_number: false,
            show_redirected_number: false,
            show_dialed_number: true,
            recording: Recording::Disabled,
            recording_profile: None,
            recording_source: RecordingSource::GatewayPreferred,
            monitoring_calling_search_space: None,
            log_missed_calls: true,
            partition_usage: PartitionUsage::General,
            associated_users: Vec::new(),
        }
    }
}

json_column!(Settings);
