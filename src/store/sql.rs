//! Statements put together from text and bound values, for both databases: placeholders and lists of keys are
//! what differs. A list is one parameter, so that a shape of query has one prepared statement whatever its length.

use entity::Moment;
use sea_orm::{DatabaseBackend, Statement, Value, sea_query::ArrayType};

use super::Source;
use crate::caller::Scope;

/// Rows to be written by one statement, each with its columns' values.
pub struct Rows<const N: usize> {
    kinds: [&'static str; N],
    rows: Vec<serde_json::Value>,
}

impl<const N: usize> Rows<N> {
    /// No rows yet, of columns with these PostgreSQL types.
    pub fn new(kinds: [&'static str; N]) -> Self {
        Self { kinds, rows: Vec::new() }
    }

    /// Adds a row.
    pub fn add(&mut self, row: [serde_json::Value; N]) {
        self.rows.push(serde_json::Value::from(Vec::from(row)));
    }
}

/// Items of a list that PostgreSQL does not know when it plans.
const LIKELY: usize = 10;

/// What stands in a text for the moment of who asks.
const NOW: &str = "{now}";

/// A statement in the making.
pub struct Sql {
    backend: DatabaseBackend,
    /// The moment of who asks.
    now: Option<Moment>,
    text: String,
    values: Vec<Value>,
}

impl Sql {
    /// Begins an empty statement.
    pub fn new(backend: DatabaseBackend) -> Self {
        Self { backend, now: None, text: String::with_capacity(256), values: Vec::new() }
    }

    /// Begins an empty statement for a source, with its moment.
    pub fn of(source: &impl Source) -> Self {
        Self { now: source.now(), ..Self::new(source.backend()) }
    }

    /// Which SQL it is.
    pub fn backend(&self) -> DatabaseBackend {
        self.backend
    }

    /// Adds text. It comes from the code, never from input.
    pub fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds text in which `{now}` stands for the moment of who asks. Where that is not known, nothing is over yet.
    pub fn timed(&mut self, text: &str) -> &mut Self {
        let now = self.now.unwrap_or(Moment(i64::MIN));
        for (at, part) in text.split(NOW).enumerate() {
            if at > 0 {
                self.bind(now);
            }
            self.push(part);
        }
        self
    }

    /// Adds a parameter.
    pub fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        match self.backend {
            DatabaseBackend::Postgres => {
                self.text.push('$');
                self.text.push_str(&self.values.len().to_string());
            }
            _ => self.text.push('?'),
        }
        self
    }

    /// Adds `column` is one of the numbers. A single one is compared as such, so that an index still gives the order
    /// behind it.
    pub fn among(&mut self, column: &str, mut numbers: impl Iterator<Item = i64>) -> &mut Self {
        self.push(column);
        let (first, second) = (numbers.next(), numbers.next());
        if let (Some(only), None) = (first, second) {
            return self.push(" = ").bind(only);
        }
        let numbers = first.into_iter().chain(second).chain(numbers);
        if self.backend == DatabaseBackend::Postgres {
            let list = numbers.map(|number| Value::BigInt(Some(number))).collect();
            return self.any(ArrayType::BigInt, list);
        }
        let list: Vec<_> = numbers.map(|number| number.to_string()).collect();
        self.each(format!("[{}]", list.join(",")))
    }

    /// Adds `column` is one of the texts.
    pub fn among_texts(&mut self, column: &str, texts: &[String]) -> &mut Self {
        self.push(column);
        if self.backend == DatabaseBackend::Postgres {
            let list = texts.iter().map(|text| Value::from(text.as_str())).collect();
            return self.any(ArrayType::String, list);
        }
        self.each(serde_json::Value::from(texts.to_vec()).to_string())
    }

    /// PostgreSQL's list in one parameter. It takes a list that it does not know for one of ten, and would plan anew each
    /// time for a shorter one, which takes longer than to run it: a short list repeats its last item.
    fn any(&mut self, kind: ArrayType, mut list: Vec<Value>) -> &mut Self {
        if let Some(last) = list.last().cloned() {
            list.resize(list.len().max(LIKELY + 1), last);
        }
        self.push(" = ANY(").bind(Value::Array(kind, Some(Box::new(list)))).push(")")
    }

    /// SQLite's list in one parameter.
    fn each(&mut self, json: String) -> &mut Self {
        self.push(" IN (SELECT value FROM json_each(").bind(json).push("))")
    }

    /// Adds `AND` the organization in the column is within the scope.
    pub fn within(&mut self, column: &str, scope: Scope) -> &mut Self {
        if let Scope::Below(organization) = scope {
            self.push(" AND ").push(column);
            self.push(" IN (SELECT descendant_id FROM organization_closure WHERE ancestor_id = ");
            self.bind(organization).push(")");
        }
        self
    }

    /// Adds a parameter of a type that the statement does not tell by itself.
    pub fn cast(&mut self, value: impl Into<Value>, kind: &str) -> &mut Self {
        self.push("CAST(").bind(value).push(" AS ").push(kind).push(")")
    }

    /// Adds rows to select from, with columns `a`, `b`, `c`, … in one parameter, whatever their number.
    pub fn rows<const N: usize>(&mut self, rows: Rows<N>, alias: &str) -> &mut Self {
        let json = serde_json::Value::from(rows.rows).to_string();
        let columns = || ('a'..='z').zip(rows.kinds).enumerate();
        if self.backend == DatabaseBackend::Postgres {
            self.push("(SELECT ");
            for (at, (name, kind)) in columns() {
                let column =
                    format!("{}(x.value ->> {at})::{kind} AS {name}", if at == 0 { "" } else { ", " });
                self.push(&column);
            }
            self.push(" FROM json_array_elements(").cast(json, "JSON").push(") x) ");
        } else {
            self.push("(SELECT ");
            for (at, (name, _)) in columns() {
                let column = format!("{}value ->> {at} AS {name}", if at == 0 { "" } else { ", " });
                self.push(&column);
            }
            self.push(" FROM json_each(").bind(json).push(")) ");
        }
        self.push(alias)
    }

    /// Adds a limit of rows, rounded up: where the number stands in the text, PostgreSQL plans once for it, and there
    /// are few texts.
    pub fn limit(&mut self, rows: u32) -> &mut Self {
        let rows = u64::from(rows);
        let rounded = [2, 6, 11, 21, 51, 101, 201].into_iter().find(|limit| *limit >= rows);
        let limit = rounded.unwrap_or_else(|| rows.next_multiple_of(100));
        self.push(" LIMIT ").push(&limit.to_string())
    }

    /// The finished statement.
    pub fn statement(self) -> Statement {
        Statement::from_sql_and_values(self.backend, self.text, self.values)
    }
}

/// A pattern for `LIKE … ESCAPE '\'` that matches the text itself.
pub fn like(before: &str, text: &str, after: &str) -> String {
    let mut pattern = String::from(before);
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern + after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_those_of_the_database() {
        for (backend, want) in [
            (DatabaseBackend::Sqlite, "a = ? AND b IN (SELECT value FROM json_each(?))"),
            (DatabaseBackend::Postgres, "a = $1 AND b = ANY($2)"),
        ] {
            let mut sql = Sql::new(backend);
            sql.push("a = ").bind(1_i64).push(" AND ").among("b", [1, 2].into_iter());
            assert_eq!(sql.statement().sql, want);
        }
        for (rows, want) in
            [(0, " LIMIT 2"), (51, " LIMIT 51"), (52, " LIMIT 101"), (u32::MAX, " LIMIT 4294967300")]
        {
            assert_eq!(Sql::new(DatabaseBackend::Sqlite).limit(rows).text, want);
        }
        let mut sql = Sql::new(DatabaseBackend::Postgres);
        sql.among("a", [1].into_iter()).push(" AND ").among("b", [].into_iter());
        assert_eq!(sql.statement().sql, "a = $1 AND b = ANY($2)");
    }

    #[test]
    fn the_moment_is_a_parameter_where_it_stands() {
        for (now, want) in [(Some(Moment(7)), 7_i64), (None, i64::MIN)] {
            let mut sql = Sql { now, ..Sql::new(DatabaseBackend::Postgres) };
            sql.bind(1_i64).timed(" < {now} AND a > {now}");
            let statement = sql.statement();
            assert_eq!(statement.sql, "$1 < $2 AND a > $3");
            let values = statement.values.expect("values").0;
            assert_eq!(values, [1_i64, want, want].map(Value::from));
        }
    }

    #[test]
    fn a_pattern_matches_its_text_only() {
        assert_eq!(like("%", r"5%_\", "%"), r"%5\%\_\\%");
    }
}
