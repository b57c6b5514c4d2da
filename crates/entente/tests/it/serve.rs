use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::{Certificate, StatusCode};
use tempfile::TempDir;

use crate::{Ran, entente, ran};

pub(crate) const TENANT: &str = "3f1c3f57-8f5e-4c55-9f2b-6d8a0f6f7c11";
pub(crate) const CLIENT: &str = "b7a4a2a6-0d0e-4d4e-9c6c-2f1d7c5e8a90";
pub(crate) const SECRET: &str = "a-secret-of-the-tests";
/// A start may take so long on a busy machine.
const START: Duration = Duration::from_mins(1);
/// An end must not take longer.
const END: Duration = Duration::from_secs(10);

/// A running `entente serve`. It is killed when this value goes.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: String,
    /// What it printed before it was ready.
    introduction: String,
    errors: Receiver<String>,
}

impl Serving {
    pub(crate) fn start(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut child = command(folder, arguments, variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        let mut err = child.stderr.take().unwrap();
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let (send, errors) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            let _ = send.send(text);
        });
        let mut serving = Self { child, address: String::new(), introduction: String::new(), errors };
        while let Ok(line) = lines.recv_timeout(START) {
            if let Some(address) = line.strip_prefix("listening on ") {
                address.clone_into(&mut serving.address);
                return serving;
            }
            serving.introduction = serving.introduction.clone() + &line + "\n";
        }
        let _ = serving.child.kill();
        panic!("it did not start: {}", serving.errors.recv_timeout(END).unwrap_or_default());
    }

    /// Sends SIGTERM and waits for the end: how it ended, and what it wrote to standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let asked = Instant::now();
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(asked.elapsed() < END, "it did not end within ten seconds");
            thread::sleep(Duration::from_millis(10));
        };
        (status.code(), self.errors.recv_timeout(END).unwrap())
    }

    /// What `introduction` tells after a label.
    fn told(&self, label: &str) -> String {
        let line = self.introduction.lines().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("no {label} in:\n{}", self.introduction)).trim().to_owned()
    }

    fn token(&self, tenant: &str, client: &str, secret: &str) -> StatusCode {
        post_token(&reqwest::Client::new(), &self.address, tenant, client, secret).unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = entente(folder);
    command.args(["serve", "--data-dir", "data", "--listen", "127.0.0.1:0"]).args(arguments);
    command.envs(variables.iter().copied());
    command
}

/// A start that is expected to fail.
fn refused(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let ran = ran(command(folder, arguments, variables).output().unwrap());
    assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{}", ran.err);
    ran
}

fn post_token(
    http: &reqwest::Client,
    address: &str,
    tenant: &str,
    client: &str,
    secret: &str,
) -> reqwest::Result<StatusCode> {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", secret),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let request = http.post(format!("{address}/{tenant}/oauth2/v2.0/token")).form(&form);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { Ok(request.send().await?.status()) })
}

pub(crate) fn folder() -> TempDir {
    // Requests need to know the provider, even where they do no TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tempfile::tempdir().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

pub(crate) const BOOTSTRAP: [(&str, &str); 3] = [
    ("ENTENTE_TENANT_ID", TENANT),
    ("ENTENTE_BOOTSTRAP_CLIENT_ID", CLIENT),
    ("ENTENTE_BOOTSTRAP_CLIENT_SECRET", SECRET),
];

fn bootstrap_and<'v>(name: &'v str, value: &'v str) -> Vec<(&'v str, &'v str)> {
    BOOTSTRAP.into_iter().chain([(name, value)]).collect()
}

#[test]
fn the_first_start_tells_its_client_once_and_it_stays() {
    let folder = folder();
    let first = Serving::start(folder.path(), &[], &[]);
    let client = [first.told("tenant id"), first.told("client id"), first.told("client secret")];
    let token = |serving: &Serving| serving.token(&client[0], &client[1], &client[2]);
    assert_eq!(token(&first), StatusCode::OK);
    assert_eq!(first.token(&client[0], &client[1], "another secret"), StatusCode::UNAUTHORIZED);
    let (status, log) = first.end();
    assert_eq!(status, Some(0), "{log}");
    assert!(!log.contains(&client[2]), "the secret is in the log");
    let second = Serving::start(folder.path(), &[], &[]);
    assert_eq!(second.introduction, "");
    assert_eq!(token(&second), StatusCode::OK);
    let data = folder.path().join("data");
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("secrets.key")), 0o600);
}

#[test]
fn a_given_client_is_not_told_and_its_secret_can_be_changed() {
    let folder = folder();
    let first = Serving::start(folder.path(), &[], &BOOTSTRAP);
    assert_eq!(first.introduction, "");
    assert_eq!(first.token(TENANT, CLIENT, SECRET), StatusCode::OK);
    assert_eq!(first.end().0, Some(0));
    let mut changed = BOOTSTRAP;
    changed[2].1 = "another-secret-of-the-tests";
    let second = Serving::start(folder.path(), &[], &changed);
    assert_eq!(second.token(TENANT, CLIENT, changed[2].1), StatusCode::OK);
    assert_eq!(second.token(TENANT, CLIENT, SECRET), StatusCode::UNAUTHORIZED);
}

#[test]
fn the_clock_can_be_set_only_where_it_was_asked_for_on_loopback() {
    let folder = folder();
    let open = entente(folder.path())
        .args(["serve", "--data-dir", "data", "--listen", "0.0.0.0:0", "--development-clock"])
        .env("ENTENTE_ALLOW_PLAIN_HTTP", "true")
        .output()
        .unwrap();
    let words = String::from_utf8(open.stderr).unwrap();
    assert!(!open.status.success() && words.contains("listen on loopback"), "{words}");
    let serving = Serving::start(folder.path(), &[], &BOOTSTRAP);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = format!("{}/development/clock", serving.address);
    let answer = runtime.block_on(async { reqwest::get(url).await.unwrap().status() });
    assert!(answer.is_client_error(), "{answer}");
}

#[test]
fn a_data_directory_belongs_to_one_process_and_is_free_after_a_kill() {
    let folder = folder();
    let mut first = Serving::start(folder.path(), &[], &BOOTSTRAP);
    let second = refused(folder.path(), &[], &BOOTSTRAP);
    let words = format!("another Entente (process {}) uses the data directory data", first.child.id());
    assert!(second.err.contains(&words), "{}", second.err);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let third = Serving::start(folder.path(), &[], &BOOTSTRAP);
    assert_eq!(third.token(TENANT, CLIENT, SECRET), StatusCode::OK);
}

#[test]
fn tls_is_served_with_the_certificate_of_the_data_directory() {
    let folder = folder();
    let serving = Serving::start(folder.path(), &["--tls", "self-signed"], &BOOTSTRAP);
    let port = serving.address.strip_prefix("https://127.0.0.1:").expect("an https address");
    let pem = fs::read(folder.path().join("data/self-signed.pem")).unwrap();
    let client = |trusted: bool| {
        let mut builder = reqwest::Client::builder().no_proxy();
        if trusted {
            builder = builder.tls_certs_only([Certificate::from_pem(&pem).unwrap()]);
        }
        builder.build().unwrap()
    };
    for host in ["localhost", "127.0.0.1"] {
        let address = format!("https://{host}:{port}");
        assert_eq!(
            post_token(&client(true), &address, TENANT, CLIENT, SECRET).unwrap(),
            StatusCode::OK,
            "{host}"
        );
        assert!(
            post_token(&client(false), &address, TENANT, CLIENT, SECRET).is_err(),
            "nobody trusts it unasked"
        );
    }
    assert_eq!(mode(&folder.path().join("data/self-signed.key")), 0o600);
    assert_eq!(serving.end().0, Some(0));
    // The files can be served by name, and stay the same.
    let files = "data/self-signed.pem,data/self-signed.key";
    let again = Serving::start(folder.path(), &["--tls", files], &BOOTSTRAP);
    let status = post_token(&client(true), &again.address, TENANT, CLIENT, SECRET).unwrap();
    assert_eq!(status, StatusCode::OK);
}

#[test]
fn what_cannot_be_served_is_refused_with_the_mend() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    fs::write(folder.path().join("broken.pem"), "nothing").unwrap();
    for (arguments, words) in [
        (&["--listen", "0.0.0.0:0"][..], "--listen: 0.0.0.0:0 can be reached from outside"),
        (&["--listen", &taken], "Address already in use"),
        (&["--role", "worker"], "--role: role is 'worker'"),
        (&["--database-url", "postgres://x/y"], "--database-url: database_url is 'postgres://x/y'"),
        (&["--tls", "broken.pem,broken.pem"], "holds no private key"),
        (&["--config", "missing.toml"], "missing.toml:1:1: cannot be read"),
    ] {
        let mut command = entente(folder.path());
        // A later option takes the place of an earlier one only where it may be repeated, so each stands alone.
        command.args(["serve", "--data-dir", "data"]).args(arguments);
        let ran = ran(command.output().unwrap());
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn another_secrets_key_is_refused() {
    let folder = folder();
    let key = "5a".repeat(32);
    let first = Serving::start(folder.path(), &[], &bootstrap_and("ENTENTE_SECRETS_KEY", &key));
    assert!(!folder.path().join("data/secrets.key").exists());
    assert_eq!(first.end().0, Some(0));
    let other = refused(folder.path(), &[], &bootstrap_and("ENTENTE_SECRETS_KEY", &"5b".repeat(32)));
    assert!(other.err.contains("secrets key is not the one"), "{}", other.err);
    let none = refused(folder.path(), &[], &BOOTSTRAP);
    assert!(none.err.contains("secrets.key is missing"), "{}", none.err);
    assert_eq!(
        Serving::start(folder.path(), &[], &bootstrap_and("ENTENTE_SECRETS_KEY", &key)).end().0,
        Some(0)
    );
}

#[test]
fn log_lines_can_be_json() {
    let folder = folder();
    let json = bootstrap_and("ENTENTE_LOG_FORMAT", "json");
    let (status, log) = Serving::start(folder.path(), &[], &json).end();
    assert_eq!(status, Some(0));
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["message"] == "ending"), "{log}");
}
