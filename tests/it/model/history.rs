//! Taking the newest change back. Where it was one change alone and nothing is lost by it, everything is as it was before.

use super::{
    button::{self, Press},
    line, number, profile, quick_add, service,
    step::Step,
    template, user,
    world::{Broken, World},
};

/// What it comes to when the newest change is taken back.
#[derive(Clone, Debug)]
pub enum Undo {
    /// The model cannot tell, and asks for a change that never was.
    Unknown,
    Refused(&'static str),
    /// This is what there was before.
    Back(Box<World>),
}

impl Undo {
    /// Of a step that made one change alone.
    pub fn of(step: &Step, before: World, after: &World) -> Self {
        let whole = match step {
            Step::Session(_) | Step::Role(_) => return Self::Refused("REVERT_NOT_POSSIBLE"),
            Step::Profile(step) => !matches!(step, profile::Step::Restore { .. }),
            Step::User(step) => match step {
                user::Step::UpdateUser { user, .. } => {
                    before.users[*user].primary == after.users[*user].primary
                }
                user::Step::DeleteUser { user, .. } => before.users[*user].primary.is_none(),
                user::Step::Disassociate { .. } => after.most().is_none(),
                _ => true,
            },
            Step::Line(step) => match step {
                line::Step::ReplaceLines { .. } => false,
                line::Step::RemoveLine { device, number } => {
                    let last = before.lines[*number].on.last();
                    let kept = |known: &number::Number| known.reserved_for.is_some();
                    last == Some(&device.to_lowercase()) && !before.numbers.get(*number).is_some_and(kept)
                }
                _ => true,
            },
            // What a subscription's button was is no more once it went.
            Step::Button(button::Step::Remove { kind, .. } | button::Step::Replace { kind, .. }) => {
                *kind != Press::Url
            }
            Step::Button(_) | Step::Phone(_) | Step::Organization(_) | Step::Cluster(_) | Step::Device(_) => {
                true
            }
            Step::Number(step) => match step {
                number::Step::ChangeStatus { .. } | number::Step::Audit { .. } => false,
                number::Step::CreateNumbers { .. }
                | number::Step::CreateNumber { .. }
                | number::Step::ReserveFor { .. } => {
                    let mut new =
                        after.numbers.iter().filter(|(number, _)| !before.numbers.contains_key(*number));
                    if new.any(|(_, new)| new.status != "AVAILABLE" || new.reserved_for.is_some()) {
                        return Self::Refused("NUMBER_NOT_FREE");
                    }
                    true
                }
                _ => true,
            },
            Step::Service(step) => match step {
                service::Step::Create { .. } | service::Step::Delete { .. } => true,
                service::Step::Offer { url, .. } => url.is_none(),
                _ => false,
            },
            Step::Template(step) => match step {
                template::Step::CreateButton { name, .. } if after.named_by(true, name) > 0 => {
                    return Self::Refused("TEMPLATE_IN_USE");
                }
                template::Step::CreateSoftkey { name } if after.named_by(false, name) > 0 => {
                    return Self::Refused("TEMPLATE_IN_USE");
                }
                template::Step::DeleteDefault { .. } => false,
                _ => true,
            },
            Step::QuickAdd(step) => {
                matches!(step, quick_add::Step::Create { .. } | quick_add::Step::Change { .. })
            }
            Step::Orphan(_) | Step::Bulk(_) | Step::Revert | Step::Pass(_) => false,
        };
        let before = World { undo: Self::Unknown, ..before };
        if whole { Self::Back(Box::new(before)) } else { Self::Unknown }
    }
}

impl World {
    /// What becomes of everything when the newest change is taken back.
    pub fn revert(&mut self) -> Broken {
        let was = match &self.undo {
            Undo::Unknown => return vec!["NOT_FOUND"],
            Undo::Refused(code) => return vec![*code],
            Undo::Back(was) => was.clone(),
        };
        let mut deleted = std::mem::take(&mut self.deleted);
        // A profile that is back is no deleted one.
        deleted.retain(|key, _| self.devices.contains_key(key) || !was.devices.contains_key(key));
        *self = Self { deleted, count: self.count, ..*was };
        Broken::new()
    }
}
