//! One stream per subscription ("Single Root Field" of the September 2025 edition): one response name at the root,
//! fragments followed, neither skipped nor included by a variable, and no introspection. The library would open one
//! stream per field that it meets and merge them.

use std::collections::HashSet;

use async_graphql::{
    Positioned,
    parser::types::{
        ExecutableDocument, Field, InlineFragment, OperationDefinition, OperationType, Selection,
        SelectionSet, TypeCondition,
    },
};

use super::{
    Refusal, reach,
    selection::{self, Item},
};

/// A field at the root of a subscription and the type that a fragment around it is for.
type Root = (Positioned<Field>, Option<Positioned<TypeCondition>>);

/// Refuses subscriptions with several root fields. Where one field is written several times, which is allowed, it is
/// put together here. Only for a document that passed the limits on its shape, which bound what is followed.
pub(super) fn one_root(document: &mut ExecutableDocument) -> Result<(), Refusal> {
    let mut merged = Vec::new();
    for (name, operation) in document.operations.iter() {
        if operation.node.ty != OperationType::Subscription {
            continue;
        }
        let mut roots = Vec::new();
        collect(&operation.node.selection_set.node, None, document, &mut roots)?;
        let names: HashSet<_> = roots.iter().map(|(field, _)| &field.node.response_key().node).collect();
        if names.len() > 1 {
            return Err(Refusal::Roots { found: u64::try_from(names.len()).unwrap_or(u64::MAX) });
        }
        if let Some((field, _)) = roots.iter().find(|(field, _)| field.node.name.node.starts_with("__")) {
            return Err(Refusal::Invalid {
                message: format!("a subscription cannot follow `{}`", field.node.name.node),
                locations: vec![field.pos],
            });
        }
        if roots.len() > 1 {
            merged.push((name.cloned(), together(roots)?));
        }
    }
    if merged.is_empty() {
        return Ok(());
    }
    let before = reach::reached(document);
    for (name, root) in merged {
        if let Some(operation) = operation(document, name.as_deref()) {
            operation.selection_set.node.items = vec![root];
        }
    }
    reach::prune(document, &before);
    Ok(())
}

/// The operation of a name, or the only one.
pub(super) fn operation<'a>(
    document: &'a mut ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a mut OperationDefinition> {
    use async_graphql::parser::types::DocumentOperations::{Multiple, Single};
    match (&mut document.operations, name) {
        (Single(operation), None) => Some(&mut operation.node),
        (Multiple(operations), Some(name)) => operations.get_mut(name).map(|operation| &mut operation.node),
        (Single(_), Some(_)) | (Multiple(_), None) => None,
    }
}

/// A fragment that is spread twice is there twice, as it would be for the library.
fn collect(
    set: &SelectionSet,
    on: Option<&Positioned<TypeCondition>>,
    document: &ExecutableDocument,
    roots: &mut Vec<Root>,
) -> Result<(), Refusal> {
    for selection in &set.items {
        let mut directives = selection.node.directives().iter();
        if let Some(directive) =
            directives.find(|directive| matches!(directive.node.name.node.as_str(), "skip" | "include"))
        {
            return Err(Refusal::Invalid {
                message: format!(
                    "the root of a subscription takes no `@{}`; do not subscribe instead",
                    directive.node.name.node
                ),
                locations: vec![directive.pos],
            });
        }
        match selection::item(&selection.node, &document.fragments) {
            Some(Item::Field(field)) => roots.push((field.clone(), on.cloned())),
            Some(Item::Fragment(fragment)) => {
                collect(fragment.set, fragment.condition.or(on), document, roots)?;
            }
            None => {}
        }
    }
    Ok(())
}

/// Several selections of the same field as one, with everything that each of them selects.
fn together(roots: Vec<Root>) -> Result<Positioned<Selection>, Refusal> {
    let mut roots = roots.into_iter();
    let Some((mut whole, mut on)) = roots.next() else { return Err(Refusal::Roots { found: 0 }) };
    for (other, other_on) in roots {
        let conflict = |message: String| Refusal::Invalid { message, locations: vec![whole.pos, other.pos] };
        let key = &whole.node.response_key().node;
        if whole.node.name.node != other.node.name.node {
            return Err(conflict(format!(
                "\"{key}\" stands for different fields; give them different aliases"
            )));
        }
        if !same_arguments(&whole.node, &other.node) {
            return Err(conflict(format!("\"{key}\" is selected with different arguments")));
        }
        let differs =
            |a: &Positioned<TypeCondition>, b: &Positioned<TypeCondition>| a.node.on.node != b.node.on.node;
        if on.as_ref().zip(other_on.as_ref()).is_some_and(|(a, b)| differs(a, b)) {
            return Err(conflict(
                "fragments at the root of a subscription are for different types".to_owned(),
            ));
        }
        on = on.or(other_on);
        whole.node.directives.extend(other.node.directives);
        whole.node.selection_set.node.items.extend(other.node.selection_set.node.items);
    }
    let pos = whole.pos;
    let root = Positioned::new(Selection::Field(whole), pos);
    // Kept where one of them had it, so that validation sees the type.
    Ok(match on {
        None => root,
        type_condition => {
            let selection_set = Positioned::new(SelectionSet { items: vec![root] }, pos);
            let inline = InlineFragment { type_condition, directives: Vec::new(), selection_set };
            Positioned::new(Selection::InlineFragment(Positioned::new(inline, pos)), pos)
        }
    })
}

/// Whether two fields have the same arguments, in any order.
pub(super) fn same_arguments(one: &Field, other: &Field) -> bool {
    one.arguments.len() == other.arguments.len()
        && one
            .arguments
            .iter()
            .all(|(name, value)| other.get_argument(&name.node).is_some_and(|other| other.node == value.node))
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    fn read(text: &str) -> Result<ExecutableDocument, Refusal> {
        let mut document = parse_query(text).expect(text);
        one_root(&mut document).map(|()| document)
    }

    /// Single Root Field: one response name, however it is written.
    #[test]
    fn one_name_is_one_stream() {
        for (text, fragments) in [
            ("subscription {a}", 0),
            ("subscription {a {b} a {c}}", 0),
            ("subscription {x: a(n: 1) ... on S {x: a(n: 1) {c}}}", 0),
            ("subscription {...f ...f} fragment f on S {a {b}}", 0),
            ("subscription {...f a {...g}} fragment f on S {a {b}} fragment g on T {c}", 1),
            ("subscription A {...f a} query B {...g} fragment f on S {a} fragment g on Q {a}", 1),
            ("subscription {a a} fragment f on S {a}", 1),
            ("query {a b} ", 0),
        ] {
            let document = read(text).expect(text);
            assert_eq!(document.fragments.len(), fragments, "{text}");
            for (_, operation) in document.operations.iter() {
                let set = &operation.node.selection_set.node;
                assert!(operation.node.ty == OperationType::Query || set.items.len() == 1, "{text}: {set:?}");
            }
        }
        let document = read("subscription {a {b} ... on S {a {c}}}").expect("it is one");
        let (_, operation) = document.operations.iter().next().expect("an operation");
        let [Positioned { node: Selection::InlineFragment(inline), .. }] =
            operation.node.selection_set.node.items.as_slice()
        else {
            panic!("{operation:?}")
        };
        let [Positioned { node: Selection::Field(field), .. }] =
            inline.node.selection_set.node.items.as_slice()
        else {
            panic!("{inline:?}")
        };
        assert_eq!(field.node.selection_set.node.items.len(), 2);
    }

    #[test]
    fn more_than_one_is_refused() {
        for text in
            ["subscription {a b}", "subscription {a x: a}", "subscription {...f} fragment f on S {a ... {b}}"]
        {
            assert_eq!(read(text).map(drop), Err(Refusal::Roots { found: 2 }), "{text}");
        }
        for (text, said) in [
            ("subscription {__typename}", "__typename"),
            ("subscription {...f} fragment f on S {x: __schema {types {name}}}", "__schema"),
            ("subscription {a @include(if: true)}", "@include"),
            ("subscription($x: Boolean!) {... @skip(if: $x) {a}}", "@skip"),
            ("subscription {...f @skip(if: false)} fragment f on S {a}", "@skip"),
            ("subscription {...f} fragment f on S {a @include(if: true)}", "@include"),
            ("subscription {x: a x: b}", "different fields"),
            ("subscription {a(n: 1) a(n: 2)}", "different arguments"),
            ("subscription {... on S {a} ... on T {a}}", "different types"),
        ] {
            let Err(Refusal::Invalid { message, locations }) = read(text).map(drop) else { panic!("{text}") };
            assert!(message.contains(said) && !locations.is_empty(), "{text}: {message}");
        }
        // Below the root both directives are as free as anywhere.
        assert!(read("subscription($x: Boolean!) {a {b @include(if: $x)}}").is_ok());
    }
}
