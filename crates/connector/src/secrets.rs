use async_trait::async_trait;
use model::{ServicePrincipalId, TenantId};

use crate::{Configuration, ConfigurationError, Result};

/// Secrets to set, by key and value; an empty value removes its key.
pub type SecretChanges = Vec<(&'static str, String)>;

/// Gets tokens by order (Graph `acquireAccessToken`) from the token endpoint of the other side.
#[async_trait]
pub trait TokenClient: Send + Sync {
    /// Says what is wrong with the secrets, without connecting.
    fn validate(&self, configuration: &Configuration) -> std::result::Result<(), ConfigurationError>;

    /// Gets a token by secrets that were validated. Returns the secrets that the caller MUST save then: a refresh token
    /// or an authorization code that was used may be good for nothing else. Fails as `Unauthorized` where the endpoint
    /// refuses.
    async fn acquire(&self, configuration: &Configuration) -> Result<SecretChanges>;
}

/// Keeps secrets that the other side replaced while a connector worked, such as a refresh token.
#[async_trait]
pub trait SecretKeeper: Send + Sync {
    /// Sets secrets of a service principal if the one that `used` names still has that value; whoever saved others
    /// meanwhile wants those. Returns true where they were set.
    async fn keep(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        used: (&str, &str),
        changes: &SecretChanges,
    ) -> Result<bool>;
}
