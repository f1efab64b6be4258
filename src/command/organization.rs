//! Commands on organizations.

use super::command;
use crate::{
    caller::{Action, Noun, Right},
    rule::organization::{Create, Delete, Move, Rename, Update, create, delete, relocate, rename, update},
    store::organization::{create_facts, delete_facts, move_facts, rename_facts, update_facts},
};

/// Refuses another tree to whoever does not see everything.
pub(super) fn check_root(cmd: &Create, tx: &crate::store::Tx) -> Result<(), crate::error::Error> {
    if cmd.parent.is_none() && tx.scope() != crate::caller::Scope::All {
        return Err(crate::error::Error::Denied(crate::caller::Right::Configure));
    }
    Ok(())
}

impl super::Command for Create {
    const NAME: &'static str = "createOrganization";
    const RIGHT: Right = Right::To(Action::Configure, Noun::Organization);

    fn also(&self) -> Vec<(Action, Noun)> {
        let copies = !self.groups.is_empty();
        copies.then_some((Action::Configure, Noun::QuickAddGroup)).into_iter().collect()
    }

    async fn decide(&self, tx: &crate::store::Tx) -> Result<crate::rule::Decision, crate::error::Error> {
        check_root(self, tx)?;
        let facts = create_facts(tx, self).await?;
        Ok(create(self, &facts))
    }
}

command!(Update, "updateOrganization", Configure Organization, update_facts, update);
command!(Rename, "renameOrganization", Configure Organization, rename_facts, rename);
command!(Move, "moveOrganization", Configure Organization, move_facts, relocate);
command!(Delete, "deleteOrganization", Configure Organization, delete_facts, delete);
