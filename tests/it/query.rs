//! Stories of lists: pages, filters, orders, and what cannot be read.

use serde_json::{Value, json};

use crate::{
    roamline::{Client, text},
    story,
};

async fn names(client: &Client, arguments: &str) -> Vec<String> {
    let data = client.data(&format!("{{ profiles{arguments} {{ nodes {{ name }} }} }}")).await;
    data["profiles"]["nodes"].as_array().expect("profiles").iter().map(|node| text(&node["name"])).collect()
}

story! {
    /// Pages survive what comes and goes between them, forwards and backwards.
    async fn pages_go_on_where_they_ended(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        for name in ["EM-a", "EM-c", "EM-e", "EM-g"] {
            admin.profile(&estate, &estate.berlin, name, &[]).await;
        }
        let page = async |arguments: &str| -> Value {
            let query = format!(
                "{{ profiles({arguments}) {{ nodes {{ name }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"
            );
            admin.data(&query).await["profiles"].clone()
        };
        let first = page("first: 2").await;
        assert_eq!(first["nodes"], json!([{"name": "EM-a"}, {"name": "EM-c"}]));
        assert_eq!(first["pageInfo"]["hasNextPage"], true);
        // One comes into the page that was read, one into the page to come.
        admin.profile(&estate, &estate.berlin, "EM-b", &[]).await;
        admin.profile(&estate, &estate.berlin, "EM-d", &[]).await;
        let second = page(&format!("first: 2, after: {}", first["pageInfo"]["endCursor"])).await;
        assert_eq!(second["nodes"], json!([{"name": "EM-d"}, {"name": "EM-e"}]));
        let back = page(&format!("last: 2, before: {}", second["pageInfo"]["startCursor"])).await;
        assert_eq!(back["nodes"], json!([{"name": "EM-b"}, {"name": "EM-c"}]));
        assert_eq!(back["pageInfo"]["hasPreviousPage"], true);
        let other = format!("first: 1, orderBy: {{field: CREATED_AT}}, after: {}", first["pageInfo"]["endCursor"]);
        for bad in ["first: 1, last: 1", "first: 201", "first: -1", r#"after: "nonsense""#, other.as_str()] {
            let code = admin.code(&format!("{{ profiles({bad}) {{ totalCount }} }}")).await;
            assert_eq!(code, "BAD_USER_INPUT", "{bad}");
        }
    }
}

story! {
    async fn filters_are_combined_and_orders_turned(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let first = admin.profile(&estate, &estate.berlin, "EM-Anna", &["4001", "4002"]).await;
        admin.profile(&estate, &estate.paris, "EM-Ben", &["4001"]).await;
        admin.profile(&estate, &estate.rome, "EM_x", &[]).await;
        let anna = admin.user(&estate, &estate.berlin, "anna").await;
        admin.done("associateUsers", json!({"profileId": first, "userIds": [anna]}), "").await;
        for (filter, wanted) in [
            (r#"{name: {contains: "ANN"}}"#.to_owned(), vec!["EM-Anna"]),
            (r#"{name: {contains: "_x"}}"#.to_owned(), vec!["EM_x"]),
            (r#"{name: {startsWith: "em-b"}}"#.to_owned(), vec!["EM-Ben"]),
            (r#"{name: {in: ["em-ben", "EM-ANNA"]}}"#.to_owned(), vec!["EM-Anna", "EM-Ben"]),
            ("{hasUsers: false}".to_owned(), vec!["EM-Ben", "EM_x"]),
            ("{hasClones: true}".to_owned(), vec!["EM-Ben"]),
            ("{hasLines: false}".to_owned(), vec!["EM_x"]),
            (format!(r#"{{users: ["{anna}"]}}"#), vec!["EM-Anna"]),
            (format!(r#"{{organization: {{ids: ["{}"]}}}}"#, estate.north), vec!["EM-Anna", "EM-Ben"]),
            (format!(r#"{{organization: {{ids: ["{}"], includeBelow: false}}}}"#, estate.north), vec![]),
            ("{not: {hasLines: true}}".to_owned(), vec!["EM_x"]),
            (
                r#"{or: [{hasClones: true}, {name: {equals: "em-anna"}}], not: {hasUsers: true}}"#.to_owned(),
                vec!["EM-Ben"],
            ),
            ("{or: []}".to_owned(), vec![]),
            ("{protocols: [SCCP]}".to_owned(), vec![]),
        ] {
            let got = names(&admin, &format!("(filter: {filter})")).await;
            assert_eq!(got, wanted, "{filter}");
        }
        assert_eq!(names(&admin, "(orderBy: {direction: DESCENDING}, first: 1)").await, ["EM_x"]);
    }
}
