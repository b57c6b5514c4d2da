//! Reports about the accounts of targets.

use async_trait::async_trait;
use model::correlation::{CorrelatedIdentity, Correlation, CorrelationState, CorrelationStatus};
use model::{Anchor, JobId, Name, TenantId, Uuid};
use rusqlite::{Row, params};
use store::{CorrelatedQuery, CorrelationStore, FoundBy};

use crate::SqliteStore;
use crate::encode::{from_text, limit, micros, to_text};
use crate::error::Done;
use crate::session::Session;
use crate::{jobs, tenants};

/// Accounts of one value that are found at most.
const MOST_FOUND: i64 = 1_000;
/// Rows that are pruned at once.
const PRUNED: i64 = 5_000;

fn state(state: CorrelationState) -> i64 {
    match state {
        CorrelationState::Running => 0,
        CorrelationState::Complete => 1,
        CorrelationState::Failed => 2,
    }
}

fn status(status: CorrelationStatus) -> i64 {
    match status {
        CorrelationStatus::Uncorrelated => 0,
        CorrelationStatus::CorrelatedNotAssigned => 1,
        CorrelationStatus::CorrelatedAssigned => 2,
        CorrelationStatus::FailToCorrelate => 3,
    }
}

/// Removes the accounts of a job's runs.
pub(crate) fn clear(session: &Session<'_>, job: i64) -> Done<()> {
    session.run("DELETE FROM correlated WHERE job = ?1", [job])?;
    session.run("DELETE FROM correlated_key WHERE job = ?1", [job])?;
    Ok(())
}

fn put(session: &Session<'_>, report: &Correlation) -> Done<()> {
    let job = jobs::require(session, &report.job)?;
    let tenant = tenants::require(session, report.tenant)?;
    session.run(
        "INSERT INTO correlation (job, id, tenant, run, state, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET run = excluded.run, state = excluded.state, body = excluded.body",
        params![job, report.id, tenant, report.run, state(report.state), to_text(report)?],
    )?;
    let complete = report.state == CorrelationState::Complete;
    session.run(
        "DELETE FROM correlation WHERE job = ?1 AND id <> ?2 AND (?3 OR state <> 1)",
        params![job, report.id, complete],
    )?;
    Ok(())
}

fn report(row: &Row<'_>) -> Done<Correlation> {
    from_text("a correlation report", row.get_ref(0)?.as_str()?)
}

fn account(row: &Row<'_>) -> Done<CorrelatedIdentity> {
    from_text("a correlated account", row.get_ref(0)?.as_str()?)
}

fn add(session: &Session<'_>, job: i64, run: Uuid, accounts: &[FoundBy]) -> Done<u64> {
    let mut added = 0;
    for (one, keys) in accounts {
        let kind = session.intern(&one.target.kind)?;
        let fresh = session.run(
            "INSERT INTO correlated (job, run, kind, target, id, status, moment, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
            params![
                job,
                run,
                kind,
                one.target.anchor.value,
                one.id,
                status(one.status),
                micros(one.moment),
                to_text(one)?
            ],
        )?;
        if fresh == 0 {
            continue;
        }
        added += 1;
        let number = session.inserted();
        for (attribute, value) in keys {
            session.run(
                "INSERT INTO correlated_key (job, run, kind, attribute, value, correlated)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
                params![job, run, kind, session.intern(attribute)?, value, number],
            )?;
        }
    }
    Ok(added)
}

fn overwrite(session: &Session<'_>, job: i64, run: Uuid, accounts: &[CorrelatedIdentity]) -> Done<()> {
    for one in accounts {
        let kind = session.intern(&one.target.kind)?;
        session.run(
            "UPDATE correlated SET status = ?5, moment = ?6, body = ?7
             WHERE job = ?1 AND run = ?2 AND kind = ?3 AND target = ?4",
            params![
                job,
                run,
                kind,
                one.target.anchor.value,
                status(one.status),
                micros(one.moment),
                to_text(one)?
            ],
        )?;
    }
    Ok(())
}

fn by_values(
    session: &Session<'_>,
    job: i64,
    run: Uuid,
    (kind, attribute): (&str, &str),
    values: &[String],
) -> Done<Vec<(String, CorrelatedIdentity)>> {
    let (Some(kind), Some(attribute)) = (session.id(kind)?, session.id(attribute)?) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for value in values {
        let accounts = session.all(
            "SELECT c.body FROM correlated_key k CROSS JOIN correlated c ON c.number = k.correlated
             WHERE k.job = ?1 AND k.run = ?2 AND k.kind = ?3 AND k.attribute = ?4 AND k.value = ?5 LIMIT ?6",
            params![job, run, kind, attribute, value, MOST_FOUND],
            account,
        )?;
        found.extend(accounts.into_iter().map(|account| (value.clone(), account)));
    }
    Ok(found)
}

fn page(
    session: &Session<'_>,
    job: i64,
    run: Uuid,
    query: &CorrelatedQuery,
) -> Done<Vec<CorrelatedIdentity>> {
    let of_status = if query.status.is_some() { "status = ?3" } else { "?3 IS NULL" };
    let (after, order) = if query.descending { ("<", "DESC") } else { (">", "ASC") };
    let (moment, id) = match (query.after, query.descending) {
        (Some((moment, id)), _) => (micros(moment), id),
        (None, false) => (i64::MIN, Uuid::nil()),
        (None, true) => (i64::MAX, Uuid::max()),
    };
    let sql = format!(
        "SELECT body FROM correlated WHERE job = ?1 AND run = ?2 AND {of_status}
             AND (moment, id) {after} (?4, ?5) ORDER BY moment {order}, id {order} LIMIT ?6"
    );
    let parameters = params![job, run, query.status.map(status), moment, id, limit(query.limit)];
    session.all(&sql, parameters, account)
}

/// Removes rows, some at a time, and says whether there may be more.
fn prune(session: &Session<'_>, job: i64) -> Done<bool> {
    let accounts = session.run(
        "DELETE FROM correlated WHERE number IN (
             SELECT number FROM correlated WHERE job = ?1
                 AND run NOT IN (SELECT run FROM correlation WHERE job = ?1 AND state <> 2) LIMIT ?2)",
        [job, PRUNED],
    )?;
    let keys = session.run(
        "DELETE FROM correlated_key WHERE (job, run, kind, attribute, value, correlated) IN (
             SELECT job, run, kind, attribute, value, correlated FROM correlated_key WHERE job = ?1
                 AND run NOT IN (SELECT run FROM correlation WHERE job = ?1 AND state = 0) LIMIT ?2)",
        [job, PRUNED],
    )?;
    let full = usize::try_from(PRUNED).unwrap_or(usize::MAX);
    Ok(accounts >= full || keys >= full)
}

#[async_trait]
impl CorrelationStore for SqliteStore {
    async fn put_correlation(&self, report: Correlation) -> store::Result<()> {
        self.write_bulk(move |session| put(session, &report)).await
    }

    async fn correlation(&self, tenant: TenantId, id: Uuid) -> store::Result<Option<Correlation>> {
        self.read(move |session| {
            let Some(tenant) = tenants::find(session, tenant)? else { return Ok(None) };
            let sql = "SELECT body FROM correlation WHERE tenant = ?1 AND id = ?2";
            session.first(sql, params![tenant, id], report)
        })
        .await
    }

    async fn correlations(
        &self,
        tenant: TenantId,
        before: Option<Uuid>,
        most: usize,
    ) -> store::Result<Vec<Correlation>> {
        self.read(move |session| {
            let Some(tenant) = tenants::find(session, tenant)? else { return Ok(Vec::new()) };
            let sql = "SELECT body FROM correlation WHERE tenant = ?1 AND (?2 IS NULL OR id < ?2)
                       ORDER BY id DESC LIMIT ?3";
            session.all(sql, params![tenant, before, limit(most)], report)
        })
        .await
    }

    async fn running_correlations(&self) -> store::Result<Vec<Correlation>> {
        self.read(|session| {
            session.all("SELECT body FROM correlation WHERE state = 0 ORDER BY id", [], report)
        })
        .await
    }

    async fn add_correlated(&self, job: &JobId, run: Uuid, accounts: Vec<FoundBy>) -> store::Result<u64> {
        let job = job.clone();
        self.write_bulk(move |session| add(session, jobs::require(session, &job)?, run, &accounts)).await
    }

    async fn put_correlated(
        &self,
        job: &JobId,
        run: Uuid,
        accounts: Vec<CorrelatedIdentity>,
    ) -> store::Result<()> {
        let job = job.clone();
        self.write_bulk(move |session| overwrite(session, jobs::require(session, &job)?, run, &accounts))
            .await
    }

    async fn correlated_of(
        &self,
        job: &JobId,
        run: Uuid,
        kind: &Name,
        anchors: &[Anchor],
    ) -> store::Result<Vec<CorrelatedIdentity>> {
        let (job, kind, anchors) = (job.clone(), kind.clone(), anchors.to_vec());
        self.read(move |session| {
            let job = jobs::require(session, &job)?;
            let Some(kind) = session.id(&kind)? else { return Ok(Vec::new()) };
            let sql = "SELECT body FROM correlated WHERE job = ?1 AND run = ?2 AND kind = ?3 AND target = ?4";
            let mut found = Vec::new();
            for anchor in &anchors {
                found.extend(session.first(sql, params![job, run, kind, anchor.as_str()], account)?);
            }
            Ok(found)
        })
        .await
    }

    async fn correlated_by(
        &self,
        job: &JobId,
        run: Uuid,
        kind: &Name,
        attribute: &Name,
        values: &[String],
    ) -> store::Result<Vec<(String, CorrelatedIdentity)>> {
        let (job, kind, attribute, values) = (job.clone(), kind.clone(), attribute.clone(), values.to_vec());
        self.read(move |session| {
            let job = jobs::require(session, &job)?;
            by_values(session, job, run, (kind.as_str(), attribute.as_str()), &values)
        })
        .await
    }

    async fn correlated(
        &self,
        job: &JobId,
        run: Uuid,
        query: CorrelatedQuery,
    ) -> store::Result<Vec<CorrelatedIdentity>> {
        let job = job.clone();
        self.read(move |session| page(session, jobs::require(session, &job)?, run, &query)).await
    }

    async fn correlated_one(
        &self,
        job: &JobId,
        run: Uuid,
        id: Uuid,
    ) -> store::Result<Option<CorrelatedIdentity>> {
        let job = job.clone();
        self.read(move |session| {
            let job = jobs::require(session, &job)?;
            let sql = "SELECT body FROM correlated WHERE job = ?1 AND run = ?2 AND id = ?3";
            session.first(sql, params![job, run, id], account)
        })
        .await
    }

    async fn prune_correlated(&self, job: &JobId) -> store::Result<bool> {
        let job = job.clone();
        self.write_bulk(move |session| prune(session, jobs::require(session, &job)?)).await
    }
}
