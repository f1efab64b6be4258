//! Where a request comes from: the client's address, what it calls itself, and the request's id. A request carries it as a
//! value of its task until its caller is known; from then on the caller has it, wherever the caller is handed on to.

use std::{net::IpAddr, sync::Arc};

tokio::task_local! {
    /// Of the request that the current task works for.
    static ORIGIN: Option<Arc<Origin>>;
}

/// Where a request comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// None where the connection does not tell it.
    pub address: Option<IpAddr>,
    /// What the client calls itself, cut where it is long.
    pub agent: Option<String>,
    /// The request's id; of a socket, of the request that opened it.
    pub request: String,
}

/// Of the request that the current task works for; none outside of a request.
pub fn current() -> Option<Arc<Origin>> {
    ORIGIN.try_with(Option::clone).ok().flatten()
}

/// The same future, for a request from there; no larger than it was.
pub fn kept<F: Future>(origin: Option<Arc<Origin>>, work: F) -> impl Future<Output = F::Output> {
    ORIGIN.scope(origin, work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_has_its_own_origin_and_other_work_has_none() {
        let here = Arc::new(Origin { address: None, agent: None, request: "here".to_owned() });
        assert_eq!(kept(Some(here.clone()), async { current() }).await, Some(here.clone()));
        let beside = kept(Some(here), async { tokio::spawn(async { current() }).await });
        assert_eq!(beside.await.expect("done"), None);
        assert_eq!(kept(None, async { current() }).await, None);
    }
}
