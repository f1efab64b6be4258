//! What stands in an answer where a field failed ("Handling Execution Errors" of the September 2025 edition, 6.4.4): null,
//! and where null may not be, null in place of what the field stands in, up to the whole data. The library leaves such a
//! field out of its object, and to it an object of which nothing is left is null. Only answers with errors are looked at.

use std::collections::BTreeMap;

use async_graphql::{
    Name, PathSegment, Response, ServerError, Value,
    indexmap::IndexMap,
    parser::types::{BaseType, ExecutableDocument, OperationDefinition, SelectionSet, Type},
};

use super::{
    selection::{self, Fragments, Item},
    types::Types,
};

/// Puts null where the fields of an answer failed, in the order in which they were asked for.
pub(super) fn settle(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    types: &Types,
    response: &mut Response,
) {
    let Some(root) = types.root_name(operation.ty) else { return };
    let Response { data, errors, .. } = response;
    let ty = Type { base: BaseType::Named(root.clone()), nullable: true };
    let (answer, sets) = (Answer { fragments: &document.fragments, types }, [&operation.selection_set.node]);
    let mut failed = Failed::default();
    for error in &*errors {
        failed.note(error);
    }
    // What fails as a field of an interface is told without its place.
    if errors.iter().any(|error| error.path.is_empty()) {
        answer.miss(data, &ty, &sets, &mut failed);
    }
    if !failed.fields.is_empty() {
        answer.settle(data, &failed, &ty, &sets);
    }
}

/// Where fields failed, below a place of the answer.
#[derive(Default)]
struct Failed<'a> {
    /// Whether it is what stands at the place itself.
    here: bool,
    fields: BTreeMap<&'a str, Failed<'a>>,
    items: BTreeMap<usize, Failed<'a>>,
}

impl<'a> Failed<'a> {
    /// Notes the place of an error; one that has none is about the request.
    fn note(&mut self, error: &'a ServerError) {
        let place = error.path.iter().fold(&mut *self, |place, segment| match segment {
            PathSegment::Field(key) => place.fields.entry(key).or_default(),
            PathSegment::Index(at) => place.items.entry(*at).or_default(),
        });
        place.here = !error.path.is_empty();
    }
}

struct Answer<'a> {
    fragments: &'a Fragments,
    types: &'a Types,
}

/// What is asked for under a name in the answer.
struct Asked<'a> {
    /// Nothing where the schema's text has no such field, as in introspection.
    ty: Option<&'a Type>,
    sets: Vec<&'a SelectionSet>,
    /// Whether it is asked of every object that may stand there.
    sure: bool,
}

impl<'a> Answer<'a> {
    /// Settles what stands at a place; tells whether it is null and may not be.
    fn settle(&self, value: &mut Value, failed: &Failed<'_>, ty: &Type, sets: &[&'a SelectionSet]) -> bool {
        let lost = failed.here
            || match &ty.base {
                BaseType::List(item) => self.list(value, failed, item, sets),
                BaseType::Named(name) => self.object(value, failed, name, sets),
            };
        if lost {
            *value = Value::Null;
        }
        *value == Value::Null && !ty.nullable
    }

    /// Settles the items of a list; tells whether one of them takes the list with it.
    fn list(&self, value: &mut Value, failed: &Failed<'_>, ty: &Type, sets: &[&'a SelectionSet]) -> bool {
        failed.items.iter().fold(false, |lost, (at, failed)| {
            let mut gone = Value::Null;
            let item = match value {
                Value::List(items) => items.get_mut(*at).unwrap_or(&mut gone),
                _ => &mut gone,
            };
            self.settle(item, failed, ty, sets) || lost
        })
    }

    /// Notes what is asked for and not there, in what is.
    fn miss(&self, value: &Value, ty: &Type, sets: &[&'a SelectionSet], failed: &mut Failed<'a>) {
        match (&ty.base, value) {
            (BaseType::List(ty), Value::List(items)) => {
                for (at, item) in items.iter().enumerate() {
                    self.miss(item, ty, sets, failed.items.entry(at).or_default());
                }
            }
            (BaseType::Named(name), Value::Object(members)) => {
                for (key, asked) in self.asked(name, sets) {
                    let Some(ty) = asked.ty.filter(|_| asked.sure) else { continue };
                    let below = failed.fields.entry(key).or_default();
                    match members.get(key) {
                        Some(member) => self.miss(member, ty, &asked.sets, below),
                        None => below.here = true,
                    }
                }
            }
            _ => {}
        }
    }

    /// What is asked of an object of a type, by its name in the answer, in order.
    fn asked(&self, ty: &Name, sets: &[&'a SelectionSet]) -> IndexMap<&'a str, Asked<'a>> {
        let mut asked = IndexMap::new();
        for set in sets {
            self.gather(set, ty, true, &mut asked);
        }
        asked
    }

    /// Settles the fields of an object; tells whether one of them takes the object with it.
    fn object(&self, value: &mut Value, failed: &Failed<'_>, ty: &Name, sets: &[&'a SelectionSet]) -> bool {
        if failed.fields.is_empty() {
            return false;
        }
        let asked = self.asked(ty, sets);
        // Null because nothing of it is left, and not because of something that it may not be without.
        let gone = |key: &str, asked: &Asked<'_>| asked.ty.is_some() && failed.fields.contains_key(key);
        if *value == Value::Null && asked.iter().all(|(key, asked)| !asked.sure || gone(key, asked)) {
            *value = Value::Object(IndexMap::new());
        }
        let mut none = IndexMap::new();
        let members = match value {
            Value::Object(members) => members,
            _ => &mut none,
        };
        let (before, mut lost) = (members.len(), false);
        for (key, failed) in &failed.fields {
            let Some(Asked { ty: Some(ty), sets, .. }) = asked.get(key) else { continue };
            let member = members.entry(Name::new(key)).or_insert(Value::Null);
            lost |= self.settle(member, failed, ty, sets);
        }
        if members.len() > before {
            members.sort_by_cached_key(|key, _| asked.get_index_of(key.as_str()));
        }
        lost
    }

    /// The fields of a set by their names in the answer, in order, fragments followed. Where a fragment is for one of
    /// several types, and where a field may be skipped, it is not sure to be asked for.
    fn gather(
        &self,
        set: &'a SelectionSet,
        parent: &Name,
        sure: bool,
        asked: &mut IndexMap<&'a str, Asked<'a>>,
    ) {
        for selection in &set.items {
            let sure = sure && selection.node.directives().is_empty();
            match selection::item(&selection.node, self.fragments) {
                Some(Item::Field(field)) => {
                    let declared = self.types.composite(parent);
                    let declared = declared.and_then(|parent| parent.fields.get(&field.node.name.node));
                    let ty = declared.map(|output| &output.ty);
                    let key = field.node.response_key().node.as_str();
                    let place =
                        asked.entry(key).or_insert_with(|| Asked { ty, sets: Vec::new(), sure: false });
                    place.sure |= sure;
                    place.sets.push(&field.node.selection_set.node);
                }
                Some(Item::Fragment(fragment)) => {
                    let on = fragment.on().unwrap_or(parent);
                    let one = || self.types.composite(parent).is_some_and(|known| !known.is_abstract);
                    self.gather(fragment.set, on, sure && (on == parent || one()), asked);
                }
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptySubscription, Interface, Object, Request, Schema, SimpleObject};

    use crate::{
        config,
        guard::{Guard, Types},
    };

    struct Query;
    struct Mutation;
    struct Item;

    #[derive(SimpleObject)]
    #[graphql(complex)]
    struct Other {
        name: &'static str,
    }

    #[derive(Interface)]
    #[graphql(field(name = "fails", ty = "Option<i32>"))]
    enum Any {
        Item(Item),
        Other(Other),
    }

    fn no<T>() -> async_graphql::Result<T> {
        Err("no".into())
    }

    #[async_graphql::ComplexObject]
    impl Other {
        async fn fails(&self) -> async_graphql::Result<Option<i32>> {
            no()
        }
    }

    #[Object]
    impl Item {
        async fn fine(&self) -> i32 {
            1
        }

        async fn fails(&self) -> async_graphql::Result<Option<i32>> {
            no()
        }

        async fn must(&self) -> async_graphql::Result<i32> {
            no()
        }

        async fn item(&self) -> Option<Item> {
            Some(Item)
        }
    }

    #[Object]
    impl Query {
        async fn fine(&self) -> i32 {
            1
        }

        /// Answered after everything else.
        async fn late(&self) -> i32 {
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
            1
        }

        async fn fails(&self) -> async_graphql::Result<Option<i32>> {
            no()
        }

        async fn must(&self) -> async_graphql::Result<i32> {
            no()
        }

        async fn item(&self) -> Option<Item> {
            Some(Item)
        }

        async fn sure(&self) -> Item {
            Item
        }

        async fn items(&self) -> Vec<Option<Item>> {
            vec![Some(Item), None, Some(Item)]
        }

        async fn all(&self) -> Option<Vec<Item>> {
            Some(vec![Item, Item])
        }

        async fn any(&self) -> Vec<Any> {
            vec![Any::Item(Item), Any::Other(Other { name: "x" })]
        }
    }

    #[Object]
    impl Mutation {
        async fn done(&self) -> Option<i32> {
            Some(1)
        }

        async fn fails(&self) -> async_graphql::Result<Option<i32>> {
            no()
        }

        async fn must(&self) -> async_graphql::Result<i32> {
            no()
        }
    }

    async fn answer(document: &str) -> (String, usize) {
        let schema = Schema::new(Query, Mutation, EmptySubscription);
        let types = Types::read(&schema.sdl()).expect("a schema");
        let guard = Guard::new(&config::Guard::default(), &config::Page::default()).knowing(types.into());
        let prepared = guard.prepare(Request::new(document)).expect(document);
        let mut response = schema.execute(prepared.request).await;
        guard.settle(prepared.charge, prepared.name.as_deref(), &mut response);
        (serde_json::to_string(&response.data).expect("JSON"), response.errors.len())
    }

    /// Each row is a document, the data of its answer, and how many errors there are.
    #[tokio::test]
    async fn null_stands_where_a_field_failed() {
        for (document, data, errors) in [
            ("{fine}", r#"{"fine":1}"#, 0),
            ("{fails}", r#"{"fails":null}"#, 1),
            ("query A{fails}", r#"{"fails":null}"#, 1),
            ("{late a:fails fine b:fails}", r#"{"late":1,"a":null,"fine":1,"b":null}"#, 2),
            ("{...{fails}...f}fragment f on Query{late fails}", r#"{"fails":null,"late":1}"#, 2),
            ("{fine fails@skip(if:true)}", r#"{"fine":1}"#, 0),
            ("{fails fine@skip(if:true)}", r#"{"fails":null}"#, 1),
            ("{fine must}", "null", 1),
            ("{fails must}", "null", 2),
            ("{item{fails}}", r#"{"item":{"fails":null}}"#, 1),
            ("{item{fails fine}fine}", r#"{"item":{"fails":null,"fine":1},"fine":1}"#, 1),
            ("{item{must fine}fine}", r#"{"item":null,"fine":1}"#, 1),
            ("{item{must}fine}", r#"{"item":null,"fine":1}"#, 1),
            ("{item{fails must}}", r#"{"item":null}"#, 2),
            ("{item{item{must}fine}}", r#"{"item":{"item":null,"fine":1}}"#, 1),
            ("{sure{must}}", "null", 1),
            ("{fine sure{fine must}}", "null", 1),
            ("{sure{item{must}}}", r#"{"sure":{"item":null}}"#, 1),
            ("{items{fails fine}}", r#"{"items":[{"fails":null,"fine":1},null,{"fails":null,"fine":1}]}"#, 2),
            ("{items{fails}}", r#"{"items":[{"fails":null},null,{"fails":null}]}"#, 2),
            ("{items{must}fine}", r#"{"items":[null,null,null],"fine":1}"#, 2),
            ("{all{fine}fine}", r#"{"all":[{"fine":1},{"fine":1}],"fine":1}"#, 0),
            ("{all{must}fine}", r#"{"all":null,"fine":1}"#, 2),
            (
                "{any{__typename fails ...on Other{name}}}",
                r#"{"any":[{"__typename":"Item","fails":null},{"__typename":"Other","fails":null,"name":"x"}]}"#,
                2,
            ),
            (
                "{any{...on Item{fine fails}...on Other{x:fails name}}}",
                r#"{"any":[{"fine":1,"fails":null},{"x":null,"name":"x"}]}"#,
                2,
            ),
            ("mutation{a:fails done b:fails}", r#"{"a":null,"done":1,"b":null}"#, 2),
            ("mutation{done must}", "null", 1),
        ] {
            assert_eq!(answer(document).await, (data.to_owned(), errors), "{document}");
        }
    }
}
