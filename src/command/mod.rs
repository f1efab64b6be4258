//! The one write path: permission, begin, facts, pure decision, apply, outbox, commit, wake. One file per noun says
//! for each command which facts its rule needs and who may give it.

use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    app::{App, Call, Committed, Logging},
    caller::{Action, Caller, Noun, Right},
    error::Error,
    rule::{
        self, Broken, Change, Decision,
        session::throttle::{self, Pace},
    },
    store::{self, Tx},
};

pub mod bulk;
mod button;
mod cluster;
mod default_device_profile;
mod device;
mod history;
pub mod job;
mod line;
pub mod number;
mod organization;
mod orphan;
mod phone;
mod profile;
mod quick_add;
mod role;
mod service;
pub mod service_subscription;
pub mod session;
mod template;
mod user;

/// How often a transaction that stood in another one's way is tried.
const TRIES: u32 = 5;

/// Something that a caller may ask to be done.
pub trait Command: Serialize + Send + Sync {
    /// What tells commands apart where answers are kept.
    const NAME: &'static str;
    /// Who may give it.
    const RIGHT: Right;

    /// What it does to things of other kinds, each of which asks for its own right (ACC-3).
    fn also(&self) -> Vec<(Action, Noun)> {
        Vec::new()
    }

    /// Reads the facts in the transaction and lets the rule decide.
    fn decide(&self, tx: &Tx) -> impl Future<Output = Result<Decision, Error>> + Send;

    /// How many new things it may make.
    fn ids(&self) -> i64 {
        1_000
    }

    /// Whom it logs in or out, for the audit where it is refused; nothing of what does neither.
    fn logging(&self) -> Option<Logging> {
        None
    }

    /// What becomes of it where it would log in or out on more phones than a cluster takes at once (SES-6).
    fn pace(&self) -> Pace {
        Pace::Whole
    }
}

/// What came of a command.
pub type Outcome = Result<Committed, Broken>;

/// Does a command, whole or not at all.
pub async fn run<C: Command>(app: &App, caller: &Caller, call: &Call, cmd: &C) -> Result<Outcome, Error> {
    check(call)?;
    let mut tried = 0;
    let outcome = loop {
        tried += 1;
        match attempt(app, caller, call, cmd).await {
            Err(Error::Busy) | Ok(Attempt::Clashed(_)) if tried < TRIES => {
                tokio::time::sleep(std::time::Duration::from_millis(5 << tried)).await;
            }
            Ok(Attempt::Ended(outcome)) => break outcome,
            Ok(Attempt::Clashed(broken)) => break Err(broken),
            Err(error) => return Err(error),
        }
    };
    if let (Err(broken), Some(logging), false) = (&outcome, cmd.logging(), call.dry_run) {
        app.logging_refused(caller, C::NAME, logging, broken);
    }
    Ok(outcome)
}

/// Refuses who may not do it, for whoever does several that each stand for themselves and would stop halfway.
pub fn demand<C: Command>(caller: &Caller, cmd: &C) -> Result<(), Error> {
    let also = cmd.also().into_iter().map(|(action, noun)| Right::To(action, noun));
    let mut asked = std::iter::once(C::RIGHT).chain(also);
    asked.find(|right| !caller.may(*right)).map_or(Ok(()), |right| Err(Error::Denied(right)))
}

/// How one try went.
enum Attempt {
    Ended(Outcome),
    /// Somebody else was faster at what an index keeps unique; the next try sees it and may decide otherwise: a line
    /// that was to be made is there, and the appearance becomes a clone.
    Clashed(Broken),
}

#[tracing::instrument(name = "command", skip_all, fields(name = C::NAME))]
async fn attempt<C: Command>(app: &App, caller: &Caller, call: &Call, cmd: &C) -> Result<Attempt, Error> {
    let mut tx = app.begin(caller, C::RIGHT, cmd.ids()).await?;
    let mut hash = String::new();
    if let (Some(key), false) = (&call.idempotency_key, call.dry_run) {
        hash = input_hash(cmd)?;
        if let Some(answered) = app.answered(&tx, caller, key, &hash).await? {
            app.abandon(tx).await?;
            return Ok(Attempt::Ended(Ok(answered)));
        }
    }
    let refused = match decide(app, cmd, &tx).await? {
        Err(broken) => Attempt::Ended(Err(broken)),
        Ok(changes) => match app.stage(&mut tx, changes).await? {
            Ok(()) => return Ok(Attempt::Ended(Ok(app.commit(tx, caller, call, &hash).await?))),
            Err(broken) => Attempt::Clashed(broken),
        },
    };
    app.abandon(tx).await?;
    Ok(refused)
}

/// What the rule decides, as far as clusters take it at once (SES-6), with what becomes of lines that it takes off devices
/// (DEL-5), and of the numbers of lines that it puts there or takes off (INV-9).
pub async fn decide<C: Command>(app: &App, cmd: &C, tx: &Tx) -> Result<Decision, Error> {
    if let Some((action, noun)) = cmd.also().into_iter().find(|(action, noun)| !tx.allows(*action, *noun)) {
        return Err(Error::Denied(Right::To(action, noun)));
    }
    let decided = match cmd.decide(tx).await? {
        Ok(changes) => paced(app, tx, changes, cmd.pace()).await?,
        Err(broken) => Err(broken),
    };
    let mut changes = match decided {
        Ok(changes) => changes,
        Err(broken) => return Ok(Err(broken)),
    };
    let leaving = store::line_preference::leaving(tx, &changes).await?;
    changes.extend(rule::line_preference::settle(&leaving, tx.now()));
    let lines = store::number::following(tx, &changes).await?;
    let followed = rule::number::follow(&changes, &lines, tx.now());
    changes.extend(followed);
    Ok(Ok(changes))
}

/// The changes that the clusters take now.
async fn paced(app: &App, tx: &Tx, changes: Vec<Change>, pace: Pace) -> Result<Decision, Error> {
    let lasting = i64::try_from(app.config().session.under_way_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
    let phones = throttle::phones(&changes);
    if pace == Pace::Free || phones.is_empty() || lasting == 0 || !tx.is_paced() {
        return Ok(Ok(changes));
    }
    let clusters = phones.iter().map(|(cluster, _)| *cluster).collect();
    let taking = store::session::taking(tx, &clusters, lasting).await?;
    Ok(throttle::keep(changes, &taking, pace))
}

fn check(call: &Call) -> Result<(), Error> {
    if call.reason.as_deref().is_some_and(|reason| reason.chars().count() > 500) {
        return Err(Error::Input("the reason may have 500 characters".to_owned()));
    }
    match call.idempotency_key.as_deref().map(str::len) {
        Some(0) => Err(Error::Input("the idempotency key is empty; leave it out or choose one".to_owned())),
        Some(201..) => Err(Error::Input("the idempotency key may have 200 bytes".to_owned())),
        _ => Ok(()),
    }
}

fn input_hash<C: Command>(cmd: &C) -> Result<String, Error> {
    let input = serde_json::to_vec(cmd).map_err(Error::internal)?;
    let mut hash = Sha256::new();
    hash.update(C::NAME);
    hash.update([0]);
    hash.update(&input);
    Ok(HEXLOWER.encode(&hash.finalize()))
}

/// A command whose facts one store function reads and one rule function decides on.
macro_rules! command {
    ($command:ty, $name:literal, $action:ident $noun:ident, $facts:path, $rule:path $(, $logging:expr)?) => {
        command!(
            $command,
            $name,
            (To($crate::caller::Action::$action, $crate::caller::Noun::$noun)),
            $facts,
            $rule
            $(, $logging)?
        );
    };
    ($command:ty, $name:literal, $right:ident, $facts:path, $rule:path) => {
        command!($command, $name, ($right), $facts, $rule);
    };
    ($command:ty, $name:literal, ($($right:tt)+), $facts:path, $rule:path $(, $logging:expr)?) => {
        impl $crate::command::Command for $command {
            const NAME: &'static str = $name;
            const RIGHT: $crate::caller::Right = $crate::caller::Right::$($right)+;

            async fn decide(
                &self,
                tx: &$crate::store::Tx,
            ) -> Result<$crate::rule::Decision, $crate::error::Error> {
                let facts = $facts(tx, self).await?;
                Ok($rule(self, &facts))
            }

            $(
                fn logging(&self) -> Option<$crate::app::Logging> {
                    let logging: fn(&Self) -> $crate::app::Logging = $logging;
                    Some(logging(self))
                }
            )?
        }
    };
}

use command;
