//! Applies changes: one arm per change, no rule. What rules could not see in time, because somebody else was
//! faster, is caught by the unique indexes; each is tied to the rule that it guards.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
};

use entity::{
    DeviceId, LineId, OrganizationId, UserId, button, cluster, default_device_profile, device, job, line,
    line_appearance, number, organization, organization_closure, phone, profile, profile_user, quick_add,
    role, service, service_subscription, session, template, user, user_cti_profile, user_phone,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, ExprTrait, IntoActiveModel, PrimaryKeyTrait,
    QueryFilter, Set, SqlErr, sea_query::Expr,
};

use super::{Source, Tx, sql::Sql};
use crate::rule::{Change, Rule};

/// Keeps positions apart while they are moved, as unique indexes are checked row by row.
const ASIDE: i32 = 1_000_000;

/// An index with its rule.
type Unique = (&'static str, &'static str, fn() -> Rule, &'static str);

/// Each unique index that a rule stands behind: its name (as PostgreSQL tells it), its columns (as SQLite tells
/// them), the rule, and the place in the input.
pub const UNIQUE: &[Unique] = &[
    (
        "hie_6_organization_path",
        "organization.path_key",
        || Rule::OrganizationNameTaken { path: taken(), suggestions: Vec::new() },
        "name",
    ),
    (
        "rml_1_cluster_name",
        "cluster.organization_id, cluster.name_key",
        || Rule::ClusterNameTaken { name: taken(), suggestions: Vec::new() },
        "name",
    ),
    (
        "nam_2_device_name",
        "device.cluster_id, device.name_key",
        || Rule::NameTaken { name: taken(), suggestions: Vec::new() },
        "name",
    ),
    (
        "rml_2_user_id",
        "user.cluster_id, user.user_id",
        || Rule::UserIdTaken { user_id: taken(), suggestions: Vec::new() },
        "userId",
    ),
    (
        "rml_60_quick_add_name",
        "quick_add.organization_id, quick_add.name_key",
        || Rule::QuickAddNameTaken { name: taken(), suggestions: Vec::new() },
        "name",
    ),
    (
        "lin_1_line",
        "line.cluster_id, line.pattern, line.partition",
        || Rule::LineTaken { pattern: taken(), partition: String::new() },
        "pattern",
    ),
    (
        "lin_7_position",
        "line_appearance.device_id, line_appearance.position",
        || Rule::LineIndexTaken { index: 0, free: 0 },
        "index",
    ),
    (
        "lin_6_line_once",
        "line_appearance.device_id, line_appearance.line_id",
        || Rule::LineAlreadyOnDevice { device: taken() },
        "lineId",
    ),
    (
        "cln_1_one_original",
        "line_appearance.line_id",
        || Rule::LineIsClone { original: 0, device: taken(), index: 0 },
        "lineId",
    ),
    (
        "ses_3_one_session",
        "session.phone_id",
        || Rule::PhoneOccupied { phone: "the phone".to_owned(), user: "somebody who was faster".to_owned() },
        "phoneId",
    ),
    (
        "rml_40_default_device_profile",
        "default_device_profile.cluster_id, default_device_profile.product, default_device_profile.protocol",
        || Rule::DefaultDeviceProfileTaken { product: taken(), protocol: String::new() },
        "product",
    ),
    (
        "acc_2_role_name",
        "role.organization_id, role.name_key",
        || Rule::RoleNameTaken { name: taken(), suggestions: Vec::new() },
        "name",
    ),
    (
        "inv_13_number",
        "number.cluster_id, number.pattern, number.partition",
        || Rule::NumberTaken { pattern: taken() },
        "first",
    ),
    (
        "profile_user_pkey",
        "profile_user.profile_id, profile_user.user_id",
        || Rule::UserAlreadyAssociated { user_id: taken() },
        "userIds",
    ),
    (
        "flt_2_user_position",
        "profile_user.profile_id, profile_user.position",
        || Rule::VersionConflict { expected: 0, current: 0 },
        "",
    ),
    (
        "btn_2_position",
        "button.device_id, button.kind, button.position",
        || Rule::ButtonIndexTaken { index: 0, free: 0 },
        "index",
    ),
    (
        "rml_20_template_name",
        "template.cluster_id, template.kind, template.name_key",
        || Rule::TemplateNameTaken { name: taken(), suggestions: Vec::new() },
        "name",
    ),
    (
        "rml_30_service_name",
        "service.cluster_id, service.name_key",
        || Rule::ServiceNameTaken { name: taken(), suggestions: Vec::new() },
        "name",
    ),
    (
        "svc_15_subscription",
        "service_subscription.device_id, service_subscription.service_id",
        || Rule::ServiceAlreadySubscribed { service: taken() },
        "serviceId",
    ),
];

fn taken() -> String {
    "what somebody else has just taken".to_owned()
}

/// The rule behind a unique index or foreign key that refused, with its place in the input.
pub fn clash(error: &DbErr) -> Option<(Rule, &'static str)> {
    match error.sql_err()? {
        SqlErr::UniqueConstraintViolation(message) => UNIQUE
            .iter()
            .find(|(index, columns, ..)| message.contains(index) || message.ends_with(columns))
            .map(|(_, _, rule, path)| (rule(), *path)),
        SqlErr::ForeignKeyConstraintViolation(_) => {
            let noun = "thing as it refers to; somebody has just deleted it, or still uses it";
            Some((Rule::NotFound { noun, id: String::new() }, ""))
        }
        _ => None,
    }
}

/// Applies changes in their order. Versions of devices and lines whose appearances, buttons or users changed, and of users
/// whose lists did, are raised once for all of them.
pub async fn apply(tx: &Tx, changes: &[Change]) -> Result<(), DbErr> {
    let mut touched = Touched::default();
    set_aside(tx, changes).await?;
    for change in changes {
        apply_one(tx, change, &mut touched).await?;
    }
    touched.settle(tx).await
}

/// What a batch of changes leaves to do at its end.
#[derive(Default)]
struct Touched {
    devices: BTreeMap<DeviceId, device::Kind>,
    lines: BTreeSet<LineId>,
    users: BTreeSet<UserId>,
    /// Lines and users whose rows were written with a version of their own.
    written_lines: BTreeSet<LineId>,
    written_users: BTreeSet<UserId>,
    /// Appearances by their new settings: those that are alike are written at once.
    settings: Vec<(line_appearance::Settings, Vec<i64>)>,
}

impl Touched {
    async fn settle(self, tx: &Tx) -> Result<(), DbErr> {
        for (settings, ids) in self.settings {
            let mut sql = Sql::new(tx.backend());
            sql.push("UPDATE line_appearance SET settings = ").bind(settings).push(" WHERE ");
            sql.among("id", ids.into_iter());
            tx.run(sql.statement()).await?;
        }
        let of = |kind| self.devices.iter().filter(move |(_, k)| **k == kind).map(|(id, _)| id.0);
        for (table, ids) in [
            ("profile", of(device::Kind::Profile).collect::<Vec<_>>()),
            ("phone", of(device::Kind::Phone).collect()),
            ("line", self.lines.difference(&self.written_lines).map(|id| id.0).collect()),
            ("\"user\"", self.users.difference(&self.written_users).map(|id| id.0).collect()),
        ] {
            if ids.is_empty() {
                continue;
            }
            let mut sql = Sql::new(tx.backend());
            sql.push("UPDATE ").push(table).push(" SET version = version + 1, updated_at = ").bind(tx.now());
            sql.push(" WHERE ").among("id", ids.into_iter());
            tx.run(sql.statement()).await?;
        }
        Ok(())
    }
}

/// Moves appearances and buttons that change their place out of each other's way.
async fn set_aside(tx: &Tx, changes: &[Change]) -> Result<(), DbErr> {
    let (mut appearances, mut buttons) = (Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::AppearanceUpdated { before, after, .. } if before.position != after.position => {
                appearances.push(before.id.0);
            }
            Change::ButtonUpdated { before, after, .. } if before.position != after.position => {
                buttons.push(before.id.0);
            }
            _ => {}
        }
    }
    // A single one is in the way of what comes to its place, and of nothing else.
    let added =
        |change: &Change| matches!(change, Change::AppearanceAdded { .. } | Change::ButtonAdded { .. });
    let alone = usize::from(!changes.iter().any(added));
    for (table, moving) in [("line_appearance", appearances), ("button", buttons)] {
        if moving.len() <= alone {
            continue;
        }
        let mut sql = Sql::new(tx.backend());
        sql.push("UPDATE ").push(table).push(" SET position = position + ").bind(ASIDE).push(" WHERE ");
        sql.among("id", moving.into_iter());
        tx.run(sql.statement()).await?;
    }
    Ok(())
}

async fn apply_one(tx: &Tx, change: &Change, touched: &mut Touched) -> Result<(), DbErr> {
    match change {
        Change::OrganizationCreated { organization } => {
            insert(tx, organization.clone()).await?;
            enter_tree(tx, organization.id, organization.parent_id).await
        }
        Change::OrganizationRenamed { before, after } => {
            update(tx, after.clone(), organization::Column::Id.eq(after.id)).await?;
            rename_below(tx, before, after).await
        }
        Change::OrganizationMoved { before, after } => {
            update(tx, after.clone(), organization::Column::Id.eq(after.id)).await?;
            rename_below(tx, before, after).await?;
            relocate(tx, after).await
        }
        Change::OrganizationDeleted { organization } => {
            super::token::leave_organization(tx, organization.id).await?;
            // It stays known below those above it, as its changes do.
            organization_closure::Entity::delete_many()
                .filter(organization_closure::Column::AncestorId.eq(organization.id))
                .exec(&tx.db)
                .await?;
            delete::<organization::Entity, _>(tx, organization.id).await
        }
        Change::ClusterCreated { cluster } => insert(tx, cluster.clone()).await,
        Change::ClusterUpdated { after, .. } => {
            update(tx, after.clone(), cluster::Column::Id.eq(after.id)).await
        }
        Change::ClusterDeleted { cluster } => delete::<cluster::Entity, _>(tx, cluster.id).await,
        Change::DeviceRegistered { device } => insert(tx, device.clone()).await,
        Change::DeviceReleased { device } => delete::<device::Entity, _>(tx, device.id).await,
        Change::ProfileCreated { profile } => {
            insert(tx, device_of_profile(profile)).await?;
            insert(tx, profile.clone()).await
        }
        Change::ProfileUpdated { after, .. } => {
            update(tx, after.clone(), profile::Column::Id.eq(after.id)).await
        }
        Change::ProfileDeleted { profile } => {
            delete::<profile::Entity, _>(tx, profile.id).await?;
            touched.devices.remove(&profile.id);
            delete::<device::Entity, _>(tx, profile.id).await
        }
        Change::PhoneCreated { phone } => {
            insert(tx, device_of_phone(phone)).await?;
            insert(tx, phone.clone()).await
        }
        Change::PhoneUpdated { after, .. } => update(tx, after.clone(), phone::Column::Id.eq(after.id)).await,
        Change::PhoneDeleted { phone } => {
            delete::<phone::Entity, _>(tx, phone.id).await?;
            touched.devices.remove(&phone.id);
            delete::<device::Entity, _>(tx, phone.id).await
        }
        Change::SessionStarted { session, .. } => insert(tx, session.clone()).await,
        Change::SessionEnded { session, .. } => delete::<session::Entity, _>(tx, session.id).await,
        Change::RoleCreated { role } => insert(tx, role.clone()).await,
        Change::RoleUpdated { after, .. } => update(tx, after.clone(), role::Column::Id.eq(after.id)).await,
        Change::RoleDeleted { role } => {
            super::token::leave_role(tx, role.id).await?;
            delete::<role::Entity, _>(tx, role.id).await
        }
        Change::DefaultDeviceProfileCreated { profile } => insert(tx, profile.clone()).await,
        Change::DefaultDeviceProfileUpdated { after, .. } => {
            update(tx, after.clone(), default_device_profile::Column::Id.eq(after.id)).await
        }
        Change::DefaultDeviceProfileDeleted { profile } => {
            delete::<default_device_profile::Entity, _>(tx, profile.id).await
        }
        Change::LineCreated { line } => insert(tx, line.clone()).await,
        Change::LineUpdated { after, .. } => {
            touched.written_lines.insert(after.id);
            update(tx, after.clone(), line::Column::Id.eq(after.id)).await
        }
        Change::LineDeleted { line } => {
            touched.lines.remove(&line.id);
            delete::<line::Entity, _>(tx, line.id).await
        }
        Change::AppearanceAdded { on, appearance } => {
            touched.devices.insert(appearance.device_id, on.kind);
            insert(tx, appearance.clone()).await
        }
        Change::AppearanceUpdated { on, after, .. } => {
            touched.devices.insert(after.device_id, on.kind);
            update(tx, after.clone(), line_appearance::Column::Id.eq(after.id)).await
        }
        Change::AppearanceSettingsChanged { appearance_id, line_id, after, .. } => {
            touched.lines.insert(*line_id);
            match touched.settings.iter_mut().find(|(settings, _)| settings == after) {
                Some((_, ids)) => ids.push(appearance_id.0),
                None => touched.settings.push((after.clone(), vec![appearance_id.0])),
            }
            Ok(())
        }
        Change::AppearanceRemoved { on, appearance } => {
            touched.devices.insert(appearance.device_id, on.kind);
            delete::<line_appearance::Entity, _>(tx, appearance.id).await
        }
        Change::ClonePromoted { after, .. } => {
            update(tx, after.clone(), line_appearance::Column::Id.eq(after.id)).await
        }
        Change::UserCreated { user } => {
            touched.written_users.insert(user.id);
            insert(tx, user.clone()).await
        }
        Change::UserUpdated { after, .. } => {
            touched.written_users.insert(after.id);
            update(tx, after.clone(), user::Column::Id.eq(after.id)).await
        }
        Change::UserDeleted { user } => {
            super::token::leave_user(tx, user.id).await?;
            delete::<user::Entity, _>(tx, user.id).await
        }
        Change::UserAssociated { association, .. } => {
            touched.devices.insert(association.profile_id, device::Kind::Profile);
            insert(tx, association.clone()).await
        }
        Change::UserDisassociated { association, .. } => {
            touched.devices.insert(association.profile_id, device::Kind::Profile);
            close_up(tx, association).await
        }
        Change::UsersReordered { profile_id, after, .. } => {
            touched.devices.insert(*profile_id, device::Kind::Profile);
            reorder(tx, *profile_id, after).await
        }
        Change::UserPhonesChanged { user_id, before, after, .. } => {
            touched.users.insert(*user_id);
            let gone = before.iter().copied().filter(|id| !after.contains(id));
            user_phone::Entity::delete_many()
                .filter(user_phone::Column::UserId.eq(*user_id))
                .filter(user_phone::Column::PhoneId.is_in(gone))
                .exec(&tx.db)
                .await?;
            for &phone_id in after.iter().filter(|id| !before.contains(id)) {
                insert(tx, user_phone::Model { user_id: *user_id, phone_id }).await?;
            }
            Ok(())
        }
        Change::UserCtiProfilesChanged { user_id, before, after, .. } => {
            touched.users.insert(*user_id);
            let gone = before.iter().copied().filter(|id| !after.contains(id));
            user_cti_profile::Entity::delete_many()
                .filter(user_cti_profile::Column::UserId.eq(*user_id))
                .filter(user_cti_profile::Column::ProfileId.is_in(gone))
                .exec(&tx.db)
                .await?;
            for &profile_id in after.iter().filter(|id| !before.contains(id)) {
                insert(tx, user_cti_profile::Model { user_id: *user_id, profile_id }).await?;
            }
            Ok(())
        }
        Change::QuickAddGroupCreated { group } => insert(tx, group.clone()).await,
        Change::QuickAddGroupUpdated { after, .. } => {
            update(tx, after.clone(), quick_add::Column::Id.eq(after.id)).await
        }
        Change::QuickAddGroupDeleted { group } => delete::<quick_add::Entity, _>(tx, group.id).await,
        Change::OrganizationUpdated { after, .. } => {
            update(tx, after.clone(), organization::Column::Id.eq(after.id)).await
        }
        Change::NumberCreated { number } => insert(tx, number.clone()).await,
        Change::NumberUpdated { after, .. } => {
            update(tx, after.clone(), number::Column::Id.eq(after.id)).await
        }
        Change::NumberDeleted { number } => delete::<number::Entity, _>(tx, number.id).await,
        Change::JobStarted { job } => {
            insert(tx, job.clone()).await?;
            super::job::begin(tx, job).await
        }
        Change::JobProgressed { before, after } => {
            update(tx, after.clone(), job::Column::Id.eq(after.id)).await?;
            super::job::moved(tx, before, after).await
        }
        // The generator writes its rows itself, all at once; what a restoration makes stands beside it; of a pass over subscriptions, each has a change of its own.
        Change::EstateGenerated { .. } | Change::ProfileRestored { .. } | Change::ServiceResynced { .. } => {
            Ok(())
        }
        Change::ButtonAdded { on, button } => {
            touched.devices.insert(button.device_id, on.kind);
            insert(tx, button.clone()).await
        }
        Change::ButtonUpdated { on, after, .. } => {
            touched.devices.insert(after.device_id, on.kind);
            update(tx, after.clone(), button::Column::Id.eq(after.id)).await
        }
        Change::ButtonRemoved { on, button } => {
            touched.devices.insert(button.device_id, on.kind);
            delete::<button::Entity, _>(tx, button.id).await
        }
        Change::TemplateCreated { template } => insert(tx, template.clone()).await,
        Change::TemplateUpdated { after, .. } => {
            update(tx, after.clone(), template::Column::Id.eq(after.id)).await
        }
        Change::TemplateDeleted { template } => delete::<template::Entity, _>(tx, template.id).await,
        Change::ServiceCreated { service } => insert(tx, service.clone()).await,
        Change::ServiceUpdated { after, .. } => {
            update(tx, after.clone(), service::Column::Id.eq(after.id)).await
        }
        Change::ServiceDeleted { service } => delete::<service::Entity, _>(tx, service.id).await,
        Change::ServiceSubscribed { on, subscription } => {
            touched.devices.insert(subscription.device_id, on.kind);
            insert(tx, subscription.clone()).await
        }
        Change::ServiceSubscriptionUpdated { on, after, .. } => {
            touched.devices.insert(after.device_id, on.kind);
            update(tx, after.clone(), service_subscription::Column::Id.eq(after.id)).await
        }
        Change::ServiceSubscriptionRemoved { on, subscription } => {
            touched.devices.insert(subscription.device_id, on.kind);
            delete::<service_subscription::Entity, _>(tx, subscription.id).await
        }
    }
}

/// What one arm does. Boxed, as the arms' futures would each have room of their own on the stack, in builds that are not
/// optimised.
type Applying<'a> = Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'a>>;

fn insert<'a, M, A>(tx: &'a Tx, model: M) -> Applying<'a>
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait + Send + 'a,
{
    let model = model.into_active_model();
    Box::pin(async move {
        <A::Entity as EntityTrait>::insert(model).exec_without_returning(&tx.db).await.map(drop)
    })
}

fn update<'a, M, A>(tx: &'a Tx, model: M, is: Expr) -> Applying<'a>
where
    M: IntoActiveModel<A>,
    A: ActiveModelTrait + Send + 'a,
{
    let model = model.into_active_model().reset_all();
    Box::pin(async move {
        let result = <A::Entity as EntityTrait>::update_many().set(model).filter(is).exec(&tx.db).await?;
        if result.rows_affected == 1 { Ok(()) } else { Err(DbErr::RecordNotUpdated) }
    })
}

fn delete<E, K>(tx: &Tx, key: K) -> Applying<'_>
where
    E: EntityTrait,
    K: Into<<E::PrimaryKey as PrimaryKeyTrait>::ValueType>,
{
    let rows = E::delete_by_id(key);
    Box::pin(async move { rows.exec(&tx.db).await.map(drop) })
}

/// The row by which a profile holds its name.
pub fn device_of_profile(profile: &profile::Model) -> device::Model {
    device::Model {
        id: profile.id,
        cluster_id: profile.cluster_id,
        organization_id: profile.organization_id,
        kind: device::Kind::Profile,
        name: profile.name.clone(),
        name_key: profile.name_key.clone(),
        description: String::new(),
    }
}

/// The row by which a phone holds its name.
pub fn device_of_phone(phone: &phone::Model) -> device::Model {
    device::Model {
        id: phone.id,
        cluster_id: phone.cluster_id,
        organization_id: phone.organization_id,
        kind: device::Kind::Phone,
        name: phone.name.clone(),
        name_key: phone.name_key.clone(),
        description: String::new(),
    }
}

async fn enter_tree(tx: &Tx, id: OrganizationId, parent: Option<OrganizationId>) -> Result<(), DbErr> {
    // One that comes back is still known below those that were above it.
    organization_closure::Entity::delete_many()
        .filter(organization_closure::Column::DescendantId.eq(id))
        .exec(&tx.db)
        .await?;
    let mut sql = Sql::new(tx.backend());
    sql.push("INSERT INTO organization_closure (ancestor_id, descendant_id) SELECT ancestor_id, ").bind(id);
    sql.push(" FROM organization_closure WHERE descendant_id = ").bind(parent.map_or(-1, |parent| parent.0));
    tx.run(sql.statement()).await?;
    insert(tx, organization_closure::Model { ancestor_id: id, descendant_id: id }).await
}

/// Rewrites the paths of everything below an organization that got another one.
async fn rename_below(
    tx: &Tx,
    before: &organization::Model,
    after: &organization::Model,
) -> Result<(), DbErr> {
    let closure = organization_closure::Entity::find()
        .filter(organization_closure::Column::AncestorId.eq(before.id))
        .filter(organization_closure::Column::DescendantId.ne(before.id))
        .all(&tx.db)
        .await?;
    let ids = closure.into_iter().map(|entry| entry.descendant_id);
    let below = organization::Entity::find().filter(organization::Column::Id.is_in(ids)).all(&tx.db).await?;
    for child in below {
        let Some(rest) = child.path.strip_prefix(&before.path) else { continue };
        let path = format!("{}{rest}", after.path);
        let mut child = child.into_active_model();
        child.path_key = Set(crate::rule::value::key(&path));
        child.path = Set(path);
        child.update(&tx.db).await?;
    }
    Ok(())
}

/// Hangs an organization with everything below it below its new parent.
async fn relocate(tx: &Tx, after: &organization::Model) -> Result<(), DbErr> {
    let mut sql = Sql::new(tx.backend());
    sql.push("DELETE FROM organization_closure WHERE descendant_id IN (SELECT descendant_id FROM organization_closure WHERE ancestor_id = ");
    sql.bind(after.id);
    sql.push(") AND ancestor_id NOT IN (SELECT descendant_id FROM organization_closure WHERE ancestor_id = ");
    sql.bind(after.id).push(")");
    tx.run(sql.statement()).await?;
    let mut sql = Sql::new(tx.backend());
    sql.push("INSERT INTO organization_closure (ancestor_id, descendant_id) ");
    sql.push(
        "SELECT up.ancestor_id, down.descendant_id FROM organization_closure up, organization_closure down ",
    );
    sql.push("WHERE up.descendant_id = ").bind(after.parent_id.map_or(-1, |parent| parent.0));
    sql.push(" AND down.ancestor_id = ").bind(after.id);
    tx.run(sql.statement()).await.map(drop)
}

/// Takes a user off a profile; the users behind move up.
async fn close_up(tx: &Tx, gone: &profile_user::Model) -> Result<(), DbErr> {
    use profile_user::{Column, Entity};
    Entity::delete_by_id((gone.profile_id, gone.user_id)).exec(&tx.db).await?;
    for (shift, from) in [(ASIDE, gone.position), (-ASIDE - 1, ASIDE)] {
        Entity::update_many()
            .col_expr(Column::Position, Expr::col(Column::Position).add(shift))
            .filter(Column::ProfileId.eq(gone.profile_id))
            .filter(Column::Position.gt(from))
            .exec(&tx.db)
            .await?;
    }
    Ok(())
}

async fn reorder(tx: &Tx, profile: DeviceId, users: &[UserId]) -> Result<(), DbErr> {
    use profile_user::{Column, Entity};
    Entity::update_many()
        .col_expr(Column::Position, Expr::col(Column::Position).add(ASIDE))
        .filter(Column::ProfileId.eq(profile))
        .exec(&tx.db)
        .await?;
    for (user, position) in users.iter().zip(1..) {
        let position: i32 = position;
        Entity::update_many()
            .col_expr(Column::Position, Expr::value(position))
            .filter(Column::ProfileId.eq(profile))
            .filter(Column::UserId.eq(*user))
            .exec(&tx.db)
            .await?;
    }
    Ok(())
}
