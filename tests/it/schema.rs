//! The schema as clients see it: its file is today's, every member says what it is, and shapes are the same
//! everywhere.

use std::{fs, path::Path};

use roamline::schema;
use serde_json::Value;

use crate::roamline::{Roamline, text};

const INTROSPECTION: &str = "
    query {
        __schema {
            queryType { name }
            mutationType { name }
            types {
                kind name description
                fields(includeDeprecated: true) {
                    name description type { ...T } args { name description type { ...T } }
                }
                inputFields { name description }
                enumValues(includeDeprecated: true) { name description }
            }
        }
    }
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }
";

/// Root lists that are not pages, each with the reason.
const WHOLE: &[(&str, &str)] = &[
    ("nodes", "answers each id at its place, and no more than were given"),
    ("products", "the compiled catalogue, about forty"),
    ("rules", "the rules of the code, always the same"),
    ("search", "the best few, cut off by its own argument"),
];

async fn types() -> Vec<Value> {
    let server = Roamline::sqlite().await;
    let mut data = server.admin().data(INTROSPECTION).await;
    server.close().await;
    let types = data["__schema"]["types"].take();
    let Value::Array(types) = types else { panic!("no types: {types}") };
    types.into_iter().filter(|kind| !text(&kind["name"]).starts_with("__")).collect()
}

fn of<'a>(types: &'a [Value], name: &str) -> &'a Value {
    types.iter().find(|kind| kind["name"] == name).unwrap_or_else(|| panic!("there is no type {name}"))
}

fn members<'a>(kind: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    kind[list].as_array().into_iter().flatten()
}

/// The name of a type whatever it is wrapped in, and whether a list is part of the wrapping.
fn unwrapped(kind: &Value) -> (String, bool) {
    if kind["ofType"].is_null() {
        return (text(&kind["name"]), false);
    }
    let (name, list) = unwrapped(&kind["ofType"]);
    (name, list || kind["kind"] == "LIST")
}

#[test]
fn the_schema_file_is_what_the_server_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let printed = schema::sdl();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &printed).expect("written");
    }
    let kept = fs::read_to_string(&path).expect("schema.graphql is there");
    assert!(
        kept == printed,
        "schema.graphql is stale: run the tests with UPDATE=1 and look at the difference"
    );
}

#[tokio::test]
async fn every_member_is_described_in_whole_sentences() {
    const BUILT_IN: [&str; 5] = ["Boolean", "Float", "ID", "Int", "String"];
    let mut bare = Vec::new();
    let mut look = |name: String, member: &Value| {
        let described = member["description"].as_str().is_some_and(|description| description.ends_with('.'));
        if !described {
            bare.push(format!("{name}: {}", member["description"]));
        }
    };
    for kind in types().await {
        let name = text(&kind["name"]);
        if BUILT_IN.contains(&name.as_str()) {
            continue;
        }
        look(name.clone(), &kind);
        for list in ["fields", "inputFields", "enumValues"] {
            for member in members(&kind, list) {
                let name = format!("{name}.{}", text(&member["name"]));
                look(name.clone(), member);
                for argument in members(member, "args") {
                    look(format!("{name}({})", text(&argument["name"])), argument);
                }
            }
        }
    }
    assert!(bare.is_empty(), "no whole sentence at {bare:#?}");
}

#[tokio::test]
async fn lists_at_the_root_are_pages() {
    let types = types().await;
    let mut pages = 0;
    for field in members(of(&types, "Query"), "fields") {
        let name = text(&field["name"]);
        let (kind, list) = unwrapped(&field["type"]);
        let whole = WHOLE.iter().any(|(known, _)| *known == name);
        assert_eq!(list, whole, "{name} is a list and no page, or stands among those by mistake");
        if kind.ends_with("Connection") {
            pages += 1;
            let arguments: Vec<_> = members(field, "args").map(|argument| text(&argument["name"])).collect();
            for argument in ["first", "after", "last", "before", "filter"] {
                assert!(arguments.iter().any(|known| known == argument), "{name} has no {argument}");
            }
            for member in ["edges", "nodes", "pageInfo", "totalCount"] {
                let fields = members(of(&types, &kind), "fields");
                assert!(fields.into_iter().any(|field| field["name"] == member), "{kind} has no {member}");
            }
        }
    }
    assert!(pages >= 8, "only {pages} pages");
}

#[tokio::test]
async fn every_mutation_takes_one_input_and_tells_errors_changes_and_cursor() {
    let types = types().await;
    let mutations: Vec<_> = members(of(&types, "Mutation"), "fields").collect();
    assert!(mutations.len() >= 25, "only {} mutations", mutations.len());
    for mutation in mutations {
        let name = text(&mutation["name"]);
        let capital = name[..1].to_uppercase() + &name[1..];
        let arguments: Vec<_> = members(mutation, "args").collect();
        assert_eq!(arguments.len(), 1, "{name}");
        assert_eq!(arguments[0]["name"], "input", "{name}");
        assert_eq!(arguments[0]["type"]["kind"], "NON_NULL", "{name}");
        assert_eq!(unwrapped(&arguments[0]["type"]).0, format!("{capital}Input"));
        let (payload, _) = unwrapped(&mutation["type"]);
        assert_eq!(payload, format!("{capital}Payload"));
        let fields: Vec<_> =
            members(of(&types, &payload), "fields").map(|field| text(&field["name"])).collect();
        for field in ["errors", "changes", "cursor"] {
            assert!(fields.iter().any(|known| known == field), "{payload} has no {field}");
        }
        let input: Vec<_> = members(of(&types, &format!("{capital}Input")), "inputFields")
            .map(|field| text(&field["name"]))
            .collect();
        for field in ["dryRun", "idempotencyKey", "reason"] {
            assert!(input.iter().any(|known| known == field), "{capital}Input has no {field}");
        }
    }
}
