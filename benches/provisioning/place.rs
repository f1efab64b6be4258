//! A database of the run's own, and copies of it as it was in between; all are gone after it.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// Where it is.
pub enum Place {
    Sqlite {
        folder: TempDir,
        copies: usize,
    },
    /// The server's URL, and the names of what was made on it.
    Postgres {
        server: String,
        made: Vec<String>,
    },
}

impl Place {
    /// A file in a temporary folder.
    pub fn sqlite() -> Result<Self> {
        Ok(Self::Sqlite { folder: tempfile::tempdir()?, copies: 0 })
    }

    /// A database on the server; it is made when it is first named.
    pub fn postgres(server: &str) -> Self {
        Self::Postgres { server: server.to_owned(), made: Vec::new() }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres { .. } => "PostgreSQL",
        }
    }

    /// The database to work on.
    pub async fn make(&mut self) -> Result<String> {
        match self {
            Self::Sqlite { folder, .. } => {
                Ok(format!("sqlite://{}", folder.path().join("bench.db").display()))
            }
            Self::Postgres { server, made } => {
                let name = format!("roamline_provisioning_{}", std::process::id());
                run(server, format!("CREATE DATABASE {name}")).await?;
                made.push(name.clone());
                at(server, &name)
            }
        }
    }

    /// A copy of it as it is now; nothing else may be connected.
    pub async fn copy(&mut self) -> Result<String> {
        match self {
            Self::Sqlite { folder, copies } => {
                let from = folder.path().join("bench.db");
                let mut connection =
                    SqliteConnection::connect(&format!("sqlite://{}", from.display())).await?;
                sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
                connection.close().await?;
                *copies += 1;
                let to: PathBuf = folder.path().join(format!("copy{copies}.db"));
                std::fs::copy(&from, &to)?;
                Ok(format!("sqlite://{}", to.display()))
            }
            Self::Postgres { server, made } => {
                let from = made.first().context("there is nothing to copy")?;
                let name = format!("{from}_{}", made.len());
                run(server, format!("ALTER DATABASE {from} ALLOW_CONNECTIONS false")).await?;
                let end = format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}'"
                );
                run(server, end).await?;
                // Those that were told to end need a moment.
                let mut tried = 0;
                while let Err(error) = run(server, format!("CREATE DATABASE {name} TEMPLATE {from}")).await {
                    tried += 1;
                    anyhow::ensure!(tried < 50, error);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                run(server, format!("ALTER DATABASE {from} ALLOW_CONNECTIONS true")).await?;
                made.push(name.clone());
                at(server, &name)
            }
        }
    }

    /// Removes everything.
    pub async fn close(self) -> Result<()> {
        if let Self::Postgres { server, made } = self {
            for name in made {
                run(&server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
            }
        }
        Ok(())
    }
}

fn at(server: &str, name: &str) -> Result<String> {
    let (base, _) = server.rsplit_once('/').context("the URL names no database")?;
    Ok(format!("{base}/{name}"))
}

async fn run(server: &str, sql: String) -> Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}
