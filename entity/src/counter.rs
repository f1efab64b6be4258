//! Numbers that are handed out: blocks of ids, and the last position of the outbox.

use sea_orm::entity::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "counter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// The last number that was handed out.
    pub last: i64,
}

impl ActiveModelBehavior for ActiveModel {}
