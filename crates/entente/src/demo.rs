//! The parts of `entente demo`: a sample organization, its job, and what is printed.

pub(crate) mod fill;
pub(crate) mod job;
pub(crate) mod organization;
pub(crate) mod report;
