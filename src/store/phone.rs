//! Phones: rows, relations, facts.

use entity::{
    ClusterId, DeviceId, Moment, OrganizationId, UserId,
    phone::{Column, Entity, Model},
    profile::Protocol,
    user_phone,
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    Tx, button, cluster, device, line, organization,
    page::{Order, Relation},
    profile,
    row::row,
    service_subscription, template, user,
};
use crate::rule::{
    Patch,
    phone::{Create, CreateFacts, Delete, DeleteFacts, Fields, Referred, Update, UpdateFacts},
    template::named,
};

row! {
    /// A phone.
    Row of "phone", Model, always ["id"] {
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
        extension_mobility: bool,
        logout_profile_id: Option<DeviceId>,
        owner_id: Option<UserId>,
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

/// The phones kept at an organization.
pub const OF_ORGANIZATION: Relation = Relation { name: "phones of organization", ..BELOW };

/// The phones on a cluster.
pub const OF_CLUSTER: Relation = Relation { name: "phones of cluster", parent: "t.cluster_id", ..BELOW };

/// The phones that a user controls.
pub const OF_USER: Relation = Relation {
    name: "phones of user",
    join: " JOIN user_phone l ON l.phone_id = t.id",
    parent: "l.user_id",
    ..BELOW
};

/// The phones that show a profile while nobody is logged in.
pub const OF_LOGOUT_PROFILE: Relation =
    Relation { name: "phones of logout profile", parent: "t.logout_profile_id", ..BELOW };

/// The phone, when the caller sees it, locked against others until the end of the transaction.
pub async fn locked(tx: &Tx, id: DeviceId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

/// The phone, when the caller sees it.
pub async fn seen(tx: &Tx, id: DeviceId) -> Result<Option<Model>, DbErr> {
    let Some(found) = Entity::find_by_id(id).one(&tx.db).await? else { return Ok(None) };
    Ok(organization::is_within(tx, found.organization_id).await?.then_some(found))
}

/// The phones that a user owns.
pub async fn owned(tx: &Tx, user: UserId) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::OwnerId.eq(user))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(&tx.db)
        .await
}

/// What creating one must know.
pub async fn create_facts(tx: &Tx, cmd: &Create) -> Result<CreateFacts, DbErr> {
    let place = cluster::place(tx, cmd.organization, cmd.cluster).await?;
    let template = match place.seen() {
        Some(cluster) => asked_template(tx, cluster, &cmd.fields, &cmd.product, cmd.protocol).await?,
        None => None,
    };
    Ok(CreateFacts {
        id: DeviceId(tx.id()?),
        now: tx.now(),
        taken_by: device::owner(tx, place.seen(), &cmd.name).await?,
        place,
        referred: Referred { template, ..referred(tx, &cmd.fields).await? },
    })
}

/// What updating one must know.
pub async fn update_facts(tx: &Tx, cmd: &Update) -> Result<UpdateFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let template = match (&current, cmd.fields.has("button_template")) {
        (Some(phone), true) => {
            asked_template(tx, phone.cluster_id, &cmd.fields, &phone.product, phone.protocol).await?
        }
        _ => None,
    };
    let referred = Referred { template, ..referred(tx, &cmd.fields).await? };
    Ok(UpdateFacts { now: tx.now(), current, referred })
}

/// What deleting one must know.
pub async fn delete_facts(tx: &Tx, cmd: &Delete) -> Result<DeleteFacts, DbErr> {
    let current = locked(tx, cmd.id).await?;
    let mut facts = DeleteFacts {
        current,
        lines: Vec::new(),
        users: Vec::new(),
        buttons: Vec::new(),
        subscriptions: Vec::new(),
    };
    if facts.current.is_none() {
        return Ok(facts);
    }
    facts.lines = line::on_device_with_all(tx, cmd.id).await?;
    facts.buttons = button::on_device(tx, cmd.id).await?;
    facts.subscriptions = service_subscription::on_device(tx, cmd.id).await?;
    let controlled =
        user_phone::Entity::find().filter(user_phone::Column::PhoneId.eq(cmd.id)).all(&tx.db).await?;
    for association in controlled {
        if let Some(user) = entity::user::Entity::find_by_id(association.user_id).one(&tx.db).await? {
            let list = user::phones(tx, association.user_id).await?;
            facts.users.push((user, list));
        }
    }
    Ok(facts)
}

async fn referred(tx: &Tx, fields: &Patch<Fields>) -> Result<Referred, DbErr> {
    let Ok(fields) = fields.apply(&Fields::default()) else {
        return Ok(Referred { logout_profile: None, owner: None, template: None });
    };
    let logout_profile = match fields.logout_profile_id {
        Some(id) => profile::seen(tx, id).await?,
        None => None,
    };
    let owner = match fields.owner_id {
        Some(id) => user::seen(tx, id).await?,
        None => None,
    };
    Ok(Referred { logout_profile, owner, template: None })
}

/// The cluster's button template of the name that a phone gets.
async fn asked_template(
    tx: &Tx,
    cluster: ClusterId,
    fields: &Patch<Fields>,
    product: &str,
    protocol: Protocol,
) -> Result<Option<entity::template::Model>, DbErr> {
    let sent = fields.apply(&Fields::default()).ok().and_then(|fields| fields.button_template);
    template::button_template(tx, cluster, named(sent, product, protocol).as_deref()).await
}
