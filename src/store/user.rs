//! Users: rows, relations, facts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::{
    ClusterId, DeviceId, Moment, OrganizationId, UserId, organization_closure, profile_user,
    user::{Column, Entity, Model},
    user_cti_profile, user_phone,
};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
};

use super::{
    Source, Store, Tx, cluster, organization,
    page::{Order, Relation},
    phone, profile,
    row::row,
    session,
    sql::Sql,
};
use crate::{
    caller::Scope,
    rule::{
        device::{near, suggestions},
        profile::Delete as DeleteProfile,
        user::{
            Associate, AssociationFacts, Create, CreateFacts, DefaultFacts, Delete, DeleteFacts, Devices,
            Disassociate, Entitlement, Reorder, SetDefault, Update, UpdateFacts,
        },
    },
};

row! {
    /// A user.
    Row of "\"user\"", Model, always ["id"] {
        id: UserId,
        cluster_id: ClusterId,
        organization_id: OrganizationId,
        user_id: String,
        first_name: String,
        last_name: String,
        name_key: String,
        display_name: Option<String>,
        email: Option<String>,
        department: Option<String>,
        user_locale: Option<String>,
        max_login_minutes: Option<i32>,
        cross_cluster: bool,
        home_cluster: bool,
        primary_pattern: Option<String>,
        primary_partition: Option<String>,
        default_profile_id: Option<DeviceId>,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
    }

    const ORDERED_AT_ORGANIZATION: &'static [&'static str] = &["t.name_key", "t.user_id"];
}

/// By last, then first name.
pub const BY_NAME: Order = Order { column: "t.name_key", number: false, descending: false };
/// By user id.
pub const BY_USER_ID: Order = Order { column: "t.user_id", number: false, descending: false };

const BELOW: Relation =
    Relation { name: "", join: "", parent: "t.organization_id", order: BY_NAME, only: "", seen: false };

/// The users kept at an organization.
pub const OF_ORGANIZATION: Relation = Relation { name: "users of organization", ..BELOW };

/// The users on a cluster.
pub const OF_CLUSTER: Relation = Relation { name: "users of cluster", parent: "t.cluster_id", ..BELOW };

/// The users of a profile, in their order.
pub const OF_PROFILE: Relation = Relation {
    name: "users of profile",
    join: " JOIN profile_user l ON l.user_id = t.id",
    parent: "l.profile_id",
    order: Order { column: "l.position", number: true, descending: false },
    only: "",
    seen: false,
};

/// The users that control a phone.
pub const OF_PHONE: Relation = Relation {
    name: "users of phone",
    join: " JOIN user_phone l ON l.user_id = t.id",
    parent: "l.phone_id",
    ..BELOW
};

/// The user, when the caller sees it.
pub async fn seen(tx: &Tx, id: UserId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

/// Users of a user id, one in each cluster at most; no more than two, as many as it takes to know that it is not one.
pub async fn by_user_id(store: &Store, scope: Scope, user_id: &str) -> Result<Vec<Model>, DbErr> {
    let mut users = Entity::find().filter(Column::UserId.eq(user_id)).limit(2);
    if let Scope::Below(top) = scope {
        let below = organization_closure::Entity::find()
            .select_only()
            .column(organization_closure::Column::DescendantId)
            .filter(organization_closure::Column::AncestorId.eq(top));
        users = users.filter(Column::OrganizationId.in_subquery(below.into_query()));
    }
    users.all(&store.db).await
}

/// The ids of all users of the profiles, each once; who of them is seen is for the loader to say.
pub async fn of_profiles(source: &impl Source, profiles: &[i64]) -> Result<Vec<i64>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push("SELECT DISTINCT user_id FROM profile_user WHERE ");
    sql.among("profile_id", profiles.iter().copied()).push(" ORDER BY user_id");
    let rows = source.rows(sql.statement()).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// The users of a profile, in order, locked against others: what leaves the profile may rewrite its users.
pub async fn of_profile(tx: &Tx, profile: DeviceId) -> Result<Vec<(profile_user::Model, Model)>, DbErr> {
    let associations = profile_user::Entity::find()
        .filter(profile_user::Column::ProfileId.eq(profile))
        .order_by_asc(profile_user::Column::Position)
        .all(&tx.db)
        .await?;
    let ids = associations.iter().map(|association| association.user_id);
    let users = Entity::find()
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(&tx.db)
        .await?;
    let mut users: HashMap<_, _> = users.into_iter().map(|user| (user.id, user)).collect();
    Ok(associations
        .into_iter()
        .filter_map(|association| users.remove(&association.user_id).map(|user| (association, user)))
        .collect())
}

/// The phones that a user controls, lowest id first.
pub async fn phones(tx: &Tx, user: UserId) -> Result<Vec<DeviceId>, DbErr> {
    let rows = user_phone::Entity::find()
        .filter(user_phone::Column::UserId.eq(user))
        .order_by_asc(user_phone::Column::PhoneId)
        .all(&tx.db)
        .await?;
    Ok(rows.into_iter().map(|row| row.phone_id).collect())
}

/// The profiles that applications may control for a user, lowest id first.
pub async fn cti_profiles(tx: &Tx, user: UserId) -> Result<Vec<DeviceId>, DbErr> {
    let rows = user_cti_profile::Entity::find()
        .filter(user_cti_profile::Column::UserId.eq(user))
        .order_by_asc(user_cti_profile::Column::ProfileId)
        .all(&tx.db)
        .await?;
    Ok(rows.into_iter().map(|row| row.profile_id).collect())
}

/// What creating one must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let mut profiles = Vec::with_capacity(cmd.profiles.len());
    for id in &cmd.profiles {
        let found = profile::locked(tx, *id).await?;
        let users = profile_user::Entity::find()
            .filter(profile_user::Column::ProfileId.eq(*id))
            .count(&tx.db)
            .await?;
        let users = i32::try_from(users).map_err(|error| DbErr::Custom(error.to_string()))?;
        profiles.push(found.map(|profile| (profile, users)));
    }
    let mut new_profiles = Vec::with_capacity(cmd.new_profiles.len());
    for new in &cmd.new_profiles {
        new_profiles.push(profile::create_facts(tx, new).await?);
    }
    let phones = phones_named(tx, &cmd.phones).await?;
    let seen = profiles.iter().flatten().map(|(profile, _)| profile.id);
    let devices: Vec<_> = phones.iter().flatten().map(|phone| phone.id).chain(seen).collect();
    let place = cluster::place(tx, cmd.organization, cmd.cluster).await?;
    let taken = match place.seen() {
        Some(cluster) => taken(tx, cluster, &cmd.user_id).await?,
        None => None,
    };
    let gets_profiles = !(cmd.profiles.is_empty() && cmd.new_profiles.is_empty());
    let most_profiles = if gets_profiles { most_profiles(tx, cmd.organization).await? } else { None };
    Ok(CreateFacts {
        id: UserId(tx.id()?),
        now: tx.now(),
        place,
        taken,
        most_profiles,
        devices: Devices {
            phones,
            cti_profiles: profiles_named(tx, &cmd.cti_profiles).await?,
            numbers: numbers_on(tx, &devices).await?,
        },
        profiles,
        new_profiles,
    })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let old_phones = phones(tx, cmd.id).await?;
    let old_cti_profiles = cti_profiles(tx, cmd.id).await?;
    let phones = phones_named(tx, cmd.phones.as_deref().unwrap_or_default()).await?;
    let mut devices = match &cmd.phones {
        Some(_) => phones.iter().flatten().map(|phone| phone.id).collect(),
        None => old_phones.clone(),
    };
    devices.extend(profile::of_user(tx, cmd.id).await?.into_iter().map(|(_, profile)| profile.id));
    Ok(UpdateFacts {
        now: tx.now(),
        current,
        old_phones,
        old_cti_profiles,
        devices: Devices {
            phones,
            cti_profiles: profiles_named(tx, cmd.cti_profiles.as_deref().unwrap_or_default()).await?,
            numbers: numbers_on(tx, &devices).await?,
        },
    })
}

/// What deleting one must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<DeleteFacts, DbErr> {
    let mut facts = DeleteFacts {
        now: tx.now(),
        current: locked(tx, cmd.id).await?,
        profiles: Vec::new(),
        phones: Vec::new(),
        cti_profiles: Vec::new(),
        owned: Vec::new(),
        login_of: Vec::new(),
        sessions: Vec::new(),
    };
    if facts.current.is_none() {
        return Ok(facts);
    }
    for (association, profile) in profile::of_user(tx, cmd.id).await? {
        let alone = of_profile(tx, profile.id).await?.len() == 1;
        let sole = if alone {
            let delete = DeleteProfile {
                id: profile.id,
                expected_version: None,
                release_logout_phones: false,
                on_active_session: cmd.on_active_session,
            };
            let mut sole = profile::delete_facts(tx, &delete).await?;
            // The association and the default go with the user, not a second time with the profile.
            sole.users.clear();
            sole.sessions.retain(|held| held.session.user_id != cmd.id);
            sole.cti.retain(|(user, _)| user.id != cmd.id);
            Some(sole).filter(|sole| sole.current.is_some())
        } else {
            None
        };
        facts.profiles.push((association, profile, sole));
    }
    facts.phones = phones(tx, cmd.id).await?;
    facts.cti_profiles = cti_profiles(tx, cmd.id).await?;
    facts.owned = phone::owned(tx, cmd.id).await?;
    facts.login_of = profile::with_login_user(tx, cmd.id).await?;
    facts.sessions = session::of_user(tx, cmd.id).await?;
    Ok(facts)
}

/// What associating users must know.
pub async fn associate_facts(tx: &Tx, cmd: &Associate) -> Result<AssociationFacts, DbErr> {
    association_facts(tx, cmd.profile, &cmd.users).await
}

/// What disassociating a user must know.
pub async fn disassociate_facts(tx: &Tx, cmd: &Disassociate) -> Result<AssociationFacts, DbErr> {
    let mut facts = association_facts(tx, cmd.profile, &[cmd.user]).await?;
    if facts.profile.is_some() {
        facts.sessions = session::of_profile(tx, cmd.profile).await?;
        facts.sessions.retain(|held| held.session.user_id == cmd.user);
    }
    Ok(facts)
}

/// What ordering users must know.
pub async fn reorder_facts(tx: &Tx, cmd: &Reorder) -> Result<AssociationFacts, DbErr> {
    association_facts(tx, cmd.profile, &cmd.users).await
}

/// What choosing a default profile must know.
pub async fn default_facts(tx: &Tx, cmd: &SetDefault) -> Result<DefaultFacts, DbErr> {
    let profile = match cmd.profile {
        Some(id) => profile::seen(tx, id).await?,
        None => None,
    };
    let associated = match &profile {
        Some(profile) => {
            profile_user::Entity::find_by_id((profile.id, cmd.user)).one(&tx.db).await?.is_some()
        }
        None => false,
    };
    Ok(DefaultFacts { now: tx.now(), current: locked(tx, cmd.user).await?, profile, associated })
}

async fn association_facts(tx: &Tx, id: DeviceId, users: &[UserId]) -> Result<AssociationFacts, DbErr> {
    let profile = profile::locked(tx, id).await?;
    let current = match &profile {
        Some(profile) => of_profile(tx, profile.id).await?,
        None => Vec::new(),
    };
    let mut named = Vec::with_capacity(users.len());
    for user in users {
        named.push(seen(tx, *user).await?);
    }
    let entitlements = entitlements(tx, &named).await?;
    Ok(AssociationFacts { now: tx.now(), profile, current, named, sessions: Vec::new(), entitlements })
}

/// How many profiles users have and may have, where an organization says how many; nobody gives them others meanwhile.
pub async fn entitlements(tx: &Tx, users: &[Option<Model>]) -> Result<BTreeMap<UserId, Entitlement>, DbErr> {
    let (mut most, mut limited) = (HashMap::new(), BTreeMap::new());
    for user in users.iter().flatten() {
        let known = most.get(&user.organization_id).copied();
        let of_organization = match known {
            Some(most) => most,
            None => most_profiles(tx, user.organization_id).await?,
        };
        most.insert(user.organization_id, of_organization);
        if of_organization.is_some() {
            limited.insert(user.id, Entitlement { used: 0, most: of_organization });
        }
    }
    if limited.is_empty() {
        return Ok(limited);
    }
    let ids: Vec<_> = limited.keys().copied().collect();
    let named = Entity::find().filter(Column::Id.is_in(ids.iter().copied())).order_by_asc(Column::Id);
    named.lock_exclusive().all(&tx.db).await?;
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT user_id, count(*) FROM profile_user WHERE ").among("user_id", ids.iter().map(|id| id.0));
    sql.push(" GROUP BY user_id");
    for row in tx.rows(sql.statement()).await? {
        let (user, count): (i64, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        if let Some(entitlement) = limited.get_mut(&UserId(user)) {
            entitlement.used = i32::try_from(count).unwrap_or(i32::MAX);
        }
    }
    Ok(limited)
}

/// Most profiles that users of an organization may have.
async fn most_profiles(source: &impl Source, organization: OrganizationId) -> Result<Option<i32>, DbErr> {
    organization::setting(source, organization, "max_profiles_per_user").await
}

/// Most profiles that users of each organization may have, where one at or above it says.
pub async fn most_profiles_at(
    source: &impl Source,
    organizations: &[i64],
) -> Result<HashMap<i64, i32>, DbErr> {
    let mut sql = Sql::new(source.backend());
    sql.push(
        "SELECT c.descendant_id, o.max_profiles_per_user FROM organization_closure c JOIN organization o ON ",
    );
    sql.push("o.id = c.ancestor_id WHERE o.max_profiles_per_user IS NOT NULL AND ");
    sql.among("c.descendant_id", organizations.iter().copied()).push(" ORDER BY length(o.path)");
    // The nearest one comes last and stands.
    let rows = source.rows(sql.statement()).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// Where somebody has the user id, up to three free ones near it.
async fn taken(tx: &Tx, cluster: ClusterId, user_id: &str) -> Result<Option<Vec<String>>, DbErr> {
    let among = |ids: Vec<String>| {
        Entity::find().filter(Column::ClusterId.eq(cluster)).filter(Column::UserId.is_in(ids)).all(&tx.db)
    };
    if among(vec![user_id.to_owned()]).await?.is_empty() {
        return Ok(None);
    }
    let near = near(user_id);
    let known: BTreeSet<_> = among(near.clone()).await?.into_iter().map(|user| user.user_id).collect();
    Ok(Some(suggestions(near, |candidate| known.contains(candidate))))
}

/// The user, when the caller sees it, locked against others until the end of the transaction.
pub async fn locked(tx: &Tx, id: UserId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

async fn phones_named(tx: &Tx, ids: &[DeviceId]) -> Result<Vec<Option<entity::phone::Model>>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.push(phone::seen(tx, *id).await?);
    }
    Ok(found)
}

async fn profiles_named(tx: &Tx, ids: &[DeviceId]) -> Result<Vec<Option<entity::profile::Model>>, DbErr> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.push(profile::seen(tx, *id).await?);
    }
    Ok(found)
}

async fn numbers_on(tx: &Tx, devices: &[DeviceId]) -> Result<BTreeSet<(String, String)>, DbErr> {
    if devices.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut sql = Sql::new(tx.backend());
    sql.push("SELECT t.pattern, t.partition FROM line t JOIN line_appearance l ON l.line_id = t.id WHERE ");
    sql.among("l.device_id", devices.iter().map(|id| id.0));
    let rows = tx.rows(sql.statement()).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}
