//! What a plan takes up beside the source's feed: what waits from earlier cycles, what others changed, accounts whose time
//! is over, and references that are due.

use std::collections::BTreeSet;

use model::policies::DriftPolicy;
use model::provisioning::Import;
use model::{Anchor, JobId, Name, Timestamp};
use store::{Drift, DriftKind, Escrow, SharedStore, Wait};

use super::compute::{Computing, PAGE, Phase};
use super::references::grouped;
use crate::control::Result;
use crate::cycle::{Cycle, Halt, Results};

/// Due references that a plan takes up.
pub(super) const MOST_EDGES: usize = 20_000;

/// Objects that wait, each with rule and type.
pub(super) type Rows = Vec<(Name, Name, Anchor)>;

/// Of the next page of failures after those that were passed, those that are due; none at their end.
pub(super) async fn due_escrows(
    store: &SharedStore,
    job: &JobId,
    now: Timestamp,
    passed: &mut Option<(Name, Anchor)>,
) -> Result<Option<Rows>> {
    let page = store.escrows(job, passed.take(), PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *passed = Some((last.rule.clone(), last.source.clone()));
    let due = page.into_iter().filter(|escrow| match escrow.wait {
        Wait::Moment => escrow.next <= now,
        Wait::CycleEnd => true,
        Wait::Change | Wait::GivenUp => false,
    });
    Ok(Some(due.map(|escrow| (escrow.rule, escrow.kind, escrow.source)).collect()))
}

/// The next page of staged writes after those that were passed; none at their end.
pub(super) async fn staged_rows(
    store: &SharedStore,
    job: &JobId,
    passed: &mut Option<(Name, Anchor)>,
) -> Result<Option<Rows>> {
    let page = store.staged(job, passed.take(), PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *passed = Some((last.rule.clone(), last.source.clone()));
    Ok(Some(page.into_iter().map(|row| (row.rule, row.kind, row.source)).collect()))
}

/// What people asked to have decided anew, from a moment on: what was read before says nothing of that.
pub(super) async fn asked_for_since(
    store: &SharedStore,
    job: &JobId,
    moment: Timestamp,
) -> Result<Vec<Escrow>> {
    let (mut found, mut passed) = (Vec::new(), None);
    loop {
        let page = store.escrows(job, passed.take(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        passed = Some((last.rule.clone(), last.source.clone()));
        found.extend(page.into_iter().filter(|one| one.wait == Wait::CycleEnd && one.next >= moment));
    }
}

/// Objects of which an account may have been made when something broke.
pub(super) async fn open_intents(store: &SharedStore, job: &JobId) -> Result<Rows> {
    let open = store.open_intents(job).await?.into_iter();
    Ok(open.map(|intent| (intent.rule, intent.kind, intent.source)).collect())
}

impl Computing<'_> {
    /// What waits from earlier cycles, and what others changed at the target where that is to be repaired.
    pub(super) async fn left_over(&mut self, cycle: &Cycle<'_>) -> Phase {
        if let Err(failure) = self.waiting(cycle).await? {
            return Ok(Err(failure));
        }
        if self.prepared.settings.policies.drift != DriftPolicy::Repair {
            return Ok(Ok(()));
        }
        self.drifted(cycle).await
    }

    /// Accounts that the last scan found changed or missing.
    async fn drifted(&mut self, cycle: &Cycle<'_>) -> Phase {
        let (store, job) = (self.services.store.clone(), &self.prepared.job.id);
        let mut passed = 0;
        loop {
            let page = store.drift(job, passed, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(Ok(())) };
            passed = *last;
            let repaired = |drift: &Drift| matches!(drift.what, DriftKind::Missing | DriftKind::Value);
            let accounts: BTreeSet<_> = page
                .into_iter()
                .filter(|(_, drift)| repaired(drift))
                .map(|(_, drift)| (drift.rule, drift.kind, drift.source))
                .collect();
            let (items, halt) = cycle.read_again(&self.fresh(accounts.into_iter().collect())).await?;
            if let Some(failure) = halt.and_then(Halt::into_failure) {
                return Ok(Err(failure));
            }
            // As in a scan: what the source no longer has, or has in escrow, others look after.
            let mut items: Vec<_> =
                items.into_iter().filter(|item| item.source.is_some() && !item.waits()).collect();
            for item in &mut items {
                item.import = Import::Drift;
            }
            if let Err(failure) = self.decide(cycle, items).await? {
                return Ok(Err(failure));
            }
        }
    }

    /// Due failures and staged writes.
    async fn waiting(&mut self, cycle: &Cycle<'_>) -> Phase {
        let (store, job) = (self.services.store.clone(), &self.prepared.job.id);
        let now = self.services.clock.now();
        let mut passed = None;
        while let Some(rows) = due_escrows(&store, job, now, &mut passed).await? {
            if let Err(failure) = self.again(cycle, rows).await? {
                return Ok(Err(failure));
            }
        }
        let mut passed = None;
        while let Some(rows) = staged_rows(&store, job, &mut passed).await? {
            if let Err(failure) = self.again(cycle, rows).await? {
                return Ok(Err(failure));
            }
        }
        Ok(Ok(()))
    }

    /// Objects of which an account may have been made when something broke, and that nothing else has shown.
    pub(super) async fn unresolved(&mut self, cycle: &Cycle<'_>) -> Phase {
        let rows = open_intents(&self.services.store, &self.prepared.job.id).await?;
        for page in rows.chunks(PAGE) {
            let (mut items, halt) = cycle.read_again(&self.fresh(page.to_vec())).await?;
            if let Some(failure) = halt.and_then(Halt::into_failure) {
                return Ok(Err(failure));
            }
            // A full read shows who is there.
            items.retain(|item| !self.reads_everything() || item.source.is_none());
            if let Err(failure) = self.decide(cycle, items).await? {
                return Ok(Err(failure));
            }
        }
        Ok(Ok(()))
    }

    /// Disabled, released accounts that have been kept for as long as they are to be.
    pub(super) async fn expired(&mut self, cycle: &Cycle<'_>) -> Phase {
        let Some(kept) = self.prepared.settings.policies.delete_after_disabled else { return Ok(Ok(())) };
        let (store, job) = (self.services.store.clone(), &self.prepared.job.id);
        let before = self.services.clock.now().checked_sub(kept).unwrap_or(Timestamp::MIN);
        let mut passed = None;
        loop {
            let page = store.released_before(job, before, passed.take(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(Ok(())) };
            passed = Some((last.rule.clone(), last.source.clone()));
            let over: Vec<_> = page.into_iter().map(|entry| (entry.rule, entry.kind, entry.source)).collect();
            let (mut items, halt) = cycle.read_again(&over).await?;
            if let Some(failure) = halt.and_then(Halt::into_failure) {
                return Ok(Err(failure));
            }
            for item in &mut items {
                item.expired = true;
            }
            if let Err(failure) = self.decide(cycle, items).await? {
                return Ok(Err(failure));
            }
        }
    }

    /// Those of which the plan does not speak yet.
    fn fresh(&self, mut rows: Rows) -> Rows {
        rows.retain(|(rule, _, anchor)| !self.met.contains(&(rule.clone(), anchor.clone())));
        rows
    }

    async fn again(&mut self, cycle: &Cycle<'_>, wanted: Rows) -> Phase {
        let (items, halt) = cycle.read_again(&self.fresh(wanted)).await?;
        match halt.and_then(Halt::into_failure) {
            Some(failure) => Ok(Err(failure)),
            None => self.decide(cycle, items).await,
        }
    }

    /// References that are due from earlier cycles, as far as a cycle would export them.
    pub(super) async fn due_references(&mut self, cycle: &Cycle<'_>) -> Phase {
        let (job, now) = (&self.prepared.job.id, self.services.clock.now());
        let due = self.services.store.due_edges(job, now, MOST_EDGES).await?;
        let mut others = Results::default();
        let due = cycle.exportable(due, &mut others).await?;
        if let Some(failure) = others.halt.and_then(Halt::into_failure) {
            return Ok(Err(failure));
        }
        for (entry, references) in grouped(due) {
            let owner = entry.source.anchor.as_ref();
            self.speak_of(&entry.rule, owner, &references.attribute, &references.added);
            let record = self.reference_record(&entry, &references);
            self.push(entry.rule.clone(), record, Some(references));
            self.write(false).await?;
        }
        Ok(Ok(()))
    }
}
