//! The number inventory in the graph.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, OneofObject, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{Moment, change_subject::Noun};

use super::{
    Ask, Result,
    change::{Change, ChangeEvent, history},
    cluster::Cluster,
    connection::{
        Asked, Connection, Direction, Item, Listed, Rendered, TimeRange, below, first_below, one, one_joined,
        root, slice,
    },
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    in_order::InOrder,
    level::{Thing, rendered, to_first, to_joined, to_many},
    line::{Line, LineAppearance, NumberOnCluster},
    mutation::{About, CallInput, Done, Said, Says, Sent, payload, perform, say},
    organization::{Organization, sea_name},
    profile::only,
    value::{
        enums::{InventoryChoice, NumberStatus, NumberUsage, NumberUtility},
        id::{self, NodeId, or_none},
        rule::UserError,
        scalar::{Cursor, date_time},
    },
};
use crate::{
    caller::Scope,
    error::Error,
    rule::{
        Breach, Change as RuleChange,
        number::{
            self as rule_number, Audit, Beginning, ChangeStatus, Create, Delete, DeleteOne, Fields, Range,
            ReserveFor, Update, UpdateRange,
        },
    },
    store::{
        line, number,
        page::{Filter, Order, Page, Relation},
    },
};

/// A number of the inventory.
pub type Number = Thing<NumberObject>;

/// The fields of [`Number`].
#[derive(Clone)]
pub struct NumberObject(pub Arc<number::Row>);

rendered!(NumberObject over number::Row, in number {
    "organization" => to_joined::<number::Row, Organization>(
        |row| Ok(Some(row.organization_id.get()?.0)),
        |row| row.joined.organization.clone(),
    ),
    "cluster" => to_joined::<number::Row, Cluster>(
        |row| Ok(Some(row.cluster_id.get()?.0)),
        |row| row.joined.cluster.clone(),
    ),
    "line" => to_first::<number::Row, Line>(line::OF_NUMBER, |row| Ok(row.id.get()?.0)),
    "appearances" => to_many::<number::Row, LineAppearance>(line::APPEARANCES_OF_NUMBER),
});

/// A number of the inventory: whether it can be given out, to whom, and from when on. The inventory is managed only
/// where there is an entry: a line whose number has none is used freely. Whoever may use a number sees its entry, also
/// where that is kept at an organization above.
#[Object(name = "Number")]
impl NumberObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Number(*self.0.id.get()?).encode())
    }

    /// The directory number: 1 to 24 digits, wildcards and signs.
    async fn pattern(&self) -> Result<&str> {
        Ok(self.0.pattern.get()?)
    }

    /// The route partition; nothing is Unified CM's none.
    async fn partition(&self) -> Result<Option<&str>> {
        Ok(Some(self.0.partition.get()?.as_str()).filter(|partition| !partition.is_empty()))
    }

    /// Whether it can be given out.
    async fn status(&self) -> Result<NumberStatus> {
        Ok((*self.0.status.get()?).into())
    }

    /// What uses it: a device, something else, both or nothing.
    async fn usage(&self) -> Result<Vec<NumberUsage>> {
        let device = *self.0.status.get()? == entity::number::Status::Used;
        let utility = self.0.utility.get()?.map(NumberUsage::of);
        Ok(device.then_some(NumberUsage::Device).into_iter().chain(utility).collect())
    }

    /// The same number as the outside world dials it.
    async fn e164_number(&self) -> Result<Option<&str>> {
        Ok(self.0.e164_number.get()?.as_deref())
    }

    /// A note, up to 128 characters; cleared when the number becomes available.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// Free fields, by name; they stay when the number becomes available.
    async fn extra(&self) -> Result<Vec<ExtraField>> {
        let extra = &self.0.extra.get()?.0;
        Ok(extra
            .iter()
            .map(|(name, value)| ExtraField { name: name.clone(), value: value.clone() })
            .collect())
    }

    /// Whether it is kept for somebody.
    async fn is_reserved(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.holder(ctx)?.is_some())
    }

    /// User id of whom it is kept for, who need not exist any more; nothing where the entry is kept above your
    /// organization.
    async fn reserved_for(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let Some(holder) = self.holder(ctx)? else { return Ok(None) };
        if ctx.caller()?.scope != Scope::All {
            let organization: Option<Organization> = one(ctx, Some(*self.0.organization_id.get()?)).await?;
            return Ok(organization.map(|_| holder));
        }
        Ok(Some(holder))
    }

    /// When that ends by itself; nothing is never.
    async fn reserved_until(&self, ctx: &Context<'_>) -> Result<Option<DateTime<Utc>>> {
        let until = *self.0.reserved_until.get()?;
        Ok(until.filter(|until| ctx.app().is_ok_and(|app| *until > app.now())).map(date_time))
    }

    /// While it cools, when it is available again.
    async fn cooling_until(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(self.0.cooling_until.get()?.map(date_time))
    }

    /// Raised with every change; pass it as `expectedVersion` to change this version only.
    async fn version(&self) -> Result<i64> {
        Ok(*self.0.version.get()?)
    }

    /// When it came into the inventory.
    async fn created_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.created_at.get()?))
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.updated_at.get()?))
    }

    /// The organization that it is kept at; nothing where that stands above yours.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one_joined(ctx, self.0.joined.organization.as_ref(), *self.0.organization_id.get()?).await
    }

    /// The cluster that it is on.
    async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
        one_joined(ctx, self.0.joined.cluster.as_ref(), *self.0.cluster_id.get()?).await
    }

    /// The line of this number, where there is one for you to see.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<Line>> {
        first_below(ctx, line::OF_NUMBER, self.0.id.get()?.0).await
    }

    /// Where it stands, oldest first.
    async fn appearances(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<LineAppearance>> {
        let asked = Asked { first, after, last, before };
        below(ctx, line::APPEARANCES_OF_NUMBER, self.0.id.get()?.0, asked).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Number, self.0.id.get()?.0, first, after).await
    }
}

impl NumberObject {
    /// For whom it is kept by now (RSV-7).
    fn holder(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let (holder, until) = (self.0.reserved_for.get()?, *self.0.reserved_until.get()?);
        let now = ctx.app()?.now();
        Ok(holder.as_deref().filter(|_| until.is_none_or(|until| until > now)))
    }
}

/// A free field of a number.
#[derive(Clone, SimpleObject)]
pub struct ExtraField {
    /// Its name.
    name: String,
    /// What it says.
    value: String,
}

/// A free field of a number.
#[derive(InputObject)]
pub struct ExtraFieldInput {
    /// Its name, 1 to 64 characters.
    pub name: String,
    /// What it says, up to 256 characters.
    pub value: String,
}

fn extra(fields: Vec<ExtraFieldInput>) -> BTreeMap<String, String> {
    fields.into_iter().map(|field| (field.name, field.value)).collect()
}

/// One number, by id or by itself.
#[derive(OneofObject)]
pub enum NumberBy {
    /// Global id.
    Id(ID),
    /// Number on a cluster.
    Number(NumberOnCluster),
}

/// Which numbers a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct NumberFilter {
    /// All of these must hold.
    pub and: Option<Vec<NumberFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<NumberFilter>>,
    /// This must not hold.
    pub not: Option<Box<NumberFilter>>,
    /// Any of these numbers.
    pub ids: Option<Vec<ID>>,
    /// The directory number.
    pub pattern: Option<StringFilter>,
    /// The route partition.
    pub partition: Option<StringFilter>,
    /// The note, whatever the case.
    pub description: Option<StringFilter>,
    /// The number as the outside world dials it.
    pub e164_number: Option<StringFilter>,
    /// In any of these statuses.
    pub statuses: Option<Vec<NumberStatus>>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// In these organizations.
    pub organization: Option<OrganizationScope>,
    /// User id of whom it is kept for.
    pub reserved_for: Option<StringFilter>,
    /// Whether it is kept for somebody.
    pub is_reserved: Option<bool>,
    /// Whether whom it is kept for is there for you to see; false finds what is kept for people who are gone.
    pub has_holder: Option<bool>,
    /// When it is available again.
    pub cooling_until: Option<TimeRange>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<NumberFilter> for Filter {
    fn from(filter: NumberFilter) -> Self {
        const HOLDER: &str =
            "SELECT 1 FROM \"user\" u WHERE u.cluster_id = t.cluster_id AND u.user_id = t.reserved_for";
        // Whom a number is kept for is told within the organization only.
        let within = || {
            let kept = "SELECT 1 FROM organization o WHERE o.id = t.organization_id";
            Filter::Exists(kept, "o.id", "organization")
        };
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::number)))
            .add(filter.pattern, |text| text.exact("t.pattern"))
            .add(filter.partition, |text| text.exact("t.partition"))
            .add(filter.description, |text| text.keyed("lower(t.description)"))
            .add(filter.e164_number, |text| text.exact("t.e164_number"))
            .add(filter.statuses, |statuses| {
                let name = |status: NumberStatus| sea_name(&entity::number::Status::from(status));
                Filter::Texts("t.status", statuses.into_iter().map(name).collect())
            })
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .add(filter.reserved_for, |text| {
                Filter::All(vec![text.exact("t.reserved_for"), Filter::Fixed(number::HELD), within()])
            })
            .whether(filter.is_reserved, number::HELD)
            .add(filter.has_holder, |wanted| {
                let found = Filter::Exists(HOLDER, "u.id", "\"user\"");
                let found = if wanted { found } else { Filter::Not(Box::new(found)) };
                Filter::All(vec![Filter::Fixed(number::HELD), within(), found])
            })
            .time(filter.cooling_until, "t.cooling_until")
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// What numbers are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum NumberOrderField {
    /// The directory number.
    #[default]
    Pattern,
    /// When it came into the inventory.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
}

/// The order of numbers.
#[derive(Default, InputObject)]
pub struct NumberOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: NumberOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<NumberOrder> for Order {
    fn from(order: NumberOrder) -> Self {
        let (column, number) = match order.field {
            NumberOrderField::Pattern => ("t.pattern", false),
            NumberOrderField::CreatedAt => ("t.created_at", true),
            NumberOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

/// Which numbers of the inventory are offered for a profile or phone.
#[derive(Clone, InputObject)]
pub struct InventoryFilter {
    /// The choice.
    pub choice: InventoryChoice,
    /// The user whom `BELONGING_TO_USER` is about, and `RESERVED_FOR_USER` where it is not about all users of the
    /// profile.
    pub user_id: Option<ID>,
}

impl InventoryFilter {
    /// The choice for the rules.
    pub fn rule(&self) -> Result<rule_number::InventoryFilter> {
        let choice = self.choice.into();
        if choice == rule_number::Choice::BelongingToUser && self.user_id.is_none() {
            return Err(Error::Input("BELONGING_TO_USER needs userId".to_owned()));
        }
        let user = self.user_id.as_ref().map(|id| or_none(id::user(id)));
        Ok(rule_number::InventoryFilter { choice, user })
    }
}

/// A number that the picker offers.
pub type SelectableNumber = InOrder<SelectableNumberObject>;

/// The fields of [`SelectableNumber`].
#[derive(Clone)]
pub struct SelectableNumberObject(number::Pick);

impl Item for SelectableNumber {
    async fn count(_ctx: &Context<'_>, _relation: Relation, _parent: i64) -> Result<i64> {
        // Its lists are counted with their pages.
        Ok(0)
    }
}

/// A number that the picker offers for a profile.
#[Object(name = "SelectableNumber")]
impl SelectableNumberObject {
    /// The number, with its status, usage, whom it is kept for, and where it stands.
    async fn number(&self) -> Number {
        Number::of(self.0.row.clone())
    }

    /// Whether its line may be put on the profile.
    async fn selectable(&self) -> bool {
        self.0.refusal.is_none()
    }

    /// The rule that keeps its line from the profile; nothing where it may be chosen.
    async fn refusal(&self) -> Option<UserError> {
        let rule = self.0.refusal.clone()?;
        Some(UserError::from(&Breach { rule, path: String::new() }))
    }
}

/// What the picker offers for a profile; asked of many profiles, in as many statements.
pub async fn selectable(
    ctx: &Context<'_>,
    profile: i64,
    filter: &InventoryFilter,
    search: Option<String>,
    asked: Asked,
) -> Result<Connection<SelectableNumber>> {
    const LIST: &str = "selectable numbers";
    let slice = slice(&ctx.app()?.config().page, LIST, false, asked)?;
    let search = search.filter(|text| !text.is_empty());
    let picker = number::Picker { filter: filter.rule()?, search, now: ctx.app()?.now() };
    let counted = ctx.field().selection_set().any(|part| part.name() == "totalCount");
    let picked = ctx.loaders()?.picks(picker, profile, slice, counted).await?;
    let (page, count) = &*picked;
    let rows =
        page.rows.iter().map(|(pick, key)| (InOrder(SelectableNumberObject(pick.clone())), key.clone()));
    let page = Page { rows: rows.collect(), has_previous: page.has_previous, has_next: page.has_next };
    let count = *count;
    Ok(Listed::page(LIST, page, Box::new(move || Box::pin(async move { Ok(count) }))))
}

/// What does not agree between the inventory and the lines that stand on devices.
pub struct NumberAudit(rule_number::AuditFacts);

/// What does not agree between the inventory and the lines that stand on devices.
#[Object]
impl NumberAudit {
    /// The differences, up to 1,000.
    async fn differences(&self) -> Vec<NumberDifference> {
        let differing = self.0.differing.iter().map(|(number, standing, days)| NumberDifference {
            id: Some(number.id.0),
            pattern: number.pattern.clone(),
            partition: number.partition.clone(),
            status: Some(number.status.into()),
            expected: rule_number::mended(number, *standing, *days, self.0.now).status.into(),
        });
        let missing = self.0.missing.iter().map(|(.., partition, absent)| NumberDifference {
            id: None,
            pattern: absent.pattern.clone(),
            partition: partition.clone(),
            status: None,
            expected: NumberStatus::Used,
        });
        differing.chain(missing).collect()
    }

    /// Whether there are more than one audit tells.
    async fn has_more(&self) -> bool {
        self.0.more
    }
}

/// A number whose entry does not agree with its line, or that has none although its line stands on a device.
pub struct NumberDifference {
    id: Option<i64>,
    pattern: String,
    partition: String,
    status: Option<NumberStatus>,
    expected: NumberStatus,
}

/// A number whose entry does not agree with its line, or that has none although its line stands on a device.
#[Object]
impl NumberDifference {
    /// The entry; nothing where there is none.
    async fn number(&self, ctx: &Context<'_>) -> Result<Option<Number>> {
        one(ctx, self.id).await
    }

    /// The directory number.
    async fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The route partition; nothing is Unified CM's none.
    async fn partition(&self) -> Option<&str> {
        Some(self.partition.as_str()).filter(|partition| !partition.is_empty())
    }

    /// The status of the entry.
    async fn status(&self) -> Option<NumberStatus> {
        self.status
    }

    /// The status that the line's appearances say.
    async fn expected(&self) -> NumberStatus {
        self.expected
    }
}

#[derive(Default)]
pub struct NumberQuery;

#[Object]
impl NumberQuery {
    /// One number of the inventory; nothing when it has no entry, or none for you to see.
    async fn number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How it is named.")] by: NumberBy,
    ) -> Result<Option<Number>> {
        ctx.caller()?;
        match by {
            NumberBy::Id(id) => one(ctx, id::number(&id)).await,
            NumberBy::Number(number) => only(ctx, number.filter(), number::BY_PATTERN).await,
        }
    }

    /// Numbers of the inventory, by number unless told otherwise.
    async fn numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<NumberFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<NumberOrder>,
    ) -> Result<Connection<Number>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "numbers", filter.unwrap_or_default().into(), order, asked).await
    }

    /// What does not agree between the inventory and the lines that stand on devices; `auditNumbers` mends it. Nothing
    /// where the organization is not for you to see.
    async fn number_audit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The organization, with everything below; all that you see unless given.")]
        organization_id: Option<ID>,
    ) -> Result<Option<NumberAudit>> {
        let reader = ctx.reader()?;
        let organization = organization_id.map(|id| or_none(id::organization(&id)));
        let now = ctx.app()?.now();
        let found = number::compare(&reader, reader.scope(), organization, now, false).await?;
        Ok(found.seen.then_some(NumberAudit(found)))
    }
}

/// A range of numbers to add; a single one where `last` is left out. What is there already is left alone.
#[derive(InputObject)]
pub struct CreateNumbersInput {
    /// The organization to keep them at: a provider, a customer or a site.
    pub organization_id: ID,
    /// The cluster; it must serve the organization.
    pub cluster_id: ID,
    /// The route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// The first number.
    pub first: String,
    /// The last number, as long as the first; at most 1,000 numbers at once.
    pub last: Option<String>,
    /// What stands before each number as the outside world dials it, such as `+49305550`.
    pub e164_prefix: Option<String>,
    /// A note, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    /// Free fields.
    #[graphql(default)]
    pub extra: Vec<ExtraFieldInput>,
    /// User id of whom they are kept for, who need not exist yet.
    pub reserved_for: Option<String>,
    /// When that ends by itself; never unless given.
    pub reserved_until: Option<DateTime<Utc>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A number to add. One that is there already is left alone.
#[derive(InputObject)]
pub struct CreateNumberInput {
    /// The organization to keep it at: a provider, a customer or a site.
    pub organization_id: ID,
    /// The cluster; it must serve the organization.
    pub cluster_id: ID,
    /// The route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// The directory number.
    pub pattern: String,
    /// The number as the outside world dials it: + and up to 15 digits.
    pub e164_number: Option<String>,
    /// A note, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    /// Free fields.
    #[graphql(default)]
    pub extra: Vec<ExtraFieldInput>,
    /// User id of whom it is kept for, who need not exist yet.
    pub reserved_for: Option<String>,
    /// When that ends by itself; never unless given.
    pub reserved_until: Option<DateTime<Utc>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a number: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct UpdateNumberInput {
    /// The number.
    pub id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// A note, up to 128 characters.
    pub description: MaybeUndefined<String>,
    /// The number as the outside world dials it: + and up to 15 digits.
    pub e164_number: MaybeUndefined<String>,
    /// Free fields, all of them.
    pub extra: Option<Vec<ExtraFieldInput>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A number to delete.
#[derive(InputObject)]
pub struct DeleteNumberInput {
    /// The number.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of every number of a range that is there.
#[derive(InputObject)]
pub struct UpdateNumbersInput {
    /// The cluster.
    pub cluster_id: ID,
    /// The route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// The first number.
    pub first: String,
    /// The last number; the first one unless given. At most 1,000 numbers at once.
    pub last: Option<String>,
    /// A note, up to 128 characters.
    pub description: MaybeUndefined<String>,
    /// Free fields, all of them.
    pub extra: Option<Vec<ExtraFieldInput>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A range of numbers to delete.
#[derive(InputObject)]
pub struct DeleteNumbersInput {
    /// The cluster.
    pub cluster_id: ID,
    /// The route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// The first number.
    pub first: String,
    /// The last number; the first one unless given. At most 1,000 numbers at once.
    pub last: Option<String>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Another status for a number.
#[derive(InputObject)]
pub struct ChangeNumberStatusInput {
    /// The number.
    pub number_id: ID,
    /// Its version, to change that one only.
    pub expected_version: Option<i64>,
    /// The new status. `USED` comes and goes with the number's line; given here for a number that is `USED`, with
    /// `utility` left out, it says that nothing but devices uses it any more.
    pub to: NumberStatus,
    /// For `COOLING`, for how many days, 1 to 999; as the organization says unless given.
    pub days: Option<i32>,
    /// For `USED_UTILITY`, what uses it. On a number that is `USED` both usages are kept.
    pub utility: Option<NumberUtility>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Numbers to keep for a user, or for nobody any more.
#[derive(InputObject)]
pub struct ReserveNumbersForInput {
    /// The organization to keep numbers at that are not there yet: a provider, a customer or a site.
    pub organization_id: ID,
    /// The cluster; it must serve the organization.
    pub cluster_id: ID,
    /// The route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// The numbers, at most 1,000; those that are not there yet are added.
    pub patterns: Vec<String>,
    /// User id of whom to keep them for, who need not exist; nothing clears it. It must be cleared before they are kept
    /// for somebody else.
    pub user_id: Option<String>,
    /// When that ends by itself; never unless given.
    pub until: Option<DateTime<Utc>>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Where to mend the inventory.
#[derive(InputObject)]
pub struct AuditNumbersInput {
    /// The organization, with everything below it; all that you see unless given.
    pub organization_id: Option<ID>,
    /// Whether lines that stand on devices and have no entry get one.
    #[graphql(default)]
    pub add_missing: bool,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What became of a number that a mutation named.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum NumberResult {
    /// It came into the inventory.
    Created,
    /// It was updated.
    Updated,
    /// It went out of the inventory.
    Deleted,
    /// It is there and stays as it is: there already, as asked for, or used, reserved, cooling or kept for somebody.
    LeftAlone,
    /// It is not there for you to change.
    Absent,
}

/// What became of one number.
pub struct NumberOutcome {
    pattern: String,
    result: NumberResult,
    id: Option<i64>,
}

/// What became of one number.
#[Object]
impl NumberOutcome {
    /// The directory number.
    async fn pattern(&self) -> &str {
        &self.pattern
    }

    /// What became of it.
    async fn result(&self) -> NumberResult {
        self.result
    }

    /// Its entry as it is now; its status says why it was left alone.
    async fn number(&self, ctx: &Context<'_>) -> Result<Option<Number>> {
        one(ctx, self.id).await
    }
}

/// What came of a mutation on several numbers.
struct Many {
    done: Done,
    range: Range,
    patterns: Vec<String>,
    /// What a number that was not changed and is not seen was.
    unseen: NumberResult,
}

impl Many {
    async fn outcomes(&self, ctx: &Context<'_>) -> Result<Vec<NumberOutcome>> {
        if !self.done.is_done() {
            return Ok(Vec::new());
        }
        let changed: HashMap<&str, (NumberResult, i64)> = self
            .done
            .changes()
            .iter()
            .filter_map(|change| match change {
                RuleChange::NumberCreated { number } => Some((number, NumberResult::Created)),
                RuleChange::NumberUpdated { after, .. } => Some((after, NumberResult::Updated)),
                RuleChange::NumberDeleted { number } => Some((number, NumberResult::Deleted)),
                _ => None,
            })
            .map(|(number, result)| (number.pattern.as_str(), (result, number.id.0)))
            .collect();
        let reader = ctx.reader()?;
        let (cluster, partition) = (self.range.cluster, self.range.partition.as_str());
        let there = number::ids_of(&reader, reader.scope(), cluster, partition, &self.patterns).await?;
        let outcomes = self.patterns.iter().map(|pattern| {
            let (result, id) = match (changed.get(pattern.as_str()), there.get(pattern)) {
                (Some((result, id)), _) => (*result, Some(*id)),
                (None, Some(id)) => (NumberResult::LeftAlone, Some(*id)),
                (None, None) => (self.unseen, None),
            };
            NumberOutcome { pattern: pattern.clone(), result, id }
        });
        Ok(outcomes.collect())
    }
}

macro_rules! many {
    ($(#[$doc:meta])* $name:ident) => {
        pub struct $name(Many);

        $(#[$doc])*
        #[Object]
        impl $name {
            /// What became of each number, in order; empty when a rule was broken.
            async fn outcomes(&self, ctx: &Context<'_>) -> Result<Vec<NumberOutcome>> {
                self.0.outcomes(ctx).await
            }

            /// Every rule that the input breaks; empty when it was done.
            async fn errors(&self) -> Vec<UserError> {
                self.0.done.errors()
            }

            /// What was done, in order; on a dry run, what would be. Empty when all was so already.
            async fn changes(&self) -> Vec<Change> {
                self.0.done.rendered()
            }

            /// Place in the change stream right after what was done: follow from here to see what comes next.
            /// Nothing when a rule was broken.
            async fn cursor(&self) -> Option<Cursor> {
                self.0.done.cursor()
            }
        }
    };
}

many! {
    /// What came of `createNumbers`.
    CreateNumbersPayload
}

many! {
    /// What came of `updateNumbers`.
    UpdateNumbersPayload
}

many! {
    /// What came of `deleteNumbers`.
    DeleteNumbersPayload
}

many! {
    /// What came of `reserveNumbersFor`.
    ReserveNumbersForPayload
}

payload! {
    /// What came of `deleteNumber`.
    DeleteNumberPayload {}
}

payload! {
    /// What came of `updateNumber`.
    UpdateNumberPayload {
        /// The number as it is now.
        number: Option<Number> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `createNumber`.
    CreateNumberPayload {
        /// The new number; nothing where it was there already, and on a dry run.
        number: Option<Number> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `changeNumberStatus`.
    ChangeNumberStatusPayload {
        /// The number as it is now.
        number: Option<Number> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `auditNumbers`.
    AuditNumbersPayload {}
}

fn range(cluster: &ID, partition: String, first: String, last: Option<String>) -> Range {
    let last = last.unwrap_or_else(|| first.clone());
    Range { cluster: or_none(id::cluster(cluster)), partition, first, last }
}

fn moment(time: DateTime<Utc>) -> Moment {
    Moment(time.timestamp_micros())
}

/// Does the command on a range of numbers.
async fn ranged<C: crate::command::Command>(
    ctx: &Context<'_>,
    call: CallInput,
    range: Range,
    unseen: NumberResult,
    cmd: C,
) -> Result<Many> {
    let patterns = rule_number::numbers_of(&range.first, &range.last).unwrap_or_default();
    Ok(Many { done: perform(ctx, call, cmd).await?, range, patterns, unseen })
}

impl Says for CreateNumberInput {
    type Command = Create;

    fn said(self) -> Result<Said<Create>> {
        let cmd = Create {
            organization: or_none(id::organization(&self.organization_id)),
            range: range(&self.cluster_id, self.partition, self.pattern, None),
            fields: Fields {
                description: self.description,
                e164_number: self.e164_number,
                extra: entity::number::Extra(extra(self.extra)),
            },
            e164_prefix: None,
            beginning: Beginning {
                reserved_for: self.reserved_for,
                reserved_until: self.reserved_until.map(moment),
                ..Beginning::default()
            },
            one: true,
        };
        let made = |change: &RuleChange| match change {
            RuleChange::NumberCreated { number } => Some(number.id.0),
            _ => None,
        };
        Ok(Said { call: self.call, about: About::Made(made), cmd })
    }
}

impl Says for ChangeNumberStatusInput {
    type Command = ChangeStatus;

    fn said(self) -> Result<Said<ChangeStatus>> {
        let id = or_none(id::number(&self.number_id));
        let cmd = ChangeStatus {
            id,
            expected_version: self.expected_version,
            to: self.to.into(),
            days: self.days,
            utility: self.utility.map(Into::into),
        };
        Ok(Said { call: self.call, about: About::There(id.0), cmd })
    }
}

impl Says for UpdateNumberInput {
    type Command = Update;

    fn said(self) -> Result<Said<Update>> {
        let id = or_none(id::number(&self.id));
        let mut fields = Sent::default();
        fields
            .maybe("description", self.description)
            .maybe("e164_number", self.e164_number)
            .given("extra", self.extra.map(extra));
        let cmd = Update { id, expected_version: self.expected_version, fields: fields.patch() };
        Ok(Said { call: self.call, about: About::There(id.0), cmd })
    }
}

impl Says for DeleteNumberInput {
    type Command = DeleteOne;

    fn said(self) -> Result<Said<DeleteOne>> {
        let cmd = DeleteOne { id: or_none(id::number(&self.id)), expected_version: self.expected_version };
        Ok(Said { call: self.call, about: About::Gone, cmd })
    }
}

#[derive(Default)]
pub struct NumberMutation;

#[Object]
impl NumberMutation {
    /// Adds a range of numbers to the inventory, up to 1,000; what is there already is left alone. A number whose line
    /// stands on a device already begins as `USED`.
    async fn create_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones, and where.")] input: CreateNumbersInput,
    ) -> Result<CreateNumbersPayload> {
        let range = range(&input.cluster_id, input.partition, input.first, input.last);
        let fields = Fields {
            description: input.description,
            e164_number: None,
            extra: entity::number::Extra(extra(input.extra)),
        };
        let beginning = Beginning {
            reserved_for: input.reserved_for,
            reserved_until: input.reserved_until.map(moment),
            ..Beginning::default()
        };
        let cmd = Create {
            organization: or_none(id::organization(&input.organization_id)),
            range: range.clone(),
            fields,
            e164_prefix: input.e164_prefix,
            beginning,
            one: false,
        };
        Ok(CreateNumbersPayload(ranged(ctx, input.call, range, NumberResult::LeftAlone, cmd).await?))
    }

    /// Adds a number to the inventory; one that is there already is left alone.
    async fn create_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and where.")] input: CreateNumberInput,
    ) -> Result<CreateNumberPayload> {
        Ok(CreateNumberPayload(say(ctx, input).await?))
    }

    /// Changes what is written at a number.
    async fn update_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateNumberInput,
    ) -> Result<UpdateNumberPayload> {
        Ok(UpdateNumberPayload(say(ctx, input).await?))
    }

    /// Changes what is written at every number of a range that is there, up to 1,000.
    async fn update_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones, and what to change.")] input: UpdateNumbersInput,
    ) -> Result<UpdateNumbersPayload> {
        let range = range(&input.cluster_id, input.partition, input.first, input.last);
        let mut fields = Sent::default();
        fields.maybe("description", input.description).given("extra", input.extra.map(extra));
        let cmd = UpdateRange { range: range.clone(), fields: fields.patch() };
        Ok(UpdateNumbersPayload(ranged(ctx, input.call, range, NumberResult::Absent, cmd).await?))
    }

    /// Deletes a number that is available and kept for nobody.
    async fn delete_number(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteNumberInput,
    ) -> Result<DeleteNumberPayload> {
        Ok(DeleteNumberPayload(say(ctx, input).await?))
    }

    /// Deletes the numbers of a range that are available and kept for nobody, up to 1,000; the others are left alone.
    async fn delete_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones.")] input: DeleteNumbersInput,
    ) -> Result<DeleteNumbersPayload> {
        let range = range(&input.cluster_id, input.partition, input.first, input.last);
        let cmd = Delete { range: range.clone() };
        Ok(DeleteNumbersPayload(ranged(ctx, input.call, range, NumberResult::Absent, cmd).await?))
    }

    /// Reserves a number, makes it available, lets it cool, or says what uses it besides devices. While its line stands on
    /// a device, its status follows that.
    async fn change_number_status(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and its new status.")] input: ChangeNumberStatusInput,
    ) -> Result<ChangeNumberStatusPayload> {
        Ok(ChangeNumberStatusPayload(say(ctx, input).await?))
    }

    /// Keeps numbers for a user, who need not exist, whatever their status; until that is cleared they go to nobody else.
    async fn reserve_numbers_for(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones, and for whom.")] input: ReserveNumbersForInput,
    ) -> Result<ReserveNumbersForPayload> {
        let cluster = or_none(id::cluster(&input.cluster_id));
        let cmd = ReserveFor {
            organization: or_none(id::organization(&input.organization_id)),
            cluster,
            partition: input.partition,
            patterns: input.patterns,
            user_id: input.user_id,
            until: input.until.map(moment),
        };
        let range =
            Range { cluster, partition: cmd.partition.clone(), first: String::new(), last: String::new() };
        let patterns = cmd.patterns.clone();
        let done = perform(ctx, input.call, cmd).await?;
        Ok(ReserveNumbersForPayload(Many { done, range, patterns, unseen: NumberResult::Absent }))
    }

    /// Puts right the statuses that do not agree with the lines that stand on devices, up to 500 at once: repeat it until
    /// nothing changes. It deletes nothing.
    async fn audit_numbers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Where.")] input: AuditNumbersInput,
    ) -> Result<AuditNumbersPayload> {
        let organization = input.organization_id.map(|id| or_none(id::organization(&id)));
        let cmd = Audit { organization, add_missing: input.add_missing };
        Ok(AuditNumbersPayload(perform(ctx, input.call, cmd).await?))
    }
}
