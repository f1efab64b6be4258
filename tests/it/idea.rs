//! The test ideas of the field's rule book, each with the stories that tell it; a test looks that they are there. What no
//! story of a noun told to the letter is told here.

use std::{fs, path::Path, time::Duration};

use entity::token::Role;
use roamline::command::number::release_due;
use serde_json::json;

use crate::{roamline::text, story};

/// The ideas by the rules that they follow from, in their order, each with the file and the name of its tests.
const IDEAS: &[(&str, &str, &[&str])] = &[
    (
        "NAM-2/7",
        "a profile does not take the name of a phone in other case",
        &["device whatever_comes_second_is_refused", "store of_two_writers_who_race_for_a_name_one_wins"],
    ),
    (
        "CLN-3/4/6",
        "through a clone refused, through the original seen on all, the oldest clone promoted",
        &[
            "line a_line_is_changed_through_its_original_and_every_clone_follows",
            "line the_oldest_clone_is_promoted_and_the_stream_says_so",
        ],
    ),
    (
        "FLT-1",
        "of two users the filter lists the first one's numbers, and follows a new order",
        &["number the_picker_offers_what_its_filter_says"],
    ),
    (
        "RSV-3/4",
        "reserved for somebody who is gone: available, and for nobody else until it is cleared",
        &["number a_number_reserved_for_somebody_goes_to_nobody_else"],
    ),
    (
        "INV-9/10",
        "the last line goes with cooling on: cooling until its date, then available",
        &[
            "idea a_line_that_is_taken_off_last_cools_its_number",
            "number a_freed_number_cools_as_its_organization_says",
        ],
    ),
    (
        "SVC-15",
        "a renamed parameter makes subscriptions stale; a second resync does nothing",
        &["service stale_subscriptions_are_brought_up_to_date_once"],
    ),
    (
        "DEL-1/3",
        "a deletion takes buttons and subscriptions along; lines stay; associations and the default go",
        &[
            "profile a_deleted_profile_leaves_its_lines_and_clears_what_points_at_it",
            "button buttons_are_copied_and_go_with_their_device",
            "service subscriptions_come_and_go_with_their_device",
        ],
    ),
    (
        "USR-14",
        "a user of a shared profile goes: it stays, and the order closes up",
        &[
            "user whoever_deletes_a_user_decides_about_profiles_that_nobody_else_uses",
            "idea the_order_of_users_closes_up",
        ],
    ),
    (
        "SES-2",
        "three policies, three situations, with and without force",
        &[
            "session policies_and_force_decide_about_a_second_login",
            "session of_two_logins_that_race_one_wins",
        ],
    ),
    (
        "LIN-12, SPD-1/3/4, BLF-1",
        "values at their boundaries: 199 and 200 speed dials, a trigger of all calls and of one more",
        &[
            "line calls_fit_the_line_and_the_device",
            "button lists_are_replaced_whole_at_the_version_that_was_seen",
            "button a_button_keeps_the_rules_of_its_kind",
        ],
    ),
    (
        "LIN-21",
        "of two writers with one version one wins, and no line is lost",
        &["store of_two_writers_with_one_version_one_wins"],
    ),
    (
        "HIE-2/ACC-7",
        "whoever keeps a site sees, counts and infers nothing of another one",
        &[
            "idea whoever_keeps_a_site_infers_nothing_of_another",
            "access a_neighbour_sees_counts_and_names_nothing_of_ours",
            "device a_hidden_owner_is_not_named",
        ],
    ),
];

/// Every idea has its stories.
#[test]
fn every_idea_is_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    for (rules, idea, tests) in IDEAS {
        assert!(!tests.is_empty() && !idea.is_empty(), "{rules}");
        for test in *tests {
            let (file, name) = test.split_once(' ').expect("a file and a test");
            let source = fs::read_to_string(folder.join(format!("{file}.rs"))).expect("a source");
            assert!(source.contains(&format!("fn {name}(")), "{rules}: {test}");
        }
    }
}

story! {
    /// INV-9, INV-10: the last line of an extension mobility profile goes, its number cools until its date, the clock passes,
    /// and it is available.
    async fn a_line_that_is_taken_off_last_cools_its_number(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.done("updateOrganization", json!({"id": estate.north, "coolingDays": 7}), "").await;
        let numbers = json!({"organizationId": estate.berlin, "clusterId": estate.emea, "first": "4001"});
        admin.done("createNumbers", numbers, "").await;
        let first = admin.profile(&estate, &estate.berlin, "EM-1", &["4001"]).await;
        let second = admin.profile(&estate, &estate.berlin, "EM-2", &["4001"]).await;
        let state = async || {
            let data = admin.data("{ numbers { nodes { status usage coolingUntil } } }").await;
            data["numbers"]["nodes"][0].clone()
        };
        let used = json!({"status": "USED", "usage": ["DEVICE"], "coolingUntil": null});
        for (profile, want) in [
            (first, used),
            (second, json!({"status": "COOLING", "usage": [], "coolingUntil": "2026-01-08T00:00:00+00:00"})),
        ] {
            let appearance = admin.appearances(&profile).await.remove(0);
            admin.done("removeLineFromDevice", json!({"appearanceId": appearance}), "").await;
            assert_eq!(state().await, want);
        }
        server.pass(Duration::from_hours(24 * 7));
        assert_eq!(release_due(&server.app).await.expect("a look"), 1);
        assert_eq!(state().await, json!({"status": "AVAILABLE", "usage": [], "coolingUntil": null}));
    }
}

story! {
    /// USR-14, FLT-1: the first user of a shared profile is deleted; the profile stays and the next one is first, with the
    /// numbers that the filter lists.
    async fn the_order_of_users_closes_up(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let shared = admin.profile(&estate, &estate.berlin, "EM-shared", &[]).await;
        let mut users = Vec::new();
        for (name, pattern) in [("anna", "4001"), ("ben", "4002"), ("carl", "4003")] {
            let user = admin.user(&estate, &estate.berlin, name).await;
            let numbers = json!({
                "organizationId": estate.berlin, "clusterId": estate.emea, "first": pattern, "reservedFor": name,
            });
            admin.done("createNumbers", numbers, "").await;
            users.push(user);
        }
        admin.done("associateUsers", json!({"profileId": shared, "userIds": users}), "").await;
        let query = format!(
            r#"{{ profile(by: {{id: "{shared}"}}) {{ users {{ nodes {{ userId }} }}
                selectableNumbers(filter: {{choice: BELONGING_TO_FIRST_USER}}) {{ nodes {{ number {{ pattern }} }} }} }} }}"#
        );
        for (name, number, user) in [("anna", "4001", &users[0]), ("ben", "4002", &users[1])] {
            let seen = admin.data(&query).await;
            assert_eq!(seen["profile"]["users"]["nodes"][0]["userId"], name);
            let listed = json!([{"number": {"pattern": number}}]);
            assert_eq!(seen["profile"]["selectableNumbers"]["nodes"], listed);
            let left = admin.done("deleteUser", json!({"id": user}), "profilesLeft { name } deletedProfiles { name }").await;
            assert_eq!((&left["profilesLeft"], &left["deletedProfiles"]), (&json!([{"name": "EM-shared"}]), &json!([])));
        }
        let last = admin.data(&query).await;
        assert_eq!(last["profile"]["users"]["nodes"], json!([{"userId": "carl"}]));
    }
}

story! {
    /// HIE-2, ACC-7: an administrator of one site sees, counts and infers nothing of the site beside it below one customer.
    async fn whoever_keeps_a_site_infers_nothing_of_another(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        admin.profile(&estate, &estate.paris, "EM-paris", &["4001"]).await;
        let paris = admin.profile(&estate, &estate.paris, "EM-other", &["4001", "4002"]).await;
        let user = admin.user(&estate, &estate.paris, "paul").await;
        admin.done("associateUsers", json!({"profileId": paris, "userIds": [user]}), "").await;
        let own = admin.profile(&estate, &estate.berlin, "EM-berlin", &["4001"]).await;
        let berlin = server.somebody(Role::Admin, &estate.berlin).await;
        let seen = berlin
            .data(
                r#"{ profiles { totalCount nodes { name } } lines { totalCount } users { totalCount }
                    organizations { nodes { path } } search(text: "paris") { id }
                    named: profiles(filter: {name: {startsWith: "EM-p"}}) { totalCount } }"#,
            )
            .await;
        assert_eq!(
            seen,
            json!({
                "profiles": {"totalCount": 1, "nodes": [{"name": "EM-berlin"}]}, "lines": {"totalCount": 0},
                "users": {"totalCount": 0}, "organizations": {"nodes": [{"path": "acme.north.berlin"}]}, "search": [],
                "named": {"totalCount": 0},
            })
        );
        for id in [&paris, &"UHJvZmlsZTo5OTk5OTk".to_owned()] {
            let told = berlin.data(&format!(r#"{{ node(id: "{id}") {{ id }} profile(by: {{id: "{id}"}}) {{ id }} }}"#)).await;
            assert_eq!(told, json!({"node": null, "profile": null}));
            assert_eq!(berlin.refused("deleteProfile", json!({"id": id})).await, ["NOT_FOUND at id"]);
        }
        let clash = json!({
            "organizationId": estate.berlin, "clusterId": estate.emea, "name": "em-PARIS", "product": "Cisco 8841", "protocol": "SIP",
        });
        let told = berlin.mutate("createProfile", clash, "").await;
        assert_eq!(text(&told["errors"][0]["code"]), "NAME_TAKEN", "whose it is, is not said");
        let with = json!({"profileId": own, "userIds": [user]});
        assert_eq!(berlin.refused("associateUsers", with).await, ["NOT_FOUND at userIds.0"]);
    }
}
