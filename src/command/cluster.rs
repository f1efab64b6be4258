//! Commands on clusters.

use super::command;
use crate::{
    rule::cluster::{Create, Delete, Update, create, delete, update},
    store::cluster::{create_facts, delete_facts, update_facts},
};

command!(Create, "createCluster", Configure, create_facts, create);
command!(Update, "updateCluster", Configure, update_facts, update);
command!(Delete, "deleteCluster", Configure, delete_facts, delete);
