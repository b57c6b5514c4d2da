//! See `targets::pattern`.
#![no_main]

#[path = "../targets.rs"]
#[expect(dead_code, reason = "each program runs one of the targets")]
mod targets;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| targets::pattern(octets));
