//! Progress: a bar on a terminal, lines now and then elsewhere.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Lines that one piece of work may print where there is no terminal, beside the last.
const LINES: u64 = 4;

/// The progress of one piece of work.
pub(crate) struct Progress {
    what: &'static str,
    bar: ProgressBar,
    is_drawn: bool,
    /// Where there is no terminal, how many were done when that was last printed.
    printed: AtomicU64,
}

impl Progress {
    /// Begins; the total may become known later.
    pub(crate) fn begin(what: &'static str, total: u64) -> Self {
        let is_drawn = io::stderr().is_terminal();
        let target = if is_drawn { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let style = ProgressStyle::with_template("  {msg:<32} {bar:24} {pos:>6}/{len:<6} {elapsed:>4}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_message(what);
        if is_drawn {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { what, bar, is_drawn, printed: AtomicU64::new(0) }
    }

    /// More were done.
    pub(crate) fn advance(&self, by: usize) {
        self.bar.inc(u64::try_from(by).unwrap_or(0));
        self.print();
    }

    /// So many of so many are done.
    pub(crate) fn set(&self, done: u64, total: u64) {
        self.bar.set_length(total.max(done));
        self.bar.set_position(done);
        self.print();
    }

    /// So many were done, and they were all.
    pub(crate) fn end_with(self, done: u64) {
        self.bar.set_length(done);
        self.end();
    }

    /// All is done. The last state stays in sight.
    pub(crate) fn end(self) {
        if let Some(total) = self.bar.length() {
            self.bar.set_position(total);
        }
        if self.is_drawn {
            self.bar.abandon();
        } else {
            println!("  {}: {} done", self.what, self.bar.position());
        }
    }

    fn print(&self) {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let last = self.printed.load(Ordering::Relaxed);
        if !self.is_drawn && done > last && done < total && done - last >= total / (LINES + 1) {
            self.printed.store(done, Ordering::Relaxed);
            println!("  {}: {done} of {total}", self.what);
        }
    }
}
