//! Values that can be wrong: names, numbers, masks and texts, checked in one place each.

use super::{Broken, Rule};

/// The prefixes that Unified CM gives to phones, before twelve hexadecimal digits (NAM-8).
const PHONE_PREFIXES: [&str; 8] = ["SEP", "ATA", "CSF", "TCT", "BOT", "TAB", "CIPC", "VGC"];

/// The form in which names are compared (NAM-7).
pub fn key(text: &str) -> String {
    text.to_lowercase()
}

/// A profile's name (NAM-5, NAM-8): 1 to 50 characters, single inner spaces, not a phone's to come.
pub fn profile_name(name: &str) -> Result<(), Rule> {
    device_name(name)?;
    let upper = name.to_uppercase();
    let reserved = PHONE_PREFIXES.iter().any(|prefix| {
        upper
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == 12 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    if reserved { Err(Rule::NameReserved { name: name.to_owned() }) } else { Ok(()) }
}

/// A device's name of any kind.
pub fn device_name(name: &str) -> Result<(), Rule> {
    let length = name.chars().count();
    if name.trim().is_empty() {
        return Err(Rule::NameRequired);
    }
    if length > 50 {
        return Err(Rule::NameTooLong { got: length });
    }
    let sound = |word: &str| !word.is_empty() && word.bytes().all(name_byte);
    if name.split(' ').all(sound) {
        Ok(())
    } else {
        Err(Rule::NameInvalidCharacter { name: name.to_owned() })
    }
}

/// A phone's name (NAM-6): no spaces.
pub fn phone_name(name: &str) -> Result<(), Rule> {
    match name.chars().count() {
        0 => Err(Rule::NameRequired),
        1..=50 if name.bytes().all(name_byte) => Ok(()),
        1..=50 => Err(Rule::PhoneNameInvalid { name: name.to_owned() }),
        got => Err(Rule::NameTooLong { got }),
    }
}

fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// A directory number (LIN-1).
pub fn pattern(pattern: &str) -> Result<(), Rule> {
    let sound = |b: u8| b.is_ascii_digit() || b"+*#XA!?[]-^.@BCD".contains(&b);
    // A leading backslash escapes the plus, as Unified CM writes it.
    let plain = pattern.strip_prefix('\\').unwrap_or(pattern);
    if (1..=24).contains(&pattern.len()) && !plain.is_empty() && plain.bytes().all(sound) {
        Ok(())
    } else {
        Err(Rule::PatternInvalid { pattern: pattern.to_owned() })
    }
}

/// An external phone number mask: at most 30 characters, an optional plus, digits, then Xs.
pub fn mask(mask: &str) -> Result<(), Rule> {
    let rest = mask.strip_prefix('+').unwrap_or(mask).trim_start_matches(|c: char| c.is_ascii_digit());
    if mask.len() <= 30 && rest.bytes().all(|b| b == b'X') {
        Ok(())
    } else {
        Err(Rule::MaskInvalid { mask: mask.to_owned() })
    }
}

/// A user id that can be typed on a phone (RML-9, `domain.md` 2.6).
pub fn user_id(user_id: &str) -> Result<(), Rule> {
    let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b);
    if (1..=128).contains(&user_id.len()) && user_id.bytes().all(sound) {
        Ok(())
    } else {
        Err(Rule::UserIdInvalid { user_id: user_id.to_owned() })
    }
}

/// The name of an organization or cluster: no dots, as paths are joined by them (HIE-6).
pub fn organization_name(name: &str) -> Result<(), Rule> {
    let length = name.chars().count();
    let sound = (1..=64).contains(&length)
        && name.trim() == name
        && !name.contains('.')
        && !name.chars().any(char::is_control);
    if sound { Ok(()) } else { Err(Rule::OrganizationNameInvalid { name: name.to_owned() }) }
}

/// A text of at most so many characters, without control characters.
pub fn text(broken: &mut Broken, what: &str, text: &str, most: usize, path: &str) {
    let got = text.chars().count();
    broken.when(got > most, || Rule::ValueTooLong { what: what.to_owned(), most, got }, path);
    broken.when(
        text.chars().any(char::is_control),
        || Rule::ValueInvalid { what: what.to_owned(), want: "it holds a control character".to_owned() },
        path,
    );
}

/// A text that may be left out.
pub fn text_or_none(broken: &mut Broken, what: &str, value: Option<&str>, most: usize, path: &str) {
    if let Some(value) = value {
        text(broken, what, value, most, path);
    }
}

/// A text that must not be blank.
pub fn required(broken: &mut Broken, what: &str, value: &str, most: usize, path: &str) {
    broken.when(value.trim().is_empty(), || Rule::ValueRequired { what: what.to_owned() }, path);
    text(broken, what, value, most, path);
}

/// A number in a range.
pub fn range(broken: &mut Broken, what: &str, value: Option<i32>, least: i32, most: i32, path: &str) {
    if let Some(value) = value {
        broken.when(
            !(least..=most).contains(&value),
            || Rule::ValueOutOfRange {
                what: what.to_owned(),
                least: least.into(),
                most: most.into(),
                got: value.into(),
            },
            path,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profile_names() {
        for good in
            ["EM_anna", "a", "First Last - 1234", &"x".repeat(50), "SEP0011", "SEP00112233445g", "dp.1"]
        {
            assert_eq!(profile_name(good), Ok(()), "{good}");
        }
        for bad in [" a", "a ", "a  b", "a/b", "ümlaut", "a\tb", "tab\n", "a,b"] {
            assert!(matches!(profile_name(bad), Err(Rule::NameInvalidCharacter { .. })), "{bad}");
        }
        for empty in ["", " "] {
            assert_eq!(profile_name(empty), Err(Rule::NameRequired));
        }
        assert_eq!(profile_name(&"x".repeat(51)), Err(Rule::NameTooLong { got: 51 }));
        for phone in ["SEP001122334455", "sep00112233445A", "CSF0123456789ab"] {
            assert!(matches!(profile_name(phone), Err(Rule::NameReserved { .. })), "{phone}");
        }
    }

    #[test]
    fn phone_names() {
        assert_eq!(phone_name("SEP001122334455"), Ok(()));
        assert!(matches!(phone_name("SEP 00"), Err(Rule::PhoneNameInvalid { .. })));
        assert_eq!(phone_name(""), Err(Rule::NameRequired));
    }

    #[test]
    fn patterns() {
        for good in ["4001", "+4930123", "\\+4930123", "1XXX", "9.@", "*55", "[2-5]00", &"1".repeat(24)] {
            assert_eq!(pattern(good), Ok(()), "{good}");
        }
        for bad in ["", "call", "40 01", "\\", &"1".repeat(25)] {
            assert!(pattern(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn masks() {
        for good in ["", "+49301234XXXX", "XXXX", "123"] {
            assert_eq!(mask(good), Ok(()), "{good}");
        }
        for bad in ["X1", "++1", "12-34", &"1".repeat(31)] {
            assert!(mask(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn user_ids() {
        assert_eq!(user_id("anna.berg@acme"), Ok(()));
        for bad in ["", "Anna", "a b", &"a".repeat(129)] {
            assert!(user_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn organization_names() {
        assert_eq!(organization_name("Berlin HQ"), Ok(()));
        for bad in ["", "a.b", " a", "a ", &"a".repeat(65)] {
            assert!(organization_name(bad).is_err(), "{bad}");
        }
    }
}
