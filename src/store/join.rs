//! To-one relations that come with a row, in its own statement: the organization, cluster and line that most pages
//! ask for.

use std::sync::Arc;

use sea_orm::{DbErr, QueryResult};

use super::{
    cluster, line, organization,
    row::{Columns, Row, select},
    sql::Sql,
};
use crate::caller::Scope;

/// What came with a row; nothing where it was not asked for, or is not seen.
#[derive(Clone, Debug, Default)]
pub struct Joined {
    pub organization: Option<Arc<organization::Row>>,
    pub cluster: Option<Arc<cluster::Row>>,
    pub line: Option<Arc<line::Row>>,
}

/// Adds the joins that the columns need. What is kept outside the scope joins as nothing.
pub fn join(sql: &mut Sql, columns: Columns, scope: Scope) {
    fn one<R: Row>(sql: &mut Sql, set: u64, alias: &str, key: &str, scope: Scope) {
        if set != 0 {
            sql.push(" LEFT JOIN ").push(R::TABLE).push(" ").push(alias).push(" ON ").push(alias);
            sql.push(".id = ").push(key);
            R::scope(sql, alias, scope);
        }
    }
    one::<organization::Row>(sql, columns.organization, "jo", "t.organization_id", scope);
    one::<cluster::Row>(sql, columns.cluster, "jc", "t.cluster_id", scope);
    one::<line::Row>(sql, columns.line, "jl", "t.line_id", scope);
}

/// Adds the joined tables' columns, each preceded by a comma.
pub fn selected(sql: &mut Sql, columns: Columns) {
    fn one<R: Row>(sql: &mut Sql, set: u64, alias: &str) {
        if set != 0 {
            sql.push(", ").push(alias).push(".id");
            select::<R>(sql, alias, set);
        }
    }
    one::<organization::Row>(sql, columns.organization, "jo");
    one::<cluster::Row>(sql, columns.cluster, "jc");
    one::<line::Row>(sql, columns.line, "jl");
}

/// Reads the joined tables' columns, which stand from `at` on.
pub fn read(row: &QueryResult, columns: Columns, at: &mut usize) -> Result<Joined, DbErr> {
    fn one<R: Row>(row: &QueryResult, set: u64, at: &mut usize) -> Result<Option<Arc<R>>, DbErr> {
        if set == 0 {
            return Ok(None);
        }
        let there: Option<i64> = row.try_get_by_index(*at)?;
        *at += 1;
        if there.is_none() {
            *at += set.count_ones() as usize;
            return Ok(None);
        }
        R::read(row, Columns::own(set), at).map(|row| Some(Arc::new(row)))
    }
    Ok(Joined {
        organization: one(row, columns.organization, at)?,
        cluster: one(row, columns.cluster, at)?,
        line: one(row, columns.line, at)?,
    })
}
