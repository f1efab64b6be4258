//! What tells documents apart where their text is too long to say, or not to be told.

use std::fmt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The beginning of the SHA-256 of a document's text, which is what clients name documents by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hash([u8; 8]);

impl Hash {
    /// The hash of a document's text.
    pub fn of(text: &str) -> Self {
        let mut short = [0; 8];
        short.copy_from_slice(&Sha256::digest(text.as_bytes())[..8]);
        Self(short)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_beginning_of_the_documents_sha_256() {
        assert_eq!(Hash::of("{ __typename }").to_string(), "7f56e67dd21ab3f3");
    }
}
