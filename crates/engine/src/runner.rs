//! What runs one job: it sleeps until the job is due or triggered, and runs one cycle at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use connector::{ChangeRequest, Cursor};
use model::job::{Job, ScheduleState};
use model::settings::{ApplyMode, JobSettings};
use model::{Failure, FailureCode, JobId, SignedDuration, TenantId, Timestamp, Uuid};
use store::Result;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::task::JoinHandle;

use crate::control::ControlError;
use crate::cycle::{
    Cycle, CycleEnd, PrepareError, Prepared, Warrant, Watermark, has_own_work, load_runtime, quarantine_for,
    take_over,
};
use crate::desk::Desk;
use crate::engine::Engine;
use crate::health;
use crate::live::Live;
use crate::plan::{self, Review};
use crate::services::Services;
use crate::stop::{Stop, Stopper};
use crate::time::after;

/// How long a lease holds without being renewed.
const LEASE: SignedDuration = SignedDuration::from_mins(5);
/// How often it is renewed.
const RENEWAL: SignedDuration = SignedDuration::from_mins(1);
/// How long changes are gathered before they trigger a cycle.
const GATHER: SignedDuration = SignedDuration::from_millis(50);
/// The wait after the store itself failed.
const TROUBLE_WAIT: SignedDuration = SignedDuration::from_secs(5);

/// What runs one job.
pub(crate) struct Runner {
    pub(crate) job: JobId,
    pub(crate) tenant: TenantId,
    pub(crate) live: Arc<Live>,
    /// What is in hand, of the cycle and of others that work for the job.
    pub(crate) desk: Arc<Desk>,
    /// Held while a cycle runs, and while something else must not have one running.
    running: AsyncMutex<()>,
    cache: AsyncMutex<Cache>,
    wake: Notify,
    /// The first change that no cycle has taken up.
    triggered: Mutex<Option<Timestamp>>,
    ordered: AtomicBool,
    stopper: Mutex<Option<Stopper>>,
    task: Mutex<Option<JoinHandle<()>>>,
    /// Plans that are being computed or applied, and reports that are being made.
    plans: Mutex<plan::Works>,
    /// The plan that is computed in the place of a cycle.
    reviewing: Mutex<Option<Uuid>>,
    /// Held while it is begun to apply a plan.
    pub(crate) applying: AsyncMutex<()>,
    /// Held while the discovery of accounts is begun.
    pub(crate) discovery: AsyncMutex<()>,
    /// Held while the job is read, changed and written.
    pub(crate) edits: AsyncMutex<()>,
}

/// What is kept ready between cycles.
#[derive(Default)]
struct Cache {
    prepared: Option<Arc<Prepared>>,
}

impl Runner {
    pub(crate) fn new(job: &Job) -> Self {
        Self {
            job: job.id.clone(),
            tenant: job.tenant,
            live: Arc::new(Live::default()),
            desk: Arc::default(),
            running: AsyncMutex::default(),
            cache: AsyncMutex::default(),
            wake: Notify::new(),
            triggered: Mutex::new(None),
            ordered: AtomicBool::new(false),
            stopper: Mutex::new(None),
            task: Mutex::new(None),
            plans: Mutex::default(),
            reviewing: Mutex::default(),
            applying: AsyncMutex::default(),
            discovery: AsyncMutex::default(),
            edits: AsyncMutex::default(),
        }
    }

    /// Lets the job run by its schedule.
    pub(crate) fn schedule(self: &Arc<Self>, engine: &Arc<Engine>) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_some_and(|task| !task.is_finished()) {
            self.wake.notify_one();
            return;
        }
        let (runner, services) = (self.clone(), engine.services.clone());
        *task = Some(tokio::spawn(async move { runner.follow_schedule(&services).await }));
    }

    /// A change asks for a cycle.
    pub(crate) fn trigger(&self, now: Timestamp) {
        self.triggered.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(now);
        self.wake.notify_one();
    }

    /// Something about the schedule changed.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// A person asks for a cycle now.
    pub(crate) fn order(&self) {
        self.ordered.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }

    /// Asks a running cycle to stop, and waits until nothing runs; nothing begins while the guard is held.
    pub(crate) async fn interrupt(&self) -> tokio::sync::MutexGuard<'_, ()> {
        if let Some(stopper) = &*self.stopper.lock().unwrap_or_else(PoisonError::into_inner) {
            stopper.stop();
        }
        for (work, stopper, _) in self.plans().values() {
            if *work == plan::Work::Applying {
                stopper.stop();
            }
        }
        let guard = self.running.lock().await;
        self.wake.notify_one();
        guard
    }

    /// Waits until no cycle runs; none begins while the guard is held.
    pub(crate) async fn alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.running.lock().await
    }

    /// As [`alone`](Self::alone), where none runs at this moment.
    pub(crate) fn alone_at_once(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        self.running.try_lock().ok()
    }

    /// The right to write as a cycle does; none where another process runs the job.
    pub(crate) async fn lease(&self, services: &Services) -> Result<Option<Warrant>> {
        let now = services.clock.now();
        let lease = services.store.lease(&self.job, services.node, now, after(now, LEASE)).await?;
        Ok(lease.map(|lease| Warrant::Lease(lease.fence)))
    }

    /// Plans that are being computed or applied.
    pub(crate) fn plans(&self) -> std::sync::MutexGuard<'_, plan::Works> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plan that is computed in the place of a cycle, where one is.
    pub(crate) fn reviewing(&self) -> std::sync::MutexGuard<'_, Option<Uuid>> {
        self.reviewing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the schedule's task and gives the lease back.
    pub(crate) async fn halt(&self, services: &Services) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.stop_plans().await;
        let guard = self.interrupt().await;
        if let Some(task) = task {
            task.abort();
        }
        drop(guard);
        if let Err(error) = services.store.release_lease(&self.job, services.node).await {
            tracing::warn!(job = %self.job, %error, "cannot give the lease back");
        }
    }

    async fn follow_schedule(&self, services: &Services) {
        loop {
            let due = match self.due(services).await {
                Ok(Some(due)) => due,
                // Started again, this task goes on.
                Ok(None) => {
                    self.wake.notified().await;
                    continue;
                }
                Err(error) => {
                    tracing::error!(job = %self.job, %error, "cannot read the schedule");
                    after(services.clock.now(), TROUBLE_WAIT)
                }
            };
            if due > services.clock.now() {
                tokio::select! {
                    () = services.timer.until(due) => {}
                    () = self.wake.notified() => {}
                }
                // What is due may be something else by now.
                continue;
            }
            *self.triggered.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.ordered.store(false, Ordering::SeqCst);
            match self.cycle(services).await {
                Ok(CycleEnd::Completed | CycleEnd::Failed(_)) => continue,
                // By an order, which wakes; or because another process runs the job.
                Ok(CycleEnd::Stopped) => {}
                Err(error) => {
                    tracing::error!(job = %self.job, %error, "the cycle failed");
                    // What triggered it still waits to be taken up.
                    let mut triggered = self.triggered.lock().unwrap_or_else(PoisonError::into_inner);
                    triggered.get_or_insert(services.clock.now());
                }
            }
            tokio::select! {
                () = services.timer.until(after(services.clock.now(), TROUBLE_WAIT)) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// When the next cycle is due; none where the job is not active.
    async fn due(&self, services: &Services) -> Result<Option<Timestamp>> {
        let now = services.clock.now();
        let Some(job) = services.store.job(self.tenant, &self.job).await? else {
            return Ok(None);
        };
        if job.schedule.state != ScheduleState::Active {
            return Ok(None);
        }
        let expiration = job.schedule.expiration;
        if expiration.is_some_and(|moment| moment <= now) {
            let why = "The job's schedule has expired, and the job is disabled. Set a later expiration to start it again.";
            health::set_state(services, &self.edits, &job, ScheduleState::Disabled, "ScheduleExpired", why)
                .await?;
            return Ok(None);
        }
        let due = self.next_cycle(services, &job, now).await?;
        Ok(Some(expiration.map_or(due, |moment| moment.min(due))))
    }

    /// When the next cycle of an active job is due.
    async fn next_cycle(&self, services: &Services, job: &Job, now: Timestamp) -> Result<Timestamp> {
        if self.ordered.load(Ordering::SeqCst) {
            return Ok(now);
        }
        let status = services.store.status(&self.job).await?;
        if let Some(quarantine) = status.quarantine.as_ref().filter(|_| health::is_slowed(&status)) {
            return Ok(quarantine.next_attempt);
        }
        let settings = JobSettings::parse(&job.settings).unwrap_or_default();
        let triggered = *self.triggered.lock().unwrap_or_else(PoisonError::into_inner);
        let triggers = settings.trigger_on_change && status.quarantine.is_none();
        if let Some(moment) = triggered.filter(|_| triggers) {
            return Ok(after(moment, GATHER));
        }
        let began = self.live.began().max(status.last_began);
        let interval = settings.interval.unwrap_or(job.schedule.interval);
        let by_interval = began.map_or(now, |began| after(began, interval));
        let by_retry = match settings.apply_mode {
            ApplyMode::AfterReview => plan::next_due(services, self).await?,
            ApplyMode::Automatic => services.store.next_due(&self.job).await?,
        };
        let by_drift = load_runtime(services, &self.job).await?.drift.next(&settings.policies);
        Ok([by_retry, by_drift].into_iter().flatten().fold(by_interval, Timestamp::min))
    }

    /// Runs one cycle, now.
    pub(crate) async fn cycle(&self, services: &Services) -> Result<CycleEnd> {
        let _running = self.running.lock().await;
        // Whoever pauses the job writes that first and stops what runs then: so what runs can be stopped before it looks.
        let (stopper, stop) = Stopper::new();
        *self.stopper.lock().unwrap_or_else(PoisonError::into_inner) = Some(stopper);
        let end = self.cycle_of_active(services, &stop).await;
        *self.stopper.lock().unwrap_or_else(PoisonError::into_inner) = None;
        end
    }

    async fn cycle_of_active(&self, services: &Services, stop: &Stop) -> Result<CycleEnd> {
        let job = services.store.job(self.tenant, &self.job).await?;
        let Some(job) = job.filter(|job| job.schedule.state == ScheduleState::Active) else {
            return Ok(CycleEnd::Stopped);
        };
        self.live.set_began(services.clock.now());
        self.prepare_and_run(services, job, stop).await
    }

    async fn prepare_and_run(&self, services: &Services, job: Job, stop: &Stop) -> Result<CycleEnd> {
        let prepared = match self.prepared(services, job.clone()).await {
            Ok(prepared) => prepared,
            Err(error) => return self.refuse(services, &job, error).await,
        };
        let prepared = &*prepared;
        if prepared.settings.apply_mode == ApplyMode::AfterReview {
            return self.plan_for_review(services, prepared, stop).await;
        }
        if self.is_idle(services, prepared).await? {
            self.live.set_steady(services.clock.now());
            return Ok(CycleEnd::Completed);
        }
        let now = services.clock.now();
        let Some(warrant) = self.lease(services).await? else {
            tracing::info!(job = %self.job, "another process runs the job");
            return Ok(CycleEnd::Stopped);
        };
        let mut cycle = Cycle::begin(services, prepared, stop, &self.live, &self.desk, warrant).await?;
        if cycle.goes_on {
            // It may have read the source before the change that triggers it now.
            self.trigger(now);
        }
        let end = {
            let renewal = self.renew(services);
            tokio::select! {
                end = cycle.run() => end?,
                () = renewal => CycleEnd::Stopped,
            }
        };
        health::after_cycle(services, &self.edits, &job, &end).await?;
        Ok(end)
    }

    /// In the place of a cycle: a plan that waits for a person.
    async fn plan_for_review(
        &self,
        services: &Services,
        prepared: &Prepared,
        stop: &Stop,
    ) -> Result<CycleEnd> {
        let failure = match self.reviewed(services, prepared, stop).await {
            Ok(Ok(Review::Ended)) => return Ok(CycleEnd::Completed),
            Ok(Ok(Review::Waits)) => None,
            Ok(Ok(Review::Elsewhere)) => return Ok(CycleEnd::Stopped),
            Ok(Err(_)) if stop.is_set() => return Ok(CycleEnd::Stopped),
            Ok(Err(failure)) => Some(failure),
            Err(ControlError::Store(error)) => return Err(error),
            Err(error) => Some(Failure::new(FailureCode::InternalError, error.to_string())),
        };
        let mut status = services.store.status(&self.job).await?;
        let before = status.quarantine.clone();
        match &failure {
            None => {
                status.quarantine = None;
                status.successive_failures = 0;
            }
            Some(failure) => {
                let intervals = &prepared.settings.quarantine_retry_intervals;
                quarantine_for(&mut status, failure, services.clock.now(), intervals);
            }
        }
        if status.quarantine != before {
            health::put_status(services, &prepared.job, before, status.clone()).await?;
            health::disable_if_hopeless(services, &self.edits, &prepared.job, &status).await?;
        }
        Ok(failure.map_or(CycleEnd::Completed, CycleEnd::Failed))
    }

    /// Looks for what a person is to review.
    async fn reviewed(
        &self,
        services: &Services,
        prepared: &Prepared,
        stop: &Stop,
    ) -> std::result::Result<std::result::Result<Review, Failure>, ControlError> {
        let runtime = load_runtime(services, &self.job).await?;
        if runtime.belongs_elsewhere(prepared).is_some() {
            let Some(warrant) = self.lease(services).await? else { return Ok(Ok(Review::Elsewhere)) };
            take_over(services, prepared, warrant, runtime).await?;
        }
        let repairs = match plan::scan(services, prepared, self, stop).await? {
            Ok(Some(repairs)) => repairs,
            Ok(None) => return Ok(Ok(Review::Elsewhere)),
            Err(failure) => return Ok(Err(failure)),
        };
        if !repairs && plan::is_reviewed(services, prepared).await? {
            return Ok(Ok(Review::Waits));
        }
        if !repairs && self.is_idle(services, prepared).await? {
            self.live.set_steady(services.clock.now());
            return Ok(Ok(Review::Ended));
        }
        plan::for_review(services, prepared, self, stop).await
    }

    /// The job, ready to run, made from what is configured now. A cycle that was interrupted goes on with the schema that
    /// it began with, unless that can no longer run.
    pub(crate) async fn prepared(
        &self,
        services: &Services,
        job: Job,
    ) -> std::result::Result<Arc<Prepared>, PrepareError> {
        let newest = services.store.schema(&job.id).await?;
        let settings = JobSettings::parse(&job.settings)?;
        let secrets = services.secrets_of(&job, &settings).await?;
        let mut cache = self.cache.lock().await;
        if let Some(kept) =
            cache.prepared.take().filter(|kept| kept.is_current(&job, newest.number, &secrets))
        {
            return Ok(cache.prepared.insert(kept).clone());
        }
        let prepared = Arc::new(Prepared::build(services, job, newest, settings, secrets).await?);
        Ok(cache.prepared.insert(prepared).clone())
    }

    /// Forgets what is kept ready.
    pub(crate) async fn forget_prepared(&self) {
        self.cache.lock().await.prepared = None;
    }

    /// True where a cycle would find nothing: asked without a lease and without a write.
    async fn is_idle(&self, services: &Services, prepared: &Prepared) -> Result<bool> {
        let runtime = load_runtime(services, &self.job).await?;
        let current = |watermark: &&Watermark| watermark.meaning == prepared.meaning;
        let Some(watermark) = runtime.watermark.as_ref().filter(current) else {
            return Ok(false);
        };
        let same_target = runtime.target_identity.as_deref() == Some(prepared.identity.as_str());
        if runtime.running.is_some() || runtime.allows_any() || !same_target {
            return Ok(false);
        }
        let status = services.store.status(&self.job).await?;
        if status.quarantine.is_some() {
            return Ok(false);
        }
        let now = services.clock.now();
        if services.store.next_due(&self.job).await?.is_some_and(|due| due <= now) {
            return Ok(false);
        }
        if has_own_work(services, prepared, &runtime).await? {
            return Ok(false);
        }
        let cursor = Cursor(watermark.cursor.clone());
        let request = ChangeRequest { selections: &prepared.selections, cursor: Some(&cursor), page_size: 1 };
        match prepared.source.changes(request).await {
            Ok(page) => Ok(page.changes.is_empty() && !page.more),
            Err(_) => Ok(false),
        }
    }

    /// Renews the lease until it is lost.
    pub(crate) async fn renew(&self, services: &Services) {
        loop {
            services.timer.until(after(services.clock.now(), RENEWAL)).await;
            let now = services.clock.now();
            match services.store.lease(&self.job, services.node, now, after(now, LEASE)).await {
                Ok(Some(_)) => {}
                Ok(None) => {
                    tracing::warn!(job = %self.job, "the lease has passed to another process");
                    return;
                }
                Err(error) => tracing::warn!(job = %self.job, %error, "cannot renew the lease"),
            }
        }
    }

    /// The job cannot run as it is configured.
    async fn refuse(&self, services: &Services, job: &Job, error: PrepareError) -> Result<CycleEnd> {
        let error = match error {
            PrepareError::Store(error) => return Err(error),
            other => other,
        };
        let code = match &error {
            PrepareError::Connector(error) => error.code,
            PrepareError::Configuration(error) if error.missing => FailureCode::InvalidCredentials,
            PrepareError::Configuration(_) => FailureCode::ServiceIncompatible,
            PrepareError::NeverTouch(_) => FailureCode::SchemaAttributeNotFound,
            _ => FailureCode::InternalError,
        };
        let failure = Failure::new(code, error.to_string());
        let mut status = services.store.status(&self.job).await?;
        let before = status.quarantine.clone();
        let settings = JobSettings::parse(&job.settings).unwrap_or_default();
        quarantine_for(&mut status, &failure, services.clock.now(), &settings.quarantine_retry_intervals);
        health::put_status(services, job, before, status.clone()).await?;
        health::disable_if_hopeless(services, &self.edits, job, &status).await?;
        Ok(CycleEnd::Failed(failure))
    }
}
