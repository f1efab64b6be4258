//! Commands on default device profiles.

use super::{Command, command};
use crate::{
    caller::{Action, Noun, Right},
    error::Error,
    rule::{
        Decision,
        default_device_profile::{Create, Delete, Update, create, delete, update},
    },
    store::{
        Tx,
        default_device_profile::{create_facts, delete_facts, update_facts},
    },
};

command!(Create, "createDefaultDeviceProfile", Configure DefaultDeviceProfile, create_facts, create);
command!(Update, "updateDefaultDeviceProfile", Configure DefaultDeviceProfile, update_facts, update);

impl Command for Delete {
    const NAME: &'static str = "deleteDefaultDeviceProfile";
    const RIGHT: Right = Right::To(Action::Configure, Noun::DefaultDeviceProfile);

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        Ok(delete(self, delete_facts(tx, self).await?.as_ref()))
    }
}
