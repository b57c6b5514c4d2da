//! Client assertions (RFC 7523, section 2.2): a client proves who it is by a token that its certificate's key signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{SignedDuration, Timestamp, Uuid};
use serde::Deserialize;
use serde_json::Value as Json;

use super::jws::Parts;
use super::key_credentials::KeyCredential;
use super::moment;

/// The only form of assertion, as the request names it.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Clocks of clients differ by this at most.
const LEEWAY: SignedDuration = SignedDuration::from_mins(5);

/// An assertion, read and not yet believed.
pub(super) struct Assertion {
    parts: Parts,
    claims: Claims,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Json,
    /// Seconds, of which some libraries send fractions.
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
}

/// Why an assertion proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Issuer or subject is not the client.
    Client,
    /// It is for somebody else.
    Audience,
    /// It is not valid yet, or no more.
    Time,
    /// The application has no such key.
    Key,
    /// The key is not valid yet, or no more.
    KeyTime,
    /// The key did not sign this.
    Signature,
}

impl Assertion {
    /// Reads a token in compact form.
    pub(super) fn read(text: &str) -> Option<Self> {
        let parts = Parts::read(text).ok()?;
        let claims = parts.claims().ok()?;
        Some(Self { parts, claims })
    }

    /// The client that it says it is from.
    pub(super) fn client(&self) -> &str {
        &self.claims.sub
    }

    /// Which of a client's credentials signed the assertion. `audiences` are the addresses that it may be for.
    ///
    /// The same assertion may come again until it ends: the clients of Entra use one for several requests.
    pub(super) fn verify(
        &self,
        client: &str,
        credentials: &[KeyCredential],
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Uuid, Flaw> {
        let claims = &self.claims;
        if ![&claims.iss, &claims.sub].iter().all(|name| name.eq_ignore_ascii_case(client)) {
            return Err(Flaw::Client);
        }
        let mut named = credentials.iter().filter(|credential| self.names(credential)).peekable();
        if named.peek().is_none() {
            return Err(Flaw::Key);
        }
        let signed = |one: &&KeyCredential| {
            one.certificate.verifies(&self.parts.header.alg, &self.parts.signed, &self.parts.signature)
        };
        let credential = named.find(signed).ok_or(Flaw::Signature)?;
        if !(credential.start..credential.end).contains(&now) {
            return Err(Flaw::KeyTime);
        }
        let is_ours = |aud: &Json| aud.as_str().is_some_and(|aud| audiences.iter().any(|one| same(one, aud)));
        let ours = match &claims.aud {
            Json::Array(several) => several.iter().any(is_ours),
            one => is_ours(one),
        };
        if !ours {
            return Err(Flaw::Audience);
        }
        let ends = moment(claims.exp).and_then(|end| end.saturating_add(LEEWAY).ok());
        let begun = claims.nbf.is_none_or(|nbf| {
            let latest = now.saturating_add(LEEWAY).unwrap_or(now);
            moment(nbf).is_some_and(|begin| begin <= latest)
        });
        if begun && ends.is_some_and(|end| now < end) { Ok(credential.id) } else { Err(Flaw::Time) }
    }

    /// True where the header names the credential: by a hash of the certificate, or by the credential's id. A header
    /// that names none is for any.
    fn names(&self, credential: &KeyCredential) -> bool {
        let header = &self.parts.header;
        let is_hash = |text: &str, hash: &[u8]| {
            URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).is_ok_and(|octets| octets == hash)
        };
        if let Some(text) = &header.sha256 {
            return is_hash(text, &credential.certificate.sha256);
        }
        if let Some(text) = &header.sha1 {
            return is_hash(text, &credential.certificate.sha1);
        }
        let hex = |hash: &[u8]| hash.iter().fold(String::new(), |text, octet| format!("{text}{octet:02X}"));
        header.kid.is_empty()
            || header.kid.parse() == Ok(credential.id)
            || header.kid.eq_ignore_ascii_case(&hex(&credential.certificate.sha1))
            || is_hash(&header.kid, &credential.certificate.sha1)
            || is_hash(&header.kid, &credential.certificate.sha256)
    }
}

fn same(ours: &str, theirs: &str) -> bool {
    ours.eq_ignore_ascii_case(theirs.trim_end_matches('/'))
}
