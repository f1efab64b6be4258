//! The one way to page: keyset cursors with the id as tie-break, forwards and backwards, at the root and below
//! many parents at once (one statement for all of them).

use std::{
    collections::HashMap,
    hash::{Hash, Hasher},
};

use sea_orm::{DatabaseBackend, DbErr, QueryResult};

use super::{
    Source, join, readiness,
    row::{Columns, Row, select},
    sql::{Sql, like},
};
use crate::{caller::Scope, rule::readiness::Finding};

/// The value that a list is ordered by.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum KeyValue {
    Int(i64),
    Text(String),
}

/// Where an item stands in its list.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Key {
    pub value: KeyValue,
    pub id: i64,
}

/// What a list is ordered by; the id decides between equals.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Order {
    /// A column, with its table's alias (`t` is the noun's).
    pub column: &'static str,
    /// Whether the column is a whole number.
    pub number: bool,
    pub descending: bool,
}

/// Which part of a list is asked for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Slice {
    pub limit: u32,
    pub after: Option<Key>,
    pub before: Option<Key>,
    /// Whether the last items are asked for, not the first.
    pub backwards: bool,
}

impl Slice {
    /// So many items from the front of the list.
    pub const fn front(limit: u32) -> Self {
        Self { limit, after: None, before: None, backwards: false }
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<R> {
    /// In the list's order, each with its place.
    pub rows: Vec<(R, Key)>,
    pub has_previous: bool,
    pub has_next: bool,
}

impl<R> Default for Page<R> {
    fn default() -> Self {
        Self { rows: Vec::new(), has_previous: false, has_next: false }
    }
}

/// Which items a list holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    /// The column's text is, begins with, or holds the text.
    Is(&'static str, String),
    StartsWith(&'static str, String),
    Contains(&'static str, String),
    Texts(&'static str, Vec<String>),
    /// The column's number is one of these.
    Numbers(&'static str, Vec<i64>),
    AtLeast(&'static str, i64),
    AtMost(&'static str, i64),
    Truth(&'static str, bool),
    /// The organization in the column is one of these or, where told, below one of them.
    Organizations(&'static str, Vec<i64>, bool),
    /// The column's number is one of these, of things in the table that the caller sees.
    Refers(&'static str, Vec<i64>, &'static str),
    /// The row's id is among those that the query selects for these numbers, of things in the table that the caller
    /// sees; the text ends with the column before the list.
    Linked(&'static str, Vec<i64>, &'static str),
    /// The query finds something whose column names a thing in the table that the caller sees.
    Exists(&'static str, &'static str, &'static str),
    /// A condition that needs no value but, where `{now}` stands in it, the moment.
    Fixed(&'static str),
    /// What keeps a profile from being ready is found of it.
    Found(Finding),
}

/// Longer than any text that is kept. SQLite refuses patterns of 50,000 bytes and more.
const LONGEST: usize = 10_000;

impl Filter {
    /// How many conditions it joins.
    pub fn conditions(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::conditions).sum(),
            Self::Not(part) => part.conditions().max(1),
            _ => 1,
        }
    }

    /// Whether nothing was said that a row could fail.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::All(parts) if parts.iter().all(Self::is_open))
    }

    /// Adds `AND` the filter; nothing where it lets everything pass.
    fn and(&self, sql: &mut Sql, scope: Scope) {
        if *self != Self::All(Vec::new()) {
            sql.push(" AND ");
            self.write(sql, scope);
        }
    }

    pub(super) fn write(&self, sql: &mut Sql, scope: Scope) {
        match self {
            Self::All(parts) => combine(sql, scope, parts, " AND ", "1 = 1"),
            Self::Any(parts) => combine(sql, scope, parts, " OR ", "1 = 0"),
            Self::Not(part) => {
                // What is unknown, as of a column without a value, does not hold.
                sql.push("((");
                part.write(sql, scope);
                sql.push(") IS NOT TRUE)");
            }
            Self::Is(column, text) => {
                sql.push(column).push(" = ").bind(text.as_str());
            }
            Self::StartsWith(_, text) | Self::Contains(_, text) if text.len() > LONGEST => {
                sql.push("1 = 0");
            }
            Self::StartsWith(column, text) => {
                sql.push(column).push(" LIKE ").bind(like("", text, "%")).push(" ESCAPE '\\'");
            }
            Self::Contains(column, text) => {
                sql.push(column).push(" LIKE ").bind(like("%", text, "%")).push(" ESCAPE '\\'");
            }
            Self::Texts(column, texts) => {
                sql.among_texts(column, texts);
            }
            Self::Numbers(column, numbers) => {
                sql.among(column, numbers.iter().copied());
            }
            Self::AtLeast(column, number) => {
                sql.push(column).push(" >= ").bind(*number);
            }
            Self::AtMost(column, number) => {
                sql.push(column).push(" <= ").bind(*number);
            }
            Self::Truth(column, truth) => {
                sql.push(column).push(if *truth { " = TRUE" } else { " = FALSE" });
            }
            Self::Organizations(column, ids, subtree) => {
                if *subtree {
                    sql.push(column).push(" IN (SELECT descendant_id FROM organization_closure WHERE ");
                    sql.among("ancestor_id", ids.iter().copied()).within("ancestor_id", scope).push(")");
                } else {
                    sql.among(column, ids.iter().copied());
                }
            }
            Self::Refers(column, ids, table) => {
                sql.among(column, ids.iter().copied());
                seen(sql, column, table, scope);
            }
            Self::Linked(select, ids, table) => {
                let column = select.rsplit(' ').next().unwrap_or_default();
                sql.push("t.id IN (").among(select, ids.iter().copied());
                seen(sql, column, table, scope);
                sql.push(")");
            }
            Self::Exists(select, column, table) => {
                sql.push("EXISTS (").push(select);
                seen(sql, column, table, scope);
                sql.push(")");
            }
            Self::Fixed(condition) => {
                sql.timed(condition);
            }
            Self::Found(finding) => readiness::holds(sql, scope, *finding),
        }
    }
}

/// Adds `AND` what the column names is within the scope: what is not seen is not there to be filtered by (ACC-7).
fn seen(sql: &mut Sql, column: &str, table: &str, scope: Scope) {
    if let Scope::Below(_) = scope {
        // A service is seen as its cluster is: also from below.
        if table == "service" {
            sql.push(" AND ").push(column).push(" IN (SELECT sv.id FROM service sv WHERE 1 = 1");
            super::service::Row::scope(sql, "sv", scope);
            sql.push(")");
            return;
        }
        let organization = if table == "organization" { "id" } else { "organization_id" };
        sql.push(" AND ").push(column).push(" IN (SELECT id FROM ").push(table).push(" WHERE 1 = 1");
        sql.within(organization, scope).push(")");
    }
}

fn combine(sql: &mut Sql, scope: Scope, parts: &[Filter], between: &str, empty: &str) {
    sql.push("(");
    for (at, part) in parts.iter().enumerate() {
        sql.push(if at == 0 { "" } else { between });
        part.write(sql, scope);
    }
    sql.push(if parts.is_empty() { empty } else { "" }).push(")");
}

/// A page of a noun's list at the root.
pub async fn page<R: Row>(
    source: &impl Source,
    scope: Scope,
    filter: &Filter,
    order: Order,
    slice: &Slice,
    columns: Columns,
) -> Result<Page<R>, DbErr> {
    let list = List { scope, filter, order, slice, columns };
    let mut sql = Sql::of(source);
    match list.tree::<R>(source.backend()) {
        Some(roots) => list.write_by_organization::<R>(&mut sql, roots),
        None => list.write::<R>(&mut sql, " WHERE 1 = 1"),
    }
    let mut rows = Vec::new();
    for row in source.rows(sql.statement()).await? {
        rows.push(read::<R>(&row, order, 0, columns)?);
    }
    Ok(finish(rows, slice))
}

/// So many organizations are read one by one; a larger part of the tree is found soon enough along the list.
const FEW: i64 = 200;

/// What is asked of a list at the root.
struct List<'a> {
    scope: Scope,
    filter: &'a Filter,
    order: Order,
    slice: &'a Slice,
    columns: Columns,
}

impl List<'_> {
    /// Adds the page, of what is selected behind the condition.
    fn write<R: Row>(&self, sql: &mut Sql, condition: &str) {
        sql.push("SELECT ");
        write_key(sql, self.order);
        sql.push(", t.id");
        select::<R>(sql, "t", self.columns.own);
        join::selected(sql, self.columns);
        sql.push(" FROM ").push(R::TABLE).push(" t");
        join::join(sql, self.columns, self.scope);
        sql.push(condition);
        R::scope(sql, "t", self.scope);
        self.filter.and(sql, self.scope);
        write_bounds(sql, self.order, self.slice);
        write_order(sql, self.order, self.slice.backwards);
        sql.limit(self.slice.limit.saturating_add(1));
    }

    /// The organizations below which everything in the list is kept, where an index of each organization has the
    /// list's order. PostgreSQL would sort all that is below them, or walk the whole list to find it.
    fn tree<R: Row>(&self, backend: DatabaseBackend) -> Option<Vec<i64>> {
        if backend != DatabaseBackend::Postgres || !R::ORDERED_AT_ORGANIZATION.contains(&self.order.column) {
            return None;
        }
        let told = |part: &Filter| match part {
            Filter::Organizations("t.organization_id", ids, true) => Some(ids.clone()),
            _ => None,
        };
        let filtered = match self.filter {
            Filter::All(parts) => parts.iter().find_map(told),
            part => told(part),
        };
        let seen = || match self.scope {
            Scope::Below(organization) => Some(vec![organization.0]),
            Scope::All => None,
        };
        filtered.or_else(seen)
    }

    /// Adds the page put together from the first items of each organization, if they are few.
    fn write_by_organization<R: Row>(&self, sql: &mut Sql, roots: Vec<i64>) {
        sql.push(
            "WITH o AS MATERIALIZED (SELECT DISTINCT descendant_id AS id FROM organization_closure WHERE ",
        );
        sql.among("ancestor_id", roots.into_iter()).push("), n AS (SELECT count(*) <= ").bind(FEW);
        sql.push(" AS few FROM o) SELECT * FROM (SELECT f.* FROM o CROSS JOIN LATERAL (");
        self.write::<R>(sql, " WHERE t.organization_id = o.id");
        sql.push(") f WHERE (SELECT few FROM n) UNION ALL (");
        sql.push("SELECT * FROM (");
        self.write::<R>(sql, " WHERE (SELECT NOT few FROM n)");
        sql.push(") g)) q ORDER BY ");
        let direction = direction(self.order, self.slice.backwards);
        sql.push("1").push(direction).push(", 2").push(direction);
        sql.limit(self.slice.limit.saturating_add(1));
    }
}

/// How many items a list holds.
pub async fn count<R: Row>(source: &impl Source, scope: Scope, filter: &Filter) -> Result<i64, DbErr> {
    let mut sql = Sql::of(source);
    sql.push("SELECT count(*) FROM ").push(R::TABLE).push(" t WHERE 1 = 1");
    R::scope(&mut sql, "t", scope);
    sql.push(" AND ");
    filter.write(&mut sql, scope);
    let rows = source.rows(sql.statement()).await?;
    rows.first().map_or(Ok(0), |row| row.try_get_by_index(0))
}

/// How a noun hangs below its parents. Its name stands for all of it.
#[derive(Clone, Copy, Debug)]
pub struct Relation {
    /// What tells relations apart.
    pub name: &'static str,
    /// What the noun (`t`) is joined with, or nothing.
    pub join: &'static str,
    /// The column that holds the parent's id.
    pub parent: &'static str,
    pub order: Order,
    /// A further condition, beginning with ` AND `; `{now}` stands in it for the moment.
    pub only: &'static str,
    /// Whether every child of a parent that is seen is seen as well.
    pub seen: bool,
}

impl PartialEq for Relation {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Relation {}

impl Hash for Relation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// A page of children below each of the parents, in one statement.
pub async fn children<R: Row>(
    source: &impl Source,
    scope: Scope,
    relation: Relation,
    parents: &[i64],
    slice: &Slice,
    columns: Columns,
) -> Result<HashMap<i64, Page<R>>, DbErr> {
    let all = Filter::All(Vec::new());
    children_where(source, scope, relation, parents, &all, slice, columns).await
}

/// The same of those children that a filter lets pass; its columns are those of the relation's tables.
pub async fn children_where<R: Row>(
    source: &impl Source,
    scope: Scope,
    relation: Relation,
    parents: &[i64],
    filter: &Filter,
    slice: &Slice,
    columns: Columns,
) -> Result<HashMap<i64, Page<R>>, DbErr> {
    let order = relation.order;
    let many = parents.len() > 1;
    let mut sql = Sql::of(source);
    sql.push(if many { "SELECT * FROM (SELECT " } else { "SELECT " });
    sql.push(relation.parent).push(" AS parent, ");
    write_key(&mut sql, order);
    sql.push(" AS sort, t.id AS tie");
    select::<R>(&mut sql, "t", columns.own);
    join::selected(&mut sql, columns);
    if many {
        sql.push(", row_number() OVER (PARTITION BY ").push(relation.parent);
        write_order(&mut sql, order, slice.backwards);
        sql.push(") AS place");
    }
    sql.push(" FROM ").push(R::TABLE).push(" t").push(relation.join);
    join::join(&mut sql, columns, scope);
    sql.push(" WHERE ");
    sql.among(relation.parent, parents.iter().copied());
    sql.timed(relation.only);
    if !relation.seen {
        R::scope(&mut sql, "t", scope);
    }
    filter.and(&mut sql, scope);
    write_bounds(&mut sql, order, slice);
    let limit = i64::from(slice.limit) + 1;
    if many {
        sql.push(") q WHERE place <= ").bind(limit).push(" ORDER BY parent, place");
    } else {
        write_order(&mut sql, order, slice.backwards);
        sql.limit(slice.limit.saturating_add(1));
    }
    let mut groups: HashMap<i64, Vec<(R, Key)>> = HashMap::new();
    for row in source.rows(sql.statement()).await? {
        let parent = row.try_get_by_index(0)?;
        groups.entry(parent).or_default().push(read::<R>(&row, order, 1, columns)?);
    }
    Ok(groups.into_iter().map(|(parent, rows)| (parent, finish(rows, slice))).collect())
}

/// How many children each parent has; a parent without any is left out.
pub async fn counts<R: Row>(
    source: &impl Source,
    scope: Scope,
    relation: Relation,
    parents: &[i64],
) -> Result<HashMap<i64, i64>, DbErr> {
    counts_where::<R>(source, scope, relation, parents, &Filter::All(Vec::new())).await
}

/// The same of those children that a filter lets pass.
pub async fn counts_where<R: Row>(
    source: &impl Source,
    scope: Scope,
    relation: Relation,
    parents: &[i64],
    filter: &Filter,
) -> Result<HashMap<i64, i64>, DbErr> {
    let mut sql = Sql::of(source);
    sql.push("SELECT ").push(relation.parent).push(", count(*) FROM ").push(R::TABLE).push(" t");
    sql.push(relation.join).push(" WHERE ").among(relation.parent, parents.iter().copied());
    sql.timed(relation.only);
    if !relation.seen {
        R::scope(&mut sql, "t", scope);
    }
    filter.and(&mut sql, scope);
    sql.push(" GROUP BY ").push(relation.parent);
    let rows = source.rows(sql.statement()).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// The rows with these ids, as far as they are seen.
pub async fn by_ids<R: Row>(
    source: &impl Source,
    scope: Scope,
    ids: &[i64],
    columns: Columns,
) -> Result<HashMap<i64, R>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT t.id");
    select::<R>(&mut sql, "t", columns.own);
    join::selected(&mut sql, columns);
    sql.push(" FROM ").push(R::TABLE).push(" t");
    join::join(&mut sql, columns, scope);
    sql.push(" WHERE ");
    sql.among("t.id", ids.iter().copied());
    R::scope(&mut sql, "t", scope);
    let rows = source.rows(sql.statement()).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, whole(row, columns, 1)?))).collect()
}

fn read<R: Row>(row: &QueryResult, order: Order, at: usize, columns: Columns) -> Result<(R, Key), DbErr> {
    let value = if order.number {
        KeyValue::Int(row.try_get_by_index(at)?)
    } else {
        KeyValue::Text(row.try_get_by_index(at)?)
    };
    let key = Key { value, id: row.try_get_by_index(at + 1)? };
    Ok((whole(row, columns, at + 2)?, key))
}

fn whole<R: Row>(row: &QueryResult, columns: Columns, mut at: usize) -> Result<R, DbErr> {
    let mut read = R::read(row, columns, &mut at)?;
    read.take(join::read(row, columns, &mut at)?);
    Ok(read)
}

fn finish<R>(mut rows: Vec<(R, Key)>, slice: &Slice) -> Page<R> {
    let limit = slice.limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    if slice.backwards {
        rows.reverse();
        return Page { rows, has_previous: more, has_next: slice.before.is_some() };
    }
    Page { rows, has_previous: slice.after.is_some(), has_next: more }
}

fn write_bounds(sql: &mut Sql, order: Order, slice: &Slice) {
    let (behind, ahead) = if order.descending { (" < (", " > (") } else { (" > (", " < (") };
    for (key, side) in [(&slice.after, behind), (&slice.before, ahead)] {
        let Some(key) = key else { continue };
        sql.push(" AND (").push(order.column).push(", t.id)").push(side);
        match &key.value {
            KeyValue::Int(number) => sql.bind(*number),
            KeyValue::Text(text) => sql.bind(text.as_str()),
        };
        sql.push(", ").bind(key.id).push(")");
    }
}

/// The value that a list is ordered by, in 64 bits where it is a number.
fn write_key(sql: &mut Sql, order: Order) {
    if order.number {
        sql.push("CAST(").push(order.column).push(" AS BIGINT)");
    } else {
        sql.push(order.column);
    }
}

fn direction(order: Order, backwards: bool) -> &'static str {
    if order.descending == backwards { " ASC" } else { " DESC" }
}

fn write_order(sql: &mut Sql, order: Order, backwards: bool) {
    let direction = direction(order, backwards);
    sql.push(" ORDER BY ").push(order.column).push(direction).push(", t.id").push(direction);
}
