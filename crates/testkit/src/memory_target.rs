//! A target that keeps its objects in memory.

mod state;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use connector::{
    ChangeSet, ConnectorError, Cursor, ErrorClass, ReferenceChange, ReferencePage, Result, Selection, Target,
    TargetCapabilities, TargetPage, TypeCapabilities,
};
use model::schema::{AttributeDefinition, DirectoryDefinition, ObjectDefinition};
use model::{Anchor, Name, Object, Value};

use crate::faults::{Calls, Faults, Method};
use crate::held;
use state::State;

/// A change that the target makes to a value on its way in.
type Normalization = Arc<dyn Fn(&Value) -> Value + Send + Sync>;

/// A target in memory: anchors of its own (`t1`, `t2`, …), unique attributes, references that must point to something,
/// faults by script, and a count of the calls. Clones share everything.
///
/// Values of multi-valued reference attributes, such as members, are kept apart and never returned with an object, as
/// the contract wishes. When an object goes, references to it go too.
#[derive(Clone)]
pub struct MemoryTarget {
    capabilities: TargetCapabilities,
    normalizations: Vec<(Name, Normalization)>,
    page_size: usize,
    circles: bool,
    faults: Faults,
    counts: Arc<[AtomicU64; Method::TARGET.len()]>,
    state: Arc<Mutex<State>>,
}

impl Default for MemoryTarget {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::must_use_candidate, reason = "tests change what is there for the effect alone")]
impl MemoryTarget {
    /// A target with nothing in it, whose attributes need not be unique.
    #[must_use]
    pub fn new() -> Self {
        Self {
            capabilities: TargetCapabilities::default(),
            normalizations: Vec::new(),
            page_size: 1000,
            circles: false,
            faults: Faults::none(),
            counts: Arc::new(std::array::from_fn(|_| AtomicU64::new(0))),
            state: Arc::default(),
        }
    }

    /// The target with an attribute whose texts must be unique among the objects of its type, without regard to case.
    /// Finding by it is a look-up; finding by another attribute reads every object.
    #[must_use]
    pub fn unique(self, kind: &str, attribute: &str) -> Self {
        held(&self.state).unique(kind, attribute);
        self
    }

    /// The target with these capabilities for a type.
    #[must_use]
    pub fn with_type(mut self, capabilities: TypeCapabilities) -> Self {
        self.capabilities.types.retain(|one| one.kind != capabilities.kind);
        self.capabilities.types.push(capabilities);
        self
    }

    /// The target changing an attribute's values on their way in, whatever the type.
    #[must_use]
    pub fn normalizing(
        mut self,
        attribute: &str,
        normalize: impl Fn(&Value) -> Value + Send + Sync + 'static,
    ) -> Self {
        self.normalizations.push((attribute.into(), Arc::new(normalize)));
        self
    }

    /// The target turning an attribute's texts to lower case.
    #[must_use]
    pub fn lowercasing(self, attribute: &str) -> Self {
        self.normalizing(attribute, |value| match value {
            Value::Text(text) => Value::text(text.to_lowercase()),
            other => other.clone(),
        })
    }

    /// The target listing so many objects per page.
    #[must_use]
    pub fn page_size(mut self, page_size: usize) -> Self {
        self.page_size = page_size.max(1);
        self
    }

    /// The target's lists going on with the first page after the last.
    #[must_use]
    pub fn listing_in_circles(mut self) -> Self {
        self.circles = true;
        self
    }

    /// The target following a script of faults.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// The script of faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// How often each method was called, faulty calls included.
    #[must_use]
    pub fn calls(&self) -> Calls {
        let counted = Method::TARGET.into_iter().zip(self.counts.iter());
        counted.map(|(method, count)| (method, count.load(Ordering::Relaxed))).collect()
    }

    /// Counts from zero again.
    pub fn forget_calls(&self) {
        for count in self.counts.iter() {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// How many objects of a type there are.
    #[must_use]
    pub fn len(&self, kind: &str) -> usize {
        held(&self.state).count(kind)
    }

    /// True where there is no object of any type.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        held(&self.state).all().next().is_none()
    }

    /// The objects of a type, oldest first.
    #[must_use]
    pub fn objects(&self, kind: &str) -> Vec<Object> {
        held(&self.state).objects(kind).cloned().collect()
    }

    /// One object.
    #[must_use]
    pub fn object(&self, anchor: &Anchor) -> Option<Object> {
        held(&self.state).object(anchor).cloned()
    }

    /// The first object of a type whose attribute is exactly this text.
    #[must_use]
    pub fn object_by(&self, kind: &str, attribute: &str, text: &str) -> Option<Object> {
        let state = held(&self.state);
        state.objects(kind).find(|object| object.get(attribute).as_text() == Some(text)).cloned()
    }

    /// The values of a multi-valued reference attribute, sorted.
    #[must_use]
    pub fn references(&self, anchor: &Anchor, attribute: &str) -> Vec<Anchor> {
        held(&self.state).references(anchor, attribute)
    }

    /// Puts an object there behind the engine's back, and returns its anchor.
    pub fn place(&self, kind: &str, attributes: &[(&str, Value)]) -> Anchor {
        let attributes = attributes.iter().map(|(name, value)| (Name::from(*name), value.clone())).collect();
        held(&self.state).insert(kind.into(), attributes)
    }

    /// Changes an attribute behind the engine's back; false where the object does not exist.
    pub fn alter(&self, anchor: &Anchor, attribute: &str, value: Value) -> bool {
        held(&self.state).set(anchor, &attribute.into(), value).is_some()
    }

    /// Changes a multi-valued reference attribute behind the engine's back; false where the object does not exist.
    pub fn alter_references(
        &self,
        anchor: &Anchor,
        attribute: &str,
        added: &[Anchor],
        removed: &[Anchor],
    ) -> bool {
        let mut state = held(&self.state);
        let Some(kind) = state.object(anchor).map(|object| object.kind.clone()) else { return false };
        let change = ReferenceChange {
            attribute: attribute.into(),
            multivalued: true,
            added: added.to_vec(),
            removed: removed.to_vec(),
        };
        state.update_references(&kind, anchor, &change).is_ok()
    }

    /// Removes an object behind the engine's back; false where it does not exist.
    pub fn take_away(&self, anchor: &Anchor) -> bool {
        held(&self.state).remove(anchor)
    }

    fn count(&self, method: Method) {
        let place = Method::TARGET.iter().position(|one| *one == method);
        if let Some(count) = place.and_then(|place| self.counts.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn normalized(&self, attribute: &Name, value: &Value) -> Value {
        let normalization = self.normalizations.iter().find(|(name, _)| name == attribute);
        normalization.map_or_else(|| value.clone(), |(_, normalize)| normalize(value))
    }

    fn normalized_changes(&self, changes: &ChangeSet) -> ChangeSet {
        let mut changes = changes.clone();
        for change in &mut changes.changes {
            change.new = self.normalized(&change.attribute, &change.new);
        }
        changes
    }

    /// What a write works on: the change set, made anew only where something is normalized.
    fn accepted<'a>(&self, changes: &'a ChangeSet) -> std::borrow::Cow<'a, ChangeSet> {
        use std::borrow::Cow;
        if self.normalizations.is_empty() {
            Cow::Borrowed(changes)
        } else {
            Cow::Owned(self.normalized_changes(changes))
        }
    }

    async fn call<T>(&self, method: Method, work: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        self.count(method);
        self.faults.around(method, async { work(&mut held(&self.state)) }).await
    }
}

#[async_trait]
impl Target for MemoryTarget {
    fn capabilities(&self) -> &TargetCapabilities {
        &self.capabilities
    }

    async fn check(&self) -> Result<()> {
        self.call(Method::Check, |_| Ok(())).await
    }

    /// Describes what is there: the types and attributes of the present objects.
    async fn discover(&self) -> Result<DirectoryDefinition> {
        self.call(Method::Discover, |state| Ok(described(state))).await
    }

    async fn find(
        &self,
        selection: &Selection,
        attribute: &Name,
        value: &Value,
        case_exact: bool,
    ) -> Result<Vec<Object>> {
        self.call(Method::Find, |state| {
            let found = state.find(&selection.kind, attribute, value, case_exact);
            Ok(found.into_iter().map(|object| selected(object, selection)).collect())
        })
        .await
    }

    async fn read(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<Object>> {
        self.call(Method::Read, |state| {
            let object = state.object(anchor).filter(|object| object.kind == selection.kind);
            Ok(object.map(|object| selected(object, selection)))
        })
        .await
    }

    async fn create(&self, selection: &Selection, changes: &ChangeSet) -> Result<Object> {
        self.call(Method::Create, |state| state.create(&selection.kind, &self.accepted(changes)).cloned())
            .await
    }

    async fn update(
        &self,
        selection: &Selection,
        anchor: &Anchor,
        changes: &ChangeSet,
    ) -> Result<Option<Object>> {
        self.call(Method::Update, |state| {
            let object = state.update(&selection.kind, anchor, &self.accepted(changes))?;
            Ok(Some(selected(object, selection)))
        })
        .await
    }

    async fn update_references(&self, kind: &Name, anchor: &Anchor, change: &ReferenceChange) -> Result<()> {
        let chunk = self.capabilities.of(kind).reference_chunk;
        self.call(Method::UpdateReferences, |state| {
            let carried = change.added.len() + change.removed.len();
            if carried > chunk {
                let detail = format!("a request carries {chunk} references at most, but this one {carried}");
                let class = ErrorClass::Invalid { attribute: Some(change.attribute.clone()) };
                return Err(ConnectorError::new(class, detail));
            }
            state.update_references(kind, anchor, change)
        })
        .await
    }

    async fn references(
        &self,
        kind: &Name,
        anchor: &Anchor,
        attribute: &Name,
        cursor: Option<&Cursor>,
    ) -> Result<Option<ReferencePage>> {
        self.call(Method::Read, |state| {
            if state.object(anchor).is_none_or(|object| object.kind != *kind) {
                return Err(state::not_found(kind, anchor));
            }
            let start = cursor.and_then(|cursor| cursor.0.parse::<usize>().ok()).unwrap_or(0);
            let all = state.references(anchor, attribute);
            let end = start.saturating_add(self.page_size);
            let next = (end < all.len()).then(|| Cursor(end.to_string()));
            let references = all.into_iter().skip(start).take(self.page_size).collect();
            Ok(Some(ReferencePage { references, next }))
        })
        .await
    }

    async fn delete(&self, kind: &Name, anchor: &Anchor) -> Result<()> {
        self.call(Method::Delete, |state| {
            let there = state.object(anchor).is_some_and(|object| object.kind == *kind);
            if there && state.remove(anchor) { Ok(()) } else { Err(state::not_found(kind, anchor)) }
        })
        .await
    }

    async fn list(&self, selection: &Selection, cursor: Option<&Cursor>) -> Result<TargetPage> {
        self.call(Method::List, |state| {
            let refused = || {
                ConnectorError::new(
                    ErrorClass::CursorRefused,
                    "the cursor is no place in a list of this target",
                )
            };
            let after = cursor.map(|cursor| cursor.0.parse().map_err(|_| refused())).transpose()?;
            let (objects, next) = state.page(&selection.kind, after, self.page_size);
            let next = next.or(self.circles.then_some(0));
            let objects = objects.into_iter().map(|object| selected(object, selection)).collect();
            let total = u64::try_from(state.count(&selection.kind)).ok();
            Ok(TargetPage { objects, next: next.map(|slot| Cursor(slot.to_string())), total })
        })
        .await
    }
}

/// The object with the selected attributes alone.
fn selected(object: &Object, selection: &Selection) -> Object {
    let wanted = object.attributes.iter().filter(|(name, _)| selection.attributes.contains(name));
    Object {
        kind: object.kind.clone(),
        anchor: object.anchor.clone(),
        attributes: wanted.map(|(name, value)| (name.clone(), value.clone())).collect(),
    }
}

fn described(state: &State) -> DirectoryDefinition {
    let mut definition = DirectoryDefinition { name: "memory".to_owned(), ..DirectoryDefinition::default() };
    for object in state.all() {
        let known = definition.objects.iter().position(|one| one.name == object.kind);
        let place = known.unwrap_or_else(|| {
            definition
                .objects
                .push(ObjectDefinition { name: object.kind.clone(), ..ObjectDefinition::default() });
            definition.objects.len() - 1
        });
        let Some(described) = definition.objects.get_mut(place) else { continue };
        for (name, value) in object.attributes.iter() {
            if described.attribute(name).is_none() {
                let multivalued = matches!(value, Value::List(_));
                described.attributes.push(AttributeDefinition {
                    name: name.clone(),
                    multivalued,
                    ..AttributeDefinition::default()
                });
            }
        }
    }
    definition
}

#[cfg(test)]
mod tests;
