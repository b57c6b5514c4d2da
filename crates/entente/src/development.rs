//! A clock that can be set while the service runs, for tests of what happens after hours and weeks.
//!
//! It goes at the machine's pace, ahead by what it was told; whoever waits for a moment is woken when it is set. It is
//! there only where `serve` was told so, and only on loopback.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use engine::Timer;
use model::{Clock, SignedDuration, SystemClock, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Where the clock is read (GET) and set (POST).
const PATH: &str = "/development/clock";
/// The longest sleep at a stretch.
const STRETCH: Duration = Duration::from_mins(1);

/// A clock that can be set.
pub(crate) struct DevelopmentClock {
    ahead: watch::Sender<SignedDuration>,
}

impl DevelopmentClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { ahead: watch::Sender::new(SignedDuration::ZERO) })
    }

    /// The route that sets it.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new().route(PATH, get(read).post(set)).with_state(self.clone())
    }
}

impl Clock for DevelopmentClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().saturating_add(*self.ahead.borrow()).unwrap_or(Timestamp::MAX)
    }
}

#[async_trait]
impl Timer for DevelopmentClock {
    async fn until(&self, moment: Timestamp) {
        let mut set = self.ahead.subscribe();
        loop {
            set.mark_unchanged();
            let Ok(left) = Duration::try_from(moment.duration_since(self.now())) else { return };
            if left.is_zero() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(left.min(STRETCH)) => {}
                _ = set.changed() => {}
            }
        }
    }
}

/// What the clock shows.
#[derive(Serialize)]
struct Shown {
    now: Timestamp,
}

/// By how much the clock is to be set forward.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: i64,
}

async fn read(State(clock): State<Arc<DevelopmentClock>>) -> Json<Shown> {
    Json(Shown { now: clock.now() })
}

async fn set(
    State(clock): State<Arc<DevelopmentClock>>,
    Json(advance): Json<Advance>,
) -> Result<Json<Shown>, StatusCode> {
    // Nothing that the service keeps is made to go back.
    if advance.seconds < 0 {
        return Err(StatusCode::BAD_REQUEST);
    }
    let by = SignedDuration::from_secs(advance.seconds);
    clock.ahead.send_modify(|ahead| *ahead = ahead.saturating_add(by));
    Ok(Json(Shown { now: clock.now() }))
}
