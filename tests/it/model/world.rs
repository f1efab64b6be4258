//! The field's rules once more, as plainly as they can be said: maps in memory, one function per step. It shares no
//! line with the server, and knows no ids, versions, scopes or transactions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::step::{NAMES, NUMBERS, REGISTERED, Step};

/// Most calls that the lines of the product used here hold together.
const CALLS: i32 = 200;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Profile,
    Phone,
    Other,
}

#[derive(Clone, Debug)]
struct Device {
    name: String,
    kind: Kind,
    description: String,
    /// In order; the first is significant.
    users: Vec<String>,
    /// Numbers by place.
    lines: BTreeMap<i32, String>,
    /// What speed dials dial, by position.
    dials: BTreeMap<i32, String>,
    /// Of a phone: the key of the profile that it shows while nobody is logged in.
    logout: Option<String>,
}

#[derive(Clone, Debug)]
struct Line {
    /// Keys of the devices that it stands on, in the order in which it came there: the first is the original's.
    on: Vec<String>,
    calls: i32,
}

#[derive(Clone, Debug)]
struct Number {
    status: &'static str,
    utility: bool,
    reserved_for: Option<String>,
    /// The day on which it has cooled.
    until: i64,
}

/// Everything there is.
#[derive(Clone, Debug)]
pub struct World {
    /// By name in lower case.
    devices: BTreeMap<String, Device>,
    /// Keys of default profiles by user id.
    users: BTreeMap<String, Option<String>>,
    lines: BTreeMap<String, Line>,
    numbers: BTreeMap<String, Number>,
    /// Who is logged in on a phone, by the phone's key, and the key of the profile that it shows.
    sessions: BTreeMap<String, (String, String)>,
    cooling: i64,
    day: i64,
}

/// Codes of broken rules, each as often as it is broken.
type Broken = Vec<&'static str>;

impl World {
    /// A site with one gateway.
    pub fn new() -> Self {
        let mut world = Self {
            devices: BTreeMap::new(),
            users: BTreeMap::new(),
            lines: BTreeMap::new(),
            numbers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            cooling: 0,
            day: 0,
        };
        world.devices.insert(REGISTERED.to_lowercase(), Device::new(REGISTERED, Kind::Other));
        world
    }

    /// The step at something that is there, as few of those drawn by lot are. Steps at the first name are left alone.
    pub fn aimed(&self, step: Step) -> Step {
        let stands = |device: &str, number: &str| {
            let on = self.lines.get(number)?.on.iter().rev().find(|_| device != NAMES[0])?;
            NAMES.iter().find(|name| **name == self.devices[on].name).copied()
        };
        let equipped = |device: &str| {
            let on = self.devices.values().rev().find(|on| !on.dials.is_empty() && device != NAMES[0])?;
            NAMES.iter().find(|name| **name == on.name).copied()
        };
        match step {
            Step::RemoveLine { device, number } => {
                Step::RemoveLine { device: stands(device, number).unwrap_or(device), number }
            }
            Step::MoveLine { device, number, index } => {
                Step::MoveLine { device: stands(device, number).unwrap_or(device), number, index }
            }
            Step::ChangeLine { device, number, calls } => {
                Step::ChangeLine { device: stands(device, number).unwrap_or(device), number, calls }
            }
            Step::MoveButton { device, from, to } => {
                Step::MoveButton { device: equipped(device).unwrap_or(device), from, to }
            }
            Step::RemoveButton { device, index } => {
                Step::RemoveButton { device: equipped(device).unwrap_or(device), index }
            }
            other => other,
        }
    }

    /// Does a step; or does nothing, and tells which rules are broken, sorted.
    pub fn step(&mut self, step: &Step) -> Broken {
        let mut after = self.clone();
        let mut broken = after.attempt(step);
        broken.sort_unstable();
        if broken.is_empty() {
            *self = after;
        }
        broken
    }

    fn attempt(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::CreateProfile { name, lines, users } => {
                broken.extend(self.clash(name));
                let mut device = Device::new(name, Kind::Profile);
                device.users = self.present(users);
                let (key, old) = (name.to_lowercase(), self.devices.get(&name.to_lowercase()).cloned());
                self.devices.insert(key.clone(), device);
                for number in lines {
                    broken.extend(self.put(&key, number, None));
                }
                broken.extend(self.unknown(users));
                broken.extend(repeated(users));
                if let Some(old) = old {
                    self.devices.insert(key, old);
                }
            }
            Step::CopyProfile { from, name } => {
                let Some(from) = self.device(from, Kind::Profile).cloned() else { return vec!["NOT_FOUND"] };
                broken.extend(self.clash(name));
                let key = name.to_lowercase();
                let device =
                    Device { lines: BTreeMap::new(), ..Device { name: (*name).to_owned(), ..from.clone() } };
                let old = self.devices.insert(key.clone(), device);
                for (place, number) in &from.lines {
                    broken.extend(self.put(&key, number, Some(*place)));
                }
                if let Some(old) = old {
                    self.devices.insert(key, old);
                }
            }
            Step::Describe { profile, text } => match self.device(profile, Kind::Profile) {
                Some(device) => (*text).clone_into(&mut device.description),
                None => broken.push("NOT_FOUND"),
            },
            Step::DeleteProfile { name, release } => {
                if self.device(name, Kind::Profile).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let key = name.to_lowercase();
                if !release && self.shown_by_phones(&key) {
                    broken.push("PROFILE_IS_LOGOUT_PROFILE");
                }
                if self.sessions.values().any(|(_, profile)| *profile == key) {
                    broken.push("PROFILE_IN_USE");
                }
                self.delete_device(&key);
            }
            Step::CreatePhone { name, logout } => {
                broken.extend(self.clash(name));
                let mut device = Device::new(name, Kind::Phone);
                device.logout = self.logout(&mut broken, *logout);
                self.devices.entry(name.to_lowercase()).or_insert(device);
            }
            Step::ShowLoggedOut { phone, profile } => {
                if self.device(phone, Kind::Phone).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let logout = self.logout(&mut broken, *profile);
                if let Some(phone) = self.device(phone, Kind::Phone) {
                    phone.logout = logout;
                }
            }
            Step::DeletePhone { name } => {
                let key = name.to_lowercase();
                match self.device(name, Kind::Phone).is_some() {
                    true if self.sessions.contains_key(&key) => broken.push("PHONE_IN_USE"),
                    true => self.delete_device(&key),
                    false => broken.push("NOT_FOUND"),
                }
            }
            Step::CreateUser { user, profiles, default } => {
                if self.users.contains_key(*user) {
                    broken.push("USER_ID_TAKEN");
                }
                broken.extend(repeated(profiles));
                for profile in profiles {
                    match self.device(profile, Kind::Profile) {
                        Some(profile) => profile.users.push((*user).to_owned()),
                        None => broken.push("NOT_FOUND"),
                    }
                }
                let own = default.map(|at| profiles.get(at).map(|name| name.to_lowercase()));
                if own == Some(None) {
                    broken.push("DEFAULT_PROFILE_NOT_ASSOCIATED");
                }
                self.users.insert((*user).to_owned(), own.flatten());
            }
            Step::DeleteUser { user, delete } => {
                if self.users.remove(*user).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let alone = |device: &Device| device.users == [*user];
                let sole: Vec<_> = self
                    .devices
                    .iter()
                    .filter(|(_, device)| alone(device))
                    .map(|(key, _)| key.clone())
                    .collect();
                if delete.is_none() && !sole.is_empty() {
                    broken.push("USER_PROFILES_UNDECIDED");
                }
                if self.sessions.values().any(|(other, _)| other == user) {
                    broken.push("USER_LOGGED_IN");
                }
                for device in self.devices.values_mut() {
                    device.users.retain(|other| other != user);
                }
                for key in sole.iter().filter(|_| *delete == Some(true)) {
                    if self.shown_by_phones(key) {
                        broken.push("PROFILE_IS_LOGOUT_PROFILE");
                    }
                }
                for key in sole.iter().filter(|_| *delete == Some(true)) {
                    self.delete_device(key);
                }
            }
            Step::Associate { profile, users } => {
                let unknown = self.unknown(users);
                let Some(profile) = self.device(profile, Kind::Profile) else { return vec!["NOT_FOUND"] };
                broken.extend(unknown);
                broken.extend(repeated(users));
                let before = profile.users.clone();
                for user in users {
                    if before.iter().any(|other| other == user) {
                        broken.push("USER_ALREADY_ASSOCIATED");
                    }
                    profile.users.push((*user).to_owned());
                }
            }
            Step::Disassociate { profile, user } => {
                let known = self.users.contains_key(*user);
                let key = profile.to_lowercase();
                let shown = self.sessions.values().any(|(other, profile)| other == user && *profile == key);
                let Some(profile) = self.device(profile, Kind::Profile) else { return vec!["NOT_FOUND"] };
                match profile.users.iter().position(|other| other == user) {
                    _ if !known => broken.push("NOT_FOUND"),
                    None => broken.push("USER_NOT_ASSOCIATED"),
                    Some(_) if shown => broken.push("PROFILE_IN_USE"),
                    Some(at) => {
                        profile.users.remove(at);
                    }
                }
                if let Some(default) = self.users.get_mut(*user).filter(|default| **default == Some(key)) {
                    *default = None;
                }
            }
            Step::Reorder { profile, users } => {
                let unknown = self.unknown(users);
                let known: BTreeSet<_> = self.users.keys().cloned().collect();
                let Some(profile) = self.device(profile, Kind::Profile) else { return vec!["NOT_FOUND"] };
                broken.extend(unknown);
                broken.extend(repeated(users));
                for user in users {
                    if known.contains(*user) && !profile.users.iter().any(|other| other == user) {
                        broken.push("USER_NOT_ASSOCIATED");
                    }
                }
                if profile.users.iter().any(|other| !users.contains(&other.as_str())) {
                    broken.push("USER_ORDER_INCOMPLETE");
                }
                profile.users = users.iter().map(|user| (*user).to_owned()).collect();
            }
            Step::SetDefault { user, profile } => {
                if !self.users.contains_key(*user) {
                    return vec!["NOT_FOUND"];
                }
                if let Some(name) = profile {
                    match self.device(name, Kind::Profile) {
                        None => broken.push("NOT_FOUND"),
                        Some(device) if !device.users.iter().any(|other| other == user) => {
                            broken.push("DEFAULT_PROFILE_NOT_ASSOCIATED");
                        }
                        Some(_) => {}
                    }
                }
                self.users.insert((*user).to_owned(), profile.map(str::to_lowercase));
            }
            Step::CreateLine { number } => {
                if self.lines.contains_key(*number) {
                    broken.push("LINE_TAKEN");
                }
                self.line(number);
            }
            Step::DeleteLine { number, told } => {
                let Some(line) = self.lines.get(*number).cloned() else { return vec!["NOT_FOUND"] };
                if !told && !line.on.is_empty() {
                    broken.push("LINE_HAS_APPEARANCES");
                }
                for key in &line.on {
                    self.take_off(key, number);
                }
                self.lines.remove(*number);
            }
            Step::AddLine { device, number, index } => {
                let key = device.to_lowercase();
                if !self.devices.contains_key(&key) {
                    return vec!["NOT_FOUND"];
                }
                broken.extend(self.put(&key, number, *index));
            }
            Step::RemoveLine { device, number } => {
                let key = device.to_lowercase();
                if self.place(&key, number).is_none() {
                    return vec!["NOT_FOUND"];
                }
                self.take_off(&key, number);
            }
            Step::MoveLine { device, number, index } => {
                let key = device.to_lowercase();
                let Some(place) = self.place(&key, number) else { return vec!["NOT_FOUND"] };
                if place == *index {
                    return broken;
                }
                broken.extend(self.taken(&key, *index));
                if let Some(device) = self.devices.get_mut(&key) {
                    device.lines.remove(&place);
                    device.lines.insert(*index, (*number).to_owned());
                }
            }
            Step::ChangeLine { device, number, calls } => {
                let key = device.to_lowercase();
                if self.place(&key, number).is_none() {
                    return vec!["NOT_FOUND"];
                }
                let line = self.line(number).clone();
                if line.on.first() != Some(&key) {
                    broken.push("LINE_IS_CLONE");
                }
                if !(1..=CALLS).contains(calls) {
                    broken.push("VALUE_OUT_OF_RANGE");
                }
                if *calls < 2 {
                    broken.push("BUSY_TRIGGER_EXCEEDS_MAX_CALLS");
                }
                for on in &line.on {
                    if line.calls != *calls && self.calls(on) - line.calls + calls > CALLS {
                        broken.push("MAX_CALLS_EXCEEDS_DEVICE");
                    }
                }
                self.line(number).calls = *calls;
            }
            Step::ReplaceLines { device, lines } => broken.extend(self.replace_lines(device, lines)),
            Step::AddButton { device, index, dials } => {
                let Some(device) = self.devices.get_mut(&device.to_lowercase()) else {
                    return vec!["NOT_FOUND"];
                };
                broken.extend(device.press(*index, dials));
            }
            Step::MoveButton { device, from, to } => {
                let device = self.devices.get_mut(&device.to_lowercase());
                let Some(device) = device.filter(|device| device.dials.contains_key(from)) else {
                    return vec!["NOT_FOUND"];
                };
                if !(1..=199).contains(to) {
                    return vec!["BUTTON_INDEX_INVALID"];
                }
                let moving = device.dials.remove(from).unwrap_or_default();
                if device.dials.contains_key(to) {
                    let between = device.dials.clone();
                    let between = between.range((*from).min(*to)..=(*from).max(*to));
                    for index in between.clone().map(|(index, _)| index) {
                        device.dials.remove(index);
                    }
                    let towards = if from < to { -1 } else { 1 };
                    for (index, dials) in between {
                        device.dials.insert(index + towards, dials.clone());
                    }
                }
                device.dials.insert(*to, moving);
            }
            Step::RemoveButton { device, index } => {
                let device = self.devices.get_mut(&device.to_lowercase());
                if device.and_then(|device| device.dials.remove(index)).is_none() {
                    return vec!["NOT_FOUND"];
                }
            }
            Step::ReplaceButtons { device, dials } => {
                let Some(device) = self.devices.get_mut(&device.to_lowercase()) else {
                    return vec!["NOT_FOUND"];
                };
                device.dials.clear();
                for dials in dials {
                    broken.extend(device.press(None, dials));
                }
            }
            Step::CreateNumbers { first, last } => {
                for number in &NUMBERS[*first..=*last] {
                    let status = if self.stands(number) { "USED" } else { "AVAILABLE" };
                    self.numbers.entry((*number).to_owned()).or_insert(Number::new(status));
                }
            }
            Step::DeleteNumbers => {
                self.numbers
                    .retain(|_, number| number.status != "AVAILABLE" || number.reserved_for.is_some());
            }
            Step::ChangeStatus { number, to } => {
                let (cooling, day) = (self.cooling, self.day);
                let Some(number) = self.numbers.get_mut(*number) else { return vec!["NOT_FOUND"] };
                match (number.status, *to) {
                    ("AVAILABLE" | "RESERVED" | "COOLING", "AVAILABLE") => number.status = "AVAILABLE",
                    ("USED_UTILITY", "AVAILABLE") => {
                        number.utility = false;
                        number.free(cooling, day);
                    }
                    ("AVAILABLE" | "RESERVED", "RESERVED") => number.status = "RESERVED",
                    ("AVAILABLE" | "COOLING", "COOLING") => number.cool(3, day),
                    ("USED", "USED") => number.utility = false,
                    ("USED", "USED_UTILITY") => number.utility = true,
                    ("AVAILABLE" | "USED_UTILITY", "USED_UTILITY") => {
                        number.utility = true;
                        number.status = "USED_UTILITY";
                    }
                    _ => broken.push("NUMBER_STATUS_ILLEGAL"),
                }
            }
            Step::ReserveFor { number, user } => {
                let status = if self.stands(number) { "USED" } else { "AVAILABLE" };
                let known = self.numbers.contains_key(*number);
                if !known && user.is_none() {
                    return vec!["NOT_FOUND"];
                }
                let number = self.numbers.entry((*number).to_owned()).or_insert(Number::new(status));
                let holder = number.reserved_for.as_deref();
                if holder.is_some() && user.is_some() && holder != *user {
                    broken.push("NUMBER_RESERVED_FOR_OTHER_USER");
                }
                number.reserved_for = user.map(str::to_owned);
            }
            Step::Login { user, phone, profile, force } => {
                return self.login(user, phone, *profile, *force);
            }
            Step::Logout { phone } => {
                if self.device(phone, Kind::Phone).is_none() {
                    broken.push("NOT_FOUND");
                } else if self.sessions.remove(&phone.to_lowercase()).is_none() {
                    broken.push("NO_USER_LOGGED_IN");
                }
            }
            Step::Cooling { days } => self.cooling = *days,
            Step::DaysPass { days } => {
                self.day += days;
                let day = self.day;
                for number in self.numbers.values_mut() {
                    if number.status == "COOLING" && number.until <= day {
                        number.status = "AVAILABLE";
                    }
                }
            }
        }
        broken
    }

    /// The cluster allows no second login; every phone is of every profile's product.
    fn login(&mut self, user: &str, phone: &str, named: Option<&str>, force: bool) -> Broken {
        let mut broken = Broken::new();
        let (known, key) = (self.users.contains_key(user), phone.to_lowercase());
        let there = self.device(phone, Kind::Phone).is_some();
        for absent in [!there, !known, named.is_some_and(|name| self.device(name, Kind::Profile).is_none())] {
            broken.extend(absent.then_some("NOT_FOUND"));
        }
        let serves = |profile: &Device| {
            profile.kind == Kind::Profile && profile.users.iter().any(|other| other == user)
        };
        let own: Vec<_> =
            self.devices.iter().filter(|(_, device)| serves(device)).map(|(key, _)| key.clone()).collect();
        let default = self.users.get(user).cloned().flatten();
        let profile = named.map(str::to_lowercase).or(default).or_else(|| own.first().cloned());
        if there && known {
            match &profile {
                None => broken.push("USER_HAS_NO_PROFILE"),
                Some(key)
                    if self.devices.get(key).is_some_and(|it| it.kind == Kind::Profile)
                        && !own.contains(key) =>
                {
                    broken.push("PROFILE_NOT_ASSOCIATED_WITH_USER");
                }
                Some(_) => {}
            }
            if self.sessions.iter().any(|(on, (other, _))| other == user && *on != key) {
                broken.push("MULTI_LOGIN_NOT_ALLOWED");
            }
        }
        if self.sessions.contains_key(&key) && !force {
            broken.push("PHONE_OCCUPIED");
        }
        if let (Some(profile), true) = (profile, broken.is_empty()) {
            self.sessions.insert(key, (user.to_owned(), profile));
        }
        broken
    }

    fn replace_lines(&mut self, device: &str, lines: &[(&'static str, i32)]) -> Broken {
        let key = device.to_lowercase();
        let Some(device) = self.devices.get_mut(&key) else { return vec!["NOT_FOUND"] };
        let before = std::mem::take(&mut device.lines);
        for number in before.values() {
            if !lines.iter().any(|(named, _)| named == number) {
                // Back for a moment, to be taken off as any other.
                if let Some(device) = self.devices.get_mut(&key) {
                    device.lines.insert(0, number.clone());
                }
                self.take_off(&key, number);
            }
        }
        let mut broken = Broken::new();
        let mut seen = BTreeSet::new();
        for (number, place) in lines {
            if before.values().any(|other| other == number) {
                if !seen.insert(*number) {
                    broken.push("LINE_ALREADY_ON_DEVICE");
                }
                broken.extend(self.taken(&key, *place));
                if let Some(device) = self.devices.get_mut(&key) {
                    device.lines.insert(*place, (*number).to_owned());
                }
            } else {
                broken.extend(self.put(&key, number, Some(*place)));
            }
        }
        broken
    }

    /// Puts a line on a device, making it where it is not there.
    fn put(&mut self, key: &str, number: &str, index: Option<i32>) -> Broken {
        let mut broken = Broken::new();
        let device = self.devices[key].clone();
        if device.kind == Kind::Other {
            broken.push("DEVICE_HAS_NO_LINES");
        }
        if let Some(known) = self.numbers.get(number) {
            match known.status {
                "RESERVED" => broken.push("NUMBER_NOT_AVAILABLE"),
                "COOLING" => broken.push("NUMBER_COOLING"),
                _ => {}
            }
            if known.reserved_for.as_ref().is_some_and(|holder| !device.users.contains(holder)) {
                broken.push("NUMBER_RESERVED_FOR_OTHER_USER");
            }
        }
        let free = (1..=100).find(|place| !device.lines.contains_key(place)).unwrap_or(1);
        let place = index.unwrap_or(free);
        broken.extend(self.taken(key, place));
        if device.lines.values().any(|other| other == number) {
            broken.push("LINE_ALREADY_ON_DEVICE");
        }
        let known = self.lines.get(number).filter(|line| !line.on.is_empty());
        let calls = known.map_or(4, |line| line.calls);
        // Whatever becomes of the rest, the calls are those that would be there.
        if device.kind != Kind::Other && self.calls(key) + calls > CALLS {
            broken.push("MAX_CALLS_EXCEEDS_DEVICE");
        }
        if !broken.is_empty() {
            return broken;
        }
        let line = self.line(number);
        line.calls = calls;
        line.on.push(key.to_owned());
        if let Some(device) = self.devices.get_mut(key) {
            device.lines.insert(place, number.to_owned());
        }
        if let Some(number) = self.numbers.get_mut(number) {
            number.status = "USED";
        }
        broken
    }

    /// Takes a line off a device; the oldest clone is the first then. A number that nothing uses is free.
    fn take_off(&mut self, key: &str, number: &str) {
        if let Some(device) = self.devices.get_mut(key) {
            device.lines.retain(|_, other| other != number);
        }
        if let Some(line) = self.lines.get_mut(number) {
            line.on.retain(|other| other != key);
        }
        let (cooling, day) = (self.cooling, self.day);
        if !self.stands(number)
            && let Some(number) = self.numbers.get_mut(number)
        {
            number.free(cooling, day);
        }
    }

    /// Deletes a profile or phone with everything that is its own.
    fn delete_device(&mut self, key: &str) {
        for number in self.devices[key].lines.clone().values() {
            self.take_off(key, number);
        }
        self.devices.remove(key);
        for default in self.users.values_mut().filter(|default| default.as_deref() == Some(key)) {
            *default = None;
        }
        for phone in self.devices.values_mut().filter(|phone| phone.logout.as_deref() == Some(key)) {
            phone.logout = None;
        }
    }

    fn shown_by_phones(&self, key: &str) -> bool {
        self.devices.values().any(|phone| phone.logout.as_deref() == Some(key))
    }

    fn logout(&mut self, broken: &mut Broken, profile: Option<&str>) -> Option<String> {
        let profile = profile?;
        if self.device(profile, Kind::Profile).is_none() {
            broken.push("NOT_FOUND");
        }
        Some(profile.to_lowercase())
    }

    fn device(&mut self, name: &str, kind: Kind) -> Option<&mut Device> {
        self.devices.get_mut(&name.to_lowercase()).filter(|device| device.kind == kind)
    }

    fn line(&mut self, number: &str) -> &mut Line {
        self.lines.entry(number.to_owned()).or_insert(Line { on: Vec::new(), calls: 4 })
    }

    fn stands(&self, number: &str) -> bool {
        self.lines.get(number).is_some_and(|line| !line.on.is_empty())
    }

    fn place(&self, key: &str, number: &str) -> Option<i32> {
        self.devices.get(key)?.lines.iter().find(|(_, other)| *other == number).map(|(place, _)| *place)
    }

    fn taken(&self, key: &str, place: i32) -> Option<&'static str> {
        match place {
            1..=100 => self.devices[key].lines.contains_key(&place).then_some("LINE_INDEX_TAKEN"),
            _ => Some("LINE_INDEX_INVALID"),
        }
    }

    fn calls(&self, key: &str) -> i32 {
        self.devices[key].lines.values().map(|number| self.lines[number].calls).sum()
    }

    fn clash(&self, name: &str) -> Option<&'static str> {
        self.devices.get(&name.to_lowercase()).map(|device| match device.kind {
            Kind::Profile => "NAME_TAKEN_BY_PROFILE",
            Kind::Phone | Kind::Other => "NAME_TAKEN_BY_DEVICE",
        })
    }

    fn present(&self, users: &[&str]) -> Vec<String> {
        users.iter().filter(|user| self.users.contains_key(**user)).map(|user| (*user).to_owned()).collect()
    }

    fn unknown(&self, users: &[&str]) -> Broken {
        users.iter().filter(|user| !self.users.contains_key(**user)).map(|_| "NOT_FOUND").collect()
    }

    /// What a client would read: everything, sorted by name.
    pub fn shown(&self) -> Value {
        let named = |key: &Option<String>| key.as_ref().map(|key| self.devices[key].name.clone());
        let devices = |kind: Kind| {
            let all = self.devices.iter().filter(move |(_, device)| device.kind == kind);
            all.map(|(key, device)| {
                let lines: Vec<_> = device
                    .lines
                    .iter()
                    .map(|(place, number)| {
                        let line = &self.lines[number];
                        let original = line.on.first() == Some(key);
                        let role = if original { "ORIGINAL" } else { "CLONE" };
                        json!([place, number, role, line.calls])
                    })
                    .collect();
                let dials: Vec<_> = device.dials.iter().map(|(index, dials)| json!([index, dials])).collect();
                json!({
                    "name": device.name, "description": device.description, "users": device.users, "lines": lines,
                    "dials": dials, "logout": named(&device.logout),
                })
            })
            .collect::<Vec<_>>()
        };
        let users: Vec<_> = self.users.iter().map(|(user, default)| json!([user, named(default)])).collect();
        let lines: Vec<_> = self.lines.iter().map(|(number, line)| json!([number, line.on.len()])).collect();
        let numbers: Vec<_> = self
            .numbers
            .iter()
            .map(|(number, known)| json!([number, known.status, known.utility, known.reserved_for]))
            .collect();
        let name = |key: &String| &self.devices[key].name;
        let sessions: Vec<_> = self
            .sessions
            .iter()
            .map(|(phone, (user, profile))| json!([name(phone), user, name(profile)]))
            .collect();
        json!({
            "profiles": devices(Kind::Profile), "phones": devices(Kind::Phone), "users": users, "lines": lines,
            "numbers": numbers, "sessions": sessions,
        })
    }
}

impl Device {
    fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            description: String::new(),
            users: Vec::new(),
            lines: BTreeMap::new(),
            dials: BTreeMap::new(),
            logout: None,
        }
    }

    /// Puts a speed dial on it.
    fn press(&mut self, index: Option<i32>, dials: &str) -> Broken {
        let mut broken = Broken::new();
        if self.kind == Kind::Other {
            broken.push("DEVICE_HAS_NO_BUTTONS");
        }
        if dials.contains(' ') {
            broken.push("SPEED_DIAL_NUMBER_INVALID");
        }
        let free = (1..=199).find(|index| !self.dials.contains_key(index)).unwrap_or(1);
        let index = index.unwrap_or(free);
        if !(1..=199).contains(&index) {
            broken.push("BUTTON_INDEX_INVALID");
        } else if self.dials.contains_key(&index) {
            broken.push("BUTTON_INDEX_TAKEN");
        }
        self.dials.insert(index, dials.to_owned());
        broken
    }
}

impl Number {
    fn new(status: &'static str) -> Self {
        Self { status, utility: false, reserved_for: None, until: 0 }
    }

    fn free(&mut self, cooling: i64, day: i64) {
        match (self.utility, cooling) {
            (true, _) => self.status = "USED_UTILITY",
            (false, 0) => self.status = "AVAILABLE",
            (false, days) => self.cool(days, day),
        }
    }

    fn cool(&mut self, days: i64, day: i64) {
        self.status = "COOLING";
        self.until = day + days;
    }
}

/// A code for each name that stands there already.
fn repeated(names: &[&str]) -> Broken {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| !seen.insert(name.to_lowercase())).map(|_| "VALUE_REPEATED").collect()
}
