//! The binary, as a person at a terminal sees it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod check;
mod conformance;
mod demo;
mod errors;
mod expr;
mod extensions;
mod graph;
mod health;
mod help;
mod import;
mod issuers;
mod nested;
mod notifications;
mod oauth;
mod positions;
mod serve;
mod target;
mod uploads;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

/// What a run of the binary printed and how it ended.
struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// The binary without the variables that a developer may have set.
fn entente(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_entente"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ENTENTE_")) {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}

fn ran(output: Output) -> Ran {
    Ran {
        status: output.status.code().expect("the binary ends by itself"),
        out: String::from_utf8(output.stdout).expect("output is UTF-8"),
        err: String::from_utf8(output.stderr).expect("output is UTF-8"),
    }
}

/// Runs the binary in a folder of its own.
fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    ran(entente(folder.path()).args(arguments).output().expect("the binary starts"))
}
