use model::{Name, Uuid};
use store::{ObjectKind, StoreError};
use thiserror::Error;

/// The result of asking the directory for something.
pub type Result<T> = std::result::Result<T, DirectoryError>;

/// Why the directory refused.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// An object that is asked for, or referred to, does not exist or is in the bin.
    #[error("{what} '{id}' does not exist")]
    NotFound {
        /// The kind of thing, such as `user`.
        what: &'static str,
        /// The identifier that was asked for.
        id: String,
    },
    /// A property would break what must hold of the directory.
    #[error("property {property} {reason}")]
    Invalid {
        /// The property, as Graph spells it.
        property: Name,
        /// What is wrong and what would be right; continues the sentence "property x …".
        reason: String,
    },
    /// The object belongs to the service itself.
    #[error("{0}")]
    Protected(&'static str),
    /// The store's answer: a clash, a version that is not the newest, or trouble.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DirectoryError {
    pub(crate) fn invalid(property: impl Into<Name>, reason: impl Into<String>) -> Self {
        Self::Invalid { property: property.into(), reason: reason.into() }
    }

    pub(crate) fn absent(kind: ObjectKind, id: Uuid) -> Self {
        Self::NotFound { what: noun(kind), id: id.to_string() }
    }
}

/// A kind as messages name it.
pub(crate) fn noun(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::User => "user",
        ObjectKind::Group => "group",
        ObjectKind::Application => "application",
        ObjectKind::ServicePrincipal => "service principal",
    }
}
