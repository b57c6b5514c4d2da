//! The binary: commands, configuration, templates, and the place where stores, connectors, the engine and the server
//! are put together. No other crate names a concrete store or connector.

mod client;
mod commands;
mod configuration;
mod data_dir;
mod demo;
mod development;
mod guard;
mod import;
mod installation;
mod issuers;
mod listening;
mod log;
mod notifications;
mod progress;
mod signing_keys;
mod templates;
mod tls;
mod upkeep;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Keeps the accounts, groups and roles of many systems in step with one source of truth.
#[derive(Parser)]
#[command(name = "entente", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the service until it is told to end.
    Serve(commands::serve::Arguments),
    /// Shows what Entente does: a sample organization is provisioned into a sample application.
    Demo(commands::demo::Arguments),
    /// Checks the configuration and shows what holds, without starting anything.
    Check(commands::check::Arguments),
    /// Evaluates an expression of an attribute mapping, without a server.
    Expr(commands::expr::Arguments),
    /// Loads users, groups and memberships from files into a running service.
    Import(commands::import::Arguments),
}

/// Ended without doing what was asked.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    tls::install_provider();
    let outcome = match Cli::parse().command {
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Check(arguments) => commands::check::run(&arguments),
        Command::Expr(arguments) => commands::expr::run(&arguments),
        Command::Import(arguments) => commands::import::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("entente: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}
