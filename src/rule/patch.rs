//! A patch: the fields that a caller sent, and no others.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// The sent fields of a `T`, by name; `null` puts a field's default back. One patch fits every value of the type,
/// so what is changed through an original is applied to its clones field by field (CLN-4).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Patch<T> {
    fields: Map<String, Value>,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

impl<T> Default for Patch<T> {
    fn default() -> Self {
        Self { fields: Map::new(), of: PhantomData }
    }
}

impl<T: Default + DeserializeOwned + Serialize> Patch<T> {
    /// A patch of these fields. Their names and types are those of `T`; the schema's input types see to that.
    pub fn new(fields: Map<String, Value>) -> Self {
        Self { fields, of: PhantomData }
    }

    /// A patch that sends every field of a value.
    pub fn whole(value: &T) -> Self {
        Self::new(object(value).unwrap_or_default())
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The names of the sent fields.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Whether the field was sent.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// The sent fields, by their stored names.
    pub fn into_fields(self) -> Map<String, Value> {
        self.fields
    }

    /// The patch without a field.
    #[must_use]
    pub fn without(&self, field: &str) -> Self {
        let mut fields = self.fields.clone();
        fields.remove(field);
        Self::new(fields)
    }

    /// The value with the sent fields in place; `Err` names what does not fit, which typed input cannot bring.
    pub fn apply(&self, value: &T) -> Result<T, String> {
        let (mut whole, default) = (object(value)?, object(&T::default())?);
        for (name, sent) in &self.fields {
            let known = default.get(name).ok_or_else(|| format!("there is no setting '{name}'"))?;
            whole.insert(name.clone(), if sent.is_null() { known.clone() } else { sent.clone() });
        }
        serde_json::from_value(Value::Object(whole)).map_err(|error| error.to_string())
    }
}

fn object<T: Serialize>(value: &T) -> Result<Map<String, Value>, String> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("settings are an object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The names of the fields in which two values differ.
pub fn differing<T: Serialize>(before: &T, after: &T) -> Vec<String> {
    let (Ok(before), Ok(after)) = (object(before), object(after)) else { return Vec::new() };
    let mut names = Vec::new();
    for (name, new) in &after {
        match (before.get(name), new) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) if name == "settings" => {
                names.extend(
                    new.iter().filter(|(k, v)| old.get(*k) != Some(v)).map(|(k, _)| format!("{name}.{k}")),
                );
            }
            _ => names.push(name.clone()),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use entity::profile::{Settings, Toggle};

    fn patch(json: &str) -> Patch<Settings> {
        serde_json::from_str(json).expect("a JSON object")
    }

    #[test]
    fn only_sent_fields_change_and_null_puts_the_default_back() {
        let old = Settings { privacy: Toggle::On, dnd_status: true, ..Settings::default() };
        let new = patch(r#"{"privacy":null,"user_locale":"German"}"#).apply(&old).expect("fits");
        assert_eq!(
            new,
            Settings { user_locale: Some("German".into()), dnd_status: true, ..Settings::default() }
        );
        assert_eq!(patch("{}").apply(&old), Ok(old));
    }

    #[test]
    fn unknown_names_and_wrong_types_are_told() {
        assert!(patch(r#"{"colour":1}"#).apply(&Settings::default()).is_err());
        assert!(patch(r#"{"dnd_status":"yes"}"#).apply(&Settings::default()).is_err());
    }
}
