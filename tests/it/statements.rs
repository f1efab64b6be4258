//! What pages cost, in statements: the same for two items, for forty and for two hundred, and exactly so many.

use std::{sync::Arc, time::Duration};

use ::roamline::{schema, store::Estate};
use async_graphql::{Executor, Request};
use entity::token::Role;
use serde_json::json;

use crate::roamline::{Roamline, tell, text};

/// A shape, `$n` standing for the size of its page, with the statements that it costs.
const SHAPES: &[(&str, &str, u64)] = &[
    ("profiles", "profiles(first: $n) { nodes { id name description } }", 1),
    ("profiles counted", "profiles(first: $n) { totalCount nodes { id } pageInfo { hasNextPage } }", 2),
    ("from the back", "profiles(last: $n) { nodes { id } pageInfo { hasPreviousPage } }", 1),
    (
        "profiles with lines",
        "profiles(first: $n) { nodes { name lines { nodes { index line { pattern settings { aarGroup } } } } } }",
        2,
    ),
    (
        "profiles with lines counted",
        "profiles(first: $n) { nodes { name lines(first: 2) { totalCount nodes { index } } users { totalCount } } }",
        // Profiles, lines, two counts; of the users, who are only counted, no page is read.
        4,
    ),
    (
        "profiles with lines and the clones of each line",
        "profiles(first: $n) { nodes { name lines(first: 5) { nodes { line { pattern clones(first: 9) { nodes { id index } } } } } } }",
        3,
    ),
    (
        "profiles with lines, each line's clones, and users",
        "profiles(first: $n) { nodes { name users(first: 5) { nodes { userId } } \
         lines(first: 5) { nodes { line { pattern clones(first: 9) { nodes { index } } } } } } }",
        4,
    ),
    ("profiles with users", "profiles(first: $n) { nodes { name users { nodes { userId } } } }", 2),
    (
        "profiles with users and their profiles",
        "profiles(first: $n) { nodes { users(first: 5) { nodes { profiles(first: 5) { nodes { name } } } } } }",
        3,
    ),
    (
        "profiles with relations of relations on both sides",
        "profiles(first: $n) { nodes { users(first: 5) { nodes { profiles(first: 5) { nodes { name } } phones(first: 5) { nodes { name } } } } \
         lines(first: 5) { nodes { line { original { index } clones(first: 9) { nodes { index } } } } } } }",
        // Profiles; users and lines; the users' profiles and phones, the lines' originals and clones.
        7,
    ),
    (
        "profiles with all that is one",
        // Organization and cluster come with them; none has a user to log in.
        "profiles(first: $n) { nodes { organization { path } cluster { name } loginUser { userId } productInfo { name } } }",
        1,
    ),
    (
        "lines with their originals' devices",
        // Of a device its kind is read first, then it itself from its own table: all originals are on profiles here.
        "lines(first: $n) { nodes { pattern original { index device { name ... on Profile { product } } } } }",
        4,
    ),
    (
        "lines with the devices of all appearances",
        // What all devices have is in their common table.
        "lines(first: $n) { nodes { pattern appearances(first: 9) { nodes { role device { name } } } } }",
        3,
    ),
    (
        "lines with more of the devices of all appearances",
        // Profiles and phones: a statement for the kinds and one for each kind.
        "lines(first: $n) { nodes { pattern appearances(first: 9) { nodes { role device { name \
         ... on Profile { product } ... on Phone { product } } } } } }",
        5,
    ),
    ("clones with line and device", "clones(first: $n) { nodes { line { pattern } device { name } } }", 2),
    (
        "users with profiles and lines",
        "users(first: $n) { nodes { userId profiles(first: 5) { nodes { name lines(first: 5) { nodes { line { pattern } } } } } } }",
        3,
    ),
    (
        "users with their pages",
        "users(first: $n) { nodes { userId extensionMobility { profiles(first: 5) { nodes { name } } defaultProfile { name } \
         lines(first: 5) { nodes { line { pattern } } } reservedNumbers(first: 5) { nodes { pattern } } \
         entitlement { used most left } } } }",
        // Users; their profiles, default profiles, lines and reserved numbers; how many profiles, and how many at most.
        7,
    ),
    (
        "users with what is not ready",
        "users(first: $n) { nodes { userId extensionMobility { readiness { isReady findings { code message profile { name } \
         subjects { id ... on Profile { name } ... on User { userId } ... on ServiceSubscription { name } } } } } } }",
        // Users; what is known of each; what is found of their profiles; these profiles and, of what it is about, the profiles as
        // such: two more columns asked for are another statement; users; lines; subscriptions.
        6,
    ),
    (
        "profiles laid out on another product",
        "profiles(first: $n) { nodes { name layout(product: \"Cisco 6901\") { template fits } } }",
        // Profiles, none of them for that; the default device profiles of their clusters; the templates; two lists.
        5,
    ),
    ("users with their default profile", "users(first: $n) { nodes { userId defaultProfile { name } } }", 2),
    (
        "users with phones and the phones' lines",
        "users(first: $n) { nodes { phones(first: 5) { nodes { name lines(first: 5) { nodes { line { pattern } } } } } } }",
        3,
    ),
    (
        "organizations with children and profiles",
        "organizations(first: $n) { nodes { path children(first: 9) { nodes { path profiles(first: 9) { nodes { name } } } } } }",
        3,
    ),
    (
        "clusters with phones and lines",
        "clusters(first: $n) { nodes { name phones(first: 9) { nodes { name lines(first: 5) { nodes { line { pattern } } } } } } }",
        3,
    ),
    (
        "profiles with history",
        "profiles(first: $n) { nodes { name history(first: 5) { nodes { cursor } } } }",
        2,
    ),
    (
        "profiles with history counted",
        "profiles(first: $n) { nodes { name history(first: 5) { totalCount nodes { cursor } } } }",
        3,
    ),
    (
        "profiles with the lists of their buttons",
        "profiles(first: $n) { nodes { name speedDials(first: 5) { nodes { index number label } } \
         busyLampFields(first: 5) { nodes { index line { pattern } } } \
         callParks(first: 5) { nodes { index } } serviceUrls(first: 5) { totalCount nodes { url } } } }",
        // Profiles, four lists, the lines that busy lamp fields watch, and a count.
        7,
    ),
    (
        "profiles laid out",
        "profiles(first: $n) { nodes { name layout { template keys { number feature line { label line { pattern } } button { label } } \
         hidden { reason message } } } }",
        // Profiles; their templates; what stands on them in two lists; then the lines and the buttons themselves.
        6,
    ),
    (
        "phones with their templates",
        "phones(first: $n) { nodes { name buttonTemplateInfo { name cluster { name } } layout { fits } } }",
        // Phones, their templates, the templates' clusters, and two lists; the layout takes the template that is read already.
        5,
    ),
    (
        "profiles with their services",
        "profiles(first: $n) { nodes { name serviceSubscriptions(first: 5) { nodes { url urlState missing service { name } button { index } } } \
         readiness { isReady findings { code } } } }",
        // Profiles; their subscriptions, and what is found of each profile; the services as far as state and values need
        // them, and as they are asked for; the buttons.
        7,
    ),
    (
        "services with their subscriptions",
        "services(first: $n) { nodes { name parameters { name } subscriptions(first: 5) { totalCount nodes { name device { name } } } } }",
        // Services, subscriptions and their count; the devices, of which the kind is read first.
        5,
    ),
    ("buttons with their devices", "buttons(first: $n) { nodes { index label device { name } } }", 3),
    (
        "buttons with what happened to them",
        "buttons(first: $n) { nodes { id history(first: 2) { totalCount nodes { cursor } } } }",
        3,
    ),
    (
        "lines with what happened to their appearances",
        "lines(first: $n) { nodes { appearances(first: 2) { nodes { history(first: 2) { nodes { cursor } } } } } }",
        3,
    ),
    (
        "subscriptions to services with all that they lead to",
        "serviceSubscriptions(first: $n) { totalCount nodes { name urlState missing service { name cluster { name } } device { name } \
         button { index } history(first: 2) { nodes { cursor } } } }",
        // Subscriptions and their count; the services as far as state and values need them, and as they are asked for, with
        // their clusters; the kinds of the devices, then these; buttons and histories.
        9,
    ),
    // What is found by its index, then each kind of thing.
    ("search", "search(text: \"user00000\", nouns: [USER], first: $n) { id ... on User { userId } }", 2),
];

const SIZES: [usize; 3] = [2, 40, 200];

/// Tells a story on both databases, without a clock that reads changes in between.
macro_rules! counted {
    ($(#[$about:meta])* async fn $name:ident($server:ident) $body:block) => {
        mod $name {
            use super::*;

            $(#[$about])*
            async fn story($server: Arc<Roamline>) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                tell(Roamline::sqlite_with(|config| config.feed.poll_ms = 600_000).await, story).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(server) = Roamline::postgres_with(|config| config.feed.poll_ms = 600_000).await {
                    tell(server, story).await;
                }
            }
        }
    };
}

/// Waits until the reader of changes has come to rest, so that what it sends is not counted.
async fn rest(server: &Roamline) {
    let (mut before, mut calm) = (0, 0);
    while calm < 5 {
        let now = server.app.statements();
        calm = if now == before { calm + 1 } else { 0 };
        before = now;
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}

/// Statements that a query costs; asked without a token, which would be looked up now and then.
async fn cost(server: &Roamline, query: &str) -> u64 {
    let schema = schema::build(server.app.clone());
    let before = server.app.statements();
    let response = schema.execute(Request::new(query).data(Roamline::caller())).await;
    let cost = server.app.statements() - before;
    assert!(response.errors.is_empty(), "{query}: {:?}", response.errors);
    cost
}

/// What the shape costs in each size, where that is not what it should.
async fn wrong(server: &Roamline, name: &str, shape: &str, want: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    for size in SIZES {
        let query = format!("{{ {} }}", shape.replace("$n", &size.to_string()));
        let cost = cost(server, &query).await;
        if cost != want {
            wrong.push(format!("{name}, pages of {size}: {cost} statements, not {want}"));
        }
    }
    wrong
}

/// Puts a speed dial and a busy lamp field on every profile, and a speed dial on every phone.
async fn equip(server: &Roamline) {
    let admin = server.admin();
    let found = admin.data("{ clusters { nodes { id } } }").await;
    let mut services = Vec::new();
    for cluster in found["clusters"]["nodes"].as_array().expect("clusters") {
        let input = json!({
            "clusterId": cluster["id"], "name": "Standard 8841 SIP", "product": "Cisco 8841", "protocol": "SIP",
            "features": ["LINE", "SPEED_DIAL", "BLF"],
        });
        admin.done("createButtonTemplate", input, "").await;
        let input = json!({"clusterId": cluster["id"], "name": "Calls", "url": "http://calls/"});
        let made = admin.done("createService", input, "service { id }").await;
        services.push(made["service"]["id"].clone());
    }
    let found = "{ nodes { id lines(first: 1) { nodes { line { pattern partition } } } } pageInfo { endCursor hasNextPage } }";
    for list in ["profiles", "phones"] {
        let mut after = String::new();
        loop {
            let data = admin.data(&format!("{{ {list}(first: 200{after}) {found} }}")).await;
            for node in data[list]["nodes"].as_array().expect("nodes") {
                let line = &node["lines"]["nodes"][0]["line"];
                let lamp = json!({"pattern": line["pattern"], "partition": line["partition"]});
                let input = json!({
                    "deviceId": node["id"], "expectedVersion": 1,
                    "speedDials": [{"number": "4001", "label": "Anna"}],
                    "busyLampFields": if list == "profiles" { json!([lamp]) } else { json!([]) },
                });
                admin.done("replaceButtons", input, "").await;
                for service in &services {
                    // On the device's own cluster only.
                    let input = json!({"deviceId": node["id"], "serviceId": service, "button": {}});
                    admin.mutate("subscribeService", input, "").await;
                }
            }
            let page = &data[list]["pageInfo"];
            if page["hasNextPage"] != true {
                break;
            }
            after = format!(", after: {}", page["endCursor"]);
        }
    }
}

counted! {
    /// Small and large, always as many statements, and no more than these.
    async fn a_page_costs_so_many_statements_whatever_its_size(server) {
        let estate = Estate { profiles: 230, seed: 1 };
        server.app.generate(&Roamline::caller(), estate, |_| {}).await.expect("generated");
        equip(&server).await;
        rest(&server).await;
        let mut all = Vec::new();
        for (name, shape, want) in SHAPES {
            all.extend(wrong(&server, name, shape, *want).await);
        }
        assert!(all.is_empty(), "{all:#?}");
    }
}

counted! {
    /// Numbers with what leads away from them, and pickers of as many profiles as there are, cost a statement a relation.
    async fn numbers_and_pickers_cost_a_statement_a_relation(server) {
        let estate = Estate { profiles: 230, seed: 1 };
        server.app.generate(&Roamline::caller(), estate, |_| {}).await.expect("generated");
        let admin = server.admin();
        let found = admin.data("{ clusters { nodes { id } } organizations(filter: {kinds: [SITE]}) { nodes { id } } }").await;
        let (cluster, site) = (&found["clusters"]["nodes"], &found["organizations"]["nodes"][0]["id"]);
        for cluster in cluster.as_array().expect("clusters") {
            let input = json!({
                "organizationId": site, "clusterId": cluster["id"], "partition": "internal", "first": "10000000", "last": "10000229",
                "reservedFor": "user0000001",
            });
            admin.mutate("createNumbers", input, "").await;
        }
        rest(&server).await;
        let mut all = Vec::new();
        for (name, shape, want) in [
            ("numbers", "numbers(first: $n) { totalCount nodes { pattern status usage reservedFor } }", 2),
            (
                "numbers with all that they lead to",
                "numbers(first: $n) { nodes { organization { path } cluster { name } line { pattern } appearances(first: 2) { nodes { index } } \
                 history(first: 2) { nodes { cursor } } } }",
                // Organization and cluster come with them; their lines, where these stand, what happened to them.
                4,
            ),
            ("lines with their numbers", "lines(first: $n) { nodes { pattern number { status } } }", 2),
            (
                // Profiles, what is offered, how much, the profiles' users and their lines.
                "profiles with pickers",
                "profiles(first: $n) { nodes { selectableNumbers(filter: {choice: BELONGING_TO_FIRST_USER}, first: 2) { \
                 totalCount nodes { selectable number { pattern } } } } }",
                5,
            ),
        ] {
            all.extend(wrong(&server, name, shape, want).await);
        }
        assert!(all.is_empty(), "{all:#?}");
    }
}

counted! {
    /// Sessions with what they lead to, and phones with what they show, cost a statement a relation.
    async fn sessions_and_what_phones_show_cost_a_statement_a_relation(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let fallback = json!({"clusterId": estate.emea, "product": "Cisco 7841", "protocol": "SIP"});
        admin.done("createDefaultDeviceProfile", fallback, "").await;
        for n in 0..45 {
            let user = admin.user(&estate, &estate.berlin, &format!("user{n}")).await;
            let profile = admin.profile(&estate, &estate.berlin, &format!("EM-{n}"), &[&format!("1{n:03}")]).await;
            admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
            let phone = json!({
                "organizationId": estate.paris, "clusterId": estate.emea, "name": format!("SEP{n}"), "protocol": "SIP",
                "product": if n % 2 == 0 { "Cisco 8841" } else { "Cisco 7841" }, "extensionMobility": true,
            });
            let phone = admin.done("createPhone", phone, "phone { id }").await["phone"]["id"].clone();
            admin.done("login", json!({"userId": user, "phoneId": phone}), "").await;
        }
        rest(&server).await;
        let mut all = Vec::new();
        for (name, shape, want) in [
            ("sessions", "sessions(first: $n) { totalCount nodes { loggedInAt expiresAt modelMismatch settings { userLocale } } }", 2),
            (
                // Organization and cluster come with them; phones, users, profiles, default device profiles, histories.
                "sessions with all that they lead to",
                "sessions(first: $n) { nodes { organization { path } cluster { name } phone { name } user { userId } profile { name } \
                 defaultDeviceProfile { product } history(first: 2) { nodes { cursor } } } }",
                6,
            ),
            // Sessions, phones, default device profiles for them, profiles.
            ("sessions with what is pending", "sessions(first: $n) { nodes { pendingRelogin { field } } }", 4),
            ("phones with their sessions", "phones(first: $n) { nodes { name session { user { userId } } } }", 3),
            ("users with their sessions", "users(first: $n) { nodes { sessions(first: 2) { totalCount nodes { phone { name } } } } }", 4),
            ("profiles with their sessions", "profiles(first: $n) { nodes { sessions(first: 2) { nodes { loggedInAt } } } }", 2),
            (
                // Phones, sessions, profiles, the profiles' lines with the numbers, and their speed dials.
                "phones with what they show",
                "phones(first: $n) { nodes { effectiveProfile { shownBy buttonTemplate settings { userLocale } \
                 lines { index line { pattern } } speedDials(first: 2) { nodes { label } } } } }",
                6,
            ),
            ("default device profiles", "defaultDeviceProfiles(first: $n) { nodes { product cluster { name } } }", 1),
        ] {
            all.extend(wrong(&server, name, shape, want).await);
        }
        assert!(all.is_empty(), "{all:#?}");
    }
}

counted! {
    /// What happened to many things costs no more than what happened to one.
    async fn changes_with_what_they_happened_to_cost_a_statement_a_relation(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for n in 0..45 {
            let user = admin.user(&estate, &estate.berlin, &format!("user{n}")).await;
            let profile = admin.profile(&estate, &estate.berlin, &format!("EM-{n}"), &["1001"]).await;
            admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
        }
        rest(&server).await;
        let mut all = Vec::new();
        for (name, shape, want) in [
            (
                "changes with their things",
                "changes(first: $n, filter: {kinds: [PROFILE_CREATED]}) { nodes { cursor change { node { \
                 ... on Profile { name organization { path } users(first: 5) { nodes { userId } } } } } } }",
                3,
            ),
            (
                "profiles with the fields that changed",
                "profiles(first: $n) { nodes { history(first: 9) { nodes { change { fieldChanges { field before after } } } } } }",
                2,
            ),
            ("changes counted", "changes(first: $n) { totalCount nodes { cursor } }", 2),
            (
                "profiles with what happened to them",
                "profiles(first: $n) { nodes { history(first: 9) { totalCount nodes { by change { kind node { id } \
                 ... on AppearanceAdded { line { pattern } device { name } } } } } } }",
                // Profiles, histories, counts; what they happened to: profiles and appearances; the appearances' lines;
                // the kinds of their devices, then these.
                8,
            ),
        ] {
            all.extend(wrong(&server, name, shape, want).await);
        }
        assert!(all.is_empty(), "{all:#?}");
    }
}

counted! {
    /// Things of one kind are one statement, however many ids.
    async fn nodes_cost_a_statement_for_each_kind(server) {
        let estate = Estate { profiles: 45, seed: 1 };
        server.app.generate(&Roamline::caller(), estate, |_| {}).await.expect("generated");
        let admin = server.admin();
        let found = admin
            .data("{ profiles(first: 40) { nodes { id } } users(first: 40) { nodes { id } } }")
            .await;
        rest(&server).await;
        let ids = |list: &str, count: usize| -> String {
            let nodes = found[list]["nodes"].as_array().expect("nodes");
            let ids: Vec<_> = nodes.iter().take(count).map(|node| format!("\"{}\"", text(&node["id"]))).collect();
            ids.join(",")
        };
        for count in [2, 40] {
            let query = format!(
                "{{ nodes(ids: [{}, {}]) {{ id ... on Profile {{ name }} ... on User {{ userId }} }} }}",
                ids("profiles", count),
                ids("users", count)
            );
            assert_eq!(cost(&server, &query).await, 2, "{count} of each");
        }
        let query = format!("{{ node(id: {}) {{ ... on Profile {{ name }} }} }}", ids("profiles", 1));
        assert_eq!(cost(&server, &query).await, 1);
    }
}

counted! {
    /// Groups, templates, jobs and roles with what they lead to cost a statement a relation.
    async fn groups_templates_jobs_and_roles_cost_a_statement_a_relation(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let mut services = Vec::new();
        for name in ["Calls", "News"] {
            let input = json!({"clusterId": estate.emea, "name": name, "url": "http://x/"});
            services.push(admin.done("createService", input, "service { id }").await["service"]["id"].clone());
        }
        let north = server.somebody(Role::Admin, &estate.north).await;
        for n in 0..45 {
            let group = json!({
                "organizationId": estate.north, "clusterId": estate.emea, "name": format!("Group {n}"), "product": "Cisco 8841",
                "placeId": estate.berlin, "services": [{"serviceId": services[n % 2]}],
            });
            admin.done("createQuickAddGroup", group, "").await;
            let template = json!({
                "clusterId": estate.emea, "name": format!("Keys {n}"), "product": "Cisco 8841", "protocol": "SIP", "features": ["LINE"],
            });
            admin.done("createButtonTemplate", template, "").await;
            let template = json!({"clusterId": estate.emea, "name": format!("Soft {n}")});
            admin.done("createSoftkeyTemplate", template, "").await;
            north.done("startImport", json!({"noun": "users"}), "").await;
            admin.done("createRole", json!({"organizationId": estate.north, "name": format!("Role {n}"), "rights": []}), "").await;
        }
        rest(&server).await;
        let mut all = Vec::new();
        for (name, shape, want) in [
            (
                "groups with all that they lead to",
                "quickAddGroups(first: $n) { totalCount nodes { name organization { path } cluster { name } place { path } \
                 services { name service { name cluster { name } } } history(first: 2) { nodes { cursor } } } }",
                // Groups, with organization and cluster, and their count; places, services and histories.
                5,
            ),
            (
                "button templates",
                "buttonTemplates(first: $n) { totalCount nodes { name features cluster { name } history(first: 2) { nodes { cursor } } } }",
                4,
            ),
            (
                "softkey templates",
                "softkeyTemplates(first: $n) { totalCount nodes { name cluster { name } history(first: 2) { nodes { cursor } } } }",
                4,
            ),
            (
                "jobs",
                "jobs(first: $n) { totalCount nodes { state organization { path } retryOf { id } history(first: 2) { nodes { cursor } } } }",
                4,
            ),
            (
                "roles",
                "roles(first: $n) { totalCount nodes { name rights { noun } organization { path } history(first: 2) { nodes { cursor } } } }",
                4,
            ),
        ] {
            all.extend(wrong(&server, name, shape, want).await);
        }
        assert!(all.is_empty(), "{all:#?}");
    }
}

counted! {
    /// A profile as it was and what its deletion would do cost as much for one with much on it as for one with little.
    async fn the_past_and_a_preview_cost_the_same_whatever_is_on_a_profile(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let mut services = Vec::new();
        for n in 0..9 {
            let input = json!({"clusterId": estate.emea, "name": format!("Calls {n}"), "url": "http://x/"});
            services.push(admin.done("createService", input, "service { id }").await["service"]["id"].clone());
        }
        let mut profiles = Vec::new();
        for count in [1, 9] {
            let lines: Vec<_> = (0..count).map(|n| format!("{count}00{n}")).collect();
            let lines: Vec<_> = lines.iter().map(String::as_str).collect();
            let profile = admin.profile(&estate, &estate.berlin, &format!("EM-{count}"), &lines).await;
            // The last line of each stands elsewhere as well, and its clone is promoted.
            admin.profile(&estate, &estate.paris, &format!("EM-{count} too"), &lines[count - 1..]).await;
            for (n, service) in services.iter().take(count).enumerate() {
                let user = admin.user(&estate, &estate.berlin, &format!("user{count}-{n}")).await;
                admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
                let button = json!({"deviceId": profile, "button": {"speedDial": {"number": "4001", "label": "A"}}});
                admin.done("addButton", button, "").await;
                admin.done("subscribeService", json!({"deviceId": profile, "serviceId": service, "button": {}}), "").await;
            }
            profiles.push(profile);
        }
        rest(&server).await;
        let start = "s1";
        let mut told = Vec::new();
        for (name, shape) in [
            (
                "as it was",
                "profileAt(id: \"$id\", at: \"$now\") { organization { path } cluster { name } loginUser { userId } \
                 lines { pattern line { pattern } } users { userId user { userId } defaultProfile { name } } \
                 buttons { index label device { name } } services { url values { name } button { index } service { name } } }",
            ),
            (
                "what differs",
                "profileDiff(id: \"$id\", from: \"$start\", to: \"$now\") { fields { field after } \
                 lines { after { pattern line { pattern } } fields { field } } users { user { user { userId } } } \
                 buttons { after { index } } services { after { name service { name } } fields { field } } }",
            ),
            (
                "preview",
                "deletePreview(id: \"$id\") { lines { result line { pattern } } users { wasDefault user { userId } } \
                 numbers { to number { pattern } } promoted { device { name } line { pattern } } counts { kind count } }",
            ),
        ] {
            let mut costs = Vec::new();
            for profile in &profiles {
                let now = format!("s{}", server.app.newest_change().await.expect("the newest"));
                let query = shape.replace("$id", profile).replace("$now", &now).replace("$start", start);
                costs.push(cost(&server, &format!("{{ {query} }}")).await);
            }
            told.push((name, costs));
        }
        assert!(told.iter().all(|(_, costs)| costs[0] == costs[1]), "{told:?}");
    }
}
