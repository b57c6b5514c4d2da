//! Requests to the service and their bare answers.

use std::sync::Arc;
use std::time::Instant;

use connector::{ConnectorError, ErrorClass, Result};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, IF_MATCH, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value as Json};

use crate::answer::Answer;
use crate::configuration::ScimConfiguration;
use crate::hidden::Hidden;
use crate::signature::{Signature, Signer};
use crate::wire::{Reading, Wire};

/// How often one request follows redirects.
const MAX_REDIRECTS: usize = 3;
/// What stands for itself in a path or query (RFC 3986 §2.3).
pub(crate) const UNRESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One service's client.
pub(crate) struct Client {
    wire: Wire,
    base: Url,
    signer: Signer,
    /// What no error may show of the base address.
    keys: Hidden,
    content_type: HeaderValue,
}

/// One request, which may have to be sent more than once.
struct Request<'a> {
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    if_match: Option<&'a str>,
    reading: Reading,
    /// The request in words, for errors.
    asked: String,
}

impl Client {
    pub(crate) fn new(wire: Wire, configuration: &ScimConfiguration, signer: Signer) -> Self {
        let content_type = if configuration.patch_profile.is_entra() {
            "application/scim+json; charset=utf-8"
        } else {
            "application/scim+json"
        };
        Self {
            wire,
            base: configuration.base.clone(),
            signer,
            keys: keys(&configuration.base),
            content_type: HeaderValue::from_static(content_type),
        }
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// The address of an endpoint such as `/Users`, of a resource there, with a query. What stands in the query of the
    /// base address comes first.
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
        let own =
            query.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED)));
        let pairs: Vec<String> = self.base.query().map(str::to_owned).into_iter().chain(own).collect();
        url.set_query(Some(pairs.join("&").as_str()).filter(|query| !query.is_empty()));
        Ok(url)
    }

    /// Sends a request without a body.
    pub(crate) async fn get(&self, url: Url) -> Result<Answer> {
        self.send(Method::GET, url, None, None, Reading::Whole).await
    }

    /// Sends a request and reads the answer, whatever its status, as far as it is wanted. Redirects are followed within the service's own
    /// origin where the method stays the same. Where a token was refused that can be renewed, it is, once.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<&Json>,
        if_match: Option<&str>,
        reading: Reading,
    ) -> Result<Answer> {
        // The query is left out: it holds people's data, and proxies' and services' own logs have it.
        let asked = format!("{method} {}{}", url.origin().ascii_serialization(), url.path());
        let body = body.map(octets).transpose()?;
        let request = Request { method, url, body, if_match, reading, asked };
        let signature = self.signer.sign().await?;
        let answer = self.send_signed(&request, &signature).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        match self.signer.sign_anew(&signature).await? {
            Some(signature) => self.send_signed(&request, &signature).await,
            None => Ok(answer),
        }
    }

    /// Sends a request, follows its redirects and notes what came of it.
    async fn send_signed(&self, request: &Request<'_>, signature: &Arc<Signature>) -> Result<Answer> {
        let began = Instant::now();
        let answer = self.follow(request, signature).await;
        let (method, path) = (request.method.as_str(), request.url.path());
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &answer {
            Ok(answer) => {
                tracing::debug!(method, path, status = answer.status.as_u16(), milliseconds, "request");
            }
            Err(error) => {
                tracing::debug!(method, path, error = error.detail.as_str(), milliseconds, "request");
            }
        }
        answer
    }

    async fn follow(&self, request: &Request<'_>, signature: &Signature) -> Result<Answer> {
        let mut next = request.url.clone();
        let secrets = self.keys.and(&signature.secrets);
        for _ in 0..=MAX_REDIRECTS {
            let built = self.build(request, &next, signature);
            let response = self.wire.send(built, &request.asked, &secrets).await?;
            match redirect(&response, &request.method, &next) {
                None => {
                    let (reading, asked) = (request.reading, request.asked.clone());
                    return self.wire.read(response, reading, asked, &secrets).await;
                }
                Some(Ok(target)) => next = target,
                Some(Err(reason)) => {
                    let detail = format!("{} answered {}: {reason}", request.asked, response.status());
                    return Err(ConnectorError::new(ErrorClass::Unavailable, detail));
                }
            }
        }
        let detail = format!("{} was redirected more than {MAX_REDIRECTS} times", request.asked);
        Err(ConnectorError::new(ErrorClass::Unavailable, detail))
    }

    fn build(&self, request: &Request<'_>, url: &Url, signature: &Signature) -> reqwest::RequestBuilder {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/scim+json, application/json"));
        if let Some(header) = &signature.header {
            headers.insert(AUTHORIZATION, header.clone());
        }
        if let Some(tag) = request.if_match.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            headers.insert(IF_MATCH, tag);
        }
        let mut built = self.wire.connections.request(request.method.clone(), url.clone());
        if let Some(body) = &request.body {
            headers.insert(CONTENT_TYPE, self.content_type.clone());
            built = built.body(body.clone());
        }
        built.headers(headers)
    }
}

/// What stands in the query of the base address, such as `?code=…`, may be a key. Short texts are part of many words.
fn keys(base: &Url) -> Hidden {
    const SHORTEST: usize = 8;
    let values = base.query_pairs().map(|(_, value)| value.into_owned());
    Hidden::new(base.query().map(str::to_owned).into_iter().chain(values).filter(|one| one.len() >= SHORTEST))
}

/// A body with `schemas` before everything else, as every example of the RFCs has it.
fn octets(body: &Json) -> Result<Vec<u8>> {
    struct SchemasFirst<'a>(&'a Map<String, Json>);
    impl Serialize for SchemasFirst<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(self.0.len()))?;
            let (first, rest): (Vec<_>, Vec<_>) = self.0.iter().partition(|(key, _)| *key == "schemas");
            for (key, value) in first.into_iter().chain(rest) {
                map.serialize_entry(key, value)?;
            }
            map.end()
        }
    }
    let written = match body {
        Json::Object(entries) => serde_json::to_vec(&SchemasFirst(entries)),
        other => serde_json::to_vec(other),
    };
    written.map_err(|error| {
        ConnectorError::new(ErrorClass::Permanent, format!("the request cannot be written: {error}"))
    })
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
