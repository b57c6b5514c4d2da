//! Requests over HTTP: who asks, with which body, and the answer's headers.

use std::error::Error as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt as _;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::LengthLimitError;
use percent_encoding::percent_decode_str;
use serde_json::Value as Json;

use super::authenticate::authenticate;
use super::call::{Call, Query};
use super::failure::{Failure, Result};
use super::reply::Reply;
use super::{BASE, Scim, routes};
use crate::http::base;

/// The media type of answers (RFC 7644, section 8.1).
const MEDIA_TYPE: &str = "application/scim+json; charset=utf-8";

/// Answers a request.
pub(super) async fn answer(State(scim): State<Arc<Scim>>, request: Request) -> Response {
    let limit = scim.service().limits.time;
    let outcome = AssertUnwindSafe(handle(scim, request)).catch_unwind();
    match tokio::time::timeout(limit, outcome).await {
        Ok(Ok(Ok(reply))) => respond(reply),
        Ok(Ok(Err(failure))) => refuse(&failure),
        Ok(Err(_)) => {
            tracing::error!("a handler of the SCIM service panicked");
            refuse(&Failure::internal())
        }
        Err(_) => refuse(&Failure::new(
            503,
            "The request took too long. Ask for less at once, such as by a filter on userName, externalId or emails.value.",
        )),
    }
}

async fn handle(scim: Arc<Scim>, request: Request) -> Result<Reply> {
    let (parts, body) = request.into_parts();
    let caller = authenticate(scim.service(), &scim.tokens, &parts.headers).await?;
    let segments = segments(parts.uri.path())?;
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    let body = read(body, scim.service().limits.body).await?;
    let call = Call {
        base: format!("{}{BASE}", base(&scim.api, &parts.headers, &parts.uri)),
        if_match: text(&parts.headers, &header::IF_MATCH),
        if_none_match: text(&parts.headers, &header::IF_NONE_MATCH),
        body: json(&parts, &body)?,
        // The connection leaves the body of the answer out.
        method: if parts.method == Method::HEAD { Method::GET } else { parts.method },
        scim,
        caller,
        segments,
        query,
    };
    routes::dispatch(&call).await
}

/// The segments of a path below the base.
fn segments(path: &str) -> Result<Vec<String>> {
    let below = path.strip_prefix(BASE).unwrap_or(path);
    let segments = below.split('/').filter(|segment| !segment.is_empty());
    segments
        .map(|segment| percent_decode_str(segment).decode_utf8().map(std::borrow::Cow::into_owned))
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Failure::not_found(path))
}

async fn read(body: Body, limit: usize) -> Result<Bytes> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        if error.source().is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) {
            Failure::too_large(limit)
        } else {
            Failure::new(400, "The request body did not arrive whole. Send it again.")
        }
    })
}

/// The body as JSON; null where there is none.
fn json(parts: &Parts, body: &Bytes) -> Result<Json> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Null);
    }
    if parts.headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        let detail = "The body is compressed, which is not supported here. Send it without Content-Encoding.";
        return Err(Failure::new(415, detail));
    }
    let kind = text(&parts.headers, &header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(kind.as_str(), "" | "application/scim+json" | "application/json") {
        let detail = format!("The body is of type {kind}. Send application/scim+json or application/json.");
        return Err(Failure::new(415, detail));
    }
    serde_json::from_slice(body)
        .map_err(|error| Failure::invalid_syntax(format!("The body is no JSON text: {error}.")))
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    // A condition that cannot be read meets nothing.
    headers.get(name).map(|value| value.to_str().unwrap_or_default().to_owned())
}

fn refuse(failure: &Failure) -> Response {
    tracing::debug!(error = %failure.error, "SCIM request refused");
    let body = serde_json::to_string(&failure.error).unwrap_or_default();
    let mut response = respond(Reply { body: Some(body), ..Reply::empty(failure.error.status) });
    let headers = response.headers_mut();
    if let Some(seconds) = failure.retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if let Some(allow) = failure.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if failure.error.status == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"SCIM\""));
    }
    response
}

fn respond(reply: Reply) -> Response {
    let has_body = reply.body.is_some();
    let mut response = Response::new(Body::from(reply.body.unwrap_or_default()));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if has_body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    }
    for (name, value) in [(header::LOCATION, reply.location), (header::ETAG, reply.etag)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}
