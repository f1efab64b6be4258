//! Commands on phones.

use super::command;
use crate::{
    rule::phone::{Create, Delete, Update, create, delete, update},
    store::phone::{create_facts, delete_facts, update_facts},
};

command!(Create, "createPhone", Edit, create_facts, create);
command!(Update, "updatePhone", Edit, update_facts, update);
command!(Delete, "deletePhone", Edit, delete_facts, delete);
