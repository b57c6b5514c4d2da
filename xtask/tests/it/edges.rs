//! Which crate may know which: the rules of docs/ARCHITECTURE.md, over what Cargo resolves.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::root;

/// The crates that decide and describe, without input or output.
const PURE: [&str; 5] = ["model", "expression", "sync", "scim", "graph"];
/// What a pure crate may not name, however far away: runtimes, databases, HTTP clients and servers.
const WORLD: [&str; 18] = [
    "tokio",
    "async-std",
    "smol",
    "mio",
    "rusqlite",
    "libsqlite3-sys",
    "sqlx",
    "sqlx-core",
    "postgres",
    "tokio-postgres",
    "redb",
    "hyper",
    "h2",
    "reqwest",
    "ureq",
    "axum",
    "axum-server",
    "tower-http",
];
/// The only crates that may name a concrete store or connector: the composition root and what measures it.
const COMPOSERS: [&str; 2] = ["entente", "xtask"];

#[test]
fn pure_crates_reach_no_runtime_database_or_http() {
    let workspace = Workspace::read();
    for name in PURE {
        let reached = workspace.reached_from(name);
        let found: Vec<_> = WORLD.iter().filter(|forbidden| reached.contains(**forbidden)).collect();
        assert!(found.is_empty(), "{name} must stay free of input and output, but reaches {found:?}");
    }
}

#[test]
fn only_the_binary_names_concrete_stores_and_connectors() {
    let workspace = Workspace::read();
    for package in workspace.members() {
        let found: Vec<_> = named(package, DependencyKind::Normal)
            .filter(|name| name.starts_with("store-") || name.starts_with("connector-"))
            .collect();
        assert!(
            found.is_empty() || COMPOSERS.contains(&package.name.as_str()),
            "{} names {found:?}; only {COMPOSERS:?} may (others in dev-dependencies alone)",
            package.name
        );
    }
}

#[test]
fn the_engine_never_reaches_the_server_nor_decisions_the_wire() {
    let workspace = Workspace::read();
    for (from, to) in [("engine", "server"), ("sync", "graph"), ("model", "graph"), ("connector", "engine")] {
        assert!(!workspace.reached_from(from).contains(to), "{from} must not depend on {to}");
    }
}

#[test]
fn testkit_is_for_tests_and_benches_alone() {
    let workspace = Workspace::read();
    for package in workspace.members().filter(|package| package.name.as_str() != "xtask") {
        for kind in [DependencyKind::Normal, DependencyKind::Build] {
            assert!(
                named(package, kind).all(|name| name != "testkit"),
                "{} names testkit outside dev-dependencies",
                package.name
            );
        }
    }
}

#[test]
fn nothing_is_built_on_the_binary_or_on_the_chores() {
    let workspace = Workspace::read();
    for package in workspace.members().filter(|package| package.name.as_str() != "xtask") {
        for top in ["xtask", "entente"] {
            assert!(
                package.dependencies.iter().all(|dependency| dependency.name != top),
                "{} depends on {top}",
                package.name
            );
        }
    }
}

/// The names in one of a package's dependency tables.
fn named(package: &Package, kind: DependencyKind) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .filter(move |dependency| dependency.kind == kind)
        .map(|dependency| dependency.name.as_str())
}

/// What Cargo knows of the workspace.
struct Workspace {
    metadata: Metadata,
    /// For each package what it needs to be built and run, tests apart.
    needs: BTreeMap<PackageId, Vec<PackageId>>,
}

impl Workspace {
    fn read() -> Self {
        let metadata = MetadataCommand::new()
            .current_dir(root())
            .other_options(["--filter-platform".to_owned(), "x86_64-unknown-linux-gnu".to_owned()])
            .exec()
            .expect("cargo metadata answers");
        let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves dependencies");
        let needs = resolve
            .nodes
            .iter()
            .map(|node| {
                let normal = node.deps.iter().filter(|dependency| {
                    dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
                });
                (node.id.clone(), normal.map(|dependency| dependency.pkg.clone()).collect())
            })
            .collect();
        Self { metadata, needs }
    }

    fn members(&self) -> impl Iterator<Item = &Package> {
        self.metadata.workspace_packages().into_iter()
    }

    /// The names of all packages that a member needs, directly or not.
    fn reached_from(&self, name: &str) -> BTreeSet<String> {
        let start = self
            .members()
            .find(|package| package.name.as_str() == name)
            .unwrap_or_else(|| panic!("the workspace has no crate {name}"));
        let mut seen = BTreeSet::new();
        let mut waiting = vec![&start.id];
        while let Some(id) = waiting.pop() {
            for need in self.needs.get(id).into_iter().flatten() {
                if seen.insert(need) {
                    waiting.push(need);
                }
            }
        }
        self.metadata
            .packages
            .iter()
            .filter(|package| seen.contains(&package.id))
            .map(|package| package.name.to_string())
            .collect()
    }
}
