//! TLS: a certificate that is made here, checked, renewed and broken.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use data_encoding::BASE64;
use hyper::{StatusCode, Version};
use roamline::{config::Config, http};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    connection::{ME, PATIENCE, Sender, token},
    roamline::{Roamline, ended},
};

/// A certificate for `localhost` that nobody has issued but itself, and its key.
pub struct Made {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Made {
    pub fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        Self { certificate: made.cert.der().clone(), key: made.signing_key.serialize_der() }
    }

    fn certificate(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    fn key(&self) -> String {
        pem("PRIVATE KEY", &self.key)
    }
}

fn pem(what: &str, bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    let lines = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("text"));
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {what}-----\n{lines}\n-----END {what}-----\n")
}

/// The two files that the settings name.
pub struct Files {
    _folder: tempfile::TempDir,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    pub fn of(made: &Made) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (certificate, key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
        let files = Self { _folder: folder, certificate, key };
        files.write(&made.certificate(), &made.key());
        files
    }

    fn write(&self, certificate: &str, key: &str) {
        fs::write(&self.certificate, certificate).expect("written");
        fs::write(&self.key, key).expect("written");
    }

    pub fn set(&self, config: &mut Config) {
        config.tls.certificate = self.certificate.display().to_string();
        config.tls.key = self.key.display().to_string();
        config.tls.reload_secs = 1;
    }
}

/// A server with this certificate.
async fn server_with(files: &Files) -> Roamline {
    Roamline::sqlite_with(|config| files.set(config)).await
}

/// Makes the handshake as a client that trusts one certificate and speaks these protocols.
pub async fn greeted(
    server: &Roamline,
    trusted: &Made,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(&server.address).await?;
    let name = "localhost".try_into().expect("a name");
    timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, stream)).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_agrees_on_the_version_and_both_are_served() {
    let made = Made::new();
    let files = Files::of(&made);
    let server = server_with(&files).await;
    let token = token(&server);
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let stream = greeted(&server, &made, offered).await.expect("a handshake");
        let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(alpn.as_deref(), agreed.map(str::as_bytes), "{offered:?}");
        let two = agreed == Some("h2");
        let mut sender = if two { Sender::two(stream).await } else { Sender::one(stream).await };
        // More than one request on a connection.
        for _ in 0..2 {
            let answer = sender.ask(&token).await;
            assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ME), "{offered:?}");
            assert_eq!(answer.version, if two { Version::HTTP_2 } else { Version::HTTP_11 });
            assert_eq!(answer.headers["strict-transport-security"], "max-age=86400");
        }
    }
    let other = Made::new();
    assert!(greeted(&server, &other, &["h2"]).await.is_err(), "it has the certificate that it was given");
    server.close().await;
}

/// Which certificate a server has now.
async fn shown(server: &Roamline, known: &[&Made]) -> Option<usize> {
    for (at, made) in known.iter().enumerate() {
        if greeted(server, made, &["h2"]).await.is_ok() {
            return Some(at);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_for_new_connections_and_a_broken_one_for_none() {
    let (old, new, third) = (Made::new(), Made::new(), Made::new());
    let files = Files::of(&old);
    let server = server_with(&files).await;
    let token = token(&server);
    let mut before = Sender::two(greeted(&server, &old, &["h2"]).await.expect("a handshake")).await;
    assert_eq!(before.ask(&token).await.body, ME);

    files.write(&new.certificate(), &new.key());
    let until = Instant::now() + PATIENCE;
    while shown(&server, &[&old, &new]).await != Some(1) {
        assert!(Instant::now() < until, "the new one never comes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(before.ask(&token).await.body, ME, "who is connected stays so");

    files.write(&third.certificate(), &new.key());
    for _ in 0..30 {
        assert_eq!(shown(&server, &[&new]).await, Some(0), "the one that was good stays");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    files.write(&third.certificate(), &third.key());
    let until = Instant::now() + PATIENCE;
    while shown(&server, &[&new, &third]).await != Some(1) {
        assert!(Instant::now() < until, "the third one never comes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.close().await;
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_before_anything_is_served() {
    let (made, other) = (Made::new(), Made::new());
    let files = Files::of(&made);
    let (certificate, key) = (files.certificate.display().to_string(), files.key.display().to_string());
    let told = |config: &Config| http::check(config).expect_err("it is wrong");
    let mut config = Config::default();
    assert_eq!(http::check(&config), Ok(()), "none is asked for");
    files.set(&mut config);
    assert_eq!(http::check(&config), Ok(()));
    for (in_certificate, in_key, wrong) in [
        (
            made.certificate(),
            other.key(),
            format!("the private key in {key} does not belong to the first certificate in {certificate}"),
        ),
        (String::new(), made.key(), format!("{certificate} holds no certificate in PEM")),
        (made.key(), made.key(), format!("{certificate} holds no certificate in PEM")),
        (
            made.certificate()[..100].to_owned(),
            made.key(),
            format!("{certificate} holds a certificate that is not whole or not in PEM"),
        ),
        (
            made.certificate(),
            String::new(),
            format!("{key} holds no whole private key without a password in PEM"),
        ),
        (
            made.certificate(),
            made.key()[..100].to_owned(),
            format!("{key} holds no whole private key without a password in PEM"),
        ),
        (
            made.certificate(),
            made.key().replace("PRIVATE", "ENCRYPTED PRIVATE"),
            format!("{key} holds no whole private key without a password in PEM"),
        ),
    ] {
        files.write(&in_certificate, &in_key);
        assert_eq!(told(&config), format!("`tls`: {wrong}"));
    }
    let nonsense = pem("CERTIFICATE", b"nonsense");
    files.write(&nonsense, &made.key());
    assert!(
        told(&config).starts_with(&format!("`tls`: {certificate} with the key in {key} cannot be used: "))
    );
    fs::remove_file(&files.key).expect("removed");
    assert!(told(&config).starts_with(&format!("`tls`: {key} cannot be read: ")), "{}", told(&config));
}

/// The real program: nothing is served and nothing is made, and what is said is on one line.
#[test]
fn the_program_does_not_start_with_a_key_of_another_certificate() {
    let (made, other) = (Made::new(), Made::new());
    let files = Files::of(&made);
    files.write(&made.certificate(), &other.key());
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("none.db");
    let mut program = Command::new(env!("CARGO_BIN_EXE_roamline"));
    program
        .args(["--database", &format!("sqlite://{}", database.display()), "serve", "--listen", "127.0.0.1:0"])
        .env("ROAMLINE__TLS__CERTIFICATE", &files.certificate)
        .env("ROAMLINE__TLS__KEY", &files.key);
    let ended = ended(&mut program);
    let told = String::from_utf8(ended.stderr).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.starts_with("error: `tls`: the private key in "), "{told}");
    assert_eq!((told.lines().count(), ended.stdout.len(), database.exists()), (1, 0, false), "{told}");
}
