use std::collections::{BTreeMap, BTreeSet, HashMap};

use connector::{
    AttributeChange, ChangeKind, ChangeSet, ConnectorError, ErrorClass, ReferenceChange, Result,
};
use model::{Anchor, Attributes, Name, Object, Value};

/// The values of a unique attribute, by their folded text.
struct UniqueIndex {
    kind: Name,
    attribute: Name,
    owners: HashMap<String, usize>,
}

/// Places of unique indexes, with the folded text that an object takes there.
type Claims = Vec<(usize, String)>;

/// Where a reference comes from.
#[derive(Clone, PartialEq)]
struct Incoming {
    owner: usize,
    attribute: Name,
}

/// The objects of a target. An object's slot is the number in its anchor, less one; slots are not used again.
#[derive(Default)]
pub(super) struct State {
    slots: Vec<Option<Object>>,
    counts: HashMap<Name, usize>,
    uniques: Vec<UniqueIndex>,
    /// Values of multi-valued reference attributes, by owner.
    references: HashMap<usize, BTreeMap<Name, BTreeSet<Anchor>>>,
    /// Who refers to an object, by whichever attribute.
    incoming: HashMap<usize, Vec<Incoming>>,
}

impl State {
    pub(super) fn unique(&mut self, kind: &str, attribute: &str) {
        self.uniques.push(UniqueIndex {
            kind: kind.into(),
            attribute: attribute.into(),
            owners: HashMap::new(),
        });
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Object> {
        self.slots.iter().flatten()
    }

    pub(super) fn objects(&self, kind: &str) -> impl Iterator<Item = &Object> {
        self.all().filter(move |object| object.kind == kind)
    }

    pub(super) fn count(&self, kind: &str) -> usize {
        self.counts.get(kind).copied().unwrap_or(0)
    }

    pub(super) fn object(&self, anchor: &Anchor) -> Option<&Object> {
        self.slots.get(slot_of(anchor)?)?.as_ref()
    }

    pub(super) fn references(&self, anchor: &Anchor, attribute: &str) -> Vec<Anchor> {
        let Some(slot) = slot_of(anchor) else { return Vec::new() };
        let values = self.references.get(&slot).and_then(|of| of.get(attribute));
        values.into_iter().flatten().cloned().collect()
    }

    pub(super) fn find(&self, kind: &Name, attribute: &Name, value: &Value, exact: bool) -> Vec<&Object> {
        let matches = |object: &&Object| equal(object.get(attribute), value, exact);
        let index = self.uniques.iter().find(|index| index.kind == *kind && index.attribute == *attribute);
        match (index, value.as_text()) {
            (Some(index), Some(text)) => {
                let slot = index.owners.get(&text.to_lowercase()).copied();
                let object = slot.and_then(|slot| self.slots.get(slot)?.as_ref());
                object.into_iter().filter(matches).collect()
            }
            _ => self.objects(kind).filter(matches).collect(),
        }
    }

    /// Objects of a type from a slot on, and the slot where the next page begins.
    pub(super) fn page(
        &self,
        kind: &str,
        from: Option<usize>,
        limit: usize,
    ) -> (Vec<&Object>, Option<usize>) {
        let mut found = Vec::new();
        for (slot, object) in self.slots.iter().enumerate().skip(from.unwrap_or(0)) {
            let Some(object) = object.as_ref().filter(|object| object.kind == kind) else { continue };
            if found.len() == limit {
                return (found, Some(slot));
            }
            found.push(object);
        }
        (found, None)
    }

    pub(super) fn create(&mut self, kind: &Name, changes: &ChangeSet) -> Result<&Object> {
        let attributes: Attributes =
            changes.changes.iter().map(|change| (change.attribute.clone(), change.new.clone())).collect();
        let claims = self.claims(None, kind, |name| attributes.get(name))?;
        self.refuse_dangling(attributes.iter())?;
        let slot = self.put(kind.clone(), attributes, claims);
        self.slots
            .get(slot)
            .and_then(Option::as_ref)
            .ok_or_else(|| ConnectorError::new(ErrorClass::Permanent, "the object is gone again"))
    }

    /// Puts an object there; unique values that others hold are taken from them.
    pub(super) fn insert(&mut self, kind: Name, attributes: Attributes) -> Anchor {
        let uniques = self.uniques.iter().enumerate().filter(|(_, index)| index.kind == kind);
        let claims = uniques
            .filter_map(|(place, index)| {
                Some((place, attributes.get(&index.attribute).as_text()?.to_lowercase()))
            })
            .collect();
        anchor_of(self.put(kind, attributes, claims))
    }

    fn put(&mut self, kind: Name, attributes: Attributes, claims: Claims) -> usize {
        let slot = self.slots.len();
        for (place, text) in claims {
            if let Some(index) = self.uniques.get_mut(place) {
                index.owners.insert(text, slot);
            }
        }
        for (name, value) in attributes.iter() {
            note_incoming(&mut self.incoming, slot, name, value);
        }
        if let Some(count) = self.counts.get_mut(&kind) {
            *count += 1;
        } else {
            self.counts.insert(kind.clone(), 1);
        }
        self.slots.push(Some(Object { kind, anchor: anchor_of(slot), attributes }));
        slot
    }

    pub(super) fn update(&mut self, kind: &Name, anchor: &Anchor, changes: &ChangeSet) -> Result<&Object> {
        let slot = slot_of(anchor).ok_or_else(|| not_found(kind, anchor))?;
        let object = self.of_kind(slot, kind).ok_or_else(|| not_found(kind, anchor))?;
        let new: Vec<(Name, Value)> = changes
            .changes
            .iter()
            .map(|change| (change.attribute.clone(), changed(object.get(&change.attribute), change)))
            .collect();
        self.claims(Some(slot), kind, |wanted| {
            new.iter().find(|(name, _)| name == wanted).map_or(&Value::Null, |(_, value)| value)
        })?;
        self.refuse_dangling(new.iter().map(|(name, value)| (name, value)))?;
        for (name, value) in new {
            self.set(anchor, &name, value);
        }
        self.of_kind(slot, kind).ok_or_else(|| not_found(kind, anchor))
    }

    /// Sets an attribute and keeps the indexes right; none where the object does not exist.
    pub(super) fn set(&mut self, anchor: &Anchor, name: &Name, value: Value) -> Option<()> {
        let slot = slot_of(anchor)?;
        let object = self.slots.get_mut(slot)?.as_mut()?;
        let index =
            self.uniques.iter_mut().find(|index| index.kind == object.kind && index.attribute == *name);
        if let Some(index) = index {
            if let Some(old) = object.get(name).as_text() {
                index.owners.remove(&old.to_lowercase());
            }
            if let Some(new) = value.as_text() {
                index.owners.insert(new.to_lowercase(), slot);
            }
        }
        drop_incoming(&mut self.incoming, slot, name, object.get(name));
        note_incoming(&mut self.incoming, slot, name, &value);
        object.attributes.set(name.clone(), value);
        Some(())
    }

    pub(super) fn update_references(
        &mut self,
        kind: &Name,
        anchor: &Anchor,
        change: &ReferenceChange,
    ) -> Result<()> {
        let slot = slot_of(anchor).ok_or_else(|| not_found(kind, anchor))?;
        if self.of_kind(slot, kind).is_none() {
            return Err(not_found(kind, anchor));
        }
        let name = &change.attribute;
        if let Some(missing) = change.added.iter().find(|added| self.object(added).is_none()) {
            return Err(dangling(name, missing));
        }
        if !change.multivalued {
            // A removal clears whatever is there, as over SCIM.
            let value = change.added.last().cloned().map_or(Value::Null, Value::Reference);
            if !change.added.is_empty() || !change.removed.is_empty() {
                self.set(anchor, name, value);
            }
            return Ok(());
        }
        let values = self.references.entry(slot).or_default().entry(name.clone()).or_default();
        for removed in &change.removed {
            if values.remove(removed) {
                drop_incoming(&mut self.incoming, slot, name, &Value::Reference(removed.clone()));
            }
        }
        for added in &change.added {
            if values.insert(added.clone()) {
                note_incoming(&mut self.incoming, slot, name, &Value::Reference(added.clone()));
            }
        }
        Ok(())
    }

    /// Removes an object and all references to it; false where it does not exist.
    pub(super) fn remove(&mut self, anchor: &Anchor) -> bool {
        let Some(slot) = slot_of(anchor) else { return false };
        let Some(object) = self.slots.get_mut(slot).and_then(Option::take) else { return false };
        if let Some(count) = self.counts.get_mut(&object.kind) {
            *count -= 1;
        }
        for index in self.uniques.iter_mut().filter(|index| index.kind == object.kind) {
            if let Some(text) = object.get(&index.attribute).as_text() {
                index.owners.remove(&text.to_lowercase());
            }
        }
        for (name, value) in object.attributes.iter() {
            drop_incoming(&mut self.incoming, slot, name, value);
        }
        for (name, values) in self.references.remove(&slot).unwrap_or_default() {
            for referenced in values {
                drop_incoming(&mut self.incoming, slot, &name, &Value::Reference(referenced));
            }
        }
        for Incoming { owner, attribute } in self.incoming.remove(&slot).unwrap_or_default() {
            if let Some(values) = self.references.get_mut(&owner).and_then(|of| of.get_mut(&attribute)) {
                values.remove(anchor);
            }
            if let Some(owner) = self.slots.get_mut(owner).and_then(Option::as_mut) {
                let rest = without(owner.get(&attribute), anchor);
                owner.attributes.set(attribute, rest);
            }
        }
        true
    }

    fn of_kind(&self, slot: usize, kind: &Name) -> Option<&Object> {
        self.slots.get(slot)?.as_ref().filter(|object| object.kind == *kind)
    }

    /// The unique values that an object is to have; fails where another object has one of them.
    fn claims<'a>(
        &self,
        own: Option<usize>,
        kind: &Name,
        value_of: impl Fn(&Name) -> &'a Value,
    ) -> Result<Claims> {
        let mut claims = Claims::new();
        for (place, index) in self.uniques.iter().enumerate().filter(|(_, index)| index.kind == *kind) {
            let name = &index.attribute;
            let Some(text) = value_of(name).as_text() else { continue };
            let folded = text.to_lowercase();
            let owner = index.owners.get(&folded);
            if owner.is_some_and(|owner| Some(*owner) != own) {
                let detail = format!("another {kind} has the {name} '{text}'");
                return Err(ConnectorError::new(ErrorClass::Conflict, detail));
            }
            claims.push((place, folded));
        }
        Ok(claims)
    }

    fn refuse_dangling<'a>(&self, values: impl Iterator<Item = (&'a Name, &'a Value)>) -> Result<()> {
        for (name, value) in values {
            let references = value.values().iter().filter_map(Value::as_reference);
            if let Some(missing) = references.into_iter().find(|anchor| self.object(anchor).is_none()) {
                return Err(dangling(name, missing));
            }
        }
        Ok(())
    }
}

pub(super) fn not_found(kind: &Name, anchor: &Anchor) -> ConnectorError {
    ConnectorError::new(ErrorClass::NotFound, format!("there is no {kind} '{anchor}'"))
}

fn dangling(attribute: &Name, anchor: &Anchor) -> ConnectorError {
    let class = ErrorClass::Invalid { attribute: Some(attribute.clone()) };
    ConnectorError::new(class, format!("{attribute} refers to '{anchor}', which does not exist"))
}

fn anchor_of(slot: usize) -> Anchor {
    Anchor::new(format!("t{}", slot + 1))
}

fn slot_of(anchor: &Anchor) -> Option<usize> {
    anchor.as_str().strip_prefix('t')?.parse::<usize>().ok()?.checked_sub(1)
}

fn referenced_slots(value: &Value) -> impl Iterator<Item = usize> {
    value.values().iter().filter_map(|one| slot_of(one.as_reference()?))
}

fn note_incoming(incoming: &mut HashMap<usize, Vec<Incoming>>, owner: usize, name: &Name, value: &Value) {
    for referenced in referenced_slots(value) {
        incoming.entry(referenced).or_default().push(Incoming { owner, attribute: name.clone() });
    }
}

fn drop_incoming(incoming: &mut HashMap<usize, Vec<Incoming>>, owner: usize, name: &Name, value: &Value) {
    for referenced in referenced_slots(value) {
        if let Some(entries) = incoming.get_mut(&referenced) {
            entries.retain(|entry| entry.owner != owner || entry.attribute != *name);
        }
    }
}

/// A value without its references to an object that is gone.
fn without(value: &Value, gone: &Anchor) -> Value {
    let rest: Vec<Value> =
        value.values().iter().filter(|one| one.as_reference() != Some(gone)).cloned().collect();
    match value {
        Value::List(_) => Value::list(rest),
        _ => rest.into_iter().next().unwrap_or_default(),
    }
}

fn changed(present: &Value, change: &AttributeChange) -> Value {
    match change.kind {
        ChangeKind::Set => change.new.clone(),
        ChangeKind::Add => {
            let mut values = present.values().to_vec();
            for value in change.new.values() {
                if !values.contains(value) {
                    values.push(value.clone());
                }
            }
            Value::list(values)
        }
    }
}

fn equal(present: &Value, wanted: &Value, exact: bool) -> bool {
    match (present.as_text(), wanted.as_text()) {
        (Some(present), Some(wanted)) if !exact => present.to_lowercase() == wanted.to_lowercase(),
        _ => present == wanted,
    }
}
