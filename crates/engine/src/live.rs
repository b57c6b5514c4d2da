//! What is known of a job's running cycle without reading the store: progress, as it is at the moment of asking.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::Timestamp;
use model::job::Progress;

/// What is known of a job's running cycle without reading the store.
#[derive(Debug, Default)]
pub struct Live {
    state: Mutex<State>,
    /// What is done of the part that is under way.
    done: AtomicU64,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// What the cycle counted; the last is under way.
    phases: Vec<Phase>,
    began: Option<Timestamp>,
    steady: Option<Timestamp>,
}

/// Units of one kind.
#[derive(Clone, Debug)]
struct Phase {
    units: &'static str,
    /// Units of the parts that are over.
    completed: u64,
    /// Units of the part that is under way.
    part: u64,
    total: Option<u64>,
}

impl Live {
    /// How far the running cycle is; empty between cycles.
    #[must_use]
    pub fn progress(&self, now: Timestamp) -> Vec<Progress> {
        let mut phases = self.read().phases;
        if let Some(last) = phases.last_mut() {
            last.completed += self.done.load(Ordering::Relaxed).min(last.part);
        }
        let shown = |phase: Phase| Progress {
            units: phase.units.to_owned(),
            observed: now,
            completed: phase.total.map_or(phase.completed, |total| phase.completed.min(total)),
            total: phase.total,
        };
        phases.into_iter().map(shown).collect()
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

    /// A part of so many units begins, after those that are completed.
    pub(crate) fn begin_part(&self, units: &'static str, completed: u64, part: u64, total: Option<u64>) {
        self.begin(units, Some(completed), part, total);
    }

    /// The part that is under way grows.
    pub(crate) fn grow_part(&self, units: usize, total: Option<u64>) {
        self.change(|state| {
            if let Some(last) = state.phases.last_mut() {
                last.part += u64::try_from(units).unwrap_or(0);
                last.total = total.or(last.total);
            }
        });
    }

    /// As [`begin_part`](Self::begin_part), after what was done of these units before.
    pub(crate) fn continue_with(&self, units: &'static str, part: usize) {
        self.begin(units, None, u64::try_from(part).unwrap_or(0), None);
    }

    fn begin(&self, units: &'static str, completed: Option<u64>, part: u64, total: Option<u64>) {
        self.change(|state| {
            let done = self.done.swap(0, Ordering::Relaxed);
            if let Some(last) = state.phases.last_mut() {
                last.completed += done.min(last.part);
                last.part = 0;
            }
            let position = state.phases.iter().position(|phase| phase.units == units);
            // What is under way stands last.
            let before = position.map_or(0, |position| state.phases.remove(position).completed);
            state.phases.push(Phase { units, completed: completed.unwrap_or(before), part, total });
        });
    }

    /// So many units of the part are done.
    pub(crate) fn advance(&self, units: usize) {
        self.done.fetch_add(u64::try_from(units).unwrap_or(0), Ordering::Relaxed);
    }

    pub(crate) fn clear_progress(&self) {
        self.change(|state| state.phases.clear());
        self.done.store(0, Ordering::Relaxed);
    }

    fn read(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(live: &Live) -> Vec<(String, u64, Option<u64>)> {
        live.progress(Timestamp::UNIX_EPOCH)
            .into_iter()
            .map(|one| (one.units, one.completed, one.total))
            .collect()
    }

    #[test]
    fn progress_moves_within_a_part_and_never_beyond_it() {
        let live = Live::default();
        assert_eq!(shown(&live), []);
        live.begin_part("objects", 100, 10, Some(110));
        live.advance(3);
        assert_eq!(shown(&live), [("objects".to_owned(), 103, Some(110))]);
        live.advance(100);
        assert_eq!(shown(&live), [("objects".to_owned(), 110, Some(110))]);
        live.begin_part("objects", 110, 0, Some(110));
        live.continue_with("references", 5);
        live.advance(5);
        live.continue_with("references", 7);
        live.advance(2);
        let expected = [("objects".to_owned(), 110, Some(110)), ("references".to_owned(), 7, None)];
        assert_eq!(shown(&live), expected);
        live.clear_progress();
        assert_eq!(shown(&live), []);
    }
}
