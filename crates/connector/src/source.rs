use async_trait::async_trait;
use model::schema::DirectoryDefinition;
use model::{Anchor, Name};

use crate::{ChangePage, ChangeRequest, Cursor, ReferencePage, Result, Selection, SourceObject};

/// What a source can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceCapabilities {
    /// Attributes, by object type and name, whose values never travel inside an object.
    pub large_references: Vec<(Name, Name)>,
    /// Changes per page that suit it.
    pub page_size: usize,
    /// True where it tells which groups an object is a member of. Members of groups in a group count where the job's
    /// setting `NestedGroups` says so.
    pub memberships: bool,
}

impl SourceCapabilities {
    /// True where an attribute's values never travel inside an object.
    #[must_use]
    pub fn is_large_reference(&self, kind: &str, attribute: &str) -> bool {
        self.large_references.iter().any(|(of, name)| of == kind && name == attribute)
    }
}

/// A directory that is read.
#[async_trait]
pub trait Source: Send + Sync {
    /// What the source can do.
    fn capabilities(&self) -> &SourceCapabilities;

    /// The next page of changes; see [`ChangeRequest`] and [`ChangePage`] for what both MUST hold.
    ///
    /// A cursor that the source no longer knows MUST fail with [`ErrorClass::CursorRefused`](crate::ErrorClass).
    async fn changes(&self, request: ChangeRequest<'_>) -> Result<ChangePage>;

    /// One object as it now is, in-scope or not; none where it is gone.
    async fn read(&self, selection: &Selection, anchor: &Anchor) -> Result<Option<SourceObject>>;

    /// A page of the values of a large reference attribute.
    async fn references(
        &self,
        kind: &Name,
        anchor: &Anchor,
        attribute: &Name,
        cursor: Option<&Cursor>,
    ) -> Result<ReferencePage>;

    /// What the source says of itself: its objects and their attributes; none where it cannot tell.
    async fn discover(&self) -> Result<Option<DirectoryDefinition>> {
        Ok(None)
    }

    /// How an object came by its right to an account, for explanations: every path, as far as the source tells. Empty
    /// where it has none, or where the source does not tell.
    async fn entitled_by(&self, _kind: &Name, _anchor: &Anchor) -> Result<Vec<Entitlement>> {
        Ok(Vec::new())
    }
}

/// How an object came by its right to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entitlement {
    /// Everybody has it.
    Everybody,
    /// It is assigned itself.
    Assigned,
    /// It is a member of an assigned group.
    Group {
        /// The assigned group.
        anchor: Anchor,
        /// The group's name for people.
        name: Option<Name>,
        /// True where it is a member of a group in the assigned one.
        nested: bool,
    },
}
