//! Cleaning up in the graph. What is left behind is found by filters: `profiles(filter: {hasUsers: false})`,
//! `lines(filter: {isAssigned: false})`, `numbers(filter: {hasHolder: false})`.

use async_graphql::{Context, Enum, ID, InputObject, Object};
use entity::change_subject::Noun;

use super::{
    Ask, Result,
    change::{Change, node_id},
    mutation::CallInput,
    value::{
        id::{self, or_none},
        rule::UserError,
        scalar::Cursor,
    },
};
use crate::{
    app::Call,
    command,
    error::Error,
    rule::{
        self,
        orphan::{CleanUp, Orphan},
    },
};

/// Things that are cleaned up at once.
const MOST: usize = 1_000;

/// What to clean up: at most 1,000 things in all.
#[derive(InputObject)]
pub struct CleanUpOrphansInput {
    /// Profiles without users, to be deleted.
    #[graphql(default)]
    pub profile_ids: Vec<ID>,
    /// Lines that stand on no device, to be deleted.
    #[graphql(default)]
    pub line_ids: Vec<ID>,
    /// Numbers that are kept for a user who is not there, to be kept for nobody.
    #[graphql(default)]
    pub number_ids: Vec<ID>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What became of an orphan.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum OrphanResult {
    /// It was cleaned up; on a dry run, it would be.
    CleanedUp,
    /// It stays; `errors` says why.
    Refused,
}

/// What became of one orphan.
pub struct OrphanOutcome {
    id: ID,
    changes: Vec<rule::Change>,
    errors: Vec<UserError>,
}

/// What became of one orphan.
#[Object]
impl OrphanOutcome {
    /// Its global id.
    async fn id(&self) -> &ID {
        &self.id
    }

    /// What became of it.
    async fn result(&self) -> OrphanResult {
        if self.errors.is_empty() { OrphanResult::CleanedUp } else { OrphanResult::Refused }
    }

    /// Why it stays; empty where it was cleaned up.
    async fn errors(&self) -> &[UserError] {
        &self.errors
    }

    /// What was done, in order; on a dry run, what would be.
    async fn changes(&self) -> Vec<Change> {
        self.changes.iter().cloned().map(Change::of).collect()
    }
}

/// What came of `cleanUpOrphans`.
pub struct CleanUpOrphansPayload {
    outcomes: Vec<OrphanOutcome>,
    cursor: Option<i64>,
}

/// What came of `cleanUpOrphans`.
#[Object]
impl CleanUpOrphansPayload {
    /// What became of each, in the order of profiles, lines and numbers.
    async fn outcomes(&self) -> &[OrphanOutcome] {
        &self.outcomes
    }

    /// Why some stay, each with its place in the input; empty when all were cleaned up.
    async fn errors(&self) -> Vec<UserError> {
        self.outcomes.iter().flat_map(|outcome| outcome.errors.iter().cloned()).collect()
    }

    /// What was done, in order; on a dry run, what would be.
    async fn changes(&self) -> Vec<Change> {
        let changes = self.outcomes.iter().flat_map(|outcome| &outcome.changes);
        changes.cloned().map(Change::of).collect()
    }

    /// Place in the change stream right after what was done; nothing when nothing was.
    async fn cursor(&self) -> Option<Cursor> {
        self.cursor.map(Cursor::Change)
    }
}

#[derive(Default)]
pub struct OrphanMutation;

#[Object]
impl OrphanMutation {
    /// Takes away what nobody uses, each thing by itself and only while it is still an orphan: what is refused keeps
    /// nothing else from being done. Whether somebody uses it is asked of everybody, seen by you or not.
    async fn clean_up_orphans(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to clean up.")] input: CleanUpOrphansInput,
    ) -> Result<CleanUpOrphansPayload> {
        let profiles = input.profile_ids.iter().enumerate().map(|(at, key)| {
            let key = or_none(id::profile(key));
            (format!("profileIds.{at}"), Noun::Profile, key.0, Orphan::Profile(key))
        });
        let lines = input.line_ids.iter().enumerate().map(|(at, key)| {
            let key = or_none(id::line(key));
            (format!("lineIds.{at}"), Noun::Line, key.0, Orphan::Line(key))
        });
        let numbers = input.number_ids.iter().enumerate().map(|(at, key)| {
            let key = or_none(id::number(key));
            (format!("numberIds.{at}"), Noun::Number, key.0, Orphan::Number(key))
        });
        let orphans: Vec<_> = profiles.chain(lines).chain(numbers).collect();
        if orphans.len() > MOST {
            return Err(Error::Input(format!("pass at most {MOST} things, not {}", orphans.len())));
        }
        for (.., orphan) in &orphans {
            command::demand(ctx.caller()?, &CleanUp { orphan: *orphan })?;
        }
        let mut payload = CleanUpOrphansPayload { outcomes: Vec::with_capacity(orphans.len()), cursor: None };
        for (path, noun, key, orphan) in orphans {
            // Each has an answer of its own under the key.
            let own = |given: &String| format!("{given} {noun:?} {key}");
            let call = Call {
                dry_run: input.call.dry_run,
                reason: input.call.reason.clone(),
                idempotency_key: input.call.idempotency_key.as_ref().map(own),
            };
            let outcome = command::run(ctx.app()?, ctx.caller()?, &call, &CleanUp { orphan }).await?;
            let (changes, errors) = match outcome {
                Ok(done) => {
                    payload.cursor = payload.cursor.max(Some(done.cursor));
                    (done.changes, Vec::new())
                }
                Err(broken) => {
                    let mut whole = rule::Broken::none();
                    whole.nest(broken, &path);
                    (Vec::new(), whole.0.iter().map(UserError::from).collect())
                }
            };
            payload.outcomes.push(OrphanOutcome { id: node_id(noun, key).encode(), changes, errors });
        }
        ctx.loaders()?.forget().await;
        Ok(payload)
    }
}
