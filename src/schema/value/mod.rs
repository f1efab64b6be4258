//! What the nouns of the schema are made of: words, settings, rules, ids, scalars and the product catalogue.
//! No nouns, no resolvers that look anything up.

pub mod enums;
pub mod id;
pub mod product;
pub mod rule;
pub mod scalar;
pub mod settings;

#[cfg(test)]
mod tests {
    use async_graphql::{
        InputType, OutputType,
        registry::{MetaType, Registry},
    };

    use super::{enums, product, rule, scalar, settings};

    fn output<T: OutputType>(registry: &mut Registry) {
        T::create_type_info(registry);
    }

    fn input<T: InputType>(registry: &mut Registry) {
        T::create_type_info(registry);
    }

    fn registry() -> Registry {
        let mut registry = Registry::default();
        let r = &mut registry;
        output::<enums::OrganizationKind>(r);
        output::<enums::MultipleLogin>(r);
        output::<enums::DeviceKind>(r);
        output::<enums::AppearanceRole>(r);
        output::<enums::Role>(r);
        output::<enums::SoleProfiles>(r);
        output::<enums::Noun>(r);
        output::<settings::ProfileSettings>(r);
        output::<settings::LineSettings>(r);
        output::<settings::AppearanceSettings>(r);
        input::<settings::ProfileSettingsInput>(r);
        input::<settings::LineSettingsInput>(r);
        input::<settings::AppearanceSettingsInput>(r);
        output::<rule::RuleInfo>(r);
        output::<rule::UserError>(r);
        output::<product::Product>(r);
        output::<scalar::Cursor>(r);
        registry
    }

    /// What GraphQL itself defines, and describes.
    const BUILT_IN: [&str; 4] = ["Boolean", "ID", "Int", "String"];

    /// Every type, field and value with what is said about it.
    fn described(name: &str, of: &MetaType) -> Vec<(String, Option<String>)> {
        let part = |part: &str| format!("{name}.{part}");
        match of {
            MetaType::Scalar { description, .. } => vec![(name.to_owned(), description.clone())],
            MetaType::Object { description, fields, .. } => {
                let fields = fields.values().map(|field| (part(&field.name), field.description.clone()));
                fields.chain([(name.to_owned(), description.clone())]).collect()
            }
            MetaType::InputObject { description, input_fields, .. } => {
                let fields =
                    input_fields.values().map(|field| (part(&field.name), field.description.clone()));
                fields.chain([(name.to_owned(), description.clone())]).collect()
            }
            MetaType::Enum { description, enum_values, .. } => {
                let values = enum_values.values().map(|value| (part(&value.name), value.description.clone()));
                values.chain([(name.to_owned(), description.clone())]).collect()
            }
            MetaType::Interface { .. } | MetaType::Union { .. } => Vec::new(),
        }
    }

    #[test]
    fn everything_is_described_in_sentences() {
        let registry = registry();
        assert!(registry.types.len() > 40, "{} types", registry.types.len());
        let own = registry.types.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str()));
        for (name, description) in own.flat_map(|(name, of)| described(name, of)) {
            let sentence = description.as_deref().unwrap_or_default().trim();
            assert!(sentence.ends_with('.'), "{name}: '{sentence}'");
        }
    }
}
