//! Phone button and softkey templates of a cluster (BTN-1).
//!
//! Profiles and phones name their templates. A name that the cluster has no template of is taken for the product's own
//! (a cluster's stock templates need not be kept here); where it has one, it is of the device's product and protocol,
//! whichever of the two comes first.

use entity::{
    ClusterId, Moment, TemplateId, cluster,
    profile::Protocol,
    template::{Feature, Features, Kind, Model},
};
use serde::{Deserialize, Serialize};

use super::{
    Broken, Change, Decision, Patch, Rule, check_taken, check_version, patched,
    product::{self, Product},
    profile::check_product,
    value,
};

/// Keys of the largest expansion module.
const MODULE: usize = 36;

/// What may be updated: a name stays, as devices name their template by it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Fields {
    pub description: String,
    pub features: Features,
}

/// Makes a template.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Create {
    pub cluster: ClusterId,
    pub kind: Kind,
    pub name: String,
    /// Of a button template.
    pub product: Option<String>,
    pub protocol: Option<Protocol>,
    pub fields: Patch<Fields>,
}

/// What [`create`] must know.
pub struct CreateFacts {
    pub id: TemplateId,
    pub now: Moment,
    /// The cluster, when it is the caller's to change.
    pub cluster: Option<cluster::Model>,
    /// Free names near it, where another one has the name.
    pub taken: Option<Vec<String>>,
    /// Devices of another product or protocol that name a template like this.
    pub misfits: i64,
}

/// Updates the fields that were sent.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Update {
    pub id: TemplateId,
    pub expected_version: Option<i64>,
    pub fields: Patch<Fields>,
}

/// What [`update`] must know.
pub struct UpdateFacts {
    pub now: Moment,
    pub current: Option<Model>,
}

/// Deletes a template that no device names.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Delete {
    pub id: TemplateId,
    pub expected_version: Option<i64>,
}

/// What [`delete`] must know.
pub struct DeleteFacts {
    pub current: Option<Model>,
    /// Devices that name it.
    pub devices: i64,
}

/// Decides [`Create`].
pub fn create(cmd: &Create, facts: &CreateFacts) -> Decision {
    let mut broken = Broken::none();
    let missing = || Rule::NotFound { noun: "cluster", id: cmd.cluster.to_string() };
    broken.when(facts.cluster.is_none(), missing, "clusterId");
    value::required(&mut broken, "The name", &cmd.name, 128, "name");
    let rule = |suggestions| Rule::TemplateNameTaken { name: cmd.name.clone(), suggestions };
    check_taken(&mut broken, facts.taken.as_deref(), rule, "name");
    let (mut product, mut protocol) = (None, None);
    if cmd.kind == Kind::Button {
        product = check_product(
            &mut broken,
            cmd.product.as_deref().unwrap_or_default(),
            cmd.protocol.unwrap_or(Protocol::Sip),
        );
        protocol = cmd.protocol.or(Some(Protocol::Sip));
    }
    broken.when(
        facts.misfits > 0,
        || Rule::TemplateNamedByOthers { name: cmd.name.clone(), count: facts.misfits },
        "name",
    );
    let fields = patched(&mut broken, &cmd.fields, &Fields::default(), "");
    check(&mut broken, cmd.kind, &fields, product);
    let Some(cluster) = &facts.cluster else { return Err(broken) };
    broken.or(|| {
        let template = Model {
            id: facts.id,
            cluster_id: cluster.id,
            organization_id: cluster.organization_id,
            kind: cmd.kind,
            name: cmd.name.clone(),
            name_key: value::key(&cmd.name),
            description: fields.description,
            product: product.map(|product| product.name.clone()),
            protocol,
            features: fields.features,
            version: 1,
            created_at: facts.now,
            updated_at: facts.now,
        };
        vec![Change::TemplateCreated { template }]
    })
}

/// Decides [`Update`].
pub fn update(cmd: &Update, facts: &UpdateFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let before = Fields { description: current.description.clone(), features: current.features.clone() };
    let fields = patched(&mut broken, &cmd.fields, &before, "");
    check(&mut broken, current.kind, &fields, current.product.as_deref().and_then(product::find));
    broken.or(|| {
        if fields == before {
            return Vec::new();
        }
        let after = Model {
            description: fields.description,
            features: fields.features,
            version: current.version + 1,
            updated_at: facts.now,
            ..current.clone()
        };
        vec![Change::TemplateUpdated { before: current.clone(), after }]
    })
}

/// Decides [`Delete`].
pub fn delete(cmd: &Delete, facts: &DeleteFacts) -> Decision {
    let Some(current) = &facts.current else { return Err(Broken::one(not_found(cmd.id), "id")) };
    let mut broken = Broken::none();
    check_version(&mut broken, cmd.expected_version, current.version);
    let count = facts.devices;
    broken.when(count > 0, || Rule::TemplateInUse { name: current.name.clone(), count }, "id");
    broken.or(|| vec![Change::TemplateDeleted { template: current.clone() }])
}

/// Notes that a device's button template, where the cluster has it, is of another product or protocol.
pub fn check_fit(broken: &mut Broken, template: Option<&Model>, product: &str, protocol: Protocol) {
    let Some(template) = template else { return };
    let fits = template.product.as_deref() == Some(product) && template.protocol == Some(protocol);
    broken.when(
        !fits,
        || Rule::TemplateMismatch {
            template: template.name.clone(),
            product: template.product.clone().unwrap_or_default(),
        },
        "buttonTemplate",
    );
}

/// The button template that a device gets: the one that is sent, or the product's own.
pub fn named(sent: Option<String>, product: &str, protocol: Protocol) -> Option<String> {
    let stock = || Some(product::find(product)?.with(protocol)?.button_template.clone());
    sent.or_else(stock)
}

/// The softkey template of a device that is not told any: the product's own.
pub fn stock_softkeys(product: &str, protocol: Protocol) -> Option<String> {
    product::find(product)?.with(protocol)?.softkey_template.clone()
}

fn check(broken: &mut Broken, kind: Kind, fields: &Fields, product: Option<&Product>) {
    value::text(broken, "The description", &fields.description, 128, "description");
    let features = &fields.features.0;
    if kind == Kind::Softkey {
        broken.when(
            !features.is_empty(),
            || Rule::ValueInvalid {
                what: "The features".to_owned(),
                want: "softkey templates have none".to_owned(),
            },
            "features",
        );
        return;
    }
    broken.when(features.first() != Some(&Feature::Line), || Rule::TemplateButtonOneIsLine, "features.0");
    let Some(product) = product else { return };
    let most = usize::from(product.line_buttons) + usize::from(product.expansion.most) * MODULE;
    broken.when(
        features.len() > most,
        || Rule::TemplateTooLong { product: product.name.clone(), most, got: features.len() },
        "features",
    );
    for (at, feature) in features.iter().enumerate() {
        broken.when(
            !product.has_button(*feature),
            || Rule::ButtonNotSupported {
                product: product.name.clone(),
                feature: spoken(*feature).to_owned(),
            },
            &format!("features.{at}"),
        );
    }
}

fn spoken(feature: Feature) -> &'static str {
    match feature {
        Feature::Line => "lines",
        Feature::SpeedDial => "speed dials",
        Feature::Blf => "busy lamp fields",
        Feature::CallParkBlf => "call parks",
        Feature::ServiceUrl => "service URLs",
    }
}

fn not_found(id: TemplateId) -> Rule {
    Rule::NotFound { noun: "template", id: id.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{
        cluster::tests::cluster,
        tests_support::{no, ok, patch},
    };

    fn make(kind: Kind, product: &str, features: &str, facts: impl FnOnce(&mut CreateFacts)) -> Decision {
        let button = kind == Kind::Button;
        let mut known = CreateFacts {
            id: TemplateId(5),
            now: Moment(1),
            cluster: Some(cluster(2)),
            taken: None,
            misfits: 0,
        };
        facts(&mut known);
        create(
            &Create {
                cluster: ClusterId(2),
                kind,
                name: "Sales".into(),
                product: button.then(|| product.into()),
                protocol: button.then_some(Protocol::Sip),
                fields: patch(&format!(r#"{{"features":{features}}}"#)),
            },
            &known,
        )
    }

    fn template(kind: Kind) -> Model {
        let features = if kind == Kind::Button { r#"["LINE","BLF"]"# } else { "[]" };
        match ok(make(kind, "Cisco 8841", features, |_| {})).pop() {
            Some(Change::TemplateCreated { template }) => template,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_button_template_fits_its_product() {
        let long = format!("[{}]", [r#""LINE""#; 11].join(","));
        for (product, features, want) in [
            ("Cisco 8841", r#"["LINE","SPEED_DIAL","BLF","CALL_PARK_BLF","SERVICE_URL"]"#, vec![]),
            ("Cisco 8841", r#"["SPEED_DIAL","LINE"]"#, vec![("TEMPLATE_BUTTON_ONE_IS_LINE", "features.0")]),
            ("Cisco 8841", "[]", vec![("TEMPLATE_BUTTON_ONE_IS_LINE", "features.0")]),
            (
                "Cisco 6901",
                r#"["LINE","BLF"]"#,
                vec![("TEMPLATE_TOO_LONG", "features"), ("BUTTON_NOT_SUPPORTED", "features.1")],
            ),
            ("Cisco 8841", &long, vec![("TEMPLATE_TOO_LONG", "features")]),
            ("Cisco 8851", &long, vec![]),
            ("Cisco 1", r#"["LINE"]"#, vec![("PRODUCT_UNKNOWN", "product")]),
        ] {
            let decision = make(Kind::Button, product, features, |_| {});
            if want.is_empty() { drop(ok(decision)) } else { no(decision, &want) }
        }
        no(make(Kind::Softkey, "", r#"["LINE"]"#, |_| {}), &[("VALUE_INVALID", "features")]);
        assert_eq!(template(Kind::Softkey).product, None);
    }

    #[test]
    fn names_and_devices_decide_what_is_made_and_deleted() {
        let line = r#"["LINE"]"#;
        no(
            make(Kind::Button, "Cisco 8841", line, |facts| facts.taken = Some(Vec::new())),
            &[("TEMPLATE_NAME_TAKEN", "name")],
        );
        no(
            make(Kind::Button, "Cisco 8841", line, |facts| facts.misfits = 2),
            &[("TEMPLATE_NAMED_BY_OTHERS", "name")],
        );
        no(
            make(Kind::Button, "Cisco 8841", line, |facts| facts.cluster = None),
            &[("NOT_FOUND", "clusterId")],
        );
        let delete = |devices| {
            let cmd = Delete { id: TemplateId(5), expected_version: Some(1) };
            delete(&cmd, &DeleteFacts { current: Some(template(Kind::Button)), devices })
        };
        no(delete(1), &[("TEMPLATE_IN_USE", "id")]);
        assert_eq!(ok(delete(0)).len(), 1);
    }

    #[test]
    fn an_update_changes_what_was_sent() {
        let update = |fields: &str, version| {
            let cmd = Update { id: TemplateId(5), expected_version: Some(version), fields: patch(fields) };
            update(&cmd, &UpdateFacts { now: Moment(2), current: Some(template(Kind::Button)) })
        };
        assert!(ok(update(r#"{"features":["LINE","BLF"]}"#, 1)).is_empty());
        assert!(
            matches!(&ok(update(r#"{"description":"x"}"#, 1))[..], [Change::TemplateUpdated { after, .. }] if after.version == 2 && after.features.0.len() == 2)
        );
        no(
            update(r#"{"features":["BLF"]}"#, 2),
            &[("VERSION_CONFLICT", "expectedVersion"), ("TEMPLATE_BUTTON_ONE_IS_LINE", "features.0")],
        );
    }

    #[test]
    fn a_devices_template_is_of_its_product_and_protocol_or_not_known() {
        for (template, product, protocol, fits) in [
            (None, "Cisco 7841", Protocol::Sip, true),
            (Some(template(Kind::Button)), "Cisco 8841", Protocol::Sip, true),
            (Some(template(Kind::Button)), "Cisco 7841", Protocol::Sip, false),
            (Some(template(Kind::Button)), "Cisco 8841", Protocol::Sccp, false),
        ] {
            let mut broken = Broken::none();
            check_fit(&mut broken, template.as_ref(), product, protocol);
            assert_eq!(broken.is_none(), fits, "{product} {protocol:?}");
        }
        assert_eq!(named(None, "Cisco 8841", Protocol::Sip).as_deref(), Some("Standard 8841 SIP"));
        assert_eq!(named(Some("ours".into()), "Cisco 8841", Protocol::Sip).as_deref(), Some("ours"));
    }
}
