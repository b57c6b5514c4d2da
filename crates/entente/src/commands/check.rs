//! `entente check`: says whether the configuration holds.

use std::env;
use std::fmt::Write as _;

use anyhow::{Result, bail};
use clap::Args;

use crate::commands::Common;
use crate::configuration::{self, FILE, ISSUER_FIELDS, KEYS, Place};

#[derive(Args)]
#[command(after_help = "Examples:
  entente check
  entente check --config /etc/entente/entente.toml
  entente check --keys > configuration.md")]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Prints the reference page of all keys, and reads nothing.
    #[arg(long)]
    keys: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.keys {
        print!("{}", reference());
        return Ok(());
    }
    let reading = configuration::read(arguments.common.config.as_deref(), env::vars_os(), &[]);
    for note in &reading.notes {
        eprintln!("note: {note}");
    }
    for problem in &reading.problems {
        eprintln!("{problem}");
    }
    match reading.problems.len() {
        0 => {}
        1 => bail!("the configuration has 1 problem"),
        many => bail!("the configuration has {many} problems"),
    }
    match &reading.file {
        Some(path) => println!("{} is in order. What holds:", path.display()),
        None => println!("There is no {FILE} here. What holds:"),
    }
    let shown: Vec<(String, String)> = reading
        .values
        .iter()
        .map(|(key, text, place)| {
            let text = match (text, place) {
                (_, Place::Default) => key.default.to_owned(),
                (Some(text), _) => text.clone(),
                (None, _) => "(secret)".to_owned(),
            };
            (format!("{} = {text}", key.name), place.to_string())
        })
        .collect();
    let width = shown.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    for (left, place) in shown {
        println!("  {left:<width$}  {place}");
    }
    Ok(())
}

/// The reference page, in Markdown.
fn reference() -> String {
    let mut page = format!(
        "# Configuration\n\n\
         Values come from the file `{FILE}`, from environment variables, and from options of the command line. A \
         variable wins over the file, an option over both. `entente check` tells what is wrong, and which value holds.\n\n\
         This page is made by `entente check --keys`.\n"
    );
    for key in KEYS {
        let name = if key.secret { String::new() } else { format!("`{}` in the file; ", key.name) };
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {}\n{}\n\n- Written as: {name}`{}`{}\n- Default: {}\n",
            key.name,
            key.about,
            key.variable,
            key.option.map_or_else(String::new, |option| format!("; `--{option}`")),
            key.default,
        );
        if key.name == "trusted_issuers" {
            page.push_str("\nA table has these keys; the variable holds the whole list as it would stand in the file.\n\n| key | what it is | default |\n|---|---|---|\n");
            for field in ISSUER_FIELDS {
                let _ = writeln!(page, "| `{}` | {} | {} |", field.name, field.about, field.default);
            }
        }
    }
    page
}
