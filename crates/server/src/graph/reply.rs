//! What a handler answers.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::Value as Json;

/// The answer of a handler, before ids are added.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: ReplyBody,
}

/// The body of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) enum ReplyBody {
    #[default]
    None,
    Json(Json),
    /// SCIM.
    Scim(Json),
    /// Plain text, as `$count` answers.
    Text(String),
}

impl Reply {
    /// 200 with a body.
    pub(crate) fn ok(body: Json) -> Self {
        Self { status: 200, body: ReplyBody::Json(body), ..Self::default() }
    }

    /// 201 with a body.
    pub(crate) fn created(body: Json) -> Self {
        Self { status: 201, body: ReplyBody::Json(body), ..Self::default() }
    }

    /// 204.
    pub(crate) fn no_content() -> Self {
        Self { status: 204, ..Self::default() }
    }

    /// 200 with a number as plain text.
    pub(crate) fn count(count: u64) -> Self {
        Self { status: 200, body: ReplyBody::Text(count.to_string()), ..Self::default() }
    }

    /// The answer with one more header; left out where the value cannot be one.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The answer with the entity tag of an object's version.
    pub(crate) fn with_version(self, version: u64) -> Self {
        self.with(header::ETAG, &format!("W/\"{version}\""))
    }
}
