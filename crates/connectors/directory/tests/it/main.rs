//! The embedded directory as a source and as a target, on a real store.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod conformance;
mod entitlements;
mod factory;
mod follow;
mod full;
mod increments;
mod memberships;
mod target;
mod world;
