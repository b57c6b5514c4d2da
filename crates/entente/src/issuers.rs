//! Reads the keys of trusted outside issuers over HTTP.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use server::auth::KeyFetch;

use crate::configuration::is_safe_issuer;

/// A document may take so long.
const PATIENCE: Duration = Duration::from_secs(10);
/// The largest document that is read, in octets.
const LONGEST: usize = 512 * 1024;

/// Asks issuers. Certificates are verified by the operating system's rules.
pub(crate) struct IssuerClient {
    http: Client,
}

impl IssuerClient {
    pub(crate) fn new() -> reqwest::Result<Self> {
        let http = Client::builder()
            .timeout(PATIENCE)
            .redirect(Policy::none())
            .user_agent(concat!("Entente/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http })
    }
}

#[async_trait]
impl KeyFetch for IssuerClient {
    async fn fetch(&self, address: &str) -> Result<Vec<u8>, String> {
        let url: Url = address.parse().map_err(|_| format!("{address} is no address"))?;
        if !is_safe_issuer(&url) {
            return Err(format!("{address} is neither https nor http on loopback"));
        }
        let broken = |error: reqwest::Error| format!("{address}: {}", innermost(&error));
        let mut response = self.http.get(url).send().await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            return Err(format!("{address} answered {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(format!("{address} answered with more than {} kB", LONGEST / 1024));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// The innermost cause, which says what happened; the outer ones repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = inner.to_string();
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::get;

    use super::*;

    #[tokio::test]
    async fn what_is_read_has_limits() {
        crate::tls::install_provider();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/keys", get(|| async { "{}" }))
            .route("/moved", get(|| async { Redirect::temporary("/keys") }))
            .route("/large", get(|| async { vec![b' '; LONGEST + 1] }));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let client = IssuerClient::new().unwrap();
        assert_eq!(client.fetch(&format!("{base}/keys")).await, Ok(b"{}".to_vec()));
        for (address, words) in [
            (format!("{base}/moved"), "answered 307"),
            (format!("{base}/large"), "more than 512 kB"),
            (format!("{base}/none"), "answered 404"),
            ("http://127.0.0.1:1/keys".to_owned(), "refused"),
            ("http://192.0.2.1/keys".to_owned(), "neither https"),
            ("https://a:b@192.0.2.1/keys".to_owned(), "neither https"),
            ("file:///etc/passwd".to_owned(), "neither https"),
            ("keys".to_owned(), "no address"),
        ] {
            let error = client.fetch(&address).await.unwrap_err();
            assert!(error.starts_with(&address) && error.contains(words), "{error}");
        }
    }
}
