//! What waited for the end of the cycle: deferred decisions and due escrows, decided on the objects as they now are.

use std::collections::HashSet;

use model::change::SourceObject;
use model::provisioning::Import;
use model::{Anchor, Failure, FailureCode, Name, Timestamp};
use store::{Escrow, Result, Unread, Wait};

use super::Cycle;
use super::item::{Item, Mode};
use super::prepared::Key;
use super::results::Halt;

/// Objects that are taken up again between two commits.
const PAGE: usize = 500;

/// What makes the next cycle decide about an object on its present state.
pub(crate) fn decided_anew(rule: Name, kind: Name, source: Anchor, why: &str, now: Timestamp) -> Escrow {
    Escrow {
        rule,
        kind,
        source,
        failure: Failure::new(FailureCode::InternalError, why),
        wait: Wait::CycleEnd,
        unread: Unread::Present,
        attempts: 0,
        first: now,
        next: now,
    }
}

impl<'a> Cycle<'a> {
    /// Decides everything again that is due.
    pub(crate) async fn retry_waiting(&mut self) -> Result<Option<Halt>> {
        if !self.has().escrows {
            return Ok(None);
        }
        // What fails again is due later than this, so the loop ends.
        let now = self.services.clock.now();
        loop {
            let due = self.services.store.due_escrows(&self.prepared.job.id, now, PAGE).await?;
            if due.is_empty() {
                return Ok(None);
            }
            let wanted: Vec<(Name, Name, Anchor)> = due
                .iter()
                .map(|escrow| (escrow.rule.clone(), escrow.kind.clone(), escrow.source.clone()))
                .collect();
            let (items, halt) = self.read_again(&wanted).await?;
            if halt.is_some() {
                return Ok(halt);
            }
            let mut results = self.process(items, Mode::END).await?;
            // An object that no mapping takes any more has nothing to wait for.
            if results.halt.is_none() {
                let failed_again: HashSet<Key> =
                    results.commit.escrows.iter().map(|one| (one.rule.clone(), one.source.clone())).collect();
                let keys = due.into_iter().map(|escrow| (escrow.rule, escrow.source));
                results.commit.settled.extend(keys.filter(|key| !failed_again.contains(key)));
            }
            let halt = results.halt.take();
            self.commit_results(results, None).await?;
            if halt.is_some() {
                return Ok(halt);
            }
        }
    }

    /// Decides about objects of which an account may have been made when something broke, and that neither a page nor
    /// anything that waits has shown since: they may be gone.
    pub(crate) async fn resolve_intents(&mut self) -> Result<Option<Halt>> {
        if self.intents().is_empty() {
            return Ok(None);
        }
        let (store, job) = (self.services.store.clone(), &self.prepared.job.id);
        self.behind.landed().await?;
        let open = store.open_intents(job).await?;
        let sources: Vec<Anchor> = open.iter().map(|intent| intent.source.clone()).collect();
        let escrows = store.escrows_of(job, &sources).await?.into_iter().map(|one| (one.rule, one.source));
        let staged = store.staged_of(job, &sources).await?.into_iter().map(|one| (one.rule, one.source));
        let waiting: HashSet<Key> = escrows.chain(staged).collect();
        let unseen: Vec<(Name, Name, Anchor)> = open
            .into_iter()
            .filter(|one| !waiting.contains(&(one.rule.clone(), one.source.clone())))
            .map(|one| (one.rule, one.kind, one.source))
            .collect();
        for page in unseen.chunks(PAGE) {
            let (items, halt) = self.read_again(page).await?;
            if halt.is_some() {
                return Ok(halt);
            }
            let mut results = self.process(items, Mode::END).await?;
            let halt = results.halt.take();
            self.commit_results(results, None).await?;
            if halt.is_some() {
                return Ok(halt);
            }
        }
        Ok(None)
    }

    /// Objects as the source now has them, each for the rule that waits for it.
    pub(crate) async fn read_again(
        &self,
        wanted: &[(Name, Name, Anchor)],
    ) -> Result<(Vec<Item<'a>>, Option<Halt>)> {
        let (mut items, halt) = self.read_objects(wanted).await?;
        for item in items.iter_mut().filter(|item| item.source.is_some()) {
            item.import = Import::Retry;
        }
        Ok((items, halt))
    }

    /// Objects as the source now has them, each for the given rule, as soon as nobody else works on them.
    pub(crate) async fn read_objects(
        &self,
        wanted: &[(Name, Name, Anchor)],
    ) -> Result<(Vec<Item<'a>>, Option<Halt>)> {
        let anchors: Vec<Anchor> = wanted.iter().map(|(_, _, anchor)| anchor.clone()).collect();
        let memory = self.memory_of(&anchors).await?;
        let mut items = Vec::with_capacity(wanted.len());
        for (rule, kind, anchor) in wanted {
            if self.stop.is_set() {
                return Ok((items, Some(Halt::Stopped)));
            }
            let source = match self.read_source(kind, anchor).await {
                Ok(source) => source,
                Err(halt) => return Ok((items, Some(halt))),
            };
            let mut found = Vec::new();
            if let Some(source) = source {
                drop(self.items_of(source, &memory, &mut found));
            } else {
                self.gone_items(anchor, &memory, &mut found);
                // That there is none of a type says nothing of what is remembered as of another.
                found.retain(|item| item.mapping.source_kind == *kind);
            }
            let own = found.into_iter().filter(|item| item.mapping.rule == *rule);
            items.extend(own.map(|item| Item { live: true, ..item }));
        }
        Ok((items, None))
    }

    async fn read_source(
        &self,
        kind: &Name,
        anchor: &Anchor,
    ) -> std::result::Result<Option<SourceObject>, Halt> {
        let Some(selection) = self.prepared.selection(kind) else {
            return Ok(None);
        };
        self.prepared.source.read(selection, anchor).await.map_err(|error| Halt::Source(error.failure()))
    }
}
