//! How many logins and logouts a cluster takes at once.

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
    r"ALTER TABLE cluster ADD COLUMN max_concurrent_logins INTEGER CHECK (max_concurrent_logins BETWEEN 1 AND 10000)",
];
