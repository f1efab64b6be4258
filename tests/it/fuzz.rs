//! Requests that chance makes: documents, variables, bodies, packed or in batches, heads, tokens, messages of sockets, event
//! streams and frames of HTTP/2, grown from the small corpus beside this file by changes that a parser, a validator and a
//! filter may stumble over. The servers run in processes of their own, so that whatever ends one is known to be the last
//! thing that was sent.
//!
//! What must hold: the process lives, it answers in time, no answer tells of an internal error, every error has a code, no
//! token stands in its log, and the memory has an end. `ROAMLINE_FUZZ_SECONDS` says how long it goes on (a few seconds otherwise),
//! `ROAMLINE_FUZZ_SEED` draws other requests, and the same again.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    frames::{frame, get, preface},
    hostile::{DEADLINE, FINE, MOST_MEMORY, Process, begin, body, http, say},
    roamline::unsound,
};

const CORPUS: &[&str] = &[
    include_str!("corpus/abstract.graphql"),
    include_str!("corpus/filter.graphql"),
    include_str!("corpus/introspection.graphql"),
    include_str!("corpus/mutation.graphql"),
    include_str!("corpus/page.graphql"),
    include_str!("corpus/stream.graphql"),
    include_str!("corpus/strings.graphql"),
];

/// What parsers and databases stumble over.
const ODD: &[&str] = &[
    "",
    " ",
    ",",
    "\u{feff}",
    "\0",
    "\u{202e}",
    "é",
    "😀",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "!",
    ":",
    "=",
    "|",
    "&",
    "$",
    "@",
    "...",
    "\"",
    "\"\"\"",
    "\\",
    "\\\"\"\"",
    "\\u0000",
    "\\uD800",
    "\\u{1F600}",
    "#",
    "\n",
    "\r",
    "null",
    "true",
    "-1",
    "-0",
    "0",
    "00",
    "2147483647",
    "2147483648",
    "-2147483649",
    "9223372036854775807",
    "9223372036854775808",
    "1e309",
    "1.5",
    "1e",
    "0x1",
    "on",
    "query",
    "mutation",
    "subscription",
    "fragment",
    "f on Query",
    "$a",
    "$first",
    "@skip(if: true)",
    "@include(if: $a)",
    "first: 200",
    "last: -1",
    "after: \"\"",
    "before: \"s1\"",
    "ids: []",
    "ids: [null]",
    "filter: {}",
    "filter: null",
    "or: []",
    "not: {}",
    "contains: \"%\"",
    "contains: \"\"",
    "startsWith: \"_\"",
    "in: []",
    "...whole",
    "...FullType",
    "__typename",
    "__schema{types{name}}",
    "\"9999-12-31T23:59:59Z\"",
    "\"UHJvZmlsZTox\"",
    "\"TGluZTotMQ\"",
    "\"s0\"",
    "\"s9223372036854775807\"",
];

/// Chance, the same again from the same seed (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below a number.
    fn below(&mut self, most: usize) -> usize {
        let most = u64::try_from(most.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % most).unwrap_or(0)
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// Words and signs of a document, roughly.
fn tokens(document: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = false;
    for letter in document.chars() {
        let part = letter.is_ascii_alphanumeric() || letter == '_';
        match tokens.last_mut() {
            Some(last) if part && word => last.push(letter),
            _ => tokens.push(letter.to_string()),
        }
        word = part;
    }
    tokens
}

/// Names of the schema: its fields, arguments, types and values.
fn vocabulary() -> Vec<String> {
    let mut words = tokens(include_str!("../../schema.graphql"));
    words.retain(|word| word.len() > 2 && word.starts_with(|letter: char| letter.is_ascii_alphabetic()));
    words.sort_unstable();
    words.dedup();
    words
}

/// A document that a few changes have made of another one.
fn document(chance: &mut Chance, words: &[String]) -> String {
    let mut parts = tokens(chance.of(CORPUS));
    for _ in 0..chance.below(6) {
        let at = chance.below(parts.len());
        let end = (at + 1 + chance.below(8)).min(parts.len());
        match chance.below(8) {
            0 => drop(parts.drain(at..end)),
            1 => parts.insert(at, chance.of(ODD).to_owned()),
            2 => parts.insert(at, words[chance.below(words.len())].clone()),
            3 => {
                if let Some(part) = parts.get_mut(at) {
                    part.clone_from(&words[chance.below(words.len())]);
                }
            }
            4 => {
                let copy = parts[at..end].to_vec();
                let times = 1 + chance.below(60);
                for _ in 0..times {
                    drop(parts.splice(at..at, copy.iter().cloned()));
                }
            }
            5 => {
                let other = tokens(chance.of(CORPUS));
                let from = chance.below(other.len());
                let to = (from + chance.below(30)).min(other.len());
                drop(parts.splice(at..at, other[from..to].iter().cloned()));
            }
            6 => {
                let (open, close) = chance.of(&[
                    ("{a ", "}"),
                    ("[", "]"),
                    ("(a:", ")"),
                    ("{a:", "}"),
                    ("{...on Profile", "}"),
                ]);
                let times = 1 + chance.below(100);
                parts.insert(end, close.repeat(times));
                parts.insert(at, open.repeat(times));
            }
            _ => {
                if let Some(part) = parts.get_mut(at) {
                    chance.of(ODD).clone_into(part);
                }
            }
        }
        if parts.is_empty() {
            parts.push(String::new());
        }
    }
    parts.concat()
}

/// A value such as a variable may have.
fn value(chance: &mut Chance, words: &[String], deep: usize) -> Value {
    match chance.below(if deep == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => json!(chance.next().is_multiple_of(2)),
        2 => json!(chance.of(&[0, 1, -1, 5, 200, 201, i64::from(i32::MAX), i64::MAX, i64::MIN])),
        3 => json!(chance.of(ODD)),
        4 => json!(words[chance.below(words.len())]),
        5 => json!(chance.of(ODD).repeat(chance.below(2_000))),
        6 => (0..chance.below(5)).map(|_| value(chance, words, deep - 1)).collect(),
        _ => {
            let names = [
                "and",
                "or",
                "not",
                "name",
                "ids",
                "contains",
                "equals",
                "in",
                "startsWith",
                "hasUsers",
                "organizations",
                "includeBelow",
            ];
            let member = |chance: &mut Chance| (chance.of(&names).to_owned(), value(chance, words, deep - 1));
            Value::Object((0..chance.below(4)).map(|_| member(chance)).collect())
        }
    }
}

/// Bytes of which some have changed.
fn garbled(chance: &mut Chance, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len());
        match chance.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, chance.next().to_le_bytes()[0]),
            2 => {
                let odd = chance.of(ODD).bytes();
                drop(bytes.splice(at..at, odd));
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = chance.next().to_le_bytes()[0];
                }
            }
        }
    }
    bytes
}

/// The next thing to send.
enum Shot {
    /// Bytes, and whether they are surely a whole request.
    Request(Vec<u8>, bool),
    /// Bytes whose answer may have no end.
    Glimpse(Vec<u8>),
    /// A whole request to the server that knows tokens.
    Stranger(Vec<u8>),
    Messages(Vec<String>),
}

/// The checksum of gzip (RFC 1952, 8).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

/// Bytes as gzip has them, in blocks that are only stored (RFC 1951, 3.2.4).
fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut zipped = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    for chunk in bytes.chunks(60_000) {
        let length = u16::try_from(chunk.len()).expect("short");
        zipped.push(0);
        zipped.extend(length.to_le_bytes());
        zipped.extend((!length).to_le_bytes());
        zipped.extend(chunk);
    }
    // The last block, of nothing.
    zipped.extend([1, 0, 0, 0xff, 0xff]);
    zipped.extend(crc(bytes).to_le_bytes());
    zipped.extend(u32::try_from(bytes.len()).expect("short").to_le_bytes());
    zipped
}

/// What stands behind `authorization:`, right in form or not. Each holds what is searched for in the log.
fn authorization(chance: &mut Chance, words: &[String]) -> Vec<u8> {
    let coded = |value: &Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let jwt = |chance: &mut Chance| {
        let algorithm = chance.of(&["HS256", "RS256", "ES256", "EdDSA", "none", "HS512", "", "\u{0}"]);
        let head = match chance.below(4) {
            0 => value(chance, words, 2),
            1 => {
                json!({"alg": algorithm, "kid": value(chance, words, 1), "typ": "JWT", "jku": "http://pl4nted/"})
            }
            _ => json!({"alg": algorithm}),
        };
        let claims = match chance.below(3) {
            0 => value(chance, words, 3),
            _ => json!({
                "iss": chance.of(&["idp", "", "another"]), "aud": value(chance, words, 1), "exp": value(chance, words, 1),
                "sub": "pl4nted", "nbf": value(chance, words, 0), "roamline_role": value(chance, words, 1),
            }),
        };
        let signature = coded(&json!(chance.next().to_string()));
        format!("Bearer {}.{}.{signature}", coded(&head), coded(&claims))
    };
    let text = match chance.below(8) {
        0 => format!("Bearer rml_pl4nted{:036x}", chance.next()),
        1 => format!("Bearer pl4nted{}", chance.of(ODD).repeat(chance.below(500))),
        2 => format!("Bearer {}", "pl4nted.".repeat(chance.below(3_500))),
        3 => {
            chance.of(&["Bearer", "Bearer ", "Basic cGw0bnRlZA==", "bearer  pl4nted  x", "", ","]).to_owned()
        }
        _ => jwt(chance),
    };
    let bytes = if chance.below(3) == 0 { garbled(chance, text.into_bytes()) } else { text.into_bytes() };
    // A line's end would begin another header.
    bytes.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)).collect()
}

/// Frames of HTTP/2, most of which are some.
fn frames(chance: &mut Chance, document: &str) -> Vec<u8> {
    let mut bytes = preface();
    for _ in 0..=chance.below(12) {
        let stream = chance.of(&[0, 1, 1, 3, 5, 2, 0x7fff_ffff, u32::MAX]);
        let kind = chance.of(&[0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xff]);
        let flags = chance.next().to_le_bytes()[0] & chance.of(&[0xff, 0x05, 0x04, 0]);
        let payload = match chance.below(6) {
            0 => get("/schema.graphql"),
            1 => get("/graphql?query=%7Bme%7Bname%7D%7D"),
            2 => document.as_bytes().iter().copied().take(16_000).collect(),
            3 => vec![0; chance.below(20)],
            4 => chance.next().to_be_bytes()[..4 + 4 * chance.below(2)].to_vec(),
            _ => {
                let block = get("/health/live");
                garbled(chance, block)
            }
        };
        bytes.extend(frame(kind, flags, stream, &payload));
    }
    if chance.below(4) == 0 { garbled(chance, bytes) } else { bytes }
}

fn shot(chance: &mut Chance, words: &[String]) -> Shot {
    let document = document(chance, words);
    let names = ["first", "after", "filter", "ids", "a", "b"];
    let variables: Value = names
        .iter()
        .map(|name| ((*name).to_owned(), value(chance, words, 4)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let payload = match chance.below(6) {
        0 => {
            json!({"query": document, "operationName": chance.of(ODD), "extensions": value(chance, words, 3)})
        }
        1 => json!({"query": value(chance, words, 2), "variables": value(chance, words, 5)}),
        2 => json!([{"query": document}, value(chance, words, 3)]),
        _ => json!({"query": document, "variables": variables, "extensions": {"cost": true}}),
    };
    match chance.below(16) {
        0 => {
            let text = payload.to_string().into_bytes();
            Shot::Request(body(garbled(chance, text)), true)
        }
        3 => {
            let method = chance.of(&["POST", "POST", "POST", "PUT", "GET", "DELETE"]);
            let last =
                format!("last-event-id: {}\r\n", chance.of(&["s0", "s1", "", "x", "s99999999999999999999"]));
            let path = chance.of(&[
                "/graphql",
                "/graphql?token=x",
                "/graphql?operationId=1",
                "/graphql?query=%7Bme%7Bname%7D%7D",
            ]);
            let request = http(method, path, &last, payload.to_string().as_bytes());
            let request = String::from_utf8_lossy(&request).replacen(
                "application/graphql-response+json",
                chance.of(&[
                    "text/event-stream",
                    "text/event-stream, */*;q=0.1",
                    "application/json, text/event-stream",
                ]),
                1,
            );
            Shot::Glimpse(request.into_bytes())
        }
        4 => {
            let mut items = vec![payload];
            for _ in 0..chance.below(12) {
                items.push(match chance.below(4) {
                    0 => value(chance, words, 3),
                    1 => json!({"query": "{me{name}}"}),
                    _ => {
                        json!({"query": self::document(chance, words), "variables": value(chance, words, 2)})
                    }
                });
            }
            Shot::Request(body(Value::from(items).to_string()), true)
        }
        5 => {
            let text = payload.to_string().into_bytes();
            let packed = match chance.below(4) {
                0 => text,
                1 => {
                    let packed = zipped(&text);
                    garbled(chance, packed)
                }
                _ => zipped(&text),
            };
            let encoding =
                chance.of(&["gzip", "gzip", "gzip", "br", "zstd", "deflate", "identity", "gzip, gzip", "x"]);
            let headers = format!("content-encoding: {encoding}\r\n");
            Shot::Request(http("POST", "/graphql", &headers, &packed), true)
        }
        6 | 7 => {
            let head = http("POST", "/graphql", "authorization: pl4ce\r\n", FINE);
            let at = head.windows(5).position(|five| five == b"pl4ce").expect("it stands there");
            let who = authorization(chance, words);
            Shot::Stranger([&head[..at], &who, &head[at + 5..]].concat())
        }
        8 => Shot::Glimpse(frames(chance, &document)),
        1 => {
            let path = chance.of(&[
                "/graphql",
                "/jobs/import?noun=users",
                "/jobs/x/result",
                "/export/users?filter=%7B%7D",
                "/",
                "/health/ready",
                "/schema.graphql",
            ]);
            let method = chance.of(&["POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"]);
            let request = http(method, path, "connection: close\r\n", payload.to_string().as_bytes());
            Shot::Request(garbled(chance, request), false)
        }
        2 => {
            let kind = chance.of(&[
                "subscribe",
                "subscribe",
                "subscribe",
                "complete",
                "ping",
                "connection_init",
                "",
            ]);
            let mut messages = Vec::new();
            for _ in 0..=chance.below(4) {
                let id = chance.of(&["1", "2", ""]);
                messages.push(json!({"id": id, "type": kind, "payload": payload}).to_string());
            }
            Shot::Messages(messages)
        }
        _ => Shot::Request(body(payload.to_string()), true),
    }
}

/// What is wrong with an answer, if something is.
fn wrong(answer: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(answer);
    let (_, body) = text.split_once("\r\n\r\n").unwrap_or(("", ""));
    if text.starts_with("HTTP/1.1 500") || text.contains("\"INTERNAL\"") {
        return Some(format!("an internal error: {body}"));
    }
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    unsound(&json["errors"]).map(|error| format!("an error without a code, or at no place: {error}"))
}

/// Issue 4, section 3 and "must hold" 2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_chance_makes_harms_the_server() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let time = Duration::from_secs(number("ROAMLINE_FUZZ_SECONDS").unwrap_or(5));
    let seed = number("ROAMLINE_FUZZ_SEED").unwrap_or(1);
    println!("ROAMLINE_FUZZ_SEED={seed}");
    let folder = tempfile::tempdir().expect("a folder for the database");
    let database = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/acme");
    let (open, batch) = (["--no-auth", "--sample", sample], [("ROAMLINE__HTTP__BATCH", "10")]);
    let mut process = Process::start_with(&database("fuzz.db"), &open, &batch).await;
    let keys = folder.path().join("keys.json");
    let key = data_encoding::BASE64URL_NOPAD.encode(b"pl4nted-secret-of-more-than-32-bytes");
    fs::write(&keys, json!({"keys": [{"kty": "oct", "k": key}]}).to_string()).expect("written");
    let keys = keys.display().to_string();
    let known = [
        ("ROAMLINE__HTTP__GUESS_MS", "0"),
        ("ROAMLINE__JWT__ISSUER", "idp"),
        ("ROAMLINE__JWT__AUDIENCE", "roamline"),
        ("ROAMLINE__JWT__KEYS", keys.as_str()),
        ("ROAMLINE__JWT__ALGORITHMS", "HS256, RS256, ES256, EdDSA"),
    ];
    let mut closed = Process::start_with(&database("closed.db"), &[], &known).await;
    let (words, mut chance) = (vocabulary(), Chance(seed));
    let (began, mut count) = (Instant::now(), 0_u64);
    while began.elapsed() < time {
        count += 1;
        let what = match shot(&mut chance, &words) {
            Shot::Request(request, whole) => {
                let before = process.worked();
                let answer = process.talked(&request, whole).await;
                let worked = process.worked().saturating_sub(before);
                let found = match answer {
                    _ if worked > DEADLINE => Some(format!("{worked:?} of work")),
                    Some(answer) => wrong(&answer),
                    // What a changed length makes wait for more is nothing to wait for here.
                    None => whole.then(|| "no answer".to_owned()),
                };
                found.map(|found| (found, String::from_utf8_lossy(&request).into_owned()))
            }
            Shot::Glimpse(bytes) => {
                let before = process.worked();
                let answer = process.glimpse(&bytes).await;
                let worked = process.worked().saturating_sub(before);
                let found =
                    if worked > DEADLINE { Some(format!("{worked:?} of work")) } else { wrong(&answer) };
                found.map(|found| (found, String::from_utf8_lossy(&bytes).into_owned()))
            }
            Shot::Stranger(request) => {
                let answer = closed.talked(&request, true).await;
                let found = match &answer {
                    None => Some("no answer".to_owned()),
                    Some(answer) if answer.starts_with(b"HTTP/1.1 200") => Some("it was let in".to_owned()),
                    Some(answer) => wrong(answer),
                };
                found.map(|found| (found, String::from_utf8_lossy(&request).into_owned()))
            }
            Shot::Messages(messages) => {
                let sent = messages.clone();
                let frames = std::iter::once(begin()).chain(messages.into_iter().map(Message::text));
                let told = process.heard_of(frames.collect()).await;
                let found = told.iter().find(|text| text.contains("\"INTERNAL\""));
                found.map(|found| (found.clone(), sent.join("\n")))
            }
        };
        let alive = process.is_alive() && closed.is_alive();
        if !alive || what.is_some() {
            let (found, sent) = what.unwrap_or_default();
            let kept = std::env::temp_dir().join(format!("roamline-fuzz-{seed}-{count}"));
            fs::write(&kept, &sent).expect("kept");
            panic!("seed {seed}, request {count}, alive: {alive}: {found}\nkept in {}", kept.display());
        }
        if count.is_multiple_of(50) {
            assert!(
                process.memory() <= MOST_MEMORY,
                "{} MB after {count} requests of seed {seed}",
                process.memory()
            );
        }
    }
    let last = process.raw(&body(FINE)).await;
    assert_eq!(last.status, 200, "after {count} requests of seed {seed}");
    println!("{count} requests, {} MB", process.memory());
    // The last words of a socket are a plain message.
    let told = process.heard_of(vec![begin(), say(json!({"type": "ping"}))]).await;
    assert!(told.iter().any(|text| text.contains("pong")), "{told:?}");
}
