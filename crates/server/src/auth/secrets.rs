//! Client secrets: made, hashed with Argon2id, checked.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use directory::PasswordCredential;
use model::{Entropy, SignedDuration, Timestamp, Uuid};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use tokio::sync::Semaphore;

use super::throttle::Throttle;

/// Hashes computed at the same time: each takes about 20 MiB and a processor.
const AT_ONCE: usize = 2;
/// How long a secret that was checked needs no hash again.
const MEMORY: SignedDuration = SignedDuration::from_mins(10);
/// How many checked secrets are remembered.
const REMEMBERED: usize = 10_000;
/// The longest secret that is looked at, in octets.
const LONGEST: usize = 1024;

/// A secret that was just made: shown once.
#[derive(Clone)]
pub struct NewSecret {
    /// The secret in clear.
    pub text: String,
    /// Its first characters, kept for telling secrets apart.
    pub hint: String,
    /// What is kept of it.
    pub hash: String,
}

/// Hashes and checks client secrets. A hash is slow by design, so that a secret that was checked is remembered for some
/// minutes, as a keyed fingerprint that only this process can make.
pub struct ClientSecrets {
    key: [u8; 16],
    entropy: Arc<dyn Entropy>,
    room: Semaphore,
    checked: Mutex<HashMap<u128, Timestamp>>,
    throttle: Throttle,
}

impl ClientSecrets {
    /// A checker that has seen nothing yet.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        let mut key = [0; 16];
        entropy.fill(&mut key);
        Self {
            key,
            entropy,
            room: Semaphore::new(AT_ONCE),
            checked: Mutex::default(),
            throttle: Throttle::default(),
        }
    }

    /// Counts what failed.
    pub(super) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// A new secret of 40 characters; none where hashing failed.
    pub async fn generate(&self) -> Option<NewSecret> {
        let mut octets = [0; 30];
        self.entropy.fill(&mut octets);
        let text = URL_SAFE_NO_PAD.encode(octets);
        let hash = self.hash(&text).await?;
        Some(NewSecret { hint: hint(&text), text, hash })
    }

    /// What is to be kept of a secret; none where hashing failed.
    pub async fn hash(&self, secret: &str) -> Option<String> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        let secret = secret.to_owned();
        self.compute(move || {
            Argon2::default()
                .hash_password_with_salt(secret.as_bytes(), &salt)
                .ok()
                .map(|hash| hash.to_string())
        })
        .await
        .flatten()
    }

    /// Which of an application's credentials a secret is, among those that are accepted at a moment. Takes about the
    /// same time where there is none to compare with.
    pub async fn check(
        &self,
        credentials: &[PasswordCredential],
        secret: &str,
        now: Timestamp,
    ) -> Option<Uuid> {
        if secret.len() > LONGEST {
            return None;
        }
        let accepted: Vec<_> = credentials.iter().filter(|credential| credential.is_valid_at(now)).collect();
        let fresh = |credential: &&&PasswordCredential| self.is_remembered(&credential.hash, secret, now);
        if let Some(known) = accepted.iter().find(fresh) {
            return Some(known.key_id);
        }
        for credential in &accepted {
            if self.verify(credential.hash.clone(), secret.to_owned()).await {
                self.remember(&credential.hash, secret, now);
                return Some(credential.key_id);
            }
        }
        if accepted.is_empty() {
            let _ = self.hash(secret).await;
        }
        None
    }

    async fn verify(&self, hash: String, secret: String) -> bool {
        let verified = self.compute(move || {
            PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok())
        });
        verified.await.unwrap_or(false)
    }

    /// Runs slow work beside the requests, a little of it at a time.
    async fn compute<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Option<R> {
        let _room = self.room.acquire().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }

    fn fingerprint(&self, hash: &str, secret: &str) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hash.hash(&mut hasher);
        secret.hash(&mut hasher);
        hasher.write_u8(0);
        hasher.finish128().as_u128()
    }

    fn is_remembered(&self, hash: &str, secret: &str, now: Timestamp) -> bool {
        let checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        checked.get(&self.fingerprint(hash, secret)).is_some_and(|until| now < *until)
    }

    fn remember(&self, hash: &str, secret: &str, now: Timestamp) {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.len() >= REMEMBERED {
            checked.retain(|_, until| now < *until);
        }
        if checked.len() < REMEMBERED {
            checked.insert(self.fingerprint(hash, secret), now.saturating_add(MEMORY).unwrap_or(now));
        }
    }
}

/// The first characters of a secret.
#[must_use]
fn hint(secret: &str) -> String {
    secret.chars().take(3).collect()
}

#[cfg(test)]
mod tests {
    use model::SystemEntropy;

    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + minutes * 60).unwrap()
    }

    fn credential(hash: String, end: Timestamp) -> PasswordCredential {
        let start = Timestamp::UNIX_EPOCH;
        PasswordCredential { key_id: Uuid::from_u128(5), display_name: None, hint: None, start, end, hash }
    }

    #[tokio::test]
    async fn a_secret_is_known_by_its_hash() {
        let secrets = ClientSecrets::new(Arc::new(SystemEntropy));
        let made = secrets.generate().await.unwrap();
        assert_eq!(made.text.len(), 40);
        assert!(made.text.starts_with(&made.hint) && !made.hash.contains(&made.text));
        let credentials = [credential(made.hash, at(100))];
        for _ in 0..2 {
            assert_eq!(secrets.check(&credentials, &made.text, at(0)).await, Some(Uuid::from_u128(5)));
        }
        assert_eq!(secrets.check(&credentials, "wrong", at(0)).await, None);
        assert_eq!(secrets.check(&credentials, &made.text, at(100)).await, None, "it has ended");
        assert_eq!(secrets.check(&[], &made.text, at(0)).await, None, "it was removed");
    }

    #[tokio::test]
    async fn a_damaged_hash_accepts_nothing() {
        let secrets = ClientSecrets::new(Arc::new(SystemEntropy));
        assert_eq!(secrets.check(&[credential("x".to_owned(), at(1))], "x", at(0)).await, None);
    }
}
