//! Tokens of users for their own page.

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
    r"ALTER TABLE token ADD COLUMN user_id {int} REFERENCES {user} (id)",
    r"CREATE INDEX token_user ON token (user_id) WHERE user_id IS NOT NULL",
];
