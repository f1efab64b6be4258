//! What the server itself tells: who you are, what it is, its limits, rules and products.

use async_graphql::{Context, Object, SimpleObject};
use chrono::{DateTime, Utc};

use super::{
    Ask, Result,
    connection::one,
    organization::Organization,
    role::{Right as RightOfYours, Role as ComposedRole, rights},
    user::User,
    value::{
        enums::Role,
        product::Product,
        rule::RuleInfo,
        scalar::{Cursor, date_time},
    },
};
use crate::{
    caller::{Right, Scope},
    config::Config,
};

/// Who asks.
pub struct Me;

/// Who you are to this server.
#[Object]
impl Me {
    /// The name of your token; changes that you make carry it.
    async fn name(&self, ctx: &Context<'_>) -> Result<String> {
        Ok(ctx.caller()?.name.clone())
    }

    /// Your role; of a role that was composed, the greatest whose rights it has.
    async fn role(&self, ctx: &Context<'_>) -> Result<Role> {
        Ok(ctx.caller()?.role.into())
    }

    /// The role that was composed for you; nothing where yours is built in, or kept above what you see.
    async fn composed_role(&self, ctx: &Context<'_>) -> Result<Option<ComposedRole>> {
        one(ctx, ctx.caller()?.composed).await
    }

    /// The person whose own page you see; nothing where you are no user but somebody who looks after them.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        one(ctx, ctx.caller()?.own).await
    }

    /// What you may do, kind by kind of thing; as a user, beside seeing the own page and changing the own speed dials.
    async fn rights(&self, ctx: &Context<'_>) -> Result<Vec<RightOfYours>> {
        Ok(rights(&ctx.caller()?.rights))
    }

    /// The organization whose subtree you see; nothing when you see everything.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        match ctx.caller()?.scope {
            Scope::All => Ok(None),
            Scope::Below(id) => one(ctx, Some(id)).await,
        }
    }

    /// Whether you may change profiles, lines, users and phones.
    async fn can_edit(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.caller()?.may(Right::Edit))
    }

    /// Whether you may change organizations and clusters.
    async fn can_configure(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(ctx.caller()?.may(Right::Configure))
    }
}

/// A kept change's place and time.
#[derive(SimpleObject)]
pub struct ChangeMark {
    /// Its place in the stream.
    cursor: Cursor,
    /// When it was committed.
    at: DateTime<Utc>,
}

/// What a request may ask for. Larger ones are refused with the figure.
pub struct Limits(Config);

/// What a request may ask for. Larger ones are refused with the figure.
#[Object]
impl Limits {
    /// Bytes of a request.
    async fn body_bytes(&self) -> usize {
        self.0.http.body_bytes
    }

    /// Bytes of a request's address and headers.
    async fn header_bytes(&self) -> usize {
        self.0.http.header_bytes
    }

    /// Requests in one batch; nothing where batches are not taken.
    async fn batch(&self) -> Option<usize> {
        Some(self.0.http.batch).filter(|batch| *batch > 0)
    }

    /// Milliseconds that a query may take.
    async fn query_milliseconds(&self) -> u64 {
        self.0.http.query_ms
    }

    /// Milliseconds that a mutation may take.
    async fn mutation_milliseconds(&self) -> u64 {
        self.0.http.mutation_ms
    }

    /// Items on a page when neither `first` nor `last` is given.
    async fn page_default(&self) -> u32 {
        self.0.page.default
    }

    /// Items on a page.
    async fn page_most(&self) -> u32 {
        self.0.page.most
    }

    /// Words and signs of a document.
    async fn tokens(&self) -> usize {
        self.0.guard.tokens
    }

    /// Brackets within brackets.
    async fn nesting(&self) -> usize {
        self.0.guard.nesting
    }

    /// Directives in a document.
    async fn directives(&self) -> usize {
        self.0.guard.directives
    }

    /// Fields within fields, fragments followed.
    async fn depth(&self) -> usize {
        self.0.guard.depth
    }

    /// Fields, fragments followed.
    async fn fields(&self) -> usize {
        self.0.guard.fields
    }

    /// Fields at the root of an operation, fragments followed.
    async fn root_fields(&self) -> usize {
        self.0.guard.root_fields
    }

    /// Aliases, fragments followed.
    async fn aliases(&self) -> usize {
        self.0.guard.aliases
    }

    /// Fields in a document that ask about the schema: `__schema` and `__type`.
    async fn introspections(&self) -> usize {
        self.0.guard.introspections
    }

    /// Lists of types and fields inside each other in a question about the schema.
    async fn introspection_lists(&self) -> usize {
        self.0.guard.introspection_lists
    }

    /// Bytes of a name in a document.
    async fn name_bytes(&self) -> usize {
        self.0.guard.name
    }

    /// Conditions in one filter, those within `and`, `or` and `not` counted.
    async fn conditions(&self) -> usize {
        self.0.guard.conditions
    }

    /// Cost of an operation: a point a field, more for fields that need statements of their own, lists multiplied by
    /// their page size. `extensions.cost` tells it when a request asks with the header `GraphQL-Cost: report`.
    async fn cost(&self) -> u64 {
        self.0.guard.cost
    }

    /// Points that your token can save up on one server; nothing where it may ask as often as it likes.
    async fn bucket(&self) -> Option<u64> {
        Some(self.0.guard.bucket).filter(|bucket| *bucket > 0)
    }

    /// Points that your token gets back each second; nothing where it may ask as often as it likes.
    async fn restore_rate(&self) -> Option<u64> {
        Some(self.0.guard.restore).filter(|_| self.0.guard.bucket > 0)
    }

    /// Errors told in one answer; more are counted in a last one.
    async fn errors(&self) -> usize {
        self.0.guard.errors
    }

    /// Requests at once on one server, everybody's; those beyond are turned away with 503.
    async fn requests_at_once(&self) -> usize {
        self.0.http.requests
    }

    /// Sockets at once on one server, everybody's.
    async fn sockets_at_once(&self) -> usize {
        self.0.subscription.sockets
    }

    /// Sockets at once of your address that have not sent `connection_init`, on one server.
    async fn new_sockets_per_address(&self) -> usize {
        self.0.subscription.strangers_per_address
    }

    /// Connections at once of your address on which no request has come yet, on one server.
    async fn new_connections_per_address(&self) -> usize {
        self.0.http.strangers_per_address
    }

    /// Sockets and event streams at once of your token, on one server.
    async fn sockets_per_token(&self) -> usize {
        self.0.subscription.sockets_per_token
    }

    /// Answers that wait for you to read; then your streams pause, and lose nothing.
    async fn queue(&self) -> usize {
        self.0.subscription.queue
    }

    /// Bytes of a message on a socket.
    async fn message_bytes(&self) -> usize {
        self.0.subscription.message_bytes
    }

    /// Milliseconds in which a new socket must send `connection_init`.
    async fn init_milliseconds(&self) -> u64 {
        self.0.subscription.init_ms
    }

    /// Seconds that the snapshot of a subscription may take to be read.
    async fn snapshot_seconds(&self) -> u64 {
        self.0.subscription.snapshot_secs
    }

    /// Kilobytes of an upload for a job.
    async fn upload_kilobytes(&self) -> u64 {
        self.0.bulk.upload_bytes / 1_024
    }

    /// Milliseconds that an upload may be silent.
    async fn upload_idle_milliseconds(&self) -> u64 {
        self.0.bulk.upload_idle_ms
    }

    /// Seconds that an export may take to be read.
    async fn export_seconds(&self) -> u64 {
        self.0.bulk.export_secs
    }

    /// Operations at once on one socket.
    async fn operations_per_socket(&self) -> usize {
        self.0.subscription.operations
    }
}

/// The server.
pub struct Service;

/// The server.
#[Object]
impl Service {
    /// Its version.
    async fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// What a request may ask for.
    async fn limits(&self, ctx: &Context<'_>) -> Result<Limits> {
        Ok(Limits(ctx.app()?.config().clone()))
    }

    /// The oldest change that is kept: cursors from before it have expired. Nothing before the first change.
    async fn oldest_change(&self, ctx: &Context<'_>) -> Result<Option<ChangeMark>> {
        let oldest = ctx.app()?.oldest_change().await?;
        Ok(oldest.map(|(seq, at)| ChangeMark { cursor: Cursor::Change(seq), at: date_time(at) }))
    }

    /// The place after the newest change.
    async fn newest_cursor(&self, ctx: &Context<'_>) -> Result<Cursor> {
        Ok(Cursor::Change(ctx.app()?.newest_change().await?))
    }

    /// The time on the server's clock.
    async fn now(&self, ctx: &Context<'_>) -> Result<DateTime<Utc>> {
        Ok(date_time(ctx.app()?.now()))
    }
}

#[derive(Default)]
pub struct ServerQuery;

#[Object]
impl ServerQuery {
    /// Who you are to this server.
    async fn me(&self, ctx: &Context<'_>) -> Result<Me> {
        ctx.caller()?;
        Ok(Me)
    }

    /// The server: its version, limits and the changes that it keeps.
    async fn service(&self, ctx: &Context<'_>) -> Result<Service> {
        ctx.caller()?;
        Ok(Service)
    }

    /// Every rule that mutations keep, with its code, sentence and an example that breaks it.
    async fn rules(&self, ctx: &Context<'_>) -> Result<Vec<RuleInfo>> {
        ctx.caller()?;
        Ok(RuleInfo::all().collect())
    }

    /// The phone products that profiles and phones can be made for, and what each supports.
    async fn products(&self, ctx: &Context<'_>) -> Result<Vec<Product>> {
        ctx.caller()?;
        Ok(Product::all().collect())
    }
}
