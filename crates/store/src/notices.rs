use async_trait::async_trait;
use model::{Name, Timestamp, Uuid};

use crate::Result;

/// A notice on its way to people: kept until its channel has taken it, so that it outlives a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingNotice {
    /// Identifies it within its channel; the same on every try.
    pub id: Uuid,
    /// Which way it goes.
    pub channel: Name,
    /// The notice, a text of the engine's.
    pub body: String,
    /// Tries so far.
    pub attempts: u32,
    /// When the next is made.
    pub next: Timestamp,
}

/// Notices that wait to be delivered, of every tenant.
#[async_trait]
pub trait NoticeStore: Send + Sync {
    /// Writes a notice, by id and channel.
    async fn put_notice(&self, notice: PendingNotice) -> Result<()>;

    /// Notices that are due by `now`, those first that are due the longest.
    async fn due_notices(&self, now: Timestamp, limit: usize) -> Result<Vec<PendingNotice>>;

    /// When the next notice falls due.
    async fn next_notice(&self) -> Result<Option<Timestamp>>;

    /// Removes a notice: it was delivered, or given up.
    async fn drop_notice(&self, id: Uuid, channel: &str) -> Result<()>;
}
