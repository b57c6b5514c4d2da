//! Access tokens: made for a client, checked on every request.

use std::collections::BTreeSet;
use std::hash::Hash as _;
use std::sync::{Arc, PoisonError, RwLock};

use graph::GraphError;
use model::{SignedDuration, TenantId, Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use siphasher::sip128::{Hasher128 as _, SipHasher24};

use super::Caller;
use super::jws::{KeyPair, Parts, Refusal};
use super::remembered::Remembered;
use super::signing_keys::{SigningKeyError, SigningKeys};

/// Who tokens are for.
const AUDIENCE: &str = "https://graph.microsoft.com";
/// Clocks of clients and servers differ by this at most.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

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

/// Issues tokens and checks them, with the keys of the installation.
pub struct TokenAuthority {
    /// With the moments from which on they sign, oldest first.
    keys: RwLock<Vec<(KeyPair, Timestamp)>>,
    /// Keys the fingerprints of tokens in memory, and the seals of paging tokens.
    seal: [u8; 16],
    checked: Remembered,
}

/// A token as the token endpoint hands it out.
pub(super) struct Issued {
    pub(super) token: String,
    pub(super) seconds: i64,
}

impl TokenAuthority {
    /// How long a token holds.
    pub const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

    /// The authority of an installation's keys.
    ///
    /// # Errors
    /// Where one of them is no P-256 private key.
    pub fn new(keys: &SigningKeys) -> Result<Self, SigningKeyError> {
        let pairs = RwLock::new(keys.pairs()?);
        Ok(Self { keys: pairs, seal: keys.seal, checked: Remembered::default() })
    }

    /// Goes on with the keys as they are now.
    ///
    /// # Errors
    /// Where one of them is no P-256 private key; the keys of before stay then.
    pub fn turn_to(&self, keys: &SigningKeys) -> Result<(), SigningKeyError> {
        let pairs = keys.pairs()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = pairs;
        Ok(())
    }

    /// A token for a client of the tenant, at a moment. `issuer` is the address of the tenant's token endpoint's issuer.
    pub(super) fn issue(
        &self,
        caller: &Caller,
        issuer: String,
        now: Timestamp,
        unique: Uuid,
    ) -> Option<Issued> {
        let principal = caller.principal?;
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
            oid: principal,
            sub: principal,
            tid: caller.tenant.0,
            roles: caller.roles.iter().cloned().collect(),
            uti: unique.simple().to_string(),
            ver: "2.0".to_owned(),
        };
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let (key, _) = keys.iter().rev().find(|(_, from)| *from <= now).or_else(|| keys.first())?;
        Some(Issued { token: key.sign(&claims)?, seconds })
    }

    /// Who a bearer token speaks for.
    ///
    /// # Errors
    /// 401 `InvalidAuthenticationToken` with what is wrong.
    pub fn authenticate(&self, token: &str, now: Timestamp) -> Result<Caller, GraphError> {
        let fingerprint = self.fingerprint(token);
        if let Some(caller) = self.checked.get(fingerprint, now) {
            return Ok(caller);
        }
        let claims = self.verify(token).map_err(|refusal| {
            GraphError::invalid_token(match refusal {
                Refusal::Malformed => "Access token is malformed. Get one from the token endpoint.",
                Refusal::Signature => "Access token validation failure. Invalid signature.",
            })
        })?;
        let (caller, expiry) = judge(claims, now)?;
        self.checked.put(fingerprint, &caller, expiry, now);
        Ok(caller)
    }

    fn verify(&self, token: &str) -> Result<Claims, Refusal> {
        let token = Parts::read(token)?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let verified = keys.iter().map(|(key, _)| key.verify(&token));
        verified.reduce(Result::or).unwrap_or(Err(Refusal::Signature))
    }

    /// The public keys, as a set of JSON Web Keys.
    #[must_use]
    pub fn public_keys(&self) -> Json {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        json!({ "keys": keys.iter().map(|(key, _)| key.public()).collect::<Vec<_>>() })
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
        principal: Some(claims.oid),
        outside: None,
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
            principal: Some(Uuid::from_u128(2)),
            outside: None,
            roles: Arc::new(["User.Read.All".to_owned()].into()),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn keys(seed: u64) -> SigningKeys {
        SigningKeys::generate(&testkit::SeededEntropy::new(seed), at(0))
    }

    fn authority(seed: u64) -> TokenAuthority {
        TokenAuthority::new(&keys(seed)).unwrap()
    }

    fn token(authority: &TokenAuthority) -> String {
        authority.issue(&caller(), "https://h/t/v2.0".to_owned(), at(0), Uuid::nil()).unwrap().token
    }

    #[test]
    fn a_token_says_who_calls_for_an_hour() {
        let one = authority(7);
        let token = token(&one);
        assert_eq!(one.authenticate(&token, at(0)).unwrap(), caller());
        assert_eq!(one.authenticate(&token, at(3599)).unwrap(), caller());
        let late = one.authenticate(&token, at(3700)).unwrap_err();
        assert_eq!((late.status(), late.code()), (401, "InvalidAuthenticationToken"));
        assert!(late.message().contains("expired"));
        let early = authority(7).authenticate(&token, at(-100)).unwrap_err();
        assert!(early.message().contains("not yet valid"));
    }

    #[test]
    fn another_installations_token_does_not_hold() {
        let token = token(&authority(8));
        let error = authority(7).authenticate(&token, at(0)).unwrap_err();
        assert!(error.message().contains("Invalid signature"));
    }

    #[test]
    fn nodes_of_an_installation_seal_alike() {
        let one = authority(7);
        assert_eq!(one.seal("x"), authority(7).seal("x"));
        assert_ne!(one.seal("x"), one.seal("y"));
        assert_ne!(one.seal("x"), authority(8).seal("x"));
    }

    #[test]
    fn tokens_hold_across_a_turn_of_the_keys() {
        let entropy = testkit::SeededEntropy::new(9);
        let later = |days: i64| at(days * 24 * 3600);
        let issue = |authority: &TokenAuthority, now| {
            authority.issue(&caller(), String::new(), now, Uuid::nil()).unwrap().token
        };
        let kids = |authority: &TokenAuthority| authority.public_keys()["keys"].as_array().unwrap().len();
        let kid = |token: &str| token.split('.').next().unwrap().to_owned();
        let first = keys(7);
        let one = TokenAuthority::new(&first).unwrap();
        let old = issue(&one, later(29));
        // The next key is published, and does not sign yet.
        let turned = first.turn(&entropy, later(29)).unwrap();
        one.turn_to(&turned).unwrap();
        assert_eq!((kids(&one), kid(&issue(&one, later(29)))), (2, kid(&old)));
        let last = issue(&one, at(30 * 24 * 3600 - 1));
        assert_eq!(kid(&last), kid(&old));
        // From its moment on it signs; tokens of the old one hold on, in this process and the next.
        let new = issue(&one, later(30));
        assert_ne!(kid(&new), kid(&old));
        let next = TokenAuthority::new(&SigningKeys::from_octets(&turned.to_octets().unwrap()).unwrap());
        for authority in [one, next.unwrap()] {
            authority.authenticate(&last, later(30)).unwrap();
            authority.authenticate(&new, later(30)).unwrap();
            assert_eq!(authority.seal("x"), TokenAuthority::new(&first).unwrap().seal("x"));
        }
        let after = turned.turn(&entropy, later(31)).unwrap();
        assert_eq!(kids(&TokenAuthority::new(&after).unwrap()), 1);
    }
}
