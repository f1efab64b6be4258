//! The server's outside: connections and TLS, axum routes, GraphQL over HTTP, over WebSocket and over
//! server-sent events, the front page, health, metrics,
//! request ids, the log line of each request, and the stop. Whatever executes passes the guard first and runs
//! through `run`, so deadlines, panics and mutations are treated alike on every transport.
//!
//! The executor is a type parameter because the tests here bring a schema of their own that is slow, that
//! panics and that streams.

mod admin;
mod answer;
mod batch;
mod browser;
mod cache;
mod connection;
mod cors;
mod encoding;
mod explorer;
mod graphql;
mod guess;
mod job;
mod metric;
mod operation;
mod page;
mod panics;
mod peer;
mod restart;
mod run;
mod seat;
mod shed;
mod socket;
mod sse;
mod stranger;
mod tls;
mod trace;
mod trusted;
mod unread;
mod wire;

use std::{
    any::TypeId,
    io,
    ops::Deref,
    pin::pin,
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_graphql::{Executor, Request};
use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    middleware,
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::future::BoxFuture;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    answer::{Fault, Manner, Media},
    connection::Server,
    guess::Guesses,
    seat::Seats,
    sse::Reservations,
    stranger::Strangers,
    trace::Watch,
};
use crate::{
    app::App,
    caller::{Caller, is_for},
    config::{Audience, Config},
    error::RequestId,
    guard::{Guard, Kinds, Prepared, Prices, Refusal, Types},
    schema,
};

/// What every handler shares; clones are the same.
struct Edge<E>(Arc<Parts<E>>);

impl<E> Clone for Edge<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Deref for Edge<E> {
    type Target = Parts<E>;

    fn deref(&self) -> &Parts<E> {
        &self.0
    }
}

struct Parts<E> {
    app: App,
    schema: E,
    guard: Arc<Guard>,
    /// Mutations and sockets, which outlive the request that began them and are waited for at a stop.
    tasks: TaskTracker,
    /// Cancelled when the server begins to stop.
    stop: CancellationToken,
    /// One permit for each open socket and event stream.
    sockets: Arc<Semaphore>,
    /// How many of them each token has.
    seats: Seats,
    /// Sockets that have not said who they are.
    strangers: Strangers,
    /// Who comes with unknown tokens.
    guesses: Guesses,
    /// Event streams that were reserved.
    reservations: Reservations,
    /// One permit for each request that is being answered.
    places: Arc<Semaphore>,
    /// Counts and logs requests.
    watch: Arc<Watch>,
    /// Whether metrics have a listener of their own.
    apart: bool,
}

impl<E> Edge<E> {
    /// Who sends the request, by its token.
    async fn caller(&self, headers: &HeaderMap, id: &RequestId) -> Result<Caller, Fault> {
        let caller = self.app.authenticate(bearer(headers)?).await;
        caller.map_err(|error| Fault::of(vec![answer::refused(&error, id)]))
    }
}

impl<E: Executor> Edge<E> {
    fn new(app: App, schema: E) -> Self {
        let config = app.config();
        let guard = Arc::new(guard(&app));
        let places = Arc::new(Semaphore::new(config.http.requests.min(Semaphore::MAX_PERMITS)));
        let sockets = Arc::new(Semaphore::new(config.subscription.sockets.min(Semaphore::MAX_PERMITS)));
        let seats = Seats::new((!config.no_auth).then_some(config.subscription.sockets_per_token));
        let settings = &config.subscription;
        let strangers = Strangers::new(settings.strangers, Some(settings.strangers_per_address));
        let (tasks, stop, reservations) =
            (TaskTracker::new(), CancellationToken::new(), Reservations::default());
        let watch = Watch::new(&app);
        let guesses = Guesses::new(&app, Arc::clone(&watch.metric), stop.clone());
        let apart = false;
        Self(Arc::new(Parts {
            app,
            schema,
            guard,
            tasks,
            stop,
            sockets,
            seats,
            strangers,
            guesses,
            reservations,
            places,
            watch,
            apart,
        }))
    }

    /// The same, as long as nobody shares it yet.
    fn changed(self, change: impl FnOnce(Parts<E>) -> io::Result<Parts<E>>) -> io::Result<Self> {
        let parts = Arc::into_inner(self.0).ok_or_else(|| io::Error::other("the server works already"))?;
        Ok(Self(Arc::new(change(parts)?)))
    }

    /// The same for this schema, and with the documents that the settings trust.
    fn knowing(self, types: Arc<Types>) -> io::Result<Self> {
        self.changed(|parts| {
            let guard =
                Arc::into_inner(parts.guard).ok_or_else(|| io::Error::other("the guard works already"))?;
            let guard = Arc::new(guard.knowing(types).trusting().map_err(io::Error::other)?);
            Ok(Parts { guard, ..parts })
        })
    }

    /// A request that its caller may make and that may be executed. What a caller does not read is for the audit too.
    fn prepare(&self, request: Request) -> Result<Prepared, Refusal> {
        let caller =
            request.data.get(&TypeId::of::<Caller>()).and_then(|caller| caller.downcast_ref::<Caller>());
        let limited = caller.filter(|caller| caller.unread().next().is_some()).cloned();
        let operation = limited.as_ref().and(request.operation_name.clone());
        self.guard.prepare(request).inspect_err(|refusal| {
            if let (Some(caller), "FORBIDDEN") = (&limited, refusal.code()) {
                self.app.forbidden(caller, operation.as_deref().unwrap_or("GraphQL"), refusal.to_string());
            }
        })
    }

    /// Sockets and event streams that are open.
    fn open_sockets(&self) -> usize {
        let most = self.app.config().subscription.sockets.min(Semaphore::MAX_PERMITS);
        most.saturating_sub(self.sockets.available_permits())
    }

    /// How a client wants its answer, which some cannot have.
    fn manner(&self, headers: &HeaderMap) -> Result<Manner, Fault> {
        let statuses = self.app.config().http.statuses;
        let media = Media::accepted(headers, statuses).ok_or_else(Fault::not_acceptable)?;
        Ok(Manner { media, statuses })
    }
}

/// The guard, with the schema's prices and on the application's clock.
fn guard(app: &App) -> Guard {
    let (config, time) = (app.config(), app.clone());
    let prices = Prices { weight: schema::weight::weight, is_abstract: schema::weight::is_abstract };
    let kinds = Kinds {
        of_type: schema::reading::of_type,
        of_condition: schema::reading::of_condition,
        is_own: schema::reading::is_own,
    };
    let guard = Guard::new(&config.guard, &config.page).priced(prices).telling(kinds);
    guard.timed(Arc::new(move || time.now().0))
}

fn routes<E: Executor>(edge: Edge<E>) -> Router {
    let watch = edge.watch.clone();
    let guesses = edge.guesses.clone();
    let http = edge.app.config().http.clone();
    let router = Router::new()
        .route(
            "/graphql",
            post(graphql::post::<E>)
                .get(graphql::get::<E>)
                .connect(graphql::connect::<E>)
                .put(sse::reserve::<E>)
                .delete(sse::stop::<E>),
        )
        .route("/jobs/import", post(job::upload::<E>))
        .route("/jobs/{id}/result", get(job::result::<E>))
        .route("/export/{noun}", get(job::export::<E>))
        .route("/schema.graphql", get(sdl::<E>))
        .route_layer(middleware::from_fn_with_state(edge.clone(), shed::request::<E>))
        .merge(admin::beside(&edge))
        .route("/", get(explorer::front::<E>))
        .route("/explorer/{file}", get(explorer::file))
        .method_not_allowed_fallback(async || Fault::method().into_response())
        .fallback(async || Fault::path().into_response())
        .with_state(edge)
        .layer(middleware::from_fn_with_state(guesses, guess::slowed))
        .layer(encoding::decompression())
        .layer(middleware::from_fn(encoding::known));
    let router = match http.compress_bytes {
        0 => router,
        least => router.layer(encoding::compression(least)),
    };
    let router = match cors::layer(&http.origins) {
        None => router,
        Some(layer) => router.layer(layer),
    };
    router.layer(middleware::from_fn_with_state(watch, trace::request))
}

/// What the guard knows of the schema, read once.
fn types() -> io::Result<Arc<Types>> {
    static TYPES: LazyLock<Result<Arc<Types>, String>> =
        LazyLock::new(|| Types::read(&SDL).map(Arc::new).map_err(|error| error.to_string()));
    TYPES.clone().map_err(io::Error::other)
}

/// What is wrong with the files that the settings name, before anything is opened or served.
pub fn check(config: &Config) -> Result<(), String> {
    tls::open(&config.tls).map(|_| ()).map_err(|why| format!("`tls`: {why}"))
}

/// Where a server listens.
pub struct Listeners {
    /// For everybody.
    pub public: TcpListener,
    /// For metrics and health alone, without tokens.
    pub admin: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(public: TcpListener) -> Self {
        Self { public, admin: None }
    }
}

/// How long a server that stops waits for the audit to be written.
const LAST_ENTRIES: Duration = Duration::from_secs(1);

/// Serves until `stop` completes; then accepts nothing new, closes the sockets, and waits for requests and
/// running mutations as long as the configuration allows.
pub fn serve(
    app: App,
    schema: schema::Schema,
    listeners: impl Into<Listeners>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> impl Future<Output = std::io::Result<()>> + Send + 'static {
    boxed(app, schema, listeners.into(), Box::pin(stop))
}

/// Boxed here, so that the whole server is compiled with this crate and not once more with each program.
fn boxed(
    app: App,
    schema: schema::Schema,
    listeners: Listeners,
    stop: BoxFuture<'static, ()>,
) -> BoxFuture<'static, std::io::Result<()>> {
    Box::pin(serving(app, schema, listeners, stop))
}

async fn serving<E: Executor>(
    app: App,
    schema: E,
    listeners: Listeners,
    stop: BoxFuture<'static, ()>,
) -> std::io::Result<()> {
    panics::log_with_request();
    let drain = Duration::from_millis(app.config().http.drain_ms);
    let mut edge = Edge::new(app, schema).knowing(types()?)?;
    trusted::check(&edge.guard, &edge.schema).await?;
    let Listeners { public: listener, admin } = listeners;
    let config = edge.app.config().clone();
    // Done to the end, so that whoever asks hears that the server is stopping; ended with this function.
    let mut beside = JoinSet::new();
    let tls = match tls::open(&config.tls).map_err(io::Error::other)? {
        Some((files, in_force)) => {
            beside.spawn(files.follow(Duration::from_secs(config.tls.reload_secs)));
            Some(in_force)
        }
        None => None,
    };
    if let Some(listener) = admin {
        edge = edge.changed(|parts| Ok(Parts { apart: true, ..parts }))?;
        let metric = Arc::clone(&edge.watch.metric);
        let server =
            Server::new(&config, admin::routes(edge.clone()), None, metric, CancellationToken::new());
        beside.spawn(server.serve(listener));
    }
    let (stopping, tasks, app) = (edge.stop.clone(), edge.tasks.clone(), edge.app.clone());
    let metric = Arc::clone(&edge.watch.metric);
    let server = Server::new(&config, routes(edge), tls, metric, stopping.clone());
    let mut served = pin!(server.serve(listener));
    tokio::select! {
        () = &mut served => {}
        () = stop => {
            tracing::info!("stopping: waiting for requests and mutations");
            stopping.cancel();
        }
    }
    // Closed only now, so that what a last request begins is waited for too.
    let drained = time::timeout(drain, async {
        served.await;
        tasks.close();
        tasks.wait().await;
    });
    if drained.await.is_err() {
        tracing::warn!(left = tasks.len(), "stopped before everything in flight was done");
    }
    // After the last request, as that may have something to tell.
    if time::timeout(LAST_ENTRIES, app.flush_audit()).await.is_err() {
        tracing::warn!("stopped before the audit was written");
    }
    Ok(())
}

/// The schema as text, printed once, for whom introspection is.
static SDL: LazyLock<String> = LazyLock::new(schema::sdl);

async fn sdl<E: Executor>(
    State(edge): State<Edge<E>>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Fault> {
    let audience = edge.app.config().guard.introspection;
    if audience != Audience::Everyone {
        same_machine(&edge, &headers)?;
        let caller = edge.caller(&headers, &id).await?;
        if !is_for(audience, Some(&caller)) {
            let message = "this server does not tell you its schema";
            edge.app.forbidden(&caller, "GET /schema.graphql", message.to_owned());
            return Err(Fault::forbidden(message));
        }
    }
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], SDL.as_str()))
}

/// The bearer token of a request: nothing when there is no `Authorization`, a fault when it is of another kind.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    value
        .to_str()
        .ok()
        .and_then(bearer_token)
        .map(Some)
        .ok_or_else(|| Fault::unauthenticated("the Authorization header is not of the form `Bearer TOKEN`"))
}

/// The token in `Bearer TOKEN`.
fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Refuses, on a server without tokens, what a web page elsewhere makes a browser send: such a server
/// listens on loopback only, and there `Host` and `Origin` tell its own user from a stranger's page, be it
/// through a WebSocket, which asks for no permission, or a name that was made to point here.
fn same_machine<E>(edge: &Edge<E>, headers: &HeaderMap) -> Result<(), Fault> {
    if !edge.app.config().no_auth {
        return Ok(());
    }
    let local = |value: &HeaderValue| value.to_str().is_ok_and(is_loopback);
    if [header::HOST, header::ORIGIN].iter().filter_map(|name| headers.get(name)).all(local) {
        Ok(())
    } else {
        Err(Fault::forbidden("a server without tokens answers only pages and programs of its own machine"))
    }
}

/// Whether `host`, `host:port` or an origin names this machine.
fn is_loopback(value: &str) -> bool {
    let authority = value.split_once("://").map_or(value, |(_, authority)| authority);
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
