//! Why a document is refused: one variant per limit, with a sentence that says the limit, what was found
//! and what to do. Clients switch on `extensions.code`; tools may read `extensions.limit`.

use async_graphql::{ErrorExtensionValues, Pos, ServerError, Value, parser};
use thiserror::Error;

use super::{COST, Throttle, Told};
use crate::caller::Noun;

/// The member of an error's extensions that tells in how many seconds the request may be sent again.
pub const RETRY_AFTER: &str = "retryAfter";

/// A document or its variables may not be executed.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Refusal {
    /// The text is not a GraphQL document.
    #[error("{message}")]
    Syntax { message: String, locations: Vec<Pos> },
    /// Too many lexical tokens.
    #[error("the document has more than {most} tokens; move values into variables or split it")]
    Tokens { most: usize },
    /// Brackets too deep, as written.
    #[error("the document nests brackets deeper than {most} levels; flatten it or split it")]
    Nesting { most: usize },
    /// Too many directives, wherever they stand.
    #[error(
        "the document has more than {most} directives; select what you need instead of leaving out the rest"
    )]
    Directives { most: usize },
    /// Variables too deep.
    #[error("the variables nest lists and objects deeper than {most} levels; flatten them")]
    Variables { most: usize },
    /// A name too long.
    #[error("the document holds a name of more than {most} bytes; no name of the schema is as long")]
    Name { most: usize },
    /// A text that not every database can keep.
    #[error("a text holds the character U+0000, which cannot be kept or compared; leave it out")]
    Nul,
    /// Selections too deep once fragments are followed, counting each spread.
    #[error(
        "the document nests selections and fragments deeper than {most} levels once fragments are followed; \
         shorten the chain of fragments"
    )]
    Followed { most: usize },
    /// Fields too deep.
    #[error("the document selects fields {found} levels deep; the limit is {most}; ask in several queries")]
    Depth { found: u64, most: u64 },
    /// Too many selections once fragments are followed.
    #[error(
        "the document holds {found} fields once fragments are followed; the limit is {most}; select fewer \
         or ask in several queries"
    )]
    Fields { found: u64, most: u64 },
    /// Too many fields at the root of an operation, each of which is a request of its own.
    #[error(
        "an operation selects {found} fields at its root once fragments are followed; the limit is {most}; use a \
         list field or a mutation of many items, or send several requests"
    )]
    RootFields { found: u64, most: u64 },
    /// Too many aliases once fragments are followed.
    #[error(
        "the document holds {found} aliases once fragments are followed; the limit is {most}; use a list \
         field or several queries"
    )]
    Aliases { found: u64, most: u64 },
    /// Too dear.
    #[error(
        "the operation would cost {found} points, one for each field of each item; the limit is {most}; \
         most of it arises at {dearest}: ask for smaller pages with `first`, or for fewer fields in nested lists"
    )]
    Cost { found: u64, most: u64, dearest: String, throttle: Option<Throttle> },
    /// Not dear, but too soon after the others.
    #[error(
        "the operation costs {requested} points and {available} are left to your token, which gets {rate} back \
         each second; send it again in {wait} s",
        available = throttle.available,
        rate = throttle.restore_rate,
        wait = throttle.wait(*requested)
    )]
    Throttled { requested: u64, most: u64, throttle: Throttle },
    /// Introspection that multiplies itself.
    #[error(
        "the document asks for introspection more than {roots} times or nests its lists deeper than {most} levels; use \
         the usual introspection query or read /schema.graphql"
    )]
    Introspection { most: u64, roots: u64 },
    /// Introspection that the setting does not allow to this caller.
    #[error("this server does not tell you its schema; ask its operator for `schema.graphql`")]
    Closed,
    /// Things of a kind that the caller does not read.
    #[error(
        "`{field}` tells of things of the kind {noun}, which your role does not read; leave it out, or ask an \
         administrator for READ of {noun}"
    )]
    Unread { noun: Noun, field: String, locations: Vec<Pos> },
    /// What is not on a user's own page.
    #[error(
        "`{field}` is not on your own page, which is all that your token shows; `me.user` is where it begins"
    )]
    NotOwn { field: String, locations: Vec<Pos> },
    /// A fragment that holds itself.
    #[error("the fragment \"{fragment}\" spreads itself, directly or through others; break the cycle")]
    Cycle { fragment: String },
    /// A subscription with several root fields, or none.
    #[error(
        "a subscription selects exactly one field at its root, this one {found}; subscribe once for each"
    )]
    Roots { found: u64 },
    /// Comparing the fields that share a place in the answer takes too long.
    #[error(
        "too many fields share their places in the answer, in fragments within fragments; the limit on fields is {most}; \
         ask in several queries"
    )]
    Overlap { most: u64 },
    /// Another rule of the language is broken.
    #[error("{message}")]
    Invalid { message: String, locations: Vec<Pos> },
    /// A variable that is required has no value.
    #[error("{message}")]
    Variable { message: String, locations: Vec<Pos> },
    /// No document is known by the hash that was sent. Clients know this sentence and send the text with it.
    #[error("PersistedQueryNotFound")]
    UnknownHash,
    /// Documents are not taken by hash. Clients know this sentence and stop sending hashes.
    #[error("PersistedQueryNotSupported")]
    NoHashes,
    /// No document is known by the id that was sent.
    #[error("no document is known by this `documentId`")]
    UnknownId,
    /// A hash that is none, or not that of the text.
    #[error("{0}")]
    Reference(&'static str),
    /// A document that is not one of those that may run.
    #[error("this server runs only the documents that it was given; send the `documentId` of one of them")]
    Untrusted,
}

impl Refusal {
    /// The stable code for clients.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "GRAPHQL_PARSE_FAILED",
            Self::Nul | Self::Variable { .. } => "BAD_USER_INPUT",
            Self::Cycle { .. } | Self::Roots { .. } | Self::Invalid { .. } => "GRAPHQL_VALIDATION_FAILED",
            Self::UnknownHash | Self::UnknownId => "PERSISTED_QUERY_NOT_FOUND",
            Self::NoHashes => "PERSISTED_QUERY_NOT_SUPPORTED",
            Self::Reference(_) => "BAD_REQUEST",
            Self::Untrusted => "UNTRUSTED_DOCUMENT",
            Self::Closed => "INTROSPECTION_DISABLED",
            Self::Unread { .. } | Self::NotOwn { .. } => "FORBIDDEN",
            Self::Throttled { .. } => "THROTTLED",
            Self::Tokens { .. }
            | Self::Nesting { .. }
            | Self::Directives { .. }
            | Self::Variables { .. }
            | Self::Name { .. }
            | Self::Followed { .. }
            | Self::Depth { .. }
            | Self::Fields { .. }
            | Self::RootFields { .. }
            | Self::Aliases { .. }
            | Self::Cost { .. }
            | Self::Overlap { .. }
            | Self::Introspection { .. } => "QUERY_TOO_LARGE",
        }
    }

    /// One word for why, for whoever counts refusals; it stays the same when the sentence changes.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "syntax",
            Self::Tokens { .. } => "tokens",
            Self::Nesting { .. } => "nesting",
            Self::Directives { .. } => "directives",
            Self::Variables { .. } => "variables",
            Self::Name { .. } => "name",
            Self::Nul => "nul",
            Self::Followed { .. } => "followed",
            Self::Depth { .. } => "depth",
            Self::Fields { .. } => "fields",
            Self::RootFields { .. } => "root_fields",
            Self::Aliases { .. } => "aliases",
            Self::Cost { .. } => "cost",
            Self::Throttled { .. } => "throttled",
            Self::Introspection { .. } => "introspection",
            Self::Closed => "closed",
            Self::Unread { .. } => "unread",
            Self::NotOwn { .. } => "own",
            Self::Cycle { .. } => "cycle",
            Self::Roots { .. } => "roots",
            Self::Overlap { .. } => "overlap",
            Self::Invalid { .. } => "invalid",
            Self::Variable { .. } => "variable",
            Self::UnknownHash | Self::UnknownId => "unknown",
            Self::NoHashes => "hashes",
            Self::Reference(_) => "reference",
            Self::Untrusted => "untrusted",
        }
    }

    /// What the request would have cost, where it was refused for that.
    fn cost(&self) -> Option<Value> {
        let told = |requested: u64, maximum: u64| Told { requested, actual: None, maximum };
        match self {
            Self::Cost { found, most, dearest, throttle } => {
                Some(told(*found, *most).value(Some(dearest.as_str()), *throttle))
            }
            Self::Throttled { requested, most, throttle } => {
                Some(told(*requested, *most).value(None, Some(*throttle)))
            }
            _ => None,
        }
    }

    /// Name of the limit, its value, and what was found if that is known.
    fn limit(&self) -> Option<(&'static str, u64, Option<u64>)> {
        let count = |most: usize| u64::try_from(most).unwrap_or(u64::MAX);
        Some(match *self {
            Self::Syntax { .. }
            | Self::Nul
            | Self::Closed
            | Self::Unread { .. }
            | Self::NotOwn { .. }
            | Self::Throttled { .. }
            | Self::Cycle { .. }
            | Self::Roots { .. }
            | Self::Invalid { .. }
            | Self::Variable { .. }
            | Self::UnknownHash
            | Self::NoHashes
            | Self::UnknownId
            | Self::Reference(_)
            | Self::Untrusted => return None,
            Self::Name { most } => ("name", count(most), None),
            Self::Tokens { most } => ("tokens", count(most), None),
            Self::Nesting { most } | Self::Variables { most } | Self::Followed { most } => {
                ("nesting", count(most), None)
            }
            Self::Directives { most } => ("directives", count(most), None),
            Self::RootFields { found, most } => ("rootFields", most, Some(found)),
            Self::Depth { found, most } => ("depth", most, Some(found)),
            Self::Fields { found, most } => ("fields", most, Some(found)),
            Self::Overlap { most } => ("fields", most, None),
            Self::Aliases { found, most } => ("aliases", most, Some(found)),
            Self::Cost { found, most, .. } => ("cost", most, Some(found)),
            Self::Introspection { most, .. } => ("introspection", most, None),
        })
    }
}

impl From<parser::Error> for Refusal {
    fn from(error: parser::Error) -> Self {
        // The parser draws the faulty line, however long, above what it says; the place is in `locations`.
        let drawn = error.to_string();
        let said = drawn.rsplit_once("= ").map_or(drawn.as_str(), |(_, said)| said);
        let message = format!("syntax error: {said}");
        Self::Syntax { message, locations: error.positions().collect() }
    }
}

impl From<Refusal> for ServerError {
    fn from(refusal: Refusal) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", refusal.code());
        if let Some((limit, most, found)) = refusal.limit() {
            extensions.set("limit", limit);
            extensions.set("most", most);
            if let Some(found) = found {
                extensions.set("found", found);
            }
        }
        if let Some(cost) = refusal.cost() {
            extensions.set(COST, cost);
        }
        if let Refusal::Throttled { requested, throttle, .. } = &refusal {
            extensions.set(RETRY_AFTER, throttle.wait(*requested));
        }
        let mut error = Self::new(refusal.to_string(), None);
        error.extensions = Some(extensions);
        if let Refusal::Syntax { locations, .. }
        | Refusal::Invalid { locations, .. }
        | Refusal::Unread { locations, .. }
        | Refusal::NotOwn { locations, .. }
        | Refusal::Variable { locations, .. } = refusal
        {
            error.locations = locations;
        }
        error
    }
}
