//! An issuer's keys: fetched when they are needed, kept, and fetched again when they may have changed.

use std::sync::{Arc, PoisonError, RwLock};

use model::{Clock, SignedDuration, Timestamp};
use serde::Deserialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::jwk::{KeySet, Verdict};
use super::{KeyAddress, KeyFetch, TrustedIssuer};
use crate::auth::jws::Parts;

/// Keys of this age are fetched again, while they are still used.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// Keys of this age are used no more: so long an issuer may be out of reach.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// An issuer is asked no more often than this, whatever tokens come.
const INTERVAL: SignedDuration = SignedDuration::from_secs(30);
/// The last part of the address of an issuer's description.
const DESCRIPTION: &str = "/.well-known/openid-configuration";

/// The keys of one issuer.
pub(super) struct IssuerKeys {
    issuer: String,
    address: KeyAddress,
    fetch: Arc<dyn KeyFetch>,
    clock: Arc<dyn Clock>,
    held: RwLock<Option<Held>>,
    /// When the issuer was asked last. Whoever asks holds it meanwhile.
    asked: Arc<Mutex<Option<Timestamp>>>,
}

/// Keys, and when they were fetched.
#[derive(Clone)]
struct Held {
    keys: Arc<KeySet>,
    at: Timestamp,
}

/// There are no keys to judge a token by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lack {
    /// After so many seconds the issuer is asked again.
    pub(super) seconds: u64,
}

/// What an issuer says of itself.
#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

impl IssuerKeys {
    pub(super) fn new(trusted: &TrustedIssuer, fetch: Arc<dyn KeyFetch>, clock: Arc<dyn Clock>) -> Self {
        Self {
            issuer: trusted.issuer.clone(),
            address: trusted.keys.clone(),
            fetch,
            clock,
            held: RwLock::default(),
            asked: Arc::default(),
        }
    }

    /// What the issuer's keys say of a token. Where they do not know the key, they may have changed.
    pub(super) async fn verify(self: &Arc<Self>, token: &Parts) -> Result<Verdict, Lack> {
        let now = self.clock.now();
        if let Some(held) = self.held(now) {
            let verdict = held.keys.verify(token);
            if verdict != Verdict::UnknownKey {
                if now.duration_since(held.at) > FRESH
                    && let Ok(asked) = self.asked.clone().try_lock_owned()
                {
                    drop(self.ask(asked));
                }
                return Ok(verdict);
            }
        }
        self.refresh().await;
        match self.held(self.clock.now()) {
            Some(held) => Ok(held.keys.verify(token)),
            None => Err(Lack { seconds: INTERVAL.unsigned_abs().as_secs() }),
        }
    }

    /// Fetches the keys, unless they were asked for a moment ago. Who comes meanwhile shares what comes of it.
    pub(super) async fn refresh(self: &Arc<Self>) {
        let asked = self.asked.clone().lock_owned().await;
        if let Some(work) = self.ask(asked)
            && work.await.is_err()
        {
            tracing::error!(issuer = self.issuer, "the work of fetching keys was broken off");
        }
    }

    /// The keys, if they can still be used.
    fn held(&self, now: Timestamp) -> Option<Held> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner).clone();
        held.filter(|held| now.duration_since(held.at) < KEPT)
    }

    /// Fetches the keys, to the end also where whoever needs them goes away; none where they were asked for a moment ago.
    fn ask(
        self: &Arc<Self>,
        mut asked: OwnedMutexGuard<Option<Timestamp>>,
    ) -> Option<tokio::task::JoinHandle<()>> {
        let now = self.clock.now();
        if asked.is_some_and(|last| now.duration_since(last).abs() < INTERVAL) {
            return None;
        }
        let own = self.clone();
        Some(tokio::spawn(async move {
            *asked = Some(now);
            match own.read().await {
                Ok(keys) => {
                    tracing::debug!(issuer = own.issuer, keys = keys.len(), "keys fetched");
                    let held = Held { keys: Arc::new(keys), at: now };
                    *own.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
                }
                Err(reason) => {
                    tracing::warn!(issuer = own.issuer, reason, "the keys of a trusted issuer cannot be had");
                }
            }
        }))
    }

    async fn read(&self) -> Result<KeySet, String> {
        let address = match &self.address {
            KeyAddress::At(address) => address.clone(),
            KeyAddress::Discovered => self.discover().await?,
        };
        let octets = self.fetch.fetch(&address).await?;
        KeySet::read(&octets).ok_or_else(|| format!("what is at {address} is no set of JSON Web Keys"))
    }

    /// The address of the keys, as the issuer tells it.
    async fn discover(&self) -> Result<String, String> {
        let address = format!("{}{DESCRIPTION}", self.issuer.trim_end_matches('/'));
        let octets = self.fetch.fetch(&address).await?;
        let found: Description = serde_json::from_slice(&octets)
            .map_err(|_| format!("what is at {address} has no issuer and jwks_uri"))?;
        if found.issuer != self.issuer {
            return Err(format!("{address} describes another issuer, '{}'", found.issuer));
        }
        // Only an issuer of this machine may keep its keys here in clear.
        if !found.jwks_uri.starts_with("https://") && !self.issuer.starts_with("http://") {
            return Err(format!(
                "{address} tells an address of keys that is not https: '{}'",
                found.jwks_uri
            ));
        }
        Ok(found.jwks_uri)
    }
}
