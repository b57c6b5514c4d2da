//! The suite of all stores, and what concerns a SQLite file alone.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod crash;
mod file;

mod suite {
    use std::sync::Arc;

    use store::SharedStore;
    use store_sqlite::SqliteStore;

    fn store() -> SharedStore {
        Arc::new(SqliteStore::open_temporary().expect("a temporary store opens"))
    }

    testkit::store_suite!(store());
}
