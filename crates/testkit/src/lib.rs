//! Rigs of real servers, faulty and recording connectors, suites that stores and connectors must pass, and generators:
//! for tests and benches only.

pub mod clock;
pub mod connector_suite;
pub mod faults;
pub mod memory_source;
pub mod memory_target;
pub mod people;
pub mod recording;
pub mod rig;
pub mod simulation;
pub mod store_load;
pub mod store_suite;

pub use clock::{SeededEntropy, SimulatedClock};
pub use faults::{Calls, Fault, Faults, Gate, Method};
pub use memory_source::MemorySource;
pub use memory_target::MemoryTarget;
pub use recording::{Call, RecordingTarget, SharedFactory};
pub use simulation::Simulation;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that is taken even where a test panicked while it held it: what it guards is still of use.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
