//! What is told of callers: who was refused, who came in from where, who made and revoked tokens, who logged whom in.
//!
//! What changes something is told in the transaction that changes it: tokens that are made and revoked, logins and logouts.
//! So there is none without its entry, and no entry of what was rolled back. Everything else is told by the way, and must
//! cost its request nothing and never fail it: it is put into memory, where a task of its own fetches it and writes what
//! has come together. What is in memory when a process is killed is lost; one that stops in order writes it first.
//!
//! Nobody fills the disk with it. The same from the same address within a minute is one entry that counts, and what is
//! more than so many entries a minute is one entry that says how many there were. Strangers have a share of their own, so
//! that they cannot hide by noise what somebody with a token does.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use entity::{
    AuditEntryId, DeviceId, Moment, SessionId, TokenId, UserId,
    audit_entry::{Kind, Model, Subject},
    session, token,
};
use tokio::{
    sync::{Notify, watch},
    time,
};

use super::{App, Clock};
use crate::{
    caller::{Caller, Scope},
    error::Error,
    origin::{self, Origin},
    rule::{Broken, Change, Rule},
    store::{DbErr, Store, audit_entry},
};

/// How long entries gather before they are written.
const GATHER: Duration = Duration::from_millis(500);
/// How long the database is left alone when it does not take them.
const AGAIN: Duration = Duration::from_secs(1);
/// The same within so many microseconds is one entry.
const MINUTE: i64 = 60_000_000;
/// A token that has not come from an address for so many microseconds comes for the first time.
const DAY: i64 = 24 * 60 * MINUTE;
/// Tokens and addresses that are remembered.
const REMEMBERED: usize = 50_000;
/// Longest name of an operation that is kept, in characters; aliases are the client's to choose.
const LONGEST: usize = 100;

/// By whom tokens are made and revoked: whoever may use the server's machine.
pub(super) const COMMAND_LINE: &str = "command line";
/// By whom the first token is made.
pub(super) const FIRST_START: &str = "first start";

/// What is told of callers.
pub(super) struct Audit {
    shared: Arc<Shared>,
    /// Up to which entry everything is written.
    written: watch::Receiver<u64>,
    /// When tokens came from where, as far as that was told.
    seen: Mutex<HashMap<(TokenId, Option<IpAddr>), Moment>>,
}

/// What those who tell and the one who writes have in common.
struct Shared {
    waiting: Mutex<Waiting>,
    /// Most entries a minute, of strangers and of all others.
    most: usize,
    /// Something waits.
    bell: Notify,
    /// Somebody waits for it to be written.
    hurry: Notify,
    closed: AtomicBool,
    left_out: AtomicU64,
}

/// What is not written yet.
#[derive(Default)]
struct Waiting {
    entries: Vec<Told>,
    /// Where the last entry of a key stands.
    places: HashMap<Key, usize>,
    /// How many of them are of strangers.
    strangers: usize,
    /// How many there was no room for.
    left_out: u64,
    /// How often anything was told so far.
    told: u64,
}

/// An entry, and as whom its subject is looked up where that is still to be done.
#[derive(Clone)]
struct Told {
    entry: Model,
    seen_by: Option<Scope>,
}

/// What makes entries the same.
#[derive(Clone, Eq, Hash, PartialEq)]
struct Key {
    kind: Kind,
    code: Option<String>,
    message: String,
    address: Option<String>,
    token: Option<TokenId>,
    by: Option<String>,
    operation: Option<String>,
    subject: (Option<Subject>, Option<i64>),
    user: Option<UserId>,
}

impl Key {
    fn of(entry: &Model) -> Self {
        Self {
            kind: entry.kind,
            code: entry.code.clone(),
            message: entry.message.clone(),
            address: entry.address.clone(),
            token: entry.token_id,
            by: entry.by.clone(),
            operation: entry.operation.clone(),
            subject: (entry.subject_kind, entry.subject_id),
            user: entry.user_id,
        }
    }
}

/// Whom a command logs in or out, and where.
#[derive(Clone, Copy, Debug)]
pub struct Logging {
    refused: Kind,
    subject: Option<(Subject, i64)>,
    user: Option<UserId>,
}

impl Logging {
    /// A login on a phone, of whoever is named.
    pub fn login(phone: DeviceId, user: Option<UserId>) -> Self {
        Self { refused: Kind::LoginRefused, subject: Some((Subject::Phone, phone.0)), user }
    }

    /// A login in the place of a session.
    pub fn relogin(session: SessionId) -> Self {
        Self { refused: Kind::LoginRefused, subject: Some((Subject::Session, session.0)), user: None }
    }

    /// A logout on a phone.
    pub fn logout(phone: DeviceId) -> Self {
        Self { refused: Kind::LogoutRefused, subject: Some((Subject::Phone, phone.0)), user: None }
    }

    /// A logout of somebody.
    pub fn logout_user(user: UserId) -> Self {
        Self { refused: Kind::LogoutRefused, subject: None, user: Some(user) }
    }
}

/// An entry of nobody.
fn entry(kind: Kind, at: Moment, origin: Option<&Origin>, message: String) -> Model {
    Model {
        id: AuditEntryId(0),
        at,
        last_at: at,
        count: 1,
        kind,
        code: None,
        cisco_code: None,
        message,
        by: None,
        token_id: None,
        role: None,
        composed_role_id: None,
        organization_id: None,
        address: origin.and_then(|origin| origin.address).map(|address| address.to_string()),
        user_agent: origin.and_then(|origin| origin.agent.clone()),
        request_id: origin.map(|origin| origin.request.clone()),
        operation: None,
        subject_kind: None,
        subject_id: None,
        subject_organization_id: None,
        user_id: None,
    }
}

/// An entry of a caller.
fn of(caller: &Caller, kind: Kind, at: Moment, message: String) -> Model {
    Model {
        by: Some(caller.name.clone()),
        token_id: caller.token,
        role: Some(caller.role),
        composed_role_id: caller.composed,
        organization_id: match caller.scope {
            Scope::All => None,
            Scope::Below(organization) => Some(organization),
        },
        ..entry(kind, at, caller.origin.as_deref(), message)
    }
}

/// The entry of a token that was made or revoked.
pub(super) fn of_token(kind: Kind, by: &str, token: &token::Model, at: Moment) -> Model {
    let done = if kind == Kind::TokenCreated { "made" } else { "revoked" };
    Model {
        subject_kind: Some(Subject::Token),
        subject_id: Some(token.id.0),
        subject_organization_id: token.organization_id,
        ..of(&Caller::administrator(by), kind, at, format!("The token {} was {done}.", token.name))
    }
}

/// The entries of what a caller did to sessions. One whose time was up was ended by nobody.
pub(super) fn of_sessions(caller: &Caller, changes: &[Change], at: Moment) -> Vec<Model> {
    let told = |change: &Change| {
        let (kind, on, session, code) = match change {
            Change::SessionStarted { on, session } => (Kind::Login, on, session, None),
            Change::SessionEnded { on, session, why } if *why != session::End::Expired => {
                // As the stream tells it.
                let why = serde_json::to_value(why).ok();
                let why = why.as_ref().and_then(serde_json::Value::as_str).map(str::to_owned);
                (Kind::Logout, on, session, why)
            }
            _ => return None,
        };
        let done = if kind == Kind::Login { "in" } else { "out" };
        Some(Model {
            code,
            subject_kind: Some(Subject::Phone),
            subject_id: Some(session.phone_id.0),
            subject_organization_id: Some(session.organization_id),
            user_id: Some(session.user_id),
            ..of(caller, kind, at, format!("A user was logged {done} on {}.", on.name))
        })
    };
    changes.iter().filter_map(told).collect()
}

impl Audit {
    /// Begins to write what is told, up to so many entries a minute; ends when it is dropped.
    pub(super) fn start(store: &Store, clock: Clock, most: usize) -> Self {
        let shared = Arc::new(Shared::new(most));
        let (told, written) = watch::channel(0);
        let writer = Writer {
            store: store.aside(),
            clock,
            shared: Arc::clone(&shared),
            recent: HashMap::new(),
            written: told,
        };
        tokio::spawn(writer.work());
        Self { shared, written, seen: Mutex::default() }
    }

    fn tell(&self, entry: Model) {
        self.shared.tell(Told { entry, seen_by: None });
    }

    /// Tells of a token that came, unless it comes from there all the time.
    pub(super) fn came(&self, caller: &Caller, now: Moment) {
        let Some(token) = caller.token else { return };
        let from = (token, caller.origin.as_ref().and_then(|origin| origin.address));
        let is_known = |at: &Moment| now.0.saturating_sub(at.0) < DAY;
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.get(&from).is_some_and(is_known) {
                return;
            }
            if seen.len() >= REMEMBERED {
                seen.retain(|_, at| is_known(at));
            }
            if seen.len() >= REMEMBERED {
                seen.clear();
            }
            seen.insert(from, now);
        }
        let message = format!("The token {} came from here for the first time in a day.", caller.name);
        self.tell(of(caller, Kind::TokenUsedFirst, now, message));
    }

    /// Tells of a token that was not taken; whose it was, where that is known.
    pub(super) fn not_taken(&self, token: Option<&token::Model>, code: &str, message: String, now: Moment) {
        let origin = origin::current();
        self.tell(Model {
            code: Some(code.to_owned()),
            by: token.map(|token| token.name.clone()),
            token_id: token.map(|token| token.id),
            role: token.filter(|token| token.role_id.is_none()).map(|token| token.role),
            composed_role_id: token.and_then(|token| token.role_id),
            organization_id: token.and_then(|token| token.organization_id),
            ..entry(Kind::AttemptRefused, now, origin.as_deref(), message)
        });
    }

    /// Waits until everything that was told is written.
    async fn flush(&self) {
        let told = self.shared.waiting().told;
        let mut written = self.written.clone();
        if *written.borrow_and_update() >= told {
            return;
        }
        self.shared.hurry.notify_one();
        self.shared.bell.notify_one();
        // Who writes ends with this process only.
        let _ended = written.wait_for(|written| *written >= told).await.is_err();
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.hurry.notify_one();
        self.shared.bell.notify_one();
    }
}

impl Shared {
    fn new(most: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            most,
            bell: Notify::new(),
            hurry: Notify::new(),
            closed: AtomicBool::new(false),
            left_out: AtomicU64::new(0),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, told: Told) {
        let key = Key::of(&told.entry);
        let mut waiting = self.waiting();
        waiting.told += 1;
        let same = waiting.places.get(&key).copied().and_then(|place| waiting.entries.get_mut(place));
        if let Some(same) = same.filter(|same| is_within(same.entry.at, told.entry.at)) {
            same.entry.count += told.entry.count;
            same.entry.last_at = told.entry.at;
        } else {
            let stranger = is_stranger(&told.entry);
            let others = waiting.entries.len() - waiting.strangers;
            let count = if stranger { waiting.strangers } else { others };
            if count >= self.most {
                waiting.left_out += 1;
                self.left_out.fetch_add(1, Ordering::Relaxed);
            } else {
                waiting.strangers += usize::from(stranger);
                let place = waiting.entries.len();
                waiting.places.insert(key, place);
                waiting.entries.push(told);
            }
        }
        drop(waiting);
        self.bell.notify_one();
    }

    /// Takes what waits.
    fn take(&self) -> Waiting {
        let mut waiting = self.waiting();
        let told = waiting.told;
        std::mem::replace(&mut *waiting, Waiting { told, ..Waiting::default() })
    }
}

/// Whether something stands in the minute of an entry.
fn is_within(first: Moment, at: Moment) -> bool {
    at.0.saturating_sub(first.0) < MINUTE
}

fn is_stranger(entry: &Model) -> bool {
    entry.by.is_none()
}

/// Who writes.
struct Writer {
    store: Store,
    clock: Clock,
    shared: Arc<Shared>,
    /// What was written within the last minute.
    recent: HashMap<Key, Recent>,
    written: watch::Sender<u64>,
}

#[derive(Clone, Copy)]
struct Recent {
    id: i64,
    at: Moment,
    stranger: bool,
}

/// What is to be written at once.
#[derive(Default)]
struct Batch {
    fresh: Vec<Model>,
    keys: Vec<Key>,
    /// Entries that are there, how many more they stand for, and when the last of those was.
    more: Vec<(i64, i64, Moment)>,
}

impl Writer {
    async fn work(mut self) {
        loop {
            self.shared.bell.notified().await;
            tokio::select! {
                () = time::sleep(GATHER) => {}
                () = self.shared.hurry.notified() => {}
            }
            let closed = self.shared.closed.load(Ordering::Acquire);
            let taken = self.shared.take();
            let mut failed = false;
            while let Err(error) = self.write(&taken).await {
                if !failed {
                    tracing::error!(%error, "the audit is not written; trying again");
                }
                failed = true;
                if self.shared.closed.load(Ordering::Acquire) {
                    return;
                }
                time::sleep(AGAIN).await;
            }
            self.written.send_replace(taken.told);
            if closed {
                return;
            }
        }
    }

    async fn write(&mut self, taken: &Waiting) -> Result<(), DbErr> {
        let now = (self.clock)();
        self.recent.retain(|_, recent| is_within(recent.at, now));
        let strangers = self.recent.values().filter(|recent| recent.stranger).count();
        let mut counts = [self.recent.len() - strangers, strangers];
        let mut batch = Batch::default();
        let mut over = 0;
        for told in &taken.entries {
            let count = &mut counts[usize::from(is_stranger(&told.entry))];
            if self.joins(&told.entry, &mut batch) {
                continue;
            }
            if *count >= self.shared.most {
                over += u64::try_from(told.entry.count).unwrap_or_default();
                continue;
            }
            *count += 1;
            let mut fresh = told.entry.clone();
            if let Some(scope) = told.seen_by {
                self.look_up(&mut fresh, scope).await?;
            }
            batch.keys.push(Key::of(&told.entry));
            batch.fresh.push(fresh);
        }
        if taken.left_out + over > 0 {
            let message = "There was more than is written in a minute; only how much it was is known.";
            let count = i64::try_from(taken.left_out + over).unwrap_or(i64::MAX);
            let left_out = Model { count, ..entry(Kind::EntriesLeftOut, now, None, message.to_owned()) };
            if !self.joins(&left_out, &mut batch) {
                batch.keys.push(Key::of(&left_out));
                batch.fresh.push(left_out);
            }
        }
        self.keep(batch, now).await?;
        self.shared.left_out.fetch_add(over, Ordering::Relaxed);
        Ok(())
    }

    /// Whether it is more of what was written within the minute.
    fn joins(&self, entry: &Model, batch: &mut Batch) -> bool {
        let same = self.recent.get(&Key::of(entry)).filter(|recent| is_within(recent.at, entry.at));
        batch.more.extend(same.map(|recent| (recent.id, entry.count, entry.last_at)));
        same.is_some()
    }

    async fn keep(&mut self, batch: Batch, now: Moment) -> Result<(), DbErr> {
        if batch.fresh.is_empty() && batch.more.is_empty() {
            return Ok(());
        }
        let tx = self.store.begin(Scope::All, now, 0).await?;
        let first = audit_entry::insert(&tx, &batch.fresh).await?;
        audit_entry::raise(&tx, &batch.more).await?;
        self.store.commit(tx).await?;
        for ((key, entry), id) in batch.keys.into_iter().zip(&batch.fresh).zip(first..) {
            self.recent.insert(key, Recent { id, at: entry.at, stranger: is_stranger(entry) });
        }
        Ok(())
    }

    /// Finds the place of what somebody has named. What they do not see is not there for them, nor in an entry.
    async fn look_up(&self, entry: &mut Model, scope: Scope) -> Result<(), DbErr> {
        let reader = self.store.read(scope);
        if let (Some(kind), Some(id)) = (entry.subject_kind, entry.subject_id) {
            entry.subject_organization_id = audit_entry::organization_of(&reader, kind, id).await?;
            if entry.subject_organization_id.is_none() {
                (entry.subject_kind, entry.subject_id) = (None, None);
            }
        }
        if let Some(user) = entry.user_id {
            let organization = audit_entry::organization_of_user(&reader, user).await?;
            entry.user_id = organization.map(|_| user);
            entry.subject_organization_id = entry.subject_organization_id.or(organization);
        }
        Ok(())
    }
}

impl App {
    /// Tells the audit that a right was lacking, where that is what went wrong.
    pub fn refused(&self, caller: &Caller, operation: &str, error: &Error) {
        if let Error::Denied(_) = error {
            self.forbidden(caller, operation, error.to_string());
        }
    }

    /// Tells the audit that somebody may not do this.
    pub fn forbidden(&self, caller: &Caller, operation: &str, message: String) {
        let told = of(caller, Kind::AttemptRefused, self.now(), message);
        let operation = Some(operation.chars().take(LONGEST).collect());
        self.0.audit.tell(Model { code: Some("FORBIDDEN".to_owned()), operation, ..told });
    }

    /// Tells the audit that the rules refused a login or logout. That somebody named what is not there is not told.
    pub fn logging_refused(&self, caller: &Caller, operation: &str, logging: Logging, broken: &Broken) {
        let mut rules = broken.0.iter().map(|breach| &breach.rule);
        let Some(rule) = rules.find(|rule| !matches!(rule, Rule::NotFound { .. })) else { return };
        // The rule's own sentence: what the caller was told names what others may not see.
        let told = of(caller, logging.refused, self.now(), rule.code().sentence().to_owned());
        let entry = Model {
            code: Some(rule.code().as_str().to_owned()),
            cisco_code: rule.cisco_code().map(i64::from),
            operation: Some(operation.to_owned()),
            subject_kind: logging.subject.map(|(kind, _)| kind),
            subject_id: logging.subject.map(|(_, id)| id),
            user_id: logging.user,
            ..told
        };
        self.0.audit.shared.tell(Told { entry, seen_by: Some(caller.scope) });
    }

    /// Waits until the audit has written everything that it was told.
    pub async fn flush_audit(&self) {
        self.0.audit.flush().await;
    }

    /// What was told to the audit so far and only counted.
    pub fn left_out_of_audit(&self) -> u64 {
        self.0.audit.shared.left_out.load(Ordering::Relaxed)
    }

    /// Forgets entries of the audit that are older than the setting says.
    pub async fn trim_audit(&self) -> Result<u64, Error> {
        match i64::from(self.config().audit.keep_days) {
            0 => Ok(0),
            days => Ok(audit_entry::trim(&self.0.store, self.now().plus_days(-days)).await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::{
        ClusterId, OrganizationId,
        device::Kind as DeviceKind,
        session::{End, Model as Session},
    };

    use super::*;
    use crate::rule::change::On;

    fn told(message: &str, at: i64, by: Option<&str>) -> Told {
        let entry = entry(Kind::AttemptRefused, Moment(at), None, message.to_owned());
        Told { entry: Model { by: by.map(str::to_owned), ..entry }, seen_by: None }
    }

    #[test]
    fn the_same_within_a_minute_waits_once() {
        let shared = Shared::new(10);
        for (message, at) in [("a", 0), ("b", 1), ("a", MINUTE - 1), ("a", MINUTE), ("a", MINUTE + 1)] {
            shared.tell(told(message, at, None));
        }
        let taken = shared.take();
        let kept: Vec<_> = taken
            .entries
            .iter()
            .map(|told| (told.entry.message.as_str(), told.entry.count, told.entry.last_at.0))
            .collect();
        assert_eq!(kept, [("a", 2, MINUTE - 1), ("b", 1, 1), ("a", 2, MINUTE + 1)]);
        assert_eq!((taken.told, shared.take().entries.len()), (5, 0));
    }

    #[test]
    fn no_more_waits_than_there_is_room_for_and_strangers_have_their_own() {
        let shared = Shared::new(2);
        for at in 0..5 {
            shared.tell(told(&at.to_string(), at, None));
        }
        shared.tell(told("a", 5, Some("anna")));
        shared.tell(told("0", 6, None));
        let taken = shared.take();
        assert_eq!((taken.entries.len(), taken.left_out, taken.entries[0].entry.count), (3, 3, 2));
        assert_eq!(shared.left_out.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn a_session_that_the_clock_ends_was_ended_by_nobody() {
        let session = Session {
            id: SessionId(1),
            cluster_id: ClusterId(2),
            organization_id: OrganizationId(3),
            phone_id: DeviceId(4),
            user_id: UserId(5),
            profile_id: None,
            default_device_profile_id: None,
            logged_in_at: Moment(0),
            expires_at: None,
            model_mismatch: false,
            profile_version: None,
            button_template: String::new(),
            softkey_template: None,
            settings: entity::profile::Settings::default(),
        };
        let on =
            || On { organization_id: OrganizationId(3), kind: DeviceKind::Phone, name: "SEP1".to_owned() };
        let ended = |why| Change::SessionEnded { on: on(), session: session.clone(), why };
        let changes = [
            Change::SessionStarted { on: on(), session: session.clone() },
            ended(End::Expired),
            ended(End::PhoneDeleted),
        ];
        let told = of_sessions(&Caller::administrator("x"), &changes, Moment(9));
        let kinds: Vec<_> = told.iter().map(|entry| (entry.kind, entry.code.as_deref())).collect();
        assert_eq!(kinds, [(Kind::Login, None), (Kind::Logout, Some("PHONE_DELETED"))]);
        assert_eq!((told[0].subject_id, told[0].user_id), (Some(4), Some(UserId(5))));
    }
}
