//! What clients are told when the server stops: where each stream stands, and when to come back. Not all at the same
//! moment, or the nodes that are left would be asked for everything at once.

use async_graphql::ServerError;

use super::answer;
use crate::schema::value::scalar::Cursor;

/// Milliseconds after which a client is asked to come back: at least so many, at most twice.
pub(super) fn retry(least: u64) -> u64 {
    let mut bytes = [0; 8];
    // Without randomness they all come back at the same time, which is worse and no reason to fail.
    let _ = getrandom::fill(&mut bytes);
    least.saturating_add(u64::from_le_bytes(bytes) % least.saturating_add(1))
}

/// The last that a stream tells: the cursor after which it goes on elsewhere.
pub(super) fn told(cursor: Option<Cursor>, retry: u64) -> ServerError {
    let message = match cursor {
        Some(cursor) => {
            format!("the server is stopping: open the stream again after the cursor \"{cursor}\"")
        }
        None => "the server is stopping: open the stream again".to_owned(),
    };
    let mut error = answer::error("RESTARTING", message);
    let extensions = error.extensions.get_or_insert_default();
    if let Some(cursor) = cursor {
        extensions.set("cursor", cursor.to_string());
    }
    extensions.set("retryMs", retry);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_come_back_spread_over_a_time() {
        let told: std::collections::HashSet<u64> = (0..100).map(|_| retry(10_000)).collect();
        assert!(told.len() > 50, "{told:?}");
        assert!(told.iter().all(|ms| (10_000..=20_000).contains(ms)), "{told:?}");
        assert_eq!(retry(u64::MAX), u64::MAX);
    }
}
