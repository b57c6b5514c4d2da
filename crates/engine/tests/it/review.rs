//! What applying a plan leaves behind, and jobs whose every cycle waits for a person.

use connector::ErrorClass;
use engine::{ControlError, CycleEnd, JobChange, ResetScope, Subject};
use model::job::{ExecutionResult, QuarantineReason, ScheduleState};
use model::link::Origin;
use model::plan::{ChangeResult, Plan, PlanState};
use model::provisioning::Action;
use model::{Clock as _, SignedDuration};
use serde_json::json;
use testkit::{Fault, Gate, MemorySource, MemoryTarget, Method};

use crate::rig::{NOTHING, Rig, TENANT, group, managed_by, user};

#[tokio::test]
async fn a_job_can_wait_for_review_in_every_cycle() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    assert_eq!(rig.cycle().await, CycleEnd::Completed);
    assert!(rig.accounts().is_empty());
    let first = rig.newest().await;
    assert_eq!(rig.planned(&first).await, ["create u1"]);
    assert_eq!((first.state, first.author.as_str()), (PlanState::Ready, ""));
    rig.good_cycle().await;
    assert_eq!(rig.newest().await.id, first.id, "nothing came since");
    rig.source.upsert(user(2));
    rig.good_cycle().await;
    let second = rig.newest().await;
    assert_eq!(rig.planned(&second).await, ["create u1", "create u2"]);
    let replaced = rig.engine.plan_of(&rig.job, first.id).await.unwrap().unwrap();
    assert_eq!((replaced.state, replaced.error.unwrap().code.as_str()), (PlanState::Failed, "Replaced"));
    assert!(matches!(rig.engine.apply_plan(&rig.job, first.id).await, Err(ControlError::Unfit(_))));
    rig.apply(&second).await;
    assert_eq!(rig.accounts().len(), 2);
    rig.good_cycle().await;
    assert_eq!(rig.newest().await.id, second.id, "with nothing to do there is nothing to plan");
    rig.source.set("u1", "department", "Legal");
    rig.good_cycle().await;
    let third = rig.newest().await;
    assert_eq!(rig.planned(&third).await, ["update u1"]);
    let change = &rig.changes(&third).await[0];
    assert_eq!((change.record.action, change.result), (Action::Update, None::<ChangeResult>));
}

#[tokio::test]
async fn a_plan_that_a_person_asked_for_stays_beside_those_of_the_job() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    let asked_for = rig.plan().await;
    rig.source.upsert(user(2));
    rig.good_cycle().await;
    assert_eq!(rig.apply(&asked_for).await.counts.applied, 1);
}

#[tokio::test]
async fn a_plan_that_is_made_for_review_is_told_as_being_computed() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    let gate = Gate::new();
    rig.target.faults().next(Method::Find, Fault::Hold(gate.clone()));
    let (engine, job) = (rig.engine.clone(), rig.job.clone());
    let cycle = tokio::spawn(async move { engine.run_to_end(&job).await });
    gate.arrival().await;
    let plan = rig.store.plans(&rig.job.id).await.unwrap().remove(0);
    let told = async || rig.engine.plan_of(&rig.job, plan.id).await.unwrap().unwrap().state;
    assert_eq!(told().await, PlanState::Computing);
    gate.open();
    assert_eq!(cycle.await.unwrap().unwrap(), CycleEnd::Completed);
    assert_eq!(told().await, PlanState::Ready);
}

#[tokio::test]
async fn a_review_that_cannot_be_made_is_a_quarantine_until_it_can() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig.target.faults().unauthorized_from_now_on();
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    let code = rig.status().await.quarantine.unwrap().error.unwrap().code;
    assert_eq!(code, "SystemForCrossDomainIdentityManagementInvalidCredentials", "as of a cycle");
    rig.target.faults().heal();
    rig.good_cycle().await;
    assert_eq!(rig.status().await.quarantine, None);
    let newest = rig.store.plans(&rig.job.id).await.unwrap().remove(0);
    assert_eq!(rig.planned(&newest).await, ["create u1"]);
}

/// What people change about the schedule while the job is kept ready is heeded at the end of its cycles and applies.
#[tokio::test]
async fn a_reviewed_job_is_disabled_or_paused_whatever_was_changed_of_its_schedule() {
    let slower = JobChange { interval: Some(SignedDuration::from_hours(1)), ..JobChange::default() };
    let state = async |rig: &Rig| rig.store.job(TENANT, &rig.job.id).await.unwrap().unwrap().schedule.state;
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig.target.faults().unauthorized_from_now_on();
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    rig.engine.change_job(&rig.job, slower.clone()).await.unwrap();
    rig.clock.advance(SignedDuration::from_hours(28 * 24));
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    assert_eq!(state(&rig).await, ScheduleState::Disabled);

    let mut rig = Rig::new().await;
    rig.set_settings(&[("ApplyMode", "AfterReview"), ("EscrowThresholds", "1,1%,1,1")]).await;
    for number in 0..5 {
        rig.source.upsert(user(number).with("login", ""));
    }
    rig.source.upsert(user(9));
    rig.good_cycle().await;
    let plan = rig.store.plans(&rig.job.id).await.unwrap().remove(0);
    let (_, changed) = rig.engine.change_job(&rig.job, slower).await.unwrap();
    rig.job = changed;
    rig.apply(&plan).await;
    assert!(rig.status().await.escrows_pruned);
    assert_eq!(state(&rig).await, ScheduleState::Paused);
}

#[tokio::test]
async fn what_falls_due_makes_a_new_plan() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1).with("login", ""));
    rig.good_cycle().await;
    let quiet = rig.newest().await;
    assert_eq!(quiet.state, PlanState::Applied, "nobody has to agree to a failure");
    rig.good_cycle().await;
    assert_eq!(rig.newest().await.id, quiet.id, "nothing new: what failed waits");
    rig.source.upsert(user(2));
    rig.clock.advance(SignedDuration::from_hours(1));
    rig.good_cycle().await;
    let due = rig.newest().await;
    assert_eq!(rig.planned(&due).await, ["create u2", "failure u1"]);
    rig.good_cycle().await;
    assert_eq!(rig.newest().await.id, due.id);
}

#[tokio::test]
async fn a_plan_that_was_applied_leaves_the_status_of_a_cycle() {
    let (planned, cycled) = (Rig::new().await, Rig::new().await);
    for rig in [&planned, &cycled] {
        rig.source.upsert(managed_by(user(1), 2));
        rig.source.upsert(user(2));
        rig.source.upsert(group("staff"));
        rig.source.add_member("staff", "u1");
    }
    let compare = async || {
        planned.clock.advance(SignedDuration::from_secs(1));
        planned.apply(&planned.plan().await).await;
        cycled.good_cycle().await;
        let of = async |rig: &Rig| {
            let status = rig.status().await;
            let execution = status.last_execution.clone().unwrap();
            let successes = [&status.last_successful, &status.last_successful_with_exports];
            let successes = successes.map(|one| one.as_ref().is_some_and(|one| one.cycle == execution.cycle));
            let steady = status.steady_state_last.is_some_and(|moment| moment == execution.ended);
            let counters = execution.counters;
            (execution.result, counters, successes, steady, status.entries_by_type, status.quarantine)
        };
        assert_eq!(of(&planned).await, of(&cycled).await);
        let execution = planned.status().await.last_execution.unwrap();
        assert!(planned.log().await.iter().any(|record| record.cycle == execution.cycle));
        assert_eq!(planned.status().await.last_began, Some(execution.began));
    };
    compare().await;
    for rig in [&planned, &cycled] {
        rig.source.set("u1", "department", "Legal");
        rig.source.upsert(user(3).with("login", ""));
        rig.source.add_member("staff", "u2");
    }
    compare().await;
    assert_eq!(planned.status().await.last_execution.unwrap().result, ExecutionResult::EntryLevelErrors);
}

#[tokio::test]
async fn applying_beside_cycles_tells_what_it_did_and_moves_nothing_else() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    rig.source.upsert(user(2));
    let plan = rig.plan().await;
    rig.source.upsert(user(3));
    rig.good_cycle().await;
    let before = (rig.runtime().await, rig.status().await);
    rig.clock.advance(SignedDuration::from_mins(1));
    rig.apply(&plan).await;
    let status = rig.status().await;
    assert_eq!(rig.runtime().await, before.0);
    let execution = status.last_execution.unwrap();
    assert_eq!((execution.counters.exported, execution.result), (0, ExecutionResult::Succeeded));
    assert_eq!(
        (status.last_began, status.steady_state_last),
        (before.1.last_began, before.1.steady_state_last)
    );
    // What a person does with single objects is no cycle.
    let subject = (None, Subject { anchor: "u1".into(), kind: "User".into() });
    let of_objects = rig.engine.plan(&rig.job, "me", Some(vec![subject])).await.unwrap();
    rig.apply(&of_objects).await;
    assert_eq!(rig.status().await.last_execution.unwrap().cycle, execution.cycle);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_refuses_while_a_plan_is_applied_is_a_quarantine() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let plan = rig.plan().await;
    rig.target.faults().always(&[Method::Create, Method::Check], Fault::Refuse(ErrorClass::Unauthorized));
    rig.engine.apply_plan(&rig.job, plan.id).await.unwrap();
    rig.engine.settle_plans(&rig.job).await;
    let failed = rig.engine.plan_of(&rig.job, plan.id).await.unwrap().unwrap();
    assert_eq!(failed.state, PlanState::Failed);
    let status = rig.status().await;
    assert_eq!(status.last_execution.unwrap().result, ExecutionResult::Failed);
    assert_eq!(status.quarantine.unwrap().reason, QuarantineReason::EncounteredQuarantineException);
}

/// Plans of a job that waits for review, in real time.
async fn reviewed_by_itself(rig: &mut Rig) -> std::sync::Arc<engine::Engine> {
    let engine = rig.in_real_time().await;
    let settings = [("ApplyMode", "AfterReview"), ("Interval", "PT1H"), ("EscrowRetryIntervals", "PT1S")];
    rig.set_settings(&settings).await;
    engine.start_job(rig.job.clone()).await.unwrap();
    engine
}

async fn plan_after(rig: &Rig, known: Option<&Plan>) -> Plan {
    let began = std::time::Instant::now();
    loop {
        let plans = rig.store.plans(&rig.job.id).await.unwrap();
        let newest = plans.into_iter().next().filter(|plan| plan.state == PlanState::Ready);
        if let Some(plan) = newest.filter(|plan| known.is_none_or(|known| plan.id != known.id)) {
            return plan;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "no new plan");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_in_an_apply_is_planned_again_when_it_is_due() {
    let mut rig = Rig::new().await;
    rig.source.upsert(managed_by(user(1), 2));
    rig.source.upsert(user(2));
    let engine = reviewed_by_itself(&mut rig).await;
    let first = plan_after(&rig, None).await;
    let refusal = || Fault::Refuse(ErrorClass::Invalid { attribute: None });
    rig.target.faults().next(Method::UpdateReferences, refusal());
    engine.apply_plan(&rig.job, first.id).await.unwrap();
    engine.settle_plans(&rig.job).await;
    let second = plan_after(&rig, Some(&first)).await;
    assert_eq!(rig.planned(&second).await, ["manager +1 -0 u1"]);
    // It waits for a person: what is in it calls for no other plan.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(rig.store.plans(&rig.job.id).await.unwrap().remove(0).id, second.id);
    engine.apply_plan(&rig.job, second.id).await.unwrap();
    engine.settle_plans(&rig.job).await;
    assert_eq!(
        rig.account("user1").unwrap().get("manager").as_reference(),
        Some(&rig.account_anchor("user2"))
    );
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_refused_as_stale_is_planned_anew_at_once() {
    let mut rig = Rig::new().await;
    rig.source.upsert(user(1));
    let engine = reviewed_by_itself(&mut rig).await;
    let first = plan_after(&rig, None).await;
    rig.source.set("u1", "department", "Legal");
    engine.apply_plan(&rig.job, first.id).await.unwrap();
    engine.settle_plans(&rig.job).await;
    let second = plan_after(&rig, Some(&first)).await;
    assert_eq!(rig.planned(&second).await, ["create u1"]);
    engine.shutdown().await;
}

#[tokio::test]
async fn accounts_whose_time_is_over_are_planned_and_deleted() {
    let mut rig =
        Rig::with(MemorySource::with_assignments(), MemoryTarget::new().unique("account", "userName")).await;
    rig.set_settings(&[("ApplyMode", "AfterReview"), ("DeleteAfterDisabled", "P90D")]).await;
    for number in 0..4 {
        rig.source.upsert(user(number));
        rig.source.assign(&format!("u{number}"));
    }
    rig.good_cycle().await;
    rig.apply(&rig.newest().await).await;
    rig.source.unassign("u0");
    rig.good_cycle().await;
    rig.apply(&rig.newest().await).await;
    assert!(!rig.accounts()["user0"]);
    rig.good_cycle().await;
    let quiet = rig.newest().await;
    assert_eq!(quiet.state, PlanState::Applied);
    rig.clock.advance(SignedDuration::from_hours(90 * 24));
    rig.good_cycle().await;
    let over = rig.newest().await;
    assert_eq!(rig.planned(&over).await, ["delete u0"]);
    rig.good_cycle().await;
    assert_eq!(rig.newest().await.id, over.id);
    rig.apply(&over).await;
    assert_eq!((rig.accounts().len(), rig.account("user0")), (3, None));
}

#[tokio::test]
async fn a_plan_of_a_source_that_shows_nobody_exceeds_the_limits() {
    let rig = Rig::new().await;
    for number in 0..3 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    for number in 0..3 {
        rig.source.delete(&format!("u{number}"));
    }
    rig.source.forget_history();
    let plan = rig.plan().await;
    assert_eq!((plan.initial, plan.counts.deletes, plan.over_limits), (true, 3, true));
}

/// A change of the source that calls for nothing is passed as a cycle passes it.
#[tokio::test]
async fn a_plan_without_changes_is_the_cycle() {
    let rig = Rig::reviewed().await;
    // Nobody is there yet.
    rig.good_cycle().await;
    let status = rig.status().await;
    assert!(status.steady_state_first.is_some());
    assert_eq!(rig.newest().await.state, PlanState::Applied);
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    let first = rig.newest().await;
    assert_eq!(rig.status().await.steady_state_last, status.steady_state_last, "a person is waited for");
    rig.apply(&first).await;

    let before = rig.runtime().await;
    rig.source.upsert(user(1).with("unmapped", "x"));
    rig.good_cycle().await;
    let plan = rig.newest().await;
    assert_eq!((plan.state, plan.initial, plan.counts.objects), (PlanState::Applied, false, 1));
    assert_ne!(rig.runtime().await, before, "the watermark moved");
    let status = rig.status().await;
    let execution = status.last_execution.unwrap();
    assert_eq!((execution.counters.imported, execution.counters.exported), (1, 0));
    assert_eq!(status.steady_state_last, Some(execution.ended));

    // From now on nothing is read, sent or written.
    rig.target.forget_calls();
    let before = (rig.runtime().await, rig.status().await);
    rig.good_cycle().await;
    rig.good_cycle().await;
    assert_eq!((rig.runtime().await, rig.status().await), before);
    assert_eq!((rig.newest().await.id, rig.target.calls().total()), (plan.id, 0));
    let view = rig.engine.view(rig.job.clone()).await.unwrap();
    assert!(view.status.steady_state_last > status.steady_state_last, "though nothing was written");
}

#[tokio::test]
async fn consent_that_a_reviewed_job_has_no_use_for_ends_too() {
    let rig = Rig::reviewed().await;
    rig.good_cycle().await;
    rig.restart(ResetScope { force_deletes: true, ..NOTHING }).await;
    rig.good_cycle().await;
    let plan = rig.newest().await.id;
    rig.good_cycle().await;
    assert_eq!(rig.newest().await.id, plan, "nothing came since");
}

/// What others changed at the target: shown, and where it is to be repaired, planned.
#[tokio::test]
async fn drift_is_found_and_repaired_by_plans_alone() {
    for (policy, verification) in
        [("Report", "ReadBeforeUpdate"), ("Repair", "ReadBeforeUpdate"), ("Repair", "Trust")]
    {
        let mut rig = Rig::new().await;
        let settings =
            [("ApplyMode", "AfterReview"), ("DriftPolicy", policy), ("TargetVerification", verification)];
        rig.set_settings(&settings).await;
        for number in 0..4 {
            rig.source.upsert(user(number));
        }
        rig.source.upsert(managed_by(user(1), 0));
        rig.source.upsert(group("staff"));
        rig.source.add_member("staff", "u0");
        rig.source.add_member("staff", "u1");
        rig.good_cycle().await;
        let first = rig.newest().await;
        rig.apply(&first).await;
        let anchor = |number: u32| rig.account_anchor(&format!("user{number}"));
        let team = rig.target.objects("team")[0].anchor.clone();
        rig.target.alter(&anchor(2), "name", "Hacked".into());
        rig.target.alter(&anchor(1), "manager", model::Value::Reference(anchor(3)));
        rig.target.take_away(&anchor(3));
        let stranger = rig.target.place("account", &[("userName", "stranger".into())]);
        rig.target.alter_references(&team, "members", std::slice::from_ref(&stranger), &[anchor(1)]);
        rig.target.forget_calls();
        rig.clock.advance(SignedDuration::from_hours(25));
        rig.good_cycle().await;
        assert_eq!(rig.target.calls().writes(), 0, "{policy}: nothing is sent without a person");
        let found = rig.store.drift(&rig.job.id, 0, 100).await.unwrap().len();
        assert_eq!(found, 5, "{policy}, {verification}");
        let plan = rig.newest().await;
        if policy == "Report" {
            assert_eq!(plan.id, first.id);
            continue;
        }
        let mut planned = rig.planned(&plan).await;
        planned.sort();
        assert_eq!(planned, ["create u3", "manager +1 -0 u1", "members +1 -0 staff", "update u2"]);
        rig.good_cycle().await;
        assert_eq!(rig.newest().await.id, plan.id, "it waits for a person");
        rig.apply(&plan).await;
        let applied = rig.engine.plan_of(&rig.job, plan.id).await.unwrap().unwrap();
        assert_eq!((applied.counts.applied, applied.counts.stale), (4, 0), "{verification}");
        assert_eq!(rig.account("user2").unwrap().get("name").to_string(), "Üser \"2\" \\");
        assert!(rig.account("user3").is_some());
        assert_eq!(rig.account("user1").unwrap().get("manager").as_reference(), Some(&anchor(0)));
        assert!(rig.target.references(&team, "members").contains(&anchor(1)));
        rig.clock.advance(SignedDuration::from_hours(25));
        rig.good_cycle().await;
        let left = rig.store.drift(&rig.job.id, 0, 100).await.unwrap();
        assert_eq!(left.len(), 1, "who was added by others is shown, and stays: {left:?}");
    }
}

/// The accounts of a job whose links were forgotten, where its cycles are plans.
#[tokio::test]
async fn a_reviewed_job_tells_after_a_reset_which_accounts_nobody_has() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    let look = async || {
        rig.good_cycle().await;
        rig.store.plans(&rig.job.id).await.unwrap().remove(0)
    };
    rig.apply(&look().await).await;
    rig.restart(ResetScope { links: true, ..NOTHING }).await;
    rig.source.set("u2", "login", "other");
    rig.apply(&look().await).await;
    assert_eq!(rig.accounts().len(), 3);
    assert!(rig.story("u2").await.contains(&"other warning OrphanAfterReset".to_owned()));
    let links = rig.store.links(&rig.job.id, None, 9).await.unwrap();
    let origin = |source: &str| {
        let link = links.iter().find(|entry| entry.source.as_str() == source).unwrap();
        link.link.as_ref().unwrap().origin
    };
    assert_eq!(origin("u1"), Origin::Created, "whose work the account is, a reset does not change");
    assert!(rig.store.hints(&rig.job.id, None, 9).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_job_waits_while_another_process_has_it() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig.good_cycle().await;
    rig.apply(&rig.newest().await).await;
    // A scan for drift is due, and with it a look at the source.
    rig.clock.advance(SignedDuration::from_hours(25));
    let (now, other) = (rig.clock.now(), model::Uuid::from_u128(99));
    rig.engine.shutdown().await;
    rig.store.lease(&rig.job.id, other, now, now + SignedDuration::from_hours(1)).await.unwrap().unwrap();
    let plan = rig.newest().await.id;
    rig.engine.start_job(rig.job.clone()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    assert_eq!(rig.newest().await.id, plan);
    assert!(rig.source.calls().total() < 10, "{}", rig.source.calls().total());
    rig.engine.shutdown().await;
}

#[tokio::test]
async fn who_came_while_excluded_is_planned_once_that_ends() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig.engine.exclude(&rig.job, "u1".into(), "later".into(), "me".into()).await.unwrap();
    rig.good_cycle().await;
    assert_eq!((rig.newest().await.state, rig.accounts().len()), (PlanState::Applied, 0));
    rig.engine.readmit(&rig.job, &"u1".into()).await.unwrap();
    rig.good_cycle().await;
    assert_eq!(rig.planned(&rig.newest().await).await, ["create u1"]);
}

/// By another name of its mapping, or once the input filter lets it by again, a group has the members that it has.
#[tokio::test]
async fn a_reviewed_job_follows_members_whatever_became_of_the_mapping() {
    for way in ["renamed", "filtered"] {
        let rig = Rig::reviewed().await;
        (1..=3).for_each(|number| rig.source.upsert(user(number)));
        rig.source.upsert(group("staff"));
        rig.source.add_member("staff", "u1");
        let settle = async || {
            rig.good_cycle().await;
            let plan = rig.store.plans(&rig.job.id).await.unwrap().remove(0);
            if plan.state == PlanState::Ready {
                rig.apply(&plan).await;
            }
        };
        settle().await;
        let members = || {
            let team = rig.target.objects("team")[0].anchor.clone();
            rig.target.references(&team, "members").len()
        };
        rig.change_schema(|schema| {
            let groups = &mut schema["synchronizationRules"][0]["objectMappings"][1];
            if way == "renamed" {
                groups["name"] = "Teams".into();
            } else {
                let clause = json!({"sourceOperandName": "displayName", "operatorName": "NOT EQUALS",
                    "targetOperand": {"values": ["staff"]}});
                groups["scope"] = json!({"inputFilterGroups": [{"clauses": [clause]}]});
            }
        })
        .await;
        settle().await;
        rig.source.add_member("staff", "u2");
        settle().await;
        assert_eq!(members(), if way == "renamed" { 2 } else { 1 }, "{way}");
        rig.source.set("staff", "displayName", "crew");
        settle().await;
        rig.source.add_member("staff", "u3");
        settle().await;
        assert_eq!(members(), 3, "{way}");
    }
}

/// A plan of everything forgets what failed, but not what a person asked for since it was made.
#[tokio::test]
async fn who_is_readmitted_while_a_plan_of_everything_waits_is_in_the_next() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    rig.engine.exclude(&rig.job, "u2".into(), "later".into(), "me".into()).await.unwrap();
    rig.good_cycle().await;
    rig.apply(&rig.newest().await).await;
    rig.source.upsert(user(3));
    rig.source.forget_history();
    rig.good_cycle().await;
    let plan = rig.newest().await;
    assert!(plan.initial);
    rig.engine.readmit(&rig.job, &"u2".into()).await.unwrap();
    rig.apply(&plan).await;
    rig.good_cycle().await;
    assert_eq!(rig.planned(&rig.newest().await).await, ["create u2"]);
}

#[tokio::test]
async fn who_is_readmitted_takes_a_new_plan_where_one_waits() {
    let rig = Rig::reviewed().await;
    rig.source.upsert(user(1));
    rig.engine.exclude(&rig.job, "u1".into(), "later".into(), "me".into()).await.unwrap();
    rig.good_cycle().await;
    rig.source.upsert(user(2));
    rig.good_cycle().await;
    assert_eq!(rig.planned(&rig.newest().await).await, ["create u2"]);
    rig.clock.advance(SignedDuration::from_secs(1));
    rig.engine.readmit(&rig.job, &"u1".into()).await.unwrap();
    rig.good_cycle().await;
    let plan = rig.newest().await;
    assert_eq!(rig.planned(&plan).await, ["create u2", "create u1"]);
    rig.good_cycle().await;
    assert_eq!(rig.newest().await.id, plan.id, "it has what was asked for");
}
