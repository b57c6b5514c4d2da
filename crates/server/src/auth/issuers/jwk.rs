//! The keys that an issuer publishes: a set of JSON Web Keys (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::auth::jws::Parts;
use crate::auth::public_key::PublicKey;

/// How many keys of a set are looked at.
const MOST_KEYS: usize = 100;

/// The keys of a set that signatures can be verified with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    id: String,
    /// The only algorithm that the key is for, where the issuer says so.
    algorithm: Option<String>,
    public: PublicKey,
}

/// What the keys say of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The key that it names signed it.
    Holds,
    /// That key did not.
    Wrong,
    /// There is no such key.
    UnknownKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Json>,
}

/// A key as it is published. Members that are not looked at do not matter.
#[derive(Deserialize)]
struct Published {
    kty: String,
    #[serde(default)]
    kid: String,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

impl KeySet {
    /// Reads a set. Keys of other kinds, sizes and uses are left out, as RFC 7517, section 5, asks; none where it is no
    /// set at all.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let set: Set = serde_json::from_slice(octets).ok()?;
        Some(Self(set.keys.into_iter().take(MOST_KEYS).filter_map(Key::read).collect()))
    }

    /// What the keys say of a token. One that names no key is judged where a single key is for its algorithm.
    pub(super) fn verify(&self, token: &Parts) -> Verdict {
        let header = &token.header;
        let fitting = || self.0.iter().filter(|key| key.is_for(&header.alg));
        let named = |key: &&Key| !header.kid.is_empty() && key.id == header.kid;
        let single = header.kid.is_empty() && fitting().nth(1).is_none();
        let mut candidates = fitting().filter(|key| single || named(key)).peekable();
        if candidates.peek().is_none() {
            return Verdict::UnknownKey;
        }
        let signed = |key: &Key| key.public.verifies(&header.alg, &token.signed, &token.signature);
        if candidates.any(signed) { Verdict::Holds } else { Verdict::Wrong }
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Key {
    fn read(json: Json) -> Option<Self> {
        let published: Published = serde_json::from_value(json).ok()?;
        let signs = published.usage.is_none_or(|usage| usage == "sig")
            && published.key_ops.is_none_or(|operations| operations.iter().any(|one| one == "verify"));
        let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let key = match published.kty.as_str() {
            "RSA" => PublicKey::rsa(&octets(&published.n)?, &octets(&published.e)?),
            "EC" => PublicKey::of_curve(&published.crv, &published.x, &published.y),
            _ => None,
        };
        let key = key.filter(|_| signs)?;
        Some(Self { id: published.kid, algorithm: published.alg, public: key })
    }

    fn is_for(&self, algorithm: &str) -> bool {
        self.public.fits(algorithm) && self.algorithm.as_ref().is_none_or(|only| only == algorithm)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn count(keys: &Json) -> usize {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap().len()
    }

    #[test]
    fn only_keys_that_can_verify_are_taken() {
        let text = |octets: usize| URL_SAFE_NO_PAD.encode(vec![0xA5; octets]);
        let rsa = json!({"kty": "RSA", "kid": "1", "n": text(256), "e": "AQAB"});
        let with = |key: &Json, name: &str, value: Json| {
            let mut changed = key.clone();
            changed[name] = value;
            changed
        };
        let p256 = json!({"kty": "EC", "crv": "P-256", "x": text(32), "y": text(32), "use": "sig"});
        for (key, taken) in [
            (rsa.clone(), true),
            (with(&rsa, "key_ops", json!(["verify"])), true),
            (with(&rsa, "n", json!(text(255))), false),
            (with(&rsa, "n", json!(text(1025))), false),
            (with(&rsa, "use", json!("enc")), false),
            (with(&rsa, "key_ops", json!(["encrypt"])), false),
            (with(&rsa, "kid", json!(7)), false),
            (p256.clone(), true),
            (with(&p256, "crv", json!("P-384")), false),
            (
                with(&with(&with(&p256, "crv", json!("P-384")), "x", json!(text(48))), "y", json!(text(48))),
                true,
            ),
            (with(&p256, "crv", json!("P-521")), false),
            (with(&p256, "crv", json!("secp256k1")), false),
            (with(&p256, "y", json!("***")), false),
            (json!({"kty": "oct", "k": text(32)}), false),
            (json!({"kty": "OKP", "crv": "Ed25519", "x": text(32)}), false),
            (json!("x"), false),
        ] {
            assert_eq!(count(&json!([key])), usize::from(taken), "{key}");
        }
        assert_eq!(count(&Json::Array(vec![rsa; 200])), MOST_KEYS);
        for text in ["", "[]", "{}", "<html>", r#"{"keys": 7}"#] {
            assert_eq!(KeySet::read(text.as_bytes()), None, "{text}");
        }
    }
}
