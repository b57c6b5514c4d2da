//! Account discovery: every account of a job's target, with the source object that it belongs to.
//!
//! The target's accounts are listed while the source is read from its beginning, both into the store; what they are found
//! by is kept in memory, as hashes. Once both are there, every object is matched against the accounts as a cycle would
//! match it, and what that tells of each account is written, once. Nothing is written to the target or to what the job
//! remembers. A report is complete or it shows no account: an attempt that breaks off is begun anew when the engine
//! starts.

mod findings;
mod join;
mod listing;
mod reading;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::correlation::{Correlation, CorrelationCounts, CorrelationState};
use model::job::{ErrorText, Job};
use model::schema::Schema;
use model::{Failure, FailureCode, Name, SignedDuration, Timestamp, Uuid};
use store::StoreError;

use self::join::Hashes;
use crate::control::ControlError;
use crate::cycle::{Cycle, Prepared, SendError, Warrant};
use crate::desk::Desk;
use crate::engine::Engine;
use crate::live::Live;
use crate::plan::Work;
use crate::runner::Runner;
use crate::services::Services;
use crate::stop::Stop;
use crate::time::after;

/// How often it is shown at most how far a report is.
const SHOWN: SignedDuration = SignedDuration::from_millis(500);

/// Why a report is not made to its end.
enum End {
    /// The process ends, or the job does.
    Stopped,
    /// Source or target said so.
    Failed(Failure),
    /// Something here said so.
    Broken(ControlError),
}

impl From<StoreError> for End {
    fn from(error: StoreError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<SendError> for End {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Stopped => Self::Stopped,
            SendError::Target(error) => Self::Failed(error.failure()),
        }
    }
}

impl Engine {
    /// Begins to discover the accounts of a job's target. What there was of the job that is complete stays until the
    /// new report is.
    ///
    /// # Errors
    /// [`ControlError::Unfit`] where one is under way, or where the target cannot list its accounts.
    pub async fn discover_accounts(
        self: &Arc<Self>,
        job: &Job,
        author: &str,
    ) -> Result<Correlation, ControlError> {
        let (services, runner) = (&self.services, self.runner(job));
        let _alone = runner.discovery.lock().await;
        if let Some(id) = runner.under_way(Work::Discovering) {
            let words = format!("the accounts of this job's target are being discovered, in report {id}");
            return Err(ControlError::Unfit(words));
        }
        let prepared = runner.prepared(services, job.clone()).await?;
        for mapping in prepared.program.rules.iter().flat_map(|rule| &rule.mappings) {
            if !prepared.target.capabilities().of(&mapping.target_kind).list {
                let kind = &mapping.target_kind;
                let words = format!("the target cannot list its objects of the type '{kind}'");
                return Err(ControlError::Unfit(words));
            }
        }
        let now = services.clock.now();
        let report = Correlation {
            id: services.entropy.uuid_at(now),
            tenant: job.tenant,
            job: job.id.clone(),
            service_principal: job.service_principal,
            author: author.to_owned(),
            state: CorrelationState::Running,
            run: services.entropy.uuid(),
            began: now,
            ended: None,
            accounts: 0,
            objects: 0,
            total_objects: None,
            counts: CorrelationCounts::default(),
            error: None,
        };
        services.store.put_correlation(report.clone()).await?;
        self.look_after_report(&runner, job.clone(), report.clone());
        Ok(report)
    }

    /// Begins anew what broke off when the last process ended.
    pub(crate) async fn resume_discoveries(self: &Arc<Self>) -> store::Result<()> {
        for report in self.services.store.running_correlations().await? {
            let Some(job) = self.services.store.job(report.tenant, &report.job).await? else { continue };
            let runner = self.runner(&job);
            let _alone = runner.discovery.lock().await;
            if runner.under_way(Work::Discovering).is_some() {
                continue;
            }
            let report = Correlation {
                run: self.services.entropy.uuid(),
                accounts: 0,
                objects: 0,
                counts: CorrelationCounts::default(),
                ..report
            };
            self.services.store.put_correlation(report.clone()).await?;
            self.look_after_report(&runner, job, report);
        }
        Ok(())
    }

    fn look_after_report(&self, runner: &Arc<Runner>, job: Job, report: Correlation) {
        let (services, within) = (self.services.clone(), runner.clone());
        runner.look_after(report.id, Work::Discovering, move |stop| async move {
            match discover(&services, &within, &stop, job, report.clone()).await {
                // Of a job that was removed meanwhile nothing is to be kept.
                Ok(()) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => {
                    tracing::warn!(job = %report.job, report = %report.id, %error, "a report was lost");
                }
            }
        });
    }
}

/// Makes a report to its end and writes how it ended.
async fn discover(
    services: &Services,
    runner: &Runner,
    stop: &Stop,
    job: Job,
    report: Correlation,
) -> store::Result<()> {
    let (id, begun) = (job.id.clone(), report.clone());
    let outcome = match runner.prepared(services, job).await {
        Ok(prepared) => run(services, &prepared, stop, report).await,
        Err(error) => Err(End::Broken(error.into())),
    };
    let failed = |code: &str, message: String| Correlation {
        state: CorrelationState::Failed,
        ended: Some(services.clock.now()),
        error: Some(ErrorText { code: code.to_owned(), message }),
        ..begun
    };
    let ended = match outcome {
        Ok(report) => report,
        Err(End::Stopped) => return Ok(()),
        Err(End::Failed(failure)) => failed(failure.code.wire(), failure.detail),
        Err(End::Broken(ControlError::Store(error @ StoreError::NotFound { .. }))) => return Err(error),
        Err(End::Broken(error)) => failed(FailureCode::InternalError.wire(), error.to_string()),
    };
    services.store.put_correlation(ended).await?;
    while services.store.prune_correlated(&id).await? {}
    Ok(())
}

async fn run(
    services: &Services,
    prepared: &Prepared,
    stop: &Stop,
    report: Correlation,
) -> Result<Correlation, End> {
    while services.store.prune_correlated(&prepared.job.id).await? {}
    let (desk, live) = (Arc::<Desk>::default(), Live::default());
    let at = (&desk, desk.party());
    let cycle =
        Cycle::aside(services, prepared, stop, &live, at, Warrant::Nothing).await.map_err(End::Broken)?;
    let schema = services.store.schema(&prepared.job.id).await?.schema;
    let runtime = crate::cycle::load_runtime(services, &prepared.job.id).await?;
    // Links to accounts of another target say nothing of this one.
    let linked = runtime.belongs_elsewhere(prepared).is_none();
    let (anchors, hashes, run) = (Anchors::of(&schema), Hashes::default(), report.run);
    let shown = Mutex::new(Shown { report, moment: services.clock.now() });
    let discovery = Discovery { services, prepared, stop, run, shown, linked, anchors, hashes };
    let made = async {
        let (accounts, candidates) = tokio::try_join!(discovery.list(&cycle), discovery.read(&cycle))?;
        discovery.conclude(accounts, candidates).await
    };
    let counts = tokio::select! {
        biased;
        // Nothing is lost with what is dropped here: what was written is of this attempt alone.
        () = stop.requested() => return Err(End::Stopped),
        counts = made => counts?,
    };
    let ended = Some(services.clock.now());
    Ok(Correlation { state: CorrelationState::Complete, ended, counts, ..discovery.report() })
}

/// A report that is being made.
struct Discovery<'a> {
    services: &'a Services,
    prepared: &'a Prepared,
    stop: &'a Stop,
    run: Uuid,
    shown: Mutex<Shown>,
    /// True where the job's links are of this target.
    linked: bool,
    anchors: Anchors,
    hashes: Hashes,
}

/// How far a report is.
struct Shown {
    report: Correlation,
    /// When it was last shown.
    moment: Timestamp,
}

impl Discovery<'_> {
    /// Notes how far the report is, and shows it where that was not done a moment ago.
    async fn note(&self, change: impl FnOnce(&mut Correlation)) -> Result<(), End> {
        let now = self.services.clock.now();
        let report = {
            let mut shown = self.shown();
            change(&mut shown.report);
            if now < after(shown.moment, SHOWN) {
                return Ok(());
            }
            shown.moment = now;
            shown.report.clone()
        };
        Ok(self.services.store.put_correlation(report).await?)
    }

    /// Shows how far the report is.
    async fn show(&self) -> Result<(), End> {
        Ok(self.services.store.put_correlation(self.report()).await?)
    }

    fn report(&self) -> Correlation {
        self.shown().report.clone()
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The names of the attributes that hold identifiers, by the type; of sources and of targets.
struct Anchors {
    sources: HashMap<Name, Name>,
    targets: HashMap<Name, Name>,
}

impl Anchors {
    fn of(schema: &Schema) -> Self {
        let named = |directory: &str| {
            let objects = schema.directory(directory).map(|one| one.objects.as_slice()).unwrap_or_default();
            objects.iter().filter_map(|object| {
                let anchor = object.attributes.iter().find(|attribute| attribute.anchor)?;
                Some((object.name.clone(), anchor.name.clone()))
            })
        };
        let rules = &schema.synchronization_rules;
        Self {
            sources: rules.iter().flat_map(|rule| named(&rule.source_directory_name)).collect(),
            targets: rules.iter().flat_map(|rule| named(&rule.target_directory_name)).collect(),
        }
    }

    fn of_source(&self, kind: &Name) -> Name {
        self.sources.get(kind).cloned().unwrap_or_else(|| "objectId".into())
    }

    fn of_target(&self, kind: &Name) -> Name {
        self.targets.get(kind).cloned().unwrap_or_else(|| "id".into())
    }
}
