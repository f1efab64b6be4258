//! Objects whose fields are answered in the order in which they were asked for.
//!
//! async-graphql resolves every field of an object as a boxed future of its own and keeps the answers in the order in
//! which they come. Here leaves are read on the spot, only what leads to other objects is awaited together (so that
//! loaders see all of it at once), and a non-null field that fails takes its object with it, as the specification
//! says, where the library would leave the field out.

use std::{borrow::Cow, ops::Deref, pin::Pin};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, Name, ObjectType, OutputType, Positioned, ServerResult,
    Value,
    indexmap::IndexMap,
    parser::types::{ExecutableDocument, Field, Selection},
    registry::Registry,
    resolver_utils::{Fields, resolve_container},
};
use futures_util::future::join_all;

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
        boxed(ctx, &self.0).await
    }
}

impl<T: ObjectType> ContainerType for InOrder<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        self.0.resolve_field(ctx).await
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

/// One box per object: types that lead to each other in circles need one somewhere.
fn boxed<'a, T: ObjectType>(
    ctx: &'a ContextSelectionSet<'a>,
    root: &'a T,
) -> Pin<Box<dyn Future<Output = ServerResult<Value>> + Send + 'a>> {
    Box::pin(resolve(ctx, root))
}

async fn resolve<T: ObjectType>(ctx: &ContextSelectionSet<'_>, root: &T) -> ServerResult<Value> {
    let items = &ctx.item.node.items;
    // Fragments, directives and fields asked for twice are merged the library's way.
    let Some(fields) = items.iter().map(|item| plain(&item.node)).collect::<Option<Vec<_>>>() else {
        return resolve_container(ctx, root).await;
    };
    let mut object = IndexMap::with_capacity(fields.len());
    let mut later = Vec::new();
    for field in fields {
        let key = field.node.response_key().node.clone();
        if object.contains_key(&key) {
            return resolve_container(ctx, root).await;
        }
        let value = if field.node.name.node == "__typename" {
            Value::String(root.introspection_type_name().into_owned())
        } else if field.node.selection_set.node.items.is_empty() {
            let answer = root.resolve_field(&ctx.with_field(field)).await;
            settle::<T>(ctx, field, answer)?
        } else {
            later.push((key.clone(), field));
            Value::Null
        };
        object.insert(key, value);
    }
    let answers = join_all(later.iter().map(|(_, field)| async move {
        let ctx = ctx.with_field(field);
        root.resolve_field(&ctx).await
    }))
    .await;
    for ((key, field), answer) in later.into_iter().zip(answers) {
        let value = settle::<T>(ctx, field, answer)?;
        object.insert(key, value);
    }
    Ok(Value::Object(object))
}

/// The field, where it is one and carries no directive.
fn plain(selection: &Selection) -> Option<&Positioned<Field>> {
    match selection {
        Selection::Field(field) if field.node.directives.is_empty() => Some(field),
        _ => None,
    }
}

/// The answer; an error stands in for a nullable field and takes the object of any other one with it.
fn settle<T: ObjectType>(
    ctx: &ContextSelectionSet<'_>,
    field: &Positioned<Field>,
    answer: ServerResult<Option<Value>>,
) -> ServerResult<Value> {
    let error = match answer {
        Ok(value) => return Ok(value.unwrap_or_default()),
        Err(error) => error,
    };
    let types = &ctx.schema_env.registry.types;
    let declared = types
        .get(<T as OutputType>::type_name().as_ref())
        .and_then(|known| known.field_by_name(field.node.name.node.as_str()));
    if declared.is_some_and(|known| known.ty.ends_with('!')) {
        return Err(error);
    }
    ctx.add_error(error);
    Ok(Value::Null)
}

/// The response keys of an operation's root fields, in their order; nothing where fragments hide them.
pub fn root_keys(document: &ExecutableDocument, operation: Option<&str>) -> Option<Vec<Name>> {
    let mut operations = document.operations.iter();
    let chosen = match operation {
        Some(wanted) => operations.find(|(name, _)| name.is_some_and(|name| name.as_str() == wanted)),
        None => operations.next(),
    };
    let (_, chosen) = chosen?;
    let items = &chosen.node.selection_set.node.items;
    items.iter().map(|item| Some(plain(&item.node)?.node.response_key().node.clone())).collect()
}

/// Puts the fields of an answer in the order in which they were asked for.
pub fn put_in_order(answer: &mut Value, keys: &[Name]) {
    if let Value::Object(object) = answer {
        object.sort_by_cached_key(|name, _| keys.iter().position(|key| key == name));
    }
}
