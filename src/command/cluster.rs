//! Commands on clusters.

use super::command;
use crate::{
    rule::cluster::{Create, Delete, Update, create, delete, update},
    store::cluster::{create_facts, delete_facts, update_facts},
};

command!(Create, "createCluster", Configure Cluster, create_facts, create);
command!(Update, "updateCluster", Configure Cluster, update_facts, update);
command!(Delete, "deleteCluster", Configure Cluster, delete_facts, delete);
