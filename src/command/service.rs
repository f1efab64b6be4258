//! Commands on phone services.

use super::command;
use crate::{
    rule::service::{
        AddParameter, ChangeParameter, Create, Delete, RemoveParameter, Update, add_parameter,
        change_parameter, create, delete, remove_parameter, update,
    },
    store::service::{
        add_parameter_facts, change_parameter_facts, create_facts, delete_facts, remove_parameter_facts,
        update_facts,
    },
};

command!(Create, "createService", Configure Service, create_facts, create);
command!(Update, "updateService", Configure Service, update_facts, update);
command!(Delete, "deleteService", Configure Service, delete_facts, delete);
command!(AddParameter, "addServiceParameter", Configure Service, add_parameter_facts, add_parameter);
command!(ChangeParameter, "changeServiceParameter", Configure Service, change_parameter_facts, change_parameter);
command!(RemoveParameter, "removeServiceParameter", Configure Service, remove_parameter_facts, remove_parameter);
