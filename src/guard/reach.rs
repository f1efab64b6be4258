//! Which fragments operations spread, themselves or through others; and the loss of those that none spreads any more.

use std::collections::HashSet;

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, Selection, SelectionSet},
};

/// The fragments that a document's operations reach.
pub(super) fn reached(document: &ExecutableDocument) -> HashSet<Name> {
    let mut reached = HashSet::new();
    for (_, operation) in document.operations.iter() {
        reach(&operation.node.selection_set.node, document, &mut reached);
    }
    reached
}

fn reach(set: &SelectionSet, document: &ExecutableDocument, reached: &mut HashSet<Name>) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => reach(&field.node.selection_set.node, document, reached),
            Selection::InlineFragment(inline) => reach(&inline.node.selection_set.node, document, reached),
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                if reached.insert(name.clone())
                    && let Some(fragment) = document.fragments.get(name)
                {
                    reach(&fragment.node.selection_set.node, document, reached);
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
