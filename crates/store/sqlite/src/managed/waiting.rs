//! What waits: escrows, staged removals and intents.

use model::provisioning::Inactive;
use model::{Anchor, Name, Timestamp, Value};
use rusqlite::{Row, params};
use store::{Escrow, Hint, Intent, Staged, StagedCount, StagedKind, Unread, Wait};

use super::edges::NEVER;
use super::entries::origin;
use super::{After, by_rule};
use crate::encode::{count, from_text, limit, micros, moment, to_text};
use crate::error::{Done, corrupt};
use crate::session::{Session, optional_text, text};

// Escrows ------------------------------------------------------------------------------------------------------------

const ESCROW: &str = "SELECT rule, kind, source, failure, wait, attempts, first, next, unread FROM escrow";

/// How [`Wait`] is kept; the statements below have these numbers.
const MOMENT: i64 = 0;
const CYCLE_END: i64 = 1;
const CHANGE: i64 = 2;
const GIVEN_UP: i64 = 3;

/// How [`Unread::SinceMade`] is kept.
const SINCE_MADE: u8 = 2;

fn escrow(session: &Session<'_>, row: &Row<'_>) -> Done<Escrow> {
    Ok(Escrow {
        rule: session.name(row.get(0)?)?,
        kind: session.name(row.get(1)?)?,
        source: Anchor::new(text(row, 2)?),
        failure: from_text("an escrow", row.get_ref(3)?.as_str()?)?,
        wait: match row.get::<_, i64>(4)? {
            MOMENT => Wait::Moment,
            CYCLE_END => Wait::CycleEnd,
            CHANGE => Wait::Change,
            GIVEN_UP => Wait::GivenUp,
            other => return Err(corrupt("what an escrow waits for", &other)),
        },
        attempts: row.get(5)?,
        first: moment(row.get(6)?)?,
        next: moment(row.get(7)?)?,
        unread: match row.get(8)? {
            0 => Unread::Nothing,
            1 => Unread::Present,
            SINCE_MADE => Unread::SinceMade,
            other @ 3.. => return Err(corrupt("what is unread of an escrow", &other)),
        },
    })
}

pub(super) fn write_escrow(session: &Session<'_>, job: i64, escrow: &Escrow) -> Done<()> {
    session.run(
        "INSERT OR REPLACE INTO escrow (job, rule, source, kind, failure, wait, attempts, first, next, unread)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            job,
            session.intern(&escrow.rule)?,
            escrow.source.as_str(),
            session.intern(&escrow.kind)?,
            to_text(&escrow.failure)?,
            match escrow.wait {
                Wait::Moment => MOMENT,
                Wait::CycleEnd => CYCLE_END,
                Wait::Change => CHANGE,
                Wait::GivenUp => GIVEN_UP,
            },
            escrow.attempts,
            micros(escrow.first),
            micros(escrow.next),
            match escrow.unread {
                Unread::Nothing => 0,
                Unread::Present => 1,
                Unread::SinceMade => SINCE_MADE,
            },
        ],
    )?;
    Ok(())
}

pub(super) fn due_escrows(session: &Session<'_>, job: i64, now: Timestamp, most: usize) -> Done<Vec<Escrow>> {
    let mut due = session.all(
        &format!("{ESCROW} WHERE job = ?1 AND wait = 1 ORDER BY next LIMIT ?2"),
        params![job, limit(most)],
        |row| escrow(session, row),
    )?;
    due.extend(session.all(
        &format!("{ESCROW} WHERE job = ?1 AND wait = 0 AND next <= ?2 ORDER BY next LIMIT ?3"),
        params![job, micros(now), limit(most - due.len())],
        |row| escrow(session, row),
    )?);
    due.sort_by_key(|escrow| escrow.next);
    Ok(due)
}

pub(super) fn escrows_of(session: &Session<'_>, job: i64, sources: &[Anchor]) -> Done<Vec<Escrow>> {
    let rules = rules(session, "escrow", job)?;
    let sql = format!("{ESCROW} WHERE job = ?1 AND rule = ?2 AND source = ?3");
    let mut found = Vec::new();
    for source in sources {
        for rule in &rules {
            found.extend(
                session.first(&sql, params![job, rule, source.as_str()], |row| escrow(session, row))?,
            );
        }
    }
    Ok(found)
}

pub(super) fn escrows(session: &Session<'_>, job: i64, after: &After, most: usize) -> Done<Vec<Escrow>> {
    let sql = format!("{ESCROW} WHERE job = ?1 AND rule = ?2 AND source > ?3 ORDER BY source LIMIT ?4");
    by_rule(session, rules(session, "escrow", job)?, after, most, |rule, source, rest| {
        session.all(&sql, params![job, rule, source, limit(rest)], |row| escrow(session, row))
    })
}

pub(super) fn escrow_count(session: &Session<'_>, job: i64) -> Done<u64> {
    let number = session
        .first("SELECT count(*) FROM escrow WHERE job = ?1 AND wait = 0", [job], |row| Ok(row.get(0)?))?;
    Ok(number.map_or(0, count))
}

pub(super) fn clear_escrows(session: &Session<'_>, job: i64) -> Done<()> {
    session.run("DELETE FROM escrow WHERE job = ?1 AND unread <> ?2", params![job, SINCE_MADE])?;
    session.run("UPDATE escrow SET wait = max(wait, 1), attempts = 0 WHERE job = ?1 AND wait <> 3", [job])?;
    session.run("UPDATE edge SET attempts = 0, retry = NULL, due = 0 WHERE job = ?1 AND due > 0", [job])?;
    Ok(())
}

/// How many edges wait because their export failed.
pub(super) fn failing_edges(session: &Session<'_>, job: i64) -> Done<u64> {
    let sql = "SELECT count(*) FROM edge WHERE job = ?1 AND due > 0 AND due < ?2";
    let number = session.first(sql, [job, NEVER], |row| Ok(row.get(0)?))?;
    Ok(number.map_or(0, count))
}

/// When the next escrow or edge falls due. What is due at once is due since 1970.
pub(super) fn next_due(session: &Session<'_>, job: i64) -> Done<Option<Timestamp>> {
    let earliest: Option<i64> = session
        .first(
            "SELECT min(next) FROM (
                 SELECT min(next) AS next FROM escrow WHERE job = ?1 AND wait = 0
                 UNION ALL SELECT 0 FROM escrow WHERE job = ?1 AND wait = 1
                 UNION ALL SELECT min(due) FROM edge WHERE job = ?1 AND due < ?2)",
            [job, NEVER],
            |row| Ok(row.get(0)?),
        )?
        .flatten();
    earliest.map(moment).transpose()
}

/// As [`next_due`], of what is not due at a moment.
pub(super) fn next_due_after(session: &Session<'_>, job: i64, passed: Timestamp) -> Done<Option<Timestamp>> {
    let earliest: Option<i64> = session
        .first(
            "SELECT min(next) FROM (
                 SELECT min(next) AS next FROM escrow WHERE job = ?1 AND wait = 0 AND next > ?2
                 UNION ALL SELECT min(due) FROM edge WHERE job = ?1 AND due > ?2 AND due < ?3)",
            [job, micros(passed), NEVER],
            |row| Ok(row.get(0)?),
        )?
        .flatten();
    earliest.map(moment).transpose()
}

/// The rules that have rows in a table keyed by (job, rule, …): one step in the index for each.
fn rules(session: &Session<'_>, table: &str, job: i64) -> Done<Vec<i64>> {
    session.all(
        &format!(
            "WITH RECURSIVE rules (rule) AS (
                 SELECT min(rule) FROM {table} WHERE job = ?1
                 UNION ALL
                 SELECT (SELECT min(rule) FROM {table} t WHERE t.job = ?1 AND t.rule > rules.rule)
                 FROM rules WHERE rules.rule IS NOT NULL)
             SELECT rule FROM rules WHERE rule IS NOT NULL"
        ),
        [job],
        |row| Ok(row.get(0)?),
    )
}

// Staged removals ----------------------------------------------------------------------------------------------------

fn action_number(action: StagedKind) -> i64 {
    match action {
        StagedKind::Disable => 0,
        StagedKind::Delete => 1,
        StagedKind::Create => 2,
        StagedKind::Update => 3,
    }
}

fn action(number: i64) -> Done<StagedKind> {
    match number {
        0 => Ok(StagedKind::Disable),
        1 => Ok(StagedKind::Delete),
        2 => Ok(StagedKind::Create),
        3 => Ok(StagedKind::Update),
        other => Err(corrupt("a staged row", &format!("action {other}"))),
    }
}

pub(super) fn write_staged(session: &Session<'_>, job: i64, staged: &Staged) -> Done<()> {
    session.run(
        "INSERT OR REPLACE INTO staged (job, rule, source, kind, action, reason, absent, moment, held)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            job,
            session.intern(&staged.rule)?,
            staged.source.as_str(),
            session.intern(&staged.kind)?,
            action_number(staged.action),
            to_text(&staged.reason)?,
            staged.absent,
            micros(staged.moment),
            staged.held,
        ],
    )?;
    Ok(())
}

const STAGED: &str = "SELECT rule, kind, source, action, reason, absent, moment, held FROM staged";

fn staged_row(session: &Session<'_>, row: &Row<'_>) -> Done<Staged> {
    Ok(Staged {
        rule: session.name(row.get(0)?)?,
        kind: session.name(row.get(1)?)?,
        source: Anchor::new(text(row, 2)?),
        action: action(row.get(3)?)?,
        reason: from_text::<Option<Inactive>>("a staged row", row.get_ref(4)?.as_str()?)?,
        absent: row.get(5)?,
        moment: moment(row.get(6)?)?,
        held: row.get(7)?,
    })
}

pub(super) fn staged_of(session: &Session<'_>, job: i64, sources: &[Anchor]) -> Done<Vec<Staged>> {
    let rules = rules(session, "staged", job)?;
    let sql = format!("{STAGED} WHERE job = ?1 AND rule = ?2 AND source = ?3");
    let mut found = Vec::new();
    for source in sources {
        for rule in &rules {
            let row = params![job, rule, source.as_str()];
            found.extend(session.first(&sql, row, |row| staged_row(session, row))?);
        }
    }
    Ok(found)
}

pub(super) fn staged(session: &Session<'_>, job: i64, after: &After, most: usize) -> Done<Vec<Staged>> {
    let sql = format!("{STAGED} WHERE job = ?1 AND rule = ?2 AND source > ?3 ORDER BY source LIMIT ?4");
    by_rule(session, rules(session, "staged", job)?, after, most, |rule, source, rest| {
        session.all(&sql, params![job, rule, source, limit(rest)], |row| staged_row(session, row))
    })
}

pub(super) fn staged_counts(session: &Session<'_>, job: i64) -> Done<Vec<StagedCount>> {
    session.all(
        "SELECT kind, action, held, count(*) FROM staged WHERE job = ?1
         GROUP BY kind, action, held ORDER BY kind, action, held",
        [job],
        |row| {
            Ok(StagedCount {
                kind: session.name(row.get(0)?)?,
                action: action(row.get(1)?)?,
                held: row.get(2)?,
                count: count(row.get(3)?),
            })
        },
    )
}

// Intents ------------------------------------------------------------------------------------------------------------

pub(super) fn write_intents(session: &Session<'_>, job: i64, intents: &[Intent]) -> Done<()> {
    for intent in intents {
        session.run(
            "INSERT OR REPLACE INTO intent (job, rule, source, kind, target_kind, matching)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                job,
                session.intern(&intent.rule)?,
                intent.source.as_str(),
                session.intern(&intent.kind)?,
                session.intern(&intent.target_kind)?,
                to_text(&intent.matching)?,
            ],
        )?;
    }
    Ok(())
}

pub(super) fn intents(session: &Session<'_>, job: i64) -> Done<Vec<Intent>> {
    session.all(
        "SELECT rule, kind, source, target_kind, matching FROM intent WHERE job = ?1 ORDER BY rule, source",
        [job],
        |row| {
            Ok(Intent {
                rule: session.name(row.get(0)?)?,
                kind: session.name(row.get(1)?)?,
                source: Anchor::new(text(row, 2)?),
                target_kind: session.name(row.get(3)?)?,
                matching: from_text::<Vec<(Name, Value)>>("an intent", row.get_ref(4)?.as_str()?)?,
            })
        },
    )
}

// Hints --------------------------------------------------------------------------------------------------------------

/// Makes hints of all links; those of an earlier reset stay where no link came since.
pub(super) fn hint_links(session: &Session<'_>, job: i64) -> Done<()> {
    session.run(
        "INSERT OR REPLACE INTO hint (job, rule, source, kind, display_name, target_kind, target, link)
         SELECT o.job, e.rule, o.anchor, e.kind, e.display_name, e.target_kind, e.target, e.link
         FROM object o CROSS JOIN entry e ON e.object = o.id WHERE o.job = ?1 AND e.target IS NOT NULL",
        [job],
    )?;
    Ok(())
}

pub(super) fn hints(session: &Session<'_>, job: i64, after: &After, most: usize) -> Done<Vec<Hint>> {
    by_rule(session, rules(session, "hint", job)?, after, most, |rule, source, rest| {
        session.all(
            "SELECT rule, kind, source, display_name, target_kind, target, link FROM hint
             WHERE job = ?1 AND rule = ?2 AND source > ?3 ORDER BY source LIMIT ?4",
            params![job, rule, source, limit(rest)],
            |row| {
                Ok(Hint {
                    rule: session.name(row.get(0)?)?,
                    kind: session.name(row.get(1)?)?,
                    source: Anchor::new(text(row, 2)?),
                    display_name: optional_text(row, 3)?,
                    target_kind: session.name(row.get(4)?)?,
                    target: Anchor::new(text(row, 5)?),
                    origin: origin(row.get(6)?),
                })
            },
        )
    })
}
