//! Jobs in the graph.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use entity::{
    JobId,
    change_subject::Noun,
    job::{Format, Kind, Mode, State},
};

use super::{
    Ask, Result,
    bulk::{Bulk, BulkPolicy, UpdateProfilesItem, bulk_payload},
    change::{ChangeEvent, history},
    connection::{Asked, Connection, Direction, TimeRange, one, root},
    filter::{OrganizationScope, Parts, bounded, numbers},
    level::{Thing, rendered, to_one},
    mutation::{About, CallInput, make, payload, run},
    organization::{Organization, sea_name},
    profile::{ProfileFilter, SetProfileInput},
    value::{
        id::{self, NodeId, or_none},
        rule::UserError,
        scalar::{Cursor, date_time},
    },
};
use crate::{
    app::Call,
    bulk::{
        File,
        job::{Set, import, may_import, may_update, update_profiles},
    },
    command::{
        bulk::{self as many, Many},
        job::starter,
    },
    error::Error,
    rule::{
        Broken, Change as RuleChange, Rule,
        bulk::{MOST, check_filter},
        job::{Advance, Retry, Step},
        profile::Update,
    },
    store::{
        job,
        page::{Filter, Order, Slice, page},
        profile,
        row::{Columns, Row as _, bit},
    },
};

/// A job.
pub type Job = Thing<JobObject>;

/// The fields of [`Job`].
#[derive(Clone)]
pub struct JobObject(pub Arc<job::Row>);

rendered!(JobObject over job::Row, in job {
    "organization" => to_one::<job::Row, Organization>(|row| Ok(row.organization_id.get()?.map(|id| id.0))),
    "retryOf" => to_one::<job::Row, Job>(|row| Ok(row.retry_of.get()?.map(|id| id.0))),
});

/// Work on more rows than one call takes, done part by part; any server goes on with it where another one stopped.
#[Object(name = "Job")]
impl JobObject {
    /// Global id.
    pub async fn id(&self) -> Result<ID> {
        Ok(NodeId::Job(*self.0.id.get()?).encode())
    }

    /// What it does with its rows.
    async fn kind(&self) -> Result<JobKind> {
        Ok((*self.0.kind.get()?).into())
    }

    /// The noun whose rows it has, as in the names of an estate's files: `profiles`.
    async fn noun(&self) -> Result<&str> {
        Ok(self.0.noun.get()?)
    }

    /// What is done with what its rows name.
    async fn mode(&self) -> Result<JobMode> {
        Ok((*self.0.mode.get()?).into())
    }

    /// How its data is written; nothing where it came by no upload.
    async fn format(&self) -> Result<Option<JobFormat>> {
        Ok(self.0.format.get()?.map(Into::into))
    }

    /// How far it is.
    async fn state(&self) -> Result<JobState> {
        Ok((*self.0.state.get()?).into())
    }

    /// Whether it runs as soon as its data is there, without being validated and looked at before.
    async fn auto_run(&self) -> Result<bool> {
        Ok(*self.0.auto_run.get()?)
    }

    /// Name of the token that started it; it acts with that token's rights of each moment.
    async fn by(&self) -> Result<&str> {
        Ok(self.0.caller.get()?)
    }

    /// Why, as whoever started it said; every change that it makes carries it.
    async fn reason(&self) -> Result<Option<&str>> {
        Ok(self.0.reason.get()?.as_deref())
    }

    /// Rows in all, once its data is there.
    async fn rows(&self) -> Result<i64> {
        Ok(*self.0.rows.get()?)
    }

    /// The last row that was validated or run, counted from 1.
    async fn position(&self) -> Result<i64> {
        Ok(*self.0.position.get()?)
    }

    /// Rows that validation did not refuse or, once it runs, were done.
    async fn done(&self) -> Result<i64> {
        Ok(*self.0.done.get()?)
    }

    /// Rows that were refused; `GET /jobs/{id}/result` tells why.
    async fn failed(&self) -> Result<i64> {
        Ok(*self.0.failed.get()?)
    }

    /// How much of its rows is behind it, from 0 to 1.
    async fn progress(&self) -> Result<f64> {
        let (rows, position) = (*self.0.rows.get()?, *self.0.position.get()?);
        // Rows are far fewer than a float can tell apart.
        let float = |count: i64| f64::from(i32::try_from(count).unwrap_or(i32::MAX));
        Ok(if rows == 0 { 0.0 } else { float(position) / float(rows) })
    }

    /// Why it failed.
    async fn message(&self) -> Result<Option<&str>> {
        Ok(self.0.message.get()?.as_deref())
    }

    /// Where its data is sent while it waits for it: `POST` it there as it is, with your token.
    async fn upload_path(&self) -> Result<Option<String>> {
        let waits = *self.0.state.get()? == State::Waiting;
        Ok(waits.then(|| {
            format!(
                "/jobs/import?job={}",
                NodeId::Job(self.0.id.get().copied().unwrap_or(JobId(0))).encode().0
            )
        }))
    }

    /// Where the outcome of each row is read, as JSON Lines: its place and its line, `outcome`, `errors` and, while it is
    /// validated, `buildsOn`, the first earlier rows that make what it names, or name it too. Outcomes are `PASSED`, `DONE` and
    /// `REFUSED`, `OPEN` where it was not looked at, and `DEPENDS_ON_EARLIER_ROWS` where it builds on more than 200 rows, so
    /// that only the run tells.
    async fn result_path(&self) -> Result<String> {
        Ok(format!("/jobs/{}/result", NodeId::Job(*self.0.id.get()?).encode().0))
    }

    /// Raised with every change; pass it as `expectedVersion` to change this version only.
    async fn version(&self) -> Result<i64> {
        Ok(*self.0.version.get()?)
    }

    /// When it was started.
    async fn created_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.created_at.get()?))
    }

    /// When it last told how far it is.
    async fn updated_at(&self) -> Result<DateTime<Utc>> {
        Ok(date_time(*self.0.updated_at.get()?))
    }

    /// When it ended.
    async fn ended_at(&self) -> Result<Option<DateTime<Utc>>> {
        Ok(self.0.ended_at.get()?.map(date_time))
    }

    /// The organization of whoever started it; nothing for who sees the whole tree, and then nobody else sees it.
    async fn organization(&self, ctx: &Context<'_>) -> Result<Option<Organization>> {
        one(ctx, *self.0.organization_id.get()?).await
    }

    /// The job whose rows it tries again.
    async fn retry_of(&self, ctx: &Context<'_>) -> Result<Option<Job>> {
        one(ctx, *self.0.retry_of.get()?).await
    }

    /// What happened to it, newest first.
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Changes from the newest on, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
    ) -> Result<Connection<ChangeEvent>> {
        history(ctx, Noun::Job, self.0.id.get()?.0, first, after).await
    }
}

/// What a job does with its rows.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[graphql(remote = "entity::job::Kind")]
pub enum JobKind {
    /// Each row says what is made, changed or deleted, as `mode` says.
    Import,
    /// Each row names a profile, to which the same is done.
    UpdateProfiles,
}

/// What is done with what a row names. Rows name things as exports do.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[graphql(remote = "entity::job::Mode")]
pub enum JobMode {
    /// It is made.
    Create,
    /// What the row says of it is changed: columns that are not there stay as they are, and an empty cell puts the default
    /// back. Of profiles, lines, users, numbers and services.
    Update,
    /// It is deleted, unless it is in use. Columns that do not name it are not read. Of profiles, lines, users, numbers and
    /// services.
    Delete,
}

/// How data is written.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[graphql(remote = "entity::job::Format")]
pub enum JobFormat {
    /// Comma-separated values with a header, as `roamline import --columns` tells; UTF-8.
    Csv,
    /// A JSON object a line, with the same names; UTF-8.
    JsonLines,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
#[graphql(remote = "entity::job::State")]
pub enum JobState {
    /// It waits for its data.
    Waiting,
    /// Its data is coming.
    Receiving,
    /// Its rows are being tried, or about to be, and nothing is kept.
    Validating,
    /// Its rows were tried; `runJob` runs them.
    Validated,
    /// Its rows are being done, or about to be.
    Running,
    /// Every row was done or refused.
    Done,
    /// It was given up; what was done stays.
    Cancelled,
    /// It cannot go on; `message` tells why. What was done stays.
    Failed,
}

/// What can be imported, as in the names of an estate's files.
pub fn file(noun: &str) -> Result<File> {
    File::of_noun(noun).ok_or_else(|| {
        let nouns: Vec<_> = File::imported().map(File::noun).collect();
        Error::Input(format!("there is no noun '{noun}'; there are {}", nouns.join(", ")))
    })
}

/// Which jobs a list holds. All that is given must hold.
#[derive(Default, InputObject)]
pub struct JobFilter {
    /// All of these must hold.
    pub and: Option<Vec<JobFilter>>,
    /// At least one of these must hold.
    pub or: Option<Vec<JobFilter>>,
    /// This must not hold.
    pub not: Option<Box<JobFilter>>,
    /// Any of these jobs.
    pub ids: Option<Vec<ID>>,
    /// Any of these kinds.
    pub kinds: Option<Vec<JobKind>>,
    /// In any of these states.
    pub states: Option<Vec<JobState>>,
    /// Of any of these nouns.
    pub nouns: Option<Vec<String>>,
    /// Started by any of these, by the names of their tokens.
    pub by: Option<Vec<String>>,
    /// Started at these organizations.
    pub organization: Option<OrganizationScope>,
    /// Whether rows were refused.
    pub has_failed: Option<bool>,
    /// When it was started.
    pub created: Option<TimeRange>,
}

impl From<JobFilter> for Filter {
    fn from(filter: JobFilter) -> Self {
        let mut parts = Parts::default();
        parts
            .combine(filter.and, filter.or, filter.not)
            .add(filter.ids, |ids| Filter::Numbers("t.id", numbers(&ids, id::job)))
            .add(filter.kinds, |kinds| {
                Filter::Texts("t.kind", kinds.into_iter().map(|kind| sea_name(&Kind::from(kind))).collect())
            })
            .add(filter.states, |states| {
                let name = |state: JobState| sea_name(&State::from(state));
                Filter::Texts("t.state", states.into_iter().map(name).collect())
            })
            .add(filter.nouns, |nouns| Filter::Texts("t.noun", nouns))
            .add(filter.by, |names| Filter::Texts("t.caller", names))
            .add(filter.organization, |scope| scope.on("t.organization_id"))
            .whether(filter.has_failed, "t.failed > 0")
            .time(filter.created, "t.created_at");
        parts.all()
    }
}

/// What jobs are ordered by.
#[derive(Clone, Copy, Default, Enum, Eq, PartialEq)]
pub enum JobOrderField {
    /// When it was started.
    #[default]
    CreatedAt,
    /// When it last told how far it is.
    UpdatedAt,
}

/// The order of jobs.
#[derive(InputObject)]
pub struct JobOrder {
    /// What they are ordered by.
    #[graphql(default)]
    pub field: JobOrderField,
    /// Which way.
    #[graphql(default_with = "Direction::Descending")]
    pub direction: Direction,
}

impl Default for JobOrder {
    fn default() -> Self {
        Self { field: JobOrderField::CreatedAt, direction: Direction::Descending }
    }
}

impl From<JobOrder> for Order {
    fn from(order: JobOrder) -> Self {
        let column = match order.field {
            JobOrderField::CreatedAt => "t.created_at",
            JobOrderField::UpdatedAt => "t.updated_at",
        };
        Self { column, number: true, descending: order.direction == Direction::Descending }
    }
}

#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// One job; nothing when it is not there, or not for you to see.
    async fn job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: ID,
    ) -> Result<Option<Job>> {
        ctx.caller()?;
        one(ctx, id::job(&id)).await
    }

    /// Jobs, newest first unless told otherwise.
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Items from the front, up to 200.")] first: Option<i32>,
        #[graphql(desc = "Behind this place.")] after: Option<String>,
        #[graphql(desc = "Items from the back, up to 200.")] last: Option<i32>,
        #[graphql(desc = "Before this place.")] before: Option<String>,
        #[graphql(desc = "Which ones.")] filter: Option<JobFilter>,
        #[graphql(desc = "In which order.")] order_by: Option<JobOrder>,
    ) -> Result<Connection<Job>> {
        let asked = Asked { first, after, last, before };
        let order = order_by.unwrap_or_default().into();
        root(ctx, "jobs", filter.unwrap_or_default().into(), order, asked).await
    }
}

/// An import to start.
#[derive(InputObject)]
pub struct StartImportInput {
    /// The noun whose rows come, as in the names of an estate's files: `profiles`.
    pub noun: String,
    /// What is done with what they name.
    #[graphql(default_with = "JobMode::Create")]
    pub mode: JobMode,
    /// How they are written.
    #[graphql(default_with = "JobFormat::Csv")]
    pub format: JobFormat,
    /// Whether they are run as soon as they are there, each judged by the rules as it is run. Otherwise they are tried
    /// first, which keeps nothing, and wait for `runJob`.
    #[graphql(default)]
    pub auto_run: bool,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A job to run.
#[derive(InputObject)]
pub struct RunJobInput {
    /// The job, which must have been validated.
    pub id: ID,
    /// Its version, to run that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A job to give up.
#[derive(InputObject)]
pub struct CancelJobInput {
    /// The job, which must not have ended.
    pub id: ID,
    /// Its version, to cancel that one only.
    pub expected_version: Option<i64>,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// A job whose rows are to be tried again.
#[derive(InputObject)]
pub struct RetryJobInput {
    /// The job, which must have ended.
    pub id: ID,
    /// Whether they are run at once; otherwise they are tried first and wait for `runJob`.
    #[graphql(default = true)]
    pub auto_run: bool,
    #[graphql(flatten)]
    pub call: CallInput,
}

/// The same change of many profiles.
#[derive(InputObject)]
pub struct BulkUpdateProfilesInput {
    /// Which profiles; an empty filter is refused. `{organization: {ids: […]}}` with the topmost organization that you see
    /// is all of them.
    pub filter: ProfileFilter,
    /// What to change of each.
    pub set: SetProfileInput,
    /// What becomes of the others when one is refused; a job takes each by itself.
    #[graphql(default_with = "BulkPolicy::Each")]
    pub policy: BulkPolicy,
    /// Whether to start a job, which more than 1,000 profiles need.
    #[graphql(default)]
    pub as_job: bool,
    /// Whether that job runs as soon as its profiles are found. Otherwise each is tried first, which keeps nothing, and the
    /// job waits for `runJob`.
    #[graphql(default = true)]
    pub auto_run: bool,
    #[graphql(flatten)]
    pub call: CallInput,
}

payload! {
    /// What came of `startImport`.
    StartImportPayload {
        /// The new job, which waits for its data; nothing on a dry run.
        job: Option<Job> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `runJob`.
    RunJobPayload {
        /// The job as it is now.
        job: Option<Job> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `cancelJob`.
    CancelJobPayload {
        /// The job as it is now.
        job: Option<Job> = |ctx, done| one(ctx, done.subject).await;
    }
}

payload! {
    /// What came of `retryJob`.
    RetryJobPayload {
        /// The new job; nothing on a dry run.
        job: Option<Job> = |ctx, done| one(ctx, done.subject).await;
    }
}

bulk_payload! {
    /// What came of `bulkUpdateProfiles`.
    BulkUpdateProfilesPayload of UpdateProfilesItem {
        /// The job, where one was started.
        job: Option<Job> = |ctx, kept: Option<JobId>| one(ctx, *kept).await;
    }
}

#[derive(Default)]
pub struct JobMutation;

fn made(change: &RuleChange) -> Option<i64> {
    match change {
        RuleChange::JobStarted { job } => Some(job.id.0),
        _ => None,
    }
}

#[Object]
impl JobMutation {
    /// Starts an import of more rows than one call takes. It then waits for its data, sent as the body of `POST` to
    /// its `uploadPath`.
    async fn start_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What comes, and how.")] input: StartImportInput,
    ) -> Result<StartImportPayload> {
        let file = file(&input.noun)?;
        let caller = ctx.caller()?;
        let (format, mode) = (Format::from(input.format), Mode::from(input.mode));
        may_import(caller, file, mode)?;
        let cmd = import(caller, (file, mode), format, input.auto_run, input.call.reason.clone());
        Ok(StartImportPayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Runs a job that was validated: what the rules allow is done row by row, what they refuse is told and left out.
    async fn run_job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RunJobInput,
    ) -> Result<RunJobPayload> {
        let cmd = Advance {
            id: or_none(id::job(&input.id)),
            expected_version: input.expected_version,
            to: Step::Run,
        };
        Ok(RunJobPayload(run(ctx, input.call, cmd.id.0, cmd).await?))
    }

    /// Gives a job up. The rows in hand are finished, and what was done stays.
    async fn cancel_job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: CancelJobInput,
    ) -> Result<CancelJobPayload> {
        let cmd = Advance {
            id: or_none(id::job(&input.id)),
            expected_version: input.expected_version,
            to: Step::Cancel,
        };
        Ok(CancelJobPayload(run(ctx, input.call, cmd.id.0, cmd).await?))
    }

    /// Tries again what a job did not do, and only that, as a job of its own with your rights.
    async fn retry_job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RetryJobInput,
    ) -> Result<RetryJobPayload> {
        let cmd = Retry {
            by: starter(ctx.caller()?),
            id: or_none(id::job(&input.id)),
            auto_run: input.auto_run,
            reason: input.call.reason.clone(),
        };
        Ok(RetryJobPayload(make(ctx, input.call, cmd, made).await?))
    }

    /// Changes every profile that a filter finds in the same way, as `updateProfile` would: up to 1,000 at once, more as a
    /// job.
    async fn bulk_update_profiles(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which profiles, and what to change.")] input: BulkUpdateProfilesInput,
    ) -> Result<BulkUpdateProfilesPayload> {
        let (app, caller) = (ctx.app()?, ctx.caller()?);
        let said = async_graphql::InputType::to_value(&input.filter).to_string();
        let apply_policy = input.set.apply_policy.into();
        let (fields, settings) = input.set.patches();
        let set = Set { filter: said, fields, settings, apply_policy };
        let filter = bounded(input.filter, app.config().guard.conditions)?;
        let call = Call::from(input.call);
        let refused = |broken: Broken| {
            let (items, counts) = Bulk::refused(broken).into_items(UpdateProfilesItem::of);
            BulkUpdateProfilesPayload { items, counts, job: None }
        };
        may_update(caller)?;
        if let Err(broken) = check_filter(filter.is_open()) {
            return Ok(refused(broken));
        }
        if !input.auto_run && !input.as_job {
            let want = "only a job waits; add asJob, or try it with dryRun";
            let rule = Rule::ValueInvalid { what: "`autoRun`".to_owned(), want: want.to_owned() };
            return Ok(refused(Broken::one(rule, "autoRun")));
        }
        if input.as_job {
            if call.dry_run {
                let want = "a job is not tried as a whole; leave out asJob, or start it with autoRun: false in place of \
                            dryRun, which tries every profile and waits for runJob";
                let rule =
                    Rule::ValueInvalid { what: "`asJob` with `dryRun`".to_owned(), want: want.to_owned() };
                return Ok(refused(Broken::one(rule, "asJob")));
            }
            let id = update_profiles(app, caller, &call, &filter, &set, input.auto_run).await?;
            ctx.loaders()?.forget().await;
            let (items, counts) = Bulk::refused(Broken::none()).into_items(UpdateProfilesItem::of);
            return Ok(BulkUpdateProfilesPayload { items, counts, job: Some(id) });
        }
        let input_text = serde_json::to_string(&set).map_err(Error::internal)?;
        let policy = input.policy.into();
        let begun = many::begun::<Update>(app, caller, &call, policy, &input_text).await?;
        let targets = if let Some(targets) = begun {
            targets
        } else {
            let reader = ctx.reader()?;
            let columns = Columns::own(bit::<profile::Row>("id"));
            let slice = Slice::front(u32::try_from(MOST + 1).unwrap_or(u32::MAX));
            let order = profile::BY_NAME;
            let found =
                page::<profile::Row>(&reader, reader.scope(), &filter, order, &slice, columns).await?;
            found.rows.iter().map(|(row, _)| row.id()).collect::<std::result::Result<Vec<_>, _>>()?
        };
        if targets.len() > MOST {
            return Ok(refused(Broken::one(Rule::TooManyItems { most: MOST }, "filter")));
        }
        let update = |id: &i64| Update {
            id: entity::DeviceId(*id),
            expected_version: None,
            fields: set.fields.clone(),
            settings: set.settings.clone(),
            apply_policy: set.apply_policy,
        };
        let items = targets.iter().map(update).collect();
        let many = Many { policy, items, targets: targets.clone() };
        let outcomes = many::run(app, caller, &call, &input_text, &many).await;
        ctx.loaders()?.forget().await;
        let about = targets.into_iter().map(About::There);
        let done = Bulk::of(about.zip(outcomes?).collect(), call.dry_run);
        let (items, counts) = done.into_items(UpdateProfilesItem::of);
        Ok(BulkUpdateProfilesPayload { items, counts, job: None })
    }
}
