//! Many commands at once: the same decisions as one by one, in one transaction or in several.
//!
//! What a rule refuses leaves no trace in a transaction, and what an index refuses is undone up to a mark, so items that
//! stand for themselves share transactions all the same: as many as fit into a short time, so that others who write get
//! their turn in between. The outbox has each transaction's changes as it has any other's.

use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Command, Outcome, TRIES, check, decide};
use crate::{
    app::{App, Call, Committed, Whole},
    caller::{Caller, Right},
    error::Error,
    rule::{Broken, bulk::Policy},
    store::Tx,
};

/// Many commands of one kind.
#[derive(Debug, Deserialize, Serialize)]
pub struct Many<C> {
    pub policy: Policy,
    pub items: Vec<C>,
    /// What the items are about where a filter found it, in their order. A call that is repeated with its idempotency key
    /// is about what it found at first.
    pub targets: Vec<i64>,
}

/// What came of the items, in their order.
pub type Outcomes = Vec<Item>;

/// What came of one item.
#[derive(Debug)]
pub enum Item {
    Ended(Outcome),
    /// Nothing is wrong with it, and it was not done because others were refused.
    Left,
}

/// Refuses who may do it one by one only; each transaction asks for the right to do it at all.
fn demand<C: Command>(caller: &Caller, items: &[C]) -> Result<(), Error> {
    let also = items.iter().flat_map(Command::also).map(|(action, noun)| Right::To(action, noun));
    let mut asked = std::iter::once(C::RIGHT).chain(also).map(Right::many);
    asked.find(|right| !caller.may(*right)).map_or(Ok(()), |right| Err(Error::Denied(right)))
}

/// Does many commands. `input` is what the caller said, by which a repeated call is known.
pub async fn run<C: Command>(
    app: &App,
    caller: &Caller,
    call: &Call,
    input: &str,
    many: &Many<C>,
) -> Result<Outcomes, Error> {
    check(call)?;
    demand(caller, &many.items)?;
    let hash = hash::<C>(many.policy, input);
    let mut outcomes = Outcomes::with_capacity(many.items.len());
    let mut tried = 0;
    loop {
        tried += 1;
        match part(app, caller, call, &hash, many, outcomes.len()).await {
            Ok(done) => {
                outcomes.extend(done);
                tried = 0;
            }
            Err(Error::Busy) if tried < TRIES => {
                tokio::time::sleep(Duration::from_millis(5 << tried)).await;
                continue;
            }
            Err(error) => return Err(error),
        }
        if outcomes.len() >= many.items.len() {
            return Ok(outcomes);
        }
    }
}

/// What a call with this key and input was about when it was first made; nothing where it is new.
pub async fn begun<C: Command>(
    app: &App,
    caller: &Caller,
    call: &Call,
    policy: Policy,
    input: &str,
) -> Result<Option<Vec<i64>>, Error> {
    check(call)?;
    demand::<C>(caller, &[])?;
    let (Some(key), false) = (&call.idempotency_key, call.dry_run) else { return Ok(None) };
    let tx = app.begin(caller, C::RIGHT, 0).await?;
    let begun = app.answered_items(&tx, caller, key, &hash::<C>(policy, input), usize::MAX).await;
    app.abandon(tx).await?;
    Ok(begun?.map(|begun| begun.targets))
}

/// The next items in one transaction: all of them where they stand and fall together, or nothing is to be kept; else as
/// many as there is time for.
#[tracing::instrument(name = "command.bulk", skip_all, fields(name = C::NAME, from = from))]
async fn part<C: Command>(
    app: &App,
    caller: &Caller,
    call: &Call,
    hash: &str,
    many: &Many<C>,
    from: usize,
) -> Result<Outcomes, Error> {
    let together = many.policy == Policy::AllOrNothing || call.dry_run;
    let config = &app.config().bulk;
    let most = Duration::from_millis(if together { config.whole_ms } else { config.part_ms });
    let ids = many.items[from..].iter().map(Command::ids).sum();
    let mut tx = app.begin(caller, C::RIGHT, ids).await?;
    let mut begun = None;
    if let (Some(key), false) = (&call.idempotency_key, call.dry_run) {
        begun = app.answered_items(&tx, caller, key, hash, from).await?;
    }
    if begun.as_ref().is_some_and(|begun| begun.targets != many.targets) {
        // Two calls with one key at once, each of which found something else.
        app.abandon(tx).await?;
        return Err(Error::Busy);
    }
    let whole = Whole { input_hash: hash, targets: &many.targets, begun: begun.is_some() };
    let mut answered = begun.map(|begun| begun.items).unwrap_or_default();

    let began = Instant::now();
    let mut outcomes = Outcomes::new();
    let mut parts = Vec::new();
    let mut refused = false;
    for (at, cmd) in many.items.iter().enumerate().skip(from) {
        if let Some(answer) = answered.remove(&at) {
            outcomes.push(Item::Ended(Ok(answer)));
        } else {
            let before = tx.staged().len();
            match stage(app, &mut tx, cmd).await? {
                Ok(()) => {
                    parts.push((outcomes.len(), at, tx.staged().len() - before));
                    outcomes.push(Item::Left);
                }
                Err(broken) => {
                    refused = true;
                    outcomes.push(Item::Ended(Err(broken)));
                }
            }
        }
        if began.elapsed() >= most {
            if !together {
                break;
            }
            app.abandon(tx).await?;
            return Err(Error::Timeout(app.config().bulk.whole_ms));
        }
    }
    if refused && many.policy == Policy::AllOrNothing {
        app.abandon(tx).await?;
        return Ok(outcomes);
    }
    let counts: Vec<_> = parts.iter().map(|(_, at, count)| (*at, *count)).collect();
    let done = app.commit_items(tx, caller, call, &whole, &counts).await?;
    for ((place, ..), committed) in parts.into_iter().zip(done) {
        outcomes[place] = Item::Ended(Ok(committed));
    }
    Ok(outcomes)
}

/// Decides one item and applies it, beside others in the transaction.
pub async fn stage<C: Command>(app: &App, tx: &mut Tx, cmd: &C) -> Result<Result<(), Broken>, Error> {
    let mut tried = 0;
    loop {
        tried += 1;
        let changes = match decide(app, cmd, tx).await? {
            Ok(changes) if changes.is_empty() => return Ok(Ok(())),
            Ok(changes) => changes,
            Err(broken) => return Ok(Err(broken)),
        };
        let mark = tx.mark().await?;
        match app.stage(tx, changes).await? {
            Ok(()) => {
                tx.keep(mark).await?;
                return Ok(Ok(()));
            }
            // Somebody else was faster; what is there now may lead to another decision.
            Err(broken) => {
                tx.back(mark).await?;
                if tried == TRIES {
                    return Ok(Err(broken));
                }
            }
        }
    }
}

fn hash<C: Command>(policy: Policy, input: &str) -> String {
    let mut hash = Sha256::new();
    for part in [C::NAME, "many", policy.as_str(), input] {
        hash.update(part);
        hash.update([0]);
    }
    HEXLOWER.encode(&hash.finalize())
}

impl Item {
    /// What was done; nothing where it was not.
    pub fn done(&self) -> Option<&Committed> {
        match self {
            Self::Ended(outcome) => outcome.as_ref().ok(),
            Self::Left => None,
        }
    }
}
