//! How fast `bulkUpload` keeps people: requests of fifty, each answered once it is on disk.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::rig::Entente;

use super::latency::Latencies;
use super::release_binary;
use crate::graph::{Failure, Graph, Job};
use crate::table::Table;

/// People of one request.
const REQUEST: usize = 50;

/// Uploads `people` to a job, then all of them again with other values, and lets the job make their accounts.
pub(super) fn run(people: usize, concurrency: usize) -> Result<Table, Failure> {
    let binary = release_binary()?;
    let folder = tempfile::tempdir()?;
    let entente = Entente::start(&binary, folder.path())?;
    let graph = Graph::sign_in(&entente)?;
    let job = graph.create_inbound_job()?;
    let mut table = Table::new(["upload", "people", "per second", "request p50 ms", "p99 ms", "longest ms"]);
    for (what, round) in [("new people", 1), ("the same people, changed", 2)] {
        let begin = Instant::now();
        let mut latencies = upload(&entente, &job, people, concurrency, round)?;
        let rate = per_second(people, begin.elapsed());
        table.row([
            what.to_owned(),
            people.to_string(),
            rate,
            latencies.permille(500),
            latencies.permille(990),
            latencies.permille(1_000),
        ]);
    }
    let took = graph.run_initial_cycle(&job)?;
    let none = String::new;
    table.row([
        "accounts made by the cycle".to_owned(),
        people.to_string(),
        per_second(people, took),
        none(),
        none(),
        none(),
    ]);
    Ok(table)
}

fn per_second(people: usize, took: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
    let rate = people as f64 / took.as_secs_f64();
    format!("{rate:.0}")
}

fn upload(
    entente: &Entente,
    job: &Job,
    people: usize,
    concurrency: usize,
    round: usize,
) -> Result<Latencies, Failure> {
    let next = AtomicUsize::new(0);
    let send = || -> Result<Latencies, String> {
        let graph = Graph::sign_in(entente).map_err(|error| error.to_string())?;
        let mut latencies = Latencies::default();
        loop {
            let first = next.fetch_add(REQUEST, Ordering::Relaxed);
            if first >= people {
                return Ok(latencies);
            }
            let body = request(first..people.min(first + REQUEST), round).to_string();
            let begin = Instant::now();
            graph.upload(job, &body).map_err(|error| error.to_string())?;
            latencies.add(begin.elapsed());
        }
    };
    let found: Vec<_> = thread::scope(|scope| {
        let senders: Vec<_> = (0..concurrency).map(|_| scope.spawn(send)).collect();
        senders.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let mut all = Latencies::default();
    for one in found {
        all.join(one.map_err(|_| "a sender panicked")??);
    }
    Ok(all)
}

/// People of these numbers, as large as in the reference's examples.
fn request(numbers: std::ops::Range<usize>, round: usize) -> Value {
    const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let operation = |number: usize| {
        let name = format!("user{number}");
        let user = json!({
            "schemas": [CORE, ENTERPRISE], "externalId": number.to_string(),
            "userName": format!("{name}@example.com"), "displayName": format!("User {number} of round {round}"),
            "name": {"formatted": format!("Ms. User {number}, III"), "familyName": name, "givenName": "User"},
            "emails": [{"value": format!("{name}@example.com"), "type": "work", "primary": true}],
            "addresses": [{
                "type": "work", "streetAddress": "234300 Universal City Plaza", "locality": "Hollywood",
                "region": "CA", "postalCode": "91608", "country": "USA", "primary": true,
            }],
            "phoneNumbers": [{"value": format!("555-{number}"), "type": "work"}],
            "userType": "Employee", "title": "Tour Guide", "preferredLanguage": "en-US", "active": true,
            ENTERPRISE: {
                "employeeNumber": number.to_string(), "costCenter": "4130", "organization": "Universal Studios",
                "division": "Theme Park", "department": "Tour Operations",
            },
        });
        json!({"method": "POST", "bulkId": number.to_string(), "path": "/Users", "data": user})
    };
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": numbers.map(operation).collect::<Vec<_>>(), "failOnErrors": null,
    })
}
