use async_trait::async_trait;
use model::plan::{Plan, PlannedChange};
use model::{JobId, Uuid};

use crate::Result;

/// The plans of jobs, with their changes. They go with their job.
#[async_trait]
pub trait PlanStore: Send + Sync {
    /// Writes a plan, new or changed (by id). Of the job's plans only the newest `keep` stay, by their ids; those that
    /// go take their changes along.
    async fn put_plan(&self, job: &JobId, plan: Plan, keep: usize) -> Result<()>;

    /// One plan.
    async fn plan(&self, job: &JobId, id: Uuid) -> Result<Option<Plan>>;

    /// The job's plans, newest first.
    async fn plans(&self, job: &JobId) -> Result<Vec<Plan>>;

    /// Writes changes of a plan, new or changed (by number); `NotFound` where the plan is gone.
    async fn put_changes(&self, job: &JobId, plan: Uuid, changes: Vec<PlannedChange>) -> Result<()>;

    /// Changes of a plan after a number, by rising number.
    async fn planned_changes(
        &self,
        job: &JobId,
        plan: Uuid,
        after: u64,
        limit: usize,
    ) -> Result<Vec<PlannedChange>>;
}
