//! Plans: a whole cycle, or what would be done with given objects, computed and kept for a person to look at, then done
//! as far as the same would still be done.
//!
//! Computing reads source and target and writes nothing but the plan. Applying decides each object again.

mod apply;
mod compute;
mod references;
mod review;
mod waiting;

use std::collections::HashMap;
use std::sync::Arc;

use model::job::{Counters, ErrorText, Job};
use model::plan::{Plan, PlanCounts, PlanScope, PlanState};
use model::{Failure, FailureCode, JobId, Name, Uuid};
use serde::{Deserialize, Serialize};
use store::StoreError;
use tokio::task::JoinHandle;

use crate::control::{ControlError, Result};
use crate::cycle::{Prepared, Runtime};
use crate::engine::Engine;
use crate::on_demand::Subject;
use crate::runner::Runner;
use crate::services::Services;
use crate::stop::{Stop, Stopper};

pub(crate) use compute::Computing;
pub(crate) use review::{Review, for_review, is_reviewed, next_due, scan};

/// Plans that are kept of a job.
const KEPT: usize = 5;
/// Objects that a plan may be asked for at once.
const MOST_SUBJECTS: usize = 100;

/// Where a plan begins and ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Basis {
    /// What the job remembered of its cycles when the plan began.
    state: String,
    /// Where the source's feed is after the plan; none where it was not read.
    cursor: Option<String>,
    /// What schema and scope meant.
    meaning: u64,
    /// The target that it is of, as its connector names it.
    target: String,
    /// What was read for the plan.
    counted: Counters,
    /// True where something stayed due when the plan, which changed nothing, was applied.
    left: bool,
}

impl Basis {
    fn of(plan: &Plan) -> store::Result<Self> {
        serde_json::from_str(&plan.basis)
            .map_err(|error| StoreError::Corrupt(format!("the basis of plan {}: {error}", plan.id)))
    }

    fn text(&self) -> store::Result<String> {
        serde_json::to_string(self).map_err(|error| StoreError::Corrupt(error.to_string()))
    }
}

/// What tells whether a cycle ran between two moments.
fn state_of(runtime: &Runtime) -> Result<String> {
    let parts = (&runtime.watermark, &runtime.running, runtime.generation, runtime.resets);
    serde_json::to_string(&parts).map_err(|error| StoreError::Corrupt(error.to_string()).into())
}

impl Engine {
    /// Begins a plan of a cycle, or makes one of given objects (by rule and object; all rules where none is named).
    pub async fn plan(
        self: &Arc<Self>,
        job: &Job,
        author: &str,
        subjects: Option<Vec<(Option<Name>, Subject)>>,
    ) -> Result<Plan> {
        if subjects.as_ref().is_some_and(|some| some.is_empty() || some.len() > MOST_SUBJECTS) {
            let words = format!("a plan is of a cycle, or of 1 to {MOST_SUBJECTS} objects");
            return Err(ControlError::Parameter(words));
        }
        let runner = self.runner(job);
        let prepared = runner.prepared(&self.services, job.clone()).await?;
        let scope = if subjects.is_some() { PlanScope::Subjects } else { PlanScope::Cycle };
        let plan = begun(&self.services, &prepared, author, scope).await?;
        let Some(subjects) = subjects else {
            let (services, told) = (self.services.clone(), plan.clone());
            runner.look_after(plan.id, Work::Computing, move |stop| async move {
                compute_cycle(&services, &prepared, &stop, told).await;
            });
            return Ok(plan);
        };
        let (_stopper, stop) = Stopper::new();
        let outcome = match Computing::begin(&self.services, &prepared, &stop, plan.clone()).await {
            Ok(computing) => computing.subjects(&subjects).await,
            Err(error) => Err(error),
        };
        match outcome {
            Err(error @ (ControlError::Parameter(_) | ControlError::UnknownObject(_))) => {
                ended(
                    &self.services,
                    &job.id,
                    plan,
                    Ok(Err(Failure::new(FailureCode::InternalError, error.to_string()))),
                )
                .await?;
                Err(error)
            }
            outcome => Ok(ended(&self.services, &job.id, plan, outcome).await?),
        }
    }

    /// A plan of a job. One that was being worked on when the process ended has failed.
    pub async fn plan_of(&self, job: &Job, id: Uuid) -> Result<Option<Plan>> {
        let Some(mut plan) = self.services.store.plan(&job.id, id).await? else { return Ok(None) };
        let working = matches!(plan.state, PlanState::Computing | PlanState::Applying);
        if working && !self.runner(job).looks_after(id) {
            // It may have ended between the two looks.
            plan = self.services.store.plan(&job.id, id).await?.unwrap_or(plan);
            if matches!(plan.state, PlanState::Computing | PlanState::Applying) {
                plan.state = PlanState::Failed;
                plan.error = Some(ErrorText {
                    code: "Interrupted".to_owned(),
                    message: "The service ended while it worked on the plan. Make a new one.".to_owned(),
                });
            }
        }
        Ok(Some(plan))
    }

    /// Begins to apply a plan: exactly its changes, as far as the same would still be done.
    pub async fn apply_plan(self: &Arc<Self>, job: &Job, id: Uuid) -> Result<Plan> {
        let runner = self.runner(job);
        // Of two at once the second sees what the first began.
        let _turn = runner.applying.lock().await;
        let Some(mut plan) = self.plan_of(job, id).await? else {
            return Err(StoreError::NotFound { what: "plan", id: id.to_string() }.into());
        };
        if plan.state != PlanState::Ready {
            let words =
                format!("the plan is {}, and only one that is ready can be applied", plan.state.wire());
            return Err(ControlError::Unfit(words));
        }
        let prepared = runner.prepared(&self.services, job.clone()).await?;
        let (planned, now) = (Basis::of(&plan)?.target, &prepared.identity);
        if planned != *now {
            let words = format!(
                "the plan is of the target '{planned}', and the job's is now '{now}'; make a new plan"
            );
            return Err(ControlError::Unfit(words));
        }
        plan.state = PlanState::Applying;
        self.services.store.put_plan(&job.id, plan.clone(), KEPT).await?;
        let (services, told, within) = (self.services.clone(), plan.clone(), runner.clone());
        runner.look_after(id, Work::Applying, move |stop| async move {
            apply::run(&services, &prepared, &within, &stop, told).await;
        });
        Ok(plan)
    }

    /// Waits until no plan of a job is being computed or applied.
    pub async fn settle_plans(&self, job: &Job) {
        self.runner(job).settle_plans().await;
    }
}

/// A plan that is begun.
async fn begun(services: &Services, prepared: &Prepared, author: &str, scope: PlanScope) -> Result<Plan> {
    let now = services.clock.now();
    let plan = Plan {
        id: services.entropy.uuid_at(now),
        author: author.to_owned(),
        scope,
        state: PlanState::Computing,
        initial: false,
        schema: prepared.schema,
        created: now,
        computed: None,
        applied: None,
        counts: PlanCounts::default(),
        over_limits: false,
        error: None,
        basis: Basis::default().text()?,
    };
    services.store.put_plan(&prepared.job.id, plan.clone(), KEPT).await?;
    Ok(plan)
}

/// Computes a plan of a cycle to its end.
async fn compute_cycle(services: &Services, prepared: &Prepared, stop: &Stop, plan: Plan) {
    if let Err(error) = computed(services, prepared, stop, plan).await {
        tracing::error!(job = %prepared.job.id, %error, "a plan was lost");
    }
}

/// A plan of a cycle, as it is once it is computed or that has failed.
async fn computed(
    services: &Services,
    prepared: &Prepared,
    stop: &Stop,
    plan: Plan,
) -> std::result::Result<Plan, StoreError> {
    let outcome = match Computing::begin(services, prepared, stop, plan.clone()).await {
        Ok(computing) => computing.cycle().await,
        Err(error) => Err(error),
    };
    ended(services, &prepared.job.id, plan, outcome).await
}

/// Writes how computing a plan ended.
async fn ended(
    services: &Services,
    job: &JobId,
    plan: Plan,
    outcome: Result<std::result::Result<Plan, Failure>>,
) -> std::result::Result<Plan, StoreError> {
    let plan = match outcome {
        Ok(Ok(plan)) => plan,
        Ok(Err(failure)) => failed(plan, failure.code.wire(), failure.detail),
        Err(error) => failed(plan, "InternalError", error.to_string()),
    };
    services.store.put_plan(job, plan.clone(), KEPT).await?;
    Ok(plan)
}

fn failed(plan: Plan, code: &str, message: String) -> Plan {
    Plan { state: PlanState::Failed, error: Some(ErrorText { code: code.to_owned(), message }), ..plan }
}

/// Work on plans and reports, by their ids.
pub(crate) type Works = HashMap<Uuid, (Work, Stopper, JoinHandle<()>)>;

/// What is done with a plan, or with a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// It is computed, beside whatever the job does.
    Computing,
    /// It is applied, in the place of a cycle.
    Applying,
    /// A report about the target's accounts is made, beside whatever the job does.
    Discovering,
}

impl Runner {
    /// True while a plan is being worked on.
    fn looks_after(&self, plan: Uuid) -> bool {
        *self.reviewing() == Some(plan)
            || self.plans().get(&plan).is_some_and(|(_, _, task)| !task.is_finished())
    }

    /// What is being worked on in this way, where something is.
    pub(crate) fn under_way(&self, kind: Work) -> Option<Uuid> {
        let plans = self.plans();
        let mut works = plans.iter().filter(|(_, (work, _, task))| *work == kind && !task.is_finished());
        works.next().map(|(id, _)| *id)
    }

    /// Works on a plan beside whatever else goes on.
    pub(crate) fn look_after<F>(&self, plan: Uuid, kind: Work, work: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stopper, stop) = Stopper::new();
        let task = tokio::spawn(work(stop));
        let mut plans = self.plans();
        plans.retain(|_, (_, _, task)| !task.is_finished());
        plans.insert(plan, (kind, stopper, task));
    }

    /// Waits until no plan is being worked on.
    pub(crate) async fn settle_plans(&self) {
        let tasks: Vec<_> = self.plans().drain().map(|(_, (_, _, task))| task).collect();
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(job = %self.job, %error, "a plan broke off");
            }
        }
    }

    /// Ends the work on plans.
    pub(crate) async fn stop_plans(&self) {
        for (_, stopper, _) in self.plans().values() {
            stopper.stop();
        }
        self.settle_plans().await;
    }
}
