//! Devices in the graph: what profiles and phones have in common, and names that are neither.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Context, Enum, ID, InputObject, Interface, Object, SelectionField, SimpleObject, parser::types::Selection,
};

use entity::device::Kind;
use futures_util::{future::BoxFuture, join, try_join};

use super::{
    Ask, Result,
    cluster::Cluster,
    connection::{Asked, Connection, Direction, one, one_joined, one_of, root},
    filter::{OrganizationScope, Parts, StringFilter, numbers},
    level::{Answers, Lead, Thing, failed, rendered, scatter, to_joined},
    loader::wanted,
    mutation::{CallInput, make, payload, perform},
    organization::Organization,
    phone::Phone,
    profile::Profile,
    value::{
        enums::DeviceKind,
        id::{self, NodeId, or_none},
    },
};
use crate::{
    error::Error,
    rule::{
        Broken, Change as RuleChange, Rule,
        device::{Register, Release},
        quick_add::pattern::{self, Tokens},
        value::profile_name,
    },
    store::{
        device, line,
        page::{Filter, Order},
        phone, profile,
        row::{Columns, Row as _, bit},
    },
};

/// Whatever has a name on a cluster: profiles, phones and everything else share one namespace.
#[derive(Clone, Interface)]
#[graphql(
    field(name = "id", ty = "ID", desc = "Global id."),
    field(name = "name", ty = "&str", desc = "Its name, unique on its cluster whatever the case."),
    field(name = "organization", ty = "Option<Organization>", desc = "Where it is kept."),
    field(name = "cluster", ty = "Option<Cluster>", desc = "The cluster that it is on.")
)]
pub enum Device {
    Profile(Profile),
    Phone(Phone),
    OtherDevice(OtherDevice),
}

/// The device with this id, with what the field asks of it.
pub async fn load(
    ctx: &Context<'_>,
    field: SelectionField<'_>,
    id: entity::DeviceId,
) -> Result<Option<Device>> {
    let kind = Columns::own(crate::store::row::bit::<device::Row>("kind"));
    let columns = Columns::own(kind.own | <device::Row as crate::store::row::Row>::always());
    let Some(row) = ctx.loaders()?.device.get(id.0, columns).await? else { return Ok(None) };
    Ok(match row.kind.get()? {
        entity::device::Kind::Profile => one_of(ctx, field, Some(id)).await?.map(Device::Profile),
        entity::device::Kind::Phone => one_of(ctx, field, Some(id)).await?.map(Device::Phone),
        entity::device::Kind::Other => one_of(ctx, field, Some(id)).await?.map(Device::OtherDevice),
    })
}

/// Leads from an appearance to its device.
pub fn lead() -> Box<dyn Lead<line::AppearanceRow>> {
    Box::new(OfAppearance)
}

struct OfAppearance;

impl Lead<line::AppearanceRow> for OfAppearance {
    fn follow<'a>(
        &'a self,
        at: &'a [Context<'a>],
        rows: &'a [Arc<line::AppearanceRow>],
    ) -> BoxFuture<'a, Answers> {
        Box::pin(async move {
            match Found::load(at, rows).await {
                Ok(found) => found.answers(at).await,
                Err(error) => failed(at, &error),
            }
        })
    }
}

/// The devices of many, each by its kind, where they stand.
#[derive(Default)]
struct Found {
    profiles: Vec<Option<Arc<profile::Row>>>,
    phones: Vec<Option<Arc<phone::Row>>>,
    others: Vec<Option<Arc<device::Row>>>,
}

impl Found {
    async fn load(at: &[Context<'_>], rows: &[Arc<line::AppearanceRow>]) -> Result<Self> {
        let Some(first) = at.first() else { return Ok(Self::default()) };
        let ids = rows.iter().map(|row| Ok(row.device_id.get()?.0)).collect::<Result<Vec<_>>>()?;
        let field = first.field();
        // What all devices have is in their common table.
        let items = &first.item.node.selection_set.node.items;
        let common = items.iter().all(|item| matches!(item.node, Selection::Field(_)));
        let mut columns = Columns::own(bit::<device::Row>("kind") | device::Row::always());
        if common {
            columns.own |= wanted::<device::Row>(field).own;
        }
        let devices = first.loaders()?.device.get_many(ids.iter().copied(), columns).await?;
        let mut found = Self {
            profiles: vec![None; rows.len()],
            phones: vec![None; rows.len()],
            others: vec![None; rows.len()],
        };
        if common {
            for (place, id) in ids.iter().enumerate() {
                let Some(row) = devices.get(id) else { continue };
                match row.kind.get()? {
                    Kind::Profile => found.profiles[place] = Some(Arc::new(row.as_ref().into())),
                    Kind::Phone => found.phones[place] = Some(Arc::new(row.as_ref().into())),
                    Kind::Other => found.others[place] = Some(row.clone()),
                }
            }
            return Ok(found);
        }
        let mut kinds = HashMap::new();
        for (id, row) in &devices {
            kinds.insert(*id, *row.kind.get()?);
        }
        let of = |kind| ids.iter().copied().filter(|id| kinds.get(id) == Some(&kind)).collect::<Vec<_>>();
        let loaders = first.loaders()?;
        let (profiles, phones, others) = try_join!(
            loaders.profile.get_many(of(Kind::Profile), wanted::<profile::Row>(field)),
            loaders.phone.get_many(of(Kind::Phone), wanted::<phone::Row>(field)),
            loaders.device.get_many(of(Kind::Other), wanted::<device::Row>(field)),
        )?;
        found.profiles = ids.iter().map(|id| profiles.get(id).cloned()).collect();
        found.phones = ids.iter().map(|id| phones.get(id).cloned()).collect();
        found.others = ids.iter().map(|id| others.get(id).cloned()).collect();
        Ok(found)
    }

    async fn answers(self, at: &[Context<'_>]) -> Answers {
        let is_profile: Vec<_> = self.profiles.iter().map(Option::is_some).collect();
        let is_phone: Vec<_> = self.phones.iter().map(Option::is_some).collect();
        let (profiles, phones, others) = join!(
            scatter::<Profile>(at, self.profiles),
            scatter::<Phone>(at, self.phones),
            scatter::<OtherDevice>(at, self.others),
        );
        let each = profiles.into_iter().zip(phones).zip(others).zip(is_profile.into_iter().zip(is_phone));
        each.map(|(((profile, phone), other), is)| match is {
            (true, _) => profile,
            (_, true) => phone,
            _ => other,
        })
        .collect()
    }
}

/// A name on a cluster that is neither a profile's nor a phone's.
pub type OtherDevice = Thing<OtherDeviceObject>;

/// The fields of [`OtherDevice`].
#[derive(Clone)]
pub struct OtherDeviceObject(pub Arc<device::Row>);

impl OtherDeviceObject {
    /// Whether it is neither a profile nor a phone.
    pub fn is_other(&self) -> Result<bool> {
        Ok(*self.0.kind.get()? == entity::device::Kind::Other)
    }
}

rendered!(OtherDeviceObject over device::Row, in device {
    "organization" => to_joined::<device::Row, Organization>(|row| Ok(Some(row.organization_id.get()?.0)), |row| row.joined.organization.clone()),
    "cluster" => to_joined::<device::Row, Cluster>(|row| Ok(Some(row.cluster_id.get()?.0)), |row| row.joined.cluster.clone()),
});

/// A device that is neither a profile nor a phone, such as a gateway; kept because it occupies its name.
#[Object(name = "OtherDevice")]
impl OtherDeviceObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Device(*self.0.id.get()?).encode())
    }

    /// Its name, unique on its cluster whatever the case.
    pub async fn name(&self) -> Result<&str> {
        Ok(self.0.name.get()?)
    }

    /// A text about it, up to 128 characters.
    async fn description(&self) -> Result<&str> {
        Ok(self.0.description.get()?)
    }

    /// Where it is kept.
    pub async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one_joined(ctx, self.0.joined.organization.as_ref(), *self.0.organization_id.get()?).await
    }

    /// The cluster that it is on.
    pub async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
        one_joined(ctx, self.0.joined.cluster.as_ref(), *self.0.cluster_id.get()?).await
    }
}

/// Which other devices a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct OtherDeviceFilter {
    /// All of these must hold.
    pub and: Option<Vec<OtherDeviceFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<OtherDeviceFilter>>,
    /// This must not hold.
    pub not: Option<Box<OtherDeviceFilter>>,
    /// Any of these devices.
    pub ids: Option<Vec<ID>>,
    /// The name.
    pub name: Option<StringFilter>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// In these organizations.
    pub organization: Option<OrganizationScope>,
}

impl From<OtherDeviceFilter> for Filter {
    fn from(filter: OtherDeviceFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::other_device)))
            .add(filter.name, |text| text.keyed("t.name_key"))
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"));
        parts.all()
    }
}

/// What other devices are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum OtherDeviceOrderField {
    /// The name.
    #[default]
    Name,
}

/// The order of other devices.
#[derive(Default, InputObject)]
pub struct OtherDeviceOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: OtherDeviceOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<OtherDeviceOrder> for Order {
    fn from(order: OtherDeviceOrder) -> Self {
        let OtherDeviceOrderField::Name = order.field;
        Self { descending: order.direction == Direction::Descending, ..device::BY_NAME }
    }
}

/// Whether a name can be given to a new profile on a cluster.
#[derive(Default, SimpleObject)]
pub struct NameAvailability {
    /// The name that was looked at; nothing where a pattern gives none.
    name: Option<String>,
    /// Whether it can.
    available: bool,
    /// Why not, in one sentence.
    reason: Option<String>,
    /// What has the name, where you may see it.
    taken_by: Option<DeviceKind>,
    /// Up to three free names near it, where it is taken.
    suggestions: Vec<String>,
}

/// A pattern from which a name is made, as Quick Add groups have them, and whom it is made for.
#[derive(InputObject)]
pub struct NamePatternInput {
    /// The pattern, such as `EM_{username}`.
    pub pattern: String,
    /// What {username} stands for.
    #[graphql(default)]
    pub username: String,
    /// What {firstName} stands for.
    #[graphql(default)]
    pub first_name: String,
    /// What {lastName} stands for.
    #[graphql(default)]
    pub last_name: String,
    /// What {number} stands for.
    #[graphql(default)]
    pub number: String,
}

impl NamePatternInput {
    /// The name that the pattern gives.
    fn name(&self) -> Result<String, Rule> {
        let mut broken = Broken::none();
        pattern::check_name(&mut broken, &self.pattern, "");
        if let Some(breach) = broken.0.into_iter().next() {
            return Err(breach.rule);
        }
        let tokens = Tokens {
            username: &self.username,
            first_name: &self.first_name,
            last_name: &self.last_name,
            number: &self.number,
        };
        pattern::name(&self.pattern, &tokens)
    }
}

#[derive(Default)]
pub struct DeviceQuery;

#[Object]
impl DeviceQuery {
    /// Names on clusters that are neither profiles' nor phones', by name.
    async fn other_devices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<OtherDeviceFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<OtherDeviceOrder>,
    ) -> Result<Connection<OtherDevice>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        let filter = filter.unwrap_or_default().into();
        let filter = Filter::All(vec![Filter::Fixed("t.kind = 'OTHER'"), filter]);
        root(ctx, "otherDevices", filter, order, asked).await
    }

    /// Whether a name, or the one that a pattern gives, is free for a new profile on a cluster, and if not, which names near
    /// it are.
    async fn name_availability(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name; give this or `namePattern`.")] name: Option<String>,
        #[graphql(desc = "A pattern with whom it is for; give this or `name`.")] name_pattern: Option<
            NamePatternInput,
        >,
        #[graphql(desc = "The cluster.")] cluster_id: ID,
    ) -> Result<NameAvailability> {
        let reader = ctx.reader()?;
        let named = match (name, name_pattern) {
            (Some(name), None) => profile_name(&name).map(|()| name),
            (None, Some(pattern)) => pattern.name(),
            _ => return Err(Error::Input("give either name or namePattern".to_owned())),
        };
        let cluster: Option<Cluster> = one(ctx, id::cluster(&cluster_id)).await?;
        let Some(cluster) = cluster else { return Ok(refused("There is no such cluster.")) };
        let name = match named {
            Ok(name) => name,
            Err(rule) => return Ok(refused(&rule.to_string())),
        };
        let cluster = *cluster.0.0.id.get()?;
        let Some(owner) = device::name_owner(&reader, reader.scope(), cluster, &name).await? else {
            return Ok(NameAvailability { name: Some(name), available: true, ..NameAvailability::default() });
        };
        Ok(NameAvailability {
            reason: Some(owner.clash(&name).to_string()),
            taken_by: owner.visible.then(|| owner.kind.into()),
            suggestions: owner.suggestions,
            name: Some(name),
            available: false,
        })
    }
}

/// A name that cannot be looked for.
fn refused(reason: &str) -> NameAvailability {
    NameAvailability { reason: Some(reason.to_owned()), ..NameAvailability::default() }
}

/// A name to register.
#[derive(InputObject)]
pub struct RegisterDeviceInput {
    /// Where it is kept.
    pub organization_id: ID,
    /// The cluster that has the device.
    pub cluster_id: ID,
    /// The name, 1 to 50 characters.
    pub name: String,
    /// A text about it, up to 128 characters.
    #[graphql(default)]
    pub description: String,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A name to release.
#[derive(InputObject)]
pub struct ReleaseDeviceInput {
    /// The device.
    pub id: ID,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `registerDevice`.
    RegisterDevicePayload {
        /// The device; nothing on a dry run.
        device: Option<OtherDevice> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `releaseDevice`.
    ReleaseDevicePayload {}
}

#[derive(Default)]
pub struct DeviceMutation;

#[Object]
impl DeviceMutation {
    /// Keeps the name of a device that is neither a profile nor a phone, so that no profile takes it.
    async fn register_device(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which name.")] input: RegisterDeviceInput,
    ) -> Result<RegisterDevicePayload> {
        let cmd = Register {
            organization: or_none(id::organization(&input.organization_id)),
            cluster: or_none(id::cluster(&input.cluster_id)),
            name: input.name,
            description: input.description,
        };
        let made = |change: &RuleChange| match change {
            RuleChange::DeviceRegistered { device } => Some(device.id.0),
            _ => None,
        };
        Ok(RegisterDevicePayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Gives the name of such a device free.
    async fn release_device(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: ReleaseDeviceInput,
    ) -> Result<ReleaseDevicePayload> {
        let cmd = Release { id: or_none(id::other_device(&input.id)) };
        Ok(ReleaseDevicePayload(perform(ctx, input.call, cmd).await?))
    }
}
