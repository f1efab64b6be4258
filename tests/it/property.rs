//! Whatever is asked in whatever order: the invariants of the field hold after every step, and what was refused
//! changed nothing.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    AppearanceId, ButtonId, ClusterId, DeviceId, LineId, NumberId, OrganizationId, QuickAddId, TemplateId,
    UserId, button::Kind, line_appearance::Role, profile::Protocol,
};
use proptest::prelude::*;
use roamline::{
    app::{App, Call},
    caller::Caller,
    command::{self, Command},
    rule::{
        Change, Patch,
        button::{self, Fields, NewButton},
        line,
        line::{NewLine, Reference},
        number, organization, profile, quick_add, session, template, user,
    },
    store::outbox,
};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, QueryResult, Statement};

use crate::{
    chance,
    roamline::{self as language, Roamline},
};

/// Something to ask for; numbers choose among what is there, and some choose what is not.
#[derive(Clone, Debug)]
enum Step {
    Profile { name: u8, lines: Vec<u8>, users: Vec<u8> },
    DeleteProfile(u8),
    Copy { from: u8, name: u8 },
    User { name: u8, profiles: Vec<u8>, default: bool },
    DeleteUser { user: u8, delete: bool },
    Associate { profile: u8, users: Vec<u8> },
    Disassociate { profile: u8, user: u8 },
    Login { phone: u8, user: u8, force: bool },
    Logout(u8),
    Reorder { profile: u8, turn: u8 },
    Default { user: u8, profile: Option<u8> },
    Add { profile: u8, number: u8, index: Option<i32> },
    Remove(u8),
    Lay { appearance: u8, index: i32 },
    Change { appearance: u8, calls: i32 },
    Replace { profile: u8, numbers: Vec<u8> },
    DeleteLine { line: u8, told: bool },
    AddButton { profile: u8, kind: u8, index: Option<i32> },
    MoveButton { button: u8, index: i32 },
    RemoveButton(u8),
    ReplaceButtons { profile: u8, kind: u8, count: u8 },
    Template { name: u8, small: bool },
    Name { profile: u8, template: u8 },
    DeleteTemplate(u8),
    Numbers { first: u8, count: u8 },
    DeleteNumbers,
    Status { number: u8, to: u8 },
    Reserve { number: u8, user: Option<u8> },
    Cool(u8),
    QuickAdd { user: u8, name: u8, number: Option<u8> },
}

fn new_button(kind: u8, index: Option<i32>) -> NewButton {
    let text = |text: &str| Some(text.to_owned());
    let none = Fields::default();
    let (kind, fields) = match kind % 4 {
        0 => (Kind::SpeedDial, Fields { label: text("Anna"), number: text("4001"), ..none }),
        1 => (Kind::BusyLampField, Fields { pattern: text("4001"), ..none }),
        2 => (Kind::CallPark, Fields { pattern: text("4900"), ..none }),
        _ => (Kind::ServiceUrl, Fields { service: text("Weather"), url: text("http://w"), ..none }),
    };
    NewButton { kind, index, fields }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let few = || 0_u8..6;
    let list = || proptest::collection::vec(0_u8..6, 0..4);
    let step = prop_oneof![
        3 => (few(), list(), list()).prop_map(|(name, lines, users)| Step::Profile { name, lines, users }),
        1 => few().prop_map(Step::DeleteProfile),
        1 => (few(), few()).prop_map(|(from, name)| Step::Copy { from, name }),
        2 => (few(), list(), any::<bool>())
            .prop_map(|(name, profiles, default)| Step::User { name, profiles, default }),
        1 => (few(), any::<bool>()).prop_map(|(user, delete)| Step::DeleteUser { user, delete }),
        2 => (few(), list()).prop_map(|(profile, users)| Step::Associate { profile, users }),
        1 => (few(), few()).prop_map(|(profile, user)| Step::Disassociate { profile, user }),
        2 => (0_u8..3, few(), any::<bool>()).prop_map(|(phone, user, force)| Step::Login { phone, user, force }),
        1 => (0_u8..3).prop_map(Step::Logout),
        1 => (few(), few()).prop_map(|(profile, turn)| Step::Reorder { profile, turn }),
        1 => (few(), proptest::option::of(few())).prop_map(|(user, profile)| Step::Default { user, profile }),
        3 => (few(), few(), proptest::option::of(0_i32..5))
            .prop_map(|(profile, number, index)| Step::Add { profile, number, index }),
        2 => few().prop_map(Step::Remove),
        1 => (few(), 0_i32..6).prop_map(|(appearance, index)| Step::Lay { appearance, index }),
        2 => (few(), 0_i32..210).prop_map(|(appearance, calls)| Step::Change { appearance, calls }),
        2 => (few(), list()).prop_map(|(profile, numbers)| Step::Replace { profile, numbers }),
        1 => (few(), any::<bool>()).prop_map(|(line, told)| Step::DeleteLine { line, told }),
        2 => (few(), 0_u8..4, proptest::option::of(0_i32..6))
            .prop_map(|(profile, kind, index)| Step::AddButton { profile, kind, index }),
        2 => (few(), 0_i32..6).prop_map(|(button, index)| Step::MoveButton { button, index }),
        1 => few().prop_map(Step::RemoveButton),
        1 => (few(), 0_u8..4, few())
            .prop_map(|(profile, kind, count)| Step::ReplaceButtons { profile, kind, count }),
        1 => (0_u8..4, any::<bool>()).prop_map(|(name, small)| Step::Template { name, small }),
        1 => (few(), 0_u8..4).prop_map(|(profile, template)| Step::Name { profile, template }),
        1 => few().prop_map(Step::DeleteTemplate),
        2 => (few(), 0_u8..4).prop_map(|(first, count)| Step::Numbers { first, count }),
        1 => Just(Step::DeleteNumbers),
        2 => (few(), 0_u8..5).prop_map(|(number, to)| Step::Status { number, to }),
        1 => (few(), proptest::option::of(few())).prop_map(|(number, user)| Step::Reserve { number, user }),
        1 => few().prop_map(Step::Cool),
        2 => (few(), few(), proptest::option::of(few()))
            .prop_map(|(user, name, number)| Step::QuickAdd { user, name, number }),
    ];
    proptest::collection::vec(step, 20..40)
}

/// What is there, by id, in order.
#[derive(Debug, Default)]
struct There {
    profiles: Vec<i64>,
    phones: Vec<i64>,
    sessions: Vec<i64>,
    users: Vec<i64>,
    lines: Vec<i64>,
    appearances: Vec<i64>,
    buttons: Vec<i64>,
    templates: Vec<i64>,
    numbers: Vec<i64>,
}

fn pick(there: &[i64], choice: u8) -> i64 {
    there.get(usize::from(choice)).copied().unwrap_or(-1)
}

fn new_line(number: u8, index: Option<i32>) -> NewLine {
    NewLine {
        line: Reference::Number { pattern: format!("400{number}"), partition: String::new() },
        index,
        label: None,
        description: None,
        settings: Patch::default(),
        line_settings: Patch::default(),
        inventory: None,
    }
}

struct World {
    app: App,
    caller: Caller,
    db: DatabaseConnection,
    site: OrganizationId,
    cluster: ClusterId,
    group: QuickAddId,
}

impl World {
    /// Does a command; tells whether it was done.
    async fn ask<C: Command>(&self, cmd: &C) -> bool {
        let before = self.app.newest_change().await.expect("a cursor");
        let outcome = command::run(&self.app, &self.caller, &Call::default(), cmd).await.expect("an answer");
        let after = self.app.newest_change().await.expect("a cursor");
        match &outcome {
            Ok(done) => assert_eq!(done.changes.is_empty(), after == before),
            Err(_) => assert_eq!(after, before, "refused, and yet something changed"),
        }
        outcome.is_ok()
    }

    async fn step(&self, step: &Step, there: &There) -> bool {
        let device = |choice: &u8| DeviceId(pick(&there.profiles, *choice));
        let person = |choice: &u8| UserId(pick(&there.users, *choice));
        let appearance = |choice: &u8| AppearanceId(pick(&there.appearances, *choice));
        match step {
            Step::Profile { name, lines, users } => {
                self.ask(&profile::Create {
                    organization: self.site,
                    cluster: self.cluster,
                    name: format!("EM-{name}"),
                    product: "Cisco 8841".to_owned(),
                    protocol: Protocol::Sip,
                    fields: Patch::default(),
                    settings: Patch::default(),
                    lines: lines.iter().map(|&number| new_line(number, None)).collect(),
                    users: users.iter().map(person).collect(),
                    buttons: Vec::new(),
                    services: Vec::new(),
                })
                .await
            }
            Step::DeleteProfile(choice) => {
                self.ask(&profile::Delete {
                    id: device(choice),
                    expected_version: None,
                    release_logout_phones: false,
                    on_active_session: session::OnActiveSession::Logout,
                })
                .await
            }
            Step::Copy { from, name } => {
                self.ask(&profile::Copy {
                    from: device(from),
                    name: format!("em-{name}"),
                    organization: None,
                    description: None,
                    lines: true,
                    users: true,
                    buttons: true,
                    services: true,
                })
                .await
            }
            Step::User { name, profiles, default } => {
                let last_name = serde_json::Map::from_iter([("last_name".to_owned(), "Berg".into())]);
                self.ask(&user::Create {
                    organization: self.site,
                    cluster: self.cluster,
                    user_id: format!("user{name}"),
                    fields: Patch::new(last_name),
                    phones: Vec::new(),
                    cti_profiles: Vec::new(),
                    profiles: profiles.iter().map(device).collect(),
                    new_profiles: Vec::new(),
                    default_profile: default.then_some(0),
                })
                .await
            }
            Step::DeleteUser { user, delete } => {
                let sole =
                    if *delete { user::SoleProfiles::Delete } else { user::SoleProfiles::KeepUnassigned };
                self.ask(&user::Delete {
                    id: person(user),
                    expected_version: None,
                    sole_profiles: Some(sole),
                    on_active_session: session::OnActiveSession::Logout,
                })
                .await
            }
            Step::Associate { profile, users } => {
                self.ask(&user::Associate {
                    profile: device(profile),
                    expected_version: None,
                    users: users.iter().map(person).collect(),
                })
                .await
            }
            Step::Disassociate { profile, user } => {
                self.ask(&user::Disassociate {
                    profile: device(profile),
                    expected_version: None,
                    user: person(user),
                    on_active_session: session::OnActiveSession::Logout,
                })
                .await
            }
            Step::Login { phone, user, force } => {
                let if_occupied = if *force { session::IfOccupied::Force } else { session::IfOccupied::Fail };
                self.ask(&session::Login {
                    phone: DeviceId(pick(&there.phones, *phone)),
                    user: Some(person(user)),
                    profile: None,
                    lasting: None,
                    if_occupied,
                })
                .await
            }
            Step::Logout(phone) => {
                self.ask(&session::Logout { phone: DeviceId(pick(&there.phones, *phone)) }).await
            }
            Step::Reorder { profile, turn } => {
                let sql = format!(
                    "SELECT user_id FROM profile_user WHERE profile_id = {} ORDER BY position",
                    device(profile)
                );
                let mut users: Vec<_> = self.ids(&sql).await.into_iter().map(UserId).collect();
                let turn = usize::from(*turn) % users.len().max(1);
                users.rotate_left(turn);
                self.ask(&user::Reorder { profile: device(profile), expected_version: None, users }).await
            }
            Step::Default { user, profile } => {
                self.ask(&user::SetDefault {
                    user: person(user),
                    expected_version: None,
                    profile: profile.as_ref().map(device),
                })
                .await
            }
            Step::Add { profile, number, index } => {
                self.ask(&line::Add {
                    device: device(profile),
                    expected_version: None,
                    line: new_line(*number, *index),
                })
                .await
            }
            Step::Remove(choice) => {
                self.ask(&line::Remove { appearance: appearance(choice), expected_version: None }).await
            }
            Step::Lay { appearance: choice, index } => {
                self.ask(&line::Lay {
                    appearance: appearance(choice),
                    expected_version: None,
                    index: Some(*index),
                    label: Some(Some("here".to_owned())),
                })
                .await
            }
            Step::Change { appearance: choice, calls } => {
                let settings = serde_json::Map::from_iter([("max_calls".to_owned(), (*calls).into())]);
                self.ask(&line::ChangeSettings {
                    appearance: appearance(choice),
                    expected_version: None,
                    description: None,
                    settings: Patch::new(settings),
                    line_settings: Patch::default(),
                })
                .await
            }
            Step::Replace { profile, numbers } => {
                let lines =
                    numbers.iter().zip(1..).map(|(&number, place)| new_line(number, Some(place))).collect();
                self.ask(&line::Replace { device: device(profile), expected_version: None, lines }).await
            }
            Step::Numbers { first, count } => {
                self.ask(&number::Create {
                    organization: self.site,
                    range: self.range(format!("400{first}"), format!("400{}", first + count)),
                    fields: number::Fields::default(),
                    e164_prefix: None,
                    beginning: number::Beginning::default(),
                    one: false,
                })
                .await
            }
            Step::DeleteNumbers => {
                self.ask(&number::Delete { range: self.range("4000".to_owned(), "4009".to_owned()) }).await
            }
            Step::Status { number, to: wanted } => {
                use entity::number::{Status, Utility};
                let to =
                    [Status::Available, Status::Used, Status::UsedUtility, Status::Reserved, Status::Cooling];
                self.ask(&number::ChangeStatus {
                    id: NumberId(pick(&there.numbers, *number)),
                    expected_version: None,
                    to: to[usize::from(*wanted)],
                    days: Some(3),
                    utility: Some(Utility::CallPark),
                })
                .await
            }
            Step::Reserve { number, user } => {
                self.ask(&number::ReserveFor {
                    organization: self.site,
                    cluster: self.cluster,
                    partition: String::new(),
                    patterns: vec![format!("400{number}")],
                    user_id: user.map(|user| format!("user{user}")),
                    until: None,
                })
                .await
            }
            Step::Cool(days) => {
                let cooling_days = Some(Some(i32::from(*days % 2) * 7));
                self.ask(&organization::Update {
                    id: self.site,
                    expected_version: None,
                    cooling_days,
                    max_profiles_per_user: None,
                    number_management: None,
                    unique_numbers: None,
                    line_delete_preferences: None,
                })
                .await
            }
            Step::QuickAdd { user, name, number } => {
                self.ask(&quick_add::Add {
                    group: self.group,
                    organization: None,
                    user: quick_add::Who::There(person(user)),
                    number: number.map(|number| format!("400{number}")),
                    profile_name: Some(format!("EM-{name}")),
                    services: Vec::new(),
                })
                .await
            }
            Step::DeleteLine { line, told } => {
                self.ask(&line::Delete {
                    id: LineId(pick(&there.lines, *line)),
                    expected_version: None,
                    remove_appearances: *told,
                })
                .await
            }
            Step::AddButton { profile, kind, index } => {
                self.ask(&button::Add {
                    device: device(profile),
                    expected_version: None,
                    button: new_button(*kind, *index),
                })
                .await
            }
            Step::MoveButton { button, index } => {
                let button = ButtonId(pick(&there.buttons, *button));
                self.ask(&button::Move { button, expected_version: None, index: *index }).await
            }
            Step::RemoveButton(button) => {
                let button = ButtonId(pick(&there.buttons, *button));
                self.ask(&button::Remove { button, expected_version: None }).await
            }
            Step::ReplaceButtons { profile, kind, count } => {
                let list: Vec<_> = (0..*count).map(|_| new_button(*kind, None)).collect();
                let lists = BTreeMap::from([(new_button(*kind, None).kind, list)]);
                self.ask(&button::Replace { device: device(profile), expected_version: None, lists }).await
            }
            Step::Template { name, small } => {
                let features = serde_json::json!({"features": ["LINE"]});
                self.ask(&template::Create {
                    cluster: self.cluster,
                    kind: entity::template::Kind::Button,
                    name: format!("template{name}"),
                    product: Some(if *small { "Cisco 7841" } else { "Cisco 8841" }.to_owned()),
                    protocol: Some(Protocol::Sip),
                    fields: Patch::new(features.as_object().cloned().unwrap_or_default()),
                })
                .await
            }
            Step::Name { profile, template } => {
                let name = format!("template{template}");
                let fields = serde_json::Map::from_iter([("button_template".to_owned(), name.into())]);
                self.ask(&profile::Update {
                    id: device(profile),
                    expected_version: None,
                    fields: Patch::new(fields),
                    settings: Patch::default(),
                    apply_policy: session::ApplyPolicy::ReloginIdle,
                })
                .await
            }
            Step::DeleteTemplate(choice) => {
                let id = TemplateId(pick(&there.templates, *choice));
                self.ask(&template::Delete { id, expected_version: None }).await
            }
        }
    }

    fn range(&self, first: String, last: String) -> number::Range {
        number::Range { cluster: self.cluster, partition: String::new(), first, last }
    }

    async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        let statement = Statement::from_string(self.db.get_database_backend(), sql);
        self.db.query_all_raw(statement).await.expect("rows")
    }

    async fn ids(&self, sql: &str) -> Vec<i64> {
        self.rows(sql).await.iter().map(|row| row.try_get_by_index(0).expect("an id")).collect()
    }

    async fn there(&self) -> There {
        There {
            profiles: self.ids("SELECT id FROM profile ORDER BY id").await,
            phones: self.ids("SELECT id FROM phone ORDER BY id").await,
            sessions: self.ids("SELECT id FROM session ORDER BY id").await,
            users: self.ids("SELECT id FROM \"user\" ORDER BY id").await,
            lines: self.ids("SELECT id FROM line ORDER BY id").await,
            appearances: self.ids("SELECT id FROM line_appearance ORDER BY id").await,
            buttons: self.ids("SELECT id FROM button ORDER BY id").await,
            templates: self.ids("SELECT id FROM template ORDER BY id").await,
            numbers: self.ids("SELECT id FROM number ORDER BY id").await,
        }
    }

    /// What holds whatever was done.
    async fn check(&self) {
        let mut lines: BTreeMap<i64, (usize, BTreeSet<String>)> = BTreeMap::new();
        for row in self.rows("SELECT line_id, role, settings FROM line_appearance").await {
            let (line, role, settings): (i64, Role, String) = (
                row.try_get_by_index(0).expect("a line"),
                row.try_get_by_index(1).expect("a role"),
                row.try_get_by_index(2).expect("settings"),
            );
            let known = lines.entry(line).or_default();
            known.0 += usize::from(role == Role::Original);
            known.1.insert(settings);
        }
        for (line, (originals, settings)) in lines {
            assert_eq!(originals, 1, "CLN-1: line {line}");
            assert_eq!(settings.len(), 1, "CLN-4: line {line}'s clones differ from their original");
        }
        for (what, wanted) in [
            ("SELECT count(*) - count(DISTINCT name_key) FROM device", "NAM-1: a name twice"),
            (
                "SELECT count(*) FROM profile_user p WHERE p.position <> (SELECT count(*) FROM profile_user q \
                 WHERE q.profile_id = p.profile_id AND q.position <= p.position)",
                "FLT-2: positions are not dense",
            ),
            (
                "SELECT count(*) FROM \"user\" u WHERE u.default_profile_id IS NOT NULL AND NOT EXISTS \
                 (SELECT 1 FROM profile_user p WHERE p.user_id = u.id AND p.profile_id = u.default_profile_id)",
                "USR-8: a default that is not the user's",
            ),
            (
                "SELECT count(*) - count(DISTINCT user_id) FROM session",
                "SES-2: a user who is logged in twice where the cluster allows one login",
            ),
            (
                "SELECT count(*) FROM session s WHERE NOT EXISTS (SELECT 1 FROM profile_user p WHERE p.user_id = s.user_id \
                 AND p.profile_id = s.profile_id)",
                "SES-1: a session with a profile that is not the user's",
            ),
            (
                "SELECT count(*) FROM device d WHERE d.kind = 'PROFILE' AND NOT EXISTS \
                 (SELECT 1 FROM profile p WHERE p.id = d.id)",
                "a name without its profile",
            ),
            (
                "SELECT count(*) FROM number n WHERE (n.status = 'USED') <> EXISTS (SELECT 1 FROM line l JOIN \
                 line_appearance a ON a.line_id = l.id WHERE l.cluster_id = n.cluster_id AND l.pattern = n.pattern AND \
                 l.partition = n.partition)",
                "INV-9: a number is used exactly while its line stands on a device",
            ),
            (
                "SELECT count(*) FROM number WHERE (status = 'COOLING') <> (cooling_until IS NOT NULL) OR \
                 (status = 'USED_UTILITY' AND utility IS NULL)",
                "INV-10: a status without what belongs to it",
            ),
            (
                "SELECT count(*) FROM line_appearance WHERE position < 1 OR position > 100",
                "LIN-7: a place out of range",
            ),
            (
                "SELECT count(*) FROM button WHERE position < 1 OR position > 199",
                "BTN-2: a position out of range",
            ),
            (
                "SELECT count(*) FROM profile p JOIN template t ON t.cluster_id = p.cluster_id AND t.kind = 'BUTTON' \
                 AND t.name = p.button_template WHERE t.product <> p.product OR t.protocol <> p.protocol",
                "RML-22: a profile's template is for another product",
            ),
        ] {
            assert_eq!(self.ids(what).await, [0], "{wanted}");
        }
    }

    /// Replaying the outbox gives the tables.
    async fn replay(&self) {
        let snapshot = self.app.snapshot().await.expect("a snapshot");
        let (mut profiles, mut users, mut appearances) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut pairs, mut buttons) = (BTreeSet::new(), BTreeMap::new());
        let mut templates = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        let mut sessions = BTreeSet::new();
        for entry in outbox::after(&snapshot, 0, 100_000).await.expect("changes") {
            match entry.change {
                Change::ProfileCreated { profile } => assert!(profiles.insert(profile.id.0)),
                Change::ProfileDeleted { profile } => assert!(profiles.remove(&profile.id.0)),
                Change::SessionStarted { session, .. } => assert!(sessions.insert(session.id.0)),
                Change::SessionEnded { session, .. } => assert!(sessions.remove(&session.id.0)),
                Change::NumberCreated { number } => assert!(numbers.insert(number.id.0)),
                Change::NumberDeleted { number } => assert!(numbers.remove(&number.id.0)),
                Change::UserCreated { user } => assert!(users.insert(user.id.0)),
                Change::UserDeleted { user } => assert!(users.remove(&user.id.0)),
                Change::AppearanceAdded { appearance, .. } => assert!(appearances.insert(appearance.id.0)),
                Change::AppearanceRemoved { appearance, .. } => assert!(appearances.remove(&appearance.id.0)),
                Change::UserAssociated { association, .. } => {
                    assert!(pairs.insert((association.profile_id, association.user_id)));
                }
                Change::UserDisassociated { association, .. } => {
                    assert!(pairs.remove(&(association.profile_id, association.user_id)));
                }
                Change::TemplateCreated { template } => assert!(templates.insert(template.id.0)),
                Change::TemplateDeleted { template } => assert!(templates.remove(&template.id.0)),
                Change::ButtonAdded { button, .. } => {
                    assert!(buttons.insert(button.id.0, button.position).is_none());
                }
                Change::ButtonUpdated { before, after, .. } => {
                    assert_eq!(buttons.insert(after.id.0, after.position), Some(before.position));
                }
                Change::ButtonRemoved { button, .. } => {
                    assert_eq!(buttons.remove(&button.id.0), Some(button.position));
                }
                _ => {}
            }
        }
        let there = self.there().await;
        assert_eq!(profiles.into_iter().collect::<Vec<_>>(), there.profiles);
        assert_eq!(users.into_iter().collect::<Vec<_>>(), there.users);
        assert_eq!(numbers.into_iter().collect::<Vec<_>>(), there.numbers);
        assert_eq!(sessions.into_iter().collect::<Vec<_>>(), there.sessions);
        assert_eq!(appearances.into_iter().collect::<Vec<_>>(), there.appearances);
        assert_eq!(templates.into_iter().collect::<Vec<_>>(), there.templates);
        assert_eq!(buttons.keys().copied().collect::<Vec<_>>(), there.buttons);
        let places = self.ids("SELECT CAST(position AS BIGINT) FROM button ORDER BY id").await;
        assert_eq!(buttons.into_values().map(i64::from).collect::<Vec<_>>(), places);
        let stored = self.ids("SELECT count(*) FROM profile_user").await;
        assert_eq!(stored, [i64::try_from(pairs.len()).expect("few")]);
    }
}

async fn hold(server: Roamline, cases: u32) {
    let estate = server.estate().await;
    for name in ["SEP1", "SEP2", "SEP3"] {
        server.admin().phone(&estate, &estate.berlin, name).await;
    }
    let group = serde_json::json!({
        "organizationId": estate.berlin, "clusterId": estate.emea, "name": "EM", "product": "Cisco 8841",
        "line": {"settings": {"display": "{lastName}"}, "lineSettings": {"alertingName": "{number}"}},
    });
    let group = server.admin().done("createQuickAddGroup", group, "group { id }").await;
    let world = World {
        app: server.app.clone(),
        caller: Roamline::caller(),
        db: Database::connect(&server.database).await.expect("connected"),
        site: OrganizationId(language::number(&estate.berlin)),
        cluster: ClusterId(language::number(&estate.emea)),
        group: QuickAddId(language::number(&language::text(&group["group"]["id"]))),
    };
    // One estate for all cases: it only gets more entangled.
    let world = std::sync::Arc::new(world);
    let (runtime, inner) = (tokio::runtime::Handle::current(), world.clone());
    let done = tokio::task::spawn_blocking(move || {
        chance::runner(cases).run(&steps(), |steps| {
            runtime.block_on(async {
                for step in &steps {
                    let there = inner.there().await;
                    inner.step(step, &there).await;
                    inner.check().await;
                }
            });
            Ok(())
        })
    });
    done.await.expect("ran").expect("every invariant holds");
    world.replay().await;
    let there = world.there().await;
    assert!(world.app.newest_change().await.expect("a cursor") > 12, "hardly anything was done: {there:?}");
    drop(world);
    server.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_commands_keep_every_invariant_on_sqlite() {
    hold(Roamline::sqlite().await, 12).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_commands_keep_every_invariant_on_postgresql() {
    if let Some(server) = Roamline::postgres().await {
        hold(server, 8).await;
    }
}
