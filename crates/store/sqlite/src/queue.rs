//! Work that waits for a database thread.

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

/// A piece of work within a transaction.
pub(crate) trait Task: Send {
    /// Does it; false where it must be rolled back.
    fn run(&mut self, session: &Session<'_>) -> bool;
    /// Answers, with the transaction's failure where it had one.
    fn finish(self: Box<Self>, failure: Option<&str>);
}

struct Typed<F, R> {
    work: Option<F>,
    outcome: Option<Result<R, StoreError>>,
    answer: oneshot::Sender<Result<R, StoreError>>,
}

impl<F, R> Task for Typed<F, R>
where
    F: FnOnce(&Session<'_>) -> Done<R> + Send,
    R: Send,
{
    fn run(&mut self, session: &Session<'_>) -> bool {
        let Some(work) = self.work.take() else { return false };
        let outcome = work(session).map_err(StoreError::from);
        let kept = outcome.is_ok();
        self.outcome = Some(outcome);
        kept
    }

    fn finish(self: Box<Self>, failure: Option<&str>) {
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
    prompt: VecDeque<Box<dyn Task>>,
    bulk: VecDeque<Box<dyn Task>>,
    closed: bool,
}

impl Queue {
    /// Puts work in a lane and waits for its answer.
    pub(crate) async fn ask<R: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&Session<'_>) -> Done<R> + Send + 'static,
    ) -> store::Result<R> {
        let (answer, question) = oneshot::channel();
        self.push(lane, Box::new(Typed { work: Some(work), outcome: None, answer }));
        question.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store was closed".to_owned())))
    }

    fn push(&self, lane: Lane, task: Box<dyn Task>) {
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
    pub(crate) fn wait(&self, first: Lane) -> Option<(Lane, Box<dyn Task>)> {
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
    pub(crate) fn next(&self) -> Option<Box<dyn Task>> {
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
    fn take(&mut self, first: Lane) -> Option<(Lane, Box<dyn Task>)> {
        let prompt = |state: &mut Self| state.prompt.pop_front().map(|task| (Lane::Prompt, task));
        let bulk = |state: &mut Self| state.bulk.pop_front().map(|task| (Lane::Bulk, task));
        match first {
            Lane::Prompt => prompt(self).or_else(|| bulk(self)),
            Lane::Bulk => bulk(self).or_else(|| prompt(self)),
        }
    }
}
