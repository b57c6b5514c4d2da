//! Planned references: those that the source no longer has are refused, and the others are sent.

use std::collections::HashSet;

use connector::Cursor;
use model::link::{Link, LinkState};
use model::plan::{ChangeResult, PlannedChange, PlannedReferences};
use model::provisioning::{Outcome as LogOutcome, SkipReason};
use model::{Anchor, Name};
use store::{Commit, DueEdge};

use super::Applying;
use crate::control::Result;
use crate::cycle::{Halt, unwant};

impl Applying<'_> {
    /// Sends planned references, as far as they still hold.
    pub(super) async fn refer(&mut self, changes: &mut [PlannedChange]) -> Result<Option<Halt>> {
        for change in changes.iter_mut() {
            let (Some(references), Some(owner)) = (&change.references, change.record.source.anchor.clone())
            else {
                continue;
            };
            let there = if self.is_followed(&change.rule, &owner).await? {
                self.there(&change.record.source.kind, &owner, &change.rule, references).await?
            } else {
                let due = self.due(&change.rule, &owner, &references.added).await?.into_iter();
                due.filter(|edge| edge.wanted).map(|edge| edge.referenced).collect()
            };
            let holds = |anchor: &&Anchor| there.contains(*anchor);
            let added: Vec<Anchor> = references.added.iter().filter(holds).cloned().collect();
            let (kept, removed): (Vec<Anchor>, Vec<Anchor>) =
                references.removed.iter().cloned().partition(|anchor| there.contains(anchor));
            let passed_on = self.passed_on(&change.rule, &owner, &kept).await?;
            let whole = added.len() == references.added.len() && passed_on.len() == kept.len();
            let mut edges = Vec::new();
            for referenced in &added {
                let (attribute, many) = (&references.attribute, references.multivalued);
                edges.push(self.cycle.want(&change.rule, &owner, attribute, many, referenced));
            }
            for referenced in &removed {
                edges.push(unwant(&change.rule, &owner, &references.attribute, referenced));
            }
            let touched: Vec<_> = added
                .into_iter()
                .chain(removed)
                .chain(passed_on)
                .map(|referenced| (change.rule.clone(), owner.clone(), referenced))
                .collect();
            self.cycle.write(Commit { edges, ..Commit::default() }).await?;
            let mut sent = self.cycle.export_these(&touched).await?;
            let halt = sent.halt.take();
            self.count(&mut sent);
            let fails = sent.commit.log.iter().any(|record| record.outcome == LogOutcome::Failure);
            self.cycle.commit_results(sent, None).await?;
            change.result = Some(match (halt.is_some() || fails, whole) {
                (true, _) => ChangeResult::Failed,
                (false, false) => ChangeResult::Stale,
                (false, true) => ChangeResult::Applied,
            });
            if halt.is_some() {
                return Ok(halt);
            }
        }
        Ok(None)
    }

    /// Of objects that the source still refers to, those whose account was exported and is another's by now: it is
    /// removed all the same.
    async fn passed_on(&self, rule: &Name, owner: &Anchor, kept: &[Anchor]) -> Result<Vec<Anchor>> {
        let due = self.due(rule, owner, kept).await?.into_iter();
        Ok(due.filter(|edge| !edge.wanted && !edge.removed.is_empty()).map(|edge| edge.referenced).collect())
    }

    async fn due(&self, rule: &Name, owner: &Anchor, referenced: &[Anchor]) -> Result<Vec<DueEdge>> {
        let keys: Vec<_> = referenced.iter().map(|one| (rule.clone(), owner.clone(), one.clone())).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.services.clock.now();
        Ok(self.services.store.due_edges_of(&self.prepared.job.id, now, &keys).await?)
    }

    /// True where the owner's references are what the source says. Those of an account that is disabled, or left alone
    /// otherwise, are what the job remembers.
    async fn is_followed(&self, rule: &Name, owner: &Anchor) -> Result<bool> {
        let job = &self.prepared.job.id;
        let entries = self.services.store.entries(job, std::slice::from_ref(owner)).await?;
        let entry = entries.into_iter().find(|entry| entry.rule == *rule);
        Ok(entry.is_some_and(|entry| {
            let active = |link: &Link| link.state == LinkState::Active && !link.disabled;
            entry.link.as_ref().is_some_and(active) && !SkipReason::leaves_references(entry.last_skip)
        }))
    }

    /// What the attribute refers to at the source now.
    async fn there(
        &mut self,
        kind: &Name,
        owner: &Anchor,
        rule: &Name,
        references: &PlannedReferences,
    ) -> Result<HashSet<Anchor>> {
        let mappings = self.prepared.program.rules.iter().filter(|one| one.id == *rule);
        let mut flows = mappings
            .flat_map(|rule| &rule.mappings)
            .filter(|mapping| mapping.source_kind == *kind)
            .flat_map(|mapping| &mapping.references);
        let Some(flow) = flows.find(|flow| flow.attribute == references.attribute) else {
            return Ok(HashSet::new());
        };
        if flow.inline {
            let Some(selection) = self.prepared.selection(kind) else { return Ok(HashSet::new()) };
            let object = self.prepared.source.read(selection, owner).await?;
            let values = object.map(|source| source.object.get(&flow.source).clone()).unwrap_or_default();
            return Ok(values.values().iter().filter_map(|value| value.as_reference().cloned()).collect());
        }
        let key = (owner.clone(), flow.source.clone());
        if let Some((_, members)) = self.members.as_ref().filter(|(known, _)| *known == key) {
            return Ok(members.clone());
        }
        let (mut members, mut cursor): (HashSet<Anchor>, Option<Cursor>) = (HashSet::new(), None);
        loop {
            let page = self.prepared.source.references(kind, owner, &flow.source, cursor.as_ref()).await?;
            members.extend(page.references);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        self.members = Some((key, members.clone()));
        Ok(members)
    }
}
