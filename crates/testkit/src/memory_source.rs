//! A source that keeps its objects, assignments and change log in memory.

mod increment;
mod state;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use connector::{
    ChangePage, ChangeRequest, Cursor, Entitlement, ReferencePage, Result, Selection, Source,
    SourceCapabilities, SourceObject,
};
use model::{Anchor, Name, Object, Value};

use crate::faults::{Calls, Faults, Method};
use crate::held;
use state::State;

/// The methods that are counted.
const COUNTED: [Method; 3] = [Method::Changes, Method::SourceRead, Method::References];

/// A source in memory with a change log, so that incremental reads yield exactly what changed. Clones share everything.
///
/// It behaves as a directory does: objects in the bin are yielded as such, and references to objects that are in the
/// bin or gone are hidden, which is a change of the referring side too. `members` of a `Group` is a large reference
/// attribute; others can be added.
#[derive(Clone)]
pub struct MemorySource {
    capabilities: SourceCapabilities,
    reference_page: usize,
    faults: Faults,
    counts: Arc<[AtomicU64; COUNTED.len()]>,
    yielded: Arc<AtomicU64>,
    state: Arc<Mutex<State>>,
}

impl Default for MemorySource {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::must_use_candidate, reason = "tests change what is there for the effect alone")]
impl MemorySource {
    /// An empty source without assignments: everybody is entitled.
    #[must_use]
    pub fn new() -> Self {
        Self {
            capabilities: SourceCapabilities {
                large_references: vec![("Group".into(), "members".into())],
                page_size: 1000,
                memberships: true,
            },
            reference_page: 1000,
            faults: Faults::none(),
            counts: Arc::new(std::array::from_fn(|_| AtomicU64::new(0))),
            yielded: Arc::default(),
            state: Arc::default(),
        }
    }

    /// An empty source where only assigned objects and the direct members of assigned groups are entitled.
    #[must_use]
    pub fn with_assignments() -> Self {
        let source = Self::new();
        source.held().require_assignments(true);
        source
    }

    /// From now on everybody is entitled, or assigned objects and the direct members of assigned groups alone. It is
    /// no change of anything: who switches this has to have everything read again.
    pub fn entitle_everybody(&self, everybody: bool) {
        self.held().require_assignments(!everybody);
    }

    /// The source not telling who is a member of a group.
    #[must_use]
    pub fn without_memberships(mut self) -> Self {
        self.capabilities.memberships = false;
        self
    }

    /// The source preferring pages of this size.
    #[must_use]
    pub fn page_size(mut self, page_size: usize) -> Self {
        self.capabilities.page_size = page_size.max(1);
        self
    }

    /// The source yielding so many references per page.
    #[must_use]
    pub fn reference_page_size(mut self, page_size: usize) -> Self {
        self.reference_page = page_size.max(1);
        self
    }

    /// The source with one large reference attribute more.
    #[must_use]
    pub fn large_reference(mut self, kind: &str, attribute: &str) -> Self {
        self.capabilities.large_references.push((kind.into(), attribute.into()));
        self
    }

    /// The source following a script of faults.
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

    /// How often each method was called.
    #[must_use]
    pub fn calls(&self) -> Calls {
        let counted = COUNTED.into_iter().zip(self.counts.iter());
        counted.map(|(method, count)| (method, count.load(Ordering::Relaxed))).collect()
    }

    /// How many changes and read objects it has yielded so far.
    #[must_use]
    pub fn yielded(&self) -> u64 {
        self.yielded.load(Ordering::Relaxed)
    }

    /// Counts from zero again.
    pub fn forget_calls(&self) {
        for count in self.counts.iter().chain([&*self.yielded]) {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// Puts an object there, new or in the place of the one with its anchor. Values of large reference attributes do
    /// not belong in it; see [`refer`](Self::refer).
    pub fn upsert(&self, object: Object) {
        self.held().upsert(object);
    }

    /// Sets one attribute, null removes it; false where the object does not exist.
    pub fn set(&self, anchor: &str, attribute: &str, value: impl Into<Value>) -> bool {
        self.held().alter(&anchor.into(), |stored| stored.object.attributes.set(attribute, value.into()))
    }

    /// Disables the account, and says so in `accountEnabled`; false where the object does not exist.
    pub fn disable(&self, anchor: &str) -> bool {
        self.switch(anchor, false)
    }

    /// Enables the account; false where the object does not exist.
    pub fn enable(&self, anchor: &str) -> bool {
        self.switch(anchor, true)
    }

    /// Puts an object into the bin; false where it does not exist.
    pub fn soft_delete(&self, anchor: &str) -> bool {
        self.held().bin(&anchor.into(), true)
    }

    /// Takes an object out of the bin; false where it does not exist.
    pub fn restore(&self, anchor: &str) -> bool {
        self.held().bin(&anchor.into(), false)
    }

    /// Removes an object for good, with its references and assignment; false where it does not exist.
    pub fn delete(&self, anchor: &str) -> bool {
        self.held().delete(&anchor.into())
    }

    /// Assigns an object; of a group, the members are entitled too.
    pub fn assign(&self, anchor: &str) {
        self.held().assign(anchor.into(), true);
    }

    /// Ends an assignment.
    pub fn unassign(&self, anchor: &str) {
        self.held().assign(anchor.into(), false);
    }

    /// Adds a value to a large reference attribute.
    pub fn refer(&self, owner: &str, attribute: &str, referenced: &str) {
        self.held().refer(owner.into(), attribute.into(), referenced.into(), true);
    }

    /// Removes a value from a large reference attribute.
    pub fn unrefer(&self, owner: &str, attribute: &str, referenced: &str) {
        self.held().refer(owner.into(), attribute.into(), referenced.into(), false);
    }

    /// Makes an object a member of a group.
    pub fn add_member(&self, group: &str, member: &str) {
        self.refer(group, "members", member);
    }

    /// Ends a membership.
    pub fn remove_member(&self, group: &str, member: &str) {
        self.unrefer(group, "members", member);
    }

    /// Forgets the change log: cursors from before are refused.
    pub fn forget_history(&self) {
        self.held().forget_history();
    }

    /// An object as the source now gives it, all attributes.
    #[must_use]
    pub fn object(&self, anchor: &str) -> Option<SourceObject> {
        self.held().shown(&anchor.into(), None)
    }

    /// The anchors of a type, sorted, those in the bin included.
    #[must_use]
    pub fn anchors(&self, kind: &str) -> Vec<Anchor> {
        self.held().anchors(kind)
    }

    /// The visible values of a large reference attribute, sorted.
    #[must_use]
    pub fn references_of(&self, owner: &str, attribute: &str) -> Vec<Anchor> {
        self.held().references(&owner.into(), attribute, None, usize::MAX).0
    }

    /// The visible members of a group, sorted.
    #[must_use]
    pub fn members(&self, group: &str) -> Vec<Anchor> {
        self.references_of(group, "members")
    }

    fn switch(&self, anchor: &str, enabled: bool) -> bool {
        self.held().alter(&anchor.into(), |stored| {
            stored.enabled = enabled;
            stored.object.attributes.set("accountEnabled", Value::Boolean(enabled));
        })
    }

    fn held(&self) -> MutexGuard<'_, State> {
        held(&self.state)
    }

    async fn call<T>(&self, method: Method, work: impl FnOnce(&State) -> Result<T>) -> Result<T> {
        let place = COUNTED.iter().position(|one| *one == method);
        if let Some(count) = place.and_then(|place| self.counts.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.faults.around(method, async { work(&self.held()) }).await
    }

    fn count_yielded(&self, yielded: usize) {
        self.yielded.fetch_add(u64::try_from(yielded).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[async_trait]
impl Source for MemorySource {
    fn capabilities(&self) -> &SourceCapabilities {
        &self.capabilities
    }

    async fn changes(&self, request: ChangeRequest<'_>) -> Result<ChangePage> {
        self.call(Method::Changes, |state| {
            let page = state.changes(request)?;
            self.count_yielded(page.changes.len());
            Ok(page)
        })
        .await
    }

    async fn read(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<SourceObject>> {
        self.call(Method::SourceRead, |state| {
            let object = state.shown(anchor, Some(selection));
            let object = object.filter(|shown| shown.object.kind == selection.kind);
            self.count_yielded(usize::from(object.is_some()));
            Ok(object)
        })
        .await
    }

    async fn references(
        &self,
        _kind: &Name,
        anchor: &Anchor,
        attribute: &Name,
        cursor: Option<&Cursor>,
    ) -> Result<ReferencePage> {
        self.call(Method::References, |state| {
            let after = cursor.map(|cursor| Anchor::new(cursor.0.as_str()));
            let (references, more) = state.references(anchor, attribute, after.as_ref(), self.reference_page);
            let next = references.last().filter(|_| more).map(|last| Cursor(last.to_string()));
            Ok(ReferencePage { references, next })
        })
        .await
    }

    async fn entitled_by(&self, _kind: &Name, anchor: &Anchor) -> Result<Vec<Entitlement>> {
        Ok(self.held().entitled_by(anchor))
    }
}

#[cfg(test)]
mod tests;
