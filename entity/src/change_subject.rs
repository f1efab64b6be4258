//! What a change is about, for histories and filters.

use std::fmt;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "change_subject")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub noun: Noun,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// The kinds of thing that the graph holds.
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
pub enum Noun {
    Organization,
    Cluster,
    Device,
    Profile,
    Phone,
    Session,
    DefaultDeviceProfile,
    Line,
    Appearance,
    User,
    QuickAddGroup,
    Button,
    Template,
    Service,
    ServiceSubscription,
    Number,
    Job,
    Role,
}

impl fmt::Display for Noun {
    /// Its name in the graph.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_value())
    }
}
