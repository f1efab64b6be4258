//! Panics become answers with the request's id, and one log line with the same id. The line is written by
//! the panic hook, where the place of the panic is known; who catches it only answers.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use futures_util::FutureExt;

use crate::error::RequestId;

tokio::task_local! {
    /// The request that the current task works for.
    static REQUEST: RequestId;
}

/// A future panicked.
#[derive(Debug)]
pub(super) struct Panicked;

/// Runs a future for a request and turns a panic in it into an error.
pub(super) async fn caught<F: Future>(id: &RequestId, future: F) -> Result<F::Output, Panicked> {
    REQUEST.scope(id.clone(), AssertUnwindSafe(future).catch_unwind()).await.map_err(|_| Panicked)
}

/// Logs panics that happen while a request is worked on, with its id; all others go to the hook that was
/// there before.
pub(super) fn log_with_request() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| match REQUEST.try_with(|id| id.0.clone()) {
            Ok(request) => {
                let place = info.location().map(ToString::to_string).unwrap_or_default();
                let message = info.payload_as_str().unwrap_or("(no message)");
                tracing::error!(request, place, message, "panic");
            }
            Err(_) => before(info),
        }));
    });
}
