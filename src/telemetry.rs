//! OpenTelemetry traces, sent to a collector over OTLP where a setting names one. A request is a span, continued from
//! its `traceparent`; commands, batches of loaders and statements are spans within it. Without a collector none of
//! this runs: spans of batches and statements are then not even made, and what a request asks here is one flag.

use std::{
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use axum::http::{HeaderMap, Method};
use opentelemetry::{
    KeyValue,
    propagation::TextMapPropagator,
    trace::{Status, TraceContextExt, TracerProvider},
};
use opentelemetry_http::{
    Bytes, HeaderExtractor, HttpClient, HttpError, Request, Response, hyper::HyperClient,
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use tokio::runtime::Handle;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use crate::config;

/// How long the collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the end of the process waits for the last spans to go out.
const FAREWELL: Duration = Duration::from_secs(5);

/// Whether traces are taken in this process.
static ON: AtomicBool = AtomicBool::new(false);

/// Spans on their way to the collector.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts to send traces; nothing where no collector is set.
    pub fn start(config: &config::Trace, runtime: &Handle) -> anyhow::Result<Option<Self>> {
        if config.otlp.is_empty() {
            return Ok(None);
        }
        let client =
            Client { inner: HyperClient::with_default_connector(PATIENCE, None), runtime: runtime.clone() };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(config.otlp.as_str())
            .with_timeout(PATIENCE)
            .build()?;
        let resource = Resource::builder()
            .with_service_name("roamline")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        // What began elsewhere is sampled as it was there.
        let share = Sampler::TraceIdRatioBased(f64::from(config.percent) / 100.0);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(share)))
            .with_resource(resource)
            .build();
        ON.store(true, Ordering::Relaxed);
        Ok(Some(Self(provider)))
    }

    /// What takes this program's spans, whatever the log's own filter says; not those of its libraries.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("roamline"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|about| about.is_span() && about.target().starts_with("roamline")))
    }

    /// Sends what is left. Blocks, and needs the runtime.
    pub fn close(self) {
        if let Err(error) = self.0.shutdown_with_timeout(FAREWELL) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// Spans are sent from a thread that is none of the runtime's, and the client needs one.
#[derive(Debug)]
struct Client {
    inner: HyperClient,
    runtime: Handle,
}

impl HttpClient for Client {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let client = self.inner.clone();
        let sent = self.runtime.spawn(async move { client.send_bytes(request).await });
        Box::pin(async move { sent.await? })
    }
}

/// How a request ended, for its span.
#[derive(Clone, Debug, Default)]
pub struct Ended<'a> {
    /// The HTTP status; none over a socket.
    pub status: Option<u16>,
    /// Kind and name of the operation, where it came to one.
    pub kind: Option<&'a str>,
    pub name: Option<&'a str>,
    /// The hash of its document.
    pub hash: Option<String>,
    /// The code of its first error.
    pub code: Option<&'a str>,
}

/// Makes a request's span part of the trace that its client names.
pub fn begun(span: &Span, method: &Method, path: &str, headers: &HeaderMap) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    // Fails where the span is not sampled by the log's filter, and then there is nothing to be part of.
    let _unwatched = span.set_parent(parent);
    span.record("otel.kind", "server");
    span.record("otel.name", method.as_str());
    span.set_attribute("http.request.method", method.as_str().to_owned());
    span.set_attribute("url.path", path.to_owned());
}

/// Tells the span how its request ended, which is asked only where somebody is told.
pub fn ended<'a>(span: &Span, end: impl FnOnce() -> Ended<'a>) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    let end = end();
    if let Some(status) = end.status {
        span.set_attribute("http.response.status_code", i64::from(status));
    }
    if let Some(kind) = end.kind {
        // Its field would not: the span has begun.
        span.context().span().update_name(kind.to_owned());
        span.set_attribute("graphql.operation.type", kind.to_owned());
    }
    if let Some(name) = end.name {
        span.set_attribute("graphql.operation.name", name.to_owned());
    }
    if let Some(hash) = end.hash {
        span.set_attribute("graphql.document.hash", hash);
    }
    if let Some(code) = end.code {
        span.set_attribute("error.type", code.to_owned());
    }
    if end.status.is_some_and(|status| status >= 500) {
        span.set_status(Status::error(end.code.unwrap_or_default().to_owned()));
    }
}
