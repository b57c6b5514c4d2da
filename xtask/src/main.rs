//! Work on the repository itself: benches that print a table, and soaks. The checks of the repository are this crate's tests.

mod bench;
mod graph;
mod soak;
mod table;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", version)]
struct Arguments {
    #[command(subcommand)]
    command: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Measures one part and prints a table. Figures are ratios of one run on one machine wherever that is possible.
    Bench(bench::Arguments),
    /// Does for long what the tests do for seconds.
    Soak(soak::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Chore::Bench(arguments) => bench::run(&arguments),
        Chore::Soak(arguments) => soak::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
