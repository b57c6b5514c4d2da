//! What is known of a job's running cycle without reading the store: progress, at most a second old.

use std::sync::{Mutex, PoisonError};

use model::Timestamp;
use model::job::Progress;

/// What is known of a job's running cycle without reading the store.
#[derive(Debug, Default)]
pub struct Live {
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
struct State {
    progress: Vec<Progress>,
    began: Option<Timestamp>,
    steady: Option<Timestamp>,
}

impl Live {
    /// How far the running cycle is; empty between cycles.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.read().progress
    }

    /// When nothing was left to do last, as far as that was not written down.
    #[must_use]
    pub fn steady(&self) -> Option<Timestamp> {
        self.read().steady
    }

    /// When a cycle last began.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        self.read().began
    }

    pub(crate) fn set_began(&self, moment: Timestamp) {
        self.change(|state| state.began = Some(moment));
    }

    pub(crate) fn set_steady(&self, moment: Timestamp) {
        self.change(|state| state.steady = Some(moment));
    }

    pub(crate) fn set_progress(&self, progress: Progress) {
        self.change(|state| match state.progress.iter_mut().find(|one| one.units == progress.units) {
            Some(known) => *known = progress,
            None => state.progress.push(progress),
        });
    }

    pub(crate) fn clear_progress(&self) {
        self.change(|state| state.progress.clear());
    }

    fn read(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
