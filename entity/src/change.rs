//! The outbox: every change, in commit order, kept in the transaction that made it.

use sea_orm::entity::prelude::*;

use crate::{Moment, OrganizationId};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "change")]
pub struct Model {
    /// Position in commit order, without gaps.
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i64,
    pub at: Moment,
    /// Name of the token that made it.
    pub by: String,
    pub reason: Option<String>,
    /// Whose subtree it belongs to; none is everybody's.
    pub organization_id: Option<OrganizationId>,
    /// Whose subtree it left, when it moved away.
    pub left_organization_id: Option<OrganizationId>,
    pub kind: String,
    /// JSON of the change.
    pub body: String,
    /// The first change that was made together with it; none where that was not kept yet.
    pub first_seq: Option<i64>,
}

impl ActiveModelBehavior for ActiveModel {}
