//! Making a deleted profile again (DEL-10): what was its own comes back under the rules of today, and what cannot is
//! left out and named with the reason. Passwords of phone services are in no change: a service that asks for one comes
//! back only where it can do without. What was unsubscribed waits again with its values.
//!
//! Everything gets the ids that it had: no id is given out twice, so whatever still holds one means the same thing. The
//! version goes on where it ended, so that nobody changes the restored profile with a version from before.

use std::collections::BTreeMap;

use entity::{
    ButtonId, DeviceId, LineId, Moment, OrganizationId, UserId, button as button_entity, device,
    line_appearance::Role, phone, profile, service_subscription as subscription_entity, user,
};
use serde::{Deserialize, Serialize};

use super::{
    service_subscription::{no_service, resubscribed, told, waiting},
    state::{Around, State},
};
use crate::rule::{
    Broken, Change, Decision, Patch, Rule,
    button::{self, again},
    change::{LeftOut, On, Part},
    line::{Adding, Device, NewLine, Reference},
    profile::{Create, CreateFacts, Fields, create},
    service_subscription::{self as subscription_rule, Place},
    template::check_fit,
    user::Entitlement,
};

/// Makes a deleted profile again.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Restore {
    pub profile: DeviceId,
    /// Another name, where the old one is taken.
    pub name: Option<String>,
    /// Another organization to keep it at.
    pub organization: Option<OrganizationId>,
}

/// A deletion as the log tells it.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// The number of its change.
    pub seq: i64,
    /// The profile with what was its own, right before.
    pub state: State,
    pub profile: profile::Model,
    /// The lines and users of then.
    pub around: Around,
    /// Everything that was done together with it.
    pub changes: Vec<Change>,
}

/// What [`restore`] must know besides what creating a profile must.
pub struct Facts {
    pub now: Moment,
    pub create: CreateFacts,
    /// The users whose default profile it was or who controlled it, as they are now, with the profiles that they control.
    pub users: BTreeMap<UserId, (user::Model, Vec<DeviceId>)>,
    /// The phones that showed it, as they are now.
    pub phones: BTreeMap<DeviceId, phone::Model>,
}

impl Deletion {
    /// The creation that makes the profile again.
    pub fn creation(&self, cmd: &Restore) -> Create {
        let was = &self.profile;
        let fields = Fields {
            description: was.description.clone(),
            button_template: Some(was.button_template.clone()),
            softkey_template: was.softkey_template.clone(),
            login_user_id: was.login_user_id,
        };
        let lines = self.state.lines().into_iter().map(|appearance| {
            let then = self.around.lines.get(&appearance.line_id);
            let gone = then.filter(|line| self.around.gone.contains(&line.id));
            NewLine {
                line: gone.map_or(Reference::Line(appearance.line_id), |line| Reference::Number {
                    pattern: line.pattern.clone(),
                    partition: line.partition.clone(),
                }),
                index: Some(appearance.position),
                label: appearance.label.clone(),
                description: gone.map(|line| line.description.clone()),
                settings: Patch::whole(&appearance.settings),
                line_settings: gone.map(|line| Patch::whole(&line.settings)).unwrap_or_default(),
                inventory: None,
            }
        });
        Create {
            organization: cmd.organization.unwrap_or(was.organization_id),
            cluster: was.cluster_id,
            name: cmd.name.clone().unwrap_or_else(|| was.name.clone()),
            product: was.product.clone(),
            protocol: was.protocol,
            fields: Patch::whole(&fields),
            settings: Patch::whole(&was.settings),
            lines: lines.collect(),
            users: self.state.users.clone(),
            buttons: self.state.keys().into_iter().map(again).collect(),
            services: self
                .subscriptions()
                .into_iter()
                .map(|(was, button)| resubscribed(was, button.map(place)))
                .collect(),
        }
    }

    /// The users whose default profile it was.
    pub fn defaults(&self) -> Vec<UserId> {
        let id = self.profile.id;
        let of = |change: &Change| match change {
            Change::UserUpdated { before, after }
                if before.default_profile_id == Some(id) && after.default_profile_id != Some(id) =>
            {
                Some(after.id)
            }
            _ => None,
        };
        self.changes.iter().filter_map(of).collect()
    }

    /// The users for whom applications might control it.
    pub fn controllers(&self) -> Vec<UserId> {
        let id = self.profile.id;
        let of = |change: &Change| match change {
            Change::UserCtiProfilesChanged { user_id, before, after, .. }
                if before.contains(&id) && !after.contains(&id) =>
            {
                Some(*user_id)
            }
            _ => None,
        };
        self.changes.iter().filter_map(of).collect()
    }

    /// The phones that showed it while nobody was logged in.
    pub fn phones(&self) -> Vec<(DeviceId, &str)> {
        fn of(id: DeviceId, change: &Change) -> Option<(DeviceId, &str)> {
            match change {
                Change::PhoneUpdated { before, after }
                    if before.logout_profile_id == Some(id) && after.logout_profile_id != Some(id) =>
                {
                    Some((after.id, after.name.as_str()))
                }
                _ => None,
            }
        }
        self.changes.iter().filter_map(|change| of(self.profile.id, change)).collect()
    }

    /// What it was subscribed to, each with the button that it took; behind these, what waited.
    fn subscriptions(&self) -> Vec<(&subscription_entity::Model, Option<&button_entity::Model>)> {
        let button =
            |it: &subscription_entity::Model| it.button_id.and_then(|id| self.state.buttons.get(&id));
        let mut all: Vec<_> = self.state.subscriptions().into_iter().map(|it| (it, button(it))).collect();
        all.sort_by_key(|(it, _)| !it.subscribed);
        all
    }

    /// Whether a line stood elsewhere as well.
    fn was_shared(&self, line: LineId, role: Role) -> bool {
        let promoted =
            |change: &Change| matches!(change, Change::ClonePromoted { after, .. } if after.line_id == line);
        // One that went from another device at the same time was promoted to nothing.
        let with = |change: &Change| {
            matches!(change, Change::AppearanceRemoved { appearance, .. }
                if appearance.line_id == line && appearance.device_id != self.profile.id)
        };
        role == Role::Clone || self.changes.iter().any(|change| promoted(change) || with(change))
    }
}

/// Decides [`Restore`].
pub fn restore(cmd: &Restore, was: &Deletion, facts: &Facts) -> Decision {
    let mut creation = was.creation(cmd);
    let mut known = facts.create.clone();
    let mut left = Left(Vec::new());
    known.id = was.profile.id;

    keep_users(&mut creation, &mut known, &mut left, was);
    keep_lines(&mut creation, &mut known, &mut left, was);
    let kept = keep_services(&mut creation, &mut known, &mut left, was);
    keep_buttons(&mut creation, &mut known, &mut left, was, &kept.pressed);
    let mut part = Broken::none();
    check_fit(&mut part, known.template.as_ref(), &was.profile.product, was.profile.protocol);
    if !part.is_none() {
        left.out(Part::ButtonTemplate, was.profile.button_template.clone(), part);
        known.template = None;
        creation.fields = creation.fields.without("button_template");
    }
    if let Some(id) = was.profile.login_user_id
        && known.login_user.is_none()
    {
        left.out(Part::LoginUser, was.user(id), Broken::one(not_there(id), ""));
        creation.fields = creation.fields.without("login_user_id");
    }

    let mut changes = create(&creation, &known)?;
    for change in &mut changes {
        if let Change::ProfileCreated { profile } = change {
            profile.version = was.profile.version + 1;
            profile.created_at = was.profile.created_at;
        }
    }
    let on = bare(&creation, known.id).on;
    let wait = |subscription| Change::ServiceSubscribed { on: on.clone(), subscription };
    changes.extend(kept.waiting.into_iter().map(wait));
    changes.extend(pointing(was, facts, &creation.users, &mut left));
    changes.push(Change::ProfileRestored {
        organization_id: creation.organization,
        profile_id: was.profile.id,
        name: creation.name.clone(),
        deleted: was.seq,
        left_out: left.0,
    });
    Ok(changes)
}

/// What was left out so far.
struct Left(Vec<LeftOut>);

impl Left {
    /// Leaves something out; the first rule that kept it out says why.
    fn out(&mut self, what: Part, name: String, broken: Broken) {
        let Some(breach) = broken.0.into_iter().next() else { return };
        let code = breach.rule.code().as_str().to_owned();
        self.0.push(LeftOut { what, name, code, why: breach.rule.to_string() });
    }
}

impl Deletion {
    fn user(&self, id: UserId) -> String {
        self.around.users.get(&id).map(|user| user.user_id.clone()).unwrap_or_default()
    }
}

fn not_there(id: UserId) -> Rule {
    Rule::NotFound { noun: "user", id: id.to_string() }
}

/// Keeps the users who are still there, in their order.
fn keep_users(creation: &mut Create, known: &mut CreateFacts, left: &mut Left, was: &Deletion) {
    let (ids, users) = (std::mem::take(&mut creation.users), std::mem::take(&mut known.users));
    for (id, user) in ids.into_iter().zip(users) {
        match (user, known.entitlements.get(&id)) {
            (None, _) => left.out(Part::User, was.user(id), Broken::one(not_there(id), "")),
            (Some(user), Some(&Entitlement { used, most: Some(most) })) if used >= most => {
                let rule = Rule::EntitlementExceeded { user_id: user.user_id.clone(), most };
                left.out(Part::User, user.user_id, Broken::one(rule, ""));
            }
            (Some(user), _) => {
                creation.users.push(id);
                known.users.push(Some(user));
            }
        }
    }
}

/// Keeps the lines that may stand on the profile, as clones where they stand elsewhere now.
fn keep_lines(creation: &mut Create, known: &mut CreateFacts, left: &mut Left, was: &Deletion) {
    let on = On {
        organization_id: creation.organization,
        kind: device::Kind::Profile,
        name: creation.name.clone(),
    };
    let device = Device {
        id: known.id,
        cluster_id: creation.cluster,
        product: Some(creation.product.clone()),
        version: 1,
        on,
        appearances: Vec::new(),
        users: known.users.iter().flatten().map(|user| user.user_id.clone()).collect(),
    };
    let mut adding = Adding::new(&device, known.now);
    let (lines, facts) = (std::mem::take(&mut creation.lines), std::mem::take(&mut known.lines));
    for ((mut new, mut fact), appearance) in lines.into_iter().zip(facts).zip(was.state.lines()) {
        let then = was.around.lines.get(&appearance.line_id);
        let pattern = then.map(|line| line.pattern.clone()).unwrap_or_default();
        fact.appearance_id = appearance.id;
        fact.line_id = appearance.line_id;
        if fact.line.is_some() {
            // It is as whoever has it now set it.
            new.description = None;
            new.line_settings = Patch::default();
        }
        if fact.original.is_some() {
            new.settings = Patch::default();
            if !was.was_shared(appearance.line_id, appearance.role) {
                left.out(Part::Line, pattern.clone(), Broken::one(Rule::LineGivenAway { pattern }, ""));
                continue;
            }
        }
        match adding.put(&new, &fact) {
            Ok(_) => {
                creation.lines.push(new);
                known.lines.push(fact);
            }
            Err(part) => left.out(Part::Line, pattern, part),
        }
    }
}

fn place(button: &button_entity::Model) -> Place {
    Place { index: Some(button.position), label: button.label.clone() }
}

/// The profile as it is made, before anything is put on it.
fn bare(creation: &Create, id: DeviceId) -> button::Device {
    button::Device {
        id,
        protocol: Some(creation.protocol),
        version: 1,
        on: On {
            organization_id: creation.organization,
            kind: device::Kind::Profile,
            name: creation.name.clone(),
        },
        buttons: Vec::new(),
    }
}

/// What became of a profile's services.
#[derive(Default)]
struct Services {
    /// The buttons that come with them.
    pressed: Vec<ButtonId>,
    /// Those that were unsubscribed, and wait.
    waiting: Vec<subscription_entity::Model>,
}

/// Keeps the services that it may be subscribed to without their passwords, and those that wait.
fn keep_services(
    creation: &mut Create,
    known: &mut CreateFacts,
    left: &mut Left,
    was: &Deletion,
) -> Services {
    let bare = subscription_rule::Device {
        cluster_id: creation.cluster,
        with: bare(creation, known.id),
        subscriptions: Vec::new(),
    };
    let (services, facts) = (std::mem::take(&mut creation.services), std::mem::take(&mut known.services));
    let mut facts = facts.into_iter();
    let mut kept = Services::default();
    for (mut new, (old, button)) in services.into_iter().zip(was.subscriptions()) {
        let Some(mut fact) = facts.next() else {
            let (most, got) = (subscription_rule::MOST, subscription_rule::MOST + 1);
            let rule = Rule::ValueTooLong { what: "The list of services".to_owned(), most, got };
            left.out(Part::ServiceSubscription, old.name.clone(), Broken::one(rule, ""));
            continue;
        };
        fact.id = old.id;
        fact.button = button.map_or(fact.button, |button| button.id);
        let (values, secrets) = fact.service.as_ref().map(|it| told(old, it)).unwrap_or_default();
        new.values = values;
        let mut part = Broken::none();
        let (one, its) = (std::slice::from_ref(&new), std::slice::from_ref(&fact));
        if old.subscribed {
            subscription_rule::equip(&mut part, bare.clone(), one, its, known.now);
        } else if fact.service.is_none() {
            part.add(no_service(old), "");
        }
        if !part.is_none() {
            left.out(Part::ServiceSubscription, old.name.clone(), part);
            continue;
        }
        for secret in secrets {
            let with = if old.subscribed { "updateServiceSubscription" } else { "resubscribeService" };
            let why = format!("passwords are in no change; give it again with {with}");
            let name = format!("{}: {secret}", old.name);
            left.out(Part::ServicePassword, name, Broken::one(Rule::RevertNotPossible { why }, ""));
        }
        if !old.subscribed {
            kept.waiting.push(waiting(old));
            continue;
        }
        kept.pressed.extend(button.map(|button| button.id));
        creation.services.push(new);
        known.services.push(fact);
    }
    kept
}

/// Keeps the buttons that the device may have, besides those that come with services.
fn keep_buttons(
    creation: &mut Create,
    known: &mut CreateFacts,
    left: &mut Left,
    was: &Deletion,
    pressed: &[ButtonId],
) {
    let bare = bare(creation, known.id);
    let buttons = std::mem::take(&mut creation.buttons);
    known.buttons.clear();
    let others = buttons.into_iter().zip(was.state.keys()).filter(|(_, old)| !pressed.contains(&old.id));
    for (new, old) in others {
        let mut part = Broken::none();
        button::equip(&mut part, &bare, std::slice::from_ref(&new), &[old.id], known.now);
        if part.is_none() {
            creation.buttons.push(new);
            known.buttons.push(old.id);
        } else {
            left.out(Part::Button, format!("{} {}", button::field_of(new.kind), old.position), part);
        }
    }
}

/// The changes of what pointed at the profile and points at it again.
fn pointing(was: &Deletion, facts: &Facts, users: &[UserId], left: &mut Left) -> Vec<Change> {
    let id = was.profile.id;
    let mut changes = Vec::new();
    for user_id in was.defaults() {
        match facts.users.get(&user_id) {
            Some((user, _)) if user.default_profile_id.is_none() && users.contains(&user_id) => {
                let after = user::Model {
                    default_profile_id: Some(id),
                    version: user.version + 1,
                    updated_at: facts.now,
                    ..user.clone()
                };
                changes.push(Change::UserUpdated { before: user.clone(), after });
            }
            Some((user, _)) if users.contains(&user_id) => {
                let want = "the user has chosen another default profile".to_owned();
                let rule = Rule::ValueInvalid { what: "The default profile".to_owned(), want };
                left.out(Part::DefaultProfile, user.user_id.clone(), Broken::one(rule, ""));
            }
            // Left out as a user already, or never one.
            Some(_) | None => {}
        }
    }
    for user_id in was.controllers() {
        match facts.users.get(&user_id) {
            Some((_, list)) if list.contains(&id) => {}
            Some((user, list)) => {
                let mut after = list.clone();
                after.push(id);
                after.sort_unstable();
                changes.push(Change::UserCtiProfilesChanged {
                    organization_id: user.organization_id,
                    user_id,
                    before: list.clone(),
                    after,
                });
            }
            None => left.out(Part::ControlledProfile, was.user(user_id), Broken::one(not_there(user_id), "")),
        }
    }
    for (phone_id, name) in was.phones() {
        match facts.phones.get(&phone_id) {
            Some(phone) if phone.logout_profile_id.is_none() => {
                let after = phone::Model {
                    logout_profile_id: Some(id),
                    version: phone.version + 1,
                    updated_at: facts.now,
                    ..phone.clone()
                };
                changes.push(Change::PhoneUpdated { before: phone.clone(), after });
            }
            Some(phone) => {
                let want = "the phone has another one".to_owned();
                let rule = Rule::ValueInvalid { what: "The logout profile".to_owned(), want };
                left.out(Part::LogoutPhone, phone.name.clone(), Broken::one(rule, ""));
            }
            None => {
                let rule = Rule::NotFound { noun: "phone", id: phone_id.to_string() };
                left.out(Part::LogoutPhone, name.to_owned(), Broken::one(rule, ""));
            }
        }
    }
    changes
}
