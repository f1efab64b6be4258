//! Commands on speed dials and other buttons. Users have the speed dials of their own profiles in hand; other devices look
//! absent to them, and other buttons are not theirs to change.

use super::Command;
use crate::{
    caller::{Action, Noun, Right},
    error::Error,
    rule::{
        Decision,
        button::{Add, Move, Remove, Replace, Update, add, is_of_users, relocate, remove, replace, update},
    },
    store::{
        Tx,
        button::{add_facts, device_of, replace_facts},
    },
};

impl Command for Add {
    const NAME: &'static str = "addButton";
    const RIGHT: Right = Right::ToOwn(Action::Create, Noun::Button);

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        in_hand(tx, Action::Create, is_of_users(self.button.kind))?;
        Ok(add(self, &add_facts(tx, self).await?))
    }
}

impl Command for Replace {
    const NAME: &'static str = "replaceButtons";
    const RIGHT: Right = Right::ToOwn(Action::Update, Noun::Button);

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        in_hand(tx, Action::Update, self.lists.keys().all(|kind| is_of_users(*kind)))?;
        Ok(replace(self, &replace_facts(tx, self).await?))
    }
}

/// A command on a button that is there, decided from the device that it stands on.
macro_rules! on_device {
    ($command:ty, $name:literal, $action:ident Button, $rule:path) => {
        impl Command for $command {
            const NAME: &'static str = $name;
            const RIGHT: Right = Right::ToOwn(Action::$action, Noun::Button);

            async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
                let device = device_of(tx, self.button).await?;
                let mut buttons = device.iter().flat_map(|device| &device.buttons);
                let is_other = buttons.any(|button| button.id == self.button && !is_of_users(button.kind));
                in_hand(tx, Action::$action, !is_other)?;
                Ok($rule(self, device.as_ref()))
            }
        }
    };
}

on_device!(Update, "updateButton", Update Button, update);
on_device!(Move, "moveButton", Update Button, relocate);
on_device!(Remove, "removeButton", Delete Button, remove);

/// Refuses users what users do not change.
fn in_hand(tx: &Tx, action: Action, is_of_users: bool) -> Result<(), Error> {
    if tx.own().is_none() || is_of_users {
        Ok(())
    } else {
        Err(Error::Denied(Right::To(action, Noun::Button)))
    }
}
