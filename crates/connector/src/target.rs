use async_trait::async_trait;
use model::change::{ChangeSet, ReferenceChange};
use model::schema::DirectoryDefinition;
use model::{Anchor, Name, Object, Value};

use crate::{Cursor, ReferencePage, Result, Selection};

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

    /// Changes a reference attribute. Adding what is there and removing what is not MUST succeed. From an attribute of one
    /// value a removal MAY take whatever it holds.
    async fn update_references(&self, kind: &Name, anchor: &Anchor, change: &ReferenceChange) -> Result<()>;

    /// A page of a reference attribute's values, as the target shows them now; none where it does not tell.
    async fn references(
        &self,
        _kind: &Name,
        _anchor: &Anchor,
        _attribute: &Name,
        _cursor: Option<&Cursor>,
    ) -> Result<Option<ReferencePage>> {
        Ok(None)
    }

    /// Removes an object for good. MUST fail with `NotFound` where it does not exist.
    async fn delete(&self, kind: &Name, anchor: &Anchor) -> Result<()>;

    /// A page of all objects of a type.
    async fn list(&self, selection: &Selection, cursor: Option<&Cursor>) -> Result<TargetPage>;
}
