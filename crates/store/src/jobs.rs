use async_trait::async_trait;
use model::job::{Execution, Job, JobStatus};
use model::schema::Schema;
use model::template::Template;
use model::{JobId, ServicePrincipalId, TenantId, Timestamp, Uuid};

use crate::Result;

/// One version of a job's schema.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaVersion {
    /// Counts up from one.
    pub number: u64,
    /// When it was written.
    pub moment: Timestamp,
    /// Who wrote it: a client's application id, or empty for the service itself.
    pub author: String,
    /// The schema.
    pub schema: Schema,
}

/// A job's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseGrant {
    /// Rises with every grant; writes of a cycle carry it.
    pub fence: u64,
    /// When it ends unless it is renewed.
    pub until: Timestamp,
}

/// Jobs, their schemas, and who runs them.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Makes a job with the first version of its schema. `key` seeds the job's fingerprints.
    async fn create_job(&self, job: Job, schema: SchemaVersion, key: [u8; 16]) -> Result<()>;

    /// One job of a tenant.
    async fn job(&self, tenant: TenantId, id: &JobId) -> Result<Option<Job>>;

    /// The jobs of a service principal, oldest first.
    async fn jobs_of(&self, tenant: TenantId, owner: ServicePrincipalId) -> Result<Vec<Job>>;

    /// The jobs of every tenant whose schedule is active: what the scheduler looks after.
    async fn active_jobs(&self) -> Result<Vec<Job>>;

    /// Writes a job's schedule and settings.
    async fn update_job(&self, job: Job) -> Result<()>;

    /// Removes a job with everything that it remembers; its provisioning log stays.
    async fn delete_job(&self, tenant: TenantId, id: &JobId) -> Result<()>;

    /// The key that seeds the job's fingerprints.
    async fn job_key(&self, id: &JobId) -> Result<[u8; 16]>;

    /// What the last cycles did.
    async fn status(&self, id: &JobId) -> Result<JobStatus>;

    /// Writes what the last cycles did.
    async fn put_status(&self, id: &JobId, status: JobStatus) -> Result<()>;

    /// The newest schema.
    async fn schema(&self, id: &JobId) -> Result<SchemaVersion>;

    /// A version of the schema; none where it never was.
    async fn schema_version(&self, id: &JobId, number: u64) -> Result<Option<SchemaVersion>>;

    /// Writes the next version; `VersionMismatch` where it is not the newest plus one.
    async fn put_schema(&self, id: &JobId, version: SchemaVersion) -> Result<()>;

    /// Numbers, moments and authors of the versions, newest first (the schemas are left empty).
    async fn schema_versions(&self, id: &JobId) -> Result<Vec<SchemaVersion>>;

    /// Templates that clients made for the application of a service principal, by their ids.
    async fn templates_of(&self, tenant: TenantId, owner: ServicePrincipalId) -> Result<Vec<Template>>;

    /// Writes a client's template in place of `before`; `VersionMismatch` where another, or none, has its id.
    async fn put_template(
        &self,
        tenant: TenantId,
        owner: ServicePrincipalId,
        template: Template,
        before: Option<Template>,
    ) -> Result<()>;

    /// Removes a client's template.
    async fn delete_template(&self, tenant: TenantId, owner: ServicePrincipalId, id: &str) -> Result<()>;

    /// Takes or renews the lease: granted where nobody holds it, where it has ended, or where `holder` has it (then
    /// with the same fence). None where somebody else holds it.
    async fn lease(
        &self,
        id: &JobId,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<LeaseGrant>>;

    /// Gives the lease back.
    async fn release_lease(&self, id: &JobId, holder: Uuid) -> Result<()>;

    /// The newest executions, newest first.
    async fn executions(&self, id: &JobId, limit: usize) -> Result<Vec<Execution>>;
}
