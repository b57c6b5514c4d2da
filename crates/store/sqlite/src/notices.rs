//! Notices that wait to be delivered.

use async_trait::async_trait;
use model::{Timestamp, Uuid};
use rusqlite::{Row, params};
use store::{NoticeStore, PendingNotice};

use crate::SqliteStore;
use crate::encode::{limit, micros, moment};
use crate::error::Done;
use crate::session::text;

fn notice(row: &Row<'_>) -> Done<PendingNotice> {
    Ok(PendingNotice {
        id: row.get(0)?,
        channel: text(row, 1)?,
        body: row.get(2)?,
        attempts: row.get(3)?,
        next: moment(row.get(4)?)?,
    })
}

#[async_trait]
impl NoticeStore for SqliteStore {
    async fn put_notice(&self, notice: PendingNotice) -> store::Result<()> {
        self.write(move |session| {
            let PendingNotice { id, channel, body, attempts, next } = notice;
            session.run(
                "INSERT OR REPLACE INTO notice (id, channel, body, attempts, next) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![id, channel.as_str(), body, attempts, micros(next)],
            )?;
            Ok(())
        })
        .await
    }

    async fn due_notices(&self, now: Timestamp, most: usize) -> store::Result<Vec<PendingNotice>> {
        self.read(move |session| {
            session.all(
                "SELECT id, channel, body, attempts, next FROM notice WHERE next <= ?1 ORDER BY next LIMIT ?2",
                params![micros(now), limit(most)],
                notice,
            )
        })
        .await
    }

    async fn next_notice(&self) -> store::Result<Option<Timestamp>> {
        self.read(|session| {
            let next = session.first("SELECT min(next) FROM notice", [], |row| Ok(row.get(0)?))?;
            next.flatten().map(moment).transpose()
        })
        .await
    }

    async fn drop_notice(&self, id: Uuid, channel: &str) -> store::Result<()> {
        let channel = channel.to_owned();
        self.write(move |session| {
            session.run("DELETE FROM notice WHERE id = ?1 AND channel = ?2", params![id, channel])?;
            Ok(())
        })
        .await
    }
}
