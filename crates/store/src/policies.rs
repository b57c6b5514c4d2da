//! What a job may touch and what others did: exclusions by hand, released accounts that are kept for a while, drift.

use async_trait::async_trait;
use model::link::Entry;
use model::{Anchor, JobId, Name, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{OutgoingEdge, Result};

/// A source object that a person took out of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// The object.
    pub source: Anchor,
    /// Why.
    pub reason: String,
    /// Who said so: a client's application id.
    pub author: String,
    /// When.
    pub moment: Timestamp,
}

/// What somebody else did at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DriftKind {
    /// An attribute shows another value than was exported.
    Value,
    /// The account is gone.
    Missing,
    /// A reference was added.
    Added,
    /// A reference was removed.
    Removed,
}

/// A change that others made at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The rule's id.
    pub rule: Name,
    /// The object at the source.
    pub source: Anchor,
    /// The source's object type.
    pub kind: Name,
    /// The object at the target.
    pub target: Anchor,
    /// The target's object type.
    pub target_kind: Name,
    /// A name for people.
    pub display_name: Option<Name>,
    /// What was done.
    pub what: DriftKind,
    /// The target attribute; empty where the account is gone.
    pub attribute: Name,
    /// What the target should show, as text; `[Redact]` where it may not be shown, none for nothing.
    pub expected: Option<String>,
    /// What it shows.
    pub found: Option<String>,
    /// When it was found first.
    pub since: Timestamp,
}

/// What belongs to the policies of jobs.
#[async_trait]
pub trait PolicyStore: Send + Sync {
    /// A page of exclusions, by rising source anchor.
    async fn exclusions(&self, job: &JobId, after: Option<Anchor>, limit: usize) -> Result<Vec<Exclusion>>;

    /// Excludes an object; one that is excluded gets the new reason.
    async fn exclude(&self, job: &JobId, exclusion: Exclusion) -> Result<()>;

    /// Ends an exclusion; false where there is none.
    async fn readmit(&self, job: &JobId, source: &Anchor) -> Result<bool>;

    /// A page, by rising (rule, source), of entries whose link was released before a moment and still is.
    async fn released_before(
        &self,
        job: &JobId,
        moment: Timestamp,
        after: Option<(Name, Anchor)>,
        limit: usize,
    ) -> Result<Vec<Entry>>;

    /// A page of an owner's edges of one attribute of which something was exported, by rising referenced anchor.
    async fn exported_edges(
        &self,
        job: &JobId,
        owner: (&str, &Anchor),
        attribute: &str,
        after: Option<Anchor>,
        limit: usize,
    ) -> Result<Vec<OutgoingEdge>>;

    /// Escrows of these objects by rule and source, or all where none are named, and with those every reference that
    /// waits after a failure, fall due at `now`. What was given up is tried as if it had never failed. Tells how many.
    async fn retry_now(
        &self,
        job: &JobId,
        sources: Option<Vec<(Name, Anchor)>>,
        now: Timestamp,
    ) -> Result<u64>;

    /// Notes what a scan found; what was found before keeps the moment of its first finding.
    async fn put_drift(&self, job: &JobId, scan: u64, found: Vec<Drift>) -> Result<()>;

    /// A scan is complete: forgets what it did not find.
    async fn end_drift_scan(&self, job: &JobId, scan: u64) -> Result<()>;

    /// A page of what is found, in the order of first finding, each with its number.
    async fn drift(&self, job: &JobId, after: u64, limit: usize) -> Result<Vec<(u64, Drift)>>;
}
