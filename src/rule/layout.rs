//! Which line, speed dial or other button stands on which key of a phone, and what does not fit (LIN-22, LIN-23,
//! BTN-1, SPD-2).
//!
//! A template gives each key of a phone a feature. Each list of a device fills the keys of its own feature: what is at
//! position 3 of its list stands on the third key of that feature. A phone with fewer keys breaks no rule, as the same
//! profile may land on a larger one: what does not fit is told with the reason.

use entity::{button::Kind, profile::AddOnModule};

use super::product::{ButtonFeature, Product};

/// Lines of the layout that we take for a product's own template.
const STOCK_LINES: usize = 2;

/// Something that wants a key: an appearance or a button, by its id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Thing {
    pub feature: ButtonFeature,
    /// The position in its list, from 1.
    pub position: i32,
    pub id: i64,
}

/// A key of a phone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Key {
    /// What the template gives it; nothing behind the template's end.
    pub feature: Option<ButtonFeature>,
    pub thing: Option<Thing>,
    /// Whether it is on an expansion module.
    pub on_module: bool,
}

/// Something without a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hidden {
    pub thing: Thing,
    pub why: Why,
}

/// Why something has no key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Why {
    /// The template has only so many keys of the feature.
    NoKeyLeft { keys: i32 },
    /// It is dialled by its position, as the template has only so many keys for speed dials (SPD-2).
    Abbreviated { keys: i32 },
    /// The product has no keys of the feature.
    NotSupported,
    /// The template puts it on a key that the phone does not have.
    NotOnPhone { key: usize },
}

/// How a device looks on a phone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Layout {
    /// Every key, in order.
    pub keys: Vec<Key>,
    /// What has none, in the order of the lists.
    pub hidden: Vec<Hidden>,
}

/// The feature whose keys a list of buttons fills.
pub fn feature_of(kind: Kind) -> ButtonFeature {
    match kind {
        Kind::SpeedDial => ButtonFeature::SpeedDial,
        Kind::BusyLampField => ButtonFeature::Blf,
        Kind::CallPark => ButtonFeature::CallParkBlf,
        Kind::ServiceUrl => ButtonFeature::ServiceUrl,
    }
}

/// The features of a product's own template. What a cluster's stock template holds is not kept here, so this is an
/// assumption: up to two lines, then speed dials, or lines only where the product has no key for speed dials.
pub fn stock(product: &Product) -> Vec<ButtonFeature> {
    let rest = if product.has_button(ButtonFeature::SpeedDial) {
        ButtonFeature::SpeedDial
    } else {
        ButtonFeature::Line
    };
    let feature = |key| if key < STOCK_LINES { ButtonFeature::Line } else { rest };
    (0..usize::from(product.line_buttons)).map(feature).collect()
}

/// How many keys the modules add to the product: as many as their names say, of those that it takes (SES-11).
pub fn module_keys(product: &Product, modules: &[AddOnModule]) -> usize {
    let taken = modules.iter().filter(|module| product.expansion.takes(&module.model));
    taken.take(usize::from(product.expansion.most)).filter_map(|module| keys_in(&module.model)).sum()
}

/// `36` for `BEKEM 36-Button Line Expansion Module`. The store reads it the same way.
fn keys_in(model: &str) -> Option<usize> {
    let (before, _) = model.split_once("-Button")?;
    let digits = before.bytes().rev().take(3).take_while(u8::is_ascii_digit).count();
    before[before.len() - digits..].parse().ok()
}

/// Lays things out on a phone of the product with so many keys on modules, by a template.
pub fn lay(product: &Product, more: usize, template: &[ButtonFeature], things: &[Thing]) -> Layout {
    let own = usize::from(product.line_buttons);
    let mut keys: Vec<_> = (0..own + more)
        .map(|key| Key { feature: template.get(key).copied(), thing: None, on_module: key >= own })
        .collect();
    let mut hidden = Vec::new();
    for thing in things {
        let mut of_feature = (0..template.len()).filter(|key| template[*key] == thing.feature);
        let nth = usize::try_from(thing.position - 1).ok();
        let place = nth.and_then(|nth| of_feature.clone().nth(nth));
        let have = i32::try_from(of_feature.by_ref().count()).unwrap_or(i32::MAX);
        let why = match place {
            _ if !product.has_button(thing.feature) => Why::NotSupported,
            Some(key) => match keys.get_mut(key) {
                Some(there) => {
                    there.thing = Some(*thing);
                    continue;
                }
                None => Why::NotOnPhone { key: key + 1 },
            },
            None if thing.feature == ButtonFeature::SpeedDial => Why::Abbreviated { keys: have },
            None => Why::NoKeyLeft { keys: have },
        };
        hidden.push(Hidden { thing: *thing, why });
    }
    Layout { keys, hidden }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::product::find;
    use ButtonFeature::{Blf, CallParkBlf, Line, ServiceUrl, SpeedDial};

    fn product(name: &str) -> &'static Product {
        find(name).unwrap_or_else(|| panic!("{name} is in the catalogue"))
    }

    fn thing(feature: ButtonFeature, position: i32) -> Thing {
        Thing { feature, position, id: i64::from(position) }
    }

    /// What stands on each key, as the position in its list.
    fn drawn(layout: &Layout) -> Vec<Option<i32>> {
        layout.keys.iter().map(|key| key.thing.map(|thing| thing.position)).collect()
    }

    fn hidden(layout: &Layout) -> Vec<(ButtonFeature, i32, Why)> {
        layout.hidden.iter().map(|hidden| (hidden.thing.feature, hidden.thing.position, hidden.why)).collect()
    }

    #[test]
    fn each_list_fills_the_keys_of_its_feature_in_order() {
        let template = [Line, SpeedDial, Line, Blf, SpeedDial, ServiceUrl, CallParkBlf];
        for (things, want) in [
            (vec![], [None; 7]),
            (vec![thing(Line, 1), thing(Line, 2)], [Some(1), None, Some(2), None, None, None, None]),
            // A gap in a list is an empty key.
            (vec![thing(SpeedDial, 2)], [None, None, None, None, Some(2), None, None]),
            (
                vec![thing(Blf, 1), thing(ServiceUrl, 1), thing(CallParkBlf, 1)],
                [None, None, None, Some(1), None, Some(1), Some(1)],
            ),
        ] {
            let layout = lay(product("Cisco 8841"), 0, &template, &things);
            assert_eq!(drawn(&layout)[..7], want);
            assert_eq!(layout.hidden, []);
        }
    }

    #[test]
    fn what_does_not_fit_is_told_with_the_reason() {
        let template = [Line, Line, SpeedDial, Blf];
        for (name, things, want) in [
            ("Cisco 8841", vec![thing(Line, 3)], vec![(Line, 3, Why::NoKeyLeft { keys: 2 })]),
            ("Cisco 8841", vec![thing(SpeedDial, 2)], vec![(SpeedDial, 2, Why::Abbreviated { keys: 1 })]),
            ("Cisco 8841", vec![thing(CallParkBlf, 1)], vec![(CallParkBlf, 1, Why::NoKeyLeft { keys: 0 })]),
            // A phone with one key, and no lamps.
            (
                "Cisco 6901",
                vec![thing(Line, 1), thing(Line, 2), thing(Blf, 1)],
                vec![(Line, 2, Why::NotOnPhone { key: 2 }), (Blf, 1, Why::NotSupported)],
            ),
        ] {
            assert_eq!(hidden(&lay(product(name), 0, &template, &things)), want, "{name}");
        }
    }

    #[test]
    fn the_stock_template_has_lines_then_speed_dials() {
        for (name, want) in
            [("Cisco 6901", vec![Line]), ("Cisco 7841", vec![Line, Line, SpeedDial, SpeedDial])]
        {
            assert_eq!(stock(product(name)), want, "{name}");
        }
        for product in super::super::product::all() {
            let template = stock(product);
            assert_eq!(template.first(), Some(&Line), "{}: button 1 is a line", product.name);
            assert!(template.iter().all(|feature| product.has_button(*feature)), "{}", product.name);
        }
    }

    #[test]
    fn modules_add_keys_where_the_product_takes_them() {
        let module = |model: &str| AddOnModule { index: 1, model: model.into(), load: None };
        let bekem = "BEKEM 36-Button Line Expansion Module";
        for (name, modules, want) in [
            ("Cisco 8851", vec![module(bekem), module(bekem)], 72),
            ("Cisco 8841", vec![module(bekem)], 0),
            ("Cisco 9851", vec![module("a module whose name we do not know")], 0),
            ("Cisco 8851", vec![], 0),
        ] {
            assert_eq!(module_keys(product(name), &modules), want, "{name}");
        }
        let template: Vec<_> = [Line].into_iter().chain([Blf; 20]).collect();
        let layout = lay(product("Cisco 8851"), 36, &template, &[thing(Blf, 15), thing(Blf, 21)]);
        let key = layout.keys[15];
        assert_eq!((key.on_module, key.thing.map(|thing| thing.position)), (true, Some(15)));
        assert_eq!(hidden(&layout), [(Blf, 21, Why::NoKeyLeft { keys: 20 })]);
    }
}
