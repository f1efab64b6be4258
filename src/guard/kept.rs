//! Parsed documents that are kept for reuse, by their text: so many, and so many tokens in all of them, as a parsed
//! document may be a hundred times as large as its text. Only one that was found valid is kept, so that rubbish cannot
//! drive out what is used; the one that was not asked for longest goes first.

use std::{num::NonZeroUsize, sync::Arc};

use lru::LruCache;

use super::{Known, LONGEST_KEPT};
use crate::config;

/// The documents.
#[derive(Debug)]
pub(super) struct Kept {
    documents: LruCache<String, Arc<Known>>,
    /// Tokens of all of them.
    tokens: usize,
    /// Most of these.
    most: usize,
}

impl Kept {
    /// None yet.
    pub(super) fn new(limits: &config::Guard) -> Self {
        let room = NonZeroUsize::new(limits.documents).unwrap_or(NonZeroUsize::MIN);
        Self { documents: LruCache::new(room), tokens: 0, most: limits.document_tokens }
    }

    /// The document of a text.
    pub(super) fn get(&mut self, text: &str) -> Option<Arc<Known>> {
        self.documents.get(text).cloned()
    }

    /// Whether a document may be kept at all.
    pub(super) const fn may_keep(&self, text: &str, tokens: usize) -> bool {
        text.len() <= LONGEST_KEPT && tokens <= self.most
    }

    /// Keeps a document that was found valid.
    pub(super) fn put(&mut self, text: String, known: Arc<Known>) {
        if !self.may_keep(&text, known.tokens) {
            return;
        }
        self.tokens += known.tokens;
        if let Some((_, gone)) = self.documents.push(text, known) {
            self.tokens -= gone.tokens;
        }
        while self.tokens > self.most
            && let Some((_, gone)) = self.documents.pop_lru()
        {
            self.tokens -= gone.tokens;
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;
    use crate::guard::Hash;

    fn kept(documents: usize, document_tokens: usize) -> Kept {
        Kept::new(&config::Guard { documents, document_tokens, ..config::Guard::default() })
    }

    fn known(tokens: usize) -> Arc<Known> {
        let document = parse_query("{a}").expect("a document");
        Arc::new(Known { document, introspects: false, hash: Hash::of("{a}"), tokens })
    }

    fn held(kept: &Kept) -> Vec<&str> {
        kept.documents.iter().map(|(text, _)| text.as_str()).collect()
    }

    #[test]
    fn what_was_not_asked_for_longest_makes_room() {
        let mut kept = kept(3, 100);
        for text in ["a", "b", "c"] {
            kept.put(text.to_owned(), known(10));
        }
        assert!(kept.get("a").is_some());
        kept.put("d".to_owned(), known(10));
        assert_eq!((held(&kept), kept.tokens), (vec!["d", "a", "c"], 30), "by number");
        kept.put("e".to_owned(), known(85));
        assert_eq!((held(&kept), kept.tokens), (vec!["e", "d"], 95), "by tokens");
        kept.put("e".to_owned(), known(20));
        assert_eq!((held(&kept), kept.tokens), (vec!["e", "d"], 30), "again, and shorter");
        kept.put("f".to_owned(), known(101));
        assert_eq!(held(&kept), ["e", "d"], "one that is too large drives out none");
        kept.put("f".to_owned(), known(100));
        assert_eq!((held(&kept), kept.tokens), (vec!["f"], 100));
        kept.put("x".repeat(LONGEST_KEPT + 1), known(1));
        assert_eq!(held(&kept), ["f"]);
    }
}
