use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;

use connector::{
    Change, ChangePage, ChangeRequest, ConnectorError, Cursor, Entitlement, ErrorClass, Result, Selection,
    SourceObject,
};
use model::{Anchor, Attributes, Name, Object, Value};

use super::increment::Increment;

/// An object with what the source knows of its account.
pub(super) struct Stored {
    pub(super) object: Object,
    pub(super) enabled: bool,
    binned: bool,
}

/// An entry of the change log.
#[derive(Clone)]
pub(super) enum Event {
    /// The object or its entitlement changed.
    Object(Anchor),
    /// The object is gone for good.
    Gone { kind: Name, anchor: Anchor },
    /// A value of a large reference attribute appeared or went.
    Reference { owner: Anchor, attribute: Name, referenced: Anchor, added: bool },
}

/// What refers to an object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Incoming {
    owner: Anchor,
    attribute: Name,
    large: bool,
}

/// Where a read of a feed stands.
enum Position {
    /// In a full read that began at this change number: in the type of this place, after this anchor.
    Full { began: u64, place: usize, after: Option<Anchor> },
    /// After the change of this number.
    At(u64),
}

#[derive(Default)]
pub(super) struct State {
    objects: BTreeMap<Anchor, Stored>,
    counts: HashMap<Name, u64>,
    references: BTreeMap<Anchor, BTreeMap<Name, BTreeSet<Anchor>>>,
    incoming: HashMap<Anchor, BTreeSet<Incoming>>,
    /// False where everybody is entitled.
    assignments_count: bool,
    assigned: HashSet<Anchor>,
    /// Changes by their number, which is their place here plus `forgotten` plus one.
    log: Vec<Event>,
    forgotten: u64,
}

impl State {
    pub(super) fn require_assignments(&mut self, required: bool) {
        self.assignments_count = required;
    }

    pub(super) fn anchors(&self, kind: &str) -> Vec<Anchor> {
        let of_kind = self.objects.values().filter(|stored| stored.object.kind == kind);
        of_kind.map(|stored| stored.object.anchor.clone()).collect()
    }

    pub(super) fn kind_of(&self, anchor: &Anchor) -> Option<&Name> {
        self.objects.get(anchor).map(|stored| &stored.object.kind)
    }

    pub(super) fn upsert(&mut self, object: Object) {
        let (anchor, kind) = (object.anchor.clone(), object.kind.clone());
        let before = self.objects.remove(&anchor);
        let appeared = before.is_none();
        if let Some(before) = &before {
            self.note_references(&before.object, false);
        }
        self.note_references(&object, true);
        let told = object.get("accountEnabled").as_boolean();
        let enabled = told.unwrap_or_else(|| before.as_ref().is_none_or(|before| before.enabled));
        let binned = before.is_some_and(|before| before.binned);
        self.objects.insert(anchor.clone(), Stored { object, enabled, binned });
        self.log.push(Event::Object(anchor.clone()));
        if appeared {
            *self.counts.entry(kind).or_default() += 1;
            self.visibility_changed(&anchor, true);
        }
    }

    /// Changes an object; false where it does not exist.
    pub(super) fn alter(&mut self, anchor: &Anchor, change: impl FnOnce(&mut Stored)) -> bool {
        let Some(mut stored) = self.objects.remove(anchor) else { return false };
        self.note_references(&stored.object, false);
        change(&mut stored);
        self.note_references(&stored.object, true);
        self.objects.insert(anchor.clone(), stored);
        self.log.push(Event::Object(anchor.clone()));
        true
    }

    pub(super) fn bin(&mut self, anchor: &Anchor, binned: bool) -> bool {
        let Some(stored) = self.objects.get_mut(anchor) else { return false };
        if stored.binned != binned {
            stored.binned = binned;
            self.log.push(Event::Object(anchor.clone()));
            self.visibility_changed(anchor, !binned);
        }
        true
    }

    pub(super) fn delete(&mut self, anchor: &Anchor) -> bool {
        let Some(stored) = self.objects.remove(anchor) else { return false };
        if !stored.binned {
            self.visibility_changed(anchor, false);
        }
        self.note_references(&stored.object, false);
        for (attribute, values) in self.references.remove(anchor).unwrap_or_default() {
            for referenced in values {
                self.forget_incoming(&referenced, anchor, &attribute);
                // Of interest only where the object comes back before anybody saw it gone.
                let (owner, attribute) = (anchor.clone(), attribute.clone());
                self.log.push(Event::Reference { owner, attribute, referenced, added: false });
            }
        }
        // Attributes of other objects go on naming it, hidden, and show it again should it come back.
        for incoming in self.incoming.get(anchor).into_iter().flatten().filter(|incoming| incoming.large) {
            let of_owner = self.references.get_mut(&incoming.owner);
            if let Some(values) = of_owner.and_then(|of| of.get_mut(&incoming.attribute)) {
                values.remove(anchor);
            }
        }
        if let Some(incoming) = self.incoming.get_mut(anchor) {
            incoming.retain(|incoming| !incoming.large);
        }
        self.assigned.remove(anchor);
        if let Some(count) = self.counts.get_mut(&stored.object.kind) {
            *count -= 1;
        }
        self.log.push(Event::Gone { kind: stored.object.kind, anchor: anchor.clone() });
        true
    }

    pub(super) fn assign(&mut self, anchor: Anchor, assign: bool) {
        let changed =
            if assign { self.assigned.insert(anchor.clone()) } else { self.assigned.remove(&anchor) };
        if changed {
            let members = self.direct_members(&anchor);
            self.log.push(Event::Object(anchor));
            self.log.extend(members.into_iter().map(Event::Object));
        }
    }

    pub(super) fn refer(&mut self, owner: Anchor, attribute: Name, referenced: Anchor, added: bool) {
        let values = self.references.entry(owner.clone()).or_default().entry(attribute.clone()).or_default();
        let changed = if added { values.insert(referenced.clone()) } else { values.remove(&referenced) };
        if !changed {
            return;
        }
        if added {
            let incoming = Incoming { owner: owner.clone(), attribute: attribute.clone(), large: true };
            self.incoming.entry(referenced.clone()).or_default().insert(incoming);
        } else {
            self.forget_incoming(&referenced, &owner, &attribute);
        }
        let entitles = self.assigned.contains(&owner);
        if self.visible(&referenced) {
            self.log.push(Event::Reference { owner, attribute, referenced: referenced.clone(), added });
        }
        if entitles {
            self.log.push(Event::Object(referenced));
        }
    }

    pub(super) fn forget_history(&mut self) {
        self.forgotten = self.newest();
        self.log.clear();
    }

    /// An object as the source gives it, with the selected attributes or all.
    pub(super) fn shown(&self, anchor: &Anchor, selected: Option<&Selection>) -> Option<SourceObject> {
        let stored = self.objects.get(anchor)?;
        let wanted = |name: &Name| selected.is_none_or(|selected| selected.attributes.contains(name));
        let groups = selected.map_or(&[][..], |selected| &selected.groups);
        let attributes: Attributes = stored
            .object
            .attributes
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, value)| (name.clone(), self.without_hidden(value)))
            .collect();
        Some(SourceObject {
            object: Object {
                kind: stored.object.kind.clone(),
                anchor: stored.object.anchor.clone(),
                attributes,
            },
            enabled: stored.enabled,
            soft_deleted: stored.binned,
            entitled: self.entitled(anchor),
            member_of: groups.iter().filter(|group| self.is_member(anchor, group)).cloned().collect(),
            display_name: stored.object.get("displayName").as_text().map(Name::from),
        })
    }

    /// Visible values of a large reference attribute after one, and whether there are more.
    pub(super) fn references(
        &self,
        owner: &Anchor,
        attribute: &str,
        after: Option<&Anchor>,
        limit: usize,
    ) -> (Vec<Anchor>, bool) {
        let Some(values) = self.references.get(owner).and_then(|of| of.get(attribute)) else {
            return (Vec::new(), false);
        };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut visible = values.range((from, Bound::Unbounded)).filter(|anchor| self.visible(anchor));
        let page = visible.by_ref().take(limit).cloned().collect();
        (page, visible.next().is_some())
    }

    pub(super) fn changes(&self, request: ChangeRequest<'_>) -> Result<ChangePage> {
        let limit = request.page_size.max(1);
        let position = match request.cursor {
            None => Position::Full { began: self.newest(), place: 0, after: None },
            Some(cursor) => parsed(cursor)?,
        };
        match position {
            Position::Full { began, place, after } => {
                Ok(self.full_page(request.selections, began, place, after, limit))
            }
            Position::At(number) if number < self.forgotten || number > self.newest() => {
                Err(ConnectorError::new(ErrorClass::CursorRefused, format!("change {number} is not known")))
            }
            Position::At(number) => Ok(self.incremental_page(request.selections, number, limit)),
        }
    }

    /// A page of a full read; it holds objects of one type alone.
    fn full_page(
        &self,
        selections: &[Selection],
        began: u64,
        place: usize,
        after: Option<Anchor>,
        limit: usize,
    ) -> ChangePage {
        let total = Some(selections.iter().filter_map(|one| self.counts.get(&one.kind)).sum());
        let page = |changes, position, more| ChangePage { changes, cursor: printed(&position), more, total };
        let mut after = after;
        let mut changes = Vec::new();
        for (place, selection) in selections.iter().enumerate().skip(place) {
            if !changes.is_empty() {
                return page(changes, Position::Full { began, place, after: None }, true);
            }
            let from = after.take().map_or(Bound::Unbounded, Bound::Excluded);
            let of_type = self.objects.range((from, Bound::Unbounded));
            for (anchor, _) in of_type.filter(|(_, stored)| stored.object.kind == selection.kind) {
                if changes.len() == limit {
                    let last = changes.last().map(|change: &Change| change.anchor().clone());
                    return page(changes, Position::Full { began, place, after: last }, true);
                }
                changes.extend(self.shown(anchor, Some(selection)).map(Change::Upsert));
            }
        }
        page(changes, Position::At(began), false)
    }

    fn incremental_page(&self, selections: &[Selection], number: u64, limit: usize) -> ChangePage {
        let begin = usize::try_from(number - self.forgotten).unwrap_or(usize::MAX);
        let mut page = Increment::default();
        let mut reached = number;
        for event in self.log.iter().skip(begin) {
            if page.size() >= limit {
                break;
            }
            page.take(self, selections, event);
            reached += 1;
        }
        ChangePage {
            changes: page.changes(self, selections),
            cursor: printed(&Position::At(reached)),
            more: reached < self.newest(),
            total: None,
        }
    }

    fn newest(&self) -> u64 {
        self.forgotten + u64::try_from(self.log.len()).unwrap_or(u64::MAX)
    }

    fn visible(&self, anchor: &Anchor) -> bool {
        self.objects.get(anchor).is_some_and(|stored| !stored.binned)
    }

    fn entitled(&self, anchor: &Anchor) -> bool {
        let entitles = |incoming: &Incoming| {
            incoming.attribute == "members"
                && self.assigned.contains(&incoming.owner)
                && self.visible(&incoming.owner)
        };
        !self.assignments_count
            || self.assigned.contains(anchor)
            || self.incoming.get(anchor).is_some_and(|incoming| incoming.iter().any(entitles))
    }

    /// How an object came by its right.
    pub(super) fn entitled_by(&self, anchor: &Anchor) -> Vec<Entitlement> {
        if !self.assignments_count {
            return vec![Entitlement::Everybody];
        }
        let own = self.assigned.contains(anchor).then_some(Entitlement::Assigned);
        let groups = self.incoming.get(anchor).into_iter().flatten().filter(|incoming| {
            incoming.attribute == "members"
                && self.assigned.contains(&incoming.owner)
                && self.visible(&incoming.owner)
        });
        let groups = groups.map(|incoming| {
            let group = self.objects.get(&incoming.owner);
            let name = group.and_then(|group| group.object.get("displayName").as_text().map(Name::from));
            Entitlement::Group { anchor: incoming.owner.clone(), name, nested: false }
        });
        own.into_iter().chain(groups).collect()
    }

    fn is_member(&self, anchor: &Anchor, group: &Anchor) -> bool {
        let of_group = |incoming: &Incoming| incoming.attribute == "members" && incoming.owner == *group;
        self.visible(group) && self.incoming.get(anchor).is_some_and(|incoming| incoming.iter().any(of_group))
    }

    pub(super) fn direct_members(&self, group: &Anchor) -> Vec<Anchor> {
        let members = self.references.get(group).and_then(|of| of.get("members"));
        members.into_iter().flatten().cloned().collect()
    }

    fn without_hidden(&self, value: &Value) -> Value {
        let shown = |one: &&Value| one.as_reference().is_none_or(|anchor| self.visible(anchor));
        match value {
            Value::List(values) => Value::list(values.iter().filter(shown).cloned()),
            one if shown(&one) => one.clone(),
            _ => Value::Null,
        }
    }

    /// Writes to the log what it means for others that an object can be seen, or no longer.
    fn visibility_changed(&mut self, anchor: &Anchor, visible: bool) {
        for incoming in self.incoming.get(anchor).into_iter().flatten() {
            self.log.push(if incoming.large {
                Event::Reference {
                    owner: incoming.owner.clone(),
                    attribute: incoming.attribute.clone(),
                    referenced: anchor.clone(),
                    added: visible,
                }
            } else {
                Event::Object(incoming.owner.clone())
            });
        }
        if self.assigned.contains(anchor) {
            let members = self.direct_members(anchor);
            self.log.extend(members.into_iter().map(Event::Object));
        }
    }

    fn note_references(&mut self, object: &Object, present: bool) {
        for (attribute, value) in object.attributes.iter() {
            for referenced in value.values().iter().filter_map(Value::as_reference) {
                if present {
                    let incoming =
                        Incoming { owner: object.anchor.clone(), attribute: attribute.clone(), large: false };
                    self.incoming.entry(referenced.clone()).or_default().insert(incoming);
                } else {
                    self.forget_incoming(referenced, &object.anchor, attribute);
                }
            }
        }
    }

    fn forget_incoming(&mut self, referenced: &Anchor, owner: &Anchor, attribute: &Name) {
        if let Some(known) = self.incoming.get_mut(referenced) {
            known.retain(|one| one.owner != *owner || one.attribute != *attribute);
        }
    }
}

fn printed(position: &Position) -> Cursor {
    Cursor(match position {
        Position::At(number) => format!("at:{number}"),
        Position::Full { began, place, after: None } => format!("full:{began}:{place}"),
        Position::Full { began, place, after: Some(anchor) } => format!("full:{began}:{place}:{anchor}"),
    })
}

fn parsed(cursor: &Cursor) -> Result<Position> {
    let refused = || ConnectorError::new(ErrorClass::CursorRefused, format!("'{}' is no cursor", cursor.0));
    let (kind, rest) = cursor.0.split_once(':').ok_or_else(refused)?;
    let mut parts = rest.splitn(3, ':');
    let mut number = || parts.next().and_then(|part| part.parse::<u64>().ok()).ok_or_else(refused);
    match kind {
        "at" => Ok(Position::At(number()?)),
        "full" => {
            let (began, place) = (number()?, number()?);
            let place = usize::try_from(place).map_err(|_| refused())?;
            Ok(Position::Full { began, place, after: parts.next().map(Anchor::new) })
        }
        _ => Err(refused()),
    }
}
