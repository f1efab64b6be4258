//! What goes back: media types, status codes and the shape of errors, after the GraphQL-over-HTTP draft. A request
//! that was refused has no `data`; one that was executed has `data` and a 2xx, also when fields failed. Which status
//! says so is a setting: the draft changed its mind in 2026, and today's clients expect what it said before.

use std::cmp::Ordering;

use async_graphql::{ErrorExtensionValues, PathSegment, Response as Executed, ServerError, Value};
use async_graphql_axum::GraphQLResponse;
use axum::{
    extract::ws::rejection::WebSocketUpgradeRejection,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    config::Statuses,
    error::{Error, RequestId},
    guard::RETRY_AFTER,
};

/// Most errors in any answer to a refused request, whatever the setting says.
const MOST_ERRORS: usize = 1_000;

/// Longest message of an error: the library's quote names and values, which may be long.
const LONGEST_MESSAGE: usize = 500;

/// The code of the last error where others are left out.
const MORE: &str = "MORE_ERRORS";

/// The media type of an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Media {
    /// `application/graphql-response+json`, whose clients read the status.
    Response,
    /// `application/json`.
    Json,
}

/// The media ranges that a client accepts, each with its weight.
pub(super) fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (&str, f32)> {
    let values = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        (name, weight)
    })
}

impl Media {
    /// The type that a client accepts best; nothing when it accepts neither. Of types that it names and likes
    /// alike, GraphQL's own. A client that names neither gets what such clients read: plain JSON of a classic server,
    /// GraphQL's own of one after the draft.
    pub(super) fn accepted(headers: &HeaderMap, statuses: Statuses) -> Option<Self> {
        let unnamed = match statuses {
            Statuses::Classic => Self::Json,
            Statuses::Draft2026 => Self::Response,
        };
        if !headers.contains_key(header::ACCEPT) {
            return Some(unnamed);
        }
        let ranges: Vec<_> = ranges(headers).collect();
        // The most specific range that covers a type gives its weight.
        let weight = |name: &str| {
            [name, "application/*", "*/*"]
                .iter()
                .find_map(|range| ranges.iter().find(|(given, _)| given.eq_ignore_ascii_case(range)))
                .map_or(0.0, |(_, weight)| *weight)
        };
        let names = ["application/graphql-response+json", "application/json"];
        let [response, json] = names.map(weight);
        let named = ranges.iter().any(|(given, _)| names.iter().any(|name| name.eq_ignore_ascii_case(given)));
        if response <= 0.0 && json <= 0.0 {
            return None;
        }
        Some(match response.total_cmp(&json) {
            Ordering::Greater => Self::Response,
            Ordering::Less => Self::Json,
            Ordering::Equal if named => Self::Response,
            Ordering::Equal => unnamed,
        })
    }

    pub(super) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Response => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        })
    }
}

/// How an answer is given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Manner {
    pub(super) media: Media,
    pub(super) statuses: Statuses,
}

impl Manner {
    /// The status of a refusal that the draft of 2026 answers with `status`. Classic ones know no 422, and to clients of
    /// plain JSON what is wrong with a document is an answer like any other.
    fn refusal(self, status: StatusCode, code: Option<&str>) -> StatusCode {
        let of_document = matches!(
            code,
            Some(
                "GRAPHQL_PARSE_FAILED"
                    | "GRAPHQL_VALIDATION_FAILED"
                    | "QUERY_TOO_LARGE"
                    | "BAD_USER_INPUT"
                    | "PERSISTED_QUERY_NOT_FOUND"
                    | "PERSISTED_QUERY_NOT_SUPPORTED"
            )
        );
        match (self.statuses, self.media) {
            (Statuses::Classic, Media::Json) if of_document => StatusCode::OK,
            (Statuses::Classic, _) if status == StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
            _ => status,
        }
    }

    /// The status of a request that was executed: "partial success" of the draft, for clients that know of it.
    pub(super) fn executed(self, has_errors: bool) -> StatusCode {
        let knows = self == Self { media: Media::Response, statuses: Statuses::Draft2026 };
        if knows && has_errors { StatusCode::from_u16(294).unwrap_or(StatusCode::OK) } else { StatusCode::OK }
    }
}

/// Codes of the errors that went back, for the log.
#[derive(Clone, Debug, Default)]
pub(super) struct Codes(pub(super) Vec<String>);

/// How it is told that nothing was accepted yet.
const PLAIN: Manner = Manner { media: Media::Json, statuses: Statuses::Draft2026 };

/// An answer without `data`: the request was not executed.
#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    manner: Manner,
    errors: Vec<ServerError>,
}

impl Fault {
    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, manner: PLAIN, errors: vec![error(code, message)] }
    }

    /// The request itself is malformed.
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message)
    }

    /// The request is well-formed JSON but not a GraphQL request, or not one for this transport.
    pub(super) fn ill_formed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "BAD_REQUEST", message)
    }

    /// The caller did not say who they are.
    pub(super) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
    }

    /// The caller may not do this at all.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// There is nothing at this path.
    pub(super) fn path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "there is nothing at this address; GraphQL is at /graphql",
        )
    }

    /// The path does not take this method.
    pub(super) fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "this address does not take this method",
        )
    }

    /// A mutation came by GET.
    pub(super) fn post_only() -> Self {
        let message = "mutations are sent with POST, so that no link or image can run one";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    }

    /// An upgrade that cannot be made.
    pub(super) fn upgrade(rejection: &WebSocketUpgradeRejection) -> Self {
        Self::new(rejection.status(), "BAD_REQUEST", rejection.body_text())
    }

    /// The body is not declared as JSON.
    pub(super) fn media_type() -> Self {
        let message = "send the request as JSON, with `Content-Type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    /// The body is compressed in a way that is not known here.
    pub(super) fn encoding() -> Self {
        let message = "send the body as it is, or with one `Content-Encoding` of gzip, br and zstd";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    /// The data of a job is not declared as what it can be.
    pub(super) fn upload_type() -> Self {
        let message =
            "send the data with `Content-Type: text/csv` or `application/jsonl`, as the job expects it";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    /// The client accepts no type that this server can answer with.
    pub(super) fn not_acceptable() -> Self {
        let message = "answers are application/graphql-response+json or application/json";
        Self::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message)
    }

    /// The body is too long.
    pub(super) fn too_large(most: usize) -> Self {
        let message = format!("the request is longer than {most} bytes; send less at once");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message)
    }

    /// The address is too long, by itself.
    pub(super) fn long_address(most: usize) -> Self {
        let message = format!("the address is longer than {most} bytes; send the request with POST");
        Self::new(StatusCode::URI_TOO_LONG, "URI_TOO_LONG", message)
    }

    /// The address and the headers are too long together.
    pub(super) fn large_header(most: usize) -> Self {
        let message = format!("address and headers are longer than {most} bytes; send fewer or shorter ones");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "HEADERS_TOO_LARGE", message)
    }

    /// The body did not arrive in time.
    pub(super) fn slow(most: u64) -> Self {
        let message = format!("the request did not arrive within {most} ms");
        Self::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", message)
    }

    /// The client has as much under way as it may have.
    pub(super) fn too_many(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message)
    }

    /// What the request is about is not there.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// What the request wants stands already.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", message)
    }

    /// The server cannot take this now.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
    }

    /// A panic outside the executor.
    pub(super) fn panicked(id: &RequestId) -> Self {
        Self::of(vec![internal(id)])
    }

    /// Errors with codes of their own, the first of which gives the status.
    pub(super) fn of(mut errors: Vec<ServerError>) -> Self {
        cap(&mut errors, MOST_ERRORS);
        let status = errors.first().and_then(code).map_or(StatusCode::UNPROCESSABLE_ENTITY, status);
        Self { status, manner: PLAIN, errors }
    }

    /// The same, in a media type that the client accepts and with the status that it expects.
    pub(super) fn with(mut self, manner: Manner) -> Self {
        self.status = manner.refusal(self.status, self.errors.first().and_then(code));
        self.manner = manner;
        self
    }

    /// The status that it is told with.
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    /// The errors, for a transport that has no status.
    pub(super) fn into_errors(self) -> Vec<ServerError> {
        self.errors
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            errors: &'a [ServerError],
        }
        let codes = codes(&self.errors);
        // A list of errors holds only strings and numbers, which JSON can always express.
        let body = serde_json::to_string(&Body { errors: &self.errors }).unwrap_or_default();
        let mut response =
            (self.status, [(header::CONTENT_TYPE, self.manner.media.header())], body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        come_again(headers, self.status, &self.errors);
        response.extensions_mut().insert(codes);
        response
    }
}

/// Tells in how many seconds to come again, where the status says that this may help: the longest that an error tells.
pub(super) fn come_again<'a>(
    headers: &mut HeaderMap,
    status: StatusCode,
    errors: impl IntoIterator<Item = &'a ServerError>,
) {
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        let told = |error: &'a ServerError| match error.extensions.as_ref()?.get(RETRY_AFTER)? {
            Value::Number(seconds) => seconds.as_u64(),
            _ => None,
        };
        let wait = errors.into_iter().filter_map(told).max().unwrap_or(1);
        headers.insert(header::RETRY_AFTER, wait.into());
    }
}

/// The answer to a request that reached the executor.
pub(super) fn executed(executed: Executed, manner: Manner) -> Response {
    let executed = coded(executed);
    if is_refusal(&executed) {
        return Fault::of(executed.errors).with(manner).into_response();
    }
    let codes = codes(&executed.errors);
    let status = manner.executed(!executed.errors.is_empty());
    let mut response = GraphQLResponse::from(executed).into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, manner.media.header());
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(codes);
    response
}

/// Whether nothing was executed: no data, and no error that a field raised.
pub(super) fn is_refusal(response: &Executed) -> bool {
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| error.path.is_empty())
}

/// Whether a subscription did not come to life: no data, and no error from below its root field.
pub(super) fn is_stillborn(response: &Executed) -> bool {
    let at_root = |path: &[PathSegment]| path.len() <= 1;
    response.data == Value::Null
        && !response.errors.is_empty()
        && response.errors.iter().all(|error| at_root(&error.path))
}

/// Keeps so many errors and counts the rest in a last one, and shortens what they say: a hostile document has a mistake in
/// every few bytes, and the answer would be many times its size.
pub(super) fn cap(errors: &mut Vec<ServerError>, most: usize) {
    let more = errors.len().saturating_sub(most);
    // One more stands for those that an earlier cap left out.
    if more > 1 || (more == 1 && errors.last().and_then(code) != Some(MORE)) {
        errors.truncate(most);
        errors.push(error(MORE, format!("{more} more errors are not shown")));
    }
    for error in errors {
        if let Some((end, _)) = error.message.char_indices().nth(LONGEST_MESSAGE) {
            error.message.truncate(end);
            error.message.push('…');
        }
    }
}

/// Gives a code to each error that has none: those are the library's own, about the document when nothing
/// was executed and about an argument otherwise. A place that is none in the document, whose lines count from 1, is not told.
pub(super) fn coded(mut response: Executed) -> Executed {
    let missing = if is_refusal(&response) { "GRAPHQL_VALIDATION_FAILED" } else { "BAD_USER_INPUT" };
    for error in &mut response.errors {
        if code(error).is_none() {
            error.extensions.get_or_insert_default().set("code", missing);
        }
        error.locations.retain(|at| at.line > 0);
    }
    response
}

/// An error with a code.
pub(super) fn error(code: &str, message: impl Into<String>) -> ServerError {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    let mut error = ServerError::new(message, None);
    error.extensions = Some(extensions);
    error
}

/// Our own fault: nothing but the id under which the log has the rest.
pub(super) fn internal(id: &RequestId) -> ServerError {
    let mut error = error("INTERNAL", "internal error");
    error.extensions.get_or_insert_default().set("request", id.0.as_str());
    error
}

/// An error of the application, as a GraphQL error.
pub(super) fn refused(fault: &Error, id: &RequestId) -> ServerError {
    match fault.code().as_str() {
        "INTERNAL" => internal(id),
        code => error(code, fault.to_string()),
    }
}

/// The code of an error.
pub(super) fn code(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        Value::Enum(code) => Some(code.as_str()),
        _ => None,
    }
}

/// The codes of some errors, each once.
pub(super) fn codes(errors: &[ServerError]) -> Codes {
    let mut codes: Vec<String> = Vec::new();
    for code in errors.iter().filter_map(code) {
        if !codes.iter().any(|known| known == code) {
            codes.push(code.to_owned());
        }
    }
    Codes(codes)
}

/// The status of a request that failed with a code.
fn status(code: &str) -> StatusCode {
    match code {
        "BAD_REQUEST" | "GRAPHQL_PARSE_FAILED" => StatusCode::BAD_REQUEST,
        "UNAUTHENTICATED" => StatusCode::UNAUTHORIZED,
        "NOT_FOUND" => StatusCode::NOT_FOUND,
        "FORBIDDEN" | "UNTRUSTED_DOCUMENT" => StatusCode::FORBIDDEN,
        "CONFLICT" => StatusCode::CONFLICT,
        "UNAVAILABLE" | "TIMEOUT" => StatusCode::SERVICE_UNAVAILABLE,
        "THROTTLED" => StatusCode::TOO_MANY_REQUESTS,
        "INTERNAL" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
