//! What the README tells people to type can be typed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{read, root};

/// The programs that a line of a guide may start with.
const PROGRAMS: [&str; 4] = ["cargo ", "./", "entente ", "target/"];

#[test]
fn the_readme_names_the_two_commands() {
    let lines = command_lines();
    for wanted in ["cargo run --release -- demo", "./test"] {
        assert!(lines.iter().any(|line| line.starts_with(wanted)), "README.md does not show `{wanted}`");
    }
}

#[test]
fn programs_and_subcommands_in_the_readme_exist() {
    let binary = binary();
    let mut seen = BTreeSet::new();
    for line in command_lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("./test") => assert!(root().join("test").exists(), "{line}"),
            Some("cargo") if !line.contains(" -- ") => {}
            Some(_) => {
                let after = line
                    .split_once(" -- ")
                    .map_or_else(|| words.next(), |(_, rest)| rest.split_whitespace().next());
                let subcommand = after.unwrap_or_else(|| panic!("no subcommand: {line}")).to_owned();
                if seen.insert(subcommand.clone()) {
                    let help = Command::new(&binary)
                        .args([&subcommand, "--help"])
                        .output()
                        .expect("the binary runs");
                    assert!(help.status.success(), "`{line}`: there is no subcommand {subcommand}");
                }
            }
            None => {}
        }
    }
    assert!(seen.contains("demo"), "README.md shows no command of the binary");
}

/// The command lines in README's code blocks, without a prompt, environment variables or a comment.
fn command_lines() -> Vec<String> {
    let text = read(Path::new("README.md"));
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            continue;
        }
        let indented = line.starts_with("    ");
        let line = line.trim().trim_start_matches("$ ");
        if (inside || indented)
            && PROGRAMS.iter().any(|program| line.starts_with(program) || line == program.trim())
        {
            found.push(line.split(" #").next().unwrap_or(line).trim().to_owned());
        }
    }
    found
}

/// The binary that lies beside this test, built where it is missing.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its place");
    let folder = test.parent().and_then(Path::parent).expect("tests lie in deps");
    let binary = folder.join("entente");
    if !binary.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--package", "entente"])
            .current_dir(root())
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the binary does not build");
    }
    binary
}
