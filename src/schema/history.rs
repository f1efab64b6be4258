//! The past in the graph: fields before and after, profiles as they were, and taking things back.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Context, Enum, ID, InputObject, Json, Object, SimpleObject};
use chrono::{DateTime, Utc};
use entity::{DeviceId, change_subject::Noun, line, line_appearance, service, service_subscription, user};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::{
    Ask, Result,
    button::{Button, ServiceUrlButton},
    change::{node_id, place_of},
    cluster::Cluster,
    connection::{Rendered, one},
    line::Line,
    mutation::{CallInput, make, payload, perform},
    node,
    organization::Organization,
    profile::Profile,
    service::PhoneService,
    service_subscription::{ServiceValue, UrlState},
    user::User,
    value::{
        enums::{AppearanceRole, Protocol},
        id::{self, NodeId, or_none},
        scalar::{Cursor, date_time},
        settings::{AppearanceSettings, LineSettings, ProfileSettings},
    },
};
use crate::{
    caller::Scope,
    error::Error,
    rule::{
        self, Change as RuleChange,
        change::{LeftOut, Part},
        history::{Held, differing, pairs, restore::Restore, revert::Revert},
    },
    store::history::{Then, profile_at},
};

/// A field before and after a change.
#[derive(Clone, Debug, SimpleObject)]
pub struct FieldChange {
    /// The field, called as in this graph, such as `description` or `settings.maxCalls`.
    field: String,
    /// What it held before: a thing by its global id, null where it held nothing or the thing is not for you to see. A
    /// secret is only said to be there.
    before: Option<Json<Value>>,
    /// What it held after.
    after: Option<Json<Value>>,
}

/// The fields that a change changed.
pub async fn field_changes(ctx: &Context<'_>, change: &RuleChange) -> Result<Vec<FieldChange>> {
    told(ctx, rule::history::fields(change)).await
}

/// Fields as the caller may know them.
async fn told(ctx: &Context<'_>, fields: Vec<rule::history::FieldChange>) -> Result<Vec<FieldChange>> {
    let told = fields.into_iter().map(|change| async move {
        let (before, after) = futures_util::try_join!(value(ctx, change.before), value(ctx, change.after))?;
        Ok::<_, Error>(FieldChange { field: change.field, before: before.map(Json), after: after.map(Json) })
    });
    try_join_all(told).await
}

async fn value(ctx: &Context<'_>, held: Held) -> Result<Option<Value>> {
    Ok(match held {
        Held::Nothing => None,
        Held::Value(value) => Some(value),
        Held::Moment(moment) => Some(Value::from(date_time(moment).to_rfc3339())),
        Held::Given(values) => {
            let values: Vec<ServiceValue> = values.0.iter().map(Into::into).collect();
            Some(serde_json::to_value(values).map_err(Error::internal)?)
        }
        Held::Thing(noun, id) => known(ctx, noun, id).await?,
        Held::Things(things) => {
            let known = things.into_iter().map(|(noun, id)| known(ctx, noun, id));
            Some(Value::from(try_join_all(known).await?.into_iter().flatten().collect::<Vec<_>>()))
        }
    })
}

/// The global id of a thing. Who does not see everything is told of what is there to be seen only (ACC-7).
async fn known(ctx: &Context<'_>, noun: Noun, id: i64) -> Result<Option<Value>> {
    let node = node_id(noun, id);
    let hidden = match ctx.caller()?.scope {
        Scope::All => false,
        Scope::Below(_) => node::load(ctx, ctx.field(), node).await?.is_none(),
    };
    Ok((!hidden).then(|| Value::from(node.encode().0)))
}

/// A profile as it was.
#[derive(Clone)]
pub struct ProfileAt {
    cursor: Cursor,
    then: Arc<Then>,
}

/// A profile as it was right after a change, with the lines, users, buttons and phone services of then. It is rebuilt from the kept
/// changes; its version of then is not among them.
#[Object]
impl ProfileAt {
    /// The place in the change stream.
    async fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Global id.
    async fn id(&self) -> ID {
        NodeId::Profile(self.then.profile.id).encode()
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.then.profile.name
    }

    /// The text about it.
    async fn description(&self) -> &str {
        &self.then.profile.description
    }

    /// The phone product that it is for.
    async fn product(&self) -> &str {
        &self.then.profile.product
    }

    /// The protocol that it is for.
    async fn protocol(&self) -> Protocol {
        self.then.profile.protocol.into()
    }

    /// The phone button template.
    async fn button_template(&self) -> &str {
        &self.then.profile.button_template
    }

    /// The softkey template.
    async fn softkey_template(&self) -> Option<&str> {
        self.then.profile.softkey_template.as_deref()
    }

    /// Everything else that can be set.
    async fn settings(&self) -> Result<ProfileSettings> {
        ProfileSettings::try_from(&self.then.profile.settings).map_err(Error::internal)
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime<Utc> {
        date_time(self.then.profile.created_at)
    }

    /// The organization that it was kept at, as that is now.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one(ctx, Some(self.then.profile.organization_id)).await
    }

    /// The cluster that it was on, as that is now.
    async fn cluster(&self, ctx: &Context<'_>) -> Result<Option<Cluster>> {
        one(ctx, Some(self.then.profile.cluster_id)).await
    }

    /// The user that it logged in by itself.
    async fn login_user(&self) -> Option<UserAt> {
        let id = self.then.profile.login_user_id?;
        self.then.around.users.get(&id).cloned().map(UserAt)
    }

    /// Its lines, in the order of their places; at most 100.
    async fn lines(&self) -> Vec<LineAt> {
        self.lines_at()
    }

    /// Its users, in order, as far as you may see them.
    async fn users(&self) -> Vec<UserAt> {
        let users = self.then.state.users.iter();
        users.filter_map(|id| self.then.around.users.get(id)).cloned().map(UserAt).collect()
    }

    /// Its speed dials and other buttons, list by list, in the order of their positions; at most 199 of each kind.
    async fn buttons(&self) -> Vec<Button> {
        self.then.state.keys().into_iter().map(button).collect()
    }

    /// Its subscriptions to phone services, the oldest first; those that were unsubscribed and kept their values are among
    /// them. Passwords are in no change and never shown.
    async fn services(&self) -> Vec<ServiceSubscriptionAt> {
        self.services_at()
    }
}

impl ProfileAt {
    fn services_at(&self) -> Vec<ServiceSubscriptionAt> {
        let subscription = |own: &service_subscription::Model| ServiceSubscriptionAt {
            service: self.then.around.services.get(&own.service_id).cloned(),
            button: own.button_id.and_then(|id| self.then.state.buttons.get(&id)).cloned(),
            own: own.clone(),
        };
        self.then.state.subscriptions().into_iter().map(subscription).collect()
    }

    fn lines_at(&self) -> Vec<LineAt> {
        let line = |appearance: &line_appearance::Model| LineAt {
            line: self.then.around.lines.get(&appearance.line_id).cloned(),
            appearance: appearance.clone(),
        };
        self.then.state.lines().into_iter().map(line).collect()
    }
}

fn button(button: &entity::button::Model) -> Button {
    Button::of(Arc::new(button.clone().into()))
}

/// A line on a profile as it was.
#[derive(Clone)]
pub struct LineAt {
    appearance: line_appearance::Model,
    /// None where it is not for the caller to see.
    line: Option<line::Model>,
}

/// A line on a profile as it was.
#[Object]
impl LineAt {
    /// Its place, from 1.
    async fn index(&self) -> i32 {
        self.appearance.position
    }

    /// Whether the line was changed through it.
    async fn role(&self) -> AppearanceRole {
        self.appearance.role.into()
    }

    /// The text beside its button.
    async fn label(&self) -> Option<&str> {
        self.appearance.label.as_deref()
    }

    /// Its settings.
    async fn settings(&self) -> Result<AppearanceSettings> {
        AppearanceSettings::try_from(&self.appearance.settings).map_err(Error::internal)
    }

    /// The directory number; nothing where the line is not for you to see.
    async fn pattern(&self) -> Option<&str> {
        self.line.as_ref().map(|line| line.pattern.as_str())
    }

    /// The route partition; nothing is Unified CM's none.
    async fn partition(&self) -> Option<&str> {
        self.line.as_ref().map(|line| line.partition.as_str()).filter(|partition| !partition.is_empty())
    }

    /// The text about the line.
    async fn description(&self) -> Option<&str> {
        self.line.as_ref().map(|line| line.description.as_str())
    }

    /// The settings that all its appearances shared.
    async fn line_settings(&self) -> Result<Option<LineSettings>> {
        let settings = self.line.as_ref().map(|line| LineSettings::try_from(&line.settings));
        settings.transpose().map_err(Error::internal)
    }

    /// The line as it is now; nothing where it is gone.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<Line>> {
        one(ctx, Some(self.appearance.line_id)).await
    }
}

/// A subscription to a phone service as it was.
#[derive(Clone)]
pub struct ServiceSubscriptionAt {
    own: service_subscription::Model,
    /// The service of then.
    service: Option<service::Model>,
    button: Option<entity::button::Model>,
}

/// A subscription of a profile to a phone service as it was.
#[Object]
impl ServiceSubscriptionAt {
    /// Global id of the subscription.
    async fn id(&self) -> ID {
        NodeId::ServiceSubscription(self.own.id).encode()
    }

    /// What the subscriber called it.
    async fn name(&self) -> &str {
        &self.own.name
    }

    /// What the phone opened. Of a password stands `****`.
    async fn url(&self) -> &str {
        &self.own.url
    }

    /// Whether the URL was what the service of then said.
    async fn url_state(&self) -> UrlState {
        match &self.service {
            _ if self.own.custom => UrlState::Custom,
            Some(service) if rule::service_subscription::is_stale(&self.own, service) => UrlState::Stale,
            _ => UrlState::Current,
        }
    }

    /// Whether it was subscribed; an unsubscribed one kept its values.
    async fn subscribed(&self) -> bool {
        self.own.subscribed
    }

    /// The values that were given, in the order of the service's parameters; of a password only that there was one.
    async fn values(&self) -> Vec<ServiceValue> {
        self.own.given.0.iter().map(Into::into).collect()
    }

    /// The service URL button that opened it, as that was.
    async fn button(&self) -> Option<ServiceUrlButton> {
        self.button.as_ref().map(|button| ServiceUrlButton::of(Arc::new(button.clone().into())))
    }

    /// The service's name of then.
    async fn service_name(&self) -> Option<&str> {
        self.service.as_ref().map(|service| service.name.as_str())
    }

    /// The phone service as it is now; nothing where it is gone.
    async fn service(&self, ctx: &Context<'_>) -> Result<Option<PhoneService>> {
        one(ctx, Some(self.own.service_id)).await
    }
}

/// A user as of then.
#[derive(Clone)]
pub struct UserAt(user::Model);

/// A user as of then.
#[Object]
impl UserAt {
    /// What the user typed to log in.
    async fn user_id(&self) -> &str {
        &self.0.user_id
    }

    /// The first name.
    async fn first_name(&self) -> &str {
        &self.0.first_name
    }

    /// The last name.
    async fn last_name(&self) -> &str {
        &self.0.last_name
    }

    /// The user's default profile of then, as that is now.
    async fn default_profile(&self, ctx: &Context<'_>) -> Result<Option<Profile>> {
        one(ctx, self.0.default_profile_id).await
    }

    /// The user as of now; nothing where the user is gone.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        one(ctx, Some(self.0.id)).await
    }
}

/// How a part of a profile differs.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum Difference {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// It is there both times, and not the same.
    Changed,
}

impl Difference {
    fn of<T>(before: Option<&T>, after: Option<&T>) -> Self {
        match (before, after) {
            (None, _) => Self::Added,
            (_, None) => Self::Removed,
            (Some(_), Some(_)) => Self::Changed,
        }
    }
}

/// What a profile was and became.
pub struct ProfileDiff {
    from: Option<ProfileAt>,
    to: Option<ProfileAt>,
}

/// How a profile differs between two places of the change stream.
#[Object]
impl ProfileDiff {
    /// The profile at the earlier place; nothing where it was not there.
    async fn from(&self) -> Option<&ProfileAt> {
        self.from.as_ref()
    }

    /// The profile at the later place; nothing where it was not there.
    async fn to(&self) -> Option<&ProfileAt> {
        self.to.as_ref()
    }

    /// The fields of its own that differ.
    async fn fields(&self, ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
        let of = |at: &Option<ProfileAt>| at.as_ref().map(|at| at.then.profile.clone());
        told(ctx, differing(of(&self.from).as_ref(), of(&self.to).as_ref())).await
    }

    /// The lines that differ, in the order of their lines' ids.
    async fn lines(&self) -> Vec<LineDifference> {
        let of = |at: &Option<ProfileAt>| -> BTreeMap<_, _> {
            let lines = at.iter().flat_map(ProfileAt::lines_at);
            lines.map(|line| (line.appearance.line_id, line)).collect()
        };
        let differ = |before: &LineAt, after: &LineAt| !line_fields(Some(before), Some(after)).is_empty();
        let pairs = pairs(of(&self.from), of(&self.to), differ);
        pairs.into_iter().map(|(before, after)| LineDifference { before, after }).collect()
    }

    /// The users that came, went or moved, by their ids, as far as you may see them.
    async fn users(&self) -> Vec<UserDifference> {
        let of = |at: &Option<ProfileAt>| -> BTreeMap<_, _> {
            let mut places = BTreeMap::new();
            if let Some(at) = at {
                for (id, place) in at.then.state.users.iter().zip(1..) {
                    if let Some(user) = at.then.around.users.get(id) {
                        places.insert(*id, (place, UserAt(user.clone())));
                    }
                }
            }
            places
        };
        let pairs = pairs(of(&self.from), of(&self.to), |before, after| before.0 != after.0);
        pairs.into_iter().map(|(before, after)| UserDifference { before, after }).collect()
    }

    /// The speed dials and other buttons that differ, by their ids.
    async fn buttons(&self) -> Vec<ButtonDifference> {
        let of = |at: &Option<ProfileAt>| -> BTreeMap<_, _> {
            at.iter().flat_map(|at| at.then.state.buttons.clone()).collect()
        };
        let pairs = pairs(of(&self.from), of(&self.to), |before, after| before != after);
        pairs.into_iter().map(|(before, after)| ButtonDifference { before, after }).collect()
    }

    /// The subscriptions to phone services that differ, by their ids. Of one that was unsubscribed and keeps its values
    /// `subscribed` differs; a password differs by when it was given.
    async fn services(&self) -> Vec<ServiceSubscriptionDifference> {
        let of = |at: &Option<ProfileAt>| -> BTreeMap<_, _> {
            let services = at.iter().flat_map(ProfileAt::services_at);
            services.map(|subscription| (subscription.own.id, subscription)).collect()
        };
        let differ = |before: &ServiceSubscriptionAt, after: &ServiceSubscriptionAt| {
            !differing(Some(&before.own), Some(&after.own)).is_empty()
        };
        let pairs = pairs(of(&self.from), of(&self.to), differ);
        pairs.into_iter().map(|(before, after)| ServiceSubscriptionDifference { before, after }).collect()
    }
}

/// The fields in which a line on a profile differs; the line's own behind `line.`.
fn line_fields(before: Option<&LineAt>, after: Option<&LineAt>) -> Vec<rule::history::FieldChange> {
    let mut fields = differing(before.map(|at| &at.appearance), after.map(|at| &at.appearance));
    let own = |at: Option<&LineAt>| at.and_then(|at| at.line.clone());
    fields.extend(differing(own(before).as_ref(), own(after).as_ref()).into_iter().map(|mut change| {
        change.field = format!("line.{}", change.field);
        change
    }));
    fields
}

/// How a line on a profile differs.
pub struct LineDifference {
    before: Option<LineAt>,
    after: Option<LineAt>,
}

/// How a line on a profile differs.
#[Object]
impl LineDifference {
    /// Whether it came, went or changed.
    async fn difference(&self) -> Difference {
        Difference::of(self.before.as_ref(), self.after.as_ref())
    }

    /// The line before.
    async fn before(&self) -> Option<&LineAt> {
        self.before.as_ref()
    }

    /// The line after.
    async fn after(&self) -> Option<&LineAt> {
        self.after.as_ref()
    }

    /// Of a line that is there both times, the fields that differ; those of the line itself begin with `line.`.
    async fn fields(&self, ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => told(ctx, line_fields(Some(before), Some(after))).await,
            _ => Ok(Vec::new()),
        }
    }
}

/// How a user's place on a profile differs.
pub struct UserDifference {
    before: Option<(i32, UserAt)>,
    after: Option<(i32, UserAt)>,
}

/// How a user's place on a profile differs.
#[Object]
impl UserDifference {
    /// Whether the user came, went or moved.
    async fn difference(&self) -> Difference {
        Difference::of(self.before.as_ref(), self.after.as_ref())
    }

    /// The user.
    async fn user(&self) -> Option<&UserAt> {
        self.after.as_ref().or(self.before.as_ref()).map(|(_, user)| user)
    }

    /// The place among the profile's users before, from 1.
    async fn before(&self) -> Option<i32> {
        self.before.as_ref().map(|(place, _)| *place)
    }

    /// The place after.
    async fn after(&self) -> Option<i32> {
        self.after.as_ref().map(|(place, _)| *place)
    }
}

/// How a button differs.
pub struct ButtonDifference {
    before: Option<entity::button::Model>,
    after: Option<entity::button::Model>,
}

/// How a button of a profile differs.
#[Object]
impl ButtonDifference {
    /// Whether it came, went or changed.
    async fn difference(&self) -> Difference {
        Difference::of(self.before.as_ref(), self.after.as_ref())
    }

    /// The button before.
    async fn before(&self) -> Option<Button> {
        self.before.as_ref().map(button)
    }

    /// The button after.
    async fn after(&self) -> Option<Button> {
        self.after.as_ref().map(button)
    }

    /// Of a button that is there both times, the fields that differ.
    async fn fields(&self, ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => told(ctx, differing(Some(before), Some(after))).await,
            _ => Ok(Vec::new()),
        }
    }
}

/// How a subscription to a phone service differs.
pub struct ServiceSubscriptionDifference {
    before: Option<ServiceSubscriptionAt>,
    after: Option<ServiceSubscriptionAt>,
}

/// How a profile's subscription to a phone service differs.
#[Object]
impl ServiceSubscriptionDifference {
    /// Whether it came, went or changed.
    async fn difference(&self) -> Difference {
        Difference::of(self.before.as_ref(), self.after.as_ref())
    }

    /// The subscription before.
    async fn before(&self) -> Option<&ServiceSubscriptionAt> {
        self.before.as_ref()
    }

    /// The subscription after.
    async fn after(&self) -> Option<&ServiceSubscriptionAt> {
        self.after.as_ref()
    }

    /// Of a subscription that is there both times, the fields that differ.
    async fn fields(&self, ctx: &Context<'_>) -> Result<Vec<FieldChange>> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => told(ctx, differing(Some(&before.own), Some(&after.own))).await,
            _ => Ok(Vec::new()),
        }
    }
}

/// The profile at a place of the change stream.
async fn at(ctx: &Context<'_>, id: DeviceId, cursor: Cursor, argument: &str) -> Result<Option<ProfileAt>> {
    let scope = ctx.caller()?.scope;
    let seq = place_of(ctx, cursor, argument).await?;
    let snapshot = ctx.app()?.snapshot().await?;
    let then = profile_at(&snapshot, scope, id, seq).await?;
    Ok(then.map(|then| ProfileAt { cursor, then: Arc::new(then) }))
}

#[derive(Default)]
pub struct HistoryQuery;

#[Object]
impl HistoryQuery {
    /// A profile as it was at a place of the change stream; nothing where it was not there then, or is not for you to see.
    /// A place from before the oldest change kept is refused with `CURSOR_EXPIRED`. It is a type of its own, as what the
    /// kept changes tell is not all that a profile of today has.
    async fn profile_at(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The profile; it may be deleted.")] id: ID,
        #[graphql(desc = "Right after this place.")] at: Cursor,
    ) -> Result<Option<ProfileAt>> {
        ctx.caller()?;
        self::at(ctx, or_none(id::profile(&id)), at, "at").await
    }

    /// How a profile differs between two places of the change stream; nothing where it was there at neither, or is not for
    /// you to see.
    async fn profile_diff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The profile; it may be deleted.")] id: ID,
        #[graphql(desc = "Right after this place.")] from: Cursor,
        #[graphql(desc = "Right after this place; now unless given.")] to: Option<Cursor>,
    ) -> Result<Option<ProfileDiff>> {
        ctx.caller()?;
        let to = match to {
            Some(to) => to,
            None => Cursor::Change(ctx.app()?.newest_change().await?),
        };
        let id = or_none(id::profile(&id));
        let (from, to) = (at(ctx, id, from, "from").await?, at(ctx, id, to, "to").await?);
        Ok((from.is_some() || to.is_some()).then_some(ProfileDiff { from, to }))
    }
}

/// A part of a profile, or something that pointed at it.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[graphql(remote = "Part")]
pub enum ProfilePart {
    /// A line.
    Line,
    /// A user.
    User,
    /// A speed dial or another button.
    Button,
    /// The button template; it has the product's own.
    ButtonTemplate,
    /// The user that it logged in by itself.
    LoginUser,
    /// That it was a user's default profile.
    DefaultProfile,
    /// That applications might control it for a user.
    ControlledProfile,
    /// That a phone showed it while nobody was logged in.
    LogoutPhone,
    /// A subscription to a phone service.
    ServiceSubscription,
    /// The password of a subscription to a phone service that is there again.
    ServicePassword,
}

/// Something that was not restored.
#[derive(Clone)]
pub struct NotRestored(pub LeftOut);

/// Something of a deleted profile that was not restored, and why.
#[Object]
impl NotRestored {
    /// What it is.
    async fn what(&self) -> ProfilePart {
        self.0.what.into()
    }

    /// What people call it, such as a number or a user id.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The code of the rule that kept it out.
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// Why, in a sentence.
    async fn why(&self) -> &str {
        &self.0.why
    }
}

/// A deleted profile to make again.
#[derive(InputObject)]
pub struct RestoreProfileInput {
    /// The profile that was deleted; it gets the same id.
    pub profile_id: ID,
    /// Another name, where the old one is taken.
    pub name: Option<String>,
    /// Another organization to keep it at, where the old one is gone.
    pub organization_id: Option<ID>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A change to take back.
#[derive(InputObject)]
pub struct RevertChangeInput {
    /// The cursor of the change, as `history` and `changes` tell it.
    pub change: Cursor,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `restoreProfile`.
    RestoreProfilePayload {
        /// The profile; nothing on a dry run.
        profile: Option<Profile> = |ctx, done| one(ctx, done.subject).await;
        /// What could not be restored, each with why; empty where everything was.
        left_out: Vec<NotRestored> = |_ctx, done| Ok(done.collect(|change| match change {
            RuleChange::ProfileRestored { left_out, .. } => {
                Some(left_out.iter().cloned().map(NotRestored).collect::<Vec<_>>())
            }
            _ => None,
        }).into_iter().flatten().collect());
    }
}

payload! {
    /// What came of `revertChange`.
    RevertChangePayload {}
}

#[derive(Default)]
pub struct HistoryMutation;

#[Object]
impl HistoryMutation {
    /// Makes a deleted profile again, with its lines, users, buttons and phone services, as far as the rules of today allow;
    /// the rest is named. What was unsubscribed waits again with its values; passwords are in no change and do not come back. It can be as long as the deletion is among the kept changes (`service { oldestChange }`). A line that has got
    /// another original meanwhile comes back as its clone; one that was given away stays where it is.
    async fn restore_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RestoreProfileInput,
    ) -> Result<RestoreProfilePayload> {
        let cmd = Restore {
            profile: or_none(id::profile(&input.profile_id)),
            name: input.name,
            organization: input.organization_id.map(|id| or_none(id::organization(&id))),
        };
        let made = |change: &RuleChange| match change {
            RuleChange::ProfileRestored { profile_id, .. } => Some(profile_id.0),
            _ => None,
        };
        Ok(RestoreProfilePayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Takes a change back by a new change, as far as the rules allow: an update field by field, what was put somewhere by
    /// taking it off, what was deleted by making it again with its id. Refused where something later changed the same, and
    /// where a password was changed or would be needed, as no change tells passwords.
    async fn revert_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which change.")] input: RevertChangeInput,
    ) -> Result<RevertChangePayload> {
        let Cursor::Change(change) = input.change else {
            return Err(Error::Input("`change` is a place within a snapshot, not a change".to_owned()));
        };
        let cmd = Revert { change, own: ctx.caller()?.rights };
        Ok(RevertChangePayload(perform(ctx, input.call, cmd).await?))
    }
}
