//! Compressed bodies, both ways: gzip, br and zstd. An answer is compressed when its client takes it, it is long
//! enough by the settings, and it is no event stream, whose events would wait in the compressor. A request is
//! inflated piece by piece while it is read, and whoever reads it stops at its own limit on what comes out: a small
//! body that would become a large one costs no more than that limit.

use axum::{
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::{
    CompressionLevel,
    compression::{
        CompressionLayer, Predicate,
        predicate::{NotForContentType, SizeAbove},
    },
    decompression::RequestDecompressionLayer,
};

use super::answer::Fault;

/// Between the fastest and the smallest, on the scale of each of the three.
const LEVEL: CompressionLevel = CompressionLevel::Precise(4);

/// Compresses answers of at least so many bytes.
pub(super) fn compression(least: u32) -> CompressionLayer<impl Predicate> {
    let least = u16::try_from(least).unwrap_or(u16::MAX);
    let predicate = SizeAbove::new(least).and(NotForContentType::SSE).and(NotForContentType::IMAGES);
    CompressionLayer::new().quality(LEVEL).compress_when(predicate)
}

/// Inflates requests.
pub(super) fn decompression() -> RequestDecompressionLayer {
    RequestDecompressionLayer::new()
}

/// Refuses, with the encodings that are taken, a body in another one or in several on top of each other.
pub(super) async fn known(mut request: Request, next: Next) -> Response {
    let mut given = request.headers().get_all(header::CONTENT_ENCODING).iter();
    if let Some(first) = given.next() {
        let name = first.to_str().map(|name| name.trim().to_ascii_lowercase()).unwrap_or_default();
        let name = match name.as_str() {
            "gzip" | "x-gzip" => "gzip",
            "br" => "br",
            "zstd" => "zstd",
            "identity" => "identity",
            _ => return refused(),
        };
        if given.next().is_some() {
            return refused();
        }
        request.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    next.run(request).await
}

fn refused() -> Response {
    let mut response = Fault::encoding().into_response();
    response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, zstd"));
    response
}
