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

/// How soon after a cut the target's trouble still belongs to it.
const SAME_TROUBLE: Duration = Duration::from_secs(1);

/// Answers that take this many times as long as at best, and as much longer as the next says, are slow.
const SLOW_FACTOR: u32 = 4;
/// See above.
const SLOW_BY: Duration = Duration::from_millis(200);

/// Bounds the requests to one target: a number in flight, a rate, and a moment before which nothing is sent.
///
/// The number halves when the target throttles or is in trouble, shrinks one by one while answers take much longer than
/// at best, and recovers while all is well. The rate is a bucket that holds one token: nothing is saved up, so that no
/// second sees more requests than the rate.
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
    /// When the number in flight was last cut by half.
    cut: Option<Instant>,
    /// How long answers take at best. It grows slowly, so that a target that has become slower is not held against that
    /// for ever.
    best: Option<Duration>,
    /// How long they take lately.
    lately: Duration,
    /// Slow answers in a row.
    slow: usize,
}

impl Pace {
    pub(crate) fn new(most: usize, per_second: Option<u32>) -> Self {
        let most = most.max(1);
        Self {
            permits: Semaphore::new(most),
            most,
            spacing: per_second.map(|rate| Duration::from_secs(1) / rate.max(1)),
            state: Mutex::new(State {
                allowed: most,
                owed: 0,
                successes: 0,
                next: None,
                quiet_until: None,
                cut: None,
                best: None,
                lately: Duration::ZERO,
                slow: 0,
            }),
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

    /// A request went well, and took so long.
    pub(crate) fn answered(&self, latency: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_slow(latency) {
            state.slow += 1;
            state.successes = 0;
            if state.slow >= state.allowed {
                state.slow = 0;
                self.hold_back(&mut state, 1);
            }
            return;
        }
        state.slow = 0;
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
        if repeated {
            state.successes = 0;
        } else {
            self.cut(&mut state);
        }
    }

    /// The target is in passing trouble, as one that answers 503: half as much is sent at once.
    pub(crate) fn troubled(&self) {
        self.cut(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn cut(&self, state: &mut State) {
        state.successes = 0;
        let now = Instant::now();
        if state.cut.is_none_or(|moment| now.duration_since(moment) >= SAME_TROUBLE) {
            state.cut = Some(now);
            self.hold_back(state, state.allowed.div_ceil(2));
        }
    }

    /// Lets fewer requests be in flight, but one at least.
    fn hold_back(&self, state: &mut State, fewer: usize) {
        let taken = fewer.min(state.allowed.saturating_sub(1));
        let forgotten = self.permits.forget_permits(taken);
        state.owed += taken - forgotten;
        state.allowed -= taken;
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

impl State {
    /// Takes note of how long an answer took, and tells whether answers take too long lately.
    fn is_slow(&mut self, latency: Duration) -> bool {
        let best = self.best.map_or(latency, |best| (best + best / 64).min(latency));
        self.best = Some(best);
        self.lately = if self.lately.is_zero() {
            latency
        } else {
            self.lately.saturating_sub(self.lately / 8) + latency / 8
        };
        self.lately > best.saturating_mul(SLOW_FACTOR) + SLOW_BY
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
            pace.answered(Duration::from_millis(50));
        }
        assert_eq!(pace.permits.available_permits(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_halves_once_and_again_only_after_a_while() {
        let pace = Pace::new(8, None);
        for _ in 0..8 {
            pace.troubled();
        }
        assert_eq!(pace.permits.available_permits(), 4);
        tokio::time::advance(SAME_TROUBLE).await;
        pace.troubled();
        assert_eq!(pace.permits.available_permits(), 2);
        for _ in 0..5 {
            tokio::time::advance(SAME_TROUBLE).await;
            pace.troubled();
        }
        assert_eq!(pace.permits.available_permits(), 1, "one is always let through");
    }

    #[tokio::test(start_paused = true)]
    async fn slow_answers_shrink_what_is_in_flight_and_quick_ones_let_it_grow() {
        let pace = Pace::new(8, None);
        let answers = |number: usize, latency: u64| {
            for _ in 0..number {
                pace.answered(Duration::from_millis(latency));
            }
        };
        answers(50, 50);
        assert_eq!(pace.permits.available_permits(), 8);
        // A few slow ones are no sign.
        answers(1, 900);
        answers(10, 50);
        assert_eq!(pace.permits.available_permits(), 8);
        answers(30, 2000);
        let shrunk = pace.permits.available_permits();
        assert!((1..8).contains(&shrunk), "{shrunk}");
        answers(20 * 8 + 60, 50);
        assert_eq!(pace.permits.available_permits(), 8);
        // A target that is slow for good is not held back for good.
        answers(2000, 700);
        assert_eq!(pace.permits.available_permits(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn no_second_sees_more_requests_than_the_rate() {
        let pace = Pace::new(8, Some(5));
        tokio::time::advance(Duration::from_mins(1)).await;
        let mut moments = Vec::new();
        for number in 0..20 {
            let permit = pace.permit().await.unwrap();
            moments.push(Instant::now());
            pace.release(permit);
            if number == 7 {
                pace.throttled(Duration::from_secs(3));
            }
        }
        for window in moments.windows(6) {
            assert!(window[5] - window[0] >= Duration::from_secs(1), "{window:?}");
        }
        assert!(moments[8] - moments[7] >= Duration::from_secs(3));
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
