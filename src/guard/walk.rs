//! One pass over the selections of a document. Each fragment is measured once and the measure is reused at
//! every spread, so the pass is linear in the text even where what it measures is exponential; sums
//! saturate. The pass itself recurses no deeper than the limit on nesting, because it stops there.

use std::collections::HashMap;

use async_graphql::{
    Name,
    parser::types::{ExecutableDocument, Field, Selection, SelectionSet},
};

use super::{Refusal, selection::Fragments};
use crate::config;

/// Refuses a document by its shape. Unused fragments count too: validation walks them like the others. Answers whether
/// the document asks about the schema.
pub fn check(document: &ExecutableDocument, limits: &config::Guard) -> Result<bool, Refusal> {
    let mut walk = Walk { fragments: &document.fragments, limits, known: HashMap::new() };
    let (mut whole, mut roots) = (Shape::default(), 0);
    for (_, operation) in document.operations.iter() {
        let shape = walk.set(&operation.node.selection_set.node, 1)?;
        roots = shape.fields.max(roots);
        whole.add(shape);
    }
    let unused: Vec<_> =
        document.fragments.keys().filter(|name| !walk.known.contains_key(name.as_str())).collect();
    for name in unused {
        whole.add(walk.fragment(name, 1)?);
    }

    let over = |found: u64, most: usize| {
        let most = count(most);
        (found > most).then_some((found, most))
    };
    if let Some((found, most)) = over(whole.depth, limits.depth) {
        return Err(Refusal::Depth { found, most });
    }
    if let Some((found, most)) = over(whole.selections, limits.fields) {
        return Err(Refusal::Fields { found, most });
    }
    if let Some((found, most)) = over(roots, limits.root_fields) {
        return Err(Refusal::RootFields { found, most });
    }
    if let Some((found, most)) = over(whole.aliases, limits.aliases) {
        return Err(Refusal::Aliases { found, most });
    }
    if over(whole.introspections, limits.introspections).is_some() {
        return Err(walk.introspection());
    }
    Ok(whole.introspections > 0)
}

/// What a set of selections amounts to once fragments are followed.
#[derive(Clone, Copy, Debug, Default)]
struct Shape {
    /// Fields, spreads and inline fragments: every step that a walk without memory would take.
    selections: u64,
    /// Fields of the set itself, those inside them left out.
    fields: u64,
    aliases: u64,
    /// Fields inside fields.
    depth: u64,
    /// Sets inside sets, spreads and inline fragments counted.
    height: usize,
    /// Introspection's lists inside each other, if this were introspection.
    lists: u64,
    /// Fields where introspection begins.
    introspections: u64,
}

impl Shape {
    /// Puts another set beside this one.
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.introspections = self.introspections.saturating_add(other.introspections);
        self.depth = self.depth.max(other.depth);
        self.height = self.height.max(other.height);
        self.lists = self.lists.max(other.lists);
    }
}

struct Walk<'a> {
    fragments: &'a Fragments,
    limits: &'a config::Guard,
    /// The fragments met so far; `None` while one is being measured.
    known: HashMap<&'a str, Option<Shape>>,
}

impl<'a> Walk<'a> {
    /// Measures a set that stands at a level.
    fn set(&mut self, set: &'a SelectionSet, level: usize) -> Result<Shape, Refusal> {
        self.fits(level)?;
        let mut shape = Shape { height: 1, ..Shape::default() };
        for selection in &set.items {
            let mut inner = match &selection.node {
                Selection::Field(field) => self.field(&field.node, level)?,
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set.node, level + 1)?,
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, level + 1)?
                }
            };
            inner.height += 1;
            inner.selections = inner.selections.saturating_add(1);
            shape.add(inner);
        }
        Ok(shape)
    }

    fn field(&mut self, field: &'a Field, level: usize) -> Result<Shape, Refusal> {
        let inside = if field.selection_set.node.items.is_empty() {
            Shape::default()
        } else {
            self.set(&field.selection_set.node, level + 1)?
        };
        let name = field.name.node.as_str();
        let begins = matches!(name, "__schema" | "__type");
        if begins && inside.lists > count(self.limits.introspection_lists) {
            return Err(self.introspection());
        }
        let list = matches!(name, "types" | "fields" | "interfaces" | "possibleTypes" | "inputFields");
        Ok(Shape {
            fields: 1,
            aliases: inside.aliases.saturating_add(u64::from(field.alias.is_some())),
            depth: inside.depth.saturating_add(1),
            lists: inside.lists.saturating_add(u64::from(list)),
            introspections: inside.introspections.saturating_add(u64::from(begins)),
            ..inside
        })
    }

    /// Measures a fragment, or remembers its measure. One that does not exist measures nothing here and
    /// is named by validation.
    fn fragment(&mut self, name: &'a Name, level: usize) -> Result<Shape, Refusal> {
        match self.known.get(name.as_str()) {
            Some(Some(shape)) => {
                let shape = *shape;
                self.fits(level + shape.height.saturating_sub(1))?;
                return Ok(shape);
            }
            Some(None) => return Err(Refusal::Cycle { fragment: name.to_string() }),
            None => {}
        }
        let Some(fragment) = self.fragments.get(name) else { return Ok(Shape::default()) };
        self.known.insert(name, None);
        let shape = self.set(&fragment.node.selection_set.node, level)?;
        self.known.insert(name, Some(shape));
        Ok(shape)
    }

    fn fits(&self, level: usize) -> Result<(), Refusal> {
        let most = self.limits.nesting;
        if level > most { Err(Refusal::Followed { most }) } else { Ok(()) }
    }

    fn introspection(&self) -> Refusal {
        let limits = self.limits;
        Refusal::Introspection {
            most: count(limits.introspection_lists),
            roots: count(limits.introspections),
        }
    }
}

fn count(most: usize) -> u64 {
    u64::try_from(most).unwrap_or(u64::MAX)
}
