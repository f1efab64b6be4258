//! Stories of who comes with a JSON Web Token. Keys are made here, and tokens are signed with them.

use std::{
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use data_encoding::BASE64URL_NOPAD;
use entity::{TokenId, token::Role};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use roamline::config::Config;
use rsa::{pkcs1::EncodeRsaPrivateKey, traits::PublicKeyParts};
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Roamline, text},
    story,
};

/// Where the clock of a story stands, in seconds.
const NOW: i64 = 1_767_225_600;

/// A key of an issuer.
enum Key {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Ed(Ed25519KeyPair),
    Secret(Vec<u8>),
}

/// Made once, as large primes are slow to find.
static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2_048).expect("a key");
    key.to_pkcs1_der().expect("written").as_bytes().to_vec()
});

fn coded(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

impl Key {
    fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::from_der(&RSA).expect("a key")))
    }

    fn ec() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self::Ec(Box::new(EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("a key")))
    }

    fn ed() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self::Ed(Ed25519KeyPair::from_pkcs8(key.as_ref()).expect("a key"))
    }

    /// As it stands in a key set.
    fn published(&self, id: &str) -> Value {
        let mut jwk = match self {
            Self::Rsa(_) => {
                let key = <rsa::RsaPrivateKey as rsa::pkcs1::DecodeRsaPrivateKey>::from_pkcs1_der(&RSA)
                    .expect("a key");
                json!({"kty": "RSA", "n": coded(&key.n().to_bytes_be()), "e": coded(&key.e().to_bytes_be())})
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": coded(&point[1..33]), "y": coded(&point[33..])})
            }
            Self::Ed(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": coded(key.public_key().as_ref())}),
            Self::Secret(secret) => json!({"kty": "oct", "k": coded(secret)}),
        };
        jwk["kid"] = json!(id);
        jwk
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
            Self::Secret(_) => "HS256",
        }
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
                signature
            }
            Self::Ec(key) => key.sign(&random, message).expect("signed").as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
            Self::Secret(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
        }
    }

    fn token(&self, id: &str, claims: &Value) -> String {
        self.signed(&json!({"typ": "JWT", "alg": self.algorithm(), "kid": id}), claims)
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        let message =
            format!("{}.{}", coded(header.to_string().as_bytes()), coded(claims.to_string().as_bytes()));
        format!("{message}.{}", coded(&self.signature(message.as_bytes())))
    }
}

/// Claims that are good for everything.
fn claims() -> Value {
    json!({
        "iss": "https://idp.example", "aud": ["other", "roamline"], "exp": NOW + 600, "sub": "anna",
        "roamline_role": "ADMIN", "roamline_organization": "*",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn takes(config: &mut Config, keys: &str) {
    config.jwt.issuer = "https://idp.example".into();
    config.jwt.audience = "roamline".into();
    config.jwt.keys = keys.into();
}

/// A key set in a file.
fn file(keys: &[Value]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), json!({"keys": keys}).to_string()).expect("written");
    file
}

const ME: &str = "{ me { name role organization { path } } }";

async fn is_anybody(server: &Roamline, token: String) -> bool {
    let answer = server.client(Some(token)).ask(ME, json!({})).await;
    match answer["errors"][0]["extensions"]["code"].as_str() {
        None => true,
        Some(code) => {
            // Whatever is wrong, nobody is told more than a stranger.
            let stranger = server.stranger().ask(ME, json!({})).await;
            assert_eq!(code, "UNAUTHENTICATED");
            assert_eq!(answer["errors"][0]["message"], stranger["errors"][0]["message"]);
            false
        }
    }
}

/// RFC 7518, 3.1: the four algorithms, each with its own kind of key.
#[tokio::test]
async fn every_algorithm_is_taken_with_its_own_key() {
    let keys = [Key::rsa(), Key::ec(), Key::ed(), Key::Secret(vec![7; 32])];
    let published: Vec<_> = keys.iter().map(|key| key.published(key.algorithm())).collect();
    let file = file(&published);
    let server = Roamline::sqlite_with(|config| {
        takes(config, &file.path().to_string_lossy());
        config.jwt.algorithms = "HS256, RS256, ES256, EdDSA".into();
    })
    .await;
    for key in &keys {
        let algorithm = key.algorithm();
        assert!(is_anybody(&server, key.token(algorithm, &claims())).await, "{algorithm}");
        // A signature of other bytes, and one of another key.
        let mut forged = key.token(algorithm, &claims());
        let claims_at = forged.find('.').expect("parts") + 1;
        let claims_end = forged.rfind('.').expect("parts");
        forged.replace_range(claims_at..claims_end, &coded(with("sub", json!("eva")).to_string().as_bytes()));
        assert!(!is_anybody(&server, forged).await, "{algorithm}");
        for other in keys.iter().filter(|other| other.algorithm() != algorithm) {
            assert!(!is_anybody(&server, other.token(algorithm, &claims())).await, "{algorithm}");
            let header = json!({"alg": algorithm, "kid": algorithm});
            assert!(!is_anybody(&server, other.signed(&header, &claims())).await, "{algorithm}");
        }
    }
    server.close().await;
}

/// RFC 8725, 2 and 3: what attackers try.
#[tokio::test]
async fn what_is_not_the_issuers_is_refused_and_nobody_is_told_why() {
    let (key, rsa) = (Key::ed(), Key::rsa());
    let file = file(&[key.published("now"), rsa.published("rsa")]);
    let server = Roamline::sqlite_with(|config| {
        takes(config, &file.path().to_string_lossy());
        config.jwt.required_claims = "sub".into();
    })
    .await;
    assert!(is_anybody(&server, key.token("now", &claims())).await);
    // The header names no key, and there is one that fits.
    assert!(is_anybody(&server, key.signed(&json!({"alg": "EdDSA"}), &claims())).await);

    let none = |header: Value| {
        format!("{}.{}.", coded(header.to_string().as_bytes()), coded(claims().to_string().as_bytes()))
    };
    let modulus = rsa.published("rsa");
    // The public key, taken for a secret.
    let confused = Key::Secret(BASE64URL_NOPAD.decode(text(&modulus["n"]).as_bytes()).expect("a number"));
    let mut refused = vec![
        none(json!({"alg": "none"})),
        none(json!({"alg": "None", "kid": "now"})),
        none(json!({"alg": "EdDSA", "kid": "now"})),
        confused.token("rsa", &claims()),
        confused.signed(&json!({"alg": "RS256", "kid": "rsa"}), &claims()),
        key.token("then", &claims()),
        key.token("rsa", &claims()),
        Key::ed().token("now", &claims()),
        key.signed(&json!({"alg": "EdDSA", "kid": "now", "crit": ["exp"]}), &claims()),
        key.token("now", &json!("claims")),
        "a.b.c".to_owned(),
        "..".to_owned(),
        format!("{}.{}.", "e".repeat(9_000), "e".repeat(9_000)),
    ];
    // Keys that a token brings along are nobody's.
    let own = Key::ed();
    refused.push(own.signed(&json!({"alg": "EdDSA", "kid": "own", "jwk": own.published("own")}), &claims()));
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(null)),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("aud", json!(null)),
        ("exp", json!(NOW - 61)),
        ("exp", json!(null)),
        ("nbf", json!(NOW + 61)),
        ("sub", json!(null)),
        ("roamline_role", json!("EMPEROR")),
        ("roamline_role", json!(null)),
        ("roamline_organization", json!("nowhere")),
        ("roamline_organization", json!(null)),
    ] {
        refused.push(key.token("now", &with(name, value)));
    }
    for token in refused {
        assert!(!is_anybody(&server, token.clone()).await, "{token}");
    }
    server.close().await;
}

story! {
    /// Claims say who it is, what they may and where; jobs, streams and revocations know them as they know everybody.
    async fn a_bearer_is_known_by_its_claims(plain) {
        let estate = plain.estate().await;
        let key = Key::ec();
        let file = file(&[key.published("now")]);
        let server = plain.beside_with(|config| {
            takes(config, &file.path().to_string_lossy());
            config.jwt.role_claim = "groups".into();
            config.jwt.roles = "help=VIEWER, desk=OPERATOR".into();
        }).await;
        let mut said = with("groups", json!(["help", "desk", "chess"]));
        said["roamline_organization"] = json!("acme.north");
        let bearer = server.client(Some(key.token("now", &said)));
        let me = bearer.data(ME).await;
        assert_eq!(me["me"], json!({"name": "anna", "role": "OPERATOR", "organization": {"path": "acme.north"}}));

        // What they do is theirs.
        bearer.profile(&estate, &estate.berlin, "EM-jwt", &[]).await;
        let changes = bearer.data("{ changes(last: 1) { nodes { by } } }").await;
        assert_eq!(changes["changes"]["nodes"][0]["by"], "anna");
        let input = json!({
            "organizationId": estate.rome, "clusterId": estate.emea, "name": "EM-x", "product": "Cisco 8841", "protocol": "SIP",
        });
        assert_eq!(bearer.refused("createProfile", input).await, ["NOT_FOUND at organizationId"]);

        // They are kept once, whatever they come with: a fresh token for the same is nobody else.
        let tokens = async || server.app.tokens().await.expect("tokens");
        let count = tokens().await.len();
        said["exp"] = json!(NOW + 1_200);
        let fresh = server.client(Some(key.token("now", &said)));
        fresh.data(ME).await;
        assert_eq!(tokens().await.len(), count);
        let kept = tokens().await.pop().expect("a token");
        assert_eq!((kept.name.as_str(), kept.role), ("anna", Role::Operator));
        assert_eq!(kept.expires_at.map(|at| at.0), Some((NOW + 1_260) * 1_000_000));

        // Each ends at its own time.
        server.pass(Duration::from_mins(11));
        assert_eq!(bearer.code(ME).await, "UNAUTHENTICATED");
        fresh.data(ME).await;
        assert!(server.app.revoke_token(TokenId(kept.id.0)).await.expect("revoked"));
        let mut later = said.clone();
        later["iat"] = json!(NOW);
        assert_eq!(server.client(Some(key.token("now", &later))).code(ME).await, "UNAUTHENTICATED");
        // With another role it is another grant.
        later["groups"] = json!("help");
        assert_eq!(server.client(Some(key.token("now", &later))).data(ME).await["me"]["role"], "VIEWER");
        server.close().await;
    }
}

story! {
    /// ACC-2: a claim names a composed role, which is given at its organization and below.
    async fn a_claim_gives_a_composed_role(plain) {
        let (estate, admin) = (plain.estate().await, plain.admin());
        let key = Key::ed();
        let file = file(&[key.published("now")]);
        let server = plain.beside_with(|config| takes(config, &file.path().to_string_lossy())).await;
        let compose = async |at: &str, action: &str| {
            let rights = json!([{"noun": "LINE", "actions": ["READ", action]}]);
            let input = json!({"organizationId": at, "name": "Help desk", "rights": rights});
            admin.done("createRole", input, "").await;
        };
        compose(&estate.acme, "CREATE").await;
        compose(&estate.north, "DELETE").await;
        let me = async |path: &str| {
            let mut said = with("roamline_role", json!(["chess", "help desk"]));
            said["roamline_organization"] = json!(path);
            let client = server.client(Some(key.token("now", &said)));
            client.ask("{ me { role rights { actions } } }", json!({})).await
        };
        // The nearest of the name counts.
        for (path, action) in [("acme", "CREATE"), ("acme.south.rome", "CREATE"), ("acme.north.berlin", "DELETE")] {
            let wanted = json!({"me": {"role": "VIEWER", "rights": [{"actions": ["READ", action]}]}});
            assert_eq!(me(path).await["data"], wanted, "{path}");
        }
        assert_eq!(me("*").await["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        // What was kept of a token that has ended keeps no organization.
        server.pass(Duration::from_secs(700));
        let later = server.beside().await;
        later.pass(Duration::from_secs(700));
        let rome = json!({"id": estate.rome});
        later.client(admin.token().map(str::to_owned)).done("deleteOrganization", rome, "").await;
        later.close().await;
        server.close().await;
    }
}

/// A stream ends with the token that it was begun with, though its bearer has a fresh one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_with_its_token() {
    let key = Key::ed();
    let file = file(&[key.published("now")]);
    let server = Roamline::sqlite_with(|config| takes(config, &file.path().to_string_lossy())).await;
    let short = server.client(Some(key.token("now", &claims())));
    server.client(Some(key.token("now", &with("exp", json!(NOW + 6_000))))).data(ME).await;
    let mut feed = short.follow_on("change { kind }").await;
    server.admin().done("createOrganization", json!({"kind": "PROVIDER", "name": "acme"}), "").await;
    assert_eq!(feed.next().await["change"]["kind"], "ORGANIZATION_CREATED");
    server.pass(Duration::from_secs(661));
    assert_eq!(feed.ends_with().await, "UNAUTHENTICATED");
    server.close().await;
}

/// An issuer that publishes its keys, on this machine.
#[derive(Clone, Default)]
struct Idp(Arc<Mutex<(Vec<Value>, bool, u32)>>);

impl Idp {
    async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}/jwks", listener.local_addr().expect("an address"));
        let routes = Router::new().route("/jwks", get(Self::answer)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        address
    }

    async fn answer(State(idp): State<Self>) -> Result<Json<Value>, StatusCode> {
        let mut idp = idp.0.lock().expect("nobody panicked");
        idp.2 += 1;
        if idp.1 { Err(StatusCode::SERVICE_UNAVAILABLE) } else { Ok(Json(json!({"keys": idp.0}))) }
    }

    fn publish(&self, keys: &[Value]) {
        self.0.lock().expect("nobody panicked").0 = keys.to_vec();
    }

    fn break_down(&self, broken: bool) {
        self.0.lock().expect("nobody panicked").1 = broken;
    }

    fn asked(&self) -> u32 {
        self.0.lock().expect("nobody panicked").2
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_an_address_are_read_again_when_a_new_one_comes() {
    let (old, new, idp) = (Key::rsa(), Key::ec(), Idp::default());
    // A secret from an address is not taken.
    let secret = Key::Secret(vec![7; 32]);
    idp.publish(&[old.published("old"), secret.published("secret")]);
    let address = idp.serve().await;
    let server = Roamline::sqlite_with(|config| takes(config, &address)).await;
    let count = std::cell::Cell::new(0);
    // Each token is another one, so that none is remembered.
    let comes = async |key: &Key, id: &str| {
        count.set(count.get() + 1);
        is_anybody(&server, key.token(id, &with("jti", json!(count.get())))).await
    };
    assert!(comes(&old, "old").await);
    assert!(!comes(&secret, "secret").await);
    assert_eq!(idp.asked(), 1);

    // The floor: however many come with a key that is unknown, the address is not asked again so soon.
    idp.publish(&[old.published("old"), new.published("new")]);
    for _ in 0..5 {
        assert!(!comes(&new, "new").await);
    }
    assert_eq!(idp.asked(), 1);
    server.pass(Duration::from_secs(30));
    assert!(comes(&new, "new").await);
    assert_eq!(idp.asked(), 2);

    // An address that does not answer leaves the keys as they are.
    idp.break_down(true);
    server.pass(Duration::from_secs(30));
    assert!(!comes(&Key::ed(), "third").await);
    assert_eq!(idp.asked(), 3);
    assert!(comes(&old, "old").await && comes(&new, "new").await);

    // A key that was withdrawn is no longer taken once the keys were read again.
    idp.break_down(false);
    idp.publish(&[new.published("new")]);
    server.pass(Duration::from_secs(30));
    assert!(!comes(&Key::ed(), "third").await);
    assert!(!comes(&old, "old").await && comes(&new, "new").await);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_a_file_are_read_again_after_a_time() {
    let (old, new) = (Key::ed(), Key::ed());
    let file = file(&[old.published("one")]);
    let server = Roamline::sqlite_with(|config| {
        takes(config, &file.path().to_string_lossy());
        config.jwt.refresh_secs = 120;
    })
    .await;
    assert!(is_anybody(&server, old.token("one", &claims())).await);
    // The new key has the old one's name, so that no token asks for it.
    std::fs::write(file.path(), json!({"keys": [new.published("one")]}).to_string()).expect("written");
    let mut tried = 0;
    server.pass(Duration::from_mins(2));
    // Who comes first is still judged by the keys that are known, and has them read.
    while !is_anybody(&server, new.token("one", &with("jti", json!(tried)))).await {
        tried += 1;
        assert!(tried < 1_000, "never read again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!is_anybody(&server, old.token("one", &with("jti", json!("late")))).await);
    server.close().await;
}

/// Our own tokens are taken beside, and nothing is asked of the issuer for them.
#[tokio::test]
async fn our_own_tokens_are_taken_beside() {
    let idp = Idp::default();
    let address = idp.serve().await;
    let server = Roamline::sqlite_with(|config| takes(config, &address)).await;
    let admin: Client = server.admin();
    assert_eq!(admin.data(ME).await["me"]["role"], "ADMIN");
    assert_eq!(idp.asked(), 0);
    server.close().await;
}

story! {
    /// Why an issuer's token is refused is told to administrators, and nothing that stands in the token.
    async fn a_refused_token_is_told_to_the_audit_with_its_reason(plain) {
        let key = Key::ed();
        let file = file(&[key.published("now")]);
        let server = plain.beside_with(|config| takes(config, &file.path().to_string_lossy())).await;
        for token in [
            key.token("now", &with("exp", json!(NOW - 61))),
            key.token("now", &with("roamline_organization", json!("made-up"))),
            Key::ed().token("now", &claims()),
            key.signed(&json!({"alg": "made-up"}), &claims()),
            key.token("made-up: \"kid\"", &claims()),
        ] {
            assert!(!is_anybody(&server, token).await);
        }
        server.app.flush_audit().await;
        let query = "{ auditEntries(filter: {kinds: [ATTEMPT_REFUSED]}, orderBy: {direction: ASCENDING}) \
                     { nodes { code message by address } } }";
        let found = plain.admin().data(query).await;
        let why = [
            "it has expired", "its organization does not exist", "InvalidSignature", "its header cannot be read",
            "its key … for EdDSA is unknown",
        ];
        let entry = |why| json!({
            "code": "TOKEN_REFUSED", "message": format!("A token was not taken: {why}."), "by": null, "address": "127.0.0.1",
        });
        assert_eq!(found["auditEntries"]["nodes"], json!(why.map(entry)));
        server.close().await;
    }
}
