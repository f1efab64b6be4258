//! Phone services with their parameters, and what devices are subscribed to (SVC-15).

#![expect(clippy::option_option, reason = "what is not sent, what is sent as null, and what has a value")]

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    button::{Button, Press},
    server::{Ask, Request},
    step::{name as device, place},
    world::{Broken, Device, Kind, World, repeated},
};

/// A service of the cluster.
#[derive(Clone, Debug)]
pub struct Service {
    url: &'static str,
    enabled: bool,
    enterprise: bool,
    parameters: Vec<Parameter>,
    /// Another one where another URL follows.
    revision: u32,
}

#[derive(Clone, Copy, Debug)]
struct Parameter {
    /// What tells it from another one that had its name before.
    id: u32,
    said: Said,
}

/// What is said of a parameter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Said {
    name: &'static str,
    default: Option<&'static str>,
    required: bool,
    password: bool,
}

/// A value as it was given, with the name that the parameter had then.
#[derive(Clone, Debug)]
pub struct Given {
    parameter: u32,
    name: &'static str,
    value: String,
    pub password: bool,
}

/// A subscription of a device.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub url: String,
    pub custom: bool,
    revision: u32,
    pub subscribed: bool,
    pub button: Option<u32>,
    /// Where its button stood when it was unsubscribed, with the label.
    stood: Option<(i32, Option<String>)>,
    pub given: Vec<Given>,
}

/// A value to give, or to take away.
pub type Sent = (&'static str, Option<&'static str>);

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    Create {
        service: &'static str,
        url: &'static str,
        parameters: Vec<Said>,
        enabled: bool,
        enterprise: bool,
    },
    Offer {
        service: &'static str,
        url: Option<&'static str>,
        enabled: Option<bool>,
    },
    AddParameter {
        service: &'static str,
        said: Said,
    },
    ChangeParameter {
        service: &'static str,
        said: Said,
    },
    RemoveParameter {
        service: &'static str,
        name: &'static str,
    },
    Delete {
        service: &'static str,
        told: bool,
    },
    Subscribe {
        device: &'static str,
        service: &'static str,
        values: Vec<Sent>,
        url: Option<&'static str>,
        button: Option<Option<i32>>,
    },
    Change {
        device: &'static str,
        service: &'static str,
        values: Vec<Sent>,
        url: Option<Option<&'static str>>,
        button: Option<Option<Option<i32>>>,
    },
    Unsubscribe {
        device: &'static str,
        service: &'static str,
    },
    Resubscribe {
        device: &'static str,
        service: &'static str,
        values: Vec<Sent>,
    },
    Resync {
        service: &'static str,
    },
}

/// A URL that somebody sets by hand.
const OWN: &str = "http://own/page";

/// The name of a service.
pub fn service() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&["Login", "Login", "News"][..])
}

/// Values to give, good or bad.
pub fn values() -> impl Strategy<Value = Vec<Sent>> {
    let name = proptest::sample::select(&["ext", "pin", "fmt", "ext", "pin", "fmt", "fmt", "nope"][..]);
    let value = proptest::option::weighted(0.9, proptest::sample::select(&["4001", "a b", ""][..]));
    proptest::collection::vec((name, value), 0..3)
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let url = || proptest::sample::select(&["http://cm/app?d=#DEVICENAME#", "http://news/"][..]);
    let said = || {
        let name = proptest::sample::select(&["ext", "pin", "fmt"][..]);
        let default = proptest::option::weighted(0.3, proptest::sample::select(&["7", "a b"][..]));
        let flags = (proptest::bool::weighted(0.4), proptest::bool::weighted(0.2));
        (name, default, flags).prop_map(|(name, default, (required, password))| Said {
            name,
            default,
            required,
            password,
        })
    };
    let own = || proptest::option::weighted(0.2, Just(OWN));
    let button = || proptest::option::weighted(0.6, place());
    let offered = prop_oneof![
        4 => (service(), url(), proptest::collection::vec(said(), 0..3), proptest::bool::weighted(0.9),
            proptest::bool::weighted(0.1))
            .prop_map(|(service, url, parameters, enabled, enterprise)| {
                Step::Create { service, url, parameters, enabled, enterprise }
            }),
        2 => (service(), proptest::option::of(url()), proptest::option::of(proptest::bool::weighted(0.8)))
            .prop_map(|(service, url, enabled)| Step::Offer { service, url, enabled }),
        2 => (service(), said()).prop_map(|(service, said)| Step::AddParameter { service, said }),
        2 => (service(), said()).prop_map(|(service, said)| Step::ChangeParameter { service, said }),
        1 => (service(), said())
            .prop_map(|(service, said)| Step::RemoveParameter { service, name: said.name }),
        1 => (service(), any::<bool>()).prop_map(|(service, told)| Step::Delete { service, told }),
        3 => service().prop_map(|service| Step::Resync { service }),
    ];
    let subscribed = prop_oneof![
        6 => (device(), service(), values(), own(), button())
            .prop_map(|(device, service, values, url, button)| {
                Step::Subscribe { device, service, values, url, button }
            }),
        4 => (device(), service(), values(), proptest::option::weighted(0.2, own()),
            proptest::option::weighted(0.4, button()))
            .prop_map(|(device, service, values, url, button)| {
                Step::Change { device, service, values, url, button }
            }),
        2 => (device(), service()).prop_map(|(device, service)| Step::Unsubscribe { device, service }),
        2 => (device(), service(), values())
            .prop_map(|(device, service, values)| Step::Resubscribe { device, service, values }),
    ];
    prop_oneof![2 => offered, 3 => subscribed]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    let id = |service: &str| ask.id("PhoneService", service);
    let own = |device: &str, service: &str| ask.id("ServiceSubscription", &format!("{device} {service}"));
    let values = |values: &[Sent]| -> Vec<_> {
        values.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
    };
    let place = |index: &Option<i32>| json!({"index": index, "label": "Go"});
    let told = |said: &Said| {
        json!({
            "name": said.name, "default": said.default, "required": said.required, "password": said.password,
        })
    };
    match step {
        Step::Create { service, url, parameters, enabled, enterprise } => {
            let parameters: Vec<_> = parameters.iter().map(told).collect();
            let input = json!({
                "clusterId": ask.estate.emea, "name": service, "url": url, "parameters": parameters,
                "enabled": enabled, "enterprise": enterprise,
            });
            ("createService", input)
        }
        Step::Offer { service, url, enabled } => {
            let mut input = json!({"id": id(service)});
            if let Some(url) = url {
                input["url"] = json!(url);
            }
            if let Some(enabled) = enabled {
                input["enabled"] = json!(enabled);
            }
            ("updateService", input)
        }
        Step::AddParameter { service, said } => {
            ("addServiceParameter", json!({"serviceId": id(service), "parameter": told(said)}))
        }
        Step::ChangeParameter { service, said } => {
            let input = json!({
                "serviceId": id(service), "name": said.name, "default": said.default, "required": said.required,
            });
            ("changeServiceParameter", input)
        }
        Step::RemoveParameter { service, name } => {
            ("removeServiceParameter", json!({"serviceId": id(service), "name": name}))
        }
        Step::Delete { service, told } => ("deleteService", json!({"id": id(service), "unsubscribe": told})),
        Step::Subscribe { device, service, values: given, url, button } => {
            let input = json!({
                "deviceId": ask.device(device), "serviceId": id(service), "values": values(given), "url": url,
                "button": button.as_ref().map(place),
            });
            ("subscribeService", input)
        }
        Step::Change { device, service, values: given, url, button } => {
            let mut input = json!({"subscriptionId": own(device, service), "values": values(given)});
            if let Some(url) = url {
                input["url"] = json!(url);
            }
            if let Some(button) = button {
                input["button"] = json!(button.as_ref().map(place));
            }
            ("updateServiceSubscription", input)
        }
        Step::Unsubscribe { device, service } => {
            ("unsubscribeService", json!({"subscriptionId": own(device, service)}))
        }
        Step::Resubscribe { device, service, values: given } => {
            let input = json!({"subscriptionId": own(device, service), "values": values(given)});
            ("resubscribeService", input)
        }
        Step::Resync { service } => ("resyncServiceSubscriptions", json!({"serviceId": id(service)})),
    }
}

impl World {
    /// What becomes of services and of subscriptions to them.
    pub fn service(&mut self, step: &Step) -> Broken {
        match step {
            Step::Create { .. }
            | Step::Offer { .. }
            | Step::AddParameter { .. }
            | Step::ChangeParameter { .. }
            | Step::RemoveParameter { .. }
            | Step::Delete { .. }
            | Step::Resync { .. } => self.offer(step),
            Step::Subscribe { device, .. }
            | Step::Change { device, .. }
            | Step::Unsubscribe { device, .. }
            | Step::Resubscribe { device, .. } => {
                let (button, key) = (self.next(), device.to_lowercase());
                let Some(mut device) = self.devices.get(&key).cloned() else { return vec!["NOT_FOUND"] };
                let broken = self.subscribe(step, &mut device, button);
                self.devices.insert(key, device);
                broken
            }
        }
    }

    fn offer(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        let id = self.next();
        let (Step::Create { service: name, .. }
        | Step::Offer { service: name, .. }
        | Step::AddParameter { service: name, .. }
        | Step::ChangeParameter { service: name, .. }
        | Step::RemoveParameter { service: name, .. }
        | Step::Delete { service: name, .. }
        | Step::Resync { service: name }
        | Step::Subscribe { service: name, .. }
        | Step::Change { service: name, .. }
        | Step::Unsubscribe { service: name, .. }
        | Step::Resubscribe { service: name, .. }) = step;
        if let Step::Create { url, parameters, enabled, enterprise, .. } = step {
            let mut service = Service {
                url,
                enabled: *enabled,
                enterprise: *enterprise,
                parameters: Vec::new(),
                revision: 0,
            };
            for said in parameters {
                let id = self.next();
                broken.extend(service.add(id, *said));
            }
            if self.services.insert((*name).to_owned(), service).is_some() {
                broken.push("SERVICE_NAME_TAKEN");
            }
            return broken;
        }
        let Some(service) = self.services.get_mut(*name) else { return vec!["NOT_FOUND"] };
        match step {
            Step::Offer { url, enabled, .. } => {
                service.enabled = enabled.unwrap_or(service.enabled);
                if url.is_some_and(|url| url != service.url) {
                    service.revision += 1;
                }
                service.url = url.unwrap_or(service.url);
            }
            Step::AddParameter { said, .. } => {
                broken.extend(service.add(id, *said));
                service.revision += 1;
            }
            Step::ChangeParameter { said, .. } => {
                let Some(known) = service.parameters.iter_mut().find(|known| known.said.name == said.name)
                else {
                    return vec!["SERVICE_PARAMETER_UNKNOWN"];
                };
                let new = Said { password: known.said.password, ..*said };
                if new.password && new.default.is_some() {
                    broken.push("VALUE_INVALID");
                }
                if new != known.said {
                    service.revision += 1;
                }
                known.said = new;
            }
            Step::RemoveParameter { name, .. } => {
                let before = service.parameters.len();
                service.parameters.retain(|known| known.said.name != *name);
                if service.parameters.len() == before {
                    return vec!["SERVICE_PARAMETER_UNKNOWN"];
                }
                service.revision += 1;
            }
            Step::Delete { told, .. } => {
                self.services.remove(*name);
                let used = |device: &Device| device.services.get(*name).is_some_and(|own| own.subscribed);
                if !told && self.devices.values().any(used) {
                    broken.push("SERVICE_IN_USE");
                }
                for device in self.devices.values_mut() {
                    if let Some(own) = device.services.remove(*name) {
                        device.buttons.retain(|_, button| Some(button.id) != own.button);
                    }
                }
            }
            _ => {
                let service = service.clone();
                for device in self.devices.values_mut() {
                    let Some(mut own) = device.services.remove(*name) else { continue };
                    let stale = own.subscribed && !own.custom && own.revision != service.revision;
                    if stale && service.missing(&own).is_empty() {
                        own.fill(&service, &[], None);
                        if let Some(button) = device.button_of(&own) {
                            button.what.clone_from(&own.url);
                            button.service = Some((*name).to_owned());
                        }
                    }
                    device.services.insert((*name).to_owned(), own);
                }
            }
        }
        broken
    }

    fn subscribe(&self, step: &Step, device: &mut Device, id: u32) -> Broken {
        let mut broken = Broken::new();
        if let Step::Subscribe { service: name, values, url, button, .. } = step {
            if device.kind == Kind::Other {
                broken.push("DEVICE_HAS_NO_SERVICES");
            }
            let Some(service) = self.services.get(*name) else {
                broken.push("NOT_FOUND");
                return broken;
            };
            broken.extend(service.offered());
            if device.services.remove(*name).is_some_and(|before| before.subscribed) {
                broken.push("SERVICE_ALREADY_SUBSCRIBED");
            }
            let mut own = Subscription::new();
            broken.extend(own.fill(service, values, *url));
            if let Some(index) = button {
                device.give(&mut broken, &mut own, name, *index, Some("Go"), id);
            }
            device.services.insert((*name).to_owned(), own);
            return broken;
        }
        let (Step::Change { service: name, .. }
        | Step::Unsubscribe { service: name, .. }
        | Step::Resubscribe { service: name, .. }) = step
        else {
            return broken;
        };
        let (Some(service), Some(mut own)) = (self.services.get(*name), device.services.remove(*name)) else {
            return vec!["NOT_FOUND"];
        };
        match step {
            Step::Change { values, url, button, .. } => {
                if !own.subscribed {
                    broken.push("SERVICE_NOT_SUBSCRIBED");
                }
                if !values.is_empty() || url.is_some() {
                    let custom = own.custom.then(|| own.url.clone());
                    let custom = url.map_or(custom, |url| url.map(str::to_owned));
                    broken.extend(own.fill(service, values, custom.as_deref()));
                }
                match button {
                    None => device.follow(&mut own),
                    Some(None) => {
                        device.buttons.retain(|_, button| Some(button.id) != own.button);
                        own.button = None;
                    }
                    Some(Some(index)) => device.give(&mut broken, &mut own, name, *index, Some("Go"), id),
                }
            }
            Step::Unsubscribe { .. } => {
                if own.subscribed {
                    let at = device.buttons.iter().find(|(_, button)| Some(button.id) == own.button);
                    if let Some((at, label)) = at.map(|(at, button)| (*at, button.label.clone())) {
                        own.stood = Some((at.1, label));
                        device.buttons.remove(&at);
                    }
                    own.button = None;
                }
                own.subscribed = false;
            }
            _ => {
                let Step::Resubscribe { values, .. } = step else { return broken };
                if !own.subscribed || !values.is_empty() {
                    broken.extend(service.offered());
                    let custom = own.custom.then(|| own.url.clone());
                    broken.extend(own.fill(service, values, custom.as_deref()));
                    match own.stood.clone() {
                        Some((at, label)) if !own.subscribed => {
                            let free = !device.buttons.contains_key(&(Press::Url, at));
                            let index = free.then_some(at);
                            device.give(&mut broken, &mut own, name, index, label.as_deref(), id);
                        }
                        _ => device.follow(&mut own),
                    }
                    own.subscribed = true;
                }
            }
        }
        device.services.insert((*name).to_owned(), own);
        broken
    }

    /// Subscribes a copy to what a profile is subscribed to and what is offered still; the buttons are there.
    pub fn copy_services(&mut self, from: &Device, copy: &mut Device, buttons: bool) -> Broken {
        let mut broken = Broken::new();
        for (name, old) in from.services.iter().filter(|(_, old)| old.subscribed) {
            let id = self.next();
            let service = &self.services[name];
            if !service.offered().is_empty() {
                continue;
            }
            let given = old.given.clone();
            let mut own = Subscription { given, ..Subscription::new() };
            broken.extend(own.fill(service, &[], old.custom.then_some(old.url.as_str())));
            let button = from.buttons.iter().find(|(_, button)| Some(button.id) == old.button);
            if let Some(((_, index), button)) = button.filter(|_| buttons) {
                copy.give(&mut broken, &mut own, name, Some(*index), button.label.as_deref(), id);
            }
            copy.services.insert(name.clone(), own);
        }
        broken
    }

    /// What a device is subscribed to, and was.
    pub fn shown_services(&self, device: &Device) -> Value {
        let one = |(name, own): (&String, &Subscription)| {
            let service = &self.services[name];
            let state = match own {
                _ if own.custom => "CUSTOM",
                _ if own.subscribed && own.revision != service.revision => "STALE",
                _ => "CURRENT",
            };
            let given: Vec<_> =
                own.given.iter().map(|it| json!([it.name, (!it.password).then_some(&it.value)])).collect();
            let index = device.buttons.iter().find(|(_, button)| Some(button.id) == own.button);
            let index = index.map(|((_, index), _)| index);
            json!([name, own.subscribed, own.url, state, given, service.missing(own), index])
        };
        device.services.iter().map(one).collect()
    }
}

impl Device {
    fn button_of(&mut self, own: &Subscription) -> Option<&mut Button> {
        self.buttons.values_mut().find(|button| Some(button.id) == own.button)
    }

    /// Lets the button, where there is one, open what the subscription does.
    fn follow(&mut self, own: &mut Subscription) {
        match self.button_of(own) {
            Some(button) => button.what.clone_from(&own.url),
            None => own.button = None,
        }
    }

    /// Gives a subscription a button; one for the same service that stands there by itself is taken over.
    pub fn give(
        &mut self,
        broken: &mut Broken,
        own: &mut Subscription,
        service: &str,
        index: Option<i32>,
        label: Option<&str>,
        id: u32,
    ) {
        let linked: Vec<_> = self.services.values().filter_map(|other| other.button).collect();
        let mine = self.buttons.iter().find(|(_, it)| Some(it.id) == own.button).map(|(at, it)| (*at, it.id));
        let stays = mine.filter(|(at, _)| index.is_none_or(|index| index == at.1)).map(|(at, _)| at);
        let alike = index.map(|index| (Press::Url, index)).filter(|at| {
            let there = self.buttons.get(at);
            there.is_some_and(|it| it.service.as_deref() == Some(service) && !linked.contains(&it.id))
        });
        let at = stays.or(alike).unwrap_or_else(|| (Press::Url, self.position(broken, Press::Url, index)));
        let there = stays.or(alike).map(|at| self.buttons[&at].id);
        if let Some((mine, _)) = mine {
            self.buttons.remove(&mine);
        }
        let id = there.or(mine.map(|(_, id)| id)).unwrap_or(id);
        let button = Button {
            id,
            what: own.url.clone(),
            service: Some(service.to_owned()),
            label: label.map(str::to_owned),
        };
        self.buttons.insert(at, button);
        (own.button, own.stood) = (Some(id), None);
    }
}

impl Service {
    fn add(&mut self, id: u32, said: Said) -> Broken {
        let taken = self.parameters.iter().any(|known| known.said.name == said.name);
        self.parameters.push(Parameter { id, said });
        let shown = said.password && said.default.is_some();
        let codes = [(taken, "SERVICE_PARAMETER_TAKEN"), (shown, "VALUE_INVALID")];
        codes.into_iter().filter(|(broken, _)| *broken).map(|(_, code)| code).collect()
    }

    /// Why nobody may be subscribed to it.
    pub fn offered(&self) -> Broken {
        let codes = [(!self.enabled, "SERVICE_DISABLED"), (self.enterprise, "SERVICE_IS_ENTERPRISE")];
        codes.into_iter().filter(|(broken, _)| *broken).map(|(_, code)| code).collect()
    }

    /// The required parameters that have neither a value nor a default.
    fn missing(&self, own: &Subscription) -> Vec<&'static str> {
        let has = |known: &Parameter| own.given.iter().any(|given| given.parameter == known.id);
        let lacks = |known: &&Parameter| known.said.required && !has(known) && known.said.default.is_none();
        self.parameters.iter().filter(lacks).map(|known| known.said.name).collect()
    }

    /// Whether it has a parameter of the name.
    pub fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|known| known.said.name == name)
    }

    /// What a group may not say of it.
    pub fn unsaid(&self, values: &[Sent]) -> Broken {
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        let mut broken = repeated(&names);
        for name in names {
            match self.parameters.iter().find(|known| known.said.name == name) {
                None => broken.push("SERVICE_PARAMETER_UNKNOWN"),
                Some(known) if known.said.password => broken.push("QUICK_ADD_PASSWORD"),
                Some(_) => {}
            }
        }
        broken
    }

    /// The names of its parameters as they are now, by what told them apart.
    pub fn names(&self, given: &Given) -> Option<&'static str> {
        self.parameters.iter().find(|known| known.id == given.parameter).map(|known| known.said.name)
    }

    pub fn shown(&self, name: &str) -> Value {
        let parameters: Vec<_> = self
            .parameters
            .iter()
            .map(|known| {
                let Said { name, default, required, password } = known.said;
                json!([name, default, required, password])
            })
            .collect();
        json!([name, self.url, self.enabled, self.enterprise, parameters])
    }
}

impl Subscription {
    pub fn new() -> Self {
        Self {
            url: String::new(),
            custom: false,
            revision: 0,
            subscribed: true,
            button: None,
            stood: None,
            given: Vec::new(),
        }
    }

    /// Takes values over those that it has, and a URL: the one that is given, or the one that follows.
    pub fn fill(&mut self, service: &Service, values: &[Sent], own: Option<&str>) -> Broken {
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        let mut broken = repeated(&names);
        let mut known = std::mem::take(&mut self.given);
        for (name, value) in values {
            let Some(parameter) = service.parameters.iter().find(|known| known.said.name == *name) else {
                broken.push("SERVICE_PARAMETER_UNKNOWN");
                continue;
            };
            known.retain(|given| given.parameter != parameter.id);
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                known.push(Given {
                    parameter: parameter.id,
                    name,
                    value: value.to_owned(),
                    password: parameter.said.password,
                });
            }
        }
        let mut query = String::new();
        for Parameter { id, said } in &service.parameters {
            let given = known.iter().find(|given| given.parameter == *id).cloned();
            let value = given.as_ref().map(|given| given.value.as_str()).or(said.default);
            if let Some(value) = value {
                let value = if said.password { "****".to_owned() } else { value.replace(' ', "%20") };
                let mark = if service.url.contains('?') || !query.is_empty() { '&' } else { '?' };
                let _ = write!(query, "{mark}{}={value}", said.name);
            }
            self.given.extend(given.map(|given| Given { name: said.name, ..given }));
        }
        self.custom = own.is_some();
        self.revision = service.revision;
        match own {
            Some(own) => own.clone_into(&mut self.url),
            None if service.missing(self).is_empty() => self.url = format!("{}{query}", service.url),
            None => broken.push("SERVICE_PARAMETER_REQUIRED"),
        }
        broken
    }
}
