//! Counting staged writes against the job's limits.

use std::collections::BTreeMap;

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
        Ok(Held { removals: held.removals || self.yielded_nothing(&managed), ..held })
    }

    /// True where a full read showed nothing of a type of which objects are managed. A source that suddenly shows
    /// nobody is more likely to have lost its permissions than its people.
    fn yielded_nothing(&self, managed: &BTreeMap<Name, u64>) -> bool {
        let runtime = self.runtime();
        let Some(running) = runtime.running.as_ref().filter(|_| self.initial) else { return false };
        let read = self.prepared.selections.iter().map(|selection| &selection.kind);
        read.into_iter()
            .any(|kind| !running.kinds.contains(kind) && managed.get(kind).is_some_and(|links| *links > 0))
    }

    async fn staged_counts(&self) -> Result<BTreeMap<(Name, StagedKind), u64>> {
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let mut counts = BTreeMap::new();
        if !self.runtime().allows_any() {
            let staged = store.staged_counts(job).await?;
            counts.extend(staged.into_iter().map(|(kind, action, count)| ((kind, action), count)));
            return Ok(counts);
        }
        let mut passed = None;
        loop {
            let page = store.staged(job, passed.take(), PAGE).await?;
            for row in page.iter().filter(|row| !self.has_consent(row)) {
                *counts.entry((row.kind.clone(), row.action)).or_default() += 1;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => passed = Some((last.rule.clone(), last.source.clone())),
                _ => return Ok(counts),
            }
        }
    }
}
