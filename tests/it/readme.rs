//! The README is true: its table of settings is the code's, and its requests run as printed against the sample.

use std::{fs, path::Path};

use roamline::{bulk, config};
use serde_json::Value;

use crate::roamline::{Roamline, percent};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BEGIN: &str = "<!-- settings: written by UPDATE=1 cargo test, from src/config.rs -->\n";
const END: &str = "<!-- end of settings -->";

fn readme() -> String {
    fs::read_to_string(README).expect("the README")
}

#[test]
fn the_table_of_settings_is_the_codes() {
    let readme = readme();
    let (before, rest) = readme.split_once(BEGIN).expect("where the table begins");
    let (table, after) = rest.split_once(END).expect("where the table ends");
    let wanted = format!("{}\n", config::settings_table().trim_end());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(README, format!("{before}{BEGIN}{wanted}{END}{after}")).expect("written");
    } else {
        assert_eq!(table, wanted, "run UPDATE=1 cargo test");
    }
}

/// The JSON bodies of the README's curl commands, as a shell would pass them.
fn bodies(readme: &str) -> Vec<String> {
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let curls = blocks.filter(|block| block.starts_with("curl ") && block.contains("/graphql"));
    curls
        .map(|block| {
            let (_, body) = block.split_once("-d '").expect("a body");
            body.rsplit_once('\'').expect("its end").0.to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requests_run_as_printed_against_the_sample() {
    let server = Roamline::sqlite_with(|config| config.no_auth = true).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/acme");
    let imported =
        bulk::import(&server.app, &Roamline::caller(), &folder, bulk::Mode::default(), |_, _| {}).await;
    assert_eq!(imported.expect("read").refusals.len(), 0);
    let client = server.stranger();

    let readme = readme();
    let bodies = bodies(&readme);
    assert!(
        bodies.len() >= 8,
        "a query, a mutation, one that is refused, and the five stories: {}",
        bodies.len()
    );
    let mut answers = Vec::new();
    for body in &bodies {
        let request: Value = serde_json::from_str(&body.replace('\n', " ")).expect("JSON");
        let query = request["query"].as_str().expect("a query");
        let answer = client.ask(query, request["variables"].clone()).await;
        assert!(answer["errors"].is_null(), "{query}\n{answer:#}");
        answers.push(answer["data"].clone());
    }
    assert!(answers[0]["profiles"]["totalCount"].as_i64().expect("a count") > 3);
    assert_eq!(answers[1]["changeLineSettings"]["errors"], serde_json::json!([]));
    let changed = answers[1]["changeLineSettings"]["appearances"].as_array().expect("a list");
    assert!(changed.len() > 1, "the original and its clones: {changed:?}");
    assert_eq!(answers[2]["changeLineSettings"]["errors"][0]["code"], "LINE_IS_CLONE");
    assert_eq!(answers[2]["changeLineSettings"]["errors"][0]["originalId"], "TGluZUFwcGVhcmFuY2U6NTMw");

    let import = readme.split("```sh\ncurl -s 'http://127.0.0.1:8080").nth(1).expect("an upload");
    let (path, rest) = import.split_once('\'').expect("its path");
    let data = rest.split("--data-binary '").nth(1).and_then(|data| data.split("'\n```").next());
    let request = reqwest::Client::new().post(client.url(path)).header("content-type", "text/csv");
    let taken = request.body(data.expect("its data").to_owned()).send().await.expect("an answer");
    assert_eq!(taken.status(), 202);
    bulk::job::work_off(&server.app).await.expect("worked");
    let jobs = client.data("{ jobs { nodes { state done failed } } }").await;
    assert_eq!(jobs["jobs"]["nodes"], serde_json::json!([{"state": "DONE", "done": 1, "failed": 1}]));

    let export = readme.split("curl -sG http://127.0.0.1:8080").nth(1).expect("an export");
    let (path, rest) = export.split_once(' ').expect("its path");
    let filter =
        rest.split("'filter=").nth(1).and_then(|filter| filter.split('\'').next()).expect("its filter");
    let url = client.url(&format!("{path}?format=jsonl&filter={}", percent(filter)));
    let lines = reqwest::get(url).await.expect("an answer").text().await.expect("rows");
    assert!(lines.lines().count() > 1, "{lines}");
    assert!(
        lines
            .lines()
            .all(|line| serde_json::from_str::<Value>(line).is_ok_and(|row| row["name"].is_string()))
    );

    // What is not there to be refused is done.
    for (body, answer) in bodies.iter().zip(&answers).filter(|(body, _)| !body.contains("originalId")) {
        let payloads = answer.as_object().expect("an object").values();
        assert!(
            payloads.filter_map(|payload| payload["errors"].as_array()).all(Vec::is_empty),
            "{body}\n{answer:#}"
        );
    }
    let story = |field: &str| answers.iter().find_map(|answer| answer.get(field)).expect("a story");
    assert_eq!(story("quickAddUser")["profile"]["name"], "EM_mona.lang");
    let services = &story("quickAddUser")["profile"]["serviceSubscriptions"]["nodes"];
    let want = serde_json::json!([{"name": "Extension Mobility", "button": {"label": "Log out"}}]);
    assert_eq!(*services, want);
    assert_eq!(story("addLineToDevice")["appearance"]["role"], "CLONE");
    assert_eq!(story("subscribeService")["subscription"]["urlState"], "CURRENT");
    let shown = &story("login")["session"]["phone"]["effectiveProfile"];
    assert_eq!(
        (&shown["shownBy"], &shown["profile"]["name"]),
        (&"SESSION".into(), &"EM_juergen.weiss".into())
    );
    assert_eq!(shown["serviceSubscriptions"]["nodes"].as_array().map(Vec::len), Some(2));
    let watched = answers.iter().find_map(|answer| answer["profile"]["history"]["nodes"].as_array());
    assert_eq!(watched.expect("a history")[0]["change"]["kind"], "SESSION_STARTED");

    let subscription = readme.split("```graphql\nsubscription { changes").nth(1).expect("a subscription");
    let subscription = subscription.split(" }\n```").next().expect("its end");
    let (arguments, select) = subscription.split_once(" { cursor ").expect("arguments and fields");
    let mut feed = client.follow(arguments, select.strip_suffix(" }").expect("fields")).await;
    assert!(feed.next().await["change"]["kind"].is_string());
    server.close().await;
}
