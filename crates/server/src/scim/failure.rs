//! Why a request has no answer.

use directory::DirectoryError;
use scim::{Error, ScimType};
use store::StoreError;

use super::mapping::attribute_of;

/// A SCIM error, with what its answer's headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// Seconds for `Retry-After`.
    pub(super) retry_after: Option<u64>,
    /// Methods for `Allow`.
    pub(super) allow: Option<&'static str>,
}

pub(super) type Result<T> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, retry_after: None, allow: None }
    }
}

impl Failure {
    pub(super) fn new(status: u16, detail: impl Into<String>) -> Self {
        Error::new(status, None, detail).into()
    }

    /// A value that cannot be taken. The words begin with the attribute.
    pub(super) fn invalid_value(detail: impl Into<String>) -> Self {
        Error::bad_request(ScimType::InvalidValue, detail).into()
    }

    pub(super) fn invalid_filter(detail: impl Into<String>) -> Self {
        Error::bad_request(ScimType::InvalidFilter, detail).into()
    }

    /// A body that is not what was expected.
    pub(super) fn invalid_syntax(detail: impl Into<String>) -> Self {
        Error::bad_request(ScimType::InvalidSyntax, detail).into()
    }

    /// No resource is there.
    pub(super) fn not_found(resource: &str) -> Self {
        Self::new(404, format!("Resource {resource} not found."))
    }

    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let failure = Self::new(405, format!("This address takes {allow} alone."));
        Self { allow: Some(allow), ..failure }
    }

    /// The resource is not the one that `If-Match` names.
    pub(super) fn precondition_failed() -> Self {
        Self::new(412, "The resource was changed since the version that If-Match names. Read it again.")
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(413, format!("The body is larger than {limit} octets. Send less at once."))
    }

    /// Others write to the same resource all the time.
    pub(super) fn busy() -> Self {
        let failure = Self::new(503, "The resource is being changed by others. Send the request again.");
        Self { retry_after: Some(1), ..failure }
    }

    pub(super) fn internal() -> Self {
        Self::new(500, "The service failed. Its log says why; sending the request again may help.")
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound { id, .. } => Self::not_found(&id),
            DirectoryError::Invalid { property, reason } => {
                Self::invalid_value(format!("{} {reason}", attribute_of(&property)))
            }
            DirectoryError::Protected(words) => Self::new(403, words),
            DirectoryError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { id, .. } => Self::not_found(&id),
            StoreError::Duplicate { property, value } => {
                let detail = format!(
                    "{} must be unique, and another resource has it already: {property} is '{value}'.",
                    attribute_of(&property)
                );
                Error::new(409, Some(ScimType::Uniqueness), detail).into()
            }
            StoreError::VersionMismatch | StoreError::RelationExists { .. } => Self::busy(),
            trouble @ (StoreError::Fenced
            | StoreError::TooLarge { .. }
            | StoreError::TooNew { .. }
            | StoreError::Corrupt(_)
            | StoreError::Unavailable(_)) => {
                tracing::error!(error = %trouble, "the store failed");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_directory_refuses_names_the_attribute() {
        let invalid =
            DirectoryError::Invalid { property: "surname".into(), reason: "is too long".to_owned() };
        let failure = Failure::from(invalid);
        assert_eq!(failure.error, Error::bad_request(ScimType::InvalidValue, "familyName is too long"));
        let taken = StoreError::Duplicate { property: "userPrincipalName".into(), value: "a@b".to_owned() };
        let error = Failure::from(taken).error;
        assert_eq!((error.status, error.scim_type), (409, Some(ScimType::Uniqueness)));
        assert!(error.detail.starts_with("userName") && error.detail.contains("a@b"), "{}", error.detail);
    }

    #[test]
    fn trouble_below_tells_nothing() {
        let error = Failure::from(StoreError::Unavailable("/data/entente.db is locked".to_owned())).error;
        assert_eq!(error.status, 500);
        assert!(!error.detail.contains("entente.db"));
    }
}
