//! The peer: the rows that a run wrote, as the difference of two copies, written to the first copy by plain SQL, a prepared
//! statement for each row. Foreign keys are not checked there, no rule is, and nothing is looked up: what a script could
//! at best do that knows the outcome.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use sea_orm::sqlx::{self, AssertSqlSafe, Connection, PgConnection, Row as _, SqliteConnection};

/// A connection to either database, which reads and writes rows as JSON.
pub enum Plain {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

struct Table {
    name: String,
    columns: Vec<String>,
    key: Vec<String>,
}

/// A statement and the row that it is about.
pub struct Write {
    sql: String,
    row: String,
}

impl Plain {
    pub async fn open(url: &str) -> Result<Self> {
        if url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(url).await?;
            let set = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF";
            sqlx::raw_sql(set).execute(&mut connection).await?;
            return Ok(Self::Sqlite(connection));
        }
        let mut connection = PgConnection::connect(url).await?;
        sqlx::raw_sql("SET session_replication_role = replica").execute(&mut connection).await?;
        Ok(Self::Postgres(connection))
    }

    /// Rows of two texts.
    async fn pairs(&mut self, sql: String) -> Result<Vec<(String, String)>> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(on) => {
                let rows = sqlx::query(sql).fetch_all(on).await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_>>()?
            }
            Self::Postgres(on) => {
                let rows = sqlx::query(sql).fetch_all(on).await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_>>()?
            }
        })
    }

    async fn tables(&mut self) -> Result<Vec<Table>> {
        // The columns, and of those the key's, by lines.
        let sql = match self {
            Self::Sqlite(_) => {
                "SELECT m.name, (SELECT group_concat(name || CASE WHEN pk > 0 THEN ' key' ELSE '' END, char(10)) FROM \
                 (SELECT * FROM pragma_table_info(m.name) ORDER BY cid)) FROM sqlite_master m \
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name"
            }
            Self::Postgres(_) => {
                "SELECT c.relname::text, string_agg(a.attname || CASE WHEN a.attnum = ANY(i.indkey) THEN ' key' ELSE '' END, \
                 chr(10) ORDER BY a.attnum) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
                 WHERE n.nspname = 'public' AND c.relkind = 'r' GROUP BY c.relname ORDER BY c.relname"
            }
        };
        let tables = self.pairs(sql.to_owned()).await?.into_iter().map(|(name, columns)| {
            let columns: Vec<_> = columns
                .lines()
                .map(|line| line.split_once(' ').map_or((line, false), |(name, _)| (name, true)))
                .collect();
            Table {
                name,
                key: columns.iter().filter(|(_, key)| *key).map(|(name, _)| (*name).to_owned()).collect(),
                columns: columns.iter().map(|(name, _)| (*name).to_owned()).collect(),
            }
        });
        Ok(tables.collect())
    }

    async fn rows(&mut self, table: &Table) -> Result<HashMap<String, String>> {
        let list = |columns: &[String]| {
            columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
        };
        let (name, key, columns) = (&table.name, list(&table.key), list(&table.columns));
        let sql = match self {
            Self::Sqlite(_) => format!("SELECT json_array({key}), json_array({columns}) FROM \"{name}\""),
            Self::Postgres(_) => {
                format!("SELECT jsonb_build_array({key})::text, to_jsonb(t)::text FROM \"{name}\" t")
            }
        };
        Ok(self.pairs(sql).await?.into_iter().collect())
    }

    fn insert(&self, table: &Table) -> String {
        let name = &table.name;
        match self {
            Self::Sqlite(_) => {
                let columns =
                    table.columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
                let values = (0..table.columns.len()).map(cell).collect::<Vec<_>>().join(", ");
                format!("INSERT INTO \"{name}\" ({columns}) VALUES ({values})")
            }
            Self::Postgres(_) => {
                format!(
                    "INSERT INTO \"{name}\" SELECT * FROM jsonb_populate_record(NULL::public.\"{name}\", $1::jsonb)"
                )
            }
        }
    }

    fn update(&self, table: &Table) -> String {
        let name = &table.name;
        let set = |value: &dyn Fn(usize, &str) -> String| {
            let all = table.columns.iter().enumerate().filter(|(_, name)| !table.key.contains(name));
            all.map(|(at, name)| format!("\"{name}\" = {}", value(at, name))).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Sqlite(_) => {
                format!("UPDATE \"{name}\" SET {} WHERE {}", set(&|at, _| cell(at)), self.same(table))
            }
            Self::Postgres(_) => format!(
                "UPDATE \"{name}\" t SET {} FROM jsonb_populate_record(NULL::public.\"{name}\", $1::jsonb) r WHERE {}",
                set(&|_, name| format!("r.\"{name}\"")),
                self.same(table)
            ),
        }
    }

    fn delete(&self, table: &Table) -> String {
        let (name, same) = (&table.name, self.same(table));
        match self {
            Self::Sqlite(_) => format!("DELETE FROM \"{name}\" WHERE {same}"),
            Self::Postgres(_) => format!(
                "DELETE FROM \"{name}\" t USING jsonb_populate_record(NULL::public.\"{name}\", $1::jsonb) r WHERE {same}"
            ),
        }
    }

    /// That a row has the key of the given one.
    fn same(&self, table: &Table) -> String {
        let at = |name: &String| table.columns.iter().position(|column| column == name).unwrap_or_default();
        let same = table.key.iter().map(|name| match self {
            Self::Sqlite(_) => format!("\"{name}\" = {}", cell(at(name))),
            Self::Postgres(_) => format!("t.\"{name}\" = r.\"{name}\""),
        });
        same.collect::<Vec<_>>().join(" AND ")
    }

    async fn run(&mut self, sql: &str) -> Result<()> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(on) => sqlx::raw_sql(sql).execute(on).await.map(|_| ()),
            Self::Postgres(on) => sqlx::raw_sql(sql).execute(on).await.map(|_| ()),
        }
        .map_err(Into::into)
    }

    async fn one(&mut self, write: &Write) -> Result<()> {
        let sql = AssertSqlSafe(write.sql.clone());
        let done = match self {
            Self::Sqlite(on) => {
                sqlx::query(sql).bind(&write.row).execute(on).await.map(|done| done.rows_affected())
            }
            Self::Postgres(on) => {
                sqlx::query(sql).bind(&write.row).execute(on).await.map(|done| done.rows_affected())
            }
        };
        let rows = done.with_context(|| write.sql.clone())?;
        anyhow::ensure!(rows == 1, "{} rows by {}", rows, write.sql);
        Ok(())
    }

    /// Writes the rows in so many transactions; tells how long it took.
    pub async fn write(&mut self, writes: &[Write], transactions: usize) -> Result<Duration> {
        let began = Instant::now();
        for part in writes.chunks(writes.len().div_ceil(transactions.max(1)).max(1)) {
            self.run("BEGIN").await?;
            for write in part {
                self.one(write).await?;
            }
            self.run("COMMIT").await?;
        }
        Ok(began.elapsed())
    }
}

/// The value at a place of the row, in SQLite.
fn cell(at: usize) -> String {
    format!("json_extract(?1, '$[{at}]')")
}

/// What makes the first copy into the second one.
pub async fn written(before: &mut Plain, after: &mut Plain) -> Result<Vec<Write>> {
    let mut writes = Vec::new();
    for table in after.tables().await? {
        if table.key.is_empty() {
            continue;
        }
        let (mut old, new) = (before.rows(&table).await?, after.rows(&table).await?);
        let [insert, update, delete] = [after.insert(&table), after.update(&table), after.delete(&table)];
        for (key, row) in new {
            let sql = match old.remove(&key) {
                Some(old) if old == row => continue,
                Some(_) => update.clone(),
                None => insert.clone(),
            };
            writes.push(Write { sql, row });
        }
        writes.extend(old.into_values().map(|row| Write { sql: delete.clone(), row }));
    }
    Ok(writes)
}

/// Whether both copies hold the same.
pub async fn are_equal(one: &mut Plain, other: &mut Plain) -> Result<bool> {
    Ok(written(one, other).await?.is_empty())
}
