//! Computing a plan: the phases of a cycle, with nothing sent and nothing remembered.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use connector::{Change, ChangePage, ChangeRequest, Cursor, ErrorClass};
use futures::StreamExt as _;
use model::job::Counters;
use model::link::StagedKind;
use model::plan::{Plan, PlanCounts, PlanState, PlannedChange, PlannedReferences};
use model::provisioning::{Action as LogAction, Outcome as LogOutcome, ProvisioningRecord, SkipReason};
use model::{Anchor, Failure, Name};
use sync::{Action, Decision, LinkChange, Tally};

use super::references::Owner;
use super::{Basis, state_of};
use crate::control::{ControlError, Result};
use crate::cycle::{Cycle, Halt, Item, Mode, Prepared, Warrant};
use crate::desk::Desk;
use crate::live::Live;
use crate::on_demand::Subject;
use crate::services::Services;
use crate::stop::Stop;

/// Changes of a page, unless the source prefers fewer.
pub(super) const PAGE: usize = 500;
/// Source objects that are read at once.
const READS: usize = 8;
/// A plan that is being computed.
pub(crate) struct Computing<'a> {
    pub(super) prepared: &'a Prepared,
    pub(super) services: &'a Services,
    stop: &'a Stop,
    plan: Plan,
    pub(super) basis: Basis,
    desk: Arc<Desk>,
    live: Live,
    /// Changes that are not written yet.
    rows: Vec<PlannedChange>,
    number: u64,
    /// Objects that were taken up, unless everything is read.
    pub(super) met: HashSet<(Name, Anchor)>,
    /// Objects that get an account by this plan.
    pub(super) linked: Vec<Anchor>,
    /// Objects whose account is deleted by this plan.
    pub(super) leaving: HashSet<(Name, Anchor)>,
    /// References that are removed by this plan, or due whatever it does: by rule, owner and attribute, and what they
    /// refer to.
    pub(super) spoken_of: HashSet<((Name, Anchor, Name), Anchor)>,
    /// The types of the objects that the source yielded.
    kinds: BTreeSet<Name>,
    /// Writes by source type and kind.
    tallies: BTreeMap<(Name, StagedKind), u64>,
    /// True where skips are told, too.
    tells_skips: bool,
}

/// How computing went: what is wrong outside, where something is.
pub(super) type Phase = Result<std::result::Result<(), Failure>>;

impl<'a> Computing<'a> {
    pub(crate) async fn begin(
        services: &'a Services,
        prepared: &'a Prepared,
        stop: &'a Stop,
        plan: Plan,
    ) -> Result<Self> {
        let runtime = crate::cycle::load_runtime(services, &prepared.job.id).await?;
        if let Some(words) = runtime.belongs_elsewhere(prepared) {
            return Err(ControlError::Unfit(words));
        }
        let watermark = runtime.watermark.as_ref().filter(|one| one.meaning == prepared.meaning);
        let running = runtime.running.as_ref().filter(|running| running.meaning == prepared.meaning);
        let (initial, cursor) = match (running, watermark) {
            (Some(running), _) => (running.initial, running.cursor.clone()),
            (None, Some(watermark)) => (false, Some(watermark.cursor.clone())),
            (None, None) => (true, None),
        };
        let state = state_of(&runtime)?;
        let (meaning, target) = (prepared.meaning, prepared.identity.clone());
        let basis = Basis { state, cursor, meaning, target, ..Basis::default() };
        Ok(Self {
            prepared,
            services,
            stop,
            plan: Plan { initial, ..plan },
            basis,
            desk: Arc::default(),
            live: Live::default(),
            rows: Vec::new(),
            number: 0,
            met: HashSet::new(),
            linked: Vec::new(),
            leaving: HashSet::new(),
            spoken_of: HashSet::new(),
            kinds: BTreeSet::new(),
            tallies: BTreeMap::new(),
            tells_skips: false,
        })
    }

    /// A run that looks and does nothing, with a desk of its own.
    pub(super) async fn looking<'c>(&self, desk: &'c Arc<Desk>, live: &'c Live) -> Result<Cycle<'c>>
    where
        'a: 'c,
    {
        let at = (desk, desk.party());
        Cycle::aside(self.services, self.prepared, self.stop, live, at, Warrant::Nothing).await
    }

    /// A whole cycle.
    pub(crate) async fn cycle(mut self) -> Result<std::result::Result<Plan, Failure>> {
        let (desk, live) = (self.desk.clone(), std::mem::take(&mut self.live));
        let mut cycle = self.looking(&desk, &live).await?;
        if let Err(failure) = self.pages(&mut cycle).await? {
            return Ok(Err(failure));
        }
        let waiting =
            if self.plan.initial { self.unseen(&cycle).await? } else { self.left_over(&cycle).await? };
        if let Err(failure) = waiting {
            return Ok(Err(failure));
        }
        if let Err(failure) = self.unresolved(&cycle).await? {
            return Ok(Err(failure));
        }
        if let Err(failure) = self.expired(&cycle).await? {
            return Ok(Err(failure));
        }
        if let Err(failure) = self.due_references(&cycle).await? {
            return Ok(Err(failure));
        }
        self.healed_references(&cycle).await?;
        self.over_limits().await?;
        Ok(Ok(self.done().await?))
    }

    /// Given objects.
    pub(crate) async fn subjects(
        mut self,
        subjects: &[(Option<Name>, Subject)],
    ) -> Result<std::result::Result<Plan, Failure>> {
        self.tells_skips = true;
        self.basis.cursor = None;
        let (desk, live) = (self.desk.clone(), std::mem::take(&mut self.live));
        let cycle = self.looking(&desk, &live).await?;
        for (rule, subject) in subjects {
            let rules = self.prepared.program.rules.iter().filter(|one| {
                rule.as_ref().is_none_or(|rule| one.id.eq_ignore_ascii_case(rule))
                    && one.mappings.iter().any(|of| of.source_kind.eq_ignore_ascii_case(&subject.kind))
            });
            let kind = |rule: &sync::Rule| {
                let mut kinds = rule.mappings.iter().map(|mapping| &mapping.source_kind);
                kinds.find(|kind| kind.eq_ignore_ascii_case(&subject.kind)).cloned().unwrap_or_default()
            };
            let wanted: Vec<_> =
                rules.map(|rule| (rule.id.clone(), kind(rule), subject.anchor.clone())).collect();
            if wanted.is_empty() {
                let words = format!("no rule that was asked for maps objects of the type '{}'", subject.kind);
                return Err(ControlError::Parameter(words));
            }
            let (items, halt) = cycle.read_objects(&wanted).await?;
            if let Some(failure) = halt.and_then(Halt::into_failure) {
                return Ok(Err(failure));
            }
            if items.is_empty() {
                return Err(ControlError::UnknownObject(subject.anchor.to_string()));
            }
            if let Err(failure) = self.decide(&cycle, items).await? {
                return Ok(Err(failure));
            }
        }
        self.over_limits().await?;
        Ok(Ok(self.done().await?))
    }

    async fn done(mut self) -> Result<Plan> {
        self.write(true).await?;
        let basis = self.basis.text()?;
        let computed = Some(self.services.clock.now());
        Ok(Plan { state: PlanState::Ready, computed, basis, ..self.plan })
    }

    async fn pages(&mut self, cycle: &mut Cycle<'_>) -> Phase {
        loop {
            if self.stop.is_set() {
                return Ok(Err(stopped()));
            }
            let cursor = self.basis.cursor.clone().map(Cursor);
            let page_size = match self.prepared.source.capabilities().page_size {
                0 => PAGE,
                preferred => preferred.min(PAGE),
            };
            let selections = &self.prepared.selections;
            let request = ChangeRequest { selections, cursor: cursor.as_ref(), page_size };
            let page = match self.prepared.source.changes(request).await {
                Ok(page) => page,
                Err(error) if error.class == ErrorClass::CursorRefused && !self.plan.initial => {
                    self.read_everything();
                    continue;
                }
                Err(error) => return Ok(Err(error.failure())),
            };
            let (more, cursor) = (page.more, page.cursor.clone());
            if let Err(failure) = self.page(cycle, page).await? {
                return Ok(Err(failure));
            }
            self.basis.cursor = Some(cursor.0);
            if !more {
                return Ok(Ok(()));
            }
        }
    }

    /// The source no longer knows where the job is: everything is read, and what was read says nothing of it.
    fn read_everything(&mut self) {
        self.plan.initial = true;
        self.plan.counts = PlanCounts::default();
        self.basis.cursor = None;
        self.basis.counted = Counters::default();
        self.rows.clear();
        self.met.clear();
        self.linked.clear();
        self.leaving.clear();
        self.spoken_of.clear();
        self.kinds.clear();
        self.tallies.clear();
    }

    /// True where references are compared whole.
    pub(super) fn reads_everything(&self) -> bool {
        self.plan.initial && !self.tells_skips
    }

    async fn page(&mut self, cycle: &Cycle<'_>, page: ChangePage) -> Phase {
        let anchors: Vec<Anchor> = page.changes.iter().map(|change| change.anchor().clone()).collect();
        let memory = cycle.memory_of(&anchors).await?;
        let (mut items, mut deltas) = (Vec::new(), Vec::new());
        let counted = &mut self.basis.counted;
        counted.imported_deltas += u64::try_from(page.changes.len()).unwrap_or(0);
        for change in page.changes {
            match change {
                Change::Upsert(source) => {
                    counted.imported += 1;
                    counted.entitled += u64::from(source.entitled);
                    self.kinds.insert(source.object.kind.clone());
                    drop(cycle.items_of(source, &memory, &mut items));
                }
                Change::Delete { anchor, .. } => cycle.gone_items(&anchor, &memory, &mut items),
                Change::ReferenceDelta { kind, anchor, attribute, added, removed } => {
                    counted.imported_reference_deltas +=
                        u64::try_from(added.len() + removed.len()).unwrap_or(0);
                    for (entry, flow) in cycle.owners_of(&memory, &anchor, &kind, &attribute) {
                        let references = PlannedReferences {
                            attribute: flow.attribute.clone(),
                            multivalued: flow.multivalued,
                            added: if flow.follows() { added.clone() } else { Vec::new() },
                            removed: if flow.removes() { removed.clone() } else { Vec::new() },
                        };
                        if !references.added.is_empty() || !references.removed.is_empty() {
                            deltas.push((Owner::of(entry), references));
                        }
                    }
                }
            }
        }
        drop(memory);
        for item in &mut items {
            // The index of an initial cycle is not made for a plan.
            item.live = true;
        }
        let phase = self.decide(cycle, items).await?;
        for (entry, references) in deltas {
            let record = self.reference_record(&entry, &references);
            self.push(entry.rule, record, Some(references));
        }
        self.write(false).await?;
        Ok(phase)
    }

    /// Decides about objects and takes down what would be done.
    pub(super) async fn decide(&mut self, cycle: &Cycle<'_>, mut items: Vec<Item<'_>>) -> Phase {
        // A source may show an object on several pages, each time as it is; and somebody may name it twice.
        if !self.reads_everything() {
            items.retain(|item| self.met.insert(item.key()) || item.expired);
        }
        let (decided, results) = cycle.consider(&mut items, Mode::PLAN).await?;
        if let Some(failure) = results.halt.and_then(Halt::into_failure) {
            return Ok(Err(failure));
        }
        if self.stop.is_set() {
            return Ok(Err(stopped()));
        }
        self.plan.counts.objects += u64::try_from(items.len()).unwrap_or(0);
        self.basis.counted.entitled_for_provisioning += results.counters.entitled_for_provisioning;
        for (position, decision) in &decided {
            let Some(item) = items.get(*position) else { continue };
            self.note(cycle, item, decision);
            self.note_account(item, decision);
        }
        for (record, escrow) in results.commit.log.into_iter().zip(results.commit.escrows) {
            self.plan.counts.failures += 1;
            self.push(escrow.rule, record, None);
        }
        self.references(cycle, &items, &decided).await?;
        self.write(false).await?;
        Ok(Ok(()))
    }

    fn note(&mut self, cycle: &Cycle<'_>, item: &Item<'_>, decision: &Decision) {
        let counts = &mut self.plan.counts;
        let kind = match &decision.action {
            Action::Create(_) => Some((&mut counts.creates, Some(StagedKind::Create))),
            Action::Update(..) => Some((&mut counts.updates, Some(StagedKind::Update))),
            Action::Disable(..) => Some((&mut counts.disables, Some(StagedKind::Disable))),
            Action::Delete(_) => Some((&mut counts.deletes, Some(StagedKind::Delete))),
            Action::Fail(_) => Some((&mut counts.failures, None)),
            Action::Defer(_) | Action::Stage(..) => Some((&mut counts.deferred, None)),
            Action::Skip(_) if changes_link(item, decision) => Some((&mut counts.links, None)),
            Action::Skip(_) => None,
        };
        let told = kind.is_some() || self.tells_skips || changes_memory(item, decision);
        match kind {
            Some((count, write)) => {
                *count += 1;
                if let Some(write) = write {
                    *self.tallies.entry((item.mapping.source_kind.clone(), write)).or_default() += 1;
                }
            }
            None => counts.skipped += 1,
        }
        if told {
            self.push(item.mapping.rule.clone(), cycle.planned(item, decision), None);
        }
    }

    /// Takes down who gets an account, and whose is deleted.
    fn note_account(&mut self, item: &Item<'_>, decision: &Decision) {
        let before = item.entry.as_ref().and_then(|entry| entry.link.as_ref());
        match &decision.action {
            Action::Create(_) => self.linked.push(item.anchor.clone()),
            Action::Delete(_) => drop(self.leaving.insert(item.key())),
            _ if before.is_none() && matches!(decision.link, LinkChange::Put(_)) => {
                self.linked.push(item.anchor.clone());
            }
            _ => {}
        }
    }

    /// Takes down references of which the plan says already what becomes of them.
    pub(super) fn speak_of(
        &mut self,
        rule: &Name,
        owner: Option<&Anchor>,
        attribute: &Name,
        referenced: &[Anchor],
    ) {
        let Some(owner) = owner else { return };
        let key = (rule.clone(), owner.clone(), attribute.clone());
        self.spoken_of.extend(referenced.iter().map(|one| (key.clone(), one.clone())));
    }

    pub(super) fn push(
        &mut self,
        rule: Name,
        record: ProvisioningRecord,
        references: Option<PlannedReferences>,
    ) {
        if let Some(references) = &references {
            self.speak_of(&rule, record.source.anchor.as_ref(), &references.attribute, &references.removed);
            let size = |list: &[Anchor]| u64::try_from(list.len()).unwrap_or(0);
            self.plan.counts.references_added += size(&references.added);
            self.plan.counts.references_removed += size(&references.removed);
        }
        self.number += 1;
        self.rows.push(PlannedChange { number: self.number, rule, record, references, result: None });
    }

    pub(super) async fn write(&mut self, all: bool) -> Result<()> {
        if self.rows.is_empty() || (!all && self.rows.len() < PAGE) {
            return Ok(());
        }
        let (job, rows) = (&self.prepared.job.id, std::mem::take(&mut self.rows));
        self.services.store.put_changes(job, self.plan.id, rows).await?;
        self.services.store.put_plan(job, self.plan.clone(), super::KEPT).await?;
        Ok(())
    }

    /// After a full read: objects with an account that the source does not have any more.
    async fn unseen(&mut self, cycle: &Cycle<'_>) -> Phase {
        let (store, job) = (self.services.store.clone(), &self.prepared.job.id);
        let mut passed = None;
        loop {
            let page = store.links(job, passed.take(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(Ok(())) };
            passed = Some((last.rule.clone(), last.source.clone()));
            let prepared = self.prepared;
            let reads: Vec<_> = page
                .iter()
                .filter_map(|entry| Some((entry, prepared.selection(&entry.kind)?)))
                .map(|(entry, selection)| async move {
                    (entry, prepared.source.read(selection, &entry.source).await)
                })
                .collect();
            let mut gone = Vec::new();
            let mut found = futures::stream::iter(reads).buffered(READS);
            while let Some((entry, object)) = found.next().await {
                match object {
                    Ok(Some(_)) => {}
                    Ok(None) => gone.push((entry.rule.clone(), entry.source.clone())),
                    Err(error) => return Ok(Err(error.failure())),
                }
            }
            drop(found);
            let anchors: Vec<Anchor> = gone.iter().map(|(_, anchor)| anchor.clone()).collect();
            let memory = cycle.memory_of(&anchors).await?;
            let mut items: Vec<Item<'_>> = Vec::new();
            for (rule, anchor) in &gone {
                let mut of = Vec::new();
                cycle.gone_items(anchor, &memory, &mut of);
                items.extend(of.into_iter().filter(|item| item.mapping.rule == *rule));
            }
            drop(memory);
            if let Err(failure) = self.decide(cycle, items).await? {
                return Ok(Err(failure));
            }
        }
    }

    /// Tells whether a cycle would hold some of the writes for a person's consent.
    async fn over_limits(&mut self) -> Result<()> {
        let mut managed: BTreeMap<Name, u64> = BTreeMap::new();
        for count in self.services.store.managed_counts(&self.prepared.job.id).await? {
            *managed.entry(count.kind).or_default() += count.links;
        }
        let tallies: Vec<Tally> = self
            .tallies
            .iter()
            .map(|((kind, action), count)| Tally {
                kind: *action,
                count: *count,
                managed: managed.get(kind).copied().unwrap_or(0),
            })
            .collect();
        let held = self.prepared.policy.limits.held(&tallies);
        // As in a cycle: a source that suddenly shows nobody of a type is asked about, whatever the limits.
        let vanished = |(kind, links): (&Name, &u64)| *links > 0 && !self.kinds.contains(kind);
        let shows_nobody = self.reads_everything() && managed.iter().any(vanished);
        self.plan.over_limits = held.creates || held.updates || held.removals || shows_nobody;
        Ok(())
    }

    /// The record of references.
    pub(super) fn reference_record(
        &self,
        entry: &Owner,
        references: &PlannedReferences,
    ) -> ProvisioningRecord {
        let now = self.services.clock.now();
        let mut record = super::references::record(entry, references);
        record.id = self.services.entropy.uuid_at(now);
        record.moment = now;
        record.change = self.services.entropy.uuid();
        record.action = LogAction::Update;
        record.outcome = LogOutcome::Success;
        record
    }
}

fn stopped() -> Failure {
    Failure::new(model::FailureCode::InternalError, "the plan was stopped before it was computed")
}

/// True where nothing is to be done with an object, neither at the target nor with what the job remembers of it.
pub(super) fn needs_nothing(item: &Item<'_>, decision: &Decision) -> bool {
    matches!(decision.action, Action::Skip(_))
        && !changes_link(item, decision)
        && !changes_memory(item, decision)
}

/// True where nothing is sent, and something is to be remembered all the same: by which mapping an account is followed,
/// that it is left alone, or no longer, with what it refers to, or that there is an object that a person excluded.
fn changes_memory(item: &Item<'_>, decision: &Decision) -> bool {
    let Action::Skip(reason) = decision.action else { return false };
    let Some(entry) = &item.entry else {
        return item.source.is_some() && reason == SkipReason::Excluded;
    };
    let (before, now) = (entry.last_skip, reason.number());
    let leaves = SkipReason::leaves_references;
    entry.link.is_some()
        && (entry.mapping != item.mapping.key || (before != now && (leaves(before) || leaves(now))))
}

/// True where nothing is sent and all the same the job would take an account for the object's, or let go of it.
fn changes_link(item: &Item<'_>, decision: &Decision) -> bool {
    let before = item.entry.as_ref().and_then(|entry| entry.link.as_ref());
    match &decision.link {
        LinkChange::Keep => false,
        LinkChange::Remove => item.entry.is_some(),
        LinkChange::Put(draft) => {
            before.is_none_or(|link| draft.anchor.as_ref() != Some(&link.anchor) || draft.state != link.state)
        }
    }
}
