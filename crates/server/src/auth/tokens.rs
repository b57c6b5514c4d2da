//! Access tokens: made for a client, checked on every request.

use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use graph::GraphError;
use model::{Entropy, SignedDuration, TenantId, Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use thiserror::Error;

use super::Caller;
use super::jws::{KeyPair, Refusal};

/// Who tokens are for.
const AUDIENCE: &str = "https://graph.microsoft.com";
/// Clocks of clients and servers differ by this at most.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);
/// How many checked tokens are remembered.
const REMEMBERED: usize = 10_000;

/// The private key that the store keeps for the installation cannot be used.
#[derive(Debug, Error)]
#[error("the key that signs access tokens is damaged: it must be 32 octets and a P-256 private key")]
pub struct SigningKeyError;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    appid: String,
    azp: String,
    idtyp: String,
    oid: Uuid,
    sub: Uuid,
    tid: Uuid,
    #[serde(default)]
    roles: Vec<String>,
    uti: String,
    ver: String,
}

/// Issues tokens and checks them, with one key for the installation.
pub struct TokenAuthority {
    key: KeyPair,
    /// Keys the fingerprints of tokens in memory, and the seals of paging tokens.
    seal: [u8; 16],
    checked: Mutex<HashMap<u128, (Caller, Timestamp)>>,
}

/// A token as the token endpoint hands it out.
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) seconds: i64,
}

impl TokenAuthority {
    /// How long a token holds.
    pub const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

    /// A private key, for an installation that has none yet: 32 octets, to be kept encrypted.
    #[must_use]
    pub fn generate_key(entropy: &dyn Entropy) -> [u8; 32] {
        let mut octets = [0; 32];
        // All but one of 2^32 numbers are keys of the curve.
        loop {
            entropy.fill(&mut octets);
            if KeyPair::from_octets(&octets).is_some() {
                return octets;
            }
        }
    }

    /// The authority of a private key.
    ///
    /// # Errors
    /// Where the octets are no P-256 private key.
    pub fn new(private_key: &[u8]) -> Result<Self, SigningKeyError> {
        let key = KeyPair::from_octets(private_key).ok_or(SigningKeyError)?;
        // Derived, so that all nodes of an installation seal alike; it tells nothing of the key.
        let (first, second) = private_key.split_first_chunk::<16>().ok_or(SigningKeyError)?;
        let mut hasher = SipHasher24::new_with_key(first);
        hasher.write(second);
        hasher.write(b"seal of paging tokens");
        let seal = hasher.finish128().as_bytes();
        Ok(Self { key, seal, checked: Mutex::default() })
    }

    /// A token for a client, at a moment. `issuer` is the address of the tenant's token endpoint's issuer.
    pub(super) fn issue(
        &self,
        caller: &Caller,
        issuer: String,
        now: Timestamp,
        unique: Uuid,
    ) -> Option<Issued> {
        let seconds = Self::LIFETIME.as_secs() - 1;
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            iss: issuer,
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: now.as_second() + seconds,
            appid: caller.client.clone(),
            azp: caller.client.clone(),
            idtyp: "app".to_owned(),
            oid: caller.principal,
            sub: caller.principal,
            tid: caller.tenant.0,
            roles: caller.roles.iter().cloned().collect(),
            uti: unique.simple().to_string(),
            ver: "2.0".to_owned(),
        };
        Some(Issued { token: self.key.sign(&claims)?, seconds })
    }

    /// Who a bearer token speaks for.
    ///
    /// # Errors
    /// 401 `InvalidAuthenticationToken` with what is wrong.
    pub fn authenticate(&self, token: &str, now: Timestamp) -> Result<Caller, GraphError> {
        let fingerprint = self.fingerprint(token);
        if let Some((caller, expiry)) = self.remembered().get(&fingerprint)
            && now < *expiry
        {
            return Ok(caller.clone());
        }
        let claims: Claims = self.key.verify(token).map_err(|refusal| {
            GraphError::invalid_token(match refusal {
                Refusal::Malformed => "Access token is malformed. Get one from the token endpoint.",
                Refusal::Signature => "Access token validation failure. Invalid signature.",
            })
        })?;
        let (caller, expiry) = judge(claims, now)?;
        let mut checked = self.remembered();
        if checked.len() >= REMEMBERED {
            checked.retain(|_, (_, expiry)| now < *expiry);
        }
        if checked.len() < REMEMBERED {
            checked.insert(fingerprint, (caller.clone(), expiry));
        }
        Ok(caller)
    }

    /// The public key, as a set of JSON Web Keys.
    #[must_use]
    pub fn public_keys(&self) -> Json {
        json!({ "keys": [self.key.public()] })
    }

    /// A seal over a text that the service hands out and wants back unchanged.
    #[must_use]
    pub(crate) fn seal(&self, text: &str) -> u128 {
        self.fingerprint(text)
    }

    fn fingerprint(&self, text: &str) -> u128 {
        let mut hasher = SipHasher24::new_with_key(&self.seal);
        text.hash(&mut hasher);
        hasher.finish128().as_u128()
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, HashMap<u128, (Caller, Timestamp)>> {
        // The map is whole at every moment, also where a thread ended while it held the lock.
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn judge(claims: Claims, now: Timestamp) -> Result<(Caller, Timestamp), GraphError> {
    let moment = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN);
    let expiry = moment(claims.exp).saturating_add(LEEWAY).unwrap_or(Timestamp::MIN);
    if claims.aud != AUDIENCE {
        return Err(GraphError::invalid_token("Access token validation failure. Invalid audience."));
    }
    if now >= expiry {
        return Err(GraphError::invalid_token(
            "Lifetime validation failed, the token is expired. Get a new one from the token endpoint.",
        ));
    }
    if now.saturating_add(LEEWAY).unwrap_or(Timestamp::MAX) < moment(claims.nbf) {
        return Err(GraphError::invalid_token("Lifetime validation failed, the token is not yet valid."));
    }
    let caller = Caller {
        tenant: TenantId(claims.tid),
        client: claims.appid,
        principal: claims.oid,
        roles: Arc::new(claims.roles.into_iter().collect::<BTreeSet<_>>()),
    };
    Ok((caller, expiry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller() -> Caller {
        Caller {
            tenant: TenantId(Uuid::from_u128(1)),
            client: "c".to_owned(),
            principal: Uuid::from_u128(2),
            roles: Arc::new(["User.Read.All".to_owned()].into()),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn token(authority: &TokenAuthority) -> String {
        authority.issue(&caller(), "https://h/t/v2.0".to_owned(), at(0), Uuid::nil()).unwrap().token
    }

    #[test]
    fn a_token_says_who_calls_for_an_hour() {
        let authority = TokenAuthority::new(&[7; 32]).unwrap();
        let token = token(&authority);
        assert_eq!(authority.authenticate(&token, at(0)).unwrap(), caller());
        assert_eq!(authority.authenticate(&token, at(3599)).unwrap(), caller());
        let late = authority.authenticate(&token, at(3700)).unwrap_err();
        assert_eq!((late.status(), late.code()), (401, "InvalidAuthenticationToken"));
        assert!(late.message().contains("expired"));
        let early = TokenAuthority::new(&[7; 32]).unwrap().authenticate(&token, at(-100)).unwrap_err();
        assert!(early.message().contains("not yet valid"));
    }

    #[test]
    fn another_installations_token_does_not_hold() {
        let token = token(&TokenAuthority::new(&[8; 32]).unwrap());
        let error = TokenAuthority::new(&[7; 32]).unwrap().authenticate(&token, at(0)).unwrap_err();
        assert!(error.message().contains("Invalid signature"));
        assert!(TokenAuthority::new(&[0; 32]).is_err());
    }

    #[test]
    fn nodes_of_an_installation_seal_alike() {
        let one = TokenAuthority::new(&[7; 32]).unwrap();
        assert_eq!(one.seal("x"), TokenAuthority::new(&[7; 32]).unwrap().seal("x"));
        assert_ne!(one.seal("x"), one.seal("y"));
        assert_ne!(one.seal("x"), TokenAuthority::new(&[8; 32]).unwrap().seal("x"));
    }
}
