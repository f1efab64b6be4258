//! GraphQL over HTTP: POST with JSON, GET for queries, and the way to a WebSocket. What a browser sends
//! without asking first (forms, plain text, links) can run no mutation here: POST demands JSON, whose
//! content type makes browsers ask, and GET runs queries only.

use std::time::Duration;

use async_graphql::{Executor, Request as Operation, parser::types::OperationType};
use axum::{
    Extension,
    body::Body,
    extract::{
        Query, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, HeaderValue, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use serde::Deserialize;
use tokio::time;

use super::{
    Edge,
    answer::{self, Fault, Manner},
    bearer, run, same_machine, socket, trace, wire,
};
use crate::error::RequestId;

/// `POST /graphql`.
pub(super) async fn post<E: Executor>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = async {
        let manner = edge.manner(&headers)?;
        if !is_json(&headers) {
            return Err(Fault::media_type());
        }
        same_machine(&edge, &headers)?;
        let token = bearer(&headers).map_err(|fault| fault.with(manner))?;
        // Strangers are turned away before their body is read.
        let caller = edge
            .app
            .authenticate(token)
            .await
            .map_err(|error| Fault::of(vec![answer::refused(&error, &id)]).with(manner))?;
        let body = read(&edge, &headers, body).await?;
        let json = serde_json::from_slice(&body).map_err(|error| {
            Fault::bad(format!(
                "the body is not JSON that can be read: line {}, column {}",
                error.line(),
                error.column()
            ))
        })?;
        let request = wire::request(json).map_err(|why| Fault::ill_formed(why).with(manner))?;
        execute(&edge, request.data(caller), &id, manner, Method::Post)
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
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let wanted = headers.get(header::UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if wanted.eq_ignore_ascii_case("websocket") {
        return match upgrade {
            Ok(upgrade) => {
                socket::open(edge, upgrade, &headers, &id).unwrap_or_else(IntoResponse::into_response)
            }
            Err(rejection) => Fault::upgrade(&rejection).into_response(),
        };
    }
    let answer = async {
        let manner = edge.manner(&headers)?;
        same_machine(&edge, &headers)?;
        let request = asked(&uri).map_err(|fault| fault.with(manner))?;
        let token = bearer(&headers).map_err(|fault| fault.with(manner))?;
        let caller = edge
            .app
            .authenticate(token)
            .await
            .map_err(|error| Fault::of(vec![answer::refused(&error, &id)]).with(manner))?;
        execute(&edge, request.data(caller), &id, manner, Method::Get)
            .await
            .map_err(|fault| fault.with(manner))
    };
    answer.await.unwrap_or_else(IntoResponse::into_response)
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Method {
    Get,
    Post,
}

/// The common part: judge, refuse what the method cannot carry, run, answer.
async fn execute<E: Executor>(
    edge: &Edge<E>,
    request: Operation,
    id: &RequestId,
    manner: Manner,
    method: Method,
) -> Result<Response, Fault> {
    let prepared =
        edge.guard.prepare(request.data(id.clone())).map_err(|refusal| Fault::of(vec![refusal.into()]))?;
    let operation = trace::Operation::of(&prepared);
    let mut response = match prepared.kind {
        OperationType::Subscription => Fault::ill_formed(
            "subscriptions run over a WebSocket at this address, protocol graphql-transport-ws",
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

/// The word for a kind of operation, for the log.
pub(super) const fn kind(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

async fn read<E: Executor>(edge: &Edge<E>, headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Fault> {
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
            let chunk = chunk.map_err(|_| Fault::bad("the body broke off"))?;
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
fn asked(uri: &Uri) -> Result<Operation, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Asked {
        query: Option<String>,
        operation_name: Option<String>,
        variables: Option<String>,
    }
    let Query(asked) = Query::<Asked>::try_from_uri(uri).map_err(|_| {
        Fault::bad("the address cannot be read; each parameter is given once, percent-encoded")
    })?;
    let query = asked.query.ok_or_else(|| {
        Fault::ill_formed("`query` is missing; send POST with JSON, or open a WebSocket for subscriptions")
    })?;
    let mut request = Operation::new(query);
    request.operation_name = asked.operation_name.filter(|name| !name.is_empty());
    if let Some(variables) = asked.variables.filter(|variables| !variables.is_empty()) {
        let json = serde_json::from_str::<serde_json::Value>(&variables)
            .map_err(|_| Fault::bad("`variables` is not JSON that can be read"))?;
        if !json.is_null() {
            request.variables = wire::variables(json).map_err(Fault::ill_formed)?;
        }
    }
    Ok(request)
}
