//! Extension mobility profiles (Cisco: user device profiles), `domain.md` 2.1.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClusterId, DeviceId, Moment, OrganizationId, UserId, json::json_column};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "profile")]
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
    pub login_user_id: Option<UserId>,
    pub settings: Settings,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// How a phone talks to Unified CM.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Protocol {
    Sip,
    Sccp,
}

/// The side of the protocol that the device takes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProtocolSide {
    Network,
    #[default]
    User,
}

/// A setting that may be left to the system.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Toggle {
    Off,
    On,
    #[default]
    Default,
}

/// What a call of higher precedence does to one in progress.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Preemption {
    Disabled,
    Forceful,
    #[default]
    Default,
}

/// How one joins a call on a shared line with one button.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Barge {
    Off,
    Barge,
    Cbarge,
    #[default]
    Default,
}

/// What do-not-disturb does to a call.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DndOption {
    #[default]
    RingerOff,
    CallReject,
    UseCommonPhoneProfileSetting,
}

/// How a phone rings.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ring {
    #[default]
    UseSystemDefault,
    Disable,
    FlashOnly,
    RingOnce,
    Ring,
    BeepOnly,
}

/// A key expansion module.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AddOnModule {
    /// Position beside the phone, from 1.
    pub index: i32,
    pub model: String,
    /// Firmware load; none is the device default.
    pub load: Option<String>,
}

/// Everything of a profile that is neither looked up nor counted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Settings {
    pub protocol_side: ProtocolSide,
    pub user_locale: Option<String>,
    /// 0..=51.
    pub user_hold_moh_audio_source: Option<i32>,
    /// Hexadecimal, 0..=FFFFFF.
    pub mlpp_domain: Option<String>,
    pub mlpp_indication: MlppIndication,
    pub preemption: Preemption,
    pub privacy: Toggle,
    pub single_button_barge: Barge,
    pub join_across_lines: Toggle,
    pub always_use_prime_line: Toggle,
    pub always_use_prime_line_for_voice_message: Toggle,
    pub dnd_option: DndOption,
    pub dnd_ring: Option<Ring>,
    pub dnd_status: bool,
    pub ignore_presentation_indicators: bool,
    pub emcc_calling_search_space: Option<String>,
    pub feature_control_policy: Option<String>,
    pub add_on_modules: Vec<AddOnModule>,
    pub vendor_config: Option<String>,
}

json_column!(Settings);

/// Whether the phone shows the precedence of a call; off where nothing is said.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MlppIndication {
    #[default]
    Off,
    On,
    Default,
}
