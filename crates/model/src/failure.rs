//! Why an object could not be provisioned, as codes with arguments; worded when read.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Name;

macro_rules! codes {
    ($(#[$doc:meta])* $enum:ident { $($(#[$variant_doc:meta])* $name:ident => $wire:literal, $advice:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $enum { $($(#[$variant_doc])* $name,)* }

        impl $enum {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as the provisioning log spells it.
            #[must_use]
            pub fn wire(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }

            /// The code that the provisioning log spells so, where there is one.
            #[must_use]
            pub fn of_wire(wire: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.wire() == wire)
            }

            /// What a person can do about it.
            #[must_use]
            pub fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
        }

        impl fmt::Display for $enum {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.wire())
            }
        }
    };
}

codes! {
    /// The provisioning-log codes of failures.
    FailureCode {
        /// The values clash with another object.
        Conflict => "Conflict",
            "Change the clashing value on one side, or match on another attribute.";
        /// Another entry of the target holds a value that must be unique.
        EntryConflict => "EntryConflict",
            "Change the clashing value on one side, or match on another attribute.";
        /// The target throttles.
        TooManyRequests => "TooManyRequests",
            "Nothing: the export is retried by itself. If it goes on, lower RequestsPerSecond or ConcurrentExports.";
        /// No answer in time.
        Timeout => "Timeout", "Nothing: the export is retried by itself. If it goes on, see how busy the target is.";
        /// The target broke the protocol, or the connection broke.
        WebExceptionProtocolError => "WebExceptionProtocolError",
            "Nothing: the export is retried by itself. If it goes on, check the target's address and what stands between.";
        /// The target failed.
        InternalServerError => "InternalServerError",
            "Nothing: the export is retried by itself. If it goes on, look at the target's own log.";
        /// The target refused the credentials.
        Unauthorized => "Unauthorized", "Check the credentials in the secrets and the account's rights at the target.";
        /// Signed in, but without the right.
        InsufficientRights => "InsufficientRights", "Give the account at the target the right to do this.";
        /// Signed in, but not for this object.
        NotPermitted => "NotPermitted", "Give the account at the target the right to do this.";
        /// The target does not know the method.
        MethodNotAllowed => "MethodNotAllowed", "Check the target's address and the operations that it supports.";
        /// The target understood the request and refused its contents.
        UnprocessableEntity => "UnprocessableEntity",
            "Compare the values with what the target accepts, and the PATCH profile with what it supports.";
        /// The target lacks the operation.
        NotImplemented => "NotImplemented", "Choose another PATCH profile, or take the attribute out of the mapping.";
        /// The linked account is gone.
        InvalidAnchor => "InvalidAnchor", "Nothing: the object is matched again, and created if nothing is found.";
        /// A required target attribute has no value.
        MandatoryFieldsMissing => "MandatoryFieldsMissing",
            "Fill the attribute at the source, or give its mapping a default value.";
        /// A value is missing that the export needs.
        MissingValues => "MissingValues", "Fill the attribute at the source, or give its mapping a default value.";
        /// The target does not know the attribute.
        SchemaAttributeNotFound => "SchemaAttributeNotFound", "Correct the mapping's target attribute.";
        /// Several values for an attribute that takes one.
        SchemaPropertyCanOnlyAcceptValue => "SchemaPropertyCanOnlyAcceptValue",
            "Make the mapping's expression give one value of the attribute's type.";
        /// More than one account matches.
        DuplicateTargetEntries => "DuplicateTargetEntries",
            "Remove the double at the target, or match on something unique.";
        /// Another source object holds the matching account.
        DuplicateSourceEntries => "DuplicateSourceEntries",
            "Make the matching attribute unique at the source, or match on something unique.";
        /// The matching attribute is empty at the source.
        ImportSkipped => "ImportSkipped", "Fill the matching attribute at the source.";
        /// A query that should find one object found several.
        MultipleEntriesInResponse => "SystemForCrossDomainIdentityManagementMultipleEntriesInResponse",
            "Check that the target's filter support works: it answered with several objects where one was asked for.";
        /// The target does not behave as its protocol says.
        ServiceIncompatible => "SystemForCrossDomainIdentityManagementServiceIncompatible",
            "Check that the address is the target's SCIM base address, and that the target speaks SCIM 2.0.";
        /// The target refused the credentials.
        InvalidCredentials => "SystemForCrossDomainIdentityManagementInvalidCredentials",
            "Check the credentials in the secrets.";
        /// No licence is left at the target.
        LicenseLimitExceeded => "LicenseLimitExceeded", "Free or buy licences at the target.";
        /// The value's domain is not the target's.
        InvalidDomain => "InvalidDomain", "Use a domain that the target has verified.";
        /// The target does not have this type of object.
        EntityTypeNotSupported => "EntityTypeNotSupported", "Disable the object mapping, or choose another target type.";
        /// A link that a reset forgot was not confirmed by matching: the account is left alone.
        OrphanAfterReset => "OrphanAfterReset",
            "Look at the account at the target: disable or delete it by hand if nobody needs it, or correct the matching \
             attribute so that it is found.";
        /// An expression failed on this object's values.
        ExpressionFailed => "ExpressionEvaluationFailed", "Correct the value at the source, or the mapping's expression.";
        /// A plan was applied, and something else would be done by now.
        PlanStale => "PlanStale", "Look at what would be done by now: make a new plan, or let the next cycle do it.";
        /// Something here went wrong.
        InternalError => "InternalError", "Nothing: the export is retried by itself. If it goes on, look at the log.";
    }
}

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

/// Why an object could not be provisioned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure.
    pub code: FailureCode,
    /// What was seen, naming values and answers, without secrets.
    pub detail: String,
    /// The target attribute at fault, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<Name>,
}

impl Failure {
    /// A failure with its words.
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), attribute: None }
    }

    /// The failure, naming the attribute at fault.
    #[must_use]
    pub fn on(mut self, attribute: impl Into<Name>) -> Self {
        self.attribute = Some(attribute.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        match &self.attribute {
            Some(attribute) => write!(f, " (attribute {attribute})"),
            None => Ok(()),
        }
    }
}
