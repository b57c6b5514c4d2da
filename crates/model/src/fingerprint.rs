//! Keyed hashes of values: what a job remembers of what it exported, without keeping the values.

use std::hash::Hasher as _;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

use crate::Value;

/// A keyed 64-bit hash (SipHash-2-4) of a value in its canonical form.
///
/// Equal fingerprints under one key mean equal values, but for one chance in 2⁶⁴; without the key they tell nothing,
/// which is why write-only values such as passwords can be compared by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The fingerprint of null, under every key.
    pub const EMPTY: Self = Self(0);
}

/// Makes fingerprints under one job's key.
#[derive(Clone, Copy)]
pub struct Fingerprinter {
    key: [u8; 16],
}

impl std::fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprinter(…)")
    }
}

impl Fingerprinter {
    /// A fingerprinter with a job's own random key.
    #[must_use]
    pub fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    /// The fingerprint of a value: lists without regard to order, texts without regard to case unless `case_exact`.
    #[must_use]
    pub fn of(&self, value: &Value, case_exact: bool) -> Fingerprint {
        match value.values() {
            [] => Fingerprint::EMPTY,
            [one] => Fingerprint(self.single(one, case_exact)),
            several => {
                let mut parts: Vec<u64> = several.iter().map(|one| self.single(one, case_exact)).collect();
                parts.sort_unstable();
                parts.dedup();
                if let [one] = parts[..] {
                    return Fingerprint(one);
                }
                let mut hasher = SipHasher24::new_with_key(&self.key);
                for part in parts {
                    hasher.write_u64(part);
                }
                Fingerprint(hasher.finish().max(1))
            }
        }
    }

    /// The hash of a name, such as an attribute's, to stand for it in compact rows.
    #[must_use]
    pub fn name(&self, name: &str) -> u32 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(name.as_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is the hash")]
        let hash = hasher.finish() as u32;
        hash
    }

    fn single(&self, value: &Value, case_exact: bool) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        match value {
            Value::Text(text) if case_exact => hasher.write(text.as_bytes()),
            Value::Text(text) => {
                let mut buffer = [0; 4];
                for character in text.chars().flat_map(char::to_lowercase) {
                    hasher.write(character.encode_utf8(&mut buffer).as_bytes());
                }
            }
            Value::Integer(number) => {
                hasher.write_u8(1);
                hasher.write_i64(*number);
            }
            Value::Boolean(truth) => {
                hasher.write_u8(2);
                hasher.write_u8(u8::from(*truth));
            }
            Value::DateTime(moment) => {
                hasher.write_u8(3);
                hasher.write_i128(moment.as_nanosecond());
            }
            Value::Binary(octets) => {
                hasher.write_u8(4);
                hasher.write(octets);
            }
            Value::Reference(anchor) => {
                hasher.write_u8(5);
                hasher.write(anchor.as_str().as_bytes());
            }
            Value::Null | Value::List(_) => hasher.write_u8(6),
        }
        hasher.finish().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_order_count_only_where_they_should() {
        let prints = Fingerprinter::new([7; 16]);
        assert_eq!(prints.of(&"Ärger".into(), false), prints.of(&"äRGER".into(), false));
        assert_ne!(prints.of(&"Ärger".into(), true), prints.of(&"ärger".into(), true));
        let one = Value::list(["a".into(), "b".into()]);
        let other = Value::list(["b".into(), "a".into()]);
        assert_eq!(prints.of(&one, true), prints.of(&other, true));
        assert_eq!(prints.of(&Value::list(["a".into()]), true), prints.of(&"a".into(), true));
        assert_ne!(prints.of(&Value::Null, true), prints.of(&"".into(), true));
    }

    #[test]
    fn another_key_gives_another_fingerprint() {
        let value = Value::from("secret");
        assert_ne!(
            Fingerprinter::new([1; 16]).of(&value, true),
            Fingerprinter::new([2; 16]).of(&value, true)
        );
    }
}
