//! Around every execution: loaders of its own, and errors that get their code, are logged once and hide internals.
//!
//! A query or mutation gets its loaders with the request. A subscription executes once per event, and each of these
//! executions gets fresh ones from an extension, so an event never sees rows that an earlier one loaded. An event has the
//! deadline of a query, and waits for its turn where many are made ready at once, as after a change that everybody
//! follows. The
//! extension is kept to subscriptions because async-graphql takes a longer way for every field where there is one.

use std::{any::TypeId, sync::Arc, time::Duration};

use async_graphql::{
    Data, ErrorExtensionValues, Executor, Name, PathSegment, Pos, Request, Response, ServerError,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
};
use futures_util::{StreamExt, future::BoxFuture, stream::BoxStream};

use super::{
    Mutation, Query,
    drive::Gate,
    in_order::{put_in_order, root_keys},
    listener::Listener,
    loader::Loaders,
    subscription::Subscription,
};
use crate::{
    app::App,
    caller::{Caller, is_for},
    config::Audience,
    error::{Code, Error, RequestId},
};

type Types = async_graphql::Schema<Query, Mutation, Subscription>;

/// The schema, ready to execute.
#[derive(Clone)]
pub struct Schema {
    app: App,
    once: Types,
    events: Types,
}

impl Schema {
    /// The schema over an application.
    pub(super) fn new(
        app: App,
        types: impl Fn() -> async_graphql::SchemaBuilder<Query, Mutation, Subscription>,
    ) -> Self {
        let (nesting, suggestions) = (app.config().guard.nesting, app.config().guard.suggestions);
        let types = || {
            let types = types().data(app.clone()).limit_recursive_depth(nesting);
            if suggestions == Audience::Nobody { types.disable_suggestions() } else { types }
        };
        Self { once: types().finish(), events: types().extension(Events).finish(), app }
    }
}

impl Executor for Schema {
    async fn execute(&self, request: Request) -> Response {
        self.executed(request).await
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let silent = !self.suggests(&request);
        let events = self.events.execute_stream_with_session_data(request, session.unwrap_or_default());
        if silent { events.map(unsuggested).boxed() } else { events }
    }
}

/// Who asks.
fn caller(request: &Request) -> Option<&Caller> {
    request.data.get(&TypeId::of::<Caller>()).and_then(|caller| caller.downcast_ref())
}

impl Schema {
    /// Boxed here, so that the whole graph is compiled once and not with everything that executes.
    fn executed(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(self.once(request))
    }

    /// Whether messages tell the caller of names like the one that is unknown.
    fn suggests(&self, request: &Request) -> bool {
        is_for(self.app.config().guard.suggestions, caller(request))
    }

    async fn once(&self, mut request: Request) -> Response {
        let silent = !self.suggests(&request);
        let id = request
            .data
            .get(&TypeId::of::<RequestId>())
            .and_then(|id| id.downcast_ref::<RequestId>())
            .cloned();
        let caller = caller(&request).cloned();
        let mut gate = Gate::default();
        if let Some(loaders) = caller.as_ref().map(|caller| Loaders::new(&self.app.read(caller))) {
            gate = loaders.gate();
            request.data.insert(loaders);
        }
        let operation = request.operation_name.clone();
        let keys = request.parsed_query().ok().and_then(|document| root_keys(document, operation.as_deref()));
        let mut response = gate.through(self.once.execute(request)).await;
        if let Some(keys) = &keys {
            put_in_order(&mut response.data, keys);
        }
        settle(&mut response.errors, id.as_ref(), |error, source| {
            if let Some(caller) = &caller {
                self.app.refused(caller, root_field(error, keys.as_deref()), source);
            }
        });
        if silent { unsuggested(response) } else { response }
    }
}

/// Takes out of the library's messages what they suggest.
fn unsuggested(mut response: Response) -> Response {
    for error in &mut response.errors {
        // Ours have a source, and suggest what their caller sees anyway.
        if error.source.is_none()
            && let Some(at) = error.message.find(" Did you mean ")
        {
            error.message.truncate(at);
        }
    }
    response
}

/// Makes [`Event`] for each subscription.
struct Events;

impl ExtensionFactory for Events {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Event)
    }
}

struct Event;

#[async_graphql::async_trait::async_trait]
impl Extension for Event {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let (mut data, mut gate) = (Data::default(), Gate::default());
        let (mut told, mut place) = (None, None);
        if let (Some(app), Some(caller)) = (ctx.data_opt::<App>(), ctx.data_opt::<Caller>()) {
            // What an event leads to is read as whoever listens now, not as who began to.
            let listener = ctx.data_opt::<Listener>();
            let caller = match listener {
                Some(listener) => match app.renew(&listener.caller()).await {
                    Ok(caller) => caller,
                    Err(error) => return refused(error, ctx.data_opt::<RequestId>()),
                },
                None => caller.clone(),
            };
            let loaders = Loaders::new(&app.read(&caller));
            gate = loaders.gate();
            data.insert(loaders);
            data.insert(caller.clone());
            place = app.event_place().await;
            told = Some((app, caller));
        }
        let execution = gate.through(next.run_with_data(ctx, operation, data));
        let mut response = match &told {
            None => execution.await,
            Some((app, _)) => {
                let most = app.config().http.query_ms;
                match tokio::time::timeout(Duration::from_millis(most), execution).await {
                    Ok(response) => response,
                    Err(_) => return refused(Error::Timeout(most), ctx.data_opt::<RequestId>()),
                }
            }
        };
        drop(place);
        settle(&mut response.errors, ctx.data_opt::<RequestId>(), |error, source| {
            if let Some((app, caller)) = &told {
                app.refused(caller, root_field(error, None), source);
            }
        });
        response
    }
}

/// The answer to an event whose listener may no longer have it.
fn refused(error: Error, request: Option<&RequestId>) -> Response {
    let mut errors = vec![async_graphql::Error::new_with_source(error).into_server_error(Pos::default())];
    settle(&mut errors, request, |_, _| {});
    Response::from_errors(errors)
}

/// The root field that an error arose below; by its response key where its name is not known.
fn root_field<'a>(error: &'a ServerError, keys: Option<&'a [(Name, Name)]>) -> &'a str {
    let Some(PathSegment::Field(key)) = error.path.first() else { return "" };
    let named = keys.into_iter().flatten().find(|(known, _)| known.as_str() == key);
    named.map_or(key.as_str(), |(_, name)| name.as_str())
}

/// Gives errors their code, logs those that are ours, and tells of those that are a caller's who lacks a right.
fn settle(errors: &mut [ServerError], request: Option<&RequestId>, denied: impl Fn(&ServerError, &Error)) {
    let request = request.map(|id| id.0.as_str()).unwrap_or_default();
    for error in errors {
        let Some(source) = error.source::<Error>().cloned() else { continue };
        let code = source.code();
        if let Error::Internal(chain) = &source {
            tracing::error!(request, path = ?error.path, error = format!("{chain:#}"), "internal error");
        }
        if let Error::Denied(_) = &source {
            denied(error, &source);
        }
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        extensions.set("code", code.as_str());
        if code == Code::Internal {
            extensions.set("request", request);
        }
    }
}
