//! The end of a cycle: watermark, execution, status, quarantine.

use std::collections::BTreeMap;

use model::job::{Counters, ErrorText, Execution, ExecutionResult, JobStatus, Quarantine, QuarantineReason};
use model::link::StagedKind;
use model::{Failure, Timestamp};
use store::{Closing, Commit, Escrow, Forgotten, Result, StagedCount, StoreError};
use sync::{EscrowTally, Held, escrow_trouble};

use super::results::Halt;
use super::{Cycle, Runtime, Watermark};
use crate::health::{Retry, announce, impose};

/// How a cycle ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CycleEnd {
    /// All was done that could be.
    Completed,
    /// It was asked to stop, and goes on where it was.
    Stopped,
    /// It could not go on, and is tried again in quarantine.
    Failed(Failure),
}

/// What a person is told whose removals are held.
const HELD: &str = "More accounts would be disabled or deleted than the limits allow. Look at the stagedDelete records of \
                    the provisioning log; restart the job with ForceDeletes to let them through, or correct the scope.";
/// What a person is told whose creates are held.
const HELD_CREATES: &str = "More accounts would be created than MaxCreates allows, and none of them is. Look at the create \
                            records with a warning in the provisioning log; let them through with the action allow, raise \
                            the limit, or correct the scope.";
/// What a person is told whose updates are held.
const HELD_UPDATES: &str = "More accounts would be updated than MaxUpdates allows, and none of them is. Look at the update \
                            records with a warning in the provisioning log; let them through with the action allow, raise \
                            the limit, or correct the mappings.";
/// What a person is told of too many failures.
const FAILING: &str = "Too many objects failed. Look at the failures in the provisioning log and mend what they have in \
                       common; the job is tried again by itself.";

impl Cycle<'_> {
    /// Everything was read and done.
    pub(crate) async fn finish(&mut self) -> Result<CycleEnd> {
        let counters = self.counters();
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let escrows = if self.has().escrows { store.escrow_count(job).await? } else { 0 };
        let staged = if self.has().staged { store.staged_counts(job).await? } else { Vec::new() };
        let cursor = self.runtime().running.as_ref().and_then(|running| running.cursor.clone());
        let meaning = self.prepared.meaning;
        let execution = self.ended(escrows);
        let mut status = store.status(job).await?;
        let before = status.quarantine.clone();
        let trouble = self.escrow_trouble(&status, escrows).await?;
        let mut runtime = self.runtime().clone();
        runtime.running = None;
        runtime.unsettled = false;
        // A plan in the place of a cycle was itself the consent to what it did.
        runtime.end_consent();
        runtime.enumerations = self.enumeration();
        runtime.watermark = cursor.map(|cursor| Watermark { cursor, meaning });
        let now = execution.ended;
        // A cycle that found nothing is no news.
        let found = self.initial || counters != Counters::default();
        if found {
            remember(&mut status, &execution);
        }
        status.last_began = Some(execution.began);
        status.successive_failures = 0;
        status.escrows_pruned = self.initial && trouble.is_some();
        status.entries_by_type = self.entries_by_type().await?;
        self.judge(&mut status, trouble.filter(|_| !self.initial), held_kinds(&staged), now);
        if escrows == 0 && staged.is_empty() {
            // A cycle that ends with nothing open has brought the target to the source's state.
            status.steady_state_first.get_or_insert(now);
            status.steady_state_last = Some(now);
        }
        self.close(Some(runtime), status, before, found.then_some(execution)).await?;
        if self.initial {
            self.services.store.clear_index(&self.prepared.job.id).await?;
        }
        Ok(CycleEnd::Completed)
    }

    /// A plan was applied while cycles ran beside it: what it did is told, and nothing else of the job's state moves.
    pub(crate) async fn finish_beside(&mut self) -> Result<()> {
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let execution = self.ended(store.escrow_count(job).await?);
        let mut status = store.status(job).await?;
        let before = status.quarantine.clone();
        remember(&mut status, &execution);
        status.entries_by_type = self.entries_by_type().await?;
        self.close(None, status, before, Some(execution)).await
    }

    /// The execution of what went to its end, with so many objects that wait because they failed.
    fn ended(&self, escrows: u64) -> Execution {
        let failed = self.counters().escrowed_raw > 0 || escrows > 0;
        self.execution(if failed { ExecutionResult::EntryLevelErrors } else { ExecutionResult::Succeeded })
    }

    /// The cycle cannot go on, or was asked to stop; what was committed stays.
    pub(crate) async fn interrupt(&mut self, halt: Halt) -> Result<CycleEnd> {
        let failure = match halt {
            Halt::Stopped => {
                self.live.clear_progress();
                return Ok(CycleEnd::Stopped);
            }
            Halt::Unusable(failure) | Halt::Source(failure) => failure,
        };
        let mut execution = self.execution(ExecutionResult::Failed);
        execution.error =
            Some(ErrorText { code: failure.code.wire().to_owned(), message: failure.detail.clone() });
        let mut status = self.services.store.status(&self.prepared.job.id).await?;
        let before = status.quarantine.clone();
        status.last_execution = Some(execution.clone());
        status.last_began = Some(execution.began);
        quarantine_for(
            &mut status,
            &failure,
            execution.ended,
            &self.prepared.settings.quarantine_retry_intervals,
        );
        self.close(None, status, before, Some(execution)).await?;
        Ok(CycleEnd::Failed(failure))
    }

    /// Whether the failures are too many. A job that is in quarantine for them counts what still waits as failed, so that
    /// a cycle in which nothing of it was tried again does not end the quarantine.
    async fn escrow_trouble(&self, status: &JobStatus, waiting: u64) -> Result<Option<QuarantineReason>> {
        use QuarantineReason::{
            EncounteredBaseEscrowThreshold, EncounteredEscrowProportionThreshold,
            EncounteredTotalEscrowThreshold,
        };
        let references = self.services.store.failing_edges(&self.prepared.job.id).await?;
        let counters = self.counters();
        let again = self.runtime().running.as_ref().map_or(0, |running| running.failed_again);
        let judged_before = status.quarantine.as_ref().is_some_and(|one| {
            matches!(
                one.reason,
                EncounteredBaseEscrowThreshold
                    | EncounteredEscrowProportionThreshold
                    | EncounteredTotalEscrowThreshold
            )
        });
        let failed = if judged_before { waiting } else { counters.escrowed.saturating_sub(again) };
        let events = failed + counters.exported;
        let tally = EscrowTally { failed, events, waiting, references };
        Ok(escrow_trouble(self.prepared.settings.escrow_thresholds, tally))
    }

    fn judge(&self, status: &mut JobStatus, trouble: Option<QuarantineReason>, held: Held, now: Timestamp) {
        let settings = &self.prepared.settings;
        let interval = settings.interval.unwrap_or(self.prepared.job.schedule.interval);
        let slowed = Retry::Slowed(&settings.quarantine_retry_intervals);
        let (reason, words, retry) = match trouble {
            Some(reason) => (reason, FAILING, slowed),
            // Creates and updates go on at the normal interval.
            None if held.removals => (QuarantineReason::TooManyDeletes, HELD, Retry::Interval(interval)),
            None if held.creates => {
                (QuarantineReason::TooManyCreates, HELD_CREATES, Retry::Interval(interval))
            }
            None if held.updates => {
                (QuarantineReason::TooManyUpdates, HELD_UPDATES, Retry::Interval(interval))
            }
            None => {
                status.quarantine = None;
                return;
            }
        };
        let error = ErrorText { code: reason.code().to_owned(), message: words.to_owned() };
        impose(status, reason, error, now, &retry);
    }

    async fn entries_by_type(&self) -> Result<BTreeMap<String, u64>> {
        let counts = self.services.store.managed_counts(&self.prepared.job.id).await?;
        Ok(counts
            .into_iter()
            .map(|count| (format!("{} to {}", count.kind, count.target_kind), count.links))
            .collect())
    }

    /// Writes position, status and execution together: a crash leaves all of them, or none.
    async fn close(
        &self,
        runtime: Option<Runtime>,
        status: JobStatus,
        before: Option<Quarantine>,
        execution: Option<Execution>,
    ) -> Result<()> {
        announce(self.services, &self.prepared.job, before, &status).await?;
        let text = runtime.as_ref().map(text_of).transpose()?;
        let closing = Some(Box::new(Closing { status, execution }));
        self.write(Commit { runtime: text, closing, ..Commit::default() }).await?;
        if let Some(runtime) = runtime {
            *self.runtime() = runtime;
        }
        self.live.clear_progress();
        Ok(())
    }

    /// Forgets what failed, but for these, at one with the runtime state of a job that reads everything again.
    pub(crate) async fn forget_failures(&self, runtime: Runtime, but: Vec<Escrow>) -> Result<()> {
        let (forgotten, text) = (Forgotten { escrows: true, links: false }, Some(text_of(&runtime)?));
        self.write(Commit { forgotten, runtime: text, escrows: but, ..Commit::default() }).await?;
        *self.runtime() = runtime;
        Ok(())
    }

    pub(crate) async fn put_runtime(&self, runtime: Runtime) -> Result<()> {
        self.write(Commit { runtime: Some(text_of(&runtime)?), ..Commit::default() }).await?;
        *self.runtime() = runtime;
        Ok(())
    }
}

/// The kinds of staged writes that wait for consent.
fn held_kinds(staged: &[StagedCount]) -> Held {
    let mut held = Held::default();
    for one in staged.iter().filter(|one| one.held) {
        match one.action {
            StagedKind::Create => held.creates = true,
            StagedKind::Update => held.updates = true,
            StagedKind::Disable | StagedKind::Delete => held.removals = true,
        }
    }
    held
}

/// Notes an execution as the newest, and as the newest of those that it is one of.
fn remember(status: &mut JobStatus, execution: &Execution) {
    status.last_execution = Some(execution.clone());
    if execution.result == ExecutionResult::Succeeded {
        status.last_successful = Some(execution.clone());
        if execution.counters.exported > 0 {
            status.last_successful_with_exports = Some(execution.clone());
        }
    }
}

/// The runtime state as the store keeps it.
pub(super) fn text_of(runtime: &Runtime) -> Result<String> {
    serde_json::to_string(runtime).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Puts a job in quarantine because it cannot run, or leaves it there.
pub(crate) fn quarantine_for(
    status: &mut JobStatus,
    failure: &Failure,
    now: Timestamp,
    intervals: &[model::SignedDuration],
) {
    status.successive_failures += 1;
    let error = ErrorText { code: failure.code.wire().to_owned(), message: failure.detail.clone() };
    let reason = QuarantineReason::EncounteredQuarantineException;
    impose(status, reason, error, now, &Retry::Slowed(intervals));
}
