//! Commands on Quick Add groups, and adding users by them.

use super::{Command, command};
use crate::{
    caller::{Action, Noun, Right},
    error::Error,
    rule::{
        Decision,
        profile::create as create_profile,
        quick_add::{
            Add, Create, Delete, Made, Update, create, default_of, delete, plan, share, told, update,
        },
        user::create as create_user,
    },
    store::{
        Tx, profile,
        quick_add::{create_facts, delete_facts, known, update_facts},
        user,
    },
};

command!(Create, "createQuickAddGroup", Configure QuickAddGroup, create_facts, create);
command!(Update, "updateQuickAddGroup", Configure QuickAddGroup, update_facts, update);
command!(Delete, "deleteQuickAddGroup", Configure QuickAddGroup, delete_facts, delete);

/// A quick add is a creation whose input the group gives: the same rules, no others.
impl Command for Add {
    const NAME: &'static str = "quickAddUser";
    const RIGHT: Right = Right::To(Action::Create, Noun::User);

    fn also(&self) -> Vec<(Action, Noun)> {
        vec![(Action::Create, Noun::Profile)]
    }

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        let plan = match plan(self, &known(tx, self).await?) {
            Ok(plan) => plan,
            Err(broken) => return Ok(Err(broken)),
        };
        let decision = match plan.made {
            Made::User(mut cmd) => {
                let facts = user::create_facts(tx, &cmd).await?;
                for (new, known) in cmd.new_profiles.iter_mut().zip(&facts.new_profiles) {
                    share(new, &known.lines);
                }
                create_user(&cmd, &facts)
            }
            Made::Profile(mut cmd, user) => {
                let facts = profile::create_facts(tx, &cmd).await?;
                share(&mut cmd, &facts.lines);
                create_profile(&cmd, &facts).map(|mut changes| {
                    changes.extend(default_of(&user, facts.id, facts.now));
                    changes
                })
            }
        };
        Ok(told(self, plan.broken, decision))
    }
}
