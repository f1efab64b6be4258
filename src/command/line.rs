//! Commands on lines and their appearances.

use super::command;
use crate::{
    rule::line::{
        Add, ChangeSettings, Create, Delete, Lay, Remove, Replace, Update, add, change_settings, create,
        delete, lay, remove, replace, update,
    },
    store::line::{
        add_facts, change_facts, create_facts, delete_facts, lay_facts, remove_facts, replace_facts,
        update_facts,
    },
};

command!(Create, "createLine", Edit, create_facts, create);
command!(Update, "updateLine", Edit, update_facts, update);
command!(Delete, "deleteLine", Edit, delete_facts, delete);
command!(Add, "addLineToDevice", Edit, add_facts, add);
command!(ChangeSettings, "changeLineSettings", Edit, change_facts, change_settings);
command!(Remove, "removeLineFromDevice", Edit, remove_facts, remove);
command!(Replace, "replaceLines", Edit, replace_facts, replace);

impl super::Command for Lay {
    const NAME: &'static str = "updateAppearance";
    const RIGHT: crate::caller::Right = crate::caller::Right::Edit;

    async fn decide(&self, tx: &crate::store::Tx) -> Result<crate::rule::Decision, crate::error::Error> {
        let device = lay_facts(tx, self).await?;
        Ok(lay(self, device.as_ref()))
    }
}
