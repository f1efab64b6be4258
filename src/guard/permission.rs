//! Whether a caller reads the kinds of things that a document is about (ACC-3), told before it runs: what is selected says
//! all of it, so nothing is looked up for it, and a field that must not be null need not become an error halfway.
//!
//! What a document names at run time alone (a node by its id, what was found, what happened) is asked for by fragments on
//! the types of things, and those are judged here like fields; lists of such things leave out, where they are read, what
//! is of a kind that the caller does not read. `@skip` and `@include` are not followed: what could be read is judged.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned, Value, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, SelectionSet, Type},
};

use super::{
    Refusal,
    selection::{self, Item},
    types::{Place, Types, named},
};
use crate::caller::{Caller, Noun};

/// What the schema says of the kinds of things behind its names.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    /// The kinds of things of which an object of a type tells; of an interface, those that may stand behind it.
    pub of_type: fn(&str) -> &'static [Noun],
    /// The kinds of things that a condition of a filter looks at, by its name.
    pub of_condition: fn(&str) -> &'static [Noun],
    /// Whether a field of a type, itself of fields, is on a user's own page or changes what is the user's own.
    pub is_own: fn(&str, &str) -> bool,
}

impl Default for Kinds {
    fn default() -> Self {
        Self { of_type: |_| &[], of_condition: |_| &[], is_own: |_, _| false }
    }
}

/// Refuses an operation that asks for what its caller does not read.
pub(super) fn check(
    kinds: Kinds,
    types: &Types,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
    caller: &Caller,
) -> Result<(), Refusal> {
    let unread: Vec<Noun> = caller.unread().collect();
    if unread.is_empty() && caller.own.is_none() {
        return Ok(());
    }
    let Some(root) = types.root_name(operation.ty) else { return Ok(()) };
    let reader = Reader { kinds, types, document, operation, variables, unread, own: caller.own.is_some() };
    reader.set(&operation.selection_set.node, root)
}

struct Reader<'a> {
    kinds: Kinds,
    types: &'a Types,
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    unread: Vec<Noun>,
    own: bool,
}

impl Reader<'_> {
    fn set(&self, set: &SelectionSet, parent: &Name) -> Result<(), Refusal> {
        // Cycles and depth were looked at before.
        for item in selection::items(set, &self.document.fragments) {
            match item {
                Item::Field(field) => self.field(field, parent)?,
                Item::Fragment(fragment) => {
                    let on = fragment.on().unwrap_or(parent);
                    if !self.is_abstract(on) {
                        self.read((self.kinds.of_type)(on), on, fragment.at)?;
                    }
                    self.set(fragment.set, on)?;
                }
            }
        }
        Ok(())
    }

    fn field(&self, field: &Positioned<Field>, parent: &Name) -> Result<(), Refusal> {
        let name = &field.node.name.node;
        let known = self.types.composite(parent).and_then(|composite| composite.fields.get(name));
        // What is about the schema is for another setting, what is no field for validation.
        let Some(known) = known else { return Ok(()) };
        if self.is_abstract(parent) {
            self.read((self.kinds.of_type)(parent), name, field.pos)?;
        }
        let ty = named(&known.ty);
        if self.types.composite(ty).is_none() {
            return self.arguments(field, &known.arguments);
        }
        if self.own && !(self.kinds.is_own)(parent, name) {
            return Err(Refusal::NotOwn { field: name.to_string(), locations: vec![field.pos] });
        }
        if !self.is_abstract(ty) {
            self.read((self.kinds.of_type)(ty), name, field.pos)?;
        }
        self.arguments(field, &known.arguments)?;
        self.set(&field.node.selection_set.node, ty)
    }

    fn is_abstract(&self, name: &str) -> bool {
        self.types.composite(name).is_some_and(|composite| composite.is_abstract)
    }

    fn read(&self, nouns: &[Noun], field: &str, at: Pos) -> Result<(), Refusal> {
        // Of users it was asked whether it is their own.
        match nouns.iter().find(|noun| !self.own && self.unread.contains(noun)) {
            None => Ok(()),
            Some(noun) => Err(Refusal::Unread { noun: *noun, field: field.to_owned(), locations: vec![at] }),
        }
    }

    /// Conditions on what is not read would tell of it too.
    fn arguments(&self, field: &Positioned<Field>, places: &HashMap<Name, Place>) -> Result<(), Refusal> {
        for (name, value) in &field.node.arguments {
            if let Some(place) = places.get(&name.node)
                && self.types.input(&place.ty).is_some()
            {
                let given =
                    value.node.clone().into_const_with(|name| Ok::<_, Refusal>(self.variable(&name)))?;
                self.conditions(&given, &place.ty, name.pos)?;
            }
        }
        Ok(())
    }

    fn variable(&self, name: &Name) -> Value {
        let mut declared = self.operation.variable_definitions.iter().map(|declared| &declared.node);
        let default = || {
            let declared = declared.find(|declared| declared.name.node == *name)?;
            Some(declared.default_value.as_ref()?.node.clone())
        };
        self.variables.get(name).cloned().or_else(default).unwrap_or_default()
    }

    fn conditions(&self, value: &Value, ty: &Type, at: Pos) -> Result<(), Refusal> {
        match value {
            Value::List(items) => items.iter().try_for_each(|item| self.conditions(item, ty, at)),
            Value::Object(fields) => {
                let Some((name, input)) = self.types.input(ty) else { return Ok(()) };
                for (key, value) in fields {
                    if name.ends_with("Filter") && *value != Value::Null {
                        self.read((self.kinds.of_condition)(key), key, at)?;
                    }
                    if let Some(place) = input.fields.get(key) {
                        self.conditions(value, &place.ty, at)?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::Request;
    use entity::{
        UserId,
        role::{Action, Rights},
        token::Role,
    };
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{config, guard::Guard};

    const SDL: &str = "
        schema { query: Query }
        type Query { user(id: ID): User users(filter: UserFilter): UserConnection! node: Node device: Device me: Me }
        interface Node { id: ID! }
        interface Device { id: ID! name: String }
        type User implements Node { id: ID! name: String lines: [Line!] }
        type UserConnection { totalCount: Int nodes: [User!]! }
        type Line implements Node { id: ID! pattern: String users: [User!] }
        type Phone implements Node & Device { id: ID! name: String }
        type Me { name: String line: Line user: User }
        input UserFilter { and: [UserFilter!] name: String lines: [ID!] }
    ";

    fn kinds() -> Kinds {
        Kinds {
            of_type: |name| match name {
                "User" | "UserConnection" => &[Noun::User],
                "Line" => &[Noun::Line],
                "Phone" | "Device" => &[Noun::Phone],
                _ => &[],
            },
            of_condition: |name| if name == "lines" { &[Noun::Line] } else { &[] },
            is_own: |parent, field| matches!((parent, field), ("Query", "me") | ("Me", "line")),
        }
    }

    /// What is refused, by its field; nothing where all is read.
    fn refused(caller: Caller, document: &str, variables: &Json) -> Option<String> {
        let types = std::sync::Arc::new(Types::read(SDL).expect("a schema"));
        let guard = Guard::new(&config::Guard::default(), &config::Page::default());
        let guard = guard.knowing(types).telling(kinds());
        let request = Request::new(document).variables(Variables::from_json(variables.clone())).data(caller);
        match guard.prepare(request) {
            Ok(_) => None,
            Err(Refusal::Unread { field, noun, .. }) => Some(format!("{field}: {noun}")),
            Err(Refusal::NotOwn { field, .. }) => Some(field),
            Err(other) => panic!("{document}: {other}"),
        }
    }

    fn reader(nouns: &[Noun]) -> Caller {
        let rights: Rights = nouns.iter().map(|noun| (*noun, Action::Read)).collect();
        Caller { rights, role: Role::Viewer, ..Caller::administrator("x") }
    }

    #[test]
    fn what_is_not_read_is_refused_by_its_field() {
        let cases = [
            ("{user {name}}", None),
            ("{user {name lines {__typename}}}", Some("lines: LINE")),
            ("{user {...f}} fragment f on User {lines {pattern}}", Some("lines: LINE")),
            // A fragment on a kind that is not read, wherever it stands.
            ("{node {id ... on User {name} ... on Line {pattern}}}", Some("Line: LINE")),
            ("{node {id __typename ... on User {name}}}", None),
            ("{device {name}}", Some("name: PHONE")),
            ("{users {totalCount}}", None),
            ("{me {name}}", None),
            ("{a: user {name} b: me {line {id}}}", Some("line: LINE")),
            // Only what runs is judged; of several operations it is the named one.
            ("{user @skip(if: true) {lines {pattern}}}", Some("lines: LINE")),
        ];
        for (document, wanted) in cases {
            let caller = reader(&[Noun::User]);
            assert_eq!(refused(caller, document, &json!({})).as_deref(), wanted, "{document}");
            assert_eq!(refused(Caller::administrator("x"), document, &json!({})), None, "{document}");
        }
        assert_eq!(
            refused(reader(&[Noun::Line]), "{users {totalCount}}", &json!({})).as_deref(),
            Some("users: USER")
        );
    }

    #[test]
    fn conditions_on_what_is_not_read_are_refused() {
        let given = r#"{users(filter: {and: [{lines: ["1"]}]}) {totalCount}}"#;
        let whole = "query($f: UserFilter) {users(filter: $f) {totalCount}}";
        let part = "query($l: [ID!]) {users(filter: {lines: $l}) {totalCount}}";
        let default = r#"query($l: [ID!] = ["1"]) {users(filter: {lines: $l}) {totalCount}}"#;
        for (document, variables, wanted) in [
            (given, json!({}), true),
            (whole, json!({"f": {"and": {"lines": ["1"]}}}), true),
            (whole, json!({"f": {"name": "x", "lines": null}}), false),
            (part, json!({"l": ["1"]}), true),
            (part, json!({}), false),
            (default, json!({}), true),
        ] {
            let found = refused(reader(&[Noun::User]), document, &variables);
            assert_eq!(found.as_deref(), wanted.then_some("lines: LINE"), "{document} {variables}");
        }
    }

    #[test]
    fn a_user_sees_the_own_page_alone() {
        let user = Caller { own: Some(UserId(7)), ..reader(&[]) };
        for (document, wanted) in [
            ("{me {name line {id pattern}}}", None),
            ("{me {line {users {name}}}}", Some("users")),
            ("{me {user {name}}}", Some("user")),
            ("{users {totalCount}}", Some("users")),
            ("{node {id}}", Some("node")),
            ("{__typename}", None),
        ] {
            assert_eq!(refused(user.clone(), document, &json!({})).as_deref(), wanted, "{document}");
        }
    }
}
