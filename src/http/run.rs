//! One operation with a single answer, executed: its deadline, its panics, and what its client's leaving
//! does to it. A query ends with the client that waits for it. A mutation runs in a task of its own and
//! ends by itself, because half a mutation helps nobody and the client cannot tell how far it came.

use std::{sync::Arc, time::Duration};

use async_graphql::{Executor, Response, ServerError, parser::types::OperationType};
use tokio::time;
use tracing::Instrument;

use super::{Edge, answer, panics, shed};
use crate::{error::RequestId, guard::Prepared, tally};

/// Executes a query or a mutation.
pub(super) async fn once<E: Executor>(edge: &Edge<E>, prepared: Prepared, id: &RequestId) -> Response {
    let Prepared { request, kind, name, fresh, mut charge, .. } = prepared;
    let Some(place) = shed::place(edge) else { return failed(shed::full()) };
    let http = &edge.app.config().http;
    let mutates = kind == OperationType::Mutation;
    let most = if mutates { http.mutation_ms } else { http.query_ms };

    let (schema, task_id) = (edge.schema.clone(), id.clone());
    let (guard, errors) = (Arc::clone(&edge.guard), edge.app.config().guard.errors);
    let work = async move {
        // A mutation whose client left still takes its place.
        let _place = place;
        charge.begin();
        let timed = time::timeout(Duration::from_millis(most), schema.execute(request));
        let mut response = match panics::caught(&task_id, timed).await {
            Ok(Ok(mut response)) => {
                guard.settle(charge, name.as_deref(), &mut response);
                response
            }
            Ok(Err(_)) => failed(late(mutates, most)),
            Err(panics::Panicked) => failed(answer::internal(&task_id)),
        };
        answer::cap(&mut response.errors, errors);
        response
    };
    let response = if mutates {
        let work = tally::carried(work);
        // The task can only fail to answer when the runtime is torn down under it.
        edge.tasks.spawn(work.in_current_span()).await.unwrap_or_else(|_| failed(answer::internal(id)))
    } else {
        work.await
    };
    // What was executed was found valid before.
    if !answer::is_refusal(&response) {
        edge.guard.keep(fresh);
    }
    response
}

fn failed(error: ServerError) -> Response {
    Response::from_errors(vec![error])
}

fn late(mutates: bool, most: u64) -> ServerError {
    let advice = if mutates {
        "what it had committed stays; send it again with the same idempotencyKey to learn its outcome"
    } else {
        "ask for less at once"
    };
    answer::error("TIMEOUT", format!("the operation took longer than {most} ms and was stopped; {advice}"))
}
