//! Phones: extension mobility on or off, and what they show while nobody is logged in (SES-14).

use entity::{
    ClusterId, DeviceId, Moment, OrganizationId, UserId, button, device as device_entity, phone::Model,
    profile, profile::Protocol, service_subscription, session::End, template, user,
};
use serde::{Deserialize, Serialize};

use super::{
    Broken, Change, Decision, Patch, Rule,
    button::take_all,
    change::On,
    check_version,
    cluster::Place,
    device::Owner,
    line::{Placed, take_off},
    patched,
    product::{Feature, Product},
    profile::{check_product, check_users, spoken},
    session::{Held, OnActiveSession, clear},
    template::{check_fit, named, stock_softkeys},
    value,
};

/// What is given at creation and may be updated.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub description: String,
    pub button_template: Option<String>,
    pub softkey_template: Option<String>,
    pub extension_mobility: bool,
    pub logout_profile_id: Option<DeviceId>,
    pub owner_id: Option<UserId>,
}

/// Makes a phone.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub organization: OrganizationId,
    pub cluster: ClusterId,
    pub name: String,
    pub product: String,
    pub protocol: Protocol,
    pub fields: Patch<Fields>,
}

/// What the fields refer to.
pub struct Referred {
    pub logout_profile: Option<profile::Model>,
    pub owner: Option<user::Model>,
    /// The cluster's button template of the name that the phone gets.
    pub template: Option<template::Model>,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: DeviceId,
    pub now: Moment,
    pub place: Place,
    pub taken_by: Option<Owner>,
    pub referred: Referred,
}

/// Updates the fields that were sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: DeviceId,
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
    /// Of use where extension mobility is switched off.
    #[serde(default, skip_serializing_if = "OnActiveSession::is_default")]
    pub on_active_session: OnActiveSession,
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
    pub referred: Referred,
    /// Who is logged in on it.
    pub sessions: Vec<Held>,
}

/// Deletes a phone; its lines stay, its buttons and services go along.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: DeviceId,
    pub expected_version: Option<i64>,
    #[serde(default, skip_serializing_if = "OnActiveSession::is_default")]
    pub on_active_session: OnActiveSession,
}

/// What [`delete`] must know.
pub struct DeleteFacts {
    pub current: Option<Model>,
    pub lines: Vec<(Placed, Vec<Placed>)>,
    /// Users that control the phone, with their whole lists.
    pub users: Vec<(user::Model, Vec<DeviceId>)>,
    pub buttons: Vec<button::Model>,
    /// Who is logged in on it.
    pub sessions: Vec<Held>,
    pub subscriptions: Vec<service_subscription::Model>,
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    facts.place.check(&mut broken, cmd.organization, cmd.cluster);
    broken.take(value::phone_name(&cmd.name), "name");
    if let Some(owner) = &facts.taken_by {
        broken.add(owner.clash(&cmd.name), "name");
    }
    let product = check_product(&mut broken, &cmd.product, cmd.protocol);
    let fields = patched(&mut broken, &cmd.fields, &Fields::default(), "");
    let name = product.map_or(cmd.product.as_str(), |product| product.name.as_str());
    let phone = Model {
        id: facts.id,
        cluster_id: cmd.cluster,
        organization_id: cmd.organization,
        name: cmd.name.clone(),
        name_key: value::key(&cmd.name),
        description: fields.description,
        product: name.to_owned(),
        protocol: cmd.protocol,
        button_template: named(fields.button_template, &cmd.product, cmd.protocol).unwrap_or_default(),
        softkey_template: if cmd.fields.has("softkey_template") {
            fields.softkey_template
        } else {
            stock_softkeys(&cmd.product, cmd.protocol)
        },
        extension_mobility: fields.extension_mobility,
        logout_profile_id: fields.logout_profile_id,
        owner_id: fields.owner_id,
        version: 1,
        created_at: facts.now,
        updated_at: facts.now,
    };
    check(&mut broken, &phone, &cmd.fields, &facts.referred, product);
    broken.or(|| vec![Change::PhoneCreated { phone }])
}

/// Decides [`Update`].
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let before = Fields {
        description: current.description.clone(),
        button_template: Some(current.button_template.clone()),
        softkey_template: current.softkey_template.clone(),
        extension_mobility: current.extension_mobility,
        logout_profile_id: current.logout_profile_id,
        owner_id: current.owner_id,
    };
    let fields = patched(&mut broken, &cmd.fields, &before, "");
    let product = super::product::find(&current.product);
    let after = Model {
        description: fields.description,
        button_template: named(fields.button_template, &current.product, current.protocol)
            .unwrap_or_else(|| current.button_template.clone()),
        softkey_template: fields.softkey_template,
        extension_mobility: fields.extension_mobility,
        logout_profile_id: fields.logout_profile_id,
        owner_id: fields.owner_id,
        ..current.clone()
    };
    check(&mut broken, &after, &cmd.fields, &facts.referred, product);
    let mut changes = Vec::new();
    if !after.extension_mobility {
        changes = clear(
            &mut broken,
            &facts.sessions,
            cmd.on_active_session,
            End::PhoneChanged,
            |_| in_use(current),
            "extensionMobility",
        );
    }
    broken.or(|| {
        if after != *current {
            let after = Model { version: current.version + 1, updated_at: facts.now, ..after };
            changes.push(Change::PhoneUpdated { before: current.clone(), after });
        }
        changes
    })
}

/// Decides [`Delete`].
pub fn delete(cmd: &Delete, facts: &DeleteFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let (sessions, policy) = (&facts.sessions, cmd.on_active_session);
    let ended = clear(&mut broken, sessions, policy, End::PhoneDeleted, |_| in_use(current), "id");
    broken.or(|| {
        let mut changes = ended;
        for (user, list) in &facts.users {
            changes.push(Change::UserPhonesChanged {
                organization_id: user.organization_id,
                user_id: user.id,
                before: list.clone(),
                after: list.iter().copied().filter(|id| *id != cmd.id).collect(),
            });
        }
        for (placed, all) in &facts.lines {
            changes.extend(take_off(placed, all));
        }
        let on = On {
            organization_id: current.organization_id,
            kind: device_entity::Kind::Phone,
            name: current.name.clone(),
        };
        changes.extend(take_all(&on, &facts.buttons));
        changes.extend(super::service_subscription::take_all(&on, &facts.subscriptions));
        changes.push(Change::PhoneDeleted { phone: current.clone() });
        changes
    })
}

fn check(
    broken: &mut Broken,
    phone: &Model,
    sent: &Patch<Fields>,
    referred: &Referred,
    product: Option<&Product>,
) {
    value::text(broken, "The description", &phone.description, 128, "description");
    value::text(broken, "The button template", &phone.button_template, 128, "buttonTemplate");
    value::text_or_none(
        broken,
        "The softkey template",
        phone.softkey_template.as_deref(),
        128,
        "softkeyTemplate",
    );
    if let Some(product) = product {
        broken.when(
            phone.extension_mobility && !product.supports(Feature::ExtensionMobility),
            || Rule::ExtensionMobilityNotSupported { product: product.name.clone() },
            "extensionMobility",
        );
    }
    check_fit(broken, referred.template.as_ref(), &phone.product, phone.protocol);
    if let (true, Some(id)) = (sent.has("logout_profile_id"), phone.logout_profile_id) {
        match &referred.logout_profile {
            Some(profile) if profile.cluster_id == phone.cluster_id => broken.when(
                profile.product != phone.product || profile.protocol != phone.protocol,
                || Rule::LogoutProfileMismatch {
                    profile: profile.name.clone(),
                    product: phone.product.clone(),
                    protocol: spoken(phone.protocol).to_owned(),
                },
                "logoutProfileId",
            ),
            _ => broken.add(Rule::NotFound { noun: "profile", id: id.to_string() }, "logoutProfileId"),
        }
    }
    if let (true, Some(id)) = (sent.has("owner_id"), phone.owner_id) {
        let mut part = Broken::none();
        check_users(&mut part, &[id], std::slice::from_ref(&referred.owner), phone.cluster_id, "ownerId");
        for breach in part.0 {
            broken.add(breach.rule, "ownerId");
        }
    }
}

fn in_use(phone: &Model) -> Rule {
    Rule::PhoneInUse { phone: phone.name.clone() }
}

fn not_found(id: DeviceId) -> Rule {
    Rule::NotFound { noun: "phone", id: id.to_string() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rule::{
        profile::tests::{place, profile},
        tests_support::{no, ok, patch},
    };

    fn make(product: &str, fields: &str, logout_profile: Option<profile::Model>) -> Decision {
        create(
            &Create {
                organization: OrganizationId(4),
                cluster: ClusterId(2),
                name: "SEP001122334455".into(),
                product: product.into(),
                protocol: Protocol::Sip,
                fields: patch(fields),
            },
            &CreateFacts {
                id: DeviceId(20),
                now: Moment(3),
                place: place(),
                taken_by: None,
                referred: Referred { logout_profile, owner: None, template: None },
            },
        )
    }

    pub fn phone(id: i64) -> Model {
        match ok(make("Cisco 8841", r#"{"extension_mobility":true}"#, None)).pop() {
            Some(Change::PhoneCreated { phone }) => Model { id: DeviceId(id), ..phone },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_logout_profile_has_the_phones_product_and_protocol() {
        let fields = r#"{"logout_profile_id":10}"#;
        ok(make("Cisco 8841", fields, Some(profile("{}"))));
        no(
            make("Cisco 8851", fields, Some(profile("{}"))),
            &[("LOGOUT_PROFILE_MISMATCH", "logoutProfileId")],
        );
        no(make("Cisco 8841", fields, None), &[("NOT_FOUND", "logoutProfileId")]);
    }

    #[test]
    fn extension_mobility_needs_a_product_that_has_it() {
        no(
            make("Cisco 6901", r#"{"extension_mobility":true}"#, None),
            &[("EXTENSION_MOBILITY_NOT_SUPPORTED", "extensionMobility")],
        );
    }

    #[test]
    fn an_owner_must_be_there() {
        no(make("Cisco 8841", r#"{"owner_id":77}"#, None), &[("NOT_FOUND", "ownerId")]);
    }
}
