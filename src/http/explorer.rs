//! The explorer: `GraphiQL` as `explorer/` has it, every byte of it in this binary. Where it was not built in, as in
//! a build without Node, the plain front page stands in its place.
//!
//! The policy lets the page load from this server alone: no script in the page or made at run time, no other host,
//! no frame around it. Styles are the exception, since the editor sets them on its elements as it draws.

use async_graphql::Executor;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Edge, answer::Fault, page};

include!(concat!(env!("OUT_DIR"), "/explorer.rs"));

const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; \
                      font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// A file of the explorer, its entity tag, and the same compressed where that saves something.
struct File {
    path: &'static str,
    tag: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
}

/// `GET /`.
pub(super) async fn front<E: Executor>(edge: State<Edge<E>>, headers: HeaderMap) -> Response {
    match find(BUILT, "index.html") {
        Some(page) => answer(page, &headers),
        None => page::front(edge, headers).await,
    }
}

/// `GET /explorer/…`: a file that the page names.
pub(super) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match find(BUILT, &format!("explorer/{name}")) {
        Some(file) => answer(file, &headers),
        None => Fault::path().into_response(),
    }
}

fn find<'a>(files: &'a [File], path: &str) -> Option<&'a File> {
    files.iter().find(|file| file.path == path)
}

fn answer(file: &File, asked: &HeaderMap) -> Response {
    let gzip = file.gzip.filter(|_| accepts_gzip(asked));
    let (media, lasting) = kind(file.path);
    let mut response = if has(asked, file.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let media = [(header::CONTENT_TYPE, media)];
        match gzip {
            Some(gzip) => (media, [(header::CONTENT_ENCODING, "gzip")], gzip).into_response(),
            None => (media, file.plain).into_response(),
        }
    };
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::ETAG, file.tag),
        (header::CACHE_CONTROL, if lasting { "public, max-age=31536000, immutable" } else { "no-cache" }),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the client says that it has what the tag names.
fn has(headers: &HeaderMap, tag: &str) -> bool {
    let tag = tag.trim_start_matches("W/");
    words(headers, &header::IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

/// Whether the client takes gzip: by name, or by `*` where it does not name it.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let weight = |coding: &str| {
        words(headers, &header::ACCEPT_ENCODING).find_map(|word| {
            let mut parts = word.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
            let weight = parts.find_map(|part| part.strip_prefix("q=")).unwrap_or("1");
            named.then(|| weight.parse::<f32>().unwrap_or(0.0))
        })
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

/// The parts of a header that is a list.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> + use<'a> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
}

/// The media type by a file's ending, and whether its name changes with what it holds. The page does not, and is asked
/// for each time, so that a new version's page names its own files at once.
fn kind(path: &str) -> (&'static str, bool) {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => ("text/html; charset=utf-8", false),
        Some("md") => ("text/markdown; charset=utf-8", false),
        Some("js") => ("text/javascript; charset=utf-8", true),
        Some("css") => ("text/css; charset=utf-8", true),
        Some("svg") => ("image/svg+xml", true),
        Some("ttf") => ("font/ttf", true),
        Some("woff2") => ("font/woff2", true),
        _ => ("application/octet-stream", false),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    const FILE: File =
        File { path: "explorer/a-1.js", tag: "W/\"a-1\"", plain: b"plain", gzip: Some(b"small") };

    fn asking(headers: &[(HeaderName, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    async fn body(response: Response) -> Vec<u8> {
        to_bytes(response.into_body(), 1_000).await.expect("a body").to_vec()
    }

    /// RFC 9110, 12.5.3: compressed for those who take it, as it is for everybody else.
    #[tokio::test]
    async fn a_file_is_compressed_where_that_is_accepted() {
        for (accepted, expected) in [
            ("gzip, deflate, br", "small"),
            ("br, GZIP;q=0.5", "small"),
            ("*", "small"),
            ("gzip;q=0, *", "plain"),
            ("gzip; q=0.0", "plain"),
            ("identity", "plain"),
            ("", "plain"),
        ] {
            let response = answer(&FILE, &asking(&[(header::ACCEPT_ENCODING, accepted)]));
            let coded = response.headers().contains_key(header::CONTENT_ENCODING);
            assert_eq!(coded, expected == "small", "{accepted}");
            assert_eq!(response.headers()[header::VARY], "accept-encoding");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
            assert_eq!(body(response).await, expected.as_bytes(), "{accepted}");
        }
    }

    /// RFC 9110, 13.1.2: who has it already is told so, and nothing else.
    #[tokio::test]
    async fn what_the_client_has_is_not_sent_again() {
        for (known, status) in
            [("\"a-1\"", 304), ("\"x\", W/\"a-1\"", 304), ("*", 304), ("\"a-2\"", 200), ("a-1", 200)]
        {
            let asked = asking(&[(header::IF_NONE_MATCH, known), (header::ACCEPT_ENCODING, "gzip")]);
            let response = answer(&FILE, &asked);
            assert_eq!(response.status(), status, "{known}");
            assert_eq!(response.headers()[header::ETAG], "W/\"a-1\"");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
            assert_eq!(response.headers().contains_key(header::CONTENT_ENCODING), status == 200);
            assert_eq!(body(response).await.is_empty(), status == 304, "{known}");
        }
    }

    #[test]
    fn no_script_but_this_servers_may_run() {
        let scripts = POLICY.split(';').find(|part| part.trim().starts_with("script-src"));
        assert_eq!(scripts.map(str::trim), Some("script-src 'self'"));
        assert!(!POLICY.contains("unsafe-eval") && !POLICY.contains("http"));
    }

    /// Whatever was built in: the page is there, all files have a type, and none is there twice.
    #[test]
    fn what_is_built_in_can_be_served() {
        assert!(BUILT.is_empty() || find(BUILT, "index.html").is_some());
        for file in BUILT {
            assert_ne!(kind(file.path).0, "application/octet-stream", "{}", file.path);
            // What lasts has a hash in its name.
            assert!(!kind(file.path).1 || file.path.contains('-'), "{}", file.path);
            assert_eq!(BUILT.iter().filter(|other| other.path == file.path).count(), 1, "{}", file.path);
            assert!(!file.plain.is_empty() && file.gzip.is_none_or(|gzip| gzip.len() < file.plain.len()));
        }
    }
}
