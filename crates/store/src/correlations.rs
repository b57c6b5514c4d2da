use async_trait::async_trait;
use model::correlation::{CorrelatedIdentity, Correlation, CorrelationStatus};
use model::{Anchor, JobId, Name, TenantId, Timestamp, Uuid};

use crate::Result;

/// Accounts of a report that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorrelatedQuery {
    /// Only those of this status.
    pub status: Option<CorrelationStatus>,
    /// The latest first.
    pub descending: bool,
    /// Go on after the account of this moment and id.
    pub after: Option<(Timestamp, Uuid)>,
    /// At most so many.
    pub limit: usize,
}

/// An account with the texts by which it can be found: of each attribute its folded values.
pub type FoundBy = (CorrelatedIdentity, Vec<(Name, String)>);

/// Reports about the accounts of targets. They go with their job.
///
/// The accounts belong to a job and a *run*, one attempt to make a report.
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

    /// Adds accounts to a run. One that is there already stays as it is; the number of those that were not is returned.
    async fn add_correlated(&self, job: &JobId, run: Uuid, accounts: Vec<FoundBy>) -> Result<u64>;

    /// Writes accounts of a run over, by type and anchor.
    async fn put_correlated(&self, job: &JobId, run: Uuid, accounts: Vec<CorrelatedIdentity>) -> Result<()>;

    /// The accounts of a type with these anchors.
    async fn correlated_of(
        &self,
        job: &JobId,
        run: Uuid,
        kind: &Name,
        anchors: &[Anchor],
    ) -> Result<Vec<CorrelatedIdentity>>;

    /// The accounts of a type of which an attribute has one of these folded values, each with that value. Of one value,
    /// no more than 1,000 accounts.
    async fn correlated_by(
        &self,
        job: &JobId,
        run: Uuid,
        kind: &Name,
        attribute: &Name,
        values: &[String],
    ) -> Result<Vec<(String, CorrelatedIdentity)>>;

    /// A page of accounts, by moment, then id.
    async fn correlated(
        &self,
        job: &JobId,
        run: Uuid,
        query: CorrelatedQuery,
    ) -> Result<Vec<CorrelatedIdentity>>;

    /// One account by its id.
    async fn correlated_one(&self, job: &JobId, run: Uuid, id: Uuid) -> Result<Option<CorrelatedIdentity>>;

    /// Removes some accounts, and texts to find them by, that no report of the job needs: those of other runs than its
    /// reports', and the texts of complete ones. True where there may be more.
    async fn prune_correlated(&self, job: &JobId) -> Result<bool>;
}
