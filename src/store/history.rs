//! The past as the log tells it: a change with what was done together with it, profiles as they were, and what taking
//! a change back must know.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    DeviceId, LineId, ServiceId, UserId, button, change, change_subject::Noun, line, line_appearance,
    profile, profile_user, service, service_subscription, user,
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    Entry, Snapshot, Source, Tx, organization,
    outbox::{self, Query, Span},
    phone, profile as profile_store, user as user_store,
};
use crate::{
    caller::Scope,
    rule::{
        Change,
        change::ChangeKind,
        history::{
            restore::{Deletion, Facts},
            state::{Around, State},
        },
        profile::Create,
    },
};

/// Changes that are read at once.
const BATCH: i64 = 1_000;

/// The change of this number, when the caller sees it.
pub async fn entry(source: &impl Source, scope: Scope, seq: i64) -> Result<Option<Entry>, DbErr> {
    let span = Span { after: Some(seq - 1), before: Some(seq + 1), limit: 1, descending: false };
    Ok(outbox::history(source, scope, &Query::default(), span).await?.pop())
}

/// The same, locked against others who would take it back or restore what it deleted, until the end of the transaction.
pub async fn locked_entry(tx: &Tx, seq: i64) -> Result<Option<Entry>, DbErr> {
    change::Entity::find_by_id(seq).lock_exclusive().one(&tx.db).await?;
    entry(tx, tx.scope(), seq).await
}

/// What was done about the same thing since, each with whether it was done together with the change.
pub async fn later(source: &impl Source, entry: &Entry) -> Result<Vec<(bool, Change)>, DbErr> {
    let Some(subject) = entry.subjects.first() else { return Ok(Vec::new()) };
    let found = since(source, vec![*subject], None, entry.seq).await?;
    let together = |later: &Entry| later.first.is_some() && later.first == entry.first;
    Ok(found.into_iter().rev().map(|later| (together(&later), later.change)).collect())
}

/// Changes about any of the things behind a number, newest first.
async fn since(
    source: &impl Source,
    subjects: Vec<(Noun, i64)>,
    kinds: Option<Vec<&'static str>>,
    seq: i64,
) -> Result<Vec<Entry>, DbErr> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let query = Query { subjects: Some(subjects), kinds, ..Query::default() };
    let span = Span { after: None, before: Some(seq), limit: i64::MAX, descending: true };
    outbox::history(source, Scope::All, &query, span).await
}

/// The other changes that were made together with this one.
pub async fn beside(source: &impl Source, entry: &Entry) -> Result<Vec<Change>, DbErr> {
    let all = together(source, entry).await?;
    Ok(all.into_iter().filter(|other| other.seq != entry.seq).map(|other| other.change).collect())
}

/// Everything that was done together with a change, oldest first. Of changes from before that was kept, those that
/// stand around it with its moment and its maker.
async fn together(source: &impl Source, entry: &Entry) -> Result<Vec<Entry>, DbErr> {
    let alike = |other: &Entry| match entry.first {
        Some(first) => other.first == Some(first),
        None => other.first.is_none() && other.at == entry.at && other.by == entry.by,
    };
    let mut before = Vec::new();
    let mut edge = entry.seq;
    'before: loop {
        let span = Span { after: Some(edge), before: None, limit: BATCH, descending: true };
        let part = outbox::history(source, Scope::All, &Query::default(), span).await?;
        let Some(last) = part.last() else { break };
        edge = last.seq;
        for other in part {
            if !alike(&other) {
                break 'before;
            }
            before.push(other);
        }
    }
    before.reverse();
    let mut found = before;
    found.push(entry.clone());
    let mut edge = entry.seq;
    'behind: loop {
        let span = Span { after: Some(edge), before: None, limit: BATCH, descending: false };
        let part = outbox::history(source, Scope::All, &Query::default(), span).await?;
        let Some(last) = part.last() else { break };
        edge = last.seq;
        for other in part {
            if !alike(&other) {
                break 'behind;
            }
            found.push(other);
        }
    }
    Ok(found)
}

/// A profile as it was, with the lines, users and phone services of then that the reader sees.
#[derive(Clone, Debug)]
pub struct Then {
    pub profile: profile::Model,
    pub state: State,
    pub around: Around,
}

/// The profile as it was right after a change; none where it was not there, or is not seen.
pub async fn profile_at(
    snapshot: &Snapshot,
    scope: Scope,
    id: DeviceId,
    seq: i64,
) -> Result<Option<Then>, DbErr> {
    let mut state = current(&snapshot.db, id).await?;
    for later in since(snapshot, vec![(Noun::Profile, id.0)], None, seq).await? {
        state.undo(id, &later.change);
    }
    let Some(profile) = state.profile.clone() else { return Ok(None) };
    let seen = match scope {
        Scope::All => None,
        Scope::Below(top) => Some(organization::all_within(snapshot, top).await?),
    };
    let is_seen = |id| seen.as_ref().is_none_or(|seen| seen.contains(&id));
    if !is_seen(profile.organization_id) {
        return Ok(None);
    }
    let mut around = around(snapshot, &snapshot.db, &state, seq).await?;
    around.lines.retain(|_, line| is_seen(line.organization_id));
    around.users.retain(|_, user| is_seen(user.organization_id));
    Ok(Some(Then { profile, state, around }))
}

/// The profile as it is.
async fn current(db: &impl ConnectionTrait, id: DeviceId) -> Result<State, DbErr> {
    let Some(profile) = profile::Entity::find_by_id(id).one(db).await? else { return Ok(State::default()) };
    let appearances =
        line_appearance::Entity::find().filter(line_appearance::Column::DeviceId.eq(id)).all(db).await?;
    let users = profile_user::Entity::find()
        .filter(profile_user::Column::ProfileId.eq(id))
        .order_by_asc(profile_user::Column::Position)
        .all(db)
        .await?;
    let buttons = button::Entity::find().filter(button::Column::DeviceId.eq(id)).all(db).await?;
    let services = service_subscription::Entity::find()
        .filter(service_subscription::Column::DeviceId.eq(id))
        .all(db)
        .await?;
    // As changes tell it, which have no passwords.
    let shown = |it| service_subscription::Model { secrets: service_subscription::Secrets::default(), ..it };
    Ok(State {
        profile: Some(profile),
        appearances: appearances.into_iter().map(|appearance| (appearance.id, appearance)).collect(),
        users: users.into_iter().map(|association| association.user_id).collect(),
        buttons: buttons.into_iter().map(|button| (button.id, button)).collect(),
        services: services.into_iter().map(|it| (it.id, shown(it))).collect(),
    })
}

/// The lines, users and phone services that a state names, as they were right after a change.
async fn around(
    source: &impl Source,
    db: &impl ConnectionTrait,
    state: &State,
    seq: i64,
) -> Result<Around, DbErr> {
    let lines: BTreeSet<LineId> = state.appearances.values().map(|appearance| appearance.line_id).collect();
    let login = state.profile.as_ref().and_then(|profile| profile.login_user_id);
    let users: BTreeSet<UserId> = state.users.iter().copied().chain(login).collect();
    let services: BTreeSet<ServiceId> = state.services.values().map(|it| it.service_id).collect();
    let found = line::Entity::find().filter(line::Column::Id.is_in(lines.iter().copied())).all(db).await?;
    let mut around =
        Around { lines: found.into_iter().map(|line| (line.id, line)).collect(), ..Around::default() };
    let found = user::Entity::find().filter(user::Column::Id.is_in(users.iter().copied())).all(db).await?;
    around.users = found.into_iter().map(|user| (user.id, user)).collect();
    let found =
        service::Entity::find().filter(service::Column::Id.is_in(services.iter().copied())).all(db).await?;
    around.services = found.into_iter().map(|service| (service.id, service)).collect();
    let lines = lines.into_iter().map(|id| (Noun::Line, id.0));
    let users = users.into_iter().map(|id| (Noun::User, id.0));
    let services = services.into_iter().map(|id| (Noun::Service, id.0));
    let subjects = lines.chain(users).chain(services).collect();
    let kinds = [
        ChangeKind::LineUpdated,
        ChangeKind::LineDeleted,
        ChangeKind::UserUpdated,
        ChangeKind::UserDeleted,
        ChangeKind::ServiceUpdated,
        ChangeKind::ServiceDeleted,
    ];
    let kinds = kinds.iter().map(|kind| kind.as_str()).collect();
    for later in since(source, subjects, Some(kinds), seq).await? {
        around.undo(&later.change);
    }
    Ok(around)
}

/// The last deletion of a profile that is kept and seen, locked against others who would restore it.
pub async fn deletion(tx: &Tx, id: DeviceId) -> Result<Option<Deletion>, DbErr> {
    let query = Query {
        subjects: Some(vec![(Noun::Profile, id.0)]),
        kinds: Some(vec![ChangeKind::ProfileDeleted.as_str()]),
        ..Query::default()
    };
    let span = Span { after: None, before: None, limit: 1, descending: true };
    let Some(entry) = outbox::history(tx, tx.scope(), &query, span).await?.pop() else { return Ok(None) };
    change::Entity::find_by_id(entry.seq).lock_exclusive().one(&tx.db).await?;
    let Change::ProfileDeleted { profile } = &entry.change else { return Ok(None) };
    let made_together = together(tx, &entry).await?;
    let first = made_together.first().map_or(entry.seq, |first| first.seq);
    let mut state = State::default();
    for other in made_together.iter().rev() {
        state.undo(id, &other.change);
    }
    let around = around(tx, &tx.db, &state, first - 1).await?;
    Ok(Some(Deletion {
        seq: entry.seq,
        profile: profile.clone(),
        state,
        around,
        changes: made_together.into_iter().map(|other| other.change).collect(),
    }))
}

/// What making a profile again must know.
pub async fn restore_facts(tx: &Tx, was: &Deletion, creation: &Create) -> Result<Facts, DbErr> {
    let create = profile_store::create_facts(tx, creation).await?;
    let mut users = BTreeMap::new();
    for id in was.defaults().into_iter().chain(was.controllers()).collect::<BTreeSet<_>>() {
        if let Some(user) = user_store::locked(tx, id).await? {
            users.insert(id, (user, user_store::cti_profiles(tx, id).await?));
        }
    }
    let mut phones = BTreeMap::new();
    for (id, _) in was.phones() {
        if let Some(phone) = phone::locked(tx, id).await? {
            phones.insert(id, phone);
        }
    }
    Ok(Facts { now: tx.now(), create, users, phones })
}

/// The appearance through which a line is changed now.
pub async fn original_of(tx: &Tx, id: LineId) -> Result<Option<line_appearance::Model>, DbErr> {
    line_appearance::Entity::find()
        .filter(line_appearance::Column::LineId.eq(id))
        .filter(line_appearance::Column::Role.eq(line_appearance::Role::Original))
        .limit(1)
        .one(&tx.db)
        .await
}

/// The users of a profile, in order.
pub async fn users_of(tx: &Tx, id: DeviceId) -> Result<Vec<UserId>, DbErr> {
    Ok(user_store::of_profile(tx, id)
        .await?
        .into_iter()
        .map(|(association, _)| association.user_id)
        .collect())
}
