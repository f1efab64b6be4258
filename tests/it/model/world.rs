//! The field's rules once more, as plainly as they can be said: maps in memory, one function per step, each noun's in its
//! own file. It shares no line with the server, and knows no ids, versions, scopes or transactions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    button,
    button::{Button, Press},
    cluster::Cluster,
    history::Undo,
    line,
    number::Number,
    organization::Organization,
    phone, profile,
    quick_add::Group,
    restore::Deleted,
    role,
    service::{self, Service, Subscription},
    session::{self, Session},
    step::{NAMES, REGISTERED, Step, USERS},
    template::Template,
    user::{self, User},
};

/// Most calls that the lines of the product used here hold together.
pub const CALLS: i32 = 200;
/// The template that devices have unless they are told another one.
pub const STOCK: &str = "Standard 8841 SIP";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Profile,
    Phone,
    Other,
}

#[derive(Clone, Debug)]
pub struct Device {
    pub name: String,
    pub kind: Kind,
    pub description: String,
    /// Of a profile, in order; the first is significant. Of a phone, its owner.
    pub users: Vec<String>,
    /// Numbers by place.
    pub lines: BTreeMap<i32, String>,
    /// What the places of lines are called, by number.
    pub labels: BTreeMap<String, &'static str>,
    pub buttons: BTreeMap<(Press, i32), Button>,
    /// By the service's name.
    pub services: BTreeMap<String, Subscription>,
    /// Of a phone: the key of the profile that it shows while nobody is logged in.
    pub logout: Option<String>,
    /// Of a phone: whether users may log in on it.
    pub mobile: bool,
    pub template: String,
    pub softkeys: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Line {
    /// Keys of the devices that it stands on, in the order in which it came there: the first is the original's.
    pub on: Vec<String>,
    pub calls: i32,
    pub description: String,
}

/// Everything there is.
#[derive(Clone, Debug)]
pub struct World {
    /// By name in lower case.
    pub devices: BTreeMap<String, Device>,
    /// By user id.
    pub users: BTreeMap<String, User>,
    pub lines: BTreeMap<String, Line>,
    pub numbers: BTreeMap<String, Number>,
    /// By the phone's key.
    pub sessions: BTreeMap<String, Session>,
    pub services: BTreeMap<String, Service>,
    /// By whether they are of buttons, and by name.
    pub templates: BTreeMap<(bool, String), Template>,
    /// Default device profiles: what is said of each, by product.
    pub defaults: BTreeMap<String, String>,
    /// Quick Add groups, by organization and name.
    pub groups: BTreeMap<(String, String), Group>,
    /// By path.
    pub organizations: BTreeMap<String, Organization>,
    /// By organization and name; so are roles.
    pub clusters: BTreeMap<(String, String), Cluster>,
    pub roles: BTreeMap<(String, String), usize>,
    /// Profiles that were deleted, by key, as they were.
    pub deleted: BTreeMap<String, Deleted>,
    /// What tells a user, line, service, phone or profile from another one that had its name before.
    pub born: BTreeMap<(&'static str, String), u32>,
    pub cooling: i64,
    /// Minutes since all began.
    pub now: i64,
    /// What it comes to when the newest change is taken back.
    pub undo: Undo,
    pub count: u32,
    /// What a step that was done tells besides.
    pub told: Vec<String>,
}

/// Codes of broken rules, each as often as it is broken.
pub type Broken = Vec<&'static str>;

impl World {
    /// A site with one gateway.
    pub fn new() -> Self {
        let mut world = Self {
            devices: BTreeMap::new(),
            users: BTreeMap::new(),
            lines: BTreeMap::new(),
            numbers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            services: BTreeMap::new(),
            templates: BTreeMap::new(),
            defaults: BTreeMap::new(),
            groups: BTreeMap::new(),
            organizations: Organization::estate(),
            clusters: BTreeMap::from([Cluster::first()]),
            roles: BTreeMap::new(),
            deleted: BTreeMap::new(),
            born: BTreeMap::new(),
            cooling: 0,
            now: 0,
            undo: Undo::Unknown,
            count: 0,
            told: Vec::new(),
        };
        world.devices.insert(REGISTERED.to_lowercase(), Device::new(REGISTERED, Kind::Other));
        world
    }

    /// The step at something that is there, as few of those drawn by lot are. Steps at the first name are left alone.
    pub fn aimed(&self, mut step: Step) -> Step {
        let known = |name: &str| NAMES.iter().find(|known| **known == name).copied();
        let aim = |drawn: &mut &'static str, fits: &dyn Fn(&str, &Device) -> bool| {
            let mut fitting = self.devices.iter().rev().filter(|(key, device)| fits(key, device));
            let there = self.devices.get_key_value(&drawn.to_lowercase());
            if *drawn != NAMES[0]
                && !there.is_some_and(|(key, device)| fits(key, device))
                && let Some(found) = fitting.find_map(|(_, device)| known(&device.name))
            {
                *drawn = found;
            }
        };
        match &mut step {
            Step::Line(
                line::Step::RemoveLine { device, number }
                | line::Step::MoveLine { device, number, .. }
                | line::Step::Label { device, number, .. }
                | line::Step::ChangeLine { device, number, .. }
                | line::Step::Describe { through: Some(device), number, .. },
            ) => {
                let last = self.lines.get(*number).and_then(|line| line.on.last());
                aim(device, &|key, _| last.is_some_and(|last| last == key));
            }
            Step::Button(
                button::Step::Update { device, kind, .. }
                | button::Step::Move { device, kind, .. }
                | button::Step::Remove { device, kind, .. },
            ) => aim(device, &|_, device| device.buttons.keys().any(|(press, _)| press == kind)),
            Step::Service(
                service::Step::Change { device, service, .. }
                | service::Step::Unsubscribe { device, service }
                | service::Step::Resubscribe { device, service, .. },
            ) => aim(device, &|_, device| device.services.contains_key(*service)),
            Step::Phone(
                phone::Step::ShowLoggedOut { phone, .. }
                | phone::Step::Mobile { phone, .. }
                | phone::Step::Own { phone, .. },
            ) => aim(phone, &|_, device| device.kind == Kind::Phone),
            Step::User(
                user::Step::Disassociate { profile, user, .. }
                | user::Step::SetDefault { user, profile: Some(profile) },
            ) => {
                let serves = |device: &Device| device.users.iter().any(|other| other == user);
                aim(profile, &|_, device| device.kind == Kind::Profile && serves(device));
            }
            Step::Session(session::Step::Login(login)) => {
                aim(&mut login.phone, &|_, device| device.kind == Kind::Phone && device.mobile);
                let served = |user: &&&str| {
                    let serves = |device: &Device| device.users.iter().any(|other| other == **user);
                    self.devices.values().any(|device| device.kind == Kind::Profile && serves(device))
                };
                // The drawn one and those behind it, in a circle.
                if let Some(user) = &mut login.user {
                    let behind = USERS.iter().cycle().skip_while(|other| *other != user).take(USERS.len());
                    *user = behind.into_iter().find(served).copied().unwrap_or(user);
                }
            }
            Step::Session(session::Step::Relogin { phone } | session::Step::Logout { phone }) => {
                aim(phone, &|key, _| self.sessions.contains_key(key));
            }
            Step::Profile(profile::Step::UseTemplates { profile, .. }) => {
                let shown: BTreeSet<_> =
                    self.sessions.values().filter_map(|it| it.profile.as_deref()).collect();
                aim(profile, &|key, _| shown.contains(key));
            }
            Step::Profile(profile::Step::Restore { name }) if *name != NAMES[0] => {
                let mut gone = self.deleted.values().filter_map(|deleted| known(&deleted.device.name));
                *name = gone.next().unwrap_or(name);
            }
            _ => {}
        }
        step
    }

    /// Does a step, or does nothing; tells which rules are broken, sorted, and what was left out of what was done.
    pub fn step(&mut self, step: &Step) -> Vec<String> {
        if let Step::Bulk(step) = step {
            return self.bulk(step);
        }
        if let Step::Pass(minutes) = step {
            self.pass(*minutes);
            return Vec::new();
        }
        let before = self.clone();
        let mut told: Vec<String> = self.tried(step).into_iter().map(str::to_owned).collect();
        if told.is_empty() {
            told = std::mem::take(&mut self.told);
            self.remember(&before, &before);
        }
        told.sort_unstable();
        told
    }

    /// Does a step with what follows from it, or does nothing and tells which rules are broken.
    pub fn tried(&mut self, step: &Step) -> Broken {
        let mut after = self.clone();
        let broken = after.attempt(step);
        if broken.is_empty() {
            after.leave(self);
            *self = after;
        }
        broken
    }

    fn attempt(&mut self, step: &Step) -> Broken {
        match step {
            Step::Profile(step) => self.profile(step),
            Step::Phone(step) => self.phone(step),
            Step::User(step) => self.user(step),
            Step::Line(step) => self.of_line(step),
            Step::Button(step) => self.button(step),
            Step::Number(step) => self.number(step),
            Step::Session(step) => self.session(step),
            Step::Service(step) => self.service(step),
            Step::Template(step) => self.template(step),
            Step::QuickAdd(step) => self.quick_add(step),
            Step::Organization(step) => self.organization(step),
            Step::Cluster(step) => self.cluster(step),
            Step::Role(step) => self.role(step),
            Step::Device(step) => self.other_device(step),
            Step::Orphan(step) => self.orphan(step),
            Step::Revert => self.revert(),
            Step::Bulk(_) | Step::Pass(_) => unreachable!("it is no single thing to do"),
        }
    }

    /// Numbers that have cooled are free, and sessions that are over end.
    fn pass(&mut self, minutes: i64) {
        self.now += minutes;
        let now = self.now;
        self.numbers.values_mut().for_each(|number| number.ripen(now));
        self.sessions.retain(|_, session| session.until.is_none_or(|end| end > now));
    }

    /// Something that was not there before.
    pub fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    /// Notes what came and what went by a step; `first` is what there was before everything that was done with it.
    pub fn remember(&mut self, before: &Self, first: &Self) {
        let gone: Vec<_> =
            before.devices.iter().filter(|(key, _)| !self.devices.contains_key(*key)).collect();
        for (key, device) in gone.into_iter().filter(|(_, device)| device.kind == Kind::Profile) {
            let deleted = Deleted::of(key, device, before, first);
            self.deleted.insert(key.clone(), deleted);
        }
        let named = |world: &Self| -> BTreeSet<(&'static str, String)> {
            let devices = world.devices.keys().map(|key| ("device", key.clone()));
            let users = world.users.keys().map(|key| ("user", key.clone()));
            let services = world.services.keys().map(|key| ("service", key.clone()));
            let lines = world.lines.keys().map(|key| ("line", key.clone()));
            devices.chain(users).chain(services).chain(lines).collect()
        };
        let (was, is) = (named(before), named(self));
        for gone in was.difference(&is) {
            self.born.remove(gone);
        }
        for new in is.difference(&was) {
            let id = self.next();
            self.born.entry(new.clone()).or_insert(id);
        }
    }

    /// Deletes a profile or phone with everything that is its own.
    pub fn delete_device(&mut self, key: &str) {
        for number in self.devices[key].lines.clone().values() {
            self.take_off(key, number);
        }
        self.devices.remove(key);
        for user in self.users.values_mut() {
            user.default.take_if(|default| default == key);
            user.phones.remove(key);
            user.cti.remove(key);
        }
        for phone in self.devices.values_mut().filter(|phone| phone.logout.as_deref() == Some(key)) {
            phone.logout = None;
        }
    }

    /// Whether a phone shows the profile while nobody is logged in.
    pub fn shown_by_phones(&self, key: &str) -> bool {
        self.devices.values().any(|phone| phone.logout.as_deref() == Some(key))
    }

    /// The device of the name, where it is of the kind.
    pub fn device(&mut self, name: &str, kind: Kind) -> Option<&mut Device> {
        self.devices.get_mut(&name.to_lowercase()).filter(|device| device.kind == kind)
    }

    /// Why a name is not free.
    pub fn clash(&self, name: &str) -> Option<&'static str> {
        self.devices.get(&name.to_lowercase()).map(|device| match device.kind {
            Kind::Profile => "NAME_TAKEN_BY_PROFILE",
            Kind::Phone | Kind::Other => "NAME_TAKEN_BY_DEVICE",
        })
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
                        json!([place, number, role, line.calls, device.labels.get(number)])
                    })
                    .collect();
                json!({
                    "name": device.name, "description": device.description, "users": device.users, "lines": lines,
                    "buttons": device.shown_buttons(), "services": self.shown_services(device),
                    "logout": named(&device.logout), "templates": [device.template, device.softkeys],
                    "mobile": (kind == Kind::Phone).then_some(device.mobile),
                })
            })
            .collect::<Vec<_>>()
        };
        let others = self.devices.values().filter(|device| device.kind == Kind::Other);
        let others: Vec<_> = others.map(|device| &device.name).collect();
        let users: Vec<_> = self.users.keys().map(|user| self.shown_user(user)).collect();
        let lines: Vec<_> = self
            .lines
            .iter()
            .map(|(number, line)| json!([number, line.on.len(), line.description]))
            .collect();
        let numbers: Vec<_> = self.numbers.iter().map(|(number, known)| known.shown(number)).collect();
        let templates = |buttons: bool| -> Vec<_> {
            let all = self.templates.iter().filter(|((kind, _), _)| *kind == buttons);
            all.map(|((_, name), template)| template.shown(name)).collect()
        };
        let defaults: Vec<_> = self.defaults.iter().map(|(product, text)| json!([product, text])).collect();
        let groups: Vec<_> = self.groups.iter().map(|((at, name), group)| group.shown(at, name)).collect();
        let organizations: Vec<_> =
            self.organizations.iter().map(|(path, organization)| organization.shown(path)).collect();
        let clusters: Vec<_> =
            self.clusters.iter().map(|((at, name), cluster)| cluster.shown(at, name)).collect();
        let roles: Vec<_> =
            self.roles.iter().map(|((at, name), rights)| role::shown(at, name, *rights)).collect();
        let offered: Vec<_> = self.services.iter().map(|(name, service)| service.shown(name)).collect();
        json!({
            "profiles": devices(Kind::Profile), "phones": devices(Kind::Phone), "users": users, "lines": lines,
            "others": others, "numbers": numbers, "sessions": self.shown_sessions(), "services": offered, "buttonTemplates": templates(true),
            "softkeyTemplates": templates(false), "defaults": defaults, "groups": groups,
            "organizations": organizations, "clusters": clusters, "roles": roles,
        })
    }
}

impl Device {
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            description: String::new(),
            users: Vec::new(),
            lines: BTreeMap::new(),
            labels: BTreeMap::new(),
            buttons: BTreeMap::new(),
            services: BTreeMap::new(),
            logout: None,
            mobile: true,
            template: STOCK.to_owned(),
            softkeys: Some("Standard User".to_owned()),
        }
    }
}

impl Line {
    pub fn new() -> Self {
        Self { on: Vec::new(), calls: 4, description: String::new() }
    }
}

/// A code for each name that stands there already.
pub fn repeated(names: &[&str]) -> Broken {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| !seen.insert(name.to_lowercase())).map(|_| "VALUE_REPEATED").collect()
}
