//! What may be asked: every kind of mutation, over few names, so that steps meet each other.

use proptest::prelude::*;

/// The names that profiles and phones are asked for under; they share one namespace, whatever the case.
pub const NAMES: [&str; 7] = ["EM-0", "EM-1", "EM-2", "em-0", "SEP0", "SEP1", "GW-1"];
/// A name that is neither a profile's nor a phone's, there from the start.
pub const REGISTERED: &str = "GW-1";
/// User ids.
pub const USERS: [&str; 4] = ["anna", "ben", "clara", "dora"];
/// Directory numbers.
pub const NUMBERS: [&str; 6] = ["4000", "4001", "4002", "4003", "4004", "4005"];

/// Something to ask for. What it names may be there or not.
#[derive(Clone, Debug)]
pub enum Step {
    CreateProfile { name: &'static str, lines: Vec<&'static str>, users: Vec<&'static str> },
    CopyProfile { from: &'static str, name: &'static str },
    Describe { profile: &'static str, text: &'static str },
    DeleteProfile { name: &'static str, release: bool },
    CreatePhone { name: &'static str, logout: Option<&'static str> },
    ShowLoggedOut { phone: &'static str, profile: Option<&'static str> },
    DeletePhone { name: &'static str },
    CreateUser { user: &'static str, profiles: Vec<&'static str>, default: Option<usize> },
    DeleteUser { user: &'static str, delete: Option<bool> },
    Associate { profile: &'static str, users: Vec<&'static str> },
    Disassociate { profile: &'static str, user: &'static str },
    Reorder { profile: &'static str, users: Vec<&'static str> },
    SetDefault { user: &'static str, profile: Option<&'static str> },
    CreateLine { number: &'static str },
    DeleteLine { number: &'static str, told: bool },
    AddLine { device: &'static str, number: &'static str, index: Option<i32> },
    RemoveLine { device: &'static str, number: &'static str },
    MoveLine { device: &'static str, number: &'static str, index: i32 },
    ChangeLine { device: &'static str, number: &'static str, calls: i32 },
    ReplaceLines { device: &'static str, lines: Vec<(&'static str, i32)> },
    AddButton { device: &'static str, index: Option<i32>, dials: &'static str },
    MoveButton { device: &'static str, from: i32, to: i32 },
    RemoveButton { device: &'static str, index: i32 },
    ReplaceButtons { device: &'static str, dials: Vec<&'static str> },
    CreateNumbers { first: usize, last: usize },
    DeleteNumbers,
    ChangeStatus { number: &'static str, to: &'static str },
    ReserveFor { number: &'static str, user: Option<&'static str> },
    Login { user: &'static str, phone: &'static str, profile: Option<&'static str>, force: bool },
    Logout { phone: &'static str },
    Cooling { days: i64 },
    DaysPass { days: i64 },
}

/// Histories of a length.
pub fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let name = || proptest::sample::select(&NAMES[..]);
    let user = || proptest::sample::select(&USERS[..]);
    let users = || proptest::collection::vec(user(), 0..3);
    let number = || proptest::sample::select(&NUMBERS[..]);
    let dials = || proptest::sample::select(&["4001", "+49301234,,88#", "call me"][..]);
    let place = || proptest::option::weighted(0.3, 0_i32..5);
    let status = || {
        proptest::sample::select(
            &["AVAILABLE", "AVAILABLE", "AVAILABLE", "USED", "USED_UTILITY", "RESERVED", "COOLING"][..],
        )
    };
    let step = prop_oneof![
        5 => (name(), proptest::collection::vec(number(), 0..3), users())
            .prop_map(|(name, lines, users)| Step::CreateProfile { name, lines, users }),
        1 => (name(), name()).prop_map(|(from, name)| Step::CopyProfile { from, name }),
        1 => (name(), proptest::sample::select(&["", "Hot desk"][..]))
            .prop_map(|(profile, text)| Step::Describe { profile, text }),
        1 => (name(), any::<bool>()).prop_map(|(name, release)| Step::DeleteProfile { name, release }),
        3 => (name(), proptest::option::weighted(0.3, name()))
            .prop_map(|(name, logout)| Step::CreatePhone { name, logout }),
        1 => (name(), proptest::option::weighted(0.7, name()))
            .prop_map(|(phone, profile)| Step::ShowLoggedOut { phone, profile }),
        1 => name().prop_map(|name| Step::DeletePhone { name }),
        5 => (user(), proptest::collection::vec(name(), 0..2), proptest::option::weighted(0.4, 0_usize..2))
            .prop_map(|(user, profiles, default)| Step::CreateUser { user, profiles, default }),
        1 => (user(), proptest::option::of(any::<bool>()))
            .prop_map(|(user, delete)| Step::DeleteUser { user, delete }),
        2 => (name(), users()).prop_map(|(profile, users)| Step::Associate { profile, users }),
        1 => (name(), user()).prop_map(|(profile, user)| Step::Disassociate { profile, user }),
        1 => (name(), users()).prop_map(|(profile, users)| Step::Reorder { profile, users }),
        1 => (user(), proptest::option::weighted(0.8, name()))
            .prop_map(|(user, profile)| Step::SetDefault { user, profile }),
        1 => number().prop_map(|number| Step::CreateLine { number }),
        1 => (number(), any::<bool>()).prop_map(|(number, told)| Step::DeleteLine { number, told }),
        4 => (name(), number(), place())
            .prop_map(|(device, number, index)| Step::AddLine { device, number, index }),
        2 => (name(), number()).prop_map(|(device, number)| Step::RemoveLine { device, number }),
        1 => (name(), number(), 0_i32..5)
            .prop_map(|(device, number, index)| Step::MoveLine { device, number, index }),
        2 => (name(), number(), prop_oneof![3 => 2_i32..90, 1 => 90_i32..203, 1 => 0_i32..2])
            .prop_map(|(device, number, calls)| Step::ChangeLine { device, number, calls }),
        2 => (name(), proptest::collection::vec((number(), 1_i32..5), 0..3))
            .prop_map(|(device, lines)| Step::ReplaceLines { device, lines }),
        2 => (name(), place(), dials())
            .prop_map(|(device, index, dials)| Step::AddButton { device, index, dials }),
        1 => (name(), 1_i32..5, 0_i32..5).prop_map(|(device, from, to)| Step::MoveButton { device, from, to }),
        1 => (name(), 1_i32..5).prop_map(|(device, index)| Step::RemoveButton { device, index }),
        1 => (name(), proptest::collection::vec(dials(), 0..3))
            .prop_map(|(device, dials)| Step::ReplaceButtons { device, dials }),
        1 => (0..NUMBERS.len(), 0..NUMBERS.len()).prop_map(|(a, b)| Step::CreateNumbers {
            first: a.min(b),
            last: a.max(b),
        }),
        1 => Just(Step::DeleteNumbers),
        2 => (number(), status()).prop_map(|(number, to)| Step::ChangeStatus { number, to }),
        1 => (number(), proptest::option::weighted(0.4, user()))
            .prop_map(|(number, user)| Step::ReserveFor { number, user }),
        4 => (user(), name(), proptest::option::weighted(0.2, name()), any::<bool>())
            .prop_map(|(user, phone, profile, force)| Step::Login { user, phone, profile, force }),
        1 => name().prop_map(|phone| Step::Logout { phone }),
        1 => proptest::sample::select(&[0, 0, 7, 14][..]).prop_map(|days| Step::Cooling { days }),
        1 => (1_i64..9).prop_map(|days| Step::DaysPass { days }),
    ];
    proptest::collection::vec(step, length)
}
