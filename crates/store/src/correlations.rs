use async_trait::async_trait;
use model::correlation::{
    CorrelatedIdentity, CorrelatedObject, CorrelatedParty, Correlation, CorrelationStatus, Finding,
};
use model::{JobId, TenantId, Uuid};

use crate::Result;

/// Accounts of a report that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorrelatedQuery {
    /// Only those of this status.
    pub status: Option<CorrelationStatus>,
    /// The last first.
    pub descending: bool,
    /// Go on after the account of this id.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: usize,
}

/// Reports about the accounts of targets. They go with their job.
///
/// What a report is made of belongs to a job and a *run*, one attempt to make it: the accounts as they were listed and the
/// source objects as they were read, each under a number of its own, and what was found out in the end about each
/// account. Nothing of it is ever changed.
#[async_trait]
pub trait CorrelationStore: Send + Sync {
    /// Writes a report, new or changed (by id). Of the other reports of its job, those that are not complete go, and
    /// once this one is complete all do.
    async fn put_correlation(&self, report: Correlation) -> Result<()>;

    /// One report of a tenant.
    async fn correlation(&self, tenant: TenantId, id: Uuid) -> Result<Option<Correlation>>;

    /// The reports of a tenant with smaller ids than one, the greatest first.
    async fn correlations(
        &self,
        tenant: TenantId,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Correlation>>;

    /// The reports of all tenants that are being made.
    async fn running_correlations(&self) -> Result<Vec<Correlation>>;

    /// Adds accounts to a run, under numbers that it does not have yet.
    async fn add_accounts(&self, job: &JobId, run: Uuid, accounts: Vec<(u32, CorrelatedParty)>)
    -> Result<()>;

    /// Adds source objects to a run, under numbers that it does not have yet.
    async fn add_objects(&self, job: &JobId, run: Uuid, objects: Vec<(u32, CorrelatedObject)>) -> Result<()>;

    /// Adds what was found out about accounts of a run, about each once. Findings rise by account and by moment, within
    /// one call and from call to call.
    async fn add_findings(&self, job: &JobId, run: Uuid, findings: Vec<Finding>) -> Result<()>;

    /// The accounts of a run with these numbers, as they were listed.
    async fn accounts_of(
        &self,
        job: &JobId,
        run: Uuid,
        numbers: &[u32],
    ) -> Result<Vec<(u32, CorrelatedParty)>>;

    /// The source objects of a run with these numbers.
    async fn objects_of(
        &self,
        job: &JobId,
        run: Uuid,
        numbers: &[u32],
    ) -> Result<Vec<(u32, CorrelatedObject)>>;

    /// A page of the accounts about which something was found out, by number, which is by moment too.
    async fn correlated(
        &self,
        job: &JobId,
        run: Uuid,
        query: CorrelatedQuery,
    ) -> Result<Vec<CorrelatedIdentity>>;

    /// One account by its id, where something was found out about it.
    async fn correlated_one(&self, job: &JobId, run: Uuid, id: Uuid) -> Result<Option<CorrelatedIdentity>>;

    /// Removes some of what no report of the job needs: that of other runs than its reports'. True where there may be
    /// more.
    async fn prune_correlated(&self, job: &JobId) -> Result<bool>;
}
