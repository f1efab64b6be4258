//! Sessions: rows, relations, facts. Who sees a phone sees who is logged in there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use entity::{
    ClusterId, DefaultDeviceProfileId, DeviceId, Moment, OrganizationId, SessionId, UserId, cluster, phone,
    profile, profile::Settings, profile_user, session::Model, user,
};
use sea_orm::{
    ColumnTrait, DatabaseBackend, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QueryResult,
};

use super::{
    Source, Tx, default_device_profile, organization,
    page::{Filter, Order, Relation, Slice, page},
    phone as phone_store, profile as profile_store,
    row::{Columns, row},
    sql::Sql,
    user as user_store,
};
use crate::rule::{
    Change,
    change::ChangeKind,
    session::{
        Held, Login, LoginFacts, Logout, LogoutFacts, LogoutUser, LogoutUserFacts, Relogin, ReloginFacts,
        Running,
        throttle::{self, Taking},
    },
};

/// Sessions that are ended in one transaction by the clock.
const EXPIRED: i64 = 500;

row! {
    /// A session.
    Row of "session", Model, always ["id"] {
        id: SessionId,
        cluster_id: ClusterId,
        organization_id: OrganizationId,
        phone_id: DeviceId,
        user_id: UserId,
        profile_id: Option<DeviceId>,
        default_device_profile_id: Option<DefaultDeviceProfileId>,
        logged_in_at: Moment,
        expires_at: Option<Moment>,
        model_mismatch: bool,
        profile_version: Option<i64>,
        button_template: String,
        softkey_template: Option<String>,
        settings: Settings,
    }
}

/// By the time of the login, oldest first.
pub const BY_AGE: Order = Order { column: "t.logged_in_at", number: true, descending: false };

/// By id.
pub const BY_ID: Order = Order { column: "t.id", number: true, descending: false };

const BELOW: Relation =
    Relation { name: "", join: "", parent: "t.organization_id", order: BY_AGE, only: "", seen: false };

/// The sessions on phones that are kept at an organization.
pub const OF_ORGANIZATION: Relation = Relation { name: "sessions of organization", ..BELOW };

/// The session on a phone.
pub const OF_PHONE: Relation = Relation { name: "session of phone", parent: "t.phone_id", ..BELOW };

/// The sessions that show a profile.
pub const OF_PROFILE: Relation = Relation { name: "sessions of profile", parent: "t.profile_id", ..BELOW };

/// Where a user is logged in.
pub const OF_USER: Relation = Relation { name: "sessions of user", parent: "t.user_id", ..BELOW };

/// Which sessions are read, to be held until the end of the transaction.
#[derive(Clone, Copy)]
enum Which<'a> {
    /// Those whose column is one of these.
    Of(&'static str, &'a [i64]),
    /// Those that are over, without those that another node has in hand.
    Due,
}

/// What logging in must know. The phone and the user are locked, so that of two logins one sees the other.
pub async fn login_facts(tx: &Tx, cmd: &Login) -> Result<LoginFacts, DbErr> {
    let phone = phone_store::locked(tx, cmd.phone).await?;
    let profile = match cmd.profile {
        Some(id) => profile_store::seen(tx, id).await?,
        None => None,
    };
    let id = match (cmd.user, &profile) {
        (None, Some(profile)) => first_user(tx, profile.id).await?,
        (named, _) => named,
    };
    let user = match id {
        Some(id) => user_store::locked(tx, id).await?,
        None => None,
    };
    let mut facts = LoginFacts {
        id: SessionId(tx.id()?),
        now: tx.now(),
        cluster: None,
        profile,
        profiles: Vec::new(),
        fallback: None,
        here: None,
        elsewhere: Vec::new(),
        user,
        phone,
    };
    let Some(phone) = &facts.phone else { return Ok(facts) };
    facts.cluster = cluster::Entity::find_by_id(phone.cluster_id).one(&tx.db).await?;
    facts.fallback =
        default_device_profile::fitting(tx, phone.cluster_id, &phone.product, phone.protocol).await?;
    facts.here = on_phone(tx, phone.id).await?.pop();
    if let Some(user) = &facts.user {
        facts.profiles = profiles_of(tx, user.id).await?;
        facts.elsewhere = of_user(tx, user.id).await?;
        facts.elsewhere.retain(|held| held.session.phone_id != phone.id);
    }
    Ok(facts)
}

/// What logging out must know.
pub async fn logout_facts(tx: &Tx, cmd: &Logout) -> Result<LogoutFacts, DbErr> {
    let phone = phone_store::seen(tx, cmd.phone).await?;
    let here = match &phone {
        Some(phone) => on_phone(tx, phone.id).await?.pop(),
        None => None,
    };
    Ok(LogoutFacts { phone, here })
}

/// What logging a user out must know.
pub async fn logout_user_facts(tx: &Tx, cmd: &LogoutUser) -> Result<LogoutUserFacts, DbErr> {
    let user = user_store::seen(tx, cmd.user).await?;
    let mut phones = Vec::new();
    for id in cmd.phones.iter().flatten() {
        phones.push(phone_store::seen(tx, *id).await?);
    }
    let mut sessions = Vec::new();
    if user.is_some() {
        sessions = of_user(tx, cmd.user).await?;
        sessions.retain(|held| held.seen);
    }
    Ok(LogoutUserFacts { user, sessions, phones })
}

/// What logging in again must know.
pub async fn relogin_facts(tx: &Tx, cmd: &Relogin) -> Result<ReloginFacts, DbErr> {
    let mut found = held(tx, Which::Of("t.id", &[cmd.session.0])).await?;
    found.retain(|held| held.seen);
    Ok(ReloginFacts { now: tx.now(), running: running(tx, found).await?.pop() })
}

/// The sessions that a filter finds, as far as the caller sees them, oldest first and no more than a limit.
pub async fn matching(tx: &Tx, filter: &Filter, limit: u32) -> Result<Vec<Held>, DbErr> {
    let slice = Slice::front(limit);
    let found = page::<Row>(tx, tx.scope(), filter, BY_AGE, &slice, Columns::own(1)).await?;
    let ids = found.rows.iter().map(|(_, key)| key.id).collect::<Vec<_>>();
    held(tx, Which::Of("t.id", &ids)).await
}

/// Sessions whose time is up; what another node has in hand is left to it.
pub async fn due(tx: &Tx) -> Result<Vec<Held>, DbErr> {
    held(tx, Which::Due).await
}

/// The session on a phone.
pub async fn on_phone(tx: &Tx, phone: DeviceId) -> Result<Vec<Held>, DbErr> {
    held(tx, Which::Of("t.phone_id", &[phone.0])).await
}

/// The sessions that show a profile.
pub async fn of_profile(tx: &Tx, profile: DeviceId) -> Result<Vec<Held>, DbErr> {
    held(tx, Which::Of("t.profile_id", &[profile.0])).await
}

/// Where a user is logged in, whether the caller sees it or not.
pub async fn of_user(tx: &Tx, user: UserId) -> Result<Vec<Held>, DbErr> {
    held(tx, Which::Of("t.user_id", &[user.0])).await
}

/// The clusters among these that take only so many logins and logouts at once, with what they have under way: what was
/// committed less than so many microseconds ago, and what the transaction itself did before. They are locked, so that of
/// two requests for the last place one sees the other.
pub async fn taking(tx: &Tx, clusters: &BTreeSet<ClusterId>, lasting: i64) -> Result<Vec<Taking>, DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push(
        "SELECT id, name, max_concurrent_logins FROM cluster WHERE max_concurrent_logins IS NOT NULL AND ",
    );
    sql.among("id", clusters.iter().map(|id| id.0)).push(" ORDER BY id");
    if tx.backend() == DatabaseBackend::Postgres {
        sql.push(" FOR NO KEY UPDATE");
    }
    let limited = tx.rows(sql.statement()).await?;
    if limited.is_empty() {
        return Ok(Vec::new());
    }
    let since = Moment(tx.now().0.saturating_sub(lasting));
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT first_seq, at, body FROM change WHERE at > ").bind(since);
    sql.push(" AND kind IN (").bind(ChangeKind::SessionStarted.as_str()).push(", ");
    sql.bind(ChangeKind::SessionEnded.as_str()).push(")");
    let mut under_way: BTreeMap<ClusterId, (HashSet<_>, i64)> = BTreeMap::new();
    for row in tx.rows(sql.statement()).await? {
        let (first, at): (Option<i64>, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let change: Change = serde_json::from_str(&row.try_get_by_index::<String>(2)?)
            .map_err(|error| DbErr::Type(format!("stored JSON: {error}")))?;
        if let Some((cluster, phone)) = throttle::phone(&change) {
            let (phones, oldest) = under_way.entry(cluster).or_insert_with(|| (HashSet::new(), at));
            phones.insert((first, phone));
            *oldest = at.min(*oldest);
        }
    }
    for (cluster, phone) in tx.staged().iter().filter_map(throttle::phone) {
        under_way.entry(cluster).or_insert_with(|| (HashSet::new(), tx.now().0)).0.insert((None, phone));
    }
    let taking = |row: &QueryResult| {
        let cluster = ClusterId(row.try_get_by_index(0)?);
        let most: i32 = row.try_get_by_index(2)?;
        let found = under_way.get(&cluster);
        let over = found.map_or(0, |(_, oldest)| oldest.saturating_add(lasting) - tx.now().0);
        Ok(Taking {
            cluster,
            name: row.try_get_by_index(1)?,
            most: usize::try_from(most).unwrap_or_default(),
            under_way: found.map_or(0, |(phones, _)| phones.len()),
            wait_ms: (over / 1_000).max(1),
        })
    };
    limited.iter().map(taking).collect()
}

/// The sessions with what a new login in their place is made of.
pub async fn running(tx: &Tx, sessions: Vec<Held>) -> Result<Vec<Running>, DbErr> {
    if sessions.is_empty() {
        return Ok(Vec::new());
    }
    let ids = sessions.iter().map(|held| held.session.phone_id);
    let phones = phone::Entity::find().filter(phone::Column::Id.is_in(ids)).all(&tx.db).await?;
    let phones: HashMap<_, _> = phones.into_iter().map(|phone| (phone.id, phone)).collect();
    let ids = sessions.iter().filter_map(|held| held.session.profile_id);
    let profiles = profile::Entity::find().filter(profile::Column::Id.is_in(ids)).all(&tx.db).await?;
    let profiles: HashMap<_, _> = profiles.into_iter().map(|profile| (profile.id, profile)).collect();
    let mut fallbacks = HashMap::new();
    let mut all = Vec::with_capacity(sessions.len());
    for held in sessions {
        let Some(phone) = phones.get(&held.session.phone_id) else { continue };
        let model = (phone.cluster_id, phone.product.clone(), phone.protocol);
        let fallback = if let Some(known) = fallbacks.get(&model) {
            Option::clone(known)
        } else {
            let found = default_device_profile::fitting(tx, model.0, &model.1, model.2).await?;
            fallbacks.insert(model, found.clone());
            found
        };
        all.push(Running {
            next: SessionId(tx.id()?),
            phone: phone.clone(),
            profile: held.session.profile_id.and_then(|id| profiles.get(&id).cloned()),
            fallback,
            held,
        });
    }
    Ok(all)
}

/// Sessions with the names that are told of them, by id.
async fn held(tx: &Tx, which: Which<'_>) -> Result<Vec<Held>, DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT t.*, p.name AS phone_name, u.user_id AS user_name");
    for (organization, name) in [("t.organization_id", "is_seen"), ("u.organization_id", "user_is_seen")] {
        sql.push(", CAST(CASE WHEN 1 = 1").within(organization, tx.scope());
        sql.push(" THEN 1 ELSE 0 END AS BIGINT) AS ").push(name);
    }
    sql.push(" FROM session t JOIN phone p ON p.id = t.phone_id JOIN \"user\" u ON u.id = t.user_id WHERE ");
    let postgres = tx.backend() == DatabaseBackend::Postgres;
    match which {
        Which::Of(column, ids) => {
            sql.among(column, ids.iter().copied()).push(" ORDER BY t.id");
            sql.push(if postgres { " FOR UPDATE OF t" } else { "" });
        }
        Which::Due => {
            sql.push("t.expires_at <= ").bind(tx.now()).push(" ORDER BY t.id LIMIT ").bind(EXPIRED);
            sql.push(if postgres { " FOR UPDATE OF t SKIP LOCKED" } else { "" });
        }
    }
    tx.rows(sql.statement()).await?.iter().map(read).collect()
}

fn read(row: &QueryResult) -> Result<Held, DbErr> {
    let is = |column| Ok::<_, DbErr>(row.try_get::<i64>("", column)? == 1);
    Ok(Held {
        session: Model::from_query_result(row, "")?,
        phone: row.try_get("", "phone_name")?,
        seen: is("is_seen")?,
        user: if is("user_is_seen")? { Some(row.try_get("", "user_name")?) } else { None },
    })
}

/// The first of a profile's users whom the caller sees.
async fn first_user(tx: &Tx, profile: DeviceId) -> Result<Option<UserId>, DbErr> {
    let associations = profile_user::Entity::find()
        .filter(profile_user::Column::ProfileId.eq(profile))
        .order_by_asc(profile_user::Column::Position)
        .all(&tx.db)
        .await?;
    for association in associations {
        let found = user::Entity::find_by_id(association.user_id).one(&tx.db).await?;
        if let Some(user) = found
            && organization::is_within(tx, user.organization_id).await?
        {
            return Ok(Some(user.id));
        }
    }
    Ok(None)
}

/// The profiles of a user, by name.
async fn profiles_of(tx: &Tx, user: UserId) -> Result<Vec<profile::Model>, DbErr> {
    let associations =
        profile_user::Entity::find().filter(profile_user::Column::UserId.eq(user)).all(&tx.db).await?;
    let ids = associations.into_iter().map(|association| association.profile_id);
    profile::Entity::find()
        .filter(profile::Column::Id.is_in(ids))
        .order_by_asc(profile::Column::NameKey)
        .order_by_asc(profile::Column::Id)
        .all(&tx.db)
        .await
}
