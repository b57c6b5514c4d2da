//! Bringing the write-ahead log into the database's file, beside the thread that writes.
//!
//! The log begins anew with the commit that finds it brought in whole. A thread does that while others go on, in a pause
//! between commits where there is one, because both wait for the same disk. Only where commits outrun it does the thread
//! that writes lend a hand.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use store::StoreError;

use crate::connection::{self, Durability};
use crate::error::Trouble;

/// Pages of the log, 16 MB, after which it is brought into the file, and again after as many more: seldomer would write
/// a page that changes often fewer times, but leave more to do at once.
const LONG: usize = 2000;

/// Pages of the log, 32 MB, after which no pause is waited for.
const LONGER: usize = 2 * LONG;

/// Pages of the log, 64 MB, at which the thread that writes waits until it is in the file.
const TOO_LONG: usize = 4 * LONG;

/// Nothing is written for so long in a pause.
const PAUSE: Duration = Duration::from_millis(20);

/// The thread that brings the log into the file. Dropping it ends it after the round that it is at.
pub(crate) struct Checkpoints {
    shared: Arc<Shared>,
    handle: Option<JoinHandle<()>>,
}

/// The log as the connection that writes sees it.
pub(crate) struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Pages of the log after the last commit.
    length: AtomicUsize,
    order: Mutex<Order>,
    changed: Condvar,
    /// Whoever holds it brings the log into the file.
    turn: Mutex<()>,
}

/// What is asked of the thread.
#[derive(Default)]
struct Order {
    /// How long the log was when the thread was last asked.
    length: usize,
    asked: bool,
    /// Transactions so far.
    commits: u64,
    closed: bool,
}

impl Checkpoints {
    /// Follows the commits of the connection that writes.
    pub(crate) fn of(
        writer: &mut Connection,
        path: &Path,
        durability: Durability,
    ) -> Result<(Self, Log), StoreError> {
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let follow = move |_: &mut Wal, pages: std::ffi::c_int| {
            seen.length.store(usize::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        writer.wal_hook(Some(follow)).map_err(Trouble::from)?;
        let connection = connection::beside(path, durability).map_err(Trouble::from)?;
        let orders = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("store-log".to_owned())
            .spawn(move || {
                while orders.wait() {
                    orders.bring_in(&connection);
                }
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread can be started: {error}")))?;
        Ok((Self { shared: Arc::clone(&shared), handle: Some(handle) }, Log(shared)))
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.shared.order().closed = true;
        self.shared.changed.notify_one();
        if let Some(handle) = self.handle.take() {
            // One that panicked has said so; the database is whole without it.
            let _ = handle.join();
        }
    }
}

impl Log {
    /// Looks after the log, after commits are answered: nobody waits for it.
    pub(crate) fn tend(&self, writer: &Connection) {
        let length = self.0.length.load(Ordering::Relaxed);
        if length >= TOO_LONG {
            self.0.bring_in(writer);
            return;
        }
        let mut order = self.0.order();
        order.commits += 1;
        if length < order.length {
            // It began anew.
            order.length = 0;
        }
        if length >= order.length + LONG {
            (order.length, order.asked) = (length, true);
            drop(order);
            self.0.changed.notify_one();
        }
    }
}

impl Shared {
    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is something to do and time for it; false where there will be nothing more.
    fn wait(&self) -> bool {
        let nothing = |order: &mut Order| !order.asked && !order.closed;
        let mut order =
            self.changed.wait_while(self.order(), nothing).unwrap_or_else(PoisonError::into_inner);
        let mut seen = None;
        while self.length.load(Ordering::Relaxed) < LONGER && seen != Some(order.commits) && !order.closed {
            seen = Some(order.commits);
            let waited = self.changed.wait_timeout(order, PAUSE);
            order = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        order.asked = false;
        !order.closed
    }

    /// Brings the log into the file as far as readers let it. What cannot be brought in stays in the log and is tried
    /// again later; of a disk that takes nothing more, the next commit tells.
    fn bring_in(&self, connection: &Connection) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes so many pages in one commit.
    fn write(writer: &Connection, pages: usize) {
        let rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                    INSERT INTO t SELECT zeroblob(8000) FROM n";
        writer.execute(rows, [i64::try_from(pages).unwrap()]).unwrap();
    }

    /// How many pages of the log are not in the file.
    fn left(connection: &Connection) -> i64 {
        let looked = "PRAGMA wal_checkpoint(NOOP)";
        let (log, done): (i64, i64) =
            connection.query_row(looked, [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap();
        log - done
    }

    fn opened() -> (tempfile::TempDir, Connection, Checkpoints, Log) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let mut writer = connection::writer(&path, Durability::None).unwrap();
        writer.execute_batch("CREATE TABLE t (a BLOB)").unwrap();
        let (thread, log) = Checkpoints::of(&mut writer, &path, Durability::None).unwrap();
        (folder, writer, thread, log)
    }

    #[test]
    fn a_long_log_is_brought_into_the_file_beside_the_writer() {
        let (_folder, writer, thread, log) = opened();
        write(&writer, LONG / 2);
        log.tend(&writer);
        assert!(!thread.shared.order().asked, "a short log stays");
        write(&writer, LONG);
        log.tend(&writer);
        let begin = std::time::Instant::now();
        while left(&writer) > 0 {
            assert!(begin.elapsed().as_secs() < 60, "nobody brings the log in");
            thread::yield_now();
        }
        write(&writer, 1);
        assert!(thread.shared.length.load(Ordering::Relaxed) < 10, "the log begins anew");
        log.tend(&writer);
        assert_eq!(thread.shared.order().length, 0);
    }

    #[test]
    fn a_log_that_is_too_long_is_brought_in_before_more_is_written() {
        let (_folder, writer, _thread, log) = opened();
        write(&writer, TOO_LONG);
        log.tend(&writer);
        assert_eq!(left(&writer), 0);
    }
}
