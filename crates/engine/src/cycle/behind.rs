//! Commits that become durable while the cycle goes on.
//!
//! One at most is under way. It keeps its place before every later write, so what is written does not depend on when it
//! lands; what is read may, and whoever reads something that a commit under way can change first waits until it has
//! [`landed`](Behind::landed).

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use store::{Result, StoreError};
use tokio::task::JoinHandle;

/// The commit that is under way, where one is. It lands also where nobody waits for it any more.
#[derive(Default)]
pub(crate) struct Behind(Mutex<Option<JoinHandle<Result<()>>>>);

impl Behind {
    /// Begins a commit once the one before has landed.
    pub(crate) async fn send(&self, work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
        self.landed().await?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tokio::spawn(work));
        Ok(())
    }

    /// Waits until nothing is under way, and tells whether it became durable.
    pub(crate) async fn landed(&self) -> Result<()> {
        let under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match under_way {
            None => Ok(()),
            Some(commit) => commit
                .await
                .unwrap_or_else(|error| Err(StoreError::Unavailable(format!("a commit broke off: {error}")))),
        }
    }
}
