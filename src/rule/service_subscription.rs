//! Subscriptions of profiles and phones to phone services (SVC-1, SVC-2, SVC-9, SVC-15).
//!
//! A subscription keeps the values of its service's parameters; its URL is derived from them and the service. One that
//! was derived from an older revision of the service is stale until it is derived again. Values of passwords are kept
//! apart from what is shown. One that is unsubscribed stays, so that it can be taken up again as it was.

use std::{collections::BTreeMap, fmt};

use entity::{
    ButtonId, ClusterId, DeviceId, Moment, ServiceId, ServiceSubscriptionId,
    button::{self, Kind},
    device, service,
    service_subscription::{Model, Secrets, Value, Values},
};
use serde::{Deserialize, Serialize};

use super::{
    Broken, Change, Decision, Patch, Rule,
    button::{self as button_rule, free_place},
    change::On,
    check_repeats, check_version, patched,
    service::{check_url, derive, unknown},
    value,
};

/// Most services of a device.
pub const MOST: usize = 100;

/// A value for a parameter; none takes it away.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct Given {
    pub name: String,
    pub value: Option<String>,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may be a password.
        write!(f, "{}=…", self.name)
    }
}

/// A service URL button for a subscription.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Place {
    /// Its position among the device's service URL buttons; the first free one when left out.
    pub index: Option<i32>,
    pub label: Option<String>,
}

/// A service to subscribe a device to.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NewSubscription {
    pub service: ServiceId,
    /// What the subscriber calls it; the service's name when left out.
    pub name: Option<String>,
    pub values: Vec<Given>,
    /// A URL instead of the derived one.
    pub url: Option<String>,
    pub button: Option<Place>,
}

/// A device with its services.
#[derive(Clone, Debug)]
pub struct Device {
    pub cluster_id: ClusterId,
    /// The device, with its buttons.
    pub with: button_rule::Device,
    /// Subscriptions, those that wait included.
    pub subscriptions: Vec<Model>,
}

/// What a new subscription must know.
#[derive(Clone)]
pub struct NewFacts {
    pub id: ServiceSubscriptionId,
    pub button: ButtonId,
    /// The service, when the caller sees it.
    pub service: Option<service::Model>,
}

/// Subscribes a device to a service.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Subscribe {
    pub device: DeviceId,
    pub expected_version: Option<i64>,
    pub subscription: NewSubscription,
}

/// What [`subscribe`] must know.
pub struct SubscribeFacts {
    pub now: Moment,
    pub device: Option<Device>,
    pub new: NewFacts,
}

/// What may be updated besides values, URL and button.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    /// The service's name when none is given.
    pub name: Option<String>,
    /// A URL that was set by hand; none derives it.
    pub url: Option<String>,
}

/// Changes a subscription.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub subscription: ServiceSubscriptionId,
    /// Version of the device.
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
    /// Values to put in the place of those that are there; the others stay.
    pub values: Vec<Given>,
    /// None leaves the button as it is; none within takes it off.
    pub button: Option<Option<Place>>,
}

/// Ends a subscription, and keeps its values for another one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Unsubscribe {
    pub subscription: ServiceSubscriptionId,
    /// Version of the device.
    pub expected_version: Option<i64>,
}

/// Takes a subscription up again with the values that it had, and those that are given now.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Resubscribe {
    pub subscription: ServiceSubscriptionId,
    /// Version of the device.
    pub expected_version: Option<i64>,
    pub values: Vec<Given>,
}

/// What a command on a subscription that is there must know.
pub struct Facts {
    pub now: Moment,
    /// The device that it is of, when the caller sees it.
    pub device: Option<Device>,
    pub service: Option<service::Model>,
    /// An id for a new button.
    pub button: ButtonId,
}

/// Derives the URLs of these subscriptions again.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Resync {
    pub service: ServiceId,
    /// The part that is done now. It follows from what is stale, and is no part of what a caller says.
    #[serde(skip)]
    pub subscriptions: Vec<ServiceSubscriptionId>,
}

/// What [`resync`] must know.
pub struct ResyncFacts {
    pub now: Moment,
    pub service: Option<service::Model>,
    /// Those of the subscriptions that the caller sees, each with its device and the button that it took.
    pub subscriptions: Vec<(Model, On, Option<button::Model>)>,
}

/// Decides [`Subscribe`].
pub fn subscribe(cmd: &Subscribe, facts: &SubscribeFacts) -> Decision {
    let Some(device) = &facts.device else {
        return Err(Broken::one(Rule::NotFound { noun: "device", id: cmd.device.to_string() }, "deviceId"));
    };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.with.version);
    let mut device = device.clone();
    match put(&mut device, &cmd.subscription, &facts.new, facts.now) {
        Ok(changes) => broken.or(|| changes),
        Err(part) => {
            broken.nest(part, "");
            Err(broken)
        }
    }
}

/// The changes that subscribe a new device to services, each seeing the ones before it.
pub fn equip(
    broken: &mut Broken,
    mut device: Device,
    new: &[NewSubscription],
    facts: &[NewFacts],
    now: Moment,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (at, (new, known)) in new.iter().zip(facts).enumerate() {
        match put(&mut device, new, known, now) {
            Ok(more) => changes.extend(more),
            Err(part) => broken.nest(part, &format!("services.{at}")),
        }
    }
    let (most, got) = (MOST, new.len());
    let many = || Rule::ValueTooLong { what: "The list of services".to_owned(), most, got };
    broken.when(got > most, many, "services");
    changes
}

/// Decides [`Update`].
pub fn update(cmd: &Update, facts: &Facts) -> Decision {
    let (device, before, service) = found(facts, cmd.subscription)?;
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.with.version);
    broken.when(!before.subscribed, || Rule::ServiceNotSubscribed { service: service.name.clone() }, "");
    let old = Fields { name: Some(before.name.clone()), url: before.custom.then(|| before.url.clone()) };
    let fields = patched(&mut broken, &cmd.fields, &old, "");
    let name = fields.name.unwrap_or_else(|| name_of(service));
    let mut after = Model { name, ..before.clone() };
    // What is neither derived anew nor set by hand stays as it is, stale or not.
    if !cmd.values.is_empty() || cmd.fields.has("url") {
        fill(&mut broken, &mut after, service, &cmd.values, fields.url, facts.now);
    }
    check(&mut broken, &after);
    let mut device = device.clone();
    let buttons = match &cmd.button {
        None => press_again(&device, &mut after),
        Some(None) => release(&device, &mut after, false),
        Some(Some(place)) => {
            press(&mut broken, &mut device, &mut after, service, place, facts.button, facts.now)
        }
    };
    broken.or(|| {
        let changes = changed(&device.with.on, before, after, facts.now);
        changes.into_iter().chain(buttons).collect()
    })
}

/// Decides [`Unsubscribe`]; what is unsubscribed already is left alone.
pub fn unsubscribe(cmd: &Unsubscribe, facts: &Facts) -> Decision {
    let (device, before, _) = found(facts, cmd.subscription)?;
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.with.version);
    broken.or(|| {
        let mut after = Model { subscribed: false, ..before.clone() };
        let buttons = if before.subscribed { release(device, &mut after, true) } else { Vec::new() };
        changed(&device.with.on, before, after, facts.now).into_iter().chain(buttons).collect()
    })
}

/// Decides [`Resubscribe`]; what is subscribed is left alone, but for values that are given.
pub fn resubscribe(cmd: &Resubscribe, facts: &Facts) -> Decision {
    let (device, before, service) = found(facts, cmd.subscription)?;
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, device.with.version);
    if before.subscribed && cmd.values.is_empty() {
        return broken.or(Vec::new);
    }
    check_offered(&mut broken, service, "subscriptionId");
    let mut after = Model { subscribed: true, ..before.clone() };
    let custom = before.custom.then(|| before.url.clone());
    fill(&mut broken, &mut after, service, &cmd.values, custom, facts.now);
    let mut device = device.clone();
    let buttons = match before.position {
        Some(position) if !before.subscribed => {
            let free = |b: &&button::Model| b.kind == Kind::ServiceUrl && b.position == position;
            let index = device.with.buttons.iter().find(free).is_none().then_some(position);
            let place = Place { index, label: before.label.clone() };
            press(&mut broken, &mut device, &mut after, service, &place, facts.button, facts.now)
        }
        _ => press_again(&device, &mut after),
    };
    broken.or(|| changed(&device.with.on, before, after, facts.now).into_iter().chain(buttons).collect())
}

/// Decides [`Resync`]: what is stale is derived again where all that it needs has a value. What is current, set by
/// hand, unsubscribed or lacks a value is left alone, so that a second time changes nothing.
pub fn resync(cmd: &Resync, facts: &ResyncFacts) -> Decision {
    let Some(service) = &facts.service else {
        let rule = Rule::NotFound { noun: "phone service", id: cmd.service.to_string() };
        return Err(Broken::one(rule, "serviceId"));
    };
    let mut changes = Vec::new();
    for (before, on, button) in &facts.subscriptions {
        if !is_stale(before, service) || !missing(before, service).is_empty() {
            continue;
        }
        let mut after = before.clone();
        fill(&mut Broken::none(), &mut after, service, &[], None, facts.now);
        if let Some(button) = button {
            changes.extend(rewritten(on, button, &after.url, &service.name, button.label.as_ref()));
        }
        changes.extend(changed(on, before, after, facts.now));
    }
    if !changes.is_empty() {
        let done = changes.iter().filter(|c| matches!(c, Change::ServiceSubscriptionUpdated { .. })).count();
        changes.push(Change::ServiceResynced {
            service: service.clone(),
            derived: i64::try_from(done).unwrap_or(i64::MAX),
        });
    }
    Ok(changes)
}

/// The changes that take a device's services from it as it goes (DEL-1); its buttons go by themselves.
pub fn take_all(on: &On, subscriptions: &[Model]) -> Vec<Change> {
    let remove = |subscription: &Model| Change::ServiceSubscriptionRemoved {
        on: on.clone(),
        subscription: subscription.clone(),
    };
    subscriptions.iter().map(remove).collect()
}

/// Whether the URL was derived from an older revision of the service.
pub fn is_stale(subscription: &Model, service: &service::Model) -> bool {
    subscription.subscribed && !subscription.custom && subscription.revision != service.revision
}

/// The required parameters for which there is no value.
pub fn missing(subscription: &Model, service: &service::Model) -> Vec<String> {
    derive(service, &values_of(subscription)).err().unwrap_or_default()
}

/// The same of what is shown of a subscription: a password that is there has a value that is not told.
pub fn lacking(parameters: &service::Parameters, given: &Values) -> Vec<String> {
    let has = |p: &&service::Parameter| given.0.iter().any(|value| value.parameter == p.id);
    let default = |p: &&service::Parameter| p.default.as_ref().is_some_and(|default| !default.is_empty());
    let lacks = parameters.0.iter().filter(|p| p.required && !has(p) && !default(p));
    lacks.map(|parameter| parameter.name.clone()).collect()
}

/// The same subscription for another device, with the button where it took one. A URL that was derived is derived again.
pub fn again(
    subscription: &Model,
    service: &service::Model,
    button: Option<&button::Model>,
) -> NewSubscription {
    let known = values_of(subscription);
    let name = |id: &i64| Some(service.parameters.0.iter().find(|p| p.id == *id)?.name.clone());
    let values =
        known.iter().filter_map(|(id, value)| Some(Given { name: name(id)?, value: Some(value.clone()) }));
    NewSubscription {
        service: subscription.service_id,
        name: Some(subscription.name.clone()),
        values: values.collect(),
        url: subscription.custom.then(|| subscription.url.clone()),
        button: button.map(|button| Place { index: Some(button.position), label: button.label.clone() }),
    }
}

/// Values by the ids of their parameters, passwords among them.
fn values_of(subscription: &Model) -> BTreeMap<i64, String> {
    let shown = subscription.given.0.iter().filter_map(|v| Some((v.parameter, v.value.clone()?)));
    shown.chain(subscription.secrets.0.clone()).collect()
}

/// Puts a service on a device, which is then as if the changes were made.
fn put(
    device: &mut Device,
    new: &NewSubscription,
    facts: &NewFacts,
    now: Moment,
) -> Result<Vec<Change>, Broken> {
    let mut broken = Broken::none();
    let on = device.with.on.clone();
    broken.when(
        on.kind == device::Kind::Other,
        || Rule::DeviceHasNoServices { device: on.name.clone() },
        "deviceId",
    );
    let Some(service) = &facts.service else {
        broken.add(Rule::NotFound { noun: "phone service", id: new.service.to_string() }, "serviceId");
        return Err(broken);
    };
    check_offered(&mut broken, service, "serviceId");
    broken.when(service.cluster_id != device.cluster_id, || Rule::ServiceOnOtherCluster, "serviceId");
    let there = device.subscriptions.iter().position(|known| known.service_id == service.id);
    let before = there.map(|at| device.subscriptions.remove(at));
    broken.when(
        before.as_ref().is_some_and(|before| before.subscribed),
        || Rule::ServiceAlreadySubscribed { service: service.name.clone() },
        "serviceId",
    );
    let mut after = Model {
        id: before.as_ref().map_or(facts.id, |before| before.id),
        device_id: device.with.id,
        service_id: service.id,
        name: new.name.clone().unwrap_or_else(|| name_of(service)),
        url: String::new(),
        custom: false,
        revision: service.revision,
        subscribed: true,
        button_id: None,
        position: None,
        label: None,
        given: Values::default(),
        secrets: Secrets::default(),
        created_at: before.as_ref().map_or(now, |before| before.created_at),
        updated_at: now,
    };
    fill(&mut broken, &mut after, service, &new.values, new.url.clone(), now);
    check(&mut broken, &after);
    let buttons = match &new.button {
        Some(place) => press(&mut broken, device, &mut after, service, place, facts.button, now),
        None => Vec::new(),
    };
    device.subscriptions.push(after.clone());
    if !broken.is_none() {
        return Err(broken);
    }
    let mut changes = match before {
        Some(before) => Vec::from_iter(changed(&on, &before, after, now)),
        None => vec![Change::ServiceSubscribed { on, subscription: after }],
    };
    changes.extend(buttons);
    Ok(changes)
}

/// Whether devices may be subscribed to the service (SVC-6, SVC-15).
pub fn check_offered(broken: &mut Broken, service: &service::Model, path: &str) {
    broken.when(!service.enabled, || Rule::ServiceDisabled { service: service.name.clone() }, path);
    broken.when(service.enterprise, || Rule::ServiceIsEnterprise { service: service.name.clone() }, path);
}

/// Puts values into the subscription and derives its URL, or takes one that was set by hand.
pub(super) fn fill(
    broken: &mut Broken,
    subscription: &mut Model,
    service: &service::Model,
    values: &[Given],
    url: Option<String>,
    now: Moment,
) {
    let names: Vec<_> = values.iter().map(|given| given.name.as_str()).collect();
    check_repeats(broken, &names, "values");
    let mut known = values_of(subscription);
    let mut set = BTreeMap::new();
    for (at, given) in values.iter().enumerate() {
        let Some(parameter) = service.parameters.0.iter().find(|p| p.name == given.name) else {
            broken.add(unknown(service, &given.name), format!("values.{at}.name"));
            continue;
        };
        set.insert(parameter.id, now);
        match &given.value {
            Some(text) if !text.is_empty() => {
                value::text(broken, "The value", text, 255, &format!("values.{at}.value"));
                known.insert(parameter.id, text.clone());
            }
            _ => drop(known.remove(&parameter.id)),
        }
    }
    let old = std::mem::take(&mut subscription.given).0;
    subscription.secrets = Secrets::default();
    for parameter in &service.parameters.0 {
        let Some(value) = known.remove(&parameter.id) else { continue };
        let was = old.iter().find(|value| value.parameter == parameter.id).map(|value| value.set_at);
        if parameter.password {
            subscription.secrets.0.insert(parameter.id, value.clone());
        }
        subscription.given.0.push(Value {
            parameter: parameter.id,
            name: parameter.name.clone(),
            value: (!parameter.password).then_some(value),
            set_at: set.get(&parameter.id).copied().or(was).unwrap_or(now),
        });
    }
    subscription.custom = url.is_some();
    subscription.revision = service.revision;
    match url {
        Some(url) => subscription.url = url,
        None => match derive(service, &values_of(subscription)) {
            Ok(url) => subscription.url = url,
            Err(missing) => {
                let parameters = missing.join(", ");
                let rule = Rule::ServiceParameterRequired { service: service.name.clone(), parameters };
                broken.add(rule, "values");
            }
        },
    }
}

fn check(broken: &mut Broken, subscription: &Model) {
    value::required(broken, "The name", &subscription.name, 100, "name");
    if subscription.custom || !subscription.url.is_empty() {
        check_url(broken, "The URL", &subscription.url, "url");
    }
}

/// The service's name as far as a subscription's goes.
fn name_of(service: &service::Model) -> String {
    service.name.chars().take(100).collect()
}

/// The change from one state to another, unless they are alike.
fn changed(on: &On, before: &Model, after: Model, now: Moment) -> Option<Change> {
    let after = Model { updated_at: before.updated_at, ..after };
    (after != *before).then(|| Change::ServiceSubscriptionUpdated {
        on: on.clone(),
        before: before.clone(),
        after: Model { updated_at: now, ..after },
    })
}

/// Gives the subscription a button: one of the same service that stands at the position already is taken over.
fn press(
    broken: &mut Broken,
    device: &mut Device,
    subscription: &mut Model,
    service: &service::Model,
    place: &Place,
    id: ButtonId,
    now: Moment,
) -> Vec<Change> {
    value::text_or_none(broken, "The label", place.label.as_deref(), 50, "button.label");
    let on = device.with.on.clone();
    let own = device.with.buttons.iter().find(|b| Some(b.id) == subscription.button_id).cloned();
    let linked: Vec<_> =
        device.subscriptions.iter().filter(|s| s.id != subscription.id).filter_map(|s| s.button_id).collect();
    let alike = |b: &&button::Model| {
        b.kind == Kind::ServiceUrl
            && Some(b.position) == place.index
            && !linked.contains(&b.id)
            && b.service.as_deref().is_some_and(|name| value::key(name) == service.name_key)
    };
    let there = device.with.buttons.iter().find(alike).cloned();
    let stays = own.clone().filter(|own| place.index.is_none_or(|index| index == own.position));
    let mut changes = Vec::new();
    let button = if let Some(button) = stays.or(there) {
        // Where it moves onto such a button, its own one goes.
        if let Some(own) = own.filter(|own| own.id != button.id) {
            device.with.buttons.retain(|b| b.id != own.id);
            changes.push(Change::ButtonRemoved { on: on.clone(), button: own });
        }
        changes.extend(rewritten(&on, &button, &subscription.url, &service.name, place.label.as_ref()));
        button.id
    } else {
        let position = free_place(broken, &device.with, now, Kind::ServiceUrl, place.index);
        let new = button::Model {
            id: own.as_ref().map_or(id, |own| own.id),
            device_id: device.with.id,
            kind: Kind::ServiceUrl,
            position,
            label: place.label.clone(),
            destination: None,
            pattern: None,
            partition: String::new(),
            pickup: false,
            service: Some(service.name.clone()),
            url: Some(subscription.url.clone()),
            created_at: own.as_ref().map_or(now, |own| own.created_at),
        };
        device.with.buttons.retain(|b| b.id != new.id);
        device.with.buttons.push(new.clone());
        let id = new.id;
        changes.push(match own {
            Some(before) => Change::ButtonUpdated { on, before, after: new },
            None => Change::ButtonAdded { on, button: new },
        });
        id
    };
    subscription.button_id = Some(button);
    (subscription.position, subscription.label) = (None, None);
    changes
}

/// Lets the button, where there is one, open what the subscription does.
fn press_again(device: &Device, subscription: &mut Model) -> Vec<Change> {
    let own = device.with.buttons.iter().find(|b| Some(b.id) == subscription.button_id);
    let Some(button) = own else {
        subscription.button_id = None;
        return Vec::new();
    };
    let name = button.service.clone().unwrap_or_default();
    rewritten(&device.with.on, button, &subscription.url, &name, button.label.as_ref()).into_iter().collect()
}

/// Takes the button off, and where told remembers where it stood.
fn release(device: &Device, subscription: &mut Model, remember: bool) -> Vec<Change> {
    let own = device.with.buttons.iter().find(|b| Some(b.id) == subscription.button_id);
    subscription.button_id = None;
    let Some(button) = own else { return Vec::new() };
    if remember {
        subscription.position = Some(button.position);
        subscription.label.clone_from(&button.label);
    }
    vec![Change::ButtonRemoved { on: device.with.on.clone(), button: button.clone() }]
}

/// The button with this URL, service and label, unless it has them.
fn rewritten(
    on: &On,
    button: &button::Model,
    url: &str,
    service: &str,
    label: Option<&String>,
) -> Option<Change> {
    let after = button::Model {
        url: Some(url.to_owned()),
        service: Some(service.to_owned()),
        label: label.cloned(),
        ..button.clone()
    };
    (after != *button).then(|| Change::ButtonUpdated { on: on.clone(), before: button.clone(), after })
}

pub(super) type Found<'a> = (&'a Device, &'a Model, &'a service::Model);

pub(super) fn found(facts: &Facts, id: ServiceSubscriptionId) -> Result<Found<'_>, Broken> {
    let none =
        || Broken::one(Rule::NotFound { noun: "service subscription", id: id.to_string() }, "subscriptionId");
    let device = facts.device.as_ref().ok_or_else(none)?;
    let service = facts.service.as_ref().ok_or_else(none)?;
    let subscription = device.subscriptions.iter().find(|s| s.id == id).ok_or_else(none)?;
    Ok((device, subscription, service))
}
