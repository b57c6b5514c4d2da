//! The way of a request: ids, token, route, permissions, body, query options, handler, answer.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use graph::odata::QueryOptions;
use graph::path::{RequestPath, Version};
use graph::synchronization::bulk_upload::MEDIA_TYPE;
use graph::{GraphError, RequestIds};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::authorize::permit;
use super::batch;
use super::call::Call;
use super::error::ApiError;
use super::filter::check_size;
use super::openapi;
use super::rate::Rate;
use super::reply::{Reply, ReplyBody};
use super::route::{Needs, RouteTable};
use super::routes::routes;
use crate::Service;
use crate::auth::{Caller, authenticate};

const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const JSON: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// The Graph API of an installation.
pub struct Api {
    service: Service,
    routes: RouteTable,
    /// How many uploads there may be.
    pub(super) uploads: Rate,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A client.
    Client,
    /// A request that carries others.
    Batch,
}

/// A request as it arrived, without its body.
#[derive(Clone, Debug)]
pub struct ApiRequest {
    /// The method.
    pub method: Method,
    /// The path, percent-encoded, with the version.
    pub path: String,
    /// The query string without the question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The service's address as the client knows it, such as `https://host`, without a slash at its end.
    pub base: String,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct ApiResponse {
    /// The status code.
    pub status: u16,
    /// The headers, ids included.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Api {
    /// The API of a service.
    #[must_use]
    pub fn new(service: Service) -> Arc<Self> {
        let uploads = Rate::new(service.limits.uploads_per_second);
        Arc::new(Self { service, routes: RouteTable::new(routes()), uploads })
    }

    /// What requests work with.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Answers a request. `body` reads its body within a limit in octets, and is asked only for a request that may be
    /// answered.
    pub async fn answer<R>(
        self: &Arc<Self>,
        request: ApiRequest,
        body: impl FnOnce(usize) -> R + Send,
    ) -> ApiResponse
    where
        R: Future<Output = Result<Bytes, GraphError>> + Send,
    {
        let ids = RequestIds::of(&self.service, &request.headers);
        let outcome = async {
            let caller = self.sign_in(&request.headers).await?;
            self.dispatch(request, caller, Origin::Client, body).await
        };
        let outcome =
            tokio::time::timeout(self.service.limits.time, AssertUnwindSafe(outcome).catch_unwind()).await;
        match outcome {
            Ok(Ok(Ok(reply))) => complete(&ids, reply),
            Ok(Ok(Err(ApiError(error)))) => self.failure(&ids, &error),
            Ok(Err(_)) => {
                tracing::error!(request_id = %ids.request_id, "a handler panicked");
                self.failure(&ids, &GraphError::internal())
            }
            Err(_) => self.failure(&ids, &GraphError::timeout()),
        }
    }

    /// The answer to a request that failed.
    #[must_use]
    pub fn failure(&self, ids: &RequestIds, error: &GraphError) -> ApiResponse {
        let mut reply = Reply { status: error.status(), ..Reply::default() };
        reply.body = ReplyBody::Json(error.envelope(ids));
        if let Some(seconds) = error.retry_after() {
            reply.headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(methods) = error.allow() {
            reply = reply.with(header::ALLOW, methods);
        }
        if let Some(address) = error.location() {
            reply = reply.with(header::LOCATION, address);
        }
        if error.status() == 401 {
            reply.headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        tracing::debug!(request_id = %ids.request_id, %error, "request refused");
        complete(ids, reply)
    }

    async fn sign_in(&self, headers: &HeaderMap) -> Result<Caller, GraphError> {
        let value = headers.get(header::AUTHORIZATION).ok_or_else(|| {
            GraphError::invalid_token(
                "Access token is empty. Send the header 'Authorization: Bearer {token}'.",
            )
        })?;
        let token = value
            .to_str()
            .ok()
            .and_then(|text| text.trim().split_once(' '))
            .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
            .map(|(_, token)| token.trim());
        let token = token.ok_or_else(|| {
            GraphError::invalid_token(
                "The header 'Authorization' has no bearer token. Send 'Bearer {token}'.",
            )
        })?;
        authenticate(&self.service, token).await
    }

    /// Finds the route of a request of a known caller and asks its handler.
    pub(super) async fn dispatch<R>(
        self: &Arc<Self>,
        request: ApiRequest,
        caller: Caller,
        origin: Origin,
        body: impl FnOnce(usize) -> R + Send,
    ) -> Result<Reply, ApiError>
    where
        R: Future<Output = Result<Bytes, GraphError>> + Send,
    {
        let path = RequestPath::parse(&request.path)?.ok_or_else(|| {
            GraphError::no_version(request.path.trim_matches('/').split('/').next().unwrap_or(""))
        })?;
        let (route, captures) = self.routes.find(path.version, &request.method, &path.segments)?;
        // By its route: a path has many spellings.
        if origin == Origin::Batch && route.path == batch::PATH {
            let words = "A batch cannot contain a batch. Send its requests in this one.";
            return Err(GraphError::bad_request(words).into());
        }
        let owned_only = permit(&caller, route.needs)?;
        let options = QueryOptions::parse(&request.query)?;
        options.filter.as_ref().map_or(Ok(()), check_size)?;
        check_encoding(&request.headers)?;
        let body = body(route.body_limit.unwrap_or(self.service.limits.body)).await?;
        let call = Call {
            api: Arc::clone(self),
            caller,
            version: path.version,
            captures,
            options,
            headers: request.headers,
            body,
            base: request.base,
            path: request.path,
            query: request.query,
            owned_only,
        };
        call.check_path(route.path).await?;
        let reply = route.handle(call).await?;
        debug_assert!(
            route.answers.contains(&reply.status),
            "{} {} answers {}, which its route does not tell",
            route.method,
            route.path,
            reply.status
        );
        Ok(reply)
    }

    /// Every operation of the API with the permissions that it needs.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        self.routes.iter().map(|route| Operation {
            method: route.method.clone(),
            path: route.path,
            permissions: match route.needs {
                Needs::OneOf(permissions) => permissions,
                Needs::Token => &[],
            },
            only: route.only,
        })
    }
}

impl Api {
    /// The description of the API in `OpenAPI` 3.0. `base` is the service's address, as in [`ApiRequest::base`].
    #[must_use]
    pub fn description(&self, base: &str) -> serde_json::Value {
        openapi::description(self.routes.iter(), base)
    }
}

/// An operation of the API.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path below the version, with its keys in braces.
    pub path: &'static str,
    /// The permissions of which one suffices; none where the operation asks for permissions itself.
    pub permissions: &'static [&'static str],
    /// The version that has it, where only one does.
    pub only: Option<Version>,
}

/// The identifiers of requests, drawn from the service.
pub(crate) trait Ids: Sized {
    /// Those of a request with these headers.
    fn of(service: &Service, headers: &HeaderMap) -> Self;
    /// Those of a request that brought none.
    fn fresh(service: &Service) -> Self {
        Self::of(service, &HeaderMap::new())
    }
}

impl Ids for RequestIds {
    fn of(service: &Service, headers: &HeaderMap) -> Self {
        let request_id = service.entropy.uuid().to_string();
        let sent = headers.get(CLIENT_REQUEST_ID).and_then(|value| value.to_str().ok());
        let sent = sent.map(str::trim).filter(|id| !id.is_empty() && id.len() <= 128);
        Self {
            date: service.clock.now(),
            client_request_id: sent.map_or_else(|| request_id.clone(), str::to_owned),
            request_id,
        }
    }
}

/// Adds to a handler's answer what every answer has.
pub(super) fn complete(ids: &RequestIds, reply: Reply) -> ApiResponse {
    let Reply { status, mut headers, body } = reply;
    for (name, value) in [(REQUEST_ID, &ids.request_id), (CLIENT_REQUEST_ID, &ids.client_request_id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    let body = match body {
        ReplyBody::None => Bytes::new(),
        ReplyBody::Json(json) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
            headers.insert(HeaderName::from_static("odata-version"), HeaderValue::from_static("4.0"));
            json.to_string().into()
        }
        ReplyBody::Scim(json) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
            json.to_string().into()
        }
        ReplyBody::Text(text) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            text.into()
        }
    };
    ApiResponse { status, headers, body }
}

/// Refuses a compressed body: only what was counted against the limit is read.
fn check_encoding(headers: &HeaderMap) -> Result<(), GraphError> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(GraphError::encoded())
        }
        _ => Ok(()),
    }
}
