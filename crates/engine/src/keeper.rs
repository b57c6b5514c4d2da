//! Secrets that change while a job runs.

use std::sync::Arc;

use async_trait::async_trait;
use connector::{ConnectorError, ErrorClass, SecretChanges, SecretKeeper};
use model::{ServicePrincipalId, TenantId};
use store::vault::Vault;
use store::{SharedStore, StoreError};

/// Keeps what a target replaces, such as a refresh token, among the sealed secrets of its service principal.
pub struct VaultKeeper {
    store: SharedStore,
    vault: Arc<Vault>,
}

impl VaultKeeper {
    /// A keeper of the secrets in a store.
    #[must_use]
    pub fn new(store: SharedStore, vault: Arc<Vault>) -> Self {
        Self { store, vault }
    }
}

#[async_trait]
impl SecretKeeper for VaultKeeper {
    async fn keep(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        (key, value): (&str, &str),
        changes: &SecretChanges,
    ) -> connector::Result<bool> {
        let mut kept = false;
        let update = self.vault.update_secrets(&*self.store, tenant, service_principal, |saved| {
            kept = saved.get(key) == Some(value);
            Ok::<_, StoreError>(kept.then(|| {
                let mut secrets = saved.clone();
                for (key, value) in changes {
                    secrets.set(*key, value.as_str());
                }
                secrets
            }))
        });
        update.await.map_err(|error| {
            ConnectorError::new(
                ErrorClass::Retry { after: None },
                format!("a secret that the target replaced cannot be kept: {error}"),
            )
        })?;
        Ok(kept)
    }
}
