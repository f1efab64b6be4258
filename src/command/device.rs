//! Commands on names that are neither profiles' nor phones'.

use super::command;
use crate::{
    caller::{Action, Noun, Right},
    rule::device::{Register, Release, register, release},
    store::device::{register_facts, release_facts},
};

command!(Register, "registerDevice", Create Device, register_facts, register);

impl super::Command for Release {
    const NAME: &'static str = "releaseDevice";
    const RIGHT: Right = Right::To(Action::Delete, Noun::Device);

    async fn decide(&self, tx: &crate::store::Tx) -> Result<crate::rule::Decision, crate::error::Error> {
        let current = release_facts(tx, self).await?;
        Ok(release(self, current.as_ref()))
    }
}
