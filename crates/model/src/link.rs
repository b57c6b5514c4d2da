//! What a job remembers of the objects that it manages, row by row of its connector data store.

use crate::fingerprint::Fingerprint;
use crate::{Anchor, Name, Value};

/// Whether a link is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The account follows its source object.
    Active,
    /// The account was disabled because access ended; it is taken up again when access returns.
    Released,
}

/// How a link came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This job made the account.
    Created,
    /// The account was there and matched.
    Matched,
}

/// What is remembered of one exported attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The hash of the target attribute's name.
    pub attribute: u32,
    /// What was computed.
    pub computed: Fingerprint,
    /// What the target showed after the export; equal to `computed` where it keeps values as they are.
    pub shown: Fingerprint,
}

/// The account of a source object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The target's object type.
    pub kind: Name,
    /// The account.
    pub anchor: Anchor,
    /// Whether it is in use.
    pub state: LinkState,
    /// How it came about.
    pub origin: Origin,
    /// True where it was last seen or made disabled by this job.
    pub disabled: bool,
    /// What was last exported.
    pub exported: Vec<Exported>,
}

/// What a rule of a job remembers of a source object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The rule's id.
    pub rule: Name,
    /// The source's object type.
    pub kind: Name,
    /// The source object.
    pub source: Anchor,
    /// The object mapping's position or name, by which it is deprovisioned when another mapping takes it over.
    pub mapping: Name,
    /// A name for people, for records about objects that are gone.
    pub display_name: Option<Name>,
    /// The account; none for objects that are only remembered for their last outcome.
    pub link: Option<Link>,
    /// The full read that saw it last.
    pub seen_generation: u64,
    /// The number of the last skip's reason; zero where the last outcome was no skip.
    pub last_skip: u8,
}

/// A durable note that an account is about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The rule's id.
    pub rule: Name,
    /// The source's object type.
    pub kind: Name,
    /// The source object.
    pub source: Anchor,
    /// The target's object type.
    pub target_kind: Name,
    /// Matching attributes and values by which it can be found again, by rising priority.
    pub matching: Vec<(Name, Value)>,
}

/// What a staged row would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum StagedKind {
    /// Make an account.
    Create,
    /// Change an account.
    Update,
    /// Disable the account.
    Disable,
    /// Delete the account.
    Delete,
}

impl StagedKind {
    /// True for what ends an access.
    #[must_use]
    pub fn removes(self) -> bool {
        matches!(self, Self::Disable | Self::Delete)
    }
}
