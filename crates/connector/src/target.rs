use async_trait::async_trait;
use model::schema::DirectoryDefinition;
use model::{Anchor, Name, Object, Value};

use crate::{Cursor, Result, Selection};

/// What a target can do, per object type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeCapabilities {
    /// The object type.
    pub kind: Name,
    /// Accounts can be disabled and enabled again.
    pub soft_delete: bool,
    /// The whole type can be listed.
    pub list: bool,
    /// Values of a reference attribute that one request may carry.
    pub reference_chunk: usize,
}

/// What a target can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetCapabilities {
    /// Per object type; a type that is not named has [`TypeCapabilities::default`].
    pub types: Vec<TypeCapabilities>,
}

impl Default for TypeCapabilities {
    fn default() -> Self {
        Self { kind: Name::default(), soft_delete: true, list: true, reference_chunk: 100 }
    }
}

impl TargetCapabilities {
    /// What the target can do with a type.
    #[must_use]
    pub fn of(&self, kind: &str) -> TypeCapabilities {
        self.types
            .iter()
            .find(|one| one.kind == kind)
            .cloned()
            .unwrap_or_else(|| TypeCapabilities { kind: kind.into(), ..TypeCapabilities::default() })
    }
}

/// How an attribute changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The new value replaces what is there; null removes it.
    Set,
    /// The new values join what is there.
    Add,
}

/// One attribute of a change set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeChange {
    /// The target attribute.
    pub attribute: Name,
    /// How it changes.
    pub kind: ChangeKind,
    /// What the target shows now, as far as that is known.
    pub old: Value,
    /// What it shall show.
    pub new: Value,
    /// True where neither value may appear in a log, a plan or an answer.
    pub redacted: bool,
}

/// What is to change in one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// By the order of the mappings.
    pub changes: Vec<AttributeChange>,
}

impl ChangeSet {
    /// True where nothing is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Values of one reference attribute of one object that are to be added and removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceChange {
    /// The attribute.
    pub attribute: Name,
    /// True where the attribute holds several values; a single-valued one is set or removed.
    pub multivalued: bool,
    /// Target anchors to refer to.
    pub added: Vec<Anchor>,
    /// Target anchors to refer to no longer.
    pub removed: Vec<Anchor>,
}

/// A page of a target's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetPage {
    /// The objects, with the selected attributes.
    pub objects: Vec<Object>,
    /// Where the next page begins; none after the last.
    pub next: Option<Cursor>,
    /// Objects in all, where the target tells.
    pub total: Option<u64>,
}

/// A directory that is written.
///
/// Every method is one attempt: retries, pacing and concurrency are the engine's. A write that was refused MUST have
/// changed nothing, unless its error says that it [may have](crate::ConnectorError::may_have_taken_effect).
#[async_trait]
pub trait Target: Send + Sync {
    /// What the target can do.
    fn capabilities(&self) -> &TargetCapabilities;

    /// Tests address and credentials without changing anything. MUST fail where the other side is not what the
    /// configuration says, such as a web page in the place of a service.
    async fn check(&self) -> Result<()>;

    /// The other side's own description of its object types and attributes.
    async fn discover(&self) -> Result<DirectoryDefinition>;

    /// The objects whose attribute equals a value, with the selected attributes; large reference attributes SHOULD be
    /// left out of the request. What comes back MUST satisfy the condition: a server that ignores a filter returns
    /// everybody. `case_exact` says how texts compare.
    async fn find(
        &self,
        selection: &Selection,
        attribute: &Name,
        value: &Value,
        case_exact: bool,
    ) -> Result<Vec<Object>>;

    /// One object with the selected attributes; none where it does not exist.
    async fn read(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<Object>>;

    /// Makes an object and returns it as the target then shows it, at least its anchor and what the answer held.
    async fn create(&self, selection: &Selection, changes: &ChangeSet) -> Result<Object>;

    /// Changes an object and returns it as the target then shows it, where the answer told; none where it did not.
    /// MUST fail with `NotFound` where the object does not exist.
    async fn update(
        &self,
        selection: &Selection,
        anchor: &Anchor,
        changes: &ChangeSet,
    ) -> Result<Option<Object>>;

    /// Changes a reference attribute. Adding what is there and removing what is not MUST succeed.
    async fn update_references(&self, kind: &Name, anchor: &Anchor, change: &ReferenceChange) -> Result<()>;

    /// Removes an object for good. MUST fail with `NotFound` where it does not exist.
    async fn delete(&self, kind: &Name, anchor: &Anchor) -> Result<()>;

    /// A page of all objects of a type.
    async fn list(&self, selection: &Selection, cursor: Option<&Cursor>) -> Result<TargetPage>;
}
