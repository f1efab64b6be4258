//! What serde knows of a type without a value: the words of an enum, the fields of a struct. So the documentation
//! and the refusals name what can be read, and cannot name anything else.

use std::cell::Cell;

use serde::{
    Deserialize, Deserializer,
    de::{Visitor, value::Error},
    forward_to_deserialize_any,
};

/// The words of an enum, or the fields of a struct, as they stand in JSON.
pub fn names<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let seen = Cell::new([].as_slice());
    // Always an error: there is nothing to read, only names to be told.
    drop(T::deserialize(Asked(&seen)));
    seen.get()
}

/// Notes the names that a type asks for, and gives it nothing.
struct Asked<'a>(&'a Cell<&'static [&'static str]>);

impl Asked<'_> {
    fn note(&self, names: &'static [&'static str]) -> Error {
        self.0.set(names);
        serde::de::Error::custom("only names were asked for")
    }
}

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(self.note(&[]))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        Err(self.note(words))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        Err(self.note(fields))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

/// `forwardAll` for `forward_all`.
pub fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &head.into_iter().chain(letters).collect::<String>()
    })
}

/// `forward_all` for `forwardAll`.
pub fn snake(camel: &str) -> String {
    let mut name = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// The known name that is most like the one that was written, when any is near.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let like = |name: &str| strsim::jaro_winkler(&written.to_lowercase(), &name.to_lowercase());
    known
        .into_iter()
        .map(|name| (like(name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use entity::{line::DirectoryUri, profile::Toggle};

    use super::*;

    #[test]
    fn names_are_those_of_the_type() {
        assert_eq!(names::<Toggle>(), ["OFF", "ON", "DEFAULT"]);
        assert_eq!(names::<DirectoryUri>(), ["uri", "partition", "primary"]);
        assert_eq!(names::<String>(), [""; 0]);
    }

    #[test]
    fn both_ways_of_writing_lead_to_each_other() {
        for (one, other) in [
            ("e164_alternate_number", "e164AlternateNumber"),
            ("ring", "ring"),
            ("to_voice_mail", "toVoiceMail"),
        ] {
            assert_eq!((camel(one).as_str(), snake(other).as_str()), (other, one));
        }
    }

    #[test]
    fn a_near_miss_is_told_and_a_far_one_is_not() {
        let known = ["users.csv", "user_phones.csv", "lines.csv"];
        assert_eq!(nearest("user.csv", known), Some("users.csv"));
        assert_eq!(nearest("Users.CSV", known), Some("users.csv"));
        assert_eq!(nearest("budget.csv", known), None);
    }
}
