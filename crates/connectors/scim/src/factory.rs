//! Builds SCIM targets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connector::{
    Configuration, ConfigurationError, ConnectorError, ErrorClass, Factory, Result, Source, Target,
};
use model::secrets::Secrets;
use model::{Clock, Entropy, FailureCode};
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::configuration::{Authorization, OauthClient, ScimConfiguration, oauth_client};
use crate::signature::{Signature, Signer};
use crate::target::ScimTarget;
use crate::tokens::{Tokens, issue};
use crate::wire::{Wire, connections};

/// Clients of token endpoints whose tokens are kept at most.
const MOST_CLIENTS: usize = 1000;
/// How long a token endpoint may take when a token is acquired by order.
const TOKEN_TIMEOUT: Duration = Duration::from_mins(1);

/// The factory of the connector `scim`. All targets that it builds share one pool of connections, and those with the
/// same client of a token endpoint share its tokens.
pub struct ScimFactory {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    connections: OnceCell<reqwest::Client>,
    tokens: Mutex<HashMap<OauthClient, Arc<Tokens>>>,
}

impl ScimFactory {
    /// A factory with a clock, for `Retry-After` dates, and randomness, for the check's query.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy, connections: OnceCell::new(), tokens: Mutex::default() }
    }

    /// Gets a token from the token endpoint that the secrets name (`Oauth2TokenExchangeUri`, with an authorization
    /// code, a refresh token or the client's own credentials) and returns the secrets as they are to be kept then:
    /// `Oauth2AccessToken`, `Oauth2AccessTokenCreationTime`, and, where the endpoint gives them, `TokenExpiration` and
    /// `Oauth2RefreshToken`. A code that was used is gone. Fails as `Unauthorized` where the endpoint refuses, and as
    /// `Unavailable` where the secrets do not suffice.
    pub async fn acquire_access_token(&self, secrets: &Secrets) -> Result<Secrets> {
        let client = oauth_client(secrets).map_err(|error| wrong(&error))?;
        let issued = issue(&self.wire(TOKEN_TIMEOUT).await?, &client, &client.grant).await?;
        let mut kept = secrets.clone();
        kept.set("Oauth2AccessToken", issued.access_token.as_str());
        kept.set("Oauth2AccessTokenCreationTime", issued.at.to_string());
        kept.set("TokenExpiration", issued.end().map(|end| end.to_string()).unwrap_or_default());
        kept.set("Oauth2AuthorizationCode", "");
        if let Some(token) = issued.refresh_token {
            kept.set("Oauth2RefreshToken", token);
        }
        Ok(kept)
    }

    async fn wire(&self, timeout: Duration) -> Result<Wire> {
        let connections = self.connections.get_or_try_init(|| async { connections() }).await?.clone();
        Ok(Wire { connections, timeout, clock: self.clock.clone() })
    }

    fn signer(&self, authorization: &Authorization, wire: &Wire) -> Result<Signer> {
        let same = |signature| Signer::Same(Arc::new(signature));
        Ok(match authorization {
            Authorization::None => same(Signature::default()),
            Authorization::Bearer(token) => same(Signature::bearer(token)?),
            Authorization::Basic { user_name, password } => same(Signature::basic(user_name, password)?),
            Authorization::Oauth(client) => Signer::Tokens(self.tokens(client, wire)?),
        })
    }

    /// The tokens of a client. They outlive the target, so that a cycle does not begin with a new one, and so that a
    /// refresh token that the endpoint has replaced is known.
    fn tokens(&self, client: &OauthClient, wire: &Wire) -> Result<Arc<Tokens>> {
        let mut kept = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = kept.get(client) {
            return Ok(tokens.clone());
        }
        if kept.len() >= MOST_CLIENTS {
            kept.retain(|_, tokens| Arc::strong_count(tokens) > 1);
        }
        let tokens = Arc::new(Tokens::new(client.clone(), wire.clone())?);
        kept.insert(client.clone(), tokens.clone());
        Ok(tokens)
    }
}

fn wrong(error: &ConfigurationError) -> ConnectorError {
    ConnectorError::new(ErrorClass::Unavailable, format!("the configuration is wrong: {error}"))
}

#[async_trait]
impl Factory for ScimFactory {
    fn name(&self) -> &'static str {
        "scim"
    }

    fn validate_source(&self, _: &Configuration) -> std::result::Result<(), ConfigurationError> {
        Err(ConfigurationError::invalid(
            "BaseAddress",
            "a SCIM service can be a target, but not yet a source",
        ))
    }

    fn validate_target(&self, configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        ScimConfiguration::read(configuration).map(drop)
    }

    fn identity(&self, configuration: &Configuration) -> String {
        match ScimConfiguration::read(configuration) {
            Ok(read) => read.base.to_string(),
            Err(_) => configuration.secrets.get("BaseAddress").unwrap_or("").trim().to_owned(),
        }
    }

    async fn source(&self, _: &Configuration) -> Result<Arc<dyn Source>> {
        let detail = "a SCIM service can be a target, but not yet a source";
        Err(ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::NotImplemented))
    }

    async fn target(&self, configuration: &Configuration) -> Result<Arc<dyn Target>> {
        let read = ScimConfiguration::read(configuration).map_err(|error| wrong(&error))?;
        let wire = self.wire(read.request_timeout).await?;
        let signer = self.signer(&read.authorization, &wire)?;
        let client = Client::new(wire, &read, signer);
        Ok(Arc::new(ScimTarget::new(client, &read, self.entropy.clone())))
    }
}
