//! What every answer tells a browser not to do with it: guess its type, show it in a frame, load it into a page of
//! another origin, send on where it was read, run anything in it, keep it. What says more of itself, as the front page
//! does of its scripts and the cache of how long an answer lasts, keeps what it says.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::config::Tls;

/// Said of every answer. Of these the last is for answers that are shown or embedded without being asked for by a script;
/// pages of origins that the settings name ask by script, and are let in by CORS whatever it says.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Said of answers that say nothing of it themselves.
const OTHERWISE: [(HeaderName, HeaderValue); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// How a browser is to reach this host from now on; nothing where it is not asked to use TLS.
pub(super) fn strictness(tls: &Tls) -> Option<HeaderValue> {
    let told = tls.is_on() && tls.hsts_secs > 0;
    if told { HeaderValue::from_str(&format!("max-age={}", tls.hsts_secs)).ok() } else { None }
}

/// Adds what an answer tells a browser.
pub(super) fn tell(headers: &mut HeaderMap, strictness: Option<&HeaderValue>) {
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    for (name, value) in OTHERWISE {
        headers.entry(name).or_insert(value);
    }
    if let Some(value) = strictness {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(certificate: &str, hsts_secs: u64) -> Tls {
        Tls { certificate: certificate.to_owned(), hsts_secs, ..Tls::default() }
    }

    /// RFC 6797, 7.2: nothing of it over a connection in the clear.
    #[test]
    fn strictness_is_for_tls() {
        assert_eq!(strictness(&tls("", 60)), None);
        assert_eq!(strictness(&tls("a.pem", 0)), None);
        assert_eq!(strictness(&tls("a.pem", 60)), Some(HeaderValue::from_static("max-age=60")));
    }

    #[test]
    fn what_an_answer_says_of_itself_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        tell(&mut headers, None);
        assert_eq!(headers[header::CACHE_CONTROL], "private, no-cache");
        assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers.get_all(header::CACHE_CONTROL).iter().count(), 1);
        assert!(!headers.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }
}
