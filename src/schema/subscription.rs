//! The one subscription: every change, none lost and none twice, from any cursor on, with the present state before it
//! where that is asked for.

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_graphql::{Context, Subscription as Subscribe};
use entity::{Moment, OrganizationId, change_subject::Noun};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use super::{
    Ask, Result,
    change::{Change, ChangeEvent, ChangeFilter, Left, Present, SnapshotComplete, is_asked, node_id},
    cluster::Cluster,
    connection::Rendered,
    default_device_profile::DefaultDeviceProfile,
    device::OtherDevice,
    job::Job,
    line::Line,
    listener::{Holder, Listener},
    node::{Node, of_template},
    number::Number,
    organization::Organization,
    phone::Phone,
    profile::Profile,
    quick_add::QuickAddGroup,
    role::Role,
    service::PhoneService,
    session::Session,
    template::Template,
    user::User,
    value::scalar::{Cursor, NotACursor},
};
use crate::{
    app::App,
    caller::{Caller, Right, Scope},
    error::Error,
    feed::Ended,
    rule,
    store::{
        Entry, Snapshot,
        organization::all_within,
        outbox::Query,
        page::{self, Filter, Key, KeyValue, Order, Slice},
        row::{self, Columns},
    },
};

/// Items of a snapshot read at once.
const PAGE: u32 = 500;
/// How often a stream on which nothing happens looks whether its caller may still listen.
/// Together with how long the application believes a token it is less than the second within which a revoked one is out.
const LOOK: Duration = Duration::from_millis(400);

/// Why a snapshot ends before it is told whole.
const MOVED: &str = "what this token may see was changed while the snapshot was told: begin it again";

/// What can be listened to.
pub struct Subscription;

/// What can be listened to: one stream of every change, from any cursor on.
#[Subscribe]
impl Subscription {
    /// Every change after a place in the stream, oldest first, none left out and none twice; without a place, from now
    /// on. A cursor that is older than the oldest change kept ends it with `CURSOR_EXPIRED`: read again, then follow
    /// from the newest one.
    async fn changes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor of the last change that you have; what follows is exactly the rest.")]
        after: Option<Cursor>,
        #[graphql(desc = "Which changes.")] filter: Option<ChangeFilter>,
        #[graphql(
            default,
            desc = "Whether to begin with the present state of what the filter covers: one Present per thing, then \
                    SnapshotComplete, then the changes since, with no gap and no repeat. A cursor of a Present begins \
                    the snapshot anew; a cursor of a change goes on from there."
        )]
        snapshot: bool,
    ) -> Result<impl Stream<Item = Result<ChangeEvent>> + use<>> {
        let app = ctx.app()?.clone();
        let listener = match ctx.data_opt::<Listener>() {
            Some(listener) => listener.clone(),
            None => Listener::new(Holder::new(ctx.caller()?.clone()), None),
        };
        let query = Query::from(filter.unwrap_or_default());
        // A client that comes back says where it was beside its query, which still says where it began.
        let after = match listener.resume() {
            Some(text) => Some(text.parse().map_err(|error: NotACursor| Error::Input(error.to_string()))?),
            None => after,
        };
        let start = match after {
            Some(Cursor::Change(seq)) => Some(seq),
            Some(Cursor::Snapshot(_)) if !snapshot => {
                return Err(Error::Input("this cursor is within a snapshot: pass snapshot: true".to_owned()));
            }
            Some(Cursor::Snapshot(_)) | None if snapshot => None,
            Some(Cursor::Snapshot(_)) | None => Some(app.newest_change().await?),
        };
        listener.begin();
        Ok(stream(app, listener, query, start))
    }
}

/// The events: a snapshot where no start is given, then every change. Before each of them it is asked anew who listens
/// and what they may see.
fn stream(
    app: App,
    listener: Listener,
    mut query: Query,
    start: Option<i64>,
) -> impl Stream<Item = Result<ChangeEvent>> {
    async_stream::try_stream! {
        let mut caller = app.renew(&listener.caller()).await?;
        query.unread = caller.unread().collect();
        let start = if let Some(start) = start {
            start
        } else {
            let snapshot = Taken::begin(&app).await?;
            let newest = snapshot.newest;
            let mut present = snapshot.told(app.now(), caller.scope, query.clone());
            while let Some(part) = present.recv().await {
                for event in part? {
                    let now = app.renew(&listener.caller()).await?;
                    if (now.scope, now.rights) != (caller.scope, caller.rights) {
                        Err(Error::Input(MOVED.to_owned()))?;
                    }
                    listener.tell(event.cursor);
                    yield event;
                }
            }
            newest
        };
        listener.pass(Cursor::Change(start));
        let mut sight = Sight::of(&app, &caller, &query).await?;
        let mut changes = std::pin::pin!(app.feed().follow(start));
        loop {
            let next = match tokio::time::timeout(LOOK, changes.next()).await {
                Ok(Some(next)) => Some(next.map_err(ended)?),
                Ok(None) => return,
                Err(_) => None,
            };
            let (scope, rights) = (caller.scope, caller.rights);
            caller = app.renew(&listener.caller()).await?;
            if caller.rights != rights {
                // What it selects was judged by what its caller read then.
                if caller.unread().any(|noun| rights.reads(noun)) {
                    Err(Error::Denied(Right::Read))?;
                }
                query.unread = caller.unread().collect();
            }
            let moves = next.as_ref().is_some_and(|next| moves_organizations(&next.change));
            if moves || caller.scope != scope {
                sight = Sight::of(&app, &caller, &query).await?;
            }
            let Some(next) = next else { continue };
            if let Some(event) = sight.event(&query, &next) {
                listener.tell(event.cursor);
                yield event;
            } else {
                listener.pass(Cursor::Change(next.seq));
            }
        }
    }
}

/// Which organizations a stream shows.
struct Sight {
    /// None is all of them.
    seen: Option<HashSet<OrganizationId>>,
    /// Those that the query names and everything below; none where it names none.
    within: Option<HashSet<OrganizationId>>,
}

impl Sight {
    async fn of(app: &App, caller: &Caller, query: &Query) -> Result<Self> {
        let reader = app.read(caller);
        let seen = match caller.scope {
            Scope::All => None,
            Scope::Below(top) => Some(all_within(&reader, top).await?),
        };
        let mut within = query.organizations.as_ref().map(|_| HashSet::new());
        for organization in query.organizations.iter().flatten() {
            let below = all_within(&reader, *organization).await?;
            within.get_or_insert_with(HashSet::new).extend(below);
        }
        Ok(Self { seen, within })
    }

    fn event(&self, query: &Query, entry: &Arc<Entry>) -> Option<ChangeEvent> {
        let sees = |id: OrganizationId| self.seen.as_ref().is_none_or(|seen| seen.contains(&id));
        match entry.organization {
            Some(id) if !sees(id) => {
                // What the caller saw before it moved away is told to be gone, and no more.
                entry.left.filter(|left| sees(*left))?;
                let (noun, id) = *entry.subjects.first().filter(|(noun, _)| !query.unread.contains(noun))?;
                let change = Change::Left(Left(node_id(noun, id)));
                Some(ChangeEvent { change, ..ChangeEvent::from(&**entry) })
            }
            _ => is_asked(query, self.within.as_ref(), entry).then(|| ChangeEvent::from(&**entry)),
        }
    }
}

fn moves_organizations(change: &rule::Change) -> bool {
    matches!(
        change,
        rule::Change::OrganizationCreated { .. }
            | rule::Change::OrganizationMoved { .. }
            | rule::Change::OrganizationDeleted { .. }
            | rule::Change::EstateGenerated { .. }
    )
}

fn ended(why: Ended) -> Error {
    match why {
        Ended::Expired => Error::CursorExpired,
        Ended::Unknown => Error::Input("this cursor is not one of this estate's changes".to_owned()),
        Ended::Database(error) => error.into(),
    }
}

/// A snapshot being told: every read of it sees the same moment. It is read by a task of its own, so that it is given
/// back in time even when its subscriber stops to listen.
struct Taken {
    snapshot: Snapshot,
    newest: i64,
    most: Duration,
}

/// A part of a snapshot.
type Part = Result<Vec<ChangeEvent>>;

impl Taken {
    async fn begin(app: &App) -> Result<Self> {
        let snapshot = app.snapshot().await?;
        let newest = crate::store::outbox::last_seq(&snapshot).await?;
        let most = Duration::from_secs(app.config().subscription.snapshot_secs);
        Ok(Self { snapshot, newest, most })
    }

    /// Everything that the query covers, noun by noun, then the end of the snapshot.
    fn told(self, now: Moment, scope: Scope, query: Query) -> mpsc::Receiver<Part> {
        let (parts, told) = mpsc::channel(1);
        tokio::spawn(async move {
            let most = self.most;
            // What is too late, failed or no longer listened to lets go of the snapshot before it is told.
            let late = || Err(Error::Timeout(u64::try_from(most.as_millis()).unwrap_or(u64::MAX)));
            let ended = tokio::time::timeout(most, self.tell(now, scope, query, &parts)).await;
            if let Err(error) = ended.unwrap_or_else(|_| late()) {
                let _gone = parts.send(Err(error)).await;
            }
        });
        told
    }

    async fn tell(self, now: Moment, scope: Scope, query: Query, parts: &mpsc::Sender<Part>) -> Result<()> {
        let mut count = 0;
        let event = |cursor, change| ChangeEvent { cursor, at: now, by: String::new(), reason: None, change };
        for noun in NOUNS {
            let Some(filter) = covered(*noun, &query) else { continue };
            let mut after = None;
            loop {
                let (nodes, last) = self.page(scope, *noun, &filter, after).await?;
                let part = nodes.into_iter().map(|node| {
                    count += 1;
                    event(Cursor::Snapshot(count), Change::Present(Present(node)))
                });
                if parts.send(Ok(part.collect())).await.is_err() {
                    return Ok(());
                }
                after = last;
                if after.is_none() {
                    break;
                }
            }
        }
        let end = event(Cursor::Change(self.newest), Change::SnapshotComplete(SnapshotComplete(count)));
        let _gone = parts.send(Ok(vec![end])).await;
        Ok(())
    }

    async fn page(
        &self,
        scope: Scope,
        noun: Noun,
        filter: &Filter,
        after: Option<i64>,
    ) -> Result<(Vec<Node>, Option<i64>)> {
        match noun {
            Noun::Organization => {
                self.nodes(scope, filter, after, Node::Organization as fn(Organization) -> Node).await
            }
            Noun::Cluster => self.nodes(scope, filter, after, Node::Cluster as fn(Cluster) -> Node).await,
            Noun::Device => {
                self.nodes(scope, filter, after, Node::OtherDevice as fn(OtherDevice) -> Node).await
            }
            Noun::Profile => self.nodes(scope, filter, after, Node::Profile as fn(Profile) -> Node).await,
            Noun::Phone => self.nodes(scope, filter, after, Node::Phone as fn(Phone) -> Node).await,
            Noun::Session => self.nodes(scope, filter, after, Node::Session as fn(Session) -> Node).await,
            Noun::DefaultDeviceProfile => {
                let node = Node::DefaultDeviceProfile as fn(DefaultDeviceProfile) -> Node;
                self.nodes(scope, filter, after, node).await
            }
            Noun::Line => self.nodes(scope, filter, after, Node::Line as fn(Line) -> Node).await,
            Noun::Number => self.nodes(scope, filter, after, Node::Number as fn(Number) -> Node).await,
            Noun::QuickAddGroup => {
                self.nodes(scope, filter, after, Node::QuickAddGroup as fn(QuickAddGroup) -> Node).await
            }
            Noun::Role => self.nodes(scope, filter, after, Node::ComposedRole as fn(Role) -> Node).await,
            Noun::Job => self.nodes(scope, filter, after, Node::Job as fn(Job) -> Node).await,
            Noun::User => self.nodes(scope, filter, after, Node::User as fn(User) -> Node).await,
            Noun::Template => self.nodes(scope, filter, after, of_template as fn(Template) -> Node).await,
            Noun::Service => {
                self.nodes(scope, filter, after, Node::PhoneService as fn(PhoneService) -> Node).await
            }
            // Appearances are told by the lines and devices that they join, buttons and subscriptions to services by
            // their devices.
            Noun::Appearance | Noun::Button | Noun::ServiceSubscription => Ok((Vec::new(), None)),
        }
    }

    async fn nodes<T: Rendered>(
        &self,
        scope: Scope,
        filter: &Filter,
        after: Option<i64>,
        node: fn(T) -> Node,
    ) -> Result<(Vec<Node>, Option<i64>)> {
        let order = Order { column: "t.id", number: true, descending: false };
        let after = after.map(|id| Key { value: KeyValue::Int(id), id });
        let slice = Slice { limit: PAGE, after, before: None, backwards: false };
        let columns = Columns::own(row::all::<T::Row>());
        let page = page::page::<T::Row>(&self.snapshot, scope, filter, order, &slice, columns).await?;
        let last = if page.has_next { page.rows.last().map(|(_, key)| key.id) } else { None };
        Ok((page.rows.into_iter().map(|(row, _)| node(T::of(Arc::new(row)))).collect(), last))
    }
}

/// Nouns in the order in which they need each other.
const NOUNS: &[Noun] = &[
    Noun::Organization,
    Noun::Cluster,
    Noun::Template,
    Noun::DefaultDeviceProfile,
    Noun::Service,
    Noun::Device,
    Noun::Profile,
    Noun::Phone,
    Noun::Line,
    Noun::User,
    Noun::Session,
    Noun::QuickAddGroup,
    Noun::Number,
    Noun::Job,
    Noun::Role,
];

/// Which things of a noun the query covers; none when it covers none.
fn covered(noun: Noun, query: &Query) -> Option<Filter> {
    if query.nouns.as_ref().is_some_and(|nouns| !nouns.contains(&noun)) || query.unread.contains(&noun) {
        return None;
    }
    let mut parts = Vec::new();
    if let Some(subjects) = &query.subjects {
        let ids: Vec<_> = subjects.iter().filter(|(n, _)| *n == noun).map(|(_, id)| *id).collect();
        if ids.is_empty() {
            return None;
        }
        parts.push(Filter::Numbers("t.id", ids));
    }
    if let Some(organizations) = &query.organizations {
        let column = if noun == Noun::Organization { "t.id" } else { "t.organization_id" };
        let ids = organizations.iter().map(|id| id.0).collect();
        parts.push(Filter::Organizations(column, ids, true));
    }
    if noun == Noun::Device {
        parts.push(Filter::Fixed("t.kind = 'OTHER'"));
    }
    Some(Filter::All(parts))
}
