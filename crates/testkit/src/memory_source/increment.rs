use std::collections::{BTreeMap, HashMap, HashSet};

use connector::{Change, Selection};
use model::{Anchor, Name};

use super::state::{Event, State};

/// A page of an incremental read while it is put together.
#[derive(Default)]
pub(super) struct Increment {
    /// Objects that changed or went, once each, with the type where they went.
    objects: Vec<(Anchor, Option<Name>)>,
    known: HashSet<Anchor>,
    /// Deltas by owner and attribute, in the order of their first word.
    deltas: Vec<(Anchor, Name)>,
    /// Whether a value came (true) or went; of one that did both, the last word counts.
    words: HashMap<(Anchor, Name), BTreeMap<Anchor, bool>>,
    size: usize,
}

impl Increment {
    /// Changes so far, every value of a delta counted.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Adds an entry of the change log, where its type is selected.
    pub(super) fn take(&mut self, state: &State, selections: &[Selection], event: &Event) {
        self.take_memberships(state, selections, event);
        let selected = |kind: &Name| selections.iter().any(|one| one.kind == *kind);
        match event {
            // What is gone by now is yielded by its own entry, further down the log.
            Event::Object(anchor) if state.kind_of(anchor).is_some_and(selected) => self.object(anchor, None),
            Event::Gone { kind, anchor } if selected(kind) => self.object(anchor, Some(kind.clone())),
            Event::Reference { owner, attribute, referenced, added }
                if state.kind_of(owner).is_some_and(selected) =>
            {
                let key = (owner.clone(), attribute.clone());
                if !self.words.contains_key(&key) {
                    self.deltas.push(key.clone());
                }
                let words = self.words.entry(key).or_default();
                self.size += usize::from(words.insert(referenced.clone(), *added).is_none());
            }
            _ => {}
        }
    }

    /// Adds whoever an entry makes a member of a group that filters ask about, or no longer one.
    fn take_memberships(&mut self, state: &State, selections: &[Selection], event: &Event) {
        let is_asked_about =
            |group: &Anchor| selections.iter().any(|selection| selection.groups.contains(group));
        let members = match event {
            // It may have gone to the bin or come back.
            Event::Object(anchor) if is_asked_about(anchor) => state.direct_members(anchor),
            Event::Reference { owner, attribute, referenced, .. }
                if attribute == "members" && is_asked_about(owner) =>
            {
                vec![referenced.clone()]
            }
            _ => return,
        };
        for member in members {
            if state.kind_of(&member).is_some_and(|kind| selections.iter().any(|one| one.kind == *kind)) {
                self.object(&member, None);
            }
        }
    }

    fn object(&mut self, anchor: &Anchor, gone: Option<Name>) {
        if self.known.insert(anchor.clone()) {
            self.objects.push((anchor.clone(), gone));
            self.size += 1;
        }
    }

    /// The changes, objects as they now are.
    pub(super) fn changes(mut self, state: &State, selections: &[Selection]) -> Vec<Change> {
        let mut changes = Vec::new();
        for (anchor, gone) in self.objects {
            let kind = state.kind_of(&anchor);
            match kind.and_then(|kind| selections.iter().find(|one| one.kind == *kind)) {
                Some(selection) => {
                    changes.extend(state.shown(&anchor, Some(selection)).map(Change::Upsert));
                }
                None => changes.push(Change::Delete { kind: gone, anchor }),
            }
        }
        for key in self.deltas {
            let Some(kind) = state.kind_of(&key.0).cloned() else { continue };
            let (mut added, mut removed) = (Vec::new(), Vec::new());
            for (referenced, came) in self.words.remove(&key).unwrap_or_default() {
                if came { added.push(referenced) } else { removed.push(referenced) }
            }
            let (anchor, attribute) = key;
            changes.push(Change::ReferenceDelta { kind, anchor, attribute, added, removed });
        }
        changes
    }
}
