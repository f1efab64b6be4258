//! An operation on a connection that carries many answers, a socket or an event stream: who asks is asked anew, the
//! guard judges, each answer is handed over in turn, and the end has its reason. What an answer looks like on the
//! wire is for the transport to say.

use std::{
    mem,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use async_graphql::{Executor, Request, Response as Executed, ServerError, parser::types::OperationType};
use futures_util::StreamExt;
use tokio::time;

use super::{
    Edge,
    answer::{self, Codes, Fault},
    metric::Subscriber,
    panics, run,
    trace::{self, Running, Watch},
};
use crate::{
    error::RequestId,
    guard::{Prepared, Refusal},
    schema::{Listener, value::scalar::Cursor},
};

/// How long a stream whose token has spent its points waits before it looks again.
const PAUSE: Duration = Duration::from_millis(200);

/// Where answers go.
pub(super) trait Outlet: Sync {
    /// Hands over an answer, once there is room for it; that is what slows a stream down to its reader. `at` is the
    /// place to go on from after it.
    fn next(&self, response: &Executed, at: Option<Cursor>) -> impl Future<Output = Result<(), Gone>> + Send;
}

/// Nobody takes answers any more.
#[derive(Debug)]
pub(super) struct Gone;

/// What is to be done.
pub(super) enum Asked {
    /// As it came; its caller may have lost the right to ask since the connection was opened.
    Now(Request),
    /// Just authenticated and judged.
    Judged(Result<Prepared, Refusal>),
}

/// How an operation ended.
#[derive(Debug)]
pub(super) enum End {
    /// Everything was told.
    Complete,
    /// It was refused, or broke.
    Failed(Vec<ServerError>),
    /// The server stops; the stream goes on elsewhere after this place.
    Restart(Option<Cursor>),
    /// Nobody listens any more.
    Gone,
}

/// An operation to run.
pub(super) struct Operation<E> {
    pub(super) edge: Edge<E>,
    pub(super) id: RequestId,
    pub(super) listener: Listener,
    /// Set when the client has ended it.
    pub(super) over: Arc<AtomicBool>,
}

/// What an operation was and how it went, for the log and the metrics.
struct Story<'a> {
    watch: &'a Watch,
    id: &'a RequestId,
    running: &'a Running,
    operation: Option<trace::Operation>,
    codes: Codes,
    /// Whether it came to its end.
    ended: bool,
}

/// A subscription that is cut off was answered all the same; that is how most of them end.
impl Drop for Story<'_> {
    fn drop(&mut self) {
        let lasts = self.operation.as_ref().is_some_and(|operation| operation.kind == "subscription");
        if self.ended || lasts {
            self.running.end(self.watch, self.id, self.operation.as_ref(), &self.codes);
        }
    }
}

impl<E: Executor> Operation<E> {
    /// Runs to the end.
    pub(super) async fn run(self, asked: Asked, outlet: &impl Outlet) -> End {
        let watch = Arc::clone(&self.edge.watch);
        let running = Running::begin(&watch, &self.id);
        let (watch, id, running) = (&*watch, &self.id, &running);
        let mut story = Story { watch, id, running, operation: None, codes: Codes::default(), ended: false };
        let operating = async { self.operate(asked, outlet, &mut story).await.unwrap_or_else(End::Failed) };
        let end = match running.run(panics::caught(&self.id, operating)).await {
            Ok(end) => end,
            Err(panics::Panicked) => End::Failed(vec![answer::internal(&self.id)]),
        };
        if let End::Failed(errors) = &end {
            story.codes = answer::codes(errors);
        }
        story.ended = true;
        end
    }

    async fn operate(
        &self,
        asked: Asked,
        outlet: &impl Outlet,
        story: &mut Story<'_>,
    ) -> Result<End, Vec<ServerError>> {
        let (edge, listener) = (&self.edge, &self.listener);
        let judged = match asked {
            Asked::Judged(judged) => judged,
            Asked::Now(request) => {
                edge.app
                    .renew(&listener.caller())
                    .await
                    .map_err(|error| vec![answer::refused(&error, &self.id)])?;
                edge.prepare(request.data(listener.caller()))
            }
        };
        let mut prepared = judged.map_err(|refusal| vec![ServerError::from(refusal)])?;
        let data = &mut prepared.request.data;
        data.insert(listener.caller());
        data.insert(self.id.clone());
        data.insert(listener.clone());
        story.operation = Some(trace::Operation::of(&prepared));

        if prepared.kind != OperationType::Subscription {
            let response = answer::coded(run::once(edge, prepared, &self.id).await);
            if answer::is_refusal(&response) {
                return Err(Fault::of(response.errors).into_errors());
            }
            listener.begin();
            story.codes = answer::codes(&response.errors);
            let told = outlet.next(&response, None).await;
            return Ok(if told.is_ok() { End::Complete } else { End::Gone });
        }

        let mut subscriber =
            Subscriber::new(Arc::clone(&edge.watch.metric), Arc::clone(&self.over), edge.stop.clone());
        let Prepared { request, name, mut charge, mut fresh, .. } = prepared;
        charge.open();
        let mut stream = edge.schema.execute_stream(request, None);
        let mut first = true;
        loop {
            if edge.guard.has_buckets() {
                tokio::select! {
                    biased;
                    () = edge.stop.cancelled() => return Ok(End::Restart(listener.kept())),
                    () = self.affordable() => {}
                }
            }
            let response = tokio::select! {
                biased;
                () = edge.stop.cancelled() => return Ok(End::Restart(listener.kept())),
                response = stream.next() => response,
            };
            let Some(mut response) = response.map(answer::coded) else {
                subscriber.completes();
                return Ok(End::Complete);
            };
            edge.guard.settle_event(&charge, name.as_deref(), || listener.caller(), &mut response);
            let codes = answer::codes(&response.errors);
            subscriber.troubled(&codes);
            answer::cap(&mut response.errors, edge.app.config().guard.errors);
            if answer::is_refusal(&response) || (first && answer::is_stillborn(&response)) {
                return Err(Fault::of(response.errors).into_errors());
            }
            if first {
                listener.begin();
                // What was executed was found valid before.
                edge.guard.keep(mem::take(&mut fresh));
                first = false;
            }
            if outlet.next(&response, listener.told()).await.is_err() {
                return Ok(End::Gone);
            }
            listener.keep();
            if codes.0.iter().any(|code| code == "UNAUTHENTICATED") {
                story.codes = codes;
                return Ok(End::Complete);
            }
        }
    }

    /// Waits until the token has points again. One that may no longer listen does not wait: the stream itself says so.
    async fn affordable(&self) {
        loop {
            let caller = self.listener.caller();
            if !self.edge.guard.is_spent(&caller) || self.edge.app.renew(&caller).await.is_err() {
                return;
            }
            time::sleep(PAUSE).await;
        }
    }
}
