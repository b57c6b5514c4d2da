//! Work that waits for a database thread.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use store::StoreError;
use tokio::sync::oneshot;

use crate::error::Done;
use crate::session::Session;

/// Which work goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Somebody waits for it: small reads and writes.
    Prompt,
    /// Pages of cycles and other large work.
    Bulk,
}

/// What a piece of work yields. Its type is known where it is asked for and where it is done, not between: what lies
/// between is compiled once, not once for each kind of work.
pub(crate) type Yield = Box<dyn Any + Send>;

/// What is to be done within a transaction.
pub(crate) type Piece = Box<dyn FnOnce(&Session<'_>) -> Done<Yield> + Send>;

/// A piece of work within a transaction, and who waits for it.
pub(crate) struct Task {
    work: Option<Piece>,
    outcome: Option<store::Result<Yield>>,
    answer: oneshot::Sender<store::Result<Yield>>,
}

impl Task {
    /// Does it; false where it must be rolled back.
    pub(crate) fn run(&mut self, session: &Session<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let outcome = work(session).map_err(StoreError::from);
        let kept = outcome.is_ok();
        self.outcome = Some(outcome);
        kept
    }

    /// Answers, with the transaction's failure where it had one.
    pub(crate) fn finish(self, failure: Option<&str>) {
        let answer = match (self.outcome, failure) {
            (Some(Ok(_)) | None, Some(failure)) => Err(StoreError::Unavailable(failure.to_owned())),
            (Some(outcome), _) => outcome,
            (None, None) => Err(StoreError::Unavailable("the work was not done".to_owned())),
        };
        // Whoever asked may have gone; what was done stays done.
        let _ = self.answer.send(answer);
    }
}

/// Work that waits, in two lanes.
#[derive(Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    prompt: VecDeque<Task>,
    bulk: VecDeque<Task>,
    closed: bool,
}

impl Queue {
    /// Puts work in a lane and waits for its answer.
    pub(crate) async fn ask(&self, lane: Lane, work: Piece) -> store::Result<Yield> {
        let (answer, question) = oneshot::channel();
        self.push(lane, Task { work: Some(work), outcome: None, answer });
        question.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store was closed".to_owned())))
    }

    fn push(&self, lane: Lane, task: Task) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        match lane {
            Lane::Prompt => state.prompt.push_back(task),
            Lane::Bulk => state.bulk.push_back(task),
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The next work, waited for; none once the queue is closed and empty.
    pub(crate) fn wait(&self, first: Lane) -> Option<(Lane, Task)> {
        let mut state = self.state();
        loop {
            if let Some(found) = state.take(first) {
                return Some(found);
            }
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Work that is there now, prompt work first.
    pub(crate) fn next(&self) -> Option<Task> {
        self.state().take(Lane::Prompt).map(|(_, task)| task)
    }

    /// Takes no more work; threads end once what is queued is done.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Takes no more work and drops what is queued: nobody is left to do it.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.closed = true;
        let dropped = (std::mem::take(&mut state.prompt), std::mem::take(&mut state.bulk));
        drop(state);
        drop(dropped);
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, first: Lane) -> Option<(Lane, Task)> {
        let prompt = |state: &mut Self| state.prompt.pop_front().map(|task| (Lane::Prompt, task));
        let bulk = |state: &mut Self| state.bulk.pop_front().map(|task| (Lane::Bulk, task));
        match first {
            Lane::Prompt => prompt(self).or_else(|| bulk(self)),
            Lane::Bulk => bulk(self).or_else(|| prompt(self)),
        }
    }
}
