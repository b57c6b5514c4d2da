//! What a job keeps between its pages and its cycles, beside the rows of the connector data store.

use model::job::Counters;
use model::link::StagedKind;
use model::{CycleId, Name, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::time::after;

/// How far back removals count towards the limits, where a cycle is shorter.
pub(crate) const LOOK_BACK: SignedDuration = SignedDuration::from_mins(40);

/// The runtime state of a job. It is committed with every page, so that a cycle resumes where it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Runtime {
    /// Where incremental reading goes on; none makes the next cycle an initial one.
    pub(crate) watermark: Option<Watermark>,
    /// Counts full reads.
    pub(crate) generation: u64,
    /// Counts enumerations of references.
    pub(crate) enumerations: u64,
    /// The cycle that is under way or was interrupted.
    pub(crate) running: Option<Running>,
    /// Removals that were sent lately, by source type.
    pub(crate) removals: Vec<SentRemovals>,
    /// True where staged removals may be sent once, whatever the limits.
    pub(crate) force_deletes: bool,
    /// The target that the links belong to, as its connector names it.
    pub(crate) target_identity: Option<String>,
}

/// A position in the source's feed, and what it is good for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watermark {
    /// The source's cursor.
    pub(crate) cursor: String,
    /// What the schema and the scope meant when it was reached; when they mean something else, everything is read.
    pub(crate) meaning: u64,
}

/// A cycle that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) cycle: CycleId,
    /// True where everything is read.
    pub(crate) initial: bool,
    pub(crate) began: Timestamp,
    /// The version of the schema that the cycle follows to its end.
    pub(crate) schema: u64,
    /// What schema and scope mean.
    pub(crate) meaning: u64,
    /// Where the next page begins; none before the first.
    pub(crate) cursor: Option<String>,
    /// True once the last page was committed.
    pub(crate) read: bool,
    /// True once the target is listed into the index.
    pub(crate) indexed: bool,
    /// Objects that the source yielded.
    pub(crate) yielded: u64,
    /// Objects that the source has in all, where it told.
    pub(crate) total: Option<u64>,
    pub(crate) counters: Counters,
}

/// Removals that were sent, so that limits hold over a while and not only over one cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SentRemovals {
    pub(crate) moment: Timestamp,
    pub(crate) kind: Name,
    pub(crate) delete: bool,
    pub(crate) count: u64,
}

impl SentRemovals {
    pub(crate) fn action(&self) -> StagedKind {
        if self.delete { StagedKind::Delete } else { StagedKind::Disable }
    }
}

impl Runtime {
    /// Notes a removal that was sent; those older than the limits look back are forgotten.
    pub(crate) fn note_removal(&mut self, moment: Timestamp, kind: Name, action: StagedKind) {
        let delete = action == StagedKind::Delete;
        self.removals.retain(|sent| after(sent.moment, LOOK_BACK) > moment);
        let minute = SignedDuration::from_mins(1);
        let same = |sent: &&mut SentRemovals| {
            sent.kind == kind && sent.delete == delete && after(sent.moment, minute) > moment
        };
        match self.removals.iter_mut().find(same) {
            Some(sent) => sent.count += 1,
            None => self.removals.push(SentRemovals { moment, kind, delete, count: 1 }),
        }
    }
}
