//! Around every execution: loaders of its own, and errors that get their code, are logged once and hide internals.
//! async-graphql executes once per query, once per mutation and once per event of a subscription, so an event
//! never sees rows that an earlier one loaded.

use std::sync::Arc;

use async_graphql::{
    Data, ErrorExtensionValues, Response,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute},
};

use super::loader::Loaders;
use crate::{
    app::App,
    caller::Caller,
    error::{Code, Error, RequestId},
};

/// Makes [`Executing`] for each request.
pub struct Execution;

impl ExtensionFactory for Execution {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Executing)
    }
}

struct Executing;

#[async_graphql::async_trait::async_trait]
impl Extension for Executing {
    async fn execute(
        &self,
        ctx: &ExtensionContext<'_>,
        operation: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let mut data = Data::default();
        if let (Some(app), Some(caller)) = (ctx.data_opt::<App>(), ctx.data_opt::<Caller>()) {
            data.insert(Loaders::new(&app.read(caller)));
        }
        let mut response = next.run_with_data(ctx, operation, data).await;
        let request = ctx.data_opt::<RequestId>().map(|id| id.0.as_str()).unwrap_or_default();
        for error in &mut response.errors {
            let Some(source) = error.source::<Error>().cloned() else { continue };
            let code = source.code();
            if let Error::Internal(chain) = &source {
                tracing::error!(request, operation, path = ?error.path, error = format!("{chain:#}"), "internal error");
            }
            let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
            extensions.set("code", code.as_str());
            if code == Code::Internal {
                extensions.set("request", request);
            }
        }
        response
    }
}
