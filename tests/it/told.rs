//! What the servers of all stories write is searched for secrets, line by line: those in this process by the one subscriber
//! that it has, those in a process of their own by whoever reads what they write. A secret that is told fails whatever story
//! ends next, with the line.
//!
//! A secret is a token of ours that a client was made with, a JSON Web Token, or a text that stories plant wherever a
//! password or a key can come in.

use std::{
    collections::HashSet,
    io::{self, BufRead, BufReader, Write},
    process::Child,
    sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError},
    thread,
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// What stories use as passwords, keys and tokens of nobody, whatever stands around it.
const PLANTED: &[&str] = &["pl4nted", "hunter2", "secret-in-"];

/// Letters of a token's secret.
const SECRET: usize = 43;

static TOKENS: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn held<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the servers of this process write, to be searched.
pub fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(Lines);
        lines.with_env_filter(EnvFilter::new("warn,roamline=debug")).init();
    });
}

/// Notes a token that is in use, so that it is known wherever it is told.
pub fn plant(token: &str) {
    if let Some(secret) = token.strip_prefix("rml_").filter(|secret| secret.len() == SECRET) {
        held(&TOKENS).insert(secret.to_owned());
    }
}

/// Searches what a process writes for whoever runs it, and passes on what tells of trouble.
pub fn listen(child: &mut Child) {
    let errors = child.stderr.take().expect("its errors are to be read");
    // Ends with the process.
    thread::spawn(move || {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            search(&line);
            // Codes of answers stand in lines that tell of no trouble.
            if (line.contains("ERROR") && !line.contains("INFO")) || line.contains("panicked") {
                eprintln!("{line}");
            }
        }
    });
}

/// Searches some lines.
pub fn search(text: &str) {
    for line in text.lines().filter(|line| tells(line)) {
        held(&FOUND).push(line.to_owned());
    }
}

/// Fails where a secret was told; says nothing beside another failure.
#[track_caller]
pub fn check() {
    let found = held(&FOUND);
    if !thread::panicking() {
        assert!(found.is_empty(), "a server tells a secret: {found:#?}");
    }
}

fn tells(line: &str) -> bool {
    let word = |word: &str| {
        let at = word.len().saturating_sub(SECRET);
        // What every JSON object of a JSON Web Token begins with.
        (word.starts_with("eyJ") && word.len() >= 16)
            || (word.len() >= SECRET && word.is_char_boundary(at) && held(&TOKENS).contains(&word[at..]))
    };
    PLANTED.iter().any(|planted| line.contains(planted))
        || line
            .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_')
            .any(word)
}

/// Where the subscriber writes each line.
struct Lines;

struct Line;

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line
    }
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        search(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_that_tells_a_secret_is_found() {
    let token = "rml_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";
    plant(token);
    for line in [
        format!("who={token}"),
        format!("secret=\"{}\"", &token[4..]),
        "token=eyJhbGciOiJIUzI1NiJ9.x.y".to_owned(),
        "value=a-pl4nted-password".to_owned(),
    ] {
        assert!(tells(&line), "{line}");
    }
    for line in ["rml_1_cluster_name is unique", "id=UHJvZmlsZTox", &"é".repeat(43), &"a".repeat(64), ""] {
        assert!(!tells(line), "{line}");
    }
}
