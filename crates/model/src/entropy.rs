//! Randomness as a parameter.

use crate::{Timestamp, Uuid};

/// A source of random octets. Everything that draws lots takes one, so that tests can seed it.
pub trait Entropy: Send + Sync {
    /// Fills a buffer with unpredictable octets.
    fn fill(&self, buffer: &mut [u8]);

    /// A random identifier (UUID version 4).
    fn uuid(&self) -> Uuid {
        let mut octets = [0; 16];
        self.fill(&mut octets);
        uuid::Builder::from_random_bytes(octets).into_uuid()
    }

    /// An identifier that sorts by its moment (UUID version 7).
    fn uuid_at(&self, moment: Timestamp) -> Uuid {
        let mut octets = [0; 10];
        self.fill(&mut octets);
        let millis = u64::try_from(moment.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &octets).into_uuid()
    }

    /// A number.
    fn number(&self) -> u64 {
        let mut octets = [0; 8];
        self.fill(&mut octets);
        u64::from_le_bytes(octets)
    }
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// Where the operating system has no randomness to give: nothing safe could be done then.
    fn fill(&self, buffer: &mut [u8]) {
        #[expect(
            clippy::expect_used,
            reason = "without randomness neither keys nor identifiers can be made"
        )]
        getrandom::fill(buffer).expect("the operating system gives randomness");
    }
}
