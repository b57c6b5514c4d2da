//! The values that attributes hold and expressions compute.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::Anchor;

/// A value of an attribute: nothing, one thing, or several.
///
/// Cloning is cheap: short texts are stored in place and long ones are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Value {
    /// An absent attribute. The empty string is not null.
    #[default]
    Null,
    /// Text of Unicode scalar values.
    Text(SmolStr),
    /// A whole number.
    Integer(i64),
    /// Prints as `True` or `False`.
    Boolean(bool),
    /// A moment in UTC.
    DateTime(Timestamp),
    /// Octets, such as a photo or a certificate.
    Binary(Box<[u8]>),
    /// Another object of the same directory.
    Reference(Anchor),
    /// A multi-valued attribute. Nested lists and nulls inside a list do not occur.
    List(Vec<Value>),
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<SmolStr>) -> Self {
        Self::Text(text.into())
    }

    /// A list with nulls dropped and nested lists spread out; no values give null.
    pub fn list(values: impl IntoIterator<Item = Value>) -> Self {
        let mut flat = Vec::new();
        for value in values {
            match value {
                Self::Null => {}
                Self::List(inner) => flat.extend(inner),
                one => flat.push(one),
            }
        }
        if flat.is_empty() { Self::Null } else { Self::List(flat) }
    }

    /// True for null and for a list without values.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(values) => values.is_empty(),
            _ => false,
        }
    }

    /// True where null flow treats the value as nothing: null or an empty text.
    #[must_use]
    pub fn is_null_or_empty(&self) -> bool {
        self.is_null() || matches!(self, Self::Text(text) if text.is_empty())
    }

    /// The single values: none for null, the elements of a list, else the value itself.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        match self {
            Self::Null => &[],
            Self::List(values) => values,
            one => std::slice::from_ref(one),
        }
    }

    /// The value, or the only element of a one-element list.
    #[must_use]
    pub fn single(&self) -> Option<&Value> {
        match self.values() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The text of a text value.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self.single()? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The truth of a boolean, or of a text that spells one in any case.
    #[must_use]
    pub fn as_boolean(&self) -> Option<bool> {
        match self.single()? {
            Self::Boolean(truth) => Some(*truth),
            Self::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Self::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The anchor of a reference.
    #[must_use]
    pub fn as_reference(&self) -> Option<&Anchor> {
        match self.single()? {
            Self::Reference(anchor) => Some(anchor),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

/// Prints a value as expressions see it as text: `True`/`False`, date-times as .NET's invariant culture
/// (`M/d/yyyy h:mm:ss tt`), binary as base64, lists joined by `; `.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Boolean(true) => f.write_str("True"),
            Self::Boolean(false) => f.write_str("False"),
            Self::DateTime(moment) => write_invariant_date_time(f, *moment),
            Self::Binary(octets) => {
                use base64::Engine as _;
                f.write_str(&base64::engine::general_purpose::STANDARD.encode(octets))
            }
            Self::Reference(anchor) => write!(f, "{anchor}"),
            Self::List(values) => {
                for (position, value) in values.iter().enumerate() {
                    if position > 0 {
                        f.write_str("; ")?;
                    }
                    write!(f, "{value}")?;
                }
                Ok(())
            }
        }
    }
}

fn write_invariant_date_time(f: &mut fmt::Formatter<'_>, moment: Timestamp) -> fmt::Result {
    let civil = jiff::tz::Offset::UTC.to_datetime(moment);
    let hour = match civil.hour() % 12 {
        0 => 12,
        other => other,
    };
    let half = if civil.hour() < 12 { "AM" } else { "PM" };
    write!(
        f,
        "{}/{}/{:04} {}:{:02}:{:02} {half}",
        civil.month(),
        civil.day(),
        civil.year(),
        hour,
        civil.minute(),
        civil.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_print_as_dotnet_does() {
        let moment: Timestamp = "2020-03-16T00:05:09Z".parse().unwrap();
        assert_eq!(Value::DateTime(moment).to_string(), "3/16/2020 12:05:09 AM");
        let early: Timestamp = "0001-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(Value::DateTime(early).to_string(), "1/1/0001 12:00:00 AM");
        assert_eq!(Value::Boolean(true).to_string(), "True");
        assert_eq!(Value::list(["a".into(), Value::Null, "b".into()]).to_string(), "a; b");
    }

    #[test]
    fn a_one_element_list_behaves_as_its_element() {
        assert_eq!(Value::list(["x".into()]).as_text(), Some("x"));
        assert_eq!(Value::list(["x".into(), "y".into()]).as_text(), None);
        assert!(Value::list([Value::Null]).is_null());
    }
}
