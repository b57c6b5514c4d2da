//! Names that compare without regard to case.

use std::fmt;
use std::hash::{Hash, Hasher};

/// An attribute name or a schema URI: kept as written, compared without regard to ASCII case (RFC 7643 §2.1).
#[derive(Clone, Debug, Default)]
pub struct CaselessName(model::Name);

impl CaselessName {
    /// A name as written.
    pub fn new(text: impl Into<model::Name>) -> Self {
        Self(text.into())
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True where the text is this name in any case.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }
}

impl PartialEq for CaselessName {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

impl Eq for CaselessName {}

impl Hash for CaselessName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for octet in self.0.bytes() {
            state.write_u8(octet.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for CaselessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for CaselessName {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// True where the text can be an attribute name: a letter, `$` or `_`, then letters, digits, `-` and `_`
/// (RFC 7643 §2.1, with `$` for `$ref`).
#[must_use]
pub(crate) fn is_attribute_name(text: &str) -> bool {
    let mut octets = text.bytes();
    let first = octets.next();
    let rest_is_good = octets.all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
    rest_is_good && first.is_some_and(|octet| octet.is_ascii_alphabetic() || matches!(octet, b'$' | b'_'))
}
