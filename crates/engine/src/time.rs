//! Waiting as a parameter.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Clock, SignedDuration, Timestamp};

/// Waits for moments. Tests wait in simulated time.
#[async_trait]
pub trait Timer: Send + Sync {
    /// Returns when the clock shows the moment or a later one.
    async fn until(&self, moment: Timestamp);
}

/// Waits by the runtime's timers, for a clock that goes at the pace of the machine's.
pub struct SystemTimer {
    clock: Arc<dyn Clock>,
}

impl SystemTimer {
    /// A timer for a clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

/// The longest sleep at a stretch, so that a clock that is set is noticed.
const STRETCH: Duration = Duration::from_mins(1);

#[async_trait]
impl Timer for SystemTimer {
    async fn until(&self, moment: Timestamp) {
        loop {
            let left = moment.duration_since(self.clock.now());
            let Ok(left) = Duration::try_from(left) else {
                return;
            };
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(STRETCH)).await;
        }
    }
}

/// A moment later by a duration, or the last moment there is.
pub(crate) fn after(moment: Timestamp, wait: SignedDuration) -> Timestamp {
    moment.checked_add(wait).unwrap_or(Timestamp::MAX)
}
