//! Quick Add: groups, which are templates for profiles with one line, and what becomes of a user who is added by one
//! (QAS-1 to QAS-3, HIE-5).
//!
//! A group is copied downwards when it is made (provider, customer, site) and inherits nothing later. Adding a user is a
//! creation whose input the group gives: the same rules as `createUser` and `createProfile`, no others.

use entity::{
    ClusterId, DeviceId, Moment, OrganizationId, QuickAddId, ServiceId, UserId, line, line_appearance,
    organization,
    profile::{self as profile_model, Protocol},
    quick_add::{Defaults, Model},
    service as service_model, template, user as user_model,
};
use serde::{Deserialize, Serialize};

use super::{
    Breach, Broken, Change, Decision, Patch, Rule, check_taken, check_version,
    cluster::Place,
    line::{NewLine, NewLineFacts, Reference, check_appearance, check_settings as check_line},
    patched,
    product::Feature,
    profile::{self, check_product, check_settings as check_profile},
    service_subscription::{Given, NewSubscription},
    template::{check_fit, stock_softkeys},
    user, value,
};

pub mod pattern;
pub mod service;

use pattern::Tokens;

/// What is given at creation and may be updated, settings aside.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub name: String,
    pub description: String,
    pub product: String,
    pub protocol: Protocol,
    /// The product's own when none is given.
    pub button_template: Option<String>,
    pub softkey_template: Option<String>,
    pub name_pattern: String,
    pub description_pattern: String,
    pub place_id: Option<OrganizationId>,
    pub partition: String,
    pub label: Option<String>,
    pub line_description: String,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            product: String::new(),
            protocol: Protocol::Sip,
            button_template: None,
            softkey_template: None,
            name_pattern: "EM_{username}".to_owned(),
            description_pattern: "{firstName} {lastName} - {number}".to_owned(),
            place_id: None,
            partition: String::new(),
            label: None,
            line_description: "{firstName} {lastName}".to_owned(),
        }
    }
}

/// What was sent of a group.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Sent {
    pub fields: Patch<Fields>,
    pub profile: Patch<profile_model::Settings>,
    pub appearance: Patch<line_appearance::Settings>,
    pub line: Patch<line::Settings>,
    /// The whole new list of phone services, when sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<NewSubscription>>,
}

/// Makes a group, by itself or as a copy of another one with what was sent in the other's place.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub organization: OrganizationId,
    pub cluster: Option<ClusterId>,
    pub copy_from: Option<QuickAddId>,
    pub sent: Sent,
}

/// What is known of the place where a group keeps what it makes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept {
    /// Whether it is there for the caller to see.
    pub there: bool,
    /// Whether it is the group's organization or stands below it.
    pub below: bool,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: QuickAddId,
    pub now: Moment,
    pub organization: Option<organization::Model>,
    /// Organization and cluster, where the group has a cluster.
    pub place: Option<Place>,
    /// The group to copy.
    pub from: Option<Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
    /// About the place that it keeps what it makes at, where it names one.
    pub kept: Kept,
    /// The cluster's button template of the name that the group has.
    pub template: Option<template::Model>,
    /// The services that were sent, when the caller sees them.
    pub services: Vec<Option<service_model::Model>>,
}

/// Updates what was sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: QuickAddId,
    pub expected_version: Option<i64>,
    pub sent: Sent,
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
    pub kept: Kept,
    pub template: Option<template::Model>,
    pub services: Vec<Option<service_model::Model>>,
}

/// Deletes a group; what was made by it stays.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: QuickAddId,
    pub expected_version: Option<i64>,
}

/// Gives a user a profile with one line.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Add {
    pub group: QuickAddId,
    /// Where to keep what is made; as the group says when left out.
    pub organization: Option<OrganizationId>,
    pub user: Who,
    /// The number; the next available one when left out.
    pub number: Option<String>,
    /// The profile's name; what the pattern gives when left out.
    pub profile_name: Option<String>,
    /// Values for the group's services, and further services.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<AddService>,
}

/// A service of a quick add.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct AddService {
    pub service: ServiceId,
    /// They stand over the group's.
    pub values: Vec<Given>,
}

/// Whom a profile is for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Who {
    There(UserId),
    New { user_id: String, fields: Patch<user::Fields> },
}

/// What [`plan`] must know.
pub struct Known {
    /// The group, when the caller sees it, also from below.
    pub group: Option<Model>,
    pub user: Option<user_model::Model>,
    /// The next available number, where one was asked for and there is one.
    pub next: Option<String>,
}

/// The command that adds the user, with what is wrong already.
pub struct Plan {
    pub broken: Broken,
    pub made: Made,
}

/// What a user who is added becomes.
pub enum Made {
    User(user::Create),
    Profile(profile::Create, Box<user_model::Model>),
}

/// Where a group keeps what it makes.
pub fn place_of(cmd: &Add, group: &Model) -> OrganizationId {
    cmd.organization.or(group.place_id).unwrap_or(group.organization_id)
}

/// The cluster of a group to make: its own, or that of the one which is copied.
pub fn cluster_of(cmd: &Create, from: Option<&Model>) -> Option<ClusterId> {
    cmd.cluster.or(from.and_then(|from| from.cluster_id))
}

/// The fields of a group, or of a new one where there is none to copy.
pub fn fields_of(group: Option<&Model>) -> Fields {
    let Some(group) = group else { return Fields::default() };
    let defaults = &group.defaults;
    Fields {
        name: group.name.clone(),
        description: group.description.clone(),
        product: group.product.clone(),
        protocol: group.protocol,
        button_template: group.button_template.clone(),
        softkey_template: group.softkey_template.clone(),
        name_pattern: group.name_pattern.clone(),
        description_pattern: group.description_pattern.clone(),
        place_id: group.place_id,
        partition: defaults.partition.clone(),
        label: defaults.label.clone(),
        line_description: defaults.line_description.clone(),
    }
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    let cluster = cluster_of(cmd, facts.from.as_ref());
    if let (Some(place), Some(cluster)) = (&facts.place, cluster) {
        place.check_served(&mut broken, cmd.organization, cluster);
    } else {
        broken.when(facts.organization.is_none(), || no_organization(cmd.organization), "organizationId");
    }
    if let Some(from) = cmd.copy_from {
        broken.when(facts.from.is_none(), || not_found(from), "copyFromId");
    }
    let mut base = fields_of(facts.from.as_ref());
    if !facts.kept.below {
        // A copy keeps what it makes where the other one does, if that is its own to do.
        base.place_id = None;
    }
    let mut defaults = facts.from.as_ref().map(|from| from.defaults.clone()).unwrap_or_default();
    if cluster != facts.from.as_ref().and_then(|from| from.cluster_id) {
        // Another cluster has other services.
        defaults.services.clear();
    }
    let (fields, mut defaults) = checked(&mut broken, &cmd.sent, (base, defaults), facts.template.as_ref());
    if let Some(services) = &cmd.sent.services {
        defaults.services = service::checked(&mut broken, services, &facts.services, cluster);
    }
    let rule = |suggestions| Rule::QuickAddNameTaken { name: fields.name.clone(), suggestions };
    check_taken(&mut broken, facts.taken.as_deref(), rule, "name");
    check_kept(&mut broken, &cmd.sent, fields.place_id, facts.kept);
    broken.or(|| {
        let group = Model {
            id: facts.id,
            organization_id: cmd.organization,
            cluster_id: cluster,
            ..blank(fields, defaults, facts.now)
        };
        vec![Change::QuickAddGroupCreated { group }]
    })
}

/// Decides [`Update`]; the organization and the cluster are fixed.
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let before = (fields_of(Some(current)), current.defaults.clone());
    let (fields, mut defaults) = checked(&mut broken, &cmd.sent, before, facts.template.as_ref());
    if let Some(services) = &cmd.sent.services {
        defaults.services = service::checked(&mut broken, services, &facts.services, current.cluster_id);
    }
    let rule = |suggestions| Rule::QuickAddNameTaken { name: fields.name.clone(), suggestions };
    check_taken(&mut broken, facts.taken.as_deref(), rule, "name");
    check_kept(&mut broken, &cmd.sent, fields.place_id, facts.kept);
    broken.or(|| {
        let after = Model {
            id: current.id,
            organization_id: current.organization_id,
            cluster_id: current.cluster_id,
            version: current.version,
            created_at: current.created_at,
            updated_at: current.updated_at,
            ..blank(fields, defaults, facts.now)
        };
        if after == *current {
            return Vec::new();
        }
        let after = Model { version: current.version + 1, updated_at: facts.now, ..after };
        vec![Change::QuickAddGroupUpdated { before: current.clone(), after }]
    })
}

/// Decides [`Delete`]; the fact is the group, when it is the caller's to change.
pub fn delete(cmd: &Delete, current: &Option<Model>) -> Decision {
    let Some(current) = current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    broken.or(|| vec![Change::QuickAddGroupDeleted { group: current.clone() }])
}

/// What adding a user by a group comes to: a new user with the profile, or the profile for one who is there.
pub fn plan(cmd: &Add, known: &Known) -> Result<Plan, Broken> {
    let group = known.group.as_ref().ok_or_else(|| Broken::one(not_found(cmd.group), "groupId"))?;
    let Some(cluster) = group.cluster_id else {
        return Err(Broken::one(Rule::QuickAddGroupHasNoCluster { name: group.name.clone() }, "groupId"));
    };
    let mut broken = Broken::none();
    let number = cmd.number.clone().or_else(|| known.next.clone());
    let partition = &group.defaults.partition;
    broken.when(number.is_none(), || Rule::NoNumberAvailable { partition: partition.clone() }, "number");
    let fields = match (&cmd.user, &known.user) {
        (Who::New { fields, .. }, _) => fields.apply(&user::Fields::default()).unwrap_or_default(),
        (Who::There(_), Some(user)) => user::Fields {
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            ..user::Fields::default()
        },
        (Who::There(id), None) => {
            broken.add(Rule::NotFound { noun: "user", id: id.to_string() }, "userId");
            return Err(broken);
        }
    };
    let username = match (&cmd.user, &known.user) {
        (Who::New { user_id, .. }, _) => user_id.as_str(),
        (Who::There(_), user) => user.as_ref().map(|user| user.user_id.as_str()).unwrap_or_default(),
    };
    let tokens = Tokens {
        username,
        first_name: &fields.first_name,
        last_name: &fields.last_name,
        number: number.as_deref().unwrap_or_default(),
    };
    let name = match &cmd.profile_name {
        Some(name) => name.clone(),
        None => match pattern::name(&group.name_pattern, &tokens) {
            Ok(name) => name,
            Err(rule) => {
                broken.add(rule, "profileName");
                return Err(broken);
            }
        },
    };
    let mut new = profile_of(group, cluster, place_of(cmd, group), name, &tokens);
    new.lines.extend(number.as_ref().map(|number| line_of(group, number, &tokens)));
    new.services = service::subscriptions(group, &cmd.services, &tokens);
    let made = match (&cmd.user, &known.user) {
        (Who::There(_), Some(user)) => {
            Made::Profile(profile::Create { users: vec![user.id], ..new }, Box::new(user.clone()))
        }
        (Who::New { user_id, fields }, _) => Made::User(user::Create {
            organization: new.organization,
            cluster,
            user_id: user_id.clone(),
            fields: fields.clone(),
            phones: Vec::new(),
            cti_profiles: Vec::new(),
            profiles: Vec::new(),
            new_profiles: vec![new],
            default_profile: Some(0),
        }),
        (Who::There(_), None) => return Err(broken),
    };
    Ok(Plan { broken, made })
}

/// Leaves a line that stands elsewhere as it is: a clone takes its original's settings (QAS-3).
pub fn share(new: &mut profile::Create, facts: &[NewLineFacts]) {
    for (line, known) in new.lines.iter_mut().zip(facts) {
        if known.original.is_some() {
            line.settings = Patch::default();
            line.line_settings = Patch::default();
            line.description = None;
        }
    }
}

/// The decision on the command that adds the user, told in the words of the command that was given.
pub fn told(cmd: &Add, mut broken: Broken, decision: Decision) -> Decision {
    let new = matches!(cmd.user, Who::New { .. });
    let changes = match decision {
        Ok(changes) => changes,
        Err(Broken(breaches)) => {
            let told =
                breaches.into_iter().map(|breach| Breach { path: input_path(new, &breach.path), ..breach });
            for breach in told {
                if !broken.0.contains(&breach) {
                    broken.0.push(breach);
                }
            }
            Vec::new()
        }
    };
    broken.or(|| changes)
}

/// The change that makes a profile the default of a user who has none.
pub fn default_of(user: &user_model::Model, profile: DeviceId, now: Moment) -> Option<Change> {
    user.default_profile_id.is_none().then(|| user::with_default(user, Some(profile), now))
}

/// Where in the input of a quick add what is at fault in the command that it becomes was said.
fn input_path(new: bool, path: &str) -> String {
    let user = if new { "newUser" } else { "userId" };
    let (of_profile, path) = match (new, path.strip_prefix("newProfiles.0")) {
        (true, Some(rest)) => (true, rest.trim_start_matches('.')),
        (true, None) => (false, path),
        (false, _) => (true, path),
    };
    let field = path.split('.').next().unwrap_or_default();
    match (of_profile, field) {
        (_, "organizationId") => "organizationId".to_owned(),
        (true, "name") => "profileName".to_owned(),
        (true, "lines") => "number".to_owned(),
        (true, "services") => "services".to_owned(),
        (_, "") | (true, "userIds") => user.to_owned(),
        (true, _) | (_, "clusterId") => "groupId".to_owned(),
        (false, _) => format!("{user}.{path}"),
    }
}

fn profile_of(
    group: &Model,
    cluster: ClusterId,
    organization: OrganizationId,
    name: String,
    tokens: &Tokens<'_>,
) -> profile::Create {
    let fields = profile::Fields {
        description: pattern::text(&group.description_pattern, tokens, 128),
        button_template: group.button_template.clone(),
        softkey_template: group
            .softkey_template
            .clone()
            .or_else(|| stock_softkeys(&group.product, group.protocol)),
        login_user_id: None,
    };
    profile::Create {
        organization,
        cluster,
        name,
        product: group.product.clone(),
        protocol: group.protocol,
        fields: Patch::whole(&fields),
        settings: Patch::whole(&group.defaults.profile),
        lines: Vec::new(),
        users: Vec::new(),
        buttons: Vec::new(),
        services: Vec::new(),
    }
}

fn line_of(group: &Model, number: &str, tokens: &Tokens<'_>) -> NewLine {
    let defaults = &group.defaults;
    let mut appearance = defaults.appearance.clone();
    let mut line = defaults.line.clone();
    let text = |pattern: &Option<String>, most| pattern.as_ref().map(|it| pattern::text(it, tokens, most));
    let ascii = |pattern: &Option<String>, most| pattern.as_ref().map(|it| pattern::ascii(it, tokens, most));
    appearance.display = text(&appearance.display, 50);
    appearance.ascii_display = ascii(&appearance.ascii_display, 50);
    line.alerting_name = text(&line.alerting_name, 50);
    line.ascii_alerting_name = ascii(&line.ascii_alerting_name, 32);
    for uri in &mut line.directory_uris {
        uri.uri = pattern::text(&uri.uri, tokens, 254);
    }
    NewLine {
        line: Reference::Number { pattern: number.to_owned(), partition: defaults.partition.clone() },
        index: None,
        label: text(&defaults.label, 50),
        description: Some(pattern::text(&defaults.line_description, tokens, 128)),
        settings: Patch::whole(&appearance),
        line_settings: Patch::whole(&line),
        inventory: None,
    }
}

/// What was sent over what was there, with everything that is wrong noted.
fn checked(
    broken: &mut Broken,
    sent: &Sent,
    (before, defaults): (Fields, Defaults),
    template: Option<&template::Model>,
) -> (Fields, Defaults) {
    let fields = patched(broken, &sent.fields, &before, "");
    value::required(broken, "The name", &fields.name, 64, "name");
    value::text(broken, "The description", &fields.description, 128, "description");
    if fields.product.is_empty() {
        broken.add(Rule::ValueRequired { what: "The product".to_owned() }, "product");
    }
    let product = match fields.product.as_str() {
        "" => None,
        name => check_product(broken, name, fields.protocol),
    };
    if let Some(product) = product {
        broken.when(
            !product.supports(Feature::ExtensionMobility),
            || Rule::ExtensionMobilityNotSupported { product: product.name.clone() },
            "product",
        );
        check_fit(broken, template, &product.name, fields.protocol);
    }
    for (what, template, path) in [
        ("The button template", &fields.button_template, "buttonTemplate"),
        ("The softkey template", &fields.softkey_template, "softkeyTemplate"),
    ] {
        if let Some(template) = template {
            value::required(broken, what, template, 128, path);
        }
    }
    pattern::check_name(broken, &fields.name_pattern, "namePattern");
    let texts = [
        ("The description pattern", Some(&fields.description_pattern), 128, "descriptionPattern"),
        ("The label", fields.label.as_ref(), 50, "line.label"),
        ("The line's description", Some(&fields.line_description), 128, "line.description"),
    ];
    for (what, text, most, path) in texts {
        pattern::check_text(broken, what, text.map(String::as_str), most, path);
    }
    value::text(broken, "The partition", &fields.partition, 50, "line.partition");
    let defaults = Defaults {
        profile: patched(broken, &sent.profile, &defaults.profile, "settings"),
        partition: fields.partition.clone(),
        label: fields.label.clone(),
        line_description: fields.line_description.clone(),
        appearance: patched(broken, &sent.appearance, &defaults.appearance, "line.settings"),
        line: patched(broken, &sent.line, &defaults.line, "line.lineSettings"),
        services: defaults.services,
    };
    check_profile(broken, &defaults.profile, product, "settings");
    check_appearance(broken, &defaults.appearance, "line.settings");
    check_line(broken, &defaults.line, "line.lineSettings");
    let (appearance, line) = (&defaults.appearance, &defaults.line);
    let uris = line.directory_uris.iter().map(|uri| (Some(&uri.uri), "line.lineSettings.directoryUris"));
    for (text, path) in [
        (appearance.display.as_ref(), "line.settings.display"),
        (appearance.ascii_display.as_ref(), "line.settings.asciiDisplay"),
        (line.alerting_name.as_ref(), "line.lineSettings.alertingName"),
        (line.ascii_alerting_name.as_ref(), "line.lineSettings.asciiAlertingName"),
    ]
    .into_iter()
    .chain(uris)
    {
        pattern::check_tokens(broken, text.map(String::as_str), path);
    }
    let product = product.map_or(fields.product.clone(), |product| product.name.clone());
    (Fields { product, ..fields }, defaults)
}

/// Notes a place that is not there, or not the group's to keep things at.
fn check_kept(broken: &mut Broken, sent: &Sent, place: Option<OrganizationId>, kept: Kept) {
    let Some(id) = place.filter(|_| sent.fields.has("place_id")) else { return };
    broken.when(!kept.there, || no_organization(id), "placeId");
    let outside = || Rule::ValueInvalid {
        what: "The place".to_owned(),
        want: "it is the group's organization or one below it".to_owned(),
    };
    broken.when(kept.there && !kept.below, outside, "placeId");
}

fn blank(fields: Fields, defaults: Defaults, now: Moment) -> Model {
    Model {
        id: QuickAddId(0),
        organization_id: OrganizationId(0),
        cluster_id: None,
        name_key: value::key(&fields.name),
        name: fields.name,
        description: fields.description,
        product: fields.product,
        protocol: fields.protocol,
        button_template: fields.button_template,
        softkey_template: fields.softkey_template,
        name_pattern: fields.name_pattern,
        description_pattern: fields.description_pattern,
        place_id: fields.place_id,
        defaults,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn no_organization(id: OrganizationId) -> Rule {
    Rule::NotFound { noun: "organization", id: id.to_string() }
}

pub(super) fn not_found(id: QuickAddId) -> Rule {
    Rule::NotFound { noun: "Quick Add group", id: id.to_string() }
}

#[cfg(test)]
pub(crate) mod tests {
    use entity::line_appearance::Role;

    use super::*;
    use crate::rule::{
        line::tests::{appearance, known as line_facts},
        profile::tests::{facts as profile_facts, place, user as there},
        tests_support::{no, ok, patch},
    };

    fn sent(fields: &str) -> Sent {
        Sent { fields: patch(fields), ..Sent::default() }
    }

    fn make(sent: Sent, facts: impl FnOnce(&mut CreateFacts)) -> Decision {
        let place = place();
        let mut known = CreateFacts {
            id: QuickAddId(5),
            now: Moment(1),
            organization: place.organization.clone(),
            place: Some(place),
            from: None,
            taken: None,
            kept: Kept::default(),
            template: None,
            services: Vec::new(),
        };
        facts(&mut known);
        let copy_from = known.from.as_ref().map(|from| from.id);
        let cluster = known.place.is_some().then_some(ClusterId(2));
        create(&Create { organization: OrganizationId(4), cluster, copy_from, sent }, &known)
    }

    const SOUND: &str = r#"{"name":"Berlin","product":"cisco 8841","label":"{lastName}"}"#;

    pub fn group(change: impl FnOnce(&mut Model)) -> Model {
        match ok(make(sent(SOUND), |_| {})).pop() {
            Some(Change::QuickAddGroupCreated { mut group }) => {
                group.defaults.appearance.display = Some("{firstName} {lastName}".into());
                group.defaults.line.ascii_alerting_name = Some("{lastName}".into());
                change(&mut group);
                group
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_group_is_checked_as_the_profiles_that_it_will_make() {
        for (fields, want) in [
            (SOUND, vec![]),
            ("{}", vec![("VALUE_REQUIRED", "name"), ("VALUE_REQUIRED", "product")]),
            (
                r#"{"name":"x","product":"Cisco 1","name_pattern":"EM","description_pattern":"{dn}","label":"{"}"#,
                vec![
                    ("PRODUCT_UNKNOWN", "product"),
                    ("NAME_PATTERN_INVALID", "namePattern"),
                    ("TEXT_PATTERN_INVALID", "descriptionPattern"),
                    ("TEXT_PATTERN_INVALID", "line.label"),
                ],
            ),
            (
                r#"{"name":"x","product":"Cisco 8841","protocol":"SCCP","place_id":9}"#,
                vec![("PROTOCOL_NOT_SUPPORTED", "protocol"), ("NOT_FOUND", "placeId")],
            ),
        ] {
            let decision = make(sent(fields), |_| {});
            if want.is_empty() { drop(ok(decision)) } else { no(decision, &want) }
        }
        no(make(sent(SOUND), |facts| facts.taken = Some(Vec::new())), &[("QUICK_ADD_NAME_TAKEN", "name")]);
        let outside = |facts: &mut CreateFacts| facts.kept = Kept { there: true, below: false };
        let fields = r#"{"name":"x","product":"Cisco 8841","place_id":9}"#;
        no(make(sent(fields), outside), &[("VALUE_INVALID", "placeId")]);
        let settings = Sent {
            profile: patch(r#"{"user_hold_moh_audio_source":52}"#),
            appearance: patch(r#"{"max_calls":0,"display":"{dn}"}"#),
            line: patch(r#"{"alerting_name":"{dn}"}"#),
            ..sent(SOUND)
        };
        no(
            make(settings, |_| {}),
            &[
                ("VALUE_OUT_OF_RANGE", "settings.userHoldMohAudioSource"),
                ("VALUE_OUT_OF_RANGE", "line.settings.maxCalls"),
                ("BUSY_TRIGGER_EXCEEDS_MAX_CALLS", "line.settings.busyTrigger"),
                ("TEXT_PATTERN_INVALID", "line.settings.display"),
                ("TEXT_PATTERN_INVALID", "line.lineSettings.alertingName"),
            ],
        );
    }

    #[test]
    fn a_copy_says_the_same_but_for_what_is_sent() {
        let from = group(|group| {
            group.id = QuickAddId(1);
            group.place_id = Some(OrganizationId(99));
            group.defaults.partition = "customer".into();
        });
        let copy = |kept: Kept| {
            let facts = |facts: &mut CreateFacts| {
                facts.from = Some(from.clone());
                facts.kept = kept;
            };
            match ok(make(sent(r#"{"name":"Site","partition":"site"}"#), facts)).pop() {
                Some(Change::QuickAddGroupCreated { group }) => group,
                other => panic!("{other:?}"),
            }
        };
        let copied = copy(Kept::default());
        assert_eq!((copied.product.as_str(), copied.defaults.partition.as_str()), ("Cisco 8841", "site"));
        assert_eq!(copied.defaults.appearance, from.defaults.appearance);
        assert_eq!(copied.place_id, None, "another organization's place is not copied");
        assert_eq!(copy(Kept { there: true, below: true }).place_id, Some(OrganizationId(99)));
        assert_eq!(copied.cluster_id, Some(ClusterId(2)));
    }

    #[test]
    fn an_update_changes_what_was_sent() {
        let update = |fields: &str, version| {
            let cmd = Update { id: QuickAddId(5), expected_version: Some(version), sent: sent(fields) };
            let current = Some(group(|_| {}));
            let facts = UpdateFacts {
                now: Moment(2),
                current,
                taken: None,
                kept: Kept::default(),
                template: None,
                services: Vec::new(),
            };
            update(&cmd, &facts)
        };
        assert!(ok(update(SOUND, 1)).is_empty());
        assert!(
            matches!(&ok(update(r#"{"name":"B"}"#, 1))[..], [Change::QuickAddGroupUpdated { after, .. }] if after.version == 2 && after.name_key == "b")
        );
        no(
            update(r#"{"name":""}"#, 2),
            &[("VERSION_CONFLICT", "expectedVersion"), ("VALUE_REQUIRED", "name")],
        );
        let gone = Delete { id: QuickAddId(5), expected_version: Some(2) };
        no(delete(&gone, &Some(group(|_| {}))), &[("VERSION_CONFLICT", "expectedVersion")]);
        no(delete(&gone, &None), &[("NOT_FOUND", "id")]);
    }

    fn add(user: Who, number: Option<&str>) -> Add {
        let number = number.map(str::to_owned);
        Add {
            group: QuickAddId(5),
            organization: None,
            user,
            number,
            profile_name: None,
            services: Vec::new(),
        }
    }

    fn new_user() -> Who {
        Who::New { user_id: "anna".into(), fields: patch(r#"{"first_name":"Änna","last_name":"Berg"}"#) }
    }

    fn known(group: Model) -> Known {
        Known { group: Some(group), user: None, next: Some("4001".into()) }
    }

    #[test]
    fn a_new_user_gets_what_the_group_says() {
        let Ok(Plan { broken, made: Made::User(cmd) }) = plan(&add(new_user(), None), &known(group(|_| {})))
        else {
            panic!("not planned")
        };
        assert!(broken.is_none());
        assert_eq!(
            (cmd.user_id.as_str(), cmd.organization, cmd.default_profile),
            ("anna", OrganizationId(4), Some(0))
        );
        let [profile] = &cmd.new_profiles[..] else { panic!("one profile") };
        let fields = profile.fields.apply(&profile::Fields::default()).expect("fits");
        assert_eq!((profile.name.as_str(), fields.description.as_str()), ("EM_anna", "Änna Berg - 4001"));
        assert_eq!(fields.softkey_template.as_deref(), Some("Standard User"));
        let [line] = &profile.lines[..] else { panic!("QAS-1: one line") };
        let number = Reference::Number { pattern: "4001".into(), partition: String::new() };
        assert_eq!((&line.line, line.label.as_deref()), (&number, Some("Berg")));
        let appearance = line.settings.apply(&line_appearance::Settings::default()).expect("fits");
        assert_eq!(appearance.display.as_deref(), Some("Änna Berg"));
        let own = line.line_settings.apply(&line::Settings::default()).expect("fits");
        assert_eq!(own.ascii_alerting_name.as_deref(), Some("Berg"));
    }

    #[test]
    fn a_line_that_stands_elsewhere_keeps_its_own_settings() {
        let plan = plan(
            &add(Who::There(UserId(1)), Some("4001")),
            &Known { user: Some(there(1)), ..known(group(|_| {})) },
        );
        let Ok(Plan { made: Made::Profile(mut cmd, _), .. }) = plan else { panic!("not planned") };
        assert_eq!(cmd.users, [UserId(1)]);
        let mut own = cmd.clone();
        share(&mut own, &[line_facts(None, None)]);
        assert!(!own.lines[0].settings.is_empty() && own.lines[0].description.is_some());
        share(&mut cmd, &[line_facts(None, Some(appearance(1, 2, 5, 1, Role::Original)))]);
        assert!(cmd.lines[0].settings.is_empty() && cmd.lines[0].line_settings.is_empty());
        assert_eq!((&cmd.lines[0].description, cmd.lines[0].label.as_deref()), (&None, Some("Berg")));
    }

    #[test]
    fn what_is_missing_is_told() {
        let refused = |cmd: &Add, known: &Known| match plan(cmd, known) {
            Err(broken) | Ok(Plan { broken, .. }) => Decision::Err(broken),
        };
        no(
            refused(&add(new_user(), None), &Known { group: None, ..known(group(|_| {})) }),
            &[("NOT_FOUND", "groupId")],
        );
        no(
            refused(&add(new_user(), None), &known(group(|group| group.cluster_id = None))),
            &[("QUICK_ADD_GROUP_HAS_NO_CLUSTER", "groupId")],
        );
        let none = Known { next: None, ..known(group(|_| {})) };
        no(refused(&add(new_user(), None), &none), &[("NO_NUMBER_AVAILABLE", "number")]);
        no(
            refused(&add(Who::There(UserId(7)), None), &none),
            &[("NO_NUMBER_AVAILABLE", "number"), ("NOT_FOUND", "userId")],
        );
        let first = known(group(|group| group.name_pattern = "{firstName}".into()));
        let nameless = Who::New { user_id: "anna".into(), fields: patch(r#"{"last_name":"Berg"}"#) };
        no(refused(&add(nameless, None), &first), &[("NAME_REQUIRED", "profileName")]);
    }

    #[test]
    fn faults_are_told_in_the_words_of_a_quick_add() {
        for (new, path, want) in [
            (true, "newProfiles.0.name", "profileName"),
            (true, "newProfiles.0.lines.0.pattern", "number"),
            (true, "newProfiles.0.organizationId", "organizationId"),
            (true, "newProfiles.0.buttonTemplate", "groupId"),
            (true, "newProfiles.0", "newUser"),
            (true, "organizationId", "organizationId"),
            (true, "clusterId", "groupId"),
            (true, "userId", "newUser.userId"),
            (true, "lastName", "newUser.lastName"),
            (false, "name", "profileName"),
            (false, "lines.0.settings.maxCalls", "number"),
            (false, "userIds.0", "userId"),
            (false, "product", "groupId"),
        ] {
            assert_eq!(input_path(new, path), want, "{path}");
        }
        // What the user's and the profile's place have in common is told once.
        let cmd = add(new_user(), None);
        let mut twice = Broken::one(Rule::OrganizationIsRoot, "organizationId");
        twice.add(Rule::OrganizationIsRoot, "newProfiles.0.organizationId");
        no(told(&cmd, Broken::none(), Err(twice)), &[("ORGANIZATION_IS_ROOT", "organizationId")]);
        let change = Ok(vec![]);
        no(
            told(&cmd, Broken::one(Rule::NoNumberAvailable { partition: String::new() }, "number"), change),
            &[("NO_NUMBER_AVAILABLE", "number")],
        );
    }

    #[test]
    fn a_profile_becomes_the_default_of_a_user_without_one() {
        let facts = profile_facts();
        let mut user = there(1);
        assert!(default_of(&user, facts.id, facts.now).is_some());
        user.default_profile_id = Some(facts.id);
        assert!(default_of(&user, facts.id, facts.now).is_none());
    }
}
