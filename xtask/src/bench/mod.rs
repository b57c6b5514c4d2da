//! The benches, by name.

mod scim;

use clap::ValueEnum;

use crate::graph::Failure;

/// Which bench, and how large.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What is measured.
    name: Name,
    /// How many users; each bench has its own default.
    #[arg(long)]
    users: Option<usize>,
    /// How many requests are in flight.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// An initial cycle into a real SCIM server, against a plain load generator at the same server.
    Scim,
}

/// Runs one bench and prints its table.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let concurrency = usize::from(arguments.concurrency);
    match arguments.name {
        Name::Scim => print!("{}", scim::run(arguments.users.unwrap_or(2_000), concurrency)?),
    }
    Ok(())
}
