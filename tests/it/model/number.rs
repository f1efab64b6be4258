//! The number inventory: what is free, used, held back, kept for somebody or cooling.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    server::{Ask, Request},
    step::{NUMBERS, number, user},
    world::{Broken, World},
};

/// An entry of the inventory.
#[derive(Clone, Debug)]
pub struct Number {
    pub status: &'static str,
    utility: bool,
    pub reserved_for: Option<String>,
    description: &'static str,
    /// A field of the administrators' own.
    floor: Option<&'static str>,
    /// The minute at which it has cooled.
    until: i64,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreateNumbers {
        first: usize,
        last: usize,
    },
    CreateNumber {
        number: &'static str,
        user: Option<&'static str>,
    },
    DeleteNumbers,
    DeleteNumber {
        number: &'static str,
    },
    Describe {
        number: &'static str,
        text: &'static str,
    },
    /// Of a range; a field of their own as well, where it is said.
    DescribeAll {
        first: usize,
        last: usize,
        text: &'static str,
        floor: Option<&'static str>,
    },
    /// Looks for what does not agree with the lines, and for lines without an entry where that is asked for.
    Audit {
        site: bool,
        add: bool,
    },
    ChangeStatus {
        number: &'static str,
        to: &'static str,
    },
    ReserveFor {
        number: &'static str,
        user: Option<&'static str>,
    },
    Cooling {
        days: i64,
    },
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let range = || (0..NUMBERS.len(), 0..NUMBERS.len()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let text = || proptest::sample::select(&["", "Lobby", "Lift"][..]);
    let floor = proptest::option::of(proptest::sample::select(&["1", "2"][..]));
    prop_oneof![
        1 => range().prop_map(|(first, last)| Step::CreateNumbers { first, last }),
        1 => (number(), proptest::option::weighted(0.3, user()))
            .prop_map(|(number, user)| Step::CreateNumber { number, user }),
        1 => Just(Step::DeleteNumbers),
        1 => number().prop_map(|number| Step::DeleteNumber { number }),
        1 => (number(), text()).prop_map(|(number, text)| Step::Describe { number, text }),
        1 => (range(), text(), floor)
            .prop_map(|((first, last), text, floor)| Step::DescribeAll { first, last, text, floor }),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(site, add)| Step::Audit { site, add }),
        2 => (number(), status()).prop_map(|(number, to)| Step::ChangeStatus { number, to }),
        1 => (number(), proptest::option::weighted(0.4, user()))
            .prop_map(|(number, user)| Step::ReserveFor { number, user }),
        1 => proptest::sample::select(&[0, 0, 7, 14][..]).prop_map(|days| Step::Cooling { days }),
    ]
}

/// A status to ask for, by lot.
pub fn status() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(
        &["AVAILABLE", "AVAILABLE", "AVAILABLE", "USED", "USED_UTILITY", "RESERVED", "COOLING"][..],
    )
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
        Step::CreateNumber { number, user } => (
            "createNumber",
            json!({
                "organizationId": ask.estate.berlin, "clusterId": ask.estate.emea, "pattern": number,
                "reservedFor": user,
            }),
        ),
        Step::DeleteNumber { number } => ("deleteNumber", json!({"id": ask.id("Number", number)})),
        Step::Describe { number, text } => {
            ("updateNumber", json!({"id": ask.id("Number", number), "description": text}))
        }
        Step::DescribeAll { first, last, text, floor } => {
            let mut input = json!({
                "clusterId": ask.estate.emea, "first": NUMBERS[*first], "last": NUMBERS[*last],
                "description": text,
            });
            if let Some(floor) = floor {
                input["extra"] = json!([{"name": "floor", "value": floor}]);
            }
            ("updateNumbers", input)
        }
        Step::Audit { site, add } => {
            let site = site.then_some(&ask.estate.berlin);
            ("auditNumbers", json!({"organizationId": site, "addMissing": add}))
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
            Step::CreateNumber { number, user } => {
                let status = if self.stands(number) { "USED" } else { "AVAILABLE" };
                let new = Number { reserved_for: user.map(str::to_owned), ..Number::new(status) };
                self.numbers.entry((*number).to_owned()).or_insert(new);
            }
            Step::DeleteNumber { number } => {
                let Some(number) = self.numbers.remove(*number) else { return vec!["NOT_FOUND"] };
                if number.status != "AVAILABLE" || number.reserved_for.is_some() {
                    broken.push("NUMBER_NOT_FREE");
                }
            }
            Step::Describe { number, text } => match self.numbers.get_mut(*number) {
                Some(number) => number.description = text,
                None => broken.push("NOT_FOUND"),
            },
            Step::DescribeAll { first, last, text, floor } => {
                for number in &NUMBERS[*first..=*last] {
                    let Some(number) = self.numbers.get_mut(*number) else { continue };
                    (number.description, number.floor) = (text, floor.or(number.floor));
                }
            }
            Step::Audit { add, .. } => {
                let standing = self.lines.iter().filter(|(_, line)| *add && !line.on.is_empty());
                for (number, _) in standing {
                    self.numbers.entry(number.clone()).or_insert(Number::new("USED"));
                }
            }
            Step::DeleteNumbers => {
                self.numbers
                    .retain(|_, number| number.status != "AVAILABLE" || number.reserved_for.is_some());
            }
            Step::ChangeStatus { number, to } => {
                let (cooling, now) = (self.cooling, self.now);
                let Some(number) = self.numbers.get_mut(*number) else { return vec!["NOT_FOUND"] };
                match (number.status, *to) {
                    ("AVAILABLE", "AVAILABLE") => {}
                    ("RESERVED" | "COOLING", "AVAILABLE") => number.make_available(),
                    ("USED_UTILITY", "AVAILABLE") => {
                        number.utility = false;
                        number.free(cooling, now);
                    }
                    ("AVAILABLE" | "RESERVED", "RESERVED") => number.status = "RESERVED",
                    ("AVAILABLE" | "COOLING", "COOLING") => number.cool(3, now),
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

impl Number {
    fn new(status: &'static str) -> Self {
        Self { status, utility: false, reserved_for: None, description: "", floor: None, until: 0 }
    }

    /// Nothing stands on a device any more.
    pub fn free(&mut self, cooling: i64, now: i64) {
        match (self.utility, cooling) {
            (true, _) => self.status = "USED_UTILITY",
            (false, 0) => self.make_available(),
            (false, days) => self.cool(days, now),
        }
    }

    fn cool(&mut self, days: i64, now: i64) {
        self.status = "COOLING";
        self.until = now + days * 1_440;
    }

    /// The description was the last one's.
    fn make_available(&mut self) {
        self.status = "AVAILABLE";
        self.description = "";
    }

    /// What time brings.
    pub fn ripen(&mut self, now: i64) {
        if self.status == "COOLING" && self.until <= now {
            self.make_available();
        }
    }

    pub fn shown(&self, number: &str) -> Value {
        let floor: Vec<_> = self.floor.iter().map(|floor| json!(["floor", floor])).collect();
        json!([number, self.status, self.utility, self.reserved_for, self.description, floor])
    }
}
