//! How requests are signed.

use std::fmt;

use connector::ConfigurationError;
use model::Timestamp;
use model::secrets::Secrets;
use reqwest::Url;

use super::Result;

/// How requests are signed. Of several ways that the secrets allow, the first of this list is taken: a token, OAuth, a
/// user name.
#[derive(Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Not at all: nothing of the following is among the secrets.
    None,
    /// With the secret `SecretToken`, or `Oauth2AccessToken` where nothing can renew it, as a bearer token.
    Bearer(String),
    /// With a bearer token from a token endpoint (RFC 6749).
    Oauth(Box<OauthClient>),
    /// With the secrets `UserName` and `Password`.
    Basic {
        /// The user name, without a colon.
        user_name: String,
        /// The password.
        password: String,
    },
}

/// Tells the kind and hides the values.
impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Bearer(_) => "Bearer(…)",
            Self::Oauth(_) => "Oauth(…)",
            Self::Basic { .. } => "Basic(…)",
        })
    }
}

/// A client of a token endpoint.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OauthClient {
    /// `Oauth2TokenExchangeUri`.
    pub token_endpoint: Url,
    /// `Oauth2ClientId`.
    pub id: String,
    /// `Oauth2ClientSecret`; clients without one are public.
    pub secret: Option<String>,
    /// The setting `Oauth2Scope`.
    pub scope: Option<String>,
    /// What the client shows for a token.
    pub grant: Grant,
    /// `Oauth2AccessToken`: what was acquired before, with the moment `TokenExpiration` of its end, where that is known.
    pub acquired: Option<(String, Option<Timestamp>)>,
}

/// What a client shows for a token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Grant {
    /// Only itself.
    ClientCredentials,
    /// `Oauth2RefreshToken`.
    RefreshToken(String),
    /// `Oauth2AuthorizationCode`, good for one time, with `Oauth2RedirectUri` as it was when the code was given.
    AuthorizationCode {
        /// The code.
        code: String,
        /// Where the code was sent.
        redirect: Option<String>,
    },
}

/// Reads how requests are signed. A refresh token goes before an authorization code, and that before the client's own
/// credentials.
pub(super) fn read(secrets: &Secrets, scope: Option<&str>) -> Result<Authorization> {
    let secret = |key: &str| secrets.get(key).filter(|value| !value.is_empty());
    if let Some(token) = secret("SecretToken") {
        return bearer("SecretToken", token);
    }
    if let Some(endpoint) = secret("Oauth2TokenExchangeUri") {
        return Ok(Authorization::Oauth(Box::new(client(secrets, endpoint, scope)?)));
    }
    if let Some(token) = secret("Oauth2AccessToken") {
        return bearer("Oauth2AccessToken", token);
    }
    let keys = ["Oauth2ClientId", "Oauth2ClientSecret", "Oauth2RefreshToken", "Oauth2AuthorizationCode"];
    if let Some(key) = keys.into_iter().find(|key| secret(key).is_some()) {
        let reason = format!("{key} is given, so the address of the token endpoint is needed");
        return Err(ConfigurationError::missing("Oauth2TokenExchangeUri", reason));
    }
    match (secret("UserName"), secret("Password")) {
        (None, None) => Ok(Authorization::None),
        (Some(_), None) => {
            Err(ConfigurationError::missing("Password", "UserName is given, so its password is needed"))
        }
        (None, Some(_)) => {
            Err(ConfigurationError::missing("UserName", "Password is given, so its user name is needed"))
        }
        (Some(user_name), Some(_)) if user_name.contains(':') || user_name.contains(char::is_control) => {
            Err(ConfigurationError::invalid(
                "UserName",
                "a user name of basic authorization has neither colons nor control characters",
            ))
        }
        (Some(user_name), Some(password)) => {
            Ok(Authorization::Basic { user_name: user_name.to_owned(), password: password.to_owned() })
        }
    }
}

fn bearer(key: &str, token: &str) -> Result<Authorization> {
    let token = token.trim();
    if is_token(token) {
        return Ok(Authorization::Bearer(token.to_owned()));
    }
    Err(ConfigurationError::invalid(
        key,
        "a bearer token has only visible ASCII characters and no spaces; give it without \"Bearer\"",
    ))
}

/// True for what can stand in a header as a bearer token.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic())
}

pub(super) fn client(secrets: &Secrets, endpoint: &str, scope: Option<&str>) -> Result<OauthClient> {
    const ENDPOINT: &str = "Oauth2TokenExchangeUri";
    let secret = |key: &str| secrets.get(key).filter(|value| !value.is_empty()).map(str::to_owned);
    let token_endpoint = Url::parse(endpoint.trim()).map_err(|error| {
        let reason = format!("not an address such as https://example.com/oauth/token ({error})");
        ConfigurationError::invalid(ENDPOINT, reason)
    })?;
    if !matches!(token_endpoint.scheme(), "http" | "https") {
        return Err(ConfigurationError::invalid(ENDPOINT, "the address must begin with https:// or http://"));
    }
    let Some(id) = secret("Oauth2ClientId") else {
        let reason = "Oauth2TokenExchangeUri is given, so the client's id is needed";
        return Err(ConfigurationError::missing("Oauth2ClientId", reason));
    };
    let client_secret = secret("Oauth2ClientSecret");
    let grant = if let Some(token) = secret("Oauth2RefreshToken") {
        Grant::RefreshToken(token)
    } else if let Some(code) = secret("Oauth2AuthorizationCode") {
        Grant::AuthorizationCode { code, redirect: secret("Oauth2RedirectUri") }
    } else if client_secret.is_some() {
        Grant::ClientCredentials
    } else {
        let reason = "the client has no refresh token, so its secret is needed";
        return Err(ConfigurationError::missing("Oauth2ClientSecret", reason));
    };
    let acquired = secret("Oauth2AccessToken").filter(|token| is_token(token));
    let expires = secret("TokenExpiration").and_then(|moment| moment.trim().parse().ok());
    Ok(OauthClient {
        token_endpoint,
        id,
        secret: client_secret,
        scope: scope.filter(|scope| !scope.is_empty()).map(str::to_owned),
        grant,
        acquired: acquired.map(|token| (token, expires)),
    })
}
