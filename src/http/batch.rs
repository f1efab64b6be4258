//! Several requests in one body, where the settings allow it. They run one after the other, in their order, so a
//! batch takes no more of the server at a time than one request; each is judged, priced, timed and answered for
//! itself.

use async_graphql::{Executor, Response as Executed, ServerError, parser::types::OperationType};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    Edge,
    answer::{self, Fault, Manner},
    run, trace, wire,
};
use crate::{caller::Caller, error::RequestId};

/// The answer to one request of a batch.
#[derive(Serialize)]
#[serde(untagged)]
enum Item {
    Executed(Box<Executed>),
    Refused { errors: Vec<ServerError> },
}

/// Runs a batch.
pub(super) async fn run<E: Executor>(
    edge: &Edge<E>,
    requests: Vec<Json>,
    caller: &Caller,
    id: &RequestId,
    manner: Manner,
) -> Result<Response, Fault> {
    let most = edge.app.config().http.batch;
    match requests.len() {
        _ if most == 0 => {
            return Err(Fault::ill_formed("batches are not accepted; send one request at a time"));
        }
        0 => return Err(Fault::ill_formed("a batch holds at least one request")),
        found if found > most => {
            return Err(Fault::ill_formed(format!(
                "a batch holds at most {most} requests and this one {found}; send several"
            )));
        }
        _ => {}
    }
    let (mut items, mut statuses) = (Vec::with_capacity(requests.len()), Vec::new());
    for request in requests {
        let (item, status) = match one(edge, request, caller, id).await {
            Ok(executed) => (Item::Executed(Box::new(executed)), None),
            Err(fault) => {
                let fault = fault.with(manner);
                let status = fault.status();
                (Item::Refused { errors: fault.into_errors() }, Some(status))
            }
        };
        items.push(item);
        statuses.push(status);
    }
    Ok(answered(&items, &statuses, manner))
}

async fn one<E: Executor>(
    edge: &Edge<E>,
    request: Json,
    caller: &Caller,
    id: &RequestId,
) -> Result<Executed, Fault> {
    let request = wire::request(request).map_err(Fault::ill_formed)?;
    let request = request.data(caller.clone()).data(id.clone());
    let prepared = edge.prepare(request).map_err(|refusal| Fault::of(vec![refusal.into()]))?;
    if prepared.kind == OperationType::Subscription {
        return Err(Fault::ill_formed("a batch holds queries and mutations; subscriptions need a stream"));
    }
    let executed = answer::coded(run::once(edge, prepared, id).await);
    if answer::is_refusal(&executed) { Err(Fault::of(executed.errors)) } else { Ok(executed) }
}

/// The status is that of an executed request as long as one was, and else that of the first refusal.
fn answered(items: &[Item], statuses: &[Option<StatusCode>], manner: Manner) -> Response {
    let errors: Vec<ServerError> = items
        .iter()
        .flat_map(|item| match item {
            Item::Executed(executed) => executed.errors.clone(),
            Item::Refused { errors } => errors.clone(),
        })
        .collect();
    let status = match statuses {
        [Some(first), ..] if statuses.iter().all(Option::is_some) => *first,
        _ => manner.executed(!errors.is_empty()),
    };
    // Answers hold only what JSON can express.
    let body = serde_json::to_string(items).unwrap_or_default();
    let mut response = (status, [(header::CONTENT_TYPE, manner.media.header())], body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer::come_again(headers, status, &errors);
    response.extensions_mut().insert(answer::codes(&errors));
    response.extensions_mut().insert(trace::Operation { kind: "batch", name: None, hash: None, cost: None });
    response
}
