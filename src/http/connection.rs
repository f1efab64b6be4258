//! Connections: taken one by one, encrypted where there is a certificate, and served as HTTP/1.1 or HTTP/2, whichever the
//! client begins with. A WebSocket comes by an upgrade of the first or by an extended CONNECT of the second (RFC 8441).
//!
//! A client that does nothing holds nothing for long. There is a bounded number of connections, and each leaves its place
//! when it ends, sockets too; a handshake, and the header of the first request behind it, have a time of their own, and so
//! has the wait for the next one: hyper's timer for HTTP/1.1, where it runs from an answer's end until the next header is
//! whole, and for HTTP/2 a look at whether any request has begun. Until a first request has come there are so many
//! connections of one address at most. A peer that reads nothing of what waits for it is gone, and so is one of HTTP/2 that
//! does not answer pings; one that holds back single answers loses those.
//!
//! When the server stops, nobody is let in any more, requests under way are finished, and connections that wait for
//! nothing are closed at once.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    Router,
    extract::ConnectInfo,
    http::{HeaderValue, Request, header},
};
use hyper::{
    body::Incoming,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{self, Sleep},
};
use tokio_rustls::server::TlsStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    guess::Source,
    metric::Metric,
    stranger::{Stranger, Strangers},
    tls,
    unread::{Answer, Streams},
};
use crate::config::Config;

/// What HTTP/1.1 reads of a header beyond the largest that there may be, so that whoever sent it is told what is too long.
const BEYOND: usize = 128 * 1024;

/// Streams that a client of HTTP/2 has begun and reset before they were looked at ("rapid reset"), and streams that were reset
/// for its mistakes: with more of them the connection is ended. The library's own limits, kept here so that they stay.
const RESET: usize = 20;
const MISTAKES: usize = 1_024;

/// How often it is told, at most, that connections are closed at once.
const TOLD: Duration = Duration::from_mins(1);

/// How long a listener rests that cannot take a connection, as where a process has as many files open as it may.
const REST: Duration = Duration::from_secs(1);

/// What serves the connections of a listener.
pub(super) struct Server {
    router: Router,
    builder: Builder<Streams>,
    /// Connections are in the clear where there is none.
    tls: Option<tls::InForce>,
    /// One permit for each open connection.
    places: Arc<Semaphore>,
    /// Those on which no request has come yet.
    strangers: Strangers,
    /// How long a handshake may take, and the header of the first request.
    header: Duration,
    /// How long a connection may wait for its next request.
    idle: Duration,
    /// How long a peer may read nothing.
    patience: Duration,
    metric: Arc<Metric>,
    stop: CancellationToken,
}

impl Server {
    /// Serves until `stop` is cancelled.
    pub(super) fn new(
        config: &Config,
        router: Router,
        tls: Option<tls::InForce>,
        metric: Arc<Metric>,
        stop: CancellationToken,
    ) -> Self {
        let (http, subscription) = (&config.http, &config.subscription);
        let idle = Duration::from_millis(http.idle_ms);
        let ping = Duration::from_millis(subscription.ping_ms);
        let patience = Duration::from_millis(http.stall_ms);
        let mut builder = Builder::new(Streams { patience });
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .max_buf_size(http.header_bytes.saturating_add(BEYOND));
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(ping)
            .keep_alive_timeout(ping)
            .max_header_list_size(u32::try_from(http.header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(u32::try_from(subscription.operations).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(RESET)
            .max_local_error_reset_streams(MISTAKES)
            .enable_connect_protocol();
        let places = Arc::new(Semaphore::new(http.connections.min(Semaphore::MAX_PERMITS)));
        let header = Duration::from_millis(http.header_ms);
        // Proxies of ours are one address to all who come through them.
        let each = (http.proxies == 0).then_some(http.strangers_per_address);
        let strangers = Strangers::new(http.strangers, each);
        Self { router, builder, tls, places, strangers, header, idle, patience, metric, stop }
    }

    /// Takes connections until the stop, and waits for those that are open then.
    pub(super) async fn serve(self, listener: TcpListener) {
        let server = Arc::new(self);
        let open = TaskTracker::new();
        let (mut crowded, mut told) = (false, None::<time::Instant>);
        loop {
            let (stream, from, place) = tokio::select! {
                biased;
                () = server.stop.cancelled() => break,
                taken = server.take(&listener, &mut crowded) => taken,
            };
            match server.strangers.enter(Source::from(Some(from.ip()))) {
                Ok(stranger) => {
                    let place = Place::new(place, &server.metric);
                    open.spawn(Arc::clone(&server).talk(stream, from, place, stranger));
                }
                Err(crowd) => {
                    server.metric.crowded(crowd);
                    if told.is_none_or(|told| told.elapsed() >= TOLD) {
                        told = Some(time::Instant::now());
                        tracing::warn!(%from, ?crowd, "too many connections ask for nothing; others are closed");
                    }
                }
            }
        }
        drop(listener);
        open.close();
        open.wait().await;
    }

    /// The next connection, as soon as there is room for one.
    async fn take(
        &self,
        listener: &TcpListener,
        crowded: &mut bool,
    ) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        let place = self.place(crowded).await;
        loop {
            match listener.accept().await {
                Ok((stream, from)) => return (stream, from, place),
                // Its client is gone already.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted
                            | io::ErrorKind::ConnectionRefused
                            | io::ErrorKind::ConnectionReset
                    ) => {}
                Err(error) => {
                    tracing::error!(%error, "a connection cannot be taken");
                    time::sleep(REST).await;
                }
            }
        }
    }

    async fn place(&self, crowded: &mut bool) -> OwnedSemaphorePermit {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            *crowded = false;
            return place;
        }
        if !std::mem::replace(crowded, true) {
            tracing::warn!("as many connections are open as there may be; others wait until one ends");
        }
        match Arc::clone(&self.places).acquire_owned().await {
            Ok(place) => place,
            // Nobody closes it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Lives as long as the connection, or until it is a WebSocket.
    async fn talk(self: Arc<Self>, stream: TcpStream, from: SocketAddr, place: Place, stranger: Stranger) {
        // Answers are small and written whole: waiting to fill a packet only delays them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        let Some(line) = self.greet(stream).await else { return };
        let begun = Arc::new(AtomicU64::new(0));
        let (counted, router) = (Arc::clone(&begun), TowerToHyperService::new(self.router.clone()));
        let stranger = Mutex::new(Some(stranger));
        let service = service_fn(move |mut request: Request<Incoming>| {
            if counted.fetch_add(1, Ordering::Relaxed) == 0 {
                drop(stranger.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
            name_host(&mut request);
            request.extensions_mut().insert(ConnectInfo(from));
            let answered = router.call(request);
            async { Ok::<_, Infallible>(answered.await?.map(Answer::new)) }
        });
        let io = TokioIo::new(Stream { line, patience: self.patience, stalled: None, _place: place });
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(io, service));
        let mut alarm = pin!(time::sleep(self.header));
        let (mut known, mut leaving) = (0, false);
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "a connection broke");
                    }
                    return;
                }
                () = self.stop.cancelled(), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = alarm.as_mut(), if !leaving => match begun.load(Ordering::Relaxed) {
                    0 => {
                        tracing::debug!("a connection asked for nothing in time");
                        return;
                    }
                    count if count == known => {
                        // What it still waits for is finished.
                        leaving = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    count => {
                        known = count;
                        alarm.as_mut().reset(time::Instant::now() + self.idle);
                    }
                }
            }
        }
    }

    /// Makes the handshake, if there is one to make; nothing where it fails or is not made in time.
    async fn greet(&self, stream: TcpStream) -> Option<Line> {
        let Some(tls) = &self.tls else { return Some(Line::Clear(stream)) };
        let greeted = tokio::select! {
            biased;
            () = self.stop.cancelled() => return None,
            greeted = time::timeout(self.header, tls.acceptor().accept(stream)) => greeted,
        };
        match greeted {
            Ok(Ok(stream)) => Some(Line::Encrypted(Box::new(stream))),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!("a handshake was not made in time");
                None
            }
        }
    }
}

/// HTTP/2 names the host in the request's target (RFC 9113, 8.3.1); whoever asks for it here reads `Host`.
fn name_host<B>(request: &mut Request<B>) {
    if !request.headers().contains_key(header::HOST)
        && let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
}

/// A connection's bytes, which keep its place among all.
struct Stream {
    line: Line,
    patience: Duration,
    /// Runs while bytes wait for the peer to read.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

/// A connection's place, counted as long as it is taken.
struct Place {
    metric: Arc<Metric>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    fn new(permit: OwnedSemaphorePermit, metric: &Arc<Metric>) -> Self {
        metric.connected();
        Self { metric: Arc::clone(metric), _permit: permit }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.metric.disconnected();
    }
}

impl Stream {
    /// Tells how writing went; it fails where nothing has moved for too long.
    fn moved<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(time::sleep(patience)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "nothing is read of what was sent")))
    }
}

enum Line {
    Clear(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().line {
            Line::Clear(stream) => Pin::new(stream).poll_read(context, buffer),
            Line::Encrypted(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let written = match &mut stream.line {
            Line::Clear(line) => Pin::new(line).poll_write(context, bytes),
            Line::Encrypted(line) => Pin::new(line).poll_write(context, bytes),
        };
        stream.moved(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let written = match &mut stream.line {
            Line::Clear(line) => Pin::new(line).poll_write_vectored(context, pieces),
            Line::Encrypted(line) => Pin::new(line).poll_write_vectored(context, pieces),
        };
        stream.moved(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.line {
            Line::Clear(stream) => stream.is_write_vectored(),
            Line::Encrypted(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let written = match &mut stream.line {
            Line::Clear(line) => Pin::new(line).poll_flush(context),
            Line::Encrypted(line) => Pin::new(line).poll_flush(context),
        };
        stream.moved(context, written)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().line {
            Line::Clear(stream) => Pin::new(stream).poll_shutdown(context),
            Line::Encrypted(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
