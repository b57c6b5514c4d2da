//! How many requests of one kind a tenant may send.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use graph::GraphError;
use model::{SignedDuration, TenantId, Timestamp};

/// How far a tenant may run ahead of its rate: as many requests as fit in this may come at once.
const AHEAD: SignedDuration = SignedDuration::from_secs(1);

/// Lets each tenant send so many requests a second.
pub(crate) struct Rate {
    per_second: u32,
    /// For each tenant, when it would be even with its rate.
    even: Mutex<HashMap<TenantId, Timestamp>>,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), even: Mutex::default() }
    }

    /// Counts a request; 429 where it is one too many.
    pub(crate) fn admit(&self, tenant: TenantId, now: Timestamp) -> Result<(), GraphError> {
        let mut even = self.even.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = even.get(&tenant).copied().unwrap_or(now).max(now);
        let step = AHEAD / i32::try_from(self.per_second).unwrap_or(i32::MAX);
        if moment.duration_since(now) + step > AHEAD {
            // A second later there is room for at least one.
            return Err(GraphError::too_many_requests(1));
        }
        even.insert(tenant, moment.saturating_add(step).unwrap_or(moment));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use model::Uuid;

    use super::*;

    #[test]
    fn a_second_has_room_for_so_many_requests_of_each_tenant() {
        let rate = Rate::new(40);
        let [one, other] = [1, 2].map(|number| TenantId(Uuid::from_u128(number)));
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        let admitted = |tenant, now| (0..100).filter(|_| rate.admit(tenant, at(now)).is_ok()).count();
        assert_eq!(admitted(one, 0), 40);
        assert_eq!((admitted(one, 0), admitted(other, 0)), (0, 40));
        assert_eq!((admitted(one, 500), admitted(one, 5_000)), (20, 40));
        let refused = (0..41).map(|_| rate.admit(one, at(9_000))).find_map(Result::err).unwrap();
        assert_eq!((refused.status(), refused.retry_after()), (429, Some(1)));
    }
}
