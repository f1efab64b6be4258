//! Commands on jobs. What a job does to its rows stands in `bulk`, which reads them.

use super::command;
use crate::{
    caller::{Caller, Scope},
    rule::job::{Advance, Retry, Start, Starter, advance, retry, start},
    store::job::{advance_facts, retry_facts, start_facts},
};

command!(Start, "startJob", Bulk, start_facts, start);
command!(Advance, "advanceJob", Bulk, advance_facts, advance);
command!(Retry, "retryJob", Bulk, retry_facts, retry);

/// Whoever starts a job, as the job keeps it.
pub fn starter(caller: &Caller) -> Starter {
    let organization = match caller.scope {
        Scope::All => None,
        Scope::Below(top) => Some(top),
    };
    Starter { name: caller.name.clone(), token: caller.token, organization }
}
