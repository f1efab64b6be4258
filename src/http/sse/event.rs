//! Server-sent events as `graphql-sse` names them. `id:` is the place in the change stream after which a client goes
//! on, which browsers send back as `Last-Event-ID`; JSON as it is written here has no line breaks, so one `data:` line
//! holds it.

use std::fmt::Write as _;

use async_graphql::ServerError;
use axum::body::Bytes;
use serde::Serialize;

use crate::schema::value::scalar::Cursor;

/// A comment, so that what stands between knows that the connection lives.
pub(super) const BEAT: Bytes = Bytes::from_static(b":\n\n");

/// What opens a stream: when to come back if it breaks, and something to see at once.
pub(super) fn opening(retry: u64) -> Bytes {
    format!("retry: {retry}\n:\n\n").into()
}

/// An answer, of an operation where several share the stream.
pub(super) fn next(id: Option<&str>, payload: &impl Serialize, at: Option<Cursor>) -> Bytes {
    written(String::new(), id, payload, at)
}

/// Errors in place of an answer.
pub(super) fn failed(id: Option<&str>, errors: &[ServerError]) -> Bytes {
    next(id, &Errors { errors }, None)
}

/// The last that a stream tells when the server stops. The place stands in the error and as the event's id: browsers
/// go on from it by themselves.
pub(super) fn restart(id: Option<&str>, error: ServerError, at: Option<Cursor>, retry: u64) -> Bytes {
    written(format!("retry: {retry}\n"), id, &Errors { errors: &[error] }, at)
}

/// The end of an operation.
pub(super) fn complete(id: Option<&str>) -> Bytes {
    let mut text = "event: complete\ndata: ".to_owned();
    if let Some(id) = id {
        text += &json(&Of { id, payload: None::<()> });
    }
    text += "\n\n";
    text.into()
}

#[derive(Serialize)]
struct Errors<'a> {
    errors: &'a [ServerError],
}

#[derive(Serialize)]
struct Of<'a, T> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<T>,
}

fn written(mut text: String, id: Option<&str>, payload: &impl Serialize, at: Option<Cursor>) -> Bytes {
    if let Some(at) = at {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "id: {at}");
    }
    text += "event: next\ndata: ";
    text += &match id {
        Some(id) => json(&Of { id, payload: Some(payload) }),
        None => json(payload),
    };
    text += "\n\n";
    text.into()
}

/// Answers hold only what JSON can express.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::answer;

    #[test]
    fn events_are_written_as_the_protocol_says() {
        let payload = serde_json::json!({ "data": { "text": "two\nlines" } });
        for (event, text) in [
            (next(None, &payload, None), "event: next\ndata: {\"data\":{\"text\":\"two\\nlines\"}}\n\n"),
            (
                next(Some("a"), &payload, Some(Cursor::Change(7))),
                "id: s7\nevent: next\ndata: {\"id\":\"a\",\"payload\":{\"data\":{\"text\":\"two\\nlines\"}}}\n\n",
            ),
            (complete(None), "event: complete\ndata: \n\n"),
            (complete(Some("a")), "event: complete\ndata: {\"id\":\"a\"}\n\n"),
            (
                restart(None, answer::error("X", "x"), Some(Cursor::Change(7)), 5),
                "retry: 5\nid: s7\nevent: next\ndata: {\"errors\":[{\"message\":\"x\",\"extensions\":{\"code\":\"X\"}}]}\n\n",
            ),
        ] {
            assert_eq!(event, text);
        }
    }
}
