//! Which fragments operations spread, themselves or through others; and the loss of those that none spreads any more.

use std::collections::HashSet;

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, SelectionSet},
};

use super::selection::{self, Item};

/// The fragments that a document's operations reach.
pub(super) fn reached(document: &ExecutableDocument) -> HashSet<Name> {
    let mut reached = HashSet::new();
    for (_, operation) in document.operations.iter() {
        reach(&operation.node.selection_set.node, document, &mut reached);
    }
    reached
}

fn reach(set: &SelectionSet, document: &ExecutableDocument, reached: &mut HashSet<Name>) {
    for item in selection::items(set, &document.fragments) {
        match item {
            Item::Field(field) => reach(&field.node.selection_set.node, document, reached),
            Item::Fragment(fragment) => {
                if fragment.name.is_none_or(|name| reached.insert(name.clone())) {
                    reach(fragment.set, document, reached);
                }
            }
        }
    }
}

/// Drops the fragments that were reached and are no more. One that never was stays, and validation names it.
pub(super) fn prune(document: &mut ExecutableDocument, before: &HashSet<Name>) {
    let now = reached(document);
    document.fragments.retain(|name, _| now.contains(name) || !before.contains(name));
}
