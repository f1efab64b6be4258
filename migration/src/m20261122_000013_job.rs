//! What rows of a job make, so that the validation of later rows finds them: a key is a hash of a name. And on which
//! earlier rows a row builds.

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
    r"CREATE TABLE job_key (
        job_id {int} NOT NULL REFERENCES job (id) ON DELETE CASCADE,
        key {int} NOT NULL,
        place {int} NOT NULL,
        PRIMARY KEY (job_id, key, place)
    )",
    r"ALTER TABLE job_row ADD COLUMN builds_on TEXT",
];
