//! Requests to the service and their bare answers.

use std::sync::Arc;
use std::time::Duration;

use connector::{ConnectorError, ErrorClass, Result};
use model::{Clock, FailureCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::Value as Json;

use crate::answer::Answer;
use crate::configuration::{Authorization, ScimConfiguration};

/// The largest body that is read, in octets.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// How often one request follows redirects.
const MAX_REDIRECTS: usize = 3;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What stands for itself in a path or query (RFC 3986 §2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The connections that all targets share. Certificates are verified by the operating system's rules.
pub(crate) fn connections() -> Result<reqwest::Client> {
    let broken = |error: &dyn std::fmt::Display| {
        ConnectorError::new(ErrorClass::Permanent, format!("no TLS client can be made: {error}"))
            .code(FailureCode::InternalError)
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        rustls_platform_verifier::Verifier::new(provider.clone()).map_err(|error| broken(&error))?;
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| broken(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("Entente/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| broken(&error))
}

/// One service's client.
pub(crate) struct Client {
    connections: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
    secrets: Vec<String>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Client {
    pub(crate) fn new(
        connections: reqwest::Client,
        configuration: &ScimConfiguration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let (header, secrets) = match &configuration.authorization {
            Authorization::None => (None, Vec::new()),
            Authorization::Bearer(token) => (Some(format!("Bearer {token}")), vec![token.clone()]),
            Authorization::Basic { user_name, password } => {
                use base64::Engine as _;
                let both =
                    base64::engine::general_purpose::STANDARD.encode(format!("{user_name}:{password}"));
                (Some(format!("Basic {both}")), vec![password.clone(), both])
            }
        };
        let authorization = header.map(HeaderValue::try_from).transpose().map_err(|_| {
            ConnectorError::new(ErrorClass::Unauthorized, "the credentials cannot be sent in a header")
        })?;
        let authorization = authorization.map(|mut header| {
            header.set_sensitive(true);
            header
        });
        Ok(Self {
            connections,
            base: configuration.base.clone(),
            authorization,
            secrets,
            timeout: configuration.request_timeout,
            clock,
        })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// The address of an endpoint such as `/Users`, of a resource there, with a query.
    pub(crate) fn url(&self, endpoint: &str, id: Option<&str>, query: &[(&str, &str)]) -> Result<Url> {
        let mut url = self.base.clone();
        let mut path = format!("{}/{}", self.base.path().trim_end_matches('/'), endpoint.trim_matches('/'));
        if let Some(id) = id {
            if id.is_empty() || id == "." || id == ".." {
                let detail = format!("\"{id}\" cannot be the id of a resource");
                return Err(ConnectorError::new(ErrorClass::NotFound, detail));
            }
            path.push('/');
            path.extend(utf8_percent_encode(id, UNRESERVED));
        }
        url.set_path(&path);
        if !query.is_empty() {
            let pairs: Vec<String> = query
                .iter()
                .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED)))
                .collect();
            url.set_query(Some(&pairs.join("&")));
        }
        Ok(url)
    }

    /// Sends a request without a body.
    pub(crate) async fn get(&self, url: Url) -> Result<Answer> {
        self.send(Method::GET, url, None, None).await
    }

    /// Sends a request and reads the answer, whatever its status. Redirects are followed within the service's own
    /// origin where the method stays the same.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<&Json>,
        if_match: Option<&str>,
    ) -> Result<Answer> {
        // The query is left out: it holds people's data, and proxies' and services' own logs have it.
        let asked = format!("{method} {}{}", url.origin().ascii_serialization(), url.path());
        let mut next = url;
        for _ in 0..=MAX_REDIRECTS {
            let response = self
                .request(&method, &next, body, if_match)?
                .send()
                .await
                .map_err(|error| self.failure(&asked, &error))?;
            match redirect(&response, &method, &next) {
                None => return self.read(response, asked).await,
                Some(Ok(target)) => next = target,
                Some(Err(reason)) => {
                    let detail = format!("{asked} answered {}: {reason}", response.status());
                    return Err(ConnectorError::new(ErrorClass::Unavailable, detail));
                }
            }
        }
        let detail = format!("{asked} was redirected more than {MAX_REDIRECTS} times");
        Err(ConnectorError::new(ErrorClass::Unavailable, detail))
    }

    fn request(
        &self,
        method: &Method,
        url: &Url,
        body: Option<&Json>,
        if_match: Option<&str>,
    ) -> Result<reqwest::RequestBuilder> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/scim+json, application/json"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(tag) = if_match.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            headers.insert(IF_MATCH, tag);
        }
        let mut request = self.connections.request(method.clone(), url.clone()).timeout(self.timeout);
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
            let octets = serde_json::to_vec(body).map_err(|error| {
                ConnectorError::new(ErrorClass::Permanent, format!("the request cannot be written: {error}"))
            })?;
            request = request.body(octets);
        }
        Ok(request.headers(headers))
    }

    async fn read(&self, mut response: Response, asked: String) -> Result<Answer> {
        let status = response.status();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&asked, &error))? {
            if body.len() + chunk.len() > MAX_BODY {
                let detail =
                    format!("{asked} answered {status} with more than {} MB", MAX_BODY / 1024 / 1024);
                return Err(ConnectorError::new(ErrorClass::Unavailable, detail));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer::new(asked, status, headers, body, self.clock.now(), &self.secrets))
    }

    /// What a request that got no whole answer means.
    fn failure(&self, asked: &str, error: &reqwest::Error) -> ConnectorError {
        let mut words = error_words(error);
        for secret in &self.secrets {
            words = words.replace(secret, "…");
        }
        let (class, code, what) = if error.is_timeout() && error.is_connect() {
            let what = format!("no connection within {} s", CONNECT_TIMEOUT.as_secs());
            (ErrorClass::Unavailable, FailureCode::Timeout, what)
        } else if error.is_timeout() {
            let what = format!("no whole answer within {} s", self.timeout.as_secs());
            (ErrorClass::Retry { after: None }, FailureCode::Timeout, what)
        } else if error.is_connect() {
            (
                ErrorClass::Unavailable,
                FailureCode::WebExceptionProtocolError,
                format!("no connection: {words}"),
            )
        } else {
            let what = format!("the connection broke: {words}");
            (ErrorClass::Retry { after: None }, FailureCode::WebExceptionProtocolError, what)
        };
        ConnectorError::new(class, format!("{asked} failed: {what}")).code(code)
    }
}

/// The innermost causes, which say what happened; the outer ones repeat the address.
fn error_words(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        words = inner.to_string();
        cause = inner.source();
    }
    words
}

/// Where an answer redirects to: none where it does not, an error where it is not to be followed.
fn redirect(response: &Response, method: &Method, from: &Url) -> Option<std::result::Result<Url, String>> {
    let same_method = match response.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => *method == Method::GET,
        _ => return None,
    };
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let Some(target) = location.and_then(|location| from.join(location).ok()) else {
        return Some(Err("a redirect that does not say where to".to_owned()));
    };
    let origin = target.origin().ascii_serialization();
    Some(if target.origin() != from.origin() {
        Err(format!(
            "a redirect to {origin}, which is not followed because it is another host; correct BaseAddress"
        ))
    } else if same_method {
        Ok(target)
    } else {
        Err(format!(
            "a redirect to {origin}{}, which a {method} cannot follow; correct BaseAddress",
            target.path()
        ))
    })
}
