//! The lexical tokens of a text, as far as the guard must know them: where each begins and ends, which are brackets,
//! names and strings. What is wrong with a token otherwise is left to the parser, which says it better.

use async_graphql::Pos;

/// What a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A bracket that opens, of any kind.
    Open(u8),
    /// A bracket that closes.
    Close(u8),
    Name,
    /// A string in single quotation marks.
    String,
    /// A string in triple quotation marks.
    Block,
    /// A string of either kind that has no end; the last token.
    Unended,
    /// Another sign, by its first byte; numbers too.
    Sign(u8),
}

/// A token and the bytes that it stands on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Token {
    /// The token's text.
    pub(super) fn of<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// Walks over the tokens of a text.
#[derive(Clone, Debug)]
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0 }
    }

    /// Passes what is no token: blanks, commas, comments and byte order marks.
    fn skip(&mut self) {
        while let Some(&byte) = self.bytes.get(self.at) {
            let rest = &self.bytes[self.at..];
            self.at += match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' => 1,
                b'#' => run(rest, |byte| !matches!(byte, b'\n' | b'\r')),
                0xEF if rest.starts_with("\u{feff}".as_bytes()) => 3,
                _ => return,
            };
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip();
        let start = self.at;
        let rest = self.bytes.get(start..)?;
        let byte = *rest.first()?;
        let (kind, length) = match byte {
            b'{' | b'[' | b'(' => (Kind::Open(byte), 1),
            b'}' | b']' | b')' => (Kind::Close(byte), 1),
            b'"' => string(rest).unwrap_or((Kind::Unended, rest.len())),
            b'.' if rest.starts_with(b"...") => (Kind::Sign(byte), 3),
            b'-' | b'0'..=b'9' => {
                let number = |byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                (Kind::Sign(byte), 1 + run(&rest[1..], number))
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                (Kind::Name, run(rest, |byte| byte == b'_' || byte.is_ascii_alphanumeric()))
            }
            _ => (Kind::Sign(byte), 1),
        };
        self.at = start + length;
        Some(Token { kind, start, end: self.at })
    }
}

/// Where a byte of a text stands, as the parser counts.
pub(super) fn position(text: &str, at: usize) -> Pos {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|&c| c != '\n').count() + 1;
    Pos { line, column }
}

/// Length of the leading bytes that belong together.
fn run(bytes: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| !belongs(byte)).unwrap_or(bytes.len())
}

/// Kind and length of the string that the bytes begin with, if it ends.
fn string(bytes: &[u8]) -> Option<(Kind, usize)> {
    const BLOCK: &[u8] = br#"""""#;
    const ESCAPED: &[u8] = br#"\""""#;
    if bytes.starts_with(BLOCK) {
        let mut at = BLOCK.len();
        loop {
            let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
            if rest.starts_with(BLOCK) {
                return Some((Kind::Block, at + BLOCK.len()));
            }
            at += if rest.starts_with(ESCAPED) { ESCAPED.len() } else { 1 };
        }
    }
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some((Kind::String, at + 1)),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}
