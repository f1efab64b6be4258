//! The front page: what this is, where it listens, and a first request to copy. Plain HTML with its style
//! inside and no script; the policy names the style by its hash and allows nothing else.

use std::sync::LazyLock;

use async_graphql::Executor;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::Edge;

const STYLE: &str = include_str!("page.css");
const PAGE: &str = include_str!("page.html");

/// `GET /`.
pub(super) async fn front<E: Executor>(State(edge): State<Edge<E>>, headers: HeaderMap) -> Response {
    static POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
        let hash = data_encoding::BASE64.encode(&Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&policy).ok()
    });

    let config = edge.app.config();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| is_plain(host))
        .map_or_else(|| config.listen.to_string(), str::to_owned);
    let secure =
        config.tls.is_on() || headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    let token = if config.no_auth { "" } else { "\n  -H 'authorization: Bearer TOKEN' \\" };
    let notice = if config.no_auth {
        "<p class=\"notice\">This server runs without tokens: every program on this machine is its administrator.</p>"
    } else {
        ""
    };
    let page = PAGE
        .replace("{style}", STYLE)
        .replace("{http}", if secure { "https" } else { "http" })
        .replace("{ws}", if secure { "wss" } else { "ws" })
        .replace("{token}", token)
        .replace("{notice}", notice)
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{host}", &host);
    let mut response = Html(page).into_response();
    if let Some(policy) = POLICY.clone() {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Whether a `Host` has only what host names, addresses and ports are made of, and so needs no escaping.
fn is_plain(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte))
}
