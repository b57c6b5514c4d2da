//! Applying a plan: each object is decided again, and only what would still be done is done.

mod refer;
mod settle;

use std::collections::{BTreeSet, HashSet};

use model::job::Counters;
use model::plan::{ChangeResult, Plan, PlanScope, PlanState, PlannedChange};
use model::provisioning::{
    Action as LogAction, Import, Outcome as LogOutcome, ProvisioningRecord, Step as TraceStep,
};
use model::{Anchor, Failure, FailureCode, Name, SignedDuration, Timestamp};
use store::{Escrow, Wait};
use sync::Decision;
use tokio::sync::Mutex as AsyncMutex;

use super::compute::needs_nothing;
use super::waiting::asked_for_since;
use super::{Basis, KEPT, failed, state_of};
use crate::control::{ControlError, Result};
use crate::cycle::{Cycle, Halt, Item, MOST_ROUNDS, Mode, Prepared, Results, Runtime, Warrant};
use crate::health;
use crate::runner::Runner;
use crate::services::Services;
use crate::stop::Stop;
use crate::time::after;

/// Changes that are decided together.
const PAGE: usize = 200;
/// How long the lease is taken for a page of changes.
const LEASE: SignedDuration = SignedDuration::from_mins(10);

/// Applies a plan, once no cycle runs, and writes how that ended.
pub(super) async fn run(services: &Services, prepared: &Prepared, runner: &Runner, stop: &Stop, plan: Plan) {
    let _alone = runner.alone().await;
    let outcome = applied(services, prepared, runner, stop, plan.clone()).await;
    let plan = match outcome {
        Ok(plan) => plan,
        Err(error) => failed(plan, "InternalError", error.to_string()),
    };
    if let Err(error) = services.store.put_plan(&prepared.job.id, plan, KEPT).await {
        tracing::error!(job = %prepared.job.id, %error, "how a plan was applied was lost");
    }
    // What is due next may be something else by now.
    runner.wake();
}

pub(super) async fn applied(
    services: &Services,
    prepared: &Prepared,
    runner: &Runner,
    stop: &Stop,
    mut plan: Plan,
) -> Result<Plan> {
    let (job, began) = (&prepared.job.id, services.clock.now());
    let lease = services.store.lease(job, services.node, began, after(began, LEASE)).await?;
    let lease = lease.ok_or_else(|| ControlError::Unfit("another process runs the job".to_owned()))?;
    let (live, desk) = (&*runner.live, &runner.desk);
    let at = (desk, desk.party());
    let mut cycle = Cycle::aside(services, prepared, stop, live, at, Warrant::Lease(lease.fence)).await?;
    cycle.take_over().await?;
    let basis = Basis::of(&plan)?;
    let untouched = basis.cursor.is_some()
        && basis.meaning == prepared.meaning
        && basis.state == state_of(&cycle.runtime())?;
    if untouched && plan.initial {
        // A cycle that reads everything forgets old failures; this one stands in its place. Should it not come to its
        // end, a cycle has to read everything after all.
        let runtime = Runtime { watermark: None, ..cycle.runtime().clone() };
        cycle.forget_failures(runtime, asked_for_since(&services.store, job, plan.created).await?).await?;
        cycle.initial = true;
    } else if cycle.runtime().reads_by_other_than(prepared.meaning) {
        // Should the settings be again what they were, changes alone would not show what is applied by these.
        let runtime = Runtime { watermark: None, running: None, ..cycle.runtime().clone() };
        cycle.put_runtime(runtime).await?;
    }
    let (counted, failed_again) = (basis.counted, 0);
    let mut applying = Applying { cycle, services, prepared, members: None, counted, failed_again };
    let mut halt = None;
    for references in [false, true] {
        if halt.is_none() {
            halt = applying.pass(&mut plan, references).await?;
        }
    }
    if halt.is_none() && plan.scope == PlanScope::Cycle {
        halt = applying.settle_waiting().await?;
    }
    if halt.is_none() && untouched {
        applying.cycle.report_orphans().await?;
    }
    plan = match halt.clone() {
        None => Plan { state: PlanState::Applied, applied: Some(services.clock.now()), ..plan },
        Some(halt) => {
            let words = "applying was stopped; what was applied stays, make a new plan for the rest";
            let stopped = Failure::new(FailureCode::InternalError, words);
            let failure = halt.into_failure().unwrap_or(stopped);
            failed(plan, failure.code.wire(), failure.detail)
        }
    };
    if plan.scope == PlanScope::Cycle {
        applying.end(&runner.edits, basis, untouched, began, halt).await?;
    }
    Ok(plan)
}

struct Applying<'a> {
    cycle: Cycle<'a>,
    services: &'a Services,
    prepared: &'a Prepared,
    /// The values of the large reference attribute that was last looked at.
    members: Option<((Anchor, Name), HashSet<Anchor>)>,
    /// What was read for the plan, and done of it.
    counted: Counters,
    /// Of the objects that failed, those that had failed before.
    failed_again: u64,
}

impl Applying<'_> {
    /// Goes through the objects of a plan, or through its references.
    async fn pass(&mut self, plan: &mut Plan, references: bool) -> Result<Option<Halt>> {
        let (store, job) = (self.services.store.clone(), &self.prepared.job.id);
        let mut passed = 0;
        loop {
            let page = store.planned_changes(job, plan.id, passed, PAGE).await?;
            let Some(last) = page.last() else { return Ok(None) };
            passed = last.number;
            let now = self.services.clock.now();
            store.lease(job, self.services.node, now, after(now, LEASE)).await?;
            let mut changes: Vec<PlannedChange> =
                page.into_iter().filter(|change| change.references.is_some() == references).collect();
            let halt =
                if references { self.refer(&mut changes).await? } else { self.objects(&mut changes).await? };
            for change in &changes {
                match change.result {
                    Some(ChangeResult::Applied) => plan.counts.applied += 1,
                    Some(ChangeResult::Stale) => plan.counts.stale += 1,
                    Some(ChangeResult::Failed) => plan.counts.failed += 1,
                    None => {}
                }
            }
            store.put_changes(job, plan.id, changes).await?;
            store.put_plan(job, plan.clone(), KEPT).await?;
            if halt.is_some() {
                return Ok(halt);
            }
        }
    }

    /// Counts what was done: a cycle that was interrupted keeps counters of its own.
    fn count(&mut self, results: &mut Results) {
        let Counters { escrowed, escrowed_raw, exports, .. } = std::mem::take(&mut results.counters);
        let exported = std::mem::take(&mut results.exported);
        self.counted.escrowed += escrowed;
        self.counted.escrowed_raw += escrowed_raw;
        self.counted.exported += exported;
        self.counted.exports += exports + exported;
        self.failed_again += std::mem::take(&mut results.failed_again);
    }

    async fn objects(&mut self, changes: &mut [PlannedChange]) -> Result<Option<Halt>> {
        // Of a full read a plan may have an object twice.
        let mut taken = HashSet::new();
        let wanted: Vec<_> = changes
            .iter()
            .filter_map(|change| {
                let source = &change.record.source;
                Some((change.rule.clone(), source.kind.clone(), source.anchor.clone()?))
            })
            .filter(|wanted| taken.insert(wanted.clone()))
            .collect();
        let (mut items, halt) = self.cycle.read_objects(&wanted).await?;
        if halt.is_some() {
            return Ok(halt);
        }
        for item in &mut items {
            // What is planned to be deleted because its time is over; an account in use is not.
            let deletes = |change: &&PlannedChange| change.record.action == LogAction::Delete;
            item.expired = changes.iter().filter(deletes).any(|change| is_about(change, item));
            // What others changed is looked at, whatever is trusted otherwise.
            let repairs = |change: &&PlannedChange| {
                change.record.steps.contains(&TraceStep::Import(Import::Drift)) && is_about(change, item)
            };
            if item.source.is_some() && changes.iter().any(|change| repairs(&change)) {
                item.import = Import::Drift;
            }
        }
        let (decided, failed) = self.cycle.consider(&mut items, Mode::PLAN).await?;
        if failed.halt.is_some() {
            return Ok(failed.halt);
        }
        let (mut same, mut over, mut stale) = (Vec::new(), Vec::new(), Results::default());
        let positions: Vec<Option<Box<Decision>>> = by_position(items.len(), decided);
        for (item, decision) in items.into_iter().zip(positions) {
            let Some(change) = changes.iter_mut().find(|change| is_about(change, &item)) else { continue };
            let now = decision.as_ref().map(|decision| self.cycle.planned(&item, decision));
            let volatile = decision.as_ref().map(|one| self.cycle.volatile(&item, one)).unwrap_or_default();
            if now.as_ref().is_some_and(|now| is_same(&change.record, now, &volatile)) {
                // What comes otherwise than was planned is a failure, and is not decided anew.
                same.push(Item { rounds: MOST_ROUNDS - 1, agreed: true, ..item });
            } else {
                change.result = Some(ChangeResult::Stale);
                self.refuse(&item, decision.as_deref(), &change.record, &mut stale);
                if decision.is_some_and(|decision| needs_nothing(&item, &decision)) {
                    over.push(item);
                }
            }
        }
        for change in changes.iter_mut().filter(|change| change.result.is_none()) {
            change.result = Some(ChangeResult::Stale);
        }
        let keys: HashSet<_> = same.iter().map(Item::key).collect();
        same.extend(over);
        let mut results = self.cycle.process(same, Mode::PLAN).await?;
        let halt = results.halt.take();
        let failed: HashSet<_> = results
            .commit
            .escrows
            .iter()
            .filter(|escrow| escrow.wait.is_failure())
            .map(|one| (one.rule.clone(), one.source.clone()))
            .collect();
        for change in changes.iter_mut() {
            let Some(anchor) = change.record.source.anchor.clone() else { continue };
            let key = (change.rule.clone(), anchor);
            if keys.contains(&key) {
                let fails = failed.contains(&key) && change.record.outcome != LogOutcome::Failure;
                change.result = Some(if fails { ChangeResult::Failed } else { ChangeResult::Applied });
            }
        }
        self.count(&mut results);
        self.cycle.commit_results(stale, None).await?;
        self.cycle.commit_results(results, None).await?;
        Ok(halt)
    }

    /// Something else would be done with an object by now: it waits for the next cycle or plan, unless it is nothing.
    fn refuse(
        &self,
        item: &Item<'_>,
        decision: Option<&Decision>,
        planned: &ProvisioningRecord,
        stale: &mut Results,
    ) {
        let by_now = decision.map(|decision| self.cycle.planned(item, decision));
        let words = match &by_now {
            Some(now) => difference(planned, now),
            None => "the target could not be asked whether the plan still holds".to_owned(),
        };
        let failure = Failure::new(FailureCode::PlanStale, words);
        let now = self.services.clock.now();
        stale.commit.log.push(self.cycle.refused(item, decision, &failure));
        if decision.is_some_and(|decision| needs_nothing(item, decision)) {
            return;
        }
        stale.commit.escrows.push(Escrow {
            rule: item.mapping.rule.clone(),
            kind: item.mapping.source_kind.clone(),
            source: item.anchor.clone(),
            failure,
            wait: Wait::Moment,
            unread: item.unread(),
            attempts: item.failing().map_or(0, |escrow| escrow.attempts),
            first: item.failing().map_or(now, |escrow| escrow.first),
            next: now,
        });
    }

    /// Writes how applying ended, as the end of a cycle: where nothing else ran since the plan was made, the plan stood in
    /// the place of one, and the next begins where it ended.
    async fn end(
        mut self,
        edits: &AsyncMutex<()>,
        basis: Basis,
        untouched: bool,
        began: Timestamp,
        halt: Option<Halt>,
    ) -> Result<()> {
        let (counted, failed_again) = (self.counted, self.failed_again);
        self.cycle.stand_in(began, basis.cursor, counted, failed_again);
        let end = match halt {
            Some(halt) => self.cycle.interrupt(halt).await?,
            None if untouched => self.cycle.finish().await?,
            None => return Ok(self.cycle.finish_beside().await?),
        };
        Ok(health::after_cycle(self.services, edits, &self.prepared.job, &end).await?)
    }
}

fn is_about(change: &PlannedChange, item: &Item<'_>) -> bool {
    change.rule == item.mapping.rule && change.record.source.anchor.as_ref() == Some(&item.anchor)
}

fn by_position(count: usize, decided: Vec<(usize, Box<Decision>)>) -> Vec<Option<Box<Decision>>> {
    let mut positions: Vec<Option<Box<Decision>>> = (0..count).map(|_| None).collect();
    for (position, decision) in decided {
        if let Some(place) = positions.get_mut(position) {
            *place = Some(decision);
        }
    }
    positions
}

/// What would be done by now in the place of what was planned, in words.
fn difference(planned: &ProvisioningRecord, now: &ProvisioningRecord) -> String {
    if planned.action == now.action && planned.outcome == now.outcome {
        let (before, after) = (&planned.modified, &now.modified);
        let changed = before
            .iter()
            .filter(|one| !after.contains(one))
            .chain(after.iter().filter(|one| !before.contains(one)));
        let names: BTreeSet<&str> = changed.map(|one| one.name.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        if !names.is_empty() {
            return format!(
                "by now other values are there, or to be sent, than were planned: {}",
                names.join(", ")
            );
        }
    }
    let step = now.steps.last().map(TraceStep::describe).unwrap_or_default();
    format!("the plan was another ({}); by now it is: {step}", planned.action.wire())
}

/// True where the same would be done as was planned: the same action on the same account, with the same values before and
/// after. Values that may not be shown, and those that are drawn anew each time, take no part.
fn is_same(planned: &ProvisioningRecord, now: &ProvisioningRecord, volatile: &BTreeSet<Name>) -> bool {
    let values = |record: &ProvisioningRecord| -> Vec<_> {
        let stable = record.modified.iter().filter(|one| !volatile.contains(&one.name));
        stable.map(|one| (one.name.clone(), one.old.clone(), one.new.clone())).collect()
    };
    let code = |record: &ProvisioningRecord| record.failure.as_ref().map(|failure| failure.code);
    planned.action == now.action
        && planned.outcome == now.outcome
        && planned.skip == now.skip
        && code(planned) == code(now)
        && planned.target.anchor == now.target.anchor
        && values(planned) == values(now)
}
