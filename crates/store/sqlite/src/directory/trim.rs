//! Forgetting the beginning of the change feed.

use model::{SignedDuration, Timestamp};
use rusqlite::params;

use super::read;
use crate::encode::{count, micros};
use crate::error::Done;
use crate::session::Session;

/// Between two marks.
const MARK: SignedDuration = SignedDuration::from_hours(24);
/// Entries that are removed in one transaction.
const STEP: i64 = 500;

/// Notes how far the feed is, unless that was done within a day, or nothing came since.
pub(super) fn mark(session: &Session<'_>, tenant: i64, now: Timestamp) -> Done<()> {
    let last: Option<(i64, i64)> = session.first(
        "SELECT moment, number FROM change_mark WHERE tenant = ?1 ORDER BY moment DESC LIMIT 1",
        [tenant],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let number = read::newest_change(session, tenant)?;
    let young = micros(now.saturating_sub(MARK).unwrap_or(Timestamp::MIN));
    if last.is_some_and(|(moment, marked)| moment > young || number <= marked) || number == 0 {
        return Ok(());
    }
    session.run(
        "INSERT OR REPLACE INTO change_mark (tenant, moment, number) VALUES (?1, ?2, ?3)",
        params![tenant, micros(now), number],
    )?;
    Ok(())
}

/// Removes some entries; returns how many.
pub(super) fn step(session: &Session<'_>, tenant: i64, passed: u64, before: Timestamp) -> Done<u64> {
    let marked: Option<i64> = session
        .first(
            "SELECT max(number) FROM change_mark WHERE tenant = ?1 AND moment <= ?2",
            params![tenant, micros(before)],
            |row| Ok(row.get(0)?),
        )?
        .flatten();
    let Some(marked) = marked else { return Ok(0) };
    let last = marked.min(i64::try_from(passed).unwrap_or(i64::MAX));
    let numbers = session.all(
        "SELECT number FROM change WHERE tenant = ?1 AND number <= ?2 ORDER BY number LIMIT ?3",
        [tenant, last, STEP],
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    let Some(floor) = numbers.last() else {
        // Marks of what is gone are of no use; the newest of them stands for the others.
        session.run(
            "DELETE FROM change_mark WHERE tenant = ?1 AND number <= ?2 AND number < ?3",
            [tenant, last, marked],
        )?;
        return Ok(0);
    };
    session.run("DELETE FROM change WHERE tenant = ?1 AND number <= ?2", [tenant, *floor])?;
    session.run("UPDATE tenant SET feed_floor = ?2 WHERE id = ?1 AND feed_floor < ?2", [tenant, *floor])?;
    Ok(count(i64::try_from(numbers.len()).unwrap_or(i64::MAX)))
}
