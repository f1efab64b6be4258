//! Commands on speed dials and other buttons.

use super::{Command, command};
use crate::{
    caller::Right,
    error::Error,
    rule::{
        Decision,
        button::{Add, Move, Remove, Replace, Update, add, relocate, remove, replace, update},
    },
    store::{
        Tx,
        button::{add_facts, device_of, replace_facts},
    },
};

command!(Add, "addButton", Edit, add_facts, add);
command!(Replace, "replaceButtons", Edit, replace_facts, replace);

/// A command on a button that is there, decided from the device that it stands on.
macro_rules! on_device {
    ($command:ty, $name:literal, $rule:path) => {
        impl Command for $command {
            const NAME: &'static str = $name;
            const RIGHT: Right = Right::Edit;

            async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
                let device = device_of(tx, self.button).await?;
                Ok($rule(self, device.as_ref()))
            }
        }
    };
}

on_device!(Update, "updateButton", update);
on_device!(Move, "moveButton", relocate);
on_device!(Remove, "removeButton", remove);
