//! What stands in a set of selections: fields, and fragments with what they are for, wherever they are written.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned,
    parser::types::{Field, FragmentDefinition, Selection, SelectionSet, TypeCondition},
};

pub(super) type Fragments = HashMap<Name, Positioned<FragmentDefinition>>;

/// What stands in a set of selections.
pub(super) enum Item<'a> {
    Field(&'a Positioned<Field>),
    Fragment(Fragment<'a>),
}

/// A fragment where it is spread, or written in place.
pub(super) struct Fragment<'a> {
    /// Nothing where it is written in place.
    pub(super) name: Option<&'a Name>,
    /// What it says that it is for.
    pub(super) condition: Option<&'a Positioned<TypeCondition>>,
    pub(super) set: &'a SelectionSet,
    pub(super) at: Pos,
}

impl<'a> Fragment<'a> {
    /// The type that it is for, when it says so.
    pub(super) fn on(&self) -> Option<&'a Name> {
        self.condition.map(|condition| &condition.node.on.node)
    }
}

/// What stands in a set, in order. A fragment that does not exist is left out; validation names it.
pub(super) fn items<'a>(set: &'a SelectionSet, fragments: &'a Fragments) -> impl Iterator<Item = Item<'a>> {
    set.items.iter().filter_map(|selection| item(&selection.node, fragments))
}

/// What a selection is; nothing where its fragment does not exist.
pub(super) fn item<'a>(selection: &'a Selection, fragments: &'a Fragments) -> Option<Item<'a>> {
    Some(match selection {
        Selection::Field(field) => Item::Field(field),
        Selection::InlineFragment(inline) => Item::Fragment(Fragment {
            name: None,
            condition: inline.node.type_condition.as_ref(),
            set: &inline.node.selection_set.node,
            at: inline.pos,
        }),
        Selection::FragmentSpread(spread) => {
            let name = &spread.node.fragment_name.node;
            let fragment = &fragments.get(name)?.node;
            Item::Fragment(Fragment {
                name: Some(name),
                condition: Some(&fragment.type_condition),
                set: &fragment.selection_set.node,
                at: spread.pos,
            })
        }
    })
}
