//! Loaders: what many resolvers ask for at once is one statement. Made afresh for every execution and emptied
//! after every mutation, so nothing old is ever answered.
//!
//! Keys are gathered until nobody in the execution can go on (see [`Gate`]): no timer, no task. A key carries the
//! columns that its query asks for, so one batch reads exactly what its fields need.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    hash::Hash,
    marker::PhantomData,
    ops::Deref,
    sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError},
};

use async_graphql::SelectionField;
use dataloader::{BatchFn, cached::Loader};
use entity::{ClusterId, change_subject::Noun};
use tracing::Instrument;

use super::{Result, drive::Gate};
use crate::{
    error::Error,
    rule::readiness::{Found, UserState},
    store::{
        Entry, Reader, audit_entry, button, cluster, default_device_profile, device, job, line, number,
        organization,
        outbox::{self, Span},
        page::{self, Page, Relation, Slice},
        phone, profile, quick_add, readiness, role,
        row::{self, Columns, Row},
        service, service_subscription, session, template, user,
    },
    tally,
};

/// Keys that are gathered before a batch is sent early; more than any page asks for.
const MOST: usize = 100_000;

/// A page of children, by the number of what is asked and by parent.
type PageKey = (usize, i64);
type Paged<R> = Result<Arc<Page<Arc<R>>>>;

/// What was asked of relations in an execution: a page's key names it by its number, as keys are hashed often.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<Ask>>>);

type Ask = (Relation, Slice, Columns);

impl Asked {
    fn number(&self, ask: Ask) -> usize {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().position(|known| *known == ask).unwrap_or_else(|| {
            asked.push(ask);
            asked.len() - 1
        })
    }

    fn get(&self, number: usize) -> Option<Ask> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(number).cloned()
    }
}

/// A thing, by its id.
type OneKey = (i64, Columns);
type Loaded<R> = Result<Option<Arc<R>>>;

/// A loader that sends its keys when every resolver that can ask has asked, whoever asks last.
struct Batched<K, V, F>
where
    K: Eq + Hash + Clone,
    V: Clone,
    F: BatchFn<K, Result<V>>,
{
    gate: Gate,
    /// Keys by the opening of the gate that they wait for.
    asked: Mutex<HashMap<u64, HashSet<K>>>,
    loader: Loader<K, Result<V>, F>,
}

impl<K, V, F> Batched<K, V, F>
where
    K: Eq + Hash + Clone + Debug,
    V: Clone,
    F: BatchFn<K, Result<V>>,
{
    fn new(batch: F, gate: &Gate) -> Self {
        // Keys come to the loader all at once, so it need not wait for others.
        let loader = Loader::new(batch).with_yield_count(0).with_max_batch_size(MOST);
        Self { gate: gate.clone(), asked: Mutex::default(), loader }
    }

    async fn load(&self, key: K) -> Result<V> {
        self.gathered(std::slice::from_ref(&key)).await?;
        self.loader.try_load(key).await.map_err(Error::internal)?
    }

    async fn load_many(&self, keys: Vec<K>) -> Result<HashMap<K, Result<V>>> {
        self.gathered(&keys).await?;
        self.loader.try_load_many(keys).await.map_err(Error::internal)
    }

    /// Sees to it that these keys are loaded, together with whatever else is asked for now.
    async fn gathered(&self, keys: &[K]) -> Result<()> {
        let came = self.gate.next();
        self.asked().entry(came).or_default().extend(keys.iter().cloned());
        self.gate.quiet(came).await;
        // The first to go on loads for all who came together, and for nobody who has come since.
        let keys = self.asked().remove(&came);
        if let Some(keys) = keys {
            let keys: Vec<_> = keys.into_iter().collect();
            tally::batch(keys.len());
            let span = tracing::trace_span!("batch", keys = keys.len());
            self.loader.try_load_many(keys).instrument(span).await.map_err(Error::internal)?;
        }
        Ok(())
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<u64, HashSet<K>>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn clear_all(&self) {
        self.loader.clear_all().await;
    }
}

/// The loaders of one noun.
pub struct Of<R: Row> {
    one: Batched<(i64, Columns), Option<Arc<R>>, One<R>>,
    many: Batched<PageKey, Arc<Page<Arc<R>>>, Many<R>>,
    asked: Asked,
    counts: Batched<(Relation, i64), i64, Counts<R>>,
}

/// What all loaders of an execution stand on.
struct Ground {
    reader: Reader,
    gate: Gate,
}

/// A loader that is made when it is first asked.
pub struct Late<T> {
    ground: Arc<Ground>,
    make: fn(&Ground) -> T,
    made: OnceLock<Box<T>>,
}

impl<T> Late<T> {
    fn new(ground: &Arc<Ground>, make: fn(&Ground) -> T) -> Self {
        Self { ground: Arc::clone(ground), make, made: OnceLock::new() }
    }
}

impl<T> Deref for Late<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.made.get_or_init(|| Box::new((self.make)(&self.ground)))
    }
}

impl<R: Row> Late<Of<R>> {
    async fn forget(&self) {
        if let Some(made) = self.made.get() {
            made.one.clear_all().await;
            made.many.clear_all().await;
            made.counts.clear_all().await;
        }
    }
}

impl<K, V, F> Late<Batched<K, V, F>>
where
    K: Eq + Hash + Clone + Debug,
    V: Clone,
    F: BatchFn<K, Result<V>>,
{
    async fn forget(&self) {
        if let Some(made) = self.made.get() {
            made.clear_all().await;
        }
    }
}

/// The loaders of one execution, each made when it is first asked: an execution asks few of them.
pub struct Loaders {
    gate: Gate,
    pub organization: Late<Of<organization::Row>>,
    pub cluster: Late<Of<cluster::Row>>,
    pub device: Late<Of<device::Row>>,
    pub profile: Late<Of<profile::Row>>,
    pub phone: Late<Of<phone::Row>>,
    pub session: Late<Of<session::Row>>,
    pub default_device_profile: Late<Of<default_device_profile::Row>>,
    pub line: Late<Of<line::Row>>,
    pub appearance: Late<Of<line::AppearanceRow>>,
    pub user: Late<Of<user::Row>>,
    pub quick_add: Late<Of<quick_add::Row>>,
    pub button: Late<Of<button::Row>>,
    pub template: Late<Of<template::Row>>,
    button_templates: Late<Batched<TemplateKey, Option<Arc<template::Row>>, ButtonTemplates>>,
    pub service: Late<Of<service::Row>>,
    pub service_subscription: Late<Of<service_subscription::Row>>,
    findings: Late<Batched<i64, Arc<Vec<Found>>, Findings>>,
    user_states: Late<Batched<i64, Option<Arc<UserState>>, UserStates>>,
    pub number: Late<Of<number::Row>>,
    most_profiles: Late<Batched<i64, Option<i32>, MostProfiles>>,
    pub job: Late<Of<job::Row>>,
    pub role: Late<Of<role::Row>>,
    pub audit_entry: Late<Of<audit_entry::Row>>,
    picks: Late<Batched<PickKey, Arc<Picked>, Picks>>,
    history: Late<Batched<HistoryKey, Arc<Vec<Entry>>, Histories>>,
    history_count: Late<Batched<(Noun, i64), i64, HistoryCounts>>,
}

impl Loaders {
    /// Empty loaders over what the reader sees.
    pub fn new(reader: &Reader) -> Self {
        let ground = Arc::new(Ground { reader: reader.clone(), gate: Gate::default() });
        Self {
            gate: ground.gate.clone(),
            organization: Late::new(&ground, Of::new),
            cluster: Late::new(&ground, Of::new),
            device: Late::new(&ground, Of::new),
            profile: Late::new(&ground, Of::new),
            phone: Late::new(&ground, Of::new),
            session: Late::new(&ground, Of::new),
            default_device_profile: Late::new(&ground, Of::new),
            line: Late::new(&ground, Of::new),
            appearance: Late::new(&ground, Of::new),
            user: Late::new(&ground, Of::new),
            quick_add: Late::new(&ground, Of::new),
            button: Late::new(&ground, Of::new),
            template: Late::new(&ground, Of::new),
            button_templates: Late::new(&ground, |it| {
                Batched::new(ButtonTemplates(it.reader.clone()), &it.gate)
            }),
            service: Late::new(&ground, Of::new),
            service_subscription: Late::new(&ground, Of::new),
            findings: Late::new(&ground, |it| Batched::new(Findings(it.reader.clone()), &it.gate)),
            user_states: Late::new(&ground, |it| Batched::new(UserStates(it.reader.clone()), &it.gate)),
            number: Late::new(&ground, Of::new),
            most_profiles: Late::new(&ground, |it| Batched::new(MostProfiles(it.reader.clone()), &it.gate)),
            job: Late::new(&ground, Of::new),
            role: Late::new(&ground, Of::new),
            audit_entry: Late::new(&ground, Of::new),
            picks: Late::new(&ground, |it| Batched::new(Picks(it.reader.clone()), &it.gate)),
            history: Late::new(&ground, |it| Batched::new(Histories(it.reader.clone()), &it.gate)),
            history_count: Late::new(&ground, |it| Batched::new(HistoryCounts(it.reader.clone()), &it.gate)),
        }
    }

    /// What an execution with these loaders is driven by.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Forgets everything, as a mutation may have changed it.
    pub async fn forget(&self) {
        self.organization.forget().await;
        self.cluster.forget().await;
        self.device.forget().await;
        self.profile.forget().await;
        self.phone.forget().await;
        self.session.forget().await;
        self.default_device_profile.forget().await;
        self.line.forget().await;
        self.appearance.forget().await;
        self.user.forget().await;
        self.quick_add.forget().await;
        self.button.forget().await;
        self.template.forget().await;
        self.button_templates.forget().await;
        self.service.forget().await;
        self.service_subscription.forget().await;
        self.findings.forget().await;
        self.user_states.forget().await;
        self.number.forget().await;
        self.most_profiles.forget().await;
        self.job.forget().await;
        self.role.forget().await;
        self.audit_entry.forget().await;
        self.picks.forget().await;
        self.history.forget().await;
        self.history_count.forget().await;
    }

    /// The cluster's button template of that name, with all its columns.
    pub async fn button_template(
        &self,
        cluster: ClusterId,
        name: &str,
    ) -> Result<Option<Arc<template::Row>>> {
        self.button_templates.load((cluster.0, name.to_owned())).await
    }

    /// What keeps a profile from being ready.
    pub async fn findings(&self, profile: i64) -> Result<Arc<Vec<Found>>> {
        self.findings.load(profile).await
    }

    /// The same of many profiles, in their order, each with its findings.
    pub async fn findings_of(&self, profiles: &[i64]) -> Result<Vec<(i64, Arc<Vec<Found>>)>> {
        let mut found = self.findings.load_many(profiles.to_vec()).await?;
        let of = |id: &i64| Ok((*id, found.remove(id).unwrap_or_else(|| Ok(Arc::default()))?));
        profiles.iter().map(of).collect()
    }

    /// What a user's page tells of the user alone; nothing where the user is not seen.
    pub async fn user_state(&self, user: i64) -> Result<Option<Arc<UserState>>> {
        self.user_states.load(user).await
    }

    /// Most profiles that a user of the organization may have.
    pub async fn most_profiles(&self, organization: i64) -> Result<Option<i32>> {
        self.most_profiles.load(organization).await
    }

    /// What the picker offers on a profile and, where that is asked for, how much.
    pub async fn picks(
        &self,
        picker: number::Picker,
        profile: i64,
        slice: Slice,
        counted: bool,
    ) -> Result<Arc<Picked>> {
        self.picks.load((picker, profile, slice, counted)).await
    }

    /// How many changes about a thing are kept.
    pub async fn history_count(&self, noun: Noun, id: i64) -> Result<i64> {
        self.history_count.load((noun, id)).await
    }

    /// Changes about a thing, newest first, from before a number on.
    pub async fn history(
        &self,
        noun: Noun,
        id: i64,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Arc<Vec<Entry>>> {
        self.history.load((noun, id, before, limit)).await
    }
}

impl<R: Row> Of<R> {
    fn new(ground: &Ground) -> Self {
        let Ground { reader, gate } = ground;
        let asked = Asked::default();
        Self {
            one: Batched::new(One(reader.clone(), PhantomData), gate),
            many: Batched::new(Many(reader.clone(), asked.clone(), PhantomData), gate),
            asked,
            counts: Batched::new(Counts(reader.clone(), PhantomData), gate),
        }
    }

    /// The row, when it is there and seen.
    pub async fn get(&self, id: i64, columns: Columns) -> Result<Option<Arc<R>>> {
        self.one.load((id, columns)).await
    }

    /// The rows that are there and seen, by their ids.
    pub async fn get_many(
        &self,
        ids: impl IntoIterator<Item = i64>,
        columns: Columns,
    ) -> Result<HashMap<i64, Arc<R>>> {
        let keys = ids.into_iter().map(|id| (id, columns)).collect();
        let found = self.one.load_many(keys).await?;
        let there = found.into_iter().map(|((id, _), row)| Ok(row?.map(|row| (id, row))));
        there.filter_map(Result::transpose).collect()
    }

    /// A page of the children of each parent.
    pub async fn pages(
        &self,
        relation: Relation,
        parents: &[i64],
        slice: Slice,
        columns: Columns,
    ) -> Result<Vec<Arc<Page<Arc<R>>>>> {
        let number = self.asked.number((relation, slice, columns));
        let keys: Vec<_> = parents.iter().map(|parent| (number, *parent)).collect();
        let found = self.many.load_many(keys.clone()).await?;
        keys.iter().map(|key| found.get(key).cloned().unwrap_or_else(|| Ok(Arc::default()))).collect()
    }

    /// How many children each parent has.
    pub async fn count_many(&self, relation: Relation, parents: &[i64]) -> Result<Vec<i64>> {
        let keys: Vec<_> = parents.iter().map(|parent| (relation, *parent)).collect();
        let found = self.counts.load_many(keys.clone()).await?;
        keys.iter().map(|key| found.get(key).cloned().unwrap_or(Ok(0))).collect()
    }

    /// A page of the children of a parent.
    pub async fn page(
        &self,
        relation: Relation,
        parent: i64,
        slice: Slice,
        columns: Columns,
    ) -> Result<Arc<Page<Arc<R>>>> {
        self.many.load((self.asked.number((relation, slice, columns)), parent)).await
    }

    /// How many children a parent has.
    pub async fn count(&self, relation: Relation, parent: i64) -> Result<i64> {
        self.counts.load((relation, parent)).await
    }
}

struct One<R>(Reader, PhantomData<fn() -> R>);

impl<R: Row> BatchFn<OneKey, Loaded<R>> for One<R> {
    async fn load(&mut self, keys: &[OneKey]) -> HashMap<OneKey, Loaded<R>> {
        let mut groups: HashMap<Columns, Vec<i64>> = HashMap::new();
        for (id, columns) in keys {
            groups.entry(*columns).or_default().push(*id);
        }
        let mut answers = HashMap::with_capacity(keys.len());
        for (columns, ids) in groups {
            match page::by_ids::<R>(&self.0, self.0.scope(), &ids, columns).await {
                Ok(mut rows) => answers
                    .extend(ids.into_iter().map(|id| ((id, columns), Ok(rows.remove(&id).map(Arc::new))))),
                Err(error) => {
                    let error = Error::from(error);
                    answers.extend(ids.into_iter().map(|id| ((id, columns), Err(error.clone()))));
                }
            }
        }
        answers
    }
}

struct Many<R>(Reader, Asked, PhantomData<fn() -> R>);

impl<R: Row> BatchFn<PageKey, Paged<R>> for Many<R> {
    async fn load(&mut self, keys: &[PageKey]) -> HashMap<PageKey, Paged<R>> {
        let mut groups: HashMap<usize, Vec<i64>> = HashMap::new();
        for (number, parent) in keys {
            groups.entry(*number).or_default().push(*parent);
        }
        let mut answers = HashMap::with_capacity(keys.len());
        for (number, parents) in groups {
            let Some((relation, slice, columns)) = self.1.get(number) else { continue };
            let found =
                page::children::<R>(&self.0, self.0.scope(), relation, &parents, &slice, columns).await;
            let mut found = found.map_err(Error::from);
            for parent in parents {
                let answer = match &mut found {
                    Ok(pages) => Ok(Arc::new(shared(pages.remove(&parent).unwrap_or_default()))),
                    Err(error) => Err(error.clone()),
                };
                answers.insert((number, parent), answer);
            }
        }
        answers
    }
}

struct Counts<R>(Reader, PhantomData<fn() -> R>);

impl<R: Row> BatchFn<(Relation, i64), Result<i64>> for Counts<R> {
    async fn load(&mut self, keys: &[(Relation, i64)]) -> HashMap<(Relation, i64), Result<i64>> {
        let mut groups: HashMap<Relation, Vec<i64>> = HashMap::new();
        for (relation, parent) in keys {
            groups.entry(*relation).or_default().push(*parent);
        }
        let mut answers = HashMap::with_capacity(keys.len());
        for (relation, parents) in groups {
            let found = page::counts::<R>(&self.0, self.0.scope(), relation, &parents).await;
            let found = found.map_err(Error::from);
            answers.extend(parents.into_iter().map(|parent| {
                let count = found.clone().map(|counts| counts.get(&parent).copied().unwrap_or(0));
                ((relation, parent), count)
            }));
        }
        answers
    }
}

struct MostProfiles(Reader);

impl BatchFn<i64, Result<Option<i32>>> for MostProfiles {
    async fn load(&mut self, keys: &[i64]) -> HashMap<i64, Result<Option<i32>>> {
        let found = user::most_profiles_at(&self.0, keys).await.map_err(Error::from);
        let most = |key: &i64| found.as_ref().map(|found| found.get(key).copied()).map_err(Clone::clone);
        keys.iter().map(|key| (*key, most(key))).collect()
    }
}

/// A picker on a profile, the part of it that is asked for, and whether it is counted.
type PickKey = (number::Picker, i64, Slice, bool);
/// What a picker offers, and how much where it was counted.
type Picked = (Page<number::Pick>, i64);

struct Picks(Reader);

impl Picks {
    async fn picked(
        &self,
        picker: &number::Picker,
        profiles: &[i64],
        slice: &Slice,
        counted: bool,
    ) -> Result<HashMap<i64, Arc<Picked>>> {
        let (reader, scope) = (&self.0, self.0.scope());
        let mut pages = number::picks(reader, scope, picker, profiles, slice).await?;
        let counts = if counted {
            number::pick_counts(reader, scope, picker, profiles).await?
        } else {
            HashMap::new()
        };
        let picked = profiles.iter().map(|profile| {
            let count = counts.get(profile).copied().unwrap_or(0);
            (*profile, Arc::new((pages.remove(profile).unwrap_or_default(), count)))
        });
        Ok(picked.collect())
    }
}

impl BatchFn<PickKey, Result<Arc<Picked>>> for Picks {
    async fn load(&mut self, keys: &[PickKey]) -> HashMap<PickKey, Result<Arc<Picked>>> {
        let mut groups: HashMap<(number::Picker, Slice, bool), Vec<i64>> = HashMap::new();
        for (picker, profile, slice, counted) in keys {
            groups.entry((picker.clone(), slice.clone(), *counted)).or_default().push(*profile);
        }
        let mut answers = HashMap::with_capacity(keys.len());
        for ((picker, slice, counted), profiles) in groups {
            let found = self.picked(&picker, &profiles, &slice, counted).await;
            answers.extend(profiles.into_iter().map(|profile| {
                let answer = found.as_ref().map(|found| found.get(&profile).cloned().unwrap_or_default());
                ((picker.clone(), profile, slice.clone(), counted), answer.map_err(Clone::clone))
            }));
        }
        answers
    }
}

/// A cluster and the name of a button template there.
type TemplateKey = (i64, String);

struct ButtonTemplates(Reader);

impl BatchFn<TemplateKey, Loaded<template::Row>> for ButtonTemplates {
    async fn load(&mut self, keys: &[TemplateKey]) -> HashMap<TemplateKey, Loaded<template::Row>> {
        let found = template::by_names(&self.0, self.0.scope(), keys).await.map_err(Error::from);
        let mut found = found
            .map(|found| found.into_iter().map(|(key, row)| (key, Arc::new(row))).collect::<HashMap<_, _>>());
        let answer = |key: &TemplateKey| match &mut found {
            Ok(found) => Ok(found.remove(key)),
            Err(error) => Err(error.clone()),
        };
        let answers: Vec<_> = keys.iter().map(answer).collect();
        keys.iter().cloned().zip(answers).collect()
    }
}

struct UserStates(Reader);

impl BatchFn<i64, Result<Option<Arc<UserState>>>> for UserStates {
    async fn load(&mut self, keys: &[i64]) -> HashMap<i64, Result<Option<Arc<UserState>>>> {
        let mut found = readiness::user_states(&self.0, self.0.scope(), keys).await.map_err(Error::from);
        let answer = |id: &i64| match &mut found {
            Ok(found) => Ok(found.remove(id).map(Arc::new)),
            Err(error) => Err(error.clone()),
        };
        let answers: Vec<_> = keys.iter().map(answer).collect();
        keys.iter().copied().zip(answers).collect()
    }
}

struct Findings(Reader);

impl BatchFn<i64, Result<Arc<Vec<Found>>>> for Findings {
    async fn load(&mut self, keys: &[i64]) -> HashMap<i64, Result<Arc<Vec<Found>>>> {
        let found = readiness::findings(&self.0, self.0.scope(), self.0.unread(), keys).await;
        let mut found = found.map_err(Error::from);
        let answer = |id: &i64| match &mut found {
            Ok(found) => Ok(Arc::new(found.remove(id).unwrap_or_default())),
            Err(error) => Err(error.clone()),
        };
        let answers: Vec<_> = keys.iter().map(answer).collect();
        keys.iter().copied().zip(answers).collect()
    }
}

struct Histories(Reader);

type HistoryKey = (Noun, i64, Option<i64>, i64);

impl BatchFn<HistoryKey, Result<Arc<Vec<Entry>>>> for Histories {
    async fn load(&mut self, keys: &[HistoryKey]) -> HashMap<HistoryKey, Result<Arc<Vec<Entry>>>> {
        let mut groups: HashMap<(Noun, Option<i64>, i64), Vec<i64>> = HashMap::new();
        for (noun, id, before, limit) in keys {
            groups.entry((*noun, *before, *limit)).or_default().push(*id);
        }
        let mut answers = HashMap::with_capacity(keys.len());
        for ((noun, before, limit), ids) in groups {
            let span = Span { after: before, before: None, limit, descending: true };
            let found = outbox::histories(&self.0, self.0.scope(), noun, &ids, span, self.0.unread()).await;
            let mut found = found.map_err(Error::from);
            for id in ids {
                let answer = match &mut found {
                    Ok(histories) => Ok(Arc::new(histories.remove(&id).unwrap_or_default())),
                    Err(error) => Err(error.clone()),
                };
                answers.insert((noun, id, before, limit), answer);
            }
        }
        answers
    }
}

struct HistoryCounts(Reader);

impl BatchFn<(Noun, i64), Result<i64>> for HistoryCounts {
    async fn load(&mut self, keys: &[(Noun, i64)]) -> HashMap<(Noun, i64), Result<i64>> {
        let mut groups: HashMap<Noun, Vec<i64>> = HashMap::new();
        for (noun, id) in keys {
            groups.entry(*noun).or_default().push(*id);
        }
        let mut answers = HashMap::with_capacity(keys.len());
        for (noun, ids) in groups {
            let found = outbox::history_counts(&self.0, self.0.scope(), noun, &ids, self.0.unread()).await;
            let found = found.map_err(Error::from);
            answers.extend(ids.into_iter().map(|id| {
                let count = found.clone().map(|counts| counts.get(&id).copied().unwrap_or(0));
                ((noun, id), count)
            }));
        }
        answers
    }
}

/// The page with rows that can be handed out cheaply.
pub fn shared<R>(page: Page<R>) -> Page<Arc<R>> {
    Page {
        rows: page.rows.into_iter().map(|(row, key)| (Arc::new(row), key)).collect(),
        has_previous: page.has_previous,
        has_next: page.has_next,
    }
}

/// A noun whose columns are asked for by the names of GraphQL fields.
pub trait Look: Row {
    /// The names with the columns that each needs.
    fn names() -> &'static HashMap<&'static str, u64>;
}

macro_rules! look {
    ($row:ty { $($field:literal needs [$($column:literal),*]),* }) => {
        impl Look for $row {
            fn names() -> &'static HashMap<&'static str, u64> {
                static NAMES: LazyLock<HashMap<&'static str, u64>> = LazyLock::new(|| {
                    let further: &[(&str, u64)] =
                        &[$( ($field, 0 $( | row::bit::<$row>($column) )*) ),*];
                    row::names::<$row>().into_iter().chain(further.iter().copied()).collect()
                });
                &NAMES
            }

        }
    };
}

look!(organization::Row { "parent" needs ["parent_id"] });
look!(cluster::Row {});
look!(device::Row {});
look!(profile::Row {
    "loginUser" needs ["login_user_id"],
    "productInfo" needs ["product"],
    "layout" needs ["cluster_id", "product", "protocol", "button_template", "settings"]
});
look!(phone::Row {
    "logoutProfile" needs ["logout_profile_id"],
    "owner" needs ["owner_id"],
    "productInfo" needs ["product"],
    "layout" needs ["cluster_id", "product", "protocol", "button_template"],
    "effectiveProfile" needs
        ["cluster_id", "product", "protocol", "button_template", "softkey_template", "logout_profile_id"]
});
look!(session::Row {
    "appliedProfileVersion" needs ["profile_version"],
    "pendingRelogin" needs
        ["phone_id", "profile_id", "button_template", "softkey_template", "settings", "model_mismatch"]
});
look!(default_device_profile::Row { "productInfo" needs ["product"] });
look!(line::Row {});
look!(line::AppearanceRow { "index" needs ["position"], "line" needs ["line_id"], "device" needs ["device_id"] }
);
look!(user::Row {
    "primaryExtension" needs ["primary_pattern", "primary_partition"],
    "defaultProfile" needs ["default_profile_id"],
    "extensionMobility" needs ["default_profile_id", "organization_id"]
});

look!(quick_add::Row {
    "settings" needs ["defaults"],
    "line" needs ["defaults"],
    "services" needs ["defaults"]
});

look!(template::Row {});
look!(role::Row {});
look!(audit_entry::Row {
    "subjectId" needs ["subject_kind", "subject_id"],
    "subject" needs ["subject_kind", "subject_id"]
});
look!(service::Row { "type" needs ["kind"], "vendorVersion" needs ["release"] });
look!(service_subscription::Row {
    "values" needs ["given"],
    "missing" needs ["given", "service_id"],
    "urlState" needs ["custom", "revision", "subscribed", "service_id"],
    "button" needs ["button_id"],
    "service" needs ["service_id"],
    "device" needs ["device_id"]
});
look!(button::Row { "index" needs ["position"], "number" needs ["destination"] });

look!(job::Row {
    "progress" needs ["rows", "position"],
    "by" needs ["caller"],
    "uploadPath" needs ["state"],
    "retryOf" needs ["retry_of"]
});

look!(number::Row {
    "usage" needs ["status", "utility"],
    "e164Number" needs ["e164_number"],
    "isReserved" needs ["reserved_for", "reserved_until"],
    "reservedFor" needs ["reserved_for", "reserved_until", "organization_id"]
});

/// The columns that the fields ask for: the row's, and those of what can come with it.
fn of_fields<R: Look>(fields: &[SelectionField<'_>]) -> Columns {
    fn joined<R: Row, J: Look>(fields: &[SelectionField<'_>], name: &str, key: &str) -> u64 {
        let leads = R::FIELDS.contains(&key) && fields.iter().any(|field| field.name() == name);
        let own = fields.iter().filter(|field| field.name() == name).flat_map(SelectionField::selection_set);
        if leads { row::columns::<J>(J::names(), own.map(|field| field.name())) } else { 0 }
    }
    Columns {
        own: row::columns::<R>(R::names(), fields.iter().map(SelectionField::name)),
        organization: joined::<R, organization::Row>(fields, "organization", "organization_id"),
        cluster: joined::<R, cluster::Row>(fields, "cluster", "cluster_id"),
        line: joined::<R, line::Row>(fields, "line", "line_id"),
    }
}

/// The columns that a field of the noun's type asks for.
pub fn wanted<R: Look>(field: SelectionField<'_>) -> Columns {
    of_fields::<R>(&field.selection_set().collect::<Vec<_>>())
}

/// The columns that a connection of the noun asks for.
pub fn wanted_nodes<R: Look>(field: SelectionField<'_>) -> Columns {
    let mut nodes = Vec::new();
    for part in field.selection_set() {
        match part.name() {
            "nodes" => nodes.extend(part.selection_set()),
            "edges" => {
                for inner in part.selection_set().filter(|inner| inner.name() == "node") {
                    nodes.extend(inner.selection_set());
                }
            }
            _ => {}
        }
    }
    of_fields::<R>(&nodes)
}
