//! Public keys of others, and the signatures that they verify (RFC 7518, section 3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// A key of a kind and size that signatures are taken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// RSA of 2048 to 8192 bits.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// An uncompressed point of the curve P-256.
    P256(Vec<u8>),
    /// An uncompressed point of the curve P-384.
    P384(Vec<u8>),
}

impl PublicKey {
    /// The RSA key of these numbers, which may begin with zeros; none where its size is another.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let without_zeros = |number: &[u8]| {
            let start = number.iter().position(|octet| *octet != 0).unwrap_or(number.len());
            number.get(start..).unwrap_or_default().to_vec()
        };
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        (256..=1024).contains(&modulus.len()).then_some(Self::Rsa { modulus, exponent })
    }

    /// The key of a curve by the coordinates in a JSON Web Key (RFC 7518, section 6.2.1); none for other curves, and
    /// for coordinates of another length than the curve's.
    pub(super) fn of_curve(curve: &str, x: &str, y: &str) -> Option<Self> {
        let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let (x, y) = (octets(x)?, octets(y)?);
        let (make, length): (fn(Vec<u8>) -> Self, _) = match curve {
            "P-256" => (Self::P256, 32),
            "P-384" => (Self::P384, 48),
            _ => return None,
        };
        (x.len() == length && y.len() == length).then(|| make([&[4][..], &x, &y].concat()))
    }

    /// True where signatures of this algorithm can be made with such a key.
    pub(super) fn fits(&self, algorithm: &str) -> bool {
        match self {
            Self::Rsa { .. } => matches!(algorithm, "RS256" | "RS384" | "RS512" | "PS256"),
            Self::P256(_) => algorithm == "ES256",
            Self::P384(_) => algorithm == "ES384",
        }
    }

    /// True where the key made a signature by an algorithm of JSON Web Signatures.
    pub(super) fn verifies(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Self::Rsa { modulus, exponent }, algorithm) => {
                let scheme = match algorithm {
                    "RS256" => &RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &RSA_PKCS1_2048_8192_SHA512,
                    "PS256" => &RSA_PSS_2048_8192_SHA256,
                    _ => return false,
                };
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(scheme, message, signature).is_ok()
            }
            (Self::P256(point), "ES256") => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (Self::P384(point), "ES384") => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature).is_ok()
            }
            (Self::P256(_) | Self::P384(_), _) => false,
        }
    }
}
