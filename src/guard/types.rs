//! What the guard knows of the schema, read from its text: which fields each type has, what they take, and what is
//! `@oneOf`. The library keeps its own registry to itself.

use std::collections::{HashMap, HashSet};

use async_graphql::{
    Name, Positioned,
    parser::{
        self, parse_schema,
        types::{
            BaseType, FieldDefinition, InputValueDefinition, OperationType, Type, TypeKind,
            TypeSystemDefinition,
        },
    },
};

/// The types of a schema.
#[derive(Debug, Default)]
pub struct Types {
    roots: Vec<(OperationType, Name)>,
    composites: HashMap<Name, Composite>,
    inputs: HashMap<Name, Input>,
    /// Scalars and enums that the schema declares.
    leaves: HashSet<Name>,
}

/// Scalars that are there without being declared.
const BUILT_IN: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];

/// An object, interface or union.
#[derive(Debug)]
pub(super) struct Composite {
    /// Whether another type stands behind it.
    pub(super) is_abstract: bool,
    pub(super) fields: HashMap<Name, Output>,
}

/// A field of an object or interface.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) ty: Type,
    pub(super) arguments: HashMap<Name, Place>,
}

/// An input object.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) one_of: bool,
    pub(super) fields: HashMap<Name, Place>,
}

/// Where a value goes.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) ty: Type,
    pub(super) has_default: bool,
}

impl Types {
    /// The types that a schema's text declares.
    pub fn read(sdl: &str) -> Result<Self, parser::Error> {
        let mut types = Self::default();
        for definition in parse_schema(sdl)?.definitions {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let schema = schema.node;
                    let roots = [
                        (OperationType::Query, schema.query),
                        (OperationType::Mutation, schema.mutation),
                        (OperationType::Subscription, schema.subscription),
                    ];
                    types.roots.extend(roots.into_iter().filter_map(|(ty, name)| Some((ty, name?.node))));
                }
                TypeSystemDefinition::Type(declared) => {
                    let declared = declared.node;
                    let name = declared.name.node;
                    let composite = |is_abstract, fields| Composite { is_abstract, fields: outputs(fields) };
                    match declared.kind {
                        TypeKind::Object(object) => {
                            types.composites.insert(name, composite(false, object.fields));
                        }
                        TypeKind::Interface(interface) => {
                            types.composites.insert(name, composite(true, interface.fields));
                        }
                        TypeKind::Union(_) => {
                            types.composites.insert(name, composite(true, Vec::new()));
                        }
                        TypeKind::InputObject(input) => {
                            let mut directives = declared.directives.iter();
                            let one_of = directives.any(|directive| directive.node.name.node == "oneOf");
                            types.inputs.insert(name, Input { one_of, fields: places(input.fields) });
                        }
                        TypeKind::Scalar | TypeKind::Enum(_) => {
                            types.leaves.insert(name);
                        }
                    }
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        Ok(types)
    }

    /// The type at the root of an operation.
    pub(super) fn root(&self, kind: OperationType) -> Option<&Composite> {
        self.composites.get(self.root_name(kind)?)
    }

    /// The name of the type at the root of an operation.
    pub(super) fn root_name(&self, kind: OperationType) -> Option<&Name> {
        self.roots.iter().find(|(ty, _)| *ty == kind).map(|(_, name)| name)
    }

    /// Whether no schema was read.
    pub(super) fn is_empty(&self) -> bool {
        self.composites.is_empty()
    }

    /// Whether there is a type of that name.
    pub(super) fn knows(&self, name: &str) -> bool {
        BUILT_IN.contains(&name)
            || self.leaves.contains(name)
            || self.inputs.contains_key(name)
            || self.composites.contains_key(name)
    }

    /// The object, interface or union of a name.
    pub(super) fn composite(&self, name: &str) -> Option<&Composite> {
        self.composites.get(name)
    }

    /// The input object that a type holds, in lists or not.
    pub(super) fn input(&self, ty: &Type) -> Option<(&Name, &Input)> {
        self.inputs.get_key_value(named(ty))
    }
}

/// The name within a type.
pub(super) fn named(ty: &Type) -> &Name {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => named(item),
    }
}

fn outputs(fields: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, Output> {
    let output = |field: FieldDefinition| {
        (field.name.node, Output { ty: field.ty.node, arguments: places(field.arguments) })
    };
    fields.into_iter().map(|field| output(field.node)).collect()
}

fn places(values: Vec<Positioned<InputValueDefinition>>) -> HashMap<Name, Place> {
    let place = |value: InputValueDefinition| {
        (value.name.node, Place { ty: value.ty.node, has_default: value.default_value.is_some() })
    };
    values.into_iter().map(|value| place(value.node)).collect()
}
