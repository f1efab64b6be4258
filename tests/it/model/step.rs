//! What may be asked: every kind of mutation, over few names, so that steps meet each other. What a noun's steps are,
//! how the server is asked for them and what becomes of the world stands in the noun's own file.

use proptest::{prelude::*, strategy::Union};

use super::{
    bulk, button, cluster, device, line, number, organization, orphan, phone, profile, quick_add, role,
    service, session, template, user,
};

/// The names that profiles and phones are asked for under; they share one namespace, whatever the case.
pub const NAMES: [&str; 8] = ["EM-0", "EM-1", "EM-2", "em-0", "SEP0", "SEP1", "GW-1", "EM_anna"];
/// A name that is neither a profile's nor a phone's, there from the start.
pub const REGISTERED: &str = "GW-1";
/// User ids.
pub const USERS: [&str; 4] = ["anna", "ben", "clara", "dora"];
/// Directory numbers.
pub const NUMBERS: [&str; 6] = ["4000", "4001", "4002", "4003", "4004", "4005"];

/// Something to ask for. What it names may be there or not.
#[derive(Clone, Debug)]
pub enum Step {
    Profile(profile::Step),
    Phone(phone::Step),
    User(user::Step),
    Line(line::Step),
    Button(button::Step),
    Number(number::Step),
    Session(session::Step),
    Service(service::Step),
    Template(template::Step),
    QuickAdd(quick_add::Step),
    Organization(organization::Step),
    Cluster(cluster::Step),
    Role(role::Step),
    Device(device::Step),
    /// One of many that are cleaned up.
    Orphan(orphan::Step),
    Bulk(bulk::Step),
    /// Takes the newest change back.
    Revert,
    /// So many minutes pass.
    Pass(i64),
}

/// Histories of a length.
pub fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    // Each in a box, as all of them together would be too much for a thread's stack.
    let kinds = [
        (9, profile::steps().prop_map(Step::Profile).boxed()),
        (6, phone::steps().prop_map(Step::Phone).boxed()),
        (11, user::steps().prop_map(Step::User).boxed()),
        (12, line::steps().prop_map(Step::Line).boxed()),
        (7, button::steps().prop_map(Step::Button).boxed()),
        (9, number::steps().prop_map(Step::Number).boxed()),
        (9, session::steps().prop_map(Step::Session).boxed()),
        (14, service::steps().prop_map(Step::Service).boxed()),
        (4, template::steps().prop_map(Step::Template).boxed()),
        (5, quick_add::steps().prop_map(Step::QuickAdd).boxed()),
        (5, organization::steps().prop_map(Step::Organization).boxed()),
        (3, cluster::steps().prop_map(Step::Cluster).boxed()),
        (1, role::steps().prop_map(Step::Role).boxed()),
        (1, device::steps().prop_map(Step::Device).boxed()),
        (8, bulk::steps().prop_map(Step::Bulk).boxed()),
        (9, Just(Step::Revert).boxed()),
        (1, (1_i64..200).prop_map(Step::Pass).boxed()),
        (1, (1_i64..9).prop_map(|days| Step::Pass(days * 1_440)).boxed()),
    ];
    proptest::collection::vec(Union::new_weighted(kinds.into()), length)
}

/// One of the devices' names.
pub fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&NAMES[..])
}

/// One of the users.
pub fn user() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&USERS[..])
}

/// None, one or two users, perhaps the same one twice.
pub fn users() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(user(), 0..3)
}

/// One of the numbers.
pub fn number() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&NUMBERS[..])
}

/// A place, good or bad, or none.
pub fn place() -> impl Strategy<Value = Option<i32>> {
    proptest::option::weighted(0.3, 0_i32..5)
}
