//! The threads that own the connections: one that writes, a few that read.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use store::StoreError;

use crate::checkpoint::Log;
use crate::connection;
use crate::error::Trouble;
use crate::queue::{Lane, Queue, Task};
use crate::session::{Names, Session};

/// A transaction takes no further work after this long, so that the first in it is not kept waiting.
const GATHER: Duration = Duration::from_millis(10);

/// Threads and the queue that feeds them. Dropping it lets them finish what is queued and waits for their end.
pub(crate) struct Threads {
    pub(crate) queue: Arc<Queue>,
    handles: Vec<JoinHandle<()>>,
}

impl Threads {
    /// The one thread that writes.
    pub(crate) fn writer(connection: Connection, log: Log, names: Arc<Names>) -> Result<Self, StoreError> {
        let mut threads = Self { queue: Arc::default(), handles: Vec::new() };
        threads.spawn("store-writer", move |queue| {
            let mut first = Lane::Prompt;
            while let Some((lane, task)) = queue.wait(first) {
                write(&connection, &names, queue, task);
                log.tend(&connection);
                // The lanes take turns, so that neither starves the other.
                first = match lane {
                    Lane::Prompt => Lane::Bulk,
                    Lane::Bulk => Lane::Prompt,
                };
            }
        })?;
        Ok(threads)
    }

    /// Threads that read, each with its own connection.
    pub(crate) fn readers(path: &Path, number: usize, names: &Arc<Names>) -> Result<Self, StoreError> {
        let mut threads = Self { queue: Arc::default(), handles: Vec::new() };
        for _ in 0..number {
            let connection = connection::reader(path).map_err(Trouble::from)?;
            let names = Arc::clone(names);
            threads.spawn("store-reader", move |queue| {
                while let Some((_, task)) = queue.wait(Lane::Prompt) {
                    read(&connection, &names, task);
                }
            })?;
        }
        Ok(threads)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce(&Queue) + Send + 'static) -> Result<(), StoreError> {
        let queue = Arc::clone(&self.queue);
        let handle = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let guard = Guard(&queue);
                run(guard.0);
            })
            .map_err(|error| StoreError::Unavailable(format!("no thread can be started: {error}")))?;
        self.handles.push(handle);
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue.close();
        for handle in self.handles.drain(..) {
            // A thread that panicked has said so, and its queue is abandoned.
            let _ = handle.join();
        }
    }
}

/// Leaves nobody waiting for a thread that is no more.
struct Guard<'a>(&'a Queue);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Does a piece of work in a transaction of its own, which sees one state of the database.
fn read(connection: &Connection, names: &Names, mut task: Task) {
    let session = Session::new(connection, names);
    let begun = connection.execute_batch("BEGIN");
    if let Err(error) = begun {
        task.finish(Some(&error.to_string()));
        return;
    }
    task.run(&session);
    let ended = connection.execute_batch("COMMIT").err().map(|error| error.to_string());
    task.finish(ended.as_deref());
}

/// Does a piece of work, and what came meanwhile, prompt work first, in one transaction: one wait for the disk for
/// all. Work that fails is rolled back alone.
fn write(connection: &Connection, names: &Names, queue: &Queue, first: Task) {
    let session = Session::new(connection, names);
    let begin = Instant::now();
    let mut done = Vec::new();
    let mut next = Some(first);
    let mut failure = connection.execute_batch("BEGIN IMMEDIATE").err();
    while let Some(mut task) = next {
        if failure.is_none() {
            failure = attempt(connection, &session, &mut task, done.is_empty()).err();
        }
        done.push(task);
        next = if failure.is_none() && begin.elapsed() < GATHER { queue.next() } else { None };
    }
    if failure.is_none() {
        failure = connection.execute_batch("COMMIT").err();
    }
    if failure.is_none() {
        session.publish();
    } else if !connection.is_autocommit() {
        // Where even this fails, the next BEGIN tells.
        let _ = connection.execute_batch("ROLLBACK");
    }
    let failure = failure.map(|error| error.to_string());
    for task in done {
        task.finish(failure.as_deref());
    }
}

/// Runs a piece of work in a savepoint. The first of a transaction needs none: rolling back all is rolling back it.
fn attempt(
    connection: &Connection,
    session: &Session<'_>,
    task: &mut Task,
    alone: bool,
) -> rusqlite::Result<()> {
    let mark = session.mark();
    if alone {
        if !task.run(session) {
            session.forget(mark);
            connection.execute_batch("ROLLBACK; BEGIN IMMEDIATE")?;
        }
        return Ok(());
    }
    connection.execute_batch("SAVEPOINT one")?;
    if task.run(session) {
        connection.execute_batch("RELEASE one")
    } else {
        session.forget(mark);
        connection.execute_batch("ROLLBACK TO one; RELEASE one")
    }
}
