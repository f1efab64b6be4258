//! Patterns such as `EM_{username}`: what they may hold, and what becomes of them (NAM-9).
//!
//! A name is made so that it is legal whatever its user is called: letters lose their accents, what a name cannot hold
//! becomes a dash, and what is too long is cut. A text keeps what its user is called as it is.

use super::super::{Broken, Rule, value};

/// Characters of a device's name.
const NAME: usize = 50;

/// What the tokens of a pattern stand for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokens<'a> {
    pub username: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub number: &'a str,
}

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part<'a> {
    Fixed(&'a str),
    Username,
    FirstName,
    LastName,
    Number,
}

impl<'a> Part<'a> {
    /// What stands in its place.
    fn of(self, tokens: &Tokens<'a>) -> &'a str {
        match self {
            Self::Fixed(text) => text,
            Self::Username => tokens.username,
            Self::FirstName => tokens.first_name,
            Self::LastName => tokens.last_name,
            Self::Number => tokens.number,
        }
    }
}

/// The pieces of a pattern, or what is wrong with it.
fn parts(pattern: &str) -> Result<Vec<Part<'_>>, String> {
    let (mut parts, mut rest) = (Vec::new(), pattern);
    while let Some((fixed, behind)) = rest.split_once('{') {
        let (token, behind) = behind.split_once('}').ok_or("a token has no '}' at its end")?;
        parts.push(Part::Fixed(fixed));
        parts.push(match token {
            "username" => Part::Username,
            "firstName" => Part::FirstName,
            "lastName" => Part::LastName,
            "number" => Part::Number,
            other => {
                return Err(format!(
                    "there is no token '{{{other}}}'; there are {{username}}, {{firstName}}, {{lastName}} and {{number}}"
                ));
            }
        });
        rest = behind;
    }
    parts.push(Part::Fixed(rest));
    let stray = parts.iter().any(|part| matches!(part, Part::Fixed(text) if text.contains('}')));
    if stray { Err("a '}' ends no token".to_owned()) } else { Ok(parts) }
}

/// Notes a name pattern from which no legal name can come.
pub fn check_name(broken: &mut Broken, pattern: &str, path: &str) {
    let mut refuse = |why: String| {
        broken.add(Rule::NamePatternInvalid { pattern: pattern.to_owned(), why }, path);
    };
    let parts = match parts(pattern) {
        Ok(parts) => parts,
        Err(why) => return refuse(why),
    };
    let (mut length, mut tokens, mut strange) = (0, 0, None);
    for part in parts {
        match part {
            Part::Fixed(text) => {
                length += text.chars().count();
                strange = strange.or(text.chars().find(|letter| *letter != ' ' && !is_sound(*letter)));
            }
            Part::Username | Part::FirstName | Part::LastName | Part::Number => tokens += 1,
        }
    }
    if let Some(letter) = strange {
        refuse(format!("'{letter}' cannot stand in a name"));
    } else if tokens == 0 {
        refuse("without a token every profile would have the same name".to_owned());
    } else if length >= NAME {
        refuse(format!("its fixed part has {length} characters and leaves no room for a token"));
    }
}

/// Notes a text pattern that is too long or has unknown tokens.
pub fn check_text(broken: &mut Broken, what: &str, pattern: Option<&str>, most: usize, path: &str) {
    value::text_or_none(broken, what, pattern, most, path);
    check_tokens(broken, pattern, path);
}

/// Notes a text pattern with unknown tokens.
pub fn check_tokens(broken: &mut Broken, pattern: Option<&str>, path: &str) {
    let Some(pattern) = pattern else { return };
    if let Err(why) = parts(pattern) {
        broken.add(Rule::TextPatternInvalid { pattern: pattern.to_owned(), why }, path);
    }
}

/// The name that a pattern gives: a legal one, or the rule that no name of these tokens can keep.
pub fn name(pattern: &str, tokens: &Tokens<'_>) -> Result<String, Rule> {
    let parts =
        parts(pattern).map_err(|why| Rule::NamePatternInvalid { pattern: pattern.to_owned(), why })?;
    let mut whole = String::new();
    for part in parts {
        match part {
            Part::Fixed(text) => whole.push_str(text),
            token => whole.push_str(&sound(token.of(tokens))),
        }
    }
    let words: Vec<_> = whole.split(' ').filter(|word| !word.is_empty()).collect();
    let cut: String = words.join(" ").chars().take(NAME).collect();
    let name = cut.trim_end().to_owned();
    value::profile_name(&name).map(|()| name)
}

/// The text that a pattern gives, cut to so many characters.
pub fn text(pattern: &str, tokens: &Tokens<'_>, most: usize) -> String {
    // A pattern that cannot be read was never stored; as a text it stands for itself.
    let whole = match parts(pattern) {
        Ok(parts) => parts.into_iter().map(|part| part.of(tokens)).collect(),
        Err(_) => pattern.to_owned(),
    };
    let cut: String = whole.trim().chars().take(most).collect();
    cut.trim_end().to_owned()
}

/// The same for a text that holds ASCII only.
pub fn ascii(pattern: &str, tokens: &Tokens<'_>, most: usize) -> String {
    let whole = spelled(&text(pattern, tokens, usize::MAX), "");
    whole.chars().take(most).collect::<String>().trim_end().to_owned()
}

/// A value as a part of a name: what cannot stand there is a dash between what can.
fn sound(value: &str) -> String {
    let (mut out, mut gap) = (String::with_capacity(value.len()), false);
    for letter in spelled(value, "?").chars() {
        if letter != ' ' && !is_sound(letter) {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) && letter != ' ' && !out.is_empty() && !out.ends_with(' ') {
            out.push('-');
        }
        out.push(letter);
    }
    out
}

/// A text in ASCII; `unknown` stands for letters that have no such form.
fn spelled(text: &str, unknown: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii() {
            out.push(letter);
        } else {
            out.push_str(plain(letter).unwrap_or(unknown));
        }
    }
    out
}

fn is_sound(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-')
}

/// Letters with the ASCII that is written for them.
const PLAIN: &[(&str, &str)] = &[
    ("ÀÁÂÃÅĀĂĄẠẢẤẦẨẪẬẮẰẲẴẶ", "A"),
    ("àáâãåāăąạảấầẩẫậắằẳẵặ", "a"),
    ("ÄÆ", "Ae"),
    ("äæ", "ae"),
    ("ÇĆĈĊČ", "C"),
    ("çćĉċč", "c"),
    ("ÐĎĐ", "D"),
    ("ðďđ", "d"),
    ("ÈÉÊËĒĔĖĘĚẸẺẼẾỀỂỄỆ", "E"),
    ("èéêëēĕėęěẹẻẽếềểễệ", "e"),
    ("ĜĞĠĢ", "G"),
    ("ĝğġģ", "g"),
    ("ĤĦ", "H"),
    ("ĥħ", "h"),
    ("ÌÍÎÏĨĪĬĮİỈỊ", "I"),
    ("ìíîïĩīĭįıỉị", "i"),
    ("Ĵ", "J"),
    ("ĵ", "j"),
    ("Ķ", "K"),
    ("ķ", "k"),
    ("ĹĻĽĿŁ", "L"),
    ("ĺļľŀł", "l"),
    ("ÑŃŅŇŊ", "N"),
    ("ñńņňŋ", "n"),
    ("ÒÓÔÕŌŎŐƠỌỎỐỒỔỖỘỚỜỞỠỢ", "O"),
    ("òóôõōŏőơọỏốồổỗộớờởỡợ", "o"),
    ("ÖØŒ", "Oe"),
    ("öøœ", "oe"),
    ("ŔŖŘ", "R"),
    ("ŕŗř", "r"),
    ("ŚŜŞŠȘ", "S"),
    ("śŝşšș", "s"),
    ("ẞ", "SS"),
    ("ß", "ss"),
    ("Þ", "Th"),
    ("þ", "th"),
    ("ŢŤŦȚ", "T"),
    ("ţťŧț", "t"),
    ("ÙÚÛŨŪŬŮŰŲƯỤỦỨỪỬỮỰ", "U"),
    ("ùúûũūŭůűųưụủứừửữự", "u"),
    ("Ü", "Ue"),
    ("ü", "ue"),
    ("Ŵ", "W"),
    ("ŵ", "w"),
    ("ÝŶŸỲỴỶỸ", "Y"),
    ("ýÿŷỳỵỷỹ", "y"),
    ("ŹŻŽ", "Z"),
    ("źżž", "z"),
];

/// A letter beyond ASCII in ASCII; none for one that has no such form.
fn plain(letter: char) -> Option<&'static str> {
    PLAIN.iter().find(|(letters, _)| letters.contains(letter)).map(|(_, plain)| *plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANNA: Tokens<'_> = Tokens {
        username: "anna.berg",
        first_name: "Änna",
        last_name: "O'Brien Nguyễn",
        number: "\\+4930123",
    };

    #[test]
    fn a_pattern_gives_a_name() {
        for (pattern, want) in [
            ("EM_{username}", "EM_anna.berg"),
            ("{firstName} {lastName}", "Aenna O-Brien Nguyen"),
            ("dp-{number}", "dp-4930123"),
            (
                "{username}{username}{username}{username}{username}{username}",
                "anna.berganna.berganna.berganna.berganna.berganna.",
            ),
        ] {
            assert_eq!(name(pattern, &ANNA).as_deref(), Ok(want), "{pattern}");
        }
        let nobody = Tokens { username: "a@b", ..Tokens::default() };
        assert_eq!(name("EM_{username}", &nobody).as_deref(), Ok("EM_a-b"));
        assert_eq!(name("{firstName} {username}", &nobody).as_deref(), Ok("a-b"));
        assert_eq!(name("{firstName}", &nobody), Err(Rule::NameRequired));
        let phone = Tokens { number: "001122334455", ..Tokens::default() };
        assert!(matches!(name("SEP{number}", &phone), Err(Rule::NameReserved { .. })));
    }

    #[test]
    fn a_pattern_that_gives_no_name_is_refused() {
        let long = format!("{}{{username}}", "x".repeat(50));
        for (pattern, sound) in [
            ("EM_{username}", true),
            ("{firstName} {lastName} - {number}", true),
            ("EM_{userid}", false),
            ("EM_{username", false),
            ("EM_}username{", false),
            ("EM/{username}", false),
            ("Ä{username}", false),
            ("EM_", false),
            ("", false),
            (&long, false),
        ] {
            let mut broken = Broken::none();
            check_name(&mut broken, pattern, "namePattern");
            assert_eq!(broken.is_none(), sound, "{pattern}: {broken:?}");
        }
    }

    #[test]
    fn texts_keep_what_people_are_called() {
        assert_eq!(text("{firstName} {lastName} - {number}", &ANNA, 128), "Änna O'Brien Nguyễn - \\+4930123");
        assert_eq!(text("{firstName} {lastName}", &Tokens { first_name: "", ..ANNA }, 7), "O'Brien");
        assert_eq!(ascii("{firstName} {lastName}", &ANNA, 32), "Aenna O'Brien Nguyen");
        let mut broken = Broken::none();
        check_text(&mut broken, "The label", Some("{dn}"), 50, "label");
        check_text(&mut broken, "The label", None, 50, "label");
        assert_eq!(broken.0.len(), 1);
    }

    #[test]
    fn every_letter_has_one_plain_form() {
        for (letters, form) in PLAIN {
            for letter in letters.chars() {
                assert_eq!(plain(letter), Some(*form), "{letter} stands twice");
            }
            assert!(form.is_ascii());
        }
    }

    proptest! {
        /// NAM-9: whatever a user is called, a pattern that is taken gives a legal name, or none for one of two reasons.
        #[test]
        fn a_pattern_never_gives_an_illegal_name(
            pattern in "[a-zA-Z0-9._ -]{0,20}(\\{(username|firstName|lastName|number)\\}[a-z_ ]{0,5}){0,3}",
            username in "\\PC{0,60}", first in "\\PC{0,60}", last in "\\PC{0,60}", number in "\\PC{0,24}",
        ) {
            let mut broken = Broken::none();
            check_name(&mut broken, &pattern, "");
            let tokens = Tokens { username: &username, first_name: &first, last_name: &last, number: &number };
            match name(&pattern, &tokens) {
                Ok(name) => prop_assert_eq!(value::profile_name(&name), Ok(())),
                Err(rule) if broken.is_none() => {
                    prop_assert!(matches!(rule, Rule::NameRequired | Rule::NameReserved { .. }), "{:?}", rule);
                }
                Err(_) => {}
            }
            for most in [0, 1, 50] {
                prop_assert!(text(&pattern, &tokens, most).chars().count() <= most);
                let ascii = ascii(&pattern, &tokens, most);
                prop_assert!(ascii.is_ascii() && ascii.len() <= most);
            }
        }
    }
}
