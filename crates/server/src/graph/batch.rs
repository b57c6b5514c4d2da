//! `$batch`: several requests in one, answered in this process.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::future::join_all;
use graph::batch::{BatchRequest, BatchResponse, read};
use graph::{GraphError, RequestIds};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Value as Json, json};

use super::api::{ApiRequest, ApiResponse, Ids as _, Origin};
use super::call::Call;
use super::error::ApiError;
use super::reply::Reply;
use super::route::{Answer, Route};

/// The path of the operation.
pub(super) const PATH: &str = "$batch";

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::post(PATH, &[], answer).answering(&[200]).for_any_token()]
}

/// POST `$batch`. Requests that depend on others wait for them; all others go at once.
async fn answer(call: Call) -> Answer {
    let mut waiting = read(call.json()?)?;
    let mut answered: HashMap<String, u16> = HashMap::new();
    let mut responses = Vec::with_capacity(waiting.len());
    // The requests are ordered, so the first one that waits can always go.
    while !waiting.is_empty() {
        let (ready, later) = waiting.into_iter().partition(|request: &BatchRequest| {
            request.depends_on.iter().all(|id| answered.contains_key(&fold(id)))
        });
        waiting = later;
        let round = join_all(ready.iter().map(|request| one(&call, request, &answered))).await;
        for response in round {
            answered.insert(fold(&response.id), response.status);
            responses.push(response);
        }
    }
    Ok(Reply::ok(json!({ "responses": responses })))
}

fn fold(id: &str) -> String {
    id.to_lowercase()
}

/// Answers one request of the batch.
async fn one(call: &Call, request: &BatchRequest, answered: &HashMap<String, u16>) -> BatchResponse {
    let ids = RequestIds::of(call.service(), &HeaderMap::new());
    let failed =
        request.depends_on.iter().find(|id| answered.get(&fold(id)).is_none_or(|status| *status >= 400));
    let outcome = match failed {
        Some(id) => Err(GraphError::failed_dependency(id).into()),
        None => dispatch(call, request).await,
    };
    let response = match outcome {
        Ok(reply) => super::api::complete(&ids, reply),
        Err(ApiError(error)) => call.api.failure(&ids, &error),
    };
    respond(&request.id, &response)
}

async fn dispatch(call: &Call, request: &BatchRequest) -> Answer {
    let method = Method::from_bytes(request.method.to_ascii_uppercase().as_bytes())
        .map_err(|_| GraphError::invalid_property("method", "Send GET, POST, PATCH, PUT or DELETE."))?;
    let (path, query) = request.path_and_query();
    let mut headers = HeaderMap::new();
    for (name, value) in request.headers.iter().flatten() {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    let body = body(request)?;
    let inner = ApiRequest {
        method,
        path: format!("/{}/{path}", call.version.segment()),
        query: query.to_owned(),
        headers,
        base: call.base.clone(),
    };
    let sent =
        async |limit: usize| if body.len() > limit { Err(GraphError::too_large(limit)) } else { Ok(body) };
    // The route's handler may again be this one as far as the compiler knows.
    Box::pin(call.api.dispatch(inner, call.caller.clone(), Origin::Batch, sent)).await
}

/// The body in octets: JSON as it stands, or what a text stands for in base64 where the content is no JSON.
fn body(request: &BatchRequest) -> Result<Bytes, GraphError> {
    let is_json =
        request.header("content-type").is_none_or(|kind| kind.to_ascii_lowercase().contains("json"));
    match &request.body {
        None | Some(Json::Null) => Ok(Bytes::new()),
        Some(Json::String(text)) => match STANDARD.decode(text) {
            Ok(octets) => Ok(octets.into()),
            Err(_) if is_json => Ok(Json::String(text.clone()).to_string().into()),
            Err(_) => Err(GraphError::invalid_property("body", "Send JSON, or octets as base64 text.")),
        },
        Some(json) => Ok(json.to_string().into()),
    }
}

fn respond(id: &str, response: &ApiResponse) -> BatchResponse {
    let mut headers = BTreeMap::new();
    for (name, value) in &response.headers {
        if let Ok(value) = value.to_str() {
            headers.insert(canonical(name), value.to_owned());
        }
    }
    let is_json = response
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let body = if response.body.is_empty() {
        None
    } else if is_json {
        graph::body::json(&response.body).ok()
    } else {
        Some(Json::String(STANDARD.encode(&response.body)))
    };
    if is_json {
        headers.insert("Content-Type".to_owned(), "application/json".to_owned());
    }
    BatchResponse { id: id.to_owned(), status: response.status, headers, body }
}

/// Header names in batches are read by programs that compare them as written.
fn canonical(name: &HeaderName) -> String {
    let capital = |part: &str| {
        let (first, rest) = part.split_at_checked(1).unwrap_or((part, ""));
        format!("{}{rest}", first.to_ascii_uppercase())
    };
    match name.as_str() {
        own @ ("request-id" | "client-request-id") => own.to_owned(),
        other => other.split('-').map(capital).collect::<Vec<_>>().join("-"),
    }
}
