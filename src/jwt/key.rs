//! The issuer's keys: read from a file or an address, kept, and read again when a token names one that is not among them
//! and when some time has passed. Whoever asks for unknown keys makes us ask no oftener than the floor; what does not
//! answer leaves the keys as they are.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use entity::Moment;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{StatusCode, Uri, body::Bytes};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde_json::Value;

use super::{Refused, micros, no};
use crate::config;

/// Most bytes of a key set.
const MOST_BYTES: usize = 1024 * 1024;
/// Most keys of a set; more are left out.
const MOST_KEYS: usize = 100;
/// How long an address may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Fewest bytes of an HMAC secret: as many as its hash has (RFC 7518, 3.2).
const SECRET: usize = 32;

/// A key and the one algorithm that it is for.
#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

/// Which key a token asks for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) id: Option<&'a str>,
    pub(super) algorithm: Algorithm,
}

/// The keys as they were read last. Clones share them.
#[derive(Clone)]
pub(super) struct Keys(Arc<Inner>);

struct Inner {
    source: Source,
    algorithms: Vec<Algorithm>,
    /// Microseconds after which they are read again.
    refresh: i64,
    /// Least microseconds between two reads.
    floor: i64,
    kept: Mutex<Kept>,
    /// Held by who reads them; others who miss a key wait for it.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Kept {
    keys: Arc<Vec<Key>>,
    /// When they were tried to be read last, whatever came of it.
    tried: Option<Moment>,
    /// When they were read last.
    read: Option<Moment>,
}

enum Source {
    File(PathBuf),
    Address(Box<Fetch>),
}

struct Fetch {
    address: Uri,
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Keys {
    pub(super) fn new(settings: &config::Jwt, algorithms: Vec<Algorithm>) -> std::io::Result<Self> {
        let source = if settings.keys.contains("://") {
            let address = settings.keys.parse().map_err(std::io::Error::other)?;
            Source::Address(Box::new(Fetch { address, client: client()? }))
        } else {
            Source::File(PathBuf::from(&settings.keys))
        };
        let span = |seconds: u64| micros(i64::try_from(seconds).unwrap_or(i64::MAX));
        Ok(Self(Arc::new(Inner {
            source,
            algorithms,
            refresh: span(settings.refresh_secs),
            floor: span(settings.floor_secs),
            kept: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        })))
    }

    /// The key that a token asks for, read anew where it is not among those that are kept.
    pub(super) async fn find(&self, wanted: Wanted<'_>, now: Moment) -> Result<Key, Refused> {
        if !self.0.algorithms.contains(&wanted.algorithm) {
            return no(format!("its algorithm {:?} is not one that is taken", wanted.algorithm));
        }
        let kept = self.kept();
        if let Ok(key) = kept.find(wanted) {
            // A token with a known key does not wait for an address that is slow.
            if kept.is_older(self.0.refresh, now) && self.0.may_read(&kept, now) {
                let keys = self.clone();
                tokio::spawn(async move { keys.read(now).await });
            }
            return Ok(key);
        }
        self.read(now).await;
        self.kept().find(wanted)
    }

    /// Reads them, unless that was tried a moment ago; tells how many are kept then.
    pub(super) async fn read(&self, now: Moment) -> usize {
        let _one = self.0.reading.lock().await;
        let kept = self.kept();
        if !self.0.may_read(&kept, now) {
            return kept.keys.len();
        }
        let read = self.0.source.read().await;
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.tried = Some(now);
        match read.and_then(|set| keys(&set, matches!(self.0.source, Source::File(_)))) {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "read the keys of JSON Web Tokens");
                kept.keys = Arc::new(keys);
                kept.read = Some(now);
            }
            Err(why) => {
                tracing::warn!(
                    why,
                    kept = kept.keys.len(),
                    "the keys of JSON Web Tokens cannot be read; those that are known stay"
                );
            }
        }
        kept.keys.len()
    }

    fn kept(&self) -> Kept {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Inner {
    /// Whether the last try is long enough ago. A clock that was set back is no reason to wait.
    fn may_read(&self, kept: &Kept, now: Moment) -> bool {
        kept.tried.is_none_or(|tried| now < tried || now.0 - tried.0 >= self.floor)
    }
}

impl Kept {
    fn is_older(&self, span: i64, now: Moment) -> bool {
        self.read.is_none_or(|read| now < read || now.0 - read.0 >= span)
    }

    /// A token that names no key is taken where there is only one that it can mean.
    fn find(&self, wanted: Wanted<'_>) -> Result<Key, Refused> {
        let fitting = |key: &&Key| {
            key.algorithm == wanted.algorithm && (wanted.id.is_none() || key.id.as_deref() == wanted.id)
        };
        let mut found = self.keys.iter().filter(fitting);
        match (found.next(), found.next()) {
            (Some(key), None) => Ok(key.clone()),
            (Some(_), Some(_)) => no("it names no key, and several would fit"),
            (None, _) => {
                let named: String = wanted.id.unwrap_or_default().chars().take(80).collect();
                no(format!("its key {named:?} for {:?} is unknown", wanted.algorithm))
            }
        }
    }
}

impl Source {
    async fn read(&self) -> Result<Value, String> {
        let bytes = match self {
            Self::File(path) => tokio::fs::read(path).await.map_err(|error| error.to_string())?,
            Self::Address(fetch) => tokio::time::timeout(PATIENCE, fetch.get())
                .await
                .unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))?,
        };
        serde_json::from_slice(&bytes).map_err(|error| format!("it is not JSON: {error}"))
    }
}

impl Fetch {
    async fn get(&self) -> Result<Vec<u8>, String> {
        let answer = self.client.get(self.address.clone()).await.map_err(|error| told(&error))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the answer's status is {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await;
        body.map(|body| body.to_bytes().to_vec()).map_err(|error| error.to_string())
    }
}

/// An error with what is behind it: the client's own says little.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        text = format!("{text}: {error}");
        behind = error.source();
    }
    text
}

/// A client that trusts whom this machine trusts.
fn client() -> std::io::Result<Client<HttpsConnector<HttpConnector>, Empty<Bytes>>> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// The keys of a set that can be used here; the others are left out, as RFC 7517 asks.
fn keys(set: &Value, secrets: bool) -> Result<Vec<Key>, String> {
    let all = set.get("keys").and_then(Value::as_array).ok_or("it has no list `keys`")?;
    Ok(all.iter().filter_map(|key| usable(key, secrets)).take(MOST_KEYS).collect())
}

/// A key for exactly one algorithm. A secret that comes from an address is none.
fn usable(key: &Value, secrets: bool) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(key.clone()).ok()?;
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        AlgorithmParameters::OctetKey(_) if secrets => (Algorithm::HS256, KeyAlgorithm::HS256),
        _ => return None,
    };
    let common = &jwk.common;
    let for_signatures = common.public_key_use.as_ref().is_none_or(|used| *used == PublicKeyUse::Signature);
    if !for_signatures || common.key_algorithm.is_some_and(|said| said != named) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    if algorithm == Algorithm::HS256 && key.try_get_as_bytes().map_or(0, <[u8]>::len) < SECRET {
        tracing::warn!("a secret for HS256 has fewer than {SECRET} bytes and is not used");
        return None;
    }
    Some(Key { id: common.key_id.clone(), algorithm, decoding: key })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const X: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    /// RFC 7517, 5: what cannot be used is left out, and the rest is used.
    #[test]
    fn a_key_has_the_one_algorithm_of_its_kind() {
        for (key, algorithm) in [
            (json!({"kty": "RSA", "n": X, "e": "AQAB"}), Some(Algorithm::RS256)),
            (
                json!({"kty": "RSA", "n": X, "e": "AQAB", "alg": "RS256", "use": "sig"}),
                Some(Algorithm::RS256),
            ),
            (json!({"kty": "RSA", "n": X, "e": "AQAB", "alg": "PS256"}), None),
            (json!({"kty": "RSA", "n": X, "e": "AQAB", "alg": "HS256"}), None),
            (json!({"kty": "RSA", "n": X, "e": "AQAB", "use": "enc"}), None),
            (json!({"kty": "EC", "crv": "P-256", "x": X, "y": X}), Some(Algorithm::ES256)),
            (json!({"kty": "EC", "crv": "P-384", "x": X, "y": X}), None),
            (json!({"kty": "EC", "crv": "P-521", "x": X, "y": X}), None),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": X}), Some(Algorithm::EdDSA)),
            (json!({"kty": "OKP", "crv": "X25519", "x": X}), None),
            (json!({"kty": "oct", "k": X}), Some(Algorithm::HS256)),
            (json!({"kty": "oct", "k": "c2hvcnQ"}), None),
            (json!({"kty": "new"}), None),
            (json!(7), None),
        ] {
            let found = keys(&json!({"keys": [key]}), true).expect("a set");
            assert_eq!(found.first().map(|key| key.algorithm), algorithm, "{key}");
        }
        let secret = json!({"keys": [{"kty": "oct", "k": X}]});
        assert!(keys(&secret, false).expect("a set").is_empty(), "an address gives no secrets");
        assert!(keys(&json!({}), true).is_err() && keys(&json!([]), true).is_err());
    }

    #[test]
    fn a_token_without_a_key_is_taken_where_one_key_fits() {
        let set = |ids: &[&str]| {
            let all: Vec<_> =
                ids.iter().map(|id| json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": id})).collect();
            Kept { keys: Arc::new(keys(&json!({"keys": all}), true).expect("a set")), ..Kept::default() }
        };
        let found = |set: &Kept, id, algorithm| set.find(Wanted { id, algorithm }).is_ok();
        let (one, two) = (set(&["a"]), set(&["a", "b"]));
        assert!(found(&one, Some("a"), Algorithm::EdDSA) && found(&one, None, Algorithm::EdDSA));
        assert!(found(&two, Some("b"), Algorithm::EdDSA) && !found(&two, None, Algorithm::EdDSA));
        assert!(!found(&one, Some("b"), Algorithm::EdDSA) && !found(&one, Some("a"), Algorithm::ES256));
    }
}
