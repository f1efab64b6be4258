//! Who is at the other end of a connection. The address is read here and nowhere else.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, Request},
    http::{Extensions, header},
};

use super::guess;
use crate::{error::RequestId, origin::Origin};

/// Longest name of a client that is kept; it is the client's to choose.
const LONGEST: usize = 200;

/// The client's address, as its connection tells it: behind a proxy, the proxy's.
fn peer(extensions: &Extensions) -> Option<SocketAddr> {
    extensions.get().map(|ConnectInfo(address)| *address)
}

/// Where a request comes from, behind so many proxies of ours.
pub(super) fn origin(request: &Request, id: &RequestId, proxies: usize) -> Arc<Origin> {
    let through = if proxies == 0 { None } else { guess::forwarded(request.headers(), proxies) };
    let address = through.or_else(|| peer(request.extensions()).map(|address| address.ip()));
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Arc::new(Origin {
        address: address.map(|address| address.to_canonical()),
        // Only ASCII gets here, so it may be cut anywhere.
        agent: agent.map(|agent| agent[..agent.len().min(LONGEST)].to_owned()),
        request: id.0.clone(),
    })
}
