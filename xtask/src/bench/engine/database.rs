//! How large the database is, and what it is made of.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::graph::Failure;

/// Octets in the database's pages by what they hold.
pub(super) struct Sizes {
    /// Links and what they are keyed by.
    pub(super) entries: f64,
    /// Reference edges.
    pub(super) edges: f64,
    /// The provisioning log.
    pub(super) log: f64,
    /// All else that a job writes, pages that are free again among it.
    rest: f64,
}

impl Sizes {
    /// The sizes in a database that nobody has open.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut sizes = Self { entries: 0.0, edges: 0.0, log: 0.0, rest: 0.0 };
        let mut statement = connection.prepare("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            let name = name.trim_start_matches("sqlite_autoindex_");
            let is_of = |tables: &[&str]| tables.iter().any(|table| name.starts_with(table));
            let place = if is_of(&["object", "entry", "managed"]) {
                &mut sizes.entries
            } else if is_of(&["edge"]) {
                &mut sizes.edges
            } else if is_of(&["provisioning"]) {
                &mut sizes.log
            } else {
                &mut sizes.rest
            };
            *place += row.get::<_, f64>(1)?;
        }
        let free: f64 = connection.query_row(
            "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size",
            [],
            |row| row.get(0),
        )?;
        sizes.rest += free;
        Ok(sizes)
    }

    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            entries: self.entries - before.entries,
            edges: self.edges - before.edges,
            log: self.log - before.log,
            rest: self.rest - before.rest,
        }
    }

    pub(super) fn per(&self, objects: f64) -> Self {
        Self {
            entries: self.entries / objects,
            edges: self.edges / objects,
            log: self.log / objects,
            rest: self.rest / objects,
        }
    }

    pub(super) fn all(&self) -> f64 {
        self.entries + self.edges + self.log + self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_of_a_database_is_counted_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE edge (a); CREATE TABLE other (b)").unwrap();
        drop(connection);
        let sizes = Sizes::of(&path).unwrap();
        let octets: f64 = u32::try_from(std::fs::metadata(&path).unwrap().len()).unwrap().into();
        assert!(sizes.edges > 0.0 && sizes.log.abs() < 1.0);
        assert!((sizes.all() - octets).abs() < 1.0, "{} of {octets}", sizes.all());
    }
}
