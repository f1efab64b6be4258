//! Who is logged in where (Cisco: `extensionmobilitydynamic`), `domain.md` 2.8. The device-wide settings are a copy
//! made at login (SES-12).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    ClusterId, DefaultDeviceProfileId, DeviceId, Moment, OrganizationId, SessionId, UserId, profile::Settings,
};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    /// The phone's.
    pub cluster_id: ClusterId,
    /// The phone's, for the scope: who sees the phone sees who is logged in there.
    pub organization_id: OrganizationId,
    /// Unique: one user per phone at a time (SES-3).
    pub phone_id: DeviceId,
    pub user_id: UserId,
    /// None where the user has no profile and a default device profile fits (USR-6).
    pub profile_id: Option<DeviceId>,
    /// What gave the templates on a phone of another model (SES-11). No reference: the copy outlives it.
    pub default_device_profile_id: Option<DefaultDeviceProfileId>,
    pub logged_in_at: Moment,
    /// None is until somebody logs out.
    pub expires_at: Option<Moment>,
    /// Whether the profile is for another product or protocol than the phone's.
    pub model_mismatch: bool,
    /// The profile's version at login.
    pub profile_version: Option<i64>,
    pub button_template: String,
    pub softkey_template: Option<String>,
    pub settings: Settings,
}

impl ActiveModelBehavior for ActiveModel {}

/// Why a session ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum End {
    Administrator,
    Forced,
    AutoLogout,
    Expired,
    Relogin,
    ProfileChanged,
    ProfileDeleted,
    PhoneChanged,
    PhoneDeleted,
    UserDisassociated,
    UserDeleted,
}
