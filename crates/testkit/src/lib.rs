//! Rigs of real servers, faulty and recording connectors, and generators: for tests and benches only.

pub mod rig;
