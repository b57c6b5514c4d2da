//! The engine as the rest of the service sees it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::job::Job;
use model::settings::{ApplyMode, JobSettings};
use model::{JobId, TenantId};
use store::{Result, StoreError};
use tokio::task::AbortHandle;

use crate::cycle::{CycleEnd, Runtime};
use crate::live::Live;
use crate::runner::Runner;
use crate::services::Services;

/// The engine of one process: it runs the active jobs and takes orders about all.
pub struct Engine {
    pub(crate) services: Services,
    jobs: Mutex<HashMap<JobId, Arc<Runner>>>,
    courier: Mutex<Option<AbortHandle>>,
}

impl Engine {
    /// An engine that runs nothing yet.
    #[must_use]
    pub fn new(services: Services) -> Arc<Self> {
        Arc::new(Self { services, jobs: Mutex::new(HashMap::new()), courier: Mutex::new(None) })
    }

    /// What the engine stands on.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Takes up every job whose schedule is active, the notices that wait, and reports that broke off. What changed when
    /// nobody was there to see it triggers cycles as any change does; those that find nothing cost nothing.
    pub async fn start(self: &Arc<Self>) -> Result<()> {
        let courier = tokio::spawn(self.services.clone().deliver_notices()).abort_handle();
        if let Some(before) = self.courier.lock().unwrap_or_else(PoisonError::into_inner).replace(courier) {
            before.abort();
        }
        let now = self.services.clock.now();
        for job in self.services.store.active_jobs().await? {
            let runner = self.runner(&job);
            // A plan that waits for a person is not made anew for it.
            if !JobSettings::parse(&job.settings).is_ok_and(|one| one.apply_mode == ApplyMode::AfterReview) {
                runner.trigger(now);
            }
            runner.schedule(self);
        }
        self.resume_discoveries().await
    }

    /// Stops every cycle at its next object and waits for it.
    pub async fn shutdown(&self) {
        if let Some(courier) = self.courier.lock().unwrap_or_else(PoisonError::into_inner).take() {
            courier.abort();
        }
        let runners: Vec<_> = self.lock().values().cloned().collect();
        futures::future::join_all(runners.iter().map(|runner| runner.halt(&self.services))).await;
    }

    /// Runs one cycle of an active job, whatever its schedule, and waits for its end.
    pub async fn run_to_end(&self, job: &Job) -> Result<CycleEnd> {
        self.runner(job).cycle(&self.services).await
    }

    /// Something in a tenant's directory changed: its jobs that are triggered by changes begin a cycle soon.
    pub fn changed(&self, tenant: TenantId, origin: Option<&JobId>) {
        let now = self.services.clock.now();
        for runner in self.lock().values() {
            if runner.tenant == tenant && Some(&runner.job) != origin {
                runner.trigger(now);
            }
        }
    }

    /// The cursors that the jobs of a tenant will go on from, whatever their schedule: what a source must still know.
    pub async fn cursors(&self, tenant: TenantId) -> Result<Vec<String>> {
        let mut cursors = Vec::new();
        for text in self.services.store.runtimes(tenant).await? {
            let runtime: Runtime = serde_json::from_str(&text)
                .map_err(|error| StoreError::Corrupt(format!("the runtime state of a job: {error}")))?;
            cursors.extend(runtime.watermark.map(|watermark| watermark.cursor));
            cursors.extend(runtime.running.and_then(|running| running.cursor));
        }
        Ok(cursors)
    }

    /// What is known of a job's running cycle.
    #[must_use]
    pub fn live(&self, job: &Job) -> Arc<Live> {
        self.runner(job).live.clone()
    }

    /// The runner of a job, made where there is none.
    pub(crate) fn runner(&self, job: &Job) -> Arc<Runner> {
        let mut jobs = self.lock();
        jobs.entry(job.id.clone()).or_insert_with(|| Arc::new(Runner::new(job))).clone()
    }

    pub(crate) fn forget(&self, job: &JobId) {
        self.lock().remove(job);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<JobId, Arc<Runner>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
