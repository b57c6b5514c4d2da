use model::change::SourceObject;
use model::{Anchor, Name, Value};

/// An opaque position in a source's feed. Cursors are stored as text and given back as they were.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(pub String);

/// One object type that is wanted from a source, with its attributes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The object type.
    pub kind: Name,
    /// The attributes that mappings and filters read. Large reference attributes among them are followed by
    /// [`Change::ReferenceDelta`] and [`Source::references`](crate::Source::references) only.
    pub attributes: Vec<Name>,
    /// Those of the attributes whose absence is to clear what a target has: both null gates are open. A source that
    /// keeps what was said of an object before gives null for one of these that was left out the last time. Empty of
    /// targets.
    pub clearing: Vec<Name>,
    /// The groups that filters ask about: an object's `member_of` tells which of them it is a member of. An object is
    /// yielded when a membership of it in one of them begins or ends. Empty where the source does not
    /// [tell](crate::SourceCapabilities::memberships), and of targets.
    pub groups: Vec<Anchor>,
}

/// What is asked of a feed.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRequest<'a> {
    /// The wanted types; a full read MUST finish one before it begins the next.
    pub selections: &'a [Selection],
    /// Where to go on; none begins a full read, whose feed position MUST be taken before its first page.
    pub cursor: Option<&'a Cursor>,
    /// Changes per page at most.
    pub page_size: usize,
}

/// One change of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The object is there, new or changed, or its entitlement or a membership that is asked about changed.
    Upsert(SourceObject),
    /// The object is gone for good.
    Delete {
        /// The object type, where the source still knows it.
        kind: Option<Name>,
        /// The object.
        anchor: Anchor,
    },
    /// Values were added to and removed from a large reference attribute.
    ReferenceDelta {
        /// The owner's type.
        kind: Name,
        /// The owner.
        anchor: Anchor,
        /// The attribute.
        attribute: Name,
        /// Objects that it now refers to.
        added: Vec<Anchor>,
        /// Objects that it no longer refers to.
        removed: Vec<Anchor>,
    },
}

impl Change {
    /// The object that changed.
    #[must_use]
    pub fn anchor(&self) -> &Anchor {
        match self {
            Self::Upsert(upsert) => &upsert.object.anchor,
            Self::Delete { anchor, .. } | Self::ReferenceDelta { anchor, .. } => anchor,
        }
    }
}

/// A page of changes.
///
/// A page MUST hold at most one `Upsert` or `Delete` per anchor, showing the object as it now is. Reading a page again
/// from the same cursor MUST yield everything that it yielded and that is still so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// The changes.
    pub changes: Vec<Change>,
    /// Where the next page begins. After the last page of a full read this is the watermark for incremental reads.
    pub cursor: Cursor,
    /// True where another page can be read at once.
    pub more: bool,
    /// Objects in all, where the source can tell cheaply (full reads only).
    pub total: Option<u64>,
}

/// A page of a large reference attribute's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencePage {
    /// Objects that are referred to.
    pub references: Vec<Anchor>,
    /// Where the next page begins; none after the last.
    pub next: Option<Cursor>,
}

impl ReferencePage {
    /// The references as values.
    pub fn values(&self) -> impl Iterator<Item = Value> {
        self.references.iter().cloned().map(Value::Reference)
    }
}
