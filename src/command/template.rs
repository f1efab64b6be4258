//! Commands on button and softkey templates.

use super::command;
use crate::{
    rule::template::{Create, Delete, Update, create, delete, update},
    store::template::{create_facts, delete_facts, update_facts},
};

command!(Create, "createTemplate", Configure Template, create_facts, create);
command!(Update, "updateTemplate", Configure Template, update_facts, update);
command!(Delete, "deleteTemplate", Configure Template, delete_facts, delete);
