//! Jobs: more rows than one call takes, done part by part. Their rows are in `job_row`, and `job_lease` says which server
//! works on them.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{JobId, Moment, OrganizationId, TokenId};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Deserialize, Eq, PartialEq, Serialize)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: JobId,
    /// The organization of whoever started it; none for who sees the whole tree, and then only such see it.
    pub organization_id: Option<OrganizationId>,
    pub kind: Kind,
    /// Name of the file of an estate whose rows it has, such as `profiles`.
    pub noun: String,
    /// What is done with each row; of jobs from before there was a choice, `Create`.
    #[serde(default)]
    pub mode: Mode,
    /// How its data is written; none where it came by no upload.
    pub format: Option<Format>,
    pub state: State,
    /// Whether it runs as soon as its data is there.
    pub auto_run: bool,
    /// The name of whoever started it.
    pub caller: String,
    /// Whose rights it acts with; none for a server without tokens.
    pub token_id: Option<TokenId>,
    pub reason: Option<String>,
    /// What is done to each row where the row does not say it, as JSON.
    pub task: Option<String>,
    /// The job whose rows were not done.
    pub retry_of: Option<JobId>,
    pub rows: i64,
    /// The last row that was validated or run.
    pub position: i64,
    pub done: i64,
    pub failed: i64,
    /// Why it failed.
    pub message: Option<String>,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub ended_at: Option<Moment>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a job does with its rows.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Each row is imported.
    Import,
    /// Each row names a profile, to which the same is done.
    UpdateProfiles,
}

/// What is done with what a row names.
#[derive(
    Clone, Copy, Debug, Default, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize,
)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// It is made.
    #[default]
    Create,
    /// It is there, and what the row says of it is changed.
    Update,
    /// It is there, and is deleted.
    Delete,
}

/// How data is written.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Format {
    Csv,
    JsonLines,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    Waiting,
    Receiving,
    Validating,
    Validated,
    Running,
    Done,
    Cancelled,
    Failed,
}
