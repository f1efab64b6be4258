//! Commands on profiles.

use super::{Command, command};
use crate::{
    caller::{Action, Noun, Right},
    error::Error,
    rule::{
        Broken, Decision, Patch, Rule,
        button::again,
        line::{NewLine, Reference},
        profile::{Copy, Create, Delete, Fields, Update, create, delete, update},
    },
    store::{
        Tx, button,
        line::on_device,
        profile::{create_facts, delete_facts, locked, update_facts},
        service_subscription,
        user::of_profile,
    },
};

command!(Update, "updateProfile", Update Profile, update_facts, update);
command!(Delete, "deleteProfile", Delete Profile, delete_facts, delete);

impl Command for Create {
    const NAME: &'static str = "createProfile";
    const RIGHT: Right = Right::To(Action::Create, Noun::Profile);

    fn also(&self) -> Vec<(Action, Noun)> {
        along(!self.lines.is_empty(), !self.buttons.is_empty(), !self.services.is_empty())
    }

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        let facts = create_facts(tx, self).await?;
        Ok(create(self, &facts))
    }
}

/// What comes along with a new profile, as if it were put there afterwards.
pub fn along(lines: bool, buttons: bool, services: bool) -> Vec<(Action, Noun)> {
    let along = [
        (lines, (Action::Update, Noun::Line)),
        (buttons, (Action::Create, Noun::Button)),
        (services, (Action::Create, Noun::ServiceSubscription)),
    ];
    along.into_iter().filter_map(|(comes, right)| comes.then_some(right)).collect()
}

/// A copy is a creation whose input is read from another profile: the same rules, no others.
impl Command for Copy {
    const NAME: &'static str = "copyProfile";
    const RIGHT: Right = Right::To(Action::Create, Noun::Profile);

    fn also(&self) -> Vec<(Action, Noun)> {
        along(self.lines, self.buttons, self.services)
    }

    async fn decide(&self, tx: &Tx) -> Result<Decision, Error> {
        let Some(from) = locked(tx, self.from).await? else {
            let rule = Rule::NotFound { noun: "profile", id: self.from.to_string() };
            return Ok(Err(Broken::one(rule, "id")));
        };
        let fields = Fields {
            description: self.description.clone().unwrap_or(from.description),
            button_template: Some(from.button_template),
            softkey_template: from.softkey_template,
            login_user_id: None,
        };
        let mut lines = Vec::new();
        if self.lines {
            for (appearance, _) in on_device(tx, self.from).await? {
                lines.push(NewLine {
                    line: Reference::Line(appearance.line_id),
                    index: Some(appearance.position),
                    label: appearance.label,
                    description: None,
                    settings: Patch::default(),
                    line_settings: Patch::default(),
                    inventory: None,
                });
            }
        }
        let users = if self.users {
            of_profile(tx, self.from).await?.into_iter().map(|(association, _)| association.user_id).collect()
        } else {
            Vec::new()
        };
        let buttons = if self.buttons { button::on_device(tx, self.from).await? } else { Vec::new() };
        let services = if self.services {
            service_subscription::to_copy(tx, self.from, self.buttons).await?
        } else {
            Vec::new()
        };
        let cmd = Create {
            organization: self.organization.unwrap_or(from.organization_id),
            cluster: from.cluster_id,
            name: self.name.clone(),
            product: from.product,
            protocol: from.protocol,
            fields: Patch::whole(&fields),
            settings: Patch::whole(&from.settings),
            lines,
            users,
            buttons: buttons.iter().map(again).collect(),
            services,
        };
        let facts = create_facts(tx, &cmd).await?;
        Ok(create(&cmd, &facts))
    }
}
