//! What is counted for Prometheus. Every series is made once, with the server, and every label has a closed list of
//! values, none of them a client's: what a request does to them is a few additions without a lock or a look-up. What
//! the database knows better (the feed's lag, jobs) is asked when the metrics are read.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};
use tokio_util::sync::CancellationToken;

use super::{answer::Codes, stranger::Crowd};
use crate::{
    app::{App, Lag},
    error::Error,
    guard::Guard,
    tally::Tally,
};

/// Kinds of operations, as labels.
const KINDS: [&str; 5] = ["query", "mutation", "subscription", "batch", NO_KIND];

/// The kind of a request that came to no operation, or that is no GraphQL.
const NO_KIND: &str = "none";

/// The codes of answers, as labels: `extensions.code` of the first error.
const CODES: [&str; 30] = [
    "OK",
    "BAD_REQUEST",
    "BAD_USER_INPUT",
    "CONFLICT",
    "CURSOR_EXPIRED",
    "FORBIDDEN",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "HEADERS_TOO_LARGE",
    "INTERNAL",
    "INTROSPECTION_DISABLED",
    "METHOD_NOT_ALLOWED",
    "MORE_ERRORS",
    "NOT_ACCEPTABLE",
    "NOT_FOUND",
    "PAYLOAD_TOO_LARGE",
    "PERSISTED_QUERY_NOT_FOUND",
    "PERSISTED_QUERY_NOT_SUPPORTED",
    "QUERY_TOO_LARGE",
    "RESTARTING",
    "THROTTLED",
    "TIMEOUT",
    "TOO_MANY_CONNECTIONS",
    "TOO_MANY_OPERATIONS",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "UNSUPPORTED_MEDIA_TYPE",
    "UNTRUSTED_DOCUMENT",
    "URI_TOO_LONG",
    OTHER,
];

/// Any other code, such as a rule's that refused the data of a job.
const OTHER: &str = "OTHER";

/// Upper bounds of how long requests take, in seconds.
const SECONDS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of how many statements requests send.
const STATEMENTS: [f64; 9] = [0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0];
/// Upper bounds of how many keys a loader sends at once.
const KEYS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 50.0, 200.0, 1_000.0, 10_000.0];

/// How long the database may take to tell what is asked for the metrics.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where there were too many connections that asked for nothing.
const CROWDS: [(Crowd, &str); 2] = [(Crowd::Everywhere, "everywhere"), (Crowd::There, "address")];

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// It had told everything that it had to tell.
    Complete,
    /// Its client ended it.
    Client,
    /// Its connection was closed or lost.
    Gone,
    /// The token ended, or what it may do.
    Token,
    /// What follows its cursor is no longer kept.
    Expired,
    /// The server stopped.
    Drain,
    /// Anything else went wrong.
    Failed,
}

impl End {
    const ALL: [Self; 7] =
        [Self::Complete, Self::Client, Self::Gone, Self::Token, Self::Expired, Self::Drain, Self::Failed];

    /// The end that an error with this code brings.
    pub(super) fn of(code: &str) -> Self {
        match code {
            "UNAUTHENTICATED" | "FORBIDDEN" => Self::Token,
            "CURSOR_EXPIRED" => Self::Expired,
            _ => Self::Failed,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Client => "client",
            Self::Gone => "gone",
            Self::Token => "token",
            Self::Expired => "cursor_expired",
            Self::Drain => "drain",
            Self::Failed => "failed",
        }
    }
}

/// What became of an unknown token.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    /// Its bearer was told so, late.
    Told,
    /// Too many of the same address wait to be told.
    TurnedAway,
}

/// Everything that is counted by one server.
pub(super) struct Metric {
    registry: Registry,
    requests: [[IntCounter; CODES.len()]; KINDS.len()],
    seconds: [Histogram; KINDS.len()],
    statements: [Histogram; KINDS.len()],
    batches: Histogram,
    connections: IntGauge,
    crowded: [IntCounter; CROWDS.len()],
    subscribers: IntGauge,
    ended: [IntCounter; End::ALL.len()],
    told: IntCounter,
    turned_away: IntCounter,
    read: Read,
}

/// What is asked for when the metrics are read.
struct Read {
    sockets: IntGauge,
    statements: IntCounter,
    refusals: IntCounterVec,
    left_out: IntCounter,
    /// Held while counters are brought up to what is counted elsewhere, as two readers would add it twice.
    turn: Mutex<()>,
    position: IntGauge,
    lag_changes: Gauge,
    lag_seconds: Gauge,
    connections: IntGaugeVec,
    database: IntGauge,
    jobs: GaugeVec,
}

impl Metric {
    /// Every series, at zero.
    pub(super) fn new() -> Self {
        let registry = Registry::new();
        let make = Make(&registry);
        let requests = make.counters(
            "roamline_requests_total",
            "Requests that were answered, over HTTP and over sockets, by the kind of their operation and the code of their first error.",
            &["kind", "code"],
        );
        let seconds = make.histograms(
            "roamline_request_duration_seconds",
            "How long requests took, by the kind of their operation; subscriptions are left out.",
            &SECONDS,
        );
        let statements = make.histograms(
            "roamline_request_statements",
            "SQL statements that a request sent, by the kind of its operation; subscriptions are left out.",
            &STATEMENTS,
        );
        let ended = make.counters(
            "roamline_subscriptions_ended_total",
            "Subscriptions that ended, by why.",
            &["reason"],
        );
        let unknown = make.counters(
            "roamline_unknown_tokens_total",
            "Tokens that were refused, by whether that was told, late, or too many of the same address waited for it.",
            &["outcome"],
        );
        let crowded = make.counters(
            "roamline_connections_turned_away_total",
            "Connections that were closed as too many of them asked for nothing, everywhere or from one address.",
            &["of"],
        );
        let build = make.gauges("roamline_build_info", "The version that runs; always 1.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Self {
            requests: KINDS.map(|kind| CODES.map(|code| requests.with_label_values(&[kind, code]))),
            seconds: KINDS.map(|kind| seconds.with_label_values(&[kind])),
            statements: KINDS.map(|kind| statements.with_label_values(&[kind])),
            batches: make.histogram(
                "roamline_loader_batch_keys",
                "Keys that a loader asked the database for at once.",
                &KEYS,
            ),
            connections: make.gauge("roamline_connections", "Connections of clients that are open now."),
            crowded: CROWDS.map(|(_, of)| crowded.with_label_values(&[of])),
            subscribers: make.gauge("roamline_subscribers", "Subscriptions that run now."),
            ended: End::ALL.map(|end| ended.with_label_values(&[end.label()])),
            told: unknown.with_label_values(&["told"]),
            turned_away: unknown.with_label_values(&["turned_away"]),
            read: Read::new(&make),
            registry,
        }
    }

    /// A tally for one request.
    pub(super) fn tally(&self) -> Arc<Tally> {
        Tally::new(self.batches.clone())
    }

    /// Counts a request that was answered.
    pub(super) fn answered(&self, kind: Option<&str>, code: Option<&str>, took: Duration, tally: &Tally) {
        let kind = place(&KINDS, kind.unwrap_or(NO_KIND));
        let code = code.map_or(0, |code| place(&CODES, code));
        self.requests[kind][code].inc();
        if KINDS[kind] != "subscription" {
            self.seconds[kind].observe(took.as_secs_f64());
            self.statements[kind].observe(number(tally.statements()));
        }
    }

    /// Counts a connection, until it is told to be gone.
    pub(super) fn connected(&self) {
        self.connections.inc();
    }

    /// Tells of a connection that it is gone.
    pub(super) fn disconnected(&self) {
        self.connections.dec();
    }

    /// Counts a connection that was closed as there was no room for one that asks for nothing.
    pub(super) fn crowded(&self, crowd: Crowd) {
        if let Some(at) = CROWDS.iter().position(|(known, _)| *known == crowd) {
            self.crowded[at].inc();
        }
    }

    /// Counts a token that was refused.
    pub(super) fn refused(&self, refusal: Refusal) {
        match refusal {
            Refusal::Told => self.told.inc(),
            Refusal::TurnedAway => self.turned_away.inc(),
        }
    }

    /// Everything, in Prometheus' text format.
    pub(super) async fn told(&self, app: &App, guard: &Guard, sockets: usize) -> Result<String, Error> {
        self.read.ask(app, guard, sockets).await;
        TextEncoder::new().encode_to_string(&self.registry.gather()).map_err(Error::internal)
    }
}

/// A subscription that runs, from when it is made until it is dropped.
pub(super) struct Subscriber {
    metric: Arc<Metric>,
    end: Option<End>,
    /// Set when the client has ended it.
    over: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl Subscriber {
    /// Counts a subscription that begins.
    pub(super) fn new(metric: Arc<Metric>, over: Arc<AtomicBool>, stop: CancellationToken) -> Self {
        metric.subscribers.inc();
        Self { metric, end: None, over, stop }
    }

    /// Notes why it ends. What is dropped without a reason was cut off, by its client, the stop or the connection.
    pub(super) fn ends(&mut self, end: End) {
        self.end = Some(end);
    }

    /// Notes the errors of an event, which the stream may end with; the next event without any takes that back.
    pub(super) fn troubled(&mut self, codes: &Codes) {
        self.end = codes.0.first().map(|code| End::of(code));
    }

    /// Notes that nothing more comes; errors of the last event were the reason.
    pub(super) fn completes(&mut self) {
        if self.end.is_none() {
            self.ends(End::Complete);
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let end = self.end.unwrap_or_else(|| {
            if self.over.load(Ordering::Acquire) {
                End::Client
            } else if self.stop.is_cancelled() {
                End::Drain
            } else {
                End::Gone
            }
        });
        self.metric.subscribers.dec();
        if let Some(at) = End::ALL.iter().position(|known| *known == end) {
            self.metric.ended[at].inc();
        }
    }
}

impl Read {
    fn new(make: &Make<'_>) -> Self {
        Self {
            sockets: make.gauge("roamline_sockets", "WebSockets and event streams that are open now."),
            statements: make.counter("roamline_statements_total", "SQL statements that this server sent."),
            refusals: make.counters(
                "roamline_guard_refusals_total",
                "Documents that were refused before they were executed, by why.",
                &["reason"],
            ),
            left_out: make.counter(
                "roamline_audit_left_out_total",
                "What was told to the audit and only counted, as there was too much in a minute.",
            ),
            turn: Mutex::default(),
            position: make
                .gauge("roamline_feed_position", "Number of the newest change that subscribers may have."),
            lag_changes: make.measure(
                "roamline_feed_lag_changes",
                "Changes that are committed and that subscribers cannot have yet.",
            ),
            lag_seconds: make.measure(
                "roamline_feed_lag_seconds",
                "How long ago the oldest change was committed that subscribers cannot have yet.",
            ),
            connections: make.gauges(
                "roamline_database_connections",
                "Connections to the database, in use and idle.",
                &["state"],
            ),
            database: make.gauge("roamline_database_up", "Whether the database answers: 1, or 0."),
            jobs: make.measures("roamline_jobs", "Jobs that are kept, of all servers, by state.", &["state"]),
        }
    }

    /// Brings counters up to what is counted elsewhere.
    fn catch_up(&self, app: &App, guard: &Guard) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let catch_up = |counter: &IntCounter, count: u64| counter.inc_by(count.saturating_sub(counter.get()));
        catch_up(&self.statements, app.statements());
        catch_up(&self.left_out, app.left_out_of_audit());
        for (reason, count) in guard.refusals() {
            catch_up(&self.refusals.with_label_values(&[reason]), count);
        }
    }

    /// Asks for everything once more. What the database does not tell in time is no number.
    async fn ask(&self, app: &App, guard: &Guard, sockets: usize) {
        self.sockets.set(i64::try_from(sockets).unwrap_or(i64::MAX));
        self.catch_up(app, guard);
        self.position.set(app.feed().latest());
        let (used, idle) = app.connections();
        for (state, count) in [("used", used), ("idle", idle)] {
            self.connections.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }

        let asked = async { Ok::<_, Error>((app.lag().await?, app.jobs_by_state().await?)) };
        let found = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                tracing::warn!(code = error.code().as_str(), "the database does not tell its metrics");
                None
            }
            Err(_) => {
                tracing::warn!("the database does not tell its metrics in time");
                None
            }
        };
        self.database.set(found.is_some().into());
        let (lag, jobs) = found.map_or((None, Vec::new()), |(lag, jobs)| (Some(lag), jobs));
        let known = |value: fn(Lag) -> f64| lag.map_or(f64::NAN, value);
        self.lag_changes.set(known(|lag| number(u64::try_from(lag.changes).unwrap_or_default())));
        self.lag_seconds.set(known(|lag| lag.time.as_secs_f64()));
        self.jobs.reset();
        for (state, count) in jobs {
            let count = number(u64::try_from(count).unwrap_or_default());
            self.jobs.with_label_values(&[state.as_str()]).set(count);
        }
    }
}

/// Makes series and registers them; names, labels and bounds stand in this file, and a test makes them all.
struct Make<'a>(&'a Registry);

impl Make<'_> {
    fn registered<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("a metric of this file has a valid name");
        self.0.register(Box::new(made.clone())).expect("a metric of this file has a name of its own");
        made
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.registered(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    /// A gauge that may be no number.
    fn measure(&self, name: &str, help: &str) -> Gauge {
        self.registered(Gauge::new(name, help))
    }

    fn measures(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.registered(GaugeVec::new(Opts::new(name, help), labels))
    }

    fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        self.registered(Histogram::with_opts(HistogramOpts::new(name, help).buckets(bounds.to_vec())))
    }

    fn histograms(&self, name: &str, help: &str, bounds: &[f64]) -> HistogramVec {
        let about = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        self.registered(HistogramVec::new(about, &["kind"]))
    }
}

/// The place of a value in a list whose last one stands for all others.
fn place(list: &[&str], value: &str) -> usize {
    list.iter().position(|known| *known == value).unwrap_or(list.len() - 1)
}

/// A count as Prometheus has numbers.
#[expect(clippy::cast_precision_loss, reason = "counts that large are as good rounded")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn tally() -> Arc<Tally> {
        Metric::new().tally()
    }

    fn text(metric: &Metric) -> String {
        TextEncoder::new().encode_to_string(&metric.registry.gather()).expect("text")
    }

    #[test]
    fn a_request_is_counted_by_kind_and_code_and_no_label_is_a_clients() {
        let metric = Metric::new();
        let took = Duration::from_millis(3);
        metric.answered(Some("query"), None, took, &tally());
        metric.answered(Some("query"), Some("TIMEOUT"), took, &tally());
        metric.answered(Some("subscription"), None, took, &tally());
        metric.answered(None, Some("anything that a client says"), took, &tally());
        let text = text(&metric);
        for line in [
            r#"roamline_requests_total{code="OK",kind="query"} 1"#,
            r#"roamline_requests_total{code="TIMEOUT",kind="query"} 1"#,
            r#"roamline_requests_total{code="OTHER",kind="none"} 1"#,
            r#"roamline_request_duration_seconds_bucket{kind="query",le="0.005"} 2"#,
            r#"roamline_request_duration_seconds_count{kind="subscription"} 0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("anything"), "{text}");
    }

    #[test]
    fn a_subscription_that_is_cut_off_tells_by_whom() {
        let metric = Arc::new(Metric::new());
        let begun = |over: bool, stopped: bool| {
            let stop = CancellationToken::new();
            if stopped {
                stop.cancel();
            }
            Subscriber::new(Arc::clone(&metric), Arc::new(AtomicBool::new(over)), stop)
        };
        let open = begun(false, false);
        drop(begun(true, false));
        drop(begun(false, true));
        drop(begun(false, false));
        begun(true, true).ends(End::of("CURSOR_EXPIRED"));
        let text = text(&metric);
        for (reason, count) in [("client", 1), ("drain", 1), ("gone", 1), ("cursor_expired", 1), ("token", 0)]
        {
            let line = format!("roamline_subscriptions_ended_total{{reason=\"{reason}\"}} {count}");
            assert!(text.contains(&line), "{line}\n{text}");
        }
        assert!(text.contains("roamline_subscribers 1\n"), "{text}");
        drop(open);
    }

    /// A code that is not listed would be counted as another one.
    #[test]
    fn every_code_of_the_edge_is_a_label() {
        fn texts(path: &Path, into: &mut Vec<String>) {
            for entry in fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                if entry.is_dir() {
                    texts(&entry, into);
                } else if entry.extension().is_some_and(|extension| extension == "rs")
                    && entry.file_stem().is_some_and(|name| name != "tests" && name != "metric")
                {
                    into.push(fs::read_to_string(entry).expect("a text"));
                }
            }
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = vec![fs::read_to_string(source.join("error.rs")).expect("a text")];
        texts(&source.join("http"), &mut found);
        texts(&source.join("guard"), &mut found);
        let mut missing = Vec::new();
        for text in &found {
            let compiled = text.split("#[cfg(test)]").next().unwrap_or_default();
            for literal in compiled.split('"') {
                let is_code = literal.contains('_')
                    && literal.contains(|letter: char| letter.is_ascii_uppercase())
                    && !["CARGO_PKG_VERSION", "OUT_DIR"].contains(&literal)
                    && literal.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase());
                if is_code && !CODES.contains(&literal) {
                    missing.push(literal.to_owned());
                }
            }
        }
        assert!(missing.is_empty(), "{missing:?}");
    }
}
