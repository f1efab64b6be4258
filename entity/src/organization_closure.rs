//! Who is below whom, itself included: what a scope is looked up in.

use sea_orm::entity::prelude::*;

use crate::OrganizationId;

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "organization_closure")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub ancestor_id: OrganizationId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub descendant_id: OrganizationId,
}

impl ActiveModelBehavior for ActiveModel {}
