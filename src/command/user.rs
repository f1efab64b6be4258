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

command!(Create, "createUser", Create User, create_facts, create);
command!(Update, "updateUser", Update User, update_facts, update);
command!(Delete, "deleteUser", Delete User, delete_facts, delete);
command!(Associate, "associateUsers", Update Profile, associate_facts, associate);
command!(Disassociate, "disassociateUser", Update Profile, disassociate_facts, disassociate);
command!(Reorder, "reorderUsers", Update Profile, reorder_facts, reorder);
command!(SetDefault, "setDefaultProfile", Update User, default_facts, set_default);
