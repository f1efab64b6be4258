//! A profile as it was: what it is now with every later change taken back, newest first. Backwards, as the log need
//! then reach no further than the moment that is asked for.
//!
//! `version` and `updated_at` are those of some state near by: they count transactions, which is not what a change
//! tells.

use std::collections::{BTreeMap, BTreeSet};

use entity::{
    AppearanceId, ButtonId, DeviceId, LineId, ServiceId, ServiceSubscriptionId, UserId, button, line,
    line_appearance, profile, service, service_subscription, user,
};

use crate::rule::Change;

/// A profile with what is its own.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct State {
    /// None while it was not there.
    pub profile: Option<profile::Model>,
    pub appearances: BTreeMap<AppearanceId, line_appearance::Model>,
    /// In order.
    pub users: Vec<UserId>,
    pub buttons: BTreeMap<ButtonId, button::Model>,
    /// Those that wait, unsubscribed, included. None has its passwords, as no change has.
    pub services: BTreeMap<ServiceSubscriptionId, service_subscription::Model>,
}

impl State {
    /// Takes a change back, as far as it was one of this profile.
    pub fn undo(&mut self, id: DeviceId, change: &Change) {
        match change {
            Change::ProfileCreated { profile } if profile.id == id => *self = Self::default(),
            Change::ProfileUpdated { before, .. } if before.id == id => self.profile = Some(before.clone()),
            Change::ProfileDeleted { profile } if profile.id == id => self.profile = Some(profile.clone()),
            Change::AppearanceAdded { appearance, .. } => {
                self.appearances.remove(&appearance.id);
            }
            Change::AppearanceUpdated { before, .. } | Change::ClonePromoted { before, .. }
                if before.device_id == id =>
            {
                // Settings have changes of their own.
                let settings = self.appearances.get(&before.id).map(|known| known.settings.clone());
                let settings = settings.unwrap_or_else(|| before.settings.clone());
                self.appearances.insert(before.id, line_appearance::Model { settings, ..before.clone() });
            }
            Change::AppearanceSettingsChanged { appearance_id, before, .. } => {
                if let Some(appearance) = self.appearances.get_mut(appearance_id) {
                    appearance.settings = before.clone();
                }
            }
            Change::AppearanceRemoved { appearance, .. } if appearance.device_id == id => {
                self.appearances.insert(appearance.id, appearance.clone());
            }
            Change::UserAssociated { association, .. } if association.profile_id == id => {
                self.users.retain(|user| *user != association.user_id);
            }
            Change::UserDisassociated { association, .. } if association.profile_id == id => {
                let place = usize::try_from(association.position - 1).unwrap_or(0).min(self.users.len());
                self.users.insert(place, association.user_id);
            }
            Change::UsersReordered { profile_id, before, .. } if *profile_id == id => {
                self.users.clone_from(before);
            }
            Change::ButtonAdded { button, .. } => {
                self.buttons.remove(&button.id);
            }
            Change::ButtonUpdated { before, .. } if before.device_id == id => {
                self.buttons.insert(before.id, before.clone());
            }
            Change::ButtonRemoved { button, .. } if button.device_id == id => {
                self.buttons.insert(button.id, button.clone());
            }
            Change::ServiceSubscribed { subscription, .. } => {
                self.services.remove(&subscription.id);
            }
            Change::ServiceSubscriptionUpdated { before, .. } if before.device_id == id => {
                self.services.insert(before.id, before.clone());
            }
            Change::ServiceSubscriptionRemoved { subscription, .. } if subscription.device_id == id => {
                self.services.insert(subscription.id, subscription.clone());
            }
            // Those of other devices, and what is not a profile's own.
            Change::ProfileCreated { .. }
            | Change::ProfileUpdated { .. }
            | Change::ProfileDeleted { .. }
            | Change::ProfileRestored { .. }
            | Change::AppearanceUpdated { .. }
            | Change::ClonePromoted { .. }
            | Change::AppearanceRemoved { .. }
            | Change::UserAssociated { .. }
            | Change::UserDisassociated { .. }
            | Change::UsersReordered { .. }
            | Change::ButtonUpdated { .. }
            | Change::ButtonRemoved { .. }
            | Change::SessionStarted { .. }
            | Change::SessionEnded { .. }
            | Change::RoleCreated { .. }
            | Change::RoleUpdated { .. }
            | Change::RoleDeleted { .. }
            | Change::DefaultDeviceProfileCreated { .. }
            | Change::DefaultDeviceProfileUpdated { .. }
            | Change::DefaultDeviceProfileDeleted { .. }
            | Change::ServiceCreated { .. }
            | Change::ServiceUpdated { .. }
            | Change::ServiceDeleted { .. }
            | Change::ServiceSubscriptionUpdated { .. }
            | Change::ServiceSubscriptionRemoved { .. }
            | Change::ServiceResynced { .. }
            | Change::OrganizationCreated { .. }
            | Change::OrganizationRenamed { .. }
            | Change::OrganizationMoved { .. }
            | Change::OrganizationUpdated { .. }
            | Change::OrganizationDeleted { .. }
            | Change::ClusterCreated { .. }
            | Change::ClusterUpdated { .. }
            | Change::ClusterDeleted { .. }
            | Change::DeviceRegistered { .. }
            | Change::DeviceReleased { .. }
            | Change::PhoneCreated { .. }
            | Change::PhoneUpdated { .. }
            | Change::PhoneDeleted { .. }
            | Change::LineCreated { .. }
            | Change::LineUpdated { .. }
            | Change::LineDeleted { .. }
            | Change::UserCreated { .. }
            | Change::UserUpdated { .. }
            | Change::UserDeleted { .. }
            | Change::UserPhonesChanged { .. }
            | Change::UserCtiProfilesChanged { .. }
            | Change::NumberCreated { .. }
            | Change::NumberUpdated { .. }
            | Change::NumberDeleted { .. }
            | Change::EstateGenerated { .. }
            | Change::TemplateCreated { .. }
            | Change::TemplateUpdated { .. }
            | Change::TemplateDeleted { .. }
            | Change::QuickAddGroupCreated { .. }
            | Change::QuickAddGroupUpdated { .. }
            | Change::QuickAddGroupDeleted { .. }
            | Change::JobStarted { .. }
            | Change::JobProgressed { .. } => {}
        }
    }

    /// The appearances in the order of their places.
    pub fn lines(&self) -> Vec<&line_appearance::Model> {
        let mut lines: Vec<_> = self.appearances.values().collect();
        lines.sort_by_key(|appearance| appearance.position);
        lines
    }

    /// The buttons, list by list, in the order of their positions.
    pub fn keys(&self) -> Vec<&button::Model> {
        let mut keys: Vec<_> = self.buttons.values().collect();
        keys.sort_by_key(|button| (button.kind, button.position));
        keys
    }

    /// The subscriptions to phone services, the oldest first.
    pub fn subscriptions(&self) -> Vec<&service_subscription::Model> {
        let mut subscriptions: Vec<_> = self.services.values().collect();
        subscriptions.sort_by_key(|subscription| (subscription.created_at, subscription.id));
        subscriptions
    }
}

/// The lines, users and phone services that a state names, as they were then: as they are now, with later changes taken back.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Around {
    pub lines: BTreeMap<LineId, line::Model>,
    pub users: BTreeMap<UserId, user::Model>,
    pub services: BTreeMap<ServiceId, service::Model>,
    /// The lines that are not there any more.
    pub gone: BTreeSet<LineId>,
}

impl Around {
    /// Takes a change of a line, a user or a phone service back.
    pub fn undo(&mut self, change: &Change) {
        match change {
            Change::LineUpdated { before, .. } => {
                self.lines.insert(before.id, before.clone());
            }
            Change::LineDeleted { line } => {
                self.gone.insert(line.id);
                self.lines.insert(line.id, line.clone());
            }
            Change::UserUpdated { before, .. } => {
                self.users.insert(before.id, before.clone());
            }
            Change::UserDeleted { user } => {
                self.users.insert(user.id, user.clone());
            }
            Change::ServiceUpdated { before, .. } => {
                self.services.insert(before.id, before.clone());
            }
            Change::ServiceDeleted { service } => {
                self.services.insert(service.id, service.clone());
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::{Moment, OrganizationId, device, line_appearance::Role, profile_user};

    use super::*;
    use crate::rule::{
        button::tests::button,
        change::On,
        history::service_subscription::tests::subscription,
        line::tests::{appearance, line},
        profile::tests::profile,
    };

    const P: DeviceId = DeviceId(10);

    fn on() -> On {
        On { organization_id: OrganizationId(2), kind: device::Kind::Profile, name: "EM-1".into() }
    }

    fn user(id: i64, position: i32) -> profile_user::Model {
        profile_user::Model { profile_id: P, user_id: UserId(id), position }
    }

    #[test]
    fn users_come_back_to_their_places() {
        let organization_id = OrganizationId(2);
        let mut state =
            State { profile: Some(profile("{}")), users: vec![UserId(3), UserId(1)], ..State::default() };
        let changes = [
            Change::UserDisassociated { organization_id, association: user(2, 2) },
            Change::UsersReordered {
                organization_id,
                profile_id: P,
                before: vec![UserId(1), UserId(3)],
                after: vec![UserId(3), UserId(1)],
            },
        ];
        for change in changes.iter().rev() {
            state.undo(P, change);
        }
        assert_eq!(state.users, [UserId(1), UserId(2), UserId(3)]);
        state.undo(P, &Change::UserAssociated { organization_id, association: user(3, 3) });
        assert_eq!(state.users, [UserId(1), UserId(2)]);
        state.undo(DeviceId(8), &Change::UserAssociated { organization_id, association: user(1, 1) });
        assert_eq!(state.users.len(), 2, "another profile's");
    }

    #[test]
    fn what_was_not_there_is_nothing_and_what_went_is_there() {
        let mut state = State::default();
        let there = line_appearance::Model { device_id: P, ..appearance(4, 1, 10, 1, Role::Original) };
        let key = button::Model { device_id: P, ..button(5, button::Kind::SpeedDial, 1) };
        for change in [
            Change::ProfileDeleted { profile: profile("{}") },
            Change::ButtonRemoved { on: on(), button: key.clone() },
            Change::AppearanceRemoved { on: on(), appearance: there.clone() },
        ] {
            state.undo(P, &change);
        }
        assert_eq!((state.lines(), state.keys()), (vec![&there], vec![&key]));
        state.undo(P, &Change::ProfileCreated { profile: profile("{}") });
        assert_eq!(state, State::default());
    }

    #[test]
    fn a_subscription_is_as_it_was_then() {
        let there = service_subscription::Model { device_id: P, ..subscription("4001") };
        let late = service_subscription::Model { subscribed: false, url: "late".into(), ..there.clone() };
        let (mut state, before) = (State::default(), there.clone());
        state.undo(P, &Change::ServiceSubscriptionRemoved { on: on(), subscription: late.clone() });
        assert_eq!(state.subscriptions(), [&late]);
        let updated = Change::ServiceSubscriptionUpdated { on: on(), before, after: late };
        state.undo(DeviceId(8), &updated);
        assert!(!state.subscriptions()[0].subscribed, "another profile's");
        state.undo(P, &updated);
        assert_eq!(state.subscriptions(), [&there]);
        state.undo(P, &Change::ServiceSubscribed { on: on(), subscription: there });
        assert_eq!(state, State::default());
    }

    #[test]
    fn a_line_is_as_it_was_then() {
        let mut around = Around::default();
        let then = line(3, "4001");
        around
            .undo(&Change::LineDeleted { line: line::Model { description: "late".into(), ..then.clone() } });
        around.undo(&Change::LineUpdated {
            before: then.clone(),
            after: line::Model { description: "late".into(), updated_at: Moment(9), ..then.clone() },
        });
        assert_eq!(around.lines[&LineId(3)], then);
    }
}
