//! The language as its users see it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod checking;
mod documentation;
mod examples;
mod flowing;
mod functions;
mod fuzzing;
mod generate;
mod parsing;
mod properties;
mod reference;
mod sources;
mod support;
mod vectors;
