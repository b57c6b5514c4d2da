//! Where a simulation comes between the callers and the database.

use async_trait::async_trait;
use futures::executor::block_on;
use store::StoreError;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads one state of the database.
    Read,
    /// It writes after the writes of its kind that were asked for before, and may overtake bulk writes.
    Write,
    /// It writes after the bulk writes that were asked for before.
    BulkWrite,
}

/// A call that is still to be made.
pub type Work<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Decides when the calls of a simulated process take effect, and whether its answers arrive.
#[async_trait]
pub trait Steps: Send + Sync {
    /// Runs `work`, which is the call, once; where the process dies before, never. The caller goes on when this ends.
    async fn take(&self, access: Access, work: Work<'_>);
}

/// Makes a call when the steps say so.
pub(crate) async fn take<R: Send>(
    steps: &dyn Steps,
    access: Access,
    call: impl Future<Output = store::Result<R>> + Send,
) -> store::Result<R> {
    let mut answer = None;
    steps.take(access, Box::new(|| answer = Some(block_on(call)))).await;
    answer.unwrap_or_else(|| Err(StoreError::Unavailable("the simulation did not make the call".to_owned())))
}
