//! The keys that sign access tokens, one after the other: each is published before it signs, and stays published until
//! the last token that it signed is over.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Entropy, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::jws::KeyPair;

/// How long a key signs.
const PERIOD: SignedDuration = SignedDuration::from_hours(24 * 30);
/// How long before its time a key is published, so that whoever keeps the published keys has it by then.
const LEAD: SignedDuration = SignedDuration::from_hours(24);
/// How long a key stays after the next one has begun to sign: longer than a token holds, and than another process of the
/// same installation takes to notice.
const REST: SignedDuration = SignedDuration::from_hours(24);

/// What the store keeps of the keys cannot be used.
#[derive(Debug, Error)]
#[error("the keys that sign access tokens are damaged: each must be a P-256 private key")]
pub struct SigningKeyError;

/// The private keys of an installation's tokens, oldest first, and the key of its paging tokens.
#[derive(Clone)]
pub struct SigningKeys {
    pub(super) seal: [u8; 16],
    keys: Vec<SigningKey>,
}

#[derive(Clone)]
struct SigningKey {
    octets: Zeroizing<[u8; 32]>,
    /// When it begins to sign.
    from: Timestamp,
}

/// The keys as they are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    seal: String,
    keys: Vec<KeptKey>,
}

#[derive(Serialize, Deserialize)]
struct KeptKey {
    key: Zeroizing<String>,
    from: Timestamp,
}

impl SigningKeys {
    /// A first key, which signs at once.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy, now: Timestamp) -> Self {
        let mut seal = [0; 16];
        entropy.fill(&mut seal);
        Self { seal, keys: vec![SigningKey::generate(entropy, now)] }
    }

    /// The keys as they ought to be at a moment: with the next one where its publication is due, without those that are
    /// over. None where they are so already.
    #[must_use]
    pub fn turn(&self, entropy: &dyn Entropy, now: Timestamp) -> Option<Self> {
        let mut turned = self.clone();
        let over = |next: &SigningKey| after(next.from, REST) <= now;
        let gone = turned.keys.iter().skip(1).take_while(|next| over(next)).count();
        turned.keys.drain(..gone);
        let newest = turned.keys.last().map_or(now, |key| key.from);
        let due = after(newest, PERIOD);
        if due <= after(now, LEAD) {
            turned.keys.push(SigningKey::generate(entropy, due.max(after(now, LEAD))));
        }
        (gone > 0 || turned.keys.len() > self.keys.len()).then_some(turned)
    }

    /// The pairs with the moments from which on they sign.
    pub(super) fn pairs(&self) -> Result<Vec<(KeyPair, Timestamp)>, SigningKeyError> {
        let pairs = self.keys.iter().map(|key| Some((KeyPair::from_octets(&*key.octets)?, key.from)));
        let pairs: Vec<_> = pairs.collect::<Option<_>>().ok_or(SigningKeyError)?;
        if pairs.is_empty() { Err(SigningKeyError) } else { Ok(pairs) }
    }

    /// The keys as they are to be kept, encrypted; none where they cannot be written.
    #[must_use]
    pub fn to_octets(&self) -> Option<Zeroizing<Vec<u8>>> {
        let keys = self
            .keys
            .iter()
            .map(|key| KeptKey { key: Zeroizing::new(STANDARD.encode(*key.octets)), from: key.from });
        let kept = Kept { seal: STANDARD.encode(self.seal), keys: keys.collect() };
        serde_json::to_vec(&kept).ok().map(Zeroizing::new)
    }

    /// The keys as they were kept.
    ///
    /// # Errors
    /// Where they were not written by [`Self::to_octets`].
    pub fn from_octets(octets: &[u8]) -> Result<Self, SigningKeyError> {
        let kept: Kept = serde_json::from_slice(octets).map_err(|_| SigningKeyError)?;
        let read = |kept: &KeptKey| {
            let octets = Zeroizing::new(STANDARD.decode(kept.key.as_bytes()).ok()?);
            Some(SigningKey { octets: Zeroizing::new(octets.as_slice().try_into().ok()?), from: kept.from })
        };
        let keys = kept.keys.iter().map(read).collect::<Option<_>>().ok_or(SigningKeyError)?;
        let seal = STANDARD.decode(&kept.seal).map_err(|_| SigningKeyError)?;
        Ok(Self { seal: seal.try_into().map_err(|_| SigningKeyError)?, keys })
    }
}

impl SigningKey {
    fn generate(entropy: &dyn Entropy, from: Timestamp) -> Self {
        let mut octets = Zeroizing::new([0; 32]);
        // All but one of 2^32 numbers are keys of the curve.
        loop {
            entropy.fill(&mut *octets);
            if KeyPair::from_octets(&*octets).is_some() {
                return Self { octets, from };
            }
        }
    }
}

fn after(moment: Timestamp, duration: SignedDuration) -> Timestamp {
    moment.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use model::SystemEntropy;

    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + day * 24 * 3600).unwrap()
    }

    fn days(keys: &SigningKeys) -> Vec<i64> {
        keys.keys.iter().map(|key| key.from.duration_since(day(0)).as_hours() / 24).collect()
    }

    #[test]
    fn a_key_is_published_a_day_before_it_signs_and_a_day_after_the_next_one_does() {
        let mut keys = SigningKeys::generate(&SystemEntropy, day(0));
        let mut seen = Vec::new();
        for today in 0..65 {
            if let Some(turned) = keys.turn(&SystemEntropy, day(today)) {
                keys = turned;
                seen.push((today, days(&keys)));
            }
            assert!(keys.turn(&SystemEntropy, day(today)).is_none(), "one turn is enough");
        }
        let expected = [(29, vec![0, 30]), (31, vec![30]), (59, vec![30, 60]), (61, vec![60])];
        assert_eq!(seen, expected);
    }

    #[test]
    fn after_a_long_stop_the_next_key_is_published_first_all_the_same() {
        let keys = SigningKeys::generate(&SystemEntropy, day(0));
        let turned = keys.turn(&SystemEntropy, day(100)).unwrap();
        assert_eq!(days(&turned), [0, 101]);
    }

    #[test]
    fn keys_come_back_as_they_were_kept() {
        let keys = SigningKeys::generate(&SystemEntropy, day(0)).turn(&SystemEntropy, day(29)).unwrap();
        let back = SigningKeys::from_octets(&keys.to_octets().unwrap()).unwrap();
        assert_eq!((days(&back), back.seal), (days(&keys), keys.seal));
        let ids = |keys: &SigningKeys| -> Vec<_> {
            keys.pairs().unwrap().iter().map(|(pair, _)| pair.public()).collect()
        };
        assert_eq!(ids(&back), ids(&keys));
        assert!(SigningKeys::from_octets(b"{}").is_err());
    }
}
