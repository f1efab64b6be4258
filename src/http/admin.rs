//! What those see who run the server: metrics and health. They are served beside the rest, metrics to administrators
//! only, or on a listener of their own, where no token is asked for and whose address says who may come. Health is on
//! both, as it tells nothing but that. A proxy makes strangers look local, so coming from this machine proves nothing.

use std::time::Duration;

use async_graphql::Executor;
use axum::{
    Extension, Json, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tokio::time;

use super::{
    Edge,
    answer::{self, Fault},
    same_machine, trace,
};
use crate::{
    caller::{Right, Scope},
    error::{Error, RequestId},
};

/// How long the database may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// The routes of a listener of its own.
pub(super) fn routes<E: Executor>(edge: Edge<E>) -> Router {
    let watch = edge.watch.clone();
    Router::new()
        .merge(health())
        .route("/metrics", get(metrics::<E>))
        .method_not_allowed_fallback(async || Fault::method().into_response())
        .fallback(async || Fault::path().into_response())
        .with_state(edge)
        .layer(axum::middleware::from_fn_with_state(watch, trace::request))
}

/// The routes of the public listener: with metrics where there is no other one.
pub(super) fn beside<E: Executor>(edge: &Edge<E>) -> Router<Edge<E>> {
    if edge.apart { health() } else { health().route("/metrics", get(guarded::<E>)) }
}

fn health<E: Executor>() -> Router<Edge<E>> {
    Router::new().route("/health/live", get(StatusCode::NO_CONTENT)).route("/health/ready", get(ready::<E>))
}

/// `GET /metrics`, to administrators of everything.
async fn guarded<E: Executor>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
) -> Response {
    let admitted = async {
        same_machine(&edge, &headers)?;
        let caller = edge.caller(&headers, &id).await?;
        if caller.may(Right::Configure) && matches!(caller.scope, Scope::All) {
            Ok(())
        } else {
            let message = "metrics are for administrators of everything";
            edge.app.forbidden(&caller, "GET /metrics", message.to_owned());
            Err(Fault::forbidden(message))
        }
    };
    match admitted.await {
        Ok(()) => metrics(State(edge), Extension(id)).await,
        Err(fault) => fault.into_response(),
    }
}

/// `GET /metrics`.
async fn metrics<E: Executor>(State(edge): State<Edge<E>>, Extension(id): Extension<RequestId>) -> Response {
    match edge.watch.metric.told(&edge.app, &edge.guard, edge.open_sockets()).await {
        Ok(text) => {
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            let fresh = HeaderValue::from_static("no-store");
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, fresh)], text).into_response()
        }
        Err(error) => {
            tracing::error!(request = id.0, ?error, "metrics cannot be told");
            Fault::of(vec![answer::refused(&error, &id)]).into_response()
        }
    }
}

/// What must hold for requests to be sent here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Check {
    /// The server is not stopping.
    Draining,
    /// The database answers, in time.
    Database,
    /// Its tables are up to date.
    Migrated,
    /// The change stream is not too far behind.
    Feed,
}

/// `GET /health/ready`: nothing to say, or which checks fail.
async fn ready<E: Executor>(State(edge): State<Edge<E>>) -> Response {
    #[derive(Serialize)]
    struct Body {
        ready: bool,
        failing: Vec<Check>,
    }
    let failing = failing(&edge).await;
    if failing.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    tracing::warn!(?failing, "not ready");
    let headers = [
        (header::RETRY_AFTER, HeaderValue::from_static("1")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, Json(Body { ready: false, failing })).into_response()
}

async fn failing<E: Executor>(edge: &Edge<E>) -> Vec<Check> {
    // A stopping server is not asked for more: its database may be gone by now.
    if edge.stop.is_cancelled() {
        return vec![Check::Draining];
    }
    let asked = async {
        let migrated = edge.app.is_migrated().await?;
        let lag = if migrated { Some(edge.app.lag().await?) } else { None };
        Ok::<_, Error>((migrated, lag))
    };
    match time::timeout(PATIENCE, asked).await {
        Ok(Ok((false, _))) => vec![Check::Migrated],
        Ok(Ok((true, lag))) => {
            let most = Duration::from_secs(edge.app.config().feed.behind_secs);
            if lag.is_some_and(|lag| lag.time > most) { vec![Check::Feed] } else { Vec::new() }
        }
        Ok(Err(error)) => {
            tracing::warn!(?error, "the database does not answer");
            vec![Check::Database]
        }
        Err(_) => vec![Check::Database],
    }
}
