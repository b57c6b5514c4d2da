//! Account discovery: the accounts of a target, each with the source object that it belongs to, if there is one.
//!
//! Graph calls the report `identityCorrelation` and its rows `correlatedIdentity`.

use serde::{Deserialize, Serialize};

use crate::job::ErrorText;
use crate::{Anchor, JobId, Name, ServicePrincipalId, TenantId, Timestamp, Uuid};

/// How far a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CorrelationState {
    /// Accounts are being read and compared.
    Running,
    /// Every account has its status.
    Complete,
    /// It could not be made.
    Failed,
}

/// What is known of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CorrelationStatus {
    /// No object of the source matches it: it is local.
    Uncorrelated,
    /// An object matches it that is not in the job's scope.
    CorrelatedNotAssigned,
    /// An object matches it that is in the job's scope.
    CorrelatedAssigned,
    /// Matching is ambiguous.
    FailToCorrelate,
}

impl CorrelationStatus {
    /// Every status.
    pub const ALL: [Self; 4] =
        [Self::Uncorrelated, Self::CorrelatedNotAssigned, Self::CorrelatedAssigned, Self::FailToCorrelate];

    /// The spelling on the wire.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::Uncorrelated => "uncorrelated",
            Self::CorrelatedNotAssigned => "correlatedNotAssigned",
            Self::CorrelatedAssigned => "correlatedAssigned",
            Self::FailToCorrelate => "failToCorrelate",
        }
    }
}

/// How many accounts have each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CorrelationCounts {
    /// Accounts that nobody matches.
    pub uncorrelated: u64,
    /// Accounts of objects that are not in scope.
    pub correlated_not_assigned: u64,
    /// Accounts of objects that are.
    pub correlated_assigned: u64,
    /// Accounts whose matching is ambiguous.
    pub fail_to_correlate: u64,
}

impl CorrelationCounts {
    /// How many have a status.
    #[must_use]
    pub fn of(&self, status: CorrelationStatus) -> u64 {
        match status {
            CorrelationStatus::Uncorrelated => self.uncorrelated,
            CorrelationStatus::CorrelatedNotAssigned => self.correlated_not_assigned,
            CorrelationStatus::CorrelatedAssigned => self.correlated_assigned,
            CorrelationStatus::FailToCorrelate => self.fail_to_correlate,
        }
    }

    /// All accounts.
    #[must_use]
    pub fn total(&self) -> u64 {
        CorrelationStatus::ALL.iter().map(|status| self.of(*status)).sum()
    }

    /// The number of a status, to be changed.
    pub fn of_mut(&mut self, status: CorrelationStatus) -> &mut u64 {
        match status {
            CorrelationStatus::Uncorrelated => &mut self.uncorrelated,
            CorrelationStatus::CorrelatedNotAssigned => &mut self.correlated_not_assigned,
            CorrelationStatus::CorrelatedAssigned => &mut self.correlated_assigned,
            CorrelationStatus::FailToCorrelate => &mut self.fail_to_correlate,
        }
    }
}

/// A report about the accounts of a job's target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Its identifier, which sorts by the moment of its beginning.
    pub id: Uuid,
    /// The tenant.
    pub tenant: TenantId,
    /// The job.
    pub job: JobId,
    /// The job's service principal.
    pub service_principal: ServicePrincipalId,
    /// Who asked for it.
    pub author: String,
    /// How far it is.
    pub state: CorrelationState,
    /// The attempt that its rows belong to: what an attempt that broke off left behind is no part of the report.
    pub run: Uuid,
    /// When it was asked for.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Accounts that were read.
    pub accounts: u64,
    /// Source objects that were compared with them.
    pub objects: u64,
    /// Source objects in all, where the source told.
    pub total_objects: Option<u64>,
    /// How many accounts have which status, as far as is known.
    pub counts: CorrelationCounts,
    /// Why it failed.
    pub error: Option<ErrorText>,
}

/// An attribute with its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedValue {
    /// The attribute.
    pub name: Name,
    /// Its value, as text.
    pub value: String,
}

/// One side of a correlated account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelatedParty {
    /// The object type.
    pub kind: Name,
    /// The identifier, with the name of the attribute that holds it.
    pub anchor: NamedValue,
    /// The attribute by which the sides match, where one does.
    pub matching: Option<NamedValue>,
    /// A name for people.
    pub display_name: Option<Name>,
}

/// An account of the target, and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorrelatedIdentity {
    /// Its identifier within the report.
    pub id: Uuid,
    /// When its status was found.
    pub moment: Timestamp,
    /// What is known.
    pub status: CorrelationStatus,
    /// True where the job itself made or linked the account, so that no match of others says more.
    pub linked: bool,
    /// The source object.
    pub source: Option<CorrelatedParty>,
    /// The account.
    pub target: CorrelatedParty,
    /// Why matching failed.
    pub error: Option<ErrorText>,
}

impl CorrelatedIdentity {
    /// The account.
    #[must_use]
    pub fn account(&self) -> Anchor {
        Anchor::new(self.target.anchor.value.as_str())
    }
}
