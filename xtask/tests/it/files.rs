//! What holds for every file: lints are on, files stay short, nothing is left unfinished or unnamed.

use std::path::Path;

use crate::{files, read};

/// No Rust file is longer, tests apart.
const LINES: usize = 800;

/// Whether a Rust file holds tests alone.
fn is_test(file: &Path) -> bool {
    file.iter().any(|part| part == "tests" || part == "tests.rs" || part == "benches")
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for file in files("Cargo.toml") {
        let text = read(&file);
        if text.contains("[package]") {
            assert!(
                text.contains("[lints]\nworkspace = true"),
                "{}: add\n[lints]\nworkspace = true",
                file.display()
            );
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for file in files(".rs").iter().filter(|file| !is_test(file)) {
        let lines = read(file).lines().count();
        assert!(lines <= LINES, "{} has {lines} lines; {LINES} is the end: divide it", file.display());
    }
}

#[test]
fn nothing_is_left_unfinished_or_silenced() {
    // Put together here, so that this file does not contain them.
    let marks = [("todo", "!("), ("unimplemented", "!("), ("#[", "allow("), ("#![", "allow("), ("FIX", "ME")];
    for file in files(".rs") {
        let text = read(&file);
        for (number, line) in text.lines().enumerate() {
            for (head, tail) in marks {
                let mark = format!("{head}{tail}");
                assert!(!line.contains(&mark), "{}:{}: {mark}", file.display(), number + 1);
            }
        }
    }
}

#[test]
fn the_architecture_page_names_every_crate() {
    let page = read(Path::new("docs/ARCHITECTURE.md"));
    for file in files("Cargo.toml") {
        let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) else { continue };
        let name = format!("`{}`", folder.display());
        assert!(page.contains(&name), "docs/ARCHITECTURE.md does not mention {name}");
    }
}
