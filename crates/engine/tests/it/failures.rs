//! Targets that fail: what is tried again, what waits, what stops the job.

use std::time::Duration;

use engine::CycleEnd;
use model::failure::ErrorClass;
use model::job::{ExecutionResult, QuarantineReason};
use model::{Clock as _, Failure, FailureCode, SignedDuration, Value};
use store::{Commit, Escrow, Unread, Wait};
use testkit::{Fault, Faults, MemorySource, MemoryTarget, Method};

use crate::rig::{Rig, user};

async fn faulty() -> (Rig, Faults) {
    let faults = Faults::none();
    let target = MemoryTarget::new().unique("account", "userName").with_faults(faults.clone());
    (Rig::with(MemorySource::new(), target).await, faults)
}

#[tokio::test(start_paused = true)]
async fn one_bad_record_waits_and_the_others_are_done() {
    let (rig, faults) = faulty().await;
    for number in 0..5 {
        rig.source.upsert(user(number));
    }
    faults.nth(&[Method::Create], 3, Fault::Refuse(ErrorClass::Invalid { attribute: Some("name".into()) }));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 4);
    let status = rig.status().await;
    assert_eq!(status.quarantine, None);
    assert_eq!(status.last_execution.unwrap().result, ExecutionResult::EntryLevelErrors);
    let escrows = rig.store.escrows(&rig.job.id, None, 10).await.unwrap();
    assert_eq!((escrows.len(), escrows[0].attempts), (1, 1));
    assert_eq!(escrows[0].next.duration_since(escrows[0].first), SignedDuration::from_mins(10));
    assert_eq!(escrows[0].failure.attribute.as_deref(), Some("name"));

    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 4, "not due yet");
    rig.clock.advance(SignedDuration::from_mins(10));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 5);
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_escrow_is_tried_at_once_when_its_object_changes() {
    let (rig, faults) = faulty().await;
    rig.source.upsert(user(1));
    faults.next(Method::Create, Fault::Refuse(ErrorClass::Invalid { attribute: None }));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 0);
    rig.source.set("u1", "department", "Legal");
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 1);
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 0);
}

/// How long its references waited for a change is not for how long it failed.
#[tokio::test(start_paused = true)]
async fn what_only_waited_for_a_change_fails_for_the_first_time() {
    let (rig, faults) = faulty().await;
    rig.source.upsert(user(1));
    let now = rig.clock.now();
    let waiting = Escrow {
        rule: "rule".into(),
        kind: "User".into(),
        source: "u1".into(),
        failure: Failure::new(FailureCode::MissingValues, "to be read"),
        wait: Wait::Change,
        unread: Unread::SinceMade,
        attempts: 0,
        first: now,
        next: now,
    };
    rig.write(Commit { escrows: vec![waiting], ..Commit::default() }).await;
    rig.clock.advance(SignedDuration::from_hours(29 * 24));
    faults.next(Method::Create, Fault::Refuse(ErrorClass::Invalid { attribute: None }));
    rig.good_cycle().await;
    let [escrow] = &rig.store.escrows(&rig.job.id, None, 9).await.unwrap()[..] else { panic!("none waits") };
    assert_eq!((escrow.wait, escrow.attempts, escrow.first), (Wait::Moment, 1, rig.clock.now()));
    rig.clock.advance(SignedDuration::from_mins(10));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_makes_no_double() {
    let (rig, faults) = faulty().await;
    for number in 0..10 {
        rig.source.upsert(user(number));
    }
    faults.every(&[Method::Create], 3, Fault::lost_answer());
    rig.good_cycle().await;
    assert_eq!(rig.target.objects("account").len(), 10);
    let entries = rig.store.links(&rig.job.id, None, 100).await.unwrap();
    assert_eq!(entries.len(), 10);
    assert!(
        entries.iter().all(|entry| entry.link.as_ref().unwrap().origin == store::Origin::Created),
        "what an intent left counts as created"
    );
}

#[tokio::test(start_paused = true)]
async fn passing_trouble_is_retried_within_the_cycle() {
    let (rig, faults) = faulty().await;
    for number in 0..40 {
        rig.source.upsert(user(number));
    }
    faults.every(&[Method::Create, Method::Update], 10, Fault::Refuse(ErrorClass::Retry { after: None }));
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 40);
    assert_eq!(rig.status().await.last_execution.unwrap().result, ExecutionResult::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_throttles_is_waited_for() {
    let (rig, faults) = faulty().await;
    for number in 0..20 {
        rig.source.upsert(user(number));
    }
    faults.nth(&[Method::Create], 5, Fault::throttle(Some(Duration::from_secs(7))));
    let before = tokio::time::Instant::now();
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 20);
    assert!(before.elapsed() >= Duration::from_secs(7));
    assert_eq!(rig.status().await.last_execution.unwrap().counters.escrowed, 0);
}

/// Writes, reads and lists count alike.
#[tokio::test]
async fn a_job_sends_no_more_requests_a_second_than_its_setting_says() {
    let (mut rig, _) = faulty().await;
    rig.set_settings(&[("RequestsPerSecond", "40"), ("ConcurrentExports", "8")]).await;
    for number in 0..50 {
        rig.source.upsert(user(number));
    }
    let before = std::time::Instant::now();
    rig.good_cycle().await;
    let (took, requests) = (before.elapsed(), rig.target.calls().total());
    assert!(rig.accounts().len() == 50 && requests > 50);
    let least = Duration::from_millis((requests - 1) * 1000 / 40);
    assert!(took >= least, "{requests} requests in {took:?}");
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_put_the_job_in_quarantine_and_lose_nothing() {
    let (rig, faults) = faulty().await;
    for number in 0..5 {
        rig.source.upsert(user(number));
    }
    rig.good_cycle().await;
    faults.unauthorized_from_now_on();
    rig.source.upsert(user(5));
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    let quarantine = rig.status().await.quarantine.unwrap();
    assert_eq!(quarantine.reason, QuarantineReason::EncounteredQuarantineException);
    assert_eq!(quarantine.series_count, 1);
    assert_eq!(quarantine.next_attempt.duration_since(quarantine.began), SignedDuration::from_hours(6));
    assert_eq!(
        rig.store.escrow_count(&rig.job.id).await.unwrap(),
        0,
        "it is the job that fails, not the object"
    );
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    assert_eq!(rig.status().await.quarantine.unwrap().series_count, 2);
    faults.heal();
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 6);
    assert_eq!(rig.status().await.quarantine, None);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_refuses_everything_is_not_hammered() {
    let (rig, faults) = faulty().await;
    rig.good_cycle().await;
    for number in 0..500 {
        rig.source.upsert(user(number));
    }
    rig.target.forget_calls();
    faults.unauthorized_from_now_on();
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    assert!(rig.target.calls().total() <= 20, "{:?}", rig.target.calls());
    faults.heal();
    faults.always(&[Method::Create], Fault::Refuse(ErrorClass::Unauthorized));
    faults.always(&[Method::Check], Fault::Refuse(ErrorClass::Unauthorized));
    rig.target.forget_calls();
    assert!(matches!(rig.cycle().await, CycleEnd::Failed(_)));
    assert!(rig.target.calls().of(Method::Create) <= 8, "{:?}", rig.target.calls());
    faults.heal();
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_failing_reference_does_not_fail_its_object() {
    let (rig, faults) = faulty().await;
    rig.source.upsert(user(1));
    rig.source.upsert(crate::rig::managed_by(user(2), 1));
    faults.next(
        Method::UpdateReferences,
        Fault::Refuse(ErrorClass::Invalid { attribute: Some("manager".into()) }),
    );
    rig.good_cycle().await;
    assert_eq!(rig.accounts().len(), 2);
    assert_eq!(rig.store.escrow_count(&rig.job.id).await.unwrap(), 0);
    assert!(rig.account("user2").unwrap().get("manager").is_null());
    rig.clock.advance(SignedDuration::from_mins(10));
    rig.good_cycle().await;
    let manager = rig.account_anchor("user1");
    assert_eq!(rig.account("user2").unwrap().get("manager"), &Value::Reference(manager));
}

#[tokio::test(start_paused = true)]
async fn a_member_who_leaves_while_the_group_fails_is_removed_when_it_recovers() {
    let (rig, faults) = faulty().await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    rig.source.upsert(crate::rig::group("staff"));
    rig.source.add_member("staff", "u1");
    rig.good_cycle().await;
    faults.always(&[Method::UpdateReferences], Fault::Refuse(ErrorClass::Permanent));
    rig.source.add_member("staff", "u2");
    rig.good_cycle().await;
    rig.source.remove_member("staff", "u1");
    rig.good_cycle().await;
    faults.heal();
    rig.clock.advance(SignedDuration::from_hours(1));
    rig.good_cycle().await;
    let team = rig.target.object_by("team", "name", "staff").unwrap();
    assert_eq!(rig.target.references(&team.anchor, "members"), [rig.account_anchor("user2")]);
}
