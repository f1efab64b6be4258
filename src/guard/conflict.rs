//! Fields that share a place in the answer are the same field ("Field Selection Merging"): of one name, with the
//! same arguments, and of types that one answer can hold, fragments followed and sets of selections put together. The
//! library compares fields as they are written next to each other, and lets one overwrite the other elsewhere.

use std::collections::{BTreeMap, HashSet};

use async_graphql::{
    Name, Positioned,
    parser::types::{BaseType, ExecutableDocument, Field, SelectionSet, Type},
};

use super::{
    Refusal,
    selection::{self, Item},
    subscription::same_arguments,
    types::{Types, named},
};

/// How much longer than the document itself the comparison may be: fields of fragments on many types meet again and
/// again where the fragments nest.
const ROUNDS: u64 = 20;

/// Refuses a document in which fields collide. Only for one that passed the limits on its shape.
pub(super) fn check(document: &ExecutableDocument, types: &Types, fields: usize) -> Result<(), Refusal> {
    if types.is_empty() {
        return Ok(());
    }
    let most = u64::try_from(fields).unwrap_or(u64::MAX);
    let typename = Type { base: BaseType::Named(Name::new("String")), nullable: false };
    let mut merge = Merge { document, types, typename: &typename, left: most.saturating_mul(ROUNDS), most };
    for (_, operation) in document.operations.iter() {
        let set = (&operation.node.selection_set.node, types.root_name(operation.node.ty));
        let groups = merge.groups(&[set])?;
        merge.shapes(&groups)?;
        merge.meanings(&groups)?;
    }
    Ok(())
}

/// A set of selections and the name of the type that it is for.
type Set<'a> = (&'a SelectionSet, Option<&'a Name>);

/// A field and where it is selected.
#[derive(Clone, Copy)]
struct Selected<'a> {
    parent: &'a Name,
    field: &'a Positioned<Field>,
    /// Nothing where the schema has no such field, which validation says.
    ty: Option<&'a Type>,
}

impl<'a> Selected<'a> {
    fn inside(&self) -> Set<'a> {
        (&self.field.node.selection_set.node, self.ty.map(named))
    }
}

type Groups<'a> = BTreeMap<&'a str, Vec<Selected<'a>>>;

struct Merge<'a> {
    document: &'a ExecutableDocument,
    types: &'a Types,
    /// The type of `__typename`, which no type declares.
    typename: &'a Type,
    /// Fields that may still be looked at.
    left: u64,
    most: u64,
}

impl<'a> Merge<'a> {
    /// The fields of some sets that become one, by their names in the answer.
    fn groups(&mut self, sets: &[Set<'a>]) -> Result<Groups<'a>, Refusal> {
        let (mut groups, mut spread) = (Groups::new(), HashSet::new());
        for (set, parent) in sets {
            // What introspection holds is not in the schema's text.
            if let Some(parent) = parent {
                self.collect(set, parent, &mut spread, &mut groups)?;
            }
        }
        Ok(groups)
    }

    fn collect(
        &mut self,
        set: &'a SelectionSet,
        parent: &'a Name,
        spread: &mut HashSet<&'a Name>,
        groups: &mut Groups<'a>,
    ) -> Result<(), Refusal> {
        for item in selection::items(set, &self.document.fragments) {
            match item {
                Item::Field(field) => {
                    self.left = self.left.checked_sub(1).ok_or(Refusal::Overlap { most: self.most })?;
                    let name = &field.node.name.node;
                    let declared = self.types.composite(parent).and_then(|parent| parent.fields.get(name));
                    let ty = match declared {
                        Some(output) => Some(&output.ty),
                        None => (name == "__typename").then_some(self.typename),
                    };
                    let key = field.node.response_key().node.as_str();
                    groups.entry(key).or_default().push(Selected { parent, field, ty });
                }
                Item::Fragment(fragment) => {
                    if fragment.name.is_none_or(|name| spread.insert(name)) {
                        self.collect(fragment.set, fragment.on().unwrap_or(parent), spread, groups)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// `SameResponseShape`: whatever objects come, each place of the answer has one type.
    fn shapes(&mut self, groups: &Groups<'a>) -> Result<(), Refusal> {
        for (key, fields) in groups {
            let mut typed = fields.iter().filter_map(|field| Some((field, field.ty?)));
            if let Some((first, ty)) = typed.next()
                && let Some((other, other_ty)) = typed.find(|(_, other)| !self.same_shape(ty, other))
            {
                let message = format!(
                    "\"{key}\" is of type \"{ty}\" here and \"{other_ty}\" there; give them different aliases"
                );
                return Err(collision(message, first, other));
            }
            let inner = self.groups(&fields.iter().map(Selected::inside).collect::<Vec<_>>())?;
            self.shapes(&inner)?;
        }
        Ok(())
    }

    fn same_shape(&self, one: &Type, other: &Type) -> bool {
        let composite = |name: &Name| self.types.composite(name).is_some();
        one.nullable == other.nullable
            && match (&one.base, &other.base) {
                (BaseType::List(one), BaseType::List(other)) => self.same_shape(one, other),
                (BaseType::Named(one), BaseType::Named(other)) => {
                    one == other || (composite(one) && composite(other))
                }
                _ => false,
            }
    }

    /// `FieldsInSetCanMerge`: what can come from the same object means the same there.
    fn meanings(&mut self, groups: &Groups<'a>) -> Result<(), Refusal> {
        for (key, fields) in groups {
            // Two objects are never the same one; an interface or union can be any.
            let is_object = |field: &&Selected<'a>| {
                self.types.composite(field.parent).is_some_and(|parent| !parent.is_abstract)
            };
            let objects: Vec<&Name> = {
                let mut seen = HashSet::new();
                fields
                    .iter()
                    .filter(is_object)
                    .map(|field| field.parent)
                    .filter(|name| seen.insert(*name))
                    .collect()
            };
            let together = |object: Option<&Name>| -> Vec<Selected<'a>> {
                let of = |field: &&Selected<'a>| !is_object(field) || object == Some(field.parent);
                fields.iter().filter(of).copied().collect()
            };
            let sets: Vec<Vec<Selected<'a>>> = match objects.as_slice() {
                [] => vec![together(None)],
                objects => objects.iter().map(|object| together(Some(object))).collect(),
            };
            for set in sets {
                same(key, &set)?;
                let inner = self.groups(&set.iter().map(Selected::inside).collect::<Vec<_>>())?;
                self.meanings(&inner)?;
            }
        }
        Ok(())
    }
}

/// Refuses fields of one key that are not the same field with the same arguments.
fn same(key: &str, fields: &[Selected<'_>]) -> Result<(), Refusal> {
    let [first, others @ ..] = fields else { return Ok(()) };
    for other in others {
        let (one, two) = (&first.field.node, &other.field.node);
        if one.name.node != two.name.node {
            let message = format!(
                "\"{key}\" stands for the fields \"{}\" and \"{}\"; give them different aliases",
                one.name.node, two.name.node
            );
            return Err(collision(message, first, other));
        }
        if !same_arguments(one, two) {
            let message =
                format!("\"{key}\" is selected with different arguments; give them different aliases");
            return Err(collision(message, first, other));
        }
    }
    Ok(())
}

fn collision(message: String, one: &Selected<'_>, other: &Selected<'_>) -> Refusal {
    Refusal::Invalid { message, locations: vec![one.field.pos, other.field.pos] }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    const SCHEMA: &str = "
        type Query { pet: Pet! dog: Dog n: Int animals: [Animal!]! }
        interface Pet { name(short: Boolean): String! owner: Person }
        type Dog implements Pet { name(short: Boolean): String! owner: Person barks: Boolean! size: Int weight: Int! }
        type Cat implements Pet { name(short: Boolean): String! owner: Person meows: Boolean! size: Float weight: Int! }
        union Animal = Dog | Cat
        type Person { name: String! pets: [Pet!]! home: String }
        schema { query: Query }";

    fn verdict(text: &str) -> Result<(), Refusal> {
        let types = Types::read(SCHEMA).expect("a schema");
        check(&parse_query(text).expect(text), &types, 100)
    }

    /// Field Selection Merging, with the examples of its kinds.
    #[test]
    fn what_means_the_same_may_stand_twice() {
        for text in [
            "{dog {name name} dog {name}}",
            "{n n: n}",
            "{pet {name(short: true) ...f} } fragment f on Pet {name(short: true)}",
            "{pet {... on Dog {volume: barks} ... on Cat {volume: meows}}}",
            "{pet {... on Dog {w: weight} ... on Cat {w: weight}}}",
            "{animals {... on Dog {x: name} ... on Cat {x: name(short: true)}}}",
            "{pet {owner {name} ... on Dog {owner {home name}}}}",
            "{__typename a: __typename pet {__typename ... on Dog {__typename}}}",
            "{__schema {types {name}} a: __schema {types {name: kind}}}",
            "{a: n b: n}",
            "{pet {...nowhere}}",
        ] {
            assert_eq!(verdict(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_means_two_things_may_not() {
        for (text, said) in [
            ("{dog {name ... on Pet {name: owner {name}}}}", "type"),
            ("{dog {x: size ... on Dog {x: weight}}}", "type"),
            ("{dog {a: barks} dog {a: size}}", "type"),
            ("{dog {name ... on Pet {name(short: true)}}}", "arguments"),
            ("{dog {name(short: true)} ...f} fragment f on Query {dog {name(short: false)}}", "arguments"),
            ("{pet {owner {name} ... on Dog {owner {name: home}}}}", "type"),
            (
                "{pet {owner {x: name} ...f}} fragment f on Dog {owner {...g}} fragment g on Person {x: pets {name}}",
                "type",
            ),
            ("{pet {... on Dog {x: size} ... on Cat {x: size}}}", "type"),
            ("{pet {... on Dog {x: barks} ... on Cat {x: name}}}", "type"),
            ("{animals {... on Dog {o: owner {x: name}} ... on Cat {o: owner {x: home}}}}", "type"),
            ("{dog {x: barks x: __typename}}", "type"),
            ("{pet {x: owner {name} ... on Dog {x: owner {name}}} pet {... on Pet {x: name}}}", "type"),
            ("{dog {a: owner {name} ... on Pet {a: owner {name: home}}}}", "type"),
            ("query A {n} query B {dog {x: weight ... on Dog {x: weight}} dog: pet {name}}", "type"),
            ("{dog {owner {y: name}} dog {owner {y: name ...p}}} fragment p on Person {y: home}", "type"),
            ("{pet {... {name} ... {name(short: true)}}}", "arguments"),
            ("{pet {x: name} pet {... on Pet {x: name ... on Dog {x: name(short: null)}}}}", "arguments"),
        ] {
            match verdict(text) {
                Err(Refusal::Invalid { message, locations }) => {
                    assert!(message.contains(said) && locations.len() == 2, "{text}: {message}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        let same = "{pet {... on Dog {x: name} ... on Pet {x: __typename}}}";
        let Err(Refusal::Invalid { message, .. }) = verdict(same) else { panic!("{same}") };
        assert!(message.contains("\"name\" and \"__typename\""), "{message}");
    }

    /// The comparison is bounded where it would grow with the power of the depth.
    #[test]
    fn the_comparison_ends() {
        let level =
            |inner: &str| format!("owner {{pets {{... on Dog {{{inner}}} ... on Cat {{{inner}}} {inner}}}}}");
        let deep = (0..8).fold("name".to_owned(), |inner, _| level(&inner));
        let types = Types::read(SCHEMA).expect("a schema");
        let document = parse_query(format!("{{pet {{{deep}}}}}")).expect("a document");
        assert_eq!(check(&document, &types, 100), Err(Refusal::Overlap { most: 100 }));
    }
}
