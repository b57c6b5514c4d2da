//! Attribute paths: which part of a resource a PATCH operation, a mapping or a query parameter means
//! (RFC 7644 §3.10 and §3.5.2).

use std::fmt;
use std::str::FromStr;

use crate::filter::{self, Filter};
use crate::name::CaselessName;
use crate::syntax::{Cursor, Parsed, SyntaxError, attribute_name, attribute_path, is_schema_uri};

/// The longest path that is read, in octets.
pub const MAX_PATH_LENGTH: usize = 2048;

/// `[schema:]attribute[.subAttribute]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AttributePath {
    /// The schema's URI, where the path is written with it.
    pub schema: Option<CaselessName>,
    /// The attribute.
    pub attribute: CaselessName,
    /// A part of a complex attribute.
    pub sub_attribute: Option<CaselessName>,
}

impl AttributePath {
    /// The path of an attribute of the resource's own schema.
    pub fn new(attribute: impl Into<CaselessName>) -> Self {
        Self { schema: None, attribute: attribute.into(), sub_attribute: None }
    }

    /// The same path, one step down.
    #[must_use]
    pub fn with_sub_attribute(mut self, sub_attribute: impl Into<CaselessName>) -> Self {
        self.sub_attribute = Some(sub_attribute.into());
        self
    }

    /// The same path without its sub-attribute.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self { schema: self.schema.clone(), attribute: self.attribute.clone(), sub_attribute: None }
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        write!(f, "{}", self.attribute)?;
        match &self.sub_attribute {
            Some(sub_attribute) => write!(f, ".{sub_attribute}"),
            None => Ok(()),
        }
    }
}

impl FromStr for AttributePath {
    type Err = SyntaxError;

    /// Reads `[schema:]attribute[.subAttribute]`; the attribute is what follows the last colon.
    fn from_str(text: &str) -> Parsed<Self> {
        limit_length(text)?;
        let trimmed = text.trim();
        let offset = text.len() - text.trim_start().len();
        attribute_path(trimmed, offset)
    }
}

/// A path as PATCH operations and attribute mappings write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// All attributes of one schema extension: the schema's URI alone.
    Schema(CaselessName),
    /// An attribute or a part of one.
    Attribute(AttributePath),
    /// The values of a multi-valued attribute that satisfy a filter, or a part of them:
    /// `emails[type eq "work"].value`.
    Values {
        /// The attribute, with the sub-attribute that follows the bracket.
        attribute: AttributePath,
        /// Which values are meant; its names are sub-attributes.
        filter: Filter,
    },
}

impl Path {
    /// The attribute that the path goes through; none where the whole extension is meant.
    #[must_use]
    pub fn attribute(&self) -> Option<&AttributePath> {
        match self {
            Self::Schema(_) => None,
            Self::Attribute(attribute) | Self::Values { attribute, .. } => Some(attribute),
        }
    }

    /// The URI of the schema that the path names.
    #[must_use]
    pub fn schema(&self) -> Option<&CaselessName> {
        match self {
            Self::Schema(schema) => Some(schema),
            Self::Attribute(attribute) | Self::Values { attribute, .. } => attribute.schema.as_ref(),
        }
    }

    /// The filter in brackets.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        match self {
            Self::Values { filter, .. } => Some(filter),
            _ => None,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Schema(schema) => write!(f, "{schema}"),
            Self::Attribute(attribute) => write!(f, "{attribute}"),
            Self::Values { attribute, filter } => {
                write!(f, "{}[{filter}]", attribute.whole())?;
                match &attribute.sub_attribute {
                    Some(sub_attribute) => write!(f, ".{sub_attribute}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl FromStr for Path {
    type Err = SyntaxError;

    /// Reads a path. A URI whose last segment follows a version, as in `…:enterprise:2.0:User`, is taken for a schema;
    /// [`crate::schema::ResourceSchema::settle`] corrects that for schemas that are named otherwise.
    fn from_str(text: &str) -> Parsed<Self> {
        limit_length(text)?;
        let mut cursor = Cursor::new(text);
        cursor.skip_spaces();
        let offset = cursor.offset();
        let word = cursor.take_word();
        let path = if cursor.take('[') {
            values(&mut cursor, word, offset)?
        } else if names_a_schema(word) {
            Self::Schema(word.into())
        } else {
            Self::Attribute(attribute_path(word, offset)?)
        };
        cursor.skip_spaces();
        if cursor.is_at_end() {
            Ok(path)
        } else {
            Err(cursor.error(format!("the path should end before {}", cursor.here())))
        }
    }
}

/// Reads what follows an opening bracket.
fn values(cursor: &mut Cursor<'_>, word: &str, offset: usize) -> Parsed<Path> {
    let mut attribute = attribute_path(word, offset)?;
    if attribute.sub_attribute.is_some() {
        return Err(SyntaxError::new(
            offset,
            "a filter in brackets follows an attribute, not a sub-attribute",
        ));
    }
    let filter = filter::parse::values(cursor)?;
    if cursor.take('.') {
        let at = cursor.offset();
        let sub_attribute = cursor.take_word();
        attribute_name(sub_attribute, at)?;
        attribute.sub_attribute = Some(sub_attribute.into());
    }
    Ok(Path::Values { attribute, filter })
}

fn limit_length(text: &str) -> Parsed<()> {
    if text.len() <= MAX_PATH_LENGTH {
        return Ok(());
    }
    let message = format!("the path has {} octets; at most {MAX_PATH_LENGTH} are read", text.len());
    Err(SyntaxError::new(MAX_PATH_LENGTH, message))
}

/// Tells a schema's URI from an attribute written with one, by a version in the last segment, where no attribute has its
/// name, or before it.
fn names_a_schema(word: &str) -> bool {
    if !is_schema_uri(word) {
        return false;
    }
    match word.rsplit_once(':') {
        Some((prefix, last)) if is_schema_uri(prefix) => {
            is_version(last) || is_version(prefix.rsplit(':').next().unwrap_or(""))
        }
        _ => true,
    }
}

fn is_version(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    #[test]
    fn paths_print_as_they_were_read() {
        for text in [
            "userName",
            "name.givenName",
            "members.$ref",
            "emails[type eq \"work\"]",
            "emails[type eq \"work\"].value",
            "roles[primary eq \"True\"].value",
            "addresses[type eq \"work\" and not (primary eq true)].streetAddress",
            "members[value eq \"2819c223-7f76-453a-919d-413861904646\"]",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "urn:scim:schemas:extension:enterprise:1.0",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "urn:example:ext:2.0:User:tags[value eq \"a]b\"].display",
            "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
        ] {
            assert_eq!(text.parse::<Path>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_schema_is_told_from_an_attribute_of_it() {
        for old in ["urn:scim:schemas:extension:enterprise:1.0", "urn:example:7"] {
            assert_eq!(old.parse(), Ok(Path::Schema(old.into())));
        }
        assert_eq!(ENTERPRISE.parse(), Ok(Path::Schema(ENTERPRISE.into())));
        let manager: Path = format!("{ENTERPRISE}:manager.value").parse().unwrap();
        let attribute = manager.attribute().unwrap();
        assert!(attribute.schema.as_ref().unwrap().is(ENTERPRISE));
        assert_eq!(attribute.attribute, "manager".into());
        assert_eq!(attribute.sub_attribute, Some("value".into()));
    }

    #[test]
    fn names_compare_without_case() {
        let left: Path = "Emails[Type EQ \"work\"].Value".parse().unwrap();
        let right: Path = "emails[type eq \"work\"].value".parse().unwrap();
        assert_eq!(left, right);
        let other: Path = "emails[type eq \"Work\"].value".parse().unwrap();
        assert_ne!(left, other);
    }

    #[test]
    fn errors_name_the_place() {
        for (text, offset, words) in [
            ("", 0, "missing"),
            ("na me", 3, "should end"),
            ("name.", 5, "missing"),
            ("name.a.b", 5, "sub-attributes"),
            ("1name", 0, "no attribute name"),
            ("foo:bar", 0, "no schema URI"),
            ("name.x[a pr]", 0, "not a sub-attribute"),
            ("emails[", 7, "missing"),
            ("emails[type eq \"work\"", 21, "]"),
            ("emails[type eq \"work\"].", 23, "missing"),
            ("emails[type eq \"work\"]value", 22, "should end"),
            ("emails[type eq \"wo]", 15, "closing quote"),
        ] {
            let error = text.parse::<Path>().unwrap_err();
            assert_eq!(error.offset, offset, "{text}: {error}");
            assert!(error.message.contains(words), "{text}: {error}");
        }
        let long = "a".repeat(MAX_PATH_LENGTH + 1);
        assert!(long.parse::<Path>().unwrap_err().message.contains("at most"));
    }
}
