//! A pass over the text before the parser sees it: it counts tokens, brackets and directives. Where it and the parser could
//! disagree on where a string ends, it refuses, because a bracket that it takes for text and the parser does not
//! would not be counted.

use super::{
    Refusal,
    token::{Kind, Tokens, position},
};
use crate::config;

/// Refuses a text that has too many tokens or directives, nests brackets too deeply, has too long a name, holds a string
/// without an end, or U+0000. Answers how many tokens it has.
pub fn check_text(text: &str, limits: &config::Guard) -> Result<usize, Refusal> {
    // Also where the backslash is itself escaped: nobody has a name with that in it.
    if text.contains('\0') || text.contains(r"\u0000") {
        return Err(Refusal::Nul);
    }
    let (mut tokens, mut open, mut directives) = (0, 0_usize, 0_usize);
    for (before, token) in Tokens::new(text).enumerate() {
        if before >= limits.tokens {
            return Err(Refusal::Tokens { most: limits.tokens });
        }
        tokens = before + 1;
        match token.kind {
            Kind::Open(_) => {
                open += 1;
                if open > limits.nesting {
                    return Err(Refusal::Nesting { most: limits.nesting });
                }
            }
            // A bracket too many stops the parser where it stands, so it cannot hide deeper ones.
            Kind::Close(_) => open = open.saturating_sub(1),
            Kind::Unended => {
                return Err(Refusal::Syntax {
                    message: "syntax error: the string that begins here has no end".to_owned(),
                    locations: vec![position(text, token.start)],
                });
            }
            Kind::Name if token.end - token.start > limits.name => {
                return Err(Refusal::Name { most: limits.name });
            }
            Kind::Sign(b'@') => {
                directives += 1;
                if directives > limits.directives {
                    return Err(Refusal::Directives { most: limits.directives });
                }
            }
            Kind::Name | Kind::String | Kind::Block | Kind::Sign(_) => {}
        }
    }
    Ok(tokens)
}
