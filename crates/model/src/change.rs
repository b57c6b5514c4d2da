//! Objects as a source gives them, and changes as a target takes them.

use std::fmt;

use crate::provisioning::REDACTED;
use crate::{Anchor, Name, Object, Value};

/// An object as the source gives it, with what the source knows of its right to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceObject {
    /// Type, anchor and attributes.
    pub object: Object,
    /// False where the account is disabled at the source; true for objects without such an attribute.
    pub enabled: bool,
    /// True where the object is in the source's bin.
    pub soft_deleted: bool,
    /// True where the object is assigned to the application; sources without assignments say true.
    pub entitled: bool,
    /// Of the groups that filters ask about, those that the object is a member of.
    pub member_of: Vec<Anchor>,
    /// A name for people, shown in the provisioning log.
    pub display_name: Option<Name>,
}

impl SourceObject {
    /// An object that is enabled, not deleted and entitled.
    #[must_use]
    pub fn active(object: Object) -> Self {
        Self {
            object,
            enabled: true,
            soft_deleted: false,
            entitled: true,
            member_of: Vec::new(),
            display_name: None,
        }
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

/// One attribute of a change set. Printed for debugging, it does not show values that may not be shown.
#[derive(Clone, PartialEq, Eq)]
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

impl AttributeChange {
    /// A value of the change as people may see it.
    #[must_use]
    pub fn shown(&self, value: &Value) -> Value {
        if self.redacted && !value.is_null() { Value::from(REDACTED) } else { value.clone() }
    }
}

impl fmt::Debug for AttributeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttributeChange")
            .field("attribute", &self.attribute)
            .field("kind", &self.kind)
            .field("old", &self.shown(&self.old))
            .field("new", &self.shown(&self.new))
            .field("redacted", &self.redacted)
            .finish()
    }
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
