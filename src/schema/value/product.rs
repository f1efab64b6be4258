//! The product catalogue, as query `products` shows it.

use async_graphql::Object;

use super::enums::{ButtonFeature, ProductFeature, Protocol};
use crate::rule::product;

/// A phone product and what it can do.
pub struct Product(pub &'static product::Product);

/// A protocol of a product, with the templates that every cluster has for the pair.
pub struct ProductProtocol(&'static product::Speaks);

/// The key expansion modules that a product takes.
pub struct Expansion(&'static product::Expansion);

impl Product {
    /// Every product of the catalogue, in its order.
    pub fn all() -> impl Iterator<Item = Self> {
        product::all().iter().map(Self)
    }

    /// The product of that name, whatever the case.
    pub fn find(name: &str) -> Option<Self> {
        product::find(name).map(Self)
    }
}

/// A phone product and what it can do. A profile's settings and templates are checked against it.
#[Object]
impl Product {
    /// Unified CM's name of the product, such as "Cisco 8841"; profiles and phones name their product by it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The protocols that it can be configured with, each with its stock templates.
    async fn protocols(&self) -> Vec<ProductProtocol> {
        self.0.protocols.iter().map(ProductProtocol).collect()
    }

    /// How many buttons a template can give a feature; those of expansion modules are not counted.
    async fn line_buttons(&self) -> u16 {
        self.0.line_buttons
    }

    /// What a template can put on a button.
    async fn button_features(&self) -> Vec<ButtonFeature> {
        self.0.button_features.iter().copied().map(Into::into).collect()
    }

    /// The key expansion modules that it takes.
    async fn expansion(&self) -> Expansion {
        Expansion(&self.0.expansion)
    }

    /// Most calls that all lines of a device of this product hold together, at most 200.
    async fn max_calls(&self) -> u16 {
        self.0.max_calls
    }

    /// What a profile of this product may configure.
    async fn features(&self) -> Vec<ProductFeature> {
        self.0.features.iter().copied().map(Into::into).collect()
    }
}

/// A protocol of a product, with the templates that every cluster has for the pair.
#[Object]
impl ProductProtocol {
    /// The protocol.
    async fn protocol(&self) -> Protocol {
        self.0.protocol.into()
    }

    /// The stock phone button template.
    async fn button_template(&self) -> &str {
        &self.0.button_template
    }

    /// The stock softkey template; null for soft clients, which draw their own keys.
    async fn softkey_template(&self) -> Option<&str> {
        self.0.softkey_template.as_deref()
    }
}

/// The key expansion modules that a product takes.
#[Object]
impl Expansion {
    /// Most modules at once; 0 where it takes none.
    async fn most(&self) -> u16 {
        self.0.most
    }

    /// Unified CM's names of the modules; empty with `most` above 0 where they are not known, and then any is
    /// taken.
    async fn models(&self) -> &[String] {
        &self.0.models
    }
}
