//! Counting staged writes against the job's limits.

use std::collections::{BTreeMap, BTreeSet};

use model::Name;
use model::link::StagedKind;
use store::{Result, Staged};
use sync::{Held, Tally};

use super::Cycle;
use super::runtime::LOOK_BACK;
use crate::time::after;

/// Rows that are counted at once.
const PAGE: usize = 1000;

impl Cycle<'_> {
    /// True where a staged row may be sent: its kind is within the limits, or it was held and a person agreed.
    pub(crate) fn may_send(&self, row: &Staged, held: Held) -> bool {
        !held.holds(row.action) || self.has_consent(row)
    }

    /// True where a person agreed to exactly this row.
    pub(crate) fn has_consent(&self, row: &Staged) -> bool {
        row.held && self.runtime().allows(row.action)
    }

    /// Which kinds of staged writes are too many, with those that were sent in this cycle or lately. What a person
    /// agreed to does not count.
    pub(crate) async fn held_kinds(&self) -> Result<Held> {
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let mut managed: BTreeMap<Name, u64> = BTreeMap::new();
        for count in store.managed_counts(job).await? {
            *managed.entry(count.kind).or_default() += count.links;
        }
        let mut counts = self.staged_counts().await?;
        let (began, now) = (self.began(), self.services.clock.now());
        for sent in &self.runtime().sent {
            if sent.moment >= began || after(sent.moment, LOOK_BACK) > now {
                *counts.entry((sent.kind.clone(), sent.action)).or_default() += sent.count;
            }
        }
        let tallies: Vec<Tally> = counts
            .into_iter()
            .map(|((kind, action), count)| Tally {
                kind: action,
                count,
                managed: managed.get(&kind).copied().unwrap_or(0),
            })
            .collect();
        let held = self.prepared.policy.limits.held(&tallies);
        let unbelieved = self.yielded_nothing(&managed) || self.waits_for_a_better_read().await?;
        Ok(Held { removals: held.removals || unbelieved, ..held })
    }

    /// Notes of which source types the full read that ended showed nothing.
    pub(crate) fn note_unshown(&mut self) {
        let read: BTreeSet<Name> =
            self.prepared.selections.iter().map(|selection| selection.kind.clone()).collect();
        let runtime = self.runtime_mut();
        if let Some(running) = &runtime.running {
            runtime.unshown = read.difference(&running.kinds).cloned().collect();
        }
    }

    /// True where this full read showed nothing of a type of which objects are managed. A source that suddenly shows
    /// nobody is more likely to have lost its permissions than its people.
    fn yielded_nothing(&self, managed: &BTreeMap<Name, u64>) -> bool {
        let is_managed = |kind: &Name| managed.get(kind).is_some_and(|links| *links > 0);
        self.initial && self.runtime().unshown.iter().any(is_managed)
    }

    /// True where something waits to be removed only because a full read showed nothing of its type: later cycles are
    /// told of changes alone, and have no better evidence.
    async fn waits_for_a_better_read(&self) -> Result<bool> {
        let unshown = self.runtime().unshown.clone();
        if unshown.is_empty() {
            return Ok(false);
        }
        let unbelieved = |row: &Staged| row.absent && unshown.contains(&row.kind) && !self.has_consent(row);
        let mut passed = None;
        loop {
            let page = self.services.store.staged(&self.prepared.job.id, passed.take(), PAGE).await?;
            match page.last() {
                _ if page.iter().any(unbelieved) => return Ok(true),
                Some(last) if page.len() == PAGE => passed = Some((last.rule.clone(), last.source.clone())),
                _ => return Ok(false),
            }
        }
    }

    /// What is staged, without what a person agreed to.
    async fn staged_counts(&self) -> Result<BTreeMap<(Name, StagedKind), u64>> {
        let mut counts = BTreeMap::new();
        for staged in self.services.store.staged_counts(&self.prepared.job.id).await? {
            if !(staged.held && self.runtime().allows(staged.action)) {
                *counts.entry((staged.kind, staged.action)).or_default() += staged.count;
            }
        }
        Ok(counts)
    }
}
