//! Synchronization jobs: schedule, status and what the last cycles did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::Setting;
use crate::{CycleId, JobId, Name, ServicePrincipalId, SignedDuration, TenantId, Timestamp};

/// Graph `synchronizationScheduleState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduleState {
    /// Runs.
    Active,
    /// Never started, or stopped after too long in quarantine.
    #[default]
    Disabled,
    /// Paused by a person.
    Paused,
}

impl ScheduleState {
    /// The name in the enumeration.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Disabled => "Disabled",
            Self::Paused => "Paused",
        }
    }
}

/// Graph `synchronizationSchedule`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Whether the job runs.
    pub state: ScheduleState,
    /// From the beginning of one cycle to the next.
    pub interval: SignedDuration,
    /// When the job stops by itself.
    pub expiration: Option<Timestamp>,
}

impl Schedule {
    /// The interval of a new job: 40 minutes.
    pub const DEFAULT_INTERVAL: SignedDuration = SignedDuration::from_mins(40);
    /// The shortest interval: one second.
    pub const LEAST_INTERVAL: SignedDuration = SignedDuration::from_secs(1);
}

impl Default for Schedule {
    fn default() -> Self {
        Self { state: ScheduleState::Disabled, interval: Self::DEFAULT_INTERVAL, expiration: None }
    }
}

/// Graph `synchronizationJob`, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its identifier.
    pub id: JobId,
    /// Whose it is.
    pub tenant: TenantId,
    /// The service principal whose secrets and assignments it uses.
    pub service_principal: ServicePrincipalId,
    /// The template that it was made from.
    pub template: Name,
    /// When it runs.
    pub schedule: Schedule,
    /// Its settings, as the client wrote them.
    pub settings: Vec<Setting>,
    /// When it was made.
    pub created: Timestamp,
}

/// Graph `quarantineReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuarantineReason {
    /// Too many escrows, reference failures left out.
    EncounteredBaseEscrowThreshold,
    /// Too many escrows in all.
    EncounteredTotalEscrowThreshold,
    /// Too many of the changes failed.
    EncounteredEscrowProportionThreshold,
    /// The credentials were refused, or the target is unusable.
    EncounteredQuarantineException,
    /// More removals than the limits allow wait for consent.
    TooManyDeletes,
    /// More creates than the limits allow wait for consent.
    TooManyCreates,
    /// More updates than the limits allow wait for consent.
    TooManyUpdates,
}

impl QuarantineReason {
    /// The spelling of the Graph enumeration.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::EncounteredBaseEscrowThreshold => "EncounteredBaseEscrowThreshold",
            Self::EncounteredTotalEscrowThreshold => "EncounteredTotalEscrowThreshold",
            Self::EncounteredEscrowProportionThreshold => "EncounteredEscrowProportionThreshold",
            Self::EncounteredQuarantineException => "EncounteredQuarantineException",
            Self::TooManyDeletes => "TooManyDeletes",
            // The Graph enumeration has no members for these; the code of the error tells them.
            Self::TooManyCreates | Self::TooManyUpdates => "Unknown",
        }
    }

    /// The code of the quarantine's error.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TooManyCreates => "TooManyCreates",
            Self::TooManyUpdates => "TooManyUpdates",
            other => other.wire(),
        }
    }

    /// True where the job goes on at its interval, but for what is held back.
    #[must_use]
    pub fn only_holds(self) -> bool {
        matches!(self, Self::TooManyDeletes | Self::TooManyCreates | Self::TooManyUpdates)
    }
}

/// Graph `synchronizationQuarantine`: a job slowed down because it fails as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Why.
    pub reason: QuarantineReason,
    /// When it was imposed, or last left in effect.
    pub began: Timestamp,
    /// When it was imposed for the first time in this series.
    pub series_began: Timestamp,
    /// When the next try is made.
    pub next_attempt: Timestamp,
    /// How often it was imposed or left in effect since the series began.
    pub series_count: u32,
    /// What went wrong.
    pub error: Option<ErrorText>,
}

/// Graph `synchronizationError`: a code and words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorText {
    /// The code.
    pub code: String,
    /// The words.
    pub message: String,
}

/// Graph `synchronizationTaskExecutionResult`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutionResult {
    /// All went well.
    Succeeded,
    /// The cycle stopped.
    Failed,
    /// The cycle ended; some objects are escrowed.
    EntryLevelErrors,
}

/// What a cycle counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Objects that are assigned to the application.
    pub entitled: u64,
    /// Of those, the ones in scope.
    pub entitled_for_provisioning: u64,
    /// Objects that failed and wait, reference failures left out.
    pub escrowed: u64,
    /// Objects that failed, as counted before any was retried.
    pub escrowed_raw: u64,
    /// Objects exported.
    pub exported: u64,
    /// Exports that were tried.
    pub exports: u64,
    /// Objects read.
    pub imported: u64,
    /// Changes read.
    pub imported_deltas: u64,
    /// Reference changes read.
    pub imported_reference_deltas: u64,
}

/// Graph `synchronizationTaskExecution`: one cycle that did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The cycle.
    pub cycle: CycleId,
    /// How it ended.
    pub result: ExecutionResult,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What it counted.
    pub counters: Counters,
    /// Why it failed.
    pub error: Option<ErrorText>,
}

/// Graph `synchronizationProgress`: how far a running cycle is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The object type that is being read, or what else is being done.
    pub units: String,
    /// When it was observed.
    pub observed: Timestamp,
    /// Units done.
    pub completed: u64,
    /// Units in all, where the source tells.
    pub total: Option<u64>,
}

/// Graph `synchronizationStatus`, as it is remembered. The code is derived from it and from the schedule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatus {
    /// Cycles that failed one after another.
    pub successive_failures: u64,
    /// Set where escrow limits were passed in an initial cycle.
    pub escrows_pruned: bool,
    /// The newest cycle that did something.
    pub last_execution: Option<Execution>,
    /// The newest that went well.
    pub last_successful: Option<Execution>,
    /// The newest that went well and exported.
    pub last_successful_with_exports: Option<Execution>,
    /// Where the job is slowed down.
    pub quarantine: Option<Quarantine>,
    /// When nothing was left to do for the first time.
    pub steady_state_first: Option<Timestamp>,
    /// When nothing was left to do last.
    pub steady_state_last: Option<Timestamp>,
    /// Managed objects by `source type to target type`, such as `User to User`.
    pub entries_by_type: BTreeMap<String, u64>,
    /// How far a running cycle is; empty between cycles.
    pub progress: Vec<Progress>,
    /// When a cycle last began, whatever it found.
    pub last_began: Option<Timestamp>,
}
