//! Objects whose fields are answered in the order in which they were asked for.
//!
//! async-graphql keeps the answers of an object's fields in the order in which they come, and leaves a non-null field
//! that fails out of its object. Here they stand in the asked order, a non-null field that fails takes its object with
//! it, as the specification says, and the way is compiled once for all types.

use std::{borrow::Cow, ops::Deref};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, Name, ObjectType, OutputType, Positioned, ServerResult,
    Value,
    indexmap::{IndexMap, map::Entry},
    parser::types::{ExecutableDocument, Field, Selection, SelectionSet},
    registry::{MetaType, Registry},
    resolver_utils::Fields,
};
use futures_util::future::{BoxFuture, join_all};

/// An object whose fields are answered in order.
#[derive(Clone)]
pub struct InOrder<T>(pub T);

impl<T> Deref for InOrder<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ObjectType> OutputType for InOrder<T> {
    fn type_name() -> Cow<'static, str> {
        <T as OutputType>::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn introspection_type_name(&self) -> Cow<'static, str> {
        self.0.introspection_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve(ctx, &self.0, &self.0.introspection_type_name()).await
    }
}

impl<T: ObjectType> ContainerType for InOrder<T> {
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

impl<T: ObjectType> ObjectType for InOrder<T> {}

/// Whatever answers its fields.
pub trait Resolves: Send + Sync {
    /// The value of the field that the context stands at.
    fn resolved<'a>(&'a self, ctx: &'a Context<'a>) -> BoxFuture<'a, ServerResult<Value>>;
}

impl<T: ObjectType> Resolves for T {
    fn resolved<'a>(&'a self, ctx: &'a Context<'a>) -> BoxFuture<'a, ServerResult<Value>> {
        Box::pin(async move { Ok(self.resolve_field(ctx).await?.unwrap_or_default()) })
    }
}

async fn resolve(ctx: &ContextSelectionSet<'_>, root: &dyn Resolves, type_name: &str) -> ServerResult<Value> {
    let fields = picked(ctx, type_name);
    let answers = join_all(fields.iter().map(Picked::field).map(|field| async move {
        if field.node.name.node == "__typename" {
            return Ok(Value::from(type_name));
        }
        root.resolved(&ctx.with_field(field)).await
    }))
    .await;
    let mut object = IndexMap::with_capacity(fields.len());
    for (field, answer) in fields.iter().map(Picked::field).zip(answers) {
        let value = settle(ctx, type_name, field, answer)?;
        object.insert(field.node.response_key().node.clone(), value);
    }
    Ok(Value::Object(object))
}

/// A field that is asked for, its selections gathered from wherever they stood.
pub enum Picked<'a> {
    Once(&'a Positioned<Field>),
    Merged(Box<Positioned<Field>>),
}

impl Picked<'_> {
    /// The field.
    pub fn field(&self) -> &Positioned<Field> {
        match self {
            Self::Once(field) => field,
            Self::Merged(field) => field,
        }
    }
}

/// The fields that are asked of an object of this type, in order, each response key once.
pub fn picked<'a>(ctx: &ContextSelectionSet<'a>, type_name: &str) -> Vec<Picked<'a>> {
    let mut fields = IndexMap::new();
    pick(ctx, type_name, &ctx.item.node.items, &mut fields);
    fields.into_values().collect()
}

fn pick<'a>(
    ctx: &ContextSelectionSet<'a>,
    type_name: &str,
    items: &'a [Positioned<Selection>],
    fields: &mut IndexMap<&'a str, Picked<'a>>,
) {
    for item in items {
        let (condition, set) = match &item.node {
            Selection::Field(field) => {
                match fields.entry(field.node.response_key().node.as_str()) {
                    Entry::Vacant(place) => {
                        place.insert(Picked::Once(field));
                    }
                    Entry::Occupied(mut place) => {
                        let mut merged = place.get().field().clone();
                        let more = field.node.selection_set.node.items.iter().cloned();
                        merged.node.selection_set.node.items.extend(more);
                        place.insert(Picked::Merged(Box::new(merged)));
                    }
                }
                continue;
            }
            // Validation refuses spreads of fragments that are not there.
            Selection::FragmentSpread(spread) => {
                match ctx.query_env.fragments.get(&spread.node.fragment_name.node) {
                    Some(fragment) => (Some(&fragment.node.type_condition), &fragment.node.selection_set),
                    None => continue,
                }
            }
            Selection::InlineFragment(part) => (part.node.type_condition.as_ref(), &part.node.selection_set),
        };
        if condition.is_none_or(|condition| is_a(ctx, type_name, condition.node.on.node.as_str())) {
            pick(ctx, type_name, &set.node.items, fields);
        }
    }
}

/// Whether an object of the type is what a condition names: the type itself, an interface or a union of it.
fn is_a(ctx: &ContextSelectionSet<'_>, type_name: &str, condition: &str) -> bool {
    type_name == condition
        || match ctx.schema_env.registry.types.get(condition) {
            Some(MetaType::Interface { possible_types, .. } | MetaType::Union { possible_types, .. }) => {
                possible_types.contains(type_name)
            }
            _ => false,
        }
}

/// The answer; an error stands in for a nullable field and takes the object of any other one with it.
pub fn settle(
    ctx: &ContextSelectionSet<'_>,
    type_name: &str,
    field: &Positioned<Field>,
    answer: ServerResult<Value>,
) -> ServerResult<Value> {
    let error = match answer {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let types = &ctx.schema_env.registry.types;
    let declared = types.get(type_name).and_then(|known| known.field_by_name(field.node.name.node.as_str()));
    if declared.is_some_and(|known| known.ty.ends_with('!')) {
        return Err(error);
    }
    ctx.add_error(error);
    Ok(Value::Null)
}

/// The response keys of an operation's root fields with the fields' names, in their order, fragments followed.
pub fn root_keys(document: &ExecutableDocument, operation: Option<&str>) -> Option<Vec<(Name, Name)>> {
    let mut operations = document.operations.iter();
    let chosen = match operation {
        Some(wanted) => operations.find(|(name, _)| name.is_some_and(|name| name.as_str() == wanted)),
        None => operations.next(),
    };
    let (_, chosen) = chosen?;
    let mut keys = Vec::with_capacity(chosen.node.selection_set.node.items.len());
    gather_keys(document, &chosen.node.selection_set.node, &mut keys);
    Some(keys)
}

/// Only for a document without cycles of fragments, as the guard sees to.
fn gather_keys(document: &ExecutableDocument, set: &SelectionSet, keys: &mut Vec<(Name, Name)>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => {
                keys.push((field.node.response_key().node.clone(), field.node.name.node.clone()));
            }
            Selection::InlineFragment(part) => {
                gather_keys(document, &part.node.selection_set.node, keys);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    gather_keys(document, &fragment.node.selection_set.node, keys);
                }
            }
        }
    }
}

/// Puts the fields of an answer in the order in which they were asked for.
pub fn put_in_order(answer: &mut Value, keys: &[(Name, Name)]) {
    if let Value::Object(object) = answer {
        object.sort_by_cached_key(|name, _| keys.iter().position(|(key, _)| key == name));
    }
}
