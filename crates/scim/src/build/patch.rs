//! Edits of a resource, and the forms in which PATCH requests say them.

use model::Value;

use super::entra::{self, Dialect};
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

/// The form of the requests that a target understands.
///
/// The two profiles of Microsoft Entra repeat the requests of its provisioning service as its public pages show them
/// ("Known issues and resolutions with SCIM 2.0 protocol compliance", "Develop and plan provisioning for a SCIM
/// endpoint"), so that an endpoint can be tried against them; they differ from the RFC in what [`super::entra_resource`]
/// and [`Self::equality`] say, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PatchProfile {
    /// As RFC 7644 §3.5.2 says: lower-case operations, JSON types, one operation per path, and one per removed value.
    #[default]
    Rfc7644,
    /// As Entra sends them to an address with the flag `aadOptscim062020`: lower-case operations, JSON types, several
    /// plain attributes in one operation without a path, whose value has their paths as its keys.
    AadOptScim062020,
    /// As Entra sends them to an address without a flag, or with `AzureAdScimPatch2017`: `Add`, `Replace` and
    /// `Remove`, simple values as texts, removed members in the operation's value.
    AzureAdScimPatch2017,
}

impl PatchProfile {
    /// All profiles.
    pub const ALL: [Self; 3] = [Self::Rfc7644, Self::AadOptScim062020, Self::AzureAdScimPatch2017];

    /// The profile's name in settings; for those of Entra also the flag in an address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rfc7644 => "rfc7644",
            Self::AadOptScim062020 => "aadOptscim062020",
            Self::AzureAdScimPatch2017 => "AzureAdScimPatch2017",
        }
    }

    /// True for the profiles of Microsoft Entra.
    #[must_use]
    pub fn is_entra(self) -> bool {
        self != Self::Rfc7644
    }

    /// The request that makes the edits; none where there is nothing to do.
    pub fn request(
        self,
        edits: &[Edit],
        schema: &ResourceSchema,
    ) -> Result<Option<PatchRequest>, BuildError> {
        let operations = match self {
            Self::Rfc7644 => rfc7644::operations(edits, schema)?,
            Self::AadOptScim062020 => entra::operations(edits, schema, Dialect::Flagged)?,
            Self::AzureAdScimPatch2017 => entra::operations(edits, schema, Dialect::Unflagged)?,
        };
        Ok((!operations.is_empty()).then(|| PatchRequest::new(operations)))
    }

    /// The filter that finds resources by a value: in the RFC's form, or as Entra writes it, with the mapping's own
    /// path before the operator, `emails[type eq "work"].value eq "x"`, which no RFC knows.
    pub fn equality(self, path: &Path, value: &Value, schema: &ResourceSchema) -> Result<String, BuildError> {
        match self {
            Self::Rfc7644 => Ok(super::equality(path, value, schema)?.to_string()),
            _ => super::search::plain_equality(path, value, schema),
        }
    }
}
