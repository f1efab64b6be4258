//! Stories of logging in and out, of what phones show meanwhile, and of default device profiles.

use std::time::Duration;

use entity::token::Role;
use roamline::command::session::expire_due;
use serde_json::{Value, json};

use crate::{
    roamline::{Client, Estate, Roamline, text},
    story,
};

const MINUTE: Duration = Duration::from_mins(1);

/// A user with a profile of the 8841 that has a line; answers both ids.
async fn roamer(admin: &Client, estate: &Estate, user_id: &str, number: &str) -> (String, String) {
    let user = admin.user(estate, &estate.berlin, user_id).await;
    let profile = admin.profile(estate, &estate.berlin, &format!("EM-{user_id}"), &[number]).await;
    admin.done("associateUsers", json!({"profileId": profile, "userIds": [user]}), "").await;
    (user, profile)
}

/// A phone of a product on which people may log in.
async fn phone_of(admin: &Client, estate: &Estate, site: &str, name: &str, product: &str) -> String {
    let input = json!({
        "organizationId": site, "clusterId": estate.emea, "name": name, "product": product, "protocol": "SIP",
        "extensionMobility": true,
    });
    text(&admin.done("createPhone", input, "phone { id }").await["phone"]["id"])
}

/// Logs in; answers the session's id.
async fn log_in(client: &Client, user: &str, phone: &str) -> String {
    let input = json!({"userId": user, "phoneId": phone});
    text(&client.done("login", input, "session { id }").await["session"]["id"])
}

/// Lets the cluster say what happens at a second login, and how long logins last.
async fn allow(admin: &Client, estate: &Estate, policy: &str, minutes: Value) {
    let input = json!({"id": estate.emea, "multipleLogin": policy, "maxLoginMinutes": minutes});
    admin.done("updateCluster", input, "").await;
}

/// Who is logged in where, as `user on phone`.
async fn sessions(client: &Client) -> Vec<String> {
    let data = client.data("{ sessions { nodes { user { userId } phone { name } } } }").await;
    let nodes = data["sessions"]["nodes"].as_array().expect("sessions").clone();
    let told =
        |node: &Value| format!("{} on {}", text(&node["user"]["userId"]), text(&node["phone"]["name"]));
    let mut all: Vec<_> = nodes.iter().map(told).collect();
    all.sort();
    all
}

/// The broken rules with the codes of Unified CM.
async fn codes(client: &Client, mutation: &str, input: Value) -> Vec<(String, Value)> {
    let kind = mutation[..1].to_uppercase() + &mutation[1..];
    let query = format!(
        "mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ errors {{ code ciscoCode }} }} }}"
    );
    let answer = client.ask(&query, json!({"input": input})).await;
    let errors = answer["data"][mutation]["errors"].as_array().expect("errors").clone();
    errors.iter().map(|error| (text(&error["code"]), error["ciscoCode"].clone())).collect()
}

story! {
    /// BLF-6: The point of it all: a user logs in on a phone elsewhere, the phone shows the profile, and its own again afterwards.
    async fn a_user_logs_in_elsewhere_and_the_phone_becomes_theirs(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, profile) = roamer(&admin, &estate, "anna", "4001").await;
        let logout = admin.profile(&estate, &estate.paris, "LOGOUT", &["4900"]).await;
        let phone = admin.phone(&estate, &estate.paris, "SEP1").await;
        let shown = async || {
            let query = format!(
                r#"{{ phone(by: {{id: "{phone}"}}) {{ session {{ user {{ userId }} }} effectiveProfile {{
                    shownBy modelMismatch buttonTemplate softkeyTemplate profile {{ name }} session {{ profile {{ name }} }}
                    settings {{ userLocale }} lines {{ index label line {{ pattern }} settings {{ maxCalls }} }}
                    speedDials {{ totalCount }} layout {{ keys {{ line {{ line {{ pattern }} }} }} }}
                }} }} }}"#
            );
            admin.data(&query).await["phone"].take()
        };
        let bare = shown().await;
        assert_eq!(bare["session"], json!(null));
        assert_eq!(
            (&bare["effectiveProfile"]["shownBy"], &bare["effectiveProfile"]["lines"]),
            (&json!("PHONE"), &json!([]))
        );
        assert_eq!(bare["effectiveProfile"]["settings"], json!(null));
        admin.done("updatePhone", json!({"id": phone, "logoutProfileId": logout}), "").await;
        let idle = shown().await;
        assert_eq!(idle["effectiveProfile"]["shownBy"], "LOGOUT_PROFILE");
        assert_eq!(idle["effectiveProfile"]["lines"][0]["line"]["pattern"], "4900");

        let dial = json!({"deviceId": profile, "button": {"speedDial": {"number": "1", "label": "one"}}});
        admin.done("addButton", dial, "").await;
        let german = json!({"id": profile, "settings": {"userLocale": "German"}});
        admin.done("updateProfile", german, "").await;
        let mut feed = admin.follow_on("change { kind node { id } ... on SessionStarted { phoneName user { userId } after { loggedInAt } } \
            ... on SessionEnded { why profile { name } } }").await;
        let select = "session { id loggedInAt expiresAt modelMismatch appliedProfileVersion buttonTemplate phone { name } user { userId } \
                      profile { name version } organization { path } cluster { name } defaultDeviceProfile { id } \
                      settings { userLocale } pendingRelogin { field } history { totalCount } } loggedOut { id }";
        let input = json!({"userId": anna, "phoneId": phone, "reason": "at Paris today"});
        let done = admin.done("login", input, select).await;
        let id = done["session"]["id"].clone();
        assert_eq!(
            done["session"],
            json!({
                "id": id, "loggedInAt": "2026-01-01T00:00:00+00:00", "expiresAt": null, "modelMismatch": false,
                "appliedProfileVersion": 5, "buttonTemplate": "Standard 8841 SIP", "phone": {"name": "SEP1"},
                "user": {"userId": "anna"}, "profile": {"name": "EM-anna", "version": 5},
                "organization": {"path": "acme.north.paris"}, "cluster": {"name": "emea"}, "defaultDeviceProfile": null,
                "settings": {"userLocale": "German"}, "pendingRelogin": [], "history": {"totalCount": 1},
            })
        );
        assert_eq!(done["loggedOut"], json!([]));
        assert_eq!(
            feed.next().await["change"],
            json!({
                "kind": "SESSION_STARTED", "node": {"id": id}, "phoneName": "SEP1", "user": {"userId": "anna"},
                "after": {"loggedInAt": "2026-01-01T00:00:00+00:00"},
            })
        );
        let busy = shown().await;
        assert_eq!(busy["session"]["user"]["userId"], "anna");
        let shows = &busy["effectiveProfile"];
        assert_eq!((&shows["shownBy"], &shows["profile"]["name"]), (&json!("SESSION"), &json!("EM-anna")));
        assert_eq!(shows["lines"], json!([{"index": 1, "label": null, "line": {"pattern": "4001"}, "settings": {"maxCalls": 4}}]));
        assert_eq!((&shows["settings"]["userLocale"], &shows["speedDials"]["totalCount"]), (&json!("German"), &json!(1)));
        assert_eq!(shows["layout"]["keys"][0]["line"]["line"]["pattern"], "4001");
        let where_to = admin
            .data(&format!(
                r#"{{ user(by: {{id: "{anna}"}}) {{ sessions {{ nodes {{ phone {{ name }} }} }} }}
                    profile(by: {{id: "{profile}"}}) {{ sessions {{ totalCount nodes {{ id }} }} }} }}"#
            ))
            .await;
        assert_eq!(where_to["user"]["sessions"]["nodes"], json!([{"phone": {"name": "SEP1"}}]));
        assert_eq!(where_to["profile"]["sessions"], json!({"totalCount": 1, "nodes": [{"id": id}]}));

        let done = admin.done("logout", json!({"phoneId": phone}), "loggedOut { id user { userId } }").await;
        assert_eq!(done["loggedOut"], json!({"id": id, "user": {"userId": "anna"}}));
        let event = feed.next().await;
        assert_eq!(
            event["change"],
            json!({"kind": "SESSION_ENDED", "node": null, "why": "ADMINISTRATOR", "profile": {"name": "EM-anna"}})
        );
        assert_eq!(shown().await["effectiveProfile"]["shownBy"], "LOGOUT_PROFILE");
    }
}

story! {
    /// SES-1, P16: every guard that does not hold is told at once, with the code that the help desk knows.
    async fn guards_are_told_at_once_with_the_codes_of_unified_cm(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, profile) = roamer(&admin, &estate, "anna", "4001").await;
        let (ben, bens) = roamer(&admin, &estate, "ben", "4002").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let off = admin.phone(&estate, &estate.berlin, "SEP2").await;
        admin.done("updatePhone", json!({"id": off, "extensionMobility": false}), "").await;
        let nobody = admin.user(&estate, &estate.berlin, "nobody").await;
        let orphan = admin.profile(&estate, &estate.berlin, "EM-orphan", &[]).await;
        log_in(&admin, &ben, &phone).await;
        for (input, want) in [
            (json!({"userId": "x", "phoneId": "x"}), json!([["NOT_FOUND", 11], ["NOT_FOUND", 23]])),
            (json!({"userId": anna, "profileId": "x", "phoneId": off}), json!([["EM_NOT_ENABLED_ON_PHONE", 22], ["NOT_FOUND", 12]])),
            (json!({"userId": anna, "phoneId": phone}), json!([["PHONE_OCCUPIED", 18]])),
            (json!({"userId": ben, "phoneId": off}), json!([["EM_NOT_ENABLED_ON_PHONE", 22], ["MULTI_LOGIN_NOT_ALLOWED", 25]])),
            (json!({"userId": anna, "profileId": bens, "phoneId": off}), json!([["EM_NOT_ENABLED_ON_PHONE", 22], ["PROFILE_NOT_ASSOCIATED_WITH_USER", 12]])),
            (json!({"userId": nobody, "phoneId": phone}), json!([["USER_HAS_NO_PROFILE", 205], ["PHONE_OCCUPIED", 18]])),
            (json!({"profileId": orphan, "phoneId": phone}), json!([["PROFILE_HAS_NO_USER", 23], ["PHONE_OCCUPIED", 18]])),
            (json!({"phoneId": phone}), json!([["VALUE_REQUIRED", null], ["PHONE_OCCUPIED", 18]])),
        ] {
            assert_eq!(json!(codes(&admin, "login", input.clone()).await), want, "{input}");
        }
        assert_eq!(json!(codes(&admin, "logout", json!({"phoneId": off})).await), json!([["NO_USER_LOGGED_IN", 19]]));
        assert_eq!(json!(codes(&admin, "logout", json!({"phoneId": "x"})).await), json!([["NOT_FOUND", 11]]));
        let input = json!({"userId": ben, "phoneIds": [phone, off, off]});
        assert_eq!(
            admin.refused("logoutUser", input).await,
            ["VALUE_REPEATED at phoneIds.2", "NO_USER_LOGGED_IN at phoneIds.1", "NO_USER_LOGGED_IN at phoneIds.2"]
        );
        assert_eq!(admin.refused("relogin", json!({"sessionId": "x"})).await, ["NOT_FOUND at sessionId"]);
        assert_eq!(
            admin.mutate("login", json!({"userId": anna, "phoneId": phone}), "").await["errors"][0]["message"],
            "SEP1 is in use by ben. Log out there first, or pass ifOccupied: FORCE."
        );
        // A profile alone takes its first user; nothing that was refused has changed anything.
        admin.done("logoutUser", json!({"userId": ben}), "").await;
        let done = admin.done("login", json!({"profileId": profile, "phoneId": phone}), "session { user { userId } }").await;
        assert_eq!(done["session"]["user"]["userId"], "anna");
        assert_eq!(sessions(&admin).await, ["anna on SEP1"]);
        let nothing = admin.done("logoutUser", json!({"userId": ben}), "loggedOut { id } changes { kind }").await;
        assert_eq!((&nothing["loggedOut"], &nothing["changes"]), (&json!([]), &json!([])));
    }
}

story! {
    /// SES-2, SES-3: the three policies, by a free phone, the same user elsewhere and another user on the phone, with and
    /// without force.
    async fn policies_and_force_decide_about_a_second_login(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, _) = roamer(&admin, &estate, "anna", "4001").await;
        let (ben, _) = roamer(&admin, &estate, "ben", "4002").await;
        let here = admin.phone(&estate, &estate.berlin, "HERE").await;
        let there = admin.phone(&estate, &estate.berlin, "THERE").await;
        let (here_only, both) = (json!(["anna on HERE"]), json!(["anna on HERE", "anna on THERE"]));
        let occupied = json!(["PHONE_OCCUPIED at phoneId"]);
        for (policy, situation, force, want) in [
            ("ALLOWED", "free", false, here_only.clone()),
            ("ALLOWED", "free", true, here_only.clone()),
            ("ALLOWED", "elsewhere", false, both.clone()),
            ("ALLOWED", "elsewhere", true, both.clone()),
            ("ALLOWED", "occupied", false, occupied.clone()),
            ("ALLOWED", "occupied", true, here_only.clone()),
            ("NOT_ALLOWED", "free", false, here_only.clone()),
            ("NOT_ALLOWED", "free", true, here_only.clone()),
            ("NOT_ALLOWED", "elsewhere", false, json!(["MULTI_LOGIN_NOT_ALLOWED at userId"])),
            ("NOT_ALLOWED", "elsewhere", true, json!(["MULTI_LOGIN_NOT_ALLOWED at userId"])),
            ("NOT_ALLOWED", "occupied", false, occupied.clone()),
            ("NOT_ALLOWED", "occupied", true, here_only.clone()),
            ("AUTO_LOGOUT", "free", false, here_only.clone()),
            ("AUTO_LOGOUT", "free", true, here_only.clone()),
            ("AUTO_LOGOUT", "elsewhere", false, here_only.clone()),
            ("AUTO_LOGOUT", "elsewhere", true, here_only.clone()),
            ("AUTO_LOGOUT", "occupied", false, occupied.clone()),
            ("AUTO_LOGOUT", "occupied", true, here_only.clone()),
        ] {
            let told = format!("{policy} {situation} {force}");
            allow(&admin, &estate, policy, json!(null)).await;
            match situation {
                "elsewhere" => drop(log_in(&admin, &anna, &there).await),
                "occupied" => drop(log_in(&admin, &ben, &here).await),
                _ => {}
            }
            let input = json!({"userId": anna, "phoneId": here, "ifOccupied": if force { "FORCE" } else { "FAIL" }});
            if want[0].as_str().is_some_and(|first| first.contains(" at ")) {
                assert_eq!(json!(admin.refused("login", input).await), want, "{told}");
            } else {
                admin.done("login", input, "").await;
                assert_eq!(json!(sessions(&admin).await), want, "{told}");
            }
            for user in [&anna, &ben] {
                admin.done("logoutUser", json!({"userId": user}), "").await;
            }
        }
        let ends = admin.data("{ changes(last: 200, filter: {kinds: [SESSION_ENDED]}) { nodes { change { ... on SessionEnded { why } } } } }").await;
        let whys: std::collections::BTreeSet<_> =
            ends["changes"]["nodes"].as_array().expect("changes").iter().map(|node| text(&node["change"]["why"])).collect();
        assert_eq!(whys.into_iter().collect::<Vec<_>>(), ["ADMINISTRATOR", "AUTO_LOGOUT", "FORCED"]);
        // The same user on the same phone again is in the way of nobody but the user.
        log_in(&admin, &anna, &here).await;
        let again = json!({"userId": anna, "phoneId": here});
        assert_eq!(admin.refused("login", again).await, ["PHONE_OCCUPIED at phoneId"]);
        let force = json!({"userId": anna, "phoneId": here, "ifOccupied": "FORCE"});
        allow(&admin, &estate, "NOT_ALLOWED", json!(null)).await;
        admin.done("login", force, "").await;
        assert_eq!(sessions(&admin).await, ["anna on HERE"]);
    }
}

story! {
    /// SES-3: of two logins that race for a phone one wins; SES-2: of two phones that race for a user likewise.
    async fn of_two_logins_that_race_one_wins(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, _) = roamer(&admin, &estate, "anna", "4001").await;
        let (ben, _) = roamer(&admin, &estate, "ben", "4002").await;
        let one = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let two = admin.phone(&estate, &estate.berlin, "SEP2").await;
        for (first, second, rule) in [
            ((&anna, &one), (&ben, &one), "PHONE_OCCUPIED"),
            ((&anna, &one), (&anna, &two), "MULTI_LOGIN_NOT_ALLOWED"),
        ] {
            for _ in 0..3 {
                let enter = async |(user, phone): (&String, &String)| {
                    admin.mutate("login", json!({"userId": user, "phoneId": phone}), "").await
                };
                let (a, b) = tokio::join!(enter(first), enter(second));
                let mut codes = [&a, &b].map(|payload| payload["errors"][0]["code"].as_str().unwrap_or("DONE").to_owned());
                codes.sort();
                assert_eq!(codes, ["DONE", rule]);
                assert_eq!(sessions(&admin).await.len(), 1);
                for user in [&anna, &ben] {
                    admin.done("logoutUser", json!({"userId": user}), "").await;
                }
            }
        }
    }
}

story! {
    /// SES-4, SES-5: a login lasts as long as is asked and allowed, and ends by the application's clock.
    async fn a_login_ends_at_its_time(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, _) = roamer(&admin, &estate, "anna", "4001").await;
        let (ben, _) = roamer(&admin, &estate, "ben", "4002").await;
        let one = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let two = admin.phone(&estate, &estate.berlin, "SEP2").await;
        allow(&admin, &estate, "NOT_ALLOWED", json!(60)).await;
        admin.done("updateUser", json!({"id": ben, "maxLoginMinutes": 0}), "").await;
        let too_long = json!({"userId": anna, "phoneId": one, "duration": {"minutes": 61}});
        assert_eq!(admin.refused("login", too_long).await, ["LOGIN_TOO_LONG at duration.minutes"]);
        let for_ever = json!({"userId": anna, "phoneId": one, "duration": {"indefinite": true}});
        assert_eq!(admin.refused("login", for_ever).await, ["LOGIN_TOO_LONG at duration.indefinite"]);
        let done = admin.done("login", json!({"userId": anna, "phoneId": one}), "session { expiresAt }").await;
        assert_eq!(done["session"]["expiresAt"], "2026-01-01T01:00:00+00:00");
        let for_ever = json!({"userId": ben, "phoneId": two, "duration": {"indefinite": true}});
        assert_eq!(admin.done("login", for_ever, "session { expiresAt }").await["session"]["expiresAt"], json!(null));

        server.pass(MINUTE * 59);
        assert_eq!(expire_due(&server.app).await.expect("ended"), 0);
        server.pass(MINUTE);
        let mut feed = admin.follow_on("by change { ... on SessionEnded { why phoneName } }").await;
        assert_eq!(expire_due(&server.app).await.expect("ended"), 1);
        assert_eq!(expire_due(&server.app).await.expect("ended"), 0);
        let event = feed.next().await;
        assert_eq!(event["by"], "sessions");
        assert_eq!(event["change"], json!({"why": "EXPIRED", "phoneName": "SEP1"}));
        assert_eq!(sessions(&admin).await, ["ben on SEP2"]);
        let own = json!({"userId": anna, "phoneId": one, "duration": {"minutes": 5}});
        admin.done("login", own, "").await;
        server.pass(MINUTE * 5);
        assert_eq!(expire_due(&server.app).await.expect("ended"), 1);
    }
}

/// Many nodes log out at once, and each session ends once.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_log_out_together_end_each_session_once() {
    let Some(server) = Roamline::postgres().await else { return };
    let (estate, admin) = (server.estate().await, server.admin());
    let (anna, _) = roamer(&admin, &estate, "anna", "4001").await;
    allow(&admin, &estate, "ALLOWED", json!(10)).await;
    for n in 0..30 {
        let phone = admin.phone(&estate, &estate.berlin, &format!("SEP{n}")).await;
        log_in(&admin, &anna, &phone).await;
    }
    let beside = server.beside().await;
    for node in [&server, &beside] {
        node.pass(MINUTE * 10);
    }
    let (one, two) = tokio::join!(expire_due(&server.app), expire_due(&beside.app));
    assert_eq!(one.expect("ended") + two.expect("ended"), 30);
    let changes = admin
        .data("{ changes(filter: {kinds: [SESSION_ENDED]}) { totalCount } sessions { totalCount } }")
        .await;
    assert_eq!(changes, json!({"changes": {"totalCount": 30}, "sessions": {"totalCount": 0}}));
    beside.close().await;
    server.close().await;
}

story! {
    /// SES-11, SVC-13, USR-6: on a phone of another model the default device profile gives what is device-wide, the profile the rest.
    async fn a_phone_of_another_model_takes_the_default_device_profile(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, profile) = roamer(&admin, &estate, "anna", "4001").await;
        let appearance = admin.appearances(&profile).await.remove(0);
        let settings = json!({"appearanceId": appearance, "settings": {"maxCalls": 9}});
        admin.done("changeLineSettings", settings, "").await;
        let label = json!({"appearanceId": appearance, "label": "Anna"});
        admin.done("updateAppearance", label, "").await;
        let german = json!({"id": profile, "settings": {"userLocale": "German", "privacy": "OFF"}});
        admin.done("updateProfile", german, "").await;
        let phone = phone_of(&admin, &estate, &estate.berlin, "SEP1", "Cisco 7841").await;
        let service = json!({"clusterId": estate.emea, "name": "Weather", "url": "http://weather/"});
        let service = admin.done("createService", service, "service { id }").await["service"]["id"].clone();
        admin.done("subscribeService", json!({"deviceId": profile, "serviceId": service}), "").await;
        let login = json!({"userId": anna, "phoneId": phone});
        assert_eq!(json!(codes(&admin, "login", login.clone()).await), json!([["DEFAULT_DEVICE_PROFILE_MISSING", 12]]));
        let nobody = admin.user(&estate, &estate.berlin, "nobody").await;
        let bare = json!({"userId": nobody, "phoneId": phone});
        assert_eq!(admin.refused("login", bare.clone()).await, ["USER_HAS_NO_PROFILE at userId"]);

        let make = json!({"clusterId": estate.emea, "product": "cisco 7841", "protocol": "SIP", "settings": {"privacy": "ON", "userLocale": "French"}});
        let made = admin.done("createDefaultDeviceProfile", make.clone(), "defaultDeviceProfile { id product buttonTemplate version }").await;
        let fallback = made["defaultDeviceProfile"]["id"].clone();
        assert_eq!(
            made["defaultDeviceProfile"],
            json!({"id": fallback, "product": "Cisco 7841", "buttonTemplate": "Standard 7841 SIP", "version": 1})
        );
        assert_eq!(admin.refused("createDefaultDeviceProfile", make).await, ["DEFAULT_DEVICE_PROFILE_TAKEN at product"]);
        let select = "session { id modelMismatch buttonTemplate settings { privacy userLocale } defaultDeviceProfile { product } \
                      pendingRelogin { field inSession inProfile } }";
        let done = admin.done("login", login, select).await;
        let session = done["session"]["id"].clone();
        assert_eq!(
            done["session"],
            json!({
                "id": session, "modelMismatch": true, "buttonTemplate": "Standard 7841 SIP",
                "settings": {"privacy": "ON", "userLocale": "German"}, "defaultDeviceProfile": {"product": "Cisco 7841"},
                "pendingRelogin": [],
            })
        );
        let shown = format!(
            r#"{{ phone(by: {{id: "{phone}"}}) {{ effectiveProfile {{ modelMismatch buttonTemplate
                lines {{ label line {{ pattern }} settings {{ maxCalls }} appearance {{ label }} }} layout {{ product template }}
                serviceSubscriptions {{ nodes {{ service {{ name }} }} }} }} }} }}"#
        );
        let shows = admin.data(&shown).await["phone"]["effectiveProfile"].clone();
        assert_eq!(
            shows,
            json!({
                "modelMismatch": true, "buttonTemplate": "Standard 7841 SIP",
                "lines": [{"label": null, "line": {"pattern": "4001"}, "settings": {"maxCalls": 4}, "appearance": {"label": "Anna"}}],
                "layout": {"product": "Cisco 7841", "template": "Standard 7841 SIP"},
                "serviceSubscriptions": {"nodes": [{"service": {"name": "Weather"}}]},
            })
        );
        let page = admin.data(&format!(
            r#"{{ user(by: {{id: "{anna}"}}) {{ extensionMobility {{ sessions {{ nodes {{ phone {{ name }} }} }} }} }} }}"#
        ));
        assert_eq!(page.await["user"]["extensionMobility"]["sessions"]["nodes"][0]["phone"]["name"], "SEP1");
        // What the default device profile says anew waits for the next login, as what the profile says does.
        let update = json!({"id": fallback, "expectedVersion": 1, "settings": {"privacy": "DEFAULT"}});
        admin.done("updateDefaultDeviceProfile", update.clone(), "").await;
        assert_eq!(admin.refused("updateDefaultDeviceProfile", update).await, ["VERSION_CONFLICT at expectedVersion"]);
        let pending = admin.data("{ sessions { nodes { pendingRelogin { field inSession inProfile } } } }").await;
        assert_eq!(
            pending["sessions"]["nodes"][0]["pendingRelogin"],
            json!([{"field": "settings.privacy", "inSession": "ON", "inProfile": "DEFAULT"}])
        );
        // It may go: the phone keeps its copy, and only a new login is refused.
        admin.done("deleteDefaultDeviceProfile", json!({"id": fallback}), "").await;
        let gone = admin.data("{ sessions { nodes { defaultDeviceProfile { id } pendingRelogin { field } } } }").await;
        assert_eq!(gone["sessions"]["nodes"][0], json!({"defaultDeviceProfile": null, "pendingRelogin": []}));
        assert_eq!(admin.refused("relogin", json!({"sessionId": session})).await, ["DEFAULT_DEVICE_PROFILE_MISSING at sessionId"]);

        admin.done("logout", json!({"phoneId": phone}), "").await;
        let make = json!({"clusterId": estate.emea, "product": "Cisco 7841", "protocol": "SIP"});
        admin.done("createDefaultDeviceProfile", make, "").await;
        let done = admin.done("login", bare, "session { modelMismatch profile { name } defaultDeviceProfile { product } }").await;
        assert_eq!(
            done["session"],
            json!({"modelMismatch": false, "profile": null, "defaultDeviceProfile": {"product": "Cisco 7841"}})
        );
        let shows = admin.data(&shown).await["phone"]["effectiveProfile"].clone();
        assert_eq!((&shows["lines"], &shows["modelMismatch"]), (&json!([]), &json!(false)));
        assert_eq!(admin.refused("deleteCluster", json!({"id": estate.emea})).await, ["CLUSTER_NOT_EMPTY at id"]);
    }
}

story! {
    /// SES-12, P1: what is changed of a profile in use is pending until the user logs in again. P18: what is changed of a line
    /// never touches a session.
    async fn changes_of_a_profile_are_pending_and_those_of_lines_are_not(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, profile) = roamer(&admin, &estate, "anna", "4001").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let session = log_in(&admin, &anna, &phone).await;
        let cursor = admin.data("{ service { newestCursor } }").await["service"]["newestCursor"].clone();
        let seen = async || {
            let data = admin.data("{ sessions { nodes { id loggedInAt appliedProfileVersion profile { version } pendingRelogin { field inSession inProfile } } } }").await;
            data["sessions"]["nodes"][0].clone()
        };
        let before = seen().await;
        let original = admin.appearances(&profile).await.remove(0);
        let forward = json!({"appearanceId": original, "lineSettings": {"forwardAll": {"destination": "4711"}}, "settings": {"maxCalls": 5}});
        admin.done("changeLineSettings", forward, "").await;
        assert_eq!(seen().await, before);
        let kinds = admin.data(&format!("{{ changes(since: {cursor}) {{ nodes {{ change {{ kind }} }} }} }}")).await;
        let kinds: Vec<_> = kinds["changes"]["nodes"].as_array().expect("changes").iter().map(|node| text(&node["change"]["kind"])).collect();
        assert_eq!(kinds, ["LINE_UPDATED", "APPEARANCE_SETTINGS_CHANGED"]);

        let update = json!({"id": profile, "buttonTemplate": "Sales", "settings": {"userLocale": "German", "dndStatus": true}});
        let done = admin.done("updateProfile", update, "loggedOut { id }").await;
        assert_eq!(done["loggedOut"], json!([]));
        let pending = json!([
            {"field": "buttonTemplate", "inSession": "Standard 8841 SIP", "inProfile": "Sales"},
            {"field": "settings.userLocale", "inSession": null, "inProfile": "German"},
        ]);
        assert_eq!(seen().await["pendingRelogin"], pending);
        server.pass(MINUTE);
        let dry = admin.done("relogin", json!({"sessionId": session, "dryRun": true}), "session { id } changes { kind }").await;
        assert_eq!(dry["session"], json!(null));
        assert_eq!(dry["changes"], json!([{"kind": "SESSION_ENDED"}, {"kind": "SESSION_STARTED"}]));
        assert_eq!(seen().await["pendingRelogin"], pending);
        let again = json!({"sessionId": session, "idempotencyKey": "once"});
        let done = admin.done("relogin", again.clone(), "session { id loggedInAt buttonTemplate pendingRelogin { field } } cursor").await;
        assert_eq!(
            (&done["session"]["buttonTemplate"], &done["session"]["pendingRelogin"], &done["session"]["loggedInAt"]),
            (&json!("Sales"), &json!([]), &json!("2026-01-01T00:01:00+00:00"))
        );
        assert_eq!(admin.done("relogin", again, "cursor").await["cursor"], done["cursor"]);
        assert_eq!(admin.refused("relogin", json!({"sessionId": session})).await, ["NOT_FOUND at sessionId"]);
    }
}

story! {
    /// 9.3: an update says what becomes of the phones that show the profile; those to which nothing would change stay.
    async fn an_update_may_log_out_or_in_again(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        allow(&admin, &estate, "ALLOWED", json!(null)).await;
        let (anna, profile) = roamer(&admin, &estate, "anna", "4001").await;
        let one = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let two = admin.phone(&estate, &estate.berlin, "SEP2").await;
        let input = json!({"userId": anna, "phoneId": one, "duration": {"minutes": 30}});
        admin.done("login", input, "").await;
        log_in(&admin, &anna, &two).await;
        let update = |more: Value| {
            let mut input = json!({"id": profile});
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            input
        };
        let select = "loggedOut { phone { name } } changes { kind }";
        let same = admin.done("updateProfile", update(json!({"description": "x", "applyPolicy": "LOGOUT"})), select).await;
        assert_eq!(same["loggedOut"], json!([]));
        server.pass(MINUTE);
        let change = update(json!({"buttonTemplate": "Sales", "applyPolicy": "RELOGIN_IDLE"}));
        let done = admin.done("updateProfile", change, select).await;
        assert_eq!(done["loggedOut"].as_array().map(Vec::len), Some(2));
        let seen = admin.data("{ sessions { nodes { loggedInAt expiresAt buttonTemplate pendingRelogin { field } } } }").await;
        assert_eq!(
            seen["sessions"]["nodes"],
            json!([
                {"loggedInAt": "2026-01-01T00:01:00+00:00", "expiresAt": "2026-01-01T00:30:00+00:00", "buttonTemplate": "Sales", "pendingRelogin": []},
                {"loggedInAt": "2026-01-01T00:01:00+00:00", "expiresAt": null, "buttonTemplate": "Sales", "pendingRelogin": []},
            ])
        );
        let change = update(json!({"settings": {"privacy": "ON"}, "applyPolicy": "LOGOUT", "dryRun": true}));
        assert_eq!(admin.done("updateProfile", change.clone(), select).await["loggedOut"].as_array().map(Vec::len), Some(2));
        assert_eq!(sessions(&admin).await.len(), 2);
        let change = update(json!({"settings": {"privacy": "ON"}, "applyPolicy": "LOGOUT"}));
        admin.done("updateProfile", change, select).await;
        assert_eq!(sessions(&admin).await.len(), 0);
    }
}

story! {
    /// DEL-9, DEL-10: what is in use is not taken away, unless its users are to be logged out.
    async fn what_is_in_use_is_taken_away_only_with_its_sessions(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        allow(&admin, &estate, "ALLOWED", json!(null)).await;
        let (anna, profile) = roamer(&admin, &estate, "anna", "4001").await;
        let phone = admin.phone(&estate, &estate.berlin, "SEP1").await;
        let far = admin.phone(&estate, &estate.rome, "SEP2").await;
        let enter = async || {
            log_in(&admin, &anna, &phone).await;
            log_in(&admin, &anna, &far).await;
        };
        enter().await;
        let north = server.somebody(Role::Operator, &estate.north).await;
        for (mutation, input, rules, message) in [
            ("deleteProfile", json!({"id": profile}), "PROFILE_IN_USE at id", "'EM-anna' is in use on SEP1 and phones that you do not see. Log out there first, or pass onActiveSession: LOGOUT."),
            ("deletePhone", json!({"id": phone}), "PHONE_IN_USE at id", "Somebody is logged in on SEP1. Log out there first, or pass onActiveSession: LOGOUT."),
            ("updatePhone", json!({"id": phone, "extensionMobility": false}), "PHONE_IN_USE at extensionMobility", "Somebody is logged in on SEP1. Log out there first, or pass onActiveSession: LOGOUT."),
            ("deleteUser", json!({"id": anna, "soleProfiles": "KEEP_UNASSIGNED"}), "USER_LOGGED_IN at id", "anna is logged in on SEP1 and phones that you do not see. Log out there first, or pass onActiveSession: LOGOUT."),
            ("disassociateUser", json!({"profileId": profile, "userId": anna}), "PROFILE_IN_USE at userId", "'EM-anna' is in use on SEP1 and phones that you do not see. Log out there first, or pass onActiveSession: LOGOUT."),
        ] {
            assert_eq!(north.refused(mutation, input.clone()).await, [rules], "{mutation}");
            assert_eq!(north.mutate(mutation, input, "").await["errors"][0]["message"], message);
        }
        let ends = async |mutation: &str, input: Value| {
            let cursor = admin.data("{ service { newestCursor } }").await["service"]["newestCursor"].clone();
            let mut input = input;
            input["onActiveSession"] = json!("LOGOUT");
            north.done(mutation, input, "").await;
            let query = format!(
                "{{ changes(since: {cursor}, filter: {{kinds: [SESSION_ENDED]}}) {{ nodes {{ change {{ ... on SessionEnded {{ why phoneName }} }} }} }} }}"
            );
            let data = admin.data(&query).await;
            let nodes = data["changes"]["nodes"].as_array().expect("changes").clone();
            let mut told: Vec<_> =
                nodes.iter().map(|node| format!("{} {}", text(&node["change"]["phoneName"]), text(&node["change"]["why"]))).collect();
            told.sort();
            told
        };
        let off = json!({"id": phone, "extensionMobility": false});
        assert_eq!(ends("updatePhone", off).await, ["SEP1 PHONE_CHANGED"]);
        admin.done("updatePhone", json!({"id": phone, "extensionMobility": true}), "").await;
        log_in(&admin, &anna, &phone).await;
        let gone = json!({"profileId": profile, "userId": anna});
        assert_eq!(ends("disassociateUser", gone).await, ["SEP1 USER_DISASSOCIATED", "SEP2 USER_DISASSOCIATED"]);
        admin.done("associateUsers", json!({"profileId": profile, "userIds": [anna]}), "").await;
        enter().await;
        assert_eq!(ends("deletePhone", json!({"id": phone})).await, ["SEP1 PHONE_DELETED"]);
        assert_eq!(ends("deleteProfile", json!({"id": profile})).await, ["SEP2 PROFILE_DELETED"]);
        let (ben, _) = roamer(&admin, &estate, "ben", "4002").await;
        log_in(&admin, &ben, &far).await;
        let delete = json!({"id": ben, "soleProfiles": "DELETE"});
        assert_eq!(ends("deleteUser", delete).await, ["SEP2 USER_DELETED"]);
        assert_eq!(sessions(&admin).await, [""; 0]);
    }
}

story! {
    /// SES-18, SES-19: P2: forgotten logins are found by age and site, and ended at once; a dry run tells which.
    async fn forgotten_logins_are_found_and_ended(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        allow(&admin, &estate, "ALLOWED", json!(null)).await;
        let (anna, profile) = roamer(&admin, &estate, "anna", "4001").await;
        let (ben, _) = roamer(&admin, &estate, "ben", "4002").await;
        let berlin = admin.phone(&estate, &estate.berlin, "BER1").await;
        let paris = admin.phone(&estate, &estate.paris, "PAR1").await;
        let rome = admin.phone(&estate, &estate.rome, "ROM1").await;
        log_in(&admin, &anna, &berlin).await;
        log_in(&admin, &ben, &rome).await;
        server.pass(MINUTE * 60 * 24 * 30);
        admin.done("login", json!({"userId": anna, "phoneId": paris, "duration": {"minutes": 5}}), "").await;
        let stale = r#"loggedIn: {to: "2026-01-02T00:00:00Z"}"#;
        for (filter, want) in [
            ("{}".to_owned(), json!(["BER1", "ROM1", "PAR1"])),
            (format!("{{{stale}}}"), json!(["BER1", "ROM1"])),
            (format!(r#"{{organization: {{ids: ["{}"]}}}}"#, estate.north), json!(["BER1", "PAR1"])),
            (format!(r#"{{organization: {{ids: ["{}"], includeBelow: false}}}}"#, estate.north), json!([])),
            (format!(r#"{{organization: {{ids: ["{}"]}}, {stale}}}"#, estate.north), json!(["BER1"])),
            (format!(r#"{{users: ["{anna}"], not: {{phones: ["{berlin}"]}}}}"#), json!(["PAR1"])),
            (format!(r#"{{profiles: ["{profile}"], clusters: ["{}"]}}"#, estate.emea), json!(["BER1", "PAR1"])),
            ("{indefinite: false}".to_owned(), json!(["PAR1"])),
            (r#"{expires: {from: "2026-01-31T00:00:00Z"}}"#.to_owned(), json!(["PAR1"])),
            ("{or: [{modelMismatch: true}, {indefinite: true}]}".to_owned(), json!(["BER1", "ROM1"])),
        ] {
            let data = admin.data(&format!("{{ sessions(filter: {filter}) {{ totalCount nodes {{ phone {{ name }} }} }} }}")).await;
            let names: Vec<_> = data["sessions"]["nodes"].as_array().expect("nodes").iter().map(|node| node["phone"]["name"].clone()).collect();
            assert_eq!((json!(names), &data["sessions"]["totalCount"]), (want, &json!(names.len())), "{filter}");
        }
        let newest = admin.data("{ sessions(first: 1, orderBy: {direction: DESCENDING}) { nodes { phone { name } } pageInfo { hasNextPage } } }").await;
        assert_eq!(newest["sessions"], json!({"nodes": [{"phone": {"name": "PAR1"}}], "pageInfo": {"hasNextPage": true}}));
        let counted = admin.data(
            "{ phones(filter: {inUse: true}) { totalCount } users(filter: {loggedIn: true}) { totalCount } profiles(filter: {inUse: true}) { totalCount } \
             organization(by: {path: \"acme.north.berlin\"}) { sessions { totalCount } } }",
        ).await;
        assert_eq!(
            counted,
            json!({
                "phones": {"totalCount": 3}, "users": {"totalCount": 2}, "profiles": {"totalCount": 2},
                "organization": {"sessions": {"totalCount": 1}},
            })
        );
        assert_eq!(admin.refused("logoutMany", json!({"filter": {}})).await, ["SESSION_FILTER_EMPTY at filter"]);
        let old = json!({"loggedIn": {"to": "2026-01-02T00:00:00Z"}});
        let select = "loggedOut { phone { name } } more changes { kind }";
        let dry = admin.done("logoutMany", json!({"filter": old, "dryRun": true}), select).await;
        assert_eq!(dry["loggedOut"], json!([{"phone": {"name": "BER1"}}, {"phone": {"name": "ROM1"}}]));
        assert_eq!(sessions(&admin).await.len(), 3);
        let south = server.somebody(Role::Operator, &estate.south).await;
        let done = south.done("logoutMany", json!({"filter": old}), select).await;
        assert_eq!(done["loggedOut"], json!([{"phone": {"name": "ROM1"}}]));
        let done = admin.done("logoutMany", json!({"filter": old, "idempotencyKey": "night"}), select).await;
        assert_eq!((&done["loggedOut"], &done["more"]), (&json!([{"phone": {"name": "BER1"}}]), &json!(false)));
        let again = admin.done("logoutMany", json!({"filter": old, "idempotencyKey": "night"}), select).await;
        assert_eq!(again["loggedOut"].as_array().map(Vec::len), Some(1));
        assert_eq!(sessions(&admin).await, ["anna on PAR1"]);
    }
}

story! {
    /// P14: what an upgrade has logged out is logged in again from a snapshot, each for itself.
    async fn sessions_are_restored_from_a_snapshot(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        allow(&admin, &estate, "NOT_ALLOWED", json!(60)).await;
        let mut users = Vec::new();
        for (at, name) in ["anna", "ben", "cleo", "dora"].into_iter().enumerate() {
            let (user, _) = roamer(&admin, &estate, name, &format!("400{at}")).await;
            let phone = admin.phone(&estate, &estate.berlin, &format!("SEP{at}")).await;
            admin.done("login", json!({"userId": user, "phoneId": phone, "duration": {"minutes": 10 + 10 * at}}), "").await;
            users.push((user, phone));
        }
        let snapshot = async |arguments: &str| {
            let query = format!("{{ sessionSnapshot{arguments} {{ takenAt more endCursor items {{ phoneId userId profileId expiresAt }} }} }}");
            admin.data(&query).await["sessionSnapshot"].take()
        };
        let whole = snapshot("").await;
        let part = snapshot("(first: 3)").await;
        assert_eq!((&part["more"], part["items"].as_array().map(Vec::len)), (&json!(true), Some(3)));
        let rest = snapshot(&format!("(first: 3, after: {})", part["endCursor"])).await;
        let both: Vec<_> = [&part, &rest].iter().flat_map(|part| part["items"].as_array().cloned().unwrap_or_default()).collect();
        assert_eq!((json!(both), &rest["more"]), (whole["items"].clone(), &json!(false)));

        admin.done("logoutMany", json!({"filter": {"clusters": [estate.emea]}}), "").await;
        server.pass(MINUTE * 15);
        // Meanwhile somebody took a phone, and somebody's phone is no longer for roaming.
        let (late, _) = roamer(&admin, &estate, "eve", "4009").await;
        log_in(&admin, &late, &users[1].1).await;
        admin.done("updatePhone", json!({"id": users[2].1, "extensionMobility": false}), "").await;
        let select = "restored outcomes { index session { user { userId } expiresAt } errors { code path } } changes { kind }";
        let input = json!({"items": whole["items"], "dryRun": true});
        let dry = admin.mutate("restoreSessions", input, select).await;
        assert_eq!((&dry["restored"], &dry["outcomes"][3]["session"]), (&json!(1), &json!(null)));
        let input = json!({"items": whole["items"], "idempotencyKey": "upgrade"});
        let done = admin.mutate("restoreSessions", input.clone(), select).await;
        assert_eq!(
            done["outcomes"],
            json!([
                {"index": 0, "session": null, "errors": [{"code": "SESSION_OVER", "path": ["expiresAt"]}]},
                {"index": 1, "session": null, "errors": [{"code": "PHONE_OCCUPIED", "path": ["phoneId"]}]},
                {"index": 2, "session": null, "errors": [{"code": "EM_NOT_ENABLED_ON_PHONE", "path": ["phoneId"]}]},
                {"index": 3, "session": {"user": {"userId": "dora"}, "expiresAt": "2026-01-01T00:40:00+00:00"}, "errors": []},
            ])
        );
        let paths: Vec<_> = done["errors"].as_array().expect("errors").iter().map(|error| error["path"].clone()).collect();
        assert_eq!(json!(paths), json!([["items", "0", "expiresAt"], ["items", "1", "phoneId"], ["items", "2", "phoneId"]]));
        assert_eq!(done["changes"], json!([{"kind": "SESSION_STARTED"}]));
        let again = admin.mutate("restoreSessions", input, select).await;
        assert_eq!((&again["restored"], &again["cursor"]), (&json!(1), &done["cursor"]));
        let force = json!({"items": [whole["items"][1]], "ifOccupied": "FORCE"});
        admin.done("restoreSessions", force, "").await;
        assert_eq!(sessions(&admin).await, ["ben on SEP1", "dora on SEP3"]);
        let many: Vec<_> = (0..1_001).map(|_| whole["items"][0].clone()).collect();
        let query = "mutation($input: RestoreSessionsInput!) { restoreSessions(input: $input) { restored } }";
        let answer = admin.ask(query, json!({"input": {"items": many}})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    }
}

story! {
    /// ACC-6, ACC-7: an operator logs in and out at sites below; a neighbour sees, counts and ends nothing, and a person from
    /// elsewhere is not named.
    async fn a_neighbour_sees_no_session_and_names_nobody(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let (anna, profile) = roamer(&admin, &estate, "anna", "4001").await;
        let rome = admin.phone(&estate, &estate.rome, "ROM1").await;
        let berlin = admin.phone(&estate, &estate.berlin, "BER1").await;
        let viewer = server.somebody(Role::Viewer, &estate.north).await;
        let login = json!({"userId": anna, "phoneId": berlin});
        let query = "mutation($input: LoginInput!) { login(input: $input) { errors { code } } }";
        let answer = viewer.ask(query, json!({"input": login})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let operator = server.somebody(Role::Operator, &estate.berlin).await;
        let ours = log_in(&operator, &anna, &berlin).await;
        admin.done("logout", json!({"phoneId": berlin}), "").await;
        let theirs = log_in(&admin, &anna, &rome).await;

        // The south sees its phone in use, and not by whom.
        let south = server.somebody(Role::Admin, &estate.south).await;
        let ben = admin.user(&estate, &estate.rome, "ben").await;
        let seen = "{ sessions { totalCount nodes { id user { userId } profile { name } pendingRelogin { field } phone { effectiveProfile { shownBy \
                    profile { name } lines { index } speedDials { totalCount } } } } } sessionSnapshot { items { userId } } }";
        assert_eq!(
            south.data(seen).await,
            json!({
                "sessions": {"totalCount": 1, "nodes": [{
                    "id": theirs, "user": null, "profile": null, "pendingRelogin": null,
                    "phone": {"effectiveProfile": {"shownBy": "SESSION", "profile": null, "lines": [], "speedDials": {"totalCount": 0}}},
                }]},
                "sessionSnapshot": {"items": []},
            })
        );
        let input = json!({"userId": ben, "phoneId": rome});
        let payload = south.mutate("login", input, "").await;
        let told: Vec<_> = payload["errors"].as_array().expect("errors").iter().map(|error| text(&error["message"])).collect();
        assert!(told.contains(&"ROM1 is in use by somebody whom you do not see. Log out there first, or pass ifOccupied: FORCE.".to_owned()), "{told:?}");
        // The north sees its user and not where.
        let north = server.somebody(Role::Operator, &estate.north).await;
        let data = north.data(&format!(
            r#"{{ sessions {{ totalCount }} node(id: "{theirs}") {{ id }} users(filter: {{loggedIn: true}}) {{ totalCount }}
                profiles(filter: {{inUse: true}}) {{ totalCount }} profile(by: {{id: "{profile}"}}) {{ sessions {{ totalCount }} }} }}"#
        )).await;
        assert_eq!(
            data,
            json!({
                "sessions": {"totalCount": 0}, "node": null, "users": {"totalCount": 0}, "profiles": {"totalCount": 0},
                "profile": {"sessions": {"totalCount": 0}},
            })
        );
        assert_eq!(north.refused("logout", json!({"phoneId": rome})).await, ["NOT_FOUND at phoneId"]);
        assert_eq!(north.refused("relogin", json!({"sessionId": theirs})).await, ["NOT_FOUND at sessionId"]);
        assert_eq!(north.done("logoutUser", json!({"userId": anna}), "changes { kind }").await["changes"], json!([]));
        let input = json!({"userId": anna, "phoneId": berlin});
        assert_eq!(north.refused("login", input.clone()).await, ["MULTI_LOGIN_NOT_ALLOWED at userId"]);
        assert_eq!(
            north.mutate("login", input, "").await["errors"][0]["message"],
            "anna is logged in on phones that you do not see, and the cluster allows one login. Use logoutUser first, or change the cluster's multipleLogin."
        );
        let mut feed = south.follow(r#"(after: "s0", filter: {nouns: [SESSION]})"#, "change { ... on SessionStarted { phoneName user { userId } } }").await;
        assert_eq!(feed.next().await["change"], json!({"phoneName": "ROM1", "user": null}));
        let mut feed = south.follow("(snapshot: true, filter: {nouns: [SESSION]})", "change { kind node { id } }").await;
        assert_eq!(feed.next().await["change"], json!({"kind": "PRESENT", "node": {"id": theirs}}));
        assert_eq!(feed.next().await["change"]["kind"], "SNAPSHOT_COMPLETE");
        assert_eq!(admin.data(&format!(r#"{{ node(id: "{ours}") {{ id }} }}"#)).await["node"], json!(null));
    }
}

story! {
    /// RML-40, HIE-3: a cluster has one default device profile for each product and protocol; those whom it serves see it.
    async fn default_device_profiles_are_kept_and_found(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        let with = |more: Value| {
            let mut input = json!({"clusterId": estate.emea, "product": "Cisco 8841", "protocol": "SIP"});
            input.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
            input
        };
        for (more, rules) in [
            (json!({"clusterId": "x"}), vec!["NOT_FOUND at clusterId"]),
            (json!({"product": "Cisco 1", "description": "x".repeat(256)}), vec!["PRODUCT_UNKNOWN at product", "VALUE_TOO_LONG at description"]),
            (json!({"protocol": "SCCP"}), vec!["PROTOCOL_NOT_SUPPORTED at protocol"]),
            (json!({"product": "Cisco 6901"}), vec!["EXTENSION_MOBILITY_NOT_SUPPORTED at product"]),
            (json!({"settings": {"mlppDomain": "x"}}), vec!["VALUE_INVALID at settings.mlppDomain"]),
        ] {
            assert_eq!(admin.refused("createDefaultDeviceProfile", with(more)).await, rules);
        }
        let template = json!({"clusterId": estate.emea, "name": "Small", "product": "Cisco 7841", "protocol": "SIP", "features": ["LINE"]});
        admin.done("createButtonTemplate", template, "").await;
        assert_eq!(
            admin.refused("createDefaultDeviceProfile", with(json!({"buttonTemplate": "Small"}))).await,
            ["TEMPLATE_MISMATCH at buttonTemplate"]
        );
        let mut feed = admin.follow_on("change { kind ... on DefaultDeviceProfileUpdated { fields after { description } } }").await;
        let first = text(&admin.done("createDefaultDeviceProfile", with(json!({})), "defaultDeviceProfile { id }").await["defaultDeviceProfile"]["id"]);
        let small = with(json!({"product": "Cisco 7841", "buttonTemplate": "Small", "softkeyTemplate": null}));
        admin.done("createDefaultDeviceProfile", small, "").await;
        let update = json!({"id": first, "description": "desks", "softkeyTemplate": null});
        let done = admin.done("updateDefaultDeviceProfile", update, "defaultDeviceProfile { version softkeyTemplate history { totalCount } }").await;
        assert_eq!(done["defaultDeviceProfile"], json!({"version": 2, "softkeyTemplate": null, "history": {"totalCount": 2}}));
        let events = feed.take(3).await;
        assert_eq!(
            events[2]["change"],
            json!({"kind": "DEFAULT_DEVICE_PROFILE_UPDATED", "fields": ["description", "softkeyTemplate"], "after": {"description": "desks"}})
        );
        let south = server.somebody(Role::Admin, &estate.south).await;
        let seen = "{ defaultDeviceProfiles { totalCount nodes { product buttonTemplate cluster { name } productInfo { name } } } \
                    clusters { nodes { defaultDeviceProfiles { nodes { product } } } } }";
        let told = south.data(seen).await;
        assert_eq!(told["defaultDeviceProfiles"]["totalCount"], 2);
        assert_eq!(
            told["defaultDeviceProfiles"]["nodes"][0],
            json!({"product": "Cisco 7841", "buttonTemplate": "Small", "cluster": {"name": "emea"}, "productInfo": {"name": "Cisco 7841"}})
        );
        assert_eq!(told["clusters"]["nodes"][0]["defaultDeviceProfiles"]["nodes"].as_array().map(Vec::len), Some(2));
        assert_eq!(south.refused("deleteDefaultDeviceProfile", json!({"id": first})).await, ["NOT_FOUND at id"]);
        let own = json!({"organizationId": estate.north, "name": "own"});
        let own = text(&admin.done("createCluster", own, "cluster { id }").await["cluster"]["id"]);
        admin.done("createDefaultDeviceProfile", with(json!({"clusterId": own})), "").await;
        assert_eq!(south.data("{ defaultDeviceProfiles { totalCount } }").await["defaultDeviceProfiles"]["totalCount"], 2);
        for (filter, want) in [
            (format!(r#"{{ids: ["{first}"]}}"#), 1),
            (r#"{product: {equals: "Cisco 8841"}, protocols: [SIP]}"#.to_owned(), 2),
            (format!(r#"{{clusters: ["{own}"]}}"#), 1),
            (format!(r#"{{not: {{organization: {{ids: ["{}"]}}}}}}"#, estate.north), 2),
        ] {
            let data = admin.data(&format!("{{ defaultDeviceProfiles(filter: {filter}) {{ totalCount }} }}")).await;
            assert_eq!(data["defaultDeviceProfiles"]["totalCount"], want, "{filter}");
        }
        assert_eq!(admin.refused("deleteDefaultDeviceProfile", json!({"id": first, "expectedVersion": 1})).await, ["VERSION_CONFLICT at expectedVersion"]);
        admin.done("deleteDefaultDeviceProfile", json!({"id": first, "expectedVersion": 2}), "").await;
    }
}

story! {
    /// SES-6: a cluster takes so many logins and logouts at once and refuses the rest with Cisco's 26, until those are over by
    /// the application's clock; another node counts the same.
    async fn a_cluster_takes_so_many_at_once(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        allow(&admin, &estate, "ALLOWED", Value::Null).await;
        let (anna, _) = roamer(&admin, &estate, "anna", "4001").await;
        let mut phones = Vec::new();
        for number in 1..=4 {
            phones.push(admin.phone(&estate, &estate.berlin, &format!("SEP{number}")).await);
        }
        let limit = json!({"id": estate.emea, "maxConcurrentLogins": 2});
        let done = admin.done("updateCluster", limit, "cluster { maxConcurrentLogins }").await;
        assert_eq!(done["cluster"]["maxConcurrentLogins"], 2);
        let at = |phone: &str| json!({"userId": anna, "phoneId": phone});

        let first = log_in(&admin, &anna, &phones[0]).await;
        server.pass(Duration::from_millis(500));
        let trial = json!({"userId": anna, "phoneId": phones[1], "dryRun": true});
        admin.done("login", trial, "").await;
        admin.done("relogin", json!({"sessionId": first}), "").await;
        assert_eq!(codes(&admin, "login", at(&phones[1])).await, [("EM_BUSY".to_owned(), json!(26))]);
        assert_eq!(codes(&admin, "logout", json!({"phoneId": phones[0]})).await, [("EM_BUSY".to_owned(), json!(26))]);
        let other = server.beside().await;
        other.pass(Duration::from_millis(500));
        assert_eq!(codes(&admin.at(&other.address), "login", at(&phones[1])).await, [("EM_BUSY".to_owned(), json!(26))]);
        other.close().await;
        let told = admin.mutate("login", at(&phones[1]), "").await;
        assert_eq!(
            told["errors"][0]["message"],
            "'emea' takes 2 logins and logouts at once and has as many under way. Repeat it in 1500 milliseconds."
        );
        assert_eq!(sessions(&admin).await, ["anna on SEP1"]);

        // The first one is over, the second is not yet.
        server.pass(Duration::from_millis(1_500));
        log_in(&admin, &anna, &phones[1]).await;
        assert_eq!(codes(&admin, "login", at(&phones[2])).await, [("EM_BUSY".to_owned(), json!(26))]);
        let off = json!({"id": estate.emea, "maxConcurrentLogins": null});
        admin.done("updateCluster", off, "").await;
        log_in(&admin, &anna, &phones[2]).await;
        log_in(&admin, &anna, &phones[3]).await;
    }
}

story! {
    /// SES-6: of those who log in at the same moment, on two nodes, no more come in than the cluster takes.
    async fn of_many_at_one_moment_only_so_many_come_in(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        allow(&admin, &estate, "ALLOWED", Value::Null).await;
        let (anna, _) = roamer(&admin, &estate, "anna", "4001").await;
        let (ben, _) = roamer(&admin, &estate, "ben", "4002").await;
        let other = server.beside().await;
        let (mut logins, mut phones) = (Vec::new(), Vec::new());
        for number in 0..8 {
            phones.push(admin.phone(&estate, &estate.berlin, &format!("SEP{number}")).await);
        }
        admin.done("updateCluster", json!({"id": estate.emea, "maxConcurrentLogins": 3}), "").await;
        for (number, phone) in phones.iter().enumerate() {
            let client = if number % 2 == 0 { admin.clone() } else { admin.at(&other.address) };
            let input = json!({"userId": if number % 3 == 0 { &anna } else { &ben }, "phoneId": phone});
            logins.push(tokio::spawn(async move { codes(&client, "login", input).await }));
        }
        let mut busy = 0;
        for login in logins {
            let refused = login.await.expect("an answer");
            assert!(refused.is_empty() || refused == [("EM_BUSY".to_owned(), json!(26))], "{refused:?}");
            busy += refused.len();
        }
        assert_eq!((busy, sessions(&admin).await.len()), (5, 3));
        other.close().await;
    }
}

story! {
    /// SES-6: who moves many keeps to it: a call that ends many ends as many as go and says that there are more, those that
    /// are to be restored are told one by one, and what the clock ends is not held back.
    async fn who_moves_many_keeps_to_what_goes_at_once(server) {
        let (estate, admin) = (server.estate().await, server.admin());
        allow(&admin, &estate, "ALLOWED", json!(10)).await;
        let (anna, _) = roamer(&admin, &estate, "anna", "4001").await;
        for number in 1..=5 {
            let phone = admin.phone(&estate, &estate.berlin, &format!("SEP{number}")).await;
            log_in(&admin, &anna, &phone).await;
        }
        server.pass(Duration::from_secs(2));
        admin.done("updateCluster", json!({"id": estate.emea, "maxConcurrentLogins": 2}), "").await;
        let snapshot = admin.data("{ sessionSnapshot(first: 9) { items { phoneId userId profileId expiresAt } } }").await;
        let input = json!({"filter": {"users": [anna]}});
        for (ended, left) in [(2, 3), (2, 1)] {
            let done = admin.done("logoutMany", input.clone(), "more loggedOut { id }").await;
            assert_eq!((done["loggedOut"].as_array().map(Vec::len), &done["more"]), (Some(ended), &json!(true)));
            assert_eq!(sessions(&admin).await.len(), left);
            assert_eq!(codes(&admin, "logoutMany", input.clone()).await, [("EM_BUSY".to_owned(), json!(26))]);
            server.pass(Duration::from_secs(2));
        }
        admin.done("logoutMany", input.clone(), "").await;
        let last = admin.done("logoutMany", input, "more loggedOut { id }").await;
        assert_eq!((&last["loggedOut"], &last["more"]), (&json!([]), &json!(false)));

        server.pass(Duration::from_secs(2));
        let items = snapshot["sessionSnapshot"]["items"].clone();
        let restore = json!({"items": items, "idempotencyKey": "after the upgrade"});
        for restored in [2, 4, 5] {
            let done = admin.mutate("restoreSessions", restore.clone(), "restored").await;
            assert_eq!(done["restored"], restored, "{done:#}");
            assert!(done["errors"].as_array().expect("errors").iter().all(|error| error["code"] == "EM_BUSY"));
            server.pass(Duration::from_secs(2));
        }
        server.pass(MINUTE * 10);
        assert_eq!(expire_due(&server.app).await.expect("a look"), 5);
        assert_eq!(sessions(&admin).await, [""; 0]);
    }
}
