//! Who guesses tokens waits: each refusal of an unknown token comes later than the one before to the same address, until
//! it has sent none for a while. Only refusals wait, and they wait with nothing in their hands: no core, no place among the
//! requests that are answered, no connection to the database.
//!
//! So many refusals of one address wait at a time, whether or not their clients wait with them, so that leaving early
//! wins nothing. Beyond them a token that is not known here is turned away unseen: if it were judged, an answer at once
//! would tell that it is wrong, and there would be no wait at all. Whoever has used a right token lately goes on with it
//! from that address as from any other.
//!
//! Addresses are the connection's. Behind proxies of ours they are what the outermost of them saw, counted from the end of
//! `X-Forwarded-For`, where nobody but our own proxies writes.

use std::{
    collections::VecDeque,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use lru::LruCache;
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{self, Fault},
    bearer,
    metric::{Metric, Refusal},
};
use crate::{app::App, config::Http, guard::RETRY_AFTER};

/// Addresses remembered at once; a new one takes the place of the one that was silent longest.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("more than none");

/// Whence tokens come that are counted together. Of IPv6 everybody has at least a network of 64 bits to choose from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) enum Source {
    V4(Ipv4Addr),
    V6(u64),
    /// Where a request came on no connection, as in tests of the routes.
    Nowhere,
}

impl From<Option<IpAddr>> for Source {
    fn from(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::Nowhere,
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => {
                let network = address.to_bits() >> 64;
                Self::V6(u64::try_from(network).unwrap_or(u64::MAX))
            }
        }
    }
}

/// What came from an address.
struct Record {
    /// Unknown tokens, one behind the other.
    wrong: u32,
    last: Instant,
    /// Until when each refusal waits, the earliest first.
    waiting: VecDeque<Instant>,
}

/// Who has come with unknown tokens; clones share it.
#[derive(Clone)]
pub(super) struct Guesses(Arc<Inner>);

struct Inner {
    app: App,
    metric: Arc<Metric>,
    stop: CancellationToken,
    pace: Pace,
    proxies: usize,
}

/// How fast an address may guess.
struct Pace {
    first: Duration,
    most: Duration,
    waiting: usize,
    forget: Duration,
    records: Mutex<LruCache<Source, Record>>,
    /// Whether there is any record: while there is none, nobody looks for theirs.
    any: AtomicBool,
}

/// A refusal that waits.
#[derive(Clone)]
pub(super) struct Late {
    until: Instant,
    stop: CancellationToken,
}

impl Late {
    /// Waits. When the server stops there is nothing left to guess.
    pub(super) async fn over(self) {
        tokio::select! {
            () = time::sleep_until(self.until) => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// Too many refusals of the address wait; there is room for another after so long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TooMany(Duration);

impl From<TooMany> for Fault {
    fn from(TooMany(wait): TooMany) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        let message =
            format!("too many unknown tokens came from this address; send yours again in {seconds} s");
        let mut error = answer::error("THROTTLED", message);
        error.extensions.get_or_insert_default().set(RETRY_AFTER, seconds);
        Self::of(vec![error])
    }
}

impl Guesses {
    pub(super) fn new(app: &App, metric: Arc<Metric>, stop: CancellationToken) -> Self {
        let http = &app.config().http;
        let (pace, proxies) = (Pace::new(http), http.proxies);
        Self(Arc::new(Inner { app: app.clone(), metric, stop, pace, proxies }))
    }

    /// Whence a request comes: the connection's peer, or whom our outermost proxy saw.
    pub(super) fn source(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Source {
        let through = if self.0.proxies == 0 { None } else { forwarded(headers, self.0.proxies) };
        through.or(peer.map(|peer| peer.ip())).into()
    }

    /// Whether a token from there is judged now.
    pub(super) fn admits(&self, source: Source, token: &str) -> Result<(), TooMany> {
        let admitted = self.0.pace.admits(source, Instant::now());
        if admitted.is_ok() || self.0.app.remembers(token) {
            return Ok(());
        }
        self.0.metric.refused(Refusal::TurnedAway);
        admitted
    }

    /// Notes that a token from there is unknown; how its refusal waits.
    pub(super) fn unknown(&self, source: Source) -> Result<Option<Late>, TooMany> {
        let paced = self.0.pace.unknown(source, Instant::now());
        self.0.metric.refused(if paced.is_ok() { Refusal::Told } else { Refusal::TurnedAway });
        Ok(paced?.map(|until| Late { until, stop: self.0.stop.clone() }))
    }
}

/// Turns away a token of those who guess too many; the refusal of another one is marked to be late, for whoever answers
/// last.
pub(super) async fn slowed(State(guesses): State<Guesses>, request: Request, next: Next) -> Response {
    let Ok(Some(token)) = bearer(request.headers()) else { return next.run(request).await };
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    let source = guesses.source(peer, request.headers());
    if let Err(too_many) = guesses.admits(source, token) {
        return Fault::from(too_many).into_response();
    }
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        match guesses.unknown(source) {
            Ok(Some(late)) => {
                response.extensions_mut().insert(late);
            }
            Ok(None) => {}
            Err(too_many) => return Fault::from(too_many).into_response(),
        }
    }
    response
}

impl Pace {
    fn new(http: &Http) -> Self {
        Self {
            first: Duration::from_millis(http.guess_ms),
            most: Duration::from_millis(http.guess_most_ms),
            waiting: http.guess_waiting,
            forget: Duration::from_secs(http.guess_forget_secs),
            records: Mutex::new(LruCache::new(REMEMBERED)),
            any: AtomicBool::new(false),
        }
    }

    fn admits(&self, source: Source, now: Instant) -> Result<(), TooMany> {
        if !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        match records.peek_mut(&source) {
            Some(record) => record.room(self.waiting, now),
            None => Ok(()),
        }
    }

    /// Until when the refusal of one more unknown token waits; nothing where none do.
    fn unknown(&self, source: Source, now: Instant) -> Result<Option<Instant>, TooMany> {
        if self.first.is_zero() {
            return Ok(None);
        }
        let fresh = || Record { wrong: 0, last: now, waiting: VecDeque::new() };
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(true, Ordering::Relaxed);
        let record = records.get_or_insert_mut(source, fresh);
        if now.saturating_duration_since(record.last) >= self.forget {
            *record = fresh();
        }
        record.last = now;
        record.room(self.waiting, now)?;
        let delay = self.first.saturating_mul(2_u32.saturating_pow(record.wrong)).min(self.most);
        record.wrong = record.wrong.saturating_add(1);
        // Behind those that wait already: they are as many as may wait, and delays never become shorter.
        let until = now + delay;
        record.waiting.push_back(until);
        Ok(Some(until))
    }
}

impl Record {
    /// Whether one more refusal may wait, those whose time is up left out.
    fn room(&mut self, most: usize, now: Instant) -> Result<(), TooMany> {
        while self.waiting.front().is_some_and(|until| *until <= now) {
            self.waiting.pop_front();
        }
        match self.waiting.front() {
            Some(until) if self.waiting.len() >= most => Err(TooMany(*until - now)),
            _ => Ok(()),
        }
    }
}

/// Whom the outermost of so many proxies saw. Each one writes behind what is there, so the last ones are ours, and what
/// stands before them anybody may have made up. Nobody where a request did not come through all of them.
pub(super) fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").into_iter().rev();
    let named = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    let seen = named.map(str::trim).nth(proxies.checked_sub(1)?)?;
    // Some add the port.
    seen.parse().ok().or_else(|| Some(seen.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const ANN: Source = Source::V4(Ipv4Addr::new(192, 0, 2, 1));
    const BEN: Source = Source::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn pace(change: impl FnOnce(&mut Http)) -> Pace {
        let mut http = Http::default();
        change(&mut http);
        Pace::new(&http)
    }

    fn millis(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn each_unknown_token_of_an_address_is_refused_later_than_the_one_before() {
        let pace = pace(|http| http.guess_most_ms = 1_000);
        let now = Instant::now();
        let delay = |source| pace.unknown(source, now).map(|until| until.expect("waits") - now);
        let told: Vec<_> = (0..6).map(|_| delay(ANN)).collect();
        assert_eq!(told, [100, 200, 400, 800, 1_000, 1_000].map(|ms| Ok(millis(ms))));
        assert_eq!(delay(BEN), Ok(millis(100)), "another address begins for itself");
        assert_eq!(pace.unknown(ANN, now + millis(299_999)), Ok(Some(now + millis(300_999))));
        let later = now + millis(600_000);
        assert_eq!(pace.unknown(ANN, later), Ok(Some(later + millis(100))), "forgotten");
    }

    #[test]
    fn so_many_refusals_wait_and_then_nobody_is_judged() {
        let pace = pace(|http| http.guess_waiting = 3);
        let now = Instant::now();
        for _ in 0..3 {
            assert_eq!(pace.admits(ANN, now), Ok(()));
            assert!(pace.unknown(ANN, now).is_ok());
        }
        // They wait 100, 200 and 400 ms.
        assert_eq!(pace.admits(ANN, now), Err(TooMany(millis(100))));
        assert_eq!(
            pace.unknown(ANN, now + millis(40)),
            Err(TooMany(millis(60))),
            "nor are those that were let in"
        );
        assert_eq!(pace.admits(BEN, now), Ok(()));
        assert_eq!(pace.admits(ANN, now + millis(100)), Ok(()), "one has waited");
        assert_eq!(
            pace.unknown(ANN, now + millis(100)),
            Ok(Some(now + millis(900))),
            "turned away is not judged"
        );
    }

    #[test]
    fn without_a_delay_nothing_is_remembered() {
        let pace = pace(|http| http.guess_ms = 0);
        let now = Instant::now();
        assert!((0..1_000).all(|_| pace.unknown(ANN, now) == Ok(None) && pace.admits(ANN, now).is_ok()));
        assert_eq!(pace.records.lock().expect("nobody panicked").len(), 0);
    }

    #[test]
    fn addresses_are_remembered_up_to_a_number() {
        let pace = pace(|_| {});
        let now = Instant::now();
        for network in 0..20_000 {
            assert!(pace.unknown(Source::V6(network), now).is_ok());
        }
        assert_eq!(pace.records.lock().expect("nobody panicked").len(), REMEMBERED.get());
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_mapped_one_is_of_ipv4() {
        let source = |text: &str| Source::from(Some(text.parse::<IpAddr>().expect("an address")));
        assert_eq!(source("2001:db8:1:2::7"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::7"), source("2001:db8:1:3::7"));
        assert_eq!(source("::ffff:192.0.2.1"), ANN);
        assert_ne!(source("192.0.2.1"), BEN);
    }

    /// What a client writes of itself stands before what our proxies write, and is not believed.
    #[test]
    fn only_our_own_proxies_are_believed() {
        let seen = |lines: &[&'static str], proxies| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", HeaderValue::from_static(line));
            }
            forwarded(&headers, proxies).map(|address| address.to_string())
        };
        for (lines, proxies, address) in [
            (&["198.51.100.7"][..], 1, Some("198.51.100.7")),
            (&["10.0.0.1, 198.51.100.7"], 1, Some("198.51.100.7")),
            (&["10.0.0.1", "198.51.100.7, 10.9.9.9"], 2, Some("198.51.100.7")),
            (&["198.51.100.7:5060"], 1, Some("198.51.100.7")),
            (&["[2001:db8::1]:5060"], 1, Some("2001:db8::1")),
            (&["2001:db8::1"], 1, Some("2001:db8::1")),
            (&["198.51.100.7"], 2, None),
            (&["198.51.100.7, unknown"], 1, None),
            (&["198.51.100.7,"], 1, None),
            (&[], 1, None),
        ] {
            assert_eq!(seen(lines, proxies).as_deref(), address, "{lines:?} {proxies}");
        }
    }
}
