//! The pace of requests to one target: how many at once, how many a second, and when to hold back.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use model::Entropy;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The longest that a target's `Retry-After` is followed within a cycle.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Successes in a row after which one more request may be in flight again.
const RECOVERY: u32 = 20;

/// Bounds the requests to one target: a number in flight, which halves when the target throttles and recovers while it
/// does not, a rate, and a moment before which nothing is sent.
pub(crate) struct Pace {
    permits: Semaphore,
    most: usize,
    spacing: Option<Duration>,
    state: Mutex<State>,
}

struct State {
    /// Permits that are in use or free; the rest is held back.
    allowed: usize,
    /// Permits that are still in use but are to be taken away when they come back.
    owed: usize,
    successes: u32,
    next: Option<Instant>,
    quiet_until: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(most: usize, per_second: Option<u32>) -> Self {
        let most = most.max(1);
        Self {
            permits: Semaphore::new(most),
            most,
            spacing: per_second.map(|rate| Duration::from_secs(1) / rate.max(1)),
            state: Mutex::new(State { allowed: most, owed: 0, successes: 0, next: None, quiet_until: None }),
        }
    }

    /// How many requests may be in flight at most.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// Waits for the right to send one request.
    pub(crate) async fn permit(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.permits.acquire().await.ok()?;
        loop {
            let wait = self.claim_slot();
            match wait {
                None => return Some(permit),
                Some(moment) => tokio::time::sleep_until(moment).await,
            }
        }
    }

    /// The right to send one request, where it need not be waited for.
    pub(crate) fn permit_now(&self) -> Option<SemaphorePermit<'_>> {
        let permit = self.permits.try_acquire().ok()?;
        if self.claim_slot().is_none() {
            return Some(permit);
        }
        self.release(permit);
        None
    }

    /// None where a request may go out now; else the moment to ask again.
    fn claim_slot(&self) -> Option<Instant> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.spacing.is_none() && state.quiet_until.is_none() {
            return None;
        }
        let now = Instant::now();
        match state.quiet_until {
            Some(moment) if moment > now => return Some(moment),
            _ => state.quiet_until = None,
        }
        let spacing = self.spacing?;
        match state.next {
            Some(moment) if moment > now => Some(moment),
            _ => {
                state.next = Some(now + spacing);
                None
            }
        }
    }

    /// A request went well.
    pub(crate) fn succeeded(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.allowed == self.most {
            return;
        }
        state.successes += 1;
        if state.successes < RECOVERY {
            return;
        }
        state.successes = 0;
        state.allowed += 1;
        if state.owed > 0 {
            state.owed -= 1;
        } else {
            self.permits.add_permits(1);
        }
    }

    /// The target throttles: nothing is sent for a while, and then half as much at once.
    pub(crate) fn throttled(&self, quiet: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + quiet.min(LONGEST_WAIT);
        // Requests that were in flight together are throttled together: that is one event, not one each.
        let repeated = state.quiet_until.is_some_and(|moment| moment > Instant::now());
        state.quiet_until = Some(state.quiet_until.map_or(until, |moment| moment.max(until)));
        state.successes = 0;
        if repeated {
            return;
        }
        let target = (state.allowed / 2).max(1);
        let taken = state.allowed - target;
        let forgotten = self.permits.forget_permits(taken);
        state.owed += taken - forgotten;
        state.allowed = target;
    }

    /// Gives a permit back, or away where fewer requests may be in flight by now.
    pub(crate) fn release(&self, permit: SemaphorePermit<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.owed > 0 {
            state.owed -= 1;
            permit.forget();
        }
    }
}

/// A wait before the given retry (from one): doubling from 200 ms, with jitter, at most 10 s.
pub(crate) fn backoff(attempt: u32, entropy: &dyn Entropy) -> Duration {
    let base = Duration::from_millis(200).saturating_mul(1 << attempt.saturating_sub(1).min(6));
    let base = base.min(Duration::from_secs(10));
    let share = u32::try_from(entropy.number() % 1000).unwrap_or(0);
    base / 2 + base / 2 * share / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn throttling_halves_and_success_recovers() {
        let pace = Pace::new(8, None);
        let permit = pace.permit().await.unwrap();
        pace.throttled(Duration::from_secs(2));
        pace.throttled(Duration::from_secs(3));
        pace.release(permit);
        let before = Instant::now();
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(pace.permit().await.unwrap());
        }
        assert_eq!(before.elapsed(), Duration::from_secs(3));
        assert!(pace.permits.try_acquire().is_err());
        for _ in 0..RECOVERY * 4 {
            pace.succeeded();
        }
        assert_eq!(pace.permits.available_permits(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_spaces_requests() {
        let pace = Pace::new(8, Some(10));
        let before = Instant::now();
        for _ in 0..11 {
            let permit = pace.permit().await.unwrap();
            pace.release(permit);
        }
        assert_eq!(before.elapsed(), Duration::from_secs(1));
    }
}
