//! Commands on roles.

use super::command;
use crate::{
    rule::role::{Create, Delete, Update, create, delete, update},
    store::role::{create_facts, delete_facts, update_facts},
};

command!(Create, "createRole", Configure Role, create_facts, create);
command!(Update, "updateRole", Configure Role, update_facts, update);
command!(Delete, "deleteRole", Configure Role, delete_facts, delete);
