//! The bodies of requests and answers other than resources and errors (RFC 7644 §3).

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

/// The schema of [`ListResponse`].
pub const LIST_RESPONSE_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The schema of [`SearchRequest`].
pub const SEARCH_REQUEST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// The schema of [`PatchRequest`].
pub const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The schema of [`BulkRequest`].
pub const BULK_REQUEST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The schema of [`BulkResponse`].
pub const BULK_RESPONSE_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";

/// A page of a query's result (RFC 7644 §3.4.2), with the cursors of RFC 9865.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Seen<T>", bound(deserialize = "T: Deserialize<'de>"))]
pub struct ListResponse<T = Json> {
    /// [`LIST_RESPONSE_SCHEMA`]; empty where a service leaves it out.
    pub schemas: Vec<String>,
    /// How many resources there are in all. In paging by cursor a service need not tell (RFC 9865).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_results: Option<u64>,
    /// The place of the first one of this page, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_index: Option<u64>,
    /// How many are in this page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items_per_page: Option<u64>,
    /// Where the next page begins; absent in the last one and in paging by index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// Where the page before begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_cursor: Option<String>,
    /// The resources.
    #[serde(rename = "Resources")]
    pub resources: Vec<T>,
}

/// A page as services write it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Seen<T> {
    #[serde(default)]
    schemas: Vec<String>,
    total_results: Option<u64>,
    start_index: Option<u64>,
    items_per_page: Option<u64>,
    next_cursor: Option<String>,
    previous_cursor: Option<String>,
    #[serde(rename = "Resources", alias = "resources")]
    resources: Option<Vec<T>>,
}

impl<T> TryFrom<Seen<T>> for ListResponse<T> {
    type Error = &'static str;

    /// An empty page may leave out its resources, and one with resources the total. What has neither is no list: any
    /// object would be one, and an empty one at that.
    fn try_from(seen: Seen<T>) -> Result<Self, Self::Error> {
        if seen.total_results.is_none() && seen.resources.is_none() {
            return Err("missing field `totalResults` or `Resources`");
        }
        Ok(Self {
            schemas: seen.schemas,
            total_results: seen.total_results,
            start_index: seen.start_index,
            items_per_page: seen.items_per_page,
            next_cursor: seen.next_cursor,
            previous_cursor: seen.previous_cursor,
            resources: seen.resources.unwrap_or_default(),
        })
    }
}

impl<T> ListResponse<T> {
    /// A page in paging by index.
    #[must_use]
    pub fn page(resources: Vec<T>, start_index: u64, total_results: u64) -> Self {
        Self {
            schemas: vec![LIST_RESPONSE_SCHEMA.to_owned()],
            total_results: Some(total_results),
            start_index: Some(start_index),
            items_per_page: Some(resources.len() as u64),
            next_cursor: None,
            previous_cursor: None,
            resources,
        }
    }

    /// A page in paging by cursor (RFC 9865 §2).
    #[must_use]
    pub fn cursor_page(resources: Vec<T>, total_results: u64, next: Option<String>) -> Self {
        Self { start_index: None, next_cursor: next, ..Self::page(resources, 1, total_results) }
    }

    /// The cursor of the next page. Some services write an empty one in the last.
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.next_cursor.as_deref().filter(|next| !next.is_empty())
    }
}

/// A query in a body, sent to `/.search` (RFC 7644 §3.4.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchRequest {
    /// [`SEARCH_REQUEST_SCHEMA`].
    #[serde(default)]
    pub schemas: Vec<String>,
    /// The attributes to return.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub attributes: Vec<String>,
    /// The attributes to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub excluded_attributes: Vec<String>,
    /// The condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The path to sort by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_by: Option<String>,
    /// `ascending` or `descending`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort_order: Option<String>,
    /// The place of the first resource, from 1; less means 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_index: Option<i64>,
    /// How many resources; less than 0 means 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// Where the page begins (RFC 9865); empty asks for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// The body of a PATCH request (RFC 7644 §3.5.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchRequest {
    /// [`PATCH_SCHEMA`].
    #[serde(default)]
    pub schemas: Vec<String>,
    /// What to do, in this order.
    #[serde(rename = "Operations", alias = "operations")]
    pub operations: Vec<PatchOperation>,
}

impl PatchRequest {
    /// A request of these operations.
    #[must_use]
    pub fn new(operations: Vec<PatchOperation>) -> Self {
        Self { schemas: vec![PATCH_SCHEMA.to_owned()], operations }
    }
}

/// One operation of a PATCH request, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchOperation {
    /// `add`, `remove` or `replace`.
    pub op: String,
    /// What is changed; the resource as a whole where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The new value. A `null` that is written is a value.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub value: Option<Json>,
}

/// Several requests in one (RFC 7644 §3.7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkRequest {
    /// [`BULK_REQUEST_SCHEMA`].
    #[serde(default)]
    pub schemas: Vec<String>,
    /// The number of errors after which the rest is left undone; none means that all is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_on_errors: Option<u64>,
    /// The requests.
    #[serde(rename = "Operations", alias = "operations")]
    pub operations: Vec<BulkOperation>,
}

/// One request of a bulk request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkOperation {
    /// `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: String,
    /// The client's own name for the request; others refer to what a POST makes as `bulkId:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_id: Option<String>,
    /// The entity tag that the resource must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Below the base address, such as `/Users/2819c223`.
    pub path: String,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Json>,
}

/// The answers to a bulk request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkResponse {
    /// [`BULK_RESPONSE_SCHEMA`].
    #[serde(default)]
    pub schemas: Vec<String>,
    /// One for each request that was tried.
    #[serde(rename = "Operations", alias = "operations")]
    pub operations: Vec<BulkResult>,
}

/// The answer to one request of a bulk request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkResult {
    /// The address of the resource, unless a POST failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The request's method.
    pub method: String,
    /// The request's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_id: Option<String>,
    /// The resource's entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The HTTP status as a text, such as `201`.
    #[serde(deserialize_with = "status_text")]
    pub status: String,
    /// The error, or the resource where the service sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Json>,
}

fn null_as_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// Real services write the status as a number, as a text, or as an object with a `code`.
fn status_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let status = Json::deserialize(deserializer)?;
    let code = status.get("code").unwrap_or(&status);
    match code {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("the status of a bulk answer is neither a text nor a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_is_written_as_the_rfc_says() {
        let page = ListResponse::page(vec![json!({"id": "1"})], 11, 74);
        assert_eq!(
            serde_json::to_value(page).unwrap(),
            json!({"schemas": [LIST_RESPONSE_SCHEMA], "totalResults": 74, "startIndex": 11, "itemsPerPage": 1, "Resources": [{"id": "1"}]})
        );
        let page = ListResponse::<Json>::cursor_page(Vec::new(), 0, Some("x".to_owned()));
        assert_eq!(
            serde_json::to_value(page).unwrap(),
            json!({"schemas": [LIST_RESPONSE_SCHEMA], "totalResults": 0, "itemsPerPage": 0, "nextCursor": "x", "Resources": []})
        );
    }

    #[test]
    fn an_empty_page_may_leave_out_its_resources() {
        for body in [json!({"totalResults": 0}), json!({"totalResults": 0, "Resources": null})] {
            let page: ListResponse = serde_json::from_value(body).unwrap();
            assert!(page.resources.is_empty());
        }
        for body in [json!({}), json!({"users": []}), json!({"totalResults": null, "Resources": null})] {
            let error = serde_json::from_value::<ListResponse>(body).unwrap_err();
            assert_eq!(error.to_string(), "missing field `totalResults` or `Resources`");
        }
    }

    #[test]
    fn a_page_with_resources_may_leave_out_the_total() {
        for resources in [json!([]), json!([{"id": "1"}])] {
            let body = json!({"schemas": [LIST_RESPONSE_SCHEMA], "nextCursor": "x", "Resources": resources});
            let page: ListResponse = serde_json::from_value(body.clone()).unwrap();
            assert_eq!(page.total_results, None);
            assert_eq!(serde_json::to_value(page).unwrap(), body);
        }
    }

    #[test]
    fn a_null_value_is_told_from_none() {
        let text = r#"{"schemas": [], "Operations": [{"op": "replace", "path": "title", "value": null}, {"op": "remove", "path": "x"}]}"#;
        let request: PatchRequest = serde_json::from_str(text).unwrap();
        let values: Vec<_> = request.operations.iter().map(|operation| operation.value.clone()).collect();
        assert_eq!(values, [Some(Json::Null), None]);
        assert_eq!(serde_json::to_value(&request).unwrap(), serde_json::from_str::<Json>(text).unwrap());
    }

    #[test]
    fn the_status_of_a_bulk_answer_may_be_odd() {
        let of = |status: Json| {
            serde_json::from_value::<BulkResult>(json!({"method": "POST", "status": status}))
                .map(|result| result.status)
        };
        assert_eq!(of(json!("201")).unwrap(), "201");
        assert_eq!(of(json!(201)).unwrap(), "201");
        assert_eq!(of(json!({"code": "412"})).unwrap(), "412");
        assert!(of(json!(null)).is_err());
    }
}
