//! Configuration: `entente.toml`, `ENTENTE_*` variables and options of the command line. A variable wins over the file,
//! an option over both. Reading finds every problem there is, each with its place and its mend.

mod issuers;
mod keys;
mod read;
mod texts;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use model::{TenantId, Uuid};
use reqwest::Url;
use server::auth::TrustedIssuer;

use crate::notifications::{MailServer, Webhook};
use crate::upkeep::Retention;

pub(crate) use issuers::{FIELDS as ISSUER_FIELDS, is_safe as is_safe_issuer};
pub(crate) use keys::KEYS;
pub(crate) use read::read;

/// The file that is read where none is named.
pub(crate) const FILE: &str = "entente.toml";

/// What the service runs with.
#[derive(Clone)]
pub(crate) struct Configuration {
    /// Where the database, the key of the secrets and the lock lie.
    pub(crate) data_dir: PathBuf,
    /// Where it listens.
    pub(crate) listen: Listen,
    /// The address by which clients reach it, without a slash at the end; what a request names where none.
    pub(crate) public_url: Option<String>,
    /// Whether plain HTTP is served beyond loopback.
    pub(crate) allow_plain_http: bool,
    /// TLS, where it is served.
    pub(crate) tls: Option<Tls>,
    /// The SQLite file, where it does not lie in the data directory.
    pub(crate) database: Option<PathBuf>,
    /// What is logged, in the words of `tracing`'s filter.
    pub(crate) log: String,
    /// How it is logged.
    pub(crate) log_format: LogFormat,
    /// How long things are kept.
    pub(crate) retention: Retention,
    /// Uploads that a tenant may send in a second.
    pub(crate) uploads_per_second: u32,
    /// Who takes mail about jobs; nobody where it has no host.
    pub(crate) mail: MailServer,
    /// Where notices about jobs are posted.
    pub(crate) webhook_url: Option<Url>,
    /// What signs them.
    pub(crate) webhook_secret: Option<String>,
    /// Who else issues tokens that are taken.
    pub(crate) issuers: Vec<TrustedIssuer>,
    /// The tenant of the bootstrap client.
    pub(crate) tenant: Option<TenantId>,
    /// The bootstrap client.
    pub(crate) bootstrap_client: Option<Uuid>,
    /// Its secret.
    pub(crate) bootstrap_secret: Option<String>,
    /// The key that opens the secrets at rest.
    pub(crate) secrets_key: Option<SecretsKey>,
}

/// A key of 256 bits. Debug output does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretsKey(pub(crate) [u8; 32]);

impl fmt::Debug for SecretsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretsKey(…)")
    }
}

/// A host and a port; 0 picks a free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Listen {
    /// True where only this machine can connect.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// True where a host is this machine alone.
fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Where the certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Made at the start, for development: no client trusts it unless told to.
    SelfSigned,
    /// PEM files.
    Files { certificate: PathBuf, key: PathBuf },
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For eyes.
    Human,
    /// One JSON object per line.
    Json,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("entente-data"),
            listen: Listen { host: "127.0.0.1".to_owned(), port: 8080 },
            public_url: None,
            allow_plain_http: false,
            tls: None,
            database: None,
            log: "info".to_owned(),
            log_format: LogFormat::Human,
            retention: Retention::default(),
            uploads_per_second: 1_000,
            mail: MailServer::default(),
            webhook_url: None,
            webhook_secret: None,
            issuers: Vec::new(),
            tenant: None,
            bootstrap_client: None,
            bootstrap_secret: None,
            secrets_key: None,
        }
    }
}

impl Configuration {
    /// The SQLite file.
    pub(crate) fn database_file(&self) -> PathBuf {
        self.database.clone().unwrap_or_else(|| self.data_dir.join("entente.db"))
    }

    /// Where notices are posted, with what signs them.
    pub(crate) fn webhook(&self) -> Option<Webhook> {
        Some(Webhook { url: self.webhook_url.clone()?, secret: self.webhook_secret.clone()? })
    }
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nowhere: it is the default.
    Default,
    /// In a file; lines and columns count from one.
    File { path: PathBuf, line: usize, column: usize },
    /// In an environment variable.
    Variable(&'static str),
    /// On the command line, under this option.
    Option(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Option(name) => write!(f, "--{name}"),
        }
    }
}

/// Something that is wrong, with its place and its mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) place: Place,
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}
