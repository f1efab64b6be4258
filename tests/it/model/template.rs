//! Button and softkey templates, which devices name, and default device profiles.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    server::{Ask, Request},
    world::{Broken, Kind, STOCK, World},
};

/// The products used here, each with the keys that a template can give a feature.
const PRODUCTS: [(&str, usize); 2] = [("Cisco 8841", 10), ("Cisco 7841", 4)];

/// A template of the cluster.
#[derive(Clone, Debug)]
pub struct Template {
    /// Of a button template.
    product: Option<&'static str>,
    features: Vec<&'static str>,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Step {
    CreateButton { name: &'static str, product: &'static str, features: Vec<&'static str> },
    CreateSoftkey { name: &'static str },
    ChangeButton { name: &'static str, features: Vec<&'static str> },
    Delete { button: bool, name: &'static str },
    CreateDefault { product: &'static str },
    DescribeDefault { product: &'static str, text: &'static str },
    DeleteDefault { product: &'static str },
}

/// A template's name: the stock one of the devices used here, or another one.
pub fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&[STOCK, "Desk", "Standard User"][..])
}

/// The steps, by lot.
pub fn steps() -> impl Strategy<Value = Step> {
    let product = || prop_oneof![2 => Just(PRODUCTS[0].0), 1 => Just(PRODUCTS[1].0)];
    let features = || {
        prop_oneof![
            3 => Just(vec!["LINE", "LINE", "SPEED_DIAL"]),
            1 => Just(vec!["SPEED_DIAL", "LINE"]),
            1 => Just(vec!["LINE"; 5]),
            1 => Just(vec!["BLF"; 11]),
        ]
    };
    prop_oneof![
        2 => (name(), product(), features())
            .prop_map(|(name, product, features)| Step::CreateButton { name, product, features }),
        1 => name().prop_map(|name| Step::CreateSoftkey { name }),
        1 => (name(), features()).prop_map(|(name, features)| Step::ChangeButton { name, features }),
        2 => (any::<bool>(), name()).prop_map(|(button, name)| Step::Delete { button, name }),
        1 => product().prop_map(|product| Step::CreateDefault { product }),
        1 => (product(), proptest::sample::select(&["", "Guests"][..]))
            .prop_map(|(product, text)| Step::DescribeDefault { product, text }),
        1 => product().prop_map(|product| Step::DeleteDefault { product }),
    ]
}

/// How the server is asked.
pub fn ask(step: &Step, ask: &Ask<'_>) -> Request {
    let cluster = &ask.estate.emea;
    let id =
        |button: bool, name: &str| ask.id(if button { "ButtonTemplate" } else { "SoftkeyTemplate" }, name);
    let default = |product: &str| ask.id("DefaultDeviceProfile", product);
    match step {
        Step::CreateButton { name, product, features } => {
            let input = json!({
                "clusterId": cluster, "name": name, "product": product, "protocol": "SIP", "features": features,
            });
            ("createButtonTemplate", input)
        }
        Step::CreateSoftkey { name } => {
            ("createSoftkeyTemplate", json!({"clusterId": cluster, "name": name}))
        }
        Step::ChangeButton { name, features } => {
            ("updateTemplate", json!({"id": id(true, name), "features": features}))
        }
        Step::Delete { button, name } => ("deleteTemplate", json!({"id": id(*button, name)})),
        Step::CreateDefault { product } => (
            "createDefaultDeviceProfile",
            json!({"clusterId": cluster, "product": product, "protocol": "SIP"}),
        ),
        Step::DescribeDefault { product, text } => {
            ("updateDefaultDeviceProfile", json!({"id": default(product), "description": text}))
        }
        Step::DeleteDefault { product } => ("deleteDefaultDeviceProfile", json!({"id": default(product)})),
    }
}

impl World {
    /// What becomes of templates and default device profiles.
    pub fn template(&mut self, step: &Step) -> Broken {
        let mut broken = Broken::new();
        match step {
            Step::CreateButton { name, product, features } => {
                let key = (true, (*name).to_owned());
                if self.templates.contains_key(&key) {
                    broken.push("TEMPLATE_NAME_TAKEN");
                }
                if *product != PRODUCTS[0].0 && self.named_by(true, name) > 0 {
                    broken.push("TEMPLATE_NAMED_BY_OTHERS");
                }
                broken.extend(faults(product, features));
                self.templates.insert(key, Template { product: Some(product), features: features.clone() });
            }
            Step::CreateSoftkey { name } => {
                let key = (false, (*name).to_owned());
                if self.templates.contains_key(&key) {
                    broken.push("TEMPLATE_NAME_TAKEN");
                }
                self.templates.insert(key, Template { product: None, features: Vec::new() });
            }
            Step::ChangeButton { name, features } => {
                let Some(template) = self.templates.get_mut(&(true, (*name).to_owned())) else {
                    return vec!["NOT_FOUND"];
                };
                broken.extend(faults(template.product.unwrap_or_default(), features));
                template.features.clone_from(features);
            }
            Step::Delete { button, name } => {
                if self.templates.remove(&(*button, (*name).to_owned())).is_none() {
                    return vec!["NOT_FOUND"];
                }
                if self.named_by(*button, name) > 0 {
                    broken.push("TEMPLATE_IN_USE");
                }
            }
            Step::CreateDefault { product } => {
                let stock = if *product == PRODUCTS[0].0 { STOCK } else { "Standard 7841 SIP" };
                broken.extend(self.misfit(stock, product));
                if self.defaults.insert((*product).to_owned(), String::new()).is_some() {
                    broken.push("DEFAULT_DEVICE_PROFILE_TAKEN");
                }
            }
            Step::DescribeDefault { product, text } => match self.defaults.get_mut(*product) {
                Some(said) => (*text).clone_into(said),
                None => broken.push("NOT_FOUND"),
            },
            Step::DeleteDefault { product } => {
                if self.defaults.remove(*product).is_none() {
                    broken.push("NOT_FOUND");
                }
            }
        }
        broken
    }

    /// The code of a button template that is another product's; one that the cluster does not have fits everything.
    pub fn misfit(&self, name: &str, product: &str) -> Option<&'static str> {
        let template = self.templates.get(&(true, name.to_owned()))?;
        (template.product != Some(product)).then_some("TEMPLATE_MISMATCH")
    }

    /// How many profiles and phones name a template.
    pub fn named_by(&self, button: bool, name: &str) -> usize {
        let named = self.devices.values().filter(|device| device.kind != Kind::Other).filter(|device| {
            if button { device.template == name } else { device.softkeys.as_deref() == Some(name) }
        });
        named.count()
    }
}

/// What is wrong with the keys of a template.
fn faults(product: &str, features: &[&str]) -> Broken {
    let most = PRODUCTS.iter().find(|(name, _)| *name == product).map_or(0, |(_, keys)| *keys);
    let first = features.first() != Some(&"LINE");
    let codes = [(first, "TEMPLATE_BUTTON_ONE_IS_LINE"), (features.len() > most, "TEMPLATE_TOO_LONG")];
    codes.into_iter().filter(|(broken, _)| *broken).map(|(_, code)| code).collect()
}

impl Template {
    pub fn shown(&self, name: &str) -> Value {
        json!([name, self.product, self.features])
    }
}
