//! How many users per second reach a real SCIM server. The load generator does nothing but send prepared creates, so
//! what it reaches is what the server can take.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::rig::{Entente, Scim2Server};

use super::release_binary;
use crate::graph::{Failure, Graph};
use crate::table::Table;

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// An answer to a create is a user: no more than this is read of it.
const ANSWER_SIZE: u64 = 1 << 20;

/// Creates `users` users with `concurrency` requests in flight: by the load generator, by an initial cycle of Entente,
/// and by the load generator again, each time at an empty server, so that a machine that slows down shows.
pub(super) fn run(users: usize, concurrency: usize) -> Result<Table, Failure> {
    let binary = release_binary()?;
    let mut table = Table::new(["users created by", "users", "in flight", "seconds", "users/s", "ratio"]);
    let before = plain_load(users, concurrency)?;
    let ours = initial_cycle(&binary, users, concurrency)?;
    let after = plain_load(users, concurrency)?;
    let plain = before.midpoint(after);
    for (name, seconds) in [("load generator", before), ("initial cycle", ours), ("load generator", after)] {
        table.row([
            name.to_owned(),
            users.to_string(),
            concurrency.to_string(),
            format!("{seconds:.2}"),
            format!("{:.0}", rate(users, seconds)),
            format!("{:.2}", plain / seconds),
        ]);
    }
    Ok(table)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

/// Seconds that Entente takes from the start of a job to the end of its initial cycle.
fn initial_cycle(binary: &Path, users: usize, concurrency: usize) -> Result<f64, Failure> {
    let server = Scim2Server::start()?;
    let folder = tempfile::tempdir()?;
    let entente = Entente::start(binary, folder.path())?;
    let graph = Graph::sign_in(&entente)?;
    graph.create_users(users, user)?;
    let job = graph.create_job(&server.base_url(), Scim2Server::TOKEN, concurrency)?;
    Ok(graph.run_initial_cycle(&job)?.as_secs_f64())
}

/// A user of the directory that becomes what [`create`] sends.
pub(super) fn user(number: usize) -> Value {
    json!({
        "accountEnabled": true, "userPrincipalName": format!("user{number}@example.com"),
        "mailNickname": number.to_string(), "displayName": format!("User {number}"), "jobTitle": "Engineer",
        "preferredLanguage": "en-US", "givenName": "User", "surname": format!("Number {number}"),
        "mail": format!("user{number}@example.com"), "businessPhones": [format!("+1 555 {number}")],
        "employeeId": number.to_string(), "department": "Research",
        "passwordProfile": {"password": "Not-a-secret-1"},
    })
}

/// Seconds that prepared creates take, sent from as many threads as requests may be in flight.
fn plain_load(users: usize, concurrency: usize) -> Result<f64, Failure> {
    let server = Scim2Server::start()?;
    Ok(send_creates(server.address(), users, concurrency)?.as_secs_f64())
}

fn send_creates(address: SocketAddr, users: usize, concurrency: usize) -> io::Result<Duration> {
    let next = AtomicUsize::new(0);
    let work = || -> io::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= users {
                return Ok(());
            }
            create(address, number)?;
        }
    };
    let begin = Instant::now();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..concurrency).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().unwrap_or_else(|_| Err(io::Error::other("a worker of the load generator panicked")))
        })
    })?;
    Ok(begin.elapsed())
}

/// One create, the size of what the default mappings of the `scim` template send.
fn create(address: SocketAddr, number: usize) -> io::Result<()> {
    let body = format!(
        concat!(
            r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","#,
            r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"#,
            r#""userName":"user{0}@example.com","externalId":"{0}","active":true,"displayName":"User {0}","#,
            r#""title":"Engineer","preferredLanguage":"en-US","#,
            r#""name":{{"givenName":"User","familyName":"Number {0}","formatted":"User Number {0}"}},"#,
            r#""emails":[{{"type":"work","primary":true,"value":"user{0}@example.com"}}],"#,
            r#""phoneNumbers":[{{"type":"work","value":"+1 555 {0}"}}],"#,
            r#""urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":"#,
            r#"{{"employeeNumber":"{0}","department":"Research"}}}}"#
        ),
        number
    );
    let request = format!(
        "POST /v2/Users HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
         Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n{body}",
        Scim2Server::TOKEN,
        body.len()
    );
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER_LIMIT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_SIZE).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    match answer.split_ascii_whitespace().nth(1) {
        Some("201") => Ok(()),
        _ => Err(io::Error::other(format!("a create was refused:\n{answer}"))),
    }
}
