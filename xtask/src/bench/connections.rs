//! What connections that do nothing cost those who ask.

use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::{fs, io};

use testkit::rig::Entente;

use super::latency::Latencies;
use super::{release_binary, scim};
use crate::graph::{Failure, Graph};
use crate::table::Table;

/// Reads that are measured with each number of connections.
const READS: usize = 1_000;
/// Files of this process beside the connections.
const OTHERS: usize = 100;

/// Reads a user with no connections beside, with `count` that say nothing, and with as many that stop within a request.
pub(super) fn run(count: usize) -> Result<Table, Failure> {
    let files = rlimit::increase_nofile_limit(u64::MAX)?;
    if usize::try_from(files).is_ok_and(|files| files < count + OTHERS) {
        return Err(format!("the system allows {files} open files: ask for fewer connections").into());
    }
    let binary = release_binary()?;
    let folder = tempfile::tempdir()?;
    let mut entente = Entente::start(&binary, folder.path())?;
    let address = entente.base_url().trim_start_matches("http://").to_owned();
    let process = entente.process().id();
    let graph = Graph::sign_in(&entente)?;
    graph.create_users(100, scim::user)?;
    let mut table =
        Table::new(["connections beside", "number", "memory MiB", "p50 ms", "p99 ms", "longest ms"]);
    let mut measure = |what: &str, number: usize| {
        let mut reads = Latencies::of(READS, |read| {
            graph.ask(&format!("/users/user{}@example.com", read % 100)).map(drop)
        })?;
        table.row([
            what.to_owned(),
            number.to_string(),
            format!("{}", memory(process)? / 1024),
            reads.permille(500),
            reads.permille(990),
            reads.permille(1_000),
        ]);
        Ok::<_, Failure>(())
    };
    measure("none", 0)?;
    let silent: Vec<TcpStream> =
        (0..count).map(|_| TcpStream::connect(&address)).collect::<io::Result<_>>()?;
    measure("silent", silent.len())?;
    drop(silent);
    let mut half = Vec::with_capacity(count);
    for _ in 0..count {
        let mut stream = TcpStream::connect(&address)?;
        stream.write_all(b"GET /v1.0/users HTTP/1.1\r\nHost: ")?;
        half.push(stream);
    }
    measure("within a request", half.len())?;
    Ok(table)
}

/// KiB that a process holds in memory.
fn memory(process: u32) -> Result<u64, Failure> {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in the status")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
