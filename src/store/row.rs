//! Rows as far as a query asked for them: a set of columns, and values that were loaded or not. A value that was
//! not loaded is an error when it is asked for, never a silent default.

use std::collections::HashMap;

use sea_orm::{DbErr, QueryResult};

use super::{join::Joined, sql::Sql};
use crate::caller::Scope;

/// Which columns of a row a query asks for, and which of what is joined with it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Columns {
    pub own: u64,
    pub organization: u64,
    pub cluster: u64,
    pub line: u64,
}

impl Columns {
    /// Columns of the row alone.
    pub fn own(own: u64) -> Self {
        Self { own, ..Self::default() }
    }
}

/// A value that the query may not have asked for.
#[derive(Clone, Debug)]
pub struct Loaded<T>(Option<T>);

impl<T> Default for Loaded<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Loaded<T> {
    /// The value is there.
    pub fn some(value: T) -> Self {
        Self(Some(value))
    }

    /// The value; an error when the query did not ask for its column.
    pub fn get(&self) -> Result<&T, DbErr> {
        self.0.as_ref().ok_or_else(|| {
            DbErr::Custom(format!("a column of type {} was not loaded", std::any::type_name::<T>()))
        })
    }
}

/// A noun's row.
pub trait Row: Clone + Default + Send + Sync + 'static {
    /// The table, quoted where it must be.
    const TABLE: &'static str;
    /// The columns in order; a column's place is its bit in [`Columns`].
    const FIELDS: &'static [&'static str];

    /// Columns by which an index orders what is kept at one organization.
    const ORDERED_AT_ORGANIZATION: &'static [&'static str] = &[];

    /// Reads the asked-for columns, which stand from `at` on.
    fn read(row: &QueryResult, columns: Columns, at: &mut usize) -> Result<Self, DbErr>;

    /// Adds `AND` the row of this alias is within the scope.
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        sql.within(&format!("{alias}.organization_id"), scope);
    }

    /// Takes what came with the row.
    fn take(&mut self, joined: Joined);

    /// The row's id.
    fn id(&self) -> Result<i64, DbErr>;

    /// Columns that are always read.
    fn always() -> u64;
}

/// GraphQL names with the columns that each needs.
pub type Names = HashMap<&'static str, u64>;

/// The columns that have these GraphQL names: a field that is a column, or that leads to what a column points at
/// (`cluster` needs `cluster_id`).
pub fn columns<R: Row>(names: &Names, fields: impl Iterator<Item = impl AsRef<str>>) -> u64 {
    fields.fold(R::always(), |set, field| set | names.get(field.as_ref()).copied().unwrap_or(0))
}

/// The GraphQL names of a row's columns with their bits.
pub fn names<R: Row>() -> Names {
    let mut names = HashMap::new();
    for (bit, field) in R::FIELDS.iter().enumerate() {
        for name in [camel(field), camel(field.strip_suffix("_id").unwrap_or(field))] {
            *names.entry(&*name.leak()).or_insert(0) |= 1 << bit;
        }
    }
    names
}

/// Every column.
pub fn all<R: Row>() -> u64 {
    (1 << R::FIELDS.len()) - 1
}

/// The bit of a column.
pub fn bit<R: Row>(field: &str) -> u64 {
    R::FIELDS.iter().position(|known| *known == field).map_or(0, |at| 1 << at)
}

/// Adds the asked-for columns of the table with this alias, each preceded by a comma.
pub fn select<R: Row>(sql: &mut Sql, alias: &str, set: u64) {
    for (bit, field) in R::FIELDS.iter().enumerate() {
        if set & (1 << bit) != 0 {
            sql.push(", ").push(alias).push(".").push(field);
        }
    }
}

fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &head.into_iter().chain(letters).collect::<String>()
    })
}

/// Declares a noun's row: one optional value per column, read by position.
macro_rules! row {
    (
        $(#[$doc:meta])* $name:ident of $table:literal, $model:ty, always [$($always:literal),*]
        { $($field:ident : $type:ty),* $(,)? } $($hooks:item)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $name {
            $( pub $field: $crate::store::row::Loaded<$type>, )*
            /// What came with it.
            pub joined: $crate::store::join::Joined,
        }

        impl $crate::store::row::Row for $name {
            const TABLE: &'static str = $table;
            const FIELDS: &'static [&'static str] = &[ $( stringify!($field) ),* ];

            fn read(
                row: &sea_orm::QueryResult,
                columns: $crate::store::row::Columns,
                at: &mut usize,
            ) -> Result<Self, sea_orm::DbErr> {
                let mut read = Self::default();
                let mut bit = 1_u64;
                $(
                    if columns.own & bit != 0 {
                        read.$field = $crate::store::row::Loaded::some(row.try_get_by_index(*at)?);
                        *at += 1;
                    }
                    bit <<= 1;
                )*
                let _ = bit;
                Ok(read)
            }

            fn take(&mut self, joined: $crate::store::join::Joined) {
                self.joined = joined;
            }

            fn id(&self) -> Result<i64, sea_orm::DbErr> {
                Ok(self.id.get()?.0)
            }

            fn always() -> u64 {
                0 $( | $crate::store::row::bit::<Self>($always) )*
            }

            $($hooks)*
        }

        impl From<$model> for $name {
            fn from(model: $model) -> Self {
                Self { $( $field: $crate::store::row::Loaded::some(model.$field), )* joined: $crate::store::join::Joined::default() }
            }
        }
    };
}

pub(crate) use row;
