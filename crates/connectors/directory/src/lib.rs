//! The embedded directory as a [`connector::Source`] and as a [`connector::Target`]: users and groups with the attribute
//! names that synchronization schemas use, full reads by id, and increments from the directory's change feed.
//!
//! What this crate knows and no other does: how a property of the directory becomes an attribute
//! ([`definition()`] lists them), and which objects an entry of the change feed concerns, those among them whose right
//! to the application changed because an assignment, a membership or a group in between did. It decides nothing about
//! accounts: binned and unassigned objects are yielded as such. What a job writes here does not start that job again.
//!
//! Invariants:
//! - Between two cursors, every object whose attributes, entitlement or roles changed is yielded at least once, as it
//!   is when its page is read.
//! - Groups are expanded in pages through the cursor; memory is bounded by the page size.
//! - A call with nothing new asks the store one question and returns the cursor that it was given.

mod attributes;
mod cursor;
mod definition;
mod entitled;
mod factory;
mod full;
mod increment;
mod source;
mod target;
mod writing;

pub use cursor::feed_number;
pub use definition::{DIRECTORY_ID, DIRECTORY_NAME, definition};
pub use factory::DirectoryFactory;
pub use source::DirectorySource;
pub use target::DirectoryTarget;
