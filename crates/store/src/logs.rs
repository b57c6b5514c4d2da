use async_trait::async_trait;
use model::provisioning::{Action, Outcome, ProvisioningRecord};
use model::{CycleId, JobId, Name, TenantId, Timestamp, Uuid};
use serde_json::Value as Json;

use crate::Result;

/// Which records of the provisioning log are wanted. Conditions that are given must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvisioningQuery {
    /// Of this job.
    pub job: Option<JobId>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// That did so.
    pub action: Option<Action>,
    /// Of this cycle.
    pub cycle: Option<CycleId>,
    /// About this object, at either side, by anchor.
    pub anchor: Option<Name>,
    /// At or after this moment.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// Oldest first; newest first otherwise.
    pub ascending: bool,
    /// Only records beyond this one, in the order asked for.
    pub after: Option<Uuid>,
    /// Records at most.
    pub limit: usize,
}

/// A record of the provisioning log with the job that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisioningEntry {
    /// The job.
    pub job: JobId,
    /// The record.
    pub record: ProvisioningRecord,
}

/// Records that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProvisioningPage {
    /// The records, in the order asked for.
    pub entries: Vec<ProvisioningEntry>,
    /// The last record that was looked at, where the store stopped with fewer records than were asked for: what
    /// satisfies the conditions is rare, and one page looks at 20,000 records at most. There may be more beyond it.
    pub passed: Option<Uuid>,
}

/// Which records of the audit log are wanted. Conditions that are given must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// The record of this identifier.
    pub id: Option<Uuid>,
    /// Done by one of these.
    pub actors: Option<Vec<String>>,
    /// One of these was done.
    pub activities: Option<Vec<String>>,
    /// Done to this target, compared without regard to case.
    pub target: Option<String>,
    /// Done to a target of this name ([`AuditRecord::target_name`]), compared without regard to case.
    pub target_name: Option<String>,
    /// That was not done, although it was tried; all records otherwise.
    pub failed: bool,
    /// In or after the millisecond of this moment.
    pub from: Option<Timestamp>,
    /// In or before the millisecond of this moment.
    pub to: Option<Timestamp>,
    /// Oldest first; newest first otherwise.
    pub ascending: bool,
    /// Only records beyond this one, in the order asked for.
    pub after: Option<Uuid>,
    /// Records at most.
    pub limit: usize,
}

/// Audit records that were asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditPage {
    /// The records, in the order asked for.
    pub records: Vec<AuditRecord>,
    /// As [`ProvisioningPage::passed`].
    pub passed: Option<Uuid>,
}

/// What the records of an audit log repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditWords {
    /// Everybody who did something.
    pub actors: Vec<String>,
    /// Everything that was done.
    pub activities: Vec<String>,
}

/// A change of configuration (Graph `directoryAudit`).
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its identifier, of version 7 and of the record's moment, so that it sorts by that.
    pub id: Uuid,
    /// When.
    pub moment: Timestamp,
    /// Who: a client's application id, a user, or the service itself.
    pub actor: String,
    /// What was done, such as `Update synchronization schema`.
    pub activity: String,
    /// What it was done to.
    pub target: String,
    /// The value before, secrets redacted.
    pub old: Option<Json>,
    /// The value after, secrets redacted.
    pub new: Option<Json>,
    /// Whether it was done.
    pub success: bool,
}

impl AuditRecord {
    /// What the target was called when it was changed: its `displayName` after the change, else before it.
    #[must_use]
    pub fn target_name(&self) -> Option<&str> {
        self.named("displayName")
    }

    /// A text of the target when it was changed: after the change, else before it.
    #[must_use]
    pub fn named(&self, property: &str) -> Option<&str> {
        [&self.new, &self.old].into_iter().find_map(|values| values.as_ref()?.get(property)?.as_str())
    }
}

/// The provisioning log and the audit log. Records of cycles are appended by
/// [`ConnectorDataStore::commit`](crate::ConnectorDataStore::commit), together with the outcomes they tell of.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Records of a tenant. What a page costs does not grow with the log, but for a page about an anchor, for which some
    /// octets of every record are read.
    async fn provisioning(&self, tenant: TenantId, query: ProvisioningQuery) -> Result<ProvisioningPage>;

    /// Removes records older than a moment, of every tenant; returns how many. The one method that may be several
    /// transactions, so that it holds nobody up: after a crash a part is removed.
    async fn prune_provisioning(&self, before: Timestamp) -> Result<u64>;

    /// Appends to the audit log.
    async fn audit(&self, tenant: TenantId, record: AuditRecord) -> Result<()>;

    /// Audit records of a tenant. What a page costs does not grow with the log.
    async fn audits(&self, tenant: TenantId, query: AuditQuery) -> Result<AuditPage>;

    /// Who did something in a tenant, and what was done. What it costs grows with these words, not with the log.
    async fn audit_words(&self, tenant: TenantId) -> Result<AuditWords>;
}
