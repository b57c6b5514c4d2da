//! Jobs, their schemas, leases and executions.

use async_trait::async_trait;
use model::job::{Execution, Job, JobStatus, ScheduleState};
use model::schema::Schema;
use model::template::Template;
use model::{JobId, ServicePrincipalId, TenantId, Timestamp, Uuid};
use rusqlite::{Row, params};
use store::{JobStore, LeaseGrant, SchemaVersion, StoreError};

use crate::SqliteStore;
use crate::correlations;
use crate::encode::{count, from_text, limit, micros, moment, to_text};
use crate::error::{Done, corrupt, not_found};
use crate::managed;
use crate::session::Session;
use crate::tenants::{self, duplicate};

/// Executions that are kept of a job.
const EXECUTIONS: i64 = 10_000;

/// The number of a job; none where no job has that id.
pub(crate) fn find(session: &Session<'_>, id: &JobId) -> Done<Option<i64>> {
    let Some(number) = session.id(id.as_str())? else { return Ok(None) };
    session.first("SELECT id FROM job WHERE id = ?1", [number], |row| Ok(row.get(0)?))
}

/// The number of a job that must be there.
pub(crate) fn require(session: &Session<'_>, id: &JobId) -> Done<i64> {
    find(session, id)?.ok_or_else(|| not_found("job", &id))
}

/// The number of a job whose lease has this fence.
pub(crate) fn require_fence(session: &Session<'_>, id: &JobId, fence: u64) -> Done<i64> {
    let job = require(session, id)?;
    let newest: Option<i64> =
        session.first("SELECT fence FROM job_state WHERE job = ?1", [job], |row| Ok(row.get(0)?))?;
    if newest.map(count) == Some(fence) { Ok(job) } else { Err(StoreError::Fenced.into()) }
}

pub(crate) fn write_status(session: &Session<'_>, job: i64, status: &JobStatus) -> Done<()> {
    session.run("UPDATE job_state SET status = ?2 WHERE job = ?1", params![job, to_text(status)?])?;
    Ok(())
}

/// Appends to a job's executions, of which only the newest are kept.
pub(crate) fn append_execution(session: &Session<'_>, job: i64, execution: &Execution) -> Done<()> {
    let newest: Option<i64> = session
        .first("SELECT max(number) FROM execution WHERE job = ?1", [job], |row| Ok(row.get(0)?))?
        .flatten();
    let number = newest.unwrap_or(0) + 1;
    session.run(
        "INSERT INTO execution (job, number, body) VALUES (?1, ?2, ?3)",
        params![job, number, to_text(execution)?],
    )?;
    session
        .run("DELETE FROM execution WHERE job = ?1 AND number <= ?2", params![job, number - EXECUTIONS])?;
    Ok(())
}

fn body(row: &Row<'_>) -> Done<Job> {
    from_text("a job", row.get_ref(0)?.as_str()?)
}

fn is_active(job: &Job) -> bool {
    job.schedule.state == ScheduleState::Active
}

fn schema(row: &Row<'_>) -> Done<SchemaVersion> {
    Ok(SchemaVersion { schema: from_text("a schema", &row.get::<_, String>(3)?)?, ..schema_heading(row)? })
}

fn schema_heading(row: &Row<'_>) -> Done<SchemaVersion> {
    Ok(SchemaVersion {
        number: count(row.get(0)?),
        moment: moment(row.get(1)?)?,
        author: row.get(2)?,
        schema: Schema::default(),
    })
}

fn write_schema(session: &Session<'_>, job: i64, version: &SchemaVersion) -> Done<()> {
    let number = i64::try_from(version.number).map_err(|error| corrupt("a schema's number", &error))?;
    session.run(
        "INSERT INTO job_schema (job, number, moment, author, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![job, number, micros(version.moment), version.author, to_text(&version.schema)?],
    )?;
    Ok(())
}

fn create(session: &Session<'_>, job: &Job, schema: &SchemaVersion, key: [u8; 16]) -> Done<()> {
    let tenant = tenants::require(session, job.tenant)?;
    if find(session, &job.id)?.is_some() {
        return Err(duplicate("id", &job.id));
    }
    let id = session.intern(job.id.as_str())?;
    session.run(
        "INSERT INTO job (id, tenant, owner, active, created, key, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![id, tenant, job.service_principal.0, is_active(job), micros(job.created), key, to_text(job)?],
    )?;
    session.run("INSERT INTO job_state (job) VALUES (?1)", [id])?;
    write_schema(session, id, schema)
}

/// The number of a tenant's job.
fn require_of(session: &Session<'_>, tenant: TenantId, id: &JobId) -> Done<i64> {
    let job = require(session, id)?;
    let tenant = tenants::find(session, tenant)?;
    let found =
        session.first("SELECT 1 FROM job WHERE id = ?1 AND tenant = ?2", params![job, tenant], |_| Ok(()))?;
    found.map(|()| job).ok_or_else(|| not_found("job", &id))
}

fn lease(
    session: &Session<'_>,
    job: i64,
    holder: Uuid,
    now: Timestamp,
    until: Timestamp,
) -> Done<Option<LeaseGrant>> {
    let state: Option<(i64, Option<Uuid>, Option<i64>)> =
        session.first("SELECT fence, holder, lease_until FROM job_state WHERE job = ?1", [job], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let (fence, present, ends) = state.ok_or_else(|| corrupt("a job", "its state is missing"))?;
    let fence = if present == Some(holder) {
        fence
    } else if present.is_none() || ends.is_none_or(|ends| ends <= micros(now)) {
        fence + 1
    } else {
        return Ok(None);
    };
    session.run(
        "UPDATE job_state SET fence = ?2, holder = ?3, lease_until = ?4 WHERE job = ?1",
        params![job, fence, holder, micros(until)],
    )?;
    Ok(Some(LeaseGrant { fence: count(fence), until }))
}

#[async_trait]
impl JobStore for SqliteStore {
    async fn create_job(&self, job: Job, schema: SchemaVersion, key: [u8; 16]) -> store::Result<()> {
        self.write(move |session| create(session, &job, &schema, key)).await
    }

    async fn job(&self, tenant: TenantId, id: &JobId) -> store::Result<Option<Job>> {
        let id = id.clone();
        self.read(move |session| {
            let Some(tenant) = tenants::find(session, tenant)? else { return Ok(None) };
            let Some(id) = find(session, &id)? else { return Ok(None) };
            session.first("SELECT body FROM job WHERE id = ?1 AND tenant = ?2", params![id, tenant], body)
        })
        .await
    }

    async fn jobs_of(&self, tenant: TenantId, owner: ServicePrincipalId) -> store::Result<Vec<Job>> {
        self.read(move |session| {
            let Some(tenant) = tenants::find(session, tenant)? else { return Ok(Vec::new()) };
            session.all(
                "SELECT body FROM job WHERE tenant = ?1 AND owner = ?2 ORDER BY created, id",
                params![tenant, owner.0],
                body,
            )
        })
        .await
    }

    async fn active_jobs(&self) -> store::Result<Vec<Job>> {
        self.read(|session| session.all("SELECT body FROM job WHERE active ORDER BY id", [], body)).await
    }

    async fn update_job(&self, job: Job) -> store::Result<()> {
        self.write(move |session| {
            let id = require_of(session, job.tenant, &job.id)?;
            session.run(
                "UPDATE job SET owner = ?2, active = ?3, body = ?4 WHERE id = ?1",
                params![id, job.service_principal.0, is_active(&job), to_text(&job)?],
            )?;
            Ok(())
        })
        .await
    }

    async fn delete_job(&self, tenant: TenantId, id: &JobId) -> store::Result<()> {
        let id = id.clone();
        self.write_bulk(move |session| {
            let job = require_of(session, tenant, &id)?;
            managed::clear_links(session, job)?;
            session.run("DELETE FROM escrow WHERE job = ?1", [job])?;
            managed::clear_index(session, job)?;
            managed::clear_policies(session, job)?;
            correlations::clear(session, job)?;
            session.run("DELETE FROM hint WHERE job = ?1", [job])?;
            // The rest refers to the job and goes with it; its log does not.
            session.run("DELETE FROM job WHERE id = ?1", [job])?;
            Ok(())
        })
        .await
    }

    async fn job_key(&self, id: &JobId) -> store::Result<[u8; 16]> {
        let id = id.clone();
        self.read(move |session| {
            let job = require(session, &id)?;
            let key = session.first("SELECT key FROM job WHERE id = ?1", [job], |row| Ok(row.get(0)?))?;
            key.ok_or_else(|| not_found("job", &id))
        })
        .await
    }

    async fn status(&self, id: &JobId) -> store::Result<JobStatus> {
        let id = id.clone();
        self.read(move |session| {
            let job = require(session, &id)?;
            let status: Option<Option<String>> =
                session.first("SELECT status FROM job_state WHERE job = ?1", [job], |row| Ok(row.get(0)?))?;
            status.flatten().map_or_else(|| Ok(JobStatus::default()), |status| from_text("a status", &status))
        })
        .await
    }

    async fn put_status(&self, id: &JobId, status: JobStatus) -> store::Result<()> {
        let id = id.clone();
        self.write(move |session| {
            let job = require(session, &id)?;
            write_status(session, job, &status)
        })
        .await
    }

    async fn schema(&self, id: &JobId) -> store::Result<SchemaVersion> {
        let id = id.clone();
        self.read(move |session| {
            let job = require(session, &id)?;
            let found = session.first(
                "SELECT number, moment, author, body FROM job_schema WHERE job = ?1 ORDER BY number DESC LIMIT 1",
                [job],
                schema,
            )?;
            found.ok_or_else(|| corrupt("a job", "its schema is missing"))
        })
        .await
    }

    async fn schema_version(&self, id: &JobId, number: u64) -> store::Result<Option<SchemaVersion>> {
        let id = id.clone();
        self.read(move |session| {
            let job = require(session, &id)?;
            let Ok(number) = i64::try_from(number) else { return Ok(None) };
            session.first(
                "SELECT number, moment, author, body FROM job_schema WHERE job = ?1 AND number = ?2",
                [job, number],
                schema,
            )
        })
        .await
    }

    async fn put_schema(&self, id: &JobId, version: SchemaVersion) -> store::Result<()> {
        let id = id.clone();
        self.write(move |session| {
            let job = require(session, &id)?;
            let newest: Option<i64> = session
                .first("SELECT max(number) FROM job_schema WHERE job = ?1", [job], |row| Ok(row.get(0)?))?
                .flatten();
            if version.number != newest.map_or(0, count) + 1 {
                return Err(StoreError::VersionMismatch.into());
            }
            write_schema(session, job, &version)
        })
        .await
    }

    async fn schema_versions(&self, id: &JobId) -> store::Result<Vec<SchemaVersion>> {
        let id = id.clone();
        self.read(move |session| {
            let job = require(session, &id)?;
            session.all(
                "SELECT number, moment, author FROM job_schema WHERE job = ?1 ORDER BY number DESC",
                [job],
                schema_heading,
            )
        })
        .await
    }

    async fn templates_of(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
    ) -> store::Result<Vec<Template>> {
        self.read(move |session| {
            let Some(tenant) = tenants::find(session, tenant)? else { return Ok(Vec::new()) };
            session.all(
                "SELECT body FROM template WHERE tenant = ?1 AND owner = ?2 ORDER BY id",
                params![tenant, owner.0],
                |row| from_text("a template", &row.get::<_, String>(0)?),
            )
        })
        .await
    }

    async fn put_template(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
        template: Template,
        before: Option<Template>,
    ) -> store::Result<()> {
        let before = before.map(|before| to_text(&before)).transpose()?;
        let body = to_text(&template)?;
        self.write(move |session| {
            let tenant = tenants::require(session, tenant)?;
            let id = template.id.as_str();
            let present: Option<String> = session.first(
                "SELECT body FROM template WHERE tenant = ?1 AND owner = ?2 AND id = ?3",
                params![tenant, owner.0, id],
                |row| Ok(row.get(0)?),
            )?;
            if present != before {
                return Err(StoreError::VersionMismatch.into());
            }
            session.run(
                "INSERT INTO template (tenant, owner, id, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET body = excluded.body",
                params![tenant, owner.0, id, body],
            )?;
            Ok(())
        })
        .await
    }

    async fn delete_template(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
        id: &str,
    ) -> store::Result<()> {
        let id = id.to_owned();
        self.write(move |session| {
            let number = tenants::find(session, tenant)?;
            let removed = session.run(
                "DELETE FROM template WHERE tenant = ?1 AND owner = ?2 AND id = ?3",
                params![number, owner.0, id],
            )?;
            if removed == 0 { Err(not_found("template", &id)) } else { Ok(()) }
        })
        .await
    }

    async fn lease(
        &self,
        id: &JobId,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> store::Result<Option<LeaseGrant>> {
        let id = id.clone();
        self.write(move |session| {
            let job = require(session, &id)?;
            lease(session, job, holder, now, until)
        })
        .await
    }

    async fn release_lease(&self, id: &JobId, holder: Uuid) -> store::Result<()> {
        let id = id.clone();
        self.write(move |session| {
            let Some(job) = find(session, &id)? else { return Ok(()) };
            session.run(
                "UPDATE job_state SET holder = NULL, lease_until = NULL WHERE job = ?1 AND holder = ?2",
                params![job, holder],
            )?;
            Ok(())
        })
        .await
    }

    async fn executions(&self, id: &JobId, most: usize) -> store::Result<Vec<Execution>> {
        let id = id.clone();
        self.read(move |session| {
            let job = require(session, &id)?;
            session.all(
                "SELECT body FROM execution WHERE job = ?1 ORDER BY number DESC LIMIT ?2",
                [job, limit(most)],
                |row| from_text("an execution", &row.get::<_, String>(0)?),
            )
        })
        .await
    }
}
