//! Values that GraphQL has no word for: cursors of the change stream, and points in time.

use std::{fmt, str::FromStr};

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{DateTime, Utc};
use entity::Moment;

/// A place in the change stream. Not a place in a list: that changes with the list's order.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Cursor {
    /// After the change of this number.
    Change(i64),
    /// Within a snapshot, after its item of this number.
    Snapshot(i64),
}

/// A text that is no cursor.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("This is not a cursor of the change stream. Pass one as Roamline gave it to you, such as \"s42\".")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change(seq) => write!(f, "s{seq}"),
            Self::Snapshot(item) => write!(f, "p{item}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    /// Reads exactly what `Display` writes, of the numbers that are not negative.
    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let number = |digits: &str| digits.parse().ok().filter(|number| *number >= 0);
        text.strip_prefix('s')
            .and_then(number)
            .map(Self::Change)
            .or_else(|| text.strip_prefix('p').and_then(number).map(Self::Snapshot))
            .filter(|cursor| cursor.to_string() == text)
            .ok_or(NotACursor)
    }
}

/// A place in the change stream, as Roamline gave it out; opaque: keep it and send it back, do not take it
/// apart.
#[Scalar]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(text.parse()?),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// The moment as GraphQL's `DateTime`; what lies outside the calendar (262,000 years) is its first or last
/// moment.
pub fn date_time(moment: Moment) -> DateTime<Utc> {
    let edge = if moment.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    DateTime::from_timestamp_micros(moment.0).unwrap_or(edge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_went(number in 0..=i64::MAX) {
            for cursor in [Cursor::Change(number), Cursor::Snapshot(number)] {
                prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            }
        }

        #[test]
        fn any_text_is_a_cursor_or_not(text in "[sp]?[-+0-9]{0,20}|.*") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }

        #[test]
        fn every_moment_has_a_date(micros in any::<i64>()) {
            prop_assert!(!date_time(Moment(micros)).to_rfc3339().is_empty());
        }
    }

    #[test]
    fn cursors() {
        assert_eq!(Cursor::Change(42).to_string(), "s42");
        assert_eq!("p0".parse(), Ok(Cursor::Snapshot(0)));
        for bad in ["", "s", "42", "s-1", "s+1", "s01", "S1", "s1 ", "x1", "s9223372036854775808"] {
            assert_eq!(bad.parse::<Cursor>(), Err(NotACursor), "{bad}");
        }
        assert!(<Cursor as ScalarType>::parse(Value::Null).is_err());
        assert_eq!(ScalarType::to_value(&Cursor::Change(7)), Value::from("s7"));
    }

    #[test]
    fn a_moment_is_its_date() {
        assert_eq!(date_time(Moment(0)).to_rfc3339(), "1970-01-01T00:00:00+00:00");
        assert_eq!(date_time(Moment(1_500_000)).to_rfc3339(), "1970-01-01T00:00:01.500+00:00");
        assert_eq!(date_time(Moment(i64::MAX)), DateTime::<Utc>::MAX_UTC);
        assert_eq!(date_time(Moment(i64::MIN)), DateTime::<Utc>::MIN_UTC);
    }
}
