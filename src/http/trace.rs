//! The id and the log line of each request, and what is counted of it. A line tells which operation ran, how it ended,
//! how long it took and what it cost; never its text, its variables or its token.

use std::{
    pin::pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    body::HttpBody,
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::{Instrument, Span, field::Empty};

use super::{
    answer::{Codes, Fault},
    browser, graphql, guess,
    metric::Metric,
    panics, peer,
};
use crate::{
    app::App,
    error::RequestId,
    guard::{Hash, Prepared},
    origin,
    tally::{self, Tally},
    telemetry,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Longest path and operation name in the log; both are the client's to choose.
const LONGEST: usize = 100;

/// What watches requests from outside.
pub(super) struct Watch {
    pub(super) metric: Arc<Metric>,
    /// From here on a request is slow.
    slow: Option<Duration>,
    /// Whether clients are told how long it took.
    timing: bool,
    /// What browsers are told of TLS.
    strictness: Option<HeaderValue>,
    /// Largest header of a request.
    header: usize,
    /// How many proxies of ours a request comes through.
    proxies: usize,
}

impl Watch {
    pub(super) fn new(app: &App) -> Arc<Self> {
        let config = app.config();
        let slow = Some(config.log.slow_ms).filter(|ms| *ms > 0).map(Duration::from_millis);
        let (timing, strictness) = (config.http.server_timing, browser::strictness(&config.tls));
        let (header, proxies) = (config.http.header_bytes, config.http.proxies);
        Arc::new(Self { metric: Arc::new(Metric::new()), slow, timing, strictness, header, proxies })
    }
}

/// The operation that a request ran, handed up to the log by the answer's extensions.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) kind: &'static str,
    pub(super) name: Option<String>,
    /// The document's; a batch has several.
    pub(super) hash: Option<Hash>,
    /// What it was reckoned to cost before it ran.
    pub(super) cost: Option<u64>,
}

impl Operation {
    /// What a judged request will run.
    pub(super) fn of(prepared: &Prepared) -> Self {
        let Prepared { kind, name, hash, charge, .. } = prepared;
        let cost = Some(charge.requested);
        Self { kind: graphql::kind(*kind), name: name.clone(), hash: Some(*hash), cost }
    }
}

/// Marks the answer to a request whose operation is counted where it runs, as it may outlive the request: the request is
/// logged and not counted beside it.
#[derive(Clone, Copy)]
pub(super) struct Carried;

impl Carried {
    pub(super) fn mark(mut response: Response) -> Response {
        response.extensions_mut().insert(Self);
        response
    }
}

/// Gives the request its id, turns a panic into an answer, counts and logs.
pub(super) async fn request(State(watch): State<Arc<Watch>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|value| is_sane(value))
        .map_or_else(fresh, |value| RequestId(value.to_owned()));
    let method = request.method().clone();
    let path = short(request.uri().path()).to_owned();
    request.extensions_mut().insert(id.clone());

    let tally = watch.metric.tally();
    let span = tracing::info_span!("request", request = id.0, otel.name = Empty, otel.kind = Empty);
    telemetry::begun(&span, &method, &path, request.headers());
    let origin = Some(peer::origin(&request, &id, watch.proxies));
    let read = async {
        match too_large(&request, watch.header) {
            Some(fault) => fault.into_response(),
            None => next.run(request).await,
        }
    };
    let work = tally::kept(Arc::clone(&tally), panics::caught(&id, read));
    let work = origin::kept(origin, work);
    let mut work = pin!(work.instrument(span));
    let mut response = match work.as_mut().await {
        Ok(response) => response,
        Err(panics::Panicked) => Fault::panicked(&id).into_response(),
    };

    let took = began.elapsed();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    browser::tell(headers, watch.strictness.as_ref());
    if watch.timing
        && let Ok(value) = HeaderValue::from_str(&timing(took, &tally))
    {
        headers.insert(SERVER_TIMING, value);
    }

    let codes = response.extensions_mut().remove::<Codes>().unwrap_or_default();
    let operation = response.extensions_mut().remove::<Operation>();
    let status = response.status().as_u16();
    if path.starts_with("/health/") || path == "/metrics" {
        tracing::debug!(request = id.0, %method, path, status, ms = millis(took), "request");
        return response;
    }
    let carried = response.extensions_mut().remove::<Carried>().is_some();
    let end = End { id: &id, operation: operation.as_ref(), codes: &codes, took, tally: &tally };
    if !carried {
        watch.count(&end);
    }
    watch.ended(&end, Some(status), work.span());
    tracing::info!(
        request = id.0,
        %method,
        path,
        status,
        ms = millis(took),
        kind = end.kind(),
        name = end.name(),
        hash = end.hash(),
        codes = codes.0.join(" "),
        statements = tally.statements(),
        bytes = response.body().size_hint().exact(),
        "request"
    );
    // Last, so that what is logged and counted is what it took to judge it.
    if let Some(late) = response.extensions_mut().remove::<guess::Late>() {
        late.over().await;
    }
    response
}

/// What is said of a request whose header is larger than it may be. Its parser reads some more, so as to tell.
fn too_large(request: &Request, most: usize) -> Option<Fault> {
    let address = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if address > most {
        return Some(Fault::long_address(most));
    }
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    (address + headers.sum::<usize>() > most).then(|| Fault::large_header(most))
}

/// An operation that ran on a socket, from its beginning on.
pub(super) struct Running {
    began: Instant,
    tally: Arc<Tally>,
    span: Span,
}

impl Running {
    /// Begins to count.
    pub(super) fn begin(watch: &Watch, id: &RequestId) -> Self {
        let span = tracing::info_span!("operation", request = id.0, otel.name = Empty, otel.kind = Empty);
        Self { began: Instant::now(), tally: watch.metric.tally(), span }
    }

    /// Runs a part of the operation.
    pub(super) async fn run<F: Future>(&self, work: F) -> F::Output {
        tally::kept(Arc::clone(&self.tally), work).instrument(self.span.clone()).await
    }

    /// Counts and logs it.
    pub(super) fn end(&self, watch: &Watch, id: &RequestId, operation: Option<&Operation>, codes: &Codes) {
        let took = self.began.elapsed();
        let end = End { id, operation, codes, took, tally: &self.tally };
        watch.count(&end);
        watch.ended(&end, None, &self.span);
        tracing::info!(
            request = id.0,
            ms = millis(took),
            kind = end.kind(),
            name = end.name(),
            hash = end.hash(),
            codes = codes.0.join(" "),
            statements = self.tally.statements(),
            "operation"
        );
    }
}

/// How a request or an operation ended.
struct End<'a> {
    id: &'a RequestId,
    operation: Option<&'a Operation>,
    codes: &'a Codes,
    took: Duration,
    tally: &'a Tally,
}

impl<'a> End<'a> {
    fn kind(&self) -> Option<&'static str> {
        self.operation.map(|operation| operation.kind)
    }

    fn name(&self) -> Option<&'a str> {
        self.operation?.name.as_deref().map(short)
    }

    fn code(&self) -> Option<&'a str> {
        self.codes.0.first().map(String::as_str)
    }

    fn hash(&self) -> Option<String> {
        self.operation?.hash.map(|hash| hash.to_string())
    }
}

impl Watch {
    /// Counts it.
    fn count(&self, end: &End<'_>) {
        self.metric.answered(end.kind(), end.code(), end.took, end.tally);
    }

    /// Ends its span, and warns where it was slow.
    fn ended(&self, end: &End<'_>, status: Option<u16>, span: &Span) {
        let code = end.code();
        telemetry::ended(span, || {
            let (kind, name, hash) = (end.kind(), end.name(), end.hash());
            telemetry::Ended { status, kind, name, hash, code }
        });
        // A subscription lasts as long as its client wishes.
        let lasts = end.kind() == Some("subscription");
        if self.slow.is_some_and(|slow| end.took >= slow) && !lasts {
            tracing::warn!(
                request = end.id.0,
                ms = millis(end.took),
                database_ms = millis(end.tally.in_database()),
                statements = end.tally.statements(),
                kind = end.kind(),
                name = end.name(),
                hash = end.hash(),
                cost = end.operation.and_then(|operation| operation.cost),
                "slow request"
            );
        }
    }
}

/// What a client is told of the time that its request took, in milliseconds.
fn timing(took: Duration, tally: &Tally) -> String {
    let (total, database) = (millis(took), millis(tally.in_database()));
    format!("total;dur={total}, db;dur={database};desc=\"{} statements\"", tally.statements())
}

/// Milliseconds, to the microsecond.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

fn short(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(at, _)| &text[..at])
}

fn is_sane(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// An id that no other request has: what tells this process from others, and a count.
fn fresh() -> RequestId {
    static PROCESS: LazyLock<[u8; 5]> = LazyLock::new(|| {
        let mut bytes = [0; 5];
        if getrandom::fill(&mut bytes).is_err() {
            // Without randomness ids are still unique within the process.
            tracing::warn!("there is no randomness; request ids repeat from process to process");
        }
        bytes
    });
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [0; 10];
    bytes[..5].copy_from_slice(&*PROCESS);
    let count = COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    bytes[5..].copy_from_slice(&count[3..]);
    RequestId(data_encoding::HEXLOWER.encode(&bytes))
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Mutex};

    use super::*;

    /// Lines of a log, kept.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A slow request has a warning with what may be the cause, unless it lasts because its client wishes so.
    #[test]
    fn a_slow_request_has_a_warning_of_its_own() {
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
        let watch = Watch {
            metric: Arc::new(Metric::new()),
            slow: Some(Duration::from_secs(1)),
            timing: false,
            strictness: None,
            header: 0,
            proxies: 0,
        };
        let told = |kind: &'static str, took: Duration| {
            let operation = Operation {
                kind,
                name: Some("Slow".to_owned()),
                hash: Some(Hash::of("{ __typename }")),
                cost: Some(7),
            };
            let tally = watch.metric.tally();
            let (id, codes) = (RequestId("an-id".to_owned()), Codes::default());
            let end = End { id: &id, operation: Some(&operation), codes: &codes, took, tally: &tally };
            watch.ended(&end, Some(200), &Span::none());
        };
        tracing::subscriber::with_default(log, || {
            told("query", Duration::from_millis(999));
            told("subscription", Duration::from_secs(999));
            told("query", Duration::from_secs(2));
        });
        let text = String::from_utf8(lines.0.lock().expect("nobody panicked").clone()).expect("text");
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let fields = &line["fields"];
        assert_eq!((&line["level"], &fields["message"]), (&"WARN".into(), &"slow request".into()));
        assert_eq!(
            (&fields["ms"], &fields["cost"], &fields["name"]),
            (&2_000.0.into(), &7.into(), &"Slow".into())
        );
        assert_eq!(fields["hash"], "7f56e67dd21ab3f3");
    }

    #[test]
    fn ids_differ() {
        let ids: Vec<_> = (0..3).map(|_| fresh().0).collect();
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids.iter().all(|id| is_sane(id) && id.len() == 20));
    }

    #[test]
    fn times_are_told_in_milliseconds() {
        assert_eq!(millis(Duration::from_nanos(1_234_567)).to_string(), "1.235");
    }
}
