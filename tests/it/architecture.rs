//! Who may use whom. The table below is the architecture; a module that needs more says why in the table, or is
//! mended. Only what is compiled into the server counts: test modules may use what they like.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What a module may use.
struct Row {
    module: &'static str,
    ours: &'static [&'static str],
    crates: &'static [&'static str],
}

const fn row(module: &'static str, ours: &'static [&'static str], crates: &'static [&'static str]) -> Row {
    Row { module, ours, crates }
}

/// Modules from the innermost outwards, each with the modules and crates that it may use. `std` is everybody's.
const TABLE: &[Row] = &[
    // Pure. The models of `entity` are plain data: ids, enums and columns, without a database behind them.
    row("rule", &[], &["entity", "serde", "serde_json"]),
    // Where a request comes from; carried by its task until its caller is known.
    row("origin", &[], &["tokio"]),
    row("config", &[], &["serde", "strsim", "thiserror", "toml"]),
    // `config` for whom something is by setting.
    row("caller", &["config", "origin"], &["entity"]),
    row("cli", &[], &["clap", "indicatif", "toml"]),
    // What a request did; carried by its task through every layer.
    row("tally", &[], &["prometheus", "tokio"]),
    // Traces for a collector elsewhere.
    row(
        "telemetry",
        &["config"],
        &[
            "anyhow",
            "axum",
            "hyper",
            "opentelemetry",
            "opentelemetry_http",
            "opentelemetry_otlp",
            "opentelemetry_sdk",
            "tokio",
            "tracing",
            "tracing_opentelemetry",
            "tracing_subscriber",
        ],
    ),
    // The only module that knows SeaORM. Of `caller` it takes the scope.
    row(
        "store",
        &["caller", "rule", "tally"],
        &["entity", "migration", "sea_orm", "serde_json", "tokio", "tracing"],
    ),
    // `store` for one conversion: a failure of the database becomes `Busy` or `Internal` here and nowhere else.
    row("error", &["caller", "rule", "store"], &["anyhow", "entity", "thiserror"]),
    row(
        "feed",
        &["rule", "store"],
        &["async_stream", "entity", "futures_util", "thiserror", "tokio", "tracing"],
    ),
    // Nothing of ours but its settings: it tells what a token says, and `app` what that means here.
    row(
        "jwt",
        &["config"],
        &[
            "entity",
            "http_body_util",
            "hyper",
            "hyper_rustls",
            "hyper_util",
            "jsonwebtoken",
            "ring",
            "rustls",
            "serde_json",
            "tokio",
            "tracing",
        ],
    ),
    row(
        "app",
        &["caller", "config", "error", "feed", "jwt", "origin", "rule", "store"],
        &[
            "anyhow",
            "data_encoding",
            "entity",
            "getrandom",
            "lru",
            "serde",
            "serde_json",
            "sha2",
            "tokio",
            "tracing",
        ],
    ),
    row(
        "command",
        &["app", "caller", "error", "rule", "store"],
        &["data_encoding", "serde", "serde_json", "sha2", "tokio", "tracing"],
    ),
    row(
        "bulk",
        &["app", "caller", "command", "error", "rule", "store"],
        &[
            "anyhow",
            "chrono",
            "csv",
            "entity",
            "futures_util",
            "serde",
            "serde_json",
            "sha2",
            "strsim",
            "thiserror",
            "tokio",
            "tracing",
        ],
    ),
    // `config` for the settings of pages that its cursors keep to, `bulk` for jobs and what can be imported.
    row(
        "schema",
        &["app", "bulk", "caller", "command", "config", "error", "feed", "rule", "store", "tally"],
        &[
            "anyhow",
            "async_graphql",
            "async_stream",
            "chrono",
            "data_encoding",
            "dataloader",
            "entity",
            "futures_util",
            "serde",
            "serde_json",
            "thiserror",
            "tokio",
            "tracing",
        ],
    ),
    row(
        "guard",
        &["caller", "config", "error"],
        &[
            "async_graphql",
            "data_encoding",
            "async_graphql_value",
            "data_encoding",
            "lru",
            "serde",
            "serde_json",
            "sha2",
            "sha2",
            "thiserror",
        ],
    ),
    // `bulk` for the data of jobs and exports, which are no GraphQL.
    row(
        "http",
        &["app", "bulk", "caller", "config", "error", "guard", "origin", "schema", "tally", "telemetry"],
        &[
            "async_graphql",
            "async_graphql_axum",
            "axum",
            "data_encoding",
            "entity",
            "futures_util",
            "getrandom",
            "hyper",
            "hyper_util",
            "lru",
            "prometheus",
            "rustls",
            "serde",
            "serde_json",
            "sha2",
            "tokio",
            "tokio_rustls",
            "tokio_util",
            "tower",
            "tower_http",
            "tracing",
        ],
    ),
    row(
        "main",
        &[
            "app",
            "bulk",
            "caller",
            "cli",
            "command",
            "config",
            "error",
            "feed",
            "guard",
            "http",
            "rule",
            "schema",
            "store",
            "telemetry",
        ],
        &["anyhow", "entity", "indicatif", "mimalloc", "rlimit", "tokio", "tracing", "tracing_subscriber"],
    ),
];

/// Names that say nothing of what a file holds.
const NAMELESS: &[&str] = &["common", "helper", "helpers", "misc", "shared", "util", "utils"];

/// A source file: its module, how deep it lies in it, and its text without comments and test modules.
struct Source {
    path: PathBuf,
    module: String,
    depth: usize,
    text: String,
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn below(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for path in below("src") {
        let inner = path.strip_prefix(&root).expect("below src").with_extension("");
        let mut parts: Vec<_> = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if parts.last().is_some_and(|last| last == "tests") || parts == ["lib"] {
            continue;
        }
        if parts.last().is_some_and(|last| last == "mod") {
            parts.pop();
        }
        let text = fs::read_to_string(&path).expect("a text");
        sources.push(Source {
            path: inner,
            module: parts[0].clone(),
            depth: parts.len() - 1,
            text: compiled(&text),
        });
    }
    sources
}

/// The text without comments and without what stands in its test module, which ends a file.
fn compiled(text: &str) -> String {
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]");
    lines.map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect()
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

fn word(text: &str) -> &str {
    &text[..text.find(|letter| !is_word(letter)).unwrap_or(text.len())]
}

/// What stands right behind each `path::`, a list in braces taken apart.
fn behind<'a>(text: &'a str, path: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices(path) {
        if text[..at].chars().next_back().is_some_and(|letter| is_word(letter) || letter == ':') {
            continue;
        }
        let rest = &text[at + path.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut fresh = true;
        for (at, letter) in list.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                letter if fresh && is_word(letter) => {
                    found.insert(word(&list[at..]));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    found
}

/// The modules of ours that a source names.
fn ours(source: &Source) -> BTreeSet<&str> {
    let path = if source.module == "main" { "roamline::" } else { "crate::" };
    let mut named = behind(&source.text, path);
    named.remove(source.module.as_str());
    named
}

/// The crates that the server depends on, as code names them.
fn dependencies() -> Vec<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest = manifest.expect("the manifest");
    let section = manifest.split("[dependencies]\n").nth(1).expect("dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.map(|line| word(&line.replace('-', "_")).to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Whether the text names the crate: in a path, in a `use`, or as an attribute's path.
fn names(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = &text[at + name.len()..];
        !before.is_some_and(|letter| is_word(letter) || letter == ':' || letter == '.')
            && after.starts_with("::")
    })
}

#[test]
fn every_module_uses_only_what_the_table_allows() {
    let dependencies = dependencies();
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(row) = TABLE.iter().find(|row| row.module == source.module) else {
            wrong.push(format!("{} is in no row of the table", source.module));
            continue;
        };
        let file = source.path.display();
        for module in ours(&source) {
            // A name in capitals, or a lower-case one that is no module, is the crate's own item.
            if TABLE.iter().any(|row| row.module == module) && !row.ours.contains(&module) {
                wrong.push(format!("{file}: {} may not use {module}", row.module));
            }
        }
        for name in dependencies.iter().filter(|name| names(&source.text, name)) {
            if !row.crates.contains(&name.as_str()) {
                wrong.push(format!("{file}: {} may not use the crate {name}", row.module));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `super` that climbs out of its module would use others without naming them.
#[test]
fn no_module_reaches_another_one_through_super() {
    for source in sources() {
        let out = "super::".repeat(source.depth + 1);
        assert!(
            !source.text.contains(&out),
            "{}: {out} leads out of {}",
            source.path.display(),
            source.module
        );
    }
}

#[test]
fn modules_use_each_other_without_cycles() {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources() {
        let named = ours(&source).into_iter().map(str::to_owned);
        uses.entry(source.module.clone()).or_default().extend(named);
    }
    // Modules that use only such as are done are done; what stays stands in a cycle, or above one.
    while let Some(done) = uses
        .iter()
        .find(|(_, named)| named.iter().all(|name| !uses.contains_key(name)))
        .map(|(module, _)| module.clone())
    {
        uses.remove(&done);
    }
    assert!(uses.is_empty(), "a cycle within {uses:#?}");
}

/// The table itself has no cycle either, so that none can come to be unnoticed.
#[test]
fn the_table_allows_no_cycle() {
    let mut known = Vec::new();
    for row in TABLE {
        for used in row.ours {
            assert!(known.contains(used), "{} stands before {used}, which it uses", row.module);
        }
        known.push(row.module);
    }
}

#[test]
fn every_file_is_named_after_what_it_holds() {
    for path in ["src", "tests", "entity/src", "migration/src"].into_iter().flat_map(below) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        assert!(!NAMELESS.contains(&name.as_str()), "{} says nothing", path.display());
    }
}

/// The reading of sources above, on what is known.
#[test]
fn imports_are_found_however_they_are_written() {
    let text = compiled(
        "use crate::{\n    a::{b, c::d},\n    e,\n    f as g,\n};\nuse crate::h::I;\nlet x = $crate::j::k(); // crate::no\n\
         #[cfg(test)]\nuse crate::tests;",
    );
    let found: Vec<_> = behind(&text, "crate::").into_iter().collect();
    assert_eq!(found, ["a", "e", "f", "h", "j"]);
    assert!(names("use sea_orm::DbErr;", "sea_orm") && !names("x.serde::y", "serde"));
}
