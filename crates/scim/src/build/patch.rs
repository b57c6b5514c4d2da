//! Edits of a resource, and the forms in which PATCH requests say them.

use model::Value;

use super::{BuildError, rfc7644};
use crate::message::PatchRequest;
use crate::path::Path;
use crate::schema::ResourceSchema;

/// One change of one attribute of an existing resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What changes.
    pub path: Path,
    /// How it changes.
    pub kind: EditKind,
    /// True where the target has something at the path, as [`super::has_value`] says it. Services refuse to replace
    /// what is not there when the path has a filter.
    pub exists: bool,
}

/// How an attribute changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditKind {
    /// The value replaces what is there; null removes it.
    Set(Value),
    /// The values join what is there.
    Add(Value),
    /// The values leave a multi-valued attribute.
    Remove(Value),
}

/// The form of PATCH requests that a target understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatchProfile {
    /// As RFC 7644 §3.5.2 says: lower-case operations, JSON types, one operation per path, and one per removed value.
    #[default]
    Rfc7644,
}

impl PatchProfile {
    /// The request that makes the edits; none where there is nothing to do.
    pub fn request(
        self,
        edits: &[Edit],
        schema: &ResourceSchema,
    ) -> Result<Option<PatchRequest>, BuildError> {
        let operations = match self {
            Self::Rfc7644 => rfc7644::operations(edits, schema)?,
        };
        Ok((!operations.is_empty()).then(|| PatchRequest::new(operations)))
    }
}
