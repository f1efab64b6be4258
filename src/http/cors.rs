//! Which pages of other origins may call from a browser: none, unless the settings name them. Tokens go in a header,
//! never in a cookie, so a page can send only what it holds itself, and credentials of the browser are not asked for.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_hours(1);

/// Headers that a page may send beside those that every page may.
const SENT: [HeaderName; 14] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::ACCEPT,
    header::IF_NONE_MATCH,
    HeaderName::from_static("last-event-id"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("graphql-cost"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-graphql-event-stream-token"),
    HeaderName::from_static("graphql-require-preflight"),
    HeaderName::from_static("apollo-require-preflight"),
    HeaderName::from_static("x-apollo-operation-name"),
];

/// Headers of an answer that a page may read.
const READ: [HeaderName; 7] = [
    header::ACCEPT_ENCODING,
    header::ALLOW,
    header::ETAG,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("server-timing"),
    HeaderName::from_static("x-request-id"),
];

/// What answers preflights and marks answers for these origins; nothing when there are none.
pub(super) fn layer(origins: &str) -> Option<CorsLayer> {
    let named: Vec<HeaderValue> = origins
        .split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .filter_map(|origin| HeaderValue::from_str(origin).ok())
        .collect();
    let origin = match named.as_slice() {
        [] => return None,
        [all] if all == "*" => AllowOrigin::any(),
        _ => AllowOrigin::list(named),
    };
    Some(
        CorsLayer::new()
            .allow_origin(origin)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers(SENT)
            .expose_headers(READ)
            .max_age(REMEMBERED),
    )
}
