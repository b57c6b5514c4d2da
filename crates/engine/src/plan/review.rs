//! Jobs that wait for review: in the place of each cycle a plan, which a person applies.

use model::plan::{Plan, PlanCounts, PlanScope, PlanState};
use model::policies::DriftPolicy;
use model::{Failure, FailureCode, SignedDuration, Timestamp};

use super::waiting::asked_for_since;
use super::{Basis, KEPT, apply, begun, computed, failed, state_of};
use crate::control::{ControlError, Result};
use crate::cycle::{Cycle, Prepared, Warrant, load_runtime};
use crate::runner::Runner;
use crate::services::Services;
use crate::stop::Stop;
use crate::time::after;

/// Accounts whose time is over that are counted to see whether one came since a plan was made.
const MOST_EXPIRED: usize = 1_000;
/// How long the lease is taken for a scan, unless it is renewed.
const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// What came of looking for what a cycle would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Review {
    /// It stands in a plan, which waits for a person.
    Waits,
    /// There is nothing to be done, and that was the cycle.
    Ended,
    /// Another process runs the job.
    Elsewhere,
}

/// In the place of a cycle of a job whose `ApplyMode` is `AfterReview`: makes a plan of what a cycle would do. One that
/// changes nothing is applied at once, so that the next begins where it ended.
pub(crate) async fn for_review(
    services: &Services,
    prepared: &Prepared,
    runner: &Runner,
    stop: &Stop,
) -> Result<std::result::Result<Review, Failure>> {
    let plan = begun(services, prepared, "", PlanScope::Cycle).await?;
    *runner.reviewing() = Some(plan.id);
    let plan = computed(services, prepared, stop, plan).await;
    *runner.reviewing() = None;
    let plan = plan?;
    if let Some(error) = plan.error {
        let code = FailureCode::of_wire(&error.code).unwrap_or(FailureCode::InternalError);
        return Ok(Err(Failure::new(code, error.message)));
    }
    replace_older(services, runner, &plan).await?;
    if !changes_nothing(&plan) {
        return Ok(Ok(Review::Waits));
    }
    match apply::applied(services, prepared, runner, stop, plan).await {
        Ok(plan) => {
            let (job, now) = (&prepared.job.id, services.clock.now());
            let left = services.store.next_due(job).await?.is_some_and(|due| due <= now);
            let basis = Basis { left, ..Basis::of(&plan)? }.text()?;
            services.store.put_plan(job, Plan { basis, ..plan }, KEPT).await?;
            Ok(Ok(Review::Ended))
        }
        // Another process has the job by now.
        Err(ControlError::Unfit(_)) => Ok(Ok(Review::Elsewhere)),
        Err(error) => Err(error),
    }
}

/// Ends the plans of the job's own that this one takes the place of.
async fn replace_older(services: &Services, runner: &Runner, plan: &Plan) -> store::Result<()> {
    // Nobody begins to apply one of them meanwhile.
    let _turn = runner.applying.lock().await;
    let (store, job) = (&services.store, &runner.job);
    for older in store.plans(job).await? {
        let is_own = older.scope == PlanScope::Cycle && older.author.is_empty() && older.id != plan.id;
        let is_open = matches!(older.state, PlanState::Ready | PlanState::Computing);
        if is_own && is_open {
            let words = format!("The plan {} took its place. Look at that one.", plan.id);
            store.put_plan(job, failed(older, "Replaced", words), KEPT).await?;
        }
    }
    Ok(())
}

/// True where a plan has no change to agree to. That an object fails, or waits for another, is told without anybody.
fn changes_nothing(plan: &Plan) -> bool {
    let PlanCounts { objects, skipped, failures, deferred, .. } = plan.counts;
    plan.counts == PlanCounts { objects, skipped, failures, deferred, ..PlanCounts::default() }
}

/// Scans for drift where that is due. Tells whether there may be something that a plan is to repair; nothing where
/// another process runs the job.
pub(crate) async fn scan(
    services: &Services,
    prepared: &Prepared,
    runner: &Runner,
    stop: &Stop,
) -> Result<std::result::Result<Option<bool>, Failure>> {
    let (job, now) = (&prepared.job.id, services.clock.now());
    let before = load_runtime(services, job).await?.drift;
    if !before.has_work(prepared, now) {
        return Ok(Ok(Some(false)));
    }
    let Some(lease) = services.store.lease(job, services.node, now, after(now, LEASE)).await? else {
        return Ok(Ok(None));
    };
    let at = (&runner.desk, runner.desk.party());
    let warrant = Warrant::Lease(lease.fence);
    let mut cycle = Cycle::aside(services, prepared, stop, &runner.live, at, warrant).await?;
    let halt = tokio::select! {
        halt = cycle.scan_drift() => halt?,
        () = runner.renew(services) => return Ok(Ok(None)),
    };
    cycle.keep_runtime().await?;
    Ok(match halt {
        None => {
            let repairs = prepared.settings.policies.drift == DriftPolicy::Repair;
            Ok(Some(repairs && before.is_due(prepared, now)))
        }
        Some(halt) => halt.into_failure().map_or(Ok(Some(false)), Err),
    })
}

/// True where the newest plan of a cycle is ready and nothing came since.
pub(crate) async fn is_reviewed(services: &Services, prepared: &Prepared) -> Result<bool> {
    let (store, job) = (&services.store, &prepared.job.id);
    let plans = store.plans(job).await?;
    let newest = plans.into_iter().find(|plan| plan.scope == PlanScope::Cycle);
    let Some(plan) = newest.filter(|plan| plan.state == PlanState::Ready) else { return Ok(false) };
    let basis = Basis::of(&plan)?;
    let runtime = crate::cycle::load_runtime(services, job).await?;
    let Some(cursor) = basis.cursor.filter(|_| basis.meaning == prepared.meaning) else { return Ok(false) };
    if basis.target != prepared.identity || basis.state != state_of(&runtime)? {
        return Ok(false);
    }
    let now = services.clock.now();
    if store.next_due_after(job, plan.created).await?.is_some_and(|due| due <= now) {
        return Ok(false);
    }
    if asked_for_since(store, job, plan.created).await?.iter().any(|one| one.next > plan.created) {
        return Ok(false);
    }
    if let Some(kept) = prepared.settings.policies.delete_after_disabled {
        let before = |moment: Timestamp| moment.checked_sub(kept).unwrap_or(Timestamp::MIN);
        let then = store.released_before(job, before(plan.created), None, MOST_EXPIRED).await?;
        if store.released_before(job, before(now), None, MOST_EXPIRED).await?.len() != then.len() {
            return Ok(false);
        }
    }
    let cursor = connector::Cursor(cursor);
    let request =
        connector::ChangeRequest { selections: &prepared.selections, cursor: Some(&cursor), page_size: 1 };
    Ok(prepared.source.changes(request).await.is_ok_and(|page| page.changes.is_empty() && !page.more))
}

/// When something falls due that calls for a plan, as the newest one does not speak of it.
pub(crate) async fn next_due(services: &Services, runner: &Runner) -> store::Result<Option<Timestamp>> {
    let (store, job) = (&services.store, &runner.job);
    let plans = store.plans(job).await?;
    let newest = plans.into_iter().find(|plan| plan.scope == PlanScope::Cycle);
    Ok(match newest {
        Some(plan) if speaks_of_what_is_due(&plan, runner.looks_after(plan.id))? => {
            store.next_due_after(job, plan.created).await?
        }
        _ => store.next_due(job).await?,
    })
}

/// True where what was due when a plan was made calls for no other: it waits for the person who may yet apply the plan, or
/// the plan could do nothing about it. One that nobody works on any more will not be applied.
fn speaks_of_what_is_due(plan: &Plan, is_worked_on: bool) -> store::Result<bool> {
    Ok(match plan.state {
        PlanState::Ready => true,
        PlanState::Computing | PlanState::Applying => is_worked_on,
        PlanState::Applied => Basis::of(plan)?.left,
        PlanState::Failed => false,
    })
}

#[cfg(test)]
mod tests {
    use model::Uuid;

    use super::*;

    #[test]
    fn a_plan_speaks_of_what_is_due_while_it_can_be_applied_or_could_do_nothing() {
        let of = |state, left, is_worked_on| {
            let plan = Plan {
                id: Uuid::nil(),
                author: String::new(),
                scope: PlanScope::Cycle,
                state,
                initial: false,
                schema: 1,
                created: Timestamp::UNIX_EPOCH,
                computed: None,
                applied: None,
                counts: PlanCounts::default(),
                over_limits: false,
                error: None,
                basis: Basis { left, ..Basis::default() }.text().unwrap(),
            };
            speaks_of_what_is_due(&plan, is_worked_on).unwrap()
        };
        assert!(of(PlanState::Ready, false, false));
        for state in [PlanState::Computing, PlanState::Applying] {
            assert!(of(state, false, true));
            assert!(!of(state, false, false), "the process that worked on it ended");
        }
        assert!(of(PlanState::Applied, true, false), "it was looked at, and nothing could be done");
        assert!(!of(PlanState::Applied, false, false));
        assert!(!of(PlanState::Failed, false, false));
    }
}
