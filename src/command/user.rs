//! Commands on users and their association with profiles.

use super::command;
use crate::{
    rule::user::{
        Associate, Create, Delete, Disassociate, Reorder, SetDefault, Update, associate, create, delete,
        disassociate, reorder, set_default, update,
    },
    store::user::{
        associate_facts, create_facts, default_facts, delete_facts, disassociate_facts, reorder_facts,
        update_facts,
    },
};

command!(Create, "createUser", Edit, create_facts, create);
command!(Update, "updateUser", Edit, update_facts, update);
command!(Delete, "deleteUser", Edit, delete_facts, delete);
command!(Associate, "associateUsers", Edit, associate_facts, associate);
command!(Disassociate, "disassociateUser", Edit, disassociate_facts, disassociate);
command!(Reorder, "reorderUsers", Edit, reorder_facts, reorder);
command!(SetDefault, "setDefaultProfile", Edit, default_facts, set_default);
