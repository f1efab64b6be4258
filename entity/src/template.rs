//! Phone button and softkey templates of clusters (BTN-1). Profiles and phones name their templates by name.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ClusterId, Moment, OrganizationId, TemplateId, json::json_column, profile::Protocol};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "template")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: TemplateId,
    pub cluster_id: ClusterId,
    /// The cluster's organization, for the scope.
    pub organization_id: OrganizationId,
    pub kind: Kind,
    pub name: String,
    /// `name` in lower case; unique among the cluster's templates of this kind.
    pub name_key: String,
    pub description: String,
    /// The product of a button template; a softkey template has none.
    pub product: Option<String>,
    pub protocol: Option<Protocol>,
    /// What a button template gives each key; empty for a softkey template.
    pub features: Features,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a template lays out.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    Button,
    Softkey,
}

/// Something that a phone button template can put on a button (BTN-1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Feature {
    /// A line.
    Line,
    /// A speed dial.
    SpeedDial,
    /// A speed dial with a busy lamp.
    Blf,
    /// A directed call park number with a busy lamp.
    CallParkBlf,
    /// An IP phone service.
    ServiceUrl,
}

/// The features of a template's keys, in order.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Features(pub Vec<Feature>);

json_column!(Features);
