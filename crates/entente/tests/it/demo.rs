use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Ran, entente, ran};

/// Columns of a terminal.
const WIDTH: usize = 80;

fn demo(arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    ran(entente(folder.path()).arg("demo").args(arguments).output().unwrap())
}

/// The cells of a table's rows, whose first cell is one of these.
fn rows(text: &str, first: &[&str]) -> Vec<Vec<String>> {
    text.lines()
        .filter(|line| line.starts_with('│'))
        .map(|line| line.trim_matches('│').split('┆').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>())
        .filter(|cells| cells.first().is_some_and(|cell| first.contains(&cell.as_str())))
        .collect()
}

#[test]
fn everybody_is_provisioned_and_then_only_what_changed() {
    let ran = demo(&["--users", "24", "--exit"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    for line in ran.out.lines() {
        assert!(line.chars().count() <= WIDTH, "wider than a terminal: {line}");
    }
    let counts = rows(&ran.out, &["User", "Group"]);
    assert_eq!(counts[0][..6], ["User", "24", "0", "0", "0", "0"], "{}", ran.out);
    assert_eq!(counts[1][..6], ["Group", "2", "0", "0", "0", "0"], "{}", ran.out);

    // The changes that were told are the ones that the second cycle made, and no others.
    let told = |what: &str| {
        let line = ran.out.lines().find_map(|line| line.trim().strip_prefix(what));
        line.unwrap_or_else(|| panic!("no {what} in:\n{}", ran.out)).trim().to_owned()
    };
    let (renamed, _) =
        told("rename ").split_once(" to ").map(|(old, new)| (old.to_owned(), new.to_owned())).unwrap();
    let moved = told("move ");
    let (_, groups) = moved.split_once(" from ").unwrap();
    let (from, to) = groups.split_once(" to ").unwrap();
    let mut touched: Vec<String> = rows(&ran.out, &["created", "updated", "disabled", "deleted", "failed"])
        .iter()
        .map(|cells| format!("{} {}", cells[0], cells[1]))
        .collect();
    touched.sort();
    touched.dedup();
    let mut expected = vec![
        format!("created user {}", told("hire ")),
        format!("disabled user {}", told("disable ")),
        format!("updated user {renamed} (on leave)"),
        format!("updated group {from}"),
        format!("updated group {to}"),
    ];
    expected.sort();
    assert_eq!(touched, expected, "{}", ran.out);
}

#[test]
fn progress_is_told_where_there_is_no_terminal() {
    let ran = demo(&["--users", "10", "--exit"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    for line in ["Sample organization: ", "Initial cycle: ", "Incremental cycle: "] {
        assert!(ran.out.contains(line), "no '{line}' in:\n{}", ran.out);
    }
    assert!(!ran.out.contains('\u{1b}'), "escape sequences without a terminal");
}

#[test]
fn a_folder_that_is_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("entente.db"), "somebody's").unwrap();
    let ran = demo(&["--exit", "--data-dir", folder.path().to_str().unwrap()]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.contains("holds a database already"), "{}", ran.err);
    assert_eq!(fs::read_to_string(folder.path().join("entente.db")).unwrap(), "somebody's");
}

#[test]
fn it_is_left_running_until_it_is_told_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = entente(folder.path())
        .args(["demo", "--users", "10"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut seen = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        seen = seen + &line.unwrap() + "\n";
        if seen.contains("Ctrl-C ends it") {
            break;
        }
    }
    assert!(seen.contains("client secret"), "{seen}");
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let asked = Instant::now();
    let status = child.wait().unwrap();
    assert!(status.success() && asked.elapsed() < Duration::from_secs(10));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "the temporary folder is left behind");
}
