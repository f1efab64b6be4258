//! Requests that chance makes: documents, variables, bodies, heads and messages of sockets, grown from the small corpus
//! beside this file by changes that a parser, a validator and a filter may stumble over. The server runs in a process of
//! its own, so that whatever ends it is known to be the last thing that was sent.
//!
//! What must hold: the process lives, it answers in time, no answer tells of an internal error, every error has a code,
//! and the memory has an end. `ROAMLINE_FUZZ_SECONDS` says how long it goes on (a few seconds otherwise),
//! `ROAMLINE_FUZZ_SEED` repeats a run.

use std::{
    fs,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::hostile::{DEADLINE, FINE, MOST_MEMORY, Process, begin, body, http, say};

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
    Messages(Vec<String>),
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
    match chance.below(10) {
        0 => {
            let text = payload.to_string().into_bytes();
            Shot::Request(body(garbled(chance, text)), true)
        }
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
    let errors = json["errors"].as_array()?;
    let nameless = errors.iter().find(|error| !error["extensions"]["code"].is_string())?;
    Some(format!("an error without a code: {nameless}"))
}

/// Issue 4, section 3 and "must hold" 2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_chance_makes_harms_the_server() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let time = Duration::from_secs(number("ROAMLINE_FUZZ_SECONDS").unwrap_or(5));
    let seed = number("ROAMLINE_FUZZ_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap_or_default()
    });
    println!("ROAMLINE_FUZZ_SEED={seed}");
    let folder = tempfile::tempdir().expect("a folder for the database");
    let mut process = Process::start(&format!("sqlite://{}", folder.path().join("fuzz.db").display())).await;
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
            Shot::Messages(messages) => {
                let sent = messages.clone();
                let frames = std::iter::once(begin()).chain(messages.into_iter().map(Message::text));
                let told = process.heard_of(frames.collect()).await;
                let found = told.iter().find(|text| text.contains("\"INTERNAL\""));
                found.map(|found| (found.clone(), sent.join("\n")))
            }
        };
        let alive = process.is_alive();
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
