//! Many things at once (BLK-6): how many, and what is said of them together.

use serde::{Deserialize, Serialize};

use super::{Broken, Rule};

/// Items of one call.
pub const MOST: usize = 1_000;

/// What becomes of the others when an item is refused.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Policy {
    /// Nothing is done unless everything can be.
    #[default]
    AllOrNothing,
    /// Each item stands for itself.
    Each,
}

impl Policy {
    /// The policy's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllOrNothing => "ALL_OR_NOTHING",
            Self::Each => "EACH",
        }
    }
}

/// Refuses more items than go at once.
pub fn check_count(count: usize) -> Result<(), Broken> {
    if count > MOST { Err(Broken::one(Rule::TooManyItems { most: MOST }, "items")) } else { Ok(()) }
}

/// Refuses to change whatever profile there is: a filter that lets all of them pass may have been forgotten.
pub fn check_filter(open: bool) -> Result<(), Broken> {
    if open { Err(Broken::one(Rule::ProfileFilterEmpty, "filter")) } else { Ok(()) }
}

/// Refuses what is said with an item and belongs to the whole call; `said` names it, of each item.
pub fn check_calls(said: impl IntoIterator<Item = Vec<&'static str>>) -> Result<(), Broken> {
    let mut broken = Broken::none();
    for (at, names) in said.into_iter().enumerate() {
        for name in names {
            broken.add(Rule::SaidInItem { what: name.to_owned() }, format!("items.{at}.{name}"));
        }
    }
    if broken.is_none() { Ok(()) } else { Err(broken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_items_go_at_once() {
        assert!(check_count(MOST).is_ok());
        let broken = check_count(MOST + 1).expect_err("too many");
        assert_eq!(
            (broken.0[0].rule.code().as_str(), broken.0[0].path.as_str()),
            ("TOO_MANY_ITEMS", "items")
        );
    }

    #[test]
    fn what_belongs_to_the_call_is_not_said_in_items() {
        assert!(check_calls([vec![], vec![]]).is_ok());
        let broken = check_calls([vec![], vec!["dryRun", "reason"]]).expect_err("said twice");
        let paths: Vec<_> = broken.0.iter().map(|breach| breach.path.as_str()).collect();
        assert_eq!(paths, ["items.1.dryRun", "items.1.reason"]);
    }
}
