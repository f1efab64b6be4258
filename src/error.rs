//! Everything that can go wrong outside the rules, and the public code of each. Internals are kept for the log
//! and never shown.

use std::sync::Arc;

use crate::{
    caller::{Action, Noun, Right},
    rule::Broken,
    store::{DbErr, is_busy},
};

/// What went wrong.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The input cannot be read: a bad cursor, page or combination of arguments.
    #[error("{0}")]
    Input(String),
    /// There is no such thing where the caller can see it.
    #[error("there is no {0}")]
    NotFound(&'static str),
    /// The caller's role does not carry the right.
    #[error("{}", denied(*.0))]
    Denied(Right),
    /// No token, or one that is unknown, expired or revoked.
    #[error("a valid token is required: send `Authorization: Bearer <token>`")]
    Anonymous,
    /// An upload is longer than the setting says.
    #[error("the data is longer than {0} bytes; send it in parts")]
    TooLarge(u64),
    /// The same idempotency key came with another input.
    #[error("the idempotency key was used before with another input; choose a new key")]
    KeyReused,
    /// The cursor is older than the oldest change kept.
    #[error(
        "the changes after this cursor are no longer kept: read again, then follow from the newest cursor"
    )]
    CursorExpired,
    /// Somebody else's transaction stood in the way; the same call may be sent again.
    #[error("the database is busy; send the request again")]
    Busy,
    /// It took longer than allowed.
    #[error("the request took longer than {0} ms")]
    Timeout(u64),
    /// Rules were broken where a caller inside the server did not expect it.
    #[error("a rule is broken: {0:?}")]
    Rules(Broken),
    /// Ours.
    #[error("internal error")]
    Internal(Arc<anyhow::Error>),
}

/// The public code of an error, as `extensions.code`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code {
    BadUserInput,
    NotFound,
    Forbidden,
    Unauthenticated,
    Conflict,
    CursorExpired,
    Unavailable,
    Timeout,
    Internal,
}

/// The id of a request, told in its answer and in every log line about it.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl Error {
    /// The public code.
    pub fn code(&self) -> Code {
        match self {
            Self::Input(_) | Self::Rules(_) | Self::TooLarge(_) => Code::BadUserInput,
            Self::NotFound(_) => Code::NotFound,
            Self::Denied(_) => Code::Forbidden,
            Self::Anonymous => Code::Unauthenticated,
            Self::KeyReused => Code::Conflict,
            Self::CursorExpired => Code::CursorExpired,
            Self::Busy => Code::Unavailable,
            Self::Timeout(_) => Code::Timeout,
            Self::Internal(_) => Code::Internal,
        }
    }

    /// An internal error from anything that went wrong inside.
    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::Internal(Arc::new(error.into()))
    }
}

impl Code {
    /// The code's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::NotFound => "NOT_FOUND",
            Self::Forbidden => "FORBIDDEN",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Conflict => "CONFLICT",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Timeout => "TIMEOUT",
            Self::Internal => "INTERNAL",
        }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        if is_busy(&error) { Self::Busy } else { Self::internal(error) }
    }
}

/// What somebody is told who may not do it.
fn denied(right: Right) -> String {
    match right {
        Right::Read => "your token may not read this".to_owned(),
        Right::Edit => "your token may only read; an OPERATOR or ADMIN may change this".to_owned(),
        Right::Configure => "only an ADMIN may do this".to_owned(),
        Right::To(action, noun) | Right::ToOwn(action, noun) => lacking(&[action], noun),
        Right::Import(noun) if entity::role::actions(noun).contains(&Action::Configure) => {
            lacking(&[Action::Bulk, Action::Configure], noun)
        }
        Right::Import(Noun::Session) => lacking(&[Action::Bulk, Action::Session], Noun::Session),
        Right::Import(noun) => lacking(&[Action::Bulk, Action::Create, Action::Update], noun),
        Right::Bulk => "your role allows nothing to be done many times at once".to_owned(),
    }
}

fn lacking(actions: &[Action], noun: Noun) -> String {
    let named: Vec<_> = actions.iter().map(|action| format!("{action:?}").to_uppercase()).collect();
    format!("your role needs {} of {noun:?} for this; `me.rights` tells what it allows", named.join(", "))
}
