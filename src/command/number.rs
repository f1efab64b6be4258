//! Commands on numbers of the inventory.

use super::{Command, command};
use crate::{
    app::App,
    caller::{Action, Caller, Noun, Right},
    error::Error,
    rule::{
        Decision,
        number::{
            Audit, ChangeStatus, Create, Delete, DeleteOne, Release, ReserveFor, Update, UpdateRange, audit,
            change_status, create, delete, delete_one, release, reserve_for, update, update_range,
        },
    },
    store::{
        Tx,
        number::{
            audit_facts, change_status_facts, create_facts, delete_facts, delete_one_facts, due,
            reserve_facts, update_facts, update_range_facts,
        },
    },
};

command!(Create, "createNumbers", Create Number, create_facts, create);
command!(Update, "updateNumber", Update Number, update_facts, update);
command!(UpdateRange, "updateNumbers", Update Number, update_range_facts, update_range);
command!(Delete, "deleteNumbers", Delete Number, delete_facts, delete);
command!(DeleteOne, "deleteNumber", Delete Number, delete_one_facts, delete_one);
command!(ChangeStatus, "changeNumberStatus", Update Number, change_status_facts, change_status);
command!(ReserveFor, "reserveNumbersFor", Update Number, reserve_facts, reserve_for);
command!(Audit, "auditNumbers", Update Number, audit_facts, audit);

impl Command for Release {
    const NAME: &'static str = "releaseNumbers";
    const RIGHT: Right = Right::To(Action::Update, Noun::Number);

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        Ok(Ok(release(&due(tx).await?, tx.now())))
    }
}

/// Frees what has cooled and ends reservations whose time is up, part by part; tells how many numbers changed. Any
/// number of nodes may do it at once: what one has in hand, the others leave alone.
pub async fn release_due(app: &App) -> Result<usize, Error> {
    let caller = Caller::administrator("inventory");
    let mut released = 0;
    loop {
        match super::run(app, &caller, &crate::app::Call::default(), &Release).await? {
            Ok(done) if !done.changes.is_empty() => released += done.changes.len(),
            _ => return Ok(released),
        }
    }
}
