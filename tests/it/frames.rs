//! Frames of HTTP/2 that mean harm (RFC 9113, 10.5), as `hostile` sends them: floods of what costs their sender nothing and
//! answers that nobody reads. What is answered is read frame by frame.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// What a client of HTTP/2 says first, with settings that leave all as it is.
pub fn preface() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(SETTINGS, 0, 0, b"")].concat()
}

/// A frame as RFC 9113, 4.1 has it.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A text in a block of headers, up to 126 bytes of it.
fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    assert!(length < 127, "one byte says how long it is");
    [&[length], text.as_bytes()].concat()
}

/// The headers of a request without a body: `GET`, `http`, a path and a host.
pub fn get(path: &str) -> Vec<u8> {
    [&[0x82, 0x86, 0x44][..], &text(path), &[0x41], &text("localhost")].concat()
}

/// The headers of a request whose body is to come.
fn post() -> Vec<u8> {
    let kind = [&[0x5f][..], &text("application/json")].concat();
    [&[0x83, 0x86, 0x44][..], &text("/graphql"), &[0x41], &text("localhost"), &kind].concat()
}

/// The identifiers of so many streams of a client.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|n| 2 * n + 1)
}

/// What was answered.
#[derive(Debug, Default)]
pub struct Seen {
    /// With which code the server ended the connection.
    goaway: Option<u32>,
    /// How many streams it reset, by the code.
    resets: BTreeMap<u32, usize>,
    /// How many answers began.
    answers: usize,
    pongs: usize,
    settled: usize,
    /// Whether the connection has ended.
    ended: bool,
}

impl Seen {
    fn note(&mut self, kind: u8, flags: u8, payload: &[u8]) {
        let number = |at: usize| {
            let bytes = payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(u32::MAX, u32::from_be_bytes)
        };
        match kind {
            HEADERS => self.answers += 1,
            RST_STREAM => *self.resets.entry(number(0)).or_default() += 1,
            // Of several the last says why; the first may only say that nothing more is taken.
            GOAWAY => self.goaway = Some(number(4)),
            PING if flags & ACK != 0 => self.pongs += 1,
            SETTINGS if flags & ACK != 0 => self.settled += 1,
            _ => {}
        }
    }

    fn refused(&self) -> usize {
        self.resets.get(&7).copied().unwrap_or_default()
    }
}

/// What is sent, and what must be answered before the patience ends.
pub type Row = (&'static str, Vec<u8>, fn(&Seen) -> bool);

/// Reset before it is looked at, more often than is calm.
const CALM: u32 = 11;

/// The table.
pub fn table() -> Vec<Row> {
    let after = |frames: Vec<Vec<u8>>| [preface(), frames.concat()].concat();
    let cancelled = 8_u32.to_be_bytes();
    let ended = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &get("/health/live"));
    let posted = |stream| frame(HEADERS, END_HEADERS, stream, &post());
    // An entry of the dynamic table as long as it may be, and then one byte for each time that it is meant (RFC 7541, 6.1).
    let entry = [&[0x40][..], &text("x"), &[0x7f, 0x80, 0x1e], "y".repeat(3_967).as_bytes()].concat();
    let bomb = [&get("/health/live")[..], &entry, &[0xbe; 10_000]].concat();
    // More than a frame: what has no end goes on in others.
    let large = [&get("/health/live")[..], &[0x40], &text("x"), &[0x7f, 0x81, 0xf3, 0x03]].concat();
    vec![
        (
            "streams that are reset as soon as they begin",
            after(streams(5_000).flat_map(|n| [ended(n), frame(RST_STREAM, 0, n, &cancelled)]).collect()),
            |seen| seen.goaway == Some(CALM),
        ),
        ("more streams than there may be", after(streams(5_000).map(posted).collect()), |seen| {
            seen.goaway == Some(CALM) && seen.refused() > 0
        }),
        ("a few streams more than there may be", after(streams(110).map(posted).collect()), |seen| {
            seen.refused() >= 10 && seen.goaway.is_none()
        }),
        (
            "a header in frames without an end",
            after(
                std::iter::once(frame(HEADERS, END_STREAM, 1, &large))
                    .chain((0..2_000).map(|_| frame(CONTINUATION, 0, 1, &[b'y'; 1_000])))
                    .collect(),
            ),
            |seen| seen.goaway.is_some() || seen.ended,
        ),
        (
            "a header in frames of nothing without an end",
            after(
                std::iter::once(frame(HEADERS, END_STREAM, 1, &get("/health/live")))
                    .chain((0..100_000).map(|_| frame(CONTINUATION, 0, 1, b"")))
                    .collect(),
            ),
            |seen| seen.goaway.is_some() || seen.ended,
        ),
        (
            "a header of 64,000 bytes",
            after(
                std::iter::once(frame(HEADERS, END_STREAM, 1, &large))
                    .chain((0..3).map(|_| frame(CONTINUATION, 0, 1, &[b'y'; 16_000])))
                    .chain([frame(CONTINUATION, END_HEADERS, 1, &[b'y'; 16_000]), ended(3)])
                    .collect(),
            ),
            // Told as 431; the connection goes on.
            |seen| seen.answers == 2,
        ),
        (
            "a header of 40 MB in a few bytes",
            after(vec![frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb)]),
            |seen| seen.goaway.is_some() || seen.answers == 1 || !seen.resets.is_empty(),
        ),
        ("pings", after((0..20_000).map(|_| frame(PING, 0, 0, &[0; 8])).collect()), |seen| {
            seen.pongs >= 20_000
        }),
        (
            "settings",
            after((0..20_000).map(|_| frame(SETTINGS, 0, 0, &[0, 1, 0xff, 0xff, 0xff, 0xff])).collect()),
            |seen| seen.settled >= 20_000 || seen.goaway.is_some(),
        ),
        (
            "data without bytes",
            after(std::iter::once(posted(1)).chain((0..20_000).map(|_| frame(DATA, 0, 1, b""))).collect()),
            |seen| seen.goaway == Some(CALM),
        ),
        (
            "a window beyond all",
            after((0..2).map(|_| frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes())).collect()),
            |seen| seen.goaway == Some(3),
        ),
        ("a frame beyond all", [&preface()[..], &[0xff, 0xff, 0xff, DATA, 0, 0, 0, 0, 1]].concat(), |seen| {
            seen.goaway == Some(6)
        }),
        ("data for nobody", after(vec![frame(DATA, 0, 7, b"x")]), |seen| seen.goaway.is_some()),
        (
            "answers for which there is no room, of which nothing is read",
            [
                &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
                // No window: SETTINGS_INITIAL_WINDOW_SIZE is 0.
                &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]),
                &streams(100)
                    .flat_map(|n| frame(HEADERS, END_HEADERS | END_STREAM, n, &get("/schema.graphql")))
                    .collect::<Vec<_>>(),
            ]
            .concat(),
            // Each is told that it is there, and is given up.
            |seen| seen.answers == 100 && seen.resets.get(&8) == Some(&100),
        ),
    ]
}

/// Sends bytes and reads what is answered, until it is what is waited for, or the connection ends, or patience does.
pub async fn answered(port: u16, bytes: &[u8], enough: fn(&Seen) -> bool, patience: Duration) -> Seen {
    let mut seen = Seen::default();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let (mut reading, mut writing) = stream.into_split();
    let bytes = bytes.to_vec();
    // A server that has heard enough need not hear the rest.
    let sending = tokio::spawn(async move {
        let _rest = writing.write_all(&bytes).await;
        writing
    });
    let heard = async {
        while !enough(&seen) {
            let mut head = [0; 9];
            if reading.read_exact(&mut head).await.is_err() {
                seen.ended = true;
                break;
            }
            let length = head[..3].iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
            let mut payload = vec![0; length];
            if reading.read_exact(&mut payload).await.is_err() {
                seen.ended = true;
                break;
            }
            seen.note(head[3], head[4], &payload);
        }
    };
    let _late = timeout(patience, heard).await;
    sending.abort();
    seen
}
