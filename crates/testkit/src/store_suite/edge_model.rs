//! What edges and their due-ness are by definition: every question is answered by looking at everything.

use std::collections::{BTreeMap, BTreeSet};

use model::link::Entry;
use model::{Anchor, Name, Timestamp};
use store::{Commit, DueEdge, EdgeWrite, OutgoingEdge};

type Key = (Name, Anchor, Name, Anchor);

#[derive(Clone, Debug)]
struct Edge {
    wanted: bool,
    /// What was exported may not be at the target any more.
    unsure: bool,
    multivalued: bool,
    generation: u64,
    exported: Option<Anchor>,
    /// What was exported, or may have been, while it was the account of the object referred to.
    former: Option<Anchor>,
    attempts: u32,
    first: Option<Timestamp>,
    retry: Option<Timestamp>,
}

/// Entries and edges of a job.
#[derive(Debug, Default)]
pub(super) struct EdgeModel {
    entries: BTreeMap<(Name, Anchor), Entry>,
    edges: BTreeMap<Key, Edge>,
}

impl EdgeModel {
    pub(super) fn apply(&mut self, commit: &Commit) {
        for entry in &commit.entries {
            let target = entry.link.as_ref().map(|link| &link.anchor);
            let holders: Vec<_> = self
                .entries
                .values()
                .filter(|held| held.source != entry.source)
                .filter(|held| target.is_some() && held.link.as_ref().map(|link| &link.anchor) == target)
                .cloned()
                .collect();
            for holder in holders {
                if let Some(target) = target {
                    self.let_go(&holder.source, target);
                }
                self.put(Entry { link: None, ..holder });
            }
            self.put(entry.clone());
        }
        for (rule, source) in &commit.removed {
            self.edges.retain(|(of, owner, ..), _| !(of == rule && owner == source));
            if let Some(entry) = self.entries.get(&(rule.clone(), source.clone())).cloned() {
                self.put(Entry { link: None, ..entry });
                self.entries.remove(&(rule.clone(), source.clone()));
            }
        }
        commit.edges.iter().for_each(|write| self.write(write));
        self.sweep();
    }

    /// Edges that are not wanted and have nothing to remove go.
    fn sweep(&mut self) {
        self.edges.retain(|_, edge| edge.wanted || edge.exported.is_some() || edge.former.is_some());
    }

    /// Edges to an object that were exported as this account, or are due, are to remove it.
    fn let_go(&mut self, source: &Anchor, target: &Anchor) {
        let due: BTreeSet<Key> = self.edges.keys().filter(|key| self.is_due(key)).cloned().collect();
        for (key, edge) in &mut self.edges {
            if key.3 == *source
                && edge.wanted
                && (due.contains(key) || edge.exported.as_ref() == Some(target))
            {
                (edge.former, edge.exported) = (Some(target.clone()), None);
            }
        }
    }

    /// Writes an entry; a wait ends when a link that it waits for changes.
    fn put(&mut self, entry: Entry) {
        let key = (entry.rule.clone(), entry.source.clone());
        let target = |entry: &Entry| entry.link.as_ref().map(|link| link.anchor.clone());
        let before = self.entries.get(&key).and_then(target);
        let after = target(&entry);
        if before != after {
            for ((rule, owner, _, referenced), edge) in &mut self.edges {
                let refers = edge.wanted && *referenced == entry.source;
                let owns = *rule == entry.rule && *owner == entry.source;
                if refers || (owns && before.is_none()) {
                    (edge.attempts, edge.retry) = (0, None);
                }
            }
        }
        self.entries.insert(key, entry);
    }

    fn write(&mut self, write: &EdgeWrite) {
        match write.clone() {
            EdgeWrite::Want { rule, owner, attribute, multivalued, referenced, generation } => {
                let (exported, first, retry) = (None, None, None);
                let new = Edge {
                    wanted: true,
                    unsure: false,
                    multivalued,
                    generation,
                    exported,
                    former: None,
                    attempts: 0,
                    first,
                    retry,
                };
                let edge = self.edges.entry((rule, owner, attribute, referenced)).or_insert(new);
                if !edge.wanted {
                    (edge.wanted, edge.unsure, edge.attempts, edge.retry) = (true, true, 0, None);
                }
                (edge.multivalued, edge.generation) = (multivalued, generation);
            }
            EdgeWrite::Unwant { rule, owner, attribute, referenced } => {
                self.unwant(&(rule, owner, attribute, referenced));
            }
            EdgeWrite::Sweep { rule, owner, attribute, generation } => {
                let swept: Vec<Key> = self
                    .edges
                    .iter()
                    .filter(|((of, from, name, _), edge)| {
                        *of == rule && *from == owner && *name == attribute && edge.generation < generation
                    })
                    .map(|(key, _)| key.clone())
                    .collect();
                for key in &swept {
                    self.unwant(key);
                }
            }
            EdgeWrite::Exported { rule, owner, attribute, referenced, target } => {
                self.change(&(rule, owner, attribute, referenced), |edge| {
                    (edge.exported, edge.former, edge.unsure) = (target, None, false);
                    (edge.attempts, edge.retry) = (0, None);
                });
            }
            EdgeWrite::Retry { rule, owner, attribute, referenced, attempts, first, next } => {
                self.change(&(rule, owner, attribute, referenced), |edge| {
                    (edge.attempts, edge.first) = (attempts, Some(first));
                    edge.retry = Some(next.unwrap_or(Timestamp::MAX));
                });
            }
            EdgeWrite::TryAgain { rule, owner } => {
                for ((of, from, ..), edge) in &mut self.edges {
                    if *of == rule && *from == owner {
                        (edge.attempts, edge.retry) = (0, None);
                    }
                }
            }
            EdgeWrite::Drop { rule, owner } => {
                self.edges.retain(|(of, from, ..), _| !(*of == rule && *from == owner));
            }
            EdgeWrite::Reset { rule, owner } => {
                for ((of, from, ..), edge) in &mut self.edges {
                    if *of == rule && *from == owner {
                        (edge.exported, edge.former, edge.unsure) = (None, None, false);
                        (edge.attempts, edge.retry) = (0, None);
                    }
                }
            }
            EdgeWrite::LetGo { source, target, .. } => {
                self.let_go(&source, &target);
                for ((.., referenced), edge) in &mut self.edges {
                    if *referenced == source && edge.wanted {
                        (edge.attempts, edge.retry) = (0, None);
                    }
                }
            }
        }
        self.sweep();
    }

    /// A reference is no longer wanted. What was due may have been sent without anybody knowing.
    fn unwant(&mut self, key: &Key) {
        let (rule, owner, _, referenced) = key;
        let is_linked =
            self.entries.get(&(rule.clone(), owner.clone())).is_some_and(|entry| entry.link.is_some());
        let maybe_sent = self.target(referenced).filter(|_| is_linked);
        self.change(key, |edge| {
            if edge.wanted {
                (edge.wanted, edge.attempts, edge.retry) = (false, 0, None);
                edge.exported = maybe_sent.or(edge.exported.take());
            }
        });
    }

    fn change(&mut self, key: &Key, change: impl FnOnce(&mut Edge)) {
        if let Some(edge) = self.edges.get_mut(key) {
            change(edge);
        }
    }

    /// The link of an object over all rules: that of the lowest.
    fn target(&self, source: &Anchor) -> Option<Anchor> {
        let mut links = self.entries.values().filter(|entry| entry.source == *source && entry.link.is_some());
        links.next()?.link.as_ref().map(|link| link.anchor.clone())
    }

    /// What an edge is to add, and what it is to remove.
    fn work(&self, (rule, owner, attribute, referenced): &Key, edge: &Edge) -> (Option<Anchor>, Vec<Anchor>) {
        let target = self.target(referenced).filter(|_| edge.wanted);
        let is_new = |target: &Anchor| edge.unsure || edge.exported.as_ref() != Some(target);
        let added = target.clone().filter(|target| is_new(target) || edge.former.is_some());
        let unwanted = edge.exported.clone().filter(|_| !edge.wanted);
        let mut removed: Vec<Anchor> = unwanted.into_iter().chain(edge.former.clone()).collect();
        let of_attribute = || {
            self.edges.iter().filter(|((of, from, name, _), other)| {
                other.wanted && (of, from, name) == (rule, owner, attribute)
            })
        };
        let replaced = !edge.multivalued && of_attribute().any(|(_, other)| other.exported.is_some());
        removed.retain(|gone| {
            !replaced && !of_attribute().any(|(other, _)| self.target(&other.3).as_ref() == Some(gone))
        });
        (added, removed)
    }

    fn is_due(&self, key: &Key) -> bool {
        let (rule, owner, ..) = key;
        let owner = self.entries.get(&(rule.clone(), owner.clone()));
        let Some(edge) = self.edges.get(key) else { return false };
        let removes = edge.former.is_some() || (!edge.wanted && edge.exported.is_some());
        owner.is_some_and(|owner| owner.link.is_some()) && (removes || self.work(key, edge).0.is_some())
    }

    /// Every edge that is due, and since when; none means at once.
    fn all_due(&self) -> Vec<(Option<Timestamp>, DueEdge)> {
        let due = self.edges.iter().filter(|(key, _)| self.is_due(key)).filter_map(|(key, edge)| {
            let (rule, owner, attribute, referenced) = key;
            let entry = self.entries.get(&(rule.clone(), owner.clone()))?;
            let link = entry.link.as_ref()?;
            let (added, removed) = self.work(key, edge);
            let due = DueEdge {
                rule: rule.clone(),
                mapping: entry.mapping.clone(),
                owner_kind: entry.kind.clone(),
                owner: owner.clone(),
                target_kind: link.kind.clone(),
                target: link.anchor.clone(),
                attribute: attribute.clone(),
                multivalued: edge.multivalued,
                referenced: referenced.clone(),
                wanted: added.is_some(),
                value: added
                    .or_else(|| edge.exported.clone().filter(|_| !edge.wanted))
                    .or_else(|| edge.former.clone())?,
                removed,
                exported: edge.exported.clone(),
                attempts: edge.attempts,
                first: edge.first.filter(|_| edge.attempts > 0),
                owner_name: entry.display_name.clone(),
                referenced_name: self
                    .entries
                    .get(&(rule.clone(), referenced.clone()))
                    .and_then(|entry| entry.display_name.clone()),
            };
            Some((edge.retry, due))
        });
        due.collect()
    }

    /// The edges that are due by now, as text to be compared.
    pub(super) fn due(&self, now: Timestamp) -> BTreeSet<String> {
        let due = self.all_due().into_iter().filter(|(since, _)| since.is_none_or(|since| since <= now));
        due.map(|(_, edge)| format!("{edge:?}")).collect()
    }

    /// When the next falls due; what is due at once is due since 1970.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.all_due().into_iter().map(|(since, _)| since.unwrap_or(Timestamp::UNIX_EPOCH)).min()
    }

    /// The edges of an owner, as text to be compared.
    pub(super) fn of(&self, rule: &str, owner: &Anchor) -> BTreeSet<String> {
        let edges = self.edges.iter().filter(|((of, from, ..), _)| of == rule && from == owner);
        edges
            .map(|((_, _, attribute, referenced), edge)| {
                let edge = OutgoingEdge {
                    attribute: attribute.clone(),
                    referenced: referenced.clone(),
                    wanted: edge.wanted,
                    exported: edge.exported.clone(),
                };
                format!("{edge:?}")
            })
            .collect()
    }

    /// How many links there are.
    pub(super) fn links(&self) -> u64 {
        self.entries.values().filter(|entry| entry.link.is_some()).count() as u64
    }
}
