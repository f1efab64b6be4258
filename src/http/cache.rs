//! Answers to GET that a client may keep. What is answered depends on who asks, so it is the client's alone to keep,
//! and no proxy's. Its entity tag is made of the answer itself: a client that has it already gets 304 and no body.
//! The query runs all the same; what is saved is the way.

use axum::{
    body::{self, Body},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::answer::Codes;

/// Marks an answer to a GET, and empties it when the client has it already. One with errors, whole or in part, is
/// left as it is: it is not to be kept.
pub(super) async fn kept(asked: &HeaderMap, response: Response, secs: u64) -> Response {
    let clean = response.extensions().get::<Codes>().is_none_or(|codes| codes.0.is_empty());
    let (mut parts, body) = response.into_parts();
    let vary = HeaderValue::from_static("accept, authorization");
    parts.headers.append(header::VARY, vary);
    if parts.status != StatusCode::OK || !clean {
        return Response::from_parts(parts, body);
    }
    // An answer is in memory as a whole before this; reading it only hands it on.
    let Ok(bytes) = body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let digest = Sha256::digest(&bytes);
    // Weak, because a compressed answer is the same to whoever asks.
    let tag = format!("W/\"{}\"", BASE64URL_NOPAD.encode(digest.get(..16).unwrap_or_default()));
    let control = match secs {
        0 => "private, no-cache".to_owned(),
        secs => format!("private, max-age={secs}"),
    };
    let fresh = has(asked, &tag);
    for (name, value) in [(header::ETAG, tag), (header::CACHE_CONTROL, control)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            parts.headers.insert(name, value);
        }
    }
    if fresh {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether a client says that it has what this tag marks.
fn has(asked: &HeaderMap, tag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == "*" || strong(known) == strong(tag))
}
