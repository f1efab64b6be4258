//! Tokens: kept as hashes, looked up by them.

use entity::{
    Moment, TokenId,
    token::{Column, Entity, Model},
};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    sea_query::Expr,
};

use super::Store;

/// Keeps a token.
pub async fn insert(store: &Store, token: Model) -> Result<(), DbErr> {
    Entity::insert(token.into_active_model()).exec_without_returning(&store.db).await.map(drop)
}

/// An id for a token.
pub async fn next_id(store: &Store) -> Result<TokenId, DbErr> {
    let tx = store.begin(crate::caller::Scope::All, Moment::default(), 1).await?;
    let id = tx.id()?;
    store.roll_back(tx).await?;
    Ok(TokenId(id))
}

/// The token with this hash.
pub async fn by_hash(store: &Store, hash: &str) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::Hash.eq(hash)).one(&store.db).await
}

/// The token with this id.
pub async fn by_id(store: &Store, id: TokenId) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(id).one(&store.db).await
}

/// Every token, oldest first.
pub async fn all(store: &Store) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(&store.db).await
}

/// Ends a token; false when there is none, or it has ended.
pub async fn revoke(store: &Store, id: TokenId, now: Moment) -> Result<bool, DbErr> {
    let result = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now.0))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(&store.db)
        .await?;
    Ok(result.rows_affected > 0)
}

/// Whether no token was ever made.
pub async fn is_empty(store: &Store) -> Result<bool, DbErr> {
    Ok(Entity::find().count(&store.db).await? == 0)
}
