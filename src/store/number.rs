//! The number inventory: rows, relations, facts, and what a picker offers. An entry is also seen from below, by those
//! who may use it (INV-2).

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use entity::{
    ClusterId, LineId, Moment, NumberId, OrganizationId, line,
    number::{Column, Entity, Extra, Model, Status, Utility},
    organization as organization_entity,
};
use sea_orm::{
    ColumnTrait, DatabaseBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect,
    sea_query::LockType,
};

use super::{
    Source, Tx, cluster, organization,
    page::{self, Filter, Order, Page, Relation, Slice},
    row::{self, Columns, Row as _, row},
    sql::Sql,
    user,
};
use crate::{
    caller::Scope,
    rule::{
        Change, Rule,
        number::{
            Absent, Asked, Audit, AuditFacts, ChangeStatus, Choice, Create, CreateFacts, Delete, DeleteOne,
            DeleteOneFacts, InventoryFilter, Known, OneFacts, Policy, Range, RangeFacts, ReserveFacts,
            ReserveFor, Sight, Standing, Update, UpdateRange, numbers_of, refusals,
        },
        value::key,
    },
};

row! {
    /// A number of the inventory.
    Row of "number", Model, always ["id"] {
        id: NumberId,
        cluster_id: ClusterId,
        organization_id: OrganizationId,
        pattern: String,
        partition: String,
        status: Status,
        utility: Option<Utility>,
        e164_number: Option<String>,
        description: String,
        extra: Extra,
        reserved_for: Option<String>,
        reserved_until: Option<Moment>,
        cooling_until: Option<Moment>,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
    }
    fn scope(sql: &mut Sql, alias: &str, scope: Scope) {
        // As with clusters: what is kept above is there for those below.
        cluster::Row::scope(sql, alias, scope);
    }
}

/// By number.
pub const BY_PATTERN: Order = Order { column: "t.pattern", number: false, descending: false };

const BELOW: Relation =
    Relation { name: "", join: "", parent: "t.organization_id", order: BY_PATTERN, only: "", seen: false };

/// The numbers kept at an organization.
pub const OF_ORGANIZATION: Relation = Relation { name: "numbers of organization", ..BELOW };

/// The numbers on a cluster.
pub const OF_CLUSTER: Relation = Relation { name: "numbers of cluster", parent: "t.cluster_id", ..BELOW };

/// Whether a number (`t`) is kept for somebody by now (RSV-7): what is over is nobody's, also before it is cleared.
macro_rules! held {
    () => {
        "(t.reserved_for IS NOT NULL AND (t.reserved_until IS NULL OR t.reserved_until > {now}))"
    };
}

/// Whether a number (`t`) is kept for somebody by now, as a condition.
pub const HELD: &str = held!();

/// The numbers that are kept for a user.
pub const RESERVED_FOR_USER: Relation = Relation {
    name: "numbers reserved for user",
    join: " JOIN \"user\" u ON u.cluster_id = t.cluster_id AND u.user_id = t.reserved_for",
    parent: "u.id",
    only: concat!(" AND ", held!()),
    ..BELOW
};

/// The entry of a line's number.
pub const OF_LINE: Relation = Relation {
    name: "number of line",
    join: " JOIN line l ON l.cluster_id = t.cluster_id AND l.pattern = t.pattern AND l.partition = t.partition",
    parent: "l.id",
    ..BELOW
};

/// The entries that may be used on a profile: those of its cluster, kept at its organization or above.
const OF_PROFILE: Relation = Relation {
    name: "selectable numbers",
    join: " JOIN profile p ON p.cluster_id = t.cluster_id JOIN organization_closure c ON c.ancestor_id = \
           t.organization_id AND c.descendant_id = p.organization_id",
    parent: "p.id",
    ..BELOW
};

/// Whether the number (`t`) belongs to the user (`u`): it stands on a device of the user, or is the primary extension.
macro_rules! tied {
    () => {
        "((u.primary_pattern = t.pattern AND coalesce(u.primary_partition, '') = t.partition) OR EXISTS (SELECT 1 \
         FROM line l JOIN line_appearance a ON a.line_id = l.id WHERE l.cluster_id = t.cluster_id AND l.pattern = \
         t.pattern AND l.partition = t.partition AND (a.device_id IN (SELECT profile_id FROM profile_user WHERE \
         user_id = u.id) OR a.device_id IN (SELECT phone_id FROM user_phone WHERE user_id = u.id) OR a.device_id IN \
         (SELECT id FROM phone WHERE owner_id = u.id))))"
    };
}

/// The users of the profile (`p`), up to a condition.
macro_rules! of_users {
    ($condition:expr) => {
        concat!(
            "EXISTS (SELECT 1 FROM profile_user f JOIN \"user\" u ON u.id = f.user_id WHERE f.profile_id = p.id AND ",
            $condition,
            ")"
        )
    };
}

/// Whether the number's line stands on a device.
const STANDS: &str = "EXISTS (SELECT 1 FROM line l JOIN line_appearance a ON a.line_id = l.id WHERE \
    l.cluster_id = t.cluster_id AND l.pattern = t.pattern AND l.partition = t.partition)";

/// Entries that an audit looks at once.
const AUDITED: i64 = 500;
/// Entries that are released at once.
const RELEASED: i64 = 500;

/// What the picker offers on a profile.
#[derive(Clone, Debug)]
pub struct Pick {
    pub row: Arc<Row>,
    /// Why it may not be chosen; nothing when it may.
    pub refusal: Option<Rule>,
}

/// What a picker is asked for.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Picker {
    pub filter: InventoryFilter,
    /// What the number or its description holds.
    pub search: Option<String>,
    pub now: Moment,
}

impl Picker {
    /// What the picker offers, as a condition on numbers (`t`) and the profile (`p`).
    fn filter(&self) -> Filter {
        let held = || Filter::Fixed(HELD);
        let held_by = |who: Filter| Filter::All(vec![held(), who]);
        let named = || self.filter.user.map(|user| vec![user.0]).unwrap_or_default();
        let held_by_named = || {
            const KEPT: &str = "SELECT t.id FROM number t JOIN \"user\" u ON u.cluster_id = t.cluster_id AND \
                                u.user_id = t.reserved_for WHERE u.id";
            held_by(Filter::Linked(KEPT, named(), "\"user\""))
        };
        let choice = match self.filter.choice {
            Choice::Available => Filter::All(vec![
                Filter::Fixed("t.status = 'AVAILABLE'"),
                Filter::Any(vec![
                    Filter::Not(Box::new(held())),
                    Filter::Fixed(of_users!("u.user_id = t.reserved_for")),
                ]),
            ]),
            Choice::BelongingToFirstUser => Filter::Any(vec![
                held_by(Filter::Fixed(of_users!("f.position = 1 AND u.user_id = t.reserved_for"))),
                Filter::Fixed(of_users!(concat!("f.position = 1 AND ", tied!()))),
            ]),
            Choice::BelongingToUser => {
                const TIED: &str = concat!(
                    "SELECT t.id FROM number t JOIN \"user\" u ON u.cluster_id = t.cluster_id WHERE ",
                    tied!(),
                    " AND u.id"
                );
                Filter::Any(vec![held_by_named(), Filter::Linked(TIED, named(), "\"user\"")])
            }
            Choice::ReservedForUser if self.filter.user.is_some() => held_by_named(),
            Choice::ReservedForUser => held_by(Filter::Fixed(of_users!("u.user_id = t.reserved_for"))),
            Choice::Used => Filter::Fixed("t.status = 'USED'"),
            Choice::All => Filter::All(Vec::new()),
        };
        let Some(search) = &self.search else { return choice };
        let holds = Filter::Any(vec![
            Filter::Contains("t.pattern", search.clone()),
            Filter::Contains("lower(t.description)", key(search)),
        ]);
        Filter::All(vec![choice, holds])
    }
}

/// What the picker offers on each of the profiles, in as many statements whatever their number.
pub async fn picks(
    source: &impl Source,
    scope: Scope,
    picker: &Picker,
    profiles: &[i64],
    slice: &Slice,
) -> Result<HashMap<i64, Page<Pick>>, DbErr> {
    let columns = Columns::own(row::all::<Row>());
    let filter = picker.filter();
    let pages =
        page::children_where::<Row>(source, scope, OF_PROFILE, profiles, &filter, slice, columns).await?;
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT p.profile_id, u.user_id FROM profile_user p JOIN \"user\" u ON u.id = p.user_id WHERE ");
    sql.among("p.profile_id", profiles.iter().copied()).push(" ORDER BY p.position");
    let mut users: HashMap<i64, Vec<String>> = HashMap::new();
    for row in source.rows(sql.statement()).await? {
        users.entry(row.try_get_by_index(0)?).or_default().push(row.try_get_by_index(1)?);
    }
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT a.device_id, d.name, l.pattern, l.partition FROM line_appearance a JOIN line l ON l.id = a.line_id ");
    sql.push("JOIN device d ON d.id = a.device_id WHERE ").among("a.device_id", profiles.iter().copied());
    let mut here: HashMap<(i64, String, String), String> = HashMap::new();
    for row in source.rows(sql.statement()).await? {
        let place = (row.try_get_by_index(0)?, row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        here.insert(place, row.try_get_by_index(1)?);
    }
    let within = within(source, scope).await?;
    let mut picks = HashMap::with_capacity(pages.len());
    for (profile, page) in pages {
        let users = users.get(&profile).map(Vec::as_slice).unwrap_or_default();
        let mut rows = Vec::with_capacity(page.rows.len());
        for (row, key) in page.rows {
            let number = model(&row)?;
            let sight = if is_within(within.as_ref(), &number) { Sight::Whole } else { Sight::Above };
            let place = (profile, number.pattern.clone(), number.partition.clone());
            let refusal = match here.get(&place) {
                Some(device) => Some(Rule::LineAlreadyOnDevice { device: device.clone() }),
                None => refusals(&number, sight, users, picker.now).into_iter().next(),
            };
            rows.push((Pick { row: Arc::new(row), refusal }, key));
        }
        picks.insert(profile, Page { rows, has_previous: page.has_previous, has_next: page.has_next });
    }
    Ok(picks)
}

/// How many numbers the picker offers on each of the profiles.
pub async fn pick_counts(
    source: &impl Source,
    scope: Scope,
    picker: &Picker,
    profiles: &[i64],
) -> Result<HashMap<i64, i64>, DbErr> {
    page::counts_where::<Row>(source, scope, OF_PROFILE, profiles, &picker.filter()).await
}

fn model(row: &Row) -> Result<Model, DbErr> {
    Ok(Model {
        id: *row.id.get()?,
        cluster_id: *row.cluster_id.get()?,
        organization_id: *row.organization_id.get()?,
        pattern: row.pattern.get()?.clone(),
        partition: row.partition.get()?.clone(),
        status: *row.status.get()?,
        utility: *row.utility.get()?,
        e164_number: row.e164_number.get()?.clone(),
        description: row.description.get()?.clone(),
        extra: row.extra.get()?.clone(),
        reserved_for: row.reserved_for.get()?.clone(),
        reserved_until: *row.reserved_until.get()?,
        cooling_until: *row.cooling_until.get()?,
        version: *row.version.get()?,
        created_at: *row.created_at.get()?,
        updated_at: *row.updated_at.get()?,
    })
}

fn whole(row: &QueryResult, mut at: usize) -> Result<Model, DbErr> {
    model(&Row::read(row, Columns::own(row::all::<Row>()), &mut at)?)
}

/// Nothing is known of a number.
pub fn unknown() -> Known {
    Known { number: None, owners: BTreeSet::new(), user: None, near: false }
}

/// What the inventory knows of a number that is to stand on a device of an organization, locked until the end of the
/// transaction.
pub async fn known(
    tx: &Tx,
    organization: OrganizationId,
    (cluster, pattern, partition): (ClusterId, &str, &str),
    filter: Option<InventoryFilter>,
) -> Result<Known, DbErr> {
    let mut known = unknown();
    let found = Entity::find()
        .filter(Column::ClusterId.eq(cluster))
        .filter(Column::Pattern.eq(pattern))
        .filter(Column::Partition.eq(partition))
        .lock_exclusive()
        .one(&tx.db)
        .await?;
    if let Some(user) = filter.and_then(|filter| filter.user) {
        known.user = user::seen(tx, user).await?.map(|user| user.user_id);
    }
    let Some(number) = found else { return Ok(known) };
    if filter.is_some() {
        known.near = organization::is_below(tx, number.organization_id, organization).await?;
    }
    let belonging =
        filter.is_some_and(|f| matches!(f.choice, Choice::BelongingToFirstUser | Choice::BelongingToUser));
    if belonging {
        let mut sql = Sql::new(tx.backend());
        sql.push(concat!(
            "SELECT u.user_id FROM number t JOIN \"user\" u ON u.cluster_id = t.cluster_id WHERE ",
            tied!(),
            " AND t.id = "
        ));
        sql.bind(number.id);
        for row in tx.rows(sql.statement()).await? {
            known.owners.insert(row.try_get_by_index(0)?);
        }
    }
    let sight = match tx.scope() {
        Scope::All => Sight::Whole,
        Scope::Below(top) if organization::is_below(tx, top, number.organization_id).await? => Sight::Whole,
        Scope::Below(top) if organization::is_below(tx, number.organization_id, top).await? => Sight::Above,
        Scope::Below(_) => Sight::Nothing,
    };
    known.number = Some((number, sight));
    Ok(known)
}

/// User ids of those whom a device serves: a profile's users in order, a phone's owner and those who control it.
pub async fn users_of_device(tx: &Tx, device: entity::DeviceId) -> Result<Vec<String>, DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT q.user_id FROM (SELECT u.user_id, p.position AS place FROM \"user\" u JOIN profile_user p ON p.user_id = u.id WHERE p.profile_id = ");
    sql.bind(device);
    sql.push(
        " UNION ALL SELECT u.user_id, 0 FROM \"user\" u JOIN phone p ON p.owner_id = u.id WHERE p.id = ",
    );
    sql.bind(device);
    sql.push(" UNION ALL SELECT u.user_id, 1 FROM \"user\" u JOIN user_phone p ON p.user_id = u.id WHERE p.phone_id = ");
    sql.bind(device).push(") q ORDER BY q.place, q.user_id");
    tx.rows(sql.statement()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Who moves lines and who makes entries of their numbers on one cluster.
#[derive(Clone, Copy)]
pub enum Turn {
    /// Lines come and go beside each other.
    Lines,
    /// Entries come alone: while they do, what stands on devices stays as it is.
    Entries,
}

/// Waits until who is in the way has ended. On PostgreSQL a line that is just being put on a device is not seen by who
/// makes the entry of its number, nor the entry by who puts the line there; on SQLite one writes at a time.
pub async fn await_turn(tx: &Tx, cluster: ClusterId, turn: Turn) -> Result<(), DbErr> {
    if tx.backend() == DatabaseBackend::Postgres {
        let mut sql = Sql::new(tx.backend());
        sql.push(match turn {
            Turn::Lines => "SELECT pg_advisory_xact_lock_shared",
            Turn::Entries => "SELECT pg_advisory_xact_lock",
        });
        sql.push("(hashtextextended('inventory', ").bind(cluster.0).push("))");
        tx.rows(sql.statement()).await?;
    }
    Ok(())
}

/// The lines whose appearances the changes put or take off, as far as the inventory has their numbers.
pub async fn following(tx: &Tx, changes: &[Change]) -> Result<Vec<Standing>, DbErr> {
    let (mut moved, mut gone, mut lines) = (BTreeSet::new(), BTreeSet::new(), HashMap::new());
    for change in changes {
        match change {
            Change::AppearanceAdded { appearance, .. } => {
                moved.insert(appearance.line_id);
            }
            Change::AppearanceRemoved { appearance, .. } => {
                moved.insert(appearance.line_id);
                gone.insert(appearance.line_id);
            }
            Change::LineCreated { line } => {
                lines.insert(line.id, (line.cluster_id, line.pattern.clone(), line.partition.clone()));
            }
            _ => {}
        }
    }
    let stored = moved.iter().filter(|id| !lines.contains_key(id)).copied().collect::<Vec<_>>();
    if !stored.is_empty() {
        for found in line::Entity::find().filter(line::Column::Id.is_in(stored)).all(&tx.db).await? {
            lines.insert(found.id, (found.cluster_id, found.pattern, found.partition));
        }
    }
    let places: HashMap<_, _> =
        moved.into_iter().filter_map(|id| lines.remove(&id).map(|place| (place, id))).collect();
    // Whoever puts lines on devices has awaited the turn before the facts.
    let left = places.iter().filter(|(_, line)| gone.contains(line));
    for cluster in left.map(|((cluster, ..), _)| *cluster).collect::<BTreeSet<_>>() {
        await_turn(tx, cluster, Turn::Lines).await?;
    }
    let counts = appearances(tx, places.values().copied()).await?;
    let mut days = HashMap::new();
    let mut following = Vec::new();
    for number in at_places(tx, places.keys()).await? {
        let place = (number.cluster_id, number.pattern.clone(), number.partition.clone());
        let Some(line) = places.get(&place).copied() else { continue };
        let cooling_days = cooling_days_once(tx, number.organization_id, &mut days).await?;
        let appearances = counts.get(&line).copied().unwrap_or(0);
        following.push(Standing { line, appearances, number, cooling_days });
    }
    Ok(following)
}

/// How many appearances each line has; one without any is left out.
async fn appearances(tx: &Tx, lines: impl Iterator<Item = LineId>) -> Result<HashMap<LineId, usize>, DbErr> {
    let ids: Vec<_> = lines.map(|line| line.0).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT line_id, count(*) FROM line_appearance WHERE ").among("line_id", ids.into_iter());
    sql.push(" GROUP BY line_id");
    let rows = tx.rows(sql.statement()).await?;
    rows.iter()
        .map(|row| {
            let count: i64 = row.try_get_by_index(1)?;
            Ok((row.try_get_by_index(0)?, usize::try_from(count).unwrap_or(0)))
        })
        .collect()
}

/// The entries of these numbers, lowest id first, locked until the end of the transaction.
async fn at_places(
    tx: &Tx,
    places: impl Iterator<Item = &(ClusterId, String, String)>,
) -> Result<Vec<Model>, DbErr> {
    let mut patterns: HashMap<ClusterId, Vec<String>> = HashMap::new();
    for (cluster, pattern, _) in places {
        patterns.entry(*cluster).or_default().push(pattern.clone());
    }
    let mut found = Vec::new();
    for (cluster, patterns) in patterns {
        let of_cluster = Entity::find()
            .filter(Column::ClusterId.eq(cluster))
            .filter(Column::Pattern.is_in(patterns))
            .order_by_asc(Column::Id)
            .lock_exclusive();
        found.extend(of_cluster.all(&tx.db).await?);
    }
    Ok(found)
}

/// For how many days numbers of an organization cool: its own setting, or the nearest one above (INV-10).
async fn cooling_days(source: &impl Source, organization: OrganizationId) -> Result<i32, DbErr> {
    Ok(organization::setting(source, organization, "cooling_days").await?.unwrap_or(0))
}

async fn cooling_days_once(
    source: &impl Source,
    organization: OrganizationId,
    known: &mut HashMap<OrganizationId, i32>,
) -> Result<i32, DbErr> {
    if let Some(days) = known.get(&organization) {
        return Ok(*days);
    }
    let days = cooling_days(source, organization).await?;
    known.insert(organization, days);
    Ok(days)
}

/// What adding a range must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let place = cluster::place(tx, cmd.organization, cmd.range.cluster).await?;
    let mut absent = Vec::new();
    // A range that is none, or too long, is told by the rule.
    if let (Ok(patterns), Some(cluster)) = (numbers_of(&cmd.range.first, &cmd.range.last), place.seen()) {
        await_turn(tx, cluster, Turn::Entries).await?;
        let taken: HashSet<_> =
            in_range(tx, &cmd.range, &patterns).await?.into_iter().map(|number| number.pattern).collect();
        let standing = standing(tx, &cmd.range, &patterns).await?;
        for pattern in patterns.into_iter().filter(|pattern| !taken.contains(pattern)) {
            let standing = standing.contains(&pattern);
            absent.push(Absent { id: NumberId(tx.id()?), pattern, standing });
        }
    }
    let policy = match place.organization {
        Some(_) => policy(tx, cmd.organization, &cmd.range, &absent).await?,
        None => Policy::default(),
    };
    Ok(CreateFacts { now: tx.now(), place, policy, absent })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<OneFacts, DbErr> {
    one_facts(tx, cmd.id).await
}

/// What moving one to another status must know.
pub async fn change_status_facts(tx: &Tx, cmd: &ChangeStatus) -> Result<OneFacts, DbErr> {
    one_facts(tx, cmd.id).await
}

/// What updating a range must know.
pub async fn update_range_facts(tx: &Tx, cmd: &UpdateRange) -> Result<RangeFacts, DbErr> {
    range_facts(tx, &cmd.range).await
}

/// What deleting one must know.
pub async fn delete_one_facts(tx: &Tx, cmd: &DeleteOne) -> Result<DeleteOneFacts, DbErr> {
    let OneFacts { now, current, .. } = one_facts(tx, cmd.id).await?;
    let mut standing = false;
    if let Some(number) = &current {
        let pattern = || number.pattern.clone();
        let range = Range {
            cluster: number.cluster_id,
            partition: number.partition.clone(),
            first: pattern(),
            last: pattern(),
        };
        standing = !self::standing(tx, &range, &[pattern()]).await?.is_empty();
    }
    Ok(DeleteOneFacts { now, current, standing })
}

/// What deleting a range must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<RangeFacts, DbErr> {
    range_facts(tx, &cmd.range).await
}

/// What keeping numbers for a user must know.
pub async fn reserve_facts(tx: &Tx, cmd: &ReserveFor) -> Result<ReserveFacts, DbErr> {
    let place = cluster::place(tx, cmd.organization, cmd.cluster).await?;
    let mut numbers = Vec::with_capacity(cmd.patterns.len());
    let mut policy = Policy::default();
    if let Some(cluster) = place.seen().filter(|_| cmd.patterns.len() <= 1_000) {
        await_turn(tx, cluster, Turn::Entries).await?;
        let range = Range {
            cluster: cmd.cluster,
            partition: cmd.partition.clone(),
            first: String::new(),
            last: String::new(),
        };
        let found = in_range(tx, &range, &cmd.patterns).await?;
        let mut found: HashMap<_, _> =
            found.into_iter().map(|number| (number.pattern.clone(), number)).collect();
        let standing = standing(tx, &range, &cmd.patterns).await?;
        let within = within(tx, tx.scope()).await?;
        for pattern in &cmd.patterns {
            numbers.push(match found.remove(pattern) {
                Some(number) if is_within(within.as_ref(), &number) => Asked::There(number),
                Some(_) => Asked::Elsewhere,
                None => Asked::Absent(Absent {
                    id: NumberId(tx.id()?),
                    pattern: pattern.clone(),
                    standing: standing.contains(pattern),
                }),
            });
        }
        let absent = numbers.iter().filter_map(|asked| match asked {
            Asked::Absent(absent) => Some(absent.clone()),
            Asked::There(_) | Asked::Elsewhere => None,
        });
        if place.organization.is_some() {
            policy = self::policy(tx, cmd.organization, &range, &absent.collect::<Vec<_>>()).await?;
        }
    }
    Ok(ReserveFacts { now: tx.now(), place, policy, numbers })
}

/// What is set for new entries at an organization, and which of them its customer keeps already. Of two who add within
/// one customer at the same time, the second one waits.
async fn policy(
    tx: &Tx,
    organization: OrganizationId,
    range: &Range,
    absent: &[Absent],
) -> Result<Policy, DbErr> {
    let mut policy = Policy::default();
    if absent.is_empty() {
        return Ok(policy);
    }
    policy.off = !is_managed(tx, organization).await?;
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT o.id FROM organization_closure c JOIN organization o ON o.id = c.ancestor_id WHERE ");
    sql.push("o.kind = 'CUSTOMER' AND c.descendant_id = ").bind(organization);
    let rows = tx.rows(sql.statement()).await?;
    let Some(row) = rows.first() else { return Ok(policy) };
    let customer: OrganizationId = row.try_get_by_index(0)?;
    if !organization::setting(tx, customer, "unique_numbers").await?.unwrap_or(true) {
        return Ok(policy);
    }
    let found = organization_entity::Entity::find_by_id(customer).lock(LockType::NoKeyUpdate);
    policy.customer = found.one(&tx.db).await?.map(|customer| customer.path);
    let patterns: Vec<_> = absent.iter().map(|absent| absent.pattern.clone()).collect();
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT DISTINCT t.pattern FROM number t WHERE ").among_texts("t.pattern", &patterns);
    sql.push(" AND NOT (t.cluster_id = ").bind(range.cluster).push(" AND t.partition = ");
    sql.bind(range.partition.as_str()).push(")");
    if organization == customer {
        sql.within("t.organization_id", Scope::Below(customer));
    } else {
        sql.push(" AND t.organization_id = ").bind(customer);
    }
    let rows = tx.rows(sql.statement()).await?;
    policy.elsewhere = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
    Ok(policy)
}

/// Whether the inventory takes new entries at an organization (INV-12).
async fn is_managed(source: &impl Source, organization: OrganizationId) -> Result<bool, DbErr> {
    Ok(organization::setting(source, organization, "number_management").await?.unwrap_or(true))
}

/// Entries of which something is due; what another node has in hand is left to it.
pub async fn due(tx: &Tx) -> Result<Vec<Model>, DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT t.id");
    row::select::<Row>(&mut sql, "t", row::all::<Row>());
    sql.push(" FROM number t WHERE t.cooling_until <= ").bind(tx.now());
    sql.push(" OR t.reserved_until <= ").bind(tx.now());
    sql.push(" ORDER BY t.id LIMIT ").bind(RELEASED);
    if tx.backend() == DatabaseBackend::Postgres {
        sql.push(" FOR UPDATE SKIP LOCKED");
    }
    tx.rows(sql.statement()).await?.iter().map(|row| whole(row, 1)).collect()
}

/// What an audit must know, locked until the end of the transaction.
pub async fn audit_facts(tx: &Tx, cmd: &Audit) -> Result<AuditFacts, DbErr> {
    let clusters = entity::cluster::Entity::find().order_by_asc(entity::cluster::Column::Id);
    for cluster in clusters.all(&tx.db).await? {
        await_turn(tx, cluster.id, Turn::Entries).await?;
    }
    let mut facts = compare(tx, tx.scope(), cmd.organization, tx.now(), true).await?;
    for (.., absent) in &mut facts.missing {
        absent.id = NumberId(tx.id()?);
    }
    Ok(facts)
}

/// What of the inventory does not agree with the lines that stand on devices, at an organization and below, or in the
/// whole scope.
pub async fn compare(
    source: &impl Source,
    scope: Scope,
    organization: Option<OrganizationId>,
    now: Moment,
    lock: bool,
) -> Result<AuditFacts, DbErr> {
    let mut facts = AuditFacts { now, seen: true, ..AuditFacts::default() };
    let mut below = scope;
    if let Some(organization) = organization {
        below = Scope::Below(organization);
        let mut sql = Sql::new(source.backend());
        sql.push("SELECT t.id FROM organization t WHERE t.id = ").bind(organization).within("t.id", scope);
        facts.seen = !source.rows(sql.statement()).await?.is_empty();
    }
    if !facts.seen {
        return Ok(facts);
    }
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT CAST(CASE WHEN ").push(STANDS).push(" THEN 1 ELSE 0 END AS BIGINT)");
    row::select::<Row>(&mut sql, "t", row::all::<Row>());
    sql.push(" FROM number t WHERE ((t.status = 'USED') <> ").push(STANDS);
    sql.push(" OR (t.utility IS NOT NULL AND t.status NOT IN ('USED', 'USED_UTILITY'))");
    sql.push(" OR (t.utility IS NULL AND t.status = 'USED_UTILITY'))").within("t.organization_id", below);
    sql.push(" ORDER BY t.id LIMIT ").bind(AUDITED);
    if lock && source.backend() == DatabaseBackend::Postgres {
        sql.push(" FOR UPDATE OF t");
    }
    let mut days = HashMap::new();
    for row in source.rows(sql.statement()).await? {
        let (stands, number): (i64, _) = (row.try_get_by_index(0)?, whole(&row, 1)?);
        let cooling_days = cooling_days_once(source, number.organization_id, &mut days).await?;
        facts.differing.push((number, stands == 1, cooling_days));
    }
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT q.cluster_id, q.place, q.partition, q.pattern FROM (SELECT t.id, t.cluster_id, t.pattern, t.partition, ");
    sql.push("(SELECT o.id FROM organization_closure c JOIN organization o ON o.id = c.ancestor_id WHERE ");
    sql.push("c.descendant_id = t.organization_id AND o.kind IN ('PROVIDER', 'CUSTOMER', 'SITE')");
    sql.within("o.id", scope).push(" ORDER BY length(o.path) DESC LIMIT 1) AS place FROM line t WHERE ");
    sql.push("EXISTS (SELECT 1 FROM line_appearance a WHERE a.line_id = t.id) AND NOT EXISTS (SELECT 1 FROM number n ");
    sql.push("WHERE n.cluster_id = t.cluster_id AND n.pattern = t.pattern AND n.partition = t.partition)");
    sql.within("t.organization_id", below);
    // Not looked up row by row: those that get no entry would stand before others and hide them (INV-12).
    sql.push(
        ") q WHERE q.place IS NOT NULL AND COALESCE((SELECT o.number_management FROM organization_closure c ",
    );
    sql.push("JOIN organization o ON o.id = c.ancestor_id WHERE c.descendant_id = q.place AND ");
    sql.push(
        "o.number_management IS NOT NULL ORDER BY length(o.path) DESC LIMIT 1), TRUE) ORDER BY q.id LIMIT ",
    );
    sql.bind(AUDITED);
    for row in source.rows(sql.statement()).await? {
        let absent = Absent { id: NumberId(0), pattern: row.try_get_by_index(3)?, standing: true };
        let (cluster, place) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        facts.missing.push((cluster, place, row.try_get_by_index(2)?, absent));
    }
    let most = usize::try_from(AUDITED).unwrap_or(usize::MAX);
    facts.more = facts.differing.len() >= most || facts.missing.len() >= most;
    Ok(facts)
}

/// The ids of the entries of these numbers, as far as they are seen.
pub async fn ids_of(
    source: &impl Source,
    scope: Scope,
    cluster: ClusterId,
    partition: &str,
    patterns: &[String],
) -> Result<HashMap<String, i64>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT t.pattern, t.id FROM number t WHERE t.cluster_id = ").bind(cluster);
    sql.push(" AND t.partition = ").bind(partition).push(" AND ").among_texts("t.pattern", patterns);
    Row::scope(&mut sql, "t", scope);
    let rows = source.rows(sql.statement()).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

async fn one_facts(tx: &Tx, id: NumberId) -> Result<OneFacts, DbErr> {
    let mut facts = OneFacts { now: tx.now(), current: None, cooling_days: 0 };
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(facts) };
    if organization::is_within(tx, found.organization_id).await? {
        facts.cooling_days = cooling_days(tx, found.organization_id).await?;
        facts.current = Some(found);
    }
    Ok(facts)
}

async fn range_facts(tx: &Tx, range: &Range) -> Result<RangeFacts, DbErr> {
    let seen = cluster::seen(tx, range.cluster).await?.is_some();
    let mut facts =
        RangeFacts { now: tx.now(), cluster: seen, numbers: Vec::new(), standing: BTreeSet::new() };
    if let (Ok(patterns), true) = (numbers_of(&range.first, &range.last), seen) {
        let within = within(tx, tx.scope()).await?;
        facts.numbers = in_range(tx, range, &patterns).await?;
        facts.numbers.retain(|number| is_within(within.as_ref(), number));
        facts.standing = standing(tx, range, &patterns).await?;
    }
    Ok(facts)
}

/// The organizations whose numbers may be changed in a scope; none is all of them.
async fn within(source: &impl Source, scope: Scope) -> Result<Option<HashSet<OrganizationId>>, DbErr> {
    match scope {
        Scope::All => Ok(None),
        Scope::Below(top) => Ok(Some(organization::all_within(source, top).await?)),
    }
}

fn is_within(within: Option<&HashSet<OrganizationId>>, number: &Model) -> bool {
    within.is_none_or(|within| within.contains(&number.organization_id))
}

/// The entries of these numbers, whoever sees them, locked until the end of the transaction.
async fn in_range(tx: &Tx, range: &Range, patterns: &[String]) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::ClusterId.eq(range.cluster))
        .filter(Column::Partition.eq(range.partition.as_str()))
        .filter(Column::Pattern.is_in(patterns.iter().map(String::as_str)))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(&tx.db)
        .await
}

/// Those of the numbers whose line stands on a device.
async fn standing(tx: &Tx, range: &Range, patterns: &[String]) -> Result<BTreeSet<String>, DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT DISTINCT l.pattern FROM line l JOIN line_appearance a ON a.line_id = l.id WHERE ");
    sql.push("l.cluster_id = ")
        .bind(range.cluster)
        .push(" AND l.partition = ")
        .bind(range.partition.as_str());
    sql.push(" AND ").among_texts("l.pattern", patterns);
    tx.rows(sql.statement()).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}
