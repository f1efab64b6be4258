//! Answers kept by the caller's key, in the transaction that they answer.

use entity::idempotency::{Column, Entity, Model};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter};

use super::Tx;

/// What was answered to the key before. On PostgreSQL two calls with one key wait for each other here.
pub async fn find(tx: &Tx, caller: &str, key: &str) -> Result<Option<Model>, DbErr> {
    use super::{Source, sql::Sql};
    if tx.backend() == sea_orm::DatabaseBackend::Postgres {
        let mut sql = Sql::new(tx.backend());
        sql.push("SELECT pg_advisory_xact_lock(hashtextextended(")
            .bind(format!("{caller} {key}"))
            .push(", 0))");
        tx.rows(sql.statement()).await?;
    }
    Entity::find_by_id((caller.to_owned(), key.to_owned())).one(&tx.db).await
}

/// What was answered under a caller from a key on, in the order of the keys.
pub async fn find_from(tx: &Tx, caller: &str, key: &str) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Caller.eq(caller)).filter(Column::Key.gte(key)).all(&tx.db).await
}

/// Keeps an answer.
pub async fn keep(tx: &Tx, answer: Model) -> Result<(), DbErr> {
    Entity::insert(answer.into_active_model()).exec_without_returning(&tx.db).await.map(drop)
}
