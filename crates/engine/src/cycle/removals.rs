//! Removals: links that a full read did not see, and staged disables and deletes sent or held for consent.

use std::collections::BTreeMap;

use model::link::StagedKind;
use model::provisioning::Import;
use model::{Anchor, Name};
use store::{Result, Staged};
use sync::{Action, Decision, LinkChange, References, RemovalTally, removals_exceed};

use super::Cycle;
use super::item::{Item, Mode};
use super::record::Ending;
use super::results::{Halt, Results};
use super::runtime::LOOK_BACK;
use crate::time::after;

/// Rows that are gone through between two commits.
const PAGE: usize = 500;

impl Cycle<'_> {
    /// After a full read: what the source did not yield is gone, as far as a listing can tell.
    pub(crate) async fn stage_unseen(&mut self) -> Result<Option<Halt>> {
        if !self.has.entries {
            return Ok(None);
        }
        self.sweeping = true;
        let mut after = None;
        loop {
            let store = &self.services.store;
            let page = store.unseen(&self.prepared.job.id, self.generation, after.take(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.rule.clone(), last.source.clone()));
            let anchors: Vec<Anchor> = page.iter().map(|entry| entry.source.clone()).collect();
            let memory = self.remember(&anchors).await?;
            let mut items = Vec::new();
            for entry in &page {
                let mut found = Vec::new();
                self.gone_items(&entry.source, &memory, &mut found);
                items.extend(found.into_iter().filter(|item: &Item<'_>| item.mapping.rule == entry.rule));
            }
            let mut results = self.process(items, Mode::PAGE).await?;
            let halt = results.halt.take();
            self.commit_results(results, None).await?;
            if halt.is_some() {
                return Ok(halt);
            }
        }
        self.sweeping = false;
        Ok(None)
    }

    /// Sends what is staged, decided on the objects as they now are, or holds all of it for a person's consent.
    pub(crate) async fn send_staged(&mut self) -> Result<Option<Halt>> {
        if !self.has.staged {
            return Ok(None);
        }
        let hold = !self.runtime.force_deletes && self.too_many_removals().await?;
        let mut after = None;
        loop {
            let page = self.services.store.staged(&self.prepared.job.id, after.take(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some((last.rule.clone(), last.source.clone()));
            let halt = if hold { self.hold(page).await? } else { self.remove(page).await? };
            if halt.is_some() {
                return Ok(halt);
            }
        }
        self.has.staged = hold;
        if !hold {
            self.runtime.force_deletes = false;
        }
        Ok(None)
    }

    /// True where the last cycle's removals wait for consent.
    pub(crate) async fn holds_removals(&self) -> Result<bool> {
        let store = &self.services.store;
        Ok(self.has.staged && !store.staged(&self.prepared.job.id, None, 1).await?.is_empty())
    }

    async fn too_many_removals(&self) -> Result<bool> {
        let (store, job) = (&self.services.store, &self.prepared.job.id);
        let mut managed: BTreeMap<Name, u64> = BTreeMap::new();
        for count in store.managed_counts(job).await? {
            *managed.entry(count.kind).or_default() += count.links;
        }
        let yielded = self.runtime.running.as_ref().map_or(0, |running| running.yielded);
        if self.initial && yielded == 0 && managed.values().any(|links| *links > 0) {
            // A source that suddenly shows nobody is more likely to have lost its permissions than its people.
            return Ok(true);
        }
        let mut removals: BTreeMap<(Name, bool), u64> = BTreeMap::new();
        for (kind, action, count) in store.staged_counts(job).await? {
            *removals.entry((kind, action == StagedKind::Delete)).or_default() += count;
        }
        let since = self.began();
        for sent in &self.runtime.removals {
            if after(sent.moment, LOOK_BACK) > self.services.clock.now() || sent.moment >= since {
                *removals.entry((sent.kind.clone(), sent.action() == StagedKind::Delete)).or_default() +=
                    sent.count;
            }
        }
        let tallies: Vec<RemovalTally> = removals
            .into_iter()
            .map(|((kind, delete), removals)| RemovalTally {
                kind: if delete { StagedKind::Delete } else { StagedKind::Disable },
                removals,
                managed: managed.get(&kind).copied().unwrap_or(0),
            })
            .collect();
        Ok(removals_exceed(self.prepared.limits, &tallies))
    }

    /// Logs once that these removals wait.
    async fn hold(&mut self, page: Vec<Staged>) -> Result<Option<Halt>> {
        let fresh: Vec<Staged> = page.into_iter().filter(|row| !row.held).collect();
        if fresh.is_empty() {
            return Ok(None);
        }
        let anchors: Vec<Anchor> = fresh.iter().map(|row| row.source.clone()).collect();
        let memory = self.memory_of(&anchors).await?;
        let mut results = Results::default();
        for row in fresh {
            let entry = memory.entry(&row.rule, &row.source).cloned();
            let mapping = entry.as_ref().and_then(|entry| self.prepared.mapping(&entry.rule, &entry.mapping));
            if let Some(mapping) = mapping {
                let item = self.item(mapping, row.source.clone(), None, entry, Import::Delete, &memory);
                let decision = Decision {
                    action: Action::Stage(row.action, row.reason),
                    link: LinkChange::Keep,
                    references: References::default(),
                    inactive: Some(row.reason),
                    trace: Vec::new(),
                };
                results.commit.log.extend(self.record(&item, &decision, &Ending::Held));
            }
            results.commit.staged.push(Staged { held: true, ..row });
        }
        self.commit_results(results, None).await?;
        Ok(None)
    }

    async fn remove(&mut self, page: Vec<Staged>) -> Result<Option<Halt>> {
        // What is known to be gone only from a listing is gone for this decision too: the listing was complete.
        let (absent, present): (Vec<Staged>, Vec<Staged>) = page.into_iter().partition(|row| row.absent);
        let wanted: Vec<_> =
            present.iter().map(|row| (row.rule.clone(), row.kind.clone(), row.source.clone())).collect();
        let (mut items, halt) = self.read_again(&wanted).await?;
        if halt.is_some() {
            return Ok(halt);
        }
        let anchors: Vec<Anchor> = absent.iter().map(|row| row.source.clone()).collect();
        let memory = self.memory_of(&anchors).await?;
        for row in &absent {
            let mut found = Vec::new();
            self.gone_items(&row.source, &memory, &mut found);
            items.extend(
                found
                    .into_iter()
                    .filter(|item: &Item<'_>| item.mapping.rule == row.rule)
                    .map(|item| Item { live: true, ..item }),
            );
        }
        let mut results = self.process(items, Mode::REMOVE).await?;
        let halt = results.halt.take();
        if halt.is_none() {
            // Every row was decided: what failed is escrowed and staged anew when it is taken up again.
            let keys = absent.iter().chain(&present).map(|row| (row.rule.clone(), row.source.clone()));
            let unstaged: Vec<_> = keys.filter(|key| !results.commit.unstaged.contains(key)).collect();
            results.commit.unstaged.extend(unstaged);
        }
        self.commit_results(results, None).await?;
        Ok(halt)
    }
}
