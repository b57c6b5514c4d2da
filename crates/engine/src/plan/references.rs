//! References in plans, by the anchors of the source: the accounts of objects that are yet to be made have none.

use std::collections::{BTreeMap, HashMap, HashSet};

use connector::Cursor;
use model::link::{Entry, LinkState};
use model::plan::PlannedReferences;
use model::provisioning::{
    Action as LogAction, Identity, ModifiedProperty, Outcome as LogOutcome, ProvisioningRecord,
    Step as TraceStep,
};
use model::{Anchor, CycleId, Name, Timestamp, Uuid, Value};
use store::{DueEdge, Unread};
use sync::{Action, Decision, ReferenceFlow};

use super::compute::{Computing, PAGE};
use crate::control::Result;
use crate::cycle::{Cycle, Item};

/// References of one change of a plan at most.
const CHUNK: usize = 500;

/// Whose references they are.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) rule: Name,
    pub(crate) source: Identity,
    pub(crate) target: Identity,
}

impl Owner {
    /// The owner that an entry remembers.
    pub(crate) fn of(entry: &Entry) -> Self {
        let link = entry.link.as_ref();
        Self {
            rule: entry.rule.clone(),
            source: Identity {
                anchor: Some(entry.source.clone()),
                kind: entry.kind.clone(),
                name: entry.display_name.clone(),
            },
            target: Identity {
                anchor: link.map(|link| link.anchor.clone()),
                kind: link.map(|link| link.kind.clone()).unwrap_or_default(),
                name: entry.display_name.clone(),
            },
        }
    }
}

/// What the provisioning log would say of references, but for its identifiers and its moment.
pub(super) fn record(owner: &Owner, references: &PlannedReferences) -> ProvisioningRecord {
    let values = |anchors: &[Anchor]| Value::list(anchors.iter().map(|anchor| Value::from(anchor.as_str())));
    ProvisioningRecord {
        id: Uuid::nil(),
        moment: Timestamp::UNIX_EPOCH,
        duration_ms: 0,
        cycle: CycleId(Uuid::nil()),
        change: Uuid::nil(),
        action: LogAction::Update,
        outcome: LogOutcome::Success,
        skip: None,
        failure: None,
        source: owner.source.clone(),
        target: owner.target.clone(),
        steps: vec![TraceStep::Decide(LogAction::Update)],
        modified: vec![ModifiedProperty {
            name: references.attribute.clone(),
            old: values(&references.removed),
            new: values(&references.added),
        }],
    }
}

/// True where a reference is due for which nothing is sent.
pub(super) fn sends_nothing(edge: &DueEdge) -> bool {
    !edge.wanted && edge.removed.is_empty()
}

/// Due references for which something is sent, those of one owner and attribute together.
pub(super) fn grouped(due: Vec<DueEdge>) -> Vec<(Owner, PlannedReferences)> {
    let mut groups: Vec<(Owner, PlannedReferences)> = Vec::new();
    for edge in due.into_iter().filter(|edge| !sends_nothing(edge)) {
        let fits = groups.last().is_some_and(|(owner, references)| {
            owner.rule == edge.rule
                && owner.source.anchor.as_ref() == Some(&edge.owner)
                && references.attribute == edge.attribute
                && references.added.len() + references.removed.len() < CHUNK
        });
        if !fits {
            groups.push(group(&edge));
        }
        let Some((_, references)) = groups.last_mut() else { continue };
        if edge.wanted {
            references.added.push(edge.referenced);
        } else {
            references.removed.push(edge.referenced);
        }
    }
    groups
}

fn group(edge: &DueEdge) -> (Owner, PlannedReferences) {
    let identity = |anchor: &Anchor, kind: &Name| Identity {
        anchor: Some(anchor.clone()),
        kind: kind.clone(),
        name: edge.owner_name.clone(),
    };
    let owner = Owner {
        rule: edge.rule.clone(),
        source: identity(&edge.owner, &edge.owner_kind),
        target: identity(&edge.target, &edge.target_kind),
    };
    let references = PlannedReferences {
        attribute: edge.attribute.clone(),
        multivalued: edge.multivalued,
        added: Vec::new(),
        removed: Vec::new(),
    };
    (owner, references)
}

impl Computing<'_> {
    /// Takes down what becomes of the references of objects that will have an account.
    pub(super) async fn references(
        &mut self,
        cycle: &Cycle<'_>,
        items: &[Item<'_>],
        decided: &[(usize, Box<Decision>)],
    ) -> Result<()> {
        for (position, decision) in decided {
            let Some(item) = items.get(*position) else { continue };
            if !keeps_references(item, decision) {
                continue;
            }
            // Of a new account, nothing was exported.
            let known = if decision.references.reset { HashSet::new() } else { self.known(item).await? };
            for (attribute, wanted) in &decision.references.wanted {
                let flow = item.mapping.references.iter().find(|flow| flow.attribute == *attribute);
                if let Some(flow) = flow {
                    self.compare(item, flow, wanted, &known);
                    self.speak_of_anew(item, decision, flow, wanted);
                }
            }
            let unread = cycle.unread(item) != Unread::Nothing;
            if decision.references.enumerate || unread || self.reads_everything() {
                for flow in item.enumerated(decision.references.reset) {
                    let wanted = self.whole(item, flow).await?;
                    self.compare(item, flow, &wanted, &known);
                    self.speak_of_anew(item, decision, flow, &wanted);
                }
            }
        }
        Ok(())
    }

    /// References that the job remembers and that waited for accounts which this plan makes or takes.
    pub(super) async fn healed_references(&mut self, cycle: &Cycle<'_>) -> Result<()> {
        let (store, job) = (self.services.store.clone(), &self.prepared.job.id);
        let linked = std::mem::take(&mut self.linked);
        if linked.is_empty() || store.links(job, None, 1).await?.is_empty() {
            return Ok(());
        }
        for part in linked.chunks(PAGE) {
            let mut wanted: BTreeMap<(Name, Anchor, Name), (bool, Vec<Anchor>)> = BTreeMap::new();
            for edge in store.edges_to(job, part).await? {
                let key = (edge.rule, edge.owner, edge.attribute);
                if !self.spoken_of.contains(&(key.clone(), edge.referenced.clone())) {
                    wanted.entry(key).or_insert((edge.multivalued, Vec::new())).1.push(edge.referenced);
                }
            }
            let owners: Vec<Anchor> = wanted.keys().map(|(_, owner, _)| owner.clone()).collect();
            let entries = store.entries(job, &owners).await?.into_iter();
            let entries: HashMap<_, _> =
                entries.map(|entry| ((entry.rule.clone(), entry.source.clone()), entry)).collect();
            for ((rule, owner, attribute), (multivalued, referenced)) in wanted {
                let Some(entry) = entries.get(&(rule, owner)).filter(|one| self.will_refer(cycle, one))
                else {
                    continue;
                };
                for added in referenced.chunks(CHUNK) {
                    let (attribute, added) = (attribute.clone(), added.to_vec());
                    let references = PlannedReferences { attribute, multivalued, added, removed: Vec::new() };
                    let record = self.reference_record(&Owner::of(entry), &references);
                    self.push(entry.rule.clone(), record, Some(references));
                }
                self.write(false).await?;
            }
        }
        Ok(())
    }

    /// An account that is made anew gets all its references again: those that the job remembers are not healed beside.
    fn speak_of_anew(
        &mut self,
        item: &Item<'_>,
        decision: &Decision,
        flow: &ReferenceFlow,
        wanted: &[Anchor],
    ) {
        if decision.references.reset && item.entry.is_some() {
            self.speak_of(&item.mapping.rule, Some(&item.anchor), &flow.attribute, wanted);
        }
    }

    /// True where what an entry refers to is followed once the plan is applied.
    fn will_refer(&self, cycle: &Cycle<'_>, entry: &Entry) -> bool {
        cycle.may_refer(entry)
            && !cycle.is_excluded(&entry.source)
            && !self.leaving.contains(&(entry.rule.clone(), entry.source.clone()))
    }

    /// The references that the job remembers as wanted.
    async fn known(&self, item: &Item<'_>) -> Result<HashSet<(Name, Anchor)>> {
        if item.entry.is_none() || item.mapping.references.is_empty() {
            return Ok(HashSet::new());
        }
        let job = &self.prepared.job.id;
        let edges = self.services.store.edges_of(job, &item.mapping.rule, &item.anchor).await?;
        let wanted = edges.into_iter().filter(|edge| edge.wanted);
        Ok(wanted.map(|edge| (edge.attribute, edge.referenced)).collect())
    }

    async fn whole(&mut self, item: &Item<'_>, flow: &ReferenceFlow) -> Result<Vec<Anchor>> {
        let source = &self.prepared.source;
        let (mut found, mut cursor): (Vec<Anchor>, Option<Cursor>) = (Vec::new(), None);
        loop {
            let kind = &item.mapping.source_kind;
            let page = source.references(kind, &item.anchor, &flow.source, cursor.as_ref()).await?;
            self.basis.counted.imported_reference_deltas += u64::try_from(page.references.len()).unwrap_or(0);
            found.extend(page.references);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }

    fn compare(
        &mut self,
        item: &Item<'_>,
        flow: &ReferenceFlow,
        wanted: &[Anchor],
        known: &HashSet<(Name, Anchor)>,
    ) {
        let is_known = |anchor: &Anchor| known.contains(&(flow.attribute.clone(), anchor.clone()));
        let added: Vec<Anchor> = wanted.iter().filter(|anchor| !is_known(anchor)).cloned().collect();
        let there: HashSet<&Anchor> = wanted.iter().collect();
        let mut removed: Vec<Anchor> = known
            .iter()
            .filter(|(attribute, anchor)| {
                flow.removes() && *attribute == flow.attribute && !there.contains(anchor)
            })
            .map(|(_, anchor)| anchor.clone())
            .collect();
        removed.sort();
        let owner = owner(item);
        let mut parts: Vec<(Vec<Anchor>, Vec<Anchor>)> = Vec::new();
        if flow.multivalued {
            parts.extend(added.chunks(CHUNK).map(|part| (part.to_vec(), Vec::new())));
            parts.extend(removed.chunks(CHUNK).map(|part| (Vec::new(), part.to_vec())));
        } else if !added.is_empty() || !removed.is_empty() {
            // One takes the other's place.
            parts.push((added, removed));
        }
        for (added, removed) in parts {
            let (attribute, multivalued) = (flow.attribute.clone(), flow.multivalued);
            let references = PlannedReferences { attribute, multivalued, added, removed };
            let record = self.reference_record(&owner, &references);
            self.push(owner.rule.clone(), record, Some(references));
        }
    }
}

fn owner(item: &Item<'_>) -> Owner {
    if let Some(entry) = &item.entry {
        return Owner::of(entry);
    }
    let name = item.source.as_ref().and_then(|source| source.display_name.clone());
    Owner {
        rule: item.mapping.rule.clone(),
        source: Identity {
            anchor: Some(item.anchor.clone()),
            kind: item.mapping.source_kind.clone(),
            name: name.clone(),
        },
        target: Identity { anchor: None, kind: item.mapping.target_kind.clone(), name },
    }
}

/// True where the object is active and has an account once the plan is applied.
fn keeps_references(item: &Item<'_>, decision: &Decision) -> bool {
    let link = item.entry.as_ref().and_then(|entry| entry.link.as_ref());
    let linked = link.is_some_and(|link| link.state == LinkState::Active);
    match &decision.action {
        _ if decision.inactive.is_some() => false,
        Action::Create(_) | Action::Update(..) => true,
        Action::Skip(_) => linked || matches!(decision.link, sync::LinkChange::Put(_)),
        _ => false,
    }
}
