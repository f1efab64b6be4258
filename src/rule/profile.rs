//! Extension mobility profiles: what their settings may be, and what goes when they go (`domain.md` 2.1, DEL-*).

use std::collections::BTreeMap;

use entity::{
    ButtonId, ClusterId, DeviceId, Moment, OrganizationId, UserId, button, device,
    profile::{DndOption, MlppIndication, Model, Preemption, Protocol, Settings, Toggle},
    profile_user, service_subscription,
    session::End,
    template, user,
};
use serde::{Deserialize, Serialize};

use super::{
    Broken, Change, Decision, Patch, Rule,
    button::{self as button_rule, NewButton},
    change::On,
    check_repeats, check_version,
    cluster::Place,
    device::Owner,
    line::{Adding, Device, NewLine, NewLineFacts, Placed, take_off},
    patched,
    product::{self, Feature, Product},
    service_subscription::{self as subscription_rule, NewFacts, NewSubscription},
    session::{ApplyPolicy, Held, OnActiveSession, Running, apply, clear},
    template::{check_fit, named, stock_softkeys},
    user::Entitlement,
    value,
};

/// What is given at creation and may be updated, settings aside.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub description: String,
    /// The product's stock template when none is given.
    pub button_template: Option<String>,
    pub softkey_template: Option<String>,
    pub login_user_id: Option<UserId>,
}

/// Makes a profile, with lines and users where they are given.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub organization: OrganizationId,
    pub cluster: ClusterId,
    pub name: String,
    pub product: String,
    pub protocol: Protocol,
    pub fields: Patch<Fields>,
    pub settings: Patch<Settings>,
    pub lines: Vec<NewLine>,
    pub users: Vec<UserId>,
    /// Left out where there is none, so that an answer kept under a key from before buttons is found again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<NewButton>,
    /// Left out where there is none, for the same reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<NewSubscription>,
}

/// What [`create`] must know.
#[derive(Clone)]
pub struct CreateFacts {
    pub id: DeviceId,
    pub now: Moment,
    pub place: Place,
    /// Who has the name.
    pub owner: Option<Owner>,
    pub lines: Vec<NewLineFacts>,
    /// In the order of the command; none where the user is not there.
    pub users: Vec<Option<user::Model>>,
    /// How many profiles each of them has and may have.
    pub entitlements: BTreeMap<UserId, Entitlement>,
    /// User id of a user who is made in the same command and whom the profile serves.
    pub newcomer: Option<String>,
    pub login_user: Option<user::Model>,
    /// An id for each button.
    pub buttons: Vec<ButtonId>,
    /// What each service must know.
    pub services: Vec<NewFacts>,
    /// The cluster's button template of the name that it gets.
    pub template: Option<template::Model>,
}

/// Updates the fields and settings that were sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: DeviceId,
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
    pub settings: Patch<Settings>,
    /// Left out where nothing is said, as buttons are above.
    #[serde(default, skip_serializing_if = "ApplyPolicy::is_default")]
    pub apply_policy: ApplyPolicy,
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// The login user that was sent, when it is there.
    pub login_user: Option<user::Model>,
    /// The cluster's button template of the name that was sent.
    pub template: Option<template::Model>,
    /// The sessions that show it, where the command does something about them.
    pub sessions: Vec<Running>,
}

/// Makes a profile like another one; its lines become clones.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Copy {
    pub from: DeviceId,
    pub name: String,
    pub organization: Option<OrganizationId>,
    pub description: Option<String>,
    pub lines: bool,
    pub users: bool,
    pub buttons: bool,
    /// Left out where it is not asked for, so that an answer kept under a key from before services is found again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub services: bool,
}

/// Deletes a profile with everything that is its own.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: DeviceId,
    pub expected_version: Option<i64>,
    /// Whether phones that show it while nobody is logged in show their own settings from now on.
    pub release_logout_phones: bool,
    #[serde(default, skip_serializing_if = "OnActiveSession::is_default")]
    pub on_active_session: OnActiveSession,
}

/// What [`delete`] must know.
#[derive(Clone)]
pub struct DeleteFacts {
    pub now: Moment,
    pub current: Option<Model>,
    pub lines: Vec<(Placed, Vec<Placed>)>,
    pub users: Vec<(profile_user::Model, user::Model)>,
    /// Users whose default profile it is although they are no users of it, which an import can bring.
    pub defaults: Vec<user::Model>,
    /// Users for whom applications may control it, with their whole lists.
    pub cti: Vec<(user::Model, Vec<DeviceId>)>,
    /// Phones whose logout profile it is, and whether the caller sees each.
    pub logout_phones: Vec<(entity::phone::Model, bool)>,
    pub buttons: Vec<button::Model>,
    /// The sessions that show it.
    pub sessions: Vec<Held>,
    pub subscriptions: Vec<service_subscription::Model>,
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    facts.place.check(&mut broken, cmd.organization, cmd.cluster);
    broken.take(value::profile_name(&cmd.name), "name");
    if let Some(owner) = &facts.owner {
        broken.add(owner.clash(&cmd.name), "name");
    }
    let product = check_product(&mut broken, &cmd.product, cmd.protocol);
    if let Some(product) = product {
        broken.when(
            !product.supports(Feature::ExtensionMobility),
            || Rule::ExtensionMobilityNotSupported { product: product.name.clone() },
            "product",
        );
        check_fit(&mut broken, facts.template.as_ref(), &product.name, cmd.protocol);
    }
    let fields =
        checked_fields(&mut broken, &cmd.fields, &Fields::default(), facts.login_user.as_ref(), cmd.cluster);
    let settings = patched(&mut broken, &cmd.settings, &Settings::default(), "settings");
    check_settings(&mut broken, &settings, product, "settings");

    let on = On { organization_id: cmd.organization, kind: device::Kind::Profile, name: cmd.name.clone() };
    let empty = Device {
        id: facts.id,
        cluster_id: cmd.cluster,
        product: Some(cmd.product.clone()),
        version: 1,
        on,
        appearances: Vec::new(),
        users: facts
            .users
            .iter()
            .flatten()
            .map(|user| user.user_id.clone())
            .chain(facts.newcomer.clone())
            .collect(),
    };
    let (mut adding, mut lines) = (Adding::new(&empty, facts.now), Vec::new());
    for (at, (new, known)) in cmd.lines.iter().zip(&facts.lines).enumerate() {
        match adding.put(new, known) {
            Ok(more) => lines.extend(more),
            Err(part) => broken.nest(part, &format!("lines.{at}")),
        }
    }
    check_users(&mut broken, &cmd.users, &facts.users, cmd.cluster, "userIds");
    check_entitlements(&mut broken, &facts.users, &facts.entitlements, "userIds");
    let bare = button_rule::Device {
        id: facts.id,
        protocol: Some(cmd.protocol),
        version: 1,
        on: empty.on.clone(),
        buttons: Vec::new(),
    };
    let buttons = button_rule::equip(&mut broken, &bare, &cmd.buttons, &facts.buttons, facts.now);
    let placed = buttons.iter().filter_map(|change| match change {
        Change::ButtonAdded { button, .. } => Some(button.clone()),
        _ => None,
    });
    let equipped = subscription_rule::Device {
        cluster_id: cmd.cluster,
        with: button_rule::Device { buttons: placed.collect(), ..bare },
        subscriptions: Vec::new(),
    };
    let services = subscription_rule::equip(&mut broken, equipped, &cmd.services, &facts.services, facts.now);

    broken.or(|| {
        let profile = Model {
            id: facts.id,
            cluster_id: cmd.cluster,
            organization_id: cmd.organization,
            name: cmd.name.clone(),
            name_key: value::key(&cmd.name),
            description: fields.description,
            product: product.map_or_else(|| cmd.product.clone(), |product| product.name.clone()),
            protocol: cmd.protocol,
            button_template: named(fields.button_template, &cmd.product, cmd.protocol).unwrap_or_default(),
            softkey_template: if cmd.fields.has("softkey_template") {
                fields.softkey_template
            } else {
                stock_softkeys(&cmd.product, cmd.protocol)
            },
            login_user_id: fields.login_user_id,
            settings,
            version: 1,
            created_at: facts.now,
            updated_at: facts.now,
        };
        let users = cmd.users.iter().zip(1..).map(|(&user_id, position)| Change::UserAssociated {
            organization_id: cmd.organization,
            association: profile_user::Model { profile_id: facts.id, user_id, position },
        });
        std::iter::once(Change::ProfileCreated { profile })
            .chain(lines)
            .chain(users)
            .chain(buttons)
            .chain(services)
            .collect()
    })
}

/// Decides [`Update`]; the name, product and protocol are fixed (NAM-4, RI-66).
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let before = Fields {
        description: current.description.clone(),
        button_template: Some(current.button_template.clone()),
        softkey_template: current.softkey_template.clone(),
        login_user_id: current.login_user_id,
    };
    let product = product::find(&current.product);
    if cmd.fields.has("button_template") {
        check_fit(&mut broken, facts.template.as_ref(), &current.product, current.protocol);
    }
    let fields =
        checked_fields(&mut broken, &cmd.fields, &before, facts.login_user.as_ref(), current.cluster_id);
    let settings = patched(&mut broken, &cmd.settings, &current.settings, "settings");
    check_settings(&mut broken, &settings, product, "settings");
    broken.when(
        settings.protocol_side != current.settings.protocol_side,
        || Rule::ValueInvalid {
            what: "The protocol side".to_owned(),
            want: "it is fixed when the profile is made".to_owned(),
        },
        "settings.protocolSide",
    );
    broken
        .or(|| {
            let after = Model {
                description: fields.description,
                button_template: named(fields.button_template, &current.product, current.protocol)
                    .unwrap_or_else(|| current.button_template.clone()),
                softkey_template: fields.softkey_template,
                login_user_id: fields.login_user_id,
                settings,
                ..current.clone()
            };
            if after == *current {
                return Vec::new();
            }
            let after = Model { version: current.version + 1, updated_at: facts.now, ..after };
            vec![Change::ProfileUpdated { before: current.clone(), after }]
        })
        .and_then(|mut changes| {
            let Some(Change::ProfileUpdated { after, .. }) = changes.first() else { return Ok(changes) };
            let ended = apply(cmd.apply_policy, &facts.sessions, after, facts.now);
            changes.extend(ended.map_err(|rule| Broken::one(rule, "applyPolicy"))?);
            Ok(changes)
        })
}

/// Decides [`Delete`]: lines stay (DEL-3), a clone is promoted where the original goes (CLN-6), associations and
/// defaults close up (DEL-8), buttons and services go along (DEL-1).
pub fn delete(cmd: &Delete, facts: &DeleteFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    if !cmd.release_logout_phones && !facts.logout_phones.is_empty() {
        let seen: Vec<_> =
            facts.logout_phones.iter().filter(|(_, seen)| *seen).map(|(p, _)| p.name.as_str()).collect();
        let phones = if seen.is_empty() { "phones that you do not see".to_owned() } else { seen.join(", ") };
        broken.add(Rule::ProfileIsLogoutProfile { phones }, "id");
    }
    let in_use = |phones| Rule::ProfileInUse { profile: current.name.clone(), phones };
    let ended = clear(&mut broken, &facts.sessions, cmd.on_active_session, End::ProfileDeleted, in_use, "id");
    broken.or(|| {
        let mut changes = ended;
        for (phone, _) in &facts.logout_phones {
            let after = entity::phone::Model {
                logout_profile_id: None,
                version: phone.version + 1,
                updated_at: facts.now,
                ..phone.clone()
            };
            changes.push(Change::PhoneUpdated { before: phone.clone(), after });
        }
        let served = facts.users.iter().map(|(_, user)| user);
        for user in served.chain(&facts.defaults).filter(|user| user.default_profile_id == Some(cmd.id)) {
            changes.push(without_default(user, facts.now));
        }
        for (user, list) in &facts.cti {
            changes.push(Change::UserCtiProfilesChanged {
                organization_id: user.organization_id,
                user_id: user.id,
                before: list.clone(),
                after: list.iter().copied().filter(|id| *id != cmd.id).collect(),
            });
        }
        // From the last to the first, so that each position is the one that the user has at that moment.
        for (association, _) in facts.users.iter().rev() {
            changes.push(Change::UserDisassociated {
                organization_id: current.organization_id,
                association: association.clone(),
            });
        }
        for (placed, all) in &facts.lines {
            changes.extend(take_off(placed, all));
        }
        let on = On {
            organization_id: current.organization_id,
            kind: device::Kind::Profile,
            name: current.name.clone(),
        };
        changes.extend(button_rule::take_all(&on, &facts.buttons));
        changes.extend(subscription_rule::take_all(&on, &facts.subscriptions));
        changes.push(Change::ProfileDeleted { profile: current.clone() });
        changes
    })
}

/// The change that clears a user's default profile.
pub fn without_default(user: &user::Model, now: Moment) -> Change {
    let after =
        user::Model { default_profile_id: None, version: user.version + 1, updated_at: now, ..user.clone() };
    Change::UserUpdated { before: user.clone(), after }
}

/// Notes users that are named twice, are not there, or are on another cluster.
pub fn check_users(
    broken: &mut Broken,
    ids: &[UserId],
    users: &[Option<user::Model>],
    cluster: ClusterId,
    path: &str,
) {
    check_repeats(broken, ids, path);
    for (at, (id, user)) in ids.iter().zip(users).enumerate() {
        let path = format!("{path}.{at}");
        match user {
            None => broken.add(Rule::NotFound { noun: "user", id: id.to_string() }, path),
            Some(user) => broken.when(
                user.cluster_id != cluster,
                || Rule::UserOnOtherCluster { user_id: user.user_id.clone() },
                &path,
            ),
        }
    }
}

/// Notes users who may have no further profile (USR-11).
pub fn check_entitlements(
    broken: &mut Broken,
    users: &[Option<user::Model>],
    entitlements: &BTreeMap<UserId, Entitlement>,
    path: &str,
) {
    for (at, user) in users.iter().enumerate() {
        let Some(user) = user else { continue };
        if let Some(Entitlement { used, most: Some(most) }) = entitlements.get(&user.id) {
            broken.when(
                used >= most,
                || Rule::EntitlementExceeded { user_id: user.user_id.clone(), most: *most },
                &format!("{path}.{at}"),
            );
        }
    }
}

/// The product, when the catalogue has it and it speaks the protocol (RI-69).
pub fn check_product(broken: &mut Broken, name: &str, protocol: Protocol) -> Option<&'static Product> {
    let Some(product) = product::find(name) else {
        let near = product::suggest(name);
        let near = if near.is_empty() {
            "Query products for the list.".to_owned()
        } else {
            format!("Did you mean {}?", near.join(", "))
        };
        broken.add(Rule::ProductUnknown { product: name.to_owned(), near }, "product");
        return None;
    };
    broken.when(
        !product.speaks(protocol),
        || Rule::ProtocolNotSupported {
            product: product.name.clone(),
            protocol: spoken(protocol).to_owned(),
        },
        "protocol",
    );
    Some(product)
}

/// A protocol's name, as people write it.
pub fn spoken(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Sip => "SIP",
        Protocol::Sccp => "SCCP",
    }
}

fn checked_fields(
    broken: &mut Broken,
    patch: &Patch<Fields>,
    before: &Fields,
    login_user: Option<&user::Model>,
    cluster: ClusterId,
) -> Fields {
    let fields = patched(broken, patch, before, "");
    value::text(broken, "The description", &fields.description, 128, "description");
    for (what, template, path) in [
        ("The button template", &fields.button_template, "buttonTemplate"),
        ("The softkey template", &fields.softkey_template, "softkeyTemplate"),
    ] {
        if let Some(template) = template {
            value::required(broken, what, template, 128, path);
        }
    }
    if let (true, Some(id)) = (patch.has("login_user_id"), fields.login_user_id) {
        let mut part = Broken::none();
        check_users(&mut part, &[id], &[login_user.cloned()], cluster, "loginUserId");
        for breach in part.0 {
            broken.add(breach.rule, "loginUserId");
        }
    }
    fields
}

/// What the settings may be, and on which product.
pub fn check_settings(broken: &mut Broken, settings: &Settings, product: Option<&Product>, path: &str) {
    let mut part = Broken::none();
    let b = &mut part;
    value::text_or_none(b, "The user locale", settings.user_locale.as_deref(), 64, "userLocale");
    value::range(
        b,
        "userHoldMohAudioSource",
        settings.user_hold_moh_audio_source,
        0,
        51,
        "userHoldMohAudioSource",
    );
    if let Some(domain) = &settings.mlpp_domain {
        let sound = (1..=6).contains(&domain.len()) && domain.bytes().all(|b| b.is_ascii_hexdigit());
        b.when(
            !sound,
            || Rule::ValueInvalid {
                what: "The MLPP domain".to_owned(),
                want: "it is hexadecimal, 0 to FFFFFF".to_owned(),
            },
            "mlppDomain",
        );
    }
    b.when(
        settings.preemption == Preemption::Forceful && settings.mlpp_indication != MlppIndication::On,
        || Rule::MlppCombinationInvalid,
        "preemption",
    );
    for (what, text, path) in [
        ("The EMCC calling search space", &settings.emcc_calling_search_space, "emccCallingSearchSpace"),
        ("The feature control policy", &settings.feature_control_policy, "featureControlPolicy"),
    ] {
        value::text_or_none(b, what, text.as_deref(), 128, path);
    }
    if let Some(config) = &settings.vendor_config {
        let got = config.chars().count();
        b.when(
            got > 65_536,
            || Rule::ValueTooLong { what: "The vendor configuration".to_owned(), most: 65_536, got },
            "vendorConfig",
        );
    }
    if let Some(product) = product {
        check_features(b, settings, product);
        check_modules(b, settings, product);
    }
    broken.nest(part, path);
}

fn check_features(broken: &mut Broken, settings: &Settings, product: &Product) {
    let default = Settings::default();
    let asked = [
        (Feature::Locale, "a user locale", settings.user_locale.is_some(), "userLocale"),
        (
            Feature::Moh,
            "its own music on hold",
            settings.user_hold_moh_audio_source.is_some(),
            "userHoldMohAudioSource",
        ),
        (
            Feature::Mlpp,
            "MLPP",
            settings.mlpp_indication == MlppIndication::On || settings.mlpp_domain.is_some(),
            "mlppIndication",
        ),
        (
            Feature::Dnd,
            "do not disturb",
            settings.dnd_status
                || settings.dnd_ring.is_some()
                || settings.dnd_option == DndOption::CallReject,
            "dndOption",
        ),
        (
            Feature::Barge,
            "barge",
            settings.single_button_barge != default.single_button_barge,
            "singleButtonBarge",
        ),
        (Feature::Join, "join across lines", settings.join_across_lines == Toggle::On, "joinAcrossLines"),
        (Feature::Privacy, "privacy", settings.privacy == Toggle::On, "privacy"),
        (
            Feature::AlwaysUsePrimeLine,
            "always using the prime line",
            settings.always_use_prime_line == Toggle::On
                || settings.always_use_prime_line_for_voice_message == Toggle::On,
            "alwaysUsePrimeLine",
        ),
        (
            Feature::FeatureControlPolicy,
            "a feature control policy",
            settings.feature_control_policy.is_some(),
            "featureControlPolicy",
        ),
    ];
    for (feature, name, asked, path) in asked {
        broken.when(
            asked && !product.supports(feature),
            || Rule::FeatureNotSupportedByModel { product: product.name.clone(), feature: name.to_owned() },
            path,
        );
    }
}

fn check_modules(broken: &mut Broken, settings: &Settings, product: &Product) {
    let modules = &settings.add_on_modules;
    let Some(first) = modules.first() else { return };
    let most = usize::from(product.expansion.most);
    let mut places: Vec<_> = modules.iter().map(|module| module.index).collect();
    places.sort_unstable();
    places.dedup();
    let why = if modules.len() > most {
        Some(format!("{} takes {most}, not {}", product.name, modules.len()))
    } else if places.len() < modules.len() {
        Some("two have the same index".to_owned())
    } else if places.first().is_some_and(|&index| index < 1) {
        Some("an index is 1 or more".to_owned())
    } else if modules.iter().any(|module| module.model != first.model) {
        Some("they are of different models".to_owned())
    } else if product.expansion.takes(&first.model) {
        None
    } else {
        Some(format!("{} does not take '{}'", product.name, first.model))
    };
    if let Some(why) = why {
        broken.add(Rule::AddOnModulesInvalid { why }, "addOnModules");
    }
}

fn not_found(id: DeviceId) -> Rule {
    Rule::NotFound { noun: "profile", id: id.to_string() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rule::{
        cluster::tests::cluster,
        organization::tests::organization,
        tests_support::{no, ok, patch},
    };

    pub fn place() -> Place {
        let mut site = organization(4, entity::organization::Kind::Site, "acme.Berlin");
        site.parent_id = Some(OrganizationId(1));
        Place { organization: Some(site), cluster: Some(cluster(2)), serves: true }
    }

    pub fn user(id: i64) -> user::Model {
        user::Model {
            id: UserId(id),
            cluster_id: ClusterId(2),
            organization_id: OrganizationId(4),
            user_id: format!("user{id}"),
            first_name: String::new(),
            last_name: "Berg".into(),
            name_key: "berg".into(),
            display_name: None,
            email: None,
            department: None,
            user_locale: None,
            max_login_minutes: None,
            cross_cluster: false,
            home_cluster: true,
            primary_pattern: None,
            primary_partition: None,
            default_profile_id: None,
            version: 1,
            created_at: Moment(0),
            updated_at: Moment(0),
        }
    }

    fn command(product: &str, protocol: Protocol, settings: &str) -> Create {
        Create {
            organization: OrganizationId(4),
            cluster: ClusterId(2),
            name: "EM-1".into(),
            product: product.into(),
            protocol,
            fields: Patch::default(),
            settings: patch(settings),
            lines: Vec::new(),
            users: Vec::new(),
            buttons: Vec::new(),
            services: Vec::new(),
        }
    }

    /// A profile to make.
    pub fn new_profile() -> Create {
        command("Cisco 8841", Protocol::Sip, "{}")
    }

    pub fn facts() -> CreateFacts {
        CreateFacts {
            id: DeviceId(10),
            now: Moment(9),
            place: place(),
            owner: None,
            lines: Vec::new(),
            users: Vec::new(),
            entitlements: BTreeMap::new(),
            newcomer: None,
            login_user: None,
            buttons: Vec::new(),
            services: Vec::new(),
            template: None,
        }
    }

    pub fn profile(settings: &str) -> Model {
        let changes = ok(create(&command("Cisco 8841", Protocol::Sip, settings), &facts()));
        match changes.into_iter().next() {
            Some(Change::ProfileCreated { profile }) => profile,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_profile_takes_its_products_stock_templates() {
        let profile = profile("{}");
        assert_eq!(profile.button_template, "Standard 8841 SIP");
        assert!(profile.softkey_template.is_some());
        assert_eq!((profile.version, profile.name_key.as_str()), (1, "em-1"));
    }

    #[test]
    fn products_and_protocols_are_those_of_the_catalogue() {
        no(create(&command("Cisco 9999", Protocol::Sip, "{}"), &facts()), &[("PRODUCT_UNKNOWN", "product")]);
        no(
            create(&command("Cisco 8841", Protocol::Sccp, "{}"), &facts()),
            &[("PROTOCOL_NOT_SUPPORTED", "protocol")],
        );
    }

    #[test]
    fn settings_need_a_product_that_has_the_feature() {
        for (product, settings, want) in [
            ("Cisco 8841", r#"{"user_hold_moh_audio_source":51}"#, None),
            (
                "Cisco 8841",
                r#"{"user_hold_moh_audio_source":52}"#,
                Some(("VALUE_OUT_OF_RANGE", "settings.userHoldMohAudioSource")),
            ),
            (
                "Cisco 8841",
                r#"{"preemption":"FORCEFUL"}"#,
                Some(("MLPP_COMBINATION_INVALID", "settings.preemption")),
            ),
            ("Cisco 8841", r#"{"mlpp_domain":"xyz"}"#, Some(("VALUE_INVALID", "settings.mlppDomain"))),
            (
                "Cisco 8851",
                r#"{"add_on_modules":[{"index":1,"model":"A"},{"index":1,"model":"A"}]}"#,
                Some(("ADD_ON_MODULES_INVALID", "settings.addOnModules")),
            ),
        ] {
            let decision = create(&command(product, Protocol::Sip, settings), &facts());
            match want {
                None => drop(ok(decision)),
                Some((code, path)) => {
                    let Err(Broken(breaches)) = decision else { panic!("{settings} was not refused") };
                    let got: Vec<_> =
                        breaches.iter().map(|b| (b.rule.code().as_str(), b.path.as_str())).collect();
                    assert!(got.contains(&(code, path)), "{settings}: {got:?}");
                }
            }
        }
    }

    #[test]
    fn every_fault_of_name_place_and_users_is_told_at_once() {
        let mut cmd = command("Cisco 8841", Protocol::Sip, "{}");
        cmd.name = "SEP001122334455".into();
        cmd.users = vec![UserId(1), UserId(1), UserId(3)];
        let mut facts = facts();
        facts.owner = Some(Owner { kind: device::Kind::Phone, visible: true, suggestions: Vec::new() });
        facts.users = vec![Some(user(1)), Some(user(1)), None];
        no(
            create(&cmd, &facts),
            &[
                ("NAME_RESERVED", "name"),
                ("NAME_TAKEN_BY_DEVICE", "name"),
                ("VALUE_REPEATED", "userIds.1"),
                ("NOT_FOUND", "userIds.2"),
            ],
        );
    }

    #[test]
    fn an_update_that_changes_nothing_is_no_change() {
        let update = |settings: &str, version| {
            update(
                &Update {
                    id: DeviceId(10),
                    expected_version: Some(version),
                    fields: Patch::default(),
                    settings: patch(settings),
                    apply_policy: ApplyPolicy::Leave,
                },
                &UpdateFacts {
                    now: Moment(11),
                    current: Some(profile("{}")),
                    login_user: None,
                    template: None,
                    sessions: Vec::new(),
                },
            )
        };
        assert!(ok(update(r#"{"dnd_status":false}"#, 1)).is_empty());
        assert!(
            matches!(&ok(update(r#"{"dnd_status":true}"#, 1))[..], [Change::ProfileUpdated { after, .. }] if after.version == 2)
        );
        no(update("{}", 2), &[("VERSION_CONFLICT", "expectedVersion")]);
        no(update(r#"{"protocol_side":"NETWORK"}"#, 1), &[("VALUE_INVALID", "settings.protocolSide")]);
    }

    #[test]
    fn a_logout_profile_stays_and_a_deleted_one_clears_its_defaults() {
        let phone = crate::rule::phone::tests::phone(20);
        let mut default = user(1);
        default.default_profile_id = Some(DeviceId(10));
        let association = profile_user::Model { profile_id: DeviceId(10), user_id: UserId(1), position: 1 };
        let delete = |logout_phones, release_logout_phones| {
            delete(
                &Delete {
                    id: DeviceId(10),
                    expected_version: None,
                    release_logout_phones,
                    on_active_session: OnActiveSession::Fail,
                },
                &DeleteFacts {
                    now: Moment(9),
                    current: Some(profile("{}")),
                    lines: Vec::new(),
                    users: vec![(association.clone(), default.clone())],
                    defaults: Vec::new(),
                    cti: Vec::new(),
                    logout_phones,
                    buttons: Vec::new(),
                    sessions: Vec::new(),
                    subscriptions: Vec::new(),
                },
            )
        };
        no(delete(vec![(phone.clone(), true)], false), &[("PROFILE_IS_LOGOUT_PROFILE", "id")]);
        let kinds = |changes: Vec<Change>| -> Vec<_> { changes.iter().map(|c| c.kind().as_str()).collect() };
        assert_eq!(
            kinds(ok(delete(vec![(phone, true)], true))),
            ["PhoneUpdated", "UserUpdated", "UserDisassociated", "ProfileDeleted"]
        );
    }
}
