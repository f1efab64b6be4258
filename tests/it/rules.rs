//! Query `rules` is documentation that runs: each example, on the sample estate, breaks exactly its rule.

use std::{collections::BTreeSet, fs, ops::RangeInclusive, path::Path, time::Duration};

use entity::{OrganizationId, token::Role};
use roamline::{bulk, rule::RuleCode};
use serde_json::{Value, json};

use crate::roamline::{Client, Roamline, number, text};

/// Rules whose examples are told and not run: why no request on the sample breaks them, and the test that breaks them
/// otherwise, through the real server where it can be.
const TOLD: &[(&str, &str, &str)] = &[
    (
        "NUMBER_TAKEN",
        "mutations leave a number alone that is there; the row of a file, or a race, is refused",
        "tests/it/bulk.rs: numbers_begin_as_their_lines_stand",
    ),
    (
        "ROLE_OUT_OF_PLACE",
        "tokens are made by the command line, not by requests",
        "tests/it/role.rs: a_role_is_delegated_downwards_and_never_more_than_ones_own",
    ),
    (
        "SHARED_LINE_NOT_SUPPORTED",
        "every product of the catalogue shares lines, and the catalogue is compiled in",
        "src/rule/line.rs: a_product_that_shares_no_lines_takes_no_clone",
    ),
];

/// A node without tokens that has loaded the sample, so that ids are those that a newcomer meets, and one beside it
/// that asks for them.
struct Sample {
    open: Roamline,
    guarded: Roamline,
}

impl Sample {
    async fn load(open: Roamline) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acme");
        let caller = Roamline::caller();
        let report = bulk::import(&open.app, &caller, &folder, bulk::Mode::default(), |_, _| {}).await;
        assert_eq!(report.expect("read").refusals.len(), 0);
        // Nobody is just logging in.
        open.pass(Duration::from_mins(1));
        let guarded = open.beside().await;
        Self { open, guarded }
    }

    /// Whoever the example is for: its first line may say `# as an operator of acme.Nordwind`, or name a role that its setup
    /// composed.
    async fn client(&self, example: &str) -> Client {
        let Some(who) = example.strip_prefix("# as a").and_then(|rest| rest.lines().next()) else {
            return self.open.stranger();
        };
        let (role, path) = who.split_once(" of ").expect("a role of an organization");
        let query = "query($path: String!) { organization(by: {path: $path}) { id } }";
        let found = self.open.stranger().ask(query, json!({"path": path})).await;
        let id = text(&found["data"]["organization"]["id"]);
        let role = match role {
            "n administrator" => Role::Admin,
            "n operator" => Role::Operator,
            other => {
                let (role, place) = (other.trim(), Some(OrganizationId(number(&id))));
                let made = self.open.app.create_token_with("somebody", role, place, None).await;
                return self.guarded.client(Some(made.expect("a token").1));
            }
        };
        self.guarded.somebody(role, &id).await
    }

    /// Does what an example needs, and answers its variables: what stands under their names in the answer.
    async fn set_up(&self, setup: Option<&str>, example: &str) -> Value {
        let Some(setup) = setup else { return json!({}) };
        let answer = self.open.stranger().ask(setup, json!({})).await;
        assert!(refusals(&answer).iter().all(Vec::is_empty), "{setup}\n{answer:#}");
        let words = example.split('$').skip(1);
        let names: BTreeSet<_> =
            words.filter_map(|rest| rest.split([':', ',', ')', '}', ' ']).next()).collect();
        let found = |name: &str| under(&answer, name).unwrap_or_else(|| panic!("{name} of {answer:#}"));
        names.into_iter().map(|name| (name.to_owned(), found(name))).collect()
    }

    async fn close(self) {
        self.guarded.close().await;
        self.open.close().await;
    }
}

/// The text that stands under a name, however deep.
fn under(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Object(fields) => {
            let here = fields.get(name).filter(|value| value.is_string());
            here.cloned().or_else(|| fields.values().find_map(|value| under(value, name)))
        }
        Value::Array(items) => items.iter().find_map(|item| under(item, name)),
        _ => None,
    }
}

/// The codes that each mutation of an answer was refused with, in their order; what a restoration left out counts too.
fn refusals(answer: &Value) -> Vec<Vec<String>> {
    let data = answer["data"].as_object().unwrap_or_else(|| panic!("{answer:#}"));
    let told = |payload: &Value| {
        let errors = payload["errors"].as_array().expect("a list of errors").iter();
        errors
            .chain(payload["leftOut"].as_array().into_iter().flatten())
            .map(|error| text(&error["code"]))
            .collect()
    };
    data.values().map(told).collect()
}

async fn hold<F: Future<Output = Option<Roamline>>>(open: impl Fn() -> F) {
    let Some(first) = open().await else { return };
    let sample = Sample::load(first).await;
    let newest = sample.open.app.newest_change().await.expect("a cursor");
    let mut wrong = Vec::new();
    for rule in RuleCode::ALL {
        let example = rule.example();
        if TOLD.iter().any(|(code, ..)| *code == rule.as_str()) {
            assert!(example.starts_with("# ") && !example.contains("mutation"), "{}", rule.as_str());
            continue;
        }
        let mut got = if rule.setup().is_some() || example.matches("(input:").count() > 1 {
            // It prepares what it breaks, on a sample of its own.
            let fresh = Sample::load(open().await.expect("another one")).await;
            let variables = fresh.set_up(rule.setup(), example).await;
            let got = refusals(&fresh.client(example).await.ask(example, variables).await);
            fresh.close().await;
            got
        } else {
            refusals(&sample.client(example).await.ask(example, json!({})).await)
        };
        let last = got.pop().unwrap_or_default();
        if last != [rule.as_str()] || got.iter().any(|errors| !errors.is_empty()) {
            wrong.push(format!("{}: {got:?} and then {last:?}\n{example}", rule.as_str()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        sample.open.app.newest_change().await.expect("a cursor"),
        newest,
        "a refused example changed something"
    );
    sample.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_breaks_exactly_its_rule_on_sqlite() {
    hold(async || Some(Roamline::sqlite_with(|config| config.no_auth = true).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_breaks_exactly_its_rule_on_postgresql() {
    hold(async || Roamline::postgres_with(|config| config.no_auth = true).await).await;
}

/// What is told and not run is broken by another test, which is there.
#[test]
fn what_is_told_and_not_run_is_broken_elsewhere() {
    for (code, why, place) in TOLD {
        let (file, name) = place.split_once(": ").expect("a file and a test");
        let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a source");
        assert!(source.contains(&format!("fn {name}(")) && !why.is_empty(), "{code}: {place}");
        assert!(RuleCode::ALL.iter().any(|rule| rule.as_str() == *code), "{code}");
    }
}

/// The families of the field's rule book, with the numbers of their rules: names, lines, clones, the inventory,
/// reservations, the inventory filter, speed dials, busy lamp fields, buttons, services, users, sessions, deletions.
const BOOK: &[(&str, &[RangeInclusive<u32>])] = &[
    ("NAM", &[1..=10]),
    ("LIN", &[1..=12, 20..=23]),
    ("CLN", &[1..=8]),
    ("INV", &[1..=13]),
    ("RSV", &[1..=7]),
    ("FLT", &[1..=5]),
    ("SPD", &[1..=6]),
    ("BLF", &[1..=7]),
    ("BTN", &[1..=2]),
    ("SVC", &[1..=15]),
    ("USR", &[1..=14]),
    ("SES", &[1..=20]),
    ("DEL", &[1..=11]),
];

/// Rules of the book that nothing here can keep or break, each with the reason.
const ELSEWHERE: &[(&str, &str)] = &[
    ("NAM-10", "the text of AXL's fault for a name twice; no Unified CM is connected"),
    ("LIN-8", "how releases before 7 let go of a shared first line; here every place is alike"),
    ("LIN-10", "advice on how many calls a shared line should hold; nothing is refused for it"),
    ("LIN-11", "what a phone shows of calls that began before it registered"),
    ("LIN-20", "AXL's whole-list updates; LIN-21 is what is done about it"),
    ("INV-1", "Unified CM knows no inventory; there is nothing to keep"),
    ("INV-3", "VOSS's inventory without partitions; INV-13 is kept instead"),
    ("RSV-6", "what reservations are for"),
    ("FLT-4", "choices of VOSS that no source tells; FLT-5 is kept instead"),
    ("SPD-6", "users who edit their own speed dials in Unified CM; none is connected"),
    ("BLF-4", "which of two partitions Unified CM watches"),
    ("BLF-5", "presence groups, which Unified CM does not check for busy lamp fields"),
    ("SVC-8", "which key of a phone opens a service of a type; the type is kept"),
    ("SVC-12", "one service to log in and another to log out: two services like any others"),
    ("USR-5", "what VOSS's list shows of several profiles; here all are listed"),
    ("USR-10", "a limit of Unified CM's database that profiles do not have"),
    ("SES-7", "how long Unified CM remembers a PIN; none is kept here"),
    ("SES-8", "a login screen's memory of the last user"),
    ("SES-9", "call-backs and call logs of a phone"),
    ("SES-10", "phones that restart at a login"),
    ("SES-13", "phones that show changed lines after a reset; here lines are shown as of now"),
    ("SES-15", "what an upgrade of Unified CM does to logins; snapshots are what is done about it"),
    ("SES-16", "replication of Unified CM's database"),
    ("SES-17", "intercom lines, whose default device AXL cannot set"),
    ("SES-20", "logins across clusters, which are not kept here"),
    ("DEL-2", "how the seed's sentence is to be read; DEL-1 is kept"),
];

/// Parts of rules that a test names, which nothing here can keep or break, each with the reason.
const PARTLY: &[(&str, &str)] = &[(
    "SVC-13",
    "that the default device profile's services stand in for a profile without any: Unified CM's default device profile \
     keeps none in its API, and so none are kept here",
)];

/// Every rule of the book is named by a test, or it is said why there is none.
#[test]
fn every_rule_of_the_book_is_named_by_a_test() {
    let mut named = BTreeSet::new();
    let mut texts = String::new();
    for folder in ["src", "tests/it"] {
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut texts);
    }
    for (at, _) in texts.match_indices('-') {
        let family = texts.get(at.saturating_sub(3)..at).unwrap_or_default();
        let number =
            texts[at + 1..].split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
        named.insert(format!("{family}-{number}"));
    }
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(id, _)| (*id).to_owned()).collect();
    for (id, why) in PARTLY {
        assert!(named.contains(*id) && !elsewhere.contains(*id) && !why.is_empty(), "{id}");
    }
    let mut missing = Vec::new();
    for (family, numbers) in BOOK {
        for number in numbers.iter().cloned().flatten() {
            let id = format!("{family}-{number}");
            if named.contains(&id) == elsewhere.contains(&id) {
                missing.push(id);
            }
        }
    }
    assert!(missing.is_empty(), "neither named by a test nor said to be elsewhere, or both: {missing:?}");
}

/// The texts of tests: stories whole, and of other sources what stands in their test modules. This file says what is
/// elsewhere and does not count.
fn collect(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("rules.rs") {
            let text = fs::read_to_string(&path).expect("a text");
            let story = path.iter().any(|part| part == "it") || path.ends_with("tests.rs");
            into.push_str(if story {
                &text
            } else {
                text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests)
            });
        }
    }
}
