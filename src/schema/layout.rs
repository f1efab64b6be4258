//! How a profile or phone looks on a phone of some model: which line or button stands on which key, and what does not
//! fit.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object};
use entity::{
    ClusterId, DeviceId,
    profile::{AddOnModule, Protocol},
};

use super::{
    Ask, Result,
    button::Button,
    connection::one,
    line::LineAppearance,
    template::of_device,
    value::{
        enums::ButtonFeature,
        id::{self, or_none},
    },
};
use crate::{
    error::Error,
    rule::{
        layout::{self, Hidden, Key, Thing, Why, feature_of},
        product::{self, ButtonFeature as Feature},
    },
    store::{
        button, default_device_profile, line,
        page::{Relation, Slice},
        row::{Columns, all, bit},
        template,
    },
};

/// What is known of the device that is laid out.
pub struct Laid<'a> {
    pub device: DeviceId,
    /// What names the template, by its id, and how it finds it.
    pub of: i64,
    pub relation: Relation,
    pub cluster: ClusterId,
    pub product: &'a str,
    pub protocol: Protocol,
    pub template: &'a str,
    pub modules: &'a [AddOnModule],
}

/// A device on a phone.
pub struct Layout {
    product: &'static product::Product,
    template: String,
    known: bool,
    laid: layout::Layout,
}

/// A key of the phone, counted from 1.
pub struct LayoutKey(usize, Key);

/// Something that has no key on the phone.
pub struct LayoutHidden(Hidden);

/// Why something has no key.
#[derive(Clone, Copy, Debug, Enum, Eq, PartialEq)]
pub enum HiddenReason {
    /// The template has fewer keys of its feature. It is stored and not shown.
    NoKeyLeft,
    /// The template has fewer keys for speed dials; it is reached as an abbreviated dial by its position.
    AbbreviatedDial,
    /// The product has no key of its feature.
    NotSupported,
    /// The template puts it on a key that the phone does not have.
    NotOnPhone,
}

/// A profile or phone as it looks on a phone of one product, so that it can be drawn. Each list fills the keys of its own
/// feature: speed dial 3 stands on the third key for speed dials. That something does not fit breaks no rule, as the
/// same profile may land on a larger phone.
#[Object]
impl Layout {
    /// The product of the phone.
    async fn product(&self) -> &str {
        &self.product.name
    }

    /// The button template.
    async fn template(&self) -> &str {
        &self.template
    }

    /// Whether the cluster has the template. What is not kept here, as a cluster's stock templates need not be, is taken
    /// to give the first two keys to lines and the others to speed dials.
    async fn is_template_known(&self) -> bool {
        self.known
    }

    /// Every key of the phone and its expansion modules, in order.
    async fn keys(&self) -> Vec<LayoutKey> {
        (1..).zip(&self.laid.keys).map(|(number, key)| LayoutKey(number, *key)).collect()
    }

    /// What has no key: lines first, then speed dials, busy lamp fields, call parks and service URLs.
    async fn hidden(&self) -> Vec<LayoutHidden> {
        self.laid.hidden.iter().map(|hidden| LayoutHidden(*hidden)).collect()
    }

    /// Whether everything has a key; speed dials that are dialled by their position do not count.
    async fn fits(&self) -> bool {
        self.laid.hidden.iter().all(|hidden| matches!(hidden.why, Why::Abbreviated { .. }))
    }
}

/// A key of a phone.
#[Object]
impl LayoutKey {
    /// The key, from 1.
    async fn number(&self) -> usize {
        self.0
    }

    /// Whether it is on an expansion module.
    async fn on_module(&self) -> bool {
        self.1.on_module
    }

    /// What the template gives it; nothing behind the template's end.
    async fn feature(&self) -> Option<ButtonFeature> {
        self.1.feature.map(Into::into)
    }

    /// The line on it; nothing where it is empty or for something else.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<LineAppearance>> {
        one(ctx, line_in(self.1.thing)).await
    }

    /// The speed dial or other button on it; nothing where it is empty or for a line.
    async fn button(&self, ctx: &Context<'_>) -> Result<Option<Button>> {
        one(ctx, button_in(self.1.thing)).await
    }
}

/// Something that has no key on the phone.
#[Object]
impl LayoutHidden {
    /// Why.
    async fn reason(&self) -> HiddenReason {
        match self.0.why {
            Why::NoKeyLeft { .. } => HiddenReason::NoKeyLeft,
            Why::Abbreviated { .. } => HiddenReason::AbbreviatedDial,
            Why::NotSupported => HiddenReason::NotSupported,
            Why::NotOnPhone { .. } => HiddenReason::NotOnPhone,
        }
    }

    /// Why, in one sentence.
    async fn message(&self) -> String {
        match self.0.why {
            Why::NoKeyLeft { keys } => {
                format!("The template has {keys} keys for it; it is stored and not shown.")
            }
            Why::Abbreviated { keys } => format!(
                "The template has {keys} keys for speed dials; dial it by its position, {}.",
                self.0.thing.position
            ),
            Why::NotSupported => "The phone has no keys for it.".to_owned(),
            Why::NotOnPhone { key } => {
                format!("The template puts it on key {key}, which the phone does not have.")
            }
        }
    }

    /// What a key for it would have.
    async fn feature(&self) -> ButtonFeature {
        self.0.thing.feature.into()
    }

    /// Its position in its list.
    async fn index(&self) -> i32 {
        self.0.thing.position
    }

    /// The line, where it is one.
    async fn line(&self, ctx: &Context<'_>) -> Result<Option<LineAppearance>> {
        one(ctx, line_in(Some(self.0.thing))).await
    }

    /// The speed dial or other button, where it is one.
    async fn button(&self, ctx: &Context<'_>) -> Result<Option<Button>> {
        one(ctx, button_in(Some(self.0.thing))).await
    }
}

fn line_in(thing: Option<Thing>) -> Option<i64> {
    thing.filter(|thing| thing.feature == Feature::Line).map(|thing| thing.id)
}

fn button_in(thing: Option<Thing>) -> Option<i64> {
    thing.filter(|thing| thing.feature != Feature::Line).map(|thing| thing.id)
}

/// Default device profiles of a cluster: more than there are products and protocols.
const FALLBACKS: u32 = 1_000;

/// The layout of a device on its own product or on another one; nothing where the catalogue does not list its own. On
/// another product it is what a phone shows once somebody has logged in (SES-11): the default device profile gives
/// template and expansion modules, and where there is none they are guessed from the product's own template.
pub async fn layout(
    ctx: &Context<'_>,
    laid: Laid<'_>,
    asked: Option<String>,
    template: Option<ID>,
) -> Result<Option<Layout>> {
    let name = asked.as_deref().unwrap_or(laid.product);
    let Some(product) = product::find(name) else {
        return match asked {
            Some(_) => {
                Err(Error::Input(format!("'{name}' is not in the product catalogue; see query `products`")))
            }
            None => Ok(None),
        };
    };
    let own = product.name == laid.product;
    // A phone is logged in to by profiles; as another phone it is just that.
    let taken = !own && laid.relation == template::OF_PROFILE;
    let fallback = if taken { fallback(ctx, &laid, product).await? } else { None };
    let modules = match &fallback {
        Some(fallback) => &fallback.settings.get()?.add_on_modules,
        None => laid.modules,
    };
    let name = match &fallback {
        Some(fallback) => fallback.button_template.get()?.clone(),
        None if own => laid.template.to_owned(),
        None => stock_name(product, laid.protocol),
    };
    let found = match &template {
        Some(id) => Some(chosen(ctx, id, product).await?),
        None if own => of_device(ctx, laid.relation, laid.of).await?,
        None => ctx.loaders()?.button_template(laid.cluster, &name).await?,
    };
    let (name, features) = match &found {
        Some(row) => (row.name.get()?.clone(), row.features.get()?.0.clone()),
        None => (name, layout::stock(product)),
    };
    let things = things(ctx, laid.device).await?;
    let more = layout::module_keys(product, modules);
    let laid = layout::lay(product, more, &features, &things);
    Ok(Some(Layout { product, template: name, known: found.is_some(), laid }))
}

/// The product's own template: for the device's protocol where it speaks that.
fn stock_name(product: &product::Product, own: Protocol) -> String {
    let speaks = product.with(own).or_else(|| product.protocols.first());
    speaks.map(|speaks| speaks.button_template.clone()).unwrap_or_default()
}

/// The default device profile that a phone of the product takes, of the device's protocol where there is one; those of a
/// cluster are read together.
async fn fallback(
    ctx: &Context<'_>,
    laid: &Laid<'_>,
    product: &product::Product,
) -> Result<Option<Arc<default_device_profile::Row>>> {
    let own = ["product", "protocol", "button_template", "settings"].map(bit::<default_device_profile::Row>);
    let columns = Columns::own(own.into_iter().fold(0, |all, one| all | one));
    let (of, loaders) = (default_device_profile::OF_CLUSTER, &ctx.loaders()?.default_device_profile);
    let known = loaders.page(of, laid.cluster.0, Slice::front(FALLBACKS), columns).await?;
    let mut other = None;
    for (row, _) in &known.rows {
        if *row.product.get()? == product.name {
            if *row.protocol.get()? == laid.protocol {
                return Ok(Some(row.clone()));
            }
            other = Some(row.clone());
        }
    }
    Ok(other)
}

/// The button template with this id, which must be for the product.
async fn chosen(ctx: &Context<'_>, id: &ID, product: &product::Product) -> Result<Arc<template::Row>> {
    let columns = Columns::own(all::<template::Row>());
    let found = ctx.loaders()?.template.get(or_none(id::template(id)).0, columns).await?;
    match found {
        Some(row) if row.product.get()?.as_deref() == Some(product.name.as_str()) => Ok(row),
        _ => Err(Error::Input(format!("`template` is no button template for {}", product.name))),
    }
}

/// What stands on a device: its lines, then its buttons, list by list.
async fn things(ctx: &Context<'_>, device: DeviceId) -> Result<Vec<Thing>> {
    let loaders = ctx.loaders()?;
    let slice = Slice::front(1_000);
    let own = bit::<line::AppearanceRow>("id") | bit::<line::AppearanceRow>("position");
    let columns = Columns::own(own);
    let lines = loaders.appearance.page(line::OF_DEVICE, device.0, slice.clone(), columns);
    let own = bit::<button::Row>("id") | bit::<button::Row>("kind") | bit::<button::Row>("position");
    let columns = Columns::own(own);
    let buttons = loaders.button.page(button::OF_DEVICE, device.0, slice, columns);
    let (lines, buttons) = futures_util::future::try_join(lines, buttons).await?;
    let mut things = Vec::new();
    for (row, _) in &lines.rows {
        things.push(Thing { feature: Feature::Line, position: *row.position.get()?, id: row.id.get()?.0 });
    }
    let mut others = Vec::new();
    for (row, _) in &buttons.rows {
        let kind = *row.kind.get()?;
        others.push((
            kind,
            Thing { feature: feature_of(kind), position: *row.position.get()?, id: row.id.get()?.0 },
        ));
    }
    others.sort_by_key(|(kind, thing)| (*kind, thing.position));
    things.extend(others.into_iter().map(|(_, thing)| thing));
    Ok(things)
}
