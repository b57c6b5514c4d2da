//! Bearer tokens from a token endpoint (RFC 6749): fetched before the first request, renewed before they end and where
//! the service refuses them, once for all requests that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use connector::{ConnectorError, ErrorClass, Result};
use model::{FailureCode, SignedDuration, Timestamp};
use percent_encoding::utf8_percent_encode;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value as Json;
use tokio::sync::Mutex;

use crate::answer::Answer;
use crate::client::UNRESERVED;
use crate::configuration::{Grant, OauthClient};
use crate::signature::Signature;
use crate::wire::Wire;

/// How long before its end a token is renewed; a token that lives shorter than twice this, in the middle of its life.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a refusal of the token endpoint holds for further requests.
const REFUSED: SignedDuration = SignedDuration::from_secs(10);

/// A client's tokens.
pub(crate) struct Tokens {
    client: OauthClient,
    wire: Wire,
    kept: Mutex<Kept>,
    /// Requests to the token endpoint that came to an end.
    finished: AtomicU64,
}

struct Kept {
    /// A refresh token may come anew with every token.
    grant: Grant,
    token: Option<Token>,
    /// How and when the last request to the token endpoint failed.
    failed: Option<(ConnectorError, Timestamp)>,
}

struct Token {
    signature: Arc<Signature>,
    renew_at: Option<Timestamp>,
}

/// What a token endpoint gives.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) lifetime: Option<SignedDuration>,
    /// When the answer came.
    pub(crate) at: Timestamp,
}

impl Tokens {
    pub(crate) fn new(client: OauthClient, wire: Wire) -> Result<Self> {
        let token = match &client.acquired {
            Some((text, expires)) => {
                let renew_at = expires.map(|end| end.checked_sub(MARGIN).unwrap_or(end));
                Some(Token { signature: Arc::new(Signature::bearer(text)?), renew_at })
            }
            None => None,
        };
        let kept = Mutex::new(Kept { grant: client.grant.clone(), token, failed: None });
        Ok(Self { client, wire, kept, finished: AtomicU64::new(0) })
    }

    /// The token to send; a new one where there is none or its end is near.
    pub(crate) async fn current(&self) -> Result<Arc<Signature>> {
        self.unless(|token, now| token.renew_at.is_none_or(|moment| now < moment)).await
    }

    /// Another token than the one that the service refused.
    pub(crate) async fn after_refusal(&self, refused: &Arc<Signature>) -> Result<Arc<Signature>> {
        self.unless(|token, _| token.signature.header != refused.header).await
    }

    /// The token that is kept if it will do, else a new one. Who waits meanwhile shares what comes of it.
    async fn unless(&self, will_do: impl Fn(&Token, Timestamp) -> bool) -> Result<Arc<Signature>> {
        let finished = self.finished.load(Ordering::Acquire);
        let mut kept = self.kept.lock().await;
        if let Some(token) = kept.token.as_ref().filter(|token| will_do(token, self.wire.clock.now())) {
            return Ok(token.signature.clone());
        }
        let shared = self.finished.load(Ordering::Acquire) != finished;
        if let Some((error, at)) = &kept.failed
            && (shared || is_still_refused(error, *at, self.wire.clock.now()))
        {
            return Err(error.clone());
        }
        let issued = issue(&self.wire, &self.client, &kept.grant).await;
        self.finished.fetch_add(1, Ordering::AcqRel);
        match issued {
            Ok(issued) => {
                let signature = Arc::new(Signature::bearer(&issued.access_token)?);
                kept.token = Some(Token { signature: signature.clone(), renew_at: issued.renew_at() });
                kept.failed = None;
                if let Some(token) = issued.refresh_token {
                    kept.grant = Grant::RefreshToken(token);
                }
                Ok(signature)
            }
            Err(error) => {
                kept.token = None;
                kept.failed = Some((error.clone(), self.wire.clock.now()));
                Err(error)
            }
        }
    }
}

/// What was refused a moment ago is not asked for again: who corrects the secrets is another client.
fn is_still_refused(error: &ConnectorError, at: Timestamp, now: Timestamp) -> bool {
    error.class == ErrorClass::Unauthorized && now < at.checked_add(REFUSED).unwrap_or(at)
}

impl Issued {
    /// When the token ends, where the endpoint tells.
    pub(crate) fn end(&self) -> Option<Timestamp> {
        self.at.checked_add(self.lifetime?).ok()
    }

    fn renew_at(&self) -> Option<Timestamp> {
        let lifetime = self.lifetime?;
        let margin = if lifetime < MARGIN * 2 { lifetime / 2 } else { MARGIN };
        self.at.checked_add(lifetime).ok()?.checked_sub(margin).ok()
    }
}

/// Asks the token endpoint for a token.
pub(crate) async fn issue(wire: &Wire, client: &OauthClient, grant: &Grant) -> Result<Issued> {
    let secrets = secrets(client, grant);
    let endpoint = &client.token_endpoint;
    let asked = format!("POST {}{}", endpoint.origin().ascii_serialization(), endpoint.path());
    let request = wire
        .connections
        .post(endpoint.clone())
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form(client, grant));
    let answered = async {
        let response = wire.send(request, &asked, &secrets).await?;
        wire.read(response, asked.clone(), &secrets).await
    };
    let answer = answered.await;
    let status = answer.as_ref().map_or(0, |answer| answer.status.as_u16());
    tracing::debug!(method = "POST", path = endpoint.path(), status, "request for a token");
    read(&answer?, grant, wire.clock.now())
}

/// What no error may show.
fn secrets(client: &OauthClient, grant: &Grant) -> Vec<String> {
    let shown = match grant {
        Grant::ClientCredentials => None,
        Grant::RefreshToken(text) | Grant::AuthorizationCode { code: text, .. } => Some(text.clone()),
    };
    client.secret.iter().cloned().chain(shown).collect()
}

/// The request's body (RFC 6749 §4.1.3, §4.4.2, §6), with the client's credentials in it (§2.3.1).
fn form(client: &OauthClient, grant: &Grant) -> String {
    let mut fields = match grant {
        Grant::ClientCredentials => vec![("grant_type", "client_credentials")],
        Grant::RefreshToken(token) => {
            vec![("grant_type", "refresh_token"), ("refresh_token", token.as_str())]
        }
        Grant::AuthorizationCode { code, redirect } => {
            let mut fields = vec![("grant_type", "authorization_code"), ("code", code.as_str())];
            fields.extend(redirect.as_deref().map(|address| ("redirect_uri", address)));
            fields
        }
    };
    fields.push(("client_id", &client.id));
    fields.extend(client.secret.as_deref().map(|secret| ("client_secret", secret)));
    fields.extend(client.scope.as_deref().map(|scope| ("scope", scope)));
    let pairs =
        fields.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED)));
    pairs.collect::<Vec<_>>().join("&")
}

#[derive(Deserialize)]
struct Success {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<Json>,
    #[serde(default)]
    refresh_token: Option<String>,
}

fn read(answer: &Answer, grant: &Grant, at: Timestamp) -> Result<Issued> {
    match answer.status.as_u16() {
        200..=299 => {}
        400 | 401 | 403 => return Err(refused(answer, grant)),
        404 | 410 => {
            return Err(answer.incompatible("where a token was expected; correct Oauth2TokenExchangeUri"));
        }
        _ => return Err(answer.refused()),
    }
    // The body is not quoted: it may hold a token.
    let wrong = |what: &str| {
        let detail = format!(
            "{} answered {} with {what}; correct Oauth2TokenExchangeUri",
            answer.asked(),
            answer.status
        );
        ConnectorError::new(ErrorClass::Unavailable, detail)
    };
    let Ok(success) = answer.json::<Success>("a token") else {
        return Err(wrong("something else than a JSON object with an access_token"));
    };
    if success.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Err(wrong("a token that is no bearer token"));
    }
    if !crate::configuration::is_token(&success.access_token) {
        return Err(wrong("an access_token that cannot be sent in a header"));
    }
    let seconds = success.expires_in.as_ref().and_then(|seconds| match seconds {
        Json::String(text) => text.trim().parse().ok(),
        // Some send a fraction.
        other => other.as_f64().map(|seconds| {
            #[expect(clippy::cast_possible_truncation, reason = "fractions of a second do not matter")]
            let whole = seconds as i64;
            whole
        }),
    });
    Ok(Issued {
        access_token: success.access_token,
        refresh_token: success.refresh_token.filter(|token| !token.is_empty()),
        lifetime: seconds
            .filter(|seconds: &i64| (1..=i64::from(u32::MAX)).contains(seconds))
            .map(SignedDuration::from_secs),
        at,
    })
}

/// The token endpoint's refusal (RFC 6749 §5.2) with what may help.
fn refused(answer: &Answer, grant: &Grant) -> ConnectorError {
    let advice = match grant {
        Grant::ClientCredentials => "check Oauth2ClientId, Oauth2ClientSecret and the scope",
        Grant::RefreshToken(_) => {
            "check Oauth2ClientId and Oauth2ClientSecret; if the refresh token has ended, sign in at the service again"
        }
        Grant::AuthorizationCode { .. } => {
            "an authorization code is good for one use and a few minutes; sign in at the service again"
        }
    };
    let detail = format!("{}: no token was issued; {advice}", answer.refused().detail);
    ConnectorError::new(ErrorClass::Unauthorized, detail).code(FailureCode::InvalidCredentials)
}
