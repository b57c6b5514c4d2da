use async_trait::async_trait;
use model::{ServicePrincipalId, TenantId, Timestamp};

use crate::Result;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its identifier.
    pub id: TenantId,
    /// A name for people.
    pub display_name: String,
    /// The domain of its user principal names.
    pub domain: String,
    /// When it was made.
    pub created: Timestamp,
}

/// A secret as it rests: its key in clear, its value encrypted by the [vault](crate::vault).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// The secret's key, such as `BaseAddress`.
    pub key: String,
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
}

/// Tenants, their keys, and the secrets of their service principals.
#[async_trait]
pub trait TenantStore: Send + Sync {
    /// Makes a tenant; `Duplicate` where the id exists.
    async fn create_tenant(&self, tenant: Tenant) -> Result<()>;

    /// All tenants, oldest first.
    async fn tenants(&self) -> Result<Vec<Tenant>>;

    /// One tenant.
    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>>;

    /// A named value of the installation, such as a wrapped data key or a sealed signing key.
    async fn installation_value(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Sets a named value where it is absent, and returns the one that holds.
    async fn init_installation_value(&self, name: &str, value: Vec<u8>) -> Result<Vec<u8>>;

    /// Sets a named value where it still is `before`. Returns false, and changes nothing, where it is not.
    async fn exchange_installation_value(&self, name: &str, before: &[u8], after: Vec<u8>) -> Result<bool>;

    /// The secrets of a service principal, by rising key.
    async fn secrets(&self, tenant: TenantId, owner: ServicePrincipalId) -> Result<Vec<SealedSecret>>;

    /// Replaces the secrets of a service principal.
    async fn replace_secrets(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
        secrets: Vec<SealedSecret>,
    ) -> Result<()>;

    /// Replaces the secrets of a service principal where they still are `before`, octet for octet, in whatever order.
    /// Returns false, and changes nothing, where they are not.
    async fn exchange_secrets(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
        before: Vec<SealedSecret>,
        after: Vec<SealedSecret>,
    ) -> Result<bool>;
}
