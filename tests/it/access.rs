//! Stories of who may see and do what (HIE-2, ACC-7): what is outside the subtree looks absent.

use std::collections::{BTreeMap, BTreeSet};

use entity::token::Role;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, text},
    story,
};

story! {
    async fn a_neighbour_sees_counts_and_names_nothing_of_ours(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let ours = admin.profile(&estate, &estate.berlin, "EM-ours", &["4001"]).await;
        let theirs = admin.profile(&estate, &estate.rome, "EM-theirs", &["4001", "5001"]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": theirs, "userIds": [anna]}), "").await;
        let south = server.somebody(Role::Operator, &estate.south).await;

        let data = south
            .data(&format!(
                r#"{{
                    node(id: "{ours}") {{ id }}
                    profile(by: {{id: "{ours}"}}) {{ id }}
                    profiles {{ totalCount nodes {{
                        name users {{ totalCount nodes {{ userId }} }}
                        lines {{ nodes {{ role line {{ pattern }} original {{ id }} }} }}
                    }} }}
                    lines {{ totalCount }} users {{ totalCount }} organizations {{ totalCount nodes {{ path parent {{ id }} }} }}
                    search(text: "ours") {{ id }}
                    changes {{ nodes {{ change {{ kind }} }} }}
                    clusters {{ nodes {{ name organization {{ path }} }} }}
                }}"#
            ))
            .await;
        assert_eq!(data["node"], json!(null));
        assert_eq!(data["profile"], json!(null));
        assert_eq!(
            data["profiles"],
            json!({"totalCount": 1, "nodes": [{
                "name": "EM-theirs",
                "users": {"totalCount": 0, "nodes": []},
                "lines": {"nodes": [
                    {"role": "CLONE", "line": null, "original": null},
                    {"role": "ORIGINAL", "line": {"pattern": "5001"}, "original": data["profiles"]["nodes"][0]["lines"]["nodes"][1]["original"]},
                ]},
            }]})
        );
        assert_eq!(data["lines"]["totalCount"], 1);
        assert_eq!(data["users"]["totalCount"], 0);
        assert_eq!(
            data["organizations"]["nodes"],
            json!([{"path": "acme.south", "parent": null}, {"path": "acme.south.rome", "parent": data["organizations"]["nodes"][1]["parent"]}])
        );
        assert_eq!(data["search"], json!([]));
        let kinds: Vec<_> =
            data["changes"]["nodes"].as_array().expect("changes").iter().map(|c| &c["change"]["kind"]).collect();
        assert_eq!(
            kinds,
            ["ORGANIZATION_CREATED", "ORGANIZATION_CREATED", "PROFILE_CREATED", "APPEARANCE_ADDED", "LINE_CREATED", "APPEARANCE_ADDED", "USER_ASSOCIATED"]
        );
        // The cluster above serves them: seen, without what stands above.
        assert_eq!(data["clusters"]["nodes"], json!([{"name": "emea", "organization": null}]));

        // A name that is taken out of sight is taken, and no more is said; our things are not there to change.
        let clash = json!({
            "organizationId": estate.rome, "clusterId": estate.emea, "name": "em-OURS",
            "product": "Cisco 8841", "protocol": "SIP",
        });
        assert_eq!(south.refused("createProfile", clash).await, ["NAME_TAKEN at name"]);
        assert_eq!(south.refused("deleteProfile", json!({"id": ours})).await, ["NOT_FOUND at id"]);
        let abroad = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM-x",
            "product": "Cisco 8841", "protocol": "SIP",
        });
        assert_eq!(south.refused("createProfile", abroad).await, ["NOT_FOUND at organizationId"]);
    }
}

story! {
    async fn each_role_may_what_it_may(server) {
        let estate = server.estate().await;
        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        let operator = server.somebody(Role::Operator, &estate.north).await;
        let admin = server.somebody(Role::Admin, &estate.north).await;
        let line = format!(
            r#"mutation {{ createLine(input: {{organizationId: "{}", clusterId: "{}", pattern: "4001"}}) {{ errors {{ code }} }} }}"#,
            estate.berlin, estate.emea
        );
        let site = format!(
            r#"mutation {{ createOrganization(input: {{parentId: "{}", kind: SITE, name: "x"}}) {{ errors {{ code }} }} }}"#,
            estate.north
        );
        let root = r#"mutation { createOrganization(input: {kind: PROVIDER, name: "own"}) { errors { code } } }"#;
        assert_eq!(viewer.code(&line).await, "FORBIDDEN");
        assert_eq!(operator.data(&line).await["createLine"]["errors"], json!([]));
        assert_eq!(operator.code(&site).await, "FORBIDDEN");
        assert_eq!(admin.data(&site).await["createOrganization"]["errors"], json!([]));
        assert_eq!(admin.code(root).await, "FORBIDDEN");
        assert_eq!(server.stranger().code("{ me { name } }").await, "UNAUTHENTICATED");
        assert_eq!(server.client(Some("rml_wrong".into())).code("{ me { name } }").await, "UNAUTHENTICATED");
    }
}

story! {
    /// Every root field, called by a stranger with the least that it needs, asks for a token.
    async fn no_root_field_answers_a_stranger(server) {
        let admin = server.admin();
        let types = "{ __schema { queryType { fields { name args { name type { kind ofType { name } } } } } \
                     mutationType { fields { name } } } }";
        let schema = admin.data(types).await;
        let mut asked = 0;
        for field in schema["__schema"]["mutationType"]["fields"].as_array().expect("mutations") {
            let name = field["name"].as_str().expect("a name");
            let kind = name[..1].to_uppercase() + &name[1..];
            let query = format!("mutation($input: {kind}Input!) {{ {name}(input: $input) {{ __typename }} }}");
            let answer = server.stranger().ask(&query, json!({})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{name}");
            asked += 1;
        }
        for field in schema["__schema"]["queryType"]["fields"].as_array().expect("queries") {
            let name = field["name"].as_str().expect("a name");
            let answer = server.stranger().ask(&format!("{{ {name} }}"), json!({})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{name}");
            asked += 1;
        }
        assert!(asked > 45, "{asked}");
    }
}

/// The types of the schema, by their names.
async fn types(client: &Client) -> BTreeMap<String, Value> {
    let kind = "kind name ofType { kind name ofType { kind name ofType { kind name } } }";
    let fields = format!("name args {{ name type {{ {kind} }} }}");
    let query = format!(
        "{{ __schema {{ types {{ name kind fields {{ {fields} }} inputFields {{ name type {{ {kind} }} }} }} }} }}"
    );
    let data = client.data(&query).await;
    let types = data["__schema"]["types"].as_array().expect("types").clone();
    types.into_iter().map(|known| (text(&known["name"]), known)).collect()
}

/// The id that an input's field asks for, of a type that its name tells.
fn id_for(ids: &BTreeMap<&str, String>, mutation: &str, field: &str) -> String {
    let plain = field.trim_end_matches('s').trim_end_matches("Id").to_lowercase();
    let noun = match plain.as_str() {
        "organization" | "parent" | "place" => "Organization",
        "group" | "copyfrom" => "QuickAddGroup",
        "cluster" => "Cluster",
        "user" | "loginuser" | "owner" => "User",
        "phone" => "Phone",
        "session" => "Session",
        "appearance" => "LineAppearance",
        "line" => "Line",
        "button" => "Button",
        "service" => "PhoneService",
        "subscription" => "ServiceSubscription",
        "number" => "Number",
        "profile" | "ctiprofile" | "logoutprofile" | "device" => "Profile",
        "id" => match mutation.trim_start_matches(|letter: char| letter.is_lowercase()) {
            "Device" => "OtherDevice",
            "Service" => "PhoneService",
            "Role" => "ComposedRole",
            noun => noun,
        },
        other => panic!("{mutation}: an id of what is {other}?"),
    };
    ids[noun].clone()
}

/// An input of everything that can be said with ids, and of what must be said besides.
fn input(types: &BTreeMap<String, Value>, ids: &BTreeMap<&str, String>, mutation: &str, kind: &str) -> Value {
    let mut made = serde_json::Map::new();
    for field in types[kind]["inputFields"].as_array().expect("fields") {
        let name = text(&field["name"]);
        let (mut inner, mut list) = (&field["type"], false);
        let needed = inner["kind"] == "NON_NULL";
        while !inner["ofType"].is_null() {
            list |= inner["kind"] == "LIST";
            inner = &inner["ofType"];
        }
        let inner = text(&inner["name"]);
        let value = match (inner.as_str(), name.as_str()) {
            // A line to add is named by its id or its number, a target by one of its fields.
            (_, "appearanceId") if kind == "LineTarget" => continue,
            // A button to add is of one kind.
            (_, "busyLampField" | "callPark" | "serviceUrl") if kind == "ButtonInput" => continue,
            ("ExtraFieldInput" | "ServiceValueInput", _) => continue,
            ("SessionFilter" | "OrganizationScope", _) if kind == "SessionFilter" => continue,
            ("ID", "ids") => json!(ids["Session"]),
            ("ID", _) => json!(id_for(ids, mutation, &name)),
            (
                "AddLineInput"
                | "CopiedQuickAddGroupInput"
                | "NewProfileInput"
                | "LineTarget"
                | "ButtonInput"
                | "SpeedDialInput"
                | "SessionItemInput"
                | "SessionFilter"
                | "ServiceParameterInput"
                | "NewServiceSubscriptionInput"
                | "ServiceButtonInput",
                _,
            ) => input(types, ids, mutation, &inner),
            // An item of a bulk form is what the mutation of one takes.
            (item, "items") => {
                let one = item.trim_end_matches("Input");
                input(types, ids, &(one[..1].to_lowercase() + &one[1..]), item)
            }
            ("RightInput", _) => json!({"noun": "LINE", "actions": ["UPDATE"]}),
            ("ProfileFilter", _) => json!({"ids": [ids["Profile"]]}),
            ("SetProfileInput", _) => json!({"loginUserId": ids["User"]}),
            ("QuickAddServiceInput", _) => continue,
            ("PrimaryExtensionInput", _) => json!({"pattern": "4001"}),
            ("SoleProfiles", _) => json!("DELETE"),
            ("IfOccupied" | "OnActiveSession", _) => json!("FAIL"),
            ("ApplyPolicy", _) => json!("LEAVE"),
            _ if !needed => continue,
            (_, "policy") => json!("EACH"),
            (_, "kind") => json!("SITE"),
            (_, "protocol") => json!("SIP"),
            (_, "product") => json!("Cisco 8841"),
            (_, "pattern" | "patterns" | "number" | "first") => json!("4001"),
            (_, "to") => json!("RESERVED"),
            (_, "userId") => json!("anna"),
            (_, "expectedVersion" | "index" | "most") => json!(1),
            // A change that only the others see: the last one that the estate is made of.
            (_, "change") => json!(ids["Change"]),
            (_, "features") => json!("LINE"),
            (_, "label") => json!("Anna"),
            (_, "url") => json!("http://ours/"),
            (_, "partition" | "description" | "firstName" | "vendor" | "vendorVersion") => json!(""),
            ("Boolean", _) => json!(false),
            (_, "name") => json!("EM-ours"),
            (_, "lastName") => json!("Berg"),
            other => panic!("{mutation}: what is {other:?}?"),
        };
        made.insert(name, if list { json!([value]) } else { value });
    }
    Value::Object(made)
}

/// Two customers on clusters of their own and on one above both; the ids of one thing of each type of the north's,
/// and as many ids of nothing.
async fn neighbours(
    server: &Roamline,
) -> (Estate, BTreeMap<&'static str, String>, BTreeMap<&'static str, String>) {
    let (estate, admin) = (server.estate().await, server.admin());
    let own = json!({"organizationId": estate.north, "name": "own"});
    let own = text(&admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"]);
    let north = Estate { emea: own.clone(), ..estate.clone() };
    let profile = admin.profile(&north, &estate.berlin, "EM-ours", &["4001"]).await;
    let user = admin.user(&north, &estate.berlin, "anna").await;
    admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
    let phone = admin.phone(&north, &estate.berlin, "SEP-ours").await;
    let gateway = json!({"organizationId": estate.berlin, "clusterId": own, "name": "gw-ours"});
    let gateway = text(&admin.done("registerDevice", gateway, "device { id }").await["device"]["id"]);
    let line = text(&admin.data("{ lines { nodes { id } } }").await["lines"]["nodes"][0]["id"]);
    let dial = json!({"deviceId": profile, "button": {"speedDial": {"number": "4001", "label": "ours"}}});
    let dial = text(&admin.done("addButton", dial, "button { id }").await["button"]["id"]);
    let template = json!({
        "clusterId": own, "name": "ours", "product": "Cisco 8841", "protocol": "SIP", "features": ["LINE"],
    });
    let template = admin.done("createButtonTemplate", template, "template { id }").await;
    let template = text(&template["template"]["id"]);
    let fallback = json!({"clusterId": own, "product": "Cisco 8841", "protocol": "SIP"});
    let fallback = admin.done("createDefaultDeviceProfile", fallback, "defaultDeviceProfile { id }").await;
    let fallback = text(&fallback["defaultDeviceProfile"]["id"]);
    let session = admin.done("login", json!({"userId": user, "phoneId": phone}), "session { id }").await;
    let group =
        json!({"organizationId": estate.berlin, "clusterId": own, "name": "ours", "product": "Cisco 8841"});
    let group = text(&admin.done("createQuickAddGroup", group, "group { id }").await["group"]["id"]);
    let service = json!({"clusterId": own, "name": "ours", "url": "http://ours/", "parameters": [{"name": "EM-ours", "default": "1"}]});
    let service = text(&admin.done("createService", service, "service { id }").await["service"]["id"]);
    let subscription = json!({"deviceId": profile, "serviceId": service});
    let subscription = admin.done("subscribeService", subscription, "subscription { id }").await;
    let subscription = text(&subscription["subscription"]["id"]);
    let number = json!({"organizationId": estate.berlin, "clusterId": own, "first": "4001"});
    let number = admin.done("createNumbers", number, "outcomes { number { id } }").await;
    let starter = server.somebody(Role::Admin, &estate.north).await;
    let job = starter.done("startImport", json!({"noun": "users"}), "job { id }").await;
    let role = json!({"organizationId": estate.berlin, "name": "EM-ours", "rights": []});
    let role = admin.done("createRole", role, "role { id }").await;
    // Of a token of the north's.
    starter.data("{ me { name } }").await;
    server.app.flush_audit().await;
    let audit = starter.data("{ auditEntries(first: 1) { nodes { id } } }").await;
    let ours = BTreeMap::from([
        ("AuditEntry", text(&audit["auditEntries"]["nodes"][0]["id"])),
        ("Job", text(&job["job"]["id"])),
        ("ComposedRole", text(&role["role"]["id"])),
        ("Number", text(&number["outcomes"][0]["number"]["id"])),
        ("LineAppearance", admin.appearances(&profile).await.remove(0)),
        ("Organization", estate.berlin.clone()),
        ("Cluster", own),
        ("Profile", profile),
        ("User", user),
        ("QuickAddGroup", group),
        ("Phone", phone),
        ("Session", text(&session["session"]["id"])),
        ("DefaultDeviceProfile", fallback),
        ("OtherDevice", gateway),
        ("Line", line),
        ("Button", dial),
        ("Template", template),
        ("PhoneService", service),
        ("ServiceSubscription", subscription),
    ]);
    let ours = {
        let mut ours = ours;
        let newest = admin.data("{ service { newestCursor } }").await;
        ours.insert("Change", text(&newest["service"]["newestCursor"]));
        ours
    };
    let nothing = |name: &str| data_encoding::BASE64URL_NOPAD.encode(format!("{name}:987654").as_bytes());
    let mut none: BTreeMap<_, _> = ours.keys().map(|&name| (name, nothing(name))).collect();
    // A place is everybody's; what it is the place of is not.
    none.insert("Change", ours["Change"].clone());
    (estate, ours, none)
}

story! {
    /// ACC-7: whatever is done with a neighbour's ids is answered as if they were ids of nothing.
    async fn every_mutation_takes_a_neighbours_things_for_nothing(server) {
        let (_, ours, none) = neighbours(&server).await;
        let (admin, types) = (server.admin(), types(&server.admin()).await);
        let estate = admin.data(r#"{ organization(by: {path: "acme.south"}) { id } }"#).await;
        let south = server.somebody(Role::Admin, &text(&estate["organization"]["id"])).await;
        let before = admin.data("{ service { newestCursor } }").await;
        let mutations = types["Mutation"]["fields"].as_array().expect("mutations");
        for mutation in mutations {
            let name = text(&mutation["name"]);
            // It names nothing that could be a neighbour's.
            if name == "startImport" {
                continue;
            }
            let kind = name[..1].to_uppercase() + &name[1..] + "Input";
            let select = "errors { code message path rule currentVersion originalId } changes { kind } cursor";
            let document = format!("mutation($input: {kind}!) {{ {name}(input: $input) {{ {select} }} }}");
            let theirs = south.ask(&document, json!({"input": input(&types, &ours, &name, &kind)})).await;
            let nothing = south.ask(&document, json!({"input": input(&types, &none, &name, &kind)})).await;
            assert_eq!(theirs, nothing, "{name}");
            let codes: Vec<_> =
                theirs["data"][&name]["errors"].as_array().expect("errors").iter().map(|error| text(&error["code"])).collect();
            // What a filter finds of a neighbour's is nothing, and nothing is ended.
            let filtered = name == "logoutMany" && theirs["data"][&name]["changes"] == json!([]);
            // A filter finds nothing, which is no error.
            assert!(codes.contains(&"NOT_FOUND".to_owned()) || filtered || name == "bulkUpdateProfiles", "{name}: {theirs}");
        }
        assert_eq!(mutations.len(), 104);
        assert_eq!(admin.data("{ service { newestCursor } }").await, before);
    }
}

story! {
    /// The same of every query, and of every filter by which a list might tell what it must not.
    async fn every_query_takes_a_neighbours_things_for_nothing(server) {
        let (estate, ours, none) = neighbours(&server).await;
        let (admin, types) = (server.admin(), types(&server.admin()).await);
        // What is the south's and yet touches the north's, on the cluster above both.
        let shared = admin.profile(&estate, &estate.berlin, "EM-north", &["5001"]).await;
        let profile = admin.profile(&estate, &estate.rome, "EM-south", &["5001"]).await;
        let line = json!({"organizationId": estate.rome, "clusterId": estate.emea, "pattern": "6001"});
        admin.done("createLine", line, "").await;
        admin.done("addLineToDevice", json!({"deviceId": shared, "pattern": "6001"}), "").await;
        let anna = admin.user(&estate, &estate.berlin, "north").await;
        let rosa = admin.user(&estate, &estate.rome, "south").await;
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [anna]}), "").await;
        admin.done("associateUsers", json!({"profileId": shared, "userIds": [rosa]}), "").await;
        admin.done("setDefaultProfile", json!({"userId": rosa, "profileId": shared}), "").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP-north").await;
        let theirs = admin.phone(&estate, &estate.rome, "SEP-south").await;
        admin.done("updateUser", json!({"id": rosa, "phoneIds": [phone]}), "").await;
        admin.done("updateUser", json!({"id": anna, "phoneIds": [theirs]}), "").await;
        admin.done("updatePhone", json!({"id": theirs, "logoutProfileId": shared}), "").await;
        admin.done("updatePhone", json!({"id": phone, "logoutProfileId": profile}), "").await;
        // Who is the south's on the north's phone, and the other way round.
        admin.done("login", json!({"userId": anna, "phoneId": theirs}), "").await;
        admin.done("login", json!({"userId": rosa, "phoneId": phone}), "").await;
        let lines = admin.data(r#"{ lines(filter: {pattern: {equals: "5001"}}) { nodes { id } } }"#).await;
        let more = BTreeMap::from([
            ("Profile", shared), ("User", anna), ("Phone", phone), ("Line", text(&lines["lines"]["nodes"][0]["id"])),
        ]);
        let south = server.somebody(Role::Admin, &estate.south).await;

        let count = "totalCount nodes { id }";
        let queries = [
            r#"node(id: "{Profile}") { id }"#.to_owned(),
            r#"nodes(ids: ["{Organization}", "{Cluster}", "{Profile}", "{User}", "{Phone}", "{Session}", "{DefaultDeviceProfile}", "{OtherDevice}", "{Line}", "{LineAppearance}", "{Button}", "{Template}", "{PhoneService}", "{ServiceSubscription}", "{Number}", "{QuickAddGroup}", "{Job}", "{ComposedRole}", "{AuditEntry}"]) { id }"#.to_owned(),
            r#"organization(by: {id: "{Organization}"}) { id }"#.to_owned(),
            r#"cluster(id: "{Cluster}") { id }"#.to_owned(),
            r#"profile(by: {id: "{Profile}"}) { id }"#.to_owned(),
            r#"profile(by: {name: {name: "EM-ours", clusterId: "{Cluster}"}}) { id }"#.to_owned(),
            r#"profileAt(id: "{Profile}", at: "{Change}") { id }"#.to_owned(),
            r#"profileDiff(id: "{Profile}", from: "{Change}") { fields { field } }"#.to_owned(),
            r#"deletePreview(id: "{Profile}") { blockedBy { code } changes { kind } }"#.to_owned(),
            r#"deletePreview(id: "{Phone}") { blockedBy { code } changes { kind } }"#.to_owned(),
            r#"deletePreview(id: "{Line}") { blockedBy { code } changes { kind } }"#.to_owned(),
            r#"deletePreview(id: "{User}") { blockedBy { code } changes { kind } }"#.to_owned(),
            r#"phone(by: {id: "{Phone}"}) { id }"#.to_owned(),
            r#"phone(by: {name: {name: "SEP-ours", clusterId: "{Cluster}"}}) { id }"#.to_owned(),
            r#"line(by: {id: "{Line}"}) { id }"#.to_owned(),
            r#"line(by: {number: {pattern: "4001", clusterId: "{Cluster}"}}) { id }"#.to_owned(),
            r#"user(by: {id: "{User}"}) { id }"#.to_owned(),
            r#"user(by: {userId: {userId: "anna", clusterId: "{Cluster}"}}) { id }"#.to_owned(),
            r#"nameAvailability(name: "EM-ours", clusterId: "{Cluster}") { available takenBy reason suggestions }"#.to_owned(),
            r#"previewLineChange(line: {lineId: "{Line}"}) { appearances { id } users { id } }"#.to_owned(),
            r#"previewLineChange(line: {appearanceId: "{LineAppearance}"}) { appearances { id } }"#.to_owned(),
            format!(r#"organizations(filter: {{or: [{{parents: ["{{Organization}}"]}}, {{organization: {{ids: ["{{Organization}}"]}}}}]}}) {{ {count} }}"#),
            format!(r#"clusters(filter: {{ids: ["{{Cluster}}"]}}) {{ {count} }}"#),
            format!(r#"otherDevices(filter: {{clusters: ["{{Cluster}}"]}}) {{ {count} }}"#),
            format!(r#"profiles(filter: {{users: ["{{User}}"]}}) {{ {count} }}"#),
            format!(r#"profiles(filter: {{lines: ["{{Line}}"]}}) {{ {count} }}"#),
            format!(r#"profiles(filter: {{not: {{organization: {{ids: ["{{Organization}}"]}}}}}}) {{ {count} }}"#),
            format!(r#"lines(filter: {{devices: ["{{Profile}}"]}}) {{ {count} }}"#),
            format!(r#"lines(filter: {{users: ["{{User}}"]}}) {{ {count} }}"#),
            format!(r#"clones(filter: {{lines: ["{{Line}}"]}}) {{ {count} }}"#),
            format!(r#"appearances(filter: {{or: [{{lines: ["{{Line}}"]}}, {{devices: ["{{Profile}}"]}}, {{ids: ["{{LineAppearance}}"]}}]}}) {{ {count} }}"#),
            format!(r#"users(filter: {{profiles: ["{{Profile}}"]}}) {{ {count} }}"#),
            format!(r#"users(filter: {{phones: ["{{Phone}}"]}}) {{ {count} }}"#),
            format!(r#"users(filter: {{lines: ["{{Line}}"]}}) {{ {count} }}"#),
            format!(r#"phones(filter: {{users: ["{{User}}"]}}) {{ {count} }}"#),
            format!(r#"phones(filter: {{logoutProfiles: ["{{Profile}}"]}}) {{ {count} }}"#),
            format!(r#"sessions(filter: {{or: [{{ids: ["{{Session}}"]}}, {{phones: ["{{Phone}}"]}}, {{users: ["{{User}}"]}}]}}) {{ {count} }}"#),
            format!(r#"sessions(filter: {{or: [{{profiles: ["{{Profile}}"]}}, {{clusters: ["{{Cluster}}"]}}, {{organization: {{ids: ["{{Organization}}"]}}}}]}}) {{ {count} }}"#),
            r#"sessionSnapshot(filter: {phones: ["{Phone}"]}) { items { phoneId } more endCursor }"#.to_owned(),
            format!(r#"defaultDeviceProfiles(filter: {{or: [{{ids: ["{{DefaultDeviceProfile}}"]}}, {{clusters: ["{{Cluster}}"]}}]}}) {{ {count} }}"#),
            format!(r#"buttons(filter: {{devices: ["{{Profile}}"]}}) {{ {count} }}"#),
            format!(r#"buttonTemplates(filter: {{or: [{{ids: ["{{Template}}"]}}, {{clusters: ["{{Cluster}}"]}}]}}) {{ {count} }}"#),
            format!(r#"quickAddGroups(filter: {{or: [{{ids: ["{{QuickAddGroup}}"]}}, {{clusters: ["{{Cluster}}"]}}, {{organization: {{ids: ["{{Organization}}"]}}}}]}}) {{ {count} }}"#),
            format!(r#"softkeyTemplates(filter: {{clusters: ["{{Cluster}}"]}}) {{ {count} }}"#),
            r#"phoneService(id: "{PhoneService}") { id }"#.to_owned(),
            format!(r#"services(filter: {{or: [{{ids: ["{{PhoneService}}"]}}, {{clusters: ["{{Cluster}}"]}}]}}) {{ {count} }}"#),
            format!(r#"serviceSubscriptions(filter: {{or: [{{ids: ["{{ServiceSubscription}}"]}}, {{services: ["{{PhoneService}}"]}}, {{devices: ["{{Profile}}"]}}]}}) {{ {count} }}"#),
            format!(r#"profiles(filter: {{services: ["{{PhoneService}}"]}}) {{ {count} }}"#),
            format!(r#"buttons(filter: {{ids: ["{{Button}}"]}}) {{ {count} }}"#),
            format!(r#"buttons(filter: {{or: [{{clusters: ["{{Cluster}}"]}}, {{organization: {{ids: ["{{Organization}}"]}}}}]}}) {{ {count} }}"#),
            r#"changes(filter: {organizations: ["{Organization}"], profiles: ["{Profile}"]}) { totalCount nodes { cursor } }"#.to_owned(),
            r#"search(text: "{Profile}") { id }"#.to_owned(),
            r#"number(by: {id: "{Number}"}) { id }"#.to_owned(),
            r#"number(by: {number: {pattern: "4001", clusterId: "{Cluster}"}}) { id }"#.to_owned(),
            r#"job(id: "{Job}") { id }"#.to_owned(),
            format!(r#"jobs(filter: {{or: [{{ids: ["{{Job}}"]}}, {{organization: {{ids: ["{{Organization}}"]}}}}]}}) {{ {count} }}"#),
            r#"numberAudit(organizationId: "{Organization}") { differences { pattern } }"#.to_owned(),
            format!(r#"roles(filter: {{or: [{{ids: ["{{ComposedRole}}"]}}, {{organization: {{ids: ["{{Organization}}"]}}}}]}}) {{ {count} }}"#),
            format!(r#"auditEntries(filter: {{or: [{{ids: ["{{AuditEntry}}"]}}, {{organization: {{ids: ["{{Organization}}"]}}}}, {{subjects: ["{{Phone}}", "{{User}}", "{{Session}}"]}}]}}) {{ {count} }}"#),
            format!(r#"numbers(filter: {{ids: ["{{Number}}"]}}) {{ {count} }}"#),
            format!(r#"numbers(filter: {{organization: {{ids: ["{{Organization}}"]}}}}) {{ {count} }}"#),
        ];
        let with = |query: &str, ids: &BTreeMap<&'static str, String>| {
            let named = ids.iter().fold(query.to_owned(), |query, (name, id)| query.replace(&format!("{{{name}}}"), id));
            format!("{{ {named} }}")
        };
        let mut asked = BTreeSet::new();
        for query in &queries {
            asked.insert(query.split('(').next().unwrap_or_default().to_owned());
            let nothing = south.ask(&with(query, &none), json!({})).await;
            assert!(nothing["errors"].is_null(), "{query}: {nothing}");
            for ids in [&ours, &ours.iter().map(|(name, id)| (*name, more.get(name).unwrap_or(id).clone())).collect()] {
                assert_eq!(south.ask(&with(query, ids), json!({})).await, nothing, "{query}");
            }
        }
        let fields = types["Query"]["fields"].as_array().expect("queries").iter();
        let fields: BTreeSet<_> =
            fields.filter(|field| field["args"] != json!([])).map(|field| text(&field["name"])).collect();
        assert_eq!(asked, fields);
        // What is only the neighbour's is not there to be counted either.
        for (list, filter) in [
            ("profiles", "hasUsers: true"),
            ("profiles", "isLogoutProfile: true"),
            ("lines", "isAssigned: true"),
            ("lines", "hasClones: true"),
            ("users", "hasProfiles: true"),
            ("users", "hasDefaultProfile: true"),
            ("users", "loggedIn: true"),
        ] {
            let data = south.data(&format!("{{ {list}(filter: {{{filter}}}) {{ totalCount }} }}")).await;
            assert_eq!(data[list]["totalCount"], 0, "{list} {filter}");
        }
        let seen = south
            .data("{ profiles { nodes { users { totalCount } logoutPhones { totalCount } } } users { nodes { defaultProfile { id } phones { totalCount } profiles { totalCount } } } phones { nodes { logoutProfile { id } users { totalCount } } } }")
            .await;
        assert_eq!(
            seen,
            json!({
                "profiles": {"nodes": [{"users": {"totalCount": 0}, "logoutPhones": {"totalCount": 0}}]},
                "users": {"nodes": [{"defaultProfile": null, "phones": {"totalCount": 0}, "profiles": {"totalCount": 0}}]},
                "phones": {"nodes": [{"logoutProfile": null, "users": {"totalCount": 0}}]},
            })
        );
    }
}

story! {
    /// The stream tells a neighbour of nothing but what is the neighbour's own.
    async fn a_neighbour_hears_nothing_of_ours(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let south = server.somebody(Role::Viewer, &estate.south).await;
        let mut feed = south.follow_on("change { kind }").await;
        admin.profile(&estate, &estate.berlin, "EM-ours", &["4001"]).await;
        admin.done("updateCluster", json!({"id": estate.emea, "release": "14"}), "").await;
        admin.profile(&estate, &estate.rome, "EM-theirs", &[]).await;
        assert_eq!(feed.next().await["change"]["kind"], "PROFILE_CREATED");
        let mut again = south.follow(r#"(after: "s0")"#, "change { kind node { id } }").await;
        let kinds: Vec<_> = again.take(3).await.iter().map(|event| text(&event["change"]["kind"])).collect();
        assert_eq!(kinds, ["ORGANIZATION_CREATED", "ORGANIZATION_CREATED", "PROFILE_CREATED"]);
    }
}
