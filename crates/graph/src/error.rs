//! The error envelope of the Graph API and the cases that fill it.
//!
//! A [`GraphError`] is built where a request fails; the web layer adds the request's identifiers and prints it. The
//! messages name the place (property, query option, position) and the mend. An error of the server's own says nothing
//! about its cause: that belongs into the log.

use std::borrow::Cow;
use std::fmt;

use model::Timestamp;
use serde::Serialize;
use serde_json::{Value as Json, json};

/// A request that failed: what the client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphError {
    status: u16,
    code: Cow<'static, str>,
    message: Box<str>,
    details: Vec<ErrorDetail>,
    retry_after: Option<u64>,
    location: Option<Box<str>>,
    allow: Option<Box<str>>,
}

/// One entry of an error's `details`: a part of the request and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorDetail {
    /// A code for programs, such as `ObjectConflict`.
    pub code: Cow<'static, str>,
    /// Words for people.
    pub message: String,
    /// The property or parameter that it is about.
    pub target: String,
}

/// What an error says about the request that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestIds {
    /// When the answer was made.
    pub date: Timestamp,
    /// The identifier that the server gave to the request.
    pub request_id: String,
    /// The identifier that the client sent, else the server's.
    pub client_request_id: String,
}

/// 404: no such object, or none that this caller may know of.
pub const RESOURCE_NOT_FOUND: &str = "Request_ResourceNotFound";
/// 400: the request cannot be understood or cannot be done as it stands.
pub const BAD_REQUEST: &str = "Request_BadRequest";
/// 401: no token, or one that does not hold.
pub const INVALID_TOKEN: &str = "InvalidAuthenticationToken";
/// 403: the token lacks a permission.
pub const DENIED: &str = "Authorization_RequestDenied";
/// 400: two objects would share a key.
pub const SAME_KEY_VALUE: &str = "Request_MultipleObjectsWithSameKeyValue";

impl GraphError {
    /// An error with a code of its own; the other constructors cover the usual cases.
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into().into_boxed_str(),
            details: Vec::new(),
            retry_after: None,
            location: None,
            allow: None,
        }
    }

    /// 404 `Request_ResourceNotFound` for an object, by the key that was asked for.
    #[must_use]
    pub fn not_found(key: &str) -> Self {
        Self::new(
            404,
            RESOURCE_NOT_FOUND,
            format!(
                "Resource '{key}' does not exist or one of its queried reference-property objects are not present."
            ),
        )
    }

    /// 404 `Request_ResourceNotFound` for a path that leads nowhere, by its first unknown segment.
    #[must_use]
    pub fn no_segment(segment: &str) -> Self {
        let words =
            format!("Resource not found for the segment '{segment}'. /openapi.json lists what there is.");
        Self::new(404, RESOURCE_NOT_FOUND, words)
    }

    /// The same for a path that names no version, by its first segment.
    #[must_use]
    pub fn no_version(segment: &str) -> Self {
        let words = format!("Resource not found for the segment '{segment}'. Begin with /v1.0/ or /beta/.");
        Self::new(404, RESOURCE_NOT_FOUND, words)
    }

    /// 405 for a path that exists and does not take this method. `allowed` lists the methods that it takes.
    #[must_use]
    pub fn method_not_allowed(method: &str, allowed: &str) -> Self {
        let words = format!("{method} is not allowed for the request target; use {allowed}.");
        Self { allow: Some(allowed.into()), ..Self::new(405, BAD_REQUEST, words) }
    }

    /// 401 `InvalidAuthenticationToken`, with what is wrong with the token.
    pub fn invalid_token(message: impl Into<String>) -> Self {
        Self::new(401, INVALID_TOKEN, message)
    }

    /// 403 `Authorization_RequestDenied`: the token holds none of the permissions that would do.
    #[must_use]
    pub fn denied(sufficient: &[&str]) -> Self {
        let mut message = "Insufficient privileges to complete the operation.".to_owned();
        if !sufficient.is_empty() {
            message.push_str(" Grant one of these permissions to the client: ");
            message.push_str(&sufficient.join(", "));
            message.push('.');
        }
        Self::new(403, DENIED, message)
    }

    /// 400 `Request_BadRequest`.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, BAD_REQUEST, message)
    }

    /// 400 `Request_BadRequest` for the value of one property. `mend` is a sentence that tells what to send instead.
    #[must_use]
    pub fn invalid_property(property: &str, mend: &str) -> Self {
        Self::bad_request(format!("Invalid value specified for property '{property}'. {mend}")).with_detail(
            "InvalidValue",
            property,
            mend,
        )
    }

    /// 400 `Request_BadRequest` for a property that the resource type lacks; names the nearest one that it has.
    pub fn unknown_property<'a>(
        property: &str,
        resource: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let advice = match nearest(property, known) {
            Some(name) => format!("Did you mean '{name}'?"),
            None => "Leave it out.".to_owned(),
        };
        Self::bad_request(format!("Property '{property}' does not exist on type '{resource}'. {advice}"))
            .with_detail("UnknownProperty", property, &advice)
    }

    /// 400 `Request_BadRequest` for a property that only the service sets.
    #[must_use]
    pub fn read_only_property(property: &str) -> Self {
        let mend = "It is read-only: leave it out.";
        Self::bad_request(format!("Property '{property}' cannot be written. {mend}")).with_detail(
            "ReadOnlyProperty",
            property,
            mend,
        )
    }

    /// 400 `Request_BadRequest` for a property that a new object must have.
    #[must_use]
    pub fn missing_property(property: &str) -> Self {
        let mend = format!("Send '{property}' with a value.");
        Self::bad_request(format!("A value is required for property '{property}' of resource. {mend}"))
            .with_detail("MissingValue", property, &mend)
    }

    /// 400 as Graph answers where another object holds the value of a unique property, such as a user's
    /// `userPrincipalName`: `Request_BadRequest` with the detail `ObjectConflict`.
    #[must_use]
    pub fn object_conflict(property: &str) -> Self {
        let message = format!("Another object with the same value for property {property} already exists.");
        Self::bad_request(message.clone()).with_detail("ObjectConflict", property, &message)
    }

    /// 400 `Request_MultipleObjectsWithSameKeyValue` as Graph answers for keys of applications and service
    /// principals, such as `appId` and `identifierUris`.
    #[must_use]
    pub fn same_key_value(property: &str) -> Self {
        let message = format!("Another object with the same value for property {property} already exists.");
        Self::new(400, SAME_KEY_VALUE, message.clone()).with_detail("ObjectConflict", property, &message)
    }

    /// 409 `Request_Conflict`: the state of the object does not admit the request now.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "Request_Conflict", message)
    }

    /// 412 `Request_PreconditionFailed`: the object's etag is not the one of `If-Match`.
    #[must_use]
    pub fn precondition_failed() -> Self {
        Self::new(
            412,
            "Request_PreconditionFailed",
            "The object has changed since the etag in If-Match was read. Read it again and repeat the change.",
        )
    }

    /// 413 `Request_EntityTooLarge`, with the limit in octets.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            413,
            "Request_EntityTooLarge",
            format!("The request body is larger than {limit} octets. Send less at once."),
        )
    }

    /// 415 `Request_UnsupportedMediaType`, with the media type that is taken.
    #[must_use]
    pub fn unsupported_media_type(expected: &str) -> Self {
        Self::new(
            415,
            "Request_UnsupportedMediaType",
            format!("The body's media type is not supported here. Send Content-Type: {expected}."),
        )
    }

    /// 415 for a compressed body. SDKs that compress bodies send them again as they are.
    #[must_use]
    pub fn encoded() -> Self {
        Self::new(
            415,
            "Request_UnsupportedMediaType",
            "The body is compressed, which is not supported here. Send it without Content-Encoding.",
        )
    }

    /// 429 `TooManyRequests`, with the seconds to wait, which also go into `Retry-After`.
    #[must_use]
    pub fn too_many_requests(seconds: u64) -> Self {
        let mut error = Self::new(
            429,
            "TooManyRequests",
            format!("Too many requests. Wait {seconds} seconds and repeat the request."),
        );
        error.retry_after = Some(seconds);
        error
    }

    /// 424 `FailedDependency`: a batch request that waited for one that failed.
    #[must_use]
    pub fn failed_dependency(on: &str) -> Self {
        Self::new(424, "FailedDependency", format!("Request '{on}', which this one depends on, failed."))
    }

    /// 503 `ServiceUnavailable`, with what is missing and the seconds to wait.
    #[must_use]
    pub fn unavailable(missing: &str, seconds: u64) -> Self {
        let words = format!("{missing} Repeat the request in {seconds} seconds.");
        let mut error = Self::new(503, "ServiceUnavailable", words);
        error.retry_after = Some(seconds);
        error
    }

    /// 504 `GatewayTimeout`: the request took longer than the server allows.
    #[must_use]
    pub fn timeout() -> Self {
        Self::new(
            504,
            "GatewayTimeout",
            "The request took too long. Ask for less at once, or repeat it later.",
        )
    }

    /// 507 `InsufficientStorage`, with what there is too much of and what makes room.
    #[must_use]
    pub fn insufficient_storage(words: String) -> Self {
        Self::new(507, "InsufficientStorage", words)
    }

    /// 500 `InternalServerError`. The cause goes to the log, found by the request id.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            500,
            "InternalServerError",
            "An error occurred on the server. Its log has the cause under the request-id.",
        )
    }

    /// 410 `resyncRequired`: the changes after a delta token are not known any more. `address` begins anew.
    #[must_use]
    pub fn resync_required(address: String) -> Self {
        let words = "The delta token is older than the changes that are kept. Begin anew at the address in the header 'Location', without a token.";
        Self { location: Some(address.into()), ..Self::new(410, "resyncRequired", words) }
    }

    /// The address for the header `Location`.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// The error with one more entry in `details`.
    #[must_use]
    pub fn with_detail(mut self, code: &'static str, target: &str, message: &str) -> Self {
        self.details.push(ErrorDetail {
            code: code.into(),
            message: message.to_owned(),
            target: target.to_owned(),
        });
        self
    }

    /// The HTTP status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The code for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The words for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What is wrong with single parts of the request.
    #[must_use]
    pub fn details(&self) -> &[ErrorDetail] {
        &self.details
    }

    /// Seconds for the header `Retry-After`.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// The methods for the header `Allow`.
    #[must_use]
    pub fn allow(&self) -> Option<&str> {
        self.allow.as_deref()
    }

    /// The JSON body of the answer.
    #[must_use]
    pub fn envelope(&self, ids: &RequestIds) -> Json {
        let mut error = json!({
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": ids.date.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                "request-id": ids.request_id,
                "client-request-id": ids.client_request_id,
            },
        });
        if let (Some(members), false) = (error.as_object_mut(), self.details.is_empty()) {
            members.insert("details".to_owned(), json!(self.details));
        }
        json!({ "error": error })
    }
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)
    }
}

impl std::error::Error for GraphError {}

/// The known name that is most like a given one, if one is like it at all.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> RequestIds {
        RequestIds {
            date: "2026-02-03T04:05:06.789Z".parse().unwrap(),
            request_id: "r".to_owned(),
            client_request_id: "c".to_owned(),
        }
    }

    #[test]
    fn the_envelope_has_the_shape_of_graph() {
        let error = GraphError::not_found("42");
        assert_eq!(error.status(), 404);
        assert_eq!(
            error.envelope(&ids()),
            json!({"error": {
                "code": "Request_ResourceNotFound",
                "message": "Resource '42' does not exist or one of its queried reference-property objects are not present.",
                "innerError": {"date": "2026-02-03T04:05:06", "request-id": "r", "client-request-id": "c"},
            }})
        );
    }

    #[test]
    fn a_taken_user_principal_name_is_a_bad_request_with_a_detail() {
        let body = GraphError::object_conflict("userPrincipalName").envelope(&ids());
        assert_eq!(body["error"]["code"], "Request_BadRequest");
        assert_eq!(body["error"]["details"][0]["code"], "ObjectConflict");
        assert_eq!(body["error"]["details"][0]["target"], "userPrincipalName");
    }

    #[test]
    fn an_unknown_property_is_told_the_nearest() {
        let error =
            GraphError::unknown_property("displayname", "microsoft.graph.user", ["mail", "displayName"]);
        assert!(error.message().contains("Did you mean 'displayName'?"), "{error}");
        let error = GraphError::unknown_property("zzz", "microsoft.graph.user", ["mail", "displayName"]);
        assert!(error.message().contains("Leave it out."), "{error}");
    }

    #[test]
    fn a_denial_names_the_permissions_that_would_do() {
        let error = GraphError::denied(&["User.Read.All", "Directory.Read.All"]);
        assert_eq!((error.status(), error.code()), (403, "Authorization_RequestDenied"));
        assert!(error.message().contains("User.Read.All, Directory.Read.All"));
    }

    #[test]
    fn throttling_carries_the_wait() {
        assert_eq!(GraphError::too_many_requests(7).retry_after(), Some(7));
        assert_eq!(GraphError::internal().retry_after(), None);
    }
}
