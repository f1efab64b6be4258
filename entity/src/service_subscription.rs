//! Which devices are subscribed to which phone services, with the values of the parameters (`domain.md` 2.5, SVC-15).

use std::{collections::BTreeMap, fmt};

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{ButtonId, DeviceId, Moment, ServiceId, ServiceSubscriptionId, json::json_column};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "service_subscription")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ServiceSubscriptionId,
    pub device_id: DeviceId,
    pub service_id: ServiceId,
    /// What the subscriber calls it.
    pub name: String,
    /// The URL as it is shown: of a password stands [`HIDDEN`].
    pub url: String,
    /// Whether the URL was set by hand and is not derived.
    pub custom: bool,
    /// The service's revision from which the URL was derived.
    pub revision: i64,
    /// False once it was unsubscribed: the values wait for another subscription.
    pub subscribed: bool,
    /// The service URL button that it took; one that was taken off since is there no more.
    pub button_id: Option<ButtonId>,
    /// Where that button stood when it was unsubscribed, and what it said.
    pub position: Option<i32>,
    pub label: Option<String>,
    pub given: Values,
    /// Of passwords. They are a column and nothing else: no change, history or answer carries them.
    #[serde(skip)]
    pub secrets: Secrets,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// What stands for a password where a URL is shown; a value cannot look like it, as its asterisks are encoded.
pub const HIDDEN: &str = "****";

/// A value of a parameter.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Value {
    /// The parameter's id within its service.
    pub parameter: i64,
    /// The parameter's name when the value was last used.
    pub name: String,
    /// None for a password, whose value is a secret.
    pub value: Option<String>,
    pub set_at: Moment,
}

/// Values of parameters, in the order of the service's parameters.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Values(pub Vec<Value>);

json_column!(Values);

/// Values of passwords, by the ids of their parameters.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Secrets(pub BTreeMap<i64, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

json_column!(Secrets);
