//! A pass over the text before the parser sees it. It knows just enough of the lexical grammar to count
//! tokens and brackets and to tell strings and comments from the rest; what is wrong in other ways is left
//! to the parser, which says it better. Where the two could disagree on where a string ends, this pass
//! refuses, because a bracket that it takes for text and the parser does not would not be counted.

use async_graphql::Pos;

use super::Refusal;
use crate::config;

/// Refuses a text that has too many tokens, nests brackets too deeply, has too long a name, holds a string
/// without an end, or U+0000.
pub fn check_text(text: &str, limits: &config::Guard) -> Result<(), Refusal> {
    // Also where the backslash is itself escaped: nobody has a name with that in it.
    if text.contains('\0') || text.contains(r"\u0000") {
        return Err(Refusal::Nul);
    }
    let bytes = text.as_bytes();
    let mut tokens = 0_usize;
    let mut open = 0_usize;
    let mut at = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        let ignored = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => 1,
            b'#' => run(rest, |byte| !matches!(byte, b'\n' | b'\r')),
            0xEF if rest.starts_with("\u{feff}".as_bytes()) => 3,
            _ => 0,
        };
        if ignored > 0 {
            at += ignored;
            continue;
        }

        tokens += 1;
        if tokens > limits.tokens {
            return Err(Refusal::Tokens { most: limits.tokens });
        }
        at += match byte {
            b'{' | b'[' | b'(' => {
                open += 1;
                if open > limits.nesting {
                    return Err(Refusal::Nesting { most: limits.nesting });
                }
                1
            }
            b'}' | b']' | b')' => {
                // A bracket too many stops the parser where it stands, so it cannot hide deeper ones.
                open = open.saturating_sub(1);
                1
            }
            b'"' => string(rest).ok_or_else(|| unended(text, at))?,
            b'.' if rest.starts_with(b"...") => 3,
            b'-' | b'0'..=b'9' => {
                1 + run(&rest[1..], |byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let length = run(rest, |byte| byte == b'_' || byte.is_ascii_alphanumeric());
                if length > limits.name {
                    return Err(Refusal::Name { most: limits.name });
                }
                length
            }
            _ => 1,
        };
    }
    Ok(())
}

/// Length of the leading bytes that belong together.
fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len())
}

/// Length of the string or block string that the bytes begin with, if it ends.
fn string(bytes: &[u8]) -> Option<usize> {
    const BLOCK: &[u8] = br#"""""#;
    const ESCAPED: &[u8] = br#"\""""#;
    if bytes.starts_with(BLOCK) {
        let mut at = BLOCK.len();
        loop {
            let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
            if rest.starts_with(BLOCK) {
                return Some(at + BLOCK.len());
            }
            at += if rest.starts_with(ESCAPED) { ESCAPED.len() } else { 1 };
        }
    }
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn unended(text: &str, at: usize) -> Refusal {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    Refusal::Syntax {
        message: "syntax error: the string that begins here has no end".to_owned(),
        locations: vec![Pos { line, column }],
    }
}
