//! The embedded directory as a source, on a real store.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod entitlements;
mod factory;
mod follow;
mod full;
mod increments;
mod memberships;
mod world;
