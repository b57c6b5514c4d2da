//! The error body of SCIM answers (RFC 7644 §3.12), which is also the error type of what this crate does to
//! resources.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::syntax::SyntaxError;

/// The schema of error bodies.
pub const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// An error as a SCIM service answers it.
///
/// Written with `schemas`, the status as a text, and `scimType` and `detail` where there are any. Read from what real
/// services send: the status may be a number or missing (then 0), `schemas` and the rest may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Error {
    /// The HTTP status, such as 400.
    pub status: u16,
    /// Which error it is.
    pub scim_type: Option<ScimType>,
    /// What is wrong, for people.
    pub detail: String,
}

impl Error {
    /// An error of a status.
    pub fn new(status: u16, scim_type: Option<ScimType>, detail: impl Into<String>) -> Self {
        Self { status, scim_type, detail: detail.into() }
    }

    /// An error of status 400.
    pub fn bad_request(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self::new(400, Some(scim_type), detail)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scim_type {
            Some(scim_type) => write!(f, "{} ({scim_type}): {}", self.status, self.detail),
            None => write!(f, "{}: {}", self.status, self.detail),
        }
    }
}

impl std::error::Error for Error {}

/// The machine-readable kinds of errors of RFC 7644 table 9, and those that others add.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ScimType {
    /// The filter cannot be read, or compares what has no order.
    InvalidFilter,
    /// The filter matches too much.
    TooMany,
    /// The value is taken.
    Uniqueness,
    /// The attribute cannot be changed, or not any more.
    Mutability,
    /// The body is not what was expected.
    InvalidSyntax,
    /// The path of a PATCH operation cannot be read or names no attribute.
    InvalidPath,
    /// The path of a PATCH operation meets nothing.
    NoTarget,
    /// A value is missing or of the wrong type.
    InvalidValue,
    /// The protocol version is not supported.
    InvalidVers,
    /// The request's address holds what must not be there.
    Sensitive,
    /// The cursor is none of this service's (RFC 9865).
    InvalidCursor,
    /// The cursor's time is over (RFC 9865).
    ExpiredCursor,
    /// More items asked for than a page holds (RFC 9865).
    InvalidCount,
    /// What else a service says.
    Other(String),
}

impl ScimType {
    const KNOWN: [Self; 13] = [
        Self::InvalidFilter,
        Self::TooMany,
        Self::Uniqueness,
        Self::Mutability,
        Self::InvalidSyntax,
        Self::InvalidPath,
        Self::NoTarget,
        Self::InvalidValue,
        Self::InvalidVers,
        Self::Sensitive,
        Self::InvalidCursor,
        Self::ExpiredCursor,
        Self::InvalidCount,
    ];

    /// The kind as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
            Self::Other(text) => text,
        }
    }

    fn named(text: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text));
        known.unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl fmt::Display for ScimType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    schemas: [&'a str; 1],
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scim_type: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    #[serde(default)]
    schemas: Option<Vec<String>>,
    #[serde(default)]
    status: Json,
    #[serde(default)]
    scim_type: Option<String>,
    #[serde(default)]
    detail: Option<String>,
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            schemas: [ERROR_SCHEMA],
            status: self.status.to_string(),
            scim_type: self.scim_type.as_ref().map(ScimType::as_str),
            detail: &self.detail,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Error {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        let said = read.schemas.is_some_and(|schemas| schemas.iter().any(|schema| schema == ERROR_SCHEMA));
        if !said && read.status.is_null() && read.scim_type.is_none() && read.detail.is_none() {
            return Err(serde::de::Error::custom(
                "neither schemas, status, scimType nor detail of a SCIM error",
            ));
        }
        let status = match &read.status {
            Json::String(text) => text.trim().parse().unwrap_or(0),
            other => other.as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or(0),
        };
        Ok(Self {
            status,
            scim_type: read.scim_type.filter(|text| !text.is_empty()).map(|text| ScimType::named(&text)),
            detail: read.detail.unwrap_or_default(),
        })
    }
}

impl Error {
    /// A filter that cannot be read.
    #[must_use]
    pub fn invalid_filter(filter: &str, error: &SyntaxError) -> Self {
        let filter = crate::syntax::shorten(filter, 200);
        Self::bad_request(ScimType::InvalidFilter, format!("the filter {filter} is wrong {error}"))
    }

    /// A path that cannot be read.
    #[must_use]
    pub fn invalid_path(path: &str, error: &SyntaxError) -> Self {
        let path = crate::syntax::shorten(path, 200);
        Self::bad_request(ScimType::InvalidPath, format!("the path {path} is wrong {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_written_with_a_text_status() {
        let error = Error::bad_request(ScimType::NoTarget, "no such value");
        let body = json!({"schemas": [ERROR_SCHEMA], "status": "400", "scimType": "noTarget", "detail": "no such value"});
        assert_eq!(serde_json::to_value(&error).unwrap(), body);
        assert_eq!(serde_json::from_value::<Error>(body).unwrap(), error);
        let bare = json!({"schemas": [ERROR_SCHEMA], "status": "404"});
        assert_eq!(serde_json::to_value(Error::new(404, None, "")).unwrap(), bare);
    }

    #[test]
    fn what_services_send_instead_is_understood() {
        let read = |body: Json| serde_json::from_value::<Error>(body);
        assert_eq!(read(json!({"status": 409})).unwrap().status, 409);
        let odd = read(json!({"scimType": "UNIQUENESS", "detail": null, "schemas": null})).unwrap();
        assert_eq!(odd.scim_type, Some(ScimType::Uniqueness));
        let other = read(json!({"scimType": "tooTired", "status": "x"})).unwrap();
        assert_eq!(other.scim_type, Some(ScimType::Other("tooTired".to_owned())));
        assert!(read(json!({"message": "no"})).is_err());
    }
}
