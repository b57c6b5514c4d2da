//! The parts of `entente demo`: a sample organization, a plain client of the Graph API, and what is printed.

pub(crate) mod fill;
pub(crate) mod graph;
pub(crate) mod job;
pub(crate) mod organization;
pub(crate) mod progress;
pub(crate) mod report;
