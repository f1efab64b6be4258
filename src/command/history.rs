//! Commands on the past: restoring what was deleted, and taking changes back. Each ends in the command that its input is
//! derived for, so that no rule is kept twice.

use super::Command;
use crate::{
    caller::{Action, Noun, Right},
    error::Error,
    rule::{
        Broken, Change, Decision, Patch, Rule, button, cluster, default_device_profile, device,
        history::{
            restore::{Restore, restore},
            revert::{Configure, Opposite, Revert, needs_beside, opposite, put_back, superseded},
            service_subscription::{State, take_back},
        },
        line,
        line::{Add, ChangeSettings, NewLine, Reference},
        number, organization, phone, profile, quick_add, service, service_subscription, template, user,
    },
    store::{
        Tx,
        cluster::create_facts as cluster_facts,
        default_device_profile::create_facts as default_facts,
        device::register_facts,
        history::{beside, deletion, later, locked_entry, original_of, restore_facts, users_of},
        line::create_facts as line_facts,
        organization::create_facts as organization_facts,
        phone::create_facts as phone_facts,
        profile::seen,
        quick_add::create_facts as quick_add_facts,
        service::{add_parameter_facts, create_facts as service_facts},
        service_subscription::{facts as subscription_facts, subscribe_facts},
        template::create_facts as template_facts,
        user::create_facts as user_facts,
    },
};

impl Command for Restore {
    const NAME: &'static str = "restoreProfile";
    const RIGHT: Right = Right::To(Action::Create, Noun::Profile);

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        // The deletion first, which is locked: whoever waited for it finds the profile there.
        let was = deletion(tx, self.profile).await?;
        if let Some(there) = seen(tx, self.profile).await? {
            let rule = Rule::ProfileNotDeleted { name: there.name };
            return Ok(Err(Broken::one(rule, "profileId")));
        }
        let Some(was) = was else {
            let rule = Rule::NotFound { noun: "deleted profile", id: self.profile.to_string() };
            return Ok(Err(Broken::one(rule, "profileId")));
        };
        let facts = restore_facts(tx, &was, &was.creation(self)).await?;
        Ok(restore(self, &was, &facts))
    }
}

impl Command for Revert {
    const NAME: &'static str = "revertChange";
    // What takes the change back asks for its own right.
    const RIGHT: Right = Right::Edit;

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        let Some(entry) = locked_entry(tx, self.change).await? else {
            let rule = Rule::NotFound { noun: "change", id: format!("s{}", self.change) };
            return Ok(Err(Broken::one(rule, "change")));
        };
        let beside = if needs_beside(&entry.change) { beside(tx, &entry).await? } else { Vec::new() };
        let opposite = match opposite(&entry.change, &beside, tx.now()) {
            Ok(opposite) => opposite,
            Err(rule) => return Ok(Err(Broken::one(rule, "change"))),
        };
        let right = right(&opposite);
        if let Right::To(action, noun) = right
            && !self.own.allows(action, noun)
        {
            return Err(Error::Denied(right));
        }
        let fields = superseded(&entry.change, &later(tx, &entry).await?);
        if !fields.is_empty() {
            let rule = Rule::RevertSuperseded { fields: fields.join(", ") };
            return Ok(Err(Broken::one(rule, "change")));
        }
        // Where the command's own input broke a rule, it is the change that cannot be taken back.
        // Boxed, as it holds the future of every command.
        Ok(Box::pin(decide(opposite, tx)).await?.map_err(|broken| {
            let mut whole = Broken::none();
            broken.0.into_iter().for_each(|breach| whole.add(breach.rule, "change"));
            whole
        }))
    }
}

/// What the command that takes a change back asks for.
fn right(opposite: &Opposite) -> Right {
    match opposite {
        Opposite::UpdateProfile(_) => profile::Update::RIGHT,
        Opposite::DeleteProfile(_) => profile::Delete::RIGHT,
        Opposite::RestoreProfile(_) => Restore::RIGHT,
        Opposite::UpdatePhone(_) => phone::Update::RIGHT,
        Opposite::DeletePhone(_) => phone::Delete::RIGHT,
        Opposite::MakePhone(..) => phone::Create::RIGHT,
        Opposite::UpdateLine(_) => line::Update::RIGHT,
        Opposite::DeleteLine(_) => line::Delete::RIGHT,
        Opposite::MakeLine(..) => line::Create::RIGHT,
        Opposite::ChangeLine(..) => ChangeSettings::RIGHT,
        Opposite::PutLine(_) => Add::RIGHT,
        Opposite::TakeLine(_) => line::Remove::RIGHT,
        Opposite::LayLine(_) => line::Lay::RIGHT,
        Opposite::UpdateUser(_) => user::Update::RIGHT,
        Opposite::SetDefault(_) => user::SetDefault::RIGHT,
        Opposite::DeleteUser(_) => user::Delete::RIGHT,
        Opposite::MakeUser(..) => user::Create::RIGHT,
        Opposite::Associate(_) => user::Associate::RIGHT,
        Opposite::Disassociate(_) => user::Disassociate::RIGHT,
        Opposite::Reorder(_) => user::Reorder::RIGHT,
        Opposite::AddButton(_) => button::Add::RIGHT,
        Opposite::UpdateButton(_) => button::Update::RIGHT,
        Opposite::MoveButton(_) => button::Move::RIGHT,
        Opposite::RemoveButton(_) => button::Remove::RIGHT,
        Opposite::UpdateNumber(_) => number::Update::RIGHT,
        Opposite::ChangeNumberStatus(_) => number::ChangeStatus::RIGHT,
        Opposite::ReserveNumber(_) => number::ReserveFor::RIGHT,
        Opposite::DeleteNumber(_) => number::DeleteOne::RIGHT,
        Opposite::MakeNumber(_) => number::Create::RIGHT,
        Opposite::RegisterDevice(..) => device::Register::RIGHT,
        Opposite::ReleaseDevice(_) => device::Release::RIGHT,
        Opposite::Unsubscribe(_) => service_subscription::Unsubscribe::RIGHT,
        Opposite::TakeBackSubscription(back) => match back.to {
            State::Subscribed => service_subscription::Update::RIGHT,
            State::Waiting => service_subscription::Unsubscribe::RIGHT,
        },
        Opposite::SubscribeAgain(_) => service_subscription::Subscribe::RIGHT,
        Opposite::Configure(Configure::UpdateOrganization(_)) => organization::Update::RIGHT,
        Opposite::Configure(Configure::RenameOrganization(_)) => organization::Rename::RIGHT,
        Opposite::Configure(Configure::MoveOrganization(_)) => organization::Move::RIGHT,
        Opposite::Configure(Configure::DeleteOrganization(_)) => organization::Delete::RIGHT,
        Opposite::Configure(Configure::MakeOrganization(..)) => organization::Create::RIGHT,
        Opposite::Configure(Configure::UpdateCluster(_)) => cluster::Update::RIGHT,
        Opposite::Configure(Configure::DeleteCluster(_)) => cluster::Delete::RIGHT,
        Opposite::Configure(Configure::MakeCluster(..)) => cluster::Create::RIGHT,
        Opposite::Configure(Configure::UpdateTemplate(_)) => template::Update::RIGHT,
        Opposite::Configure(Configure::DeleteTemplate(_)) => template::Delete::RIGHT,
        Opposite::Configure(Configure::MakeTemplate(..)) => template::Create::RIGHT,
        Opposite::Configure(Configure::UpdateService(_)) => service::Update::RIGHT,
        Opposite::Configure(Configure::DeleteService(_)) => service::Delete::RIGHT,
        Opposite::Configure(Configure::MakeService(..)) => service::Create::RIGHT,
        Opposite::Configure(Configure::AddParameter(..)) => service::AddParameter::RIGHT,
        Opposite::Configure(Configure::ChangeParameter(_)) => service::ChangeParameter::RIGHT,
        Opposite::Configure(Configure::RemoveParameter(_)) => service::RemoveParameter::RIGHT,
        Opposite::Configure(Configure::UpdateQuickAdd(_)) => quick_add::Update::RIGHT,
        Opposite::Configure(Configure::DeleteQuickAdd(_)) => quick_add::Delete::RIGHT,
        Opposite::Configure(Configure::MakeQuickAdd(..)) => quick_add::Create::RIGHT,
        Opposite::Configure(Configure::UpdateDefault(_)) => default_device_profile::Update::RIGHT,
        Opposite::Configure(Configure::DeleteDefault(_)) => default_device_profile::Delete::RIGHT,
        Opposite::Configure(Configure::MakeDefault(..)) => default_device_profile::Create::RIGHT,
    }
}

async fn decide(opposite: Opposite, tx: &Tx) -> Result<Decision, Error> {
    match opposite {
        Opposite::UpdateProfile(cmd) => cmd.decide(tx).await,
        Opposite::DeleteProfile(cmd) => cmd.decide(tx).await,
        Opposite::RestoreProfile(profile) => {
            Restore { profile, name: None, organization: None }.decide(tx).await
        }
        Opposite::UpdatePhone(cmd) => cmd.decide(tx).await,
        Opposite::DeletePhone(cmd) => cmd.decide(tx).await,
        Opposite::MakePhone(cmd, id, version) => {
            let mut facts = phone_facts(tx, &cmd).await?;
            facts.id = id;
            Ok(phone::create(&cmd, &facts).map(|changes| going_on(changes, version)))
        }
        Opposite::UpdateLine(cmd) => cmd.decide(tx).await,
        Opposite::DeleteLine(cmd) => cmd.decide(tx).await,
        Opposite::MakeLine(cmd, id, version) => {
            let mut facts = line_facts(tx, &cmd).await?;
            facts.id = id;
            Ok(line::create(&cmd, &facts).map(|changes| going_on(changes, version)))
        }
        Opposite::ChangeLine(line, settings) => match original_of(tx, line).await? {
            Some(original) => {
                let cmd = ChangeSettings {
                    appearance: original.id,
                    expected_version: None,
                    description: None,
                    settings,
                    line_settings: Patch::default(),
                };
                cmd.decide(tx).await
            }
            None => Ok(Err(gone("line", line.0))),
        },
        Opposite::PutLine(was) => {
            let shared = original_of(tx, was.line_id).await?.is_some();
            let line = NewLine {
                line: Reference::Line(was.line_id),
                index: Some(was.position),
                label: was.label,
                description: None,
                // A clone takes the settings of its original.
                settings: if shared { Patch::default() } else { Patch::whole(&was.settings) },
                line_settings: Patch::default(),
                inventory: None,
            };
            Add { device: was.device_id, expected_version: None, line }.decide(tx).await
        }
        Opposite::TakeLine(cmd) => cmd.decide(tx).await,
        Opposite::LayLine(cmd) => cmd.decide(tx).await,
        Opposite::UpdateUser(cmd) => cmd.decide(tx).await,
        Opposite::SetDefault(cmd) => cmd.decide(tx).await,
        Opposite::DeleteUser(cmd) => cmd.decide(tx).await,
        Opposite::MakeUser(cmd, id, version) => {
            let mut facts = user_facts(tx, &cmd).await?;
            facts.id = id;
            Ok(user::create(&cmd, &facts).map(|changes| going_on(changes, version)))
        }
        Opposite::Associate(was) => {
            let (profile, users) = (was.profile_id, vec![was.user_id]);
            let decided = user::Associate { profile, expected_version: None, users }.decide(tx).await?;
            let current = users_of(tx, profile).await?;
            Ok(decided.map(|changes| put_back(changes, &current, &was)))
        }
        Opposite::Disassociate(cmd) => cmd.decide(tx).await,
        Opposite::Reorder(cmd) => cmd.decide(tx).await,
        Opposite::AddButton(cmd) => cmd.decide(tx).await,
        Opposite::UpdateButton(cmd) => cmd.decide(tx).await,
        Opposite::MoveButton(cmd) => cmd.decide(tx).await,
        Opposite::RemoveButton(cmd) => cmd.decide(tx).await,
        Opposite::UpdateNumber(cmd) => cmd.decide(tx).await,
        Opposite::ChangeNumberStatus(cmd) => cmd.decide(tx).await,
        Opposite::ReserveNumber(cmd) => cmd.decide(tx).await,
        Opposite::DeleteNumber(cmd) => cmd.decide(tx).await,
        Opposite::MakeNumber(cmd) => number_again(tx, cmd).await,
        Opposite::RegisterDevice(cmd, id) => {
            let mut facts = register_facts(tx, &cmd).await?;
            facts.id = id;
            Ok(device::register(&cmd, &facts))
        }
        Opposite::ReleaseDevice(cmd) => cmd.decide(tx).await,
        Opposite::Unsubscribe(cmd) => cmd.decide(tx).await,
        Opposite::TakeBackSubscription(back) => {
            let facts = subscription_facts(tx, back.subscription).await?;
            Ok(take_back(&back, &facts))
        }
        Opposite::SubscribeAgain(again) => {
            let cmd = again.subscribe();
            let mut facts = subscribe_facts(tx, &cmd).await?;
            facts.new.id = again.was.id;
            Ok(again.decide(cmd, &facts))
        }
        Opposite::Configure(configure) => decide_configure(configure, tx).await,
    }
}

async fn decide_configure(configure: Configure, tx: &Tx) -> Result<Decision, Error> {
    match configure {
        Configure::UpdateOrganization(cmd) => cmd.decide(tx).await,
        Configure::RenameOrganization(cmd) => cmd.decide(tx).await,
        Configure::MoveOrganization(cmd) => cmd.decide(tx).await,
        Configure::DeleteOrganization(cmd) => cmd.decide(tx).await,
        Configure::MakeOrganization(cmd, id, version) => {
            super::organization::check_root(&cmd, tx)?;
            let mut facts = organization_facts(tx, &cmd).await?;
            facts.id = id;
            Ok(organization::create(&cmd, &facts).map(|changes| going_on(changes, version)))
        }
        Configure::UpdateCluster(cmd) => cmd.decide(tx).await,
        Configure::DeleteCluster(cmd) => cmd.decide(tx).await,
        Configure::MakeCluster(cmd, id, version) => {
            let mut facts = cluster_facts(tx, &cmd).await?;
            facts.id = id;
            Ok(cluster::create(&cmd, &facts).map(|changes| going_on(changes, version)))
        }
        Configure::UpdateTemplate(cmd) => cmd.decide(tx).await,
        Configure::DeleteTemplate(cmd) => cmd.decide(tx).await,
        Configure::MakeTemplate(cmd, id, version) => {
            let mut facts = template_facts(tx, &cmd).await?;
            facts.id = id;
            Ok(template::create(&cmd, &facts).map(|changes| going_on(changes, version)))
        }
        Configure::UpdateService(cmd) => cmd.decide(tx).await,
        Configure::DeleteService(cmd) => cmd.decide(tx).await,
        Configure::MakeService(cmd, was) => {
            let mut facts = service_facts(tx, &cmd).await?;
            facts.id = was.id;
            facts.parameters = was.parameters.0.iter().map(|parameter| parameter.id).collect();
            Ok(service::create(&cmd, &facts).map(|changes| going_on(changes, was.version)))
        }
        Configure::AddParameter(cmd, id) => {
            let mut facts = add_parameter_facts(tx, &cmd).await?;
            facts.parameter = id;
            Ok(service::add_parameter(&cmd, &facts))
        }
        Configure::ChangeParameter(cmd) => cmd.decide(tx).await,
        Configure::RemoveParameter(cmd) => cmd.decide(tx).await,
        Configure::UpdateQuickAdd(cmd) => cmd.decide(tx).await,
        Configure::DeleteQuickAdd(cmd) => cmd.decide(tx).await,
        Configure::MakeQuickAdd(cmd, id, version) => {
            let mut facts = quick_add_facts(tx, &cmd).await?;
            facts.id = id;
            Ok(quick_add::create(&cmd, &facts).map(|changes| going_on(changes, version)))
        }
        Configure::UpdateDefault(cmd) => cmd.decide(tx).await,
        Configure::DeleteDefault(cmd) => cmd.decide(tx).await,
        Configure::MakeDefault(cmd, id, version) => {
            let mut facts = default_facts(tx, &cmd).await?;
            facts.id = id;
            Ok(default_device_profile::create(&cmd, &facts).map(|changes| going_on(changes, version)))
        }
    }
}

async fn number_again(tx: &Tx, cmd: number::Create) -> Result<Decision, Error> {
    Ok(done(cmd.decide(tx).await?, "the number is in the inventory again"))
}

/// A decision that must change something.
fn done(decision: Decision, otherwise: &str) -> Decision {
    match decision {
        Ok(changes) if changes.is_empty() => {
            Err(Broken::one(Rule::RevertNotPossible { why: otherwise.to_owned() }, ""))
        }
        other => other,
    }
}

fn gone(noun: &'static str, id: i64) -> Broken {
    Broken::one(Rule::NotFound { noun, id: id.to_string() }, "")
}

/// The changes that make a thing again, whose version goes on where it ended.
fn going_on(mut changes: Vec<Change>, version: i64) -> Vec<Change> {
    for change in &mut changes {
        match change {
            Change::PhoneCreated { phone } => phone.version = version + 1,
            Change::LineCreated { line } => line.version = version + 1,
            Change::UserCreated { user } => user.version = version + 1,
            Change::QuickAddGroupCreated { group } => group.version = version + 1,
            Change::DefaultDeviceProfileCreated { profile } => profile.version = version + 1,
            Change::OrganizationCreated { organization } => organization.version = version + 1,
            Change::ClusterCreated { cluster } => cluster.version = version + 1,
            Change::TemplateCreated { template } => template.version = version + 1,
            Change::ServiceCreated { service } => service.version = version + 1,
            _ => {}
        }
    }
    changes
}
