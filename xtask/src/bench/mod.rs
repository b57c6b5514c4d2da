//! The benches, by name.

mod connections;
mod directory;
mod discovery;
mod engine;
mod expressions;
mod latency;
mod logs;
mod reads;
mod scim;
mod upload;

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use crate::graph::Failure;

/// Which bench, and how large.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What is measured.
    name: Name,
    /// How many users, accounts, or records of a log; each bench has its own default.
    #[arg(long, visible_alias = "accounts")]
    users: Option<usize>,
    /// How many requests are in flight.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    concurrency: u16,
    /// What a process that the bench `engine` begins does.
    #[arg(long, hide = true, requires = "folder")]
    step: Option<engine::Step>,
    /// Where it does it.
    #[arg(long, hide = true)]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Name {
    /// Reads of one user while 10,000 connections, or as many as `--users` says, do nothing.
    Connections,
    /// People loaded by `entente import`, then `$filter`, `$search`, delta queries and pages of them.
    Directory,
    /// Accounts of a real SCIM server read by account discovery, against a bare paging loop at the same server.
    Discovery,
    /// Cycles from the embedded directory to a target in memory, for one organization and for one ten times as large.
    Engine,
    /// Mappings evaluated in one thread: nanoseconds and allocations for each.
    Expressions,
    /// Pages of a provisioning log and of an audit log, and of those ten times as long.
    Logs,
    /// Reads of one user, 1,000 a second, while an initial cycle runs into a real SCIM server.
    Reads,
    /// As `engine`, for 10,000 users and for 1,000,000 with a group of 100,000: what must not grow with the directory.
    Scale,
    /// An initial cycle into a real SCIM server, against a plain load generator at the same server.
    Scim,
    /// People uploaded with `bulkUpload`, fifty a request: how many a second are kept durably.
    Upload,
}

/// Runs one bench and prints its table.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let concurrency = usize::from(arguments.concurrency);
    if let (Some(step), Some(folder)) = (arguments.step, &arguments.folder) {
        return engine::step(step, folder, arguments.users.unwrap_or_default());
    }
    match arguments.name {
        Name::Connections => print!("{}", connections::run(arguments.users.unwrap_or(10_000))?),
        Name::Directory => {
            for table in directory::run(arguments.users.unwrap_or(100_000))? {
                println!("{table}");
            }
        }
        Name::Discovery => print!("{}", discovery::run(arguments.users.unwrap_or(250_000))?),
        Name::Logs => print!("{}", logs::run(arguments.users.unwrap_or(1_000_000))?),
        Name::Reads => print!("{}", reads::run(arguments.users.unwrap_or(5_000), concurrency)?),
        Name::Engine => {
            let users = arguments.users.unwrap_or(100_000);
            print!("{}", engine::run(users.div_ceil(10), users)?);
        }
        Name::Scale => print!("{}", engine::run(10_000, arguments.users.unwrap_or(1_000_000))?),
        Name::Expressions => print!("{}", expressions::run()?),
        Name::Upload => print!("{}", upload::run(arguments.users.unwrap_or(50_000), concurrency)?),
        Name::Scim => print!("{}", scim::run(arguments.users.unwrap_or(2_000), concurrency)?),
    }
    Ok(())
}

/// Builds the binary as people run it, and tells where it is.
fn release_binary() -> Result<PathBuf, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let arguments = ["build", "--release", "--locked", "--package", "entente"];
    let status = Command::new(env!("CARGO")).args(arguments).current_dir(&root).status()?;
    if status.success() {
        Ok(root.join("target/release/entente"))
    } else {
        Err("entente does not build".into())
    }
}
