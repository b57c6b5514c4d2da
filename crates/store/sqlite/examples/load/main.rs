//! How fast the store takes the commits of an initial cycle: `cargo run --release -p store-sqlite --example load`.
//!
//! Arguments: objects (100000), objects per page (500), and one part alone (`entry`, `whole`, `intent`, `directory`).
#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "an example fails by panicking, and its figures are rounded"
)]

mod directory;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use model::job::JobStatus;
use model::{JobId, SystemEntropy};
use store::{Commit, ProvisioningQuery, SharedStore};
use store_sqlite::SqliteStore;
use testkit::store_load::{self, Shape, commit_objects};
use testkit::store_suite::{Fixture, at};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| arguments.get(place).map(|text| text.parse::<u64>().expect("a number"));
    let (objects, page) = (number(0).unwrap_or(100_000), number(1).unwrap_or(500));
    let is_wanted = |part: &str| arguments.get(2).is_none_or(|wanted| wanted == part);
    println!("{objects} objects in pages of {page}");
    let shapes = [("entry", Shape::Entry), ("whole", Shape::Whole), ("intent", Shape::WholeWithIntent)];
    for (_, shape) in shapes.into_iter().filter(|(part, _)| is_wanted(part)) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("entente.db");
        let store: SharedStore = Arc::new(SqliteStore::open(&path).expect("made"));
        let fixture = Fixture::new(Arc::clone(&store)).await;
        let others = tokio::spawn(small_writes(Arc::clone(&store), fixture.job.clone()));
        let busy = commit_objects(&store, &fixture.job, &SystemEntropy, (objects, page), shape)
            .await
            .expect("written");
        others.abort();
        report(&format!("{shape:?}, new"), objects, busy);
        let size = size(&path);
        println!("  {} MB in the file and its log, {} octets for each object", size >> 20, size / objects);
        let busy = commit_objects(&store, &fixture.job, &SystemEntropy, (objects, page), shape)
            .await
            .expect("written");
        report(&format!("{shape:?}, again"), objects, busy);
        if shape == Shape::Whole {
            edges(&fixture, objects).await;
            seen(&fixture, objects, page).await;
            reads(&fixture, objects).await;
        }
    }
    if is_wanted("directory") {
        directory::load(objects).await;
    }
    println!("peak memory {} MB", peak());
}

/// Small writes beside the load, as of people who use the API; prints how long they took, two hundred at a time.
async fn small_writes(store: SharedStore, job: JobId) {
    let mut took = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let begin = Instant::now();
        store.put_status(&job, JobStatus::default()).await.expect("written");
        took.push(begin.elapsed());
        if took.len() == 200 {
            took.sort_unstable();
            println!("  small writes: p50 {:?}, p99 {:?}, slowest {:?}", took[100], took[197], took[199]);
            took.clear();
        }
    }
}

/// Prints what was done in a time, and how busy the thread that writes was for it.
fn report(what: &str, number: u64, took: Duration) {
    static BEFORE: AtomicU64 = AtomicU64::new(0);
    let number = number as f64;
    let (rate, each) = (number / took.as_secs_f64(), took.as_secs_f64() * 1e6 / number);
    let now = writer_busy();
    // A new store has a new thread, which begins at zero.
    let before = BEFORE.swap(now, Ordering::Relaxed);
    let busy = (if before > now { now } else { now - before }) as f64 / number;
    println!("{what:<40} {rate:>10.0}/s {each:>8.1} us each, {busy:>6.1} us of the writer's");
}

/// Microseconds of processor time that threads that write have used.
fn writer_busy() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten().map(|task| task.path());
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let writers = tasks.filter(|task| read(task.join("comm")).trim() == "store-writer");
    let nanos = |task: std::path::PathBuf| {
        let schedstat = read(task.join("schedstat"));
        schedstat.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
    };
    writers.map(nanos).sum::<u64>() / 1_000
}

fn size(path: &Path) -> u64 {
    let log = path.with_extension("db-wal");
    [path, &log].into_iter().filter_map(|file| std::fs::metadata(file).ok()).map(|file| file.len()).sum()
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) / 1024
}

async fn edges(fixture: &Fixture, objects: u64) {
    let (store, job) = (&fixture.store, &fixture.job);
    let begin = Instant::now();
    store.next_due(job).await.expect("read");
    println!("next_due {:?}", begin.elapsed());
    let (mut number, begin) = (0, Instant::now());
    loop {
        let due = store.due_edges(job, at(0), 1_000).await.expect("read");
        if due.is_empty() || number >= objects {
            break;
        }
        number += due.len() as u64;
        let edges = due
            .into_iter()
            .map(|edge| store::EdgeWrite::Exported {
                rule: edge.rule,
                owner: edge.owner,
                attribute: edge.attribute,
                referenced: edge.referenced,
                target: Some(edge.value),
            })
            .collect();
        store.commit(job, Commit { edges, ..Commit::default() }).await.expect("written");
    }
    report("due edges read and exported", number, begin.elapsed());
}

async fn seen(fixture: &Fixture, objects: u64, page: u64) {
    let begin = Instant::now();
    for first in (0..objects).step_by(usize::try_from(page).expect("small")) {
        let seen =
            (first..first + page).map(|number| ("rule-user".into(), store_load::source(number))).collect();
        let commit = Commit { seen, generation: 2, ..Commit::default() };
        fixture.store.commit(&fixture.job, commit).await.expect("written");
    }
    report("only seen", objects, begin.elapsed());
    let begin = Instant::now();
    let unseen = fixture.store.unseen(&fixture.job, 2, None, 1_000).await.expect("read");
    println!("unseen ({} found) {:?}", unseen.len(), begin.elapsed());
}

async fn reads(fixture: &Fixture, objects: u64) {
    let (store, job) = (&fixture.store, &fixture.job);
    let begin = Instant::now();
    for first in (0..objects).step_by(500) {
        let sources: Vec<_> = (first..first + 500).map(store_load::source).collect();
        assert_eq!(store.entries(job, &sources).await.expect("read").len(), 500);
    }
    report("entries read by source", objects, begin.elapsed());
    let begin = Instant::now();
    store.managed_counts(job).await.expect("read");
    println!("managed_counts {:?}", begin.elapsed());
    for ascending in [false, true] {
        let begin = Instant::now();
        let (mut after, mut number) = (None, 0);
        while number < 20_000 {
            let query = ProvisioningQuery { ascending, after, limit: 100, ..ProvisioningQuery::default() };
            let page = store.provisioning(fixture.tenant, query).await.expect("read").entries;
            after = page.last().map(|entry| entry.record.id);
            number += page.len() as u64;
        }
        report("records read by page", number, begin.elapsed());
    }
    let begin = Instant::now();
    for number in 0..1_000 {
        let anchor = Some(store_load::source(number).as_str().into());
        let query = ProvisioningQuery { anchor, limit: 10, ..ProvisioningQuery::default() };
        assert_eq!(store.provisioning(fixture.tenant, query).await.expect("read").entries.len(), 2);
    }
    report("records read by anchor", 1_000, begin.elapsed());
    let begin = Instant::now();
    let pruned = store.prune_provisioning(at(1_000_000)).await.expect("pruned");
    report("records pruned", pruned, begin.elapsed());
}
