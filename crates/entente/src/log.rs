//! Log lines, on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use crate::configuration::{Configuration, LogFormat};

/// Starts logging as the configuration says. What was checked when the configuration was read cannot fail here.
pub(crate) fn start(configuration: &Configuration) {
    let filter: Targets = configuration.log.parse().unwrap_or_default();
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match configuration.log_format {
        LogFormat::Human => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Fails only where logging was started before.
    let _ = registry().with(lines.with_filter(filter)).try_init();
}
