//! Commands on phones.

use super::command;
use crate::{
    rule::phone::{Create, Delete, Update, create, delete, update},
    store::phone::{create_facts, delete_facts, update_facts},
};

command!(Create, "createPhone", Create Phone, create_facts, create);
command!(Update, "updatePhone", Update Phone, update_facts, update);
command!(Delete, "deletePhone", Delete Phone, delete_facts, delete);
