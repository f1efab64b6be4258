//! What a request costs: as asked for, told before it runs from its text and variables, and as answered, counted in what
//! was returned.
//!
//! A field costs a point for each item that it is selected on, or its weight where it needs a statement of its own. A
//! page has as many items as it asks for, a call of many items does its work once for each. Of fragments on different
//! types the dearest counts, because an item has one type; those on interfaces and unions count beside it.
//!
//! The schema is not looked at: it hands in two functions of names, so that pricing is one pass over the document
//! without a lookup of types. A field's weight goes by its name, which means the same wherever it stands.

use std::collections::HashMap;

use async_graphql::{
    Name, Value, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, SelectionSet},
};
use async_graphql_value::Value as Given;

use super::selection::{self, Fragment, Fragments, Item};
use crate::config;

/// What the schema says of its names.
#[derive(Clone, Copy, Debug)]
pub struct Prices {
    /// Points of a field, by its name.
    pub weight: fn(&str) -> u64,
    /// Whether a type stands for several: an interface or a union.
    pub is_abstract: fn(&str) -> bool,
}

/// A point a field; every type may be any other, so that nothing is left out.
impl Default for Prices {
    fn default() -> Self {
        Self { weight: |_| 1, is_abstract: |_| true }
    }
}

/// An operation as it is priced. Only for a document that `walk::check` has passed, which bounds the recursion and
/// excludes cycles.
pub struct Pricing<'a> {
    prices: Prices,
    fragments: &'a Fragments,
    operation: &'a OperationDefinition,
    variables: &'a Variables,
    page: &'a config::Page,
    known: HashMap<&'a str, Price>,
}

/// The price of a set: the fields that hold a connection's items apart, because only they are multiplied.
#[derive(Clone, Copy, Debug, Default)]
struct Price {
    items: u64,
    rest: u64,
}

impl Price {
    fn add(&mut self, other: Self) {
        self.items = self.items.saturating_add(other.items);
        self.rest = self.rest.saturating_add(other.rest);
    }

    fn dearest(self, other: Self) -> Self {
        Self { items: self.items.max(other.items), rest: self.rest.max(other.rest) }
    }

    fn on(self, times: Times) -> u64 {
        self.items.saturating_mul(times.items).saturating_add(self.rest.saturating_mul(times.rest))
    }
}

/// How often the parts of a set's price count.
#[derive(Clone, Copy)]
struct Times {
    items: u64,
    rest: u64,
}

impl<'a> Pricing<'a> {
    pub fn new(
        prices: Prices,
        document: &'a ExecutableDocument,
        operation: &'a OperationDefinition,
        variables: &'a Variables,
        page: &'a config::Page,
    ) -> Self {
        Self { prices, fragments: &document.fragments, operation, variables, page, known: HashMap::new() }
    }

    /// What the operation would cost.
    pub fn whole(&mut self) -> u64 {
        self.set(&self.operation.selection_set.node).on(Times { items: 1, rest: 1 })
    }

    /// The path to where most of the price arises: from the root on, as long as one field with fields of its own makes up
    /// more than half of what stands beside it.
    pub fn dearest(&mut self) -> String {
        let (mut path, mut around) = (Vec::new(), 0_u64);
        let (mut set, mut times) = (&self.operation.selection_set.node, Times { items: 1, rest: 1 });
        while let Some((price, field)) = self.dearest_in(set, times) {
            let leaf = field.selection_set.node.items.is_empty();
            if !path.is_empty() && (leaf || price.saturating_mul(2) <= around) {
                break;
            }
            path.push(field.response_key().node.as_str());
            set = &field.selection_set.node;
            let inside = self.set(set);
            times = self.times(field, inside);
            around = inside.on(times);
        }
        path.join(".")
    }

    /// The dearest field of a set, fragments followed, and its price there.
    fn dearest_in(&mut self, set: &'a SelectionSet, times: Times) -> Option<(u64, &'a Field)> {
        let mut dearest: Option<(u64, &'a Field)> = None;
        for item in selection::items(set, self.fragments) {
            let found = match item {
                Item::Field(field) => Some((self.field(&field.node).on(times), &field.node)),
                Item::Fragment(fragment) => self.dearest_in(fragment.set, times),
            };
            if let Some(found) = found
                && dearest.is_none_or(|(price, _)| found.0 > price)
            {
                dearest = Some(found);
            }
        }
        dearest
    }

    fn set(&mut self, set: &'a SelectionSet) -> Price {
        let mut price = Price::default();
        let mut types: Vec<(&str, Price)> = Vec::new();
        for item in selection::items(set, self.fragments) {
            let (on, inner) = match item {
                Item::Field(field) => (None, self.field(&field.node)),
                Item::Fragment(fragment) => (fragment.on(), self.fragment(&fragment)),
            };
            match on.map(Name::as_str).filter(|on| !(self.prices.is_abstract)(on)) {
                None => price.add(inner),
                Some(on) => match types.iter_mut().find(|(known, _)| *known == on) {
                    Some((_, known)) => known.add(inner),
                    None => types.push((on, inner)),
                },
            }
        }
        price.add(types.into_iter().map(|(_, price)| price).fold(Price::default(), Price::dearest));
        price
    }

    /// One that has a name is priced once.
    fn fragment(&mut self, fragment: &Fragment<'a>) -> Price {
        let Some(name) = fragment.name else { return self.set(fragment.set) };
        if let Some(price) = self.known.get(name.as_str()) {
            return *price;
        }
        let price = self.set(fragment.set);
        self.known.insert(name, price);
        price
    }

    fn field(&mut self, field: &'a Field) -> Price {
        let inside = self.set(&field.selection_set.node);
        let children = inside.on(self.times(field, inside));
        let own = (self.prices.weight)(field.name.node.as_str());
        let whole = children.saturating_add(own).saturating_mul(self.calls(field));
        if matches!(field.name.node.as_str(), "edges" | "nodes") {
            Price { items: whole, rest: 0 }
        } else {
            Price { items: 0, rest: whole }
        }
    }

    /// How often what is inside a field counts: the items of a page as often as it is long and the rest once, unless the
    /// field is itself a list, of what `ids` names. A page larger than any page may be counts as the largest: the field
    /// itself refuses it by name.
    fn times(&self, field: &'a Field, inside: Price) -> Times {
        let (mut page, mut list) = (None, None);
        for (name, value) in &field.arguments {
            match name.node.as_str() {
                "first" | "last" => {
                    let number = self.number(&value.node).map(|number| number.min(self.page.most.into()));
                    page = page.max(number);
                }
                "ids" => list = self.length(&value.node),
                _ => {}
            }
        }
        let items = page.max(list).unwrap_or_else(|| self.page.default.into());
        if inside.items > 0 { Times { items, rest: 1 } } else { Times { items: 1, rest: list.unwrap_or(1) } }
    }

    /// How often a field does its work: once for each of the `items` of its `input`.
    fn calls(&self, field: &'a Field) -> u64 {
        let input = field.arguments.iter().find(|(name, _)| name.node.as_str() == "input");
        let items = input.and_then(|(_, value)| match &value.node {
            Given::Object(members) => self.length(members.get("items")?),
            Given::Variable(name) => match self.variable(name)? {
                Value::Object(members) => length(members.get("items")?),
                _ => None,
            },
            _ => None,
        });
        items.unwrap_or(1)
    }

    fn number(&self, value: &Given) -> Option<u64> {
        let number = match value {
            Given::Number(number) => number,
            Given::Variable(name) => match self.variable(name)? {
                Value::Number(number) => number,
                _ => return None,
            },
            _ => return None,
        };
        Some(number.as_u64().unwrap_or(0))
    }

    fn length(&self, value: &Given) -> Option<u64> {
        match value {
            Given::List(items) => u64::try_from(items.len()).ok(),
            Given::Variable(name) => length(self.variable(name)?),
            _ => None,
        }
    }

    /// The value that a variable has in this request, its default included.
    fn variable(&self, name: &Name) -> Option<&Value> {
        self.variables.get(name).or_else(|| {
            let mut definitions = self.operation.variable_definitions.iter();
            let definition = definitions.find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value.as_ref().map(|value| &value.node)
        })
    }
}

fn length(value: &Value) -> Option<u64> {
    match value {
        Value::List(items) => u64::try_from(items.len()).ok(),
        _ => None,
    }
}

/// What an answer amounts to, by the same prices: every field that was returned, on every item. It may be more than was
/// asked for where lists without pages are long.
pub fn actual(
    prices: Prices,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    data: &Value,
) -> u64 {
    let mut selected = Selected::default();
    selected.gather(prices, &document.fragments, &operation.selection_set.node);
    selected.points(data)
}

/// The fields of a set by their names in the answer, as the executor merges them.
#[derive(Default)]
struct Selected<'a> {
    fields: HashMap<&'a str, (u64, Selected<'a>)>,
}

impl<'a> Selected<'a> {
    fn gather(&mut self, prices: Prices, fragments: &'a Fragments, set: &'a SelectionSet) {
        for item in selection::items(set, fragments) {
            match item {
                Item::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    let own = (prices.weight)(field.node.name.node.as_str());
                    let (weight, inside) = self.fields.entry(key).or_default();
                    *weight = own.max(*weight);
                    inside.gather(prices, fragments, &field.node.selection_set.node);
                }
                Item::Fragment(fragment) => self.gather(prices, fragments, fragment.set),
            }
        }
    }

    fn points(&self, data: &Value) -> u64 {
        let Value::Object(members) = data else { return 0 };
        members.iter().fold(0, |sum, (key, value)| {
            let points = match self.fields.get(key.as_str()) {
                Some((weight, inside)) => inside.of(value, *weight),
                None => 1,
            };
            sum.saturating_add(points)
        })
    }

    /// A field's points: its weight, for each item where it is a list of them.
    fn of(&self, value: &Value, weight: u64) -> u64 {
        match value {
            Value::List(items) => {
                let composite = items.iter().filter(|item| matches!(item, Value::Object(_) | Value::List(_)));
                let sum = composite.fold(0_u64, |sum, item| sum.saturating_add(self.of(item, weight)));
                sum.max(weight)
            }
            value => weight.saturating_add(self.points(value)),
        }
    }
}
