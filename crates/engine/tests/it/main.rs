//! The engine with a real store and connectors in memory.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod cycles;
mod discovery;
mod drift;
mod explain;
mod failures;
mod flow;
mod intents;
mod lifecycle;
mod model_based;
mod moved;
mod on_demand;
mod pages;
mod plan;
mod policies;
mod quiet;
mod recorded;
mod redaction;
mod references;
mod removals;
mod restart;
mod review;
mod rig;
mod schedule;
mod scoping;
mod stories;
mod trust;
mod unique;
