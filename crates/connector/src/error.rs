use std::time::Duration;

use model::{FailureCode, Name};
use thiserror::Error;

/// The result of asking a connector for something.
pub type Result<T> = std::result::Result<T, ConnectorError>;

/// What a failure means for the engine; one class, one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// Passing trouble: the same request may succeed later. A write MAY have taken effect.
    Retry {
        /// How long the other side asked to wait.
        after: Option<Duration>,
    },
    /// The other side throttles. A write MUST NOT have taken effect.
    Throttled {
        /// How long the other side asked to wait.
        after: Option<Duration>,
    },
    /// Another object holds a value that must be unique. A write MUST NOT have taken effect.
    Conflict,
    /// The object does not exist.
    NotFound,
    /// The other side refused the contents of this request.
    Invalid {
        /// The attribute at fault, where one is known.
        attribute: Option<Name>,
    },
    /// The credentials were refused.
    Unauthorized,
    /// The other side cannot be reached, or is not what the configuration says. A write MAY have taken effect.
    Unavailable,
    /// Repeating the request would not help.
    Permanent,
    /// A source's cursor is no longer known there: a full read is needed.
    CursorRefused,
}

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
}
