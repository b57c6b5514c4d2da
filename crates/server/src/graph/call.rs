//! One request at its handler: who asks, for what, with what.

use std::sync::Arc;

use bytes::Bytes;
use directory::TenantDirectory;
use graph::GraphError;
use graph::body;
use graph::collection::{self, Page};
use graph::odata::QueryOptions;
use graph::path::{Captures, Key, Version};
use http::HeaderMap;
use http::header;
use model::Uuid;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::api::Api;
use super::error::ApiError;
use super::reply::Reply;
use crate::Service;
use crate::auth::Caller;

/// A request that may be answered: signed in, permitted, its query options read.
pub(crate) struct Call {
    pub(crate) api: Arc<Api>,
    pub(crate) caller: Caller,
    pub(crate) version: Version,
    pub(crate) captures: Captures,
    pub(crate) options: QueryOptions,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The service's address, such as `https://host:8080`.
    pub(crate) base: String,
    /// The raw path, version included, and the raw query.
    pub(crate) path: String,
    pub(crate) query: String,
    /// True where the caller may only touch applications that it owns.
    pub(crate) owned_only: bool,
}

impl Call {
    pub(crate) fn service(&self) -> &Service {
        self.api.service()
    }

    /// The directory of the caller's tenant.
    pub(crate) fn directory(&self) -> TenantDirectory {
        self.service().directory.of(self.caller.tenant)
    }

    /// A key of the path.
    pub(crate) fn key(&self, name: &str) -> Result<&Key, GraphError> {
        self.captures.key(name).ok_or_else(|| {
            tracing::error!(name, path = %self.path, "the route has no such key");
            GraphError::internal()
        })
    }

    /// A key of the path that is an identifier. What is none cannot exist.
    pub(crate) fn id(&self, name: &str) -> Result<Uuid, GraphError> {
        let value = self.key(name)?.value();
        value.parse().map_err(|_| GraphError::not_found(value))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Json, GraphError> {
        let kind =
            self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_json = kind.is_empty()
            || kind.eq_ignore_ascii_case("application/json")
            || kind.to_ascii_lowercase().ends_with("+json");
        if !is_json && !self.body.is_empty() {
            return Err(GraphError::unsupported_media_type("application/json"));
        }
        body::json(&self.body)
    }

    /// The body as an object, without annotations.
    pub(crate) fn object_body(&self) -> Result<Map<String, Json>, GraphError> {
        body::object(self.json()?)
    }

    /// The body as its type.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, GraphError> {
        body::read(self.json()?)
    }

    /// The version that `If-Match` demands; none where there is no such header, or where any will do.
    pub(crate) fn if_match(&self) -> Result<Option<u64>, GraphError> {
        let Some(value) = self.headers.get(header::IF_MATCH) else { return Ok(None) };
        let tag = value.to_str().unwrap_or_default().trim();
        if tag == "*" {
            return Ok(None);
        }
        let number = tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"').parse().ok();
        number.map(Some).ok_or_else(GraphError::precondition_failed)
    }

    /// True where the client asked with `Prefer` for this form of answer: `minimal` or `representation`.
    pub(crate) fn prefers(&self, form: &str) -> bool {
        let values = self.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|preference| {
            preference
                .trim()
                .strip_prefix("return=")
                .is_some_and(|wanted| wanted.trim_matches('"').eq_ignore_ascii_case(form))
        })
    }

    /// The value of `@odata.context` for a fragment.
    pub(crate) fn context(&self, fragment: &str) -> String {
        collection::context(&self.base, self.version, fragment)
    }

    /// The address of something below the version.
    pub(crate) fn address(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.base, self.version.segment())
    }

    /// An entity as a whole answer's body.
    pub(crate) fn entity(&self, fragment: &str, properties: Map<String, Json>) -> Json {
        collection::entity(&self.context(fragment), properties)
    }

    /// The answer of a page.
    pub(crate) fn page(&self, fragment: &str, page: Page) -> Reply {
        Reply::ok(page.body(&self.context(fragment)))
    }

    /// 201 with the new object, or 204 where the client prefers little; with its address either way.
    pub(crate) fn created(&self, path: &str, fragment: &str, properties: Map<String, Json>) -> Reply {
        let address = self.address(path);
        let reply = if self.prefers("minimal") {
            Reply::no_content().with(PREFERENCE_APPLIED, "return=minimal")
        } else {
            Reply::created(self.entity(fragment, properties))
        };
        reply.with(header::LOCATION, &address)
    }

    /// Writes the audit record of a change that was made. A record that cannot be written fails the request, although
    /// the change stays: nothing goes unseen.
    pub(crate) async fn audit(
        &self,
        activity: &str,
        target: String,
        old: Option<Json>,
        new: Option<Json>,
    ) -> Result<(), ApiError> {
        Ok(self.service().audit(&self.caller, activity, target, (old, new), true).await?)
    }
}

/// Tells which preference was followed (RFC 7240, section 3).
pub(crate) const PREFERENCE_APPLIED: http::HeaderName = http::HeaderName::from_static("preference-applied");
