//! Names that nothing else has within something, such as a cluster: whether one is taken, and free ones near it (NAM-9).

use std::collections::HashSet;

use sea_orm::{DbErr, Value};

use super::{Source, Tx, sql::Sql};
use crate::rule::{
    device::{near_within, suggestions},
    value,
};

/// Where a name is unlike any other, whatever the case.
pub struct Names<'a> {
    pub table: &'a str,
    /// The column of the form in which names are compared.
    pub key: &'a str,
    /// What that form has before the name itself.
    pub before: &'a str,
    /// Columns, with the values that they have where the name counts.
    pub within: Vec<(&'a str, Value)>,
    /// Characters of the longest name.
    pub most: usize,
}

impl Names<'_> {
    /// Up to three free names near this one, where something other than `except` has it; none where it is free.
    pub async fn taken(
        &self,
        tx: &Tx,
        name: &str,
        except: Option<i64>,
    ) -> Result<Option<Vec<String>>, DbErr> {
        if self.known(tx, &[self.key_of(name)], except).await?.is_empty() {
            return Ok(None);
        }
        let near = near_within(name, self.most);
        let keys: Vec<_> = near.iter().map(|name| self.key_of(name)).collect();
        let known = self.known(tx, &keys, None).await?;
        Ok(Some(suggestions(near, |name| known.contains(&self.key_of(name)))))
    }

    fn key_of(&self, name: &str) -> String {
        value::key(&format!("{}{name}", self.before))
    }

    async fn known(&self, tx: &Tx, keys: &[String], except: Option<i64>) -> Result<HashSet<String>, DbErr> {
        let mut sql = Sql::new(tx.backend());
        sql.push("SELECT ").push(self.key).push(" FROM ").push(self.table).push(" WHERE ");
        sql.among_texts(self.key, keys);
        for (column, value) in &self.within {
            sql.push(" AND ").push(column).push(" = ").bind(value.clone());
        }
        if let Some(except) = except {
            sql.push(" AND id <> ").bind(except);
        }
        let rows = tx.rows(sql.statement()).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }
}
