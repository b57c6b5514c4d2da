//! Claims on single objects.

use model::{Anchor, Name, Timestamp, Uuid};
use rusqlite::params;
use store::{Claim, Commit, EdgeWrite, Forgotten, StoreError};

use crate::encode::micros;
use crate::error::Done;
use crate::session::Session;

/// Takes claims; returns those that somebody else has.
pub(super) fn take(
    session: &Session<'_>,
    job: i64,
    holder: Uuid,
    claims: Vec<Claim>,
    now: Timestamp,
    until: Timestamp,
) -> Done<Vec<Claim>> {
    let mut refused = Vec::new();
    for claim in claims {
        let taken = session.run(
            "INSERT INTO claim (job, rule, source, holder, until) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE holder = excluded.holder OR until <= ?6",
            params![
                job,
                session.intern(&claim.rule)?,
                claim.source.as_str(),
                holder,
                micros(until),
                micros(now)
            ],
        )?;
        if taken == 0 {
            refused.push(claim);
        }
    }
    Ok(refused)
}

/// Of these objects, those that somebody has a claim on that has not ended.
pub(super) fn held(session: &Session<'_>, job: i64, sources: &[Anchor], now: Timestamp) -> Done<Vec<Anchor>> {
    let mut held = session.all(
        "SELECT source FROM claim WHERE job = ?1 AND until > ?2",
        params![job, micros(now)],
        |row| Ok(Anchor::new(crate::session::text(row, 0)?)),
    )?;
    held.retain(|source| sources.contains(source));
    Ok(held)
}

/// Refuses a commit that writes of an object that its holder has no claim on, or what is the cycle's alone.
pub(super) fn require(session: &Session<'_>, job: i64, holder: Uuid, commit: &Commit) -> Done<()> {
    if commit.runtime.is_some() || commit.closing.is_some() || commit.forgotten != Forgotten::default() {
        return Err(StoreError::Fenced.into());
    }
    for (rule, source) in written(commit) {
        let rule = session.id(rule)?;
        let claimed = session.first(
            "SELECT 1 FROM claim WHERE job = ?1 AND rule = ?2 AND source = ?3 AND holder = ?4",
            params![job, rule, source.as_str(), holder],
            |_| Ok(()),
        )?;
        claimed.ok_or(StoreError::Fenced)?;
    }
    Ok(())
}

/// The objects that a commit writes of.
fn written(commit: &Commit) -> Vec<(&Name, &Anchor)> {
    let mut keys: Vec<(&Name, &Anchor)> = Vec::new();
    keys.extend(commit.entries.iter().map(|one| (&one.rule, &one.source)));
    keys.extend(commit.escrows.iter().map(|one| (&one.rule, &one.source)));
    keys.extend(commit.staged.iter().map(|one| (&one.rule, &one.source)));
    keys.extend(commit.intents.iter().map(|one| (&one.rule, &one.source)));
    for list in [&commit.seen, &commit.removed, &commit.settled, &commit.unstaged, &commit.resolved] {
        keys.extend(list.iter().map(|(rule, source)| (rule, source)));
    }
    keys.extend(commit.edges.iter().map(owner));
    keys
}

fn owner(write: &EdgeWrite) -> (&Name, &Anchor) {
    match write {
        EdgeWrite::Want { rule, owner, .. }
        | EdgeWrite::Unwant { rule, owner, .. }
        | EdgeWrite::Sweep { rule, owner, .. }
        | EdgeWrite::Exported { rule, owner, .. }
        | EdgeWrite::Retry { rule, owner, .. }
        | EdgeWrite::TryAgain { rule, owner }
        | EdgeWrite::Drop { rule, owner }
        | EdgeWrite::Reset { rule, owner }
        | EdgeWrite::LetGo { rule, source: owner, .. } => (rule, owner),
    }
}
