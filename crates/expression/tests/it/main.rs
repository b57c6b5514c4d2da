//! The language as its users see it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod examples;
mod support;
mod vectors;
