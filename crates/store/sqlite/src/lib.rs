//! The store in one SQLite file: nothing to install, one process at a time.
//!
//! One thread owns the connection that writes and gathers what waits into one transaction, each piece of work in its
//! own savepoint, so that many callers share one wait for the disk. A few threads read, each a state of its own of the
//! write-ahead log, and one brings that log into the file. Nothing runs while nothing is asked.
//!
//! What the callers see is the contract of the `store` crate and no more; the tables are in `migrations/`.

mod audits;
mod bodies;
mod checkpoint;
mod connection;
mod correlations;
mod directory;
mod encode;
mod error;
mod jobs;
mod logs;
mod managed;
mod notices;
mod plans;
mod queue;
mod record;
mod session;
mod steps;
mod tenants;
mod threads;
mod uploads;

use std::path::Path;
use std::sync::Arc;

use futures::FutureExt as _;
use store::StoreError;
use tempfile::TempDir;

pub use crate::steps::{Access, Steps, Work};

use crate::checkpoint::Checkpoints;
use crate::connection::Durability;
use crate::error::Done;
use crate::queue::{Lane, Piece, Yield};
use crate::session::{Names, Session};
use crate::threads::Threads;

/// Connections that read.
const READERS: usize = 3;

/// A store in a SQLite file. Dropping it finishes what was asked and ends its threads.
pub struct SqliteStore {
    // The others go first: the writer is then the last to close the database, and leaves no log beside it.
    readers: Threads,
    _checkpoints: Checkpoints,
    writer: Threads,
    /// What comes between callers and the database in a simulation.
    steps: Option<Arc<dyn Steps>>,
    /// Keeps the folder of a temporary store; dropped last.
    _folder: Option<TempDir>,
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the database in a file, made where it is missing and brought up to date where it is older.
    ///
    /// `TooNew` where a newer binary wrote it, `Unavailable` where the file cannot be opened, `Corrupt` where it is no
    /// database. Blocks: short work on an existing file, longer where it must be brought up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::start(path, Durability::Full, None, None)
    }

    /// A new store in a folder of its own that goes with it: for tests, and for work that nobody looks at again.
    pub fn open_temporary() -> Result<Self, StoreError> {
        Self::temporary(None)
    }

    /// As [`open_temporary`](Self::open_temporary), for a simulation: every call takes effect when `steps` says, and
    /// holds up the calling thread until it has, so that a runtime of one thread sees everything in one order.
    pub fn open_simulated(steps: Arc<dyn Steps>) -> Result<Self, StoreError> {
        Self::temporary(Some(steps))
    }

    fn temporary(steps: Option<Arc<dyn Steps>>) -> Result<Self, StoreError> {
        let folder = tempfile::Builder::new()
            .prefix("entente-")
            .tempdir()
            .map_err(|error| StoreError::Unavailable(format!("no temporary folder can be made: {error}")))?;
        let path = folder.path().join("entente.db");
        Self::start(&path, Durability::None, Some(folder), steps)
    }

    fn start(
        path: &Path,
        durability: Durability,
        folder: Option<TempDir>,
        steps: Option<Arc<dyn Steps>>,
    ) -> Result<Self, StoreError> {
        let names = Arc::<Names>::default();
        let mut connection = connection::writer(path, durability)?;
        let (checkpoints, log) = Checkpoints::of(&mut connection, path, durability)?;
        let writer = Threads::writer(connection, log, Arc::clone(&names))?;
        let readers = Threads::readers(path, READERS, &names)?;
        Ok(Self { readers, _checkpoints: checkpoints, writer, steps, _folder: folder })
    }

    /// Reads one state of the database.
    fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Session<'_>) -> Done<R> + Send + 'static,
    ) -> impl Future<Output = store::Result<R>> + Send {
        self.ask(Access::Read, work)
    }

    /// Writes whole or not at all, soon.
    fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Session<'_>) -> Done<R> + Send + 'static,
    ) -> impl Future<Output = store::Result<R>> + Send {
        self.ask(Access::Write, work)
    }

    /// Writes whole or not at all; prompt work may go first.
    fn write_bulk<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Session<'_>) -> Done<R> + Send + 'static,
    ) -> impl Future<Output = store::Result<R>> + Send {
        self.ask(Access::BulkWrite, work)
    }

    fn ask<R: Send + 'static>(
        &self,
        access: Access,
        work: impl FnOnce(&Session<'_>) -> Done<R> + Send + 'static,
    ) -> impl Future<Output = store::Result<R>> + Send {
        self.answer(access, Box::new(|session| Ok(Box::new(work(session)?)))).map(typed)
    }

    async fn answer(&self, access: Access, work: Piece) -> store::Result<Yield> {
        let (queue, lane) = match access {
            Access::Read => (&self.readers.queue, Lane::Prompt),
            Access::Write => (&self.writer.queue, Lane::Prompt),
            Access::BulkWrite => (&self.writer.queue, Lane::Bulk),
        };
        match &self.steps {
            None => queue.ask(lane, work).await,
            Some(steps) => steps::take(&**steps, access, queue.ask(lane, work)).await,
        }
    }
}

/// What work yielded, as whoever asked knows it.
fn typed<R: 'static>(answer: store::Result<Yield>) -> store::Result<R> {
    match answer?.downcast() {
        Ok(known) => Ok(*known),
        Err(_) => Err(StoreError::Unavailable("the work yielded what was not asked for".to_owned())),
    }
}
