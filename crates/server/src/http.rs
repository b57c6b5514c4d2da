//! Carries requests and answers over HTTP.

use std::error::Error as _;
use std::sync::Arc;

use ::graph::{GraphError, RequestIds};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::LengthLimitError;
use serde_json::Value as Json;

use crate::auth::{self, TokenRequest};
use crate::graph::{Api, ApiRequest, ApiResponse, Ids as _};
use crate::scim;

/// The largest form that the token endpoint takes, in octets.
const FORM: usize = 64 * 1024;

/// Everything that this crate serves. Paths that are none of its own get an answer of the Graph API, so whoever has
/// further paths merges a router of theirs before this one is served.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/{tenant}/oauth2/token", post(token_unversioned))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(openid_configuration))
        .route("/{tenant}/.well-known/openid-configuration", get(openid_configuration))
        .route("/{tenant}/discovery/v2.0/keys", get(keys))
        .route("/openapi.json", get(description))
        .fallback(graph)
        .with_state(Arc::clone(&api))
        .merge(scim::router(api))
}

async fn graph(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let request = ApiRequest {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        base: base(&api, &parts.headers, &parts.uri),
        headers: parts.headers,
    };
    let answer = api.answer(request, |limit| read(body, limit)).await;
    respond(answer)
}

/// Reads a body of so many octets at most.
async fn read(body: Body, limit: usize) -> Result<Bytes, GraphError> {
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        if error.source().is_some_and(<dyn std::error::Error>::is::<LengthLimitError>) {
            GraphError::too_large(limit)
        } else {
            GraphError::bad_request("The request body did not arrive whole. Send it again.")
        }
    })
}

fn respond(answer: ApiResponse) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status;
    *response.headers_mut() = answer.headers;
    response
}

/// The service's address as the client knows it.
pub(crate) fn base(api: &Api, headers: &HeaderMap, uri: &http::Uri) -> String {
    let service = api.service();
    if let Some(url) = &service.public_url {
        return url.clone();
    }
    let host = headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .or_else(|| uri.authority().map(http::uri::Authority::as_str))
        .filter(|host| host.bytes().all(|octet| octet.is_ascii_alphanumeric() || b".-:[]_".contains(&octet)))
        .unwrap_or("localhost");
    let scheme = if service.tls { "https" } else { "http" };
    format!("{scheme}://{host}")
}

async fn token(state: State<Arc<Api>>, tenant: Path<String>, request: Request) -> Response {
    answer_token(state, tenant, request, true).await
}

async fn token_unversioned(state: State<Arc<Api>>, tenant: Path<String>, request: Request) -> Response {
    answer_token(state, tenant, request, false).await
}

async fn answer_token(
    State(api): State<Arc<Api>>,
    Path(tenant): Path<String>,
    request: Request,
    versioned: bool,
) -> Response {
    let (parts, body) = request.into_parts();
    let service = api.service();
    let base = base(&api, &parts.headers, &parts.uri);
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let form = tokio::time::timeout(service.limits.time, axum::body::to_bytes(body, FORM)).await;
    let form = match form {
        Ok(Ok(form)) => form,
        Ok(Err(_)) => {
            return respond(api.failure(&RequestIds::fresh(service), &GraphError::too_large(FORM)));
        }
        Err(_) => return respond(api.failure(&RequestIds::fresh(service), &GraphError::timeout())),
    };
    let outcome = match TokenRequest::read(&form, authorization) {
        Ok(request) => auth::issue(service, &base, &tenant, versioned, request).await,
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(body) => json(StatusCode::OK, &body),
        Err(failure) => {
            let request_id = service.entropy.uuid().to_string();
            let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::BAD_REQUEST);
            let mut response = json(status, &failure.body(service, &request_id));
            if let Some(seconds) = failure.retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            if status == StatusCode::UNAUTHORIZED {
                let challenge = header::HeaderValue::from_static("Basic realm=\"token endpoint\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

async fn openid_configuration(
    State(api): State<Arc<Api>>,
    Path(tenant): Path<String>,
    request: Request,
) -> Response {
    let base = base(&api, request.headers(), request.uri());
    json(StatusCode::OK, &auth::openid_configuration(&base, &tenant))
}

async fn description(State(api): State<Arc<Api>>, request: Request) -> Response {
    json(StatusCode::OK, &api.description(&base(&api, request.headers(), request.uri())))
}

async fn keys(State(api): State<Arc<Api>>) -> Response {
    json(StatusCode::OK, &auth::jwks(api.service()))
}

/// A JSON answer that no cache keeps (RFC 6749, section 5.1).
fn json(status: StatusCode, body: &Json) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}
