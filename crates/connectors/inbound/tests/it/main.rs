//! Uploads as a source, on a real store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod attributes;
mod conformance;
mod factory;
mod reads;
mod world;
