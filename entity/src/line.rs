//! Lines (directory numbers) with the settings that all their appearances share, `domain.md` 2.2.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClusterId, LineId, Moment, OrganizationId, json::json_column};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LineId,
    pub cluster_id: ClusterId,
    pub organization_id: OrganizationId,
    pub pattern: String,
    /// The route partition; empty is `<None>`, so that the unique index holds there too.
    pub partition: String,
    pub description: String,
    pub settings: Settings,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// How a call is answered without a hand.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AutoAnswer {
    #[default]
    Off,
    Headset,
    Speakerphone,
}

/// Which calling search space activates call forward all.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CfaCssPolicy {
    #[default]
    UseSystemDefault,
    WithConfiguredCss,
    WithActivatingDeviceLineCss,
}

/// MLPP precedence of a pattern.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Precedence {
    ExecutiveOverride,
    FlashOverride,
    Flash,
    Immediate,
    Priority,
    Routine,
    #[default]
    Default,
}

/// Where calls go in one situation.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Forward {
    pub to_voice_mail: bool,
    pub destination: Option<String>,
    pub calling_search_space: Option<String>,
    pub secondary_calling_search_space: Option<String>,
    /// Seconds of ringing, for the no-answer and alternate-party forwards.
    pub duration_seconds: Option<i32>,
}

/// A URI by which the line can be called.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DirectoryUri {
    pub uri: String,
    pub partition: Option<String>,
    pub primary: bool,
}

/// A second number of the line, for other clusters.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct AlternateNumber {
    pub mask: Option<String>,
    pub partition: Option<String>,
    pub urgent: bool,
    pub advertise: bool,
}

/// DN-level settings: one value for every appearance.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Settings {
    pub alerting_name: Option<String>,
    pub ascii_alerting_name: Option<String>,
    pub calling_search_space: Option<String>,
    pub presence_group: Option<String>,
    pub voice_mail_profile: Option<String>,
    pub call_pickup_group: Option<String>,
    pub forward_all: Option<Forward>,
    pub forward_busy: Option<Forward>,
    pub forward_busy_internal: Option<Forward>,
    pub forward_no_answer: Option<Forward>,
    pub forward_no_answer_internal: Option<Forward>,
    pub forward_no_coverage: Option<Forward>,
    pub forward_no_coverage_internal: Option<Forward>,
    pub forward_on_failure: Option<Forward>,
    pub forward_not_registered: Option<Forward>,
    pub forward_not_registered_internal: Option<Forward>,
    pub alternate_party: Option<Forward>,
    pub auto_answer: AutoAnswer,
    /// 0..=51; 0 is none.
    pub network_hold_moh_audio_source: Option<i32>,
    /// 0..=51; 0 is none.
    pub user_hold_moh_audio_source: Option<i32>,
    pub cfa_css_policy: CfaCssPolicy,
    pub directory_uris: Vec<DirectoryUri>,
    pub enterprise_alternate_number: Option<AlternateNumber>,
    pub e164_alternate_number: Option<AlternateNumber>,
    pub park_monitor_forward: Option<Forward>,
    /// Seconds before a parked call comes back.
    pub park_monitor_reversion_seconds: Option<i32>,
    /// Seconds before a held call rings again.
    pub hold_reversion_seconds: Option<i32>,
    /// Seconds between two such rings.
    pub hold_reversion_interval_seconds: Option<i32>,
    pub aar_destination_mask: Option<String>,
    pub aar_group: Option<String>,
    pub aar_voice_mail: bool,
    pub pattern_precedence: Precedence,
    pub reject_anonymous_calls: bool,
    pub allow_cti_control: bool,
    pub active: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            alerting_name: None,
            ascii_alerting_name: None,
            calling_search_space: None,
            presence_group: None,
            voice_mail_profile: None,
            call_pickup_group: None,
            forward_all: None,
            forward_busy: None,
            forward_busy_internal: None,
            forward_no_answer: None,
            forward_no_answer_internal: None,
            forward_no_coverage: None,
            forward_no_coverage_internal: None,
            forward_on_failure: None,
            forward_not_registered: None,
            forward_not_registered_internal: None,
            alternate_party: None,
            auto_answer: AutoAnswer::Off,
            network_hold_moh_audio_source: None,
            user_hold_moh_audio_source: None,
            cfa_css_policy: CfaCssPolicy::UseSystemDefault,
            directory_uris: Vec::new(),
            enterprise_alternate_number: None,
            e164_alternate_number: None,
            park_monitor_forward: None,
            park_monitor_reversion_seconds: None,
            hold_reversion_seconds: None,
            hold_reversion_interval_seconds: None,
            aar_destination_mask: None,
            aar_group: None,
            aar_voice_mail: false,
            pattern_precedence: Precedence::Default,
            reject_anonymous_calls: false,
            allow_cti_control: true,
            active: true,
        }
    }
}

json_column!(Settings);
