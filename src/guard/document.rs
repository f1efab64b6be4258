//! Documents that clients name instead of sending them.
//!
//! There are two kinds. *Trusted* documents are files that whoever runs the server has put into a folder; a request
//! names one by `documentId`, which is `sha256:` and the hash of the text, or the file's name. With `trusted_only`
//! nothing else runs. *Persisted* ones (APQ) clients bring themselves: the hash alone first, and when it is unknown
//! the text with it. They save bytes and keep nobody out. Only a document that passed validation is kept, so that
//! rubbish cannot drive out what is used, and so many at most as the setting says.

use std::{
    any::TypeId,
    collections::HashMap,
    fs, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::Request;
use data_encoding::HEXLOWER_PERMISSIVE;
use lru::LruCache;
use sha2::{Digest, Sha256};

use super::{LONGEST_KEPT, Refusal};

/// How a request names its document; part of the request's data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reference {
    /// `documentId`.
    Id(String),
    /// `extensions.persistedQuery.sha256Hash`.
    Hash(String),
}

/// The hash of a text.
type Hash = [u8; 32];

/// A text to be kept under its hash.
#[derive(Clone, Debug)]
pub struct Offer {
    hash: Hash,
    text: Arc<str>,
}

/// A folder of documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    #[error("cannot read {}, of which `guard.trusted` tells: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is no document that can run: {refusal}", path.display())]
    Refused { path: PathBuf, refusal: Refusal },
    #[error("{} is called after a hash that its text does not have", path.display())]
    Misnamed { path: PathBuf },
}

/// The texts of a folder.
#[derive(Debug, Default)]
pub(super) struct Trusted {
    by_hash: HashMap<Hash, Arc<str>>,
    by_name: HashMap<String, Arc<str>>,
}

/// Every text that can be named.
#[derive(Debug)]
pub(super) struct Documents {
    trusted: Trusted,
    /// Whether only trusted ones run.
    only: bool,
    persisted: Option<Mutex<LruCache<Hash, Arc<str>>>>,
}

impl Documents {
    /// None yet, and room for this many that clients bring.
    pub(super) fn new(room: usize) -> Self {
        let persisted = NonZeroUsize::new(room).map(|room| Mutex::new(LruCache::new(room)));
        Self { trusted: Trusted::default(), only: false, persisted }
    }

    /// Takes these in; with `only`, no others run.
    pub(super) fn trust(&mut self, trusted: Trusted, only: bool) {
        self.trusted = trusted;
        self.only = only;
    }

    /// The texts of the folder, by their names, in order.
    pub(super) fn trusted(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<_> =
            self.trusted.by_name.iter().map(|(name, text)| (name.as_str(), text.as_ref())).collect();
        all.sort_unstable();
        all
    }

    /// Gives a request the text that it names, and refuses a text that may not run. What comes back is worth keeping
    /// once the text has been found valid.
    pub(super) fn find(&self, request: &mut Request) -> Result<Option<Offer>, Refusal> {
        let reference = request
            .data
            .get(&TypeId::of::<Reference>())
            .and_then(|reference| reference.downcast_ref::<Reference>());
        let (found, offer) = match reference {
            None => (None, None),
            Some(Reference::Id(_)) if !request.query.is_empty() => {
                return Err(Refusal::Reference("send `documentId` or `query`, not both"));
            }
            Some(Reference::Id(id)) => (Some(self.by_id(id)?), None),
            Some(Reference::Hash(hash)) => {
                let hash = hash_of(hash)
                    .ok_or(Refusal::Reference("`sha256Hash` is not a SHA-256 in hexadecimal digits"))?;
                if request.query.is_empty() {
                    (Some(self.by_hash(&hash)?), None)
                } else if hash != <Hash>::from(Sha256::digest(&request.query)) {
                    return Err(Refusal::Reference("provided sha does not match query"));
                } else {
                    (None, self.offered(hash, &request.query))
                }
            }
        };
        match found {
            Some(text) => text.as_ref().clone_into(&mut request.query),
            None if self.only => {
                let hash = <Hash>::from(Sha256::digest(&request.query));
                if !self.trusted.by_hash.contains_key(&hash) {
                    return Err(Refusal::Untrusted);
                }
            }
            None => {}
        }
        Ok(offer)
    }

    fn by_id(&self, id: &str) -> Result<Arc<str>, Refusal> {
        if let Some(text) = self.trusted.by_name.get(id) {
            return Ok(Arc::clone(text));
        }
        let hash = id.strip_prefix("sha256:").and_then(hash_of).ok_or(Refusal::UnknownId)?;
        self.by_hash(&hash).map_err(|_| Refusal::UnknownId)
    }

    fn by_hash(&self, hash: &Hash) -> Result<Arc<str>, Refusal> {
        if let Some(text) = self.trusted.by_hash.get(hash) {
            return Ok(Arc::clone(text));
        }
        let Some(persisted) = &self.persisted else { return Err(Refusal::NoHashes) };
        let mut persisted = persisted.lock().unwrap_or_else(PoisonError::into_inner);
        persisted.get(hash).cloned().ok_or(Refusal::UnknownHash)
    }

    /// What is to be kept of a text, unless it is known, too long, or never asked for by its hash.
    fn offered(&self, hash: Hash, text: &str) -> Option<Offer> {
        let persisted = self.persisted.as_ref().filter(|_| !self.only && text.len() <= LONGEST_KEPT)?;
        let known = persisted.lock().unwrap_or_else(PoisonError::into_inner).contains(&hash);
        (!known && !self.trusted.by_hash.contains_key(&hash)).then(|| Offer { hash, text: text.into() })
    }

    /// Keeps a text that was found valid.
    pub(super) fn keep(&self, Offer { hash, text }: Offer) {
        if let Some(persisted) = &self.persisted {
            persisted.lock().unwrap_or_else(PoisonError::into_inner).put(hash, text);
        }
    }
}

/// Reads the documents of a folder, each of which must pass the check.
pub(super) fn read(folder: &Path, check: impl Fn(&str) -> Result<(), Refusal>) -> Result<Trusted, Unfit> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| Unfit::Unreadable { path, source }
    };
    let mut trusted = Trusted::default();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_none_or(|extension| extension != "graphql") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        let plain: Arc<str> = text.trim_end().into();
        check(&plain).map_err(|refusal| Unfit::Refused { path: path.clone(), refusal })?;
        // An editor's newline at the end is no part of what a client has hashed, and may be.
        let hashes = [text.as_str(), &plain].map(|text| <Hash>::from(Sha256::digest(text)));
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if hash_of(name).is_some_and(|named| !hashes.contains(&named)) {
            return Err(Unfit::Misnamed { path });
        }
        trusted.by_name.insert(name.to_owned(), Arc::clone(&plain));
        trusted.by_hash.extend(hashes.map(|hash| (hash, Arc::clone(&plain))));
    }
    Ok(trusted)
}

/// The hash that hexadecimal digits say.
fn hash_of(digits: &str) -> Option<Hash> {
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn hash(text: &str) -> String {
        HEXLOWER.encode(&Sha256::digest(text))
    }

    fn request(text: &str, reference: impl Into<Option<Reference>>) -> Request {
        let request = Request::new(text);
        match reference.into() {
            Some(reference) => request.data(reference),
            None => request,
        }
    }

    fn find(
        documents: &Documents,
        text: &str,
        reference: impl Into<Option<Reference>>,
    ) -> Result<(String, bool), Refusal> {
        let mut request = request(text, reference);
        let offer = documents.find(&mut request)?;
        Ok((request.query, offer.is_some()))
    }

    fn by_hash(text: &str) -> Reference {
        Reference::Hash(hash(text))
    }

    fn by_id(id: impl Into<String>) -> Reference {
        Reference::Id(id.into())
    }

    #[test]
    fn a_hash_will_do_once_the_text_was_found_valid() {
        let documents = Documents::new(2);
        assert_eq!(find(&documents, "", by_hash("{a}")), Err(Refusal::UnknownHash));
        assert_eq!(find(&documents, "{a}", by_hash("{a}")), Ok(("{a}".to_owned(), true)));
        assert_eq!(find(&documents, "", by_hash("{a}")), Err(Refusal::UnknownHash), "nobody found it valid");
        for text in ["{a}", "{b}", "{c}"] {
            let mut request = request(text, by_hash(text));
            documents.keep(documents.find(&mut request).expect("a text").expect("an offer"));
        }
        assert_eq!(find(&documents, "", by_hash("{c}")), Ok(("{c}".to_owned(), false)));
        assert_eq!(
            find(&documents, "", Reference::Hash(hash("{c}").to_uppercase())),
            Ok(("{c}".to_owned(), false))
        );
        assert_eq!(
            find(&documents, "", by_id(format!("sha256:{}", hash("{c}")))),
            Ok(("{c}".to_owned(), false))
        );
        assert_eq!(find(&documents, "{c}", by_hash("{c}")), Ok(("{c}".to_owned(), false)), "it is known");
        assert_eq!(find(&documents, "", by_hash("{a}")), Err(Refusal::UnknownHash), "there is room for two");
        let long = format!("{{a}}{}", " ".repeat(LONGEST_KEPT));
        assert_eq!(find(&documents, &long, by_hash(&long)), Ok((long.clone(), false)));
        assert_eq!(find(&documents, "{a}", None::<Reference>), Ok(("{a}".to_owned(), false)));
    }

    #[test]
    fn a_name_is_of_its_text_and_comes_alone() {
        let documents = Documents::new(2);
        for (text, reference) in [
            ("{a}", by_hash("{b}")),
            ("{a}", Reference::Hash("abc".to_owned())),
            ("", Reference::Hash("x".repeat(64))),
            ("{a}", by_id("a")),
        ] {
            assert!(matches!(find(&documents, text, reference), Err(Refusal::Reference(_))), "{text}");
        }
        for id in ["a", "sha256:", "sha256:00", "md5:00", ""] {
            assert_eq!(find(&documents, "", by_id(id)), Err(Refusal::UnknownId), "{id}");
        }
        assert_eq!(find(&Documents::new(0), "", by_hash("{a}")), Err(Refusal::NoHashes));
        assert_eq!(find(&Documents::new(0), "{a}", by_hash("{a}")), Ok(("{a}".to_owned(), false)));
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("is written");
        }
        folder
    }

    #[test]
    fn a_folder_is_an_allow_list() {
        let hashed = format!("{}.graphql", hash("{c}"));
        let folder = folder(&[
            ("Page.graphql", "{a}\n"),
            ("b.graphql", "{b}"),
            (&hashed, "{c}"),
            ("notes.txt", "{n}"),
        ]);
        let all = |text: &str| if text == "{n}" { Err(Refusal::Nul) } else { Ok(()) };
        for only in [false, true] {
            let mut documents = Documents::new(10);
            documents.trust(read(folder.path(), all).expect("a good folder"), only);
            for (id, text) in [
                ("Page".to_owned(), "{a}"),
                (format!("sha256:{}", hash("{a}")), "{a}"),
                (format!("sha256:{}", hash("{a}\n")), "{a}"),
                ("b".to_owned(), "{b}"),
                (hash("{c}"), "{c}"),
            ] {
                assert_eq!(find(&documents, "", by_id(&id)), Ok((text.to_owned(), false)), "{id}");
            }
            assert_eq!(find(&documents, "", by_hash("{b}")), Ok(("{b}".to_owned(), false)));
            assert_eq!(find(&documents, "", by_id("notes")), Err(Refusal::UnknownId));
            let other = if only { Err(Refusal::Untrusted) } else { Ok(("{x}".to_owned(), true)) };
            assert_eq!(find(&documents, "{x}", by_hash("{x}")), other);
            let other = if only { Err(Refusal::Untrusted) } else { Ok(("{x}".to_owned(), false)) };
            assert_eq!(find(&documents, "{x}", None::<Reference>), other);
            assert_eq!(
                find(&documents, "{b}", None::<Reference>),
                Ok(("{b}".to_owned(), false)),
                "the text of a trusted one will do"
            );
        }
    }

    #[test]
    fn a_folder_that_cannot_be_trusted_says_why() {
        let refuse = |_: &str| Err(Refusal::Nul);
        assert!(matches!(read(folder(&[("a.graphql", "{")]).path(), refuse), Err(Unfit::Refused { .. })));
        let misnamed = format!("{}.graphql", hash("{b}"));
        assert!(matches!(
            read(folder(&[(&misnamed, "{a}")]).path(), |_| Ok(())),
            Err(Unfit::Misnamed { .. })
        ));
        assert!(matches!(read(Path::new("no such folder"), |_| Ok(())), Err(Unfit::Unreadable { .. })));
        let error =
            read(folder(&[("a.graphql", "{")]).path(), refuse).expect_err("it is refused").to_string();
        assert!(error.contains("a.graphql is no document that can run: a text holds"), "{error}");
    }
}
