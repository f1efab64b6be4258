//! Relay connections over the store's pages: arguments, cursors, counts that cost nothing unless asked for.

use std::{borrow::Cow, sync::Arc};

use async_graphql::{
    Context, ContextSelectionSet, InputObject, Object, OutputType, Positioned, SelectionField, ServerResult,
    SimpleObject, TypeName, Value, parser::types::Field, registry::Registry, resolver_utils::resolve_list,
};
use data_encoding::BASE64URL_NOPAD;
use entity::change_subject::Noun;
use futures_util::future::BoxFuture;

use super::{
    Ask, Result,
    change::ChangeEvent,
    filter::bounded,
    in_order::InOrder,
    level::{self, Answers, Kept, Thing},
    loader::{Look, Of, shared, wanted, wanted_nodes},
};
use crate::{
    config,
    error::Error,
    store::page::{self, Filter, Key, KeyValue, Order, Page, Relation, Slice},
};

/// Which part of a list is asked for.
#[derive(Default)]
pub struct Asked {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

/// Counts a list when it is asked to.
type Count = Box<dyn Fn() -> BoxFuture<'static, Result<i64>> + Send + Sync>;

/// A page of a list.
pub type Connection<T> = InOrder<Listed<T>>;

/// The fields of a [`Connection`].
pub struct Listed<T> {
    list: String,
    items: Vec<(T, Key)>,
    has_previous: bool,
    has_next: bool,
    count: Counted,
}

enum Counted {
    Later(Count),
    Below(Relation, i64),
    History(Noun, i64),
}

/// An item of a list with its place in it.
pub struct Edge<T> {
    node: T,
    cursor: String,
}

/// Where a page stands in its list.
#[derive(SimpleObject)]
pub struct PageInfo {
    /// Whether there are items before this page.
    has_previous_page: bool,
    /// Whether there are items behind this page.
    has_next_page: bool,
    /// Place of the page's first item; pass it as `before` for the page before.
    start_cursor: Option<String>,
    /// Place of the page's last item; pass it as `after` for the next page.
    end_cursor: Option<String>,
}

/// A noun's GraphQL type over its row.
pub trait Rendered: OutputType + Clone + 'static {
    type Row: Look;
    /// The type over a row.
    fn of(row: Arc<Self::Row>) -> Self;
    /// The row.
    fn row(&self) -> &Arc<Self::Row>;
    /// The noun's loaders.
    fn loaders(loaders: &super::Loaders) -> &Of<Self::Row>;
    /// What is asked of rows, with `at` standing at each of them.
    fn fill<'a>(at: &'a [ContextSelectionSet<'a>], rows: &'a [Arc<Self::Row>]) -> BoxFuture<'a, Answers>;
}

impl<T: Kept> Rendered for Thing<T> {
    type Row = T::Row;

    fn of(row: Arc<Self::Row>) -> Self {
        Self(T::of(row))
    }

    fn row(&self) -> &Arc<Self::Row> {
        self.0.row()
    }

    fn loaders(loaders: &super::Loaders) -> &Of<Self::Row> {
        T::loaders(loaders)
    }

    fn fill<'a>(at: &'a [ContextSelectionSet<'a>], rows: &'a [Arc<Self::Row>]) -> BoxFuture<'a, Answers> {
        level::fill::<T>(at, rows)
    }
}

impl<T: OutputType> TypeName for Listed<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: Item> Listed<T> {
    /// The items, each with its place in the list.
    async fn edges(&self) -> Vec<InOrder<Edge<T>>> {
        self.items
            .iter()
            .map(|(node, key)| InOrder(Edge { node: node.clone(), cursor: write(&self.list, key) }))
            .collect()
    }

    /// The items alone.
    async fn nodes(&self) -> Nodes<T> {
        Nodes(self.items.iter().map(|(node, _)| node.clone()).collect())
    }

    /// Where the page stands in the list.
    async fn page_info(&self) -> InOrder<PageInfo> {
        InOrder(PageInfo {
            has_previous_page: self.has_previous,
            has_next_page: self.has_next,
            start_cursor: self.items.first().map(|(_, key)| write(&self.list, key)),
            end_cursor: self.items.last().map(|(_, key)| write(&self.list, key)),
        })
    }

    /// How many items the whole list has. Counted only when selected.
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i64> {
        match &self.count {
            Counted::Later(count) => count().await,
            Counted::Below(relation, parent) => T::count(ctx, *relation, *parent).await,
            Counted::History(noun, id) => ctx.loaders()?.history_count(*noun, *id).await,
        }
    }
}

/// An item of a list.
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    /// The item.
    async fn node(&self) -> &T {
        &self.node
    }

    /// Its place in the list; it stays valid when items come and go.
    async fn cursor(&self) -> &str {
        &self.cursor
    }
}

/// The items of a page, answered together.
pub struct Nodes<T>(Vec<T>);

impl<T: Item> OutputType for Nodes<T> {
    fn type_name() -> Cow<'static, str> {
        <Vec<T> as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        <Vec<T> as OutputType>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Vec<T> as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        T::answer(ctx, field, &self.0).await
    }
}

/// What stands in lists.
pub trait Item: OutputType + Clone {
    /// How many children of this kind a parent has.
    fn count(ctx: &Context<'_>, relation: Relation, parent: i64) -> impl Future<Output = Result<i64>> + Send;

    /// What is asked of the items of a page; one by one, unless the type knows better.
    fn answer(
        ctx: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
        items: &[Self],
    ) -> impl Future<Output = ServerResult<Value>> + Send {
        async move { resolve_list(ctx, field, items, Some(items.len())).await }
    }
}

impl<T: Rendered> Item for T {
    async fn answer(
        ctx: &ContextSelectionSet<'_>,
        _field: &Positioned<Field>,
        items: &[Self],
    ) -> ServerResult<Value> {
        level::list(ctx, items).await
    }

    async fn count(ctx: &Context<'_>, relation: Relation, parent: i64) -> Result<i64> {
        T::loaders(ctx.loaders()?).count(relation, parent).await
    }
}

impl<T> Listed<T> {
    /// A page of items with their places.
    pub fn page(list: &str, page: Page<T>, count: Count) -> Connection<T> {
        Self::of(list, page, Counted::Later(count))
    }

    fn of(list: &str, page: Page<T>, count: Counted) -> Connection<T> {
        InOrder(Self {
            list: list.to_owned(),
            items: page.rows,
            has_previous: page.has_previous,
            has_next: page.has_next,
            count,
        })
    }

    /// A page of the history of a thing.
    pub fn of_history(list: &str, page: Page<T>, noun: Noun, id: i64) -> Connection<T> {
        Self::of(list, page, Counted::History(noun, id))
    }
}

impl Item for ChangeEvent {
    async fn count(_ctx: &Context<'_>, _relation: Relation, _parent: i64) -> Result<i64> {
        // Histories hang below no relation; they are counted by their subject.
        Ok(0)
    }
}

/// A page of a noun's list at the root.
pub async fn root<T: Rendered>(
    ctx: &Context<'_>,
    list: &str,
    filter: Filter,
    order: Order,
    ask: Asked,
) -> Result<Connection<T>> {
    let filter = bounded(filter, ctx.app()?.config().guard.conditions)?;
    let direction = if order.descending { "desc" } else { "asc" };
    let list = format!("{list} by {} {direction}", order.column);
    let slice = slice(&ctx.app()?.config().page, &list, order.number, ask)?;
    let reader = ctx.reader()?;
    let columns = wanted_nodes::<T::Row>(ctx.field());
    let page = if is_only_counted(ctx.field()) {
        Page::default()
    } else {
        page::page::<T::Row>(&reader, reader.scope(), &filter, order, &slice, columns).await?
    };
    let filter = Arc::new(filter);
    let count: Count = Box::new(move || {
        let (reader, filter) = (reader.clone(), filter.clone());
        Box::pin(async move { Ok(page::count::<T::Row>(&reader, reader.scope(), &filter).await?) })
    });
    Ok(Listed::page(&list, rendered(&shared(page)), count))
}

/// A page of a noun's list below a parent; those of many parents are read at once.
pub async fn below<T: Rendered>(
    ctx: &Context<'_>,
    relation: Relation,
    parent: i64,
    ask: Asked,
) -> Result<Connection<T>> {
    let slice = slice(&ctx.app()?.config().page, relation.name, relation.order.number, ask)?;
    let columns = wanted_nodes::<T::Row>(ctx.field());
    let page = if is_only_counted(ctx.field()) {
        Page::default()
    } else {
        rendered(&*T::loaders(ctx.loaders()?).page(relation, parent, slice, columns).await?)
    };
    Ok(Listed::of(relation.name, page, Counted::Below(relation, parent)))
}

/// The first of a noun's list below a parent, when one is seen.
pub async fn first_below<T: Rendered>(
    ctx: &Context<'_>,
    relation: Relation,
    parent: i64,
) -> Result<Option<T>> {
    let columns = wanted::<T::Row>(ctx.field());
    let page = T::loaders(ctx.loaders()?).page(relation, parent, Slice::front(1), columns).await?;
    Ok(page.rows.first().map(|(row, _)| T::of(row.clone())))
}

/// Whether a connection is asked for its count alone, so that no page need be read.
pub fn is_only_counted(field: SelectionField<'_>) -> bool {
    field.selection_set().all(|part| matches!(part.name(), "totalCount" | "__typename"))
}

/// The thing with this id, when it is there and seen.
pub async fn one<T: Rendered>(ctx: &Context<'_>, id: Option<impl Into<i64>>) -> Result<Option<T>> {
    one_of(ctx, ctx.field(), id).await
}

/// The same for what may have come with the row, in the same statement.
pub async fn one_joined<T: Rendered>(
    ctx: &Context<'_>,
    joined: Option<&Arc<T::Row>>,
    id: impl Into<i64>,
) -> Result<Option<T>> {
    match joined {
        Some(row) => Ok(Some(T::of(row.clone()))),
        None => one(ctx, Some(id)).await,
    }
}

/// The same, with the columns that a given field asks for.
pub async fn one_of<T: Rendered>(
    ctx: &Context<'_>,
    field: SelectionField<'_>,
    id: Option<impl Into<i64>>,
) -> Result<Option<T>> {
    let Some(id) = id else { return Ok(None) };
    let columns = wanted::<T::Row>(field);
    Ok(T::loaders(ctx.loaders()?).get(id.into(), columns).await?.map(T::of))
}

/// The things with these ids, in their order; what is not seen is left out.
pub async fn several<T: Rendered>(ctx: &Context<'_>, ids: impl IntoIterator<Item = i64>) -> Result<Vec<T>> {
    let columns = wanted::<T::Row>(ctx.field());
    let ids: Vec<_> = ids.into_iter().collect();
    let found = T::loaders(ctx.loaders()?).get_many(ids.iter().copied(), columns).await?;
    Ok(ids.iter().filter_map(|id| found.get(id)).cloned().map(T::of).collect())
}

fn rendered<T: Rendered>(page: &Page<Arc<T::Row>>) -> Page<T> {
    Page {
        rows: page.rows.iter().map(|(row, key)| (T::of(row.clone()), key.clone())).collect(),
        has_previous: page.has_previous,
        has_next: page.has_next,
    }
}

/// The slice that the arguments ask for, of a list that is ordered by numbers or by texts.
pub fn slice(settings: &config::Page, list: &str, number: bool, ask: Asked) -> Result<Slice> {
    if ask.first.is_some() && ask.last.is_some() {
        return Err(Error::Input("pass first or last, not both".to_owned()));
    }
    let asked = ask.first.or(ask.last);
    let limit = match asked {
        None => settings.default,
        Some(count) => u32::try_from(count)
            .ok()
            .filter(|count| *count <= settings.most)
            .ok_or_else(|| Error::Input(format!("a page has 0 to {} items, not {count}", settings.most)))?,
    };
    Ok(Slice {
        limit,
        after: ask.after.map(|cursor| read(list, number, &cursor, "after")).transpose()?,
        before: ask.before.map(|cursor| read(list, number, &cursor, "before")).transpose()?,
        backwards: ask.last.is_some(),
    })
}

/// The cursor of an item at this place of a list.
pub fn write(list: &str, key: &Key) -> String {
    let value = match &key.value {
        KeyValue::Int(number) => serde_json::json!([list, number, key.id]),
        KeyValue::Text(text) => serde_json::json!([list, text, key.id]),
    };
    BASE64URL_NOPAD.encode(value.to_string().as_bytes())
}

fn read(list: &str, number: bool, cursor: &str, argument: &str) -> Result<Key> {
    let bytes = BASE64URL_NOPAD.decode(cursor.as_bytes()).ok();
    let value =
        bytes.and_then(|bytes| serde_json::from_slice::<(String, serde_json::Value, i64)>(&bytes).ok());
    let Some((of, value, id)) = value else {
        return Err(Error::Input(format!("`{argument}` is not a cursor; pass one as you got it")));
    };
    if of != list {
        return Err(Error::Input(format!(
            "`{argument}` is a cursor of another list or order; start this one without it"
        )));
    }
    let value = match value {
        serde_json::Value::String(text) if !number && !text.contains('\0') => Some(KeyValue::Text(text)),
        value => value.as_i64().filter(|_| number).map(KeyValue::Int),
    };
    let value = value.ok_or_else(|| Error::Input(format!("`{argument}` is not a cursor")))?;
    Ok(Key { value, id })
}

/// Which way a list is ordered.
#[derive(async_graphql::Enum, Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Direction {
    /// Smallest, first or oldest first.
    #[default]
    Ascending,
    /// Largest, last or newest first.
    Descending,
}

/// Between two points in time.
#[derive(InputObject)]
pub struct TimeRange {
    /// At this time or later.
    pub from: Option<chrono::DateTime<chrono::Utc>>,
    /// At this time or earlier.
    pub to: Option<chrono::DateTime<chrono::Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(first: Option<i32>, last: Option<i32>, after: Option<&str>) -> Result<Slice> {
        let ask = Asked { first, last, after: after.map(str::to_owned), before: None };
        slice(&config::Page::default(), "profiles by t.name_key asc", false, ask)
    }

    #[test]
    fn bad_pages_are_told() {
        assert_eq!(ask(None, None, None).expect("default").limit, 50);
        assert_eq!(ask(Some(0), None, None).expect("none").limit, 0);
        for (first, last, after) in [
            (Some(1), Some(1), None),
            (Some(201), None, None),
            (Some(-1), None, None),
            (None, None, Some("nonsense")),
        ] {
            assert!(matches!(ask(first, last, after), Err(Error::Input(_))), "{first:?} {last:?} {after:?}");
        }
    }

    #[test]
    fn a_cursor_is_of_its_list_only() {
        let key = Key { value: KeyValue::Text("em-1".into()), id: 7 };
        let here = write("profiles by t.name_key asc", &key);
        assert_eq!(ask(Some(1), None, Some(&here)).expect("its own").after, Some(key.clone()));
        let there = write("profiles by t.created_at asc", &key);
        assert!(matches!(ask(Some(1), None, Some(&there)), Err(Error::Input(_))));
    }
}
