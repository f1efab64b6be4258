//! Commands on sessions: logging in and out, one by one and many at once, and what the clock ends.

use serde::{Serialize, Serializer};

use super::{Command, Outcome, command};
use crate::{
    app::{App, Call, Logging},
    caller::{Action, Caller, Noun, Right},
    error::Error,
    rule::{
        Broken, Decision, Rule,
        session::{
            Login, Logout, LogoutUser, Relogin, expire, login, logout, logout_all, logout_user, relogin,
            throttle::Pace,
        },
    },
    store::{
        Tx,
        page::Filter,
        session::{due, login_facts, logout_facts, logout_user_facts, matching, relogin_facts},
    },
};

/// Sessions that are ended at once.
pub const MANY: u32 = 1_000;

command!(Login, "login", Session Session, login_facts, login, |cmd| Logging::login(cmd.phone, cmd.user));
command!(Logout, "logout", Session Session, logout_facts, logout, |cmd| Logging::logout(cmd.phone));
command!(LogoutUser, "logoutUser", Session Session, logout_user_facts, logout_user, |cmd| {
    Logging::logout_user(cmd.user)
});
command!(Relogin, "relogin", Session Session, relogin_facts, relogin, |cmd| Logging::relogin(cmd.session));

/// Logs out on every phone that a filter finds, oldest logins first and no more than [`MANY`] at once, nor than the
/// clusters take.
#[derive(Serialize)]
pub struct LogoutMany {
    #[serde(serialize_with = "written")]
    pub filter: Filter,
}

/// A filter in the form in which answers to it are told apart.
fn written<S: Serializer>(filter: &Filter, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{filter:?}"))
}

impl Command for LogoutMany {
    const NAME: &'static str = "logoutMany";
    const RIGHT: Right = Right::To(Action::Session, Noun::Session);

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        if self.filter.is_open() {
            return Ok(Err(Broken::one(Rule::SessionFilterEmpty, "filter")));
        }
        Ok(Ok(logout_all(&matching(tx, &self.filter, MANY).await?)))
    }

    fn pace(&self) -> Pace {
        Pace::Part
    }
}

/// Ends what is over.
#[derive(Serialize)]
struct Expire;

impl Command for Expire {
    const NAME: &'static str = "expireSessions";
    const RIGHT: Right = Right::To(Action::Session, Noun::Session);

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        Ok(Ok(expire(&due(tx).await?)))
    }

    fn pace(&self) -> Pace {
        Pace::Free
    }
}

/// Logs out everybody whose time is up, part by part; tells how many. Any number of nodes may do it at once: what one has
/// in hand, the others leave alone, and what a node that dies has not committed, another one does.
pub async fn expire_due(app: &App) -> Result<usize, Error> {
    let caller = Caller::administrator("sessions");
    let mut ended = 0;
    loop {
        match super::run(app, &caller, &Call::default(), &Expire).await? {
            Ok(done) if !done.changes.is_empty() => ended += done.changes.len(),
            _ => return Ok(ended),
        }
    }
}

/// Logs in each of many, one after the other and every one for itself, as an upgrade's end asks for: what is refused
/// keeps nobody else out. A key is kept for each, so that one that was cut short goes on where it stopped.
pub async fn restore(
    app: &App,
    caller: &Caller,
    call: &Call,
    logins: &[Login],
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::with_capacity(logins.len());
    for (at, login) in logins.iter().enumerate() {
        let key = call.idempotency_key.as_ref().map(|key| format!("{key} {at}"));
        let call = Call { idempotency_key: key, ..call.clone() };
        outcomes.push(super::run(app, caller, &call, login).await?);
    }
    Ok(outcomes)
}
