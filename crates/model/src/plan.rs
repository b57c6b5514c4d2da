//! Plans: what a cycle would do, or what would be done with given objects, kept so that a person can look at it first.
//!
//! A planned change is the record that the provisioning log would get, with what is needed to tell later whether the
//! same would still be done.

use serde::{Deserialize, Serialize};

use crate::job::ErrorText;
use crate::provisioning::ProvisioningRecord;
use crate::{Anchor, Name, Timestamp, Uuid};

/// How far a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlanState {
    /// It is being computed.
    Computing,
    /// It can be looked at and applied.
    Ready,
    /// It could not be computed or applied to its end, or another took its place.
    Failed,
    /// It is being applied.
    Applying,
    /// It was applied.
    Applied,
}

impl PlanState {
    /// The spelling on the wire.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::Computing => "computing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Applying => "applying",
            Self::Applied => "applied",
        }
    }
}

/// What a plan was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlanScope {
    /// A whole cycle.
    Cycle,
    /// Objects that a client named.
    Subjects,
}

/// How many changes of each kind a plan has, and what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlanCounts {
    /// Objects that were decided about.
    pub objects: u64,
    /// Accounts to be made.
    pub creates: u64,
    /// Accounts to be changed.
    pub updates: u64,
    /// Accounts to be disabled.
    pub disables: u64,
    /// Accounts to be removed.
    pub deletes: u64,
    /// Accounts that are only to be linked or unlinked, with nothing to send.
    pub links: u64,
    /// References to be added.
    pub references_added: u64,
    /// References to be removed.
    pub references_removed: u64,
    /// Objects that cannot be provisioned.
    pub failures: u64,
    /// Objects that must wait for others and are decided after the plan is applied.
    pub deferred: u64,
    /// Objects with nothing to do.
    pub skipped: u64,
    /// Changes that were applied.
    pub applied: u64,
    /// Changes that were refused, since something else would be done by now.
    pub stale: u64,
    /// Changes that failed when they were applied.
    pub failed: u64,
}

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its identifier; sorts by moment.
    pub id: Uuid,
    /// Who asked for it: a client's application id, or empty for the job's schedule.
    pub author: String,
    /// What it was made of.
    pub scope: PlanScope,
    /// How far it is.
    pub state: PlanState,
    /// True where the cycle would read everything.
    pub initial: bool,
    /// The version of the schema that it follows.
    pub schema: u64,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it was computed.
    pub computed: Option<Timestamp>,
    /// When it was applied.
    pub applied: Option<Timestamp>,
    /// What it holds.
    pub counts: PlanCounts,
    /// True where there are more disables or deletes than the job's limits let a cycle make by itself.
    pub over_limits: bool,
    /// Why it failed.
    pub error: Option<ErrorText>,
    /// Where the cycle would begin and end, an opaque text of the engine's.
    pub basis: String,
}

/// What became of a planned change when the plan was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeResult {
    /// It was done.
    Applied,
    /// Something else would be done by now.
    Stale,
    /// It was tried and failed.
    Failed,
}

impl ChangeResult {
    /// The spelling on the wire.
    #[must_use]
    pub fn wire(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Stale => "stale",
            Self::Failed => "failed",
        }
    }
}

/// References of one attribute of one object that are to be added and removed, by the anchors of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedReferences {
    /// The target attribute.
    pub attribute: Name,
    /// True where the attribute holds several values.
    pub multivalued: bool,
    /// Objects to refer to.
    pub added: Vec<Anchor>,
    /// Objects to refer to no longer.
    pub removed: Vec<Anchor>,
}

/// One change of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// Its place in the plan, from one.
    pub number: u64,
    /// The rule's id.
    pub rule: Name,
    /// What the provisioning log would say.
    pub record: ProvisioningRecord,
    /// The references, where the change is about them; the object itself otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<PlannedReferences>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ChangeResult>,
}
