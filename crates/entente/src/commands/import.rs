//! `entente import`: loads users, groups and memberships from files.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::client::Graph;
use crate::commands::serve;
use crate::import::Import;

/// Where the client's secret is read from: a command line shows in lists of processes.
const SECRET: &str = "ENTENTE_BOOTSTRAP_CLIENT_SECRET";

#[derive(Args)]
#[command(
    after_help = "Each row is a user (it has userPrincipalName), a group (mailNickname) or a membership (group and member).
Users and groups that exist are brought to what their rows say, so an import can be repeated.
The client's secret is read from ENTENTE_BOOTSTRAP_CLIENT_SECRET.

Examples:
  entente import people.csv groups.csv memberships.csv
  entente import --dry-run people.ndjson
  entente import --address https://entente.example.com people.csv"
)]
pub(crate) struct Arguments {
    /// Files: .ndjson, .jsonl or .json with a JSON object in each line, or .csv with a header.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The service.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    address: String,
    /// The tenant's id.
    #[arg(long, value_name = "ID", env = "ENTENTE_TENANT_ID")]
    tenant: Option<String>,
    /// The application id of a client that may write users and groups.
    #[arg(long, value_name = "ID", env = "ENTENTE_BOOTSTRAP_CLIENT_ID")]
    client_id: Option<String>,
    /// What stands between the cells of a CSV file.
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    /// Check all rows and send nothing.
    #[arg(long)]
    dry_run: bool,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [one] if *one != b'"' => Ok(*one),
        _ => Err("give one character, such as ; or \\t".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let import = Import { files: arguments.files.clone(), delimiter: arguments.delimiter };
    let count = import.check()?;
    if arguments.dry_run {
        println!("{count}: every row can be taken");
        return Ok(());
    }
    let tenant = arguments.tenant.clone().context("which tenant? Give --tenant, or set ENTENTE_TENANT_ID")?;
    let client = arguments
        .client_id
        .clone()
        .context("which client? Give --client-id, or set ENTENTE_BOOTSTRAP_CLIENT_ID")?;
    let secret = std::env::var(SECRET).with_context(|| format!("set the client's secret in {SECRET}"))?;
    let graph = Graph::new(arguments.address.trim_end_matches('/'), tenant, client, secret)?;
    serve::to_the_end(async { import.load(&graph, count).await })
}
