//! References: wishes compared with edges, and due edges exported.

use std::collections::{BTreeMap, HashMap};
use std::iter::Peekable;

use connector::{Cursor, ErrorClass, ReferenceChange};
use futures::StreamExt as _;
use model::provisioning::{
    Action as LogAction, Identity, ModifiedProperty, Outcome as LogOutcome, ProvisioningRecord,
    Step as TraceStep,
};
use model::{Anchor, Name, Value};
use store::{Commit, DueEdge, EdgeWrite, Entry, Escrow, Link, Result, Wait};
use sync::{ReferenceFlow, References, retry_at};

use super::Cycle;
use super::item::Item;
use super::results::{Halt, Results, retried};
use super::send::{Repeat, SendError, send};
use super::waiting::decided_anew;

/// Due edges that are read at once at most.
const EDGE_PAGE: usize = 8000;

/// Due edges whose outcomes are made durable together, more or less, while the next ones go out.
const PART: usize = 1000;

/// Edges of an enumeration that are committed at once.
const ENUMERATION_PAGE: usize = 5000;

impl Cycle<'_> {
    /// Compares the references that a batch wishes for with the edges that there are.
    pub(crate) async fn read_references(&self, items: &[Item<'_>], results: &mut Results) -> Result<()> {
        let wishes = std::mem::take(&mut results.references);
        if wishes.is_empty() {
            return Ok(());
        }
        let known = self.known_edges(items, &wishes).await?;
        for (position, References { wanted, enumerate, reset }) in wishes {
            let Some(item) = items.get(position) else { continue };
            let (rule, owner) = item.key();
            if reset && item.entry.is_some() {
                results.commit.edges.push(EdgeWrite::Reset { rule: rule.clone(), owner: owner.clone() });
            }
            for (attribute, anchors) in wanted {
                let before = known.get(&(rule.clone(), attribute.clone(), owner.clone()));
                let before = before.map_or(&[][..], Vec::as_slice);
                let flow = item.mapping.references.iter().find(|flow| flow.attribute == attribute);
                let multivalued = flow.is_some_and(|flow| flow.multivalued);
                let removes = flow.is_none_or(ReferenceFlow::removes);
                for referenced in anchors.iter().filter(|anchor| !before.contains(anchor)) {
                    results.commit.edges.push(self.want(&rule, &owner, &attribute, multivalued, referenced));
                }
                for referenced in before.iter().filter(|anchor| removes && !anchors.contains(anchor)) {
                    results.commit.edges.push(unwant(&rule, &owner, &attribute, referenced));
                }
            }
            if enumerate && (self.is_asked_for() || results.halt.is_some()) {
                results.put_references_off(self, item, reset);
            } else if enumerate {
                for flow in item.enumerated(reset) {
                    if !self.enumerate(item, flow, results).await? {
                        results.put_references_off(self, item, reset);
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    async fn known_edges(
        &self,
        items: &[Item<'_>],
        wishes: &[(usize, References)],
    ) -> Result<HashMap<(Name, Name, Anchor), Vec<Anchor>>> {
        let mut owners: BTreeMap<(Name, Name), Vec<Anchor>> = BTreeMap::new();
        for (position, references) in wishes {
            let Some(item) = items.get(*position).filter(|item| item.entry.is_some()) else { continue };
            for (attribute, _) in &references.wanted {
                let key = (item.mapping.rule.clone(), attribute.clone());
                owners.entry(key).or_default().push(item.anchor.clone());
            }
        }
        let mut known: HashMap<(Name, Name, Anchor), Vec<Anchor>> = HashMap::new();
        for ((rule, attribute), owners) in owners {
            let edges =
                self.services.store.single_edges(&self.prepared.job.id, &rule, &attribute, &owners).await?;
            for (owner, referenced) in edges {
                known.entry((rule.clone(), attribute.clone(), owner)).or_default().push(referenced);
            }
        }
        Ok(known)
    }

    /// Reads a large reference attribute whole, a page at a time, and lets go of the edges that it no longer has. False
    /// where that broke off, which is why the cycle must halt.
    async fn enumerate(&self, item: &Item<'_>, flow: &ReferenceFlow, results: &mut Results) -> Result<bool> {
        let (rule, owner) = item.key();
        let generation = self.next_enumeration();
        let mut cursor: Option<Cursor> = None;
        let mut edges = Vec::new();
        loop {
            if self.stop.is_set() {
                results.halt(Halt::Stopped);
                return Ok(false);
            }
            let kind = &item.mapping.source_kind;
            let page =
                match self.prepared.source.references(kind, &owner, &flow.source, cursor.as_ref()).await {
                    Ok(page) => page,
                    Err(error) => {
                        results.halt(Halt::Source(error.failure()));
                        return Ok(false);
                    }
                };
            results.counters.imported_reference_deltas += u64::try_from(page.references.len()).unwrap_or(0);
            edges.extend(page.references.iter().map(|referenced| EdgeWrite::Want {
                rule: rule.clone(),
                owner: owner.clone(),
                attribute: flow.attribute.clone(),
                multivalued: flow.multivalued,
                referenced: referenced.clone(),
                generation,
            }));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            if edges.len() >= ENUMERATION_PAGE {
                let edges = std::mem::take(&mut edges);
                self.write(Commit { edges, ..Commit::default() }).await?;
            }
        }
        if flow.removes() {
            let attribute = flow.attribute.clone();
            edges.push(EdgeWrite::Sweep { rule, owner, attribute, generation });
        }
        results.commit.edges.append(&mut edges);
        Ok(true)
    }

    pub(crate) fn want(
        &self,
        rule: &Name,
        owner: &Anchor,
        attribute: &Name,
        multivalued: bool,
        referenced: &Anchor,
    ) -> EdgeWrite {
        EdgeWrite::Want {
            rule: rule.clone(),
            owner: owner.clone(),
            attribute: attribute.clone(),
            multivalued,
            referenced: referenced.clone(),
            generation: self.enumeration(),
        }
    }

    /// Exports the edges that are due, until none is. What came of the last of them may not be durable yet.
    pub(crate) async fn export_references(&mut self) -> Result<Option<Halt>> {
        loop {
            self.behind.landed().await?;
            let now = self.services.clock.now();
            let due = self.services.store.due_edges(&self.prepared.job.id, now, EDGE_PAGE).await?;
            if due.is_empty() {
                return Ok(None);
            }
            let last = due.len() < EDGE_PAGE;
            self.live.continue_with("references", due.len());
            let mut due = due.into_iter().peekable();
            while due.peek().is_some() {
                let mut results = self.export_edges(next_part(&mut due)).await?;
                let halt = results.halt.take();
                // Decisions about objects do not look at what was exported of edges.
                self.commit_behind(results, None).await?;
                if halt.is_some() {
                    return Ok(halt);
                }
            }
            if last {
                return Ok(None);
            }
        }
    }

    /// Exports those of these references (the owner's rule, the owner, the object referred to) that are due.
    pub(crate) async fn export_these(&self, references: &[(Name, Anchor, Anchor)]) -> Result<Results> {
        if references.is_empty() {
            return Ok(Results::default());
        }
        let now = self.services.clock.now();
        let due = self.services.store.due_edges_of(&self.prepared.job.id, now, references).await?;
        self.export_edges(due).await
    }

    /// Of due edges, those that may be exported, with what their attributes let be removed; what is to become of the
    /// others is in the results.
    pub(crate) async fn exportable(
        &self,
        mut due: Vec<DueEdge>,
        results: &mut Results,
    ) -> Result<Vec<DueEdge>> {
        for edge in &mut due {
            if self.flow_of(edge).is_some_and(|flow| !flow.removes()) {
                edge.removed.clear();
            }
        }
        self.permitted(due, results).await
    }

    async fn export_edges(&self, due: Vec<DueEdge>) -> Result<Results> {
        let mut results = Results::default();
        let due = self.exportable(due, &mut results).await?;
        let requests: Vec<_> =
            self.changes_of(due).into_iter().map(|change| self.export_change(change)).collect();
        let mut sent = futures::stream::iter(requests).buffer_unordered(self.prepared.pace.most());
        while let Some((change, outcome)) = sent.next().await {
            self.live.advance(change.edges.len());
            self.settle_change(change, outcome, &mut results).await?;
        }
        drop(sent);
        Ok(results)
    }

    /// What the schema says of a due edge's attribute; none where it says nothing any more.
    pub(super) fn flow_of(&self, edge: &DueEdge) -> Option<&ReferenceFlow> {
        let mapping = self.prepared.mapping(&edge.rule, &edge.mapping)?;
        mapping.references.iter().find(|flow| flow.attribute == edge.attribute)
    }

    /// Due edges as requests: one owner and attribute each, no more values than the target takes.
    fn changes_of(&self, due: Vec<DueEdge>) -> Vec<OwnerChange> {
        let mut changes: Vec<OwnerChange> = Vec::new();
        for edge in due {
            let chunk = self.prepared.target.capabilities().of(&edge.target_kind).reference_chunk.max(1);
            let fits = |last: &&mut OwnerChange| {
                (last.edges.len() < chunk || !edge.multivalued)
                    && last.edges.first().is_some_and(|first| {
                        first.multivalued == edge.multivalued && are_of_one_attribute(first, &edge)
                    })
            };
            match changes.last_mut().filter(fits) {
                Some(last) => last.edges.push(edge),
                None => changes.push(OwnerChange { edges: vec![edge] }),
            }
        }
        changes
    }

    /// Removes references that others added: nothing is remembered of them.
    pub(super) async fn remove_foreign(
        &self,
        owner: &Entry,
        link: &Link,
        attribute: &Name,
        foreign: Vec<Anchor>,
        results: &mut Results,
    ) -> Result<()> {
        let edge = |value: Anchor| DueEdge {
            rule: owner.rule.clone(),
            mapping: owner.mapping.clone(),
            owner_kind: owner.kind.clone(),
            owner: owner.source.clone(),
            target_kind: link.kind.clone(),
            target: link.anchor.clone(),
            attribute: attribute.clone(),
            multivalued: true,
            // No source object is known by it.
            referenced: Anchor::new(""),
            wanted: false,
            removed: vec![value.clone()],
            exported: Some(value.clone()),
            value,
            attempts: 0,
            first: None,
            owner_name: owner.display_name.clone(),
            referenced_name: None,
        };
        for change in self.changes_of(foreign.into_iter().map(edge).collect()) {
            let (change, outcome) = self.export_change(change).await;
            self.settle_change(change, outcome, results).await?;
        }
        Ok(())
    }

    async fn export_change(&self, change: OwnerChange) -> (OwnerChange, std::result::Result<(), SendError>) {
        let Some(first) = change.edges.first() else {
            return (change, Ok(()));
        };
        let (target, pace) = (&self.prepared.target, &self.prepared.pace);
        let (kind, anchor) = (first.target_kind.clone(), first.target.clone());
        let chunk = target.capabilities().of(&kind).reference_chunk.max(1);
        for sent in change.requests(chunk) {
            let request = || target.update_references(&kind, &anchor, &sent);
            if let Err(error) = send(self.services, pace, self.stop, Repeat::Freely, request).await {
                return (change, Err(error));
            }
        }
        (change, Ok(()))
    }

    async fn settle_change(
        &self,
        change: OwnerChange,
        outcome: std::result::Result<(), SendError>,
        results: &mut Results,
    ) -> Result<()> {
        if change.is_nothing() {
            results.commit.edges.extend(change.edges.into_iter().map(exported));
            return Ok(());
        }
        let error = match outcome {
            Ok(()) => {
                results.exported += 1;
                results.commit.log.push(self.reference_record(&change, None));
                results.commit.edges.extend(change.edges.into_iter().map(exported));
                return Ok(());
            }
            Err(SendError::Stopped) => {
                results.halt(Halt::Stopped);
                return Ok(());
            }
            Err(SendError::Target(error)) => error,
        };
        if sync::is_about_the_target(&error.class) && self.target_is_unusable(&error, results).await {
            return Ok(());
        }
        if error.class == ErrorClass::NotFound {
            self.look_for_owner(&change, results).await?;
        }
        results.counters.exports += 1;
        results.counters.escrowed_raw += 1;
        results.commit.log.push(self.reference_record(&change, Some(error.failure())));
        let now = self.services.clock.now();
        let intervals = &self.prepared.settings.escrow_retry_intervals;
        results.commit.edges.extend(change.edges.into_iter().map(|edge| EdgeWrite::Retry {
            attempts: edge.attempts + 1,
            first: edge.first.unwrap_or(now),
            next: retried(edge.first, now).then(|| retry_at(now, edge.attempts + 1, intervals)),
            rule: edge.rule,
            owner: edge.owner,
            attribute: edge.attribute,
            referenced: edge.referenced,
        }));
        Ok(())
    }

    /// The account that the references are of may have been deleted by somebody: it is looked for, and made again. What
    /// was not found for the first time may have been made a moment ago, by a service that shows it later.
    async fn look_for_owner(&self, change: &OwnerChange, results: &mut Results) -> Result<()> {
        let Some(edge) = change.edges.iter().find(|edge| edge.attempts > 0) else { return Ok(()) };
        let job = &self.prepared.job.id;
        let waiting = self.services.store.escrows_of(job, std::slice::from_ref(&edge.owner)).await?;
        let known = waiting.iter().find(|one| one.rule == edge.rule);
        if known.is_none_or(|escrow| escrow.wait == Wait::GivenUp) {
            let (rule, kind, owner) = (edge.rule.clone(), edge.owner_kind.clone(), edge.owner.clone());
            let why = "the target no longer found the account when its references were sent";
            let anew = decided_anew(rule, kind, owner, why, self.services.clock.now());
            let unread = known.map_or(anew.unread, |escrow| escrow.unread.max(anew.unread));
            results.commit.escrows.push(Escrow { unread, ..anew });
        }
        Ok(())
    }

    fn reference_record(&self, change: &OwnerChange, failure: Option<model::Failure>) -> ProvisioningRecord {
        let now = self.services.clock.now();
        let sent = change.reference_change();
        let step = match &failure {
            None => TraceStep::Export(LogAction::Update),
            Some(failure) => TraceStep::ExportFailed(LogAction::Update, failure.clone()),
        };
        let (source, target) = change.edges.first().map_or_else(Default::default, |first| {
            let name = first.owner_name.clone();
            let (kind, anchor) = (first.owner_kind.clone(), Some(first.owner.clone()));
            let source = Identity { anchor, kind, name: name.clone() };
            let (kind, anchor) = (first.target_kind.clone(), Some(first.target.clone()));
            let target = Identity { anchor, kind, name };
            (source, target)
        });
        let names: HashMap<&Anchor, &Name> = change
            .edges
            .iter()
            .filter_map(|edge| Some((&edge.value, edge.referenced_name.as_ref()?)))
            .collect();
        let shown = |anchor: &Anchor| match names.get(anchor) {
            Some(name) => Value::from(format!("{name} ({anchor})")),
            None => Value::from(anchor.as_str()),
        };
        let values = |anchors: &[Anchor]| Value::list(anchors.iter().map(shown));
        ProvisioningRecord {
            id: self.services.entropy.uuid_at(now),
            moment: now,
            duration_ms: 0,
            cycle: self.id,
            change: self.services.entropy.uuid(),
            action: LogAction::Update,
            outcome: if failure.is_some() { LogOutcome::Failure } else { LogOutcome::Success },
            skip: None,
            failure,
            source,
            target,
            steps: vec![TraceStep::Decide(LogAction::Update), step],
            modified: vec![ModifiedProperty {
                name: sent.attribute.clone(),
                old: values(&sent.removed),
                new: values(&sent.added),
            }],
        }
    }
}

/// The next of due edges whose outcomes are made durable together. Those of an attribute that holds one value stay
/// together: the new value takes the place of the one before, and a removal by itself would clear whatever is there.
fn next_part(due: &mut Peekable<impl Iterator<Item = DueEdge>>) -> Vec<DueEdge> {
    let mut part: Vec<DueEdge> = Vec::new();
    let belongs = |part: &[DueEdge], edge: &DueEdge| {
        part.len() < PART
            || part.last().is_some_and(|last| !last.multivalued && are_of_one_attribute(last, edge))
    };
    while let Some(edge) = due.next_if(|edge| belongs(&part, edge)) {
        part.push(edge);
    }
    part
}

/// True where edges are of one attribute of one owner.
fn are_of_one_attribute(one: &DueEdge, other: &DueEdge) -> bool {
    (&one.rule, &one.owner, &one.attribute) == (&other.rule, &other.owner, &other.attribute)
}

/// Edges of one owner and attribute that go out in one request.
struct OwnerChange {
    edges: Vec<DueEdge>,
}

impl OwnerChange {
    fn reference_change(&self) -> ReferenceChange {
        let added: Vec<Anchor> =
            self.edges.iter().filter(|edge| edge.wanted).map(|edge| edge.value.clone()).collect();
        let mut removed: Vec<Anchor> =
            self.edges.iter().flat_map(|edge| edge.removed.iter().cloned()).collect();
        let multivalued = self.edges.first().is_some_and(|edge| edge.multivalued);
        if !multivalued && !added.is_empty() {
            // The new value takes the old one's place by itself.
            removed.clear();
        }
        let attribute = self.edges.first().map(|edge| edge.attribute.clone()).unwrap_or_default();
        ReferenceChange { attribute, multivalued, added, removed }
    }

    /// True where all removals are of what is to stay.
    fn is_nothing(&self) -> bool {
        self.edges.iter().all(|edge| !edge.wanted && edge.removed.is_empty())
    }

    /// What is sent: one request, or several where edges that both add and remove are more than the target takes.
    fn requests(&self, chunk: usize) -> Vec<ReferenceChange> {
        let change = self.reference_change();
        let size = change.added.len() + change.removed.len();
        if size <= chunk || !change.multivalued {
            return if size == 0 { Vec::new() } else { vec![change] };
        }
        let part = |added: &[Anchor], removed: &[Anchor]| ReferenceChange {
            added: added.to_vec(),
            removed: removed.to_vec(),
            ..change.clone()
        };
        let removed = change.removed.chunks(chunk).map(|some| part(&[], some));
        removed.chain(change.added.chunks(chunk).map(|some| part(some, &[]))).collect()
    }
}

fn exported(edge: DueEdge) -> EdgeWrite {
    EdgeWrite::Exported {
        target: edge.wanted.then_some(edge.value),
        rule: edge.rule,
        owner: edge.owner,
        attribute: edge.attribute,
        referenced: edge.referenced,
    }
}

pub(crate) fn unwant(rule: &Name, owner: &Anchor, attribute: &Name, referenced: &Anchor) -> EdgeWrite {
    EdgeWrite::Unwant {
        rule: rule.clone(),
        owner: owner.clone(),
        attribute: attribute.clone(),
        referenced: referenced.clone(),
    }
}
