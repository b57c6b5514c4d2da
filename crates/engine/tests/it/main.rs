//! The engine with a real store and connectors in memory.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod cycles;
mod failures;
mod intents;
mod flow;
mod model_based;
mod on_demand;
mod recorded;
mod removals;
mod rig;
mod schedule;
mod stories;
mod scoping;
mod unique;
