//! Commits that become durable while the cycle goes on.
//!
//! They land in the order in which they were sent, before every later write, so what is written does not depend on when
//! they land; what is read may, and whoever reads something that a commit under way can change first waits until it has
//! [`landed`](Behind::landed).
//!
//! Pages are worked on beside one another, and end in their turn. What decides about the objects of one may wait until
//! all [`before`](Behind::before) it are durable.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt as _;
use store::{Result, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Commits that may be waiting while somebody goes on.
const MOST: u64 = 1;

/// The commits that are under way. They land also where nobody waits for them any more.
#[derive(Default)]
pub(crate) struct Behind {
    last: Mutex<Option<JoinHandle<()>>>,
    sent: AtomicU64,
    turns: AtomicU64,
    landed: Arc<watch::Sender<Landed>>,
}

/// How far the commits are.
#[derive(Debug, Default)]
struct Landed {
    commits: u64,
    turn: u64,
    /// What the first that failed came to: nothing is written after it.
    failure: Option<StoreError>,
}

impl Behind {
    /// The number of the next page.
    pub(crate) fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Begins a commit after those before it, and waits where too many are under way. `turn` is the page that it ends,
    /// where it ends one.
    pub(crate) async fn send(
        &self,
        turn: Option<u64>,
        work: impl Future<Output = Result<()>> + Send + 'static,
    ) -> Result<()> {
        let sent = self.begin(turn, work);
        self.wait(|landed| landed.commits + MOST >= sent).await
    }

    /// Its place is settled before anything is waited for.
    fn begin(&self, turn: Option<u64>, work: impl Future<Output = Result<()>> + Send + 'static) -> u64 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, landed) = (last.take(), self.landed.clone());
        *last = Some(tokio::spawn(async move {
            if let Some(before) = before {
                // What came of it stands where everybody looks.
                let _ = before.await;
            }
            let mut done = Ok(());
            if landed.borrow().failure.is_none() {
                let broken = || StoreError::Unavailable("a commit broke off".to_owned());
                done = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| Err(broken()));
            }
            landed.send_modify(|landed| {
                landed.commits += 1;
                landed.turn = turn.unwrap_or(0).max(landed.turn);
                if let Err(error) = done {
                    landed.failure.get_or_insert(error);
                }
            });
        }));
        self.sent.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Waits until nothing is under way, and tells whether it became durable.
    pub(crate) async fn landed(&self) -> Result<()> {
        let sent = self.sent.load(Ordering::Relaxed);
        self.wait(|landed| landed.commits >= sent).await
    }

    /// As [`landed`](Self::landed), once all pages before this turn have ended.
    pub(crate) async fn before(&self, turn: u64) -> Result<()> {
        self.wait(|landed| landed.turn + 1 >= turn).await?;
        self.landed().await
    }

    async fn wait(&self, reached: impl Fn(&Landed) -> bool) -> Result<()> {
        let mut landed = self.landed.subscribe();
        // The sender lives as long as this does.
        let _ = landed.wait_for(|landed| landed.failure.is_some() || reached(landed)).await;
        landed.borrow().failure.clone().map_or(Ok(()), Err)
    }
}
