//! What a service says about itself (RFC 7643 §5 and §6).

use serde::{Deserialize, Serialize};

use crate::meta::Meta;

/// What the service can do. What it leaves out it does not support.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceProviderConfig {
    /// Its schema.
    pub schemas: Vec<String>,
    /// Where people read about the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation_uri: Option<String>,
    /// PATCH requests.
    pub patch: Supported,
    /// Several requests in one.
    pub bulk: BulkSupport,
    /// Filters.
    pub filter: FilterSupport,
    /// Changes of passwords.
    pub change_password: Supported,
    /// Sorted results.
    pub sort: Supported,
    /// Entity tags.
    pub etag: Supported,
    /// Paging (RFC 9865 §4); absent in services older than that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pagination>,
    /// How clients sign in.
    pub authentication_schemes: Vec<AuthenticationScheme>,
    /// About the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// Whether the service can do one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Supported {
    /// True where it can.
    pub supported: bool,
}

/// How the service does bulk requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BulkSupport {
    /// True where it does.
    pub supported: bool,
    /// Requests in one bulk request at most.
    pub max_operations: u64,
    /// Octets of one bulk request at most.
    pub max_payload_size: u64,
}

/// How the service filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterSupport {
    /// True where it does.
    pub supported: bool,
    /// Resources in one answer at most.
    pub max_results: u64,
}

/// How the service pages (RFC 9865 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pagination {
    /// By cursor.
    pub cursor: bool,
    /// By index.
    pub index: bool,
    /// `cursor` or `index`: what it does where the client does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_pagination_method: Option<String>,
    /// Resources in a page where the client does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_page_size: Option<u64>,
    /// Resources in a page at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_page_size: Option<u64>,
    /// Seconds that a cursor lives at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor_timeout: Option<u64>,
}

/// One way to sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthenticationScheme {
    /// Such as `oauthbearertoken` or `httpbasic`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// A description for people.
    pub description: String,
    /// Where the way is specified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spec_uri: Option<String>,
    /// Where people read how to use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation_uri: Option<String>,
    /// True for the preferred way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<bool>,
}

/// One kind of resource that the service has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceType {
    /// Its schema.
    #[serde(default)]
    pub schemas: Vec<String>,
    /// Often the same as the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Such as `User`; also `meta.resourceType` of its resources.
    pub name: String,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Below the base address, such as `/Users`.
    pub endpoint: String,
    /// The URI of its own schema.
    pub schema: String,
    /// Its extensions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schema_extensions: Vec<SchemaExtension>,
    /// About the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Meta>,
}

/// A schema that extends a resource type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaExtension {
    /// The schema's URI.
    pub schema: String,
    /// True where every resource of the type has it.
    #[serde(default)]
    pub required: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_left_out_is_not_supported() {
        let config: ServiceProviderConfig = serde_json::from_value(json!({
            "patch": {"supported": true}, "filter": {"supported": true, "maxResults": 200}, "etag": {}
        }))
        .unwrap();
        assert!(config.patch.supported && !config.etag.supported && !config.bulk.supported);
        assert_eq!(config.filter.max_results, 200);
        assert_eq!(config.pagination, None);
    }

    #[test]
    fn a_resource_type_is_read_and_written() {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "id": "User", "name": "User",
            "endpoint": "/Users", "description": "User Account", "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
            "schemaExtensions": [{"schema": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "required": true}],
            "meta": {"location": "https://example.com/v2/ResourceTypes/User", "resourceType": "ResourceType"}
        });
        let kind: ResourceType = serde_json::from_value(body.clone()).unwrap();
        assert!(kind.schema_extensions[0].required);
        assert_eq!(serde_json::to_value(kind).unwrap(), body);
    }
}
