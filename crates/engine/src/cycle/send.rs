//! Sending requests to the target: paced, and repeated as far as their class allows within a cycle.

use std::time::Duration;

use connector::{ConnectorError, ErrorClass};
use futures::future::BoxFuture;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use crate::pace::{Pace, backoff};
use crate::services::Services;
use crate::stop::Stop;

/// How often a request that the target throttles is sent at most.
const THROTTLED_ATTEMPTS: u32 = 8;
/// How often a request that may be repeated is sent at most.
const REPEATED_ATTEMPTS: u32 = 4;

/// Why a request gave nothing.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The target said so.
    Target(ConnectorError),
    /// The cycle was asked to stop before the request went out.
    Stopped,
}

/// Whether a request may simply be sent again when its answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Twice is as good as once.
    Freely,
    /// Only where the target certainly did not act on it.
    IfRefused,
}

/// Sends a request, waiting for the pace, and again where that is sensible.
pub(crate) async fn send<'a, T>(
    services: &Services,
    pace: &Pace,
    stop: &Stop,
    repeat: Repeat,
    request: impl Fn() -> BoxFuture<'a, connector::Result<T>>,
) -> Result<T, SendError> {
    let mut attempts = 0;
    loop {
        let permit = permit(pace, stop).await?;
        let asked = Instant::now();
        let answer = request().await;
        attempts += 1;
        if let Err(error) = &answer {
            slow_down(services, pace, attempts, error);
        }
        pace.release(permit);
        let error = match answer {
            Ok(answer) => {
                pace.answered(asked.elapsed());
                return Ok(answer);
            }
            Err(error) => error,
        };
        match wait_before_next(services, repeat, attempts, &error) {
            None => return Err(SendError::Target(error)),
            Some(wait) => tokio::select! {
                () = stop.requested() => return Err(SendError::Stopped),
                () = tokio::time::sleep(wait) => {}
            },
        }
    }
}

/// The right to send one request.
async fn permit<'p>(pace: &'p Pace, stop: &Stop) -> Result<SemaphorePermit<'p>, SendError> {
    if stop.is_set() {
        return Err(SendError::Stopped);
    }
    if let Some(permit) = pace.permit_now() {
        return Ok(permit);
    }
    tokio::select! {
        biased;
        () = stop.requested() => Err(SendError::Stopped),
        permit = pace.permit() => permit.ok_or(SendError::Stopped),
    }
}

fn slow_down(services: &Services, pace: &Pace, attempts: u32, error: &ConnectorError) {
    match error.class {
        ErrorClass::Throttled { after } => {
            pace.throttled(after.unwrap_or_else(|| backoff(attempts, &*services.entropy)));
        }
        ErrorClass::Retry { after: Some(after) } => pace.throttled(after),
        ErrorClass::Retry { after: None } => pace.troubled(),
        _ => {}
    }
}

/// None where the request is not to be sent again.
fn wait_before_next(
    services: &Services,
    repeat: Repeat,
    attempts: u32,
    error: &ConnectorError,
) -> Option<Duration> {
    match error.class {
        // The pace holds everything back for as long as the target asked.
        ErrorClass::Throttled { .. } if attempts < THROTTLED_ATTEMPTS => Some(Duration::ZERO),
        ErrorClass::Retry { .. } if repeat == Repeat::Freely && attempts < REPEATED_ATTEMPTS => {
            Some(backoff(attempts, &*services.entropy))
        }
        _ => None,
    }
}
