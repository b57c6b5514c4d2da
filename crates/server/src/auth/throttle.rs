//! Slows down whoever guesses client secrets.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::{SignedDuration, TenantId, Timestamp};

/// Failures of one client after which it has to wait.
const FAILURES: u32 = 20;
/// How long failures count, and the longest wait.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// How many clients are counted.
const CLIENTS: usize = 10_000;

/// Counts failed sign-ins by tenant and client.
#[derive(Default)]
pub(super) struct Throttle {
    failures: Mutex<HashMap<(TenantId, String), (u32, Timestamp)>>,
}

impl Throttle {
    /// How many seconds a client has to wait; none where it need not.
    pub(super) fn wait(&self, tenant: TenantId, client: &str, now: Timestamp) -> Option<u64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, until) = failures.get(&(tenant, client.to_owned()))?;
        let left = until.duration_since(now);
        (*count >= FAILURES && left.is_positive()).then(|| seconds(left))
    }

    /// Counts a failure.
    pub(super) fn failed(&self, tenant: TenantId, client: &str, now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= CLIENTS {
            failures.retain(|_, (_, until)| now < *until);
        }
        if failures.len() >= CLIENTS {
            return;
        }
        let until = now.saturating_add(WINDOW).unwrap_or(now);
        let entry = failures.entry((tenant, client.to_owned())).or_insert((0, until));
        if entry.1 <= now {
            *entry = (0, until);
        }
        entry.0 += 1;
    }
}

/// Whole seconds that cover a duration.
fn seconds(duration: SignedDuration) -> u64 {
    let whole = duration.unsigned_abs();
    whole.as_secs() + u64::from(whole.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use model::Uuid;

    use super::*;

    #[test]
    fn guessing_is_slowed_down_for_a_minute() {
        let throttle = Throttle::default();
        let tenant = TenantId(Uuid::nil());
        let at = |second| Timestamp::from_second(second).unwrap();
        for _ in 0..FAILURES {
            assert_eq!(throttle.wait(tenant, "c", at(0)), None);
            throttle.failed(tenant, "c", at(0));
        }
        assert_eq!(throttle.wait(tenant, "c", at(10)), Some(50));
        assert_eq!(throttle.wait(tenant, "d", at(10)), None);
        assert_eq!(throttle.wait(tenant, "c", at(60)), None);
        throttle.failed(tenant, "c", at(61));
        assert_eq!(throttle.wait(tenant, "c", at(61)), None, "counting began anew");
    }
}
