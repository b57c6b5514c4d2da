//! What clients upload to jobs (Graph `bulkUpload`).

use model::job::Job;
use store::{Upload, Uploaded};

use crate::control::{ControlError, Result};
use crate::engine::Engine;

impl Engine {
    /// Keeps people that a client uploaded to a job, and has a cycle begin soon where the job is triggered by changes. What
    /// is kept waits for a job that is not started. A job whose source reads something else is refused.
    pub async fn upload(&self, job: &Job, uploads: Vec<Upload>) -> Result<()> {
        self.require_uploads(job).await?;
        let services = &self.services;
        services.store.put_uploads(&job.id, services.clock.now(), uploads).await?;
        self.runner(job).trigger(services.clock.now());
        Ok(())
    }

    /// The people that were uploaded to a job last, by rising number.
    pub async fn newest_uploads(&self, job: &Job, most: usize) -> Result<Vec<Uploaded>> {
        self.require_uploads(job).await?;
        let store = &self.services.store;
        let newest = store.upload_range(&job.id).await?.newest;
        let before = newest.saturating_sub(u64::try_from(most).unwrap_or(u64::MAX));
        Ok(store.uploaded_after(&job.id, before, most).await?)
    }

    /// Removes everybody who was uploaded to a job; returns how many there were. The job's next cycle begins anew, and to it
    /// whoever is not uploaded again is gone.
    pub async fn clear_uploads(&self, job: &Job) -> Result<u64> {
        self.require_uploads(job).await?;
        Ok(self.services.store.clear_uploads(&job.id).await?)
    }

    /// Refuses a job whose source does not read uploads.
    pub async fn require_uploads(&self, job: &Job) -> Result<()> {
        let template = self.services.template_of(job).await?;
        let factory = template.source_connector().and_then(|name| self.services.registry.factory(name));
        if factory.is_some_and(|factory| factory.takes_uploads()) {
            return Ok(());
        }
        let words = format!(
            "a job of the template '{}' does not read uploads; upload to a job of a template such as API2AAD",
            template.id
        );
        Err(ControlError::Unfit(words))
    }
}
