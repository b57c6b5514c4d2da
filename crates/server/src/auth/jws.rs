//! Signed tokens in compact form (RFC 7515). Our own are signed with ES256 (RFC 7518, section 3.4), and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// The longest token that is looked at, in octets.
const LONGEST: usize = 16 * 1024;

/// The algorithms by which tokens of others may be signed.
const ALGORITHMS: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384"];

/// A key pair with the name that tokens carry for it.
pub(super) struct KeyPair {
    key: SigningKey,
    id: String,
}

/// What a token says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Header {
    /// The algorithm.
    pub(super) alg: String,
    /// The name of the key.
    #[serde(default)]
    pub(super) kid: String,
    #[serde(default)]
    typ: String,
    /// What a reader must understand to believe the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crit: Option<serde_json::Value>,
    /// The SHA-1 hash of the key's certificate.
    #[serde(default, rename = "x5t", skip_serializing_if = "Option::is_none")]
    pub(super) sha1: Option<String>,
    /// The SHA-256 hash of the key's certificate.
    #[serde(default, rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

impl Header {
    /// Refuses, of tokens that others issue, what is no access token in the usual form (RFC 8725, sections 3.1 and
    /// 3.11): other algorithms than those of public keys, tokens of another type, and extensions (RFC 7515, section
    /// 4.1.11).
    pub(super) fn check_outside(&self) -> Result<(), &'static str> {
        if !ALGORITHMS.contains(&self.alg.as_str()) {
            return Err("It is signed by an algorithm that is not taken.");
        }
        let kind = self.typ.to_ascii_lowercase();
        if !["", "jwt", "at+jwt", "application/at+jwt"].contains(&kind.as_str()) {
            return Err("It is a token of another type.");
        }
        if self.crit.is_some() { Err("It has extensions that are not known.") } else { Ok(()) }
    }
}

/// A token taken apart, not yet believed.
pub(super) struct Parts {
    /// What it says of itself.
    pub(super) header: Header,
    claims: Vec<u8>,
    /// The octets that were signed.
    pub(super) signed: Vec<u8>,
    /// The signature over them.
    pub(super) signature: Vec<u8>,
}

impl Parts {
    /// Takes a token apart.
    pub(super) fn read(token: &str) -> Result<Self, Refusal> {
        if token.len() > LONGEST {
            return Err(Refusal::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(Refusal::Malformed)?;
        let octets = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed);
        Ok(Self {
            header: serde_json::from_slice(&octets(header)?).map_err(|_| Refusal::Malformed)?,
            claims: octets(claims)?,
            signed: signed.as_bytes().to_vec(),
            signature: octets(signature)?,
        })
    }

    /// The claims, whoever signed them.
    pub(super) fn claims<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.claims).map_err(|_| Refusal::Malformed)
    }
}

/// Why a token does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is no token in compact form.
    Malformed,
    /// It was signed by another key or algorithm, or changed since.
    Signature,
}

impl KeyPair {
    /// The pair of a private key of 32 octets; none where they are no key of the curve.
    pub(super) fn from_octets(octets: &[u8]) -> Option<Self> {
        // Shorter slices would be taken as numbers with leading zeros.
        let octets: [u8; 32] = octets.try_into().ok()?;
        let key = SigningKey::from_slice(&octets).ok()?;
        let (x, _) = coordinates(&key);
        // The beginning of the public key tells keys apart.
        let id = x.chars().take(22).collect();
        Some(Self { key, id })
    }

    /// The token of some claims.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Option<String> {
        let (alg, typ) = ("ES256".to_owned(), "JWT".to_owned());
        let header = Header { alg, kid: self.id.clone(), typ, ..Header::default() };
        let mut token = encode(&header)?;
        token.push('.');
        token.push_str(&encode(claims)?);
        let signature: Signature = self.key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.to_bytes(), &mut token);
        Some(token)
    }

    /// The claims of a token that this key signed.
    pub(super) fn verify<T: DeserializeOwned>(&self, token: &Parts) -> Result<T, Refusal> {
        if token.header.alg != "ES256" || token.header.kid != self.id {
            return Err(Refusal::Signature);
        }
        let signature = Signature::from_slice(&token.signature).map_err(|_| Refusal::Signature)?;
        self.key.verifying_key().verify(&token.signed, &signature).map_err(|_| Refusal::Signature)?;
        token.claims()
    }

    /// The public key as a JSON Web Key (RFC 7517).
    pub(super) fn public(&self) -> Json {
        let (x, y) = coordinates(&self.key);
        json!({"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": self.id, "x": x, "y": y})
    }
}

fn coordinates(key: &SigningKey) -> (String, String) {
    let point = key.verifying_key().to_sec1_point(false);
    // An uncompressed point is one octet of form, then the coordinates of 32 octets each.
    let (x, y) = point.as_bytes().get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
    (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
}

fn encode(part: &impl Serialize) -> Option<String> {
    serde_json::to_vec(part).ok().map(|octets| URL_SAFE_NO_PAD.encode(octets))
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::VerifyingKey;

    use super::*;

    fn verify(pair: &KeyPair, token: &str) -> Result<Json, Refusal> {
        pair.verify(&Parts::read(token)?)
    }

    fn pair(octet: u8) -> KeyPair {
        KeyPair::from_octets(&[octet; 32]).unwrap()
    }

    #[test]
    fn a_token_holds_for_its_key_alone() {
        let token = pair(7).sign(&json!({"tid": "t"})).unwrap();
        assert_eq!(verify(&pair(7), &token), Ok(json!({"tid": "t"})));
        assert_eq!(verify(&pair(8), &token), Err(Refusal::Signature));
    }

    #[test]
    fn a_changed_token_does_not_hold() {
        let token = pair(7).sign(&json!({"tid": "t"})).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let other = encode(&json!({"tid": "u"})).unwrap();
        let none = encode(&json!({"alg": "none", "kid": pair(7).id})).unwrap();
        for (changed, refusal) in [
            (format!("{}.{other}.{}", parts[0], parts[2]), Refusal::Signature),
            (format!("{none}.{}.", parts[1]), Refusal::Signature),
            (format!("{}.{}.AAAA", parts[0], parts[1]), Refusal::Signature),
            (format!("{}.{}", parts[0], parts[1]), Refusal::Malformed),
            ("x".repeat(LONGEST + 1), Refusal::Malformed),
            (String::new(), Refusal::Malformed),
        ] {
            assert_eq!(verify(&pair(7), &changed), Err(refusal), "{changed}");
        }
    }

    #[test]
    fn the_public_key_verifies_what_the_private_key_signed() {
        let pair = pair(7);
        let token = pair.sign(&json!({"a": 1})).unwrap();
        let public = pair.public();
        let octets = |name: &str| URL_SAFE_NO_PAD.decode(public[name].as_str().unwrap()).unwrap();
        let point = [vec![4], octets("x"), octets("y")].concat();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        VerifyingKey::from_sec1_bytes(&point).unwrap().verify(signed.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn not_every_octets_are_a_key() {
        assert!(KeyPair::from_octets(&[0; 32]).is_none());
        assert!(KeyPair::from_octets(&[0xff; 32]).is_none());
        assert!(KeyPair::from_octets(&[7; 31]).is_none());
    }
}
