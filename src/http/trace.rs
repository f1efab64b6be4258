//! The id and the log line of each request. A line tells which operation ran, how it ended and how long it
//! took; never its text, its variables or its token.

use std::time::Instant;

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;

use super::{
    answer::{Codes, Fault},
    panics,
};
use crate::error::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest path and operation name in the log; both are the client's to choose.
const LONGEST: usize = 100;

/// The operation that a request ran, handed up to the log by the answer's extensions.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) kind: &'static str,
    pub(super) name: Option<String>,
}

/// Gives the request its id, turns a panic into an answer, and logs.
pub(super) async fn request(mut request: Request, next: Next) -> Response {
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

    let span = tracing::info_span!("request", request = id.0);
    let mut response = match panics::caught(&id, next.run(request)).instrument(span).await {
        Ok(response) => response,
        Err(panics::Panicked) => Fault::panicked(&id).into_response(),
    };

    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

    let codes = response.extensions_mut().remove::<Codes>().unwrap_or_default();
    let operation = response.extensions_mut().remove::<Operation>();
    let (status, ms) = (response.status().as_u16(), millis(began));
    let (kind, name) = described(operation.as_ref());
    let codes = codes.0.join(" ");
    if path.starts_with("/health/") {
        tracing::debug!(request = id.0, %method, path, status, ms, "request");
    } else {
        tracing::info!(request = id.0, %method, path, status, ms, kind, name, codes, "request");
    }
    response
}

/// Logs an operation that ran on a socket.
pub(super) fn operation(id: &RequestId, operation: Option<&Operation>, codes: &Codes, began: Instant) {
    let (kind, name) = described(operation);
    let codes = codes.0.join(" ");
    tracing::info!(request = id.0, ms = millis(began), kind, name, codes, "operation");
}

fn described(operation: Option<&Operation>) -> (Option<&'static str>, Option<&str>) {
    operation.map_or((None, None), |operation| (Some(operation.kind), operation.name.as_deref().map(short)))
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn short(text: &str) -> &str {
    text.char_indices().nth(LONGEST).map_or(text, |(at, _)| &text[..at])
}

fn is_sane(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// An id that no other request has.
fn fresh() -> RequestId {
    let mut bytes = [0_u8; 10];
    if getrandom::fill(&mut bytes).is_err() {
        // Without randomness an id is still unique within the process.
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        bytes[..8].copy_from_slice(&count.to_be_bytes());
    }
    RequestId(data_encoding::HEXLOWER.encode(&bytes))
}
