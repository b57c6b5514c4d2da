//! Tokens that were checked already.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Timestamp;

use super::Caller;

/// How many checked tokens are remembered.
const MOST: usize = 10_000;

/// Who checked tokens speak for, by the tokens' fingerprints, each until its moment.
#[derive(Default)]
pub(super) struct Remembered(Mutex<HashMap<u128, (Caller, Timestamp)>>);

impl Remembered {
    /// Who a token speaks for that was checked.
    pub(super) fn get(&self, fingerprint: u128, now: Timestamp) -> Option<Caller> {
        let (caller, until) = self.lock().get(&fingerprint)?.clone();
        (now < until).then_some(caller)
    }

    /// Remembers a token, as long as there is room.
    pub(super) fn put(&self, fingerprint: u128, caller: &Caller, until: Timestamp, now: Timestamp) {
        let mut checked = self.lock();
        if checked.len() >= MOST {
            checked.retain(|_, (_, until)| now < *until);
        }
        if checked.len() < MOST {
            checked.insert(fingerprint, (caller.clone(), until));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u128, (Caller, Timestamp)>> {
        // The map is whole at every moment, also where a thread ended while it held the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
