//! The hand-written side: bare routes that answer from SQL through sqlx, on a pool of the same size and with the same
//! settings as Roamline's.

use std::{str::FromStr, sync::Arc, time::Duration};

use anyhow::Result;
use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use roamline::config;
use sea_orm::sqlx::{
    self, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    place::Place,
    shape::{SHAPES, Shape},
    subscribe, write,
};

/// Connections to either database.
#[derive(Clone)]
pub enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// Connects as Roamline does.
    pub async fn open(place: &Place) -> Result<Self> {
        let settings = config::Database::default();
        let wait = Duration::from_millis(settings.wait_ms);
        if place.is_postgres() {
            let connect = PgConnectOptions::from_str(&place.url)?.statement_cache_capacity(500);
            let pool = PgPoolOptions::new().max_connections(settings.connections).acquire_timeout(wait);
            // As Roamline: a connection in use is not asked whether it lives.
            let pool = pool.test_before_acquire(false);
            return Ok(Self::Postgres(pool.connect_with(connect).await?));
        }
        let connect = SqliteConnectOptions::from_str(&place.url)?
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(wait)
            .statement_cache_capacity(500);
        let pool = SqlitePoolOptions::new().max_connections(settings.connections).acquire_timeout(wait);
        let pool = pool.test_before_acquire(false);
        Ok(Self::Sqlite(pool.connect_with(connect).await?))
    }

    /// Lets the database tidy up after the estate was written, and count what it has.
    pub async fn settle(&self) -> Result<()> {
        match self {
            // Of changes there are few yet; SQLite, told so, would read them all each time when there are many.
            Self::Sqlite(pool) => {
                sqlx::raw_sql("ANALYZE; DELETE FROM sqlite_stat1 WHERE tbl LIKE '%change%'")
                    .execute(pool)
                    .await?;
            }
            Self::Postgres(pool) => {
                sqlx::raw_sql("VACUUM ANALYZE").execute(pool).await?;
            }
        }
        Ok(())
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// The numbers that a statement finds.
    pub async fn numbers(&self, sql: &'static str) -> Result<Vec<i64>> {
        Ok(match self {
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_all(pool).await?,
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_all(pool).await?,
        })
    }

    /// The texts with numbers that a statement finds.
    pub async fn named(&self, sql: &'static str) -> Result<Vec<(String, i64)>> {
        Ok(match self {
            Self::Sqlite(pool) => sqlx::query_as(sql).fetch_all(pool).await?,
            Self::Postgres(pool) => sqlx::query_as(sql).fetch_all(pool).await?,
        })
    }

    /// The one text that a shape's statement answers.
    async fn answer(
        &self,
        shape: &Shape,
        number: i64,
        text: Option<String>,
    ) -> Result<Option<String>, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => {
                let query = sqlx::query_scalar(shape.sqlite);
                let query = if let Some(text) = text { query.bind(text) } else { query };
                query.bind(number).fetch_optional(pool).await
            }
            Self::Postgres(pool) => {
                let query = sqlx::query_scalar(shape.postgres);
                let query = if let Some(text) = text { query.bind(text) } else { query };
                query.bind(number).fetch_optional(pool).await
            }
        }
    }
}

/// Serves every route until told to stop.
pub async fn serve(pool: Pool, listener: TcpListener, stopped: oneshot::Receiver<()>) -> std::io::Result<()> {
    let mut router = Router::new();
    for shape in SHAPES {
        let path = format!("/{}/{{number}}/{{text}}", shape.name);
        let answer = move |State(pool): State<Pool>, Path((number, text)): Path<(i64, String)>| async move {
            let text = (text != "-").then_some(text);
            told(pool.answer(shape, number, text).await)
        };
        router = router.route(&path, get(answer));
    }
    let writer = Arc::default();
    let change = move |State(pool): State<Pool>, Path((number, calls)): Path<(i64, i32)>| async move {
        told(write::by_hand(&pool, &writer, number, calls).await.map(Some))
    };
    let router =
        router.route("/W1/{number}/{calls}", get(change.clone())).with_state(pool).merge(subscribe::routes());
    // As Roamline's own.
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    let stopped = async move { drop(stopped.await) };
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}

fn told(answer: Result<Option<String>, sqlx::Error>) -> Response {
    match answer {
        Ok(Some(text)) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
