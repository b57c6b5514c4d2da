//! What the engine does by itself: from the embedded directory in a SQLite file to a target in memory.
//!
//! Two sizes of one organization are measured, each step in a process of its own, so that every peak of memory is that
//! of one step. The mappings are those of the template `scim`, the provisioning log is on, everybody is in scope.

mod database;
mod figures;
mod organization;
mod target;
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::ValueEnum;

use self::database::Sizes;
use self::figures::{Cycles, Forgetful};
use crate::graph::Failure;
use crate::table::Table;

/// Users that change between two cycles.
const CHANGES: usize = 1_000;

/// What one process does.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum Step {
    /// Fills a directory and makes a job.
    Fill,
    /// Runs an initial cycle into a target that keeps nothing, so that memory is the engine's.
    Forgetful,
    /// Runs an initial cycle, idle ones, and some after changes.
    Cycles,
}

/// Measures two organizations of so many users.
pub(super) fn run(fewer: usize, users: usize) -> Result<Table, Failure> {
    let small = Measured::of(fewer)?;
    let large = Measured::of(users)?;
    let (left, right) = (format!("{} users", small.users), format!("{} users", large.users));
    let mut table = Table::new(["engine alone", &left, &right, "ratio"]);
    for ((name, one), (_, other)) in small.rows().into_iter().zip(large.rows()) {
        let digits = usize::from(one.max(other) < 100.0);
        let ratio = format!("{:.2}", other / one);
        table.row([name.to_owned(), format!("{one:.digits$}"), format!("{other:.digits$}"), ratio]);
    }
    Ok(table)
}

/// Does one step in this process and prints its figures for the process that began it.
pub(super) fn step(step: Step, folder: &Path, users: usize) -> Result<(), Failure> {
    let figures = match step {
        Step::Fill => {
            world::run(organization::fill(folder, users))?;
            serde_json::Value::Null
        }
        Step::Forgetful => serde_json::to_value(world::run(figures::forgetful(folder))?)?,
        Step::Cycles => serde_json::to_value(world::run(figures::cycles(folder, users, CHANGES))?)?,
    };
    println!("{figures}");
    Ok(())
}

/// The figures of one organization.
struct Measured {
    users: usize,
    forgetful: Forgetful,
    cycles: Cycles,
    /// Octets per object that the initial cycle stored.
    stored: Sizes,
}

impl Measured {
    fn of(users: usize) -> Result<Self, Failure> {
        let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
        let [first, second] = folders.each_ref().map(tempfile::TempDir::path);
        child(Step::Fill, first, users)?;
        std::fs::copy(world::database(first), world::database(second))?;
        let before = Sizes::of(&world::database(first))?;
        let forgetful = serde_json::from_slice(&child(Step::Forgetful, first, users)?)?;
        let after = Sizes::of(&world::database(first))?;
        let cycles: Cycles = serde_json::from_slice(&child(Step::Cycles, second, users)?)?;
        Ok(Self { users, forgetful, stored: after.since(&before).per(cycles.objects), cycles })
    }

    fn rows(&self) -> Vec<(&'static str, f64)> {
        let Self { cycles, stored, forgetful, .. } = self;
        vec![
            ("objects (users and groups)", cycles.objects),
            ("references (managers and members)", cycles.references),
            ("initial cycle, objects/s", cycles.objects / cycles.initial_seconds),
            ("  requests at the target per second", cycles.initial_requests / cycles.initial_seconds),
            ("  directory writes meanwhile, p99 ms", cycles.write_p99_ms),
            ("  into a target that keeps nothing, objects/s", cycles.objects / forgetful.seconds),
            ("    processor time per object, µs", forgetful.all_seconds * 1e6 / cycles.objects),
            ("    of it the thread that writes, µs", forgetful.writing_seconds * 1e6 / cycles.objects),
            ("    peak memory, MiB", forgetful.peak_mib),
            ("  stored per object, bytes", stored.all()),
            ("    of them entries", stored.entries),
            ("    of them edges", stored.edges),
            ("    of them provisioning log", stored.log),
            ("cycle with nothing changed, median ms", cycles.idle_median_ms),
            ("  the slowest of them, ms", cycles.idle_slowest_ms),
            ("cycle after 1,000 changes, median ms", cycles.changes_median_ms),
            ("  the slowest of them, ms", cycles.changes_slowest_ms),
            ("  into a target that takes 1 ms to answer", cycles.changes_slow_target_ms),
            ("  processor time per change, µs", cycles.change_all_seconds * 1e6),
            ("    of it the thread that writes, µs", cycles.change_writing_seconds * 1e6),
        ]
    }
}

/// Runs a step in a process of its own and returns what it prints.
fn child(step: Step, folder: &Path, users: usize) -> Result<Vec<u8>, Failure> {
    let program: PathBuf = std::env::current_exe()?;
    let name = step.to_possible_value().ok_or("a step has a name")?;
    let output = Command::new(program)
        .args(["bench", "engine", "--users", &users.to_string(), "--step", name.get_name()])
        .arg("--folder")
        .arg(folder)
        .stderr(Stdio::inherit())
        .output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("the step {} failed", name.get_name()).into())
    }
}
