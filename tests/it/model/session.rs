//! Who is logged in where, for how long, and what the phone took from the profile then.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    server::{Ask, Request},
    step::{name, user},
    world::{Broken, Kind, STOCK, World, repeated},
};

/// The longest login, in minutes.
const LONGEST: i32 = 10_080;
/// Ends of restored sessions: in minutes since all began, and as they are sent.
const ENDS: [(i64, &str); 3] =
    [(30, "2026-01-01T00:30:00Z"), (20_160, "2026-01-15T00:00:00Z"), (2_103_840, "2030-01-01T00:00:00Z")];

/// Who is logged in on a phone.
#[derive(Clone, Debug)]
pub struct Session {
    pub user: String,
    /// Key of the profile that the phone shows.
    pub profile: Option<String>,
    took: Took,
    /// The minute at which it ends.
    pub until: Option<i64>,
}

/// The templates that a phone takes at a login.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Took {
    button: String,
    softkeys: Option<String>,
}

/// What a login asks for.
#[derive(Clone, Debug)]
pub struct Login {
    pub user: Option<&'static str>,
    pub phone: &'static str,
    profile: Option<&'static str>,
    lasting: Option<Lasting>,
    force: bool,
}

#[derive(Clone, Copy, Debug)]
enum Lasting {
    Minutes(i32),
    Indefinite,
    /// One of the ends.
    Until(usize),
}

/// Which sessions are ended at once.
#[derive(Clone, Debug)]
pub enum Which {
    Nothing,
    Of(&'static str),
    NotOf(&'static str),
    On(&'static str),
    Showing(&'static str),
    Indefinite(bool),
}

/// What an update of a profile does with the sessions that show it.
#[derive(Clone, Copy, Debug)]
pub enum Apply {
    Leave,
    Relogin,
    Logout,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    Login(Login),
    /// One of several sessions that are begun again, each by itself.
    Restore(Login),
    Logout {
        phone: &'static str,
    },
    LogoutUser {
        user: &'static str,
        phones: Option<Vec<&'static str>>,
    },
    LogoutMany {
        which: Which,
    },
    Relogin {
        phone: &'static str,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let lasting = prop_oneof![
        3 => (1_i32..3_000).prop_map(Lasting::Minutes),
        1 => proptest::sample::select(&[0, 61, LONGEST + 1][..]).prop_map(Lasting::Minutes),
        1 => Just(Lasting::Indefinite),
    ];
    let which = prop_oneof![
        1 => Just(Which::Nothing),
        2 => user().prop_map(Which::Of),
        1 => user().prop_map(Which::NotOf),
        1 => name().prop_map(Which::On),
        1 => name().prop_map(Which::Showing),
        1 => any::<bool>().prop_map(Which::Indefinite),
    ];
    let phones = proptest::option::of(proptest::collection::vec(name(), 0..3));
    prop_oneof![
        8 => login(proptest::option::weighted(0.4, lasting)).prop_map(Step::Login),
        1 => name().prop_map(|phone| Step::Logout { phone }),
        1 => (user(), phones).prop_map(|(user, phones)| Step::LogoutUser { user, phones }),
        1 => which.prop_map(|which| Step::LogoutMany { which }),
        2 => name().prop_map(|phone| Step::Relogin { phone }),
    ]
}

/// Sessions to begin again, by lot.
pub fn restored() -> impl Strategy<Value = (bool, Vec<Step>)> {
    let one = login(proptest::option::of((0..ENDS.len()).prop_map(Lasting::Until)));
    (any::<bool>(), proptest::collection::vec(one, 1..4)).prop_map(|(force, logins)| {
        // Of an item the user is told.
        let named = |login: Login| Login { user: login.user.or(Some("anna")), force, ..login };
        (force, logins.into_iter().map(named).map(Step::Restore).collect())
    })
}

fn login(lasting: impl Strategy<Value = Option<Lasting>>) -> impl Strategy<Value = Login> {
    let (user, profile) = (proptest::option::weighted(0.9, user()), proptest::option::weighted(0.2, name()));
    (user, name(), profile, lasting, any::<bool>()).prop_map(|(user, phone, profile, lasting, force)| Login {
        user,
        phone,
        profile,
        lasting,
        force,
    })
}

/// What to do about those who are logged in, as the input says it.
pub fn active(out: bool) -> &'static str {
    if out { "LOGOUT" } else { "FAIL" }
}

/// What to do about somebody who is logged in on the phone, as the input says it.
pub fn occupied(force: bool) -> &'static str {
    if force { "FORCE" } else { "FAIL" }
}

impl Apply {
    /// As the input says it.
    pub fn said(self) -> &'static str {
        match self {
            Self::Leave => "LEAVE",
            Self::Relogin => "RELOGIN_IDLE",
            Self::Logout => "LOGOUT",
        }
    }
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    let phones = |names: &[&str]| -> Vec<_> { names.iter().map(|name| ask.id("Phone", name)).collect() };
    match step {
        Step::Login(Login { user, phone, profile, lasting, force }) => {
            let duration = match lasting {
                Some(Lasting::Minutes(minutes)) => json!({"minutes": minutes}),
                Some(Lasting::Indefinite) => json!({"indefinite": true}),
                Some(Lasting::Until(_)) | None => Value::Null,
            };
            let input = json!({
                "userId": user.map(|user| ask.id("User", user)), "phoneId": ask.id("Phone", phone),
                "profileId": profile.map(|name| ask.profile(name)), "ifOccupied": occupied(*force),
                "duration": duration,
            });
            ("login", input)
        }
        Step::Restore(Login { user, phone, profile, lasting, .. }) => {
            let end = match lasting {
                Some(Lasting::Until(end)) => Some(ENDS[*end].1),
                _ => None,
            };
            let item = json!({
                "userId": ask.id("User", user.unwrap_or_default()), "phoneId": ask.id("Phone", phone),
                "profileId": profile.map(|name| ask.profile(name)), "expiresAt": end,
            });
            ("restoreSessions", item)
        }
        Step::Logout { phone } => ("logout", json!({"phoneId": ask.id("Phone", phone)})),
        Step::LogoutUser { user, phones: named } => {
            let named = named.as_deref().map(phones);
            ("logoutUser", json!({"userId": ask.id("User", user), "phoneIds": named}))
        }
        Step::LogoutMany { which } => {
            let filter = match which {
                Which::Nothing => json!({}),
                Which::Of(user) => json!({"users": [ask.id("User", user)]}),
                Which::NotOf(user) => json!({"not": {"users": [ask.id("User", user)]}}),
                Which::On(phone) => json!({"phones": phones(&[*phone])}),
                Which::Showing(name) => json!({"profiles": [ask.profile(name)]}),
                Which::Indefinite(so) => json!({"indefinite": so}),
            };
            ("logoutMany", json!({"filter": filter}))
        }
        Step::Relogin { phone } => ("relogin", json!({"sessionId": ask.id("Session", phone)})),
    }
}

impl World {
    /// What becomes of logins.
    pub fn session(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::Login(login) | Step::Restore(login) => return self.login(login),
            Step::Logout { phone } => {
                if self.device(phone, Kind::Phone).is_none() {
                    broken.push("NOT_FOUND");
                } else if self.sessions.remove(&phone.to_lowercase()).is_none() {
                    broken.push("NO_USER_LOGGED_IN");
                }
            }
            Step::LogoutUser { user, phones } => {
                if !self.users.contains_key(*user) {
                    broken.push("NOT_FOUND");
                }
                let Some(phones) = phones else {
                    self.sessions.retain(|_, session| session.user != *user);
                    return broken;
                };
                broken.extend(repeated(phones));
                for phone in phones {
                    let there = self.device(phone, Kind::Phone).is_some();
                    let session = self.sessions.get(&phone.to_lowercase());
                    match session.filter(|session| session.user == *user) {
                        _ if !there => broken.push("NOT_FOUND"),
                        None => broken.push("NO_USER_LOGGED_IN"),
                        Some(_) => {}
                    }
                }
                for phone in phones {
                    self.sessions.remove(&phone.to_lowercase());
                }
            }
            Step::LogoutMany { which } => match which {
                Which::Nothing => broken.push("SESSION_FILTER_EMPTY"),
                Which::Of(user) => self.sessions.retain(|_, session| session.user != *user),
                Which::NotOf(user) => self.sessions.retain(|_, session| session.user == *user),
                Which::On(phone) => drop(self.sessions.remove(&phone.to_lowercase())),
                Which::Showing(name) => {
                    let key = Some(name.to_lowercase());
                    self.sessions.retain(|_, session| session.profile != key);
                }
                Which::Indefinite(so) => self.sessions.retain(|_, session| session.until.is_none() != *so),
            },
            Step::Relogin { phone } => {
                let key = phone.to_lowercase();
                let Some(session) = self.sessions.get(&key).cloned() else { return vec!["NOT_FOUND"] };
                match self.takes(session.profile.as_deref()) {
                    Some(took) => drop(self.sessions.insert(key, Session { took, ..session })),
                    None => broken.push("DEFAULT_DEVICE_PROFILE_MISSING"),
                }
            }
        }
        broken
    }

    /// Every phone is of every profile's product.
    fn login(&mut self, login: &Login) -> Broken {
        let mut broken = Broken::new();
        let key = login.phone.to_lowercase();
        let phone = self.device(login.phone, Kind::Phone).cloned();
        match &phone {
            None => broken.push("NOT_FOUND"),
            Some(phone) if !phone.mobile => broken.push("EM_NOT_ENABLED_ON_PHONE"),
            Some(_) => {}
        }
        let named = login.profile.map(|name| self.device(name, Kind::Profile).cloned());
        if named.as_ref().is_some_and(Option::is_none) {
            broken.push("NOT_FOUND");
        }
        let first = named.as_ref().map(|found| found.as_ref().map(|found| found.users.first().cloned()));
        let user = match (login.user, first) {
            (Some(user), _) if !self.users.contains_key(user) => Err(Some("NOT_FOUND")),
            (Some(user), _) => Ok(user.to_owned()),
            (None, None) => Err(Some("VALUE_REQUIRED")),
            (None, Some(None)) => Err(None),
            (None, Some(Some(first))) => first.ok_or(Some("PROFILE_HAS_NO_USER")),
        };
        let mut profile = None;
        match &user {
            Err(code) => broken.extend(*code),
            Ok(user) if phone.is_some() => {
                profile =
                    self.profile_of(&mut broken, user, login.profile, named.is_some_and(|it| it.is_none()));
                let elsewhere = self.sessions.iter().any(|(on, other)| other.user == *user && *on != key);
                if elsewhere && self.emea().policy == "NOT_ALLOWED" {
                    broken.push("MULTI_LOGIN_NOT_ALLOWED");
                }
            }
            Ok(_) => {}
        }
        if self.sessions.contains_key(&key) && !login.force {
            broken.push("PHONE_OCCUPIED");
        }
        let until = self.ends(&mut broken, login.lasting, user.as_deref().ok(), phone.is_some());
        let (Ok(user), Some(took)) = (user, self.takes(profile.as_deref())) else { return broken };
        if self.emea().policy == "AUTO_LOGOUT" {
            self.sessions.retain(|_, other| other.user != user);
        }
        self.sessions.insert(key, Session { user, profile, took, until });
        broken
    }

    /// Key of the profile that a user gets: the one that is named, the default one, or the first by name.
    fn profile_of(
        &self,
        broken: &mut Broken,
        user: &str,
        named: Option<&str>,
        absent: bool,
    ) -> Option<String> {
        let serves = |key: &String| {
            let device = &self.devices[key];
            device.kind == Kind::Profile && device.users.iter().any(|other| other == user)
        };
        let own: Vec<_> = self.devices.keys().filter(|key| serves(key)).cloned().collect();
        if let Some(name) = named {
            let key = name.to_lowercase();
            if !absent && !own.contains(&key) {
                broken.push("PROFILE_NOT_ASSOCIATED_WITH_USER");
            }
            return Some(key).filter(|_| !absent);
        }
        let profile = self.users[user].default.clone().or_else(|| own.first().cloned());
        if self.takes(profile.as_deref()).is_none() {
            broken.push("USER_HAS_NO_PROFILE");
        }
        profile
    }

    /// The minute at which a login ends: a user's own limit goes before the cluster's, and a limit of 0 is none.
    fn ends(
        &self,
        broken: &mut Broken,
        lasting: Option<Lasting>,
        user: Option<&str>,
        phone: bool,
    ) -> Option<i64> {
        let own = user.and_then(|user| self.users[user].minutes);
        let limit = own.or_else(|| self.emea().minutes.filter(|_| phone)).filter(|most| *most > 0);
        let after = |minutes: i32| self.now + i64::from(minutes);
        match (lasting, limit) {
            (None, limit) => limit.map(after),
            (Some(Lasting::Minutes(minutes)), limit) => {
                if !(1..=LONGEST).contains(&minutes) {
                    broken.push("VALUE_OUT_OF_RANGE");
                }
                if limit.is_some_and(|most| minutes > most) {
                    broken.push("LOGIN_TOO_LONG");
                }
                Some(after(minutes))
            }
            (Some(Lasting::Indefinite), limit) => {
                broken.extend(limit.map(|_| "LOGIN_TOO_LONG"));
                None
            }
            (Some(Lasting::Until(end)), _) => {
                let end = ENDS[end].0;
                if end <= self.now {
                    broken.push("SESSION_OVER");
                }
                Some(end)
            }
        }
    }

    /// What a phone takes from a profile, or else from the default device profile where there is one.
    fn takes(&self, profile: Option<&str>) -> Option<Took> {
        match profile {
            Some(key) => {
                let profile = self.devices.get(key)?;
                Some(Took { button: profile.template.clone(), softkeys: profile.softkeys.clone() })
            }
            None => self
                .defaults
                .contains_key("Cisco 8841")
                .then(|| Took { button: STOCK.to_owned(), softkeys: Some("Standard User".to_owned()) }),
        }
    }

    /// Ends the sessions that stand in the way where that is asked for, else tells the code.
    pub fn clear(
        &mut self,
        broken: &mut Broken,
        out: bool,
        code: &'static str,
        within: impl Fn(&str, &Session) -> bool,
    ) {
        let before = self.sessions.len();
        self.sessions.retain(|phone, session| !within(phone, session));
        if !out && self.sessions.len() < before {
            broken.push(code);
        }
    }

    /// What becomes of the sessions that show a profile, which is another one now.
    pub fn apply(&mut self, policy: Apply, key: &str) {
        let Some(now) = self.takes(Some(key)) else { return };
        let shows = |session: &Session| session.profile.as_deref() == Some(key);
        match policy {
            Apply::Leave => {}
            Apply::Relogin => {
                for session in self.sessions.values_mut().filter(|session| shows(session)) {
                    session.took.clone_from(&now);
                }
            }
            Apply::Logout => self.sessions.retain(|_, session| !shows(session) || session.took == now),
        }
    }

    /// The sessions, each with what its phone would take at another login.
    pub fn shown_sessions(&self) -> Value {
        let one = |(phone, session): (&String, &Session)| {
            let name = |key: &String| &self.devices[key].name;
            let now = self.takes(session.profile.as_deref()).unwrap_or_else(|| session.took.clone());
            let differ = [
                (now.button != session.took.button, "buttonTemplate"),
                (now.softkeys != session.took.softkeys, "softkeyTemplate"),
            ];
            let pending: Vec<_> =
                differ.iter().filter(|(differs, _)| *differs).map(|(_, field)| field).collect();
            json!([name(phone), session.user, session.profile.as_ref().map(name), session.until, pending])
        };
        self.sessions.iter().map(one).collect()
    }
}
