//! What each phone product can do: the catalogue that rules about templates, buttons and features read.
//!
//! The catalogue is `products.json` beside this file, compiled in. It is our own data, written from what
//! Unified CM 14 and 15 call the products and from common knowledge of the phones; it is not an extract of
//! a cluster. A cluster's device packs add products and change abilities, so where we were unsure the data
//! permits rather than refuses: a value that the cluster dislikes is told by the cluster, a value that we
//! refuse wrongly cannot be entered at all. `max_calls`, in particular, is the general limit of 200
//! everywhere, and an ability holds for the product whichever protocol it speaks.
//!
//! To add a product, add an object to the file, named exactly as Unified CM names the product; the tests
//! below say what is missing. `expansion.models` left empty with `most` above zero means that we do not know
//! the modules' names, and then any name is taken.

use std::sync::LazyLock;

use entity::profile::Protocol;
pub use entity::template::Feature as ButtonFeature;
use serde::{Deserialize, Serialize};

static CATALOGUE: LazyLock<Vec<Product>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("products.json"))
        .expect("products.json is compiled in, and a test reads it")
});

/// Most products that [`suggest`] names.
const SUGGESTIONS: usize = 5;

/// A phone product, as Unified CM names it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Unified CM's product name, such as `Cisco 8841`.
    pub name: String,
    /// The protocols that it can be configured with, each with its stock templates.
    pub protocols: Vec<Speaks>,
    /// Buttons that a template can give a feature, expansion modules not counted.
    pub line_buttons: u16,
    /// What a template can put on a button.
    pub button_features: Vec<ButtonFeature>,
    /// Expansion modules that it takes.
    pub expansion: Expansion,
    /// Most calls over all its lines together (RI-94).
    pub max_calls: u16,
    /// What a profile of this product may configure.
    pub features: Vec<Feature>,
}

/// A protocol of a product and the templates that every cluster has for the pair.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Speaks {
    pub protocol: Protocol,
    /// The stock phone button template.
    pub button_template: String,
    /// The stock softkey template; none for soft clients, which draw their own keys.
    pub softkey_template: Option<String>,
}

/// The expansion modules that a product takes (RI-77, RI-469).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expansion {
    /// Most modules at once.
    pub most: u16,
    /// Unified CM's names of the modules; empty with `most` above zero when they are not known.
    pub models: Vec<String>,
}

/// An ability that some products lack and that a rule asks for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Feature {
    /// People can log in on it.
    ExtensionMobility,
    /// Its lines can be shared with other devices (RI-93).
    SharedLines,
    /// Multilevel precedence and preemption (RI-72, RI-74).
    Mlpp,
    /// A music-on-hold source of its own for calls that its user holds (RI-61).
    Moh,
    /// A user locale of its own (RI-75).
    Locale,
    /// Do not disturb.
    Dnd,
    /// Barging into a call on a shared line.
    Barge,
    /// Joining calls across lines.
    Join,
    /// Keeping the information of calls on a shared line private.
    Privacy,
    /// A message lamp policy per line (RI-287).
    MessageLampPolicy,
    /// Subscriptions to IP phone services.
    Services,
    /// The first line answers and dials unless another is chosen.
    AlwaysUsePrimeLine,
    /// A feature control policy.
    FeatureControlPolicy,
}

impl Product {
    /// Whether a profile of this product may configure the feature.
    pub fn supports(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// Whether it can be configured with the protocol.
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.with(protocol).is_some()
    }

    /// The stock templates for the protocol, when it speaks it.
    pub fn with(&self, protocol: Protocol) -> Option<&Speaks> {
        self.protocols.iter().find(|speaks| speaks.protocol == protocol)
    }

    /// Whether a template can put the feature on one of its buttons.
    pub fn has_button(&self, feature: ButtonFeature) -> bool {
        self.button_features.contains(&feature)
    }
}

impl Expansion {
    /// Whether a module of this name can be attached.
    pub fn takes(&self, model: &str) -> bool {
        self.most > 0 && (self.models.is_empty() || self.models.iter().any(|known| known == model))
    }
}

/// Every product of the catalogue, in the file's order.
pub fn all() -> &'static [Product] {
    &CATALOGUE
}

/// The product of that name: as it is written, else whatever the case.
pub fn find(name: &str) -> Option<&'static Product> {
    all()
        .iter()
        .find(|product| product.name == name)
        .or_else(|| all().iter().find(|product| product.name.eq_ignore_ascii_case(name)))
}

/// Names of the products that share the longest beginning of a word with what was asked for, so that
/// `8841`, `CP-8841-K9` and `Cisco IP Phone 8844` all lead to `Cisco 8841`. Empty when nothing is near.
pub fn suggest(name: &str) -> Vec<&'static str> {
    let asked = words(name);
    let shared = |product: &Product| {
        let own = words(&product.name);
        asked.iter().flat_map(|a| own.iter().map(move |b| common_prefix(a, b))).max().unwrap_or(0)
    };
    let nearness: Vec<usize> = all().iter().map(shared).collect();
    let best = nearness.iter().copied().max().unwrap_or(0);
    // One letter or digit in common is chance.
    if best < 2 {
        return Vec::new();
    }
    let nearest = all().iter().zip(nearness).filter(|(_, shared)| *shared == best);
    nearest.map(|(product, _)| product.name.as_str()).take(SUGGESTIONS).collect()
}

/// The words that tell products apart, in lower case: all but the maker's name.
fn words(name: &str) -> Vec<String> {
    name.to_ascii_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| word.strip_prefix("cisco").unwrap_or(word).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn named(name: &str) -> &'static Product {
        find(name).unwrap_or_else(|| panic!("{name} is in the catalogue"))
    }

    #[test]
    fn the_catalogue_reads_and_is_of_a_useful_size() {
        assert!(all().len() >= 40, "{} products", all().len());
    }

    #[test]
    fn names_differ_whatever_their_case() {
        let mut seen = HashSet::new();
        for product in all() {
            assert!(seen.insert(product.name.to_ascii_lowercase()), "{} stands twice", product.name);
            assert_eq!(product.name.trim(), product.name);
        }
    }

    #[test]
    fn every_product_is_whole() {
        for product in all() {
            let name = &product.name;
            assert!(!product.protocols.is_empty(), "{name} has no protocol");
            assert!(product.line_buttons >= 1, "{name} has no line button");
            assert!(product.has_button(ButtonFeature::Line), "{name} has a button but no line for it");
            assert!((1..=200).contains(&product.max_calls), "{name} has {} calls", product.max_calls);
            assert!(
                product.line_buttons <= product.max_calls,
                "{name} has a line that can never take a call"
            );
            assert!(
                product.expansion.most > 0 || product.expansion.models.is_empty(),
                "{name} takes no module"
            );
            for speaks in &product.protocols {
                assert!(
                    speaks.button_template.starts_with("Standard "),
                    "{name}: {}",
                    speaks.button_template
                );
            }
        }
    }

    #[test]
    fn nothing_stands_twice_within_a_product() {
        for product in all() {
            let name = &product.name;
            let protocols: HashSet<_> = product.protocols.iter().map(|speaks| speaks.protocol).collect();
            assert_eq!(protocols.len(), product.protocols.len(), "{name}");
            let features: HashSet<_> = product.features.iter().collect();
            assert_eq!(features.len(), product.features.len(), "{name}");
            let buttons: HashSet<_> = product.button_features.iter().collect();
            assert_eq!(buttons.len(), product.button_features.len(), "{name}");
            let models: HashSet<_> = product.expansion.models.iter().collect();
            assert_eq!(models.len(), product.expansion.models.len(), "{name}");
        }
    }

    #[test]
    fn a_name_is_found_whatever_its_case() {
        assert_eq!(named("Cisco 8865NR").name, "Cisco 8865NR");
        assert_eq!(named("cisco 8865nr").name, "Cisco 8865NR");
        assert_eq!(find("Cisco 8865N"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn abilities_are_those_of_the_phones() {
        let desk = named("Cisco 8841");
        assert!(desk.speaks(Protocol::Sip) && !desk.speaks(Protocol::Sccp));
        assert!(desk.supports(Feature::ExtensionMobility) && desk.supports(Feature::Mlpp));
        assert_eq!(
            desk.with(Protocol::Sip).map(|speaks| speaks.button_template.as_str()),
            Some("Standard 8841 SIP")
        );
        assert!(!named("Cisco 6901").supports(Feature::ExtensionMobility));
        assert!(!named("Cisco 7965").supports(Feature::FeatureControlPolicy));
        assert!(named("Cisco 7965").speaks(Protocol::Sccp));
    }

    #[test]
    fn a_module_must_be_one_that_the_product_takes() {
        let audio = "CP-8800-Audio 28-Button Key Expansion Module";
        assert!(named("Cisco 8861").expansion.takes(audio));
        assert!(!named("Cisco 8865").expansion.takes(audio));
        assert!(!named("Cisco 8841").expansion.takes(audio));
        assert!(named("Cisco 9851").expansion.takes("a module whose name we do not know"));
    }

    #[test]
    fn a_near_miss_leads_to_the_product() {
        assert_eq!(suggest("CP-8845-K9"), ["Cisco 8845"]);
        assert_eq!(suggest("Cisco IP Phone 8844"), ["Cisco 8841", "Cisco 8845"]);
        assert_eq!(suggest("cisco8861"), ["Cisco 8861"]);
        assert_eq!(suggest("communicator"), ["Cisco IP Communicator"]);
        assert!(suggest("79").len() == SUGGESTIONS);
        assert!(suggest("Polycom 5000").is_empty() && suggest("").is_empty());
    }
}
