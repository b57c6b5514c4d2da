//! Reports about the accounts of targets.

use async_trait::async_trait;
use model::correlation::{
    CorrelatedIdentity, CorrelatedObject, CorrelatedParty, Correlation, CorrelationState, CorrelationStatus,
    Finding,
};
use model::{JobId, TenantId, Uuid};
use rusqlite::types::Type;
use rusqlite::{Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{CorrelatedQuery, CorrelationStore};

use crate::SqliteStore;
use crate::encode::{from_text, limit, micros, moment, to_text};
use crate::error::{Done, corrupt};
use crate::session::Session;
use crate::{jobs, tenants};

/// Rows of each kind that are pruned at once.
const PRUNED: i64 = 5_000;

fn state(state: CorrelationState) -> i64 {
    match state {
        CorrelationState::Running => 0,
        CorrelationState::Complete => 1,
        CorrelationState::Failed => 2,
    }
}

/// In the order of their numbers.
const STATUSES: [CorrelationStatus; 4] = [
    CorrelationStatus::Uncorrelated,
    CorrelationStatus::CorrelatedNotAssigned,
    CorrelationStatus::CorrelatedAssigned,
    CorrelationStatus::FailToCorrelate,
];

fn status(status: CorrelationStatus) -> i64 {
    match status {
        CorrelationStatus::Uncorrelated => 0,
        CorrelationStatus::CorrelatedNotAssigned => 1,
        CorrelationStatus::CorrelatedAssigned => 2,
        CorrelationStatus::FailToCorrelate => 3,
    }
}

/// Removes all that reports of a job are made of.
pub(crate) fn clear(session: &Session<'_>, job: i64) -> Done<()> {
    for sql in [
        "DELETE FROM correlated WHERE run IN (SELECT number FROM correlation_run WHERE job = ?1)",
        "DELETE FROM correlated_account WHERE run IN (SELECT number FROM correlation_run WHERE job = ?1)",
        "DELETE FROM correlated_object WHERE run IN (SELECT number FROM correlation_run WHERE job = ?1)",
        "DELETE FROM correlation_run WHERE job = ?1",
    ] {
        session.run(sql, [job])?;
    }
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

/// The number of a run; none where nothing was written for it.
fn run_of(session: &Session<'_>, job: &JobId, run: Uuid) -> Done<Option<i64>> {
    let job = jobs::require(session, job)?;
    let sql = "SELECT number FROM correlation_run WHERE job = ?1 AND run = ?2";
    session.first(sql, params![job, run], |row| Ok(row.get(0)?))
}

/// The number of a run, made where it is new.
fn begin(session: &Session<'_>, job: &JobId, run: Uuid) -> Done<i64> {
    if let Some(number) = run_of(session, job, run)? {
        return Ok(number);
    }
    let job = jobs::require(session, job)?;
    session.run("INSERT INTO correlation_run (job, run) VALUES (?1, ?2)", params![job, run])?;
    Ok(session.inserted())
}

fn add<T: Serialize>(session: &Session<'_>, sql: &'static str, run: i64, rows: &[(u32, T)]) -> Done<()> {
    for (number, body) in rows {
        session.run(sql, params![run, number, to_text(body)?])?;
    }
    Ok(())
}

fn find(session: &Session<'_>, run: i64, findings: &[Finding]) -> Done<()> {
    for one in findings {
        let error = one.error.as_ref().map(to_text).transpose()?;
        session.run(
            "INSERT INTO correlated (run, account, status, moment, object, matched, error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![run, one.account, status(one.status), micros(one.moment), one.object, one.key, error],
        )?;
    }
    Ok(())
}

/// The bodies of rows with these numbers.
fn bodies<T: DeserializeOwned>(
    session: &Session<'_>,
    (what, sql): (&str, &'static str),
    run: i64,
    numbers: &[u32],
) -> Done<Vec<(u32, T)>> {
    let mut found = Vec::new();
    for number in numbers {
        let body = session
            .first(sql, params![run, number], |row| from_text::<T>(what, row.get_ref(0)?.as_str()?))?;
        found.extend(body.map(|body| (*number, body)));
    }
    Ok(found)
}

/// What is selected of an account.
const IDENTITY: &str = "SELECT c.account, c.status, c.moment, c.object, c.matched, c.error, a.body, o.body
     FROM correlated c CROSS JOIN correlated_account a ON a.run = c.run AND a.number = c.account
         LEFT JOIN correlated_object o ON o.run = c.run AND o.number = c.object";

fn identity(row: &Row<'_>, run: Uuid) -> Done<CorrelatedIdentity> {
    let status = usize::try_from(row.get::<_, i64>(1)?).ok().and_then(|number| STATUSES.get(number));
    let error = match row.get_ref(5)?.data_type() {
        Type::Null => None,
        _ => Some(from_text("an error of a correlated account", row.get_ref(5)?.as_str()?)?),
    };
    let finding = Finding {
        account: row.get(0)?,
        moment: moment(row.get(2)?)?,
        status: *status.ok_or_else(|| corrupt("a correlated account", &"its status is unknown"))?,
        object: row.get(3)?,
        key: row.get(4)?,
        error,
    };
    let account: CorrelatedParty = from_text("a listed account", row.get_ref(6)?.as_str()?)?;
    let object = match row.get_ref(7)?.data_type() {
        Type::Null => None,
        _ => Some(from_text::<CorrelatedObject>("an object of a report", row.get_ref(7)?.as_str()?)?),
    };
    Ok(CorrelatedIdentity::new(run, finding, account, object))
}

fn page(
    session: &Session<'_>,
    number: i64,
    run: Uuid,
    query: &CorrelatedQuery,
) -> Done<Vec<CorrelatedIdentity>> {
    let of_status = if query.status.is_some() { "c.status = ?2" } else { "?2 IS NULL" };
    let (after, order) = if query.descending { ("<", "DESC") } else { (">", "ASC") };
    let place = match query.after {
        Some(id) => CorrelatedIdentity::number_of(run, id).map(i64::from),
        None => Some(if query.descending { i64::MAX } else { -1 }),
    };
    // After an account of another run there is nothing.
    let Some(place) = place else { return Ok(Vec::new()) };
    let sql = format!(
        "{IDENTITY} WHERE c.run = ?1 AND {of_status} AND c.account {after} ?3 ORDER BY c.account {order} LIMIT ?4"
    );
    let parameters = params![number, query.status.map(status), place, limit(query.limit)];
    session.all(&sql, parameters, |row| identity(row, run))
}

/// Removes rows, some at a time, and says whether there may be more.
fn prune(session: &Session<'_>, job: i64) -> Done<bool> {
    let stray = session.first(
        "SELECT number FROM correlation_run WHERE job = ?1
             AND run NOT IN (SELECT run FROM correlation WHERE job = ?1 AND state <> 2) LIMIT 1",
        [job],
        |row| Ok(row.get::<_, i64>(0)?),
    )?;
    let Some(stray) = stray else { return Ok(false) };
    let mut removed = 0;
    for sql in [
        "DELETE FROM correlated WHERE run = ?1
             AND account < ?2 + (SELECT min(account) FROM correlated WHERE run = ?1)",
        "DELETE FROM correlated_account WHERE run = ?1
             AND number < ?2 + (SELECT min(number) FROM correlated_account WHERE run = ?1)",
        "DELETE FROM correlated_object WHERE run = ?1
             AND number < ?2 + (SELECT min(number) FROM correlated_object WHERE run = ?1)",
    ] {
        removed += session.run(sql, [stray, PRUNED])?;
    }
    if removed == 0 {
        session.run("DELETE FROM correlation_run WHERE number = ?1", [stray])?;
    }
    Ok(true)
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

    async fn add_accounts(
        &self,
        job: &JobId,
        run: Uuid,
        accounts: Vec<(u32, CorrelatedParty)>,
    ) -> store::Result<()> {
        let (job, sql) =
            (job.clone(), "INSERT INTO correlated_account (run, number, body) VALUES (?1, ?2, ?3)");
        self.write_bulk(move |session| add(session, sql, begin(session, &job, run)?, &accounts)).await
    }

    async fn add_objects(
        &self,
        job: &JobId,
        run: Uuid,
        objects: Vec<(u32, CorrelatedObject)>,
    ) -> store::Result<()> {
        let (job, sql) =
            (job.clone(), "INSERT INTO correlated_object (run, number, body) VALUES (?1, ?2, ?3)");
        self.write_bulk(move |session| add(session, sql, begin(session, &job, run)?, &objects)).await
    }

    async fn add_findings(&self, job: &JobId, run: Uuid, findings: Vec<Finding>) -> store::Result<()> {
        let job = job.clone();
        self.write_bulk(move |session| find(session, begin(session, &job, run)?, &findings)).await
    }

    async fn accounts_of(
        &self,
        job: &JobId,
        run: Uuid,
        numbers: &[u32],
    ) -> store::Result<Vec<(u32, CorrelatedParty)>> {
        let (job, numbers) = (job.clone(), numbers.to_vec());
        self.read(move |session| {
            let Some(run) = run_of(session, &job, run)? else { return Ok(Vec::new()) };
            let sql = "SELECT body FROM correlated_account WHERE run = ?1 AND number = ?2";
            bodies(session, ("a listed account", sql), run, &numbers)
        })
        .await
    }

    async fn objects_of(
        &self,
        job: &JobId,
        run: Uuid,
        numbers: &[u32],
    ) -> store::Result<Vec<(u32, CorrelatedObject)>> {
        let (job, numbers) = (job.clone(), numbers.to_vec());
        self.read(move |session| {
            let Some(run) = run_of(session, &job, run)? else { return Ok(Vec::new()) };
            let sql = "SELECT body FROM correlated_object WHERE run = ?1 AND number = ?2";
            bodies(session, ("an object of a report", sql), run, &numbers)
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
        self.read(move |session| match run_of(session, &job, run)? {
            Some(number) => page(session, number, run, &query),
            None => Ok(Vec::new()),
        })
        .await
    }

    async fn correlated_one(
        &self,
        job: &JobId,
        run: Uuid,
        id: Uuid,
    ) -> store::Result<Option<CorrelatedIdentity>> {
        let job = job.clone();
        self.read(move |session| {
            let number = run_of(session, &job, run)?;
            let Some((number, account)) = number.zip(CorrelatedIdentity::number_of(run, id)) else {
                return Ok(None);
            };
            let sql = format!("{IDENTITY} WHERE c.run = ?1 AND c.account = ?2");
            session.first(&sql, params![number, account], |row| identity(row, run))
        })
        .await
    }

    async fn prune_correlated(&self, job: &JobId) -> store::Result<bool> {
        let job = job.clone();
        self.write_bulk(move |session| prune(session, jobs::require(session, &job)?)).await
    }
}
