//! Steps from an empty database to today's, one file each and the same for SQLite and PostgreSQL. A unique index
//! is named after the rule that it guards.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

mod m20261122_000001_spine;
mod m20261122_000002_number;
mod m20261122_000003_button;
mod m20261122_000004_service;
mod m20261122_000005_session;
mod m20261122_000006_quick_add;
mod m20261122_000007_history;
mod m20261122_000008_job;
mod m20261122_000009_role;
mod m20261122_000010_audit_entry;
mod m20261122_000011_self_service;
mod m20261122_000012_session;
mod m20261122_000013_job;
mod m20261122_000020_job;

/// The step of a file.
macro_rules! step {
    ($file:ident) => {
        Box::new(Step { name: stringify!($file), statements: $file::STATEMENTS })
    };
}

/// Every step, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_spine::Migration),
            step!(m20261122_000002_number),
            step!(m20261122_000003_button),
            step!(m20261122_000004_service),
            step!(m20261122_000005_session),
            step!(m20261122_000006_quick_add),
            step!(m20261122_000008_job),
            step!(m20261122_000007_history),
            step!(m20261122_000009_role),
            step!(m20261122_000010_audit_entry),
            step!(m20261122_000011_self_service),
            step!(m20261122_000012_session),
            step!(m20261122_000013_job),
            step!(m20261122_000020_job),
        ]
    }
}

/// A step that is its file's statements, under the file's name.
struct Step {
    name: &'static str,
    statements: &'static [&'static str],
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, self.statements).await
    }
}

/// Runs statements that differ between the databases only in these words: `{int}` is a whole number of 64 bits
/// (SQLite wants `INTEGER` to make it the row's own key) and `{key}` is text compared byte by byte.
async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let (int, key) = match manager.get_database_backend() {
        sea_orm_migration::sea_orm::DatabaseBackend::Postgres => ("BIGINT", "TEXT COLLATE \"C\""),
        _ => ("INTEGER", "TEXT"),
    };
    for statement in statements {
        let statement = statement.replace("{int}", int).replace("{key}", key).replace("{user}", "\"user\"");
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}
