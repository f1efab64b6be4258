//! What a deletion takes along, leaves behind and frees (DEL-10). It is told from the changes that the deletion makes,
//! or would make on a dry run, so that it cannot differ from what happens.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use async_graphql::{Context, Enum, ID, Object};
use chrono::{DateTime, Utc};
use entity::{UserId, button::Kind};

use super::{
    Ask, Result,
    change::{Change, ChangeKind},
    connection::{Rendered, one, several},
    line::{Line, LineAppearance},
    mutation::Done,
    number::Number,
    organization::Organization,
    phone::Phone,
    profile::Profile,
    session::Session,
    user::User,
    value::{
        enums::{NumberStatus, SoleProfiles},
        id::NodeId,
        rule::UserError,
        scalar::date_time,
    },
};
use crate::{
    app::Call,
    command::{self, Command, Outcome},
    error::Error,
    rule::{self, RuleCode, session::OnActiveSession},
    store::line,
};

/// What a deletion does, or would do.
#[derive(Clone)]
pub struct DeletePreview {
    changes: Arc<Vec<rule::Change>>,
    errors: Vec<UserError>,
    /// Whether it was done, so that what is read now is what is left.
    is_done: bool,
}

impl DeletePreview {
    /// What a mutation did, or on a dry run would do.
    pub fn of(done: &Done) -> Self {
        Self {
            changes: Arc::new(done.changes().to_vec()),
            errors: done.errors(),
            is_done: done.is_done() && !done.is_dry_run(),
        }
    }

    fn collect<T>(&self, of: impl Fn(&rule::Change) -> Option<T>) -> Vec<T> {
        self.changes.iter().filter_map(of).collect()
    }

    fn buttons(&self, kind: Kind) -> i32 {
        let removed = self.collect(|change| match change {
            rule::Change::ButtonRemoved { button, .. } if button.kind == kind => Some(()),
            _ => None,
        });
        i32::try_from(removed.len()).unwrap_or(i32::MAX)
    }
}

/// What a deletion does, or would do: what goes along, what stays, and what is freed.
#[Object]
impl DeletePreview {
    /// The rules that the deletion breaks as it stands; where there are any, the other fields tell what it does once told
    /// to go on: phones are freed of the logout profile, a line is taken off its devices, and a user's own profiles go.
    async fn blocked_by(&self) -> &[UserError] {
        &self.errors
    }

    /// How many speed dials go along.
    async fn speed_dials(&self) -> i32 {
        self.buttons(Kind::SpeedDial)
    }

    /// How many busy lamp fields go along.
    async fn busy_lamp_fields(&self) -> i32 {
        self.buttons(Kind::BusyLampField)
    }

    /// How many call park buttons go along.
    async fn call_parks(&self) -> i32 {
        self.buttons(Kind::CallPark)
    }

    /// How many service URL buttons go along.
    async fn service_urls(&self) -> i32 {
        self.buttons(Kind::ServiceUrl)
    }

    /// How many subscriptions to phone services go along, those that are kept to be taken up again included.
    async fn service_subscriptions(&self) -> i32 {
        let removed = self.collect(|change| match change {
            rule::Change::ServiceSubscriptionRemoved { .. } => Some(()),
            _ => None,
        });
        i32::try_from(removed.len()).unwrap_or(i32::MAX)
    }

    /// The sessions that it ends, as they are before: who is logged out, and on which phone; those that are not for you to see
    /// are left out.
    async fn logged_out(&self, ctx: &Context<'_>) -> Result<Vec<Session>> {
        let ended = self.collect(|change| match change {
            rule::Change::SessionEnded { session, .. } => Some(session.clone()),
            _ => None,
        });
        // By their organization, as the phone may go as well.
        let organizations: Vec<Organization> =
            several(ctx, ended.iter().map(|session| session.organization_id.0)).await?;
        let seen = organizations.iter().map(|organization| Ok(organization.row().id.get()?.0));
        let seen = seen.collect::<Result<HashSet<_>>>()?;
        let ended = ended.into_iter().filter(|session| seen.contains(&session.organization_id.0));
        Ok(ended.map(|session| Session::of(Arc::new(session.into()))).collect())
    }

    /// How often each kind of change happens, in the order of their first.
    async fn counts(&self) -> Vec<KindCount> {
        let mut counts: Vec<KindCount> = Vec::new();
        for change in self.changes.iter() {
            let kind = Change::of(change.clone()).kind_of();
            match counts.iter_mut().find(|count| count.kind == kind) {
                Some(count) => count.count += 1,
                None => counts.push(KindCount { kind, count: 1 }),
            }
        }
        counts
    }

    /// Every change, in order.
    async fn changes(&self) -> Vec<Change> {
        self.changes.iter().cloned().map(Change::of).collect()
    }

    /// The profiles that go, as they are before.
    async fn profiles(&self) -> Vec<Profile> {
        self.collect(|change| match change {
            rule::Change::ProfileDeleted { profile } => Some(Profile::of(Arc::new(profile.clone().into()))),
            _ => None,
        })
    }

    /// The lines that stand on what goes, and what becomes of each; those that are not for you to see are left out.
    async fn lines(&self, ctx: &Context<'_>) -> Result<Vec<LineOutcome>> {
        let mut removed: HashMap<i64, i64> = HashMap::new();
        let (mut order, mut settled) = (Vec::new(), HashMap::new());
        for change in self.changes.iter() {
            match change {
                rule::Change::AppearanceRemoved { appearance, .. } => {
                    let id = appearance.line_id.0;
                    *removed.entry(id).or_default() += 1;
                    if !order.contains(&id) {
                        order.push(id);
                    }
                }
                rule::Change::LineDeleted { line } => {
                    settled.insert(line.id.0, (LineResult::Deleted, line.clone()));
                    if !order.contains(&line.id.0) {
                        order.push(line.id.0);
                    }
                }
                rule::Change::LineUpdated { after, .. } => {
                    settled.insert(after.id.0, (LineResult::Changed, after.clone()));
                }
                _ => {}
            }
        }
        let reader = ctx.reader()?;
        let standing = line::standing(&reader, &order).await?;
        let seen: Vec<Line> = several(ctx, order.iter().copied()).await?;
        let seen = seen.iter().map(|line| Ok(line.row().id.get()?.0)).collect::<Result<HashSet<_>>>()?;
        let mut outcomes = Vec::new();
        for id in order {
            let gone = if self.is_done { 0 } else { removed.get(&id).copied().unwrap_or(0) };
            let left = standing.get(&id).copied().unwrap_or(0) - gone;
            let (result, gone) = match settled.remove(&id) {
                Some((LineResult::Deleted, line)) => (LineResult::Deleted, Some(line)),
                _ if !seen.contains(&id) => continue,
                Some((result, _)) => (result, None),
                None if left > 0 => (LineResult::StaysElsewhere, None),
                None => (LineResult::Unassigned, None),
            };
            outcomes.push(LineOutcome { id, result, gone });
        }
        Ok(outcomes)
    }

    /// The numbers of the inventory whose status changes.
    async fn numbers(&self) -> Vec<NumberNext> {
        self.collect(|change| match change {
            rule::Change::NumberUpdated { before, after } => {
                Some(NumberNext { before: before.clone(), after: after.clone() })
            }
            _ => None,
        })
    }

    /// The users that a profile no longer serves; those that are not for you to see are left out.
    async fn users(&self, ctx: &Context<'_>) -> Result<Vec<UserLoss>> {
        let defaults = self.collect(|change| match change {
            rule::Change::UserUpdated { before, after }
                if before.default_profile_id != after.default_profile_id =>
            {
                Some(after.id)
            }
            _ => None,
        });
        let mut ids = self.collect(|change| match change {
            rule::Change::UserDisassociated { association, .. } => Some(association.user_id),
            _ => None,
        });
        for id in &defaults {
            if !ids.contains(id) {
                ids.push(*id);
            }
        }
        ids.dedup();
        let users: Vec<User> = several(ctx, ids.iter().map(|id| id.0)).await?;
        let loss = |user: User| {
            let id = *user.row().id.get()?;
            Ok(UserLoss { id, was_default: defaults.contains(&id) })
        };
        users.into_iter().map(loss).collect()
    }

    /// The clones that become originals, as theirs go; those that are not for you to see are left out.
    async fn promoted(&self, ctx: &Context<'_>) -> Result<Vec<LineAppearance>> {
        let ids = self.collect(|change| match change {
            rule::Change::ClonePromoted { after, .. } => Some(after.id.0),
            _ => None,
        });
        several(ctx, ids).await
    }

    /// The phones that show it while nobody is logged in, and their own settings from then on; those that are not for you
    /// to see are left out.
    async fn logout_phones(&self, ctx: &Context<'_>) -> Result<Vec<Phone>> {
        let ids = self.collect(|change| match change {
            rule::Change::PhoneUpdated { before, after }
                if before.logout_profile_id != after.logout_profile_id =>
            {
                Some(after.id.0)
            }
            _ => None,
        });
        several(ctx, ids).await
    }
}

/// How often a kind of change happens.
pub struct KindCount {
    kind: ChangeKind,
    count: i32,
}

/// How often a kind of change happens.
#[Object]
impl KindCount {
    /// The kind.
    async fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// How often.
    async fn count(&self) -> i32 {
        self.count
    }
}

/// What becomes of a line that stood on something that is deleted.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum LineResult {
    /// It stays where else it stands.
    StaysElsewhere,
    /// It stays, and stands nowhere.
    Unassigned,
    /// It goes as well.
    Deleted,
    /// It stays, and gets the values of its organization's template.
    Changed,
}

/// What becomes of a line.
pub struct LineOutcome {
    id: i64,
    result: LineResult,
    /// The line as it was, where it goes.
    gone: Option<entity::line::Model>,
}

/// What becomes of a line.
#[Object]
impl LineOutcome {
    /// The line; as it was, where it goes.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<Line>> {
        match &self.gone {
            Some(line) => Ok(Some(Line::of(Arc::new(line.clone().into())))),
            None => one(ctx, Some(self.id)).await,
        }
    }

    /// What becomes of it.
    async fn result(&self) -> LineResult {
        self.result
    }
}

/// The next status of a number.
pub struct NumberNext {
    before: entity::number::Model,
    after: entity::number::Model,
}

/// The next status of a number.
#[Object]
impl NumberNext {
    /// The number, as it is after.
    async fn number(&self) -> Number {
        Number::of(Arc::new(self.after.clone().into()))
    }

    /// Its status before.
    async fn from(&self) -> NumberStatus {
        self.before.status.into()
    }

    /// Its status after.
    async fn to(&self) -> NumberStatus {
        self.after.status.into()
    }

    /// When it is available again, where it cools.
    async fn available_at(&self) -> Option<DateTime<Utc>> {
        self.after.cooling_until.map(date_time)
    }
}

/// A user that loses a profile.
pub struct UserLoss {
    id: UserId,
    was_default: bool,
}

/// A user that loses a profile.
#[Object]
impl UserLoss {
    /// The user; nothing where the user goes as well, and is gone.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        one(ctx, Some(self.id)).await
    }

    /// Whether it is the user's default profile, so that there is none from then on.
    async fn was_default(&self) -> bool {
        self.was_default
    }
}

#[derive(Default)]
pub struct PreviewQuery;

#[Object]
impl PreviewQuery {
    /// What deleting a profile, phone, line or user would do; nothing when it is not there, or not for you to see. It asks
    /// for the right to delete, as it goes the same way.
    async fn delete_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The profile, phone, line or user.")] id: ID,
        #[graphql(desc = "For a user, what becomes of the profiles that nobody else uses.")]
        sole_profiles: Option<SoleProfiles>,
    ) -> Result<Option<DeletePreview>> {
        ctx.caller()?;
        match NodeId::decode(&id) {
            Some(NodeId::Profile(id)) => {
                let delete = |forced| rule::profile::Delete {
                    id,
                    expected_version: None,
                    release_logout_phones: forced,
                    on_active_session: active(forced),
                };
                preview(ctx, delete).await
            }
            Some(NodeId::Phone(id)) => {
                let delete = |forced| rule::phone::Delete {
                    id,
                    expected_version: None,
                    on_active_session: active(forced),
                };
                preview(ctx, delete).await
            }
            Some(NodeId::Line(id)) => {
                let delete =
                    |forced| rule::line::Delete { id, expected_version: None, remove_appearances: forced };
                preview(ctx, delete).await
            }
            Some(NodeId::User(id)) => {
                let sole = sole_profiles.map(rule::user::SoleProfiles::from);
                let delete = |forced: bool| rule::user::Delete {
                    id,
                    expected_version: None,
                    sole_profiles: sole.or(forced.then_some(rule::user::SoleProfiles::Delete)),
                    on_active_session: active(forced),
                };
                preview(ctx, delete).await
            }
            _ => Err(Error::Input("pass the id of a profile, phone, line or user".to_owned())),
        }
    }
}

/// What becomes of who is logged in.
fn active(forced: bool) -> OnActiveSession {
    if forced { OnActiveSession::Logout } else { OnActiveSession::default() }
}

/// What a deletion would do; where a rule stands in its way, what it would do when told to go on.
async fn preview<C: Command>(ctx: &Context<'_>, delete: impl Fn(bool) -> C) -> Result<Option<DeletePreview>> {
    let call = Call { dry_run: true, ..Call::default() };
    let run =
        async |cmd: C| -> Result<Outcome> { command::run(ctx.app()?, ctx.caller()?, &call, &cmd).await };
    let broken = match run(delete(false)).await? {
        Ok(done) => {
            let changes = Arc::new(done.changes);
            return Ok(Some(DeletePreview { changes, errors: Vec::new(), is_done: false }));
        }
        Err(broken) => broken,
    };
    if broken.0.iter().any(|breach| breach.rule.code() == RuleCode::NotFound && breach.path == "id") {
        return Ok(None);
    }
    let errors = broken.0.iter().map(UserError::from).collect();
    let changes = run(delete(true)).await?.map(|done| done.changes).unwrap_or_default();
    Ok(Some(DeletePreview { changes: Arc::new(changes), errors, is_done: false }))
}
