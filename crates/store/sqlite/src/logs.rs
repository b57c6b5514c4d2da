//! The provisioning log; the audit log is in [`audits`].

use std::collections::BTreeMap;

use async_trait::async_trait;
use model::provisioning::{Outcome, ProvisioningRecord};
use model::{JobId, SignedDuration, TenantId, Timestamp, Uuid};
use rusqlite::types::{FromSql, Value as Sql};
use rusqlite::{Row, params, params_from_iter};
use store::{
    AuditPage, AuditQuery, AuditRecord, AuditWords, LogStore, ProvisioningEntry, ProvisioningPage,
    ProvisioningQuery,
};

use crate::SqliteStore;
use crate::audits;
use crate::bodies::{self, Bodies};
use crate::encode::{anchor_hash, micros, moment};
use crate::error::Done;
use crate::record::{self, Columns, Prepared};
use crate::session::Session;
use crate::tenants;

/// Octets of a record's hashes.
const ANCHORS: usize = 8;
/// Records that one transaction prunes, so that it does not hold others up.
const PRUNE: i64 = 2_000;
/// How far a record's identifier may be from its moment.
const SLACK: SignedDuration = SignedDuration::from_hours(1);

/// Records that are ready to be inserted; made before the writing thread gets them.
pub(crate) struct Log {
    rows: Vec<Prepared>,
    bodies: Vec<Vec<u8>>,
}

impl Log {
    /// Makes records ready.
    pub(crate) fn prepare(records: &[ProvisioningRecord]) -> Done<Self> {
        Ok(Self { rows: records.iter().map(record::prepare).collect(), bodies: bodies::pack(records)? })
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Appends the records of a commit.
pub(crate) fn append(session: &Session<'_>, tenant: i64, job: i64, log: &Log) -> Done<()> {
    let first = next_number(session)?;
    let mut hashes = Vec::with_capacity(log.rows.len() * ANCHORS);
    for (number, record) in (first..).zip(&log.rows) {
        session.run(
            "INSERT INTO provisioning (number, tenant, id, job, moment, cycle, action, outcome)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                number,
                tenant,
                record.id,
                job,
                record.moment,
                record.cycle,
                record.action,
                record.outcome
            ],
        )?;
        hashes.extend(record.hashes.iter().flat_map(|hash| hash.to_le_bytes()));
    }
    session.run(
        "INSERT INTO provisioning_anchors (first, tenant, hashes) VALUES (?1, ?2, ?3)",
        params![first, tenant, hashes],
    )?;
    bodies::append(session, first, &log.bodies)
}

/// The number of the next record: beyond all records, and beyond those that were pruned while their hashes are kept.
fn next_number(session: &Session<'_>) -> Done<i64> {
    let newest = session.first(
        "SELECT max(coalesce((SELECT max(number) FROM provisioning), 0), coalesce(
             (SELECT first - 1 + length(hashes) / 8 FROM provisioning_anchors ORDER BY first DESC LIMIT 1), 0))",
        [],
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    Ok(newest.unwrap_or(0) + 1)
}

/// The numbers of records that may be about the object of an anchor.
fn numbers_about(session: &Session<'_>, tenant: i64, anchor: &str) -> Done<Vec<i64>> {
    let wanted = anchor_hash(anchor).to_le_bytes();
    let mut numbers = Vec::new();
    let page = |row: &Row<'_>| -> Done<Vec<i64>> {
        let first: i64 = row.get(0)?;
        let hashes = row.get_ref(1)?.as_blob()?.chunks_exact(ANCHORS);
        let found = (first..).zip(hashes).filter(|(_, pair)| {
            pair.first_chunk::<4>() == Some(&wanted) || pair.last_chunk::<4>() == Some(&wanted)
        });
        Ok(found.map(|(number, _)| number).collect())
    };
    session.each(
        "SELECT first, hashes FROM provisioning_anchors WHERE tenant = ?1",
        [tenant],
        page,
        |found| {
            numbers.extend(found);
            true
        },
    )?;
    Ok(numbers)
}

/// The least identifier that a record of a moment has (UUID version 7: milliseconds in the first 48 bits).
pub(crate) fn least_id(moment: Timestamp) -> Uuid {
    let millis = u128::try_from(moment.as_millisecond()).unwrap_or(0);
    Uuid::from_u128(millis << 80)
}

/// Whether a tenant's identifiers tell the moments of their records.
fn ids_tell_moments(session: &Session<'_>, tenant: i64) -> Done<bool> {
    let ends = session.all(
        "SELECT id FROM (SELECT id FROM provisioning WHERE tenant = ?1 ORDER BY id LIMIT 1)
         UNION ALL SELECT id FROM (SELECT id FROM provisioning WHERE tenant = ?1 ORDER BY id DESC LIMIT 1)",
        [tenant],
        |row| Ok(row.get::<_, Uuid>(0)?),
    )?;
    Ok(ends.iter().all(|id| id.get_version_num() == 7))
}

/// A statement that grows condition by condition.
struct Conditions {
    sql: String,
    values: Vec<Sql>,
}

impl Conditions {
    fn add(&mut self, condition: &str, value: impl Into<Sql>) {
        self.values.push(value.into());
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.sql.push_str(&self.values.len().to_string());
    }
}

pub(crate) fn octets(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// Records of which one is looked at after another for one page.
pub(crate) const LOOKED_AT: usize = 20_000;

/// The conditions that no index leads to: each record that an index yields is held against them.
struct Rest {
    job: Option<i64>,
    outcome: Option<i64>,
    action: Option<i64>,
    cycle: Option<Uuid>,
    from: Option<i64>,
    to: Option<i64>,
}

impl Rest {
    fn holds(&self, row: &Row<'_>) -> Done<bool> {
        let moment: i64 = row.get(1)?;
        Ok(self.from.is_none_or(|from| moment >= from)
            && self.to.is_none_or(|to| moment < to)
            && is(row, 2, self.cycle)?
            && is(row, 3, self.action)?
            && is(row, 4, self.outcome)?
            && is(row, 6, self.job)?)
    }
}

fn is<T: FromSql + PartialEq>(row: &Row<'_>, column: usize, wanted: Option<T>) -> Done<bool> {
    Ok(match wanted {
        Some(wanted) => row.get::<_, T>(column)? == wanted,
        None => true,
    })
}

/// The statement of a query, and what it leaves to be compared; none where nothing can satisfy it.
fn statement(
    session: &Session<'_>,
    tenant: i64,
    query: &ProvisioningQuery,
) -> Done<Option<(Conditions, Rest)>> {
    let mut built = Conditions {
        sql: "SELECT p.id, p.moment, p.cycle, p.action, p.outcome, p.number, p.job FROM provisioning p
              WHERE "
            .to_owned(),
        values: vec![Sql::from(tenant)],
    };
    let job = match &query.job {
        Some(job) => match session.id(job.as_str())? {
            Some(job) => Some(job),
            None => return Ok(None),
        },
        None => None,
    };
    let mut rest = Rest {
        job,
        outcome: query.outcome.map(record::outcome_number),
        action: query.action.map(record::action_number),
        cycle: query.cycle.map(|cycle| cycle.0),
        from: query.from.map(micros),
        to: query.to.map(micros),
    };
    // One index leads to the records in their order: of what did not succeed, else of the job, else of the tenant. The
    // plus keeps the others out.
    if query.outcome.is_some_and(|outcome| outcome != Outcome::Success) {
        built.sql.push_str("p.tenant = ?1 AND p.outcome <> 0");
        if let Some(outcome) = rest.outcome.take() {
            built.add("p.outcome = ?", outcome);
        }
    } else if let Some(job) = rest.job.take() {
        built.sql.push_str("+p.tenant = ?1");
        built.add("p.job = ?", job);
    } else {
        built.sql.push_str("p.tenant = ?1");
    }
    let narrow = (query.from.is_some() || query.to.is_some()) && ids_tell_moments(session, tenant)?;
    if narrow && let Some(bound) = query.from.and_then(|from| from.checked_sub(SLACK).ok()) {
        built.add("p.id >= ?", octets(least_id(bound)));
    }
    if narrow && let Some(bound) = query.to.and_then(|to| to.checked_add(SLACK).ok()) {
        built.add("p.id < ?", octets(least_id(bound)));
    }
    if let Some(after) = query.after {
        built.add(if query.ascending { "p.id > ?" } else { "p.id < ?" }, octets(after));
    }
    Ok(Some((built, rest)))
}

fn entry(session: &Session<'_>, bodies: &mut Bodies<'_, '_>, row: &Row<'_>) -> Done<ProvisioningEntry> {
    let columns = Columns {
        id: row.get(0)?,
        moment: moment(row.get(1)?)?,
        cycle: row.get(2)?,
        action: row.get(3)?,
        outcome: row.get(4)?,
        body: bodies.of(row.get(5)?)?,
    };
    Ok(ProvisioningEntry {
        job: JobId::from_text(session.name(row.get(6)?)?),
        record: record::restore(&columns)?,
    })
}

fn provisioning(
    session: &Session<'_>,
    tenant: TenantId,
    query: &ProvisioningQuery,
) -> Done<ProvisioningPage> {
    let mut page = ProvisioningPage::default();
    if query.limit == 0 {
        return Ok(page);
    }
    let Some(tenant) = tenants::find(session, tenant)? else { return Ok(page) };
    let Some((mut statement, rest)) = statement(session, tenant, query)? else { return Ok(page) };
    if let Some(anchor) = &query.anchor {
        page.entries = about(session, tenant, query, anchor, (statement, rest))?;
        return Ok(page);
    }
    statement.sql.push_str(order(query));
    let mut bodies = Bodies::new(session);
    let mut passed = 0;
    session.each(
        &statement.sql,
        params_from_iter(statement.values),
        |row| {
            let found = if rest.holds(row)? { Some(entry(session, &mut bodies, row)?) } else { None };
            Ok((row.get(0)?, found))
        },
        |(id, found)| {
            passed += usize::from(found.is_none());
            page.entries.extend(found);
            let is_full = page.entries.len() >= query.limit;
            if !is_full && passed >= LOOKED_AT {
                page.passed = Some(id);
            }
            !is_full && page.passed.is_none()
        },
    )?;
    Ok(page)
}

fn order(query: &ProvisioningQuery) -> &'static str {
    if query.ascending { " ORDER BY p.id" } else { " ORDER BY p.id DESC" }
}

/// The records about the object of an anchor that satisfy a statement, one page in order.
fn about(
    session: &Session<'_>,
    tenant: i64,
    query: &ProvisioningQuery,
    anchor: &str,
    (mut statement, rest): (Conditions, Rest),
) -> Done<Vec<ProvisioningEntry>> {
    statement.add("p.number = ?", 0);
    let mut page = BTreeMap::new();
    let mut bodies = Bodies::new(session);
    for number in numbers_about(session, tenant, anchor)? {
        if let Some(last) = statement.values.last_mut() {
            *last = Sql::from(number);
        }
        let values = params_from_iter(&statement.values);
        let found = session.first(&statement.sql, values, |row| {
            if rest.holds(row)? { entry(session, &mut bodies, row).map(Some) } else { Ok(None) }
        })?;
        if let Some(found) = found.flatten().filter(|found| record::is_about(&found.record, anchor)) {
            page.insert(found.record.id, found);
            if page.len() > query.limit {
                if query.ascending {
                    page.pop_last()
                } else {
                    page.pop_first()
                };
            }
        }
    }
    let page = page.into_values();
    Ok(if query.ascending { page.collect() } else { page.rev().collect() })
}

/// What a step of pruning did.
struct Pruned {
    removed: u64,
    /// The last row that was looked at; none where younger ones need not be looked at.
    last: Option<i64>,
}

/// Looks at the rows after one, in the order in which they were appended, and removes those older than a moment.
fn prune(session: &Session<'_>, before: Timestamp, after: i64) -> Done<Pruned> {
    let rows = session.all(
        "SELECT number, moment FROM provisioning WHERE number > ?1 ORDER BY number LIMIT ?2",
        [after, PRUNE],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?;
    let young = micros(before.checked_add(SLACK).unwrap_or(Timestamp::MAX));
    // Rows are appended nearly in the order of their moments: beyond a step of young ones there are no old ones.
    let last = rows.last().map(|(number, _)| *number);
    let last = last.filter(|_| rows.iter().any(|(_, moment)| *moment < young));
    let mut removed = 0;
    for (number, moment) in rows {
        if moment < micros(before) {
            session.run("DELETE FROM provisioning WHERE number = ?1", [number])?;
            removed += 1;
        }
    }
    bodies::prune(session)?;
    // Hashes go once none of their records is left.
    session.run(
        "DELETE FROM provisioning_anchors WHERE first + length(hashes) / 8
             <= coalesce((SELECT min(number) FROM provisioning), 9223372036854775807)
         AND first < coalesce((SELECT min(number) FROM provisioning), 9223372036854775807)",
        [],
    )?;
    Ok(Pruned { removed, last })
}

#[async_trait]
impl LogStore for SqliteStore {
    async fn provisioning(
        &self,
        tenant: TenantId,
        query: ProvisioningQuery,
    ) -> store::Result<ProvisioningPage> {
        self.read(move |session| provisioning(session, tenant, &query)).await
    }

    /// Works in steps, each a transaction, so that cycles are not held up: after a crash a part may be removed.
    async fn prune_provisioning(&self, before: Timestamp) -> store::Result<u64> {
        let mut removed = 0;
        let mut after = Some(0);
        while let Some(from) = after {
            let step = self.write_bulk(move |session| prune(session, before, from)).await?;
            removed += step.removed;
            after = step.last;
        }
        Ok(removed)
    }

    async fn audit(&self, tenant: TenantId, record: AuditRecord) -> store::Result<()> {
        self.write(move |session| audits::append(session, tenant, &record)).await
    }

    async fn audits(&self, tenant: TenantId, query: AuditQuery) -> store::Result<AuditPage> {
        self.read(move |session| audits::page(session, tenant, &query)).await
    }

    async fn audit_words(&self, tenant: TenantId) -> store::Result<AuditWords> {
        self.read(move |session| audits::words(session, tenant)).await
    }
}

#[cfg(test)]
mod tests;
