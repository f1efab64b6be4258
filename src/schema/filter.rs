//! Filters that every noun's filter is made of.

use async_graphql::{ID, InputObject};
use chrono::{DateTime, Utc};

use super::{
    Result,
    connection::TimeRange,
    value::id::{self, or_none},
};
use crate::{error::Error, rule::value::key, store::page::Filter};

/// The filter of a request, if it joins no more conditions than the setting says: each of them is compared with every
/// row, and SQLite takes no expression that is a thousand deep.
pub fn bounded(filter: impl Into<Filter>, most: usize) -> Result<Filter> {
    let filter = filter.into();
    let found = filter.conditions();
    if found > most {
        return Err(Error::Input(format!(
            "the filter joins {found} conditions; the limit is {most}: list values with `in` or `ids`, or ask in several queries"
        )));
    }
    Ok(filter)
}

/// What a text is compared with. All that is given must hold; case makes no difference for names.
#[derive(Default, InputObject)]
pub struct StringFilter {
    /// The text is this.
    pub equals: Option<String>,
    /// The text holds this.
    pub contains: Option<String>,
    /// The text begins with this.
    pub starts_with: Option<String>,
    /// The text is one of these.
    pub r#in: Option<Vec<String>>,
}

impl StringFilter {
    /// The filter on a column that is compared as it is.
    pub fn exact(self, column: &'static str) -> Filter {
        self.on(column, |text| text)
    }

    /// The filter on a column that holds lower case.
    pub fn keyed(self, column: &'static str) -> Filter {
        self.on(column, |text| key(&text))
    }

    fn on(self, column: &'static str, form: impl Fn(String) -> String) -> Filter {
        let mut parts = Vec::new();
        parts.extend(self.equals.map(|text| Filter::Is(column, form(text))));
        parts.extend(self.contains.map(|text| Filter::Contains(column, form(text))));
        parts.extend(self.starts_with.map(|text| Filter::StartsWith(column, form(text))));
        parts.extend(self.r#in.map(|texts| Filter::Texts(column, texts.into_iter().map(form).collect())));
        Filter::All(parts)
    }
}

/// Where in the organization tree.
#[derive(InputObject)]
pub struct OrganizationScope {
    /// Any of these organizations.
    pub ids: Vec<ID>,
    /// Whether everything below them counts as well.
    #[graphql(default = true)]
    pub include_below: bool,
}

impl OrganizationScope {
    /// The filter on a column.
    pub fn on(self, column: &'static str) -> Filter {
        let ids = self.ids.iter().map(|id| or_none(id::organization(id)).0).collect();
        Filter::Organizations(column, ids, self.include_below)
    }
}

/// The parts of a noun's filter, put together.
#[derive(Default)]
pub struct Parts(Vec<Filter>);

impl Parts {
    /// Adds a part where it is given.
    pub fn add<T>(&mut self, given: Option<T>, part: impl FnOnce(T) -> Filter) -> &mut Self {
        self.0.extend(given.map(part));
        self
    }

    /// Adds the filters of which all, any or none must hold.
    pub fn combine<F: Into<Filter>>(
        &mut self,
        and: Option<Vec<F>>,
        or: Option<Vec<F>>,
        not: Option<Box<F>>,
    ) -> &mut Self {
        let all = |filters: Vec<F>| filters.into_iter().map(Into::into).collect();
        self.add(and, |filters| Filter::All(all(filters)));
        self.add(or, |filters| Filter::Any(all(filters)));
        self.add(not, |filter| Filter::Not(Box::new((*filter).into())))
    }

    /// Adds a range of time on a column.
    pub fn time(&mut self, range: Option<TimeRange>, column: &'static str) -> &mut Self {
        let micros = |time: DateTime<Utc>| time.timestamp_micros();
        if let Some(range) = range {
            self.add(range.from, |time| Filter::AtLeast(column, micros(time)));
            self.add(range.to, |time| Filter::AtMost(column, micros(time)));
        }
        self
    }

    /// Adds a condition that holds or does not.
    pub fn whether(&mut self, given: Option<bool>, condition: &'static str) -> &mut Self {
        self.add(given, |wanted| {
            let fixed = Filter::Fixed(condition);
            if wanted { fixed } else { Filter::Not(Box::new(fixed)) }
        })
    }

    /// Adds whether the query finds something that the caller sees; see [`Filter::Exists`].
    pub fn related(
        &mut self,
        given: Option<bool>,
        query: &'static str,
        column: &'static str,
        table: &'static str,
    ) -> &mut Self {
        self.add(given, |wanted| {
            let found = Filter::Exists(query, column, table);
            if wanted { found } else { Filter::Not(Box::new(found)) }
        })
    }

    /// The whole filter.
    pub fn all(self) -> Filter {
        Filter::All(self.0)
    }
}

/// The numbers of ids of one type; an id of another type is one that nothing has.
pub fn numbers<K: id::Key>(ids: &[ID], read: fn(&ID) -> Option<K>) -> Vec<i64>
where
    i64: From<K>,
{
    ids.iter().map(|id| or_none(read(id)).into()).collect()
}
