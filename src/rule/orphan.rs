//! What is left behind: profiles without users, lines that stand nowhere, numbers kept for people who are gone (P3, P12).

use entity::{DeviceId, LineId, NumberId};
use serde::{Deserialize, Serialize};

use super::{Broken, Rule};

/// Takes one orphan away: deletes the profile or line, or keeps the number for nobody any more.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CleanUp {
    pub orphan: Orphan,
}

/// Something that may be an orphan.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Orphan {
    Profile(DeviceId),
    Line(LineId),
    Number(NumberId),
}

/// What must be known of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Facts {
    /// What people call it; none where it is not there for the caller to see.
    pub name: Option<String>,
    /// Whether anybody uses it, seen by the caller or not.
    pub is_used: bool,
}

/// Refuses what is no orphan (any more).
pub fn check(cmd: &CleanUp, facts: &Facts) -> Result<(), Broken> {
    let (noun, id) = match cmd.orphan {
        Orphan::Profile(id) => ("profile", id.to_string()),
        Orphan::Line(id) => ("line", id.to_string()),
        Orphan::Number(id) => ("number", id.to_string()),
    };
    let Some(name) = &facts.name else { return Err(Broken::one(Rule::NotFound { noun, id }, "")) };
    if facts.is_used {
        return Err(Broken::one(Rule::NotOrphaned { what: format!("'{name}'") }, ""));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::RuleCode;

    #[test]
    fn only_what_nobody_uses_goes() {
        let cmd = CleanUp { orphan: Orphan::Line(LineId(3)) };
        for (name, is_used, want) in [
            (Some("4001"), false, None),
            (Some("4001"), true, Some(RuleCode::NotOrphaned)),
            (None, false, Some(RuleCode::NotFound)),
            (None, true, Some(RuleCode::NotFound)),
        ] {
            let facts = Facts { name: name.map(str::to_owned), is_used };
            let got = check(&cmd, &facts).err().map(|broken| broken.0[0].rule.code());
            assert_eq!(got, want, "{name:?} {is_used}");
        }
    }
}
