//! What waits although by now nothing is to be done for it: a cycle lets go of it when it takes it up, and so does a plan.

use std::collections::HashSet;

use model::{Anchor, Name};
use sync::{Action, Decision};

use super::{Applying, LEASE, PAGE, by_position};
use crate::control::Result;
use crate::cycle::{Halt, Item, Mode, Results};
use crate::plan::compute::needs_nothing;
use crate::plan::references::sends_nothing;
use crate::plan::waiting::{MOST_EDGES, due_escrows, open_intents, staged_rows};
use crate::time::after;

impl Applying<'_> {
    /// Lets go of due failures, staged writes, creations whose answer was lost and references for which nothing is to be
    /// done by now.
    pub(super) async fn settle_waiting(&mut self) -> Result<Option<Halt>> {
        let (store, job, now) =
            (self.services.store.clone(), &self.prepared.job.id, self.services.clock.now());
        let mut passed = None;
        while let Some(rows) = due_escrows(&store, job, now, &mut passed).await? {
            if let Some(halt) = self.settle(&rows).await? {
                return Ok(Some(halt));
            }
        }
        let mut passed = None;
        while let Some(rows) = staged_rows(&store, job, &mut passed).await? {
            if let Some(halt) = self.settle(&rows).await? {
                return Ok(Some(halt));
            }
        }
        for rows in open_intents(&store, job).await?.chunks(PAGE) {
            if let Some(halt) = self.settle(rows).await? {
                return Ok(Some(halt));
            }
        }
        let due = store.due_edges(job, now, MOST_EDGES).await?;
        let mut others = Results::default();
        let due = self.cycle.exportable(due, &mut others).await?.into_iter();
        if let Some(halt) = others.halt.take() {
            return Ok(Some(halt));
        }
        self.cycle.commit_results(others, None).await?;
        let over: Vec<_> =
            due.filter(sends_nothing).map(|edge| (edge.rule, edge.owner, edge.referenced)).collect();
        let mut settled = self.cycle.export_these(&over).await?;
        let halt = settled.halt.take();
        self.count(&mut settled);
        self.cycle.commit_results(settled, None).await?;
        Ok(halt)
    }

    async fn settle(&mut self, rows: &[(Name, Name, Anchor)]) -> Result<Option<Halt>> {
        let now = self.services.clock.now();
        self.services.store.lease(&self.prepared.job.id, self.services.node, now, after(now, LEASE)).await?;
        let (mut items, halt) = self.cycle.read_again(rows).await?;
        if halt.is_some() {
            return Ok(halt);
        }
        let (decided, undecided) = self.cycle.consider(&mut items, Mode::NOW).await?;
        if undecided.halt.is_some() {
            return Ok(undecided.halt);
        }
        let taken: HashSet<_> = items.iter().map(Item::key).collect();
        let decisions = by_position(items.len(), decided);
        // What waited for others and still cannot be done fails, which changes nothing either.
        let sends_nothing = |item: &Item<'_>, decision: &Decision| {
            matches!(decision.action, Action::Fail(_)) || needs_nothing(item, decision)
        };
        let over = items
            .into_iter()
            .zip(decisions)
            .filter_map(|(item, decision)| sends_nothing(&item, decision?.as_ref()).then_some(item));
        let mut results = self.cycle.process(over.collect(), Mode::NOW).await?;
        let halt = results.halt.take();
        // What no mapping takes any more has nothing to wait for.
        let keys = rows.iter().map(|(rule, _, source)| (rule.clone(), source.clone()));
        let untaken: Vec<_> = keys.filter(|key| !taken.contains(key)).collect();
        results.commit.settled.extend(untaken.iter().cloned());
        results.commit.unstaged.extend(untaken);
        self.count(&mut results);
        self.cycle.commit_results(results, None).await?;
        Ok(halt)
    }
}
