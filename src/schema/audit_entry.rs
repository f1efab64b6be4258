//! Entries of the audit in the graph. They are about callers and not about the estate, so they are no part of the change
//! stream: that is for everybody in an organization, and is kept for as long as followers need it; these are for its
//! administrators, and are kept for as long as those may ask.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use entity::{
    DeviceId, SessionId, TokenId,
    audit_entry::{Kind, Subject},
};

use super::{
    Ask, Result,
    connection::{Asked, Connection, Direction, TimeRange, one, root},
    filter::{OrganizationScope, Parts, numbers},
    level::{Thing, rendered, to_one},
    node::{self, Node},
    organization::{Organization, sea_name},
    role::Role as ComposedRole,
    user::User,
    value::{
        enums::Role,
        id::{self, NodeId},
        scalar::date_time,
    },
};
use crate::{
    caller::{Caller, Right},
    error::Error,
    store::{
        audit_entry,
        page::{Filter, Order},
    },
};

/// Whom entries are for.
pub fn is_for(caller: &Caller) -> bool {
    caller.may(Right::Configure)
}

/// An entry of the audit.
pub type AuditEntry = Thing<AuditEntryObject>;

/// The fields of [`AuditEntry`].
#[derive(Clone)]
pub struct AuditEntryObject(pub Arc<audit_entry::Row>);

rendered!(AuditEntryObject over audit_entry::Row, in audit_entry {
    "organization" => to_one::<audit_entry::Row, Organization>(|row| {
        Ok(row.organization_id.get()?.map(|id| id.0))
    }),
    "composedRole" => to_one::<audit_entry::Row, ComposedRole>(|row| {
        Ok(row.composed_role_id.get()?.map(|id| id.0))
    }),
    "user" => to_one::<audit_entry::Row, User>(|row| Ok(row.user_id.get()?.map(|id| id.0))),
});

impl AuditEntryObject {
    fn about(&self) -> Result<Option<NodeId>> {
        let (kind, id) = (self.0.subject_kind.get()?, self.0.subject_id.get()?);
        Ok(kind.zip(*id).map(|(kind, id)| match kind {
            Subject::Token => NodeId::Token(TokenId(id)),
            Subject::Phone => NodeId::Phone(DeviceId(id)),
            Subject::Session => NodeId::Session(SessionId(id)),
        }))
    }
}

/// What somebody tried and was refused, or did to tokens and logins: who, when, and from where. It holds no token and
/// nothing of what a request said. Administrators see the entries of tokens of the organizations that they see, and those
/// about what is there; what strangers tried, only those see who see the whole tree.
#[Object(name = "AuditEntry")]
impl AuditEntryObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::AuditEntry(*self.0.id.get()?).encode())
    }

    /// What it tells.
    async fn kind(&self) -> Result<AuditKind> {
        Ok((*self.0.kind.get()?).into())
    }

    /// When it was, the first time.
    async fn at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.at.get()?))
    }

    /// When it was last, where it was more than once.
    async fn last_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.last_at.get()?))
    }

    /// How often it was: the same, by the same, from the same address within a minute is one entry.
    async fn count(&self) -> Result<i64> {
        Ok(*self.0.count.get()?)
    }

    /// Why it was refused: `FORBIDDEN`, the code of a rule, or, of a token that was not taken, `TOKEN_UNKNOWN`,
    /// `TOKEN_REVOKED`, `TOKEN_EXPIRED` or, of an issuer's, `TOKEN_REFUSED`. Of a logout, why the session ended, as
    /// `SessionEnd` has it.
    async fn code(&self) -> Result<Option<&str>> {
        Ok(self.0.code.get()?.as_deref())
    }

    /// Unified CM's code for a login or logout that was refused, where it has one.
    async fn cisco_code(&self) -> Result<Option<i64>> {
        Ok(*self.0.cisco_code.get()?)
    }

    /// The same in one sentence.
    async fn message(&self) -> Result<&str> {
        Ok(self.0.message.get()?)
    }

    /// Name of the token, as changes carry it; nothing where the token is not known here. Tokens are made and revoked by
    /// the `command line`, the first one by the `first start`.
    async fn by(&self) -> Result<Option<&str>> {
        Ok(self.0.by.get()?.as_deref())
    }

    /// The token that it was done or tried with.
    async fn token_id(&self) -> Result<Option<ID>> {
        Ok(self.0.token_id.get()?.map(|id| NodeId::Token(id).encode()))
    }

    /// The token's role then; of a role that was composed, the greatest whose rights it has.
    async fn role(&self) -> Result<Option<Role>> {
        Ok(self.0.role.get()?.map(Into::into))
    }

    /// The role that was composed for the token, where it has one that is there and seen.
    async fn composed_role(&self, ctx: &Context<'_>) -> Result<Option<ComposedRole>> {
        one(ctx, *self.0.composed_role_id.get()?).await
    }

    /// The token's organization; nothing where it sees the whole tree, or is not known.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one(ctx, *self.0.organization_id.get()?).await
    }

    /// The client's IP address; behind a proxy, the proxy's. Nothing for the command line, and for jobs.
    async fn address(&self) -> Result<Option<&str>> {
        Ok(self.0.address.get()?.as_deref())
    }

    /// What the client calls itself, its first 200 characters.
    async fn user_agent(&self) -> Result<Option<&str>> {
        Ok(self.0.user_agent.get()?.as_deref())
    }

    /// The request's id, as in its answer and in the log; on a socket, of the request that opened it.
    async fn request_id(&self) -> Result<Option<&str>> {
        Ok(self.0.request_id.get()?.as_deref())
    }

    /// What was asked for and refused: a field of `Query`, `Mutation` or `Subscription`, or an address.
    async fn operation(&self) -> Result<Option<&str>> {
        Ok(self.0.operation.get()?.as_deref())
    }

    /// What it was about: the token that was made or revoked, or the phone or session that somebody was logged in on, or
    /// was to be.
    async fn subject_id(&self) -> Result<Option<ID>> {
        Ok(self.about()?.map(NodeId::encode))
    }

    /// The same, where it is a phone or session that is still there and seen.
    async fn subject(&self, ctx: &Context<'_>) -> Result<Option<Node>> {
        match self.about()? {
            Some(id) => node::load(ctx, ctx.field(), id).await,
            None => Ok(None),
        }
    }

    /// Who was logged in or out, or was to be, where the user is still there and seen.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        one(ctx, *self.0.user_id.get()?).await
    }
}

/// What an entry of the audit tells. What was done to roles is in the change stream, as they are a part of the estate:
/// `changes(filter: {nouns: [ROLE]})`.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[graphql(remote = "entity::audit_entry::Kind")]
pub enum AuditKind {
    /// A token was not taken, or somebody asked for what they have no right to. That something is not there, or not for
    /// them to see, is no attempt; nor is a request without any token.
    AttemptRefused,
    /// A token came from an address from which it had not come for a day: a login of whoever has the token.
    TokenUsedFirst,
    /// A token was made. An issuer's are made elsewhere.
    TokenCreated,
    /// A token was revoked.
    TokenRevoked,
    /// A user was logged in on a phone.
    Login,
    /// A user was logged out of a phone, by whatever somebody did. What ends because its time is up is not told.
    Logout,
    /// The rules refused a login. Of rows of an import that are refused, the job tells.
    LoginRefused,
    /// The rules refused a logout.
    LogoutRefused,
    /// There was more than is written in a minute (`audit.per_minute`); `count` tells how much.
    EntriesLeftOut,
}

/// Which entries of the audit a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct AuditEntryFilter {
    /// All of these must hold.
    pub and: Option<Vec<AuditEntryFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<AuditEntryFilter>>,
    /// This must not hold.
    pub not: Option<Box<AuditEntryFilter>>,
    /// Any of these entries.
    pub ids: Option<Vec<ID>>,
    /// Of any of these kinds.
    pub kinds: Option<Vec<AuditKind>>,
    /// With any of these codes.
    pub codes: Option<Vec<String>>,
    /// By any of these, by the names of their tokens.
    pub by: Option<Vec<String>>,
    /// With any of these tokens.
    pub tokens: Option<Vec<ID>>,
    /// By tokens of these organizations, or about what is there.
    pub organization: Option<OrganizationScope>,
    /// From any of these addresses, as `address` has them.
    pub addresses: Option<Vec<String>>,
    /// Of any of these operations.
    pub operations: Option<Vec<String>>,
    /// About any of these tokens, phones, sessions and users.
    pub subjects: Option<Vec<ID>>,
    /// When it was, the first time.
    pub at: Option<TimeRange>,
}

impl From<AuditEntryFilter> for Filter {
    fn from(filter: AuditEntryFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::audit_entry)))
            .add(filter.kinds, |kinds| {
                let name = |kind: AuditKind| sea_name(&Kind::from(kind));
                Filter::Texts("t.kind", kinds.into_iter().map(name).collect())
            })
            .add(filter.codes, |codes| Filter::Texts("t.code", codes))
            .add(filter.by, |names| Filter::Texts("t.by", names))
            .add(filter.tokens, |ids| Filter::Numbers("t.token_id", numbers(&ids, id::token)))
            .add(filter.organization, |scope| {
                let about = OrganizationScope { ids: scope.ids.clone(), include_below: scope.include_below };
                Filter::Any(vec![scope.on("t.organization_id"), about.on("t.subject_organization_id")])
            })
            .add(filter.addresses, |addresses| Filter::Texts("t.address", addresses))
            .add(filter.operations, |names| Filter::Texts("t.operation", names))
            .add(filter.subjects, |ids| about(&ids))
            .time(filter.at, "t.at");
        parts.all()
    }
}

/// The filter of entries about any of these things. Users are found by those only who see them: of a login on a phone that
/// somebody sees, the user may be another organization's.
fn about(ids: &[ID]) -> Filter {
    let of = |kind: Subject, key: fn(NodeId) -> Option<i64>| {
        let keys: Vec<i64> = ids.iter().filter_map(|id| NodeId::decode(id).and_then(key)).collect();
        let kind = Filter::Is("t.subject_kind", sea_name(&kind));
        Filter::All(vec![kind, Filter::Numbers("t.subject_id", keys)])
    };
    let users = ids.iter().filter_map(id::user).map(i64::from).collect();
    Filter::Any(vec![
        of(Subject::Token, |id| if let NodeId::Token(key) = id { Some(key.0) } else { None }),
        of(Subject::Phone, |id| if let NodeId::Phone(key) = id { Some(key.0) } else { None }),
        of(Subject::Session, |id| if let NodeId::Session(key) = id { Some(key.0) } else { None }),
        Filter::Refers("t.user_id", users, "\"user\""),
    ])
}

/// What entries of the audit are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum AuditEntryOrderField {
    /// When it was, the first time.
    #[default]
    At,
    /// When it was last.
    LastAt,
}

/// The order of entries of the audit.
#[derive(InputObject)]
pub struct AuditEntryOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: AuditEntryOrderField,
    /// Which way.
    #[graphql(default_with = "Direction::Descending")]
    pub direction: Direction,
}

impl Default for AuditEntryOrder {
    fn default() -> Self {
        Self { field: AuditEntryOrderField::At, direction: Direction::Descending }
    }
}

impl From<AuditEntryOrder> for Order {
    fn from(order: AuditEntryOrder) -> Self {
        let column = match order.field {
            AuditEntryOrderField::At => "t.at",
            AuditEntryOrderField::LastAt => "t.last_at",
        };
        Self { column, number: true, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct AuditEntryQuery;

#[Object]
impl AuditEntryQuery {
    /// Who tried what and was refused, which tokens came from where, who made and revoked them, and who logged whom in, newest
    /// first unless told otherwise. For administrators. What is told is written within a second.
    async fn audit_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<AuditEntryFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<AuditEntryOrder>,
    ) -> Result<Connection<AuditEntry>> {
        if !is_for(ctx.caller()?) {
            return Err(Error::Denied(Right::Configure));
        }
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "auditEntries", filter.unwrap_or_default().into(), order, asked).await
    }
}
