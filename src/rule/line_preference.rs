//! What becomes of lines that a device leaves behind, where an organization says so (DEL-5, DEL-6): decided once for all
//! commands, from the changes that a command makes.
//!
//! | where the line stands besides | delete | apply the template |
//! |---|---|---|
//! | nowhere | deleted | where it is not deleted |
//! | on devices of the same user alone | stays | stays |
//! | on a device of somebody else | stays | applied |
//! | on devices of nobody | stays | stays |

use std::collections::BTreeSet;

use entity::{
    Moment, UserId,
    line::{Model, Settings},
    organization::{LinePreferences, LineTemplate},
};

use super::{Broken, Change, Patch, line::check_settings, patched, value};

/// A line that is taken off a device.
#[derive(Clone, Debug)]
pub struct Leaving {
    pub line: Model,
    /// The users of the devices that it leaves: a profile's, or a phone's owner.
    pub users: BTreeSet<UserId>,
    /// The users of each device that it still stands on.
    pub others: Vec<BTreeSet<UserId>>,
    pub preferences: LinePreferences,
}

/// What becomes of the lines.
pub fn settle(lines: &[Leaving], now: Moment) -> Vec<Change> {
    lines.iter().filter_map(|leaving| one(leaving, now)).collect()
}

fn one(leaving: &Leaving, now: Moment) -> Option<Change> {
    let Leaving { line, users, others, preferences } = leaving;
    let unused = others.is_empty();
    if unused && preferences.delete_unused {
        return Some(Change::LineDeleted { line: line.clone() });
    }
    let elses = others.iter().any(|theirs| !theirs.is_empty() && theirs.is_disjoint(users));
    let template = preferences.template.as_ref().filter(|_| unused || elses)?;
    let settings = patch(template).apply(&line.settings).ok()?;
    let description = template.description.clone().unwrap_or_else(|| line.description.clone());
    let after = Model { settings, description, ..line.clone() };
    (after != *line).then(|| Change::LineUpdated {
        before: line.clone(),
        after: Model { version: line.version + 1, updated_at: now, ..after },
    })
}

fn patch(template: &LineTemplate) -> Patch<Settings> {
    Patch::new(template.settings.clone())
}

/// Notes what is wrong with a template.
pub fn check_template(broken: &mut Broken, template: &LineTemplate, path: &str) {
    let mut part = Broken::none();
    let description = template.description.as_deref();
    value::text_or_none(&mut part, "The description", description, 128, "description");
    let settings = patched(&mut part, &patch(template), &Settings::default(), "settings");
    check_settings(&mut part, &settings, "settings");
    broken.nest(part, path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::line::tests::line;

    fn template() -> LineTemplate {
        let settings = [("alerting_name".to_owned(), "Free".into())].into_iter().collect();
        LineTemplate { description: Some("free".into()), settings }
    }

    fn decided(delete: bool, apply: bool, users: &[i64], others: &[&[i64]]) -> &'static str {
        let set = |ids: &[i64]| ids.iter().map(|id| UserId(*id)).collect();
        let leaving = Leaving {
            line: line(1, "4001"),
            users: set(users),
            others: others.iter().map(|ids| set(ids)).collect(),
            preferences: LinePreferences { delete_unused: delete, template: apply.then(template) },
        };
        match settle(&[leaving], Moment(9)).as_slice() {
            [] => "stays",
            [Change::LineDeleted { .. }] => "deleted",
            [Change::LineUpdated { after, .. }] => {
                assert_eq!((after.description.as_str(), after.version), ("free", 2));
                assert_eq!(after.settings.alerting_name.as_deref(), Some("Free"));
                "applied"
            }
            other => panic!("{other:?}"),
        }
    }

    /// DEL-5 and DEL-6, the whole matrix: neither, delete, apply, both.
    #[test]
    fn a_line_is_left_deleted_or_changed_as_the_preferences_say() {
        for (users, others, want) in [
            (&[1_i64][..], &[][..], ["stays", "deleted", "applied", "deleted"]),
            (&[], &[], ["stays", "deleted", "applied", "deleted"]),
            (&[1], &[&[1_i64][..]], ["stays", "stays", "stays", "stays"]),
            (&[1], &[&[1, 2]], ["stays", "stays", "stays", "stays"]),
            (&[1, 3], &[&[3], &[1]], ["stays", "stays", "stays", "stays"]),
            (&[1], &[&[2]], ["stays", "stays", "applied", "applied"]),
            (&[1], &[&[1], &[2]], ["stays", "stays", "applied", "applied"]),
            (&[], &[&[2]], ["stays", "stays", "applied", "applied"]),
            (&[1], &[&[]], ["stays", "stays", "stays", "stays"]),
            (&[], &[&[]], ["stays", "stays", "stays", "stays"]),
        ] {
            let got = [(false, false), (true, false), (false, true), (true, true)]
                .map(|(delete, apply)| decided(delete, apply, users, others));
            assert_eq!(got, want, "{users:?} {others:?}");
        }
    }

    #[test]
    fn a_template_that_changes_nothing_changes_nothing() {
        let leaving = Leaving {
            line: line(1, "4001"),
            users: BTreeSet::new(),
            others: Vec::new(),
            preferences: LinePreferences { delete_unused: false, template: Some(LineTemplate::default()) },
        };
        assert_eq!(settle(&[leaving], Moment(9)), []);
    }

    #[test]
    fn a_template_is_one_that_a_line_may_have() {
        let mut broken = Broken::none();
        let settings = [("ascii_alerting_name".to_owned(), "Zoë".into())].into_iter().collect();
        let long = LineTemplate { description: Some("x".repeat(129)), settings };
        check_template(&mut broken, &long, "template");
        let paths: Vec<_> = broken.0.iter().map(|breach| breach.path.as_str()).collect();
        assert_eq!(paths, ["template.description", "template.settings.asciiAlertingName"]);
    }
}
