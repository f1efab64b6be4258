//! Which changes were made together, and what becomes of lines that a device leaves behind.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::run(manager, STATEMENTS).await
    }
}

const STATEMENTS: &[&str] = &[
    r"ALTER TABLE change ADD COLUMN first_seq {int}",
    r"ALTER TABLE organization ADD COLUMN line_delete_preferences TEXT",
];
