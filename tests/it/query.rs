//! Stories of reading: pages, filters, orders, look-ups, and every field for itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, text},
    story,
};

/// The global ids of one thing of each type, with everything about it set.
async fn one_of_each(server: &Roamline) -> (Estate, BTreeMap<&'static str, String>) {
    let (estate, admin) = (server.estate().await, server.admin());
    let id = async |mutation: &str, input: Value, noun: &str| {
        let done = admin.done(mutation, input, &format!("{noun} {{ id }}")).await;
        text(&done[noun]["id"])
    };
    let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001", "4002"]).await;
    let second = admin.profile(&estate, &estate.paris, "EM-2", &["4001"]).await;
    let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
    let user = json!({
        "organizationId": estate.berlin, "clusterId": estate.emea, "userId": "anna", "lastName": "Berg",
        "displayName": "Anna", "email": "anna@acme.example", "department": "IT", "userLocale": "German",
        "maxLoginMinutes": 60, "profileIds": [first, second], "defaultProfile": 0, "phoneIds": [phone],
        "ctiProfileIds": [second], "primaryExtension": {"pattern": "4001", "partition": ""},
    });
    let user = id("createUser", user, "user").await;
    let set = json!({"id": first, "description": "Anna", "loginUserId": user, "softkeyTemplate": "soft"});
    admin.done("updateProfile", set, "").await;
    let set = json!({"id": phone, "ownerId": user, "logoutProfileId": first, "description": "desk"});
    admin.done("updatePhone", set, "").await;
    admin.done("addLineToDevice", json!({"deviceId": phone, "pattern": "4001", "label": "Team"}), "").await;
    let gateway = json!({
        "organizationId": estate.berlin, "clusterId": estate.emea, "name": "gw", "description": "Ärzte",
    });
    let gateway = id("registerDevice", gateway, "device").await;
    admin
        .done("updateCluster", json!({"id": estate.emea, "release": "14.0", "maxLoginMinutes": 600}), "")
        .await;
    let number = json!({
        "organizationId": estate.berlin, "clusterId": estate.emea, "first": "4001", "e164Prefix": "+4930",
        "description": "Block", "extra": [{"name": "vendor", "value": "Telco"}], "reservedFor": "anna",
    });
    let number = admin.done("createNumbers", number, "outcomes { number { id } }").await;
    let line = text(&admin.data("{ lines { nodes { id } } }").await["lines"]["nodes"][0]["id"]);
    let button =
        async |button: Value| id("addButton", json!({"deviceId": first, "button": button}), "button").await;
    let dial = button(json!({"speedDial": {"number": "4002", "label": "Ben"}})).await;
    let lamp = button(json!({"busyLampField": {"pattern": "4001", "label": "Anna", "pickup": true}})).await;
    let park = button(json!({"callPark": {"pattern": "4900", "label": "Park"}})).await;
    let service =
        button(json!({"serviceUrl": {"service": "Weather", "url": "http://w", "label": "Sun"}})).await;
    let template = json!({
        "clusterId": estate.emea, "name": "Standard 8841 SIP", "product": "Cisco 8841", "protocol": "SIP",
        "features": ["LINE", "SPEED_DIAL", "BLF"], "description": "as here",
    });
    let template = id("createButtonTemplate", template, "template").await;
    let softkeys = json!({"clusterId": estate.emea, "name": "soft"});
    let softkeys = id("createSoftkeyTemplate", softkeys, "template").await;
    let group = json!({
        "organizationId": estate.north, "clusterId": estate.emea, "name": "Quick", "product": "Cisco 8841", "placeId": estate.berlin,
        "line": {"label": "{number}"},
    });
    let group = id("createQuickAddGroup", group, "group").await;
    let calls = json!({"clusterId": estate.emea, "name": "Calls", "url": "http://c", "parameters": [{"name": "pin", "password": true}]});
    let calls = id("createService", calls, "service").await;
    let subscribe = json!({"deviceId": second, "serviceId": calls, "values": [{"name": "pin", "value": "1"}], "button": {}});
    let subscription = id("subscribeService", subscribe, "subscription").await;
    let fallback = json!({"clusterId": estate.emea, "product": "Cisco 8841", "protocol": "SIP"});
    let fallback = id("createDefaultDeviceProfile", fallback, "defaultDeviceProfile").await;
    let session = id("login", json!({"userId": user, "phoneId": phone}), "session").await;
    let job = id("startImport", json!({"noun": "users"}), "job").await;
    let rights = json!([{"noun": "LINE", "actions": ["UPDATE"]}]);
    let role = json!({"organizationId": estate.north, "name": "Help", "rights": rights});
    let role = id("createRole", role, "role").await;
    let entries = admin.data("{ auditEntries(filter: {kinds: [LOGIN]}) { nodes { id } } }").await;
    let ids = BTreeMap::from([
        ("AuditEntry", text(&entries["auditEntries"]["nodes"][0]["id"])),
        ("ComposedRole", role),
        ("QuickAddGroup", group),
        ("DefaultDeviceProfile", fallback),
        ("Session", session),
        ("Job", job),
        ("LineAppearance", admin.appearances(&second).await.remove(0)),
        ("Organization", estate.berlin.clone()),
        ("Cluster", estate.emea.clone()),
        ("Profile", first),
        ("Phone", phone),
        ("OtherDevice", gateway),
        ("Line", line),
        ("User", user),
        ("SpeedDial", dial),
        ("BusyLampField", lamp),
        ("CallParkButton", park),
        ("ServiceUrlButton", service),
        ("ButtonTemplate", template),
        ("SoftkeyTemplate", softkeys),
        ("PhoneService", calls),
        ("ServiceSubscription", subscription),
        ("Number", text(&number["outcomes"][0]["number"]["id"])),
    ]);
    (estate, ids)
}

/// What the schema says of its types.
struct Types(BTreeMap<String, Value>);

impl Types {
    async fn of(client: &Client) -> Self {
        let kind = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
        let query = format!(
            "{{ __schema {{ types {{ kind name possibleTypes {{ name }} inputFields {{ name }} enumValues {{ name }} \
             fields {{ name args {{ name type {{ kind }} }} type {{ {kind} }} }} }} }} }}"
        );
        let mut data = client.data(&query).await;
        let types = data["__schema"]["types"].as_array_mut().expect("types").iter_mut();
        Self(types.map(|known| (text(&known["name"]), known.take())).collect())
    }

    /// The fields of a type that need no argument, with the names of their types.
    fn fields(&self, name: &str) -> Vec<(String, String)> {
        let fields = self.0[name]["fields"].as_array().expect("fields");
        let free = |field: &&Value| {
            field["args"]
                .as_array()
                .is_some_and(|args| args.iter().all(|arg| arg["type"]["kind"] != "NON_NULL"))
        };
        fields.iter().filter(free).map(|field| (text(&field["name"]), named(&field["type"]))).collect()
    }

    /// The names of an input type's fields, or an enum's values.
    fn members(&self, name: &str) -> BTreeSet<String> {
        let known = &self.0[name];
        let list = known["inputFields"].as_array().or_else(|| known["enumValues"].as_array());
        list.expect("members").iter().map(|member| text(&member["name"])).collect()
    }

    fn is_leaf(&self, name: &str) -> bool {
        matches!(self.0[name]["kind"].as_str(), Some("SCALAR" | "ENUM"))
    }

    /// Selections on a type, each of one thing alone, so many types deep.
    fn alone(&self, name: &str, depth: usize) -> Vec<String> {
        if self.is_leaf(name) {
            return vec![String::new()];
        }
        if depth == 0 {
            return vec!["{ __typename }".to_owned()];
        }
        if self.0[name]["kind"] == "INTERFACE" {
            let kinds = self.0[name]["possibleTypes"]
                .as_array()
                .expect("types")
                .iter()
                .map(|kind| text(&kind["name"]));
            let parts = kinds.flat_map(|kind| {
                self.alone(&kind, depth).into_iter().map(move |inner| format!("{{ ... on {kind} {inner} }}"))
            });
            return parts.collect();
        }
        // A connection and its edges are the way to a thing, not things.
        let through = name.ends_with("Connection") || name.ends_with("Edge");
        let fields = self.fields(name).into_iter();
        let parts = fields.flat_map(|(field, kind)| {
            let inner = self.alone(&kind, if through { depth } else { depth - 1 });
            inner.into_iter().map(move |inner| format!("{{ {field} {inner} }}"))
        });
        parts.collect()
    }
}

fn named(kind: &Value) -> String {
    if kind["ofType"].is_null() { text(&kind["name"]) } else { named(&kind["ofType"]) }
}

story! {
    /// A query reads only the columns that it asks for, so each field is asked for alone, also behind each relation.
    async fn every_field_is_answered_when_it_is_asked_for_alone(server) {
        let (_, ids) = one_of_each(&server).await;
        let admin = server.admin();
        let types = Types::of(&admin).await;
        let nodes: BTreeSet<_> =
            types.0["Node"]["possibleTypes"].as_array().expect("types").iter().map(|kind| text(&kind["name"])).collect();
        assert_eq!(nodes, ids.keys().map(|&name| name.to_owned()).collect());
        let mut asked = 0;
        for (name, id) in &ids {
            let parts: Vec<_> =
                types.alone(name, 2).iter().map(|part| format!(r#"node(id: "{id}") {{ ... on {name} {part} }}"#)).collect();
            asked += ask_each(&admin, &parts).await;
        }
        assert!(asked > 1_000, "{asked}");
    }
}

story! {
    async fn every_root_list_answers_each_field_alone(server) {
        one_of_each(&server).await;
        let admin = server.admin();
        let types = Types::of(&admin).await;
        let mut parts = Vec::new();
        for (field, kind) in types.fields("Query") {
            parts.extend(types.alone(&kind, 2).iter().map(|part| format!("{field} {part}")));
        }
        let asked = ask_each(&admin, &parts).await;
        assert!(asked > 500, "{asked}");
    }
}

story! {
    /// Whether a thing is reached by its interface, field by field, or with its whole level at once.
    async fn a_thing_answers_the_same_however_it_is_reached(server) {
        let (_, ids) = one_of_each(&server).await;
        let admin = server.admin();
        let types = Types::of(&admin).await;
        for (name, root) in [
            ("Profile", "profile"), ("Phone", "phone"), ("User", "user"), ("Line", "line"),
            ("Organization", "organization"), ("Cluster", "cluster"),
        ] {
            let id = &ids[name];
            let by = if root == "cluster" { format!(r#"id: "{id}""#) } else { format!(r#"by: {{id: "{id}"}}"#) };
            for some in types.alone(name, 2).chunks(20) {
                let asked: Vec<_> = some.iter().enumerate().map(|(at, part)| {
                    format!(r#"a{at}: node(id: "{id}") {{ ... on {name} {part} }} b{at}: {root}({by}) {part}"#)
                }).collect();
                let answer = admin.data(&format!("{{ {} }}", asked.join(" "))).await;
                for (at, part) in some.iter().enumerate() {
                    assert_eq!(answer[format!("a{at}")], answer[format!("b{at}")], "{name} {part}");
                }
            }
        }
    }
}

story! {
    /// What is asked for in several places, by name or inline, is one answer, in the order of the first mention.
    async fn selections_are_merged(server) {
        one_of_each(&server).await;
        let admin = server.admin();
        let plain = "{ profiles { nodes { id name kind: __typename lines(first: 2) { nodes { index role line { pattern version } } totalCount \
            edges { cursor node { device { name id } } } pageInfo { endCursor hasNextPage } } organization { path kind } } } }";
        let parts = "query { profiles { nodes { id ...Name lines(first: 2) { ...Page } ... on Device { organization { path } } \
            ... { lines(first: 2) { nodes { role line { version } } totalCount \
            edges { cursor node { device { name ... on Profile { id } } } } pageInfo { endCursor hasNextPage } } } organization { kind } } } } \
            fragment Name on Node { ... on Profile { name kind: __typename } } \
            fragment Page on LineAppearanceConnection { nodes { index } nodes { role line { pattern } } }";
        let (plain, parts) = (admin.text(plain, json!({})).await, admin.text(parts, json!({})).await);
        assert_eq!(plain, parts);
        assert!(plain.contains(r#""endCursor":""#), "{plain}");
    }
}

/// Asks for each part, a few at a time; tells how many there were.
async fn ask_each(client: &Client, parts: &[String]) -> usize {
    for some in parts.chunks(25) {
        let aliased = some.iter().enumerate().map(|(at, part)| format!("a{at}: {part}")).collect::<Vec<_>>();
        let answer = client.ask(&format!("{{ {} }}", aliased.join("\n")), json!({})).await;
        let error = &answer["errors"][0];
        let at = error["path"][0].as_str().and_then(|alias| alias[1..].parse::<usize>().ok());
        assert!(error.is_null(), "{:?}: {error}", at.map_or("?", |at| &some[at]));
    }
    parts.len()
}

/// Every page of a list, forwards or backwards, as the values of one field.
async fn pages(
    client: &Client,
    list: &str,
    arguments: &str,
    field: &str,
    size: usize,
    forwards: bool,
) -> Vec<Vec<String>> {
    let (count, place) = if forwards { ("first", "after") } else { ("last", "before") };
    let (mut told, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!(
            "{{ {list}({count}: {size} {cursor} {arguments}) {{ edges {{ cursor node {{ {field} }} }} \
             pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
        );
        let data = client.data(&query).await;
        let edges = data[list]["edges"].as_array().expect("edges").clone();
        let info = &data[list]["pageInfo"];
        assert_eq!(info["startCursor"], edges.first().map_or(Value::Null, |edge| edge["cursor"].clone()));
        assert_eq!(info["endCursor"], edges.last().map_or(Value::Null, |edge| edge["cursor"].clone()));
        told.push(edges.iter().map(|edge| text(&edge["node"][field])).collect());
        let (more, end) =
            if forwards { ("hasNextPage", "endCursor") } else { ("hasPreviousPage", "startCursor") };
        if info[more] == false {
            return told;
        }
        cursor = format!(r#"{place}: "{}""#, text(&info[end]));
    }
}

story! {
    /// Whatever the page, direction and ties: each thing once and in the same order.
    async fn every_list_pages_forwards_and_backwards(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let names = ["b-2", "a.1", "B 3", "a_9", "Z", "a-1"];
        for (at, name) in names.iter().enumerate() {
            let line = format!("400{}", at % 3);
            admin.profile(&estate, if at % 2 == 0 { &estate.berlin } else { &estate.rome }, name, &[&line]).await;
            admin.phone(&estate, &estate.berlin, &format!("SEP{at}")).await;
            let user = admin.user(&estate, &estate.berlin, &format!("u{at}")).await;
            admin.done("updateUser", json!({"id": user, "lastName": "Same"}), "").await;
            let other = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "name": format!("gw{at}")});
            admin.done("registerDevice", other, "").await;
            admin.done("createCluster", json!({"organizationId": estate.north, "name": format!("c{at}")}), "").await;
            let number = json!({
                "organizationId": estate.berlin, "clusterId": estate.emea, "first": format!("600{}", at % 3), "partition": format!("p{at}"),
            });
            admin.done("createNumbers", number, "").await;
        }
        let types = Types::of(&admin).await;
        let mut lists = 0;
        for (list, orders) in [
            ("organizations", "OrganizationOrderField"),
            ("clusters", "ClusterOrderField"),
            ("otherDevices", "OtherDeviceOrderField"),
            ("profiles", "ProfileOrderField"),
            ("lines", "LineOrderField"),
            ("clones", "CloneOrderField"),
            ("appearances", "CloneOrderField"),
            ("users", "UserOrderField"),
            ("phones", "PhoneOrderField"),
            ("numbers", "NumberOrderField"),
        ] {
            for order in types.members(orders) {
                for direction in ["ASCENDING", "DESCENDING"] {
                    let order = format!("orderBy: {{field: {order}, direction: {direction}}}");
                    let whole = pages(&admin, list, &order, "id", 200, true).await.concat();
                    assert!(whole.len() > 2, "{list}");
                    assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), whole.len());
                    assert_eq!(pages(&admin, list, &order, "id", 2, true).await.concat(), whole, "{list} {order}");
                    let mut back = pages(&admin, list, &order, "id", 2, false).await;
                    back.reverse();
                    assert_eq!(back.concat(), whole, "{list} {order}");
                    lists += 1;
                }
            }
        }
        assert_eq!(lists, 52);
        let sorted = pages(&admin, "profiles", "", "name", 200, true).await.concat();
        assert_eq!(sorted, ["a-1", "a.1", "a_9", "B 3", "b-2", "Z"]);
        let changes = admin.data("{ changes { nodes { cursor } totalCount } }").await;
        let whole: Vec<_> = changes["changes"]["nodes"].as_array().expect("changes").iter().map(|c| text(&c["cursor"])).collect();
        assert_eq!(changes["changes"]["totalCount"], 58);
        let forwards = pages(&admin, "changes", "", "cursor", 7, true).await.concat();
        assert_eq!(forwards[..50], whole);
        let mut back = pages(&admin, "changes", "", "cursor", 7, false).await;
        back.reverse();
        assert_eq!(back.concat(), forwards);
    }
}

story! {
    /// A cursor is a place, not a count: what comes and goes before it moves nothing.
    async fn a_page_goes_on_where_it_ended_whatever_comes_and_goes(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let mut ids = BTreeMap::new();
        for name in ["b", "d", "f", "h"] {
            ids.insert(name, admin.profile(&estate, &estate.berlin, name, &[]).await);
        }
        let page = async |arguments: String| {
            let query = format!(
                "{{ profiles({arguments}) {{ nodes {{ name }} totalCount pageInfo {{ endCursor startCursor hasNextPage hasPreviousPage }} }} }}"
            );
            let data = admin.data(&query).await["profiles"].take();
            let names: Vec<_> = data["nodes"].as_array().expect("nodes").iter().map(|node| text(&node["name"])).collect();
            (names.concat(), data)
        };
        let (names, first) = page("first: 2".to_owned()).await;
        assert_eq!((names.as_str(), &first["totalCount"]), ("bd", &json!(4)));
        for name in ["a", "c", "e"] {
            admin.profile(&estate, &estate.berlin, name, &[]).await;
        }
        admin.done("deleteProfile", json!({"id": ids["d"]}), "").await;
        let end = text(&first["pageInfo"]["endCursor"]);
        let (names, second) = page(format!(r#"first: 2, after: "{end}""#)).await;
        assert_eq!(names, "ef");
        assert_eq!((&second["pageInfo"]["hasPreviousPage"], &second["totalCount"]), (&json!(true), &json!(6)));
        let (names, _) = page(format!(r#"last: 2, before: "{end}""#)).await;
        assert_eq!(names, "bc");
        let start = text(&second["pageInfo"]["endCursor"]);
        let (names, _) = page(format!(r#"after: "{end}", before: "{start}""#)).await;
        assert_eq!(names, "e");
        let (names, none) = page("first: 0".to_owned()).await;
        assert_eq!((names.as_str(), &none["pageInfo"]["hasNextPage"]), ("", &json!(true)));
    }
}

story! {
    async fn a_bad_page_is_refused_with_the_reason(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let profile = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let own = admin.data("{ profiles(first: 1) { pageInfo { endCursor } } }").await;
        let own = text(&own["profiles"]["pageInfo"]["endCursor"]);
        let made = |value: Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let other_kind = made(json!(["profiles by t.name_key asc", 5, 1]));
        let nul = made(json!(["profiles by t.name_key asc", "\u{0}", 1]));
        let lists = ["profiles", "lines", "users", "phones", "organizations", "clusters", "otherDevices", "clones", "changes"];
        for list in lists {
            for bad in [
                "first: -1".to_owned(),
                "last: -1".to_owned(),
                "first: 201".to_owned(),
                "first: 1, last: 1".to_owned(),
                r#"after: "nonsense""#.to_owned(),
                r#"after: """#.to_owned(),
            ] {
                let query = format!("{{ {list}({bad}) {{ totalCount }} }}");
                assert_eq!(admin.code(&query).await, "BAD_USER_INPUT", "{query}");
            }
        }
        for bad in [
            format!(r#"{{ lines(after: "{own}") {{ totalCount }} }}"#),
            format!(r#"{{ profiles(after: "{own}", orderBy: {{direction: DESCENDING}}) {{ totalCount }} }}"#),
            format!(r#"{{ profiles(after: "{other_kind}") {{ totalCount }} }}"#),
            format!(r#"{{ profiles(before: "{nul}") {{ totalCount }} }}"#),
            format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ lines(first: 201) {{ totalCount }} }} }}"#),
            format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ users(after: "{own}") {{ totalCount }} }} }}"#),
            format!(r#"{{ profile(by: {{id: "{profile}"}}) {{ history(after: "{own}") {{ totalCount }} }} }}"#),
            r#"{ search(text: "a") { id } }"#.to_owned(),
            format!(r#"{{ search(text: "{}") {{ id }} }}"#, "x".repeat(65)),
            r#"{ search(text: "ab", first: 201) { id } }"#.to_owned(),
            r#"{ node(id: "nonsense") { id } }"#.to_owned(),
            r#"{ nodes(ids: ["nonsense"]) { id } }"#.to_owned(),
            format!("{{ nodes(ids: {}) {{ id }} }}", json!(vec![profile.clone(); 201])),
            r#"{ changes(since: "p3") { totalCount } }"#.to_owned(),
            // No database can keep or compare it, so it is refused before.
            r#"{ profiles(filter: {name: {contains: "\u0000"}}) { totalCount } }"#.to_owned(),
        ] {
            assert_eq!(admin.code(&bad).await, "BAD_USER_INPUT", "{bad}");
        }
        let nul = json!({"name": "EM\u{0}"});
        let answer = admin.ask("query($name: String!) { profiles(filter: {name: {equals: $name}}) { totalCount } }", nul).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
        // A cursor serves every list of its order, whatever the filter.
        admin.data(&format!(r#"{{ profiles(after: "{own}", filter: {{hasLines: true}}) {{ totalCount }} }}"#)).await;
    }
}

/// Asserts what each filter lets pass, and that no field of the filter's type is left out.
async fn filtered(client: &Client, list: &str, kind: &str, field: &str, cases: &[(Value, &[&str])]) {
    let types = Types::of(client).await;
    let mut seen = BTreeSet::new();
    for (filter, want) in cases {
        seen.extend(filter.as_object().expect("a filter").keys().cloned());
        let query = format!(
            "query($filter: {kind}) {{ {list}(filter: $filter) {{ totalCount nodes {{ {field} }} }} }}"
        );
        let answer = client.ask(&query, json!({"filter": filter})).await;
        assert!(answer["errors"].is_null(), "{filter}: {answer}");
        let told = &answer["data"][list];
        let nodes: Vec<_> =
            told["nodes"].as_array().expect("nodes").iter().map(|node| text(&node[field])).collect();
        assert_eq!(nodes, *want, "{filter}");
        assert_eq!(told["totalCount"], want.len(), "{filter}");
    }
    assert_eq!(seen, types.members(kind));
}

/// Four profiles and what stands around them.
async fn assorted(server: &Roamline) -> (Estate, BTreeMap<&'static str, String>) {
    let (estate, admin) = (server.estate().await, server.admin());
    let a = admin.profile(&estate, &estate.berlin, "Alpha", &["4001"]).await;
    server.pass(Duration::from_mins(1));
    let b = admin.profile(&estate, &estate.rome, "beta_1", &["4001"]).await;
    let input = json!({
        "organizationId": estate.north, "clusterId": estate.emea, "name": "betax1", "product": "Cisco 7945",
        "protocol": "SCCP", "description": "Reception 50%", "softkeyTemplate": null,
    });
    let c = text(&admin.done("createProfile", input, "profile { id }").await["profile"]["id"]);
    let own = json!({"organizationId": estate.south, "name": "own"});
    let own = text(&admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"]);
    let input = json!({
        "organizationId": estate.rome, "clusterId": own, "name": "Delta", "product": "Cisco 8851",
        "protocol": "SIP", "buttonTemplate": "Ours", "softkeyTemplate": "Soft",
    });
    let d = text(&admin.done("createProfile", input, "profile { id }").await["profile"]["id"]);
    let user = json!({
        "organizationId": estate.berlin, "clusterId": estate.emea, "userId": "anna", "lastName": "Berg",
        "firstName": "Anna", "email": "Anna@acme.example", "department": "IT", "profileIds": [a], "defaultProfile": 0,
    });
    let anna = text(&admin.done("createUser", user, "user { id }").await["user"]["id"]);
    let ben = admin.user(&estate, &estate.rome, "ben").await;
    let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
    let other = json!({
        "organizationId": estate.rome, "clusterId": estate.emea, "name": "SEP2", "product": "Cisco 7945", "protocol": "SCCP",
        "description": "Lobby",
    });
    let other = text(&admin.done("createPhone", other, "phone { id }").await["phone"]["id"]);
    admin.done("updatePhone", json!({"id": phone, "logoutProfileId": a}), "").await;
    admin.done("updateUser", json!({"id": anna, "phoneIds": [phone]}), "").await;
    admin.done("addLineToDevice", json!({"deviceId": other, "pattern": "4002", "partition": "pt"}), "").await;
    admin.done("login", json!({"userId": anna, "phoneId": phone}), "").await;
    server.pass(Duration::from_mins(1));
    admin.done("updateProfile", json!({"id": d, "description": "moved"}), "").await;
    admin.done("updatePhone", json!({"id": other, "description": "lobby"}), "").await;
    admin.done("updateUser", json!({"id": ben, "department": "Sales"}), "").await;
    let lines = admin.data("{ lines { nodes { id } } }").await["lines"]["nodes"].take();
    let line = json!({"line": {"lineId": lines[1]["id"]}, "description": "Lobby"});
    admin.done("updateLine", line, "").await;
    let ids = BTreeMap::from([
        ("a", a),
        ("b", b),
        ("c", c),
        ("d", d),
        ("own", own),
        ("anna", anna),
        ("ben", ben),
        ("phone", phone),
        ("other", other),
        ("4001", text(&lines[0]["id"])),
        ("4002", text(&lines[1]["id"])),
    ]);
    (estate, ids)
}

/// Two minutes after the start, when the last updates are made.
const LATER: &str = "2026-01-01T00:02:00Z";

story! {
    async fn each_filter_of_profiles_tells_its_kind(server) {
        let (estate, ids) = assorted(&server).await;
        let later = json!({"from": LATER});
        filtered(&server.admin(), "profiles", "ProfileFilter", "name", &[
            (json!({}), &["Alpha", "beta_1", "betax1", "Delta"]),
            (json!({"ids": [ids["a"], ids["d"], ids["anna"]]}), &["Alpha", "Delta"]),
            (json!({"ids": []}), &[]),
            (json!({"name": {"equals": "ALPHA"}}), &["Alpha"]),
            // A wildcard's letters are letters.
            (json!({"name": {"contains": "A_"}}), &["beta_1"]),
            (json!({"name": {"startsWith": "beta", "contains": "X"}}), &["betax1"]),
            (json!({"name": {"in": ["DELTA", "alpha", "nobody"]}}), &["Alpha", "Delta"]),
            (json!({"name": {"in": []}}), &[]),
            (json!({"description": {"contains": "50%"}}), &["betax1"]),
            (json!({"description": {"equals": "RECEPTION 50%"}}), &["betax1"]),
            (json!({"product": {"startsWith": "Cisco 88"}}), &["Alpha", "beta_1", "Delta"]),
            (json!({"product": {"startsWith": "cisco"}}), &[]),
            (json!({"protocols": ["SCCP"]}), &["betax1"]),
            (json!({"protocols": ["SCCP", "SIP"]}), &["Alpha", "beta_1", "betax1", "Delta"]),
            (json!({"buttonTemplate": {"equals": "Ours"}}), &["Delta"]),
            (json!({"softkeyTemplate": {"contains": "Soft"}}), &["Delta"]),
            (json!({"clusters": [ids["own"]]}), &["Delta"]),
            (json!({"organization": {"ids": [estate.north]}}), &["Alpha", "betax1"]),
            (json!({"organization": {"ids": [estate.north], "includeBelow": false}}), &["betax1"]),
            (json!({"organization": {"ids": [estate.berlin, estate.south]}}), &["Alpha", "beta_1", "Delta"]),
            (json!({"users": [ids["anna"]]}), &["Alpha"]),
            (json!({"users": [ids["ben"]]}), &[]),
            (json!({"lines": [ids["4001"]]}), &["Alpha", "beta_1"]),
            (json!({"hasUsers": true}), &["Alpha"]),
            (json!({"hasUsers": false}), &["beta_1", "betax1", "Delta"]),
            (json!({"hasLines": false}), &["betax1", "Delta"]),
            (json!({"hasClones": true}), &["beta_1"]),
            (json!({"isLogoutProfile": true}), &["Alpha"]),
            (json!({"notReady": ["LINE_MISSING"]}), &["betax1", "Delta"]),
            (json!({"services": []}), &[]),
            (json!({"inUse": true}), &["Alpha"]),
            (json!({"inUse": false}), &["beta_1", "betax1", "Delta"]),
            (json!({"isLogoutProfile": false}), &["beta_1", "betax1", "Delta"]),
            (json!({"created": {"to": "2026-01-01T00:00:30Z"}}), &["Alpha"]),
            (json!({"created": {"from": "2026-01-01T00:01:00Z", "to": "2026-01-01T00:01:00Z"}}), &["beta_1", "betax1", "Delta"]),
            (json!({"updated": later}), &["Delta"]),
            (json!({"and": [{"hasLines": true}, {"name": {"startsWith": "b"}}]}), &["beta_1"]),
            (json!({"and": []}), &["Alpha", "beta_1", "betax1", "Delta"]),
            (json!({"or": [{"hasUsers": true}, {"protocols": ["SCCP"]}]}), &["Alpha", "betax1"]),
            (json!({"or": []}), &[]),
            (json!({"not": {"or": [{"hasUsers": true}, {"protocols": ["SCCP"]}]}}), &["beta_1", "Delta"]),
            // What has no value does not hold it.
            (json!({"not": {"softkeyTemplate": {"equals": "Soft"}}}), &["Alpha", "beta_1", "betax1"]),
            (json!({"hasLines": true, "not": {"hasUsers": true}, "or": [{"name": {"contains": "beta"}}]}), &["beta_1"]),
        ]).await;
    }
}

story! {
    async fn each_filter_of_users_and_phones_tells_its_kind(server) {
        let (estate, ids) = assorted(&server).await;
        let admin = server.admin();
        filtered(&admin, "users", "UserFilter", "userId", &[
            (json!({"ids": [ids["ben"]]}), &["ben"]),
            (json!({"userId": {"startsWith": "AN"}}), &["anna"]),
            (json!({"name": {"equals": "berg anna"}}), &["anna"]),
            (json!({"email": {"contains": "ANNA@"}}), &["anna"]),
            (json!({"not": {"email": {"contains": "anna@"}}}), &["ben"]),
            (json!({"department": {"in": ["Sales", "it"]}}), &["ben"]),
            (json!({"clusters": [ids["own"]]}), &[]),
            (json!({"organization": {"ids": [estate.south]}}), &["ben"]),
            (json!({"profiles": [ids["a"], ids["b"]]}), &["anna"]),
            (json!({"phones": [ids["phone"]]}), &["anna"]),
            (json!({"lines": [ids["4001"]]}), &["anna"]),
            (json!({"hasProfiles": false}), &["ben"]),
            (json!({"hasDefaultProfile": true}), &["anna"]),
            (json!({"loggedIn": true}), &["anna"]),
            (json!({"loggedIn": false}), &["ben"]),
            (json!({"updated": {"from": LATER}}), &["ben"]),
            (json!({"and": [{"hasProfiles": true}], "or": [{"hasDefaultProfile": true}]}), &["anna"]),
        ]).await;
        filtered(&admin, "phones", "PhoneFilter", "name", &[
            (json!({"ids": [ids["phone"]]}), &["SEP1"]),
            (json!({"name": {"contains": "sep"}}), &["SEP1", "SEP2"]),
            (json!({"description": {"equals": "LOBBY"}}), &["SEP2"]),
            (json!({"product": {"equals": "Cisco 8841"}}), &["SEP1"]),
            (json!({"protocols": ["SCCP"]}), &["SEP2"]),
            (json!({"clusters": [estate.emea]}), &["SEP1", "SEP2"]),
            (json!({"organization": {"ids": [estate.south]}}), &["SEP2"]),
            (json!({"users": [ids["anna"]]}), &["SEP1"]),
            (json!({"lines": [ids["4002"]]}), &["SEP2"]),
            (json!({"extensionMobility": true}), &["SEP1"]),
            (json!({"inUse": true}), &["SEP1"]),
            (json!({"inUse": false}), &["SEP2"]),
            (json!({"logoutProfiles": [ids["a"]]}), &["SEP1"]),
            (json!({"not": {"logoutProfiles": [ids["a"]]}}), &["SEP2"]),
            (json!({"updated": {"from": LATER}}), &["SEP2"]),
            (json!({"and": [{"extensionMobility": false}], "or": [{"protocols": ["SCCP"]}]}), &["SEP2"]),
        ]).await;
    }
}

story! {
    async fn each_filter_of_lines_and_clones_tells_its_kind(server) {
        let (estate, ids) = assorted(&server).await;
        let admin = server.admin();
        let free = json!({"organizationId": estate.north, "clusterId": ids["own"], "pattern": "7"});
        assert_eq!(admin.refused("createLine", free).await, ["CLUSTER_DOES_NOT_SERVE at clusterId"]);
        let free = json!({"organizationId": estate.south, "clusterId": ids["own"], "pattern": "7"});
        admin.done("createLine", free, "").await;
        filtered(&admin, "lines", "LineFilter", "pattern", &[
            (json!({"ids": [ids["4001"]]}), &["4001"]),
            (json!({"pattern": {"startsWith": "40"}}), &["4001", "4002"]),
            (json!({"partition": {"equals": "pt"}}), &["4002"]),
            (json!({"partition": {"equals": ""}}), &["4001", "7"]),
            (json!({"description": {"contains": "lobby"}}), &["4002"]),
            (json!({"clusters": [ids["own"]]}), &["7"]),
            (json!({"organization": {"ids": [estate.south]}}), &["4002", "7"]),
            (json!({"devices": [ids["b"], ids["other"]]}), &["4001", "4002"]),
            (json!({"users": [ids["anna"]]}), &["4001"]),
            (json!({"isAssigned": false}), &["7"]),
            (json!({"hasClones": true}), &["4001"]),
            (json!({"hasClones": false}), &["4002", "7"]),
            (json!({"updated": {"from": LATER}}), &["4002", "7"]),
            (json!({"and": [{"isAssigned": true}], "not": {"hasClones": true}}), &["4002"]),
            (json!({"or": [{"isAssigned": false}, {"hasClones": true}]}), &["4001", "7"]),
        ]).await;
        let clone = admin.appearances(&ids["b"]).await.remove(0);
        let clone = [clone.as_str()];
        filtered(&admin, "clones", "CloneFilter", "id", &[
            (json!({"lines": [ids["4001"]]}), &clone),
            (json!({"lines": [ids["4002"]]}), &[]),
            (json!({"devices": [ids["b"]]}), &clone),
            (json!({"devices": [ids["a"]]}), &[]),
            (json!({"pattern": {"startsWith": "4"}}), &clone),
            (json!({"organization": {"ids": [estate.south]}}), &clone),
            (json!({"organization": {"ids": [estate.north]}}), &[]),
        ]).await;
        let original = admin.appearances(&ids["a"]).await.remove(0);
        let both = [original.as_str(), clone[0]];
        let of = |mut more: Value| {
            more["pattern"] = json!({"equals": "4001"});
            more
        };
        filtered(&admin, "appearances", "AppearanceFilter", "id", &[
            (json!({"ids": [original]}), &both[..1]),
            (json!({"lines": [ids["4001"]]}), &both),
            (of(json!({"and": [{"role": "ORIGINAL"}]})), &both[..1]),
            (of(json!({"role": "CLONE"})), &clone),
            (of(json!({"devices": [ids["b"]]})), &clone),
            (of(json!({"not": {"devices": [ids["b"]]}})), &both[..1]),
            (of(json!({"or": [{"role": "CLONE"}, {"ids": [original]}]})), &both),
            (of(json!({"partition": {"equals": "pt"}})), &[]),
            (of(json!({"clusters": [estate.emea]})), &both),
            (of(json!({"organization": {"ids": [estate.south]}})), &clone),
            (of(json!({"label": {"equals": "no such"}})), &[]),
        ]).await;
    }
}

story! {
    async fn each_filter_of_numbers_tells_its_kind(server) {
        let (estate, ids) = assorted(&server).await;
        let admin = server.admin();
        let add = async |more: Value| {
            let mut input = json!({"clusterId": estate.emea});
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            let done = admin.done("createNumbers", input, "outcomes { number { id } }").await;
            text(&done["outcomes"][0]["number"]["id"])
        };
        // 4001 stands on devices; 4003 is kept for ben, 4004 for somebody who is gone.
        let used = add(json!({"organizationId": estate.north, "first": "4001", "e164Prefix": "+49"})).await;
        add(json!({"organizationId": estate.berlin, "first": "4003", "reservedFor": "ben"})).await;
        add(json!({"organizationId": estate.berlin, "first": "4004", "reservedFor": "gone", "description": "Lobby"})).await;
        let other = json!({"organizationId": estate.rome, "clusterId": ids["own"], "first": "7", "partition": "pt"});
        let other = text(&admin.done("createNumbers", other, "outcomes { number { id } }").await["outcomes"][0]["number"]["id"]);
        server.pass(Duration::from_mins(1));
        admin.done("changeNumberStatus", json!({"numberId": other, "to": "COOLING", "days": 1}), "").await;
        filtered(&admin, "numbers", "NumberFilter", "pattern", &[
            (json!({"ids": [used]}), &["4001"]),
            (json!({"pattern": {"startsWith": "40"}}), &["4001", "4003", "4004"]),
            (json!({"partition": {"equals": "pt"}}), &["7"]),
            (json!({"description": {"contains": "lobby"}}), &["4004"]),
            (json!({"e164Number": {"equals": "+494001"}}), &["4001"]),
            (json!({"statuses": ["USED", "COOLING"]}), &["4001", "7"]),
            (json!({"clusters": [ids["own"]]}), &["7"]),
            (json!({"organization": {"ids": [estate.north]}}), &["4001", "4003", "4004"]),
            (json!({"organization": {"ids": [estate.north], "includeBelow": false}}), &["4001"]),
            (json!({"reservedFor": {"in": ["ben", "x"]}}), &["4003"]),
            (json!({"isReserved": true}), &["4003", "4004"]),
            (json!({"isReserved": false}), &["4001", "7"]),
            (json!({"hasHolder": true}), &["4003"]),
            (json!({"hasHolder": false}), &["4004"]),
            (json!({"coolingUntil": {"to": "2026-01-03T00:00:00Z"}}), &["7"]),
            (json!({"updated": {"from": "2026-01-01T00:03:00Z"}}), &["7"]),
            (json!({"and": [{"isReserved": true}], "not": {"hasHolder": true}}), &["4004"]),
            (json!({"or": [{"statuses": ["USED"]}, {"hasHolder": false}]}), &["4001", "4004"]),
        ]).await;
    }
}

story! {
    async fn each_filter_of_organizations_clusters_and_other_devices_tells_its_kind(server) {
        let (estate, ids) = assorted(&server).await;
        let admin = server.admin();
        admin.done("renameOrganization", json!({"id": estate.paris, "name": "Paris"}), "").await;
        filtered(&admin, "organizations", "OrganizationFilter", "name", &[
            (json!({"ids": [estate.acme]}), &["acme"]),
            (json!({"kinds": ["CUSTOMER"]}), &["north", "south"]),
            (json!({"path": {"startsWith": "ACME.north."}}), &["berlin", "Paris"]),
            (json!({"parents": [estate.south]}), &["rome"]),
            (json!({"not": {"parents": [estate.acme]}}), &["acme", "berlin", "Paris", "rome"]),
            (json!({"organization": {"ids": [estate.north]}}), &["north", "berlin", "Paris"]),
            (json!({"updated": {"from": LATER}}), &["Paris"]),
            (json!({"and": [{"kinds": ["SITE"]}], "or": [{"parents": [estate.south]}]}), &["rome"]),
        ]).await;
        filtered(&admin, "clusters", "ClusterFilter", "name", &[
            (json!({"ids": [estate.emea]}), &["emea"]),
            (json!({"name": {"equals": "OWN"}}), &["own"]),
            (json!({"organization": {"ids": [estate.south]}}), &["own"]),
            (json!({"and": [{"name": {"contains": "e"}}], "or": [{"ids": [estate.emea]}], "not": {"ids": [ids["own"]]}}), &["emea"]),
        ]).await;
        for (organization, cluster, name) in [(&estate.berlin, &estate.emea, "GW-1"), (&estate.rome, &ids["own"], "gw-2")] {
            let input = json!({"organizationId": organization, "clusterId": cluster, "name": name});
            admin.done("registerDevice", input, "").await;
        }
        let first = admin.data("{ otherDevices(first: 1) { nodes { id } } }").await["otherDevices"]["nodes"][0]["id"].clone();
        filtered(&admin, "otherDevices", "OtherDeviceFilter", "name", &[
            (json!({}), &["GW-1", "gw-2"]),
            (json!({"ids": [first, ids["a"]]}), &["GW-1"]),
            (json!({"name": {"startsWith": "gw"}}), &["GW-1", "gw-2"]),
            (json!({"clusters": [ids["own"]]}), &["gw-2"]),
            (json!({"organization": {"ids": [estate.north]}}), &["GW-1"]),
            (json!({"and": [{"name": {"contains": "gw"}}], "or": [{"clusters": [ids["own"]]}], "not": {"ids": [first]}}), &["gw-2"]),
        ]).await;
    }
}

story! {
    /// Every nested list pages for itself, also where many are read at once.
    async fn nested_lists_page_for_themselves(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let numbers: Vec<_> = (1..=4).map(|n| format!("400{n}")).collect();
        let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
        for (name, lines) in [("EM-1", &numbers[..]), ("EM-2", &numbers[..2]), ("EM-3", &[])] {
            admin.profile(&estate, &estate.berlin, name, lines).await;
        }
        let lines = "nodes { line { pattern } } totalCount pageInfo { endCursor hasNextPage hasPreviousPage }";
        let data = admin.data(&format!("{{ profiles {{ nodes {{ name lines(first: 2) {{ {lines} }} }} }} }}")).await;
        let told: Vec<_> = data["profiles"]["nodes"]
            .as_array()
            .expect("profiles")
            .iter()
            .map(|p| (p["lines"]["nodes"].as_array().map_or(0, Vec::len), p["lines"]["totalCount"].clone(), p["lines"]["pageInfo"]["hasNextPage"].clone()))
            .collect();
        assert_eq!(told, [(2, json!(4), json!(true)), (2, json!(2), json!(false)), (0, json!(0), json!(false))]);
        let end = text(&data["profiles"]["nodes"][0]["lines"]["pageInfo"]["endCursor"]);
        let data = admin
            .data(&format!(
                r#"{{ profiles {{ nodes {{ rest: lines(after: "{end}") {{ {lines} }} last: lines(last: 1) {{ {lines} }} }} }} }}"#
            ))
            .await;
        let pattern = |pattern: &str| json!({"line": {"pattern": pattern}});
        let nodes = &data["profiles"]["nodes"];
        assert_eq!(nodes[0]["rest"]["nodes"], json!([pattern("4003"), pattern("4004")]));
        assert_eq!(nodes[0]["rest"]["pageInfo"]["hasPreviousPage"], true);
        assert_eq!(nodes[1]["last"]["nodes"], json!([pattern("4002")]));
        assert_eq!(nodes[0]["last"]["nodes"], json!([pattern("4004")]));
        let data = admin.data("{ lines(first: 2) { nodes { pattern clones(first: 1) { totalCount nodes { role device { name } original { device { name } } } } } } }").await;
        let clones = json!({"totalCount": 1, "nodes": [{"role": "CLONE", "device": {"name": "EM-2"}, "original": {"device": {"name": "EM-1"}}}]});
        assert_eq!(data["lines"]["nodes"], json!([{"pattern": "4001", "clones": clones}, {"pattern": "4002", "clones": clones}]));
    }
}

story! {
    async fn anything_is_found_by_its_global_id(server) {
        let (_, ids) = one_of_each(&server).await;
        let admin = server.admin();
        let list: Vec<_> = ids.values().collect();
        let query = format!("{{ nodes(ids: {}) {{ __typename id }} }}", json!(list));
        let want: Vec<_> = ids.iter().map(|(name, id)| json!({"__typename": name, "id": id})).collect();
        assert_eq!(admin.data(&query).await["nodes"], json!(want));
        let encode = |plain: &str| data_encoding::BASE64URL_NOPAD.encode(plain.as_bytes());
        for gone in ["Profile:99999", "Line:-1", "User:9223372036854775807", "Token:1", "LineAppearance:99999"] {
            let query = format!(r#"{{ node(id: "{}") {{ id }} }}"#, encode(gone));
            assert_eq!(admin.data(&query).await["node"], json!(null), "{gone}");
        }
        // An id of one type is none of another.
        let profile = crate::roamline::number(&ids["Profile"]);
        let query = format!(r#"{{ node(id: "{}") {{ id }} }}"#, encode(&format!("Phone:{profile}")));
        assert_eq!(admin.data(&query).await["node"], json!(null));
        for bad in ["Profile:1x", "Nothing:1", "Profile:01", "", "Profile"] {
            assert_eq!(admin.code(&format!(r#"{{ node(id: "{}") {{ id }} }}"#, encode(bad))).await, "BAD_USER_INPUT", "{bad}");
        }
        let query = format!(r#"{{ profile(by: {{id: "{}"}}) {{ id }} line(by: {{id: "x"}}) {{ id }} cluster(id: "{}") {{ id }} }}"#, ids["User"], ids["User"]);
        assert_eq!(admin.data(&query).await, json!({"profile": null, "line": null, "cluster": null}));
    }
}

story! {
    async fn a_search_finds_names_numbers_people_and_descriptions(server) {
        let (_, ids) = one_of_each(&server).await;
        let admin = server.admin();
        let hits = async |arguments: &str| {
            let data = admin.data(&format!("{{ search({arguments}) {{ __typename id }} }}")).await;
            data["search"].as_array().expect("hits").iter().map(|hit| text(&hit["__typename"])).collect::<Vec<_>>()
        };
        assert_eq!(hits(r#"text: "ANNA""#).await, ["User", "Profile"]);
        assert_eq!(hits(r#"text: "anna", nouns: [PROFILE]"#).await, ["Profile"]);
        assert_eq!(hits(r#"text: " 4001 ""#).await, ["Line", "Number"]);
        assert_eq!(hits(r#"text: "desk""#).await, ["Phone"]);
        assert_eq!(hits(r#"text: "em""#).await, ["Profile", "Profile", "Cluster"]);
        assert_eq!(hits(r#"text: "em", first: 2"#).await, ["Profile", "Profile"]);
        assert_eq!(hits(r#"text: "north.ber""#).await, ["Organization"]);
        assert_eq!(hits(r#"text: "gw""#).await, ["OtherDevice"]);
        assert_eq!(hits(r#"text: "rzte""#).await, ["OtherDevice"]);
        assert_eq!(hits(r#"text: "e_""#).await, [""; 0]);
        assert_eq!(hits(r#"text: "%%""#).await, [""; 0]);
        let data = admin.data(r#"{ search(text: "EM-1") { ... on Profile { id name } } }"#).await;
        assert_eq!(data["search"], json!([{"id": ids["Profile"], "name": "EM-1"}]));
    }
}

story! {
    async fn rules_and_products_are_listed(server) {
        let admin = server.admin();
        let types = Types::of(&admin).await;
        let data = admin.data("{ rules { code id sentence severity example } }").await;
        let rules = data["rules"].as_array().expect("rules");
        let codes: BTreeSet<_> = rules.iter().map(|rule| text(&rule["code"])).collect();
        assert_eq!(codes, types.members("RuleCode"));
        assert_eq!(codes.len(), rules.len());
        for rule in rules {
            assert!(text(&rule["sentence"]).ends_with('.') && !text(&rule["example"]).is_empty(), "{rule}");
        }
        let data = admin.data("{ products { name maxCalls lineButtons features protocols { protocol buttonTemplate } } }").await;
        let products = data["products"].as_array().expect("products");
        assert!(products.len() > 40, "{}", products.len());
        let one = products.iter().find(|product| product["name"] == "Cisco 8841").expect("a current phone");
        assert_eq!((&one["maxCalls"], &one["lineButtons"]), (&json!(200), &json!(10)));
        assert_eq!(one["protocols"], json!([{"protocol": "SIP", "buttonTemplate": "Standard 8841 SIP"}]));
    }
}

story! {
    async fn the_server_tells_who_asks_and_what_it_is(server) {
        let estate = server.estate().await;
        let somebody = server.somebody(entity::token::Role::Operator, &estate.north).await;
        let data = somebody
            .data("{ me { name role organization { path } canEdit canConfigure } service { version now oldestChange { cursor at } newestCursor limits { pageMost pageDefault } } }")
            .await;
        assert_eq!(
            data["me"],
            json!({
                "name": "somebody", "role": "OPERATOR", "organization": {"path": "acme.north"},
                "canEdit": true, "canConfigure": false,
            })
        );
        assert_eq!(
            data["service"],
            json!({
                "version": "0.1.0", "now": "2026-01-01T00:00:00+00:00",
                "oldestChange": {"cursor": "s1", "at": "2026-01-01T00:00:00+00:00"}, "newestCursor": "s7",
                "limits": {"pageMost": 200, "pageDefault": 50},
            })
        );
        let data = server.admin().data("{ me { role organization { id } canConfigure } }").await;
        assert_eq!(data["me"], json!({"role": "ADMIN", "organization": null, "canConfigure": true}));
    }
}
