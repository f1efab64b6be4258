//! The certificate with which the server shows who it is, and its key: read from two files, checked before anything is
//! served, and read again when they change. Who is connected stays so; who comes next gets the new certificate.
//!
//! The files are compared by what they hold, and not by their times: a certificate that was renewed by another one's
//! being linked in its place may be older than it. While one file is new and the other is not yet, the two do not fit
//! and the old pair stays. What is wrong is told once, in words of ours: a parser's own would quote the key.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    InconsistentKeys, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use sha2::{Digest, Sha256};
use tokio::{sync::watch, time};
use tokio_rustls::TlsAcceptor;

use crate::config;

/// What is spoken on a connection, as the handshake agrees on it; what is named first is liked best.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What is in both files.
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Both files as they were found last: a digest of what they held, or why they could not be read.
type Found = Result<[u8; 32], String>;

/// The files, and what was found in them last.
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    found: Found,
    newest: watch::Sender<Arc<ServerConfig>>,
}

/// The certificate that is in force. Clones share it.
#[derive(Clone)]
pub(super) struct InForce(watch::Receiver<Arc<ServerConfig>>);

impl InForce {
    /// Makes the handshake with whoever comes now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.borrow()))
    }
}

/// The certificate that the settings name; none where they name none.
pub(super) fn open(settings: &config::Tls) -> Result<Option<(Files, InForce)>, String> {
    if !settings.is_on() {
        return Ok(None);
    }
    let (certificate, key) = (PathBuf::from(&settings.certificate), PathBuf::from(&settings.key));
    let read = |path: &Path| std::fs::read(path).map_err(|error| unreadable(path, &error));
    let pair = Pair { certificate: read(&certificate)?, key: read(&key)? };
    let (newest, in_force) = watch::channel(pair.config(&certificate, &key)?);
    Ok(Some((Files { certificate, key, found: Ok(pair.digest()), newest }, InForce(in_force))))
}

impl Files {
    /// Looks at the files again and again.
    pub(super) async fn follow(mut self, pause: Duration) {
        loop {
            time::sleep(pause).await;
            self.look().await;
        }
    }

    /// Looks at the files once: whether they have changed, whatever came of it.
    async fn look(&mut self) -> bool {
        let read = self.read().await;
        let found = read.as_ref().map(Pair::digest).map_err(Clone::clone);
        if found == self.found {
            return false;
        }
        self.found = found;
        match read.and_then(|pair| pair.config(&self.certificate, &self.key)) {
            Ok(config) => {
                self.newest.send_replace(config);
                tracing::info!(
                    certificate = %self.certificate.display(),
                    "new connections get the new certificate"
                );
            }
            Err(why) => {
                tracing::warn!(why, "the certificate has changed and cannot be used; the old one stays");
            }
        }
        true
    }

    async fn read(&self) -> Result<Pair, String> {
        let read = async |path: &Path| tokio::fs::read(path).await.map_err(|error| unreadable(path, &error));
        Ok(Pair { certificate: read(&self.certificate).await?, key: read(&self.key).await? })
    }
}

impl Pair {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(u64::try_from(self.certificate.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(&self.certificate);
        digest.update(&self.key);
        digest.finalize().into()
    }

    /// What a handshake needs; the names of the files are for what is told when they do not do.
    fn config(&self, certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
        let broken = |what: &str, path: &Path| format!("{} holds {what} in PEM", path.display());
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| broken("a certificate that is not whole or not", certificate))?;
        if chain.is_empty() {
            return Err(broken("no certificate", certificate));
        }
        let secret = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| broken("no whole private key without a password", key))?;
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, secret))
                .map_err(|error| match error {
                    rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
                        "the private key in {} does not belong to the first certificate in {}",
                        key.display(),
                        certificate.display()
                    ),
                    error => format!(
                        "{} with the key in {} cannot be used: {error}",
                        certificate.display(),
                        key.display()
                    ),
                })?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Arc::new(config))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use data_encoding::BASE64;

    use super::*;

    fn pem(what: &str, bytes: &[u8]) -> String {
        format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", BASE64.encode(bytes))
    }

    /// A certificate and its key.
    fn made() -> [String; 2] {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        [pem("CERTIFICATE", made.cert.der()), pem("PRIVATE KEY", &made.signing_key.serialize_der())]
    }

    /// What cannot be used leaves the old pair in force, and is looked at once.
    #[tokio::test]
    async fn files_that_change_are_used_where_they_can_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let [certificate, key] = ["server.pem", "server.key"].map(|name| folder.path().join(name));
        let write = |[first, second]: &[String; 2]| {
            fs::write(&certificate, first).expect("written");
            fs::write(&key, second).expect("written");
        };
        let name = |path: &Path| path.display().to_string();
        let settings =
            config::Tls { certificate: name(&certificate), key: name(&key), ..config::Tls::default() };
        let (old, new) = (made(), made());
        write(&old);
        let (mut files, in_force) = open(&settings).expect("they do").expect("there is one");
        let now = || Arc::clone(&in_force.0.borrow());
        let first = now();
        assert!(!files.look().await, "nothing has changed");

        let [certificate_of_new, key_of_new] = new.clone();
        for broken in [
            [certificate_of_new.clone(), old[1].clone()],
            [certificate_of_new[..50].to_owned(), key_of_new.clone()],
            [String::new(), key_of_new.clone()],
            [certificate_of_new.clone(), "nothing".to_owned()],
        ] {
            write(&broken);
            assert!(files.look().await, "{broken:?} is looked at");
            assert!(!files.look().await, "{broken:?} is told once");
            assert!(Arc::ptr_eq(&first, &now()), "{broken:?}");
        }
        fs::remove_file(&key).expect("removed");
        assert!(files.look().await && !files.look().await && Arc::ptr_eq(&first, &now()));
        write(&new);
        assert!(files.look().await && !files.look().await && !Arc::ptr_eq(&first, &now()));
        assert_eq!(now().alpn_protocols, PROTOCOLS);
    }

    #[test]
    fn without_a_certificate_there_is_no_tls() {
        assert!(open(&config::Tls::default()).is_ok_and(|none| none.is_none()));
    }
}
