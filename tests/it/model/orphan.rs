//! What is left behind: profiles without users, lines that stand nowhere, numbers kept for people who are gone.

use proptest::prelude::*;
use serde_json::json;

use super::{
    server::{Ask, Request},
    step::{name, number},
    world::{Broken, Kind, World},
};

/// One thing to clean up.
#[derive(Clone, Debug)]
pub enum Step {
    Profile { name: &'static str },
    Line { number: &'static str },
    Number { number: &'static str },
}

/// Things to clean up, by lot, in the order in which they are done.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let few = |most| 0..most;
    let profiles = proptest::collection::vec(name().prop_map(|name| Step::Profile { name }), few(3));
    let lines = proptest::collection::vec(number().prop_map(|number| Step::Line { number }), few(4));
    let numbers = proptest::collection::vec(number().prop_map(|number| Step::Number { number }), few(4));
    (profiles, lines, numbers).prop_map(|(profiles, lines, numbers)| [profiles, lines, numbers].concat())
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    let input = match step {
        Step::Profile { name } => json!({"profileIds": [ask.profile(name)]}),
        Step::Line { number } => json!({"lineIds": [ask.id("Line", number)]}),
        Step::Number { number } => json!({"numberIds": [ask.id("Number", number)]}),
    };
    ("cleanUpOrphans", input)
}

impl World {
    /// What becomes of something that may be an orphan.
    pub fn orphan(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::Profile { name } => {
                let Some(profile) = self.device(name, Kind::Profile) else { return vec!["NOT_FOUND"] };
                if !profile.users.is_empty() {
                    return vec!["NOT_ORPHANED"];
                }
                let key = name.to_lowercase();
                if self.shown_by_phones(&key) {
                    broken.push("PROFILE_IS_LOGOUT_PROFILE");
                }
                self.delete_device(&key);
            }
            Step::Line { number } => match self.lines.remove(*number) {
                None => broken.push("NOT_FOUND"),
                Some(line) if !line.on.is_empty() => broken.push("NOT_ORPHANED"),
                Some(_) => {}
            },
            Step::Number { number } => {
                let there = |user: &String| self.users.contains_key(user);
                let Some(number) = self.numbers.get_mut(*number) else { return vec!["NOT_FOUND"] };
                match number.reserved_for.take() {
                    Some(user) if !there(&user) => {}
                    Some(_) | None => broken.push("NOT_ORPHANED"),
                }
            }
        }
        broken
    }
}
