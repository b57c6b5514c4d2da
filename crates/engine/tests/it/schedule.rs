//! What happens by itself and on order: intervals, triggers, pause and start, in real time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{Engine, JobChange, ResetScope};
use model::SignedDuration;
use model::job::{Job, ScheduleState};
use model::settings::Setting;
use testkit::{Fault, Faults, Gate, MemorySource, MemoryTarget, Method};

use crate::rig::{Rig, TENANT, user};

/// Longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something holds; returns how long it took.
async fn wait_for(what: &str, holds: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come true");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

async fn job(rig: &Rig) -> Job {
    rig.store.job(TENANT, &rig.job.id).await.unwrap().unwrap()
}

async fn settings(engine: &Engine, rig: &Rig, settings: &[(&str, &str)]) {
    let settings = settings
        .iter()
        .map(|(name, value)| Setting { name: (*name).into(), value: (*value).into() })
        .collect();
    let change = JobChange { settings: Some(settings), ..JobChange::default() };
    engine.change_job(&job(rig).await, change).await.unwrap();
}

async fn started(rig: &Rig) -> Arc<Engine> {
    let engine = rig.in_real_time().await;
    engine.start_job(job(rig).await).await.unwrap();
    engine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_started_job_runs_at_once_and_then_when_something_changes() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let engine = started(&rig).await;
    wait_for("the initial cycle", || rig.account("user1").is_some()).await;
    rig.source.upsert(user(2));
    engine.changed(TENANT, None);
    let took = wait_for("the triggered cycle", || rig.account("user2").is_some()).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    // Changes that the job itself wrote do not trigger it.
    rig.source.upsert(user(3));
    engine.changed(TENANT, Some(&rig.job.id));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(rig.account("user3").is_none());
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_during_a_cycle_set_one_mark_and_none_trigger_in_quarantine() {
    let faults = Faults::none();
    let target = MemoryTarget::new().unique("account", "userName").with_faults(faults.clone());
    let rig = Rig::with(MemorySource::new(), target).await;
    rig.source.upsert(user(1));
    let engine = started(&rig).await;
    wait_for("the initial cycle", || rig.account("user1").is_some()).await;
    let gate = Gate::new();
    faults.always(&[Method::Create], Fault::Hold(gate.clone()));
    rig.source.upsert(user(2));
    engine.changed(TENANT, None);
    gate.arrival().await;
    // The cycle is under way: what changes now is for one more cycle, however often it changes.
    rig.source.upsert(user(3));
    for _ in 0..20 {
        engine.changed(TENANT, None);
    }
    faults.heal();
    gate.open();
    wait_for("the cycle after it", || rig.account("user3").is_some()).await;
    engine.shutdown().await;

    faults.unauthorized_from_now_on();
    let engine = started(&rig).await;
    rig.source.upsert(user(4));
    engine.changed(TENANT, None);
    let began = Instant::now();
    while rig.status().await.quarantine.is_none() {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    faults.heal();
    rig.target.forget_calls();
    for _ in 0..20 {
        engine.changed(TENANT, None);
    }
    // An order is what a job in quarantine runs for before its time; nothing ran before it.
    engine.run_job(&job(&rig).await).unwrap();
    wait_for("the ordered cycle", || rig.account("user4").is_some()).await;
    assert_eq!(rig.target.calls().of(Method::Create), 1);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interval_of_a_second_needs_no_trigger() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let engine = started(&rig).await;
    settings(&engine, &rig, &[("Interval", "PT1S"), ("TriggerOnChange", "false")]).await;
    wait_for("the initial cycle", || rig.account("user1").is_some()).await;
    rig.source.upsert(user(2));
    engine.changed(TENANT, None);
    wait_for("the next cycle by interval", || rig.account("user2").is_some()).await;
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cycle_on_order_comes_now() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let engine = started(&rig).await;
    wait_for("the initial cycle", || rig.account("user1").is_some()).await;
    rig.source.upsert(user(2));
    engine.run_job(&job(&rig).await).unwrap();
    wait_for("the ordered cycle", || rig.account("user2").is_some()).await;
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_stops_at_the_next_object_and_start_goes_on() {
    let faults = Faults::none();
    let target = MemoryTarget::new().with_faults(faults.clone());
    let mut rig = Rig::with(MemorySource::new().page_size(50), target).await;
    rig.set_settings(&[("ConcurrentExports", "4")]).await;
    for number in 0..200 {
        rig.source.upsert(user(number));
    }
    let gate = Gate::new();
    faults.always(&[Method::Create], Fault::Hold(gate.clone()));
    let engine = started(&rig).await;
    for _ in 0..70 {
        gate.arrival().await;
        gate.let_one_through();
    }
    // A page of 50 is committed, and of the next one more is done than that.
    let progress = engine.view(job(&rig).await).await.unwrap().status.progress;
    let objects = progress.iter().find(|one| one.units == "objects").unwrap();
    assert!((60..=70).contains(&objects.completed), "{objects:?}");
    let pausing = tokio::spawn({
        let (engine, job) = (engine.clone(), job(&rig).await);
        async move { engine.pause_job(job).await.unwrap() }
    });
    // What is in flight is let finish, one by one; nothing new is begun once the order has arrived.
    let began = Instant::now();
    while !pausing.is_finished() {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
        gate.let_one_through();
    }
    pausing.await.unwrap();
    let paused = rig.accounts().len();
    assert!((70..120).contains(&paused), "{paused}");
    assert_eq!(job(&rig).await.schedule.state, ScheduleState::Paused);
    assert_eq!(
        rig.store.links(&rig.job.id, None, 1000).await.unwrap().len(),
        paused,
        "what was done is remembered"
    );

    gate.open();
    engine.start_job(job(&rig).await).await.unwrap();
    wait_for("the rest", || rig.accounts().len() == 200).await;
    assert_eq!(rig.target.objects("account").len(), 200);
    let creates = rig.target.calls().of(Method::Create);
    assert_eq!(creates, 200, "nobody was made twice");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cycle_that_goes_on_is_followed_by_one_that_reads_what_came_meanwhile() {
    let faults = Faults::none();
    let target = MemoryTarget::new().with_faults(faults.clone());
    let rig = Rig::with(MemorySource::new(), target).await;
    rig.source.upsert(user(1));
    rig.source.upsert(user(2));
    rig.good_cycle().await;
    let gate = Gate::new();
    faults.next(Method::Delete, Fault::Hold(gate.clone()));
    rig.source.delete("u2");
    // The process dies after the source was read to its end, in what comes then.
    tokio::select! {
        end = rig.cycle() => panic!("{end:?}"),
        () = gate.arrival() => {}
    }
    rig.source.upsert(user(3));
    let engine = rig.in_real_time().await;
    engine.start().await.unwrap();
    wait_for("the cycle after the one that goes on", || rig.account("user3").is_some()).await;
    assert!(rig.account("user2").is_none());
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_schedule_ends_by_itself() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let engine = rig.in_real_time().await;
    let moment = engine.services().clock.now().checked_add(SignedDuration::from_millis(200)).unwrap();
    let change = JobChange { expiration: Some(Some(moment)), ..JobChange::default() };
    engine.change_job(&job(&rig).await, change).await.unwrap();
    settings(&engine, &rig, &[("Interval", "PT1S")]).await;
    engine.start_job(job(&rig).await).await.unwrap();
    let began = Instant::now();
    while job(&rig).await.schedule.state != ScheduleState::Disabled {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.shutdown().await;
}

/// A job that disables itself undoes no change that somebody makes in the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_that_expires_leaves_changes_of_the_same_moment_alone() {
    let rig = Rig::new().await;
    let engine = rig.in_real_time().await;
    let setting = |value: u64| vec![Setting { name: "MaxCreates".into(), value: value.to_string() }];
    let (mut value, mut last) = (0, job(&rig).await.settings);
    for _ in 0..10 {
        let moment = engine.services().clock.now().checked_add(SignedDuration::from_millis(30)).unwrap();
        let change = JobChange { expiration: Some(Some(moment)), ..JobChange::default() };
        engine.change_job(&job(&rig).await, change).await.unwrap();
        engine.start_job(job(&rig).await).await.unwrap();
        let (began, mut disabled) = (Instant::now(), false);
        while !disabled {
            assert!(began.elapsed() < PATIENCE);
            value += 1;
            let change = JobChange { settings: Some(setting(value)), ..JobChange::default() };
            let (before, after) = engine.change_job(&job(&rig).await, change).await.unwrap();
            assert_eq!(before.settings, last);
            disabled = before.schedule.state == ScheduleState::Disabled;
            last = after.settings;
        }
        assert_eq!(job(&rig).await.settings, last);
    }
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_a_job_leaves_the_accounts() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let engine = started(&rig).await;
    wait_for("the initial cycle", || rig.account("user1").is_some()).await;
    engine.delete_job(&job(&rig).await).await.unwrap();
    assert_eq!(rig.store.job(TENANT, &rig.job.id).await.unwrap(), None);
    assert_eq!(rig.accounts().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_does_not_wait_for_an_answer_that_does_not_come() {
    let faults = Faults::none();
    let target = MemoryTarget::new().unique("account", "userName").with_faults(faults.clone());
    let rig = Rig::with(MemorySource::new(), target).await;
    for number in 0..20 {
        rig.source.upsert(user(number));
    }
    let gate = Gate::new();
    faults.next(Method::Create, Fault::Hold(gate.clone()));
    let engine = started(&rig).await;
    gate.arrival().await;
    let began = Instant::now();
    engine.pause_job(job(&rig).await).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(job(&rig).await.schedule.state, ScheduleState::Paused);
    gate.open();
    engine.start_job(job(&rig).await).await.unwrap();
    wait_for("the cycle that goes on", || rig.target.len("account") == 20).await;
    assert_eq!(rig.target.calls().of(Method::Create), 20, "nobody is made twice");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drift_scan_that_is_due_wakes_the_job() {
    let rig = Rig::new().await;
    rig.source.upsert(user(1));
    let engine = rig.in_real_time().await;
    settings(&engine, &rig, &[("DriftInterval", "PT1S"), ("DriftPolicy", "Repair"), ("Interval", "PT1H")])
        .await;
    engine.start_job(job(&rig).await).await.unwrap();
    wait_for("the initial cycle", || rig.account("user1").is_some()).await;
    let anchor = rig.account_anchor("user1");
    rig.target.alter(&anchor, "name", "Somebody else".into());
    let repaired = || rig.account("user1").is_some_and(|one| one.get("name").to_string() != "Somebody else");
    wait_for("the repair", repaired).await;
    engine.shutdown().await;
}

#[tokio::test]
async fn neither_start_nor_restart_brings_back_a_schedule_that_has_expired() {
    let rig = Rig::new().await;
    let past = "2020-01-01T00:00:00Z".parse().unwrap();
    let change = JobChange { expiration: Some(Some(past)), ..JobChange::default() };
    rig.engine.change_job(&job(&rig).await, change).await.unwrap();
    let refused = [
        rig.engine.start_job(job(&rig).await).await.unwrap_err(),
        rig.engine.restart_job(job(&rig).await, ResetScope::default()).await.unwrap_err(),
    ];
    for error in refused {
        assert!(error.to_string().contains("schedule.expiration"), "{error}");
    }
}
