//! Commands on speed dials and other buttons.

use super::{Command, command};
use crate::{
    caller::{Action, Noun, Right},
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

command!(Add, "addButton", Create Button, add_facts, add);
command!(Replace, "replaceButtons", Update Button, replace_facts, replace);

/// A command on a button that is there, decided from the device that it stands on.
macro_rules! on_device {
    ($command:ty, $name:literal, $action:ident Button, $rule:path) => {
        impl Command for $command {
            const NAME: &'static str = $name;
            const RIGHT: Right = Right::To(Action::$action, Noun::Button);

            async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
                let device = device_of(tx, self.button).await?;
                Ok($rule(self, device.as_ref()))
            }
        }
    };
}

on_device!(Update, "updateButton", Update Button, update);
on_device!(Move, "moveButton", Update Button, relocate);
on_device!(Remove, "removeButton", Delete Button, remove);
