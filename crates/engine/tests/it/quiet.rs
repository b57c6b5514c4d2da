//! A job that waits for review is quiet while nothing comes: it makes no plan and sends nothing.

use std::time::Duration;

use connector::ErrorClass;
use engine::{Demand, Subject};
use model::plan::{Plan, PlanState};
use model::{Clock as _, SignedDuration};
use testkit::{Fault, MemorySource, MemoryTarget, Method, SeededEntropy};

use crate::rig::{Rig, group, managed_by, schema_but_for_the_gone, user};

/// A reviewed job of one person.
async fn of_one() -> Rig {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig
}

impl Rig {
    /// A cycle, which leaves a plan.
    async fn look(&self) -> Plan {
        self.good_cycle().await;
        self.newest().await
    }

    /// Lets the job run by its schedule, and holds that it comes to rest with nothing open.
    async fn is_quiet(&self) {
        let began = self.clock.now();
        self.comes_to_rest().await;
        let waiting = self.store.escrows(&self.job.id, None, 9).await.unwrap();
        assert!(waiting.is_empty(), "{waiting:?}");
        assert!(self.status().await.steady_state_last >= Some(began));
    }

    async fn comes_to_rest(&self) {
        let began = self.newest().await;
        self.clock.advance(SignedDuration::from_secs(1));
        self.engine.start_job(self.job.clone()).await.unwrap();
        // Long enough for dozens of plans, of which one is right.
        tokio::time::sleep(Duration::from_millis(250)).await;
        let (plan, calls) = (self.newest().await, self.target.calls().total());
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!(self.newest().await.id, plan.id, "plans go on");
        assert_eq!(self.target.calls().total(), calls, "requests go on");
        let plans = self.store.plans(&self.job.id).await.unwrap();
        let made = plans.iter().take_while(|one| one.id != began.id).count();
        assert!(made <= 1, "{made} plans");
        self.engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_job_is_quiet_when_a_planned_account_was_made_on_demand() {
    let rig = of_one().await;
    let plan = rig.look().await;
    let subject = Subject { anchor: "u1".into(), kind: "User".into() };
    let demand = Demand { rule: "rule".into(), subject, linked: Vec::new() };
    rig.engine.provision_on_demand(&rig.job, demand).await.unwrap();
    let applied = rig.apply(&plan).await;
    assert_eq!((applied.counts.stale, applied.counts.applied), (1, 0));
    rig.is_quiet().await;
    assert_eq!(rig.accounts().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_job_is_quiet_when_a_planned_change_was_taken_back() {
    let rig = of_one().await;
    rig.apply(&rig.look().await).await;
    rig.source.set("u1", "department", "Legal");
    let plan = rig.look().await;
    rig.source.set("u1", "department", "IT");
    let applied = rig.apply(&plan).await;
    assert_eq!(rig.planned(&applied).await, ["update u1 stale"]);
    assert_eq!(rig.story("u1").await[1..], ["other failure PlanStale", "other skipped RedundantExport"]);
    rig.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_job_is_quiet_when_two_plans_are_applied_one_after_the_other() {
    let rig = of_one().await;
    rig.source.upsert(user(2));
    let older = rig.look().await;
    rig.source.set("u1", "department", "Legal");
    let newer = rig.plan().await;
    rig.apply(&older).await;
    let newer = rig.apply(&newer).await;
    assert_eq!(rig.planned(&newer).await, ["create u1 applied", "create u2 stale"]);
    rig.is_quiet().await;
    assert_eq!(rig.accounts().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_job_is_quiet_when_an_exclusion_ends_with_nothing_to_do() {
    let rig = of_one().await;
    rig.apply(&rig.look().await).await;
    rig.engine.exclude(&rig.job, "u1".into(), "hold".into(), "me".into()).await.unwrap();
    rig.engine.readmit(&rig.job, &"u1".into()).await.unwrap();
    rig.is_quiet().await;
    assert_eq!(rig.newest().await.state, PlanState::Applied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_job_is_quiet_when_what_failed_is_excluded_as_it_falls_due() {
    let target = MemoryTarget::new().unique("account", "userName");
    let mut rig = Rig::with(MemorySource::with_assignments(), target).await;
    rig.set_settings(&[("ApplyMode", "AfterReview"), ("DeleteAfterDisabled", "P90D")]).await;
    rig.source.upsert(user(1));
    rig.source.assign("u1");
    rig.apply(&rig.look().await).await;
    rig.source.unassign("u1");
    rig.apply(&rig.look().await).await;
    rig.clock.advance(SignedDuration::from_hours(90 * 24));
    let plan = rig.look().await;
    rig.target.faults().next(Method::Delete, Fault::Refuse(ErrorClass::Invalid { attribute: None }));
    assert_eq!(rig.planned(&rig.apply(&plan).await).await, ["delete u1 failed"]);
    rig.engine.exclude(&rig.job, "u1".into(), "hold".into(), "me".into()).await.unwrap();
    rig.clock.advance(SignedDuration::from_hours(24));
    rig.is_quiet().await;
    assert_eq!(rig.accounts().len(), 1);
}

/// The source still has who lost the account in the group, and the account leaves it all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_job_is_quiet_when_an_account_passed_to_another() {
    let target = MemoryTarget::new().unique("account", "userName");
    let mut rig =
        Rig::of(MemorySource::new(), target, schema_but_for_the_gone(), SeededEntropy::new(1)).await;
    rig.set_settings(&[("ApplyMode", "AfterReview")]).await;
    rig.source.upsert(user(0));
    rig.source.upsert(user(1));
    rig.source.upsert(group("staff"));
    rig.source.add_member("staff", "u0");
    rig.source.add_member("staff", "u1");
    rig.apply(&rig.look().await).await;
    rig.source.set("u0", "department", "Gone");
    rig.apply(&rig.look().await).await;
    rig.source.upsert(user(5).with("login", "user0"));
    rig.apply(&rig.look().await).await;
    let plan = rig.look().await;
    assert_eq!(rig.planned(&plan).await, ["members +0 -1 staff"]);
    assert_eq!(rig.planned(&rig.apply(&plan).await).await, ["members +0 -1 staff applied"]);
    rig.is_quiet().await;
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    assert_eq!(rig.target.references(&team.anchor, "members"), [rig.account_anchor("user1")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_job_is_quiet_when_a_reference_that_failed_is_mapped_no_more() {
    let rig = of_one().await;
    rig.source.upsert(managed_by(user(2), 1));
    let plan = rig.look().await;
    rig.target
        .faults()
        .next(Method::UpdateReferences, Fault::Refuse(ErrorClass::Invalid { attribute: None }));
    let applied = rig.planned(&rig.apply(&plan).await).await;
    assert_eq!(applied, ["create u1 applied", "create u2 applied", "manager +1 -0 u2 failed"]);
    rig.change_schema(|schema| {
        let mappings = &mut schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"];
        mappings.as_array_mut().unwrap().pop();
    })
    .await;
    rig.clock.advance(SignedDuration::from_hours(24));
    rig.is_quiet().await;
}

/// Who wants the account of another fails, as in any cycle, and nobody has to agree to that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_job_tells_of_who_fails_without_a_person() {
    let rig = of_one().await;
    rig.apply(&rig.look().await).await;
    rig.source.upsert(user(2).with("login", "user1"));
    let plan = rig.look().await;
    assert_eq!((plan.state, rig.planned(&plan).await.len()), (PlanState::Applied, 1));
    assert_eq!(rig.story("u2").await.last().unwrap(), "other failure DuplicateSourceEntries");
    rig.comes_to_rest().await;
    let escrows = rig.store.escrows(&rig.job.id, None, 9).await.unwrap();
    assert_eq!((escrows.len(), escrows[0].attempts), (1, 1));
    // The next try is one, too.
    rig.clock.advance(SignedDuration::from_hours(1));
    rig.look().await;
    assert_eq!(rig.store.escrows(&rig.job.id, None, 9).await.unwrap()[0].attempts, 2);
    rig.source.set("u2", "login", "user2");
    let plan = rig.look().await;
    assert_eq!(rig.planned(&plan).await, ["create u2"]);
    rig.apply(&plan).await;
    rig.is_quiet().await;
}
