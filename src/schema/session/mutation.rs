//! Logging in and out.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, OneofObject};
use entity::Moment;

use super::{
    super::{
        Ask, Result,
        change::Change,
        connection::{Rendered, one},
        filter::bounded,
        mutation::{CallInput, Done, make, payload, perform},
        value::{
            enums::IfOccupied,
            id::{self, or_none},
            rule::UserError,
            scalar::Cursor,
        },
    },
    Session, SessionFilter, SessionItem,
};
use crate::{
    app::Call,
    command::{
        self, Outcome,
        session::{LogoutMany, MANY},
    },
    error::Error,
    rule::{
        Breach, Broken, Change as RuleChange,
        session::{Lasting, Login, Logout, LogoutUser, Relogin},
    },
    store::cluster,
};

/// How long a login lasts.
#[derive(OneofObject)]
pub enum LoginDuration {
    /// So many minutes, 1 to 10080.
    Minutes(i32),
    /// Until somebody logs out; pass true.
    Indefinite(bool),
}

/// A user to log in on a phone.
#[derive(InputObject)]
pub struct LoginInput {
    /// The phone; extension mobility must be on.
    pub phone_id: ID,
    /// The user; the first user of the profile whom you see unless given.
    pub user_id: Option<ID>,
    /// One of the user's profiles; the default one unless given, else the only one, else the first by name. A user without
    /// any logs in with the default device profile for the phone's model alone.
    pub profile_id: Option<ID>,
    /// How long it lasts, no longer than the user's own `maxLoginMinutes` or else the cluster's; as long as these allow
    /// unless given.
    pub duration: Option<LoginDuration>,
    /// What to do about somebody who is logged in on the phone.
    #[graphql(default)]
    pub if_occupied: IfOccupied,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A phone to log out of.
#[derive(InputObject)]
pub struct LogoutInput {
    /// The phone.
    pub phone_id: ID,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A user to log out.
#[derive(InputObject)]
pub struct LogoutUserInput {
    /// The user.
    pub user_id: ID,
    /// The phones to log out of; every one that you see unless given.
    pub phone_ids: Option<Vec<ID>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A session to begin anew.
#[derive(InputObject)]
pub struct ReloginInput {
    /// The session.
    pub session_id: ID,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Sessions to end.
#[derive(InputObject)]
pub struct LogoutManyInput {
    /// Which ones; an empty filter is refused.
    pub filter: SessionFilter,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Sessions to begin again.
#[derive(InputObject)]
pub struct RestoreSessionsInput {
    /// Items of snapshots, up to 1,000.
    pub items: Vec<SessionItem>,
    /// What to do about people who are logged in on the phones.
    #[graphql(default)]
    pub if_occupied: IfOccupied,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `login`.
    LoginPayload {
        /// The session that began; nothing on a dry run.
        session: Option<Session> = |ctx, done| one(ctx, done.subject).await;
        /// The sessions that ended for it, as they were: forced off the phone, or of the same user elsewhere where the cluster
        /// logs out by itself.
        logged_out: Vec<Session> = |_ctx, done| Ok(ended(done));
    }
}

payload! {
    /// What came of `logout`.
    LogoutPayload {
        /// The session as it was.
        logged_out: Option<Session> = |_ctx, done| Ok(ended(done).pop());
    }
}

payload! {
    /// What came of `logoutUser`.
    LogoutUserPayload {
        /// The sessions as they were.
        logged_out: Vec<Session> = |_ctx, done| Ok(ended(done));
    }
}

payload! {
    /// What came of `relogin`.
    ReloginPayload {
        /// The session that took the other one's place; nothing on a dry run.
        session: Option<Session> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `logoutMany`.
    LogoutManyPayload {
        /// The sessions as they were, oldest first.
        logged_out: Vec<Session> = |_ctx, done| Ok(ended(done));
        /// Whether there may be more: one call ends 1,000 at most, and no more than a cluster with `maxConcurrentLogins` takes
        /// at once.
        more: bool = |ctx, done| may_be_more(ctx, done).await;
    }
}

/// What came of one item.
pub struct RestoreOutcome {
    index: usize,
    outcome: Outcome,
    dry_run: bool,
}

/// What came of one of the sessions to begin again.
#[Object]
impl RestoreOutcome {
    /// The item's position in the input, from 0.
    async fn index(&self) -> usize {
        self.index
    }

    /// The session that began; nothing where it was refused, or on a dry run.
    async fn session(&self, ctx: &Context<'_>) -> Result<Option<Session>> {
        let began = self.outcome.as_ref().ok().and_then(|done| done.changes.iter().find_map(began));
        one(ctx, began.filter(|_| !self.dry_run)).await
    }

    /// Every rule that keeps it from beginning; empty when it was done.
    async fn errors(&self) -> Vec<UserError> {
        self.outcome.as_ref().err().into_iter().flat_map(|broken| &broken.0).map(UserError::from).collect()
    }
}

/// What came of the whole.
pub struct RestoreSessionsPayload(Vec<RestoreOutcome>);

/// What came of `restoreSessions`. Every item stands for itself: those that are refused keep no other one from being done.
#[Object]
impl RestoreSessionsPayload {
    /// What came of each item, in the order of the input.
    async fn outcomes(&self) -> &[RestoreOutcome] {
        &self.0
    }

    /// How many sessions began, or on a dry run would.
    async fn restored(&self) -> usize {
        self.0.iter().filter(|item| item.outcome.is_ok()).count()
    }

    /// Every rule that items break, with the item in the path; the other items were done.
    async fn errors(&self) -> Vec<UserError> {
        let mut all = Broken::none();
        for item in &self.0 {
            if let Err(broken) = &item.outcome {
                all.nest(broken.clone(), &format!("items.{}", item.index));
            }
        }
        all.0.iter().map(UserError::from).collect()
    }

    /// What was done, in order; on a dry run, what would be, each item by itself.
    async fn changes(&self) -> Vec<Change> {
        let done = self.0.iter().filter_map(|item| item.outcome.as_ref().ok());
        done.flat_map(|done| done.changes.iter().cloned().map(Change::of)).collect()
    }

    /// Place in the change stream right after what was done; nothing when every item was refused.
    async fn cursor(&self) -> Option<Cursor> {
        let cursors = self.0.iter().filter_map(|item| item.outcome.as_ref().ok());
        cursors.map(|done| done.cursor).max().map(Cursor::Change)
    }
}

fn began(change: &RuleChange) -> Option<i64> {
    match change {
        RuleChange::SessionStarted { session, .. } => Some(session.id.0),
        _ => None,
    }
}

/// The sessions that a mutation ended, as they were.
pub fn ended(done: &Done) -> Vec<Session> {
    done.collect(|change| match change {
        RuleChange::SessionEnded { session, .. } => Some(Session::of(Arc::new(session.clone().into()))),
        _ => None,
    })
}

async fn may_be_more(ctx: &Context<'_>, done: &Done) -> Result<bool> {
    let clusters = done.collect(|change| match change {
        RuleChange::SessionEnded { session, .. } => Some(session.cluster_id),
        _ => None,
    });
    let reader = ctx.app()?.read(ctx.caller()?);
    Ok(clusters.len() >= MANY as usize || cluster::any_throttled(&reader, &clusters).await?)
}

#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Logs a user in on a phone, as an administrator: no PIN is asked for, and none is kept here. The phone takes the profile's
    /// templates and device-wide settings as they are now. An operator of the phone's site or above may do it for users whom the
    /// operator sees. Nothing is sent to Unified CM, which is not connected.
    async fn login(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, where and for how long.")] input: LoginInput,
    ) -> Result<LoginPayload> {
        let lasting = match input.duration {
            Some(LoginDuration::Minutes(minutes)) => Some(Lasting::Minutes(minutes)),
            Some(LoginDuration::Indefinite(true)) => Some(Lasting::Indefinite),
            Some(LoginDuration::Indefinite(false)) | None => None,
        };
        let cmd = Login {
            phone: or_none(id::phone(&input.phone_id)),
            user: input.user_id.map(|id| or_none(id::user(&id))),
            profile: input.profile_id.map(|id| or_none(id::profile(&id))),
            lasting,
            if_occupied: input.if_occupied.into(),
        };
        Ok(LoginPayload(make(ctx, input.call, cmd, began).await?))
    }

    /// Logs out whoever is logged in on a phone. It shows its logout profile or its own settings again.
    async fn logout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which phone.")] input: LogoutInput,
    ) -> Result<LogoutPayload> {
        let cmd = Logout { phone: or_none(id::phone(&input.phone_id)) };
        Ok(LogoutPayload(perform(ctx, input.call, cmd).await?))
    }

    /// Logs a user out of every phone that you see, or of some. A user who is logged in nowhere is logged out already.
    async fn logout_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom, and of which phones.")] input: LogoutUserInput,
    ) -> Result<LogoutUserPayload> {
        let phones = input.phone_ids.map(|ids| ids.iter().map(|id| or_none(id::phone(id))).collect());
        let cmd = LogoutUser { user: or_none(id::user(&input.user_id)), phones };
        Ok(LogoutUserPayload(perform(ctx, input.call, cmd).await?))
    }

    /// Logs a user out and in again at once, so that the phone takes the profile as it is now: what `Session.pendingRelogin`
    /// tells is done. The new session has an id of its own and ends when the old one would have.
    async fn relogin(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] input: ReloginInput,
    ) -> Result<ReloginPayload> {
        let cmd = Relogin { session: or_none(id::session(&input.session_id)) };
        Ok(ReloginPayload(make(ctx, input.call, cmd, began).await?))
    }

    /// Logs out on every phone that a filter finds, such as those of a site or logins that were forgotten; 1,000 at most in one
    /// call, the oldest first. Try it with `dryRun`.
    async fn logout_many(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which sessions.")] input: LogoutManyInput,
    ) -> Result<LogoutManyPayload> {
        let cmd = LogoutMany { filter: bounded(input.filter, ctx.app()?.config().guard.conditions)? };
        Ok(LogoutManyPayload(perform(ctx, input.call, cmd).await?))
    }

    /// Begins sessions of a snapshot again, each by the same rules as `login` and for as long as it would have lasted: after an
    /// upgrade or a migration that has logged everybody out. Items are done one by one; those that are refused keep no other
    /// one from being done. A call with the same `idempotencyKey` goes on where one that was cut short has stopped.
    async fn restore_sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items of snapshots.")] input: RestoreSessionsInput,
    ) -> Result<RestoreSessionsPayload> {
        if input.items.len() > MANY as usize {
            return Err(Error::Input(format!("pass at most {MANY} items, not {}", input.items.len())));
        }
        let login = |item: &SessionItem| Login {
            phone: or_none(id::phone(&item.phone_id)),
            user: Some(or_none(id::user(&item.user_id))),
            profile: item.profile_id.as_ref().map(|id| or_none(id::profile(id))),
            lasting: item.expires_at.map(|at| Lasting::Until(Moment(at.timestamp_micros()))),
            if_occupied: input.if_occupied.into(),
        };
        let logins: Vec<_> = input.items.iter().map(login).collect();
        let CallInput { dry_run, idempotency_key, reason } = input.call;
        let call = Call { dry_run, reason, idempotency_key };
        let outcomes = command::session::restore(ctx.app()?, ctx.caller()?, &call, &logins).await;
        ctx.loaders()?.forget().await;
        let outcomes = outcomes?.into_iter().enumerate();
        let items = outcomes.map(|(index, outcome)| RestoreOutcome {
            index,
            outcome: outcome.map_err(at_item),
            dry_run,
        });
        Ok(RestoreSessionsPayload(items.collect()))
    }
}

/// Broken rules with the places that an item has.
fn at_item(broken: Broken) -> Broken {
    let place = |breach: Breach| match breach.path.split_once('.') {
        Some(("duration", _)) => Breach { path: "expiresAt".to_owned(), ..breach },
        _ => breach,
    };
    Broken(broken.0.into_iter().map(place).collect())
}
