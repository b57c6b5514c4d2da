pub use model::failure::ErrorClass;
use model::{Failure, FailureCode, Name};
use thiserror::Error;

/// The result of asking a connector for something.
pub type Result<T> = std::result::Result<T, ConnectorError>;

/// A failure of a connector: what it means, what it is called, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct ConnectorError {
    /// What the failure means for the engine.
    pub class: ErrorClass,
    /// What the provisioning log calls it.
    pub code: FailureCode,
    /// What was asked and what was seen, in words a person can act on, shortened and without secrets.
    pub detail: String,
}

impl ConnectorError {
    /// A failure of a class, under the class's own code.
    pub fn new(class: ErrorClass, detail: impl Into<String>) -> Self {
        let code = match &class {
            ErrorClass::Retry { .. } | ErrorClass::CursorRefused => FailureCode::WebExceptionProtocolError,
            ErrorClass::Throttled { .. } => FailureCode::TooManyRequests,
            ErrorClass::Conflict => FailureCode::EntryConflict,
            ErrorClass::NotFound => FailureCode::InvalidAnchor,
            ErrorClass::Invalid { .. } | ErrorClass::Permanent => FailureCode::UnprocessableEntity,
            ErrorClass::Unauthorized => FailureCode::InvalidCredentials,
            ErrorClass::Unavailable => FailureCode::ServiceIncompatible,
        };
        Self { class, code, detail: detail.into() }
    }

    /// The failure under a more telling code.
    #[must_use]
    pub fn code(mut self, code: FailureCode) -> Self {
        self.code = code;
        self
    }

    /// The attribute at fault, where one is known.
    #[must_use]
    pub fn attribute(&self) -> Option<&Name> {
        match &self.class {
            ErrorClass::Invalid { attribute } => attribute.as_ref(),
            _ => None,
        }
    }

    /// True where asking again soon is sensible.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.class, ErrorClass::Retry { .. } | ErrorClass::Throttled { .. })
    }

    /// True where a write may have taken effect although it failed, so that it must be looked up before it is repeated.
    #[must_use]
    pub fn may_have_taken_effect(&self) -> bool {
        matches!(self.class, ErrorClass::Retry { .. } | ErrorClass::Unavailable)
    }

    /// The failure as the provisioning log keeps it.
    #[must_use]
    pub fn failure(&self) -> Failure {
        Failure { code: self.code, detail: self.detail.clone(), attribute: self.attribute().cloned() }
    }
}
