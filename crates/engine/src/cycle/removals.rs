//! Links that a full read did not see, and staged writes sent or held for consent.

use std::collections::{BTreeMap, HashSet};

use model::Anchor;
use model::link::StagedKind;
use model::provisioning::Import;
use store::{Result, Staged};
use sync::{Action, Decision, Held};

use super::Cycle;
use super::item::{Item, Mode};
use super::prepared::Key;
use super::record::Ending;
use super::results::{Halt, Results};

/// Rows that are gone through between two commits.
const PAGE: usize = 500;

impl Cycle<'_> {
    /// After a full read: what the source did not yield is gone, as far as a listing can tell.
    pub(crate) async fn stage_unseen(&mut self) -> Result<Option<Halt>> {
        self.note_unshown();
        if !self.has().entries {
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

    /// Stages the deletion of accounts that have been disabled and released for as long as they are kept.
    pub(crate) async fn stage_expired(&mut self) -> Result<()> {
        let Some(kept) = self.prepared.settings.policies.delete_after_disabled else { return Ok(()) };
        let now = self.services.clock.now();
        let released_before = now.checked_sub(kept).unwrap_or(model::Timestamp::MIN);
        let (store, job) = (self.services.store.clone(), &self.prepared.job.id);
        let mut passed = None;
        loop {
            let page = store.released_before(job, released_before, passed.take(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            passed = Some((last.rule.clone(), last.source.clone()));
            let sources: Vec<Anchor> = page.iter().map(|entry| entry.source.clone()).collect();
            let known = store.staged_of(job, &sources).await?;
            let fresh = page.into_iter().filter(|entry| {
                let mapping = self.prepared.mapping(&entry.rule, &entry.mapping);
                mapping.is_some_and(|mapping| mapping.flow_types.delete)
                    && !known.iter().any(|row| row.rule == entry.rule && row.source == entry.source)
            });
            let mut results = Results::default();
            results.commit.staged.extend(fresh.map(|entry| Staged {
                rule: entry.rule,
                kind: entry.kind,
                source: entry.source,
                action: StagedKind::Delete,
                reason: None,
                absent: false,
                moment: now,
                held: false,
            }));
            self.commit_results(results, None).await?;
        }
    }

    /// Sends what is staged, decided on the objects as they now are, or holds all of a kind for a person's consent.
    pub(crate) async fn send_staged(&mut self) -> Result<Option<Halt>> {
        if !self.has().staged {
            self.end_consent().await?;
            return Ok(None);
        }
        if let Some(halt) = self.release_excluded().await? {
            return Ok(Some(halt));
        }
        let held = self.held_kinds().await?;
        let mut passed = None;
        let mut left = false;
        loop {
            let page = self.staged_page(&mut passed).await?;
            if page.is_empty() {
                break;
            }
            let (free, kept): (Vec<Staged>, Vec<Staged>) =
                page.into_iter().partition(|row| self.may_send(row, held));
            left |= !kept.is_empty();
            if !free.is_empty() {
                self.note_staged(false);
                if let Some(halt) = self.send_rows(free).await? {
                    return Ok(Some(halt));
                }
                // What was decided to be another write than the one that was counted is staged anew.
                left |= self.has().staged;
            }
        }
        self.note_staged(left);
        // What comes to be held from here on, nobody has seen yet: the consent must not outlive a crash between the two.
        self.end_consent().await?;
        if left {
            self.hold_kinds(held).await?;
        }
        Ok(None)
    }

    /// What is staged of objects that people took out of the job since then is decided again, so that it no longer waits.
    async fn release_excluded(&mut self) -> Result<Option<Halt>> {
        let excluded = self.excluded();
        for anchors in excluded.chunks(PAGE) {
            let rows = self.services.store.staged_of(&self.prepared.job.id, anchors).await?;
            if !rows.is_empty()
                && let Some(halt) = self.send_rows(rows).await?
            {
                return Ok(Some(halt));
            }
        }
        Ok(None)
    }

    /// The next page of staged rows after those that were passed; an empty one at their end.
    async fn staged_page(&self, passed: &mut Option<Key>) -> Result<Vec<Staged>> {
        let page = self.services.store.staged(&self.prepared.job.id, passed.take(), PAGE).await?;
        *passed = page.last().map(|last| (last.rule.clone(), last.source.clone()));
        Ok(page)
    }

    /// What a person agreed to was done.
    async fn end_consent(&mut self) -> Result<()> {
        if self.runtime().allows_any() {
            self.runtime_mut().end_consent();
            self.keep_runtime().await?;
        }
        Ok(())
    }

    /// Holds what is staged of these kinds.
    async fn hold_kinds(&mut self, held: Held) -> Result<()> {
        let mut passed = None;
        loop {
            let page = self.staged_page(&mut passed).await?;
            if page.is_empty() {
                return Ok(());
            }
            self.hold(page.into_iter().filter(|row| held.holds(row.action)).collect()).await?;
        }
    }

    /// Logs once that these writes wait.
    async fn hold(&mut self, rows: Vec<Staged>) -> Result<()> {
        let fresh: Vec<Staged> = rows.into_iter().filter(|row| !row.held).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let anchors: Vec<Anchor> = fresh.iter().map(|row| row.source.clone()).collect();
        let memory = self.memory_of(&anchors).await?;
        let mut results = Results::default();
        for row in fresh {
            let entry = memory.entry(&row.rule, &row.source).cloned();
            let mapping = match &entry {
                Some(entry) => self.prepared.mapping(&entry.rule, &entry.mapping),
                None => self.prepared.mapping_of(&row.rule, &row.kind),
            };
            if let Some(mapping) = mapping {
                let import = if row.action.removes() { Import::Delete } else { Import::Update };
                let item = self.item(mapping, row.source.clone(), None, entry, import, &memory);
                let staged = Decision::bare(Action::Stage(row.action, row.reason));
                let decision = Decision { inactive: row.reason, ..staged };
                results.commit.log.extend(self.record(&item, &decision, &Ending::Held));
            }
            results.commit.staged.push(Staged { held: true, ..row });
        }
        self.commit_results(results, None).await
    }

    /// Decides rows again, on the objects as they now are, and sends what they were staged for.
    async fn send_rows(&mut self, rows: Vec<Staged>) -> Result<Option<Halt>> {
        // What is known to be gone only from a listing is gone for this decision too: the listing was complete.
        let (absent, present): (Vec<&Staged>, Vec<&Staged>) = rows.iter().partition(|row| row.absent);
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
            items.extend(found.into_iter().filter(|item: &Item<'_>| item.mapping.rule == row.rule));
        }
        let by_key: BTreeMap<Key, &Staged> =
            rows.iter().map(|row| ((row.rule.clone(), row.source.clone()), row)).collect();
        for item in &mut items {
            let Some(row) = by_key.get(&item.key()) else { continue };
            item.live = true;
            item.sends = Some(row.action);
            item.agreed = self.has_consent(row);
            item.expired = row.action == StagedKind::Delete && row.reason.is_none();
        }
        let mut results = self.process(items, Mode::END).await?;
        let halt = results.halt.take();
        if halt.is_none() {
            // Every row was decided: what failed is escrowed and staged anew when it is taken up again.
            let again: HashSet<Key> =
                results.commit.staged.iter().map(|row| (row.rule.clone(), row.source.clone())).collect();
            let done: HashSet<Key> = results.commit.unstaged.iter().cloned().collect();
            let keys = by_key.into_keys().filter(|key| !again.contains(key) && !done.contains(key));
            results.commit.unstaged.extend(keys);
        }
        self.commit_results(results, None).await?;
        Ok(halt)
    }
}
