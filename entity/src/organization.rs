//! The organization tree: PROVIDER > RESELLER > CUSTOMER > INTERMEDIATE > SITE (HIE-1).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Moment, OrganizationId, json::json_column};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "organization")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: OrganizationId,
    pub parent_id: Option<OrganizationId>,
    pub kind: Kind,
    pub name: String,
    /// Names from the root down, joined by dots (HIE-6).
    pub path: String,
    /// `path` in lower case; unique.
    pub path_key: String,
    /// Days for which a freed number cools (INV-10): 0 is not at all, none is as the organization above says.
    #[serde(default)]
    pub cooling_days: Option<i32>,
    /// Most profiles that one user may have (USR-11); none is as the organization above says.
    #[serde(default)]
    pub max_profiles_per_user: Option<i32>,
    /// Whether the number inventory takes new entries (INV-12); none is as the organization above says.
    #[serde(default)]
    pub number_management: Option<bool>,
    /// Whether a number that a customer keeps is kept at none of its sites (INV-4); none is as the one above says.
    #[serde(default)]
    pub unique_numbers: Option<bool>,
    /// What becomes of lines that a device leaves behind (DEL-5); none is as the organization above says.
    #[serde(default)]
    pub line_delete_preferences: Option<LinePreferences>,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a node of the tree is.
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
    Provider,
    Reseller,
    Customer,
    Intermediate,
    Site,
}

/// What becomes of a line that is taken off a device, or whose device is deleted (DEL-5).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct LinePreferences {
    /// Whether a line that stands nowhere else is deleted.
    pub delete_unused: bool,
    /// What the others get that do not stand on devices of the same user alone.
    pub template: Option<LineTemplate>,
}

json_column!(LinePreferences);

/// Values that a line gets.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct LineTemplate {
    pub description: Option<String>,
    /// The settings of the line that are set, by their names; the others stay.
    pub settings: serde_json::Map<String, serde_json::Value>,
}
