//! What is told of callers: who was refused, who came in from where, who made and revoked tokens, who logged whom in. Never
//! a secret: no token, no hash, no variables.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{AuditEntryId, Moment, OrganizationId, RoleId, TokenId, UserId, token::Role};

#[sea_orm::model]
#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "audit_entry")]
pub struct Model {
    /// In the order in which entries were written.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: AuditEntryId,
    pub at: Moment,
    /// When the last of those was that it stands for.
    pub last_at: Moment,
    /// How many of the same it stands for.
    pub count: i64,
    pub kind: Kind,
    /// The code of what was refused, or why a session ended.
    pub code: Option<String>,
    /// Unified CM's code for a refused login or logout.
    pub cisco_code: Option<i64>,
    /// One sentence.
    pub message: String,
    /// Name of the token; none where it is not known whose it was.
    pub by: Option<String>,
    pub token_id: Option<TokenId>,
    /// The role that is built in.
    pub role: Option<Role>,
    /// The role that was composed, where the token has one.
    pub composed_role_id: Option<RoleId>,
    /// The token's; none is the whole tree, or not known.
    pub organization_id: Option<OrganizationId>,
    /// The client's IP address.
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// The request's id, as in the log.
    pub request_id: Option<String>,
    /// What was asked for.
    pub operation: Option<String>,
    pub subject_kind: Option<Subject>,
    pub subject_id: Option<i64>,
    /// Whose the subject was then.
    pub subject_organization_id: Option<OrganizationId>,
    /// Who was logged in or out, or was to be.
    pub user_id: Option<UserId>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What an entry tells.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// A token was not taken, or a right was lacking.
    AttemptRefused,
    /// A token came from an address from which it had not come for a day.
    TokenUsedFirst,
    TokenCreated,
    TokenRevoked,
    Login,
    Logout,
    LoginRefused,
    LogoutRefused,
    /// There was more than is written in a minute.
    EntriesLeftOut,
}

/// Kinds of things that entries are about.
#[derive(Clone, Copy, Debug, DeriveActiveEnum, Deserialize, EnumIter, Eq, Hash, PartialEq, Serialize)]
#[sea_orm(rs_type = "String", db_type = "Text", rename_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Subject {
    Token,
    Phone,
    Session,
}
