//! Commands on subscriptions to phone services, and the pass that brings those of a service up to date.

use super::{Outcome, command};
use crate::{
    app::{App, Call},
    caller::Caller,
    error::Error,
    rule::{
        Broken, Change,
        service_subscription::{
            Resubscribe, Resync, Subscribe, Unsubscribe, Update, resubscribe, resync, subscribe, unsubscribe,
            update,
        },
    },
    store::service_subscription::{
        resubscribe_facts, resync_facts, stale, subscribe_facts, unsubscribe_facts, update_facts,
    },
};

/// Subscriptions of one transaction.
const BATCH: usize = 500;
/// Changes that a pass answers.
const TOLD: usize = 1_000;

command!(Subscribe, "subscribeService", Create ServiceSubscription, subscribe_facts, subscribe);
command!(Update, "updateServiceSubscription", Update ServiceSubscription, update_facts, update);
command!(Unsubscribe, "unsubscribeService", Delete ServiceSubscription, unsubscribe_facts, unsubscribe);
command!(Resubscribe, "resubscribeService", Update ServiceSubscription, resubscribe_facts, resubscribe);
command!(Resync, "resyncServiceSubscriptions", Update ServiceSubscription, resync_facts, resync);

/// What a pass over the subscriptions to a service did. It keeps ids of all and changes of some, so that its memory
/// does not grow with what a subscription holds.
#[derive(Debug, Default)]
pub struct Pass {
    /// What the first refused part broke; nothing is done behind it.
    pub refused: Option<Broken>,
    /// Those that were derived again.
    pub derived: Vec<i64>,
    /// Those that were stale and are left so, as a required parameter has no value.
    pub waiting: Vec<i64>,
    /// Whether there were more than the pass was to do.
    pub more: bool,
    /// The first changes.
    pub changes: Vec<Change>,
    /// The place behind the last change.
    pub cursor: Option<i64>,
}

/// Brings up to `most` stale subscriptions to a service up to date, part by part, each in a transaction of its own: it
/// may be interrupted at any time, and what was done stays done. A second pass finds nothing to do. On a dry run nothing
/// is kept.
///
/// # Errors
///
/// As every command; what was done before stays done.
pub async fn bring_up_to_date(
    app: &App,
    caller: &Caller,
    call: &Call,
    cmd: &Resync,
    most: usize,
) -> Result<Pass, Error> {
    let reader = app.read(caller);
    let mut pass = Pass::default();
    // The first part is asked for in any case, so that a service that is not there is told.
    let mut part = stale(&reader, reader.scope(), cmd.service, None, BATCH.min(most)).await?;
    let mut call = call.clone();
    loop {
        let cmd = Resync { service: cmd.service, subscriptions: part };
        note(&mut pass, super::run(app, caller, &call, &cmd).await?, &cmd);
        // The first part has the caller's key. What was answered to it before is answered again, and nothing is done.
        let derived = |id: &i64| cmd.subscriptions.iter().any(|asked| asked.0 == *id);
        if call.idempotency_key.take().is_some()
            && !pass.derived.is_empty()
            && !pass.derived.iter().any(derived)
        {
            pass.waiting.clear();
            pass.more = !cmd.subscriptions.is_empty();
            return Ok(pass);
        }
        let done = pass.derived.len() + pass.waiting.len();
        let Some(last) = cmd.subscriptions.last().filter(|_| pass.refused.is_none()) else { return Ok(pass) };
        let left = BATCH.min(most.saturating_sub(done));
        part = stale(&reader, reader.scope(), cmd.service, Some(*last), left.max(1)).await?;
        pass.more = left == 0 && !part.is_empty();
        if left == 0 || part.is_empty() {
            return Ok(pass);
        }
    }
}

fn note(pass: &mut Pass, outcome: Outcome, cmd: &Resync) {
    let committed = match outcome {
        Ok(committed) => committed,
        Err(broken) => {
            pass.refused = Some(broken);
            return;
        }
    };
    pass.cursor = Some(committed.cursor);
    let before = pass.derived.len();
    pass.derived.extend(committed.changes.iter().filter_map(|change| match change {
        Change::ServiceSubscriptionUpdated { after, .. } => Some(after.id.0),
        _ => None,
    }));
    let derived = &pass.derived[before..];
    let left = cmd.subscriptions.iter().map(|id| id.0).filter(|id| !derived.contains(id));
    pass.waiting.extend(left);
    let room = TOLD - pass.changes.len();
    pass.changes.extend(committed.changes.into_iter().take(room));
}
