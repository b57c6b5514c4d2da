//! Connections, and answers read off them.

use std::sync::Arc;
use std::time::Duration;

use connector::{ConnectorError, ErrorClass, Result};
use model::{Clock, FailureCode};
use reqwest::{RequestBuilder, Response};

use crate::answer::{Answer, LONGEST_ERROR};
use crate::hidden::Hidden;

/// The largest body that is read, in octets.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer's body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// All of it; one that is too large is an error.
    Whole,
    /// All of it. A success that is too large is one that shows nothing: what was asked for is done all the same.
    Done,
    /// Of a success no more than tells whether an error is behind it: what is shown may be large, and nobody looks at it.
    Verdict,
}

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

/// Sends requests and reads answers, with limits on time and size.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) connections: reqwest::Client,
    pub(crate) timeout: Duration,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Wire {
    /// Sends a request and waits for the head of its answer. `asked` names the request in errors, `secrets` are what no
    /// error may show.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        asked: &str,
        secrets: &Hidden,
    ) -> Result<Response> {
        request.timeout(self.timeout).send().await.map_err(|error| self.failure(asked, secrets, &error))
    }

    /// Reads the rest of an answer.
    pub(crate) async fn read(
        &self,
        mut response: Response,
        reading: Reading,
        asked: String,
        secrets: &Hidden,
    ) -> Result<Answer> {
        let status = response.status();
        let headers = response.headers().clone();
        // A refusal is read whole, whatever was asked for.
        let reading = if status.is_success() { reading } else { Reading::Whole };
        let enough = if reading == Reading::Verdict { LONGEST_ERROR } else { MAX_BODY };
        let (mut body, mut is_whole) = (Vec::new(), true);
        while is_whole
            && let Some(chunk) =
                response.chunk().await.map_err(|error| self.failure(&asked, secrets, &error))?
        {
            body.extend_from_slice(&chunk);
            is_whole = body.len() <= enough;
        }
        if !is_whole && reading == Reading::Whole {
            let detail = format!("{asked} answered {status} with more than {} MB", MAX_BODY / 1024 / 1024);
            return Err(ConnectorError::new(ErrorClass::Unavailable, detail));
        }
        let answer = Answer::new(asked, status, headers, body, self.clock.now(), secrets.clone());
        Ok(if is_whole { answer } else { answer.cut() })
    }

    /// What a request that got no whole answer means.
    fn failure(&self, asked: &str, secrets: &Hidden, error: &reqwest::Error) -> ConnectorError {
        let words = secrets.conceal(&error_words(error));
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
