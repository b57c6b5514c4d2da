//! People that clients upload to a job (Graph `bulkUpload`) as a source.
//!
//! The store keeps what is known of each person, in the order of their latest uploads; this crate gives it to the
//! engine as objects whose anchor is the `externalId` and whose attributes are named by SCIM paths. It takes no uploads
//! itself and decides nothing about accounts: `active` is an attribute like any other, and everybody who was uploaded
//! is entitled.
//!
//! Invariants:
//! - Between two cursors, everybody who was uploaded is yielded at least once, as then known.
//! - What the latest upload left out is what earlier ones said, but for attributes whose absence
//!   [clears](connector::Selection::clearing).
//! - A call with nothing new asks the store one question and returns the cursor that it was given.

mod definition;
mod factory;
mod person;
mod source;

pub use definition::{DIRECTORY_ID, DIRECTORY_NAME, definition};
pub use factory::InboundFactory;
pub use source::InboundSource;
