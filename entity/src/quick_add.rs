//! Quick Add groups: templates from which a user gets a profile with one line (QAS-1).

use std::collections::BTreeMap;

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    ClusterId, Moment, OrganizationId, QuickAddId, ServiceId,
    json::json_column,
    line, line_appearance,
    profile::{self, Protocol},
};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "quick_add")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: QuickAddId,
    pub organization_id: OrganizationId,
    /// None of a group that is only there to be copied, above the clusters.
    pub cluster_id: Option<ClusterId>,
    pub name: String,
    /// `name` in lower case; unique in the organization.
    pub name_key: String,
    pub description: String,
    pub product: String,
    pub protocol: Protocol,
    /// None takes the product's own.
    pub button_template: Option<String>,
    /// None takes the product's own.
    pub softkey_template: Option<String>,
    /// A profile's name, with tokens such as `{username}` (NAM-9).
    pub name_pattern: String,
    /// A profile's description, with the same tokens.
    pub description_pattern: String,
    /// Where new users, profiles and lines are kept; none is the group's organization.
    pub place_id: Option<OrganizationId>,
    pub defaults: Defaults,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

impl ActiveModelBehavior for ActiveModel {}

/// What new profiles and lines are set to. A field that is added here later is read as its default from older rows.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Defaults {
    /// The profile's settings.
    pub profile: profile::Settings,
    /// The route partition of the line; empty is `<None>`.
    pub partition: String,
    /// The line's label on the profile, with tokens.
    pub label: Option<String>,
    /// The line's description, with tokens.
    pub line_description: String,
    /// The original's settings; the display texts may hold tokens.
    pub appearance: line_appearance::Settings,
    /// The line's own settings; the alerting names may hold tokens.
    pub line: line::Settings,
    /// The phone services that the profile is subscribed to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
}

/// A phone service that new profiles are subscribed to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Service {
    pub service: ServiceId,
    /// What the subscriber calls it; the service's name when none is given.
    pub name: Option<String>,
    /// Values by the names of parameters, with tokens. None is a password's: those are given to each quick add.
    pub values: BTreeMap<String, String>,
    /// A URL instead of the derived one.
    pub url: Option<String>,
    /// A service URL button that opens it.
    pub button: Option<ServiceButton>,
}

/// Where the button of a service stands.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ServiceButton {
    /// The first free position when none is given.
    pub index: Option<i32>,
    pub label: Option<String>,
}

json_column!(Defaults);
