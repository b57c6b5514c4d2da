//! `entente serve`: runs the service until it is told to end.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use axum::Router;
use clap::Args;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::Common;
use crate::configuration::{self, Configuration};
use crate::data_dir::DataDir;
use crate::development::DevelopmentClock;
use crate::installation::{Client, Installation, Time};
use crate::listening::{self, Listening};
use crate::{log, tls};

/// After so long the process ends, whatever is still going on: what is not committed is done again.
const LAST_RESORT: Duration = Duration::from_secs(8);
/// Work on other threads, such as a hash, may take so long after that.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

#[derive(Args)]
#[command(after_help = "Examples:
  entente serve --data-dir /var/lib/entente --listen 127.0.0.1:8080
  entente serve --tls self-signed --listen 127.0.0.1:0
  entente serve --config /etc/entente/entente.toml")]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Folder of the database, the secrets' key and the lock; made where it is missing.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Where to listen; port 0 picks a free one.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Where everything is kept: sqlite:FILE.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// What this process does: all.
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Serve TLS: self-signed (for development), or two PEM files.
    #[arg(long, value_name = "self-signed|CERT,KEY")]
    tls: Option<String>,
    /// Lets tests set the clock, at /development/clock; only on loopback.
    #[arg(long, hide = true)]
    development_clock: bool,
}

impl Arguments {
    fn options(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("data-dir", &self.data_dir),
            ("listen", &self.listen),
            ("database-url", &self.database_url),
            ("role", &self.role),
            ("tls", &self.tls),
        ];
        given.into_iter().filter_map(|(option, text)| Some((option, text.clone()?))).collect()
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let reading =
        configuration::read(arguments.common.config.as_deref(), env::vars_os(), &arguments.options());
    if !reading.problems.is_empty() {
        let problems: Vec<String> = reading.problems.iter().map(ToString::to_string).collect();
        bail!("the configuration does not hold\n{}", problems.join("\n"));
    }
    log::start(&reading.configuration);
    for note in &reading.notes {
        tracing::warn!("{note}");
    }
    let clock = arguments.development_clock.then(DevelopmentClock::new);
    if clock.is_some() {
        if !reading.configuration.listen.is_loopback() {
            bail!("--development-clock lets everybody set the clock: listen on loopback with it");
        }
        tracing::warn!("the clock of this service can be set: it is for tests alone");
    }
    to_the_end(serve(&reading.configuration, clock))
}

/// Runs to the end on a runtime of its own, which waits for nothing that is left behind.
pub(crate) fn to_the_end(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = Runtime::new()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LEFT_BEHIND);
    outcome
}

async fn serve(configuration: &Configuration, clock: Option<Arc<DevelopmentClock>>) -> Result<()> {
    let mut signals = Signals::listen()?;
    let data = DataDir::open(&configuration.data_dir)?;
    let listener = listening::bind(&configuration.listen)?;
    let certificate = match &configuration.tls {
        Some(tls) => Some(tls::server(tls, &data, &configuration.listen)?),
        None => None,
    };
    let time = clock.as_ref().map_or_else(Time::system, Time::development);
    let installation = Installation::open(configuration, &data, time).await?;
    let client = installation.bootstrap(configuration).await?;
    installation.engine.start().await?;
    let router = clock.map_or_else(Router::new, |clock| clock.router()).merge(installation.router());
    let listening = Listening::start(listener, certificate, router, &listening::limits())?;
    introduce(&client);
    println!("listening on {}", listening.address);
    signals.came().await;
    tracing::info!("ending");
    let end = async { tokio::join!(listening.end(), installation.shutdown()) };
    tokio::select! {
        _ = end => {}
        () = signals.came() => tracing::warn!("told to end once more: ending at once"),
        () = tokio::time::sleep(LAST_RESORT) => {
            tracing::warn!("not everything ended in time; what was not committed is done again at the next start");
        }
    }
    Ok(())
}

/// Tells the client's secret where it was just made.
fn introduce(client: &Client) {
    if let Some(secret) = &client.secret {
        println!(
            "The first client, which holds every permission. Its secret is shown this once:\n  \
             tenant id      {}\n  client id      {}\n  client secret  {secret}",
            client.tenant, client.id
        );
    }
}

/// The ways by which a process is told to end. From when they are listened for, they no longer end it by themselves.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens for SIGTERM and Ctrl-C.
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Returns when one of them came.
    pub(crate) async fn came(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
