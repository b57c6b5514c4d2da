//! What a job keeps between its pages and its cycles, beside the rows of the connector data store.

use std::collections::BTreeSet;

use model::job::Counters;
use model::link::StagedKind;
use model::{CycleId, Name, SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::drift::DriftState;
use crate::time::after;

/// How far back removals count towards the limits, where a cycle is shorter.
pub(crate) const LOOK_BACK: SignedDuration = SignedDuration::from_mins(40);

/// The runtime state of a job. It is committed with every page, so that a cycle resumes where it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Runtime {
    /// Where incremental reading goes on; none makes the next cycle an initial one.
    pub(crate) watermark: Option<Watermark>,
    /// Counts full reads.
    pub(crate) generation: u64,
    /// Counts enumerations of references.
    pub(crate) enumerations: u64,
    /// The cycle that is under way or was interrupted.
    pub(crate) running: Option<Running>,
    /// True where a cycle was interrupted, or failures were forgotten, and none has ended since: writes may have arrived
    /// although nobody told.
    pub(crate) unsettled: bool,
    /// Source types of which the last full read showed nothing.
    pub(crate) unshown: BTreeSet<Name>,
    /// Limited writes that were sent lately, by source type.
    pub(crate) sent: Vec<SentWrites>,
    /// True where held creates may be sent once, whatever their limit.
    pub(crate) allow_creates: bool,
    /// True where held updates may be sent once, whatever their limit.
    pub(crate) allow_updates: bool,
    /// True where staged removals may be sent once, whatever the limits.
    pub(crate) force_deletes: bool,
    /// How far scans for drift are.
    pub(crate) drift: DriftState,
    /// The target that the links belong to, as its connector names it; none where nothing was linked yet.
    pub(crate) target_identity: Option<String>,
    /// Counts how often all links were forgotten.
    pub(crate) resets: u64,
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
    /// The types of the objects that the source yielded.
    #[serde(default)]
    pub(crate) kinds: BTreeSet<Name>,
    /// Objects that the source has in all, where it told.
    pub(crate) total: Option<u64>,
    pub(crate) counters: Counters,
    /// Of the objects that failed, those that had failed before.
    pub(crate) failed_again: u64,
}

/// Limited writes that were sent, so that limits hold over a while and not only over one cycle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SentWrites {
    pub(crate) moment: Timestamp,
    /// The source's object type.
    pub(crate) kind: Name,
    pub(crate) action: StagedKind,
    pub(crate) count: u64,
}

impl Runtime {
    /// Notes a limited write that was sent in a cycle that began at `began`; those before it that are older than the
    /// limits look back are forgotten.
    pub(crate) fn note_sent(&mut self, moment: Timestamp, began: Timestamp, kind: Name, action: StagedKind) {
        self.sent.retain(|sent| sent.moment >= began || after(sent.moment, LOOK_BACK) > moment);
        let minute = SignedDuration::from_mins(1);
        let same = |sent: &&mut SentWrites| {
            sent.kind == kind && sent.action == action && after(sent.moment, minute) > moment
        };
        match self.sent.iter_mut().find(same) {
            Some(sent) => sent.count += 1,
            None => self.sent.push(SentWrites { moment, kind, action, count: 1 }),
        }
    }

    /// True where a person agreed that held writes of a kind are sent once, whatever their limit.
    pub(crate) fn allows(&self, kind: StagedKind) -> bool {
        match kind {
            StagedKind::Create => self.allow_creates,
            StagedKind::Update => self.allow_updates,
            StagedKind::Disable | StagedKind::Delete => self.force_deletes,
        }
    }

    /// True where a person agreed to anything that is held.
    pub(crate) fn allows_any(&self) -> bool {
        self.allow_creates || self.allow_updates || self.force_deletes
    }

    /// Notes, where a cycle may have been interrupted, that what it sent may not be known.
    pub(crate) fn note_interruption(&mut self) {
        self.unsettled |= self.running.is_some();
    }

    /// True where cycles have read by other settings than these: what they mean is another.
    pub(crate) fn reads_by_other_than(&self, meaning: u64) -> bool {
        let ended = self.watermark.as_ref().map(|watermark| watermark.meaning);
        let running = self.running.as_ref().map(|running| running.meaning);
        ended.into_iter().chain(running).any(|one| one != meaning)
    }

    /// What a person agreed to was done.
    pub(crate) fn end_consent(&mut self) {
        (self.allow_creates, self.allow_updates, self.force_deletes) = (false, false, false);
    }
}
