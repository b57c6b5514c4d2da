//! How connections are opened and databases are brought up to date.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use store::StoreError;

use crate::error::Done;

/// The steps from one schema version to the next. A released step is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001.sql")];

/// How safely a commit rests on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A commit that was answered survives a power cut.
    Full,
    /// For databases that nobody opens again.
    None,
}

impl Durability {
    fn pragma(self) -> &'static str {
        match self {
            Self::Full => "PRAGMA synchronous = FULL;",
            Self::None => "PRAGMA synchronous = OFF;",
        }
    }
}

/// The connection that writes, with the database made or brought up to date.
pub(crate) fn writer(path: &Path, durability: Durability) -> Done<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    // Refused before anything is written to it.
    refuse_newer(&connection)?;
    // Larger pages than usual: bodies of log records fit, and trees are shallower. Counts for a new file alone.
    connection
        .execute_batch("PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;")?;
    connection.execute_batch(durability.pragma())?;
    // The log is brought into the file beside the commits, see `checkpoint`; its file keeps the length that it mostly
    // comes to, for a longer one must be made longer again. The cache holds the inner pages of the indexes of a million
    // objects.
    connection.execute_batch(
        "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = 100663296;",
    )?;
    connection.set_prepared_statement_cache_capacity(256);
    keep_plans(&connection)?;
    migrate(&connection)?;
    Ok(connection)
}

/// Another connection that writes, which does no more than bring the write-ahead log into the file.
pub(crate) fn beside(path: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch(durability.pragma())?;
    Ok(connection)
}

/// A connection that reads.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.execute_batch("PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;")?;
    connection.set_prepared_statement_cache_capacity(128);
    keep_plans(&connection)?;
    Ok(connection)
}

/// Lets a statement keep its plan whatever its parameters are. Otherwise SQLite plans anew whenever a parameter changes
/// that its statistics could judge, which costs more than most of our statements.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn refuse_newer(connection: &Connection) -> Done<()> {
    let found = version(connection)?;
    if found > MIGRATIONS.len() {
        let number = |version: usize| u32::try_from(version).unwrap_or(u32::MAX);
        return Err(StoreError::TooNew { found: number(found), known: number(MIGRATIONS.len()) }.into());
    }
    Ok(())
}

/// Applies the steps that the database lacks, all in one transaction.
fn migrate(connection: &Connection) -> Done<()> {
    if version(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    let migrated = apply(connection);
    connection.execute_batch(if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    migrated
}

fn apply(connection: &Connection) -> Done<()> {
    // Looked at again inside: another process may have been first.
    refuse_newer(connection)?;
    for step in MIGRATIONS.iter().skip(version(connection)?) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "user_version", u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX))?;
    Ok(())
}
