//! Why the server ends a socket, as the peer is told: the protocol's codes, and RFC 6455's where it has none.

use axum::extract::ws::{CloseFrame, Message};

/// Why the server ends a socket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::http) enum Close {
    /// The server is stopping; come back in so many milliseconds.
    Restart(u64),
    /// The message is longer than allowed.
    TooLong(usize),
    /// The message is not of the protocol.
    Invalid(String),
    /// An operation before the acknowledgement.
    Unauthorized,
    /// The token is missing, unknown, expired or revoked.
    Forbidden,
    /// The server cannot tell whether the token is good.
    Unavailable,
    /// The token has as many sockets as it may have.
    Crowded(usize),
    /// No agreement on the protocol.
    Protocol,
    /// No `connection_init` in time.
    InitTimeout,
    /// The id is in use.
    Duplicate(String),
    /// A second `connection_init`.
    InitTwice,
    /// No sign of life for two pings.
    Silent,
    /// Ours.
    Internal,
    /// The peer sends and does not read.
    Unread,
}

impl Close {
    /// The code of the close frame.
    pub(super) const fn code(&self) -> u16 {
        match self {
            Self::Unread => 1008,
            Self::TooLong(_) => 1009,
            Self::Restart(_) => 1012,
            Self::Unavailable | Self::Crowded(_) => 1013,
            Self::Invalid(_) => 4400,
            Self::Unauthorized => 4401,
            Self::Forbidden => 4403,
            Self::Protocol => 4406,
            Self::InitTimeout => 4408,
            Self::Duplicate(_) => 4409,
            Self::InitTwice => 4429,
            Self::Silent => 4499,
            Self::Internal => 4500,
        }
    }

    /// The reason, as long as it is.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Unread => "Messages are not read".to_owned(),
            Self::TooLong(most) => format!("A message is longer than {most} bytes"),
            Self::Restart(ms) => format!("Service restart; retry in {ms} ms"),
            Self::Unavailable => "Try again later".to_owned(),
            Self::Crowded(most) => format!("A token has at most {most} sockets and event streams at once"),
            Self::Invalid(what) => what.clone(),
            Self::Unauthorized => "Unauthorized".to_owned(),
            Self::Forbidden => "Forbidden".to_owned(),
            Self::Protocol => "Subprotocol not acceptable".to_owned(),
            Self::InitTimeout => "Connection initialisation timeout".to_owned(),
            Self::Duplicate(id) => format!("Subscriber for {id} already exists"),
            Self::InitTwice => "Too many initialisation requests".to_owned(),
            Self::Silent => "Terminated".to_owned(),
            Self::Internal => "Internal server error".to_owned(),
        }
    }

    /// The close frame.
    pub(super) fn message(&self) -> Message {
        let frame = CloseFrame { code: self.code(), reason: fitting(&self.reason()).into() };
        Message::Close(Some(frame))
    }
}

/// A close frame holds at most 123 bytes of reason; with more it is illegal and the peer sees 1006.
fn fitting(reason: &str) -> &str {
    let end = (0..=reason.len().min(123)).rev().find(|&end| reason.is_char_boundary(end)).unwrap_or(0);
    &reason[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_its_frame_and_stays_text() {
        for reason in ["x".repeat(300), "ä".repeat(300), format!("x{}", "€".repeat(100)), String::new()] {
            let Message::Close(Some(frame)) = Close::Duplicate(reason.clone()).message() else {
                panic!("no close frame");
            };
            assert!(frame.reason.len() <= 123);
            assert!(Close::Duplicate(reason).reason().starts_with(frame.reason.as_str()));
        }
    }
}
