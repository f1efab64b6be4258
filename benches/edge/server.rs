//! Both sides, served on loopback over one application: the edge as it is shipped, with tokens, and the handler that
//! async-graphql-axum's own examples show.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use async_graphql::Executor;
use async_graphql_axum::{GraphQLRequest, GraphQLResponse};
use axum::{Router, extract::State, routing::post, serve::ListenerExt};
use entity::{Moment, token::Role};
use roamline::{
    app::App,
    caller::Caller,
    config::Config,
    http,
    schema::{self, Schema},
    store,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time};

/// Profiles of the generated estate.
const PROFILES: u32 = 1_000;
/// How long a server may take to stop.
const PATIENCE: Duration = Duration::from_secs(15);

/// Two running servers over one database.
pub struct Servers {
    /// Addresses.
    pub plain: String,
    pub edge: String,
    /// A token that the edge demands and the plain side does not look at.
    pub token: String,
    stop: watch::Sender<bool>,
    served: Vec<JoinHandle<std::io::Result<()>>>,
    _folder: TempDir,
}

impl Servers {
    /// Starts both on a database of their own.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut config = Config::default();
        config.database.url = format!("sqlite://{}", folder.path().join("bench.db").display());
        let clock = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Moment(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
        };
        let app = App::open(config, Arc::new(clock)).await?;
        let estate = store::Estate { profiles: PROFILES, seed: 1 };
        app.generate(&Caller::administrator("edge"), estate, |_| {}).await?;
        let (_, token) = app.create_token("bench", Role::Admin, None, None).await?;
        let graph = schema::build(app.clone());

        let (stop, stopped) = watch::channel(false);
        let until = |mut stopped: watch::Receiver<bool>| async move {
            let _gone = stopped.changed().await;
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let plain = listener.local_addr()?.to_string();
        let routes = Router::new().route("/graphql", post(answer)).with_state(graph.clone());
        // As the edge does: without it every answer waits.
        let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
        let server = axum::serve(listener, routes).with_graceful_shutdown(until(stopped.clone()));
        let served_plain = tokio::spawn(server.into_future());

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let edge = listener.local_addr()?.to_string();
        let served_edge = tokio::spawn(http::serve(app, graph, listener, until(stopped)));
        Ok(Self { plain, edge, token, stop, served: vec![served_plain, served_edge], _folder: folder })
    }

    /// Stops both.
    pub async fn stop(self) -> Result<()> {
        drop(self.stop);
        for served in self.served {
            time::timeout(PATIENCE, served).await.context("a server does not stop")???;
        }
        Ok(())
    }
}

/// The plain handler: whoever asks is an administrator.
async fn answer(State(graph): State<Schema>, request: GraphQLRequest) -> GraphQLResponse {
    graph.execute(request.into_inner().data(Caller::administrator("bench"))).await.into()
}
