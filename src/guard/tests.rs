use std::{fmt::Write, time::Instant};

use async_graphql::{Request, ServerError, Value, Variables};
use proptest::prelude::*;

use super::{Guard, Refusal, check_text, check_variables};
use crate::config;

fn limits() -> config::Guard {
    config::Guard {
        tokens: 400,
        nesting: 16,
        depth: 8,
        fields: 60,
        aliases: 5,
        cost: 5_000,
        documents: 4,
        ..config::Guard::default()
    }
}

fn guard() -> Guard {
    Guard::new(&limits(), &config::Page { default: 50, most: 200 })
}

fn verdict(document: &str) -> Result<(), Refusal> {
    guard().prepare(Request::new(document)).map(drop)
}

/// A chain of fragments, each spreading the next as often as told; the last one ends as told.
fn chain(links: usize, spreads: usize, end: &str) -> String {
    let mut document = String::from("{...f0}");
    for link in 0..links {
        let spread = format!("...f{} ", link + 1).repeat(spreads);
        write!(document, "fragment f{link} on Query{{{spread}}}").expect("a string takes any text");
    }
    write!(document, "fragment f{links} on Query{{{end}}}").expect("a string takes any text");
    document
}

const NESTED: &str = r#"
    query Page($first: Int = 10) {
      profiles(first: $first, filter: {and: [{name: {startsWith: "EM"}}]}) {
        edges { node { ...whole } }
        pageInfo { hasNextPage endCursor }
        totalCount
      }
    }
    fragment whole on Profile { id lines(first: 5) { nodes { number users { name } } } }
    "#;

#[test]
fn a_normal_nested_query_passes() {
    let prepared = guard().prepare(Request::new(NESTED)).expect("it is within every limit");
    assert_eq!(prepared.name.as_deref(), Some("Page"));
    assert_eq!(prepared.kind, async_graphql::parser::types::OperationType::Query);
}

/// Whether a refusal is the one that a row of the table is about.
type Expected = fn(&Refusal) -> bool;

#[test]
fn each_hostile_document_fails_its_own_limit() {
    let brackets =
        |open: &str, close: &str| format!("{{a(b:{}{})}}", open.repeat(5_000), close.repeat(5_000));
    let fields = |count: usize| {
        "{".to_owned() + &(0..count).fold(String::new(), |all, n| all + &format!("f{n} ")) + "}"
    };
    let deep = |levels: usize| "{a".repeat(levels) + &"}".repeat(levels);
    let table: Vec<(&str, String, Expected)> = vec![
        ("lists", brackets("[", "]"), |r| *r == Refusal::Nesting { most: 16 }),
        ("lists without an end", brackets("[", ""), |r| *r == Refusal::Nesting { most: 16 }),
        ("objects", brackets("{a:", "}"), |r| *r == Refusal::Nesting { most: 16 }),
        ("list types", format!("query($a:{}Int{}){{a}}", "[".repeat(5_000), "]".repeat(5_000)), |r| {
            *r == Refusal::Nesting { most: 16 }
        }),
        ("selections", deep(5_000), |r| *r == Refusal::Nesting { most: 16 }),
        ("tokens", fields(500), |r| *r == Refusal::Tokens { most: 400 }),
        ("depth", deep(9), |r| *r == Refusal::Depth { found: 9, most: 8 }),
        ("fields", fields(61), |r| *r == Refusal::Fields { found: 61, most: 60 }),
        (
            "fields of unused fragments",
            "{a}".to_owned() + &fields(60).replace('{', "fragment f on Q{"),
            |r| *r == Refusal::Fields { found: 61, most: 60 },
        ),
        ("aliases", "{a:x b:x c:x d:x e:x f:x}".to_owned(), |r| *r == Refusal::Aliases { found: 6, most: 5 }),
        (
            "doubling fragments",
            chain(12, 2, "a"),
            |r| matches!(r, Refusal::Fields { found, .. } if *found > 8_000),
        ),
        ("doubling fragments that end in nothing known", chain(12, 2, "...none"), |r| {
            matches!(r, Refusal::Fields { .. })
        }),
        ("a long chain", chain(30, 1, "a"), |r| *r == Refusal::Followed { most: 16 }),
        ("a cycle", chain(3, 1, "...f0"), |r| matches!(r, Refusal::Cycle { .. })),
        ("a cycle that nothing uses", "{a}fragment f on Q{b{...f}}".to_owned(), |r| {
            matches!(r, Refusal::Cycle { .. })
        }),
        (
            "cost of pages",
            "{a(first:100){nodes{b(first:100){nodes{c}}}}}".to_owned(),
            |r| matches!(r, Refusal::Cost { found, most: 5_000 } if *found > 20_000),
        ),
        ("cost of default pages", "{a{nodes{b{edges{node{c}}}}}}".to_owned(), |r| {
            matches!(r, Refusal::Cost { .. })
        }),
        (
            "cost behind fragments",
            "{a{...p}}fragment p on A{nodes{b{...q}}}fragment q on B{nodes{c d}}".to_owned(),
            |r| matches!(r, Refusal::Cost { .. }),
        ),
        ("introspection of itself", "{__schema{types{fields{type{fields{name}}}}}}".to_owned(), |r| {
            matches!(r, Refusal::Introspection { .. })
        }),
        ("introspection again and again", format!("{{{}}}", "__schema{types{name}} ".repeat(11)), |r| {
            matches!(r, Refusal::Introspection { .. })
        }),
        ("two streams", "subscription{a b}".to_owned(), |r| *r == Refusal::Roots { found: 2 }),
        ("two streams by a fragment", "subscription{...f}fragment f on S{a ...{b}}".to_owned(), |r| {
            *r == Refusal::Roots { found: 2 }
        }),
        ("a block string without an end", format!("{{a(b:[\"\"\"x\" {}])}}", "[".repeat(5_000)), |r| {
            matches!(r, Refusal::Syntax { .. })
        }),
        ("a string over two lines", "{a(b:\"x\ny\")}".to_owned(), |r| matches!(r, Refusal::Syntax { .. })),
        ("no document", "nothing".to_owned(), |r| matches!(r, Refusal::Syntax { .. })),
        ("nothing at all", String::new(), |r| matches!(r, Refusal::Syntax { .. })),
    ];
    for (name, document, expected) in table {
        let refusal = verdict(&document).expect_err(name);
        assert!(expected(&refusal), "{name}: {refusal:?}");
    }
}

#[test]
fn brackets_in_strings_and_comments_do_not_count() {
    let many = "[({".repeat(100);
    for document in [
        format!("{{a(b:\"{many}\")}}"),
        format!("{{a(b:\"\\\"{many}\")}}"),
        format!("{{a(b:\"\"\"{many}\n\\\"\"\" \" {many}\"\"\")}}"),
        format!("{{a # {many}\r b}}"),
        format!("\u{feff}{{a(b:\"\")}} # {many}"),
    ] {
        assert_eq!(verdict(&document), Ok(()), "{document}");
    }
    let hidden = |before: &str| format!("{{a(b:{before}{})}}", "[".repeat(20));
    for before in
        ["\"\" ", "\"\\\\\" ", "\"\"\"\"\"\" ", "\"\"\" \\\\\"\"\" \"\"\" ", "#\n", "#\r", "-1.5e+3,", "$x "]
    {
        assert_eq!(verdict(&hidden(before)), Err(Refusal::Nesting { most: 16 }), "{before}");
    }
}

#[test]
fn the_chain_that_takes_the_executor_half_a_minute_is_refused_at_once() {
    let guard = Guard::new(&config::Guard::default(), &config::Page::default());
    let document = chain(26, 2, "hello");
    assert!(document.len() < 1_300);
    let began = Instant::now();
    let refusal = guard.prepare(Request::new(document)).expect_err("it expands to 67 million fields");
    assert!(matches!(refusal, Refusal::Fields { found, most: 2_000 } if found > 1 << 26), "{refusal:?}");
    assert!(began.elapsed().as_millis() < 200, "{:?}", began.elapsed());
}

#[test]
fn sums_saturate() {
    let wide = config::Guard { nesting: 300, ..config::Guard::default() };
    let guard = Guard::new(&wide, &config::Page::default());
    let refusal = guard.prepare(Request::new(chain(70, 2, "a"))).expect_err("it expands beyond counting");
    assert_eq!(refusal, Refusal::Fields { found: u64::MAX, most: 2_000 });
}

#[test]
fn what_a_page_costs_follows_its_variables() {
    let guard = guard();
    let document = "query($n:Int=10){a(first:$n){nodes{b c}}}";
    let cost = |json: serde_json::Value| {
        let request = Request::new(document).variables(Variables::from_json(json));
        guard.prepare(request).map(drop)
    };
    assert_eq!(cost(serde_json::json!({})), Ok(()));
    assert_eq!(cost(serde_json::json!({ "n": 200 })), Ok(()));
    let dear = Guard::new(&config::Guard { cost: 500, ..limits() }, &config::Page { default: 50, most: 200 });
    let request =
        |n: i64| Request::new(document).variables(Variables::from_json(serde_json::json!({ "n": n })));
    // One for `a`, then three for each item: `nodes` itself, `b` and `c`.
    assert_eq!(dear.prepare(request(200)).map(drop), Err(Refusal::Cost { found: 601, most: 500 }));
    // Beyond the largest page the field refuses by name; no request costs nothing by overflow or sign.
    assert_eq!(dear.prepare(request(i64::MAX)).map(drop), Err(Refusal::Cost { found: 601, most: 500 }));
    assert_eq!(dear.prepare(request(-1)).map(drop), Ok(()));
}

#[test]
fn many_ids_cost_as_many_items() {
    let ids = vec!["\"x\""; 200].join(",");
    let dear = Guard::new(&config::Guard { cost: 400, tokens: 1_000, ..limits() }, &config::Page::default());
    let refusal = dear.prepare(Request::new(format!("{{nodes(ids:[{ids}]){{a b}}}}"))).map(drop);
    assert_eq!(refusal, Err(Refusal::Cost { found: 401, most: 400 }));
}

#[test]
fn the_usual_introspection_passes() {
    let of_type = "ofType{kind name ".repeat(9) + &"}".repeat(9);
    let document = format!(
        "query IntrospectionQuery{{__schema{{description queryType{{name}} mutationType{{name}} \
         subscriptionType{{name}} types{{...FullType}} directives{{name description isRepeatable locations \
         args(includeDeprecated:true){{...InputValue}}}}}}}} \
         fragment FullType on __Type{{kind name description specifiedByURL isOneOf \
         fields(includeDeprecated:true){{name description args(includeDeprecated:true){{...InputValue}} \
         type{{...TypeRef}} isDeprecated deprecationReason}} \
         inputFields(includeDeprecated:true){{...InputValue}} interfaces{{...TypeRef}} \
         enumValues(includeDeprecated:true){{name description isDeprecated deprecationReason}} \
         possibleTypes{{...TypeRef}}}} \
         fragment InputValue on __InputValue{{name description type{{...TypeRef}} defaultValue isDeprecated \
         deprecationReason}} fragment TypeRef on __Type{{kind name {of_type}}}"
    );
    let guard = Guard::new(&config::Guard::default(), &config::Page::default());
    guard.prepare(Request::new(document)).expect("tools send this");
}

#[test]
fn variables_nest_as_deep_as_documents() {
    let nested = |levels: usize| {
        let value = (1..levels).fold(Value::List(Vec::new()), |inner, _| Value::List(vec![inner]));
        Variables::from_value(Value::Object([(async_graphql::Name::new("a"), value)].into_iter().collect()))
    };
    assert_eq!(check_variables(&nested(16), 16), Ok(()));
    assert_eq!(check_variables(&nested(17), 16), Err(Refusal::Variables { most: 16 }));
}

#[test]
fn a_known_document_is_judged_by_its_variables_again() {
    let guard = guard();
    for _ in 0..3 {
        assert!(guard.prepare(Request::new("{a(first:100){nodes{b(first:100){nodes{c}}}}}")).is_err());
        assert!(guard.prepare(Request::new("{a}")).is_ok());
    }
    for n in 0..20 {
        guard.prepare(Request::new(format!("{{a{n}}}"))).expect("it is small");
    }
    assert_eq!(guard.kept().len(), 4);
}

#[test]
fn only_the_operation_that_runs_is_priced() {
    let document = "query Small{a} query Large{a(first:200){nodes{b(first:200){nodes{c}}}}}";
    let run = |name: &str| guard().prepare(Request::new(document).operation_name(name)).map(|p| p.name);
    assert_eq!(run("Small"), Ok(Some("Small".to_owned())));
    assert!(matches!(run("Large"), Err(Refusal::Cost { .. })));
    assert_eq!(run("None"), Ok(None));
}

#[test]
fn a_refusal_tells_limit_and_figure() {
    let error =
        ServerError::from(verdict("{a:x b:x c:x d:x e:x f:x}").expect_err("six aliases, five allowed"));
    insta::assert_snapshot!(
        serde_json::to_string(&error).expect("errors are JSON"),
        @r#"{"message":"the document holds 6 aliases once fragments are followed; the limit is 5; use a list field or several queries","extensions":{"code":"QUERY_TOO_LARGE","found":6,"limit":"aliases","most":5}}"#
    );
    let error = ServerError::from(verdict("{a\n(b").expect_err("it breaks off"));
    insta::assert_snapshot!(serde_json::to_string(&error).expect("errors are JSON"), @r#"{"message":"syntax error: expected argument","locations":[{"line":2,"column":2}],"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}"#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_gets_a_verdict(text in any::<String>()) {
        let _ = check_text(&text, &limits());
    }

    /// Pieces of the grammar in any order: what passes the check is parsed, judged and never crashes.
    #[test]
    fn any_soup_of_tokens_gets_a_verdict(pieces in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", "(", ")", "a", "on", "query", "fragment", "subscription", "...", ":", "$a", "@b", "!", "=",
        "\"", "\"\"\"", "\\", "\\\"\"\"", "\"x\"", "\"\"\"y\"\"\"", "#", "\n", " ", ",", "1", "-2.5e3", "null", "é", "\u{feff}",
        "{a", "a(b:[", "...f", "fragment f on Q{", "first:", "nodes{",
    ]), 0..300)) {
        let _ = verdict(&pieces.concat());
        let _ = verdict(&pieces.join(" "));
    }

    /// The check counts brackets exactly as the parser sees them, strings of all kinds between.
    #[test]
    fn nesting_is_what_the_parser_sees(levels in 1_usize..40, strings in prop::collection::vec(prop::sample::select(vec![
        "\"\"", "\"[[[\"", "\"\\\"[\"", "\"\"\"[[[\"\"\"", "\"\"\"\\\"\"\"[\"\"\"", "\"\"\"\"[\"\"\"", "# [[[\n1", "{a:1}",
    ]), 0..6)) {
        let strings = strings.join(" ");
        let document = format!("{{a(b:{}{strings} {})}}", "[".repeat(levels), "]".repeat(levels));
        let deepest = levels + 2 + usize::from(strings.contains("{a:1}"));
        let limits = |nesting| config::Guard { nesting, ..limits() };
        prop_assert_eq!(check_text(&document, &limits(deepest)), Ok(()));
        prop_assert_eq!(check_text(&document, &limits(deepest - 1)), Err(Refusal::Nesting { most: deepest - 1 }));
        prop_assert!(async_graphql::parser::parse_query(&document).is_ok());
    }
}
