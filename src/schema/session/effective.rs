//! What a phone shows as of now: the session's profile, its logout profile, or itself (SES-11).

use std::sync::Arc;

use async_graphql::{Context, Object};
use entity::{ClusterId, DeviceId, line_appearance, profile::Protocol};

use super::{
    super::{
        Ask, Result,
        button::{BusyLampField, CallParkButton, ServiceUrlButton, SpeedDial},
        connection::{Asked, Connection, Rendered, below, one},
        layout::{Laid, Layout, layout},
        line::{Line, LineAppearance},
        profile::Profile,
        service_subscription::ServiceSubscription,
        value::{
            enums::ShownBy,
            settings::{AppearanceSettings, ProfileSettings},
        },
    },
    Session,
};
use crate::{
    error::Error,
    store::{
        button, line,
        page::Slice,
        phone, profile,
        row::{Columns, all},
        service_subscription, session, template,
    },
};

/// Lines of a device: more than its places.
const LINES: u32 = 200;

/// What a phone shows.
pub struct EffectiveProfile {
    phone: DeviceId,
    cluster: ClusterId,
    product: String,
    protocol: Protocol,
    button_template: String,
    softkey_template: Option<String>,
    shown: Shown,
}

enum Shown {
    /// A session, and the profile where there is one that is seen.
    Session(Arc<session::Row>, Option<DeviceId>),
    /// The logout profile, where it is seen.
    Logout(Option<Arc<profile::Row>>),
    Phone,
}

/// A line as a phone shows it.
pub struct EffectiveLine {
    row: Arc<line::AppearanceRow>,
    /// Whether the settings of the profile are left out.
    bare: bool,
}

/// What a phone shows.
pub async fn effective(ctx: &Context<'_>, phone: &phone::Row) -> Result<EffectiveProfile> {
    let loaders = ctx.loaders()?;
    let id = *phone.id.get()?;
    let columns = Columns::own(all::<session::Row>());
    let sessions = loaders.session.page(session::OF_PHONE, id.0, Slice::front(1), columns).await?;
    let whole = Columns::own(all::<profile::Row>());
    let shown = match (sessions.rows.first(), *phone.logout_profile_id.get()?) {
        (Some((row, _)), _) => {
            let profile = match *row.profile_id.get()? {
                Some(id) => loaders.profile.get(id.0, whole).await?.map(|_| id),
                None => None,
            };
            Shown::Session(row.clone(), profile)
        }
        (None, Some(id)) => Shown::Logout(loaders.profile.get(id.0, whole).await?),
        (None, None) => Shown::Phone,
    };
    Ok(EffectiveProfile {
        phone: id,
        cluster: *phone.cluster_id.get()?,
        product: phone.product.get()?.clone(),
        protocol: *phone.protocol.get()?,
        button_template: phone.button_template.get()?.clone(),
        softkey_template: phone.softkey_template.get()?.clone(),
        shown,
    })
}

impl EffectiveProfile {
    /// Whose lines and buttons it shows; a key that nothing has where there are none to show.
    fn source(&self) -> Result<DeviceId> {
        let none = DeviceId(-1);
        Ok(match &self.shown {
            Shown::Session(_, profile) => profile.unwrap_or(none),
            Shown::Logout(profile) => profile.as_ref().map_or(Ok(none), |row| row.id.get().copied())?,
            Shown::Phone => self.phone,
        })
    }

    fn is_mismatch(&self) -> Result<bool> {
        match &self.shown {
            Shown::Session(row, _) => Ok(*row.model_mismatch.get()?),
            Shown::Logout(_) | Shown::Phone => Ok(false),
        }
    }

    fn template(&self) -> Result<Option<&str>> {
        Ok(match &self.shown {
            Shown::Session(row, _) => Some(row.button_template.get()?),
            Shown::Logout(Some(row)) => Some(row.button_template.get()?),
            Shown::Logout(None) => None,
            Shown::Phone => Some(&self.button_template),
        })
    }

    fn stored(&self) -> Result<Option<&entity::profile::Settings>> {
        Ok(match &self.shown {
            Shown::Session(row, _) => Some(row.settings.get()?),
            Shown::Logout(Some(row)) => Some(row.settings.get()?),
            Shown::Logout(None) | Shown::Phone => None,
        })
    }
}

/// What a phone shows as of now. While somebody is logged in, templates and device-wide settings are those that the phone took
/// at login, lines and buttons those of the profile. On a phone of another model than the profile's, the default device
/// profile gives templates, expansion modules and device-wide settings, the profile its language, music on hold, lines and
/// buttons, and the settings of the profile's lines are left out. Otherwise it shows its logout profile or itself.
#[Object]
impl EffectiveProfile {
    /// What it shows.
    async fn shown_by(&self) -> ShownBy {
        match &self.shown {
            Shown::Session(..) => ShownBy::Session,
            Shown::Logout(_) => ShownBy::LogoutProfile,
            Shown::Phone => ShownBy::Phone,
        }
    }

    /// Who is logged in; nothing while nobody is.
    async fn session(&self) -> Option<Session> {
        match &self.shown {
            Shown::Session(row, _) => Some(Session::of(row.clone())),
            Shown::Logout(_) | Shown::Phone => None,
        }
    }

    /// The profile of the user who is logged in, or the logout profile; nothing where there is none, or it is not for you
    /// to see.
    async fn profile(&self, ctx: &Context<'_>) -> Result<Option<Profile>> {
        match &self.shown {
            Shown::Session(_, profile) => one(ctx, *profile).await,
            Shown::Logout(row) => Ok(row.clone().map(Profile::of)),
            Shown::Phone => Ok(None),
        }
    }

    /// Whether the profile of the user who is logged in is for another model.
    async fn model_mismatch(&self) -> Result<bool> {
        self.is_mismatch()
    }

    /// The phone button template; nothing where the logout profile is not for you to see.
    async fn button_template(&self) -> Result<Option<&str>> {
        self.template()
    }

    /// The softkey template; nothing is the system's.
    async fn softkey_template(&self) -> Result<Option<&str>> {
        Ok(match &self.shown {
            Shown::Session(row, _) => row.softkey_template.get()?.as_deref(),
            Shown::Logout(Some(row)) => row.softkey_template.get()?.as_deref(),
            Shown::Logout(None) => None,
            Shown::Phone => self.softkey_template.as_deref(),
        })
    }

    /// The device-wide settings; nothing while it shows its own, which are kept in Unified CM.
    async fn settings(&self) -> Result<Option<ProfileSettings>> {
        self.stored()?
            .map(|settings| ProfileSettings::try_from(settings).map_err(Error::internal))
            .transpose()
    }

    /// Its lines, in the order of their places: 100 at most.
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<EffectiveLine>> {
        let bare = self.is_mismatch()?;
        let columns = Columns::own(all::<line::AppearanceRow>());
        let loader = &ctx.loaders()?.appearance;
        let page = loader.page(line::OF_DEVICE, self.source()?.0, Slice::front(LINES), columns).await?;
        Ok(page.rows.iter().map(|(row, _)| EffectiveLine { row: row.clone(), bare }).collect())
    }

    /// Its speed dials, in the order of their positions.
    async fn speed_dials(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<SpeedDial>> {
        let asked = Asked { first, after, ..Asked::default() };
        below(ctx, button::SPEED_DIALS, self.source()?.0, asked).await
    }

    /// Its busy lamp fields, in the order of their positions.
    async fn busy_lamp_fields(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<BusyLampField>> {
        let asked = Asked { first, after, ..Asked::default() };
        below(ctx, button::BUSY_LAMP_FIELDS, self.source()?.0, asked).await
    }

    /// Its call park buttons, in the order of their positions.
    async fn call_parks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<CallParkButton>> {
        let asked = Asked { first, after, ..Asked::default() };
        below(ctx, button::CALL_PARKS, self.source()?.0, asked).await
    }

    /// Its service URL buttons, in the order of their positions.
    async fn service_urls(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ServiceUrlButton>> {
        let asked = Asked { first, after, ..Asked::default() };
        below(ctx, button::SERVICE_URLS, self.source()?.0, asked).await
    }

    /// The phone services that it offers: those that the profile, or the phone where it shows its own, is subscribed to, also
    /// on a phone of another model (SVC-13). A default device profile keeps no services here, so none stand in for those of a
    /// profile that has none.
    async fn service_subscriptions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ServiceSubscription>> {
        let asked = Asked { first, after, ..Asked::default() };
        below(ctx, service_subscription::OF_DEVICE, self.source()?.0, asked).await
    }

    /// Which of its lines and buttons stands on which key, and what does not fit. Nothing where the catalogue does not list the
    /// phone's product.
    async fn layout(&self, ctx: &Context<'_>) -> Result<Option<Layout>> {
        let (of, relation) = match &self.shown {
            Shown::Session(row, _) => (row.id.get()?.0, template::OF_SESSION),
            Shown::Logout(_) => (self.source()?.0, template::OF_PROFILE),
            Shown::Phone => (self.phone.0, template::OF_PHONE),
        };
        let laid = Laid {
            device: self.source()?,
            of,
            relation,
            cluster: self.cluster,
            product: &self.product,
            protocol: self.protocol,
            template: self.template()?.unwrap_or_default(),
            modules: self.stored()?.map_or(&[], |settings| &settings.add_on_modules),
        };
        layout(ctx, laid, None, None).await
    }
}

/// A line as a phone shows it.
#[Object]
impl EffectiveLine {
    /// Its place, from 1.
    async fn index(&self) -> Result<i32> {
        Ok(*self.row.position.get()?)
    }

    /// The text beside its button; nothing where the number is shown.
    async fn label(&self) -> Result<Option<&str>> {
        Ok(if self.bare { None } else { self.row.label.get()?.as_deref() })
    }

    /// How it rings, displays and so on; the defaults on a phone of another model than the profile's.
    async fn settings(&self) -> Result<AppearanceSettings> {
        let bare = line_appearance::Settings::default();
        let settings = if self.bare { &bare } else { self.row.settings.get()? };
        AppearanceSettings::try_from(settings).map_err(Error::internal)
    }

    /// The appearance on the profile or the phone.
    async fn appearance(&self) -> LineAppearance {
        LineAppearance::of(self.row.clone())
    }

    /// The line; nothing where it is not for you to see.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<Line>> {
        one(ctx, Some(*self.row.line_id.get()?)).await
    }
}
