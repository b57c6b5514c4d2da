//! How fast account discovery reads the accounts of a target. The target is the SCIM service of a second Entente, so that its
//! pages cost what a real server's do; the bare paging loop does nothing but ask it for one page after another and read
//! the JSON, so that what it reaches is what the target's paging allows.
//!
//! The target runs on the same machine as the process that discovers, so the two share its processors: with two of them, the bare
//! loop keeps one busy, by turns in the target and in the loop, and all that discovery does beside listing must fit into
//! the other. The processor time for each account tells whether it does, whatever else the machine was busy with.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use testkit::rig::Entente;

use super::directory::{import, write_users};
use super::release_binary;
use crate::graph::{Failure, Graph};
use crate::table::Table;

/// Accounts of a page: what jobs ask for where their settings say nothing else.
const PAGE: usize = 100;
/// The most octets of a page.
const PAGE_SIZE: u64 = 16 << 20;
/// Pause between two looks at a report.
const POLL: Duration = Duration::from_millis(50);

/// Discovers `accounts` accounts of people whom the source has too, between two runs of the bare paging loop, so that a
/// machine that slows down shows.
pub(super) fn run(accounts: usize) -> Result<Table, Failure> {
    let binary = release_binary()?;
    let folder = tempfile::tempdir()?;
    let users = write_users(&folder.path().join("users.ndjson"), accounts)?;
    let folders = ["source", "target"].map(|name| folder.path().join(name));
    for one in &folders {
        import(&binary, &Entente::start(&binary, one)?, &users)?;
    }
    // In new processes, so that the memory is not that of the import.
    let [source, target] = &folders;
    let (mut source, target) = (Entente::start(&binary, source)?, Entente::start(&binary, target)?);
    let base = format!("{}/scim/v2", target.base_url());
    let token = Graph::sign_in(&target)?.token().to_owned();

    let before = bare_loop(&base, &token, accounts)?;
    let discovery = discover(&mut source, &base, &token, accounts)?;
    let after = bare_loop(&base, &token, accounts)?;
    let bare = before.midpoint(after);
    let mut table = Table::new(["accounts read by", "accounts", "seconds", "accounts/s", "ratio"]);
    let rows = [
        ("bare paging loop", before),
        ("account discovery", discovery.seconds),
        ("  of it until all were listed", discovery.listing),
        ("bare paging loop", after),
    ];
    for (name, seconds) in rows {
        #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
        let rate = accounts as f64 / seconds;
        table.row([
            name.to_owned(),
            accounts.to_string(),
            format!("{seconds:.2}"),
            format!("{rate:.0}"),
            format!("{:.2}", bare / seconds),
        ]);
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of a bench are far below 2^52")]
    let each = format!("{:.0}", discovery.processor * 1e6 / accounts as f64);
    let peak = format!("{:.0}", peak_mib(source.process().id())?);
    let none = String::new;
    for (name, figure) in [
        ("processor time of the discovering process for each account, µs", each),
        ("peak memory of the discovering process, MiB", peak),
    ] {
        table.row([name.to_owned(), none(), none(), figure, none()]);
    }
    Ok(table)
}

/// Seconds that it takes to ask for all accounts, page by page.
fn bare_loop(base: &str, token: &str, accounts: usize) -> Result<f64, Failure> {
    let agent = ureq::Agent::new_with_defaults();
    let begin = Instant::now();
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let request = agent.get(format!("{base}/Users?count={PAGE}")).query("cursor", &cursor);
        let mut answer = request.header("Authorization", format!("Bearer {token}")).call()?;
        let body = answer.body_mut().with_config().limit(PAGE_SIZE).read_to_vec()?;
        let page: Value = serde_json::from_slice(&body)?;
        seen += page.pointer("/Resources").and_then(Value::as_array).map_or(0, Vec::len);
        match page.pointer("/nextCursor").and_then(Value::as_str) {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    if seen == accounts {
        Ok(begin.elapsed().as_secs_f64())
    } else {
        Err(format!("the paging loop saw {seen} accounts of {accounts}").into())
    }
}

/// What a discovery took, in seconds.
struct Discovery {
    /// Until every account was listed.
    listing: f64,
    /// In all.
    seconds: f64,
    /// Of the processors, in the process that discovers.
    processor: f64,
}

fn discover(source: &mut Entente, base: &str, token: &str, accounts: usize) -> Result<Discovery, Failure> {
    let graph = Graph::sign_in(source)?;
    let job = graph.create_job(base, token, 1)?;
    let process = source.process().id();
    let (begin, used) = (Instant::now(), processor_seconds(process)?);
    let path = graph.discover_accounts(&job)?;
    let mut listing = None;
    let report = loop {
        let report = graph.ask(&path)?;
        let listed = report.pointer("/progress/accounts").and_then(Value::as_u64);
        if listed == Some(u64::try_from(accounts)?) {
            listing.get_or_insert(begin.elapsed().as_secs_f64());
        }
        match report.pointer("/status").and_then(Value::as_str) {
            Some("running") => thread::sleep(POLL),
            _ => break report,
        }
    };
    let seconds = begin.elapsed().as_secs_f64();
    let processor = processor_seconds(process)? - used;
    let matched = report.pointer("/counts/correlatedAssigned").and_then(Value::as_u64).unwrap_or_default()
        + report.pointer("/counts/correlatedNotAssigned").and_then(Value::as_u64).unwrap_or_default();
    if matched == u64::try_from(accounts)? {
        Ok(Discovery { listing: listing.unwrap_or(seconds), seconds, processor })
    } else {
        Err(format!("the report does not know whose all accounts are: {report:#}").into())
    }
}

/// The processor time that a process has used.
fn processor_seconds(process: u32) -> Result<f64, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // After the name, which may hold anything, in brackets; the 14th and 15th field of proc(5), in hundredths.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: Vec<f64> = fields.skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / 100.0)
}

/// The most memory that a process ever had.
fn peak_mib(process: u32) -> Result<f64, Failure> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 =
        line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("the system tells no VmHWM")?.parse()?;
    Ok(kib / 1024.0)
}
