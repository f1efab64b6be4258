//! Commands on users and their association with profiles.

use super::{Command, command, profile::along};
use crate::{
    caller::{Action, Noun, Right},
    error::Error,
    rule::{
        Decision,
        user::{
            Associate, Create, Delete, Disassociate, Reorder, SetDefault, SoleProfiles, Update, associate,
            create, delete, disassociate, reorder, set_default, update,
        },
    },
    store::{
        Tx,
        user::{
            associate_facts, create_facts, default_facts, delete_facts, disassociate_facts, reorder_facts,
            update_facts,
        },
    },
};

command!(Update, "updateUser", Update User, update_facts, update);
command!(Associate, "associateUsers", Update Profile, associate_facts, associate);
command!(Disassociate, "disassociateUser", Update Profile, disassociate_facts, disassociate);
command!(Reorder, "reorderUsers", Update Profile, reorder_facts, reorder);
command!(SetDefault, "setDefaultProfile", Update User, default_facts, set_default);

impl Command for Create {
    const NAME: &'static str = "createUser";
    const RIGHT: Right = Right::To(Action::Create, Noun::User);

    fn also(&self) -> Vec<(Action, Noun)> {
        let served = (!self.profiles.is_empty()).then_some((Action::Update, Noun::Profile));
        let made = self.new_profiles.iter().flat_map(|new| {
            let along = along(!new.lines.is_empty(), !new.buttons.is_empty(), !new.services.is_empty());
            along.into_iter().chain([(Action::Create, Noun::Profile)])
        });
        served.into_iter().chain(made).collect()
    }

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        let facts = create_facts(tx, self).await?;
        Ok(create(self, &facts))
    }
}

impl Command for Delete {
    const NAME: &'static str = "deleteUser";
    const RIGHT: Right = Right::To(Action::Delete, Noun::User);

    fn also(&self) -> Vec<(Action, Noun)> {
        match self.sole_profiles {
            Some(SoleProfiles::Delete) => vec![(Action::Delete, Noun::Profile)],
            Some(SoleProfiles::KeepUnassigned) | None => Vec::new(),
        }
    }

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        let facts = delete_facts(tx, self).await?;
        Ok(delete(self, &facts))
    }
}
