//! The messages of `graphql-transport-ws`, as they come and go.

use async_graphql::{Response as Executed, ServerError};
use axum::extract::ws::Message;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Close;
use crate::http::bearer_token;

/// A message of the peer.
#[derive(Debug, Deserialize)]
pub(super) struct Incoming {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) payload: Option<Json>,
}

/// A message to the peer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(super) enum Outgoing<'a> {
    ConnectionAck,
    Ping,
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<&'a Json>,
    },
    Next {
        id: &'a str,
        payload: &'a Executed,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
}

impl From<Outgoing<'_>> for Message {
    fn from(outgoing: Outgoing<'_>) -> Self {
        // Responses hold only what JSON can express.
        Self::Text(serde_json::to_string(&outgoing).unwrap_or_default().into())
    }
}

/// The token in the payload of `connection_init` or `ping`: `{"authorization": "Bearer x"}`, as headers are called, or
/// `{"token": "x"}`.
pub(in crate::http) fn shown(payload: Option<&Json>) -> Result<Option<String>, Close> {
    let members = match payload {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Object(members)) => members,
        Some(_) => return Err(Close::Invalid("The payload is not an object".to_owned())),
    };
    for (name, value) in members {
        let token = match value.as_str() {
            Some(value) if name.eq_ignore_ascii_case("authorization") => bearer_token(value),
            Some(value) if name.eq_ignore_ascii_case("token") => Some(value),
            None if name.eq_ignore_ascii_case("authorization") && !value.is_null() => None,
            _ => continue,
        };
        return token.map(|token| Some(token.to_owned())).ok_or(Close::Forbidden);
    }
    Ok(None)
}
