//! One module per command: its arguments and what it does.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod expr;
pub(crate) mod import;
pub(crate) mod serve;

use std::path::PathBuf;

use clap::Args;

/// What commands that read the configuration have in common.
#[derive(Args)]
pub(crate) struct Common {
    /// The configuration file; entente.toml in the present folder where none is named and that exists.
    #[arg(long, value_name = "FILE", env = "ENTENTE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}
