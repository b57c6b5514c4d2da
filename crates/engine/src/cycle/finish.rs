//! The end of a cycle: watermark, execution, status, quarantine.

use std::collections::BTreeMap;

use model::job::{ErrorText, ExecutionResult, JobStatus, Quarantine, QuarantineReason};
use model::{Failure, Timestamp};
use store::{Commit, Result, StoreError};
use sync::retry_at;

use super::results::Halt;
use super::{Cycle, Watermark};

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

/// From this many failures on, a cycle's share of failures counts.
const PROPORTION_FROM: u64 = 5_000;
/// More than this share of failures in per cent is too much.
const PROPORTION_PERCENT: u64 = 40;
/// More escrows than this are too many.
const BASE_THRESHOLD: u64 = 40_000;

impl Cycle<'_> {
    /// Everything was read and done.
    pub(crate) async fn finish(&mut self) -> Result<CycleEnd> {
        let counters = self.counters();
        let escrows =
            if self.has.escrows { self.services.store.escrow_count(&self.prepared.job.id).await? } else { 0 };
        let held = self.holds_removals().await?;
        let cursor = self.runtime.running.as_ref().and_then(|running| running.cursor.clone());
        let meaning = self.prepared.meaning;
        let result = if counters.escrowed_raw > 0 || escrows > 0 {
            ExecutionResult::EntryLevelErrors
        } else {
            ExecutionResult::Succeeded
        };
        let execution = self.execution(result);
        let mut runtime = self.runtime.clone();
        runtime.running = None;
        runtime.enumerations = self.enumeration();
        runtime.watermark = cursor.map(|cursor| Watermark { cursor, meaning });
        self.put_runtime(runtime).await?;
        if self.initial {
            self.services.store.clear_index(&self.prepared.job.id).await?;
        }
        let mut status = self.services.store.status(&self.prepared.job.id).await?;
        let now = execution.ended;
        status.last_execution = Some(execution.clone());
        if result == ExecutionResult::Succeeded {
            status.last_successful = Some(execution.clone());
            if counters.exported > 0 {
                status.last_successful_with_exports = Some(execution.clone());
            }
        }
        status.successive_failures = 0;
        status.escrows_pruned = false;
        status.entries_by_type = self.entries_by_type().await?;
        let trouble = escrow_trouble(escrows, counters.exports);
        self.judge(&mut status, trouble.filter(|_| !self.initial), held, now);
        if trouble.is_some() && self.initial {
            status.escrows_pruned = true;
        }
        if escrows == 0 && !held {
            // A cycle that ends with nothing open has brought the target to the source's state.
            status.steady_state_first.get_or_insert(now);
            status.steady_state_last = Some(now);
        }
        self.close(status, execution).await?;
        Ok(CycleEnd::Completed)
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
        status.last_execution = Some(execution.clone());
        quarantine_for(
            &mut status,
            &failure,
            execution.ended,
            &self.prepared.settings.quarantine_retry_intervals,
        );
        self.close(status, execution).await?;
        Ok(CycleEnd::Failed(failure))
    }

    fn judge(&self, status: &mut JobStatus, trouble: Option<QuarantineReason>, held: bool, now: Timestamp) {
        let reason = trouble.or(held.then_some(QuarantineReason::TooManyDeletes));
        let Some(reason) = reason else {
            status.quarantine = None;
            return;
        };
        let known = status.quarantine.take().filter(|quarantine| quarantine.reason == reason);
        let series = known.as_ref().map_or(0, |quarantine| quarantine.series_count) + 1;
        let intervals = &self.prepared.settings.quarantine_retry_intervals;
        let next = if reason == QuarantineReason::TooManyDeletes {
            // Creates and updates go on at the normal interval.
            crate::time::after(
                now,
                self.prepared.settings.interval.unwrap_or(self.prepared.job.schedule.interval),
            )
        } else {
            retry_at(now, series, intervals)
        };
        let message = match reason {
            QuarantineReason::TooManyDeletes => {
                "More accounts would be disabled or deleted than the limits allow. Look at the stagedDelete records of \
                 the provisioning log; restart the job with ForceDeletes to let them through, or correct the scope."
            }
            _ => "Too many objects failed. Look at the failures in the provisioning log.",
        };
        status.quarantine = Some(Quarantine {
            reason,
            began: known.map_or(now, |quarantine| quarantine.began),
            next_attempt: next,
            series_count: series,
            error: Some(ErrorText { code: reason.wire().to_owned(), message: message.to_owned() }),
        });
    }

    async fn entries_by_type(&self) -> Result<BTreeMap<String, u64>> {
        let counts = self.services.store.managed_counts(&self.prepared.job.id).await?;
        Ok(counts
            .into_iter()
            .map(|count| (format!("{} to {}", count.kind, count.target_kind), count.links))
            .collect())
    }

    async fn close(&self, mut status: JobStatus, execution: model::job::Execution) -> Result<()> {
        status.last_began = Some(execution.began);
        let job = &self.prepared.job.id;
        self.services.store.put_status(job, status).await?;
        self.services.store.append_execution(job, execution).await?;
        self.live.clear_progress();
        Ok(())
    }

    async fn put_runtime(&mut self, runtime: super::Runtime) -> Result<()> {
        let text = serde_json::to_string(&runtime).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        self.write(Commit { runtime: Some(text), ..Commit::default() }).await?;
        self.runtime = runtime;
        Ok(())
    }
}

fn escrow_trouble(escrows: u64, exports: u64) -> Option<QuarantineReason> {
    if escrows > BASE_THRESHOLD {
        return Some(QuarantineReason::EncounteredBaseEscrowThreshold);
    }
    let share = escrows.saturating_mul(100) > exports.max(1).saturating_mul(PROPORTION_PERCENT);
    (escrows >= PROPORTION_FROM && share).then_some(QuarantineReason::EncounteredEscrowProportionThreshold)
}

/// Puts a job in quarantine, or prolongs it.
pub(crate) fn quarantine_for(
    status: &mut JobStatus,
    failure: &Failure,
    now: Timestamp,
    intervals: &[model::SignedDuration],
) {
    status.successive_failures += 1;
    let reason = QuarantineReason::EncounteredQuarantineException;
    let known = status.quarantine.take().filter(|quarantine| quarantine.reason == reason);
    let series = known.as_ref().map_or(0, |quarantine| quarantine.series_count) + 1;
    status.quarantine = Some(Quarantine {
        reason,
        began: known.map_or(now, |quarantine| quarantine.began),
        next_attempt: retry_at(now, series, intervals),
        series_count: series,
        error: Some(ErrorText { code: failure.code.wire().to_owned(), message: failure.detail.clone() }),
    });
}
