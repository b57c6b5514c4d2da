//! Time and randomness that a test decides.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Clock, Entropy, SignedDuration, Timestamp};

use crate::held;

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct SimulatedClock {
    now: Mutex<Timestamp>,
}

impl SimulatedClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Moves the clock to a moment, which may lie in its past.
    pub fn set(&self, now: Timestamp) {
        *held(&self.now) = now;
    }

    /// Moves the clock on (or back, by a negative duration) and returns what it then shows.
    pub fn advance(&self, by: SignedDuration) -> Timestamp {
        let mut now = held(&self.now);
        *now = now.saturating_add(by).unwrap_or(*now);
        *now
    }
}

impl Default for SimulatedClock {
    /// 2026-01-05T08:00:00Z, a Monday morning.
    fn default() -> Self {
        Self::at(Timestamp::constant(1_767_600_000, 0))
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        *held(&self.now)
    }
}

/// A generator (`SplitMix64`) that gives the same octets for the same seed. Good for tests, useless for secrets.
#[derive(Debug)]
pub struct SeededEntropy {
    state: AtomicU64,
}

impl SeededEntropy {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// A generator from its seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// A number below `bound`, 0 where that is 0.
    pub fn below(&self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    fn next(&self) -> u64 {
        let state = self.state.fetch_add(Self::STEP, Ordering::Relaxed).wrapping_add(Self::STEP);
        mixed(state)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            for (octet, drawn) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *octet = drawn;
            }
        }
    }
}

/// Spreads a number over all 64 bits.
pub(crate) fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_only_when_told() {
        let clock = SimulatedClock::default();
        let begin = clock.now();
        assert_eq!(begin.to_string(), "2026-01-05T08:00:00Z");
        clock.advance(SignedDuration::from_mins(40));
        assert_eq!(clock.now().duration_since(begin), SignedDuration::from_mins(40));
        clock.set(begin);
        assert_eq!(clock.now(), begin);
    }

    #[test]
    fn a_seed_decides_everything() {
        let drawn = |seed| {
            let entropy = SeededEntropy::new(seed);
            (0..4).map(|_| entropy.uuid()).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let mut octets = [0; 5];
        SeededEntropy::new(1).fill(&mut octets);
        assert_ne!(octets, [0; 5]);
    }
}
