//! Pages answered level by level. All things of a noun that stand on one level of an answer are read together: leaves
//! on the spot, and each field that leads to another noun once for all of them, through the loaders. What a page
//! costs is then its values, not a future and a box for each of its fields.
//!
//! Each noun tells by its leads where its fields go. A field without a lead is asked of its resolver, as the library
//! would, so the answers are the same either way; a test compares them.

use std::{borrow::Cow, collections::HashMap, marker::PhantomData, ops::Deref, pin::pin, sync::Arc, task};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, InputType, Name, ObjectType, OutputType, Positioned,
    ServerError, ServerResult, Value, indexmap::IndexMap, parser::types::Field, registry::Registry,
    resolver_utils::Fields,
};
use futures_util::future::{BoxFuture, join_all};

use super::{
    Ask, Result,
    connection::{Asked, Rendered, is_only_counted, slice, write},
    in_order::{Picked, Resolves, picked, settle},
    loader::{Loaders, Look, Of, wanted, wanted_nodes},
};
use crate::{
    error::Error,
    store::{
        page::{Page, Relation, Slice},
        row::Row,
    },
};

/// What came of each of many.
pub type Answers = Vec<ServerResult<Value>>;

/// The leads of a noun, by the names of its fields.
pub type Leads<R> = HashMap<&'static str, Box<dyn Lead<R>>>;

/// Where a field leads.
pub trait Lead<R>: Send + Sync {
    /// The field's value for each of the rows; `at` stands at the field, once for each row.
    fn follow<'a>(&'a self, at: &'a [Context<'a>], rows: &'a [Arc<R>]) -> BoxFuture<'a, Answers>;
}

/// A thing of a noun.
#[derive(Clone)]
pub struct Thing<T>(pub T);

impl<T> Deref for Thing<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// An object over a row, with its leads.
pub trait Kept: ObjectType + Clone + 'static {
    type Row: Look;
    /// The object over a row.
    fn of(row: Arc<Self::Row>) -> Self;
    /// The row.
    fn row(&self) -> &Arc<Self::Row>;
    /// The noun's loaders.
    fn loaders(loaders: &Loaders) -> &Of<Self::Row>;
    /// Where its fields lead.
    fn leads() -> &'static Leads<Self::Row>;
}

impl<T: Kept> OutputType for Thing<T> {
    fn type_name() -> Cow<'static, str> {
        <T as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        let rows = [self.0.row().clone()];
        let answers = fill::<T>(std::slice::from_ref(ctx), &rows).await;
        answers.into_iter().next().unwrap_or(Ok(Value::Null))
    }
}

impl<T: Kept> ContainerType for Thing<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        self.0.resolved(ctx).await.map(Some)
    }

    fn collect_all_fields<'a>(
        &'a self,
        ctx: &ContextSelectionSet<'a>,
        fields: &mut Fields<'a>,
    ) -> ServerResult<()> {
        self.0.collect_all_fields(ctx, fields)
    }
}

impl<T: Kept> ObjectType for Thing<T> {}

/// A list of things as the value of a field, without their places.
pub async fn list<T: Rendered>(ctx: &ContextSelectionSet<'_>, things: &[T]) -> ServerResult<Value> {
    let rows: Vec<_> = things.iter().map(|thing| thing.row().clone()).collect();
    let at: Vec<_> = (0..rows.len()).map(|index| ctx.with_index(index)).collect();
    T::fill(&at, &rows).await.into_iter().collect::<ServerResult<_>>().map(Value::List)
}

/// Answers what is asked of things; `at` stands at each of them.
pub fn fill<'a, T: Kept>(
    at: &'a [ContextSelectionSet<'a>],
    rows: &'a [Arc<T::Row>],
) -> BoxFuture<'a, Answers> {
    Box::pin(filled::<T>(at, rows))
}

async fn filled<T: Kept>(at: &[ContextSelectionSet<'_>], rows: &[Arc<T::Row>]) -> Answers {
    let Some(first) = at.first() else { return Vec::new() };
    let fields = picked(first, &T::type_name());
    let things: Vec<T> = rows.iter().cloned().map(T::of).collect();
    let mut objects: Vec<_> = rows.iter().map(|_| Ok(IndexMap::with_capacity(fields.len()))).collect();
    let mut later = Vec::new();
    for field in fields.iter().map(Picked::field) {
        let key = &field.node.response_key().node;
        if field.node.name.node == "__typename" {
            put(&mut objects, key, || Value::String(T::type_name().into_owned()));
        } else if !field.node.selection_set.node.items.is_empty()
            || !leaves(&things, at, field, key, &mut objects)
        {
            put(&mut objects, key, || Value::Null);
            later.push(field);
        }
    }
    let answers = join_all(later.iter().map(|field| follow::<T>(at, rows, &things, field))).await;
    for (field, answers) in later.into_iter().zip(answers) {
        for ((object, at), answer) in objects.iter_mut().zip(at).zip(answers) {
            keep::<T>(object, at, field, answer);
        }
    }
    objects.into_iter().map(|object| object.map(Value::Object)).collect()
}

type Object = ServerResult<IndexMap<Name, Value>>;

fn put(objects: &mut [Object], key: &Name, value: impl Fn() -> Value) {
    for object in objects.iter_mut().flatten() {
        object.insert(key.clone(), value());
    }
}

/// Keeps the answer of a field with its object, or the error that takes the object's place.
fn keep<T: OutputType>(
    object: &mut Object,
    at: &ContextSelectionSet<'_>,
    field: &Positioned<Field>,
    answer: ServerResult<Value>,
) {
    let Ok(fields) = object else { return };
    match settle(at, &T::type_name(), field, answer) {
        Ok(value) => {
            fields.insert(field.node.response_key().node.clone(), value);
        }
        Err(error) => *object = Err(error),
    }
}

/// Reads a leaf of each thing; false when it cannot be told on the spot.
fn leaves<T: Kept>(
    things: &[T],
    at: &[ContextSelectionSet<'_>],
    field: &Positioned<Field>,
    key: &Name,
    objects: &mut [Object],
) -> bool {
    for ((thing, at), object) in things.iter().zip(at).zip(objects) {
        let ctx = at.with_field(field);
        let answer = {
            let asked = pin!(thing.resolve_field(&ctx));
            asked.poll(&mut task::Context::from_waker(task::Waker::noop()))
        };
        match answer {
            task::Poll::Pending => return false,
            task::Poll::Ready(Ok(value)) => {
                if let Ok(fields) = object {
                    fields.insert(key.clone(), value.unwrap_or_default());
                }
            }
            task::Poll::Ready(Err(error)) => keep::<T>(object, at, field, Err(error)),
        }
    }
    true
}

async fn follow<T: Kept>(
    at: &[ContextSelectionSet<'_>],
    rows: &[Arc<T::Row>],
    things: &[T],
    field: &Positioned<Field>,
) -> Answers {
    let at: Vec<_> = at.iter().map(|ctx| ctx.with_field(field)).collect();
    match T::leads().get(field.node.name.node.as_str()) {
        Some(lead) => lead.follow(&at, rows).await,
        None => join_all(things.iter().zip(&at).map(|(thing, ctx)| thing.resolved(ctx))).await,
    }
}

/// The answers of the rows that are of a kind, each with its place; `at` stands at each row.
pub async fn fill_some<T: Kept>(
    at: &[ContextSelectionSet<'_>],
    rows: &[Arc<T::Row>],
    is: impl Fn(&T::Row) -> bool,
) -> Vec<(usize, ServerResult<Value>)> {
    let places: Vec<_> = rows.iter().enumerate().filter(|(_, row)| is(row)).map(|(place, _)| place).collect();
    let at: Vec<_> = places.iter().map(|place| at[*place].clone()).collect();
    let rows: Vec<_> = places.iter().map(|place| rows[*place].clone()).collect();
    let answers = fill::<T>(&at, &rows).await;
    places.into_iter().zip(answers).collect()
}

/// The answers of all kinds, in the order of their places.
pub fn in_place(kinds: impl IntoIterator<Item = Vec<(usize, ServerResult<Value>)>>) -> Answers {
    let mut all: Vec<_> = kinds.into_iter().flatten().collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, answer)| answer).collect()
}

/// The same failure for everybody.
pub fn failed(at: &[Context<'_>], error: &Error) -> Answers {
    at.iter().map(|ctx| Err(error_at(ctx, error.clone()))).collect()
}

fn error_at(ctx: &Context<'_>, error: Error) -> ServerError {
    ctx.set_error_path(async_graphql::Error::from(error).into_server_error(ctx.item.pos))
}

/// Leads to a list of another noun, page by page.
pub fn to_many<R: Row, T: Rendered>(relation: Relation) -> Box<dyn Lead<R>> {
    Box::new(Many::<T>(relation, PhantomData))
}

/// Leads to one thing of another noun.
pub fn to_one<R: Row, T: Rendered>(id: fn(&R) -> Result<Option<i64>>) -> Box<dyn Lead<R>> {
    Box::new(One::<R, T> { id, joined: |_| None })
}

/// Leads to one thing of another noun, which may have come with the row.
pub fn to_joined<R: Row, T: Rendered>(
    id: fn(&R) -> Result<Option<i64>>,
    joined: fn(&R) -> Option<Arc<T::Row>>,
) -> Box<dyn Lead<R>> {
    Box::new(One::<R, T> { id, joined })
}

/// Leads to the first thing of a list.
pub fn to_first<R: Row, T: Rendered>(relation: Relation, parent: fn(&R) -> Result<i64>) -> Box<dyn Lead<R>> {
    Box::new(First::<R, T> { relation, parent, of: PhantomData })
}

struct One<R, T: Rendered> {
    id: fn(&R) -> Result<Option<i64>>,
    joined: fn(&R) -> Option<Arc<T::Row>>,
}

impl<R: Row, T: Rendered> Lead<R> for One<R, T> {
    fn follow<'a>(&'a self, at: &'a [Context<'a>], rows: &'a [Arc<R>]) -> BoxFuture<'a, Answers> {
        Box::pin(async move { answered::<T>(at, self.found(at, rows).await).await })
    }
}

impl<R: Row, T: Rendered> One<R, T> {
    async fn found(&self, at: &[Context<'_>], rows: &[Arc<R>]) -> Result<Vec<Option<Arc<T::Row>>>> {
        let Some(first) = at.first() else { return Ok(Vec::new()) };
        let mut found: Vec<_> = rows.iter().map(|row| (self.joined)(row)).collect();
        let mut missing = Vec::new();
        for (place, row) in rows.iter().enumerate().filter(|(place, _)| found[*place].is_none()) {
            missing.extend((self.id)(row)?.map(|id| (place, id)));
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let columns = wanted::<T::Row>(first.field());
        let ids = missing.iter().map(|(_, id)| *id);
        let loaded = T::loaders(first.loaders()?).get_many(ids, columns).await?;
        for (place, id) in missing {
            found[place] = loaded.get(&id).cloned();
        }
        Ok(found)
    }
}

struct First<R, T> {
    relation: Relation,
    parent: fn(&R) -> Result<i64>,
    of: PhantomData<fn() -> T>,
}

impl<R: Row, T: Rendered> Lead<R> for First<R, T> {
    fn follow<'a>(&'a self, at: &'a [Context<'a>], rows: &'a [Arc<R>]) -> BoxFuture<'a, Answers> {
        Box::pin(async move { answered::<T>(at, self.found(at, rows).await).await })
    }
}

impl<R: Row, T: Rendered> First<R, T> {
    async fn found(&self, at: &[Context<'_>], rows: &[Arc<R>]) -> Result<Vec<Option<Arc<T::Row>>>> {
        let Some(first) = at.first() else { return Ok(Vec::new()) };
        let parents: Vec<_> = rows.iter().map(|row| (self.parent)(row)).collect::<Result<_>>()?;
        let slice = Slice::front(1);
        let columns = wanted::<T::Row>(first.field());
        let pages = T::loaders(first.loaders()?).pages(self.relation, &parents, slice, columns).await?;
        Ok(pages.iter().map(|page| page.rows.first().map(|(row, _)| row.clone())).collect())
    }
}

/// What came of looking for things, or the failure to.
async fn answered<T: Rendered>(at: &[Context<'_>], found: Result<Vec<Option<Arc<T::Row>>>>) -> Answers {
    match found {
        Ok(found) => scatter::<T>(at, found).await,
        Err(error) => failed(at, &error),
    }
}

/// Answers what is asked of the things that were found; null stands where none was.
pub async fn scatter<T: Rendered>(at: &[Context<'_>], found: Vec<Option<Arc<T::Row>>>) -> Answers {
    let there: Vec<_> = at
        .iter()
        .zip(&found)
        .filter(|(_, row)| row.is_some())
        .map(|(ctx, _)| ctx.with_selection_set(&ctx.item.node.selection_set))
        .collect();
    let is_there: Vec<_> = found.iter().map(Option::is_some).collect();
    let rows: Vec<_> = found.into_iter().flatten().collect();
    let mut answers = T::fill(&there, &rows).await.into_iter();
    let answer = |there| if there { answers.next() } else { None };
    is_there.into_iter().map(answer).map(|answer| answer.unwrap_or(Ok(Value::Null))).collect()
}

struct Many<T>(Relation, PhantomData<fn() -> T>);

impl<R: Row, T: Rendered> Lead<R> for Many<T> {
    fn follow<'a>(&'a self, at: &'a [Context<'a>], rows: &'a [Arc<R>]) -> BoxFuture<'a, Answers> {
        Box::pin(async move {
            let parents = rows.iter().map(|row| row.id()).collect::<Result<Vec<_>, _>>();
            match parents {
                Ok(parents) => connections::<T>(at, self.0, &parents).await,
                Err(error) => failed(at, &error.into()),
            }
        })
    }
}

/// The pages of a noun below many parents, as connections.
async fn connections<T: Rendered>(at: &[Context<'_>], relation: Relation, parents: &[i64]) -> Answers {
    let Some(first) = at.first() else { return Vec::new() };
    let pages = match asked(first) {
        Ok(asked) => below::<T>(first, relation, parents, asked).await,
        Err(error) => return at.iter().map(|ctx| Err(ctx.set_error_path(error.clone()))).collect(),
    };
    let pages = match pages {
        Ok(pages) => pages,
        Err(error) => return failed(at, &error),
    };
    let whole: Vec<_> = at.iter().map(|ctx| ctx.with_selection_set(&ctx.item.node.selection_set)).collect();
    let type_name = format!("{}Connection", T::type_name());
    let Some(selection) = whole.first() else { return Vec::new() };
    let fields = picked(selection, &type_name);
    let parts = join_all(fields.iter().map(Picked::field).map(|field| {
        let (whole, pages, type_name) = (&whole, &pages, &type_name);
        async move {
            let at: Vec<_> = whole.iter().map(|ctx| ctx.with_field(field)).collect();
            let answers = match field.node.name.node.as_str() {
                "nodes" => nodes::<T>(&at, pages).await,
                "edges" => edges::<T>(&at, relation.name, pages).await,
                "pageInfo" => page_infos(&at, relation.name, pages),
                "totalCount" => counts::<T>(&at, relation, parents).await,
                _ => at.iter().map(|_| Ok(Value::from(type_name.as_str()))).collect(),
            };
            (&field.node.response_key().node, answers)
        }
    }))
    .await;
    objects(at.len(), parts)
}

/// Objects whose fields were answered one by one; none of them may be null.
fn objects(count: usize, parts: Vec<(&Name, Answers)>) -> Answers {
    let mut objects: Vec<Object> = (0..count).map(|_| Ok(IndexMap::with_capacity(parts.len()))).collect();
    for (key, answers) in parts {
        for (object, answer) in objects.iter_mut().zip(answers) {
            match (object.as_mut(), answer) {
                (Ok(fields), Ok(value)) => {
                    fields.insert(key.clone(), value);
                }
                (Ok(_), Err(error)) => *object = Err(error),
                (Err(_), _) => {}
            }
        }
    }
    objects.into_iter().map(|object| object.map(Value::Object)).collect()
}

fn asked(ctx: &Context<'_>) -> ServerResult<Asked> {
    fn argument<T: InputType>(ctx: &Context<'_>, name: &str) -> ServerResult<T> {
        ctx.param_value(name, None).map(|(_, value)| value)
    }
    Ok(Asked {
        first: argument(ctx, "first")?,
        after: argument(ctx, "after")?,
        last: argument(ctx, "last")?,
        before: argument(ctx, "before")?,
    })
}

type Pages<T> = Vec<Arc<Page<Arc<<T as Rendered>::Row>>>>;

async fn below<T: Rendered>(
    ctx: &Context<'_>,
    relation: Relation,
    parents: &[i64],
    asked: Asked,
) -> Result<Pages<T>> {
    let slice = slice(&ctx.app()?.config().page, relation.name, relation.order.number, asked)?;
    if is_only_counted(ctx.field()) {
        return Ok(vec![Arc::default(); parents.len()]);
    }
    let columns = wanted_nodes::<T::Row>(ctx.field());
    T::loaders(ctx.loaders()?).pages(relation, parents, slice, columns).await
}

/// What stands below each of the fields.
fn selections<'a>(at: &'a [Context<'a>]) -> Vec<ContextSelectionSet<'a>> {
    at.iter().map(|ctx| ctx.with_selection_set(&ctx.item.node.selection_set)).collect()
}

/// Where each item of each page stands.
fn items<'a, R>(
    lists: &'a [ContextSelectionSet<'a>],
    pages: &[Arc<Page<R>>],
) -> Vec<ContextSelectionSet<'a>> {
    let items = lists.iter().zip(pages);
    items.flat_map(|(ctx, page)| (0..page.rows.len()).map(move |index| ctx.with_index(index))).collect()
}

/// The items of each page; `at` stands at the field `nodes` of each.
async fn nodes<T: Rendered>(at: &[Context<'_>], pages: &Pages<T>) -> Answers {
    let lists = selections(at);
    let items = items(&lists, pages);
    let rows: Vec<_> = pages.iter().flat_map(|page| page.rows.iter().map(|(row, _)| row.clone())).collect();
    apart::<T>(pages, T::fill(&items, &rows).await)
}

/// The items of each page with their places; `at` stands at the field `edges` of each.
async fn edges<T: Rendered>(at: &[Context<'_>], list: &str, pages: &Pages<T>) -> Answers {
    let lists = selections(at);
    let items = items(&lists, pages);
    let Some(first) = items.first() else { return apart::<T>(pages, Vec::new()) };
    let places: Vec<_> = pages.iter().flat_map(|page| &page.rows).collect();
    let type_name = format!("{}Edge", T::type_name());
    let mut parts = Vec::new();
    let fields = picked(first, &type_name);
    for field in fields.iter().map(Picked::field) {
        let answers = match field.node.name.node.as_str() {
            "node" => {
                let at: Vec<_> = items.iter().map(|ctx| ctx.with_field(field)).collect();
                let rows: Vec<_> = places.iter().map(|(row, _)| row.clone()).collect();
                T::fill(&selections(&at), &rows).await
            }
            "cursor" => places.iter().map(|(_, key)| Ok(Value::String(write(list, key)))).collect(),
            _ => places.iter().map(|_| Ok(Value::from(type_name.as_str()))).collect(),
        };
        parts.push((&field.node.response_key().node, answers));
    }
    apart::<T>(pages, objects(items.len(), parts))
}

/// Gives each page its own answers; the first failure of a page takes its list.
fn apart<T: Rendered>(pages: &Pages<T>, answers: Answers) -> Answers {
    let mut answers = answers.into_iter();
    let of = |page: &Arc<Page<_>>| answers.by_ref().take(page.rows.len()).collect::<Vec<_>>();
    let lists: Vec<_> = pages.iter().map(of).collect();
    lists.into_iter().map(|list| list.into_iter().collect::<ServerResult<_>>().map(Value::List)).collect()
}

fn page_infos<R>(at: &[Context<'_>], list: &str, pages: &[Arc<Page<R>>]) -> Answers {
    let info = |(ctx, page): (&Context<'_>, &Arc<Page<R>>)| {
        let place = |item: Option<&(R, _)>| item.map(|(_, key)| write(list, key)).into();
        let selection = ctx.with_selection_set(&ctx.item.node.selection_set);
        let fields = picked(&selection, "PageInfo");
        let fields = fields.iter().map(Picked::field).map(|field| {
            let value = match field.node.name.node.as_str() {
                "hasPreviousPage" => page.has_previous.into(),
                "hasNextPage" => page.has_next.into(),
                "startCursor" => place(page.rows.first()),
                "endCursor" => place(page.rows.last()),
                _ => "PageInfo".into(),
            };
            (field.node.response_key().node.clone(), value)
        });
        Ok(Value::Object(fields.collect()))
    };
    at.iter().zip(pages).map(info).collect()
}

async fn counts<T: Rendered>(at: &[Context<'_>], relation: Relation, parents: &[i64]) -> Answers {
    let Some(first) = at.first() else { return Vec::new() };
    let counted = match first.loaders() {
        Ok(loaders) => T::loaders(loaders).count_many(relation, parents).await,
        Err(error) => Err(error),
    };
    match counted {
        Ok(counts) => counts.into_iter().map(|count| Ok(count.into())).collect(),
        Err(error) => failed(at, &error),
    }
}

/// Makes a noun of an object over a row: its loaders, and where its fields lead.
macro_rules! rendered {
    ($object:ident over $row:ty, in $loader:ident {
        $($(#[$about:meta])* $field:literal => $lead:expr),* $(,)?
    }) => {
        impl $crate::schema::level::Kept for $object {
            type Row = $row;

            fn of(row: std::sync::Arc<Self::Row>) -> Self {
                Self(row)
            }

            fn row(&self) -> &std::sync::Arc<Self::Row> {
                &self.0
            }

            fn loaders(loaders: &$crate::schema::loader::Loaders) -> &$crate::schema::loader::Of<Self::Row> {
                &loaders.$loader
            }

            fn leads() -> &'static $crate::schema::level::Leads<Self::Row> {
                static LEADS: std::sync::LazyLock<$crate::schema::level::Leads<$row>> =
                    std::sync::LazyLock::new(|| std::collections::HashMap::from([$(($field, $lead)),*]));
                &LEADS
            }
        }
    };
}

pub(super) use rendered;

#[cfg(test)]
mod tests {
    use super::{
        super::{
            audit_entry, cluster, default_device_profile, device, job, line, number, organization, phone,
            profile, quick_add, role, sdl, service, service_subscription, session, user,
        },
        *,
    };

    /// A lead of another name would never be followed, and nothing but speed would be lost.
    #[test]
    fn every_lead_is_a_field() {
        let sdl = sdl();
        let check = |type_name: String, leads: Vec<&str>| {
            let begin = sdl.find(&format!("\ntype {type_name} ")).expect("the type");
            let text = &sdl[begin..];
            let text = &text[..text.find("\n}").expect("its end")];
            for lead in leads {
                let field = |end| text.contains(&format!("\n\t{lead}{end}"));
                assert!(field('(') || field(':'), "{type_name} has no {lead}");
            }
        };
        macro_rules! check {
            ($($object:path),*) => {
                $( check(<$object as OutputType>::type_name().into_owned(), <$object>::leads().keys().copied().collect()); )*
            };
        }
        check!(
            organization::OrganizationObject,
            cluster::ClusterObject,
            device::OtherDeviceObject,
            profile::ProfileObject,
            phone::PhoneObject,
            session::SessionObject,
            default_device_profile::DefaultDeviceProfileObject,
            line::LineObject,
            line::LineAppearanceObject,
            user::UserObject,
            quick_add::QuickAddGroupObject,
            number::NumberObject,
            job::JobObject,
            role::ComposedRoleObject,
            audit_entry::AuditEntryObject,
            service::PhoneServiceObject,
            service_subscription::ServiceSubscriptionObject
        );
    }
}
