//! The contract between the engine and the code that talks to one kind of directory.
//!
//! A connector is a [`Factory`] that validates a configuration without connecting and then builds a [`Source`], a
//! [`Target`], or both. The words MUST and SHOULD in these docs are what the conformance suite of `testkit` checks.
//! Nothing here decides: a connector reads and writes, and says with a [`class`](ErrorClass) what a failure means.

mod change;
mod error;
mod factory;
mod secrets;
mod source;
mod target;

pub use change::{Change, ChangePage, ChangeRequest, Cursor, ReferencePage, Selection};
pub use error::{ConnectorError, ErrorClass, Result};
pub use factory::{Configuration, ConfigurationError, Factory};
pub use model::change::{AttributeChange, ChangeKind, ChangeSet, ReferenceChange, SourceObject};
pub use secrets::{SecretChanges, SecretKeeper, TokenClient};
pub use source::{Entitlement, Source, SourceCapabilities};
pub use target::{Target, TargetCapabilities, TargetPage, TypeCapabilities};
