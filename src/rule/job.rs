//! Jobs: started with or without their data, validated, run, cancelled, tried again (TXN-2, TXN-4, TXN-5, BLK-6). What
//! they do to each of their rows is decided where a caller's commands are.

use entity::{
    JobId, Moment, OrganizationId, TokenId,
    job::{Format, Kind, Mode, Model, State},
};
use serde::{Deserialize, Serialize};

use super::{Broken, Change, Decision, Rule, check_version};

/// Whoever starts a job, with whose rights it acts.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Starter {
    pub name: String,
    pub token: Option<TokenId>,
    pub organization: Option<OrganizationId>,
}

/// Starts a job.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Start {
    pub by: Starter,
    pub kind: Kind,
    pub noun: String,
    /// Left out where it is `Create`, so that an answer kept under a key from before modes is found again.
    #[serde(default, skip_serializing_if = "is_create")]
    pub mode: Mode,
    pub format: Option<Format>,
    pub auto_run: bool,
    pub reason: Option<String>,
    pub task: Option<String>,
    /// Whether its data is on the way.
    pub receiving: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_create(mode: &Mode) -> bool {
    *mode == Mode::Create
}

/// What [`start`] and [`retry`] must know besides.
pub struct New {
    pub id: JobId,
    pub now: Moment,
}

/// Moves a job on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Advance {
    pub id: JobId,
    pub expected_version: Option<i64>,
    pub to: Step,
}

/// Where a job is moved.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Step {
    /// Its data begins to come.
    Receive,
    /// Its data is there, with so many rows.
    Received { rows: i64 },
    /// What was validated is run.
    Run,
    /// It is given up; what was done stays.
    Cancel,
    /// It cannot go on.
    Fail { message: String },
}

/// What a decision about a job must know of it.
pub struct Facts {
    pub now: Moment,
    /// None where the caller does not see it.
    pub current: Option<Model>,
}

/// Tries the rows again that a job did not do, as a job of their own.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Retry {
    pub by: Starter,
    pub id: JobId,
    pub auto_run: bool,
    pub reason: Option<String>,
}

/// What [`retry`] must know.
pub struct RetryFacts {
    pub new: New,
    pub current: Option<Model>,
    /// Rows that were not done.
    pub rows: i64,
}

/// Decides [`Start`].
pub fn start(cmd: &Start, facts: &New) -> Decision {
    let state = if cmd.receiving { State::Receiving } else { State::Waiting };
    let job = Model { format: cmd.format, ..blank(cmd.by.clone(), cmd.kind, &cmd.noun, state, facts) };
    let (mode, auto_run, reason, task) = (cmd.mode, cmd.auto_run, cmd.reason.clone(), cmd.task.clone());
    Ok(vec![Change::JobStarted { job: Model { mode, auto_run, reason, task, ..job } }])
}

/// Decides [`Advance`].
pub fn advance(cmd: &Advance, facts: &Facts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let state = current.state;
    let (fits, want) = match cmd.to {
        Step::Receive => (state == State::Waiting, "only one that waits for its data takes any"),
        Step::Received { .. } => (state == State::Receiving, "its data is not on the way"),
        Step::Run => (state == State::Validated, "one runs once, after it was validated"),
        Step::Cancel => (!is_ended(state), "there is nothing to cancel"),
        Step::Fail { .. } => (!is_ended(state), "it has ended"),
    };
    broken.when(!fits, || not_ready(state, want), "id");
    broken.or(|| {
        let mut after = current.clone();
        match &cmd.to {
            Step::Receive => after.state = State::Receiving,
            Step::Received { rows } => {
                after.rows = *rows;
                after.state = begins(after.auto_run);
            }
            Step::Run => {
                after.state = State::Running;
                (after.position, after.done, after.failed) = (0, 0, 0);
            }
            Step::Cancel => after.state = State::Cancelled,
            Step::Fail { message } => {
                after.state = State::Failed;
                after.message = Some(message.clone());
            }
        }
        vec![progressed(current, after, facts.now)]
    })
}

/// Decides [`Retry`].
pub fn retry(cmd: &Retry, facts: &RetryFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    broken.when(!is_ended(current.state), || not_ready(current.state, "wait until it has ended"), "id");
    broken.when(is_ended(current.state) && facts.rows == 0, || Rule::JobNothingToRetry, "id");
    broken.or(|| {
        let state = begins(cmd.auto_run);
        let job = blank(cmd.by.clone(), current.kind, &current.noun, state, &facts.new);
        let (retry_of, rows, auto_run) = (Some(current.id), facts.rows, cmd.auto_run);
        let (mode, format) = (current.mode, current.format);
        let (task, reason) = (current.task.clone(), cmd.reason.clone());
        vec![Change::JobStarted {
            job: Model { retry_of, rows, auto_run, mode, format, task, reason, ..job },
        }]
    })
}

/// A job after rows were validated or run: `done` and `failed` say how many, `position` is the last of them.
pub fn worked(current: &Model, position: i64, done: i64, failed: i64) -> Model {
    let mut after =
        Model { position, done: current.done + done, failed: current.failed + failed, ..current.clone() };
    if position >= after.rows {
        after.state = if current.state == State::Validating { State::Validated } else { State::Done };
    }
    after
}

/// What tells of a job that moved on.
pub fn progressed(before: &Model, mut after: Model, now: Moment) -> Change {
    moved(&mut after, now);
    Change::JobProgressed { before: before.clone(), after }
}

fn moved(after: &mut Model, now: Moment) {
    after.version += 1;
    after.updated_at = now;
    after.ended_at = is_ended(after.state).then_some(now);
}

fn begins(auto_run: bool) -> State {
    if auto_run { State::Running } else { State::Validating }
}

/// Whether a job in this state does nothing more.
pub fn is_ended(state: State) -> bool {
    matches!(state, State::Done | State::Cancelled | State::Failed)
}

fn blank(by: Starter, kind: Kind, noun: &str, state: State, new: &New) -> Model {
    Model {
        id: new.id,
        organization_id: by.organization,
        kind,
        noun: noun.to_owned(),
        mode: Mode::Create,
        format: None,
        state,
        auto_run: false,
        caller: by.name,
        token_id: by.token,
        reason: None,
        task: None,
        retry_of: None,
        rows: 0,
        position: 0,
        done: 0,
        failed: 0,
        message: None,
        version: 1,
        created_at: new.now,
        updated_at: new.now,
        ended_at: None,
    }
}

fn not_found(id: JobId) -> Rule {
    Rule::NotFound { noun: "job", id: id.to_string() }
}

fn not_ready(state: State, want: &str) -> Rule {
    let state = match state {
        State::Waiting => "waiting for its data",
        State::Receiving => "receiving its data",
        State::Validating => "being validated",
        State::Validated => "validated",
        State::Running => "running",
        State::Done => "done",
        State::Cancelled => "cancelled",
        State::Failed => "failed",
    };
    Rule::JobNotReady { state: state.to_owned(), want: want.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests_support::{no, ok},
        *,
    };

    const STATES: [State; 8] = [
        State::Waiting,
        State::Receiving,
        State::Validating,
        State::Validated,
        State::Running,
        State::Done,
        State::Cancelled,
        State::Failed,
    ];

    fn by() -> Starter {
        Starter { name: "anna".to_owned(), token: None, organization: None }
    }

    fn job(state: State) -> Model {
        let new = New { id: JobId(7), now: Moment(1) };
        Model { rows: 3, ..blank(by(), Kind::Import, "users", state, &new) }
    }

    fn moves(state: State, to: Step) -> Decision {
        let cmd = Advance { id: JobId(7), expected_version: None, to };
        advance(&cmd, &Facts { now: Moment(9), current: Some(job(state)) })
    }

    fn after(changes: Vec<Change>) -> Model {
        match changes.into_iter().next() {
            Some(Change::JobProgressed { after, .. } | Change::JobStarted { job: after }) => after,
            other => panic!("{other:?}"),
        }
    }

    /// TXN-2: what can be done in which state.
    #[test]
    fn a_job_moves_as_its_state_allows() {
        let ended = [State::Done, State::Cancelled, State::Failed];
        for state in STATES {
            for (step, from, to) in [
                (Step::Receive, vec![State::Waiting], State::Receiving),
                (Step::Received { rows: 3 }, vec![State::Receiving], State::Validating),
                (Step::Run, vec![State::Validated], State::Running),
                (Step::Cancel, STATES.into_iter().filter(|s| !ended.contains(s)).collect(), State::Cancelled),
            ] {
                let decision = moves(state, step.clone());
                if from.contains(&state) {
                    assert_eq!(after(ok(decision)).state, to, "{step:?} from {state:?}");
                } else {
                    no(decision, &[("JOB_NOT_READY", "id")]);
                }
            }
        }
    }

    #[test]
    fn what_ends_says_when_and_why() {
        let failed = after(ok(moves(State::Running, Step::Fail { message: "why".to_owned() })));
        assert_eq!((failed.ended_at, failed.message.as_deref()), (Some(Moment(9)), Some("why")));
        assert_eq!(after(ok(moves(State::Waiting, Step::Receive))).ended_at, None);
    }

    #[test]
    fn a_version_that_has_passed_is_refused() {
        let cmd = Advance { id: JobId(7), expected_version: Some(4), to: Step::Cancel };
        let facts = Facts { now: Moment(9), current: Some(job(State::Running)) };
        no(advance(&cmd, &facts), &[("VERSION_CONFLICT", "expectedVersion")]);
        no(advance(&cmd, &Facts { now: Moment(9), current: None }), &[("NOT_FOUND", "id")]);
    }

    #[test]
    fn the_last_row_ends_the_phase() {
        for (state, position, want) in [
            (State::Validating, 2, State::Validating),
            (State::Validating, 3, State::Validated),
            (State::Running, 2, State::Running),
            (State::Running, 3, State::Done),
        ] {
            let after = worked(&job(state), position, 1, 1);
            assert_eq!((after.state, after.done, after.failed), (want, 1, 1));
        }
    }

    /// BLK-6: only what was not done is tried again, once the job has ended.
    #[test]
    fn what_was_not_done_is_tried_again() {
        let retried = |state, rows| {
            let new = New { id: JobId(8), now: Moment(9) };
            let cmd = Retry { by: by(), id: JobId(7), auto_run: true, reason: None };
            let current = Some(Model { mode: Mode::Delete, ..job(state) });
            retry(&cmd, &RetryFacts { new, current, rows })
        };
        let job = after(ok(retried(State::Done, 2)));
        assert_eq!((job.retry_of, job.rows, job.state), (Some(JobId(7)), 2, State::Running));
        assert_eq!(job.mode, Mode::Delete);
        no(retried(State::Done, 0), &[("JOB_NOTHING_TO_RETRY", "id")]);
        no(retried(State::Running, 0), &[("JOB_NOT_READY", "id")]);
    }
}
