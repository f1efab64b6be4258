//! The graph: GraphQL and nothing else. A resolver parses, calls one function and renders; no rule and no SQL
//! stands here. One file per noun holds its types, filters, queries and mutations.

use async_graphql::{Context, MergedObject, SDLExportOptions};

use crate::{app::App, caller::Caller, error::Error, store::Reader};

mod audit_entry;
mod bulk;
mod button;
mod change;
mod cluster;
mod connection;
mod default_device_profile;
mod device;
mod drive;
mod execution;
pub mod export;
mod filter;
mod history;
mod in_order;
mod job;
mod layout;
mod level;
mod line;
mod listener;
mod loader;
mod mutation;
mod node;
mod number;
mod organization;
mod orphan;
mod phone;
mod preview;
mod profile;
mod quick_add;
mod readiness;
pub mod reading;
mod role;
mod search;
mod server;
mod service;
mod service_subscription;
mod session;
mod subscription;
mod template;
mod user;
pub mod value;
pub mod weight;

pub use execution::Schema;
pub use listener::{Holder, Listener};
use loader::Loaders;

/// What a resolver answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    server::ServerQuery,
    node::NodeQuery,
    organization::OrganizationQuery,
    cluster::ClusterQuery,
    device::DeviceQuery,
    profile::ProfileQuery,
    history::HistoryQuery,
    preview::PreviewQuery,
    line::LineQuery,
    user::UserQuery,
    quick_add::QuickAddQuery,
    phone::PhoneQuery,
    session::SessionQuery,
    default_device_profile::DefaultDeviceProfileQuery,
    button::ButtonQuery,
    template::TemplateQuery,
    service::PhoneServiceQuery,
    service_subscription::ServiceSubscriptionQuery,
    search::SearchQuery,
    change::ChangeQuery,
    number::NumberQuery,
    job::JobQuery,
    role::RoleQuery,
    audit_entry::AuditEntryQuery,
);

/// Everything that can be changed. Every mutation takes one `input`, tells every broken rule at once in `errors`,
/// and can be tried with `dryRun`.
#[derive(MergedObject, Default)]
pub struct Mutation(
    organization::OrganizationMutation,
    cluster::ClusterMutation,
    device::DeviceMutation,
    profile::ProfileMutation,
    history::HistoryMutation,
    orphan::OrphanMutation,
    line::LineMutation,
    user::UserMutation,
    quick_add::QuickAddMutation,
    phone::PhoneMutation,
    session::SessionMutation,
    default_device_profile::DefaultDeviceProfileMutation,
    bulk::BulkMutation,
    button::ButtonMutation,
    template::TemplateMutation,
    service::PhoneServiceMutation,
    service_subscription::ServiceSubscriptionMutation,
    number::NumberMutation,
    job::JobMutation,
    role::RoleMutation,
);

/// The schema over an application.
pub fn build(app: App) -> Schema {
    Schema::new(app, builder)
}

/// The schema's text, as kept in `schema.graphql`.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_enum_items().sorted_arguments();
    let text = builder().finish().sdl_with_options(options);
    text.trim_end().to_owned() + "\n"
}

fn builder() -> async_graphql::SchemaBuilder<Query, Mutation, subscription::Subscription> {
    async_graphql::Schema::build(Query::default(), Mutation::default(), subscription::Subscription)
        .register_output_type::<node::Node>()
        .register_output_type::<change::Change>()
}

/// What a resolver takes from its request, and nothing else.
pub(crate) trait Ask {
    fn app(&self) -> Result<&App>;
    fn caller(&self) -> Result<&Caller>;
    fn loaders(&self) -> Result<&Loaders>;
    fn reader(&self) -> Result<Reader>;
}

impl Ask for Context<'_> {
    fn app(&self) -> Result<&App> {
        missing(self.data_opt(), "application")
    }

    fn caller(&self) -> Result<&Caller> {
        self.data_opt().ok_or(Error::Anonymous)
    }

    fn loaders(&self) -> Result<&Loaders> {
        missing(self.data_opt(), "loaders")
    }

    fn reader(&self) -> Result<Reader> {
        Ok(self.app()?.read(self.caller()?))
    }
}

fn missing<'a, T>(found: Option<&'a T>, what: &'static str) -> Result<&'a T> {
    found.ok_or_else(|| Error::internal(anyhow::anyhow!("the request carries no {what}")))
}
