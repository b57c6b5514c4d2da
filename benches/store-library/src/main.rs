//! The hot path of the store, a page's outcomes in one durable transaction, on three libraries.
//!
//! A page is 500 objects. Of each, an entry is written by its source anchor (36 characters, 200 octets of state) and
//! found by its target anchor too, and a log record (600 octets) is appended under an identifier of 16 octets; the
//! page's cursor goes along. The callers are asynchronous and wait for each page. Every library commits durably.
//!
//! Arguments: objects (100000).

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use redb::{ReadableDatabase as _, TableDefinition};
use sqlx::{Connection as _, Row as _};
use tokio::sync::oneshot;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const PAGE: u64 = 500;
const SCHEMA: &str = "
    CREATE TABLE entry (source TEXT PRIMARY KEY, target TEXT NOT NULL, state BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX entry_target ON entry (target);
    CREATE TABLE log (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, body BLOB NOT NULL);
    CREATE TABLE cursor (job INTEGER PRIMARY KEY, cursor INTEGER NOT NULL);";
const PRAGMAS: &str = "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000;";
const ENTRY: &str = "INSERT INTO entry (source, target, state) VALUES (?1, ?2, ?3)
    ON CONFLICT DO UPDATE SET target = excluded.target, state = excluded.state";
const LOG: &str = "INSERT INTO log (id, body) VALUES (?1, ?2)";
const CURSOR: &str = "INSERT OR REPLACE INTO cursor (job, cursor) VALUES (1, ?1)";
const READ: &str = "SELECT state FROM entry WHERE source = ?1";

/// One object's outcome.
struct Object {
    source: String,
    target: String,
    state: Vec<u8>,
    id: [u8; 16],
    body: Vec<u8>,
}

/// Mixes a number so that anchors come in no order.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 29)
}

fn anchor(number: u64) -> String {
    let lot = mixed(number);
    let (high, low) = (lot >> 32, lot & 0xffff_ffff);
    format!(
        "{high:08x}-{:04x}-4{:03x}-8{:03x}-{low:08x}{:04x}",
        low >> 16,
        high & 0xfff,
        low & 0xfff,
        high & 0xffff
    )
}

fn object(number: u64, round: u64) -> Object {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(round << 32 | number).to_be_bytes());
    id[8..].copy_from_slice(&mixed(number).to_be_bytes());
    Object {
        source: anchor(number),
        target: anchor(number + 1_000_000_000),
        state: mixed(number + round).to_le_bytes().repeat(25),
        id,
        body: id.repeat(600 / 16),
    }
}

fn page(first: u64, round: u64) -> Vec<Object> {
    (first..first + PAGE).map(|number| object(number, round)).collect()
}

/// A library under test.
trait Library {
    fn write(&mut self, page: Vec<Object>, cursor: u64) -> impl Future<Output = Outcome<()>>;
    fn read(&mut self, sources: Vec<String>) -> impl Future<Output = Outcome<usize>>;
}

// One thread writes and is asked through a channel --------------------------------------------------------------------

/// What a thread of its own is asked to do.
enum Work {
    Write(Vec<Object>, u64, oneshot::Sender<Outcome<()>>),
    Read(Vec<String>, oneshot::Sender<Outcome<usize>>),
}

struct OnThread(mpsc::Sender<Work>);

impl Library for OnThread {
    async fn write(&mut self, page: Vec<Object>, cursor: u64) -> Outcome<()> {
        let (answer, question) = oneshot::channel();
        self.0.send(Work::Write(page, cursor, answer))?;
        question.await?
    }

    async fn read(&mut self, sources: Vec<String>) -> Outcome<usize> {
        let (answer, question) = oneshot::channel();
        self.0.send(Work::Read(sources, answer))?;
        question.await?
    }
}

fn on_thread<D: Send + 'static>(
    mut database: D,
    write: fn(&mut D, &[Object], u64) -> Outcome<()>,
    read: fn(&mut D, &[String]) -> Outcome<usize>,
) -> OnThread {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for work in receiver {
            // Whoever asked has gone where the answer cannot be sent.
            match work {
                Work::Write(page, cursor, answer) => drop(answer.send(write(&mut database, &page, cursor))),
                Work::Read(sources, answer) => drop(answer.send(read(&mut database, &sources))),
            }
        }
    });
    OnThread(sender)
}

// rusqlite ------------------------------------------------------------------------------------------------------------

fn rusqlite_library(path: &Path) -> Outcome<OnThread> {
    let connection = rusqlite::Connection::open(path)?;
    connection.execute_batch(PRAGMAS)?;
    connection.execute_batch(SCHEMA)?;
    Ok(on_thread(connection, rusqlite_write, rusqlite_read))
}

fn rusqlite_write(connection: &mut rusqlite::Connection, page: &[Object], cursor: u64) -> Outcome<()> {
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for one in page {
        transaction.prepare_cached(ENTRY)?.execute(rusqlite::params![one.source, one.target, one.state])?;
        transaction.prepare_cached(LOG)?.execute(rusqlite::params![one.id, one.body])?;
    }
    transaction.prepare_cached(CURSOR)?.execute([cursor.cast_signed()])?;
    Ok(transaction.commit()?)
}

fn rusqlite_read(connection: &mut rusqlite::Connection, sources: &[String]) -> Outcome<usize> {
    let mut octets = 0;
    let mut statement = connection.prepare_cached(READ)?;
    for source in sources {
        octets += statement.query_row([source], |row| Ok(row.get_ref(0)?.as_blob()?.len()))?;
    }
    Ok(octets)
}

// sqlx ----------------------------------------------------------------------------------------------------------------

struct Sqlx(sqlx::SqliteConnection);

async fn sqlx_library(path: &Path) -> Outcome<Sqlx> {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(8192)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Full);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(PRAGMAS).execute(&mut connection).await?;
    sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
    Ok(Sqlx(connection))
}

impl Library for Sqlx {
    async fn write(&mut self, page: Vec<Object>, cursor: u64) -> Outcome<()> {
        let mut transaction = self.0.begin_with("BEGIN IMMEDIATE").await?;
        for one in page {
            let entry = sqlx::query(ENTRY).bind(one.source).bind(one.target).bind(one.state);
            entry.execute(&mut *transaction).await?;
            sqlx::query(LOG).bind(one.id.to_vec()).bind(one.body).execute(&mut *transaction).await?;
        }
        sqlx::query(CURSOR).bind(cursor.cast_signed()).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    async fn read(&mut self, sources: Vec<String>) -> Outcome<usize> {
        let mut octets = 0;
        for source in sources {
            let row = sqlx::query(READ).bind(source).fetch_one(&mut self.0).await?;
            octets += row.get::<&[u8], _>(0).len();
        }
        Ok(octets)
    }
}

// redb ----------------------------------------------------------------------------------------------------------------

const ENTRIES: TableDefinition<&str, (&str, &[u8])> = TableDefinition::new("entry");
const TARGETS: TableDefinition<&str, &str> = TableDefinition::new("target");
const RECORDS: TableDefinition<&[u8; 16], &[u8]> = TableDefinition::new("log");
const CURSORS: TableDefinition<u64, u64> = TableDefinition::new("cursor");

fn redb_library(path: &Path) -> Outcome<OnThread> {
    let database = redb::Builder::new().set_cache_size(32 << 20).create(path)?;
    Ok(on_thread(Arc::new(database), redb_write, redb_read))
}

fn redb_write(database: &mut Arc<redb::Database>, page: &[Object], cursor: u64) -> Outcome<()> {
    let transaction = database.begin_write()?;
    {
        let mut entries = transaction.open_table(ENTRIES)?;
        let mut targets = transaction.open_table(TARGETS)?;
        let mut records = transaction.open_table(RECORDS)?;
        for one in page {
            let before = entries.insert(one.source.as_str(), (one.target.as_str(), one.state.as_slice()))?;
            // The index by target is kept by hand.
            let before = before.map(|before| before.value().0.to_owned());
            if before.as_ref() != Some(&one.target) {
                if let Some(before) = before {
                    targets.remove(before.as_str())?;
                }
                targets.insert(one.target.as_str(), one.source.as_str())?;
            }
            records.insert(&one.id, one.body.as_slice())?;
        }
        transaction.open_table(CURSORS)?.insert(1, cursor)?;
    }
    Ok(transaction.commit()?)
}

fn redb_read(database: &mut Arc<redb::Database>, sources: &[String]) -> Outcome<usize> {
    let entries = database.begin_read()?.open_table(ENTRIES)?;
    let mut octets = 0;
    for source in sources {
        octets += entries.get(source.as_str())?.map_or(0, |entry| entry.value().1.len());
    }
    Ok(octets)
}

// Measuring -----------------------------------------------------------------------------------------------------------

/// Processor time that this process has used.
fn busy() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn print(name: &str, what: &str, objects: u64, begin: (Instant, Duration)) {
    let (took, busy) = (begin.0.elapsed().as_secs_f64(), (busy() - begin.1).as_secs_f64());
    let number = objects as f64;
    println!(
        "{name:<28} {what:<14} {:>10.0} {:>12.1} {:>12.1}",
        number / took,
        took * 1e6 / number,
        busy * 1e6 / number
    );
}

async fn measure(name: &str, mut library: impl Library, objects: u64, folder: &Path) -> Outcome<()> {
    for (round, what) in (0..).zip(["new", "written again"]) {
        let begin = (Instant::now(), busy());
        for first in (0..objects).step_by(PAGE as usize) {
            library.write(page(first, round), first).await?;
        }
        print(name, what, objects, begin);
    }
    let begin = (Instant::now(), busy());
    for first in (0..objects).step_by(PAGE as usize) {
        let octets = library.read((first..first + PAGE).map(anchor).collect()).await?;
        assert_eq!(octets as u64, 200 * PAGE, "every entry is there");
    }
    print(name, "read", objects, begin);
    let sizes = std::fs::read_dir(folder)?.flatten().filter_map(|file| file.metadata().ok());
    println!(
        "{name:<28} {:>27} octets on disk for each object",
        sizes.map(|file| file.len()).sum::<u64>() / objects
    );
    Ok(())
}

async fn run() -> Outcome<()> {
    let objects = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse::<u64>())?;
    println!("{:<28} {:<14} {:>10} {:>12} {:>12}", "library", "what", "objects/s", "us each", "us of CPU");
    let folder = tempfile::tempdir()?;
    let library = rusqlite_library(&folder.path().join("store.db"))?;
    measure("rusqlite, one writing thread", library, objects, folder.path()).await?;
    let folder = tempfile::tempdir()?;
    let library = sqlx_library(&folder.path().join("store.db")).await?;
    measure("sqlx-sqlite", library, objects, folder.path()).await?;
    let folder = tempfile::tempdir()?;
    let library = redb_library(&folder.path().join("store.redb"))?;
    measure("redb, one writing thread", library, objects, folder.path()).await
}

fn main() -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run())
}
