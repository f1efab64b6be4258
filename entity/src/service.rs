//! The IP phone services of clusters, with their parameters (`domain.md` 2.5).

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClusterId, Moment, OrganizationId, ServiceId, json::json_column};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "service")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ServiceId,
    pub cluster_id: ClusterId,
    /// The cluster's organization, for the scope.
    pub organization_id: OrganizationId,
    pub name: String,
    /// `name` in lower case; unique on the cluster.
    pub name_key: String,
    pub ascii_name: String,
    pub description: String,
    pub url: String,
    pub secure_url: Option<String>,
    pub category: Category,
    pub kind: Kind,
    pub vendor: String,
    /// The version of what the vendor delivers.
    pub release: String,
    pub enabled: bool,
    /// Whether every device has it without a subscription (SVC-6); fixed when it is made.
    pub enterprise: bool,
    pub parameters: Parameters,
    /// Raised with every change that another URL of a subscription follows from: a subscription that was derived from an
    /// older one is stale, and none has to be written to say so.
    pub revision: i64,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a service is made of.
#[derive(
    Clone, Copy, Debug, Default, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Category {
    #[default]
    XmlService,
    JavaMidlet,
    WebWidget,
    WebLink,
    AndroidApk,
}

/// Under which button of the phone it is found (SVC-8).
#[derive(
    Clone, Copy, Debug, Default, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    #[default]
    Standard,
    Directories,
    Messages,
}

/// A parameter of a service (SVC-3).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Parameter {
    /// What values are kept under, so that a parameter keeps them under another name. No other has it, ever.
    pub id: i64,
    /// The key in the URL.
    pub name: String,
    pub display_name: String,
    pub default: Option<String>,
    pub description: String,
    pub required: bool,
    /// Whether its values are never shown; fixed when it is made.
    pub password: bool,
}

/// The parameters of a service, in the order of the URL.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Parameters(pub Vec<Parameter>);

json_column!(Parameters);
