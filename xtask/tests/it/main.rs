//! Checks of the repository as a whole.
#![expect(clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod edges;
mod files;
mod fuzzing;
mod words;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}

/// The files that belong to the repository and end in `ending`, relative to its folder: those that git knows and new
/// ones that it does not ignore.
fn files(ending: &str) -> Vec<PathBuf> {
    let pattern = format!("*{ending}");
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", &pattern])
        .current_dir(root())
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    let found: Vec<_> =
        names.split_terminator('\0').map(PathBuf::from).filter(|file| root().join(file).exists()).collect();
    assert!(!found.is_empty(), "no file ends in {ending}");
    found
}

/// The text of a file of the repository.
fn read(file: &Path) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
