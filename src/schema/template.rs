//! Button and softkey templates in the graph.

use std::sync::Arc;

use async_graphql::{Context, ContextSelectionSet, Enum, ID, InputObject, Interface, MaybeUndefined, Object};
use chrono::{DateTime, Utc};
use entity::{change_subject::Noun, template::Kind};

use futures_util::{future::BoxFuture, join};

use super::{
    Ask, Result,
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{Asked, Connection, Direction, Rendered, TimeRange, one, root},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Answers, Thing, fill_some, in_place, rendered},
    loader::{Loaders, Of},
    mutation::{CallInput, Sent, make, payload, perform, run},
    organization::sea_name,
    value::{
        enums::{ButtonFeature, Protocol},
        id::{self, NodeId, or_none},
        scalar::date_time,
    },
};
use crate::{
    rule::{
        Change as RuleChange,
        template::{Create, Delete, Update},
    },
    store::{
        page::{Filter, Order, Relation, Slice},
        row::{Columns, all},
        template,
    },
};

/// A template of one kind: what both have, and what follows.
macro_rules! template_type {
    ($(#[doc = $doc:literal])* $name:ident as $object:ident $text:literal { $($own:tt)* }) => {
        $(#[doc = $doc])*
        pub type $name = Thing<$object>;

        $(#[doc = $doc])*
        #[derive(Clone)]
        pub struct $object(pub Arc<template::Row>);

        rendered!($object over template::Row, in template {});

        $(#[doc = $doc])*
        #[Object(name = $text)]
        impl $object {
            /// Global id.
            pub async fn id(&self) -> Result<ID> {
                Ok(NodeId::Template(*self.0.id.get()?).encode())
            }

            /// Its name, unlike that of the cluster's other templates of this kind, whatever the case; fixed when it is
            /// made, as profiles and phones name it.
            pub async fn name(&self) -> Result<&str> {
                Ok(self.0.name.get()?)
            }

            /// A text about it, up to 128 characters.
            async fn description(&self) -> Result<&str> {
                Ok(self.0.description.get()?)
            }

            /// Raised with every change; pass it as `expectedVersion` to change this version only.
            pub async fn version(&self) -> Result<i64> {
                Ok(*self.0.version.get()?)
            }

            /// When it was made.
            async fn created_at(&self) -> Result<DateTime<Utc>> {
                Ok(date_time(*self.0.created_at.get()?))
            }

            /// When it was last changed.
            async fn updated_at(&self) -> Result<DateTime<Utc>> {
                Ok(date_time(*self.0.updated_at.get()?))
            }

            /// The cluster that it is on.
            pub async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
                one(ctx, Some(*self.0.cluster_id.get()?)).await
            }

            /// What happened to it, newest first.
            async fn history(
                &self,
                ctx: &Context<'_>,
                #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
                #[graphql(desc = "Behind this place.")] after: Option<String>,
            ) -> Result<Connection<ChangeEvent>> {
                history(ctx, Noun::Template, self.0.id.get()?.0, first, after).await
            }

            $($own)*
        }
    };
}

template_type! {
    /// What each button of a phone model is for (Cisco: phone button template).
    ButtonTemplate as ButtonTemplateObject "ButtonTemplate" {
        /// The product that it is for; fixed when it is made.
        async fn product(&self) -> Result<&str> {
            Ok(self.0.product.get()?.as_deref().unwrap_or_default())
        }

        /// The protocol that it is for; fixed when it is made.
        async fn protocol(&self) -> Result<Option<Protocol>> {
            Ok((*self.0.protocol.get()?).map(Into::into))
        }

        /// What each button is for, from button 1, which is a line, to the last one on expansion modules.
        async fn features(&self) -> Result<Vec<ButtonFeature>> {
            Ok(self.0.features.get()?.0.iter().copied().map(Into::into).collect())
        }
    }
}

template_type! {
    /// Which softkeys a phone offers in which state of a call (Cisco: softkey template). Its keys are kept in Unified CM.
    SoftkeyTemplate as SoftkeyTemplateObject "SoftkeyTemplate" {}
}

/// A template of a cluster.
#[derive(Clone, Interface)]
#[graphql(
    field(name = "id", ty = "ID", desc = "Global id."),
    field(
        name = "name",
        ty = "&str",
        desc = "Its name, unlike that of the cluster's other templates of its kind."
    ),
    field(name = "version", ty = "i64", desc = "Raised with every change."),
    field(name = "cluster", ty = "Option<Cluster>", desc = "The cluster that it is on.")
)]
pub enum Template {
    ButtonTemplate(ButtonTemplate),
    SoftkeyTemplate(SoftkeyTemplate),
}

impl Rendered for Template {
    type Row = template::Row;

    fn of(row: Arc<Self::Row>) -> Self {
        // The kind is always read.
        match row.kind.get().copied().unwrap_or(Kind::Button) {
            Kind::Button => Self::ButtonTemplate(ButtonTemplate::of(row)),
            Kind::Softkey => Self::SoftkeyTemplate(SoftkeyTemplate::of(row)),
        }
    }

    fn row(&self) -> &Arc<Self::Row> {
        match self {
            Self::ButtonTemplate(template) => template.row(),
            Self::SoftkeyTemplate(template) => template.row(),
        }
    }

    fn loaders(loaders: &Loaders) -> &Of<Self::Row> {
        &loaders.template
    }

    fn fill<'a>(at: &'a [ContextSelectionSet<'a>], rows: &'a [Arc<Self::Row>]) -> BoxFuture<'a, Answers> {
        let is = |kind| move |row: &template::Row| row.kind.get().is_ok_and(|known| *known == kind);
        Box::pin(async move {
            let kinds = join!(
                fill_some::<ButtonTemplateObject>(at, rows, is(Kind::Button)),
                fill_some::<SoftkeyTemplateObject>(at, rows, is(Kind::Softkey)),
            );
            in_place([kinds.0, kinds.1])
        })
    }
}

/// The cluster's button template that a profile or phone names; nothing where it names one that is not kept here.
pub async fn of_device(
    ctx: &Context<'_>,
    relation: Relation,
    device: i64,
) -> Result<Option<Arc<template::Row>>> {
    let slice = Slice::front(1);
    let columns = Columns::own(all::<template::Row>());
    let page = ctx.loaders()?.template.page(relation, device, slice, columns).await?;
    Ok(page.rows.first().map(|(row, _)| row.clone()))
}

/// Which templates a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct TemplateFilter {
    /// All of these must hold.
    pub and: Option<Vec<TemplateFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<TemplateFilter>>,
    /// This must not hold.
    pub not: Option<Box<TemplateFilter>>,
    /// Any of these templates.
    pub ids: Option<Vec<ID>>,
    /// The name.
    pub name: Option<StringFilter>,
    /// The product; softkey templates have none.
    pub product: Option<StringFilter>,
    /// Any of these protocols; softkey templates have none.
    pub protocols: Option<Vec<Protocol>>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// On clusters of these organizations.
    pub organization: Option<OrganizationScope>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<TemplateFilter> for Filter {
    fn from(filter: TemplateFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::template)))
            .add(filter.name, |text| text.keyed("t.name_key"))
            .add(filter.product, |text| text.exact("t.product"))
            .add(filter.protocols, |protocols| {
                Filter::Texts("t.protocol", protocols.iter().map(sea_name).collect())
            })
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// What templates are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum TemplateOrderField {
    /// The name.
    #[default]
    Name,
    /// When it was last changed.
    UpdatedAt,
}

/// The order of templates.
#[derive(Default, InputObject)]
pub struct TemplateOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: TemplateOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<TemplateOrder> for Order {
    fn from(order: TemplateOrder) -> Self {
        let (column, number) = match order.field {
            TemplateOrderField::Name => ("t.name_key", false),
            TemplateOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

/// The filter that only templates of the kind pass.
fn of_kind(kind: &'static str, filter: Option<TemplateFilter>) -> Filter {
    Filter::All(vec![Filter::Fixed(kind), filter.unwrap_or_default().into()])
}

#[derive(Default)]
pub struct TemplateQuery;

#[Object]
impl TemplateQuery {
    /// Phone button templates of clusters, by name unless told otherwise. Profiles and phones may also name templates
    /// that are not kept here; these are taken for their products' own.
    async fn button_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<TemplateFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<TemplateOrder>,
    ) -> Result<Connection<ButtonTemplate>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "button templates", of_kind("t.kind = 'BUTTON'", filter), order, asked).await
    }

    /// Softkey templates of clusters, by name unless told otherwise. Profiles and phones may also name templates that
    /// are not kept here.
    async fn softkey_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<TemplateFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<TemplateOrder>,
    ) -> Result<Connection<SoftkeyTemplate>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "softkey templates", of_kind("t.kind = 'SOFTKEY'", filter), order, asked).await
    }
}

/// What a button template is made of.
#[derive(InputObject)]
pub struct CreateButtonTemplateInput {
    /// The cluster to make it on.
    pub cluster_id: ID,
    /// Its name, 1 to 128 characters, unlike that of the cluster's other button templates. It cannot be changed later.
    pub name: String,
    /// A text about it, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    /// The phone product that it is for, as query `products` names it.
    pub product: String,
    /// The protocol that it is for, one of the product's.
    pub protocol: Protocol,
    /// What each button is for, from button 1, which is a line.
    pub features: Vec<ButtonFeature>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What a softkey template is made of.
#[derive(InputObject)]
pub struct CreateSoftkeyTemplateInput {
    /// The cluster to make it on.
    pub cluster_id: ID,
    /// Its name, 1 to 128 characters, unlike that of the cluster's other softkey templates. It cannot be changed later.
    pub name: String,
    /// A text about it, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a template: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct UpdateTemplateInput {
    /// The button or softkey template.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// A text about it.
    pub description: MaybeUndefined<String>,
    /// What each button of a button template is for.
    pub features: Option<Vec<ButtonFeature>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A template to delete.
#[derive(InputObject)]
pub struct DeleteTemplateInput {
    /// The button or softkey template; no profile and no phone may name it.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `createButtonTemplate`.
    CreateButtonTemplatePayload {
        /// The new template; nothing on a dry run.
        template: Option<ButtonTemplate> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `createSoftkeyTemplate`.
    CreateSoftkeyTemplatePayload {
        /// The new template; nothing on a dry run.
        template: Option<SoftkeyTemplate> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateTemplate`.
    UpdateTemplatePayload {
        /// The template as it is now.
        template: Option<Template> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteTemplate`.
    DeleteTemplatePayload {}
}

#[derive(Default)]
pub struct TemplateMutation;

fn made(change: &RuleChange) -> Option<i64> {
    match change {
        RuleChange::TemplateCreated { template } => Some(template.id.0),
        _ => None,
    }
}

#[Object]
impl TemplateMutation {
    /// Makes a phone button template on a cluster, for one product and protocol.
    async fn create_button_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateButtonTemplateInput,
    ) -> Result<CreateButtonTemplatePayload> {
        let mut fields = Sent::default();
        fields.given("description", Some(input.description)).given("features", Some(input.features));
        let cmd = Create {
            cluster: or_none(id::cluster(&input.cluster_id)),
            kind: Kind::Button,
            name: input.name,
            product: Some(input.product),
            protocol: Some(input.protocol.into()),
            fields: fields.patch(),
        };
        Ok(CreateButtonTemplatePayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Makes a softkey template on a cluster.
    async fn create_softkey_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateSoftkeyTemplateInput,
    ) -> Result<CreateSoftkeyTemplatePayload> {
        let mut fields = Sent::default();
        fields.given("description", Some(input.description));
        let cmd = Create {
            cluster: or_none(id::cluster(&input.cluster_id)),
            kind: Kind::Softkey,
            name: input.name,
            product: None,
            protocol: None,
            fields: fields.patch(),
        };
        Ok(CreateSoftkeyTemplatePayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Changes a button or softkey template; its name, product and protocol are fixed.
    async fn update_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateTemplateInput,
    ) -> Result<UpdateTemplatePayload> {
        let id = or_none(id::template(&input.id));
        let mut fields = Sent::default();
        fields.maybe("description", input.description).given("features", input.features);
        let cmd = Update { id, expected_version: input.expected_version, fields: fields.patch() };
        Ok(UpdateTemplatePayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Deletes a button or softkey template that no profile and no phone names.
    async fn delete_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteTemplateInput,
    ) -> Result<DeleteTemplatePayload> {
        let cmd = Delete { id: or_none(id::template(&input.id)), expected_version: input.expected_version };
        Ok(DeleteTemplatePayload(perform(ctx, input.call, cmd).await?))
    }
}
