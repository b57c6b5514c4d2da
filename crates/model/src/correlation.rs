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
    /// Source objects that were read.
    pub objects: u64,
    /// Source objects in all, where the source told.
    pub total_objects: Option<u64>,
    /// How many accounts have which status; none before the report is complete.
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

/// A source object that accounts may belong to, as a report keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelatedObject {
    /// The object, with the attribute by which it would match first.
    pub party: CorrelatedParty,
    /// What it can match by, by rising priority.
    pub keys: Vec<CorrelatedKey>,
}

/// What a source object and its account have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrelatedKey {
    /// The source object's attribute, where the value is that of one attribute.
    pub at_source: Option<NamedValue>,
    /// The account's attribute with the value that it should have.
    pub at_target: NamedValue,
}

/// What was found out about an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The account, by its number in the run.
    pub account: u32,
    /// When it was found out.
    pub moment: Timestamp,
    /// What is known.
    pub status: CorrelationStatus,
    /// The source object, by its number in the run; of several that match the account, the first.
    pub object: Option<u32>,
    /// Which of the object's keys the account matches; none where the job remembers the account as the object's.
    pub key: Option<u16>,
    /// Why matching failed.
    pub error: Option<ErrorText>,
}

/// An account of the target, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct CorrelatedIdentity {
    /// Its identifier within the report.
    pub id: Uuid,
    /// When its status was found.
    pub moment: Timestamp,
    /// What is known.
    pub status: CorrelationStatus,
    /// The source object.
    pub source: Option<CorrelatedParty>,
    /// The account.
    pub target: CorrelatedParty,
    /// Why matching failed.
    pub error: Option<ErrorText>,
}

impl CorrelatedIdentity {
    /// An account with what was found out about it. Both sides show the value by which they match.
    #[must_use]
    pub fn new(
        run: Uuid,
        finding: Finding,
        account: CorrelatedParty,
        object: Option<CorrelatedObject>,
    ) -> Self {
        let id = Self::id_of(run, finding.account);
        let Finding { moment, status, key, error, .. } = finding;
        let (mut source, mut target) = (None, account);
        if let Some(CorrelatedObject { mut party, keys }) = object {
            if let Some(key) = key.and_then(|key| keys.into_iter().nth(key.into())) {
                party.matching = key.at_source;
                target.matching = Some(key.at_target);
            }
            source = Some(party).filter(|_| status != CorrelationStatus::FailToCorrelate);
        }
        Self { id, moment, status, source, target, error }
    }

    /// The identifier of a run's account: the run's own, with the account's number as its last four octets.
    #[must_use]
    pub fn id_of(run: Uuid, number: u32) -> Uuid {
        Uuid::from_u128(run.as_u128() & !u128::from(u32::MAX) | u128::from(number))
    }

    /// The number of a run's account with this identifier; none where no account of the run has it.
    #[must_use]
    pub fn number_of(run: Uuid, id: Uuid) -> Option<u32> {
        let number = u32::try_from(id.as_u128() & u128::from(u32::MAX)).ok()?;
        (Self::id_of(run, number) == id).then_some(number)
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> Anchor {
        Anchor::new(self.target.anchor.value.as_str())
    }
}
