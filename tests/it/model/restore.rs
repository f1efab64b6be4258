//! What is left of a deleted profile, and what comes back of it (DEL-10).

use std::collections::BTreeMap;

use super::{
    button::Press,
    service::Subscription,
    user::User,
    world::{Broken, Device, STOCK, World},
};

/// A profile as it was, with what told its users, lines and phones from others that have their names now.
#[derive(Clone, Debug)]
pub struct Deleted {
    pub device: Device,
    users: Vec<(String, u32)>,
    lines: BTreeMap<i32, Stood>,
    /// Users whose default profile it was.
    defaults: Vec<(String, u32)>,
    /// Users for whom applications might control it.
    controllers: Vec<(String, u32)>,
    /// Keys of phones that showed it while nobody was logged in.
    phones: Vec<(String, u32, String)>,
}

/// A line of it.
#[derive(Clone, Debug)]
struct Stood {
    number: String,
    id: u32,
    calls: i32,
    description: String,
    /// Whether it stood elsewhere as well.
    shared: bool,
}

impl Deleted {
    /// What there was of a profile before it went. A line stood elsewhere as well if it did before everything that was
    /// done together with it.
    pub fn of(key: &str, device: &Device, before: &World, first: &World) -> Self {
        let born =
            |kind: &'static str, name: &str| before.born.get(&(kind, name.to_owned())).copied().unwrap_or(0);
        let line = |number: &String| {
            let line = &before.lines[number];
            Stood {
                number: number.clone(),
                id: born("line", number),
                calls: line.calls,
                description: line.description.clone(),
                shared: [before, first]
                    .iter()
                    .any(|then| then.lines.get(number).is_some_and(|it| it.on.len() > 1)),
            }
        };
        let those = |of: &dyn Fn(&User) -> bool| -> Vec<_> {
            let users = before.users.iter().filter(|(_, user)| of(user));
            users.map(|(user, _)| (user.clone(), born("user", user))).collect()
        };
        let phones = before.devices.iter().filter(|(_, phone)| phone.logout.as_deref() == Some(key));
        Self {
            device: device.clone(),
            users: device.users.iter().map(|user| (user.clone(), born("user", user))).collect(),
            lines: device.lines.iter().map(|(place, number)| (*place, line(number))).collect(),
            defaults: those(&|user| user.default.as_deref() == Some(key)),
            controllers: those(&|user| user.cti.contains(key)),
            phones: phones
                .map(|(key, phone)| (key.clone(), born("device", key), phone.name.clone()))
                .collect(),
        }
    }
}

impl World {
    /// Makes a deleted profile again, as far as it can be, and tells what is left out and why.
    pub fn restore(&mut self, name: &str) -> Broken {
        let key = name.to_lowercase();
        let Some(was) = self.deleted.remove(&key) else { return vec!["NOT_FOUND"] };
        if let Some(clash) = self.clash(name) {
            return vec![clash];
        }
        let mut left = Vec::new();
        let is = |world: &Self, kind: &'static str, name: &str, id: u32| {
            world.born.get(&(kind, name.to_owned())) == Some(&id)
        };
        let mut device = Device {
            users: Vec::new(),
            lines: BTreeMap::new(),
            labels: BTreeMap::new(),
            services: BTreeMap::new(),
            buttons: BTreeMap::new(),
            ..was.device.clone()
        };
        for (user, id) in &was.users {
            if !is(self, "user", user, *id) {
                left.push(format!("USER {user} NOT_FOUND"));
            } else if !self.entitled(&[user]).is_empty() {
                left.push(format!("USER {user} ENTITLEMENT_EXCEEDED"));
            } else {
                device.users.push(user.clone());
            }
        }
        if self.misfit(&device.template, "Cisco 8841").is_some() {
            left.push(format!("BUTTON_TEMPLATE {} TEMPLATE_MISMATCH", device.template));
            STOCK.clone_into(&mut device.template);
        }
        let serves = device.users.clone();
        self.devices.insert(key.clone(), device);
        for (place, line) in &was.lines {
            if self.stands(&line.number) && !line.shared {
                left.push(format!("LINE {} LINE_GIVEN_AWAY", line.number));
                continue;
            }
            let made = !self.lines.contains_key(&line.number);
            let description = made.then_some(line.description.as_str());
            let broken = self.put_as(&key, &line.number, Some(*place), line.calls, description);
            if let Some(first) = broken.first() {
                left.push(format!("LINE {} {first}", line.number));
                continue;
            }
            if made {
                // It is the line that went, and not another one.
                self.born.insert(("line", line.number.clone()), line.id);
            }
            if let (Some(device), Some(label)) =
                (self.devices.get_mut(&key), was.device.labels.get(&line.number))
            {
                device.labels.insert(line.number.clone(), label);
            }
        }
        self.restore_buttons(&key, &was, &mut left);
        for (user, id) in was.defaults.iter().filter(|(user, _)| serves.contains(user)) {
            match self.users.get_mut(user).map(|user| &mut user.default) {
                Some(default @ None) => *default = Some(key.clone()),
                Some(Some(_)) if self.born.get(&("user", user.clone())) == Some(id) => {
                    left.push(format!("DEFAULT_PROFILE {user} VALUE_INVALID"));
                }
                _ => {}
            }
        }
        for (user, id) in &was.controllers {
            match self.users.get_mut(user).filter(|_| self.born.get(&("user", user.clone())) == Some(id)) {
                Some(user) => drop(user.cti.insert(key.clone())),
                None => left.push(format!("CONTROLLED_PROFILE {user} NOT_FOUND")),
            }
        }
        for (phone, id, name) in &was.phones {
            let same = is(self, "device", phone, *id);
            match self.devices.get_mut(phone).filter(|_| same) {
                Some(phone) if phone.logout.is_none() => phone.logout = Some(key.clone()),
                Some(_) => left.push(format!("LOGOUT_PHONE {name} VALUE_INVALID")),
                None => left.push(format!("LOGOUT_PHONE {name} NOT_FOUND")),
            }
        }
        self.told = left.into_iter().map(|left| format!("~ {left}")).collect();
        Broken::new()
    }

    /// Services as far as all that they need is known, as passwords are not; then the buttons that are no service's.
    fn restore_buttons(&mut self, key: &str, was: &Deleted, left: &mut Vec<String>) {
        let Some(mut device) = self.devices.remove(key) else { return };
        let mut taken = Vec::new();
        for (name, old) in was.device.services.iter().filter(|(_, old)| old.subscribed) {
            let Some(service) = self.services.get(name) else {
                left.push(format!("SERVICE_SUBSCRIPTION {name} NOT_FOUND"));
                continue;
            };
            let mut broken = service.offered();
            let mut own = Subscription::new();
            own.given =
                old.given.iter().filter(|it| !it.password && service.names(it).is_some()).cloned().collect();
            broken.extend(own.fill(service, &[], old.custom.then_some(old.url.as_str())));
            let button = was.device.buttons.iter().find(|(_, button)| Some(button.id) == old.button);
            if let Some(first) = broken.first() {
                left.push(format!("SERVICE_SUBSCRIPTION {name} {first}"));
                continue;
            }
            if let Some((at, button)) = button {
                device.give(&mut broken, &mut own, name, Some(at.1), button.label.as_deref(), button.id);
                taken.push(*at);
            }
            for secret in old.given.iter().filter(|it| it.password) {
                if let Some(parameter) = service.names(secret) {
                    left.push(format!("SERVICE_PASSWORD {name}: {parameter} REVERT_NOT_POSSIBLE"));
                }
            }
            device.services.insert(name.clone(), own);
        }
        // What was unsubscribed waits again, without passwords.
        for (name, old) in was.device.services.iter().filter(|(_, old)| !old.subscribed) {
            let Some(service) = self.services.get(name) else {
                left.push(format!("SERVICE_SUBSCRIPTION {name} NOT_FOUND"));
                continue;
            };
            for secret in old.given.iter().filter(|it| it.password) {
                if let Some(parameter) = service.names(secret) {
                    left.push(format!("SERVICE_PASSWORD {name}: {parameter} REVERT_NOT_POSSIBLE"));
                }
            }
            let mut own = old.clone();
            own.button = None;
            own.given.retain(|it| !it.password);
            device.services.insert(name.clone(), own);
        }
        let others = was.device.buttons.iter().filter(|(at, _)| at.0 != Press::Url || !taken.contains(at));
        device.buttons.extend(others.map(|(at, button)| (*at, button.clone())));
        self.devices.insert(key.to_owned(), device);
    }
}
