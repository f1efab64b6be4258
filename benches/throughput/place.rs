//! Databases to measure on: each is made for the run and gone after it.

use anyhow::{Context, Result};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// A database of the run's own.
pub struct Place {
    pub name: &'static str,
    pub url: String,
    /// The server's URL and the database to drop.
    drop: Option<(String, String)>,
    _folder: Option<TempDir>,
}

impl Place {
    /// A file in a temporary folder.
    pub fn sqlite() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}", folder.path().join("bench.db").display());
        Ok(Self { name: "SQLite", url, drop: None, _folder: Some(folder) })
    }

    /// A database on the server.
    pub async fn postgres(server: &str) -> Result<Self> {
        let name = format!("roamline_bench_{}", std::process::id());
        let (base, _) = server.rsplit_once('/').context("the URL names no database")?;
        let url = format!("{base}/{name}");
        run(server, format!("CREATE DATABASE {name}")).await?;
        Ok(Self { name: "PostgreSQL", url, drop: Some((server.to_owned(), name)), _folder: None })
    }

    /// Whether it is on PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.drop.is_some()
    }

    /// Removes the database.
    pub async fn close(self) -> Result<()> {
        match self.drop {
            Some((server, name)) => {
                run(&server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
            }
            None => Ok(()),
        }
    }
}

async fn run(server: &str, sql: String) -> Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}
