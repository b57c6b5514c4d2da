//! Certificates of clients, and the signatures that their keys make (RFC 7515 with RS256, PS256 and ES256).

use model::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey as Parsed;

use super::public_key::PublicKey;

/// The algorithms by which clients may sign.
const ALGORITHMS: [&str; 3] = ["RS256", "PS256", "ES256"];

/// The largest certificate that is read, in octets.
const LONGEST: usize = 10 * 1024;

/// What a certificate says that matters here.
pub(crate) struct Certificate {
    key: PublicKey,
    /// The certificate itself (DER).
    pub(crate) octets: Vec<u8>,
    /// From when on it holds.
    pub(crate) start: Timestamp,
    /// Until when it holds.
    pub(crate) end: Timestamp,
    /// Whom it was made for.
    pub(crate) subject: String,
    /// The SHA-1 hash of the certificate, by which clients name it.
    pub(crate) sha1: Vec<u8>,
    /// The SHA-256 hash of the certificate, by which newer clients name it.
    pub(crate) sha256: Vec<u8>,
}

impl Certificate {
    /// Reads a certificate in DER, or in PEM as people paste it. Fails in words.
    pub(crate) fn read(octets: &[u8]) -> Result<Self, &'static str> {
        const NONE: &str = "It is no X.509 certificate. Send the certificate (DER) in base64.";
        if octets.len() > LONGEST {
            return Err("It is longer than 10 kB. Send the client's own certificate alone.");
        }
        if octets.starts_with(b"-----BEGIN") {
            let (_, pem) = x509_parser::pem::parse_x509_pem(octets).map_err(|_| NONE)?;
            return Self::of_der(&pem.contents).ok_or(NONE)?;
        }
        Self::of_der(octets).ok_or(NONE)?
    }

    fn of_der(octets: &[u8]) -> Option<Result<Self, &'static str>> {
        let (rest, parsed) = X509Certificate::from_der(octets).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let Some(key) = key_of(&parsed) else {
            return Some(Err("Its key is neither RSA of 2048 to 8192 bits nor of the curve P-256."));
        };
        let validity = parsed.validity();
        let moment = |seconds| Timestamp::from_second(seconds).ok();
        let digest = |algorithm| ring::digest::digest(algorithm, octets).as_ref().to_vec();
        Some(Ok(Self {
            key,
            octets: octets.to_vec(),
            start: moment(validity.not_before.timestamp())?,
            end: moment(validity.not_after.timestamp())?,
            subject: parsed.subject().to_string().chars().take(256).collect(),
            sha1: digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY),
            sha256: digest(&ring::digest::SHA256),
        }))
    }

    /// True where the certificate's key made a signature by an algorithm of JSON Web Signatures.
    pub(crate) fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        ALGORITHMS.contains(&algorithm) && self.key.verifies(algorithm, message, signature)
    }
}

fn key_of(certificate: &X509Certificate<'_>) -> Option<PublicKey> {
    match certificate.public_key().parsed().ok()? {
        Parsed::RSA(key) => PublicKey::rsa(key.modulus, key.exponent),
        // An uncompressed point of a curve of 256 bits.
        Parsed::EC(point) if point.data().len() == 65 => Some(PublicKey::P256(point.data().to_vec())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const PEM: &str = include_str!("../../tests/data/rsa.pem");
    const MESSAGE: &[u8] = b"what the client signs";

    #[test]
    fn an_rsa_key_verifies_in_both_paddings() {
        let certificate = Certificate::read(PEM.as_bytes()).unwrap();
        assert_eq!(certificate.subject, "CN=client.example");
        assert_eq!(certificate.end.to_string(), "2125-01-01T00:00:00Z");
        let signature = |text: &str| STANDARD.decode(text.trim()).unwrap();
        let rs = signature(include_str!("../../tests/data/rsa.rs256"));
        let ps = signature(include_str!("../../tests/data/rsa.ps256"));
        assert!(certificate.verifies("RS256", MESSAGE, &rs) && certificate.verifies("PS256", MESSAGE, &ps));
        for (algorithm, message, signature) in [
            ("RS256", MESSAGE, &ps),
            ("PS256", MESSAGE, &rs),
            ("RS256", &MESSAGE[1..], &rs),
            ("none", MESSAGE, &rs),
            ("HS256", MESSAGE, &rs),
            ("ES256", MESSAGE, &rs),
        ] {
            assert!(!certificate.verifies(algorithm, message, signature), "{algorithm}");
        }
        let again = Certificate::read(&certificate.octets).unwrap();
        assert_eq!((again.sha1.len(), again.sha256.len()), (20, 32));
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        let octets = Certificate::read(PEM.as_bytes()).unwrap().octets;
        let longer = [octets.as_slice(), &[0]].concat();
        for (octets, words) in [
            (&b""[..], "no X.509 certificate"),
            (&octets[..octets.len() - 1], "no X.509 certificate"),
            (&longer, "no X.509 certificate"),
            (b"-----BEGIN nonsense", "no X.509 certificate"),
            (&[0x30; LONGEST + 1], "longer than 10 kB"),
        ] {
            assert!(Certificate::read(octets).err().unwrap().contains(words));
        }
    }
}
