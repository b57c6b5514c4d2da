//! What the parsers of paths and filters share: a cursor over the text, and the error that names the place.

use crate::name::{CaselessName, is_attribute_name};
use crate::path::AttributePath;

/// A path or filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at position {offset}: {message}")]
pub struct SyntaxError {
    /// Octets from the start of the text to the place.
    pub offset: usize,
    /// What is wrong there and what would be right.
    pub message: String,
}

impl SyntaxError {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}

pub(crate) type Parsed<T> = Result<T, SyntaxError>;

/// A place in a text.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or("")
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// What stands here, shortened, for an error.
    pub(crate) fn here(&self) -> String {
        if self.is_at_end() {
            return "the end".to_owned();
        }
        format!("\"{}\"", shorten(self.rest(), 20))
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.offset, message)
    }

    pub(crate) fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.offset += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    /// Steps over one character if it stands here.
    pub(crate) fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.offset += wanted.len_utf8();
        }
        found
    }

    /// Steps over the longest run without spaces, brackets, parentheses and quotes; the run may be empty.
    pub(crate) fn take_word(&mut self) -> &'a str {
        let word = self.peek_word();
        self.offset += word.len();
        word
    }

    pub(crate) fn peek_word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || c.is_control() || "[]()\"".contains(c));
        rest.get(..end.unwrap_or(rest.len())).unwrap_or("")
    }

    /// Steps over a JSON string literal and gives what it means.
    pub(crate) fn take_string(&mut self) -> Parsed<String> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|octet| match octet {
            _ if escaped => {
                escaped = false;
                false
            }
            b'\\' => {
                escaped = true;
                false
            }
            octet => octet == b'"',
        });
        let Some(end) = end else {
            return Err(self.error("the text has no closing quote"));
        };
        let literal = rest.get(..end + 2).unwrap_or("");
        let text = serde_json::from_str(literal).map_err(|_| {
            self.error(
                "the quoted text is not a JSON string; write \\\" for a quote and \\\\ for a backslash",
            )
        })?;
        self.offset += literal.len();
        Ok(text)
    }
}

/// Splits `[schema:]attribute[.subAttribute]`, read at an offset, at its last colon.
pub(crate) fn attribute_path(word: &str, offset: usize) -> Parsed<AttributePath> {
    let (schema, names) = match word.rsplit_once(':') {
        Some((schema, names)) => (Some(schema), names),
        None => (None, word),
    };
    if schema.is_some_and(|schema| !is_schema_uri(schema)) {
        return Err(SyntaxError::new(
            offset,
            format!("\"{}\" has a colon but no schema URI before it", shorten(word, 60)),
        ));
    }
    let names_offset = offset + word.len() - names.len();
    let (attribute, sub_attribute) = match names.split_once('.') {
        Some((attribute, sub_attribute)) => (attribute, Some(sub_attribute)),
        None => (names, None),
    };
    attribute_name(attribute, names_offset)?;
    if let Some(sub_attribute) = sub_attribute {
        let at = names_offset + attribute.len() + 1;
        if sub_attribute.contains('.') {
            return Err(SyntaxError::new(at, "sub-attributes have no sub-attributes of their own"));
        }
        attribute_name(sub_attribute, at)?;
    }
    Ok(AttributePath {
        schema: schema.map(CaselessName::from),
        attribute: attribute.into(),
        sub_attribute: sub_attribute.map(CaselessName::from),
    })
}

pub(crate) fn attribute_name(name: &str, offset: usize) -> Parsed<()> {
    if is_attribute_name(name) {
        return Ok(());
    }
    let message = if name.is_empty() {
        "an attribute name is missing".to_owned()
    } else {
        format!("\"{}\" is no attribute name; use letters, digits, - and _", shorten(name, 40))
    };
    Err(SyntaxError::new(offset, message))
}

/// True for `urn:…` and for addresses such as `http://…`, which some services use as schema identifiers.
pub(crate) fn is_schema_uri(text: &str) -> bool {
    let urn = text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("urn:"));
    (urn && text.len() > 4 && !text.ends_with(':'))
        || text.split_once("://").is_some_and(|(_, rest)| !rest.is_empty())
}

/// The first characters of a text, with `…` where some are left out.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or("")),
        None => text.to_owned(),
    }
}
