//! The engine with a real store and connectors in memory.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod cycles;
mod failures;
mod flow;
mod intents;
mod model_based;
mod on_demand;
mod recorded;
mod removals;
mod rig;
mod schedule;
mod scoping;
mod stories;
mod unique;
