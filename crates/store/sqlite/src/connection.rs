//! How connections are opened and databases are brought up to date.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
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
    connection.execute_batch(match durability {
        Durability::Full => "PRAGMA synchronous = FULL;",
        Durability::None => "PRAGMA synchronous = OFF;",
    })?;
    // The log is brought into the file by the thread that writes, after a commit is answered; see `checkpoint`.
    // The cache holds the inner pages of the indexes of a million objects.
    connection.execute_batch(
        "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = 33554432;",
    )?;
    connection.set_prepared_statement_cache_capacity(256);
    keep_plans(&connection)?;
    migrate(&connection)?;
    Ok(connection)
}

/// Pages of the write-ahead log, 16 MB, after which it is brought into the file: more would hold the next commit up for
/// longer, less writes the same pages more often.
const LOG_PAGES: usize = 2000;

/// How long the write-ahead log is, in pages, after each commit.
#[derive(Default)]
pub(crate) struct LogLength(Arc<AtomicUsize>);

impl LogLength {
    /// Follows the commits of a connection.
    pub(crate) fn of(connection: &mut Connection) -> rusqlite::Result<Self> {
        let length = Self::default();
        let seen = Arc::clone(&length.0);
        connection.wal_hook(Some(move |_: &mut Wal, pages: std::ffi::c_int| {
            seen.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(length)
    }

    /// Brings the log into the file once it is long, as far as readers let it.
    pub(crate) fn checkpoint(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.0.load(Ordering::Relaxed) < LOG_PAGES {
            return Ok(());
        }
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }
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
