//! The token endpoint's requests and answers (RFC 6749).

use connector::{ConnectorError, ErrorClass, Result, SecretChanges};
use model::{FailureCode, SignedDuration, Timestamp};
use percent_encoding::utf8_percent_encode;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::answer::Answer;
use crate::client::UNRESERVED;
use crate::configuration::{Grant, OauthClient};
use crate::hidden::Hidden;
use crate::wire::{Reading, Wire};

/// How long before its end a token is renewed; a token that lives shorter than twice this, in the middle of its life.
pub(crate) const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// What a token endpoint gives.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    pub(crate) lifetime: Option<SignedDuration>,
    /// When the answer came.
    pub(crate) at: Timestamp,
}

impl Issued {
    /// The secrets to save. A code is good for one time.
    pub(crate) fn changes(&self) -> SecretChanges {
        let end = self.end().map(|end| end.to_string()).unwrap_or_default();
        let mut changes = vec![
            ("Oauth2AccessToken", self.access_token.clone()),
            ("Oauth2AccessTokenCreationTime", self.at.to_string()),
            ("TokenExpiration", end),
            ("Oauth2AuthorizationCode", String::new()),
        ];
        changes.extend(self.refresh_token.iter().map(|token| ("Oauth2RefreshToken", token.clone())));
        changes
    }

    /// When the token ends, where the endpoint tells.
    fn end(&self) -> Option<Timestamp> {
        self.at.checked_add(self.lifetime?).ok()
    }

    /// When the token should be renewed, where the endpoint tells its end.
    pub(crate) fn renew_at(&self) -> Option<Timestamp> {
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
        wire.read(response, Reading::Whole, asked.clone(), &secrets).await
    };
    let answer = answered.await;
    let status = answer.as_ref().map_or(0, |answer| answer.status.as_u16());
    tracing::debug!(method = "POST", path = endpoint.path(), status, "request for a token");
    read(&answer?, grant, wire.clock.now())
}

/// What no error may show.
fn secrets(client: &OauthClient, grant: &Grant) -> Hidden {
    let shown = match grant {
        Grant::ClientCredentials => None,
        Grant::RefreshToken(text) | Grant::AuthorizationCode { code: text, .. } => Some(text.clone()),
    };
    Hidden::new(client.secret.iter().cloned().chain(shown))
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
        // A client that has its own credentials needs none.
        refresh_token: success
            .refresh_token
            .filter(|token| !token.is_empty() && *grant != Grant::ClientCredentials),
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
