//! The number inventory: what is free, used, held back, kept for somebody or cooling.

use proptest::prelude::*;
use serde_json::json;

use super::{
    server::{Ask, Request},
    step::{NUMBERS, number, user},
    world::{Broken, Number, World},
};

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreateNumbers { first: usize, last: usize },
    DeleteNumbers,
    ChangeStatus { number: &'static str, to: &'static str },
    ReserveFor { number: &'static str, user: Option<&'static str> },
    Cooling { days: i64 },
    DaysPass { days: i64 },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let status = || {
        proptest::sample::select(
            &["AVAILABLE", "AVAILABLE", "AVAILABLE", "USED", "USED_UTILITY", "RESERVED", "COOLING"][..],
        )
    };
    prop_oneof![
        1 => (0..NUMBERS.len(), 0..NUMBERS.len()).prop_map(|(a, b)| Step::CreateNumbers {
            first: a.min(b),
            last: a.max(b),
        }),
        1 => Just(Step::DeleteNumbers),
        2 => (number(), status()).prop_map(|(number, to)| Step::ChangeStatus { number, to }),
        1 => (number(), proptest::option::weighted(0.4, user()))
            .prop_map(|(number, user)| Step::ReserveFor { number, user }),
        1 => proptest::sample::select(&[0, 0, 7, 14][..]).prop_map(|days| Step::Cooling { days }),
        1 => (1_i64..9).prop_map(|days| Step::DaysPass { days }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    match step {
        Step::CreateNumbers { first, last } => (
            "createNumbers",
            json!({
                "organizationId": ask.estate.berlin, "clusterId": ask.estate.emea, "first": NUMBERS[*first],
                "last": NUMBERS[*last],
            }),
        ),
        Step::DeleteNumbers => {
            let (first, last) = (NUMBERS[0], NUMBERS[NUMBERS.len() - 1]);
            ("deleteNumbers", json!({"clusterId": ask.estate.emea, "first": first, "last": last}))
        }
        Step::ChangeStatus { number, to } => {
            let utility = (*to == "USED_UTILITY").then_some("CALL_PARK");
            let days = (*to == "COOLING").then_some(3);
            let input =
                json!({"numberId": ask.id("Number", number), "to": to, "utility": utility, "days": days});
            ("changeNumberStatus", input)
        }
        Step::ReserveFor { number, user } => (
            "reserveNumbersFor",
            json!({
                "organizationId": ask.estate.berlin, "clusterId": ask.estate.emea, "patterns": [number], "userId": user,
            }),
        ),
        Step::Cooling { days } => {
            ("updateOrganization", json!({"id": ask.estate.berlin, "coolingDays": days}))
        }
        Step::DaysPass { .. } => unreachable!("the clock is not asked"),
    }
}

impl World {
    /// What becomes of the number inventory.
    pub fn number(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::CreateNumbers { first, last } => {
                for number in &NUMBERS[*first..=*last] {
                    let status = if self.stands(number) { "USED" } else { "AVAILABLE" };
                    self.numbers.entry((*number).to_owned()).or_insert(Number::new(status));
                }
            }
            Step::DeleteNumbers => {
                self.numbers
                    .retain(|_, number| number.status != "AVAILABLE" || number.reserved_for.is_some());
            }
            Step::ChangeStatus { number, to } => {
                let (cooling, day) = (self.cooling, self.day);
                let Some(number) = self.numbers.get_mut(*number) else { return vec!["NOT_FOUND"] };
                match (number.status, *to) {
                    ("AVAILABLE" | "RESERVED" | "COOLING", "AVAILABLE") => number.status = "AVAILABLE",
                    ("USED_UTILITY", "AVAILABLE") => {
                        number.utility = false;
                        number.free(cooling, day);
                    }
                    ("AVAILABLE" | "RESERVED", "RESERVED") => number.status = "RESERVED",
                    ("AVAILABLE" | "COOLING", "COOLING") => number.cool(3, day),
                    ("USED", "USED") => number.utility = false,
                    ("USED", "USED_UTILITY") => number.utility = true,
                    ("AVAILABLE" | "USED_UTILITY", "USED_UTILITY") => {
                        number.utility = true;
                        number.status = "USED_UTILITY";
                    }
                    _ => broken.push("NUMBER_STATUS_ILLEGAL"),
                }
            }
            Step::ReserveFor { number, user } => {
                let status = if self.stands(number) { "USED" } else { "AVAILABLE" };
                let known = self.numbers.contains_key(*number);
                if !known && user.is_none() {
                    return vec!["NOT_FOUND"];
                }
                let number = self.numbers.entry((*number).to_owned()).or_insert(Number::new(status));
                let holder = number.reserved_for.as_deref();
                if holder.is_some() && user.is_some() && holder != *user {
                    broken.push("NUMBER_RESERVED_FOR_OTHER_USER");
                }
                number.reserved_for = user.map(str::to_owned);
            }
            Step::Cooling { days } => self.cooling = *days,
            Step::DaysPass { days } => {
                self.day += days;
                let day = self.day;
                for number in self.numbers.values_mut() {
                    if number.status == "COOLING" && number.until <= day {
                        number.status = "AVAILABLE";
                    }
                }
            }
        }
        broken
    }

    /// The next number that a user may be given: one that is kept for the user before any other (RSV-4).
    pub fn next_number(&self, user: &str) -> Option<String> {
        let free = |number: &str, known: &Number| known.status == "AVAILABLE" && !self.stands(number);
        let find = |holder: Option<&str>| {
            let all = self.numbers.iter();
            let mut found =
                all.filter(|(number, known)| free(number, known) && known.reserved_for.as_deref() == holder);
            found.next().map(|(number, _)| number.clone())
        };
        find(Some(user)).or_else(|| find(None))
    }
}
