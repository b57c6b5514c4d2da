//! On demand: one object, or a group with some of its members, decided and exported now, whether the job runs, is paused
//! or disabled. A claim on the objects stands in the place of the job's lease.

use std::sync::Arc;
use std::time::Duration;

use connector::Cursor;
use model::job::Job;
use model::link::LinkState;
use model::provisioning::{ProvisioningRecord, SkipReason, Step as TraceStep};
use model::{Anchor, Name, SignedDuration, Timestamp};
use store::{Claim, Commit, EdgeWrite, Escrow, Unread};
use sync::{ReferenceFlow, Rule};

use crate::control::{ControlError, Result};
use crate::cycle::{Cycle, Halt, Item, Mode, Prepared, Results, Warrant, decided_anew};
use crate::desk::Desk;
use crate::engine::Engine;
use crate::live::Live;
use crate::services::Services;
use crate::stop::Stopper;
use crate::time::after;

/// How long an object is waited for that a cycle works on.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a claim holds: longer than a run takes, retries included.
const CLAIM: SignedDuration = SignedDuration::from_mins(10);

/// An object of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The object.
    pub anchor: Anchor,
    /// Its type at the source, in any case.
    pub kind: Name,
}

/// What is to be provisioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The rule's id.
    pub rule: Name,
    /// The object.
    pub subject: Subject,
    /// Objects that go before it: members of a group, a manager.
    pub linked: Vec<Subject>,
}

/// What came of a demand.
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// When it began.
    pub began: Timestamp,
    /// The record of the object, with the references that were exported with it.
    pub record: ProvisioningRecord,
    /// The records of the objects that went before it.
    pub linked: Vec<ProvisioningRecord>,
}

impl Engine {
    /// Provisions an object by the decisions that a cycle makes, and writes links, escrows and log as a cycle does. Goes on
    /// to its end also where nobody waits for it any more.
    pub async fn provision_on_demand(self: &Arc<Self>, job: &Job, demand: Demand) -> Result<Provisioned> {
        let runner = self.runner(job);
        let prepared = runner.prepared(&self.services, job.clone()).await?;
        let demand = checked(&prepared, demand)?;
        runner.take_over(&self.services, &prepared).await?;
        let (services, desk) = (self.services.clone(), runner.desk.clone());
        let run = tokio::spawn(async move { OnDemand::run(&services, &prepared, &desk, &demand).await });
        run.await.map_err(|error| ControlError::Unfit(format!("the run broke off: {error}")))?
    }
}

/// The demand with the names as the schema spells them.
fn checked(prepared: &Prepared, demand: Demand) -> Result<Demand> {
    let rule = prepared.program.rules.iter().find(|rule| rule.id.eq_ignore_ascii_case(&demand.rule));
    let rule = rule.ok_or_else(|| {
        let known: Vec<&str> = prepared.program.rules.iter().map(|rule| rule.id.as_str()).collect();
        ControlError::Parameter(format!(
            "the job has no synchronization rule '{}' with an enabled object mapping; its rules are: {}",
            demand.rule,
            known.join(", ")
        ))
    })?;
    let linked = demand.linked.into_iter().map(|subject| typed(rule, subject)).collect::<Result<_>>()?;
    Ok(Demand { rule: rule.id.clone(), subject: typed(rule, demand.subject)?, linked })
}

fn typed(rule: &Rule, subject: Subject) -> Result<Subject> {
    let kinds = || rule.mappings.iter().map(|mapping| &mapping.source_kind);
    if let Some(kind) = kinds().find(|kind| kind.eq_ignore_ascii_case(&subject.kind)) {
        return Ok(Subject { kind: kind.clone(), ..subject });
    }
    let mut known: Vec<&str> = kinds().map(Name::as_str).collect();
    known.dedup();
    Err(ControlError::Parameter(format!(
        "rule '{}' has no enabled mapping of '{}'; it maps: {}",
        rule.id,
        subject.kind,
        known.join(", ")
    )))
}

/// A run under way.
struct OnDemand<'a> {
    cycle: Cycle<'a>,
    demand: &'a Demand,
}

impl OnDemand<'_> {
    async fn run(
        services: &Services,
        prepared: &Prepared,
        desk: &Arc<Desk>,
        demand: &Demand,
    ) -> Result<Provisioned> {
        let began = services.clock.now();
        let party = desk.party();
        let subjects = || demand.linked.iter().chain([&demand.subject]);
        let anchors: Vec<Anchor> = subjects().map(|subject| subject.anchor.clone()).collect();
        let taken = tokio::time::timeout(PATIENCE, desk.take_all(party, &anchors)).await;
        let _in_hand =
            taken.map_err(|_| busy("a cycle is still exporting the object; try again in a moment"))?;
        let (holder, job) = (services.entropy.uuid(), &prepared.job.id);
        let claims = anchors.iter().map(|anchor| Claim { rule: demand.rule.clone(), source: anchor.clone() });
        let refused = services.store.claim(job, holder, claims.collect(), began, after(began, CLAIM)).await?;
        let outcome = if refused.is_empty() {
            let ((_stopper, stop), live) = (Stopper::new(), Live::default());
            let warrant = Warrant::Claims(holder);
            let cycle = Cycle::aside(services, prepared, &stop, &live, (desk, party), warrant).await;
            match cycle {
                Ok(cycle) => OnDemand { cycle, demand }.provision().await,
                Err(error) => Err(error),
            }
        } else {
            Err(busy("another process provisions the object at this moment; try again in a moment"))
        };
        services.store.release_claims(job, holder).await?;
        let (record, linked) = outcome?;
        Ok(Provisioned { began, record, linked })
    }

    async fn provision(self) -> Result<(ProvisioningRecord, Vec<ProvisioningRecord>)> {
        let Demand { rule, subject, linked } = self.demand;
        let wanted: Vec<_> = linked
            .iter()
            .chain([subject])
            .map(|one| (rule.clone(), one.kind.clone(), one.anchor.clone()))
            .collect();
        let (items, halt) = self.cycle.read_objects(&wanted).await?;
        let mut references = inline_references(&items);
        let known: Vec<Anchor> = items.iter().map(|item| item.anchor.clone()).collect();
        let mut results = self.cycle.process(items, Mode::NOW).await?;
        references.extend(results.commit.edges.iter().filter_map(reference));
        let halt = results.halt.take().or(halt);
        if halt.is_none() && !known.contains(&subject.anchor) && !self.is_there().await? {
            return Err(ControlError::UnknownObject(subject.anchor.to_string()));
        }
        let mut told = std::mem::take(&mut results.commit.log);
        told.extend(self.untold(&told, halt));
        results.commit.log.clone_from(&told);
        let follows = |escrow: &Escrow| escrow.unread == Unread::SinceMade;
        let mut waiting = results.commit.escrows.iter().filter(|one| one.source == subject.anchor);
        let made = waiting.any(follows);
        self.decide_again(&mut results.commit);
        self.cycle.commit_aside(results).await?;
        references.extend(self.want_members(made).await?);
        self.try_references_again().await?;
        let sent = self.cycle.export_these(&references).await?;
        let exported = sent.commit.log.clone();
        self.cycle.commit_aside(sent).await?;
        let position = told.iter().rposition(|record| record.source.anchor.as_ref() == Some(&subject.anchor));
        let mut record = match position {
            Some(position) => told.remove(position),
            None => return Err(ControlError::UnknownObject(subject.anchor.to_string())),
        };
        for reference in exported {
            if reference.source.anchor == record.source.anchor {
                record.steps.extend(reference.steps);
                record.modified.extend(reference.modified);
            } else {
                told.push(reference);
            }
        }
        Ok((record, told))
    }

    /// What was changed by other settings than those that the last cycle read by is decided again in the next: should
    /// the settings then be what they were, no page would show it.
    fn decide_again(&self, commit: &mut Commit) {
        if !self.cycle.runtime().reads_by_other_than(self.cycle.prepared.meaning) {
            return;
        }
        let (rule, now) = (&self.demand.rule, self.cycle.services.clock.now());
        for Subject { kind, anchor } in self.demand.linked.iter().chain([&self.demand.subject]) {
            let key = (rule.clone(), anchor.clone());
            let written = commit.entries.iter().any(|one| one.rule == *rule && one.source == *anchor);
            let waits = commit.escrows.iter().any(|one| one.rule == *rule && one.source == *anchor);
            if (written || commit.removed.contains(&key)) && !waits {
                commit.settled.retain(|settled| *settled != key);
                let why = "the object was provisioned on demand by settings that no cycle has read by";
                commit.escrows.push(decided_anew(rule.clone(), kind.clone(), anchor.clone(), why, now));
            }
        }
    }

    /// True where the source has the object, although no mapping takes it.
    async fn is_there(&self) -> Result<bool> {
        let Subject { anchor, kind } = &self.demand.subject;
        let Some(selection) = self.cycle.prepared.selection(kind) else { return Ok(false) };
        Ok(self.cycle.prepared.source.read(selection, anchor).await?.is_some())
    }

    /// Records of objects that no decision was made about: no mapping takes them, or nothing could be asked.
    fn untold(&self, told: &[ProvisioningRecord], halt: Option<Halt>) -> Vec<ProvisioningRecord> {
        let step = match halt.and_then(Halt::into_failure) {
            Some(failure) => TraceStep::ExportFailed(model::provisioning::Action::Other, failure),
            None => TraceStep::Skip(SkipReason::Filtered),
        };
        let known = |subject: &&Subject| {
            !told.iter().any(|record| record.source.anchor.as_ref() == Some(&subject.anchor))
        };
        let subjects = self.demand.linked.iter().chain([&self.demand.subject]);
        subjects
            .filter(known)
            .map(|subject| self.cycle.undecided(&subject.kind, &subject.anchor, vec![step.clone()]))
            .collect()
    }

    /// References of the object that failed are tried again, since somebody asks for it.
    async fn try_references_again(&self) -> Result<()> {
        let Demand { rule, subject, .. } = self.demand;
        let (store, job) = (&self.cycle.services.store, &self.cycle.prepared.job.id);
        if store.failing_edges_of(job, rule, &subject.anchor, 1).await?.is_empty() {
            return Ok(());
        }
        let again = EdgeWrite::TryAgain { rule: rule.clone(), owner: subject.anchor.clone() };
        Ok(self.cycle.write(Commit { edges: vec![again], ..Commit::default() }).await?)
    }

    /// Wants the given members of a group that is linked, as far as they are its members, and names the references. What
    /// flows only when an account is made flows where this one was `made` and not all of it was read since.
    async fn want_members(&self, made: bool) -> Result<Vec<(Name, Anchor, Anchor)>> {
        let Demand { rule, subject, linked } = self.demand;
        let (services, prepared) = (self.cycle.services, self.cycle.prepared);
        let job = &prepared.job.id;
        let entries = services.store.entries(job, std::slice::from_ref(&subject.anchor)).await?;
        let active = |state: &LinkState| *state == LinkState::Active;
        let entry = entries
            .iter()
            .find(|entry| entry.rule == *rule && entry.link.as_ref().is_some_and(|link| active(&link.state)));
        let mapping = entry.and_then(|entry| prepared.mapping(rule, &entry.mapping));
        let Some(mapping) = mapping.filter(|_| !linked.is_empty()) else { return Ok(Vec::new()) };
        let (mut edges, mut references) = (Vec::new(), Vec::new());
        for flow in mapping.references.iter().filter(|flow| !flow.inline && (made || flow.follows())) {
            for member in self.members(flow).await? {
                edges.push(self.cycle.want(
                    rule,
                    &subject.anchor,
                    &flow.attribute,
                    flow.multivalued,
                    &member,
                ));
                references.push((rule.clone(), subject.anchor.clone(), member));
            }
        }
        self.cycle.write(Commit { edges, ..Commit::default() }).await?;
        Ok(references)
    }

    /// Those of the given objects that a large reference attribute holds, no more than the target takes at once.
    async fn members(&self, flow: &ReferenceFlow) -> Result<Vec<Anchor>> {
        let Subject { anchor, kind } = &self.demand.subject;
        let source = &self.cycle.prepared.source;
        let (mut found, mut cursor): (Vec<Anchor>, Option<Cursor>) = (Vec::new(), None);
        loop {
            let page = source.references(kind, anchor, &flow.source, cursor.as_ref()).await?;
            let given = |one: &Anchor| self.demand.linked.iter().any(|subject| subject.anchor == *one);
            found.extend(page.references.into_iter().filter(given));
            cursor = page.next;
            if cursor.is_none() || found.len() >= self.demand.linked.len() {
                return Ok(found);
            }
        }
    }
}

impl Cycle<'_> {
    /// Makes durable what came of a run beside the cycle.
    async fn commit_aside(&self, results: Results) -> Result<()> {
        let Results { mut commit, outdated, holds, .. } = results;
        self.desk.note_write();
        // A full read may have begun since, and passed the object before it was linked.
        let generation = self.desk.generation();
        for entry in &mut commit.entries {
            entry.seen_generation = entry.seen_generation.max(generation);
        }
        if !commit.is_empty() {
            self.write(commit).await?;
        }
        // A cycle may have these accounts in the index that it matches against.
        for (kind, anchor) in outdated {
            self.services.store.drop_index(&self.prepared.job.id, &kind, &[anchor]).await?;
        }
        drop(holds);
        Ok(())
    }
}

fn busy(words: &str) -> ControlError {
    ControlError::Unfit(words.to_owned())
}

/// The references that travel inside the objects.
fn inline_references(items: &[Item<'_>]) -> Vec<(Name, Anchor, Anchor)> {
    let mut references = Vec::new();
    for item in items {
        let Some(source) = &item.source else { continue };
        for flow in item.mapping.references.iter().filter(|flow| flow.inline) {
            let values = source.object.get(&flow.source).values();
            let referenced = values.iter().filter_map(|value| value.as_reference());
            references
                .extend(referenced.map(|one| (item.mapping.rule.clone(), item.anchor.clone(), one.clone())));
        }
    }
    references
}

/// The reference that an edge write is about, where it is about one.
fn reference(write: &EdgeWrite) -> Option<(Name, Anchor, Anchor)> {
    match write {
        EdgeWrite::Want { rule, owner, referenced, .. }
        | EdgeWrite::Unwant { rule, owner, referenced, .. } => {
            Some((rule.clone(), owner.clone(), referenced.clone()))
        }
        _ => None,
    }
}
