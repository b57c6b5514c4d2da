//! Builds SCIM targets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use connector::{
    Configuration, ConfigurationError, ConnectorError, ErrorClass, Factory, Result, SecretChanges,
    SecretKeeper, Source, Target, TokenClient,
};
use model::{Clock, Entropy, FailureCode};
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::configuration::{Authorization, OauthClient, ScimConfiguration, oauth_client};
use crate::signature::{Signature, Signer};
use crate::target::ScimTarget;
use crate::tokens::Tokens;
use crate::wire::{Wire, connections};

/// Clients of token endpoints whose tokens are kept at most.
const MOST_CLIENTS: usize = 1000;
/// How long a token endpoint may take when a token is acquired by order.
const TOKEN_TIMEOUT: Duration = Duration::from_mins(1);

/// The factory of the connector `scim`. All targets that it builds share one pool of connections, and those with the
/// same client of a token endpoint, for the same service principal, share its tokens.
pub struct ScimFactory {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    connections: OnceCell<reqwest::Client>,
    tokens: Mutex<Vec<Arc<Tokens>>>,
    keeper: Option<Arc<dyn SecretKeeper>>,
}

impl ScimFactory {
    /// A factory with a clock, for `Retry-After` dates, and randomness, for the check's query.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy, connections: OnceCell::new(), tokens: Mutex::default(), keeper: None }
    }

    /// The factory with something that keeps the refresh tokens which token endpoints replace. Without it they are lost
    /// when the process ends.
    #[must_use]
    pub fn keeping(mut self, keeper: Arc<dyn SecretKeeper>) -> Self {
        self.keeper = Some(keeper);
        self
    }

    async fn wire(&self, timeout: Duration) -> Result<Wire> {
        let connections = self.connections.get_or_try_init(|| async { connections() }).await?.clone();
        Ok(Wire { connections, timeout, clock: self.clock.clone() })
    }

    fn signer(
        &self,
        configuration: &Configuration,
        authorization: &Authorization,
        wire: &Wire,
    ) -> Result<Signer> {
        let same = |signature| Signer::Same(Arc::new(signature));
        Ok(match authorization {
            Authorization::None => same(Signature::default()),
            Authorization::Bearer(token) => same(Signature::bearer(token)?),
            Authorization::Basic { user_name, password } => same(Signature::basic(user_name, password)?),
            Authorization::Oauth(client) => Signer::Tokens(self.tokens(configuration, client, wire)?),
        })
    }

    /// The tokens of a client. They outlive the target, so that a cycle does not begin with a new one, and so that a
    /// refresh token that the endpoint has replaced is known.
    fn tokens(
        &self,
        configuration: &Configuration,
        client: &OauthClient,
        wire: &Wire,
    ) -> Result<Arc<Tokens>> {
        let owner = (configuration.tenant, configuration.service_principal);
        let mut kept = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = kept.iter().find(|tokens| tokens.are_of(owner, client)) {
            return Ok(tokens.clone());
        }
        if kept.len() >= MOST_CLIENTS {
            kept.retain(|tokens| Arc::strong_count(tokens) > 1);
        }
        let tokens = Arc::new(Tokens::new(owner, client.clone(), wire.clone(), self.keeper.clone())?);
        kept.push(tokens.clone());
        Ok(tokens)
    }
}

/// Gets a token with an authorization code, a refresh token or the client's own credentials, whichever of them comes
/// first, and tells what to save: `Oauth2AccessToken`, `Oauth2AccessTokenCreationTime`, and, where the endpoint gives
/// them, `TokenExpiration` and `Oauth2RefreshToken`. A code that was used is gone.
#[async_trait]
impl TokenClient for ScimFactory {
    fn validate(&self, configuration: &Configuration) -> std::result::Result<(), ConfigurationError> {
        oauth_client(configuration).map(drop)
    }

    async fn acquire(&self, configuration: &Configuration) -> Result<SecretChanges> {
        let client = oauth_client(configuration).map_err(|error| wrong(&error))?;
        let wire = self.wire(TOKEN_TIMEOUT).await?;
        self.tokens(configuration, &client, &wire)?.acquire().await
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
        crate::configuration::identity(&configuration.secrets)
    }

    async fn source(&self, _: &Configuration) -> Result<Arc<dyn Source>> {
        let detail = "a SCIM service can be a target, but not yet a source";
        Err(ConnectorError::new(ErrorClass::Permanent, detail).code(FailureCode::NotImplemented))
    }

    async fn target(&self, configuration: &Configuration) -> Result<Arc<dyn Target>> {
        let read = ScimConfiguration::read(configuration).map_err(|error| wrong(&error))?;
        let wire = self.wire(read.request_timeout).await?;
        let signer = self.signer(configuration, &read.authorization, &wire)?;
        let client = Client::new(wire, &read, signer);
        Ok(Arc::new(ScimTarget::new(client, &read, self.entropy.clone())))
    }

    fn token_client(&self) -> Option<&dyn TokenClient> {
        Some(self)
    }
}
