//! Default device profiles (RML-40, SES-11): one per cluster, product and protocol. It gives a phone its templates,
//! expansion modules and device-wide settings when somebody logs in whose profile is for another model.

use entity::{
    ClusterId, DefaultDeviceProfileId, Moment, cluster,
    default_device_profile::Model,
    profile::{Protocol, Settings},
    template,
};
use serde::{Deserialize, Serialize};

use super::{
    Broken, Change, Decision, Patch, Rule, check_version, patched,
    product::{self, Feature, Product},
    profile::{check_product, check_settings, spoken},
    template::{check_fit, named, stock_softkeys},
    value,
};

/// What is given when it is made and may be updated, settings aside.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub description: String,
    /// The product's stock template when none is given.
    pub button_template: Option<String>,
    pub softkey_template: Option<String>,
}

/// Makes one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub cluster: ClusterId,
    pub product: String,
    pub protocol: Protocol,
    pub fields: Patch<Fields>,
    pub settings: Patch<Settings>,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: DefaultDeviceProfileId,
    pub now: Moment,
    /// The cluster, when it is the caller's to change.
    pub cluster: Option<cluster::Model>,
    /// Whether the cluster has one for the product and protocol.
    pub taken: bool,
    /// The cluster's button template of the name that it gets.
    pub template: Option<template::Model>,
}

/// Updates what was sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: DefaultDeviceProfileId,
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
    pub settings: Patch<Settings>,
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
    /// The cluster's button template of the name that was sent.
    pub template: Option<template::Model>,
}

/// Deletes one. Sessions that took it keep their copy (SES-12).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: DefaultDeviceProfileId,
    pub expected_version: Option<i64>,
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    let missing = || Rule::NotFound { noun: "cluster", id: cmd.cluster.to_string() };
    broken.when(facts.cluster.is_none(), missing, "clusterId");
    let product = check_product(&mut broken, &cmd.product, cmd.protocol);
    if let Some(product) = product {
        broken.when(
            !product.supports(Feature::ExtensionMobility),
            || Rule::ExtensionMobilityNotSupported { product: product.name.clone() },
            "product",
        );
        check_fit(&mut broken, facts.template.as_ref(), &product.name, cmd.protocol);
    }
    let taken = || Rule::DefaultDeviceProfileTaken {
        product: cmd.product.clone(),
        protocol: spoken(cmd.protocol).to_owned(),
    };
    broken.when(facts.taken, taken, "product");
    let fields = patched(&mut broken, &cmd.fields, &Fields::default(), "");
    let settings = patched(&mut broken, &cmd.settings, &Settings::default(), "settings");
    check(&mut broken, &fields, &settings, product);
    let Some(cluster) = &facts.cluster else { return Err(broken) };
    broken.or(|| {
        let profile = Model {
            id: facts.id,
            cluster_id: cluster.id,
            organization_id: cluster.organization_id,
            product: product.map_or_else(|| cmd.product.clone(), |product| product.name.clone()),
            protocol: cmd.protocol,
            description: fields.description,
            button_template: named(fields.button_template, &cmd.product, cmd.protocol).unwrap_or_default(),
            softkey_template: if cmd.fields.has("softkey_template") {
                fields.softkey_template
            } else {
                stock_softkeys(&cmd.product, cmd.protocol)
            },
            settings,
            version: 1,
            created_at: facts.now,
            updated_at: facts.now,
        };
        vec![Change::DefaultDeviceProfileCreated { profile }]
    })
}

/// Decides [`Update`]; product and protocol are fixed.
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let before = Fields {
        description: current.description.clone(),
        button_template: Some(current.button_template.clone()),
        softkey_template: current.softkey_template.clone(),
    };
    let product = product::find(&current.product);
    check_fit(&mut broken, facts.template.as_ref(), &current.product, current.protocol);
    let fields = patched(&mut broken, &cmd.fields, &before, "");
    let settings = patched(&mut broken, &cmd.settings, &current.settings, "settings");
    check(&mut broken, &fields, &settings, product);
    broken.or(|| {
        let after = Model {
            description: fields.description,
            button_template: named(fields.button_template, &current.product, current.protocol)
                .unwrap_or_else(|| current.button_template.clone()),
            softkey_template: fields.softkey_template,
            settings,
            ..current.clone()
        };
        if after == *current {
            return Vec::new();
        }
        let after = Model { version: current.version + 1, updated_at: facts.now, ..after };
        vec![Change::DefaultDeviceProfileUpdated { before: current.clone(), after }]
    })
}

/// Decides [`Delete`].
pub fn delete(cmd: &Delete, current: Option<&Model>) -> Decision {
    let Some(current) = current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    broken.or(|| vec![Change::DefaultDeviceProfileDeleted { profile: current.clone() }])
}

fn check(broken: &mut Broken, fields: &Fields, settings: &Settings, product: Option<&Product>) {
    value::text(broken, "The description", &fields.description, 255, "description");
    for (what, template, path) in [
        ("The button template", &fields.button_template, "buttonTemplate"),
        ("The softkey template", &fields.softkey_template, "softkeyTemplate"),
    ] {
        if let Some(template) = template {
            value::required(broken, what, template, 128, path);
        }
    }
    check_settings(broken, settings, product, "settings");
}

fn not_found(id: DefaultDeviceProfileId) -> Rule {
    Rule::NotFound { noun: "default device profile", id: id.to_string() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::rule::{
        cluster::tests::cluster,
        tests_support::{no, ok, patch},
    };

    fn make(product: &str, protocol: Protocol, fields: &str, settings: &str, taken: bool) -> Decision {
        let cmd = Create {
            cluster: ClusterId(2),
            product: product.into(),
            protocol,
            fields: patch(fields),
            settings: patch(settings),
        };
        let facts = CreateFacts {
            id: DefaultDeviceProfileId(70),
            now: Moment(1),
            cluster: Some(cluster(2)),
            taken,
            template: None,
        };
        create(&cmd, &facts)
    }

    pub fn fallback(product: &str, settings: &str) -> Model {
        match ok(make(product, Protocol::Sip, "{}", settings, false)).pop() {
            Some(Change::DefaultDeviceProfileCreated { profile }) => profile,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn there_is_one_for_a_product_and_protocol_and_it_fits_the_product() {
        let made = fallback("Cisco 7841", "{}");
        assert_eq!(made.button_template, "Standard 7841 SIP");
        for (product, protocol, fields, settings, taken, want) in [
            ("Cisco 1", Protocol::Sip, "{}", "{}", false, ("PRODUCT_UNKNOWN", "product")),
            ("Cisco 8841", Protocol::Sccp, "{}", "{}", false, ("PROTOCOL_NOT_SUPPORTED", "protocol")),
            ("Cisco 6901", Protocol::Sip, "{}", "{}", false, ("EXTENSION_MOBILITY_NOT_SUPPORTED", "product")),
            ("Cisco 8841", Protocol::Sip, "{}", "{}", true, ("DEFAULT_DEVICE_PROFILE_TAKEN", "product")),
            (
                "Cisco 8841",
                Protocol::Sip,
                r#"{"button_template":""}"#,
                "{}",
                false,
                ("VALUE_REQUIRED", "buttonTemplate"),
            ),
            (
                "Cisco 8841",
                Protocol::Sip,
                "{}",
                r#"{"mlpp_domain":"x"}"#,
                false,
                ("VALUE_INVALID", "settings.mlppDomain"),
            ),
        ] {
            no(make(product, protocol, fields, settings, taken), &[want]);
        }
    }

    #[test]
    fn an_update_changes_what_was_sent_and_a_stale_one_nothing() {
        let update = |settings: &str, version| {
            let cmd = Update {
                id: DefaultDeviceProfileId(70),
                expected_version: Some(version),
                fields: Patch::default(),
                settings: patch(settings),
            };
            let current = Some(fallback("Cisco 8841", "{}"));
            update(&cmd, &UpdateFacts { now: Moment(2), current, template: None })
        };
        assert!(ok(update("{}", 1)).is_empty());
        assert!(
            matches!(&ok(update(r#"{"privacy":"ON"}"#, 1))[..], [Change::DefaultDeviceProfileUpdated { after, .. }] if after.version == 2)
        );
        no(update("{}", 3), &[("VERSION_CONFLICT", "expectedVersion")]);
        let cmd = Delete { id: DefaultDeviceProfileId(70), expected_version: Some(3) };
        no(delete(&cmd, Some(&fallback("Cisco 8841", "{}"))), &[("VERSION_CONFLICT", "expectedVersion")]);
        no(delete(&cmd, None), &[("NOT_FOUND", "id")]);
    }
}
