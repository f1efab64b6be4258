//! Variables as the September 2025 edition has them. A variable fits where it stands ("All Variable Usages Are
//! Allowed"), also in a `@oneOf` input object, whose fields take no nullable one. One that is required and missing is
//! a mistake of the request, and nothing runs ("Coercing Variable Values"). One that may be missing and is leaves no
//! trace: its argument or field counts as not given, where the library would give `null` and a change would empty
//! what was not to be touched ("Coercing Field Arguments").

use std::collections::HashSet;

use async_graphql::{
    Name, Pos, Positioned, Value, Variables,
    parser::types::{
        BaseType, Directive, DocumentOperations, ExecutableDocument, OperationDefinition, Selection,
        SelectionSet, Type, VariableDefinition,
    },
};
use async_graphql_value::Value as InputValue;

use super::{
    Refusal, reach,
    selection::{self, Item},
    subscription,
    types::{Composite, Input, Place, Types, named},
};

type Arguments = [(Positioned<Name>, Positioned<InputValue>)];

/// Refuses a document that uses a variable where its type does not fit. Only for a document whose fragments hold no
/// cycle. Places that the schema does not know are named by validation.
pub(super) fn check(document: &ExecutableDocument, types: &Types) -> Result<(), Refusal> {
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        if operation.variable_definitions.is_empty() {
            continue;
        }
        let mut names = HashSet::new();
        let mut definitions = operation.variable_definitions.iter();
        if let Some(twice) = definitions.find(|one| !names.insert(&one.node.name.node)) {
            return Err(Refusal::Invalid {
                message: format!("the variable \"${}\" is declared twice", twice.node.name.node),
                locations: vec![twice.pos],
            });
        }
        // The library takes it for granted that the items of a default value have a type.
        let mut defaults =
            operation.variable_definitions.iter().filter(|one| one.node.default_value.is_some());
        if let Some(unknown) = defaults.find(|one| !types.knows(named(&one.node.var_type.node))) {
            return Err(Refusal::Invalid {
                message: format!("Unknown type \"{}\"", named(&unknown.node.var_type.node)),
                locations: vec![unknown.node.var_type.pos],
            });
        }
        let mut walk = Walk { document, types, operation, spread: HashSet::new() };
        walk.set(&operation.selection_set.node, types.root(operation.ty))?;
    }
    Ok(())
}

struct Walk<'a> {
    document: &'a ExecutableDocument,
    types: &'a Types,
    operation: &'a OperationDefinition,
    spread: HashSet<&'a Name>,
}

/// What is expected where a value stands.
#[derive(Clone, Copy)]
struct Expected<'a> {
    ty: &'a Type,
    has_default: bool,
    /// The name of the `@oneOf` input object whose field this is.
    one_of: Option<&'a Name>,
}

impl<'a> Walk<'a> {
    fn set(&mut self, set: &'a SelectionSet, parent: Option<&'a Composite>) -> Result<(), Refusal> {
        for selection in &set.items {
            self.directives(selection.node.directives())?;
            match selection::item(&selection.node, &self.document.fragments) {
                Some(Item::Field(field)) => {
                    let output = parent.and_then(|parent| parent.fields.get(&field.node.name.node));
                    self.arguments(&field.node.arguments, |name| output?.arguments.get(name))?;
                    let inner = output.and_then(|output| self.types.composite(named(&output.ty)));
                    self.set(&field.node.selection_set.node, inner)?;
                }
                // Once, wherever it is spread.
                Some(Item::Fragment(fragment))
                    if fragment.name.is_none_or(|name| self.spread.insert(name)) =>
                {
                    let inner = fragment.on().map_or(parent, |on| self.types.composite(on));
                    self.set(fragment.set, inner)?;
                }
                Some(Item::Fragment(_)) | None => {}
            }
        }
        Ok(())
    }

    /// Both directives that a selection takes have one argument, of the same type.
    fn directives(&self, directives: &'a [Positioned<Directive>]) -> Result<(), Refusal> {
        let condition = Type { base: BaseType::Named(Name::new("Boolean")), nullable: false };
        for directive in directives {
            for (_, value) in &directive.node.arguments {
                let expected = Expected { ty: &condition, has_default: false, one_of: None };
                self.value(&value.node, expected, value.pos)?;
            }
        }
        Ok(())
    }

    fn arguments(
        &self,
        arguments: &'a Arguments,
        place: impl Fn(&Name) -> Option<&'a Place>,
    ) -> Result<(), Refusal> {
        for (name, value) in arguments {
            if let Some(Place { ty, has_default }) = place(&name.node) {
                let expected = Expected { ty, has_default: *has_default, one_of: None };
                self.value(&value.node, expected, value.pos)?;
            }
        }
        Ok(())
    }

    fn value(&self, value: &InputValue, expected: Expected<'_>, at: Pos) -> Result<(), Refusal> {
        match value {
            InputValue::Variable(name) => self.usage(name, expected, at),
            InputValue::List(items) => {
                let BaseType::List(ty) = &expected.ty.base else { return Ok(()) };
                let expected = Expected { ty, has_default: false, one_of: None };
                items.iter().try_for_each(|item| self.value(item, expected, at))
            }
            InputValue::Object(given) => {
                let Some((name, Input { one_of, fields })) = self.types.input(expected.ty) else {
                    return Ok(());
                };
                let one_of = one_of.then_some(name);
                given.iter().try_for_each(|(name, value)| match fields.get(name) {
                    Some(Place { ty, has_default }) => {
                        self.value(value, Expected { ty, has_default: *has_default, one_of }, at)
                    }
                    None => Ok(()),
                })
            }
            _ => Ok(()),
        }
    }

    /// The rule for one usage; a variable that is not declared is named by validation.
    fn usage(&self, name: &Name, expected: Expected<'_>, at: Pos) -> Result<(), Refusal> {
        let mut definitions = self.operation.variable_definitions.iter();
        let Some(definition) = definitions.find(|definition| definition.node.name.node == *name) else {
            return Ok(());
        };
        let declared = &definition.node.var_type.node;
        let has_value =
            definition.node.default_value.as_ref().is_some_and(|default| default.node != Value::Null);
        let non_null = !expected.ty.nullable || expected.one_of.is_some();
        let fits = if non_null && declared.nullable {
            (has_value || expected.has_default) && fits(&declared.base, &expected.ty.base)
        } else {
            fits(&declared.base, &expected.ty.base)
        };
        if fits {
            return Ok(());
        }
        let only_null = declared.nullable && fits_base(declared, expected.ty);
        let message = if let Some(object) = expected.one_of.filter(|_| only_null) {
            format!(
                "the variable \"${name}\" of type \"{declared}\" may be null, and a field of the oneOf input \
                 object \"{object}\" may not; declare it as \"{declared}!\""
            )
        } else {
            let ty = expected.ty;
            format!("the variable \"${name}\" of type \"{declared}\" stands where \"{ty}\" is expected")
        };
        Err(Refusal::Invalid { message, locations: vec![definition.pos, at] })
    }
}

/// Whether a value of one type is one of another, nulls aside.
fn fits(declared: &BaseType, expected: &BaseType) -> bool {
    match (declared, expected) {
        (BaseType::Named(declared), BaseType::Named(expected)) => declared == expected,
        (BaseType::List(declared), BaseType::List(expected)) => {
            (expected.nullable || !declared.nullable) && fits_base(declared, expected)
        }
        _ => false,
    }
}

fn fits_base(declared: &Type, expected: &Type) -> bool {
    fits(&declared.base, &expected.base)
}

/// Gives the variables of the operation that will run the values that they have in this request, and takes out of the
/// document what stands on a variable without one. The document is this request's own.
pub(super) fn settle(
    document: &mut ExecutableDocument,
    name: Option<&str>,
    variables: &mut Variables,
) -> Result<(), Refusal> {
    let operation = subscription::operation(document, name);
    let Some(operation) = operation.filter(|operation| !operation.variable_definitions.is_empty()) else {
        return Ok(());
    };
    let (mut missing, mut absent) = (Vec::new(), HashSet::new());
    for definition in &mut operation.variable_definitions {
        let VariableDefinition { name, var_type, default_value, .. } = &mut definition.node;
        match (variables.get(&name.node), default_value) {
            (Some(Value::Null), _) if !var_type.node.nullable => {
                missing.push((name.node.clone(), definition.pos));
            }
            (Some(Value::Null), _) => {}
            // What is given is not null, and fits also where null would not: validation need not ask for a default.
            (Some(_), _) => var_type.node.nullable = false,
            (None, Some(default)) => {
                variables.insert(name.node.clone(), default.node.clone());
            }
            (None, None) if var_type.node.nullable => {
                absent.insert(name.node.clone());
            }
            (None, None) => missing.push((name.node.clone(), definition.pos)),
        }
    }
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|(name, _)| format!("\"${name}\"")).collect();
        let message = if let [name] = names.as_slice() {
            format!("the variable {name} is required; give it a value other than null")
        } else {
            format!("the variables {} are required; give them values other than null", names.join(", "))
        };
        let locations = missing.into_iter().map(|(_, at)| at).collect();
        return Err(Refusal::Variable { message, locations });
    }
    if !absent.is_empty() {
        strip(document, name, &mut Absent { names: absent, met: HashSet::new() });
    }
    Ok(())
}

/// Variables without a value.
struct Absent {
    names: HashSet<Name>,
    /// Those that something stood on.
    met: HashSet<Name>,
}

/// Takes out what stands on absent variables, and their definitions; validation names those that nothing uses. Other operations of the document go too: they
/// may use the same fragments, and would then have variables that nothing uses.
fn strip(document: &mut ExecutableDocument, name: Option<&str>, absent: &mut Absent) {
    if let (DocumentOperations::Multiple(operations), Some(name)) = (&document.operations, name)
        && operations.len() > 1
    {
        let before = reach::reached(document);
        if let DocumentOperations::Multiple(operations) = &mut document.operations {
            operations.retain(|known, _| known == name);
        }
        reach::prune(document, &before);
    }
    for fragment in document.fragments.values_mut() {
        strip_set(&mut fragment.node.selection_set.node, absent);
    }
    if let Some(operation) = subscription::operation(document, name) {
        strip_set(&mut operation.selection_set.node, absent);
        let kept =
            |definition: &Positioned<VariableDefinition>| !absent.met.contains(&definition.node.name.node);
        operation.variable_definitions.retain(kept);
    }
}

fn strip_set(set: &mut SelectionSet, absent: &mut Absent) {
    for selection in &mut set.items {
        for directive in selection.node.directives_mut() {
            strip_arguments(&mut directive.node.arguments, absent);
        }
        match &mut selection.node {
            Selection::Field(field) => {
                strip_arguments(&mut field.node.arguments, absent);
                strip_set(&mut field.node.selection_set.node, absent);
            }
            Selection::InlineFragment(inline) => strip_set(&mut inline.node.selection_set.node, absent),
            Selection::FragmentSpread(_) => {}
        }
    }
}

fn strip_arguments(arguments: &mut Vec<(Positioned<Name>, Positioned<InputValue>)>, absent: &mut Absent) {
    arguments.retain(|(_, value)| !is_absent(&value.node, absent));
    for (_, value) in arguments {
        strip_value(&mut value.node, absent);
    }
}

fn strip_value(value: &mut InputValue, absent: &mut Absent) {
    match value {
        InputValue::List(items) => {
            for item in items {
                // A place in a list cannot be missing: it is null.
                if is_absent(item, absent) {
                    *item = InputValue::Null;
                } else {
                    strip_value(item, absent);
                }
            }
        }
        InputValue::Object(fields) => {
            fields.retain(|_, value| !is_absent(value, absent));
            for value in fields.values_mut() {
                strip_value(value, absent);
            }
        }
        _ => {}
    }
}

fn is_absent(value: &InputValue, absent: &mut Absent) -> bool {
    let InputValue::Variable(name) = value else { return false };
    let is_absent = absent.names.contains(name);
    if is_absent {
        absent.met.insert(name.clone());
    }
    is_absent
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    const SCHEMA: &str = "
        type Query { by(by: By!): Thing all(ids: [ID!], first: Int! = 5, filter: Filter): [Thing!] many(ids: [[ID]]): Int }
        type Thing { id: ID! parts(by: By): [Thing!] }
        input By @oneOf { id: ID name: String in: Filter }
        input Filter { by: By name: String! = \"x\" loud: Boolean not: Filter any: [By!] }
        schema { query: Query }";

    /// Variables Are Input Types: a default value of a list of nothing is refused before the library panics at it.
    #[test]
    fn a_default_value_has_a_type() {
        for text in
            ["query($n: [Nonsense!]! = [1]) {many(ids: $n)}", "query($n: Nonsense = 1) {many(ids: $n)}"]
        {
            let Err(Refusal::Invalid { message, locations }) = verdict(text) else { panic!("{text} passes") };
            assert_eq!((message.as_str(), locations.len()), ("Unknown type \"Nonsense\"", 1), "{text}");
        }
        for ty in ["[ID]", "Int", "[[Float!]]", "[Filter]", "[Boolean]", "[Thing]"] {
            assert_eq!(verdict(&format!("query($n: {ty} = null) {{all {{id}}}}")), Ok(()), "{ty}");
        }
    }

    fn verdict(text: &str) -> Result<(), Refusal> {
        check(&parse_query(text).expect(text), &Types::read(SCHEMA).expect("a schema"))
    }

    /// All Variable Usages Are Allowed: also where a location has a default, in lists, in objects and through
    /// fragments.
    #[test]
    fn a_variable_stands_where_its_type_fits() {
        for text in [
            "query($n: ID!) {by(by: {id: $n}) {id}}",
            "query($n: ID = \"1\") {by(by: {id: $n}) {id}}",
            "query($by: By!) {by(by: $by) {parts(by: $by) {id}}}",
            "query($n: Int) {all(first: $n) {id}}",
            "query($s: String) {all(filter: {name: $s}) {id}}",
            "query($i: [ID!]) {all(ids: $i) {id}}",
            "query($i: [ID!]!) {all(ids: $i) {id}}",
            "query($i: ID!) {all(ids: [$i, \"2\"]) {id}}",
            "query($i: [ID!]) {many(ids: [$i])}",
            "query($b: Boolean!) {by(by: {id: \"1\"}) @skip(if: $b) {id}}",
            "query($n: String!) {...f} fragment f on Query {all {parts(by: {name: $n}) {id}}}",
            "query($n: Nonsense) {nothing(at: $n) all(what: $n) {no(x: $n)}}",
        ] {
            assert_eq!(verdict(text), Ok(()), "{text}");
        }
        for text in [
            "query($n: ID) {by(by: {id: $n}) {id}}",
            "query($n: ID = null) {by(by: {id: $n}) {id}}",
            "query($n: String) {all(filter: {any: [{name: $n}]}) {id}}",
            "query($n: String) {all(filter: {not: {by: {name: $n}}}) {id}}",
            "query($n: String!) {by(by: {id: $n}) {id}}",
            "query($by: By) {by(by: $by) {id}}",
            "query($n: Int = null) {all(ids: $n) {id}}",
            "query($i: [ID]) {all(ids: $i) {id}}",
            "query($i: ID) {all(ids: [$i]) {id}}",
            "query($i: ID!) {all(ids: $i) {id}}",
            "query($b: Boolean) {by(by: {id: \"1\"}) @include(if: $b) {id}}",
            "query($n: String) {...f} fragment f on Thing {parts(by: {name: $n}) {id}}",
            "query A($n: String!) {...f} query B($n: Int!) {...f} fragment f on Query {by(by: {name: $n}) {id}}",
        ] {
            let Err(Refusal::Invalid { message, locations }) = verdict(text) else { panic!("{text} passes") };
            assert!(message.contains("variable \"$") && locations.len() == 2, "{text}: {message}");
        }
        let Err(refusal) = verdict("query($n: ID) {by(by: {id: $n}) {id}}") else { panic!("it passes") };
        assert_eq!(
            refusal.to_string(),
            "the variable \"$n\" of type \"ID\" may be null, and a field of the oneOf input object \"By\" may not; \
             declare it as \"ID!\""
        );
    }

    fn settled(
        text: &str,
        name: Option<&str>,
        given: serde_json::Value,
    ) -> Result<(String, Variables), Refusal> {
        let mut document = parse_query(text).expect(text);
        let mut variables = Variables::from_json(given);
        settle(&mut document, name, &mut variables)?;
        let arguments = |operation: &OperationDefinition| {
            let mut said = String::new();
            for selection in &operation.selection_set.node.items {
                if let Selection::Field(field) = &selection.node {
                    for (name, value) in &field.node.arguments {
                        write!(said, "{}={} ", name.node, value.node).expect("a string takes any text");
                    }
                }
            }
            said + &operation.variable_definitions.len().to_string()
        };
        let said: Vec<_> =
            document.operations.iter().map(|(_, operation)| arguments(&operation.node)).collect();
        Ok((format!("{}/{}", said.join(" "), document.fragments.len()), variables))
    }

    /// Coercing Field Arguments: an argument or field on a variable without a value was not given.
    #[test]
    fn what_has_no_value_was_not_given() {
        let text = "query($a: Int, $b: Int, $c: [Int]) {f(a: $a, b: {a: $a, b: $b, l: [$a, $b]}, c: $c)}";
        let (said, _) = settled(text, None, json!({"b": 2})).expect("nothing is required");
        assert_eq!(said, "b={b: $b, l: [null, $b]} 1/0");
        // Null is a value.
        let (said, _) =
            settled(text, None, json!({"a": null, "b": null, "c": null})).expect("nothing is required");
        assert_eq!(said, "a=$a b={a: $a, b: $b, l: [$a, $b]} c=$c 3/0");
        // A default is one too.
        let (said, variables) =
            settled("query($a: Int = 3, $b: Int!) {f(a: $a, b: $b)}", None, json!({"b": 1}))
                .expect("all is there");
        assert_eq!((said.as_str(), variables.get("a")), ("a=$a b=$b 2/0", Some(&Value::from(3))));
    }

    /// The other operations of a document may use the same fragments.
    #[test]
    fn only_what_runs_is_left_where_something_is_missing() {
        let text = "query A($x: Int) {f(x: $x) ...s} query B($x: Int) {g(x: $x) ...s ...t} fragment s on Q {h(x: $x)} \
                    fragment t on Q {i} fragment unused on Q {j}";
        assert_eq!(settled(text, Some("A"), json!({})).expect("nothing is required").0, "0/2");
        let (said, _) = settled(text, Some("A"), json!({"x": 1})).expect("nothing is required");
        assert!(said.ends_with("/3") && said.contains("x=$x 1"), "{said}");
    }

    /// Coercing Variable Values: a variable that is required and missing, or null, is a mistake of the request.
    #[test]
    fn what_is_required_is_asked_for() {
        let text = "query($a: Int!, $b: [Int]!, $c: Int! = 3) {f(a: $a, b: $b, c: $c)}";
        for (given, said) in [
            (json!({}), "the variables \"$a\", \"$b\" are required; give them values other than null"),
            (json!({"a": null, "b": []}), "the variable \"$a\" is required; give it a value other than null"),
            (
                json!({"a": 1, "b": [], "c": null}),
                "the variable \"$c\" is required; give it a value other than null",
            ),
        ] {
            let Err(refusal) = settled(text, None, given) else { panic!("{said}") };
            assert_eq!(refusal.to_string(), said);
        }
        assert!(settled(text, None, json!({"a": 1, "b": []})).is_ok());
    }
}
