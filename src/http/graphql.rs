//! GraphQL over HTTP: POST with JSON, GET for queries, and the way to a WebSocket and to event streams. What a browser sends
//! without asking first (forms, plain text, links) can run no mutation here: POST demands JSON, whose
//! content type makes browsers ask, and GET runs queries only.

use std::{net::SocketAddr, time::Duration};

use async_graphql::{Executor, Request as Operation, Value, parser::types::OperationType};
use axum::{
    Extension,
    body::Body,
    extract::{
        ConnectInfo, Query, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::time;

use super::{
    Edge,
    answer::{self, Fault, Manner},
    batch, cache, run, same_machine, socket, sse, trace, wire,
};
use crate::{error::RequestId, guard::COST};

/// `POST /graphql`.
pub(super) async fn post<E: Executor>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Response {
    if sse::takes_post(&headers, &uri) {
        return sse::post(edge, id, headers, uri, body).await;
    }
    let answer = async {
        let manner = edge.manner(&headers)?;
        if !is_json(&headers) {
            return Err(Fault::media_type());
        }
        same_machine(&edge, &headers)?;
        // Strangers are turned away before their body is read.
        let caller = edge.caller(&headers, &id).await.map_err(|fault| fault.with(manner))?;
        let body = read(&edge, &headers, body).await?;
        let json = serde_json::from_slice(&body).map_err(|error| {
            Fault::bad(format!(
                "the body is not JSON that can be read: line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        if let Json::Array(requests) = json {
            return batch::run(&edge, requests, &caller, &id, manner)
                .await
                .map_err(|fault| fault.with(manner));
        }
        let request = wire::request(json).map_err(|why| Fault::ill_formed(why).with(manner))?;
        execute(&edge, request.data(caller), &headers, &id, manner, Method::Post)
            .await
            .map_err(|fault| fault.with(manner))
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

/// `GET /graphql`: an upgrade to a WebSocket, or a query in the address.
pub(super) async fn get<E: Executor>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    uri: Uri,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let wanted = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if wanted.eq_ignore_ascii_case("websocket") {
        return match upgrade {
            Ok(upgrade) => opened(edge, upgrade, &headers, &id, peer),
            Err(rejection) => Fault::upgrade(&rejection).into_response(),
        };
    }
    if sse::takes_get(&headers, &uri) {
        return sse::get(edge, id, headers, uri).await;
    }
    let answer = async {
        let manner = edge.manner(&headers)?;
        same_machine(&edge, &headers)?;
        let request = asked(&uri).map_err(|fault| fault.with(manner))?;
        let caller = edge.caller(&headers, &id).await.map_err(|fault| fault.with(manner))?;
        execute(&edge, request.data(caller), &headers, &id, manner, Method::Get)
            .await
            .map_err(|fault| fault.with(manner))
    };
    let response = answer.await.unwrap_or_else(IntoResponse::into_response);
    cache::kept(&headers, response, edge.app.config().http.cache_secs).await
}

/// `CONNECT /graphql`: a WebSocket on a stream of HTTP/2 (RFC 8441). HTTP/1.1 has no such thing.
pub(super) async fn connect<E: Executor>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match upgrade {
        Ok(upgrade) => opened(edge, upgrade, &headers, &id, peer),
        Err(rejection) if rejection.status() == StatusCode::METHOD_NOT_ALLOWED => {
            let mut response = Fault::method().into_response();
            let allowed = HeaderValue::from_static("POST,GET,HEAD,PUT,DELETE");
            response.headers_mut().insert(header::ALLOW, allowed);
            response
        }
        Err(rejection) => Fault::upgrade(&rejection).into_response(),
    }
}

fn opened<E: Executor>(
    edge: Edge<E>,
    upgrade: WebSocketUpgrade,
    headers: &HeaderMap,
    id: &RequestId,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
) -> Response {
    let source = edge.guesses.source(peer.map(|Extension(peer)| peer.0), headers);
    socket::open(edge, upgrade, headers, id, source).unwrap_or_else(IntoResponse::into_response)
}

/// How an operation came.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Method {
    Get,
    Post,
}

/// The common part: judge, refuse what the method cannot carry, run, answer.
async fn execute<E: Executor>(
    edge: &Edge<E>,
    request: Operation,
    headers: &HeaderMap,
    id: &RequestId,
    manner: Manner,
    method: Method,
) -> Result<Response, Fault> {
    let prepared = edge
        .prepare(asking(request.data(id.clone()), headers))
        .map_err(|refusal| Fault::of(vec![refusal.into()]))?;
    let operation = trace::Operation::of(&prepared);
    let mut response = match prepared.kind {
        OperationType::Subscription if sse::wish(headers) != sse::Wish::Never => {
            sse::carry(edge.clone(), id.clone(), headers, prepared)?
        }
        OperationType::Subscription => Fault::ill_formed(
            "accept text/event-stream for a subscription, or open a WebSocket at this address, protocol \
             graphql-transport-ws",
        )
        .with(manner)
        .into_response(),
        OperationType::Mutation if method == Method::Get => {
            let mut response = Fault::post_only().with(manner).into_response();
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            response
        }
        OperationType::Query | OperationType::Mutation => {
            answer::executed(run::once(edge, prepared, id).await, manner)
        }
    };
    response.extensions_mut().insert(operation);
    Ok(response)
}

/// The request, asking what it costs where the client says `GraphQL-Cost: report`.
pub(super) fn asking(mut request: Operation, headers: &HeaderMap) -> Operation {
    if headers.get("graphql-cost").is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"report")) {
        request.extensions.insert(COST.to_owned(), Value::Boolean(true));
    }
    request
}

/// The word for a kind of operation, for the log.
pub(super) const fn kind(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    // JSON is UTF-8; who declares another charset would be misread.
    let charset = |part: &str| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    };
    is_json
        && parts.filter_map(charset).all(|charset| matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii"))
}

pub(super) async fn read<E: Executor>(
    edge: &Edge<E>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Fault> {
    let http = &edge.app.config().http;
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > http.body_bytes))
    {
        return Err(Fault::too_large(http.body_bytes));
    }
    let reading = async {
        let mut chunks = body.into_data_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk
                .map_err(|_| Fault::bad("the body broke off, or is not what its Content-Encoding says"))?;
            if bytes.len() + chunk.len() > http.body_bytes {
                return Err(Fault::too_large(http.body_bytes));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    time::timeout(Duration::from_millis(http.query_ms), reading)
        .await
        .unwrap_or_else(|_| Err(Fault::slow(http.query_ms)))
}

/// The request in an address.
pub(super) fn asked(uri: &Uri) -> Result<Operation, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked {
        query: Option<String>,
        document_id: Option<String>,
        operation_name: Option<String>,
        variables: Option<String>,
        extensions: Option<String>,
    }
    let Query(asked) = Query::<Asked>::try_from_uri(uri).map_err(|_| {
        Fault::bad("the address cannot be read; each parameter is given once, percent-encoded")
    })?;
    if asked.query.is_none() && asked.document_id.is_none() && asked.extensions.is_none() {
        let message = "`query` is missing; send POST with JSON, or open a WebSocket for subscriptions";
        return Err(Fault::ill_formed(message));
    }
    let mut members = serde_json::Map::new();
    let texts =
        [("query", asked.query), ("documentId", asked.document_id), ("operationName", asked.operation_name)];
    for (name, text) in texts {
        members.extend(text.map(|text| (name.to_owned(), Json::String(text))));
    }
    for (name, text) in [("variables", asked.variables), ("extensions", asked.extensions)] {
        let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
        let json = serde_json::from_str(&text)
            .map_err(|_| Fault::bad(format!("`{name}` is not JSON that can be read")))?;
        members.insert(name.to_owned(), json);
    }
    wire::request(Json::Object(members)).map_err(Fault::ill_formed)
}
