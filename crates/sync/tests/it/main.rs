//! The decision core, tested as tables.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod compile;
mod decide;
mod flow;
mod policies;
mod settle;
mod unique;
mod world;
