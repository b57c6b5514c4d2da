//! Secrets at rest: envelope encryption under a key that the caller brings.
//!
//! A random data key encrypts the secrets (XChaCha20-Poly1305) and rests in the store, itself encrypted under the
//! key-encryption key. Every ciphertext is bound to the tenant, the owner and the secret's key, so that rows cannot be
//! exchanged for one another.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use model::secrets::Secrets;
use model::{Entropy, ServicePrincipalId, TenantId};
use zeroize::Zeroizing;

use crate::{Result, SealedSecret, StoreError, TenantStore};

/// Octets of a key.
pub const KEY_LENGTH: usize = 32;

const NONCE_LENGTH: usize = 24;
const DATA_KEY: &str = "vault.data-key";
/// How often a change of secrets is computed anew because others were first.
const ATTEMPTS: usize = 20;

/// Seals and opens secrets.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    entropy: std::sync::Arc<dyn Entropy>,
}

impl Vault {
    /// Opens the installation's vault, making its data key at the first start. A key-encryption key other than the
    /// one that it was made with is refused.
    pub async fn open(
        store: &dyn TenantStore,
        key_encryption_key: &[u8; KEY_LENGTH],
        entropy: std::sync::Arc<dyn Entropy>,
    ) -> Result<Self> {
        let outer = XChaCha20Poly1305::new(key_encryption_key.into());
        let wrapped = if let Some(wrapped) = store.installation_value(DATA_KEY).await? {
            wrapped
        } else {
            let mut fresh = Zeroizing::new([0; KEY_LENGTH]);
            entropy.fill(&mut *fresh);
            let wrapped = seal(&outer, &*entropy, DATA_KEY.as_bytes(), &*fresh)?;
            store.init_installation_value(DATA_KEY, wrapped).await?
        };
        let data_key = open(&outer, DATA_KEY.as_bytes(), &wrapped).map_err(|_| {
            StoreError::Corrupt(
                "the secrets key is not the one that this data directory was made with; give that one".into(),
            )
        })?;
        let cipher = XChaCha20Poly1305::new_from_slice(&data_key)
            .map_err(|_| StoreError::Corrupt("the vault's data key has the wrong length".into()))?;
        Ok(Self { cipher, entropy })
    }

    /// Encrypts a value of the installation, bound to its name.
    pub fn seal(&self, name: &str, clear: &[u8]) -> Result<Vec<u8>> {
        seal(&self.cipher, &*self.entropy, name.as_bytes(), clear)
    }

    /// Decrypts a value that was sealed under this name.
    pub fn unseal(&self, name: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        open(&self.cipher, name.as_bytes(), sealed)
    }

    /// The secrets of a service principal, in clear.
    pub async fn secrets(
        &self,
        store: &dyn TenantStore,
        tenant: TenantId,
        owner: ServicePrincipalId,
    ) -> Result<Secrets> {
        self.open_secrets(tenant, owner, &store.secrets(tenant, owner).await?)
    }

    /// Replaces the secrets of a service principal.
    pub async fn replace_secrets(
        &self,
        store: &dyn TenantStore,
        tenant: TenantId,
        owner: ServicePrincipalId,
        secrets: &Secrets,
    ) -> Result<()> {
        store.replace_secrets(tenant, owner, self.seal_secrets(tenant, owner, secrets)?).await
    }

    /// Changes the secrets of a service principal. `change` is told the saved ones and says which are to be saved
    /// instead; none where they are to stay. It is asked again where others changed them meanwhile. Returns the secrets
    /// before and after.
    pub async fn update_secrets<E: From<StoreError>>(
        &self,
        store: &dyn TenantStore,
        tenant: TenantId,
        owner: ServicePrincipalId,
        mut change: impl FnMut(&Secrets) -> std::result::Result<Option<Secrets>, E> + Send,
    ) -> std::result::Result<(Secrets, Secrets), E> {
        for _ in 0..ATTEMPTS {
            let sealed = store.secrets(tenant, owner).await?;
            let before = self.open_secrets(tenant, owner, &sealed)?;
            let Some(after) = change(&before)? else { return Ok((before.clone(), before)) };
            let fresh = self.seal_secrets(tenant, owner, &after)?;
            if store.exchange_secrets(tenant, owner, sealed, fresh).await? {
                return Ok((before, after));
            }
        }
        Err(StoreError::VersionMismatch.into())
    }

    fn open_secrets(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
        sealed: &[SealedSecret],
    ) -> Result<Secrets> {
        let mut secrets = Secrets::new();
        for SealedSecret { key, sealed } in sealed {
            let clear = self.unseal(&binding(tenant, owner, key), sealed)?;
            let text = std::str::from_utf8(&clear)
                .map_err(|_| StoreError::Corrupt(format!("secret {key} is not text")))?;
            secrets.set(key.as_str(), text);
        }
        Ok(secrets)
    }

    fn seal_secrets(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
        secrets: &Secrets,
    ) -> Result<Vec<SealedSecret>> {
        let seal = |(key, value): (&str, &str)| {
            let sealed = self.seal(&binding(tenant, owner, key), value.as_bytes())?;
            Ok(SealedSecret { key: key.to_owned(), sealed })
        };
        secrets.iter().map(seal).collect()
    }
}

fn binding(tenant: TenantId, owner: ServicePrincipalId, key: &str) -> String {
    format!("{tenant}/{owner}/{key}")
}

fn seal(cipher: &XChaCha20Poly1305, entropy: &dyn Entropy, bound_to: &[u8], clear: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LENGTH];
    entropy.fill(&mut nonce);
    let payload = Payload { msg: clear, aad: bound_to };
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| StoreError::Corrupt("a secret is too long to be encrypted".into()))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn open(cipher: &XChaCha20Poly1305, bound_to: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let unreadable =
        || StoreError::Corrupt("a secret cannot be decrypted with this installation's key".into());
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or_else(unreadable)?;
    let payload = Payload { msg: ciphertext, aad: bound_to };
    cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| unreadable())
}
