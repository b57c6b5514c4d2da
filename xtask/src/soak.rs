//! Soaks: what the tests do for seconds, done for as long as is asked for.

use std::path::Path;
use std::process::Command;

use crate::graph::Failure;

/// Which soak, and how long.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    soak: Soak,
}

#[derive(clap::Subcommand)]
enum Soak {
    /// Simulated processes that crash anywhere, compared with a model of the rules. A seed always gives the same trial.
    Model {
        /// How many seeds are tried.
        #[arg(long, default_value_t = 10_000)]
        seeds: u64,
        /// The first of them.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// `kill -9` at random moments of a cycle into a real SCIM server.
    Crash {
        /// How often.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=1000))]
        kills: u32,
    },
}

/// Runs a soak; fails where it fails.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.soak {
        Soak::Model { seeds, from } => {
            let mut command = cargo();
            command.args([
                "test",
                "--quiet",
                "--locked",
                "--package",
                "engine",
                "--test",
                "it",
                "--",
                "--exact",
            ]);
            command.arg("model_based::the_target_is_what_the_model_says");
            command.env("ENTENTE_SEEDS", format!("{from}..{}", from.saturating_add(seeds)));
            succeed(command)
        }
        Soak::Crash { kills } => {
            let mut build = cargo();
            build.args(["build", "--quiet", "--locked", "--bin", "entente"]);
            succeed(build)?;
            let mut command = Command::new(root().join(".venv/bin/python"));
            command.args(["-m", "pytest", "-q", "tests/sdk/test_crash.py"]);
            command
                .env("ENTENTE_KILLS", kills.to_string())
                .env("ENTENTE_BIN", root().join("target/debug/entente"));
            succeed(command)
        }
    }
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo() -> Command {
    Command::new(env!("CARGO"))
}

fn succeed(mut command: Command) -> Result<(), Failure> {
    let status = command.current_dir(root()).status().map_err(|error| {
        format!("cannot start {}: {error} (./test makes .venv)", command.get_program().to_string_lossy())
    })?;
    if status.success() { Ok(()) } else { Err("the soak failed".into()) }
}
