//! Answers kept by the caller's key, so that a repeated mutation is answered and not done again.

use sea_orm::entity::prelude::*;

use crate::Moment;

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "idempotency")]
pub struct Model {
    /// Who asked.
    #[sea_orm(primary_key, auto_increment = false)]
    pub caller: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// SHA-256 of the mutation's name and input.
    pub input_hash: String,
    /// JSON of what was committed.
    pub answer: String,
    pub at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}
