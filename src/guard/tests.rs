use std::{fmt::Write, sync::Arc, time::Instant};

use async_graphql::{PathSegment, Request, Response, ServerError, Value, Variables};
use entity::{role::Rights, token::Role};
use proptest::prelude::*;

use super::{Guard, Prices, Refusal, check_text, check_variables};
use crate::{
    caller::Caller,
    config::{self, Audience},
};

fn limits() -> config::Guard {
    config::Guard {
        tokens: 400,
        nesting: 16,
        directives: 8,
        root_fields: 20,
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
        ("directives", format!("query @a{{a {}...{{b @c}}}}", "@b".repeat(7)), |r| {
            *r == Refusal::Directives { most: 8 }
        }),
        ("fields at the root", fields(21), |r| *r == Refusal::RootFields { found: 21, most: 20 }),
        ("mutations at the root", fields(21).replace('{', "query A{a}mutation B{"), |r| {
            *r == Refusal::RootFields { found: 21, most: 20 }
        }),
        (
            "fields at the root by fragments",
            "{...f ...f ...{...f}}".to_owned() + &fields(7).replace('{', "fragment f on Q{"),
            |r| *r == Refusal::RootFields { found: 21, most: 20 },
        ),
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
            |r| matches!(r, Refusal::Cost { found, most: 5_000, .. } if *found > 20_000),
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
        ("a name", format!("{{{}}}", "a".repeat(101)), |r| *r == Refusal::Name { most: 100 }),
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
    let refused = |dearest: &str| {
        Err(Refusal::Cost { found: 601, most: 500, dearest: dearest.to_owned(), throttle: None })
    };
    assert_eq!(dear.prepare(request(200)).map(drop), refused("a.nodes"));
    // Beyond the largest page the field refuses by name; no request costs nothing by overflow or sign.
    assert_eq!(dear.prepare(request(i64::MAX)).map(drop), refused("a.nodes"));
    assert_eq!(dear.prepare(request(-1)).map(drop), Ok(()));
    // A default counts like a value, and null like nothing said: a usual page.
    let costs = |document: &str, json: serde_json::Value| {
        let guard = Guard::new(&limits(), &config::Page { default: 50, most: 200 });
        let request = Request::new(document).variables(Variables::from_json(json));
        guard.prepare(request).map(|prepared| prepared.charge.requested)
    };
    assert_eq!(costs(document, serde_json::json!({})), Ok(31));
    assert_eq!(costs(document, serde_json::json!({ "n": null })), Ok(151));
    assert_eq!(costs("query($n:Int){a(first:$n){nodes{b c}}}", serde_json::json!({})), Ok(151));
    assert_eq!(costs("query($n:Int){a(last:$n){edges{cursor}}}", serde_json::json!({ "n": 7 })), Ok(15));
}

#[test]
fn many_ids_cost_as_many_items() {
    let ids = vec!["\"x\""; 200].join(",");
    let dear = Guard::new(&config::Guard { cost: 400, tokens: 1_000, ..limits() }, &config::Page::default());
    let refusal = dear.prepare(Request::new(format!("{{nodes(ids:[{ids}]){{a b}}}}"))).map(drop);
    assert_eq!(
        refusal,
        Err(Refusal::Cost { found: 401, most: 400, dearest: "nodes".to_owned(), throttle: None })
    );
}

/// What `requested` is of a document, with weights and types such as a schema would hand in.
fn requested(document: &str, variables: serde_json::Value) -> u64 {
    let prices = Prices {
        weight: |name| if name == "dear" { 10 } else { 1 },
        is_abstract: |name| matches!(name, "Node" | "Device"),
    };
    let guard = Guard::new(&limits(), &config::Page { default: 50, most: 200 }).priced(prices);
    let request = Request::new(document).variables(Variables::from_json(variables));
    guard.prepare(request).expect("it is within every limit").charge.requested
}

#[test]
fn fields_have_weights_and_abstract_types_their_dearest_member() {
    let none = || serde_json::json!({});
    assert_eq!(requested("{a dear}", none()), 11);
    assert_eq!(requested("{x:dear}", none()), 10);
    assert_eq!(requested("{a(first:10){nodes{dear}}}", none()), 1 + 10 * 11);
    // Of concrete types the dearest; what stands on an interface counts beside it, for each of them.
    assert_eq!(requested("{a{...on P{b c d}...on Q{b}}}", none()), 1 + 3);
    assert_eq!(requested("{a{...on P{b}...on Node{b}...on Q{dear}}}", none()), 1 + 1 + 10);
    assert_eq!(requested("{a{...on P{b}...p}}fragment p on P{c}", none()), 1 + 2);
    assert_eq!(requested("{a{...on Device{...on P{b}...on Q{b c}}...{e}}}", none()), 1 + 2 + 1);
    // A call of many items does its work for each.
    let call = "mutation($i:I!){dear(input:$i){b}}";
    let items = |count: usize| serde_json::json!({ "i": { "items": vec![1; count] } });
    assert_eq!(requested(call, items(3)), 33);
    assert_eq!(
        requested("mutation($i:[I!]!){dear(input:{items:$i}){b}}", serde_json::json!({ "i": [1, 2] })),
        22
    );
    assert_eq!(requested("mutation{dear(input:{items:[1,2]}){b}}", none()), 22);
    assert_eq!(requested("mutation{dear(input:{}){b}}", none()), 11);
}

#[test]
fn the_dearest_field_is_named_by_its_path() {
    let dear = Guard::new(&config::Guard { cost: 100, ..limits() }, &config::Page::default());
    let dearest = |document: &str| match dear.prepare(Request::new(document)) {
        Err(Refusal::Cost { dearest, .. }) => dearest,
        other => format!("{other:?}"),
    };
    assert_eq!(dearest("{x y:a(first:50){totalCount nodes{l(first:50){nodes{b c d}}}}}"), "y.nodes.l.nodes");
    assert_eq!(dearest("{a(first:50){nodes{b}}c(first:60){nodes{...f}}}fragment f on C{d e}"), "c.nodes");
}

/// What an answer costs is counted in it, by the same weights and whatever its aliases are.
#[test]
fn an_answer_is_counted() {
    let prices = Prices { weight: |name| if name == "dear" { 10 } else { 1 }, is_abstract: |_| false };
    let limits = config::Guard { bucket: 5_000, restore: 1, ..limits() };
    let guard = Guard::new(&limits, &config::Page::default()).priced(prices).timed(Arc::new(|| 0));
    let document = "{a(first:20){nodes{b x:dear ...on P{c} ...on Q{c d}}}}";
    let asked = |asked: bool| {
        let mut request = Request::new(document).data(Caller::administrator("ann"));
        request.extensions.insert("cost".to_owned(), Value::Boolean(asked));
        guard.prepare(request).expect("it is within every limit").charge
    };
    let data = serde_json::json!({ "a": { "nodes": [{ "b": [1, 2, 3], "x": null, "c": 1 }, { "b": [], "x": 2, "d": {} }] } });
    let answer = || Response::new(Value::from_json(data.clone()).expect("it is a value"));
    let (charge, mut response) = (asked(true), answer());
    assert_eq!(charge.requested, 1 + 20 * (1 + 1 + 10 + 2));
    guard.settle(charge, None, &mut response);
    insta::assert_snapshot!(
        response.extensions["cost"],
        @"{requested: 281, actual: 27, maximum: 5000, throttle: {maximum: 5000, available: 4973, restoreRate: 1}}"
    );
    let (charge, mut response) = (asked(false), answer());
    guard.settle(charge, None, &mut response);
    assert!(response.extensions.is_empty());
}

/// What was done and is not in the answer is paid for as it was asked for.
#[test]
fn what_an_error_swept_away_is_paid_for() {
    let limits = config::Guard { bucket: 5_000, restore: 1, ..limits() };
    let guard = Guard::new(&limits, &config::Page::default()).timed(Arc::new(|| 0));
    let cost = |data: serde_json::Value, path: Option<&[&str]>, code: &str| {
        let mut request = Request::new("{a{b(first:20){nodes{c}}}d}").data(Caller::administrator("ann"));
        request.extensions.insert("cost".to_owned(), Value::Boolean(true));
        let charge = guard.prepare(request).expect("it is within every limit").charge;
        assert_eq!(charge.requested, 1 + 1 + 20 * 2 + 1);
        let mut response = Response::new(Value::from_json(data).expect("it is a value"));
        if let Some(path) = path {
            let segment = |name: &&str| match name.parse() {
                Ok(at) => PathSegment::Index(at),
                Err(_) => PathSegment::Field((*name).to_owned()),
            };
            let mut error = ServerError::new("no", None);
            error.path = path.iter().map(segment).collect();
            error.extensions.get_or_insert_default().set("code", code);
            response.errors.push(error);
        }
        guard.settle(charge, None, &mut response);
        let Value::Object(told) = response.extensions["cost"].clone() else { panic!("{response:?}") };
        told["actual"].clone()
    };
    let (nothing, some) = (serde_json::json!(null), serde_json::json!({ "a": null, "d": 1 }));
    let full = serde_json::json!({ "a": { "b": { "nodes": [{ "c": null }] } }, "d": 1 });
    assert_eq!(cost(some.clone(), None, ""), 2_u64.into());
    assert_eq!(cost(full.clone(), None, ""), 5_u64.into());
    // An error of a field that may be null took nothing along.
    assert_eq!(cost(some.clone(), Some(&["a"]), "NOT_FOUND"), 2_u64.into());
    assert_eq!(cost(full.clone(), Some(&["a", "b", "nodes", "0", "c"]), "NOT_FOUND"), 5_u64.into());
    // One of a field that may not be null takes along what holds it, and all that was found beside it.
    assert_eq!(cost(some.clone(), Some(&["a", "b", "nodes", "0", "c"]), "NOT_FOUND"), 43_u64.into());
    assert_eq!(cost(full.clone(), Some(&["a", "b", "nodes", "1", "c"]), "NOT_FOUND"), 43_u64.into());
    assert_eq!(cost(nothing.clone(), Some(&["d"]), "NOT_FOUND"), 43_u64.into());
    // The database's deadline is a deadline, wherever it struck.
    assert_eq!(cost(some, Some(&["a"]), "TIMEOUT"), 43_u64.into());
    // Nothing ran of what validation refused.
    assert_eq!(cost(nothing, Some(&[]), "GRAPHQL_VALIDATION_FAILED"), 1_u64.into());
}

#[test]
fn an_empty_bucket_tells_when_to_come_again() {
    let limits = config::Guard { bucket: 100, restore: 10, cost: 100, ..limits() };
    let guard = Guard::new(&limits, &config::Page::default()).timed(Arc::new(|| 0));
    let ask = |name: &str| {
        let request = Request::new("{a(first:20){nodes{b c}}}").data(Caller::administrator(name));
        guard.prepare(request).map(|mut prepared| prepared.charge.begin())
    };
    assert_eq!(ask("ann"), Ok(()));
    assert_eq!(ask("bob"), Ok(()));
    let error = ServerError::from(ask("ann").expect_err("39 are left of 100"));
    insta::assert_snapshot!(
        serde_json::to_string(&error).expect("errors are JSON"),
        @r#"{"message":"the operation costs 61 points and 39 are left to your token, which gets 10 back each second; send it again in 3 s","extensions":{"code":"THROTTLED","cost":{"requested":61,"maximum":100,"throttle":{"maximum":100,"available":39,"restoreRate":10}},"retryAfter":3}}"#
    );
}

#[test]
fn introspection_is_for_whom_the_setting_says() {
    let ask = |introspection, caller: Option<Role>| {
        let limits = config::Guard { introspection, ..limits() };
        let guard = Guard::new(&limits, &config::Page::default());
        let mut request = Request::new("{...f}fragment f on Query{__type(name:\"A\"){name}}");
        if let Some(role) = caller {
            request = request.data(Caller { role, rights: Rights::of(role), ..Caller::administrator("x") });
        }
        guard.prepare(request).map(drop)
    };
    for (audience, caller, expected) in [
        (Audience::Everyone, None, Ok(())),
        (Audience::Operators, None, Err(Refusal::Closed)),
        (Audience::Operators, Some(Role::Viewer), Err(Refusal::Closed)),
        (Audience::Operators, Some(Role::Operator), Ok(())),
        (Audience::Operators, Some(Role::Admin), Ok(())),
        (Audience::Administrators, None, Err(Refusal::Closed)),
        (Audience::Administrators, Some(Role::Operator), Err(Refusal::Closed)),
        (Audience::Administrators, Some(Role::Admin), Ok(())),
        (Audience::Nobody, Some(Role::Admin), Err(Refusal::Closed)),
    ] {
        assert_eq!(ask(audience, caller), expected, "{audience:?} {caller:?}");
    }
    let limits = config::Guard { introspection: Audience::Nobody, ..limits() };
    let guard = Guard::new(&limits, &config::Page::default());
    assert!(guard.prepare(Request::new("{__typename}")).is_ok());
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
}

/// Documents that nobody found valid drive out none that were.
#[test]
fn a_document_is_kept_once_it_was_found_valid() {
    let guard = guard();
    let ask = |text: &str| guard.prepare(Request::new(text)).expect("it is small").fresh;
    let is_kept = |text: &str| ask(text).parsed.is_none();
    assert!(!is_kept("{a}") && !is_kept("{a}"));
    guard.keep(ask("{a}"));
    for n in 0..20 {
        assert!(!is_kept(&format!("{{b{n}}}")));
    }
    assert!(is_kept("{a}"));
    guard.keep(ask("{a}"));
    for n in 0..4 {
        guard.keep(ask(&format!("{{b{n}}}")));
    }
    assert!(!is_kept("{a}"), "there is room for four");
}

/// A document is as large as it has words and signs.
#[test]
fn no_more_documents_are_kept_than_their_tokens_allow() {
    let limits = config::Guard { document_tokens: 10, ..limits() };
    let guard = Guard::new(&limits, &config::Page::default());
    let ask = |text: &str| guard.prepare(Request::new(text)).expect("it is small").fresh;
    for text in ["{a}", "{b # a comment is none\n}", "{c d}"] {
        guard.keep(ask(text));
        assert!(ask(text).parsed.is_none(), "{text}");
    }
    assert!(ask("{a}").parsed.is_none(), "3, 3 and 4 of 10");
    guard.keep(ask("{e}"));
    assert!(ask("{c d}").parsed.is_none() && ask("{e}").parsed.is_none());
    assert!(ask("{b # a comment is none\n}").parsed.is_some());
    assert!(ask("{a b c d e f g h i}").parsed.is_none(), "it is larger than all may be");
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
        prop_assert_eq!(check_text(&document, &limits(deepest)).map(drop), Ok(()));
        prop_assert_eq!(check_text(&document, &limits(deepest - 1)), Err(Refusal::Nesting { most: deepest - 1 }));
        prop_assert!(async_graphql::parser::parse_query(&document).is_ok());
    }
}
