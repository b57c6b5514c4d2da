//! Plans of jobs.

use async_trait::async_trait;
use model::plan::{Plan, PlannedChange};
use model::{JobId, Uuid};
use rusqlite::params;
use store::PlanStore;

use crate::SqliteStore;
use crate::encode::{from_text, limit, to_text};
use crate::error::{Done, corrupt, not_found};
use crate::jobs;
use crate::session::Session;

fn number(number: u64) -> Done<i64> {
    i64::try_from(number).map_err(|error| corrupt("the number of a planned change", &error))
}

fn put(session: &Session<'_>, job: i64, plan: &Plan, keep: usize) -> Done<()> {
    session.run(
        "INSERT INTO plan (job, id, body) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET body = excluded.body",
        params![job, plan.id, to_text(plan)?],
    )?;
    for table in ["planned_change", "plan"] {
        let column = if table == "plan" { "id" } else { "plan" };
        session.run(
            &format!(
                "DELETE FROM {table} WHERE job = ?1 AND {column} IN
                     (SELECT id FROM plan WHERE job = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)"
            ),
            params![job, limit(keep)],
        )?;
    }
    Ok(())
}

fn put_changes(session: &Session<'_>, job: i64, plan: Uuid, changes: &[PlannedChange]) -> Done<()> {
    let known =
        session.first("SELECT 1 FROM plan WHERE job = ?1 AND id = ?2", params![job, plan], |_| Ok(()));
    known?.ok_or_else(|| not_found("plan", &plan))?;
    for change in changes {
        session.run(
            "INSERT INTO planned_change (job, plan, number, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET body = excluded.body",
            params![job, plan, number(change.number)?, to_text(change)?],
        )?;
    }
    Ok(())
}

#[async_trait]
impl PlanStore for SqliteStore {
    async fn put_plan(&self, job: &JobId, plan: Plan, keep: usize) -> store::Result<()> {
        let job = job.clone();
        self.write_bulk(move |session| put(session, jobs::require(session, &job)?, &plan, keep)).await
    }

    async fn plan(&self, job: &JobId, id: Uuid) -> store::Result<Option<Plan>> {
        let job = job.clone();
        self.read(move |session| {
            let job = jobs::require(session, &job)?;
            session.first("SELECT body FROM plan WHERE job = ?1 AND id = ?2", params![job, id], |row| {
                from_text("a plan", row.get_ref(0)?.as_str()?)
            })
        })
        .await
    }

    async fn plans(&self, job: &JobId) -> store::Result<Vec<Plan>> {
        let job = job.clone();
        self.read(move |session| {
            let job = jobs::require(session, &job)?;
            session.all("SELECT body FROM plan WHERE job = ?1 ORDER BY id DESC", [job], |row| {
                from_text("a plan", row.get_ref(0)?.as_str()?)
            })
        })
        .await
    }

    async fn put_changes(&self, job: &JobId, plan: Uuid, changes: Vec<PlannedChange>) -> store::Result<()> {
        let job = job.clone();
        self.write_bulk(move |session| put_changes(session, jobs::require(session, &job)?, plan, &changes))
            .await
    }

    async fn planned_changes(
        &self,
        job: &JobId,
        plan: Uuid,
        after: u64,
        most: usize,
    ) -> store::Result<Vec<PlannedChange>> {
        let job = job.clone();
        self.read(move |session| {
            let job = jobs::require(session, &job)?;
            session.all(
                "SELECT body FROM planned_change WHERE job = ?1 AND plan = ?2 AND number > ?3 ORDER BY number LIMIT ?4",
                params![job, plan, number(after)?, limit(most)],
                |row| from_text("a planned change", row.get_ref(0)?.as_str()?),
            )
        })
        .await
    }
}
