//! The keys of access tokens in the database: sealed, made at the first start, and turned when their time comes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use model::{Clock, Entropy};
use server::Api;
use server::auth::{SigningKeys, TokenAuthority};
use store::SharedStore;
use store::vault::Vault;
use tokio::task::AbortHandle;

/// Under this name they are kept.
const NAME: &str = "tokens.signing-keys";
/// How often the clock is asked whether they are to be turned, and the database whether another process did.
const INTERVAL: Duration = Duration::from_hours(1);
/// How often a turn is tried anew because another process was first.
const ATTEMPTS: usize = 3;

/// Where the keys are kept.
pub(crate) struct SigningKeyStore {
    store: SharedStore,
    vault: Arc<Vault>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl SigningKeyStore {
    pub(crate) fn new(
        store: SharedStore,
        vault: Arc<Vault>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { store, vault, clock, entropy }
    }

    /// The authority of the keys as they ought to be now.
    pub(crate) async fn open(&self) -> Result<TokenAuthority> {
        Ok(TokenAuthority::new(&self.turned().await?)?)
    }

    /// Turns the keys of a running service from now on.
    pub(crate) fn turning(self, api: Arc<Api>) -> AbortHandle {
        let task = tokio::spawn(async move {
            let mut rounds = tokio::time::interval(INTERVAL);
            // The first is at once, and was made when the service was put together.
            rounds.tick().await;
            loop {
                rounds.tick().await;
                let outcome = self.turned().await.and_then(|keys| Ok(api.service().tokens.turn_to(&keys)?));
                if let Err(error) = outcome {
                    tracing::warn!(%error, "the keys of access tokens were not turned; the next try is in an hour");
                }
            }
        });
        task.abort_handle()
    }

    /// The keys as they ought to be now, kept.
    async fn turned(&self) -> Result<SigningKeys> {
        for _ in 0..ATTEMPTS {
            let sealed = self.sealed().await?;
            let octets = self.vault.unseal(NAME, &sealed)?;
            let keys = SigningKeys::from_octets(&octets)?;
            let Some(turned) = keys.turn(&*self.entropy, self.clock.now()) else { return Ok(keys) };
            if self.store.exchange_installation_value(NAME, &sealed, self.seal(&turned)?).await? {
                tracing::info!("the keys of access tokens were turned");
                return Ok(turned);
            }
        }
        anyhow::bail!("other processes changed the keys of access tokens all the while")
    }

    /// What is kept; a first key where nothing is.
    async fn sealed(&self) -> Result<Vec<u8>> {
        if let Some(sealed) = self.store.installation_value(NAME).await? {
            return Ok(sealed);
        }
        let first = SigningKeys::generate(&*self.entropy, self.clock.now());
        Ok(self.store.init_installation_value(NAME, self.seal(&first)?).await?)
    }

    fn seal(&self, keys: &SigningKeys) -> Result<Vec<u8>> {
        let octets = keys.to_octets().context("the keys of access tokens cannot be written")?;
        Ok(self.vault.seal(NAME, &octets)?)
    }
}

#[cfg(test)]
mod tests {
    use model::{SignedDuration, SystemEntropy, Timestamp};
    use store_sqlite::SqliteStore;

    use super::*;

    /// A clock that shows always the same.
    struct Stopped(Timestamp);

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    async fn at(store: &SharedStore, days: i64) -> SigningKeyStore {
        let moment = Timestamp::from_second(1_800_000_000).unwrap();
        let clock = Arc::new(Stopped(moment + SignedDuration::from_hours(24 * days)));
        let entropy = Arc::new(SystemEntropy);
        let vault = Vault::open(&**store, &[5; 32], entropy.clone()).await.unwrap();
        SigningKeyStore::new(store.clone(), Arc::new(vault), clock, entropy)
    }

    fn kids(authority: &TokenAuthority) -> Vec<String> {
        let keys = authority.public_keys();
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].to_string()).collect()
    }

    #[tokio::test]
    async fn processes_turn_the_same_keys_one_after_the_other() {
        let store: SharedStore = Arc::new(SqliteStore::open_temporary().unwrap());
        let (one, two) = (at(&store, 0).await, at(&store, 0).await);
        let first = kids(&one.open().await.unwrap());
        assert_eq!((first.len(), kids(&two.open().await.unwrap())), (1, first.clone()));
        // Two at the same moment make one new key.
        let (one, two) = (at(&store, 29).await, at(&store, 29).await);
        let (one, two) = tokio::join!(one.open(), two.open());
        let (one, two) = (kids(&one.unwrap()), kids(&two.unwrap()));
        assert_eq!((one.len(), &one[..1], &two), (2, &first[..], &one));
        let later = kids(&at(&store, 31).await.open().await.unwrap());
        assert_eq!(later, one[1..]);
        let sealed = store.installation_value(NAME).await.unwrap().unwrap();
        assert!(!sealed.windows(4).any(|part| part == b"seal"), "it is encrypted");
    }
}
