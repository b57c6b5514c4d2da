//! `synchronizationStatus`, `synchronizationTaskExecution`, `synchronizationProgress`, `synchronizationQuarantine`.

use model::Timestamp;
use model::job::{ErrorText, Execution, ExecutionResult, JobStatus, Progress, Quarantine, ScheduleState};
use serde::{Deserialize, Serialize};

/// What a moment that was never reached looks like.
fn never() -> Timestamp {
    const YEAR_ONE: i64 = -62_135_596_800;
    Timestamp::from_second(YEAR_ONE).unwrap_or(Timestamp::MIN)
}

/// Graph `synchronizationStatus`. Every property is always present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationStatus {
    /// What state the job is in.
    pub code: StatusCode,
    /// Cycles that failed one after another.
    #[serde(default)]
    pub count_successive_complete_failures: u64,
    /// Set where escrow limits were passed in an initial cycle.
    #[serde(default)]
    pub escrows_pruned: bool,
    /// The newest cycle that did something.
    pub last_execution: Option<TaskExecution>,
    /// The newest that went well.
    pub last_successful_execution: Option<TaskExecution>,
    /// The newest that went well and exported.
    pub last_successful_execution_with_exports: Option<TaskExecution>,
    /// How far a running cycle is.
    #[serde(default)]
    pub progress: Vec<SynchronizationProgress>,
    /// Where the job is slowed down.
    pub quarantine: Option<SynchronizationQuarantine>,
    /// When nothing was left to do for the first time; year one where that never was.
    pub steady_state_first_achieved_time: Timestamp,
    /// When nothing was left to do last; year one where that never was.
    pub steady_state_last_achieved_time: Timestamp,
    /// Managed objects by `source type to target type`.
    #[serde(default)]
    pub synchronized_entry_count_by_type: Vec<LongPair>,
    /// Where help is.
    pub troubleshooting_url: Option<String>,
}

/// Graph `synchronizationStatusCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatusCode {
    /// It lacks credentials.
    NotConfigured,
    /// Started, and no cycle has begun yet.
    NotRun,
    /// It runs.
    Active,
    /// It does not run.
    Paused,
    /// It is slowed down.
    Quarantine,
}

impl SynchronizationStatus {
    /// The resource of what a job remembers. `configured` tells whether its service principal has credentials.
    #[must_use]
    pub fn of(state: ScheduleState, status: &JobStatus, configured: bool) -> Self {
        Self {
            code: StatusCode::of(state, status, configured),
            count_successive_complete_failures: status.successive_failures,
            escrows_pruned: status.escrows_pruned,
            last_execution: status.last_execution.as_ref().map(TaskExecution::of),
            last_successful_execution: status.last_successful.as_ref().map(TaskExecution::of),
            last_successful_execution_with_exports: status
                .last_successful_with_exports
                .as_ref()
                .map(TaskExecution::of),
            progress: status.progress.iter().map(SynchronizationProgress::of).collect(),
            quarantine: status.quarantine.as_ref().map(SynchronizationQuarantine::of),
            steady_state_first_achieved_time: status.steady_state_first.unwrap_or_else(never),
            steady_state_last_achieved_time: status.steady_state_last.unwrap_or_else(never),
            synchronized_entry_count_by_type: status
                .entries_by_type
                .iter()
                .map(|(key, value)| LongPair { key: key.clone(), value: *value })
                .collect(),
            troubleshooting_url: None,
        }
    }
}

impl StatusCode {
    fn of(state: ScheduleState, status: &JobStatus, configured: bool) -> Self {
        match state {
            ScheduleState::Paused => Self::Paused,
            _ if status.quarantine.is_some() => Self::Quarantine,
            ScheduleState::Disabled if configured => Self::Paused,
            ScheduleState::Disabled => Self::NotConfigured,
            ScheduleState::Active if status.last_began.is_none() => Self::NotRun,
            ScheduleState::Active => Self::Active,
        }
    }
}

/// Graph `stringKeyLongValuePair`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongPair {
    /// What is counted.
    pub key: String,
    /// The count.
    pub value: u64,
}

/// Graph `synchronizationTaskExecution`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskExecution {
    /// The cycle's identifier.
    pub activity_identifier: String,
    /// Objects that are assigned to the application.
    pub count_entitled: u64,
    /// Of those, the ones in scope.
    pub count_entitled_for_provisioning: u64,
    /// Objects that failed and wait, reference failures left out.
    pub count_escrowed: u64,
    /// Objects that failed, as counted before any was retried.
    pub count_escrowed_raw: u64,
    /// Objects exported.
    pub count_exported: u64,
    /// Exports that were to be made.
    pub count_exports: u64,
    /// Objects read.
    pub count_imported: u64,
    /// Changes read.
    pub count_imported_deltas: u64,
    /// Reference changes read.
    pub count_imported_reference_deltas: u64,
    /// Why it failed.
    pub error: Option<SynchronizationError>,
    /// How it ended.
    pub state: ExecutionResult,
    /// When it began.
    pub time_began: Timestamp,
    /// When it ended.
    pub time_ended: Timestamp,
}

impl TaskExecution {
    /// The resource of a cycle.
    #[must_use]
    pub fn of(execution: &Execution) -> Self {
        let counters = &execution.counters;
        Self {
            activity_identifier: execution.cycle.to_string(),
            count_entitled: counters.entitled,
            count_entitled_for_provisioning: counters.entitled_for_provisioning,
            count_escrowed: counters.escrowed,
            count_escrowed_raw: counters.escrowed_raw,
            count_exported: counters.exported,
            count_exports: counters.exports,
            count_imported: counters.imported,
            count_imported_deltas: counters.imported_deltas,
            count_imported_reference_deltas: counters.imported_reference_deltas,
            error: execution.error.as_ref().map(SynchronizationError::of),
            state: execution.result,
            time_began: execution.began,
            time_ended: execution.ended,
        }
    }
}

/// Graph `synchronizationProgress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationProgress {
    /// Units done.
    pub completed_units: u64,
    /// When it was observed.
    pub progress_observation_date_time: Timestamp,
    /// Units in all; 0 where the source does not tell.
    pub total_units: u64,
    /// What is counted.
    pub units: String,
}

impl SynchronizationProgress {
    fn of(progress: &Progress) -> Self {
        Self {
            completed_units: progress.completed,
            progress_observation_date_time: progress.observed,
            total_units: progress.total.unwrap_or(0),
            units: progress.units.clone(),
        }
    }
}

/// Graph `synchronizationQuarantine`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationQuarantine {
    /// When it was imposed, or last left in effect.
    pub current_began: Timestamp,
    /// When the next try is made.
    pub next_attempt: Timestamp,
    /// Graph `quarantineReason`.
    pub reason: String,
    /// When the series of tries began.
    pub series_began: Timestamp,
    /// How many tries the series has seen.
    pub series_count: u32,
    /// What went wrong.
    pub error: Option<SynchronizationError>,
}

impl SynchronizationQuarantine {
    fn of(quarantine: &Quarantine) -> Self {
        Self {
            current_began: quarantine.began,
            next_attempt: quarantine.next_attempt,
            reason: quarantine.reason.wire().to_owned(),
            series_began: quarantine.series_began,
            series_count: quarantine.series_count,
            error: quarantine.error.as_ref().map(SynchronizationError::of),
        }
    }
}

/// Graph `synchronizationError`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SynchronizationError {
    /// The code.
    pub code: String,
    /// The words.
    pub message: String,
    /// True where the tenant's people can mend it.
    pub tenant_actionable: bool,
}

impl SynchronizationError {
    fn of(error: &ErrorText) -> Self {
        Self { code: error.code.clone(), message: error.message.clone(), tenant_actionable: true }
    }
}

#[cfg(test)]
mod tests {
    use model::job::{Counters, QuarantineReason};
    use model::{CycleId, Uuid};
    use serde_json::json;

    use super::*;

    fn moment(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_code_follows_schedule_credentials_and_quarantine() {
        let fresh = JobStatus::default();
        let ran = JobStatus { last_began: Some(Timestamp::UNIX_EPOCH), ..JobStatus::default() };
        let quarantined = JobStatus {
            quarantine: Some(Quarantine {
                reason: QuarantineReason::TooManyDeletes,
                began: Timestamp::UNIX_EPOCH,
                series_began: Timestamp::UNIX_EPOCH,
                next_attempt: Timestamp::UNIX_EPOCH,
                series_count: 1,
                error: None,
            }),
            ..ran.clone()
        };
        for (state, status, configured, code) in [
            (ScheduleState::Disabled, &fresh, false, StatusCode::NotConfigured),
            (ScheduleState::Disabled, &fresh, true, StatusCode::Paused),
            (ScheduleState::Active, &fresh, true, StatusCode::NotRun),
            (ScheduleState::Active, &ran, true, StatusCode::Active),
            (ScheduleState::Active, &quarantined, true, StatusCode::Quarantine),
            (ScheduleState::Paused, &quarantined, true, StatusCode::Paused),
        ] {
            assert_eq!(StatusCode::of(state, status, configured), code);
        }
    }

    #[test]
    fn everything_that_a_job_remembers_is_shown() {
        let execution = Execution {
            cycle: CycleId(Uuid::from_u128(5)),
            result: ExecutionResult::EntryLevelErrors,
            began: moment("2026-01-31T10:00:00Z"),
            ended: moment("2026-01-31T10:00:01.5Z"),
            counters: Counters {
                entitled: 1,
                entitled_for_provisioning: 2,
                escrowed: 3,
                escrowed_raw: 4,
                exported: 5,
                exports: 6,
                imported: 7,
                imported_deltas: 8,
                imported_reference_deltas: 9,
            },
            error: Some(ErrorText { code: "Unauthorized".to_owned(), message: "refused".to_owned() }),
        };
        let status = JobStatus {
            last_execution: Some(execution),
            progress: vec![Progress {
                units: "User".to_owned(),
                observed: moment("2026-01-31T10:00:00Z"),
                completed: 10,
                total: None,
            }],
            entries_by_type: [("user to User".to_owned(), 12)].into(),
            steady_state_last: Some(moment("2026-01-31T11:00:00Z")),
            ..JobStatus::default()
        };
        let wire =
            serde_json::to_value(SynchronizationStatus::of(ScheduleState::Active, &status, true)).unwrap();
        assert_eq!(
            wire["lastExecution"],
            json!({
                "activityIdentifier": "00000000-0000-0000-0000-000000000005",
                "countEntitled": 1, "countEntitledForProvisioning": 2, "countEscrowed": 3, "countEscrowedRaw": 4,
                "countExported": 5, "countExports": 6, "countImported": 7, "countImportedDeltas": 8,
                "countImportedReferenceDeltas": 9,
                "error": {"code": "Unauthorized", "message": "refused", "tenantActionable": true},
                "state": "EntryLevelErrors",
                "timeBegan": "2026-01-31T10:00:00Z",
                "timeEnded": "2026-01-31T10:00:01.5Z",
            })
        );
        assert_eq!(
            wire["progress"],
            json!([{
                "completedUnits": 10, "totalUnits": 0, "units": "User",
                "progressObservationDateTime": "2026-01-31T10:00:00Z",
            }])
        );
        assert_eq!(wire["synchronizedEntryCountByType"], json!([{"key": "user to User", "value": 12}]));
        assert_eq!(wire["steadyStateLastAchievedTime"], "2026-01-31T11:00:00Z");
    }
}
