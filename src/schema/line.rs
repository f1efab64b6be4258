//! Lines and their appearances in the graph.

use std::{collections::BTreeSet, sync::Arc};

use async_graphql::{Context, Enum, ID, InputObject, MaybeUndefined, Object, OneofObject};
use chrono::{DateTime, Utc};
use entity::{change_subject::Noun, device::Kind};

use super::{
    Ask, Result,
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{
        Asked, Connection, Direction, TimeRange, below, first_below, one, one_joined, root, several,
    },
    device::{self, Device},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Thing, rendered, to_first, to_joined, to_many},
    mutation::{About, CallInput, Done, Said, Says, make, payload, perform, run, say},
    number::{InventoryFilter, Number},
    organization::{Organization, sea_name},
    phone::Phone,
    preview::DeletePreview,
    profile::{Profile, only},
    user::User,
    value::{
        enums::AppearanceRole,
        id::{self, NodeId, or_none},
        scalar::date_time,
        settings::{AppearanceSettings, AppearanceSettingsInput, LineSettings, LineSettingsInput},
    },
};
use crate::{
    error::Error,
    rule::{
        Change as RuleChange,
        line::{
            Add, ChangeSettings, Create, Delete, Lay, NewLine, Reference, Remove, Replace, Target, Update,
        },
    },
    store::{
        line, number as number_store,
        page::{Filter, Order},
    },
};

/// A line.
pub type Line = Thing<LineObject>;

/// The fields of [`Line`].
#[derive(Clone)]
pub struct LineObject(pub Arc<line::Row>);

rendered!(LineObject over line::Row, in line {
    "organization" => to_joined::<line::Row, Organization>(|row| Ok(Some(row.organization_id.get()?.0)), |row| row.joined.organization.clone()),
    "cluster" => to_joined::<line::Row, Cluster>(|row| Ok(Some(row.cluster_id.get()?.0)), |row| row.joined.cluster.clone()),
    "number" => to_first::<line::Row, Number>(number_store::OF_LINE, |row| Ok(row.id.get()?.0)),
    "original" => to_first::<line::Row, LineAppearance>(line::ORIGINAL_OF_LINE, |row| Ok(row.id.get()?.0)),
    "appearances" => to_many::<line::Row, LineAppearance>(line::OF_LINE),
    "clones" => to_many::<line::Row, LineAppearance>(line::CLONES_OF_LINE),
});

/// A line (directory number): a number in a partition of a cluster. Where it stands on several devices, one
/// appearance is its original and the others are clones; it is changed through the original, and every clone follows.
#[Object(name = "Line")]
impl LineObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Line(*self.0.id.get()?).encode())
    }

    /// The directory number: 1 to 24 digits, wildcards and signs.
    async fn pattern(&self) -> Result<&str> {
        Ok(self.0.pattern.get()?)
    }

    /// The route partition; nothing is Unified CM's none.
    async fn partition(&self) -> Result<Option<&str>> {
        Ok(Some(self.0.partition.get()?.as_str()).filter(|partition| !partition.is_empty()))
    }

    /// A text about it, up to 128 characters.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// What all its appearances share.
    async fn settings(&self) -> Result<LineSettings> {
        LineSettings::try_from(self.0.settings.get()?).map_err(Error::internal)
    }

    /// Raised with every change; pass it as `expectedVersion` to change this version only.
    async fn version(&self) -> Result<i64> {
        Ok(*self.0.version.get()?)
    }

    /// When it was created.
    async fn created_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.created_at.get()?))
    }

    /// When it was last changed.
    async fn updated_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.updated_at.get()?))
    }

    /// The organization that it is kept at.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one_joined(ctx, self.0.joined.organization.as_ref(), *self.0.organization_id.get()?).await
    }

    /// The cluster that it is on.
    async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
        one_joined(ctx, self.0.joined.cluster.as_ref(), *self.0.cluster_id.get()?).await
    }

    /// The appearance that it is changed through; nothing while it stands nowhere, or where that one is not for you to
    /// see.
    async fn original(&self, ctx: &Context<'_>) -> Result<Option<LineAppearance>> {
        first_below(ctx, line::ORIGINAL_OF_LINE, self.0.id.get()?.0).await
    }

    /// What the inventory says of its number; nothing where that has no entry.
    async fn number(&self, ctx: &Context<'_>) -> Result<Option<Number>> {
        first_below(ctx, number_store::OF_LINE, self.0.id.get()?.0).await
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
        below(ctx, line::OF_LINE, self.0.id.get()?.0, asked).await
    }

    /// Where it stands besides the original, oldest first.
    async fn clones(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
    ) -> Result<Connection<LineAppearance>> {
        let asked = Asked { first, after, last, before };
        below(ctx, line::CLONES_OF_LINE, self.0.id.get()?.0, asked).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Line, self.0.id.get()?.0, first, after).await
    }
}

/// A line on a device.
pub type LineAppearance = Thing<LineAppearanceObject>;

/// The fields of [`LineAppearance`].
#[derive(Clone)]
pub struct LineAppearanceObject(pub Arc<line::AppearanceRow>);

rendered!(LineAppearanceObject over line::AppearanceRow, in appearance {
    // It came with the appearance, in the same statement.
    "line" => to_joined::<line::AppearanceRow, Line>(|row| Ok(Some(row.line_id.get()?.0)), |row| row.joined.line.clone()),
    "device" => device::lead(),
    "original" => to_first::<line::AppearanceRow, LineAppearance>(line::ORIGINAL_OF_LINE, |row| Ok(row.line_id.get()?.0)),
});

/// A line on a device, at a place among the device's lines.
#[Object(name = "LineAppearance")]
impl LineAppearanceObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Appearance(*self.0.id.get()?).encode())
    }

    /// The place among the device's lines, from 1.
    async fn index(&self) -> Result<i32> {
        Ok(*self.0.position.get()?)
    }

    /// Whether the line is changed through it, or it follows as a clone.
    async fn role(&self) -> Result<AppearanceRole> {
        Ok((*self.0.role.get()?).into())
    }

    /// The text beside the line's button on this device only, up to 50 characters.
    async fn label(&self) -> Result<Option<&str>> {
        Ok(self.0.label.get()?.as_deref())
    }

    /// What a device may have of its own on a shared line; changed through the original, for all appearances at once.
    async fn settings(&self) -> Result<AppearanceSettings> {
        AppearanceSettings::try_from(self.0.settings.get()?).map_err(Error::internal)
    }

    /// When the line was put there.
    async fn created_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.created_at.get()?))
    }

    /// The line; nothing where it is kept outside your organization.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<Line>> {
        one_joined(ctx, self.0.joined.line.as_ref(), *self.0.line_id.get()?).await
    }

    /// The profile, phone or other device that it is on.
    async fn device(&self, ctx: &Context<'_>) -> Result<Option<Device>> {
        device::load(ctx, ctx.field(), *self.0.device_id.get()?).await
    }

    /// The appearance that the line is changed through: this one, or the one that it is a clone of.
    async fn original(&self, ctx: &Context<'_>) -> Result<Option<LineAppearance>> {
        first_below(ctx, line::ORIGINAL_OF_LINE, self.0.line_id.get()?.0).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Appearance, self.0.id.get()?.0, first, after).await
    }
}

/// One line, by id or by number.
#[derive(OneofObject)]
pub enum LineBy {
    /// Global id.
    Id(ID),
    /// Number on a cluster.
    Number(NumberOnCluster),
}

/// A number on a cluster.
#[derive(InputObject)]
pub struct NumberOnCluster {
    /// The directory number.
    pub pattern: String,
    /// The route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// The cluster.
    pub cluster_id: ID,
}

impl NumberOnCluster {
    /// The filter that only the line, or the inventory's entry, of this number passes.
    pub fn filter(self) -> Filter {
        Filter::All(vec![
            Filter::Is("t.pattern", self.pattern),
            Filter::Is("t.partition", self.partition),
            Filter::Numbers("t.cluster_id", numbers(&[self.cluster_id], id::cluster)),
        ])
    }
}

/// Which lines a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct LineFilter {
    /// All of these must hold.
    pub and: Option<Vec<LineFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<LineFilter>>,
    /// This must not hold.
    pub not: Option<Box<LineFilter>>,
    /// Any of these lines.
    pub ids: Option<Vec<ID>>,
    /// The directory number.
    pub pattern: Option<StringFilter>,
    /// The route partition.
    pub partition: Option<StringFilter>,
    /// The description, whatever the case.
    pub description: Option<StringFilter>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// In these organizations.
    pub organization: Option<OrganizationScope>,
    /// On any of these profiles, phones or other devices.
    pub devices: Option<Vec<ID>>,
    /// On a profile of any of these users.
    pub users: Option<Vec<ID>>,
    /// Whether it stands on any device.
    pub is_assigned: Option<bool>,
    /// Whether it has clones.
    pub has_clones: Option<bool>,
    /// When it was last changed.
    pub updated: Option<TimeRange>,
}

impl From<LineFilter> for Filter {
    fn from(filter: LineFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::line)))
            .add(filter.pattern, |text| text.exact("t.pattern"))
            .add(filter.partition, |text| text.exact("t.partition"))
            .add(filter.description, |text| text.keyed("lower(t.description)"))
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .add(filter.devices, |ids| {
                let ids = numbers(&ids, id::device);
                Filter::Linked("SELECT line_id FROM line_appearance WHERE device_id", ids, "device")
            })
            .add(filter.users, |ids| {
                let select = "SELECT a.line_id FROM line_appearance a JOIN profile_user u ON u.profile_id = \
                              a.device_id WHERE u.user_id";
                Filter::Linked(select, numbers(&ids, id::user), "\"user\"")
            })
            .related(
                filter.is_assigned,
                "SELECT 1 FROM line_appearance l WHERE l.line_id = t.id",
                "l.device_id",
                "device",
            )
            .related(
                filter.has_clones,
                "SELECT 1 FROM line_appearance l WHERE l.line_id = t.id AND l.role = 'CLONE'",
                "l.device_id",
                "device",
            )
            .time(filter.updated, "t.updated_at");
        parts.all()
    }
}

/// Which clones a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct CloneFilter {
    /// Clones of any of these lines.
    pub lines: Option<Vec<ID>>,
    /// On any of these profiles, phones or other devices.
    pub devices: Option<Vec<ID>>,
    /// The line's number.
    pub pattern: Option<StringFilter>,
    /// On devices in these organizations.
    pub organization: Option<OrganizationScope>,
}

impl From<CloneFilter> for Filter {
    fn from(filter: CloneFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .whether(Some(true), "t.role = 'CLONE'")
            .add(filter.lines, |ids| Filter::Refers("t.line_id", numbers(&ids, id::line), "line"))
            .add(filter.devices, |ids| Filter::Numbers("t.device_id", numbers(&ids, id::device)))
            .add(filter.pattern, |text| text.exact("(SELECT l.pattern FROM line l WHERE l.id = t.line_id)"))
            .add(filter.organization, |scope| {
                scope.on("(SELECT d.organization_id FROM device d WHERE d.id = t.device_id)")
            });
        parts.all()
    }
}

/// Which appearances a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct AppearanceFilter {
    /// All of these must hold.
    pub and: Option<Vec<AppearanceFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<AppearanceFilter>>,
    /// This must not hold.
    pub not: Option<Box<AppearanceFilter>>,
    /// Any of these appearances.
    pub ids: Option<Vec<ID>>,
    /// Of any of these lines.
    pub lines: Option<Vec<ID>>,
    /// On any of these profiles, phones or other devices.
    pub devices: Option<Vec<ID>>,
    /// Originals, or clones.
    pub role: Option<AppearanceRole>,
    /// The line's number.
    pub pattern: Option<StringFilter>,
    /// The line's route partition.
    pub partition: Option<StringFilter>,
    /// On devices of any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// On devices in these organizations.
    pub organization: Option<OrganizationScope>,
    /// The text beside the button.
    pub label: Option<StringFilter>,
}

impl From<AppearanceFilter> for Filter {
    fn from(filter: AppearanceFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::appearance)))
            .add(filter.lines, |ids| Filter::Refers("t.line_id", numbers(&ids, id::line), "line"))
            .add(filter.devices, |ids| Filter::Numbers("t.device_id", numbers(&ids, id::device)))
            .add(filter.role, |role| Filter::Is("t.role", sea_name(&role)))
            .add(filter.pattern, |text| text.exact("(SELECT l.pattern FROM line l WHERE l.id = t.line_id)"))
            .add(filter.partition, |text| {
                text.exact("(SELECT l.partition FROM line l WHERE l.id = t.line_id)")
            })
            .add(filter.clusters, |ids| {
                let column = "(SELECT d.cluster_id FROM device d WHERE d.id = t.device_id)";
                Filter::Numbers(column, numbers(&ids, id::cluster))
            })
            .add(filter.organization, |scope| {
                scope.on("(SELECT d.organization_id FROM device d WHERE d.id = t.device_id)")
            })
            .add(filter.label, |text| text.exact("t.label"));
        parts.all()
    }
}

/// What lines are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum LineOrderField {
    /// The directory number.
    #[default]
    Pattern,
    /// When it was created.
    CreatedAt,
    /// When it was last changed.
    UpdatedAt,
}

/// The order of lines.
#[derive(Default, InputObject)]
pub struct LineOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: LineOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<LineOrder> for Order {
    fn from(order: LineOrder) -> Self {
        let (column, number) = match order.field {
            LineOrderField::Pattern => ("t.pattern", false),
            LineOrderField::CreatedAt => ("t.created_at", true),
            LineOrderField::UpdatedAt => ("t.updated_at", true),
        };
        Self { column, number, descending: order.direction == Direction::Descending }
    }
}

/// What clones are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum CloneOrderField {
    /// When the line was put there.
    #[default]
    CreatedAt,
}

/// The order of clones.
#[derive(Default, InputObject)]
pub struct CloneOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: CloneOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<CloneOrder> for Order {
    fn from(order: CloneOrder) -> Self {
        let CloneOrderField::CreatedAt = order.field;
        Self { column: "t.created_at", number: true, descending: order.direction == Direction::Descending }
    }
}

/// Whom a change of a line would reach.
pub struct LineImpact {
    line: i64,
    appearances: Vec<(i64, i64, Kind)>,
}

/// Whom a change of a line would reach.
#[Object]
impl LineImpact {
    /// The line.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<Line>> {
        one(ctx, Some(self.line)).await
    }

    /// The appearance that it is changed through.
    async fn original(&self, ctx: &Context<'_>) -> Result<Option<LineAppearance>> {
        first_below(ctx, line::ORIGINAL_OF_LINE, self.line).await
    }

    /// Every appearance that you may see, oldest first.
    async fn appearances(&self, ctx: &Context<'_>) -> Result<Vec<LineAppearance>> {
        several(ctx, self.appearances.iter().map(|(id, ..)| *id)).await
    }

    /// The profiles that it stands on.
    async fn profiles(&self, ctx: &Context<'_>) -> Result<Vec<Profile>> {
        several(ctx, self.devices(Kind::Profile)).await
    }

    /// The phones that it stands on.
    async fn phones(&self, ctx: &Context<'_>) -> Result<Vec<Phone>> {
        several(ctx, self.devices(Kind::Phone)).await
    }

    /// The users of these profiles.
    async fn users(&self, ctx: &Context<'_>) -> Result<Vec<User>> {
        users_of(ctx, self.devices(Kind::Profile)).await
    }
}

impl LineImpact {
    fn devices(&self, kind: Kind) -> BTreeSet<i64> {
        self.appearances.iter().filter(|(.., k)| *k == kind).map(|(_, device, _)| *device).collect()
    }
}

/// The users of profiles, each once.
async fn users_of(ctx: &Context<'_>, profiles: impl IntoIterator<Item = i64>) -> Result<Vec<User>> {
    let reader = ctx.reader()?;
    let profiles: Vec<_> = profiles.into_iter().collect();
    let users = crate::store::user::of_profiles(&reader, &profiles).await?;
    several(ctx, users).await
}

#[derive(Default)]
pub struct LineQuery;

#[Object]
impl LineQuery {
    /// One line; nothing when it is not there, or not for you to see.
    async fn line(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How it is named.")] by: LineBy,
    ) -> Result<Option<Line>> {
        ctx.caller()?;
        match by {
            LineBy::Id(id) => one(ctx, id::line(&id)).await,
            LineBy::Number(number) => only(ctx, number.filter(), line::BY_PATTERN).await,
        }
    }

    /// Lines, by number unless told otherwise.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<LineFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<LineOrder>,
    ) -> Result<Connection<Line>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "lines", filter.unwrap_or_default().into(), order, asked).await
    }

    /// Appearances that are clones, oldest first unless told otherwise.
    async fn clones(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<CloneFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<CloneOrder>,
    ) -> Result<Connection<LineAppearance>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "clones", filter.unwrap_or_default().into(), order, asked).await
    }

    /// Appearances of lines on devices, originals and clones, oldest first unless told otherwise.
    async fn appearances(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<AppearanceFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<CloneOrder>,
    ) -> Result<Connection<LineAppearance>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "appearances", filter.unwrap_or_default().into(), order, asked).await
    }

    /// Whom a change of a line would reach: look before you change it.
    async fn preview_line_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The line, by itself or by any of its appearances.")] line: LineTarget,
    ) -> Result<Option<LineImpact>> {
        let reader = ctx.reader()?;
        let Some(line) = line_of(ctx, line.target()).await? else { return Ok(None) };
        let columns = crate::store::row::Columns::own(crate::store::row::bit::<line::Row>("id"));
        if ctx.loaders()?.line.get(line, columns).await?.is_none() {
            return Ok(None);
        }
        let appearances = line::seen_on(&reader, reader.scope(), line).await?;
        Ok(Some(LineImpact { line, appearances }))
    }
}

/// The line that is named, where its appearance is seen.
async fn line_of(ctx: &Context<'_>, target: Target) -> Result<Option<i64>> {
    let id = match target {
        Target::Line(id) => return Ok(Some(id.0)),
        Target::Appearance(id) => id.0,
    };
    let own = crate::store::row::bit::<line::AppearanceRow>("line_id");
    let columns = crate::store::row::Columns::own(own);
    match ctx.loaders()?.appearance.get(id, columns).await? {
        Some(row) => Ok(Some(row.line_id.get()?.0)),
        None => Ok(None),
    }
}

/// How a line is named.
#[derive(OneofObject)]
pub enum LineTarget {
    /// The line.
    LineId(ID),
    /// One of its appearances.
    AppearanceId(ID),
}

impl LineTarget {
    fn target(&self) -> Target {
        match self {
            Self::LineId(id) => Target::Line(or_none(id::line(id))),
            Self::AppearanceId(id) => Target::Appearance(or_none(id::appearance(id))),
        }
    }
}

/// A line to put on a device: one that is there, or a number. A number that the cluster does not have yet is made.
#[derive(InputObject)]
pub struct AddLineInput {
    /// A line that is there; give this or `pattern`.
    pub line_id: Option<ID>,
    /// A directory number; give this or `lineId`.
    pub pattern: Option<String>,
    /// The number's route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// The place among the device's lines, 1 to 100; the first free one unless given.
    pub index: Option<i32>,
    /// The text beside the line's button on this device, up to 50 characters.
    pub label: Option<String>,
    /// A text about the line, where it is new.
    pub description: Option<String>,
    /// Settings of the appearance, where it becomes the original; a clone takes its original's.
    pub settings: Option<AppearanceSettingsInput>,
    /// The line's own settings, where the appearance becomes the original.
    pub line_settings: Option<LineSettingsInput>,
    /// The choice of numbers of the inventory that it must be of: a number that this does not offer, or that has no entry,
    /// is refused.
    pub inventory_filter: Option<InventoryFilter>,
}

impl AddLineInput {
    /// The line to put on a device.
    pub fn line(self) -> Result<NewLine> {
        let line = match (self.line_id, self.pattern) {
            (Some(id), None) => Reference::Line(or_none(id::line(&id))),
            (None, Some(pattern)) => Reference::Number { pattern, partition: self.partition },
            _ => return Err(Error::Input("a line to add has either lineId or pattern".to_owned())),
        };
        Ok(NewLine {
            line,
            index: self.index,
            label: self.label,
            description: self.description,
            settings: self.settings.unwrap_or_default().patch(),
            line_settings: self.line_settings.unwrap_or_default().patch(),
            inventory: self.inventory_filter.map(|filter| filter.rule()).transpose()?,
        })
    }
}

/// What a line is made of.
#[derive(InputObject)]
pub struct CreateLineInput {
    /// The organization to keep it at: any but the root of the tree.
    pub organization_id: ID,
    /// The cluster to make it on; it must serve the organization.
    pub cluster_id: ID,
    /// The directory number: 1 to 24 digits, wildcards and signs.
    pub pattern: String,
    /// The route partition; none unless given.
    #[graphql(default)]
    pub partition: String,
    /// A text about it, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    /// What all its appearances share.
    pub settings: Option<LineSettingsInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a line's own settings: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct UpdateLineInput {
    /// The line, by itself or by its original.
    pub line: LineTarget,
    /// The line's version, to change that one only.
    pub expected_version: Option<i64>,
    /// A text about it.
    pub description: Option<String>,
    /// What all its appearances share.
    pub settings: Option<LineSettingsInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A line to delete.
#[derive(InputObject)]
pub struct DeleteLineInput {
    /// The line.
    pub id: ID,
    /// Its version, to delete that one only.
    pub expected_version: Option<i64>,
    /// Whether to take it off every device first; otherwise a line that stands somewhere is not deleted.
    #[graphql(default)]
    pub remove_appearances: bool,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A line to put on a device.
#[derive(InputObject)]
pub struct AddLineToDeviceInput {
    /// The profile or phone.
    pub device_id: ID,
    /// Version of the profile or phone, to change that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub line: AddLineInput,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// Another place or label for an appearance: what is left out stays.
#[derive(InputObject)]
pub struct UpdateAppearanceInput {
    /// The appearance, original or clone.
    pub appearance_id: ID,
    /// Version of the profile or phone that it is on, to change that one only.
    pub expected_version: Option<i64>,
    /// The place among the device's lines, 1 to 100, a free one.
    pub index: Option<i32>,
    /// The text beside the line's button on this device; null takes it away.
    pub label: MaybeUndefined<String>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// What to change of a line through its original: what is left out stays, null puts the default back.
#[derive(InputObject)]
pub struct ChangeLineSettingsInput {
    /// The line's original.
    pub appearance_id: ID,
    /// The line's version, to change that one only.
    pub expected_version: Option<i64>,
    /// A text about the line.
    pub description: Option<String>,
    /// Settings of the original and, with it, of every clone.
    pub settings: Option<AppearanceSettingsInput>,
    /// What all appearances share.
    pub line_settings: Option<LineSettingsInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A line to take off a device.
#[derive(InputObject)]
pub struct RemoveLineFromDeviceInput {
    /// The appearance.
    pub appearance_id: ID,
    /// Version of the profile or phone that it is on, to change that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// The lines that a device is to have, and no others.
#[derive(InputObject)]
pub struct ReplaceLinesInput {
    /// The profile or phone.
    pub device_id: ID,
    /// Version of the profile or phone: a whole list replaces only what you have seen.
    pub expected_version: i64,
    /// The lines in order. One that stands there already keeps its settings and gets this place and label.
    pub lines: Vec<AddLineInput>,
    #[graphql(flatten)]
    pub call: CallInput,
}

fn made(change: &RuleChange) -> Option<i64> {
    match change {
        RuleChange::LineCreated { line } => Some(line.id.0),
        _ => None,
    }
}

fn updated(change: &RuleChange) -> Option<i64> {
    match change {
        RuleChange::LineUpdated { after, .. } => Some(after.id.0),
        _ => None,
    }
}

impl Says for CreateLineInput {
    type Command = Create;

    fn said(self) -> Result<Said<Create>> {
        let cmd = Create {
            organization: or_none(id::organization(&self.organization_id)),
            cluster: or_none(id::cluster(&self.cluster_id)),
            pattern: self.pattern,
            partition: self.partition,
            description: self.description,
            settings: self.settings.unwrap_or_default().patch(),
        };
        Ok(Said { call: self.call, about: About::Made(made), cmd })
    }
}

impl Says for UpdateLineInput {
    type Command = Update;

    fn said(self) -> Result<Said<Update>> {
        let target = self.line.target();
        let cmd = Update {
            target,
            expected_version: self.expected_version,
            description: self.description,
            settings: self.settings.unwrap_or_default().patch(),
        };
        Ok(Said { call: self.call, about: About::Found(updated), cmd })
    }
}

impl Says for DeleteLineInput {
    type Command = Delete;

    fn said(self) -> Result<Said<Delete>> {
        let cmd = Delete {
            id: or_none(id::line(&self.id)),
            expected_version: self.expected_version,
            remove_appearances: self.remove_appearances,
        };
        Ok(Said { call: self.call, about: About::Gone, cmd })
    }
}

impl Says for ChangeLineSettingsInput {
    type Command = ChangeSettings;

    fn said(self) -> Result<Said<ChangeSettings>> {
        let id = or_none(id::appearance(&self.appearance_id));
        let cmd = ChangeSettings {
            appearance: id,
            expected_version: self.expected_version,
            description: self.description,
            settings: self.settings.unwrap_or_default().patch(),
            line_settings: self.line_settings.unwrap_or_default().patch(),
        };
        Ok(Said { call: self.call, about: About::There(id.0), cmd })
    }
}

payload! {
    /// What came of `createLine`.
    CreateLinePayload {
        /// The new line; nothing on a dry run.
        line: Option<Line> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateLine`.
    UpdateLinePayload {
        /// The line as it is now.
        line: Option<Line> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `deleteLine`.
    DeleteLinePayload {
        /// What it does, or on a dry run would do: what goes along, what stays, and what is freed.
        preview: DeletePreview = |_ctx, done| Ok(DeletePreview::of(done));
        /// The profiles and phones that it was taken off.
        devices: Vec<Device> = |ctx, done| devices(ctx, done.collect(|change| match change {
            RuleChange::AppearanceRemoved { appearance, .. } => Some(appearance.device_id),
            _ => None,
        })).await;
    }
}

payload! {
    /// What came of `addLineToDevice`.
    AddLineToDevicePayload {
        /// The new appearance; nothing on a dry run.
        appearance: Option<LineAppearance> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `updateAppearance`.
    UpdateAppearancePayload {
        /// The appearance as it is now.
        appearance: Option<LineAppearance> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `changeLineSettings`.
    ChangeLineSettingsPayload {
        /// The original as it is now.
        original: Option<LineAppearance> = |ctx, done| one(ctx, done.subject).await;
        /// Every appearance that changed, as far as you may see.
        appearances: Vec<LineAppearance> = |ctx, done| several(ctx, changed(done).map(|(id, ..)| id).collect::<Vec<_>>()).await;
        /// The profiles on which something changed, as far as you may see.
        profiles: Vec<Profile> = |ctx, done| several(ctx, reached(ctx, done).await?).await;
        /// The users of these profiles, as far as you may see.
        users: Vec<User> = |ctx, done| users_of(ctx, reached(ctx, done).await?).await;
    }
}

payload! {
    /// What came of `removeLineFromDevice`.
    RemoveLineFromDevicePayload {
        /// The line; it stays.
        line: Option<Line> = |ctx, done| one(ctx, done.collect(|change| match change {
            RuleChange::AppearanceRemoved { appearance, .. } => Some(appearance.line_id),
            _ => None,
        }).pop()).await;
        /// The clone that became the original, where the original went.
        promoted: Option<LineAppearance> = |ctx, done| one(ctx, done.collect(|change| match change {
            RuleChange::ClonePromoted { after, .. } => Some(after.id),
            _ => None,
        }).pop()).await;
    }
}

payload! {
    /// What came of `replaceLines`.
    ReplaceLinesPayload {
        /// The device as it is now.
        device: Option<Device> = |ctx, done| match done.subject {
            Some(id) => device::load(ctx, ctx.field(), entity::DeviceId(id)).await,
            None => Ok(None),
        };
        /// The clones that became originals, as theirs were taken off.
        promoted: Vec<LineAppearance> = |ctx, done| several(ctx, done.collect(|change| match change {
            RuleChange::ClonePromoted { after, .. } => Some(after.id.0),
            _ => None,
        })).await;
    }
}

/// The appearances whose settings changed, with their devices.
fn changed(done: &Done) -> impl Iterator<Item = (i64, i64, Kind)> {
    done.collect(|change| match change {
        RuleChange::AppearanceSettingsChanged { on, appearance_id, device_id, .. } => {
            Some((appearance_id.0, device_id.0, on.kind))
        }
        _ => None,
    })
    .into_iter()
}

/// The profiles that a change of a line reached: where its own settings changed, all that it stands on.
async fn reached(ctx: &Context<'_>, done: &Done) -> Result<BTreeSet<i64>> {
    let profile = |(_, device, kind): (i64, i64, Kind)| (kind == Kind::Profile).then_some(device);
    let mut profiles: BTreeSet<_> = changed(done).filter_map(profile).collect();
    let updated = done.collect(|change| match change {
        RuleChange::LineUpdated { after, .. } => Some(after.id.0),
        _ => None,
    });
    let reader = ctx.reader()?;
    for line in updated {
        let seen = line::seen_on(&reader, reader.scope(), line).await?;
        profiles.extend(seen.into_iter().filter_map(profile));
    }
    Ok(profiles)
}

async fn devices(ctx: &Context<'_>, ids: Vec<entity::DeviceId>) -> Result<Vec<Device>> {
    let loads = ids.into_iter().map(|id| device::load(ctx, ctx.field(), id));
    Ok(futures_util::future::try_join_all(loads).await?.into_iter().flatten().collect())
}

#[derive(Default)]
pub struct LineMutation;

#[Object]
impl LineMutation {
    /// Makes a line that stands on no device yet.
    async fn create_line(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of.")] input: CreateLineInput,
    ) -> Result<CreateLinePayload> {
        Ok(CreateLinePayload(say(ctx, input).await?))
    }

    /// Changes a line's own settings, named by itself or by its original; every appearance shows them.
    async fn update_line(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which line, and what to change.")] input: UpdateLineInput,
    ) -> Result<UpdateLinePayload> {
        let Said { call, cmd, .. } = input.said()?;
        let target = cmd.target;
        let mut done = perform(ctx, call, cmd).await?;
        if done.is_done() {
            done.subject = line_of(ctx, target).await?;
        }
        Ok(UpdateLinePayload(done))
    }

    /// Deletes a line.
    async fn delete_line(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteLineInput,
    ) -> Result<DeleteLinePayload> {
        Ok(DeleteLinePayload(say(ctx, input).await?))
    }

    /// Puts a line on a profile or phone: as the original where the line stands nowhere yet, else as a clone.
    async fn add_line_to_device(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which line, and where.")] input: AddLineToDeviceInput,
    ) -> Result<AddLineToDevicePayload> {
        let cmd = Add {
            device: or_none(id::device(&input.device_id)),
            expected_version: input.expected_version,
            line: input.line.line()?,
        };
        let made = |change: &RuleChange| match change {
            RuleChange::AppearanceAdded { appearance, .. } => Some(appearance.id.0),
            _ => None,
        };
        Ok(AddLineToDevicePayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Gives an appearance, original or clone, another place or label on its device.
    async fn update_appearance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and what to change.")] input: UpdateAppearanceInput,
    ) -> Result<UpdateAppearancePayload> {
        let id = or_none(id::appearance(&input.appearance_id));
        let cmd = Lay {
            appearance: id,
            expected_version: input.expected_version,
            index: input.index,
            label: match input.label {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(label) => Some(Some(label)),
            },
        };
        Ok(UpdateAppearancePayload(run(ctx, input.call, id.0, cmd).await?))
    }

    /// Changes a line through its original; every clone follows at once. Through a clone it is refused, and the answer names the original.
    async fn change_line_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which line, and what to change.")] input: ChangeLineSettingsInput,
    ) -> Result<ChangeLineSettingsPayload> {
        Ok(ChangeLineSettingsPayload(say(ctx, input).await?))
    }

    /// Takes a line off a profile or phone. The line stays, and where its original goes, the oldest clone becomes it.
    async fn remove_line_from_device(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which appearance.")] input: RemoveLineFromDeviceInput,
    ) -> Result<RemoveLineFromDevicePayload> {
        let cmd = Remove {
            appearance: or_none(id::appearance(&input.appearance_id)),
            expected_version: input.expected_version,
        };
        Ok(RemoveLineFromDevicePayload(perform(ctx, input.call, cmd).await?))
    }

    /// Gives a profile or phone exactly these lines, in one step.
    async fn replace_lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which device, and its lines.")] input: ReplaceLinesInput,
    ) -> Result<ReplaceLinesPayload> {
        let id = or_none(id::device(&input.device_id));
        let cmd = Replace {
            device: id,
            expected_version: Some(input.expected_version),
            lines: input.lines.into_iter().map(AddLineInput::line).collect::<Result<_>>()?,
        };
        Ok(ReplaceLinesPayload(run(ctx, input.call, id.0, cmd).await?))
    }
}
