//! Latencies of requests, as figures.

use std::time::{Duration, Instant};

use crate::graph::Failure;

/// How long each of some requests took.
#[derive(Default)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Measures some requests, one after another; each is told its number.
    pub(super) fn of(
        count: usize,
        mut request: impl FnMut(usize) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let mut latencies = Self::default();
        for number in 0..count {
            let begin = Instant::now();
            request(number)?;
            latencies.add(begin.elapsed());
        }
        Ok(latencies)
    }

    /// Adds one.
    pub(super) fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// Adds those of another measurement.
    pub(super) fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The latency that so many of a thousand requests did not exceed, in milliseconds.
    pub(super) fn permille(&mut self, permille: usize) -> String {
        self.0.sort_unstable();
        let place = (self.0.len() * permille).div_ceil(1000).saturating_sub(1);
        let latency = self.0.get(place).copied().unwrap_or_default();
        format!("{:.2}", latency.as_secs_f64() * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_ranked() {
        let mut latencies = Latencies::default();
        (1..=100).rev().for_each(|number| latencies.add(Duration::from_millis(number)));
        assert_eq!(latencies.permille(500), "50.00");
        assert_eq!(latencies.permille(990), "99.00");
        assert_eq!(latencies.permille(1000), "100.00");
    }
}
