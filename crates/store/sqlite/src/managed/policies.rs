//! Exclusions, released links and drift.

use async_trait::async_trait;
use model::{Anchor, JobId, Name, Timestamp};
use rusqlite::{Row, params};
use store::{Drift, DriftKind, Entry, Exclusion, OutgoingEdge, PolicyStore};

use super::entries::{self, RELEASED};
use super::{After, by_rule};
use crate::SqliteStore;
use crate::encode::{count, from_text, limit, micros, moment, to_text};
use crate::error::Done;
use crate::session::{Session, optional_text, text};

/// Removes the policies' rows of a job.
pub(crate) fn clear(session: &Session<'_>, job: i64) -> Done<()> {
    for table in ["exclusion", "released", "drift"] {
        session.run(&format!("DELETE FROM {table} WHERE job = ?1"), [job])?;
    }
    Ok(())
}

/// Notes when a link was released.
pub(super) fn write_released(
    session: &Session<'_>,
    job: i64,
    rule: &Name,
    source: &Anchor,
    moment: Timestamp,
) -> Done<()> {
    session.run(
        "INSERT OR REPLACE INTO released (job, rule, source, moment) VALUES (?1, ?2, ?3, ?4)",
        params![job, session.intern(rule)?, source.as_str(), micros(moment)],
    )?;
    Ok(())
}

fn released(
    session: &Session<'_>,
    job: i64,
    before: Timestamp,
    after: &After,
    most: usize,
) -> Done<Vec<Entry>> {
    let rules = session
        .all("SELECT DISTINCT rule FROM managed WHERE job = ?1", [job], |row| Ok(row.get::<_, i64>(0)?))?;
    let sql = "SELECT r.source FROM released r CROSS JOIN object o ON o.job = r.job AND o.anchor = r.source
                   CROSS JOIN entry e ON e.object = o.id AND e.rule = r.rule
               WHERE r.job = ?1 AND r.rule = ?2 AND r.source > ?3 AND r.moment < ?4 AND e.link & ?5
               ORDER BY r.source LIMIT ?6";
    by_rule(session, rules, after, most, |rule, source, rest| {
        let parameters = params![job, rule, source, micros(before), RELEASED, limit(rest)];
        let sources = session.all(sql, parameters, |row| Ok(Anchor::new(text(row, 0)?)))?;
        let name = session.name(rule)?;
        let of_sources = entries::of_sources(session, job, &sources)?;
        Ok(of_sources.into_iter().filter(|entry| entry.rule == name).collect())
    })
}

fn exclusion(row: &Row<'_>) -> Done<Exclusion> {
    Ok(Exclusion {
        source: Anchor::new(text(row, 0)?),
        reason: row.get(1)?,
        author: row.get(2)?,
        moment: moment(row.get(3)?)?,
    })
}

fn write_drift(session: &Session<'_>, job: i64, scan: i64, found: &Drift) -> Done<()> {
    let value = match found.what {
        DriftKind::Added => found.found.as_deref(),
        DriftKind::Removed => found.expected.as_deref(),
        DriftKind::Value | DriftKind::Missing => None,
    };
    session.run(
        "INSERT INTO drift (job, rule, source, attribute, what, value, kind, target_kind, target, display_name,
             expected, found, since, scan) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT DO UPDATE SET target = excluded.target, display_name = excluded.display_name,
             expected = excluded.expected, found = excluded.found, scan = excluded.scan",
        params![
            job,
            session.intern(&found.rule)?,
            found.source.as_str(),
            session.intern(&found.attribute)?,
            to_text(&found.what)?,
            value.unwrap_or_default(),
            session.intern(&found.kind)?,
            session.intern(&found.target_kind)?,
            found.target.as_str(),
            found.display_name.as_deref(),
            found.expected,
            found.found,
            micros(found.since),
            scan,
        ],
    )?;
    Ok(())
}

fn drift(session: &Session<'_>, row: &Row<'_>) -> Done<(u64, Drift)> {
    let found = Drift {
        rule: session.name(row.get(1)?)?,
        source: Anchor::new(text(row, 2)?),
        attribute: session.name(row.get(3)?)?,
        what: from_text("drift", row.get_ref(4)?.as_str()?)?,
        kind: session.name(row.get(5)?)?,
        target_kind: session.name(row.get(6)?)?,
        target: Anchor::new(text(row, 7)?),
        display_name: optional_text(row, 8)?,
        expected: row.get(9)?,
        found: row.get(10)?,
        since: moment(row.get(11)?)?,
    };
    Ok((count(row.get(0)?), found))
}

/// What waits for its moment is due now, and what was given up begins anew.
const RETRY: &str = "UPDATE escrow SET next = ?2, wait = 0,
     attempts = CASE wait WHEN 3 THEN 0 ELSE attempts END, first = CASE wait WHEN 3 THEN ?2 ELSE first END
     WHERE job = ?1 AND wait IN (0, 3)";

fn retry_now(
    session: &Session<'_>,
    job: i64,
    sources: Option<Vec<(Name, Anchor)>>,
    now: Timestamp,
) -> Done<u64> {
    let now = micros(now);
    let mut changed = 0;
    if let Some(sources) = sources {
        let sql = format!("{RETRY} AND rule = ?3 AND source = ?4");
        for (rule, source) in sources {
            if let Some(rule) = session.id(&rule)? {
                changed += session.run(&sql, params![job, now, rule, source.as_str()])?;
            }
        }
    } else {
        changed += session.run(RETRY, [job, now])?;
        let edges = "UPDATE edge SET retry = NULL, due = 0 WHERE job = ?1 AND due > ?2";
        changed += session.run(edges, [job, now])?;
    }
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl PolicyStore for SqliteStore {
    async fn exclusions(
        &self,
        job: &JobId,
        after: Option<Anchor>,
        most: usize,
    ) -> store::Result<Vec<Exclusion>> {
        self.read_job(job, move |session, job| {
            session.all(
                "SELECT source, reason, author, moment FROM exclusion WHERE job = ?1 AND source > ?2
                 ORDER BY source LIMIT ?3",
                params![job, after.as_ref().map_or("", Anchor::as_str), limit(most)],
                exclusion,
            )
        })
        .await
    }

    async fn exclude(&self, job: &JobId, exclusion: Exclusion) -> store::Result<()> {
        self.write_job(job, move |session, job| {
            let Exclusion { source, reason, author, moment } = &exclusion;
            session.run(
                "INSERT OR REPLACE INTO exclusion (job, source, reason, author, moment) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![job, source.as_str(), reason, author, micros(*moment)],
            )?;
            Ok(())
        })
        .await
    }

    async fn readmit(&self, job: &JobId, source: &Anchor) -> store::Result<bool> {
        let source = source.clone();
        self.write_job(job, move |session, job| {
            let sql = "DELETE FROM exclusion WHERE job = ?1 AND source = ?2";
            Ok(session.run(sql, params![job, source.as_str()])? > 0)
        })
        .await
    }

    async fn released_before(
        &self,
        job: &JobId,
        moment: Timestamp,
        after: After,
        limit: usize,
    ) -> store::Result<Vec<Entry>> {
        self.read_job(job, move |session, job| released(session, job, moment, &after, limit)).await
    }

    async fn exported_edges(
        &self,
        job: &JobId,
        (rule, owner): (&str, &Anchor),
        attribute: &str,
        after: Option<Anchor>,
        most: usize,
    ) -> store::Result<Vec<OutgoingEdge>> {
        let (rule, owner, attribute) = (Name::from(rule), owner.clone(), Name::from(attribute));
        self.read_job(job, move |session, job| {
            let (Some(rule), Some(attribute_number)) = (session.id(&rule)?, session.id(&attribute)?) else {
                return Ok(Vec::new());
            };
            session.all(
                "SELECT r.anchor, d.wanted, d.exported FROM object o CROSS JOIN edge d ON d.owner = o.id
                     CROSS JOIN object r ON r.id = d.referenced
                 WHERE o.job = ?1 AND o.anchor = ?2 AND d.rule = ?3 AND d.attribute = ?4 AND r.anchor > ?5
                     AND d.exported IS NOT NULL ORDER BY r.anchor LIMIT ?6",
                params![
                    job,
                    owner.as_str(),
                    rule,
                    attribute_number,
                    after.as_ref().map_or("", Anchor::as_str),
                    limit(most)
                ],
                |row| {
                    Ok(OutgoingEdge {
                        attribute: attribute.clone(),
                        referenced: Anchor::new(text(row, 0)?),
                        wanted: row.get(1)?,
                        exported: optional_text(row, 2)?.map(Anchor::new),
                    })
                },
            )
        })
        .await
    }

    async fn retry_now(
        &self,
        job: &JobId,
        sources: Option<Vec<(Name, Anchor)>>,
        now: Timestamp,
    ) -> store::Result<u64> {
        self.write_job(job, move |session, job| retry_now(session, job, sources, now)).await
    }

    async fn put_drift(&self, job: &JobId, scan: u64, found: Vec<Drift>) -> store::Result<()> {
        self.write_job(job, move |session, job| {
            found.iter().try_for_each(|one| write_drift(session, job, number(scan), one))
        })
        .await
    }

    async fn end_drift_scan(&self, job: &JobId, scan: u64) -> store::Result<()> {
        self.write_job(job, move |session, job| {
            session.run("DELETE FROM drift WHERE job = ?1 AND scan < ?2", [job, number(scan)])?;
            Ok(())
        })
        .await
    }

    async fn drift(&self, job: &JobId, after: u64, most: usize) -> store::Result<Vec<(u64, Drift)>> {
        self.read_job(job, move |session, job| {
            session.all(
                "SELECT number, rule, source, attribute, what, kind, target_kind, target, display_name, expected,
                     found, since FROM drift WHERE job = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
                [job, number(after), limit(most)],
                |row| drift(session, row),
            )
        })
        .await
    }
}
