//! Real server processes for tests and benches: started on a free port, probed until they answer, ended by process id.
//!
//! Only the standard library is used, so that any crate's tests can have a rig without further dependencies.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take until it answers its first request. Python servers need seconds on a busy machine.
const START_LIMIT: Duration = Duration::from_mins(1);
/// A port that was free may be taken by another process before the server binds it: then another one is tried.
const START_ATTEMPTS: usize = 5;
/// Where free ports are looked for.
const PORTS: Range<u16> = 12_000..30_000;
/// Pause between two probes.
const PROBE_PAUSE: Duration = Duration::from_millis(20);
/// Names a program to use as `scim2-server` in place of the one in the virtual environment.
const SCIM2_SERVER: &str = "ENTENTE_SCIM2_SERVER";

/// Why a rig could not be set up, in words.
#[derive(Debug)]
pub struct RigError(String);

impl fmt::Display for RigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RigError {}

/// A port of the loopback interface that nothing listened on a moment ago.
///
/// It lies below those that systems give to connections and to listeners that do not care: one of them could have it
/// before a server that starts slowly, and be taken for that server.
pub fn free_port() -> io::Result<u16> {
    let spread = u64::from(PORTS.end - PORTS.start);
    // Keyed anew in every process and every time.
    let first = RandomState::new().hash_one(std::process::id()) % spread;
    let port = |step| u16::try_from((first + step) % spread).map_or(PORTS.start, |place| PORTS.start + place);
    let mut ports = (0..spread).map(port);
    let free = ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.ok_or_else(|| io::Error::from(io::ErrorKind::AddrInUse))
}

/// A child process that is ended (`SIGKILL`, by its id) when this value is dropped. What it prints is kept in a file
/// and shown when it does not start.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program with its output kept.
    pub fn spawn(command: &mut Command) -> Result<Self, RigError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let log = std::env::temp_dir().join(format!("entente-rig-{}-{number}.log", std::process::id()));
        let opened = File::create(&log).and_then(|out| Ok((out.try_clone()?, out)));
        let (out, err) =
            opened.map_err(|error| RigError(format!("cannot write {}: {error}", log.display())))?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn().map_err(|error| {
            RigError(format!("cannot start {}: {error}", command.get_program().to_string_lossy()))
        })?;
        Ok(Self { child, log })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process at once, as `kill -9` does, and waits until it is gone. A process that is gone already is no
    /// error.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?;
        self.child.wait()
    }

    /// What the process has printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits for a line that begins with `start`, and returns what follows on it.
    ///
    /// Ends with an error that shows the process's output when it exits before or does not print it in time.
    pub fn wait_for_line(&mut self, start: &str) -> Result<String, RigError> {
        self.wait_for(&format!("print a line '{start}…'"), |process| {
            let output = process.output();
            // The last line may be half written.
            let complete = output.rsplit_once('\n').map_or("", |(lines, _)| lines);
            complete.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned)
        })
    }

    /// Waits until an HTTP request for `path` is answered, whatever the status.
    ///
    /// Ends with an error that shows the process's output when it exits before or does not answer in time.
    pub fn wait_for_http(&mut self, address: SocketAddr, path: &str) -> Result<(), RigError> {
        self.wait_for(&format!("answer on {address}"), |_| answers(address, path).then_some(()))
    }

    fn wait_for<T>(&mut self, what: &str, probe: impl Fn(&Self) -> Option<T>) -> Result<T, RigError> {
        let begin = Instant::now();
        loop {
            // A process may print and exit between two looks: the output is looked at after the state.
            let state = self.child.try_wait();
            if let Some(found) = probe(self) {
                return Ok(found);
            }
            let trouble = match state {
                Ok(None) if begin.elapsed() < START_LIMIT => None,
                Ok(None) => Some(format!("did not {what} within {START_LIMIT:?}")),
                Ok(Some(status)) => Some(format!("ended ({status}) and did not {what}")),
                Err(error) => Some(format!("cannot be waited for: {error}")),
            };
            if let Some(trouble) = trouble {
                return Err(RigError(format!("the process {trouble}; it printed:\n{}", self.output())));
            }
            thread::sleep(PROBE_PAUSE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing can be done here about a process that cannot be ended or a file that cannot be removed.
        let _ = self.kill();
        let _ = fs::remove_file(&self.log);
    }
}

/// Whether something speaks HTTP there.
fn answers(address: SocketAddr, path: &str) -> bool {
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut start = [0; 5];
        stream.read_exact(&mut start)?;
        Ok(&start == b"HTTP/")
    };
    ask().unwrap_or(false)
}

/// A running `scim2-server` (the package of that name on `PyPI`): a SCIM 2.0 service that keeps everything in memory
/// and wants a bearer token.
#[derive(Debug)]
pub struct Scim2Server {
    process: Process,
    address: SocketAddr,
}

impl Scim2Server {
    /// The bearer token that every server started here accepts.
    pub const TOKEN: &'static str = "rig-token";

    /// Starts an empty server on a free port and returns when it answers.
    ///
    /// The program is the one in the repository's virtual environment (`./test` makes it), or what the environment
    /// variable `ENTENTE_SCIM2_SERVER` names.
    pub fn start() -> Result<Self, RigError> {
        let program = scim2_server_program()?;
        let mut last = RigError("no attempt was made".to_owned());
        for _ in 0..START_ATTEMPTS {
            let port = free_port().map_err(|error| RigError(format!("no free port: {error}")))?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let mut command = Command::new(&program);
            command.args([
                "--hostname",
                "127.0.0.1",
                "--bearer-token",
                Self::TOKEN,
                "--port",
                &port.to_string(),
            ]);
            let mut process = Process::spawn(&mut command)?;
            match process.wait_for_http(address, "/v2/ServiceProviderConfig") {
                Ok(()) => return Ok(Self { process, address }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The base address of the SCIM service, as a job's `BaseAddress` secret wants it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v2", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process, to kill it or to read what it printed.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A running `entente serve` on a data directory that outlives it.
#[derive(Debug)]
pub struct Entente {
    process: Process,
    base_url: String,
}

impl Entente {
    /// The tenant of every installation started here.
    pub const TENANT: &'static str = "3f1c3f57-8f5e-4c55-9f2b-6d8a0f6f7c11";
    /// The bootstrap client, which holds every permission.
    pub const CLIENT: &'static str = "b7a4a2a6-0d0e-4d4e-9c6c-2f1d7c5e8a90";
    /// Its secret.
    pub const SECRET: &'static str = "bootstrap-secret-of-the-rig";

    /// Starts the binary `program` on a free port and returns when it says that it listens.
    pub fn start(program: &Path, data: &Path) -> Result<Self, RigError> {
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("ENTENTE_TENANT_ID", Self::TENANT)
            .env("ENTENTE_BOOTSTRAP_CLIENT_ID", Self::CLIENT)
            .env("ENTENTE_BOOTSTRAP_CLIENT_SECRET", Self::SECRET);
        let mut process = Process::spawn(&mut command)?;
        let base_url = process.wait_for_line("listening on ")?;
        Ok(Self { process, base_url })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The process, to kill it or to read what it printed.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// Where the program is.
fn scim2_server_program() -> Result<OsString, RigError> {
    if let Some(program) = std::env::var_os(SCIM2_SERVER) {
        return Ok(program);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = root.join(".venv/bin/scim2-server");
    if program.exists() {
        return Ok(program.into_os_string());
    }
    Err(RigError(format!(
        "scim2-server is not installed: run ./test once (it makes .venv), or set {SCIM2_SERVER} to the program"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_answers_and_is_gone_after_it_was_dropped() {
        let mut server = Scim2Server::start().unwrap();
        let address = server.address();
        assert!(answers(address, "/v2/Users"));
        assert!(server.process().id() > 0);
        drop(server);
        assert!(!answers(address, "/v2/Users"));
    }

    #[test]
    fn a_program_that_ends_at_once_is_reported_with_what_it_printed() {
        let mut process =
            Process::spawn(Command::new("sh").args(["-c", "echo no luck >&2; exit 3"])).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port().unwrap()));
        let error = process.wait_for_http(address, "/").unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no luck"), "{error}");
    }

    #[test]
    fn a_line_is_found_though_the_process_ends_after_it() {
        let mut process =
            Process::spawn(Command::new("sh").args(["-c", "echo one; echo two words"])).unwrap();
        assert_eq!(process.wait_for_line("two ").unwrap(), "words");
        assert!(process.wait_for_line("three").unwrap_err().to_string().contains("one\ntwo words"));
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Process::spawn(&mut Command::new("no-such-program")).unwrap_err().to_string();
        assert!(error.contains("no-such-program"), "{error}");
    }
}
