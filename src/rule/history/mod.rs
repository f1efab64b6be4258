//! What changes tell of the past: the fields of each (P19), a profile as it was, what would undo a change, and what a
//! deleted profile is made again from.
//!
//! All of it is read from [`Change`] alone, and each reading matches it without `_`: a new kind of change says here
//! what it did before it compiles.

use std::collections::BTreeMap;

use entity::{Moment, change_subject::Noun, service_subscription::Values};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Change;

pub mod restore;
pub mod revert;
pub mod service;
pub mod service_subscription;
pub mod state;

/// A field before and after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// As the graph calls it, such as `description` or `settings.maxCalls`.
    pub field: String,
    pub before: Held,
    pub after: Held,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// Nothing: it was not set, or the thing was not there.
    Nothing,
    /// Words, numbers, lists and objects, as the graph writes them.
    Value(Value),
    /// Another thing.
    Thing(Noun, i64),
    /// Other things, in order.
    Things(Vec<(Noun, i64)>),
    /// A point in time.
    Moment(Moment),
    /// Values of a phone service's parameters; passwords are not among what is told.
    Given(Values),
}

/// A thing before and after a change, by its stored fields; none where it was not there.
#[derive(Clone, Debug, Default)]
pub struct Sides {
    pub before: Option<Map<String, Value>>,
    pub after: Option<Map<String, Value>>,
}

/// Fields that only count, note or look up.
const SILENT: [&str; 10] = [
    "id",
    "version",
    "created_at",
    "updated_at",
    "name_key",
    "path_key",
    "device",
    "token_id",
    "task",
    "revision",
];

/// Fields whose inner names are the user's own words.
const VERBATIM: [&str; 1] = ["extra"];

/// What a change did to the thing that it is about.
pub fn sides(change: &Change) -> Sides {
    match change {
        Change::OrganizationCreated { organization } => made(organization),
        Change::OrganizationRenamed { before, after }
        | Change::OrganizationMoved { before, after }
        | Change::OrganizationUpdated { before, after } => both(before, after),
        Change::OrganizationDeleted { organization } => gone(organization),
        Change::ClusterCreated { cluster } => made(cluster),
        Change::ClusterUpdated { before, after } => both(before, after),
        Change::ClusterDeleted { cluster } => gone(cluster),
        Change::DeviceRegistered { device } => made(device),
        Change::DeviceReleased { device } => gone(device),
        Change::ProfileCreated { profile } => made(profile),
        Change::ProfileUpdated { before, after } => both(before, after),
        Change::ProfileDeleted { profile } => gone(profile),
        // What it made again is told by the changes beside it.
        Change::ProfileRestored { .. } | Change::ServiceResynced { .. } | Change::EstateGenerated { .. } => {
            Sides::default()
        }
        Change::PhoneCreated { phone } => made(phone),
        Change::PhoneUpdated { before, after } => both(before, after),
        Change::PhoneDeleted { phone } => gone(phone),
        Change::LineCreated { line } => made(line),
        Change::LineUpdated { before, after } => both(before, after),
        Change::LineDeleted { line } => gone(line),
        Change::AppearanceAdded { appearance, .. } => made(appearance),
        Change::AppearanceUpdated { before, after, .. } | Change::ClonePromoted { before, after, .. } => {
            both(before, after)
        }
        Change::AppearanceSettingsChanged { before, after, .. } => named("settings", before, after),
        Change::AppearanceRemoved { appearance, .. } => gone(appearance),
        Change::UserCreated { user } => made(user),
        Change::UserUpdated { before, after } => both(before, after),
        Change::UserDeleted { user } => gone(user),
        Change::UserAssociated { association, .. } => made(association),
        Change::UserDisassociated { association, .. } => gone(association),
        Change::UsersReordered { before, after, .. } => named("users", before, after),
        Change::UserPhonesChanged { before, after, .. } => named("phones", before, after),
        Change::UserCtiProfilesChanged { before, after, .. } => named("cti_profiles", before, after),
        Change::SessionStarted { session, .. } => made(session),
        Change::SessionEnded { session, .. } => gone(session),
        Change::DefaultDeviceProfileCreated { profile } => made(profile),
        Change::DefaultDeviceProfileUpdated { before, after } => both(before, after),
        Change::DefaultDeviceProfileDeleted { profile } => gone(profile),
        Change::ServiceCreated { service } => made(service),
        Change::ServiceUpdated { before, after, .. } => both(before, after),
        Change::ServiceDeleted { service } => gone(service),
        // Passwords are in no change.
        Change::ServiceSubscribed { subscription, .. } => made(subscription),
        Change::ServiceSubscriptionUpdated { before, after, .. } => both(before, after),
        Change::ServiceSubscriptionRemoved { subscription, .. } => gone(subscription),
        Change::NumberCreated { number } => made(number),
        Change::NumberUpdated { before, after } => both(before, after),
        Change::NumberDeleted { number } => gone(number),
        Change::ButtonAdded { button, .. } => made(button),
        Change::ButtonUpdated { before, after, .. } => both(before, after),
        Change::ButtonRemoved { button, .. } => gone(button),
        Change::TemplateCreated { template } => made(template),
        Change::TemplateUpdated { before, after } => both(before, after),
        Change::TemplateDeleted { template } => gone(template),
        Change::QuickAddGroupCreated { group } => made(group),
        Change::QuickAddGroupUpdated { before, after } => both(before, after),
        Change::QuickAddGroupDeleted { group } => gone(group),
        Change::RoleCreated { role } => made(role),
        Change::RoleUpdated { before, after } => both(before, after),
        Change::RoleDeleted { role } => gone(role),
        Change::JobStarted { job } => made(job),
        Change::JobProgressed { before, after } => both(before, after),
    }
}

/// The fields that a change changed, with their values before and after; none that was the same.
pub fn fields(change: &Change) -> Vec<FieldChange> {
    let subjects = change.subjects();
    let sides = sides(change);
    between(sides.before.as_ref(), sides.after.as_ref(), &subjects)
}

/// The fields in which two states of a thing differ.
pub fn differing<T: Serialize>(before: Option<&T>, after: Option<&T>) -> Vec<FieldChange> {
    let (before, after) = (before.and_then(object), after.and_then(object));
    between(before.as_ref(), after.as_ref(), &[])
}

/// What two sets do not have in common, by key: what only one has, and what both have where it differs.
pub fn pairs<K: Ord, T>(
    before: BTreeMap<K, T>,
    mut after: BTreeMap<K, T>,
    differ: impl Fn(&T, &T) -> bool,
) -> Vec<(Option<T>, Option<T>)> {
    let mut pairs: BTreeMap<K, (Option<T>, Option<T>)> = BTreeMap::new();
    for (key, old) in before {
        match after.remove(&key) {
            Some(new) if differ(&old, &new) => pairs.insert(key, (Some(old), Some(new))),
            Some(_) => None,
            None => pairs.insert(key, (Some(old), None)),
        };
    }
    pairs.extend(after.into_iter().map(|(key, new)| (key, (None, Some(new)))));
    pairs.into_values().collect()
}

fn between(
    before: Option<&Map<String, Value>>,
    after: Option<&Map<String, Value>>,
    subjects: &[(Noun, i64)],
) -> Vec<FieldChange> {
    let (before, after) = (before.map(spread), after.map(spread));
    let none = Vec::new();
    let of = |side: &Option<Vec<(String, Value)>>, name: &str| {
        side.as_ref().unwrap_or(&none).iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let mut names: Vec<String> = Vec::new();
    for (name, _) in before.iter().chain(&after).flatten() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let kind = [&after, &before].into_iter().find_map(|side| of(side, "kind"));
    let mut changes = Vec::new();
    for name in names {
        let (old, new) = (of(&before, &name).unwrap_or_default(), of(&after, &name).unwrap_or_default());
        if old == new {
            continue;
        }
        let Some(field) = shown(&name, kind.as_ref(), old.is_string() || new.is_string()) else { continue };
        changes.push(FieldChange {
            field,
            before: held(&name, old, subjects),
            after: held(&name, new, subjects),
        });
    }
    changes
}

/// The fields with those of the settings beside the others.
fn spread(fields: &Map<String, Value>) -> Vec<(String, Value)> {
    let (service, subscription) = (fields.contains_key("ascii_name"), fields.contains_key("given"));
    let mut all = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("settings", Value::Object(inner)) => {
                all.extend(inner.iter().map(|(name, value)| (format!("settings.{name}"), value.clone())));
            }
            // Where the button of a subscription that waits stood is told by the button's own change.
            ("position" | "label", _) if subscription => {}
            ("given", _) => all.push(("values".to_owned(), value.clone())),
            ("custom", _) if subscription => {
                let state = if *value == Value::Bool(true) { "CUSTOM".into() } else { Value::Null };
                all.push(("url_state".to_owned(), state));
            }
            ("kind", _) if service => all.push(("type".to_owned(), value.clone())),
            ("release", _) if service => all.push(("vendor_version".to_owned(), value.clone())),
            (name, _) if SILENT.contains(&name) => {}
            _ => all.push((name.clone(), value.clone())),
        }
    }
    all
}

/// The name of a field in the graph.
fn shown(name: &str, kind: Option<&Value>, text: bool) -> Option<String> {
    let speed_dial = kind.and_then(Value::as_str) == Some("SPEED_DIAL");
    let name = match name {
        "position" => "index",
        "destination" if speed_dial => "number",
        "primary_pattern" => "primaryExtension.pattern",
        "primary_partition" => "primaryExtension.partition",
        // A button belongs to its kind from the start to the end.
        "kind" if speed_dial => return None,
        // A text is a name, such as a user's id on the cluster.
        other => other.strip_suffix("_id").filter(|_| !text).unwrap_or(other),
    };
    Some(camel(name))
}

/// A stored value as it is told.
fn held(name: &str, value: Value, subjects: &[(Noun, i64)]) -> Held {
    if value.is_null() {
        return Held::Nothing;
    }
    if is_secret(name) {
        return Held::Value(Value::from("***"));
    }
    if name == "values"
        && let Ok(values) = serde_json::from_value(value.clone())
    {
        return Held::Given(values);
    }
    if let Some(number) = value.as_i64() {
        if name.ends_with("_until") || name.ends_with("_at") {
            return Held::Moment(Moment(number));
        }
        if name.ends_with("_id") || name == "retry_of" {
            return match noun(name).or_else(|| about(subjects, number)) {
                Some(noun) => Held::Thing(noun, number),
                None => Held::Nothing,
            };
        }
    }
    if let (Some(noun), Value::Array(ids)) = (noun(name), &value) {
        return Held::Things(ids.iter().filter_map(Value::as_i64).map(|id| (noun, id)).collect());
    }
    Held::Value(if VERBATIM.contains(&name) { value } else { told(value) })
}

/// Which kind of thing a field points at, by its name.
fn noun(name: &str) -> Option<Noun> {
    Some(match name {
        "organization_id" | "parent_id" | "place_id" => Noun::Organization,
        "cluster_id" => Noun::Cluster,
        "profile_id" | "default_profile_id" | "logout_profile_id" | "cti_profiles" => Noun::Profile,
        "phone_id" | "phones" => Noun::Phone,
        "line_id" => Noun::Line,
        "button_id" => Noun::Button,
        "service_id" => Noun::Service,
        "default_device_profile_id" => Noun::DefaultDeviceProfile,
        "user_id" | "login_user_id" | "owner_id" | "users" => Noun::User,
        "retry_of" => Noun::Job,
        _ => return None,
    })
}

/// Which of the subjects has this number.
fn about(subjects: &[(Noun, i64)], number: i64) -> Option<Noun> {
    subjects.iter().find(|(_, id)| *id == number).map(|(noun, _)| *noun)
}

/// Whether a value is never told.
fn is_secret(name: &str) -> bool {
    ["password", "secret", "hash", "pin"].iter().any(|word| name.split(['_', '.']).any(|part| part == *word))
}

/// The value with the names in it as the graph writes them, and without secrets.
fn told(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let told = |(name, value): (String, Value)| {
                let value = if is_secret(&name) { Value::from("***") } else { told(value) };
                (camel(&name), value)
            };
            Value::Object(fields.into_iter().map(told).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(told).collect()),
        other => other,
    }
}

/// A stored name as the graph writes it.
pub fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut up = false;
    for letter in name.chars() {
        if letter == '_' {
            up = true;
        } else if std::mem::take(&mut up) {
            camel.extend(letter.to_uppercase());
        } else {
            camel.push(letter);
        }
    }
    camel
}

fn object<T: Serialize>(value: &T) -> Option<Map<String, Value>> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

fn made<T: Serialize>(model: &T) -> Sides {
    Sides { before: None, after: object(model) }
}

fn gone<T: Serialize>(model: &T) -> Sides {
    Sides { before: object(model), after: None }
}

fn both<T: Serialize>(before: &T, after: &T) -> Sides {
    Sides { before: object(before), after: object(after) }
}

fn named<T: Serialize>(name: &str, before: &T, after: &T) -> Sides {
    let side = |value: &T| {
        let value = serde_json::to_value(value).unwrap_or_default();
        Some(Map::from_iter([(name.to_owned(), value)]))
    };
    Sides { before: side(before), after: side(after) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes() -> Vec<Change> {
        let samples = include_str!("../../../tests/it/changes.jsonl");
        let read = |line: &str| serde_json::from_str(line).expect("a stored change");
        samples.lines().filter(|line| !line.is_empty()).map(read).collect()
    }

    fn told(change: &Change) -> Vec<String> {
        fields(change).into_iter().map(|change| change.field).collect()
    }

    #[test]
    fn every_kind_of_change_tells_its_fields() {
        for change in changes() {
            let silent = matches!(
                change,
                Change::EstateGenerated { .. }
                    | Change::ProfileRestored { .. }
                    | Change::ServiceResynced { .. }
            );
            assert_eq!(fields(&change).is_empty(), silent, "{:?}", change.kind());
            for field in fields(&change) {
                assert!(!field.field.contains('_'), "{:?}: {}", change.kind(), field.field);
                assert_ne!(field.before, field.after, "{:?}: {}", change.kind(), field.field);
            }
        }
    }

    #[test]
    fn what_only_counts_is_not_told() {
        for change in changes() {
            let fields = told(&change);
            for silent in ["id", "version", "updatedAt", "nameKey", "pathKey"] {
                assert!(!fields.iter().any(|field| field == silent), "{:?}: {silent}", change.kind());
            }
        }
    }

    #[test]
    fn a_field_is_called_as_the_graph_calls_it() {
        for (json, want) in [
            (r#"{"a_b": 1}"#, vec!["aB"]),
            (r#"{"settings": {"max_calls": 2}}"#, vec!["settings.maxCalls"]),
            (r#"{"login_user_id": 7}"#, vec!["loginUser"]),
            (r#"{"user_id": "anna"}"#, vec!["userId"]),
            (r#"{"position": 2, "kind": "SPEED_DIAL", "destination": "1"}"#, vec!["number", "index"]),
            (r#"{"given": [], "position": 2, "custom": true, "revision": 3}"#, vec!["urlState", "values"]),
            (
                r#"{"ascii_name": "x", "kind": "STANDARD", "release": "1"}"#,
                vec!["asciiName", "type", "vendorVersion"],
            ),
        ] {
            let after: Map<String, Value> = serde_json::from_str(json).expect("an object");
            let fields: Vec<_> = between(None, Some(&after), &[]).into_iter().map(|c| c.field).collect();
            assert_eq!(fields, want, "{json}");
        }
    }

    #[test]
    fn a_thing_is_no_number_and_a_moment_no_count() {
        assert_eq!(held("login_user_id", 7.into(), &[]), Held::Thing(Noun::User, 7));
        assert_eq!(held("device_id", 7.into(), &[(Noun::Phone, 7)]), Held::Thing(Noun::Phone, 7));
        assert_eq!(held("device_id", 7.into(), &[]), Held::Nothing);
        assert_eq!(held("cooling_until", 7.into(), &[]), Held::Moment(Moment(7)));
        assert_eq!(held("max_calls", 7.into(), &[]), Held::Value(7.into()));
        assert_eq!(
            held("phones", serde_json::json!([3, 4]), &[]),
            Held::Things(vec![(Noun::Phone, 3), (Noun::Phone, 4)])
        );
    }

    #[test]
    fn a_secret_is_never_told() {
        assert_eq!(held("password", "x".into(), &[]), Held::Value("***".into()));
        let nested = serde_json::json!([{"user_name": "a", "web_password": "x"}]);
        assert_eq!(
            held("parameters", nested, &[]),
            Held::Value(serde_json::json!([{"userName": "a", "webPassword": "***"}]))
        );
    }
}
