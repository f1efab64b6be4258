//! Quick Add groups, and users who are added by one: a profile with one line.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    organization::SITE,
    server::{Ask, Request},
    service::{Sent, Subscription, service, values},
    step::{number, user},
    user::User,
    world::{Broken, Device, Kind, STOCK, World},
};

/// A template for profiles with one line.
#[derive(Clone, Debug)]
pub struct Group {
    pattern: String,
    /// The product's own when none is given.
    template: Option<&'static str>,
    calls: i32,
    /// With what tells each from another one that had its name before.
    services: Vec<(&'static str, Vec<Sent>, u32)>,
}

/// What is said of a service.
type Says = (&'static str, Vec<Sent>);

/// What may be asked. A group is told by its name and where it is kept.
#[derive(Clone, Debug)]
pub enum Step {
    Create {
        at: &'static str,
        name: &'static str,
        pattern: &'static str,
        template: Option<&'static str>,
    },
    Equip {
        at: &'static str,
        name: &'static str,
        says: Option<Says>,
    },
    Change {
        at: &'static str,
        name: &'static str,
        pattern: Option<&'static str>,
        calls: Option<i32>,
    },
    Delete {
        at: &'static str,
        name: &'static str,
    },
    Add {
        at: &'static str,
        name: &'static str,
        user: &'static str,
        new: bool,
        number: Option<&'static str>,
        says: Option<Says>,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let at = || proptest::sample::select(&[SITE, SITE, SITE, "acme.north.hub"][..]);
    let name = || proptest::sample::select(&["Desk", "Desk", "Lobby"][..]);
    let pattern = || proptest::sample::select(&["EM_{username}", "EM_{username}", "EM-{number}", "EM-0"][..]);
    let template = proptest::option::weighted(0.3, super::template::name());
    let says = || proptest::option::weighted(0.4, (service(), values()));
    let calls = proptest::option::of(proptest::sample::select(&[4, 9, 300][..]));
    prop_oneof![
        3 => (at(), name(), pattern(), template)
            .prop_map(|(at, name, pattern, template)| Step::Create { at, name, pattern, template }),
        1 => (at(), name(), proptest::option::of(pattern()), calls)
            .prop_map(|(at, name, pattern, calls)| Step::Change { at, name, pattern, calls }),
        1 => (at(), name()).prop_map(|(at, name)| Step::Delete { at, name }),
        1 => (at(), name(), says()).prop_map(|(at, name, says)| Step::Equip { at, name, says }),
        6 => (at(), name(), user(), any::<bool>(), proptest::option::of(number()), says())
            .prop_map(|(at, name, user, new, number, says)| Step::Add { at, name, user, new, number, says }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    let id = |at: &str, name: &str| ask.id("QuickAddGroup", &format!("{at} {name}"));
    let told = |says: &Option<Says>| -> Vec<Value> {
        let value = |(name, value): &Sent| json!({"name": name, "value": value});
        let one = |(service, values): &Says| {
            let values: Vec<_> = values.iter().map(value).collect();
            json!({"serviceId": ask.id("PhoneService", service), "values": values})
        };
        says.iter().map(one).collect()
    };
    match step {
        Step::Create { at, name, pattern, template } => {
            let input = json!({
                "organizationId": ask.id("Organization", at), "clusterId": ask.estate.emea, "name": name,
                "product": "Cisco 8841", "protocol": "SIP", "namePattern": pattern, "buttonTemplate": template,
            });
            ("createQuickAddGroup", input)
        }
        Step::Change { at, name, pattern, calls } => {
            let mut input = json!({"id": id(at, name)});
            if let Some(pattern) = pattern {
                input["namePattern"] = json!(pattern);
            }
            if let Some(calls) = calls {
                input["line"] = json!({"settings": {"maxCalls": calls}});
            }
            ("updateQuickAddGroup", input)
        }
        Step::Equip { at, name, says } => {
            ("updateQuickAddGroup", json!({"id": id(at, name), "services": told(says)}))
        }
        Step::Delete { at, name } => ("deleteQuickAddGroup", json!({"id": id(at, name)})),
        Step::Add { at, name, user, new, number, says } => {
            let mut input = json!({
                "groupId": id(at, name), "organizationId": ask.estate.berlin, "number": number,
                "services": told(says),
            });
            if *new {
                input["newUser"] = json!({"userId": user, "lastName": "Berg"});
            } else {
                input["userId"] = json!(ask.id("User", user));
            }
            ("quickAddUser", input)
        }
    }
}

impl World {
    /// What becomes of Quick Add groups and those who are added by one.
    pub fn quick_add(&mut self, step: &Step) -> Broken {
        let key = |at: &str, name: &str| (at.to_owned(), name.to_owned());
        let mut broken = Broken::new();
        match step {
            Step::Create { at, name, pattern, template } => {
                let group = Group {
                    pattern: (*pattern).to_owned(),
                    template: *template,
                    calls: 4,
                    services: Vec::new(),
                };
                broken.extend(self.misfit(template.unwrap_or(STOCK), "Cisco 8841"));
                broken.extend(group.faults());
                if !self.organizations.contains_key(*at) {
                    broken.push("NOT_FOUND");
                }
                if self.groups.insert(key(at, name), group).is_some() {
                    broken.push("QUICK_ADD_NAME_TAKEN");
                }
            }
            Step::Change { at, name, pattern, calls } => {
                let Some(group) = self.groups.get_mut(&key(at, name)) else { return vec!["NOT_FOUND"] };
                if let Some(pattern) = pattern {
                    (*pattern).clone_into(&mut group.pattern);
                }
                group.calls = calls.unwrap_or(group.calls);
                let group = group.clone();
                broken.extend(self.misfit(group.template.unwrap_or(STOCK), "Cisco 8841"));
                broken.extend(group.faults());
            }
            Step::Equip { at, name, says } => {
                let Some(mut group) = self.groups.get(&key(at, name)).cloned() else {
                    return vec!["NOT_FOUND"];
                };
                broken.extend(self.misfit(group.template.unwrap_or(STOCK), "Cisco 8841"));
                group.services.clear();
                if let Some((service, values)) = says {
                    match self.services.get(*service) {
                        None => broken.push("NOT_FOUND"),
                        Some(known) => {
                            broken.extend(known.offered());
                            broken.extend(known.unsaid(values));
                        }
                    }
                    let kept = values.iter().filter(|(_, value)| value.is_some()).copied();
                    group.services.push((service, kept.collect(), self.one(service)));
                }
                self.groups.insert(key(at, name), group);
            }
            Step::Delete { at, name } => {
                if self.groups.remove(&key(at, name)).is_none() {
                    broken.push("NOT_FOUND");
                }
            }
            Step::Add { at, name, user, new, number, says } => {
                let Some(group) = self.groups.get(&key(at, name)).cloned() else { return vec!["NOT_FOUND"] };
                let known = self.users.contains_key(*user);
                let asked = number.map(str::to_owned);
                // Nobody is looked for where there is nobody.
                let number = asked.or_else(|| self.next_number(user).filter(|_| *new || known));
                if number.is_none() {
                    broken.push("NO_NUMBER_AVAILABLE");
                }
                if !new && !known {
                    broken.push("NOT_FOUND");
                    return broken;
                }
                if *new && known {
                    broken.push("USER_ID_TAKEN");
                }
                if *new {
                    broken.extend(self.most().is_some_and(|most| most < 1).then_some("ENTITLEMENT_EXCEEDED"));
                } else {
                    broken.extend(self.entitled(&[user]));
                }
                let number = number.unwrap_or_default();
                let name = group.pattern.replace("{username}", user).replace("{number}", &number);
                broken.extend(self.clash(&name));
                broken.extend(self.misfit(group.template.unwrap_or(STOCK), "Cisco 8841"));
                let (mut device, key) = (Device::new(&name, Kind::Profile), name.to_lowercase());
                device.users.push((*user).to_owned());
                group.template.unwrap_or(STOCK).clone_into(&mut device.template);
                let last_name = self.users.get(*user).filter(|_| !new).map_or("Berg", |user| user.last_name);
                device.description = format!("{last_name} - {number}");
                broken.extend(self.equip(&mut device, &group, says.as_ref()));
                let old = self.devices.insert(key.clone(), device);
                if !number.is_empty() {
                    broken.extend(self.put_as(&key, &number, None, group.calls, Some(last_name)));
                }
                if let Some(old) = old {
                    self.devices.insert(key.clone(), old);
                }
                let user = self.users.entry((*user).to_owned()).or_insert(User::new());
                user.default.get_or_insert(key);
            }
        }
        broken
    }
}

impl World {
    fn one(&self, service: &str) -> u32 {
        self.born.get(&("service", service.to_owned())).copied().unwrap_or(0)
    }

    /// Subscribes a new profile to the group's services and to what is said besides, whose values come first.
    fn equip(&self, device: &mut Device, group: &Group, says: Option<&Says>) -> Broken {
        let mut broken = Broken::new();
        let mut all = group.services.clone();
        if let Some((service, values)) = says {
            let id = self.one(service);
            match all.iter_mut().find(|(_, _, other)| *other == id && id != 0) {
                Some((_, known, _)) => {
                    known.retain(|(name, _)| !values.iter().any(|(other, _)| other == name));
                    known.extend(values);
                }
                None => all.push((service, values.clone(), id)),
            }
        }
        for (name, values, id) in all {
            let Some(service) = self.services.get(name).filter(|_| self.one(name) == id) else {
                broken.push("NOT_FOUND");
                continue;
            };
            broken.extend(service.offered());
            let mut own = Subscription::new();
            let mut faults = own.fill(service, &values, None);
            // The same about the same is told once.
            let twice = values.iter().enumerate().any(|(at, (name, _))| {
                !service.has(name) && values[..at].iter().any(|(other, _)| other == name)
            });
            if let Some(at) = faults.iter().position(|code| twice && *code == "SERVICE_PARAMETER_UNKNOWN") {
                faults.remove(at);
            }
            broken.extend(faults);
            device.services.insert(name.to_owned(), own);
        }
        broken
    }
}

impl Group {
    fn faults(&self) -> Broken {
        let same = !self.pattern.contains('{');
        let codes = [(same, "NAME_PATTERN_INVALID"), (self.calls > 200, "VALUE_OUT_OF_RANGE")];
        codes.into_iter().filter(|(broken, _)| *broken).map(|(_, code)| code).collect()
    }

    pub fn shown(&self, at: &str, name: &str) -> Value {
        json!([at, name, self.pattern, self.template, self.calls, self.services.len()])
    }
}
