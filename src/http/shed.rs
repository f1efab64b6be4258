//! A bounded number of requests at once. Those beyond are turned away at once, so that the others are answered in time
//! and memory has an end; health and the front page are not counted.
//!
//! A request takes its place before its body is read and leaves it with its answer. What it executes shares the place: a
//! mutation goes on when its client leaves and keeps it until it is done. Operations on sockets, which are no requests,
//! take a place of their own while they execute; streams take none, as they are bounded by their sockets.

use std::sync::Arc;

use async_graphql::ServerError;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Edge,
    answer::{self, Fault},
};

tokio::task_local! {
    /// The place of the request that the current task answers.
    static PLACE: Place;
}

/// A place among the requests that are answered at once; free again when the last who shares it is done.
pub(super) type Place = Arc<OwnedSemaphorePermit>;

const FULL: &str = "the server answers as many requests as it may at once; send it again in a second";

/// Answers a request if there is a place for it.
pub(super) async fn request<E: Send + Sync>(
    State(edge): State<Edge<E>>,
    request: Request,
    next: Next,
) -> Response {
    match Arc::clone(&edge.places).try_acquire_owned() {
        Ok(place) => PLACE.scope(Arc::new(place), next.run(request)).await,
        Err(_) => Fault::unavailable(FULL).into_response(),
    }
}

/// The place of the request that is being answered, or one more where none is.
pub(super) fn place<E>(edge: &Edge<E>) -> Option<Place> {
    PLACE
        .try_with(Arc::clone)
        .ok()
        .or_else(|| Arc::clone(&edge.places).try_acquire_owned().ok().map(Arc::new))
}

/// What is told where there is none.
pub(super) fn full() -> ServerError {
    answer::error("UNAVAILABLE", FULL)
}
