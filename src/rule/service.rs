//! The IP phone services of a cluster: what they may be, and the URL that a subscription derives from one (SVC-*).

use std::collections::BTreeMap;

use entity::{
    ClusterId, Moment, ServiceId, cluster,
    service::{Category, Kind, Model, Parameter, Parameters},
    service_subscription::{self, HIDDEN},
};
use serde::{Deserialize, Serialize};

use super::{Broken, Change, Decision, Patch, Rule, change::On, check_taken, check_version, patched, value};

/// Characters of a URL.
pub const URL: usize = 2_048;
/// How the URLs of Unified CM's own services begin (SVC-7).
const OWN: &str = "Application:Cisco/";

/// What may be updated.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub name: String,
    /// The name when none is given.
    pub ascii_name: Option<String>,
    pub description: String,
    pub url: String,
    pub secure_url: Option<String>,
    pub category: Category,
    pub kind: Kind,
    pub vendor: String,
    pub release: String,
    pub enabled: bool,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            name: String::new(),
            ascii_name: None,
            description: String::new(),
            url: String::new(),
            secure_url: None,
            category: Category::default(),
            kind: Kind::default(),
            vendor: String::new(),
            release: String::new(),
            enabled: true,
        }
    }
}

/// What a parameter has besides its id, and what may be changed of it but for `password`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct ParameterFields {
    pub name: String,
    /// The name when none is given.
    pub display_name: Option<String>,
    pub default: Option<String>,
    pub description: String,
    pub required: bool,
    pub password: bool,
}

impl Default for ParameterFields {
    fn default() -> Self {
        Self {
            name: String::new(),
            display_name: None,
            default: None,
            description: String::new(),
            required: true,
            password: false,
        }
    }
}

/// Makes a service.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub cluster: ClusterId,
    pub enterprise: bool,
    pub fields: Patch<Fields>,
    pub parameters: Vec<ParameterFields>,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: ServiceId,
    pub now: Moment,
    /// The cluster, when it is the caller's to change.
    pub cluster: Option<cluster::Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
    /// An id for each parameter.
    pub parameters: Vec<i64>,
}

/// Updates the fields that were sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: ServiceId,
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
}

/// What changing a service that is there must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
    /// An id for a new parameter.
    pub parameter: i64,
    /// Subscriptions whose URLs are derived from it.
    pub derived: i64,
}

/// Adds a parameter.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AddParameter {
    pub service: ServiceId,
    pub expected_version: Option<i64>,
    /// Its place among the parameters, from 1; the last one when left out.
    pub index: Option<i32>,
    pub parameter: ParameterFields,
}

/// Changes a parameter; another name is a field like any other.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ChangeParameter {
    pub service: ServiceId,
    pub expected_version: Option<i64>,
    pub name: String,
    pub index: Option<i32>,
    pub fields: Patch<ParameterFields>,
}

/// Removes a parameter.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RemoveParameter {
    pub service: ServiceId,
    pub expected_version: Option<i64>,
    pub name: String,
}

/// Deletes a service.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: ServiceId,
    pub expected_version: Option<i64>,
    /// Whether devices that are subscribed to it are unsubscribed; otherwise such a service is not deleted.
    pub unsubscribe: bool,
}

/// What [`delete`] must know.
pub struct DeleteFacts {
    pub current: Option<Model>,
    /// Its subscriptions, those that wait included, each with its device and the button that it took.
    pub subscriptions: Vec<(service_subscription::Model, On, Option<entity::button::Model>)>,
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    let missing = || Rule::NotFound { noun: "cluster", id: cmd.cluster.to_string() };
    broken.when(facts.cluster.is_none(), missing, "clusterId");
    let fields = patched(&mut broken, &cmd.fields, &Fields::default(), "");
    check(&mut broken, &fields);
    let rule = |suggestions| Rule::ServiceNameTaken { name: fields.name.clone(), suggestions };
    check_taken(&mut broken, facts.taken.as_deref(), rule, "name");
    let mut parameters = Vec::new();
    for (at, (new, id)) in cmd.parameters.iter().zip(&facts.parameters).enumerate() {
        let mut part = Broken::none();
        let parameter = parameter(*id, new);
        check_parameter(&mut part, &parameter, &parameters);
        broken.nest(part, &format!("parameters.{at}"));
        parameters.push(parameter);
    }
    let Some(cluster) = &facts.cluster else { return Err(broken) };
    broken.or(|| {
        let empty = Model {
            id: facts.id,
            cluster_id: cluster.id,
            organization_id: cluster.organization_id,
            name: String::new(),
            name_key: String::new(),
            ascii_name: String::new(),
            description: String::new(),
            url: String::new(),
            secure_url: None,
            category: Category::default(),
            kind: Kind::default(),
            vendor: String::new(),
            release: String::new(),
            enabled: true,
            enterprise: cmd.enterprise,
            parameters: Parameters(parameters),
            revision: 1,
            version: 1,
            created_at: facts.now,
            updated_at: facts.now,
        };
        vec![Change::ServiceCreated { service: with(&empty, fields) }]
    })
}

/// Decides [`Update`].
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let mut fields = patched(&mut broken, &cmd.fields, &fields_of(current), "");
    // A name of its own for old displays stays; one that only repeated the name goes with it.
    if !cmd.fields.has("ascii_name") && current.ascii_name == current.name {
        fields.ascii_name = None;
    }
    check(&mut broken, &fields);
    let rule = |suggestions| Rule::ServiceNameTaken { name: fields.name.clone(), suggestions };
    check_taken(&mut broken, facts.taken.as_deref(), rule, "name");
    // Its URL is what tells it: with another one it could be deleted.
    let lost = is_own(current) && !fields.url.starts_with(OWN);
    broken.when(lost, || Rule::ServiceIsDefault { name: current.name.clone() }, "url");
    broken.or(|| changed(current, with(current, fields), facts))
}

/// Decides [`AddParameter`].
pub fn add_parameter(cmd: &AddParameter, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else {
        return Err(Broken::one(not_found(cmd.service), "serviceId"));
    };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let mut parameters = current.parameters.0.clone();
    let mut part = Broken::none();
    let new = parameter(facts.parameter, &cmd.parameter);
    check_parameter(&mut part, &new, &parameters);
    broken.nest(part, "parameter");
    let at = place(&mut broken, cmd.index, parameters.len() + 1);
    broken.or(|| {
        parameters.insert(at, new);
        changed(current, Model { parameters: Parameters(parameters), ..current.clone() }, facts)
    })
}

/// Decides [`ChangeParameter`].
pub fn change_parameter(cmd: &ChangeParameter, facts: &UpdateFacts) -> Decision {
    let (current, at) = found(facts, cmd.service, &cmd.name)?;
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let mut parameters = current.parameters.0.clone();
    let old = parameters.remove(at);
    let before = of_parameter(&old);
    let after = patched(&mut broken, &cmd.fields, &before, "");
    let fixed = || Rule::ValueInvalid {
        what: "Whether it is a password".to_owned(),
        want: "it is fixed when the parameter is made; remove it and add another one".to_owned(),
    };
    broken.when(after.password != old.password, fixed, "password");
    let after = parameter(old.id, &after);
    check_parameter(&mut broken, &after, &parameters);
    let to = match cmd.index {
        Some(_) => place(&mut broken, cmd.index, parameters.len() + 1),
        None => at,
    };
    broken.or(|| {
        parameters.insert(to, after);
        changed(current, Model { parameters: Parameters(parameters), ..current.clone() }, facts)
    })
}

/// Decides [`RemoveParameter`].
pub fn remove_parameter(cmd: &RemoveParameter, facts: &UpdateFacts) -> Decision {
    let (current, at) = found(facts, cmd.service, &cmd.name)?;
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    broken.or(|| {
        let mut parameters = current.parameters.0.clone();
        parameters.remove(at);
        changed(current, Model { parameters: Parameters(parameters), ..current.clone() }, facts)
    })
}

/// Decides [`Delete`]: subscriptions go with their buttons where the caller says so, and what waits for another
/// subscription goes in any case.
pub fn delete(cmd: &Delete, facts: &DeleteFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let name = || current.name.clone();
    broken.when(is_own(current), || Rule::ServiceIsDefault { name: name() }, "id");
    let count = facts.subscriptions.iter().filter(|(subscription, ..)| subscription.subscribed).count();
    broken.when(count > 0 && !cmd.unsubscribe, || Rule::ServiceInUse { name: name(), count }, "id");
    broken.or(|| {
        let mut changes = Vec::new();
        for (subscription, on, button) in &facts.subscriptions {
            if let Some(button) = button {
                changes.push(Change::ButtonRemoved { on: on.clone(), button: button.clone() });
            }
            let (on, subscription) = (on.clone(), subscription.clone());
            changes.push(Change::ServiceSubscriptionRemoved { on, subscription });
        }
        changes.push(Change::ServiceDeleted { service: current.clone() });
        changes
    })
}

/// Whether it is one of those that Unified CM brings along (SVC-7).
fn is_own(service: &Model) -> bool {
    service.url.starts_with(OWN)
}

/// A parameter of the service, with its place.
fn found<'a>(facts: &'a UpdateFacts, service: ServiceId, name: &str) -> Result<(&'a Model, usize), Broken> {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(service), "serviceId")) };
    match current.parameters.0.iter().position(|parameter| parameter.name == name) {
        Some(at) => Ok((current, at)),
        None => Err(Broken::one(unknown(current, name), "name")),
    }
}

/// That the service has no such parameter, with those that it has.
pub fn unknown(service: &Model, name: &str) -> Rule {
    let names: Vec<_> = service.parameters.0.iter().map(|parameter| parameter.name.as_str()).collect();
    let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Rule::ServiceParameterUnknown { name: name.to_owned(), service: service.name.clone(), known }
}

/// The place in a list that is to have so many, from 0.
fn place(broken: &mut Broken, index: Option<i32>, count: usize) -> usize {
    let last = i32::try_from(count).unwrap_or(i32::MAX);
    value::range(broken, "The index", index, 1, last, "index");
    index.map_or(count, |index| usize::try_from(index).unwrap_or(1)).clamp(1, count) - 1
}

/// The change, with another revision where another URL follows from it.
fn changed(before: &Model, after: Model, facts: &UpdateFacts) -> Vec<Change> {
    if after == *before {
        return Vec::new();
    }
    let stale = derives_otherwise(&after, before);
    let after = Model {
        revision: before.revision + i64::from(stale),
        version: before.version + 1,
        updated_at: facts.now,
        ..after
    };
    let stale = if stale { facts.derived } else { 0 };
    vec![Change::ServiceUpdated { before: before.clone(), after, stale }]
}

/// Whether another URL follows from one than from the other.
fn derives_otherwise(one: &Model, other: &Model) -> bool {
    let alike = |(a, b): (&Parameter, &Parameter)| {
        (a.id, &a.name, &a.default, a.required) == (b.id, &b.name, &b.default, b.required)
    };
    let (a, b) = (&one.parameters.0, &other.parameters.0);
    one.url != other.url || a.len() != b.len() || !a.iter().zip(b).all(alike)
}

fn fields_of(service: &Model) -> Fields {
    Fields {
        name: service.name.clone(),
        ascii_name: Some(service.ascii_name.clone()),
        description: service.description.clone(),
        url: service.url.clone(),
        secure_url: service.secure_url.clone(),
        category: service.category,
        kind: service.kind,
        vendor: service.vendor.clone(),
        release: service.release.clone(),
        enabled: service.enabled,
    }
}

fn with(service: &Model, fields: Fields) -> Model {
    Model {
        name_key: value::key(&fields.name),
        ascii_name: fields.ascii_name.unwrap_or_else(|| fields.name.clone()),
        name: fields.name,
        description: fields.description,
        url: fields.url,
        secure_url: fields.secure_url,
        category: fields.category,
        kind: fields.kind,
        vendor: fields.vendor,
        release: fields.release,
        enabled: fields.enabled,
        ..service.clone()
    }
}

/// What a parameter has besides its id.
pub fn of_parameter(parameter: &Parameter) -> ParameterFields {
    ParameterFields {
        name: parameter.name.clone(),
        display_name: Some(parameter.display_name.clone()).filter(|shown| *shown != parameter.name),
        default: parameter.default.clone(),
        description: parameter.description.clone(),
        required: parameter.required,
        password: parameter.password,
    }
}

fn parameter(id: i64, fields: &ParameterFields) -> Parameter {
    Parameter {
        id,
        name: fields.name.clone(),
        display_name: fields.display_name.clone().unwrap_or_else(|| fields.name.clone()),
        default: fields.default.clone(),
        description: fields.description.clone(),
        required: fields.required,
        password: fields.password,
    }
}

fn check(broken: &mut Broken, fields: &Fields) {
    value::required(broken, "The name", &fields.name, 128, "name");
    if let Some(name) = &fields.ascii_name {
        value::required(broken, "The ASCII name", name, 128, "asciiName");
        let foreign = || Rule::ValueInvalid {
            what: "The ASCII name".to_owned(),
            want: "it holds letters that are not ASCII".to_owned(),
        };
        broken.when(!name.is_ascii(), foreign, "asciiName");
    }
    value::text(broken, "The description", &fields.description, 128, "description");
    check_url(broken, "The URL", &fields.url, "url");
    if let Some(url) = &fields.secure_url {
        check_url(broken, "The secure URL", url, "secureUrl");
    }
    value::text(broken, "The vendor", &fields.vendor, 128, "vendor");
    value::text(broken, "The version", &fields.release, 32, "vendorVersion");
}

/// A URL: there, not too long, without blanks.
pub fn check_url(broken: &mut Broken, what: &str, url: &str, path: &str) {
    value::required(broken, what, url, URL, path);
    broken.when(
        !url.trim().is_empty() && url.contains(char::is_whitespace),
        || Rule::ValueInvalid { what: what.to_owned(), want: "it holds a blank".to_owned() },
        path,
    );
}

fn check_parameter(broken: &mut Broken, parameter: &Parameter, others: &[Parameter]) {
    value::required(broken, "The parameter's name", &parameter.name, 50, "name");
    let taken = others.iter().any(|other| other.name == parameter.name);
    broken.when(taken, || Rule::ServiceParameterTaken { name: parameter.name.clone() }, "name");
    value::text(broken, "The display name", &parameter.display_name, 128, "displayName");
    value::text_or_none(broken, "The default", parameter.default.as_deref(), 255, "default");
    value::text(broken, "The description", &parameter.description, 255, "description");
    let shown = || Rule::ValueInvalid {
        what: "The default".to_owned(),
        want: "a password has none, as everybody who sees the service would see it".to_owned(),
    };
    broken.when(parameter.password && parameter.default.is_some(), shown, "default");
}

fn not_found(id: ServiceId) -> Rule {
    Rule::NotFound { noun: "phone service", id: id.to_string() }
}

/// The URL of a subscription as it is shown, or the names of required parameters that have no value (SVC-3, SVC-15).
///
/// Parameters follow in their order, each as `name=value` in percent encoding, behind `?` or `&` and before a fragment.
/// One without a value has its default; without either it is left out. Tokens such as `#DEVICENAME#`, which Unified CM
/// fills in, stay as they are. Of a password stands [`HIDDEN`].
pub fn derive(service: &Model, values: &BTreeMap<i64, String>) -> Result<String, Vec<String>> {
    let (mut query, mut missing) = (Vec::new(), Vec::new());
    for parameter in &service.parameters.0 {
        let value =
            values.get(&parameter.id).or(parameter.default.as_ref()).filter(|value| !value.is_empty());
        match value {
            None if parameter.required => missing.push(parameter.name.clone()),
            None => {}
            Some(_) if parameter.password => query.push(format!("{}={HIDDEN}", encoded(&parameter.name))),
            Some(value) => query.push(format!("{}={}", encoded(&parameter.name), encoded(value))),
        }
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    let (base, fragment) = service.url.split_at(fragment_of(&service.url));
    let mut url = base.to_owned();
    for part in query {
        if !url.contains('?') {
            url.push('?');
        } else if !url.ends_with(['?', '&']) {
            url.push('&');
        }
        url.push_str(&part);
    }
    url.push_str(fragment);
    Ok(url)
}

/// Where the fragment of a URL begins; at its end where it has none. A token is no fragment.
fn fragment_of(url: &str) -> usize {
    let mut from = 0;
    while let Some(at) = url[from..].find('#').map(|at| from + at) {
        match token(&url[at..]) {
            Some(token) => from = at + token.len(),
            None => return at,
        }
    }
    url.len()
}

/// The token with which a text begins, such as `#DEVICENAME#`.
fn token(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('#')?;
    let end = inner.find('#')?;
    let sound = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    (end > 0 && inner[..end].bytes().all(sound)).then(|| &text[..end + 2])
}

/// A text as part of a query: everything but letters, digits, `-`, `.`, `_` and `~` is percent-encoded, tokens are kept.
fn encoded(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(letter) = rest.chars().next() {
        if let Some(token) = token(rest) {
            out.push_str(token);
            rest = &rest[token.len()..];
            continue;
        }
        let (bytes, behind) = rest.split_at(letter.len_utf8());
        for &byte in bytes.as_bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
        rest = behind;
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rule::{
        cluster::tests::cluster,
        tests_support::{no, ok, patch},
    };

    /// A service with parameters; `!` behind a name marks a password, `?` one that may be left out.
    pub fn service(url: &str, names: &[&str]) -> Model {
        let parameters = names.iter().map(|name| {
            let (required, password) = (!name.ends_with('?'), name.ends_with('!'));
            ParameterFields {
                name: name.trim_end_matches(['?', '!']).into(),
                required,
                password,
                ..ParameterFields::default()
            }
        });
        let cmd = Create {
            cluster: ClusterId(2),
            enterprise: false,
            fields: patch(&format!(r#"{{"name":"Calls","url":"{url}"}}"#)),
            parameters: parameters.collect(),
        };
        match ok(create(&cmd, &create_facts(names.len()))).pop() {
            Some(Change::ServiceCreated { service }) => service,
            other => panic!("{other:?}"),
        }
    }

    fn create_facts(count: usize) -> CreateFacts {
        CreateFacts {
            id: ServiceId(5),
            now: Moment(1),
            cluster: Some(cluster(2)),
            taken: None,
            parameters: (1..).take(count).collect(),
        }
    }

    fn facts(current: Model) -> UpdateFacts {
        UpdateFacts { now: Moment(2), current: Some(current), taken: None, parameter: 9, derived: 4 }
    }

    fn values(values: &[(i64, &str)]) -> BTreeMap<i64, String> {
        values.iter().map(|(id, value)| (*id, (*value).to_owned())).collect()
    }

    #[test]
    fn a_url_is_derived_from_the_service_and_the_values() {
        for (url, names, given, want) in [
            ("http://x/a", &["e"][..], &[(1, "1")][..], Ok("http://x/a?e=1")),
            ("http://x/a?b=c", &["e"], &[(1, "1")], Ok("http://x/a?b=c&e=1")),
            ("http://x/a?", &["e"], &[(1, "1")], Ok("http://x/a?e=1")),
            ("http://x/a?b=c&", &["e"], &[(1, "1")], Ok("http://x/a?b=c&e=1")),
            ("http://x/a", &["b", "a"], &[(1, "1"), (2, "2")], Ok("http://x/a?b=1&a=2")),
            (
                "http://x/?d=#DEVICENAME#",
                &["e"],
                &[(1, "a b&c=d#")],
                Ok("http://x/?d=#DEVICENAME#&e=a%20b%26c%3Dd%23"),
            ),
            ("http://x/#DEVICENAME#/y#part", &["e"], &[(1, "1")], Ok("http://x/#DEVICENAME#/y?e=1#part")),
            ("http://x/", &["e f"], &[(1, "#EMCC#")], Ok("http://x/?e%20f=#EMCC#")),
            ("http://x/", &["e"], &[(1, "ü€")], Ok("http://x/?e=%C3%BC%E2%82%AC")),
            ("http://x/", &["e", "o?"], &[(1, "1")], Ok("http://x/?e=1")),
            ("http://x/", &["pin!"], &[(1, "secret")], Ok("http://x/?pin=****")),
            ("http://x/", &["e", "f"], &[(2, "1")], Err(vec!["e".to_owned()])),
            ("http://x/", &["e", "f"], &[(1, "")], Err(vec!["e".to_owned(), "f".to_owned()])),
            ("http://x/a", &[], &[], Ok("http://x/a")),
        ] {
            assert_eq!(
                derive(&service(url, names), &values(given)),
                want.map(str::to_owned),
                "{url} {names:?}"
            );
        }
    }

    proptest! {
        /// Whatever the values, the URL holds each of them in order, and nothing that ends a value or the query early.
        #[test]
        fn every_value_is_read_back_from_the_url(texts in proptest::collection::vec("\\PC{1,20}", 1..5)) {
            let names: Vec<_> = (0..texts.len()).map(|n| format!("p{n}")).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            let given = (1..).zip(texts.clone()).collect();
            let url = derive(&service("http://x/?d=#DEVICENAME#", &names), &given).expect("all have values");
            let query = url.strip_prefix("http://x/?d=#DEVICENAME#&").expect("the service's own URL");
            let mut read = Vec::new();
            for part in query.split('&') {
                let (_, value) = part.split_once('=').expect("a name and a value");
                let (mut bytes, mut rest) = (Vec::new(), value.as_bytes());
                while let Some((&byte, behind)) = rest.split_first() {
                    let hex = |at: usize| char::from(behind[at]).to_digit(16).expect("hexadecimal");
                    if byte == b'%' {
                        bytes.push(u8::try_from(hex(0) * 16 + hex(1)).expect("a byte"));
                        rest = &behind[2..];
                    } else {
                        bytes.push(byte);
                        rest = behind;
                    }
                }
                read.push(String::from_utf8(bytes).expect("text"));
            }
            prop_assert_eq!(read, texts);
        }

        /// No value looks like a hidden password.
        #[test]
        fn only_passwords_are_hidden(text in "[*]{1,6}|\\PC{1,12}") {
            let url = derive(&service("http://x/", &["e"]), &values(&[(1, &text)])).expect("it has a value");
            prop_assert!(!url.contains(HIDDEN));
        }
    }

    #[test]
    fn only_what_another_url_follows_from_makes_subscriptions_stale() {
        let update = |fields: &str| {
            let cmd = Update { id: ServiceId(5), expected_version: Some(1), fields: patch(fields) };
            ok(update(&cmd, &facts(service("http://x/", &["e"]))))
        };
        let change = |fields: &str, index| {
            let cmd = ChangeParameter {
                service: ServiceId(5),
                expected_version: None,
                name: "e".into(),
                index,
                fields: patch(fields),
            };
            ok(change_parameter(&cmd, &facts(service("http://x/", &["e", "f"]))))
        };
        for (changes, stale) in [
            (update(r#"{"url":"http://y/"}"#), 4),
            (update(r#"{"name":"Other","description":"x","enabled":false}"#), 0),
            (change(r#"{"name":"g"}"#, None), 4),
            (change(r#"{"default":"1"}"#, None), 4),
            (change("{}", Some(2)), 4),
            (change(r#"{"display_name":"E","description":"x"}"#, None), 0),
        ] {
            let Some(Change::ServiceUpdated { before, after, stale: told }) = changes.first() else {
                panic!("{changes:?}")
            };
            assert_eq!((after.revision - before.revision, *told), (i64::from(stale > 0), stale));
        }
        assert!(update(r#"{"url":"http://x/"}"#).is_empty());
        let renamed = update(r#"{"name":"Other"}"#);
        assert!(
            matches!(&renamed[..], [Change::ServiceUpdated { after, .. }] if after.ascii_name == "Other")
        );
    }

    #[test]
    fn parameters_keep_their_rules() {
        let there = || facts(service("http://x/", &["e", "pin!"]));
        let add = |name: &str, index| {
            let parameter = ParameterFields { name: name.into(), ..ParameterFields::default() };
            add_parameter(
                &AddParameter { service: ServiceId(5), expected_version: Some(1), index, parameter },
                &there(),
            )
        };
        no(add("e", None), &[("SERVICE_PARAMETER_TAKEN", "parameter.name")]);
        no(add("", Some(9)), &[("VALUE_REQUIRED", "parameter.name"), ("VALUE_OUT_OF_RANGE", "index")]);
        let names = |changes: Vec<Change>| match &changes[..] {
            [Change::ServiceUpdated { after, .. }] => {
                after.parameters.0.iter().map(|p| p.name.clone()).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(names(ok(add("g", Some(1)))), ["g", "e", "pin"]);
        let change = |name: &str, fields: &str| {
            let (service, name) = (ServiceId(5), name.to_owned());
            let fields = patch(fields);
            change_parameter(
                &ChangeParameter { service, expected_version: None, name, index: None, fields },
                &there(),
            )
        };
        no(change("pin", r#"{"password":false}"#), &[("VALUE_INVALID", "password")]);
        no(change("pin", r#"{"default":"1"}"#), &[("VALUE_INVALID", "default")]);
        no(change("x", "{}"), &[("SERVICE_PARAMETER_UNKNOWN", "name")]);
        let remove = RemoveParameter { service: ServiceId(5), expected_version: None, name: "e".into() };
        assert_eq!(names(ok(remove_parameter(&remove, &there()))), ["pin"]);
    }

    #[test]
    fn unified_cms_own_services_and_used_ones_stay() {
        let delete = |url: &str| {
            let cmd = Delete { id: ServiceId(5), expected_version: Some(1), unsubscribe: false };
            delete(&cmd, &DeleteFacts { current: Some(service(url, &[])), subscriptions: Vec::new() })
        };
        no(delete("Application:Cisco/MissedCalls"), &[("SERVICE_IS_DEFAULT", "id")]);
        assert_eq!(ok(delete("http://x/")).len(), 1);
        // Nor does one cease to be its own by another URL.
        let update = |url: &str, fields: &str| {
            let cmd = Update { id: ServiceId(5), expected_version: None, fields: patch(fields) };
            update(&cmd, &facts(service(url, &[])))
        };
        for (url, fields, kept) in [
            ("Application:Cisco/MissedCalls", r#"{"url":"http://x/"}"#, false),
            ("Application:Cisco/MissedCalls", r#"{"url":"Application:Cisco/ReceivedCalls"}"#, true),
            ("Application:Cisco/MissedCalls", r#"{"enabled":false}"#, true),
            ("http://x/", r#"{"url":"http://y/"}"#, true),
        ] {
            if kept {
                assert_eq!(ok(update(url, fields)).len(), 1, "{url} {fields}");
            } else {
                no(update(url, fields), &[("SERVICE_IS_DEFAULT", "url")]);
            }
        }
    }
}
