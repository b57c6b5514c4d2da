//! How long a client waits for one user while a cycle runs: requests are sent at a fixed rate, whatever the answers do,
//! and measured from the moment when they were due.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::rig::{Entente, Scim2Server};

use super::latency::Latencies;
use super::{release_binary, scim};
use crate::graph::{Failure, Graph};
use crate::table::Table;

/// Requests per second.
const RATE: u32 = 1_000;
/// Threads that send them.
const SENDERS: usize = 16;
/// How long they are sent where no cycle runs.
const QUIET: Duration = Duration::from_secs(10);

/// Reads users at [`RATE`], first without a cycle and then while an initial cycle provisions `users` users.
pub(super) fn run(users: usize, concurrency: usize) -> Result<Table, Failure> {
    let binary = release_binary()?;
    let folder = tempfile::tempdir()?;
    let server = Scim2Server::start()?;
    let entente = Entente::start(&binary, folder.path())?;
    let graph = Graph::sign_in(&entente)?;
    graph.create_users(users, scim::user)?;
    let job = graph.create_job(&server.base_url(), Scim2Server::TOKEN, concurrency)?;
    let mut table =
        Table::new(["reads of one user", "requests", "per second", "p50 ms", "p99 ms", "longest ms"]);

    let begin = Instant::now();
    let quiet = read(&entente, users, &|| begin.elapsed() < QUIET)?;
    add(&mut table, "no cycle", quiet, begin.elapsed());

    let running = AtomicBool::new(true);
    let begin = Instant::now();
    let (cycle, busy) = thread::scope(|scope| {
        let cycle = scope.spawn(|| {
            let outcome = graph.run_initial_cycle(&job).map_err(|error| error.to_string());
            running.store(false, Ordering::Relaxed);
            outcome
        });
        let busy = read(&entente, users, &|| running.load(Ordering::Relaxed));
        (cycle.join(), busy)
    });
    cycle.map_err(|_| "the cycle's thread panicked")??;
    add(&mut table, "an initial cycle", busy?, begin.elapsed());
    Ok(table)
}

fn add(table: &mut Table, what: &str, mut latencies: Latencies, took: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
    let rate = latencies.count() as f64 / took.as_secs_f64();
    table.row([
        what.to_owned(),
        latencies.count().to_string(),
        format!("{rate:.0}"),
        latencies.permille(500),
        latencies.permille(990),
        latencies.permille(1_000),
    ]);
}

/// Sends requests for as long as is asked for.
fn read(entente: &Entente, users: usize, go_on: &(dyn Fn() -> bool + Sync)) -> Result<Latencies, Failure> {
    let next = AtomicUsize::new(0);
    let begin = Instant::now();
    let send = || -> Result<Latencies, String> {
        let graph = Graph::sign_in(entente).map_err(|error| error.to_string())?;
        let mut latencies = Latencies::default();
        while go_on() {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let due = begin + Duration::from_secs(1) / RATE * u32::try_from(number).unwrap_or(u32::MAX);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let path = format!("/users/user{}@example.com", number % users);
            graph.ask(&path).map_err(|error| error.to_string())?;
            latencies.add(due.elapsed());
        }
        Ok(latencies)
    };
    let found: Vec<_> = thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
        senders.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut all = Latencies::default();
    for one in found {
        all.join(one.map_err(|_| "a sender panicked")??);
    }
    Ok(all)
}
