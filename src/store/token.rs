//! Tokens: kept as hashes, looked up by them.

use entity::{
    Moment, OrganizationId, RoleId, TokenId, UserId, role,
    token::{Column, Entity, Model},
    user,
};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    Select, SelectThree, TopologyStar,
    sea_query::{Expr, Func, OnConflict},
};

use super::{Store, Tx};

/// Keeps a token.
pub async fn insert(tx: &Tx, token: Model) -> Result<(), DbErr> {
    Entity::insert(token.into_active_model()).exec_without_returning(&tx.db).await.map(drop)
}

/// Keeps a token unless there is one with its hash.
pub async fn insert_unless_there(store: &Store, token: Model) -> Result<(), DbErr> {
    let unless = OnConflict::column(Column::Hash).do_nothing().to_owned();
    let insert = Entity::insert(token.into_active_model()).on_conflict(unless);
    insert.exec_without_returning(&store.db).await.map(drop)
}

/// Whether it was kept for a JSON Web Token that has ended: nobody comes with it again.
pub fn is_over(now: Moment) -> Condition {
    Condition::all().add(Column::Hash.starts_with("jwt ")).add(Column::ExpiresAt.lte(now))
}

/// Forgets what was kept for JSON Web Tokens that have ended, at an organization that goes.
pub async fn leave_organization(tx: &Tx, id: OrganizationId) -> Result<(), DbErr> {
    let over = Entity::delete_many().filter(Column::OrganizationId.eq(id)).filter(is_over(tx.now()));
    over.exec(&tx.db).await.map(drop)
}

/// Takes a role that goes off tokens which have ended. They are revoked with it, lest one of them has no role at all.
pub async fn leave_role(tx: &Tx, id: RoleId) -> Result<(), DbErr> {
    let revoked = Func::coalesce([Expr::col(Column::RevokedAt), Expr::value(tx.now().0)]).into();
    let update = Entity::update_many()
        .col_expr(Column::RoleId, Expr::value(None::<i64>))
        .col_expr(Column::RevokedAt, revoked)
        .filter(Column::RoleId.eq(id));
    update.exec(&tx.db).await.map(drop)
}

/// Takes a user who goes off their tokens. They are revoked with it, lest one of them shows more than an own page.
pub async fn leave_user(tx: &Tx, id: UserId) -> Result<(), DbErr> {
    let revoked = Func::coalesce([Expr::col(Column::RevokedAt), Expr::value(tx.now().0)]).into();
    let update = Entity::update_many()
        .col_expr(Column::UserId, Expr::value(None::<i64>))
        .col_expr(Column::RevokedAt, revoked)
        .filter(Column::UserId.eq(id));
    update.exec(&tx.db).await.map(drop)
}

/// Puts off the end of a token, never to an earlier time.
pub async fn prolong(store: &Store, id: TokenId, until: Option<Moment>) -> Result<(), DbErr> {
    let update = Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(until.map(|until| until.0)))
        .filter(Column::Id.eq(id))
        .filter(Column::ExpiresAt.lt(until));
    update.exec(&store.db).await.map(drop)
}

/// An id for a token.
pub async fn next_id(store: &Store) -> Result<TokenId, DbErr> {
    let tx = store.begin(crate::caller::Scope::All, Moment::default(), 1).await?;
    let id = tx.id()?;
    store.roll_back(tx).await?;
    Ok(TokenId(id))
}

/// A token with the role that was composed for it and the user whose it is, where it has them.
pub type Found = (Model, Option<role::Model>, Option<user::Model>);

/// The token with this hash.
pub async fn by_hash(store: &Store, hash: &str) -> Result<Option<Found>, DbErr> {
    with_grant(Entity::find().filter(Column::Hash.eq(hash))).one(&store.db).await
}

/// Those of the tokens with these ids that are there, in one statement. It has a few lengths only, as each is prepared
/// for itself.
pub async fn by_ids(store: &Store, ids: &[TokenId]) -> Result<Vec<Found>, DbErr> {
    let Some(last) = ids.last() else { return Ok(Vec::new()) };
    let padding = ids.len().next_power_of_two() - ids.len();
    let ids = ids.iter().chain(std::iter::repeat_n(last, padding)).copied();
    with_grant(Entity::find().filter(Column::Id.is_in(ids))).all(&store.db).await
}

/// In one statement, as every request asks it.
fn with_grant(tokens: Select<Entity>) -> SelectThree<Entity, role::Entity, user::Entity, TopologyStar> {
    tokens.find_also_related(role::Entity).find_also_related(user::Entity)
}

/// Every token, oldest first.
pub async fn all(store: &Store) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_asc(Column::CreatedAt).order_by_asc(Column::Id).all(&store.db).await
}

/// Ends a token, and answers it; nothing when there is none, or it has ended.
pub async fn revoke(tx: &Tx, id: TokenId) -> Result<Option<Model>, DbErr> {
    let result = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(tx.now().0))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(&tx.db)
        .await?;
    if result.rows_affected == 0 {
        return Ok(None);
    }
    Entity::find_by_id(id).one(&tx.db).await
}

/// Whether no token was ever made.
pub async fn is_empty(store: &Store) -> Result<bool, DbErr> {
    Ok(Entity::find().count(&store.db).await? == 0)
}
