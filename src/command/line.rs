//! Commands on lines and their appearances.

use super::command;
use crate::{
    caller::{Action, Noun, Right},
    rule::line::{
        Add, ChangeSettings, Create, Delete, Lay, Remove, Replace, Update, add, change_settings, create,
        delete, lay, remove, replace, update,
    },
    store::line::{
        add_facts, change_facts, create_facts, delete_facts, lay_facts, remove_facts, replace_facts,
        update_facts,
    },
};

command!(Create, "createLine", Create Line, create_facts, create);
command!(Update, "updateLine", Update Line, update_facts, update);
command!(Delete, "deleteLine", Delete Line, delete_facts, delete);
command!(Add, "addLineToDevice", Update Line, add_facts, add);
command!(ChangeSettings, "changeLineSettings", Update Line, change_facts, change_settings);
command!(Remove, "removeLineFromDevice", Update Line, remove_facts, remove);
command!(Replace, "replaceLines", Update Line, replace_facts, replace);

impl super::Command for Lay {
    const NAME: &'static str = "updateAppearance";
    const RIGHT: Right = Right::To(Action::Update, Noun::Line);

    async fn decide(&self, tx: &crate::store::Tx) -> Result<crate::rule::Decision, crate::error::Error> {
        let device = lay_facts(tx, self).await?;
        Ok(lay(self, device.as_ref()))
    }
}
