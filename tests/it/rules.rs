//! Query `rules` is documentation that runs: each example, on the sample estate, breaks exactly its rule.

use std::path::Path;

use entity::token::Role;
use roamline::{bulk, rule::RuleCode};
use serde_json::{Value, json};

use crate::roamline::{Client, Roamline, text};

/// Rules that no request can break on the sample: their examples say when they are broken, and stories do it.
const TOLD: &[&str] = &[
    "BUTTON_LIMIT",
    "JOB_NOTHING_TO_RETRY",
    "JOB_NOT_READY",
    "LINE_GIVEN_AWAY",
    "NUMBER_TAKEN",
    "ORGANIZATION_IS_ROOT",
    "REVERT_NOT_POSSIBLE",
    "SHARED_LINE_NOT_SUPPORTED",
    "TOO_MANY_ITEMS",
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
        let guarded = open.beside().await;
        Self { open, guarded }
    }

    /// Whoever the example is for: its first line may say `# as an operator of acme.Nordwind`.
    async fn client(&self, example: &str) -> Client {
        let Some(who) = example.strip_prefix("# as an ").and_then(|rest| rest.lines().next()) else {
            return self.open.stranger();
        };
        let (role, path) = who.split_once(" of ").expect("a role of an organization");
        let role = match role {
            "administrator" => Role::Admin,
            "operator" => Role::Operator,
            other => panic!("{other} is no role that changes anything"),
        };
        let query = "query($path: String!) { organization(by: {path: $path}) { id } }";
        let found = self.open.stranger().ask(query, json!({"path": path})).await;
        self.guarded.somebody(role, &text(&found["data"]["organization"]["id"])).await
    }

    async fn close(self) {
        self.guarded.close().await;
        self.open.close().await;
    }
}

/// The codes that each mutation of an answer was refused with, in their order.
fn refusals(answer: &Value) -> Vec<Vec<String>> {
    let data = answer["data"].as_object().unwrap_or_else(|| panic!("{answer:#}"));
    let payloads = data.values().map(|payload| payload["errors"].as_array().expect("a list of errors"));
    payloads.map(|errors| errors.iter().map(|error| text(&error["code"])).collect()).collect()
}

async fn hold<F: Future<Output = Option<Roamline>>>(open: impl Fn() -> F) {
    let Some(first) = open().await else { return };
    let sample = Sample::load(first).await;
    let newest = sample.open.app.newest_change().await.expect("a cursor");
    let mut wrong = Vec::new();
    for rule in RuleCode::ALL {
        let example = rule.example();
        if TOLD.contains(&rule.as_str()) {
            assert!(example.starts_with("# ") && !example.contains("mutation"), "{}", rule.as_str());
            continue;
        }
        let mut got = if example.matches("(input:").count() > 1 {
            // It prepares what it breaks, on a sample of its own.
            let fresh = Sample::load(open().await.expect("another one")).await;
            let got = refusals(&fresh.client(example).await.ask(example, json!({})).await);
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
