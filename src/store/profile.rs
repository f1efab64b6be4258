//! Profiles: rows, relations, facts.

use entity::{
    ClusterId, DeviceId, Moment, OrganizationId, UserId, phone,
    profile::{Column, Entity, Model, Protocol, Settings},
    profile_user, user, user_cti_profile,
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    Tx, button, cluster, device, line, organization,
    page::{Order, Relation},
    row::row,
    session, service_subscription, template, user as user_store,
};
use crate::rule::{
    Patch,
    profile::{Create, CreateFacts, Delete, DeleteFacts, Fields, Update, UpdateFacts},
    session::ApplyPolicy,
    template::named,
};

row! {
    /// A profile.
    Row of "profile", Model, always ["id"] {
        id: DeviceId,
        cluster_id: ClusterId,
        organization_id: OrganizationId,
        name: String,
        name_key: String,
        description: String,
        product: String,
        protocol: Protocol,
        button_template: String,
        softkey_template: Option<String>,
        login_user_id: Option<UserId>,
        settings: Settings,
        version: i64,
        created_at: Moment,
        updated_at: Moment,
    }

    const ORDERED_AT_ORGANIZATION: &'static [&'static str] = &["t.name_key"];
}

impl From<&device::Row> for Row {
    /// What its device says of it: its name and where it is kept.
    fn from(device: &device::Row) -> Self {
        Self {
            id: device.id.clone(),
            cluster_id: device.cluster_id.clone(),
            organization_id: device.organization_id.clone(),
            name: device.name.clone(),
            ..Self::default()
        }
    }
}

/// By name.
pub const BY_NAME: Order = Order { column: "t.name_key", number: false, descending: false };

const BELOW: Relation =
    Relation { name: "", join: "", parent: "t.organization_id", order: BY_NAME, only: "", seen: false };

/// The profiles kept at an organization.
pub const OF_ORGANIZATION: Relation = Relation { name: "profiles of organization", ..BELOW };

/// The profiles on a cluster.
pub const OF_CLUSTER: Relation = Relation { name: "profiles of cluster", parent: "t.cluster_id", ..BELOW };

/// The profiles that serve a user.
pub const OF_USER: Relation = Relation {
    name: "profiles of user",
    join: " JOIN profile_user l ON l.profile_id = t.id",
    parent: "l.user_id",
    ..BELOW
};

/// The profiles that applications may control for a user.
pub const CTI_OF_USER: Relation = Relation {
    name: "CTI profiles of user",
    join: " JOIN user_cti_profile l ON l.profile_id = t.id",
    parent: "l.user_id",
    ..BELOW
};

/// The profile, when the caller sees it, locked against others until the end of the transaction.
pub async fn locked(tx: &Tx, id: DeviceId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

/// The profile, when the caller sees it.
pub async fn seen(tx: &Tx, id: DeviceId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

/// What creating one must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let mut users = Vec::with_capacity(cmd.users.len());
    for id in &cmd.users {
        users.push(user_store::seen(tx, *id).await?);
    }
    let place = cluster::place(tx, cmd.organization, cmd.cluster).await?;
    let sent = cmd.fields.apply(&Fields::default()).ok().and_then(|fields| fields.button_template);
    let named = named(sent, &cmd.product, cmd.protocol);
    let template = match place.seen() {
        Some(cluster) => template::button_template(tx, cluster, named.as_deref()).await?,
        None => None,
    };
    Ok(CreateFacts {
        id: DeviceId(tx.id()?),
        now: tx.now(),
        owner: device::owner(tx, place.seen(), &cmd.name).await?,
        lines: line::new_line_facts(tx, (cmd.organization, place.seen()), &cmd.lines).await?,
        place,
        users,
        newcomer: None,
        login_user: login_user(tx, &cmd.fields).await?,
        buttons: button::ids(tx, cmd.buttons.len())?,
        services: service_subscription::new_facts(tx, &cmd.services).await?,
        template,
    })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let template = match (&current, cmd.fields.has("button_template")) {
        (Some(current), true) => {
            let sent = cmd.fields.apply(&Fields::default()).ok().and_then(|fields| fields.button_template);
            let named = named(sent, &current.product, current.protocol);
            template::button_template(tx, current.cluster_id, named.as_deref()).await?
        }
        _ => None,
    };
    let sessions = match (&current, cmd.apply_policy) {
        (None, _) | (_, ApplyPolicy::Leave) => Vec::new(),
        (Some(_), ApplyPolicy::ReloginIdle | ApplyPolicy::Logout) => {
            session::running(tx, session::of_profile(tx, cmd.id).await?).await?
        }
    };
    let login_user = login_user(tx, &cmd.fields).await?;
    Ok(UpdateFacts { now: tx.now(), current, login_user, template, sessions })
}

/// What deleting one must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<DeleteFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let mut facts = DeleteFacts {
        now: tx.now(),
        current,
        lines: Vec::new(),
        users: Vec::new(),
        defaults: Vec::new(),
        cti: Vec::new(),
        logout_phones: Vec::new(),
        buttons: Vec::new(),
        sessions: Vec::new(),
        subscriptions: Vec::new(),
    };
    if facts.current.is_none() {
        return Ok(facts);
    }
    facts.lines = line::on_device_with_all(tx, cmd.id).await?;
    facts.buttons = button::on_device(tx, cmd.id).await?;
    facts.sessions = session::of_profile(tx, cmd.id).await?;
    facts.subscriptions = service_subscription::on_device(tx, cmd.id).await?;
    facts.users = user_store::of_profile(tx, cmd.id).await?;
    let served: Vec<_> = facts.users.iter().map(|(association, _)| association.user_id).collect();
    facts.defaults = user::Entity::find()
        .filter(user::Column::DefaultProfileId.eq(cmd.id))
        .filter(user::Column::Id.is_not_in(served))
        .order_by_asc(user::Column::Id)
        .lock_exclusive()
        .all(&tx.db)
        .await?;
    let controlled = user_cti_profile::Entity::find()
        .filter(user_cti_profile::Column::ProfileId.eq(cmd.id))
        .all(&tx.db)
        .await?;
    for association in controlled {
        if let Some(user) = user::Entity::find_by_id(association.user_id).one(&tx.db).await? {
            let list = user_store::cti_profiles(tx, association.user_id).await?;
            facts.cti.push((user, list));
        }
    }
    let phones = phone::Entity::find()
        .filter(phone::Column::LogoutProfileId.eq(cmd.id))
        .order_by_asc(phone::Column::Id)
        .lock_exclusive()
        .all(&tx.db)
        .await?;
    for phone in phones {
        let visible = organization::is_within(tx, phone.organization_id).await?;
        facts.logout_phones.push((phone, visible));
    }
    Ok(facts)
}

/// The profiles of a user, with the association of each.
pub async fn of_user(tx: &Tx, user: UserId) -> Result<Vec<(profile_user::Model, Model)>, DbErr> {
    let associations = profile_user::Entity::find()
        .filter(profile_user::Column::UserId.eq(user))
        .order_by_asc(profile_user::Column::ProfileId)
        .all(&tx.db)
        .await?;
    let mut profiles = Vec::with_capacity(associations.len());
    for association in associations {
        let found = Entity::find_by_id(association.profile_id).lock_exclusive().one(&tx.db).await?;
        profiles.extend(found.map(|profile| (association, profile)));
    }
    Ok(profiles)
}

/// The profiles whose login user it is.
pub async fn with_login_user(tx: &Tx, user: UserId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::LoginUserId.eq(user))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(&tx.db)
        .await
}

async fn login_user(tx: &Tx, fields: &Patch<Fields>) -> Result<Option<user::Model>, DbErr> {
    match fields.apply(&Fields::default()) {
        Ok(Fields { login_user_id: Some(id), .. }) => user_store::seen(tx, id).await,
        _ => Ok(None),
    }
}
