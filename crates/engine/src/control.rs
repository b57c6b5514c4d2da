//! Orders about jobs: what a person or a client can have done with them.

use std::sync::Arc;
use std::time::Duration;

use connector::{Configuration, ConfigurationError, ConnectorError, Factory, SecretChanges};
use model::job::{Job, JobStatus, Schedule, ScheduleState};
use model::schema::{DirectoryDefinition, Schema};
use model::secrets::Secrets;
use model::settings::{JobSettings, Setting, SettingError, refuse_repeated};
use model::template::Template;
use model::{JobId, ServicePrincipalId, SignedDuration, TenantId, Timestamp};
use store::{SchemaVersion, StoreError};
use sync::SchemaError;
use thiserror::Error;

use crate::cycle::{PrepareError, load_runtime};
use crate::engine::Engine;
use crate::services::JobSecrets;
use crate::time::after;

/// How long the order to pause waits for the requests that are in flight.
const PAUSE_PATIENCE: Duration = Duration::from_millis(800);

/// Why an order was refused.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The store failed, or what the order is about does not exist.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such template.
    #[error("there is no synchronization template '{0}'")]
    UnknownTemplate(String),
    /// The credentials are incomplete or of no use.
    #[error("{0}")]
    Configuration(#[from] ConfigurationError),
    /// A setting is wrong.
    #[error("{0}")]
    Setting(#[from] SettingError),
    /// The schema cannot run.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Schema(Vec<SchemaError>),
    /// The other side said so.
    #[error("{0}")]
    Connector(#[from] ConnectorError),
    /// A parameter of the order is of no use.
    #[error("{0}")]
    Parameter(String),
    /// Neither the source nor the job's memory has the object.
    #[error("neither the source nor the job knows an object '{0}'")]
    UnknownObject(String),
    /// The order does not fit the job.
    #[error("{0}")]
    Unfit(String),
}

impl From<PrepareError> for ControlError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Store(error) => Self::Store(error),
            PrepareError::Configuration(error) => Self::Configuration(error),
            PrepareError::Setting(error) => Self::Setting(error),
            PrepareError::Schema(errors) => Self::Schema(errors),
            PrepareError::NeverTouch(problem) => Self::Setting(never_touch(problem)),
            PrepareError::Template(words) => Self::Unfit(words),
            PrepareError::Connector(error) => Self::Connector(error),
        }
    }
}

/// The result of an order.
pub(crate) type Result<T> = std::result::Result<T, ControlError>;

/// Graph `synchronizationJobRestartScope`: what a restart forgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the Graph resource is a set of flags")]
pub struct ResetScope {
    /// The next cycle reads everything.
    pub watermark: bool,
    /// Failures are forgotten.
    pub escrows: bool,
    /// The quarantine ends.
    pub quarantine: bool,
    /// Links become hints; accounts are matched anew, and what matching does not confirm is reported and left alone.
    pub links: bool,
    /// Staged removals are let through once.
    pub force_deletes: bool,
}

impl Default for ResetScope {
    /// What a restart without a scope means: `QuarantineState, Watermark, Escrows`.
    fn default() -> Self {
        Self { watermark: true, escrows: true, quarantine: true, links: false, force_deletes: false }
    }
}

/// A job as it is shown.
#[derive(Clone, Debug)]
pub struct JobView {
    /// Its configuration.
    pub job: Job,
    /// True where its service principal has secrets, or the target needs none.
    pub configured: bool,
    /// What its cycles did, progress of the running one included.
    pub status: JobStatus,
}

/// Changes of a job; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct JobChange {
    /// The interval.
    pub interval: Option<SignedDuration>,
    /// When the job stops by itself; `Some(None)` for never.
    pub expiration: Option<Option<Timestamp>>,
    /// All settings.
    pub settings: Option<Vec<Setting>>,
}

impl JobChange {
    /// The settings, typed. Refuses what cannot be read, whatever the job's schema is, and what is given twice.
    pub fn checked_settings(&self) -> std::result::Result<JobSettings, SettingError> {
        let pairs = self.settings.as_deref().unwrap_or_default();
        refuse_repeated(pairs)?;
        let settings = JobSettings::parse(pairs)?;
        sync::check_never_touch(&settings.policies.never_touch).map_err(never_touch)?;
        Ok(settings)
    }

    fn apply(self, job: &mut Job) -> Result<()> {
        let checked = self.checked_settings()?;
        if let Some(settings) = self.settings {
            // The setting and the property of the schedule are one value.
            if let Some(interval) = checked.interval {
                job.schedule.interval = interval;
            }
            job.settings = settings;
        }
        if let Some(interval) = self.interval {
            if interval < Schedule::LEAST_INTERVAL {
                return Err(ControlError::Unfit("the interval must be a second (PT1S) or longer".into()));
            }
            job.schedule.interval = interval;
            job.settings.retain(|setting| setting.name != "Interval");
        }
        if let Some(expiration) = self.expiration {
            job.schedule.expiration = expiration;
        }
        Ok(())
    }
}

impl Engine {
    /// Makes a job from a template that ships, or from a client's own. A schema that cannot run is refused.
    pub async fn create_job(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        template: &Template,
        author: &str,
    ) -> Result<Job> {
        let services = &self.services;
        let now = services.clock.now();
        let job = Job {
            id: JobId::new(&template.id, tenant, services.entropy.uuid()),
            tenant,
            service_principal,
            template: template.id.clone(),
            schedule: Schedule::default(),
            settings: Vec::new(),
            created: now,
        };
        sync::compile(&template.schema).map_err(ControlError::Schema)?;
        let mut schema = template.schema.clone();
        schema.id = Some(job.id.to_string());
        schema.version = Some(version_text(1));
        let version = SchemaVersion { number: 1, moment: now, author: author.to_owned(), schema };
        let mut key = [0; 16];
        services.entropy.fill(&mut key);
        services.store.create_job(job.clone(), version, key).await?;
        Ok(job)
    }

    /// A job as it is shown.
    pub async fn view(&self, job: Job) -> Result<JobView> {
        let services = &self.services;
        let mut status = services.store.status(&job.id).await?;
        let live = self.live(&job);
        status.progress = live.progress(services.clock.now());
        status.last_began = status.last_began.max(live.began());
        status.steady_state_last = status.steady_state_last.max(live.steady());
        let secrets = services.vault.secrets(&*services.store, job.tenant, job.service_principal).await?;
        let configured = !secrets.is_empty() || !self.needs_credentials(&job).await;
        Ok(JobView { job, configured, status })
    }

    /// False where the job's target can be reached without any secret.
    async fn needs_credentials(&self, job: &Job) -> bool {
        let Ok(template) = self.services.template_of(job).await else { return true };
        let factory = template.target_connector().and_then(|name| self.services.registry.factory(name));
        factory.is_none_or(|factory| factory.needs_credentials())
    }

    /// Starts a job, or resumes it; ends a quarantine. A job that could not run is refused.
    pub async fn start_job(self: &Arc<Self>, job: Job) -> Result<()> {
        self.refuse_unfit(&job).await?;
        self.end_quarantine(&job.id).await?;
        self.set_state(&job, ScheduleState::Active).await?;
        let runner = self.runner(&job);
        runner.order();
        runner.schedule(self);
        Ok(())
    }

    /// Refuses credentials that are incomplete, settings that connectors or the schema have no use for, and a schedule
    /// that has expired. Connects to nobody.
    async fn refuse_unfit(&self, job: &Job) -> Result<()> {
        let services = &self.services;
        self.refuse_expired(job)?;
        let version = services.store.schema(&job.id).await?;
        let settings = JobSettings::parse(&job.settings)?;
        let secrets = services.secrets_of(job, &settings).await?;
        let template = services.template_of(job).await?;
        let sides = services.sides(&template, job, &settings, &version.schema, &secrets)?;
        sides.source.0.validate_source(&sides.source.1)?;
        sides.target.0.validate_target(&sides.target.1)?;
        let mut program = sync::compile(&version.schema).map_err(ControlError::Schema)?;
        program.protect(&version.schema, &settings.policies.never_touch).map_err(never_touch)?;
        Ok(())
    }

    fn refuse_expired(&self, job: &Job) -> Result<()> {
        if job.schedule.expiration.is_none_or(|moment| moment > self.services.clock.now()) {
            return Ok(());
        }
        let words = "the job's schedule has expired; set schedule.expiration to a later moment, or to null";
        Err(ControlError::Unfit(words.into()))
    }

    /// Pauses a job: a running cycle stops at the next object, and start goes on where it was. Requests that take longer
    /// than a moment are not waited for.
    pub async fn pause_job(&self, job: Job) -> Result<()> {
        self.set_state(&job, ScheduleState::Paused).await?;
        // A cycle that waits for a slow answer ends with that answer, whoever waits for it.
        let _ = tokio::time::timeout(PAUSE_PATIENCE, self.runner(&job).interrupt()).await;
        Ok(())
    }

    /// Runs a cycle now. The job must be active.
    pub fn run_job(self: &Arc<Self>, job: &Job) -> Result<()> {
        if job.schedule.state != ScheduleState::Active {
            return Err(ControlError::Unfit("the job is not started; start it first".into()));
        }
        let runner = self.runner(job);
        runner.order();
        runner.schedule(self);
        Ok(())
    }

    /// Forgets what the scope says, starts the job and runs a cycle. A job that could not run is refused, and forgets
    /// nothing.
    pub async fn restart_job(self: &Arc<Self>, job: Job, scope: ResetScope) -> Result<()> {
        let services = &self.services;
        self.refuse_unfit(&job).await?;
        let runner = self.runner(&job);
        {
            let _guard = runner.interrupt().await;
            runner.forget_prepared().await;
            let now = services.clock.now();
            let until = after(now, SignedDuration::from_mins(1));
            let lease = services.store.lease(&job.id, services.node, now, until).await?;
            let lease = lease.ok_or_else(|| {
                ControlError::Unfit(
                    "another process runs the job at this moment; try again in a minute".into(),
                )
            })?;
            self.reset(&job.id, lease.fence, scope).await?;
        }
        self.set_state(&job, ScheduleState::Active).await?;
        runner.order();
        runner.schedule(self);
        Ok(())
    }

    async fn reset(&self, job: &JobId, fence: u64, scope: ResetScope) -> Result<()> {
        let store = &self.services.store;
        let mut runtime = load_runtime(&self.services, job).await?;
        runtime.unsettled |= scope.escrows;
        if scope.watermark || scope.links {
            runtime.note_interruption();
            runtime.watermark = None;
            runtime.running = None;
        }
        if scope.links {
            runtime.note_reset();
        }
        runtime.force_deletes |= scope.force_deletes;
        if scope.quarantine || scope.force_deletes {
            self.end_quarantine(job).await?;
        }
        let text = serde_json::to_string(&runtime).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let forgotten = store::Forgotten { escrows: scope.escrows, links: scope.links };
        let commit = store::Commit { fence, forgotten, runtime: Some(text), ..store::Commit::default() };
        store.commit(job, commit).await?;
        Ok(())
    }

    async fn end_quarantine(&self, job: &JobId) -> Result<()> {
        let mut status = self.services.store.status(job).await?;
        if status.quarantine.take().is_some() {
            status.successive_failures = 0;
            self.services.store.put_status(job, status).await?;
        }
        Ok(())
    }

    /// Removes a job with its state. Accounts at the target stay as they are.
    pub async fn delete_job(&self, job: &Job) -> Result<()> {
        let runner = self.runner(job);
        self.set_state(job, ScheduleState::Disabled).await?;
        runner.halt(&self.services).await;
        self.services.store.delete_job(job.tenant, &job.id).await?;
        self.forget(&job.id);
        Ok(())
    }

    /// Changes schedule and settings of a job. Changes at the same moment wait for each other, and what one does not name
    /// stays as the others left it. Returns the job as it was and as it is.
    pub async fn change_job(&self, job: &Job, change: JobChange) -> Result<(Job, Job)> {
        let changed = self.edit_job(job, |job| change.apply(job)).await?;
        self.runner(job).wake();
        Ok(changed)
    }

    async fn set_state(&self, job: &Job, state: ScheduleState) -> Result<()> {
        self.edit_job(job, |job| {
            job.schedule.state = state;
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Writes what a function makes of a job as it now is. Returns it as it was and as it is.
    async fn edit_job(&self, job: &Job, edit: impl FnOnce(&mut Job) -> Result<()>) -> Result<(Job, Job)> {
        let runner = self.runner(job);
        let _turn = runner.edits.lock().await;
        let store = &self.services.store;
        let gone = || StoreError::NotFound { what: "job", id: job.id.to_string() };
        let before = store.job(job.tenant, &job.id).await?.ok_or_else(gone)?;
        let mut after = before.clone();
        edit(&mut after)?;
        store.update_job(after.clone()).await?;
        Ok((before, after))
    }

    /// Writes the next version of a job's schema. One that cannot run is refused; the next cycle uses it. `base` is the
    /// version that the schema was computed from: fails with `VersionMismatch` where it is no longer the newest.
    pub async fn put_schema(
        &self,
        job: &Job,
        base: u64,
        schema: Schema,
        author: &str,
    ) -> Result<SchemaVersion> {
        sync::compile(&schema).map_err(ControlError::Schema)?;
        let number = base + 1;
        let mut schema = schema;
        schema.id = Some(job.id.to_string());
        schema.version = Some(version_text(number));
        let version =
            SchemaVersion { number, moment: self.services.clock.now(), author: author.to_owned(), schema };
        self.services.store.put_schema(&job.id, version.clone()).await?;
        Ok(version)
    }

    /// Tests whether credentials reach the target of a template or job. `job` gives settings, where there is one.
    pub async fn validate_credentials(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        template: &Template,
        job: Option<&Job>,
        secrets: &Secrets,
    ) -> Result<()> {
        let (factory, configuration) = self.target_side(tenant, service_principal, template, job, secrets)?;
        factory.validate_target(&configuration)?;
        factory.target(&configuration).await?.check().await?;
        Ok(())
    }

    /// Gets a token from the token endpoint of a target, by the first of some templates, or of some jobs with theirs,
    /// whose connector has tokens. Returns what the caller must save of it.
    pub async fn acquire_access_token(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        candidates: &[(&Template, Option<&Job>)],
        secrets: &Secrets,
    ) -> Result<SecretChanges> {
        for (template, job) in candidates {
            let (factory, configuration) =
                self.target_side(tenant, service_principal, template, *job, secrets)?;
            if let Some(client) = factory.token_client() {
                client.validate(&configuration)?;
                return Ok(client.acquire(&configuration).await?);
            }
        }
        let words = "the connectors of this application get no tokens from a token endpoint";
        Err(ControlError::Parameter(words.into()))
    }

    /// Asks a side of a template or job for its own schema; none where it cannot tell. `job` gives settings, where there
    /// is one.
    pub async fn discover(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        template: &Template,
        job: Option<&Job>,
        side: Side,
    ) -> Result<Option<DirectoryDefinition>> {
        let job = self.job_of(tenant, service_principal, template, job);
        let settings = JobSettings::parse(&job.settings)?;
        let secrets = self.services.secrets_of(&job, &settings).await?;
        let sides = self.services.sides(template, &job, &settings, &template.schema, &secrets)?;
        match side {
            Side::Source => {
                let (factory, configuration) = sides.source;
                factory.validate_source(&configuration)?;
                Ok(factory.source(&configuration).await?.discover().await?)
            }
            Side::Target => {
                let (factory, configuration) = sides.target;
                factory.validate_target(&configuration)?;
                Ok(Some(factory.target(&configuration).await?.discover().await?))
            }
        }
    }

    fn target_side(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        template: &Template,
        job: Option<&Job>,
        secrets: &Secrets,
    ) -> Result<(Arc<dyn Factory>, Configuration)> {
        let job = self.job_of(tenant, service_principal, template, job);
        let (settings, secrets) = (JobSettings::parse(&job.settings)?, JobSecrets::own(secrets.clone()));
        Ok(self.services.sides(template, &job, &settings, &template.schema, &secrets)?.target)
    }

    /// The job, or one that a template would make.
    fn job_of(
        &self,
        tenant: TenantId,
        service_principal: ServicePrincipalId,
        template: &Template,
        job: Option<&Job>,
    ) -> Job {
        job.cloned().unwrap_or_else(|| Job {
            id: JobId::new(&template.id, tenant, model::Uuid::nil()),
            tenant,
            service_principal,
            template: template.id.clone(),
            schedule: Schedule::default(),
            settings: Vec::new(),
            created: self.services.clock.now(),
        })
    }
}

/// A side of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is read.
    Source,
    /// What is written.
    Target,
}

/// Clauses of `NeverTouch` that cannot be tested.
fn never_touch(problem: String) -> SettingError {
    SettingError::Unfit { name: "NeverTouch", problem }
}

/// A schema's version as clients see it: a text that changes with every write.
fn version_text(number: u64) -> String {
    format!("{number}.0")
}
