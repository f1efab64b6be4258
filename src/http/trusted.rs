//! Whether the documents of `guard.trusted` fit the schema, looked at before anything is served. One that does not is no
//! warning in a log but the end of the start: with `guard.trusted_only` its page could not work at all, and whoever brings a new
//! version of the server or of the folder learns of it there and then, and not from the people at the phones.
//!
//! The executor itself validates them, as it does with every request; each asks for an operation that it cannot have, and
//! so none of them runs.

use std::io;

use async_graphql::Executor;

use crate::guard::{Guard, NO_OPERATION};

/// Most mistakes that are told of one document.
const MISTAKES: usize = 3;

/// Fails where a document does not fit, naming each such file, and what is wrong with it where.
pub(super) async fn check<E: Executor>(guard: &Guard, schema: &E) -> io::Result<()> {
    let mut unfit = Vec::new();
    for (path, request) in guard.trusted().map_err(io::Error::other)? {
        let response = schema.execute(request).await;
        let none = format!("Unknown operation named \"{NO_OPERATION}\"");
        let mut mistakes = Vec::new();
        for error in response.errors.iter().filter(|error| error.message != none) {
            let at = error.locations.first();
            let place = at.map_or_else(String::new, |at| format!("{}:{}: ", at.line, at.column));
            mistakes.push(format!("{place}{}", error.message));
        }
        let more = mistakes.len().saturating_sub(MISTAKES);
        mistakes.truncate(MISTAKES);
        if more > 0 {
            mistakes.push(format!("{more} more"));
        }
        if !mistakes.is_empty() {
            unfit.push(format!("{} does not fit the schema: {}", path.display(), mistakes.join("; ")));
        }
    }
    if unfit.is_empty() {
        Ok(())
    } else {
        Err(io::Error::other(format!("`guard.trusted`: {}", unfit.join("\n"))))
    }
}
