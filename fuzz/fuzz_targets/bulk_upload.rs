//! See `wire::bulk_upload`.
#![no_main]

#[path = "../wire.rs"]
#[expect(dead_code, reason = "each program runs one of the targets")]
mod wire;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| wire::bulk_upload(octets));
