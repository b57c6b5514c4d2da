//! Notices as signed HTTP requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use engine::{Notice, Notifier, NotifyError};
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{Clock, Timestamp};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use sha2::Sha256;

/// When the request was signed, in seconds since 1970: a part of what is signed, so that old requests can be refused.
const TIMESTAMP: &str = "Entente-Timestamp";
/// `v1=` and the signature in hexadecimal digits.
const SIGNATURE: &str = "Entente-Signature";
/// The event's id: the same on every delivery of it.
const EVENT: &str = "Entente-Event-Id";
/// The receiver may take so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where notices are posted, and the secret that signs them. Debug output does not show the secret.
#[derive(Clone)]
pub(crate) struct Webhook {
    pub(crate) url: Url,
    pub(crate) secret: String,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

/// Posts notices.
pub(super) struct Poster {
    http: Client,
    webhook: Webhook,
    clock: Arc<dyn Clock>,
}

impl Poster {
    pub(super) fn new(webhook: Webhook, clock: Arc<dyn Clock>) -> reqwest::Result<Self> {
        let http = Client::builder()
            .timeout(PATIENCE)
            .redirect(Policy::none())
            .user_agent(concat!("Entente/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, webhook, clock })
    }
}

#[async_trait]
impl Notifier for Poster {
    fn channel(&self) -> &'static str {
        "webhook"
    }

    async fn notify(&self, notice: &Notice) -> Result<(), NotifyError> {
        let broken = |error: &dyn fmt::Display| NotifyError(format!("the webhook: {error}"));
        let body = serde_json::to_string(notice).map_err(|error| broken(&error))?;
        let moment = self.clock.now();
        let signature = signature(&self.webhook.secret, moment, &body).map_err(|error| broken(&error))?;
        let answer = self
            .http
            .post(self.webhook.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(EVENT, notice.id.to_string())
            .header(TIMESTAMP, moment.as_second())
            .header(SIGNATURE, signature)
            .body(body)
            .send()
            .await
            .map_err(|error| broken(&error.without_url()))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(broken(&format!("it answered {}", answer.status())))
    }
}

/// HMAC-SHA256 over the timestamp, a full stop and the body.
fn signature(secret: &str, moment: Timestamp, body: &str) -> Result<String, hmac::digest::InvalidLength> {
    use fmt::Write as _;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(moment.as_second().to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    let mut text = "v1=".to_owned();
    for octet in mac.finalize().into_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'a secret'` prints it.
    #[test]
    fn signatures_are_those_of_other_tools() {
        let moment = Timestamp::from_second(1_700_000_000).unwrap();
        let expected = "v1=b4c5d5c08194254de18b80695176335ee482a5907fb5e68f7bd993b1b00b018d";
        assert_eq!(signature("a secret", moment, "{\"a\":1}").unwrap(), expected);
    }
}
