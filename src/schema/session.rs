//! Who is logged in where, in the graph.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::change_subject::Noun;

use super::{
    Ask, Result,
    change::{ChangeEvent, history},
    cluster::Cluster,
    connection::{Asked, Connection, Direction, TimeRange, one, one_joined, root, slice, write},
    default_device_profile::DefaultDeviceProfile,
    filter::{OrganizationScope, Parts, bounded, numbers},
    level::{Thing, rendered, to_joined, to_one},
    organization::Organization,
    phone::Phone,
    profile::Profile,
    user::User,
    value::{
        id::{self, NodeId},
        scalar::date_time,
        settings::ProfileSettings,
    },
};
use crate::{
    error::Error,
    rule::{
        history::camel,
        session::{Copied, Wide, copied, pending},
    },
    store::{
        default_device_profile,
        page::{self, Filter, Order, Slice},
        phone, profile,
        row::{Columns, all, bit},
        session,
    },
};

mod effective;
mod mutation;

pub use effective::{EffectiveProfile, effective};
pub use mutation::{SessionMutation, ended};

/// A session.
pub type Session = Thing<SessionObject>;

/// The fields of [`Session`].
#[derive(Clone)]
pub struct SessionObject(pub Arc<session::Row>);

rendered!(SessionObject over session::Row, in session {
    "organization" => to_joined::<session::Row, Organization>(|row| Ok(Some(row.organization_id.get()?.0)), |row| row.joined.organization.clone()),
    "cluster" => to_joined::<session::Row, Cluster>(|row| Ok(Some(row.cluster_id.get()?.0)), |row| row.joined.cluster.clone()),
    "phone" => to_one::<session::Row, Phone>(|row| Ok(Some(row.phone_id.get()?.0))),
    "user" => to_one::<session::Row, User>(|row| Ok(Some(row.user_id.get()?.0))),
    "profile" => to_one::<session::Row, Profile>(|row| Ok(row.profile_id.get()?.map(|id| id.0))),
    "defaultDeviceProfile" => to_one::<session::Row, DefaultDeviceProfile>(|row| {
        Ok(row.default_device_profile_id.get()?.map(|id| id.0))
    }),
});

/// A setting that a phone would take if its user logged in again.
#[derive(SimpleObject)]
pub struct PendingField {
    /// The field of the profile, such as `buttonTemplate` or `settings.userLocale`.
    field: String,
    /// What the phone took at login: a text as it is, anything else as JSON; nothing where it was not set.
    in_session: Option<String>,
    /// What it would take now.
    in_profile: Option<String>,
}

/// A user who is logged in on a phone: the phone shows the user's profile until the session ends. A login through this
/// API is an administrator's act: no PIN is asked for, and none is kept here. Unified CM is not connected: what stands here
/// is what was done through Roamline.
#[Object(name = "Session")]
impl SessionObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Session(*self.0.id.get()?).encode())
    }

    /// When it began.
    async fn logged_in_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.logged_in_at.get()?))
    }

    /// When it ends by itself, within a minute; nothing lasts until somebody logs out.
    async fn expires_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok((*self.0.expires_at.get()?).map(date_time))
    }

    /// Whether the profile is for another model than the phone, so that the phone takes its templates, expansion modules and
    /// device-wide settings from the default device profile and leaves out the line settings of the profile.
    async fn model_mismatch(&self) -> Result<bool> {
        Ok(*self.0.model_mismatch.get()?)
    }

    /// The version that the profile had at login; nothing without a profile. A version that is raised since, while nothing is
    /// pending, means other lines, buttons or users, which a phone shows after its next reset.
    async fn applied_profile_version(&self) -> Result<Option<i64>> {
        Ok(*self.0.profile_version.get()?)
    }

    /// The phone button template that the phone took at login.
    async fn button_template(&self) -> Result<&str> {
        Ok(self.0.button_template.get()?)
    }

    /// The softkey template that the phone took at login; nothing is the system's.
    async fn softkey_template(&self) -> Result<Option<&str>> {
        Ok(self.0.softkey_template.get()?.as_deref())
    }

    /// The device-wide settings that the phone took at login; later changes of the profile do not reach it.
    async fn settings(&self) -> Result<ProfileSettings> {
        ProfileSettings::try_from(self.0.settings.get()?).map_err(Error::internal)
    }

    /// The organization that the phone is kept at.
    pub async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one_joined(ctx, self.0.joined.organization.as_ref(), *self.0.organization_id.get()?).await
    }

    /// The cluster that it is on.
    pub async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
        one_joined(ctx, self.0.joined.cluster.as_ref(), *self.0.cluster_id.get()?).await
    }

    /// The phone.
    async fn phone(&self, ctx: &Context<'_>) -> Result<Option<Phone>> {
        one(ctx, Some(*self.0.phone_id.get()?)).await
    }

    /// Who is logged in; nothing where the user is not for you to see.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        one(ctx, Some(*self.0.user_id.get()?)).await
    }

    /// The profile that the phone shows; nothing where the user has none, or it is not for you to see.
    async fn profile(&self, ctx: &Context<'_>) -> Result<Option<Profile>> {
        one(ctx, *self.0.profile_id.get()?).await
    }

    /// The default device profile that took part in it; nothing where the profile is for the phone's model, or where it was
    /// deleted since.
    async fn default_device_profile(&self, ctx: &Context<'_>) -> Result<Option<DefaultDeviceProfile>> {
        one(ctx, *self.0.default_device_profile_id.get()?).await
    }

    /// Which device-wide settings the phone would take if the user logged in again, as the profile was changed since; mutation
    /// `relogin` does it. Empty where none differs, or where a new login would be refused; nothing where the profile is not
    /// for you to see. A line's own settings, such as call forwarding, never wait for a login.
    async fn pending_relogin(&self, ctx: &Context<'_>) -> Result<Option<Vec<PendingField>>> {
        let loaders = ctx.loaders()?;
        let phone_id = self.0.phone_id.get()?.0;
        let columns = Columns::own(bit::<phone::Row>("product") | bit::<phone::Row>("protocol"));
        let phone = loaders.phone.get(phone_id, columns);
        let columns = Columns::own(all::<default_device_profile::Row>());
        let fallbacks = loaders.default_device_profile.page(
            default_device_profile::FOR_PHONE,
            phone_id,
            Slice::front(1),
            columns,
        );
        let profile = async {
            match *self.0.profile_id.get()? {
                Some(id) => loaders.profile.get(id.0, Columns::own(all::<profile::Row>())).await.map(Some),
                None => Ok(None),
            }
        };
        let (phone, fallbacks, profile) = futures_util::future::try_join3(phone, fallbacks, profile).await?;
        let (Some(phone), false) = (phone, matches!(profile, Some(None))) else { return Ok(None) };
        let profile = profile.flatten();
        let fallback = fallbacks.rows.first().map(|(row, _)| wide_fallback(row.as_ref())).transpose()?;
        let profile = profile.as_deref().map(wide).transpose()?;
        let now = copied(profile, phone.product.get()?, *phone.protocol.get()?, fallback);
        let then = Copied {
            button_template: self.0.button_template.get()?.clone(),
            softkey_template: self.0.softkey_template.get()?.clone(),
            settings: self.0.settings.get()?.clone(),
            model_mismatch: *self.0.model_mismatch.get()?,
        };
        let fields = now.map(|now| pending(&then, &now)).unwrap_or_default();
        let shown = |value: serde_json::Value| match value {
            serde_json::Value::Null => None,
            serde_json::Value::String(text) => Some(text),
            other => Some(other.to_string()),
        };
        let fields = fields.into_iter().map(|pending| PendingField {
            field: camel(&pending.field),
            in_session: shown(pending.in_session),
            in_profile: shown(pending.in_profile),
        });
        Ok(Some(fields.collect()))
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Session, self.0.id.get()?.0, first, after).await
    }
}

fn wide(row: &profile::Row) -> Result<Wide<'_>> {
    Ok(Wide {
        product: row.product.get()?,
        protocol: *row.protocol.get()?,
        button_template: row.button_template.get()?,
        softkey_template: row.softkey_template.get()?.as_deref(),
        settings: row.settings.get()?,
    })
}

fn wide_fallback(row: &default_device_profile::Row) -> Result<Wide<'_>> {
    Ok(Wide {
        product: row.product.get()?,
        protocol: *row.protocol.get()?,
        button_template: row.button_template.get()?,
        softkey_template: row.softkey_template.get()?.as_deref(),
        settings: row.settings.get()?,
    })
}

/// Which sessions a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct SessionFilter {
    /// All of these must hold.
    pub and: Option<Vec<SessionFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<SessionFilter>>,
    /// This must not hold.
    pub not: Option<Box<SessionFilter>>,
    /// Any of these sessions.
    pub ids: Option<Vec<ID>>,
    /// On any of these phones.
    pub phones: Option<Vec<ID>>,
    /// Of any of these users.
    pub users: Option<Vec<ID>>,
    /// Showing any of these profiles.
    pub profiles: Option<Vec<ID>>,
    /// On any of these clusters.
    pub clusters: Option<Vec<ID>>,
    /// On phones of these organizations, such as a site's.
    pub organization: Option<OrganizationScope>,
    /// Whether the profile is for another model than the phone.
    pub model_mismatch: Option<bool>,
    /// Whether it lasts until somebody logs out.
    pub indefinite: Option<bool>,
    /// When it began; with `to` alone, logins that have been forgotten.
    pub logged_in: Option<TimeRange>,
    /// When it ends.
    pub expires: Option<TimeRange>,
}

impl From<SessionFilter> for Filter {
    fn from(filter: SessionFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::session)))
            .add(filter.phones, |ids| Filter::Numbers("t.phone_id", numbers(&ids, id::phone)))
            .add(filter.users, |ids| Filter::Refers("t.user_id", numbers(&ids, id::user), "\"user\""))
            .add(filter.profiles, |ids| Filter::Refers("t.profile_id", numbers(&ids, id::profile), "profile"))
            .add(filter.clusters, |ids| Filter::Numbers("t.cluster_id", numbers(&ids, id::cluster)))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .add(filter.model_mismatch, |truth| Filter::Truth("t.model_mismatch", truth))
            .whether(filter.indefinite, "t.expires_at IS NULL")
            .time(filter.logged_in, "t.logged_in_at")
            .time(filter.expires, "t.expires_at");
        parts.all()
    }
}

/// What sessions are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum SessionOrderField {
    /// When they began.
    #[default]
    LoggedInAt,
}

/// The order of sessions.
#[derive(Default, InputObject)]
pub struct SessionOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: SessionOrderField,
    /// Which way.
    #[graphql(default)]
    pub direction: Direction,
}

impl From<SessionOrder> for Order {
    fn from(order: SessionOrder) -> Self {
        let SessionOrderField::LoggedInAt = order.field;
        Self { descending: order.direction == Direction::Descending, ..session::BY_AGE }
    }
}

/// Who is logged in where, as `restoreSessions` takes it.
#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "SessionItemInput")]
pub struct SessionItem {
    /// The phone.
    pub phone_id: ID,
    /// The user.
    pub user_id: ID,
    /// The profile; nothing where the user has none.
    pub profile_id: Option<ID>,
    /// When it ends by itself; nothing lasts as long as the user and the cluster allow.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A part of a snapshot of sessions: keep its items, and give them to `restoreSessions` after an upgrade or a migration that
/// has logged everybody out.
#[derive(SimpleObject)]
pub struct SessionSnapshot {
    /// When it was taken.
    taken_at: DateTime<Utc>,
    /// Who is logged in where, oldest session first. Sessions whose user or profile is not for you to see are left out.
    items: Vec<SessionItem>,
    /// Whether there is more behind these.
    more: bool,
    /// Place of the last item; pass it as `after` for the next part.
    end_cursor: Option<String>,
}

#[derive(Default)]
pub struct SessionQuery;

#[Object]
impl SessionQuery {
    /// Who is logged in where, oldest login first unless told otherwise. `totalCount` with `organization` in the filter tells
    /// how many are logged in at a site.
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<SessionFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<SessionOrder>,
    ) -> Result<Connection<Session>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "sessions", filter.unwrap_or_default().into(), order, asked).await
    }

    /// Who is logged in where, in the form that mutation `restoreSessions` takes.
    async fn session_snapshot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items of this part, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Which sessions.")] filter: Option<SessionFilter>,
    ) -> Result<SessionSnapshot> {
        const LIST: &str = "session snapshot";
        let reader = ctx.reader()?;
        let asked = Asked { first, after, ..Asked::default() };
        let slice = slice(&ctx.app()?.config().page, LIST, true, asked)?;
        // What is not seen could not be named when it is restored.
        let filter = Filter::All(vec![
            bounded(filter.unwrap_or_default(), ctx.app()?.config().guard.conditions)?,
            Filter::Exists("SELECT 1 FROM \"user\" l WHERE l.id = t.user_id", "l.id", "\"user\""),
            Filter::Any(vec![
                Filter::Fixed("t.profile_id IS NULL"),
                Filter::Exists("SELECT 1 FROM profile l WHERE l.id = t.profile_id", "l.id", "profile"),
            ]),
        ]);
        let columns = Columns::own(all::<session::Row>());
        let (scope, order) = (reader.scope(), session::BY_AGE);
        let found = page::page::<session::Row>(&reader, scope, &filter, order, &slice, columns).await?;
        let mut items = Vec::with_capacity(found.rows.len());
        for (row, _) in &found.rows {
            items.push(SessionItem {
                phone_id: NodeId::Phone(*row.phone_id.get()?).encode(),
                user_id: NodeId::User(*row.user_id.get()?).encode(),
                profile_id: (*row.profile_id.get()?).map(|id| NodeId::Profile(id).encode()),
                expires_at: (*row.expires_at.get()?).map(date_time),
            });
        }
        Ok(SessionSnapshot {
            taken_at: date_time(ctx.app()?.now()),
            items,
            more: found.has_next,
            end_cursor: found.rows.last().map(|(_, key)| write(LIST, key)),
        })
    }
}
