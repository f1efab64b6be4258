//! The application: the store behind its only doors, the feed, the clock, who may come in. `begin` demands a right
//! and `commit` keeps the changes with what they changed, so that there is no write without either.

mod audit_entry;
mod authentication;

use std::{collections::HashMap, sync::Arc, time::Duration};

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use entity::{JobId, Moment, OrganizationId, RoleId, TokenId, UserId, audit_entry::Kind, job, token};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use self::audit_entry::Logging;
use self::audit_entry::{COMMAND_LINE, FIRST_START};
use crate::{
    caller::{Caller, Right, Scope},
    config::{Config, Synchronous},
    error::Error,
    feed::{self, Feed},
    jwt,
    rule::{self, Broken, Change},
    store::{self, Reader, Snapshot, Store, Tx},
};

/// Tells the time. The real one is handed in by `main`, a still one by tests.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// How much longer than its request the database lets a statement run: whoever waits is told by the deadline, which knows
/// what it was, and not by a statement that was broken off.
const LATER: Duration = Duration::from_secs(1);

/// The application; clones share it.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Store,
    feed: Feed,
    config: Config,
    clock: Clock,
    /// Tells this process from others on the same database.
    node: String,
    tokens: authentication::Memory,
    /// One permit for each event that is made ready.
    events: Semaphore,
    audit: audit_entry::Audit,
    /// Whose JSON Web Tokens are taken too.
    issuer: Option<jwt::Issuer>,
}

/// What a caller says with a mutation, whatever it does.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Whether to only see what would happen.
    pub dry_run: bool,
    /// Kept with every change.
    pub reason: Option<String>,
    pub idempotency_key: Option<String>,
}

/// What was done, or on a dry run would have been.
#[derive(Clone, Debug)]
pub struct Committed {
    pub changes: Vec<Change>,
    /// Number of the last change; the newest one's when nothing changed.
    pub cursor: i64,
}

/// How far the feed of a process is behind.
#[derive(Clone, Copy, Debug)]
pub struct Lag {
    /// Changes that its followers do not have yet.
    pub changes: i64,
    /// How long ago the oldest of them was committed, by the application's clock.
    pub time: Duration,
}

/// A call of many items as one, as far as its answers are kept.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    pub input_hash: &'a str,
    /// What its items are about, where the caller did not say it; a repeated call is about the same.
    pub targets: &'a [i64],
    /// Whether it was begun before.
    pub begun: bool,
}

/// A call of many items that was begun before.
#[derive(Debug)]
pub struct Begun {
    pub targets: Vec<i64>,
    /// The answers of items that were done, by their place.
    pub items: HashMap<usize, Committed>,
}

impl App {
    /// Opens the database, brings it up to date, and starts to follow its changes.
    pub async fn open(config: Config, clock: Clock) -> Result<Self, Error> {
        let store = Self::open_store(&config).await?;
        store.migrate().await?;
        let options =
            feed::Options { ring: config.feed.ring, poll: Duration::from_millis(config.feed.poll_ms) };
        let feed = Feed::start(store.clone(), options).await?;
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Error::internal(anyhow::anyhow!("{error}")))?;
        let node = HEXLOWER.encode(&bytes);
        let issuer = jwt::Issuer::new(&config.jwt).map_err(Error::internal)?;
        let audit = audit_entry::Audit::start(&store, clock.clone(), config.audit.per_minute);
        let tokens = authentication::Memory::default();
        let events = Semaphore::new(config.subscription.events.min(Semaphore::MAX_PERMITS));
        Ok(Self(Arc::new(Inner { store, feed, config, clock, node, tokens, events, audit, issuer })))
    }

    /// Brings the database up to date and does nothing else.
    pub async fn migrate(config: &Config) -> Result<(), Error> {
        Ok(Self::open_store(config).await?.migrate().await?)
    }

    async fn open_store(config: &Config) -> Result<Store, Error> {
        let options = store::Options {
            url: config.database.url.clone(),
            connections: config.database.connections,
            wait: Duration::from_millis(config.database.wait_ms),
            statement: Duration::from_millis(config.http.query_ms) + LATER,
            write_statement: Duration::from_millis(config.http.query_ms.max(config.http.mutation_ms)) + LATER,
            synchronous: match config.database.synchronous {
                Synchronous::Off => "off",
                Synchronous::Normal => "normal",
                Synchronous::Full => "full",
            },
        };
        Ok(Store::open(&options).await?)
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The time.
    pub fn now(&self) -> Moment {
        (self.0.clock)()
    }

    /// The change stream.
    pub fn feed(&self) -> &Feed {
        &self.0.feed
    }

    /// Statements sent to the database so far.
    pub fn statements(&self) -> u64 {
        self.0.store.statements()
    }

    /// A place among the events that are made ready at once, as soon as there is one.
    pub async fn event_place(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.0.events.acquire().await.ok()
    }

    /// Connections to the database that are in use, and that are open and wait for use.
    pub fn connections(&self) -> (usize, usize) {
        self.0.store.connections()
    }

    /// How far this process's feed is behind what the database keeps.
    pub async fn lag(&self) -> Result<Lag, Error> {
        let position = self.0.feed.latest();
        let changes = (self.newest_change().await? - position).max(0);
        let mut time = Duration::ZERO;
        if changes > 0
            && let Some(unread) = store::outbox::after(&self.0.store, position, 1).await?.first()
        {
            time = Duration::from_micros(u64::try_from(self.now().0 - unread.at.0).unwrap_or_default());
        }
        Ok(Lag { changes, time })
    }

    /// How many jobs stand in each state, by its name.
    pub async fn jobs_by_state(&self) -> Result<Vec<(String, i64)>, Error> {
        Ok(store::job::count_by_state(&self.0.store).await?)
    }

    /// Whether the database's tables are up to date.
    pub async fn is_migrated(&self) -> Result<bool, Error> {
        Ok(self.0.store.is_migrated().await?)
    }

    /// Reads of what the caller sees.
    pub fn read(&self, caller: &Caller) -> Reader {
        self.0.store.read(caller.scope).hiding(caller.unread()).at(self.now())
    }

    /// Reads of everything at one moment; the caller's scope is for the reader to keep.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        Ok(self.0.store.snapshot(self.now()).await?)
    }

    /// The number of the newest change, as the database tells it; this process's feed may not have read it yet.
    pub async fn newest_change(&self) -> Result<i64, Error> {
        Ok(self.0.store.last_seq().await?)
    }

    /// The oldest change that is kept.
    pub async fn oldest_change(&self) -> Result<Option<(i64, Moment)>, Error> {
        Ok(store::outbox::oldest(&self.0.store).await?)
    }

    /// Begins to write, for a caller with the right. `ids` is how many new things may be made.
    pub async fn begin(&self, caller: &Caller, right: Right, ids: i64) -> Result<Tx, Error> {
        if !caller.may(right) {
            return Err(Error::Denied(right));
        }
        Ok(self.0.store.begin(caller.scope, self.now(), ids).await?.of(caller.own, caller.rights))
    }

    /// Applies changes within the transaction; what somebody else was faster at is a broken rule.
    pub async fn stage(&self, tx: &mut Tx, changes: Vec<Change>) -> Result<Result<(), Broken>, Error> {
        match tx.stage(changes).await {
            Ok(()) => Ok(Ok(())),
            Err(error) => match store::clash(&error) {
                Some((rule, path)) => Ok(Err(Broken::one(rule, path))),
                None => Err(error.into()),
            },
        }
    }

    /// Keeps what was staged with its changes, ends the transaction and wakes the followers; a dry run leaves
    /// nothing.
    pub async fn commit(
        &self,
        mut tx: Tx,
        caller: &Caller,
        call: &Call,
        input_hash: &str,
    ) -> Result<Committed, Error> {
        let changes = tx.take_staged();
        let cursor = self.append(&tx, caller, call, &changes).await?;
        if let (Some(key), false) = (&call.idempotency_key, call.dry_run) {
            let (under, key) = (who(caller), key.clone());
            keep_answer(&tx, under, key, input_hash, &(cursor, &changes)).await?;
        }
        self.end(tx, call, !changes.is_empty()).await?;
        Ok(Committed { changes, cursor })
    }

    /// The same for many items that are done together: `parts` says of each item that was done its place among all of
    /// them and how many of the staged changes are its own, in order. Each has an answer of its own under the caller's
    /// key, so that a call that was cut off goes on behind them when it is repeated.
    pub async fn commit_items(
        &self,
        mut tx: Tx,
        caller: &Caller,
        call: &Call,
        whole: &Whole<'_>,
        parts: &[(usize, usize)],
    ) -> Result<Vec<Committed>, Error> {
        let mut changes = tx.take_staged();
        let any = !changes.is_empty();
        let last = self.append(&tx, caller, call, &changes).await?;
        let mut left = i64::try_from(changes.len()).unwrap_or(i64::MAX);
        let mut items = Vec::with_capacity(parts.len());
        for (_, count) in parts {
            let own: Vec<_> = changes.drain(..*count).collect();
            left -= i64::try_from(*count).unwrap_or(i64::MAX);
            // Nothing is numbered on a dry run.
            let cursor = if call.dry_run { last } else { last - left };
            items.push(Committed { changes: own, cursor });
        }
        if let (Some(key), false) = (&call.idempotency_key, call.dry_run) {
            if !whole.begun {
                keep_answer(&tx, who(caller), key.clone(), whole.input_hash, &whole.targets).await?;
            }
            for ((at, _), item) in parts.iter().zip(&items) {
                let answer = (item.cursor, &item.changes);
                keep_answer(&tx, item_of(caller, key), place(*at), whole.input_hash, &answer).await?;
            }
        }
        self.end(tx, call, any).await?;
        Ok(items)
    }

    /// Appends changes to the outbox unless nothing is to be kept; the number of the last one, or the newest.
    async fn append(&self, tx: &Tx, caller: &Caller, call: &Call, changes: &[Change]) -> Result<i64, Error> {
        if call.dry_run || changes.is_empty() {
            return Ok(store::outbox::last_seq(tx).await?);
        }
        let cursor = store::outbox::append(tx, changes, &caller.name, call.reason.as_deref()).await?;
        store::audit_entry::insert(tx, &audit_entry::of_sessions(caller, changes, tx.now())).await?;
        Ok(cursor)
    }

    async fn end(&self, tx: Tx, call: &Call, any: bool) -> Result<(), Error> {
        if call.dry_run {
            return Ok(self.0.store.roll_back(tx).await?);
        }
        self.0.store.commit(tx).await?;
        if any {
            self.0.feed.nudge();
        }
        Ok(())
    }

    /// Ends the transaction as if it had never been.
    pub async fn abandon(&self, tx: Tx) -> Result<(), Error> {
        Ok(self.0.store.roll_back(tx).await?)
    }

    /// What was answered before to the caller's key, for the same input only.
    pub async fn answered(
        &self,
        tx: &Tx,
        caller: &Caller,
        key: &str,
        input_hash: &str,
    ) -> Result<Option<Committed>, Error> {
        let Some(found) = store::idempotency::find(tx, &who(caller), key).await? else { return Ok(None) };
        if found.input_hash != input_hash {
            return Err(Error::KeyReused);
        }
        let (cursor, changes) = serde_json::from_str(&found.answer).map_err(Error::internal)?;
        Ok(Some(Committed { changes, cursor }))
    }

    /// What was begun before under the caller's key, with the same input: what it was about, and the answers of its items
    /// from a place on. Nothing where the key is new.
    pub async fn answered_items(
        &self,
        tx: &Tx,
        caller: &Caller,
        key: &str,
        input_hash: &str,
        from: usize,
    ) -> Result<Option<Begun>, Error> {
        let Some(found) = store::idempotency::find(tx, &who(caller), key).await? else { return Ok(None) };
        if found.input_hash != input_hash {
            return Err(Error::KeyReused);
        }
        let targets = serde_json::from_str(&found.answer).map_err(Error::internal)?;
        let mut items = HashMap::new();
        for answer in store::idempotency::find_from(tx, &item_of(caller, key), &place(from)).await? {
            let at = answer.key.parse().map_err(Error::internal)?;
            let (cursor, changes) = serde_json::from_str(&answer.answer).map_err(Error::internal)?;
            items.insert(at, Committed { changes, cursor });
        }
        Ok(Some(Begun { targets, items }))
    }

    /// Forgets changes and answers that are older than the setting says.
    pub async fn trim(&self) -> Result<u64, Error> {
        match i64::from(self.config().feed.keep_days) {
            0 => Ok(0),
            days => {
                let before = self.now().plus_days(-days);
                let gone = store::outbox::trim(&self.0.store, before).await?;
                self.0.feed.forget(before);
                Ok(gone)
            }
        }
    }

    /// What tells this process from others on the same database.
    pub fn node(&self) -> &str {
        &self.0.node
    }

    /// Until when this process holds what it works on, unless it says so again.
    pub fn lease(&self) -> Moment {
        let secs = i64::try_from(self.config().bulk.lease_secs).unwrap_or(i64::MAX);
        Moment(self.now().0.saturating_add(secs.saturating_mul(1_000_000)))
    }

    /// Takes a job that has work and that no process holds.
    pub async fn claim_job(&self) -> Result<Option<JobId>, Error> {
        Ok(store::job::claim(&self.0.store, self.node(), self.now(), self.lease()).await?)
    }

    /// The job with this id, whoever's it is.
    pub async fn job(&self, id: JobId) -> Result<Option<job::Model>, Error> {
        Ok(store::job::by_id(&self.0.store, id).await?)
    }

    /// Forgets jobs that ended longer ago than the setting says.
    pub async fn forget_jobs(&self) -> Result<u64, Error> {
        match i64::from(self.config().bulk.keep_days) {
            0 => Ok(0),
            days => Ok(store::job::forget(&self.0.store, self.now().plus_days(-days)).await?),
        }
    }

    /// Fills an empty database with a generated estate.
    pub async fn generate(
        &self,
        caller: &Caller,
        estate: store::Estate,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Committed, Error> {
        let mut tx = self.begin(caller, Right::Configure, store::generate_ids(estate)).await?;
        let change = match store::generate(&tx, estate, progress).await {
            Ok(change) => change,
            Err(store::DbErr::Custom(message)) => return Err(Error::Input(message)),
            Err(error) => return Err(error.into()),
        };
        tx.stage(vec![change]).await?;
        self.commit(tx, caller, &Call::default(), "").await
    }

    /// Makes a token with a role that is built in, and answers its secret, which is not kept.
    pub async fn create_token(
        &self,
        name: &str,
        role: token::Role,
        organization: Option<OrganizationId>,
        days: Option<u32>,
    ) -> Result<(token::Model, String), Error> {
        self.insert_token(COMMAND_LINE, name, (role, None, None), organization, days).await
    }

    /// Makes a token of a user, who sees the own page with it and changes the own speed dials.
    pub async fn create_token_of(
        &self,
        name: &str,
        user: UserId,
        days: Option<u32>,
    ) -> Result<(token::Model, String), Error> {
        self.insert_token(COMMAND_LINE, name, (token::Role::Viewer, None, Some(user)), None, days).await
    }

    /// Makes a token with a composed role, by its id or its name at the token's organization: the role is given there, or
    /// the rule is told which keeps it from there.
    pub async fn create_token_with(
        &self,
        name: &str,
        role: &str,
        organization: Option<OrganizationId>,
        days: Option<u32>,
    ) -> Result<(token::Model, String), Error> {
        let store = &self.0.store;
        let above = match organization {
            Some(organization) => Some(store::role::above(store, organization).await?),
            None => None,
        };
        let found = match (role.parse(), organization) {
            (Ok(id), _) => store::role::by_id(store, RoleId(id)).await?,
            (Err(_), Some(organization)) => store::role::given_at(store, organization, role).await?,
            (Err(_), None) => None,
        };
        let Some(role) = found else { return Err(Error::NotFound("role of that name at the organization")) };
        rule::role::give(&role, above.as_deref()).map_err(|rule| Error::Rules(Broken::one(rule, "role")))?;
        let role = (token::Role::Viewer, Some(role.id), None);
        self.insert_token(COMMAND_LINE, name, role, organization, days).await
    }

    async fn insert_token(
        &self,
        by: &str,
        name: &str,
        (role, role_id, user_id): (token::Role, Option<RoleId>, Option<UserId>),
        organization: Option<OrganizationId>,
        days: Option<u32>,
    ) -> Result<(token::Model, String), Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| Error::internal(anyhow::anyhow!("{error}")))?;
        let secret = format!("rml_{}", BASE64URL_NOPAD.encode(&bytes));
        let token = token::Model {
            id: store::token::next_id(&self.0.store).await?,
            name: name.to_owned(),
            hash: HEXLOWER.encode(&Sha256::digest(secret.as_bytes())),
            role,
            role_id,
            organization_id: organization,
            user_id,
            created_at: self.now(),
            expires_at: days.map(|days| self.now().plus_days(days.into())),
            revoked_at: None,
        };
        let tx = self.0.store.begin(Scope::All, self.now(), 0).await?;
        store::token::insert(&tx, token.clone()).await?;
        let told = audit_entry::of_token(Kind::TokenCreated, by, &token, tx.now());
        store::audit_entry::insert(&tx, &[told]).await?;
        self.0.store.commit(tx).await?;
        Ok((token, secret))
    }

    /// An administrator's token, when there was never any token.
    pub async fn first_token(&self) -> Result<Option<String>, Error> {
        if !store::token::is_empty(&self.0.store).await? {
            return Ok(None);
        }
        let role = (token::Role::Admin, None, None);
        Ok(Some(self.insert_token(FIRST_START, "administrator", role, None, None).await?.1))
    }

    /// Every token, oldest first.
    pub async fn tokens(&self) -> Result<Vec<token::Model>, Error> {
        Ok(store::token::all(&self.0.store).await?)
    }

    /// Ends a token; false when there is none, or it has ended.
    pub async fn revoke_token(&self, id: TokenId) -> Result<bool, Error> {
        let tx = self.0.store.begin(Scope::All, self.now(), 0).await?;
        let Some(token) = store::token::revoke(&tx, id).await? else {
            self.0.store.roll_back(tx).await?;
            return Ok(false);
        };
        let told = audit_entry::of_token(Kind::TokenRevoked, COMMAND_LINE, &token, tx.now());
        store::audit_entry::insert(&tx, &[told]).await?;
        self.0.store.commit(tx).await?;
        Ok(true)
    }

    /// The user of a user id at an organization, given by its dotted path, and below.
    pub async fn user(&self, path: &str, user_id: &str) -> Result<UserId, Error> {
        let organization = self.organization(&Caller::administrator("user"), path).await?;
        let users = store::user::by_user_id(&self.0.store, Scope::Below(organization), user_id).await?;
        match &users[..] {
            [user] => Ok(user.id),
            [] => Err(Error::NotFound("user of that id at that organization")),
            _ => Err(Error::Input(
                "users of several clusters have that id there; name a smaller organization".to_owned(),
            )),
        }
    }

    /// The organization of a dotted path, as the caller sees the tree.
    pub async fn organization(&self, caller: &Caller, path: &str) -> Result<OrganizationId, Error> {
        store::organization::by_path(&self.read(caller), caller.scope, path)
            .await?
            .ok_or(Error::NotFound("organization of that path"))
    }
}

async fn keep_answer(
    tx: &Tx,
    caller: String,
    key: String,
    input_hash: &str,
    answer: &(impl serde::Serialize + Sync),
) -> Result<(), Error> {
    let answer = serde_json::to_string(answer).map_err(Error::internal)?;
    let input_hash = input_hash.to_owned();
    let answer = entity::idempotency::Model { caller, key, input_hash, answer, at: tx.now() };
    Ok(store::idempotency::keep(tx, answer).await?)
}

/// Under which name the answers of a call's items are kept.
fn item_of(caller: &Caller, key: &str) -> String {
    format!("{} / {key}", who(caller))
}

/// The key of an item's answer: places are in order as texts too.
fn place(at: usize) -> String {
    format!("{at:06}")
}

/// Under which name a caller's answers are kept.
fn who(caller: &Caller) -> String {
    caller.token.map_or_else(|| caller.name.clone(), |id| format!("token {id}"))
}
